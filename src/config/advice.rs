//! `ADVISORY_CONDITIONS`: the conditions of the quality gate that do not block.

use crate::{
    config::{findings::Findings, parse::items},
    console::foreign::shown,
    sonarqube::advice::AdvisoryConditions,
};

const ACCEPTED: &str = "keys of metrics or globs such as *coverage*, as a list or separated by commas";

/// Reads the list. A glob that is not valid names nothing: what it was meant for still blocks.
pub(super) fn advisory_conditions(text: Option<&str>, findings: &mut Findings) -> AdvisoryConditions {
    let mut patterns = Vec::new();
    for item in text.map(|text| items("ADVISORY_CONDITIONS", text, ACCEPTED, findings)).unwrap_or_default() {
        match glob::Pattern::new(item) {
            Ok(pattern) if !patterns.contains(&pattern) => patterns.push(pattern),
            Ok(_) => {}
            Err(error) => findings.problem(
                "ADVISORY_CONDITIONS",
                format!("has the pattern {}, which is not valid: {}", shown(item), error.msg),
                ACCEPTED,
                "",
            ),
        }
    }
    AdvisoryConditions::new(patterns)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        config::parse::list_items,
        sonarqube::gate::{Gate, Level},
    };

    proptest! {
        /// The gate stays red unless the list names the metric, as it is or by a glob.
        #[test]
        fn a_list_without_stars_advises_only_what_it_names(text in "[a-c,\n\\[\\]?]{0,12}") {
            let mut findings = Findings::default();
            let conditions = advisory_conditions(Some(&text), &mut findings);
            let is_named = |metric: &str| list_items(&text).contains(&metric);
            for metric in ["a", "ab", "abc"] {
                let gate = Gate::read(&json!({ "status": "ERROR", "conditions": [{ "metricKey": metric, "status": "ERROR" }] }));
                let is_advice = conditions.applied_to(gate).level == Level::Advice;
                prop_assert!(is_advice || !is_named(metric), "{}", metric);
                prop_assert!(!is_advice || is_named(metric) || text.contains(['?', '[']), "{}", metric);
            }
        }
    }

    #[test]
    fn an_empty_item_is_told() {
        for (text, names_any) in [(", ", false), ("*coverage*,,new_issues", true), ("new_issues,", true)] {
            let mut findings = Findings::default();
            let read = advisory_conditions(Some(text), &mut findings);
            assert_eq!(read == AdvisoryConditions::new(Vec::new()), !names_any, "{text}");
            let [warning] = &findings.warnings[..] else { panic!("{findings:?}") };
            assert!(warning.starts_with("ADVISORY_CONDITIONS has an empty item in "), "{warning}");
        }
    }
}
