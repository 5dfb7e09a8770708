//! The credentials of a run: one for all repositories, and those of single repositories in `BITBUCKET_ACCESS_TOKENS`.

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap, HashSet},
    rc::Rc,
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::{
    bitbucket::credential::{Credential, CredentialKind},
    config::{
        credential::{check_access_token, credential_kind, is_any_set},
        findings::Findings,
        insights::posts_status,
        near_miss::Word,
        parse::Fields,
        repository::is_own,
        variables::{Variables, placeholder},
    },
    console::{
        foreign::shown,
        secrets::{SECRET_MIN_CHARS, holds_token},
    },
    http::throttle::{Outage, Throttle},
    model::{
        target::{CommitHash, Repository, is_name},
        token::TokenKind,
    },
};

/// Whether a run needs no credential: in Pipelines, for the commit that is built, without a status.
fn needs_no_credential(variables: &Variables) -> bool {
    // A wrong value is told with the plan.
    let has_no_status = !posts_status(variables, &mut Findings::default());
    let is_of_build = variables.bitbucket_build_number.is_some() && is_own(variables);
    let hash = |text: &Option<String>| text.as_deref().and_then(CommitHash::parse);
    let is_built = match (hash(&variables.commit), hash(&variables.bitbucket_commit)) {
        (Some(given), Some(built)) => given.matches(&built),
        _ => variables.commit.is_none(),
    };
    let is_of_built_commit = is_built
        && variables.pull_request.is_none()
        && (variables.branch.is_none() || variables.branch == variables.bitbucket_branch);
    has_no_status && is_of_build && !is_any_set(variables) && !variables.name_a_list() && is_of_built_commit
}

/// The credentials of a run.
#[derive(Debug)]
pub(crate) struct Keyring {
    /// For every repository without its own token.
    common: Option<Rc<Credential>>,
    /// By `slug` or `workspace/slug`, in lower case.
    own: BTreeMap<String, Own>,
    /// The entries with a problem of their own.
    wrong: HashSet<String>,
    /// Whether the variables of the common credential have a problem.
    is_common_wrong: bool,
    /// The workspace of a slug alone; `None` means every workspace.
    workspace: Option<String>,
}

#[derive(Debug)]
struct Own {
    credential: Rc<Credential>,
    used: Cell<bool>,
}

const TOKENS: &str = "BITBUCKET_ACCESS_TOKENS";
const TOKENS_ACCEPTED: &str = "a JSON object with the access token of each repository: {\"slug\": \"ATCTT...\", \"workspace/slug\": \"ATCTT...\"}";

impl Keyring {
    /// The credentials that the variables hold. `patience` is how long failures in a row are tolerated.
    pub(crate) fn from_variables(variables: &Variables, patience: Duration, findings: &mut Findings) -> Self {
        let outage = Outage::default();
        // A token is one credential, even if several repositories have it.
        let mut throttles: HashMap<String, Rc<Throttle>> = HashMap::new();
        let mut credential = |kind: CredentialKind| {
            let throttle = throttles
                .entry(kind.secret().map(|secret| secret.expose_secret().to_owned()).unwrap_or_default())
                .or_insert_with(|| Rc::new(Throttle::new(patience, outage.clone())))
                .clone();
            Rc::new(Credential::new(kind, throttle))
        };
        let tokens = variables.bitbucket_access_tokens.as_ref();
        let common = if tokens.is_none() && needs_no_credential(variables) {
            Some(credential(CredentialKind::PipelinesProxy))
        } else if tokens.is_none() || is_any_set(variables) {
            credential_kind(variables, findings).map(&mut credential)
        } else {
            None
        };
        let is_common_wrong = common.is_none() && is_any_set(variables);
        let (own, wrong) = tokens.map(|tokens| read(tokens, credential, findings)).unwrap_or_default();
        let workspace = variables.workspace.as_ref().or(variables.bitbucket_workspace.as_ref());
        let workspace = workspace.map(|workspace| workspace.trim().to_lowercase());
        for slug in own.keys().filter(|name| !name.contains('/')) {
            let whole = workspace.as_ref().map(|workspace| format!("{workspace}/{slug}"));
            if let Some(whole) = whole.filter(|whole| own.contains_key(whole)) {
                report_twice(&format!("{TOKENS}[{}]", shown(&whole)), findings);
            }
        }
        Self { common, own, wrong, is_common_wrong, workspace }
    }

