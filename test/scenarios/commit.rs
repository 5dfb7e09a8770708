//! A commit that the repository does not have.

use gatepost::explain::handbook;

use crate::run::{acme, by_hand, in_central_pipeline};

use super::met;

#[test]
fn a_refused_lookup_after_an_unknown_commit() {
    let sandbox = acme();
    let gatepost = by_hand(&sandbox)
        .set("COMMIT", "ffffffffffffffffffffffffffffffffffffffff")
        .set("BRANCH", "feature/login")
        .set("PULL_REQUEST", "7")
        .set("BITBUCKET_ACCESS_TOKEN", sandbox::REPOSITORY_TOKEN_REPOSITORY_ONLY);
    let told = met(&gatepost, &sandbox, &[&handbook::ACCESS_TOKEN_SCOPE], 4, 2);
    let (pass_commit, pass_pull_request) = handbook::UNKNOWN_COMMIT.remedy.split_once('\n').unwrap();
    assert!(told.contains(pass_commit), "{told}");
    assert!(!told.contains(pass_pull_request), "it was passed: {told}");
}

#[test]
fn the_link_of_a_commit_of_a_fork_leads_to_the_fork() {
    let sandbox = acme();
    let commit = sandbox.head("jane/api", "patch-1");
    let gatepost = by_hand(&sandbox)
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL)
        .set("ATLASSIAN_API_TOKEN", sandbox::API_TOKEN)
        .set("COMMIT", &commit)
        .set("BRANCH", "patch-1")
        .set("PULL_REQUEST", "9");
    let told = met(&gatepost, &sandbox, &[], 0, 3);
    let link = format!("link:     https://bitbucket.org/jane/api/commits/{}\n", &commit[..12]);
    assert!(told.contains(&link), "{told}");
}

#[test]
fn a_commit_of_the_central_pipelines_own_repository() {
    let sandbox = acme();
    let own = sandbox.head("acme/central-pipeline", "main");
    let gatepost = in_central_pipeline(&sandbox).set("REPO_SLUG", "web").set("COMMIT", own);
    let troubles = [&handbook::CENTRAL_COMMIT, &handbook::UNKNOWN_COMMIT];
    insta::assert_snapshot!(met(&gatepost, &sandbox, &troubles, 4, 1), @r#"
    ! COMMIT 4f189dd603c1329d10e17f3ae45fa035856d7533 is a commit of this pipeline's own repository, and probably not of acme/web: pass COMMIT and BRANCH of the target (then Gatepost looks nothing up), or PULL_REQUEST, or BRANCH; in the pipeline that triggers this one they are BITBUCKET_COMMIT, BITBUCKET_BRANCH and BITBUCKET_PR_ID
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
    ✖ COMMIT is not set; the target acme/web is not the pipeline's own repository acme/central-pipeline, and BITBUCKET_COMMIT is a commit of the latter
      accepted: one of COMMIT, PULL_REQUEST and BRANCH
      to do:    pass COMMIT and BRANCH of the target (then Gatepost looks nothing up), or PULL_REQUEST, or BRANCH; in the pipeline that triggers this one they are BITBUCKET_COMMIT, BITBUCKET_BRANCH and BITBUCKET_PR_ID
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    ");
    let own = sandbox.head("acme/central-pipeline", "main");
    assert!(sandbox.statuses("acme/central-pipeline", &own).is_empty());
}
