//! The status that the variables ask for. Any text of the user becomes a status within the limits of Bitbucket, or a
//! problem that names the variable.

use crate::model::address::URL_MAX_CHARS;
use crate::model::status::KEY_MAX_CHARS;
use crate::{
    config::{findings::Findings, variables::Variables},
    console::{
        foreign::{holds_credential, shown},
        text::{fit, forges, is_visible, one_line},
    },
    model::{
        address::{AddressProblem, refusal_of_url},
        status::{DESCRIPTION_MAX_CHARS, NAME_MAX_CHARS, Status, StatusKey},
        target::{Repository, Target},
        verdict::Verdict,
    },
};

/// The parts of a status that the variables name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatusPlan {
    key: Option<String>,
    name: Option<String>,
    /// `SONAR_PROJECT_KEY`, for the default key and name.
    project: Option<String>,
    description: Option<String>,
    /// `URL`.
    url: Option<String>,
    /// The address of the page of this pipeline run.
    pipeline_page: Option<String>,
    /// Whether Pipelines runs this step for the first time.
    is_first_run: bool,
}

/// The key of a verdict whose project is not known.
const DEFAULT_KEY: &str = "sonar";

impl StatusPlan {
    /// Reads the variables. A wrong value is a problem, and is left out.
    pub(crate) fn from_variables(variables: &Variables, findings: &mut Findings) -> Self {
        let line = |text: &Option<String>| text.as_deref().map(one_line).filter(|line| !line.is_empty());
        let mut open = |name: &str, text: &Option<String>| open_line(name, line(text)?, findings);
        let (title, description) =
            (open("NAME", &variables.name), open("DESCRIPTION", &variables.description));
        Self {
            key: key(variables.key.as_deref(), findings),
            name: title,
            project: line(&variables.sonar_project_key),
            description,
            url: url(variables.url.as_deref(), findings),
            pipeline_page: pipeline_page(variables),
            is_first_run: variables.bitbucket_step_run_number.as_deref().map(str::trim) == Some("1"),
        }
    }

    /// The status for a target, within every limit. With `several` statuses, a given name gets the project as well.
    pub(crate) fn status(&self, verdict: &Verdict, target: &Target, key: StatusKey, several: bool) -> Status {
        let project = verdict.project.as_deref();
        let url = self.url.as_ref().or(verdict.link.as_ref()).or(self.pipeline_page.as_ref());
        let description = self.description.clone().unwrap_or_else(|| one_line(&verdict.words));
        Status {
            r#type: "build",
            key,
            state: verdict.state,
            name: fit(&self.titled(self.name.as_deref(), "Sonar", ": ", project, several), NAME_MAX_CHARS),
            description: fit(&description, DESCRIPTION_MAX_CHARS),
            url: url.cloned().unwrap_or_else(|| commit_page(target)),
            refname: target.refname.clone(),
        }
    }

    /// `DESCRIPTION`.
    pub(crate) fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// `URL`.
    pub(crate) fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Whether a status with this link is of another step of this pipeline run: this step has not run before.
    pub(crate) fn is_of_other_step(&self, url: Option<&str>) -> bool {
        self.is_first_run && url.is_some() && url == self.pipeline_page.as_deref()
    }

    /// The link that a status gets when Bitbucket does not accept its link.
    pub(crate) fn other_url(&self, target: &Target) -> String {
        self.pipeline_page.clone().unwrap_or_else(|| commit_page(target))
    }

    /// The key of the status: `KEY`, or a default by project, so that two scans of one repository do not overwrite each
    /// other's status.
    pub(crate) fn key_for(&self, project: Option<&str>) -> StatusKey {
        self.report_key(project, false)
    }

    /// The key of the report beside it. With `several` projects under one `KEY`, each has its own report.
    pub(crate) fn report_key(&self, project: Option<&str>, several: bool) -> StatusKey {
        StatusKey::fit(&self.titled(self.key.as_deref(), DEFAULT_KEY, "-", project, several))
    }

