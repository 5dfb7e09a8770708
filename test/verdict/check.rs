//! Check says what publish would meet.

use sandbox::{PROJECT_ANALYSIS_TOKEN, READER_TOKEN};

use super::{after, of_pull_request, sonarqube};
use crate::run::{acme, assert_told};

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
        &["✖ report-task.txt says acme_web, pull request 7, but its analysis is of acme_api"],
    );
}
