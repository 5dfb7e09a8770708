//! The rows of the page of a run: what became of each status, worst first.

use std::{borrow::Cow, cell::RefCell};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    bitbucket::refusal::Refusal,
    config::{
        analysis::VerdictPlan,
        left_out::{LeftOut, Place},
        plan::Plan,
    },
    console::{
        log::Console,
        text::{fit, one_line},
    },
    model::{
        address::refusal_of_url,
        outcome::Outcome,
        state::State,
        target::{CommitSource, Lookup, Repository},
    },
    run::{
        delivery::{Delivery, Fate, Left, ReportDelivery, StatusResult},
        insights::{PostedReport, ReportOutcome},
        summary::{
            advice::Advice,
            page::{AdviceFor, Row, Section},
            refused, words,
        },
    },
    sonarqube::gate::ADVISED,
};

/// The rows so far.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// In the order in which they came.
    entries: RefCell<Vec<Entry>>,
    /// Numbered after the entries.
    left_out: Vec<LeftOut>,
}

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
    /// The key, the outcome, the link and the words, each on a line. Nothing when the status was posted and the plan says the
    /// rest.
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
    /// A run that settles has ended it.
    Ended,
    /// A run that settles has left it as it is.
    Left,
    /// A run that settles has found no status to end.
    Nothing,
    /// The gate is green, except for advice.
    Advised,
    Successful,
}

/// What became of a status in a run that settles.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SettledStatus<'a> {
    pub(crate) fate: Fate,
    /// Its key and its branch; empty when the statuses could not be listed.
    pub(crate) name: &'a str,
    /// The state that stands.
    pub(crate) state: Option<State>,
    pub(crate) words: &'a str,
    pub(crate) refusal: Option<&'a Refusal>,
}

impl<'a> SettledStatus<'a> {
    /// The statuses of a target could not be listed.
    pub(crate) const fn unlisted(refusal: &'a Refusal) -> Self {
        Self { fate: Fate::Unlisted, name: "", state: None, words: "", refusal: Some(refusal) }
    }

    /// The run was stopped before Bitbucket answered.
    pub(crate) const fn unanswered(name: &'a str) -> Self {
        Self { fate: Fate::InDoubt, name, state: None, words: "", refusal: None }
    }

    fn outcome(&self) -> Cow<'static, str> {
        let of_refusal =
            |what| self.refusal.map_or(Cow::Borrowed(what), |refusal| refused(what, refusal).into());
        match self.fate {
            Fate::Ended => "ended".into(),
            Fate::Printed => "printed".into(),
            Fate::Young => "stays: it is younger than SETTLE_AFTER".into(),
            Fate::Undated => "stays: Bitbucket names no date".into(),
            Fate::Secret => "stays: its key, branch, title or link holds a secret".into(),
            Fate::Changed => "stays: somebody has changed it meanwhile".into(),
            Fate::Refused => of_refusal("not ended"),
            Fate::InDoubt => of_refusal("not known to be ended"),
            Fate::Unlisted => of_refusal("its statuses could not be listed"),
        }
    }
}

