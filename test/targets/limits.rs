//! The hourly allowance of requests, for each credential.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use sandbox::{WORKSPACE_TOKEN, repository_token, service};
use serde_json::json;

use crate::run::{Fault, Folder, assert_told};

use super::{entries, fleet, nightly, posts, results, state_of};

/// Each credential has its own allowance, and its requests wait together.
#[test]
fn a_rate_limit_pauses_only_its_own_credential() {
    let (sandbox, folder) = (fleet(40), Folder::new());
    let window = Duration::from_secs(2);
    sandbox.world(|world| {
        world.set_allowance_per(&repository_token("service-001"), 0, window);
    });
    sandbox.fault_always(Fault::Delay(Duration::from_millis(20)));
    let token = repository_token("service-001");
    let entry = |key: usize| json!({ "repo_slug": "service-001", "commit": sandbox.head("acme/service-001", "main"), "state": "ok", "key": format!("k{key}") });
    let mut targets: Vec<_> = (0..8).map(entry).collect();
    targets.extend(entries(&sandbox, 2..=40));
    let begun = Instant::now();
    let child = nightly(&sandbox, &folder, &json!(targets))
        .set("CONCURRENCY", "16")
        .set("BITBUCKET_ACCESS_TOKENS", json!({ "service-001": token }).to_string());
    let process = child.start();
    // The other targets are posted while the limited credential waits.
    while posts(&sandbox).keys().filter(|path| !path.contains("service-001")).count() < 39 {
        assert!(begun.elapsed() < Duration::from_secs(10), "the others wait, too");
        thread::yield_now();
    }
    let limited = || {
        sandbox
            .requests()
            .into_iter()
            .filter(|request| request.path.contains("service-001"))
            .collect::<Vec<_>>()
    };
    assert!(limited().iter().all(|request| request.status != Some(201)));
    sandbox.world(|world| {
        world.set_allowance_per(&token, 1000, window);
    });
    let run = child.finish(process, begun);
    assert_told(&run, 0, &["✔ 47 targets: 47 posted"]);
    let pauses = run.output.matches("Bitbucket answered 429 Too Many Requests; trying again in").count();
    assert!(pauses >= 1, "{}", run.output);
    // Eight requests are refused together, and are sent again together after each pause.
    assert!(limited().len() <= 8 * (pauses + 1), "{} requests, {pauses} pauses", limited().len());
}

#[test]
fn requests_slow_down_when_the_allowance_is_nearly_used_up() {
    let (sandbox, folder) = (fleet(3), Folder::new());
    sandbox.world(|world| {
        world.set_allowance(WORKSPACE_TOKEN, 150);
    });
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=3))).set("CONCURRENCY", "1").run();
    let told = "! Bitbucket says that the hourly allowance of requests is nearly used up with the access token (BITBUCKET_ACCESS_TOKEN): requests are slowed down";
    assert_told(&run, 0, &[told]);
    assert_eq!(run.output.matches("nearly used up").count(), 1, "{}", run.output);
    // The first answer has the header, so the third request waits after the second.
    let received: Vec<_> = sandbox.requests().into_iter().map(|request| request.received).collect();
    assert!(received[2] - received[1] >= Duration::from_millis(900), "{received:?}");
}

/// The allowance does not come back before the deadline, so the run ends at once instead of waiting for each target.
#[test]
fn a_lasting_rate_limit_ends_the_run_for_all_targets_together() {
    let (sandbox, folder) = (fleet(200), Folder::new());
    sandbox.world(|world| {
        world.set_allowance(sandbox::API_TOKEN, 50);
    });
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=200)))
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL)
        .set("ATLASSIAN_API_TOKEN", sandbox::API_TOKEN)
        .set("TIMEOUT", "2")
        .set("RESULT_FILE", "results.jsonl")
        .run();
    assert_told(&run, 4, &["✖ 200 targets: 50 posted, 150 not posted", "(as told above)", "not posted: 429"]);
    // With a TIMEOUT for each target it would take 40 s.
    assert!(run.took < Duration::from_secs(20), "{:?}", run.took);
    assert!(sandbox.request_count() < 150, "{}", sandbox.request_count());
    assert_eq!(results(&folder).len(), 200);
}

