//! Finds the globs of `ADVISORY_CONDITIONS` that match no condition of any quality gate of the run.

use std::{cell::RefCell, collections::BTreeMap};

use crate::{
    console::foreign::shown,
    sonarqube::{advice::AdvisoryConditions, gate::Gate},
};

/// The globs that were compared with a gate, each with whether it named a condition of one.
#[derive(Debug, Default)]
pub(crate) struct ComparedAdvice(RefCell<BTreeMap<String, bool>>);

impl ComparedAdvice {
    /// Takes note of a gate. Without conditions it shows nothing of a glob.
    pub(crate) fn add(&self, advisory: &AdvisoryConditions, gate: &Gate) {
        let mut compared = self.0.borrow_mut();
        for (glob, names) in advisory.matches(gate).filter(|_| !gate.conditions.is_empty()) {
            *compared.entry(glob.to_owned()).or_default() |= names;
        }
    }

    /// Which globs name no condition of any gate, in words: the name of a metric may be misspelt.
    pub(crate) fn unused(&self) -> Option<String> {
        let compared = self.0.borrow();
        let unused: Vec<String> =
            compared.iter().filter(|(_, names)| !**names).map(|(glob, _)| shown(glob)).collect();
        let verb = if unused.len() == 1 { "names" } else { "name" };
        (!unused.is_empty()).then(|| {
            format!(
                "ADVISORY_CONDITIONS has {}, which {verb} no condition of a quality gate of this run",
                unused.join(", ")
            )
        })
    }
}
