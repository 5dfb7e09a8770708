//! From the plan to the status on the commit: find it, post, and fall back to the pull request's source commit.

use std::{
    cell::RefCell,
    collections::HashSet,
    time::{Duration, Instant},
};

use reqwest::StatusCode;

use crate::{
    bitbucket::Bitbucket,
    client::Client,
    inquiry::inquire,
    locate::Locator,
    outcome::Outcome,
    plan::Plan,
    refusal::Refusal,
    results::{Delivery, ResultFile},
    state::State,
    status::{Status, StatusKey},
    target::Target,
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
        let locator = Locator { bitbucket: self.bitbucket, plan: &self.plan.target };
        let (mut target, mut source) = match locator.locate().await {
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
                && let Some(other) = locator.source_commit(&target, source.take()).await
            {
                target = other;
                status.refname.clone_from(&target.refname);
                published = self.post(&target, status, verdict.outcome, results).await;
            }
            if let Published {
                target: Some(target), status: Some(status), end: End::Refused(refusal), ..
            } = &mut published
            {
                inquire(&self.bitbucket, refusal, target, &status.key).await;
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
