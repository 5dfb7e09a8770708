//! Several targets that are the same commit with the same key.

use serde_json::json;

use crate::run::{Fault, Folder, assert_told};

use super::{entries, fleet, nightly, posts, results, state_of};

#[test]
fn equal_entries_are_posted_once_and_contradicting_entries_are_refused() {
    let (sandbox, folder) = (fleet(2), Folder::new());
    let one = entries(&sandbox, [1]).remove(0);
    let run = nightly(
        &sandbox,
        &folder,
        &json!([one, one, { "repo_slug": "service-002", "pull_request": 1, "state": "ok" }, one]),
    )
    .run();
    insta::assert_snapshot!(run.told(), @"
    ! TARGETS_FILE[1] is the same as TARGETS_FILE[0] and is posted once
    ! TARGETS_FILE[3] is the same as TARGETS_FILE[0] and is posted once
    gatepost 0.1.0: 2 targets, 2 at once
      repository        commit        state       outcome
    ✔ acme/service-001  31021ff96f3f  SUCCESSFUL  posted
    ✔ acme/service-002  64630d9df82d  SUCCESSFUL  posted
    ✔ 2 targets: 2 posted
    exit code 0
    ");
    assert_eq!(posts(&sandbox).values().sum::<usize>(), 2);
    let mut other = one.clone();
    other["state"] = json!("failed");
    let run = nightly(&sandbox, &folder, &json!([one, other])).run();
    insta::assert_snapshot!(run.told(), @"
    ✖ TARGETS_FILE[1] has the same commit and key as TARGETS_FILE[0], and another content or refname
      accepted: one entry for each commit and key; with two refnames Bitbucket keeps two statuses, and a red one stays beside a green one
      to do:    remove one of the two, or give it another key
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    ");
    other["key"] = json!("other");
    assert_eq!(nightly(&sandbox, &folder, &json!([one, other])).run().code, 0);
}

/// Only the lookup shows that the pull request has the same commit.
#[test]
fn a_commit_and_its_pull_request_are_posted_once() {
    let (sandbox, folder) = (fleet(2), Folder::new());
    let commit = sandbox.head("acme/service-001", "feature/change");
    let by_commit = |state: &str| json!({ "repo_slug": "service-001", "commit": commit[..12], "branch": "feature/change", "state": state });
    let by_pull_request =
        |state: &str| json!({ "repo_slug": "service-001", "pull_request": 1, "state": state });
    let gatepost =
        nightly(&sandbox, &folder, &json!([by_commit("ok"), by_pull_request("ok")])).set("CONCURRENCY", "1");
    let same = gatepost.run();
    assert_told(&same, 0, &["✔ 2 targets: 1 posted, 1 the same as others, posted once"]);
    assert_eq!(posts(&sandbox).values().sum::<usize>(), 1);

    let (sandbox, folder) = (fleet(2), Folder::new());
    let gatepost = nightly(&sandbox, &folder, &json!([by_commit("ok"), by_pull_request("failed")]))
        .set("CONCURRENCY", "1")
        .set("RESULT_FILE", "results.jsonl");
    let other = gatepost.run();
    assert_told(
        &other,
        4,
        &[
            "✖ acme/service-001 pull request 1: not posted: another target of this run is the same commit with the same key and another content\n  to do:    remove one of the two, or give it another KEY",
            "✖ 2 targets: 1 posted, 1 not posted",
            "another target has another content",
        ],
    );
    assert_eq!(state_of(&sandbox, 1).as_deref(), Some("SUCCESSFUL"));
    assert_eq!(results(&folder)[1]["outcome"], "refused");
}

/// Bitbucket would keep both statuses, and nobody would see that the red one is meant.
#[test]
fn two_refnames_of_one_commit_and_key_are_a_contradiction_however_they_are_found() {
    let other_branch =
        |state: &str| json!({ "repo_slug": "service-001", "branch": "feature/copy", "state": state });
    let by_branch =
        |state: &str| json!({ "repo_slug": "service-001", "branch": "feature/change", "state": state });
    let by_pull_request =
        |state: &str| json!({ "repo_slug": "service-001", "pull_request": 1, "state": state });
    let commit = fleet(1).head("acme/service-001", "feature/change");
    let by_commit = |state: &str| json!({ "repo_slug": "service-001", "commit": commit, "state": state });
    for targets in [
        json!([by_branch("ok"), by_commit("failed")]),
        json!([by_pull_request("ok"), by_commit("failed")]),
        json!([by_branch("ok"), other_branch("failed")]),
        json!([by_branch("ok"), other_branch("ok")]),
        json!([by_commit("failed"), by_branch("ok")]),
    ] {
        let (sandbox, folder) = (fleet(1), Folder::new());
        sandbox.world(|world| {
            world.add_branch("acme/service-001", "feature/copy", &commit);
        });
        let run = nightly(&sandbox, &folder, &targets).set("RESULT_FILE", "results.jsonl").run();
        assert_told(
            &run,
            4,
            &[
                "not posted: another target of this run is the same commit with the same key and another refname\n  why:      with two refnames Bitbucket keeps two statuses, and a red one stays beside a green one\n  to do:    remove one of the two, or give it another KEY",
                "✖ 2 targets: 1 posted, 1 not posted",
                "not posted: another target has another refname",
            ],
        );
        assert_eq!(sandbox.statuses("acme/service-001", &commit).len(), 1, "{}", run.output);
        let outcomes: Vec<_> = results(&folder).iter().map(|line| line["outcome"].clone()).collect();
        assert!(
            outcomes.contains(&json!("delivered")) && outcomes.contains(&json!("refused")),
            "{outcomes:?}"
        );
    }
}

/// A refused status does not count as posted.
#[test]
fn a_target_is_posted_when_an_equal_target_was_refused() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let commit = sandbox.head("acme/service-001", "feature/change");
    let by_commit = json!({ "repo_slug": "service-001", "commit": commit[..12], "branch": "feature/change", "state": "ok" });
    let by_pull_request = json!({ "repo_slug": "service-001", "pull_request": 1, "state": "ok" });
    sandbox.fault(Fault::status(405));
    let run = nightly(&sandbox, &folder, &json!([by_commit, by_pull_request])).set("CONCURRENCY", "1").run();
    assert_told(&run, 4, &["✖ 2 targets: 1 posted, 1 not posted"]);
    assert_eq!(state_of(&sandbox, 1).as_deref(), Some("SUCCESSFUL"));
}

/// A resumed run compares a full hash with the abbreviated hash of the pull request.
#[test]
fn a_contradicting_target_is_refused_again_when_resumed() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let commit = sandbox.head("acme/service-001", "feature/change");
    let by_commit =
        json!({ "repo_slug": "service-001", "commit": commit, "branch": "feature/change", "state": "ok" });
    let by_pull_request = json!({ "repo_slug": "service-001", "pull_request": 1, "state": "failed" });
    let gatepost = nightly(&sandbox, &folder, &json!([by_commit, by_pull_request]))
        .set("CONCURRENCY", "1")
        .set("RESULT_FILE", "results.jsonl")
        .set("RESUME", "true");
    for _ in 0..3 {
        let run = gatepost.run();
        assert_told(&run, 4, &["1 not posted", "another target has another content"]);
        assert_eq!(state_of(&sandbox, 1).as_deref(), Some("SUCCESSFUL"));
    }
}

/// Entries are equal only with equal links, so the default link must not depend on the length of the hash.
#[test]
fn full_and_abbreviated_hashes_of_one_commit_are_one_target() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let commit = sandbox.head("acme/service-001", "feature/change");
    let entry = |commit: &str| json!({ "repo_slug": "service-001", "commit": commit, "branch": "feature/change", "state": "ok" });
    let targets = json!([
        entry(&commit),
        entry(&commit[..13]),
        { "repo_slug": "service-001", "pull_request": 1, "state": "ok" },
    ]);
    let run = nightly(&sandbox, &folder, &targets).run();
    assert_told(&run, 0, &["✔ 3 targets: 1 posted, 2 the same as others, posted once\n"]);
}
