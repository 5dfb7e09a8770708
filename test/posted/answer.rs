//! What a POST is answered, and what that proves.

use std::time::Duration;

use sandbox::{Closed, Effect};
use serde_json::{Value, json};

use super::{assert_nothing_posted, assert_stands, last_line, posts, standing, tests};
use crate::run::{Fault, Run, Sandbox, acme, assert_told, in_branch_build, in_pull_request_build};

fn after(fault: Fault) -> (Sandbox, Run) {
    let sandbox = acme();
    sandbox.fault(fault);
    let run = tests(in_branch_build(&sandbox)).run();
    (sandbox, run)
}

fn head(sandbox: &Sandbox) -> String {
    sandbox.head("acme/api", "main")
}

/// A proxy that wants a login, an API that tells errors in a 200, a mock.
#[test]
fn an_accepting_answer_that_is_no_status_is_not_known_to_be_posted() {
    let bodies: [Value; 6] = [
        json!({ "error": "unauthorized" }),
        json!({ "type": "error", "error": { "message": "No." } }),
        json!([]),
        json!({}),
        json!({ "type": "repository", "full_name": "acme/api" }),
        json!("ok"),
    ];
    for body in bodies {
        for status in [200, 201] {
            let (sandbox, run) = after(Fault::json(status, &body));
            assert_told(&run, 4, &["not known to be posted"]);
            assert_eq!(
                (sandbox.request_count(), standing(&sandbox, "acme/api", &head(&sandbox))),
                (1, vec![])
            );
        }
    }
}

#[test]
fn an_accepting_answer_without_a_body_is_none_but_204() {
    let empty = |status| Fault::Answer { status, headers: vec![], body: vec![] };
    for status in [200, 201] {
        let (_sandbox, run) = after(empty(status));
        assert_told(&run, 4, &["not known to be posted"]);
    }
    let (_sandbox, run) = after(empty(204));
    assert_told(&run, 0, &["✔ posted"]);
}

#[test]
fn a_status_with_another_key_or_state_is_not_the_one_that_was_sent() {
    for (change, named) in [
        (json!({ "key": "lint" }), "lint"),
        (json!({ "state": "FAILED" }), "FAILED"),
        (json!({ "key": null }), "key"),
        (json!({ "state": null }), "state"),
    ] {
        let (sandbox, run) = after(Fault::Altered(change));
        assert_told(&run, 4, &["not known to be posted", named]);
        assert_eq!(sandbox.request_count(), 1);
        assert!(last_line(&run).contains("may stand"), "{}", run.output);
    }
}

/// What is about something else, or tells of an error as well, proves nothing.
#[test]
fn a_status_with_an_error_or_of_another_commit_or_branch_is_not_the_one_that_was_sent() {
    let other = "d".repeat(40);
    for (change, named) in [
        (json!({ "error": "unauthorized" }), "error"),
        (json!({ "error": { "message": "No." } }), "error"),
        (json!({ "errors": ["No."] }), "errors"),
        (json!({ "commit": { "hash": other } }), "dddddddddddd"),
        (
            json!({ "links": { "commit": { "href": format!("https://api.bitbucket.org/2.0/repositories/acme/api/commit/{other}") } } }),
            "dddddddddddd",
        ),
        (json!({ "refname": "other/branch" }), "other/branch"),
    ] {
        let (sandbox, run) = after(Fault::Altered(change));
        assert_told(&run, 4, &["not known to be posted", named]);
        assert_eq!(sandbox.request_count(), 1);
        assert!(last_line(&run).contains("may stand"), "{}", run.output);
    }
}

#[test]
fn a_status_that_says_less_than_was_sent_is_the_one_that_was_sent() {
    let head = head(&acme());
    for change in [
        json!({ "error": null, "errors": [], "commit": null, "refname": null }),
        json!({ "commit": { "hash": &head[..12] } }),
        json!({ "commit": { "hash": "no hash" }, "links": { "commit": { "href": "elsewhere" } } }),
    ] {
        let (_sandbox, run) = after(Fault::Altered(change));
        assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
    }
}

/// The key was cut to what Bitbucket takes, and the answer has it so.
#[test]
fn a_key_that_was_shortened_is_the_one_that_was_sent() {
    let sandbox = acme();
    let run = tests(in_branch_build(&sandbox)).set("KEY", "t".repeat(60)).run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
    assert_eq!(standing(&sandbox, "acme/api", &head(&sandbox)).len(), 1);
}

