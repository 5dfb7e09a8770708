//! What becomes of many targets, told so that it can be read whether they are ten or ten thousand: how far the run
//! is, failures, and at its end a table.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    fmt::Write,
    time::{Duration, Instant},
};

use crate::{
    config::plan::Plan,
    console::{
        log::Console,
        text::{counted, fit},
    },
    http::failed_request::Cause,
    model::{outcome::Outcome, state::State},
    run::publish::{End, Published},
};

/// What became of many targets so far.
#[derive(Debug)]
pub(crate) struct Summary {
    targets: usize,
    /// Whether there is a `RESULT_FILE`.
    has_results: bool,
    /// How many statuses came to what.
    counts: RefCell<HashMap<Kind, usize>>,
    /// The lines of the table in the order of the list, failures first: no more than are shown.
    rows: RefCell<BTreeMap<Place, Row>>,
    /// When the reader was last told how far the run is.
    told: Cell<Instant>,
}

/// Whether all is well, the place of the target in the list, and which status of the target it is.
type Place = (bool, usize, usize);

/// A line of the table.
#[derive(Debug)]
struct Row {
    repository: Box<str>,
    commit: Box<str>,
    state: Option<State>,
    kind: Kind,
}

/// What a status came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Kind {
    end: Ended,
    /// Whether the verdict is one that fails the step.
    outcome: Outcome,
}

/// What became of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Ended {
    Posted,
    Skipped,
    Repeated,
    Contradicted,
    Printed,
    /// With the status code, when an answer came.
    Refused(Option<u16>),
    /// An answer came that is no status.
    Unusable,
    Stopped,
}

/// How often the reader is told how far the run is.
const PROGRESS: Duration = Duration::from_secs(10);
/// More rows than this are counted; those that failed come first.
const ROWS_SHOWN: usize = 100;
/// What was not found is named by its branch, which may be long.
const COMMIT_MAX_CHARS: usize = 40;

impl Summary {
    /// A summary of that many targets.
    pub(crate) fn of(targets: usize, has_results: bool) -> Self {
        Self {
            targets,
            has_results,
            counts: RefCell::default(),
            rows: RefCell::default(),
            told: Cell::new(Instant::now()),
        }
    }

    /// Takes note of what became of a status, and says from time to time how far the run is.
    pub(crate) fn add(&self, published: &Published, number: usize, plan: &Plan, console: &Console) {
        let Published { target, status, end, outcome } = published;
        let repository = target.as_ref().map_or(&plan.target.repository, |target| &target.repository);
        let commit = match target {
            Some(target) => target.commit.digits().to_owned(),
            None => fit(&plan.target.commit.to_string(), COMMIT_MAX_CHARS),
        };
        let end = match end {
            End::Delivered => Ended::Posted,
            End::Skipped => Ended::Skipped,
            End::Repeated => Ended::Repeated,
            End::Contradicted => Ended::Contradicted,
            End::Printed => Ended::Printed,
            End::Refused(refusal) if matches!(refusal.failed.cause, Cause::Unusable(..)) => Ended::Unusable,
            End::Refused(refusal) => Ended::Refused(refusal.status_code().map(|status| status.as_u16())),
            End::Stopped => Ended::Stopped,
        };
        let kind = Kind { end, outcome: *outcome };
        let all = self.counts.borrow().values().sum();
        *self.counts.borrow_mut().entry(kind).or_default() += 1;
        let row = Row {
            repository: repository.to_string().into(),
            commit: commit.into(),
            state: status.as_ref().map(|status| status.state),
            kind,
        };
        let mut rows = self.rows.borrow_mut();
        rows.insert((kind.is_fine(), number, all), row);
        if rows.len() > ROWS_SHOWN {
            rows.pop_last();
        }
        if self.told.get().elapsed() >= PROGRESS {
            self.told.set(Instant::now());
            console.line(format_args!("{} so far", self.counted()));
        }
    }

