//! One service over HTTP: sends a request until an answer comes that another try would not change, or until
//! the deadline, and keeps what a refusal needs to be explained.

use std::{
    cell::Cell,
    time::{Duration, Instant, SystemTime},
};

use reqwest::{Method, RequestBuilder, StatusCode, Url, header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::{sync::SemaphorePermit, time::sleep_until};

use crate::{
    console::{log::Console, text::rounded},
    http::{
        refusal::{Came, Clues, Purpose, Refusal},
        retry::{self, Next},
        service::Service,
        throttle::{Pace, Turn},
        transport::{ATTEMPT_LIMIT, Answer, Failure, Http},
    },
};

/// A client of one service for one run.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    /// The connection.
    pub http: &'a Http,
    /// Where the log goes.
    pub console: &'a Console,
    /// Who is asked, and as whom.
    pub service: &'a Service,
    /// What the credential's requests know of each other.
    pub pace: &'a Pace,
    /// The API's address.
    pub api_url: &'a Url,
    /// When the target is given up.
    pub deadline: &'a Deadline,
    /// Whether a request is sent again; one that is merely good to have is not.
    pub retries: bool,
    /// Set to whether the service may have taken a request in: from when it is sent until an answer says that it was
    /// refused.
    pub arrival: Option<&'a Cell<bool>>,
}

/// When a target is given up. What it waits for the sake of others does not count, unless the deadline is firm.
#[derive(Debug)]
pub struct Deadline {
    at: Cell<Instant>,
    is_firm: bool,
}

impl Deadline {
    /// So long after now.
    pub fn after(time: Duration) -> Self {
        Self { at: Cell::new(Instant::now() + time), is_firm: false }
    }

    /// The same, whatever has to be waited for: the process ends then.
    pub fn firm(time: Duration) -> Self {
        Self { is_firm: true, ..Self::after(time) }
    }

    /// Begins anew.
    pub fn renew(&self, time: Duration) {
        self.at.set(Instant::now() + time);
    }

    /// How long it is until then.
    pub fn left(&self) -> Duration {
        self.at.get().saturating_duration_since(Instant::now())
    }

    /// Puts it off by what was waited for the sake of others.
    pub fn put_off(&self, by: Duration) {
        if !self.is_firm {
            self.at.set(self.at.get() + by);
        }
    }
}

/// A request to a service.
#[derive(Debug)]
pub struct Request {
    /// What it is for.
    pub purpose: Purpose,
    /// The method.
    pub method: Method,
    /// The address.
    pub url: Url,
    /// The body, as JSON.
    pub body: Option<String>,
}

/// The last answer to a request.
#[derive(Debug)]
pub struct Sent {
    /// The answer; what it means is the endpoint's to say.
    pub answer: Answer,
    attempts: u32,
    again_in: Option<Duration>,
}

