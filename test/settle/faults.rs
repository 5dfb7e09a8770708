//! Faults on the way, and others who write at the same time.

use std::time::Duration;

use sandbox::{Effect, Fault};

use super::{BRANCH, HOUR, counted, leave, left, pair, present, requests, settle, standing};
use crate::run::{Folder, assert_told, by_hand, stopped_by};

#[test]
fn a_page_with_a_fault_is_asked_for_again() {
    for fault in [Fault::rate_limited_with("1"), Fault::status(503), Fault::ResetBeforeAnswer] {
        let sandbox = present();
        leave(&sandbox, &[("sonar", "INPROGRESS", 26 * HOUR)]);
        sandbox.fault(fault);
        assert_told(&settle(&sandbox).run(), 0, &["trying again in", "1 status ended"]);
        assert_eq!(counted(&sandbox), (2, 1));
    }
}

#[test]
fn a_page_that_stays_refused_leaves_everything() {
    for (fault, told) in [
        (Fault::rate_limited_with("3600"), "429"),
        (Fault::unavailable(Some("3600")), "503 Service Unavailable"),
        (Fault::page(200, "Log in"), "Log in"),
    ] {
        let sandbox = present();
        leave(&sandbox, &[("sonar", "INPROGRESS", 26 * HOUR)]);
        sandbox.fault_always(fault);
        let run = settle(&sandbox).run();
        assert_told(&run, 4, &[told, "0 statuses ended, 1 target without a list of statuses"]);
        assert_eq!((standing(&sandbox), counted(&sandbox)), (vec![pair("sonar", "INPROGRESS")], (1, 0)));
    }
}

/// The list tells that the status stands as before, so it is sent again.
#[test]
fn a_post_with_a_fault_is_sent_again_after_another_look() {
    for fault in [Fault::status(503), Fault::ResetBeforeAnswer, Fault::rate_limited_with("1")] {
        let sandbox = present();
        leave(&sandbox, &[("sonar", "INPROGRESS", 26 * HOUR)]);
        sandbox.fault_after(1, fault);
        let run = settle(&sandbox).run();
        assert_told(&run, 0, &["! ", "again in", "1 status ended"]);
        assert_eq!((standing(&sandbox), counted(&sandbox)), (vec![pair("sonar", "STOPPED")], (2, 2)));
    }
}

/// The answer is lost, and the list tells that the status was ended.
#[test]
fn a_post_whose_answer_is_lost_is_found_in_the_list() {
    let sandbox = present();
    leave(&sandbox, &[("sonar", "INPROGRESS", 26 * HOUR)]);
    sandbox.fault_after(1, Fault::ResetAfterEffect);
    assert_told(&settle(&sandbox).run(), 0, &["looking again in", "1 status ended"]);
    assert_eq!((standing(&sandbox), counted(&sandbox)), (vec![pair("sonar", "STOPPED")], (2, 1)));
}

/// The answer is lost, and so is the list that would tell: nothing is claimed, and nothing is sent again blindly.
#[test]
fn a_post_whose_answer_is_lost_stays_in_doubt_without_the_list() {
    for (fault, told) in [
        (Fault::status(403), "Bitbucket answered 403 Forbidden"),
        (Fault::page(200, "Log in"), "but the answer is not JSON"),
        (Fault::rate_limited_with("3600"), "so Gatepost does not wait"),
    ] {
        let sandbox = present();
        leave(&sandbox, &[("sonar", "INPROGRESS", 26 * HOUR)]);
        sandbox.fault_after(1, Fault::ResetAfterEffect);
        sandbox.fault(fault);
        let run = settle(&sandbox).run();
        let last = "✖ acme/api commit 94277cd267a8: 0 statuses ended, 1 not known to be ended\n";
        assert_told(&run, 4, &["looking again in", told, "INPROGRESS may be STOPPED now", last]);
        assert_eq!((standing(&sandbox), counted(&sandbox)), (vec![pair("sonar", "STOPPED")], (2, 1)));
    }
}

