//! What goes wrong between a client and the service.

use std::collections::{BTreeMap, VecDeque};
use std::iter;
use std::time::Duration;

use serde_json::Value;

use crate::message::{Answer, Request};
use crate::{pages, refusals};

/// Something that happens to a request in place of, or on the way of, the real answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This answer; the request has no effect.
    Answer {
        /// The status code.
        status: u16,
        /// The headers, in order.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// The connection is closed without a byte; the request has no effect.
    ResetBeforeAnswer,
    /// The request has its effect, and the connection is closed in the middle of the answer.
    ResetInAnswer,
    /// No answer ever comes; the request has no effect.
    Silent,
    /// The request has its effect, but nothing comes after the head of the answer.
    SilentAfterHead,
    /// An answer of that many bytes of text, made as they are sent; the request has no effect.
    Huge {
        /// The status code.
        status: u16,
        /// The length of the body.
        bytes: u64,
    },
    /// The request has its effect, and the connection is closed without a byte.
    ResetAfterEffect,
    /// The real answer, late; a client that does not wait for it takes its request back.
    Delay(Duration),
    /// 302 to the same path and query below another address, as a gateway writes it that wants another scheme or
    /// a path before; the request has no effect.
    RedirectBelow(String),
    /// The real answer, with a byte order mark of UTF-8 before its body, as some gateways write one. RFC 8259,
    /// section 8.1, lets readers of JSON ignore it.
    ByteOrderMark,
    /// The real answer, late; the request has its effect whether or not the client waits for it.
    Slow {
        /// How late.
        takes: Duration,
        /// When the request has its effect.
        effect: Effect,
    },
    /// The real answer with other values: those of this object, and of the objects in it. The request has its effect.
    Altered(Value),
    /// The real answer, compressed with gzip although nobody asked for it. The request has its effect.
    Compressed,
    /// The fault for requests whose body holds this text; the others are spared.
    Within(&'static str, Box<Self>),
}

/// When a slow request has its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// As soon as it has arrived.
    AtOnce,
    /// When its answer is due.
    AtEnd,
}

impl Fault {
    /// The rate limit as Bitbucket tells it: 429 as plain text, without a word on when to come back.
    pub fn rate_limited() -> Self {
        refusals::rate_limited().into()
    }

    /// The same with `Retry-After`, which Bitbucket has not been seen to send.
    pub fn rate_limited_with(retry_after: &str) -> Self {
        refusals::rate_limited().with("retry-after", retry_after).into()
    }

    /// A status code with a body of a few words, as gateways answer.
    pub fn status(status: u16) -> Self {
        Answer::text(status, &format!("status {status}\n")).into()
    }

    /// An answer with this JSON; the request has no effect.
    pub fn json(status: u16, body: &Value) -> Self {
        Answer::json(status, body).into()
    }

    /// A refusal in Bitbucket's envelope, with a sentence of its own.
    pub fn refusal(status: u16, sentence: &str) -> Self {
        refusals::refusal(status, sentence).into()
    }

    /// A repository that takes no writes for the moment.
    pub fn read_only() -> Self {
        refusals::read_only().into()
    }

    /// The end of a consumer's token.
    pub fn token_expired() -> Self {
        refusals::token_expired().into()
    }

    /// 301 to another address, or to another path of the same one.
    pub fn moved(location: &str) -> Self {
        refusals::moved(location).into()
    }

    /// The end of app passwords, for one that has no prefix to tell it by.
    pub fn app_passwords_are_gone() -> Self {
        refusals::app_passwords_are_gone().into()
    }

    /// What happens to a request with this body.
    pub(crate) fn of(self, body: &[u8]) -> Option<Self> {
        match self {
            Self::Within(text, fault) => String::from_utf8_lossy(body).contains(text).then_some(*fault),
            fault => Some(fault),
        }
    }

    /// 302 to another address.
    pub fn redirect(location: &str) -> Self {
        Answer::empty(302).with("location", location).into()
    }
}

