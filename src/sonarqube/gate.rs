//! The quality gate as values, and its words.

use std::cmp::Ordering;

use serde_json::Value;

use crate::{
    console::text::{fit, one_line},
    sonarqube::metrics::{self, Kind},
};

/// The quality gate of an analysis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gate {
    pub(crate) level: Level,
    /// SonarQube's word for the level, if it is not known.
    pub(crate) unknown_word: Option<String>,
    pub(crate) conditions: Vec<Condition>,
    /// Whether coverage and duplication did not count, because the change is small.
    pub(crate) ignored_conditions: bool,
}

/// The result of a gate or of one condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Passed.
    Ok,
    /// Passed with a warning; only before SonarQube 7.6.
    Warn,
    /// Failed.
    Error,
    /// Failed, and only told: `ADVISORY_CONDITIONS` names the condition, or of a gate all that failed.
    Advice,
    /// Nothing was computed.
    None,
    /// An unknown word. It is never green.
    Unknown,
}

/// One condition of a gate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    /// The key of the metric.
    pub(crate) metric: String,
    pub(crate) level: Level,
    /// The comparison with the threshold that fails.
    pub(crate) comparator: Comparator,
    pub(crate) threshold: Option<String>,
    /// `None` when there was nothing to measure, such as no new lines to cover.
    pub(crate) actual: Option<String>,
}

/// The comparison with which a value fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparator {
    Greater,
    Less,
    /// Only before SonarQube 7.6.
    Equal,
    /// Only before SonarQube 7.6.
    NotEqual,
    Unknown,
}

impl Level {
    /// Reads SonarQube's word.
    pub(crate) fn parse(word: &str) -> Self {
        match word {
            "OK" => Self::Ok,
            "WARN" => Self::Warn,
            "ERROR" => Self::Error,
            "NONE" | "NO_VALUE" => Self::None,
            _ => Self::Unknown,
        }
    }

    /// Whether a condition of this level is not met.
    pub(crate) const fn is_failed(self) -> bool {
        matches!(self, Self::Error | Self::Advice | Self::Warn)
    }
}

impl Comparator {
    /// Reads the word of the API or of a webhook.
    pub(crate) fn parse(word: &str) -> Self {
        match word {
            "GT" | "GREATER_THAN" => Self::Greater,
            "LT" | "LESS_THAN" => Self::Less,
            "EQ" | "EQUALS" => Self::Equal,
            "NE" | "NOT_EQUALS" => Self::NotEqual,
            _ => Self::Unknown,
        }
    }
}

/// SonarQube's names and values are shorter; a longer text is cut.
const TEXT_MAX_CHARS: usize = 60;

/// A text, number or boolean as text on one line; `None` for null, blank text, arrays and objects.
pub(crate) fn text(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => one_line(text),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    };
    Some(text).filter(|text| !text.is_empty())
}

/// The text of the first of these fields that has one.
fn field(object: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| text(object.get(name)))
}

impl Gate {
    /// Reads a gate from `api/qualitygates/project_status`, the measure `quality_gate_details`, or a webhook. The names of
    /// their fields differ, and versions leave out different fields. A gate without a known status is never green.
    pub(crate) fn read(gate: &Value) -> Self {
        let conditions = gate.get("conditions").and_then(Value::as_array);
        let word = field(gate, &["status", "level"]);
        let level = match word.as_deref() {
            // A webhook's word for a condition, and not for a gate.
            None | Some("NO_VALUE") => Level::Unknown,
            Some(word) => Level::parse(word),
        };
        Self {
            level,
            unknown_word: word.filter(|_| level == Level::Unknown).map(|word| fit(&word, TEXT_MAX_CHARS)),
            conditions: conditions.into_iter().flatten().map(Condition::read).collect(),
            ignored_conditions: gate.get("ignoredConditions") == Some(&Value::Bool(true)),
        }
    }

    /// Whether the value of a condition shows that SonarQube has issues.
    pub(crate) fn counts_issues(&self) -> bool {
        self.conditions.iter().any(Condition::counts_issues)
    }

