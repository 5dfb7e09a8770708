//! The third way in: an OAuth consumer.

use std::time::Duration;

use sandbox::{
    Analysis, Consumer, Dialect, Gate, OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, Projects, Recorded, SonarQube,
    service,
};
use serde_json::{Value, json};

use super::{assert_nothing_posted, assert_refused_unsent, assert_stands, posts, tests};
use crate::run::{
    Fault, Folder, Gatepost, Run, Sandbox, World, acme, after_scan, assert_told, bare, by_hand,
    in_branch_build, in_pull_request_build, scanned, stopped_by,
};

pub(super) fn with_consumer(gatepost: Gatepost) -> Gatepost {
    gatepost
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("BITBUCKET_OAUTH_CLIENT_ID", OAUTH_CLIENT_ID)
        .set("BITBUCKET_OAUTH_CLIENT_SECRET", OAUTH_CLIENT_SECRET)
}

pub(super) fn change(sandbox: &Sandbox, consumer: Consumer) {
    sandbox.world(|world| {
        world.add_consumer(consumer);
    });
}

/// The requests for a token.
pub(super) fn grants(sandbox: &Sandbox) -> Vec<Recorded> {
    let is_grant = |request: &Recorded| request.path == "/site/oauth2/access_token";
    sandbox.requests().into_iter().filter(is_grant).collect()
}

/// Checks that no token that was granted is shown, nor a part of one.
pub(super) fn assert_no_token(sandbox: &Sandbox, run: &Run) {
    for token in sandbox.world(|world| world.oauth_tokens()) {
        assert!(!run.output.contains(&token[..12]) && !run.output.contains(&token[40..52]), "{}", run.output);
    }
}

/// Ten targets of a fleet, one after the other.
fn ten_targets(sandbox: &Sandbox) -> Gatepost {
    first_targets(10, sandbox).set("CONCURRENCY", "1")
}

/// The first targets of a fleet.
fn first_targets(count: usize, sandbox: &Sandbox) -> Gatepost {
    let entry = |number| {
        let commit = sandbox.head(&format!("acme/{}", service(number)), "main");
        json!({ "repo_slug": service(number), "commit": commit, "state": "passed", "key": "tests" })
    };
    let targets: Vec<Value> = (1..=count).map(entry).collect();
    with_consumer(bare())
        .set("BITBUCKET_API_URL", sandbox.http_url())
        .set("WORKSPACE", "acme")
        .set("TARGETS", json!(targets).to_string())
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
    for count in [1, 10, 100] {
        let sandbox = Sandbox::start(World::fleet(count));
        let run = first_targets(count, &sandbox).set("CONCURRENCY", "64").run();
        assert_told(&run, 0, &[&format!("{count} posted")]);
        assert_eq!((grants(&sandbox).len(), posts(&sandbox).len()), (1, count));
        assert_no_token(&sandbox, &run);
    }
}

/// All targets wait for one token, and none is given up because of that.
#[test]
fn waiting_for_the_token_of_another_target_does_not_count() {
    let sandbox = Sandbox::start(World::fleet(10));
    let delay = |millis| Fault::Delay(Duration::from_millis(millis));
    sandbox.fault(delay(1200));
    sandbox.fault_always(Fault::Within("\"key\"", Box::new(delay(500))));
    let run = first_targets(10, &sandbox).set("CONCURRENCY", "10").set("TIMEOUT", "2").run();
    assert_told(&run, 0, &[]);
    assert_eq!((grants(&sandbox).len(), posts(&sandbox).len()), (1, 10));
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
fn check_asks_for_one_token_for_all_targets() {
    let sandbox = Sandbox::start(World::fleet(10));
    let run = first_targets(10, &sandbox).set("MODE", "check").run();
    assert_told(&run, 0, &["10 of 10 targets work"]);
    assert_eq!((grants(&sandbox).len(), posts(&sandbox).len()), (1, 0));
}

#[test]
fn check_tells_whose_the_statuses_are() {
    let sandbox = acme();
    let scopes = vec!["pullrequest".to_owned(), "webhook".to_owned()];
    change(&sandbox, Consumer { scopes, ..Consumer::acme() });
    assert_told(&with_consumer(tests(in_branch_build(&sandbox))).run(), 0, &[]);
    let run = with_consumer(tests(in_branch_build(&sandbox))).set("MODE", "check").run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: check of acme/api with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET); nothing is posted
    ✔ the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET) has a key and a secret
    ✔ the token can read the repository acme/api
    ✔ the token has the scope repository, for statuses
    ✔ the token has the scope pullrequest, to look up pull requests
    ✔ statuses of the OAuth consumer belong to its owner (the workspace or the account in which it was created): only the owner or an admin of the repository may overwrite them
    ✔ Bitbucket has commit 630f6ffc4b82414483a5469e117243d2c8a1ab4b of acme/api, branch main
    ! the status with the key tests was created by "acme" on 2026-11-02; another credential cannot overwrite it
      to do:    compare the name with the owner of the consumer; if it is another one: use the credential that created it, or post with another KEY (the old status then stays, and merge checks count it, until the branch has a new commit)
    SonarQube is not asked: STATE is given
    ✔ 6 of 7 checks passed, 1 needs attention; nothing was posted
    exit code 0
    "#);
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
    let to_api = |request: &&Recorded| request.path.starts_with("/2.0/");
    let (sent, all) = (sandbox.requests().iter().filter(|it| is_sent(it)).count(), sandbox.requests());
    assert_eq!(sent, all.iter().filter(to_api).count());
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

