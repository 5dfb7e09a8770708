//! A token that has expired, or that an organization does not allow.

use gatepost::explain::handbook;

use crate::run::{acme, in_pull_request_build};

use super::{met, with_api_token};

#[test]
fn an_account_whose_organization_blocks_api_tokens() {
    let sandbox = acme();
    sandbox.world(|world| {
        world.keep_out_api_tokens(sandbox::CI_EMAIL);
    });
    let gatepost = with_api_token(&sandbox, sandbox::API_TOKEN);
    let troubles = [
        &handbook::OTHER_ACCOUNT,
        &handbook::NO_SCOPES,
        &handbook::API_TOKEN_EXPIRED,
        &handbook::MANAGED_ACCOUNT,
    ];
    insta::assert_snapshot!(met(&gatepost, &sandbox, &troubles, 4, 1), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
    ✖ failed to post the status: Bitbucket answered 401 Unauthorized
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/94277cd267a8/statuses/build with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
      answered: 401 Unauthorized, an empty body (www-authenticate: BitbucketCustom realm=Bitbucket.org HTTP)
      why:      Bitbucket does not say; these reasons are possible, likeliest first
      why 1:    ATLASSIAN_ACCOUNT_EMAIL is not the full e-mail address of the account that created the API token
      to do 1:  log in as the account that created the token, and pass the address shown at id.atlassian.com > Profile > Email
      why 2:    the token was created without scopes, or for another app than Bitbucket: the page of tokens then says "Never accessed" beside it
      to do 2:  create one with "Create API token with scopes" (id.atlassian.com > Security > Create and manage API tokens), app Bitbucket, scope read:repository:bitbucket (and read:pullrequest:bitbucket to look up pull requests)
      why 3:    the API token has expired (after one year at most), was revoked, or was copied incompletely
      to do 3:  look for it at id.atlassian.com > Security > Create and manage API tokens, which shows when it expires; if it has expired or is missing, create a new one with the same scopes and save it in ATLASSIAN_API_TOKEN
      else:     git works with the same account: the organization that manages the account probably does not allow its API tokens
      then:     an organization admin allows them at admin.atlassian.com > Security > User security (Authentication policies, and External users for guests)
      then:     or use an access token of the repository, project or workspace, which does not depend on an account
      then:     or use an OAuth consumer of the workspace (BITBUCKET_OAUTH_CLIENT_ID and BITBUCKET_OAUTH_CLIENT_SECRET), which reaches all its repositories without Premium
    ✖ not posted: SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 4
    "#);
}

#[test]
fn an_expired_api_token_and_a_revoked_access_token() {
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
fn an_expired_oauth_token() {
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
