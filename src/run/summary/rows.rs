//! The rows of the page of a run: what became of each status, worst first.

use std::cell::RefCell;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    config::plan::Plan,
    console::{
        log::Console,
        text::{fit, one_line},
    },
    model::{
        address::refusal_of_url,
        outcome::Outcome,
        state::State,
        target::{CommitSource, Lookup},
    },
    run::{
        delivery::{Delivery, Left, ReportDelivery, StatusResult},
        insights::{PostedReport, ReportOutcome},
        summary::{
            advice::Advice,
            page::{AdviceFor, Row, Section},
            words,
        },
    },
};

/// The rows so far, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Rows(RefCell<Vec<Entry>>);

/// A row. A run has many thousands.
#[derive(Debug)]
struct Entry {
    /// The number of the plan, which names the target.
    number: u32,
    end: End,
    state: Option<State>,
    /// The group of the reason why it was refused.
    advice: Option<u16>,
    /// Whether it is about the report beside a status.
    is_report: bool,
    /// The key, the outcome, the link and the words, each on a line.
    texts: Box<str>,
}

/// What became of a status, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    NotPosted,
    InDoubt,
    WithoutReport,
    WithoutVerdict,
    Failed,
    Unfinished,
    NotDone,
    Successful,
}

impl End {
    const ALL: [Self; 8] = [
        Self::NotPosted,
        Self::InDoubt,
        Self::WithoutReport,
        Self::WithoutVerdict,
        Self::Failed,
        Self::Unfinished,
        Self::NotDone,
        Self::Successful,
    ];

    const fn heading(self) -> &'static str {
        match self {
            Self::NotPosted => "Not posted",
            Self::InDoubt => "Not known to be posted",
            Self::WithoutReport => "Without a complete report",
            Self::WithoutVerdict => "Without a verdict of SonarQube",
            Self::Failed => "Failed",
            Self::Unfinished => "Not finished when the run was stopped",
            Self::NotDone => "In progress or stopped",
            Self::Successful => "Successful",
        }
    }

    fn of(result: &StatusResult) -> Self {
        match &result.delivery {
            Delivery::Refused(refusal) if refusal.leaves_doubt() => Self::InDoubt,
            Delivery::Refused(_) | Delivery::Contradicted(_) => return Self::NotPosted,
            Delivery::ReportAlone(ReportDelivery::Missing(_) | ReportDelivery::Incomplete(_)) => {
                return Self::WithoutReport;
            }
            Delivery::Stopped(_) => return Self::Unfinished,
            Delivery::Posted
            | Delivery::Skipped
            | Delivery::Repeated
            | Delivery::Printed
            | Delivery::ReportAlone(_) => match (result.verdict_outcome, &result.status) {
                (Outcome::Done | Outcome::GateRed, Some(status)) => match status.state {
                    State::Failed => Self::Failed,
                    State::Successful => Self::Successful,
                    State::InProgress | State::Stopped => Self::NotDone,
                },
                (Outcome::Done | Outcome::GateRed, None) => Self::Successful,
                _ => Self::WithoutVerdict,
            },
        }
    }
}

/// A verdict has at most so many characters.
const WORDS_MAX_CHARS: usize = 255;
/// More targets of one reason are only counted.
const TARGETS_NAMED: usize = 20;

impl Rows {
    /// Adds what became of a status of the plan with this number.
    pub(super) fn add(&self, result: &StatusResult, number: usize, advice: &Advice, console: &Console) {
        let StatusResult { status, delivery, verdict_words, .. } = result;
        let refusal = match delivery {
            Delivery::Refused(refusal) => Some(refusal),
            Delivery::ReportAlone(report) => report.refusal(),
            _ => None,
        };
        let end = End::of(result);
        let group = match refusal {
            Some(refusal) => advice.of_refusal(refusal, console),
            None if end == End::WithoutVerdict => advice.of_words(verdict_words),
            None => None,
        };
        let outcome = match delivery {
            Delivery::Stopped(left) => stopped(*left).to_owned(),
            _ => words(result),
        };
        let key = status.as_ref().map_or("", |status| status.key.as_str());
        let link = status.as_ref().map_or("", |status| &status.url);
        let texts = if end == End::Successful {
            // Nobody looks further.
            [key, &outcome, "", ""]
        } else {
            [key, &outcome, link, verdict_words]
        };
        let state = status.as_ref().map(|status| status.state);
        self.push(number, end, state, group, false, texts, console);
    }

