//! `MODE: settle`: ends the statuses that nobody else ends. The statuses on the commit of each target are listed, and those
//! that fit get the state that the user names. Several targets at once, each by itself.

mod tally;
mod target;
mod under_way;

use std::{cell::RefCell, collections::HashSet, pin::pin, time::Duration};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    config::{plan::Plan, target_list::Targets},
    console::{
        log::Console,
        text::{counted, in_units},
    },
    http::deadline::Deadline,
    model::{
        outcome::Outcome,
        settlement::{KeyPattern, Settlement},
        state::State,
        status::StatusSlot,
    },
    run::{
        budget::Budget,
        context::Context,
        delivery::{Delivery, Left, StatusResult},
        find_commit::Lookups,
        find_targets::SearchResult,
        publish::by_credential,
        report,
        result_file::ResultFile,
    },
};

use self::{
    tally::Tally,
    target::TargetSettler,
    under_way::{EndingStatus, UnderWay},
};

/// A run that settles.
#[derive(Debug)]
pub(crate) struct SettleRun<'a> {
    context: Context<'a>,
    settlement: &'a Settlement,
    targets: &'a Targets,
    /// What became of the search for the targets.
    search: &'a SearchResult,
    results: Option<&'a ResultFile>,
    lookups: Lookups<'a>,
    tally: Tally,
    under_way: UnderWay,
    /// The statuses that the run has begun to end: two targets may turn out to be one commit.
    begun: RefCell<HashSet<StatusSlot>>,
}

/// So long a run that is stopped waits for the answers to what is under way.
const ANSWERS_LIMIT: Duration = Duration::from_secs(3);
/// The requests about a target: its list, and a status that is ended. Most targets have none or one.
const REQUESTS: usize = 2;

impl<'a> SettleRun<'a> {
    pub(crate) fn new(
        context: Context<'a>,
        settlement: &'a Settlement,
        targets: &'a Targets,
        search: &'a SearchResult,
        results: Option<&'a ResultFile>,
    ) -> Self {
        let plans = targets.plans.iter();
        Self {
            context,
            settlement,
            targets,
            search,
            results,
            lookups: Lookups::of(plans.map(|plan| (&plan.credential, &plan.target))),
            tally: Tally::new(),
            under_way: UnderWay::default(),
            begun: RefCell::default(),
        }
    }

    /// Settles until it is done, or until `stop` says that the run is stopped. Then no further status is begun, and
    /// requests that are under way get some seconds for their answers. Returns the worst outcome.
    ///
    /// # Errors
    ///
    /// Only what a defect of Gatepost explains.
    pub(crate) async fn settle_until(&self, stop: impl Future<Output = ()>) -> anyhow::Result<Outcome> {
        let console = self.context.console;
        self.tell_opening();
        let mut settle = pin!(self.settle());
        tokio::select! {
            worst = &mut settle => {
                let worst = worst?;
                self.tell_end(worst);
                return Ok(worst);
            }
            () = stop => {}
        }
        self.under_way.close();
        tokio::select! {
            _ = &mut settle => {}
            () = self.under_way.answered() => {}
            () = tokio::time::sleep(ANSWERS_LIMIT) => {}
        }
        for ending in self.under_way.unanswered() {
            let EndingStatus { target, status, .. } = &*ending;
            console.warning(format_args!(
                "the status {} of {} commit {} may be {} now: Bitbucket has not answered",
                status.key,
                target.repository,
                target.commit.digits(),
                status.state
            ));
            let left = StatusResult {
                target: Some(target.clone()),
                status: Some(status.clone()),
                delivery: Delivery::Stopped(Left::InDoubt),
                verdict_outcome: Outcome::Stopped,
                verdict_words: String::new(),
            };
            report::status_result(&left, None, self.results, console);
        }
        console.failed(format_args!("stopped before the end; {}", self.sum()));
        Ok(Outcome::Stopped)
    }

