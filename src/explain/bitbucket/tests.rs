//! What is said of every answer that is known, and of whatever else may come.

mod tables;

use std::{rc::Rc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use proptest::prelude::*;
use reqwest::{
    Method, StatusCode, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};

use super::*;
use crate::{
    bitbucket::{credential::Credential, refusal::Creator},
    console::secrets::Secrets,
    http::{
        body::Body,
        failed_request::{FailedRequest, Service, Unusable},
        throttle::{Outage, Throttle},
        transport::Failure,
    },
    model::{
        status::StatusKey,
        target::{CommitHash, PullRequestId, Repository},
    },
};

const API_TOKEN: &str = "ATATT3xFfGF0abcdefghijklmnopqrstuvwxyz=5A4DB0C5";
const ACCESS_TOKEN: &str = "ATCTT3xFfGN0abcdefghijklmnopqrstuvwxyz=5A4DB0C5";
const OAUTH_TOKEN: &str = "b3BhcXVlLW9hdXRoLXRva2Vu";
const CONSUMER_KEY: &str = "f4hJr8wQx2LmZc7TnB";
const CONSUMER_SECRET: &str = "q9vXc2RtYp7LwKz4NsBh3JdGf6MaUe8T";

fn answer(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Response {
    let header = |(name, value): &(&str, &str)| {
        (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap())
    };
    Response {
        status_code: StatusCode::from_u16(status).unwrap(),
        headers: headers.iter().map(header).collect::<HeaderMap>(),
        body: Body::new(body.to_vec(), false),
    }
}

fn credential(kind: &str) -> CredentialKind {
    match kind {
        "API token" => CredentialKind::ApiToken {
            email: "ci@acme.example".to_owned(),
            token: API_TOKEN.to_owned().into(),
        },
        "password" => CredentialKind::ApiToken {
            email: "ci@acme.example".to_owned(),
            token: "Xk3mD8vQz1Lw9RtYp2Ns".to_owned().into(),
        },
        "consumer" => CredentialKind::OauthConsumer {
            key: CONSUMER_KEY.to_owned().into(),
            secret: CONSUMER_SECRET.to_owned().into(),
        },
        "OAuth" => CredentialKind::AccessToken { token: OAUTH_TOKEN.to_owned().into(), entry: None },
        _ => CredentialKind::AccessToken { token: ACCESS_TOKEN.to_owned().into(), entry: None },
    }
}

fn repository() -> Repository {
    Repository::from_full_name("acme/api").unwrap()
}

fn refusal(purpose: Purpose, credential: CredentialKind, cause: Cause) -> Refusal {
    let throttle = Rc::new(Throttle::new(Duration::ZERO, Outage::default()));
    let credential = Rc::new(Credential::new(credential, throttle));
    let failed = FailedRequest {
        service: Service::Bitbucket,
        method: Method::POST,
        url: Url::parse("https://api.bitbucket.org/2.0/x").unwrap(),
        authorization: credential.authorization.description.clone(),
        cause,
        attempts: 1,
        retry_after: None,
    };
    Refusal::new(purpose, credential, failed)
}

fn status_refused(credential: CredentialKind, cause: Cause) -> Refusal {
    refusal(post(), credential, cause)
}

/// The titles of the reasons, or their beginnings when they are not in the handbook.
fn titles(explanation: &Explanation) -> String {
    let title = |reason: &Reason| match reason.trouble {
        Some(trouble) => trouble.title.to_owned(),
        None => reason.why.chars().take(40).collect(),
    };
    explanation.reasons.iter().map(title).collect::<Vec<_>>().join(" | ")
}

const KINDS: [(&str, &str); 6] = [
    ("API token", "api_token"),
    ("repository", "repo_access_token"),
    ("project", "project_access_token"),
    ("workspace", "workspace_access_token"),
    ("OAuth", ""),
    ("consumer", ""),
];
const ENVELOPES: [(&str, &str); 6] = [
    ("detail text", r#"{"type":"error","error":{"message":"No.","detail":"Really."}}"#),
    (
        "detail lists",
        r#"{"type":"error","error":{"message":"No.","detail":{"required":["needed"],"granted":["given"]}}}"#,
    ),
    ("code", r#"{"code":400,"message":"No."}"#),
    ("plain", "No."),
    ("html", "<html><title>No.</title></html>"),
    ("empty", ""),
];

#[test]
fn headers_tell_a_scope_that_the_body_does_not() {
    let headers = [("x-oauth-scopes", "webhook, project:admin"), ("x-accepted-oauth-scopes", "repository")];
    let refusal = status_refused(credential("workspace"), Cause::Refused(answer(403, &headers, b"")));
    insta::assert_snapshot!(explain(&refusal).reasons[0].why, @"the access token lacks the scope repository; it has: webhook, project:admin");
}

#[test]
fn what_further_reads_told_settles_the_reason() {
    let explained = |status, evidence: Evidence| {
        let cause = Cause::Refused(answer(status, &[], br#"{"error":{"message":"No."}}"#));
        let refusal = Refusal { evidence, ..status_refused(credential("repository"), cause) };
        titles(&explain(&refusal))
    };
    let evidence = Evidence::default;
    let creator =
        Creator { name: "jane".to_owned(), is_person: Some(true), day: Some("2026-11-02".to_owned()) };
    let told = [
        explained(404, Evidence { reads_repository: Some(false), ..evidence() }),
        explained(404, Evidence { reads_repository: Some(true), has_commit: Some(false), ..evidence() }),
        explained(404, Evidence { reads_repository: Some(true), has_commit: Some(true), ..evidence() }),
        explained(404, Evidence { reads_repository: Some(true), ..evidence() }),
        explained(403, Evidence { creator: Some(StatusCreator::NoStatus), ..evidence() }),
        explained(403, Evidence { creator: Some(StatusCreator::Unnamed), ..evidence() }),
        explained(403, Evidence { creator: Some(StatusCreator::Named(creator.clone())), ..evidence() }),
        explained(409, Evidence { creator: Some(StatusCreator::Named(creator)), ..evidence() }),
        explained(409, evidence()),
        explained(409, Evidence { creator: Some(StatusCreator::NoStatus), ..evidence() }),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    A repository access token for another repository | A wrong slug or workspace, or a repository that the credential may not see
    A commit that Bitbucket does not know
    Bitbucket shows commit 8d081548cabb of a
    A commit that Bitbucket does not know
    A workspace that restricts access | An access token without the required scope
    A status with the same KEY that another user or token created | A workspace that restricts access | An access token without the required scope
    A status with the same KEY that another user or token created | A workspace that restricts access | An access token without the required scope
    A repository or a workspace that takes no writes
    A repository or a workspace that takes no writes
    A repository or a workspace that takes no writes
    ");
}

#[test]
fn a_lookup_that_finds_nothing_is_no_hidden_repository() {
    let cause = || Cause::Refused(answer(404, &[], br#"{"error":{"message":"Pull request not found"}}"#));
    let purpose = Purpose::FindPullRequest(repository(), PullRequestId(7));
    let refusal = refusal(purpose, credential("repository"), cause());
    assert_eq!(titles(&explain(&refusal)), handbook::NO_PULL_REQUEST.title);
}

#[test]
fn a_redirect_names_the_address_without_its_query() {
    let answer = answer(302, &[("location", "https://evil.example/?token=abc")], b"");
    let explanation = explain(&status_refused(credential("API token"), Cause::Refused(answer)));
    assert!(explanation.reasons[0].why.contains("points to https://evil.example/, "), "{explanation:?}");
    assert!(!explanation.reasons[0].why.contains("abc"));
}

/// All that is shown of a refusal, as the console shows it.
fn shown(refusal: &Refusal, secrets: &Secrets) -> String {
    let explanation = explain(refusal);
    let text = format!("{refusal} {} {} {explanation:?}", refusal.failed.sent(), refusal.failed.answered());
    secrets.hide(&text)
}

/// What a request for something else than a status is told.
fn refused(purpose: Purpose, kind: &str, answer: Response, evidence: Evidence) -> Refusal {
    Refusal { evidence, ..refusal(purpose, credential(kind), Cause::Refused(answer)) }
}

fn post() -> Purpose {
    Purpose::PostStatus(repository(), CommitHash::parse("8d081548cabb").unwrap())
}

/// The remedies of the cases that have one of their own.
#[test]
fn what_to_do_fits_the_case() {
    let remedy = |refusal: &Refusal| explain(refusal).reasons[0].remedy.clone();
    let lacking = r#"{"error":{"message":"No.","detail":{"required":["read:user:bitbucket"],"granted":[]}}}"#;
    let other_scope = refused(post(), "API token", answer(403, &[], lacking.as_bytes()), Evidence::default());
    assert!(
        remedy(&other_scope).ends_with("; add the scope read:user:bitbucket"),
        "{}",
        remedy(&other_scope)
    );
    let mechanism = br#"{"error":{"message":"This API is not accessible by this authentication mechanism"}}"#;
    for (kind, other) in [("API token", "BITBUCKET_ACCESS_TOKEN"), ("repository", "ATLASSIAN_API_TOKEN")] {
        let refusal = refused(post(), kind, answer(403, &[], mechanism), Evidence::default());
        assert!(remedy(&refusal).contains(other), "{}", remedy(&refusal));
    }
    let unknown = || answer(404, &[], br#"{"error":{"message":"Commit not found"}}"#);
    let asked = Evidence { pull_request: PullRequestSays::NothingNew, ..Evidence::default() };
    assert!(
        remedy(&refused(post(), "API token", unknown(), Evidence::default())).contains("pass PULL_REQUEST")
    );
    assert!(!remedy(&refused(post(), "API token", unknown(), asked)).contains("pass PULL_REQUEST"));
}

/// What the run has seen is said to be there no more.
#[test]
fn a_repository_that_was_seen_is_not_hidden() {
    let seen = || Evidence { reads_repository: Some(true), ..Evidence::default() };
    let no_such = || answer(404, &[], br#"{"error":{"message":"No such thing"}}"#);
    let find = Purpose::FindPullRequest(repository(), PullRequestId(7));
    assert_eq!(
        titles(&explain(&refused(find, "repository", no_such(), seen()))),
        handbook::NO_PULL_REQUEST.title
    );
    let find = Purpose::FindBranch(repository(), "main".to_owned());
    assert_eq!(titles(&explain(&refused(find, "repository", no_such(), seen()))), handbook::NO_BRANCH.title);
    // And one whose status may not even be read is.
    let kept_out = Evidence { reads_repository: Some(false), ..Evidence::default() };
    let told = titles(&explain(&refused(post(), "API token", answer(403, &[], b""), kept_out)));
    assert!(!told.contains(handbook::ANOTHERS_STATUS.title), "{told}");
    assert!(told.starts_with(handbook::WRONG_NAME.title), "{told}");
}

/// A lookup needs another scope than a status.
#[test]
fn headers_tell_a_scope_that_a_lookup_lacks() {
    let headers = [("x-oauth-scopes", "repository"), ("x-accepted-oauth-scopes", "pullrequest")];
    let find = Purpose::FindPullRequest(repository(), PullRequestId(7));
    let refusal = refused(find, "workspace", answer(403, &headers, b""), Evidence::default());
    assert_eq!(
        explain(&refusal).reasons[0].why,
        "the access token lacks the scope pullrequest; it has: repository"
    );
}

/// A company's host that does not answer may be that of Data Center.
#[test]
fn a_host_that_is_not_bitbuckets_may_be_another_product() {
    let no_connection = || Cause::NoResponse(Failure::Connection("refused".to_owned()));
    let at = |url: &str| {
        let mut refusal = status_refused(credential("API token"), no_connection());
        refusal.failed.url = Url::parse(url).unwrap();
        refusal
    };
    let otherwise = |refusal: &Refusal| explain(refusal).otherwise.and_then(|reason| reason.trouble);
    assert_eq!(otherwise(&at("https://git.acme.example/2.0/x")), Some(&handbook::NOT_THE_API));
    assert_eq!(otherwise(&at("https://api.bitbucket.org/2.0/x")), None);
    assert_eq!(otherwise(&at("http://127.0.0.1:7/2.0/x")), None);
}

/// Another host than that of the API gives the token.
#[test]
fn a_host_that_gives_no_token_may_be_behind_a_firewall() {
    let no_connection = || Cause::NoResponse(Failure::Connection("refused".to_owned()));
    let at = |url: &str| {
        let mut refusal = refusal(Purpose::GetToken, credential("consumer"), no_connection());
        refusal.failed.url = Url::parse(url).unwrap();
        explain(&refusal).otherwise.map(|reason| reason.remedy)
    };
    let remedy = at("https://bitbucket.org/site/oauth2/access_token").unwrap();
    assert!(remedy.starts_with("allow https to bitbucket.org as well"), "{remedy}");
    assert_eq!(at("http://127.0.0.1:7/site/oauth2/access_token"), None);
}

/// A refused token says nothing about a repository or a commit.
#[test]
fn a_refused_token_is_no_missing_commit() {
    let cause = Cause::Refused(answer(404, &[], br#"{"error":{"message":"Commit not found"}}"#));
    let refusal = refusal(Purpose::GetToken, credential("consumer"), cause);
    assert!(!refusal.is_not_found() && refusal.status_code().is_none());
}

fn purposes() -> impl Strategy<Value = Purpose> {
    let commit = || CommitHash::parse("8d081548cabb").unwrap();
    prop_oneof![
        Just(post()),
        Just(Purpose::GetToken),
        Just(Purpose::ReadRepository(repository())),
        Just(Purpose::ReadCommit(repository(), commit())),
        Just(Purpose::ReadCreator(repository(), commit())),
        Just(Purpose::ReadStatus(repository(), commit(), StatusKey::fit("sonar"))),
        Just(Purpose::ListStatuses(repository(), commit())),
        Just(Purpose::FindPullRequest(repository(), PullRequestId(7))),
        Just(Purpose::FindBranch(repository(), "main".to_owned())),
    ]
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    let creator = Creator { name: "jane".to_owned(), is_person: None, day: None };
    let owner = prop_oneof![
        Just(None),
        Just(Some(StatusCreator::NoStatus)),
        Just(Some(StatusCreator::Unnamed)),
        Just(Some(StatusCreator::Named(creator))),
    ];
    let head = CommitHash::parse("94277cd267a8").unwrap();
    let says = prop_oneof![
        Just(PullRequestSays::NotAsked),
        Just(PullRequestSays::NothingNew),
        Just(PullRequestSays::MovedOn(PullRequestId(7), head)),
    ];
    let seen = (any::<Option<bool>>(), any::<Option<bool>>(), owner);
    let found = (any::<bool>(), any::<bool>(), says);
    let posted = (any::<bool>(), prop::option::of(Just("http://sonarqube.k8s".to_owned())));
    (seen, found, posted).prop_map(
        |(
            (reads_repository, has_commit, creator),
            (is_fork, is_built, pull_request),
            (may_stand, refused_link),
        )| Evidence {
            reads_repository,
            has_commit,
            creator,
            is_fork,
            is_built,
            pull_request,
            may_stand,
            refused_link,
        },
    )
}

proptest! {
    #[test]
    fn whatever_comes_back_is_explained_and_no_secret_is_echoed(
        kind in 0..KINDS.len(),
        purpose in purposes(),
        evidence in any_evidence(),
        status in prop_oneof![100..1000_u16, prop_oneof![Just(400), Just(401), Just(403), Just(404), Just(410), Just(422), Just(429)]],
        headers in proptest::collection::vec((
            prop_oneof!["www-authenticate", "x-oauth-scopes", "x-accepted-oauth-scopes", "x-credential-type", "location", "x-ratelimit-limit"],
            "[ -~]{0,80}",
        ), 0..4),
        before in proptest::collection::vec(any::<u8>(), 0..300),
        after in proptest::collection::vec(any::<u8>(), 0..300),
        envelope in 0..ENVELOPES.len(),
        echo in any::<bool>(),
        as_sent in any::<bool>(),
        in_json in any::<bool>(),
        is_unusable in any::<bool>(),
    ) {
        let credential = credential(KINDS[kind].0);
        let token = credential.secret().unwrap().expose_secret().to_owned();
        let sent = match &credential {
            CredentialKind::ApiToken { email, .. } => BASE64_STANDARD.encode(format!("{email}:{token}")),
            CredentialKind::AccessToken { .. } | CredentialKind::PipelinesProxy => token.clone(),
            CredentialKind::OauthConsumer { .. } => BASE64_STANDARD.encode(format!("{CONSUMER_KEY}:{token}")),
        };
        let mut secrets = Secrets::default();
        secrets.add(&token);
        secrets.add(&sent);
        let echoed = match (echo, as_sent) {
            (false, _) => "",
            (true, true) => sent.as_str(),
            (true, false) => token.as_str(),
        };
        let body = if in_json {
            ENVELOPES[envelope].1.replace("No.", echoed).replace("given", echoed).into_bytes()
        } else {
            [&before[..], echoed.as_bytes(), &after].concat()
        };
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), format!("{value}{echoed}"))).collect();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = answer(status, &headers, &body);
        let cause = if is_unusable { Cause::Unusable(answer, Unusable::NotA("status")) } else { Cause::Refused(answer) };
        let refusal = Refusal { evidence, ..refusal(purpose, credential, cause) };
        let explanation = explain(&refusal);
        prop_assert!((1..=3).contains(&explanation.reasons.len()));
        for Reason { why, remedy, .. } in &explanation.reasons {
            prop_assert!(!why.is_empty() && !remedy.is_empty());
        }
        prop_assert!(refusal.failed.answered().chars().count() < 460);
        let shown = shown(&refusal, &secrets);
        for secret in [&token, &sent] {
            prop_assert!(!secret.as_bytes().windows(13).any(|part| shown.as_bytes().windows(13).any(|seen| seen == part)), "{}", shown);
        }
    }
}
