//! Gatepost waits for an analysis that is not finished.

use std::time::Duration;

use sandbox::{Analysis, Dialect, End, Gate};

use crate::run::{Fault, acme, after_scan, assert_told, scanned, stopped_by};

use super::{of_pull_request, run_after, shown, sonarqube};

#[test]
fn a_slow_analysis_is_waited_for() {
    let now = sandbox::date(std::time::SystemTime::now());
    let analysis = Analysis { polls: 3, ..of_pull_request(Gate::passed()) }.submitted(&now);
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(analysis));
    let run = after_scan(&sandbox, &folder).run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
    let requests = sonarqube.requests();
    assert_eq!(requests.len(), 5, "three times not yet, then done, then the gate");
    let pauses: Vec<_> = requests.windows(2).map(|pair| pair[1].received - pair[0].received).collect();
    assert!(pauses[0] >= Duration::from_millis(500) && pauses[1] > pauses[0], "{pauses:?}");
}

#[test]
fn timeout_does_not_end_the_wait_for_an_analysis() {
    let analysis = Analysis { polls: 4, ..of_pull_request(Gate::passed()) };
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(analysis));
    let run = after_scan(&sandbox, &folder).set("TIMEOUT", "1").run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
    assert!(run.took > Duration::from_secs(2), "{:?}", run.took);
}

#[test]
fn an_analysis_that_exceeds_sonar_timeout_is_posted_as_failed() {
    let analysis = Analysis { polls: u32::MAX, ..of_pull_request(Gate::passed()) };
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(analysis));
    let run = after_scan(&sandbox, &folder).set("SONAR_TIMEOUT", "2").run();
    assert_told(&run, 5, &["✖ posted FAILED on acme/api"]);
    assert!(run.took >= Duration::from_secs(2) && run.took < Duration::from_secs(5), "{:?}", run.took);
    let status = shown(&sandbox);
    assert_eq!(status.description.as_deref(), Some("The analysis did not finish within 2 s (in progress)"));
}

#[test]
fn a_failed_cancelled_or_deleted_analysis_is_posted_as_failed() {
    for (end, words) in [
        (
            End::Failed { message: "Fail to read\nthe report".to_owned() },
            "The analysis failed: Fail to read the report",
        ),
        (End::Canceled, "The analysis was cancelled"),
        (End::Vanishes, "No verdict: SonarQube does not know this analysis"),
    ] {
        let (run, status) = run_after(Analysis { polls: 1, end, ..of_pull_request(Gate::passed()) });
        assert_told(&run, 3, &["there is no verdict of SonarQube"]);
        assert_eq!((status.state.as_str(), status.description.as_deref()), ("FAILED", Some(words)));
    }
}

#[test]
fn a_slow_server_is_waited_for() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder =
        scanned(".scannerwork", &sonarqube.submit(Analysis { polls: 1, ..of_pull_request(Gate::passed()) }));
    sonarqube.fault(Fault::Delay(Duration::from_secs(2)));
    let run = after_scan(&sandbox, &folder).run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
}

#[test]
fn the_log_shows_that_the_wait_goes_on() {
    let analysis = Analysis { polls: u32::MAX, ..of_pull_request(Gate::passed()) };
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(analysis));
    let run = after_scan(&sandbox, &folder).set("SONAR_TIMEOUT", "20").run();
    let told: Vec<_> =
        run.output.lines().filter(|line| line.starts_with("waiting for the analysis, ")).collect();
    assert_eq!(told.len(), 1, "{}", run.output);
    assert!(told[0].ends_with(" s of 20 s, in progress"), "{told:?}");
    let requests = sonarqube.requests();
    let longest = requests.windows(2).map(|pair| pair[1].received - pair[0].received).max().unwrap();
    assert!(longest < Duration::from_secs(7), "{longest:?}");
}

#[test]
fn a_run_that_is_stopped_while_it_waits_ends_the_status_that_it_was_to_end() {
    let analysis = Analysis { polls: u32::MAX, ..of_pull_request(Gate::passed()) };
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(analysis));
    let gatepost = after_scan(&sandbox, &folder);
    let run = stopped_by("-TERM", &gatepost, || !sonarqube.requests().is_empty());
    assert_told(&run, 143, &["✖ stopped before the end: posted STOPPED on acme/api"]);
    let status = shown(&sandbox);
    assert_eq!((status.key.as_str(), status.state.as_str()), ("sonar-acme_api", "STOPPED"));
}