impl End {
    const ALL: [Self; 12] = [
        Self::NotPosted,
        Self::InDoubt,
        Self::WithoutReport,
        Self::WithoutVerdict,
        Self::Failed,
        Self::Unfinished,
        Self::NotDone,
        Self::Ended,
        Self::Left,
        Self::Nothing,
        Self::Advised,
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
            Self::Ended => "Ended",
            Self::Left => "Left as it is",
            Self::Nothing => "No status to end",
            Self::Advised => "Successful, with advice",
            Self::Successful => "Successful",
        }
    }

    const fn of_settled(fate: Fate) -> Self {
        match fate {
            Fate::Ended | Fate::Printed => Self::Ended,
            Fate::Young | Fate::Undated | Fate::Secret | Fate::Changed => Self::Left,
            Fate::Refused | Fate::Unlisted => Self::NotPosted,
            Fate::InDoubt => Self::InDoubt,
        }
    }

    fn of(result: &StatusResult) -> Self {
        match &result.delivery {
            Delivery::Refused(refusal) if refusal.leaves_doubt() => Self::InDoubt,
            Delivery::Refused(_) | Delivery::Contradicted(_) => Self::NotPosted,
            Delivery::ReportAlone(ReportDelivery::Missing(_) | ReportDelivery::Incomplete(_)) => {
                Self::WithoutReport
            }
            Delivery::Stopped(_) => Self::Unfinished,
            Delivery::Posted
            | Delivery::Skipped
            | Delivery::Kept
            | Delivery::Repeated
            | Delivery::Outweighed
            | Delivery::Printed
            | Delivery::ReportAlone(_) => match (result.verdict_outcome, &result.status) {
                (Outcome::Done | Outcome::GateRed, Some(status)) => match status.state {
                    State::Failed => Self::Failed,
                    State::Successful if result.verdict_words.starts_with(ADVISED) => Self::Advised,
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

/// The outcome of most rows.
const POSTED: &str = "posted";

impl Rows {
    /// Room for a row for each of these plans, and rows of what was left out.
    pub(super) fn of(plans: &[Plan], left_out: &[LeftOut]) -> Self {
        Self { entries: RefCell::new(Vec::with_capacity(plans.len())), left_out: left_out.to_vec() }
    }

    /// Adds what became of a status of the plan with this number.
    pub(super) fn add(
        &self,
        result: &StatusResult,
        number: usize,
        plans: &[Plan],
        advice: &Advice,
        console: &Console,
    ) {
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
        let Some(plan) = plans.get(number) else { return };
        let is_asked = matches!(plan.verdict, VerdictPlan::Ask(_));
        // What the plan says is not kept twice, and nobody looks further where all is well.
        let texts = if end != End::Successful && is_asked {
            [key, &outcome, link, verdict_words]
        } else {
            [key, &outcome, "", ""]
        };
        let state = status.as_ref().map(|status| status.state);
        let entry = Entry { state, advice: group, ..Entry::new(number, end) };
        if texts == [plan.status.key_for(None).as_str(), POSTED, "", ""] {
            self.entries.borrow_mut().push(entry);
        } else {
            self.push(entry, texts, console);
        }
    }

    /// Adds what became of a status of the plan with this number, in a run that settles.
    pub(super) fn add_settled(
        &self,
        settled: SettledStatus<'_>,
        number: usize,
        advice: &Advice,
        console: &Console,
    ) {
        let SettledStatus { fate, name, state, words, refusal } = settled;
        let group = refusal.and_then(|refusal| advice.of_refusal(refusal, console));
        let (end, outcome) = (End::of_settled(fate), settled.outcome());
        let entry = Entry { state, advice: group, ..Entry::new(number, end) };
        self.push(entry, [name, &outcome, "", words], console);
    }

    /// Adds a plan without a status that a run that settles says something of.
    pub(super) fn add_without_status(&self, number: usize, console: &Console) {
        self.push(Entry::new(number, End::Nothing), ["", "no status to end", "", ""], console);
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
        let entry = Entry { advice: group, is_report: true, ..Entry::new(number, End::WithoutReport) };
        self.push(entry, [key, outcome, "", ""], console);
    }

    /// Adds the plans that a stopped run has not finished. These are the plans in `begun` and the plans without a row.
    /// `reports` are the missing reports, each with the number of its plan and its key.
    pub(super) fn add_unfinished(
        &self,
        plans: usize,
        begun: &[usize],
        reports: &[(usize, &str)],
        console: &Console,
    ) {
        let unfinished = |number, key: &str, outcome, is_report| {
            let end = if is_report { End::WithoutReport } else { End::Unfinished };
            let entry = Entry { is_report, ..Entry::new(number, end) };
            self.push(entry, [key, outcome, "", ""], console);
        };
        let (mut has_row, mut has_end) = (vec![false; plans], vec![false; plans]);
        for entry in &*self.entries.borrow() {
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

    /// Adds a row with these texts: the key, the outcome, the link and the words.
    fn push(&self, mut entry: Entry, texts: [&str; 4], console: &Console) {
        let [key, outcome, link, words] = texts;
        let words = fit(&console.without_secrets(&one_line(words)), WORDS_MAX_CHARS);
        let key = console.without_secrets(&one_line(key));
        let has_secret = console.without_secrets(link) != link;
        let link = if has_secret || refusal_of_url(link).is_some() { "" } else { link };
        entry.texts = format!("{key}\n{outcome}\n{link}\n{words}").into_boxed_str();
        self.entries.borrow_mut().push(entry);
    }

    /// The rows in sections, worst first. Each section is sorted by repository and pull request. If a status has several rows,
    /// the last one counts.
    pub(super) fn sections(&self, plans: &[Plan]) -> Vec<Section> {
        let entries = self.entries.borrow();
        // A list has far fewer rows.
        let count = |rows: usize| u32::try_from(rows).unwrap_or(u32::MAX);
        let mut order: Vec<u32> = (0..count(entries.len())).collect();
        let key = |at: &u32| entries[*at as usize].key(plans);
        let status = |at: &u32| {
            let entry = &entries[*at as usize];
            (entry.number, entry.is_report)
        };
        // The later one of two rows about one status is kept.
        order.sort_by(|a, b| status(a).cmp(&status(b)).then_with(|| key(a).cmp(&key(b))).then(b.cmp(a)));
        order.dedup_by(|a, b| status(a) == status(b) && key(a) == key(b));
        let place = |at: &u32| {
            let entry = &entries[*at as usize];
            let plan = &plans[entry.number as usize];
            let Repository { workspace, slug } = &plan.target.repository;
            (entry.end, workspace, slug, pull_request(plan), entry.number)
        };
        order.sort_by(|a, b| place(a).cmp(&place(b)));
        let rows = |end| {
            let is_of_it = |at: &u32| entries[*at as usize].end == end;
            order.iter().copied().filter(is_of_it).collect::<Vec<_>>()
        };
        let left_out = Section {
            heading: "Left out",
            rows: (count(entries.len())..count(entries.len() + self.left_out.len())).collect(),
            is_fine: false,
            is_bad: true,
        };
        let of_end = |end: End| Section {
            heading: end.heading(),
            rows: rows(end),
            is_fine: matches!(end, End::Ended | End::Nothing | End::Advised | End::Successful),
            is_bad: end <= End::Unfinished,
        };
        [left_out]
            .into_iter()
            .chain(End::ALL.map(of_end))
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
        let mut groups: Vec<AdviceFor> = advice
            .groups()
            .into_iter()
            .enumerate()
            .map(|(at, group)| AdviceFor { group, number: at + 1, count: 0, targets: Vec::new() })
            .collect();
        for at in sections.iter().flat_map(|section| &section.rows) {
            let Some(group) = self.group(*at).and_then(|group| groups.get_mut(usize::from(group))) else {
                continue;
            };
            group.count += 1;
            if group.targets.len() < TARGETS_NAMED {
                group.targets.push(self.name(*at, plans, console));
            }
        }
        groups.retain(|group| group.count > 0);
        groups
    }

    fn left_out(&self, at: u32) -> Option<&LeftOut> {
        self.left_out.get((at as usize).checked_sub(self.entries.borrow().len())?)
    }

    /// The group of the reason that the row with this number has.
    fn group(&self, at: u32) -> Option<u16> {
        match self.left_out(at) {
            Some(left_out) => left_out.advice,
            None => self.entries.borrow()[at as usize].advice,
        }
    }

    /// What the row with this number is about.
    fn name(&self, at: u32, plans: &[Plan], console: &Console) -> String {
        if let Some(left_out) = self.left_out(at) {
            return console.clean(&left_out.place.to_string());
        }
        let number = self.entries.borrow()[at as usize].number;
        console.clean(&plans[number as usize].target.to_string())
    }

    /// The row with this number.
    pub(super) fn row(&self, at: u32, plans: &[Plan], console: &Console) -> Row {
        if let Some(LeftOut { place, outcome, reason, advice }) = self.left_out(at) {
            let (repository, target, target_link) = match place {
                Place::List(_) | Place::Repository(_) => (place.to_string(), "-".to_owned(), None),
                Place::PullRequest(repository, id) => {
                    let link = format!("{}/pull-requests/{id}", repository.page());
                    (repository.to_string(), format!("pull request {id}"), Some(link))
                }
                Place::Branch(repository, branch) => (repository.to_string(), branch.clone(), None),
            };
            return Row {
                repository: console.clean(&repository),
                target: console.clean(&target),
                target_link: target_link.filter(|link| console.without_secrets(link) == *link),
                state: "-",
                outcome: outcome.clone(),
                // The advice says the rest.
                words: if advice.is_some() { String::new() } else { console.clean(reason) },
                advice: advice.map(|group| usize::from(group) + 1),
                ..Row::default()
            };
        }
        let entries = self.entries.borrow();
        let Some(entry) = entries.get(at as usize) else { return Row::default() };
        let plan = &plans[entry.number as usize];
        let mut texts = entry.texts.splitn(4, '\n').skip(1);
        let mut next = || texts.next().unwrap_or_default().to_owned();
        let (mut outcome, mut link, mut words) = (next(), next(), next());
        if outcome.is_empty() {
            POSTED.clone_into(&mut outcome);
        }
        if entry.end != End::Successful && entry.state.is_some() {
            if words.is_empty() {
                words = console.clean(plan.status.description().unwrap_or_default());
            }
            // A problem was reported if it was not an address, or held a secret.
            if let Some(url) = plan.status.url() {
                url.clone_into(&mut link);
            }
        }
        let (target, target_link) = target_of(plan);
        Row {
            repository: console.clean(&plan.target.repository.to_string()),
            target: console.clean(&target),
            target_link: Some(target_link).filter(|link| console.without_secrets(link) == *link),
            state: entry.state.map_or("-", State::as_str),
            key: console.clean(&entry.key(plans)),
            outcome,
            words,
            words_link: Some(link).filter(|link| !link.is_empty()),
            advice: entry.advice.map(|group| usize::from(group) + 1),
        }
    }
}

impl Entry {
    /// A row about the plan with this number, which has no texts yet.
    fn new(number: usize, end: End) -> Self {
        // A list has far fewer targets.
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        Self { number, end, state: None, advice: None, is_report: false, texts: Box::default() }
    }

    fn key(&self, plans: &[Plan]) -> Cow<'_, str> {
        if self.texts.is_empty() {
            return plans[self.number as usize].status.key_for(None).as_str().to_owned().into();
        }
        self.texts.split('\n').next().unwrap_or_default().into()
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

/// What a target is, and the address of its page in Bitbucket. It is a pull request, or else a branch or a commit.
fn target_of(plan: &Plan) -> (String, String) {
    let page = plan.target.repository.page();
    if let Some(id) = pull_request(plan) {
        return (format!("pull request {id}"), format!("{page}/pull-requests/{id}"));
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
