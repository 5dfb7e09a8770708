//! Whether and when a request is sent again: pure functions of the attempt and the time.

use std::time::{Duration, SystemTime};

use reqwest::{StatusCode, header::RETRY_AFTER};

use crate::http::{
    proxy::{ProxyCause, ProxyFailure, REPORT_PROXY},
    transport::{Attempt, Failure, Lookup, Response},
};

/// The longest pause before the second attempt; it doubles with each attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause that Gatepost chooses. A service may ask for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// So often a host name that does not exist is looked up again: within a few seconds a name server may learn of a new
/// name, and a misspelt one stays misspelt.
const LOOKUPS_MAX: u32 = 3;
/// With less time left no attempt is made: there would be no time for a response.
const SHORTEST_ATTEMPT: Duration = Duration::from_millis(200);

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing: the response is final, or there is no time left.
    End,
    /// Another attempt after this pause.
    Retry(Duration),
    /// Nothing: the service asks for this pause, which would pass the deadline.
    TooLate(Duration),
}

/// What follows an attempt, with `remaining` until the deadline.
///
/// `failures` counts the failures in a row, this attempt included. `jitter` is a random number from 0 to 1, so that
/// runs that failed at the same time do not retry at the same time:
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/> ("full jitter").
pub(crate) fn next(
    failures: u32,
    attempt: &Attempt,
    remaining: Duration,
    now: SystemTime,
    jitter: f64,
) -> Next {
    let requested = match attempt {
        Ok(response) if is_transient(response.status_code) => requested_pause(response, now),
        Err(failure)
            if failures > LOOKUPS_MAX && (is_no_such_host(failure) || is_no_report_proxy(failure)) =>
        {
            return Next::End;
        }
        Err(failure) if failure.is_transient() => None,
        Ok(_) | Err(_) => return Next::End,
    };
    let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    let own = doubled.min(LONGEST_PAUSE).mul_f64(jitter.clamp(0.0, 1.0));
    match requested {
        Some(requested) if requested >= remaining => Next::TooLate(requested),
        _ if remaining < SHORTEST_ATTEMPT => Next::End,
        // Half of the time is left for the attempt. A requested pause of zero is still a pause.
        Some(requested) => Next::Retry(requested.max(own.min(remaining / 2))),
        None => Next::Retry(own.min(remaining / 2)),
    }
}

/// Whether the service or its proxy has a name that does not exist.
fn is_no_such_host(failure: &Failure) -> bool {
    const NONE: Lookup = Lookup::NoSuchHost;
    match failure {
        Failure::UnknownHost(lookup) => *lookup == NONE,
        Failure::Proxy(failure) => failure.cause == ProxyCause::UnknownHost(NONE),
        _ => false,
    }
}

/// Whether the proxy that Pipelines runs beside a step is not there. It begins before the step does.
fn is_no_report_proxy(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Proxy(ProxyFailure { variable: REPORT_PROXY, cause: ProxyCause::Unreachable(_), .. })
    )
}

/// Whether a later request may get another response: rate limits, conflicts with another request, and failures of the
/// service or of a gateway before it. 520 to 530 are of Cloudflare, 555 and 598 of other gateways.
pub(crate) fn is_transient(status_code: StatusCode) -> bool {
    matches!(status_code.as_u16(), 408 | 409 | 425 | 429 | 500..=511 | 520..=530 | 555 | 598)
}

/// Whether the service may have applied a request, whatever came back.
pub(crate) fn may_have_been_applied(attempt: &Attempt) -> bool {
    match attempt {
        Ok(Response { status_code, .. }) => {
            status_code.is_success()
                || status_code.is_server_error()
                || *status_code == StatusCode::REQUEST_TIMEOUT
        }
        Err(failure) => matches!(failure, Failure::Broken(_) | Failure::Silent(_) | Failure::NotHttp),
    }
}

const THIRTY_YEARS: Duration = Duration::from_hours(30 * 365 * 24);

