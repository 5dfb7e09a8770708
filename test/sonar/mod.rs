//! SonarQube's verdict becomes the status.

mod address;
mod advice;
mod answers;
mod certificates;
mod exit_code;
mod gate;
mod refusals;
mod report_task;
mod several;
mod subject;
mod tokens;
mod waiting;
mod webhook;

use sandbox::{Analysis, Dialect, Gate, Projects, SonarQube, Status};

use crate::run::{Run, Sandbox, acme, after_scan, scanned};

fn sonarqube(dialect: Dialect) -> SonarQube {
    SonarQube::start(Projects::acme(dialect))
}

fn of_pull_request(gate: Gate) -> Analysis {
    Analysis::of_pull_request("acme_api", "7", gate)
}

/// The one status that the pull request has.
fn shown(sandbox: &Sandbox) -> Status {
    let mut statuses = sandbox.pull_request_statuses("acme/api", 7);
    assert_eq!(statuses.len(), 1, "{statuses:#?}");
    statuses.remove(0)
}

fn paths(sonarqube: &SonarQube) -> Vec<String> {
    sonarqube.requests().into_iter().map(|request| request.path).collect()
}

/// Runs after one scan, and returns the run and the status of the pull request.
fn run_after(analysis: Analysis) -> (Run, Status) {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(analysis));
    let run = after_scan(&sandbox, &folder).run();
    (run, shown(&sandbox))
}
