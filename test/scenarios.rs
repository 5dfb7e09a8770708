//! The troubles that Gatepost exists for, each as its users meet it: what they set, all that they are told, how
//! the run ends, and how many requests it made. Each is told in the words of the handbook.

use gatepost::explain::handbook::{self, Trouble};
use sandbox::{Analysis, Dialect, Gate, Projects, SonarQube};

use std::time::Duration;

use crate::run::{
    Fault, Folder, Gatepost, Sandbox, acme, after_scan, assert_told, by_hand, in_branch_build,
    in_central_pipeline, in_pull_request_build, scanned,
};

/// Runs to an exit code with that many requests, and checks that the handbook's remedies were told.
fn met(gatepost: &Gatepost, sandbox: &Sandbox, troubles: &[&Trouble], code: i32, requests: usize) -> String {
    let before = sandbox.requests().len();
    let run = gatepost.run();
    let told = run.told();
    assert_eq!((run.code, sandbox.requests().len() - before), (code, requests), "{told}");
    for trouble in troubles {
        let is_told = trouble.remedy.lines().all(|line| told.contains(line));
        assert!(is_told, "\"{}\" is not told in\n{told}", trouble.title);
    }
    told
}

fn with_api_token(sandbox: &Sandbox, token: &str) -> Gatepost {
    in_pull_request_build(sandbox)
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL)
        .set("ATLASSIAN_API_TOKEN", token)
}

#[test]
fn an_app_password_in_a_central_pipeline() {
    let sandbox = acme();
    let gatepost = in_central_pipeline(&sandbox)
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("BITBUCKET_USERNAME", sandbox::CI_USERNAME)
        .set("BITBUCKET_APP_PASSWORD", sandbox::APP_PASSWORD)
        .set("REPO_SLUG", "web")
        .set("COMMIT", sandbox.head("acme/web", "fix/header"));
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[&handbook::APP_PASSWORD], 2, 0), @r#"
    ✖ BITBUCKET_APP_PASSWORD is set, but no request with an app password can work: app passwords no longer exist: no new ones since 2025-09-09, switched off at times from 2026-06-09, removed on 2026-07-28
      accepted: an API token or an access token
      to do:    use an API token: create one with "Create API token with scopes" (id.atlassian.com > Security > Create and manage API tokens), app Bitbucket, scope read:repository:bitbucket (and read:pullrequest:bitbucket to look up pull requests), and pass it as ATLASSIAN_API_TOKEN with its account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL
      to do:    or use an access token: create one (Repository settings > Security > Access tokens, or the same page of the project or workspace), scope Repositories: Read (and Pull requests: Read to look up pull requests), and pass it as BITBUCKET_ACCESS_TOKEN
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
}

/// Older app passwords have no prefix that tells them.
#[test]
fn an_app_password_that_bitbucket_has_to_tell() {
    let sandbox = acme();
    sandbox.fault(Fault::app_passwords_are_gone());
    let gatepost = with_api_token(&sandbox, "Xk3mD8vQz1Lw9RtYp2Ns");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[&handbook::APP_PASSWORD], 4, 1), @r#"
    ! ATLASSIAN_API_TOKEN does not begin with ATATT, as API tokens do: it may be a password or a token of something else
    gatepost 0.1.0: SUCCESSFUL for acme/api with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
    ✖ failed to post the status: Bitbucket answered 410 Gone
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/94277cd267a8/statuses/build with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
      answered: 410 Gone, "CHANGE-3222 - Functionality has been deprecated: Please read the changelog entry for more details."
      why:      app passwords no longer exist: no new ones since 2025-09-09, switched off at times from 2026-06-09, removed on 2026-07-28
      to do:    use an API token: create one with "Create API token with scopes" (id.atlassian.com > Security > Create and manage API tokens), app Bitbucket, scope read:repository:bitbucket (and read:pullrequest:bitbucket to look up pull requests), and pass it as ATLASSIAN_API_TOKEN with its account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL
      to do:    or use an access token: create one (Repository settings > Security > Access tokens, or the same page of the project or workspace), scope Repositories: Read (and Pull requests: Read to look up pull requests), and pass it as BITBUCKET_ACCESS_TOKEN
    ✖ not posted: SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 4
    "#);
}

#[test]
fn an_api_token_with_a_user_name_of_git() {
    let sandbox = acme();
    let gatepost =
        with_api_token(&sandbox, sandbox::API_TOKEN).set("ATLASSIAN_ACCOUNT_EMAIL", "x-token-auth");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[&handbook::GIT_USER_NAME], 2, 0), @r#"
    ✖ ATLASSIAN_ACCOUNT_EMAIL is "x-token-auth": this user name is for git over https; the REST API expects the e-mail address of the account that created the API token
      accepted: the e-mail address of the Atlassian account that created the API token
      to do:    pass the address shown at id.atlassian.com > Profile > Email as ATLASSIAN_ACCOUNT_EMAIL
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
}

/// The other name that git takes, in whatever letters.
#[test]
fn an_api_token_with_the_other_user_name_of_git() {
    let sandbox = acme();
    for name in ["x-bitbucket-api-token-auth", "X-Token-Auth"] {
        let gatepost = with_api_token(&sandbox, sandbox::API_TOKEN).set("ATLASSIAN_ACCOUNT_EMAIL", name);
        let told = met(&gatepost, &sandbox, &[&handbook::GIT_USER_NAME], 2, 0);
        let first = format!("✖ ATLASSIAN_ACCOUNT_EMAIL is \"{name}\": {}", handbook::GIT_USER_NAME.why);
        assert!(told.starts_with(&first), "{told}");
    }
}

