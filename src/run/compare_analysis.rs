//! Compares the analysis with the commit of the status: a green about something else is not posted.

use std::time::Duration;

use tokio::sync::OnceCell;

use crate::{
    bitbucket::api::Bitbucket,
    config::analysis::AnalysisPlan,
    console::log::Console,
    explain::{no_verdict::NoVerdict, tell::tell_no_verdict},
    model::{
        analysis::{Comparison, Subject, Wanted},
        state::State,
        target::Target,
        timestamp::Timestamp,
        verdict::{Freshness, JudgedAnalysis, Verdict},
    },
    run::summary::advice::Advice,
};

/// Compares the analyses of one target with its commit.
#[derive(Debug)]
pub(crate) struct AnalysisComparison<'a> {
    plan: &'a AnalysisPlan,
    bitbucket: Bitbucket<'a>,
    /// For the page of the run.
    advice: Option<&'a Advice>,
    console: &'a Console,
    /// The date of the commit, once it was asked for.
    commit_date: OnceCell<Option<Timestamp>>,
}

impl<'a> AnalysisComparison<'a> {
    pub(crate) fn new(plan: &'a AnalysisPlan, bitbucket: Bitbucket<'a>, advice: Option<&'a Advice>) -> Self {
        Self { plan, bitbucket, advice, console: bitbucket.client.console, commit_date: OnceCell::new() }
    }

    /// The verdict, if its analysis is about what the status is for; otherwise a verdict that says what is wrong.
    pub(crate) async fn compared(&self, verdict: Verdict, wanted: &Wanted, target: &Target) -> Verdict {
        let Some(analysis) = &verdict.analysis else { return verdict };
        let is_green = verdict.state == State::Successful;
        if let Some(reason) = self.refute(analysis, wanted, Some(target), is_green).await {
            tell_no_verdict(&reason, self.console);
            let (words, outcome) = (self.console.without_secrets(&reason.to_string()), reason.outcome());
            if let Some(advice) = self.advice {
                advice.of_no_verdict(&words, &reason, self.console);
            }
            return Verdict { state: State::Failed, words, outcome, analysis: None, draft: None, ..verdict };
        }
        for doubt in doubts(analysis, wanted) {
            self.console.warning(doubt);
        }
        verdict
    }

    /// Why the analysis is not about what the status is for, if something shows it. `target` has the commit, if it was
    /// found.
    pub(crate) async fn refute(
        &self,
        analysis: &JudgedAnalysis,
        wanted: &Wanted,
        target: Option<&Target>,
        is_green: bool,
    ) -> Option<NoVerdict> {
        match contradiction(analysis, wanted) {
            Some(reason) => Some(reason),
            None if self.plan.failed_scan().is_some() => self.unproven(analysis, wanted, target).await,
            None if is_green => self.older(analysis, wanted, target).await,
            None => None,
        }
    }

    /// After a scan that failed: why there is no verdict, unless something proves that the scan made the analysis.
    async fn unproven(
        &self,
        analysis: &JudgedAnalysis,
        wanted: &Wanted,
        target: Option<&Target>,
    ) -> Option<NoVerdict> {
        let exit_code = self.plan.failed_scan()?;
        let is_proven = is_proven(analysis, wanted, None)
            || (is_of_wanted(analysis, wanted)
                && is_proven(analysis, wanted, self.commit_date(target).await));
        if is_proven {
            self.console.warning(format_args!(
                "the scan ended with exit code {exit_code}, after it had sent this analysis: see the log of the scanner"
            ));
            return None;
        }
        Some(NoVerdict::Unproven { exit_code, submitted: analysis.submitted })
    }

    /// The reason not to believe an analysis that is older than the commit. Bitbucket is asked only when the file does not
    /// show that it is of this build.
    async fn older(
        &self,
        analysis: &JudgedAnalysis,
        wanted: &Wanted,
        target: Option<&Target>,
    ) -> Option<NoVerdict> {
        let submitted = analysis.submitted?;
        if analysis.freshness != Freshness::Unknown || names_commit(analysis, wanted) {
            return None;
        }
        let commit_date = self.commit_date(target).await;
        if commit_date.is_none() && self.bitbucket.credential.kind.is_pipelines_proxy() {
            self.console.warning(format_args!(
                "the analysis of {submitted} may be older than the commit: nothing shows that this checkout made it, and without a credential Bitbucket is not asked for the date of the commit"
            ));
        }
        let commit_date = commit_date?;
        let is_older = submitted.is_before(commit_date, CLOCKS_DIFFER_BY);
        is_older.then_some(NoVerdict::Older { submitted, commit_date })
    }

