//! SonarQube's web API (Server, Cloud, Community Build): one function for each endpoint. <https://docs.sonarsource.com/sonarqube-server/extension-guide/web-api>
//!
//! Answers differ between versions and editions: a field that is not needed may be missing, and a number may be text.

use reqwest::Url;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::{
    console::{foreign::shown, text::words_of_html},
    http::{authorization::Authorization, client::Client, failed_request::Unusable},
    model::{
        analysis::{ServerAddress, Subject},
        target::CommitHash,
        timestamp::Timestamp,
    },
    sonarqube::{
        gate::{Gate, text},
        refusal::{Refusal, TimeLimit},
    },
};

/// A client of one SonarQube.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SonarQube<'a> {
    pub(crate) client: Client<'a>,
    /// Whether the requests carry `SONAR_TOKEN`.
    pub(crate) has_token: bool,
    pub(crate) address: &'a ServerAddress,
    /// As the file of a scanner says it.
    pub(crate) version: Option<&'a str>,
}

/// The background task that computes an analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) id: Option<String>,
    pub(crate) state: TaskState,
    /// The id of the analysis, after the task has succeeded.
    pub(crate) analysis: Option<String>,
    /// SonarQube's error message.
    pub(crate) error: Option<String>,
    /// The key of the project.
    pub(crate) project: Option<String>,
    /// `None` for the main branch.
    pub(crate) subject: Option<Subject>,
    /// When the scanner sent the analysis.
    pub(crate) submitted: Option<Timestamp>,
}

/// A pull request that SonarQube has analysed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AnalysedPullRequest {
    /// SonarQube's name for it.
    pub(crate) id: String,
    /// The branch that it comes from.
    pub(crate) branch: Option<String>,
    /// The commit of the latest analysis; only SonarQube Cloud names it.
    pub(crate) commit: Option<CommitHash>,
    /// When the latest analysis was made.
    pub(crate) analysed_at: Option<Timestamp>,
}

/// A branch that SonarQube has analysed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AnalysedBranch {
    pub(crate) name: String,
    pub(crate) is_main: bool,
    /// The commit of the latest analysis; only SonarQube Cloud names it.
    pub(crate) commit: Option<CommitHash>,
    /// When the latest analysis was made.
    pub(crate) analysed_at: Option<Timestamp>,
}

/// The state of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TaskState {
    /// It has ended, and there is a gate.
    Success,
    /// It has ended with an error.
    Failed,
    /// It was taken out of the queue.
    Cancelled,
    /// It has not ended; with SonarQube's word for the state.
    Unfinished(String),
}

impl Task {
    fn read(task: &Value) -> Option<Self> {
        let field = |name: &str| text(task.get(name));
        let subject = match (field("pullRequest"), field("branch")) {
            (Some(id), _) => Some(Subject::PullRequest(id)),
            (None, Some(branch)) => Some(Subject::Branch(branch)),
            (None, None) => None,
        };
        Some(Self {
            id: field("id"),
            state: match field("status")?.as_str() {
                "SUCCESS" => TaskState::Success,
                "FAILED" => TaskState::Failed,
                "CANCELED" => TaskState::Cancelled,
                other => TaskState::Unfinished(other.to_lowercase().replace('_', " ")),
            },
            analysis: field("analysisId"),
            error: field("errorMessage").map(|error| words_of_html(&error)),
            project: field("componentKey"),
            subject,
            submitted: field("submittedAt").as_deref().and_then(Timestamp::parse),
        })
    }
}

