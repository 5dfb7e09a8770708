//! Tells the reader and later steps what the run does and what became of it. The last line is the outcome.

use std::{fmt::Write as _, io};

use crate::{
    bitbucket::refusal::Refusal,
    config::{
        analysis::VerdictPlan,
        findings::{Findings, Problem},
        keyring::Keyring,
        left_out::LeftOut,
        plan::Plan,
        settings::Settings,
        target_list::Targets,
    },
    console::{log::Console, text::counted},
    explain::{
        bitbucket::{STOPPED_OVER, explain},
        explanation::Explanation,
        tell::{tell, warn},
    },
    model::{
        insights::report_id,
        outcome::Outcome,
        state::State,
        status::{Status, StatusKey},
        target::Target,
    },
    run::{
        delivery::{Contradiction, Delivery, Left, ReportDelivery, StatusResult},
        insights::{PostedReport, ReportOutcome},
        result_file::{
            Record, RecordedReport, RecordedTarget, ReportRecord, ResultFile, write_output_variables,
        },
    },
    sonarqube::gate::{Gate, Level},
};

/// Warnings about the variables, and problems that only keep the verdict away.
pub(crate) fn warnings(findings: &Findings, console: &Console) {
    for warning in &findings.warnings {
        console.warning(warning);
    }
    findings.without_verdict.iter().for_each(|wrong| problem(wrong, console));
}

/// The first line: what the run will do.
pub(crate) fn opening(targets: &Targets, settings: &Settings, console: &Console) {
    let version = env!("CARGO_PKG_VERSION");
    match &targets.plans[..] {
        [plan] if !targets.are_listed => console.line(format_args!(
            "gatepost {version}: {} for {} {}",
            match &plan.verdict {
                VerdictPlan::Given(verdicts) => {
                    verdicts.first().map(|verdict| verdict.state.to_string()).unwrap_or_default()
                }
                VerdictPlan::Ask(analysis) => format!("the quality gate of {}", analysis.source),
            },
            plan.target.repository,
            plan.credential.authorization.description
        )),
        plans => console.line(format_args!(
            "gatepost {version}: {}, {} at once",
            counted(plans.len(), "target"),
            settings.concurrency.min(plans.len())
        )),
    }
    if let Some(step) = &targets.step {
        console.line(step);
    }
    if targets.are_listed && targets.plans.is_empty() {
        console.warning(match &targets.step {
            Some(_) => {
                "the list has fewer targets than the parallel group has steps: none is left for this step"
            }
            None => "the list has no targets: there is nothing to do",
        });
    }
}

/// More names are only counted.
const NAMES_SHOWN: usize = 10;

