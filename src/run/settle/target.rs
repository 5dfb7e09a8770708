//! Settles one target: finds its commit, lists the statuses, and ends those that fit.

use std::{
    cell::Cell,
    pin::pin,
    rc::Rc,
    time::{Duration, Instant},
};

use reqwest::StatusCode;

use crate::{
    bitbucket::{
        answer::Answer,
        api::Bitbucket,
        credential::Credential,
        lists::ListedStatus,
        refusal::{Refusal, StatusCreator},
    },
    config::plan::Plan,
    console::{
        foreign::{HIDDEN, shown},
        log::Console,
        text::{fit, in_units, one_line, rounded},
    },
    explain::{bitbucket::explain, tell::tell},
    http::client::{Client, Retries},
    model::{
        outcome::Outcome,
        settlement::{Candidate, Choice},
        state::State,
        status::{DESCRIPTION_MAX_CHARS, Status, StatusKey, StatusSlot},
        target::Target,
        timestamp::Timestamp,
        verdict::ENDED,
    },
    run::{
        delivery::{Contradiction, Delivery, Fate, StatusResult},
        find_commit::{CommitFinder, FailedStep},
        report,
        settle::{SettleRun, under_way::EndingStatus},
        summary::rows::SettledStatus,
    },
};

/// Settles one target.
#[derive(Debug)]
pub(super) struct TargetSettler<'c, 'p> {
    pub(super) run: &'c SettleRun<'p>,
    pub(super) bitbucket: Bitbucket<'c>,
    /// The number of the target.
    pub(super) number: usize,
    pub(super) plan: &'p Plan,
    /// The state that ends a status.
    pub(super) wanted: State,
    /// Whether the run says something of a status of the target.
    pub(super) has_status: Cell<bool>,
}

/// The statuses of a commit, and when they were read.
#[derive(Debug)]
struct Listing {
    statuses: Vec<ListedStatus>,
    read: Instant,
}

/// What became of a status that was to be ended.
#[derive(Debug)]
enum End {
    Posted,
    /// Somebody changed the status after Gatepost listed it. Gatepost leaves it as it is.
    Changed,
}

/// A list that is older is read again before a status of it is ended: somebody may have published a verdict.
const FRESH: Duration = Duration::from_secs(2);
/// The same for a list that was read for this status. While the allowance is nearly used up, each request waits for those of
/// the other targets, and more lists would use up the rest.
const FRESH_AGAIN: Duration = Duration::from_secs(10);
/// So often the list is read for one status because it is too old. A run that is slowed down would end none otherwise.
const LISTS_MAX: u32 = 3;
/// The pause before a status that was not accepted is looked at again; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A key or a branch is shown within a line.
const LABEL_MAX_CHARS: usize = 60;

impl TargetSettler<'_, '_> {
    /// Ends the statuses of the target that fit. Returns the worst outcome.
    pub(super) async fn settle(&self) -> Outcome {
        let finder = CommitFinder {
            bitbucket: self.bitbucket,
            plan: &self.plan.target,
            lookups: &self.run.lookups,
            has_read_repository: false,
        };
        let mut found = match finder.find().await {
            Ok(found) => found,
            Err(refusal) => return self.unlisted(None, refusal),
        };
        let list = async |target: &Target| self.list(target).await;
        let mut listing = match finder.run_step(&mut found, list).await {
            Ok(listing) => listing,
            Err(failed) => return self.refused_list(failed, found.target).await,
        };
        let mut worst = Outcome::Done;
        for status in listing.statuses.clone() {
            worst = worst.worse(self.consider(&status, &found.target, &mut listing).await);
        }
        if let Some(page) = &self.run.page
            && !self.has_status.get()
        {
            page.add_without_status(self.number, self.run.context.console);
        }
        worst
    }

    async fn list(&self, target: &Target) -> Result<Listing, Box<Refusal>> {
        let credential = self.credential(target);
        let statuses =
            self.bitbucket.with(&credential).list_statuses(&target.repository, &target.commit).await?;
        Ok(Listing { statuses, read: Instant::now() })
    }

