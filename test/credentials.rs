//! Which credentials can post, and which are refused before anything is sent; `scenarios` has Bitbucket's refusals.

use crate::run::{Gatepost, Sandbox, acme, in_pull_request_build};

fn with_api_token(sandbox: &Sandbox, token: &str) -> Gatepost {
    in_pull_request_build(sandbox)
        .unset("BITBUCKET_ACCESS_TOKEN")
        .set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL)
        .set("ATLASSIAN_API_TOKEN", token)
}

#[test]
fn each_kind_of_token_can_post_a_status() {
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
fn nothing_is_sent_with_an_unusable_credential() {
    let sandbox = acme();
    let bare = in_pull_request_build(&sandbox).unset("BITBUCKET_ACCESS_TOKEN");
    let cases = [
        bare.clone().set("ATLASSIAN_API_TOKEN", sandbox::API_TOKEN),
        bare.clone()
            .set("ATLASSIAN_API_TOKEN", sandbox::API_TOKEN)
            .set("BITBUCKET_USERNAME", sandbox::CI_USERNAME),
        bare.clone().set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL),
        with_api_token(&sandbox, sandbox::API_TOKEN).set("BITBUCKET_ACCESS_TOKEN", sandbox::REPOSITORY_TOKEN),
        bare.clone()
            .set("BITBUCKET_USERNAME", sandbox::CI_USERNAME)
            .set("BITBUCKET_APP_PASSWORD", sandbox::API_TOKEN),
        with_api_token(&sandbox, sandbox::APP_PASSWORD),
    ];
    let told: Vec<String> = cases.iter().map(|case| case.run().told()).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    ✖ ATLASSIAN_ACCOUNT_EMAIL is unset or empty, but ATLASSIAN_API_TOKEN is set
      accepted: ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN together, or BITBUCKET_ACCESS_TOKEN alone
      to do:    pass the e-mail address of the Atlassian account that created the API token
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ ATLASSIAN_ACCOUNT_EMAIL is unset or empty, but ATLASSIAN_API_TOKEN is set; BITBUCKET_USERNAME does not replace it
      accepted: ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN together, or BITBUCKET_ACCESS_TOKEN alone
      to do:    pass the e-mail address of the Atlassian account that created the API token
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ ATLASSIAN_API_TOKEN is unset or empty, but ATLASSIAN_ACCOUNT_EMAIL is set
      accepted: ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN together, or BITBUCKET_ACCESS_TOKEN alone
      to do:    pass the API token too: `ATLASSIAN_API_TOKEN: $ATLASSIAN_API_TOKEN`; if it is a secured variable, check that it is defined for this repository or deployment
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN is set, and so are ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN: two credentials
      accepted: exactly one credential
      to do:    keep one of them and pass the other one empty (`ATLASSIAN_API_TOKEN: ""`): it may be a variable of the repository or the workspace
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_APP_PASSWORD holds an API token, not an app password
      accepted: the API token in ATLASSIAN_API_TOKEN
      to do:    rename the variable to ATLASSIAN_API_TOKEN; an API token also needs ATLASSIAN_ACCOUNT_EMAIL, an access token needs nothing else
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ ATLASSIAN_API_TOKEN is an app password (it begins with ATBB); Bitbucket removed app passwords on 2026-07-28
      accepted: an API token with scopes; it begins with ATATT
      to do:    use an API token: create one with "Create API token with scopes" (id.atlassian.com > Security > Create and manage API tokens), app Bitbucket, scope read:repository:bitbucket (and read:pullrequest:bitbucket to look up pull requests), and pass it as ATLASSIAN_API_TOKEN with its account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL
      to do:    or use an access token: create one (Repository settings > Security > Access tokens, or the same page of the project or workspace), scope Repositories: Read (and Pull requests: Read to look up pull requests), and pass it as BITBUCKET_ACCESS_TOKEN
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
    assert!(sandbox.requests().is_empty());
}

#[test]
fn unused_variables_of_another_credential_are_a_warning() {
    let sandbox = acme();
    let run = in_pull_request_build(&sandbox)
        .set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL)
        .set("BITBUCKET_USERNAME", sandbox::CI_USERNAME)
        .set("BITBUCKET_APP_PASSWORD", sandbox::APP_PASSWORD)
        .run();
    insta::assert_snapshot!(run.told(), @"
    ! ATLASSIAN_ACCOUNT_EMAIL is set but ignored: an API token needs both variables; Gatepost uses BITBUCKET_ACCESS_TOKEN
    ! BITBUCKET_USERNAME is set but ignored: app passwords ended on 2026-07-28; remove it
    ! BITBUCKET_APP_PASSWORD is set but ignored: app passwords ended on 2026-07-28; remove it
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
      status:   Sonar (key sonar): Successful
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✔ posted SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 0
    ");
}
