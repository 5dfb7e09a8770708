//! Which statuses `MODE: settle` ends: a pure choice.

use std::{fmt, time::Duration};

use glob::Pattern;

use crate::model::{state::State, status::StatusKey, timestamp::Timestamp};

/// The statuses that a run may end.
#[derive(Debug)]
pub(crate) struct Settlement {
    /// `SETTLE_KEYS`; `None` when each target names its own key.
    pub(crate) keys: Option<Vec<KeyPattern>>,
    /// `SETTLE_STATES`.
    pub(crate) states: Vec<State>,
    /// `SETTLE_AFTER`: a status that was written later stays.
    pub(crate) after: Duration,
}

/// A key, or a glob for keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyPattern {
    Key(StatusKey),
    Glob(Pattern),
}

/// What the choice looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'a> {
    pub(crate) key: &'a StatusKey,
    /// `None` when Gatepost does not know the state.
    pub(crate) state: Option<State>,
    /// When somebody wrote it last.
    pub(crate) written: Option<Timestamp>,
}

/// What becomes of a status, with its age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// It was not asked for, or it has the wanted state.
    NotMeant,
    /// It stays, because it is younger than `SETTLE_AFTER`.
    Young(Duration),
    /// It stays, because its age is not known.
    Undated,
    /// It is ended.
    End(Duration),
}

impl fmt::Display for KeyPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => key.fmt(f),
            Self::Glob(pattern) => pattern.fmt(f),
        }
    }
}

impl KeyPattern {
    fn fits(&self, key: &StatusKey) -> bool {
        match self {
            Self::Key(known) => known == key,
            Self::Glob(pattern) => pattern.matches(key.as_str()),
        }
    }
}

impl Settlement {
    /// Whether statuses with this key are meant. `own_key` is the key of the target.
    pub(crate) fn has_key(&self, key: &StatusKey, own_key: &StatusKey) -> bool {
        match &self.keys {
            Some(patterns) => patterns.iter().any(|pattern| pattern.fits(key)),
            None => key == own_key,
        }
    }

