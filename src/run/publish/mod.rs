//! Publishes the statuses of all targets: several targets at once, each by itself. A failure of one target does not stop
//! another. A run that is stopped ends its `INPROGRESS` statuses.

mod due_reports;
mod expected;
mod joint;
mod pending;
mod shutdown;
mod target;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap, hash_map::Entry},
    convert::Infallible,
    fmt::Write as _,
    future::{pending, poll_fn},
    pin::pin,
    rc::Rc,
    task::Poll,
    time::Duration,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    bitbucket::api::Bitbucket,
    config::{
        analysis::{AnalysisPlan, VerdictPlan},
        left_out::in_words,
        plan::Plan,
        target_list::Targets,
    },
    console::{
        log::Console,
        text::{counted, grouped},
    },
    http::deadline::Deadline,
    model::{outcome::Outcome, state::State, target::Target, verdict::Verdict},
    run::{
        ask_sonarqube::{AskSonarQube, servers::Servers},
        context::Context,
        delivery::{Delivery, Left, StatusResult},
        find_commit::{CommitFinder, Lookups},
        progress::Progress,
        report,
        result_file::ResultFile,
        summary::{
            Summary,
            file::{RunPage, SummaryFile},
        },
    },
};

use self::{
    due_reports::{DueReport, DueReports},
    joint::{JointPlans, OtherTarget},
    pending::{PendingStatus, PendingStatuses},
    shutdown::{FinalStatuses, Unposted},
    target::TargetPublisher,
};

/// A run that publishes.
#[derive(Debug)]
pub(crate) struct PublishRun<'a> {
    context: Context<'a>,
    targets: &'a Targets,
    /// Of a list.
    joint: JointPlans,
    results: Option<&'a ResultFile>,
    /// Of the targets of a list. A single target is reported by itself.
    summary: Option<Summary>,
    /// `SUMMARY_FILE`.
    page: Option<RunPage<'a>>,
    progress: Progress,
    lookups: Lookups<'a>,
    servers: Servers,
    pending: PendingStatuses,
    /// The plans that are under way, by number.
    begun: RefCell<BTreeMap<usize, &'a Plan>>,
    due: DueReports<'a>,
    /// The one status of a run, while its report is posted: the outcome is the last line.
    untold: RefCell<Option<StatusResult>>,
}

/// What became of the statuses of a plan.
#[derive(Debug, Default)]
struct Published {
    outcomes: Vec<Outcome>,
    /// The number of those that were refused and may stand.
    doubts: usize,
    /// The number of those that another run has posted, and that stay.
    kept: usize,
}

/// What a run that is stopped leaves undone.
struct LeftUndone<'a> {
    /// The numbers of the plans that were under way.
    begun: Vec<usize>,
    reports: Vec<Rc<DueReport<'a>>>,
}

/// A part of the run that follows all statuses.
enum Later<'a> {
    /// A plan without a status.
    Alone(usize, &'a Plan),
    /// The report of a status, with its number.
    Report(usize, Rc<DueReport<'a>>),
}

impl<'a> Later<'a> {
    fn plan(&self) -> &'a Plan {
        match self {
            Self::Alone(_, plan) => plan,
            Self::Report(_, report) => report.plan,
        }
    }
}

/// The final statuses of a run that is stopped are posted at once: there is little time.
const FINAL_STATUSES_AT_ONCE: usize = 64;
/// The time for the end of a run that is stopped: Docker kills a container 10 s after SIGTERM.
const END_LIMIT: Duration = Duration::from_secs(8);
/// So long the final statuses wait for the answers to what is under way.
const ANSWERS_LIMIT: Duration = Duration::from_secs(3);
/// So long before the end, a final status is posted once more if what it replaces has no answer yet.
const LAST_WORD: Duration = Duration::from_secs(1);

