//! Gatepost carries a verdict to the commit of a pull request as a Bitbucket Cloud build status.
//!
//! ```text
//! variables ──> plan ──> verdict ──> status ──> publish ──> report
//! what the      what     given, or   pure:      requests,   log, result
//! user wrote    will be  asked of    fits every retries     file, exit code
//!               done     SonarQube   limit
//! ```
//!
//! - [`run`](mod@run) works on every target of [`targets`] by itself, and [`check`](mod@check) looks at all of it and
//!   posts nothing; both with what [`context`] has.
//! - [`variables`] reads the environment; [`plan`] understands it with [`credentials`] (each a [`credential`] with a
//!   [`token`]), [`target`], [`status`], [`verdict`] and [`values`], and gathers every [`problem`]. A status has a
//!   [`state`]; its [`text`] fits.
//! - [`judge`] asks SonarQube about what [`report_task`] found, through [`sonarqube`], which knows the
//!   endpoints; [`gate`] and [`metrics`] have the words for the answer.
//! - [`publish`](mod@publish) has [`locate`] find the commit, and posts the status through [`bitbucket`], which knows the
//!   endpoints.
//! - [`client`] sends to either [`service`] with [`http`], at the [`pace`] of the credential, and asks [`retry`] whether
//!   to send again. A [`refusal`] is the evidence of what did not get through: what was sent, what came back in which
//!   [`envelope`], and what an [`inquiry`] found out. [`explanation`] says why and what to do: it reads the answer's
//!   [`meaning`] and [`scopes`], and has its words from the [`handbook`].
//! - [`report`] tells the reader through [`console`], which keeps [`secrets`], and later steps through
//!   [`results`]; many targets end in a [`summary`]. [`outcome`] is the exit code, and [`help`] has the texts that
//!   `--help` and the README share.

pub mod bitbucket;
pub mod check;
pub mod client;
pub mod console;
pub mod context;
pub mod credential;
pub mod credentials;
pub mod envelope;
pub mod explanation;
pub mod gate;
pub mod handbook;
pub mod help;
pub mod http;
pub mod inquiry;
pub mod judge;
pub mod locate;
pub mod meaning;
pub mod metrics;
pub mod once;
pub mod outcome;
pub mod pace;
pub mod plan;
pub mod problem;
pub mod publish;
pub mod refusal;
pub mod report;
pub mod report_task;
pub mod results;
pub mod retry;
pub mod run;
pub mod scopes;
pub mod secrets;
pub mod service;
pub mod sonarqube;
pub mod state;
pub mod status;
pub mod summary;
pub mod target;
pub mod targets;
pub mod text;
pub mod token;
pub mod values;
pub mod variables;
pub mod verdict;

use std::{collections::HashSet, ffi::OsString, io};

use secrecy::{ExposeSecret, SecretString};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    check::CheckPlan,
    console::Console,
    context::Context,
    credentials::Credentials,
    http::Http,
    outcome::Outcome,
    plan::{Mode, Plan, Settings},
    problem::Findings,
    report::Budget,
    results::ResultFile,
    run::Run,
    service::Service,
    targets::{Targets, are_many},
    variables::Variables,
    verdict::root_cert,
};

/// Does what the environment asks for, and says so on the console.
///
/// # Errors
///
/// Only what a defect of Gatepost explains; every failure that a user or a service causes is an [`Outcome`].
pub async fn run(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    mut console: Console,
) -> anyhow::Result<Outcome> {
    let mut stop = Stop::listen()?;
    let mut findings = Findings::default();
    let variables = Variables::read(environment, &mut findings)?;
    console.hide(variables.secrets());
    let settings = Settings::from_variables(&variables, &mut findings)?;
    if let Some(colour) = settings.colour {
        console.set_colour(colour);
    }
    console.set_debug(settings.debug);
    let roots = http::extra_roots(settings.ssl_cert_file.as_deref(), &mut findings);
    let asks_sonarqube = variables.state.is_none() || are_many(&variables);
    let sonarqube_roots = if asks_sonarqube { root_cert(&variables, &mut findings) } else { Vec::new() };
    let credentials = Credentials::from_variables(&variables, settings.timeout, &mut findings);
    console.hide(credentials.secrets());

    let http = Http::new(&roots, &[], &settings.proxies, settings.concurrency)?;
    // A root for SonarQube is not trusted to speak for Bitbucket.
    let sonarqube_http = match sonarqube_roots[..] {
        [] => http.beside(settings.concurrency),
        _ => Http::new(&roots, &sonarqube_roots, &settings.proxies, settings.concurrency)?,
    };
    let context = Context {
        settings: &settings,
        credentials: &credentials,
        http: &http,
        sonarqube_http: &sonarqube_http,
        console: &console,
    };
    match settings.mode {
        Mode::Publish => publish(&variables, context, findings, &mut stop).await,
        Mode::Check => check(&variables, context, findings, &mut stop).await,
    }
}

