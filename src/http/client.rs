//! One service over HTTP: sends a request until a response is final or the deadline has passed.

use std::{
    future::pending,
    time::{Duration, Instant, SystemTime},
};

use reqwest::{
    Method, RequestBuilder, StatusCode, Url,
    header::{self, HeaderValue},
};
use serde::de::DeserializeOwned;
use tokio::{sync::SemaphorePermit, time::sleep_until};

use crate::{
    console::{log::Console, text::rounded},
    http::{
        authorization::Authorization,
        deadline::Deadline,
        effect::Effect,
        failed_request::{Cause, FailedRequest, Service, Unusable},
        retry::{self, Next},
        throttle::{Admission, Throttle},
        transport::{ATTEMPT_LIMIT, Attempt, Failure, Response, Transport, status_words},
    },
};

/// A client of one service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client<'a> {
    pub(crate) transport: &'a Transport,
    pub(crate) console: &'a Console,
    pub(crate) service: Service,
    pub(crate) authorization: &'a Authorization,
    pub(crate) throttle: &'a Throttle,
    /// The address of the API, without a slash at its end.
    pub(crate) base_url: &'a Url,
    pub(crate) deadline: &'a Deadline,
    /// Longer bodies are not read to their end.
    pub(crate) body_max_bytes: usize,
    pub(crate) retries: Retries,
    /// What a request that writes may have done.
    pub(crate) effect: Option<&'a Effect>,
}

/// Whether a request is sent again after a transient failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retries {
    Yes,
    /// The caller decides it. A rate limit pauses the other requests with the credential.
    ByCaller,
    No,
}

/// A request to a service.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) body: Option<RequestBody>,
}

/// The body of a request, in its format.
#[derive(Debug, Clone)]
pub(crate) enum RequestBody {
    Json(String),
    /// `application/x-www-form-urlencoded`; never a secret.
    Form(&'static str),
}

/// The last response to a request.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// The response; the endpoint says what it means.
    pub(crate) response: Response,
    attempts: u32,
    retry_after: Option<Duration>,
}

/// The attempts to send one request so far.
#[derive(Debug, Default)]
struct Attempts {
    count: u32,
    /// What came of the attempt before the last one.
    earlier: Option<Attempt>,
}

/// A request that the throttle holds back.
struct HeldBack {
    latest: Attempt,
    retry_after: Option<Duration>,
}

impl Request {
    /// A GET request.
    pub(crate) const fn get(url: Url) -> Self {
        Self { method: Method::GET, url, body: None }
    }
}

