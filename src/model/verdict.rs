//! What a status says of a commit.

use crate::model::{
    analysis::Subject, insights::ReportDraft, outcome::Outcome, state::State, status::STOPPED_WORDS,
    target::CommitHash, timestamp::Timestamp,
};

/// What a status says of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) state: State,
    /// The description, unless the user gives one.
    pub(crate) words: String,
    /// The key of the project in SonarQube.
    pub(crate) project: Option<String>,
    /// The page that shows it, if Bitbucket accepts its address.
    pub(crate) link: Option<String>,
    /// How the run ends when the status is posted.
    pub(crate) outcome: Outcome,
    /// The analysis that it comes from. `None` when there is none whose gate is told.
    pub(crate) analysis: Option<Box<JudgedAnalysis>>,
    /// What a report says beside it. `None` when it has no gate.
    pub(crate) draft: Option<Box<ReportDraft>>,
}

/// An analysis whose gate is told, as far as it is needed to see whether it is about the commit of the status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JudgedAnalysis {
    pub(crate) subject: Subject,
    /// The commit that was analysed, if a webhook or SonarQube names it.
    pub(crate) revision: Option<CommitHash>,
    /// The name of the main branch, if a webhook or SonarQube tells it.
    pub(crate) main_branch: Option<String>,
    /// The branch that the analysed pull request comes from, if SonarQube tells it.
    pub(crate) source_branch: Option<String>,
    /// When the scanner sent it.
    pub(crate) submitted: Option<Timestamp>,
    pub(crate) freshness: Freshness,
    /// Whether the user names it (`SONAR_PROJECT_KEY`), and no file does.
    pub(crate) is_named: bool,
    /// Whether the server is known to know pull requests and branches.
    pub(crate) knows_branches: bool,
}

/// What the file that names an analysis tells of its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Written in this checkout, when the scanner sent the analysis.
    OfThisCheckout,
    /// Written within the time that a step may take, when the scanner sent the analysis. There is no checkout.
    Recent,
    /// Nothing.
    Unknown,
}

/// What `STATE` accepts.
pub(crate) const STATE_ACCEPTED: &str = "SUCCESSFUL, FAILED, INPROGRESS, STOPPED, a common word for one of them (passed, error, running, cancelled ...), or an exit code";

const NOT_AFFECTED: &str = "Not affected by this change";
/// The first words of a description that says why a project without an analysis is not green.
pub(crate) const NOT_ANALYSED: &str = "Not analysed: ";
/// The first words of the description of a status that a run which settles has ended.
pub(crate) const ENDED: &str = "Ended by Gatepost on ";
const WRONG_VARIABLE: &str = "No verdict: the variable ";

/// Whether a run says so without having asked SonarQube about the project. Other descriptions are verdicts.
pub(crate) fn is_of_no_analysis(description: &str) -> bool {
    description == NOT_AFFECTED
        || description == STOPPED_WORDS
        || [NOT_ANALYSED, WRONG_VARIABLE].iter().any(|start| description.starts_with(start))
        // A red status that was ended may have been a verdict.
        || (description.starts_with(ENDED) && description.contains(": INPROGRESS"))
}

