//! What every part of a run works with.

use std::rc::Rc;

use crate::{
    bitbucket::{api::Bitbucket, credential::Credential},
    config::{keyring::Credentials, plan::Settings},
    console::log::Console,
    http::{client::Client, deadline::Deadline, failed_request::Service, transport::Transport},
};

/// What every part of a run works with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    /// How the run behaves.
    pub(crate) settings: &'a Settings,
    /// The ways into Bitbucket.
    pub(crate) credentials: &'a Credentials,
    /// The connection to Bitbucket.
    pub(crate) transport: &'a Transport,
    /// The connection to SonarQube.
    pub(crate) sonarqube_transport: &'a Transport,
    /// Where the log goes.
    pub(crate) console: &'a Console,
}

impl<'a> Context<'a> {
    /// A client of Bitbucket for one target.
    pub(crate) fn bitbucket(
        &self,
        credential: &'a Rc<Credential>,
        console: &'a Console,
        deadline: &'a Deadline,
    ) -> Bitbucket<'a> {
        let client = Client {
            transport: self.transport,
            console,
            service: Service::Bitbucket,
            authorization: &credential.authorization,
            throttle: &credential.throttle,
            base_url: &self.settings.api_url,
            deadline,
            retries: true,
            may_have_been_applied: None,
        };
        Bitbucket { client, credential }
    }
}