/// Tokens of repositories that are not targets of this run: a name may be misspelt.
pub(crate) fn unused_tokens(keyring: &Keyring, console: &Console) {
    let unused = keyring.unused();
    if unused.is_empty() {
        return;
    }
    let shown = unused.iter().take(NAMES_SHOWN).copied().collect::<Vec<_>>().join(", ");
    let more = match unused.len().saturating_sub(NAMES_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    console.warning(format_args!(
        "BITBUCKET_ACCESS_TOKENS has tokens of repositories that are not targets of this run: {shown}{more}"
    ));
}

/// Warns when `RESULT_FILE` is incomplete.
pub(crate) fn lost_results(results: &ResultFile, console: &Console) {
    let lost = results.lost.get();
    if lost > 0 {
        console.warning(format_args!(
            "RESULT_FILE lacks {}, which could not be written: a run with RESUME posts these statuses again",
            counted(lost, "line")
        ));
    }
}

/// More conditions are only counted; the gates of SonarQube itself have some ten.
const CONDITIONS_SHOWN: usize = 40;

/// A quality gate and its conditions, as a small table. `subject` is what the gate is about.
pub(crate) fn gate(gate: &Gate, subject: &str, console: &Console) {
    let title = match gate.level {
        Level::Ok => "passed",
        Level::Warn => "passed with a warning",
        Level::Advice => "passed, except for advice",
        Level::Error => "failed",
        Level::None => "was not computed",
        Level::Unknown => "has a state that this version of Gatepost does not know",
    };
    console.line(format_args!("quality gate {title}: {subject}"));
    if gate.ignored_conditions {
        console.line("  coverage and duplication do not count: the change is small");
    }
    let conditions = gate.in_order();
    let rows: Vec<(Level, [String; 3])> = conditions
        .iter()
        .take(CONDITIONS_SHOWN)
        .map(|condition| (condition.level, condition.row()))
        .collect();
    let width =
        |column: usize| rows.iter().map(|(_, row)| row[column].chars().count()).max().unwrap_or_default();
    let (name_width, value_width) = (width(0), width(1));
    for (level, [name, value, required]) in &rows {
        let sign = match level {
            Level::Ok => "✔",
            Level::Error => "✖",
            Level::Advice | Level::Warn => "!",
            Level::None | Level::Unknown => "-",
        };
        console.line(format!("  {sign} {name:<name_width$}  {value:>value_width$}  {required}").trim_end());
    }
    if gate.conditions.len() > CONDITIONS_SHOWN {
        console.line(format_args!("  … and {} more conditions", gate.conditions.len() - CONDITIONS_SHOWN));
    }
}

/// More are only counted.
const LEFT_OUT_SHOWN: usize = 20;

/// The problems of the variables.
pub(crate) fn problems(findings: &Findings, console: &Console) -> Outcome {
    findings.problems.iter().for_each(|wrong| problem(wrong, console));
    if findings.unshown > 0 {
        console.failed(format_args!("{} more problems in this list", findings.unshown));
    }
    let number = match findings.problems.len() + findings.unshown {
        1 => "1 variable is".to_owned(),
        number => format!("{number} variables are"),
    };
    console.failed(format_args!("{number} wrong; nothing was sent"));
    Outcome::VariablesWrong
}

fn problem(Problem { variable, found, accepted, remedy, .. }: &Problem, console: &Console) {
    console.failed(format_args!("{variable} {found}"));
    console.detail("accepted", accepted);
    console.details("to do", remedy);
}

/// Tells what became of a status, and records it in `RESULT_FILE`. Without a plan, the status was under way when the run
/// was stopped.
pub(crate) fn status_result(
    result: &StatusResult,
    plan: Option<&Plan>,
    results: Option<&ResultFile>,
    console: &Console,
) {
    match &result.delivery {
        Delivery::Contradicted(contradiction) => {
            console.failed(format_args!(
                "not posted: another target of this run is the same commit with the same key and another {}",
                match contradiction {
                    Contradiction::Content => "content",
                    Contradiction::Worse => "verdict, which is worse and could not be posted",
                    Contradiction::Refname => "refname",
                }
            ));
            if *contradiction == Contradiction::Refname {
                console.detail(
                    "why",
                    "with two refnames Bitbucket keeps two statuses, and a red one stays beside a green one",
                );
            }
            console.detail(
                "to do",
                match contradiction {
                    Contradiction::Worse => "run again when the other one can be posted",
                    Contradiction::Content | Contradiction::Refname => {
                        "remove one of the two, or give it another KEY"
                    }
                },
            );
        }
        Delivery::Refused(refusal) => tell(&**refusal, console),
        Delivery::ReportAlone(report) => {
            report.refusal().into_iter().for_each(|refusal| tell(&**refusal, console));
        }
        Delivery::Posted
        | Delivery::Skipped
        | Delivery::Repeated
        | Delivery::Outweighed
        | Delivery::Kept
        | Delivery::Printed
        | Delivery::Stopped(_) => {}
    }
    if let Some(results) = results {
        record(result, plan, results, console);
    }
}

/// Begins the lines of this run in `RESULT_FILE`, and tells what is unusual about the file.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn begin_results(results: &ResultFile, console: &Console) -> io::Result<()> {
    if !results.begin()? {
        console.warning("another run is writing to RESULT_FILE: its lines stay, and the lines of this run follow; give each run its own file");
    }
    // A run that was killed may have left one incomplete line.
    if results.earlier.unreadable > 1 {
        console.warning(format_args!(
            "RESULT_FILE has {} lines that Gatepost did not write: they stay and are ignored",
            results.earlier.unreadable
        ));
    }
    Ok(())
}

