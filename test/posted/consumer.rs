//! The third way in: an OAuth consumer.

use std::time::Duration;

use sandbox::{
    Analysis, Consumer, Dialect, Gate, OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, Projects, Recorded, SonarQube,
    service,
};
use serde_json::{Value, json};

use super::{assert_nothing_posted, assert_refused_unsent, assert_stands, posts, tests};
use crate::run::{
    Fault, Gatepost, Run, Sandbox, World, acme, after_scan, assert_told, bare, by_hand, in_branch_build,
    in_pull_request_build, scanned,
};

fn with_consumer(gatepost: Gatepost) -> Gatepost {
    gatepost
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("BITBUCKET_OAUTH_CLIENT_ID", OAUTH_CLIENT_ID)
        .set("BITBUCKET_OAUTH_CLIENT_SECRET", OAUTH_CLIENT_SECRET)
}

fn change(sandbox: &Sandbox, consumer: Consumer) {
    sandbox.world(|world| {
        world.add_consumer(consumer);
    });
}

/// The requests for a token.
fn grants(sandbox: &Sandbox) -> Vec<Recorded> {
    let is_grant = |request: &Recorded| request.path == "/site/oauth2/access_token";
    sandbox.requests().into_iter().filter(is_grant).collect()
}

/// Checks that no token that was granted is shown, nor a part of one.
fn assert_no_token(sandbox: &Sandbox, run: &Run) {
    for token in sandbox.world(|world| world.oauth_tokens()) {
        assert!(!run.output.contains(&token[..12]) && !run.output.contains(&token[40..52]), "{}", run.output);
    }
}

/// Ten targets of a fleet, one after the other.
fn ten_targets(sandbox: &Sandbox) -> Gatepost {
    let entry = |number| {
        let commit = sandbox.head(&format!("acme/{}", service(number)), "main");
        json!({ "repo_slug": service(number), "commit": commit, "state": "passed", "key": "tests" })
    };
    let targets: Vec<Value> = (1..=10).map(entry).collect();
    with_consumer(bare())
        .set("BITBUCKET_API_URL", sandbox.http_url())
        .set("WORKSPACE", "acme")
        .set("TARGETS", json!(targets).to_string())
        .set("CONCURRENCY", "1")
        .set("TIMEOUT", "20")
}

fn assert_ten_stand(sandbox: &Sandbox) {
    for number in 1..=10 {
        let name = format!("acme/{}", service(number));
        assert_stands(sandbox, &name, &sandbox.head(&name, "main"), "SUCCESSFUL");
    }
}

#[test]
fn a_consumers_key_and_secret_become_a_token_that_posts() {
    let sandbox = acme();
    let run = with_consumer(tests(in_branch_build(&sandbox))).set("DEBUG", "true").run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL on acme/api", "BITBUCKET_OAUTH_CLIENT_ID"]);
    let requests = sandbox.requests();
    assert_eq!(requests.len(), 2, "{requests:#?}");
    let (grant, post) = (&requests[0], &requests[1]);
    assert_eq!((grant.method.as_str(), grant.body.as_str()), ("POST", "grant_type=client_credentials"));
    assert_eq!(grant.content_type.as_deref(), Some("application/x-www-form-urlencoded"));
    assert!(grant.authorization.as_deref().unwrap().starts_with("Basic "));
    let token = sandbox.world(|world| world.oauth_tokens().remove(0));
    assert_eq!(post.authorization.as_deref(), Some(&*format!("Bearer {token}")));
    assert_no_token(&sandbox, &run);
    let commit = sandbox.head("acme/api", "main");
    assert_stands(&sandbox, "acme/api", &commit, "SUCCESSFUL");
    assert_eq!(sandbox.statuses("acme/api", &commit)[0].author.display_name, "acme", "the consumer's owner");
}

#[test]
fn one_token_serves_the_whole_run() {
    let sandbox = Sandbox::start(World::fleet(10));
    let run = ten_targets(&sandbox).set("CONCURRENCY", "8").run();
    assert_told(&run, 0, &[]);
    assert_eq!((grants(&sandbox).len(), posts(&sandbox).len()), (1, 10));
    assert_ten_stand(&sandbox);
    assert_no_token(&sandbox, &run);
}

/// The answer says how long the token lives.
#[test]
fn a_token_is_fetched_again_before_it_ends() {
    let sandbox = Sandbox::start(World::fleet(10));
    change(&sandbox, Consumer { token_life: Duration::from_secs(2), ..Consumer::acme() });
    sandbox.fault_always(Fault::Within("\"key\"", Box::new(Fault::Delay(Duration::from_millis(400)))));
    let run = ten_targets(&sandbox).run();
    assert_told(&run, 0, &[]);
    assert!(grants(&sandbox).len() > 1, "{}", run.output);
    assert!(posts(&sandbox).iter().all(|post| post.status == Some(201)), "none came too late");
    assert_ten_stand(&sandbox);
}