impl SonarQube<'_> {
    /// A background task.
    ///
    /// `GET api/ce/task?id=`; needs 'Execute Analysis' on the project.
    ///
    /// # Errors
    ///
    /// When SonarQube refuses it or cannot be reached.
    pub(crate) async fn task(&self, id: &str) -> Result<Task, Box<Refusal>> {
        let url = self.url("api/ce/task", &[("id", id)]);
        let check = |answer: Value| {
            let task = answer.get("task").and_then(Task::read).ok_or(Unusable::Undocumented)?;
            match &task.id {
                Some(other) if other != id => {
                    Err(Unusable::Other(format!("the answer is of the task {}", shown(other))))
                }
                _ => Ok(task),
            }
        };
        self.get_checked("ask for the analysis task", url, check).await
    }

    /// The tasks of a project: those in the queue, and the last one that ended.
    ///
    /// `GET api/ce/component?component=`; needs 'Browse'.
    ///
    /// # Errors
    ///
    /// When SonarQube refuses it or cannot be reached.
    pub(crate) async fn tasks_of_project(&self, project: &str) -> Result<Vec<Task>, Box<Refusal>> {
        let url = self.url("api/ce/component", &[("component", project)]);
        let understand = |answer: Value| {
            let queue = answer.get("queue")?.as_array()?.iter();
            Some(queue.chain(answer.get("current")).filter_map(Task::read).collect())
        };
        self.get("ask for the tasks of the project", url, understand).await
    }

    /// The commit of an analysis of a branch, if SonarQube names it.
    ///
    /// `GET api/project_analyses/search?project=[&branch=]`; needs 'Browse'.
    ///
    /// # Errors
    ///
    /// When SonarQube refuses it or cannot be reached.
    pub(crate) async fn revision(
        &self,
        project: &str,
        branch: &Subject,
        analysis: &str,
    ) -> Result<Option<CommitHash>, Box<Refusal>> {
        let mut query = vec![("project", project)];
        query.extend(of_subject(branch));
        let url = self.url("api/project_analyses/search", &query);
        let understand = |answer: Value| {
            let of_it = |item: &&Value| item.get("key").is_some_and(|key| key == analysis);
            let found = answer.get("analyses")?.as_array()?.iter().find(of_it);
            Some(found.and_then(|found| commit(found.get("revision"))))
        };
        self.get("ask for the commit of the analysis", url, understand).await
    }

    /// The pull requests that SonarQube has analysed. Community Build has none.
    ///
    /// `GET api/project_pull_requests/list?project=`; needs 'Browse' or 'Execute Analysis'.
    ///
    /// # Errors
    ///
    /// When SonarQube refuses it or cannot be reached.
    pub(crate) async fn pull_requests(
        &self,
        project: &str,
    ) -> Result<Vec<AnalysedPullRequest>, Box<Refusal>> {
        let url = self.url("api/project_pull_requests/list", &[("project", project)]);
        let read = |found: &Value| {
            Some(AnalysedPullRequest {
                id: text(found.get("key"))?,
                branch: text(found.get("branch")),
                commit: commit(found.pointer("/commit/sha")),
                analysed_at: analysed_at(found),
            })
        };
        let understand =
            |answer: Value| Some(answer.get("pullRequests")?.as_array()?.iter().filter_map(read).collect());
        self.get("ask for the analysed pull requests", url, understand).await
    }

    /// The branches that SonarQube has analysed. Community Build has the main branch alone.
    ///
    /// `GET api/project_branches/list?project=`; needs 'Browse' or 'Execute Analysis'.
    ///
    /// # Errors
    ///
    /// When SonarQube refuses it or cannot be reached.
    pub(crate) async fn branches(&self, project: &str) -> Result<Vec<AnalysedBranch>, Box<Refusal>> {
        let url = self.url("api/project_branches/list", &[("project", project)]);
        let read = |found: &Value| {
            Some(AnalysedBranch {
                name: text(found.get("name"))?,
                is_main: found.get("isMain").and_then(Value::as_bool)?,
                commit: commit(found.pointer("/commit/sha")),
                analysed_at: analysed_at(found),
            })
        };
        let understand =
            |answer: Value| Some(answer.get("branches")?.as_array()?.iter().filter_map(read).collect());
        self.get("ask for the analysed branches", url, understand).await
    }

    /// The gate of an analysis.
    ///
    /// `GET api/qualitygates/project_status?analysisId=`; needs 'Execute Analysis' (from 9.5) or 'Browse'.
    ///
    /// # Errors
    ///
    /// When SonarQube refuses it or cannot be reached.
    pub(crate) async fn gate_of_analysis(&self, analysis: &str) -> Result<Gate, Box<Refusal>> {
        self.project_status(&[("analysisId", analysis)]).await
    }

    /// The present gate of a project.
    ///
    /// `GET api/qualitygates/project_status?projectKey=[&pullRequest=|&branch=]`; needs 'Browse'.
    ///
    /// # Errors
    ///
    /// When SonarQube refuses it or cannot be reached.
    pub(crate) async fn gate_of_project(
        &self,
        project: &str,
        subject: &Subject,
    ) -> Result<Gate, Box<Refusal>> {
        let mut query = vec![("projectKey", project)];
        query.extend(of_subject(subject));
        self.project_status(&query).await
    }

    /// The gate of a project from its measures, for the time after SonarQube Cloud has removed
    /// `api/qualitygates/project_status`, which is deprecated there.
    ///
    /// `GET api/measures/component?metricKeys=alert_status,quality_gate_details`; needs 'Browse'.
    ///
    /// # Errors
    ///
    /// When SonarQube refuses it or cannot be reached.
    pub(crate) async fn gate_by_measures(
        &self,
        project: &str,
        subject: &Subject,
    ) -> Result<Gate, Box<Refusal>> {
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
            // The details are JSON in a text. Without them, the gate has only its status.
            let details = value("quality_gate_details")
                .and_then(|details| serde_json::from_str(details.as_str()?).ok());
            let status = || Some(json!({ "status": value("alert_status")? }));
            details.or_else(status).as_ref().map(Gate::read)
        };
        self.get("ask for the gate's measures", url, understand).await
    }

    /// Whether the token is valid. SonarQube may answer a wrong token with a gate of NONE.
    ///
    /// `GET api/authentication/validate`; always answers.
    ///
    /// # Errors
    ///
    /// When SonarQube cannot be reached.
    pub(crate) async fn token_is_valid(&self) -> Result<bool, Box<Refusal>> {
        let url = self.url("api/authentication/validate", &[]);
        let understand = |answer: Value| answer.get("valid")?.as_bool();
        self.get("check the token", url, understand).await
    }

    async fn project_status(&self, query: &[(&str, &str)]) -> Result<Gate, Box<Refusal>> {
        let url = self.url("api/qualitygates/project_status", query);
        let understand = |answer: Value| answer.get("projectStatus").map(Gate::read);
        self.get("ask for the quality gate", url, understand).await
    }

    pub(super) async fn get<T>(
        &self,
        purpose: &'static str,
        url: Url,
        understand: impl FnOnce(Value) -> Option<T>,
    ) -> Result<T, Box<Refusal>> {
        self.get_checked(purpose, url, |answer| understand(answer).ok_or(Unusable::Undocumented)).await
    }

    async fn get_checked<T>(
        &self,
        purpose: &'static str,
        url: Url,
        check: impl FnOnce(Value) -> Result<T, Unusable>,
    ) -> Result<T, Box<Refusal>> {
        let got = self.client.get(url, check).await;
        got.map_err(|failed| {
            let address = self.address.clone();
            let (has_token, limit) = (self.has_token, TimeLimit::Question);
            Box::new(Refusal { purpose, has_token, address, failed: *failed, limit })
        })
    }

    pub(crate) fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.client.url(path.split('/'));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }
}

