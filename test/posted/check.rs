//! Check asks what publish would, and claims nothing else.

use sandbox::{WORKSPACE_TOKEN, service};
use serde_json::{Value, json};

use super::{assert_nothing_posted, last_line, posts, tests};
use crate::run::{
    Fault, Gatepost, Run, Sandbox, World, acme, assert_told, bare, by_hand, in_branch_build,
    in_pull_request_build,
};

fn check(gatepost: Gatepost) -> Gatepost {
    gatepost.set("MODE", "check")
}

/// A check whose answers all have other values.
fn altered(gatepost: impl Fn(&Sandbox) -> Gatepost, change: Value) -> (Sandbox, Run) {
    let sandbox = acme();
    sandbox.fault_always(Fault::Altered(change));
    let run = check(tests(gatepost(&sandbox))).run();
    assert!(posts(&sandbox).is_empty(), "{}", run.output);
    (sandbox, run)
}

#[test]
fn what_publish_would_do_is_said_to_work() {
    let sandbox = acme();
    let run = check(tests(in_pull_request_build(&sandbox))).run();
    assert_told(&run, 0, &["nothing was posted"]);
    assert_nothing_posted(&sandbox, &run);
}

#[test]
fn the_object_must_be_a_repository() {
    let (_sandbox, run) = altered(in_branch_build, json!({ "type": "workspace" }));
    assert_told(&run, 4, &["✖", "acme/api"]);
    let (_sandbox, run) = altered(in_branch_build, json!({ "type": "error", "error": { "message": "No." } }));
    assert_told(&run, 4, &["✖"]);
}

#[test]
fn the_commit_must_be_the_one_that_was_asked_for() {
    let other = "0".repeat(40);
    let (_sandbox, run) = altered(in_branch_build, json!({ "hash": other }));
    assert_told(&run, 4, &["✖", &other[..12]]);
}

/// An abbreviation is that commit.
#[test]
fn the_whole_hash_of_an_abbreviated_commit_is_that_commit() {
    let sandbox = acme();
    let commit = sandbox.head("acme/api", "main");
    for given in [&commit[..7], &commit[..12], &commit.to_uppercase()] {
        let run = check(tests(by_hand(&sandbox))).set("COMMIT", given).run();
        assert_told(&run, 0, &["✔"]);
    }
}

#[test]
fn the_pull_request_must_be_the_one_that_was_asked_for() {
    let by_pull_request = |sandbox: &Sandbox| by_hand(sandbox).set("PULL_REQUEST", "7");
    let (_sandbox, run) = altered(by_pull_request, json!({ "id": 8 }));
    assert_told(&run, 4, &["✖", "pull request 7", "but the answer is pull request 8"]);
}

#[test]
fn the_status_must_be_one_with_the_key_that_was_asked_for() {
    for (answer, told) in [
        (json!({ "error": "unauthorized" }), "the answer is not a status"),
        (json!({ "type": "commit", "key": "tests" }), "the answer is not a status"),
        (
            json!({ "type": "build", "key": "lint" }),
            "the answer is the status with the key \"lint\", not \"tests\"",
        ),
    ] {
        let sandbox = acme();
        sandbox.fault_after(2, Fault::json(200, &answer));
        let run = check(tests(in_branch_build(&sandbox))).run();
        assert_told(&run, 4, &["✖ failed to read who created the status", told]);
        assert!(!run.output.contains("has a status with the key"), "{}", run.output);
    }
}

/// Bitbucket lists the scopes of a token, and the one that a status needs is not among them.
#[test]
fn a_scope_that_is_not_listed_is_not_claimed() {
    let sandbox = acme();
    let repository = json!({ "type": "repository", "full_name": "acme/api" }).to_string();
    let headers = vec![("x-oauth-scopes".to_owned(), "account".to_owned())];
    sandbox.fault(Fault::Answer { status: 200, headers, body: repository.into() });
    let run = check(tests(in_branch_build(&sandbox))).run();
    assert_told(
        &run,
        0,
        &["! Bitbucket lists the scopes of the token without repository, for statuses: account"],
    );
    assert!(!run.output.contains("has the scope"), "{}", run.output);
}

/// A token of a repository is asked about no pull request when none is looked up.
#[test]
fn nothing_is_claimed_about_what_was_not_asked() {
    let sandbox = acme();
    let run = check(tests(in_branch_build(&sandbox)))
        .set("BITBUCKET_ACCESS_TOKEN", sandbox::REPOSITORY_TOKEN_REPOSITORY_ONLY)
        .run();
    assert_told(&run, 0, &[]);
    let claims = run.output.lines().filter(|line| line.starts_with("✔ "));
    let about_pull_requests: Vec<_> = claims.filter(|line| line.contains("pull request")).collect();
    assert!(about_pull_requests.is_empty(), "{}", run.output);
    assert!(sandbox.requests().iter().all(|request| !request.path.contains("/pullrequests/")));
}

#[test]
fn a_commit_that_was_force_pushed_away_fails_the_check_as_it_fails_the_run() {
    let sandbox = acme();
    let gatepost = tests(in_pull_request_build(&sandbox));
    let head = sandbox.world(|world| world.force_push("acme/api", "feature/login"));
    let run = check(gatepost).run();
    assert_told(&run, 4, &[&head[..12]]);
    assert_nothing_posted(&sandbox, &run);
}

#[test]
fn a_commit_that_is_not_known_yet_is_tried_again() {
    let sandbox = acme();
    let built = sandbox.head("acme/api", "feature/login");
    sandbox.world(|world| {
        world.know_commit_after("acme/api", &built, 1);
    });
    let run = check(tests(in_pull_request_build(&sandbox))).run();
    assert_told(&run, 0, &[]);
}
#[test]
fn in_a_parallel_group_that_is_split_it_says_how_many_of_how_many() {
    let sandbox = Sandbox::start(World::fleet(6));
    let entry = |number| {
        let commit = sandbox.head(&format!("acme/{}", service(number)), "main");
        json!({ "repo_slug": service(number), "commit": commit, "state": "passed", "key": "tests" })
    };
    let targets: Vec<Value> = (1..=6).map(entry).collect();
    let group = check(bare())
        .set("BITBUCKET_API_URL", sandbox.http_url())
        .set("BITBUCKET_ACCESS_TOKEN", WORKSPACE_TOKEN)
        .set("WORKSPACE", "acme")
        .set("TARGETS", json!(targets).to_string())
        .set("BITBUCKET_PARALLEL_STEP", "0")
        .set("BITBUCKET_PARALLEL_STEP_COUNT", "2");
    let run = group.clone().set("SPLIT", "true").run();
    assert_told(&run, 0, &["3 of 6 targets"]);
    let whole = group.run();
    assert_told(&whole, 0, &[]);
    assert!(!whole.output.contains("of 6 targets, the rest"), "{}", whole.output);
    assert!(last_line(&whole).contains("nothing was posted"), "{}", whole.output);
}
