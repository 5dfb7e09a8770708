//! A Code Insights report beside the status: the gate, and the issues as annotations at their lines.

mod faults;
mod paths;
mod pipelines_proxy;
mod report;
mod variables;

use sandbox::{Analysis, Dialect, Gate, Issue, Projects, Report, SonarQube, Submitted};

use crate::run::{Folder, Gatepost, Sandbox, after_scan, scanned};

fn sonarqube(dialect: Dialect) -> SonarQube {
    SonarQube::start(Projects::acme(dialect))
}

/// A bug of high severity in a file.
fn bug(key: &str, path: &str, line: u32) -> Issue {
    Issue::new(key, "BUG", "CRITICAL", path, line, "It may be null")
}

/// As many issues, in two files.
fn issues(number: u32) -> Vec<Issue> {
    let path = |number: u32| if number.is_multiple_of(2) { "src/till.rs" } else { "src/cart.rs" };
    (1..=number).map(|number| bug(&format!("AZ{number}"), path(number), number)).collect()
}

fn red(issues: Vec<Issue>) -> Analysis {
    Analysis::of_pull_request("acme_api", "7", Gate::failed()).with_issues(issues)
}

/// The build of pull request 7 after a scan, with a report as it is by default.
fn with_report(sandbox: &Sandbox, folder: &Folder) -> Gatepost {
    after_scan(sandbox, folder).unset("REPORT").set("URL", "https://ci.example.com/")
}

/// The same with the file of a scan in the working folder.
fn after(sandbox: &Sandbox, submitted: &Submitted) -> (Folder, Gatepost) {
    let folder = scanned(".scannerwork", submitted);
    let gatepost = with_report(sandbox, &folder);
    (folder, gatepost)
}

/// The one report that stands on the head of pull request 7.
fn standing(sandbox: &Sandbox) -> Report {
    let mut reports = reports(sandbox);
    assert_eq!(reports.len(), 1, "{reports:#?}");
    reports.remove(0)
}

fn reports(sandbox: &Sandbox) -> Vec<Report> {
    let head = sandbox.head("acme/api", "feature/login");
    sandbox.world(|world| world.reports("acme/api", &head))
}

/// The requests to Bitbucket, as method and last parts of the path.
fn requests(sandbox: &Sandbox) -> Vec<String> {
    let last = |path: &str| {
        path.split("/commit/")
            .nth(1)
            .and_then(|rest| rest.split_once('/'))
            .map_or(String::new(), |(_, rest)| rest.to_owned())
    };
    sandbox
        .requests()
        .into_iter()
        .map(|request| format!("{} {}", request.method, last(&request.path)))
        .collect()
}
