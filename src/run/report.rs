//! What became of the run, told to the reader and to later steps; the last line is the outcome.

use std::{
    collections::{HashMap, HashSet},
    io,
    rc::Rc,
    slice,
};

use crate::{
    bitbucket::{credential::Credential, refusal::Refusal},
    config::{
        analysis::VerdictPlan,
        findings::{Findings, Problem},
        keyring::Credentials,
        plan::{Plan, Settings},
        target_list::Targets,
    },
    console::{log::Console, text::counted},
    explain::{
        bitbucket::{STOPPED_OVER, explain},
        explanation::Explanation,
        tell::tell,
    },
    http::throttle::Throttle,
    model::{
        outcome::Outcome,
        state::State,
        target::{Lookup, TargetPlan},
    },
    run::{
        publish::{End, Published},
        result_file::{Record, RecordedTarget, ResultFile, write_output_variables},
    },
    sonarqube::gate::{Condition, Gate, Level},
};

/// What is unusual about the variables.
pub(crate) fn warnings(findings: &Findings, console: &Console) {
    for warning in &findings.warnings {
        console.warning(warning);
    }
}

/// What the run is about to do.
pub(crate) fn opening(targets: &Targets<Plan>, settings: &Settings, console: &Console) {
    let version = env!("CARGO_PKG_VERSION");
    match &targets.plans[..] {
        [plan] if !targets.many => console.line(format_args!(
            "gatepost {version}: {} for {} {}",
            match &plan.verdict {
                VerdictPlan::Given(verdict) => verdict.state.to_string(),
                VerdictPlan::Ask(analysis) => format!("the quality gate of {}", analysis.analyses),
            },
            plan.target.repository,
            plan.access.authorization.description
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
    if targets.many && targets.plans.is_empty() {
        console.warning("there is no target: nothing is done");
    }
}

/// The allowance that every credential has at least, in requests an hour; access tokens of large plans have more.
/// <https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/>
const ALLOWANCE: usize = 1000;

/// How many requests a run needs with each credential, to say whether they fit into its allowance.
#[derive(Debug, Default)]
pub(crate) struct Budget<'a> {
    requests: HashMap<*const Throttle, (String, usize)>,
    lookups: HashSet<(*const Throttle, String, Lookup<'a>)>,
}

impl<'a> Budget<'a> {
    /// Of publishing, without what an earlier run delivered.
    pub(crate) fn of_publishing(plans: &'a [Plan], results: Option<&ResultFile>) -> Self {
        let is_delivered = |plan: &Plan| match &plan.verdict {
            VerdictPlan::Given(verdict) => {
                results.is_some_and(|results| results.recall(plan, slice::from_ref(verdict)).is_some())
            }
            VerdictPlan::Ask(_) => false,
        };
        let mut budget = Self::default();
        for plan in plans.iter().filter(|plan| !is_delivered(plan)) {
            budget.add(&plan.access, Some(&plan.target), 1);
        }
        budget
    }

    /// Adds so many requests about a target, and its lookup, which is made once however many statuses it gets.
    pub(crate) fn add(&mut self, access: &Credential, target: Option<&'a TargetPlan>, requests: usize) {
        let pace = Rc::as_ptr(&access.throttle);
        let is_looked_up = target.filter(|target| target.given().is_none()).is_some_and(|target| {
            let lookup = target.may_look_up();
            lookup.is_some_and(|lookup| self.lookups.insert((pace, target.repository.to_string(), lookup)))
        });
        let (_, number) =
            self.requests.entry(pace).or_insert_with(|| (access.authorization.description.clone(), 0));
        *number += requests + usize::from(is_looked_up);
    }

    /// Says what does not fit; the `steps` of a parallel group share the allowance.
    pub(crate) fn tell(&self, steps: usize, console: &Console) {
        let in_all = if steps > 1 { format!(" in the {steps} steps together") } else { String::new() };
        let needed = self.requests.values().map(|(with, requests)| (with, requests * steps));
        for (with, requests) in needed.filter(|(_, requests)| *requests > ALLOWANCE) {
            console.warning(format_args!(
                "up to {requests} requests are needed {with}{in_all}, but {ALLOWANCE} an hour are certain (access tokens of large plans have more): the run will slow down or be refused; RESULT_FILE with RESUME goes on later, and several access tokens have an allowance each"
            ));
        }
    }
}

/// More names than this are counted.
const NAMES_SHOWN: usize = 10;

/// Tokens of repositories that are no target of this run: a name may be misspelt.
pub(crate) fn unused_tokens(credentials: &Credentials, console: &Console) {
    let unused = credentials.unused();
    if unused.is_empty() {
        return;
    }
    let shown = unused.iter().take(NAMES_SHOWN).copied().collect::<Vec<_>>().join(", ");
    let more = match unused.len().saturating_sub(NAMES_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    console.warning(format_args!(
        "BITBUCKET_ACCESS_TOKENS has tokens for repositories that are no target: {shown}{more}"
    ));
}

/// That `RESULT_FILE` does not have everything.
pub(crate) fn results_ended(results: &ResultFile, console: &Console) {
    let lost = results.lost.get();
    if lost > 0 {
        console.warning(format_args!(
            "RESULT_FILE lacks {}, which could not be written: RESUME would post them again",
            counted(lost, "line")
        ));
    }
}

/// How many conditions are shown; a gate of SonarQube's own has some ten.
const CONDITIONS_SHOWN: usize = 40;

/// A quality gate and its conditions, as a small table.
pub(crate) fn gate(gate: &Gate, judged: &str, console: &Console) {
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
pub(crate) fn variables_wrong(findings: &Findings, console: &Console) -> Outcome {
    for Problem { variable, found, accepted, remedy } in &findings.problems {
        console.failed(format_args!("{variable} {found}"));
        console.detail("accepted", accepted);
        console.details("to do", remedy);
    }
    if findings.unshown > 0 {
        console.failed(format_args!("{} problems more of the same list", findings.unshown));
    }
    let number = match findings.problems.len() + findings.unshown {
        1 => "1 variable is".to_owned(),
        number => format!("{number} variables are"),
    };
    console.failed(format_args!("{number} wrong; nothing was sent"));
    Outcome::VariablesWrong
}

/// Tells and records what became of a status.
pub(crate) fn published(
    published: &Published,
    plan: &Plan,
    results: Option<&ResultFile>,
    console: &Console,
) -> Outcome {
    let outcome = match &published.end {
        End::Delivered | End::Skipped | End::Repeated | End::Printed => published.outcome,
        End::Contradicted => {
            console.failed("not posted: another target of this run is the same commit with the same key, and says something else");
            console.detail("to do", "remove one of the two, or give it another KEY");
            Outcome::BitbucketFailed
        }
        End::Refused(refusal) => {
            tell(&**refusal, console);
            Outcome::BitbucketFailed
        }
        End::Stopped => Outcome::Stopped,
    };
    record(published, Some(plan), outcome, results, console);
    outcome
}

/// Begins this run's part of `RESULT_FILE`, and says what is unusual about the file.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn results_begun(results: &ResultFile, console: &Console) -> io::Result<()> {
    if !results.begin()? {
        console.warning("another run is writing to RESULT_FILE: its lines are kept, and those of this run follow; give each run a file of its own");
    }
    // One may be half a line of a run that was killed.
    if results.unreadable > 1 {
        console.warning(format_args!(
            "RESULT_FILE has {} lines that gatepost did not write: they are left as they are, and record nothing",
            results.unreadable
        ));
    }
    Ok(())
}

/// Hands the status on to later steps, as the pipeline's output variables.
pub(crate) fn hand_on(published: &Published, settings: &Settings, console: &Console) {
    if let Published {
        target: Some(target), status: Some(status), end: End::Delivered | End::Skipped, ..
    } = published
        && let Some(path) = &settings.output_variables
        && let Err(error) = write_output_variables(path, target, status)
    {
        console.warning(format_args!(
            "the output variables could not be written to BITBUCKET_PIPELINES_VARIABLES_PATH: {error}"
        ));
    }
}

/// Writes what became of a status to `RESULT_FILE`.
pub(crate) fn record(
    published: &Published,
    plan: Option<&Plan>,
    outcome: Outcome,
    results: Option<&ResultFile>,
    console: &Console,
) {
    let Published { target, status, end, outcome: _ } = published;
    let (Some(results), Some(delivery)) = (results, end.delivery()) else {
        return;
    };
    let planned = plan.map(|plan| &plan.target.repository);
    let Some(repository) = target.as_ref().map(|target| &target.repository).or(planned) else {
        return;
    };
    let reason = match end {
        End::Delivered | End::Skipped | End::Repeated | End::Printed => None,
        End::Refused(refusal) => Some(reason(refusal)),
        End::Contradicted => {
            Some("another target of this run says something else about the same status".to_owned())
        }
        End::Stopped => Some("the run was stopped".to_owned()),
    };
    let written = results.write(&Record {
        target: RecordedTarget::new(
            repository,
            target.as_ref(),
            plan.and_then(|plan| plan.target.found_by(target.as_ref())),
        ),
        status: status.as_ref(),
        outcome: delivery,
        exit_code: outcome.exit_code(),
        reason: reason.map(|reason| console.clean(&reason)),
    });
    if let Err(error) = written
        && console.news("RESULT_FILE".to_owned()).is_some()
    {
        console.of_run().warning(format_args!("RESULT_FILE could not be written: {error}"));
    }
}

/// The last lines about a run's only target.
pub(crate) fn last_line(published: &Published, console: &Console) {
    let Published { target, status, end, outcome: of_verdict } = published;
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
        End::Repeated => format!("posted {what} before"),
        End::Refused(_) | End::Contradicted => format!("not posted: {what}"),
        End::Stopped if target.is_none() => "stopped before anything was sent".to_owned(),
        End::Stopped if status.as_ref().is_some_and(|status| status.state == State::Stopped) => {
            format!("stopped before the end: posted {what}, for INPROGRESS would block merging")
        }
        End::Stopped => format!("stopped before the end: {what} may not have been posted"),
    };
    match (end, of_verdict) {
        (End::Refused(_) | End::Contradicted | End::Stopped, _) => console.failed(what),
        (_, Outcome::Done) => console.done(what),
        (_, Outcome::GateRed) => {
            console.failed(format_args!(
                "{what}: there is no green quality gate (FAIL_ON_RED_GATE: false keeps the step green)"
            ));
        }
        _ => console.failed(format_args!("{what}: there is no verdict of SonarQube")),
    }
}

/// The last line of a run with several statuses for its only target.
pub(crate) fn several(outcomes: &[Outcome], console: &Console) {
    if outcomes.len() > 1 {
        let worst = outcomes.iter().copied().fold(Outcome::Done, Outcome::worse);
        let failed = outcomes.iter().filter(|outcome| **outcome == Outcome::BitbucketFailed).count();
        let line = format!("{} of {} statuses posted", outcomes.len() - failed, outcomes.len());
        if worst == Outcome::Done { console.done(line) } else { console.failed(line) }
    }
}

/// A refusal in one line, for `RESULT_FILE`.
fn reason(refusal: &Refusal) -> String {
    let Explanation { reasons, .. } = explain(refusal);
    let why = reasons.first().map(|reason| &*reason.why).unwrap_or_default();
    let left =
        if refusal.is_stopped_over { format!("; left on the commit: {STOPPED_OVER}") } else { String::new() };
    format!("failed to {}: {}; {why}{left}", refusal.purpose, refusal.failed.answered())
}