#[test]
fn after_a_lost_answer_the_last_line_says_that_the_status_may_stand() {
    for then in [Fault::status(400), Fault::status(503), Fault::refusal(403, "Forbidden")] {
        let sandbox = acme();
        sandbox.fault(Fault::ResetAfterEffect);
        sandbox.fault_always(then);
        let run = tests(in_branch_build(&sandbox)).set("TIMEOUT", "3").run();
        assert_told(&run, 4, &[]);
        assert!(last_line(&run).contains("may stand"), "{}", run.output);
        assert_stands(&sandbox, "acme/api", &head(&sandbox), "SUCCESSFUL");
    }
}

/// The commit may have gone between the attempts, and the first one may have had its effect.
#[test]
fn a_lost_answer_is_not_forgotten_when_the_commit_is_unknown_afterwards() {
    for fault in [Fault::ResetAfterEffect, Fault::status(503)] {
        let sandbox = acme();
        sandbox.fault(fault);
        let head = head(&sandbox);
        sandbox.world(|world| {
            world.know_commit_after("acme/api", &head, u32::MAX);
        });
        let run = tests(in_branch_build(&sandbox)).run();
        assert_told(&run, 4, &["404 Not Found", "the status may stand there"]);
        assert!(posts(&sandbox).len() > 2, "{}", run.output);
        assert!(last_line(&run).contains("not known to be posted"), "{}", run.output);
        assert!(last_line(&run).contains("may stand"), "{}", run.output);
    }
}

#[test]
fn nothing_was_posted_is_not_said_after_a_lost_answer() {
    for fault in [Fault::ResetBeforeAnswer, Fault::status(503)] {
        let sandbox = acme();
        let gatepost = tests(in_pull_request_build(&sandbox));
        let head = sandbox.world(|world| world.force_push("acme/api", "feature/login"));
        sandbox.fault(fault);
        let run = gatepost.run();
        assert_told(&run, 4, &["pull request 7 has moved on to", &head[..12], "may stand"]);
        assert!(!run.output.contains("nothing was posted"), "{}", run.output);
        assert!(last_line(&run).contains("not known to be posted"), "{}", run.output);
    }
}

#[test]
fn a_lost_answer_is_asked_for_again() {
    for fault in [Fault::ResetAfterEffect, Fault::ResetInAnswer] {
        let (sandbox, run) = after(fault);
        assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
        assert_eq!(posts(&sandbox).len(), 2);
        assert_stands(&sandbox, "acme/api", &head(&sandbox), "SUCCESSFUL");
    }
}

/// The request took no effect: nothing may stand, and nothing is claimed.
#[test]
fn a_plain_refusal_leaves_no_doubt() {
    let (sandbox, run) = after(Fault::refusal(403, "Forbidden"));
    assert_told(&run, 4, &["not posted"]);
    assert!(!last_line(&run).contains("may"), "{}", run.output);
    assert_nothing_posted(&sandbox, &run);
}

#[test]
fn an_answer_later_than_the_attempt_may_last_leaves_a_doubt() {
    let sandbox = acme();
    sandbox.fault_always(Fault::Slow { takes: Duration::from_secs(4), effect: Effect::AtOnce });
    let run = tests(in_branch_build(&sandbox)).set("TIMEOUT", "2").run();
    assert_told(&run, 4, &["no complete response within"]);
    assert!(last_line(&run).contains("may stand"), "{}", run.output);
    assert_stands(&sandbox, "acme/api", &head(&sandbox), "SUCCESSFUL");
}

/// Codes of gateways and of content delivery networks, which HTTP's own list does not have.
#[test]
fn what_a_gateway_answers_is_tried_again_and_told_with_a_name() {
    for status in [501, 505, 507, 511, 520, 521, 522, 523, 524, 525, 526, 527, 528, 529, 530, 555, 598] {
        let (sandbox, run) = after(Fault::status(status));
        assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
        assert_eq!(posts(&sandbox).len(), 2);
        let told = format!("answered {status} ");
        let named = run.output.split(&told).nth(1).and_then(|rest| rest.chars().next());
        assert!(named.is_some_and(char::is_uppercase), "{status} has no name in\n{}", run.output);
        assert_stands(&sandbox, "acme/api", &head(&sandbox), "SUCCESSFUL");
    }
}