impl Verdict {
    /// What several verdicts under one key say together: the worst, in the words of all that are as bad. `None` for none.
    pub(crate) fn joint<'v>(verdicts: impl IntoIterator<Item = &'v Self>) -> Option<Self> {
        let verdicts: Vec<&Self> = verdicts.into_iter().collect();
        let badness = verdicts.iter().map(|verdict| verdict.state.badness()).max()?;
        let worst: Vec<&Self> =
            verdicts.iter().filter(|verdict| verdict.state.badness() == badness).copied().collect();
        let mut words: Vec<&str> = Vec::new();
        for verdict in &worst {
            if !words.contains(&verdict.words.as_str()) {
                words.push(&verdict.words);
            }
        }
        let mut projects = verdicts.iter().filter_map(|verdict| verdict.project.as_ref());
        let project = projects.next().filter(|first| projects.all(|other| other == *first));
        Some(Self {
            state: worst.first()?.state,
            words: words.join("; "),
            project: project.cloned(),
            link: worst.iter().find_map(|verdict| verdict.link.clone()),
            outcome: verdicts.iter().fold(Outcome::Done, |outcome, verdict| outcome.worse(verdict.outcome)),
            analysis: worst.iter().find_map(|verdict| verdict.analysis.clone()),
            draft: worst.iter().find_map(|verdict| verdict.draft.clone()),
        })
    }

    /// What a run says that is the last word of its step, and cannot ask SonarQube: this variable is wrong.
    pub(crate) fn wrong_variable(variable: &str, project: Option<&str>) -> Self {
        Self {
            state: State::Failed,
            words: format!("{WRONG_VARIABLE}{variable} of this pipeline is wrong"),
            project: project.map(str::to_owned),
            link: None,
            outcome: Outcome::VariablesWrong,
            analysis: None,
            draft: None,
        }
    }

    /// What a run says of a project that always has a status, and has no analysis in this run after a scan that ended well.
    pub(crate) fn not_affected(project: &str) -> Self {
        Self::without_analysis(project, State::Successful, NOT_AFFECTED.to_owned(), Outcome::Done)
    }

    /// The same, if the project may be affected; with the reason.
    pub(crate) fn not_analysed(project: &str, reason: String, outcome: Outcome) -> Self {
        Self::without_analysis(project, State::Failed, reason, outcome)
    }

    fn without_analysis(project: &str, state: State, words: String, outcome: Outcome) -> Self {
        let project = Some(project.to_owned());
        Self { state, words, project, link: None, outcome, analysis: None, draft: None }
    }

    /// Reads `STATE`: Bitbucket's word, a common word for it, or an exit code.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (state, words) = match exit_code(text) {
            Some("0") => (State::Successful, State::Successful.words().to_owned()),
            Some(code) => (State::Failed, format!("Failed with exit code {code}")),
            None => State::parse(text).map(|state| (state, state.words().to_owned()))?,
        };
        Some(Self {
            state,
            words,
            project: None,
            link: None,
            outcome: Outcome::Done,
            analysis: None,
            draft: None,
        })
    }
}

/// An exit code, without zeros before it. Systems have negative ones and some of ten digits, and none is too large: it
/// is 0 or not.
fn exit_code(text: &str) -> Option<&str> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match digits.trim_start_matches('0') {
        "" => Some("0"),
        code if text.len() == digits.len() => Some(code),
        _ => Some(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_exit_codes_become_verdicts() {
        for (text, state, words) in [
            ("passed", State::Successful, "Successful"),
            ("0", State::Successful, "Successful"),
            ("running", State::InProgress, "In progress"),
            ("1", State::Failed, "Failed with exit code 1"),
            ("255", State::Failed, "Failed with exit code 255"),
            ("-1", State::Failed, "Failed with exit code -1"),
            ("3221225477", State::Failed, "Failed with exit code 3221225477"),
            ("unstable", State::Failed, "Failed"),
            ("timed_out", State::Failed, "Failed"),
            ("neutral", State::Stopped, "Stopped"),
            ("-0", State::Successful, "Successful"),
            ("007", State::Failed, "Failed with exit code 7"),
            ("99999999999999999999999", State::Failed, "Failed with exit code 99999999999999999999999"),
            ("Skipped", State::Stopped, "Stopped"),
            ("PartiallySucceeded", State::Failed, "Failed"),
        ] {
            let verdict = Verdict::parse(text).unwrap();
            assert_eq!((verdict.state, verdict.words.as_str()), (state, words), "{text}");
        }
        for text in ["+1", "1.0", "maybe", "0x0", "", "-", "$?"] {
            assert_eq!(Verdict::parse(text), None, "{text}");
        }
    }
}