#[test]
fn an_address_with_something_around_it() {
    let sandbox = acme();
    let gatepost =
        with_api_token(&sandbox, sandbox::API_TOKEN).set("ATLASSIAN_ACCOUNT_EMAIL", "\"ci@acme.example\"");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[], 2, 0), @"
    ✖ ATLASSIAN_ACCOUNT_EMAIL has something around the e-mail address (quotes, a name, < >, mailto:, a second address, or %40 for @)
      accepted: the e-mail address of the Atlassian account that created the API token
      to do:    pass the address alone, such as ci@acme.example: Pipelines takes the value as it stands, quotes included
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    ");
}

#[test]
fn an_api_token_with_the_bitbucket_user_name() {
    let sandbox = acme();
    for label in ["ci-token", "CI token (2026)"] {
        let gatepost = with_api_token(&sandbox, sandbox::API_TOKEN).set("ATLASSIAN_ACCOUNT_EMAIL", label);
        met(&gatepost, &sandbox, &[&handbook::USER_NAME], 2, 0);
    }
    let gatepost =
        with_api_token(&sandbox, sandbox::API_TOKEN).set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_USERNAME);
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[&handbook::USER_NAME], 2, 0), @"
    ✖ ATLASSIAN_ACCOUNT_EMAIL is no e-mail address: the REST API expects the e-mail address of the account that created the API token; a Bitbucket user name or the label of the token does not work
      accepted: the e-mail address of the Atlassian account that created the API token
      to do:    pass the address shown at id.atlassian.com > Profile > Email as ATLASSIAN_ACCOUNT_EMAIL
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    ");
}

#[test]
fn an_api_token_as_bearer() {
    let sandbox = acme();
    let gatepost = in_pull_request_build(&sandbox).set("BITBUCKET_ACCESS_TOKEN", sandbox::API_TOKEN);
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[&handbook::API_TOKEN_AS_BEARER], 2, 0), @"
    ✖ BITBUCKET_ACCESS_TOKEN is an API token (it begins with ATATT), which works only as HTTP Basic with its account's e-mail address
      accepted: a repository, project or workspace access token; it begins with ATCTT
      to do:    pass it as ATLASSIAN_API_TOKEN, with the account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    ");
}

#[test]
fn an_access_token_as_basic() {
    let sandbox = acme();
    let gatepost = with_api_token(&sandbox, sandbox::REPOSITORY_TOKEN);
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[&handbook::ACCESS_TOKEN_AS_BASIC], 2, 0), @"
    ✖ ATLASSIAN_API_TOKEN is an access token (it begins with ATCTT), which works as Bearer only
      accepted: an API token with scopes; it begins with ATATT
      to do:    pass it as BITBUCKET_ACCESS_TOKEN, and remove ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    ");
}

#[test]
fn an_api_token_without_scopes() {
    let sandbox = acme();
    let gatepost = with_api_token(&sandbox, sandbox::API_TOKEN_CLASSIC);
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[&handbook::NO_SCOPES], 4, 1), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
    ✖ failed to post the status: Bitbucket answered 401 Unauthorized
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/94277cd267a8/statuses/build with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
      answered: 401 Unauthorized, "Token is invalid, expired, or not supported for this endpoint."
      why:      Bitbucket does not say; these reasons are possible, likeliest first
      why 1:    the API token has expired (after one year at most), was revoked, or was copied incompletely
      to do 1:  look for it at id.atlassian.com > Security > Create and manage API tokens, which shows when it expires; if it has expired or is missing, create a new one with the same scopes and save it in ATLASSIAN_API_TOKEN
      why 2:    ATLASSIAN_ACCOUNT_EMAIL is not the e-mail address of the account that created the API token
      to do 2:  log in as the account that created the token, and pass the address shown at id.atlassian.com > Profile > Email
      why 3:    the token was created without scopes, or for another app than Bitbucket: the page of tokens then says "Never accessed" beside it
      to do 3:  create one with "Create API token with scopes" (id.atlassian.com > Security > Create and manage API tokens), app Bitbucket, scope read:repository:bitbucket (and read:pullrequest:bitbucket to look up pull requests)
      else:     git works with the same account: the organization that manages the account probably does not allow its API tokens
      then:     an organization admin allows them at admin.atlassian.com > Security > User security (Authentication policies, and External users for guests); or use an access token of the repository, project or workspace, which does not depend on an account
    ✖ not posted: SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 4
    "#);
}

#[test]
fn an_api_token_without_scopes_that_is_answered_with_an_empty_400() {
    let sandbox = acme();
    sandbox.fault(Fault::Answer { status: 400, headers: vec![], body: vec![] });
    let gatepost = with_api_token(&sandbox, sandbox::API_TOKEN_CLASSIC);
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[&handbook::NO_SCOPES], 4, 1), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
    ✖ failed to post the status: Bitbucket answered 400 Bad Request
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/94277cd267a8/statuses/build with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
      answered: 400 Bad Request, an empty body
      why:      Bitbucket gives no reason, which probably means that the token was created without scopes, or for another app than Bitbucket: the page of tokens then says "Never accessed" beside it
      to do:    create one with "Create API token with scopes" (id.atlassian.com > Security > Create and manage API tokens), app Bitbucket, scope read:repository:bitbucket (and read:pullrequest:bitbucket to look up pull requests)
    ✖ not posted: SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 4
    "#);
}

#[test]
fn an_api_token_that_writes_and_does_not_read() {
    let sandbox = acme();
    let gatepost = with_api_token(&sandbox, sandbox::API_TOKEN_WRITE_ONLY);
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[&handbook::API_TOKEN_SCOPE], 4, 1), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
    ✖ failed to post the status: Bitbucket answered 403 Forbidden
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/94277cd267a8/statuses/build with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
      answered: 403 Forbidden, "Your credentials lack one or more required privilege scopes. (required: read:repository:bitbucket) (granted: write:repository:bitbucket)"
      why:      the API token lacks the scope read:repository:bitbucket; it has: write:repository:bitbucket (no scope of an API token includes another one: write does not include read)
      to do:    a token's scopes cannot be changed: create one with "Create API token with scopes" (id.atlassian.com > Security > Create and manage API tokens), app Bitbucket, scope read:repository:bitbucket (and read:pullrequest:bitbucket to look up pull requests), and save it in ATLASSIAN_API_TOKEN
    ✖ not posted: SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 4
    "#);
}

