//! The credentials that Bitbucket Cloud accepts.

use std::{iter, rc::Rc};

use secrecy::{ExposeSecret, SecretString};

use crate::{
    bitbucket::consumer::Consumer,
    http::{authorization::Authorization, throttle::Throttle},
    model::token::{self, TokenKind},
};

/// A credential, and the throttle that all its requests share.
#[derive(Debug)]
pub(crate) struct Credential {
    pub(crate) kind: CredentialKind,
    /// How requests are authorized. For an OAuth consumer it is only the description: its requests need a token first.
    pub(crate) authorization: Authorization,
    pub(crate) throttle: Rc<Throttle>,
    /// The OAuth consumer, if the credential is one.
    pub(crate) consumer: Option<Consumer>,
}

/// How to authenticate to Bitbucket Cloud.
/// <https://developer.atlassian.com/cloud/bitbucket/rest/intro/#authentication>
#[derive(Debug, Clone)]
pub(crate) enum CredentialKind {
    /// API token with scopes: HTTP Basic with the e-mail address of the account as user.
    /// <https://support.atlassian.com/bitbucket-cloud/docs/using-api-tokens/>
    ApiToken { email: String, token: SecretString },
    /// Repository, project or workspace access token: Bearer.
    /// <https://support.atlassian.com/bitbucket-cloud/docs/access-tokens/>
    AccessToken {
        token: SecretString,
        /// The repository that names it in `BITBUCKET_ACCESS_TOKENS`; `None` for `BITBUCKET_ACCESS_TOKEN`.
        entry: Option<String>,
    },
    /// Key and secret of a private OAuth consumer, which get a Bearer token.
    /// <https://developer.atlassian.com/cloud/bitbucket/oauth-2>
    OauthConsumer { key: SecretString, secret: SecretString },
    /// None: the proxy that Pipelines runs beside each step authorizes requests about reports of its own repository.
    /// <https://support.atlassian.com/bitbucket-cloud/docs/code-insights/>
    PipelinesProxy,
}

impl Credential {
    /// A credential with the throttle of its token.
    pub(crate) fn new(kind: CredentialKind, throttle: Rc<Throttle>) -> Self {
        let description = format!("with the {kind}");
        let authorization = match &kind {
            CredentialKind::ApiToken { email, token } => {
                Authorization::basic(email.as_str().into(), token.clone(), description)
            }
            CredentialKind::AccessToken { token, .. } => Authorization::bearer(token.clone(), description),
            CredentialKind::OauthConsumer { .. } => Authorization::none(description),
            CredentialKind::PipelinesProxy => {
                Authorization::none("without a credential, through the proxy of Pipelines".to_owned())
            }
        };
        let consumer = match &kind {
            CredentialKind::ApiToken { .. }
            | CredentialKind::AccessToken { .. }
            | CredentialKind::PipelinesProxy => None,
            CredentialKind::OauthConsumer { key, secret } => {
                Some(Consumer::new(key.clone(), secret.clone(), authorization.description.clone()))
            }
        };
        Self { kind, authorization, throttle, consumer }
    }

    /// The secrets as `Authorization` headers hold them, as far as they are known before the first request.
    pub(crate) fn secrets_in_headers(&self) -> impl Iterator<Item = String> {
        let of_consumer = self.consumer.as_ref().map(Consumer::authorization);
        iter::once(&self.authorization).chain(of_consumer).filter_map(Authorization::secret_in_header)
    }
}

impl CredentialKind {
    /// The token, or the secret of the OAuth consumer.
    pub(crate) const fn secret(&self) -> Option<&SecretString> {
        match self {
            Self::ApiToken { token, .. } | Self::AccessToken { token, .. } => Some(token),
            Self::OauthConsumer { secret, .. } => Some(secret),
            Self::PipelinesProxy => None,
        }
    }

    pub(crate) const fn is_pipelines_proxy(&self) -> bool {
        matches!(self, Self::PipelinesProxy)
    }

    /// What is unusual about the shape of the token, to complete "the token ...".
    pub(crate) fn oddity(&self) -> Option<&'static str> {
        let expected = match self {
            Self::ApiToken { .. } => TokenKind::Api,
            Self::AccessToken { .. } => TokenKind::Access,
            // Bitbucket does not document the shape of keys and secrets.
            Self::OauthConsumer { .. } | Self::PipelinesProxy => return None,
        };
        token::oddity(self.secret()?.expose_secret(), expected)
    }

    /// Whether it is the entry of this repository in `BITBUCKET_ACCESS_TOKENS`.
    pub(crate) fn is_entry_of(&self, repository: &str) -> bool {
        matches!(self, Self::AccessToken { entry: Some(entry), .. } if entry == repository)
    }

    /// Whether it is passed as an access token and does not have the shape of one, as tokens of OAuth.
    pub(crate) fn may_be_oauth_token(&self) -> bool {
        matches!(self, Self::AccessToken { token, .. } if TokenKind::of(token.expose_secret()).is_none())
    }
}

/// Its kind and its variables: all that is ever shown of it.
impl std::fmt::Display for CredentialKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ApiToken { .. } => f.write_str("API token (ATLASSIAN_ACCOUNT_EMAIL, ATLASSIAN_API_TOKEN)"),
            Self::AccessToken { entry: None, .. } => f.write_str("access token (BITBUCKET_ACCESS_TOKEN)"),
            Self::AccessToken { entry: Some(entry), .. } => {
                write!(f, "access token (BITBUCKET_ACCESS_TOKENS, {entry})")
            }
            Self::OauthConsumer { .. } => {
                f.write_str("OAuth consumer (BITBUCKET_OAUTH_CLIENT_ID, BITBUCKET_OAUTH_CLIENT_SECRET)")
            }
            Self::PipelinesProxy => f.write_str("proxy of Pipelines"),
        }
    }
}
