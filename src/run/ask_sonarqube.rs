//! Asks SonarQube for the verdict: waits for the analysis, then reads its quality gate. Whatever goes wrong, there is a
//! final state to post: an `INPROGRESS` that is never replaced blocks merging for ever.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    path::Path,
    rc::Rc,
    time::{Duration, Instant},
};

use reqwest::Url;

use crate::{
    config::{
        analysis::{AnalysisPlan, AnalysisSource, Files},
        report_task::{Analysis, End},
    },
    console::{foreign::shown, log::Console, text::rounded},
    explain::{sonarqube::for_commit, tell::tell},
    http::{
        deadline::Deadline,
        throttle::{Outage, Throttle},
    },
    model::{
        address::{is_exposed, refusal_of_url},
        analysis::{ServerAddress, Subject},
        outcome::Outcome,
        state::State,
        status::DESCRIPTION_MAX_CHARS,
        verdict::Verdict,
    },
    run::{
        context::{Context, Server},
        report,
    },
    sonarqube::{
        api::{SonarQube, Task, TaskState, authorization, is_cloud},
        gate::{Gate, Level},
        refusal::Refusal,
    },
};

/// The first pause between two questions about a task; a small analysis takes a second or two.
const FIRST_POLL: Duration = Duration::from_millis(500);
/// The longest pause.
const LONGEST_POLL: Duration = Duration::from_secs(5);
/// How often the reader is told that the wait goes on.
const PROGRESS: Duration = Duration::from_secs(15);

/// What the questions of a run know of each SonarQube.
#[derive(Debug, Default)]
pub(crate) struct Servers {
    /// The throttle of each server: an outage is found out once, and not by each target.
    throttles: RefCell<HashMap<Url, Rc<Throttle>>>,
    /// Whether the reader was warned that the token is sent unencrypted.
    is_warned: Cell<bool>,
}

impl Servers {
    /// The server at `address` with the token of the plan: the one place that says how SonarQube is asked.
    pub(crate) fn server(
        &self,
        address: ServerAddress,
        version: Option<&str>,
        plan: &AnalysisPlan,
        context: Context<'_>,
        console: &Console,
    ) -> Server {
        let url = &address.url;
        if plan.token.is_some() && is_exposed(url) && !self.is_warned.replace(true) {
            console.warning(format_args!(
                "the address of SonarQube, {url}, is http: SONAR_TOKEN is sent unencrypted"
            ));
        }
        let timeout = context.settings.timeout;
        let new = || Rc::new(Throttle::new(timeout, Outage::default()));
        Server {
            authorization: authorization(plan.token.as_ref(), url, version),
            has_token: plan.token.is_some(),
            throttle: self.throttles.borrow_mut().entry(url.clone()).or_insert_with(new).clone(),
            deadline: Deadline::after(timeout),
            address,
        }
    }
}

/// Asks SonarQube for the verdicts of one target.
pub(crate) struct AskSonarQube<'a> {
    plan: &'a AnalysisPlan,
    context: Context<'a>,
    servers: &'a Servers,
    console: &'a Console,
    begun: Instant,
}

/// Why there is no gate.
enum NoGate {
    /// SonarQube refused a request or could not be reached.
    Refused(Box<Refusal>),
    /// The analysis ended without a gate; in words.
    Failed(String),
    /// The analysis did not end in time; with its state.
    Late(String),
}

impl From<Box<Refusal>> for NoGate {
    fn from(refusal: Box<Refusal>) -> Self {
        Self::Refused(refusal)
    }
}

impl<'a> AskSonarQube<'a> {
    pub(crate) fn new(
        plan: &'a AnalysisPlan,
        context: Context<'a>,
        servers: &'a Servers,
        console: &'a Console,
    ) -> Self {
        Self { plan, context, servers, console, begun: Instant::now() }
    }

    /// A verdict for each analysis of the plan, in order.
    ///
    /// # Errors
    ///
    /// Only what a defect of Gatepost explains. A failure of SonarQube is a verdict.
    pub(crate) async fn verdicts(&self) -> anyhow::Result<Vec<Verdict>> {
        match &self.plan.source {
            AnalysisSource::Project { key, .. } if self.plan.scan_exit_code != 0 => {
                Ok(vec![self.scan_failed(Some(key))])
            }
            AnalysisSource::Project { key, subject } => Ok(vec![self.project(key, subject).await?]),
            AnalysisSource::Files(files) => self.files(files).await,
        }
    }

    async fn files(&self, files: &Files) -> anyhow::Result<Vec<Verdict>> {
        let Files { found, missing, are_named, may_be_several } = files;
        let mut verdicts = Vec::new();
        for file in found {
            verdicts.push(self.file(file, *are_named).await?);
        }
        for name in missing {
            self.console.failed(format_args!("{} is missing", shown(name)));
            verdicts.push(self.scan_failed(None));
        }
        if verdicts.is_empty() {
            verdicts.push(self.scan_failed(None));
        } else if self.plan.scan_exit_code != 0 && missing.is_empty() && *may_be_several {
            self.console.warning(format_args!(
                "the scan ended with exit code {}: projects that it did not scan get no status",
                self.plan.scan_exit_code
            ));
        }
        Ok(verdicts)
    }

