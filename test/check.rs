//! `MODE: check`: what a team runs once after it has created a token.

use sandbox::{Analysis, Dialect, Gate, Projects, SonarQube};

use crate::run::{
    Fault, Folder, Gatepost, Sandbox, acme, assert_told, bare, by_hand, in_branch_build, in_central_pipeline,
    in_pull_request_build, scanned,
};

fn check(gatepost: Gatepost) -> Gatepost {
    gatepost.unset("STATE").unset("KEY").set("MODE", "check")
}

fn with_api_token(sandbox: &Sandbox, token: &str) -> Gatepost {
    in_pull_request_build(sandbox)
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL)
        .set("ATLASSIAN_API_TOKEN", token)
}

fn methods(sandbox: &Sandbox) -> Vec<String> {
    sandbox.requests().into_iter().map(|request| request.method).collect()
}

#[test]
fn check_lists_what_works_and_posts_nothing() {
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
    sonarqube.submit(Analysis::of_pull_request("acme_api", "7", Gate::failed()));
    let run = check(in_pull_request_build(&sandbox))
        .set("SONAR_TOKEN", sandbox::USER_TOKEN)
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("SONAR_PROJECT_KEY", "acme_api")
        .set("SONAR_PULL_REQUEST", "7")
        .run();
    insta::assert_snapshot!(run.told(), @"
    gatepost 0.1.0: check of acme/api with the access token (BITBUCKET_ACCESS_TOKEN); nothing is posted
    ✔ the access token (BITBUCKET_ACCESS_TOKEN) has the expected format
    ✔ the token can read the repository acme/api
    ✔ the token has the scope repository, for statuses
    ✔ the token has the scope pullrequest, to look up pull requests
    ✔ Bitbucket has commit 94277cd267a8 of acme/api, branch feature/login
    ✔ the commit has no status with the key sonar-acme_api: it can be created
    ✔ a report would go beside the status, as gatepost-sonar-acme_api
    SonarQube at http://127.0.0.1:PORT/ (from SONAR_HOST_URL) gets SONAR_TOKEN
    ✔ SonarQube at http://127.0.0.1:PORT/ accepts SONAR_TOKEN
    ✔ the token can read the project acme_api
    ✔ the token can read the issues of acme_api: 3 would become annotations
    ✔ all 10 checks passed; nothing was posted
    exit code 0
    ");
    assert_eq!(methods(&sandbox), ["GET", "GET", "GET"], "repository, commit, creator");
    assert_eq!(sonarqube.requests().len(), 3, "token, project, issues");
    assert!(sandbox.pull_request_statuses("acme/api", 7).is_empty());
}

#[test]
fn the_argument_check_does_the_same_as_mode_check() {
    let sandbox = acme();
    let gatepost = in_pull_request_build(&sandbox).unset("STATE").unset("KEY");
    let by_word = gatepost.run_with(&["check"]);
    assert_eq!(by_word.told(), check(gatepost).run().told());
    insta::assert_snapshot!(by_word.told(), @"
    gatepost 0.1.0: check of acme/api with the access token (BITBUCKET_ACCESS_TOKEN); nothing is posted
    ✔ the access token (BITBUCKET_ACCESS_TOKEN) has the expected format
    ✔ the token can read the repository acme/api
    ✔ the token has the scope repository, for statuses
    ✔ the token has the scope pullrequest, to look up pull requests
    ✔ Bitbucket has commit 94277cd267a8 of acme/api, branch feature/login
    ✔ the commit has no status with the key sonar: it can be created
    ✔ a report would go beside the status, as gatepost-sonar
    ! SonarQube was not checked: nothing names an analysis yet (SONAR_PROJECT_KEY, SONAR_REPORT_TASK, or a report-task.txt here)
      to do:    pass SONAR_PROJECT_KEY to check SonarQube as well; a run that publishes needs one of them, or STATE
    ✔ 7 of 8 checks passed, 1 needs attention; nothing was posted
    exit code 0
    ");
}

#[test]
fn a_token_can_be_checked_without_a_commit() {
    let sandbox = acme();
    let run = check(in_central_pipeline(&sandbox)).set("REPO_SLUG", "web").run();
    assert_told(
        &run,
        0,
        &[
            "✔ the token can read the repository acme/web",
            "! no commit was checked: COMMIT, PULL_REQUEST and BRANCH are not set",
        ],
    );
    assert_eq!(sandbox.requests().len(), 1);
}

#[test]
fn check_reads_the_commit_of_a_pull_request_in_its_fork() {
    let sandbox = acme();
    let run = check(by_hand(&sandbox)).set("PULL_REQUEST", "9").run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: check of acme/api with the access token (BITBUCKET_ACCESS_TOKEN); nothing is posted
    ✔ the access token (BITBUCKET_ACCESS_TOKEN) has the expected format
    ✔ the token can read the repository acme/api
    ✔ the token has the scope repository, for statuses
    ✔ the token has the scope pullrequest, to look up pull requests
    pull request 9 comes from branch patch-1 of jane/api, at commit 53257e94d468
    ✖ failed to read commit 53257e94d468 of jane/api: Bitbucket answered 404 Not Found
      sent:     GET http://127.0.0.1:PORT/2.0/repositories/jane/api/commit/53257e94d468 with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: 404 Not Found, "You may not have access to this repository or it no longer exists in this workspace. If you think this repository exists and you have access, make sure you are authenticated."
      why:      jane/api is the fork that the pull request comes from: the status of a pull request from a fork goes to the fork, and this credential may not see the fork
      to do:    add an access token of the fork to BITBUCKET_ACCESS_TOKENS under its name (workspace/slug), or use an API token whose account may read the fork
    ! SonarQube was not checked: nothing names an analysis yet (SONAR_PROJECT_KEY, SONAR_REPORT_TASK, or a report-task.txt here)
      to do:    pass SONAR_PROJECT_KEY to check SonarQube as well; a run that publishes needs one of them, or STATE
    ✖ 1 of 6 checks failed; nothing was posted
    exit code 4
    "#);
    assert_eq!(methods(&sandbox), ["GET", "GET", "GET"], "repository, pull request, commit of the fork");
}

#[test]
fn check_replaces_a_local_merge_commit_by_the_source_commit() {
    let sandbox = acme();
    let run = check(in_pull_request_build(&sandbox))
        .set("COMMIT", "ffffffffffffffffffffffffffffffffffffffff")
        .run();
    assert_told(
        &run,
        0,
        &[
            "(pull-request pipelines build a local merge commit)",
            "✔ Bitbucket has commit 94277cd267a8 of acme/api",
        ],
    );
}

#[test]
fn check_names_missing_scopes_and_unneeded_scopes() {
    let sandbox = acme();
    let lacking = check(with_api_token(&sandbox, sandbox::API_TOKEN_WRITE_ONLY)).run();
    insta::assert_snapshot!(lacking.told(), @r#"
    gatepost 0.1.0: check of acme/api with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN); nothing is posted
    ✔ the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN) has the expected format
    ✖ failed to read the repository acme/api: Bitbucket answered 403 Forbidden
      sent:     GET http://127.0.0.1:PORT/2.0/repositories/acme/api with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
      answered: 403 Forbidden, "Your credentials lack one or more required privilege scopes. (required: read:repository:bitbucket) (granted: write:repository:bitbucket)"
      why:      the API token lacks the scope read:repository:bitbucket; it has: write:repository:bitbucket (no scope of an API token includes another one: write does not include read)
      to do:    a token's scopes cannot be changed: create one with "Create API token with scopes" (id.atlassian.com > Security > Create and manage API tokens), app Bitbucket, scope read:repository:bitbucket (and read:pullrequest:bitbucket to look up pull requests), and save it in ATLASSIAN_API_TOKEN
    ! SonarQube was not checked: nothing names an analysis yet (SONAR_PROJECT_KEY, SONAR_REPORT_TASK, or a report-task.txt here)
      to do:    pass SONAR_PROJECT_KEY to check SonarQube as well; a run that publishes needs one of them, or STATE
    ✖ 1 of 3 checks failed; nothing was posted
    exit code 4
    "#);
    let narrow = check(by_hand(&sandbox))
        .set("BITBUCKET_ACCESS_TOKEN", sandbox::REPOSITORY_TOKEN_REPOSITORY_ONLY)
        .set("PULL_REQUEST", "7")
        .run();
    insta::assert_snapshot!(narrow.told(), @r#"
    gatepost 0.1.0: check of acme/api with the access token (BITBUCKET_ACCESS_TOKEN); nothing is posted
    ✔ the access token (BITBUCKET_ACCESS_TOKEN) has the expected format
    ✔ the token can read the repository acme/api
    ✔ the token has the scope repository, for statuses
    ! the token lacks the scope pullrequest; it has: repository
    ✖ failed to look up pull request 7 of acme/api: Bitbucket answered 403 Forbidden
      sent:     GET http://127.0.0.1:PORT/2.0/repositories/acme/api/pullrequests/7 with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: 403 Forbidden, "Your credentials lack one or more required privilege scopes. (required: pullrequest) (granted: repository)"
      why:      the access token lacks the scope pullrequest; it has: repository
      to do:    a token's scopes cannot be changed: create one (Repository settings > Security > Access tokens, or the same page of the project or workspace), scope Repositories: Read (and Pull requests: Read to look up pull requests), and save it in BITBUCKET_ACCESS_TOKEN (or in its entry of BITBUCKET_ACCESS_TOKENS)
    ! SonarQube was not checked: nothing names an analysis yet (SONAR_PROJECT_KEY, SONAR_REPORT_TASK, or a report-task.txt here)
      to do:    pass SONAR_PROJECT_KEY to check SonarQube as well; a run that publishes needs one of them, or STATE
    ✖ 1 of 5 checks failed; nothing was posted
    exit code 4
    "#);
    sandbox.world(|world| {
        let reach = sandbox::Reach::Repository("acme/api".to_owned());
        world.add_access_token(sandbox::REPOSITORY_TOKEN, reach, &["pullrequest:write", "repository:admin"]);
    });
    let wide = check(in_branch_build(&sandbox)).run();
    assert_told(
        &wide,
        0,
        &["! the token may do more than Gatepost needs: pullrequest:write, repository:admin"],
    );
}

#[test]
fn check_explains_a_revoked_token() {
    let sandbox = acme();
    let run =
        check(in_pull_request_build(&sandbox)).set("BITBUCKET_ACCESS_TOKEN", sandbox::REVOKED_TOKEN).run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: check of acme/api with the access token (BITBUCKET_ACCESS_TOKEN); nothing is posted
    ✔ the access token (BITBUCKET_ACCESS_TOKEN) has the expected format
    ✖ failed to read the repository acme/api: Bitbucket answered 401 Unauthorized
      sent:     GET http://127.0.0.1:PORT/2.0/repositories/acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: 401 Unauthorized, "Token is invalid, expired, or not supported for this endpoint."
      why:      Bitbucket does not say; these reasons are possible, likeliest first
      why 1:    the access token has expired, was revoked, or was copied incompletely
      to do 1:  look for it in Repository settings > Security > Access tokens (or on the same page of the project or workspace), which shows when it was last used and when it expires; if it has expired or is missing, create a new one with the scope Repositories: Read and save it in BITBUCKET_ACCESS_TOKEN (or in its entry of BITBUCKET_ACCESS_TOKENS)
      why 2:    the token is for another product of Atlassian: the keys of an organization begin with ATCTT too
      to do 2:  use an access token of the repository, project or workspace: create one (Repository settings > Security > Access tokens, or the same page of the project or workspace), scope Repositories: Read (and Pull requests: Read to look up pull requests)
    ! SonarQube was not checked: nothing names an analysis yet (SONAR_PROJECT_KEY, SONAR_REPORT_TASK, or a report-task.txt here)
      to do:    pass SONAR_PROJECT_KEY to check SonarQube as well; a run that publishes needs one of them, or STATE
    ✖ 1 of 3 checks failed; nothing was posted
    exit code 4
    "#);
    assert_eq!(sandbox.requests().len(), 1);
}

#[test]
fn check_names_the_creator_of_an_existing_status() {
    let sandbox = acme();
    assert_eq!(in_pull_request_build(&sandbox).run().code, 0);
    for (gatepost, whose) in [
        (in_pull_request_build(&sandbox), "; another credential cannot overwrite it"),
        (
            with_api_token(&sandbox, sandbox::API_TOKEN),
            ", which is another credential: only an admin of the repository may overwrite it",
        ),
    ] {
        let created = "! the status with the key sonar was created by the access token \"Repository access token\" on 2026-11-02";
        let told = format!("{created}{whose}");
        assert_told(&check(gatepost).run(), 0, &[&told, "post with another KEY"]);
    }
}

#[test]
fn a_failed_check_of_sonarqube_exits_with_3_and_one_of_bitbucket_with_4() {
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
    let gatepost = check(in_pull_request_build(&sandbox))
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("SONAR_PROJECT_KEY", "acme_api")
        .set("SONAR_PULL_REQUEST", "7");
    let revoked = gatepost.clone().set("SONAR_TOKEN", sandbox::REVOKED_SONAR_TOKEN).run();
    insta::assert_snapshot!(revoked.told(), @"
    gatepost 0.1.0: check of acme/api with the access token (BITBUCKET_ACCESS_TOKEN); nothing is posted
    ✔ the access token (BITBUCKET_ACCESS_TOKEN) has the expected format
    ✔ the token can read the repository acme/api
    ✔ the token has the scope repository, for statuses
    ✔ the token has the scope pullrequest, to look up pull requests
    ✔ Bitbucket has commit 94277cd267a8 of acme/api, branch feature/login
    ✔ the commit has no status with the key sonar-acme_api: it can be created
    ✔ a report would go beside the status, as gatepost-sonar-acme_api
    SonarQube at http://127.0.0.1:PORT/ (from SONAR_HOST_URL) gets SONAR_TOKEN
    ✖ SonarQube at http://127.0.0.1:PORT/ does not accept SONAR_TOKEN
      to do:    create a token in SonarQube (My Account > Security) and save it in SONAR_TOKEN; check that it belongs to the server at SONAR_HOST_URL
    ✖ 1 of 8 checks failed; nothing was posted
    exit code 3
    ");
    let new = gatepost.clone().set("SONAR_TOKEN", sandbox::USER_TOKEN).run();
    assert_told(
        &new,
        0,
        &["! the token can read the project acme_api, which has no analysis of pull request 7 yet"],
    );
    let unknown =
        gatepost.clone().set("SONAR_TOKEN", sandbox::USER_TOKEN).set("SONAR_PROJECT_KEY", "acme_apis").run();
    assert_told(&unknown, 3, &["✖ failed to ask for the quality gate: SonarQube answered 404"]);
    let both = gatepost
        .set("SONAR_TOKEN", sandbox::REVOKED_SONAR_TOKEN)
        .set("BITBUCKET_ACCESS_TOKEN", sandbox::REVOKED_TOKEN)
        .run();
    assert_told(&both, 4, &["✖ 2 of 3 checks failed; nothing was posted\n"]);
}

#[test]
fn check_takes_the_server_and_the_project_from_report_task_txt() {
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
    let folder = scanned(
        ".scannerwork",
        &sonarqube.submit(Analysis::of_pull_request("acme_api", "7", Gate::failed())),
    );
    let run = check(in_pull_request_build(&sandbox))
        .set("SONAR_TOKEN", sandbox::USER_TOKEN)
        .within(folder.path())
        .run();
    assert_told(&run, 0, &["✔ the token can read the project acme_api"]);
}

#[test]
fn check_sends_nothing_when_a_variable_is_wrong() {
    let sandbox = acme();
    let run = check(in_pull_request_build(&sandbox)).set("BITBUCKET_ACCESS_TOKEN", sandbox::API_TOKEN).run();
    assert_told(&run, 2, &["✖ 1 variable is wrong; nothing was sent\n"]);
    assert_told(
        &check(bare()).run(),
        2,
        &["BITBUCKET_ACCESS_TOKEN is unset or empty", "REPO_SLUG is not set"],
    );
    assert!(sandbox.requests().is_empty());
}

#[test]
fn check_keeps_the_result_file_of_an_earlier_run() {
    let (sandbox, folder) = (acme(), Folder::new());
    folder.write("results.jsonl", b"{}\n");
    let run = check(in_branch_build(&sandbox)).set("RESULT_FILE", folder.path().join("results.jsonl")).run();
    assert_eq!((run.code, folder.read("results.jsonl").as_str()), (0, "{}\n"));
}

#[test]
fn check_ends_at_the_deadline_when_bitbucket_is_silent() {
    let sandbox = acme();
    sandbox.fault_always(Fault::Silent);
    let run = check(in_branch_build(&sandbox)).set("TIMEOUT", "1").run();
    assert_told(&run, 4, &["✖ failed to read the repository acme/api: no complete response within N s"]);
}

/// Each report file belongs to its own project, and the status of each project has its own key.
#[test]
fn check_looks_for_the_status_of_each_analysis() {
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
    let folder = Folder::new();
    for (place, project) in [("a", "acme_api"), ("b", "acme_web")] {
        let submitted = sonarqube.submit(Analysis::of_pull_request(project, "7", Gate::passed()));
        folder.write(&format!("{place}/report-task.txt"), submitted.report_task.as_bytes());
    }
    let run = check(in_pull_request_build(&sandbox).within(folder.path()))
        .unset("STATE")
        .unset("KEY")
        .set("SONAR_REPORT_TASK", "*/report-task.txt")
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("SONAR_TOKEN", sandbox::USER_TOKEN)
        .run();
    assert_told(
        &run,
        0,
        &[
            "✔ the commit has no status with the key sonar-acme_api",
            "✔ the commit has no status with the key sonar-acme_web",
            "✔ the token can read the project acme_api",
            "✔ the token can read the project acme_web",
        ],
    );
}

#[test]
fn check_says_which_facts_bitbucket_left_out() {
    let answer = |headers: &[(&str, &str)], body: &str| Fault::Answer {
        status: 200,
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: body.into(),
    };
    let scopes_unknown = "! Bitbucket did not list the scopes of the token";
    for (headers, told) in [
        (&[][..], scopes_unknown),
        // These are scopes of an API token, and the credential is an access token.
        (&[("x-oauth-scopes", "read:repository:bitbucket")], scopes_unknown),
        (&[("x-oauth-scopes", "")], scopes_unknown),
        (
            &[("x-oauth-scopes", "repository")],
            "! the token lacks the scope pullrequest: it cannot look up pull requests",
        ),
    ] {
        let sandbox = acme();
        sandbox.fault(answer(headers, "{}"));
        let commit = sandbox.head("acme/api", "main");
        sandbox.fault(answer(&[], &format!(r#"{{"hash": "{commit}"}}"#)));
        sandbox.fault(answer(&[], r#"{"key": "sonar", "created_on": "2026-11-02T03:04:05Z"}"#));
        let unnamed = "! the commit has a status with the key sonar, and Bitbucket does not name its creator";
        assert_told(&check(in_branch_build(&sandbox)).run(), 0, &[told, unnamed]);
    }
}

/// A credential that cannot read a status cannot overwrite it either.
#[test]
fn a_status_that_cannot_be_read_fails_the_check() {
    let sandbox = acme();
    sandbox.fault_after(2, Fault::status(500));
    for _ in 0..20 {
        sandbox.fault(Fault::status(500));
    }
    let run = check(in_branch_build(&sandbox)).set("TIMEOUT", "1").run();
    assert_told(
        &run,
        4,
        &["✖ failed to read who created the status of commit", "checks failed; nothing was posted"],
    );
}

/// The lookup of the pull request has failed, so check does not advise to pass `PULL_REQUEST`.
#[test]
fn check_reports_a_missing_pull_request_and_a_missing_commit() {
    let sandbox = acme();
    let run = check(by_hand(&sandbox))
        .set("COMMIT", "ffffffffffffffffffffffffffffffffffffffff")
        .set("BRANCH", "feature/login")
        .set("PULL_REQUEST", "77")
        .run();
    assert_told(
        &run,
        4,
        &["✖ failed to look up pull request 77 of acme/api", "acme/api has no commit ffffffffffffffff"],
    );
    assert!(!run.output.contains("or pass PULL_REQUEST"), "{}", run.output);
    assert!(!run.output.contains("may not see it"), "the repository was seen: {}", run.output);
}

/// A token without a prefix may be an OAuth token or an old app password.
#[test]
fn check_warns_of_a_token_without_the_prefix_of_an_access_token() {
    let sandbox = acme();
    let run = check(in_branch_build(&sandbox)).set("BITBUCKET_ACCESS_TOKEN", "Xk3mD8vQz1Lw9RtYp2Ns").run();
    assert_told(
        &run,
        4,
        &[
            "! the access token (BITBUCKET_ACCESS_TOKEN) does not begin with ATCTT like an access token; it may be an OAuth token",
            "it is probably an OAuth token, which expires after two hours, an app password, which no longer works",
        ],
    );
}

#[test]
fn check_validates_a_sonarqube_token_once_for_all_targets() {
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Server2025)));
    let targets: Vec<_> = (1..=6)
        .map(|number| format!(r#"{{"branch": "main", "key": "k{number}", "sonar_project_key": "acme_api"}}"#))
        .collect();
    let gatepost = check(by_hand(&sandbox))
        .set("TARGETS", format!("[{}]", targets.join(",")))
        .set("SONAR_HOST_URL", sonarqube.http_url());
    let validations =
        || sonarqube.requests().iter().filter(|request| request.path.contains("validate")).count();
    gatepost.clone().set("SONAR_TOKEN", sandbox::USER_TOKEN).run();
    assert_eq!(validations(), 1);
    gatepost.set("SONAR_TOKEN", sandbox::REVOKED_SONAR_TOKEN).run();
    assert_eq!(validations(), 2);
}