impl<'a> PublishRun<'a> {
    pub(crate) fn new(
        context: Context<'a>,
        targets: &'a Targets,
        results: Option<&'a ResultFile>,
        summary_file: Option<&'a SummaryFile>,
    ) -> Self {
        let Targets { plans, are_listed, .. } = targets;
        let page = |(file, advice)| RunPage::new(file, advice, targets);
        let summary = || Summary::of(targets.counted(), in_words(&targets.left_out), results.is_some());
        Self {
            context,
            targets,
            joint: if *are_listed { JointPlans::of(plans) } else { JointPlans::default() },
            results,
            summary: are_listed.then(summary),
            page: summary_file.zip(context.advice).map(page),
            progress: Progress::of(plans.len(), "targets"),
            lookups: Lookups::of(plans.iter().map(|plan| (&plan.credential, &plan.target))),
            servers: Servers::default(),
            pending: PendingStatuses::default(),
            begun: RefCell::default(),
            due: DueReports::default(),
            untold: RefCell::default(),
        }
    }

    /// Publishes all targets and reports what became of them. Returns the worst outcome.
    ///
    /// # Errors
    ///
    /// Only what a defect of Gatepost explains.
    pub(crate) async fn publish(&self) -> anyhow::Result<Outcome> {
        let Context { settings, keyring, console, .. } = self.context;
        let all = self.targets.plans.iter().enumerate().filter(|(number, _)| self.joint.is_first(*number));
        let (with_status, alone): (Vec<_>, Vec<_>) = all.partition(|(_, plan)| plan.insights.posts_status);
        let work = by_credential(with_status, |(_, plan)| plan).into_iter().map(|plans| {
            let targets = stream::iter(plans).map(|(number, plan)| self.publish_target(number, plan));
            Box::pin(targets.buffer_unordered(settings.concurrency))
        });
        let published = stream::select_all(work).try_fold(Published::default(), Published::with).await?;
        // No report is in the way of a status.
        let reports = self.due.all().into_iter().map(|(number, report)| Later::Report(number, report));
        let later: Vec<_> =
            alone.into_iter().map(|(number, plan)| Later::Alone(number, plan)).chain(reports).collect();
        let work = by_credential(later, Later::plan).into_iter().map(|later| {
            let later = stream::iter(later).map(|later| self.publish_later(later));
            Box::pin(later.buffer_unordered(settings.concurrency))
        });
        let published = stream::select_all(work).try_fold(published, Published::with).await?;
        let Published { outcomes, doubts, kept } = published;
        let worst = outcomes.iter().copied().fold(self.targets.outcome(), Outcome::worse);
        if let Some(unused) = self.servers.advice.unused() {
            console.warning(unused);
        }
        if let Some(summary) = &self.summary {
            report::unused_tokens(keyring, console);
            if let Some(results) = self.results {
                report::lost_results(results, console);
            }
            self.write_page(worst);
            summary.end(worst, console);
            return Ok(worst);
        }
        self.write_page(worst);
        self.tell_untold();
        let has_status = self.targets.plans.iter().all(|plan| plan.insights.posts_status);
        let things = if has_status { "statuses" } else { "reports" };
        report::several_statuses(&outcomes, doubts, kept, things, console);
        Ok(worst)
    }

    /// Writes `SUMMARY_FILE`, before the last line of the log.
    fn write_page(&self, outcome: Outcome) {
        if let Some(page) = &self.page {
            page.write(outcome, self.context);
        }
    }

    /// Adds what became of a status to `SUMMARY_FILE`.
    fn note(&self, result: &StatusResult, number: usize) {
        if let Some(page) = &self.page {
            page.add(result, number, self.context.console);
        }
    }

    fn tell_untold(&self) {
        if let Some(result) = self.untold.take() {
            report::last_line(&result, self.context.console);
        }
    }

    async fn publish_later(&self, later: Later<'a>) -> anyhow::Result<Published> {
        match later {
            Later::Alone(number, plan) => self.publish_target(number, plan).await,
            Later::Report(number, report) => {
                let console = self.console_about(report.plan);
                let deadline = Deadline::after(self.context.settings.timeout);
                let publisher = self.publisher(report.number, report.plan, &console, &deadline);
                let posted = Box::pin(publisher.post_report(&report)).await;
                if let (Some(page), Some(posted)) = (&self.page, posted) {
                    page.add_report(report.status.key.as_str(), &posted, report.number, &console);
                }
                self.due.remove(number);
                Ok(Published::default())
            }
        }
    }

