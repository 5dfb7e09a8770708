//! What the page of a run says, whatever its format is.

use crate::{console::text::grouped, run::summary::advice::Group};

/// The page of a run. Its texts are free of secrets, and not free of markup.
pub(super) struct Page<'a> {
    pub(super) title: String,
    /// What is unusual about the run as a whole.
    pub(super) notice: Option<String>,
    /// Each with its title.
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) advice: Vec<AdviceFor>,
    /// Worst first; none is empty.
    pub(super) sections: Vec<Section>,
    /// Makes the row with this number. A large run does not hold all rows at the same time.
    pub(super) row: &'a dyn Fn(u32) -> Row,
}

/// A reason, what to do, and for which targets.
pub(super) struct AdviceFor {
    pub(super) group: Group,
    /// From 1, as the rows name it.
    pub(super) number: usize,
    /// The number of rows with this reason.
    pub(super) count: usize,
    /// The first targets.
    pub(super) targets: Vec<String>,
}

/// The rows with one end.
pub(super) struct Section {
    pub(super) heading: &'static str,
    pub(super) rows: Vec<u32>,
    /// Whether nobody has to look at it.
    pub(super) is_fine: bool,
    /// Whether something went wrong.
    pub(super) is_bad: bool,
}

/// What became of a status.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) repository: String,
    /// The pull request, or else the branch or the commit.
    pub(super) target: String,
    pub(super) target_link: Option<String>,
    pub(super) state: &'static str,
    pub(super) key: String,
    pub(super) outcome: String,
    /// The verdict in words, with the failed conditions.
    pub(super) words: String,
    pub(super) words_link: Option<String>,
    /// The number of the reason.
    pub(super) advice: Option<usize>,
}

/// The titles of the columns.
pub(super) const COLUMNS: [&str; 5] = ["Repository", "Target", "State", "Key", "What became of it"];

/// A number of rows: "1 row", "2 rows".
pub(super) fn rows(number: usize) -> String {
    format!("{} {}", grouped(number), if number == 1 { "row" } else { "rows" })
}

impl Page<'_> {
    /// The rows of a section, one by one.
    pub(super) fn rows(&self, section: &Section) -> impl Iterator<Item = Row> {
        section.rows.iter().map(|number| (self.row)(*number))
    }
}

impl AdviceFor {
    /// The number of targets that are not named.
    pub(super) fn unnamed(&self) -> usize {
        self.count.saturating_sub(self.targets.len())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A page on which each text of others is this one.
    pub(in crate::run::summary) fn with_page<T>(text: &str, write: impl FnOnce(&Page<'_>) -> T) -> T {
        let text = || text.to_owned();
        let row = |_| Row {
            repository: text(),
            target: text(),
            target_link: Some(format!("https://bitbucket.org/{}", text())),
            state: "FAILED",
            key: text(),
            outcome: text(),
            words: text(),
            words_link: Some(format!("https://sonar.example.com/{}", text())),
            advice: Some(1),
        };
        let group = Group { title: text(), lines: vec![("Reason".to_owned(), text())] };
        write(&Page {
            title: text(),
            notice: Some(text()),
            facts: vec![("Began", text())],
            advice: vec![AdviceFor { group, number: 1, count: 3, targets: vec![text(), text()] }],
            sections: vec![Section { heading: "Failed", rows: vec![0], is_fine: false, is_bad: true }],
            row: &row,
        })
    }
}