    /// Whether reports go without a credential.
    pub(crate) fn uses_pipelines_proxy(&self) -> bool {
        self.common.as_ref().is_some_and(|credential| credential.kind.is_pipelines_proxy())
    }

    /// The credential for a repository: its own token, or the common credential.
    pub(crate) fn credential_for(&self, repository: &Repository) -> Option<Rc<Credential>> {
        let by_slug = || {
            let is_meant = self.workspace.as_ref().is_none_or(|workspace| *workspace == repository.workspace);
            self.own.get(&repository.slug).filter(|_| is_meant)
        };
        match self.own.get(&repository.to_string()).or_else(by_slug) {
            Some(own) => {
                own.used.set(true);
                Some(own.credential.clone())
            }
            None => self.common.clone(),
        }
    }

    /// The credential for the repository that a status goes to; `credential` is for the repository that the user `named`. A
    /// fork may have its own. A UUID may name the same repository.
    pub(crate) fn credential_for_source(
        &self,
        source: &Repository,
        named: &Repository,
        credential: &Rc<Credential>,
    ) -> Rc<Credential> {
        if source == named || named.is_by_uuid() {
            return credential.clone();
        }
        self.credential_for(source).unwrap_or_else(|| credential.clone())
    }

    /// The same as [`Self::credential_for`]; without a credential, a problem is reported.
    pub(crate) fn require(&self, repository: &Repository, findings: &mut Findings) -> Option<Rc<Credential>> {
        let credential = self.credential_for(repository);
        let has_wrong_entry =
            self.wrong.contains(&repository.to_string()) || self.wrong.contains(&repository.slug);
        let has_entries = !self.own.is_empty() || !self.wrong.is_empty();
        if credential.is_none() && has_entries && !has_wrong_entry && !self.is_common_wrong {
            let likely = Word::new(&repository.slug)
                .nearest(self.own.keys().map(String::as_str))
                .map(|name| format!("; is the entry {} meant for it?", shown(name)))
                .unwrap_or_default();
            findings.problem(
                format!("{TOKENS}[\"{repository}\"]"),
                "is missing, and there is no other credential",
                TOKENS_ACCEPTED,
                format!("add the repository's access token (Repository settings > Security > Access tokens), or pass one credential for all the others (BITBUCKET_ACCESS_TOKEN, or ATLASSIAN_ACCOUNT_EMAIL and ATLASSIAN_API_TOKEN, or BITBUCKET_OAUTH_CLIENT_ID and BITBUCKET_OAUTH_CLIENT_SECRET){likely}"),
            );
        }
        credential
    }

    /// The credential for what belongs to no single repository.
    pub(crate) const fn common(&self) -> Option<&Rc<Credential>> {
        self.common.as_ref()
    }

    /// Every credential.
    pub(crate) fn credentials(&self) -> impl Iterator<Item = &Rc<Credential>> {
        self.common.iter().chain(self.own.values().map(|own| &own.credential))
    }

    /// The entries of `BITBUCKET_ACCESS_TOKENS` that no target used, without forks: only a pull request uses them.
    pub(crate) fn unused(&self) -> Vec<&str> {
        fn slug(name: &str) -> &str {
            name.rsplit_once('/').map_or(name, |(_, slug)| slug)
        }
        let used: HashSet<&str> =
            self.own.iter().filter(|(_, own)| own.used.get()).map(|(name, _)| slug(name)).collect();
        let unused = self.own.keys().filter(|name| !used.contains(slug(name)));
        unused.map(String::as_str).collect()
    }

    /// Every token of `BITBUCKET_ACCESS_TOKENS`, to be hidden.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = String> {
        let secrets = self.own.values().filter_map(|own| own.credential.kind.secret());
        secrets.map(|secret| secret.expose_secret().to_owned())
    }
}

