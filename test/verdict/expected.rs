//! `SONAR_PROJECTS`: projects that always have a status, also those that a change does not touch.

use std::os::unix::fs::symlink;

use sandbox::{Analysis, Gate, REPOSITORY_TOKEN, SonarQube, Status};
use serde_json::{Value, json};

use super::{BEFORE_THE_COMMIT, now, of_pull_request, sonarqube, standing, states};
use crate::run::{Fault, Folder, Gatepost, Sandbox, acme, after_scan, assert_told, bare, stopped_by};

const NOT_AFFECTED: &str = "Not affected by this change";
const SCAN_FAILED: &str = "Not analysed: the scan ended with exit code 1";

/// The file that a scan of the project leaves in its folder.
fn scan(folder: &Folder, sonarqube: &SonarQube, project: &str, gate: Gate) {
    let analysis = Analysis::of_pull_request(project, "7", gate).submitted(&now());
    let submitted = sonarqube.submit(analysis);
    let _ =
        folder.write(&format!("{project}/.scannerwork/report-task.txt"), submitted.report_task.as_bytes());
}

/// The last word of a step that scans a monorepo.
fn monorepo(sandbox: &Sandbox, folder: &Folder) -> Gatepost {
    after_scan(sandbox, folder)
        .set("URL", "https://ci.example.com/")
        .set("SCAN_EXIT_CODE", "0")
        .set("SONAR_PROJECTS", "acme_api, acme_web")
}

/// State and description of the status of a project.
fn status_of(sandbox: &Sandbox, project: &str) -> (String, String) {
    standing(sandbox).remove(&format!("sonar-{project}")).unwrap_or_default()
}

fn expected(state: &str, description: &str) -> (String, String) {
    (state.to_owned(), description.to_owned())
}

#[test]
fn a_project_that_the_change_does_not_touch_is_successful() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
    scan(&folder, &sonarqube, "acme_api", Gate::passed());
    let gatepost = monorepo(&sandbox, &folder)
        .unset("REPORT")
        .set("DESCRIPTION", "The gate of this build")
        .set("SONAR_PROJECTS", "acme_api, acme_docs, acme_web, acme_docs")
        .set("RESULT_FILE", "results.jsonl");
    insta::assert_snapshot!(gatepost.run().told(), @"
    gatepost 0.1.0: the quality gate of acme_api/.scannerwork/report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    SonarQube at http://127.0.0.1:PORT/ (serverUrl of report-task.txt) gets SONAR_TOKEN
    quality gate passed: acme_api, pull request 7
      ✔ Reliability Rating on New Code                 A  A or better
      ✔ Security Rating on New Code                    A  A or better
      ✔ Maintainability Rating on New Code             A  A or better
      ✔ Coverage on New Code                       91.3%  at least 80%
      ✔ Duplicated Lines on New Code                0.7%  at most 3%
      ✔ Security Hotspots Reviewed on New Code  no value  at least 100%
      ✔ New Issues                                     0  at most 0
      status:   Sonar: acme_docs (key sonar-acme_docs): Not affected by this change
      link:     https://ci.example.com/
    ✔ posted SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
      status:   Sonar: acme_web (key sonar-acme_web): Not affected by this change
      link:     https://ci.example.com/
    ✔ posted SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
      status:   Sonar: acme_api (key sonar-acme_api): The gate of this build
      link:     https://ci.example.com/
    ✔ posted SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
      report:   gatepost-sonar-acme_api, 0 annotations
    ✔ 3 of 3 statuses posted
    exit code 0
    ");
    assert_eq!(
        states(&sandbox),
        ["sonar-acme_api SUCCESSFUL", "sonar-acme_docs SUCCESSFUL", "sonar-acme_web SUCCESSFUL"]
    );
    assert_eq!(status_of(&sandbox, "acme_web"), expected("SUCCESSFUL", NOT_AFFECTED));
    assert_eq!(status_of(&sandbox, "acme_api").1, "The gate of this build");
    // A project without an analysis has no report.
    let head = sandbox.head("acme/api", "feature/login");
    assert_eq!(sandbox.world(|world| world.reports("acme/api", &head)).len(), 1);
    let results = folder.read("results.jsonl");
    let lines: Vec<Value> = results.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4, "{results}");
    assert_eq!(lines[0]["status"]["description"], NOT_AFFECTED);
    assert_eq!((&lines[0]["outcome"], &lines[0]["exit_code"]), (&json!("delivered"), &json!(0)));
    // A run that goes on looks at nothing again.
    let before = sandbox.request_count();
    let again = gatepost.set("RESUME", "true").run();
    assert_told(&again, 0, &["✔ skipped SUCCESSFUL"]);
    let sent = sandbox.requests().split_off(before);
    assert!(sent.iter().all(|request| request.method == "GET" && !request.path.contains("docs")), "{sent:?}");
}