impl Client<'_> {
    /// The address of an endpoint: `path` below the address of the API.
    pub(crate) fn url<'p>(&self, path: impl IntoIterator<Item = &'p str>) -> Url {
        let mut url = self.base_url.clone();
        // An http or https address always has a path.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    /// Sends a GET request and reads its response: `check` makes a value of the deserialized body, or says what is wrong with
    /// it.
    ///
    /// # Errors
    ///
    /// When the service refuses the request, cannot be reached, or answers something else.
    pub(crate) async fn get<W: DeserializeOwned, T>(
        &self,
        url: Url,
        check: impl FnOnce(W) -> Result<T, Unusable>,
    ) -> Result<T, Box<FailedRequest>> {
        let request = Request::get(url);
        let exchange = self.send(&request).await?;
        self.understood(&request, exchange, check)
    }

    /// Reads the response to a GET request: `check` makes a value of the deserialized body, or says what is wrong with it.
    ///
    /// # Errors
    ///
    /// When the service refuses the request, or answers something else.
    pub(crate) fn understood<W: DeserializeOwned, T>(
        &self,
        request: &Request,
        mut exchange: Exchange,
        check: impl FnOnce(W) -> Result<T, Unusable>,
    ) -> Result<T, Box<FailedRequest>> {
        if exchange.response.status_code != StatusCode::OK {
            return Err(self.refused(request, exchange));
        }
        let damaged = (!exchange.response.body.is_text()).then(|| Unusable::of(&exchange.response));
        // A value of the response may become part of a status that everybody sees.
        exchange.response = self.without_secrets(exchange.response);
        if let Some(wrong) = damaged {
            return Err(self.unusable(request, exchange, wrong));
        }
        let body = exchange.response.body.json().and_then(|json| W::deserialize(json).ok());
        match body.ok_or_else(|| Unusable::of(&exchange.response)).and_then(check) {
            Ok(value) => Ok(value),
            Err(wrong) => Err(self.unusable(request, exchange, wrong)),
        }
    }

    /// Sends a request. Every response is `Ok`. Waits for ever before an attempt that the run no longer allows.
    ///
    /// # Errors
    ///
    /// When there is no complete response.
    pub(crate) async fn send(&self, request: &Request) -> Result<Exchange, Box<FailedRequest>> {
        let mut attempts = Attempts::default();
        loop {
            let permit = match self.admitted(attempts.count > 0).await {
                Ok(permit) => permit,
                Err(HeldBack { latest, retry_after }) => {
                    let last = attempts.earlier.take().unwrap_or(latest);
                    return self.finish(request, last, attempts.count, retry_after);
                }
            };
            if self.effect.is_some_and(Effect::is_closed) {
                drop(permit);
                return pending().await;
            }
            let sent = Instant::now();
            let attempt = self.attempt(request, permit, &mut attempts).await?;
            let remaining = self.deadline.left();
            let next = match self.next(&attempt, attempts.count, remaining) {
                Next::Retry(_) if self.retries == Retries::No => Next::End,
                next => next,
            };
            if let (true, Next::Retry(pause) | Next::TooLate(pause)) = (is_rate_limited(&attempt), next)
                && self.throttle.pause(sent, pause, &attempt)
                && matches!(next, Next::Retry(_))
            {
                // The pause concerns every target of the run.
                warn_of_retry(&self.console.of_run(), self.service, &attempt, pause, remaining);
            }
            match next {
                Next::Retry(_) if self.retries == Retries::ByCaller => {
                    return self.finish(request, attempt, attempts.count, None);
                }
                Next::End => return self.finish(request, attempt, attempts.count, None),
                Next::TooLate(pause) => return self.finish(request, attempt, attempts.count, Some(pause)),
                Next::Retry(pause) => {
                    // The throttle makes all requests wait for a rate limit.
                    if !is_rate_limited(&attempt) {
                        warn_of_retry(self.console, self.service, &attempt, pause, remaining);
                        tokio::time::sleep(pause).await;
                    }
                    attempts.earlier = Some(attempt);
                }
            }
        }
    }

    /// Sends the request once. `permit` is held until there is a response.
    async fn attempt(
        &self,
        request: &Request,
        permit: Option<SemaphorePermit<'_>>,
        attempts: &mut Attempts,
    ) -> Result<Attempt, Box<FailedRequest>> {
        attempts.count += 1;
        let sent = Instant::now();
        let limit = self.deadline.left().min(ATTEMPT_LIMIT);
        let built = self.build(request).build().map_err(|error| {
            let cause = Cause::NoResponse(Failure::Broken(error.to_string()));
            self.failed(request, cause, attempts.count, None)
        })?;
        if let Some(effect) = self.effect {
            effect.begin();
        }
        let attempt = self.transport.send(built, limit, self.body_max_bytes).await;
        drop(permit);
        if let Some(effect) = self.effect {
            effect.end(retry::may_have_been_applied(&attempt));
        }
        self.log(request, attempts.count, &attempt, sent.elapsed());
        if self.throttle.record(&attempt, sent) {
            self.console.of_run().warning(format_args!(
                "{} says that the hourly allowance of requests is nearly used up {}: requests are slowed down",
                self.service, self.authorization.description
            ));
        }
        // An attempt that the deadline cut short says less than the one before it.
        let is_cut_short = limit < ATTEMPT_LIMIT && matches!(attempt, Err(Failure::Silent(_)));
        Ok(if is_cut_short { attempts.earlier.take().unwrap_or(attempt) } else { attempt })
    }

    /// What follows an attempt.
    fn next(&self, attempt: &Attempt, attempts: u32, remaining: Duration) -> Next {
        // Rate limits are counted for the credential, other failures for the request.
        let failures = if is_rate_limited(attempt) { self.throttle.pauses() + 1 } else { attempts };
        retry::next(failures, attempt, remaining, SystemTime::now(), fastrand::f64())
    }

    /// Waits until a request may be sent.
    async fn admitted(&self, is_retry: bool) -> Result<Option<SemaphorePermit<'_>>, HeldBack> {
        let mut slot = None;
        loop {
            let asked = Instant::now();
            // The final statuses of a run that is stopped do not wait for other requests.
            let permit = if self.deadline.is_firm() { None } else { self.transport.permit().await };
            self.deadline.extend(asked.elapsed());
            match self.throttle.admit(self.deadline.at(), is_retry, &mut slot) {
                Admission::Now => return Ok(permit),
                Admission::TooLate(latest, pause) => {
                    return Err(HeldBack { latest, retry_after: Some(pause) });
                }
                Admission::GivenUp(latest) => return Err(HeldBack { latest, retry_after: None }),
                // Requests with other credentials are sent meanwhile.
                Admission::AfterPause(end) => {
                    drop(permit);
                    sleep_until(end.into()).await;
                }
                Admission::InSlot(_) if self.deadline.is_firm() => return Ok(permit),
                // A target that waits for its slot is not given up earlier because of that.
                Admission::InSlot(slot) => {
                    drop(permit);
                    self.deadline.extend(slot.saturating_duration_since(Instant::now()));
                    sleep_until(slot.into()).await;
                }
            }
        }
    }

    fn finish(
        &self,
        request: &Request,
        attempt: Attempt,
        attempts: u32,
        retry_after: Option<Duration>,
    ) -> Result<Exchange, Box<FailedRequest>> {
        match attempt {
            Ok(response) => Ok(Exchange { response, attempts, retry_after }),
            Err(failure) => Err(self.failed(request, Cause::NoResponse(failure), attempts, retry_after)),
        }
    }

    /// The failed request, when the response refuses it.
    pub(crate) fn refused(&self, request: &Request, exchange: Exchange) -> Box<FailedRequest> {
        let Exchange { response, attempts, retry_after } = exchange;
        let cause = Cause::Refused(self.without_secrets(response));
        self.failed(request, cause, attempts, retry_after)
    }

    /// The failed request, when the response accepts it and cannot be used.
    pub(crate) fn unusable(
        &self,
        request: &Request,
        exchange: Exchange,
        wrong: Unusable,
    ) -> Box<FailedRequest> {
        let Exchange { response, attempts, retry_after } = exchange;
        let cause = Cause::Unusable(self.without_secrets(response), wrong);
        self.failed(request, cause, attempts, retry_after)
    }

    /// The failed request that is not sent, with the reason.
    pub(crate) fn not_sent(&self, request: &Request, why: &str) -> Box<FailedRequest> {
        self.failed(request, Cause::NoResponse(Failure::Broken(why.to_owned())), 0, None)
    }

    fn failed(
        &self,
        request: &Request,
        cause: Cause,
        attempts: u32,
        retry_after: Option<Duration>,
    ) -> Box<FailedRequest> {
        Box::new(FailedRequest {
            service: self.service,
            method: request.method.clone(),
            url: request.url.clone(),
            authorization: self.authorization.description.clone(),
            cause,
            attempts,
            retry_after,
        })
    }

    /// A service may send the credential back. The secret is taken out here, before any text is cut.
    fn without_secrets(&self, mut response: Response) -> Response {
        response.body = response.body.cleaned(|text| self.console.without_secrets(text));
        for value in response.headers.values_mut() {
            let cleaned = value.to_str().ok().map(|text| self.console.without_secrets(text));
            if let Some(cleaned) = cleaned.and_then(|text| HeaderValue::try_from(text).ok()) {
                *value = cleaned;
            }
        }
        response
    }

    fn build(&self, request: &Request) -> RequestBuilder {
        let client = self.transport.client();
        let builder = client
            .request(request.method.clone(), request.url.clone())
            .header(header::ACCEPT, "application/json");
        let builder = self.authorization.apply(builder);
        match &request.body {
            Some(RequestBody::Json(body)) => {
                builder.header(header::CONTENT_TYPE, "application/json").body(body.clone())
            }
            Some(RequestBody::Form(body)) => {
                builder.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(*body)
            }
            None => builder,
        }
    }

    fn log(&self, request: &Request, number: u32, attempt: &Attempt, took: Duration) {
        let result = match attempt {
            Ok(response) => format!("{}, {} bytes", status_words(response.status_code), response.body.len()),
            Err(failure) => failure.to_string(),
        };
        self.console.debug(format_args!(
            "{} {} attempt {number}: {result}, {:.3} s",
            request.method,
            request.url,
            took.as_secs_f64()
        ));
    }
}

fn is_rate_limited(attempt: &Attempt) -> bool {
    attempt.as_ref().is_ok_and(|response| response.status_code == StatusCode::TOO_MANY_REQUESTS)
}

fn warn_of_retry(
    console: &Console,
    service: Service,
    attempt: &Attempt,
    pause: Duration,
    remaining: Duration,
) {
    let what = match attempt {
        Ok(response) => format!("{service} answered {}", status_words(response.status_code)),
        Err(failure) => format!("{service}: {failure}"),
    };
    console.warning(format_args!(
        "{what}; trying again in {} s, {} s left",
        rounded(pause),
        rounded(remaining)
    ));
}

impl Unusable {
    /// What keeps a response from being read.
    pub(crate) fn of(response: &Response) -> Self {
        if response.body.is_truncated() {
            Self::TooLong
        } else if response.is_compressed() {
            Self::Compressed
        } else if response.body.json().is_none() {
            Self::NotJson
        } else {
            Self::Undocumented
        }
    }
}
