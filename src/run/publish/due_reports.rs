//! The reports of a run that are due: each follows the statuses of the whole run.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use crate::{
    config::plan::Plan,
    model::{status::Status, target::Target, verdict::Verdict},
};

/// A report that is due.
#[derive(Debug)]
pub(super) struct DueReport<'p> {
    /// The number of the plan.
    pub(super) number: usize,
    pub(super) plan: &'p Plan,
    pub(super) verdict: Verdict,
    pub(super) status: Status,
    pub(super) target: Target,
}

/// The reports that are due and not done, by number.
#[derive(Debug, Default)]
pub(super) struct DueReports<'p>(RefCell<BTreeMap<usize, Rc<DueReport<'p>>>>);

impl<'p> DueReports<'p> {
    /// Adds a report. Returns its number.
    pub(super) fn add(&self, report: DueReport<'p>) -> usize {
        let mut reports = self.0.borrow_mut();
        let number = reports.last_key_value().map_or(0, |(last, _)| last + 1);
        reports.insert(number, Rc::new(report));
        number
    }

    /// The reports that are due now, with their numbers.
    pub(super) fn all(&self) -> Vec<(usize, Rc<DueReport<'p>>)> {
        self.0.borrow().iter().map(|(number, report)| (*number, report.clone())).collect()
    }

    /// The number of reports that are due.
    pub(super) fn count(&self) -> usize {
        self.0.borrow().len()
    }

    /// Removes a report that is done.
    pub(super) fn remove(&self, number: usize) {
        self.0.borrow_mut().remove(&number);
    }

    /// Takes the reports that are not done.
    pub(super) fn take(&self) -> Vec<Rc<DueReport<'p>>> {
        self.0.take().into_values().collect()
    }
}