    /// The credential for the repository of the target, which may be a fork.
    fn credential(&self, target: &Target) -> Rc<Credential> {
        let named = &self.plan.target.repository;
        self.run.context.keyring.credential_for_source(&target.repository, named, &self.plan.credential)
    }

    /// Reports that Bitbucket refuses the list, and why the way out could not be looked up.
    async fn refused_list(&self, failed: FailedStep, target: Target) -> Outcome {
        let FailedStep { mut refusal, lookup } = failed;
        // Other refusals leave nothing open that can be asked without a status.
        if refusal.status_code() == Some(StatusCode::NOT_FOUND) {
            let credential = self.credential(&target);
            self.read_further(self.bitbucket.with(&credential), &mut refusal, &target).await;
        }
        if let Some(lookup) = lookup.filter(|lookup| explain(lookup) != explain(&refusal)) {
            tell(&*lookup, self.bitbucket.client.console);
        }
        self.unlisted(Some(target), Rc::from(refusal))
    }

    /// Finds out what exists, after Bitbucket answered 404.
    async fn read_further(&self, bitbucket: Bitbucket<'_>, refusal: &mut Refusal, target: &Target) {
        let key = self.plan.status.key_for(None);
        self.run.lookups.further_reads.make(&bitbucket, refusal, target, &key).await;
    }

    /// Reports that the statuses of the target are not known.
    fn unlisted(&self, target: Option<Target>, refusal: Rc<Refusal>) -> Outcome {
        let result = StatusResult { target, ..StatusResult::not_found(refusal) };
        report::status_result(&result, Some(self.plan), self.run.results, self.bitbucket.client.console);
        if let Delivery::Refused(refusal) = &result.delivery {
            self.note(SettledStatus::unlisted(refusal));
        }
        result.outcome()
    }

    /// Counts what became of a status, and adds it to the page of the run.
    fn note(&self, settled: SettledStatus<'_>) {
        self.has_status.set(true);
        self.run.note(settled, self.number);
    }

    /// Notes a status that stays.
    fn note_staying(&self, status: &ListedStatus, fate: Fate, age: Option<Duration>) {
        let (name, words) = (name_of(status), described(status, age));
        self.note(SettledStatus { fate, name: &name, state: status.state, words: &words, refusal: None });
    }

    fn has_key(&self, status: &ListedStatus) -> bool {
        self.run.settlement.has_key(&status.key, &self.plan.status.key_for(None))
    }

    fn choose(&self, status: &ListedStatus) -> Choice {
        let ListedStatus { key, state, written, .. } = status;
        let candidate = Candidate { key, state: *state, written: *written };
        let own_key = self.plan.status.key_for(None);
        self.run.settlement.choose(candidate, &own_key, self.wanted, Timestamp::now())
    }

    /// Ends a status if it fits, and says why if it does not although it has the key and the state.
    async fn consider(&self, status: &ListedStatus, target: &Target, listing: &mut Listing) -> Outcome {
        let state = status.state.map_or("", State::as_str);
        let Target { repository, commit, .. } = target;
        let slot = StatusSlot::new(repository, commit, status.key.as_str(), status.refname.as_deref());
        let begun = self.run.begun.borrow().get(&slot).copied();
        if let Some(other) = begun.filter(|other| *other != self.wanted && self.has_key(status)) {
            return self.contradicted(status, other, target);
        }
        match self.choose(status) {
            Choice::NotMeant => Outcome::Done,
            Choice::Young(age) => {
                self.note_staying(status, Fate::Young, Some(age));
                let (label, what) = (label(status), described(status, Some(age)));
                self.bitbucket.client.console.line(format_args!("  {label}: {state} stays: {what}"));
                Outcome::Done
            }
            Choice::Undated => {
                self.note_staying(status, Fate::Undated, None);
                self.console_about(status).warning(format_args!(
                    "{state} stays, because Bitbucket names no date and its age is not known: {}",
                    described(status, None)
                ));
                Outcome::Done
            }
            Choice::End(age) if holds_secret(status) => {
                self.note_staying(status, Fate::Secret, Some(age));
                self.console_about(status).warning(format_args!(
                    "{state} stays, because its key, branch, title or link holds a secret, which Gatepost does not send: {}",
                    described(status, None)
                ));
                Outcome::Done
            }
            Choice::End(age) => self.end(status, age, target, listing).await,
        }
    }