#[test]
fn a_change_that_touches_no_project_makes_all_of_them_successful() {
    for report_task in [None, Some("*/.scannerwork/report-task.txt")] {
        let (sandbox, folder) = (acme(), Folder::new());
        let mut gatepost = monorepo(&sandbox, &folder);
        if let Some(glob) = report_task {
            gatepost = gatepost.set("SONAR_REPORT_TASK", glob);
        }
        let run = gatepost.clone().run();
        assert_told(&run, 0, &["✔ 2 of 2 statuses posted"]);
        assert_eq!(states(&sandbox), ["sonar-acme_api SUCCESSFUL", "sonar-acme_web SUCCESSFUL"]);
        // Without the exit code, nothing says that a scan has ended, or that there was one.
        let (other, folder) = (acme(), Folder::new());
        let unknown = gatepost.set("BITBUCKET_API_URL", other.http_url()).within(folder.path());
        let told = if report_task.is_some() { "✖ SONAR_REPORT_TASK" } else { "✖ STATE is not set" };
        assert_told(&unknown.unset("SCAN_EXIT_CODE").run(), 2, &[told]);
        assert!(states(&other).is_empty());
    }
}

#[test]
fn globs_name_the_projects_of_the_checkout() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
    for project in ["acme_api", "acme_web", "other"] {
        let text = format!("# The scanner reads it\nsonar.projectKey = {project}\nsonar.sources=src\n");
        let _ = folder.write(&format!("{project}/sonar-project.properties"), text.as_bytes());
    }
    let _ = folder.write("tools/sonar-project.properties", b"sonar.sources=src\n");
    scan(&folder, &sonarqube, "acme_api", Gate::failed());
    let gatepost = monorepo(&sandbox, &folder)
        .set("SONAR_PROJECTS_COUNT", "2")
        .set("SONAR_PROJECTS_0", "acme_*")
        .set("SONAR_PROJECTS_1", "*web")
        .unset("SONAR_PROJECTS");
    let hidden =
        "! tools/sonar-project.properties has no sonar.projectKey; SONAR_PROJECTS sees no project in it";
    let run = gatepost.run();
    assert_told(&run, 1, &[hidden, "✖ 2 of 2 statuses posted, 1 without a green quality gate"]);
    assert_eq!(run.output.matches("tools/").count(), 1, "{}", run.output);
    assert_eq!(states(&sandbox), ["sonar-acme_api FAILED", "sonar-acme_web SUCCESSFUL"]);
}

