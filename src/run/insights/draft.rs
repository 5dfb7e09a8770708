//! What a report says of a quality gate.

use serde_json::Number;

use crate::{
    model::insights::{DATA_MAX, DataValue, ReportData, ReportDraft},
    sonarqube::{
        gate::{Condition, Gate, Level},
        metrics::Kind,
    },
};

/// The draft of a report about a gate, without link and issues.
pub(crate) fn draft_of(gate: &Gate) -> ReportDraft {
    let headline = match gate.level {
        Level::Ok if gate.ignored_conditions => {
            "Quality gate passed (small change: coverage and duplication do not count)"
        }
        Level::Ok => "Quality gate passed",
        Level::Warn => "Quality gate passed with a warning",
        Level::Advice => "Quality gate passed, except for advice",
        Level::Error => "Quality gate failed",
        Level::None => "No quality gate was computed",
        Level::Unknown => "The state of the quality gate is not known",
    };
    let line = |condition: &Condition| {
        // Beside a condition that blocks, the reader must see which one does not.
        let advice = if condition.level == Level::Advice { "Advice: " } else { "" };
        format!("- {advice}{}", condition.words())
    };
    ReportDraft {
        lines: std::iter::once(headline.to_owned()).chain(gate.failed().into_iter().map(line)).collect(),
        data: gate.in_order().into_iter().filter_map(row).take(DATA_MAX).collect(),
        link: None,
        counts_issues: gate.counts_issues(),
        source: None,
    }
}

/// The row of a condition. One without a value has none: "0% coverage" would be untrue where there is nothing to cover.
fn row(condition: &Condition) -> Option<ReportData> {
    let _ = condition.actual.as_ref()?;
    let [name, shown, required] = condition.row();
    let has_failed = condition.level.is_failed();
    // As many decimals as the log has.
    let number = shown.trim_end_matches('%').parse().ok().and_then(Number::from_f64);
    let value = match (number, condition.kind()) {
        _ if has_failed && !required.is_empty() => DataValue::Text(format!("{shown}, required {required}")),
        (Some(number), Kind::Percent)
            if number.as_f64().is_some_and(|share| (0.0..=100.0).contains(&share)) =>
        {
            DataValue::Percentage(number)
        }
        (Some(number), Kind::Count) => DataValue::Number(number),
        _ => DataValue::Text(shown),
    };
    Some(ReportData::new(&name, value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn condition(
        metric: &str,
        status: &str,
        actual: Option<&str>,
        threshold: &str,
        comparator: &str,
    ) -> serde_json::Value {
        let mut condition = json!({ "metricKey": metric, "status": status, "errorThreshold": threshold, "comparator": comparator });
        if let Some(actual) = actual {
            condition["actualValue"] = json!(actual);
        }
        condition
    }

    #[test]
    fn the_rows_are_what_the_gate_judges() {
        let gate = Gate::read(&json!({ "status": "ERROR", "conditions": [
            condition("new_coverage", "ERROR", Some("54.9"), "80", "LT"),
            condition("new_violations", "OK", Some("0"), "0", "GT"),
            condition("new_duplicated_lines_density", "OK", Some("0.7"), "3", "GT"),
            condition("new_security_rating", "OK", Some("1"), "1", "GT"),
            condition("new_security_hotspots_reviewed", "OK", None, "100", "LT"),
        ]}));
        let draft = draft_of(&gate);
        assert_eq!(draft.lines, ["Quality gate failed", "- 54.9% Coverage on New Code (is less than 80%)"]);
        let number = |number: f64| Number::from_f64(number).unwrap();
        assert_eq!(
            draft.data,
            [
                ReportData::new(
                    "Coverage on New Code",
                    DataValue::Text("54.9%, required at least 80%".to_owned())
                ),
                ReportData::new("New Issues", DataValue::Number(number(0.0))),
                ReportData::new("Duplicated Lines on New Code", DataValue::Percentage(number(0.7))),
                ReportData::new("Security Rating on New Code", DataValue::Text("A".to_owned())),
            ]
        );
        assert!(!draft.counts_issues);
    }

    #[test]
    fn a_gate_counts_issues_that_are_open() {
        for (metric, actual, counts) in [
            ("new_violations", "3", true),
            ("new_violations", "0", false),
            ("open_issues", "1", true),
            ("pull_request_fixed_issues", "4", false),
            ("false_positive_issues", "4", false),
            ("new_accepted_issues", "4", false),
        ] {
            let conditions = json!([condition(metric, "OK", Some(actual), "9", "GT")]);
            let draft = draft_of(&Gate::read(&json!({ "status": "OK", "conditions": conditions })));
            assert_eq!(draft.counts_issues, counts, "{metric}");
        }
    }

    #[test]
    fn of_thirty_conditions_ten_have_a_row() {
        let conditions: Vec<_> =
            (0..30).map(|_| condition("new_bugs", "ERROR", Some("3"), "0", "GT")).collect();
        let draft = draft_of(&Gate::read(&json!({ "status": "ERROR", "conditions": conditions })));
        assert_eq!((draft.data.len(), draft.lines.len(), draft.counts_issues), (DATA_MAX, 31, true));
    }
}
