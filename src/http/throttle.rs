//! Throttling: what the requests of one credential know of each other.
//!
//! A rate limit concerns a credential, and an outage concerns a service. One request finds it out, and the others do
//! not have to.

use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::Rc,
    time::{Duration, Instant},
};

use reqwest::StatusCode;

use crate::http::transport::{Attempt, Response};

/// The throttle of one credential.
#[derive(Debug)]
pub(crate) struct Throttle {
    /// How long failures in a row are tolerated. After that time no request is sent.
    patience: Duration,
    outage: Outage,
    limit: RefCell<Limit>,
}

/// Whether a service keeps failing, for all credentials of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outage(Rc<RefCell<Option<Failures>>>);

/// Failures without a success since the first of them.
#[derive(Debug, Clone)]
struct Failures {
    since: Instant,
    latest: Attempt,
}

/// A pause of all requests.
#[derive(Debug)]
struct Pause {
    begun: Instant,
    end: Instant,
    /// The response that asked for it.
    requested_by: Attempt,
}

/// What is known of the allowance of requests.
#[derive(Debug, Default)]
struct Limit {
    pause: Option<Pause>,
    /// The number of pauses in a row.
    pauses: u32,
    failures: Option<Failures>,
    /// The interval between two requests, while the allowance is nearly used up.
    interval: Option<Duration>,
    /// When the next request may be sent, because of `interval`.
    next_slot: Option<Instant>,
    /// Whether the reader was warned that the allowance is nearly used up. The header may come and go.
    is_warned: bool,
    /// The requests that are allowed in [`ALLOWANCE_WINDOW`], if a response said it.
    allowed: Option<usize>,
    /// When requests were sent, and how many, as far as they count for the allowance.
    sent: VecDeque<(Instant, usize)>,
}

/// What is left of the allowance of a credential. Others may use it as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) left: usize,
    pub(crate) allowed: usize,
}

/// Whether a request may be sent.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It may be sent now.
    Now,
    /// It may be sent at this time: all requests pause because of a rate limit.
    AfterPause(Instant),
    /// It may be sent at this time: the allowance is nearly used up.
    InSlot(Instant),
    /// It may be sent after this time from now, which is after the deadline.
    TooLate(Attempt, Duration),
    /// It is not sent in this run: requests have failed for too long.
    GivenUp(Attempt),
}

/// The longest interval between two requests while the allowance is nearly used up.
///
/// At 3.6 s an allowance of 1,000 requests an hour would never be used up. A run ends earlier, and may use the rest.
const LONGEST_INTERVAL: Duration = Duration::from_secs(1);
/// The interval after a pause, until a request is accepted. If all waiting requests were sent at once, all would be
/// refused again.
const INTERVAL_AFTER_PAUSE: Duration = Duration::from_millis(250);
/// Longer than any run, and short enough for every clock.
const LONGEST_PAUSE: Duration = Duration::from_hours(24 * 365);
/// Bitbucket counts requests over this time: <https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/>.
const ALLOWANCE_WINDOW: Duration = Duration::from_hours(1);
/// Requests within this time are counted together.
const COUNTED_TOGETHER: Duration = Duration::from_mins(1);

impl Throttle {
    /// The throttle of a credential that was not used yet.
    pub(crate) fn new(patience: Duration, outage: Outage) -> Self {
        Self { patience, outage, limit: RefCell::default() }
    }

    /// Whether a request may be sent now. `slot` keeps its place in the queue from call to call.
    pub(crate) fn admit(&self, deadline: Instant, is_retry: bool, slot: &mut Option<Instant>) -> Admission {
        let now = Instant::now();
        if let Some(latest) = self.given_up(now, is_retry) {
            return Admission::GivenUp(latest);
        }
        let mut limit = self.limit.borrow_mut();
        match &limit.pause {
            Some(pause) if pause.end > now && pause.end >= deadline => {
                return Admission::TooLate(pause.requested_by.clone(), pause.end - now);
            }
            Some(pause) if pause.end > now => {
                // All slots from before the pause would come at once after it.
                *slot = None;
                return Admission::AfterPause(pause.end);
            }
            _ => {}
        }
        let slot = *slot.get_or_insert_with(|| limit.take_slot(now));
        if slot > now { Admission::InSlot(slot) } else { Admission::Now }
    }

