//! What is wrong with a variable, told so that it can be mended without asking anyone.

/// One variable that cannot be used as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Name of the variable, as the user writes it.
    pub(crate) variable: String,
    /// What was found; never a secret's value.
    pub(crate) found: String,
    /// What is accepted instead.
    pub(crate) accepted: String,
    /// What the user can do.
    pub(crate) remedy: String,
}

/// Everything found while the variables are read: what stops the run and what is merely worth a line.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// What makes the run impossible, at most one per variable.
    pub(crate) problems: Vec<Problem>,
    /// What is unusual, one line each.
    pub(crate) warnings: Vec<String>,
    /// How many problems there are beside those.
    pub(crate) unshown: usize,
}

impl Findings {
    /// Adds a problem, unless the same variable has one already: the first is the nearest to its cause.
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

    /// Adds a line about something unusual.
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
