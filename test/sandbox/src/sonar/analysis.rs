//! What a scanner sends, and what it keeps.

use super::gate::Gate;
use super::issues::Issue;

/// What an analysis is of, and how it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Analysis {
    /// The key of the project.
    pub project: String,
    /// The branch, as given to the scanner; the main branch if there is neither this nor a pull request.
    pub branch: Option<String>,
    /// The pull request.
    pub pull_request: Option<String>,
    /// The branch that the pull request comes from: `sonar.pullrequest.branch`.
    pub source_branch: Option<String>,
    /// The gate that it computes, if it ends well.
    pub gate: Gate,
    /// How its task ends.
    pub end: End,
    /// How often `api/ce/task` is asked for it before it has ended.
    pub polls: u32,
    /// When the scanner sent it, such as `2026-09-01T08:00:00+0000`; see [`crate::date`]. By default, now by the
    /// sandbox's own clock.
    pub submitted_at: Option<String>,
    /// When its task ended; by default when it was sent if that is given, and otherwise as above.
    pub executed_at: Option<String>,
    /// The issues and hotspots that it finds.
    pub issues: Vec<Issue>,
    /// The commit that the scanner found, if it found one. The webhook names some commit anyway.
    pub revision: Option<String>,
}

impl Analysis {
    /// Of the main branch, with this gate, as many issues as it counts, and done already. Change the fields for any other.
    pub fn new(project: &str, gate: Gate) -> Self {
        Self {
            project: project.to_owned(),
            branch: None,
            pull_request: None,
            source_branch: None,
            end: End::Success,
            polls: 0,
            submitted_at: None,
            executed_at: None,
            issues: Issue::counted_by(&gate),
            gate,
            revision: None,
        }
    }

    /// Of a branch, with this gate, and done already.
    pub fn of_branch(project: &str, branch: &str, gate: Gate) -> Self {
        Self { branch: Some(branch.to_owned()), ..Self::new(project, gate) }
    }

    /// The same, with these issues.
    #[must_use]
    pub fn with_issues(self, issues: Vec<Issue>) -> Self {
        Self { issues, ..self }
    }

    /// The same, sent at this time.
    #[must_use]
    pub fn submitted(self, at: &str) -> Self {
        Self { submitted_at: Some(at.to_owned()), ..self }
    }

    /// The same, of this commit.
    #[must_use]
    pub fn of_revision(self, commit: &str) -> Self {
        Self { revision: Some(commit.to_owned()), ..self }
    }

    /// The same of a pull request, which comes from this branch.
    #[must_use]
    pub fn from_branch(self, branch: &str) -> Self {
        Self { source_branch: Some(branch.to_owned()), ..self }
    }

    /// Of a pull request, with this gate, and done already.
    pub fn of_pull_request(project: &str, pull_request: &str, gate: Gate) -> Self {
        Self { pull_request: Some(pull_request.to_owned()), ..Self::new(project, gate) }
    }
}

/// How the task of an analysis ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The gate is computed.
    Success,
    /// The server could not make sense of the report.
    Failed {
        /// What it says about it.
        message: String,
    },
    /// Somebody cancelled it, or a newer analysis of the same branch or pull request took its place while it waited.
    /// No word tells one from the other: `TaskFormatter.java` has a message only for tasks that failed. That
    /// services cancel for the latter reason is assumed from reports; submit the newer one to have it.
    Canceled,
    /// The server forgets it, as it does with all tasks in time.
    Vanishes,
}

/// What the scanner leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The task to ask for.
    pub task_id: String,
    /// The analysis, which exists once the task has succeeded.
    pub analysis_id: String,
    /// The content of `report-task.txt`.
    pub report_task: String,
}

impl Submitted {
    /// The same with another value in a line of `report-task.txt`, which may be of another scan, another project or
    /// edited by hand; without the line where the value is empty.
    ///
    /// # Panics
    /// When the file has no such line.
    #[must_use]
    pub fn claiming(mut self, key: &str, value: &str) -> Self {
        let begin = format!("{key}=");
        let mut replaced = false;
        let lines = self.report_task.lines().filter_map(|line| {
            if !line.starts_with(&begin) {
                return Some(format!("{line}\n"));
            }
            replaced = true;
            (!value.is_empty()).then(|| format!("{begin}{value}\n"))
        });
        self.report_task = lines.collect();
        assert!(replaced, "report-task.txt has no {key}");
        self
    }
}
