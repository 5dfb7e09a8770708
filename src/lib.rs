//! Gatepost carries a verdict to the commit of a pull request as a Bitbucket Cloud build status.
//!
//! ```text
//! variables ──> plan ──> verdict ──> status ──> publish ──> report
//! what the      what     given, or   pure:      requests,   log, result
//! user wrote    will be  asked of    fits every retries     file, exit code
//!               done     SonarQube   limit
//! ```
//!
//! - [`variables`] reads the environment; [`plan`] understands it with [`credential`], [`target`], [`status`],
//!   [`verdict`] and [`values`], and gathers every [`problem`]. A status has a [`state`]; its [`text`] fits.
//! - [`judge`] asks SonarQube about what [`report_task`] found, through [`sonarqube`], which knows the
//!   endpoints; [`gate`] and [`metrics`] have the words for the answer.
//! - [`publish`] has [`locate`] find the commit, and posts the status through [`bitbucket`], which knows the
//!   endpoints. [`check`] looks at all of this and posts nothing.
//! - [`client`] sends to either [`service`] with [`http`] and asks [`retry`] whether to send again. A [`refusal`]
//!   is the evidence of what did not get through: what was sent, what came back in which [`envelope`], and what
//!   an [`inquiry`] found out. [`explanation`] says why and what to do, in the words of the [`handbook`], with
//!   what [`scopes`] and a [`token`]'s shape tell.
//! - [`report`] tells the reader through [`console`], which keeps [`secrets`], and later steps through
//!   [`results`]; [`outcome`] is the exit code.

pub mod bitbucket;
pub mod check;
pub mod client;
pub mod console;
pub mod credential;
pub mod envelope;
pub mod explanation;
pub mod gate;
pub mod handbook;
pub mod help;
pub mod http;
pub mod inquiry;
pub mod judge;
pub mod locate;
pub mod metrics;
pub mod outcome;
pub mod plan;
pub mod problem;
pub mod publish;
pub mod refusal;
pub mod report;
pub mod report_task;
pub mod results;
pub mod retry;
pub mod scopes;
pub mod secrets;
pub mod service;
pub mod sonarqube;
pub mod state;
pub mod status;
pub mod target;
pub mod text;
pub mod token;
pub mod values;
pub mod variables;
pub mod verdict;

use std::{ffi::OsString, io, pin::pin, time::Instant};

use rustls::pki_types::CertificateDer;
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    bitbucket::Bitbucket,
    check::CheckPlan,
    client::Client,
    console::Console,
    http::Http,
    outcome::Outcome,
    plan::{Mode, Plan, Settings},
    problem::Findings,
    publish::{Published, Publisher},
    results::ResultFile,
    service::Service,
    variables::Variables,
    verdict::{Verdict, VerdictPlan},
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
    let mut findings = Findings::default();
    let variables = Variables::read(environment, &mut findings)?;
    console.hide(variables.secrets());
    let settings = Settings::from_variables(&variables, &mut findings)?;
    if let Some(colour) = settings.colour {
        console.set_colour(colour);
    }
    console.set_debug(settings.debug);
    let roots = http::extra_roots(settings.ssl_cert_file.as_deref(), &mut findings);
    match settings.mode {
        Mode::Publish => publish(&variables, findings, &settings, &roots, console).await,
        Mode::Check => check(&variables, findings, &settings, &roots, console).await,
    }
}