#[test]
fn an_access_token_that_reads_no_pull_requests() {
    let sandbox = acme();
    let gatepost = by_hand(&sandbox)
        .set("BITBUCKET_ACCESS_TOKEN", sandbox::REPOSITORY_TOKEN_REPOSITORY_ONLY)
        .set("PULL_REQUEST", "7");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[&handbook::ACCESS_TOKEN_SCOPE], 4, 1), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ failed to look up pull request 7 of acme/api: Bitbucket answered 403 Forbidden
      sent:     GET http://127.0.0.1:PORT/2.0/repositories/acme/api/pullrequests/7 with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: 403 Forbidden, "Your credentials lack one or more required privilege scopes. (required: pullrequest) (granted: repository)"
      why:      the access token lacks the scope pullrequest; it has: repository
      to do:    a token's scopes cannot be changed: create one (Repository settings > Security > Access tokens, or the same page of the project or workspace), scope Repositories: Read (and Pull requests: Read to look up pull requests), and save it in BITBUCKET_ACCESS_TOKEN (or in its entry of BITBUCKET_ACCESS_TOKENS)
    ✖ not posted: the status
    exit code 4
    "#);
}

#[test]
fn a_repository_access_token_for_another_repository() {
    let sandbox = acme();
    let gatepost =
        by_hand(&sandbox).set("REPO_SLUG", "acme/web").set("COMMIT", sandbox.head("acme/web", "main"));
    let troubles = [&handbook::OTHER_REPOSITORY, &handbook::WRONG_NAME];
    insta::assert_snapshot!(met(&gatepost, &sandbox, &troubles, 4, 2), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/web with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ failed to post the status: Bitbucket answered 404 Not Found
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/web/commit/8e488ca6862bd073ac2f16ea082069a663a0726f/statuses/build with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: 404 Not Found, "You may not have access to this repository or it no longer exists in this workspace. If you think this repository exists and you have access, make sure you are authenticated."
      why:      Bitbucket does not say; these reasons are possible, likeliest first
      why 1:    a repository access token only reaches the repository in which it was created
      to do 1:  use a token that was created in this repository; for several repositories one project or workspace access token (Premium) or one API token
      why 2:    the repository bitbucket.org/acme/web does not exist, or it is private and this credential may not see it: Bitbucket gives the same answer for both
      to do 2:  open the repository in a browser and compare its address bitbucket.org/workspace/slug with WORKSPACE and REPO_SLUG (a renamed repository has a new slug)
      to do 2:  if it is the same, the credential lacks access: give it to the API token's account (Repository settings > Repository permissions), or use a token of this repository
    ✖ not posted: SUCCESSFUL on acme/web commit 8e488ca6862bd073ac2f16ea082069a663a0726f
    exit code 4
    "#);
}

#[test]
fn a_project_access_token_for_another_project() {
    let sandbox = acme();
    let gatepost = by_hand(&sandbox)
        .set("BITBUCKET_ACCESS_TOKEN", sandbox::PROJECT_TOKEN)
        .set("REPO_SLUG", "acme/central-pipeline")
        .set("COMMIT", sandbox.head("acme/central-pipeline", "main"));
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[&handbook::WRONG_NAME], 4, 2), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/central-pipeline with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ failed to post the status: Bitbucket answered 404 Not Found
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/central-pipeline/commit/4f189dd603c1329d10e17f3ae45fa035856d7533/statuses/build with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: 404 Not Found, "You may not have access to this repository or it no longer exists in this workspace. If you think this repository exists and you have access, make sure you are authenticated."
      why:      Bitbucket does not say; these reasons are possible, likeliest first
      why 1:    a project access token only reaches the repositories of its project; acme/central-pipeline may not be one of them
      to do 1:  use a token that was created in this repository, or in its project or workspace; or an API token
      why 2:    the repository bitbucket.org/acme/central-pipeline does not exist, or it is private and this credential may not see it: Bitbucket gives the same answer for both
      to do 2:  open the repository in a browser and compare its address bitbucket.org/workspace/slug with WORKSPACE and REPO_SLUG (a renamed repository has a new slug)
      to do 2:  if it is the same, the credential lacks access: give it to the API token's account (Repository settings > Repository permissions), or use a token of this repository
    ✖ not posted: SUCCESSFUL on acme/central-pipeline commit 4f189dd603c1329d10e17f3ae45fa035856d7533
    exit code 4
    "#);
}

#[test]
fn a_wrong_slug() {
    let sandbox = acme();
    let gatepost =
        with_api_token(&sandbox, sandbox::API_TOKEN).set("REPO_SLUG", "apis").set("COMMIT", "8d081548cabb");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[&handbook::WRONG_NAME], 4, 2), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/apis with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
    ✖ failed to post the status: Bitbucket answered 404 Not Found
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/apis/commit/8d081548cabb/statuses/build with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
      answered: 404 Not Found, "You may not have access to this repository or it no longer exists in this workspace. If you think this repository exists and you have access, make sure you are authenticated."
      why:      the repository bitbucket.org/acme/apis does not exist, or it is private and this credential may not see it: Bitbucket gives the same answer for both
      to do:    open the repository in a browser and compare its address bitbucket.org/workspace/slug with WORKSPACE and REPO_SLUG (a renamed repository has a new slug)
      to do:    if it is the same, the credential lacks access: give it to the API token's account (Repository settings > Repository permissions), or use a token of this repository
    ✖ not posted: SUCCESSFUL on acme/apis commit 8d081548cabb
    exit code 4
    "#);
}

