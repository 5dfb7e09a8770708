//! What the reader sees when an OAuth consumer does not get through: the whole log of each refusal.

use sandbox::{Consumer, Fault, OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, service};
use serde_json::json;

use super::{
    assert_nothing_posted, assert_refused_unsent,
    consumer::{assert_no_token, change, grants, with_consumer},
    posts, tests,
};
use crate::run::{
    Folder, Sandbox, World, acme, assert_told, bare, by_hand, in_branch_build, in_pull_request_build,
};

/// The whole log of a run whose consumer was changed before.
fn told(consumer: Consumer) -> String {
    let sandbox = acme();
    change(&sandbox, consumer);
    let run = with_consumer(tests(in_branch_build(&sandbox))).run();
    assert_eq!(run.code, 4, "{}", run.output);
    assert_nothing_posted(&sandbox, &run);
    assert_no_token(&sandbox, &run);
    run.told()
}

#[test]
fn a_consumer_that_is_not_private() {
    insta::assert_snapshot!(told(Consumer { is_private: false, ..Consumer::acme() }), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)
    ✖ failed to get a token for the OAuth consumer: Bitbucket answered 400 Bad Request
      sent:     POST http://127.0.0.1:PORT/site/oauth2/access_token with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)
      answered: 400 Bad Request, "invalid_grant: Cannot use client_credentials with a consumer marked as "public". Calls for auto generated consumers should use urn:bitbucket:oauth2:jwt instead."
      why:      the OAuth consumer is not private, and Bitbucket only gives a token to a private one
      to do:    edit the consumer (Workspace settings > Apps and features > OAuth consumers): tick "This is a private consumer", and run again; key and secret stay the same
    ✖ not posted: SUCCESSFUL on acme/api commit 630f6ffc4b82414483a5469e117243d2c8a1ab4b, branch main
    exit code 4
    "#);
}

#[test]
fn a_consumer_without_a_callback_url() {
    insta::assert_snapshot!(told(Consumer { has_callback: false, ..Consumer::acme() }), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)
    ✖ failed to get a token for the OAuth consumer: Bitbucket answered 400 Bad Request
      sent:     POST http://127.0.0.1:PORT/site/oauth2/access_token with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)
      answered: 400 Bad Request, "invalid_request: No callback uri defined for the OAuth client."
      why:      the OAuth consumer has no "Callback URL", and Bitbucket requires one even where it is never opened
      to do:    edit the consumer (Workspace settings > Apps and features > OAuth consumers): enter an address as "Callback URL", such as https://bitbucket.org, and run again; key and secret stay the same
    ✖ not posted: SUCCESSFUL on acme/api commit 630f6ffc4b82414483a5469e117243d2c8a1ab4b, branch main
    exit code 4
    "#);
}

#[test]
fn a_consumer_with_another_secret_or_none_any_more() {
    insta::assert_snapshot!(told(Consumer { secret: "another".to_owned(), ..Consumer::acme() }), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)
    ✖ failed to get a token for the OAuth consumer: Bitbucket answered 400 Bad Request
      sent:     POST http://127.0.0.1:PORT/site/oauth2/access_token with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)
      answered: 400 Bad Request, "unauthorized_client: Invalid OAuth client credentials"
      why:      Bitbucket does not say; these reasons are possible, likeliest first
      why 1:    BITBUCKET_OAUTH_CLIENT_ID and BITBUCKET_OAUTH_CLIENT_SECRET are not the key and the secret of one consumer, or the secret was regenerated
      to do 1:  click the name of the consumer (Workspace settings > Apps and features > OAuth consumers), and save its Key in BITBUCKET_OAUTH_CLIENT_ID and its Secret in BITBUCKET_OAUTH_CLIENT_SECRET
      why 2:    the OAuth consumer was deleted: it is not in the list of its workspace
      to do 2:  create a new one (Workspace settings > Apps and features > OAuth consumers > Add consumer): enter a "Callback URL", tick "This is a private consumer" and the permission Repositories: Read (and Pull requests: Read to look up pull requests), and save its Key in BITBUCKET_OAUTH_CLIENT_ID and its Secret in BITBUCKET_OAUTH_CLIENT_SECRET
    ✖ not posted: SUCCESSFUL on acme/api commit 630f6ffc4b82414483a5469e117243d2c8a1ab4b, branch main
    exit code 4
    "#);
}

