//! The statuses that a run has begun to post.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    hash::{Hash, Hasher},
    rc::Rc,
    sync::Arc,
};

use tokio::sync::{Mutex, Notify, OwnedMutexGuard};

use crate::{
    bitbucket::credential::Credential,
    http::effect::Effect,
    model::{
        state::State,
        status::Status,
        target::{Repository, Target},
    },
    run::delivery::{Contradiction, Delivery},
};

/// The statuses that a run has begun to post.
#[derive(Debug, Default)]
pub(super) struct PendingStatuses {
    /// The statuses that a stopped run must look after: those under way, every `INPROGRESS`, and those that are tried
    /// again after an attempt that may have been applied.
    unfinished: RefCell<BTreeMap<usize, Rc<PendingStatus>>>,
    slots: RefCell<HashMap<InSlot, SlotState>>,
    /// Whether the run is stopped: no further status is begun.
    is_closed: Cell<bool>,
    /// Whether what is left of the run looks after the statuses: their answers are reported no more.
    is_taken: Cell<bool>,
    /// The statuses that were taken.
    taken: RefCell<Vec<Rc<PendingStatus>>>,
    has_sent: Cell<bool>,
    has_posted: Cell<bool>,
    answered: Rc<Notify>,
}

/// Whether the run has posted to a slot.
#[derive(Debug)]
enum SlotState {
    /// A status may be posted to it.
    Free(Rc<FreeSlot>),
    /// It has posted the status that is the key.
    Taken,
}

/// A slot to which a status may be posted.
#[derive(Debug, Default)]
pub(super) struct FreeSlot {
    /// Held while a status is posted. A guard that outlives a borrow needs an `Arc`.
    lock: Arc<Mutex<()>>,
    /// Whether the status replaces one of this run.
    pub(super) replaces: bool,
    /// The badness of the worst status that was refused there.
    refused: Cell<u8>,
}

/// A status that is being posted.
#[derive(Debug)]
pub(super) struct PendingStatus {
    /// The number of its plan. It is kept for each of many thousands.
    pub(super) number: u32,
    pub(super) credential: Rc<Credential>,
    pub(super) target: Target,
    pub(super) status: Status,
    pub(super) effect: Effect,
    /// Whether it has begun and has no final answer yet.
    is_under_way: Cell<bool>,
    /// Whether Bitbucket has answered that it stands.
    is_posted: Cell<bool>,
    /// Whether this run did not post it, and an earlier one may have.
    pub(super) is_of_earlier_run: bool,
}

impl PendingStatus {
    /// An `INPROGRESS` that an earlier run may have posted.
    pub(super) fn of_earlier_run(
        number: usize,
        credential: Rc<Credential>,
        target: Target,
        status: Status,
    ) -> Self {
        let effect = Effect::of_earlier_run();
        Self { is_of_earlier_run: true, ..Self::new(number, credential, target, status, effect) }
    }

    fn new(
        number: usize,
        credential: Rc<Credential>,
        target: Target,
        status: Status,
        effect: Effect,
    ) -> Self {
        let (is_under_way, is_posted) = (Cell::new(false), Cell::new(false));
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        Self { number, credential, target, status, effect, is_under_way, is_posted, is_of_earlier_run: false }
    }

    /// Whether Bitbucket has answered that it stands.
    pub(super) const fn is_posted(&self) -> bool {
        self.is_posted.get()
    }

    /// Whether a run that is stopped waits for it. An `INPROGRESS` is not sent again then.
    fn is_awaited(&self) -> bool {
        match self.status.state {
            State::InProgress => self.effect.is_in_flight(),
            State::Successful | State::Failed | State::Stopped => self.is_under_way.get(),
        }
    }

    /// What two statuses have in common that would be one: the commit and the key. With two refnames Bitbucket keeps two
    /// statuses, and a red one stays beside a green one.
    fn slot(&self) -> (&Repository, &str, &str) {
        // The abbreviated hash is the same for every spelling of the hash.
        (&self.target.repository, self.target.commit.digits(), self.status.key.as_str())
    }
}

