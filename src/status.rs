//! The build status that Bitbucket shows on a commit: pure, and total. Whatever the user writes becomes
//! a status within every limit of Bitbucket, or a problem that names the variable.

use std::{fmt, net::IpAddr};

use reqwest::Url;
use serde::Serialize;

use crate::{
    problem::{Findings, shown},
    target::{Repository, Target},
    variables::Variables,
};

/// A build status, as the body of
/// `POST /repositories/{workspace}/{repo_slug}/commit/{commit}/statuses/build`.
/// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/>
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The only type there is: `build`.
    r#type: &'static str,
    /// Identity on the commit; the same key overwrites.
    pub key: StatusKey,
    /// What reviewers and merge checks act on.
    pub state: State,
    /// Title, at most [`NAME_MAX_CHARS`].
    pub name: String,
    /// One line below the title, at most [`DESCRIPTION_MAX_CHARS`].
    pub description: String,
    /// Where a click leads.
    pub url: String,
    /// Source branch: the status counts for pull requests from this branch only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refname: Option<String>,
}

/// Bitbucket's four states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// Green.
    Successful,
    /// Red; merge checks count it against the pull request.
    Failed,
    /// Blue; a merge check waits for its end.
    InProgress,
    /// Grey.
    Stopped,
}

/// The identity of a status: at most [`KEY_MAX_CHARS`] characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusKey(String);

/// What is to be said of the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The state.
    pub state: State,
    /// The reason in a few words; the description, unless the user gives one.
    pub words: String,
}

/// The status as far as the variables tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusPlan {
    /// What is to be said.
    pub verdict: Verdict,
    /// Identity on the commit.
    pub key: StatusKey,
    name: String,
    description: Option<String>,
    /// The address that the user gave, or the page of the pipeline that runs; else the commit's page.
    url: Option<String>,
}

/// "Ensure this value has at most 40 characters": <https://github.com/buildbot/buildbot/issues/7049>.
pub const KEY_MAX_CHARS: usize = 40;
/// <https://github.com/jenkinsci/bitbucket-branch-source-plugin/pull/928>.
pub const NAME_MAX_CHARS: usize = 255;
/// Not documented; the limit of the name, whose column it is likely to share.
pub const DESCRIPTION_MAX_CHARS: usize = 255;
/// `URLValidator.max_length` of Django, whose words Bitbucket's refusals of addresses are.
/// <https://docs.djangoproject.com/en/stable/ref/validators/#urlvalidator>
pub const URL_MAX_CHARS: usize = 2048;

impl State {
    const ALL: [Self; 4] = [Self::Successful, Self::Failed, Self::InProgress, Self::Stopped];