    /// How many statuses came to what, in words.
    pub(crate) fn counted(&self) -> String {
        let counts = self.counts.borrow();
        let count = |is_counted: fn(&Kind) -> bool| -> usize {
            counts.iter().filter(|(kind, _)| is_counted(kind)).map(|(_, count)| count).sum()
        };
        let mut parts = vec![format!("{} posted", count(|kind| kind.end == Ended::Posted))];
        for (number, words) in [
            (count(|kind| kind.end == Ended::Skipped), "skipped, for RESULT_FILE says they were delivered"),
            (count(|kind| kind.end == Ended::Repeated), "the same as others, posted once"),
            (count(|kind| kind.end == Ended::Printed), "printed (DRY_RUN)"),
            (
                count(|kind| kind.is_delivered() && kind.outcome == Outcome::GateRed),
                "without a green quality gate",
            ),
            (
                count(|kind| {
                    kind.is_delivered() && !matches!(kind.outcome, Outcome::Done | Outcome::GateRed)
                }),
                "without a verdict of SonarQube",
            ),
            (
                count(|kind| matches!(kind.end, Ended::Refused(_) | Ended::Unusable | Ended::Contradicted)),
                "not posted",
            ),
            (count(|kind| kind.end == Ended::Stopped), "stopped"),
        ] {
            if number > 0 {
                parts.push(format!("{number} {words}"));
            }
        }
        format!("{}: {}", counted(self.targets, "target"), parts.join(", "))
    }

    /// The table and the last line.
    pub(crate) fn end(&self, worst: Outcome, console: &Console) {
        self.table(console);
        console.tell_left_out(if self.has_results { "; RESULT_FILE has each" } else { "" });
        let words = self.counted();
        if worst == Outcome::Done { console.done(words) } else { console.failed(words) }
    }

    /// The last line of a run that was stopped: how many INPROGRESS were ended, and how many may be left.
    pub(crate) fn stopped(&self, ended: usize, left: usize, console: &Console) {
        let mut words = format!("stopped before the end; {}", self.counted());
        if ended > 0 {
            let _ = write!(
                words,
                "; STOPPED was posted over {ended} INPROGRESS (those under way included), which would block merging"
            );
        }
        if left > 0 {
            let _ = write!(
                words,
                "; {left} INPROGRESS may be left, and block merging until another status with the same KEY is posted"
            );
        }
        console.failed(words);
    }

    fn table(&self, console: &Console) {
        let rows = self.rows.borrow();
        let mut shown: Vec<(&Place, &Row)> = rows.iter().collect();
        shown.sort_by_key(|((_, number, status), _)| (*number, *status));
        let shown: Vec<&Row> = shown.into_iter().map(|(_, row)| row).collect();
        let width = |cell: fn(&Row) -> usize, least: usize| {
            shown.iter().map(|row| cell(row)).max().unwrap_or_default().max(least)
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
        for row in &shown {
            let sign = if row.kind.is_fine() { "✔" } else { "✖" };
            let status = row.state.map_or("-", State::as_str);
            console.line(format_args!(
                "{sign} {:<repository$}  {:<commit$}  {status:<state$}  {}",
                row.repository,
                row.commit,
                row.kind.words()
            ));
        }
        let more = self.counts.borrow().values().sum::<usize>() - shown.len();
        if more > 0 {
            console.line(format_args!("… and {more} more"));
        }
    }
}

impl Kind {
    const fn is_delivered(self) -> bool {
        matches!(self.end, Ended::Posted | Ended::Skipped | Ended::Repeated | Ended::Printed)
    }

    fn is_fine(self) -> bool {
        self.is_delivered() && self.outcome == Outcome::Done
    }

    fn words(self) -> String {
        let end = match self.end {
            Ended::Posted => "posted".to_owned(),
            Ended::Skipped => "skipped".to_owned(),
            Ended::Repeated => "the same as another one".to_owned(),
            Ended::Contradicted => "not posted: another one says something else".to_owned(),
            Ended::Printed => "printed".to_owned(),
            Ended::Refused(Some(status)) => format!("not posted: {status}"),
            Ended::Unusable => "not posted: the answer is not Bitbucket's".to_owned(),
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