#[test]
fn a_consumer_without_the_scope_for_statuses() {
    insta::assert_snapshot!(told(Consumer { scopes: vec!["webhook".to_owned()], ..Consumer::acme() }), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)
    ✖ failed to post the status: Bitbucket answered 403 Forbidden
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/630f6ffc4b82414483a5469e117243d2c8a1ab4b/statuses/build with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)
      answered: 403 Forbidden, "Your credentials lack one or more required privilege scopes. (required: repository) (granted: webhook)"
      why:      the OAuth consumer lacks the scope repository; it has: webhook
      to do:    edit the consumer (Workspace settings > Apps and features > OAuth consumers): tick the permission Repositories: Read (and Pull requests: Read to look up pull requests), and run again; key and secret stay the same
    ✖ not posted: SUCCESSFUL on acme/api commit 630f6ffc4b82414483a5469e117243d2c8a1ab4b, branch main
    exit code 4
    "#);
}

#[test]
fn a_consumer_without_the_scope_for_pull_requests() {
    let sandbox = acme();
    change(&sandbox, Consumer { scopes: vec!["repository".to_owned()], ..Consumer::acme() });
    let run = with_consumer(tests(by_hand(&sandbox))).set("PULL_REQUEST", "7").run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)
    ✖ failed to look up pull request 7 of acme/api: Bitbucket answered 403 Forbidden
      sent:     GET http://127.0.0.1:PORT/2.0/repositories/acme/api/pullrequests/7 with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)
      answered: 403 Forbidden, "Your credentials lack one or more required privilege scopes. (required: pullrequest) (granted: repository)"
      why:      the OAuth consumer lacks the scope pullrequest; it has: repository
      to do:    edit the consumer (Workspace settings > Apps and features > OAuth consumers): tick the permission Repositories: Read (and Pull requests: Read to look up pull requests), and run again; key and secret stay the same
    ✖ not posted: the status
    exit code 4
    "#);
}

#[test]
fn a_consumer_of_another_workspace() {
    insta::assert_snapshot!(told(Consumer { workspace: "jane".to_owned(), ..Consumer::acme() }), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)
    ✖ failed to post the status: Bitbucket answered 404 Not Found
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/630f6ffc4b82414483a5469e117243d2c8a1ab4b/statuses/build with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)
      answered: 404 Not Found, "You may not have access to this repository or it no longer exists in this workspace. If you think this repository exists and you have access, make sure you are authenticated."
      why:      Bitbucket does not say; these reasons are possible, likeliest first
      why 1:    the repository bitbucket.org/acme/api does not exist, or it is private and this credential may not see it: Bitbucket gives the same answer for both
      to do 1:  open the repository in a browser and compare its address bitbucket.org/workspace/slug with WORKSPACE and REPO_SLUG, or with REPOSITORIES (a renamed repository has a new slug)
      to do 1:  if it is the same, the credential lacks access: give it to the API token's account (Repository settings > Repository permissions), or use a token of this repository
      why 2:    an OAuth consumer reaches what its owner can read: the repositories of the workspace in which it was created
      to do 2:  create a consumer in the workspace of this repository (Workspace settings > Apps and features > OAuth consumers), or use an access token of the repository
    ✖ not posted: SUCCESSFUL on acme/api commit 630f6ffc4b82414483a5469e117243d2c8a1ab4b, branch main
    exit code 4
    "#);
}