    /// Records what came of a request that was sent at `sent`. Returns whether to warn that the allowance is nearly
    /// used up.
    pub(crate) fn record(&self, attempt: &Attempt, sent: Instant) -> bool {
        let now = Instant::now();
        let mut limit = self.limit.borrow_mut();
        limit.count(sent);
        if let Some(allowed) = attempt.as_ref().ok().and_then(allowed) {
            limit.allowed = Some(allowed);
        }
        match attempt {
            Ok(response) if response.status_code == StatusCode::TOO_MANY_REQUESTS => {
                Failures::add(&mut limit.failures, attempt, now);
                return false;
            }
            Ok(response) if !response.status_code.is_server_error() => {
                self.outage.0.borrow_mut().take();
                // A request that was sent before the pause does not show that the limit is over.
                if limit.pause.as_ref().is_some_and(|pause| sent < pause.begun) {
                    return false;
                }
                limit.failures = None;
                limit.pauses = 0;
            }
            Ok(_) | Err(_) => {
                Failures::add(&mut self.outage.0.borrow_mut(), attempt, now);
                return false;
            }
        }
        limit.interval = attempt.as_ref().ok().and_then(interval);
        limit.interval.is_some() && !std::mem::replace(&mut limit.is_warned, true)
    }

    /// Begins a pause of all requests, which the response to a request sent at `sent` asked for.
    ///
    /// Returns `false` and changes nothing when another pause began since then, or a longer one is in force.
    pub(crate) fn pause(&self, sent: Instant, length: Duration, requested_by: &Attempt) -> bool {
        let begun = Instant::now();
        let end = begun + length.min(LONGEST_PAUSE);
        let mut limit = self.limit.borrow_mut();
        if limit.pause.as_ref().is_some_and(|known| sent < known.begun || known.end > end) {
            return false;
        }
        limit.pause = Some(Pause { begun, end, requested_by: requested_by.clone() });
        limit.pauses += 1;
        limit.interval = Some(INTERVAL_AFTER_PAUSE);
        limit.next_slot = None;
        true
    }

    /// What this run has left of the allowance, if the service said how large it is.
    pub(crate) fn allowance(&self, now: Instant) -> Option<Allowance> {
        let limit = self.limit.borrow();
        let allowed = limit.allowed?;
        let counts = |(sent, _): &&(Instant, usize)| now.saturating_duration_since(*sent) < ALLOWANCE_WINDOW;
        let used: usize = limit.sent.iter().filter(counts).map(|(_, number)| number).sum();
        Some(Allowance { left: allowed.saturating_sub(used), allowed })
    }

    /// The time that is left of a pause of all requests. `None` if there is no pause.
    pub(crate) fn pause_left(&self, now: Instant) -> Option<Duration> {
        let limit = self.limit.borrow();
        let left = limit.pause.as_ref()?.end.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// The number of pauses in a row. Each makes the next one longer.
    pub(crate) fn pauses(&self) -> u32 {
        self.limit.borrow().pauses
    }

    /// The latest failure, when requests have failed for too long. A request that was never sent waits twice as long:
    /// perhaps only the requests of other targets fail.
    fn given_up(&self, now: Instant, is_retry: bool) -> Option<Attempt> {
        let patience = if is_retry { self.patience } else { 2 * self.patience };
        let latest = |failures: &Option<Failures>| {
            let failures = failures.as_ref().filter(|failures| now - failures.since >= patience)?;
            Some(failures.latest.clone())
        };
        latest(&self.outage.0.borrow()).or_else(|| latest(&self.limit.borrow().failures))
    }
}

impl Failures {
    fn add(failures: &mut Option<Self>, attempt: &Attempt, now: Instant) {
        let since = failures.as_ref().map_or(now, |failures| failures.since);
        *failures = Some(Self { since, latest: attempt.clone() });
    }
}

impl Limit {
    /// Counts a request, and forgets those that count no longer.
    fn count(&mut self, sent: Instant) {
        while self.sent.front().is_some_and(|(first, _)| {
            sent.saturating_duration_since(*first) > ALLOWANCE_WINDOW + COUNTED_TOGETHER
        }) {
            self.sent.pop_front();
        }
        match self.sent.back_mut() {
            Some((last, number)) if sent.saturating_duration_since(*last) < COUNTED_TOGETHER => *number += 1,
            _ => self.sent.push_back((sent, 1)),
        }
    }

