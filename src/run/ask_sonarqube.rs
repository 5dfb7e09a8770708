//! Asks SonarQube for its verdict: waits for the analysis, then takes the gate. Whatever goes wrong, there is
//! a final state to post: an INPROGRESS that nobody ends blocks merging for ever.

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
        analysis::{Analyses, AnalysisPlan, CLOUD_URL, Files},
        plan::Settings,
        report_task::{Analysis, End},
    },
    console::{foreign::shown, log::Console, text::rounded},
    explain::tell::tell,
    http::{
        authorization::Authorization,
        client::Client,
        deadline::Deadline,
        failed_request::Service,
        throttle::{Outage, Throttle},
        transport::Transport,
    },
    model::{
        address::{is_exposed, refusal_of_url},
        analysis::Subject,
        outcome::Outcome,
        state::State,
        status::DESCRIPTION_MAX_CHARS,
        verdict::Verdict,
    },
    run::report,
    sonarqube::{
        api::{SonarQube, Task, TaskState, authorization, is_cloud},
        gate::{Gate, Level},
        refusal::Refusal,
    },
};

/// The first pause between two questions for a task; a small analysis takes a second or two.
const FIRST_POLL: Duration = Duration::from_millis(500);
/// The longest, when it goes on.
const LONGEST_POLL: Duration = Duration::from_secs(5);
/// How often the reader is told that it goes on.
const PROGRESS: Duration = Duration::from_secs(15);

/// What all questions of a run to SonarQube know of each other.
#[derive(Debug, Default)]
pub(crate) struct Judging {
    /// Of each server, by its address: one that is away is not waited for by each target.
    paces: RefCell<HashMap<String, Rc<Throttle>>>,
    /// Whether the reader was told that the token travels unencrypted.
    exposed: Cell<bool>,
}

impl Judging {
    fn pace(&self, server: &Url, patience: Duration) -> Rc<Throttle> {
        let mut paces = self.paces.borrow_mut();
        let pace = paces
            .entry(server.to_string())
            .or_insert_with(|| Rc::new(Throttle::new(patience, Outage::default())));
        pace.clone()
    }
}

/// A verdict for every analysis of a plan, in order.
///
/// # Errors
///
/// Only what a defect explains; what goes wrong with SonarQube is a verdict.
pub(crate) async fn judge(
    plan: &AnalysisPlan,
    http: &Transport,
    settings: &Settings,
    judging: &Judging,
    console: &Console,
) -> anyhow::Result<Vec<Verdict>> {
    let judge = Judge { plan, http, settings, console, judging, begun: Instant::now() };
    let scan_failed = plan.scan_exit_code != 0;
    match &plan.analyses {
        Analyses::Project { key, .. } if scan_failed => Ok(vec![judge.scan_failed(Some(key))]),
        Analyses::Project { key, subject } => {
            let server = match &plan.host {
                Some(host) => host.clone(),
                None => Url::parse(CLOUD_URL)?,
            };
            Ok(vec![judge.project(&server, key, subject).await])
        }
        Analyses::Files(Files { found, missing, named, .. }) => {
            let mut verdicts = Vec::new();
            for file in found {
                verdicts.push(judge.file(file, *named).await);
            }
            for name in missing {
                console.failed(format_args!("{} is missing", shown(name)));
                verdicts.push(judge.scan_failed(None));
            }
            if verdicts.is_empty() {
                verdicts.push(judge.scan_failed(None));
            } else if scan_failed && missing.is_empty() && plan.analyses.several() {
                console.warning(format_args!(
                    "the scan ended with exit code {}: projects that it did not get to have no status",
                    plan.scan_exit_code
                ));
            }
            Ok(verdicts)
        }
    }
}

struct Judge<'a> {
    plan: &'a AnalysisPlan,
    http: &'a Transport,
    settings: &'a Settings,
    console: &'a Console,
    judging: &'a Judging,
    begun: Instant,
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

/// A server, and what proves to it who we are.
struct Server<'s> {
    url: &'s Url,
    authorization: Authorization,
    throttle: Rc<Throttle>,
    /// Of the question that is being asked.
    deadline: Deadline,
}

