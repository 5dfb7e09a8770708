//! Every kind of credential, and the refusals of those that do not work.

use crate::run::{Gatepost, Sandbox, acme, by_hand, in_pull_request_build};

fn with_api_token(sandbox: &Sandbox, token: &str) -> Gatepost {
    in_pull_request_build(sandbox)
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL)
        .set("ATLASSIAN_API_TOKEN", token)
}

#[test]
fn each_kind_that_works_works() {
    let sandbox = acme();
    let mut run = with_api_token(&sandbox, sandbox::API_TOKEN).set("KEY", "api-token").run();
    assert_eq!(run.code, 0, "{}", run.output);
    assert!(run.output.contains("with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)"));
    for (key, token) in [
        ("repository", sandbox::REPOSITORY_TOKEN),
        ("project", sandbox::PROJECT_TOKEN),
        ("workspace", sandbox::WORKSPACE_TOKEN),
        ("scope-repository", sandbox::REPOSITORY_TOKEN_REPOSITORY_ONLY),
    ] {
        run = in_pull_request_build(&sandbox).set("BITBUCKET_ACCESS_TOKEN", token).set("KEY", key).run();
        assert_eq!(run.code, 0, "{key}: {}", run.output);
    }
    assert_eq!(sandbox.requests().len(), 5);
    assert_eq!(sandbox.pull_request_statuses("acme/api", 7).len(), 5);
}

#[test]
fn a_refused_token_is_told_with_the_services_words() {
    let sandbox = acme();
    let run = in_pull_request_build(&sandbox).set("BITBUCKET_ACCESS_TOKEN", sandbox::REVOKED_TOKEN).run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ failed to post the status: Bitbucket answered 401 Unauthorized
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/94277cd267a8/statuses/build with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: 401 Unauthorized, "Token is invalid, expired, or not supported for this endpoint."
      why:      the access token is not accepted: it has expired, was revoked, or was copied incompletely
      to do:    see Access tokens in the settings of the repository, project or workspace; create a new one with the scope Repositories: Read and save it in BITBUCKET_ACCESS_TOKEN
    ✖ not posted: SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 4
    "#);
    let run = with_api_token(&sandbox, sandbox::API_TOKEN_EXPIRED).run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
    ✖ failed to post the status: Bitbucket answered 401 Unauthorized
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/94277cd267a8/statuses/build with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
      answered: 401 Unauthorized, "Token is invalid, expired, or not supported for this endpoint."
      why:      the e-mail address and the API token are not accepted together: the token has expired, was revoked, has no scopes for Bitbucket, or belongs to another account
      to do:    see id.atlassian.com > Security > API tokens; create a token with "Create API token with scopes" for the app Bitbucket, and check that ATLASSIAN_ACCOUNT_EMAIL is the address of the same account
    ✖ not posted: SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 4
    "#);
    let run = with_api_token(&sandbox, sandbox::API_TOKEN_WRITE_ONLY).run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
    ✖ failed to post the status: Bitbucket answered 403 Forbidden
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/94277cd267a8/statuses/build with the API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)
      answered: 403 Forbidden, "Your credentials lack one or more required privilege scopes. (required: read:repository:bitbucket) (granted: write:repository:bitbucket)"
      why:      the token lacks a scope, or may not change what is there: only the creator of a status, or an admin of the repository, may overwrite it
      to do:    create a token with the scopes that the answer requires (the scopes of a token cannot be changed); if a status with this KEY was posted by somebody else, use another KEY
    ✖ not posted: SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 4
    "#);
    assert_eq!(sandbox.requests().len(), 3, "a refusal is not tried again");
}