#[test]
fn after_a_scan_that_failed_no_project_is_successful_without_an_analysis() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
    scan(&folder, &sonarqube, "acme_api", Gate::passed());
    let gatepost = monorepo(&sandbox, &folder);
    insta::assert_snapshot!(gatepost.clone().set("SCAN_EXIT_CODE", "1").run().told(), @"
    gatepost 0.1.0: the quality gate of acme_api/.scannerwork/report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    SonarQube at http://127.0.0.1:PORT/ (serverUrl of report-task.txt) gets SONAR_TOKEN
    quality gate passed: acme_api, pull request 7
      ✔ Reliability Rating on New Code                 A  A or better
      ✔ Security Rating on New Code                    A  A or better
      ✔ Maintainability Rating on New Code             A  A or better
      ✔ Coverage on New Code                       91.3%  at least 80%
      ✔ Duplicated Lines on New Code                0.7%  at most 3%
      ✔ Security Hotspots Reviewed on New Code  no value  at least 100%
      ✔ New Issues                                     0  at most 0
    ✖ One scan of this step did not finish, or did not leave its file (exit code 1)
      why:      the exit code may be that of another scan than those that left a report-task.txt: one that fails early leaves none
      to do:    see the log of the scanner; if there is no other scan, name its file in SONAR_REPORT_TASK
    ! the scan ended with exit code 1, after it had sent this analysis: see the log of the scanner
    ✖ Not analysed: the scan ended with exit code 1
      why:      a scan that fails may leave out projects that the change affects; without an analysis: acme_web
      to do:    see the log of the scanner
      status:   Sonar: acme_web (key sonar-acme_web): Not analysed: the scan ended with exit code 1
      link:     https://ci.example.com/
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no verdict of SonarQube
      status:   Sonar: acme_api (key sonar-acme_api): Quality gate passed: acme_api, pull request 7
      link:     https://ci.example.com/
    ✔ posted SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
      status:   Sonar (key sonar): One scan of this step did not finish, or did not leave its file (exit code 1)
      link:     https://ci.example.com/
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no verdict of SonarQube
    ✖ 3 of 3 statuses posted, 2 without a verdict of SonarQube
    exit code 3
    ");
    assert_eq!(status_of(&sandbox, "acme_web"), expected("FAILED", SCAN_FAILED));
    // A later scan that ends well leaves nothing red.
    assert_told(&gatepost.clone().run(), 0, &[]);
    assert_eq!(
        states(&sandbox),
        ["sonar SUCCESSFUL", "sonar-acme_api SUCCESSFUL", "sonar-acme_web SUCCESSFUL"]
    );
    // In after-script, Pipelines tells the exit code.
    let after_script = gatepost.unset("SCAN_EXIT_CODE").set("BITBUCKET_EXIT_CODE", "1").run();
    assert_told(&after_script, 3, &["✖ Not analysed: the scan ended with exit code 1"]);
    assert_eq!(status_of(&sandbox, "acme_web"), expected("FAILED", SCAN_FAILED));
}

/// Two steps scan one project each. Both list all projects in `SONAR_PROJECTS`.
/// One key may have a status for each branch. Bitbucket shows the newest one, in this build.
#[test]
fn the_status_of_another_branch_says_nothing_about_this_one() {
    let leave = |sandbox: &Sandbox, statuses: &[(&str, &str, &str)]| {
        sandbox.world(|world| {
            for (branch, state, description) in statuses {
                let status = Status {
                    commit: world.head("acme/api", "feature/login"),
                    key: "sonar-acme_web".to_owned(),
                    state: (*state).to_owned(),
                    name: None,
                    description: Some((*description).to_owned()),
                    url: None,
                    refname: Some((*branch).to_owned()),
                    author: world.account_of(REPOSITORY_TOKEN),
                    created_on: now(),
                    updated_on: now(),
                };
                world.add_status("acme/api", status);
            }
        });
    };
    let of_branch = |sandbox: &Sandbox, branch: &str| {
        let statuses = sandbox.statuses("acme/api", &sandbox.head("acme/api", "feature/login"));
        let is_it =
            |status: &&Status| status.key == "sonar-acme_web" && status.refname.as_deref() == Some(branch);
        let status = statuses.iter().find(is_it).unwrap();
        (status.state.clone(), status.description.clone().unwrap_or_default())
    };
    let red = "3 New Issues (is greater than 0)";
    for (own, other, stands) in [
        (("FAILED", red), ("SUCCESSFUL", NOT_AFFECTED), ("FAILED", red)),
        (("INPROGRESS", "In progress"), ("FAILED", red), ("SUCCESSFUL", NOT_AFFECTED)),
    ] {
        let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
        scan(&folder, &sonarqube, "acme_api", Gate::passed());
        leave(&sandbox, &[("feature/login", own.0, own.1), ("release", other.0, other.1)]);
        let run = monorepo(&sandbox, &folder).run();
        assert_eq!(run.code, 0, "{}", run.output);
        assert_eq!(of_branch(&sandbox, "feature/login"), expected(stands.0, stands.1), "{}", run.output);
        assert_eq!(of_branch(&sandbox, "release"), expected(other.0, other.1));
    }
}