#[test]
fn a_repository_that_is_read_only_for_the_moment_is_tried_again() {
    let (sandbox, run) = after(Fault::read_only());
    assert_told(&run, 0, &["409 Conflict; trying again", "✔ posted SUCCESSFUL"]);
    assert_eq!(posts(&sandbox).len(), 2);
    assert_stands(&sandbox, "acme/api", &head(&sandbox), "SUCCESSFUL");
}

#[test]
fn bitbuckets_own_sentence_is_the_reason() {
    for (why, sentence) in [
        (Closed::Archived, "This repository is archived. Archived repositories are read only."),
        (
            Closed::OverUserLimit,
            "The account owner has exceeded their user limit - write access is disabled to the repository.",
        ),
        (Closed::ForNow, "This repository is in read-only mode. Please try again in a little while."),
    ] {
        let sandbox = acme();
        sandbox.world(|world| {
            world.close_repository("acme/api", why);
        });
        let run = tests(in_branch_build(&sandbox)).set("TIMEOUT", "2").run();
        assert_told(&run, 4, &[sentence]);
        assert!(!run.output.contains("Bitbucket does not say"), "{}", run.output);
        assert_nothing_posted(&sandbox, &run);
        let is_tried_again = posts(&sandbox).len() > 1;
        assert_eq!(is_tried_again, why == Closed::ForNow, "{}", run.output);
    }
}

/// The whole of Bitbucket may take no writes, too; that passes.
#[test]
fn bitbuckets_own_sentence_is_the_reason_of_a_503() {
    let sandbox = acme();
    let sentence = "Bitbucket is in read-only mode for maintenance until 12:00 UTC.";
    sandbox.fault_always(Fault::refusal(503, sentence));
    let run = tests(in_branch_build(&sandbox)).set("TIMEOUT", "1").run();
    assert_told(
        &run,
        4,
        &[&format!("why:      Bitbucket says: {sentence}"), "bitbucket.status.atlassian.com"],
    );
    assert!(posts(&sandbox).len() > 1, "{}", run.output);
    assert_nothing_posted(&sandbox, &run);
}

/// nginx answers so on a port for https: <https://nginx.org/en/docs/http/ngx_http_ssl_module.html#errors>.
#[test]
fn http_on_a_port_for_https_is_told_as_that() {
    let title = "400 The plain HTTP request was sent to HTTPS port";
    let (sandbox, run) = after(Fault::page(400, title));
    assert_told(&run, 4, &["why:      the server speaks https on this port, and was asked with http"]);
    assert!(!run.output.contains("Data Center"), "{}", run.output);
    assert_nothing_posted(&sandbox, &run);
}

/// An error that is told with 200 is no status.
#[test]
fn an_error_in_a_200_is_called_no_status() {
    let (_sandbox, run) = after(Fault::json(200, &json!({ "error": "unauthorized" })));
    assert_told(&run, 4, &["the answer is not a status"]);
}

/// Its bytes would garble a terminal.
#[test]
fn nothing_of_a_compressed_body_is_shown() {
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xabV*-N-R\xb2R\xca\xcbW\xaa\x05\x00".to_vec();
    for (status, encoding, told) in [
        (200, Some("gzip"), "200 OK, a compressed body, but the answer is compressed"),
        (400, Some("br"), "400 Bad Request, a compressed body"),
        (400, None, "400 Bad Request, a body that is not text"),
    ] {
        let headers = encoding.map(|encoding| ("content-encoding".to_owned(), encoding.to_owned()));
        let headers = headers.into_iter().collect();
        let (_sandbox, run) = after(Fault::Answer { status, headers, body: gzip.clone() });
        assert_told(&run, 4, &[told]);
        assert!(!run.output.contains('\u{fffd}'), "{}", run.output);
    }
}

#[test]
fn a_compressed_answer_that_nobody_asked_for_is_final_and_told_in_words() {
    let (sandbox, run) = after(Fault::Compressed);
    assert_told(&run, 4, &["compressed", "not known to be posted"]);
    assert_eq!(sandbox.request_count(), 1);
    assert!(last_line(&run).contains("may stand"), "{}", run.output);
}
