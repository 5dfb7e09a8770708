//! Gatepost carries a verdict to the commit of a pull request as a Bitbucket Cloud build status.
//!
//! ```text
//! variables ──> plan ──> verdict ──> status ──> publish ──> report
//! what the      what     given, or   pure:      requests,   log, result
//! user wrote    will be  asked of    fits every retries     file, exit code
//!               done     SonarQube   limit
//! ```
//!
//! [`main`] reads the arguments, and `run` is the flow: it reads the variables, plans every target, reports
//! all problems at once, and then publishes, checks or settles. The rooms, lowest first; a room only uses rooms before it:
//!
//! - `console`: what may be printed.
//! - `model`: what Gatepost talks about, as pure values.
//! - `http`: one service over HTTP.
//! - `bitbucket`, `sonarqube`: the endpoints of each service.
//! - `explain`: why something was refused, and what to do.
//! - `config`: from the environment to a plan.
//! - `run`: the plan is carried out.

mod bitbucket;
pub mod config;
mod console;
pub mod explain;
/// What always holds, whatever text others send. `test/fuzz` looks for a text that breaks it.
#[cfg(any(test, fuzzing))]
#[path = "../test/fuzz/properties/mod.rs"]
pub mod fuzz;
mod http;
mod model;
mod run;
mod sonarqube;

use std::{collections::HashSet, ffi::OsString, process::ExitCode};

use secrecy::{ExposeSecret, SecretString};

use crate::{
    config::{
        arguments,
        findings::Findings,
        keyring::Keyring,
        left_out::LeftOut,
        plan::{NamedTarget, Plan, Planner},
        repositories::TargetSearch,
        roots::{extra_roots, sonarqube_roots},
        settings::{Mode, Settings},
        settle::warn_of_unused,
        target_list::{FOUND, Targets},
        variables::Variables,
    },
    console::log::Console,
    http::{authorization::Authorization, transport::Transport},
    model::{outcome::Outcome, settlement::Settlement},
    run::{
        budget::Budget,
        check::CheckRun,
        context::{Context, PipelinesProxy},
        find_targets::{FoundTargets, TargetFinder},
        publish::PublishRun,
        report,
        result_file::ResultFile,
        settle::SettleRun,
        stop::StopSignals,
        summary::{advice::Advice, file::SummaryFile},
    },
};

/// The process: arguments and environment in, exit code out.
pub fn main() -> ExitCode {
    console::defect::install_panic_hook();
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let outcome = match arguments::read(&arguments) {
        arguments::Request::Run(variable) => run_to_end(variable),
        arguments::Request::Print(text) => {
            Console::stdout().raw(&text);
            Outcome::Done
        }
        arguments::Request::Wrong => arguments::wrong(&Console::stdout()),
    };
    ExitCode::from(outcome.exit_code())
}

/// Runs in the environment of the process, with one more variable or none.
fn run_to_end(variable: Option<(OsString, OsString)>) -> Outcome {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let outcome = runtime.block_on(run(std::env::vars_os().chain(variable), Console::stdout()));
        // A lookup of a host name has a thread that cannot be stopped. The process does not wait for it.
        runtime.shutdown_background();
        outcome
    };
    run().unwrap_or_else(|error: anyhow::Error| console::defect::report(&format_args!("{error:#}")))
}

/// Does what the environment asks for, and reports it on the console.
///
/// # Errors
///
/// Only what a defect of Gatepost explains. Every failure that a user or a service causes is an [`Outcome`].
async fn run(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    mut console: Console,
) -> anyhow::Result<Outcome> {
    console::defect::hide_secrets_of(&console);
    let mut stop = StopSignals::listen()?;
    let mut findings = Findings::default();
    let variables = Variables::read(environment, &mut findings)?;
    console.hide(variables.secrets());
    let settings = Settings::from_variables(&variables, &mut findings)?;
    if let Some(colour) = settings.colour {
        console.set_colour(colour);
    }
    console.set_debug(settings.debug);
    let roots = extra_roots(settings.ssl_cert_file.as_deref(), &mut findings);
    let sonarqube_roots = sonarqube_roots(&variables, &mut findings);
    let keyring = Keyring::from_variables(&variables, settings.timeout, &mut findings);
    console.hide(keyring.secrets());

    let transport = Transport::new(roots.iter().cloned(), settings.proxies.clone(), settings.concurrency)?;
    // A root certificate for SonarQube is not trusted for Bitbucket.
    let sonarqube_transport = if sonarqube_roots.is_empty() {
        transport.for_another_service(settings.concurrency)
    } else {
        let roots = roots.into_iter().chain(sonarqube_roots);
        Transport::new(roots, settings.proxies.clone(), settings.concurrency)?
    };
    let proxy = || PipelinesProxy::at(settings.report_proxy.clone(), settings.concurrency);
    let pipelines_proxy = keyring.uses_pipelines_proxy().then(proxy).transpose()?;
    let advice = settings.summary_file.is_some().then(Advice::default);
    let context = Context {
        pipelines_proxy: pipelines_proxy.as_ref(),
        settings: &settings,
        keyring: &keyring,
        transport: &transport,
        sonarqube_transport: &sonarqube_transport,
        advice: advice.as_ref(),
        console: &console,
    };
    if settings.mode != Mode::Settle {
        warn_of_unused(&variables, &mut findings);
    }
    match settings.mode {
        Mode::Publish => publish(&variables, context, findings, &mut stop).await,
        Mode::Check => check(&variables, context, findings, &mut stop).await,
        Mode::Settle => settle(&variables, context, findings, &mut stop).await,
        Mode::Targets => write_targets(&variables, context, findings, &mut stop).await,
    }
}