/// A status as the key of its slot.
#[derive(Debug)]
struct InSlot(Rc<PendingStatus>);

impl PartialEq for InSlot {
    fn eq(&self, other: &Self) -> bool {
        self.0.slot() == other.0.slot()
    }
}

impl Eq for InSlot {}

impl Hash for InSlot {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.slot().hash(state);
    }
}

impl PendingStatuses {
    /// A status of the plan with this number that was not sent yet.
    pub(super) fn status(
        &self,
        number: usize,
        credential: Rc<Credential>,
        target: Target,
        status: Status,
    ) -> Rc<PendingStatus> {
        let effect = Effect::telling(self.answered.clone());
        Rc::new(PendingStatus::new(number, credential, target, status, effect))
    }

    /// Waits for ever once the run is stopped: nothing new is begun then.
    pub(super) async fn is_open(&self) {
        if self.is_closed.get() {
            std::future::pending::<()>().await;
        }
    }

    /// Stops the run, and waits until every status that is under way has its answer. No `INPROGRESS` is sent from now on.
    pub(super) async fn close(&self) {
        self.is_closed.set(true);
        for status in self.unfinished.borrow().values().filter(|it| it.status.state == State::InProgress) {
            status.effect.close();
        }
        self.wait_while(|| self.unfinished.borrow().values().any(|status| status.is_awaited())).await;
    }

    /// Waits until a status has its answer. Returns at once when it is not under way.
    pub(super) async fn answered(&self, status: &PendingStatus) {
        self.wait_while(|| status.is_awaited()).await;
    }

    async fn wait_while(&self, is_awaited: impl Fn() -> bool) {
        loop {
            // It hears of answers from here on.
            let answered = self.answered.notified();
            if !is_awaited() {
                return;
            }
            answered.await;
        }
    }

    /// The answer to a status that is posted by `post`. Waits for ever once the statuses were taken.
    pub(super) async fn answer_to<T, E>(
        &self,
        status: &PendingStatus,
        post: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        status.is_under_way.set(true);
        let answer = post.await;
        status.is_under_way.set(false);
        status.is_posted.set(answer.is_ok());
        self.has_sent.set(self.has_sent.get() || status.effect.was_sent());
        self.has_posted.set(self.has_posted.get() || answer.is_ok());
        self.answered.notify_waiters();
        if self.is_taken.get() {
            std::future::pending::<()>().await;
        }
        answer
    }

    /// Whether a status that was taken has no answer yet.
    pub(super) fn is_any_in_flight(&self) -> bool {
        self.taken.borrow().iter().any(|status| status.effect.is_in_flight())
    }

    /// Whether the run has sent a status that has an answer.
    pub(super) const fn has_sent(&self) -> bool {
        self.has_sent.get()
    }

    /// Whether the run has posted a status.
    pub(super) const fn has_posted(&self) -> bool {
        self.has_posted.get()
    }

    /// Adds a status. Returns its number.
    pub(super) fn add(&self, status: Rc<PendingStatus>) -> usize {
        let mut unfinished = self.unfinished.borrow_mut();
        let number = unfinished.last_key_value().map_or(0, |(last, _)| last + 1);
        unfinished.insert(number, status);
        number
    }

    /// Removes a status that needs no further care.
    pub(super) fn remove(&self, number: usize) {
        self.unfinished.borrow_mut().remove(&number);
    }

    /// Removes the statuses in the slot of this one that may have been applied before. Returns whether there were any.
    pub(super) fn remove_doubts(&self, status: &PendingStatus) -> bool {
        let mut unfinished = self.unfinished.borrow_mut();
        let before = unfinished.len();
        unfinished.retain(|_, known| {
            known.is_posted() || known.is_under_way.get() || known.slot() != status.slot()
        });
        unfinished.len() < before
    }

