//! A credential of the wrong kind or in the wrong form.

use gatepost::explain::handbook;

use crate::run::{Fault, acme, in_central_pipeline, in_pull_request_build};

use super::{met, with_api_token};

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
    ✖ BITBUCKET_APP_PASSWORD is set, but Bitbucket accepts no app password: app passwords no longer exist: no new ones since 2025-09-09, switched off at times from 2026-06-09, removed on 2026-07-28
      accepted: an API token or an access token
      to do:    use an API token: create one with "Create API token with scopes" (id.atlassian.com > Security > Create and manage API tokens), app Bitbucket, scope read:repository:bitbucket (and read:pullrequest:bitbucket to look up pull requests), and pass it as ATLASSIAN_API_TOKEN with its account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL
      to do:    or use an access token: create one (Repository settings > Security > Access tokens, or the same page of the project or workspace), scope Repositories: Read (and Pull requests: Read to look up pull requests), and pass it as BITBUCKET_ACCESS_TOKEN
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
}

/// Older app passwords have no prefix, so only Bitbucket's answer shows what they are.
#[test]
fn an_app_password_without_a_prefix() {
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

/// Git accepts two such names; upper and lower case do not matter.
#[test]
fn an_api_token_with_other_user_names_of_git() {
    let sandbox = acme();
    for name in ["x-bitbucket-api-token-auth", "X-Token-Auth"] {
        let gatepost = with_api_token(&sandbox, sandbox::API_TOKEN).set("ATLASSIAN_ACCOUNT_EMAIL", name);
        let told = met(&gatepost, &sandbox, &[&handbook::GIT_USER_NAME], 2, 0);
        let first = format!("✖ ATLASSIAN_ACCOUNT_EMAIL is \"{name}\": {}", handbook::GIT_USER_NAME.why);
        assert!(told.starts_with(&first), "{told}");
    }
}

#[test]
fn an_email_address_in_quotes() {
    let sandbox = acme();
    let gatepost =
        with_api_token(&sandbox, sandbox::API_TOKEN).set("ATLASSIAN_ACCOUNT_EMAIL", "\"ci@acme.example\"");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[], 2, 0), @"
    ✖ ATLASSIAN_ACCOUNT_EMAIL has quotes at both ends, and they are part of the value
      accepted: the value itself
      to do:    remove the quotes where the value is written; `docker run --env-file` and the page of the repository variables keep them, YAML and a shell take them off
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
    ✖ ATLASSIAN_ACCOUNT_EMAIL is not an e-mail address: the REST API expects the e-mail address of the account that created the API token; a Bitbucket user name or the label of the token does not work
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
    ✖ BITBUCKET_ACCESS_TOKEN is an API token (it begins with ATATT), which only works with HTTP Basic and the e-mail address of its account
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
    ✖ ATLASSIAN_API_TOKEN is an access token (it begins with ATCTT), which only works as Bearer
      accepted: an API token with scopes; it begins with ATATT
      to do:    pass it as BITBUCKET_ACCESS_TOKEN, and remove ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    ");
}

#[test]
fn an_email_address_and_a_token_that_were_swapped() {
    let sandbox = acme();
    let gatepost =
        with_api_token(&sandbox, sandbox::CI_EMAIL).set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::API_TOKEN);
    let told = met(&gatepost, &sandbox, &[], 2, 0);
    insta::assert_snapshot!(told, @"
    ✖ ATLASSIAN_ACCOUNT_EMAIL holds what looks like a token
      accepted: text that everybody may see
      to do:    pass the token in its own variable, and remove it from ATLASSIAN_ACCOUNT_EMAIL; if it was ever visible, revoke it and create a new one
    ✖ ATLASSIAN_API_TOKEN is an e-mail address, or holds one
      accepted: an API token with scopes; it begins with ATATT
      to do:    pass the token here and the e-mail address in ATLASSIAN_ACCOUNT_EMAIL; perhaps they are swapped
    ✖ 2 variables are wrong; nothing was sent
    exit code 2
    ");
    let gatepost =
        with_api_token(&sandbox, sandbox::CI_EMAIL).set("ATLASSIAN_ACCOUNT_EMAIL", "Xk3mD8vQz1Lw9RtYp2Ns");
    let told = met(&gatepost, &sandbox, &[], 2, 0);
    assert!(!told.contains("Xk3mD8"), "{told}");
}

