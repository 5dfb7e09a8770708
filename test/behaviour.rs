//! Help, version, debug output, colours, and stopped runs.

use std::time::Duration;

use crate::run::{Fault, Run, Sandbox, acme, bare, in_branch_build, in_pull_request_build, stopped_by};

#[test]
fn help_and_version_need_no_variables() {
    for argument in ["--version", "-V", "version"] {
        let run = bare().run_with(&[argument]);
        assert_eq!(
            (run.code, run.output.as_str()),
            (0, concat!("gatepost ", env!("CARGO_PKG_VERSION"), "\n"))
        );
    }
    for argument in ["--help", "-h", "help"] {
        let run = bare().run_with(&[argument]);
        assert_eq!(run.code, 0);
        for variable in gatepost::config::variables::Variables::ALL {
            assert!(run.output.contains(&format!("\n  {}\n", variable.name())), "{}", variable.name());
        }
        assert!(run.output.lines().all(|line| line.chars().count() <= 80), "{}", run.output);
    }
}

#[test]
fn debug_prints_each_request() {
    let sandbox = acme();
    sandbox.fault(Fault::status(502));
    let run = in_branch_build(&sandbox).set("DEBUG", "true").run();
    let told = run.told();
    let debug: Vec<_> = told.lines().filter(|line| line.starts_with("  debug:")).collect();
    assert_eq!(debug.len(), 2, "{}", run.output);
    assert!(debug[0].contains(" attempt 1: 502 Bad Gateway, 11 bytes, N s"), "{}", run.output);
    assert!(debug[1].contains(" attempt 2: 201 Created, "), "{}", run.output);
}

#[test]
fn colours_are_on_in_ci_and_off_with_no_color() {
    let sandbox = acme();
    let run = in_branch_build(&sandbox);
    assert!(!run.run().output.contains('\u{1b}'), "not on a terminal");
    assert!(run.clone().set("CI", "true").run().output.contains("\u{1b}[32m✔ posted SUCCESSFUL"));
    assert!(!run.set("CI", "true").set("NO_COLOR", "1").run().output.contains('\u{1b}'));
}

#[test]
fn the_status_is_posted_when_standard_output_is_closed() {
    let sandbox = acme();
    let mut child = in_branch_build(&sandbox).start();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(sandbox.requests().len(), 1);
}

/// Starts a run whose first request is never answered, and sends a signal once the request was received.
fn stopped_while_silent(signal: &str, state: &str, answer_stopped: bool) -> (Sandbox, Run) {
    let sandbox = acme();
    sandbox.fault(Fault::SilentAfterHead);
    if !answer_stopped {
        sandbox.fault_always(Fault::Silent);
    }
    let gatepost = in_pull_request_build(&sandbox).set("STATE", state);
    let run = stopped_by(signal, &gatepost, || !sandbox.requests().is_empty());
    (sandbox, run)
}

#[test]
fn a_stopped_run_says_that_the_status_may_not_have_been_posted() {
    for signal in ["-TERM", "-INT"] {
        let (sandbox, run) = stopped_while_silent(signal, "SUCCESSFUL", true);
        assert_eq!(sandbox.requests().len(), 1);
        assert_eq!(run.code, 143, "{}", run.output);
    }
    let (_sandbox, run) = stopped_while_silent("-TERM", "SUCCESSFUL", true);
    insta::assert_snapshot!(run.told(), @"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ stopped before the end: SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login (key sonar) may not have been posted
    exit code 143
    ");
}

#[test]
fn a_stopped_run_replaces_inprogress_by_stopped() {
    let (sandbox, run) = stopped_while_silent("-TERM", "INPROGRESS", true);
    insta::assert_snapshot!(run.told(), @"
    gatepost 0.1.0: INPROGRESS for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ! INPROGRESS may still come to stand after STOPPED: Bitbucket has not answered it
    ✖ stopped before the end: posted STOPPED on acme/api commit 94277cd267a8, branch feature/login (key sonar), because INPROGRESS would block merging
    exit code 143
    ");
    let shown = sandbox.pull_request_statuses("acme/api", 7);
    assert_eq!((shown.len(), shown[0].state.as_str()), (1, "STOPPED"));
}

#[test]
fn a_stopped_run_does_not_hang_on_a_silent_service() {
    let (_sandbox, run) = stopped_while_silent("-TERM", "INPROGRESS", false);
    assert_eq!(run.code, 143, "{}", run.output);
    assert!(run.output.contains("! INPROGRESS may still stand on the commit"), "{}", run.output);
    assert!(run.took < Duration::from_secs(9), "Docker kills after 10 s, this took {:?}", run.took);
}
