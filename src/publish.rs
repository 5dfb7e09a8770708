//! From the plan to the status on the commit: find the commit, post, and fall back to the pull
//! request's source commit where the pipeline's commit exists in the build only.

use std::{
    cell::RefCell,
    collections::HashSet,
    time::{Duration, Instant},
};

use reqwest::StatusCode;

use crate::{
    bitbucket::{Bitbucket, PullRequestSource},
    client::Client,
    outcome::Outcome,
    plan::Plan,
    refusal::Refusal,
    results::{Delivery, ResultFile},
    state::State,
    status::{Status, StatusKey},
    target::{CommitHash, CommitSource, PullRequestId, Target},
    verdict::Verdict,
};

/// Publishes the statuses of a run.
#[derive(Debug)]
pub struct Publisher<'a> {
    /// Bitbucket.
    pub bitbucket: Bitbucket<'a>,
    /// What to publish.
    pub plan: &'a Plan,
    /// Print what would be posted.
    pub dry_run: bool,
    /// What Bitbucket may have received by now.
    begun: RefCell<Option<(Target, Status)>>,
}

/// What became of a status.
#[derive(Debug)]
pub struct Published {
    /// The target, once found.
    pub target: Option<Target>,
    /// The status for it.
    pub status: Option<Status>,
    /// How it ended.
    pub end: End,
    /// The outcome of its verdict: how the run ends when the status is posted.
    pub outcome: Outcome,
}

/// How publishing ended.
#[derive(Debug)]
pub enum End {
    /// The status stands on the commit.
    Delivered,
    /// An earlier run delivered the same.
    Skipped,
    /// It was printed.
    Printed,
    /// Bitbucket refused or could not be reached.
    Refused(Box<Refusal>),
    /// The run was stopped.
    Stopped,
}

impl End {
    /// The word for it in `RESULT_FILE`; nothing is recorded twice.
    pub const fn delivery(&self) -> Option<Delivery> {
        match self {
            Self::Delivered => Some(Delivery::Delivered),
            Self::Skipped => None,
            Self::Printed => Some(Delivery::Printed),
            Self::Refused(_) => Some(Delivery::Refused),
            Self::Stopped => Some(Delivery::Stopped),
        }
    }
}

/// For posting STOPPED after SIGTERM: Docker kills a container 10 s after it.
const LAST_WORD_LIMIT: Duration = Duration::from_secs(5);

impl<'a> Publisher<'a> {
    /// A publisher of a plan.
    pub const fn new(bitbucket: Bitbucket<'a>, plan: &'a Plan, dry_run: bool) -> Self {
        Self { bitbucket, plan, dry_run, begun: RefCell::new(None) }
    }

    /// Finds the commit, once, and posts a status for each verdict; `tell` is told of each as it is done. When
    /// there may be `several`, their projects tell them apart.
    pub async fn publish(
        &self,
        verdicts: &[Verdict],
        several: bool,
        results: Option<&ResultFile>,
        tell: impl Fn(Published) -> Outcome,
    ) -> Vec<Outcome> {
        let (mut target, mut source) = match self.locate().await {
            Ok(located) => located,
            Err(refusal) => {
                let end = End::Refused(refusal);
                return vec![tell(Published { target: None, status: None, end, outcome: Outcome::Done })];
            }
        };
        let mut outcomes = Vec::new();
        let mut keys = HashSet::new();
        for verdict in verdicts {
            let mut status = self.plan.status.status(verdict, &target, several);
            // Two analyses of one project are two statuses.
            let key = status.key.clone();
            let mut number = 1;
            while !keys.insert(status.key.as_str().to_owned()) {
                number += 1;
                status.key = StatusKey::fit(&format!("{key}-{number}"));
            }
            let mut published = self.post(&target, status.clone(), verdict.outcome, results).await;
            if let End::Refused(refusal) = &published.end
                && refusal.status() == Some(StatusCode::NOT_FOUND)
                && let Some(other) = self.source_commit(&target, source.take()).await
            {
                target = other;
                status.refname.clone_from(&target.refname);
                published = self.post(&target, status, verdict.outcome, results).await;
            }
            outcomes.push(tell(published));
        }
        outcomes
    }

    /// Says STOPPED over an INPROGRESS that Bitbucket may have received: it would block merging for ever.
    pub async fn stop(&self) -> Published {
        let stopped =
            |target, status| Published { target, status, end: End::Stopped, outcome: Outcome::Stopped };
        let begun = self.begun.borrow_mut().take();
        let Some((target, status)) = begun else {
            return stopped(None, None);
        };
        if status.state != State::InProgress {
            return stopped(Some(target), Some(status));
        }
        let bitbucket = Bitbucket(Client { deadline: Instant::now() + LAST_WORD_LIMIT, ..self.bitbucket.0 });
        let last_word = status.stopped();
        match bitbucket.post_status(&target.repository, &target.commit, &last_word).await {
            Ok(()) => stopped(Some(target), Some(last_word)),
            Err(refusal) => {
                let console = bitbucket.0.console;
                console.warning(format_args!("INPROGRESS may be left on the commit: {refusal}"));
                stopped(Some(target), Some(status))
            }
        }
    }

