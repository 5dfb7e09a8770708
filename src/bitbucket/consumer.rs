//! An OAuth consumer: its token is asked for when the first request needs it, once for all targets of a run, and again
//! before it ends. <https://developer.atlassian.com/cloud/bitbucket/oauth-2>

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode, Url};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{
    bitbucket::scopes::Scopes,
    http::{
        authorization::Authorization,
        body::Body,
        client::{Client, Request, RequestBody},
        failed_request::{FailedRequest, Unusable},
        transport::Response,
    },
    model::address::is_this_machine,
};

/// An OAuth consumer, and the token that it has at present.
#[derive(Debug)]
pub(crate) struct Consumer {
    /// Key and secret. They are only sent to the address that gives tokens.
    authorization: Authorization,
    /// Locked while a token is asked for: the other targets wait for it.
    token: Mutex<TokenState>,
    /// The scopes of the newest token, when Bitbucket lists them.
    scopes: RefCell<Option<Scopes>>,
    /// Whether Bitbucket said of a token that was just given that it has expired. Another one would not help.
    renews_in_vain: Cell<bool>,
}

/// What is known of the token.
#[derive(Debug, Default)]
enum TokenState {
    #[default]
    Unasked,
    Given(Rc<Token>),
    /// Asking again would get the same answer.
    Refused(Box<FailedRequest>),
}

/// A token that a consumer was given.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) authorization: Authorization,
    /// When to ask for the next one, if the answer said how long the token lives.
    renew_at: Option<Instant>,
}

/// Where tokens are given, below the origin.
const TOKEN_PATH: &str = "/site/oauth2/access_token";
/// The origin of Bitbucket's web site, which is not that of its API.
const WEB_SITE: &str = "https://bitbucket.org";
/// A new token is asked for so long before the old one ends: longer than one request takes.
const RENEWED_BEFORE_END: Duration = Duration::from_mins(1);

impl Consumer {
    /// A consumer; `description` says how its requests are authorized.
    pub(crate) fn new(key: SecretString, secret: SecretString, description: String) -> Self {
        Self {
            authorization: Authorization::basic(key, secret, description),
            token: Mutex::default(),
            scopes: RefCell::default(),
            renews_in_vain: Cell::default(),
        }
    }

    /// Key and secret as a header.
    pub(crate) const fn authorization(&self) -> &Authorization {
        &self.authorization
    }

    /// The scopes of the newest token, when Bitbucket lists them.
    pub(crate) fn scopes(&self) -> Option<Scopes> {
        self.scopes.borrow().clone()
    }

    /// The present token, or a new one. A token that has `expired` is not used again. A caller that waits for another
    /// caller's token gets that time added to its deadline.
    ///
    /// # Errors
    ///
    /// When Bitbucket gives no token or cannot be reached.
    pub(crate) async fn token(
        &self,
        client: Client<'_>,
        expired: Option<&Rc<Token>>,
    ) -> Result<Rc<Token>, Box<FailedRequest>> {
        let asked = Instant::now();
        let mut state = self.token.lock().await;
        client.deadline.extend(asked.elapsed());
        match &*state {
            TokenState::Refused(failed) => return Err(failed.clone()),
            TokenState::Given(token)
                if token.is_fresh() && expired.is_none_or(|expired| !Rc::ptr_eq(token, expired)) =>
            {
                return Ok(token.clone());
            }
            TokenState::Given(_) | TokenState::Unasked => {}
        }
        let answer = self.ask(client).await;
        *state = match &answer {
            Ok(token) => TokenState::Given(token.clone()),
            Err(failed) if failed.is_transient() => TokenState::Unasked,
            Err(failed) => TokenState::Refused(failed.clone()),
        };
        answer
    }

    /// Asks for a token: <https://www.rfc-editor.org/rfc/rfc6749#section-4.4>.
    async fn ask(&self, client: Client<'_>) -> Result<Rc<Token>, Box<FailedRequest>> {
        let client = Client { authorization: &self.authorization, effect: None, ..client };
        let request = Request {
            method: Method::POST,
            url: token_url(client.base_url),
            body: Some(RequestBody::Form("grant_type=client_credentials")),
        };
        let exchange = client.send(&request).await?;
        let Response { status_code, body, .. } = &exchange.response;
        client.console.hide(tokens_in(body));
        let is_refusal = body.json().is_some_and(|body| body.get("error").is_some());
        if *status_code != StatusCode::OK || is_refusal {
            return Err(client.refused(&request, exchange));
        }
        let Some(grant) = Grant::of(body) else {
            return Err(client.unusable(&request, exchange, Unusable::NoToken));
        };
        let Grant { token, scopes, life } = grant;
        *self.scopes.borrow_mut() = scopes;
        let description = self.authorization.description.clone();
        let authorization = Authorization::bearer(token, description);
        client.console.hide(authorization.secret_in_header());
        Ok(Rc::new(Token { authorization, renew_at: life.and_then(|life| renew_at(Instant::now(), life)) }))
    }

    /// Whether a new token may help after Bitbucket said that the present one has expired.
    pub(crate) const fn may_renew(&self) -> bool {
        !self.renews_in_vain.get()
    }

    /// Records that a token that was just given has expired as well.
    pub(crate) fn record_renewal_in_vain(&self) {
        self.renews_in_vain.set(true);
    }
}

