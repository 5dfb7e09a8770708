//! What became of the run, told to the reader and to later steps; the last line is the outcome.

use crate::{
    console::Console,
    outcome::Outcome,
    plan::{Plan, Settings},
    problem::Problem,
    publish::{End, Published},
    refusal::Refusal,
    results::{Record, RecordedTarget, ResultFile, write_output_variables},
    status::{State, Status},
    target::Target,
};

/// What the run is about to do.
pub fn opening(plan: &Plan, console: &Console) {
    console.line(format_args!(
        "gatepost {}: {} for {} with the {}",
        env!("CARGO_PKG_VERSION"),
        plan.status.verdict.state,
        plan.target.repository,
        plan.credential.kind()
    ));
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

/// What became of the plan.
pub fn published(
    published: &Published,
    plan: &Plan,
    settings: &Settings,
    results: Option<&mut ResultFile>,
    console: &Console,
) -> Outcome {
    let Published { target, status, end } = published;
    let (outcome, reason) = match end {
        End::Delivered | End::Skipped | End::Printed => (Outcome::Done, None),
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
    last_line(end, target.as_ref(), status.as_ref(), console);
    outcome
}

fn last_line(end: &End, target: Option<&Target>, status: Option<&Status>, console: &Console) {
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
    match end {
        End::Delivered => console.done(format_args!("posted {what}")),
        End::Skipped => console.done(format_args!("skipped {what}: RESULT_FILE says it was delivered")),
        End::Printed => console.done(format_args!("DRY_RUN: would post {what}")),
        End::Refused(_) => console.failed(format_args!("not posted: {what}")),
        End::Stopped if status.is_some_and(|status| status.state == State::Stopped) => {
            console.failed(format_args!(
                "stopped before the end: posted {what}, for INPROGRESS would block merging"
            ));
        }
        End::Stopped => {
            console.failed(format_args!("stopped before the end: {what} may not have been posted"));
        }
    }
}

fn told(refusal: &Refusal, console: &Console) {
    console.failed(refusal);
    console.detail("sent", refusal.sent());
    console.detail("answered", refusal.answered());
    let explanation = refusal.explain();
    for line in &explanation.why {
        console.detail("why", line);
    }
    for line in &explanation.remedy {
        console.detail("to do", line);
    }
}

fn reason(refusal: &Refusal) -> String {
    format!("{refusal}: {}", refusal.answered())
}
