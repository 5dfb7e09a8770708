//! Asks SonarQube for its verdict: waits for the analysis, then takes the gate. Whatever goes wrong, there is
//! a final state to post: an INPROGRESS that nobody ends blocks merging for ever.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use reqwest::Url;

use crate::{
    client::Client,
    console::Console,
    gate::{Gate, Level},
    http::{Http, rounded},
    outcome::Outcome,
    plan::Settings,
    problem::shown,
    refusal::Refusal,
    report,
    report_task::{End, Report, Subject},
    service::Service,
    sonarqube::{SonarQube, TaskState, is_cloud, is_gone},
    status::{DESCRIPTION_MAX_CHARS, State, refusal_of_url},
    verdict::{Analyses, AnalysisPlan, CLOUD_URL, Verdict, is_exposed},
};

/// The first pause between two questions for a task; a small analysis takes a second or two.
const FIRST_POLL: Duration = Duration::from_millis(500);
/// The longest, when it goes on.
const LONGEST_POLL: Duration = Duration::from_secs(5);
/// How often the reader is told that it goes on.
const PROGRESS: Duration = Duration::from_secs(15);

/// Judges every analysis of a plan, in order.
///
/// # Errors
///
/// Only what a defect explains; what goes wrong with SonarQube is a verdict.
pub async fn judge(
    plan: &AnalysisPlan,
    http: &Http,
    settings: &Settings,
    console: &Console,
) -> anyhow::Result<Vec<Verdict>> {
    let judge = Judge { plan, http, settings, console, deadline: Instant::now() + plan.timeout };
    match &plan.analyses {
        Analyses::Project { key, subject } => {
            let server = match &plan.host {
                Some(host) => host.clone(),
                None => Url::parse(CLOUD_URL)?,
            };
            Ok(vec![judge.project(&server, key, subject).await])
        }
        Analyses::Files(files) if files.is_empty() => Ok(vec![scan_failed(plan.scan_exit_code)]),
        Analyses::Files(files) => {
            let mut verdicts = Vec::new();
            for file in files {
                verdicts.push(judge.file(file).await);
            }
            Ok(verdicts)
        }
    }
}

/// Nothing can be asked about a scan that did not get as far as SonarQube.
fn scan_failed(exit_code: u8) -> Verdict {
    Verdict {
        state: State::Failed,
        words: format!("The scan did not finish (exit code {exit_code})"),
        project: None,
        link: None,
        outcome: Outcome::SonarQubeFailed,
    }
}

struct Judge<'a> {
    plan: &'a AnalysisPlan,
    http: &'a Http,
    settings: &'a Settings,
    console: &'a Console,
    deadline: Instant,
}

/// Why there is no gate.
enum NoGate {
    /// SonarQube refused or could not be reached.
    Refused(Box<Refusal>),
    /// The analysis ended without one.
    Failed(String),
    /// It did not end in time; with how far it was.
    Late(String),
}

impl From<Box<Refusal>> for NoGate {
    fn from(refusal: Box<Refusal>) -> Self {
        Self::Refused(refusal)
    }
}

