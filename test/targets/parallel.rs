//! The steps of a parallel group divide the targets.

use serde_json::json;

use crate::run::{Folder, assert_told};

use super::{entries, fleet, nightly, posts};

#[test]
fn parallel_steps_divide_the_targets() {
    let (sandbox, folder) = (fleet(10), Folder::new());
    let gatepost = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=10)))
        .set("SPLIT", "true")
        .set("BITBUCKET_PARALLEL_STEP_COUNT", "3");
    let counts: Vec<_> = (0..3_usize)
        .map(|step| {
            let before = sandbox.request_count();
            let run = gatepost.clone().set("BITBUCKET_PARALLEL_STEP", step.to_string()).run();
            let share = format!("✔ {} of 10 targets, the rest belongs to the other steps: ", [4, 3, 3][step]);
            assert_told(&run, 0, &[&format!("\nstep {} of 3 of the parallel group: ", step + 1), &share]);
            sandbox.request_count() - before
        })
        .collect();
    assert_eq!(counts, [4, 3, 3]);
    assert!(posts(&sandbox).values().all(|count| *count == 1));
    assert_eq!(posts(&sandbox).len(), 10);
    for (step, count, told) in
        [("3", "3", "BITBUCKET_PARALLEL_STEP is \"3\""), ("0", "0", "BITBUCKET_PARALLEL_STEP_COUNT is \"0\"")]
    {
        let run = gatepost
            .clone()
            .set("BITBUCKET_PARALLEL_STEP", step)
            .set("BITBUCKET_PARALLEL_STEP_COUNT", count)
            .run();
        assert_told(&run, 2, &[told]);
    }
}

/// Pipelines sets these variables in every step of a group.
#[test]
fn a_parallel_step_posts_its_single_target() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let run = nightly(&sandbox, &folder, &json!([]))
        .unset("TARGETS_FILE")
        .set("REPO_SLUG", "service-001")
        .set("PULL_REQUEST", "1")
        .set("STATE", "passed")
        .set("BITBUCKET_PARALLEL_STEP", "1")
        .set("BITBUCKET_PARALLEL_STEP_COUNT", "3")
        .run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
}

/// Any step of a group may run the pipe: only who asks for it gets a share.
#[test]
fn without_split_a_parallel_step_posts_all_targets() {
    let (sandbox, folder) = (fleet(6), Folder::new());
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=6)))
        .set("BITBUCKET_PARALLEL_STEP", "1")
        .set("BITBUCKET_PARALLEL_STEP_COUNT", "2")
        .run();
    assert_told(&run, 0, &["✔ 6 targets: 6 posted"]);
}

#[test]
fn split_without_a_parallel_group_is_refused() {
    let (sandbox, folder) = (fleet(1), Folder::new());
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=1)))
        .set("SPLIT", "true")
        .set("BITBUCKET_PARALLEL_STEP", "0")
        .run();
    let told = "✖ SPLIT is true, and BITBUCKET_PARALLEL_STEP or BITBUCKET_PARALLEL_STEP_COUNT is not set\n";
    assert_told(&run, 2, &[told]);
}
