//! How the token of SonarQube is sent, and that no log shows it.

use sandbox::{
    Analysis, Dialect, GLOBAL_ANALYSIS_TOKEN, Gate, PROJECT_ANALYSIS_TOKEN, REVOKED_SONAR_TOKEN, USER_TOKEN,
};

use crate::run::{Fault, acme, after_scan, assert_told, in_pull_request_build, scanned};

use super::{of_pull_request, shown, sonarqube};

#[test]
fn the_token_is_sent_as_bearer_or_basic_by_server_version() {
    for (dialect, scheme) in
        [(Dialect::Server2025, "Bearer "), (Dialect::Server10, "Bearer "), (Dialect::Server99, "Basic ")]
    {
        let (sandbox, sonarqube) = (acme(), sonarqube(dialect));
        let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
        assert_eq!(after_scan(&sandbox, &folder).run().code, 0);
        for request in sonarqube.requests() {
            assert!(request.authorization.unwrap().starts_with(scheme), "{dialect:?}");
        }
        let bitbucket = &sandbox.requests()[0];
        assert_eq!(bitbucket.authorization, Some(format!("Bearer {}", sandbox::REPOSITORY_TOKEN)));
    }
}

#[test]
fn an_analysis_token_is_enough() {
    for token in [PROJECT_ANALYSIS_TOKEN, GLOBAL_ANALYSIS_TOKEN] {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
        let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::failed())));
        let run = after_scan(&sandbox, &folder).set("SONAR_TOKEN", token).run();
        assert_eq!(run.code, 1, "{}", run.output);
    }
}

#[test]
fn a_missing_gate_with_an_invalid_token_is_a_refusal() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Cloud));
    sonarqube.projects(|projects| {
        projects.add_project("open", "Open", false);
    });
    sonarqube.submit(Analysis::of_pull_request("open", "7", Gate::failed()));
    let run = in_pull_request_build(&sandbox)
        .unset("STATE")
        .unset("KEY")
        .set("SONAR_TOKEN", REVOKED_SONAR_TOKEN)
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("SONAR_PROJECT_KEY", "open")
        .set("SONAR_PULL_REQUEST", "7")
        .run();
    let words = "No verdict: SonarQube does not accept this pipeline's token";
    assert_told(&run, 3, &[&format!("✖ {words}\n  answered: NONE, and the token is not valid")]);
    assert_eq!(shown(&sandbox).description.as_deref(), Some(words));
}

#[test]
fn each_service_gets_only_its_own_token() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server99));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
    let run = after_scan(&sandbox, &folder).set("DEBUG", "true").run();
    assert_eq!(run.code, 0);
    let to_bitbucket = format!("{:?}", sandbox.requests());
    let to_sonarqube = format!("{:?}", sonarqube.requests());
    assert!(!to_bitbucket.contains(&USER_TOKEN[4..]) && !to_sonarqube.contains(sandbox::REPOSITORY_TOKEN));
    let token =
        in_pull_request_build(&sandbox).unset("STATE").unset("KEY").set("SONAR_TOKEN", sandbox::API_TOKEN);
    let wrong = token.set("SONAR_PROJECT_KEY", "acme_api").run();
    assert_told(&wrong, 2, &["✖ SONAR_TOKEN is a token of Atlassian, not of SonarQube"]);
}

#[test]
fn the_basic_header_of_a_token_is_not_printed() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server99));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
    assert_eq!(after_scan(&sandbox, &folder).run().code, 0);
    let sent = sonarqube.requests()[0].authorization.clone().unwrap();
    let body = serde_json::json!({ "errors": [{ "msg": format!("bad header {sent}") }] }).to_string();
    sonarqube.fault(Fault::Answer { status: 403, headers: vec![], body: body.into() });
    let run = after_scan(&sandbox, &folder).set("DEBUG", "true").run();
    assert_told(&run, 3, &["bad header Basic ***"]);
    let failed = serde_json::json!({ "task": { "status": "FAILED", "errorMessage": sent } }).to_string();
    sonarqube.fault(Fault::Answer { status: 200, headers: vec![], body: failed.into() });
    assert_eq!(after_scan(&sandbox, &folder).run().code, 3);
    assert_eq!(shown(&sandbox).description.as_deref(), Some("The analysis failed: Basic ***"));
}
