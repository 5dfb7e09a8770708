//! OAuth consumers, and the tokens that they are granted.
//!
//! A private consumer gets a token that stands for its owner, which is the workspace that it was made in: section 3 of
//! <https://developer.atlassian.com/cloud/bitbucket/oauth-2>.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hyper::header;
use serde_json::json;

use crate::acme::{CLASSIC, OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET};
use crate::credentials::{Credential, Visitor};
use crate::message::{Answer, Request, user_and_secret};
use crate::refusals;
use crate::world::{Account, World, fingerprint, uuid};

/// Two hours: <https://developer.atlassian.com/cloud/bitbucket/oauth-2#refresh-tokens>
const TOKEN_LIFE: Duration = Duration::from_hours(2);

/// An OAuth consumer of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// Its key, which is the client's id.
    pub key: String,
    /// Its secret.
    pub secret: String,
    /// The workspace that it was made in, and that its tokens stand for.
    pub workspace: String,
    /// What its tokens may do.
    pub scopes: Vec<String>,
    /// Whether "This is a private consumer" is ticked.
    pub is_private: bool,
    /// Whether it has a callback URL.
    pub has_callback: bool,
    /// How long each of its tokens lives, as the answer says it: in whole seconds.
    pub token_life: Duration,
    /// How many requests each of its tokens serves before it ends all the same.
    pub token_requests: Option<u32>,
}

impl Consumer {
    /// A private consumer with all that it needs.
    pub fn private(key: &str, secret: &str, workspace: &str, scopes: &[&str]) -> Self {
        Self {
            key: key.to_owned(),
            secret: secret.to_owned(),
            workspace: workspace.to_owned(),
            scopes: scopes.iter().map(ToString::to_string).collect(),
            is_private: true,
            has_callback: true,
            token_life: TOKEN_LIFE,
            token_requests: None,
        }
    }

    /// The consumer of [`World::acme`]. Change the fields and add it again for any other.
    pub fn acme() -> Self {
        Self::private(OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, "acme", &CLASSIC)
    }
}

/// The consumers, and every token that they were granted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Consumers {
    by_key: BTreeMap<String, Consumer>,
    tokens: BTreeMap<String, Token>,
}

#[derive(Clone, Debug)]
struct Token {
    key: String,
    credential: Credential,
    account: Account,
    ends: Instant,
    requests_left: Option<u32>,
}

impl Consumers {
    pub(crate) fn has(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }

    /// Answers a request for a token. In which order it is looked at is assumed.
    pub(crate) fn grant(&mut self, request: &Request) -> Answer {
        let authorization = request.header(header::AUTHORIZATION).unwrap_or_default();
        let basic = authorization.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
        let Some((key, secret)) = basic.and_then(|(_, value)| user_and_secret(value.trim())) else {
            // `p2/OAuth2` #96.
            let description = "Requests must be authenticated using OAuth client credentials";
            return refusals::no_grant("unauthorized_client", description);
        };
        // `drone/go-scm`, `refresh_test.go`. That a deleted consumer is answered like a wrong secret is assumed.
        let Some(consumer) = self.by_key.get(&key).filter(|consumer| consumer.secret == secret) else {
            return refusals::no_grant("unauthorized_client", "Invalid OAuth client credentials");
        };
        let grant = url::form_urlencoded::parse(&request.body).find(|(name, _)| name == "grant_type");
        if grant.is_none_or(|(_, grant)| grant != "client_credentials") {
            // Section 5.2 of RFC 6749; the words are assumed.
            return refusals::no_grant("unsupported_grant_type", "Unsupported grant type");
        }
        if !consumer.has_callback {
            // `composer/composer` #5335.
            let description = "No callback uri defined for the OAuth client.";
            return refusals::no_grant("invalid_request", description);
        }
        if !consumer.is_private {
            // `jenkinsci/bitbucket-build-status-notifier-plugin` #47.
            let description = "Cannot use client_credentials with a consumer marked as \"public\". Calls for auto \
                               generated consumers should use urn:bitbucket:oauth2:jwt instead.";
            return refusals::no_grant("invalid_grant", description);
        }
        self.issue(&consumer.clone())
    }

    /// The answer that `SonarSource/sonarqube` expects in its tests, field by field.
    fn issue(&mut self, consumer: &Consumer) -> Answer {
        let Consumer { key, workspace, scopes, token_life, token_requests, .. } = consumer;
        let number = self.tokens.len();
        let secret = format!("{}=", fingerprint(&format!("token {key} {number}")).repeat(2));
        let account = Account { kind: "team", uuid: uuid(workspace), display_name: workspace.clone() };
        let granted: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let token = Token {
            key: key.clone(),
            credential: Credential::oauth(account.clone(), workspace, key, &granted),
            account,
            ends: Instant::now() + *token_life,
            requests_left: *token_requests,
        };
        self.tokens.insert(secret.clone(), token);
        Answer::json(
            200,
            &json!({
                "scopes": granted.join(" "),
                "access_token": secret,
                "expires_in": token_life.as_secs(),
                "token_type": "bearer",
                "state": "client_credentials",
                "refresh_token": fingerprint(&format!("refresh {key} {number}")),
            }),
        )
    }

    /// Who sends this token; `None` for one that no consumer was granted. A token of a consumer that was deleted
    /// since is one that does not count, which is assumed.
    pub(crate) fn visitor(&mut self, secret: &str) -> Option<Result<Visitor, Answer>> {
        let token = self.tokens.get_mut(secret)?;
        if !self.by_key.contains_key(&token.key) {
            return Some(Err(refusals::token_rejected()));
        }
        if token.ends <= Instant::now() || token.requests_left == Some(0) {
            return Some(Err(refusals::token_expired()));
        }
        token.requests_left = token.requests_left.map(|left| left - 1);
        Some(Ok(Visitor::new(token.account.clone(), token.credential.clone())))
    }
}

impl World {
    /// Adds an OAuth consumer, or changes the one with its key. Tokens that were granted before stay as they are.
    pub fn add_consumer(&mut self, consumer: Consumer) -> &mut Self {
        self.consumers.by_key.insert(consumer.key.clone(), consumer);
        self
    }

    /// Deletes an OAuth consumer, and ends its tokens.
    pub fn delete_consumer(&mut self, key: &str) -> &mut Self {
        self.consumers.by_key.remove(key);
        self
    }

    /// Ends every token that consumers were granted.
    pub fn expire_oauth_tokens(&mut self) -> &mut Self {
        self.consumers.tokens.values_mut().for_each(|token| token.requests_left = Some(0));
        self
    }

    /// Every token that consumers were granted, in no order that tells anything.
    pub fn oauth_tokens(&self) -> Vec<String> {
        self.consumers.tokens.keys().cloned().collect()
    }
}