#[test]
fn the_page_says_what_stays() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
    scan(&folder, &sonarqube, "acme_api", Gate::passed());
    scan(&folder, &sonarqube, "acme_web", Gate::failed());
    assert_eq!(monorepo(&sandbox, &folder).run().code, 1);
    std::fs::remove_dir_all(folder.path().join("acme_web")).unwrap();
    let run = monorepo(&sandbox, &folder).set("SUMMARY_FILE", "summary.md").run();
    assert_eq!(run.code, 0, "{}", run.output);
    let page = folder.read("summary.md");
    assert!(
        page.contains(
            "| sonar-acme\\_web | the verdict of another run stays: [C Reliability Rating on New Code"
        ),
        "{page}"
    );
    assert!(!page.contains(NOT_AFFECTED), "{page}");
}

#[test]
fn the_verdict_of_another_step_stays() {
    for (gate, kept, words) in [
        (Gate::failed(), "FAILED", "! FAILED on acme/api commit"),
        (Gate::passed(), "SUCCESSFUL", "✔ SUCCESSFUL on acme/api commit"),
    ] {
        let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
        scan(&folder, &sonarqube, "acme_web", gate);
        assert_eq!(monorepo(&sandbox, &folder).run().code, i32::from(kept == "FAILED"));
        let before = status_of(&sandbox, "acme_web");
        let folder = Folder::new();
        scan(&folder, &sonarqube, "acme_api", Gate::passed());
        let gatepost = monorepo(&sandbox, &folder).set("RESULT_FILE", "results.jsonl");
        let run = gatepost.clone().run();
        assert_told(
            &run,
            0,
            &[
                words,
                "stays (key sonar-acme_web): it is the verdict of another run about this project",
                "✔ 1 of 2 statuses posted, 1 with the verdict of another run, which stays",
            ],
        );
        assert_eq!(status_of(&sandbox, "acme_web"), before);
        assert_eq!(before.0, kept);
        let line: Value = serde_json::from_str(folder.read("results.jsonl").lines().next().unwrap()).unwrap();
        assert_eq!((&line["outcome"], &line["status"]["state"]), (&json!("kept"), &json!(kept)));
        // A crash takes a green away, and the red one stays: it must not be lost.
        assert_eq!(gatepost.clone().set("SCAN_EXIT_CODE", "1").run().code, 3);
        let crashed = if kept == "FAILED" { before } else { expected("FAILED", SCAN_FAILED) };
        assert_eq!(status_of(&sandbox, "acme_web"), crashed);
        assert_eq!(gatepost.run().code, 0);
        assert_eq!(status_of(&sandbox, "acme_web").0, kept);
    }
}

#[test]
fn an_inprogress_of_each_project_is_ended() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
    let begin = || {
        for project in ["acme_api", "acme_web"] {
            let begun = after_scan(&sandbox, &folder).set("STATE", "INPROGRESS");
            assert_eq!(begun.set("SONAR_PROJECT_KEY", project).run().code, 0);
        }
    };
    begin();
    scan(&folder, &sonarqube, "acme_api", Gate::passed());
    assert_told(&monorepo(&sandbox, &folder).run(), 0, &[]);
    assert_eq!(states(&sandbox), ["sonar-acme_api SUCCESSFUL", "sonar-acme_web SUCCESSFUL"]);
    begin();
    let slow = Analysis { polls: u32::MAX, ..of_pull_request("7") };
    let submitted = sonarqube.submit(slow);
    let _ = folder.write("acme_api/.scannerwork/report-task.txt", submitted.report_task.as_bytes());
    let (before, gatepost) = (sonarqube.request_count(), monorepo(&sandbox, &folder));
    let gatepost = gatepost.set("SONAR_PROJECTS", "acme_docs, acme_web");
    let run = stopped_by("-TERM", &gatepost, || sonarqube.request_count() > before);
    assert_eq!(run.code, 143, "{}", run.output);
    assert_eq!(states(&sandbox), ["sonar-acme_api STOPPED", "sonar-acme_web STOPPED"]);
}

