//! The result file, and runs that resume from it.

use std::{
    fs,
    os::unix::fs::symlink,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use sandbox::{Recorded, service};
use serde_json::{Value, json};

use crate::run::{Fault, Folder, Gatepost, Sandbox, assert_told};

use super::{entries, fleet, nightly, posts, state_of};

/// Starts a run and kills it when that many requests have arrived.
fn killed_at(gatepost: &Gatepost, sandbox: &Sandbox, requests: usize) {
    let mut child: Child = gatepost.start();
    let begun = Instant::now();
    while sandbox.request_count() < requests {
        assert!(begun.elapsed() < Duration::from_mins(1), "only {} requests", sandbox.request_count());
        thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A recorded target is not posted again, and every other target is, at whatever moment the run is killed.
#[test]
fn a_killed_run_resumes_without_losing_a_target() {
    const TARGETS: usize = 10_000;
    let (sandbox, folder) = (fleet(TARGETS), Folder::new());
    let gatepost = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=TARGETS)))
        .set("RESULT_FILE", "results.jsonl")
        .set("RESUME", "true");
    let mut at = 0;
    for point in [1, 777, 2_500, 5_003] {
        at += point;
        killed_at(&gatepost, &sandbox, at);
        at = sandbox.request_count();
    }
    let recorded = folder.read("results.jsonl").lines().filter(|line| line.contains("\"delivered\"")).count();
    let run = gatepost.run();
    assert_told(&run, 0, &["10,000 targets: "]);
    assert!(
        run.output
            .replace(',', "")
            .contains(&format!("{recorded} skipped because RESULT_FILE says that they were delivered")),
        "{}",
        run.output
    );
    let posts = posts(&sandbox);
    assert_eq!(posts.len(), TARGETS, "none is lost");
    // A killed run cannot record the requests that are in flight: at most eight, four times.
    let twice = posts.values().filter(|count| **count > 1).count();
    assert!(twice <= 4 * 8, "{twice} were posted more than once");
    let run = gatepost.run();
    assert_told(&run, 0, &["0 posted, 10,000 skipped"]);
}

/// Lookups count against the allowance too, so a long list would never end if each run repeated them.
#[test]
fn a_resumed_run_does_not_repeat_lookups() {
    const TARGETS: usize = 150;
    const ALLOWANCE: u32 = 100;
    let (sandbox, folder) = (fleet(TARGETS), Folder::new());
    let entry = |number| json!({ "repo_slug": service(number), "pull_request": 1, "state": "passed" });
    let targets: Vec<_> = (1..=TARGETS).map(entry).collect();
    let gatepost = nightly(&sandbox, &folder, &json!(targets))
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL)
        .set("ATLASSIAN_API_TOKEN", sandbox::API_TOKEN)
        .set("TIMEOUT", "1")
        .set("RESULT_FILE", "results.jsonl")
        .set("RESUME", "true");
    let mut posted = Vec::new();
    for _ in 0..4 {
        sandbox.world(|world| {
            world.set_allowance(sandbox::API_TOKEN, ALLOWANCE);
        });
        gatepost.run();
        posted.push((1..=TARGETS).filter(|number| state_of(&sandbox, *number).is_some()).count());
    }
    // Each target takes a lookup and a post; up to eight lookups of a run are lost at its end.
    assert!(posted[0] >= 42 && posted[1] >= 2 * 42 && posted[2] >= 3 * 42, "{posted:?}");
    assert_eq!(posted[3], TARGETS);
    let accepted =
        |request: &&Recorded| request.method == "POST" && request.status.is_some_and(|code| code < 300);
    assert_eq!(sandbox.requests().iter().filter(accepted).count(), TARGETS);
    let before = sandbox.request_count();
    assert_told(&gatepost.run(), 0, &["0 posted, 150 skipped"]);
    assert_eq!(sandbox.request_count(), before);
    // A target with another state is looked up again: it may have a new commit.
    let commit = sandbox.world(|world| world.push("acme/service-001", "feature/change"));
    let changed: Vec<_> =
        targets[..1].iter().map(|target| merged(target, json!({ "state": "failed" }))).collect();
    folder.write("targets.json", json!(changed).to_string().as_bytes());
    assert_told(&gatepost.run(), 0, &["✔ 1 target: 1 posted"]);
    assert_eq!(sandbox.statuses("acme/service-001", &commit)[0].state, "FAILED");
}

/// A status on another branch is another status, and the commit that replaced a merge commit is remembered.
#[test]
fn a_resumed_run_knows_the_branch_of_a_status() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let entry = json!({ "repo_slug": "service-001", "pull_request": 1, "state": "passed" });
    let resumed = |targets: &[Value]| {
        nightly(&sandbox, &folder, &json!(targets))
            .set("RESULT_FILE", "results.jsonl")
            .set("RESUME", "true")
            .run()
    };
    // With its own `refname` this status does not count for the pull request, so the other one is still posted.
    let elsewhere = merged(&entry, json!({ "refname": "elsewhere", "key": "other" }));
    assert_told(&resumed(std::slice::from_ref(&elsewhere)), 0, &["1 posted"]);
    assert_told(&resumed(&[elsewhere, entry.clone()]), 0, &["1 posted, 1 skipped"]);
}

/// The entry with some fields added or replaced.
fn merged(entry: &Value, over: Value) -> Value {
    let fields = [entry.clone(), over].into_iter().flat_map(|fields| fields.as_object().unwrap().clone());
    Value::Object(fields.collect())
}

#[test]
fn two_parallel_runs_on_the_same_targets_both_succeed() {
    let (sandbox, folder) = (fleet(50), Folder::new());
    sandbox.fault_always(Fault::Delay(Duration::from_millis(5)));
    let gatepost = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=50)));
    let (one, other) =
        (gatepost.clone().set("RESULT_FILE", "one.jsonl"), gatepost.set("RESULT_FILE", "other.jsonl"));
    let begun = Instant::now();
    let children = [one.start(), other.start()];
    for (gatepost, child) in [&one, &other].into_iter().zip(children) {
        assert_told(&gatepost.finish(child, begun), 0, &["✔ 50 targets: 50 posted"]);
    }
    assert!((1..=50).all(|number| state_of(&sandbox, number).as_deref() == Some("SUCCESSFUL")));
}

#[test]
fn an_unwritable_result_file_keeps_no_status_away() {
    let (sandbox, folder) = (fleet(2), Folder::new());
    fs::create_dir(folder.path().join("results.jsonl")).unwrap();
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=2)))
        .set("RESULT_FILE", "results.jsonl")
        .run();
    assert_told(
        &run,
        0,
        &["! RESULT_FILE names \"results.jsonl\", which cannot be written", "✔ 2 targets: 2 posted"],
    );
}

/// The path may be written in another way, or be a link to the list.
#[test]
fn the_result_file_must_not_be_the_file_of_the_list() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let gatepost = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=1)));
    let list = folder.read("targets.json");
    symlink("targets.json", folder.path().join("symbolic.json")).unwrap();
    fs::hard_link(folder.path().join("targets.json"), folder.path().join("hard.json")).unwrap();
    for name in ["targets.json", "./targets.json", "symbolic.json", "hard.json"] {
        let run = gatepost.clone().set("RESULT_FILE", name).run();
        assert_told(
            &run,
            0,
            &["! RESULT_FILE names the same file as TARGETS_FILE, which would be overwritten; it is ignored"],
        );
        assert_eq!(folder.read("targets.json"), list);
    }
}
