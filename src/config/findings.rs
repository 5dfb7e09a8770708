//! What is wrong with the variables, so that the user can correct it without asking anybody.

/// A variable that cannot be used. All texts are for the reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) variable: String,
    /// Completes the sentence that begins with the variable; never with the value of a secret.
    pub(crate) found: String,
    pub(crate) accepted: String,
    pub(crate) remedy: String,
    /// Whether it keeps only the verdict away, and not the status.
    pub(crate) keeps_verdict_away: bool,
}

/// What was found while the variables were read.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// They stop the run; at most one for each variable.
    pub(crate) problems: Vec<Problem>,
    /// They only keep the verdict away: the run is the last word of its step, and posts `FAILED`.
    pub(crate) without_verdict: Vec<Problem>,
    /// They do not stop the run; one line each.
    pub(crate) warnings: Vec<String>,
    /// The number of further problems of a long list.
    pub(crate) unshown: usize,
}

/// Variables that only say how a verdict is told, or how long is waited: a wrong value must not keep the verdict away.
const TRIFLES: [&str; 21] = [
    "ADVISORY_CONDITIONS",
    "BITBUCKET_PIPELINES_VARIABLES_PATH",
    "CONCURRENCY",
    "DEBUG",
    "DESCRIPTION",
    "FAIL_ON_RED_GATE",
    "HTTP_PROXY",
    "NAME",
    "NO_PROXY",
    "ON_NO_GATE",
    "REPORT",
    "REPORT_PROXY",
    "RESULT_FILE",
    "RESUME",
    "SONAR_BASE_DIR",
    "SONAR_TIMEOUT",
    "SSL_CERT_FILE",
    "STATUS",
    "SUMMARY_FILE",
    "TIMEOUT",
    "URL",
];

/// Whether a wrong value of the variable keeps only the verdict away, and not the status.
fn concerns_the_verdict(variable: &str) -> bool {
    variable.starts_with("SONAR_") || ["SCAN_EXIT_CODE", "BITBUCKET_EXIT_CODE"].contains(&variable)
}

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
            let keeps_verdict_away = concerns_the_verdict(&variable);
            let (found, accepted, remedy) = (found.into(), accepted.into(), remedy.into());
            return self.add(Problem { variable, found, accepted, remedy, keeps_verdict_away });
        }
        let default = match variable.as_str() {
            "SSL_CERT_FILE" => "it is ignored, and only the built-in roots are trusted",
            "ADVISORY_CONDITIONS" => "it is ignored, and names no condition",
            "HTTP_PROXY"
            | "NO_PROXY"
            | "SONAR_BASE_DIR"
            | "RESULT_FILE"
            | "RESUME"
            | "SUMMARY_FILE"
            | "BITBUCKET_PIPELINES_VARIABLES_PATH" => "it is ignored",
            _ => "the default is used",
        };
        self.warning(format!("{variable} {}; {default} (accepted: {})", found.into(), accepted.into()));
    }

    /// Lets problems that keep only the verdict away stop the run no longer, if there are no others. Returns the first
    /// variable of them.
    pub(crate) fn excuse_verdict(&mut self) -> Option<&str> {
        if self.problems.iter().all(|problem| problem.keeps_verdict_away) {
            self.without_verdict.append(&mut self.problems);
        }
        self.without_verdict.first().map(|problem| problem.variable.as_str())
    }

    /// Adds a problem that stops the run whatever the variable is.
    pub(crate) fn refuse(
        &mut self,
        variable: impl Into<String>,
        found: impl Into<String>,
        accepted: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let (variable, found) = (variable.into(), found.into());
        let (accepted, remedy) = (accepted.into(), remedy.into());
        self.add(Problem { variable, found, accepted, remedy, keeps_verdict_away: false });
    }

    /// Adds what was found elsewhere.
    pub(crate) fn append(&mut self, other: Self) {
        let Self { problems, without_verdict, warnings, unshown } = other;
        self.problems.extend(problems);
        self.without_verdict.extend(without_verdict);
        self.warnings.extend(warnings);
        self.unshown += unshown;
    }

    /// Whether the variable has a problem.
    pub(crate) fn is_wrong(&self, variable: &str) -> bool {
        self.problems.iter().any(|known| known.variable == variable)
    }

    fn add(&mut self, problem: Problem) {
        if !self.is_wrong(&problem.variable) {
            self.problems.push(problem);
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
