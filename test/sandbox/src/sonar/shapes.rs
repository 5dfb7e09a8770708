//! How things look in JSON, after the examples that `SonarSource/sonarqube` keeps beside its actions; what is
//! different on Cloud was seen in answers that public repositories recorded.

use serde_json::{Value, json};

use super::analysis::End;
use super::gate::{Condition, Gate, Level};
use super::issues::Issue;
use super::projects::{Dialect, ORGANIZATION, Place, Project, Projects, Stage, Task, encode};
use crate::world::{fingerprint, uuid};

/// The metrics in which the gate is kept: `CoreMetrics.java` of `SonarSource/sonar-plugin-api`.
pub(crate) const GATE_METRICS: [&str; 2] = [ALERT_STATUS, GATE_DETAILS];

const ALERT_STATUS: &str = "alert_status";
const GATE_DETAILS: &str = "quality_gate_details";
/// Every analysis takes this long.
const EXECUTION_TIME_MS: u32 = 2840;
/// Since when code counts as new.
const PERIOD_DATE: &str = "2026-10-01T08:00:00+0000";

/// While a task waits or is at work, little is known of it; and of a main branch it never tells the name:
/// `TaskFormatter.java`. Whether a failed one has an analysis varies; here it has none.
pub(crate) fn task(projects: &Projects, task: &Task, stage: Stage) -> Value {
    json!({ "task": bare_task(projects, task, stage) })
}

/// `component-example.json`: without `current` while no task has ended.
pub(crate) fn tasks_of_component(projects: &Projects, queue: &[&Task], current: Option<&Task>) -> Value {
    let waiting = queue.iter().map(|task| bare_task(projects, task, task.stage()));
    let mut shape = json!({ "queue": waiting.collect::<Vec<_>>() });
    if let Some(task) = current {
        shape["current"] = bare_task(projects, task, Stage::Ended);
    }
    shape
}

/// `search-example.json` of `api/project_analyses`; the revision is left out where the scanner found none.
pub(crate) fn analyses(analyses: &[&Task]) -> Value {
    let shape = |task: &&Task| {
        let mut shape = json!({
            "key": task.analysis_id,
            "date": task.submitted_at,
            "events": [],
            "projectVersion": "not provided",
            "manualNewCodePeriodBaseline": false,
        });
        add(&mut shape, "revision", task.revision.as_ref());
        shape
    };
    json!({
        "paging": { "pageIndex": 1, "pageSize": 100, "total": analyses.len() },
        "analyses": analyses.iter().map(shape).collect::<Vec<_>>(),
    })
}

/// `ws-projectpullrequests.proto`. Only Cloud names the commit: clients of it in public repositories read
/// `commit.sha`.
pub(crate) fn pull_requests(projects: &Projects, key: &str) -> Value {
    let shape = |id: &str| {
        let latest = projects.latest(key, &Place::PullRequest(id.to_owned()));
        let level = latest.map_or(Level::None, |task| task.gate.level);
        let mut shape = json!({ "key": id, "title": format!("Pull request {id}"), "isOrphan": false });
        shape["status"] = json!({ "qualityGateStatus": level.word() });
        add(&mut shape, "analysisDate", latest.map(|task| &task.submitted_at));
        add(&mut shape, "branch", latest.and_then(|task| task.source_branch.as_ref()));
        let revision = latest.and_then(|task| task.revision.as_ref());
        if let Some(revision) = revision.filter(|_| projects.dialect().is_cloud()) {
            shape["commit"] = json!({ "sha": revision });
        }
        shape
    };
    json!({ "pullRequests": projects.pull_requests(key).into_iter().map(shape).collect::<Vec<_>>() })
}

/// `ws-projectbranches.proto`, and `list-example.json` of `server/branch/ws`.
pub(crate) fn branches(projects: &Projects, key: &str) -> Value {
    let shape = |place: &&Place| {
        let latest = projects.latest(key, place);
        let level = latest.map_or(Level::None, |task| task.gate.level);
        let mut shape = json!({
            "name": place.to_string(),
            "isMain": **place == Place::Main,
            "type": "BRANCH",
            "status": { "qualityGateStatus": level.word() },
            "excludedFromPurge": **place == Place::Main,
        });
        add(&mut shape, "analysisDate", latest.map(|task| &task.submitted_at));
        shape
    };
    json!({ "branches": projects.branches(key).iter().map(shape).collect::<Vec<_>>() })
}

/// A page of issues or hotspots, with the files that it names.
pub(crate) fn page_of(
    list: &str,
    shown: &[Value],
    all: &[Issue],
    project: &str,
    page: usize,
    page_size: usize,
) -> Value {
    let mut components: Vec<Value> = all.iter().filter_map(|issue| issue.component_shape(project)).collect();
    components.dedup();
    components.push(json!({ "key": project, "enabled": true, "qualifier": "TRK", "name": project }));
    let paging = json!({ "pageIndex": page, "pageSize": page_size, "total": all.len() });
    let mut shape = json!({ "paging": paging, "components": components });
    shape[list] = json!(shown);
    shape
}

