//! What is to be said of the commit: given by the user, or asked of SonarQube.

use std::{fmt, path::PathBuf, time::Duration};

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    config::{
        findings::Findings,
        parse::{flag, whole_number},
        report_task,
        repository::is_own,
        variables::Variables,
    },
    console::foreign::shown,
    model::{
        address::service_address,
        analysis::Subject,
        state::State,
        target::CommitHash,
        token::{self, Defect, TokenKind},
        verdict::Verdict,
    },
};

/// Where the verdict comes from.
#[derive(Debug)]
pub(crate) enum VerdictPlan {
    /// `STATE`.
    Given(Verdict),
    /// SonarQube.
    Ask(Box<AnalysisPlan>),
}

/// What SonarQube is asked, and how.
#[derive(Debug)]
pub(crate) struct AnalysisPlan {
    /// Proves to SonarQube who we are.
    pub(crate) token: Option<SecretString>,
    /// The server, when the user names it.
    pub(crate) host: Option<Url>,
    /// Where the analyses are told.
    pub(crate) analyses: Analyses,
    /// How long to wait for them.
    pub(crate) timeout: Duration,
    /// How the scan ended.
    pub(crate) scan_exit_code: u8,
    /// What a gate of NONE is told as.
    pub(crate) on_no_gate: State,
    /// Whether a red gate fails the step.
    pub(crate) fail_on_red_gate: bool,
    /// Whether the status is to link to the dashboard, for want of another address.
    pub(crate) linked: bool,
    /// The pull request that the status is for, as far as it is known.
    pub(crate) pull_request: Option<String>,
    /// The commit that the status is for, as far as it is known.
    pub(crate) commit: Option<CommitHash>,
}

/// Where the analyses are told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Analyses {
    /// In files that scanners or a webhook wrote.
    Files(Files),
    /// By the key of a project.
    Project {
        /// The key.
        key: String,
        /// The branch or pull request.
        subject: Subject,
    },
}

/// The files that tell analyses.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Files {
    /// Those that are there.
    pub(crate) found: Vec<PathBuf>,
    /// What the user named and a scan that failed did not write.
    pub(crate) missing: Vec<String>,
    /// Whether the user named them: a webhook's file may only be named.
    pub(crate) named: bool,
    /// Whether there may be several, so that their statuses are told apart.
    pub(crate) several: bool,
}

/// The public SonarQube Cloud.
pub(crate) const CLOUD_URL: &str = "https://sonarcloud.io";
/// Seconds; what the scanner's own `sonar.qualitygate.timeout` has.
const SONAR_TIMEOUT_DEFAULT: u64 = 300;
/// Seconds; large instances may queue an analysis for long.
const SONAR_TIMEOUT_MAX: u64 = 7200;

impl fmt::Display for Analyses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(Files { found, .. }) => match &found[..] {
                [] => write!(f, "a scan that did not finish"),
                [file] => write!(f, "{}", file.display()),
                files => write!(f, "{} analyses", files.len()),
            },
            Self::Project { key, subject } => write!(f, "project {key}, {}", subject.words()),
        }
    }
}

impl Analyses {
    /// Whether there may be several.
    pub(crate) const fn several(&self) -> bool {
        matches!(self, Self::Files(Files { several: true, .. }))
    }
}

impl VerdictPlan {
    /// Where the variables say that the verdict comes from. Files are searched for here, so that a missing
    /// one is told with all other problems; but not for one of `many` targets, which would all find the same.
    pub(crate) fn from_variables(variables: &Variables, many: bool, findings: &mut Findings) -> Option<Self> {
        let asks = variables.sonar_project_key.is_some() || variables.sonar_report_task.is_some();
        match variables.state.as_deref() {
            None if many && !asks => {
                findings.problem(
                    "STATE",
                    "is not set, and neither is SONAR_PROJECT_KEY: nothing tells the verdict for this target",
                    format!("STATE ({STATE_ACCEPTED}), SONAR_PROJECT_KEY with SONAR_PULL_REQUEST or SONAR_BRANCH, or SONAR_REPORT_TASK"),
                    "add one of them to the entry, or pass it to the run for all entries",
                );
                None
            }
            Some(text) => given(text.trim(), findings).map(Self::Given),
            None => AnalysisPlan::from_variables(variables, true, findings).map(Box::new).map(Self::Ask),
        }
    }

    /// Whether there may be several verdicts, so that their statuses are told apart.
    pub(crate) const fn several(&self) -> bool {
        match self {
            Self::Given(_) => false,
            Self::Ask(analysis) => analysis.analyses.several(),
        }
    }

