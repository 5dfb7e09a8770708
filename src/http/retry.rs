//! Whether and when a request is worth another try: pure functions of what came back and of the time.

use std::time::{Duration, SystemTime};

use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};

use crate::http::transport::{Answer, Failure};

/// The longest first pause; it doubles with each attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause that is chosen here; a service may ask for more.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The shortest time that a try is begun for.
const LAST_TRY: Duration = Duration::from_millis(200);

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is the end: done, refused in a way that another try does not change, or no time left.
    End,
    /// Try again after the pause.
    Again(Duration),
    /// Another try makes sense, but only after the pause that was asked for, which would pass the deadline.
    TooLate(Duration),
}

/// What follows the `attempt`-th attempt (from 1), with `remaining` until the deadline. `jitter` is a
/// random number from 0 to 1, so that many runs that failed together do not come back together
/// (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>, "full jitter").
pub fn next(
    attempt: u32,
    result: &Result<Answer, Failure>,
    remaining: Duration,
    now: SystemTime,
    jitter: f64,
) -> Next {
    let asked = match result {
        Ok(answer) if is_passing(answer.status) => asked_pause(&answer.headers, now),
        Err(failure) if failure.is_passing() => None,
        Ok(_) | Err(_) => return Next::End,
    };
    let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
    let own = doubled.min(LONGEST_PAUSE).mul_f64(jitter.clamp(0.0, 1.0));
    match asked {
        Some(asked) if asked >= remaining => Next::TooLate(asked),
        // There is no sense in a try that has no time for an answer.
        _ if remaining < LAST_TRY => Next::End,
        // A service that asks for no pause at all is still given one; and the last pause leaves time to try.
        Some(asked) => Next::Again(asked.max(own.min(remaining / 2))),
        None => Next::Again(own.min(remaining / 2)),
    }
}

/// Whether the answer speaks of the moment and not of the request.
pub fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// Whether a request may have had its effect, whatever came of it.
pub fn may_have_arrived(result: &Result<Answer, Failure>) -> bool {
    match result {
        Ok(Answer { status, .. }) => {
            status.is_success() || status.is_server_error() || *status == StatusCode::REQUEST_TIMEOUT
        }
        Err(failure) => matches!(failure, Failure::Broken(_) | Failure::Silent(_)),
    }
}

const THIRTY_YEARS: Duration = Duration::from_hours(30 * 365 * 24);