fn read(
    tokens: &SecretString,
    mut credential: impl FnMut(CredentialKind) -> Rc<Credential>,
    findings: &mut Findings,
) -> (BTreeMap<String, Own>, HashSet<String>) {
    let (mut own, mut wrong) = (BTreeMap::new(), HashSet::new());
    let text = tokens.expose_secret().trim();
    let entries = match serde_json::from_str::<Fields>(text) {
        Ok(Fields(entries)) => entries,
        Err(error) => {
            report_broken_json(text, &error, findings);
            return (own, wrong);
        }
    };
    if entries.is_empty() {
        findings.problem(
            TOKENS,
            "is an empty object",
            TOKENS_ACCEPTED,
            "add an entry, or remove the variable",
        );
    }
    for (name, value) in entries {
        let lower = name.trim().to_lowercase();
        let variable = format!("{TOKENS}[{}]", shown(&name));
        let names_repository = match lower.split_once('/') {
            Some((workspace, slug)) => is_name(workspace) && is_name(slug),
            None => is_name(&lower),
        };
        if holds_token(&name) || is_swapped(&name, &value) {
            findings.problem(
                format!("{TOKENS}[\"***\"]"),
                if holds_token(&name) {
                    "is a token where the name of a repository should be: name and token are swapped"
                } else {
                    "has a name of a repository where the token should be: name and token are probably swapped"
                },
                "slug or workspace/slug",
                "write the name of the repository before the colon, and its token after it",
            );
            continue;
        }
        if !names_repository {
            findings.problem(
                &variable,
                "does not name a repository",
                "slug or workspace/slug",
                "copy the name from the repository's address, bitbucket.org/<workspace>/<slug>",
            );
            continue;
        }
        let text =
            value.as_str().filter(|text| !text.trim().is_empty() && placeholder(text.trim()).is_none());
        let Some(text) = text else {
            report_missing_token(&variable, &value, findings);
            wrong.insert(lower);
            continue;
        };
        let token = SecretString::from(text);
        check_access_token(&variable, &token, findings);
        let credential = credential(CredentialKind::AccessToken { token, entry: Some(lower.clone()) });
        if own.insert(lower, Own { credential, used: Cell::new(false) }).is_some() {
            report_twice(&variable, findings);
        }
    }
    (own, wrong)
}

/// Whether an entry probably has its token where the name should be: a token is longer than any name, and only a name
/// has a `/` between two words.
fn is_swapped(name: &str, token: &Value) -> bool {
    let Some(token) = token.as_str().map(str::trim) else { return false };
    let is_full_name =
        token.split_once('/').is_some_and(|(workspace, slug)| is_name(workspace) && is_name(slug));
    name.len() >= SECRET_MIN_CHARS
        && (is_full_name && !name.contains('/') || is_name(token) && token.len() < name.len())
}

fn report_broken_json(text: &str, error: &serde_json::Error, findings: &mut Findings) {
    let remedy = if TokenKind::of(text).is_some() {
        "pass a token for all repositories in BITBUCKET_ACCESS_TOKEN; here each token follows the name of its repository"
    } else if text.starts_with(['\'', '"', '`']) {
        "save the variable again without the quotes around it: the value begins with { and ends with }"
    } else {
        "check that the value is one JSON object, from { to }; a quote or comma may be missing"
    };
    // Only the position: the text around it may be a token.
    let found = if error.is_data() {
        "is JSON, but not an object".to_owned()
    } else {
        format!("is not JSON: there is an error at line {} column {}", error.line(), error.column())
    };
    findings.problem(TOKENS, found, TOKENS_ACCEPTED, remedy);
}

fn report_missing_token(variable: &str, value: &Value, findings: &mut Findings) {
    findings.problem(
        variable,
        match value {
            Value::String(text) if text.trim().is_empty() => "is empty",
            Value::String(_) => "holds the name of a variable instead of its value (it begins with $)",
            _ => "is not text",
        },
        "an access token of this repository",
        "write the token itself: save the whole JSON object as one secured variable",
    );
}