/// The build was only slow. Its verdict comes between two attempts, and stays.
#[test]
fn a_verdict_that_is_published_meanwhile_is_not_overwritten() {
    let sandbox = present();
    leave(&sandbox, &[("sonar", "INPROGRESS", 26 * HOUR)]);
    sandbox.fault_after(1, Fault::rate_limited_with("3"));
    let settle = settle(&sandbox);
    let begun = std::time::Instant::now();
    let child = settle.start();
    sandbox.wait_for_requests(2, Duration::from_secs(10));
    let publish =
        by_hand(&sandbox).set("COMMIT", sandbox.head("acme/api", BRANCH)).set("BRANCH", BRANCH).run();
    assert_eq!(publish.code, 0, "{}", publish.output);
    let run = settle.finish(child, begun);
    assert_told(
        &run,
        0,
        &[
            "! key sonar, branch feature/login: somebody has changed it since it was listed: it stays as it is\n",
            "✔ acme/api commit 94277cd267a8: 0 statuses ended, 1 changed meanwhile\n",
        ],
    );
    assert_eq!(standing(&sandbox), [pair("sonar", "SUCCESSFUL")]);
}

/// A run that ends many statuses takes a while. Somebody publishes a verdict in between.
#[test]
fn a_verdict_that_is_published_while_others_are_ended_stays() {
    let sandbox = present();
    let keys: Vec<String> = (0..30).map(|key| format!("k{key:02}")).collect();
    let statuses: Vec<_> = keys.iter().map(|key| (key.as_str(), "INPROGRESS", 26 * HOUR)).collect();
    leave(&sandbox, &statuses);
    sandbox.fault_always(Fault::Delay(Duration::from_millis(200)));
    let settle = settle(&sandbox).set("SETTLE_KEYS", "k*");
    let begun = std::time::Instant::now();
    let child = settle.start();
    sandbox.wait_for_requests(3, Duration::from_secs(10));
    // The list has them in the order of their keys, or in the other.
    let commit = sandbox.head("acme/api", BRANCH);
    let publish = by_hand(&sandbox).set("COMMIT", commit).set("BRANCH", BRANCH);
    for key in ["k00", "k29"] {
        assert_eq!(publish.clone().set("KEY", key).run().code, 0);
    }
    let run = settle.finish(child, begun);
    assert_eq!(run.code, 0, "{}", run.output);
    let last = |key: &str| standing(&sandbox).into_iter().find(|(known, _)| known == key).unwrap().1;
    let states = [last("k00"), last("k29")];
    assert_eq!(states, ["SUCCESSFUL", "SUCCESSFUL"], "{}", run.output);
    assert_told(
        &run,
        0,
        &["somebody has changed it since it was listed: it stays as it is", "changed meanwhile"],
    );
}

/// The log must not say that Bitbucket shows what is gone.
#[test]
fn a_repository_that_is_removed_meanwhile_is_told_as_such() {
    let sandbox = present();
    let keys: Vec<String> = (0..4).map(|key| format!("k{key}")).collect();
    let statuses: Vec<_> = keys.iter().map(|key| (key.as_str(), "INPROGRESS", 26 * HOUR)).collect();
    leave(&sandbox, &statuses);
    sandbox.fault_always(Fault::Delay(Duration::from_millis(300)));
    let settle = settle(&sandbox).set("SETTLE_KEYS", "k*");
    let begun = std::time::Instant::now();
    let child = settle.start();
    sandbox.wait_for_requests(2, Duration::from_secs(10));
    sandbox.world(|world| {
        world.delete_repository("acme/api");
    });
    let run = settle.finish(child, begun);
    assert_told(
        &run,
        4,
        &[
            "failed to post the status: Bitbucket answered 404 Not Found\n",
            "the repository bitbucket.org/acme/api does not exist, or it is private",
            "acme/api commit 94277cd267a8: 0 statuses ended, 4 not ended\n",
        ],
    );
    assert!(!run.output.contains("Bitbucket shows commit"), "{}", run.output);
}

