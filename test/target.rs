//! Which commit gets the status.

use gatepost::explain::handbook;
use sandbox::{Reach, Recorded};
use serde_json::json;

use crate::run::{Run, Sandbox, acme, by_hand, in_central_pipeline, in_pull_request_build};

fn paths(sandbox: &Sandbox) -> Vec<String> {
    sandbox
        .requests()
        .into_iter()
        .map(|request| format!("{} {}", request.method, request.path.replacen("/2.0/repositories/", "", 1)))
        .collect()
}

fn assert_done(run: &Run) {
    assert_eq!(run.code, 0, "{}", run.output);
}

#[test]
fn a_central_pipeline_posts_to_the_repository_in_repo_slug() {
    let sandbox = acme();
    let commit = sandbox.head("acme/web", "fix/header");
    let run = in_central_pipeline(&sandbox)
        .set("REPO_SLUG", "web")
        .set("COMMIT", &commit)
        .set("BRANCH", "fix/header")
        .set("PULL_REQUEST", "12")
        .run();
    assert_done(&run);
    assert_eq!(paths(&sandbox), [format!("POST acme/web/commit/{commit}/statuses/build")]);
    let shown = sandbox.pull_request_statuses("acme/web", 12);
    assert_eq!(shown[0].refname.as_deref(), Some("fix/header"));
    assert_eq!(
        shown[0].url.as_deref(),
        Some("https://bitbucket.org/acme/central-pipeline/pipelines/results/42"),
        "a click leads to the pipeline that ran"
    );
}

#[test]
fn the_source_commit_of_a_pull_request_is_looked_up() {
    let sandbox = acme();
    let run = in_central_pipeline(&sandbox)
        .set("REPO_SLUG", "https://bitbucket.org/acme/web.git")
        .set("PULL_REQUEST", "12")
        .run();
    insta::assert_snapshot!(run.told(), @"
    gatepost 0.1.0: SUCCESSFUL for acme/web with the access token (BITBUCKET_ACCESS_TOKEN)
    pull request 12 comes from branch fix/header of acme/web, at commit e15efb914c5c
      status:   Sonar (key sonar): Successful
      link:     https://bitbucket.org/acme/central-pipeline/pipelines/results/42
    ✔ posted SUCCESSFUL on acme/web commit e15efb914c5c, branch fix/header
    exit code 0
    ");
    let commit = &sandbox.head("acme/web", "fix/header")[..12];
    assert_eq!(
        paths(&sandbox),
        ["GET acme/web/pullrequests/12".to_owned(), format!("POST acme/web/commit/{commit}/statuses/build")]
    );
    assert_eq!(sandbox.pull_request_statuses("acme/web", 12).len(), 1);
}

#[test]
fn the_status_of_a_pull_request_from_a_fork_is_posted_in_the_fork() {
    let sandbox = acme();
    let run = by_hand(&sandbox)
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL)
        .set("ATLASSIAN_API_TOKEN", sandbox::API_TOKEN)
        .set("PULL_REQUEST", "9")
        .run();
    assert_done(&run);
    assert!(run.output.contains("pull request 9 comes from branch patch-1 of jane/api"), "{}", run.output);
    assert_eq!(sandbox.pull_request_statuses("acme/api", 9).len(), 1);
}

#[test]
fn for_a_deleted_fork_the_destination_repository_is_tried() {
    let sandbox = acme();
    sandbox.world(|world| {
        world.delete_repository("jane/api");
    });
    let run = by_hand(&sandbox).set("PULL_REQUEST", "9").run();
    assert!(
        run.output.contains("! the fork of pull request 9 was deleted; the status goes to acme/api"),
        "{}",
        run.output
    );
    assert!(
        run.output.contains("pull request 9 comes from branch patch-1 of a fork that was deleted"),
        "{}",
        run.output
    );
    assert!(!run.output.contains("patch-1 of acme/api"), "{}", run.output);
    assert_eq!(run.code, 4, "its commit is gone too:\n{}", run.output);
}

#[test]
fn the_head_of_a_branch_is_looked_up() {
    let sandbox = acme();
    let run = by_hand(&sandbox).set("BRANCH", "feature/login").run();
    assert_done(&run);
    let commit = sandbox.head("acme/api", "feature/login");
    assert_eq!(
        paths(&sandbox),
        [
            "GET acme/api/refs/branches/feature/login".to_owned(),
            format!("POST acme/api/commit/{commit}/statuses/build")
        ]
    );
}

#[test]
fn a_given_commit_wins_over_the_head_of_its_pull_request() {
    let sandbox = acme();
    let old = sandbox.head("acme/api", "feature/login");
    let new = sandbox.world(|world| world.push("acme/api", "feature/login"));
    let run = by_hand(&sandbox).set("PULL_REQUEST", "7").set("COMMIT", &old).run();
    assert_done(&run);
    assert!(
        run.output.contains(&format!(
            "! pull request 7 is at commit {}; the status goes to commit {old}",
            &new[..12]
        )),
        "{}",
        run.output
    );
    assert_eq!(sandbox.statuses("acme/api", &old)[0].refname.as_deref(), Some("feature/login"));
    assert!(sandbox.statuses("acme/api", &new).is_empty());
}