/// The files that a run writes, open.
struct WrittenFiles {
    /// `RESULT_FILE`.
    results: Option<ResultFile>,
    /// `SUMMARY_FILE`.
    summary: Option<SummaryFile>,
}

impl WrittenFiles {
    fn open(settings: &Settings, findings: &mut Findings) -> Self {
        let results = ResultFile::from_settings(settings, findings);
        let summary = SummaryFile::from_settings(settings, results.as_ref(), findings);
        summary.iter().for_each(SummaryFile::begin);
        Self { results, summary }
    }

    /// Begins the lines of this run in `RESULT_FILE` with what was left out.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    fn begin_results(&self, left_out: &[LeftOut], console: &Console) -> anyhow::Result<()> {
        if let Some(results) = &self.results {
            report::begin_results(results, console)?;
            report::left_out(left_out, results, console);
        }
        Ok(())
    }

    /// Writes the page of a run that ends with this outcome before it has targets.
    fn end_without_targets(&self, outcome: Outcome) -> Outcome {
        if let Some(summary) = &self.summary {
            summary.write_without_targets(outcome);
        }
        outcome
    }
}

/// `MODE: publish`.
async fn publish(
    variables: &Variables,
    context: Context<'_>,
    mut findings: Findings,
    stop: &mut StopSignals,
) -> anyhow::Result<Outcome> {
    let Context { settings, console, .. } = context;
    let files = WrittenFiles::open(settings, &mut findings);
    let targets = match targets(variables, context, &mut findings, stop.received()).await {
        Ok(targets) => targets,
        Err(outcome) => return Ok(files.end_without_targets(outcome)),
    };
    hide_tokens(targets.as_ref(), console);
    report::warnings(&findings, console);
    let Some(targets) = targets.filter(|_| findings.problems.is_empty()) else {
        return Ok(files.end_without_targets(report::problems(&findings, console)));
    };
    hide_headers(context);
    let targets = targets.of_commits()?;
    files.begin_results(&targets.left_out, console)?;
    report::opening(&targets, settings, console);
    if targets.are_listed {
        let mut budget = Budget::of_publishing(&targets.plans, files.results.as_ref());
        targets.asked.iter().for_each(|credential| budget.add(credential, None, 1));
        budget.warn(targets.steps(), console);
    }
    let WrittenFiles { results, summary } = &files;
    let run = PublishRun::new(context, &targets, results.as_ref(), summary.as_ref());
    run.publish_until(stop.received()).await
}

/// `MODE: check`.
async fn check(
    variables: &Variables,
    context: Context<'_>,
    mut findings: Findings,
    stop: &mut StopSignals,
) -> anyhow::Result<Outcome> {
    let console = context.console;
    let targets = match targets(variables, context, &mut findings, stop.received()).await {
        Ok(targets) => targets,
        Err(outcome) => return Ok(outcome),
    };
    hide_tokens(targets.as_ref(), console);
    report::warnings(&findings, console);
    let Some(targets) = targets.filter(|_| findings.problems.is_empty()) else {
        return Ok(report::problems(&findings, console));
    };
    hide_headers(context);
    let run = CheckRun::new(context, &targets);
    tokio::select! {
        outcome = run.check() => outcome,
        () = stop.received() => Ok(stopped(console)),
    }
}

/// `MODE: settle`.
async fn settle(
    variables: &Variables,
    context: Context<'_>,
    mut findings: Findings,
    stop: &mut StopSignals,
) -> anyhow::Result<Outcome> {
    let Context { settings, console, .. } = context;
    let settlement = Settlement::from_variables(variables, &mut findings);
    let files = WrittenFiles::open(settings, &mut findings);
    let targets = match targets(variables, context, &mut findings, stop.received()).await {
        Ok(targets) => targets,
        Err(outcome) => return Ok(files.end_without_targets(outcome)),
    };
    report::warnings(&findings, console);
    let Some(targets) = targets.filter(|_| findings.problems.is_empty()) else {
        return Ok(files.end_without_targets(report::problems(&findings, console)));
    };
    hide_headers(context);
    let targets = targets.of_commits()?;
    files.begin_results(&targets.left_out, console)?;
    let WrittenFiles { results, summary } = &files;
    let run = SettleRun::new(context, &settlement, &targets, results.as_ref(), summary.as_ref());
    run.settle_until(stop.received()).await
}