    /// The date of the commit, if Bitbucket tells it.
    async fn commit_date(&self, target: Option<&Target>) -> Option<Timestamp> {
        let Target { repository, commit, .. } = target?;
        let ask = async || self.bitbucket.read_commit(repository, commit).await.ok().flatten();
        *self.commit_date.get_or_init(ask).await
    }
}

/// What the reader should know of an analysis that nothing refutes.
pub(crate) fn doubts(analysis: &JudgedAnalysis, wanted: &Wanted) -> Vec<String> {
    let JudgedAnalysis { subject, revision, is_named, main_branch, source_branch, freshness, .. } = analysis;
    let mut doubts = Vec::new();
    let is_of_main_branch = subject.compare(wanted, main_branch.as_deref()) == Comparison::MainBranch;
    // Who names the project was warned with the variables, if its branch is not called like a main branch.
    if is_of_main_branch && !(*is_named && subject.compare(wanted, None) == Comparison::MainBranch) {
        doubts.push(format!(
            "the analysis is of the main branch, and the status is for {}: that is right for SonarQube Community Build only, which does not know other branches",
            wanted.words()
        ));
    }
    if let (Subject::PullRequest(id), None, Some(branch), None) =
        (subject, &wanted.pull_request, &wanted.branch, source_branch)
    {
        doubts.push(format!(
            "the analysis is of pull request {id}, and the status is for branch {branch}: SonarQube does not tell whether this is its branch"
        ));
    }
    let is_compared = revision.is_some() || (*subject == Subject::Main && *freshness != Freshness::Unknown);
    if wanted.is_commit_alone() && wanted.commit.is_some() && !is_compared {
        doubts.push(format!(
            "the analysis is of {}, and of the status only the commit is known: SonarQube does not tell the commit of the analysis, so they were not compared",
            subject.in_sentence()
        ));
    }
    doubts
}

/// The clocks of two machines differ, and a commit may be made while its analysis is under way.
const CLOCKS_DIFFER_BY: Duration = Duration::from_mins(15);

/// What the analysis is of, if the status is for something else.
fn contradiction(analysis: &JudgedAnalysis, wanted: &Wanted) -> Option<NoVerdict> {
    let JudgedAnalysis { subject, revision, main_branch, source_branch, is_named, knows_branches, .. } =
        analysis;
    let is_other = match subject.compare(wanted, main_branch.as_deref()) {
        Comparison::Same => false,
        // SonarQube's main branch may have another name than that of Bitbucket: then the commit says that it is the same.
        Comparison::MainBranch if wanted.may_be_main() => *knows_branches && !names_commit(analysis, wanted),
        Comparison::MainBranch => *knows_branches,
        // The user may know that this pull request is the one of the branch.
        Comparison::Other if *is_named && wanted.pull_request.is_none() => match subject {
            Subject::PullRequest(_) => source_branch.is_some() && *source_branch != wanted.branch,
            Subject::Branch(_) | Subject::Main => true,
        },
        // The branch of a fork may have been analysed under its name.
        Comparison::Other
            if wanted.is_of_fork
                && matches!(subject, Subject::Branch(branch) if Some(branch) == wanted.branch.as_ref()) =>
        {
            !names_commit(analysis, wanted)
        }
        Comparison::Other => true,
    };
    if is_other {
        return Some(NoVerdict::OtherSubject { analysed: subject.clone(), wanted: wanted.clone() });
    }
    match (revision, &wanted.commit) {
        (Some(analysed), Some(wanted)) if !analysed.matches(wanted) => {
            Some(NoVerdict::OtherCommit { analysed: analysed.clone(), wanted: wanted.clone() })
        }
        _ => None,
    }
}

/// Whether a scan that failed made the analysis. One of these proves it:
///
/// - SonarQube or a webhook names the commit of the status as the one that was analysed.
/// - The file that names the analysis was written after this checkout was made, when SonarQube got the analysis.
/// - The analysis is of this pull request or branch, and newer than the commit.
fn is_proven(analysis: &JudgedAnalysis, wanted: &Wanted, commit_date: Option<Timestamp>) -> bool {
    let is_of_this_checkout = analysis.freshness == Freshness::OfThisCheckout;
    let is_newer = matches!((analysis.submitted, commit_date), (Some(sent), Some(commit)) if sent > commit);
    names_commit(analysis, wanted) || is_of_this_checkout || (is_newer && is_of_wanted(analysis, wanted))
}

