//! What a response of Bitbucket means, as far as its words, lists and headers are known: classified once, for further
//! reads and for the explanation. The words were published; `explain::handbook` says where.

use reqwest::StatusCode;
use serde_json::Value;

use crate::{
    bitbucket::{
        credential::CredentialKind,
        refusal::Purpose,
        scopes::{Need, Scopes},
    },
    console::text::{fit, one_line},
    http::{body::Body, transport::Response},
};

/// What a refusing response means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The sender is not the API of Bitbucket Cloud.
    NotTheApi,
    /// The token lacks a scope.
    MissingScope {
        /// The missing scopes, when Bitbucket lists them.
        missing: Option<Scopes>,
        /// The scopes of the token, when Bitbucket lists them.
        granted: Option<Scopes>,
    },
    /// The operation is not for this kind of token.
    WrongMechanism,
    /// The workspace restricts access.
    AccessControls,
    /// The token has expired.
    Expired,
    /// The OAuth consumer is not private.
    PublicConsumer,
    /// The OAuth consumer has no callback URL.
    NoCallbackUrl,
    /// There is no OAuth consumer with this key and secret.
    NoConsumer,
    /// App passwords and account passwords no longer work.
    PasswordsEnded,
    /// The operation was removed; with the address of the announcement.
    Removed(String),
    /// The key is too long.
    LongKey,
    /// The link is not accepted, and everything else is.
    BadUrl,
    /// Another field is not accepted.
    BadField,
    /// The repository does not have the commit.
    NoCommit,
    /// The workspace does not exist.
    NoWorkspace,
    /// The repository does not exist, or the credential may not see it.
    NoRepository,
    /// The repository does not have the pull request.
    NoPullRequest,
    /// The repository does not have the branch.
    NoBranch,
    /// The repository or the workspace takes no writes; in Bitbucket's own sentence.
    Closed(String),
    /// The body is empty.
    Empty,
    /// The words are not known.
    Unknown,
}

/// Words of Bitbucket, one of which a message holds, and what the message means.
const KNOWN_WORDS: [(&[&str], Answer); 6] = [
    (&["no API hosted"], Answer::NotTheApi),
    (&["required privilege scopes"], Answer::MissingScope { missing: None, granted: None }),
    (&["authentication mechanism"], Answer::WrongMechanism),
    (&[EXPIRED], Answer::Expired),
    (&["whitelist", "allowlist", "IP address", "two-step"], Answer::AccessControls),
    (&["CHANGE-3222", "App password", "app password", "account password"], Answer::PasswordsEnded),
];

/// In `Access token expired.` and in `OAuth2 access token expired. ...`.
const EXPIRED: &str = "ccess token expired";

/// The same for an OAuth consumer that gets no token, in this order: the codes of OAuth fit several reasons.
/// <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>
const NO_TOKEN_WORDS: [(&[&str], Answer); 3] = [
    (&["marked as \"public\"", "not private"], Answer::PublicConsumer),
    (&["allback uri", "allback URL"], Answer::NoCallbackUrl),
    (
        &["OAuth client credentials", "invalid_client", "unauthorized_client", "unknown client"],
        Answer::NoConsumer,
    ),
];

/// The same for what does not exist.
const NOT_FOUND_WORDS: [(&[&str], Answer); 5] = [
    (&["Commit not found"], Answer::NoCommit),
    (&["No workspace with"], Answer::NoWorkspace),
    (&["access to this repository", "requested repository"], Answer::NoRepository),
    (&["ull request not found", "ullrequest not found"], Answer::NoPullRequest),
    (&["ranch not found"], Answer::NoBranch),
];

/// The fields of a status that Bitbucket may refuse.
const STATUS_FIELDS: [&str; 6] = ["key", "url", "name", "description", "refname", "state"];

/// Longer sentences are cut.
const SENTENCE_MAX_CHARS: usize = 300;
/// Longer addresses are cut.
const ADDRESS_MAX_CHARS: usize = 300;

impl Answer {
    /// What the response to a request means. A 429 is believed whoever sent it.
    pub(crate) fn of(response: &Response, credential: &CredentialKind, purpose: &Purpose) -> Self {
        let Response { status_code, body, .. } = response;
        let is_limit = *status_code == StatusCode::TOO_MANY_REQUESTS;
        if !is_limit && (body.is_html() || is_from_data_center(body)) {
            return Self::NotTheApi;
        }
        let words = body.words();
        if *purpose == Purpose::GetToken
            && let Some(answer) = known(&NO_TOKEN_WORDS, &words)
        {
            return answer;
        }
        Self::of_scope_lists(body)
            .or_else(|| known(&KNOWN_WORDS, &words))
            .or_else(|| announcement(body).map(Self::Removed))
            .or_else(|| Self::of_fields(body, &words))
            .or_else(|| closed(*status_code, response, &words))
            .or_else(|| known(&NOT_FOUND_WORDS, &words))
            .or_else(|| Self::of_scope_headers(response, credential, purpose))
            .unwrap_or(if body.is_empty() { Self::Empty } else { Self::Unknown })
    }

