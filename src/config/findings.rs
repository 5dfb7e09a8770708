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

impl Findings {
    /// Adds a problem, unless the variable has one: the first problem is nearest to the cause.
    pub(crate) fn problem(
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
