//! Asks SonarQube for the verdict: waits for the analysis, then reads its quality gate. Whatever goes wrong, there is a
//! final state to post: an `INPROGRESS` that is never replaced blocks merging for ever.

mod gate;
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
        report_task::{Analysis, AnalysisFile, End},
    },
    console::{foreign::shown, log::Console},
    explain::no_verdict::NoVerdict,
    model::{
        analysis::{ServerAddress, Subject},
        timestamp::Timestamp,
        verdict::{JudgedAnalysis, Verdict},
    },
    run::context::{Context, Server},
    sonarqube::{
        api::{SonarQube, Task, is_cloud},
        refusal::Refusal,
    },
};

use self::{
    servers::Servers,
    verdict::{about, dashboard_of},
};

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
            // The address in the file is not believed either.
            return Ok(Ending::Verdict(self.without_gate(contradiction.into(), project.clone(), None)));
        }
        let project = task.project.clone().or_else(|| project.clone());
        let subject = subject_of(&task, subject.as_ref());
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

    fn server(&self, address: ServerAddress, version: Option<&str>) -> Server {
        self.servers.server(address, version, self.plan, self.context, self.console)
    }

    /// A client for one question. `TIMEOUT` is for each question, and `SONAR_TIMEOUT` for the analysis.
    fn sonarqube<'s>(&'s self, server: &'s Server) -> SonarQube<'s> {
        server.deadline.restart(self.context.settings.timeout);
        self.context.sonarqube(server, self.console)
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

/// What a task analysed. A task that names its project names the pull request or branch as well, unless it is of the main
/// branch; the file says it only for a server that tells nothing.
pub(crate) fn subject_of(task: &Task, file: Option<&Subject>) -> Subject {
    let file = file.filter(|_| task.project.is_none());
    task.subject.as_ref().or(file).cloned().unwrap_or(Subject::Main)
}

/// A scanner writes its file when SonarQube has accepted the analysis.
const WRITTEN_WITHIN: Duration = Duration::from_mins(15);

/// Whether a file was written in this checkout, at the time when the scanner sent the analysis.
fn is_of_this_checkout(file: &AnalysisFile, submitted: Option<Timestamp>) -> bool {
    let (Some(submitted), Some(written_at)) = (submitted, file.written_at) else { return false };
    file.is_newer_than_checkout() == Some(true) && submitted.is_near(written_at, WRITTEN_WITHIN)
}