#[test]
fn a_token_that_ends_all_the_same_is_fetched_again_once() {
    let sandbox = Sandbox::start(World::fleet(10));
    change(&sandbox, Consumer { token_requests: Some(6), ..Consumer::acme() });
    let run = ten_targets(&sandbox).run();
    assert_told(&run, 0, &[]);
    assert_eq!(grants(&sandbox).len(), 2);
    let expired = posts(&sandbox).iter().filter(|post| post.status == Some(401)).count();
    assert_eq!((expired, posts(&sandbox).len()), (1, 11));
    assert_ten_stand(&sandbox);
    assert_no_token(&sandbox, &run);
}

#[test]
fn a_token_that_never_counts_is_not_fetched_for_ever() {
    let sandbox = acme();
    sandbox.fault_always(Fault::Within("\"key\"", Box::new(Fault::token_expired())));
    let run = with_consumer(tests(in_branch_build(&sandbox))).run();
    assert_told(&run, 4, &["401 Unauthorized", "Access token expired."]);
    assert_eq!((grants(&sandbox).len(), posts(&sandbox).len()), (2, 2));
}

#[test]
fn what_passes_is_tried_again_for_the_token_too() {
    for fault in [Fault::status(503), Fault::ResetBeforeAnswer, Fault::ResetInAnswer, Fault::rate_limited()] {
        let sandbox = acme();
        sandbox.fault(fault);
        let run = with_consumer(tests(in_branch_build(&sandbox))).run();
        assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
        assert_eq!(grants(&sandbox).len(), 2);
    }
}

#[test]
fn an_answer_without_a_token_is_told_in_words() {
    for body in [json!({}), json!({ "access_token": "" }), json!({ "access_token": 7 }), json!("token")] {
        let sandbox = acme();
        sandbox.fault(Fault::json(200, &body));
        let run = with_consumer(tests(in_branch_build(&sandbox))).run();
        assert_told(&run, 4, &["/site/oauth2/access_token"]);
        assert_nothing_posted(&sandbox, &run);
        assert_eq!(sandbox.request_count(), 1);
    }
}

/// What each refusal means, and what to do about it.
#[test]
fn a_consumer_that_gets_no_token_is_told_why() {
    let public = Consumer { is_private: false, ..Consumer::acme() };
    let without_callback = Consumer { has_callback: false, ..Consumer::acme() };
    let other_secret = Consumer { secret: "another".to_owned(), ..Consumer::acme() };
    for (consumer, bitbucket, explained) in [
        (public, "marked as \"public\"", "This is a private consumer"),
        (without_callback, "No callback uri defined for the OAuth client.", "Callback URL"),
        (other_secret, "Invalid OAuth client credentials", "BITBUCKET_OAUTH_CLIENT_SECRET"),
    ] {
        let sandbox = acme();
        change(&sandbox, consumer);
        for mode in ["publish", "check"] {
            let run = with_consumer(tests(in_branch_build(&sandbox))).set("MODE", mode).run();
            assert_told(&run, 4, &[bitbucket, explained, "to do"]);
            assert_nothing_posted(&sandbox, &run);
        }
        assert_eq!(sandbox.request_count(), 2, "no request went without a token");
    }
}

#[test]
fn a_consumer_that_was_deleted_is_told_as_one_that_may_be() {
    let sandbox = acme();
    sandbox.world(|world| {
        world.delete_consumer(OAUTH_CLIENT_ID);
    });
    let run = with_consumer(tests(in_branch_build(&sandbox))).run();
    assert_told(&run, 4, &["Invalid OAuth client credentials", "deleted"]);
    assert_eq!(sandbox.request_count(), 1);
}

#[test]
fn missing_scopes_are_told_in_the_words_of_the_consumers_page() {
    let sandbox = acme();
    change(&sandbox, Consumer { scopes: vec!["webhook".to_owned()], ..Consumer::acme() });
    for mode in ["publish", "check"] {
        let run = with_consumer(tests(in_branch_build(&sandbox))).set("MODE", mode).run();
        assert_told(&run, 4, &["repository", "OAuth consumers", "to do"]);
        assert_nothing_posted(&sandbox, &run);
    }
    change(&sandbox, Consumer { scopes: vec!["repository".to_owned()], ..Consumer::acme() });
    for mode in ["publish", "check"] {
        let run = with_consumer(tests(by_hand(&sandbox))).set("PULL_REQUEST", "7").set("MODE", mode).run();
        assert_told(&run, 4, &["pullrequest", "OAuth consumers", "to do"]);
        assert_nothing_posted(&sandbox, &run);
    }
}

