//! Which project, branch, pull request or analysis SonarQube is asked about.

use sandbox::{Analysis, Dialect, Gate, USER_TOKEN};

use crate::run::{Fault, acme, after_scan, assert_told, in_pull_request_build, on_cloud, scanned};

use super::{of_pull_request, shown, sonarqube};

#[test]
fn sonar_project_key_asks_without_a_report_file() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    sonarqube.submit(Analysis::new("acme_api", Gate::passed()));
    let run = in_pull_request_build(&sandbox)
        .unset("STATE")
        .unset("KEY")
        .set("SONAR_TOKEN", USER_TOKEN)
        .set("SONAR_HOST_URL", format!("{}/", sonarqube.http_url()))
        .set("SONAR_PROJECT_KEY", "acme_api");
    let of_main = run.clone().run();
    assert_told(
        &of_main,
        0,
        &["! Gatepost asks for the gate of the main branch, not for the gate of the pull request"],
    );
    assert_eq!(shown(&sandbox).key, "sonar-acme_api");
    // The server knows pull requests.
    sonarqube.submit(of_pull_request(Gate::failed()));
    assert_told(&run.clone().run(), 3, &["The analysis is of the main branch, this is pull request 7"]);
    let of_pull_request = run.clone().set("SONAR_PULL_REQUEST", "7").run();
    assert_told(&of_pull_request, 1, &["quality gate failed: acme_api, pull request 7"]);
    let status = shown(&sandbox);
    assert_eq!((status.state.as_str(), status.name.as_deref()), ("FAILED", Some("Sonar: acme_api")));
    let both =
        run.set("SONAR_PULL_REQUEST", "7").set("SONAR_BRANCH", "main").set("SONAR_REPORT_TASK", "x").run();
    assert_told(&both, 2, &["✖ SONAR_BRANCH is set, and so is SONAR_PULL_REQUEST"]);
}

#[test]
fn an_analysis_that_cloud_does_not_know_is_not_replaced_by_another_one() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Cloud));
    sonarqube.submit(of_pull_request(Gate::passed()));
    let task =
        r#"{"task":{"status":"SUCCESS","analysisId":"gone","componentKey":"acme_api","pullRequest":"7"}}"#;
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::failed())));
    sonarqube.fault(Fault::Answer { status: 200, headers: vec![], body: task.into() });
    let run = on_cloud(after_scan(&sandbox, &folder), &sonarqube).run();
    assert_told(&run, 3, &["Analysis with id 'gone' is not found"]);
    assert_eq!(sonarqube.requests().len(), 2);
}