#[test]
fn a_token_in_quotes_white_space_a_header_or_an_address() {
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
      to do:    save the variable again without quotes; Pipelines passes the value unchanged
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN has quotes around the token, or at one end
      accepted: a repository, project or workspace access token; it begins with ATCTT
      to do:    save the variable again without quotes; Pipelines passes the value unchanged
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN begins with the word Bearer, Basic or Authorization, as in a header
      accepted: a repository, project or workspace access token; it begins with ATCTT
      to do:    pass only the token; Gatepost writes the header
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN has a colon inside, like a user and a token in one text (user:token)
      accepted: a repository, project or workspace access token; it begins with ATCTT
      to do:    pass only the token; the user has its own variable
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN is an address for git, not only a token
      accepted: a repository, project or workspace access token; it begins with ATCTT
      to do:    pass only the token: the part between the colon and the @
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN is base64 of a token, or of user:token as in a header
      accepted: a repository, project or workspace access token; it begins with ATCTT
      to do:    pass the token as it was shown when it was created; Gatepost encodes it
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN is a placeholder, not a token
      accepted: a repository, project or workspace access token; it begins with ATCTT
      to do:    pass the token itself, from a secured variable
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    ");
}

#[test]
fn an_api_token_whose_end_is_missing() {
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
      accepted: ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN together, or BITBUCKET_ACCESS_TOKEN alone, or BITBUCKET_OAUTH_CLIENT_ID and BITBUCKET_OAUTH_CLIENT_SECRET together
      to do:    if a secured variable holds it, check that it is defined for this repository, workspace or deployment, and that the `variables:` of the pipe name it (BITBUCKET_ACCESS_TOKEN: $BITBUCKET_ACCESS_TOKEN); otherwise use an API token: create one with "Create API token with scopes" (id.atlassian.com > Security > Create and manage API tokens), app Bitbucket, scope read:repository:bitbucket (and read:pullrequest:bitbucket to look up pull requests), and pass it as ATLASSIAN_API_TOKEN with its account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL
      to do:    or use an access token: create one (Repository settings > Security > Access tokens, or the same page of the project or workspace), scope Repositories: Read (and Pull requests: Read to look up pull requests), and pass it as BITBUCKET_ACCESS_TOKEN
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN holds the name of a variable instead of its value (it begins with $)
      accepted: the value itself
      to do:    define the variable for the repository, the workspace or the deployment of this step, and pass it without single quotes, as in `BITBUCKET_ACCESS_TOKEN: $THAT_VARIABLE`
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN holds the name of a variable instead of its value (it begins with $)
      accepted: the value itself
      to do:    define the variable for the repository, the workspace or the deployment of this step, and pass it without single quotes, as in `BITBUCKET_ACCESS_TOKEN: $THAT_VARIABLE`
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN holds the name of a variable instead of its value (it begins with $)
      accepted: the value itself
      to do:    define the variable for the repository, the workspace or the deployment of this step, and pass it without single quotes, as in `BITBUCKET_ACCESS_TOKEN: $THAT_VARIABLE`
    ✖ 1 variable is wrong; nothing was sent
    exit code 2

    ✖ BITBUCKET_ACCESS_TOKEN is the name of a variable, not its value
      accepted: a repository, project or workspace access token; it begins with ATCTT
      to do:    pass the value: in the YAML file write a $ before the name, as in `NAME: $NAME`
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
}
