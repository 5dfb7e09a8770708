//! The variables: of the environment, and of the entries of `TARGETS`.

use std::{
    collections::BTreeMap, ffi::OsString, future::pending, os::unix::ffi::OsStringExt as _, time::Duration,
};

use serde_json::Value;

use super::{
    Log,
    answers::{body_of, check_requests, now, responses, transport},
    check_status, glob_fits,
};
use crate::{
    config::{
        analysis::VerdictPlan,
        findings::{Findings, Problem},
        keyring::Keyring,
        plan::{NamedTarget, Plan},
        settings::{Mode, Settings},
        target_list::Targets,
        variables::Variables,
    },
    hide_headers, hide_tokens,
    http::transport::Response,
    model::{
        settlement::{KeyPattern, Settlement},
        state::State,
        target::{CommitHash, Repository, Target},
        verdict::Verdict,
    },
    run::{context::Context, report, settle::SettleRun},
    targets as find_or_name,
};

/// Variables that name files, and the list with a target of its own.
const LEFT_OUT: [&str; 2] = ["SONAR_REPORT_TASK", "TARGETS"];
/// It only begins like one of these.
const NOT_LEFT_OUT: &[u8] = b"TARGETS_FROM";
/// More problems and warnings of a list are only counted; those of the run's own variables are at most as many.
const FINDINGS_MAX: usize = 100;

/// Variables, as `NAME=value` with a zero byte after each: a run has problems, or statuses within the limits of Bitbucket. No
/// secret is printed, posted or sent in an address. A value without a name is an answer of Bitbucket, to a search for targets
/// and to a run that settles: each target is in a repository that was named or listed, and only what was asked for is ended.
pub fn environment(text: &[u8]) {
    let pairs = text.split(|byte| *byte == 0).filter_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        Some((&pair[..at], &pair[at + 1..]))
    });
    let is_left_out = |name: &[u8]| {
        let name = name.to_ascii_uppercase();
        name != NOT_LEFT_OUT && LEFT_OUT.iter().any(|left_out| name.starts_with(left_out.as_bytes()))
    };
    let (answers, variables): (Vec<_>, Vec<_>) = pairs.partition(|(name, _)| name.is_empty());
    let answers = answers.into_iter().flat_map(|(_, answer)| responses(answer)).collect();
    let variables = variables.into_iter().filter(|(name, _)| !is_left_out(name));
    let text = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    check(&variables.map(|(name, value)| (text(name), text(value))).collect::<Vec<_>>(), answers);
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
    let plans = check(&run.into_iter().chain([targets]).collect::<Vec<_>>(), Vec::new());
    assert!(plans < text.split(|byte| *byte == b'{').count(), "{plans} targets");
}

/// Whether an entry names files, which are not searched for here.
fn names_file(list: &[u8]) -> bool {
    let list = serde_json::from_slice::<Value>(list.strip_prefix(b"\xef\xbb\xbf").unwrap_or(list));
    let Ok(Value::Array(entries)) = list else { return false };
    entries.iter().any(|entry| entry.get("sonar_report_task").is_some())
}

/// A run up to its first request, or up to its end if it settles. Returns the number of its plans.
fn check(environment: &[(OsString, OsString)], answers: Vec<Response>) -> usize {
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
    let names = listed("full_name", &answers).into_iter().chain(variables.repositories.clone());
    let names = names.collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    let keys = listed("key", &answers);
    let transport = transport(answers);
    let context = Context::over(&transport, &settings, &keyring, console);
    let run = Run { variables: &variables, context, log: &log, names, keys };
    match settings.mode {
        Mode::Settle => run.settle(findings),
        Mode::Publish | Mode::Check | Mode::Targets => run.plan(findings),
    }
}

/// The texts of a field in the lists of these answers.
fn listed(field: &str, answers: &[Response]) -> Vec<String> {
    let values = |answer: &Response| answer.body.json().and_then(|json| json["values"].as_array().cloned());
    let values = answers.iter().filter_map(values).flatten();
    values.filter_map(|value| Some(value[field].as_str()?.to_owned())).collect()
}

/// A run without a network.
struct Run<'a> {
    variables: &'a Variables,
    context: Context<'a>,
    log: &'a Log,
    /// Names of repositories in lower case: those that the answers list, and what `REPOSITORIES` holds.
    names: String,
    /// The keys of the statuses that the answers list.
    keys: Vec<String>,
}