#[test]
fn a_token_of_another_repository_sees_nothing() {
    let sandbox = acme();
    let run =
        by_hand(&sandbox).set("REPO_SLUG", "acme/web").set("COMMIT", sandbox.head("acme/web", "main")).run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/web with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ failed to post the status: Bitbucket answered 404 Not Found
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/web/commit/8e488ca6862bd073ac2f16ea082069a663a0726f/statuses/build with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: 404 Not Found, "You may not have access to this repository or it no longer exists in this workspace. If you think this repository exists and you have access, make sure you are authenticated."
      why:      the repository, commit, pull request or branch does not exist, or this credential may not see it: Bitbucket answers both alike
      to do:    compare the address above with the repository's page; a repository access token reaches its own repository only, for others use a project or workspace access token or an API token
    ✖ not posted: SUCCESSFUL on acme/web commit 8e488ca6862bd073ac2f16ea082069a663a0726f
    exit code 4
    "#);
}

#[test]
fn a_status_of_somebody_else_stays() {
    let sandbox = acme();
    assert_eq!(in_pull_request_build(&sandbox).run().code, 0);
    let run = in_pull_request_build(&sandbox)
        .set("BITBUCKET_ACCESS_TOKEN", sandbox::WORKSPACE_TOKEN)
        .set("STATE", "failed")
        .run();
    assert_eq!(run.code, 4, "{}", run.output);
    assert!(run.output.contains("use another KEY"), "{}", run.output);
    assert_eq!(sandbox.pull_request_statuses("acme/api", 7)[0].state, "SUCCESSFUL");
}