    fn console_about(&self, plan: &Plan) -> Console {
        let console = self.context.console;
        if self.summary.is_some() { console.about(&plan.target) } else { console.of_run() }
    }

    fn publisher<'c>(
        &'c self,
        number: usize,
        plan: &'a Plan,
        console: &'c Console,
        deadline: &'c Deadline,
    ) -> TargetPublisher<'c, 'a> {
        TargetPublisher {
            context: self.context,
            bitbucket: self.context.bitbucket(&plan.credential, console, deadline),
            number,
            plan,
            lookups: &self.lookups,
            pending: &self.pending,
            servers: &self.servers,
            results: self.results,
        }
    }

    async fn publish_target(&self, number: usize, plan: &'a Plan) -> anyhow::Result<Published> {
        let console = &self.console_about(plan);
        self.begun.borrow_mut().insert(number, plan);
        let verdicts = self.verdicts(plan, console).await?;
        let mut others = Vec::new();
        for number in self.joint.others(number) {
            let plan = &self.targets.plans[*number];
            let console = self.console_about(plan);
            let verdicts = self.verdicts(plan, &console).await?;
            others.push(OtherTarget::new(*number, plan, console, verdicts));
        }
        let deadline = Deadline::after(self.context.settings.timeout);
        let publisher = self.publisher(number, plan, console, &deadline);
        let (doubts, kept) = (Cell::new(0), Cell::new(0));
        let unanalysed = match &plan.verdict {
            VerdictPlan::Ask(analysis) => {
                analysis.without_analysis(verdicts.iter().map(|verdict| verdict.project.as_deref())).len()
            }
            VerdictPlan::Given(_) => 0,
        };
        let is_one = verdicts.len() + unanalysed == 1;
        let tell = |result: StatusResult| {
            let leaves_doubt =
                matches!(&result.delivery, Delivery::Refused(refusal) if refusal.leaves_doubt());
            doubts.set(doubts.get() + usize::from(leaves_doubt));
            kept.set(kept.get() + usize::from(matches!(result.delivery, Delivery::Kept)));
            self.report(result, number, plan, is_one, console)
        };
        let mut outcomes = if plan.insights.posts_status {
            Box::pin(publisher.publish(verdicts, &mut others, tell, &self.due)).await
        } else {
            Box::pin(publisher.publish_reports_alone(verdicts, tell, &self.due)).await
        };
        for OtherTarget { number, plan, console, results, .. } in others {
            outcomes
                .extend(results.into_iter().map(|result| self.report(result, number, plan, false, &console)));
            self.progress.add();
        }
        self.begun.borrow_mut().remove(&number);
        self.progress.add();
        Ok(Published { outcomes, doubts: doubts.get(), kept: kept.get() })
    }

    async fn verdicts(&self, plan: &Plan, console: &Console) -> anyhow::Result<Vec<Verdict>> {
        match &plan.verdict {
            VerdictPlan::Given(verdicts) => Ok(verdicts.clone()),
            VerdictPlan::Ask(analysis) => {
                let wanted = plan.target.wanted();
                AskSonarQube::new(analysis, wanted, self.context, &self.servers, console).verdicts().await
            }
        }
    }

    /// Tells what became of a status. The last line about the one status of a run waits for its report.
    fn report(
        &self,
        result: StatusResult,
        number: usize,
        plan: &Plan,
        is_one: bool,
        console: &Console,
    ) -> Outcome {
        self.note(&result, number);
        let outcome = result.outcome();
        report::status_result(&result, Some(plan), self.results, console);
        if let Some(summary) = &self.summary {
            summary.add(&result, number, plan);
            return outcome;
        }
        self.tell_result(result, is_one, console);
        outcome
    }

    /// The lines about a status of a run without a list.
    fn tell_result(&self, result: StatusResult, is_one: bool, console: &Console) {
        report::output_variables(&result, self.context.settings, console);
        report::status_lines(&result, console);
        let mut untold = self.untold.borrow_mut();
        if is_one && untold.is_none() {
            *untold = Some(result);
        } else {
            report::last_line(&result, console);
        }
    }

    /// Publishes until it is done, or until `stop` says that the run is stopped. Then requests that are under way get
    /// some seconds for their answers: what stands in the end is what is sent last. An `INPROGRESS` whose answer comes
    /// later still gets its `STOPPED` after that.
    ///
    /// # Errors
    ///
    /// Only what a defect of Gatepost explains.
    pub(crate) async fn publish_until(&self, stop: impl Future<Output = ()>) -> anyhow::Result<Outcome> {
        let mut publish = pin!(self.publish());
        tokio::select! {
            outcome = &mut publish => return outcome,
            () = stop => {}
            never = self.tell_progress() => match never {},
        }
        let final_statuses = FinalStatuses::until(Deadline::firm(END_LIMIT));
        let is_done = tokio::select! {
            outcome = &mut publish => outcome.is_ok(),
            () = self.pending.close() => false,
            () = tokio::time::sleep(ANSWERS_LIMIT) => false,
        };
        let end = pin!(self.stop(is_done, &final_statuses));
        if is_done {
            return Ok(end.await);
        }
        // Only the answers to what is in flight are of interest: nothing else of the run goes on.
        let answers = poll_fn(|context| {
            if self.pending.is_any_in_flight() {
                let _ = publish.as_mut().poll(context);
            }
            Poll::Pending
        });
        tokio::select! {
            outcome = end => Ok(outcome),
            outcome = answers => outcome,
        }
    }

    /// Tells how far a run over a list is, and never ends.
    async fn tell_progress(&self) -> Infallible {
        let Context { keyring, console, .. } = self.context;
        let Some(summary) = &self.summary else { return pending().await };
        let rest = || {
            let mut rest = String::new();
            let reports = self.due.count();
            if self.progress.is_done() && reports > 0 {
                let _ = write!(rest, "; {} to go", counted(reports, "report"));
            }
            let not_posted = summary.not_posted();
            if not_posted > 0 {
                let _ = write!(rest, "; {} not posted", grouped(not_posted));
            }
            rest
        };
        self.progress.tell(keyring, rest, console).await
    }

    /// Ends a run that is stopped: no `INPROGRESS` of it stays, as far as the time allows. `is_done` when everything else
    /// was done.
    async fn stop(&self, is_done: bool, final_statuses: &FinalStatuses) -> Outcome {
        let console = self.context.console;
        let mut unfinished = self.pending.take();
        let begun = self.begun.take();
        for (number, plan) in &begun {
            unfinished.extend(self.awaited(*number, plan, final_statuses).await);
        }
        let reports = self.due.take();
        for DueReport { plan, status, target, .. } in reports.iter().map(|report| &**report) {
            let (key, reason) = (&status.key, "the run was stopped");
            report::missing_report(key, "stopped", reason, plan, Some(target), self.results, console);
        }
        self.tell_untold();
        if is_done && unfinished.is_empty() {
            self.write_page(Outcome::Stopped);
            return Outcome::Stopped;
        }
        let left = LeftUndone { begun: begun.into_keys().collect(), reports };
        match (&self.summary, &self.targets.plans[..]) {
            (Some(summary), _) => self.stop_listed(unfinished, &left, final_statuses, summary).await,
            (None, [plan]) => self.stop_single(unfinished, &left, final_statuses, plan).await,
            (None, _) => {}
        }
        Outcome::Stopped
    }

    async fn stop_single(
        &self,
        unfinished: Vec<Rc<PendingStatus>>,
        left: &LeftUndone<'_>,
        final_statuses: &FinalStatuses,
        plan: &Plan,
    ) {
        let console = self.context.console;
        let mut results = Vec::new();
        let mut add = |result: StatusResult| {
            self.note(&result, 0);
            report::status_result(&result, Some(plan), self.results, console);
            results.push(result);
        };
        for status in &unfinished {
            add(self.stop_status(status, final_statuses, console).await);
        }
        if unfinished.is_empty() && left.reports.is_empty() {
            let left = match (self.pending.has_posted(), self.pending.has_sent()) {
                (true, _) => Left::NotBegun,
                (false, true) => Left::NothingPosted,
                (false, false) => Left::NothingSent,
            };
            add(StatusResult {
                target: None,
                status: None,
                delivery: Delivery::Stopped(left),
                verdict_outcome: Outcome::Stopped,
                verdict_words: String::new(),
            });
        }
        self.write_stopped_page(left);
        for result in results {
            self.tell_result(result, false, console);
        }
        if unfinished.is_empty() && !left.reports.is_empty() {
            console.failed(if plan.insights.posts_status {
                "stopped before the report was complete: the status stands"
            } else {
                "stopped before the report was complete; there is no status (STATUS: false)"
            });
        }
    }

    /// Writes `SUMMARY_FILE` of a run that was stopped, with what is left undone.
    fn write_stopped_page(&self, left: &LeftUndone<'_>) {
        if let Some(page) = &self.page {
            let reports: Vec<(usize, &str)> =
                left.reports.iter().map(|report| (report.number, report.status.key.as_str())).collect();
            page.add_unfinished(&left.begun, &reports, self.context.console);
        }
        self.write_page(Outcome::Stopped);
    }

    /// The statuses that a run was to end and has not begun to post: an earlier run may have posted `INPROGRESS`.
    async fn awaited(
        &self,
        number: usize,
        plan: &Plan,
        final_statuses: &FinalStatuses,
    ) -> Vec<Rc<PendingStatus>> {
        let VerdictPlan::Ask(analysis) = &plan.verdict else { return Vec::new() };
        if self.context.settings.dry_run || !plan.insights.posts_status {
            return Vec::new();
        }
        let console = self.context.console;
        let bitbucket = self.context.bitbucket(&plan.credential, console, &final_statuses.deadline);
        let lookups = Lookups::of(std::iter::empty());
        let finder =
            CommitFinder { bitbucket, plan: &plan.target, lookups: &lookups, has_read_repository: false };
        let Ok(found) = finder.find().await else {
            console.warning(
                "an INPROGRESS of an earlier run may still stand on the commit, which could not be looked up",
            );
            return Vec::new();
        };
        let verdict = |project: Option<&str>| Verdict {
            state: State::InProgress,
            words: State::InProgress.words().to_owned(),
            project: project.map(str::to_owned),
            link: None,
            outcome: Outcome::Stopped,
            analysis: None,
            draft: None,
        };
        let begun = self.begun_by_others(plan, analysis, &found.target, &bitbucket).await;
        let begun = begun.iter().map(|project| Some(project.as_str()));
        let verdicts: Vec<Verdict> = analysis.projects().into_iter().chain(begun).map(verdict).collect();
        let pending = |status| {
            let (credential, target) = (plan.credential.clone(), found.target.clone());
            Rc::new(PendingStatus::of_earlier_run(number, credential, target, status))
        };
        let statuses = plan.statuses(&verdicts, &found.target).into_iter().map(pending);
        statuses.filter(|status| !self.pending.has_begun(status)).collect()
    }

    /// The projects that always have a status, have no analysis so far, and have an `INPROGRESS`. What else stands may be a
    /// verdict about them.
    async fn begun_by_others(
        &self,
        plan: &Plan,
        analysis: &AnalysisPlan,
        target: &Target,
        bitbucket: &Bitbucket<'_>,
    ) -> Vec<String> {
        let is_begun = async |project: String| {
            let key = plan.status.key_for(Some(&project));
            let standing = bitbucket.standing_status(target, &key).await;
            let is_begun = matches!(standing, Ok(Some(standing)) if standing.state == State::InProgress);
            is_begun.then_some(project)
        };
        let projects = stream::iter(analysis.without_analysis(analysis.projects())).map(is_begun);
        projects.buffer_unordered(FINAL_STATUSES_AT_ONCE).filter_map(async |begun| begun).collect().await
    }

    async fn stop_listed(
        &self,
        pending: Vec<Rc<PendingStatus>>,
        left_undone: &LeftUndone<'_>,
        final_statuses: &FinalStatuses,
        summary: &Summary,
    ) {
        let (ended, left) = (Cell::new(0), Cell::new(0));
        let work = stream::iter(pending).for_each_concurrent(FINAL_STATUSES_AT_ONCE, async |pending| {
            let target = &pending.target;
            let about = format!("{} commit {}", target.repository, target.commit.digits());
            let console = self.context.console.about(about);
            let result = self.stop_status(&pending, final_statuses, &console).await;
            // Of other states, RESULT_FILE says that they were under way.
            if pending.status.state == State::InProgress {
                let count = match result.delivery {
                    Delivery::Stopped(Left::Ended) => Some(&ended),
                    Delivery::Stopped(Left::NothingPosted) => None,
                    _ => Some(&left),
                };
                count.inspect(|count| count.set(count.get() + 1));
            }
            self.note(&result, pending.number as usize);
            report::status_result(&result, None, self.results, &console);
        });
        work.await;
        self.write_stopped_page(left_undone);
        summary.stopped(ended.get(), left.get(), left_undone.reports.len(), self.context.console);
    }

    /// Ends a status that was under way when the run was stopped.
    async fn stop_status(
        &self,
        pending: &PendingStatus,
        final_statuses: &FinalStatuses,
        console: &Console,
    ) -> StatusResult {
        let PendingStatus { credential, target, status, effect, .. } = pending;
        let mut stopped = Err(Unposted::Refused);
        if status.state == State::InProgress {
            let bitbucket = self.context.bitbucket(credential, console, &final_statuses.deadline);
            let is_in_flight = effect.is_in_flight();
            let first = final_statuses.post_stopped(&bitbucket, pending);
            let again = async {
                if is_in_flight {
                    self.last_word(pending, final_statuses, console).await;
                    if effect.may_have_been_applied() {
                        return Some(final_statuses.post_stopped(&bitbucket, pending).await);
                    }
                }
                None
            };
            let (first, again) = tokio::join!(first, again);
            stopped = again.unwrap_or(first);
        }
        let left = match &stopped {
            Ok(_) => Left::Ended,
            Err(_) if pending.is_of_earlier_run => Left::OfEarlierRun,
            Err(Unposted::Refused) if pending.is_posted() => Left::Stands,
            Err(_) if effect.may_have_been_applied() => Left::InDoubt,
            Err(_) => Left::NothingPosted,
        };
        StatusResult {
            target: Some(target.clone()),
            status: Some(stopped.unwrap_or_else(|_| status.clone())),
            delivery: Delivery::Stopped(left),
            verdict_outcome: Outcome::Stopped,
            verdict_words: String::new(),
        }
    }

    /// Waits for the answer to an `INPROGRESS`, but not to the end: there must be time for one more `STOPPED`.
    async fn last_word(&self, pending: &PendingStatus, final_statuses: &FinalStatuses, console: &Console) {
        let limit = final_statuses.deadline.left().saturating_sub(LAST_WORD);
        if tokio::time::timeout(limit, self.pending.answered(pending)).await.is_err() {
            console
                .warning("INPROGRESS may still come to stand after STOPPED: Bitbucket has not answered it");
        }
    }
}

impl Published {
    #[expect(clippy::unused_async, reason = "a fold of a stream asks for a future")]
    async fn with(mut self, other: Self) -> anyhow::Result<Self> {
        self.outcomes.extend(other.outcomes);
        self.doubts += other.doubts;
        self.kept += other.kept;
        Ok(self)
    }
}

/// The items grouped by the throttle of their plan: while one credential waits, the others go on.
pub(crate) fn by_credential<'a, T>(items: Vec<T>, plan: impl Fn(&T) -> &'a Plan) -> Vec<Vec<T>> {
    let mut group_numbers = HashMap::new();
    let mut groups: Vec<Vec<T>> = Vec::new();
    for item in items {
        let number = match group_numbers.entry(Rc::as_ptr(&plan(&item).credential.throttle)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                groups.push(Vec::new());
                *new.insert(groups.len() - 1)
            }
        };
        groups[number].push(item);
    }
    groups
}