/// Whether a server is SonarQube Cloud: <https://docs.sonarsource.com/sonarqube-cloud/getting-started/us-region>.
pub(crate) fn is_cloud(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    ["sonarcloud.io", "sonarqube.us"]
        .iter()
        .any(|cloud| host == *cloud || host.ends_with(&format!(".{cloud}")))
}

/// How a request carries `SONAR_TOKEN`: Bearer where that is documented (SonarQube Cloud, and Server from 10.0), else
/// HTTP Basic with the token as user, which every version accepts.
/// <https://docs.sonarsource.com/sonarqube-server/extension-guide/web-api#authenticate-with-user-token>
pub(crate) fn authorization(
    token: Option<&SecretString>,
    server: &Url,
    server_version: Option<&str>,
) -> Authorization {
    let Some(token) = token.cloned() else {
        return Authorization::none("without a token (SONAR_TOKEN is not set)".to_owned());
    };
    let description = "with the token (SONAR_TOKEN)".to_owned();
    let major = server_version.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    if is_cloud(server) || major.is_some_and(|major| major >= 10) {
        Authorization::bearer(token, description)
    } else {
        Authorization::basic(token, SecretString::default(), description)
    }
}

fn commit(value: Option<&Value>) -> Option<CommitHash> {
    text(value).as_deref().and_then(CommitHash::parse)
}

fn analysed_at(found: &Value) -> Option<Timestamp> {
    text(found.get("analysisDate")).as_deref().and_then(Timestamp::parse)
}

/// The parameter that names a pull request or branch.
pub(super) fn of_subject(subject: &Subject) -> Option<(&'static str, &str)> {
    match subject {
        Subject::PullRequest(id) => Some(("pullRequest", id)),
        Subject::Branch(branch) => Some(("branch", branch)),
        Subject::Main => None,
    }
}