/// Whether SonarQube or a webhook names the commit of the status as the one that was analysed.
fn names_commit(analysis: &JudgedAnalysis, wanted: &Wanted) -> bool {
    let both = (&analysis.revision, &wanted.commit);
    matches!(both, (Some(analysed), Some(wanted)) if analysed.matches(wanted))
}

/// Whether the analysis names the pull request or branch of the status.
fn is_of_wanted(analysis: &JudgedAnalysis, wanted: &Wanted) -> bool {
    let is_known = wanted.pull_request.is_some() || wanted.branch.is_some();
    let main_branch = analysis.main_branch.as_deref();
    is_known
        && analysis.subject != Subject::Main
        && analysis.subject.compare(wanted, main_branch) == Comparison::Same
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::target::CommitHash;

    fn analysis(subject: Subject) -> JudgedAnalysis {
        JudgedAnalysis {
            subject,
            revision: None,
            main_branch: None,
            source_branch: None,
            submitted: Timestamp::parse("2026-11-24T12:00:00Z"),
            freshness: Freshness::Unknown,
            is_named: false,
            knows_branches: false,
        }
    }

    fn wanted() -> Wanted {
        Wanted {
            pull_request: Some("7".to_owned()),
            branch: Some("feature/check".to_owned()),
            commit: CommitHash::parse("8d081548cabb"),
            is_of_fork: false,
        }
    }

    #[test]
    fn each_proof_is_enough_and_nothing_else_is() {
        let of_pull_request = || analysis(Subject::PullRequest("7".to_owned()));
        let (before, after) =
            (Timestamp::parse("2026-11-24T11:00:00Z"), Timestamp::parse("2026-11-24T13:00:00Z"));
        assert!(!is_proven(&of_pull_request(), &wanted(), None));
        assert!(!is_proven(&of_pull_request(), &wanted(), after));
        assert!(is_proven(&of_pull_request(), &wanted(), before));
        assert!(!is_proven(&analysis(Subject::Main), &wanted(), before), "the main branch has a newer one");
        let named = JudgedAnalysis { revision: CommitHash::parse("8d081548cabbe0"), ..of_pull_request() };
        assert!(is_proven(&named, &wanted(), None));
        let of_other = JudgedAnalysis { revision: CommitHash::parse("94277cd267a8"), ..of_pull_request() };
        assert!(!is_proven(&of_other, &wanted(), after));
        let written_here = JudgedAnalysis { freshness: Freshness::OfThisCheckout, ..analysis(Subject::Main) };
        assert!(is_proven(&written_here, &wanted(), None));
    }

    #[test]
    fn another_pull_request_branch_or_commit_is_a_contradiction() {
        let told = |analysis: &JudgedAnalysis| contradiction(analysis, &wanted()).map(|it| it.to_string());
        assert_eq!(told(&analysis(Subject::PullRequest("PR-7".to_owned()))), None);
        assert_eq!(told(&analysis(Subject::Branch("feature/check".to_owned()))), None);
        assert_eq!(told(&analysis(Subject::Main)), None);
        for (analysis, words) in [
            (
                JudgedAnalysis { is_named: true, knows_branches: true, ..analysis(Subject::Main) },
                "The analysis is of the main branch, this is pull request 7",
            ),
            (
                analysis(Subject::PullRequest("3".to_owned())),
                "The analysis is of pull request 3, this is pull request 7",
            ),
            (
                analysis(Subject::Branch("feature/old".to_owned())),
                "The analysis is of branch feature/old, this is pull request 7",
            ),
            (
                JudgedAnalysis { knows_branches: true, ..analysis(Subject::Main) },
                "The analysis is of the main branch, this is pull request 7",
            ),
            (
                JudgedAnalysis { revision: CommitHash::parse("94277cd267a8"), ..analysis(Subject::Main) },
                "The analysis is of commit 94277cd267a8, this is commit 8d081548cabb",
            ),
        ] {
            assert_eq!(told(&analysis).as_deref(), Some(words));
        }
    }

    proptest! {
        #[test]
        fn an_analysis_of_another_pull_request_is_never_green(analysed in 1..9_u32, wanted in 1..9_u32) {
            let wanted = Wanted { pull_request: Some(wanted.to_string()), ..Wanted::default() };
            let analysis = analysis(Subject::PullRequest(format!("PR-{analysed}")));
            let is_same = wanted.pull_request == Some(analysed.to_string());
            prop_assert_eq!(contradiction(&analysis, &wanted).is_none(), is_same);
        }
    }
}
