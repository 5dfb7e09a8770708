//! A run over its targets: so many at once, each by itself, one failure stopping no other; and the end of a run
//! that is stopped.

use std::{
    cell::Cell,
    collections::{HashMap, hash_map::Entry},
    rc::Rc,
    time::Duration,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    config::{analysis::VerdictPlan, plan::Plan, target_list::Targets},
    console::log::Console,
    http::deadline::Deadline,
    model::{outcome::Outcome, state::State, verdict::Verdict},
    run::{
        ask_sonarqube::{Judging, judge},
        context::Context,
        find_commit::Lookups,
        publish::{Begun, End, LastWords, Published, Publisher, Sent},
        report,
        result_file::ResultFile,
        summary::Summary,
    },
};

/// A run over its targets.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    context: Context<'a>,
    plans: &'a [Plan],
    /// Where the results go.
    results: Option<&'a ResultFile>,
    /// What becomes of many targets; a single one is told by itself.
    summary: Option<Summary>,
    lookups: Lookups,
    judging: Judging,
    begun: Begun,
}

/// When a run is stopped there is no time to lose.
const LAST_WORDS_AT_ONCE: usize = 64;
/// For posting STOPPED over every INPROGRESS of a run: Docker kills a container 10 s after SIGTERM.
const LAST_WORDS_LIMIT: Duration = Duration::from_secs(8);

impl<'a> Run<'a> {
    /// A run that has not begun.
    pub(crate) fn new(
        context: Context<'a>,
        targets: &'a Targets<Plan>,
        results: Option<&'a ResultFile>,
    ) -> Self {
        let Targets { plans, many, .. } = targets;
        Self {
            context,
            plans,
            results,
            summary: many.then(|| Summary::of(plans.len(), results.is_some())),
            lookups: Lookups::of(plans.iter().map(|plan| (&*plan.access, &plan.target))),
            judging: Judging::default(),
            begun: Begun::default(),
        }
    }

    /// Works on every target, and says what became of them: the worst of them.
    ///
    /// # Errors
    ///
    /// Only what a defect explains.
    pub(crate) async fn publish(&self) -> anyhow::Result<Outcome> {
        let Context { settings, credentials, console, .. } = self.context;
        let work = by_credential(self.plans).into_iter().map(|plans| {
            let targets = stream::iter(plans).map(|(number, plan)| self.target(number, plan));
            Box::pin(targets.buffer_unordered(settings.concurrency))
        });
        let worst = stream::select_all(work)
            .try_fold(Outcome::Done, async |worst, outcome| Ok(worst.worse(outcome)))
            .await?;
        if let Some(summary) = &self.summary {
            report::unused_tokens(credentials, console);
            if let Some(results) = self.results {
                report::results_ended(results, console);
            }
            summary.end(worst, console);
        }
        Ok(worst)
    }

    async fn target(&self, number: usize, plan: &Plan) -> anyhow::Result<Outcome> {
        let Context { settings, credentials, console, .. } = self.context;
        let about = self.summary.as_ref().map(|_| console.about(&plan.target.repository));
        let console = about.as_ref().unwrap_or(console);
        let verdicts = self.verdicts(plan, console).await?;
        let deadline = Deadline::after(settings.timeout);
        let publisher = Publisher {
            bitbucket: self.context.bitbucket(&plan.access, console, &deadline),
            plan,
            credentials,
            dry_run: settings.dry_run,
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
                let Context { settings, sonarqube_transport, .. } = self.context;
                judge(analysis, sonarqube_transport, settings, &self.judging, console).await
            }
        }
    }

    fn tell(&self, published: &Published, number: usize, plan: &Plan, console: &Console) -> Outcome {
        let outcome = report::published(published, plan, self.results, console);
        match &self.summary {
            None => {
                report::hand_on(published, self.context.settings, console);
                report::last_line(published, console);
            }
            Some(summary) => summary.add(published, number, plan, self.context.console),
        }
        outcome
    }

    /// Ends a run that was stopped: no INPROGRESS of it is left, as far as the time allows.
    pub(crate) async fn stop(&self) -> Outcome {
        let console = self.context.console;
        let begun = self.begun.take();
        let last_words = LastWords::within(LAST_WORDS_LIMIT);
        if let Some(summary) = &self.summary {
            self.stop_many(begun, &last_words, summary).await;
        } else if let [plan] = self.plans {
            let published = match begun.into_iter().next() {
                Some(sent) => self.stopped(&sent, &last_words, console).await,
                None => {
                    Published { target: None, status: None, end: End::Stopped, outcome: Outcome::Stopped }
                }
            };
            self.tell(&published, 0, plan, console);
        }
        Outcome::Stopped
    }

    async fn stop_many(&self, begun: Vec<Rc<Sent>>, last_words: &LastWords, summary: &Summary) {
        let (ended, left) = (Cell::new(0), Cell::new(0));
        let work = stream::iter(begun).for_each_concurrent(LAST_WORDS_AT_ONCE, async |sent| {
            let console = self.context.console.about(&sent.target.repository);
            let published = self.stopped(&sent, last_words, &console).await;
            // Of the others it is only recorded that they were under way.
            if sent.status.state == State::InProgress {
                let is_ended = published.status.as_ref().is_some_and(|status| status.state == State::Stopped);
                let count = if is_ended { &ended } else { &left };
                count.set(count.get() + 1);
            }
            report::record(&published, None, Outcome::Stopped, self.results, &console);
        });
        work.await;
        summary.stopped(ended.get(), left.get(), self.context.console);
    }

    /// What a status under way comes to when the run is stopped.
    async fn stopped(&self, sent: &Sent, last_words: &LastWords, console: &Console) -> Published {
        let Sent { access, target, status, .. } = sent;
        let said = match status.state {
            State::InProgress => {
                let bitbucket = self.context.bitbucket(access, console, &last_words.deadline);
                last_words.say(&bitbucket, sent).await.ok()
            }
            _ => None,
        };
        let (target, status) = (Some(target.clone()), Some(said.unwrap_or_else(|| status.clone())));
        Published { target, status, end: End::Stopped, outcome: Outcome::Stopped }
    }
}

/// The plans with their places in the list, those that share a credential together: while one waits, the others go on.
fn by_credential(plans: &[Plan]) -> Vec<Vec<(usize, &Plan)>> {
    let mut places = HashMap::new();
    let mut groups: Vec<Vec<_>> = Vec::new();
    for plan in plans.iter().enumerate() {
        let place = match places.entry(Rc::as_ptr(&plan.1.access.throttle)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                groups.push(Vec::new());
                *new.insert(groups.len() - 1)
            }
        };
        groups[place].push(plan);
    }
    groups
}
