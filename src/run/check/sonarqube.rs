//! Checks SonarQube: whether the server of each analysis accepts the token and shows the project.

use std::rc::Rc;

use reqwest::{StatusCode, Url};
use secrecy::ExposeSecret as _;

use crate::{
    config::{
        analysis::{AnalysisPlan, AnalysisSource},
        analysis_files::Files,
        report_task::{Analysis, AnalysisFile, End},
    },
    model::{
        analysis::{ServerAddress, Subject, Wanted},
        outcome::Outcome,
        verdict::JudgedAnalysis,
    },
    run::{
        ask_sonarqube::{contradiction_of_file, subject_of},
        check::{CheckRun, TokenKey, tally::Tally},
        compare_analysis::contradiction,
        context::Server,
    },
    sonarqube::api::{SonarQube, Task, is_cloud},
};

/// An analysis, as far as it is known before SonarQube is asked.
#[derive(Debug)]
pub(super) enum CheckedAnalysis<'a> {
    /// SonarQube is asked about it.
    Asked(Box<AskedAnalysis<'a>>),
    /// A webhook's file has its gate: SonarQube is not asked.
    Known { project: Option<String> },
    /// The file cannot be used; with what is wrong with it.
    Wrong(String),
}

/// An analysis that SonarQube is asked about.
#[derive(Debug)]
pub(super) struct AskedAnalysis<'a> {
    /// `None` when a file names no server.
    address: Option<ServerAddress>,
    version: Option<String>,
    project: Option<String>,
    subject: Subject,
    /// The file that names it, and its task.
    task: Option<(&'a AnalysisFile, &'a Analysis, &'a str)>,
}

impl<'a> CheckedAnalysis<'a> {
    /// The analyses of a plan, in the order of their statuses.
    pub(super) fn all_of(plan: &'a AnalysisPlan) -> anyhow::Result<Vec<Self>> {
        match &plan.source {
            AnalysisSource::Project { key, subject } => Ok(vec![Self::Asked(Box::new(AskedAnalysis {
                address: plan.server(None)?,
                version: None,
                project: Some(key.clone()),
                subject: subject.clone(),
                task: None,
            }))]),
            AnalysisSource::Files(Files { found, unreadable, .. }) => {
                let wrong = unreadable.iter().map(|wrong| Ok(Self::Wrong(wrong.clone())));
                found.iter().map(|file| Self::of(file, plan)).chain(wrong).collect()
            }
        }
    }

    fn of(file: &'a AnalysisFile, plan: &AnalysisPlan) -> anyhow::Result<Self> {
        let analysis = match &file.content {
            Ok(analysis) => analysis,
            Err(wrong) => return Ok(Self::Wrong(format!("{} {wrong}", file.path.display()))),
        };
        let Analysis { project, subject, end, .. } = analysis;
        Ok(match end {
            End::Ask { server, version, task } => Self::Asked(Box::new(AskedAnalysis {
                address: plan.server(server.as_ref())?,
                version: version.clone(),
                project: project.clone(),
                subject: subject.clone().unwrap_or(Subject::Main),
                task: Some((file, analysis, task)),
            })),
            End::Gate(_) | End::Failed => Self::Known { project: project.clone() },
        })
    }

    pub(super) fn project(&self) -> Option<&str> {
        match self {
            Self::Asked(asked) => asked.project.as_deref(),
            Self::Known { project } => project.as_deref(),
            Self::Wrong(_) => None,
        }
    }
}

