//! What is wrong with a variable, told so that it can be mended without asking anyone.

use crate::console::secrets::without_tokens;

/// One variable that cannot be used as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Name of the variable, as the user writes it.
    pub variable: String,
    /// What was found; never a secret's value.
    pub found: String,
    /// What is accepted instead.
    pub accepted: String,
    /// What the user can do.
    pub remedy: String,
}

/// Everything found while the variables are read: what stops the run and what is merely worth a line.
#[derive(Debug, Default)]
pub struct Findings {
    /// What makes the run impossible, at most one per variable.
    pub problems: Vec<Problem>,
    /// What is unusual, one line each.
    pub warnings: Vec<String>,
    /// How many problems there are beside those.
    pub unshown: usize,
}

impl Findings {
    /// Adds a problem, unless the same variable has one already: the first is the nearest to its cause.
    pub fn problem(
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
    pub fn warning(&mut self, line: impl Into<String>) {
        self.warnings.push(line.into());
    }
}

/// How much of a value is shown; enough to recognise it, short enough for one line.
const SHOWN_MAX_CHARS: usize = 80;

/// A value of the user's as it may be shown: quoted, on one line, cut, and without what stands
/// before the `@` of an address, where git clone addresses carry a token, or has the shape of a token.
pub fn shown(value: &str) -> String {
    let visible = without_tokens(&without_userinfo(&value.escape_debug().to_string()));
    let mut cut: String = visible.chars().take(SHOWN_MAX_CHARS).collect();
    if cut.len() < visible.len() {
        cut.push('…');
    }
    format!("\"{cut}\"")
}

/// The text with the part between `://` and `@` replaced, in each address it holds.
fn without_userinfo(text: &str) -> String {
    let mut rest = text;
    let mut clean = String::with_capacity(text.len());
    while let Some(start) = rest.find("://").map(|at| at + 3) {
        let (before, after) = rest.split_at(start);
        clean.push_str(before);
        let end = after.find(|c: char| c == '/' || c.is_whitespace()).unwrap_or(after.len());
        let (authority, tail) = after.split_at(end);
        match authority.rsplit_once('@') {
            Some((_, host)) => {
                clean.push_str("***@");
                clean.push_str(host);
            }
            None => clean.push_str(authority),
        }
        rest = tail;
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_a_value_on_one_line() {
        assert_eq!(shown("a\nb\u{1b}[31m"), r#""a\nb\u{1b}[31m""#);
    }

    #[test]
    fn cuts_a_long_value() {
        assert_eq!(shown(&"x".repeat(200)), format!("\"{}…\"", "x".repeat(80)));
    }

    #[test]
    fn hides_what_an_address_carries_before_its_host() {
        assert_eq!(
            shown("https://x-token-auth:s3cret@bitbucket.org/acme/api and http://a@b"),
            r#""https://***@bitbucket.org/acme/api and http://***@b""#
        );
    }

    #[test]
    fn keeps_the_first_problem_of_a_variable() {
        let mut findings = Findings::default();
        findings.problem("KEY", "first", "", "");
        findings.problem("KEY", "second", "", "");
        assert_eq!(findings.problems.len(), 1);
        assert_eq!(findings.problems[0].found, "first");
    }
}
