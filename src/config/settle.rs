//! What `MODE: settle` ends: `SETTLE_KEYS`, `SETTLE_STATES` and `SETTLE_AFTER`, and the state that ends it.

use std::time::Duration;

use glob::Pattern;

use crate::{
    config::{
        findings::{Findings, Problem},
        parse::items,
        report_task::is_glob,
        variables::Variables,
    },
    console::{foreign::shown, text::in_digits},
    model::{
        settlement::{KeyPattern, Settlement},
        state::State,
        status::StatusKey,
        verdict::Verdict,
    },
};

/// No build takes a year.
const AFTER_MAX: Duration = Duration::from_hours(365 * 24);
const AFTER_DEFAULT: Duration = Duration::from_hours(24);

const AFTER_ACCEPTED: &str =
    "a whole number with m (minutes), h (hours) or d (days), from 1m to 365d, such as 90m, 24h or 7d";
const STATES_ACCEPTED: &str = "INPROGRESS, FAILED and STOPPED, as a list or separated by commas";
const KEYS_ACCEPTED: &str =
    "keys or globs for keys (sonar-*, ?, [abc]), as a list or separated by commas; * is every key";
/// What `STATE` accepts beside `MODE: settle`.
const FINAL_STATES: &str = "SUCCESSFUL, FAILED or STOPPED";

impl Settlement {
    /// Reads the variables; after a problem was found, a part has its default.
    pub(crate) fn from_variables(variables: &Variables, findings: &mut Findings) -> Self {
        // A status keeps what its creator wrote.
        for (name, value) in
            [("NAME", &variables.name), ("DESCRIPTION", &variables.description), ("URL", &variables.url)]
        {
            if value.is_some() {
                findings.warning(format!(
                    "{name} is set but ignored: with MODE: settle, a status keeps its title and its link, and the description says what happened"
                ));
            }
        }
        Self {
            keys: variables.settle_keys.as_deref().map(|text| keys(text, findings)),
            states: variables
                .settle_states
                .as_deref()
                .map_or_else(|| vec![State::InProgress], |text| states(text, findings)),
            after: variables.settle_after.as_deref().map_or(AFTER_DEFAULT, |text| after(text, findings)),
        }
    }
}

fn keys(text: &str, findings: &mut Findings) -> Vec<KeyPattern> {
    let mut patterns = Vec::new();
    for item in items("SETTLE_KEYS", text, KEYS_ACCEPTED, findings) {
        if !is_glob(item) {
            // Cut as `KEY` is.
            patterns.push(KeyPattern::Key(StatusKey::fit(item)));
            continue;
        }
        match Pattern::new(item) {
            Ok(pattern) => patterns.push(KeyPattern::Glob(pattern)),
            Err(error) => findings.problem(
                "SETTLE_KEYS",
                format!("has {}, which is not a glob: {}", shown(item), error.msg),
                KEYS_ACCEPTED,
                "correct it; a key that itself has *, ? or [ is written with [*], [?] or [[]",
            ),
        }
    }
    if patterns.is_empty() {
        findings.problem(
            "SETTLE_KEYS",
            "names no key",
            KEYS_ACCEPTED,
            "pass a key such as sonar-*, or remove SETTLE_KEYS: the default is KEY",
        );
    }
    patterns
}

fn states(text: &str, findings: &mut Findings) -> Vec<State> {
    let mut states = Vec::new();
    for item in items("SETTLE_STATES", text, STATES_ACCEPTED, findings) {
        let wrong = match State::parse(item) {
            Some(state @ (State::InProgress | State::Failed | State::Stopped)) => {
                states.push(state);
                continue;
            }
            Some(State::Successful) => "which is green and blocks nothing",
            None => "which is not a state",
        };
        findings.problem(
            "SETTLE_STATES",
            format!("has {}, {wrong}", shown(item)),
            STATES_ACCEPTED,
            "name the states that are to be ended, or remove SETTLE_STATES: the default is INPROGRESS",
        );
    }
    if states.is_empty() {
        findings.problem(
            "SETTLE_STATES",
            "names no state",
            STATES_ACCEPTED,
            "name the states that are to be ended, or remove SETTLE_STATES: the default is INPROGRESS",
        );
    }
    states
}

fn after(text: &str, findings: &mut Findings) -> Duration {
    let text = text.trim();
    time(text).unwrap_or_else(|wrong| {
        findings.problem(
            "SETTLE_AFTER",
            format!("is {}, which is {wrong}", shown(text)),
            AFTER_ACCEPTED,
            "pass the time after which no build of yours still writes its status, or remove SETTLE_AFTER: the default is 24h",
        );
        AFTER_DEFAULT
    })
}

/// A time such as `90m`, `24h` or `7d`, within its bounds.
///
/// # Errors
///
/// What it is instead, to complete "is ..., which is ".
fn time(text: &str) -> Result<Duration, &'static str> {
    const NO_TIME: &str = "not a time in whole minutes, hours or days";
    let (number, unit) =
        text.len().checked_sub(1).and_then(|end| text.split_at_checked(end)).ok_or(NO_TIME)?;
    let minutes: u64 = match unit {
        "m" | "M" => 1,
        "h" | "H" => 60,
        "d" | "D" => 24 * 60,
        _ => return Err(NO_TIME),
    };
    if number.is_empty() || !number.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(NO_TIME);
    }
    // A number with too many digits is too large.
    let seconds = in_digits(number).and_then(|number| number.checked_mul(minutes)?.checked_mul(60));
    match seconds.map(Duration::from_secs).filter(|time| *time <= AFTER_MAX) {
        None => Err("more than the longest time, 365d"),
        Some(Duration::ZERO) => Err("less than the shortest time, 1m"),
        Some(time) => Ok(time),
    }
}

