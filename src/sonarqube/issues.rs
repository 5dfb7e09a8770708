//! The issues and security hotspots of a project, which become annotations.
//!
//! SonarQube ignores parameters that it does not know, and answers what the others ask for: what an answer is about is
//! checked, and not believed.

use std::collections::HashMap;

use reqwest::StatusCode;
use serde_json::Value;

use crate::{
    console::text::fit,
    http::client::Client,
    model::{analysis::Subject, insights::Severity},
    sonarqube::{
        api::{SonarQube, is_cloud, of_subject},
        gate::text,
        refusal::Refusal,
    },
};

/// An issue or a security hotspot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Issue {
    pub(crate) key: String,
    pub(crate) is_hotspot: bool,
    /// The key of the rule.
    pub(crate) rule: Option<String>,
    /// On one line; it may be empty.
    pub(crate) message: String,
    pub(crate) quality: Quality,
    pub(crate) severity: Severity,
    /// The severity in SonarQube's word, such as `High`.
    pub(crate) severity_word: String,
    /// The time that SonarQube reckons for its remedy, such as `2h1min`.
    pub(crate) effort: Option<String>,
    /// The file, from the base folder of the project.
    pub(crate) path: Option<IssuePath>,
    /// From 1; `None` when it is about the whole file.
    pub(crate) line: Option<u32>,
}

/// The file of an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IssuePath {
    pub(crate) path: String,
    /// Whether it was taken from the key of the component: SonarQube did not list the file.
    pub(crate) is_guessed: bool,
}

impl IssuePath {
    /// Whether a guess looks like the path of a file in a folder.
    pub(crate) fn looks_like_file(&self) -> bool {
        self.path.rsplit_once('/').is_some_and(|(_, name)| name.contains('.'))
    }
}

/// What an issue harms most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Quality {
    Security,
    Reliability,
    Maintainability,
}

/// A page of issues.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct IssuePage {
    /// Those of the project.
    pub(crate) issues: Vec<Issue>,
    /// How many there are on all pages.
    pub(crate) total: usize,
    /// The number of items on the page, whatever they are.
    pub(crate) received: usize,
    /// The number of those that are of another project.
    pub(crate) others: usize,
    /// The number of those that cannot be read.
    pub(crate) unreadable: usize,
}

/// The most issues that SonarQube puts on a page.
pub(crate) const PAGE_SIZE: usize = 500;
/// Five hundred issues with the flows that lead to them.
const PAGE_MAX_BYTES: usize = 16 * 1024 * 1024;
/// SonarQube's messages are shorter; a longer one is cut before it is kept.
const MESSAGE_MAX_CHARS: usize = 4000;