/// Tells what the search that made a list left out.
pub(crate) fn tell_left_out(left_out: &[LeftOut], console: &Console) {
    let number = left_out.len();
    for one in left_out.iter().take(LEFT_OUT_SHOWN) {
        console.failed(one);
    }
    if number > LEFT_OUT_SHOWN {
        console.failed(format_args!("{} more are left out", number - LEFT_OUT_SHOWN));
    }
}

/// Records in `RESULT_FILE` what was left out: nobody would miss it otherwise.
pub(crate) fn left_out(left_out: &[LeftOut], results: &ResultFile, console: &Console) {
    for LeftOut { place, reason, .. } in left_out {
        let written = results.write(&Record {
            target: RecordedTarget::of_place(place),
            status: None,
            outcome: "refused",
            exit_code: Outcome::BitbucketFailed.exit_code(),
            reason: Some(console.clean(&format!("{place}: {reason}"))),
        });
        tell_lost(written, console);
    }
}

/// Passes the status on to later steps, as output variables of the pipeline.
pub(crate) fn output_variables(result: &StatusResult, settings: &Settings, console: &Console) {
    if let StatusResult {
        target: Some(target),
        status: Some(status),
        delivery: Delivery::Posted | Delivery::Skipped,
        ..
    } = result
        && let Some(path) = &settings.output_variables
        && let Err(error) = write_output_variables(path, target, status)
    {
        console.warning(format_args!(
            "the output variables could not be written to BITBUCKET_PIPELINES_VARIABLES_PATH: {error}"
        ));
    }
}

pub(crate) fn record(result: &StatusResult, plan: Option<&Plan>, results: &ResultFile, console: &Console) {
    let StatusResult { target, status, delivery, .. } = result;
    let Some(outcome) = delivery.recorded() else {
        return;
    };
    let Some(target) = RecordedTarget::new(plan.map(|plan| &plan.target), target.as_ref()) else {
        return;
    };
    let reason = match delivery {
        Delivery::Posted
        | Delivery::Skipped
        | Delivery::Repeated
        | Delivery::Outweighed
        | Delivery::Kept
        | Delivery::Printed
        | Delivery::ReportAlone(_) => None,
        Delivery::Refused(refusal) => Some(reason(refusal)),
        Delivery::Contradicted(Contradiction::Content) => {
            Some("another target of this run is the same status with another content".to_owned())
        }
        Delivery::Contradicted(Contradiction::Worse) => {
            Some("the worse verdict of another target about the same commit could not be posted".to_owned())
        }
        Delivery::Contradicted(Contradiction::Refname) => {
            Some("another target of this run is the same commit and key with another refname".to_owned())
        }
        Delivery::Stopped(_) => Some("the run was stopped".to_owned()),
    };
    let written = results.write(&Record {
        target,
        status: status.as_ref(),
        outcome,
        exit_code: result.outcome().exit_code(),
        reason: reason.map(|reason| console.clean(&reason)),
    });
    tell_lost(written, console);
}

/// What became of a report: a warning when a status stands without it, the line about it, and its line in `RESULT_FILE`.
pub(crate) fn posted_report(
    report: &PostedReport,
    plan: &Plan,
    target: &Target,
    results: Option<&ResultFile>,
    console: &Console,
) {
    let PostedReport { id, content, outcome, annotations, left_out } = report;
    let (outcome, refusal, trouble) = match outcome {
        ReportOutcome::Posted => ("posted", None, ""),
        ReportOutcome::Printed => ("printed", None, ""),
        ReportOutcome::Missing(refusal) => ("refused", Some(refusal), "was not posted"),
        ReportOutcome::Incomplete(refusal) => ("refused", Some(refusal), "is not complete"),
    };
    if let Some(refusal) = refusal.filter(|_| plan.insights.posts_status) {
        warn(format_args!("the report {trouble}, and the status stands"), &**refusal, console);
    }
    if console.is_of_run() && refusal.is_none() {
        let more = if *left_out > 0 { format!(", {left_out} left out") } else { String::new() };
        console.detail("report", format_args!("{id}, {}{more}", counted(*annotations, "annotation")));
    }
    let reason = refusal.map(|refusal| console.clean(&reason(refusal)));
    let report =
        RecordedReport { id, content, outcome, annotations: *annotations, left_out: *left_out, reason };
    record_report(report, plan, Some(target), results, console);
}

