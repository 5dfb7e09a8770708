//! What the requests of one credential know of each other: a rate limit is a fact of the credential and an
//! outage one of the service, so that neither is found out by each request by itself.

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant},
};

use reqwest::StatusCode;

use crate::http::{Answer, Failure};

/// What came of an attempt.
type Attempt = Result<Answer, Failure>;

/// The pace of one credential's requests.
#[derive(Debug)]
pub struct Pace {
    /// How long failures in a row are borne with; after that no request is sent any more.
    patience: Duration,
    /// What the service does, whoever asks.
    service: Outage,
    limit: RefCell<Limit>,
}

/// Whether the service fails, for all credentials of a run.
#[derive(Debug, Clone, Default)]
pub struct Outage(Rc<RefCell<Option<Failing>>>);

/// Failures with no success since the first of them.
#[derive(Debug, Clone)]
struct Failing {
    since: Instant,
    newest: Attempt,
}

/// What is known of the credential's allowance.
#[derive(Debug, Default)]
struct Limit {
    /// When the pause in force began, and when it ends.
    pause: Option<(Instant, Instant)>,
    /// How many pauses there were in a row.
    pauses: u32,
    failing: Option<Failing>,
    /// Between two requests, while the allowance is nearly used up.
    distance: Option<Duration>,
    /// When the next request may be sent, for the sake of `distance`.
    next: Option<Instant>,
}

/// Whether a request may be sent.
#[derive(Debug)]
pub enum Turn {
    /// It may, after it was held back for so long because the allowance is nearly used up.
    Now(Duration),
    /// Not before the deadline, but so long after now.
    TooLate(Attempt, Duration),
    /// Not in this run: it has failed for so long that nothing else is to be expected.
    GivenUp(Attempt),
}

/// The longest distance between two requests of a credential whose allowance is nearly used up. An allowance of 1,000 an
/// hour would come back as fast as it is used at 3.6 s; a run has an end, and the rest of the allowance is for that.
const LONGEST_DISTANCE: Duration = Duration::from_secs(1);
/// No run lasts so long.
const LONGEST_PAUSE: Duration = Duration::from_hours(24 * 365);
/// Allowances are counted over this time: <https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/>.
const ALLOWANCE_WINDOW: Duration = Duration::from_hours(1);

impl Pace {
    /// The pace of a credential that has sent nothing yet.
    pub fn new(patience: Duration, service: Outage) -> Self {
        Self { patience, service, limit: RefCell::default() }
    }

    /// Waits until a request may be sent.
    pub async fn turn(&self, deadline: Instant) -> Turn {
        loop {
            let now = Instant::now();
            if let Some(given_up) = self.given_up(now) {
                return Turn::GivenUp(given_up);
            }
            let until = match self.limit.borrow().pause {
                Some((_, end)) if end > now => end,
                _ => break,
            };
            if until >= deadline
                && let Some(failing) = &self.limit.borrow().failing
            {
                return Turn::TooLate(failing.newest.clone(), until - now);
            }
            tokio::time::sleep_until(until.into()).await;
        }
        let now = Instant::now();
        let slot = self.limit.borrow_mut().slot(now);
        if slot > now {
            tokio::time::sleep_until(slot.into()).await;
        }
        Turn::Now(slot - now)
    }

    /// Takes note of what came of a request. Whether the allowance is nearly used up, when that is news.
    pub fn note(&self, attempt: &Attempt) -> bool {
        let now = Instant::now();
        let mut limit = self.limit.borrow_mut();
        match attempt {
            Ok(answer) if answer.status == StatusCode::TOO_MANY_REQUESTS => {
                Failing::go_on(&mut limit.failing, attempt, now);
                return false;
            }
            Ok(answer) if !answer.status.is_server_error() => {
                self.service.0.borrow_mut().take();
                limit.failing = None;
                limit.pauses = 0;
            }
            Ok(_) | Err(_) => {
                Failing::go_on(&mut self.service.0.borrow_mut(), attempt, now);
                return false;
            }
        }
        let was_near = limit.distance.is_some();
        limit.distance = attempt.as_ref().ok().and_then(distance);
        !was_near && limit.distance.is_some()
    }

    /// Begins a pause of all requests, because one that was sent at `sent` was told of the limit. When another one
    /// began it since, or a longer one is in force, nothing is changed, and the answer is `false`.
    pub fn pause(&self, sent: Instant, length: Duration) -> bool {
        let now = Instant::now();
        // A service may ask for more than any clock holds.
        let length = length.min(LONGEST_PAUSE);
        let mut limit = self.limit.borrow_mut();
        if limit.pause.is_some_and(|(begun, end)| sent < begun || end > now + length) {
            return false;
        }
        limit.pause = Some((now, now + length));
        limit.pauses += 1;
        true
    }