impl SonarQube<'_> {
    /// A page of the open issues of a pull request, or of the new ones of a branch, most severe first.
    ///
    /// `GET api/issues/search`; without 'Browse' the list is empty. The old name of the first parameter works on every
    /// version, and is the only one of SonarQube Cloud.
    ///
    /// # Errors
    ///
    /// When SonarQube refuses it or cannot be reached.
    pub(crate) async fn issues(
        &self,
        project: &str,
        subject: &Subject,
        page: usize,
        page_size: usize,
    ) -> Result<IssuePage, Box<Refusal>> {
        let (page, page_size) = (page.to_string(), page_size.to_string());
        let mut query = vec![("componentKeys", project), ("resolved", "false")];
        query.extend([("s", "SEVERITY"), ("asc", "false"), ("p", &page), ("ps", &page_size)]);
        query.extend(of_subject(subject));
        // A pull request has nothing but new code.
        if !matches!(subject, Subject::PullRequest(_)) {
            query.push((self.new_code_parameter(), "true"));
        }
        let url = self.url("api/issues/search", &query);
        let understand = |answer: Value| IssuePage::read(&answer, "issues", project, Issue::read);
        let client = Client { body_max_bytes: PAGE_MAX_BYTES, ..self.client };
        let reader = SonarQube { client, ..*self };
        reader.get("ask for the issues", url, understand).await
    }

    /// The security hotspots to review, on one page.
    ///
    /// `GET api/hotspots/search`; needs 'Browse'. SonarQube Cloud has no documented way to ask for those of a pull request.
    ///
    /// # Errors
    ///
    /// When SonarQube refuses it or cannot be reached.
    pub(crate) async fn hotspots(&self, project: &str, subject: &Subject) -> Result<IssuePage, Box<Refusal>> {
        // It was renamed with 10.3. Without the file of a scanner the version is not known.
        let names = if self.is_before(10, 3) { ["projectKey", "project"] } else { ["project", "projectKey"] };
        let found = self.hotspots_by(names[0], project, subject).await;
        match found {
            Err(refusal)
                if self.version.is_none() && refusal.status_code() == Some(StatusCode::BAD_REQUEST) =>
            {
                self.hotspots_by(names[1], project, subject).await
            }
            found => found,
        }
    }

    async fn hotspots_by(
        &self,
        project_parameter: &str,
        project: &str,
        subject: &Subject,
    ) -> Result<IssuePage, Box<Refusal>> {
        let page_size = PAGE_SIZE.to_string();
        let mut query = vec![(project_parameter, project), ("status", "TO_REVIEW"), ("ps", &page_size)];
        query.extend(of_subject(subject));
        if !matches!(subject, Subject::PullRequest(_)) {
            query.push((self.new_code_parameter(), "true"));
        }
        let url = self.url("api/hotspots/search", &query);
        let understand = |answer: Value| IssuePage::read(&answer, "hotspots", project, Issue::read_hotspot);
        self.get("ask for the security hotspots", url, understand).await
    }

    /// The parameter that leaves the new code. Version 10.0 removed the old name; SonarQube Cloud has no other one.
    fn new_code_parameter(&self) -> &'static str {
        if is_cloud(&self.address.url) || self.is_before(9, 5) {
            "sinceLeakPeriod"
        } else {
            "inNewCodePeriod"
        }
    }

    /// Whether the server is known to be older than this version.
    fn is_before(&self, major: u32, minor: u32) -> bool {
        let mut parts = self.version.into_iter().flat_map(|version| version.split('.'));
        let mut part = || parts.next().and_then(|part| part.parse::<u32>().ok());
        match (part(), part()) {
            (Some(known), known_minor) => (known, known_minor.unwrap_or_default()) < (major, minor),
            (None, _) => false,
        }
    }
}

impl IssuePage {
    fn read(
        answer: &Value,
        list: &str,
        project: &str,
        read: fn(&Value, &HashMap<&str, &str>) -> Option<Issue>,
    ) -> Option<Self> {
        let items = answer.get(list)?.as_array()?;
        let components = answer.get("components").and_then(Value::as_array);
        let path = |component: &'_ Value| -> Option<(String, String)> {
            let is_file = ["FIL", "UTS"].contains(&component.get("qualifier")?.as_str()?);
            let (key, path) = (component.get("key")?.as_str()?, component.get("path")?.as_str()?);
            is_file.then(|| (key.to_owned(), path.to_owned()))
        };
        let paths: Vec<(String, String)> = components.into_iter().flatten().filter_map(path).collect();
        let paths: HashMap<&str, &str> =
            paths.iter().map(|(key, path)| (key.as_str(), path.as_str())).collect();
        let is_of_project =
            |item: &&Value| item.get("project").and_then(Value::as_str).is_none_or(|known| known == project);
        // A parameter that leaves out what is closed may have been passed over.
        let is_open = |item: &&&Value| {
            let status = item.get("status").and_then(Value::as_str).unwrap_or_default();
            !["REVIEWED", "RESOLVED", "CLOSED"].contains(&status)
        };
        let of_project: Vec<&Value> = items.iter().filter(is_of_project).collect();
        let others = items.len() - of_project.len();
        let open: Vec<&Value> = of_project.iter().filter(is_open).copied().collect();
        let mut issues: Vec<Issue> = open.iter().filter_map(|item| read(item, &paths)).collect();
        let unreadable = open.len() - issues.len();
        let mut known = std::collections::HashSet::new();
        issues.retain(|issue| known.insert(issue.key.clone()));
        let total = answer.pointer("/paging/total").or_else(|| answer.get("total")).and_then(Value::as_u64);
        let total = total.and_then(|total| usize::try_from(total).ok()).unwrap_or(items.len());
        let received = items.len();
        Some(Self { issues, total: total.max(received), received, others, unreadable })
    }
}