/// Records a report that is not posted, with the reason.
pub(crate) fn missing_report(
    key: &StatusKey,
    outcome: &'static str,
    reason: &str,
    plan: &Plan,
    target: Option<&Target>,
    results: Option<&ResultFile>,
    console: &Console,
) {
    let (id, reason) = (report_id(key), Some(console.clean(reason)));
    let report = RecordedReport { id: &id, content: "", outcome, annotations: 0, left_out: 0, reason };
    record_report(report, plan, target, results, console);
}

/// The lines of reports whose commit was not found.
pub(crate) fn reports_not_found(
    keys: &[StatusKey],
    refusal: &Refusal,
    plan: &Plan,
    results: Option<&ResultFile>,
    console: &Console,
) {
    for key in keys {
        missing_report(key, "refused", &reason(refusal), plan, None, results, console);
    }
}

fn record_report(
    report: RecordedReport<'_>,
    plan: &Plan,
    target: Option<&Target>,
    results: Option<&ResultFile>,
    console: &Console,
) {
    let Some(results) = results else { return };
    let Some(target) = RecordedTarget::new(Some(&plan.target), target) else { return };
    tell_lost(results.write(&ReportRecord { target, report }), console);
}

fn tell_lost(written: io::Result<()>, console: &Console) {
    if let Err(error) = written
        && console.news("RESULT_FILE".to_owned()).is_some()
    {
        console.of_run().warning(format_args!("RESULT_FILE could not be written: {error}"));
    }
}

/// The lines about a status that was posted, before the line of its report.
pub(crate) fn status_lines(result: &StatusResult, console: &Console) {
    if let StatusResult { status: Some(status), delivery: Delivery::Posted | Delivery::Skipped, .. } = result
    {
        let Status { name, key, description, url, .. } = status;
        console.detail("status", format_args!("{name} (key {key}): {description}"));
        console.detail("link", url);
    }
}

/// The last line about a status: the outcome.
pub(crate) fn last_line(result: &StatusResult, console: &Console) {
    let StatusResult { target, status, delivery, verdict_outcome, .. } = result;
    let what = match (target, status) {
        (Some(target), Some(status)) => {
            let branch = target.refname.as_ref().map(|name| format!(", branch {name}")).unwrap_or_default();
            format!("{} on {} commit {}{branch}", status.state, target.repository, target.commit)
        }
        _ if matches!(delivery, Delivery::ReportAlone(_)) => "the commit was not found".to_owned(),
        _ => "the status".to_owned(),
    };
    let line = match delivery {
        Delivery::Posted => format!("posted {what}"),
        Delivery::Skipped => format!("skipped {what}, because RESULT_FILE says that it was delivered"),
        Delivery::Printed => format!("DRY_RUN: would post {what}"),
        Delivery::Repeated => format!("posted {what} before"),
        Delivery::Outweighed => format!("{what} stands: the verdict of another target about the same commit"),
        Delivery::Kept => {
            let key = status.as_ref().map(|status| format!(" (key {})", status.key)).unwrap_or_default();
            format!("{what} stays{key}: it is the verdict of another run about this project")
        }
        Delivery::ReportAlone(report) => report_alone(report, &what),
        Delivery::Refused(refusal) if refusal.leaves_doubt() => {
            format!("not known to be posted: {what} may stand")
        }
        Delivery::Refused(_) | Delivery::Contradicted(_) => format!("not posted: {what}"),
        Delivery::Stopped(left) => stopped(*left, &what, status.as_ref()),
    };
    if matches!((delivery, status), (Delivery::Kept, Some(status)) if status.state != State::Successful) {
        return console.warning(line);
    }
    match (delivery.is_done(), verdict_outcome) {
        (false, _) => console.failed(line),
        (true, Outcome::Done) => console.done(line),
        (true, outcome) => console.failed(format_args!("{line}: {}", verdict_words(*outcome))),
    }
}

