//! Gatepost carries a verdict to the commit of a pull request as a Bitbucket Cloud build status.
//!
//! ```text
//! variables ──> plan ──> status ──> publish ──> report
//! what the      what     pure:      requests,   log, result
//! user wrote    will be  fits every retries     file, exit code
//!               done     limit
//! ```
//!
//! - [`variables`] reads the environment; [`plan`] understands it with [`credential`], [`target`] and
//!   [`status`], and gathers every [`problem`].
//! - [`publish`] finds the commit and posts the status through [`bitbucket`], which knows the endpoints;
//!   [`client`] sends with [`http`] and asks [`retry`] whether to send again.
//! - A [`refusal`] holds what was sent and what came back, and explains it.
//! - [`report`] tells the reader through [`console`], which keeps [`secrets`], and later steps through [`results`]; [`outcome`] is the
//!   exit code.

pub mod bitbucket;
pub mod client;
pub mod console;
pub mod credential;
pub mod help;
pub mod http;
pub mod outcome;
pub mod plan;
pub mod problem;
pub mod publish;
pub mod refusal;
pub mod report;
pub mod results;
pub mod retry;
pub mod secrets;
pub mod status;
pub mod target;
pub mod variables;

use std::{ffi::OsString, io, time::Instant};

use tokio::signal::unix::{SignalKind, signal};

use crate::{
    bitbucket::Bitbucket,
    client::Client,
    console::Console,
    http::Http,
    outcome::Outcome,
    plan::{Plan, Settings},
    problem::Findings,
    publish::Publisher,
    refusal::Service,
    results::ResultFile,
    variables::Variables,
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
    let plan = Plan::from_variables(&variables, &mut findings);
    let roots = http::extra_roots(settings.ssl_cert_file.as_deref(), &mut findings);
    let mut results = ResultFile::from_settings(&settings, &mut findings);

    for warning in &findings.warnings {
        console.warning(warning);
    }
    let Some(plan) = plan.filter(|_| findings.problems.is_empty()) else {
        return Ok(report::variables_wrong(&findings.problems, &console));
    };
    if let Some(results) = &mut results {
        results.begin()?;
    }
    report::opening(&plan, &console);

    let http = Http::new(roots, settings.proxies.clone())?;
    console.hide(plan.credential.as_sent(http.client().get(settings.api_url.clone()))?);
    let service = Service::Bitbucket(plan.credential.clone());
    let bitbucket = Bitbucket(Client {
        http: &http,
        console: &console,
        service: &service,
        api_url: &settings.api_url,
        deadline: Instant::now() + settings.timeout,
    });
    let publisher = Publisher::new(bitbucket, &plan, settings.dry_run);
    let end = tokio::select! {
        end = publisher.publish(results.as_ref()) => end,
        asked = stop() => {
            asked?;
            publisher.stop().await
        }
    };
    Ok(report::published(&end, &plan, &settings, results.as_mut(), &console))
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
