//! The statuses of the projects that always have one (`SONAR_PROJECTS`) and have no analysis in this run.

use crate::{
    bitbucket::refusal::Refusal,
    config::analysis::VerdictPlan,
    explain::{
        no_verdict::{Doubt, NoVerdict},
        tell::tell_no_verdict,
    },
    model::{outcome::Outcome, status::Status, target::Target, verdict::Verdict},
    run::{
        delivery::{Delivery, StatusResult},
        expected_projects::may_replace,
        find_commit::{CommitFinder, FoundCommit},
        publish::target::TargetPublisher,
    },
};

impl<'p> TargetPublisher<'_, 'p> {
    /// What is said of each project that always has a status and has none of these verdicts. Tells why, if it is not green.
    pub(super) fn unanalysed(&self, verdicts: &[Verdict]) -> Vec<Verdict> {
        let VerdictPlan::Ask(analysis) = &self.plan.verdict else { return Vec::new() };
        self.warn_of_unnamed(&analysis.expected.keys, verdicts);
        let projects = analysis.without_analysis(verdicts.iter().map(|verdict| verdict.project.as_deref()));
        let Some(doubt) = analysis.doubt(verdicts).filter(|_| !projects.is_empty()) else {
            return projects.iter().map(|project| Verdict::not_affected(project)).collect();
        };
        let console = self.bitbucket.client.console;
        let reason = NoVerdict::NotAnalysed { projects: projects.clone(), doubt };
        tell_no_verdict(&reason, console);
        let words = console.without_secrets(&reason.to_string());
        projects
            .iter()
            .map(|project| Verdict::not_analysed(project, words.clone(), reason.outcome()))
            .collect()
    }

    /// Warns of projects that have an analysis and are not named: a key may be misspelt.
    fn warn_of_unnamed(&self, expected: &[String], verdicts: &[Verdict]) {
        if expected.is_empty() {
            return;
        }
        let console = self.bitbucket.client.console;
        for project in verdicts.iter().filter_map(|verdict| verdict.project.as_ref()) {
            if !expected.contains(project)
                && let Some(console) = console.news(format!("{project} is not in SONAR_PROJECTS"))
            {
                console.warning(format_args!(
                    "{project} has an analysis and is not in SONAR_PROJECTS: after a change that does not touch it, it has no status"
                ));
            }
        }
    }

    /// Posts the status of a project without an analysis, unless the verdict of another step or run stands on the commit.
    pub(super) async fn post_unanalysed(
        &self,
        finder: &CommitFinder<'_, 'p>,
        found: &mut FoundCommit,
        verdict: &Verdict,
    ) -> StatusResult {
        let status = |target: &Target| self.plan.unanalysed_status(verdict, target);
        // What stands is looked at where the status is posted: a refusal may lead to another commit.
        let step = async |target: &Target| match self.kept(status(target), target).await? {
            Some(kept) => Ok((Delivery::Kept, kept)),
            None => self.post_to_slot(target, status(target)).await,
        };
        let (delivery, status) = self.run_post(finder, found, step, status).await;
        let is_kept = matches!(delivery, Delivery::Kept);
        let kept_words = status.description.clone();
        StatusResult {
            target: Some(found.target.clone()),
            status: Some(status),
            delivery,
            // What stands is the verdict of another run.
            verdict_outcome: if is_kept { Outcome::Done } else { verdict.outcome },
            verdict_words: if is_kept { kept_words } else { verdict.words.clone() },
        }
    }

    /// What stands under the key of the status, if it stays. A read that is refused lets nothing be posted: it could hide a
    /// red verdict.
    async fn kept(&self, status: Status, target: &Target) -> Result<Option<Status>, Box<Refusal>> {
        if self.results.is_some_and(|results| results.earlier.has_delivered(target, &status)) {
            return Ok(None);
        }
        let credential = self.credential(target);
        let bitbucket = self.bitbucket.with(&credential);
        let standing = bitbucket.standing_status(target, &status.key).await?;
        Ok(standing.filter(|standing| !may_replace(standing, self.has_failed_scan())).map(|standing| {
            let description = standing.description.unwrap_or_default();
            Status { state: standing.state, description, url: standing.url.unwrap_or(status.url), ..status }
        }))
    }

    fn has_failed_scan(&self) -> bool {
        let VerdictPlan::Ask(analysis) = &self.plan.verdict else { return false };
        matches!(analysis.doubt_of_scan(), Some(Doubt::ScanFailed { .. }))
    }
}
