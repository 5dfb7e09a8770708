//! Access tokens of single repositories (`BITBUCKET_ACCESS_TOKENS`).

use sandbox::{WORKSPACE_TOKEN, repository_token};
use serde_json::json;

use crate::run::{Folder, assert_told};

use super::{entries, fleet, nightly};

#[test]
fn repositories_without_their_own_token_use_the_common_token() {
    let (sandbox, folder) = (fleet(4), Folder::new());
    let tokens = json!({
        "service-001": repository_token("service-001"),
        "acme/service-002": repository_token("service-002"),
        "service-003": repository_token("service-003"),
        "servise-004": repository_token("service-004"),
    });
    sandbox.world(|world| {
        world.revoke(&repository_token("service-003"));
    });
    let gatepost = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=4)))
        .set("CONCURRENCY", "1")
        .set("BITBUCKET_ACCESS_TOKENS", tokens.to_string());
    let run = gatepost.run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: 4 targets, 1 at once
    ✖ acme/service-003 commit 0ff21673cc24: failed to post the status: Bitbucket answered 401 Unauthorized
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/service-003/commit/0ff21673cc24c8acd2108c0ca4cae003743046c1/statuses/build with the access token (BITBUCKET_ACCESS_TOKENS, service-003)
      answered: 401 Unauthorized, "Token is invalid, expired, or not supported for this endpoint."
      why:      Bitbucket does not say; these reasons are possible, likeliest first
      why 1:    the access token has expired, was revoked, or was copied incompletely
      to do 1:  look for it in Repository settings > Security > Access tokens (or on the same page of the project or workspace), which shows when it was last used and when it expires; if it has expired or is missing, create a new one with the scope Repositories: Read and save it in BITBUCKET_ACCESS_TOKEN (or in its entry of BITBUCKET_ACCESS_TOKENS)
      why 2:    the token is for another product of Atlassian: the keys of an organization begin with ATCTT too
      to do 2:  use an access token of the repository, project or workspace: create one (Repository settings > Security > Access tokens, or the same page of the project or workspace), scope Repositories: Read (and Pull requests: Read to look up pull requests)
    ! BITBUCKET_ACCESS_TOKENS has tokens of repositories that are not targets of this run: servise-004
      repository        commit        state       outcome
    ✔ acme/service-001  31021ff96f3f  SUCCESSFUL  posted
    ✔ acme/service-002  64630d9df82d  SUCCESSFUL  posted
    ✖ acme/service-003  0ff21673cc24  SUCCESSFUL  not posted: 401
    ✔ acme/service-004  93399b7f11d0  SUCCESSFUL  posted
    ✖ 4 targets: 3 posted, 1 not posted
    exit code 4
    "#);
    let used: Vec<_> = sandbox.requests().into_iter().map(|request| request.authorization.unwrap()).collect();
    let bearer = |token: &str| format!("Bearer {token}");
    assert_eq!(
        used,
        [
            bearer(&repository_token("service-001")),
            bearer(&repository_token("service-002")),
            bearer(&repository_token("service-003")),
            bearer(WORKSPACE_TOKEN),
        ]
    );
    // Without a common token, a repository that the map does not name has no credential.
    let alone = gatepost.unset("BITBUCKET_ACCESS_TOKEN").run();
    assert_told(
        &alone,
        2,
        &["✖ BITBUCKET_ACCESS_TOKENS[\"acme/service-004\"] is missing, and there is no other credential"],
    );
}

#[test]
fn an_api_token_in_bitbucket_access_tokens_is_refused() {
    let (sandbox, folder) = (fleet(2), Folder::new());
    let tokens = json!({ "service-001": repository_token("service-001"), "service-002": sandbox::API_TOKEN });
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=2)))
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("BITBUCKET_ACCESS_TOKENS", tokens.to_string())
        .run();
    insta::assert_snapshot!(run.told(), @r#"
    ✖ BITBUCKET_ACCESS_TOKENS["service-002"] is an API token (it begins with ATATT), which only works with HTTP Basic and the e-mail address of its account
      accepted: a repository, project or workspace access token; it begins with ATCTT
      to do:    pass it as ATLASSIAN_API_TOKEN, with the account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
    assert_eq!(sandbox.request_count(), 0);
}

#[test]
fn a_single_target_uses_its_token_of_bitbucket_access_tokens() {
    let (sandbox, folder) = (fleet(2), Folder::new());
    let tokens = json!({ "service-001": repository_token("service-001"), "service-002": repository_token("service-002") });
    let run = nightly(&sandbox, &folder, &json!([]))
        .unset("TARGETS_FILE")
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("BITBUCKET_ACCESS_TOKENS", tokens.to_string())
        .set("REPO_SLUG", "service-002")
        .set("PULL_REQUEST", "1")
        .set("STATE", "passed")
        .run();
    assert_told(&run, 0, &["with the access token (BITBUCKET_ACCESS_TOKENS, service-002)"]);
}

#[test]
fn every_repository_without_a_token_is_listed() {
    let (sandbox, folder) = (fleet(4), Folder::new());
    let tokens = json!({ "service-002": repository_token("service-002") });
    let run = nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=4)))
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("BITBUCKET_ACCESS_TOKENS", tokens.to_string())
        .run();
    let told = ["001", "003", "004"].map(|number| {
        format!("✖ BITBUCKET_ACCESS_TOKENS[\"acme/service-{number}\"] is missing, and there is no other credential")
    });
    assert_told(&run, 2, &told.each_ref().map(String::as_str));
    assert_told(&run, 2, &["✖ 3 variables are wrong; nothing was sent"]);
}

#[test]
fn two_credentials_are_one_problem_and_a_similar_name_is_suggested() {
    let (sandbox, folder) = (fleet(2), Folder::new());
    let tokens = json!({ "servise-001": repository_token("service-001") }).to_string();
    let gatepost =
        nightly(&sandbox, &folder, &json!(entries(&sandbox, 1..=1))).set("BITBUCKET_ACCESS_TOKENS", tokens);
    let two = gatepost
        .clone()
        .set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL)
        .set("ATLASSIAN_API_TOKEN", sandbox::API_TOKEN)
        .run();
    assert_told(&two, 2, &["two credentials", "✖ 1 variable is wrong; nothing was sent"]);
    let alone = gatepost.unset("BITBUCKET_ACCESS_TOKEN").run();
    assert_told(&alone, 2, &["; is the entry \"servise-001\" meant for it?\n"]);
}