#[test]
fn a_dry_run_fetches_a_token_for_a_lookup() {
    let sandbox = acme();
    let run = with_consumer(tests(by_hand(&sandbox))).set("PULL_REQUEST", "7").set("DRY_RUN", "true").run();
    assert_told(&run, 0, &["pull request 7 comes from"]);
    assert_eq!((grants(&sandbox).len(), sandbox.request_count()), (1, 2));
    assert_no_token(&sandbox, &run);
}

/// A repository that has its own token does not need the consumer.
#[test]
fn tokens_of_repositories_work_beside_a_consumer() {
    let sandbox = acme();
    let tokens = json!({ "api": sandbox::REPOSITORY_TOKEN }).to_string();
    let gatepost = with_consumer(tests(in_branch_build(&sandbox))).set("BITBUCKET_ACCESS_TOKENS", tokens);
    assert_told(&gatepost.run(), 0, &["BITBUCKET_ACCESS_TOKENS, api"]);
    assert_eq!((grants(&sandbox).len(), posts(&sandbox).len()), (0, 1));
    let commit = sandbox.head("acme/web", "fix/header");
    let web = gatepost.set("REPO_SLUG", "web").set("COMMIT", &*commit);
    assert_told(&web.run(), 0, &["✔ posted SUCCESSFUL on acme/web", "BITBUCKET_OAUTH_CLIENT_ID"]);
    assert_eq!((grants(&sandbox).len(), posts(&sandbox).len()), (1, 2));
}

/// The token that posted `INPROGRESS` may have ended by then.
#[test]
fn a_stopped_run_ends_its_inprogress_with_a_new_token() {
    let sandbox = acme();
    change(&sandbox, Consumer { token_requests: Some(1), ..Consumer::acme() });
    sandbox.fault_after(1, Fault::SilentAfterHead);
    let gatepost = with_consumer(tests(in_branch_build(&sandbox))).set("STATE", "INPROGRESS");
    let run = stopped_by("-TERM", &gatepost, || !posts(&sandbox).is_empty());
    assert_told(&run, 143, &["posted STOPPED"]);
    assert_stands(&sandbox, "acme/api", &sandbox.head("acme/api", "main"), "STOPPED");
    // The INPROGRESS never gets its answer, so that STOPPED is posted twice.
    let is_stopped = |post: &&Recorded| post.body.contains("STOPPED") && post.status == Some(200);
    let stopped = posts(&sandbox).iter().filter(is_stopped).count();
    assert_eq!((stopped, grants(&sandbox).len()), (2, 3));
    assert_no_token(&sandbox, &run);
}

/// An API may send the token back, and a later step reads the result file.
#[test]
fn a_token_that_is_sent_back_is_not_shown() {
    let (sandbox, folder) = (acme(), Folder::new());
    // The sandbox numbers its tokens: that of the first run is known.
    let first = acme();
    assert_told(&with_consumer(tests(in_branch_build(&first))).run(), 0, &[]);
    let token = first.world(|world| world.oauth_tokens().remove(0));
    let hex = token.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    for text in [&token, &token[5..40], &hex] {
        sandbox.world(|world| *world = World::acme());
        let message = json!({ "type": "error", "error": { "message": format!("got {text}") } });
        sandbox.fault_after(1, Fault::json(400, &message));
        let run = with_consumer(tests(in_branch_build(&sandbox)))
            .within(folder.path())
            .set("RESULT_FILE", "results.jsonl")
            .set("DEBUG", "true")
            .run();
        assert_told(&run, 4, &["got ***"]);
        assert_eq!(sandbox.world(|world| world.oauth_tokens().remove(0)), token);
        let written = format!("{}{}", run.output, folder.read("results.jsonl"));
        assert!(!written.contains(&token[8..20]) && !written.contains(&hex[8..20]), "{written}");
    }
}
