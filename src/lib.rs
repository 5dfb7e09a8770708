//! Gatepost carries a verdict to the commit of a pull request as a Bitbucket Cloud build status.
//!
//! ```text
//! variables ──> plan ──> verdict ──> status ──> publish ──> report
//! what the      what     given, or   pure:      requests,   log, result
//! user wrote    will be  asked of    fits every retries     file, exit code
//!               done     SonarQube   limit
//! ```
//!
//! - [`run`](mod@run) works on every target of [`targets`] by itself, and [`check`] looks at all of it and posts
//!   nothing.
//! - [`variables`] reads the environment; [`plan`] understands it with [`credentials`] (each a [`credential`] with a
//!   [`token`]), [`target`], [`status`], [`verdict`] and [`values`], and gathers every [`problem`]. A status has a
//!   [`state`]; its [`text`] fits.
//! - [`judge`] asks SonarQube about what [`report_task`] found, through [`sonarqube`], which knows the
//!   endpoints; [`gate`] and [`metrics`] have the words for the answer.
//! - [`publish`] has [`locate`] find the commit, and posts the status through [`bitbucket`], which knows the
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
    check::{CheckPlan, Checker},
    console::Console,
    credentials::Credentials,
    http::Http,
    locate::Lookups,
    outcome::Outcome,
    plan::{Mode, Plan, Settings},
    problem::Findings,
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
        variables: &variables,
        settings: &settings,
        credentials: &credentials,
        sonarqube_http: &sonarqube_http,
        http: &http,
        console: &console,
    };
    match settings.mode {
        Mode::Publish => context.publish(findings, &mut stop).await,
        Mode::Check => context.check(findings, &mut stop).await,
    }
}

/// What both modes need.
struct Context<'a> {
    variables: &'a Variables,
    settings: &'a Settings,
    credentials: &'a Credentials,
    http: &'a Http,
    sonarqube_http: &'a Http,
    console: &'a Console,
}

impl Context<'_> {
    /// `MODE: publish`.
    async fn publish(&self, mut findings: Findings, stop: &mut Stop) -> anyhow::Result<Outcome> {
        let Self { settings, console, .. } = *self;
        let targets = Targets::from_variables(self.variables, &mut findings, |variables, many, findings| {
            Plan::from_variables(variables, self.credentials, many, findings)
        });
        let results = ResultFile::from_settings(settings, &mut findings);
        let tokens = |plan: &Plan| plan.verdict.token().cloned();
        let Some(targets) = self.all_well(targets, &findings, tokens)? else {
            return Ok(report::variables_wrong(&findings, console));
        };
        if let Some(results) = &results {
            report::results_begun(results, console)?;
        }
        report::opening(&targets, settings, console);
        let Targets { plans, many, .. } = targets;
        if many {
            report::unused_tokens(self.credentials, console);
            report::budget(&plans, console);
        }
        let run = Run::new(
            settings,
            self.http,
            self.sonarqube_http,
            results.as_ref(),
            console,
            many.then_some(plans.len()),
        );
        tokio::select! {
            outcome = run.publish(&plans) => outcome,
            () = stop.asked() => Ok(run.stop(&plans).await),
        }
    }

    /// `MODE: check`.
    async fn check(&self, mut findings: Findings, stop: &mut Stop) -> anyhow::Result<Outcome> {
        let Self { settings, console, http, sonarqube_http, .. } = *self;
        let targets = Targets::from_variables(self.variables, &mut findings, |variables, _, findings| {
            CheckPlan::from_variables(variables, self.credentials, findings)
        });
        let tokens = |plan: &CheckPlan| plan.sonarqube().and_then(|plan| plan.token.clone());
        let Some(targets) = self.all_well(targets, &findings, tokens)? else {
            return Ok(report::variables_wrong(&findings, console));
        };
        let lookups = Lookups::default();
        let checker = Checker { settings, http, sonarqube_http, lookups: &lookups, console };
        tokio::select! {
            outcome = check::check(&targets.plans, targets.many, checker) => outcome,
            () = stop.asked() => {
                console.failed("stopped before the end; nothing was posted");
                Ok(Outcome::Stopped)
            }
        }
    }

    /// Says what is unusual, and gives the targets when nothing is wrong; secrets are hidden then in the forms in
    /// which they travel.
    fn all_well<P>(
        &self,
        targets: Option<Targets<P>>,
        findings: &Findings,
        token: impl Fn(&P) -> Option<SecretString>,
    ) -> anyhow::Result<Option<Targets<P>>> {
        let plans = targets.iter().flat_map(|targets| &targets.plans);
        let tokens: HashSet<String> =
            plans.filter_map(token).map(|token| token.expose_secret().to_owned()).collect();
        self.console.hide(tokens.iter().cloned());
        report::warnings(findings, self.console);
        if !findings.problems.is_empty() {
            return Ok(None);
        }
        let request = || self.http.client().get(self.settings.api_url.clone());
        for access in self.credentials.accesses() {
            self.console.hide(access.service.as_sent(request())?);
        }
        for token in tokens {
            let as_user = Service::SonarQube { token: Some(token.into()), bearer: false };
            self.console.hide(as_user.as_sent(request())?);
        }
        Ok(targets)
    }
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
