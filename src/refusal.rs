//! A request that did not get through: what was sent, what came back, why, and what to do.
//!
//! [`Refusal::explain`] is a pure function of that evidence.

use std::{
    borrow::Cow,
    fmt::{self, Write},
    time::Duration,
};

use reqwest::{Method, StatusCode, Url, header};
use serde_json::Value;

use crate::{
    credential::Credential,
    http::{Answer, Failure, rounded},
    service::{Reach, Service},
    text::{fit, one_line},
};

/// A request that did not get through.
#[derive(Debug)]
pub struct Refusal {
    /// Who refused, and as whom we asked.
    pub service: Service,
    /// What the request was for, to complete "failed to ...".
    pub purpose: String,
    /// The method.
    pub method: Method,
    /// The address.
    pub url: Url,
    /// What came back.
    pub came: Came,
    /// How often it was sent.
    pub attempts: u32,
    /// When trying again makes sense, if that was after the deadline.
    pub again_in: Option<Duration>,
}

/// What came back.
#[derive(Debug)]
pub enum Came {
    /// An answer that refuses.
    Refused(Answer),
    /// An answer that accepts but cannot be what the service says; with what is wrong with it.
    Unusable(Answer, &'static str),
    /// No whole answer.
    Nothing(Failure),
}

/// Why a request was refused and what to do about it; one entry per line.
#[derive(Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The reason, or the possible ones, likeliest first.
    pub why: Vec<Cow<'static, str>>,
    /// What to do.
    pub remedy: Vec<Cow<'static, str>>,
}

/// A pause that nobody waits for.
const LONG: Duration = Duration::from_hours(24);
/// How much of a service's text is repeated.
const WORDS_MAX_CHARS: usize = 300;

impl Refusal {
    /// The status code, when an answer came.
    pub const fn status(&self) -> Option<StatusCode> {
        match &self.came {
            Came::Refused(answer) | Came::Unusable(answer, _) => Some(answer.status),
            Came::Nothing(_) => None,
        }
    }

    /// What was sent, without the secret.
    pub fn sent(&self) -> String {
        let times = match self.attempts {
            1 => String::new(),
            attempts => format!(", {attempts} times"),
        };
        format!("{} {} {}{times}", self.method, self.url, self.service.with())
    }

    /// What came back, in the service's own words.
    pub fn answered(&self) -> String {
        match &self.came {
            Came::Refused(answer) => told(answer),
            Came::Unusable(answer, wrong) => format!("{}, but {wrong}", told(answer)),
            Came::Nothing(failure) => failure.to_string(),
        }
    }

    /// Why, and what to do.
    pub fn explain(&self) -> Explanation {
        let mut explanation = match (&self.service, &self.came) {
            (service, Came::Refused(answer))
                if answer.status.is_redirection() && answer.headers.contains_key(header::LOCATION) =>
            {
                explain_redirect(answer, &self.url, service.reach().address)
            }
            (Service::Bitbucket(credential), Came::Refused(answer)) => explain_bitbucket(answer, credential),
            (Service::SonarQube { token, .. }, Came::Refused(answer)) => {
                explain_sonarqube(answer, token.is_some())
            }
            (service, Came::Unusable(answer, _)) => explain_unusable(answer, service.reach()),
            (service, Came::Nothing(failure)) => explain_failure(failure, &self.url, service.reach()),
        };
        if let Some(pause) = self.again_in {
            let when = if pause > LONG {
                "only after more than a day".to_owned()
            } else {
                format!("in {} s", rounded(pause))
            };
            explanation.remedy.push(
                format!(
                    "{} asks to try again {when}; that is past TIMEOUT, so this run ends now",
                    self.service
                )
                .into(),
            );
        }
        explanation
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let came = match &self.came {
            Came::Refused(answer) | Came::Unusable(answer, _) => {
                format!("{} answered {}", self.service, answer.status)
            }
            Came::Nothing(failure) => failure.to_string(),
        };
        write!(f, "failed to {}: {came}", self.purpose)
    }
}

impl Explanation {
    fn of(why: impl Into<Cow<'static, str>>, remedy: impl Into<Cow<'static, str>>) -> Self {
        Self { why: vec![why.into()], remedy: vec![remedy.into()] }
    }
}