#[test]
fn a_wrong_workspace() {
    let sandbox = acme();
    let gatepost = with_api_token(&sandbox, sandbox::API_TOKEN)
        .set("REPO_SLUG", "acne/api")
        .set("COMMIT", "8d081548cabb");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[&handbook::NO_WORKSPACE], 4, 1), @r#"
    gatepost 0.1.0: SUCCESSFUL for acne/api with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
    ✖ failed to post the status: Bitbucket answered 404 Not Found
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acne/api/commit/8d081548cabb/statuses/build with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
      answered: 404 Not Found, "No workspace with identifier 'acne'."
      why:      there is no workspace acne
      to do:    check WORKSPACE, or the part before the / in REPO_SLUG: it is the first part of the address bitbucket.org/workspace/slug, not the name shown on the page
    ✖ not posted: SUCCESSFUL on acne/api commit 8d081548cabb
    exit code 4
    "#);
}

#[test]
fn an_account_whose_organization_keeps_api_tokens_out() {
    let sandbox = acme();
    sandbox.world(|world| {
        world.keep_out_api_tokens(sandbox::CI_EMAIL);
    });
    let gatepost = with_api_token(&sandbox, sandbox::API_TOKEN);
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[&handbook::MANAGED_ACCOUNT], 4, 1), @"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
    ✖ failed to post the status: Bitbucket answered 401 Unauthorized
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/94277cd267a8/statuses/build with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
      answered: 401 Unauthorized, an empty body (www-authenticate: BitbucketCustom realm=Bitbucket.org HTTP)
      why:      Bitbucket does not say; these reasons are possible, likeliest first
      why 1:    the organization that manages the account probably does not allow its API tokens
      to do 1:  an organization admin allows them at admin.atlassian.com > Security > User security (Authentication policies, and External users for guests); or use an access token of the repository, project or workspace, which does not depend on an account
      why 2:    the API token has expired (after one year at most), was revoked, or was copied incompletely
      to do 2:  look for it at id.atlassian.com > Security > Create and manage API tokens, which shows when it expires; if it has expired or is missing, create a new one with the same scopes and save it in ATLASSIAN_API_TOKEN
      why 3:    ATLASSIAN_ACCOUNT_EMAIL is not the e-mail address of the account that created the API token
      to do 3:  log in as the account that created the token, and pass the address shown at id.atlassian.com > Profile > Email
    ✖ not posted: SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 4
    ");
}

#[test]
fn the_address_of_data_center() {
    let sandbox = acme();
    let gatepost =
        in_branch_build(&sandbox).set("BITBUCKET_API_URL", "https://git.acme.example/rest/api/1.0");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[], 2, 0), @r#"
    ✖ BITBUCKET_API_URL is "https://git.acme.example/rest/api/1.0", which is an address of Bitbucket Data Center, whose API is another one
      accepted: an https address such as https://api.bitbucket.org/2.0, or http to loopback or host.docker.internal
      to do:    leave BITBUCKET_API_URL out: https://api.bitbucket.org/2.0 is used; Gatepost speaks to Bitbucket Cloud only
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
    let gatepost = in_branch_build(&sandbox).set("REPO_SLUG", "https://git.acme.example/scm/app/api.git");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[], 2, 0), @r#"
    ✖ REPO_SLUG is an address on the host "git.acme.example", which is not Bitbucket Cloud
      accepted: a slug, workspace/slug, https://bitbucket.org/workspace/slug or git@bitbucket.org:workspace/slug.git
      to do:    Gatepost speaks to Bitbucket Cloud (bitbucket.org) only; Bitbucket Data Center has another API
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
}