impl Issue {
    fn read(issue: &Value, paths: &HashMap<&str, &str>) -> Option<Self> {
        let (quality, severity, severity_word) = worst_impact(issue).unwrap_or_else(|| classic(issue));
        Some(Self {
            is_hotspot: false,
            rule: text(issue.get("rule")),
            quality,
            severity,
            severity_word,
            effort: text(issue.get("effort")),
            ..Self::common(issue, paths)?
        })
    }

    fn read_hotspot(hotspot: &Value, paths: &HashMap<&str, &str>) -> Option<Self> {
        let word = text(hotspot.get("vulnerabilityProbability")).unwrap_or_default();
        let severity = match word.as_str() {
            "HIGH" => Severity::High,
            "MEDIUM" => Severity::Medium,
            _ => Severity::Low,
        };
        Some(Self {
            is_hotspot: true,
            rule: text(hotspot.get("ruleKey")),
            quality: Quality::Security,
            severity,
            severity_word: in_words(&word),
            effort: None,
            ..Self::common(hotspot, paths)?
        })
    }

    /// What issues and hotspots have in common.
    fn common(item: &Value, paths: &HashMap<&str, &str>) -> Option<Self> {
        let line = item.get("line").or_else(|| item.pointer("/textRange/startLine"));
        let line = line.and_then(Value::as_u64).and_then(|line| u32::try_from(line).ok());
        let component = item.get("component").and_then(Value::as_str).unwrap_or_default();
        let project = item.get("project").and_then(Value::as_str).unwrap_or_default();
        Some(Self {
            key: text(item.get("key"))?,
            is_hotspot: false,
            rule: None,
            message: fit(&text(item.get("message")).unwrap_or_default(), MESSAGE_MAX_CHARS),
            quality: Quality::Maintainability,
            severity: Severity::Low,
            severity_word: String::new(),
            effort: None,
            path: match paths.get(component) {
                Some(path) => Some(IssuePath { path: (*path).to_owned(), is_guessed: false }),
                None => path_in_key(component, project),
            },
            line: line.filter(|line| *line > 0),
        })
    }
}

/// What the key of a component ends with, which may be the path of a file: `acme_api:src/main.rs`.
fn path_in_key(component: &str, project: &str) -> Option<IssuePath> {
    let path = component.strip_prefix(project)?.strip_prefix(':')?;
    (!path.is_empty() && !path.contains(':')).then(|| IssuePath { path: path.to_owned(), is_guessed: true })
}

/// The worst of the impacts that an issue has since 10.2.
fn worst_impact(issue: &Value) -> Option<(Quality, Severity, String)> {
    let read = |impact: &Value| {
        let quality = match impact.get("softwareQuality")?.as_str()? {
            "SECURITY" => Quality::Security,
            "RELIABILITY" => Quality::Reliability,
            _ => Quality::Maintainability,
        };
        let word = impact.get("severity")?.as_str()?;
        let severity = match word {
            "BLOCKER" => Severity::Critical,
            "HIGH" => Severity::High,
            "MEDIUM" => Severity::Medium,
            _ => Severity::Low,
        };
        Some((severity, quality, in_words(word)))
    };
    let impacts = issue.get("impacts")?.as_array()?.iter().filter_map(read);
    let (severity, quality, word) = impacts.min_by_key(|(severity, quality, _)| (*severity, *quality))?;
    Some((quality, severity, word))
}

/// The severity and type that an issue had before.
fn classic(issue: &Value) -> (Quality, Severity, String) {
    let quality = match issue.get("type").and_then(Value::as_str) {
        Some("VULNERABILITY" | "SECURITY_HOTSPOT") => Quality::Security,
        Some("BUG") => Quality::Reliability,
        _ => Quality::Maintainability,
    };
    let word = issue.get("severity").and_then(Value::as_str).unwrap_or_default();
    let severity = match word {
        "BLOCKER" => Severity::Critical,
        "CRITICAL" => Severity::High,
        "MAJOR" => Severity::Medium,
        _ => Severity::Low,
    };
    (quality, severity, in_words(word))
}