    /// The conditions of a level, worst first: by rank, then by the worst level of severities and ratings, then by the
    /// distance from the threshold.
    pub(crate) fn worst_first(&self, level: Level) -> Vec<&Condition> {
        let mut conditions: Vec<&Condition> =
            self.conditions.iter().filter(|condition| condition.level == level).collect();
        conditions.sort_by(|a, b| {
            let farther = || b.distance().partial_cmp(&a.distance()).unwrap_or(Ordering::Equal);
            let worse = || b.badness().cmp(&a.badness());
            a.rank().cmp(&b.rank()).then_with(worse).then_with(farther)
        });
        conditions
    }

    /// The conditions that failed, worst first, then the advice and the warnings.
    pub(crate) fn failed(&self) -> Vec<&Condition> {
        [Level::Error, Level::Advice, Level::Warn]
            .into_iter()
            .flat_map(|level| self.worst_first(level))
            .collect()
    }

    /// Every condition: those that failed, then the others in the order of the gate.
    pub(crate) fn in_order(&self) -> Vec<&Condition> {
        let mut conditions = self.failed();
        conditions.extend(self.conditions.iter().filter(|condition| !condition.level.is_failed()));
        conditions
    }

    /// The gate in words, at most `max_chars`: as many conditions as fit, and the number of the others.
    pub(crate) fn words(&self, subject: &str, max_chars: usize) -> String {
        let (start, level) = match self.level {
            Level::Ok if self.ignored_conditions => {
                return format!(
                    "Quality gate passed: {subject} (small change: coverage and duplication do not count)"
                );
            }
            Level::Ok => return format!("Quality gate passed: {subject}"),
            Level::None => return format!("No quality gate was computed: {subject}"),
            Level::Unknown => {
                return format!("No verdict: the state of the quality gate is not known: {subject}");
            }
            Level::Warn => ("Quality gate passed with a warning: ", Level::Warn),
            Level::Advice => (ADVISED, Level::Advice),
            Level::Error => ("", Level::Error),
        };
        let conditions = self.worst_first(level);
        if conditions.is_empty() {
            return match self.level {
                Level::Warn => format!("Quality gate passed with a warning: {subject}"),
                _ => format!("Quality gate failed: {subject}"),
            };
        }
        // Advice is not a failure that has to be explained.
        let words = if level == Level::Advice { Condition::value_words } else { Condition::words };
        listed(start, &conditions.into_iter().map(words).collect::<Vec<_>>(), max_chars)
    }
}

/// The first words of a gate that only advice keeps from being green without a word.
pub(crate) const ADVISED: &str = "Quality gate passed, except for advice: ";

/// `start`, then as many conditions as fit, and the number of the others.
fn listed(start: &str, conditions: &[String], max_chars: usize) -> String {
    let mut text = start.to_owned();
    for (number, next) in conditions.iter().enumerate() {
        let separator = if number == 0 { "" } else { ", " };
        let left = conditions.len() - number;
        // After the last condition there is no count of others.
        let tail = if left == 1 { 0 } else { count_more(left - 1).chars().count() };
        if number > 0
            && [&text, separator, next].iter().map(|part| part.chars().count()).sum::<usize>() + tail
                > max_chars
        {
            text.push_str(&count_more(left));
            break;
        }
        text.push_str(separator);
        text.push_str(next);
    }
    text
}

fn count_more(number: usize) -> String {
    format!(" … and {number} more")
}

impl Condition {
    fn read(condition: &Value) -> Self {
        let short = |names: &[&str]| field(condition, names).map(|text| fit(&text, TEXT_MAX_CHARS));
        let level = field(condition, &["status", "level"]).map_or(Level::Unknown, |word| Level::parse(&word));
        let warning = short(&["warningThreshold", "warning"]).filter(|_| level == Level::Warn);
        Self {
            metric: short(&["metricKey", "metric"]).unwrap_or_else(|| "unnamed metric".to_owned()),
            level,
            comparator: Comparator::parse(
                &field(condition, &["comparator", "operator", "op"]).unwrap_or_default(),
            ),
            threshold: warning.or_else(|| short(&["errorThreshold", "error"])),
            actual: short(&["actualValue", "value", "actual"]),
        }
    }