/// The pause that the service asks for: `Retry-After` in seconds or as a date
/// (<https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>), else `x-ratelimit-reset` of a 429, which Bitbucket
/// gives in seconds from now. Other responses carry `x-ratelimit-reset` as well, and do not ask for a pause with it.
fn requested_pause(response: &Response, now: SystemTime) -> Option<Duration> {
    let header = |name: &str| response.header(name).map(str::trim);
    let seconds = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // A number that does not fit stands for a very long time.
        is_number.then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX)))
    };
    let retry_after = header(RETRY_AFTER.as_str()).and_then(|text| {
        seconds(text).or_else(|| {
            let date = httpdate::parse_http_date(text).ok()?;
            Some(date.duration_since(now).unwrap_or_default())
        })
    });
    let reset = || {
        let reset = header("x-ratelimit-reset").and_then(seconds)?;
        // Other services give a date in seconds since 1970. No service asks for a pause of thirty years.
        let date = SystemTime::UNIX_EPOCH.checked_add(reset).filter(|_| reset > THIRTY_YEARS);
        Some(date.map_or(reset, |date| date.duration_since(now).unwrap_or_default()))
    };
    let is_limited = response.status_code == StatusCode::TOO_MANY_REQUESTS;
    retry_after.or_else(|| is_limited.then(reset).flatten())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;
    use crate::http::{body::Body, proxy::Challenge, transport::TlsFailure, trust::Untrusted};

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;
    const MINUTE: Duration = Duration::from_mins(1);

    #[expect(clippy::unnecessary_wraps, reason = "an attempt is a result")]
    fn answered(status: u16, headers: &[(&str, &str)]) -> Attempt {
        Ok(Response {
            status_code: StatusCode::from_u16(status).unwrap(),
            headers: headers
                .iter()
                .map(|(name, value)| {
                    (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap())
                })
                .collect(),
            body: Body::default(),
        })
    }

    fn seconds(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn only_transient_status_codes_are_retried() {
        let again: Vec<u16> = (100..600)
            .filter(|status| next(1, &answered(*status, &[]), MINUTE, NOW, 0.5) != Next::End)
            .collect();
        let gateways = (500..=511).chain(520..=530);
        let expected: Vec<u16> = [408, 409, 425, 429].into_iter().chain(gateways).chain([555, 598]).collect();
        assert_eq!(again, expected);
    }

    #[test]
    fn a_failed_connection_is_retried_and_what_stays_as_it_is_is_not() {
        let next = |failure| next(1, &Err(failure), MINUTE, NOW, 1.0);
        let of_proxy =
            |cause| ProxyFailure { proxy: "proxy:3128".to_owned(), variable: "HTTPS_PROXY", cause }.into();
        for failure in [
            Failure::Certificate(Untrusted::SelfSigned),
            Failure::Tls(TlsFailure::NotTls),
            Failure::Tls(TlsFailure::WantsCertificate),
            Failure::Tls(TlsFailure::Alert(80)),
            Failure::NotHttp,
            of_proxy(ProxyCause::WantsPassword(Challenge::default())),
            of_proxy(ProxyCause::NotHttp),
            of_proxy(ProxyCause::Refuses(None)),
        ] {
            assert_eq!(next(failure.clone()), Next::End, "{failure}");
        }
        for failure in [
            Failure::UnknownHost(Lookup::NoSuchHost),
            Failure::UnknownHost(Lookup::TryAgain),
            Failure::Connection(String::new()),
            of_proxy(ProxyCause::Unreachable(String::new())),
            of_proxy(ProxyCause::ClosesTunnel),
            Failure::Broken(String::new()),
            Failure::Silent(MINUTE),
        ] {
            assert_eq!(next(failure), Next::Retry(FIRST_PAUSE));
        }
    }

    #[test]
    fn a_host_that_does_not_exist_is_looked_up_for_a_few_seconds() {
        let pauses = |lookup| {
            let next = |failures| next(failures, &Err(Failure::UnknownHost(lookup)), MINUTE, NOW, 1.0);
            let pause = |failures| match next(failures) {
                Next::Retry(pause) => Some(pause),
                Next::End | Next::TooLate(_) => None,
            };
            (1..).map_while(pause).take(20).collect::<Vec<_>>()
        };
        assert_eq!(pauses(Lookup::TryAgain).len(), 20);
        let pauses = pauses(Lookup::NoSuchHost);
        assert!(pauses.iter().sum::<Duration>() < seconds(5), "{pauses:?}");
        assert_eq!(pauses.len(), 3);
    }

    #[test]
    fn pauses_double_up_to_the_longest_pause() {
        let pauses: Vec<Next> =
            (1..=8).map(|attempt| next(attempt, &answered(503, &[]), MINUTE, NOW, 1.0)).collect();
        let expected = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0];
        assert_eq!(pauses, expected.map(|secs| Next::Retry(Duration::from_secs_f64(secs))));
    }

    #[test]
    fn a_requested_pause_is_kept() {
        for (headers, pause) in [
            (&[("retry-after", "7")][..], 7),
            (&[("retry-after", "Thu, 01 Jan 1970 00:00:09 GMT")], 9),
            (&[("x-ratelimit-reset", "11")], 11),
            (&[("retry-after", "3"), ("x-ratelimit-reset", "11")], 3),
            (&[("retry-after", "soon"), ("x-ratelimit-reset", "11")], 11),
        ] {
            assert_eq!(
                next(1, &answered(429, headers), MINUTE, NOW, 0.0),
                Next::Retry(seconds(pause)),
                "{headers:?}"
            );
        }
    }

    #[test]
    fn a_past_date_or_nonsense_requests_no_pause() {
        for value in ["Thu, 01 Jan 1970 00:00:00 GMT", "-5", "1.5", "", "soon"] {
            let headers = [("retry-after", value)];
            assert_eq!(
                next(1, &answered(503, &headers), MINUTE, NOW + MINUTE, 1.0),
                Next::Retry(FIRST_PAUSE),
                "{value}"
            );
        }
    }

    #[test]
    fn a_pause_past_the_deadline_is_not_begun() {
        let hour = answered(429, &[("retry-after", "3600")]);
        assert_eq!(next(1, &hour, MINUTE, NOW, 0.5), Next::TooLate(seconds(3600)));
        let endless = answered(429, &[("retry-after", "99999999999999999999999")]);
        assert_eq!(next(1, &endless, MINUTE, NOW, 0.5), Next::TooLate(Duration::from_secs(u64::MAX)));
    }

    #[test]
    fn the_last_pause_leaves_time_to_try() {
        let millis = Duration::from_millis;
        assert_eq!(next(9, &answered(503, &[]), seconds(30), NOW, 1.0), Next::Retry(seconds(15)));
        assert_eq!(next(9, &answered(503, &[]), millis(300), NOW, 1.0), Next::Retry(millis(150)));
        assert_eq!(next(9, &answered(503, &[]), millis(199), NOW, 1.0), Next::End);
    }

    #[test]
    fn a_reset_of_the_allowance_says_nothing_about_an_outage() {
        let headers = [("x-ratelimit-reset", "3000")];
        assert_eq!(next(1, &answered(503, &headers), MINUTE, NOW, 1.0), Next::Retry(FIRST_PAUSE));
        assert_eq!(next(1, &answered(429, &headers), MINUTE, NOW, 1.0), Next::TooLate(seconds(3000)));
    }

    #[test]
    fn a_reset_that_is_a_date_is_read_as_one() {
        let now = SystemTime::UNIX_EPOCH + seconds(1_795_316_400);
        let headers = [("x-ratelimit-reset", "1795316407")];
        assert_eq!(next(1, &answered(429, &headers), MINUTE, now, 0.0), Next::Retry(seconds(7)));
    }

    proptest! {
        #[test]
        fn no_retry_begins_after_the_deadline(
            failures in any::<u32>(), status in 100..600_u16, value in "[ -~]{0,40}",
            remaining in any::<u32>(), jitter in any::<f64>(),
        ) {
            let remaining = Duration::from_millis(remaining.into());
            let jitter = if jitter.is_nan() { 0.5 } else { jitter };
            let attempt = answered(status, &[("retry-after", &value)]);
            if let Next::Retry(pause) = next(failures, &attempt, remaining, NOW, jitter) {
                prop_assert!(pause < remaining);
            }
        }
    }
}
