//! Asks SonarQube for the verdict: waits for the analysis, then reads its quality gate. Whatever goes wrong, there is a
//! final state to post: an `INPROGRESS` that is never replaced blocks merging for ever.

pub(crate) mod advice;
mod gate;
mod listed;
pub(crate) mod servers;
mod verdict;
mod wait;

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    time::{Duration, Instant},
};

use reqwest::Url;

use crate::{
    config::{
        analysis::{AnalysisPlan, AnalysisSource},
        analysis_files::Files,
        report_task::{Analysis, AnalysisFile, End, WebhookGate},
    },
    console::log::Console,
    explain::no_verdict::NoVerdict,
    model::{
        analysis::{ServerAddress, Subject, Wanted},
        insights::IssueSource,
        timestamp::Timestamp,
        verdict::{Freshness, JudgedAnalysis, Verdict},
    },
    run::context::{Context, Server},
    sonarqube::{
        api::{SonarQube, Task, is_cloud},
        gate::{Gate, Level},
        refusal::Refusal,
    },
};

use self::{
    listed::Listed,
    servers::Servers,
    verdict::{about, dashboard_of},
};

/// Asks SonarQube for the verdicts of one target.
pub(crate) struct AskSonarQube<'a> {
    plan: &'a AnalysisPlan,
    /// What the status is for, as far as it is known before anything is looked up.
    wanted: Wanted,
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
        wanted: Wanted,
        context: Context<'a>,
        servers: &'a Servers,
        console: &'a Console,
    ) -> Self {
        Self { plan, wanted, context, servers, console, begun: Instant::now() }
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
                let failed = self.plan.failed_scan().map(|exit_code| {
                    let reason = NoVerdict::NoAnalysis {
                        exit_code,
                        missing: Vec::new(),
                        elsewhere: None,
                        is_beside_others: false,
                    };
                    self.without_gate(reason.into(), Some(key.clone()), None)
                });
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
        let mut asked: HashMap<(Option<Url>, &str), &Path> = HashMap::new();
        for file in &files.found {
            if let Ok(Analysis { end: End::Ask { server, task, .. }, .. }) = &file.content {
                let server = self.plan.server(server.as_ref())?.map(|address| address.url);
                let first = asked.entry((server, task)).or_insert(&file.path);
                if **first != *file.path {
                    let (path, first) = (file.path.display(), first.display());
                    self.console.line(format_args!("{path} names the same analysis as {first}"));
                    continue;
                }
            }
            endings.push(self.ending(file).await?);
        }
        self.drop_older(&mut endings);
        let knowing: HashSet<Url> = endings.iter().filter_map(server_that_knows_branches).cloned().collect();
        let mut verdicts = Vec::new();
        for ending in endings {
            verdicts.push(match ending {
                Ending::Verdict(verdict) => verdict,
                Ending::Task(ended) => {
                    let knows_branches = knowing.contains(&ended.server.address.url);
                    self.verdict_of_task(*ended, knows_branches).await
                }
            });
        }
        for wrong in &files.unreadable {
            let reason = NoVerdict::WrongFile(wrong.clone());
            verdicts.push(self.without_gate(reason.into(), None, None));
        }
        let missing = self.missing(files, verdicts.is_empty());
        verdicts.extend(missing.map(|reason| self.without_gate(reason.into(), None, None)));
        // What is not known of the scan comes last.
        verdicts.sort_by_key(|verdict| verdict.project.is_none() && verdict.analysis.is_none());
        Ok(verdicts)
    }

    /// Why the scan as a whole has no verdict, if it left less than was expected of it. `has_no_other` when nothing else is
    /// told of it.
    pub(crate) fn missing(&self, files: &Files, has_no_other: bool) -> Option<NoVerdict> {
        let failed = self.plan.failed_scan();
        // What cannot be read is red already.
        let is_partial = failed.is_some() && files.may_be_partial && files.unreadable.is_empty();
        if self.plan.may_be_empty() {
            return None;
        }
        let is_missed = has_no_other || !files.missing.is_empty() || is_partial;
        let elsewhere = files.elsewhere_in_words().filter(|_| files.found.is_empty());
        is_missed.then(|| NoVerdict::NoAnalysis {
            exit_code: failed.unwrap_or(0),
            missing: files.missing.clone(),
            elsewhere,
            is_beside_others: !files.found.is_empty(),
        })
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
        let Analysis { project, subject, dashboard, end } = analysis;
        let without =
            |reason: NoGate| Ending::Verdict(self.without_gate(reason, project.clone(), dashboard.clone()));
        let (server, version, task) = match end {
            End::Ask { server, version, task } => (server, version, task),
            End::Failed => return Ok(without(NoVerdict::FailedByWebhook.into())),
            End::Cancelled => return Ok(without(NoVerdict::CancelledByWebhook.into())),
            End::Gate(webhook) => {
                let Some(subject) = subject.clone() else {
                    return Ok(without(NoVerdict::WrongFile(format!("{path} names no branch")).into()));
                };
                let analysis = of_webhook(webhook, subject);
                let source = self.source_of_webhook(project.clone(), &analysis.subject, &file.path)?;
                let gate = self.advised(webhook.gate.clone());
                let verdict = self.with_gate(&gate, analysis, project.clone(), dashboard.clone(), source);
                return Ok(Ending::Verdict(verdict));
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
            // The address in the file is not believed either.
            return Ok(Ending::Verdict(self.without_gate(contradiction.into(), project.clone(), None)));
        }
        let project = task.project.clone().or_else(|| project.clone());
        let Some(subject) = subject_of(&task, subject.as_ref()) else {
            return Ok(Ending::Verdict(self.without_gate(NoVerdict::UnknownSubject.into(), project, None)));
        };
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
                // SonarQube tells whole seconds: of two analyses at one time, both count.
                Some(known) if submitted.is_some() && known.1.is_some() && submitted != known.1 => {
                    let (kept, left) =
                        if submitted > known.1 { (number, known.0) } else { (known.0, number) };
                    *known = (kept, submitted.max(known.1));
                    older.insert(left);
                }
                _ => newest.push((number, submitted)),
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

    /// The verdict of an analysis whose task has ended. `knows_branches` when the server is known to know branches.
    async fn verdict_of_task(&self, ended: EndedTask<'_>, knows_branches: bool) -> Verdict {
        let EndedTask { file, server, task, project, subject, dashboard } = ended;
        let gate = match self.gate_of_task(&server, &task, project.as_deref(), &subject).await {
            Ok(gate) => gate,
            Err(reason) => return self.without_gate(reason, project, dashboard),
        };
        let freshness = freshness(file, &task);
        let is_undated = freshness == Freshness::Unknown && may_be_green(&gate);
        let listed =
            self.listed(&server, project.as_deref(), &subject, task.analysis.as_deref(), is_undated).await;
        let analysis = JudgedAnalysis {
            submitted: task.submitted,
            freshness,
            knows_branches: knows_branches || listed.knows_branches,
            ..listed.judged(subject)
        };
        let source = project.clone().map(|project| IssueSource {
            server: server.address.clone(),
            server_version: server.version.clone(),
            project,
            subject: analysis.subject.clone(),
            file: Some(file.path.clone()),
        });
        self.with_gate(&gate, analysis, project, dashboard, source)
    }

    /// The server of a webhook gets the token only where the user names it.
    fn source_of_webhook(
        &self,
        project: Option<String>,
        subject: &Subject,
        file: &Path,
    ) -> anyhow::Result<Option<IssueSource>> {
        let (Some(server), Some(project)) = (self.plan.server(None)?, project) else { return Ok(None) };
        let (subject, file) = (subject.clone(), Some(file.to_owned()));
        Ok(Some(IssueSource { server, server_version: None, project, subject, file }))
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
                let listed = self.listed(&server, Some(key), subject, None, may_be_green(&gate)).await;
                let analysis = JudgedAnalysis { is_named: true, ..listed.judged(subject.clone()) };
                let source = IssueSource {
                    server: server.address.clone(),
                    server_version: None,
                    project: key.to_owned(),
                    subject: subject.clone(),
                    file: None,
                };
                self.with_gate(&gate, analysis, project, link, Some(source))
            }
            Err(reason) => self.without_gate(reason, project, link),
        })
    }

    fn server(&self, address: ServerAddress, version: Option<&str>) -> Server {
        self.servers.server(address, version, self.plan, self.context, self.console)
    }

    /// A client for one question. `TIMEOUT` is for each question, and `SONAR_TIMEOUT` for the analysis.
    pub(crate) fn sonarqube<'s>(&'s self, server: &'s Server) -> SonarQube<'s> {
        server.deadline.restart(self.context.settings.timeout);
        self.context.sonarqube(server, self.console)
    }
}

