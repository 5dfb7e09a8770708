//! A Code Insights report with its annotations, as Bitbucket accepts them.
//!
//! Bitbucket documents the fields and few of the limits. The others are those that its services were seen to refuse.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Number;

use crate::{
    console::text::{fit, one_line},
    model::{
        analysis::{ServerAddress, Subject},
        status::StatusKey,
    },
};

/// A report without its annotations, as the body of
/// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-reports/#api-repositories-workspace-repo-slug-commit-commit-reports-reportid-put>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    /// Its id, which is part of its address.
    #[serde(skip)]
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) details: String,
    pub(crate) reporter: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) link: Option<String>,
    #[serde(rename = "report_type")]
    pub(crate) kind: &'static str,
    pub(crate) result: ReportResult,
    /// `true` would write into Jira.
    pub(crate) remote_link_enabled: bool,
    pub(crate) data: Vec<ReportData>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum ReportResult {
    Passed,
    Failed,
}

/// A row that Bitbucket shows with the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ReportData {
    pub(crate) title: String,
    #[serde(flatten)]
    pub(crate) value: DataValue,
}

/// The value of a row, in the form that its type wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", content = "value", rename_all = "UPPERCASE")]
pub(crate) enum DataValue {
    Number(Number),
    /// 0 to 100.
    Percentage(Number),
    Text(String),
}

/// What a report says of a verdict, before its issues are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReportDraft {
    /// The failed conditions, worst first, below a headline.
    pub(crate) lines: Vec<String>,
    pub(crate) data: Vec<ReportData>,
    /// The dashboard, if Bitbucket accepts its address.
    pub(crate) link: Option<String>,
    /// Whether the value of a condition shows that SonarQube has issues.
    pub(crate) counts_issues: bool,
    /// Where the issues are asked for; `None` when no server is known.
    pub(crate) source: Option<IssueSource>,
}

/// The analysis whose issues become annotations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IssueSource {
    pub(crate) server: ServerAddress,
    /// As the file of a scanner says it.
    pub(crate) server_version: Option<String>,
    /// The key of the project.
    pub(crate) project: String,
    pub(crate) subject: Subject,
    /// The file that names the analysis.
    pub(crate) file: Option<PathBuf>,
}

/// An annotation, as an item of the body of
/// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-reports/#api-repositories-workspace-repo-slug-commit-commit-reports-reportid-annotations-post>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Annotation {
    /// Unique in the report.
    pub(crate) external_id: String,
    #[serde(rename = "annotation_type")]
    pub(crate) kind: AnnotationType,
    pub(crate) severity: Severity,
    /// From the root of the repository. Without it, the annotation is shown with the report only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    /// From 1. Without it, the annotation is shown at the top of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u32>,
    pub(crate) summary: String,
    pub(crate) details: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) link: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum AnnotationType {
    Vulnerability,
    CodeSmell,
    Bug,
}

/// The severity of an annotation, most severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Severity {
    Critical,
    High,
    Medium,
    Low,
}

/// The ids of all reports of Gatepost begin with it, and those of other tools do not.
const ID_PREFIX: &str = "gatepost-";
const TITLE_MAX_CHARS: usize = 255;
const DETAILS_MAX_CHARS: usize = 2000;
/// Bitbucket documents it.
pub(crate) const DATA_MAX: usize = 10;
const DATA_TITLE_MAX_CHARS: usize = 100;
const SUMMARY_MAX_CHARS: usize = 450;
/// Bitbucket documents it.
pub(crate) const ANNOTATIONS_MAX: usize = 1000;
/// Bitbucket documents it.
pub(crate) const ANNOTATIONS_AT_ONCE: usize = 100;

/// The id of the report that belongs to a status: there is one report for each status.
pub(crate) fn report_id(key: &StatusKey) -> String {
    format!("{ID_PREFIX}{key}")
}

impl Report {
    /// A report within every limit. `lines` are its details, and `tail` is their last line, which is never cut.
    pub(crate) fn new(
        key: &StatusKey,
        title: &str,
        lines: &[String],
        tail: Option<&str>,
        result: ReportResult,
    ) -> Self {
        let tail = tail.map(|tail| format!("\n{}", one_line(tail))).unwrap_or_default();
        let room = DETAILS_MAX_CHARS.saturating_sub(tail.chars().count());
        let lines: Vec<String> = lines.iter().map(|line| one_line(line)).collect();
        Self {
            id: report_id(key),
            title: fit(title, TITLE_MAX_CHARS),
            details: whole_lines(&lines, room) + &tail,
            reporter: "SonarQube",
            link: None,
            kind: "BUG",
            result,
            remote_link_enabled: false,
            data: Vec::new(),
        }
    }

    pub(crate) fn to_json(&self) -> String {
        json(self)
    }
}

