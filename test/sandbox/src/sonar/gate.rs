//! Quality gates as an analysis leaves them.

/// What a gate, or a condition of it, came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Passed.
    Ok,
    /// Passed with a warning, which gates could have until 7.6.
    Warn,
    /// Failed.
    Error,
    /// Nothing was judged.
    None,
}

impl Level {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::None => "NONE",
        }
    }
}

/// One condition of a gate, with the value that it met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The key of the metric.
    pub metric: String,
    /// `GT` or `LT`, and in old gates `EQ` or `NE`: what must not be.
    pub comparator: String,
    /// What the value is compared with; old gates may lack it.
    pub threshold: Option<String>,
    /// The value, with all its decimals; there is none where there was nothing to measure.
    pub actual: Option<String>,
    /// What came of it.
    pub level: Level,
    /// From where on gates before 7.6 warned.
    pub warning_threshold: Option<String>,
}

impl Condition {
    /// A condition with a threshold and a value. Change the fields for any other.
    pub fn new(level: Level, metric: &str, comparator: &str, threshold: &str, actual: &str) -> Self {
        Self {
            metric: metric.to_owned(),
            comparator: comparator.to_owned(),
            threshold: Some(threshold.to_owned()),
            actual: Some(actual.to_owned()),
            level,
            warning_threshold: None,
        }
    }

    /// A condition that holds because there was nothing to measure.
    pub fn without_value(metric: &str, comparator: &str, threshold: &str) -> Self {
        Self { actual: None, ..Self::new(Level::Ok, metric, comparator, threshold, "") }
    }

    /// The metrics of new code have keys of their own.
    pub(crate) fn is_on_new_code(&self) -> bool {
        self.metric.starts_with("new_")
    }
}

/// A quality gate as computed in one analysis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// The verdict.
    pub level: Level,
    /// What led to it.
    pub conditions: Vec<Condition>,
    /// The change was small, and the conditions on coverage and duplication were not applied.
    pub ignored_conditions: bool,
}

impl Gate {
    /// A verdict without conditions, as after a first analysis, which has no new code.
    pub fn without_conditions(level: Level) -> Self {
        Self { level, conditions: Vec::new(), ignored_conditions: false }
    }

    /// A verdict on these conditions: the worst of theirs.
    pub fn of(conditions: Vec<Condition>) -> Self {
        let has = |level| conditions.iter().any(|condition| condition.level == level);
        let level = match (has(Level::Error), has(Level::Warn)) {
            (true, _) => Level::Error,
            (_, true) => Level::Warn,
            _ => Level::Ok,
        };
        Self { level, conditions, ignored_conditions: false }
    }

    /// Green: the built-in gate, with room to spare.
    pub fn passed() -> Self {
        Self::of(sonar_way(Level::Ok, "1", "91.30434782608695", "0"))
    }

    /// Red on three conditions: coverage on new code, reliability rating, new issues.
    pub fn failed() -> Self {
        Self::of(sonar_way(Level::Error, "3", "54.89417989417989", "3"))
    }

    /// No gate was applied.
    pub fn none() -> Self {
        Self::without_conditions(Level::None)
    }

    /// Green with a warning, as gates before 7.6 could be.
    pub fn warned() -> Self {
        let mut gate = Self::passed();
        gate.conditions.push(Condition {
            warning_threshold: Some("5".to_owned()),
            ..Condition::new(Level::Warn, "new_sqale_debt_ratio", "GT", "10", "6.562109862671661")
        });
        Self::of(gate.conditions)
    }
}

/// The conditions of the gate "Sonar way" of now and of before, of which three come to `level`.
/// <https://docs.sonarsource.com/sonarqube-server/quality-standards-administration/managing-quality-gates/introduction-to-quality-gates/>
fn sonar_way(level: Level, reliability: &str, coverage: &str, violations: &str) -> Vec<Condition> {
    vec![
        Condition::new(level, "new_reliability_rating", "GT", "1", reliability),
        Condition::new(Level::Ok, "new_security_rating", "GT", "1", "1"),
        Condition::new(Level::Ok, "new_maintainability_rating", "GT", "1", "1"),
        Condition::new(level, "new_coverage", "LT", "80", coverage),
        Condition::new(Level::Ok, "new_duplicated_lines_density", "GT", "3", "0.6562109862671661"),
        Condition::without_value("new_security_hotspots_reviewed", "LT", "100"),
        Condition::new(level, "new_violations", "GT", "0", violations),
    ]
}