/// Whether the verdict of a gate may be green: a gate that was not computed may be, with `ON_NO_GATE`.
const fn may_be_green(gate: &Gate) -> bool {
    matches!(gate.level, Level::Ok | Level::Warn | Level::Advice | Level::None)
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
    let says = |project: &Option<String>, subject: Option<&Subject>| {
        project.iter().cloned().chain(subject.map(Subject::words)).collect::<Vec<_>>().join(", ")
    };
    (other_project || other_subject).then(|| NoVerdict::Contradiction {
        file: file.name().into_owned(),
        file_says: says(project, subject.as_ref()),
        task_says: says(&task.project, Some(task.subject.as_ref().unwrap_or(&Subject::Main))),
    })
}

/// What a task analysed. A task that names its project names the pull request or branch as well, unless it is of the main
/// branch; the file says it only for a server that tells nothing. `None` when neither says it.
pub(crate) fn subject_of(task: &Task, file: Option<&Subject>) -> Option<Subject> {
    match (&task.subject, &task.project) {
        (Some(subject), _) => Some(subject.clone()),
        (None, Some(_)) => Some(Subject::Main),
        (None, None) => file.cloned(),
    }
}

/// The server of an analysis of a pull request or branch: Community Build has none.
fn server_that_knows_branches<'e>(ending: &'e Ending<'_>) -> Option<&'e Url> {
    match ending {
        Ending::Task(ended) if ended.subject != Subject::Main => Some(&ended.server.address.url),
        Ending::Task(_) | Ending::Verdict(_) => None,
    }
}

