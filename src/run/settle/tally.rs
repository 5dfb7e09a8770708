//! What became of the statuses of a run that settles, counted for its last line.

use std::{cell::RefCell, collections::BTreeMap};

use crate::{console::text::counted, run::delivery::Fate};

/// The fates so far.
#[derive(Debug, Default)]
pub(super) struct Tally(RefCell<BTreeMap<Fate, usize>>);

impl Tally {
    /// Counts a status, or a target without one.
    pub(super) fn add(&self, fate: Fate) {
        *self.0.borrow_mut().entry(fate).or_default() += 1;
    }

    /// Whether nothing was to be ended.
    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// The number of statuses by their fate, in words.
    pub(super) fn sum(&self) -> String {
        let counts = self.0.borrow();
        let part = |(fate, number): (&Fate, &usize)| match fate {
            Fate::Ended => format!("{} ended", counted_statuses(*number)),
            Fate::Printed => format!("{} printed (DRY_RUN)", counted_statuses(*number)),
            Fate::Young => format!("{number} younger than SETTLE_AFTER"),
            Fate::Undated => format!("{number} without a date"),
            Fate::Secret => format!("{number} with a secret"),
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