    async fn locate(&self) -> Result<(Target, Option<PullRequestSource>), Box<Refusal>> {
        let plan = &self.plan.target;
        let target = |commit: CommitHash| Target {
            repository: plan.repository.clone(),
            commit,
            refname: plan.refname.clone(),
        };
        match &plan.commit {
            CommitSource::Given { commit, .. } => Ok((target(commit.clone()), None)),
            CommitSource::Branch(branch) => {
                let head = self.bitbucket.branch_head(&plan.repository, branch).await?;
                self.bitbucket.0.console.line(format_args!("branch {branch} is at commit {head}"));
                Ok((target(head), None))
            }
            CommitSource::PullRequest { id, commit } => {
                let source = self.ask(*id).await?;
                let target = self.target_of(&source, *id, commit.as_ref());
                Ok((target, Some(source)))
            }
        }
    }

    async fn ask(&self, id: PullRequestId) -> Result<PullRequestSource, Box<Refusal>> {
        let repository = &self.plan.target.repository;
        let source = self.bitbucket.pull_request_source(repository, id).await?;
        self.bitbucket.0.console.line(format_args!(
            "pull request {id} comes from branch {} of {}, at commit {}",
            source.branch,
            source.repository.as_ref().unwrap_or(repository),
            source.commit
        ));
        Ok(source)
    }

    fn target_of(
        &self,
        source: &PullRequestSource,
        id: PullRequestId,
        commit: Option<&CommitHash>,
    ) -> Target {
        let plan = &self.plan.target;
        let console = self.bitbucket.0.console;
        if source.repository.is_none() {
            console.warning(format_args!(
                "the fork of pull request {id} is gone; the status goes to {}",
                plan.repository
            ));
        }
        if let Some(commit) = commit
            && !commit.matches(&source.commit)
        {
            console.warning(format_args!(
                "pull request {id} is at commit {} by now; the status goes to COMMIT {commit}, as given",
                source.commit
            ));
        }
        if let Some(refname) = &plan.refname
            && *refname != source.branch
        {
            console.warning(format_args!(
                "pull request {id} comes from branch {}, but the status is for branch {refname}, as given: it will not count for this pull request",
                source.branch
            ));
        }
        Target {
            repository: source.repository.as_ref().unwrap_or(&plan.repository).clone(),
            commit: commit.unwrap_or(&source.commit).clone(),
            refname: Some(plan.refname.as_ref().unwrap_or(&source.branch).clone()),
        }
    }

    /// The pull request's source commit, when it is another than the one that Bitbucket does not know.
    async fn source_commit(&self, unknown: &Target, source: Option<PullRequestSource>) -> Option<Target> {
        let id = match self.plan.target.commit {
            CommitSource::Given { fallback, .. } => fallback?,
            CommitSource::PullRequest { id, .. } => id,
            CommitSource::Branch(_) => return None,
        };
        let source = match source {
            Some(source) => source,
            None => match self.ask(id).await {
                Ok(source) => source,
                Err(refusal) => {
                    self.bitbucket.0.console.warning(&*refusal);
                    return None;
                }
            },
        };
        let target = self.target_of(&source, id, None);
        if unknown.commit.matches(&target.commit) && unknown.repository == target.repository {
            return None;
        }
        let why = if unknown.commit.matches(&target.commit) {
            "the pull request comes from a fork"
        } else {
            "pull-request pipelines build a local merge commit"
        };
        self.bitbucket.0.console.warning(format_args!(
            "Bitbucket does not know commit {} in {} ({why}); the source commit {} of pull request {id} in {} is used",
            unknown.commit, unknown.repository, target.commit, target.repository
        ));
        Some(target)
    }

    async fn post(
        &self,
        target: &Target,
        status: Status,
        outcome: Outcome,
        results: Option<&ResultFile>,
    ) -> Published {
        let end = if results.is_some_and(|results| results.has_delivered(target, &status)) {
            End::Skipped
        } else if self.dry_run {
            self.bitbucket.print_status(&target.repository, &target.commit, &status);
            End::Printed
        } else {
            self.begun.replace(Some((target.clone(), status.clone())));
            match self.bitbucket.post_status(&target.repository, &target.commit, &status).await {
                Ok(()) => End::Delivered,
                Err(refusal) => {
                    // Bitbucket has answered: nothing of it stands on the commit.
                    if refusal.status().is_some() {
                        self.begun.take();
                    }
                    End::Refused(refusal)
                }
            }
        };
        Published { target: Some(target.clone()), status: Some(status), end, outcome }
    }
}
