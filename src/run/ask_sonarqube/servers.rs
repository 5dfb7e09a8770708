//! How each SonarQube is asked: with which token, and what is known of its outages.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};

use reqwest::Url;

use crate::{
    config::analysis::AnalysisPlan,
    console::log::Console,
    http::{
        deadline::Deadline,
        throttle::{Outage, Throttle},
    },
    model::{
        address::is_exposed,
        analysis::{AddressOrigin, ServerAddress},
    },
    run::{
        ask_sonarqube::advice::ComparedAdvice,
        context::{Context, Server},
    },
    sonarqube::api::authorization,
};

/// What the questions of a run know of each SonarQube.
#[derive(Debug, Default)]
pub(crate) struct Servers {
    /// The throttle of each server: an outage is found out once, and not by each target.
    throttles: RefCell<HashMap<Url, Rc<Throttle>>>,
    /// Whether the reader was warned that the token is sent unencrypted.
    is_warned: Cell<bool>,
    /// Which globs of `ADVISORY_CONDITIONS` match a condition of a gate.
    pub(crate) advice: ComparedAdvice,
}

impl Servers {
    /// The server at `address` with the token of the plan: the one place that says how SonarQube is asked.
    pub(crate) fn server(
        &self,
        address: ServerAddress,
        version: Option<&str>,
        plan: &AnalysisPlan,
        context: Context<'_>,
        console: &Console,
    ) -> Server {
        let url = &address.url;
        if plan.token.is_some() && is_exposed(url) && !self.is_warned.replace(true) {
            console.warning(format_args!(
                "the address of SonarQube, {url}, is http: SONAR_TOKEN is sent unencrypted"
            ));
        }
        let timeout = context.settings.timeout;
        let new = || {
            let origin = match address.origin {
                AddressOrigin::Variable => "from SONAR_HOST_URL",
                AddressOrigin::File => "serverUrl of report-task.txt",
                AddressOrigin::Default => "the default without SONAR_HOST_URL",
            };
            let token = if plan.token.is_some() { "gets SONAR_TOKEN" } else { "is asked without a token" };
            console.of_run().line(format_args!("SonarQube at {url} ({origin}) {token}"));
            Rc::new(Throttle::new(timeout.max(plan.timeout), Outage::default()))
        };
        Server {
            authorization: authorization(plan.token.as_ref(), url, version),
            version: version.map(str::to_owned),
            has_token: plan.token.is_some(),
            throttle: self.throttles.borrow_mut().entry(url.clone()).or_insert_with(new).clone(),
            deadline: Deadline::after(timeout),
            address,
        }
    }
}
