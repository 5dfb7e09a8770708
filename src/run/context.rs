//! What every part of a run works with.

use crate::{
    bitbucket::api::Bitbucket,
    config::{keyring::Credentials, plan::Settings},
    console::log::Console,
    http::{
        client::{Client, Deadline},
        service::Access,
        transport::Http,
    },
};

/// What every part of a run works with.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// How the run behaves.
    pub settings: &'a Settings,
    /// The ways into Bitbucket.
    pub credentials: &'a Credentials,
    /// The connection to Bitbucket.
    pub http: &'a Http,
    /// The connection to SonarQube.
    pub sonarqube_http: &'a Http,
    /// Where the log goes.
    pub console: &'a Console,
}

impl<'a> Context<'a> {
    /// Bitbucket, for one target.
    pub fn bitbucket(
        &self,
        access: &'a Access,
        console: &'a Console,
        deadline: &'a Deadline,
    ) -> Bitbucket<'a> {
        Bitbucket(Client {
            http: self.http,
            console,
            service: &access.service,
            pace: &access.pace,
            api_url: &self.settings.api_url,
            deadline,
            retries: true,
            arrival: None,
        })
    }
}