/// `MODE: publish`.
async fn publish(
    variables: &Variables,
    mut findings: Findings,
    settings: &Settings,
    roots: &[CertificateDer<'static>],
    mut console: Console,
) -> anyhow::Result<Outcome> {
    let plan = Plan::from_variables(variables, &mut findings);
    let verdict = VerdictPlan::from_variables(variables, &mut findings);
    let results = ResultFile::from_settings(settings, &mut findings);

    report::warnings(&findings, &console);
    let (Some(plan), Some(verdict), []) = (plan, verdict, &findings.problems[..]) else {
        return Ok(report::variables_wrong(&findings.problems, &console));
    };
    if let Some(results) = &results {
        results.begin()?;
    }
    report::opening(&plan, &verdict, &console);

    let http = Http::new(roots, &[], &settings.proxies)?;
    let service = Service::Bitbucket(plan.credential.clone());
    hide_as_sent(&service, verdict.token(), &http, settings, &mut console)?;
    let mut stopped = pin!(stop());
    let verdicts = tokio::select! {
        verdicts = verdicts(&verdict, &http, roots, settings, &console) => verdicts?,
        asked = &mut stopped => asked.map(|()| Vec::new())?,
    };
    let bitbucket = Bitbucket(Client {
        http: &http,
        console: &console,
        service: &service,
        api_url: &settings.api_url,
        deadline: Instant::now() + settings.timeout,
    });
    let publisher = Publisher::new(bitbucket, &plan, settings.dry_run);
    let tell = |status: Published| report::published(&status, &plan, settings, results.as_ref(), &console);
    if verdicts.is_empty() {
        return Ok(tell(publisher.stop().await));
    }
    tokio::select! {
        outcomes = publisher.publish(&verdicts, verdict.several(), results.as_ref(), tell) => Ok(report::run(&outcomes, &console)),
        asked = &mut stopped => {
            asked?;
            Ok(tell(publisher.stop().await))
        }
    }
}

/// `MODE: check`.
async fn check(
    variables: &Variables,
    mut findings: Findings,
    settings: &Settings,
    roots: &[CertificateDer<'static>],
    mut console: Console,
) -> anyhow::Result<Outcome> {
    let plan = CheckPlan::from_variables(variables, &mut findings);
    report::warnings(&findings, &console);
    let (Some(plan), []) = (plan, &findings.problems[..]) else {
        return Ok(report::variables_wrong(&findings.problems, &console));
    };
    let http = Http::new(roots, &[], &settings.proxies)?;
    let own_roots = plan.sonarqube().map(|plan| &plan.roots[..]).unwrap_or_default();
    let sonarqube_http = Http::new(roots, own_roots, &settings.proxies)?;
    let service = Service::Bitbucket(plan.credential.clone());
    let token = plan.sonarqube().and_then(|plan| plan.token.as_ref());
    hide_as_sent(&service, token, &http, settings, &mut console)?;
    tokio::select! {
        outcome = check::check(&plan, &service, &http, &sonarqube_http, settings, &console) => outcome,
        asked = stop() => {
            asked?;
            console.failed("stopped before the end; nothing was posted");
            Ok(Outcome::Stopped)
        }
    }
}

/// Hides the secrets in the form in which they travel.
fn hide_as_sent(
    service: &Service,
    sonar_token: Option<&SecretString>,
    http: &Http,
    settings: &Settings,
    console: &mut Console,
) -> anyhow::Result<()> {
    let as_user = sonar_token.map(|token| Service::SonarQube { token: Some(token.clone()), bearer: false });
    for service in as_user.iter().chain([service]) {
        console.hide(service.as_sent(http.client().get(settings.api_url.clone()))?);
    }
    Ok(())
}

/// What is to be said: at least one verdict.
async fn verdicts(
    plan: &VerdictPlan,
    http: &Http,
    roots: &[CertificateDer<'static>],
    settings: &Settings,
    console: &Console,
) -> anyhow::Result<Vec<Verdict>> {
    match plan {
        VerdictPlan::Given(verdict) => Ok(vec![verdict.clone()]),
        VerdictPlan::Ask(analysis) if analysis.roots.is_empty() => {
            judge::judge(analysis, http, settings, console).await
        }
        VerdictPlan::Ask(analysis) => {
            // A root for SonarQube is not trusted to speak for Bitbucket.
            let http = Http::new(roots, &analysis.roots, &settings.proxies)?;
            judge::judge(analysis, &http, settings, console).await
        }
    }
}

/// Ends when the process is asked to end. As the first process of a container it would not be ended
/// by a signal that it does not handle.
async fn stop() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
