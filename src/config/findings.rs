//! What is wrong with the variables, so that the user can correct it without asking anybody.

/// A variable that cannot be used. All texts are for the reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) variable: String,
    /// Completes the sentence that begins with the variable; never with the value of a secret.
    pub(crate) found: String,
    pub(crate) accepted: String,
    pub(crate) remedy: String,
}

/// What was found while the variables were read.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// They stop the run; at most one for each variable.
    pub(crate) problems: Vec<Problem>,
    /// They do not stop the run; one line each.
    pub(crate) warnings: Vec<String>,
    /// The number of further problems of a long list.
    pub(crate) unshown: usize,
}

/// Variables that only say how a verdict is told, or how long is waited: a wrong value must not keep the verdict away.
const TRIFLES: [&str; 13] = [
    "BITBUCKET_PIPELINES_VARIABLES_PATH",
    "CONCURRENCY",
    "DEBUG",
    "DESCRIPTION",
    "FAIL_ON_RED_GATE",
    "HTTP_PROXY",
    "NAME",
    "ON_NO_GATE",
    "RESULT_FILE",
    "RESUME",
    "SONAR_TIMEOUT",
    "TIMEOUT",
    "URL",
];

/// Whether a wrong value of the variable is only a warning, and its default is used.
pub(crate) fn is_trifle(variable: &str) -> bool {
    TRIFLES.contains(&variable)
}

impl Findings {
    /// Adds a problem, unless the variable has one: the first problem is nearest to the cause. For a variable that
    /// decides nothing it is a warning, and the default is used.
    pub(crate) fn problem(
        &mut self,
        variable: impl Into<String>,
        found: impl Into<String>,
        accepted: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let variable = variable.into();
        if !is_trifle(&variable) {
            return self.refuse(variable, found, accepted, remedy);
        }
        let default = match variable.as_str() {
            "HTTP_PROXY" | "RESULT_FILE" | "RESUME" | "BITBUCKET_PIPELINES_VARIABLES_PATH" => "it is ignored",
            _ => "the default is used",
        };
        self.warning(format!("{variable} {}; {default} (accepted: {})", found.into(), accepted.into()));
    }

    /// Adds a problem that stops the run whatever the variable is.
    pub(crate) fn refuse(
        &mut self,
        variable: impl Into<String>,
        found: impl Into<String>,
        accepted: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let variable = variable.into();
        if !self.problems.iter().any(|known| known.variable == variable) {
            self.problems.push(Problem {
                variable,
                found: found.into(),
                accepted: accepted.into(),
                remedy: remedy.into(),
            });
        }
    }

    pub(crate) fn warning(&mut self, line: impl Into<String>) {
        self.warnings.push(line.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_first_problem_of_a_variable() {
        let mut findings = Findings::default();
        findings.problem("KEY", "first", "", "");
        findings.problem("KEY", "second", "", "");
        assert_eq!(findings.problems.len(), 1);
        assert_eq!(findings.problems[0].found, "first");
    }
}
