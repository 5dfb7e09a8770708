//! Parses values that several variables have: booleans, whole numbers within bounds, JSON objects, and small files.

use std::{
    collections::HashSet,
    fmt,
    fs::{self, File},
    io::{self, Read},
    ops::RangeInclusive,
    path::Path,
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

use crate::{
    config::findings::Findings,
    console::{foreign::shown, text::in_digits},
};

/// A boolean in its usual words; `default` when it is unset, or after a problem was found.
pub(crate) fn flag(name: &str, text: Option<&str>, default: bool, findings: &mut Findings) -> bool {
    let Some(text) = text.map(str::trim) else {
        return default;
    };
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => true,
        "false" | "no" | "off" | "0" => false,
        _ => {
            findings.problem(
                name,
                format!("is {}, not true or false", shown(text)),
                "true or false, yes or no, on or off, 1 or 0",
                format!("pass one of these words, or remove {name}: the default is {default}"),
            );
            default
        }
    }
}

/// The items of a list: they come one on each line, and a single text is separated by commas.
pub(crate) fn list_items(text: &str) -> Vec<&str> {
    let separator = if text.contains('\n') { '\n' } else { ',' };
    text.split(separator).map(str::trim).filter(|item| !item.is_empty()).collect()
}

/// The items of a list that this variable holds. An empty one between commas is a problem: the variable that it is taken
/// from may be empty, and what it names would be left out.
pub(crate) fn items<'t>(name: &str, text: &'t str, accepted: &str, findings: &mut Findings) -> Vec<&'t str> {
    if !text.contains('\n') && text.split(',').any(|item| item.trim().is_empty()) {
        findings.problem(
            name,
            format!("has an empty item in {}", shown(text.trim())),
            accepted,
            "check whether the variable that the item is taken from reaches this step; remove the comma if there is no such item",
        );
    }
    list_items(text)
}

/// The fields of a JSON object in their order. A map would keep only the last of two fields with one name.
#[derive(Debug)]
pub(crate) struct Fields(pub(crate) Vec<(String, Value)>);

impl Fields {
    /// The first name that occurs twice.
    pub(crate) fn twice(&self) -> Option<&str> {
        let mut known = HashSet::new();
        self.0.iter().map(|(name, _)| name.as_str()).find(|name| !known.insert(*name))
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = object.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A whole number within bounds, only digits; `default` when it is unset, or after a problem was found.
pub(crate) fn whole_number(
    name: &str,
    text: Option<&str>,
    default: u64,
    bounds: RangeInclusive<u64>,
    findings: &mut Findings,
) -> u64 {
    let Some(text) = text.map(str::trim) else {
        return default;
    };
    in_digits(text).filter(|number| bounds.contains(number)).unwrap_or_else(|| {
        let (least, most) = bounds.into_inner();
        findings.problem(
            name,
            format!("is {}, not a whole number from {least} to {most}", shown(text)),
            format!("a whole number from {least} to {most}"),
            format!("pass such a number, or remove {name}: the default is {default}"),
        );
        default
    })
}

/// Why a file cannot be used. Displayed, it completes "a file that ...".
#[derive(Debug)]
pub(crate) enum FileProblem {
    Unreadable(io::Error),
    NotRegular,
    TooLarge { max_bytes: u64 },
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Self::NotRegular => f.write_str("is not a regular file"),
            Self::TooLarge { max_bytes } => write!(f, "has more than {} MiB", max_bytes / 1024 / 1024),
        }
    }
}

/// The content of a file up to this size. A device or a pipe could block the run for ever.
///
/// # Errors
///
/// When it is not a regular file, is larger, or cannot be read.
pub(crate) fn read_small(path: &Path, max_bytes: u64) -> Result<Vec<u8>, FileProblem> {
    if !fs::metadata(path).map_err(FileProblem::Unreadable)?.is_file() {
        return Err(FileProblem::NotRegular);
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(FileProblem::Unreadable)?;
    file.take(max_bytes + 1).read_to_end(&mut bytes).map_err(FileProblem::Unreadable)?;
    if bytes.len() as u64 > max_bytes {
        return Err(FileProblem::TooLarge { max_bytes });
    }
    Ok(bytes)
}