#[test]
fn an_answer_that_is_not_a_token_is_not_shown() {
    for (body, secret) in [
        (json!({ "access_token": ["SecretThatNobodyMaySee"] }), "NobodyMaySee"),
        (json!({ "token": "SecretThatNobodyMaySee" }), "NobodyMaySee"),
        (json!("SecretThatNobodyMaySee"), "NobodyMaySee"),
    ] {
        let sandbox = acme();
        sandbox.fault(Fault::json(200, &body));
        let run = with_consumer(tests(in_branch_build(&sandbox))).set("DEBUG", "true").run();
        assert!(!run.output.contains(secret), "{}", run.output);
    }
    let sandbox = acme();
    sandbox.fault(Fault::json(200, &json!({ "token": "SecretThatNobodyMaySee" })));
    let run = with_consumer(tests(in_branch_build(&sandbox))).run();
    insta::assert_snapshot!(run.told(), @"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)
    ✖ failed to get a token for the OAuth consumer: Bitbucket answered 200 OK
      sent:     POST http://127.0.0.1:PORT/site/oauth2/access_token with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)
      answered: 200 OK, but the answer is not a token
      why:      the answer does not have the documented format, so a proxy may have answered instead of Bitbucket; it is not shown, because it may hold a secret
      to do:    check HTTPS_PROXY, and BITBUCKET_API_URL if it is set; see bitbucket.status.atlassian.com
    ✖ not posted: SUCCESSFUL on acme/api commit 630f6ffc4b82414483a5469e117243d2c8a1ab4b, branch main
    exit code 4
    ");
}

#[test]
fn a_login_page_in_place_of_a_token() {
    let sandbox = acme();
    sandbox.fault(Fault::page(200, "Sign in"));
    let run = with_consumer(tests(in_branch_build(&sandbox))).run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)
    ✖ failed to get a token for the OAuth consumer: Bitbucket answered 200 OK
      sent:     POST http://127.0.0.1:PORT/site/oauth2/access_token with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)
      answered: 200 OK, an HTML page with the title "Sign in", but the answer is not a token
      why:      a proxy or a login page of the network answered instead of Bitbucket
      to do:    check HTTPS_PROXY, and BITBUCKET_API_URL if it is set; see bitbucket.status.atlassian.com
    ✖ not posted: SUCCESSFUL on acme/api commit 630f6ffc4b82414483a5469e117243d2c8a1ab4b, branch main
    exit code 4
    "#);
}

#[test]
fn a_token_that_never_counts() {
    let sandbox = acme();
    sandbox.fault_always(Fault::Within("\"key\"", Box::new(Fault::token_expired())));
    let run = with_consumer(tests(in_branch_build(&sandbox))).run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)
    ✖ failed to post the status: Bitbucket answered 401 Unauthorized
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/630f6ffc4b82414483a5469e117243d2c8a1ab4b/statuses/build with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)
      answered: 401 Unauthorized, "Access token expired."
      why:      Bitbucket gave the OAuth consumer a token and does not accept it: the consumer was probably deleted or changed in the meantime
      to do:    run again; if it happens again, look at the consumer (Workspace settings > Apps and features > OAuth consumers) and at bitbucket.status.atlassian.com
    ✖ not posted: SUCCESSFUL on acme/api commit 630f6ffc4b82414483a5469e117243d2c8a1ab4b, branch main
    exit code 4
    "#);
}

#[test]
fn a_status_of_another_credential() {
    let sandbox = acme();
    assert_told(&tests(in_branch_build(&sandbox)).run(), 0, &[]);
    let run = with_consumer(tests(in_branch_build(&sandbox))).set("STATE", "failed").run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: FAILED for acme/api with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)
    ✖ failed to post the status: Bitbucket answered 403 Forbidden
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/630f6ffc4b82414483a5469e117243d2c8a1ab4b/statuses/build with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)
      answered: 403 Forbidden, "Forbidden"
      why:      Bitbucket does not say; these reasons are possible, likeliest first
      why 1:    this status was probably created with another credential: by the access token "Repository access token" on 2026-11-02; only the creator of a status, or an admin of the repository, may overwrite it; a new token is another creator than the token that it replaced; the creator of an OAuth consumer's statuses is the owner of the consumer
      to do 1:  use the credential that created it, or post with another KEY (the old status then stays, and merge checks count it, until the branch has a new commit)
      why 2:    the workspace may not allow this credential (Workspace settings > Access controls: IP addresses, two-step verification)
      to do 2:  ask a workspace admin to check these settings; a self-hosted runner has an IP address of its own
    ✖ not posted: FAILED on acme/api commit 630f6ffc4b82414483a5469e117243d2c8a1ab4b, branch main
    exit code 4
    "#);
}