#[test]
fn a_local_merge_commit_is_replaced_by_the_commit_that_pipelines_names() {
    let sandbox = acme();
    let run = in_pull_request_build(&sandbox).set("COMMIT", "ffffffffffffffffffffffffffffffffffffffff").run();
    insta::assert_snapshot!(run.told(), @"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ! Bitbucket does not know commit ffffffffffffffffffffffffffffffffffffffff in acme/api (pull-request pipelines build a local merge commit); Gatepost uses the commit that Pipelines names, 94277cd267a8
      status:   Sonar (key sonar): Successful
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✔ posted SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 0
    ");
    let methods: Vec<_> = sandbox.requests().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["POST", "POST"]);
    assert_eq!(sandbox.pull_request_statuses("acme/api", 7).len(), 1);
}

#[test]
fn an_unknown_commit_beside_a_pull_request_is_not_replaced_by_its_head() {
    let sandbox = acme();
    let run = by_hand(&sandbox).set("PULL_REQUEST", "7").set("COMMIT", "fffffff").run();
    assert_eq!(run.code, 4, "{}", run.output);
    assert!(run.output.contains("pull request 7 has moved on to "), "{}", run.output);
    let methods: Vec<_> = sandbox.requests().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["GET", "POST"]);
    assert!(sandbox.pull_request_statuses("acme/api", 7).is_empty());
}

#[test]
fn an_unknown_pull_request_or_branch_exits_with_4() {
    let sandbox = acme();
    for (name, value) in [("PULL_REQUEST", "999"), ("BRANCH", "no/such")] {
        let run = by_hand(&sandbox).set(name, value).run();
        assert_eq!(run.code, 4, "{}", run.output);
        assert!(run.output.contains("404 Not Found"), "{}", run.output);
        assert!(run.output.ends_with("✖ not posted: the status\n"), "{}", run.output);
    }
}

#[test]
fn a_refname_that_is_not_the_branch_of_the_pull_request_is_a_warning() {
    let sandbox = acme();
    let run = by_hand(&sandbox).set("PULL_REQUEST", "7").set("REFNAME", "other").run();
    assert_done(&run);
    assert!(run.output.contains("it does not count for this pull request"), "{}", run.output);
}

/// The token of the destination repository does not reach the fork.
#[test]
fn a_pull_request_from_a_fork_is_posted_with_the_forks_own_token() {
    let forks_token = sandbox::REPOSITORY_TOKEN_OF_WEB.replace("RepositoryTokenWeb_", "RepositoryTokenJan_");
    let sandbox = acme();
    sandbox.world(|world| {
        let fork = Reach::Repository("jane/api".to_owned());
        world.add_access_token(&forks_token, fork, &["repository", "pullrequest"]);
    });
    let tokens = json!({ "acme/api": sandbox::REPOSITORY_TOKEN, "jane/api": forks_token });
    let gatepost = by_hand(&sandbox)
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("BITBUCKET_ACCESS_TOKENS", tokens.to_string())
        .set("PULL_REQUEST", "9");
    assert_done(&gatepost.run());
    let used = |request: &Recorded| request.authorization.clone().unwrap();
    let bearer = |token: &str| format!("Bearer {token}");
    let used: Vec<_> = sandbox.requests().iter().map(used).collect();
    assert_eq!(used, [bearer(sandbox::REPOSITORY_TOKEN), bearer(&forks_token)]);
    assert_eq!(sandbox.pull_request_statuses("acme/api", 9).len(), 1);
    let check = gatepost.clone().set("MODE", "check").run();
    assert_eq!(check.code, 0, "{}", check.output);
    let many = gatepost.unset("PULL_REQUEST").set("TARGETS", r#"[{"pull_request": 9}]"#).run();
    assert_eq!(many.code, 0, "{}", many.output);
    assert!(!many.output.contains("no target"), "{}", many.output);
}

#[test]
fn a_fork_that_the_token_cannot_read_is_named_as_the_reason() {
    let sandbox = acme();
    let gatepost = by_hand(&sandbox).set("PULL_REQUEST", "9");
    // The map already has an entry for the fork, but with the token of another repository.
    let tokens = json!({ "api": sandbox::REPOSITORY_TOKEN, "jane/api": sandbox::REPOSITORY_TOKEN_OF_WEB });
    let wrong = gatepost
        .clone()
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("BITBUCKET_ACCESS_TOKENS", tokens.to_string())
        .set("WORKSPACE", "acme")
        .run()
        .told();
    assert!(wrong.contains("with the access token (BITBUCKET_ACCESS_TOKENS, jane/api)"), "{wrong}");
    assert!(
        wrong.contains(handbook::OTHER_REPOSITORY.remedy) && !wrong.contains(handbook::FORK.remedy),
        "{wrong}"
    );
    for gatepost in [gatepost.clone(), gatepost.set("MODE", "check")] {
        let told = gatepost.run().told();
        assert!(
            told.contains("  why:      jane/api is the fork that the pull request comes from: "),
            "{told}"
        );
        assert!(told.contains(handbook::FORK.remedy) && !told.contains("compare its address"), "{told}");
        assert!(told.ends_with("exit code 4\n"), "{told}");
    }
}