fn report_twice(variable: &str, findings: &mut Findings) {
    findings.problem(
        variable,
        "names the same repository as another entry",
        "one token for each repository (upper and lower case are the same, and a slug alone belongs to the workspace of the run)",
        "remove one of the two entries",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "an-oauth-token-of-some-length";

    fn credentials(tokens: &str, workspace: Option<&str>) -> (Keyring, Findings) {
        let variables = Variables {
            bitbucket_access_tokens: Some(tokens.to_owned().into()),
            workspace: workspace.map(str::to_owned),
            ..Variables::default()
        };
        let mut findings = Findings::default();
        let credentials = Keyring::from_variables(&variables, Duration::from_secs(1), &mut findings);
        (credentials, findings)
    }

    fn origin(credentials: &Keyring, full_name: &str) -> Option<String> {
        let credential = credentials.credential_for(&Repository::from_full_name(full_name).unwrap())?;
        Some(credential.kind.to_string())
    }

    #[test]
    fn the_full_name_counts_before_the_slug() {
        let tokens = format!(
            r#"{{"Acme/API": "{TOKEN}", "web": "{TOKEN}", "jane/api": "{TOKEN}", "more": "{TOKEN}"}}"#
        );
        let (credentials, findings) = credentials(&tokens, Some("acme"));
        assert!(findings.problems.is_empty(), "{:?}", findings.problems);
        assert_eq!(
            origin(&credentials, "acme/api").as_deref(),
            Some("access token (BITBUCKET_ACCESS_TOKENS, acme/api)")
        );
        assert_eq!(
            origin(&credentials, "acme/web").as_deref(),
            Some("access token (BITBUCKET_ACCESS_TOKENS, web)")
        );
        assert_eq!(origin(&credentials, "jane/web"), None, "a slug belongs to the workspace of the run");
        assert_eq!(credentials.unused(), ["more"], "jane/api may be a fork");
    }

    #[test]
    fn a_slug_belongs_to_the_workspace_of_the_run() {
        let tokens = format!(r#"{{"api": "{TOKEN}", "acme/api": "{TOKEN}"}}"#);
        assert_eq!(credentials(&tokens, Some("jane")).1.problems.len(), 0);
        let problems = credentials(&tokens, Some("acme")).1.problems;
        assert_eq!(problems.len(), 1);
        assert!(problems[0].found.contains("the same repository as another entry"), "{problems:?}");
    }

    #[test]
    fn a_wrong_entry_is_named_and_its_value_is_never_shown() {
        for (tokens, variable, found) in [
            ("[]", "BITBUCKET_ACCESS_TOKENS", "not an object"),
            ("{}", "BITBUCKET_ACCESS_TOKENS", "empty object"),
            ("{\"api\": \"s3cret\"\n \"web\"}", "BITBUCKET_ACCESS_TOKENS", "error at line 2 column 2"),
            ("ATCTTs3cret", "BITBUCKET_ACCESS_TOKENS", "error at line 1 column 1"),
            (r#"{"a b": "s3cret"}"#, "BITBUCKET_ACCESS_TOKENS[\"a b\"]", "does not name a repository"),
            (
                r#"{"api": "an-oauth-token", "API": "another-token"}"#,
                "BITBUCKET_ACCESS_TOKENS[\"API\"]",
                "the same repository as another entry",
            ),
            (r#"{"api": 7}"#, "BITBUCKET_ACCESS_TOKENS[\"api\"]", "is not text"),
            (r#"{"api": " "}"#, "BITBUCKET_ACCESS_TOKENS[\"api\"]", "is empty"),
            (r#"{"api": "$API"}"#, "BITBUCKET_ACCESS_TOKENS[\"api\"]", "instead of its value"),
            (r#"{"api": "ATATTs3cret"}"#, "BITBUCKET_ACCESS_TOKENS[\"api\"]", "is an API token"),
            (r#"{"api": "ATBBs3cret"}"#, "BITBUCKET_ACCESS_TOKENS[\"api\"]", "is an app password"),
            (r#"{"api": "user:s3cret"}"#, "BITBUCKET_ACCESS_TOKENS[\"api\"]", "has a colon"),
        ] {
            let (_, findings) = credentials(tokens, None);
            let problem = &findings.problems[0];
            assert_eq!((findings.problems.len(), problem.variable.as_str()), (1, variable), "{tokens}");
            assert!(problem.found.contains(found), "{tokens}: {problem:?}");
            assert!(!format!("{findings:?}").contains("s3cret"), "{findings:?}");
        }
    }
}
