//! Runs with many targets.

mod check;
mod duplicates;
mod failures;
mod found;
mod limits;
mod list;
mod parallel;
mod placeholders;
mod repositories;
mod resume;
mod scale;
mod secrets;
mod sonarqube;
mod stop;
mod tokens;

use std::collections::BTreeMap;

use sandbox::service;
use serde_json::{Value, json};

use crate::run::{Folder, Gatepost, Sandbox, World, over_list};

/// A sandbox with this many repositories, each with one pull request.
fn fleet(count: usize) -> Sandbox {
    Sandbox::start(World::fleet(count))
}

/// A run by hand with the workspace's token, over these targets.
fn nightly(sandbox: &Sandbox, folder: &Folder, targets: &Value) -> Gatepost {
    over_list(sandbox, folder, targets).set("KEY", "sonar")
}

/// An entry for the head of each repository's pull request, with nothing to look up.
fn entries(sandbox: &Sandbox, numbers: impl IntoIterator<Item = usize>) -> Vec<Value> {
    let entry = |number| {
        let slug = service(number);
        let commit = sandbox.head(&format!("acme/{slug}"), "feature/change");
        json!({ "repo_slug": slug, "commit": commit, "branch": "feature/change", "state": "passed" })
    };
    numbers.into_iter().map(entry).collect()
}

fn state_of(sandbox: &Sandbox, number: usize) -> Option<String> {
    let statuses = sandbox.pull_request_statuses(&format!("acme/{}", service(number)), 1);
    assert!(statuses.len() <= 1, "{statuses:#?}");
    statuses.into_iter().next().map(|status| status.state)
}

/// The number of POST requests to each path.
fn posts(sandbox: &Sandbox) -> BTreeMap<String, usize> {
    let mut posts = BTreeMap::new();
    for request in sandbox.requests() {
        if request.method == "POST" {
            *posts.entry(request.path).or_default() += 1;
        }
    }
    posts
}

fn results(folder: &Folder) -> Vec<Value> {
    folder.read("results.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