    /// Bitbucket's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Successful => "SUCCESSFUL",
            Self::Failed => "FAILED",
            Self::InProgress => "INPROGRESS",
            Self::Stopped => "STOPPED",
        }
    }

    /// Everyday words for it, in lower case without white space, `-` and `_`.
    const fn synonyms(self) -> &'static [&'static str] {
        match self {
            Self::Successful => &["successful", "success", "succeeded", "passed", "pass", "ok", "green"],
            Self::Failed => &["failed", "failure", "fail", "error", "errored", "red", "broken"],
            Self::InProgress => &["inprogress", "running", "pending", "started", "queued", "building"],
            Self::Stopped => &["stopped", "cancelled", "canceled", "aborted", "killed"],
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Successful => "Successful",
            Self::Failed => "Failed",
            Self::InProgress => "In progress",
            Self::Stopped => "Stopped",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Verdict {
    /// From `STATE`: Bitbucket's word, an everyday one, or a process exit code.
    fn parse(text: &str) -> Option<Self> {
        if let Ok(code) = text.parse::<u8>() {
            return Some(if code == 0 {
                Self { state: State::Successful, words: State::Successful.words().to_owned() }
            } else {
                Self { state: State::Failed, words: format!("Failed with exit code {code}") }
            });
        }
        let plain: String =
            text.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).flat_map(char::to_lowercase).collect();
        State::ALL
            .into_iter()
            .find(|state| state.synonyms().contains(&plain.as_str()))
            .map(|state| Self { state, words: state.words().to_owned() })
    }
}

impl StatusKey {
    /// The key as given, or, when it is too long, its beginning, `-` and 8 hexadecimal digits of the
    /// SHA-256 of the whole, so that two long keys with one beginning stay two.
    pub fn fit(text: &str) -> Self {
        if text.chars().count() <= KEY_MAX_CHARS {
            return Self(text.to_owned());
        }
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        let number = digest.as_ref()[..4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        let suffix = format!("-{number:08x}");
        let kept: String = text.chars().take(KEY_MAX_CHARS - suffix.len()).collect();
        Self(kept + &suffix)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StatusKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Status {
    /// The status that ends this one when the run cannot finish it.
    #[must_use]
    pub fn stopped(&self) -> Self {
        Self { state: State::Stopped, description: "The run was stopped".to_owned(), ..self.clone() }
    }
}

impl StatusPlan {
    /// The status that the variables ask for, or the problems that keep them from asking for one.
    pub fn from_variables(variables: &Variables, findings: &mut Findings) -> Option<Self> {
        let verdict = verdict(variables.state.as_deref(), findings);
        let key = key(variables.key.as_deref(), findings);
        let url = match variables.url.as_deref() {
            Some(text) => url(text.trim(), findings),
            None => pipeline_page(variables),
        };
        let line = |text: &Option<String>| text.as_deref().map(one_line).filter(|line| !line.is_empty());
        Some(Self {
            verdict: verdict?,
            key: key?,
            name: line(&variables.name).unwrap_or_else(|| "Sonar".to_owned()),
            description: line(&variables.description),
            url,
        })
    }

    /// The status for a target, within every limit.
    pub fn status(&self, target: &Target) -> Status {
        let Verdict { state, words } = &self.verdict;
        Status {
            r#type: "build",
            key: self.key.clone(),
            state: *state,
            name: fit(&self.name, NAME_MAX_CHARS),
            description: fit(self.description.as_ref().unwrap_or(words), DESCRIPTION_MAX_CHARS),
            url: self.url.clone().unwrap_or_else(|| commit_page(target)),
            refname: target.refname.clone(),
        }
    }
}

/// The text on one line: each run of white space and control characters becomes one space.
pub fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The text, or as many of its whole words as fit before a `…`.
pub fn fit(text: &str, max_chars: usize) -> String {
    if text.chars().count() <= max_chars {
        return text.to_owned();
    }
    let kept: String = text.chars().take(max_chars.saturating_sub(1)).collect();
    // A word over half the room is cut rather than dropped.
    let cut = match kept.rfind(' ') {
        Some(space) if space >= kept.len() / 2 => &kept[..space],
        _ => &kept,
    };
    format!("{}…", cut.trim_end())
}

fn verdict(text: Option<&str>, findings: &mut Findings) -> Option<Verdict> {
    let accepted = "SUCCESSFUL, FAILED, INPROGRESS, STOPPED, an everyday word for one of them (passed, error, running, cancelled ...), or an exit code from 0 to 255";
    let Some(text) = text.map(str::trim) else {
        findings.problem(
            "STATE",
            "is not set: there is nothing to say of the commit",
            accepted,
            "pass the state to post, or in after-script `STATE: $BITBUCKET_EXIT_CODE`",
        );
        return None;
    };
    let verdict = Verdict::parse(text);
    if verdict.is_none() {
        findings.problem(
            "STATE",
            format!("is {}, which is no state", shown(text)),
            accepted,
            "pass one of these words, or in after-script `STATE: $BITBUCKET_EXIT_CODE`",
        );
    }
    verdict
}

/// Control characters cannot be typed again when the status is to be overwritten.
fn key(text: Option<&str>, findings: &mut Findings) -> Option<StatusKey> {
    let text = text.map(str::trim).filter(|text| !text.is_empty()).unwrap_or("sonar");
    if text.contains(char::is_control) {
        findings.problem(
            "KEY",
            format!("is {}, which has a line break or another control character", shown(text)),
            format!("one line of text, best at most {KEY_MAX_CHARS} characters"),
            "write the key again on one line; quotes that end a line later are a common cause",
        );
        return None;
    }
    let key = StatusKey::fit(text);
    if key.as_str() != text {
        findings.warning(format!(
            "KEY has {} characters and Bitbucket takes {KEY_MAX_CHARS}: \"{key}\" is used",
            text.chars().count()
        ));
    }
    Some(key)
}

/// An address that Bitbucket takes, exactly as the user wrote it: it may hold URI templates such as
/// `{repository.full_name}`.
fn url(text: &str, findings: &mut Findings) -> Option<String> {
    let Some(refused) = refusal_of_url(text) else {
        return Some(text.to_owned());
    };
    findings.problem(
        "URL",
        format!("is {}, {refused}", shown(text)),
        format!("an http or https address of at most {URL_MAX_CHARS} characters whose host has a dot or is an IP address, not loopback: Bitbucket refuses others"),
        "pass the address under which a reviewer's browser reaches the page, or leave URL out: the page of the pipeline is used",
    );
    None
}

fn refusal_of_url(text: &str) -> Option<&'static str> {
    if text.chars().count() > URL_MAX_CHARS {
        return Some("which is too long");
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Some("which has white space inside");
    }
    // As it is written: `Url` would repair what Bitbucket refuses.
    let Some((scheme, rest)) = text.split_once("://") else {
        return Some("which is no address");
    };
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Some("which is neither http nor https");
    }
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    if authority.contains('@') {
        return Some("which shows a user name or password to everybody");
    }
    let Some(url) = Url::parse(text).ok().filter(|_| !authority.is_empty() && !rest.contains('\\')) else {
        return Some("which is no address");
    };
    // A URL keeps an IPv6 address in brackets, and makes an IPv4 address of every number.
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    if let Ok(address) = host.parse::<IpAddr>() {
        if address.is_ipv4() && !authority.starts_with(host) {
            return Some("whose host is a number");
        }
        let address = address.to_canonical();
        return (address.is_loopback() || address.is_unspecified())
            .then_some("which is this machine's own address");
    }
    let host = host.trim_end_matches('.');
    if host == "localhost" || host.ends_with(".localhost") {
        return Some("which is this machine's own address");
    }
    if !host.contains('.') {
        return Some("whose host has no dot");
    }
    (!host.split('.').all(is_label)).then_some("whose host is no host name")
}

/// A part of a host name, in ASCII: <https://www.rfc-editor.org/rfc/rfc1123#section-2.1>.
fn is_label(part: &str) -> bool {
    (1..=63).contains(&part.len())
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !part.starts_with('-')
        && !part.ends_with('-')
}

/// The page of the pipeline that runs, when Pipelines tells enough.
fn pipeline_page(variables: &Variables) -> Option<String> {
    let workspace = variables.bitbucket_workspace.as_deref()?.trim();
    let slug = variables.bitbucket_repo_slug.as_deref()?.trim();
    let repository = Repository::from_full_name(&format!("{workspace}/{slug}"))?;
    let number: u64 = variables.bitbucket_build_number.as_deref()?.trim().parse().ok()?;
    Some(format!("{}/pipelines/results/{number}", repository.page()))
}

fn commit_page(target: &Target) -> String {
    format!("{}/commits/{}", target.repository.page(), target.commit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::target::CommitHash;

    fn target() -> Target {
        Target {
            repository: Repository::from_full_name("acme/api").unwrap(),
            commit: CommitHash::parse("8d081548cabb").unwrap(),
            refname: None,
        }
    }

    fn variables() -> Variables {
        Variables { state: Some("passed".to_owned()), ..Variables::default() }
    }

    fn status(variables: &Variables) -> Result<Status, Vec<String>> {
        let mut findings = Findings::default();
        let plan = StatusPlan::from_variables(variables, &mut findings);
        match (plan, findings.problems.is_empty()) {
            (Some(plan), true) => Ok(plan.status(&target())),
            (_, false) => Err(findings.problems.into_iter().map(|p| p.variable).collect()),
            (None, true) => panic!("no plan and no problem"),
        }
    }

    #[test]
    fn a_state_alone_makes_a_whole_status() {
        let body = serde_json::to_value(status(&variables()).unwrap()).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "type": "build",
                "key": "sonar",
                "state": "SUCCESSFUL",
                "name": "Sonar",
                "description": "Successful",
                "url": "https://bitbucket.org/acme/api/commits/8d081548cabb",
            })
        );
    }

    #[test]
    fn the_page_of_the_pipeline_is_its_own_not_the_targets() {
        let variables = Variables {
            bitbucket_workspace: Some("acme".to_owned()),
            bitbucket_repo_slug: Some("central".to_owned()),
            bitbucket_build_number: Some("42".to_owned()),
            ..variables()
        };
        assert_eq!(
            status(&variables).unwrap().url,
            "https://bitbucket.org/acme/central/pipelines/results/42"
        );
    }

    #[test]
    fn words_and_exit_codes_become_states() {
        for (text, state, words) in [
            ("SUCCESSFUL", State::Successful, "Successful"),
            ("Passed", State::Successful, "Successful"),
            ("0", State::Successful, "Successful"),
            ("in progress", State::InProgress, "In progress"),
            ("IN_PROGRESS", State::InProgress, "In progress"),
            ("cancelled", State::Stopped, "Stopped"),
            ("Error", State::Failed, "Failed"),
            ("1", State::Failed, "Failed with exit code 1"),
            ("255", State::Failed, "Failed with exit code 255"),
        ] {
            let verdict = Verdict::parse(text).unwrap();
            assert_eq!((verdict.state, verdict.words.as_str()), (state, words), "{text}");
        }
        for text in ["256", "-1", "1.0", "maybe", "0x0", "", "SUCCESSFUL FAILED", "$?"] {
            assert_eq!(Verdict::parse(text), None, "{text}");
        }
    }

    #[test]
    fn no_state_is_never_a_default_colour() {
        assert_eq!(status(&Variables::default()), Err(vec!["STATE".to_owned()]));
    }

    #[test]
    fn a_long_key_is_cut_and_stays_distinct() {
        let key = StatusKey::fit("sonar-pr-feature/a-very-long-branch-name-indeed");
        assert_eq!(key.as_str(), "sonar-pr-feature/a-very-long-br-ecb2f631");
        assert_eq!(key.as_str().len(), 40);
        assert_eq!(StatusKey::fit(&"ä".repeat(40)).as_str(), "ä".repeat(40));
    }

    #[test]
    fn only_addresses_that_bitbucket_takes_are_sent() {
        for good in [
            "https://sonar.acme.example/dashboard?id=a%3Ab&pullRequest=7#top",
            "http://10.0.0.7:9000/",
            "https://[2001:db8::1]/x",
            "https://foo.com/builds/{repository.full_name}",
            "HTTPS://Example.COM",
            "https://xn--bcher-kva.example/ä",
        ] {
            let variables = Variables { url: Some(good.to_owned()), ..variables() };
            assert_eq!(status(&variables).unwrap().url, good);
        }
        for bad in [
            "http://sonarqube:9000",
            "http://localhost:9000",
            "http://localhost./",
            "http://a.localhost/",
            "http://127.0.0.1/",
            "http://127.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://0.0.0.0/",
            "http://2130706433/",
            "http://1.1/",
            "ftp://a.b/",
            "javascript:alert(1)",
            "a.b/c",
            "https://",
            "https://a b.c/",
            "https://user:pw@a.b/",
            "https://@a.b/",
            "https:example.com",
            "https:///example.com/x",
            "https://example.com\\foo",
            "http://a..b/",
            "http://.example.com",
            "http://foo_bar.example.com/",
            "http://-a.example.com",
            "https://{repository.full_name}.example.com/",
            "https://a.b/\n",
            "https://intranet./",
            &format!("https://a.b/{}", "x".repeat(2048)),
        ] {
            let refused = refusal_of_url(bad);
            assert!(refused.is_some(), "{bad}");
        }
    }

    #[test]
    fn text_is_cut_at_a_word() {
        assert_eq!(fit("one two three", 13), "one two three");
        assert_eq!(fit("one two three", 12), "one two…");
        assert_eq!(fit(&"x".repeat(300), 255).chars().count(), 255);
    }

    #[test]
    fn control_characters_become_spaces_in_text_and_a_problem_in_a_key() {
        let variables = Variables {
            name: Some("a\nb\u{1b}[31mc".to_owned()),
            description: Some("\u{0}\u{7}".to_owned()),
            ..variables()
        };
        let made = status(&variables).unwrap();
        assert_eq!((made.name.as_str(), made.description.as_str()), ("a b [31mc", "Successful"));
        let variables = Variables { key: Some("a\nb".to_owned()), ..variables };
        assert_eq!(status(&variables), Err(vec!["KEY".to_owned()]));
    }

    proptest! {
        #[test]
        fn any_text_becomes_a_status_within_the_limits_or_a_named_problem(
            state in prop_oneof![Just("passed".to_owned()), "[0-9]{1,3}", ".{0,20}"],
            key in ".{0,90}", name in ".{0,600}", description in ".{0,600}",
            url in prop_oneof!["https://[a-z]{1,9}\\.[a-z]{2,5}/[^\\p{Cc}\\s]{0,60}", ".{0,60}"],
        ) {
            let variables = Variables {
                state: Some(state), key: Some(key), name: Some(name),
                description: Some(description), url: Some(url), ..Variables::default()
            };
            match status(&variables) {
                Ok(status) => prop_assert!(within_limits(&status)),
                Err(problems) => prop_assert!(problems.iter().all(|name| ["STATE", "KEY", "URL"].contains(&name.as_str()))),
            }
        }

        #[test]
        fn any_name_and_description_fit(name in "(?s).{0,600}", description in "(?s).{0,600}") {
            let variables = Variables { name: Some(name), description: Some(description), ..variables() };
            prop_assert!(within_limits(&status(&variables).unwrap()));
        }

        #[test]
        fn keys_fit_and_distinct_ones_stay_distinct(left in "[^\\p{Cc}]{0,120}", right in "[^\\p{Cc}]{0,120}", same in "[^\\p{Cc}]{0,60}") {
            let (left, right) = (format!("{same}{left}"), format!("{same}{right}"));
            let (a, b) = (StatusKey::fit(&left), StatusKey::fit(&right));
            prop_assert!(a.as_str().chars().count() <= KEY_MAX_CHARS);
            prop_assert_eq!(a == b, left == right);
        }

        #[test]
        fn fitted_text_is_a_beginning(text in "(?s).{0,80}", max in 1..60_usize) {
            let fitted = fit(&text, max);
            prop_assert!(fitted.chars().count() <= max);
            prop_assert!(text.starts_with(fitted.trim_end_matches('…')) || text == fitted);
        }
    }

    fn within_limits(status: &Status) -> bool {
        let count = |text: &str| text.chars().count();
        count(status.key.as_str()) <= KEY_MAX_CHARS
            && (1..=NAME_MAX_CHARS).contains(&count(&status.name))
            && (1..=DESCRIPTION_MAX_CHARS).contains(&count(&status.description))
            && (1..=URL_MAX_CHARS).contains(&count(&status.url))
            && [&status.name, &status.description, &status.url]
                .iter()
                .all(|text| !text.contains(char::is_control))
    }
}