    /// What becomes of a status. `own_key` is the key of the target, and `wanted` the state that ends a status.
    pub(crate) fn choose(
        &self,
        status: Candidate<'_>,
        own_key: &StatusKey,
        wanted: State,
        now: Timestamp,
    ) -> Choice {
        let Candidate { key, state, written } = status;
        let has_key = self.has_key(key, own_key);
        let has_state = state.is_some_and(|state| state != wanted && self.states.contains(&state));
        if !has_key || !has_state {
            return Choice::NotMeant;
        }
        match written.map(|written| written.age(now)) {
            None => Choice::Undated,
            Some(age) if age < self.after => Choice::Young(age),
            Some(age) => Choice::End(age),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn key(text: &str) -> StatusKey {
        StatusKey::fit(text)
    }

    fn settlement(globs: &[&str]) -> Settlement {
        let glob = |text: &&str| KeyPattern::Glob(Pattern::new(text).unwrap());
        Settlement {
            keys: Some(globs.iter().map(glob).collect()),
            states: vec![State::InProgress],
            after: 24 * HOUR,
        }
    }

    /// The choice for a status that was written so long ago.
    fn chosen(settlement: &Settlement, text: &str, state: State, age: Duration) -> Choice {
        let (now, key) = (Timestamp::now(), key(text));
        let written = Timestamp::from(SystemTime::from(now) - age);
        let candidate = Candidate { key: &key, state: Some(state), written: Some(written) };
        settlement.choose(candidate, &StatusKey::fit("own"), State::Stopped, now)
    }

    #[test]
    fn a_status_is_ended_when_key_state_and_age_fit() {
        let settlement = settlement(&["sonar-*", "lint"]);
        let old = 25 * HOUR;
        for (text, state, age, expected) in [
            ("sonar-acme:api", State::InProgress, old, Choice::End(old)),
            ("sonar-pr-feature/a", State::InProgress, old, Choice::End(old)),
            ("lint", State::InProgress, 24 * HOUR, Choice::End(24 * HOUR)),
            ("lint", State::InProgress, 23 * HOUR, Choice::Young(23 * HOUR)),
            ("lint2", State::InProgress, old, Choice::NotMeant),
            ("own", State::InProgress, old, Choice::NotMeant),
            ("Lint", State::InProgress, old, Choice::NotMeant),
            ("lint", State::Failed, old, Choice::NotMeant),
            ("lint", State::Successful, old, Choice::NotMeant),
            ("lint", State::Stopped, old, Choice::NotMeant),
        ] {
            assert_eq!(chosen(&settlement, text, state, age), expected, "{text} {state}");
        }
        let own = Settlement { keys: None, ..settlement };
        assert_eq!(chosen(&own, "own", State::InProgress, old), Choice::End(old));
        assert_eq!(chosen(&own, "lint", State::InProgress, old), Choice::NotMeant);
    }

    #[test]
    fn a_status_with_an_unknown_age_or_state_stays() {
        let (settlement, key, now) = (settlement(&["*"]), key("a"), Timestamp::now());
        let choose = |state, written| {
            let candidate = Candidate { key: &key, state, written };
            settlement.choose(candidate, &key, State::Stopped, now)
        };
        assert_eq!(choose(Some(State::InProgress), None), Choice::Undated);
        let long_ago = Timestamp::parse("2020-01-01T00:00:00Z");
        assert_eq!(choose(None, long_ago), Choice::NotMeant);
        // The clock of the service is ahead.
        let tomorrow = Timestamp::parse("2999-01-01T00:00:00Z");
        assert_eq!(choose(Some(State::InProgress), tomorrow), Choice::Young(Duration::ZERO));
    }

    /// Whoever writes a status chooses its key. If each star tried each place, this would not end in a lifetime.
    #[test]
    fn a_glob_with_many_stars_is_quick_for_a_key_that_nearly_fits() {
        for (glob, key) in [
            ("*a".repeat(20) + "b", "a".repeat(1000)),
            ("*a*[ab]?".repeat(10) + "c", "ab".repeat(500)),
            (format!("**/{}b", "*a".repeat(20)), "a".repeat(1000)),
            (format!("{}b", "*/".repeat(20)), "/".repeat(1000)),
        ] {
            assert!(
                !KeyPattern::Glob(Pattern::new(&glob).unwrap()).fits(&StatusKey::standing(key)),
                "{glob}"
            );
        }
    }

    /// A state that is already there is not written again, even if it was asked for.
    #[test]
    fn a_status_with_the_wanted_state_stays() {
        let all = Settlement { states: vec![State::InProgress, State::Stopped], ..settlement(&["*"]) };
        assert_eq!(chosen(&all, "a", State::Stopped, 99 * HOUR), Choice::NotMeant);
    }

    proptest! {
        #[test]
        fn only_what_was_asked_for_and_is_old_enough_is_ended(
            text in "[a-c/*?-]{1,6}", glob in "[a-c/*?-]{1,6}", state in 0..4_usize, wanted in 0..4_usize,
            named in proptest::collection::vec(0..4_usize, 0..3), after in 1..100_000_u64, age in 0..100_000_u64,
        ) {
            let state_of = |number: usize| State::ALL[number];
            let Ok(pattern) = Pattern::new(&glob) else { return Ok(()) };
            let settlement = Settlement {
                keys: Some(vec![KeyPattern::Glob(pattern.clone())]),
                states: named.into_iter().map(state_of).collect(),
                after: Duration::from_secs(after),
            };
            let (now, key) = (Timestamp::now(), key(&text));
            let written = Timestamp::from(SystemTime::from(now) - Duration::from_secs(age));
            let candidate = Candidate { key: &key, state: Some(state_of(state)), written: Some(written) };
            let choice = settlement.choose(candidate, &key, state_of(wanted), now);
            if let Choice::End(_) = choice {
                prop_assert!(age >= after && pattern.matches(&text) && state != wanted);
                prop_assert!(settlement.states.contains(&state_of(state)));
                // What was ended is not ended again.
                let ended = Candidate { state: Some(state_of(wanted)), ..candidate };
                prop_assert_eq!(settlement.choose(ended, &key, state_of(wanted), now), Choice::NotMeant);
            }
        }
    }
}
