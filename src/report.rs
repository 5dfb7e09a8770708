//! What became of the run, told to the reader and to later steps; the last line is the outcome.

use crate::{
    console::Console,
    explanation::{Explanation, Reason, explain},
    gate::{Condition, Gate, Level},
    outcome::Outcome,
    plan::{Plan, Settings},
    problem::{Findings, Problem},
    publish::{End, Published},
    refusal::Refusal,
    results::{Record, RecordedTarget, ResultFile, write_output_variables},
    state::State,
    status::Status,
    target::Target,
    verdict::VerdictPlan,
};

/// What is unusual about the variables.
pub fn warnings(findings: &Findings, console: &Console) {
    for warning in &findings.warnings {
        console.warning(warning);
    }
}

/// What the run is about to do.
pub fn opening(plan: &Plan, verdict: &VerdictPlan, console: &Console) {
    let what = match verdict {
        VerdictPlan::Given(verdict) => verdict.state.to_string(),
        VerdictPlan::Ask(analysis) => format!("the quality gate of {}", analysis.analyses),
    };
    console.line(format_args!(
        "gatepost {}: {what} for {} with the {}",
        env!("CARGO_PKG_VERSION"),
        plan.target.repository,
        plan.credential.kind()
    ));
}

/// How many conditions are shown; a gate of SonarQube's own has some ten.
const CONDITIONS_SHOWN: usize = 40;

/// A quality gate and its conditions, as a small table.
pub fn gate(gate: &Gate, judged: &str, console: &Console) {
    let title = match gate.level {
        Level::Ok => "passed",
        Level::Warn => "passed with a warning",
        Level::Error => "failed",
        Level::None => "was not computed",
        Level::Unknown => "has a state that this version does not know",
    };
    console.line(format_args!("quality gate {title}: {judged}"));
    if gate.ignored_conditions {
        console.line("  coverage and duplication were left out: the change is small");
    }
    // The failed ones first, in the order of the gate otherwise.
    let mut conditions: Vec<&Condition> = gate.conditions.iter().collect();
    conditions.sort_by_key(|condition| match condition.level {
        Level::Error => 0,
        Level::Warn => 1,
        Level::Ok | Level::None | Level::Unknown => 2,
    });
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
            Level::Warn => "!",
            Level::None | Level::Unknown => "-",
        };
        console.line(format!("  {sign} {name:<name_width$}  {value:>value_width$}  {required}").trim_end());
    }
    if gate.conditions.len() > CONDITIONS_SHOWN {
        console.line(format_args!("  … and {} more conditions", gate.conditions.len() - CONDITIONS_SHOWN));
    }
}

/// The variables are wrong.
pub fn variables_wrong(problems: &[Problem], console: &Console) -> Outcome {
    console.problems(problems);
    let number = match problems.len() {
        1 => "1 variable is".to_owned(),
        number => format!("{number} variables are"),
    };
    console.failed(format_args!("{number} wrong; nothing was sent"));
    Outcome::VariablesWrong
}

/// What became of a run with these statuses: the worst of them.
pub fn run(outcomes: &[Outcome], console: &Console) -> Outcome {
    let worst = outcomes.iter().copied().fold(Outcome::Done, Outcome::worse);
    if outcomes.len() > 1 {
        let failed = outcomes.iter().filter(|outcome| **outcome == Outcome::BitbucketFailed).count();
        let line = format!("{} of {} statuses posted", outcomes.len() - failed, outcomes.len());
        if worst == Outcome::Done { console.done(line) } else { console.failed(line) }
    }
    worst
}

/// What became of a status.
pub fn published(
    published: &Published,
    plan: &Plan,
    settings: &Settings,
    results: Option<&ResultFile>,
    console: &Console,
) -> Outcome {
    let Published { target, status, end, outcome: of_verdict } = published;
    let (outcome, reason) = match end {
        End::Delivered | End::Skipped | End::Printed => (*of_verdict, None),
        End::Refused(refusal) => {
            told(refusal, console);
            (Outcome::BitbucketFailed, Some(reason(refusal)))
        }
        End::Stopped => (Outcome::Stopped, Some("the run was stopped".to_owned())),
    };
    if let (Some(results), Some(delivery)) = (results, end.delivery()) {
        let written = results.write(&Record {
            target: RecordedTarget::new(&plan.target.repository, target.as_ref()),
            status: status.as_ref(),
            outcome: delivery,
            exit_code: outcome.exit_code(),
            reason: reason.map(|reason| console.clean(&reason)),
        });
        if let Err(error) = written {
            console.warning(format_args!("RESULT_FILE could not be written: {error}"));
        }
    }
    if let (End::Delivered | End::Skipped, Some(path), Some(target), Some(status)) =
        (end, &settings.output_variables, target, status)
        && let Err(error) = write_output_variables(path, target, status)
    {
        console.warning(format_args!(
            "the output variables could not be written to BITBUCKET_PIPELINES_VARIABLES_PATH: {error}"
        ));
    }
    last_line(end, target.as_ref(), status.as_ref(), *of_verdict, console);
    outcome
}

fn last_line(
    end: &End,
    target: Option<&Target>,
    status: Option<&Status>,
    of_verdict: Outcome,
    console: &Console,
) {
    let what = match (target, status) {
        (Some(target), Some(status)) => {
            if matches!(end, End::Delivered | End::Skipped) {
                console.detail(
                    "status",
                    format_args!("{} (key {}): {}", status.name, status.key, status.description),
                );
                console.detail("link", &status.url);
            }
            let branch = target.refname.as_ref().map(|name| format!(", branch {name}")).unwrap_or_default();
            format!("{} on {} commit {}{branch}", status.state, target.repository, target.commit)
        }
        _ => "the status".to_owned(),
    };
    let what = match end {
        End::Delivered => format!("posted {what}"),
        End::Skipped => format!("skipped {what}: RESULT_FILE says it was delivered"),
        End::Printed => format!("DRY_RUN: would post {what}"),
        End::Refused(_) => format!("not posted: {what}"),
        End::Stopped if target.is_none() => "stopped before anything was sent".to_owned(),
        End::Stopped if status.is_some_and(|status| status.state == State::Stopped) => {
            format!("stopped before the end: posted {what}, for INPROGRESS would block merging")
        }
        End::Stopped => format!("stopped before the end: {what} may not have been posted"),
    };
    match (end, of_verdict) {
        (End::Refused(_) | End::Stopped, _) => console.failed(what),
        (_, Outcome::Done) => console.done(what),
        (_, Outcome::GateRed) => {
            console.failed(format_args!(
                "{what}: there is no green quality gate (FAIL_ON_RED_GATE: false keeps the step green)"
            ));
        }
        _ => console.failed(format_args!("{what}: there is no verdict of SonarQube")),
    }
}

/// A request that did not get through: what was sent, what came back, why, and what to do.
pub fn told(refusal: &Refusal, console: &Console) {
    console.failed(refusal);
    console.detail("sent", refusal.sent());
    console.detail("answered", refusal.answered());
    let Explanation { reasons, again } = explain(refusal);
    let several = reasons.len() > 1;
    if several {
        console
            .detail("why", format_args!("{} does not say; one of these, likeliest first", refusal.service));
    }
    for (number, Reason { why, remedy, .. }) in (1..).zip(&reasons) {
        let number = if several { format!(" {number}") } else { String::new() };
        console.detail(&format!("why{number}"), why);
        console.details(&format!("to do{number}"), remedy);
    }
    if let Some(again) = again {
        console.detail("again", again);
    }
}

fn reason(refusal: &Refusal) -> String {
    format!("{refusal}: {}", refusal.answered())
}
