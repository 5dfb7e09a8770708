//! What becomes of many targets, told so that it can be read whether they are ten or ten thousand: how far the run
//! is, failures, and at its end a table.

use std::{
    cell::{Cell, RefCell},
    fmt::Write,
    time::{Duration, Instant},
};

use crate::{
    console::Console,
    outcome::Outcome,
    plan::Plan,
    publish::{End, Published},
    state::State,
    text::counted,
};

/// What became of many targets so far.
#[derive(Debug)]
pub struct Summary {
    targets: usize,
    rows: RefCell<Vec<Row>>,
    /// When the reader was last told how far the run is.
    told: Cell<Instant>,
}

/// A line of the table.
#[derive(Debug)]
struct Row {
    /// Place of its target in the list.
    number: usize,
    repository: Box<str>,
    commit: Box<str>,
    state: Option<State>,
    end: Ended,
    /// Whether the verdict is one that fails the step.
    outcome: Outcome,
}

/// What became of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Posted,
    Skipped,
    Printed,
    /// With the status code, when an answer came.
    Refused(Option<u16>),
    Stopped,
}

/// How often the reader is told how far the run is.
const PROGRESS: Duration = Duration::from_secs(10);
/// More rows than this are counted; those that failed come first.
const ROWS_SHOWN: usize = 100;
/// A hash is recognised by so many digits, as Bitbucket shows it.
const COMMIT_DIGITS: usize = 12;

impl Summary {
    /// A summary of that many targets.
    pub fn of(targets: usize) -> Self {
        Self { targets, rows: RefCell::default(), told: Cell::new(Instant::now()) }
    }

    /// Takes note of what became of a status, and says from time to time how far the run is.
    pub fn add(&self, published: &Published, number: usize, plan: &Plan, console: &Console) {
        let Published { target, status, end, outcome } = published;
        let repository = target.as_ref().map_or(&plan.target.repository, |target| &target.repository);
        let commit = target.as_ref().map_or("-", |target| target.commit.as_str());
        self.rows.borrow_mut().push(Row {
            number,
            repository: repository.to_string().into(),
            commit: commit[..commit.len().min(COMMIT_DIGITS)].into(),
            state: status.as_ref().map(|status| status.state),
            end: match end {
                End::Delivered => Ended::Posted,
                End::Skipped => Ended::Skipped,
                End::Printed => Ended::Printed,
                End::Refused(refusal) => Ended::Refused(refusal.status().map(|status| status.as_u16())),
                End::Stopped => Ended::Stopped,
            },
            outcome: *outcome,
        });
        if self.told.get().elapsed() >= PROGRESS {
            self.told.set(Instant::now());
            console.line(format_args!("{} so far", self.counted()));
        }
    }

    /// How many statuses came to what, in words.
    pub fn counted(&self) -> String {
        let rows = self.rows.borrow();
        let count = |is_counted: fn(&Row) -> bool| rows.iter().filter(|row| is_counted(row)).count();
        let mut parts = vec![format!("{} posted", count(|row| row.end == Ended::Posted))];
        for (number, words) in [
            (count(|row| row.end == Ended::Skipped), "skipped, for RESULT_FILE says they were delivered"),
            (count(|row| row.end == Ended::Printed), "printed (DRY_RUN)"),
            (
                count(|row| row.is_delivered() && row.outcome == Outcome::GateRed),
                "without a green quality gate",
            ),
            (
                count(|row| row.is_delivered() && !matches!(row.outcome, Outcome::Done | Outcome::GateRed)),
                "without a verdict of SonarQube",
            ),
            (count(|row| matches!(row.end, Ended::Refused(_))), "not posted"),
            (count(|row| row.end == Ended::Stopped), "stopped"),
        ] {
            if number > 0 {
                parts.push(format!("{number} {words}"));
            }
        }
        format!("{}: {}", counted(self.targets, "target"), parts.join(", "))
    }

    /// The table and the last line.
    pub fn end(&self, worst: Outcome, console: &Console) {
        self.table(console);
        console.tell_left_out();
        let words = self.counted();
        if worst == Outcome::Done { console.done(words) } else { console.failed(words) }
    }

    /// The last line of a run that was stopped: how many INPROGRESS were ended, and how many may be left.
    pub fn stopped(&self, ended: usize, left: usize, console: &Console) {
        let mut words = format!("stopped before the end; {}", self.counted());
        if ended > 0 {
            let _ = write!(words, "; STOPPED was posted over {ended} INPROGRESS, which would block merging");
        }
        if left > 0 {
            let _ = write!(words, "; {left} INPROGRESS may be left");
        }
        console.failed(words);
    }

    fn table(&self, console: &Console) {
        let rows = self.rows.borrow();
        let mut shown: Vec<&Row> = rows.iter().collect();
        if shown.len() > ROWS_SHOWN {
            shown.sort_by_key(|row| (row.is_fine(), row.number));
            shown.truncate(ROWS_SHOWN);
        }
        shown.sort_by_key(|row| row.number);
        let width = |cell: fn(&Row) -> usize, least: usize| {
            shown.iter().map(|row| cell(row)).max().unwrap_or_default().max(least)
        };
        let repository = width(|row| row.repository.chars().count(), "repository".len());
        let commit = width(|row| row.commit.len(), "commit".len());
        let state = "INPROGRESS".len();
        if !shown.is_empty() {
            console.line(format_args!(
                "  {:<repository$}  {:<commit$}  {:<state$}  outcome",
                "repository", "commit", "state"
            ));
        }
        for row in &shown {
            let sign = if row.is_fine() { "✔" } else { "✖" };
            let status = row.state.map_or("-", State::as_str);
            console.line(format_args!(
                "{sign} {:<repository$}  {:<commit$}  {status:<state$}  {}",
                row.repository,
                row.commit,
                row.words()
            ));
        }
        if rows.len() > shown.len() {
            console.line(format_args!("… and {} more", rows.len() - shown.len()));
        }
    }
}

impl Row {
    const fn is_delivered(&self) -> bool {
        matches!(self.end, Ended::Posted | Ended::Skipped | Ended::Printed)
    }

    fn is_fine(&self) -> bool {
        self.is_delivered() && self.outcome == Outcome::Done
    }

    fn words(&self) -> String {
        let end = match self.end {
            Ended::Posted => "posted".to_owned(),
            Ended::Skipped => "skipped".to_owned(),
            Ended::Printed => "printed".to_owned(),
            Ended::Refused(Some(status)) => format!("not posted: {status}"),
            Ended::Refused(None) => "not posted: no answer".to_owned(),
            Ended::Stopped => "stopped".to_owned(),
        };
        match self.outcome {
            Outcome::GateRed if self.is_delivered() => format!("{end}, without a green quality gate"),
            Outcome::Done | Outcome::GateRed => end,
            _ if self.is_delivered() => format!("{end}, without a verdict of SonarQube"),
            _ => end,
        }
    }
}
