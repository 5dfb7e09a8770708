//! How many requests an account may make.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The base of the scale for access tokens; everybody else has it, too, without being told.
/// <https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/>
pub(crate) const REQUESTS_PER_HOUR: u32 = 1000;

/// The requests that an account may make before the rate limit is reached.
#[derive(Clone, Debug)]
pub(crate) enum Allowance {
    /// What is left of [`REQUESTS_PER_HOUR`], in an hour that never ends.
    Remainder(u32),
    /// So many in a window that rolls with the clock, as Bitbucket's hour does:
    /// <https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/>
    Rolling {
        /// How many.
        requests: u32,
        /// The length of the window.
        window: Duration,
        /// When the latest ones were made, oldest first.
        made: VecDeque<Instant>,
    },
}

impl Allowance {
    pub(crate) const fn rolling(requests: u32, window: Duration) -> Self {
        Self::Rolling { requests, window, made: VecDeque::new() }
    }

    /// Takes one request off; false when there is none left. That a refused request does not count is assumed.
    pub(crate) fn spend(&mut self, now: Instant) -> bool {
        if self.left(now) == 0 {
            return false;
        }
        match self {
            Self::Remainder(left) => *left -= 1,
            Self::Rolling { window, made, .. } => {
                made.push_back(now);
                while made.front().is_some_and(|made| now.duration_since(*made) >= *window) {
                    made.pop_front();
                }
            }
        }
        true
    }

    /// The requests that a whole window holds.
    pub(crate) const fn limit(&self) -> u32 {
        match self {
            Self::Remainder(_) => REQUESTS_PER_HOUR,
            Self::Rolling { requests, .. } => *requests,
        }
    }

    /// Whether less than a fifth of the limit is left, which is what "near" is assumed to mean.
    pub(crate) fn is_nearly_spent(&self, now: Instant) -> bool {
        self.left(now).saturating_mul(5) < self.limit()
    }

    fn left(&self, now: Instant) -> u32 {
        match self {
            Self::Remainder(left) => *left,
            Self::Rolling { requests, window, made } => {
                let past = made.partition_point(|made| now.duration_since(*made) >= *window);
                requests.saturating_sub(u32::try_from(made.len() - past).unwrap_or(u32::MAX))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    #[test]
    fn a_request_counts_until_the_window_has_passed() {
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        let mut allowance = Allowance::rolling(2, WINDOW);
        assert!(allowance.spend(begun));
        assert!(allowance.spend(after(6)));
        assert!(!allowance.spend(after(9)));
        assert!(allowance.spend(after(10)), "the first is past");
        assert!(!allowance.spend(after(15)));
        assert!(allowance.spend(after(16)), "the second is past");
        assert!(allowance.spend(after(100)) && allowance.spend(after(100)));
        assert!(!allowance.spend(after(100)));
    }

    #[test]
    fn the_limit_is_near_with_less_than_a_fifth_left() {
        let now = Instant::now();
        let mut allowance = Allowance::rolling(10, WINDOW);
        let near = [(); 11].map(|()| {
            let near = allowance.is_nearly_spent(now);
            allowance.spend(now);
            near
        });
        assert_eq!(near, [false, false, false, false, false, false, false, false, false, true, true]);
        assert!(!allowance.is_nearly_spent(now + WINDOW), "all are past");
    }

    #[test]
    fn a_fixed_remainder_is_never_refilled() {
        let now = Instant::now();
        let mut allowance = Allowance::Remainder(1);
        assert!(allowance.spend(now) && !allowance.spend(now + Duration::from_hours(2)));
        assert_eq!(allowance.limit(), REQUESTS_PER_HOUR);
        assert!(
            Allowance::Remainder(199).is_nearly_spent(now) && !Allowance::Remainder(200).is_nearly_spent(now)
        );
    }
}
