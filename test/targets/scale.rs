//! Time, requests and memory of a run with many targets.

use std::{
    fs,
    time::{Duration, Instant},
};

use sandbox::service;
use serde_json::{Value, json};

use crate::run::{Fault, Folder, Gatepost, Run, Sandbox, assert_told};

use super::{entries, fleet, nightly, results};

#[test]
fn a_pull_request_is_looked_up_once_for_all_its_statuses() {
    let (sandbox, folder) = (fleet(2), Folder::new());
    let entry = |slug: &str, key: usize| json!({ "repo_slug": slug, "pull_request": 1, "state": "ok", "key": format!("k{key}") });
    let mut targets: Vec<_> = (0..20).map(|key| entry("service-001", key)).collect();
    targets.extend((0..20).map(|key| json!({ "repo_slug": "service-002", "branch": "main", "state": "ok", "key": format!("k{key}") })));
    let run = nightly(&sandbox, &folder, &json!(targets)).run();
    assert_eq!(run.code, 0, "{}", run.output);
    let gets: Vec<_> = sandbox
        .requests()
        .into_iter()
        .filter(|request| request.method == "GET")
        .map(|request| request.path)
        .collect();
    assert_eq!(gets.len(), 2, "{gets:#?}");
    assert_eq!(sandbox.request_count(), 42);
}

#[test]
fn a_thousand_targets_run_eight_at_once_with_one_request_each() {
    const TARGETS: u32 = 1000;
    let (sandbox, folder) = (fleet(TARGETS as usize), Folder::new());
    let latency = Duration::from_millis(20);
    sandbox.fault_always(Fault::Delay(latency));
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=TARGETS as usize)))
        .set("RESULT_FILE", "results.jsonl")
        .run();
    assert_told(&run, 0, &["1,000 targets, 8 at once", "✔ 1,000 targets: 1,000 posted"]);
    assert_eq!((sandbox.request_count(), sandbox.most_at_once()), (TARGETS as usize, 8));
    // `test/image` measures the exact time, where nothing else runs.
    assert!(run.took < latency * TARGETS / 2, "{:?}", run.took);
    assert_eq!(results(&folder).len(), TARGETS as usize);
    assert!(run.output.lines().count() < 120, "{}", run.output);
}

/// The peak memory of a process in KiB, as the kernel counted it until shortly before its end.
fn peak_kib(gatepost: &Gatepost) -> (u64, Run) {
    let begun = Instant::now();
    let mut child = gatepost.start();
    let mut peak = 0;
    let status = format!("/proc/{}/status", child.id());
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = kib.unwrap_or(peak);
    }
    (peak, gatepost.finish(child, begun))
}

/// Some entries have a commit, and some have a pull request that is looked up. Each has a row in the page of the run.
#[test]
fn memory_grows_by_less_than_two_kib_for_each_entry() {
    let sandbox = fleet(10_000);
    let given = |count| entries(&sandbox, 1..=count);
    let looked_up = |count| {
        let entry = |number| json!({ "repo_slug": service(number), "pull_request": 1 });
        (1..=count).map(entry).collect::<Vec<_>>()
    };
    for bytes_an_entry in [bytes_an_entry(&sandbox, given), bytes_an_entry(&sandbox, looked_up)] {
        assert!(bytes_an_entry < 2048, "{bytes_an_entry} bytes an entry");
    }
}

/// The additional memory for each entry when a list has 10,000 entries instead of 100.
fn bytes_an_entry(sandbox: &Sandbox, entries: impl Fn(usize) -> Vec<Value>) -> u64 {
    let folder = Folder::new();
    // `INPROGRESS` is remembered until the end, and no two entries share a text.
    let entry = |(number, mut entry): (usize, Value)| {
        entry["state"] = json!("running");
        entry["name"] = json!(format!("Quality gate of service {number} in the nightly run"));
        entry["description"] =
            json!(format!("The analysis of service {number} is under way {}", "and goes on ".repeat(12)));
        entry["url"] =
            json!(format!("https://sonar.example.com/dashboard?id=acme_service_{number}&pullRequest=1"));
        entry
    };
    let [few, many] = [100, 10_000].map(|count| {
        let targets: Vec<_> = entries(count).into_iter().enumerate().map(entry).collect();
        let gatepost = nightly(sandbox, &folder, &json!(targets))
            .set("RESULT_FILE", "results.jsonl")
            .set("SUMMARY_FILE", "summary.html");
        let (peak, run) = peak_kib(&gatepost);
        assert_eq!(run.code, 0, "{}", run.output);
        assert_eq!(folder.read("summary.html").matches("<tr role=row><th role=rowheader").count(), count);
        peak
    });
    (many - few) * 1024 / 9_900
}