/// It could hide a red verdict.
#[test]
fn without_a_look_at_what_stands_nothing_is_posted() {
    let (sandbox, folder) = (acme(), Folder::new());
    sandbox.fault(Fault::status(403));
    let run = monorepo(&sandbox, &folder).set("SONAR_PROJECTS", "acme_web").run();
    assert_told(
        &run,
        4,
        &[
            "✖ failed to read what stands under the key sonar-acme_web on commit 94277cd267a8: ",
            "✖ not posted: SUCCESSFUL on acme/api",
        ],
    );
    assert!(states(&sandbox).is_empty());
    assert!(sandbox.requests().iter().all(|request| request.method == "GET"));
}

/// `error` is a common word for FAILED, but none of Bitbucket's.
#[test]
fn a_state_that_bitbucket_does_not_have_is_not_replaced() {
    for state in ["PAUSED", "running", "error"] {
        let (sandbox, folder) = (acme(), Folder::new());
        let standing = json!({ "type": "build", "key": "sonar-acme_web", "state": state });
        sandbox.fault(Fault::json(200, &standing));
        let run = monorepo(&sandbox, &folder).set("SONAR_PROJECTS", "acme_web").run();
        assert_told(&run, 4, &["the answer does not have the documented format", "✖ not posted: SUCCESSFUL"]);
        assert!(states(&sandbox).is_empty());
    }
}

#[test]
fn a_read_of_what_stands_that_stalls_keeps_no_verdict_away() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
    scan(&folder, &sonarqube, "acme_api", Gate::passed());
    sandbox.fault_always_at("GET", "/statuses/build/sonar-acme_web", Fault::Silent);
    let run = monorepo(&sandbox, &folder).set("TIMEOUT", "1").run();
    assert_told(&run, 4, &["no complete response within N s", "✖ 1 of 2 statuses posted\n"]);
    assert_eq!(states(&sandbox), ["sonar-acme_api SUCCESSFUL"]);
}

/// What may be an analysis of the project is not called untouched.
#[test]
fn a_file_that_is_not_read_leaves_no_green() {
    type Make<'a> = &'a dyn Fn(&Folder, &SonarQube);
    let elsewhere: Make = &|folder, sonarqube| {
        let submitted = sonarqube.submit(Analysis::of_pull_request("acme_web", "7", Gate::failed()));
        let _ = folder.write("out/report-task.txt", submitted.report_task.as_bytes());
    };
    let beside: Make = &|folder, sonarqube| scan(folder, sonarqube, "acme_web", Gate::failed());
    let link: Make = &|folder, _| {
        let _ = folder.write("work/report-task.txt", b"ceTaskId=x\n");
        symlink("work", folder.path().join(".scannerwork")).unwrap();
    };
    let damaged: Make = &|folder, _| {
        let _ = folder.write("acme_web/.scannerwork/report-task.txt", b"damaged");
    };
    let nothing: Make = &|_, _| {};
    let api = "acme_api/.scannerwork/report-task.txt";
    let both = format!("{api}, acme_web/.scannerwork/report-task.txt");
    for (make, report_task, reason) in [
        (elsewhere, None, "out/report-task.txt is not read"),
        (beside, Some(api), "acme_web/.scannerwork/report-task.txt is not read"),
        (link, None, ".scannerwork is a symbolic link, and the search does not follow links"),
        (nothing, Some(both.as_str()), "\"acme_web/.scannerwork/report-task.txt\" is missing"),
        (damaged, None, "the project of an analysis of this scan is not known"),
    ] {
        let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
        scan(&folder, &sonarqube, "acme_api", Gate::passed());
        make(&folder, &sonarqube);
        let mut gatepost = monorepo(&sandbox, &folder);
        if let Some(report_task) = report_task {
            gatepost = gatepost.set("SONAR_REPORT_TASK", report_task);
        }
        let run = gatepost.run();
        assert_told(&run, 3, &[&format!("✖ Not analysed: {reason}"), "without an analysis: acme_web"]);
        assert_eq!(status_of(&sandbox, "acme_web"), expected("FAILED", &format!("Not analysed: {reason}")));
        assert_eq!(status_of(&sandbox, "acme_api").0, "SUCCESSFUL");
    }
}

/// Files of other projects say nothing about these.
#[test]
fn a_file_of_another_project_casts_no_doubt() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
    scan(&folder, &sonarqube, "acme_api", Gate::passed());
    let _ = folder.write("test/fixtures/report-task.txt", b"projectKey=sample\nceTaskId=x\n");
    assert_told(&monorepo(&sandbox, &folder).run(), 0, &[]);
    assert_eq!(states(&sandbox), ["sonar-acme_api SUCCESSFUL", "sonar-acme_web SUCCESSFUL"]);
}

