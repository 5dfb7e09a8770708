//! Conditions of a quality gate that are told and do not block: `ADVISORY_CONDITIONS`.

use glob::Pattern;

use crate::sonarqube::gate::{Condition, Gate, Level};

/// The conditions that do not block, by globs over the keys of their metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AdvisoryConditions {
    patterns: Vec<Pattern>,
}

impl AdvisoryConditions {
    pub(crate) const fn new(patterns: Vec<Pattern>) -> Self {
        Self { patterns }
    }

    /// The gate, whose failed conditions of these are advice. It passes only if SonarQube's answer explains its failure
    /// by them alone: there is one at least, no other condition failed, and the result of each condition is known.
    pub(crate) fn applied_to(&self, mut gate: Gate) -> Gate {
        for condition in &mut gate.conditions {
            if condition.level == Level::Error && self.name(condition) {
                condition.level = Level::Advice;
            }
        }
        let has = |level: Level| gate.conditions.iter().any(|condition| condition.level == level);
        let is_advice_alone = has(Level::Advice) && !has(Level::Error) && !has(Level::Unknown);
        if gate.level == Level::Error && is_advice_alone {
            gate.level = Level::Advice;
        }
        gate
    }

    fn name(&self, condition: &Condition) -> bool {
        self.patterns.iter().any(|pattern| names(pattern, condition))
    }

    /// The conditions of a gate that do not block.
    pub(crate) fn named<'a>(&'a self, gate: &'a Gate) -> impl Iterator<Item = &'a Condition> {
        gate.conditions.iter().filter(|condition| self.name(condition))
    }

    /// The globs, each with whether it names a condition of the gate.
    pub(crate) fn matches<'a>(&'a self, gate: &'a Gate) -> impl Iterator<Item = (&'a str, bool)> {
        self.patterns
            .iter()
            .map(|pattern| (pattern.as_str(), gate.conditions.iter().any(|it| names(pattern, it))))
    }
}

/// Whether a glob names a condition. One whose metric cannot be read is named by none, not even by `*`.
fn names(pattern: &Pattern, condition: &Condition) -> bool {
    condition.has_metric_key() && pattern.matches(&condition.metric)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn advisory(patterns: &[&str]) -> AdvisoryConditions {
        AdvisoryConditions::new(patterns.iter().map(|pattern| Pattern::new(pattern).unwrap()).collect())
    }

    fn condition(metric: &str, status: &str, actual: &str) -> Value {
        json!({ "metricKey": metric, "status": status, "comparator": "LT", "errorThreshold": "80", "actualValue": actual })
    }

    fn judged(patterns: &[&str], gate: &Value) -> Gate {
        advisory(patterns).applied_to(Gate::read(gate))
    }

    #[test]
    fn advice_alone_does_not_block_and_hides_no_other_condition() {
        let coverage = || condition("new_coverage", "ERROR", "54.9");
        let advice =
            json!({ "status": "ERROR", "conditions": [coverage(), condition("new_bugs", "OK", "0")] });
        for pattern in ["new_coverage", "*coverage*", "*", "new_*"] {
            let gate = judged(&[pattern], &advice);
            assert_eq!(gate.level, Level::Advice);
            assert_eq!(
                gate.words("acme_api", 255),
                "Quality gate passed, except for advice: 54.9% Coverage on New Code"
            );
        }
        for pattern in ["coverage", "NEW_COVERAGE", "line_coverage"] {
            assert_eq!(judged(&[pattern], &advice).level, Level::Error, "{pattern}");
        }
        let both =
            json!({ "status": "ERROR", "conditions": [coverage(), condition("new_bugs", "ERROR", "3")] });
        let gate = judged(&["*coverage*"], &both);
        assert_eq!(gate.level, Level::Error);
        assert_eq!(gate.words("acme_api", 255), "3 New Bugs (is less than 80)");
        let all = judged(&["*coverage*", "*bugs"], &both);
        assert_eq!(
            all.words("acme_api", 255),
            "Quality gate passed, except for advice: 3 New Bugs, 54.9% Coverage on New Code"
        );
    }

    #[test]
    fn what_cannot_be_read_is_never_advice() {
        let coverage = || condition("new_coverage", "ERROR", "54.9");
        let long = "x".repeat(70);
        for conditions in [
            json!(null),
            json!([]),
            json!({ "0": coverage() }),
            json!([7, coverage()]),
            json!([{ "status": "ERROR" }]),
            json!([{ "metricKey": "\u{202e}", "status": "ERROR" }]),
            json!([{ "metricKey": ["new_coverage"], "status": "ERROR" }]),
            json!([condition(&long, "ERROR", "1")]),
            json!([coverage(), condition("new_bugs", "FAILED", "3")]),
            json!([condition("new_coverage", "OK", "90")]),
            json!([condition("new_coverage", "NO_VALUE", "")]),
        ] {
            let gate = judged(&["*"], &json!({ "status": "ERROR", "conditions": conditions }));
            assert_eq!(gate.level, Level::Error, "{conditions}");
        }
        for status in ["NONE", "GREAT"] {
            let gate = judged(&["*"], &json!({ "status": status, "conditions": [coverage()] }));
            assert_eq!(gate.level, Level::parse(status));
        }
    }

    #[test]
    fn a_glob_that_names_no_condition_is_known() {
        let gate =
            Gate::read(&json!({ "status": "OK", "conditions": [condition("new_coverage", "OK", "90")] }));
        let advisory = advisory(&["*coverge*", "new_*"]);
        assert_eq!(advisory.matches(&gate).collect::<Vec<_>>(), [("*coverge*", false), ("new_*", true)]);
    }

    proptest! {
        #[test]
        fn a_gate_with_another_failed_condition_is_never_green(
            words in prop::collection::vec(
                ("[a-c]{1,2}", prop_oneof!["OK", "ERROR", "WARN", "NO_VALUE", "GREAT"]), 0..6,
            ),
            pattern in prop_oneof!["[a-c*?]{1,2}", "\\*"],
            status in prop_oneof!["OK", "ERROR", "ERROR", "NONE", "GREAT"],
        ) {
            let conditions: Vec<Value> =
                words.iter().map(|(metric, status)| condition(metric, status, "1")).collect();
            let asked = Gate::read(&json!({ "status": status, "conditions": conditions }));
            let gate = advisory(&[&pattern]).applied_to(asked.clone());
            let glob = Pattern::new(&pattern).unwrap();
            let blocks = words.iter().any(|(metric, status)| {
                status == "GREAT" || (status == "ERROR" && !glob.matches(metric))
            });
            let has_advice = words.iter().any(|(metric, status)| status == "ERROR" && glob.matches(metric));
            let is_advice = status == "ERROR" && has_advice && !blocks;
            prop_assert_eq!(gate.level, if is_advice { Level::Advice } else { asked.level });
            prop_assert!(gate.words("acme_api", 255).chars().count() <= 255);
        }
    }
}