    /// Adds a report that is missing or not complete, and whose status stands.
    pub(super) fn add_report(
        &self,
        key: &str,
        report: &PostedReport,
        number: usize,
        advice: &Advice,
        console: &Console,
    ) {
        let (refusal, outcome) = match &report.outcome {
            ReportOutcome::Posted | ReportOutcome::Printed => return,
            ReportOutcome::Missing(refusal) => (refusal, "the report was not posted, and the status stands"),
            ReportOutcome::Incomplete(refusal) => {
                (refusal, "the report is not complete, and the status stands")
            }
        };
        let group = advice.of_refusal(refusal, console);
        self.push(number, End::WithoutReport, None, group, true, [key, outcome, "", ""], console);
    }

    /// Adds the plans that a stopped run has not finished: those that were `begun`, and those without a row. The reports
    /// with these numbers of plans and keys are missing.
    pub(super) fn add_unfinished(
        &self,
        plans: usize,
        begun: &[usize],
        reports: &[(usize, &str)],
        console: &Console,
    ) {
        let unfinished = |number, key: &str, outcome, is_report| {
            let end = if is_report { End::WithoutReport } else { End::Unfinished };
            self.push(number, end, None, None, is_report, [key, outcome, "", ""], console);
        };
        let (mut has_row, mut has_end) = (vec![false; plans], vec![false; plans]);
        for entry in &*self.0.borrow() {
            has_row[entry.number as usize] = true;
            has_end[entry.number as usize] |= entry.end == End::Unfinished;
        }
        for number in begun.iter().copied().filter(|number| !has_end[*number]) {
            unfinished(number, "", "stopped before the end", false);
            has_row[number] = true;
        }
        for number in (0..plans).filter(|number| !has_row[*number]) {
            unfinished(number, "", "not begun", false);
        }
        for (number, key) in reports {
            unfinished(*number, key, "the report was not posted: the run was stopped", true);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "they are the fields of a row")]
    fn push(
        &self,
        number: usize,
        end: End,
        state: Option<State>,
        advice: Option<u16>,
        is_report: bool,
        texts: [&str; 4],
        console: &Console,
    ) {
        let [key, outcome, link, words] = texts;
        let words = fit(&console.without_secrets(&one_line(words)), WORDS_MAX_CHARS);
        let key = console.without_secrets(&one_line(key));
        // A list has far fewer targets.
        let Ok(number) = u32::try_from(number) else { return };
        let has_secret = console.without_secrets(link) != link;
        let link = if has_secret || refusal_of_url(link).is_some() { "" } else { link };
        let texts = format!("{key}\n{outcome}\n{link}\n{words}").into_boxed_str();
        self.0.borrow_mut().push(Entry { number, end, state, advice, is_report, texts });
    }

    /// The rows worst first, and below each end by repository and pull request. A status that was replaced has its last row.
    pub(super) fn sections(&self, plans: &[Plan]) -> Vec<Section> {
        let entries = self.0.borrow();
        let mut order: Vec<usize> = (0..entries.len()).collect();
        let status = |at: &usize| {
            let entry = &entries[*at];
            (entry.number, entry.is_report, entry.key())
        };
        order.sort_by(|a, b| status(a).cmp(&status(b)));
        // The later one of two rows about one status is kept.
        order.reverse();
        order.dedup_by(|a, b| status(a) == status(b));
        order.sort_by_cached_key(|at| {
            let entry = &entries[*at];
            let plan = &plans[entry.number as usize];
            let repository = plan.target.repository.to_string().to_lowercase();
            (entry.end, repository, pull_request(plan), entry.number, entry.key().to_owned())
        });
        let rows = |end| order.iter().copied().filter(|at| entries[*at].end == end).collect::<Vec<_>>();
        End::ALL
            .into_iter()
            .map(|end| Section { heading: end.heading(), rows: rows(end), is_fine: end == End::Successful })
            .filter(|section| !section.rows.is_empty())
            .collect()
    }