/// `MODE: publish`.
async fn publish(
    variables: &Variables,
    context: Context<'_>,
    mut findings: Findings,
    stop: &mut Stop,
) -> anyhow::Result<Outcome> {
    let Context { settings, credentials, console, .. } = context;
    let targets = Targets::from_variables(variables, &mut findings, |variables, many, findings| {
        Plan::from_variables(variables, credentials, many, findings)
    });
    let results = ResultFile::from_settings(settings, &mut findings);
    let tokens = |plan: &Plan| plan.verdict.token().cloned();
    let Some(targets) = all_well(context, targets, &findings, tokens)? else {
        return Ok(report::variables_wrong(&findings, console));
    };
    if let Some(results) = &results {
        report::results_begun(results, console)?;
    }
    report::opening(&targets, settings, console);
    if targets.many {
        Budget::of_publishing(&targets.plans, results.as_ref()).tell(targets.steps(), console);
    }
    let run = Run::new(context, &targets, results.as_ref());
    tokio::select! {
        outcome = run.publish() => outcome,
        () = stop.asked() => Ok(run.stop().await),
    }
}

/// `MODE: check`.
async fn check(
    variables: &Variables,
    context: Context<'_>,
    mut findings: Findings,
    stop: &mut Stop,
) -> anyhow::Result<Outcome> {
    let Context { credentials, console, .. } = context;
    let targets = Targets::from_variables(variables, &mut findings, |variables, _, findings| {
        CheckPlan::from_variables(variables, credentials, findings)
    });
    let tokens = |plan: &CheckPlan| plan.sonarqube().and_then(|plan| plan.token.clone());
    let Some(targets) = all_well(context, targets, &findings, tokens)? else {
        return Ok(report::variables_wrong(&findings, console));
    };
    tokio::select! {
        outcome = check::check(&targets, context) => outcome,
        () = stop.asked() => {
            console.failed("stopped before the end; nothing was posted");
            Ok(Outcome::Stopped)
        }
    }
}

/// Says what is unusual, and gives the targets when nothing is wrong; secrets are hidden then in the forms in which
/// they travel.
fn all_well<P>(
    context: Context<'_>,
    targets: Option<Targets<P>>,
    findings: &Findings,
    token: impl Fn(&P) -> Option<SecretString>,
) -> anyhow::Result<Option<Targets<P>>> {
    let Context { settings, credentials, http, console, .. } = context;
    let plans = targets.iter().flat_map(|targets| &targets.plans);
    let tokens: HashSet<String> =
        plans.filter_map(token).map(|token| token.expose_secret().to_owned()).collect();
    console.hide(tokens.iter().cloned());
    report::warnings(findings, console);
    if !findings.problems.is_empty() {
        return Ok(None);
    }
    let request = || http.client().get(settings.api_url.clone());
    for access in credentials.accesses() {
        console.hide(access.service.as_sent(request())?);
    }
    for token in tokens {
        let as_user = Service::SonarQube { token: Some(token.into()), bearer: false };
        console.hide(as_user.as_sent(request())?);
    }
    Ok(targets)
}

/// What asks the process to end. As the first process of a container it would not be ended by a signal that it does
/// not handle; what comes while the variables are read is kept.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Ends when the process is asked to end.
    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