#[test]
fn a_token_request_that_is_refused_is_told_once_for_all_targets() {
    let sandbox = Sandbox::start(World::fleet(3));
    sandbox.world(|world| {
        world.delete_consumer(OAUTH_CLIENT_ID);
    });
    let entry = |number| json!({ "repo_slug": service(number), "pull_request": 1, "state": "INPROGRESS", "key": "tests" });
    let targets = json!([entry(1), entry(2), entry(3)]);
    let run = with_consumer(bare())
        .set("BITBUCKET_API_URL", sandbox.http_url())
        .set("WORKSPACE", "acme")
        .set("TARGETS", targets.to_string())
        .set("CONCURRENCY", "1")
        .run();
    assert_eq!(sandbox.request_count(), 1, "{}", run.output);
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: 3 targets, 1 at once
    ✖ acme/service-001 pull request 1: failed to get a token for the OAuth consumer: Bitbucket answered 400 Bad Request
      sent:     POST http://127.0.0.1:PORT/site/oauth2/access_token with the OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)
      answered: 400 Bad Request, "unauthorized_client: Invalid OAuth client credentials"
      why:      Bitbucket does not say; these reasons are possible, likeliest first
      why 1:    BITBUCKET_OAUTH_CLIENT_ID and BITBUCKET_OAUTH_CLIENT_SECRET are not the key and the secret of one consumer, or the secret was regenerated
      to do 1:  click the name of the consumer (Workspace settings > Apps and features > OAuth consumers), and save its Key in BITBUCKET_OAUTH_CLIENT_ID and its Secret in BITBUCKET_OAUTH_CLIENT_SECRET
      why 2:    the OAuth consumer was deleted: it is not in the list of its workspace
      to do 2:  create a new one (Workspace settings > Apps and features > OAuth consumers > Add consumer): enter a "Callback URL", tick "This is a private consumer" and the permission Repositories: Read (and Pull requests: Read to look up pull requests), and save its Key in BITBUCKET_OAUTH_CLIENT_ID and its Secret in BITBUCKET_OAUTH_CLIENT_SECRET
    ✖ acme/service-002 pull request 1: failed to get a token for the OAuth consumer: Bitbucket answered 400 Bad Request (as told above)
    ✖ acme/service-003 pull request 1: failed to get a token for the OAuth consumer: Bitbucket answered 400 Bad Request (as told above)
      repository        commit          state       outcome
    ✖ acme/service-001  pull request 1  -           not posted: 400
    ✖ acme/service-002  pull request 1  -           not posted: 400
    ✖ acme/service-003  pull request 1  -           not posted: 400
    ✖ 3 targets: 0 posted, 3 not posted
    exit code 4
    "#);
}

/// A 404 of a proxy says nothing about the commit: no pull request is looked up, and nothing is read.
#[test]
fn a_missing_token_page_is_no_missing_commit() {
    let sandbox = acme();
    sandbox.fault(Fault::refusal(404, "Commit not found"));
    let run = with_consumer(tests(in_pull_request_build(&sandbox))).run();
    assert_told(&run, 4, &["404 Not Found", "/site/oauth2/access_token"]);
    assert_eq!(sandbox.request_count(), 1, "{}", run.output);
}

/// Without a token no status was sent, so there is none to end.
#[test]
fn an_inprogress_without_a_token_is_not_replaced_by_stopped() {
    let sandbox = acme();
    sandbox.fault_always(Fault::ResetBeforeAnswer);
    let run =
        with_consumer(tests(in_branch_build(&sandbox))).set("STATE", "INPROGRESS").set("TIMEOUT", "1").run();
    assert_told(&run, 4, &["failed to get a token for the OAuth consumer"]);
    assert!(posts(&sandbox).is_empty() && !run.output.contains("STOPPED"), "{}", run.output);
}

/// A service may send back what it got, in any spelling, and everybody reads the log.
#[test]
fn key_secret_and_token_are_never_shown() {
    let (sandbox, folder) = (acme(), Folder::new());
    let key_and_secret = format!("{OAUTH_CLIENT_ID}:{OAUTH_CLIENT_SECRET}");
    let echo = |text: &str| json!({ "type": "error", "error": { "message": format!("got {text}") } });
    let gatepost = with_consumer(tests(in_branch_build(&sandbox)))
        .within(folder.path())
        .set("DEBUG", "true")
        .set("RESULT_FILE", "results.jsonl");
    let base64 = grants_header(&sandbox);
    for text in [&key_and_secret, OAUTH_CLIENT_SECRET, base64.trim_start_matches("Basic ")] {
        sandbox.fault(Fault::json(400, &echo(text)));
        let run = gatepost.run();
        assert_told(&run, 4, &["got ", "***"]);
        let written = format!("{}{}", run.output, folder.read("results.jsonl"));
        gatepost.assert_no_secret(&written);
        assert!(!written.contains(&base64[6..26]) && !written.contains(&base64[30..50]), "{written}");
    }
}