#[test]
fn a_wider_scope_holds_the_narrower_one() {
    let sandbox = acme();
    change(&sandbox, Consumer { scopes: vec!["pullrequest:write".to_owned()], ..Consumer::acme() });
    let gatepost = with_consumer(tests(by_hand(&sandbox))).set("PULL_REQUEST", "7");
    assert_told(&gatepost.clone().set("MODE", "check").run(), 0, &["pullrequest"]);
    assert_told(&gatepost.run(), 0, &["✔ posted SUCCESSFUL"]);
}

#[test]
fn check_looks_at_a_consumer_and_posts_nothing() {
    let sandbox = acme();
    let run = with_consumer(tests(in_pull_request_build(&sandbox))).set("MODE", "check").run();
    assert_told(&run, 0, &["OAuth consumer", "repository", "nothing was posted"]);
    assert!(posts(&sandbox).is_empty());
    assert_eq!(grants(&sandbox).len(), 1);
    assert_no_token(&sandbox, &run);
}

/// Bitbucket lets the creator of a status overwrite it, and nobody else.
#[test]
fn a_status_of_another_credential_is_not_the_consumers_to_overwrite() {
    let sandbox = acme();
    let commit = sandbox.head("acme/api", "main");
    assert_told(&tests(in_branch_build(&sandbox)).run(), 0, &[]);
    let run = with_consumer(tests(in_branch_build(&sandbox))).set("STATE", "failed").run();
    assert_told(&run, 4, &["403 Forbidden", "created", "owner"]);
    assert_stands(&sandbox, "acme/api", &commit, "SUCCESSFUL");
    // Its own it overwrites, with whatever token it has by then.
    for state in ["INPROGRESS", "FAILED"] {
        let run = with_consumer(tests(in_branch_build(&sandbox))).set("STATE", state).set("KEY", "own").run();
        assert_told(&run, 0, &[&format!("✔ posted {state}")]);
    }
    assert_eq!(sandbox.statuses("acme/api", &commit).len(), 2);
}

#[test]
fn two_kinds_of_credential_at_once_are_an_error_with_a_consumer_too() {
    let sandbox = acme();
    let consumer = with_consumer(tests(in_branch_build(&sandbox)));
    let with_access_token = consumer.clone().set("BITBUCKET_ACCESS_TOKEN", sandbox::REPOSITORY_TOKEN);
    let with_api_token = consumer
        .set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL)
        .set("ATLASSIAN_API_TOKEN", sandbox::API_TOKEN);
    for (gatepost, other) in
        [(with_access_token, "BITBUCKET_ACCESS_TOKEN"), (with_api_token, "ATLASSIAN_API_TOKEN")]
    {
        let run = gatepost.run();
        assert_refused_unsent(&sandbox, &run, &["BITBUCKET_OAUTH_CLIENT_ID", other]);
    }
}

#[test]
fn half_a_consumer_is_told_what_it_lacks() {
    let sandbox = acme();
    for missing in ["BITBUCKET_OAUTH_CLIENT_ID", "BITBUCKET_OAUTH_CLIENT_SECRET"] {
        let run = with_consumer(tests(in_branch_build(&sandbox))).unset(missing).run();
        assert_refused_unsent(&sandbox, &run, &[&format!("✖ {missing} is unset or empty")]);
    }
}

/// SonarQube has a token of its own.
#[test]
fn the_token_goes_to_bitbuckets_host_only() {
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
    let submitted = sonarqube.submit(Analysis::of_pull_request("acme_api", "7", Gate::passed()));
    let folder = scanned("target/sonar", &submitted);
    let run = with_consumer(after_scan(&sandbox, &folder)).run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
    let token = sandbox.world(|world| world.oauth_tokens().remove(0));
    let is_sent =
        |request: &Recorded| request.authorization.as_deref().is_some_and(|value| value.contains(&token));
    assert!(!sonarqube.requests().iter().any(is_sent));
    assert_eq!(sandbox.requests().iter().filter(|request| is_sent(request)).count(), posts(&sandbox).len());
}

/// A redirect would carry key and secret to another host.
#[test]
fn key_and_secret_never_follow_a_redirect() {
    let (sandbox, elsewhere) = (acme(), acme());
    sandbox.fault(Fault::redirect(&format!(
        "http://localhost:{}/site/oauth2/access_token",
        elsewhere.http_port()
    )));
    let run = with_consumer(tests(in_branch_build(&sandbox))).run();
    assert_told(&run, 4, &["302 Found"]);
    assert_eq!((sandbox.request_count(), elsewhere.request_count()), (1, 0));
}

#[test]
fn a_dry_run_fetches_no_token() {
    let sandbox = acme();
    let run = with_consumer(tests(in_branch_build(&sandbox))).set("DRY_RUN", "true").run();
    assert_told(&run, 0, &["BITBUCKET_OAUTH_CLIENT_ID"]);
    assert_eq!(sandbox.request_count(), 0);
}
