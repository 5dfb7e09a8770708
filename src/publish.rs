//! From a plan to the statuses on the commit: find it, post, and fall back to the pull request's source commit.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashSet},
    rc::Rc,
    time::{Duration, Instant},
};

use reqwest::StatusCode;

use crate::{
    bitbucket::Bitbucket,
    client::Client,
    explanation::{self, explain},
    http::Failure,
    inquiry::inquire,
    locate::{Locator, Lookups},
    outcome::Outcome,
    pace::{Outage, Pace},
    plan::Plan,
    refusal::{Came, Refusal},
    results::{Delivery, ResultFile},
    service::Access,
    state::State,
    status::{Status, StatusKey},
    target::Target,
    verdict::Verdict,
};

/// Publishes the statuses of one target.
#[derive(Debug)]
pub struct Publisher<'a> {
    /// Bitbucket.
    pub bitbucket: Bitbucket<'a>,
    /// What to publish.
    pub plan: &'a Plan,
    /// Print what would be posted.
    pub dry_run: bool,
    /// What was looked up before.
    pub lookups: &'a Lookups,
    /// What Bitbucket may have received by now.
    pub begun: &'a Begun,
    /// What earlier runs delivered.
    pub results: Option<&'a ResultFile>,
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
    Refused(Rc<Refusal>),
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

/// The statuses that Bitbucket may have received, and that a run that is stopped has to look after: those under
/// way, and every INPROGRESS.
#[derive(Debug, Default)]
pub struct Begun(RefCell<BTreeMap<usize, Sent>>);

/// A status that was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    /// With what it was sent.
    pub access: Rc<Access>,
    /// Where it went.
    pub target: Target,
    /// What was sent.
    pub status: Status,
}

impl Begun {
    fn begin(&self, access: &Rc<Access>, target: &Target, status: &Status) -> usize {
        let mut begun = self.0.borrow_mut();
        let number = begun.last_key_value().map_or(0, |(last, _)| last + 1);
        let sent = Sent { access: access.clone(), target: target.clone(), status: status.clone() };
        begun.insert(number, sent);
        number
    }

    fn end(&self, number: usize) {
        self.0.borrow_mut().remove(&number);
    }

    /// All of them, oldest first; none is left.
    pub fn take(&self) -> Vec<Sent> {
        std::mem::take(&mut *self.0.borrow_mut()).into_values().collect()
    }
}

/// For posting STOPPED over every INPROGRESS: Docker kills a container 10 s after SIGTERM.
pub const LAST_WORD_LIMIT: Duration = Duration::from_secs(5);

impl Publisher<'_> {
    /// Finds the commit, once, and posts a status for each verdict; `tell` is told of each as it is done.
    pub async fn publish(&self, verdicts: &[Verdict], tell: impl Fn(Published) -> Outcome) -> Vec<Outcome> {
        let locator = Locator { bitbucket: self.bitbucket, plan: &self.plan.target, lookups: self.lookups };
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
            let several = self.plan.verdict.several();
            let mut status = self.plan.status.status(verdict, &target, several);
            // Two analyses of one project are two statuses.
            let key = status.key.clone();
            let mut number = 1;
            while !keys.insert(status.key.as_str().to_owned()) {
                number += 1;
                status.key = StatusKey::fit(&format!("{key}-{number}"));
            }
            let mut posted = self.post(&target, &status).await;
            let mut lookup = Ok(None);
            if posted.as_ref().is_err_and(|refusal| refusal.status() == Some(StatusCode::NOT_FOUND)) {
                lookup = locator.source_commit(&target, source.take()).await;
            }
            if let Ok(Some(other)) = lookup {
                target = other;
                let key = status.key;
                status = self.plan.status.status(verdict, &target, several);
                status.key = key;
                posted = self.post(&target, &status).await;
                lookup = Ok(None);
            }
            let end = match posted {
                Ok(end) => end,
                Err(mut refusal) => {
                    inquire(&self.bitbucket, &mut refusal, &target, &status.key).await;
                    // That the way out failed is worth telling when it failed for a reason of its own.
                    if let Err(lookup) = lookup
                        && explain(&lookup) != explain(&refusal)
                    {
                        explanation::tell(&lookup, self.bitbucket.0.console);
                    }
                    End::Refused(Rc::from(refusal))
                }
            };
            let (target, status) = (Some(target.clone()), Some(status));
            outcomes.push(tell(Published { target, status, end, outcome: verdict.outcome }));
        }
        outcomes
    }

    async fn post(&self, target: &Target, status: &Status) -> Result<End, Box<Refusal>> {
        if self.results.is_some_and(|results| results.has_delivered(target, status)) {
            return Ok(End::Skipped);
        }
        if self.dry_run {
            self.bitbucket.print_status(&target.repository, &target.commit, status);
            return Ok(End::Printed);
        }
        let number = self.begun.begin(&self.plan.access, target, status);
        let posted = self.bitbucket.post_status(&target.repository, &target.commit, status).await;
        let is_inprogress = status.state == State::InProgress;
        match posted {
            Ok(()) => {
                if !is_inprogress {
                    self.begun.end(number);
                }
                Ok(End::Delivered)
            }
            Err(refusal) => {
                if is_inprogress && may_have_arrived(&refusal) {
                    let deadline = Instant::now() + LAST_WORD_LIMIT;
                    let _ = last_word(&self.bitbucket, target, status, deadline).await;
                }
                self.begun.end(number);
                Err(refusal)
            }
        }
    }
}

/// Whether a request that failed may have had its effect.
const fn may_have_arrived(refusal: &Refusal) -> bool {
    match &refusal.came {
        Came::Refused(answer) => matches!(answer.status.as_u16(), 408 | 500..=599),
        Came::Unusable(..) => true,
        Came::Nothing(failure) => matches!(failure, Failure::Broken(_) | Failure::Silent(_)),
    }
}

/// Says STOPPED over an INPROGRESS that Bitbucket may have received: it would block merging for ever. `Ok` is what
/// was said.
///
/// # Errors
///
/// When that did not get through either; the reader is told.
pub async fn last_word(
    bitbucket: &Bitbucket<'_>,
    target: &Target,
    status: &Status,
    deadline: Instant,
) -> Result<Status, ()> {
    // What went wrong before does not count: this is the last try.
    let pace = Pace::new(LAST_WORD_LIMIT, Outage::default());
    let bitbucket = Bitbucket(Client { deadline, pace: &pace, ..bitbucket.0 });
    let last_word = status.stopped();
    match bitbucket.post_status(&target.repository, &target.commit, &last_word).await {
        Ok(()) => Ok(last_word),
        Err(refusal) => {
            let console = bitbucket.0.console;
            console.warning(format_args!("INPROGRESS may be left on the commit: {refusal}"));
            Err(())
        }
    }
}
