//! What each credential can read and write.

use serde_json::json;

use crate::{
    API_TOKEN, API_TOKEN_CLASSIC, API_TOKEN_EXPIRED, API_TOKEN_OF_ADMIN, API_TOKEN_OF_JANE,
    API_TOKEN_REPOSITORY_ONLY, API_TOKEN_WRITE_ONLY, APP_PASSWORD, CI_EMAIL, CI_USERNAME, JANE_EMAIL,
    PROJECT_TOKEN, REPOSITORY_TOKEN, REPOSITORY_TOKEN_OF_WEB, REPOSITORY_TOKEN_REPOSITORY_ONLY,
    REVOKED_TOKEN, Reach, WORKSPACE_TOKEN, World,
};

use super::{basic, bearer, ci, get, header, message, parse, send, statuses_path};

const TOKEN_REJECTED: &str = "Token is invalid, expired, or not supported for this endpoint.";

#[test]
fn refuses_invalid_credentials() {
    let mut world = World::acme();
    for authorization in [
        basic(CI_USERNAME, API_TOKEN),
        basic("x-bitbucket-api-token-auth", API_TOKEN),
        basic(JANE_EMAIL, API_TOKEN),
        basic(CI_EMAIL, "no such token"),
        basic(CI_EMAIL, API_TOKEN_CLASSIC),
        basic(CI_EMAIL, API_TOKEN_EXPIRED),
        basic(CI_EMAIL, REPOSITORY_TOKEN),
        basic("x-token-auth", REPOSITORY_TOKEN),
        bearer(API_TOKEN),
        bearer(REVOKED_TOKEN),
        bearer(APP_PASSWORD),
        bearer("no such token"),
    ] {
        let answer = send(&mut world, "GET", "/2.0/repositories/acme/api", Some(&authorization), None);
        assert_eq!(answer.status, 401, "{authorization}");
        assert_eq!(parse(&answer), json!({ "type": "error", "error": { "message": TOKEN_REJECTED } }));
    }
    for authorization in ["Basic", "Basic ???", "Basic bm9jb2xvbg==", "Token x"] {
        let answer = send(&mut world, "GET", "/2.0/repositories/acme/api", Some(authorization), None);
        assert_eq!((answer.status, answer.body.as_slice()), (401, &b""[..]), "{authorization}");
        assert_eq!(header(&answer, "www-authenticate"), Some(r#"Basic realm="Bitbucket.org HTTP""#));
    }
    let gone =
        send(&mut world, "GET", "/2.0/repositories/acme/api", Some(&basic(CI_USERNAME, APP_PASSWORD)), None);
    assert_eq!(gone.status, 410);
    assert_eq!(message(&gone), "CHANGE-3222 - Functionality has been deprecated");
}

#[test]
fn names_required_and_granted_scopes() {
    let mut world = World::acme();
    let writes = basic(CI_EMAIL, API_TOKEN_WRITE_ONLY);
    let path = statuses_path(&world);
    let answer = send(&mut world, "POST", &path, Some(&writes), Some(&json!({})));
    assert_eq!(answer.status, 403);
    assert_eq!(
        parse(&answer)["error"]["detail"],
        json!({ "required": ["read:repository:bitbucket"], "granted": ["write:repository:bitbucket"] }),
    );

    let pull_request = "/2.0/repositories/acme/api/pullrequests/7";
    let reads = basic(CI_EMAIL, API_TOKEN_REPOSITORY_ONLY);
    assert_eq!(send(&mut world, "GET", pull_request, Some(&reads), None).status, 403);
    let answer = send(&mut world, "GET", pull_request, Some(&bearer(REPOSITORY_TOKEN_REPOSITORY_ONLY)), None);
    assert_eq!(
        parse(&answer)["error"]["detail"],
        json!({ "required": ["pullrequest"], "granted": ["repository"] }),
    );

    // Classic scopes imply each other.
    world.add_access_token("implies", Reach::Workspace("acme".to_owned()), &["pullrequest:write"]);
    for path in [pull_request, "/2.0/repositories/acme/api"] {
        assert_eq!(send(&mut world, "GET", path, Some(&bearer("implies")), None).status, 200);
    }
}

#[test]
fn reading_the_user_needs_an_api_token_with_its_own_scope() {
    let mut world = World::acme();
    let answer = get(&mut world, "/2.0/user");
    assert_eq!(
        (answer.status, &parse(&answer)["error"]["detail"]["required"][0]),
        (403, &json!("read:user:bitbucket"))
    );
    let answer = send(&mut world, "GET", "/2.0/user", Some(&bearer(WORKSPACE_TOKEN)), None);
    assert_eq!(message(&answer), "This API is not accessible by this authentication mechanism");
    assert_eq!(header(&answer, "x-oauth-scopes"), Some("repository, pullrequest"));
    assert_eq!(send(&mut world, "GET", "/2.0/user", None, None).status, 401);
    world.add_api_token("reads", CI_EMAIL, &["read:user:bitbucket"]);
    let answer = send(&mut world, "GET", "/2.0/user", Some(&basic(CI_EMAIL, "reads")), None);
    assert_eq!(parse(&answer)["display_name"], CI_USERNAME);
}

#[test]
fn hides_repositories_that_a_credential_cannot_read() {
    let mut world = World::acme();
    let sees = |world: &mut World, authorization: Option<&str>| {
        ["acme/api", "acme/web", "acme/central-pipeline", "jane/api"]
            .map(|name| send(world, "GET", &format!("/2.0/repositories/{name}"), authorization, None).status)
    };
    assert_eq!(sees(&mut world, Some(&ci())), [200, 200, 200, 200]);
    assert_eq!(sees(&mut world, Some(&basic(JANE_EMAIL, API_TOKEN_OF_JANE))), [404, 404, 404, 200]);
    assert_eq!(sees(&mut world, Some(&bearer(REPOSITORY_TOKEN))), [200, 404, 404, 404]);
    assert_eq!(sees(&mut world, Some(&bearer(REPOSITORY_TOKEN_OF_WEB))), [404, 200, 404, 404]);
    assert_eq!(sees(&mut world, Some(&bearer(PROJECT_TOKEN))), [200, 200, 404, 404]);
    assert_eq!(sees(&mut world, Some(&bearer(WORKSPACE_TOKEN))), [200, 200, 200, 404]);
    assert_eq!(sees(&mut world, None), [404, 404, 404, 200]);

    let hidden = send(&mut world, "GET", "/2.0/repositories/acme/api", None, None);
    assert!(message(&hidden).starts_with("You may not have access to this repository"));
    let missing = get(&mut world, "/2.0/repositories/acme/none");
    assert_eq!((missing.status, message(&missing)), (404, message(&hidden)));
    let elsewhere = get(&mut world, "/2.0/repositories/acmee/api");
    assert_eq!(
        (elsewhere.status, message(&elsewhere).as_str()),
        (404, "No workspace with identifier 'acmee'.")
    );
}

#[test]
fn without_a_credential_only_public_repositories_can_be_read() {
    let mut world = World::acme();
    let head = world.head("jane/api", "patch-1");
    let path = format!("/2.0/repositories/jane/api/commit/{head}");
    assert_eq!(send(&mut world, "GET", &path, None, None).status, 200);
    let body = json!({ "key": "k", "state": "FAILED" });
    assert_eq!(send(&mut world, "POST", &format!("{path}/statuses/build"), None, Some(&body)).status, 401);
}

#[test]
fn headers_name_scopes_and_kind_and_only_access_tokens_see_the_limit() {
    let mut world = World::acme();
    let answer = get(&mut world, "/2.0/repositories/acme/api");
    assert_eq!(
        header(&answer, "x-oauth-scopes"),
        Some("read:repository:bitbucket, read:pullrequest:bitbucket")
    );
    assert_eq!(header(&answer, "x-accepted-oauth-scopes"), Some("read:repository:bitbucket"));
    assert_eq!(header(&answer, "x-credential-type"), Some("api_token"));
    assert_eq!(header(&answer, "x-request-count"), Some("1"));
    assert_eq!(header(&answer, "x-ratelimit-limit"), None);

    world.set_allowance(PROJECT_TOKEN, 201);
    for near in ["false", "true"] {
        let answer =
            send(&mut world, "GET", "/2.0/repositories/acme/api", Some(&bearer(PROJECT_TOKEN)), None);
        assert_eq!(header(&answer, "x-accepted-oauth-scopes"), Some("repository"));
        assert_eq!(header(&answer, "x-credential-type"), Some("project_access_token"));
        assert_eq!(header(&answer, "x-ratelimit-limit"), Some("1000"));
        assert_eq!(header(&answer, "x-ratelimit-nearlimit"), Some(near));
    }
}

#[test]
fn secrets_have_the_length_of_real_ones() {
    for (secret, prefix) in [
        (API_TOKEN, "ATATT3xFfGF0"),
        (API_TOKEN_REPOSITORY_ONLY, "ATATT3xFfGF0"),
        (API_TOKEN_WRITE_ONLY, "ATATT3xFfGF0"),
        (API_TOKEN_CLASSIC, "ATATT3xFfGF0"),
        (API_TOKEN_EXPIRED, "ATATT3xFfGF0"),
        (API_TOKEN_OF_JANE, "ATATT3xFfGF0"),
        (API_TOKEN_OF_ADMIN, "ATATT3xFfGF0"),
        (REPOSITORY_TOKEN, "ATCTT3xFfGN0"),
        (REPOSITORY_TOKEN_REPOSITORY_ONLY, "ATCTT3xFfGN0"),
        (REPOSITORY_TOKEN_OF_WEB, "ATCTT3xFfGN0"),
        (PROJECT_TOKEN, "ATCTT3xFfGN0"),
        (WORKSPACE_TOKEN, "ATCTT3xFfGN0"),
        (REVOKED_TOKEN, "ATCTT3xFfGN0"),
    ] {
        assert!(secret.starts_with(prefix), "{secret}");
        assert_eq!((secret.len(), secret.find('=')), (192, Some(183)), "{secret}");
    }
    assert_eq!(APP_PASSWORD.len(), 36);
}

#[test]
fn finds_parts_of_secrets_wherever_they_were_cut() {
    use crate::{Gatepost, PROJECT_ANALYSIS_TOKEN, Program};

    let run = Gatepost::bare(Program::Binary("gatepost".into()))
        .set("SONAR_TOKEN", PROJECT_ANALYSIS_TOKEN)
        .set("BITBUCKET_ACCESS_TOKEN", REPOSITORY_TOKEN);
    run.assert_no_secret("sqp_ ATCTT3xFfGN0 decadeface");
    for (secret, prefix) in [(PROJECT_ANALYSIS_TOKEN, 4), (REPOSITORY_TOKEN, 12)] {
        for start in [prefix, prefix + 5, secret.len() - 12] {
            let shown = &secret[start..start + 12];
            std::panic::catch_unwind(|| run.assert_no_secret(shown)).expect_err(shown);
        }
    }
}