/// As many lines as there is room for; the last line says how many more there are.
fn whole_lines(lines: &[String], room: usize) -> String {
    let all = lines.join("\n");
    if all.chars().count() <= room {
        return all;
    }
    let more = |number: usize| format!("\nand {number} more");
    let room_of_lines = room.saturating_sub(more(lines.len()).chars().count());
    let mut used = 0;
    let fits = |line: &&String| {
        used += line.chars().count() + 1;
        used <= room_of_lines + 1
    };
    let kept = lines.iter().take_while(fits).count();
    if kept == 0 {
        return fit(&all, room);
    }
    lines[..kept].join("\n") + &more(lines.len() - kept)
}

impl ReportData {
    pub(crate) fn new(title: &str, value: DataValue) -> Self {
        Self { title: fit(&one_line(title), DATA_TITLE_MAX_CHARS), value }
    }
}

impl Annotation {
    /// The texts within every limit.
    #[must_use]
    pub(crate) fn fitted(self) -> Self {
        Self {
            summary: fit(&one_line(&self.summary), SUMMARY_MAX_CHARS),
            details: fit(&one_line(&self.details), DETAILS_MAX_CHARS),
            ..self
        }
    }

    pub(crate) fn to_json(annotations: &[Self]) -> String {
        json(annotations)
    }
}

/// Only maps whose keys are no text cannot be written as JSON.
fn json(body: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_body_has_the_words_of_bitbucket() {
        let key = StatusKey::fit("sonar-acme:api");
        let mut report = Report::new(&key, "Sonar", &["Failed".to_owned()], None, ReportResult::Failed);
        report.data = vec![
            ReportData::new("Coverage", DataValue::Percentage(Number::from_f64(54.5).unwrap())),
            ReportData::new("Rating", DataValue::Text("C".to_owned())),
        ];
        assert_eq!(report.id, "gatepost-sonar-acme:api");
        assert_eq!(
            report.to_json(),
            r#"{"title":"Sonar","details":"Failed","reporter":"SonarQube","report_type":"BUG","result":"FAILED","remote_link_enabled":false,"data":[{"title":"Coverage","type":"PERCENTAGE","value":54.5},{"title":"Rating","type":"TEXT","value":"C"}]}"#
        );
        let annotation = Annotation {
            external_id: "sonar-AZ1".to_owned(),
            kind: AnnotationType::CodeSmell,
            severity: Severity::Medium,
            path: Some("src/a b.rs".to_owned()),
            line: Some(4),
            summary: "Why".to_owned(),
            details: "Rule".to_owned(),
            link: None,
        };
        assert_eq!(
            Annotation::to_json(&[annotation]),
            r#"[{"external_id":"sonar-AZ1","annotation_type":"CODE_SMELL","severity":"MEDIUM","path":"src/a b.rs","line":4,"summary":"Why","details":"Rule"}]"#
        );
        assert!(Severity::Critical < Severity::Low);
    }

    #[test]
    fn lines_that_have_no_room_are_counted() {
        let lines: Vec<String> = (0..40).map(|number| format!("- {number:02} {}", "x".repeat(94))).collect();
        let report = Report::new(&StatusKey::fit("k"), "t", &lines, Some("note"), ReportResult::Failed);
        let shown: Vec<&str> = report.details.lines().collect();
        assert_eq!(shown[18..], [lines[18].as_str(), "and 21 more", "note"]);
        assert!(report.details.chars().count() <= DETAILS_MAX_CHARS);
        let long = [lines[0].clone(), "y".repeat(3000)];
        let details = Report::new(&StatusKey::fit("k"), "t", &long, None, ReportResult::Failed).details;
        assert_eq!(details, format!("{}\nand 1 more", lines[0]));
    }

    proptest! {
        #[test]
        fn any_text_is_within_the_limits(
            title in "(?s).{0,400}", lines in prop::collection::vec("(?s).{0,900}", 0..5), tail in "(?s).{0,90}",
            summary in "(?s).{0,900}",
        ) {
            let key = StatusKey::fit("k");
            let report = Report::new(&key, &title, &lines, Some(&tail), ReportResult::Passed);
            prop_assert!(report.title.chars().count() <= TITLE_MAX_CHARS);
            prop_assert!(report.details.chars().count() <= DETAILS_MAX_CHARS);
            prop_assert!(report.details.ends_with(&one_line(&tail)));
            let annotation = Annotation {
                external_id: String::new(),
                kind: AnnotationType::Bug,
                severity: Severity::Low,
                path: None,
                line: None,
                summary: summary.clone(),
                details: summary,
                link: None,
            }
            .fitted();
            prop_assert!(annotation.summary.chars().count() <= SUMMARY_MAX_CHARS);
            prop_assert!(annotation.details.chars().count() <= DETAILS_MAX_CHARS);
        }
    }
}
