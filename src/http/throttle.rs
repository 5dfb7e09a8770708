//! What the requests of one credential know of each other: a rate limit is a fact of the credential and an
//! outage one of the service, so that neither is found out by each request by itself.

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant},
};

use reqwest::StatusCode;

use crate::http::transport::{Answer, Failure};

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

/// A pause of all requests.
#[derive(Debug)]
struct Pause {
    begun: Instant,
    end: Instant,
    /// The answer that asked for it.
    told: Attempt,
}

/// What is known of the credential's allowance.
#[derive(Debug, Default)]
struct Limit {
    pause: Option<Pause>,
    /// How many pauses there were in a row.
    pauses: u32,
    failing: Option<Failing>,
    /// Between two requests, while the allowance is nearly used up.
    distance: Option<Duration>,
    /// When the next request may be sent, for the sake of `distance`.
    next: Option<Instant>,
    /// Whether it was said that the allowance is nearly used up; it may come and go.
    near_is_told: bool,
}

/// Whether a request may be sent.
#[derive(Debug)]
pub enum Turn {
    /// It may.
    Now,
    /// Not before then: a limit was met.
    Paused(Instant),
    /// Not before then: the allowance is nearly used up.
    Slowed(Instant),
    /// Not before the deadline, but so long after now.
    TooLate(Attempt, Duration),
    /// Not in this run: it has failed for so long that nothing else is to be expected.
    GivenUp(Attempt),
}

/// The longest distance between two requests of a credential whose allowance is nearly used up. An allowance of 1,000 an
/// hour would come back as fast as it is used at 3.6 s; a run has an end, and the rest of the allowance is for that.
const LONGEST_DISTANCE: Duration = Duration::from_secs(1);
/// Between two requests after a pause, until one is accepted: were all that waited sent at once, all would be refused.
const DISTANCE_AFTER_PAUSE: Duration = Duration::from_millis(250);
/// No run lasts so long.
const LONGEST_PAUSE: Duration = Duration::from_hours(24 * 365);
/// Allowances are counted over this time: <https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/>.
const ALLOWANCE_WINDOW: Duration = Duration::from_hours(1);

impl Pace {
    /// The pace of a credential that has sent nothing yet.
    pub fn new(patience: Duration, service: Outage) -> Self {
        Self { patience, service, limit: RefCell::default() }
    }

    /// Whether a request may be sent now. `is_again` when it was sent before; `slot` keeps its place among those that
    /// are slowed down until its turn comes.
    pub fn turn(&self, deadline: Instant, is_again: bool, slot: &mut Option<Instant>) -> Turn {
        let now = Instant::now();
        if let Some(newest) = self.given_up(now, is_again) {
            return Turn::GivenUp(newest);
        }
        let mut limit = self.limit.borrow_mut();
        match &limit.pause {
            Some(pause) if pause.end > now && pause.end >= deadline => {
                return Turn::TooLate(pause.told.clone(), pause.end - now);
            }
            Some(pause) if pause.end > now => {
                // Its place was that of before; all of them would have their turn at once.
                *slot = None;
                return Turn::Paused(pause.end);
            }
            _ => {}
        }
        let slot = *slot.get_or_insert_with(|| limit.slot(now));
        if slot > now { Turn::Slowed(slot) } else { Turn::Now }
    }

    /// Takes note of what came of a request that was sent at `sent`. Whether the allowance is nearly used up, when
    /// that is news.
    pub fn note(&self, attempt: &Attempt, sent: Instant) -> bool {
        let now = Instant::now();
        let mut limit = self.limit.borrow_mut();
        match attempt {
            Ok(answer) if answer.status == StatusCode::TOO_MANY_REQUESTS => {
                Failing::go_on(&mut limit.failing, attempt, now);
                return false;
            }
            Ok(answer) if !answer.status.is_server_error() => {
                self.service.0.borrow_mut().take();
                // What was under way when the limit was met says nothing about it.
                if limit.pause.as_ref().is_some_and(|pause| sent < pause.begun) {
                    return false;
                }
                limit.failing = None;
                limit.pauses = 0;
            }
            Ok(_) | Err(_) => {
                Failing::go_on(&mut self.service.0.borrow_mut(), attempt, now);
                return false;
            }
        }
        limit.distance = attempt.as_ref().ok().and_then(distance);
        limit.distance.is_some() && !std::mem::replace(&mut limit.near_is_told, true)
    }

    /// Begins a pause of all requests, because one that was sent at `sent` was `told` of the limit. When another one
    /// began it since, or a longer one is in force, nothing is changed, and the answer is `false`.
    pub fn pause(&self, sent: Instant, length: Duration, told: &Attempt) -> bool {
        let begun = Instant::now();
        // A service may ask for more than any clock holds.
        let end = begun + length.min(LONGEST_PAUSE);
        let mut limit = self.limit.borrow_mut();
        if limit.pause.as_ref().is_some_and(|known| sent < known.begun || known.end > end) {
            return false;
        }
        limit.pause = Some(Pause { begun, end, told: told.clone() });
        limit.pauses += 1;
        limit.distance = Some(DISTANCE_AFTER_PAUSE);
        limit.next = None;
        true
    }