    /// A console for one status.
    fn console_about(&self, status: &ListedStatus) -> Console {
        let label = label(status);
        let console = self.run.context.console;
        if self.run.targets.are_listed {
            console.about(format_args!("{} {label}", self.plan.target))
        } else {
            console.about(label)
        }
    }

    /// Ends a status, and reports it.
    async fn end(
        &self,
        listed: &ListedStatus,
        age: Duration,
        target: &Target,
        listing: &mut Listing,
    ) -> Outcome {
        let status = self.ended(listed, target);
        let (console, credential) = (self.console_about(listed), self.credential(target));
        // Another target of this run may have the same commit.
        if self.run.begun.borrow_mut().insert(StatusSlot::of(target, &status), self.wanted).is_some() {
            return Outcome::Done;
        }
        let bitbucket = self.bitbucket.with(&credential);
        let bitbucket = bitbucket.changed(|client| Client { console: &console, ..client });
        // Each status has the time of a target: there may be hundreds.
        bitbucket.client.deadline.restart(self.run.context.settings.timeout);
        let (delivery, status) = if self.run.context.settings.dry_run {
            bitbucket.print_status(&target.repository, &target.commit, &status);
            (Delivery::Printed, status)
        } else {
            let (end, status) = self.end_with_any_link(status, listed, target, bitbucket, listing).await;
            let delivery = match end {
                Ok(End::Posted) => Delivery::Posted,
                Ok(End::Changed) => {
                    self.note_staying(listed, Fate::Changed, None);
                    console.warning("somebody has changed it since it was listed: it stays as it is");
                    return Outcome::Done;
                }
                Err(refusal) => Delivery::Refused(Rc::from(refusal)),
            };
            (delivery, status)
        };
        let result = settled(target, status, delivery);
        report::status_result(&result, Some(self.plan), self.run.results, &console);
        self.tell(&result.delivery, listed, age, &console);
        result.outcome()
    }

    /// Ends a status. If Bitbucket does not accept its link, the status gets another one: it would block merging for ever.
    /// Returns what was posted.
    async fn end_with_any_link(
        &self,
        status: Status,
        listed: &ListedStatus,
        target: &Target,
        bitbucket: Bitbucket<'_>,
        listing: &mut Listing,
    ) -> (Result<End, Box<Refusal>>, Status) {
        let refusal = match self.end_once(&status, listed, target, bitbucket, listing).await {
            Err(refusal) if refusal.answer == Some(Answer::BadUrl) => refusal,
            end => return (end, status),
        };
        let url = self.plan.status.other_url(target);
        if url == status.url {
            return (Err(refusal), status);
        }
        bitbucket.client.console.warning(format_args!(
            "Bitbucket does not accept the link {} of this status; trying again with the link {url}",
            shown(&status.url)
        ));
        let refused = status.url.clone();
        let status = Status { url, ..status };
        let end = self.end_once(&status, listed, target, bitbucket, listing).await;
        let end = end.map_err(|mut refusal| {
            refusal.evidence.refused_link = Some(refused);
            refusal
        });
        (end, status)
    }

    async fn end_once(
        &self,
        status: &Status,
        listed: &ListedStatus,
        target: &Target,
        bitbucket: Bitbucket<'_>,
        listing: &mut Listing,
    ) -> Result<End, Box<Refusal>> {
        let ending = self.run.under_way.begin(self.number, target, status.clone()).await;
        let mut end = self.deliver(&ending, bitbucket, listing).await;
        if let Err(refusal) = &mut end {
            refusal.evidence.creator = Some(listed.creator.clone());
            refusal.evidence.may_stand = ending.effect.may_have_been_applied();
            // What the list shows may be gone by now.
            if refusal.status_code() == Some(StatusCode::NOT_FOUND) {
                self.read_further(bitbucket, refusal, target).await;
            } else {
                refusal.evidence.reads_repository = Some(true);
                refusal.evidence.has_commit = Some(true);
            }
        }
        self.run.under_way.end(&ending);
        end
    }