    /// Whether a response is an error in the format of Bitbucket's API.
    pub(crate) fn is_in_bitbuckets_format(response: &Response) -> bool {
        let message = response.body.json().and_then(|body| body.pointer("/error/message"));
        message.is_some_and(Value::is_string)
    }

    /// `{"error": {"detail": {"required": [...], "granted": [...]}}}`
    fn of_scope_lists(body: &Body) -> Option<Self> {
        let required = scopes(body, "required")?;
        let granted = scopes(body, "granted");
        let missing = granted.as_ref().map_or(required.clone(), |granted| required.without(granted));
        Some(Self::MissingScope { missing: Some(missing).filter(|missing| !missing.is_empty()), granted })
    }

    fn of_fields(body: &Body, words: &str) -> Option<Self> {
        let wrong = |field| what_is_wrong_with(field, body, words);
        if wrong("key").is_some_and(|text| text.contains("at most")) {
            Some(Self::LongKey)
        } else if wrong("url").is_some_and(|text| text.contains("valid URL"))
            && !STATUS_FIELDS.iter().any(|field| *field != "url" && wrong(field).is_some())
        {
            Some(Self::BadUrl)
        } else {
            STATUS_FIELDS.iter().any(|field| wrong(field).is_some()).then_some(Self::BadField)
        }
    }

    /// A 403 whose headers list the scopes of the token, without the one that is needed.
    /// <https://github.com/jenkinsci/bitbucket-branch-source-plugin/issues/192>
    fn of_scope_headers(response: &Response, credential: &CredentialKind, purpose: &Purpose) -> Option<Self> {
        let need = match purpose {
            Purpose::FindPullRequest(..) | Purpose::ListPullRequests(_) => Need::PullRequestLookup,
            _ => Need::Status,
        };
        let granted = Scopes::of_header(response.header("x-oauth-scopes")?);
        response.header("x-accepted-oauth-scopes")?;
        let lacks = response.status_code == StatusCode::FORBIDDEN && !need.is_met(credential, &granted);
        lacks.then(|| Self::MissingScope {
            missing: Some(Scopes::new([need.scope(credential)])),
            granted: Some(granted),
        })
    }
}

/// Words about a repository or a workspace that takes no writes.
const CLOSED_WORDS: [&str; 4] = ["read only", "read-only", "archived", "user limit"];

/// Bitbucket's own sentence is the reason: for a repository that takes no writes, for a 402, and for a conflict.
fn closed(status_code: StatusCode, response: &Response, words: &str) -> Option<Answer> {
    let is_known = CLOSED_WORDS.iter().any(|known| words.to_ascii_lowercase().contains(known));
    let is_own = matches!(status_code, StatusCode::PAYMENT_REQUIRED | StatusCode::CONFLICT)
        && Answer::is_in_bitbuckets_format(response);
    (is_known || is_own).then(|| Answer::Closed(fit(&one_line(words), SENTENCE_MAX_CHARS)))
}

/// Whether the words say that the token has expired.
pub(crate) fn says_expired(words: &str) -> bool {
    words.contains(EXPIRED)
}

fn known(table: &[(&[&str], Answer)], words: &str) -> Option<Answer> {
    let (_, answer) = table.iter().find(|(known, _)| known.iter().any(|known| words.contains(known)))?;
    Some(answer.clone())
}

/// Bitbucket Data Center answers `{"errors": [{"context", "message", "exceptionName"}]}`
/// (<https://developer.atlassian.com/server/bitbucket/rest/v910/intro/#errors-and-validation>), and its framework
/// `{"message", "status-code"}` for unknown addresses.
fn is_from_data_center(body: &Body) -> bool {
    body.json().is_some_and(|body| {
        body.pointer("/errors/0/exceptionName").is_some() || body.get("status-code").is_some()
    })
}

/// Where Bitbucket announced the removal of an operation.
fn announcement(body: &Body) -> Option<String> {
    let body = body.json()?;
    let url =
        body.pointer("/error/data/announcement_url").or_else(|| body.pointer("/data/announcement_url"))?;
    Some(fit(&one_line(url.as_str()?), ADDRESS_MAX_CHARS))
}

/// What Bitbucket says of a field: `{"error": {"fields": {"key": ["..."]}}}`, or a message that begins with the name of
/// the field.
fn what_is_wrong_with(field: &str, body: &Body, words: &str) -> Option<String> {
    let listed = body.json().and_then(|body| Some(body.pointer("/error/fields")?.get(field)?.to_string()));
    listed.or_else(|| words.strip_prefix(field)?.strip_prefix(": ").map(str::to_owned))
}

fn scopes(body: &Body, list: &str) -> Option<Scopes> {
    let scopes = body.json()?.pointer("/error/detail")?.get(list)?.as_array()?;
    Some(Scopes::new(scopes.iter().filter_map(Value::as_str)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_scopes_are_found() {
        let text = r#"{"error":{"message":"No.","detail":{"required":["a"],"granted":["b",7,"c"]}}}"#;
        let body = Body::new(text.into(), false);
        assert_eq!(scopes(&body, "required"), Some(Scopes::new(["a"])));
        assert_eq!(scopes(&body, "granted"), Some(Scopes::new(["b", "c"])));
        assert_eq!(scopes(&body, "other"), None);
    }
}
