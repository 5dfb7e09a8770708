//! What an answer of Bitbucket means, as far as its words, lists and headers are known: looked at once, for what is
//! asked further and for the explanation. Where words are matched, they were published; see the handbook.

use serde_json::Value;

use crate::{
    bitbucket::scopes::{Need, Scopes},
    config::credential::Credential,
    http::{
        body::{announcement, field, is_data_centers, is_empty, is_html, json, said},
        refusal::Purpose,
        transport::Answer,
    },
};

/// What a refusing answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// What answered is not Bitbucket Cloud's API.
    NotTheApi,
    /// A scope is lacking.
    LacksScope {
        /// Which, when it is told.
        missing: Option<Scopes>,
        /// Those that the token has, when they are told.
        granted: Option<Scopes>,
    },
    /// The operation is not for this kind of token.
    WrongMechanism,
    /// The workspace does not let everybody in.
    AccessControls,
    /// The token has expired.
    Expired,
    /// App passwords and account passwords have ended.
    PasswordsEnded,
    /// The operation was removed; with the address that tells more.
    Removed(String),
    /// The key is too long.
    LongKey,
    /// The link is none that Bitbucket takes.
    BadUrl,
    /// Another field is not accepted.
    BadField,
    /// The repository has no such commit.
    NoCommit,
    /// There is no such workspace.
    NoWorkspace,
    /// There is no such repository, or it may not be seen.
    NoRepository,
    /// The repository has no such pull request.
    NoPullRequest,
    /// The repository has no such branch.
    NoBranch,
    /// Nothing was said.
    Nothing,
    /// What was said is not known.
    Unknown,
}

impl Meaning {
    /// What an answer to a request means. One that tells of a limit is taken as it is, page or not.
    pub fn of(answer: &Answer, credential: &Credential, purpose: &Purpose) -> Self {
        if answer.status.as_u16() != 429 && (is_html(answer) || is_data_centers(answer)) {
            return Self::NotTheApi;
        }
        if let Some(required) = scopes(answer, "required") {
            let granted = scopes(answer, "granted");
            let missing = granted.as_ref().map_or(required.clone(), |granted| required.without(granted));
            return Self::LacksScope {
                missing: Some(missing).filter(|missing| !missing.is_empty()),
                granted,
            };
        }
        let said = said(answer);
        let says = |words: &[&str]| words.iter().any(|words| said.contains(words));
        if says(&["no API hosted"]) {
            Self::NotTheApi
        } else if says(&["required privilege scopes"]) {
            Self::LacksScope { missing: None, granted: None }
        } else if says(&["authentication mechanism"]) {
            Self::WrongMechanism
        } else if says(&["ccess token expired"]) {
            Self::Expired
        } else if says(&["whitelist", "allowlist", "IP address", "two-step"]) {
            Self::AccessControls
        } else if says(&["CHANGE-3222", "App password", "app password", "account password"]) {
            Self::PasswordsEnded
        } else if let Some(address) = announcement(answer) {
            Self::Removed(address)
        } else if field(answer, "key").is_some_and(|text| text.contains("at most")) {
            Self::LongKey
        } else if field(answer, "url").is_some_and(|text| text.contains("valid URL")) {
            Self::BadUrl
        } else if ["key", "url", "name", "description", "refname", "state"]
            .iter()
            .any(|name| field(answer, name).is_some())
        {
            Self::BadField
        } else if says(&["Commit not found"]) {
            Self::NoCommit
        } else if says(&["No workspace with"]) {
            Self::NoWorkspace
        } else if says(&["access to this repository", "requested repository"]) {
            Self::NoRepository
        } else if says(&["ull request not found", "ullrequest not found"]) {
            Self::NoPullRequest
        } else if says(&["ranch not found"]) {
            Self::NoBranch
        } else if let Some(lacking) = lacking_by_headers(answer, credential, purpose) {
            lacking
        } else if is_empty(answer) {
            Self::Nothing
        } else {
            Self::Unknown
        }
    }
}

/// A 403 whose headers tell how Bitbucket understood the credential, and that it has not the scope that is needed.
/// <https://github.com/jenkinsci/bitbucket-branch-source-plugin/issues/192>
fn lacking_by_headers(answer: &Answer, credential: &Credential, purpose: &Purpose) -> Option<Meaning> {
    let header = |name: &str| answer.headers.get(name)?.to_str().ok();
    let need = match purpose {
        Purpose::FindPullRequest(..) => Need::PullRequestLookup,
        _ => Need::Status,
    };
    let granted = Scopes::of_header(header("x-oauth-scopes")?);
    header("x-accepted-oauth-scopes")?;
    let lacks = answer.status.as_u16() == 403 && !need.is_met(credential, &granted);
    lacks.then(|| Meaning::LacksScope {
        missing: Some(Scopes::new([need.scope(credential)])),
        granted: Some(granted),
    })
}

/// A list of scopes within the answer: `{"error": {"detail": {"required": [...], "granted": [...]}}}`.
fn scopes(answer: &Answer, list: &str) -> Option<Scopes> {
    let body = json(answer)?;
    let scopes = body.pointer("/error/detail")?.get(list)?.as_array()?;
    Some(Scopes::new(scopes.iter().filter_map(Value::as_str)))
}

#[cfg(test)]
mod tests {
    use reqwest::{StatusCode, header::HeaderMap};

    use super::*;

    fn answer(body: &str) -> Answer {
        Answer { status: StatusCode::FORBIDDEN, headers: HeaderMap::new(), body: body.into(), cut: false }
    }

    #[test]
    fn lists_of_scopes_are_found() {
        let answer =
            answer(r#"{"error":{"message":"No.","detail":{"required":["a"],"granted":["b",7,"c"]}}}"#);
        assert_eq!(scopes(&answer, "required"), Some(Scopes::new(["a"])));
        assert_eq!(scopes(&answer, "granted"), Some(Scopes::new(["b", "c"])));
        assert_eq!(scopes(&answer, "other"), None);
    }
}
