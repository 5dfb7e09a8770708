//! What became of the statuses of a run that settles, counted for its last line.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::console::{log::Console, text::counted};

/// What became of a status, or of a target without one, in the order of the last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    Ended,
    /// It was printed, because of `DRY_RUN`.
    Printed,
    /// It is younger than `SETTLE_AFTER`.
    Young,
    /// Bitbucket names no date.
    Undated,
    /// Its key holds a secret, and cannot be sent again.
    Secret,
    /// Somebody changed it after Gatepost listed it.
    Changed,
    /// Bitbucket refused it or could not be reached.
    Refused,
    /// An attempt may have been applied.
    InDoubt,
    /// The statuses of a target could not be listed.
    Unlisted,
}

/// The fates so far.
#[derive(Debug)]
pub(super) struct Tally {
    counts: RefCell<BTreeMap<Fate, usize>>,
    /// When the reader was last told how far the run is.
    last_progress: Cell<Instant>,
}

/// How often the reader is told how far the run is.
const PROGRESS: Duration = Duration::from_secs(10);

impl Tally {
    pub(super) fn new() -> Self {
        Self { counts: RefCell::default(), last_progress: Cell::new(Instant::now()) }
    }

    /// Counts a status, and tells from time to time how far the run is.
    pub(super) fn add(&self, fate: Fate, console: &Console) {
        *self.counts.borrow_mut().entry(fate).or_default() += 1;
        if self.last_progress.get().elapsed() >= PROGRESS {
            self.last_progress.set(Instant::now());
            console.of_run().line(format_args!("{} so far", self.sum()));
        }
    }

    /// Whether nothing was to be ended.
    pub(super) fn is_empty(&self) -> bool {
        self.counts.borrow().is_empty()
    }

    /// The number of statuses by their fate, in words.
    pub(super) fn sum(&self) -> String {
        let counts = self.counts.borrow();
        let part = |(fate, number): (&Fate, &usize)| match fate {
            Fate::Ended => format!("{} ended", counted_statuses(*number)),
            Fate::Printed => format!("{} printed (DRY_RUN)", counted_statuses(*number)),
            Fate::Young => format!("{number} younger than SETTLE_AFTER"),
            Fate::Undated => format!("{number} without a date"),
            Fate::Secret => format!("{number} with a secret in the key"),
            Fate::Changed => format!("{number} changed meanwhile"),
            Fate::Refused => format!("{number} not ended"),
            Fate::InDoubt => format!("{number} not known to be ended"),
            Fate::Unlisted => format!("{} without a list of statuses", counted(*number, "target")),
        };
        let has_ended = [Fate::Ended, Fate::Printed].iter().any(|fate| counts.contains_key(fate));
        let first = (!has_ended).then(|| "0 statuses ended".to_owned());
        first.into_iter().chain(counts.iter().map(part)).collect::<Vec<_>>().join(", ")
    }
}

fn counted_statuses(number: usize) -> String {
    if number == 1 { "1 status".to_owned() } else { format!("{number} statuses") }
}
