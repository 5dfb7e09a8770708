//! From a plan to the statuses on the commit: find it, post, and fall back to the pull request's source commit.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    rc::Rc,
    time::{Duration, Instant},
};

use reqwest::StatusCode;
use tokio::sync::Mutex;

use crate::{
    bitbucket::{api::Bitbucket, credential::Credential, refusal::Refusal},
    config::{keyring::Credentials, plan::Plan},
    console::text::fingerprint,
    explain::{self, bitbucket::explain},
    http::{
        client::Client,
        deadline::Deadline,
        throttle::{Outage, Throttle},
    },
    model::{outcome::Outcome, state::State, status::Status, target::Target, verdict::Verdict},
    run::{
        find_commit::{Locator, Lookups},
        lookup_cache::Found,
        result_file::{Delivery, ResultFile},
    },
};

/// Publishes the statuses of one target.
#[derive(Debug)]
pub(crate) struct Publisher<'a> {
    /// Bitbucket.
    pub(crate) bitbucket: Bitbucket<'a>,
    /// What to publish.
    pub(crate) plan: &'a Plan,
    /// The ways into other repositories: a pull request may come from a fork.
    pub(crate) credentials: &'a Credentials,
    /// Print what would be posted.
    pub(crate) dry_run: bool,
    /// What was looked up before.
    pub(crate) lookups: &'a Lookups,
    /// What Bitbucket may have received by now.
    pub(crate) begun: &'a Begun,
    /// What earlier runs delivered.
    pub(crate) results: Option<&'a ResultFile>,
}

/// What became of a status.
#[derive(Debug)]
pub(crate) struct Published {
    /// The target, once found.
    pub(crate) target: Option<Target>,
    /// The status for it.
    pub(crate) status: Option<Status>,
    /// How it ended.
    pub(crate) end: End,
    /// The outcome of its verdict: how the run ends when the status is posted.
    pub(crate) outcome: Outcome,
}

/// How publishing ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The status stands on the commit.
    Delivered,
    /// An earlier run delivered the same.
    Skipped,
    /// Another target of this run turned out to be the same commit, and says the same.
    Repeated,
    /// It turned out to be the same commit, and says something else: which of the two is meant is not known.
    Contradicted,
    /// It was printed.
    Printed,
    /// Bitbucket refused or could not be reached.
    Refused(Rc<Refusal>),
    /// The run was stopped.
    Stopped,
}

impl End {
    /// The word for it in `RESULT_FILE`; nothing is recorded twice.
    pub(crate) const fn delivery(&self) -> Option<Delivery> {
        match self {
            Self::Delivered => Some(Delivery::Delivered),
            Self::Skipped | Self::Repeated => None,
            Self::Printed => Some(Delivery::Printed),
            Self::Refused(_) | Self::Contradicted => Some(Delivery::Refused),
            Self::Stopped => Some(Delivery::Stopped),
        }
    }
}

/// What a run has sent so far.
#[derive(Debug, Default)]
pub(crate) struct Begun {
    /// The statuses that a run that is stopped has to look after: those under way, and every INPROGRESS.
    unfinished: RefCell<BTreeMap<usize, Rc<Sent>>>,
    /// By the fingerprint of what makes a status the same.
    places: RefCell<HashMap<u64, Place>>,
}

/// Where a status goes.
#[derive(Debug)]
enum Place {
    /// Nothing of this run stands there; locked while a status is being posted.
    Free(Rc<Mutex<()>>),
    /// A status stands there, with this fingerprint.
    Taken(u64),
}

/// A status that is sent.
#[derive(Debug)]
pub(crate) struct Sent {
    /// With what it is sent.
    pub(crate) access: Rc<Credential>,
    /// Where it goes.
    pub(crate) target: Target,
    /// What is sent.
    pub(crate) status: Status,
    /// Whether Bitbucket may have received it by now.
    pub(crate) arrival: Cell<bool>,
}

impl Begun {
    fn begin(&self, sent: Rc<Sent>) -> usize {
        let mut begun = self.unfinished.borrow_mut();
        let number = begun.last_key_value().map_or(0, |(last, _)| last + 1);
        begun.insert(number, sent);
        number
    }

