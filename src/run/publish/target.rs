//! Publishes the statuses of one target: finds the commit, and posts a status for each verdict.

use std::{cell::RefCell, rc::Rc, time::Instant};

use reqwest::StatusCode;

use crate::{
    bitbucket::{answer::Answer, api::Bitbucket, credential::Credential, refusal::Refusal},
    config::{
        analysis::VerdictPlan,
        plan::{KeyedVerdict, Plan},
    },
    console::foreign::shown,
    explain::{bitbucket::explain, tell::tell},
    http::client::Client,
    model::{
        insights::report_id, outcome::Outcome, state::State, status::Status, target::Target, verdict::Verdict,
    },
    run::{
        ask_sonarqube::servers::Servers,
        compare_analysis::AnalysisComparison,
        context::Context,
        delivery::{Delivery, ReportDelivery, StatusResult},
        find_commit::{CommitFinder, FailedStep, FoundCommit, Lookups},
        insights::{PostedReport, ReportOutcome, ReportPublisher},
        publish::{
            due_reports::{DueReport, DueReports},
            joint::OtherTarget,
            pending::{PendingStatus, PendingStatuses},
            shutdown::{FinalStatuses, ONE_STATUS_LIMIT},
        },
        report,
        result_file::ResultFile,
    },
};

/// Publishes the statuses of one target.
#[derive(Debug)]
pub(super) struct TargetPublisher<'c, 'p> {
    pub(super) context: Context<'c>,
    pub(super) bitbucket: Bitbucket<'c>,
    /// The number of the plan.
    pub(super) number: usize,
    pub(super) plan: &'p Plan,
    pub(super) lookups: &'c Lookups<'p>,
    pub(super) pending: &'c PendingStatuses,
    pub(super) servers: &'c Servers,
    /// What earlier runs delivered, and where the results go.
    pub(super) results: Option<&'c ResultFile>,
}

