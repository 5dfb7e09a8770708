//! Runs that are killed, runs that share a `RESULT_FILE`, and a disk that is full in the middle.

use std::{
    collections::BTreeMap,
    env,
    io::{self, Write as _},
    thread,
    time::{Duration, Instant, SystemTime},
};

use sandbox::{WORKSPACE_TOKEN, service};
use serde_json::{Value, json};

use super::machine::{NO_MOUNT, run_with_mounts};
use crate::run::{Folder, Gatepost, Run, Sandbox, World, assert_told, bare};

/// Requests at the same time: the default of `CONCURRENCY`.
const CONCURRENCY: usize = 8;

/// A run over the pull requests of these services, which keeps `RESULT_FILE` and resumes.
fn over(sandbox: &Sandbox, folder: &Folder, list: &str, numbers: impl Iterator<Item = usize>) -> Gatepost {
    let entry = |number| {
        let slug = service(number);
        let commit = sandbox.head(&format!("acme/{slug}"), "feature/change");
        json!({ "repo_slug": slug, "commit": commit, "branch": "feature/change", "state": "passed" })
    };
    let targets: Vec<Value> = numbers.map(entry).collect();
    folder.write(list, json!(targets).to_string().as_bytes());
    bare()
        .within(folder.path())
        .set("BITBUCKET_API_URL", sandbox.http_url())
        .set("BITBUCKET_ACCESS_TOKEN", WORKSPACE_TOKEN)
        .set("WORKSPACE", "acme")
        .set("KEY", "sonar")
        .set("TARGETS_FILE", list)
        .set("TIMEOUT", "20")
        .set("RESULT_FILE", "results.jsonl")
        .set("RESUME", "true")
}

/// The targets that `RESULT_FILE` records as delivered, with how often, and the number of lines that are not whole.
fn recorded(folder: &Folder) -> (BTreeMap<String, usize>, usize) {
    let (mut delivered, mut damaged) = (BTreeMap::new(), 0);
    let text = std::fs::read_to_string(folder.path().join("results.jsonl")).unwrap_or_default();
    for line in text.lines() {
        match serde_json::from_str::<Value>(line) {
            Ok(line) => {
                assert_eq!(line["outcome"], "delivered", "{line}");
                let slug = line["target"]["repo_slug"].as_str().unwrap().to_owned();
                *delivered.entry(slug).or_default() += 1;
            }
            Err(_) => damaged += 1,
        }
    }
    (delivered, damaged)
}

/// The number of lines about delivered statuses.
fn lines(folder: &Folder) -> usize {
    let text = std::fs::read_to_string(folder.path().join("results.jsonl")).unwrap_or_default();
    text.lines().filter(|line| line.contains("\"outcome\":\"delivered\"")).count()
}

/// Checks that each of the services has the one status that was meant.
fn assert_all_stand(sandbox: &Sandbox, targets: usize) {
    for number in 1..=targets {
        let statuses = sandbox.pull_request_statuses(&format!("acme/{}", service(number)), 1);
        let states: Vec<_> =
            statuses.iter().map(|status| (status.key.as_str(), status.state.as_str())).collect();
        assert_eq!(states, [("sonar", "SUCCESSFUL")], "{}", service(number));
    }
}

/// The seed of the random numbers, printed so that `SEED` can repeat them. The printing goes around the test
/// harness, which keeps the output of tests that pass.
fn seeded(test: &str) -> fastrand::Rng {
    let given = env::var("SEED").ok().map(|seed| seed.parse().unwrap());
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().subsec_nanos();
    let seed = given.unwrap_or_else(|| now.into());
    io::stdout().write_all(format!("{test}: SEED={seed}\n").as_bytes()).unwrap();
    fastrand::Rng::with_seed(seed)
}

/// Kills a run with SIGKILL after so many requests, and so many turns of a loop after that.
fn killed(gatepost: &Gatepost, sandbox: &Sandbox, requests: usize, turns: usize) {
    let mut child = gatepost.start();
    let begun = Instant::now();
    while sandbox.request_count() < requests && child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_mins(1), "only {} requests", sandbox.request_count());
        // The run may end before.
        sandbox.wait_for_requests(requests, Duration::from_millis(100));
    }
    (0..turns).for_each(|_| thread::yield_now());
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A recorded target is not posted again, and every other target is, wherever the run is killed. With `TARGETS=10000` it
/// takes 40 to 100 s.
#[test]
fn a_run_that_is_killed_again_and_again_loses_nothing() {
    const KILLS: usize = 50;
    let targets = env::var("TARGETS").map_or(4_000, |targets| targets.parse().unwrap());
    let mut random = seeded("kill -9");
    let (sandbox, folder) = (Sandbox::start(World::fleet(targets)), Folder::new());
    let gatepost = over(&sandbox, &folder, "targets.json", 1..=targets);
    let begun = Instant::now();
    for kill in 1..=KILLS {
        // Some runs are killed while they read their files, before their first request.
        let (more, turns) = match random.u8(..8) {
            0 => (0, random.usize(..200_000)),
            _ => (random.usize(1..2 * targets / KILLS), random.usize(..3_000)),
        };
        killed(&gatepost, &sandbox, sandbox.request_count() + more, turns);
        let recorded = lines(&folder);
        let posted = sandbox.request_count();
        // What was in flight is not recorded, and is posted again.
        let unrecorded = posted - recorded;
        assert!(unrecorded <= kill * CONCURRENCY, "{unrecorded} more posts than lines after {kill} kills");
    }
    let (before, _) = recorded(&folder);
    let run = gatepost.run();
    let skipped =
        format!("{} skipped, because RESULT_FILE says that they were delivered", grouped(before.len()));
    assert_told(&run, 0, &[&format!("✔ {} targets: ", grouped(targets)), &skipped]);
    assert_all_stand(&sandbox, targets);
    let (delivered, damaged) = recorded(&folder);
    assert_eq!(delivered.len(), targets, "nothing is lost");
    assert!(damaged <= KILLS, "{damaged} damaged lines");
    assert!(delivered.values().all(|times| *times == 1), "nothing that is recorded is posted again");
    let twice = sandbox.request_count() - targets;
    assert!(twice <= KILLS * CONCURRENCY, "{twice} posts too many");
    let told = format!(
        "kill -9: {targets} targets, {KILLS} kills: 0 lost, {twice} posted again (at most {}), {damaged} damaged lines, {:.1} s\n",
        KILLS * CONCURRENCY,
        begun.elapsed().as_secs_f64()
    );
    io::stdout().write_all(told.as_bytes()).unwrap();
    assert_told(&gatepost.run(), 0, &[&format!("0 posted, {} skipped", grouped(targets))]);
}