#[test]
fn a_host_that_is_not_bitbucket_cloud() {
    let sandbox = acme();
    let data_centers = r#"{"errors":[{"context":null,"message":"Not permitted.","exceptionName":null}]}"#;
    sandbox.fault(Fault::Answer { status: 404, headers: vec![], body: data_centers.into() });
    met(&in_branch_build(&sandbox), &sandbox, &[&handbook::NOT_THE_API], 4, 1);
    sandbox.fault(Fault::Answer {
        status: 404,
        headers: vec![],
        body: b"<!DOCTYPE html><html><head><title>Log in - Acme Bitbucket</title></head></html>".to_vec(),
    });
    insta::assert_snapshot!(met(&in_branch_build(&sandbox), &sandbox, &[&handbook::NOT_THE_API], 4, 1), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ failed to post the status: Bitbucket answered 404 Not Found
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/630f6ffc4b82414483a5469e117243d2c8a1ab4b/statuses/build with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: 404 Not Found, an HTML page with the title "Log in - Acme Bitbucket"
      why:      the answer does not come from the API of Bitbucket Cloud, but from Bitbucket Data Center, a proxy or a login page
      to do:    remove BITBUCKET_API_URL (the default is https://api.bitbucket.org/2.0), and check HTTPS_PROXY; Gatepost works with Bitbucket Cloud only, whose repositories are at bitbucket.org/workspace/slug
    ✖ not posted: SUCCESSFUL on acme/api commit 630f6ffc4b82414483a5469e117243d2c8a1ab4b, branch main
    exit code 4
    "#);
}

/// A company's host behind a proxy that does not reach it.
#[test]
fn a_host_of_data_center_that_does_not_answer() {
    let sandbox = acme();
    let gatepost = in_branch_build(&sandbox)
        .set("BITBUCKET_API_URL", "https://git.acme.example/2.0")
        // Nothing listens there.
        .set("HTTPS_PROXY", "http://127.0.0.1:1")
        .set("TIMEOUT", "1");
    let told = met(&gatepost, &sandbox, &[], 4, 0);
    let [else_, then] = [handbook::NOT_THE_API.why, handbook::NOT_THE_API.remedy];
    assert!(
        told.contains("! BITBUCKET_API_URL names the host git.acme.example, not api.bitbucket.org"),
        "{told}"
    );
    assert!(told.contains(&format!("  else:     {else_}\n  then:     {then}\n")), "{told}");
}

/// Bitbucket answers 403 for an address without its version; nothing tells that apart from other reasons.
#[test]
fn an_address_without_the_version_of_the_api() {
    let sandbox = acme();
    let url = sandbox.http_url().replace("/2.0", "");
    let told = met(&in_branch_build(&sandbox).set("BITBUCKET_API_URL", url), &sandbox, &[], 4, 2);
    assert!(
        told.starts_with("! BITBUCKET_API_URL does not end in /2.0, the version of Bitbucket Cloud's API"),
        "{told}"
    );
}

#[test]
fn a_token_that_is_over() {
    let sandbox = acme();
    let gatepost = with_api_token(&sandbox, sandbox::API_TOKEN_EXPIRED);
    let troubles = [
        &handbook::API_TOKEN_EXPIRED,
        &handbook::OTHER_ACCOUNT,
        &handbook::NO_SCOPES,
        &handbook::MANAGED_ACCOUNT,
    ];
    insta::assert_snapshot!(met(&gatepost, &sandbox, &troubles, 4, 1), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
    ✖ failed to post the status: Bitbucket answered 401 Unauthorized
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/94277cd267a8/statuses/build with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
      answered: 401 Unauthorized, "Token is invalid, expired, or not supported for this endpoint."
      why:      Bitbucket does not say; these reasons are possible, likeliest first
      why 1:    the API token has expired (after one year at most), was revoked, or was copied incompletely
      to do 1:  look for it at id.atlassian.com > Security > Create and manage API tokens, which shows when it expires; if it has expired or is missing, create a new one with the same scopes and save it in ATLASSIAN_API_TOKEN
      why 2:    ATLASSIAN_ACCOUNT_EMAIL is not the e-mail address of the account that created the API token
      to do 2:  log in as the account that created the token, and pass the address shown at id.atlassian.com > Profile > Email
      why 3:    the token was created without scopes, or for another app than Bitbucket: the page of tokens then says "Never accessed" beside it
      to do 3:  create one with "Create API token with scopes" (id.atlassian.com > Security > Create and manage API tokens), app Bitbucket, scope read:repository:bitbucket (and read:pullrequest:bitbucket to look up pull requests)
      else:     git works with the same account: the organization that manages the account probably does not allow its API tokens
      then:     an organization admin allows them at admin.atlassian.com > Security > User security (Authentication policies, and External users for guests); or use an access token of the repository, project or workspace, which does not depend on an account
    ✖ not posted: SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 4
    "#);
    let gatepost = in_pull_request_build(&sandbox).set("BITBUCKET_ACCESS_TOKEN", sandbox::REVOKED_TOKEN);
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[&handbook::ACCESS_TOKEN_EXPIRED], 4, 1), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ failed to post the status: Bitbucket answered 401 Unauthorized
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/94277cd267a8/statuses/build with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: 401 Unauthorized, "Token is invalid, expired, or not supported for this endpoint."
      why:      Bitbucket does not say; these reasons are possible, likeliest first
      why 1:    the access token has expired, was revoked, or was copied incompletely
      to do 1:  look for it in Repository settings > Security > Access tokens (or on the same page of the project or workspace), which shows when it was last used and when it expires; if it has expired or is missing, create a new one with the scope Repositories: Read and save it in BITBUCKET_ACCESS_TOKEN (or in its entry of BITBUCKET_ACCESS_TOKENS)
      why 2:    the token is for another product of Atlassian: the keys of an organization begin with ATCTT too
      to do 2:  use an access token of the repository, project or workspace: create one (Repository settings > Security > Access tokens, or the same page of the project or workspace), scope Repositories: Read (and Pull requests: Read to look up pull requests)
    ✖ not posted: SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 4
    "#);
}

#[test]
fn an_oauth_token_that_is_over() {
    let sandbox = acme();
    let gatepost =
        in_pull_request_build(&sandbox).set("BITBUCKET_ACCESS_TOKEN", "dGhpcyBpcyBvYXV0aCBvcGFxdWU");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[&handbook::OAUTH_TOKEN_EXPIRED], 4, 1), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ failed to post the status: Bitbucket answered 401 Unauthorized
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/94277cd267a8/statuses/build with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: 401 Unauthorized, "Token is invalid, expired, or not supported for this endpoint."
      why:      Bitbucket does not say; these reasons are possible, likeliest first
      why 1:    access tokens begin with ATCTT, and BITBUCKET_ACCESS_TOKEN does not: it is probably an OAuth token, which expires after two hours, an app password, which no longer works, or a token of another service
      to do 1:  get a new OAuth token in the same step, or use an access token of the repository, project or workspace
      why 2:    the access token has expired, was revoked, or was copied incompletely
      to do 2:  look for it in Repository settings > Security > Access tokens (or on the same page of the project or workspace), which shows when it was last used and when it expires; if it has expired or is missing, create a new one with the scope Repositories: Read and save it in BITBUCKET_ACCESS_TOKEN (or in its entry of BITBUCKET_ACCESS_TOKENS)
    ✖ not posted: SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 4
    "#);
}

#[test]
fn a_status_of_somebody_else() {
    let sandbox = acme();
    assert_eq!(with_api_token(&sandbox, sandbox::API_TOKEN).run().code, 0);
    let gatepost = in_pull_request_build(&sandbox).set("STATE", "failed");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[&handbook::ANOTHERS_STATUS], 4, 2), @r#"
    gatepost 0.1.0: FAILED for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ failed to post the status: Bitbucket answered 403 Forbidden
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/94277cd267a8/statuses/build with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: 403 Forbidden, "Forbidden"
      why:      Bitbucket does not say; these reasons are possible, likeliest first
      why 1:    this status was probably created with another credential: by the user "acme-ci" on 2026-11-02; only the creator of a status, or an admin of the repository, may overwrite it; a new token is another creator than the token that it replaced
      to do 1:  use the credential that created it, or post with another KEY (the old status then stays, and merge checks count it, until the branch has a new commit)
      why 2:    the workspace may not allow this credential (Workspace settings > Access controls: IP addresses, two-step verification)
      to do 2:  ask a workspace admin to check these settings; a self-hosted runner has an IP address of its own
    ✖ not posted: FAILED on acme/api commit 94277cd267a8, branch feature/login
    exit code 4
    "#);
    assert_eq!(sandbox.pull_request_statuses("acme/api", 7)[0].state, "SUCCESSFUL");
}

