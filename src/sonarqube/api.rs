//! SonarQube's web API (Server, Cloud, Community Build): one function per endpoint, and wire types that never
//! leave. <https://docs.sonarsource.com/sonarqube-server/extension-guide/web-api>
//!
//! Answers differ between versions and editions: every field that is not needed may be missing, and numbers
//! and text stand for each other.

use reqwest::{StatusCode, Url};
use serde_json::{Value, json};

use crate::{
    http::{
        client::Client,
        refusal::{Came, Purpose, Refusal},
    },
    model::analysis::Subject,
    sonarqube::gate::{Gate, text},
};

/// A client of one SonarQube for one run.
#[derive(Debug, Clone, Copy)]
pub struct SonarQube<'a>(pub Client<'a>);

/// The background task that computes an analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// How far it is.
    pub state: TaskState,
    /// The analysis, once there is one.
    pub analysis: Option<String>,
    /// What went wrong, in SonarQube's words.
    pub error: Option<String>,
    /// The project's key.
    pub project: Option<String>,
    /// What is analysed, when it is not the main branch.
    pub subject: Option<Subject>,
}

/// How far a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskState {
    /// Done, and there is a gate.
    Success,
    /// Ended with an error.
    Failed,
    /// Taken out of the queue.
    Cancelled,
    /// Not done, with SonarQube's word for it.
    Unfinished(String),
}

impl SonarQube<'_> {
    /// A background task.
    ///
    /// `GET api/ce/task?id=`; needs 'Execute Analysis' on the project.
    ///
    /// # Errors
    ///
    /// When SonarQube refuses it or cannot be reached.
    pub async fn task(&self, id: &str) -> Result<Task, Box<Refusal>> {
        let url = self.url("api/ce/task", &[("id", id)]);
        let understand = |answer: Value| {
            let task = answer.get("task")?;
            let field = |name: &str| text(task.get(name));
            let subject = match (field("pullRequest"), field("branch")) {
                (Some(id), _) => Some(Subject::PullRequest(id)),
                (None, Some(branch)) => Some(Subject::Branch(branch)),
                (None, None) => None,
            };
            Some(Task {
                state: match field("status")?.as_str() {
                    "SUCCESS" => TaskState::Success,
                    "FAILED" => TaskState::Failed,
                    "CANCELED" => TaskState::Cancelled,
                    other => TaskState::Unfinished(other.to_lowercase().replace('_', " ")),
                },
                analysis: field("analysisId"),
                error: field("errorMessage"),
                project: field("componentKey"),
                subject,
            })
        };
        self.0.get(Purpose::AskSonarQube("ask for the analysis task"), url, understand).await
    }

    /// The gate as it was computed for an analysis.
    ///
    /// `GET api/qualitygates/project_status?analysisId=`; needs 'Execute Analysis' (from 9.5) or 'Browse'.
    ///
    /// # Errors
    ///
    /// When SonarQube refuses it or cannot be reached.
    pub async fn gate_of_analysis(&self, analysis: &str) -> Result<Gate, Box<Refusal>> {
        self.project_status(&[("analysisId", analysis)]).await
    }

    /// The gate of a project as it is now.
    ///
    /// `GET api/qualitygates/project_status?projectKey=[&pullRequest=|&branch=]`; needs 'Browse'.
    ///
    /// # Errors
    ///
    /// When SonarQube refuses it or cannot be reached.
    pub async fn gate_of_project(&self, project: &str, subject: &Subject) -> Result<Gate, Box<Refusal>> {
        let mut query = vec![("projectKey", project)];
        query.extend(of_subject(subject));
        self.project_status(&query).await
    }

    /// The gate of a project as its measures tell it, for the day when SonarQube Cloud ends
    /// `api/qualitygates/project_status`, which it calls deprecated.
    ///
    /// `GET api/measures/component?metricKeys=alert_status,quality_gate_details`; needs 'Browse'.
    ///
    /// # Errors
    ///
    /// When SonarQube refuses it or cannot be reached.
    pub async fn gate_by_measures(&self, project: &str, subject: &Subject) -> Result<Gate, Box<Refusal>> {
        let mut query = vec![("component", project), ("metricKeys", "alert_status,quality_gate_details")];
        query.extend(of_subject(subject));
        let url = self.url("api/measures/component", &query);
        let understand = |answer: Value| {
            let measures = answer.pointer("/component/measures")?.as_array()?;
            let value = |wanted: &str| {
                measures
                    .iter()
                    .find(|measure| measure.get("metric").is_some_and(|metric| metric == wanted))?
                    .get("value")
            };
            // The details are JSON within a text; without them the status alone is the gate.
            let details = value("quality_gate_details")
                .and_then(|details| serde_json::from_str(details.as_str()?).ok());
            let nothing = || json!({ "status": value("alert_status").unwrap_or(&json!("NONE")) });
            Some(Gate::read(&details.unwrap_or_else(nothing)))
        };
        self.0.get(Purpose::AskSonarQube("ask for the gate's measures"), url, understand).await
    }

    /// Whether the token is one. A gate of NONE may stand for a project that a wrong token may not see.
    ///
    /// `GET api/authentication/validate`; always answers.
    ///
    /// # Errors
    ///
    /// When SonarQube cannot be reached.
    pub async fn token_is_valid(&self) -> Result<bool, Box<Refusal>> {
        let url = self.url("api/authentication/validate", &[]);
        let understand = |answer: Value| answer.get("valid")?.as_bool();
        self.0.get(Purpose::AskSonarQube("check the token"), url, understand).await
    }

    async fn project_status(&self, query: &[(&str, &str)]) -> Result<Gate, Box<Refusal>> {
        let url = self.url("api/qualitygates/project_status", query);
        let understand = |answer: Value| answer.get("projectStatus").map(Gate::read);
        self.0.get(Purpose::AskSonarQube("ask for the quality gate"), url, understand).await
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.0.url(path.split('/'));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }
}

/// Whether an address of SonarQube is the Cloud's: <https://docs.sonarsource.com/sonarqube-cloud/getting-started/us-region>.
pub fn is_cloud(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    ["sonarcloud.io", "sonarqube.us"]
        .iter()
        .any(|cloud| host == *cloud || host.ends_with(&format!(".{cloud}")))
}

/// Whether a refusal says that there is no such address any more, rather than no such analysis or project.
pub fn is_gone(refusal: &Refusal) -> bool {
    match &refusal.came {
        Came::Refused(answer) if answer.status == StatusCode::GONE => true,
        Came::Refused(answer) if answer.status == StatusCode::NOT_FOUND => {
            !String::from_utf8_lossy(&answer.body).contains("not found")
        }
        _ => false,
    }
}

fn of_subject(subject: &Subject) -> Option<(&'static str, &str)> {
    match subject {
        Subject::PullRequest(id) => Some(("pullRequest", id)),
        Subject::Branch(branch) => Some(("branch", branch)),
        Subject::Main => None,
    }
}