    /// Whether the user gives the key.
    pub(crate) const fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// The text that the user gave, or the default; with the project where one is needed.
    fn titled(
        &self,
        given: Option<&str>,
        default: &str,
        separator: &str,
        project: Option<&str>,
        several: bool,
    ) -> String {
        let (start, project) = match given {
            Some(given) => (given, project.filter(|_| several)),
            None => (default, project.or(self.project.as_deref())),
        };
        one_line(&project.map_or_else(|| start.to_owned(), |project| format!("{start}{separator}{project}")))
    }
}

/// A key must be one that a person can write again, so that a later run can overwrite the status.
fn key(text: Option<&str>, findings: &mut Findings) -> Option<String> {
    let text = text.map(str::trim).filter(|text| !text.is_empty())?;
    let forges_text = text.contains(forges);
    if forges_text || !text.contains(is_visible) {
        findings.problem(
            "KEY",
            format!("is {}, which has a line break or other characters that cannot be seen", shown(text)),
            format!("one line of visible text, preferably at most {KEY_MAX_CHARS} characters"),
            "write the key again on one line; quotes that end one line too late are a common cause",
        );
        return None;
    }
    let text = one_line(text);
    let fitted = StatusKey::fit(&text);
    if fitted.as_str() != text {
        findings.warning(format!(
            "KEY has {} characters and Bitbucket accepts {KEY_MAX_CHARS}: Gatepost uses \"{fitted}\"",
            text.chars().count()
        ));
    }
    Some(text)
}

/// A text that everybody may see; `None` when it holds an address with a password.
fn open_line(name: &str, text: String, findings: &mut Findings) -> Option<String> {
    if !holds_credential(&text) {
        return Some(text);
    }
    findings.problem(
        name,
        format!("is {}, which shows a user name, a password or a token to everybody", shown(&text)),
        "text that everybody may see",
        format!("remove the secret from {name}"),
    );
    None
}

/// An address that Bitbucket accepts, unchanged: it may hold URI templates such as `{repository.full_name}`.
fn url(text: Option<&str>, findings: &mut Findings) -> Option<String> {
    let text = text?.trim();
    let refused = match refusal_of_url(text) {
        Some(refused) => refused,
        None if holds_credential(text) => AddressProblem::ShowsCredential,
        None => return Some(text.to_owned()),
    };
    findings.problem(
        "URL",
        format!("is {}, {refused}", shown(text)),
        format!("an http or https address of at most {URL_MAX_CHARS} characters whose host has a dot or is an IP address, not loopback: Bitbucket refuses others"),
        "pass the address under which a reviewer's browser reaches the page, or remove URL: the default is the page of the pipeline",
    );
    None
}

/// The address of the page of this pipeline run, if the variables of the build name it.
fn pipeline_page(variables: &Variables) -> Option<String> {
    let workspace = variables.bitbucket_workspace.as_deref()?.trim();
    let slug = variables.bitbucket_repo_slug.as_deref()?.trim();
    let repository = Repository::from_full_name(&format!("{workspace}/{slug}"))?;
    let number: u64 = variables.bitbucket_build_number.as_deref()?.trim().parse().ok()?;
    Some(format!("{}/pipelines/results/{number}", repository.page()))
}

