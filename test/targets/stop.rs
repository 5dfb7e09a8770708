//! A stopped run leaves no `INPROGRESS` behind, because it would block merging.

use std::time::Duration;

use sandbox::WORKSPACE_TOKEN;
use serde_json::{Value, json};

use crate::run::{Fault, Folder, assert_told, stopped_by};

use super::{entries, fleet, nightly, results, state_of};

#[test]
fn a_stopped_run_replaces_the_inprogress_of_every_target() {
    let (sandbox, folder) = (fleet(60), Folder::new());
    sandbox.fault_always(Fault::Delay(Duration::from_millis(20)));
    let gatepost =
        nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=60))).set("RESULT_FILE", "results.jsonl");
    let targets: Vec<Value> = serde_json::from_str::<Vec<Value>>(&folder.read("targets.json"))
        .unwrap()
        .into_iter()
        .map(|mut target| {
            target["state"] = json!("running");
            target
        })
        .collect();
    folder.write("targets.json", &serde_json::to_vec(&targets).unwrap());
    let run = stopped_by("-TERM", &gatepost, || sandbox.request_count() >= 30);
    assert_told(
        &run,
        143,
        &[
            "✖ stopped before the end; 60 targets: ",
            "INPROGRESS (including those under way), which would block merging",
        ],
    );
    assert!(run.took < Duration::from_secs(9), "Docker kills after 10 s, this took {:?}", run.took);
    let states: Vec<_> = (1..=60).filter_map(|number| state_of(&sandbox, number)).collect();
    assert!(states.len() >= 20 && states.len() < 60, "{}", states.len());
    assert!(states.iter().all(|state| state == "STOPPED"), "{states:?}");
    // A resumed run posts the stopped targets again.
    sandbox.clear_faults();
    assert_eq!(gatepost.set("RESUME", "true").run().code, 0);
    assert!((1..=60).all(|number| state_of(&sandbox, number).as_deref() == Some("INPROGRESS")));
}

#[test]
fn final_statuses_on_shutdown_are_not_slowed_down_by_the_allowance() {
    let (sandbox, folder) = (fleet(200), Folder::new());
    sandbox.fault_always(Fault::Delay(Duration::from_millis(20)));
    let mut targets = entries(&sandbox, 1..=200);
    for target in &mut targets {
        target["state"] = json!("running");
    }
    let run = stopped_by("-TERM", &nightly(&sandbox, &folder, &json!(targets)), || {
        let is_time = sandbox.request_count() >= 120;
        if is_time {
            sandbox.world(|world| {
                world.set_allowance(WORKSPACE_TOKEN, 150);
            });
        }
        is_time
    });
    assert_told(&run, 143, &["INPROGRESS (including those under way), which would block merging"]);
    assert!(run.took < Duration::from_secs(6), "{:?}", run.took);
    let states: Vec<_> = (1..=200).filter_map(|number| state_of(&sandbox, number)).collect();
    assert!(states.len() >= 100 && states.iter().all(|state| state == "STOPPED"), "{states:?}");
}

/// The repository does not have the commit, so no status can have been left on it.
#[test]
fn an_inprogress_for_an_unknown_commit_is_not_replaced_by_stopped() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    sandbox.fault(Fault::status(503));
    let targets = json!([{ "repo_slug": "service-001", "commit": "8d081548cabb", "pull_request": 1, "state": "running" }]);
    let run = nightly(&sandbox, &folder, &targets).run();
    assert_told(&run, 4, &["pull request 1 has moved on to", "✖ 1 target: 0 posted, 1 not posted"]);
    assert!(!run.output.contains("STOPPED"), "{}", run.output);
    assert_eq!(state_of(&sandbox, 1), None);
}

/// The status is there although its answer is lost, and no later request would end it.
#[test]
fn an_inprogress_whose_answer_is_lost_is_replaced_by_stopped() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    sandbox.fault_always(Fault::Within("INPROGRESS", Box::new(Fault::ResetInAnswer)));
    let target = json!({ "repo_slug": "service-001", "pull_request": 1, "state": "running" });
    let many =
        nightly(&sandbox, &folder, &json!([target])).set("TIMEOUT", "1").set("RESULT_FILE", "results.jsonl");
    let single = many
        .clone()
        .unset("TARGETS_FILE")
        .set("REPO_SLUG", "service-001")
        .set("PULL_REQUEST", "1")
        .set("STATE", "INPROGRESS");
    for gatepost in [single, many] {
        let left =
            "STOPPED was posted over the INPROGRESS, which may have been applied and would block merging";
        assert_told(&gatepost.run(), 4, &[&format!("  left:     {left}\n")]);
        assert_eq!(state_of(&sandbox, 1).as_deref(), Some("STOPPED"));
        let recorded = &results(&folder)[0];
        assert_eq!(recorded["outcome"], "refused");
        assert!(recorded["reason"].as_str().unwrap().ends_with(&format!("; left on the commit: {left}")));
    }
}

#[test]
fn a_refused_inprogress_is_not_replaced_by_stopped() {
    let (sandbox, folder) = (fleet(10), Folder::new());
    sandbox.fault_always(Fault::rate_limited_with("15"));
    let mut targets = entries(&sandbox, 1..=10);
    for target in &mut targets {
        target["state"] = json!("running");
    }
    let gatepost = nightly(&sandbox, &folder, &json!(targets));
    let run = stopped_by("-TERM", &gatepost, || {
        sandbox.requests().iter().filter(|request| request.status == Some(429)).count() >= 8
    });
    assert_eq!(run.code, 143, "{}", run.output);
    assert!(!run.output.contains("STOPPED was posted over"), "{}", run.output);
    assert!(sandbox.requests().iter().all(|request| !request.body.contains("STOPPED")));
    assert!(run.took < Duration::from_secs(5), "{:?}", run.took);
}