    /// Such as `54.9% Coverage on New Code (is less than 80%)`.
    pub(crate) fn words(&self) -> String {
        let (name, kind) = metrics::look_up(&self.metric);
        let (actual, threshold) = self.shown(kind);
        if self.actual.is_none() {
            let [_, actual, required] = self.row();
            let required = if required.is_empty() { required } else { format!(" ({required})") };
            return format!("{name}: {actual}{required}");
        }
        let Some(threshold) = threshold else {
            return format!("{actual} {name}");
        };
        format!("{actual} {name} ({} {threshold})", self.comparison(kind))
    }

    /// The same without the requirement, such as `54.9% Coverage on New Code`.
    fn value_words(&self) -> String {
        let (name, kind) = metrics::look_up(&self.metric);
        let (actual, _) = self.shown(kind);
        if self.actual.is_none() { format!("{name}: {actual}") } else { format!("{actual} {name}") }
    }

    /// Whether its metric is a key of SonarQube, and not a text that stands for what cannot be read, or a cut one.
    pub(crate) fn has_metric_key(&self) -> bool {
        self.metric.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    }

    /// The format of the value.
    pub(crate) fn kind(&self) -> Kind {
        metrics::look_up(&self.metric).1
    }

    /// Whether its value shows that SonarQube has issues: a number of them, or a rating that is worse than A.
    fn counts_issues(&self) -> bool {
        let is_about = |words: &[&str]| {
            let of_others = ["accepted", "fixed", "false_positive"];
            words.iter().any(|word| self.metric.contains(word))
                && !of_others.iter().any(|word| self.metric.contains(word))
        };
        let counts = ["violations", "issues", "bugs", "vulnerabilities", "code_smells"];
        let rates = ["reliability_rating", "security_rating", "maintainability_rating", "sqale_rating"];
        let least = match self.kind() {
            Kind::Count if is_about(&counts) => 1.0,
            Kind::Rating if is_about(&rates) => 2.0,
            Kind::Severity => 1.0,
            _ => return false,
        };
        number(self.actual.as_ref()).is_some_and(|number| number >= least)
    }

    /// The name of the metric, the value and the requirement, for a table.
    pub(crate) fn row(&self) -> [String; 3] {
        let (name, kind) = metrics::look_up(&self.metric);
        let (actual, threshold) = self.shown(kind);
        let required = match (self.comparator, threshold) {
            (_, None) => String::new(),
            (Comparator::Greater, Some(threshold)) if kind == Kind::Severity => format!("below {threshold}"),
            (Comparator::Greater, Some(threshold)) if kind == Kind::Rating => {
                format!("{threshold} or better")
            }
            (Comparator::Greater, Some(threshold)) => format!("at most {threshold}"),
            (Comparator::Less, Some(threshold)) => format!("at least {threshold}"),
            (Comparator::Equal, Some(threshold)) => format!("not {threshold}"),
            (Comparator::NotEqual | Comparator::Unknown, Some(threshold)) => threshold,
        };
        [name, actual, required]
    }