/// A redirect, of any service.
fn explain_redirect(answer: &Answer, url: &Url, address: &str) -> Explanation {
    let to = answer
        .headers
        .get(header::LOCATION)
        .and_then(|location| url.join(location.to_str().ok()?).ok())
        .and_then(|url| url.host_str().map(str::to_owned));
    Explanation::of(
        format!(
            "the service points to another address{}; Gatepost does not follow it, because the credential would go there",
            to.map(|host| format!(" on {host}")).unwrap_or_default()
        ),
        format!(
            "check {address}: https instead of http, another host, or a base path may be missing; a login page of the network also answers like this"
        ),
    )
}

fn explain_bitbucket(answer: &Answer, credential: &Credential) -> Explanation {
    let api_token = matches!(credential, Credential::ApiToken { .. });
    match answer.status.as_u16() {
        400 => Explanation::of(
            "Bitbucket does not accept a value of the request; its words name the field",
            "change the variable that fills the field (KEY, NAME, DESCRIPTION, URL, REFNAME); an answer without words usually means a token without scopes",
        ),
        401 if api_token => Explanation::of(
            "the e-mail address and the API token are not accepted together: the token has expired, was revoked, has no scopes for Bitbucket, or belongs to another account",
            "see id.atlassian.com > Security > API tokens; create a token with \"Create API token with scopes\" for the app Bitbucket, and check that ATLASSIAN_ACCOUNT_EMAIL is the address of the same account",
        ),
        401 => Explanation::of(
            "the access token is not accepted: it has expired, was revoked, or was copied incompletely",
            "see Access tokens in the settings of the repository, project or workspace; create a new one with the scope Repositories: Read and save it in BITBUCKET_ACCESS_TOKEN",
        ),
        403 => Explanation::of(
            "the token lacks a scope, or may not change what is there: only the creator of a status, or an admin of the repository, may overwrite it",
            "create a token with the scopes that the answer requires (the scopes of a token cannot be changed); if a status with this KEY was posted by somebody else, use another KEY",
        ),
        404 => Explanation::of(
            "the repository, commit, pull request or branch does not exist, or this credential may not see it: Bitbucket answers both alike",
            "compare the address above with the repository's page; a repository access token reaches its own repository only, for others use a project or workspace access token or an API token",
        ),
        410 => Explanation::of(
            "Bitbucket has removed what was asked for or the way it was authenticated; app passwords ended on 2026-07-28",
            "use an API token or an access token, and the newest version of Gatepost",
        ),
        429 => Explanation::of(
            "too many requests: Bitbucket allows about 1,000 an hour for each user, and access tokens have their own allowance",
            "run again later; give busy pipelines access tokens of their own",
        ),
        500..=599 | 408 | 425 => Explanation::of(
            "Bitbucket, or a proxy on the way, has a problem of its own",
            "see bitbucket.status.atlassian.com and run again; a higher TIMEOUT waits longer",
        ),
        _ => Explanation::of(
            "Gatepost does not know this answer",
            "see its words above and bitbucket.status.atlassian.com; check BITBUCKET_API_URL (https://api.bitbucket.org/2.0)",
        ),
    }
}

/// <https://docs.sonarsource.com/sonarqube-server/user-guide/managing-tokens>
fn explain_sonarqube(answer: &Answer, with_token: bool) -> Explanation {
    match answer.status.as_u16() {
        401 | 403 if !with_token => Explanation::of(
            "SonarQube does not tell this without a token",
            "pass SONAR_TOKEN; if a secured variable should have brought it, see that the pipe's `variables:` names it",
        ),
        401 => Explanation::of(
            "SonarQube does not accept SONAR_TOKEN: it has expired, was revoked, is of another server, or was copied incompletely",
            "create a token in SonarQube (My Account > Security) and save it in SONAR_TOKEN; check that SONAR_HOST_URL is the server it is of",
        ),
        403 => Explanation::of(
            "the token may not see this: the account needs 'Execute Analysis' or 'Browse' on the project, and a project analysis token sees its own project only",
            "use the token that the scanner uses, or one of an account with these permissions (Project Settings > Permissions)",
        ),
        404 => Explanation::of(
            "SonarQube does not know the task, the project, the branch or the pull request, or does not show it to this token; or the address lacks the server's base path",
            "check SONAR_HOST_URL (base path included), SONAR_PROJECT_KEY, SONAR_PULL_REQUEST and SONAR_BRANCH; tasks are forgotten after some time, and the Community Build knows no pull requests",
        ),
        429 => Explanation::of("too many requests", "run again later"),
        500..=599 | 408 | 425 => Explanation::of(
            "SonarQube is starting, is being upgraded, or has a problem of its own",
            "see its start page and its log, and run again; a higher TIMEOUT waits longer",
        ),
        _ => Explanation::of(
            "Gatepost does not know this answer",
            "see its words above; check that SONAR_HOST_URL is the address of SonarQube, base path included",
        ),
    }
}

