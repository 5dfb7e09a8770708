//! A scan that crashes leaves a final state, and a later green run leaves nothing red.

use sandbox::{Analysis, Fault, Gate};

use super::{after, of_pull_request, sonarqube, standing, states};
use crate::run::{Folder, acme, after_scan, assert_told, scanned};

const BOTH: &str = "*/.scannerwork/report-task.txt";

#[test]
fn after_a_crash_and_a_green_run_of_the_same_commit_nothing_red_is_left() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
    let run = after_scan(&sandbox, &folder).set("SONAR_REPORT_TASK", BOTH);
    let crashed = run.clone().set("SCAN_EXIT_CODE", "1").run();
    insta::assert_snapshot!(crashed.told(), @r#"
    gatepost 0.1.0: the quality gate of a scan without report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ The scan did not finish (exit code 1)
      why:      "*/.scannerwork/report-task.txt" is missing: a scan that fails early leaves no such file
      to do:    see the log of the scanner
      status:   Sonar (key sonar): The scan did not finish (exit code 1)
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no verdict of SonarQube
    exit code 3
    "#);
    assert_eq!(states(&sandbox), ["sonar FAILED"]);
    for (place, project) in [("api", "acme_api"), ("web", "acme_web")] {
        let submitted = sonarqube.submit(Analysis::of_pull_request(project, "7", Gate::passed()));
        let _ =
            folder.write(&format!("{place}/.scannerwork/report-task.txt"), submitted.report_task.as_bytes());
    }
    let green = run.set("SCAN_EXIT_CODE", "0").set("URL", "https://ci.example.com/").run();
    assert_told(&green, 0, &["(key sonar): The scan finished; own statuses: acme_api, acme_web"]);
    assert_eq!(
        states(&sandbox),
        ["sonar SUCCESSFUL", "sonar-acme_api SUCCESSFUL", "sonar-acme_web SUCCESSFUL"]
    );
}

#[test]
fn a_crash_before_the_project_was_known_is_ended_by_the_next_scan() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let empty = Folder::new();
    let crashed = after_scan(&sandbox, &empty).set("SCAN_EXIT_CODE", "137").run();
    assert_told(&crashed, 3, &["✖ The scan did not finish (exit code 137)"]);
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request("7")));
    assert_told(&after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "0").run(), 0, &[]);
    assert_eq!(states(&sandbox), ["sonar SUCCESSFUL", "sonar-acme_api SUCCESSFUL"]);
    // There is nothing to end any more: one look, and no further status.
    let before = sandbox.request_count();
    assert_told(&after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "0").run(), 0, &[]);
    assert_eq!(sandbox.request_count() - before, 3, "the date of the commit, the status, and the look");
}

/// It belongs to another step, whose scan has not ended.
#[test]
fn an_inprogress_under_the_key_of_the_run_is_not_ended_by_another_scan() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let empty = Folder::new();
    let begun = after_scan(&sandbox, &empty).set("STATE", "INPROGRESS").set("KEY", "sonar").run();
    assert_told(&begun, 0, &[]);
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request("7")));
    assert_told(&after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "0").run(), 0, &[]);
    assert_eq!(states(&sandbox), ["sonar INPROGRESS", "sonar-acme_api SUCCESSFUL"]);
}

/// Both have run once in this pipeline; a step that is run again ends its own crash.
#[test]
fn the_crash_of_another_step_is_not_ended() {
    for (step_run, state) in [("1", "FAILED"), ("2", "SUCCESSFUL"), ("", "SUCCESSFUL")] {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        let empty = Folder::new();
        let crashed = after_scan(&sandbox, &empty).set("SCAN_EXIT_CODE", "1");
        assert_told(&crashed.set("BITBUCKET_STEP_RUN_NUMBER", "1").run(), 3, &[]);
        let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request("7")));
        let green = after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "0");
        let run = green.set("BITBUCKET_STEP_RUN_NUMBER", step_run).run();
        let told =
            "! the scan of another step of this pipeline did not finish (key sonar): that status stays";
        assert_eq!(run.output.contains(told), state == "FAILED", "{}", run.output);
        assert_eq!(states(&sandbox), [format!("sonar {state}"), "sonar-acme_api SUCCESSFUL".to_owned()]);
    }
}

