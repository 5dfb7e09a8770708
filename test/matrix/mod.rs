//! The fault matrix: one row for each thing that goes wrong between Gatepost, the services and the machine.
//!
//! A row says what goes wrong with which request, and what must come of it: whether the request is sent again, the exit
//! code, how long the run may take, what the log says, and what stands on the commit in the end. That is either exactly
//! what was meant, or the log says that it is not posted, or that it is not known. Each row runs the real program.
//! `docs/faults.md` is made of the same rows.

mod bitbucket;
mod crash;
mod document;
mod files;
mod lists;
mod machine;
mod place;
mod proxy;
mod row;
mod settle;
mod sonarqube;
mod stage;
mod standing;
mod tls;
mod wire;

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use sandbox::Certificate;

pub(crate) use document::document;
use document::{Counts, counts};
use stage::hold;
use wire::Break;

/// Rows of one kind.
pub(crate) struct Group {
    name: &'static str,
    rows: &'static [Row],
}

/// One fault, and what must come of it.
pub(crate) struct Row {
    /// What goes wrong, in words.
    fault: &'static str,
    /// The request that it goes wrong with.
    place: Place,
    how: How,
    again: Again,
    end: End,
    /// What the log says, beside the line of the outcome.
    told: &'static str,
}

/// The request that something goes wrong with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The POST of a status, the only request of its run.
    Status,
    /// The POST of an INPROGRESS.
    Pending,
    /// The GET of a pull request. The POST of the status follows it.
    Lookup,
    /// The POST of a status after a lookup on the same connection.
    StatusAfterLookup,
    /// The PUT of a report, after its status.
    Report,
    /// The POST of the annotations of a report.
    Annotations,
    /// The GET of SonarQube's task.
    Task,
    /// The GET of SonarQube's quality gate.
    Gate,
    /// The GET of the issues that become annotations.
    Issues,
    /// The GET of the repositories of the workspace, among which `acme/api` is. `acme/web` is named.
    Repositories,
    /// The GET of the open pull requests of `acme/api`. Those of `acme/web` are found as well.
    PullRequests,
    /// The GET of their second page.
    SecondPage,
    /// The GET of `acme/api`, for its main branch. That of `acme/web` is found as well.
    MainBranch,
    /// The GET of the head of a branch that was found.
    BranchOfFound,
    /// The POST of a status to a pull request that was found.
    StatusOfFound,
    /// The GET of the statuses of a commit. The run ends one of them.
    Statuses,
    /// The POST that ends a status.
    Ending,
    /// The GET of what stands for a project without an analysis: an INPROGRESS.
    Standing,
    /// The same, where the verdict of another step stands.
    StandingVerdict,
}

