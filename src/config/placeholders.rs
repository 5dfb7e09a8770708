//! Placeholders that stand for what is known of a found target, in the variables of Status and SonarQube:
//! `SONAR_PROJECT_KEY: acme_{repo_slug}`.

use crate::{
    config::{
        findings::Findings,
        near_miss::Word,
        repositories::TargetsFrom,
        variables::{Variable, Variables},
    },
    model::target::{PullRequestId, Repository},
};

/// What the placeholders stand for.
#[derive(Debug)]
pub(crate) struct FoundTarget<'a> {
    /// The repository that was looked in; for a pull request from a fork, the one that it goes to.
    pub(crate) repository: &'a Repository,
    pub(crate) pull_request: Option<PullRequestId>,
    /// The source branch of the pull request. Without a pull request, the branch of the target.
    pub(crate) branch: &'a str,
    /// The branch that the pull request goes to.
    pub(crate) destination: Option<&'a str>,
}

const NAMES: [&str; 5] = ["workspace", "repo_slug", "pull_request", "branch", "destination"];
/// Those that only a pull request has.
const OF_PULL_REQUESTS: [&str; 2] = ["pull_request", "destination"];

impl FoundTarget<'_> {
    fn value(&self, name: &str) -> Option<String> {
        Some(match name {
            "workspace" => self.repository.workspace.clone(),
            "repo_slug" => self.repository.slug.clone(),
            "pull_request" => self.pull_request?.to_string(),
            "branch" => self.branch.to_owned(),
            "destination" => self.destination?.to_owned(),
            _ => return None,
        })
    }

    /// The text with values in place of its placeholders; `None` if it has no placeholder.
    pub(crate) fn fill(&self, text: &str) -> Option<String> {
        let mut filled = String::new();
        let (mut rest, mut has_any) = (text, false);
        while let Some((before, name, after)) = next(rest) {
            filled.push_str(before);
            if let Some(value) = self.value(name) {
                filled.push_str(&value);
                has_any = true;
            } else {
                filled.extend(["{", name, "}"]);
            }
            rest = after;
        }
        filled.push_str(rest);
        has_any.then_some(filled)
    }
}

/// The text before the first word in braces, the word, and the text after it.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let open = from + text[from..].find('{')?;
        let rest = &text[open + 1..];
        let word = rest.find(|c: char| !(c.is_ascii_alphabetic() || c == '_')).unwrap_or(rest.len());
        if word > 0 && rest[word..].starts_with('}') {
            return Some((&text[..open], &rest[..word], &rest[word + 1..]));
        }
        from = open + 1;
    }
}

/// Whether a variable may hold placeholders.
pub(crate) fn may_hold(variable: &Variable) -> bool {
    ["Status", "SonarQube"].contains(&variable.group) && !variable.secret
}

/// Reports placeholders that are misspelt, that stand for nothing here, or in a variable that takes none.
pub(crate) fn check(variables: &Variables, from: &TargetsFrom, findings: &mut Findings) {
    for variable in Variables::ALL.iter().filter(|variable| !variable.secret) {
        let Some(text) = variables.text(variable.field) else { continue };
        let mut rest = text;
        while let Some((_, name, after)) = next(rest) {
            rest = after;
            let is_known = NAMES.contains(&name);
            let (found, remedy) = if !may_hold(variable) {
                if !is_known {
                    continue;
                }
                ("and takes no placeholders", "write the value itself".to_owned())
            } else if !is_known {
                let lower = name.to_ascii_lowercase();
                let near = Word::new(&lower).nearest(NAMES);
                let remedy = near.map_or_else(
                    || "write one of these, or the text without braces".to_owned(),
                    |near| format!("did you mean {{{near}}}?"),
                );
                ("which is not a placeholder", remedy)
            } else if OF_PULL_REQUESTS.contains(&name) && *from != TargetsFrom::OpenPullRequests {
                ("and TARGETS_FROM finds branches, which have none", format!("remove {{{name}}}"))
            } else {
                continue;
            };
            findings.refuse(
                variable.name(),
                format!("holds {{{name}}}, {found}"),
                format!("in the variables of Status and SonarQube, one of {{{}}}", NAMES.join("}, {")),
                remedy,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fill(text: &str) -> Option<String> {
        let repository = Repository::from_full_name("acme/api").unwrap();
        let found = FoundTarget {
            repository: &repository,
            pull_request: Some(PullRequestId(7)),
            branch: "feature/login",
            destination: None,
        };
        found.fill(text)
    }

    #[test]
    fn placeholders_are_replaced() {
        for (text, filled) in [
            ("acme_{repo_slug}", Some("acme_api")),
            ("{workspace}/{repo_slug}#{pull_request} {branch}", Some("acme/api#7 feature/login")),
            ("{{repo_slug}}", Some("{api}")),
            ("{destination} {repo_slug}", Some("{destination} api")),
            ("plain", None),
            ("{other} {", None),
            ("{repo slug}", None),
        ] {
            assert_eq!(fill(text).as_deref(), filled, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_value_is_not_read_as_a_placeholder_again(text in "[a-z{}_]{0,40}") {
            if let Some(filled) = fill(&text) {
                prop_assert!(filled.contains("api") || filled.contains("acme") || filled.contains('7') || filled.contains("feature/login"));
            }
        }
    }
}