    /// What proves to SonarQube who we are, when it is asked.
    pub(crate) const fn token(&self) -> Option<&SecretString> {
        match self {
            Self::Given(_) => None,
            Self::Ask(analysis) => analysis.token.as_ref(),
        }
    }
}

const STATE_ACCEPTED: &str = "SUCCESSFUL, FAILED, INPROGRESS, STOPPED, an everyday word for one of them (passed, error, running, cancelled ...), or an exit code from 0 to 255";

fn given(text: &str, findings: &mut Findings) -> Option<Verdict> {
    let verdict = Verdict::parse(text);
    if verdict.is_none() {
        findings.problem(
            "STATE",
            format!("is {}, which is no state", shown(text)),
            STATE_ACCEPTED,
            "pass one of these words, or in after-script `STATE: $BITBUCKET_EXIT_CODE`",
        );
    }
    verdict
}

impl AnalysisPlan {
    /// What is asked and how. Where no analysis is `needed`, it is no problem that there is none.
    pub(crate) fn from_variables<'v>(
        variables: &'v Variables,
        needed: bool,
        findings: &mut Findings,
    ) -> Option<Self> {
        let host = host(variables.sonar_host_url.as_deref(), findings);
        let scan_exit_code = scan_exit_code(variables, findings);
        // What Pipelines says of its build is of the target when that is its own repository.
        let own = is_own(variables);
        let known = |given: &'v Option<String>, of_build: &'v Option<String>| {
            given.as_deref().or(of_build.as_deref().filter(|_| own)).map(str::trim)
        };
        let pull_request = known(&variables.pull_request, &variables.bitbucket_pr_id);
        let optional = !needed || scan_exit_code != 0;
        let analyses = analyses(variables, optional, pull_request.is_some(), findings);
        let token = variables.sonar_token.clone();
        check_token(token.as_ref(), analyses.as_ref(), findings);
        let timeout = whole_number(
            "SONAR_TIMEOUT",
            variables.sonar_timeout.as_deref(),
            SONAR_TIMEOUT_DEFAULT,
            1..=SONAR_TIMEOUT_MAX,
            findings,
        );
        Some(Self {
            token,
            host,
            timeout: Duration::from_secs(timeout),
            scan_exit_code,
            on_no_gate: on_no_gate(variables.on_no_gate.as_deref(), findings),
            fail_on_red_gate: flag("FAIL_ON_RED_GATE", variables.fail_on_red_gate.as_deref(), true, findings),
            linked: variables.url.is_none(),
            pull_request: pull_request.map(|id| id.trim_start_matches('#').to_owned()),
            commit: known(&variables.commit, &variables.bitbucket_commit).and_then(CommitHash::parse),
            analyses: analyses?,
        })
    }
}

/// `None` after a problem was told. Files that are missing are fine when they are `optional`, as after a scan
/// that failed: it wrote none.
fn analyses(
    variables: &Variables,
    optional: bool,
    pull_request_is_known: bool,
    findings: &mut Findings,
) -> Option<Analyses> {
    let text = |value: &Option<String>| value.as_deref().map(|value| value.trim().to_owned());
    let subject = match (text(&variables.sonar_pull_request), text(&variables.sonar_branch)) {
        (Some(_), Some(_)) => {
            findings.problem(
                "SONAR_BRANCH",
                "is set, and so is SONAR_PULL_REQUEST",
                "one of them",
                "for a pull request leave SONAR_BRANCH out",
            );
            return None;
        }
        (Some(id), None) => Subject::PullRequest(id),
        (None, Some(branch)) => Subject::Branch(branch),
        (None, None) => Subject::Main,
    };
    match (text(&variables.sonar_project_key), variables.sonar_report_task.as_deref()) {
        (Some(_), Some(_)) => {
            findings.problem(
                "SONAR_PROJECT_KEY",
                "is set, and so is SONAR_REPORT_TASK",
                "one of them",
                "leave SONAR_PROJECT_KEY out to ask for the analysis that the file tells",
            );
            None
        }
        (Some(key), None) => {
            if subject == Subject::Main && pull_request_is_known {
                findings.warning(
                    "the gate of the main branch is asked for, not that of the pull request: pass SONAR_PULL_REQUEST: $BITBUCKET_PR_ID if SonarQube analyses pull requests",
                );
            }
            Some(Analyses::Project { key, subject })
        }
        (None, patterns) => {
            if subject != Subject::Main {
                findings.warning(
                    "SONAR_PULL_REQUEST and SONAR_BRANCH are not used: they go with SONAR_PROJECT_KEY, and report-task.txt tells its own",
                );
            }
            files(patterns, optional, findings).map(Analyses::Files)
        }
    }
}