impl Judge<'_> {
    async fn file(&self, file: &Path) -> Verdict {
        let report = match Report::read(file) {
            Ok(report) => report,
            Err(wrong) => {
                self.console.failed(format_args!("{} {wrong}", file.display()));
                return self.without_gate(NoGate::Failed(format!("{} {wrong}", name_of(file))), None, None);
            }
        };
        let judged = judged(report.project.as_deref(), &report.subject);
        let gate = match &report.end {
            End::Gate(gate) => Ok(gate.clone()),
            End::Failed => Err(NoGate::Failed("The analysis failed".to_owned())),
            End::Ask { server, version, task } => {
                if let Some(server) = self.plan.host.as_ref().or(server.as_ref()) {
                    self.gate_of_task(server, version.as_deref(), task, &report).await
                } else {
                    let wrong = "has no serverUrl that is an address: pass SONAR_HOST_URL";
                    self.console.failed(format_args!("{} {wrong}", file.display()));
                    Err(NoGate::Failed(format!("{} {wrong}", name_of(file))))
                }
            }
        };
        match gate {
            Ok(gate) => self.with_gate(&gate, &judged, report.project, report.dashboard),
            Err(reason) => self.without_gate(reason, report.project, report.dashboard),
        }
    }

    async fn project(&self, server: &Url, key: &str, subject: &Subject) -> Verdict {
        self.warn_of_http(server);
        let service = self.service(server, None);
        let link = dashboard(server, key, subject);
        match self.gate_of_project(server, &service, key, subject).await {
            Ok(gate) => self.with_gate(&gate, &judged(Some(key), subject), Some(key.to_owned()), Some(link)),
            Err(reason) => self.without_gate(reason, Some(key.to_owned()), Some(link)),
        }
    }

    async fn gate_of_task(
        &self,
        server: &Url,
        version: Option<&str>,
        task: &str,
        report: &Report,
    ) -> Result<Gate, NoGate> {
        self.warn_of_http(server);
        let service = self.service(server, version);
        let (analysis, project) = self.wait(server, &service, task).await?;
        let project = project.or_else(|| report.project.clone());
        let gate = match (analysis, project) {
            (Some(analysis), project) => {
                match (self.sonarqube(server, &service).gate_of_analysis(&analysis).await, project) {
                    (Err(refusal), Some(project)) if is_gone(&refusal) && is_cloud(server) => {
                        self.sonarqube(server, &service).gate_by_measures(&project, &report.subject).await?
                    }
                    (gate, _) => gate?,
                }
            }
            (None, Some(project)) => {
                return self.gate_of_project(server, &service, &project, &report.subject).await;
            }
            (None, None) => return Err(NoGate::Failed("The analysis has no id and no project".to_owned())),
        };
        self.trusted(server, &service, gate).await
    }

    async fn gate_of_project(
        &self,
        server: &Url,
        service: &Service,
        key: &str,
        subject: &Subject,
    ) -> Result<Gate, NoGate> {
        let gate = match self.sonarqube(server, service).gate_of_project(key, subject).await {
            Err(refusal) if is_gone(&refusal) && is_cloud(server) => {
                // When the project is what is not there, the first refusal says so better.
                let by_measures = self.sonarqube(server, service).gate_by_measures(key, subject).await;
                by_measures.map_err(|_| refusal)?
            }
            gate => gate?,
        };
        self.trusted(server, service, gate).await
    }

    /// A gate of NONE may be what a wrong token is told instead of the truth.
    async fn trusted(&self, server: &Url, service: &Service, gate: Gate) -> Result<Gate, NoGate> {
        if gate.level == Level::None
            && self.plan.token.is_some()
            && !self.sonarqube(server, service).token_is_valid().await?
        {
            self.console
                .failed("SonarQube says that SONAR_TOKEN is not valid, and tells no gate because of it");
            self.console.detail(
                "to do",
                "create a token in SonarQube (My Account > Security) and save it in SONAR_TOKEN",
            );
            return Err(NoGate::Failed("SonarQube does not accept SONAR_TOKEN".to_owned()));
        }
        Ok(gate)
    }

    /// Waits for the end of a task: the analysis and its project.
    async fn wait(
        &self,
        server: &Url,
        service: &Service,
        id: &str,
    ) -> Result<(Option<String>, Option<String>), NoGate> {
        let begun = Instant::now();
        let mut pause = FIRST_POLL;
        let mut told = begun;
        loop {
            let task = self.sonarqube(server, service).task(id).await?;
            let state = match task.state {
                TaskState::Success => return Ok((task.analysis, task.project)),
                TaskState::Failed => {
                    let error = task.error.map(|error| format!(": {error}")).unwrap_or_default();
                    return Err(NoGate::Failed(format!("The analysis failed{error}")));
                }
                TaskState::Cancelled => return Err(NoGate::Failed("The analysis was cancelled".to_owned())),
                TaskState::Unfinished(state) => state,
            };
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(NoGate::Late(state));
            }
            if told.elapsed() >= PROGRESS {
                told = Instant::now();
                self.console.line(format_args!(
                    "waiting for the analysis, {} s of {} s, {state}",
                    begun.elapsed().as_secs(),
                    self.plan.timeout.as_secs()
                ));
            }
            tokio::time::sleep(pause.min(left)).await;
            pause = pause.mul_f64(1.5).min(LONGEST_POLL);
        }
    }

    /// The proof goes where the server takes it: Bearer where it is documented (SonarQube Cloud, and Server
    /// from 10.0), else Basic with the token as user, which every version takes.
    /// <https://docs.sonarsource.com/sonarqube-server/extension-guide/web-api#authenticate-with-user-token>
    fn service(&self, server: &Url, version: Option<&str>) -> Service {
        let major = version.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
        let bearer = is_cloud(server) || major.is_some_and(|major| major >= 10);
        Service::SonarQube { token: self.plan.token.clone(), bearer }
    }

    fn sonarqube<'s>(&'s self, server: &'s Url, service: &'s Service) -> SonarQube<'s> {
        SonarQube(Client {
            http: self.http,
            console: self.console,
            service,
            api_url: server,
            // For each question: a server that is down is not waited for as long as an analysis that goes on.
            deadline: Instant::now() + self.settings.timeout,
        })
    }

    fn warn_of_http(&self, server: &Url) {
        if is_exposed(server) {
            self.console.warning(format_args!(
                "SonarQube's address {server} is http: SONAR_TOKEN goes over the network unencrypted"
            ));
        }
    }

    fn with_gate(&self, gate: &Gate, judged: &str, project: Option<String>, link: Option<String>) -> Verdict {
        report::gate(gate, judged, self.console);
        let state = match gate.level {
            Level::Ok | Level::Warn => State::Successful,
            Level::None => self.plan.on_no_gate,
            Level::Error | Level::Unknown => State::Failed,
        };
        let outcome = match (gate.level, state) {
            (Level::Unknown, _) => Outcome::SonarQubeFailed,
            (_, State::Failed) if self.plan.fail_on_red_gate => Outcome::GateRed,
            _ => Outcome::Done,
        };
        let words = gate.words(judged, DESCRIPTION_MAX_CHARS);
        Verdict { state, words, project, link: self.linked(link), outcome }
    }

    fn without_gate(&self, reason: NoGate, project: Option<String>, link: Option<String>) -> Verdict {
        let (words, outcome) = match reason {
            NoGate::Refused(refusal) => {
                report::told(&refusal, self.console);
                (format!("No verdict of SonarQube: {refusal}"), Outcome::SonarQubeFailed)
            }
            NoGate::Failed(words) => (words, Outcome::SonarQubeFailed),
            NoGate::Late(state) => (
                format!("The analysis did not finish within {} s ({state})", rounded(self.plan.timeout)),
                Outcome::AnalysisLate,
            ),
        };
        Verdict { state: State::Failed, words, project, link: self.linked(link), outcome }
    }

    fn linked(&self, link: Option<String>) -> Option<String> {
        if let Some(refused) = link.as_deref().filter(|_| self.plan.linked).and_then(refusal_of_url) {
            self.console.warning(format_args!(
                "the status does not link to SonarQube's dashboard {}, {refused}: Bitbucket refuses such addresses; set the server's public address in SonarQube (Administration > General > Server base URL), or pass URL",
                shown(link.as_deref().unwrap_or_default())
            ));
        }
        link
    }
}

fn name_of(file: &Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// What was judged.
fn judged(project: Option<&str>, subject: &Subject) -> String {
    match project {
        Some(project) => format!("{project}, {}", subject.words()),
        None => subject.words(),
    }
}

/// The page that SonarQube has for it.
fn dashboard(server: &Url, key: &str, subject: &Subject) -> String {
    let mut url = server.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push("dashboard");
    }
    url.query_pairs_mut().append_pair("id", key);
    match subject {
        Subject::PullRequest(id) => {
            url.query_pairs_mut().append_pair("pullRequest", id);
        }
        Subject::Branch(branch) => {
            url.query_pairs_mut().append_pair("branch", branch);
        }
        Subject::Main => {}
    }
    url.into()
}