    /// Takes the next free slot: when a request may be sent.
    fn take_slot(&mut self, now: Instant) -> Instant {
        let Some(interval) = self.interval else {
            return now;
        };
        let slot = self.next_slot.map_or(now, |next| next.max(now));
        self.next_slot = Some(slot + interval);
        slot
    }
}

/// The requests that are allowed in an hour, if the response says it.
fn allowed(response: &Response) -> Option<usize> {
    response.header("x-ratelimit-limit")?.trim().parse().ok().filter(|allowed| *allowed > 0)
}

/// The interval to keep, when a response says that the allowance is nearly used up. `X-RateLimit-NearLimit` was seen as
/// a word and as a number, whose meaning is not known: only the word counts.
/// <https://bitbucket.org/blog/introducing-scaled-rate-limits-for-bitbucket-cloud-api>
fn interval(response: &Response) -> Option<Duration> {
    response.header("x-ratelimit-nearlimit").filter(|near| near.trim().eq_ignore_ascii_case("true"))?;
    let allowance = response.header("x-ratelimit-limit").and_then(|limit| limit.trim().parse::<u32>().ok());
    Some((ALLOWANCE_WINDOW / allowance.unwrap_or(1).max(1)).min(LONGEST_INTERVAL))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    use super::*;
    use crate::http::{body::Body, transport::Failure};

    #[expect(clippy::unnecessary_wraps, reason = "an attempt is a result")]
    fn answer(status: u16, headers: &[(&'static str, &'static str)]) -> Attempt {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect::<HeaderMap>();
        Ok(Response { status_code: StatusCode::from_u16(status).unwrap(), headers, body: Body::default() })
    }

    fn throttle(patience: Duration) -> Throttle {
        Throttle::new(patience, Outage::default())
    }

    const LONG: Duration = Duration::from_mins(1);

    #[test]
    fn one_limit_is_one_pause_however_many_requests_meet_it() {
        let throttle = throttle(LONG);
        let sent = Instant::now();
        let limited = answer(429, &[]);
        let pause = |sent, length| throttle.pause(sent, length, &limited);
        assert!(pause(sent, Duration::from_secs(1)));
        assert!(!pause(sent, Duration::from_secs(9)), "sent before the pause");
        assert_eq!(throttle.pauses(), 1);
        let later = Instant::now();
        assert!(pause(later, Duration::from_secs(9)), "sent after it began, and a longer one is requested");
        assert!(!pause(Instant::now(), Duration::from_secs(1)), "a longer one is in force");
        assert_eq!(throttle.pauses(), 2);
        assert!(pause(Instant::now(), Duration::MAX), "longer than any clock holds");
        throttle.record(&answer(201, &[]), later);
        assert_eq!(throttle.pauses(), 3, "it was sent before the pause");
        throttle.record(&answer(201, &[]), Instant::now());
        assert_eq!(throttle.pauses(), 0);
    }

    #[test]
    fn only_the_word_true_means_that_the_limit_is_near() {
        let wanted = |headers: &[(&'static str, &'static str)]| interval(&answer(200, headers).unwrap());
        let seconds = Duration::from_secs;
        assert_eq!(
            wanted(&[("x-ratelimit-nearlimit", "true"), ("x-ratelimit-limit", "1000")]),
            Some(seconds(1))
        );
        assert_eq!(
            wanted(&[("x-ratelimit-nearlimit", "True"), ("x-ratelimit-limit", "10000")]),
            Some(Duration::from_millis(360))
        );
        assert_eq!(
            wanted(&[("x-ratelimit-nearlimit", "TRUE"), ("x-ratelimit-limit", "no")]),
            Some(seconds(1))
        );
        assert_eq!(
            wanted(&[("x-ratelimit-nearlimit", "true"), ("x-ratelimit-limit", "0")]),
            Some(seconds(1))
        );
        for near in ["false", "800", ""] {
            assert_eq!(wanted(&[("x-ratelimit-nearlimit", near)]), None, "{near}");
        }
    }

    #[test]
    fn the_allowance_is_what_the_service_allows_without_what_was_sent_within_an_hour() {
        let throttle = throttle(LONG);
        let first = Instant::now();
        throttle.record(&answer(201, &[]), first);
        assert_eq!(throttle.allowance(first), None, "the service has not said it");
        for seconds in [1, 59, 61, 3500] {
            let sent = first + Duration::from_secs(seconds);
            throttle.record(&answer(201, &[("x-ratelimit-limit", "1000")]), sent);
        }
        let left = |seconds| {
            let allowance = throttle.allowance(first + Duration::from_secs(seconds)).unwrap();
            assert_eq!(allowance.allowed, 1000);
            allowance.left
        };
        assert_eq!([left(3500), left(3600), left(3700), left(7200)], [995, 998, 999, 1000]);
        throttle.record(&answer(201, &[]), first + Duration::from_hours(9));
        assert_eq!(throttle.limit.borrow().sent.len(), 1, "what counts no longer is forgotten");
    }

    #[test]
    fn requests_keep_the_interval() {
        let now = Instant::now();
        let mut limit = Limit { interval: Some(LONGEST_INTERVAL), ..Limit::default() };
        let slots: Vec<_> = (0..3).map(|_| limit.take_slot(now) - now).collect();
        assert_eq!(slots, [Duration::ZERO, LONGEST_INTERVAL, 2 * LONGEST_INTERVAL]);
        limit.interval = None;
        assert_eq!(limit.take_slot(now), now);
    }

    #[test]
    fn requests_are_given_up_after_failures_without_a_success() {
        let (patient, impatient) = (throttle(LONG), throttle(Duration::ZERO));
        for attempt in [answer(429, &[]), answer(503, &[]), Err(Failure::Silent(LONG))] {
            patient.record(&attempt, Instant::now());
            assert!(patient.given_up(Instant::now(), true).is_none());
            let patience_later = Instant::now() + LONG;
            assert!(patient.given_up(patience_later, true).is_some());
            assert!(patient.given_up(patience_later, false).is_none(), "it was never sent");
            assert!(patient.given_up(patience_later + LONG, false).is_some());
            impatient.record(&attempt, Instant::now());
            assert!(impatient.given_up(Instant::now(), true).is_some());
            impatient.record(&answer(404, &[]), Instant::now());
            assert!(impatient.given_up(Instant::now(), true).is_none(), "it answers");
        }
    }

    #[test]
    fn a_pause_after_the_deadline_is_not_waited_for() {
        let (throttle, sent) = (throttle(LONG), Instant::now());
        let limited = answer(429, &[]);
        throttle.record(&limited, sent);
        throttle.pause(sent, 2 * LONG, &limited);
        throttle.record(&answer(201, &[]), sent);
        let admit = |deadline| throttle.admit(deadline, false, &mut None);
        assert!(
            matches!(admit(sent + LONG), Admission::TooLate(told, _) if told.as_ref().unwrap().status_code == 429)
        );
        assert!(matches!(admit(sent + 3 * LONG), Admission::AfterPause(_)));
    }

    #[test]
    fn a_request_that_has_a_slot_waits_for_a_later_pause() {
        let throttle = throttle(LONG);
        throttle.record(&answer(200, &[("x-ratelimit-nearlimit", "true")]), Instant::now());
        assert!(
            !throttle.record(&answer(200, &[("x-ratelimit-nearlimit", "true")]), Instant::now()),
            "the reader was warned"
        );
        let (deadline, mut first, mut second) = (Instant::now() + LONG, None, None);
        assert!(matches!(throttle.admit(deadline, false, &mut first), Admission::Now));
        assert!(matches!(throttle.admit(deadline, false, &mut second), Admission::InSlot(_)));
        throttle.pause(Instant::now(), Duration::from_secs(9), &answer(429, &[]));
        assert!(matches!(throttle.admit(deadline, false, &mut second), Admission::AfterPause(_)));
        assert_eq!(second, None, "it gets another slot after the pause");
    }

    #[test]
    fn after_a_pause_requests_come_one_by_one_until_one_is_accepted() {
        let (throttle, sent) = (throttle(LONG), Instant::now());
        let deadline = sent + LONG;
        throttle.pause(sent, Duration::ZERO, &answer(429, &[]));
        throttle.record(&answer(201, &[]), sent);
        let admissions = [(); 3].map(|()| throttle.admit(deadline, false, &mut None));
        assert!(
            matches!(admissions, [Admission::Now, Admission::InSlot(_), Admission::InSlot(_)]),
            "{admissions:?}"
        );
        throttle.record(&answer(201, &[]), Instant::now());
        assert!(matches!(throttle.admit(deadline, false, &mut None), Admission::Now));
    }

    #[test]
    fn an_outage_concerns_all_credentials_and_a_limit_one() {
        let outage = Outage::default();
        let (one, other) =
            (Throttle::new(Duration::ZERO, outage.clone()), Throttle::new(Duration::ZERO, outage));
        let is_given_up = |throttle: &Throttle| throttle.given_up(Instant::now(), true).is_some();
        one.record(&answer(429, &[]), Instant::now());
        assert!(is_given_up(&one) && !is_given_up(&other));
        one.record(&answer(503, &[]), Instant::now());
        assert!(is_given_up(&other));
    }
}