#[test]
fn a_look_for_a_crash_that_is_refused_is_told() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request("7")));
    sandbox.fault_after(2, Fault::status(403));
    let run = after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "0").run();
    assert_told(
        &run,
        0,
        &["! a scan of this commit that crashed before may still have a status (key sonar)"],
    );
}

/// Two damaged files and a crash: a later run ends one status, and not three.
#[test]
fn all_that_is_not_known_of_a_scan_stands_under_one_key() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
    for place in ["api", "web"] {
        let _ = folder.write(&format!("{place}/.scannerwork/report-task.txt"), b"damaged");
    }
    assert_told(&after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "1").run(), 3, &["api/.scannerwork"]);
    assert_eq!(states(&sandbox), ["sonar FAILED"]);
    for (place, project) in [("api", "acme_api"), ("web", "acme_web")] {
        let submitted = sonarqube.submit(Analysis::of_pull_request(project, "7", Gate::passed()));
        let _ =
            folder.write(&format!("{place}/.scannerwork/report-task.txt"), submitted.report_task.as_bytes());
    }
    assert_told(&after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "0").run(), 0, &[]);
    assert!(states(&sandbox).iter().all(|state| state.ends_with("SUCCESSFUL")), "{:?}", states(&sandbox));
}

/// An INPROGRESS would stay for ever.
#[test]
fn a_run_with_scan_exit_code_ends_an_inprogress_whatever_variable_is_wrong() {
    for (variable, value) in [
        ("SONAR_TOKEN", "ATATT3xFfGF0abcdefghijklmnopqrstuvwxyz"),
        ("SONAR_HOST_URL", "sonar.example.com"),
        ("SONAR_ROOT_CERT", "no certificate"),
        ("SONAR_REPORT_TASK", ","),
        ("SCAN_EXIT_CODE", "abc"),
        ("SCAN_EXIT_CODE", "256"),
        ("SCAN_EXIT_CODE", "-1"),
    ] {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        let folder = Folder::new();
        let begun =
            after_scan(&sandbox, &folder).set("STATE", "INPROGRESS").set("SONAR_PROJECT_KEY", "acme_api");
        assert_told(&begun.run(), 0, &[]);
        let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(of_pull_request("7")));
        let run = gatepost.set("SCAN_EXIT_CODE", "0").set(variable, value).run();
        assert_told(&run, 2, &[&format!("✖ {variable} "), "  accepted: ", "  to do: "]);
        assert_eq!(sonarqube.request_count(), 0);
        let words = format!("No verdict: the variable {variable} of this pipeline is wrong");
        let key = if variable == "SONAR_REPORT_TASK" { "sonar" } else { "sonar-acme_api" };
        assert_eq!(standing(&sandbox)[key], ("FAILED".to_owned(), words), "{}", run.output);
    }
    let (sandbox, folder) = (acme(), Folder::new());
    let wrong_target = after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "abc").set("COMMIT", "no hash");
    assert_told(&wrong_target.run(), 2, &["✖ 2 variables are wrong; nothing was sent"]);
    assert_eq!(sandbox.request_count(), 0);
}

#[test]
fn a_wrong_variable_beside_scan_exit_code_is_told_and_posted() {
    let (sandbox, folder) = (acme(), Folder::new());
    let run = after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "1").set("SONAR_HOST_URL", "sonar").run();
    insta::assert_snapshot!(run.told(), @r#"
    ✖ SONAR_HOST_URL is "sonar", which is not an address
      accepted: the address of the server, such as https://sonarcloud.io or https://sonar.example.com/sonarqube
      to do:    copy the address of SonarQube's start page, or remove SONAR_HOST_URL: report-task.txt names the server
    gatepost 0.1.0: FAILED for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
      status:   Sonar (key sonar): No verdict: the variable SONAR_HOST_URL of this pipeline is wrong
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: SonarQube was not asked, because a variable is wrong
    exit code 2
    "#);
}