/// The reads after a refusal are good to have: each is sent once, and none is waited for long.
#[test]
fn the_reads_that_tell_more_are_two_at_most_whatever_comes_of_them() {
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
        (refused(409, "no"), vec![], 2, "Gatepost does not know this answer"),
        (refused(405, ""), vec![], 2, "Gatepost does not know this answer"),
        // What may not be read either is no question of who created it.
        (refused(403, "no"), vec![Fault::status(403)], 2, "may not see it: Bitbucket gives the same answer for both"),
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

/// The pull request was asked already.
#[test]
fn a_pull_request_that_was_asked_leaves_one_read() {
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
fn a_status_that_is_accepted_costs_one_request() {
    let sandbox = acme();
    met(&in_pull_request_build(&sandbox), &sandbox, &[], 0, 1);
}

#[test]
fn a_lookup_that_is_refused_after_an_unknown_commit_is_explained_too() {
    let sandbox = acme();
    let gatepost = in_pull_request_build(&sandbox)
        .set("COMMIT", "ffffffffffffffffffffffffffffffffffffffff")
        .set("BITBUCKET_ACCESS_TOKEN", sandbox::REPOSITORY_TOKEN_REPOSITORY_ONLY);
    let told = met(&gatepost, &sandbox, &[&handbook::ACCESS_TOKEN_SCOPE], 4, 2);
    let (pass_commit, pass_pull_request) = handbook::UNKNOWN_COMMIT.remedy.split_once('\n').unwrap();
    assert!(told.contains(pass_commit), "{told}");
    assert!(!told.contains(pass_pull_request), "it was passed: {told}");
}

#[test]
fn a_source_commit_that_is_used_instead_has_its_own_link() {
    let sandbox = acme();
    let gatepost = by_hand(&sandbox).set("COMMIT", "fffffff").set("PULL_REQUEST", "7");
    let told = met(&gatepost, &sandbox, &[], 0, 3);
    assert!(told.contains("link:     https://bitbucket.org/acme/api/commits/94277cd267a8\n"), "{told}");
}

#[test]
fn the_commit_of_the_central_pipeline_passed_on() {
    let sandbox = acme();
    let own = sandbox.head("acme/central-pipeline", "main");
    let gatepost = in_central_pipeline(&sandbox).set("REPO_SLUG", "web").set("COMMIT", own);
    let troubles = [&handbook::CENTRAL_COMMIT, &handbook::UNKNOWN_COMMIT];
    insta::assert_snapshot!(met(&gatepost, &sandbox, &troubles, 4, 1), @r#"
    ! COMMIT 4f189dd603c1329d10e17f3ae45fa035856d7533 is the commit of this pipeline's own repository, probably not one of acme/web: pass COMMIT and BRANCH of the target (then Gatepost looks nothing up), or PULL_REQUEST, or BRANCH; in the pipeline that triggers this one they are BITBUCKET_COMMIT, BITBUCKET_BRANCH and BITBUCKET_PR_ID
    gatepost 0.1.0: SUCCESSFUL for acme/web with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ failed to post the status: Bitbucket answered 404 Not Found
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/web/commit/4f189dd603c1329d10e17f3ae45fa035856d7533/statuses/build with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: 404 Not Found, "Commit not found"
      why:      acme/web has no commit 4f189dd603c1329d10e17f3ae45fa035856d7533: the commit was not pushed to this repository, or it is the merge commit of a pull-request pipeline, which only exists in the build (`git rev-parse HEAD` prints it)
      to do:    in the repository's own pipeline remove COMMIT: the default is the commit that was pushed; in a central pipeline pass BITBUCKET_COMMIT of the pipeline that triggered it
      to do:    or pass PULL_REQUEST: Gatepost finds its source commit, for a fork in the fork
    ✖ not posted: SUCCESSFUL on acme/web commit 4f189dd603c1329d10e17f3ae45fa035856d7533
    exit code 4
    "#);
}

#[test]
fn two_variables_that_were_swapped_show_neither() {
    let sandbox = acme();
    let gatepost =
        with_api_token(&sandbox, sandbox::CI_EMAIL).set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::API_TOKEN);
    let told = met(&gatepost, &sandbox, &[], 2, 0);
    insta::assert_snapshot!(told, @"
    ✖ ATLASSIAN_ACCOUNT_EMAIL holds what looks like a token
      accepted: text that everybody may see
      to do:    put the token into the variable that is meant for it, and take it out of ATLASSIAN_ACCOUNT_EMAIL; if it was ever shown, revoke it and create a new one
    ✖ ATLASSIAN_API_TOKEN is an e-mail address, or holds one
      accepted: an API token with scopes; it begins with ATATT
      to do:    put the token here, and the e-mail address into ATLASSIAN_ACCOUNT_EMAIL; they may be swapped
    ✖ 2 variables are wrong; nothing was sent
    exit code 2
    ");
    let gatepost =
        with_api_token(&sandbox, sandbox::CI_EMAIL).set("ATLASSIAN_ACCOUNT_EMAIL", "Xk3mD8vQz1Lw9RtYp2Ns");
    let told = met(&gatepost, &sandbox, &[], 2, 0);
    assert!(!told.contains("Xk3mD8"), "{told}");
}

#[test]
fn a_key_of_a_long_branch() {
    let sandbox = acme();
    let gatepost =
        in_pull_request_build(&sandbox).set("KEY", "sonar-pr-feature/a-very-long-branch-name-indeed");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[], 0, 1), @r#"
    ! KEY has 47 characters and Bitbucket takes 40: "sonar-pr-feature/a-very-long-br-ecb2f631" is used
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
      status:   Sonar (key sonar-pr-feature/a-very-long-br-ecb2f631): Successful
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✔ posted SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 0
    "#);
}

#[test]
fn a_dashboard_that_nobody_else_reaches() {
    let sandbox = acme();
    let gatepost = in_pull_request_build(&sandbox).set("URL", "http://localhost:9000");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[], 2, 0), @r#"
    ✖ URL is "http://localhost:PORT", which is this machine's own address
      accepted: an http or https address of at most 2048 characters whose host has a dot or is an IP address, not loopback: Bitbucket refuses others
      to do:    pass the address under which a reviewer's browser reaches the page, or leave URL out: the page of the pipeline is used
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
    let sonarqube = SonarQube::start(Projects::acme(Dialect::Server2025));
    let submitted = sonarqube.submit(Analysis::of_pull_request("acme_api", "7", Gate::passed()));
    let folder = scanned(".scannerwork", &submitted);
    let told = met(&after_scan(&sandbox, &folder), &sandbox, &[], 0, 1);
    assert!(told.contains("Administration > General > Server base URL"), "{told}");
    let gatepost = in_pull_request_build(&sandbox).set("URL", "http://sonarqube:9000/dashboard?id=api");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[], 2, 0), @r#"
    ✖ URL is "http://sonarqube:9000/dashboard?id=api", whose host has no dot
      accepted: an http or https address of at most 2048 characters whose host has a dot or is an IP address, not loopback: Bitbucket refuses others
      to do:    pass the address under which a reviewer's browser reaches the page, or leave URL out: the page of the pipeline is used
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
}

