//! A scan that crashes leaves a final state, and a later green run leaves nothing red.

use sandbox::{Analysis, Gate};

use super::{of_pull_request, sonarqube, standing, states};
use crate::run::{Folder, acme, after_scan, assert_told, scanned};

const BOTH: &str = "*/.scannerwork/report-task.txt";

#[test]
fn after_a_crash_and_a_green_run_of_the_same_commit_nothing_red_is_left() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
    let run = after_scan(&sandbox, &folder).set("SONAR_REPORT_TASK", BOTH);
    let crashed = run.clone().set("SCAN_EXIT_CODE", "1").run();
    insta::assert_snapshot!(crashed.told(), @r#"
    gatepost 0.1.0: the quality gate of a scan without report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ "*/.scannerwork/report-task.txt" is missing
    ✖ The scan did not finish (exit code 1)
      why:      a scan that fails early sends no analysis
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
    assert_eq!(sandbox.request_count() - before, 2);
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

#[test]
fn with_a_key_there_is_one_status_and_nothing_to_look_for() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let empty = Folder::new();
    let crashed = after_scan(&sandbox, &empty).set("SCAN_EXIT_CODE", "1").set("KEY", "gate").run();
    assert_told(&crashed, 3, &[]);
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request("7")));
    let green = after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "0").set("KEY", "gate");
    assert_told(&green.run(), 0, &[]);
    assert_eq!((states(&sandbox), sandbox.request_count()), (vec!["gate SUCCESSFUL".to_owned()], 2));
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
        assert_told(&gatepost.run(), 3, &["✖ The scan did not finish (exit code 1)"]);
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
      why:      there is no report-task.txt in the usual places; there is build/sonarwork/report-task.txt: pass SONAR_REPORT_TASK
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