    fn comparison(&self, kind: Kind) -> &'static str {
        match (self.comparator, kind) {
            (Comparator::Greater, Kind::Rating) => "is worse than",
            // The stored threshold is one below the level that fails.
            (Comparator::Greater, Kind::Severity) => "is greater than or equal to",
            (Comparator::Greater, _) => "is greater than",
            (Comparator::Less, _) => "is less than",
            (Comparator::Equal, _) => "is equal to",
            (Comparator::NotEqual, _) => "is not equal to",
            (Comparator::Unknown, _) => "does not fit",
        }
    }

    /// The value and the threshold in the format of SonarQube's pages.
    fn shown(&self, kind: Kind) -> (String, Option<String>) {
        let (actual, threshold) = (number(self.actual.as_ref()), number(self.threshold.as_ref()));
        let raw = |text: &Option<String>| text.clone().unwrap_or_else(|| "no value".to_owned());
        let format = |number: f64| match kind {
            Kind::Count => plain(number, actual.zip(threshold)),
            Kind::Percent => format!("{}%", plain(number, actual.zip(threshold))),
            Kind::Rating => rating(number),
            Kind::Severity => severity(number),
            Kind::Effort => effort(number),
            Kind::Milliseconds => milliseconds(number),
        };
        (
            actual.map_or_else(|| raw(&self.actual), format),
            self.threshold.as_ref().map(|_| threshold.map_or_else(|| raw(&self.threshold), format)),
        )
    }

    /// What reviewers must see first: severities and ratings of security, then other ones, then the numbers of security
    /// and of blocking issues, then other numbers.
    fn rank(&self) -> u8 {
        let (_, kind) = metrics::look_up(&self.metric);
        let is_about = |words: &[&str]| words.iter().any(|word| self.metric.contains(word));
        let is_about_security = is_about(&["security", "vulnerabilit", "malware"]);
        match kind {
            Kind::Severity | Kind::Rating if is_about_security => 0,
            Kind::Severity | Kind::Rating => 1,
            Kind::Count | Kind::Percent if is_about_security || is_about(&["blocker"]) => 2,
            Kind::Count | Kind::Percent | Kind::Effort | Kind::Milliseconds => 3,
        }
    }

    /// How bad a severity or a rating is: 5 for blocker and E, 1 for info and A. 0 for other metrics, and without a value.
    fn badness(&self) -> u8 {
        let (_, kind) = metrics::look_up(&self.metric);
        let Some(actual) = number(self.actual.as_ref()) else { return 0 };
        let steps: [f64; 5] = match kind {
            Kind::Severity => [5.0, 10.0, 15.0, 20.0, 25.0],
            Kind::Rating => [1.0, 2.0, 3.0, 4.0, 5.0],
            Kind::Count | Kind::Percent | Kind::Effort | Kind::Milliseconds => return 0,
        };
        (1..).zip(steps).filter(|(_, step)| actual >= *step).map(|(badness, _)| badness).last().unwrap_or(0)
    }

    /// The distance between value and threshold, as a share of the threshold. Without a value it is negative.
    fn distance(&self) -> f64 {
        match (number(self.actual.as_ref()), number(self.threshold.as_ref())) {
            (Some(actual), Some(threshold)) => (actual - threshold).abs() / threshold.abs().max(1.0),
            (Some(actual), None) => actual.abs(),
            (None, _) => -1.0,
        }
    }
}

/// A higher value is shown unchanged; SonarQube has no such numbers.
const NUMBER_MAX: f64 = 1e15;

fn number(text: Option<&String>) -> Option<f64> {
    text?.trim().parse::<f64>().ok().filter(|number| number.abs() < NUMBER_MAX)
}

