//! Tables of known answers, and the reasons that Gatepost gives for each.

use super::*;

/// For a kind of credential and a status: the envelopes that are explained alike, with the explanation.
fn explained_alike(kind: &str, header: &str, status: u16) -> Vec<(String, Vec<&'static str>)> {
    let mut rows: Vec<(String, Vec<&str>)> = Vec::new();
    for (envelope, body) in ENVELOPES {
        let answer = answer(status, &[("x-credential-type", header)], body.as_bytes());
        let explanation = explain(&status_refused(credential(kind), Cause::Refused(answer)));
        for Reason { why, remedy, .. } in &explanation.reasons {
            assert!(!why.is_empty() && !remedy.is_empty(), "{kind} {status} {envelope}");
        }
        let told = titles(&explanation);
        assert!(!told.is_empty(), "{kind} {status} {envelope}");
        match rows.iter_mut().find(|(known, _)| *known == told) {
            Some((_, envelopes)) => envelopes.push(envelope),
            None => rows.push((told, vec![envelope])),
        }
    }
    rows
}

/// Kind of credential x status x envelope, with the reasons.
fn combinations(kinds: &[(&str, &str)]) -> String {
    let mut table = String::new();
    for (kind, header) in kinds {
        for status in [400, 401, 403, 404, 410, 429] {
            for (told, envelopes) in explained_alike(kind, header, status) {
                writeln!(table, "{kind} {status} ({}): {told}", envelopes.join(", ")).unwrap();
            }
        }
    }
    table
}

