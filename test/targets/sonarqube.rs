//! Targets whose state comes from SonarQube.

use std::time::Duration;

use sandbox::{Analysis, Dialect, Gate, Projects, SonarQube, service};
use serde_json::{Value, json};

use crate::run::{Fault, Folder, assert_told};

use super::{fleet, nightly, state_of};

/// A SonarQube with a project for each repository, and an analysis of each pull request; every third gate is red.
fn analysed(count: usize) -> SonarQube {
    let mut projects = Projects::acme(Dialect::Server2025);
    for number in 1..=count {
        projects.add_project(&format!("acme_{}", service(number)), "A service", true);
    }
    let sonarqube = SonarQube::start(projects);
    for number in 1..=count {
        let gate = if number % 3 == 0 { Gate::failed() } else { Gate::passed() };
        sonarqube.submit(Analysis::of_pull_request(&format!("acme_{}", service(number)), "1", gate));
    }
    sonarqube
}

fn target_with_verdict(number: usize) -> Value {
    let slug = service(number);
    json!({ "repo_slug": slug, "pull_request": 1, "sonar_project_key": format!("acme_{slug}"), "sonar_pull_request": 1 })
}

#[test]
fn each_target_may_have_its_own_verdict_of_sonarqube() {
    let (sandbox, sonarqube, folder) = (fleet(6), analysed(6), Folder::new());
    let mut targets: Vec<_> = (1..=5).map(target_with_verdict).collect();
    targets[4]["sonar_project_key"] = json!("acme_unknown");
    targets.push(json!({ "repo_slug": "service-006", "pull_request": 1, "state": "stopped", "key": "scan" }));
    let run = nightly(&sandbox, &folder, &json!(targets))
        .unset("KEY")
        .set("CONCURRENCY", "1")
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("SONAR_TOKEN", sandbox::USER_TOKEN)
        .set("URL", "https://sonar.acme.example/")
        .run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: 6 targets, 1 at once
    SonarQube at http://127.0.0.1:PORT/ (from SONAR_HOST_URL) gets SONAR_TOKEN
    ✖ acme/service-005 pull request 1: failed to ask for the quality gate: SonarQube answered 404 Not Found
      sent:     GET http://127.0.0.1:PORT/api/qualitygates/project_status?projectKey=acme_unknown&pullRequest=1 with the token (SONAR_TOKEN)
      answered: 404 Not Found, "Project 'acme_unknown' not found"
      why:      SonarQube has no project with this key, or does not show it to this token
      to do:    check SONAR_PROJECT_KEY (Project Information shows the key), and that the token's account may browse the project; check the server as well
      repository        commit        state       outcome
    ✔ acme/service-001  31021ff96f3f  SUCCESSFUL  posted
    ✔ acme/service-002  64630d9df82d  SUCCESSFUL  posted
    ✖ acme/service-003  0ff21673cc24  FAILED      posted, without a green quality gate
    ✔ acme/service-004  93399b7f11d0  SUCCESSFUL  posted
    ✖ acme/service-005  2c1ede3b3fcd  FAILED      posted, without a verdict of SonarQube
    ✔ acme/service-006  3538c601207d  STOPPED     posted
    ✖ 6 targets: 6 posted, 1 without a green quality gate, 1 without a verdict of SonarQube
    exit code 3
    "#);
    let states: Vec<_> = (1..=6).map(|number| state_of(&sandbox, number).unwrap()).collect();
    assert_eq!(states, ["SUCCESSFUL", "SUCCESSFUL", "FAILED", "SUCCESSFUL", "FAILED", "STOPPED"]);
    assert_eq!(sandbox.pull_request_statuses("acme/service-001", 1)[0].key, "sonar-acme_service-001");
}

