//! A run that is stopped leaves no INPROGRESS behind, however slow Bitbucket is.

use std::time::Duration;

use sandbox::Effect;

use super::{assert_stands, posts, tests};
use crate::run::{Fault, Run, Sandbox, acme, in_pull_request_build, stopped_by};

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