    async fn file(&self, file: &Path, is_named: bool) -> anyhow::Result<Verdict> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let mut analysis = match Analysis::read(file, is_named) {
            Ok(analysis) => analysis,
            Err(wrong) => {
                self.console.failed(format_args!("{} {wrong}", file.display()));
                return Ok(self.without_gate(NoGate::Failed(format!("{name} {wrong}")), None, None));
            }
        };
        if let (Some(analysed), Some(wanted)) = (&analysis.revision, &self.plan.commit)
            && !analysed.matches(wanted)
        {
            self.console.warning(format_args!(
                "the analysis is of commit {analysed}, but the status is for commit {wanted}"
            ));
        }
        let gate = match &analysis.end {
            End::Gate(gate) => Ok(gate.clone()),
            End::Failed => Err(NoGate::Failed("The analysis failed".to_owned())),
            End::Ask { server, version, task } => {
                let (version, task) = (version.clone(), task.clone());
                if let Some(address) = self.plan.server(server.as_ref())? {
                    let server = self.server(address, version.as_deref());
                    self.gate_of_task(&server, &task, &mut analysis).await
                } else {
                    self.console.failed(format_args!("{} {NO_SERVER}", file.display()));
                    Err(NoGate::Failed(format!("{name} {NO_SERVER}")))
                }
            }
        };
        let Analysis { project, subject, dashboard, .. } = analysis;
        Ok(match gate {
            Ok(gate) => self.with_gate(&gate, subject.as_ref(), project, dashboard),
            Err(reason) => self.without_gate(reason, project, dashboard),
        })
    }

    async fn project(&self, key: &str, subject: &Subject) -> anyhow::Result<Verdict> {
        let Some(address) = self.plan.server(None)? else {
            return Ok(self.without_gate(NoGate::Failed("SONAR_HOST_URL is not set".to_owned()), None, None));
        };
        let (project, link) = (Some(key.to_owned()), Some(dashboard(&address.url, key, subject)));
        let server = self.server(address, None);
        Ok(match self.gate_of_project(&server, key, subject).await {
            Ok(gate) => self.with_gate(&gate, Some(subject), project, link),
            Err(reason) => self.without_gate(reason, project, link),
        })
    }

    /// A scan that failed did not reach SonarQube: its gates belong to earlier scans.
    fn scan_failed(&self, project: Option<&str>) -> Verdict {
        let words = format!("The scan did not finish (exit code {})", self.plan.scan_exit_code);
        self.without_gate(NoGate::Failed(words), project.map(str::to_owned), None)
    }

    /// The gate of the analysis that a task computes. The task adds what the file did not say.
    async fn gate_of_task(
        &self,
        server: &Server,
        task: &str,
        analysis: &mut Analysis,
    ) -> Result<Gate, NoGate> {
        let task = self.wait(server, task).await?;
        analysis.project = analysis.project.take().or(task.project);
        analysis.subject = analysis.subject.take().or(task.subject);
        if analysis.dashboard.is_none()
            && let Some(project) = &analysis.project
        {
            let subject = analysis.subject.as_ref().unwrap_or(&Subject::Main);
            analysis.dashboard = Some(dashboard(&server.address.url, project, subject));
        }
        match (&task.analysis, &analysis.project, &analysis.subject) {
            (Some(id), project, subject) => {
                let gate = self.sonarqube(server).gate_of_analysis(id).await;
                let subject = subject.as_ref().unwrap_or(&Subject::Main);
                self.trusted(server, gate, project.as_deref(), subject).await
            }
            (None, Some(project), Some(subject)) => self.gate_of_project(server, project, subject).await,
            _ => Err(NoGate::Failed("SonarQube does not tell the id of the analysis".to_owned())),
        }
    }

    async fn gate_of_project(&self, server: &Server, key: &str, subject: &Subject) -> Result<Gate, NoGate> {
        let gate = self.sonarqube(server).gate_of_project(key, subject).await;
        self.trusted(server, gate, Some(key), subject).await
    }

    /// A gate that can be trusted. When SonarQube Cloud has removed the endpoint, the measures tell the gate. A NONE that
    /// SonarQube answers to a wrong token is not a gate.
    async fn trusted(
        &self,
        server: &Server,
        gate: Result<Gate, Box<Refusal>>,
        project: Option<&str>,
        subject: &Subject,
    ) -> Result<Gate, NoGate> {
        let gate = match (gate, project) {
            (Err(refusal), Some(project)) if refusal.is_endpoint_gone() && is_cloud(&server.address.url) => {
                // The first refusal says better what is missing.
                self.sonarqube(server).gate_by_measures(project, subject).await.map_err(|_| refusal)?
            }
            (gate, _) => gate?,
        };
        if gate.level == Level::None
            && self.plan.token.is_some()
            && !self.sonarqube(server).token_is_valid().await?
        {
            self.console
                .failed("SonarQube says that SONAR_TOKEN is not valid; therefore it does not show the gate");
            self.console.detail(
                "to do",
                "create a token in SonarQube (My Account > Security) and save it in SONAR_TOKEN",
            );
            return Err(NoGate::Failed("SonarQube does not accept SONAR_TOKEN".to_owned()));
        }
        Ok(gate)
    }

    /// Waits until a task has succeeded.
    async fn wait(&self, server: &Server, id: &str) -> Result<Task, NoGate> {
        let mut pause = FIRST_POLL;
        let mut last_progress = Instant::now();
        loop {
            let task = self.sonarqube(server).task(id).await?;
            let state = match task.state {
                TaskState::Success => return Ok(task),
                TaskState::Failed => {
                    let error = task.error.map(|error| format!(": {error}")).unwrap_or_default();
                    return Err(NoGate::Failed(format!("The analysis failed{error}")));
                }
                TaskState::Cancelled => return Err(NoGate::Failed("The analysis was cancelled".to_owned())),
                TaskState::Unfinished(state) => state,
            };
            let left = self.plan.timeout.saturating_sub(self.begun.elapsed());
            if left.is_zero() {
                return Err(NoGate::Late(state));
            }
            if last_progress.elapsed() >= PROGRESS {
                last_progress = Instant::now();
                self.console.line(format_args!(
                    "waiting for the analysis, {} s of {} s, {state}",
                    self.begun.elapsed().as_secs(),
                    self.plan.timeout.as_secs()
                ));
            }
            tokio::time::sleep(pause.min(left)).await;
            pause = pause.mul_f64(1.5).min(LONGEST_POLL);
        }
    }

    fn server(&self, address: ServerAddress, version: Option<&str>) -> Server {
        self.servers.server(address, version, self.plan, self.context, self.console)
    }

    /// A client for one question. `TIMEOUT` is for each question, and `SONAR_TIMEOUT` for the analysis.
    fn sonarqube<'s>(&'s self, server: &'s Server) -> SonarQube<'s> {
        server.deadline.restart(self.context.settings.timeout);
        self.context.sonarqube(server, self.console)
    }

    fn with_gate(
        &self,
        gate: &Gate,
        subject: Option<&Subject>,
        project: Option<String>,
        link: Option<String>,
    ) -> Verdict {
        let about = about(project.as_deref(), subject);
        report::gate(gate, &about, self.console);
        if let (Some(Subject::PullRequest(analysed)), Some(wanted)) = (subject, &self.plan.pull_request)
            && analysed != wanted
        {
            self.console.warning(format_args!(
                "the analysis is of pull request {}, but the status is for pull request {wanted}",
                shown(analysed)
            ));
        }
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
        let words = gate.words(&about, DESCRIPTION_MAX_CHARS);
        self.verdict(state, &words, project, link, outcome)
    }

    fn without_gate(&self, reason: NoGate, project: Option<String>, link: Option<String>) -> Verdict {
        let (words, outcome) = match reason {
            NoGate::Refused(refusal) => {
                tell(&*refusal, self.console);
                (for_commit(&refusal), Outcome::SonarQubeFailed)
            }
            NoGate::Failed(words) => (words, Outcome::SonarQubeFailed),
            NoGate::Late(state) => (
                format!("The analysis did not finish within {} s ({state})", rounded(self.plan.timeout)),
                Outcome::AnalysisLate,
            ),
        };
        self.verdict(State::Failed, &words, project, link, outcome)
    }

    /// A verdict without secrets: a file or a server may have put one into a text that becomes public.
    fn verdict(
        &self,
        state: State,
        words: &str,
        project: Option<String>,
        link: Option<String>,
        outcome: Outcome,
    ) -> Verdict {
        Verdict {
            state,
            words: self.console.without_secrets(words),
            project: project.map(|project| self.console.without_secrets(&project)),
            link: self.accepted_link(link),
            outcome,
        }
    }

    /// The link to the dashboard, if the status needs one and Bitbucket accepts its address.
    fn accepted_link(&self, link: Option<String>) -> Option<String> {
        let link = link.filter(|_| self.plan.links_to_dashboard)?;
        if self.console.without_secrets(&link) != link {
            self.console
                .warning("the status does not link to SonarQube's dashboard: its address holds a secret");
            return None;
        }
        let Some(refused) = refusal_of_url(&link) else {
            return Some(link);
        };
        let server = Url::parse(&link).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
        let console = self.console.news(format!("no link to {server}"))?;
        console.warning(format_args!(
            "the status does not link to SonarQube's dashboard {}, {refused}: Bitbucket refuses such addresses; set the server's public address in SonarQube (Administration > General > Server base URL), or pass URL",
            shown(&link)
        ));
        None
    }
}

const NO_SERVER: &str = "has no serverUrl that can be used: pass SONAR_HOST_URL";

/// The subject of a gate, in words.
fn about(project: Option<&str>, subject: Option<&Subject>) -> String {
    let parts = [project.map(str::to_owned), subject.map(Subject::words)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "the analysis".to_owned() } else { parts.join(", ") }
}

/// The address of SonarQube's page for a project.
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