/// The pause that the service asks for: `Retry-After` in seconds or as a date
/// (<https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>), else `x-ratelimit-reset`, which
/// Bitbucket gives in seconds from now.
fn asked_pause(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let seconds = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // More digits than fit mean "not for a very long time".
        digits.then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX)))
    };
    let retry_after = text(RETRY_AFTER.as_str()).and_then(|text| {
        seconds(text).or_else(|| {
            let date = httpdate::parse_http_date(text).ok()?;
            Some(date.duration_since(now).unwrap_or_default())
        })
    });
    retry_after.or_else(|| {
        let reset = text("x-ratelimit-reset").and_then(seconds)?;
        // Other services give the date in seconds since 1970; nobody asks for a pause of thirty years.
        let date = SystemTime::UNIX_EPOCH.checked_add(reset).filter(|_| reset > THIRTY_YEARS);
        Some(date.map_or(reset, |date| date.duration_since(now).unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;
    const MINUTE: Duration = Duration::from_mins(1);

    #[expect(clippy::unnecessary_wraps, reason = "what an attempt comes to is a result")]
    fn answer(status: u16, headers: &[(&str, &str)]) -> Result<Answer, Failure> {
        Ok(Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers
                .iter()
                .map(|(name, value)| {
                    (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap())
                })
                .collect(),
            body: Vec::new(),
            cut: false,
        })
    }

    fn seconds(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn these_answers_and_no_others_are_tried_again() {
        let again: Vec<u16> = (100..600)
            .filter(|status| next(1, &answer(*status, &[]), MINUTE, NOW, 0.5) != Next::End)
            .collect();
        assert_eq!(again, [408, 425, 429, 500, 502, 503, 504]);
    }

    #[test]
    fn a_certificate_is_not_tried_again_and_a_connection_is() {
        let next = |failure| next(1, &Err(failure), MINUTE, NOW, 1.0);
        assert_eq!(next(Failure::Certificate(String::new())), Next::End);
        for failure in [
            Failure::UnknownHost(String::new()),
            Failure::Connection(String::new()),
            Failure::Broken(String::new()),
            Failure::Silent(MINUTE),
        ] {
            assert_eq!(next(failure), Next::Again(FIRST_PAUSE));
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses: Vec<Next> =
            (1..=8).map(|attempt| next(attempt, &answer(503, &[]), MINUTE, NOW, 1.0)).collect();
        let expected = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0];
        assert_eq!(pauses, expected.map(|secs| Next::Again(Duration::from_secs_f64(secs))));
    }

    #[test]
    fn the_service_is_given_the_pause_it_asks_for() {
        for (headers, pause) in [
            (&[("retry-after", "7")][..], 7),
            (&[("retry-after", "Thu, 01 Jan 1970 00:00:09 GMT")], 9),
            (&[("x-ratelimit-reset", "11")], 11),
            (&[("retry-after", "3"), ("x-ratelimit-reset", "11")], 3),
            (&[("retry-after", "soon"), ("x-ratelimit-reset", "11")], 11),
        ] {
            assert_eq!(
                next(1, &answer(429, headers), MINUTE, NOW, 0.0),
                Next::Again(seconds(pause)),
                "{headers:?}"
            );
        }
    }

    #[test]
    fn a_date_in_the_past_or_nonsense_is_no_pause_asked_for() {
        for value in ["Thu, 01 Jan 1970 00:00:00 GMT", "-5", "1.5", "", "soon"] {
            let headers = [("retry-after", value)];
            assert_eq!(
                next(1, &answer(503, &headers), MINUTE, NOW + MINUTE, 1.0),
                Next::Again(FIRST_PAUSE),
                "{value}"
            );
        }
    }

    #[test]
    fn a_pause_past_the_deadline_is_not_begun() {
        let hour = answer(429, &[("retry-after", "3600")]);
        assert_eq!(next(1, &hour, MINUTE, NOW, 0.5), Next::TooLate(seconds(3600)));
        let endless = answer(429, &[("retry-after", "99999999999999999999999")]);
        assert_eq!(next(1, &endless, MINUTE, NOW, 0.5), Next::TooLate(Duration::from_secs(u64::MAX)));
    }

    #[test]
    fn the_last_pause_leaves_time_to_try() {
        let millis = Duration::from_millis;
        assert_eq!(next(9, &answer(503, &[]), seconds(30), NOW, 1.0), Next::Again(seconds(15)));
        assert_eq!(next(9, &answer(503, &[]), millis(300), NOW, 1.0), Next::Again(millis(150)));
        assert_eq!(next(9, &answer(503, &[]), millis(199), NOW, 1.0), Next::End);
    }

    #[test]
    fn a_reset_that_is_a_date_is_read_as_one() {
        let now = SystemTime::UNIX_EPOCH + seconds(1_795_316_400);
        let headers = [("x-ratelimit-reset", "1795316407")];
        assert_eq!(next(1, &answer(429, &headers), MINUTE, now, 0.0), Next::Again(seconds(7)));
    }

    proptest! {
        #[test]
        fn whatever_is_asked_the_deadline_holds(
            attempt in any::<u32>(), status in 100..600_u16, value in "[ -~]{0,40}",
            remaining in any::<u32>(), jitter in any::<f64>(),
        ) {
            let remaining = Duration::from_millis(remaining.into());
            let jitter = if jitter.is_nan() { 0.5 } else { jitter };
            let answer = answer(status, &[("retry-after", &value)]);
            if let Next::Again(pause) = next(attempt, &answer, remaining, NOW, jitter) {
                prop_assert!(pause < remaining);
            }
        }
    }
}