/// How the fault is made.
#[derive(Clone, Copy)]
enum How {
    /// On the wire, with each such request or with one.
    Wire(Break, Times),
    /// The service answers with this status code, these headers and this text, and the request has no effect.
    Answers(u16, &'static [(&'static str, &'static str)], &'static str, Times),
    /// On the wire below TLS: with each connection or with one.
    BelowTls(Break, Times),
    /// The service shows this certificate, whose root is passed.
    Shows(Certificate),
    /// The service shows a good certificate, and no root is passed.
    Unknown,
    /// The address of the service is this one.
    Address(&'static str),
    /// https is spoken to the port for http.
    HttpsToHttp,
    /// http is spoken to the port for https.
    HttpToHttps,
    /// The proxy before https does this with each `CONNECT`, or with the first connection.
    Proxy(Break, Times),
    /// The proxy before https leads to a wire below TLS, on which this goes wrong with each connection or with one.
    InTunnel(Break, Times),
    /// The proxy before http does this.
    HttpProxy(Break),
    /// The address of the proxy is this one.
    ProxyAddress(&'static str),
    /// Something about files.
    Files(files::Fault),
    /// The page of a list is the real one, but the next page is said to be there.
    NextPage(NextPage),
    /// `acme/api` is deleted after so many requests.
    Removed(u32),
}

/// Where the next page of a list is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NextPage {
    /// At another host, which would answer.
    Elsewhere,
    /// Behind each page is the second one.
    Second,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Times {
    Once,
    Always,
}

/// Whether the request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    /// It is not: nothing would change.
    No,
    /// It is, and then all is well.
    Yes,
    /// It is not: another look shows that it has had its effect.
    Looks,
    /// A few times, which takes a few seconds, and then no more.
    Few,
    /// Until `TIMEOUT`.
    UntilTimeout,
    /// It is not: the first attempt takes all of `TIMEOUT`.
    Silent,
}

/// What comes of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The status stands as it was meant, and the report if there is one.
    Delivered,
    /// Nothing stands but what stood before, and the log says that it is not posted.
    NotPosted,
    /// No target of the run gets a status, because a pause applies to all requests with the credential.
    NonePosted,
    /// Nothing stands but what stood before, and the log says that this is not known.
    NotKnown,
    /// The status stands, and the log says that this is not known.
    NotKnownButStands,
    /// STOPPED stands over an INPROGRESS whose answer is lost.
    StoppedOver,
    /// FAILED stands with this reason.
    NoVerdict(&'static str),
    /// The status stands as it was meant, and the log says that the report is missing or not complete.
    WithoutReport,
    /// Nothing was sent: a variable is wrong.
    VariablesWrong,
}

impl End {
    const fn code(self) -> i32 {
        match self {
            Self::Delivered | Self::WithoutReport => 0,
            Self::VariablesWrong => 2,
            Self::NoVerdict(_) => 3,
            Self::NotPosted
            | Self::NonePosted
            | Self::NotKnown
            | Self::NotKnownButStands
            | Self::StoppedOver => 4,
        }
    }
}

impl Again {
    /// `TIMEOUT` of the run, in seconds.
    const fn timeout(self) -> u64 {
        match self {
            Self::No | Self::Yes | Self::Looks => 30,
            Self::Few => 60,
            Self::UntilTimeout | Self::Silent => 2,
        }
    }

    /// The longest time that the run may take: much less than `TIMEOUT` if there is nothing to wait for, and otherwise a
    /// little more than `TIMEOUT`. The machine is busy with other rows.
    const fn at_most(self) -> Duration {
        Duration::from_secs(match self {
            Self::No | Self::Yes | Self::Looks => 10,
            Self::Few => 20,
            Self::UntilTimeout | Self::Silent => 8,
        })
    }

