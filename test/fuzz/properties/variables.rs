//! The variables: of the environment, and of the entries of `TARGETS`.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
};

use serde_json::Value;

use super::{Log, check_status};
use crate::{
    config::{
        analysis::VerdictPlan, findings::Findings, keyring::Keyring, plan::Plan, settings::Settings,
        target_list::Targets, variables::Variables,
    },
    hide_tokens,
    model::{
        target::{CommitHash, Target},
        verdict::Verdict,
    },
    run::report,
};

/// Variables that name files, and the list with a target of its own.
const LEFT_OUT: [&str; 2] = ["SONAR_REPORT_TASK", "TARGETS"];
/// More problems and warnings of a list are only counted; those of the run's own variables are at most as many.
const FINDINGS_MAX: usize = 100;

/// Variables, as `NAME=value` with a zero byte after each: a run has problems, or statuses within the limits of
/// Bitbucket. No secret is printed or posted.
pub fn environment(text: &[u8]) {
    let pairs = text.split(|byte| *byte == 0).filter_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (pair[..at].to_vec(), pair[at + 1..].to_vec());
        Some((OsString::from_vec(name), OsString::from_vec(value)))
    });
    let is_left_out = |name: &OsString| {
        let name = name.as_bytes().to_ascii_uppercase();
        LEFT_OUT.iter().any(|left_out| name.starts_with(left_out.as_bytes()))
    };
    check(&pairs.filter(|(name, _)| !is_left_out(name)).collect::<Vec<_>>());
}

/// `TARGETS`: the same for each entry. There are not more targets than objects, and the log stays short.
pub fn targets(text: &[u8]) {
    if names_file(text) {
        return;
    }
    let run = [
        ("BITBUCKET_ACCESS_TOKEN", "ATCTT3xFfGN0-of-the-run-7d1f3c55e0a94b"),
        ("SONAR_TOKEN", "squ_0123456789abcdef0123456789abcdef01234567"),
        ("WORKSPACE", "acme"),
        ("BITBUCKET_EXIT_CODE", "0"),
    ];
    let run = run.map(|(name, value)| (name.into(), value.into()));
    let targets = (OsString::from("TARGETS"), OsString::from_vec(text.to_vec()));
    let plans = check(&run.into_iter().chain([targets]).collect::<Vec<_>>());
    assert!(plans < text.split(|byte| *byte == b'{').count(), "{plans} targets");
}

/// Whether an entry names files, which are not searched for here.
fn names_file(list: &[u8]) -> bool {
    let list = serde_json::from_slice::<Value>(list.strip_prefix(b"\xef\xbb\xbf").unwrap_or(list));
    let Ok(Value::Array(entries)) = list else { return false };
    entries.iter().any(|entry| entry.get("sonar_report_task").is_some())
}

/// Plans a run as `publish` does, up to the first request. Returns the number of its plans.
fn check(environment: &[(OsString, OsString)]) -> usize {
    let log = Log::new(&[]);
    let log = Log { secrets: secrets_in(environment), ..log };
    let console = &log.console;
    let mut findings = Findings::default();
    let mut variables =
        Variables::read(environment.iter().cloned(), &mut findings).expect("each field is optional text");
    console.hide(variables.secrets());
    // Otherwise the files of scanners would be searched for.
    if variables.state.is_none() && variables.sonar_project_key.is_none() && variables.targets.is_none() {
        variables.state = Some("passed".to_owned());
    }
    let settings =
        Settings::from_variables(&variables, &mut findings).expect("the built-in addresses are valid");
    let keyring = Keyring::from_variables(&variables, settings.timeout, &mut findings);
    console.hide(keyring.secrets());
    let targets: Option<Targets> = Targets::from_variables(&variables, &keyring, console, &mut findings);
    hide_tokens(targets.as_ref(), console);
    report::warnings(&findings, console);
    assert!(findings.warnings.len() <= FINDINGS_MAX && findings.problems.len() <= FINDINGS_MAX);
    match targets.filter(|_| findings.problems.is_empty()) {
        None => {
            assert!(!findings.problems.is_empty(), "nothing is posted, and nothing says why");
            report::problems(&findings, console);
            log.read();
            0
        }
        Some(targets) => {
            report::opening(&targets, &settings, console);
            log.read();
            for plan in &targets.plans {
                check_plan(plan, &log, variables.url.is_some());
            }
            targets.plans.len()
        }
    }
}

/// Variables whose value is not hidden as a whole: a list of tokens, and the key of an OAuth consumer.
const NO_SECRET: [&str; 2] = ["bitbucket_access_tokens", "bitbucket_oauth_client_id"];

/// The values of secret variables, as the user wrote them. The name of a variable within one is not hidden: the log
/// needs it.
fn secrets_in(environment: &[(OsString, OsString)]) -> Vec<String> {
    let is_secret = |name: &OsString| {
        Variables::ALL.iter().any(|variable| {
            variable.secret && !NO_SECRET.contains(&variable.field) && *name == *variable.name()
        })
    };
    // Of two variables with one name, the last one counts.
    let last: BTreeMap<_, _> = environment.iter().map(|(name, value)| (name, value)).collect();
    let secrets = last.into_iter().filter(|(name, _)| is_secret(name));
    secrets
        .filter_map(|(_, value)| Some(value.to_str()?.trim().trim_matches(['"', '\'', '`']).to_owned()))
        .filter(|secret| !Variables::ALL.iter().any(|variable| secret.contains(&variable.name())))
        .collect()
}

fn check_plan(plan: &Plan, log: &Log, has_url: bool) {
    let verdicts = match &plan.verdict {
        VerdictPlan::Given(verdicts) => verdicts.clone(),
        VerdictPlan::Ask(analysis) => {
            let projects = analysis.projects().into_iter();
            projects.map(|project| Verdict::wrong_variable("SONAR_TOKEN", project)).collect()
        }
    };
    let target = plan.target.given().unwrap_or_else(|| Target {
        repository: plan.target.repository.clone(),
        commit: CommitHash::parse("8d081548cabb").expect("it is a hash"),
        refname: plan.target.refname.clone(),
    });
    let statuses = plan.statuses(&verdicts, &target);
    assert!(!statuses.is_empty(), "a target has no status");
    for status in statuses {
        check_status(&status);
        for text in [status.key.as_str(), &status.name, &status.description] {
            log.check(text);
        }
        // Otherwise it is the address of a public page, with names that the secret may happen to have.
        if has_url {
            log.check(&status.url);
        }
    }
}
