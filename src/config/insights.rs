//! Which Code Insights report goes beside the status: `REPORT`, `STATUS` and `SONAR_BASE_DIR`.

use std::path::{Component, Path, PathBuf};

use crate::{
    config::{findings::Findings, parse::flag, variables::Variables},
    console::foreign::shown,
};

/// What is posted of a verdict beside its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InsightsPlan {
    pub(crate) scope: ReportScope,
    /// `STATUS`.
    pub(crate) posts_status: bool,
    /// `SONAR_BASE_DIR`: the base folder of the analysed project, from the root of the repository.
    pub(crate) base_folder: Option<PathBuf>,
}

/// How much a report tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReportScope {
    /// The gate, with the issues as annotations.
    Issues,
    /// The gate.
    Gate,
    /// There is no report.
    Nothing,
}

/// A report is deleted, created, and gets its annotations in ten batches.
const REQUESTS_WITH_ISSUES: usize = 12;

impl InsightsPlan {
    /// The requests to Bitbucket that a status and its report need at most, without retries.
    pub(crate) fn requests(&self) -> usize {
        let of_report = match self.scope {
            ReportScope::Issues => REQUESTS_WITH_ISSUES,
            ReportScope::Gate => 1,
            ReportScope::Nothing => 0,
        };
        of_report + usize::from(self.posts_status)
    }

    /// Reads the variables. A list has no reports unless they are asked for: each takes up to 12 requests.
    pub(crate) fn from_variables(variables: &Variables, is_listed: bool, findings: &mut Findings) -> Self {
        let default = if is_listed { ReportScope::Nothing } else { ReportScope::Issues };
        let posts_status = posts_status(variables, findings);
        // A state that is given has no gate and no issues.
        let scope = if variables.state.is_some() {
            ReportScope::Nothing
        } else {
            scope(variables.report.as_deref(), default, findings)
        };
        if !posts_status && scope == ReportScope::Nothing {
            let (found, remedy) = if variables.state.is_some() {
                ("is false beside STATE, which has no report", "remove STATUS, or remove STATE")
            } else {
                ("is false, and there is no report", "pass REPORT: issues or REPORT: gate, or remove STATUS")
            };
            findings.refuse(
                "STATUS",
                format!("{found}: nothing would be posted"),
                "true, or false with a REPORT",
                remedy,
            );
        }
        Self { scope, posts_status, base_folder: base_folder(variables.sonar_base_dir.as_deref(), findings) }
    }
}

/// Whether the run posts statuses: `STATUS`.
pub(crate) fn posts_status(variables: &Variables, findings: &mut Findings) -> bool {
    flag("STATUS", variables.status.as_deref(), true, findings)
}

fn scope(text: Option<&str>, default: ReportScope, findings: &mut Findings) -> ReportScope {
    let Some(text) = text.map(str::trim) else { return default };
    match text.to_ascii_lowercase().as_str() {
        "issues" | "true" | "yes" | "on" | "1" => ReportScope::Issues,
        "gate" => ReportScope::Gate,
        "false" | "no" | "off" | "0" | "none" => ReportScope::Nothing,
        _ => {
            findings.problem(
                "REPORT",
                format!("is {}, which is no kind of report", shown(text)),
                "issues (a report with annotations), gate (a report alone) or false",
                "pass one of these words, or remove REPORT",
            );
            default
        }
    }
}

/// A path from the root of the repository. It names no file outside of it.
fn base_folder(text: Option<&str>, findings: &mut Findings) -> Option<PathBuf> {
    let text = text.map(str::trim)?;
    // Windows writes its paths with another sign.
    let with_slashes = text.replace('\\', "/");
    let path = Path::new(&with_slashes);
    let is_drive = with_slashes.get(1..2) == Some(":");
    if !is_drive && path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Some(path.components().filter(|part| matches!(part, Component::Normal(_))).collect());
    }
    findings.problem(
        "SONAR_BASE_DIR",
        format!("is {}, which is not a path from the root of the repository", shown(text)),
        "the folder that the scanner ran in, such as services/api, without / at the beginning and without ..",
        "",
    );
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(
        report: Option<&str>,
        status: Option<&str>,
        state: Option<&str>,
        is_listed: bool,
    ) -> (InsightsPlan, Findings) {
        let variables = Variables {
            report: report.map(str::to_owned),
            status: status.map(str::to_owned),
            state: state.map(str::to_owned),
            ..Variables::default()
        };
        let mut findings = Findings::default();
        (InsightsPlan::from_variables(&variables, is_listed, &mut findings), findings)
    }

    #[test]
    fn one_target_has_a_report_with_its_issues_and_a_list_has_none() {
        for (report, state, is_listed, scope) in [
            (None, None, false, ReportScope::Issues),
            (None, None, true, ReportScope::Nothing),
            (Some("Gate"), None, true, ReportScope::Gate),
            (Some("true"), None, true, ReportScope::Issues),
            (Some("false"), None, false, ReportScope::Nothing),
            (Some("perhaps"), None, false, ReportScope::Issues),
            (Some("issues"), Some("passed"), false, ReportScope::Nothing),
        ] {
            let (plan, findings) = plan(report, None, state, is_listed);
            assert_eq!((plan.scope, findings.problems.len()), (scope, 0), "{report:?}");
        }
    }

    #[test]
    fn something_is_posted() {
        assert!(plan(None, Some("false"), None, false).1.problems.is_empty());
        assert_eq!(plan(Some("false"), Some("false"), None, false).1.problems[0].variable, "STATUS");
        assert_eq!(plan(None, Some("false"), Some("passed"), false).1.problems[0].variable, "STATUS");
    }

    #[test]
    fn the_base_folder_is_within_the_repository() {
        let read = |text: &str| {
            let mut findings = Findings::default();
            (base_folder(Some(text), &mut findings), findings.warnings.len())
        };
        assert_eq!(read("./services/api/"), (Some(PathBuf::from("services/api")), 0));
        assert_eq!(read("."), (Some(PathBuf::new()), 0));
        assert_eq!(read(".\\services\\api\\"), (Some(PathBuf::from("services/api")), 0));
        for wrong in ["/opt", "../api", "a/../../b", "C:\\src", "..\\api"] {
            assert_eq!(read(wrong), (None, 1), "{wrong}");
        }
    }
}