/// Each has a reason and something to do.
#[test]
fn every_combination_is_explained() {
    insta::assert_snapshot!(combinations(&KINDS[..5]), @"
    API token 400 (detail text, code, plain): A value that Bitbucket does not accept
    API token 400 (detail lists): An API token without the required scope
    API token 400 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    API token 400 (empty): An API token without scopes
    API token 401 (detail text, code, plain, empty): An API token that expired, was revoked, or was copied incompletely | An API token with the e-mail address of another account, or not the full one | An API token without scopes
    API token 401 (detail lists): An API token without the required scope
    API token 401 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    API token 403 (detail text, code, plain, empty): A status with the same KEY that another user or token created | A workspace that restricts access | An API token without the required scope
    API token 403 (detail lists): An API token without the required scope
    API token 403 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    API token 404 (detail text, code, plain, empty): A commit that Bitbucket does not know | A wrong slug or workspace, or a repository that the credential may not see
    API token 404 (detail lists): An API token without the required scope
    API token 404 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    API token 410 (detail text, detail lists, code, plain, empty): An operation that Bitbucket removed
    API token 410 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    API token 429 (detail text, detail lists, code, plain, html, empty): Too many requests
    repository 400 (detail text, code, plain): A value that Bitbucket does not accept
    repository 400 (detail lists): An access token without the required scope
    repository 400 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    repository 400 (empty): Bitbucket gives no reason, which is not 
    repository 401 (detail text, code, plain, empty): An access token that expired, was revoked, or was copied incompletely | A token of another product of Atlassian
    repository 401 (detail lists): An access token without the required scope
    repository 401 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    repository 403 (detail text, code, plain, empty): A status with the same KEY that another user or token created | A workspace that restricts access | An access token without the required scope
    repository 403 (detail lists): An access token without the required scope
    repository 403 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    repository 404 (detail text, code, plain, empty): A commit that Bitbucket does not know | A repository access token for another repository | A wrong slug or workspace, or a repository that the credential may not see
    repository 404 (detail lists): An access token without the required scope
    repository 404 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    repository 410 (detail text, detail lists, code, plain, empty): An operation that Bitbucket removed
    repository 410 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    repository 429 (detail text, detail lists, code, plain, html, empty): Too many requests
    project 400 (detail text, code, plain): A value that Bitbucket does not accept
    project 400 (detail lists): An access token without the required scope
    project 400 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    project 400 (empty): Bitbucket gives no reason, which is not 
    project 401 (detail text, code, plain, empty): An access token that expired, was revoked, or was copied incompletely | A token of another product of Atlassian
    project 401 (detail lists): An access token without the required scope
    project 401 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    project 403 (detail text, code, plain, empty): A status with the same KEY that another user or token created | A workspace that restricts access | An access token without the required scope
    project 403 (detail lists): An access token without the required scope
    project 403 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    project 404 (detail text, code, plain, empty): A commit that Bitbucket does not know | A repository access token for another repository | A wrong slug or workspace, or a repository that the credential may not see
    project 404 (detail lists): An access token without the required scope
    project 404 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    project 410 (detail text, detail lists, code, plain, empty): An operation that Bitbucket removed
    project 410 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    project 429 (detail text, detail lists, code, plain, html, empty): Too many requests
    workspace 400 (detail text, code, plain): A value that Bitbucket does not accept
    workspace 400 (detail lists): An access token without the required scope
    workspace 400 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    workspace 400 (empty): Bitbucket gives no reason, which is not 
    workspace 401 (detail text, code, plain, empty): An access token that expired, was revoked, or was copied incompletely | A token of another product of Atlassian
    workspace 401 (detail lists): An access token without the required scope
    workspace 401 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    workspace 403 (detail text, code, plain, empty): A status with the same KEY that another user or token created | A workspace that restricts access | An access token without the required scope
    workspace 403 (detail lists): An access token without the required scope
    workspace 403 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    workspace 404 (detail text, code, plain, empty): A commit that Bitbucket does not know | A wrong slug or workspace, or a repository that the credential may not see | A repository access token for another repository
    workspace 404 (detail lists): An access token without the required scope
    workspace 404 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    workspace 410 (detail text, detail lists, code, plain, empty): An operation that Bitbucket removed
    workspace 410 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    workspace 429 (detail text, detail lists, code, plain, html, empty): Too many requests
    OAuth 400 (detail text, code, plain): A value that Bitbucket does not accept
    OAuth 400 (detail lists): An access token without the required scope
    OAuth 400 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    OAuth 400 (empty): Bitbucket gives no reason, which is not 
    OAuth 401 (detail text, code, plain, empty): An OAuth token as BITBUCKET_ACCESS_TOKEN | An access token that expired, was revoked, or was copied incompletely
    OAuth 401 (detail lists): An access token without the required scope
    OAuth 401 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    OAuth 403 (detail text, code, plain, empty): A status with the same KEY that another user or token created | A workspace that restricts access | An access token without the required scope
    OAuth 403 (detail lists): An access token without the required scope
    OAuth 403 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    OAuth 404 (detail text, code, plain, empty): A commit that Bitbucket does not know | A repository access token for another repository | A wrong slug or workspace, or a repository that the credential may not see
    OAuth 404 (detail lists): An access token without the required scope
    OAuth 404 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    OAuth 410 (detail text, detail lists, code, plain, empty): An operation that Bitbucket removed
    OAuth 410 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    OAuth 429 (detail text, detail lists, code, plain, html, empty): Too many requests
    ");
}

#[test]
fn every_answer_to_a_consumer_is_explained() {
    insta::assert_snapshot!(combinations(&KINDS[5..]), @"
    consumer 400 (detail text, code, plain): A value that Bitbucket does not accept
    consumer 400 (detail lists): An OAuth consumer without the required scope
    consumer 400 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    consumer 400 (empty): Bitbucket gives no reason, which is not 
    consumer 401 (detail text, code, plain, empty): A token that an OAuth consumer was given, and that does not work
    consumer 401 (detail lists): An OAuth consumer without the required scope
    consumer 401 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    consumer 403 (detail text, code, plain, empty): A status with the same KEY that another user or token created | A workspace that restricts access | An OAuth consumer without the required scope
    consumer 403 (detail lists): An OAuth consumer without the required scope
    consumer 403 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    consumer 404 (detail text, code, plain, empty): A commit that Bitbucket does not know | A wrong slug or workspace, or a repository that the credential may not see | An OAuth consumer of another workspace
    consumer 404 (detail lists): An OAuth consumer without the required scope
    consumer 404 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    consumer 410 (detail text, detail lists, code, plain, empty): An operation that Bitbucket removed
    consumer 410 (html): The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    consumer 429 (detail text, detail lists, code, plain, html, empty): Too many requests
    ");
}

/// What Bitbucket answers when a consumer asks for a token, and the reasons; the sandbox names the sources.
#[test]
fn every_refused_token_of_a_consumer_is_explained() {
    let mut table = String::new();
    for (status, body) in [
        (400, r#"{"error":"unauthorized_client","error_description":"Invalid OAuth client credentials"}"#),
        (
            400,
            r#"{"error":"unauthorized_client","error_description":"Requests must be authenticated using OAuth client credentials"}"#,
        ),
        (401, r#"{"error":"invalid_client"}"#),
        (
            400,
            r#"{"error":"invalid_request","error_description":"No callback uri defined for the OAuth client."}"#,
        ),
        (
            400,
            r#"{"error":"invalid_grant","error_description":"Cannot use client_credentials with a consumer marked as \"public\". Calls for auto generated consumers should use urn:bitbucket:oauth2:jwt instead."}"#,
        ),
        (400, r#"{"error":"invalid_grant","error_description":"This consumer is not private"}"#),
        (400, r#"{"error":"invalid_grant"}"#),
        (403, "Forbidden"),
        (404, ""),
        (403, "<html><title>Sign in</title></html>"),
        (403, "Your IP address is not on the allowlist"),
        (429, "Rate limit for this resource has been exceeded"),
        (503, ""),
    ] {
        let cause = Cause::Refused(answer(status, &[], body.as_bytes()));
        let refusal = refusal(Purpose::GetToken, credential("consumer"), cause);
        writeln!(table, "{}: {}", refusal.failed.answered(), titles(&explain(&refusal))).unwrap();
    }
    insta::assert_snapshot!(table, @r#"
    400 Bad Request, "unauthorized_client: Invalid OAuth client credentials": A wrong key or secret of an OAuth consumer | An OAuth consumer that was deleted
    400 Bad Request, "unauthorized_client: Requests must be authenticated using OAuth client credentials": A wrong key or secret of an OAuth consumer | An OAuth consumer that was deleted
    401 Unauthorized, "invalid_client": A wrong key or secret of an OAuth consumer | An OAuth consumer that was deleted
    400 Bad Request, "invalid_request: No callback uri defined for the OAuth client.": An OAuth consumer without a "Callback URL"
    400 Bad Request, "invalid_grant: Cannot use client_credentials with a consumer marked as "public". Calls for auto generated consumers should use urn:bitbucket:oauth2:jwt instead.": An OAuth consumer that is not private
    400 Bad Request, "invalid_grant: This consumer is not private": An OAuth consumer that is not private
    400 Bad Request, "invalid_grant": A wrong key or secret of an OAuth consumer | An OAuth consumer that is not private | An OAuth consumer without a "Callback URL"
    403 Forbidden, "Forbidden": Gatepost does not know this answer
    404 Not Found, an empty body: Gatepost does not know this answer
    403 Forbidden, an HTML page with the title "Sign in": The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    403 Forbidden, "Your IP address is not on the allowlist": A workspace that restricts access
    429 Too Many Requests, "Rate limit for this resource has been exceeded": Too many requests
    503 Service Unavailable, an empty body: Bitbucket has a problem
    "#);
}

const REJECTED: &str = r#"{"type":"error","error":{"message":"Token is invalid, expired, or not supported for this endpoint."}}"#;
const LACKING: &str = r#"{"type":"error","error":{"message":"Your credentials lack one or more required privilege scopes.","detail":{"required":["read:user:bitbucket"],"granted":["read:repository:bitbucket"]}}}"#;
const MECHANISM: &str =
    r#"{"type":"error","error":{"message":"This API is not accessible by this authentication mechanism"}}"#;
const HIDDEN: &str = r#"{"type":"error","error":{"message":"You may not have access to this repository or it no longer exists in this workspace. If you think this repository exists and you have access, make sure you are authenticated."}}"#;
const MOVED: &str = r#"{"type":"error","error":{"message":"CHANGE-2770 - Functionality has been deprecated","detail":"Please read the changelog entry for more details.","data":{"announcement_url":"https://developer.atlassian.com/cloud/bitbucket/changelog#CHANGE-2770"}}}"#;

/// Answers as they were seen or published (the handbook and the sandbox name the sources): to which kind of credential,
/// about what, the status and the body.
const KNOWN_ANSWERS: &[(&str, &str, u16, &str)] = &[
    ("API token", "status", 401, REJECTED),
    (
        "API token",
        "status",
        401,
        r#"{"error":{"message":"Token is invalid or not supported for this endpoint."}}"#,
    ),
    ("password", "status", 401, REJECTED),
    ("repository", "status", 401, REJECTED),
    ("OAuth", "status", 401, REJECTED),
    ("repository", "status", 401, r#"{"error":{"message":"Access token expired."}}"#),
    (
        "OAuth",
        "status",
        401,
        r#"{"error":{"message":"OAuth2 access token expired. Use your refresh token to obtain a new access token"}}"#,
    ),
    (
        "API token",
        "status",
        401,
        "Bitbucket Cloud recently stopped supporting account passwords for API authentication.",
    ),
    ("API token", "status", 403, LACKING),
    ("API token", "status", 403, "Your credentials lack one or more required privilege scopes."),
    ("API token", "status", 403, MECHANISM),
    ("repository", "status", 403, MECHANISM),
    (
        "repository",
        "status",
        403,
        r#"{"error":{"message":"To access this repository, an admin of the workspace must add your IP address to the allowlist"}}"#,
    ),
    ("repository", "status", 403, r#"{"error":{"message":"Forbidden"}}"#),
    ("repository", "repository", 403, r#"{"error":{"message":"Forbidden"}}"#),
    ("API token", "branch", 403, ""),
    ("repository", "status", 404, HIDDEN),
    (
        "API token",
        "status",
        404,
        r#"{"error":{"message":"The requested repository either does not exist or you do not have access. If you believe this repository exists and you have access, make sure you're authenticated."}}"#,
    ),
    ("API token", "status", 404, r#"{"error":{"message":"No workspace with identifier 'acne'."}}"#),
    (
        "API token",
        "status",
        404,
        r#"{"type":"error","error":{"message":"Commit not found","data":{"shas":["main"]}},"data":{"shas":["main"]}}"#,
    ),
    ("API token", "pull request", 404, r#"{"error":{"message":"Pull request not found"}}"#),
    ("API token", "pull request", 404, r#"{"error":{"message":"No such thing"}}"#),
    ("API token", "branch", 404, r#"{"error":{"message":"Branch not found"}}"#),
    ("API token", "branch", 404, r#"{"error":{"message":"No such thing"}}"#),
    (
        "API token",
        "status",
        404,
        r#"{"error":{"message":"Resource not found","detail":"There is no API hosted at this URL.\n\nFor information about our API's, ..."}}"#,
    ),
    (
        "API token",
        "status",
        404,
        r#"{"errors":[{"context":null,"message":"Repository acme/api does not exist.","exceptionName":"com.atlassian.bitbucket.repository.NoSuchRepositoryException"}]}"#,
    ),
    (
        "API token",
        "status",
        404,
        r#"{"message":"null for uri: http://git.acme.example/rest/x","status-code":404}"#,
    ),
    (
        "repository",
        "status",
        400,
        r#"{"error":{"fields":{"key":["Ensure this value has at most 40 characters (it has 47)."]},"message":"Bad request"}}"#,
    ),
    (
        "repository",
        "status",
        400,
        r#"{"error":{"message":"key: Ensure this value has at most 40 characters (it has 53)."}}"#,
    ),
    (
        "repository",
        "status",
        400,
        r#"{"error":{"fields":{"url":["Enter a valid URL."]},"message":"url: Enter a valid URL."}}"#,
    ),
    (
        "repository",
        "status",
        400,
        r#"{"error":{"fields":{"name":["Ensure this value has at most 255 characters (it has 256)."]},"message":"Bad request"}}"#,
    ),
    (
        "repository",
        "status",
        422,
        r#"{"error":{"fields":{"state":["Select a valid choice."]},"message":"Bad request"}}"#,
    ),
    ("repository", "branch", 400, r#"{"error":{"message":"Bad request"}}"#),
    ("repository", "status", 400, ""),
    (
        "API token",
        "status",
        410,
        r#"{"error":{"message":"CHANGE-3222 - Functionality has been deprecated"}}"#,
    ),
    ("repository", "status", 410, MOVED),
    ("repository", "status", 429, "Rate limit for this resource has been exceeded"),
    ("repository", "status", 503, "<html><title>503</title></html>"),
    ("repository", "status", 418, "short and stout"),
];

#[test]
fn the_words_that_are_known_settle_the_reason() {
    let purpose = |about| match about {
        "status" => post(),
        "branch" => Purpose::FindBranch(repository(), "main".to_owned()),
        "pull request" => Purpose::FindPullRequest(repository(), PullRequestId(7)),
        _ => Purpose::ReadRepository(repository()),
    };
    let told: Vec<_> = KNOWN_ANSWERS
        .iter()
        .map(|(kind, about, status, body)| {
            let refusal =
                refused(purpose(about), kind, answer(*status, &[], body.as_bytes()), Evidence::default());
            let explanation = explain(&refusal);
            let said: String = body.chars().take(60).collect();
            format!("{kind}, {about}, {status} {said}\n    {}", titles(&explanation))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    API token, status, 401 {"type":"error","error":{"message":"Token is invalid, expire
        An API token that expired, was revoked, or was copied incompletely | An API token with the e-mail address of another account, or not the full one | An API token without scopes
    API token, status, 401 {"error":{"message":"Token is invalid or not supported for t
        An API token that expired, was revoked, or was copied incompletely | An API token with the e-mail address of another account, or not the full one | An API token without scopes
    password, status, 401 {"type":"error","error":{"message":"Token is invalid, expire
        ATLASSIAN_API_TOKEN does not hold an API token | An API token that expired, was revoked, or was copied incompletely | An API token with the e-mail address of another account, or not the full one
    repository, status, 401 {"type":"error","error":{"message":"Token is invalid, expire
        An access token that expired, was revoked, or was copied incompletely | A token of another product of Atlassian
    OAuth, status, 401 {"type":"error","error":{"message":"Token is invalid, expire
        An OAuth token as BITBUCKET_ACCESS_TOKEN | An access token that expired, was revoked, or was copied incompletely
    repository, status, 401 {"error":{"message":"Access token expired."}}
        An access token that expired, was revoked, or was copied incompletely
    OAuth, status, 401 {"error":{"message":"OAuth2 access token expired. Use your r
        An OAuth token as BITBUCKET_ACCESS_TOKEN
    API token, status, 401 Bitbucket Cloud recently stopped supporting account password
        An app password
    API token, status, 403 {"type":"error","error":{"message":"Your credentials lack on
        An API token without the required scope
    API token, status, 403 Your credentials lack one or more required privilege scopes.
        An API token without the required scope
    API token, status, 403 {"type":"error","error":{"message":"This API is not accessib
        An operation that does not accept this kind of token
    repository, status, 403 {"type":"error","error":{"message":"This API is not accessib
        An operation that does not accept this kind of token
    repository, status, 403 {"error":{"message":"To access this repository, an admin of 
        A workspace that restricts access
    repository, status, 403 {"error":{"message":"Forbidden"}}
        A status with the same KEY that another user or token created | A workspace that restricts access | An access token without the required scope
    repository, repository, 403 {"error":{"message":"Forbidden"}}
        A repository access token for another repository | A wrong slug or workspace, or a repository that the credential may not see | A workspace that restricts access
    API token, branch, 403 
        A wrong slug or workspace, or a repository that the credential may not see | A workspace that restricts access | An API token without the required scope
    repository, status, 404 {"type":"error","error":{"message":"You may not have access 
        A repository access token for another repository | A wrong slug or workspace, or a repository that the credential may not see
    API token, status, 404 {"error":{"message":"The requested repository either does no
        A wrong slug or workspace, or a repository that the credential may not see
    API token, status, 404 {"error":{"message":"No workspace with identifier 'acne'."}}
        A workspace that does not exist
    API token, status, 404 {"type":"error","error":{"message":"Commit not found","data"
        A commit that Bitbucket does not know
    API token, pull request, 404 {"error":{"message":"Pull request not found"}}
        A pull request that does not exist
    API token, pull request, 404 {"error":{"message":"No such thing"}}
        A pull request that does not exist | A wrong slug or workspace, or a repository that the credential may not see
    API token, branch, 404 {"error":{"message":"Branch not found"}}
        A branch that does not exist
    API token, branch, 404 {"error":{"message":"No such thing"}}
        A branch that does not exist | A wrong slug or workspace, or a repository that the credential may not see
    API token, status, 404 {"error":{"message":"Resource not found","detail":"There is 
        The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    API token, status, 404 {"errors":[{"context":null,"message":"Repository acme/api do
        The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    API token, status, 404 {"message":"null for uri: http://git.acme.example/rest/x","s
        The address of Bitbucket Data Center, or another address that is not the API of Bitbucket Cloud
    repository, status, 400 {"error":{"fields":{"key":["Ensure this value has at most 40
        A KEY of more than 40 characters
    repository, status, 400 {"error":{"message":"key: Ensure this value has at most 40 c
        A KEY of more than 40 characters
    repository, status, 400 {"error":{"fields":{"url":["Enter a valid URL."]},"message":
        A link to http://sonarqube:9000 or localhost
    repository, status, 400 {"error":{"fields":{"name":["Ensure this value has at most 2
        A value that Bitbucket does not accept
    repository, status, 422 {"error":{"fields":{"state":["Select a valid choice."]},"mes
        A value that Bitbucket does not accept
    repository, branch, 400 {"error":{"message":"Bad request"}}
        Bitbucket does not accept the request; i
    repository, status, 400 
        Bitbucket gives no reason, which is not 
    API token, status, 410 {"error":{"message":"CHANGE-3222 - Functionality has been de
        An app password
    repository, status, 410 {"type":"error","error":{"message":"CHANGE-2770 - Functional
        An operation that Bitbucket removed
    repository, status, 429 Rate limit for this resource has been exceeded
        Too many requests
    repository, status, 503 <html><title>503</title></html>
        Bitbucket has a problem
    repository, status, 418 short and stout
        Gatepost does not know this answer
    "#);
}
