//! Where the verdict comes from: `STATE`, or the analyses that SonarQube is asked about.

use std::{fmt, rc::Rc, time::Duration};

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    config::{
        advice::advisory_conditions,
        analysis_files::{FileSearch, Files, check_servers, fresh_file, named_files, usual_files},
        findings::Findings,
        parse::{flag, whole_number},
        projects::ExpectedProjects,
        report_task::AnalysisFile,
        settle::final_state,
        variables::Variables,
    },
    console::{foreign::shown, text::in_digits},
    model::{
        address::{CLOUD_URL, server_of_page, service_address},
        analysis::{AddressOrigin, Comparison, ServerAddress, Subject, Wanted},
        state::{State, only_says_the_end},
        token::{self, Defect, TokenKind},
        verdict::{STATE_ACCEPTED, Verdict},
    },
    sonarqube::advice::AdvisoryConditions,
};

/// Where the verdict comes from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum VerdictPlan {
    /// The verdict of `STATE`. If wrong variables keep the run from SonarQube, a verdict for each project says so.
    Given(Vec<Verdict>),
    /// SonarQube.
    Ask(Box<AnalysisPlan>),
}

/// What SonarQube is asked, and how.
#[derive(Debug)]
pub(crate) struct AnalysisPlan {
    pub(crate) token: Option<SecretString>,
    /// `SONAR_HOST_URL`.
    host: Option<Url>,
    pub(crate) source: AnalysisSource,
    /// How long to wait for the analyses.
    pub(crate) timeout: Duration,
    /// The exit code of the scan, if the run is the last word of its step.
    pub(crate) scan_exit_code: Option<u8>,
    /// The state to post for a gate of NONE.
    pub(crate) on_no_gate: State,
    pub(crate) fail_on_red_gate: bool,
    /// `SONAR_PROJECTS`.
    pub(crate) expected: ExpectedProjects,
    /// `ADVISORY_CONDITIONS`.
    pub(crate) advisory: AdvisoryConditions,
    /// Whether the status links to the dashboard: no `URL` is given.
    pub(crate) links_to_dashboard: bool,
}

/// Where the analyses are named.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AnalysisSource {
    /// In files that scanners or a webhook wrote.
    Files(Files),
    /// By the key of a project.
    Project { key: String, subject: Subject },
}

/// When the run needs its verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VerdictNeed {
    /// Now: what is missing is a problem.
    Now,
    /// Later: a check runs before the scan, and no file is needed yet.
    Later,
    /// Now, and named by the target itself: many targets cannot all have the files of this folder.
    NowByTarget,
    /// Now, and given: a final state. SonarQube is not asked.
    FinalState,
}

/// Seconds; the default of the scanner's own `sonar.qualitygate.timeout`.
const SONAR_TIMEOUT_DEFAULT: u64 = 300;
/// Seconds; large servers may queue an analysis for long.
const SONAR_TIMEOUT_MAX: u64 = 7200;

/// Completes "the quality gate of ".
impl fmt::Display for AnalysisSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(Files { found, .. }) => match &found[..] {
                [] => write!(f, "a scan without report-task.txt"),
                [file] => write!(f, "{}", file.path.display()),
                files => write!(f, "{} analyses", files.len()),
            },
            Self::Project { key, subject } => write!(f, "project {key}, {}", subject.words()),
        }
    }
}

impl PartialEq for AnalysisPlan {
    fn eq(&self, other: &Self) -> bool {
        // A new field does not compile until it is compared here.
        let Self {
            token,
            host,
            source,
            timeout,
            scan_exit_code,
            on_no_gate,
            fail_on_red_gate,
            expected,
            advisory,
            links_to_dashboard,
        } = self;
        let secret =
            |token: &Option<SecretString>| token.as_ref().map(|token| token.expose_secret().to_owned());
        secret(token) == secret(&other.token)
            && (host, source, timeout) == (&other.host, &other.source, &other.timeout)
            && (scan_exit_code, on_no_gate) == (&other.scan_exit_code, &other.on_no_gate)
            && (fail_on_red_gate, advisory) == (&other.fail_on_red_gate, &other.advisory)
            && (expected, links_to_dashboard) == (&other.expected, &other.links_to_dashboard)
    }
}

impl Eq for AnalysisPlan {}