impl Fault {
    /// A page with a title, in place of an answer.
    pub fn page(status: u16, title: &str) -> Self {
        Answer::html(status, &pages::titled(title)).into()
    }

    /// 401 with a page and the challenge of somebody else than the service: a company's proxy that wants a name and
    /// a password of its own. RFC 9110, section 11.6.1.
    pub fn challenge(realm: &str) -> Self {
        let challenge = format!("Basic realm=\"{realm}\"");
        Answer::html(401, &pages::titled("401 Unauthorized")).with("www-authenticate", challenge).into()
    }

    /// 503 as nginx answers while nothing is behind it, which it does without `Retry-After` unless it is told to.
    pub fn unavailable(retry_after: Option<&str>) -> Self {
        let answer = Answer::html(503, &pages::of_nginx("503 Service Temporarily Unavailable"));
        match retry_after {
            Some(retry_after) => answer.with("retry-after", retry_after).into(),
            None => answer.into(),
        }
    }
}

impl From<Answer> for Fault {
    fn from(Answer { status, headers, body }: Answer) -> Self {
        Self::Answer { status, headers, body }
    }
}

/// The faults to come.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    any: Lot,
    /// By secret.
    one: BTreeMap<String, Lot>,
    /// By the method of a request and a part of its path and query.
    at: Vec<(&'static str, &'static str, Lot)>,
}

/// The faults to come of all requests, or of those with one credential or at one place.
#[derive(Debug, Default)]
struct Lot {
    /// One for each of the next requests; `None` spares it.
    queue: VecDeque<Option<Fault>>,
    always: Option<Fault>,
}

impl Faults {
    pub(crate) fn queue(&mut self, fault: Fault) {
        self.any.queue.push_back(Some(fault));
    }

    pub(crate) fn queue_for(&mut self, secret: &str, fault: Fault) {
        self.one.entry(secret.to_owned()).or_default().queue.push_back(Some(fault));
    }

    /// Puts nothing in the queue for a number of requests.
    pub(crate) fn spare(&mut self, requests: usize) {
        self.any.queue.extend(iter::repeat_n(None, requests));
    }

    pub(crate) fn always(&mut self, fault: Fault) {
        self.any.always = Some(fault);
    }

    pub(crate) fn always_for(&mut self, secret: &str, fault: Fault) {
        self.one.entry(secret.to_owned()).or_default().always = Some(fault);
    }

    pub(crate) fn queue_at(&mut self, method: &'static str, part: &'static str, fault: Fault) {
        self.lot_at(method, part).queue.push_back(Some(fault));
    }

    pub(crate) fn always_at(&mut self, method: &'static str, part: &'static str, fault: Fault) {
        self.lot_at(method, part).always = Some(fault);
    }

    fn lot_at(&mut self, method: &'static str, part: &'static str) -> &mut Lot {
        let known = self.at.iter().position(|(of, at, _)| (*of, *at) == (method, part));
        let index = known.unwrap_or_else(|| {
            self.at.push((method, part, Lot::default()));
            self.at.len() - 1
        });
        &mut self.at[index].2
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The fault of the next request: the first in the queue, then what its place and its credential have in their own,
    /// then the lasting one of all.
    pub(crate) fn next(&mut self, request: &Request) -> Option<Fault> {
        let path = request.path_and_query();
        let mut at = self.at.iter_mut();
        let at = at.find(|(method, part, _)| request.method == *method && path.contains(part));
        let one = request.secret().and_then(|secret| self.one.get_mut(&secret));
        let of_all = self.any.queue.pop_front().flatten();
        of_all.or_else(|| at?.2.next()).or_else(|| one?.next()).or_else(|| self.any.always.clone())
    }
}

impl Lot {
    fn next(&mut self) -> Option<Fault> {
        self.queue.pop_front().flatten().or_else(|| self.always.clone())
    }
}
