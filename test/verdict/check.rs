//! Check says what publish would meet.

use sandbox::{Analysis, End, Gate, PROJECT_ANALYSIS_TOKEN, READER_TOKEN};
use serde_json::json;

use super::{BEFORE_THE_COMMIT, after, of_pull_request, sonarqube};
use crate::run::{Folder, acme, after_scan, assert_told};

#[test]
fn the_task_of_the_file_is_asked_for_once() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(of_pull_request("7")));
    let run = gatepost.set("MODE", "check").run();
    assert_told(&run, 0, &["✔ SonarQube knows the analysis of .scannerwork/report-task.txt"]);
    let tasks = sonarqube.requests().iter().filter(|request| request.path.contains("/api/ce/task")).count();
    assert_eq!(tasks, 1);
}

#[test]
fn a_task_that_the_token_may_not_read_fails_the_check() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(of_pull_request("7")));
    let run = gatepost.set("MODE", "check").set("SONAR_TOKEN", READER_TOKEN).run();
    assert_told(&run, 3, &["Insufficient privileges", "checks failed; nothing was posted"]);
    assert!(sandbox.requests().iter().all(|request| request.method == "GET"));
}

#[test]
fn an_analysis_of_something_else_fails_the_check() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(of_pull_request("3")));
    let run = gatepost.set("MODE", "check").run();
    assert_told(&run, 3, &["✖ The analysis is of pull request 3, this is pull request 7"]);
    let contradicting = sonarqube.submit(of_pull_request("7")).claiming("projectKey", "acme_web");
    let (_folder, gatepost) = after(&sandbox, &contradicting);
    let run = gatepost.set("MODE", "check").set("SONAR_TOKEN", PROJECT_ANALYSIS_TOKEN).run();
    assert_told(
        &run,
        3,
        &["✖ report-task.txt says acme_web, but its analysis is of acme_api, pull request 7"],
    );
}

#[test]
fn an_analysis_that_publish_would_not_believe_fails_the_check() {
    let failed = End::Failed { message: "It is broken".to_owned() };
    for (analysis, exit_code, told) in [
        (Analysis { end: failed, ..of_pull_request("7") }, "0", "✖ The analysis failed: It is broken"),
        (Analysis { end: End::Canceled, ..of_pull_request("7") }, "0", "✖ The analysis was cancelled"),
        (
            of_pull_request("7").submitted(BEFORE_THE_COMMIT),
            "1",
            "✖ The scan ended with exit code 1; the last analysis is of 2026-09-01",
        ),
        (
            of_pull_request("7").submitted(BEFORE_THE_COMMIT),
            "0",
            "✖ The analysis is of 2026-09-01, this commit is of 2026-11-02",
        ),
    ] {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(analysis));
        assert_told(&gatepost.set("MODE", "check").set("SCAN_EXIT_CODE", exit_code).run(), 3, &[told]);
    }
}

#[test]
fn an_analysis_of_the_main_branch_needs_attention() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(Analysis::new("acme_api", Gate::passed())));
    let run = gatepost.set("MODE", "check").run();
    assert_told(&run, 0, &["! the analysis is of the main branch", "needs attention"]);
}

#[test]
fn a_named_pull_request_or_branch_is_compared() {
    for (variable, value, told) in [
        ("SONAR_PULL_REQUEST", "3", "✖ The analysis is of pull request 3, this is pull request 7"),
        ("SONAR_BRANCH", "feature/old", "✖ The analysis is of branch feature/old, this is pull request 7"),
    ] {
        let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
        let gatepost = after_scan(&sandbox, &folder).set("MODE", "check");
        let by_key =
            gatepost.set("SONAR_HOST_URL", sonarqube.http_url()).set("SONAR_PROJECT_KEY", "acme_api");
        assert_told(&by_key.set(variable, value).run(), 3, &[told]);
    }
}

/// Publish asks the server of the file as well.
#[test]
fn by_the_key_of_a_project_a_fresh_file_is_checked() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(of_pull_request("7")));
    let run = gatepost.set("MODE", "check").set("SONAR_PROJECT_KEY", "acme_api").run();
    assert_told(&run, 0, &["✔ SonarQube knows the analysis of .scannerwork/report-task.txt"]);
}

#[test]
fn a_named_file_that_is_missing_needs_attention() {
    let (sandbox, folder) = (acme(), Folder::new());
    let gatepost = after_scan(&sandbox, &folder).set("MODE", "check");
    let run = gatepost.set("SONAR_REPORT_TASK", "api/report-task.txt").run();
    assert_told(&run, 0, &["! SONAR_REPORT_TASK: \"api/report-task.txt\" is missing"]);
}

#[test]
fn a_webhook_is_compared_as_a_run_that_publishes_does() {
    let other = "0123456789abcdef0123456789abcdef01234567";
    for (id, more, told) in [
        ("7", json!({}), "✔ the file of a webhook has the gate of acme_api"),
        ("3", json!({}), "✖ The analysis is of pull request 3, this is pull request 7"),
        ("7", json!({ "revision": other }), "✖ The analysis is of commit 0123456789ab, this is commit"),
        ("7", json!({ "status": "FAILED" }), "answered: the webhook has the status FAILED"),
        ("7", json!({ "status": "CANCELED" }), "answered: the webhook has the status CANCELED"),
        ("7", json!({ "branch": null }), "✖ webhook.json names no branch"),
    ] {
        let (sandbox, folder) = (acme(), Folder::new());
        let mut webhook = json!({
            "status": "SUCCESS", "project": { "key": "acme_api" }, "qualityGate": { "status": "OK" },
            "branch": { "name": id, "type": "PULL_REQUEST", "isMain": false },
        });
        webhook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let _ = folder.write("webhook.json", webhook.to_string().as_bytes());
        let gatepost = after_scan(&sandbox, &folder).set("SONAR_REPORT_TASK", "webhook.json");
        let code = if told.starts_with('✔') { 0 } else { 3 };
        assert_told(&gatepost.clone().set("MODE", "check").run(), code, &[told]);
        let published = gatepost.run();
        assert_eq!(published.code, code, "{}", published.output);
    }
}

/// After the scan, nothing is to come any more.
#[test]
fn what_a_scan_that_has_ended_did_not_leave_fails_the_check() {
    let (sandbox, folder) = (acme(), Folder::new());
    let _ = folder.write("build/sonarwork/report-task.txt", b"ceTaskId=x\n");
    let check = after_scan(&sandbox, &folder).set("MODE", "check");
    let elsewhere = "there is build/sonarwork/report-task.txt: pass SONAR_REPORT_TASK";
    for (exit_code, told) in [
        ("0", "✖ No verdict: no report-task.txt of the scan was found"),
        ("1", "✖ The scan did not finish (exit code 1)"),
    ] {
        assert_told(&check.clone().set("SCAN_EXIT_CODE", exit_code).run(), 3, &[told, elsewhere]);
    }
    let named = check.set("SCAN_EXIT_CODE", "0").set("SONAR_REPORT_TASK", "api/report-task.txt");
    assert_told(&named.run(), 3, &["✖ No verdict: \"api/report-task.txt\" is missing"]);
}
