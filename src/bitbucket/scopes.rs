//! The scopes of a token, and the scopes that Gatepost needs.
//!
//! Access tokens and OAuth use the classic scopes, some of which include others
//! (<https://developer.atlassian.com/cloud/bitbucket/bitbucket-cloud-rest-api-scopes/>). No scope of an API token includes
//! another (<https://support.atlassian.com/bitbucket-cloud/docs/api-token-permissions/>).

use std::collections::HashSet;

use crate::{
    bitbucket::credential::CredentialKind,
    console::text::{fit, one_line},
};

/// What Gatepost needs a scope for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Posting a status. According to Bitbucket's reference, reading the repository is enough.
    Status,
    PullRequestLookup,
}

impl Need {
    /// The scope for this kind of credential.
    pub(crate) const fn scope(self, credential: &CredentialKind) -> &'static str {
        match (self, credential) {
            (Self::Status, CredentialKind::ApiToken { .. }) => "read:repository:bitbucket",
            (Self::PullRequestLookup, CredentialKind::ApiToken { .. }) => "read:pullrequest:bitbucket",
            (
                Self::Status,
                CredentialKind::AccessToken { .. }
                | CredentialKind::OauthConsumer { .. }
                | CredentialKind::PipelinesProxy,
            ) => "repository",
            (
                Self::PullRequestLookup,
                CredentialKind::AccessToken { .. }
                | CredentialKind::OauthConsumer { .. }
                | CredentialKind::PipelinesProxy,
            ) => "pullrequest",
        }
    }

    /// The permission in the words of the page that creates this kind of credential.
    pub(crate) const fn permission(self, credential: &CredentialKind) -> &'static str {
        match (self, credential) {
            (_, CredentialKind::ApiToken { .. }) => self.scope(credential),
            (
                Self::Status,
                CredentialKind::AccessToken { .. }
                | CredentialKind::OauthConsumer { .. }
                | CredentialKind::PipelinesProxy,
            ) => "Repositories: Read",
            (
                Self::PullRequestLookup,
                CredentialKind::AccessToken { .. }
                | CredentialKind::OauthConsumer { .. }
                | CredentialKind::PipelinesProxy,
            ) => "Pull requests: Read",
        }
    }

    /// Whether one of the granted scopes is the needed scope, or includes it.
    pub(crate) fn is_met(self, credential: &CredentialKind, granted: &Scopes) -> bool {
        let wanted = self.scope(credential);
        granted.0.iter().any(|scope| scope == wanted || included(scope).contains(&wanted))
    }
}

/// The scopes that a classic scope includes.
fn included(scope: &str) -> &'static [&'static str] {
    match scope {
        "repository:write" | "project" | "pullrequest" => &["repository"],
        "pullrequest:write" => &["pullrequest", "repository:write", "repository"],
        _ => &[],
    }
}

/// A list of scopes from Bitbucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scopes(Vec<String>);

/// More scopes are only counted when they are shown.
const SHOWN: usize = 12;
/// No scope is longer; longer words are cut.
const SCOPE_MAX_CHARS: usize = 60;

