//! Waits for the background task that computes an analysis.

use std::time::{Duration, Instant};

use reqwest::StatusCode;

use crate::{
    explain::no_verdict::NoVerdict,
    model::analysis::Subject,
    run::{
        ask_sonarqube::{AskSonarQube, NoGate},
        context::Server,
    },
    sonarqube::{
        api::{Task, TaskState},
        refusal::{Refusal, TimeLimit},
    },
};

/// The first pause between two questions about a task; a small analysis takes a second or two.
const FIRST_POLL: Duration = Duration::from_millis(500);
/// The longest pause.
const LONGEST_POLL: Duration = Duration::from_secs(5);
/// How often the reader is told that the wait goes on.
const PROGRESS: Duration = Duration::from_secs(15);

/// A question that begins late still gets this time.
const SHORTEST_LIMIT: Duration = Duration::from_secs(1);

impl AskSonarQube<'_> {
    /// Waits until a task has ended. A newer task that took its place is waited for instead.
    pub(super) async fn wait(&self, server: &Server, id: &str) -> Result<Task, NoGate> {
        let mut task = self.wait_for_end(server, id).await?;
        while task.state == TaskState::Cancelled {
            let Some(newer) = self.newer_task(server, &task).await else { break };
            let subject = task.subject.as_ref().unwrap_or(&Subject::Main).in_sentence();
            self.console.line(format_args!("a newer analysis of {subject} took the place of this one"));
            task = match newer.state {
                TaskState::Unfinished(_) => {
                    let id = newer.id.clone().unwrap_or_default();
                    self.wait_for_end(server, &id).await?
                }
                _ => newer,
            };
        }
        Ok(task)
    }

    /// The newest task of the same pull request or branch, if it is newer than this one.
    pub(crate) async fn newer_task(&self, server: &Server, task: &Task) -> Option<Task> {
        let tasks = self.sonarqube(server).tasks_of_project(task.project.as_deref()?).await.ok()?;
        let submitted = task.submitted?;
        let is_newer = |other: &Task| {
            other.subject == task.subject
                && other.id.is_some()
                && other.id != task.id
                && other.submitted.is_some_and(|other| other > submitted)
        };
        tasks.into_iter().filter(is_newer).max_by_key(|task| task.submitted)
    }

    /// Waits until a task has succeeded, failed, or was cancelled. Failures that pass are waited out as well.
    pub(super) async fn wait_for_end(&self, server: &Server, id: &str) -> Result<Task, NoGate> {
        let mut pause = FIRST_POLL;
        let mut last_progress = Instant::now();
        let mut poll = Poll::default();
        loop {
            let (timeout, left) = (self.context.settings.timeout, self.left());
            let is_cut_short = left < timeout;
            server.deadline.restart(timeout.min(left).max(SHORTEST_LIMIT));
            let answer = self.context.sonarqube(server, self.console).task(id).await;
            let left = self.left();
            let (state, pause_asked) = match answer {
                Ok(task) => {
                    poll = Poll { has_accepted: true, ..Poll::default() };
                    match task.state {
                        TaskState::Unfinished(ref state) => (state.clone(), None),
                        _ => return Ok(task),
                    }
                }
                Err(mut refusal) => {
                    poll.refused += refusal.failed.attempts;
                    refusal.failed.attempts = poll.refused;
                    let passes = poll.passes(&refusal);
                    if passes || is_cut_short {
                        refusal.limit = TimeLimit::Analysis;
                    }
                    let pause = refusal.failed.retry_after;
                    if !passes || left.is_zero() || pause.unwrap_or_default() >= left {
                        return Err(refusal.into());
                    }
                    ("not known".to_owned(), pause)
                }
            };
            if left.is_zero() {
                return Err(NoVerdict::Late { state, timeout: self.plan.timeout }.into());
            }
            if last_progress.elapsed() >= PROGRESS {
                last_progress = Instant::now();
                self.console.line(format_args!(
                    "waiting for the analysis, {} s of {} s, {state}",
                    self.begun.elapsed().as_secs(),
                    self.plan.timeout.as_secs()
                ));
            }
            tokio::time::sleep(pause_asked.unwrap_or(pause).min(left)).await;
            pause = pause.mul_f64(1.5).min(LONGEST_POLL);
        }
    }

    /// The time that is left to wait for analyses.
    pub(super) fn left(&self) -> Duration {
        self.plan.timeout.saturating_sub(self.begun.elapsed())
    }
}

/// What the answers about a task were so far.
#[derive(Debug, Default)]
struct Poll {
    has_accepted: bool,
    /// Whether the last answer was a refusal that passes when it comes alone.
    has_odd_answer: bool,
    /// How often the question was sent and refused, since an answer was accepted.
    refused: u32,
}

impl Poll {
    /// Whether the wait goes on after a refusal.
    pub(super) fn passes(&mut self, refusal: &Refusal) -> bool {
        let is_odd = matches!(refusal.status_code(), Some(StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND));
        if is_odd {
            return self.has_accepted && !std::mem::replace(&mut self.has_odd_answer, true);
        }
        // A server that is being restarted answers with a page of its own, or its gateway leads to one.
        let is_of_gateway = refusal
            .failed
            .response()
            .is_some_and(|response| response.status_code.is_redirection() || response.body.is_html());
        let is_transient = refusal.failed.is_transient();
        (is_transient && refusal.status_code().is_some())
            || (self.has_accepted && (is_transient || is_of_gateway))
    }
}