    /// Reports a status that another target of this run ends with another state.
    fn contradicted(&self, listed: &ListedStatus, other: State, target: &Target) -> Outcome {
        let delivery = Delivery::Contradicted(Contradiction::Content);
        let result = settled(target, self.ended(listed, target), delivery);
        let console = self.console_about(listed);
        if let Some(results) = self.run.results {
            report::record(&result, Some(self.plan), results, &console);
        }
        let words = format!("another target of this run is the same commit, and ends it as {other}");
        console.failed(format_args!("it does not become {}: {words}", self.wanted));
        console.detail("to do", "give both targets the same STATE, or remove one of them");
        let (name, state) = (name_of(listed), listed.state);
        self.note(SettledStatus { fate: Fate::Refused, name: &name, state, words: &words, refusal: None });
        result.outcome()
    }

    /// The status that ends another one: title, link and branch stay.
    fn ended(&self, listed: &ListedStatus, target: &Target) -> Status {
        let ListedStatus { key, name, url, refname, state, written, .. } = listed;
        let since = written.map(|written| format!(" since {}", written.minute())).unwrap_or_default();
        let (now, state) = (Timestamp::now().minute(), state.map_or("", State::as_str));
        let description = format!("{ENDED}{now}: {state}{since}");
        Status {
            r#type: "build",
            key: key.clone(),
            state: self.wanted,
            name: name.clone().unwrap_or_else(|| key.to_string()),
            description: fit(&description, DESCRIPTION_MAX_CHARS),
            url: url.clone().unwrap_or_else(|| self.plan.status.other_url(target)),
            refname: refname.clone(),
        }
    }

