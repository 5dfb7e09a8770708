//! What the body of a request has to fulfil. Pure functions: from the body to the fields, or to the refusal.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use url::{Host, Url};

use crate::message::Answer;
use crate::refusals::{self, Problem};

/// Observed from 2016 (`ArcBees/teamcity-plugins` #44) to 2026; characters, not bytes, as Django's validator
/// counts.
const KEY_MAX_CHARS: usize = 40;
/// `jenkinsci/bitbucket-branch-source-plugin` #928; the Content-Length of the refusal in its #192 fits three
/// digits.
const NAME_MAX_CHARS: usize = 255;
/// Assumed from the neighbouring field: no published refusal names a limit.
const DESCRIPTION_MAX_CHARS: usize = 255;
/// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/>
const STATES: [&str; 4] = ["FAILED", "INPROGRESS", "STOPPED", "SUCCESSFUL"];

/// The longest label of a host's name: <https://www.rfc-editor.org/rfc/rfc1034#section-3.1>
const LABEL_MAX_CHARS: usize = 63;

/// The limits of Code Insights are those of
/// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-reports/>.
const REPORT_TYPES: [&str; 4] = ["SECURITY", "COVERAGE", "TEST", "BUG"];
const REPORT_RESULTS: [&str; 3] = ["PASSED", "FAILED", "PENDING"];
const REPORT_DATA_MAX: usize = 10;
const ANNOTATION_TYPES: [&str; 3] = ["VULNERABILITY", "CODE_SMELL", "BUG"];
const ANNOTATION_RESULTS: [&str; 4] = ["PASSED", "FAILED", "SKIPPED", "IGNORED"];
const ANNOTATION_SEVERITIES: [&str; 4] = ["CRITICAL", "HIGH", "MEDIUM", "LOW"];
const ANNOTATIONS_MAX_PER_CALL: usize = 100;
const ANNOTATIONS_MAX_PER_REPORT: usize = 1000;
/// Documented for Data Center (<https://developer.atlassian.com/server/bitbucket/how-tos/code-insights/>); that Cloud has the
/// same limit is what its clients assume.
const DETAILS_MAX_CHARS: usize = 2000;
/// `reviewdog/reviewdog` #1344.
const SUMMARY_MAX_CHARS: usize = 450;

/// The writable fields of a build status.
#[derive(Debug)]
pub(crate) struct StatusFields {
    pub(crate) key: String,
    pub(crate) state: String,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) refname: Option<String>,
}

/// Checks the body of a build status. That problems of several fields come together is assumed, as are the
/// words for a missing field, a wrong type and an unknown state: they are those of Django, to which the known
/// ones belong.
pub(crate) fn status(body: &Map<String, Value>) -> Result<StatusFields, Answer> {
    let mut problems = Vec::new();
    let fields = StatusFields {
        key: required(body, "key", KEY_MAX_CHARS, &mut problems),
        state: required(body, "state", usize::MAX, &mut problems),
        name: text(body, "name", NAME_MAX_CHARS, &mut problems),
        description: text(body, "description", DESCRIPTION_MAX_CHARS, &mut problems),
        url: text(body, "url", usize::MAX, &mut problems),
        refname: text(body, "refname", usize::MAX, &mut problems),
    };
    let state = fields.state.as_str();
    if !state.is_empty() && !STATES.contains(&state) {
        problems
            .push(("state", format!("Select a valid choice. {state} is not one of the available choices.")));
    }
    if fields.url.as_deref().is_some_and(|url| !is_reachable(url)) {
        problems.push(("url", "Enter a valid URL.".to_owned()));
    }
    if problems.is_empty() { Ok(fields) } else { Err(refusals::bad_fields(&problems)) }
}

/// Checks the body of a report. Which fields are required is what Atlassian's own pipes assume; the messages
/// are assumed.
pub(crate) fn report(body: &Map<String, Value>) -> Result<(), Answer> {
    for field in ["title", "details"] {
        if filled(body, field).is_none() {
            return Err(refusals::insights(400, &format!("The {field} of a report should not be empty.")));
        }
    }
    short_details(body)?;
    reachable_link(body)?;
    one_of(body, "report_type", &REPORT_TYPES)?;
    one_of(body, "result", &REPORT_RESULTS)?;
    let data = body.get("data").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if data.len() > REPORT_DATA_MAX {
        return Err(refusals::insights(
            400,
            &format!("A report supports a maximum of {REPORT_DATA_MAX} data fields."),
        ));
    }
    match data.iter().position(|field| !is_data(field)) {
        Some(index) => {
            Err(refusals::insights(400, &format!("The value of data field {index} does not match its type.")))
        }
        None => Ok(()),
    }
}

