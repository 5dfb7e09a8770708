//! A request that failed: what was sent, and what came back.

use std::{fmt, time::Duration};

use reqwest::{Method, StatusCode, Url, header::WWW_AUTHENTICATE};

use crate::{
    console::text::{fit, one_line},
    http::{
        retry,
        transport::{Failure, Response, status_words},
    },
};

/// A request that failed: what was sent, and what came back.
#[derive(Debug, Clone)]
pub(crate) struct FailedRequest {
    pub(crate) service: Service,
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// How the request was authorized, in words.
    pub(crate) authorization: String,
    pub(crate) cause: Cause,
    /// How often it was sent; 0 when an earlier request met a limit or an outage.
    pub(crate) attempts: u32,
    /// The pause that the service asks for, when it would pass the deadline.
    pub(crate) retry_after: Option<Duration>,
}

/// The services, as the log names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Bitbucket,
    SonarQube,
}

/// Why a request failed.
#[derive(Debug, Clone)]
pub(crate) enum Cause {
    /// The service refused it.
    Refused(Response),
    /// The service accepted it, and the response is not what the service documents.
    Unusable(Response, Unusable),
    /// There is no complete response.
    NoResponse(Failure),
}

/// What is wrong with a response that accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unusable {
    TooLong,
    /// Nobody asked for a compressed answer.
    Compressed,
    NotJson,
    /// A documented field is missing or has another type.
    Undocumented,
    /// Something else than the object that was asked for, which is named.
    NotA(&'static str),
    /// The object has another value than the one that was sent; in words.
    Other(String),
    /// Not the token that was asked for. Its text may hold a secret, and is never shown.
    NoToken,
}

/// Real challenges have some 50 characters.
const CHALLENGE_MAX_CHARS: usize = 80;

impl FailedRequest {
    /// The status code, when there is a response.
    pub(crate) fn status_code(&self) -> Option<StatusCode> {
        self.response().map(|response| response.status_code)
    }

    /// The response, when there is one.
    pub(crate) const fn response(&self) -> Option<&Response> {
        match &self.cause {
            Cause::Refused(response) | Cause::Unusable(response, _) => Some(response),
            Cause::NoResponse(_) => None,
        }
    }

    /// Whether another attempt may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        match &self.cause {
            Cause::Refused(response) => retry::is_transient(response.status_code),
            Cause::Unusable(..) => false,
            Cause::NoResponse(failure) => failure.is_transient(),
        }
    }

    /// What was sent, without the secret.
    pub(crate) fn sent(&self) -> String {
        let times = match self.attempts {
            0 => ", not sent".to_owned(),
            1 => String::new(),
            attempts => format!(", {attempts} times"),
        };
        format!("{} {} {}{times}", self.method, self.url, self.authorization)
    }

    /// What came back, in the service's own words.
    pub(crate) fn answered(&self) -> String {
        let answered = match &self.cause {
            Cause::Refused(response) => described(response),
            Cause::Unusable(response, wrong @ Unusable::NoToken) if !response.body.is_html() => {
                format!("{}, but {wrong}", response.status_code)
            }
            Cause::Unusable(response, wrong) => format!("{}, but {wrong}", described(response)),
            Cause::NoResponse(failure) => failure.to_string(),
        };
        if self.attempts == 0 { format!("{answered} (to an earlier request)") } else { answered }
    }
}

fn described(response: &Response) -> String {
    let challenge = match response.header(WWW_AUTHENTICATE.as_str()) {
        Some(challenge) if response.status_code == StatusCode::UNAUTHORIZED => {
            format!(" (www-authenticate: {})", fit(&one_line(challenge), CHALLENGE_MAX_CHARS))
        }
        _ => String::new(),
    };
    let body = if response.is_compressed() { "a compressed body".to_owned() } else { response.body.shown() };
    format!("{}, {body}{challenge}", status_words(response.status_code))
}

/// Completes "failed to ...: ".
impl fmt::Display for FailedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.attempts == 0 {
            f.write_str(match self.retry_after {
                Some(_) => "not sent: the service asked for a pause in answer to an earlier request: ",
                None => "not sent: earlier requests kept failing, most recently with: ",
            })?;
        }
        match &self.cause {
            Cause::Refused(response) | Cause::Unusable(response, _) => {
                write!(f, "{} answered {}", self.service, status_words(response.status_code))
            }
            Cause::NoResponse(failure) => failure.fmt(f),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bitbucket => "Bitbucket",
            Self::SonarQube => "SonarQube",
        })
    }
}

/// Completes "404 Not Found, ..., but ".
impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("the answer is longer than 1 MiB"),
            Self::Compressed => f.write_str("the answer is compressed, and nobody asked for that"),
            Self::NotJson => f.write_str("the answer is not JSON"),
            Self::Undocumented => f.write_str("the answer does not have the documented format"),
            Self::NotA(object) => write!(f, "the answer is not a {object}"),
            Self::Other(difference) => f.write_str(difference),
            Self::NoToken => f.write_str("the answer is not a token"),
        }
    }
}
