//! What every part of a run works with.

use std::rc::Rc;

use crate::{
    bitbucket::{api::Bitbucket, credential::Credential},
    config::{keyring::Keyring, settings::Settings},
    console::log::Console,
    http::{
        authorization::Authorization, client::Client, deadline::Deadline, failed_request::Service,
        throttle::Throttle, transport::Transport,
    },
    model::analysis::ServerAddress,
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
    pub(crate) console: &'a Console,
}

impl<'a> Context<'a> {
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
        let client = Client {
            transport: self.transport,
            console,
            service: Service::Bitbucket,
            authorization: &credential.authorization,
            throttle: &credential.throttle,
            base_url: &self.settings.api_url,
            deadline,
            retries: true,
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
            retries: true,
            effect: None,
        };
        SonarQube { client, has_token: server.has_token, address: &server.address }
    }
}

/// A SonarQube, and how to authenticate to it.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: ServerAddress,
    pub(crate) authorization: Authorization,
    pub(crate) has_token: bool,
    /// Shared by all targets of the run.
    pub(crate) throttle: Rc<Throttle>,
    /// For one question.
    pub(crate) deadline: Deadline,
}
