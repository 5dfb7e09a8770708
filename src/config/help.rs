//! The texts of `--help` and `--version`, and the tables of the documents.

use std::fmt::Write;

use crate::{
    config::variables::Variables,
    explain::handbook::{self, Trouble},
    model::outcome::Outcome,
};

/// What `--version` prints.
pub const VERSION: &str = concat!("gatepost ", env!("CARGO_PKG_VERSION"));

/// What `--help` prints.
pub fn help() -> String {
    let mut text = format!(
        "{VERSION}
Carries the verdict of a SonarQube analysis, or a state that is given, to the
commit of a pull request on Bitbucket Cloud, as a build status.
Everything is set by environment variables; a blank one counts as unset,
except REPO_SLUG, STATE, REPOSITORIES, TARGETS and TARGETS_FILE: blank, they are
an error.
"
    );
    let mut group = "";
    for variable in Variables::ALL {
        if variable.group != group {
            group = variable.group;
            let _ = writeln!(text, "\n{group}");
        }
        let _ = writeln!(text, "  {}", variable.name());
        for line in wrapped(&sentence(variable), 72) {
            let _ = writeln!(text, "      {line}");
        }
    }
    text += "\n† Only when the target is the pipeline's own repository, and while COMMIT,\n  PULL_REQUEST and BRANCH name no other than the pipeline builds.\n\nExit codes\n";
    for outcome in Outcome::ALL {
        for (number, line) in wrapped(outcome.meaning(), 72).iter().enumerate() {
            let code = if number == 0 { outcome.exit_code().to_string() } else { String::new() };
            let _ = writeln!(text, "  {code:<5} {line}");
        }
    }
    text
}

/// The table of a group's variables, as the README has it.
pub fn markdown_table(group: &str) -> String {
    let mut table = "| Variable | Usage |\n| --- | --- |\n".to_owned();
    for variable in Variables::ALL.iter().filter(|variable| variable.group == group) {
        let required = if variable.name() == "SONAR_TOKEN" { " (*)" } else { "" };
        let usage = sentence(variable).replace('|', "\\|");
        let _ = writeln!(table, "| `{}`{required} | {usage} |", variable.name());
    }
    table
}

/// The table of exit codes, as `docs/results-and-exit-codes.md` has it.
pub fn markdown_exit_codes() -> String {
    let mut table = "| Code | Meaning |\n| --- | --- |\n".to_owned();
    for outcome in Outcome::ALL {
        let _ = writeln!(table, "| {} | {} |", outcome.exit_code(), outcome.meaning());
    }
    table
}

/// The handbook, as `docs/refusals.md` has it.
pub fn markdown_handbook() -> String {
    let mut text = String::new();
    for Trouble { title, answer, why, remedy } in handbook::ALL {
        let _ = writeln!(text, "## {}\n", marked(title));
        let _ = writeln!(text, "- Answer: {}", marked(answer));
        let _ = writeln!(text, "- Why: {}.", marked(why));
        let _ = writeln!(text, "- What to do: {}.\n", marked(&remedy.replace('\n', "; ")));
    }
    text
}

/// The text with the names of variables and of scopes as code; what is quoted, and what is code already, stays.
pub fn marked(text: &str) -> String {
    let is_name = |word: &str| {
        let word = word.trim_start_matches('$');
        word.ends_with(":bitbucket") || Variables::ALL.iter().any(|variable| variable.name() == word)
    };
    let ends = |c: char| c.is_whitespace() || ",;.()".contains(c);
    let (mut marked, mut quoted) = (String::new(), false);
    for part in text.split_inclusive(ends) {
        let word = part.trim_end_matches(|c| ends(c) || c == ':');
        if !quoted && is_name(word) {
            let _ = write!(marked, "`{word}`{}", &part[word.len()..]);
        } else {
            marked += part;
        }
        quoted ^= part.matches(['"', '`']).count() % 2 == 1;
    }
    marked
}

fn sentence(variable: &crate::config::variables::Variable) -> String {
    let secret = if variable.secret { " Secret." } else { "" };
    let default =
        if variable.default.is_empty() { String::new() } else { format!(" Default: {}.", variable.default) };
    format!("{}{secret}{default}", variable.meaning())
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
