//! What a request that writes may have done, while it is under way and afterwards.

use std::{cell::Cell, rc::Rc};

use tokio::sync::Notify;

/// What a request that writes may have done, over all its attempts.
#[derive(Debug, Default)]
pub(crate) struct Effect {
    /// The number of attempts that were sent.
    attempts: Cell<u32>,
    is_in_flight: Cell<bool>,
    may_have_been_applied: Cell<bool>,
    is_closed: Cell<bool>,
    /// Told of each answer.
    answered: Rc<Notify>,
}

impl Effect {
    /// Of a request that was not sent yet. `answered` is told of each answer.
    pub(crate) fn telling(answered: Rc<Notify>) -> Self {
        Self { answered, ..Self::default() }
    }

    /// Of a request of an earlier run, which may have been applied.
    pub(crate) fn of_earlier_run() -> Self {
        let effect = Self::default();
        effect.may_have_been_applied.set(true);
        effect
    }

    /// An attempt is sent: it may have its effect from now on.
    pub(crate) fn begin(&self) {
        self.attempts.set(self.attempts.get() + 1);
        self.is_in_flight.set(true);
    }

    /// An attempt has ended. `may_have_been_applied` unless its response proves that it had no effect.
    pub(crate) fn end(&self, may_have_been_applied: bool) {
        self.may_have_been_applied.set(self.may_have_been_applied.get() || may_have_been_applied);
        self.is_in_flight.set(false);
        self.answered.notify_waiters();
    }

    /// Allows no further attempt.
    pub(crate) fn close(&self) {
        self.is_closed.set(true);
    }

    pub(crate) const fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    /// Whether an attempt was ever sent.
    pub(crate) const fn was_sent(&self) -> bool {
        self.attempts.get() > 0
    }

    /// The number of attempts that were sent.
    pub(crate) const fn attempts(&self) -> u32 {
        self.attempts.get()
    }

    /// Whether an attempt was sent and not answered yet.
    pub(crate) const fn is_in_flight(&self) -> bool {
        self.is_in_flight.get()
    }

    /// Whether the service may have applied the request: an attempt is in flight, or one had no proof of the contrary.
    pub(crate) const fn may_have_been_applied(&self) -> bool {
        self.is_in_flight.get() || self.may_have_been_applied.get()
    }
}