/// The header with key and secret.
fn grants_header(sandbox: &Sandbox) -> String {
    assert_told(&with_consumer(tests(in_branch_build(sandbox))).run(), 0, &[]);
    grants(sandbox)[0].authorization.clone().unwrap()
}

#[test]
fn a_key_or_a_secret_that_cannot_work_is_refused_before_it_is_sent() {
    let sandbox = acme();
    let consumer = || with_consumer(tests(in_branch_build(&sandbox)));
    for (name, value, part) in [
        ("BITBUCKET_OAUTH_CLIENT_ID", "ci@acme.example", "e-mail address"),
        ("BITBUCKET_OAUTH_CLIENT_ID", "\"ConsumerKeyOfTheWorkspace\"", "quotes"),
        ("BITBUCKET_OAUTH_CLIENT_SECRET", "SecretWithA LineBreak\n", "white space"),
        ("BITBUCKET_OAUTH_CLIENT_SECRET", sandbox::API_TOKEN, "API token"),
        ("BITBUCKET_OAUTH_CLIENT_SECRET", sandbox::WORKSPACE_TOKEN, "access token"),
        ("BITBUCKET_OAUTH_CLIENT_SECRET", OAUTH_CLIENT_ID, "the same text"),
        ("BITBUCKET_OAUTH_CLIENT_SECRET", "$SECRET", "the name of a variable"),
    ] {
        let run = consumer().set(name, value).run();
        assert_refused_unsent(&sandbox, &run, &[&format!("✖ {name} "), part, "accepted", "to do"]);
    }
    let run = consumer().set("BITBUCKET_OAUTH_CLIENT_SECRET", sandbox::API_TOKEN).run();
    insta::assert_snapshot!(run.told(), @"
    ✖ BITBUCKET_OAUTH_CLIENT_SECRET is an API token (it begins with ATATT), not a part of an OAuth consumer
      accepted: the secret of a private OAuth consumer
      to do:    pass it as ATLASSIAN_API_TOKEN, with the account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL, and remove BITBUCKET_OAUTH_CLIENT_ID and BITBUCKET_OAUTH_CLIENT_SECRET
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    ");
}

#[test]
fn half_a_consumer_and_two_credentials() {
    let sandbox = acme();
    let run = with_consumer(tests(in_branch_build(&sandbox))).unset("BITBUCKET_OAUTH_CLIENT_SECRET").run();
    insta::assert_snapshot!(run.told(), @"
    ✖ BITBUCKET_OAUTH_CLIENT_SECRET is unset or empty, but BITBUCKET_OAUTH_CLIENT_ID is set
      accepted: BITBUCKET_OAUTH_CLIENT_ID and BITBUCKET_OAUTH_CLIENT_SECRET together, or another credential
      to do:    pass the secret of the OAuth consumer too: `BITBUCKET_OAUTH_CLIENT_SECRET: $BITBUCKET_OAUTH_CLIENT_SECRET`; if it is a secured variable, check that it is defined for this repository or deployment
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    ");
    let run = with_consumer(tests(in_branch_build(&sandbox)))
        .set("BITBUCKET_ACCESS_TOKEN", sandbox::WORKSPACE_TOKEN)
        .run();
    insta::assert_snapshot!(run.told(), @r#"
    ✖ BITBUCKET_ACCESS_TOKEN is set, and so are BITBUCKET_OAUTH_CLIENT_ID and BITBUCKET_OAUTH_CLIENT_SECRET: two credentials
      accepted: exactly one credential
      to do:    keep one of them and pass the other one empty (`BITBUCKET_OAUTH_CLIENT_SECRET: ""`): it may be a variable of the repository or the workspace
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
}
