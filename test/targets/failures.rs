//! A failure of one target or of Bitbucket, its effect on the other targets, and its lines in the log.

use std::{collections::BTreeMap, time::Duration};

use sandbox::{WORKSPACE_TOKEN, repository_token, service};
use serde_json::json;

use crate::run::{Fault, Folder, assert_told};

use super::{entries, fleet, nightly, results, state_of};

#[test]
fn each_target_has_its_own_status_and_its_own_outcome() {
    let (sandbox, folder) = (fleet(5), Folder::new());
    let mut targets = entries(&sandbox, 1..=4);
    targets[1]["state"] = json!("failed");
    targets[1]["key"] = json!("gate");
    targets[2]["repo_slug"] = json!("no-such-service");
    targets.push(
        json!({ "repo_slug": "https://bitbucket.org/acme/service-005.git", "pull_request": 1, "state": 1 }),
    );
    let run = nightly(&sandbox, &folder, &json!(targets))
        .set("CONCURRENCY", "1")
        .set("RESULT_FILE", "results.jsonl")
        .run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: 5 targets, 1 at once
    ✖ acme/no-such-service commit 0ff21673cc24: failed to post the status: Bitbucket answered 404 Not Found
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/no-such-service/commit/0ff21673cc24c8acd2108c0ca4cae003743046c1/statuses/build with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: 404 Not Found, "You may not have access to this repository or it no longer exists in this workspace. If you think this repository exists and you have access, make sure you are authenticated."
      why:      Bitbucket does not say; these reasons are possible, likeliest first
      why 1:    the repository bitbucket.org/acme/no-such-service does not exist, or it is private and this credential may not see it: Bitbucket gives the same answer for both
      to do 1:  open the repository in a browser and compare its address bitbucket.org/workspace/slug with WORKSPACE and REPO_SLUG, or with REPOSITORIES (a renamed repository has a new slug)
      to do 1:  if it is the same, the credential lacks access: give it to the API token's account (Repository settings > Repository permissions), or use a token of this repository
      why 2:    a workspace access token only reaches the repositories of its workspace; acme/no-such-service may not be one of them
      to do 2:  use a token that was created in this repository, or in its project or workspace; or an API token
      repository            commit        state       outcome
    ✔ acme/service-001      31021ff96f3f  SUCCESSFUL  posted
    ✔ acme/service-002      64630d9df82d  FAILED      posted
    ✖ acme/no-such-service  0ff21673cc24  SUCCESSFUL  not posted: 404
    ✔ acme/service-004      93399b7f11d0  SUCCESSFUL  posted
    ✔ acme/service-005      2c1ede3b3fcd  FAILED      posted
    ✖ 5 targets: 4 posted, 1 not posted
    exit code 4
    "#);
    let states: Vec<_> = (1..=5).map(|number| state_of(&sandbox, number)).collect();
    let state = |state: &str| Some(state.to_owned());
    assert_eq!(states, [state("SUCCESSFUL"), state("FAILED"), None, state("SUCCESSFUL"), state("FAILED")]);
    let outcomes: Vec<_> =
        results(&folder).iter().map(|line| line["outcome"].as_str().unwrap().to_owned()).collect();
    assert_eq!(outcomes, ["delivered", "delivered", "refused", "delivered", "delivered"]);
}

#[test]
fn a_short_outage_of_bitbucket_loses_no_status() {
    let (sandbox, folder) = (fleet(60), Folder::new());
    sandbox.outage(30, 20);
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=60))).run();
    assert_told(&run, 0, &["✔ 60 targets: 60 posted", "trying again in"]);
    assert!((1..=60).all(|number| state_of(&sandbox, number).is_some()));
}

#[test]
fn a_lasting_outage_is_waited_for_once_and_not_by_each_target() {
    let (sandbox, folder) = (fleet(60), Folder::new());
    sandbox.outage(30, 10_000);
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=60))).set("TIMEOUT", "2").run();
    let told = "✖ 60 targets: 30 posted, 30 not known to be posted\n";
    assert_told(&run, 4, &[told, "not known to be posted: no answer"]);
    assert!(run.took < Duration::from_secs(5), "{:?}", run.took);
}