/// What became of a report that is posted without a status.
fn report_alone(report: &ReportDelivery, what: &str) -> String {
    const ALONE: &str = "and no status (STATUS: false)";
    match report {
        ReportDelivery::Posted => format!("posted a report of {what}, {ALONE}"),
        ReportDelivery::Skipped => {
            format!("skipped the report of {what}, because RESULT_FILE says that it was posted, {ALONE}")
        }
        ReportDelivery::Printed => format!("DRY_RUN: would post a report of {what}, {ALONE}"),
        ReportDelivery::Nothing => format!("posted no report of {what}, {ALONE}"),
        ReportDelivery::Missing(_) => format!("the report was not posted: {what}, {ALONE}"),
        ReportDelivery::Incomplete(_) => format!("the report is not complete: {what}, {ALONE}"),
    }
}

/// The last line of a run that was stopped.
fn stopped(left: Left, what: &str, status: Option<&Status>) -> String {
    const BLOCKS: &str = "and blocks merging until another status with the same KEY is posted";
    let is_inprogress = status.is_some_and(|status| status.state == State::InProgress);
    // A run may end several statuses of one commit.
    let key = status.map(|status| format!(" (key {})", status.key)).unwrap_or_default();
    let what = &format!("{what}{key}");
    match left {
        Left::NothingSent => "stopped before anything was sent".to_owned(),
        Left::NothingPosted => "stopped before the end: nothing was posted".to_owned(),
        Left::NotBegun => "stopped before the end: not every status was posted".to_owned(),
        Left::Ended => {
            format!("stopped before the end: posted {what}, because INPROGRESS would block merging")
        }
        Left::Stands if is_inprogress => format!("stopped before the end: {what} stands, {BLOCKS}"),
        Left::Stands => format!("stopped before the end: {what} stands"),
        Left::InDoubt if is_inprogress => format!("stopped before the end: {what} may stand, {BLOCKS}"),
        Left::InDoubt => format!("stopped before the end: {what} may not have been posted"),
        Left::OfEarlierRun => format!(
            "stopped before the end: STOPPED could not be posted; if an earlier run posted {what}, it stands {BLOCKS}"
        ),
    }
}

/// Why a status that was posted does not end the run with success.
fn verdict_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::GateRed => "the quality gate is not green (FAIL_ON_RED_GATE: false keeps the step green)",
        Outcome::VariablesWrong => "SonarQube was not asked, because a variable is wrong",
        _ => "there is no verdict of SonarQube",
    }
}

/// The last line of a run with several statuses or reports (`things`) for its target. `doubts` of those that were refused
/// may stand.
pub(crate) fn several_statuses(
    outcomes: &[Outcome],
    doubts: usize,
    kept: usize,
    things: &str,
    console: &Console,
) {
    if outcomes.len() < 2 {
        return;
    }
    let count = |wanted: fn(Outcome) -> bool| outcomes.iter().filter(|outcome| wanted(**outcome)).count();
    let refused = count(|outcome| outcome == Outcome::BitbucketFailed);
    let red = count(|outcome| outcome == Outcome::GateRed);
    let without_verdict =
        count(|outcome| matches!(outcome, Outcome::SonarQubeFailed | Outcome::AnalysisLate));
    let mut line = format!("{} of {} {things} posted", outcomes.len() - refused - kept, outcomes.len());
    for (number, words) in [
        (doubts, "not known to be posted"),
        (kept, "with the verdict of another run, which stays"),
        (red, "without a green quality gate"),
        (without_verdict, "without a verdict of SonarQube"),
    ] {
        if number > 0 {
            let _ = write!(line, ", {number} {words}");
        }
    }
    if refused + red + without_verdict == 0 { console.done(line) } else { console.failed(line) }
}

/// A refusal in one line, for `RESULT_FILE`.
pub(crate) fn reason(refusal: &Refusal) -> String {
    let Explanation { reasons, .. } = explain(refusal);
    let why = match &reasons[..] {
        [] => String::new(),
        [one] => one.why.to_string(),
        [first, ..] => format!("the likeliest of several reasons: {}", first.why),
    };
    let left = if refusal.is_stopped_over {
        format!("; left on the commit: {STOPPED_OVER}")
    } else if refusal.leaves_doubt() {
        "; the status may stand on the commit".to_owned()
    } else {
        String::new()
    };
    format!("failed to {}: {}; {why}{left}", refusal.purpose, refusal.failed.answered())
}