    /// Posts the end of a status. After a failure, and when the list is old, it looks again before it posts: a verdict that
    /// somebody has published meanwhile is not overwritten.
    async fn deliver(
        &self,
        ending: &EndingStatus,
        bitbucket: Bitbucket<'_>,
        listing: &mut Listing,
    ) -> Result<End, Box<Refusal>> {
        let (mut lists, mut pause, mut has_failed) = (0, FIRST_PAUSE, false);
        loop {
            if has_failed || (listing.read.elapsed() > fresh(lists) && lists < LISTS_MAX) {
                *listing = self.list(&ending.target).await?;
                lists += 1;
            }
            if let Some(end) = self.end_by_others(ending, listing) {
                return Ok(end);
            }
            let limit = (lists < LISTS_MAX).then(|| fresh(lists));
            let Some(posted) = post_within(ending, bitbucket, limit).await else { continue };
            let refusal = match posted {
                Ok(()) => return Ok(End::Posted),
                Err(refusal) => refusal,
            };
            let failed = &refusal.failed;
            let left = bitbucket.client.deadline.left();
            if !failed.is_transient() || failed.attempts == 0 || failed.retry_after.is_some() || left < pause
            {
                return Err(refusal);
            }
            has_failed = true;
            // The throttle makes all requests wait for a rate limit.
            if refusal.status_code() != Some(StatusCode::TOO_MANY_REQUESTS) {
                let (console, seconds) = (bitbucket.client.console, rounded(pause));
                console.warning(format_args!("{refusal}; looking again in {seconds} s"));
                tokio::time::sleep(pause).await;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// How the status has already ended, according to a new list of statuses. `None` if the run must still end it.
    fn end_by_others(&self, ending: &EndingStatus, listing: &Listing) -> Option<End> {
        let Status { key, refname, .. } = &ending.status;
        let is_it = |status: &&ListedStatus| status.key == *key && status.refname == *refname;
        let current = listing.statuses.iter().find(is_it);
        match current.map(|current| (self.choose(current), current.state)) {
            Some((Choice::End(_), _)) => None,
            // The answer to an attempt was lost, and it was applied.
            Some((_, Some(state))) if state == self.wanted && ending.effect.may_have_been_applied() => {
                Some(End::Posted)
            }
            _ => Some(End::Changed),
        }
    }

    /// Tells what became of a status.
    fn tell(&self, delivery: &Delivery, listed: &ListedStatus, age: Duration, console: &Console) {
        let (state, wanted) = (listed.state.map_or("", State::as_str), self.wanted);
        let what = described(listed, Some(age));
        let (fate, refusal) = match delivery {
            Delivery::Posted => {
                console.done(format_args!("{state} is {wanted} now: {what}"));
                (Fate::Ended, None)
            }
            Delivery::Printed => {
                console.done(format_args!("DRY_RUN: {state} would become {wanted}: {what}"));
                (Fate::Printed, None)
            }
            Delivery::Refused(refusal) if refusal.leaves_doubt() => {
                console.failed(format_args!("{state} may be {wanted} now: {what}"));
                (Fate::InDoubt, Some(&**refusal))
            }
            Delivery::Refused(refusal) => {
                console.failed(format_args!("{state} stays: {what}"));
                (Fate::Refused, Some(&**refusal))
            }
            _ => return,
        };
        let stands = if fate == Fate::Ended { Some(wanted) } else { listed.state };
        self.note(SettledStatus { fate, name: &name_of(listed), state: stands, words: &what, refusal });
    }
}

/// How old a list may be, after it was read so often for a status.
const fn fresh(lists: u32) -> Duration {
    if lists == 0 { FRESH } else { FRESH_AGAIN }
}

/// Posts the end of a status once. Returns `None` when its turn did not come within the limit.
async fn post_within(
    ending: &EndingStatus,
    bitbucket: Bitbucket<'_>,
    limit: Option<Duration>,
) -> Option<Result<(), Box<Refusal>>> {
    let EndingStatus { target, status, effect, .. } = ending;
    let bitbucket =
        bitbucket.changed(|client| Client { retries: Retries::ByCaller, effect: Some(effect), ..client });
    let attempts = effect.attempts();
    let mut post = pin!(bitbucket.post_status(&target.repository, &target.commit, status));
    tokio::select! {
        posted = &mut post => return Some(posted),
        () = tokio::time::sleep(limit.unwrap_or_default()), if limit.is_some() => {}
    }
    if effect.attempts() == attempts { None } else { Some(post.await) }
}

/// What became of a status.
fn settled(target: &Target, status: Status, delivery: Delivery) -> StatusResult {
    StatusResult {
        target: Some(target.clone()),
        status: Some(status),
        delivery,
        verdict_outcome: Outcome::Done,
        verdict_words: String::new(),
    }
}

/// Whether a secret was taken out of a text of the status: without it, another status would be posted, or a link that leads
/// elsewhere.
fn holds_secret(ListedStatus { key, refname, name, url, .. }: &ListedStatus) -> bool {
    let others = [refname, name, url].into_iter().flatten().map(String::as_str);
    others.chain([key.as_str()]).any(|text| text.contains(HIDDEN))
}

/// Names a status of a commit in a line of the log.
fn label(status: &ListedStatus) -> String {
    format!("key {}", name_of(status))
}

fn name_of(ListedStatus { key, refname, .. }: &ListedStatus) -> String {
    name(key, refname.as_deref())
}

/// The key of a status, with its branch: one key may have several.
pub(super) fn name(key: &StatusKey, refname: Option<&str>) -> String {
    let short = |text: &str| fit(&one_line(text), LABEL_MAX_CHARS);
    let branch = refname.map(|name| format!(", branch {}", short(name))).unwrap_or_default();
    format!("{}{branch}", short(key.as_str()))
}

/// How old a status is, and who created it.
fn described(ListedStatus { creator, .. }: &ListedStatus, age: Option<Duration>) -> String {
    let age = age.map(|age| format!("{} old, ", in_units(age))).unwrap_or_default();
    match creator {
        StatusCreator::Named(creator) => format!("{age}created by {creator}"),
        StatusCreator::Unnamed | StatusCreator::NoStatus => {
            format!("{age}and Bitbucket does not name its creator")
        }
    }
}
