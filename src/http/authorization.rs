//! The `Authorization` header of a request.

use reqwest::RequestBuilder;
use secrecy::{ExposeSecret, SecretString};

use base64::{Engine as _, prelude::BASE64_STANDARD};

/// How a request proves who sends it, and how the log describes that.
#[derive(Debug, Clone)]
pub(crate) struct Authorization {
    scheme: Scheme,
    /// Completes "POST https://... "; it names the kind of secret and its variable, never the secret.
    pub(crate) description: String,
}

/// <https://www.rfc-editor.org/rfc/rfc9110#name-authentication-scheme>
#[derive(Debug, Clone)]
enum Scheme {
    None,
    Basic { user: SecretString, password: SecretString },
    Bearer(SecretString),
}

impl Authorization {
    /// No `Authorization` header.
    pub(crate) fn none(description: String) -> Self {
        Self { scheme: Scheme::None, description }
    }

    /// HTTP Basic: <https://www.rfc-editor.org/rfc/rfc7617>.
    pub(crate) fn basic(user: SecretString, password: SecretString, description: String) -> Self {
        Self { scheme: Scheme::Basic { user, password }, description }
    }

    /// A Bearer token: <https://www.rfc-editor.org/rfc/rfc6750>.
    pub(crate) fn bearer(token: SecretString, description: String) -> Self {
        Self { scheme: Scheme::Bearer(token), description }
    }

    /// Adds the header. `reqwest` marks it as sensitive.
    pub(crate) fn apply(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.scheme {
            Scheme::None => request,
            Scheme::Basic { user, password } => {
                request.basic_auth(user.expose_secret(), Some(password.expose_secret()))
            }
            Scheme::Bearer(token) => request.bearer_auth(token.expose_secret()),
        }
    }

    /// The secret as the header holds it, so that it can be hidden when a service sends it back.
    pub(crate) fn secret_in_header(&self) -> Option<String> {
        match &self.scheme {
            Scheme::None => None,
            Scheme::Basic { user, password } => {
                Some(BASE64_STANDARD.encode(format!("{}:{}", user.expose_secret(), password.expose_secret())))
            }
            Scheme::Bearer(token) => Some(token.expose_secret().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use reqwest::header;

    use super::*;
    use crate::http::{proxy::Proxies, transport::Transport};

    #[test]
    fn the_secret_is_known_as_the_header_holds_it() {
        let transport = Transport::new([], Arc::new(Proxies::default()), 1).unwrap();
        let secret = |text: &str| SecretString::from(text);
        for authorization in [
            Authorization::basic(secret("ci@acme.example"), secret("a-token"), String::new()),
            Authorization::basic(secret("a-token"), secret(""), String::new()),
            Authorization::bearer(secret("a-token"), String::new()),
        ] {
            let request = authorization.apply(transport.client().get("https://a.example")).build().unwrap();
            let header = request.headers().get(header::AUTHORIZATION).unwrap().to_str().unwrap().to_owned();
            let (_, sent) = header.split_once(' ').unwrap();
            assert_eq!(authorization.secret_in_header().as_deref(), Some(sent));
        }
    }
}