    fn end(&self, number: usize) {
        self.unfinished.borrow_mut().remove(&number);
    }

    /// How a status ends that would go to a place that is taken; else what to lock before it is posted.
    fn enter(&self, place: u64, whole: u64) -> Result<Rc<Mutex<()>>, End> {
        match self.places.borrow_mut().entry(place).or_insert_with(|| Place::Free(Rc::default())) {
            Place::Free(lock) => Ok(lock.clone()),
            Place::Taken(known) if *known == whole => Err(End::Repeated),
            Place::Taken(_) => Err(End::Contradicted),
        }
    }

    /// Those that Bitbucket may have received, oldest first; none is left.
    pub(crate) fn take(&self) -> Vec<Rc<Sent>> {
        let begun = std::mem::take(&mut *self.unfinished.borrow_mut());
        begun.into_values().filter(|sent| sent.arrival.get()).collect()
    }
}

/// The last words of a run over its INPROGRESS, which would block merging for ever. What went wrong before does not
/// count, but what one of them finds out is known to the next.
#[derive(Debug)]
pub(crate) struct LastWords {
    /// When they end.
    pub(crate) deadline: Deadline,
    limit: Duration,
    service: Outage,
    paces: RefCell<HashMap<*const Throttle, Rc<Throttle>>>,
}

/// For STOPPED over one INPROGRESS whose answer was lost, beyond `TIMEOUT`.
const LAST_WORD_LIMIT: Duration = Duration::from_secs(5);

impl LastWords {
    /// Last words for so long.
    pub(crate) fn within(limit: Duration) -> Self {
        Self { deadline: Deadline::firm(limit), limit, service: Outage::default(), paces: RefCell::default() }
    }

    /// Says STOPPED over an INPROGRESS that Bitbucket may have received. `Ok` is what was said.
    ///
    /// # Errors
    ///
    /// When that did not get through either; the reader is told.
    pub(crate) async fn say(&self, bitbucket: &Bitbucket<'_>, inprogress: &Sent) -> Result<Status, ()> {
        let Sent { access, target, status, .. } = inprogress;
        let new = || Rc::new(Throttle::new(self.limit, self.service.clone()));
        let pace = self.paces.borrow_mut().entry(Rc::as_ptr(&access.throttle)).or_insert_with(new).clone();
        let bitbucket = bitbucket.changed(|client| Client {
            deadline: &self.deadline,
            throttle: &pace,
            may_have_been_applied: None,
            ..client
        });
        let stopped = status.stopped();
        match bitbucket.post_status(&target.repository, &target.commit, &stopped).await {
            Ok(()) => Ok(stopped),
            Err(refusal) => {
                let console = bitbucket.client.console;
                console.warning(format_args!("INPROGRESS may be left on the commit: {refusal}"));
                Err(())
            }
        }
    }
}

