//! The commit that was built, or none.

use std::time::Duration;

use super::{as_person, assert_nothing_posted, assert_stands, posts, standing, tests};
use crate::run::{
    Run, Sandbox, acme, assert_told, by_hand, in_branch_build, in_central_pipeline, in_pull_request_build,
};

/// The merge commit that a pull-request pipeline makes: it exists in the build only.
const LOCAL_MERGE: &str = "ffffffffffffffffffffffffffffffffffffffff";

/// Checks that a run that lost its commit named both and posted to none.
fn assert_moved_on(sandbox: &Sandbox, run: &Run, built: &str, head: &str) {
    let moved = format!("has moved on to {}", &head[..12]);
    assert_told(run, 4, &[&moved, &built[..12], "nothing was posted"]);
    assert_nothing_posted(sandbox, run);
    assert!(posts(sandbox).iter().all(|post| !post.path.contains(&head[..12])), "{}", run.output);
    assert!(run.took < Duration::from_secs(15), "{:?}", run.took);
}

#[test]
fn a_local_merge_commit_gives_way_to_the_built_commit_and_never_to_a_newer_head() {
    let sandbox = acme();
    let built = sandbox.head("acme/api", "feature/login");
    let gatepost = tests(in_pull_request_build(&sandbox)).set("COMMIT", LOCAL_MERGE);
    let head = sandbox.world(|world| world.push("acme/api", "feature/login"));
    let run = gatepost.run();
    assert_told(&run, 0, &[&built[..12], LOCAL_MERGE]);
    assert_stands(&sandbox, "acme/api", &built, "SUCCESSFUL");
    assert_eq!(standing(&sandbox, "acme/api", &head), []);
}

#[test]
fn a_local_merge_commit_of_an_unchanged_pull_request_gives_way_to_its_head() {
    let sandbox = acme();
    let built = sandbox.head("acme/api", "feature/login");
    let run = tests(in_pull_request_build(&sandbox)).set("COMMIT", LOCAL_MERGE).run();
    assert_told(&run, 0, &[LOCAL_MERGE]);
    assert_stands(&sandbox, "acme/api", &built, "SUCCESSFUL");
}

#[test]
fn a_built_commit_that_was_force_pushed_away_gets_nothing_and_neither_does_the_new_head() {
    let sandbox = acme();
    let built = sandbox.head("acme/api", "feature/login");
    let gatepost = tests(in_pull_request_build(&sandbox));
    let head = sandbox.world(|world| world.force_push("acme/api", "feature/login"));
    let run = gatepost.run();
    assert_moved_on(&sandbox, &run, &built, &head);
    assert!(run.output.contains("pull request 7"), "{}", run.output);
}

#[test]
fn a_central_pipeline_treats_a_commit_that_is_gone_the_same() {
    let sandbox = acme();
    let built = sandbox.head("acme/web", "fix/header");
    let head = sandbox.world(|world| world.force_push("acme/web", "fix/header"));
    let run = tests(in_central_pipeline(&sandbox))
        .set("REPO_SLUG", "web")
        .set("COMMIT", &built)
        .set("BRANCH", "fix/header")
        .set("PULL_REQUEST", "12")
        .run();
    assert_moved_on(&sandbox, &run, &built, &head);
    assert!(run.output.contains("pull request 12"), "{}", run.output);
}

/// The head of a fork's pull request is that commit, in another repository than the one that was asked.
#[test]
fn a_commit_that_is_the_head_of_the_pull_request_is_found_where_it_is() {
    let sandbox = acme();
    let commit = sandbox.head("jane/api", "patch-1");
    for given in [&commit[..], &commit[..12]] {
        let run = as_person(tests(by_hand(&sandbox))).set("COMMIT", given).set("PULL_REQUEST", "9").run();
        assert_told(&run, 0, &["✔ posted SUCCESSFUL on jane/api"]);
        assert_stands(&sandbox, "jane/api", &commit, "SUCCESSFUL");
    }
}

/// The build of a fork's pull request: neither the local merge commit nor the built commit is in the repository itself.
#[test]
fn a_local_merge_commit_of_a_forks_pull_request_gives_way_to_the_built_commit_in_the_fork() {
    let sandbox = acme();
    let built = sandbox.head("jane/api", "patch-1");
    let own = as_person(tests(in_pull_request_build(&sandbox)))
        .set("BITBUCKET_COMMIT", &built[..12])
        .set("BITBUCKET_BRANCH", "patch-1")
        .set("BITBUCKET_PR_ID", "9");
    for gatepost in [own.clone(), own.clone().set("COMMIT", LOCAL_MERGE)] {
        let run = gatepost.run();
        assert_told(&run, 0, &["✔ posted SUCCESSFUL on jane/api"]);
        assert_stands(&sandbox, "jane/api", &built, "SUCCESSFUL");
    }
}

#[test]
fn a_local_merge_commit_of_a_pull_request_that_moved_on_is_posted_nowhere() {
    let sandbox = acme();
    let built = sandbox.head("acme/api", "feature/login");
    let gatepost = tests(in_pull_request_build(&sandbox)).set("COMMIT", LOCAL_MERGE);
    let head = sandbox.world(|world| world.force_push("acme/api", "feature/login"));
    let run = gatepost.run();
    assert_moved_on(&sandbox, &run, &built, &head);
    assert!(run.output.contains("pull request 7 has moved on"), "{}", run.output);
    assert!(!run.output.contains("remove COMMIT"), "{}", run.output);
}

