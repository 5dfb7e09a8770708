//! The statuses that a run has begun to post.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    hash::{Hash, Hasher},
    rc::Rc,
};

use tokio::sync::{Mutex, Notify};

use crate::{
    bitbucket::credential::Credential,
    model::{
        status::Status,
        target::{Repository, Target},
    },
    run::delivery::Delivery,
};

/// The statuses that a run has begun to post.
#[derive(Debug, Default)]
pub(super) struct PendingStatuses {
    /// The statuses that a stopped run must look after: those under way, and every `INPROGRESS`.
    unfinished: RefCell<BTreeMap<usize, Rc<PendingStatus>>>,
    slots: RefCell<HashMap<InSlot, SlotState>>,
    /// Whether the run is stopped: no further status is begun.
    is_closed: Cell<bool>,
    answered: Notify,
}

/// Whether the run has posted to a slot.
#[derive(Debug)]
enum SlotState {
    /// It has not. The lock is held while a status is posted.
    Free(Rc<Mutex<()>>),
    /// It has posted the status that is the key.
    Taken,
}

/// A status that is being posted.
#[derive(Debug)]
pub(super) struct PendingStatus {
    pub(super) credential: Rc<Credential>,
    pub(super) target: Target,
    pub(super) status: Status,
    /// True from the moment it is sent until a response proves that it had no effect.
    pub(super) may_have_been_applied: Cell<bool>,
    /// Whether it was sent and not answered yet.
    pub(super) is_under_way: Cell<bool>,
}

/// A status as the key of its slot: a commit has one status for each key and refname.
#[derive(Debug)]
struct InSlot(Rc<PendingStatus>);

impl InSlot {
    fn slot(&self) -> (&Repository, &str, &str, Option<&str>) {
        let PendingStatus { target, status, .. } = &*self.0;
        // The abbreviated hash is the same for every spelling of the hash.
        (&target.repository, target.commit.digits(), status.key.as_str(), status.refname.as_deref())
    }
}

impl PartialEq for InSlot {
    fn eq(&self, other: &Self) -> bool {
        self.slot() == other.slot()
    }
}

impl Eq for InSlot {}

impl Hash for InSlot {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.slot().hash(state);
    }
}

impl PendingStatuses {
    /// Waits for ever once the run is stopped: nothing new is begun then.
    pub(super) async fn is_open(&self) {
        if self.is_closed.get() {
            std::future::pending::<()>().await;
        }
    }

    /// Stops the run, and waits until every status that is under way has its answer.
    pub(super) async fn close(&self) {
        self.is_closed.set(true);
        let is_under_way = |status: &Rc<PendingStatus>| status.is_under_way.get();
        while self.unfinished.borrow().values().any(is_under_way) {
            self.answered.notified().await;
        }
    }

    /// The answer to a status that is posted by `post`.
    pub(super) async fn answer_to<T>(&self, status: &PendingStatus, post: impl Future<Output = T>) -> T {
        status.is_under_way.set(true);
        let answer = post.await;
        status.is_under_way.set(false);
        self.answered.notify_one();
        answer
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

    /// The lock of the slot if it is free; otherwise what becomes of the status.
    pub(super) fn lock_of(&self, status: &Rc<PendingStatus>) -> Result<Rc<Mutex<()>>, Delivery> {
        let mut slots = self.slots.borrow_mut();
        let key = InSlot(status.clone());
        match slots.get_key_value(&key) {
            Some((posted, SlotState::Taken)) if posted.0.status == status.status => Err(Delivery::Repeated),
            Some((_, SlotState::Taken)) => Err(Delivery::Contradicted),
            Some((_, SlotState::Free(lock))) => Ok(lock.clone()),
            None => {
                let lock = Rc::<Mutex<()>>::default();
                slots.insert(key, SlotState::Free(lock.clone()));
                Ok(lock)
            }
        }
    }

    /// Whether a status is being posted to this slot, or was.
    pub(super) fn has_begun(&self, status: &Rc<PendingStatus>) -> bool {
        match self.slots.borrow().get(&InSlot(status.clone())) {
            Some(SlotState::Taken) => true,
            Some(SlotState::Free(lock)) => lock.try_lock().is_err(),
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
        let unfinished = std::mem::take(&mut *self.unfinished.borrow_mut());
        unfinished.into_values().filter(|status| status.may_have_been_applied.get()).collect()
    }
}
