//! How many requests a run sends, and the rate limit.

use std::time::Duration;

use gatepost::explain::handbook;

use crate::run::{Fault, acme, assert_told, by_hand, in_pull_request_build};

use super::{met, with_api_token};

/// The reads after a refusal are optional: each is sent once, and Gatepost does not wait long for it.
#[test]
fn at_most_two_further_reads_follow_a_refusal() {
    let refused = |status: u16, body: &str| Fault::Answer { status, headers: vec![], body: body.into() };
    let hidden = r#"{"error":{"message":"You may not have access to this repository or it no longer exists in this workspace."}}"#;
    for (first, reads, requests, told) in [
        (refused(403, "no"), vec![Fault::status(503)], 2, "these reasons are possible, likeliest first"),
        (refused(403, "no"), vec![Fault::Silent], 2, "these reasons are possible, likeliest first"),
        (
            refused(403, "no"),
            vec![Fault::redirect("https://elsewhere.example/")],
            2,
            "these reasons are possible, likeliest first",
        ),
        (
            refused(404, hidden),
            vec![Fault::rate_limited_with("1")],
            2,
            "a repository access token only reaches the repository",
        ),
        (
            refused(404, hidden),
            vec![Fault::status(500)],
            2,
            "a repository access token only reaches the repository",
        ),
        (refused(404, hidden), vec![], 3, "Bitbucket shows commit"),
        (
            refused(404, hidden),
            vec![refused(200, "{}"), Fault::status(404)],
            3,
            "acme/api has no commit 94277cd267a8",
        ),
        (
            refused(404, hidden),
            vec![refused(200, "{}"), Fault::ResetBeforeAnswer],
            3,
            "acme/api has no commit 94277cd267a8",
        ),
        (refused(405, "no"), vec![], 2, "Gatepost does not know this answer"),
        (refused(405, ""), vec![], 2, "Gatepost does not know this answer"),
        // The credential cannot even read the status, so its creator is not the reason.
        (
            refused(403, "no"),
            vec![Fault::status(403)],
            2,
            "may not see it: Bitbucket gives the same answer for both",
        ),
        (refused(400, "no"), vec![], 2, "the answer names it"),
    ] {
        let sandbox = acme();
        sandbox.fault(first);
        for read in reads {
            sandbox.fault(read);
        }
        let commit = &sandbox.head("acme/api", "feature/login")[..12];
        let run = by_hand(&sandbox).set("COMMIT", commit).set("BRANCH", "feature/login").run();
        assert_told(&run, 4, &[told]);
        assert!(!run.output.contains("trying again"), "{}", run.output);
        assert_eq!(sandbox.requests().len(), requests, "{}", run.output);
        assert!(sandbox.requests()[1..].iter().all(|request| request.method == "GET"));
        assert!(run.took < Duration::from_secs(8), "{:?}", run.took);
    }
}

#[test]
fn one_further_read_follows_when_the_pull_request_was_looked_up() {
    let sandbox = acme();
    let unknown =
        || Fault::Answer { status: 404, headers: vec![], body: br#"{"error":{"message":"No."}}"#.to_vec() };
    sandbox.fault(unknown());
    sandbox.fault(unknown());
    let gatepost = in_pull_request_build(&sandbox);
    let told = met(&gatepost, &sandbox, &[&handbook::NO_PULL_REQUEST], 4, 3);
    assert!(!told.contains("may not see it"), "the repository was seen: {told}");
    assert!(!told.contains("or pass PULL_REQUEST"), "{told}");
}

#[test]
fn a_rate_limit_that_is_used_up() {
    let sandbox = acme();
    sandbox.world(|world| {
        world.set_allowance(sandbox::API_TOKEN, 0);
    });
    let gatepost = with_api_token(&sandbox, sandbox::API_TOKEN).set("TIMEOUT", "1");
    let run = gatepost.run();
    assert_eq!(run.code, 4);
    assert!(sandbox.requests().len() > 1, "it is tried again");
    // The number of attempts within a second varies.
    let told: Vec<_> = run
        .told()
        .lines()
        .filter(|line| !line.contains("trying again") && !line.contains("sent:"))
        .map(str::to_owned)
        .collect();
    assert!(told.join("\n").contains(handbook::RATE_LIMIT.remedy));
    insta::assert_snapshot!(told.join("\n"), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
    ✖ failed to post the status: Bitbucket answered 429 Too Many Requests
      answered: 429 Too Many Requests, "Rate limit for this resource has been exceeded"
      why:      Bitbucket allows about 1,000 requests an hour for each user, counted over all API tokens and pipelines of the user; each access token and each OAuth consumer has its own allowance
      to do:    run again later (a higher TIMEOUT waits longer; with many targets, RESUME with the same RESULT_FILE posts the rest); use access tokens for busy pipelines instead of one person's API token
    ✖ not posted: SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 4
    "#);
}