impl Judge<'_> {
    async fn file(&self, file: &Path, named: bool) -> Verdict {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let mut analysis = match Analysis::read(file, named) {
            Ok(analysis) => analysis,
            Err(wrong) => {
                self.console.failed(format_args!("{} {wrong}", file.display()));
                return self.without_gate(NoGate::Failed(format!("{name} {wrong}")), None, None);
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
                let (server, version, task) = (server.clone(), version.clone(), task.clone());
                if let Some(url) = self.plan.host.as_ref().or(server.as_ref()) {
                    let server = self.server(url, version.as_deref());
                    self.gate_of_task(&server, &task, &mut analysis).await
                } else {
                    let wrong = "has no serverUrl that can be used: pass SONAR_HOST_URL";
                    self.console.failed(format_args!("{} {wrong}", file.display()));
                    Err(NoGate::Failed(format!("{name} {wrong}")))
                }
            }
        };
        let Analysis { project, subject, dashboard, .. } = analysis;
        match gate {
            Ok(gate) => self.with_gate(&gate, subject.as_ref(), project, dashboard),
            Err(reason) => self.without_gate(reason, project, dashboard),
        }
    }

    async fn project(&self, url: &Url, key: &str, subject: &Subject) -> Verdict {
        let server = self.server(url, None);
        let (project, link) = (Some(key.to_owned()), Some(dashboard(url, key, subject)));
        match self.gate_of_project(&server, key, subject).await {
            Ok(gate) => self.with_gate(&gate, Some(subject), project, link),
            Err(reason) => self.without_gate(reason, project, link),
        }
    }

    /// Nothing can be asked about a scan that did not get as far as SonarQube: what it has is of an earlier one.
    fn scan_failed(&self, project: Option<&str>) -> Verdict {
        let words = format!("The scan did not finish (exit code {})", self.plan.scan_exit_code);
        self.without_gate(NoGate::Failed(words), project.map(str::to_owned), None)
    }

    /// The gate of the analysis that a task ends in; the task fills in what the file did not tell.
    async fn gate_of_task(
        &self,
        server: &Server<'_>,
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
            analysis.dashboard = Some(dashboard(server.url, project, subject));
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

    async fn gate_of_project(
        &self,
        server: &Server<'_>,
        key: &str,
        subject: &Subject,
    ) -> Result<Gate, NoGate> {
        let gate = self.sonarqube(server).gate_of_project(key, subject).await;
        self.trusted(server, gate, Some(key), subject).await
    }

    /// A gate that can be believed: asked for in another way when Cloud has ended the first one, and not the
    /// NONE that a wrong token is told instead of the truth.
    async fn trusted(
        &self,
        server: &Server<'_>,
        gate: Result<Gate, Box<Refusal>>,
        project: Option<&str>,
        subject: &Subject,
    ) -> Result<Gate, NoGate> {
        let gate = match (gate, project) {
            (Err(refusal), Some(project)) if refusal.is_endpoint_gone() && is_cloud(server.url) => {
                // The first refusal says better what is not there.
                self.sonarqube(server).gate_by_measures(project, subject).await.map_err(|_| refusal)?
            }
            (gate, _) => gate?,
        };
        if gate.level == Level::None
            && self.plan.token.is_some()
            && !self.sonarqube(server).token_is_valid().await?
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

    /// Waits for the end of a task that succeeds.
    async fn wait(&self, server: &Server<'_>, id: &str) -> Result<Task, NoGate> {
        let mut pause = FIRST_POLL;
        let mut told = Instant::now();
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
            if told.elapsed() >= PROGRESS {
                told = Instant::now();
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

    /// The server, and how to authenticate to it.
    fn server<'s>(&self, url: &'s Url, version: Option<&str>) -> Server<'s> {
        if self.plan.token.is_some() && is_exposed(url) && !self.judging.exposed.replace(true) {
            self.console.warning(format_args!(
                "SonarQube's address {url} is http: SONAR_TOKEN goes over the network unencrypted"
            ));
        }
        let authorization = authorization(self.plan.token.as_ref(), url, version);
        let timeout = self.settings.timeout;
        Server {
            url,
            authorization,
            throttle: self.judging.pace(url, timeout),
            deadline: Deadline::after(timeout),
        }
    }

    /// A client for one question: a server that is down is not waited for as long as an analysis that goes on.
    fn sonarqube<'s>(&'s self, server: &'s Server<'_>) -> SonarQube<'s> {
        server.deadline.restart(self.settings.timeout);
        let client = Client {
            transport: self.http,
            console: self.console,
            service: Service::SonarQube,
            authorization: &server.authorization,
            throttle: &server.throttle,
            base_url: server.url,
            deadline: &server.deadline,
            retries: true,
            may_have_been_applied: None,
        };
        SonarQube { client, has_token: self.plan.token.is_some() }
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
        Verdict { state, words, project, link: self.linked(link), outcome }
    }

    fn without_gate(&self, reason: NoGate, project: Option<String>, link: Option<String>) -> Verdict {
        let (words, outcome) = match reason {
            NoGate::Refused(refusal) => {
                tell(&*refusal, self.console);
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
        let link = link.filter(|_| self.plan.linked)?;
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

/// What a gate is about.
fn about(project: Option<&str>, subject: Option<&Subject>) -> String {
    let parts = [project.map(str::to_owned), subject.map(Subject::words)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "the analysis".to_owned() } else { parts.join(", ") }
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