fn bare_task(projects: &Projects, task: &Task, stage: Stage) -> Value {
    let name = projects.project(&task.project).map_or("", |project| &project.name);
    let mut shape = json!({
        "id": task.id,
        "type": "REPORT",
        "componentId": uuid(&task.project).trim_matches(['{', '}']),
        "componentKey": task.project,
        "componentName": name,
        "componentQualifier": "TRK",
        "submittedAt": task.submitted_at,
        "submitterLogin": "ci",
    });
    if projects.dialect().is_cloud() {
        shape["organization"] = json!(ORGANIZATION);
    }
    match &task.place {
        Place::Main => {}
        Place::Branch(branch) => {
            shape["branch"] = json!(branch);
            shape["branchType"] = json!(branch_type(projects.dialect()));
        }
        Place::PullRequest(id) => shape["pullRequest"] = json!(id),
    }
    shape["status"] = json!(match (stage, &task.end) {
        (Stage::Pending, _) => "PENDING",
        (Stage::InProgress, _) => "IN_PROGRESS",
        (Stage::Ended, End::Success) => "SUCCESS",
        (Stage::Ended, End::Failed { .. }) => "FAILED",
        (Stage::Ended, End::Canceled | End::Vanishes) => "CANCELED",
    });
    if stage != Stage::Pending {
        shape["startedAt"] = json!(task.started_at);
        shape["executionTimeMs"] = json!(EXECUTION_TIME_MS);
    }
    if stage == Stage::Ended {
        shape["executedAt"] = json!(task.executed_at);
        shape["hasScannerContext"] = json!(true);
        shape["warningCount"] = json!(0);
        shape["warnings"] = json!([]);
        if projects.dialect().is_cloud() {
            shape["logs"] = json!(false);
        }
        match &task.end {
            End::Success => shape["analysisId"] = json!(task.analysis_id),
            End::Failed { message } => shape["errorMessage"] = json!(message),
            End::Canceled | End::Vanishes => {}
        }
    }
    shape
}

/// The gate of an analysis; without one, there is no period. That pull requests have none, having nothing but
/// new code, is assumed.
pub(crate) fn project_status(dialect: Dialect, gate: &Gate, task: Option<&Task>) -> Value {
    let conditions: Vec<Value> =
        gate.conditions.iter().map(|condition| condition_of_status(dialect, condition)).collect();
    let mut shape = json!({ "status": gate.level.word(), "conditions": conditions });
    let judged = gate.level != Level::None;
    if judged {
        shape["ignoredConditions"] = json!(gate.ignored_conditions);
    }
    if dialect.has_cayc_status() {
        shape["caycStatus"] = json!("compliant");
    }
    let has_period = judged && task.is_some_and(|task| !matches!(task.place, Place::PullRequest(_)));
    // Both spellings were seen: small letters on Cloud and in old examples.
    let mode = if dialect.has_cayc_status() { "PREVIOUS_VERSION" } else { "previous_version" };
    if has_period && dialect.has_cayc_status() {
        shape["period"] = json!({ "mode": mode, "date": PERIOD_DATE });
    }
    if dialect.has_periods() {
        let period = json!({ "index": 1, "mode": mode, "date": PERIOD_DATE });
        shape["periods"] = if has_period { json!([period]) } else { json!([]) };
    }
    json!({ "projectStatus": shape })
}

/// What has no value is left out: `QualityGateDetailsFormatter.java`. All numbers are text.
fn condition_of_status(dialect: Dialect, condition: &Condition) -> Value {
    let mut shape = json!({
        "status": condition.level.word(),
        "metricKey": condition.metric,
        "comparator": condition.comparator,
    });
    if dialect.has_periods() && condition.is_on_new_code() {
        shape["periodIndex"] = json!(1);
    }
    let warning = condition.warning_threshold.as_ref().filter(|_| dialect.has_warnings());
    add(&mut shape, "errorThreshold", condition.threshold.as_ref());
    add(&mut shape, "warningThreshold", warning);
    add(&mut shape, "actualValue", condition.actual.as_ref());
    shape
}

/// What the server keeps of a gate, and writes as text into one measure: the reverse of
/// `QualityGateDetailsFormatter.java`.
fn gate_details(dialect: Dialect, gate: &Gate) -> String {
    let condition = |condition: &Condition| {
        let mut shape = json!({
            "metric": condition.metric,
            "op": condition.comparator,
            "level": condition.level.word(),
        });
        if dialect.has_periods() && condition.is_on_new_code() {
            shape["period"] = json!(1);
        }
        let warning = condition.warning_threshold.as_ref().filter(|_| dialect.has_warnings());
        add(&mut shape, "error", condition.threshold.as_ref());
        add(&mut shape, "warning", warning);
        add(&mut shape, "actual", condition.actual.as_ref());
        shape
    };
    let conditions: Vec<Value> = gate.conditions.iter().map(condition).collect();
    let details = json!({
        "level": gate.level.word(),
        "conditions": conditions,
        "ignoredConditions": gate.ignored_conditions,
    });
    details.to_string()
}