#[test]
fn with_a_key_there_is_one_status_and_nothing_to_look_for() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let empty = Folder::new();
    let crashed = after_scan(&sandbox, &empty).set("SCAN_EXIT_CODE", "1").set("KEY", "gate").run();
    assert_told(&crashed, 3, &[]);
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request("7")));
    let green = after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "0").set("KEY", "gate");
    assert_told(&green.run(), 0, &[]);
    assert_eq!((states(&sandbox), sandbox.request_count()), (vec!["gate SUCCESSFUL".to_owned()], 3));
}

#[test]
fn of_two_scans_of_which_one_crashed_something_is_red() {
    for pattern in [None, Some(BOTH)] {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        let folder = scanned("api/.scannerwork", &sonarqube.submit(of_pull_request("7")));
        let mut gatepost = after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "1");
        if let Some(pattern) = pattern {
            gatepost = gatepost.set("SONAR_REPORT_TASK", pattern);
        }
        assert_told(
            &gatepost.run(),
            3,
            &[
                "✖ One scan of this step did not finish, or did not leave its file (exit code 1)",
                "why:      the exit code may be that of another scan than those that left a report-task.txt",
            ],
        );
        assert_eq!(states(&sandbox), ["sonar FAILED", "sonar-acme_api SUCCESSFUL"]);
    }
}

#[test]
fn a_run_with_scan_exit_code_ends_an_inprogress_whatever_is_missing() {
    let (sandbox, folder) = (acme(), Folder::new());
    let begun = after_scan(&sandbox, &folder).set("STATE", "INPROGRESS").set("KEY", "gate");
    assert_told(&begun.run(), 0, &[]);
    let _ = folder.write("build/sonarwork/report-task.txt", b"ceTaskId=x\n");
    let run = after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "0").set("KEY", "gate").run();
    insta::assert_snapshot!(run.told(), @"
    gatepost 0.1.0: the quality gate of a scan without report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ No verdict: no report-task.txt of the scan was found
      why:      there is no report-task.txt of this build in the usual places; there is build/sonarwork/report-task.txt: pass SONAR_REPORT_TASK
      to do:    run the pipe in the step and folder of the scanner, pass report-task.txt on as an artifact, or name it in SONAR_REPORT_TASK
      status:   Sonar (key gate): No verdict: no report-task.txt of the scan was found
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no verdict of SonarQube
    exit code 3
    ");
    let gate = &standing(&sandbox)["gate"];
    assert_eq!(
        (gate.0.as_str(), gate.1.as_str()),
        ("FAILED", "No verdict: no report-task.txt of the scan was found")
    );
}

/// A folder in which scans of these projects left their files, below `target`.
fn below_target(sonarqube: &sandbox::SonarQube, projects: &[(&str, Gate)]) -> Folder {
    let folder = Folder::new();
    for (project, gate) in projects {
        let submitted = sonarqube.submit(Analysis::of_pull_request(project, "7", gate.clone()));
        let file = format!("target/{project}/.scannerwork/report-task.txt");
        let _ = folder.write(&file, submitted.report_task.as_bytes());
    }
    folder
}

