//! Placeholders that stand for what is known of a found target, in the variables of Status and SonarQube:
//! `SONAR_PROJECT_KEY: acme_{repo_slug}`.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    config::{
        findings::{Findings, is_trifle},
        near_miss::Word,
        repositories::TargetsFrom,
        variables::{Variable, Variables},
    },
    console::foreign::shown,
    model::target::{PullRequestId, Repository},
};

/// What the placeholders stand for.
#[derive(Debug)]
pub(crate) struct FoundTarget<'a> {
    /// The repository that was looked in; for a pull request from a fork, the one that it goes to.
    pub(crate) repository: &'a Repository,
    pub(crate) pull_request: Option<PullRequestId>,
    /// The source branch of the pull request, or the branch itself if there is no pull request.
    pub(crate) branch: &'a str,
    /// The branch that the pull request goes to.
    pub(crate) destination: Option<&'a str>,
}

const NAMES: [&str; 5] = ["workspace", "repo_slug", "pull_request", "branch", "destination"];
/// Those that only a pull request has.
const OF_PULL_REQUESTS: [&str; 2] = ["pull_request", "destination"];

/// What stays as it is in a value that becomes part of `URL`: the characters that have no meaning in an address, and the
/// slashes of a branch.
const UNRESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
/// The templates that Bitbucket itself replaces in the link of a status begin with one of these words:
/// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/>.
const OF_BITBUCKET: [&str; 2] = ["repository.", "commit."];

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

    /// The text of this variable with values in place of its placeholders; `None` if it has no placeholder.
    pub(crate) fn fill(&self, field: &str, text: &str) -> Option<String> {
        let mut filled = String::new();
        let (mut rest, mut has_any) = (text, false);
        while let Some(Braces { before, inside, after }) = next(rest) {
            filled.push_str(before);
            match self.value(inside) {
                // A branch may have characters that end a path or begin another parameter.
                Some(value) if field == "url" => filled.extend(utf8_percent_encode(&value, UNRESERVED)),
                Some(value) => filled.push_str(&value),
                None => filled.extend(["{", inside, "}"]),
            }
            has_any |= self.value(inside).is_some();
            rest = after;
        }
        filled.push_str(rest);
        has_any.then_some(filled)
    }
}

/// A pair of braces in a text.
struct Braces<'t> {
    before: &'t str,
    inside: &'t str,
    after: &'t str,
}

/// The first pair of braces in a text without another brace between them.
fn next(text: &str) -> Option<Braces<'_>> {
    let mut open = text.find('{')?;
    loop {
        let rest = &text[open + 1..];
        let end = rest.find(['{', '}'])?;
        if rest[end..].starts_with('}') {
            return Some(Braces { before: &text[..open], inside: &rest[..end], after: &rest[end + 1..] });
        }
        open += 1 + end;
    }
}

/// The placeholder that a word probably means, whatever its case, spaces and signs are.
fn meant(word: &str) -> Option<&'static str> {
    let letters = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect()
    };
    let (word, names) = (letters(word), NAMES.map(letters));
    let near = Word::new(&word).nearest(names.iter().map(String::as_str))?;
    names.iter().zip(NAMES).find_map(|(letters, name)| (letters == near).then_some(name))
}

/// A brace that is not closed, with the word after it, if the word is probably that of a placeholder.
fn unclosed(text: &str) -> Option<(&str, &'static str)> {
    text.match_indices('{').find_map(|(open, _)| {
        let rest = &text[open + 1..];
        let is_of_word = |c: char| c.is_alphanumeric() || "_-.".contains(c);
        let end = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
        // It is closed if no other brace comes first.
        let is_closed = rest.find(['{', '}']).is_some_and(|brace| rest[brace..].starts_with('}'));
        let near = meant(&rest[..end]).filter(|_| !is_closed)?;
        Some((&text[open..=open + end], near))
    })
}

/// Whether a variable may hold placeholders. Whoever may push a branch chooses its name, and must not choose the server that
/// gets `SONAR_TOKEN`.
pub(crate) fn may_hold(variable: &Variable) -> bool {
    ["Status", "SonarQube"].contains(&variable.group)
        && !variable.secret
        && !["sonar_host_url", "sonar_root_cert"].contains(&variable.field)
}

/// Reports placeholders that are misspelt, that stand for nothing here, or in a variable that takes none.
pub(crate) fn check(variables: &Variables, from: &TargetsFrom, findings: &mut Findings) {
    for (variable, text) in variables.texts() {
        let mut rest = text;
        let mut wrong = None;
        while let Some(Braces { inside, after, .. }) = next(rest).filter(|_| wrong.is_none()) {
            let found = || shown(&format!("{{{inside}}}"));
            wrong = wrong_in_braces(variable, inside, from).map(|(what, remedy)| (found(), what, remedy));
            rest = after;
        }
        if may_hold(variable)
            && wrong.is_none()
            && let Some((text, near)) = unclosed(text)
        {
            wrong = Some((shown(text), "whose brace is not closed", format!("did you mean {{{near}}}?")));
        }
        if let Some((text, what, remedy)) = wrong {
            findings.refuse(
                variable.name(),
                format!("holds {text}, {what}"),
                format!("in the variables of Status and SonarQube, one of {{{}}}", NAMES.join("}, {")),
                remedy,
            );
        }
    }
}

