//! SonarQube's web API (Server, Cloud, Community Build): one function per endpoint, and wire types that never
//! leave. <https://docs.sonarsource.com/sonarqube-server/extension-guide/web-api>
//!
//! Answers differ between versions and editions: every field that is not needed may be missing, and numbers
//! and text stand for each other.

use reqwest::{StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    client::Client,
    gate::{Comparator, Condition, Gate, Level},
    refusal::Refusal,
    report_task::Subject,
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
}

/// How far a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskState {
    /// Done, and there is a gate.
    Success,
    /// Ended without an analysis.
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
        #[derive(Deserialize)]
        struct Answer {
            task: Wire,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            status: Value,
            analysis_id: Option<Value>,
            error_message: Option<Value>,
            component_key: Option<Value>,
        }
        let url = self.url("api/ce/task", &[("id", id)]);
        self.0
            .get("ask for the analysis task".to_owned(), url, |Answer { task }| {
                Some(Task {
                    state: match text(Some(task.status))?.as_str() {
                        "SUCCESS" => TaskState::Success,
                        "FAILED" => TaskState::Failed,
                        "CANCELED" => TaskState::Cancelled,
                        other => TaskState::Unfinished(other.to_lowercase().replace('_', " ")),
                    },
                    analysis: text(task.analysis_id),
                    error: text(task.error_message),
                    project: text(task.component_key),
                })
            })
            .await
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
        #[derive(Deserialize)]
        struct Answer {
            component: Component,
        }
        #[derive(Deserialize)]
        struct Component {
            #[serde(default)]
            measures: Vec<Measure>,
        }
        #[derive(Deserialize)]
        struct Measure {
            metric: String,
            value: Option<Value>,
        }
        #[derive(Deserialize)]
        struct Details {
            level: Option<Value>,
            #[serde(default)]
            conditions: Vec<Detail>,
            #[serde(default, rename = "ignoredConditions")]
            ignored_conditions: bool,
        }
        #[derive(Deserialize)]
        struct Detail {
            metric: Option<Value>,
            op: Option<Value>,
            error: Option<Value>,
            actual: Option<Value>,
            level: Option<Value>,
        }
        let mut query = vec![("component", project), ("metricKeys", "alert_status,quality_gate_details")];
        query.extend(of_subject(subject));
        let url = self.url("api/measures/component", &query);
        self.0
            .get("ask for the gate's measures".to_owned(), url, |Answer { component }| {
                let value = |wanted: &str| {
                    let measure = component.measures.iter().find(|measure| measure.metric == wanted)?;
                    text(measure.value.clone())
                };
                let details: Option<Details> =
                    value("quality_gate_details").and_then(|details| serde_json::from_str(&details).ok());
                let status = value("alert_status");
                let Some(details) = details else {
                    let level = status.as_deref().map_or(Level::None, Level::parse);
                    return Some(Gate { level, conditions: Vec::new(), ignored_conditions: false });
                };
                Some(Gate {
                    level: level(details.level.or(status.map(Value::from)), Level::None),
                    conditions: details
                        .conditions
                        .into_iter()
                        .map(|detail| Condition {
                            metric: text(detail.metric).unwrap_or_default(),
                            level: level(detail.level, Level::Unknown),
                            comparator: Comparator::parse(&text(detail.op).unwrap_or_default()),
                            threshold: text(detail.error),
                            actual: text(detail.actual),
                        })
                        .collect(),
                    ignored_conditions: details.ignored_conditions,
                })
            })
            .await
    }

    /// Whether the token is one. A gate of NONE may stand for a project that a wrong token may not see.
    ///
    /// `GET api/authentication/validate`; always answers.
    ///
    /// # Errors
    ///
    /// When SonarQube cannot be reached.
    pub async fn token_is_valid(&self) -> Result<bool, Box<Refusal>> {
        #[derive(Deserialize)]
        struct Answer {
            valid: bool,
        }
        let url = self.url("api/authentication/validate", &[]);
        self.0.get("check the token".to_owned(), url, |Answer { valid }| Some(valid)).await
    }

    async fn project_status(&self, query: &[(&str, &str)]) -> Result<Gate, Box<Refusal>> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(rename = "projectStatus")]
            status: Wire,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            status: Option<Value>,
            #[serde(default)]
            conditions: Vec<WireCondition>,
            ignored_conditions: Option<Value>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct WireCondition {
            status: Option<Value>,
            metric_key: Option<Value>,
            comparator: Option<Value>,
            error_threshold: Option<Value>,
            warning_threshold: Option<Value>,
            actual_value: Option<Value>,
        }
        let url = self.url("api/qualitygates/project_status", query);
        self.0
            .get("ask for the quality gate".to_owned(), url, |Answer { status: wire }| {
                Some(Gate {
                    level: level(wire.status, Level::Unknown),
                    conditions: wire
                        .conditions
                        .into_iter()
                        .map(|condition| {
                            let level = level(condition.status, Level::Unknown);
                            Condition {
                                metric: text(condition.metric_key).unwrap_or_default(),
                                level,
                                comparator: Comparator::parse(
                                    &text(condition.comparator).unwrap_or_default(),
                                ),
                                threshold: match level {
                                    Level::Warn => text(condition.warning_threshold),
                                    _ => None,
                                }
                                .or_else(|| text(condition.error_threshold)),
                                actual: text(condition.actual_value),
                            }
                        })
                        .collect(),
                    ignored_conditions: wire.ignored_conditions == Some(Value::Bool(true)),
                })
            })
            .await
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

/// Whether a refusal of `project_status` says that there is no such address any more.
pub fn is_gone(refusal: &Refusal) -> bool {
    matches!(refusal.status(), Some(StatusCode::NOT_FOUND | StatusCode::GONE))
}

fn of_subject(subject: &Subject) -> Option<(&'static str, &str)> {
    match subject {
        Subject::PullRequest(id) => Some(("pullRequest", id)),
        Subject::Branch(branch) => Some(("branch", branch)),
        Subject::Main => None,
    }
}

fn level(value: Option<Value>, missing: Level) -> Level {
    text(value).map_or(missing, |word| Level::parse(&word))
}

/// Text, also where a number or a boolean stands for it; nothing for null, blank text, arrays and objects.
fn text(value: Option<Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