    /// How often in a row the limit was met; the next pause is the longer for it.
    pub fn pauses(&self) -> u32 {
        self.limit.borrow().pauses
    }

    fn given_up(&self, now: Instant) -> Option<Attempt> {
        let over = |failing: &Option<Failing>| {
            failing
                .as_ref()
                .filter(|failing| now - failing.since >= self.patience)
                .map(|failing| failing.newest.clone())
        };
        over(&self.service.0.borrow()).or_else(|| over(&self.limit.borrow().failing))
    }
}

impl Failing {
    fn go_on(failing: &mut Option<Self>, attempt: &Attempt, now: Instant) {
        let since = failing.as_ref().map_or(now, |failing| failing.since);
        *failing = Some(Self { since, newest: attempt.clone() });
    }
}

impl Limit {
    /// When a request may be sent, for which the next one has to keep its distance.
    fn slot(&mut self, now: Instant) -> Instant {
        let Some(distance) = self.distance else {
            return now;
        };
        let slot = self.next.map_or(now, |next| next.max(now));
        self.next = Some(slot + distance);
        slot
    }
}

/// The distance to keep, when an answer says that the allowance is nearly used up. `X-RateLimit-NearLimit` was seen as
/// a word and as a number, of which nobody knows the meaning: only the word counts.
/// <https://bitbucket.org/blog/introducing-scaled-rate-limits-for-bitbucket-cloud-api>
fn distance(answer: &Answer) -> Option<Duration> {
    let header = |name: &str| answer.headers.get(name)?.to_str().ok();
    header("x-ratelimit-nearlimit").filter(|near| near.trim().eq_ignore_ascii_case("true"))?;
    let allowance: u32 = header("x-ratelimit-limit").and_then(|limit| limit.trim().parse().ok()).unwrap_or(1);
    Some((ALLOWANCE_WINDOW / allowance.max(1)).min(LONGEST_DISTANCE))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "what an attempt comes to is a result")]
    fn answer(status: u16, headers: &[(&'static str, &'static str)]) -> Attempt {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect::<HeaderMap>();
        Ok(Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: Vec::new(), cut: false })
    }

    fn pace(patience: Duration) -> Pace {
        Pace::new(patience, Outage::default())
    }

    const LONG: Duration = Duration::from_mins(1);

    #[test]
    fn one_limit_is_one_pause_however_many_requests_meet_it() {
        let pace = pace(LONG);
        let sent = Instant::now();
        assert!(pace.pause(sent, Duration::from_secs(1)));
        assert!(!pace.pause(sent, Duration::from_secs(9)), "sent before the pause");
        assert_eq!(pace.pauses(), 1);
        let later = Instant::now();
        assert!(pace.pause(later, Duration::from_secs(9)), "sent after it began, and told of a longer one");
        assert!(!pace.pause(Instant::now(), Duration::from_secs(1)), "a longer one is in force");
        assert_eq!(pace.pauses(), 2);
        assert!(pace.pause(Instant::now(), Duration::MAX), "longer than any clock holds");
        pace.note(&answer(201, &[]));
        assert_eq!(pace.pauses(), 0);
    }

    #[test]
    fn only_the_word_true_slows_down() {
        let wanted = |headers: &[(&'static str, &'static str)]| distance(&answer(200, headers).unwrap());
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
    fn slowed_requests_keep_their_distance() {
        let now = Instant::now();
        let mut limit = Limit { distance: Some(LONGEST_DISTANCE), ..Limit::default() };
        let slots: Vec<_> = (0..3).map(|_| limit.slot(now) - now).collect();
        assert_eq!(slots, [Duration::ZERO, LONGEST_DISTANCE, 2 * LONGEST_DISTANCE]);
        limit.distance = None;
        assert_eq!(limit.slot(now), now);
    }

    #[test]
    fn failures_without_end_are_given_up_and_a_success_ends_them() {
        let (patient, impatient) = (pace(LONG), pace(Duration::ZERO));
        for attempt in [answer(429, &[]), answer(503, &[]), Err(Failure::Silent(LONG))] {
            patient.note(&attempt);
            assert!(patient.given_up(Instant::now()).is_none());
            impatient.note(&attempt);
            assert!(impatient.given_up(Instant::now()).is_some());
            impatient.note(&answer(404, &[]));
            assert!(impatient.given_up(Instant::now()).is_none(), "it answers");
        }
    }

    #[test]
    fn an_outage_is_everybodys_and_a_limit_the_credentials_own() {
        let outage = Outage::default();
        let (one, other) = (Pace::new(Duration::ZERO, outage.clone()), Pace::new(Duration::ZERO, outage));
        one.note(&answer(429, &[]));
        assert!(one.given_up(Instant::now()).is_some() && other.given_up(Instant::now()).is_none());
        one.note(&answer(503, &[]));
        assert!(other.given_up(Instant::now()).is_some());
    }
}