#[test]
fn a_pull_request_beside_a_branch_build_gets_the_built_commit() {
    let sandbox = acme();
    let built = sandbox.head("acme/api", "feature/login");
    let gatepost = tests(in_branch_build(&sandbox))
        .set("BITBUCKET_COMMIT", &built)
        .set("BITBUCKET_BRANCH", "feature/login")
        .set("PULL_REQUEST", "7");
    assert_told(&gatepost.run(), 0, &["✔ posted SUCCESSFUL"]);
    assert_stands(&sandbox, "acme/api", &built, "SUCCESSFUL");

    let head = sandbox.world(|world| world.push("acme/api", "feature/login"));
    let run = gatepost.run();
    assert_told(&run, 0, &["pull request 7", &head[..12], &built[..12]]);
    assert_stands(&sandbox, "acme/api", &built, "SUCCESSFUL");
    assert_eq!(standing(&sandbox, "acme/api", &head), []);
}

#[test]
fn a_built_commit_that_bitbucket_does_not_know_yet_is_tried_again() {
    let sandbox = acme();
    let built = sandbox.head("acme/api", "feature/login");
    sandbox.world(|world| {
        world.know_commit_after("acme/api", &built, 1);
    });
    let run = tests(in_pull_request_build(&sandbox)).run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL on acme/api", "trying again"]);
    let answers: Vec<_> = posts(&sandbox).iter().map(|post| post.status).collect();
    assert_eq!(answers, [Some(404), Some(201)]);
    assert_stands(&sandbox, "acme/api", &built, "SUCCESSFUL");
}

#[test]
fn a_commit_that_bitbucket_has_just_named_is_tried_again() {
    for (variable, value) in [("PULL_REQUEST", "7"), ("BRANCH", "feature/login")] {
        let sandbox = acme();
        let head = sandbox.head("acme/api", "feature/login");
        sandbox.world(|world| {
            world.know_commit_after("acme/api", &head, 2);
        });
        let run = tests(by_hand(&sandbox)).set(variable, value).run();
        assert_told(&run, 0, &["✔ posted SUCCESSFUL on acme/api"]);
        assert_eq!(posts(&sandbox).len(), 3);
        assert_stands(&sandbox, "acme/api", &head, "SUCCESSFUL");
    }
}

/// Nobody but the user says that there is such a commit.
#[test]
fn a_given_commit_that_nobody_knows_is_refused_at_once() {
    let sandbox = acme();
    let run = tests(by_hand(&sandbox)).set("COMMIT", LOCAL_MERGE).run();
    assert_told(&run, 4, &["404 Not Found", LOCAL_MERGE]);
    assert_eq!(sandbox.request_count(), 1);
}

#[test]
fn a_commit_that_is_never_known_is_believed_to_be_missing_after_some_seconds() {
    let sandbox = acme();
    let built = sandbox.head("acme/api", "main");
    sandbox.world(|world| {
        world.know_commit_after("acme/api", &built, u32::MAX);
    });
    let run = tests(in_branch_build(&sandbox)).set("TIMEOUT", "120").run();
    assert_told(&run, 4, &["404 Not Found", &built]);
    assert!(!run.output.contains("remove COMMIT"), "the default was tried:\n{}", run.output);
    assert!(posts(&sandbox).len() > 1, "{}", run.output);
    assert!(run.took < Duration::from_secs(20), "TIMEOUT is for a service that fails: {:?}", run.took);
}

#[test]
fn a_pull_request_that_has_ended_is_said() {
    for (ends, told) in
        [("MERGED", "is merged already: the status comes too late"), ("DECLINED", "is declined already")]
    {
        let sandbox = acme();
        let head = sandbox.head("acme/api", "feature/login");
        sandbox.world(|world| {
            if ends == "MERGED" {
                world.merge_pull_request("acme/api", 7);
            } else {
                world.decline_pull_request("acme/api", 7);
            }
        });
        let run = tests(by_hand(&sandbox)).set("PULL_REQUEST", "7").run();
        assert_told(&run, 0, &["pull request 7", told, "✔ posted SUCCESSFUL"]);
        assert_stands(&sandbox, "acme/api", &head, "SUCCESSFUL");
    }
}

#[test]
fn a_pull_request_without_a_source_commit_is_no_hindrance_when_the_commit_is_given() {
    let sandbox = acme();
    let (of_branch, of_fork) =
        (sandbox.head("acme/api", "feature/login"), sandbox.head("jane/api", "patch-1"));
    sandbox.world(|world| {
        world.add_commit("acme/api", &of_fork).delete_source_repository("acme/api", 9);
        world.delete_source_branch("acme/api", 7);
    });
    for (id, commit) in [("7", &of_branch), ("9", &of_fork)] {
        let run = tests(by_hand(&sandbox)).set("PULL_REQUEST", id).set("COMMIT", commit).run();
        assert_told(&run, 0, &["✔ posted SUCCESSFUL on acme/api"]);
        assert_stands(&sandbox, "acme/api", commit, "SUCCESSFUL");
    }
}

#[test]
fn a_pull_request_without_a_source_commit_alone_is_told_as_that() {
    let sandbox = acme();
    sandbox.world(|world| {
        world.delete_source_branch("acme/api", 7);
    });
    let run = tests(by_hand(&sandbox)).set("PULL_REQUEST", "7").run();
    assert_told(&run, 4, &["pull request 7", "COMMIT"]);
    assert_nothing_posted(&sandbox, &run);
    assert!(!run.output.contains("expected"), "no words of a JSON parser:\n{}", run.output);
}