impl Scopes {
    /// Reads the words of an answer.
    pub(crate) fn new<'t>(scopes: impl IntoIterator<Item = &'t str>) -> Self {
        let words = scopes.into_iter().map(|scope| fit(&one_line(scope), SCOPE_MAX_CHARS));
        Self(words.filter(|scope| !scope.is_empty()).collect())
    }

    /// Reads a header: `repository, pullrequest:write`.
    pub(crate) fn of_header(value: &str) -> Self {
        Self::new(value.split([',', ' ']))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all scopes are scopes of this kind of credential: those of API tokens are different.
    pub(crate) fn are_of(&self, credential: &CredentialKind) -> bool {
        let is_granular = |scope: &String| scope.ends_with(":bitbucket");
        match credential {
            CredentialKind::ApiToken { .. } => self.0.iter().all(is_granular),
            CredentialKind::AccessToken { .. }
            | CredentialKind::OauthConsumer { .. }
            | CredentialKind::PipelinesProxy => !self.0.iter().any(is_granular),
        }
    }

    /// Whether it has this scope and no other.
    pub(crate) fn is_just(&self, scope: &str) -> bool {
        matches!(&self.0[..], [only] if only == scope)
    }

    /// The scopes that are not in `others`.
    #[must_use]
    pub(crate) fn without(&self, others: &Self) -> Self {
        let others: HashSet<&String> = others.0.iter().collect();
        Self(self.0.iter().filter(|scope| !others.contains(scope)).cloned().collect())
    }

    /// The scopes that allow to change or delete something. Gatepost only needs to read.
    #[must_use]
    pub(crate) fn writing(&self) -> Self {
        let writes = |scope: &&String| {
            ["write", "admin", "delete"].iter().any(|verb| scope.split(':').any(|part| part == *verb))
        };
        Self(self.0.iter().filter(writes).cloned().collect())
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        f.write_str(&self.0[..self.0.len().min(SHOWN)].join(", "))?;
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classic_scopes_include_others_and_those_of_api_tokens_do_not() {
        let access = CredentialKind::AccessToken { token: "ATCTTx".to_owned().into(), entry: None };
        let api = CredentialKind::ApiToken { email: "a@b.c".to_owned(), token: "ATATTx".to_owned().into() };
        let consumer = CredentialKind::OauthConsumer {
            key: "key".to_owned().into(),
            secret: "secret".to_owned().into(),
        };
        for (granted, status, pull_request) in [
            ("repository", true, false),
            ("pullrequest", true, true),
            ("repository:write, webhook", true, false),
            ("pullrequest:write", true, true),
            ("project", true, false),
            ("repository:admin", false, false),
            ("", false, false),
        ] {
            let granted = Scopes::of_header(granted);
            assert_eq!(Need::Status.is_met(&access, &granted), status, "{granted}");
            assert_eq!(Need::PullRequestLookup.is_met(&access, &granted), pull_request, "{granted}");
            assert_eq!(Need::Status.is_met(&consumer, &granted), status, "{granted}");
            assert_eq!(Need::PullRequestLookup.is_met(&consumer, &granted), pull_request, "{granted}");
            assert!(granted.are_of(&consumer) && (granted.is_empty() || !granted.are_of(&api)), "{granted}");
        }
        for (granted, status, pull_request) in [
            ("read:repository:bitbucket", true, false),
            ("write:repository:bitbucket", false, false),
            ("read:pullrequest:bitbucket", false, true),
        ] {
            let granted = Scopes::of_header(granted);
            assert_eq!(Need::Status.is_met(&api, &granted), status, "{granted}");
            assert_eq!(Need::PullRequestLookup.is_met(&api, &granted), pull_request, "{granted}");
        }
    }

    #[test]
    fn scopes_that_write_are_more_than_is_needed() {
        let writing = |scopes| Scopes::of_header(scopes).writing().to_string();
        assert_eq!(
            writing("repository:write, repository, write:pullrequest:bitbucket"),
            "repository:write, write:pullrequest:bitbucket"
        );
        assert_eq!(writing("repository"), "none");
    }

    /// An answer may have a megabyte of them.
    #[test]
    fn long_lists_are_compared_in_one_pass() {
        let list = |prefix: &str| Scopes((0..200_000).map(|number| format!("{prefix}{number}")).collect());
        let (needed, granted) = (list("needed"), list("granted"));
        let begun = std::time::Instant::now();
        assert_eq!(needed.without(&granted), needed);
        // Each with each would be forty thousand million comparisons.
        assert!(begun.elapsed() < std::time::Duration::from_secs(20));
    }

    #[test]
    fn a_list_without_end_is_cut_when_it_is_shown_and_not_before() {
        let long = "x".repeat(500);
        let list = std::iter::repeat_n(long.as_str(), 10_000).chain(["read:repository:bitbucket"]);
        let scopes = Scopes::new(list);
        assert!(scopes.to_string().chars().count() < 1_000);
        let api = CredentialKind::ApiToken { email: "a@b.c".to_owned(), token: "ATATTx".to_owned().into() };
        assert!(Need::Status.is_met(&api, &scopes));
    }
}