impl Token {
    fn is_fresh(&self) -> bool {
        self.renew_at.is_none_or(|at| Instant::now() < at)
    }
}

/// Where tokens are given. A service on this machine that stands in for Bitbucket has both at one origin.
fn token_url(api_url: &Url) -> Url {
    let mut url = api_url.clone();
    // The built-in address is valid.
    if !is_this_machine(api_url)
        && let Ok(web_site) = Url::parse(WEB_SITE)
    {
        url = web_site;
    }
    url.set_path(TOKEN_PATH);
    url
}

/// When to ask for the next token. Of a short life a quarter is left.
fn renew_at(given: Instant, life: Duration) -> Option<Instant> {
    given.checked_add(life.saturating_sub(RENEWED_BEFORE_END.min(life / 4)))
}

/// Every token of an answer, which may have another one to get new tokens with.
fn tokens_in(body: &Body) -> Vec<String> {
    let fields = body.json().and_then(Value::as_object).into_iter().flatten();
    let tokens = fields.filter(|(name, _)| name.ends_with("_token"));
    tokens.filter_map(|(_, value)| value.as_str().map(str::to_owned)).collect()
}

/// A token as Bitbucket gives it.
struct Grant {
    token: SecretString,
    scopes: Option<Scopes>,
    /// How long the token lives.
    life: Option<Duration>,
}

impl Grant {
    /// Reads an answer: <https://www.rfc-editor.org/rfc/rfc6749#section-5.1>, but Bitbucket calls the scopes `scopes`.
    fn of(body: &Body) -> Option<Self> {
        #[derive(Deserialize)]
        struct Answer {
            access_token: String,
            token_type: Option<String>,
            expires_in: Option<Value>,
            scopes: Option<String>,
            scope: Option<String>,
        }
        let Answer { access_token: token, token_type, expires_in, scopes, scope } =
            Answer::deserialize(body.json()?).ok()?;
        let is_bearer = token_type.is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
        let fits_a_header = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        (is_bearer && fits_a_header).then(|| Self {
            token: token.into(),
            scopes: scopes.or(scope).map(|scopes| Scopes::of_header(&scopes)),
            // Without a life, the token counts until Bitbucket says that it has expired.
            life: expires_in
                .and_then(|seconds| seconds.as_u64())
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
        })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn key_and_secret_go_to_the_web_site_or_to_this_machine() {
        for (api_url, token_url_of_it) in [
            ("https://api.bitbucket.org/2.0", "https://bitbucket.org/site/oauth2/access_token"),
            ("https://proxy.acme.example/2.0", "https://bitbucket.org/site/oauth2/access_token"),
            ("http://127.0.0.1:8080/2.0", "http://127.0.0.1:8080/site/oauth2/access_token"),
            ("https://[::1]:8080/2.0", "https://[::1]:8080/site/oauth2/access_token"),
            ("http://localhost/2.0", "http://localhost/site/oauth2/access_token"),
            ("http://host.docker.internal:1/2.0", "http://host.docker.internal:1/site/oauth2/access_token"),
        ] {
            assert_eq!(token_url(&Url::parse(api_url).unwrap()).as_str(), token_url_of_it, "{api_url}");
        }
    }

    fn grant(text: &str) -> Option<(String, Option<String>, Option<u64>)> {
        let Grant { token, scopes, life } = Grant::of(&Body::new(text.into(), false))?;
        let scopes = scopes.map(|scopes| scopes.to_string());
        Some((token.expose_secret().to_owned(), scopes, life.map(|life| life.as_secs())))
    }

    #[test]
    fn the_answer_of_bitbucket_is_read() {
        let answer = r#"{"scopes":"webhook pullrequest:write","access_token":"abc-_=","expires_in":7200,"token_type":"bearer","state":"client_credentials","refresh_token":"def"}"#;
        let scopes = Some("webhook, pullrequest:write".to_owned());
        assert_eq!(grant(answer), Some(("abc-_=".to_owned(), scopes, Some(7200))));
        assert_eq!(tokens_in(&Body::new(answer.into(), false)), ["abc-_=", "def"]);
        assert_eq!(grant(r#"{"access_token":"abc"}"#), Some(("abc".to_owned(), None, None)));
        let odd = r#"{"access_token":"abc","token_type":"Bearer","expires_in":0,"scope":"repository"}"#;
        assert_eq!(grant(odd), Some(("abc".to_owned(), Some("repository".to_owned()), None)));
    }

    #[test]
    fn what_is_not_a_token_is_not_used() {
        for answer in [
            "",
            "token",
            "[]",
            "{}",
            r#"{"access_token":7}"#,
            r#"{"access_token":""}"#,
            r#"{"access_token":"a b"}"#,
            r#"{"access_token":"a\nb"}"#,
            r#"{"access_token":"ä"}"#,
            r#"{"access_token":"abc","token_type":"mac"}"#,
        ] {
            assert_eq!(grant(answer), None, "{answer}");
        }
    }

    #[test]
    fn a_token_is_renewed_before_it_ends() {
        let given = Instant::now();
        let after = |life| renew_at(given, Duration::from_secs(life)).map(|at| (at - given).as_secs());
        assert_eq!(
            [after(7200), after(240), after(60), after(4)],
            [Some(7140), Some(180), Some(45), Some(3)]
        );
        assert_eq!(renew_at(given, Duration::MAX), None, "longer than any clock holds");
    }
}