impl Publisher<'_> {
    /// Finds the commit, once, and posts a status for each verdict; `tell` is told of each as it is done.
    pub(crate) async fn publish(
        &self,
        verdicts: &[Verdict],
        tell: impl Fn(Published) -> Outcome,
    ) -> Vec<Outcome> {
        let locator = Locator {
            bitbucket: self.bitbucket,
            plan: &self.plan.target,
            lookups: self.lookups,
            reads_repository: false,
        };
        let recalled = self.results.and_then(|results| results.recall(self.plan, verdicts));
        let located = match recalled {
            Some(target) => Ok((target, None)),
            None => locator.locate().await,
        };
        let (mut target, mut source) = match located {
            Ok(located) => located,
            Err(refusal) => {
                let end = End::Refused(refusal);
                return vec![tell(Published { target: None, status: None, end, outcome: Outcome::Done })];
            }
        };
        let mut statuses = self.plan.statuses(verdicts, &target);
        let mut outcomes = Vec::new();
        // Where else the statuses may go, once that was asked.
        let mut way_out: Option<Found<Option<Target>>> = None;
        for (number, verdict) in verdicts.iter().enumerate() {
            let mut posted = self.post(&target, &statuses[number]).await;
            let mut lookup = None;
            if posted.as_ref().is_err_and(|refusal| refusal.status_code() == Some(StatusCode::NOT_FOUND)) {
                if way_out.is_none() {
                    let asked = locator.source_commit(&target, source.take()).await;
                    lookup = asked.as_ref().err().cloned();
                    way_out = Some(asked);
                }
                if let Some(Ok(Some(other))) = &way_out
                    && *other != target
                {
                    target = other.clone();
                    statuses = self.plan.statuses(verdicts, &target);
                    posted = self.post(&target, &statuses[number]).await;
                }
            }
            let status = statuses[number].clone();
            let end = match posted {
                Ok(end) => end,
                Err(mut refusal) => {
                    locator.add_clues(&target, way_out.is_some(), &mut refusal.evidence);
                    let access = self.access(&target);
                    let bitbucket = self.bitbucket.with(&access);
                    self.lookups.further_reads.make(&bitbucket, &mut refusal, &target, &status.key).await;
                    // That the way out failed is worth telling when it failed for a reason of its own.
                    if let Some(lookup) = lookup {
                        let mut lookup = (*lookup).clone();
                        if target.repository == self.plan.target.repository {
                            lookup.evidence.reads_repository = refusal.reads_repository();
                        }
                        if explain(&lookup) != explain(&refusal) {
                            explain::tell::tell(&lookup, self.bitbucket.client.console);
                        }
                    }
                    End::Refused(Rc::from(refusal))
                }
            };
            let (target, status) = (Some(target.clone()), Some(status));
            outcomes.push(tell(Published { target, status, end, outcome: verdict.outcome }));
        }
        outcomes
    }

    /// The way into the repository of the target, which may be a fork.
    fn access(&self, target: &Target) -> Rc<Credential> {
        self.credentials.of_source(&target.repository, &self.plan.target.repository, &self.plan.access)
    }

    /// Posts a status, unless one of this run stands there: two targets may turn out to be one only when they are
    /// found, as a pull request and its commit. One that is being posted to the same place is waited for.
    async fn post(&self, target: &Target, status: &Status) -> Result<End, Box<Refusal>> {
        let Target { repository, commit, .. } = target;
        let place = fingerprint(&(
            &repository.workspace,
            &repository.slug,
            commit.digits(),
            status.key.as_str(),
            &status.refname,
        ));
        let whole = fingerprint(&serde_json::to_string(status).unwrap_or_default());
        let lock = match self.begun.enter(place, whole) {
            Ok(lock) => lock,
            Err(end) => return Ok(end),
        };
        let asked = Instant::now();
        let _turn = lock.lock().await;
        self.bitbucket.client.deadline.extend(asked.elapsed());
        if let Err(end) = self.begun.enter(place, whole) {
            return Ok(end);
        }
        let end = self.post_first(target, status).await?;
        self.begun.places.borrow_mut().insert(place, Place::Taken(whole));
        Ok(end)
    }

    async fn post_first(&self, target: &Target, status: &Status) -> Result<End, Box<Refusal>> {
        if self.results.is_some_and(|results| results.has_delivered(target, status)) {
            return Ok(End::Skipped);
        }
        if self.dry_run {
            self.bitbucket.print_status(&target.repository, &target.commit, status);
            return Ok(End::Printed);
        }
        let sent = Rc::new(Sent {
            access: self.access(target),
            target: target.clone(),
            status: status.clone(),
            arrival: Cell::new(false),
        });
        let number = self.begun.begin(sent.clone());
        let bitbucket = self.bitbucket.with(&sent.access);
        let posting =
            bitbucket.changed(|client| Client { may_have_been_applied: Some(&sent.arrival), ..client });
        let posted = posting.post_status(&target.repository, &target.commit, status).await;
        let is_inprogress = status.state == State::InProgress;
        match posted {
            Ok(()) => {
                if !is_inprogress {
                    self.begun.end(number);
                }
                Ok(End::Delivered)
            }
            Err(mut refusal) => {
                // Where there is no such commit, no try before has left anything.
                let is_nowhere = refusal.status_code() == Some(StatusCode::NOT_FOUND);
                if is_inprogress && sent.arrival.get() && !is_nowhere {
                    let said = LastWords::within(LAST_WORD_LIMIT).say(&bitbucket, &sent).await;
                    refusal.is_stopped_over = said.is_ok();
                }
                self.begun.end(number);
                Err(refusal)
            }
        }
    }
}