fn explain_unusable(answer: &Answer, reach: Reach) -> Explanation {
    let Reach { address, .. } = reach;
    if serde_json::from_slice::<Value>(&answer.body).is_ok() {
        Explanation::of(
            format!("the service answers otherwise than it documents, or {address} is not its address"),
            format!("check {address}, and use the newest version of Gatepost"),
        )
    } else {
        Explanation::of(
            format!(
                "something between this machine and the service answered in its place, or {address} is not its address"
            ),
            format!("check HTTPS_PROXY and {address}; a login page of the network is a usual cause"),
        )
    }
}

fn explain_failure(failure: &Failure, url: &Url, reach: Reach) -> Explanation {
    let host = url.host_str().unwrap_or_default();
    let Reach { address, roots, health } = reach;
    match failure {
        Failure::UnknownHost(_) => Explanation::of(
            format!("this machine's name service knows no {host}"),
            format!(
                "check {address} for a misspelling; behind a proxy set HTTPS_PROXY; in a container see that the network and DNS work"
            ),
        ),
        Failure::Proxy(_) => Explanation::of(
            "the proxy does not let the connection through, or asks for another user name and password",
            "check HTTPS_PROXY; what has to be reached without it goes into NO_PROXY",
        ),
        Failure::Connection(_) => Explanation::of(
            format!("{host} does not take connections, or a firewall or proxy does not let them through"),
            format!(
                "check {address} and HTTPS_PROXY; in a container 127.0.0.1 is the container itself: use host.docker.internal"
            ),
        ),
        Failure::Certificate(_) => Explanation::of(
            "a proxy that opens TLS, a private authority, or a server that is not the one meant answers with a certificate of its own",
            format!(
                "if it is your company's, pass its root certificate in {roots}; a certificate's dates also fail when this machine's clock is wrong"
            ),
        ),
        Failure::Broken(_) => Explanation::of(
            "the service, or a proxy on the way, ended the connection early",
            "run again; if it stays, look at the proxy",
        ),
        Failure::Silent(_) => Explanation::of(
            "the service, or a proxy on the way, is slow or drops the connection silently",
            health,
        ),
    }
}

fn told(answer: &Answer) -> String {
    format!("{}, {}", answer.status, words(answer))
}

/// The service's words, whatever envelope they come in: `{"error": {"message", "detail"}}`,
/// `{"code", "message"}`, plain text, HTML, or none.
fn words(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    let text = text.trim();
    if text.is_empty() {
        return "without words".to_owned();
    }
    if let Some(message) = serde_json::from_str(text).ok().as_ref().and_then(message) {
        return format!("\"{}\"", fit(&one_line(&message), WORDS_MAX_CHARS));
    }
    if text.starts_with('<') {
        return match title(text) {
            Some(title) => {
                format!("an HTML page with the title \"{}\"", fit(&one_line(title), WORDS_MAX_CHARS))
            }
            None => "an HTML page".to_owned(),
        };
    }
    format!("\"{}\"", fit(&one_line(text), WORDS_MAX_CHARS))
}