/// Warns of wrong variables of `MODE: settle` in a run that does not settle: probably `MODE` is missing.
pub(crate) fn warn_of_unused(variables: &Variables, findings: &mut Findings) {
    let mut own = Findings::default();
    let Variables { settle_keys, settle_states, settle_after, .. } = variables;
    let _ = settle_keys.as_deref().map(|text| keys(text, &mut own));
    let _ = settle_states.as_deref().map(|text| states(text, &mut own));
    let _ = settle_after.as_deref().map(|text| after(text, &mut own));
    for Problem { variable, found, .. } in own.problems {
        findings.warning(format!("{variable} {found}; only MODE: settle uses it, and it is ignored"));
    }
}

/// The state that ends a status: `STATE`, which must be given, and final.
pub(super) fn final_state(variables: &Variables, findings: &mut Findings) -> Option<Verdict> {
    if variables.settle_keys.is_none() && variables.key.is_none() && variables.sonar_project_key.is_none() {
        findings.problem(
            "KEY",
            "is not set, and neither is SETTLE_KEYS: nothing says which statuses may be ended",
            "the key of the statuses; or SETTLE_KEYS, with keys or globs for keys such as sonar-*",
            "pass the KEY with which the statuses were posted, or SETTLE_KEYS",
        );
    }
    let text = variables.state.as_deref().map(str::trim);
    let verdict = text.and_then(Verdict::parse);
    let found = match (text, &verdict) {
        (_, Some(Verdict { state: State::Successful | State::Failed | State::Stopped, .. })) => {
            return verdict;
        }
        (None, _) => "is not set, and MODE is settle: nothing says how the statuses end".to_owned(),
        (Some(text), Some(_)) => format!("is {}, which does not end a status", shown(text)),
        (Some(text), None) => format!("is {}, which is not a state", shown(text)),
    };
    findings.problem(
        "STATE",
        found,
        FINAL_STATES,
        "pass STATE: STOPPED for builds of which nobody knows how they ended; FAILED blocks merging, if merge checks ask for no failed builds",
    );
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settlement(variables: &Variables) -> (Settlement, Vec<String>) {
        let mut findings = Findings::default();
        let settlement = Settlement::from_variables(variables, &mut findings);
        (settlement, findings.problems.into_iter().map(|problem| problem.variable).collect())
    }

    #[test]
    fn unset_variables_have_their_defaults() {
        let (Settlement { keys, states, after }, problems) = settlement(&Variables::default());
        assert_eq!((keys, states, after), (None, vec![State::InProgress], Duration::from_hours(24)));
        assert!(problems.is_empty());
    }

    #[test]
    fn a_time_has_a_whole_number_and_one_unit() {
        for (text, minutes) in [
            ("1m", 1),
            ("90m", 90),
            ("24h", 24 * 60),
            ("7d", 7 * 24 * 60),
            ("2H", 120),
            ("365d", 365 * 24 * 60),
        ] {
            assert_eq!(time(text), Ok(Duration::from_mins(minutes)), "{text}");
        }
        for text in [
            "",
            "0",
            "0m",
            "0h",
            "-1h",
            "+1h",
            "1y",
            "1w",
            "1s",
            "tomorrow",
            "24",
            "h",
            "1.5h",
            "1 h",
            "366d",
            "24hh",
            "18446744073709551615d",
            "99999999999999999999d",
            "١h",
            "1ä",
            "ä",
        ] {
            assert!(time(text).is_err(), "{text}");
            let variables = Variables { settle_after: Some(text.to_owned()), ..Variables::default() };
            assert_eq!(settlement(&variables).1, ["SETTLE_AFTER"], "{text}");
        }
    }

    #[test]
    fn a_time_out_of_its_bounds_is_named_with_the_bound() {
        for (text, wrong) in [
            ("366d", "more than the longest time, 365d"),
            ("8761h", "more than the longest time, 365d"),
            ("99999999999999999999m", "more than the longest time, 365d"),
            ("18446744073709551615d", "more than the longest time, 365d"),
            ("0d", "less than the shortest time, 1m"),
            ("24", "not a time in whole minutes, hours or days"),
        ] {
            assert_eq!(time(text), Err(wrong), "{text}");
        }
    }

    #[test]
    fn keys_are_globs_in_both_forms_of_a_list() {
        let keys = |text: &str| {
            settlement(&Variables { settle_keys: Some(text.to_owned()), ..Variables::default() })
        };
        let glob = |text: &str| KeyPattern::Glob(Pattern::new(text).unwrap());
        let exact = |text: &str| KeyPattern::Key(StatusKey::fit(text));
        assert_eq!(keys("sonar-*, lint").0.keys, Some(vec![glob("sonar-*"), exact("lint")]));
        assert_eq!(keys("a,b\nc d\n").0.keys, Some(vec![exact("a,b"), exact("c d")]));
        for wrong in [" , ", "[", "a,***", "a,,b", "a, "] {
            assert_eq!(keys(wrong).1, ["SETTLE_KEYS"], "{wrong}");
        }
    }

    #[test]
    fn a_green_status_is_never_ended() {
        let states = |text: &str| {
            settlement(&Variables { settle_states: Some(text.to_owned()), ..Variables::default() })
        };
        assert_eq!(states("INPROGRESS, failed").0.states, [State::InProgress, State::Failed]);
        for wrong in ["SUCCESSFUL", "perhaps", ",", "INPROGRESS,passed"] {
            assert_eq!(states(wrong).1, ["SETTLE_STATES"], "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_time_within_its_bounds_or_none(text in "(?s).{0,24}|[0-9]{1,21}[mhd]") {
            if let Ok(time) = time(&text) {
                prop_assert!((Duration::from_mins(1)..=AFTER_MAX).contains(&time));
            }
        }
    }
}