    const fn is_again(self) -> bool {
        matches!(self, Self::Yes | Self::Few | Self::UntilTimeout)
    }
}

const GROUPS: [&Group; 11] = [
    &bitbucket::STATUS,
    &bitbucket::LOOKUP,
    &bitbucket::REPORT,
    &lists::LISTS,
    &settle::SETTLE,
    &standing::STANDING,
    &sonarqube::TASK,
    &sonarqube::GATE,
    &tls::TLS,
    &proxy::PROXY,
    &files::FILES,
];

/// Rows of one group that run at the same time. They wait most of the time.
const AT_ONCE: usize = 6;

/// The groups that have ended: their counts, and how long they took.
static ENDED: Mutex<BTreeMap<&str, (Counts, Duration)>> = Mutex::new(BTreeMap::new());

/// Runs every row of a group, and tells all that do not hold.
fn all_hold(group: &'static Group) {
    let begun = Instant::now();
    let rows = Mutex::new(group.rows.iter());
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(row) = next_of(&rows) {
                    let held = catch_unwind(AssertUnwindSafe(|| hold(row)));
                    if held.is_err() {
                        failed.lock().unwrap_or_else(PoisonError::into_inner).push(row.fault);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(failed.is_empty(), "{}: {} rows do not hold: {failed:#?}", group.name, failed.len());
    tell(group, begun.elapsed());
}

fn next_of(rows: &Mutex<std::slice::Iter<'static, Row>>) -> Option<&'static Row> {
    rows.lock().unwrap_or_else(PoisonError::into_inner).next()
}

/// Prints the table when the last group has ended. Not with `println!`, which the test harness keeps for tests that fail.
fn tell(group: &'static Group, took: Duration) {
    let mut ended = ENDED.lock().unwrap_or_else(PoisonError::into_inner);
    ended.insert(group.name, (counts(group), took));
    if ended.len() < GROUPS.len() {
        return;
    }
    let mut sum = [0; 6];
    for (counts, _) in ended.values() {
        sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    let longest = ended.values().map(|(_, took)| *took).max().unwrap_or_default();
    let lines = ended.iter().map(|(name, (counts, took))| line(name, *counts, *took));
    let lines: String = lines.chain([line("sum", sum, longest)]).collect();
    io::stdout().write_all(lines.as_bytes()).unwrap();
}

fn line(name: &str, counts: Counts, took: Duration) -> String {
    let [rows, again, delivered, not_posted, not_known, failed] = counts;
    format!(
        "fault matrix: {name:<28} {rows:>3} rows hold: {again:>2} sent again; {delivered:>2} delivered, \
         {not_posted:>2} not posted, {not_known:>2} not known, {failed:>2} FAILED with the reason; {:>4.1} s\n",
        took.as_secs_f64()
    )
}

#[test]
fn each_fault_of_a_status_ends_as_it_should() {
    all_hold(&bitbucket::STATUS);
}

#[test]
fn each_fault_of_a_lookup_ends_as_it_should() {
    all_hold(&bitbucket::LOOKUP);
}

#[test]
fn each_fault_of_a_report_ends_as_it_should() {
    all_hold(&bitbucket::REPORT);
}

#[test]
fn each_fault_of_targets_that_are_found_ends_as_it_should() {
    all_hold(&lists::LISTS);
}

#[test]
fn each_fault_of_statuses_that_are_ended_ends_as_it_should() {
    all_hold(&settle::SETTLE);
}

#[test]
fn each_fault_of_projects_without_an_analysis_ends_as_it_should() {
    all_hold(&standing::STANDING);
}

#[test]
fn each_fault_of_the_task_ends_as_it_should() {
    all_hold(&sonarqube::TASK);
}

#[test]
fn each_fault_of_the_gate_ends_as_it_should() {
    all_hold(&sonarqube::GATE);
}

#[test]
fn each_fault_of_tls_ends_as_it_should() {
    all_hold(&tls::TLS);
}

#[test]
fn each_fault_of_a_proxy_ends_as_it_should() {
    all_hold(&proxy::PROXY);
}

#[test]
fn each_fault_of_the_file_system_ends_as_it_should() {
    all_hold(&files::FILES);
}

#[test]
fn the_matrix_has_at_least_80_different_rows() {
    let mut rows: Vec<_> = GROUPS
        .iter()
        .flat_map(|group| group.rows.iter().map(|row| (group.name, format!("{:?}", row.place), row.fault)))
        .collect();
    rows.sort();
    assert!(rows.len() >= 80, "{}", rows.len());
    for pair in rows.windows(2) {
        assert_ne!(pair[0], pair[1]);
    }
}

/// The status stands although the log says that it does not.
#[test]
#[should_panic(expected = "no \"✖ not posted: ")]
fn a_row_that_expects_another_outcome_does_not_hold() {
    hold(&Row { end: End::NotPosted, ..STANDS_UNKNOWN });
}

#[test]
#[should_panic(expected = "left == right")]
fn a_row_that_expects_another_commit_does_not_hold() {
    hold(&Row { end: End::NotKnown, ..STANDS_UNKNOWN });
}

#[test]
#[should_panic(expected = "left == right")]
fn a_row_that_expects_no_further_attempt_does_not_hold() {
    let how = How::Answers(503, &[], "", Times::Once);
    hold(&Row { how, end: End::Delivered, again: Again::No, told: "", ..STANDS_UNKNOWN });
}

/// A row that holds.
const STANDS_UNKNOWN: Row = Row {
    fault: "stall before the head, after the effect",
    place: Place::Status,
    how: How::Wire(Break { sent: wire::Sent::Nothing, end: wire::End::Stall }, Times::Always),
    again: Again::Silent,
    end: End::NotKnownButStands,
    told: "",
};