/// Checks the body of an upload of annotations to a report that has those with the ids in `present`.
/// Of the messages only that for too many at once was seen: `mc1arke/sonarqube-community-branch-plugin` #209.
pub(crate) fn annotations(
    body: &Value,
    present: &BTreeSet<String>,
) -> Result<Vec<Map<String, Value>>, Answer> {
    let annotations = body.as_array().map_or(&[][..], Vec::as_slice);
    if annotations.is_empty() {
        return Err(refusals::insights(400, "Bulk upload needs an array of at least one annotation."));
    }
    if annotations.len() > ANNOTATIONS_MAX_PER_CALL {
        let message = format!("Bulk upload supports a maximum of /{ANNOTATIONS_MAX_PER_CALL} annotations.");
        return Err(refusals::insights(400, &message));
    }
    let mut ids = BTreeSet::new();
    let mut checked = Vec::new();
    for annotation in annotations {
        let fields =
            annotation.as_object().ok_or_else(|| refusals::insights(400, "An annotation is an object."))?;
        let id = annotation_id(fields)?;
        // `reviewdog/reviewdog`, annotator.go: the API complains about an id that is there twice.
        if !ids.insert(id.to_owned()) {
            return Err(refusals::insights(400, &format!("Duplicate external_id {id}.")));
        }
        checked.push(fields.clone());
    }
    if ids.union(present).count() > ANNOTATIONS_MAX_PER_REPORT {
        let message = format!("A report supports a maximum of {ANNOTATIONS_MAX_PER_REPORT} annotations.");
        return Err(refusals::insights(400, &message));
    }
    Ok(checked)
}

/// An annotation's own id, once all its fields are in order. An empty summary is refused:
/// `reviewdog/reviewdog` #1285.
fn annotation_id(fields: &Map<String, Value>) -> Result<&str, Answer> {
    let summary = filled(fields, "summary").unwrap_or_default();
    if summary.is_empty() {
        return Err(refusals::insights(400, "summary should not be empty"));
    }
    if summary.chars().count() > SUMMARY_MAX_CHARS {
        let message = format!("summary supports a maximum of {SUMMARY_MAX_CHARS} characters");
        return Err(refusals::insights(400, &message));
    }
    short_details(fields)?;
    reachable_link(fields)?;
    // Lines count from 1; the words are assumed.
    if fields.get("line").is_some_and(|line| !line.is_null() && line.as_u64().is_none_or(|line| line == 0)) {
        return Err(refusals::insights(400, "line should be a positive number"));
    }
    // "The path of the file on which this annotation should be placed. This is the path of the file relative to the git
    // repository." The refusal of an absolute path is assumed.
    if filled(fields, "path").is_some_and(|path| path.starts_with('/')) {
        return Err(refusals::insights(400, "path should be relative to the repository"));
    }
    one_of(fields, "annotation_type", &ANNOTATION_TYPES)?;
    one_of(fields, "result", &ANNOTATION_RESULTS)?;
    one_of(fields, "severity", &ANNOTATION_SEVERITIES)?;
    filled(fields, "external_id").ok_or_else(|| refusals::insights(400, "external_id should not be empty"))
}

fn short_details(fields: &Map<String, Value>) -> Result<(), Answer> {
    if filled(fields, "details").is_some_and(|details| details.chars().count() > DETAILS_MAX_CHARS) {
        let message = format!("details supports a maximum of {DETAILS_MAX_CHARS} characters");
        return Err(refusals::insights(400, &message));
    }
    Ok(())
}

/// Two clients leave out links to localhost, because they are refused: `mc1arke/sonarqube-community-branch-plugin` and
/// `reviewdog/reviewdog`. That the rule is the one for the address of a build is assumed, as are the words.
fn reachable_link(fields: &Map<String, Value>) -> Result<(), Answer> {
    if filled(fields, "link").is_some_and(|link| !is_reachable(link)) {
        return Err(refusals::insights(400, "link is not a valid URL"));
    }
    Ok(())
}