impl Run<'_> {
    /// The targets; `None` when a variable is wrong, or when the search for targets ends the run or has to wait.
    fn targets(&self, findings: &mut Findings) -> Option<Targets<NamedTarget>> {
        let Self { variables, context, .. } = self;
        let targets = now(find_or_name(variables, *context, findings, pending()))?.ok()?;
        self.check_requests();
        let Some(targets) = targets else {
            assert!(!findings.problems.is_empty(), "nothing is posted, and nothing says why");
            return None;
        };
        if variables.repositories.is_some() {
            // What was found is of strangers. The run's own variables were rehearsed.
            let is_found = |problem: &Problem| problem.variable.starts_with("REPOSITORIES[");
            assert!(!findings.problems.iter().any(is_found), "{:?}", findings.problems);
            for Repository { workspace, slug } in targets.plans.iter().map(|plan| plan.target.repository()) {
                assert!(
                    self.names.contains(&slug.to_ascii_lowercase()),
                    "{workspace}/{slug} is not in {}",
                    self.names
                );
            }
        }
        Some(targets)
    }

    fn check_requests(&self) -> Vec<reqwest::Request> {
        let Context { transport, settings, .. } = self.context;
        check_requests(transport, &settings.api_url, self.log)
    }

    /// Tells what is wrong with the variables. Returns whether something is.
    fn tells_problems(&self, findings: &Findings) -> bool {
        report::warnings(findings, self.context.console);
        assert!(findings.warnings.len() <= FINDINGS_MAX && findings.problems.len() <= FINDINGS_MAX);
        if !findings.problems.is_empty() {
            report::problems(findings, self.context.console);
        }
        self.log.read();
        !findings.problems.is_empty()
    }

    /// Plans a run as `publish` does, up to the first request.
    fn plan(&self, mut findings: Findings) -> usize {
        let targets = self.targets(&mut findings);
        hide_tokens(targets.as_ref(), self.context.console);
        let is_wrong = self.tells_problems(&findings);
        let Some(targets) = targets.filter(|_| !is_wrong) else { return 0 };
        let Ok(targets) = targets.of_commits() else {
            assert_eq!(self.context.settings.mode, Mode::Check, "a run has a target without a commit");
            return 0;
        };
        report::opening(&targets, self.context.settings, self.context.console);
        self.log.read();
        for plan in &targets.plans {
            check_plan(plan, self.log, self.variables.url.is_some());
        }
        targets.plans.len()
    }

    /// A run that settles.
    fn settle(&self, mut findings: Findings) -> usize {
        let settlement = Settlement::from_variables(self.variables, &mut findings);
        check_settlement(&settlement, &findings);
        let targets = self.targets(&mut findings);
        let is_wrong = self.tells_problems(&findings);
        let Some(targets) = targets.filter(|_| !is_wrong) else { return 0 };
        hide_headers(self.context);
        let targets = targets.of_commits().expect("each target has a commit");
        let wanted: Vec<State> = targets.plans.iter().filter_map(|plan| plan.verdict.given_state()).collect();
        let own_keys: Vec<String> =
            targets.plans.iter().map(|plan| plan.status.key_for(None).to_string()).collect();
        let run = SettleRun::new(self.context, &settlement, &targets, None, None);
        let _ = now(run.settle_until(pending()));
        self.log.read();
        for request in self.check_requests().iter().filter(|request| request.method() == "POST") {
            let status: Value = serde_json::from_str(&body_of(request)).expect("a status is JSON");
            assert!(wanted.iter().any(|state| status["state"] == state.as_str()), "{status}");
            let key = status["key"].as_str().expect("a status has a key");
            let fits = |pattern: &KeyPattern| match pattern {
                KeyPattern::Key(known) => known.as_str() == key,
                KeyPattern::Glob(glob) => glob_fits(glob.as_str(), key).unwrap_or(true),
            };
            let is_meant = settlement
                .keys
                .as_ref()
                .map_or_else(|| own_keys.iter().any(|own| own == key), |keys| keys.iter().any(fits));
            assert!(is_meant, "{key} is ended");
            // Without its secret it would be another key, and another status would be posted.
            assert!(self.keys.iter().any(|known| known == key), "{key} was not listed");
        }
        targets.plans.len()
    }
}

/// Only what blocks is ended, and nothing that a build may still write.
fn check_settlement(Settlement { keys, states, after }: &Settlement, findings: &Findings) {
    assert!(*after >= Duration::from_mins(1) && *after <= Duration::from_hours(365 * 24), "{after:?}");
    assert!(!states.contains(&State::Successful), "a green status would be ended");
    let is_empty = states.is_empty() || keys.as_ref().is_some_and(Vec::is_empty);
    assert!(!is_empty || !findings.problems.is_empty(), "nothing can be ended, and nothing says so");
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
    // The words of Gatepost may be those of the secret.
    let own_words = Verdict::wrong_variable("SONAR_TOKEN", None).words;
    assert!(!statuses.is_empty(), "a target has no status");
    for status in statuses {
        check_status(&status);
        for text in [status.key.as_str(), &status.name, &status.description.replace(&own_words, "")] {
            log.check(text);
        }
        // Otherwise it is the address of a public page, with names that the secret may happen to have.
        if has_url {
            log.check(&status.url);
        }
    }
}
