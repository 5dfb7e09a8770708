//! `ADVISORY_CONDITIONS`: the conditions of the quality gate that do not block.

use crate::{
    config::{findings::Findings, parse::list_items},
    console::foreign::shown,
    sonarqube::advice::AdvisoryConditions,
};

/// Reads the list. A glob that is not valid names nothing: what it was meant for still blocks.
pub(super) fn advisory_conditions(text: Option<&str>, findings: &mut Findings) -> AdvisoryConditions {
    let mut patterns = Vec::new();
    for item in text.map(list_items).unwrap_or_default() {
        match glob::Pattern::new(item) {
            Ok(pattern) if !patterns.contains(&pattern) => patterns.push(pattern),
            Ok(_) => {}
            Err(error) => findings.problem(
                "ADVISORY_CONDITIONS",
                format!("has the pattern {}, which is not valid: {}", shown(item), error.msg),
                "keys of metrics or globs such as *coverage*, as a list or separated by commas",
                "",
            ),
        }
    }
    AdvisoryConditions::new(patterns)
}