/// In a script, the pipe only runs if the scan before it ended well. A gate proves that there was one.
#[test]
fn without_the_exit_code_an_analysis_of_this_build_shows_that_the_scan_ended() {
    let webhook = json!({
        "status": "SUCCESS", "project": { "key": "acme_api" }, "branch": { "name": "7", "type": "PULL_REQUEST" },
        "qualityGate": { "status": "OK" },
    });
    for (analysis, exit_code, state) in [
        (Some(of_pull_request("7").submitted(&now())), None, "SUCCESSFUL"),
        (
            Some(Analysis { gate: Gate::failed(), ..of_pull_request("7").submitted(&now()) }),
            None,
            "SUCCESSFUL",
        ),
        (Some(of_pull_request("7").submitted(BEFORE_THE_COMMIT)), None, "FAILED"),
        (Some(of_pull_request("3").submitted(&now())), None, "FAILED"),
        (None, None, "FAILED"),
        (None, Some("0"), "SUCCESSFUL"),
    ] {
        let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
        let mut gatepost = monorepo(&sandbox, &folder).unset("SCAN_EXIT_CODE");
        if let Some(code) = exit_code {
            gatepost = gatepost.set("SCAN_EXIT_CODE", code);
        }
        if let Some(analysis) = analysis {
            let submitted = sonarqube.submit(analysis);
            let _ = folder.write(".scannerwork/report-task.txt", submitted.report_task.as_bytes());
        } else {
            let _ = folder.write("webhook.json", webhook.to_string().as_bytes());
            gatepost = gatepost.set("SONAR_REPORT_TASK", "webhook.json");
        }
        let run = gatepost.run();
        let description = match state {
            "FAILED" => "Not analysed: it is not known whether the scan ended well",
            _ => NOT_AFFECTED,
        };
        assert_eq!(status_of(&sandbox, "acme_web"), expected(state, description), "{}", run.output);
    }
}

/// The key may be misspelt in the list.
#[test]
fn a_project_that_is_analysed_and_not_named_is_told() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
    scan(&folder, &sonarqube, "acme_api", Gate::passed());
    let run = monorepo(&sandbox, &folder).set("SONAR_PROJECTS", "acme-api").run();
    assert_told(&run, 0, &["! acme_api has an analysis and is not in SONAR_PROJECTS: after a change"]);
}

#[test]
fn what_names_no_project_is_told() {
    let never = "SONAR_PROJECTS is set but ignored";
    for (name, value, code, told) in [
        ("SONAR_PROJECTS", "acme_[", 2, "✖ SONAR_PROJECTS has the pattern \"acme_[\", which is not valid"),
        (
            "SONAR_PROJECTS",
            "shop_*",
            2,
            "✖ SONAR_PROJECTS has the glob \"shop_*\", which matches no project: there is no",
        ),
        (
            "SONAR_PROJECTS",
            "Acme API",
            2,
            "✖ SONAR_PROJECTS has \"Acme API\", which is not the key of a project",
        ),
        (
            "SONAR_PROJECTS",
            "acme_api,$WEB",
            2,
            "✖ SONAR_PROJECTS has \"$WEB\", which is not the key of a project",
        ),
        ("SONAR_PROJECTS", " , ", 2, "✖ SONAR_PROJECTS has an empty item in \",\""),
        ("SONAR_PROJECTS", "acme_api,,acme_web", 2, "✖ SONAR_PROJECTS has an empty item in "),
        ("SONAR_PROJECT_KEY", "acme_api", 2, "✖ SONAR_PROJECTS is set, and so is SONAR_PROJECT_KEY"),
        ("KEY", "gate", 2, "✖ SONAR_PROJECTS is set, and so is KEY"),
    ] {
        let (sandbox, folder) = (acme(), Folder::new());
        let gatepost = monorepo(&sandbox, &folder).set(name, value);
        let run = gatepost.clone().unset("SCAN_EXIT_CODE").run();
        assert_told(&run, code, &[told, "nothing was sent"]);
        assert!(states(&sandbox).is_empty());
        // The run is the last word of its step: each project that is known has a final state.
        assert_told(&gatepost.run(), code, &[told]);
        let posted = standing(&sandbox);
        let words = "No verdict: the variable SONAR_PROJECTS of this pipeline is wrong";
        assert!(posted.values().all(|status| *status == expected("FAILED", words)), "{posted:?}");
        assert_eq!(
            posted.contains_key("sonar-acme_api"),
            name != "KEY" && !["acme_[", "shop_*", "Acme API", " , "].contains(&value),
            "{posted:?}"
        );
    }
    let (sandbox, folder) = (acme(), Folder::new());
    let given = monorepo(&sandbox, &folder).set("STATE", "passed").set("KEY", "tests").run();
    assert_told(&given, 0, &[&format!("! {never}: STATE is the state of one key")]);
    assert_eq!(states(&sandbox), ["tests SUCCESSFUL"]);
    let reports = monorepo(&sandbox, &folder).set("STATUS", "false").set("REPORT", "gate").run();
    assert_told(&reports, 3, &[&format!("! {never}: STATUS is false")]);
    assert_eq!(states(&sandbox), ["tests SUCCESSFUL"]);
}