/// `HIGH` as `High`.
fn in_words(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters.flat_map(char::to_lowercase)).collect()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn page(issues: &Value) -> IssuePage {
        let answer = json!({
            "paging": { "total": 7 },
            "issues": issues,
            "components": [
                { "key": "p", "qualifier": "TRK" },
                { "key": "p:src/a.rs", "qualifier": "FIL", "path": "src/a.rs" },
            ],
        });
        IssuePage::read(&answer, "issues", "p", Issue::read).unwrap()
    }

    #[test]
    fn the_worst_impact_tells_severity_and_quality() {
        let impact =
            |quality: &str, severity: &str| json!({ "softwareQuality": quality, "severity": severity });
        for (issue, quality, severity, word) in [
            (
                json!({ "impacts": [impact("MAINTAINABILITY", "HIGH"), impact("SECURITY", "HIGH")] }),
                Quality::Security,
                Severity::High,
                "High",
            ),
            (
                json!({ "impacts": [impact("SECURITY", "LOW"), impact("RELIABILITY", "BLOCKER")] }),
                Quality::Reliability,
                Severity::Critical,
                "Blocker",
            ),
            (
                json!({ "impacts": [impact("MAINTAINABILITY", "INFO")], "severity": "BLOCKER" }),
                Quality::Maintainability,
                Severity::Low,
                "Info",
            ),
            (
                json!({ "impacts": [], "severity": "CRITICAL", "type": "VULNERABILITY" }),
                Quality::Security,
                Severity::High,
                "Critical",
            ),
            (json!({ "severity": "MAJOR", "type": "BUG" }), Quality::Reliability, Severity::Medium, "Major"),
            (json!({}), Quality::Maintainability, Severity::Low, ""),
        ] {
            let mut issue = issue;
            issue["key"] = json!("k");
            let read = page(&json!([issue])).issues.remove(0);
            assert_eq!(
                (read.quality, read.severity, read.severity_word.as_str()),
                (quality, severity, word),
                "{issue}"
            );
        }
    }

    #[test]
    fn the_file_and_the_line_are_found_where_they_are() {
        let issue = |component: &str| json!({ "key": component, "project": "p", "component": component });
        let path = |path: &str, is_guessed| Some(IssuePath { path: path.to_owned(), is_guessed });
        for (component, expected) in [
            ("p:src/a.rs", path("src/a.rs", false)),
            ("p:src/b.rs", path("src/b.rs", true)),
            ("p:Makefile", path("Makefile", true)),
            ("p:module:src/b.rs", None),
            ("p", None),
            ("other:src/b.rs", None),
        ] {
            assert_eq!(page(&json!([issue(component)])).issues[0].path, expected, "{component}");
        }
        let at = |more: Value| {
            let mut issue = issue("p:src/a.rs");
            issue.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            page(&json!([issue])).issues[0].line
        };
        assert_eq!(at(json!({ "line": 4, "textRange": { "startLine": 9 } })), Some(4));
        assert_eq!(at(json!({ "textRange": { "startLine": 9 } })), Some(9));
        assert_eq!(at(json!({ "line": 0 })), None);
    }

    #[test]
    fn issues_of_other_projects_and_keys_twice_are_left_out() {
        let read = page(&json!([
            { "key": "a", "project": "p" }, { "key": "a", "project": "p" }, { "key": "b", "project": "q" }, {},
            { "key": "c", "project": "p", "status": "REVIEWED" },
        ]));
        assert_eq!((read.issues.len(), read.others, read.unreadable), (1, 1, 1));
        assert_eq!((read.received, read.total), (5, 7));
    }

    proptest! {
        #[test]
        fn any_answer_is_a_page_or_none(keys in prop::collection::vec("[ -~]{0,5}", 0..5), noise in "[ -~]{0,20}") {
            let issues: Vec<Value> =
                keys.iter().map(|key| json!({ "key": key, "line": noise, "impacts": noise, "component": noise })).collect();
            let read = page(&json!(issues));
            prop_assert!(read.issues.len() <= issues.len());
            prop_assert!(read.issues.iter().all(|issue| !issue.key.is_empty()));
        }
    }
}
