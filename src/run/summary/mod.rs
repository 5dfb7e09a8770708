//! The report of a run over a list of targets, readable for ten targets and for ten thousand: failures, a table at the end,
//! and the page of the run.

pub(crate) mod advice;
pub(crate) mod file;
mod html;
mod markdown;
mod page;
pub(crate) mod rows;

use std::{cell::RefCell, collections::BTreeMap, fmt::Write};

use crate::{
    bitbucket::refusal::{Purpose, Refusal},
    config::plan::Plan,
    console::{
        log::Console,
        text::{counted, fit, grouped},
    },
    http::{failed_request::Cause, transport::Failure},
    model::{outcome::Outcome, state::State},
    run::delivery::{Contradiction, Delivery, ReportDelivery, StatusResult},
};

/// The statuses of a run so far.
#[derive(Debug)]
pub(crate) struct Summary {
    targets: String,
    /// What the search for targets left out, in words.
    left_out: String,
    /// Whether there is a `RESULT_FILE`.
    has_results: bool,
    counts: RefCell<Counts>,
    /// The rows of the table, failures first; no more than are shown.
    rows: RefCell<BTreeMap<RowOrder, Row>>,
}

/// Whether the status is fine, the number of its target in the list, and the number of the status.
type RowOrder = (bool, usize, usize);

/// A row of the table.
#[derive(Debug)]
struct Row {
    repository: Box<str>,
    commit: Box<str>,
    state: Option<State>,
    outcome: String,
}

/// The number of statuses by what became of them.
#[derive(Debug, Default)]
struct Counts {
    all: usize,
    posted: usize,
    skipped: usize,
    repeated: usize,
    /// A worse verdict of another target stands on the same commit.
    outweighed: usize,
    /// The verdict of another run about the project stands.
    kept: usize,
    printed: usize,
    report_alone: usize,
    report_missing: usize,
    /// They stand on the commit, with a gate that is not green.
    red: usize,
    /// They stand on the commit, because SonarQube gave no verdict.
    without_verdict: usize,
    not_posted: usize,
    /// Their attempts had no certain answer.
    in_doubt: usize,
    stopped: usize,
}

/// More rows are only counted; failures come first.
const ROWS_SHOWN: usize = 100;
/// A commit that was not found is named by its branch, which may be long.
const COMMIT_MAX_CHARS: usize = 40;

impl Summary {
    /// A summary of a run. `targets` is the number of its targets in words, and `left_out` says in words what the search left out.
    pub(crate) fn of(targets: String, left_out: String, has_results: bool) -> Self {
        Self { targets, left_out, has_results, counts: RefCell::default(), rows: RefCell::default() }
    }

    /// Adds a status.
    pub(crate) fn add(&self, result: &StatusResult, number: usize, plan: &Plan) {
        let StatusResult { target, status, delivery, verdict_outcome, .. } = result;
        let repository = target.as_ref().map_or(&plan.target.repository, |target| &target.repository);
        let commit = match target {
            Some(target) => target.commit.digits().to_owned(),
            None => fit(&plan.target.commit.to_string(), COMMIT_MAX_CHARS),
        };
        let row = Row {
            repository: repository.to_string().into(),
            commit: commit.into(),
            state: status.as_ref().map(|status| status.state),
            outcome: words(result),
        };
        let is_fine = delivery.is_done() && *verdict_outcome == Outcome::Done;
        let mut rows = self.rows.borrow_mut();
        rows.insert((is_fine, number, self.counts.borrow().all), row);
        if rows.len() > ROWS_SHOWN {
            rows.pop_last();
        }
        self.counts.borrow_mut().add(result);
    }

    /// The number of statuses that were not posted so far, or not known to be.
    pub(crate) fn not_posted(&self) -> usize {
        let counts = self.counts.borrow();
        counts.not_posted + counts.in_doubt
    }

    /// The number of statuses by what became of them, in words.
    fn sum(&self) -> String {
        let counts = self.counts.borrow();
        let mut parts = vec![format!("{} posted", grouped(counts.posted))];
        for (number, words) in [
            (counts.skipped, "skipped, because RESULT_FILE says that they were delivered"),
            (counts.repeated, "the same as others, posted once"),
            (counts.outweighed, "outweighed by the verdict of another target about the same commit"),
            (counts.kept, "with the verdict of another run, which stays"),
            (counts.printed, "printed (DRY_RUN)"),
            (counts.report_alone, "with a report alone (STATUS: false)"),
            (counts.report_missing, "without their report, which is all they have (STATUS: false)"),
            (counts.red, "without a green quality gate"),
            (counts.without_verdict, "without a verdict of SonarQube"),
            (counts.not_posted, "not posted"),
            (counts.in_doubt, "not known to be posted"),
            (counts.stopped, "stopped"),
        ] {
            if number > 0 {
                parts.push(format!("{} {words}", grouped(number)));
            }
        }
        format!("{}: {}{}", self.targets, parts.join(", "), self.left_out)
    }

    /// The table and the last line.
    pub(crate) fn end(&self, worst: Outcome, console: &Console) {
        self.table(console);
        console.tell_left_out(if self.has_results { "; RESULT_FILE has each" } else { "" });
        let words = self.sum();
        if worst == Outcome::Done { console.done(words) } else { console.failed(words) }
    }