    /// Settles all targets. Returns the worst outcome.
    async fn settle(&self) -> anyhow::Result<Outcome> {
        let plans: Vec<&Plan> = self.targets.plans.iter().collect();
        let work = by_credential(plans, |plan| plan).into_iter().map(|plans| {
            let targets = stream::iter(plans).map(|plan| self.settle_target(plan));
            Box::pin(targets.buffer_unordered(self.context.settings.concurrency))
        });
        stream::select_all(work)
            .try_fold(self.search.outcome, async |worst, outcome| Ok(worst.worse(outcome)))
            .await
    }

    async fn settle_target(&self, plan: &'a Plan) -> anyhow::Result<Outcome> {
        let console = self.console_about(plan);
        let deadline = Deadline::after(self.context.settings.timeout);
        let settler = TargetSettler {
            run: self,
            bitbucket: self.context.bitbucket(&plan.credential, &console, &deadline),
            plan,
            wanted: wanted(plan),
        };
        Ok(Box::pin(settler.settle()).await)
    }

    fn console_about(&self, plan: &Plan) -> Console {
        let console = self.context.console;
        if self.targets.are_listed { console.about(&plan.target) } else { console.of_run() }
    }

    fn tell_opening(&self) {
        let Context { settings, console, .. } = self.context;
        let Targets { plans, are_listed, step } = self.targets;
        let version = env!("CARGO_PKG_VERSION");
        let states: Vec<&str> = self.settlement.states.iter().map(|state| state.as_str()).collect();
        let what = format!("{} for {} or longer", states.join(" or "), in_units(self.settlement.after));
        let keys = match (&self.settlement.keys, &plans[..]) {
            (Some(keys), _) => keys.iter().map(KeyPattern::to_string).collect::<Vec<_>>().join(", "),
            (None, [plan]) => plan.status.key_for(None).to_string(),
            (None, _) => "the KEY of each target".to_owned(),
        };
        if let ([plan], false) = (&plans[..], are_listed) {
            console.line(format_args!(
                "gatepost {version}: {what} becomes {} on {} {}",
                wanted(plan),
                plan.target,
                plan.credential.authorization.description
            ));
            return console.detail("keys", keys);
        }
        let (number, at_once) = (counted(plans.len(), "target"), settings.concurrency.min(plans.len()));
        console.line(format_args!("gatepost {version}: {what} is ended on {number}, {at_once} at once"));
        console.detail("keys", keys);
        if let Some(step) = step {
            console.line(step);
        }
        if plans.is_empty() {
            console.warning("there are no targets: there is nothing to do");
        }
        let mut budget = Budget::default();
        for plan in plans {
            budget.add(&plan.credential, Some(&plan.target), REQUESTS);
        }
        budget.warn(self.targets.steps(), console);
    }

    /// The last lines of a run that was not stopped.
    fn tell_end(&self, worst: Outcome) {
        let Context { keyring, console, .. } = self.context;
        if self.targets.are_listed {
            report::unused_tokens(keyring, console);
            if let Some(results) = self.results {
                report::lost_results(results, console);
            }
        }
        console.tell_left_out(if self.results.is_some() {
            "; RESULT_FILE has each that was ended"
        } else {
            ""
        });
        let sum = if self.tally.is_empty() { self.of_targets("no status to end") } else { self.sum() };
        if worst == Outcome::Done { console.done(sum) } else { console.failed(sum) }
    }

    fn sum(&self) -> String {
        self.of_targets(&self.tally.sum())
    }

    /// The targets of the run, and what became of them.
    fn of_targets(&self, what: &str) -> String {
        let Targets { plans, are_listed, .. } = self.targets;
        if let ([plan], false) = (&plans[..], are_listed) {
            return format!("{}: {what}", plan.target);
        }
        let unread = self.search.unread.as_ref().map(|unread| format!("; {unread}"));
        format!("{}: {what}{}", self.targets.counted(), unread.unwrap_or_default())
    }
}

/// The state that ends the statuses of a plan.
fn wanted(plan: &Plan) -> State {
    plan.verdict.given_state().unwrap_or(State::Stopped)
}