fn files(patterns: Option<&str>, optional: bool, findings: &mut Findings) -> Option<Files> {
    let Some(patterns) = patterns else {
        let found = report_task::search(".".as_ref());
        if found.is_empty() && !optional {
            findings.problem(
                "STATE",
                "is not set, and there is nothing to ask SonarQube about: no report-task.txt in .scannerwork, target/sonar, build/sonar, .sonarqube/out/.sonar or .sonar, here or below",
                format!("a report-task.txt, SONAR_REPORT_TASK, SONAR_PROJECT_KEY, or STATE: {STATE_ACCEPTED}"),
                "run the pipe where the scanner ran, hand report-task.txt on as an artifact, or pass SONAR_REPORT_TASK; in after-script pass `SCAN_EXIT_CODE: $BITBUCKET_EXIT_CODE`",
            );
            return None;
        }
        let several = found.len() > 1;
        return Some(Files { found, several, ..Files::default() });
    };
    // The items of a list come on lines of their own; a single text is separated by commas.
    let separator = if patterns.contains('\n') { '\n' } else { ',' };
    let patterns: Vec<&str> =
        patterns.split(separator).map(str::trim).filter(|pattern| !pattern.is_empty()).collect();
    let mut files = Files {
        named: true,
        several: patterns.len() > 1 || patterns.iter().any(|pattern| report_task::is_glob(pattern)),
        ..Files::default()
    };
    let mut wrong = patterns.is_empty().then(|| "names no file".to_owned());
    for pattern in patterns {
        match report_task::expand(pattern) {
            Ok(found) => files.found.extend(found),
            // The scan did not get as far as writing it.
            Err(_) if optional => files.missing.push(pattern.to_owned()),
            Err(found) => wrong = wrong.or(Some(found)),
        }
    }
    if let Some(found) = wrong {
        findings.problem(
            "SONAR_REPORT_TASK",
            found,
            "paths or globs of report-task.txt or of a webhook's JSON, as a list or separated by commas",
            "see where the scanner leaves it (.scannerwork, target/sonar, build/sonar ...), relative to the pipe's working directory; from another step it has to be an artifact",
        );
        return None;
    }
    files.found.sort();
    files.found.dedup();
    Some(files)
}

fn scan_exit_code(variables: &Variables, findings: &mut Findings) -> u8 {
    for (name, value) in [
        ("SCAN_EXIT_CODE", &variables.scan_exit_code),
        ("BITBUCKET_EXIT_CODE", &variables.bitbucket_exit_code),
    ] {
        if let Some(text) = value.as_deref() {
            let code = whole_number(name, Some(text), 0, 0..=255, findings);
            return u8::try_from(code).unwrap_or(u8::MAX);
        }
    }
    0
}

fn host(text: Option<&str>, findings: &mut Findings) -> Option<Url> {
    let text = text?.trim();
    let found = match service_address(text) {
        Ok(url) => return Some(url),
        Err(found) => found,
    };
    findings.problem(
        "SONAR_HOST_URL",
        format!("is {}, {found}", shown(text)),
        "the address of the server, such as https://sonarcloud.io or https://sonar.example.com/sonarqube",
        "copy the address of SonarQube's start page, or leave SONAR_HOST_URL out: report-task.txt names the server",
    );
    None
}

/// Without a token only a public project can be asked about by its key, and a webhook asks nothing.
fn check_token(token: Option<&SecretString>, analyses: Option<&Analyses>, findings: &mut Findings) {
    let Some(token) = token else {
        if matches!(analyses, Some(Analyses::Project { .. })) {
            findings.warning("SONAR_TOKEN is not set: SonarQube is asked without one, which works for public projects only");
        }
        return;
    };
    let text = token.expose_secret();
    let (found, remedy) = match (token::pasted(text), TokenKind::of(text)) {
        (Some(Defect { found, remedy }), _) => (found, remedy),
        (None, Some(_)) => (
            "is a token of Atlassian, not of SonarQube",
            "create a token in SonarQube: My Account > Security",
        ),
        (None, None) => return,
    };
    findings.problem(
        "SONAR_TOKEN",
        found,
        "a user token or an analysis token of SonarQube (squ_, sqp_, sqa_, sqco_, or 40 hexadecimal digits)",
        remedy,
    );
}

fn on_no_gate(text: Option<&str>, findings: &mut Findings) -> State {
    let Some(text) = text.map(str::trim) else {
        return State::Failed;
    };
    // INPROGRESS would stay for ever.
    State::parse(text).filter(|state| *state != State::InProgress).unwrap_or_else(|| {
        findings.problem(
            "ON_NO_GATE",
            format!("is {}, which is no final state", shown(text)),
            "SUCCESSFUL, FAILED or STOPPED",
            "pass one of these words, or leave ON_NO_GATE out: FAILED is used",
        );
        State::Failed
    })
}
