//! Checks SonarQube: whether the server of each analysis accepts the token and shows the project.

use std::rc::Rc;

use reqwest::{StatusCode, Url};
use secrecy::ExposeSecret as _;

use crate::{
    config::{
        analysis::{AnalysisPlan, AnalysisSource, Files},
        report_task::{Analysis, End},
    },
    model::{
        analysis::{ServerAddress, Subject},
        outcome::Outcome,
    },
    run::{
        check::{CheckRun, TokenKey, tally::Tally},
        context::Server,
    },
    sonarqube::api::SonarQube,
};

/// An analysis, as far as it is known before SonarQube is asked.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there are few of them")]
pub(super) enum CheckedAnalysis {
    /// SonarQube is asked about it.
    Asked {
        server: Option<ServerAddress>,
        version: Option<String>,
        project: Option<String>,
        subject: Subject,
    },
    /// A webhook's file has its gate: SonarQube is not asked.
    Known { project: Option<String> },
    /// The file cannot be read; with what is wrong with it.
    Wrong(String),
}

impl CheckedAnalysis {
    /// The analyses of a plan, in the order of their statuses.
    pub(super) fn all_of(plan: &AnalysisPlan) -> anyhow::Result<Vec<Self>> {
        match &plan.source {
            AnalysisSource::Project { key, subject } => Ok(vec![Self::Asked {
                server: plan.server(None)?,
                version: None,
                project: Some(key.clone()),
                subject: subject.clone(),
            }]),
            AnalysisSource::Files(Files { found, are_named, .. }) => {
                let read = |file: &std::path::PathBuf| match Analysis::read(file, *are_named) {
                    Ok(analysis) => Self::of(analysis, plan),
                    Err(wrong) => Ok(Self::Wrong(format!("{} {wrong}", file.display()))),
                };
                found.iter().map(read).collect()
            }
        }
    }

    fn of(analysis: Analysis, plan: &AnalysisPlan) -> anyhow::Result<Self> {
        let Analysis { project, subject, end, .. } = analysis;
        Ok(match end {
            End::Ask { server, version, .. } => Self::Asked {
                server: plan.server(server.as_ref())?,
                version,
                project,
                subject: subject.unwrap_or(Subject::Main),
            },
            End::Gate(_) | End::Failed => Self::Known { project },
        })
    }

    pub(super) fn project(&self) -> Option<&str> {
        match self {
            Self::Asked { project, .. } | Self::Known { project } => project.as_deref(),
            Self::Wrong(_) => None,
        }
    }
}

impl CheckRun<'_> {
    pub(super) async fn check_sonarqube(
        &self,
        plan: &AnalysisPlan,
        analyses: Vec<CheckedAnalysis>,
        tally: &mut Tally<'_>,
    ) -> anyhow::Result<()> {
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
                CheckedAnalysis::Asked { server: None, .. } => tally.failed(
                    "a report-task.txt has no serverUrl that can be used",
                    "pass SONAR_HOST_URL",
                    Outcome::SonarQubeFailed,
                ),
                CheckedAnalysis::Asked { server: Some(address), version, project, subject } => {
                    let (url, version) = (address.url.clone(), version.as_deref());
                    let server = self.servers.server(address, version, plan, self.context, tally.console);
                    let sonarqube = self.context.sonarqube(&server, tally.console);
                    let known = checked.iter().find(|(known, _)| *known == url).map(|(_, works)| *works);
                    let works = match known {
                        Some(works) => works,
                        None => self.check_token(plan, &server, sonarqube, tally).await,
                    };
                    checked.push((url, works));
                    if let (true, Some(project)) = (works, project) {
                        check_project(&project, &subject, sonarqube, tally).await;
                    }
                }
            }
        }
        Ok(())
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