#[test]
fn concurrency_limits_the_requests_to_sonarqube_too() {
    let (sandbox, sonarqube, folder) = (fleet(30), analysed(30), Folder::new());
    sonarqube.fault_always(Fault::Delay(Duration::from_millis(20)));
    let run = nightly(&sandbox, &folder, &json!((1..=30).map(target_with_verdict).collect::<Vec<_>>()))
        .set("CONCURRENCY", "5")
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("SONAR_TOKEN", sandbox::USER_TOKEN)
        .set("URL", "https://sonar.acme.example/")
        .run();
    assert_told(
        &run,
        1,
        &["✖ 30 targets: 30 posted, 10 without a green quality gate", "posted, without a green quality gate"],
    );
    assert_eq!((sonarqube.request_count(), sonarqube.most_at_once()), (30, 5));
}

/// When SonarQube did not answer the first target, the others wait less for it.
#[test]
fn an_unreachable_sonarqube_is_not_waited_for_by_each_target() {
    let (sandbox, sonarqube, folder) = (fleet(40), analysed(40), Folder::new());
    sonarqube.fault_always(Fault::ResetBeforeAnswer);
    let run = nightly(&sandbox, &folder, &json!((1..=40).map(target_with_verdict).collect::<Vec<_>>()))
        .set("TIMEOUT", "2")
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("SONAR_TOKEN", sandbox::USER_TOKEN)
        .run();
    assert_told(&run, 3, &["40 posted, 40 without a verdict of SonarQube"]);
    assert!(run.took < Duration::from_secs(15), "{:?}", run.took);
    assert_eq!(state_of(&sandbox, 40).as_deref(), Some("FAILED"));
}

#[test]
fn sonarqube_fields_of_an_entry_win_over_the_runs_state() {
    let (sandbox, sonarqube, folder) = (fleet(3), analysed(3), Folder::new());
    let mut inherits = target_with_verdict(2);
    inherits.as_object_mut().unwrap().remove("sonar_project_key");
    inherits.as_object_mut().unwrap().remove("sonar_pull_request");
    let run = nightly(&sandbox, &folder, &json!([target_with_verdict(3), inherits]))
        .set("STATE", "stopped")
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("SONAR_TOKEN", sandbox::USER_TOKEN)
        .run();
    assert_eq!(run.code, 1, "{}", run.output);
    assert_eq!([3, 2].map(|number| state_of(&sandbox, number).unwrap()), ["FAILED", "STOPPED"]);
}

#[test]
fn a_sonar_token_in_an_entry_is_used_and_never_printed() {
    let (sandbox, sonarqube, folder) = (fleet(1), analysed(1), Folder::new());
    let mut target = target_with_verdict(1);
    target["sonar_token"] = json!(sandbox::REVOKED_SONAR_TOKEN);
    sonarqube.fault(Fault::Answer {
        status: 400,
        headers: vec![],
        body: format!("no: {}", sandbox::REVOKED_SONAR_TOKEN).into_bytes(),
    });
    let run = nightly(&sandbox, &folder, &json!([target]))
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("DEBUG", "true")
        .run();
    assert_eq!(run.code, 3, "{}", run.output);
    assert!(sonarqube.requests()[0].authorization.is_some());
    assert!(!run.output.contains("deadbeef00dea"), "{}", run.output);
}

#[test]
fn the_runs_refname_and_exit_code_do_not_apply_to_other_repositories() {
    let (sandbox, folder, sonarqube) = (fleet(1), Folder::new(), analysed(1));
    let mut entry = target_with_verdict(1);
    entry["commit"] = json!(sandbox.head("acme/service-001", "feature/change"));
    entry["branch"] = json!("feature/change");
    let run = nightly(&sandbox, &folder, &json!([entry]))
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("SONAR_TOKEN", sandbox::USER_TOKEN)
        .set("REFNAME", "main")
        .set("BITBUCKET_EXIT_CODE", "1")
        .run();
    let status = &sandbox.pull_request_statuses("acme/service-001", 1)[0];
    assert_eq!(status.refname.as_deref(), Some("feature/change"), "{}", run.output);
    assert!(!run.output.contains("The scan did not finish"), "{}", run.output);
    assert!(!sonarqube.requests().is_empty());
}