fn commit_page(target: &Target) -> String {
    // Abbreviated, so that the address is the same for every spelling of the hash.
    format!("{}/commits/{}", target.repository.page(), target.commit.digits())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::state::State;
    use crate::model::{outcome::Outcome, target::CommitHash};

    fn target() -> Target {
        Target {
            repository: Repository::from_full_name("acme/api").unwrap(),
            commit: CommitHash::parse("8d081548cabb").unwrap(),
            refname: None,
        }
    }

    fn verdict() -> Verdict {
        Verdict {
            state: State::Successful,
            words: "Successful".to_owned(),
            project: None,
            link: None,
            outcome: Outcome::Done,
            analysis: None,
            draft: None,
        }
    }

    fn status(variables: &Variables) -> Result<Status, Vec<String>> {
        let mut findings = Findings::default();
        let plan = StatusPlan::from_variables(variables, &mut findings);
        if findings.problems.is_empty() {
            Ok(plan.status(&verdict(), &target(), plan.key_for(None), false))
        } else {
            Err(findings.problems.into_iter().map(|p| p.variable).collect())
        }
    }

    #[test]
    fn a_state_alone_makes_a_whole_status() {
        let body = serde_json::to_value(status(&Variables::default()).unwrap()).unwrap();
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
            ..Variables::default()
        };
        assert_eq!(
            status(&variables).unwrap().url,
            "https://bitbucket.org/acme/central/pipelines/results/42"
        );
    }

    #[test]
    fn a_known_project_is_part_of_the_default_key_and_name() {
        let judged = Verdict { project: Some("acme:api".to_owned()), ..verdict() };
        let made = |key: Option<&str>, project: Option<&str>, several| {
            let variables = Variables {
                key: key.map(str::to_owned),
                sonar_project_key: project.map(str::to_owned),
                ..Variables::default()
            };
            let plan = StatusPlan::from_variables(&variables, &mut Findings::default());
            let key = plan.key_for(judged.project.as_deref());
            let status = plan.status(&judged, &target(), key, several);
            (status.key.as_str().to_owned(), status.name)
        };
        let pair = |key: &str, name: &str| (key.to_owned(), name.to_owned());
        assert_eq!(made(None, None, false), pair("sonar-acme:api", "Sonar: acme:api"));
        assert_eq!(made(None, None, true), pair("sonar-acme:api", "Sonar: acme:api"));
        assert_eq!(made(Some("gate"), None, false), pair("gate", "Sonar: acme:api"));
        assert_eq!(made(Some("gate"), None, true), pair("gate", "Sonar: acme:api"));
        assert_eq!(made(None, Some("acme:api"), false), pair("sonar-acme:api", "Sonar: acme:api"));
        assert_eq!(made(Some("gate"), Some("acme:api"), false), pair("gate", "Sonar: acme:api"));
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
            let variables = Variables { url: Some(good.to_owned()), ..Variables::default() };
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
    fn control_characters_become_spaces_in_text_and_a_problem_in_a_key() {
        let variables = Variables {
            name: Some("a\nb\u{1b}[31mc".to_owned()),
            description: Some("\u{0}\u{7}".to_owned()),
            ..Variables::default()
        };
        let made = status(&variables).unwrap();
        assert_eq!((made.name.as_str(), made.description.as_str()), ("a b [31mc", "Successful"));
        let variables = Variables { key: Some("a\nb".to_owned()), ..variables };
        assert_eq!(status(&variables), Err(vec!["KEY".to_owned()]));
    }

    proptest! {
        #[test]
        fn any_text_becomes_a_status_within_the_limits_or_a_named_problem(
            key in ".{0,90}", name in ".{0,600}", description in ".{0,600}",
            url in prop_oneof!["https://[a-z]{1,9}\\.[a-z]{2,5}/[^\\p{Cc}\\s]{0,60}", ".{0,60}"],
        ) {
            let variables = Variables {
                key: Some(key), name: Some(name),
                description: Some(description), url: Some(url), ..Variables::default()
            };
            match status(&variables) {
                Ok(status) => prop_assert!(within_limits(&status)),
                Err(problems) => prop_assert!(problems.iter().all(|name| ["KEY", "URL"].contains(&name.as_str()))),
            }
        }

        #[test]
        fn any_name_and_description_fit(name in "(?s).{0,600}", description in "(?s).{0,600}") {
            let variables = Variables { name: Some(name), description: Some(description), ..Variables::default() };
            prop_assert!(within_limits(&status(&variables).unwrap()));
        }

        #[test]
        fn keys_fit_and_distinct_ones_stay_distinct(left in "[^\\p{Cc}]{0,120}", right in "[^\\p{Cc}]{0,120}", same in "[^\\p{Cc}]{0,60}") {
            let (left, right) = (format!("{same}{left}"), format!("{same}{right}"));
            let (a, b) = (StatusKey::fit(&left), StatusKey::fit(&right));
            prop_assert!(a.as_str().chars().count() <= KEY_MAX_CHARS);
            prop_assert_eq!(a == b, left == right);
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
