//! The two services, and what proves to each of them who we are.

use std::{fmt, rc::Rc};

use reqwest::{RequestBuilder, header};
use secrecy::{ExposeSecret, SecretString};

use crate::{config::credential::Credential, http::throttle::Pace};

/// A way into a service, for all requests that use it.
#[derive(Debug)]
pub struct Access {
    /// The service, and what proves to it who we are.
    pub service: Service,
    /// What the requests with the same token know of each other.
    pub pace: Rc<Pace>,
}

/// A service, and what proves to it who we are.
#[derive(Debug, Clone)]
pub enum Service {
    /// Bitbucket Cloud.
    Bitbucket(Credential),
    /// SonarQube, Server or Cloud.
    SonarQube {
        /// `SONAR_TOKEN`.
        token: Option<SecretString>,
        /// Whether it is sent as Bearer; else as the user of HTTP Basic.
        bearer: bool,
    },
}

impl Service {
    /// What proves who we are: its kind and the variables that it came from.
    pub fn with(&self) -> String {
        match self {
            Self::Bitbucket(credential) => format!("with the {}", credential.kind()),
            Self::SonarQube { token: Some(_), .. } => "with the token (SONAR_TOKEN)".to_owned(),
            Self::SonarQube { token: None, .. } => "without a token (SONAR_TOKEN is not set)".to_owned(),
        }
    }

    /// The variables that say how it is reached: address, root certificates, time limit; and where it says
    /// how it is.
    pub const fn reach(&self) -> Reach {
        match self {
            Self::Bitbucket(_) => Reach {
                address: "BITBUCKET_API_URL",
                roots: "SSL_CERT_FILE (a PEM file)",
                health: "see bitbucket.status.atlassian.com and run again; a higher TIMEOUT waits longer",
            },
            Self::SonarQube { .. } => Reach {
                address: "SONAR_HOST_URL",
                roots: "SONAR_ROOT_CERT (PEM text) or SSL_CERT_FILE (a PEM file)",
                health: "see whether SonarQube is up (its start page, or sonarcloudstatus.io) and run again; a higher TIMEOUT waits longer",
            },
        }
    }

    /// The request with the proof on it.
    pub fn authenticate(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Bitbucket(credential) => credential.apply(request),
            Self::SonarQube { token: None, .. } => request,
            Self::SonarQube { token: Some(token), bearer: true } => {
                request.bearer_auth(token.expose_secret())
            }
            Self::SonarQube { token: Some(token), bearer: false } => {
                request.basic_auth(token.expose_secret(), Some(""))
            }
        }
    }

    /// The secret in the form in which it travels on a request; a service might send that back.
    ///
    /// # Errors
    ///
    /// When the request cannot be built.
    pub fn as_sent(&self, request: RequestBuilder) -> reqwest::Result<Option<String>> {
        let request = self.authenticate(request).build()?;
        let value = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        Ok(value.and_then(|value| value.split_once(' ')).map(|(_, secret)| secret.to_owned()))
    }
}

/// How a service is reached, in words.
#[derive(Debug, Clone, Copy)]
pub struct Reach {
    /// The variable with its address.
    pub address: &'static str,
    /// The variables with root certificates for it.
    pub roots: &'static str,
    /// What to do when it is slow.
    pub health: &'static str,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bitbucket(_) => "Bitbucket",
            Self::SonarQube { .. } => "SonarQube",
        })
    }
}