    /// How often in a row the limit was met; the next pause is the longer for it.
    pub fn pauses(&self) -> u32 {
        self.limit.borrow().pauses
    }

    /// The newest failure, when there was nothing else for too long. What was never sent has as much time again: it may
    /// be others' requests alone that fail.
    fn given_up(&self, now: Instant, is_again: bool) -> Option<Attempt> {
        let patience = if is_again { self.patience } else { 2 * self.patience };
        let over = |failing: &Option<Failing>| {
            failing
                .as_ref()
                .filter(|failing| now - failing.since >= patience)
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
        let limited = answer(429, &[]);
        let pause = |sent, length| pace.pause(sent, length, &limited);
        assert!(pause(sent, Duration::from_secs(1)));
        assert!(!pause(sent, Duration::from_secs(9)), "sent before the pause");
        assert_eq!(pace.pauses(), 1);
        let later = Instant::now();
        assert!(pause(later, Duration::from_secs(9)), "sent after it began, and told of a longer one");
        assert!(!pause(Instant::now(), Duration::from_secs(1)), "a longer one is in force");
        assert_eq!(pace.pauses(), 2);
        assert!(pause(Instant::now(), Duration::MAX), "longer than any clock holds");
        pace.note(&answer(201, &[]), later);
        assert_eq!(pace.pauses(), 3, "it was under way when the pause began");
        pace.note(&answer(201, &[]), Instant::now());
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
            patient.note(&attempt, Instant::now());
            assert!(patient.given_up(Instant::now(), true).is_none());
            let patience_later = Instant::now() + LONG;
            assert!(patient.given_up(patience_later, true).is_some());
            assert!(patient.given_up(patience_later, false).is_none(), "it was never sent");
            assert!(patient.given_up(patience_later + LONG, false).is_some());
            impatient.note(&attempt, Instant::now());
            assert!(impatient.given_up(Instant::now(), true).is_some());
            impatient.note(&answer(404, &[]), Instant::now());
            assert!(impatient.given_up(Instant::now(), true).is_none(), "it answers");
        }
    }

    #[test]
    fn a_pause_past_the_deadline_is_not_waited_for_whatever_came_in_late() {
        let (pace, sent) = (pace(LONG), Instant::now());
        let limited = answer(429, &[]);
        pace.note(&limited, sent);
        pace.pause(sent, 2 * LONG, &limited);
        pace.note(&answer(201, &[]), sent);
        let turn = |deadline| pace.turn(deadline, false, &mut None);
        assert!(matches!(turn(sent + LONG), Turn::TooLate(told, _) if told.as_ref().unwrap().status == 429));
        assert!(matches!(turn(sent + 3 * LONG), Turn::Paused(_)));
    }

    #[test]
    fn what_is_slowed_down_still_heeds_a_pause() {
        let pace = pace(LONG);
        pace.note(&answer(200, &[("x-ratelimit-nearlimit", "true")]), Instant::now());
        assert!(!pace.note(&answer(200, &[("x-ratelimit-nearlimit", "true")]), Instant::now()), "no news");
        let (deadline, mut first, mut second) = (Instant::now() + LONG, None, None);
        assert!(matches!(pace.turn(deadline, false, &mut first), Turn::Now));
        assert!(matches!(pace.turn(deadline, false, &mut second), Turn::Slowed(_)));
        pace.pause(Instant::now(), Duration::from_secs(9), &answer(429, &[]));
        assert!(matches!(pace.turn(deadline, false, &mut second), Turn::Paused(_)));
        assert_eq!(second, None, "its place is given anew after the pause");
    }

    #[test]
    fn after_a_pause_one_goes_first_until_it_is_accepted() {
        let (pace, sent) = (pace(LONG), Instant::now());
        let deadline = sent + LONG;
        pace.pause(sent, Duration::ZERO, &answer(429, &[]));
        pace.note(&answer(201, &[]), sent);
        let turns = [(); 3].map(|()| pace.turn(deadline, false, &mut None));
        assert!(matches!(turns, [Turn::Now, Turn::Slowed(_), Turn::Slowed(_)]), "{turns:?}");
        pace.note(&answer(201, &[]), Instant::now());
        assert!(matches!(pace.turn(deadline, false, &mut None), Turn::Now));
    }

    #[test]
    fn an_outage_is_everybodys_and_a_limit_the_credentials_own() {
        let outage = Outage::default();
        let (one, other) = (Pace::new(Duration::ZERO, outage.clone()), Pace::new(Duration::ZERO, outage));
        let is_given_up = |pace: &Pace| pace.given_up(Instant::now(), true).is_some();
        one.note(&answer(429, &[]), Instant::now());
        assert!(is_given_up(&one) && !is_given_up(&other));
        one.note(&answer(503, &[]), Instant::now());
        assert!(is_given_up(&other));
    }
}