/// A status whose link Bitbucket refuses today would block merging for ever.
#[test]
fn a_status_whose_link_is_refused_gets_another_link() {
    let sandbox = present();
    sandbox.world(|world| {
        let mut status = left(world, "sonar", "INPROGRESS", 26 * HOUR);
        status.url = Some("http://sonarqube:9000/dashboard".to_owned());
        world.add_status("acme/api", status);
    });
    let run = settle(&sandbox).run();
    assert_told(
        &run,
        0,
        &[
            "Bitbucket does not accept the link \"http://sonarqube:9000/dashboard\" of this status; trying again with the link https://bitbucket.org/acme/api/commits/94277cd267a8\n",
            "INPROGRESS is STOPPED now",
            "1 status ended",
        ],
    );
    let status = &sandbox.statuses("acme/api", &sandbox.head("acme/api", BRANCH))[0];
    assert_eq!(status.url.as_deref(), Some("https://bitbucket.org/acme/api/commits/94277cd267a8"));
    assert_eq!(counted(&sandbox), (1, 2));
}

/// An `INPROGRESS` that was written a moment ago belongs to a build that runs.
#[test]
fn a_status_that_was_just_published_stays() {
    let sandbox = present();
    let publish = by_hand(&sandbox).set("COMMIT", sandbox.head("acme/api", BRANCH)).set("STATE", "running");
    assert_eq!(publish.run().code, 0);
    let run = settle(&sandbox).set("SETTLE_AFTER", "1m").run();
    assert_told(
        &run,
        0,
        &["INPROGRESS stays: 0 minutes old", "0 statuses ended, 1 younger than SETTLE_AFTER"],
    );
    assert_eq!(standing(&sandbox), [pair("sonar", "INPROGRESS")]);
}

#[test]
fn a_commit_that_bitbucket_does_not_know_is_explained() {
    let sandbox = present();
    let run = settle(&sandbox).set("COMMIT", "0123456789ab").run();
    assert_told(
        &run,
        4,
        &[
            "✖ failed to list the statuses of commit 0123456789ab of acme/api: Bitbucket answered 404 Not Found\n",
            "acme/api has no commit 0123456789ab",
        ],
    );
    assert_eq!(counted(&sandbox), (1, 0));
}

#[test]
fn a_stopped_run_sends_nothing_more_and_says_what_it_has_done() {
    let (sandbox, folder) = (present(), Folder::new());
    let keys: Vec<String> = (0..50).map(|key| format!("sonar-{key:02}")).collect();
    let statuses: Vec<_> = keys.iter().map(|key| (key.as_str(), "INPROGRESS", 26 * HOUR)).collect();
    leave(&sandbox, &statuses);
    sandbox.fault_always(Fault::Delay(Duration::from_millis(100)));
    let gatepost = settle(&sandbox)
        .within(folder.path())
        .set("SETTLE_KEYS", "sonar-*")
        .set("RESULT_FILE", "results.jsonl");
    let run = stopped_by("-TERM", &gatepost, || sandbox.request_count() >= 5);
    let ended = standing(&sandbox).iter().filter(|(_, state)| state == "STOPPED").count();
    assert!((4..50).contains(&ended), "{ended}\n{}", run.output);
    let last = format!("✖ stopped before the end; acme/api commit 94277cd267a8: {ended} statuses ended\n");
    assert_told(&run, 143, &[&last]);
    assert_eq!(folder.read("results.jsonl").lines().count(), ended);
    assert!(run.took < Duration::from_secs(6), "{:?}", run.took);
}

/// Bitbucket takes its time: what became of the status is not known, and is said.
#[test]
fn a_stopped_run_says_which_answer_is_missing() {
    let (sandbox, folder) = (present(), Folder::new());
    leave(&sandbox, &[("sonar", "INPROGRESS", 26 * HOUR)]);
    sandbox.fault_after(1, Fault::Slow { takes: Duration::from_secs(8), effect: Effect::AtEnd });
    let gatepost = settle(&sandbox).within(folder.path()).set("RESULT_FILE", "results.jsonl");
    let run = stopped_by("-TERM", &gatepost, || sandbox.request_count() >= 2);
    let missing =
        "! the status sonar of acme/api commit 94277cd267a8 may be STOPPED now: Bitbucket has not answered\n";
    assert_told(
        &run,
        143,
        &[
            missing,
            "✖ stopped before the end; acme/api commit 94277cd267a8: 0 statuses ended, 1 not known to be ended\n",
        ],
    );
    assert!(folder.read("results.jsonl").contains("\"outcome\":\"stopped\""));
    assert!(run.took < Duration::from_secs(6), "{:?}", run.took);
    assert_eq!(requests(&sandbox, "POST").len(), 1);
    sandbox.settle();
}