impl Client<'_> {
    /// The address of an endpoint below the API's.
    pub fn url<'p>(&self, path: impl IntoIterator<Item = &'p str>) -> Url {
        let mut url = self.api_url.clone();
        // An http or https address always has a path.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    /// Sends a request that asks, and makes of the answer what `understand` sees in it.
    ///
    /// # Errors
    ///
    /// When the service refuses, cannot be reached, or answers something else.
    pub async fn get<W: DeserializeOwned, T>(
        &self,
        purpose: Purpose,
        url: Url,
        understand: impl FnOnce(W) -> Option<T>,
    ) -> Result<T, Box<Refusal>> {
        let request = Request { purpose, method: Method::GET, url, body: None };
        let mut sent = self.send(&request).await?;
        if sent.answer.status != StatusCode::OK {
            return Err(self.refused(&request, sent));
        }
        // What is taken out of it may end in a status.
        sent.answer = self.without_secrets(sent.answer);
        let wire: Option<W> = serde_json::from_slice(&sent.answer.body).ok();
        wire.and_then(understand).ok_or_else(|| {
            let wrong = unreadable(&sent.answer);
            self.unusable(&request, sent, wrong)
        })
    }

    /// Sends a request. Any answer is `Ok`.
    ///
    /// # Errors
    ///
    /// When no whole answer came.
    pub async fn send(&self, request: &Request) -> Result<Sent, Box<Refusal>> {
        let mut attempts = 0;
        let mut earlier = None;
        loop {
            let room = match self.turn(attempts > 0).await {
                Ok(room) => room,
                Err((newest, again_in)) => {
                    return self.end(request, earlier.unwrap_or(newest), attempts, again_in);
                }
            };
            attempts += 1;
            let begun = Instant::now();
            let limit = self.deadline.left().min(ATTEMPT_LIMIT);
            let built = self.build(request).build().map_err(|error| {
                self.refusal(request, Came::Nothing(Failure::Broken(error.to_string())), attempts, None)
            })?;
            let may_have_arrived = self.arrival.is_some_and(|arrival| arrival.replace(true));
            let mut result = self.http.send(built, limit).await;
            drop(room);
            if let Some(arrival) = self.arrival {
                arrival.set(may_have_arrived || retry::may_have_arrived(&result));
            }
            self.log_attempt(request, attempts, &result, begun.elapsed());
            if self.pace.note(&result, begun) {
                self.console.of_run().warning(format_args!(
                    "{} says that the hour's allowance of requests is nearly used up {}: they are slowed down",
                    self.service,
                    self.service.with()
                ));
            }
            // An attempt that the deadline cut short says less than the one before it.
            if limit < ATTEMPT_LIMIT && matches!(result, Err(Failure::Silent(_))) {
                result = earlier.take().unwrap_or(result);
            }
            let is_limited =
                result.as_ref().is_ok_and(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS);
            let failures = if is_limited { self.pace.pauses() + 1 } else { attempts };
            let remaining = self.deadline.left();
            let next = retry::next(failures, &result, remaining, SystemTime::now(), fastrand::f64());
            let again_in = match next {
                Next::Again(_) if !self.retries => None,
                Next::Again(pause) => {
                    // Others may have met the same limit, and have told it; it is not this target's alone.
                    let console = if is_limited { &self.console.of_run() } else { self.console };
                    if !is_limited || self.pace.pause(begun, pause, &result) {
                        console.warning(format_args!(
                            "{}; trying again in {} s, {} s left",
                            match &result {
                                Ok(answer) => format!("{} answered {}", self.service, answer.status),
                                Err(failure) => format!("{}: {failure}", self.service),
                            },
                            rounded(pause),
                            rounded(remaining),
                        ));
                    }
                    if !is_limited {
                        tokio::time::sleep(pause).await;
                    }
                    earlier = Some(result);
                    continue;
                }
                Next::TooLate(pause) => {
                    if is_limited {
                        self.pace.pause(begun, pause, &result);
                    }
                    Some(pause)
                }
                Next::End => None,
            };
            return self.end(request, result, attempts, again_in);
        }
    }

    /// Waits until a request may be sent, and gives it room; else what keeps it from being sent, and when to try again.
    async fn turn(
        &self,
        is_again: bool,
    ) -> Result<Option<SemaphorePermit<'_>>, (Result<Answer, Failure>, Option<Duration>)> {
        let mut slot = None;
        loop {
            let asked = Instant::now();
            // The last words do not wait in a row.
            let room = if self.deadline.is_firm { None } else { self.http.room().await };
            self.deadline.put_off(asked.elapsed());
            match self.pace.turn(self.deadline.at.get(), is_again, &mut slot) {
                Turn::Now => return Ok(room),
                Turn::TooLate(newest, pause) => return Err((newest, Some(pause))),
                Turn::GivenUp(newest) => return Err((newest, None)),
                // Those of other credentials go on meanwhile.
                Turn::Paused(end) => {
                    drop(room);
                    sleep_until(end.into()).await;
                }
                // There is no time for it.
                Turn::Slowed(_) if self.deadline.is_firm => return Ok(room),
                // To be slowed down is no reason to give up the sooner.
                Turn::Slowed(slot) => {
                    drop(room);
                    self.deadline.put_off(slot.saturating_duration_since(Instant::now()));
                    sleep_until(slot.into()).await;
                }
            }
        }
    }

    /// What the last attempt comes to.
    fn end(
        &self,
        request: &Request,
        result: Result<Answer, Failure>,
        attempts: u32,
        again_in: Option<Duration>,
    ) -> Result<Sent, Box<Refusal>> {
        match result {
            Ok(answer) => Ok(Sent { answer, attempts, again_in }),
            Err(failure) => Err(self.refusal(request, Came::Nothing(failure), attempts, again_in)),
        }
    }

    /// The refusal that an answer is.
    pub fn refused(&self, request: &Request, sent: Sent) -> Box<Refusal> {
        self.refusal(request, Came::Refused(sent.answer), sent.attempts, sent.again_in)
    }

    /// The refusal of an answer that accepts, but cannot be the service's.
    pub fn unusable(&self, request: &Request, sent: Sent, wrong: &'static str) -> Box<Refusal> {
        self.refusal(request, Came::Unusable(sent.answer, wrong), sent.attempts, sent.again_in)
    }

    /// A service may send the credential back; it gets no further than this, so that nothing that is cut or taken out
    /// of the answer holds a part of it.
    fn without_secrets(&self, mut answer: Answer) -> Answer {
        let mut text = String::from_utf8_lossy(&answer.body);
        // Letters that are written as their numbers would pass for something else.
        if text.contains("\\u")
            && let Ok(plain) = serde_json::from_str::<Value>(&text)
        {
            text = plain.to_string().into();
        }
        answer.body = self.console.without_secrets(&text).into_bytes();
        answer
    }

    fn build(&self, request: &Request) -> RequestBuilder {
        let builder = self
            .http
            .client()
            .request(request.method.clone(), request.url.clone())
            .header(header::ACCEPT, "application/json");
        let builder = self.service.authenticate(builder);
        match &request.body {
            Some(body) => builder.header(header::CONTENT_TYPE, "application/json").body(body.clone()),
            None => builder,
        }
    }

    fn log_attempt(&self, request: &Request, attempt: u32, result: &Result<Answer, Failure>, took: Duration) {
        let came = match result {
            Ok(answer) => format!("{}, {} bytes", answer.status, answer.body.len()),
            Err(failure) => failure.to_string(),
        };
        self.console.debug(format_args!(
            "{} {} attempt {attempt}: {came}, {:.3} s",
            request.method,
            request.url,
            took.as_secs_f64()
        ));
    }

    fn refusal(
        &self,
        request: &Request,
        came: Came,
        attempts: u32,
        again_in: Option<Duration>,
    ) -> Box<Refusal> {
        let came = match came {
            Came::Refused(answer) => Came::Refused(self.without_secrets(answer)),
            Came::Unusable(answer, wrong) => Came::Unusable(self.without_secrets(answer), wrong),
            Came::Nothing(failure) => Came::Nothing(failure),
        };
        Box::new(Refusal {
            service: self.service.clone(),
            purpose: request.purpose.clone(),
            method: request.method.clone(),
            url: request.url.clone(),
            came,
            attempts,
            again_in,
            clues: Clues::default(),
            stopped_over: false,
        })
    }
}

/// What keeps an accepting answer from being read.
pub fn unreadable(answer: &Answer) -> &'static str {
    if answer.cut {
        "the answer has more than 1 MiB"
    } else if serde_json::from_slice::<Value>(&answer.body).is_err() {
        "the answer is not JSON"
    } else {
        "the answer lacks what is documented"
    }
}