/// Their lists overlap, and one of them is killed. Their lines do not mix.
#[test]
fn two_runs_on_one_result_file_lose_nothing() {
    const TARGETS: usize = 1_500;
    let mut random = seeded("two runs");
    let (sandbox, folder) = (Sandbox::start(World::fleet(TARGETS)), Folder::new());
    let one = over(&sandbox, &folder, "one.json", 1..=1_000);
    let other = over(&sandbox, &folder, "other.json", 501..=TARGETS);
    let begun = Instant::now();
    for _ in 0..3 {
        let survivor = other.start();
        killed(&one, &sandbox, sandbox.request_count() + random.usize(1..300), random.usize(..200));
        assert_told(&other.finish(survivor, begun), 0, &["✔ 1,000 targets: "]);
    }
    let children = [one.start(), other.start()];
    for (gatepost, child) in [&one, &other].into_iter().zip(children) {
        assert_told(&gatepost.finish(child, begun), 0, &["✔ 1,000 targets: "]);
    }
    let (delivered, damaged) = recorded(&folder);
    assert_eq!((delivered.len(), damaged), (TARGETS, 0));
    assert_all_stand(&sandbox, TARGETS);
    for gatepost in [&one, &other] {
        assert_told(&gatepost.run(), 0, &["0 posted, 1,000 skipped"]);
    }
}

/// A number of less than a million as the log shows it.
fn grouped(number: usize) -> String {
    if number < 1_000 { number.to_string() } else { format!("{},{:03}", number / 1_000, number % 1_000) }
}

/// Checks a run whose disk was full in the middle, and one that resumes it with room.
fn assert_resumes_after_full_disk(
    sandbox: &Sandbox,
    folder: &Folder,
    full: &Run,
    resumed: &Gatepost,
    targets: usize,
) {
    let all = grouped(targets);
    assert_told(
        full,
        0,
        &[
            "! RESULT_FILE could not be written: ",
            &format!("✔ {all} targets: {all} posted"),
            "which could not be written: a run with RESUME posts these statuses again",
        ],
    );
    assert_all_stand(sandbox, targets);
    let (delivered, damaged) = recorded(folder);
    assert!((1..targets).contains(&delivered.len()), "{} lines", delivered.len());
    assert!(damaged <= 1, "{damaged} damaged lines");
    let (lost, kept) = (targets - delivered.len(), delivered.len());
    assert!(full.output.contains(&format!("! RESULT_FILE lacks {lost} lines")), "{lost}: {}", full.output);
    let (again, kept) = (grouped(lost), grouped(kept));
    assert_told(&resumed.run(), 0, &[&format!("✔ {all} targets: {again} posted, {kept} skipped")]);
    assert_eq!(recorded(folder).0.len(), targets);
    assert_eq!(sandbox.request_count(), targets + lost);
}

/// A limit for the size of files fails a write as a full disk does: the first part is written, the rest is not. setrlimit(2),
/// `RLIMIT_FSIZE`.
#[test]
fn a_result_file_that_may_not_grow_keeps_no_status_away() {
    const TARGETS: usize = 400;
    let (sandbox, folder) = (Sandbox::start(World::fleet(TARGETS)), Folder::new());
    let gatepost = over(&sandbox, &folder, "targets.json", 1..=TARGETS);
    // In blocks of 512 bytes.
    let full = gatepost.run_after("trap '' XFSZ; ulimit -f 100");
    assert_resumes_after_full_disk(&sandbox, &folder, &full, &gatepost, TARGETS);
}

/// On a small file system in memory, in a name space of its own. Where the machine does not let the test mount one, the
/// limit above stands for it, and this test says so.
#[test]
fn a_result_file_on_a_full_disk_keeps_no_status_away() {
    const TARGETS: usize = 400;
    let (sandbox, folder) = (Sandbox::start(World::fleet(TARGETS)), Folder::new());
    std::fs::create_dir(folder.path().join("disk")).unwrap();
    let gatepost = over(&sandbox, &folder, "targets.json", 1..=TARGETS);
    let on_disk = gatepost.clone().set("RESULT_FILE", "disk/results.jsonl");
    let script = format!(
        "mount -t tmpfs -o size=64k none disk || exit {NO_MOUNT}; \"$0\"; code=$?; cp disk/results.jsonl .; exit $code"
    );
    if let Some(full) = run_with_mounts(&on_disk, folder.path(), &script) {
        assert_resumes_after_full_disk(&sandbox, &folder, &full, &gatepost, TARGETS);
    } else {
        let told = "full disk: no file system can be mounted, the limit of the other test stands for it\n";
        io::stdout().write_all(told.as_bytes()).unwrap();
        assert_eq!(sandbox.request_count(), 0);
    }
}
