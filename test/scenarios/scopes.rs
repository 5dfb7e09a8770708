//! A token without a scope that the request needs.

use gatepost::explain::handbook;

use crate::run::{Fault, acme, by_hand};

use super::{met, with_api_token};

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
      why 2:    ATLASSIAN_ACCOUNT_EMAIL is not the full e-mail address of the account that created the API token
      to do 2:  log in as the account that created the token, and pass the address shown at id.atlassian.com > Profile > Email
      why 3:    the token was created without scopes, or for another app than Bitbucket: the page of tokens then says "Never accessed" beside it
      to do 3:  create one with "Create API token with scopes" (id.atlassian.com > Security > Create and manage API tokens), app Bitbucket, scope read:repository:bitbucket (and read:pullrequest:bitbucket to look up pull requests)
      else:     git works with the same account: the organization that manages the account probably does not allow its API tokens
      then:     an organization admin allows them at admin.atlassian.com > Security > User security (Authentication policies, and External users for guests)
      then:     or use an access token of the repository, project or workspace, which does not depend on an account
      then:     or use an OAuth consumer of the workspace (BITBUCKET_OAUTH_CLIENT_ID and BITBUCKET_OAUTH_CLIENT_SECRET), which reaches all its repositories without Premium
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