#[test]
fn what_cannot_work_is_said_before_anything_is_sent() {
    let sandbox = acme();
    let bare = in_pull_request_build(&sandbox).unset("BITBUCKET_ACCESS_TOKEN");
    let cases = [
        bare.clone(),
        bare.clone().set("ATLASSIAN_API_TOKEN", sandbox::API_TOKEN),
        bare.clone().set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL),
        with_api_token(&sandbox, sandbox::API_TOKEN).set("BITBUCKET_ACCESS_TOKEN", sandbox::REPOSITORY_TOKEN),
        with_api_token(&sandbox, sandbox::API_TOKEN).set("ATLASSIAN_ACCOUNT_EMAIL", "x-token-auth"),
        with_api_token(&sandbox, sandbox::API_TOKEN).set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_USERNAME),
        with_api_token(&sandbox, sandbox::REPOSITORY_TOKEN),
        bare.clone().set("BITBUCKET_ACCESS_TOKEN", sandbox::API_TOKEN),
        bare.clone().set("BITBUCKET_ACCESS_TOKEN", format!("{}\n", sandbox::REPOSITORY_TOKEN)),
        bare.clone().set("BITBUCKET_ACCESS_TOKEN", format!("\"{}\"", sandbox::REPOSITORY_TOKEN)),
        bare.clone().set("BITBUCKET_ACCESS_TOKEN", "$BITBUCKET_ACCESS_TOKEN"),
        bare.clone()
            .set("BITBUCKET_USERNAME", sandbox::CI_USERNAME)
            .set("BITBUCKET_APP_PASSWORD", sandbox::APP_PASSWORD),
        with_api_token(&sandbox, sandbox::APP_PASSWORD),
    ];
    let told: Vec<String> = cases.iter().map(|case| case.run().told()).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    ✖ BITBUCKET_ACCESS_TOKEN is not set, and neither are ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN: there is no credential
      accepted: ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN together, or BITBUCKET_ACCESS_TOKEN alone
      to do:    if a secured variable should have brought it, see that the pipe's `variables:` names it; else create an API token with scopes for the app Bitbucket (id.atlassian.com > Security > API tokens > Create API token with scopes; scope read:repository:bitbucket) and pass it as ATLASSIAN_API_TOKEN with the account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL; or create an access token (Repository settings > Security > Access tokens; scope Repositories: Read) and pass it as BITBUCKET_ACCESS_TOKEN
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ ATLASSIAN_ACCOUNT_EMAIL is not set, but ATLASSIAN_API_TOKEN is
      accepted: ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN together, or BITBUCKET_ACCESS_TOKEN alone
      to do:    pass the e-mail address of the Atlassian account that created the API token
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ ATLASSIAN_API_TOKEN is not set, but ATLASSIAN_ACCOUNT_EMAIL is
      accepted: ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN together, or BITBUCKET_ACCESS_TOKEN alone
      to do:    pass the API token too: `ATLASSIAN_API_TOKEN: $ATLASSIAN_API_TOKEN`; if it is a secured variable, see that it is defined for this repository or deployment
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN is set, and so are ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN: two credentials
      accepted: exactly one credential
      to do:    keep the one that is meant and pass the other one empty (`ATLASSIAN_API_TOKEN: ""`): a variable of the repository or the workspace may have brought it
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ ATLASSIAN_ACCOUNT_EMAIL is "x-token-auth", which is a user name for git over https, not for the REST API
      accepted: the e-mail address of the Atlassian account that created the API token
      to do:    use the address shown at id.atlassian.com > Profile > Email; Bitbucket's user name and the token's label do not work on the REST API
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ ATLASSIAN_ACCOUNT_EMAIL is "acme-ci", which is no e-mail address
      accepted: the e-mail address of the Atlassian account that created the API token
      to do:    use the address shown at id.atlassian.com > Profile > Email; Bitbucket's user name and the token's label do not work on the REST API
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ ATLASSIAN_API_TOKEN is an access token (it begins with ATCTT), which works as Bearer only
      accepted: an API token with scopes; it begins with ATATT
      to do:    pass it as BITBUCKET_ACCESS_TOKEN, and leave out ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN is an API token (it begins with ATATT), which works only with its account's e-mail address
      accepted: a repository, project or workspace access token; it begins with ATCTT
      to do:    pass it as ATLASSIAN_API_TOKEN, with the account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL
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

    ✖ *** holds the name of a variable that was not replaced by its value (it begins with $)
      accepted: the value itself
      to do:    define that variable for the repository, the workspace or the deployment of this step, and pass it as `***: $THAT_VARIABLE` without single quotes
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_APP_PASSWORD is set, but Bitbucket removed app passwords on 2026-07-28: no request with one can work
      accepted: an API token or an access token
      to do:    create an API token with scopes for the app Bitbucket (id.atlassian.com > Security > API tokens > Create API token with scopes; scope read:repository:bitbucket) and pass it as ATLASSIAN_API_TOKEN with the account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL; or create an access token (Repository settings > Security > Access tokens; scope Repositories: Read) and pass it as BITBUCKET_ACCESS_TOKEN
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ ATLASSIAN_API_TOKEN is an app password (it begins with ATBB); Bitbucket removed app passwords on 2026-07-28
      accepted: an API token with scopes; it begins with ATATT
      to do:    create an API token with scopes for the app Bitbucket (id.atlassian.com > Security > API tokens > Create API token with scopes; scope read:repository:bitbucket) and pass it as ATLASSIAN_API_TOKEN with the account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL; or create an access token (Repository settings > Security > Access tokens; scope Repositories: Read) and pass it as BITBUCKET_ACCESS_TOKEN
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
    assert!(sandbox.requests().is_empty());
}

#[test]
fn leftovers_of_another_credential_are_a_warning() {
    let sandbox = acme();
    let run = in_pull_request_build(&sandbox)
        .set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL)
        .set("BITBUCKET_USERNAME", sandbox::CI_USERNAME)
        .set("BITBUCKET_APP_PASSWORD", sandbox::APP_PASSWORD)
        .run();
    insta::assert_snapshot!(run.told(), @"
    ! ATLASSIAN_ACCOUNT_EMAIL is set but not used: half an API token; BITBUCKET_ACCESS_TOKEN is used
    ! BITBUCKET_USERNAME is set but not used: app passwords ended on 2026-07-28; remove it
    ! BITBUCKET_APP_PASSWORD is set but not used: app passwords ended on 2026-07-28; remove it
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
      status:   Sonar (key sonar): Successful
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✔ posted SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 0
    ");
}