impl VerdictPlan {
    /// Where the variables say that the verdict comes from, or `None` after a problem was found. Files are searched for
    /// here, so that a missing file is reported together with all other problems.
    pub(crate) fn from_variables(
        variables: &Variables,
        need: VerdictNeed,
        wanted: &Wanted,
        expected: ExpectedProjects,
        search: &FileSearch,
        findings: &mut Findings,
    ) -> Option<Self> {
        if need == VerdictNeed::FinalState {
            return final_state(variables, findings).map(|verdict| Self::Given(vec![verdict]));
        }
        let names_analysis = variables.sonar_project_key.is_some() || variables.sonar_report_task.is_some();
        match variables.state.as_deref() {
            None if need == VerdictNeed::NowByTarget && !names_analysis => {
                findings.problem(
                    "STATE",
                    "is not set, and neither is SONAR_PROJECT_KEY: this target has no verdict",
                    format!("STATE ({STATE_ACCEPTED}), SONAR_PROJECT_KEY with SONAR_PULL_REQUEST or SONAR_BRANCH, or SONAR_REPORT_TASK"),
                    "add one of them to the entry, or pass it to the run for all entries",
                );
                None
            }
            Some(text) => {
                require_key(variables, findings);
                given(text.trim(), findings).map(|verdict| Self::Given(vec![verdict]))
            }
            None => AnalysisPlan::from_variables(variables, need, wanted, expected, search, findings)
                .map(Box::new)
                .map(Self::Ask),
        }
    }

    /// The state that is given for all.
    pub(crate) fn given_state(&self) -> Option<State> {
        match self {
            Self::Given(verdicts) => verdicts.first().map(|verdict| verdict.state),
            Self::Ask(_) => None,
        }
    }

    /// Whether there may be several verdicts, whose statuses need different keys.
    pub(crate) const fn may_be_several(&self) -> bool {
        match self {
            Self::Given(verdicts) => verdicts.len() > 1,
            Self::Ask(analysis) => analysis.may_have_several_verdicts(),
        }
    }

    /// The projects of the analyses, as far as they are known before SonarQube is asked.
    pub(crate) fn projects(&self) -> Vec<Option<&str>> {
        match self {
            Self::Given(_) => vec![None],
            Self::Ask(analysis) => analysis.projects(),
        }
    }

    /// The projects that always have a status.
    pub(crate) fn expected(&self) -> &[String] {
        match self {
            Self::Given(_) => &[],
            Self::Ask(analysis) => &analysis.expected.keys,
        }
    }

    /// The token of SonarQube, when it is asked.
    pub(crate) const fn token(&self) -> Option<&SecretString> {
        match self {
            Self::Given(_) => None,
            Self::Ask(analysis) => analysis.token.as_ref(),
        }
    }
}

/// The states of two tools must not stand under one key by accident.
fn require_key(variables: &Variables, findings: &mut Findings) {
    if variables.key.is_none() && variables.sonar_project_key.is_none() {
        findings.problem(
            "KEY",
            "is not set beside STATE: two steps with one key overwrite each other, and a green lint would hide red tests",
            "a key for each tool, at most 40 characters; or SONAR_PROJECT_KEY, if the state is about a scan of SonarQube",
            "pass a key such as KEY: tests, and the same one in all runs",
        );
    }
}

fn given(text: &str, findings: &mut Findings) -> Option<Verdict> {
    let verdict = Verdict::parse(text);
    if verdict.is_none() {
        let (wrong, remedy) = if only_says_the_end(text) {
            (
                "which only says that something has ended, and not how",
                "pass the field that says how it ended: conclusion of a check run of GitHub, result of a build of Azure (success, failure, cancelled ...); or in after-script `STATE: $BITBUCKET_EXIT_CODE`",
            )
        } else {
            (
                "which is not a state",
                "pass one of these words, or in after-script `STATE: $BITBUCKET_EXIT_CODE`",
            )
        };
        findings.problem("STATE", format!("is {}, {wrong}", shown(text)), STATE_ACCEPTED, remedy);
    }
    verdict
}

impl AnalysisPlan {
    /// The server to ask: `SONAR_HOST_URL`, else the one that the file reports, else SonarQube Cloud for a project.
    /// `None` when the analysis is named by a file that reports no usable address.
    ///
    /// # Errors
    ///
    /// None that a variable can cause: the address of SonarQube Cloud is valid.
    pub(crate) fn server(&self, reported: Option<&Url>) -> anyhow::Result<Option<ServerAddress>> {
        let (url, origin) = match (&self.host, reported, &self.source) {
            (Some(host), ..) => (host.clone(), AddressOrigin::Variable),
            (None, Some(reported), _) => (reported.clone(), AddressOrigin::File),
            (None, None, AnalysisSource::Project { .. }) => (Url::parse(CLOUD_URL)?, AddressOrigin::Default),
            (None, None, AnalysisSource::Files(_)) => return Ok(None),
        };
        let reported = reported.filter(|reported| **reported != url).cloned();
        Ok(Some(ServerAddress { url, origin, reported }))
    }

