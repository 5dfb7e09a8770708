//! A run that is stopped leaves no INPROGRESS behind, however slow Bitbucket is.

use std::time::Duration;

use sandbox::Effect;
use serde_json::json;

use super::{assert_stands, last_line, posts, standing, tests};
use crate::run::{Fault, Run, Sandbox, acme, in_central_pipeline, in_pull_request_build, stopped_by};

/// Docker kills ten seconds after SIGTERM.
const LIMIT: Duration = Duration::from_secs(9);

/// Stops a run whose INPROGRESS has arrived and is answered like this.
fn stopped(fault: Fault) -> (Sandbox, Run) {
    let sandbox = acme();
    sandbox.fault(fault);
    let gatepost = tests(in_pull_request_build(&sandbox)).set("STATE", "INPROGRESS");
    let run = stopped_by("-TERM", &gatepost, || !sandbox.requests().is_empty());
    sandbox.settle();
    (sandbox, run)
}

fn head(sandbox: &Sandbox) -> String {
    sandbox.head("acme/api", "feature/login")
}

/// What counts is what stands when everything that was sent has had its effect.
#[test]
fn stopped_stands_after_a_slow_inprogress() {
    for effect in [Effect::AtOnce, Effect::AtEnd] {
        let (sandbox, run) = stopped(Fault::Slow { takes: Duration::from_secs(2), effect });
        assert_eq!(run.code, 143, "{}", run.output);
        assert_stands(&sandbox, "acme/api", &head(&sandbox), "STOPPED");
        assert!(run.output.contains("STOPPED"), "{}", run.output);
        assert!(!run.output.contains("may be left"), "{}", run.output);
        assert!(run.took < LIMIT, "{:?}", run.took);
    }
}

#[test]
fn stopped_stands_after_an_inprogress_whose_answer_is_lost() {
    for fault in [Fault::ResetAfterEffect, Fault::ResetInAnswer] {
        let (sandbox, run) = stopped(fault);
        assert_eq!(run.code, 143, "{}", run.output);
        assert_stands(&sandbox, "acme/api", &head(&sandbox), "STOPPED");
        assert!(run.took < LIMIT, "{:?}", run.took);
    }
}

/// `STOPPED` does not wait for such an answer, and is posted again after it.
#[test]
fn stopped_stands_after_an_inprogress_that_takes_effect_later_than_stopped() {
    for seconds in [4, 5, 6] {
        let (sandbox, run) =
            stopped(Fault::Slow { takes: Duration::from_secs(seconds), effect: Effect::AtEnd });
        assert_eq!(run.code, 143, "{}", run.output);
        assert_stands(&sandbox, "acme/api", &head(&sandbox), "STOPPED");
        assert!(last_line(&run).contains("posted STOPPED"), "{}", run.output);
        assert!(!run.output.contains("INPROGRESS may"), "{}", run.output);
        assert!(run.took < LIMIT, "{:?}", run.took);
    }
}

#[test]
fn stopped_stands_after_the_slow_inprogress_of_every_target() {
    let sandbox = acme();
    sandbox.fault_always(Fault::Within(
        "INPROGRESS",
        Box::new(Fault::Slow { takes: Duration::from_secs(5), effect: Effect::AtEnd }),
    ));
    let commits = [("web", "fix/header"), ("api", "feature/login")].map(|(slug, branch)| {
        let full_name = format!("acme/{slug}");
        let commit = sandbox.head(&full_name, branch);
        (full_name, commit)
    });
    let entry = |(full_name, commit): &(String, String)| json!({ "repo_slug": full_name, "commit": commit, "state": "running", "key": "tests" });
    let targets: Vec<_> = commits.iter().map(entry).collect();
    let gatepost = in_central_pipeline(&sandbox).unset("STATE").set("TARGETS", json!(targets).to_string());
    let run = stopped_by("-TERM", &gatepost, || posts(&sandbox).len() == 2);
    sandbox.settle();
    assert_eq!(run.code, 143, "{}", run.output);
    for (full_name, commit) in &commits {
        assert_stands(&sandbox, full_name, commit, "STOPPED");
    }
    assert!(last_line(&run).contains("STOPPED was posted over 2 INPROGRESS"), "{}", run.output);
    assert!(run.took < LIMIT, "{:?}", run.took);
}

/// After `STOPPED`, an `INPROGRESS` is not sent once more.
#[test]
fn an_inprogress_that_waits_for_its_next_attempt_is_not_sent_again() {
    let sandbox = acme();
    sandbox.fault(Fault::unavailable(Some("1")));
    let gatepost = tests(in_pull_request_build(&sandbox)).set("STATE", "INPROGRESS");
    let has_answer = || posts(&sandbox).first().is_some_and(|post| post.status.is_some());
    let run = stopped_by("-TERM", &gatepost, has_answer);
    sandbox.settle();
    assert_eq!(run.code, 143, "{}", run.output);
    let sent: Vec<_> = posts(&sandbox).iter().map(|post| post.body.contains("INPROGRESS")).collect();
    assert_eq!(sent, [true, false], "{}", run.output);
    assert_stands(&sandbox, "acme/api", &head(&sandbox), "STOPPED");
}