#[test]
fn a_merge_commit_of_the_build() {
    let sandbox = acme();
    let gatepost = by_hand(&sandbox).set("COMMIT", "ffffffffffffffffffffffffffffffffffffffff");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[&handbook::UNKNOWN_COMMIT], 4, 1), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ failed to post the status: Bitbucket answered 404 Not Found
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/ffffffffffffffffffffffffffffffffffffffff/statuses/build with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: 404 Not Found, "Commit not found"
      why:      acme/api has no commit ffffffffffffffffffffffffffffffffffffffff: the commit was not pushed to this repository, or it is the merge commit of a pull-request pipeline, which only exists in the build (`git rev-parse HEAD` prints it)
      to do:    in the repository's own pipeline remove COMMIT: the default is the commit that was pushed; in a central pipeline pass BITBUCKET_COMMIT of the pipeline that triggered it
      to do:    or pass PULL_REQUEST: Gatepost finds its source commit, for a fork in the fork
    ✖ not posted: SUCCESSFUL on acme/api commit ffffffffffffffffffffffffffffffffffffffff
    exit code 4
    "#);
}

#[test]
fn a_central_pipeline_that_would_report_to_its_own_commit() {
    let sandbox = acme();
    let gatepost = in_central_pipeline(&sandbox).set("REPO_SLUG", "web");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[], 2, 0), @"
    ✖ COMMIT is not set; the target acme/web is not the pipeline's own repository acme/central-pipeline, whose BITBUCKET_COMMIT would be the wrong commit
      accepted: one of COMMIT, PULL_REQUEST and BRANCH
      to do:    pass COMMIT and BRANCH of the target (then Gatepost looks nothing up), or PULL_REQUEST, or BRANCH; in the pipeline that triggers this one they are BITBUCKET_COMMIT, BITBUCKET_BRANCH and BITBUCKET_PR_ID
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    ");
    let own = sandbox.head("acme/central-pipeline", "main");
    assert!(sandbox.statuses("acme/central-pipeline", &own).is_empty());
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
    // How often within a second is left to chance.
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
      why:      Bitbucket allows about 1,000 requests an hour for each user, counted over all API tokens and pipelines of the user; each access token has its own allowance
      to do:    run again later (a higher TIMEOUT waits longer; with many targets, RESUME with the same RESULT_FILE posts the rest); use access tokens for busy pipelines instead of one person's API token
    ✖ not posted: SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 4
    "#);
}

#[test]
fn an_inprogress_before_a_scan_that_crashes() {
    let (sandbox, folder) = (acme(), Folder::new());
    assert_eq!(in_pull_request_build(&sandbox).set("STATE", "INPROGRESS").run().code, 0);
    let gatepost = after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "1");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[], 3, 1), @"
    gatepost 0.1.0: the quality gate of a scan that did not finish for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
      status:   Sonar (key sonar): The scan did not finish (exit code 1)
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no verdict of SonarQube
    exit code 3
    ");
    let shown = sandbox.pull_request_statuses("acme/api", 7);
    assert_eq!((shown.len(), shown[0].state.as_str()), (1, "FAILED"));
}

