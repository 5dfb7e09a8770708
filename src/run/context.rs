//! What every part of a run works with.

use std::{rc::Rc, sync::Arc};

use reqwest::Url;

use crate::{
    bitbucket::{api::Bitbucket, credential::Credential},
    config::{keyring::Keyring, settings::Settings},
    console::log::Console,
    http::{
        authorization::Authorization,
        client::{Client, Retries},
        deadline::Deadline,
        failed_request::Service,
        proxy::{Proxies, REPORT_PROXY},
        throttle::Throttle,
        transport::{BODY_MAX_BYTES, Transport},
    },
    model::analysis::ServerAddress,
    run::summary::advice::Advice,
    sonarqube::api::SonarQube,
};

/// What every part of a run works with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) keyring: &'a Keyring,
    /// The connections to Bitbucket.
    pub(crate) transport: &'a Transport,
    /// The connections to SonarQube, which may trust other root certificates.
    pub(crate) sonarqube_transport: &'a Transport,
    /// The way of reports without a credential; `None` when there is a credential.
    pub(crate) pipelines_proxy: Option<&'a PipelinesProxy>,
    /// What to do about what is refused, for the page of the run; `None` when there is none.
    pub(crate) advice: Option<&'a Advice>,
    pub(crate) console: &'a Console,
}

impl<'a> Context<'a> {
    /// The context of a test: one transport for both services.
    #[cfg(any(test, fuzzing))]
    pub(crate) const fn over(
        transport: &'a Transport,
        settings: &'a Settings,
        keyring: &'a Keyring,
        console: &'a Console,
    ) -> Self {
        Self {
            settings,
            keyring,
            transport,
            sonarqube_transport: transport,
            pipelines_proxy: None,
            advice: None,
            console,
        }
    }

    /// A client of Bitbucket for one target.
    pub(crate) fn bitbucket<'c>(
        &self,
        credential: &'c Rc<Credential>,
        console: &'c Console,
        deadline: &'c Deadline,
    ) -> Bitbucket<'c>
    where
        'a: 'c,
    {
        let proxy = self.pipelines_proxy.filter(|_| credential.kind.is_pipelines_proxy());
        let (transport, base_url) = match proxy {
            Some(proxy) => (&proxy.transport, &proxy.api_url),
            None => (self.transport, &self.settings.api_url),
        };
        let client = Client {
            transport,
            console,
            service: Service::Bitbucket,
            authorization: &credential.authorization,
            throttle: &credential.throttle,
            base_url,
            deadline,
            body_max_bytes: BODY_MAX_BYTES,
            retries: Retries::Yes,
            effect: None,
        };
        Bitbucket { client, credential }
    }

    /// A client of a SonarQube.
    pub(crate) fn sonarqube<'c>(&self, server: &'c Server, console: &'c Console) -> SonarQube<'c>
    where
        'a: 'c,
    {
        let client = Client {
            transport: self.sonarqube_transport,
            console,
            service: Service::SonarQube,
            authorization: &server.authorization,
            throttle: &server.throttle,
            base_url: &server.address.url,
            deadline: &server.deadline,
            body_max_bytes: BODY_MAX_BYTES,
            retries: Retries::Yes,
            effect: None,
        };
        let version = server.version.as_deref();
        SonarQube { client, has_token: server.has_token, address: &server.address, version }
    }
}

/// The proxy that Pipelines runs beside each step. It adds a token to requests about reports of the step's own repository.
/// It can do that over http only.
#[derive(Debug)]
pub(crate) struct PipelinesProxy {
    transport: Transport,
    api_url: Url,
}

impl PipelinesProxy {
    /// The proxy at this address.
    ///
    /// # Errors
    ///
    /// None that a variable can cause: the address of the API is valid.
    pub(crate) fn at(address: Url, concurrency: usize) -> anyhow::Result<Self> {
        let proxies = Arc::new(Proxies::for_http(address, REPORT_PROXY));
        Ok(Self {
            transport: Transport::new([], proxies, concurrency)?,
            api_url: Url::parse("http://api.bitbucket.org/2.0")?,
        })
    }

    /// The number of requests that were sent, each attempt counted.
    pub(crate) const fn sent(&self) -> usize {
        self.transport.sent()
    }
}

/// A SonarQube, and how to authenticate to it.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: ServerAddress,
    /// As the file of a scanner says it.
    pub(crate) version: Option<String>,
    pub(crate) authorization: Authorization,
    pub(crate) has_token: bool,
    /// Shared by all targets of the run.
    pub(crate) throttle: Rc<Throttle>,
    /// For one question.
    pub(crate) deadline: Deadline,
}
