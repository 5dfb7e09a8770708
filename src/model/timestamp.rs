//! Points in time, as the services write them.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// A point in time that a service named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp(OffsetDateTime);

impl Timestamp {
    /// Reads `2026-11-24T10:00:00+00:00`, as Bitbucket writes it, or `2026-11-24T10:00:00+0000`, as SonarQube does.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = match text.as_bytes() {
            // RFC 3339 wants a colon within the offset.
            [.., b'+' | b'-', _, _, a, b] if a.is_ascii_digit() && b.is_ascii_digit() => {
                let (start, minutes) = text.split_at(text.len() - 2);
                format!("{start}:{minutes}")
            }
            _ => text.to_owned(),
        };
        OffsetDateTime::parse(&text, &Rfc3339).ok().map(Self)
    }

    /// The time of this machine.
    pub(crate) fn now() -> Self {
        SystemTime::now().into()
    }

    /// The time that has passed since then; zero for a time in the future.
    pub(crate) fn age(self, now: Self) -> Duration {
        (now.0 - self.0).try_into().unwrap_or_default()
    }

    /// The minute, as people write it: `21 Nov 2026, 04:10 UTC`.
    pub(crate) fn minute(self) -> String {
        let at = self.0.checked_to_offset(UtcOffset::UTC).unwrap_or(self.0);
        let month = at.month().to_string();
        let month = month.get(..3).unwrap_or(&month);
        format!("{} {month} {}, {:02}:{:02} UTC", at.day(), at.year(), at.hour(), at.minute())
    }

    /// Whether this is earlier than the other by more than this time: the clocks of two machines may differ.
    pub(crate) fn is_before(self, other: Self, by_more_than: Duration) -> bool {
        other.0 - self.0 > by_more_than
    }

    /// Whether both are within this time of each other.
    pub(crate) fn is_near(self, other: SystemTime, within: Duration) -> bool {
        (self.0 - OffsetDateTime::from(other)).unsigned_abs() <= within
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self(time.into())
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        time.0.into()
    }
}

/// The date alone.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.date().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_services_write_times_in_two_ways() {
        let noon = Timestamp::parse("2026-11-24T12:00:00+00:00").unwrap();
        assert_eq!(Timestamp::parse("2026-11-24T13:00:00+0100"), Some(noon));
        assert_eq!(Timestamp::parse("2026-11-24T12:00:00Z"), Some(noon));
        assert!(noon < Timestamp::parse("2026-11-24T12:00:00.123456+00:00").unwrap());
        assert_eq!(noon.to_string(), "2026-11-24");
        for text in ["", "2026-11-24", "yesterday", "2026-13-24T12:00:00Z", "+0100", "ä+010"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_near_each_other_in_both_directions() {
        let epoch = Timestamp::parse("1970-01-01T00:01:00Z").unwrap();
        let minute = Duration::from_mins(1);
        assert!(epoch.is_near(SystemTime::UNIX_EPOCH, minute));
        assert!(epoch.is_near(SystemTime::UNIX_EPOCH + 2 * minute, minute));
        assert!(!epoch.is_near(SystemTime::UNIX_EPOCH + 3 * minute, minute));
    }

    #[test]
    fn an_age_is_the_time_that_has_passed() {
        let [noon, later] = ["2026-11-21T12:00:00+00:00", "2026-11-21T15:10:00+01:00"]
            .map(|it| Timestamp::parse(it).unwrap());
        assert_eq!(noon.age(later), Duration::from_mins(130));
        assert_eq!(later.age(noon), Duration::ZERO);
        assert_eq!(later.minute(), "21 Nov 2026, 14:10 UTC");
        assert!(noon < Timestamp::now());
    }

    proptest! {
        #[test]
        fn any_text_is_a_time_or_none(text in "(?s).{0,40}") {
            let _ = Timestamp::parse(&text).map(Timestamp::minute);
        }
    }
}
