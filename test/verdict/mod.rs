//! A green that can be trusted: the verdict is about this commit, or it is not green.
//!
//! Inputs that people met. Each test looks at the exit code, at what stands on the commit in the end, at the requests
//! where they tell something, and at what the log says.

mod check;
mod crash;
mod expected;
mod files;
mod project;
mod proof;
mod server;
mod several;
mod subject;
mod wait;

use std::collections::BTreeMap;

use sandbox::{Analysis, Dialect, Gate, Projects, SonarQube, Submitted};

use crate::run::{Folder, Gatepost, Sandbox, after_scan, scanned};

/// Before the commits of the sandbox, which are of 2026-11-02T08:00.
const BEFORE_THE_COMMIT: &str = "2026-09-01T08:00:00+0000";

/// An analysis that is sent now is as new as its file.
fn now() -> String {
    sandbox::date(std::time::SystemTime::now())
}

fn sonarqube() -> SonarQube {
    SonarQube::start(Projects::acme(Dialect::Server2025))
}

fn of_pull_request(id: &str) -> Analysis {
    Analysis::of_pull_request("acme_api", id, Gate::passed())
}

/// The build of pull request 7, after a scan that left this in the working folder.
fn after(sandbox: &Sandbox, submitted: &Submitted) -> (Folder, Gatepost) {
    let folder = scanned(".scannerwork", submitted);
    let gatepost = after_scan(sandbox, &folder);
    (folder, gatepost)
}

/// The build of the branch of pull request 7.
fn of_branch_build(gatepost: Gatepost) -> Gatepost {
    gatepost.unset("BITBUCKET_PR_ID").unset("BITBUCKET_PR_DESTINATION_BRANCH")
}

/// State and description of each status of pull request 7, by key.
fn standing(sandbox: &Sandbox) -> BTreeMap<String, (String, String)> {
    let statuses = sandbox.pull_request_statuses("acme/api", 7).into_iter();
    statuses.map(|status| (status.key, (status.state, status.description.unwrap_or_default()))).collect()
}

/// The states alone, as `key state`.
fn states(sandbox: &Sandbox) -> Vec<String> {
    standing(sandbox).into_iter().map(|(key, (state, _))| format!("{key} {state}")).collect()
}

/// Checks that one status stands under the key of the project.
fn assert_stands(sandbox: &Sandbox, state: &str, description: &str) {
    let standing = standing(sandbox);
    assert_eq!(standing.len(), 1, "{standing:#?}");
    assert_eq!(standing["sonar-acme_api"], (state.to_owned(), description.to_owned()));
}
