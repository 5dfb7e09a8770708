//! A repository or workspace that does not exist, or that the credential cannot read.

use gatepost::explain::handbook;

use crate::run::{acme, by_hand};

use super::{met, with_api_token};

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
      to do 2:  open the repository in a browser and compare its address bitbucket.org/workspace/slug with WORKSPACE and REPO_SLUG, or with REPOSITORIES (a renamed repository has a new slug)
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
      to do 2:  open the repository in a browser and compare its address bitbucket.org/workspace/slug with WORKSPACE and REPO_SLUG, or with REPOSITORIES (a renamed repository has a new slug)
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
      to do:    open the repository in a browser and compare its address bitbucket.org/workspace/slug with WORKSPACE and REPO_SLUG, or with REPOSITORIES (a renamed repository has a new slug)
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
      to do:    check WORKSPACE, or the part before the / in REPO_SLUG or REPOSITORIES: it is the first part of the address bitbucket.org/workspace/slug, not the name shown on the page
    ✖ not posted: SUCCESSFUL on acne/api commit 8d081548cabb
    exit code 4
    "#);
}