impl<'p> TargetPublisher<'_, 'p> {
    /// Finds the commit, and posts a status for each verdict. `report` is called for each status as soon as it is done. The
    /// reports that follow are added to `due`. The statuses also say what is found about the `others`, which have the same
    /// commit and keys.
    pub(super) async fn publish(
        &self,
        verdicts: Vec<Verdict>,
        others: &mut [OtherTarget<'p>],
        report: impl Fn(StatusResult) -> Outcome,
        due: &DueReports<'p>,
    ) -> Vec<Outcome> {
        let finder = self.finder();
        let recalled = self.results.and_then(|results| results.earlier.recall(self.plan, &verdicts));
        let found = match recalled {
            Some(target) => Ok(FoundCommit::at(target)),
            None => finder.find().await,
        };
        let mut found = match found {
            Ok(found) => found,
            Err(refusal) => {
                for other in others {
                    other.note_not_found(&refusal);
                }
                return vec![report(StatusResult::not_found(refusal))];
            }
        };
        let mut verdicts = self.compared(verdicts, &found.target).await;
        self.compare_others(others, &found.target).await;
        verdicts.extend(others.iter().flat_map(|other| other.verdicts.iter().cloned()));
        let mut outcomes = Vec::new();
        let mut with_report = Vec::new();
        let mut has_posted = false;
        // The verdicts of the analyses are told last: they matter most.
        let unanalysed = self.unanalysed(&verdicts);
        for verdict in &unanalysed {
            let result = self.post_unanalysed(&finder, &mut found, verdict).await;
            has_posted |= matches!(result.delivery, Delivery::Posted | Delivery::Kept);
            outcomes.push(report(result));
        }
        if !unanalysed.is_empty() {
            // A read of what stands for another project must not use up the time of these.
            self.bitbucket.client.deadline.restart(self.context.settings.timeout);
        }
        for KeyedVerdict { key, verdict, reports } in self.plan.keyed(&verdicts) {
            let status = |target: &Target| self.plan.status(key.clone(), &verdict, target);
            let step = async |target: &Target| self.post_to_slot(target, status(target)).await;
            let (delivery, status) = self.run_post(&finder, &mut found, step, status).await;
            has_posted |= matches!(delivery, Delivery::Posted);
            for (key, verdict) in reports {
                let status = self.plan.status(key, &verdict, &found.target);
                if self.has_report(&delivery, &verdict, &status, &found.target) {
                    with_report.push((verdict, status, found.target.clone()));
                }
            }
            for other in &mut *others {
                other.note(&found.target, &status, &delivery);
            }
            // The words are those of the status that stands.
            let verdict_words = match delivery {
                Delivery::Outweighed => status.description.clone(),
                _ => verdict.words,
            };
            outcomes.push(report(StatusResult {
                target: Some(found.target.clone()),
                status: Some(status),
                delivery,
                verdict_outcome: verdict.outcome,
                verdict_words,
            }));
        }
        let verdicts = [verdicts, unanalysed].concat();
        if has_posted && let Some(result) = self.end_crash(&verdicts, &found.target).await {
            outcomes.push(report(result));
        }
        for (verdict, status, target) in with_report {
            due.add(DueReport { number: self.number, plan: self.plan, verdict, status, target });
        }
        outcomes
    }

    /// Runs a step that posts a status to the commit that was found, or to the one that a refusal leads to. Returns what
    /// became of it, and the status as it was posted.
    pub(super) async fn run_post(
        &self,
        finder: &CommitFinder<'_, 'p>,
        found: &mut FoundCommit,
        step: impl AsyncFn(&Target) -> Result<(Delivery, Status), Box<Refusal>>,
        status: impl Fn(&Target) -> Status,
    ) -> (Delivery, Status) {
        match finder.run_step(found, step).await {
            Ok(posted) => posted,
            Err(failed) => {
                let status = status(&found.target);
                (self.refused(failed, &found.target, &status).await, status)
            }
        }
    }

    const fn finder(&self) -> CommitFinder<'_, 'p> {
        CommitFinder {
            bitbucket: self.bitbucket,
            plan: &self.plan.target,
            lookups: self.lookups,
            has_read_repository: false,
        }
    }

    fn report_publisher(&self) -> Option<ReportPublisher<'_>> {
        let VerdictPlan::Ask(analysis) = &self.plan.verdict else { return None };
        Some(ReportPublisher {
            context: self.context,
            servers: self.servers,
            analysis,
            plan: &self.plan.insights,
            console: self.bitbucket.client.console,
        })
    }

    /// Whether a report follows a status with this delivery.
    fn has_report(&self, delivery: &Delivery, verdict: &Verdict, status: &Status, target: &Target) -> bool {
        let Some(publisher) = self.report_publisher().filter(|it| it.has_report(verdict)) else {
            return false;
        };
        match delivery {
            Delivery::Posted | Delivery::Printed => true,
            // An earlier run may have been cut off between both.
            Delivery::Skipped => !self.has_posted_report(&publisher, verdict, status, target),
            _ => false,
        }
    }

    /// Whether an earlier run posted this report: `RESULT_FILE` says it.
    fn has_posted_report(
        &self,
        publisher: &ReportPublisher<'_>,
        verdict: &Verdict,
        status: &Status,
        target: &Target,
    ) -> bool {
        self.results.is_some_and(|results| {
            let content = publisher.content(verdict, status);
            results.earlier.has_posted_report(target, &report_id(&status.key), &content)
        })
    }

    /// Posts the report that follows a status, and tells what became of it.
    pub(super) async fn post_report(&self, report: &DueReport<'_>) -> Option<PostedReport> {
        let DueReport { verdict, status, target, .. } = report;
        let publisher = self.report_publisher()?;
        let shown = publisher.issues_of(verdict).await;
        let credential = self.credential(target);
        let bitbucket = self.bitbucket.with(&credential);
        let posted = publisher.post(bitbucket, verdict, status, target, &shown).await;
        self.tell_report(&posted, target);
        Some(posted)
    }

    fn tell_report(&self, posted: &PostedReport, target: &Target) {
        report::posted_report(posted, self.plan, target, self.results, self.bitbucket.client.console);
    }

    /// Posts the reports and no status. Those under way are in `due`.
    pub(super) async fn publish_reports_alone(
        &self,
        verdicts: Vec<Verdict>,
        report: impl Fn(StatusResult) -> Outcome,
        due: &DueReports<'p>,
    ) -> Vec<Outcome> {
        let finder = self.finder();
        let mut found = match finder.find().await {
            Ok(found) => found,
            Err(refusal) => {
                let keys = self.plan.report_keys(verdicts.iter().map(|verdict| verdict.project.as_deref()));
                let console = self.bitbucket.client.console;
                report::reports_not_found(&keys, &refusal, self.plan, self.results, console);
                return vec![report(StatusResult {
                    target: None,
                    status: None,
                    delivery: Delivery::ReportAlone(ReportDelivery::Missing(refusal)),
                    verdict_outcome: Outcome::Done,
                    verdict_words: String::new(),
                })];
            }
        };
        let verdicts = self.compared(verdicts, &found.target).await;
        let mut outcomes = Vec::new();
        let reports = self.plan.keyed(&verdicts).into_iter().flat_map(|keyed| keyed.reports);
        for (key, verdict) in reports {
            let status = |target: &Target| self.plan.status(key.clone(), &verdict, target);
            let (first, target) = (status(&found.target), found.target.clone());
            let under_way = due.add(DueReport {
                number: self.number,
                plan: self.plan,
                verdict: verdict.clone(),
                status: first,
                target,
            });
            let delivery = self.post_report_alone(&finder, &mut found, &verdict, status).await;
            due.remove(under_way);
            outcomes.push(report(StatusResult {
                target: Some(found.target.clone()),
                status: Some(status(&found.target)),
                delivery: Delivery::ReportAlone(delivery),
                verdict_outcome: verdict.outcome,
                verdict_words: verdict.words,
            }));
        }
        outcomes
    }

    async fn post_report_alone(
        &self,
        finder: &CommitFinder<'_, 'p>,
        found: &mut FoundCommit,
        verdict: &Verdict,
        status: impl Fn(&Target) -> Status,
    ) -> ReportDelivery {
        let Some(publisher) = self.report_publisher().filter(|it| it.has_report(verdict)) else {
            return ReportDelivery::Nothing;
        };
        if self.has_posted_report(&publisher, verdict, &status(&found.target), &found.target) {
            return ReportDelivery::Skipped;
        }
        // SonarQube is asked once, at whatever commit the report is posted in the end.
        let shown = publisher.issues_of(verdict).await;
        let latest = RefCell::new(None);
        let step = async |target: &Target| {
            let credential = self.credential(target);
            let bitbucket = self.bitbucket.with(&credential);
            let posted = publisher.post(bitbucket, verdict, &status(target), target, &shown).await;
            let missing = match &posted.outcome {
                ReportOutcome::Missing(refusal) => Some(Box::new((**refusal).clone())),
                _ => None,
            };
            latest.replace(Some(posted));
            missing.map_or(Ok(()), Err)
        };
        let result = if self.plan.credential.kind.is_pipelines_proxy() {
            // Nothing but reports goes through the proxy of Pipelines: nothing is looked up.
            let sent = step(&found.target).await;
            sent.map_err(|refusal| FailedStep { refusal, lookup: None })
        } else {
            finder.run_step(found, step).await
        };
        let Some(mut posted) = latest.into_inner() else { return ReportDelivery::Nothing };
        if let Err(FailedStep { refusal, .. }) = result {
            posted.outcome = ReportOutcome::Missing(Rc::from(refusal));
        }
        self.tell_report(&posted, &found.target);
        match posted.outcome {
            ReportOutcome::Posted => ReportDelivery::Posted,
            ReportOutcome::Printed => ReportDelivery::Printed,
            ReportOutcome::Missing(refusal) => ReportDelivery::Missing(refusal),
            ReportOutcome::Incomplete(refusal) => ReportDelivery::Incomplete(refusal),
        }
    }

    /// The verdicts, each compared with the commit that was found.
    pub(super) async fn compared(&self, verdicts: Vec<Verdict>, target: &Target) -> Vec<Verdict> {
        let VerdictPlan::Ask(plan) = &self.plan.verdict else { return verdicts };
        let credential = self.credential(target);
        let comparison = AnalysisComparison::new(plan, self.bitbucket.with(&credential), self.context.advice);
        let wanted = self.plan.target.wanted().at(target, &self.plan.target.repository);
        let mut compared = Vec::new();
        for verdict in verdicts {
            compared.push(comparison.compared(verdict, &wanted, target).await);
        }
        compared
    }

    /// Ends the status of an earlier scan of this commit that crashed before its project was known: it stands under a key
    /// that no verdict of this run replaces.
    async fn end_crash(&self, verdicts: &[Verdict], target: &Target) -> Option<StatusResult> {
        let key = self.plan.crash_key(verdicts)?;
        let credential = self.credential(target);
        let bitbucket = self.bitbucket.with(&credential);
        let standing = match bitbucket.standing_status(target, &key).await {
            Ok(standing) => standing?,
            Err(refusal) => {
                self.bitbucket.client.console.warning(format_args!(
                    "a scan of this commit that crashed before may still have a status (key {key}): {refusal}"
                ));
                return None;
            }
        };
        // An INPROGRESS belongs to a scan that has not ended.
        if !matches!(standing.state, State::Failed | State::Stopped) {
            return None;
        }
        if self.plan.status.is_of_other_step(standing.url.as_deref()) {
            self.bitbucket.client.console.warning(format_args!(
                "the scan of another step of this pipeline did not finish (key {key}): that status stays"
            ));
            return None;
        }
        let projects: Vec<&str> = verdicts.iter().filter_map(|verdict| verdict.project.as_deref()).collect();
        let verdict = Verdict {
            state: State::Successful,
            words: format!("{}; own statuses: {}", self.end_in_words(), projects.join(", ")),
            project: None,
            link: None,
            outcome: Outcome::Done,
            analysis: None,
            draft: None,
        };
        let status = self.plan.status.status(&verdict, target, key, false);
        let delivery = match self.post_to_slot(target, status.clone()).await {
            Ok((delivery, _)) => delivery,
            Err(refusal) => self.refused(FailedStep { refusal, lookup: None }, target, &status).await,
        };
        Some(StatusResult {
            target: Some(target.clone()),
            status: Some(status),
            delivery,
            verdict_outcome: Outcome::Done,
            verdict_words: verdict.words,
        })
    }

    /// How the scan ended that is the end of an earlier crash.
    fn end_in_words(&self) -> &'static str {
        match &self.plan.verdict {
            VerdictPlan::Ask(analysis) if analysis.failed_scan().is_some() => "The scan sent its analysis",
            _ => "The scan finished",
        }
    }

    /// Completes the evidence of a refused status, and reports why the way out could not be looked up.
    pub(super) async fn refused(&self, failed: FailedStep, target: &Target, status: &Status) -> Delivery {
        let FailedStep { mut refusal, lookup } = failed;
        let credential = self.credential(target);
        let bitbucket = self.bitbucket.with(&credential);
        self.lookups.further_reads.make(&bitbucket, &mut refusal, target, &status.key).await;
        // An earlier attempt of this run may have been applied, whatever this one was answered.
        let this = self.pending.status(self.number, credential.clone(), target.clone(), status.clone());
        refusal.evidence.may_stand |= self.pending.remove_doubts(&this);
        if let Some(lookup) = lookup {
            let mut lookup = (*lookup).clone();
            if target.repository == self.plan.target.repository {
                lookup.evidence.reads_repository = refusal.reads_repository();
            }
            // A lookup that failed for the same reason tells nothing new.
            if explain(&lookup) != explain(&refusal) {
                tell(&lookup, self.bitbucket.client.console);
            }
        }
        Delivery::Refused(Rc::from(refusal))
    }

    /// The credential for the repository of the target, which may be a fork.
    pub(super) fn credential(&self, target: &Target) -> Rc<Credential> {
        let named = &self.plan.target.repository;
        self.context.keyring.credential_for_source(&target.repository, named, &self.plan.credential)
    }

    /// Posts a status, unless this run has already posted to its slot: two targets may turn out to be the same only
    /// when they are looked up. A status that is being posted to the same slot is waited for. Returns the status as it was
    /// posted.
    pub(super) async fn post_to_slot(
        &self,
        target: &Target,
        status: Status,
    ) -> Result<(Delivery, Status), Box<Refusal>> {
        let pending = |status: Status| {
            self.pending.status(self.number, self.credential(target), target.clone(), status)
        };
        let mut status = pending(status);
        let asked = Instant::now();
        let takes_worst = matches!(self.plan.verdict, VerdictPlan::Ask(_));
        let (slot, _guard) = match self.pending.turn(&status, takes_worst).await {
            Ok(turn) => turn,
            Err(other) => return Ok(*other),
        };
        self.bitbucket.client.deadline.extend(asked.elapsed());
        let delivered = self.deliver(&status, slot.replaces).await;
        if delivered.is_err() {
            self.pending.note_refused(&status);
        }
        let delivery = match delivered {
            Err(refusal) if refusal.answer == Some(Answer::BadUrl) => {
                let url = self.plan.status.other_url(target);
                if url == status.status.url {
                    return Err(refusal);
                }
                let refused = status.status.url.clone();
                self.bitbucket.client.console.warning(format_args!(
                    "Bitbucket does not accept the link {}; trying again with the link {url}",
                    shown(&refused)
                ));
                status = pending(Status { url, ..status.status.clone() });
                self.deliver(&status, slot.replaces).await.map_err(|mut refusal| {
                    refusal.evidence.refused_link = Some(refused);
                    refusal
                })?
            }
            delivery => delivery?,
        };
        let posted = status.status.clone();
        self.pending.occupy(status);
        Ok((delivery, posted))
    }

    /// Skips, prints or posts a status. What this run has posted in its place is newer than `RESULT_FILE`.
    async fn deliver(&self, pending: &Rc<PendingStatus>, replaces: bool) -> Result<Delivery, Box<Refusal>> {
        let PendingStatus { target, status, .. } = &**pending;
        let has_delivered = |results: &ResultFile| results.earlier.has_delivered(target, status);
        if !replaces && self.results.is_some_and(has_delivered) {
            Ok(Delivery::Skipped)
        } else if self.context.settings.dry_run {
            self.bitbucket.print_status(&target.repository, &target.commit, status);
            Ok(Delivery::Printed)
        } else {
            self.post(pending).await.map(|()| Delivery::Posted)
        }
    }

    /// Posts a status. An `INPROGRESS` that failed and may have been applied is replaced by `STOPPED`.
    async fn post(&self, pending: &Rc<PendingStatus>) -> Result<(), Box<Refusal>> {
        self.pending.is_open().await;
        let number = self.pending.add(pending.clone());
        let PendingStatus { credential, target, status, effect, .. } = &**pending;
        let bitbucket = self.bitbucket.with(credential);
        let bitbucket_of_it = bitbucket.changed(|client| Client { effect: Some(effect), ..client });
        let post = bitbucket_of_it.post_status(&target.repository, &target.commit, status);
        let posted = self.pending.answer_to(pending, post).await;
        let is_inprogress = status.state == State::InProgress;
        if let Err(mut refusal) = posted {
            let may_stand = effect.may_have_been_applied();
            refusal.evidence.may_stand = may_stand;
            if may_stand && refusal.status_code() == Some(StatusCode::NOT_FOUND) {
                // It is tried again. STOPPED would not find the commit either.
                self.bitbucket.client.console.warning(format_args!(
                    "an attempt to post to commit {} had no certain answer, and now Bitbucket does not know the commit: the status may stand there",
                    target.commit.digits()
                ));
                return Err(refusal);
            }
            if is_inprogress && may_stand {
                let final_statuses = FinalStatuses::within(ONE_STATUS_LIMIT);
                refusal.is_stopped_over = final_statuses.post_stopped(&bitbucket, pending).await.is_ok();
            }
            self.pending.remove(number);
            return Err(refusal);
        }
        self.pending.remove_doubts(pending);
        // A stopped run replaces an INPROGRESS that was posted.
        if !is_inprogress {
            self.pending.remove(number);
        }
        Ok(())
    }
}
