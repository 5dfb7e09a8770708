//! What to do about what was refused, grouped by the reason: a hundred targets may have one.

use std::{cell::RefCell, collections::HashMap};

use crate::{
    bitbucket,
    console::log::Console,
    explain::{
        explanation::{Explanation, Reason},
        no_verdict::NoVerdict,
        tell::Refused,
    },
};

/// The reasons of a run, each with what to do.
#[derive(Debug, Default)]
pub(crate) struct Advice {
    groups: RefCell<Vec<Group>>,
    /// The number of the group, by what its refusals have in common.
    by_kind: RefCell<HashMap<String, u16>>,
    /// The number of the group, by the words of the verdict that the reason led to.
    by_words: RefCell<HashMap<Box<str>, u16>>,
}

/// A reason, and what to do. The details are those of the first refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) title: String,
    /// Each with its title, in the order of the log.
    pub(super) lines: Vec<(String, String)>,
}

/// More groups would be a log, and there is one.
const GROUPS_MAX: u16 = 100;

impl Advice {
    /// The number of the group of a refusal of Bitbucket. `None` when there are too many groups.
    pub(crate) fn of_refusal(&self, refusal: &bitbucket::refusal::Refusal, console: &Console) -> Option<u16> {
        self.group(&refusal.explain(), Some(&refusal.failed.answered()), console)
    }

    /// Remembers why SonarQube gave no verdict, by the words of the verdict.
    pub(crate) fn of_sonarqube(&self, words: &str, refusal: &impl Refused, console: &Console) {
        self.remember(words, &refusal.explain(), Some(&refusal.failed().answered()), console);
    }

    /// The same without a request that was refused.
    pub(crate) fn of_no_verdict(&self, words: &str, reason: &NoVerdict, console: &Console) {
        self.remember(words, &reason.explain(), reason.answered().as_deref(), console);
    }

    /// The number of the group of a verdict with these words.
    pub(super) fn of_words(&self, words: &str) -> Option<u16> {
        self.by_words.borrow().get(words).copied()
    }

    /// The groups, by number.
    pub(super) fn groups(&self) -> Vec<Group> {
        self.groups.borrow().clone()
    }

    fn remember(&self, words: &str, explanation: &Explanation, answered: Option<&str>, console: &Console) {
        if let Some(number) = self.group(explanation, answered, console) {
            self.by_words.borrow_mut().insert(words.into(), number);
        }
    }

    fn group(&self, explanation: &Explanation, answered: Option<&str>, console: &Console) -> Option<u16> {
        let titles: Vec<&str> = explanation.reasons.iter().map(title).collect();
        let kind = titles.join("\n");
        if let Some(known) = self.by_kind.borrow().get(&kind) {
            return Some(*known);
        }
        let mut groups = self.groups.borrow_mut();
        let number = u16::try_from(groups.len()).ok().filter(|number| *number < GROUPS_MAX)?;
        let lines = lines(explanation, answered).into_iter();
        groups.push(Group {
            title: console.clean(&headline(&titles, answered)),
            lines: lines.map(|(title, text)| (title, console.clean(text))).collect(),
        });
        self.by_kind.borrow_mut().insert(kind, number);
        Some(number)
    }
}

/// What the refusals with a reason have in common. The text of a reason may name a repository.
fn title(reason: &Reason) -> &str {
    reason.trouble.map_or(&*reason.why, |trouble| trouble.title)
}

/// The reason, if it is known.
fn headline(titles: &[&str], answered: Option<&str>) -> String {
    match (titles, answered) {
        ([title], _) => (*title).to_owned(),
        (_, Some(answered)) => {
            let answered = answered.split([',', '(']).next().unwrap_or_default().trim();
            format!("{answered}: {} reasons are possible", titles.len())
        }
        (titles, None) => titles.join(", or: "),
    }
}

fn lines<'e>(explanation: &'e Explanation, answered: Option<&'e str>) -> Vec<(String, &'e str)> {
    let Explanation { reasons, otherwise, again, address } = explanation;
    let are_several = reasons.len() > 1;
    let mut lines: Vec<(String, &str)> = Vec::new();
    lines.extend(answered.map(|answered| ("Answer".to_owned(), answered)));
    lines.extend(address.as_deref().map(|address| ("Address".to_owned(), address)));
    for (number, Reason { trouble, why, remedy }) in (1..).zip(reasons) {
        let number = if are_several { format!(" {number}") } else { String::new() };
        let why_of_several = if are_several { "Possible reason" } else { "Reason" };
        // A reason that is not in the handbook is its own title.
        if are_several || trouble.is_some() {
            lines.push((format!("{why_of_several}{number}"), why));
        }
        lines.extend(remedy.lines().map(|line| (format!("What to do{number}"), line)));
    }
    if let Some(Reason { why, remedy, .. }) = otherwise {
        lines.push(("Otherwise".to_owned(), why));
        lines.extend(remedy.lines().map(|line| ("Then".to_owned(), line)));
    }
    lines.extend(again.as_deref().map(|again| ("Again".to_owned(), again)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_with_one_reason_are_one_group() {
        let (advice, console) = (Advice::default(), Console::new(Box::new(std::io::sink())));
        console.hide(["s3cret-value".to_owned()]);
        let answered = Some("\"s3cret-value\"");
        let group = |why: &'static str| advice.group(&Explanation::of(why, "a\nb"), answered, &console);
        assert_eq!([group("x"), group("y"), group("x")], [Some(0), Some(1), Some(0)]);
        let line = |title: &str, text: &str| (title.to_owned(), text.to_owned());
        assert_eq!(
            advice.groups()[0],
            Group {
                title: "x".to_owned(),
                lines: vec![line("Answer", "\"***\""), line("What to do", "a"), line("What to do", "b")]
            }
        );
        for number in 0..GROUPS_MAX {
            let of_one = Explanation::of(format!("reason {number}"), "");
            let _ = advice.group(&of_one, None, &console);
        }
        assert_eq!(advice.groups().len(), usize::from(GROUPS_MAX));
        assert_eq!(group("z"), None);
    }

    #[test]
    fn a_verdict_is_found_by_its_words() {
        let (advice, console) = (Advice::default(), Console::new(Box::new(std::io::sink())));
        advice.of_no_verdict("No verdict: cancelled", &NoVerdict::Cancelled, &console);
        advice.of_no_verdict("No verdict: of web", &NoVerdict::Cancelled, &console);
        advice.of_no_verdict("No verdict: no task", &NoVerdict::Unnamed, &console);
        let of = |words| advice.of_words(words);
        assert_eq!([of("No verdict: cancelled"), of("No verdict: of web")], [Some(0), Some(0)]);
        assert_eq!([of("No verdict: no task"), of("other")], [Some(1), None]);
    }
}
