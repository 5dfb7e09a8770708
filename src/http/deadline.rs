//! When a target is given up.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

/// The time at which a target is given up. Waiting for other targets extends it, unless it is firm.
#[derive(Debug)]
pub(crate) struct Deadline {
    at: Cell<Instant>,
    is_firm: bool,
}

impl Deadline {
    /// A deadline that waiting for other targets extends.
    pub(crate) fn after(time: Duration) -> Self {
        Self { at: Cell::new(Instant::now() + time), is_firm: false }
    }

    /// A deadline that nothing extends: the process ends then.
    pub(crate) fn firm(time: Duration) -> Self {
        Self { is_firm: true, ..Self::after(time) }
    }

    /// Starts the time again.
    pub(crate) fn restart(&self, time: Duration) {
        self.at.set(Instant::now() + time);
    }

    /// The time left; zero once it has passed.
    pub(crate) fn left(&self) -> Duration {
        self.at.get().saturating_duration_since(Instant::now())
    }

    /// The point in time.
    pub(crate) const fn at(&self) -> Instant {
        self.at.get()
    }

    /// Whether nothing extends it.
    pub(crate) const fn is_firm(&self) -> bool {
        self.is_firm
    }

    /// Extends it so that at least this time is left.
    pub(crate) fn leave(&self, least: Duration) {
        if !self.is_firm {
            self.at.set(self.at.get().max(Instant::now() + least));
        }
    }

    /// Extends it by the time that the target waited for others.
    pub(crate) fn extend(&self, by: Duration) {
        if !self.is_firm {
            self.at.set(self.at.get() + by);
        }
    }
}
