//! Values that several variables have: yes or no, and whole numbers within bounds.

use std::ops::RangeInclusive;

use crate::problem::{Findings, shown};

/// Yes or no, in the words that people use; `default` when unset or not understood.
pub fn flag(name: &str, text: Option<&str>, default: bool, findings: &mut Findings) -> bool {
    let Some(text) = text.map(str::trim) else {
        return default;
    };
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => true,
        "false" | "no" | "off" | "0" => false,
        _ => {
            findings.problem(
                name,
                format!("is {}, which is neither yes nor no", shown(text)),
                "true or false, yes or no, on or off, 1 or 0",
                format!("pass one of these words, or leave {name} out: {default} is used"),
            );
            default
        }
    }
}

/// A whole number within bounds, in digits alone; `default` when unset or not understood.
pub fn whole_number(
    name: &str,
    text: Option<&str>,
    default: u64,
    bounds: RangeInclusive<u64>,
    findings: &mut Findings,
) -> u64 {
    let Some(text) = text.map(str::trim) else {
        return default;
    };
    let number = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = number.and_then(|digits| digits.parse().ok()).filter(|number| bounds.contains(number));
    number.unwrap_or_else(|| {
        let (least, most) = bounds.into_inner();
        findings.problem(
            name,
            format!("is {}, which is no number that can be used", shown(text)),
            format!("a whole number from {least} to {most}"),
            format!("pass such a number, or leave {name} out: {default} is used"),
        );
        default
    })
}