#[test]
fn a_run_warns_when_it_needs_more_requests_than_the_allowance() {
    let (sandbox, folder) = (fleet(1001), Folder::new());
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=1001))).set("DRY_RUN", "true").run();
    assert_eq!(run.output.matches("DRY_RUN: this request was not sent\n").count(), 1001);
    assert_told(
        &run,
        0,
        &[
            "! the run needs up to 1001 requests with the access token (BITBUCKET_ACCESS_TOKEN); only 1000 an hour are certain",
        ],
    );
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=1000))).set("DRY_RUN", "true").run();
    assert!(!run.output.contains("the run needs up to"));
    assert_eq!(sandbox.request_count(), 0);
}

/// More targets wait for one credential than `CONCURRENCY` allows at once; the others do not wait with them.
#[test]
fn targets_that_wait_for_a_rate_limit_leave_room_for_the_others() {
    let (sandbox, folder) = (fleet(20), Folder::new());
    let limited = repository_token("service-001");
    sandbox.fault_always_for(&limited, Fault::rate_limited_with("1"));
    let commit = sandbox.head("acme/service-001", "main");
    let entry = |key: usize| json!({ "repo_slug": "service-001", "commit": commit, "state": "ok", "key": format!("k{key}") });
    let mut targets: Vec<_> = (0..20).map(entry).collect();
    targets.extend(entries(&sandbox, 2..=20));
    let gatepost = nightly(&sandbox, &folder, &json!(targets))
        .set("CONCURRENCY", "2")
        .set("BITBUCKET_ACCESS_TOKENS", json!({ "service-001": limited }).to_string());
    let begun = Instant::now();
    let process = gatepost.start();
    while (2..=20).any(|number| state_of(&sandbox, number).is_none()) {
        assert!(begun.elapsed() < Duration::from_secs(10), "the others wait, too");
        thread::yield_now();
    }
    // No target of the limited credential is posted yet; all are when the limit is over.
    assert!(sandbox.statuses("acme/service-001", &commit).is_empty());
    sandbox.clear_faults();
    let run = gatepost.finish(process, begun);
    assert_told(&run, 0, &["✔ 39 targets: 39 posted"]);
}

/// One token is one credential, for any number of repositories.
#[test]
fn one_token_for_many_repositories_has_one_allowance() {
    let (sandbox, folder) = (fleet(20), Folder::new());
    sandbox.world(|world| {
        world.set_allowance_per(WORKSPACE_TOKEN, 5, Duration::from_secs(1));
    });
    let tokens: BTreeMap<_, _> = (1..=20).map(|number| (service(number), WORKSPACE_TOKEN)).collect();
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=20)))
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("BITBUCKET_ACCESS_TOKENS", json!(tokens).to_string())
        .run();
    assert_told(&run, 0, &["✔ 20 targets: 20 posted"]);
    let refused = sandbox.requests().iter().filter(|request| request.status == Some(429)).count();
    let pauses = run.output.matches("trying again in").count();
    // Requests that are sent together are refused together.
    assert!(pauses >= 1 && refused <= 8 * pauses, "{refused} were refused, {pauses} pauses\n{}", run.output);
}

/// Each of three steps posts a third of the list, and all steps share one allowance.
#[test]
fn the_warning_counts_all_parallel_steps_and_only_the_targets_that_are_left() {
    let (sandbox, folder) = (fleet(1_200), Folder::new());
    let gatepost = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=1_200)))
        .set("DRY_RUN", "true")
        .set("SPLIT", "true")
        .set("BITBUCKET_PARALLEL_STEP", "0")
        .set("BITBUCKET_PARALLEL_STEP_COUNT", "3");
    let warned = "! the run needs up to 1200 requests with the access token (BITBUCKET_ACCESS_TOKEN) in the 3 steps together; only 1000 an hour are certain";
    assert_told(&gatepost.run(), 0, &[warned]);
    let whole = gatepost
        .unset("DRY_RUN")
        .unset("SPLIT")
        .unset("BITBUCKET_PARALLEL_STEP")
        .unset("BITBUCKET_PARALLEL_STEP_COUNT")
        .set("RESULT_FILE", "results.jsonl")
        .set("RESUME", "true");
    sandbox.world(|world| {
        world.set_allowance(WORKSPACE_TOKEN, 10_000);
    });
    assert_told(&whole.run(), 0, &["! the run needs up to 1200 requests"]);
    let again = whole.run();
    assert_told(&again, 0, &["0 posted, 1,200 skipped"]);
    assert!(!again.output.contains("the run needs up to"), "{}", again.output);
}
