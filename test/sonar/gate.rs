//! The quality gate becomes the state and the description of the status.

use sandbox::{CLOUD_TOKEN, Condition, Dialect, Gate, Level, USER_TOKEN};

use crate::run::{Folder, acme, after_scan, assert_told, on_cloud, scanned};

use super::{of_pull_request, paths, run_after, shown, sonarqube};

#[test]
fn a_red_gate_is_posted_with_its_conditions_in_three_requests() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let submitted = sonarqube.submit(of_pull_request(Gate::failed()));
    let folder = scanned(".scannerwork", &submitted);
    let run = after_scan(&sandbox, &folder).run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: the quality gate of .scannerwork/report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    SonarQube at http://127.0.0.1:PORT/ (serverUrl of report-task.txt) gets SONAR_TOKEN
    quality gate failed: acme_api, pull request 7
      ✖ Reliability Rating on New Code                 C  A or better
      ✖ New Issues                                     3  at most 0
      ✖ Coverage on New Code                       54.9%  at least 80%
      ✔ Security Rating on New Code                    A  A or better
      ✔ Maintainability Rating on New Code             A  A or better
      ✔ Duplicated Lines on New Code                0.7%  at most 3%
      ✔ Security Hotspots Reviewed on New Code  no value  at least 100%
    ! the status does not link to SonarQube's dashboard "http://127.0.0.1:PORT/dashboard?id=acme_api&pullRequest=7", which is the address of this machine itself: Bitbucket refuses such addresses; set the server's public address in SonarQube (Administration > General > Server base URL), or pass URL
      status:   Sonar: acme_api (key sonar-acme_api): C Reliability Rating on New Code (is worse than A), 3 New Issues (is greater than 0), 54.9% Coverage on New Code (is less than 80%)
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: the quality gate is not green (FAIL_ON_RED_GATE: false keeps the step green)
    exit code 1
    "#);
    let status = shown(&sandbox);
    assert_eq!((status.state.as_str(), status.key.as_str()), ("FAILED", "sonar-acme_api"));
    insta::assert_snapshot!(status.description.unwrap(), @"
    C Reliability Rating on New Code (is worse than A), 3 New Issues (is greater than 0), 54.9% Coverage on New Code (is less than 80%)
    ");
    assert_eq!(sonarqube.requests().len() + sandbox.requests().len(), 3, "task, gate, status");
    assert!(paths(&sonarqube)[1].contains(&format!("analysisId={}", submitted.analysis_id)));
}

#[test]
fn a_green_gate_is_posted_as_successful() {
    let (run, status) = run_after(of_pull_request(Gate::passed()));
    assert_eq!(run.code, 0, "{}", run.output);
    assert_eq!(status.state, "SUCCESSFUL");
    assert_eq!(status.description.as_deref(), Some("Quality gate passed: acme_api, pull request 7"));
}

#[test]
fn fail_on_red_gate_false_posts_failed_and_exits_with_0() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::failed())));
    let run = after_scan(&sandbox, &folder).set("FAIL_ON_RED_GATE", "false").run();
    assert_told(&run, 0, &["✔ posted FAILED on acme/api"]);
    assert_eq!(shown(&sandbox).state, "FAILED");
}

#[test]
fn every_version_of_sonarqube_is_understood() {
    let now = sandbox::date(std::time::SystemTime::now());
    for dialect in Dialect::ALL {
        for (gate, state, code) in [(Gate::failed(), "FAILED", 1), (Gate::passed(), "SUCCESSFUL", 0)] {
            let (sandbox, sonarqube) = (acme(), sonarqube(dialect));
            let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(gate).submitted(&now)));
            let token = if dialect == Dialect::Cloud { CLOUD_TOKEN } else { USER_TOKEN };
            let run = after_scan(&sandbox, &folder).set("SONAR_TOKEN", token).run();
            assert_eq!(run.code, code, "{dialect:?}: {}", run.output);
            assert_eq!(shown(&sandbox).state, state, "{dialect:?}");
            assert_eq!(sonarqube.requests().len(), 2, "{dialect:?}");
        }
    }
}

#[test]
fn a_gate_with_a_warning_is_successful_and_names_the_warning() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server67));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::warned())));
    let run = after_scan(&sandbox, &folder).run();
    assert_told(&run, 0, &["quality gate passed with a warning"]);
    let status = shown(&sandbox);
    assert_eq!(status.state, "SUCCESSFUL");
    assert!(status.description.unwrap().starts_with("Quality gate passed with a warning: "));
}

#[test]
fn without_a_gate_the_state_is_that_of_on_no_gate() {
    for (on_no_gate, state, code) in
        [(None, "FAILED", 1), (Some("successful"), "SUCCESSFUL", 0), (Some("stopped"), "STOPPED", 0)]
    {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
        let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::none())));
        let mut run = after_scan(&sandbox, &folder);
        if let Some(wanted) = on_no_gate {
            run = run.set("ON_NO_GATE", wanted);
        }
        assert_eq!(run.run().code, code);
        let status = shown(&sandbox);
        assert_eq!(status.state, state);
        assert_eq!(
            status.description.as_deref(),
            Some("No quality gate was computed: acme_api, pull request 7")
        );
    }
}

#[test]
fn the_gate_is_read_from_the_measures_when_cloud_removes_its_endpoint() {
    for status in [404, 410] {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Cloud));
        sonarqube.projects(|projects| {
            projects.retire_project_status(status);
        });
        let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::failed())));
        let run = on_cloud(after_scan(&sandbox, &folder), &sonarqube).run();
        assert_told(&run, 1, &["quality gate failed: acme_api, pull request 7"]);
        let words = shown(&sandbox).description.unwrap();
        assert!(words.contains("54.9% Coverage on New Code (is less than 80%)"), "{words}");
        assert!(paths(&sonarqube)[2].starts_with("/api/measures/component?"), "{:?}", paths(&sonarqube));
    }
}

#[test]
fn a_dry_run_asks_sonarqube_and_does_not_post() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::failed())));
    let run = after_scan(&sandbox, &folder).set("DRY_RUN", "true").run();
    assert_told(&run, 1, &["\"state\":\"FAILED\""]);
    assert!(sandbox.requests().is_empty());
}

#[test]
fn many_conditions_are_shortened_to_bitbuckets_limit() {
    let conditions = (0..120)
        .map(|n| Condition::new(Level::Error, "new_violations", "GT", "0", &(n + 1).to_string()))
        .collect();
    let (run, status) = run_after(of_pull_request(Gate::of(conditions)));
    assert_told(&run, 1, &["… and 80 more conditions"]);
    let description = status.description.unwrap();
    assert!(description.starts_with("120 New Issues (is greater than 0), 119 New Issues"), "{description}");
    assert!(description.contains(" … and ") && description.chars().count() <= 255, "{description}");
}

#[test]
fn on_no_gate_is_a_final_state_or_the_default() {
    let (sandbox, folder) = (acme(), Folder::new());
    let run = after_scan(&sandbox, &folder).set("ON_NO_GATE", "INPROGRESS").set("SCAN_EXIT_CODE", "1").run();
    assert_told(
        &run,
        3,
        &["! ON_NO_GATE is \"INPROGRESS\", which is not a final state; the default is used"],
    );
}