#[test]
fn a_glob_that_matches_nothing_is_told_with_what_is_there() {
    let (sandbox, folder) = (acme(), Folder::new());
    let _ = folder.write("api/sonar-project.properties", b"sonar.projectKey=acme_api\n");
    let run = monorepo(&sandbox, &folder).set("SONAR_PROJECTS", "shop_*").unset("SCAN_EXIT_CODE").run();
    insta::assert_snapshot!(run.told(), @r#"
    ✖ SONAR_PROJECTS has the glob "shop_*", which matches no project: the files sonar-project.properties name acme_api
      accepted: keys of projects, and globs over the keys in the files sonar-project.properties, as a list or separated by commas
      to do:    write the keys of the projects: a glob only sees sonar.projectKey in the files sonar-project.properties; builds with Maven, Gradle and .NET have no such file
    ✖ STATE is not set, and nothing names an analysis of SonarQube: there is no report-task.txt in .scannerwork, target/sonar, build/sonar, .sonarqube/out/.sonar or .sonar, here or in a folder below
      accepted: a report-task.txt, SONAR_REPORT_TASK, SONAR_PROJECT_KEY, or STATE: SUCCESSFUL, FAILED, INPROGRESS, STOPPED, a common word for one of them (passed, error, running, cancelled ...), or an exit code
      to do:    run the pipe where the scanner ran, pass report-task.txt on as an artifact, or pass SONAR_REPORT_TASK; in after-script pass `SCAN_EXIT_CODE: $BITBUCKET_EXIT_CODE`
    ✖ 2 variables are wrong; nothing was sent
    exit code 2
    "#);
}

#[test]
fn check_says_which_projects_always_have_a_status() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
    let gatepost = monorepo(&sandbox, &folder).set("MODE", "check");
    let before_scan = gatepost.clone().unset("SCAN_EXIT_CODE").run();
    let told = "✔ 2 projects would always have a status (SONAR_PROJECTS): acme_api, acme_web";
    assert_told(&before_scan, 0, &[told]);
    scan(&folder, &sonarqube, "acme_api", Gate::passed());
    assert_told(&gatepost.clone().run(), 0, &[told]);
    let empty = Folder::new();
    let nothing =
        gatepost.clone().within(empty.path()).set("SONAR_REPORT_TASK", "*/.scannerwork/report-task.txt");
    let not_asked = "✔ SonarQube would not be asked: the scan ended well and left no report-task.txt";
    assert_told(&nothing.run(), 0, &[told, not_asked, "✔ all 9 checks passed; nothing was posted"]);
    let failed = gatepost.set("SCAN_EXIT_CODE", "1").run();
    assert_told(&failed, 3, &[told, "✖ Not analysed: the scan ended with exit code 1"]);
    assert!(sandbox.requests().iter().all(|request| request.method == "GET"));
    assert!(sandbox.requests().iter().any(|request| request.path.ends_with("build/sonar-acme_web")));
}