    /// Whether there may be several verdicts: of several analyses, of one analysis and of the scan as a whole, or of projects
    /// that always have a status.
    const fn may_have_several_verdicts(&self) -> bool {
        if !self.expected.keys.is_empty() {
            return true;
        }
        match &self.source {
            AnalysisSource::Files(files) => {
                files.may_be_several || (files.may_be_partial && matches!(self.scan_exit_code, Some(1..)))
            }
            AnalysisSource::Project { .. } => false,
        }
    }

    /// The projects of the analyses, as far as they are known before SonarQube is asked.
    pub(crate) fn projects(&self) -> Vec<Option<&str>> {
        match &self.source {
            AnalysisSource::Project { key, .. } => vec![Some(key)],
            AnalysisSource::Files(Files { found, .. }) if found.is_empty() => vec![None],
            AnalysisSource::Files(Files { found, .. }) => {
                found.iter().map(|file| file.content.as_ref().ok()?.project.as_deref()).collect()
            }
        }
    }

    /// The files that say which server gets the token, if `SONAR_HOST_URL` does not.
    pub(super) fn files_that_name_servers(&self) -> &[Rc<AnalysisFile>] {
        match (&self.host, &self.source) {
            (None, AnalysisSource::Files(files)) => &files.found,
            _ => &[],
        }
    }

    /// The exit code of a scan that failed.
    pub(crate) fn failed_scan(&self) -> Option<u8> {
        self.scan_exit_code.filter(|code| *code != 0)
    }

    /// Whether nothing names an analysis yet.
    pub(crate) fn names_nothing(&self) -> bool {
        match &self.source {
            AnalysisSource::Files(Files { found, missing, unreadable, .. }) => {
                found.is_empty() && missing.is_empty() && unreadable.is_empty()
            }
            AnalysisSource::Project { .. } => false,
        }
    }

    fn from_variables(
        variables: &Variables,
        need: VerdictNeed,
        wanted: &Wanted,
        mut expected: ExpectedProjects,
        search: &FileSearch,
        findings: &mut Findings,
    ) -> Option<Self> {
        let host = host(variables.sonar_host_url.as_deref(), findings);
        let scan_exit_code = scan_exit_code(variables, findings);
        // The last word of a step is a state on the commit, whatever is missing.
        let may_miss_files = need == VerdictNeed::Later || scan_exit_code.is_some();
        let source = source(variables, may_miss_files, need, wanted, search, findings);
        if let (None, Some(AnalysisSource::Files(files))) = (&host, &source) {
            check_servers(&files.found, variables, findings);
        }
        // Before the scan, nothing of it is there.
        if let (Some(AnalysisSource::Files(files)), true) =
            (&source, need != VerdictNeed::Later || scan_exit_code.is_some())
        {
            expected.look_beside(files, search);
        }
        let token = variables.sonar_token.clone();
        check_token(token.as_ref(), source.as_ref(), findings);
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
            expected,
            advisory: advisory_conditions(variables.advisory_conditions.as_deref(), findings),
            links_to_dashboard: variables.url.is_none(),
            source: source?,
        })
    }
}

