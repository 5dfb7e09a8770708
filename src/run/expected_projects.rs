//! Finds the projects of `SONAR_PROJECTS` that have no analysis in this run, and decides whether the change may affect them
//! nevertheless.

use crate::{
    bitbucket::api::StandingStatus,
    config::analysis::{AnalysisPlan, AnalysisSource},
    explain::no_verdict::Doubt,
    model::{
        state::State,
        verdict::{Verdict, is_of_no_analysis},
    },
};

impl AnalysisPlan {
    /// The projects that always have a status and are not among these.
    pub(crate) fn without_analysis<'p>(
        &self,
        analysed: impl IntoIterator<Item = Option<&'p str>>,
    ) -> Vec<String> {
        let analysed: Vec<&str> = analysed.into_iter().flatten().collect();
        let keys = self.expected.keys.iter();
        keys.filter(|key| !analysed.contains(&key.as_str())).cloned().collect()
    }

    /// Whether a scan that ended well may have left nothing: the change affects no project.
    pub(crate) fn may_be_empty(&self) -> bool {
        let Self { expected, scan_exit_code, .. } = self;
        !expected.keys.is_empty() && *scan_exit_code == Some(0) && expected.unread.is_empty()
    }

    /// Why a project without an analysis may be affected, as far as it is known before SonarQube is asked.
    pub(crate) fn doubt_of_scan(&self) -> Option<Doubt> {
        if let Some(exit_code) = self.failed_scan() {
            return Some(Doubt::ScanFailed { exit_code });
        }
        self.expected.unread.first().cloned().map(Doubt::Unread)
    }

    /// Why a project without an analysis may be affected. `verdicts` are those of the analyses, compared with the commit.
    pub(crate) fn doubt(&self, verdicts: &[Verdict]) -> Option<Doubt> {
        if let Some(doubt) = self.doubt_of_scan() {
            return Some(doubt);
        }
        if verdicts.iter().any(|verdict| verdict.project.is_none()) {
            return Some(Doubt::UnknownProject);
        }
        let has_gate =
            |verdict: &Verdict| verdict.analysis.is_some() && self.is_of_scanner(verdict.project.as_deref());
        let has_ended = self.scan_exit_code.is_some() || verdicts.iter().any(has_gate);
        (!has_ended).then_some(Doubt::UnknownEnd)
    }

    /// Whether a scanner left a file of the project. A webhook tells nothing of the end of a scan in this build.
    fn is_of_scanner(&self, project: Option<&str>) -> bool {
        let AnalysisSource::Files(files) = &self.source else { return false };
        files.found.iter().any(|file| {
            // A file without a key is of the project that its task names.
            let named = file.content.as_ref().ok().and_then(|analysis| analysis.project.as_deref());
            file.task().is_some() && (named.is_none() || named == project)
        })
    }
}

/// Whether the status of a project without an analysis may replace what stands under its key. A verdict about this commit
/// stays: another step has analysed the project. Only a scan that failed casts doubt on a green one.
pub(crate) fn may_replace(standing: &StandingStatus, has_failed: bool) -> bool {
    let is_verdict = !standing.description.as_deref().is_some_and(is_of_no_analysis);
    match standing.state {
        State::InProgress => true,
        State::Successful => !is_verdict || has_failed,
        State::Failed | State::Stopped => !is_verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(state: State, description: &str) -> StandingStatus {
        StandingStatus { state, url: None, description: Some(description.to_owned()), refname: None }
    }

    #[test]
    fn a_verdict_that_stands_is_never_replaced_by_a_green_without_an_analysis() {
        let gate = "Quality gate passed: acme_web, pull request 7";
        let crash = "Not analysed: the scan ended with exit code 1";
        for (state, description, by_green, by_failed_scan) in [
            (State::Failed, "3 New Issues (is greater than 0)", false, false),
            (State::Stopped, "No quality gate was computed: acme_web", false, false),
            (State::Successful, gate, false, true),
            (State::InProgress, "In progress", true, true),
            (State::Failed, crash, true, true),
            (State::Failed, "No verdict: the variable SONAR_TOKEN of this pipeline is wrong", true, true),
            (State::Successful, "Not affected by this change", true, true),
            (State::Stopped, "The run was stopped", true, true),
            (
                State::Stopped,
                "Ended by Gatepost on 28 Nov 2026, 20:00 UTC: INPROGRESS since 1 Nov",
                true,
                true,
            ),
            (State::Stopped, "Ended by Gatepost on 28 Nov 2026, 20:00 UTC: FAILED", false, false),
        ] {
            let standing = standing(state, description);
            assert_eq!(may_replace(&standing, false), by_green, "{description}");
            assert_eq!(may_replace(&standing, true), by_failed_scan, "{description}");
        }
    }
}