pub(crate) fn measures(
    projects: &Projects,
    key: &str,
    project: &Project,
    place: &Place,
    latest: Option<&Task>,
    metrics: &[&str],
) -> Value {
    let gate =
        latest.map(|task| &task.gate).filter(|gate| gate.level != Level::None && projects.has_measures());
    let measure = |metric: &&str| {
        let gate = gate?;
        let value = match *metric {
            ALERT_STATUS => gate.level.word().to_owned(),
            _ => gate_details(projects.dialect(), gate),
        };
        Some(json!({ "metric": metric, "value": value }))
    };
    let mut shape = component(key, project, place);
    shape["measures"] = metrics.iter().filter_map(measure).collect();
    json!({ "component": shape })
}

pub(crate) fn component_shown(
    projects: &Projects,
    key: &str,
    project: &Project,
    place: &Place,
    latest: Option<&Task>,
) -> Value {
    let mut shape = component(key, project, place);
    shape["visibility"] = json!(if project.private { "private" } else { "public" });
    if projects.dialect().is_cloud() {
        shape["organization"] = json!(ORGANIZATION);
    }
    add(&mut shape, "analysisDate", latest.map(|task| &task.submitted_at));
    json!({ "component": shape, "ancestors": [] })
}

fn component(key: &str, project: &Project, place: &Place) -> Value {
    let mut shape = json!({ "key": key, "name": project.name, "qualifier": "TRK" });
    match place {
        Place::Main => {}
        Place::Branch(branch) => shape["branch"] = json!(branch),
        Place::PullRequest(id) => shape["pullRequest"] = json!(id),
    }
    shape
}

/// `WebhookPayloadFactoryImpl.java`, and
/// <https://docs.sonarsource.com/sonarqube-server/discovering/integrations/webhooks>. The revision is made up
/// where the analysis has none.
pub(crate) fn webhook(projects: &Projects, task: &Task) -> Value {
    let server_url = projects.server_url();
    let dialect = projects.dialect();
    let name = projects.project(&task.project).map_or("", |project| &project.name);
    let project_url = format!("{server_url}/dashboard?id={}", encode(&task.project));
    let (kind, branch_url) = match &task.place {
        Place::Main => (branch_type(dialect), project_url.clone()),
        Place::Branch(branch) => (branch_type(dialect), format!("{project_url}&branch={}", encode(branch))),
        Place::PullRequest(id) => ("PULL_REQUEST", format!("{project_url}&pullRequest={}", encode(id))),
    };
    let mut shape = json!({
        "serverUrl": server_url,
        "taskId": task.id,
        "status": "FAILED",
        "changedAt": task.executed_at,
        "project": { "key": task.project, "name": name, "url": project_url },
        "branch": {
            "name": task.place.to_string(),
            "type": kind,
            "isMain": task.place == Place::Main,
            "url": branch_url,
        },
        "properties": {},
    });
    if task.end != End::Success {
        return shape;
    }
    shape["status"] = json!("SUCCESS");
    shape["analysedAt"] = json!(task.submitted_at);
    if dialect != Dialect::Server67 {
        let made_up = || fingerprint(&format!("revision of {}", task.id));
        shape["revision"] = json!(task.revision.clone().unwrap_or_else(made_up));
    }
    if task.gate.level != Level::None {
        let conditions: Vec<Value> =
            task.gate.conditions.iter().map(|condition| condition_of_webhook(dialect, condition)).collect();
        shape["qualityGate"] =
            json!({ "name": "Sonar way", "status": task.gate.level.word(), "conditions": conditions });
    }
    shape
}

/// Operators are spelled out, and a condition that met no value says so instead of passing.
fn condition_of_webhook(dialect: Dialect, condition: &Condition) -> Value {
    let operator = match condition.comparator.as_str() {
        "GT" => "GREATER_THAN",
        "LT" => "LESS_THAN",
        "EQ" => "EQUALS",
        "NE" => "NOT_EQUALS",
        other => other,
    };
    let status = if condition.actual.is_some() { condition.level.word() } else { "NO_VALUE" };
    let mut shape = json!({ "metric": condition.metric, "operator": operator, "status": status });
    add(&mut shape, "value", condition.actual.as_ref());
    add(&mut shape, "errorThreshold", condition.threshold.as_ref());
    if dialect.has_warnings() {
        shape["onLeakPeriod"] = json!(condition.is_on_new_code());
        add(&mut shape, "warningThreshold", condition.warning_threshold.as_ref());
    }
    shape
}

/// Old servers told branches that stay from those that are merged; that all here stay is assumed.
const fn branch_type(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Server67 => "LONG",
        _ => "BRANCH",
    }
}

fn add(shape: &mut Value, name: &str, value: Option<&String>) {
    if let Some(value) = value {
        shape[name] = json!(value);
    }
}