/// The run of a list of targets.
fn list(sandbox: &Sandbox, folder: &Folder, targets: &Value) -> Gatepost {
    let list = serde_json::to_string(targets).unwrap();
    bare()
        .within(folder.path())
        .set("BITBUCKET_API_URL", sandbox.http_url())
        .set("BITBUCKET_ACCESS_TOKEN", sandbox::WORKSPACE_TOKEN)
        .set("WORKSPACE", "acme")
        .set("SONAR_TOKEN", sandbox::USER_TOKEN)
        .set("URL", "https://ci.example.com/")
        .set("TARGETS", list)
}

#[test]
fn each_target_of_a_list_has_its_own_projects() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
    scan(&folder, &sonarqube, "acme_api", Gate::passed());
    let file = "acme_api/.scannerwork/report-task.txt";
    let entry = json!({ "repo_slug": "api", "pull_request": 7, "sonar_report_task": file, "sonar_projects": ["acme_api", "acme_web"] });
    let other = json!({ "repo_slug": "api", "branch": "main", "state": "passed", "key": "tests" });
    let targets = json!([entry, other]);
    let run = list(&sandbox, &folder, &targets).set("SONAR_HOST_URL", sonarqube.http_url()).run();
    insta::assert_snapshot!(run.told(), @"
    gatepost 0.1.0: 2 targets, 2 at once
    SonarQube at http://127.0.0.1:PORT/ (from SONAR_HOST_URL) gets SONAR_TOKEN
      repository  commit        state       outcome
    ✔ acme/api    94277cd267a8  SUCCESSFUL  posted
    ✔ acme/api    94277cd267a8  SUCCESSFUL  posted
    ✔ acme/api    630f6ffc4b82  SUCCESSFUL  posted
    ✔ 2 targets: 3 posted
    exit code 0
    ");
    assert_eq!(states(&sandbox), ["sonar-acme_api SUCCESSFUL", "sonar-acme_web SUCCESSFUL"]);
    // What an entry says of its analysis replaces the projects of the run.
    let (sandbox, targets) =
        (acme(), json!([{ "repo_slug": "api", "pull_request": 7, "sonar_report_task": file }, other]));
    let run = list(&sandbox, &folder, &targets)
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("SONAR_PROJECTS", "acme_*");
    assert_told(&run.run(), 0, &[]);
    assert_eq!(states(&sandbox), ["sonar-acme_api SUCCESSFUL"]);
}

#[test]
fn what_a_list_cannot_say_of_its_projects_is_told() {
    let (sandbox, folder) = (acme(), Folder::new());
    let _ = folder.write("api/sonar-project.properties", b"sonar.projectKey=acme_api\n");
    let file = |name: &str| {
        let place = format!("{name}/.scannerwork/report-task.txt");
        let _ = folder.write(&place, format!("projectKey=acme_{name}\nceTaskId={name}\n").as_bytes());
        place
    };
    let entry = |name: &str, projects: Value| json!({ "repo_slug": "api", "pull_request": 7, "sonar_report_task": file(name), "sonar_projects": projects });
    for (targets, told) in [
        (
            json!([entry("api", json!("acme_*"))]),
            "✖ TARGETS[0].sonar_projects has the glob \"acme_*\", and this folder is not the checkout of the target",
        ),
        (
            json!([{ "repo_slug": "api", "pull_request": 7, "sonar_project_key": "acme_api", "sonar_projects": "acme_web" }]),
            "✖ TARGETS[0].sonar_projects is set, and so is SONAR_PROJECT_KEY",
        ),
        // Each would call the project of the other one untouched.
        (
            json!([
                entry("api", json!(["acme_api", "acme_web"])),
                entry("web", json!(["acme_api", "acme_web"]))
            ]),
            "✖ TARGETS[1] has the same commit and key as TARGETS[0]",
        ),
        (
            json!([entry("api", json!("acme_web")), { "repo_slug": "api", "pull_request": 7, "sonar_project_key": "acme_web" }]),
            "✖ TARGETS[1] has the same commit and key as TARGETS[0]",
        ),
    ] {
        let run = list(&sandbox, &folder, &targets).set("SONAR_HOST_URL", "http://127.0.0.1:9").run();
        assert_told(&run, 2, &[told, "nothing was sent"]);
    }
    assert_eq!(sandbox.request_count(), 0);
}