    /// The reasons of these rows, each with what to do and the first targets, in the order in which they came.
    pub(super) fn advice(
        &self,
        sections: &[Section],
        advice: &Advice,
        plans: &[Plan],
        console: &Console,
    ) -> Vec<AdviceFor> {
        let entries = self.0.borrow();
        let mut groups: Vec<AdviceFor> = advice
            .groups()
            .into_iter()
            .enumerate()
            .map(|(at, group)| AdviceFor { group, number: at + 1, count: 0, targets: Vec::new() })
            .collect();
        for at in sections.iter().flat_map(|section| &section.rows) {
            let entry = &entries[*at];
            let Some(group) = entry.advice.and_then(|group| groups.get_mut(usize::from(group))) else {
                continue;
            };
            group.count += 1;
            if group.targets.len() < TARGETS_NAMED {
                let target = &plans[entry.number as usize].target;
                group.targets.push(console.clean(&target.to_string()));
            }
        }
        groups.retain(|group| group.count > 0);
        groups
    }

    /// The row with this number.
    pub(super) fn row(&self, at: usize, plans: &[Plan], console: &Console) -> Row {
        let entries = self.0.borrow();
        let Some(entry) = entries.get(at) else { return Row::default() };
        let plan = &plans[entry.number as usize];
        let mut texts = entry.texts.splitn(4, '\n');
        let mut next = || texts.next().unwrap_or_default().to_owned();
        let (key, outcome, link, words) = (next(), next(), next(), next());
        let (target, target_link) = target_of(plan);
        Row {
            repository: console.clean(&plan.target.repository.to_string()),
            target: console.clean(&target),
            target_link: Some(target_link).filter(|link| console.without_secrets(link) == *link),
            state: entry.state.map_or("-", State::as_str),
            key,
            outcome,
            words,
            words_link: Some(link).filter(|link| !link.is_empty()),
            advice: entry.advice.map(|group| usize::from(group) + 1),
        }
    }
}

impl Entry {
    fn key(&self) -> &str {
        self.texts.split('\n').next().unwrap_or_default()
    }
}

/// What a stopped run has left of a status.
const fn stopped(left: Left) -> &'static str {
    match left {
        Left::NothingSent => "not begun",
        Left::NothingPosted => "stopped; nothing was posted",
        Left::NotBegun => "stopped; not every status was posted",
        Left::Ended => "posted STOPPED over INPROGRESS, which would block merging",
        Left::Stands => "stopped; the status stands",
        Left::InDoubt => "stopped; not known to be posted",
        Left::OfEarlierRun => "stopped; an INPROGRESS of an earlier run may stand",
    }
}

fn pull_request(plan: &Plan) -> Option<u32> {
    match plan.target.may_look_up() {
        Some(Lookup::PullRequest(id)) => Some(id.0),
        Some(Lookup::Branch(_)) | None => None,
    }
}

/// What stays as it is in a part of an address.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'/');

/// The pull request of a target, or else its branch or commit, and the address of its page in Bitbucket.
fn target_of(plan: &Plan) -> (String, String) {
    let page = plan.target.repository.page();
    if let Some(id) = pull_request(plan) {
        return (format!("#{id}"), format!("{page}/pull-requests/{id}"));
    }
    let branch = match &plan.target.commit {
        CommitSource::Branch(branch) => Some(branch),
        CommitSource::Given { .. } | CommitSource::PullRequest { .. } => plan.target.refname.as_ref(),
    };
    match (branch, plan.target.given()) {
        (branch, Some(target)) => {
            let commit = format!("commit {}", target.commit.digits());
            let text = branch.map_or_else(|| commit.clone(), |branch| format!("{branch}, {commit}"));
            (text, format!("{page}/commits/{}", target.commit))
        }
        (Some(branch), None) => {
            (branch.clone(), format!("{page}/branch/{}", utf8_percent_encode(branch, IN_PATH)))
        }
        (None, None) => (plan.target.commit.to_string(), page),
    }
}
