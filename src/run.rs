//! A run over its targets: so many at once, each by itself, one failure stopping no other; and the end of a run
//! that is stopped.

use std::{cell::Cell, time::Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    bitbucket::Bitbucket,
    client::Client,
    console::Console,
    http::Http,
    judge::{Judging, judge},
    locate::Lookups,
    outcome::Outcome,
    plan::{Plan, Settings},
    publish::{Begun, End, LAST_WORD_LIMIT, Published, Publisher, Sent, last_word},
    report,
    results::ResultFile,
    service::Access,
    state::State,
    summary::Summary,
    verdict::{Verdict, VerdictPlan},
};

/// What all targets of a run share.
#[derive(Debug)]
pub struct Run<'a> {
    /// How the run behaves.
    pub settings: &'a Settings,
    /// The connection to Bitbucket.
    pub http: &'a Http,
    /// The connection to SonarQube.
    pub sonarqube_http: &'a Http,
    /// Where the results go.
    pub results: Option<&'a ResultFile>,
    /// Where the log goes.
    pub console: &'a Console,
    /// What becomes of many targets; a single one is told by itself.
    summary: Option<Summary>,
    lookups: Lookups,
    judging: Judging,
    begun: Begun,
}

/// When a run is stopped there is no time to lose.
const LAST_WORDS_AT_ONCE: usize = 64;

impl<'a> Run<'a> {
    /// A run that has not begun; with a summary when there are `many` targets.
    pub fn new(
        settings: &'a Settings,
        http: &'a Http,
        sonarqube_http: &'a Http,
        results: Option<&'a ResultFile>,
        console: &'a Console,
        many: Option<usize>,
    ) -> Self {
        Self {
            settings,
            http,
            sonarqube_http,
            results,
            console,
            summary: many.map(Summary::of),
            lookups: Lookups::default(),
            judging: Judging::default(),
            begun: Begun::default(),
        }
    }

    /// Works on every target, and says what became of them: the worst of them.
    ///
    /// # Errors
    ///
    /// Only what a defect explains.
    pub async fn publish(&self, plans: &[Plan]) -> anyhow::Result<Outcome> {
        let worst = stream::iter(plans.iter().enumerate())
            .map(|(number, plan)| self.target(number, plan))
            .buffer_unordered(self.settings.concurrency)
            .try_fold(Outcome::Done, async |worst, outcome| Ok(worst.worse(outcome)))
            .await?;
        if let Some(summary) = &self.summary {
            summary.end(worst, self.console);
        }
        Ok(worst)
    }

    async fn target(&self, number: usize, plan: &Plan) -> anyhow::Result<Outcome> {
        let about = self.summary.as_ref().map(|_| self.console.about(&plan.target.repository));
        let console = about.as_ref().unwrap_or(self.console);
        let verdicts = self.verdicts(plan, console).await?;
        let publisher = Publisher {
            bitbucket: self.bitbucket(&plan.access, console),
            plan,
            dry_run: self.settings.dry_run,
            lookups: &self.lookups,
            begun: &self.begun,
            results: self.results,
        };
        let outcomes =
            publisher.publish(&verdicts, |published| self.tell(&published, number, plan, console)).await;
        if self.summary.is_none() {
            report::several(&outcomes, console);
        }
        Ok(outcomes.into_iter().fold(Outcome::Done, Outcome::worse))
    }

    async fn verdicts(&self, plan: &Plan, console: &Console) -> anyhow::Result<Vec<Verdict>> {
        match &plan.verdict {
            VerdictPlan::Given(verdict) => Ok(vec![verdict.clone()]),
            VerdictPlan::Ask(analysis) => {
                judge(analysis, self.sonarqube_http, self.settings, &self.judging, console).await
            }
        }
    }

    fn bitbucket<'c>(&'c self, access: &'c Access, console: &'c Console) -> Bitbucket<'c> {
        Bitbucket(Client {
            http: self.http,
            console,
            service: &access.service,
            pace: &access.pace,
            api_url: &self.settings.api_url,
            deadline: Instant::now() + self.settings.timeout,
            retries: true,
        })
    }

    fn tell(&self, published: &Published, number: usize, plan: &Plan, console: &Console) -> Outcome {
        let outcome = report::published(published, plan, self.results, console);
        match &self.summary {
            None => {
                report::hand_on(published, self.settings, console);
                report::last_line(published, console);
            }
            Some(summary) => summary.add(published, number, plan, self.console),
        }
        outcome
    }

    /// Ends a run that was stopped: no INPROGRESS of it is left, as far as the time allows.
    pub async fn stop(&self, plans: &[Plan]) -> Outcome {
        let (begun, deadline) = (self.begun.take(), Instant::now() + LAST_WORD_LIMIT);
        if let Some(summary) = &self.summary {
            self.stop_many(begun, deadline, summary).await;
        } else if let [plan] = plans {
            let published = match begun.into_iter().next() {
                Some(sent) => self.stopped(sent, deadline, self.console).await,
                None => {
                    Published { target: None, status: None, end: End::Stopped, outcome: Outcome::Stopped }
                }
            };
            self.tell(&published, 0, plan, self.console);
        }
        Outcome::Stopped
    }

    async fn stop_many(&self, begun: Vec<Sent>, deadline: Instant, summary: &Summary) {
        let (ended, left) = (Cell::new(0), Cell::new(0));
        let inprogress = begun.into_iter().filter(|sent| sent.status.state == State::InProgress);
        let work = stream::iter(inprogress).for_each_concurrent(LAST_WORDS_AT_ONCE, async |sent| {
            let console = self.console.about(&sent.target.repository);
            let published = self.stopped(sent, deadline, &console).await;
            let is_ended = published.status.as_ref().is_some_and(|status| status.state == State::Stopped);
            let count = if is_ended { &ended } else { &left };
            count.set(count.get() + 1);
            report::record(&published, None, Outcome::Stopped, self.results, &console);
        });
        work.await;
        summary.stopped(ended.get(), left.get(), self.console);
    }

    /// What a status under way comes to when the run is stopped.
    async fn stopped(&self, sent: Sent, deadline: Instant, console: &Console) -> Published {
        let Sent { access, target, status } = sent;
        let bitbucket = self.bitbucket(&access, console);
        let status = match status.state {
            State::InProgress => last_word(&bitbucket, &target, &status, deadline).await.unwrap_or(status),
            _ => status,
        };
        Published { target: Some(target), status: Some(status), end: End::Stopped, outcome: Outcome::Stopped }
    }
}