fn message(body: &Value) -> Option<String> {
    // SonarQube says `{"errors": [{"msg": "..."}]}`.
    if let Some(errors) = body.get("errors").and_then(Value::as_array) {
        let texts: Vec<&str> = errors.iter().filter_map(|error| error.get("msg")?.as_str()).collect();
        return (!texts.is_empty()).then(|| texts.join(" "));
    }
    let error = body.get("error").unwrap_or(body);
    // OAuth says `{"error": "...", "error_description": "..."}`.
    let message = error.as_str().or_else(|| error.get("message")?.as_str())?;
    let mut message = message.to_owned();
    match error.get("detail").or_else(|| body.get("error_description")) {
        Some(Value::String(detail)) => {
            message.push(' ');
            message.push_str(detail);
        }
        Some(detail @ Value::Object(_)) => {
            for list in ["required", "granted"] {
                if let Some(scopes) = detail.get(list).and_then(Value::as_array) {
                    let scopes: Vec<&str> = scopes.iter().filter_map(Value::as_str).collect();
                    let _ = write!(message, " ({list}: {})", scopes.join(", "));
                }
            }
        }
        _ => {}
    }
    // What is wrong with a field; an older message says only "Bad request".
    for (field, texts) in error.get("fields").and_then(Value::as_object).into_iter().flatten() {
        for text in texts.as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !message.contains(text) {
                let _ = write!(message, " {field}: {text}");
            }
        }
    }
    Some(message)
}

fn title(html: &str) -> Option<&str> {
    // The lower-case copy has the same offsets: ASCII only is changed.
    let lower = html.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    Some(&html[start..end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::HeaderMap;

    use super::*;

    fn answer(status: u16, body: &[u8]) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.to_vec(),
            cut: false,
        }
    }

    fn refusal(came: Came) -> Refusal {
        Refusal {
            purpose: "post the status".to_owned(),
            method: Method::POST,
            url: Url::parse("https://api.bitbucket.org/2.0/x").unwrap(),
            service: Service::Bitbucket(Credential::AccessToken { token: "ATCTTsecret".to_owned().into() }),
            came,
            attempts: 1,
            again_in: None,
        }
    }

    #[test]
    fn every_envelope_is_read() {
        for (body, expected) in [
            (r#"{"type":"error","error":{"message":"No."}}"#, r#""No.""#),
            (r#"{"error":{"message":"No.","detail":"Really."}}"#, r#""No. Really.""#),
            (
                r#"{"error":{"message":"No.","detail":{"required":["a"],"granted":["b","c"]}}}"#,
                r#""No. (required: a) (granted: b, c)""#,
            ),
            (r#"{"code":400,"message":"No."}"#, r#""No.""#),
            (r#"{"errors":[{"msg":"No."},{"msg":"Never."}]}"#, r#""No. Never.""#),
            (r#"{"error":"invalid","error_description":"Gone."}"#, r#""invalid Gone.""#),
            (
                r#"{"error":{"message":"Bad request","fields":{"key":["Too long."],"url":["Bad."]}}}"#,
                r#""Bad request key: Too long. url: Bad.""#,
            ),
            (
                r#"{"error":{"message":"key: Too long.","fields":{"key":["Too long."]}}}"#,
                r#""key: Too long.""#,
            ),
            ("Rate limit\n exceeded", r#""Rate limit exceeded""#),
            ("<html><TITLE>Sign in</TITLE></html>", r#"an HTML page with the title "Sign in""#),
            ("<html>", "an HTML page"),
            ("", "without words"),
            ("[1]", r#""[1]""#),
        ] {
            assert_eq!(words(&answer(400, body.as_bytes())), expected, "{body}");
        }
    }

    #[test]
    fn a_redirect_names_the_host_and_nothing_else_of_the_address() {
        let mut answer = answer(302, b"");
        answer.headers.insert(header::LOCATION, "https://evil.example/?token=abc".parse().unwrap());
        let explanation = refusal(Came::Refused(answer)).explain();
        assert!(explanation.why[0].contains("on evil.example;"), "{explanation:?}");
        assert!(!explanation.why[0].contains("abc"));
    }

    proptest! {
        #[test]
        fn whatever_comes_back_is_explained(status in 100..1000_u16, body in proptest::collection::vec(any::<u8>(), 0..400)) {
            let refusal = refusal(Came::Refused(answer(status, &body)));
            let explanation = refusal.explain();
            prop_assert!(!explanation.why.is_empty() && !explanation.remedy.is_empty());
            prop_assert!(refusal.answered().chars().count() < 400);
            let shown = format!("{refusal} {} {:?}", refusal.sent(), refusal.service);
            prop_assert!(!shown.contains("ATCTTsecret"));
        }
    }
}