/// A run with KEY has one status, whatever the scan left: the INPROGRESS under it is always ended.
#[test]
fn an_inprogress_with_a_key_is_ended_however_many_files_the_scan_left() {
    let (api, web) = (("acme_api", Gate::passed()), ("acme_web", Gate::passed()));
    for (projects, pattern, exit_code) in [
        (vec![api.clone(), web.clone()], None, Some("0")),
        (vec![api.clone(), web], Some("target/*/.scannerwork/report-task.txt"), None),
        (vec![api], Some("target/*/.scannerwork/report-task.txt"), None),
    ] {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        let folder = below_target(&sonarqube, &projects);
        let mut run = after_scan(&sandbox, &folder).set("KEY", "gate");
        assert_told(&run.clone().set("STATE", "INPROGRESS").run(), 0, &[]);
        assert_eq!(states(&sandbox), ["gate INPROGRESS"]);
        for (variable, value) in [("SONAR_REPORT_TASK", pattern), ("SCAN_EXIT_CODE", exit_code)] {
            run = value.into_iter().fold(run, |run, value| run.set(variable, value));
        }
        assert_told(&run.run(), 0, &["✔ posted SUCCESSFUL"]);
        let words: Vec<_> = projects
            .iter()
            .map(|(project, _)| format!("Quality gate passed: {project}, pull request 7"))
            .collect();
        let standing = standing(&sandbox);
        assert_eq!(standing.len(), 1, "{standing:#?}");
        assert_eq!(standing["gate"], ("SUCCESSFUL".to_owned(), words.join("; ")));
    }
}

/// Otherwise a red status of the first run stays beside the green one of the second.
#[test]
fn the_key_depends_neither_on_the_exit_code_nor_on_the_number_of_files() {
    let red = |project| (project, Gate::failed());
    let green = |project| (project, Gate::passed());
    for (first, exit_code) in [
        (vec![red("acme_web")], "1"),
        (vec![green("acme_api"), red("acme_web")], "0"),
        (vec![red("acme_api"), red("acme_web")], "0"),
    ] {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        let folder = below_target(&sonarqube, &first);
        let run = after_scan(&sandbox, &folder).set("KEY", "gate").set("SCAN_EXIT_CODE", exit_code).run();
        assert_ne!(run.code, 0, "{}", run.output);
        assert_eq!(states(&sandbox), ["gate FAILED"], "{}", run.output);
        assert!(standing(&sandbox)["gate"].1.contains("Coverage on New Code"), "{:?}", standing(&sandbox));
        let folder = below_target(&sonarqube, &[green("acme_web")]);
        let run = after_scan(&sandbox, &folder).set("KEY", "gate").set("SCAN_EXIT_CODE", "0").run();
        assert_told(&run, 0, &[]);
        assert_eq!(states(&sandbox), ["gate SUCCESSFUL"]);
    }
}

/// The scanner waited for a red gate and failed; now the gate is green, and only the exit code is not 0.
#[test]
fn a_scan_that_failed_after_its_analysis_was_sent_ends_an_earlier_crash() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let empty = Folder::new();
    assert_told(&after_scan(&sandbox, &empty).set("SCAN_EXIT_CODE", "1").run(), 3, &[]);
    assert_eq!(states(&sandbox), ["sonar FAILED"]);
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request("7")));
    let run = after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "1").run();
    assert_told(&run, 0, &["(key sonar): The scan sent its analysis; own statuses: acme_api"]);
    assert_eq!(states(&sandbox), ["sonar SUCCESSFUL", "sonar-acme_api SUCCESSFUL"]);
}

/// Each may have an INPROGRESS.
#[test]
fn a_wrong_variable_is_told_of_each_project_that_is_known() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let folder = below_target(&sonarqube, &[("acme_api", Gate::passed()), ("acme_web", Gate::passed())]);
    let run = after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "0");
    let wrong = run.set("SONAR_TOKEN", "ATATT3xFfGF0abcdefghijklmnopqrstuvwxyz");
    assert_told(&wrong.clone().run(), 2, &["✖ SONAR_TOKEN "]);
    assert_eq!(states(&sandbox), ["sonar-acme_api FAILED", "sonar-acme_web FAILED"]);
    assert_told(&wrong.set("KEY", "gate").run(), 2, &["(key gate)"]);
    assert_eq!(states(&sandbox), ["gate FAILED", "sonar-acme_api FAILED", "sonar-acme_web FAILED"]);
    assert_eq!(sonarqube.request_count(), 0);
}
