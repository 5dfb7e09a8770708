//! Gatepost carries a verdict to the commit of a pull request as a Bitbucket Cloud build status.
//!
//! ```text
//! variables ──> plan ──> verdict ──> status ──> publish ──> report
//! what the      what     given, or   pure:      requests,   log, result
//! user wrote    will be  asked of    fits every retries     file, exit code
//!               done     SonarQube   limit
//! ```
//!
//! Rooms, lowest first; each uses only those before it:
//!
//! - [`console`]: what may be printed.
//! - [`model`]: what is talked about, as pure values.
//! - [`http`]: one service over HTTP.
//! - [`bitbucket`], [`sonarqube`]: the endpoints of each service.
//! - [`explain`]: why something was refused, and what to do.
//! - [`config`]: from the environment to a plan.
//! - [`run`](mod@run): the plan is carried out.

mod bitbucket;
pub mod config;
pub mod console;
pub mod explain;
mod http;
pub mod model;
mod run;
mod sonarqube;

use std::{collections::HashSet, ffi::OsString, io};

use secrecy::{ExposeSecret, SecretString};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::roots::extra_roots;
use crate::{
    config::{
        findings::Findings,
        keyring::Credentials,
        plan::{Mode, Plan, Settings},
        roots::root_cert,
        target_list::{Targets, are_many},
        variables::Variables,
    },
    console::log::Console,
    http::authorization::Authorization,
    http::transport::Transport,
    model::outcome::Outcome,
    run::{
        check::{self, CheckPlan},
        context::Context,
        report::{self, Budget},
        result_file::ResultFile,
        targets::Run,
    },
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
    let roots = extra_roots(settings.ssl_cert_file.as_deref(), &mut findings);
    let asks_sonarqube = variables.state.is_none() || are_many(&variables);
    let sonarqube_roots = if asks_sonarqube { root_cert(&variables, &mut findings) } else { Vec::new() };
    let credentials = Credentials::from_variables(&variables, settings.timeout, &mut findings);
    console.hide(credentials.secrets());

    let transport = Transport::new(roots.iter().cloned(), &settings.proxies, settings.concurrency)?;
    // A root for SonarQube is not trusted to speak for Bitbucket.
    let sonarqube_transport = if sonarqube_roots.is_empty() {
        transport.for_another_service(settings.concurrency)
    } else {
        let roots = roots.iter().chain(&sonarqube_roots).cloned();
        Transport::new(roots, &settings.proxies, settings.concurrency)?
    };
    let context = Context {
        settings: &settings,
        credentials: &credentials,
        transport: &transport,
        sonarqube_transport: &sonarqube_transport,
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
    let Some(targets) = all_well(context, targets, &findings, tokens) else {
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
    let Some(targets) = all_well(context, targets, &findings, tokens) else {
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
) -> Option<Targets<P>> {
    let Context { credentials, console, .. } = context;
    let plans = targets.iter().flat_map(|targets| &targets.plans);
    let tokens: HashSet<String> =
        plans.filter_map(token).map(|token| token.expose_secret().to_owned()).collect();
    console.hide(tokens.iter().cloned());
    report::warnings(findings, console);
    if !findings.problems.is_empty() {
        return None;
    }
    for access in credentials.accesses() {
        console.hide(access.authorization.secret_in_header());
    }
    for token in tokens {
        let as_user = Authorization::basic(token.into(), SecretString::default(), String::new());
        console.hide(as_user.secret_in_header());
    }
    targets
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
