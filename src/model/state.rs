//! Bitbucket's four states, and common words for them.

use std::fmt;

use serde::Serialize;

/// Bitbucket's four states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum State {
    /// Green.
    Successful,
    /// Red; merge checks count it.
    Failed,
    /// Blue; a merge check waits for a final state.
    InProgress,
    /// Grey.
    Stopped,
}

impl State {
    pub(crate) const ALL: [Self; 4] = [Self::Successful, Self::Failed, Self::InProgress, Self::Stopped];

    /// Bitbucket's word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Successful => "SUCCESSFUL",
            Self::Failed => "FAILED",
            Self::InProgress => "INPROGRESS",
            Self::Stopped => "STOPPED",
        }
    }

    /// Of several states of one commit, the one with the highest badness counts.
    pub(crate) const fn badness(self) -> u8 {
        match self {
            Self::Successful => 0,
            Self::InProgress => 1,
            Self::Stopped => 2,
            Self::Failed => 3,
        }
    }

    /// Reads Bitbucket's word or a common word for it, in any case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let plain = plain(text);
        Self::ALL.into_iter().find(|state| state.synonyms().contains(&plain.as_str()))
    }

    /// The state with exactly this word of Bitbucket.
    pub(crate) fn of_bitbucket(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Common words in lower case, without white space, `-` and `_`: of Bitbucket, Jenkins, GitLab, GitHub, Azure
    /// Pipelines, `TeamCity` and Tekton. `SUCCESSFUL` has only words for success.
    pub(crate) const fn synonyms(self) -> &'static [&'static str] {
        match self {
            Self::Successful => &[
                "successful",
                "success",
                "succeeded",
                "passed",
                "pass",
                "ok",
                "green",
                "succeededwithissues",
            ],
            Self::Failed => &[
                "failed",
                "failure",
                "fail",
                "error",
                "errored",
                "red",
                "broken",
                "unstable",
                "timedout",
                "timeout",
                "actionrequired",
                "startupfailure",
                "partiallysucceeded",
                "warning",
                "pipelineruntimeout",
                "taskruntimeout",
                "taskrunimagepullfailed",
                "taskrunresolutionfailed",
                "taskrunvalidationfailed",
            ],
            Self::InProgress => &[
                "inprogress",
                "running",
                "pending",
                "started",
                "queued",
                "building",
                "created",
                "waiting",
                "waitingforresource",
                "preparing",
                "requested",
                "scheduled",
                "expected",
                "notstarted",
                "postponed",
                "paused",
                "waitingforcallback",
                "pipelinerunpending",
                "toberetried",
            ],
            Self::Stopped => &[
                "stopped",
                "cancelled",
                "canceled",
                "aborted",
                "killed",
                "canceling",
                "interrupted",
                "skipped",
                "notbuilt",
                "manual",
                "stale",
                "abandoned",
                "cancelling",
                "pipelineruncancelled",
                "pipelinerunstopping",
                "taskruncancelled",
                "cancelledrunningfinally",
                "stoppedrunningfinally",
                "notexecuted",
                "inactive",
                "deleted",
                "neutral",
                "normal",
                "none",
                "unknown",
            ],
        }
    }

    /// A word for a description.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Successful => "Successful",
            Self::Failed => "Failed",
            Self::InProgress => "In progress",
            Self::Stopped => "Stopped",
        }
    }
}

/// Whether a word only says that something has ended, well or not: the `status` of GitHub's check runs and of Azure's
/// builds, beside which another field says how.
pub(crate) fn only_says_the_end(text: &str) -> bool {
    ["completed", "complete", "finished", "done", "ended"].contains(&plain(text).as_str())
}

/// A word in lower case, without white space, `-` and `_`.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).flat_map(char::to_lowercase).collect()
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyday_words_become_states() {
        for (text, state) in [
            ("SUCCESSFUL", State::Successful),
            ("Passed", State::Successful),
            ("in progress", State::InProgress),
            ("IN_PROGRESS", State::InProgress),
            ("cancelled", State::Stopped),
            ("Error", State::Failed),
        ] {
            assert_eq!(State::parse(text), Some(state), "{text}");
        }
        for text in ["maybe", "", "SUCCESSFUL FAILED", "$?", "0", "completed", "Done"] {
            assert_eq!(State::parse(text), None, "{text}");
        }
    }
}