#[test]
fn a_token_with_something_around_it() {
    let sandbox = acme();
    let token = sandbox::REPOSITORY_TOKEN;
    let encoded = "Y2lAYWNtZS5leGFtcGxlOkFUQVRUM3hGZkdGMGFiYw==";
    let forms = [
        format!("{token}\n"),
        format!(" {token}"),
        format!("\"{token}\""),
        format!("'{token}'"),
        format!("Bearer {token}"),
        format!("x-token-auth:{token}"),
        format!("https://x-token-auth:{token}@bitbucket.org/acme/api.git"),
        encoded.to_owned(),
        "<string>".to_owned(),
    ];
    let told: Vec<_> = forms
        .iter()
        .map(|form| {
            let gatepost = in_pull_request_build(&sandbox).set("BITBUCKET_ACCESS_TOKEN", form.as_str());
            met(&gatepost, &sandbox, &[], 2, 0)
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    ✖ BITBUCKET_ACCESS_TOKEN has white space before or after the token (a space, a tab or a line break)
      accepted: a repository, project or workspace access token; it begins with ATCTT
      to do:    copy the token again without the line break or space, and save the variable again
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN has white space before or after the token (a space, a tab or a line break)
      accepted: a repository, project or workspace access token; it begins with ATCTT
      to do:    copy the token again without the line break or space, and save the variable again
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN has quotes around the token, or at one end
      accepted: a repository, project or workspace access token; it begins with ATCTT
      to do:    write the variable again without quotes; Pipelines takes the value as it stands
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN has quotes around the token, or at one end
      accepted: a repository, project or workspace access token; it begins with ATCTT
      to do:    write the variable again without quotes; Pipelines takes the value as it stands
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN begins with the word Bearer, Basic or Authorization, as in a header
      accepted: a repository, project or workspace access token; it begins with ATCTT
      to do:    pass the token alone; Gatepost writes the header
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN has a colon inside, as when user and token are pasted as one (user:token)
      accepted: a repository, project or workspace access token; it begins with ATCTT
      to do:    pass the token alone; a user goes into a variable of its own
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN is an address, such as git clones from, and not the token alone
      accepted: a repository, project or workspace access token; it begins with ATCTT
      to do:    pass the token alone: what stands between the colon and the @ of such an address
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN is base64 of a token, or of user:token as a header has it
      accepted: a repository, project or workspace access token; it begins with ATCTT
      to do:    pass the token as it was shown when it was created; Gatepost encodes it by itself
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN is a placeholder, not a token
      accepted: a repository, project or workspace access token; it begins with ATCTT
      to do:    put the token itself in its place, from a secured variable
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    ");
}

#[test]
fn a_token_that_is_unusual() {
    let sandbox = acme();
    let (whole, cut) = (sandbox::API_TOKEN, &sandbox::API_TOKEN[..150]);
    assert_eq!(with_api_token(&sandbox, whole).run().code, 0);
    insta::assert_snapshot!(met(&with_api_token(&sandbox, cut), &sandbox, &[&handbook::API_TOKEN_EXPIRED], 4, 1), @r#"
    ! ATLASSIAN_API_TOKEN does not end in = and 8 characters, as the tokens do that Bitbucket makes: its end may be missing
    gatepost 0.1.0: SUCCESSFUL for acme/api with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
    ✖ failed to post the status: Bitbucket answered 401 Unauthorized
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/94277cd267a8/statuses/build with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
      answered: 401 Unauthorized, "Token is invalid, expired, or not supported for this endpoint."
      why:      Bitbucket does not say; these reasons are possible, likeliest first
      why 1:    the API token has expired (after one year at most), was revoked, or was copied incompletely
      to do 1:  look for it at id.atlassian.com > Security > Create and manage API tokens, which shows when it expires; if it has expired or is missing, create a new one with the same scopes and save it in ATLASSIAN_API_TOKEN
      why 2:    ATLASSIAN_ACCOUNT_EMAIL is not the e-mail address of the account that created the API token
      to do 2:  log in as the account that created the token, and pass the address shown at id.atlassian.com > Profile > Email
      why 3:    the token was created without scopes, or for another app than Bitbucket: the page of tokens then says "Never accessed" beside it
      to do 3:  create one with "Create API token with scopes" (id.atlassian.com > Security > Create and manage API tokens), app Bitbucket, scope read:repository:bitbucket (and read:pullrequest:bitbucket to look up pull requests)
      else:     git works with the same account: the organization that manages the account probably does not allow its API tokens
      then:     an organization admin allows them at admin.atlassian.com > Security > User security (Authentication policies, and External users for guests); or use an access token of the repository, project or workspace, which does not depend on an account
    ✖ not posted: SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 4
    "#);
}

#[test]
fn a_secured_variable_that_does_not_arrive() {
    let sandbox = acme();
    let told: Vec<_> = [
        "",
        "$BITBUCKET_ACCESS_TOKEN",
        "${BITBUCKET_ACCESS_TOKEN}",
        "$$BITBUCKET_ACCESS_TOKEN",
        "BITBUCKET_ACCESS_TOKEN",
    ]
    .iter()
    .map(|value| {
        met(&in_pull_request_build(&sandbox).set("BITBUCKET_ACCESS_TOKEN", *value), &sandbox, &[], 2, 0)
    })
    .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    ✖ BITBUCKET_ACCESS_TOKEN is unset or empty, and so are ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN: there is no credential
      accepted: ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN together, or BITBUCKET_ACCESS_TOKEN alone
      to do:    if a secured variable should have brought it, see that it is defined for this repository, workspace or deployment, and that the pipe's variables: names it (BITBUCKET_ACCESS_TOKEN: $BITBUCKET_ACCESS_TOKEN); else use an API token: create one with "Create API token with scopes" (id.atlassian.com > Security > Create and manage API tokens), app Bitbucket, scope read:repository:bitbucket (and read:pullrequest:bitbucket to look up pull requests), and pass it as ATLASSIAN_API_TOKEN with its account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL
      to do:    or use an access token: create one (Repository settings > Security > Access tokens, or the same page of the project or workspace), scope Repositories: Read (and Pull requests: Read to look up pull requests), and pass it as BITBUCKET_ACCESS_TOKEN
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN holds the name of a variable that was not replaced by its value (it begins with $)
      accepted: the value itself
      to do:    define the variable for the repository, the workspace or the deployment of this step, and pass it without single quotes, as in `BITBUCKET_ACCESS_TOKEN: $THAT_VARIABLE`
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN holds the name of a variable that was not replaced by its value (it begins with $)
      accepted: the value itself
      to do:    define the variable for the repository, the workspace or the deployment of this step, and pass it without single quotes, as in `BITBUCKET_ACCESS_TOKEN: $THAT_VARIABLE`
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN holds the name of a variable that was not replaced by its value (it begins with $)
      accepted: the value itself
      to do:    define the variable for the repository, the workspace or the deployment of this step, and pass it without single quotes, as in `BITBUCKET_ACCESS_TOKEN: $THAT_VARIABLE`
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN is the name of a variable, not its value
      accepted: a repository, project or workspace access token; it begins with ATCTT
      to do:    pass the value: in the YAML file a $ stands before the name, as in `NAME: $NAME`
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
}