#[test]
fn ten_thousand_failures_print_fewer_than_600_lines() {
    let (sandbox, folder) = (fleet(10_000), Folder::new());
    sandbox.world(|world| {
        world.revoke(WORKSPACE_TOKEN);
    });
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=10_000)))
        .set("RESULT_FILE", "results.jsonl")
        .run();
    assert_told(
        &run,
        4,
        &[
            "✖ 10,000 targets: 0 posted, 10,000 not posted",
            "lines about single targets were left out; their reasons are above; RESULT_FILE has each",
        ],
    );
    assert!(run.output.lines().count() < 600, "{}", run.output.lines().count());
    assert_eq!(results(&folder).len(), 10_000);
}

#[test]
fn failing_targets_do_not_stop_the_others() {
    let (sandbox, folder) = (fleet(20), Folder::new());
    let tokens: BTreeMap<_, _> =
        (1..=6).map(|number| (service(number), repository_token(&service(number)))).collect();
    for token in tokens.values() {
        sandbox.fault_always_for(token, Fault::status(503));
    }
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=20)))
        .set("BITBUCKET_ACCESS_TOKENS", json!(tokens).to_string())
        .set("CONCURRENCY", "2")
        .set("TIMEOUT", "1")
        .run();
    assert_told(
        &run,
        4,
        &["✖ 20 targets: 14 posted, 6 not known to be posted\n", "not known to be posted: 503"],
    );
    assert!((7..=20).all(|number| state_of(&sandbox, number).is_some()));
}

/// What was sent may stand, also in a list.
#[test]
fn a_target_without_a_certain_answer_is_not_known_to_be_posted() {
    let other = Fault::Altered(json!({ "key": "lint" }));
    for (fault, told) in [
        (other, "not known to be posted: the answer is not the status that was sent"),
        (Fault::ResetAfterEffect, "not known to be posted: no answer"),
    ] {
        let (sandbox, folder) = (fleet(2), Folder::new());
        sandbox.fault_always_for(&repository_token("service-001"), fault);
        let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=2)))
            .set(
                "BITBUCKET_ACCESS_TOKENS",
                json!({ "service-001": repository_token("service-001") }).to_string(),
            )
            .set("RESULT_FILE", "results.jsonl")
            .set("TIMEOUT", "1")
            .run();
        assert_told(&run, 4, &[told, "✖ 2 targets: 1 posted, 1 not known to be posted\n"]);
        assert_eq!(state_of(&sandbox, 1).as_deref(), Some("SUCCESSFUL"));
        let refused = results(&folder).into_iter().find(|line| line["outcome"] == "refused").unwrap();
        let reason = refused["reason"].as_str().unwrap();
        assert!(reason.ends_with("; the status may stand on the commit"), "{reason}");
    }
}

#[test]
fn a_new_kind_of_failure_is_explained_after_hundreds_of_others() {
    let (sandbox, folder) = (fleet(450), Folder::new());
    sandbox.world(|world| {
        world.revoke(WORKSPACE_TOKEN);
    });
    let known = repository_token("service-450");
    sandbox.fault_always_for(&known, Fault::status(405));
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=450)))
        .set("BITBUCKET_ACCESS_TOKENS", json!({ "service-450": known }).to_string())
        .set("CONCURRENCY", "1")
        .run();
    let head = sandbox.head("acme/service-450", "feature/change");
    assert_told(
        &run,
        4,
        &[
            "✖ acme/service-001 commit 31021ff96f3f: failed to post the status: Bitbucket answered 401",
            &format!(
                "✖ acme/service-450 commit {}: failed to post the status: Bitbucket answered 405 Method Not Allowed\n  sent:     POST",
                &head[..12]
            ),
            "lines about single targets were left out; their reasons are above\n",
        ],
    );
}

/// Each further read counts against the allowance.
#[test]
fn further_reads_follow_only_the_first_refusals() {
    let (sandbox, folder) = (fleet(200), Folder::new());
    sandbox.world(|world| {
        for number in 1..=200 {
            world.delete_repository(&format!("acme/{}", service(number)));
        }
    });
    let list = (1..=200)
        .map(|number| json!({ "repo_slug": service(number), "commit": "8d081548cabb", "state": "ok" }));
    let run = nightly(&sandbox, &folder, &json!(list.collect::<Vec<_>>())).run();
    assert_told(&run, 4, &["✖ 200 targets: 0 posted, 200 not posted"]);
    let reads = sandbox.requests().iter().filter(|request| request.method == "GET").count();
    assert!((1..=100).contains(&reads), "{reads} reads");
}
