//! Asks SonarQube for the verdict: waits for the analysis, then reads its quality gate. Whatever goes wrong, there is a
//! final state to post: an `INPROGRESS` that is never replaced blocks merging for ever.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, HashSet},
    path::Path,
    rc::Rc,
    time::{Duration, Instant},
};

use reqwest::{StatusCode, Url};

use crate::{
    config::{
        analysis::{AnalysisPlan, AnalysisSource, Files},
        report_task::{Analysis, AnalysisFile, End},
    },
    console::{foreign::shown, log::Console},
    explain::{
        no_verdict::NoVerdict,
        sonarqube::for_commit,
        tell::{tell, tell_no_verdict},
    },
    http::{
        deadline::Deadline,
        throttle::{Outage, Throttle},
    },
    model::{
        address::{is_exposed, refusal_of_url},
        analysis::{AddressOrigin, ServerAddress, Subject},
        outcome::Outcome,
        state::State,
        status::DESCRIPTION_MAX_CHARS,
        target::CommitHash,
        timestamp::Timestamp,
        verdict::{JudgedAnalysis, Verdict},
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

/// A question that begins late still gets this time.
const SHORTEST_LIMIT: Duration = Duration::from_secs(1);

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
        let new = || {
            let origin = match address.origin {
                AddressOrigin::Variable => "from SONAR_HOST_URL",
                AddressOrigin::File => "serverUrl of report-task.txt",
                AddressOrigin::Default => "the default without SONAR_HOST_URL",
            };
            let token = if plan.token.is_some() { "gets SONAR_TOKEN" } else { "is asked without a token" };
            console.of_run().line(format_args!("SonarQube at {url} ({origin}) {token}"));
            Rc::new(Throttle::new(timeout.max(plan.timeout), Outage::default()))
        };
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

/// An analysis that a file names, and its task, which has ended.
struct EndedTask<'a> {
    file: &'a AnalysisFile,
    server: Server,
    task: Task,
    /// As the task says; the file fills gaps.
    project: Option<String>,
    subject: Subject,
    dashboard: Option<String>,
}

/// What came of a file.
enum Ending<'a> {
    Task(Box<EndedTask<'a>>),
    /// SonarQube is not asked further.
    Verdict(Verdict),
}

/// Why there is no gate.
enum NoGate {
    /// SonarQube refused a request or could not be reached.
    Refused(Box<Refusal>),
    Reason(NoVerdict),
}

impl From<Box<Refusal>> for NoGate {
    fn from(refusal: Box<Refusal>) -> Self {
        Self::Refused(refusal)
    }
}

impl From<NoVerdict> for NoGate {
    fn from(reason: NoVerdict) -> Self {
        Self::Reason(reason)
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

    /// A verdict for each analysis of the plan.
    ///
    /// # Errors
    ///
    /// Only what a defect of Gatepost explains. A failure of SonarQube is a verdict.
    pub(crate) async fn verdicts(&self) -> anyhow::Result<Vec<Verdict>> {
        match &self.plan.source {
            AnalysisSource::Project { key, subject } => {
                // Without a file of this scan, the gate of the project is that of an earlier one.
                let failed =
                    self.plan.failed_scan().map(|code| self.no_analysis(code, None, Some(key.clone())));
                Ok(vec![match failed {
                    Some(verdict) => verdict,
                    None => self.project(key, subject).await?,
                }])
            }
            AnalysisSource::Files(files) => self.files(files).await,
        }
    }

    async fn files(&self, files: &'a Files) -> anyhow::Result<Vec<Verdict>> {
        let mut endings: Vec<Ending> = Vec::new();
        let mut asked: HashMap<(Option<&Url>, &str), &Path> = HashMap::new();
        for file in &files.found {
            if let Ok(Analysis { end: End::Ask { server, task, .. }, .. }) = &file.content {
                let first = asked.entry((server.as_ref(), task)).or_insert(&file.path);
                if **first != *file.path {
                    let (path, first) = (file.path.display(), first.display());
                    self.console.line(format_args!("{path} names the same analysis as {first}"));
                    continue;
                }
            }
            endings.push(self.ending(file).await?);
        }
        self.drop_older(&mut endings);
        let mut verdicts = Vec::new();
        for ending in endings {
            verdicts.push(match ending {
                Ending::Verdict(verdict) => verdict,
                Ending::Task(ended) => self.verdict_of_task(*ended).await,
            });
        }
        for wrong in &files.unreadable {
            let reason = NoVerdict::WrongFile(wrong.clone());
            verdicts.push(self.without_gate(reason.into(), None, None));
        }
        verdicts.extend(self.verdict_of_missing(files, verdicts.is_empty()));
        Ok(verdicts)
    }

    /// The verdict of the scan as a whole, if it left less than was expected of it.
    fn verdict_of_missing(&self, files: &Files, has_no_other: bool) -> Option<Verdict> {
        for name in &files.missing {
            self.console.failed(format_args!("{} is missing", shown(name)));
        }
        let failed = self.plan.failed_scan();
        let is_missed =
            has_no_other || !files.missing.is_empty() || (failed.is_some() && files.may_be_partial);
        let elsewhere =
            (!files.elsewhere.is_empty() && files.found.is_empty()).then(|| files.elsewhere_in_words());
        is_missed.then(|| self.no_analysis(failed.unwrap_or(0), elsewhere, None))
    }

    /// Waits for the analysis that a file names.
    async fn ending(&self, file: &'a AnalysisFile) -> anyhow::Result<Ending<'a>> {
        let path = file.path.display();
        let analysis = match &file.content {
            Ok(analysis) => analysis,
            Err(wrong) => {
                let reason = NoVerdict::WrongFile(format!("{path} {wrong}"));
                return Ok(Ending::Verdict(self.without_gate(reason.into(), None, None)));
            }
        };
        let Analysis { project, subject, dashboard, revision, end } = analysis;
        let without =
            |reason: NoGate| Ending::Verdict(self.without_gate(reason, project.clone(), dashboard.clone()));
        let (server, version, task) = match end {
            End::Ask { server, version, task } => (server, version, task),
            End::Failed => return Ok(without(NoVerdict::Failed(None).into())),
            End::Gate(gate) => {
                let Some(subject) = subject.clone() else {
                    return Ok(without(NoVerdict::WrongFile(format!("{path} names no branch")).into()));
                };
                let analysis = JudgedAnalysis {
                    subject,
                    revision: revision.clone(),
                    submitted: None,
                    is_of_this_checkout: false,
                    is_named: false,
                    knows_pull_requests: true,
                };
                return Ok(Ending::Verdict(self.with_gate(
                    gate,
                    analysis,
                    project.clone(),
                    dashboard.clone(),
                )));
            }
        };
        let Some(address) = self.plan.server(server.as_ref())? else {
            return Ok(without(NoVerdict::NoServer { file: path.to_string() }.into()));
        };
        let server = self.server(address, version.as_deref());
        let task = match self.wait(&server, task).await {
            Ok(task) => task,
            Err(reason) => return Ok(without(reason)),
        };
        if let Some(contradiction) = contradiction_of_file(file, analysis, &task) {
            return Ok(without(contradiction.into()));
        }
        let project = task.project.clone().or_else(|| project.clone());
        let subject = task.subject.clone().or_else(|| subject.clone()).unwrap_or(Subject::Main);
        let dashboard = dashboard.clone().or_else(|| {
            project.as_deref().map(|project| dashboard_of(&server.address.url, project, &subject))
        });
        Ok(Ending::Task(Box::new(EndedTask { file, server, task, project, subject, dashboard })))
    }

    /// Keeps the newest of several analyses of one project and one pull request or branch.
    fn drop_older(&self, endings: &mut Vec<Ending<'a>>) {
        let mut newest: Vec<(usize, Option<Timestamp>)> = Vec::new();
        let is_same = |a: &EndedTask, b: &EndedTask| {
            a.server.address.url == b.server.address.url
                && a.project.is_some()
                && a.project == b.project
                && a.subject.is_same(&b.subject)
        };
        let mut older = HashSet::new();
        for (number, ending) in endings.iter().enumerate() {
            let Ending::Task(ended) = ending else { continue };
            let submitted = ended.task.submitted;
            let known = newest
                .iter_mut()
                .find(|(known, _)| matches!(&endings[*known], Ending::Task(other) if is_same(ended, other)));
            match known {
                None => newest.push((number, submitted)),
                Some(known) => {
                    let (kept, left) =
                        if submitted > known.1 { (number, known.0) } else { (known.0, number) };
                    *known = (kept, submitted.max(known.1));
                    older.insert(left);
                }
            }
        }
        let mut number = 0;
        endings.retain(|ending| {
            number += 1;
            let is_older = older.contains(&(number - 1));
            if let (true, Ending::Task(ended)) = (is_older, ending) {
                let about = about(ended.project.as_deref(), &ended.subject);
                self.console.warning(format_args!(
                    "{} is left out: there is a newer analysis of {about}",
                    ended.file.path.display()
                ));
            }
            !is_older
        });
    }

    /// The verdict of an analysis whose task has ended.
    async fn verdict_of_task(&self, ended: EndedTask<'_>) -> Verdict {
        let EndedTask { file, server, task, project, subject, dashboard } = ended;
        match self.gate_of_task(&server, &task, project.as_deref(), &subject).await {
            Ok((gate, revision)) => {
                let analysis = JudgedAnalysis {
                    revision,
                    submitted: task.submitted,
                    is_of_this_checkout: is_of_this_checkout(file, task.submitted),
                    is_named: false,
                    knows_pull_requests: is_cloud(&server.address.url),
                    subject,
                };
                self.with_gate(&gate, analysis, project, dashboard)
            }
            Err(reason) => self.without_gate(reason, project, dashboard),
        }
    }

    async fn project(&self, key: &str, subject: &Subject) -> anyhow::Result<Verdict> {
        let Some(address) = self.plan.server(None)? else {
            let reason = NoVerdict::NoServer { file: "the project".to_owned() };
            return Ok(self.without_gate(reason.into(), None, None));
        };
        let (project, link) = (Some(key.to_owned()), Some(dashboard_of(&address.url, key, subject)));
        let server = self.server(address, None);
        Ok(match self.gate_of_project(&server, key, subject).await {
            Ok(gate) => {
                let analysis = JudgedAnalysis {
                    subject: subject.clone(),
                    revision: None,
                    submitted: None,
                    is_of_this_checkout: false,
                    is_named: true,
                    knows_pull_requests: false,
                };
                self.with_gate(&gate, analysis, project, link)
            }
            Err(reason) => self.without_gate(reason, project, link),
        })
    }

    /// No analysis of this scan was found.
    fn no_analysis(&self, exit_code: u8, elsewhere: Option<String>, project: Option<String>) -> Verdict {
        let reason = NoVerdict::NoAnalysis { exit_code, elsewhere };
        self.without_gate(reason.into(), project, None)
    }

    /// The gate of the analysis that a task made, and after a scan that failed the commit of the analysis.
    async fn gate_of_task(
        &self,
        server: &Server,
        task: &Task,
        project: Option<&str>,
        subject: &Subject,
    ) -> Result<(Gate, Option<CommitHash>), NoGate> {
        match task.state {
            TaskState::Success => {}
            TaskState::Cancelled => return Err(NoVerdict::Cancelled.into()),
            TaskState::Failed | TaskState::Unfinished(_) => {
                return Err(NoVerdict::Failed(task.error.clone()).into());
            }
        }
        let gate = match (&task.analysis, project) {
            (Some(id), project) => {
                let gate = self.sonarqube(server).gate_of_analysis(id).await;
                self.trusted(server, gate, project, subject).await?
            }
            (None, Some(project)) => self.gate_of_project(server, project, subject).await?,
            (None, None) => return Err(NoVerdict::Unnamed.into()),
        };
        let revision = match (self.plan.failed_scan(), project, &task.analysis) {
            // The commit proves that the scan made this analysis. Without 'Browse' it is not known.
            (Some(_), Some(project), Some(id)) => {
                self.sonarqube(server).revision(project, subject, id).await.ok().flatten()
            }
            _ => None,
        };
        Ok((gate, revision))
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
            return Err(NoVerdict::TokenNotValid.into());
        }
        Ok(gate)
    }

    /// Waits until a task has ended. A newer task that took its place is waited for instead.
    async fn wait(&self, server: &Server, id: &str) -> Result<Task, NoGate> {
        let mut task = self.wait_for_end(server, id).await?;
        while task.state == TaskState::Cancelled {
            let Some(newer) = self.newer_task(server, &task).await else { break };
            let subject = task.subject.as_ref().unwrap_or(&Subject::Main).in_sentence();
            self.console.line(format_args!("a newer analysis of {subject} took the place of this one"));
            task = match newer.state {
                TaskState::Unfinished(_) => {
                    let id = newer.id.clone().unwrap_or_default();
                    self.wait_for_end(server, &id).await?
                }
                _ => newer,
            };
        }
        Ok(task)
    }

    /// The newest task of the same pull request or branch, if it is newer than this one.
    async fn newer_task(&self, server: &Server, task: &Task) -> Option<Task> {
        let tasks = self.sonarqube(server).tasks_of_project(task.project.as_deref()?).await.ok()?;
        let submitted = task.submitted?;
        let is_newer = |other: &Task| {
            other.subject == task.subject
                && other.id.is_some()
                && other.id != task.id
                && other.submitted.is_some_and(|other| other > submitted)
        };
        tasks.into_iter().filter(is_newer).max_by_key(|task| task.submitted)
    }

    /// Waits until a task has succeeded, failed, or was cancelled. Failures that pass are waited out as well.
    async fn wait_for_end(&self, server: &Server, id: &str) -> Result<Task, NoGate> {
        let mut pause = FIRST_POLL;
        let mut last_progress = Instant::now();
        let mut poll = Poll::default();
        loop {
            let limit = self.context.settings.timeout.min(self.left()).max(SHORTEST_LIMIT);
            server.deadline.restart(limit);
            let answer = self.context.sonarqube(server, self.console).task(id).await;
            let left = self.left();
            let (state, pause_asked) = match answer {
                Ok(task) => {
                    poll = Poll { has_accepted: true, has_odd_answer: false };
                    match task.state {
                        TaskState::Unfinished(ref state) => (state.clone(), None),
                        _ => return Ok(task),
                    }
                }
                Err(refusal) => {
                    if !poll.passes(&refusal) || refusal.failed.retry_after.unwrap_or_default() >= left {
                        return Err(refusal.into());
                    }
                    ("not known".to_owned(), refusal.failed.retry_after)
                }
            };
            if left.is_zero() {
                return Err(NoVerdict::Late { state, timeout: self.plan.timeout }.into());
            }
            if last_progress.elapsed() >= PROGRESS {
                last_progress = Instant::now();
                self.console.line(format_args!(
                    "waiting for the analysis, {} s of {} s, {state}",
                    self.begun.elapsed().as_secs(),
                    self.plan.timeout.as_secs()
                ));
            }
            tokio::time::sleep(pause_asked.unwrap_or(pause).min(left)).await;
            pause = pause.mul_f64(1.5).min(LONGEST_POLL);
        }
    }

    /// The time that is left to wait for analyses.
    fn left(&self) -> Duration {
        self.plan.timeout.saturating_sub(self.begun.elapsed())
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
        analysis: JudgedAnalysis,
        project: Option<String>,
        link: Option<String>,
    ) -> Verdict {
        let about = about(project.as_deref(), &analysis.subject);
        report::gate(gate, &about, self.console);
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
        if gate.level == Level::None && state == State::Failed {
            tell_no_verdict(&NoVerdict::NoGate { about: about.clone() }, self.console);
        }
        let words = gate.words(&about, DESCRIPTION_MAX_CHARS);
        Verdict { analysis: Some(analysis), ..self.verdict(state, &words, project, link, outcome) }
    }

    fn without_gate(&self, reason: NoGate, project: Option<String>, link: Option<String>) -> Verdict {
        let (words, outcome) = match reason {
            NoGate::Refused(refusal) => {
                tell(&*refusal, self.console);
                (for_commit(&refusal), Outcome::SonarQubeFailed)
            }
            NoGate::Reason(reason) => {
                tell_no_verdict(&reason, self.console);
                (reason.to_string(), reason.outcome())
            }
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
            analysis: None,
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

/// What the answers about a task were so far.
#[derive(Debug, Default)]
struct Poll {
    has_accepted: bool,
    /// Whether the last answer was a refusal that passes when it comes alone.
    has_odd_answer: bool,
}

impl Poll {
    /// Whether the wait goes on after a refusal.
    fn passes(&mut self, refusal: &Refusal) -> bool {
        let is_odd = matches!(refusal.status_code(), Some(StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND));
        if is_odd {
            return self.has_accepted && !std::mem::replace(&mut self.has_odd_answer, true);
        }
        refusal.failed.is_transient() && (self.has_accepted || refusal.status_code().is_some())
    }
}

/// What a file says and its task denies.
pub(crate) fn contradiction_of_file(
    file: &AnalysisFile,
    analysis: &Analysis,
    task: &Task,
) -> Option<NoVerdict> {
    let Analysis { project, subject, .. } = analysis;
    let other_project = matches!((project, &task.project), (Some(file), Some(task)) if file != task);
    let other_subject = match (subject, &task.subject) {
        // An address without pull request and branch tells less than the task.
        (Some(Subject::Main), _) => false,
        (Some(file), Some(task)) => !file.is_same(task),
        // A task of a pull request names it; a task of the main branch does not name the branch.
        (Some(Subject::PullRequest(_)), None) => task.project.is_some(),
        _ => false,
    };
    let says = |project: &Option<String>, subject: &Option<Subject>| {
        let subject = subject.as_ref().map_or("main branch".to_owned(), Subject::words);
        project.iter().cloned().chain([subject]).collect::<Vec<_>>().join(", ")
    };
    (other_project || other_subject).then(|| NoVerdict::Contradiction {
        file: file.name().into_owned(),
        file_says: says(project, subject),
        task_says: says(&task.project, &task.subject),
    })
}

/// A scanner writes its file when SonarQube has accepted the analysis.
const WRITTEN_WITHIN: Duration = Duration::from_mins(15);

/// Whether a file was written in this checkout, at the time when the scanner sent the analysis.
fn is_of_this_checkout(file: &AnalysisFile, submitted: Option<Timestamp>) -> bool {
    let (Some(submitted), Some(written_at)) = (submitted, file.written_at) else { return false };
    file.is_newer_than_checkout() == Some(true) && submitted.is_near(written_at, WRITTEN_WITHIN)
}

/// The subject of a gate, in words.
fn about(project: Option<&str>, subject: &Subject) -> String {
    project.map(str::to_owned).into_iter().chain([subject.words()]).collect::<Vec<_>>().join(", ")
}

/// The address of SonarQube's page for a project.
fn dashboard_of(server: &Url, key: &str, subject: &Subject) -> String {
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