/// The analysis of a webhook. If the webhook names no commit, its branches are believed: an analysis of the main branch is
/// no verdict about another branch.
pub(crate) fn of_webhook(webhook: &WebhookGate, subject: Subject) -> JudgedAnalysis {
    let WebhookGate { revision, main_branch, analysed_at, server, .. } = webhook;
    let knows_branches = server.as_ref().is_some_and(is_cloud) || revision.is_none();
    let listed = Listed {
        revision: revision.clone(),
        main_branch: main_branch.clone(),
        knows_branches,
        ..Listed::default()
    };
    JudgedAnalysis { submitted: *analysed_at, ..listed.judged(subject) }
}

/// A scanner writes its file when SonarQube has accepted the analysis.
const WRITTEN_WITHIN: Duration = Duration::from_mins(15);

/// What the file that names an analysis tells of its time. Of a task that took the place of the one that the file names, it
/// tells nothing.
pub(crate) fn freshness(file: &AnalysisFile, task: &Task) -> Freshness {
    if file.task().is_some_and(|named| task.id.as_deref().is_some_and(|id| id != named)) {
        return Freshness::Unknown;
    }
    match (task.submitted, file.written_at, file.is_newer_than_checkout()) {
        (Some(submitted), Some(written_at), _) if !submitted.is_near(written_at, WRITTEN_WITHIN) => {
            Freshness::Unknown
        }
        (Some(_), Some(_), Some(true)) => Freshness::OfThisCheckout,
        (Some(_), Some(_), None) if file.is_recent() => Freshness::Recent,
        _ => Freshness::Unknown,
    }
}