/// A number with one decimal, or with as many decimals as distinguish it from the compared number, without zeros at the
/// end: 79.96 is not shown as 80 when 80 is the threshold.
fn plain(number: f64, compared: Option<(f64, f64)>) -> String {
    let mut decimals = 1;
    if let Some((actual, threshold)) = compared
        && actual.total_cmp(&threshold).is_ne()
    {
        while decimals < 15 && format!("{actual:.decimals$}") == format!("{threshold:.decimals$}") {
            decimals += 1;
        }
    }
    let text = format!("{number:.decimals$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn rating(number: f64) -> String {
    match number.round() {
        1.0 => "A".to_owned(),
        2.0 => "B".to_owned(),
        3.0 => "C".to_owned(),
        4.0 => "D".to_owned(),
        5.0 => "E".to_owned(),
        _ => plain(number, None),
    }
}

/// A threshold is one below its level.
fn severity(number: f64) -> String {
    match number {
        n if n <= 0.0 => "None",
        n if n <= 5.0 => "Info",
        n if n <= 10.0 => "Low",
        n if n <= 15.0 => "Medium",
        n if n <= 20.0 => "High",
        _ => "Blocker",
    }
    .to_owned()
}

/// Minutes as days of eight hours, hours and minutes: the two largest units.
fn effort(minutes: f64) -> String {
    units(minutes, &[(480.0, "d"), (60.0, "h"), (1.0, "min")])
}

fn milliseconds(number: f64) -> String {
    units(number, &[(3_600_000.0, "h"), (60_000.0, "min"), (1000.0, "s"), (1.0, "ms")])
}

fn units(number: f64, units: &[(f64, &str)]) -> String {
    let mut left = number.abs().round();
    let mut parts = Vec::new();
    for (size, unit) in units {
        let count = (left / size).floor();
        if count > 0.0 && parts.len() < 2 {
            parts.push(format!("{count}{unit}"));
            left -= count * size;
        }
    }
    match (parts.is_empty(), units.last()) {
        (true, Some((_, smallest))) => format!("0{smallest}"),
        _ => format!("{}{}", if number < 0.0 { "-" } else { "" }, parts.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn condition(metric: &str, comparator: &str, threshold: &str, actual: &str, level: Level) -> Condition {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Condition {
            metric: metric.to_owned(),
            level,
            comparator: Comparator::parse(comparator),
            threshold: text(threshold),
            actual: text(actual),
        }
    }

    #[test]
    fn conditions_read_as_on_sonarqubes_pages() {
        for (metric, comparator, threshold, actual, words) in [
            (
                "new_coverage",
                "LT",
                "80",
                "54.89417989417989",
                "54.9% Coverage on New Code (is less than 80%)",
            ),
            ("new_coverage", "LT", "80", "79.96", "79.96% Coverage on New Code (is less than 80%)"),
            ("coverage", "LT", "80", "79.99999999", "79.99999999% Coverage (is less than 80%)"),
            ("new_violations", "GT", "0", "1e300", "1e300 New Issues (is greater than 0)"),
            ("new_coverage", "LT", "80.5", "0", "0% Coverage on New Code (is less than 80.5%)"),
            (
                "new_duplicated_lines_density",
                "GT",
                "3",
                "22.285714285714285",
                "22.3% Duplicated Lines on New Code (is greater than 3%)",
            ),
            ("new_reliability_rating", "GT", "1", "3", "C Reliability Rating on New Code (is worse than A)"),
            ("new_violations", "GT", "0", "14", "14 New Issues (is greater than 0)"),
            (
                "new_security_issue_severity",
                "GT",
                "19",
                "25",
                "Blocker Security Issue Severity on New Code (is greater than or equal to High)",
            ),
            ("sqale_index", "GT", "480", "1530", "3d 1h Technical Debt (is greater than 1d)"),
            ("test_execution_time", "GT", "1000", "61500", "1min 1s Unit Test Duration (is greater than 1s)"),
            ("coverage", "LT", "", "12.3", "12.3% Coverage"),
            ("new_coverage", "LT", "80", "", "Coverage on New Code: no value (at least 80%)"),
            ("my_metric", "XX", "a", "b", "b my metric (does not fit a)"),
        ] {
            assert_eq!(condition(metric, comparator, threshold, actual, Level::Error).words(), words);
        }
    }

    fn failed(number: usize) -> Gate {
        Gate {
            level: Level::Error,
            conditions: (0..number)
                .map(|n| condition("new_violations", "GT", "0", &(n + 1).to_string(), Level::Error))
                .collect(),
            ignored_conditions: false,
            unknown_word: None,
        }
    }

    #[test]
    fn the_worst_comes_first_and_the_rest_is_counted() {
        assert_eq!(
            failed(3).words("", 255),
            "3 New Issues (is greater than 0), 2 New Issues (is greater than 0), 1 New Issues (is greater than 0)"
        );
        assert_eq!(
            failed(9).words("", 100),
            "9 New Issues (is greater than 0), 8 New Issues (is greater than 0) … and 7 more"
        );
    }

    #[test]
    fn security_comes_before_ratings_and_ratings_before_numbers() {
        let gate = Gate {
            level: Level::Error,
            conditions: [
                ("new_violations", "0", "900"),
                ("new_maintainability_rating", "1", "5"),
                ("new_coverage", "80", "1"),
                ("new_blocker_violations", "0", "1"),
                ("new_security_hotspots_reviewed", "100", "90"),
                ("new_reliability_issue_severity", "9", "20"),
                ("new_security_rating", "1", "2"),
                ("new_sca_severity_vulnerability", "9", "15"),
                ("new_security_issue_severity", "19", "25"),
            ]
            .map(|(metric, threshold, actual)| condition(metric, "GT", threshold, actual, Level::Error))
            .into(),
            ignored_conditions: false,
            unknown_word: None,
        };
        let metrics: Vec<&str> = gate.in_order().iter().map(|condition| &*condition.metric).collect();
        assert_eq!(
            metrics,
            [
                "new_security_issue_severity",
                "new_sca_severity_vulnerability",
                "new_security_rating",
                "new_maintainability_rating",
                "new_reliability_issue_severity",
                "new_blocker_violations",
                "new_security_hotspots_reviewed",
                "new_violations",
                "new_coverage"
            ]
        );
    }

    #[test]
    fn a_green_gate_says_that_conditions_did_not_count() {
        let gate =
            Gate { level: Level::Ok, conditions: Vec::new(), ignored_conditions: true, unknown_word: None };
        assert_eq!(
            gate.words("Acme API", 255),
            "Quality gate passed: Acme API (small change: coverage and duplication do not count)"
        );
    }

    #[test]
    fn a_gate_is_green_only_when_it_said_so() {
        let gate = |level| {
            Gate { level, conditions: Vec::new(), ignored_conditions: false, unknown_word: None }
                .words("Acme API", 255)
        };
        assert_eq!(gate(Level::Ok), "Quality gate passed: Acme API");
        assert_eq!(gate(Level::Warn), "Quality gate passed with a warning: Acme API");
        assert_eq!(gate(Level::Error), "Quality gate failed: Acme API");
        assert_eq!(gate(Level::None), "No quality gate was computed: Acme API");
        assert_eq!(
            gate(Level::parse("GREAT")),
            "No verdict: the state of the quality gate is not known: Acme API"
        );
    }

    #[test]
    fn every_dialect_is_read() {
        let read = |text: &str| Gate::read(&serde_json::from_str(text).unwrap());
        let expected = condition("coverage", "LT", "80", "12.5", Level::Error);
        for text in [
            r#"{"status":"ERROR","conditions":[{"metricKey":"coverage","status":"ERROR","comparator":"LT","errorThreshold":"80","actualValue":12.5}]}"#,
            r#"{"level":"ERROR","conditions":[{"metric":"coverage","level":"ERROR","op":"LT","error":80,"actual":"12.5"}]}"#,
            r#"{"status":"ERROR","conditions":[{"metric":"coverage","status":"ERROR","operator":"LESS_THAN","errorThreshold":"80","value":"12.5"}]}"#,
        ] {
            assert_eq!(
                read(text),
                Gate {
                    level: Level::Error,
                    conditions: vec![expected.clone()],
                    ignored_conditions: false,
                    unknown_word: None
                }
            );
        }
        for text in [
            "{}",
            "[]",
            "null",
            r#"{"status":null,"conditions":null}"#,
            r#"{"status":["OK"]}"#,
            r#"{"status":"ok"}"#,
        ] {
            assert_eq!(read(text).level, Level::Unknown, "{text}");
        }
        let odd = read(
            r#"{"status":"ERROR","conditions":[7,{"metricKey":"\u202e\n","status":1,"actualValue":[]}]}"#,
        );
        assert_eq!(odd.conditions.len(), 2);
        assert_eq!(odd.conditions[1].words(), "unnamed metric: no value");
    }

    #[test]
    fn long_texts_are_cut() {
        let long = "x".repeat(70_000);
        let gate = Gate::read(
            &serde_json::json!({"status": "ERROR", "conditions": [{"metricKey": long, "status": "ERROR", "actualValue": long}]}),
        );
        assert!(gate.conditions[0].words().chars().count() < 150);
        assert!(gate.words("", 255).chars().count() <= 255);
    }

    proptest! {
        #[test]
        fn whatever_the_values_are_they_have_words(
            metric in "[a-z_]{0,30}", comparator in "[A-Z_]{0,4}", threshold in ".{0,20}", actual in "-?[0-9]{0,30}(\\.[0-9]{0,30})?",
        ) {
            let condition = condition(&metric, &comparator, &threshold, &actual, Level::Error);
            prop_assert!(!condition.words().is_empty());
            let _ = condition.row();
        }

        #[test]
        fn many_conditions_fit(number in 2..400_usize, max in 120..300_usize) {
            prop_assert!(failed(number).words("", max).chars().count() <= max);
        }
    }
}