/// What names the analyses, or `None` after a problem was found.
fn source(
    variables: &Variables,
    may_miss_files: bool,
    need: VerdictNeed,
    wanted: &Wanted,
    search: &FileSearch,
    findings: &mut Findings,
) -> Option<AnalysisSource> {
    let text = |value: &Option<String>| value.as_deref().map(|value| value.trim().to_owned());
    let subject = match (text(&variables.sonar_pull_request), text(&variables.sonar_branch)) {
        (Some(_), Some(_)) => {
            findings.problem(
                "SONAR_BRANCH",
                "is set, and so is SONAR_PULL_REQUEST",
                "one of them",
                "for a pull request remove SONAR_BRANCH",
            );
            return None;
        }
        (Some(id), None) => Subject::PullRequest(id.trim_start_matches('#').to_owned()),
        (None, Some(branch)) => Subject::Branch(branch),
        (None, None) => Subject::Main,
    };
    match (text(&variables.sonar_project_key), variables.sonar_report_task.as_deref()) {
        (Some(_), Some(_)) => {
            findings.problem(
                "SONAR_PROJECT_KEY",
                "is set, and so is SONAR_REPORT_TASK",
                "one of them",
                "remove SONAR_PROJECT_KEY to ask for the analysis that the file names",
            );
            None
        }
        (Some(key), None) => {
            let fresh = Some(search).filter(|_| need != VerdictNeed::NowByTarget);
            let must_end = variables.is_last_word();
            let fresh = fresh.and_then(|search| fresh_file(&key, &subject, must_end, search, findings));
            if let Some(files) = fresh {
                return Some(AnalysisSource::Files(files));
            }
            warn_of_main_branch(&subject, wanted, findings);
            Some(AnalysisSource::Project { key, subject })
        }
        (None, patterns) => {
            if subject != Subject::Main {
                findings.warning(
                    "SONAR_PULL_REQUEST and SONAR_BRANCH are set but ignored: they need SONAR_PROJECT_KEY; report-task.txt names its own pull request or branch",
                );
            }
            let files = match patterns {
                Some(patterns) => named_files(patterns, may_miss_files, search, findings),
                None => usual_files(may_miss_files, need, search, findings),
            };
            files.map(AnalysisSource::Files)
        }
    }
}

/// Warns when the gate of the main branch is asked for, and the status is for something else.
fn warn_of_main_branch(subject: &Subject, wanted: &Wanted, findings: &mut Findings) {
    if subject.compare(wanted, None) != Comparison::MainBranch {
        return;
    }
    findings.warning(if wanted.pull_request.is_some() {
        "Gatepost asks for the gate of the main branch, not for the gate of the pull request: pass SONAR_PULL_REQUEST: $BITBUCKET_PR_ID if SonarQube analyses pull requests"
    } else {
        "Gatepost asks for the gate of the main branch, not for the gate of this branch: pass SONAR_BRANCH: $BITBUCKET_BRANCH if SonarQube analyses branches"
    });
}

fn scan_exit_code(variables: &Variables, findings: &mut Findings) -> Option<u8> {
    for (name, value) in [
        ("SCAN_EXIT_CODE", &variables.scan_exit_code),
        ("BITBUCKET_EXIT_CODE", &variables.bitbucket_exit_code),
    ] {
        if let Some(text) = value.as_deref() {
            let code = in_digits(text.trim()).and_then(|code| u8::try_from(code).ok());
            if code.is_none() {
                findings.problem(
                    name,
                    format!("is {}, not a whole number from 0 to 255", shown(text)),
                    "the exit code of the scan: 0, or the number with which the scanner failed",
                    "in after-script pass `SCAN_EXIT_CODE: $BITBUCKET_EXIT_CODE`; Gatepost does not guess whether the scan succeeded",
                );
            }
            return Some(code.unwrap_or(u8::MAX));
        }
    }
    None
}

fn host(text: Option<&str>, findings: &mut Findings) -> Option<Url> {
    let text = text?.trim();
    if let Some(server) = server_of_page(text) {
        findings.warning(format!(
            "SONAR_HOST_URL is {}, the address of a page: Gatepost uses {}, the address of the server",
            shown(text),
            server.as_str().trim_end_matches('/')
        ));
        return Some(server);
    }
    let found = match service_address(text) {
        Ok(url) => return Some(url),
        Err(found) => found,
    };
    findings.problem(
        "SONAR_HOST_URL",
        format!("is {}, {found}", shown(text)),
        "the address of the server, such as https://sonarcloud.io or https://sonar.example.com/sonarqube",
        "copy the address of SonarQube's start page, or remove SONAR_HOST_URL: report-task.txt names the server",
    );
    None
}

/// Without a token, only a public project can be asked about by its key; a webhook's file needs no question.
fn check_token(token: Option<&SecretString>, source: Option<&AnalysisSource>, findings: &mut Findings) {
    let Some(token) = token else {
        if matches!(source, Some(AnalysisSource::Project { .. })) {
            findings.warning(
                "SONAR_TOKEN is not set: Gatepost asks SonarQube without a token, which works for public projects only",
            );
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
    // INPROGRESS would never be replaced.
    State::parse(text).filter(|state| *state != State::InProgress).unwrap_or_else(|| {
        findings.problem(
            "ON_NO_GATE",
            format!("is {}, which is not a final state", shown(text)),
            "SUCCESSFUL, FAILED or STOPPED",
            "pass one of these words, or remove ON_NO_GATE: the default is FAILED",
        );
        State::Failed
    })
}