/// `MODE: targets`.
async fn write_targets(
    variables: &Variables,
    context: Context<'_>,
    mut findings: Findings,
    stop: &mut StopSignals,
) -> anyhow::Result<Outcome> {
    let Context { settings, keyring, console, .. } = context;
    let search = TargetSearch::from_variables(variables, keyring, &mut findings);
    if variables.repositories.is_none() && !findings.is_wrong("REPOSITORIES") {
        findings.refuse(
            "MODE",
            "is targets, and REPOSITORIES is not set",
            "MODE: targets together with REPOSITORIES",
            "pass REPOSITORIES: it names where Gatepost looks for targets",
        );
    }
    report::warnings(&findings, console);
    let Some(search) = search.filter(|_| findings.problems.is_empty()) else {
        return Ok(report::problems(&findings, console));
    };
    let finder = TargetFinder::new(context, &search, variables);
    let planner = Planner::new(settings.mode, keyring, console);
    Ok(match find_targets(&finder, context, stop.received()).await {
        Ok(mut found) => {
            finder.leave_out_unusable(&mut found, &planner);
            found.write(settings.result_file.as_deref(), console)
        }
        Err(outcome) => outcome,
    })
}

/// The targets that the variables name, or those that are found. No targets after problems were found.
///
/// # Errors
///
/// How the run ends, when it is stopped or there is nothing to look in; that was told.
async fn targets(
    variables: &Variables,
    context: Context<'_>,
    findings: &mut Findings,
    stop: impl Future<Output = ()>,
) -> Result<Option<Targets<NamedTarget>>, Outcome> {
    let Context { settings, keyring, console, .. } = context;
    let planner = Planner::new(settings.mode, keyring, console);
    let Some(search) = TargetSearch::from_variables(variables, keyring, findings) else {
        // A wrong search must not become the one target of the pipeline.
        let is_search = variables.repositories.is_some() || findings.is_wrong("REPOSITORIES");
        let named = || Targets::from_variables(variables, &planner, findings);
        let targets = (!is_search).then(named).flatten();
        if let Some(targets) = &targets {
            report::tell_left_out(&targets.left_out, console);
        }
        return Ok(targets);
    };
    let finder = TargetFinder::new(context, &search, variables);
    Targets::rehearse(&finder.example(), variables, &planner, findings);
    if !findings.problems.is_empty() {
        return Ok(None);
    }
    report::warnings(findings, console);
    findings.warnings.clear();
    let mut found = find_targets(&finder, context, stop).await?;
    let plan = |found: &FoundTargets| {
        let mut findings = Findings::default();
        let list = found.to_json();
        let targets = Targets::from_list(FOUND, list.as_bytes(), variables, &planner, &mut findings);
        (targets, findings)
    };
    let (mut targets, mut own) = plan(&found);
    // Most lists are fine as a whole.
    if Targets::has_wrong_entry(&own) {
        finder.leave_out_unusable(&mut found, &planner);
        (targets, own) = plan(&found);
    }
    findings.append(own);
    targets.left_out = found.left_out;
    targets.asked = found.asked;
    Ok(Some(targets))
}

/// Looks for targets until they are found or the run is stopped.
///
/// # Errors
///
/// How the run ends, when it is stopped or there is nothing to look in; that was told.
async fn find_targets(
    finder: &TargetFinder<'_>,
    context: Context<'_>,
    stop: impl Future<Output = ()>,
) -> Result<FoundTargets, Outcome> {
    hide_headers(context);
    tokio::select! {
        found = finder.find() => found,
        () = stop => Err(stopped(context.console)),
    }
}

fn stopped(console: &Console) -> Outcome {
    console.failed("stopped before the end; nothing was posted");
    Outcome::Stopped
}

/// Hides every secret as an `Authorization` header holds it: a service may send it back. Before that no variable is wrong: a
/// wrong one may be its own name, which the log needs.
fn hide_headers(Context { keyring, console, .. }: Context<'_>) {
    for credential in keyring.credentials() {
        console.hide(credential.secrets_in_headers());
    }
}

/// Hides the tokens of SonarQube that the plans hold, also as an `Authorization` header holds them: an entry of a list may
/// have its own.
fn hide_tokens<T>(targets: Option<&Targets<T>>, console: &Console) {
    let plans = targets.iter().flat_map(|targets| &targets.plans);
    let tokens = plans.filter_map(|plan: &Plan<T>| plan.verdict.token());
    for token in tokens.map(ExposeSecret::expose_secret).collect::<HashSet<&str>>() {
        let as_user = Authorization::basic(token.into(), SecretString::default(), String::new());
        console.hide([token.to_owned()].into_iter().chain(as_user.secret_in_header()));
    }
}
