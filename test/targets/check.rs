//! `MODE: check` with many targets.

use sandbox::WORKSPACE_TOKEN;
use serde_json::json;

use crate::run::{Folder, assert_told};

use super::{fleet, nightly};

#[test]
fn check_looks_at_every_target() {
    let (sandbox, folder) = (fleet(3), Folder::new());
    sandbox.world(|world| {
        world.delete_repository("acme/service-002");
    });
    let targets = json!([
        { "repo_slug": "service-001", "pull_request": 1, "state": "ok" },
        { "repo_slug": "service-001", "pull_request": 77, "state": "ok" },
        { "repo_slug": "service-001", "branch": "main", "state": "ok" },
        { "repo_slug": "service-002", "branch": "main", "state": "ok" },
        { "repo_slug": "service-003", "branch": "main", "state": "ok" },
    ]);
    let gatepost = nightly(&sandbox, &folder, &targets).set("MODE", "check");
    let run = gatepost.run();
    assert_told(
        &run,
        4,
        &[
            "check of 5 targets; nothing is posted",
            "✖ acme/service-001 pull request 77: failed to look up pull request 77 of acme/service-001",
            "✖ acme/service-001 pull request 77: 1 of 5 checks failed; nothing was posted",
            "✖ acme/service-002 branch main: failed to read the repository acme/service-002: Bitbucket answered 404 Not Found",
            "✖ 3 of 5 targets work; nothing was posted\n",
        ],
    );
    assert!(!run.output.contains("✔ acme"), "those that work are counted: {}", run.output);
    assert!(sandbox.requests().iter().all(|request| request.method == "GET"));
    // Each repository is read once.
    let looks = |slug: &str| sandbox.requests().iter().filter(|request| request.path.ends_with(slug)).count();
    assert_eq!(["service-001", "service-002", "service-003"].map(looks), [1, 1, 1]);
    let in_group = gatepost
        .set("SPLIT", "true")
        .set("BITBUCKET_PARALLEL_STEP", "0")
        .set("BITBUCKET_PARALLEL_STEP_COUNT", "2")
        .run();
    let share = "3 of 5 targets, the rest belongs to the other steps";
    assert_told(&in_group, 0, &["\nstep 1 of 2 of the parallel group: 3 of 5 targets\n", share]);
}

/// The repository and the pull request are read once, the commit and the status for each target.
#[test]
fn check_warns_when_it_needs_more_requests_than_the_allowance() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let targets: Vec<_> = (0..501)
        .map(|key| json!({ "repo_slug": "service-001", "pull_request": 1, "state": "ok", "key": format!("k{key}") }))
        .collect();
    sandbox.world(|world| {
        world.revoke(WORKSPACE_TOKEN);
    });
    let run = nightly(&sandbox, &folder, &json!(targets)).set("MODE", "check").run();
    assert_told(&run, 4, &["! the run needs up to 1004 requests", "✖ 0 of 501 targets work"]);
    assert_eq!(sandbox.request_count(), 1);
}
