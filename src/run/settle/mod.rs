//! `MODE: settle`: ends the statuses that nobody else ends. The statuses on the commit of each target are listed, and those
//! that fit get the state that the user names. Several targets at once, each by itself.

mod tally;
mod target;
mod under_way;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeSet, HashMap},
    convert::Infallible,
    future::pending,
    pin::pin,
    time::Duration,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    config::{left_out::in_words, plan::Plan, target_list::Targets},
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
        progress::Progress,
        publish::by_credential,
        report,
        result_file::ResultFile,
        summary::{
            file::{RunPage, SummaryFile},
            rows::SettledStatus,
        },
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
    results: Option<&'a ResultFile>,
    lookups: Lookups<'a>,
    tally: Tally,
    /// `SUMMARY_FILE`.
    page: Option<RunPage<'a>>,
    progress: Progress,
    /// The numbers of the targets that are under way.
    at_work: RefCell<BTreeSet<usize>>,
    under_way: UnderWay,
    /// The statuses that the run has begun to end, with the state of each: two targets may turn out to be one commit.
    begun: RefCell<HashMap<StatusSlot, State>>,
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
        results: Option<&'a ResultFile>,
        summary_file: Option<&'a SummaryFile>,
    ) -> Self {
        let plans = targets.plans.iter();
        let page = |(file, advice)| RunPage::new(file, advice, targets);
        Self {
            context,
            settlement,
            targets,
            results,
            lookups: Lookups::of(plans.map(|plan| (&plan.credential, &plan.target))),
            tally: Tally::default(),
            page: summary_file.zip(context.advice).map(page),
            progress: Progress::of(targets.plans.len(), "targets"),
            at_work: RefCell::default(),
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
                self.write_page(worst);
                self.tell_end(worst);
                return Ok(worst);
            }
            () = stop => {}
            never = self.tell_progress() => match never {},
        }
        self.under_way.close();
        tokio::select! {
            _ = &mut settle => {}
            () = self.under_way.answered() => {}
            () = tokio::time::sleep(ANSWERS_LIMIT) => {}
        }
        for ending in self.under_way.unanswered() {
            let EndingStatus { number, target, status, .. } = &*ending;
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
            let name = target::name(&status.key, status.refname.as_deref());
            self.note(SettledStatus::unanswered(&name), *number);
        }
        if let Some(page) = &self.page {
            let at_work: Vec<usize> = self.at_work.borrow().iter().copied().collect();
            page.add_unfinished(&at_work, &[], console);
        }
        self.write_page(Outcome::Stopped);
        console.failed(format_args!("stopped before the end; {}", self.sum()));
        Ok(Outcome::Stopped)
    }

    /// Settles all targets. Returns the worst outcome.
    async fn settle(&self) -> anyhow::Result<Outcome> {
        let plans: Vec<_> = self.targets.plans.iter().enumerate().collect();
        let work = by_credential(plans, |(_, plan)| plan).into_iter().map(|plans| {
            let targets = stream::iter(plans).map(|(number, plan)| self.settle_target(number, plan));
            Box::pin(targets.buffer_unordered(self.context.settings.concurrency))
        });
        stream::select_all(work)
            .try_fold(self.targets.outcome(), async |worst, outcome| Ok(worst.worse(outcome)))
            .await
    }

    async fn settle_target(&self, number: usize, plan: &'a Plan) -> anyhow::Result<Outcome> {
        self.at_work.borrow_mut().insert(number);
        let console = self.console_about(plan);
        let deadline = Deadline::after(self.context.settings.timeout);
        let settler = TargetSettler {
            run: self,
            bitbucket: self.context.bitbucket(&plan.credential, &console, &deadline),
            number,
            plan,
            wanted: wanted(plan),
            has_status: Cell::default(),
        };
        let outcome = Box::pin(settler.settle()).await;
        self.at_work.borrow_mut().remove(&number);
        self.progress.add();
        Ok(outcome)
    }

    /// Counts what became of a status of the target with this number, and adds it to `SUMMARY_FILE`.
    fn note(&self, settled: SettledStatus<'_>, number: usize) {
        self.tally.add(settled.fate);
        if let Some(page) = &self.page {
            page.add_settled(settled, number, self.context.console);
        }
    }

    /// Writes `SUMMARY_FILE`, before the last line of the log.
    fn write_page(&self, outcome: Outcome) {
        if let Some(page) = &self.page {
            page.write(outcome, self.context);
        }
    }

    /// Tells how far a run over a list is, and never ends.
    async fn tell_progress(&self) -> Infallible {
        if !self.targets.are_listed {
            return pending().await;
        }
        let Context { keyring, console, .. } = self.context;
        let rest = || if self.tally.is_empty() { String::new() } else { format!("; {}", self.tally.sum()) };
        self.progress.tell(keyring, rest, console).await
    }

    fn console_about(&self, plan: &Plan) -> Console {
        let console = self.context.console;
        if self.targets.are_listed { console.about(&plan.target) } else { console.of_run() }
    }

    fn tell_opening(&self) {
        let Context { settings, console, .. } = self.context;
        let Targets { plans, are_listed, step, .. } = self.targets;
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
        self.targets.asked.iter().for_each(|credential| budget.add(credential, None, 1));
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
        match (&plans[..], are_listed) {
            ([plan], false) => format!("{}: {what}", plan.target),
            _ => format!("{}: {what}{}", self.targets.counted(), in_words(&self.targets.left_out)),
        }
    }
}

/// The state that ends the statuses of a plan.
fn wanted(plan: &Plan) -> State {
    plan.verdict.given_state().unwrap_or(State::Stopped)
}