    /// Waits for the turn of a status in its slot. Another status of this run may have been posted there: with `takes_worst`,
    /// the worse one counts.
    ///
    /// # Errors
    ///
    /// What becomes of the status if it is not posted, with the one that stands.
    pub(super) async fn turn(
        &self,
        status: &Rc<PendingStatus>,
        takes_worst: bool,
    ) -> Result<(Rc<FreeSlot>, OwnedMutexGuard<()>), Box<(Delivery, Status)>> {
        let mut slot = self.lock_of(status, takes_worst)?;
        loop {
            let guard = slot.lock.clone().lock_owned().await;
            let current = self.lock_of(status, takes_worst)?;
            if Arc::ptr_eq(&current.lock, &slot.lock) {
                return Ok((current, guard));
            }
            slot = current;
        }
    }

    fn lock_of(
        &self,
        status: &Rc<PendingStatus>,
        takes_worst: bool,
    ) -> Result<Rc<FreeSlot>, Box<(Delivery, Status)>> {
        let mut slots = self.slots.borrow_mut();
        let key = InSlot(status.clone());
        let replaces = match slots.get_key_value(&key) {
            Some((_, SlotState::Free(slot))) => {
                if takes_worst && status.status.state.badness() < slot.refused.get() {
                    let delivery = Delivery::Contradicted(Contradiction::Worse);
                    return Err(Box::new((delivery, status.status.clone())));
                }
                return Ok(slot.clone());
            }
            Some((posted, SlotState::Taken)) => {
                let (posted, status) = (&posted.0.status, &status.status);
                if posted == status {
                    return Err(Box::new((Delivery::Repeated, status.clone())));
                }
                if posted.refname != status.refname {
                    return Err(Box::new((Delivery::Contradicted(Contradiction::Refname), status.clone())));
                }
                if !takes_worst {
                    return Err(Box::new((Delivery::Contradicted(Contradiction::Content), status.clone())));
                }
                if status.state.badness() <= posted.state.badness() {
                    return Err(Box::new((Delivery::Outweighed, posted.clone())));
                }
                true
            }
            None => false,
        };
        let slot = Rc::new(FreeSlot { replaces, ..FreeSlot::default() });
        slots.insert(key, SlotState::Free(slot.clone()));
        Ok(slot)
    }

    /// Notes that a status was refused, or may not stand: a better one must not take its place.
    pub(super) fn note_refused(&self, status: &Rc<PendingStatus>) {
        if let Some(SlotState::Free(slot)) = self.slots.borrow().get(&InSlot(status.clone())) {
            slot.refused.set(slot.refused.get().max(status.status.state.badness()));
        }
    }

    /// Whether a status is being posted to this slot, or was.
    pub(super) fn has_begun(&self, status: &Rc<PendingStatus>) -> bool {
        match self.slots.borrow().get(&InSlot(status.clone())) {
            Some(SlotState::Taken) => true,
            Some(SlotState::Free(slot)) => slot.replaces || slot.lock.try_lock().is_err(),
            None => false,
        }
    }

    /// Marks the slot of a status that was posted.
    pub(super) fn occupy(&self, status: Rc<PendingStatus>) {
        let mut slots = self.slots.borrow_mut();
        let key = InSlot(status);
        // The key may be another status with the same slot, which was refused.
        slots.remove(&key);
        slots.insert(key, SlotState::Taken);
    }

    /// Removes and returns the statuses that Bitbucket may have applied, oldest first.
    pub(super) fn take(&self) -> Vec<Rc<PendingStatus>> {
        self.is_taken.set(true);
        let unfinished = std::mem::take(&mut *self.unfinished.borrow_mut());
        let taken: Vec<_> =
            unfinished.into_values().filter(|status| status.effect.may_have_been_applied()).collect();
        taken.clone_into(&mut self.taken.borrow_mut());
        taken
    }
}
