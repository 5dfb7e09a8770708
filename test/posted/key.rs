//! No two statuses under one key by accident.

use sandbox::{Analysis, Dialect, Gate, Projects, SonarQube, WORKSPACE_TOKEN};
use serde_json::json;

use super::{assert_refused_unsent, standing, tests};
use crate::run::{acme, after_scan, assert_told, by_hand, in_branch_build, in_central_pipeline, scanned};

#[test]
fn two_parallel_steps_without_a_key_are_told_what_they_would_do() {
    let sandbox = acme();
    for (step, state) in [("0", "1"), ("1", "0")] {
        let run = tests(in_branch_build(&sandbox))
            .unset("KEY")
            .set("STATE", state)
            .set("BITBUCKET_PARALLEL_STEP", step)
            .set("BITBUCKET_PARALLEL_STEP_COUNT", "2")
            .run();
        assert_refused_unsent(
            &sandbox,
            &run,
            &["✖ KEY is not set", "overwrite each other", "a green lint would hide red tests", "KEY: "],
        );
    }
}

#[test]
fn a_state_with_a_project_key_has_the_projects_key() {
    let sandbox = acme();
    let run = tests(in_branch_build(&sandbox)).unset("KEY").set("SONAR_PROJECT_KEY", "acme_api").run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
    let standing = standing(&sandbox, "acme/api", &sandbox.head("acme/api", "main"));
    assert_eq!(standing[0].0, "sonar-acme_api");
}

/// The scanner's own verdict has a key by default: that of its project.
#[test]
fn a_verdict_needs_no_key() {
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
    let submitted = sonarqube.submit(Analysis::of_pull_request("acme_api", "7", Gate::passed()));
    let folder = scanned("target/sonar", &submitted);
    let run = after_scan(&sandbox, &folder).unset("KEY").run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
    let commit = sandbox.head("acme/api", "feature/login");
    assert_eq!(standing(&sandbox, "acme/api", &commit)[0].0, "sonar-acme_api");
}

/// Bitbucket keeps two statuses then, and a merge check sees both.
#[test]
fn a_list_with_one_key_on_a_commit_is_refused_whatever_the_refname() {
    let sandbox = acme();
    let commit = sandbox.head("acme/web", "fix/header");
    for other in [json!("release"), json!(null)] {
        let mut entries = json!([
            { "repo_slug": "web", "commit": commit, "refname": "fix/header", "state": "passed", "key": "tests" },
            { "repo_slug": "web", "commit": commit, "refname": other, "state": "failed", "key": "tests" },
        ]);
        if other.is_null() {
            entries[1].as_object_mut().unwrap().remove("refname");
        }
        let run = in_central_pipeline(&sandbox).unset("STATE").set("TARGETS", entries.to_string()).run();
        assert_refused_unsent(
            &sandbox,
            &run,
            &["TARGETS[1]", "TARGETS[0]", "same commit and key", "refname"],
        );
    }
}

#[test]
fn a_tags_status_is_said_to_stand_beside_that_of_the_branch() {
    let sandbox = acme();
    let commit = sandbox.head("acme/api", "main");
    let branch = tests(in_branch_build(&sandbox)).set("STATE", "failed");
    assert_told(&branch.run(), 0, &[]);
    let tag = tests(in_branch_build(&sandbox)).set("BITBUCKET_BRANCH", "").set("BITBUCKET_TAG", "v1.0");
    let run = tag.run();
    assert_told(&run, 0, &["refname"]);
    let standing = standing(&sandbox, "acme/api", &commit);
    let states: Vec<_> = standing.iter().map(|(_, state, refname)| (&**state, refname.as_deref())).collect();
    assert_eq!(states, [("FAILED", Some("main")), ("SUCCESSFUL", None)]);
}

/// Another key or another commit is another status.
#[test]
fn statuses_that_differ_in_key_or_commit_are_not_in_each_others_way() {
    let sandbox = acme();
    let (old, new) = (sandbox.head("acme/web", "main"), sandbox.head("acme/web", "fix/header"));
    let entries = json!([
        { "repo_slug": "web", "commit": old, "state": "passed", "key": "tests" },
        { "repo_slug": "web", "commit": new, "state": "passed", "key": "tests" },
        { "repo_slug": "web", "commit": new, "state": "failed", "key": "lint" },
    ]);
    let run = by_hand(&sandbox)
        .unset("STATE")
        .unset("REPO_SLUG")
        .set("BITBUCKET_ACCESS_TOKEN", WORKSPACE_TOKEN)
        .set("WORKSPACE", "acme")
        .set("TARGETS", entries.to_string())
        .run();
    assert_told(&run, 0, &[]);
    let counts = [&old, &new].map(|commit| standing(&sandbox, "acme/web", commit).len());
    assert_eq!(counts, [1, 2]);
}