/// What is wrong with a word in braces, and what to do.
fn wrong_in_braces(variable: &Variable, word: &str, from: &TargetsFrom) -> Option<(&'static str, String)> {
    let is_known = NAMES.contains(&word);
    if !may_hold(variable) {
        return is_known.then(|| ("and takes no placeholders", "write the value itself".to_owned()));
    }
    if variable.field == "url" && OF_BITBUCKET.iter().any(|start| word.starts_with(start)) {
        return None;
    }
    if !is_known {
        let remedy = meant(word).map_or_else(
            || "write one of these, or the text without braces".to_owned(),
            |near| format!("did you mean {{{near}}}?"),
        );
        return Some(("which is not a placeholder", remedy));
    }
    (OF_PULL_REQUESTS.contains(&word) && *from != TargetsFrom::OpenPullRequests)
        .then(|| ("and TARGETS_FROM finds branches, which have none", format!("remove {{{word}}}")))
}

/// Reports placeholders of a run that finds no targets: nothing is known that they could stand for. `variables` are those
/// of a target, and `is_its_own` says which of them its entry in a list has. Variables that decide nothing are left out.
pub(crate) fn check_unfilled<'v>(
    variables: &'v Variables,
    is_its_own: impl Fn(&str) -> bool,
    findings: &mut Findings,
) -> Cow<'v, Variables> {
    let mut without = Cow::Borrowed(variables);
    // What REPOSITORIES finds has its values. They may hold such a word: git allows braces in the name of a branch.
    if variables.repositories.is_some() {
        return without;
    }
    for (variable, text) in variables.texts().filter(|(variable, _)| may_hold(variable)) {
        let Some(word) = first_known(text) else { continue };
        let (name, word) = (variable.name(), shown(&format!("{{{word}}}")));
        if is_its_own(variable.field) {
            // A list that MODE: targets wrote has the name of the branch in it.
            findings.warning(format!(
                "{name} holds {word}, which is posted as it is: only the variables of a run with REPOSITORIES have placeholders"
            ));
            continue;
        }
        findings.problem(
            &name,
            format!(
                "holds {word}, and placeholders stand for what is known of targets that REPOSITORIES finds"
            ),
            "the value itself",
            format!("write the value itself into {name}, or pass REPOSITORIES"),
        );
        if is_trifle(&name) {
            without.to_mut().put(variable.field, None);
        }
    }
    without
}

/// The first placeholder in a text.
fn first_known(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(Braces { inside, after, .. }) = next(rest) {
        if NAMES.contains(&inside) {
            return Some(inside);
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fill(text: &str) -> Option<String> {
        fill_in("key", text, "feature/login")
    }

    fn fill_in(field: &str, text: &str, branch: &str) -> Option<String> {
        let repository = Repository::from_full_name("acme/api").unwrap();
        let found = FoundTarget {
            repository: &repository,
            pull_request: Some(PullRequestId(7)),
            branch,
            destination: None,
        };
        found.fill(field, text)
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
            ("{ {repo_slug} }", Some("{ api }")),
        ] {
            assert_eq!(fill(text).as_deref(), filled, "{text}");
        }
    }

    #[test]
    fn a_value_stays_in_its_place_of_an_address() {
        let url = "https://ci.acme.example/{branch}/{repository.full_name}?b={branch}&x=1";
        for (branch, encoded) in [
            ("feature/login", "feature/login"),
            ("fix#12", "fix%2312"),
            ("a&x=1", "a%26x%3D1"),
            ("50%/ä~b-c.d_e+f", "50%25/%C3%A4~b-c.d_e%2Bf"),
            ("{branch}", "%7Bbranch%7D"),
        ] {
            let filled = url.replace("{branch}", encoded);
            assert_eq!(fill_in("url", url, branch), Some(filled), "{branch}");
            assert_eq!(fill_in("name", "{branch}", branch).as_deref(), Some(branch));
        }
    }

    #[test]
    fn a_word_is_near_a_name_whatever_its_case_spaces_and_signs_are() {
        for (word, near) in [
            ("repo-slug", Some("repo_slug")),
            (" repo_slug ", Some("repo_slug")),
            ("repo slug", Some("repo_slug")),
            ("repo.slug", Some("repo_slug")),
            ("repo_slug1", Some("repo_slug")),
            ("RepoSlug", Some("repo_slug")),
            ("Pull-Request", Some("pull_request")),
            ("", None),
            ("-", None),
            ("repo", None),
            ("repository", None),
        ] {
            assert_eq!(meant(word), near, "{word}");
        }
    }

    #[test]
    fn a_brace_that_is_not_closed_is_found_before_a_name() {
        for (text, found) in [
            ("k-{repo_slug", Some(("{repo_slug", "repo_slug"))),
            ("{repo_slugx {branch}", Some(("{repo_slugx", "repo_slug"))),
            ("{branch}-{repo-slug/x", Some(("{repo-slug", "repo_slug"))),
            ("{{branch}", None),
            ("{branch}", None),
            ("{", None),
            ("a { b", None),
            ("{ä", None),
        ] {
            assert_eq!(unclosed(text), found, "{text}");
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