impl CheckRun<'_> {
    pub(super) async fn check_sonarqube(
        &self,
        plan: &AnalysisPlan,
        analyses: Vec<CheckedAnalysis<'_>>,
        wanted: &Wanted,
        tally: &mut Tally<'_>,
    ) {
        if plan.names_nothing() {
            tally.notable(
                "SonarQube was not checked: nothing names an analysis yet (SONAR_PROJECT_KEY, SONAR_REPORT_TASK, or a report-task.txt here)",
                "pass SONAR_PROJECT_KEY to check SonarQube as well; a run that publishes needs one of them, or STATE",
            );
        }
        let mut checked: Vec<(Url, bool)> = Vec::new();
        for analysis in analyses {
            match analysis {
                CheckedAnalysis::Wrong(wrong) => tally.failed(
                    wrong,
                    "check what the scanner wrote there, or pass SONAR_REPORT_TASK",
                    Outcome::SonarQubeFailed,
                ),
                CheckedAnalysis::Known { project } => {
                    let project = project.unwrap_or_else(|| "an unnamed project".to_owned());
                    tally.passed(format_args!("the file of a webhook has the gate of {project}"));
                }
                CheckedAnalysis::Asked(asked) => {
                    self.check_asked(plan, *asked, wanted, &mut checked, tally).await;
                }
            }
        }
    }

    /// `checked` has the servers that were asked for this target, and whether they can be asked further.
    async fn check_asked(
        &self,
        plan: &AnalysisPlan,
        asked: AskedAnalysis<'_>,
        wanted: &Wanted,
        checked: &mut Vec<(Url, bool)>,
        tally: &mut Tally<'_>,
    ) {
        let AskedAnalysis { address, version, project, subject, task } = asked;
        let Some(address) = address else {
            return tally.failed(
                "a report-task.txt has no serverUrl that can be used",
                "pass SONAR_HOST_URL",
                Outcome::SonarQubeFailed,
            );
        };
        let url = address.url.clone();
        let server = self.servers.server(address, version.as_deref(), plan, self.context, tally.console);
        let sonarqube = self.context.sonarqube(&server, tally.console);
        let known = checked.iter().find(|(known, _)| *known == url).map(|(_, works)| *works);
        let works = match known {
            Some(works) => works,
            None => self.check_token(plan, &server, sonarqube, tally).await,
        };
        checked.push((url, works));
        if !works {
            return;
        }
        let subject = match task {
            Some((file, analysis, id)) => {
                match check_task(file, analysis, id, wanted, sonarqube, tally).await {
                    Some(task) => task.subject.unwrap_or(subject),
                    None => return,
                }
            }
            None => subject,
        };
        if let Some(project) = project {
            check_project(&project, &subject, sonarqube, tally).await;
        }
    }

    /// Returns whether SonarQube can be asked further.
    async fn check_token(
        &self,
        plan: &AnalysisPlan,
        server: &Server,
        sonarqube: SonarQube<'_>,
        tally: &mut Tally<'_>,
    ) -> bool {
        let url = &server.address.url;
        let Some(token) = &plan.token else {
            tally.notable(
                format_args!("SONAR_TOKEN is not set: SonarQube at {url} shows public projects only"),
                "pass SONAR_TOKEN, the token that the scanner uses",
            );
            return true;
        };
        // Most targets of a list have the same server and token.
        let key = (url.clone(), TokenKey(token.expose_secret().to_owned()));
        let find = async { sonarqube.token_is_valid().await.map_err(Rc::from) };
        match self.tokens.get(&key, sonarqube.client.deadline, false, find).await {
            Ok(true) => {
                tally.passed(format_args!("SonarQube at {url} accepts SONAR_TOKEN"));
                return true;
            }
            Ok(false) => tally.failed(
                format_args!("SonarQube at {url} does not accept SONAR_TOKEN"),
                "create a token in SonarQube (My Account > Security) and save it in SONAR_TOKEN; check that it belongs to the server at SONAR_HOST_URL",
                Outcome::SonarQubeFailed,
            ),
            Err(refusal) => tally.refused(&*refusal),
        }
        false
    }
}

/// Asks for the task of a file once, and compares the analysis with the target as a run that publishes does. Returns the
/// task when that run would get its gate.
async fn check_task(
    file: &AnalysisFile,
    analysis: &Analysis,
    id: &str,
    wanted: &Wanted,
    sonarqube: SonarQube<'_>,
    tally: &mut Tally<'_>,
) -> Option<Task> {
    let task = match sonarqube.task(id).await {
        Ok(task) => task,
        Err(refusal) => {
            tally.refused(&*refusal);
            return None;
        }
    };
    let judged = JudgedAnalysis {
        subject: subject_of(&task, analysis.subject.as_ref()),
        revision: None,
        submitted: task.submitted,
        is_of_this_checkout: false,
        is_named: false,
        knows_pull_requests: is_cloud(&sonarqube.address.url),
    };
    let reason = contradiction_of_file(file, analysis, &task).or_else(|| contradiction(&judged, wanted));
    if let Some(reason) = reason {
        tally.no_verdict(&reason);
        return None;
    }
    tally.passed(format_args!("SonarQube knows the analysis of {}", file.path.display()));
    Some(task)
}

async fn check_project(key: &str, subject: &Subject, sonarqube: SonarQube<'_>, tally: &mut Tally<'_>) {
    let mut gate = sonarqube.gate_of_project(key, subject).await;
    // A pull request has no gate before its first analysis.
    let is_not_found =
        gate.as_ref().is_err_and(|refusal| refusal.status_code() == Some(StatusCode::NOT_FOUND));
    let is_new = is_not_found && *subject != Subject::Main;
    if is_new {
        gate = sonarqube.gate_of_project(key, &Subject::Main).await;
    }
    match gate {
        Ok(_) if is_new => tally.notable(
            format_args!("the token can read the project {key}, which has no analysis of {} yet", subject.words()),
            "that is fine before the first analysis; the Community Build does not have pull requests and branches",
        ),
        Ok(_) => tally.passed(format_args!("the token can read the project {key}")),
        Err(refusal) => tally.refused(&*refusal),
    }
}
