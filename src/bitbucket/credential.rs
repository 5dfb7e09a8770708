//! The credentials that Bitbucket Cloud accepts.

use std::rc::Rc;

use secrecy::{ExposeSecret, SecretString};

use crate::{
    http::{authorization::Authorization, throttle::Throttle},
    model::token::{self, TokenKind},
};

/// A credential, and the throttle that all its requests share.
#[derive(Debug)]
pub(crate) struct Credential {
    pub(crate) kind: CredentialKind,
    pub(crate) authorization: Authorization,
    pub(crate) throttle: Rc<Throttle>,
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
        };
        Self { kind, authorization, throttle }
    }
}

impl CredentialKind {
    /// The token.
    pub(crate) const fn token(&self) -> &SecretString {
        match self {
            Self::ApiToken { token, .. } | Self::AccessToken { token, .. } => token,
        }
    }

    /// What is unusual about the shape of the token, to complete "the token ...".
    pub(crate) fn oddity(&self) -> Option<&'static str> {
        let expected = match self {
            Self::ApiToken { .. } => TokenKind::Api,
            Self::AccessToken { .. } => TokenKind::Access,
        };
        token::oddity(self.token().expose_secret(), expected)
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
        }
    }
}