/// What stands blocks merging: the last line says so.
#[test]
fn an_inprogress_that_stands_and_cannot_be_replaced_is_said_to_stand() {
    let sandbox = acme();
    sandbox.fault_always(Fault::Within("STOPPED", Box::new(Fault::unavailable(None))));
    sandbox.fault(Fault::Slow { takes: Duration::from_secs(1), effect: Effect::AtEnd });
    let gatepost = tests(in_pull_request_build(&sandbox)).set("STATE", "INPROGRESS");
    let run = stopped_by("-TERM", &gatepost, || !sandbox.requests().is_empty());
    sandbox.settle();
    assert_eq!(run.code, 143, "{}", run.output);
    assert_stands(&sandbox, "acme/api", &head(&sandbox), "INPROGRESS");
    let last = last_line(&run);
    assert!(last.contains("INPROGRESS on acme/api") && last.contains("stands, and blocks merging"), "{last}");
    assert!(!last.contains("may not"), "{last}");
    assert!(run.took < LIMIT, "{:?}", run.took);
}

/// Nobody knows which of the two came last.
#[test]
fn an_inprogress_whose_stopped_has_no_answer_is_said_to_be_in_doubt() {
    let sandbox = acme();
    sandbox.fault_always(Fault::Within("STOPPED", Box::new(Fault::Silent)));
    sandbox.fault(Fault::Slow { takes: Duration::from_secs(1), effect: Effect::AtEnd });
    let gatepost = tests(in_pull_request_build(&sandbox)).set("STATE", "INPROGRESS");
    let run = stopped_by("-TERM", &gatepost, || !sandbox.requests().is_empty());
    assert_eq!(run.code, 143, "{}", run.output);
    assert!(last_line(&run).contains("may stand, and blocks merging"), "{}", run.output);
    assert!(run.took < LIMIT, "{:?}", run.took);
}

/// What was refused was sent.
#[test]
fn a_run_that_is_stopped_after_a_refusal_does_not_say_that_nothing_was_sent() {
    let sandbox = acme();
    let commit = head(&sandbox);
    sandbox.world(|world| {
        world.know_commit_after("acme/api", &commit, u32::MAX);
    });
    let gatepost = tests(in_pull_request_build(&sandbox));
    let has_answer = || posts(&sandbox).first().is_some_and(|post| post.status == Some(404));
    let between_attempts = stopped_by("-TERM", &gatepost, has_answer);

    let sandbox = acme();
    sandbox.fault(Fault::Slow { takes: Duration::from_secs(1), effect: Effect::AtEnd });
    let gatepost = tests(in_pull_request_build(&sandbox)).set("URL", "http://sonarqube.k8s/x");
    let before_the_other_link = stopped_by("-TERM", &gatepost, || !sandbox.requests().is_empty());
    for run in [between_attempts, before_the_other_link] {
        assert_eq!(run.code, 143, "{}", run.output);
        assert_eq!(last_line(&run), "✖ stopped before the end: nothing was posted", "{}", run.output);
    }
    assert_eq!(standing(&sandbox, "acme/api", &head(&sandbox)), []);
}

/// Its effect comes when nobody is left to correct it: all that can be done is to say so.
#[test]
fn an_inprogress_slower_than_the_time_that_is_left_is_said_to_be_in_doubt() {
    let (_sandbox, run) = stopped(Fault::Slow { takes: Duration::from_secs(11), effect: Effect::AtEnd });
    assert_eq!(run.code, 143, "{}", run.output);
    assert!(run.output.contains("INPROGRESS may"), "{}", run.output);
    assert!(run.took < LIMIT, "{:?}", run.took);
}

#[test]
fn a_final_state_is_not_replaced_by_stopped() {
    let sandbox = acme();
    sandbox.fault(Fault::Slow { takes: Duration::from_secs(1), effect: Effect::AtEnd });
    let gatepost = tests(in_pull_request_build(&sandbox));
    let run = stopped_by("-TERM", &gatepost, || !sandbox.requests().is_empty());
    sandbox.settle();
    assert_eq!(run.code, 143, "{}", run.output);
    assert_stands(&sandbox, "acme/api", &head(&sandbox), "SUCCESSFUL");
    assert!(posts(&sandbox).iter().all(|post| !post.body.contains("STOPPED")));
}