/// A field that has to be there; empty, with the problem noted, when it is not.
fn required(
    body: &Map<String, Value>,
    field: &'static str,
    max: usize,
    problems: &mut Vec<Problem>,
) -> String {
    let known = problems.len();
    let value = text(body, field, max, problems);
    if value.is_none() && problems.len() == known {
        problems.push((field, "This field is required.".to_owned()));
    }
    value.unwrap_or_default()
}

/// A field that may be left out, null or empty, which all mean the same.
fn text(
    body: &Map<String, Value>,
    field: &'static str,
    max: usize,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let value = match body.get(field) {
        None | Some(Value::Null) => return None,
        Some(Value::String(value)) => value,
        Some(_) => {
            problems.push((field, "Not a valid string.".to_owned()));
            return None;
        }
    };
    let length = value.chars().count();
    if length > max {
        // The words, both numbers included: `buildbot/buildbot` #7049.
        problems.push((field, format!("Ensure this value has at most {max} characters (it has {length}).")));
    }
    (!value.is_empty()).then(|| value.clone())
}

/// A build's address has a dotted host or is an IP address: `runatlantis/atlantis` #710, and
/// `nishio-dens/bitbucket-pullrequest-builder-plugin` #174 with `http://munprdjenkins1:8080`. That loopback
/// addresses pass is assumed.
fn is_reachable(address: &str) -> bool {
    if address.contains(|character: char| character.is_whitespace() || character.is_control()) {
        return false;
    }
    let Some((_, rest)) = address.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Ok(url) = Url::parse(address) else {
        return false;
    };
    let host_is_fine = match url.host() {
        Some(Host::Domain(name)) => {
            let labels = name.strip_suffix('.').unwrap_or(name).rsplit_once('.');
            labels.is_some_and(|(labels, top)| is_top_label(top) && labels.split('.').all(is_label))
        }
        Some(Host::Ipv4(ip)) => authority.starts_with(&ip.to_string()),
        Some(Host::Ipv6(_)) => true,
        None => false,
    };
    matches!(url.scheme(), "http" | "https")
        && !authority.is_empty()
        && !authority.contains('\\')
        && host_is_fine
}

/// Django's `URLValidator`, whose words the refusal has:
/// <https://docs.djangoproject.com/en/stable/ref/validators/#urlvalidator>
fn is_label(label: &str) -> bool {
    let inner = |character: char| character.is_ascii_alphanumeric() || character == '-';
    (1..=LABEL_MAX_CHARS).contains(&label.len())
        && label.chars().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// The same validator: the last label has no digit, unless it is one in Punycode, and two characters at least. So
/// `sonarqube.k8s` is no URL, whether or not somebody's network knows it.
fn is_top_label(label: &str) -> bool {
    let has_digit = label.contains(|character: char| character.is_ascii_digit());
    is_label(label) && label.len() > 1 && (!has_digit || label.starts_with("xn--"))
}

fn filled<'a>(fields: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    fields.get(field).and_then(Value::as_str).filter(|value| !value.is_empty())
}

/// Refuses a value that is none of those listed; a missing one is fine.
fn one_of(fields: &Map<String, Value>, field: &str, accepted: &[&str]) -> Result<(), Answer> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(value)) if accepted.contains(&value.as_str()) => Ok(()),
        Some(value) => Err(refusals::insights(400, &format!("{field} {value} is invalid"))),
    }
}

/// Whether a data field's value has the form of its type:
/// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-reports/#data-field-formats>
fn is_data(field: &Value) -> bool {
    let value = &field["value"];
    match field["type"].as_str() {
        None => value.is_number() || value.is_string() || value.is_boolean(),
        Some("BOOLEAN") => value.is_boolean(),
        Some("DATE" | "DURATION" | "NUMBER") => value.is_number(),
        Some("PERCENTAGE") => value.as_f64().is_some_and(|percent| (0.0..=100.0).contains(&percent)),
        Some("LINK") => value["text"].is_string() && value["href"].is_string(),
        Some("TEXT") => value.is_string(),
        Some(_) => false,
    }
}