    /// The last line of a run that was stopped: the number of `INPROGRESS` that were ended, and that may be left, and of the
    /// reports that are missing or not complete.
    pub(crate) fn stopped(&self, ended: usize, left: usize, reports: usize, console: &Console) {
        let mut words = format!("stopped before the end; {}", self.sum());
        if ended > 0 {
            let _ = write!(
                words,
                "; STOPPED was posted over {ended} INPROGRESS (including those under way), which would block merging"
            );
        }
        if left > 0 {
            let _ = write!(
                words,
                "; {left} INPROGRESS may still stand on their commits and block merging until another status with the same KEY is posted"
            );
        }
        if reports > 0 {
            let _ = write!(words, "; {} missing or not complete", counted(reports, "report"));
        }
        console.failed(words);
    }

    fn table(&self, console: &Console) {
        let rows = self.rows.borrow();
        let mut shown: Vec<(&RowOrder, &Row)> = rows.iter().collect();
        shown.sort_by_key(|((_, number, status), _)| (*number, *status));
        let width = |cell: fn(&Row) -> usize, least: usize| {
            shown.iter().map(|(_, row)| cell(row)).max().unwrap_or_default().max(least)
        };
        let repository = width(|row| row.repository.chars().count(), "repository".len());
        let commit = width(|row| row.commit.chars().count(), "commit".len());
        let state = "INPROGRESS".len();
        if !shown.is_empty() {
            console.line(format_args!(
                "  {:<repository$}  {:<commit$}  {:<state$}  outcome",
                "repository", "commit", "state"
            ));
        }
        for ((is_fine, ..), row) in &shown {
            let sign = if *is_fine { "✔" } else { "✖" };
            let status = row.state.map_or("-", State::as_str);
            console.line(format_args!(
                "{sign} {:<repository$}  {:<commit$}  {status:<state$}  {}",
                row.repository, row.commit, row.outcome
            ));
        }
        let more = self.counts.borrow().all - shown.len();
        if more > 0 {
            console.line(format_args!("… and {more} more"));
        }
    }
}

impl Counts {
    fn add(&mut self, result: &StatusResult) {
        let count = match &result.delivery {
            Delivery::Posted => &mut self.posted,
            Delivery::Skipped | Delivery::ReportAlone(ReportDelivery::Skipped) => &mut self.skipped,
            Delivery::Repeated => &mut self.repeated,
            Delivery::Outweighed => &mut self.outweighed,
            Delivery::Kept => &mut self.kept,
            Delivery::Printed | Delivery::ReportAlone(ReportDelivery::Printed) => &mut self.printed,
            Delivery::ReportAlone(report) if report.refusal().is_some() => &mut self.report_missing,
            Delivery::ReportAlone(_) => &mut self.report_alone,
            Delivery::Refused(refusal) if refusal.leaves_doubt() => &mut self.in_doubt,
            Delivery::Refused(_) | Delivery::Contradicted(_) => &mut self.not_posted,
            Delivery::Stopped(_) => &mut self.stopped,
        };
        *count += 1;
        self.all += 1;
        match result.verdict_outcome {
            _ if !result.delivery.is_done() => {}
            Outcome::Done => {}
            Outcome::GateRed => self.red += 1,
            _ => self.without_verdict += 1,
        }
    }
}

/// Why something was not posted, in few words.
pub(crate) fn refused(what: &str, refusal: &Refusal) -> String {
    match (&refusal.failed.cause, refusal.failed.status_code()) {
        (Cause::Unusable(..), _) if matches!(refusal.purpose, Purpose::PostStatus(..)) => {
            format!("{what}: the answer is not the status that was sent")
        }
        (Cause::Unusable(..), _) => format!("{what}: the answer cannot be used"),
        (Cause::NoResponse(Failure::Proxy(failure)), _) => format!("{what}: {}", failure.words()),
        (_, Some(status_code)) => format!("{what}: {}", status_code.as_u16()),
        (_, None) => format!("{what}: no answer"),
    }
}

/// What became of a status, for the last column.
fn words(result: &StatusResult) -> String {
    let delivery = match &result.delivery {
        Delivery::Posted => "posted".to_owned(),
        Delivery::Skipped => "skipped".to_owned(),
        Delivery::Repeated => "the same as another target".to_owned(),
        Delivery::Outweighed => "the verdict of another target stands".to_owned(),
        Delivery::Kept => "the verdict of another run stays".to_owned(),
        Delivery::Contradicted(Contradiction::Content) => {
            "not posted: another target has another content".to_owned()
        }
        Delivery::Contradicted(Contradiction::Worse) => {
            "not posted: the worse verdict of another target could not be posted".to_owned()
        }
        Delivery::Contradicted(Contradiction::Refname) => {
            "not posted: another target has another refname".to_owned()
        }
        Delivery::Printed => "printed".to_owned(),
        Delivery::ReportAlone(report) => match report {
            ReportDelivery::Posted => "posted a report".to_owned(),
            ReportDelivery::Skipped => "skipped its report".to_owned(),
            ReportDelivery::Printed => "printed its report".to_owned(),
            ReportDelivery::Nothing => "no report".to_owned(),
            ReportDelivery::Missing(refusal) => refused("report not posted", refusal),
            ReportDelivery::Incomplete(refusal) => refused("report not complete", refusal),
        },
        Delivery::Refused(refusal) => {
            refused(if refusal.leaves_doubt() { "not known to be posted" } else { "not posted" }, refusal)
        }
        Delivery::Stopped(_) => "stopped".to_owned(),
    };
    match result.verdict_outcome {
        Outcome::Done => delivery,
        _ if !result.delivery.is_done() => delivery,
        Outcome::GateRed => format!("{delivery}, without a green quality gate"),
        _ => format!("{delivery}, without a verdict of SonarQube"),
    }
}
