//! SonarQube's web services: from a request and the state to an answer.
//!
//! One function for each, in the order of the alphabet. Parameters are looked at before what they name, and
//! that before the permission, as the actions of the server do.

use hyper::{Method, header};
use serde_json::json;

use super::gate::Gate;
use super::issues::Issue;
use super::projects::{Dialect, Place, Project, Projects, Task};
use super::tokens::{self, Visitor};
use super::{refusals, shapes};
use crate::message::{Answer, Request};

type Outcome = Result<Answer, Answer>;

/// Answers a request, as far as it is one that the sandbox knows; others get 501. Addresses are compared
/// byte for byte: a client that doubles a slash is to be noticed.
pub(crate) fn answer(projects: &mut Projects, request: &Request) -> Answer {
    let path = request.uri.path().strip_prefix(projects.base_path()).unwrap_or_default().to_owned();
    if request.method != Method::GET {
        return refusals::unknown(request);
    }
    let is_starting = projects.is_starting();
    let mut call = Call { projects, request };
    let outcome = match path.as_str() {
        "/api/system/status" => Ok(status(&call, is_starting)),
        _ if is_starting => Err(refusals::no_such_service(&path)),
        "/api/authentication/validate" => Ok(validate(&call)),
        "/api/ce/component" => tasks_of_component(&call),
        "/api/ce/task" => task(&mut call),
        "/api/components/show" => component(&call),
        "/api/hotspots/search" => hotspots(&call),
        "/api/issues/search" => issues(&call),
        "/api/measures/component" => measures(&call),
        "/api/project_analyses/search" => analyses(&call),
        "/api/project_branches/list" => branches(&call),
        "/api/project_pull_requests/list" => pull_requests(&call),
        "/api/qualitygates/project_status" => project_status(&call, &path),
        "/api/server/version" => Ok(version(&call)),
        _ => Err(refusals::unknown(request)),
    };
    outcome.unwrap_or_else(|refusal| refusal)
}

/// 200 whatever the answer: `ValidateAction.java`.
fn validate(call: &Call) -> Answer {
    let valid = tokens::validate(call.projects, call.authorization().as_deref());
    Answer::json(200, &json!({ "valid": valid }))
}

/// Wants "Browse", and tells the tasks of all branches and pull requests: `ComponentAction.java` of `server/ce/ws`.
fn tasks_of_component(call: &Call) -> Outcome {
    let visitor = call.identify()?;
    let key = call.mandatory("component")?;
    call.component_at(&visitor, &key, Place::Main)?;
    let (queue, current) = call.projects.queue_and_current(&key);
    Ok(Answer::json(200, &shapes::tasks_of_component(call.projects, &queue, current)))
}

/// `TaskAction.java`. What an anonymous visitor is told on Cloud is assumed to be the same.
fn task(call: &mut Call) -> Outcome {
    let visitor = call.identify()?;
    let id = call.mandatory("id")?;
    let task = call.projects.task(&id);
    let task =
        task.ok_or_else(|| refusals::not_found(&format!("No activity found for task '{id}'")))?.clone();
    if !visitor.may_analyse(&task.project) {
        return Err(refusals::forbidden());
    }
    call.check_additional_fields()?;
    let stage = call.projects.poll(&id);
    Ok(Answer::json(200, &shapes::task(call.projects, &task, stage)))
}

/// Wants "Browse": `ShowAction.java`.
fn component(call: &Call) -> Outcome {
    let visitor = call.identify()?;
    let key = call.mandatory("component")?;
    let (project, latest, place) = call.component(&visitor, &key)?;
    Ok(Answer::json(200, &shapes::component_shown(call.projects, &key, project, &place, latest)))
}

/// Whoever may not browse the project is told of no issue, and not refused; so is who names a project that there is not.
/// A parameter that there is not is passed over: `SearchAction.java` of `server/issue/ws`, `IssueIndex.java`.
fn issues(call: &Call) -> Outcome {
    let visitor = call.identify()?;
    let (page, page_size) = call.page(100)?;
    let names = if call.projects.dialect().is_cloud() {
        &["componentKeys"][..]
    } else {
        &["components", "componentKeys"]
    };
    let key = names.iter().find_map(|name| call.filled(name)).unwrap_or_default();
    let project = call.projects.project(&key).filter(|project| visitor.may_browse(project));
    let mut found: Vec<_> = project.map(|_| call.issues(&key, false)).unwrap_or_default();
    found.sort_by_key(Issue::rank);
    let shown = found.iter().skip((page - 1) * page_size).take(page_size);
    let shown: Vec<_> = shown.map(|issue| issue.shape(call.projects.dialect(), &key)).collect();
    Ok(Answer::json(200, &shapes::page_of("issues", &shown, &found, &key, page, page_size)))
}

/// Wants "Browse": `SearchAction.java` of `server/hotspot/ws`. `project` was `projectKey` until 10.2, and is on Cloud.
fn hotspots(call: &Call) -> Outcome {
    let visitor = call.identify()?;
    let (page, page_size) = call.page(100)?;
    let renamed = matches!(call.projects.dialect(), Dialect::Server2025 | Dialect::Server10);
    let key = call.mandatory(if renamed { "project" } else { "projectKey" })?;
    let missing = || refusals::not_found(&format!("Project '{key}' not found"));
    let project = call.visible(&visitor, &key, missing)?;
    if !visitor.may_browse(project) {
        return Err(refusals::forbidden());
    }
    let found = call.issues(&key, true);
    let shown = found.iter().skip((page - 1) * page_size).take(page_size);
    let shown: Vec<_> = shown.map(|issue| issue.hotspot_shape(&key)).collect();
    Ok(Answer::json(200, &shapes::page_of("hotspots", &shown, &found, &key, page, page_size)))
}

/// Wants "Browse", and refuses the whole request for one metric that there is not: `ComponentAction.java`.
/// The sandbox has only the two that tell the gate.
fn measures(call: &Call) -> Outcome {
    let visitor = call.identify()?;
    let key = call.mandatory("component")?;
    let metrics = call.mandatory("metricKeys")?;
    let (project, latest, place) = call.component(&visitor, &key)?;
    let metrics: Vec<&str> = metrics.split(',').map(str::trim).filter(|metric| !metric.is_empty()).collect();
    if metrics.is_empty() {
        return Err(refusals::bad_request("At least one metric key must be provided"));
    }
    let missing: Vec<&str> =
        metrics.iter().copied().filter(|metric| !shapes::GATE_METRICS.contains(metric)).collect();
    if !missing.is_empty() {
        let text = format!("The following metric keys are not found: {}", missing.join(", "));
        return Err(refusals::not_found(&text));
    }
    Ok(Answer::json(200, &shapes::measures(call.projects, &key, project, &place, latest, &metrics)))
}

/// Wants "Browse". There is a parameter `branch`, and none for a pull request, of which nothing is told for what it
/// is: a parameter that there is not is passed over, and the analyses are those of the main branch.
/// `SearchAction.java` of `server/projectanalysis/ws`. That Cloud does the same is assumed.
fn analyses(call: &Call) -> Outcome {
    let visitor = call.identify()?;
    let key = call.mandatory("project")?;
    let place = Place::of(call.request.query("branch"), None);
    call.component_at(&visitor, &key, place.clone())?;
    Ok(Answer::json(200, &shapes::analyses(&call.projects.analyses(&key, &place))))
}

/// `ListAction.java` of `server/branch/ws`.
fn branches(call: &Call) -> Outcome {
    let key = call.project_to_list()?;
    Ok(Answer::json(200, &shapes::branches(call.projects, &key)))
}

/// `ListAction.java` of `server/branch/pr/ws`.
fn pull_requests(call: &Call) -> Outcome {
    let key = call.project_to_list()?;
    Ok(Answer::json(200, &shapes::pull_requests(call.projects, &key)))
}

/// By analysis, the gate as computed then; by project, the latest: `ProjectStatusAction.java`. The ids of
/// projects are not known here.
fn project_status(call: &Call, path: &str) -> Outcome {
    let visitor = call.identify()?;
    match call.projects.retired() {
        Some(410) => return Err(refusals::gone(path)),
        Some(_) => return Err(refusals::no_such_service(path)),
        None => {}
    }
    let analysis_id = call.filled("analysisId");
    let key = call.filled("projectKey");
    let project_id = call.filled("projectId");
    if [&analysis_id, &key, &project_id].into_iter().flatten().count() != 1 {
        let text = "Either 'analysisId', 'projectId' or 'projectKey' must be provided";
        return Err(refusals::bad_request(text));
    }
    if call.projects.dialect().has_gates_of_branches() && call.has_both_places() {
        let text = "Either 'branch' or 'pullRequest' can be provided, not both";
        return Err(refusals::bad_request(text));
    }
    match (analysis_id, key) {
        (Some(id), _) => gate_of_analysis(call, &visitor, &id),
        (_, Some(key)) => gate_of_project(call, &visitor, &key),
        _ => Err(refusals::unknown(call.request)),
    }
}

fn gate_of_analysis(call: &Call, visitor: &Visitor, id: &str) -> Outcome {
    let missing = || refusals::not_found(&format!("Analysis with id '{id}' is not found"));
    let task = call.projects.analysis(id).ok_or_else(missing)?;
    let project = call.visible(visitor, &task.project, missing)?;
    call.check_gate(visitor, &task.project, project)?;
    Ok(Answer::json(200, &shapes::project_status(call.projects.dialect(), &task.gate, Some(task))))
}

/// Anybody who asks Cloud for a branch or a pull request of a public project is told that there is no gate:
/// clients report that NONE came back for want of a good token. That this holds for every branch but the main
/// one, whether it is there or not, is assumed.
fn gate_of_project(call: &Call, visitor: &Visitor, key: &str) -> Outcome {
    let dialect = call.projects.dialect();
    let project =
        call.visible(visitor, key, || refusals::not_found(&format!("Project '{key}' not found")))?;
    let place = if dialect.has_gates_of_branches() { call.place() } else { Place::Main };
    if visitor.is_nobody() && place != Place::Main {
        return Ok(Answer::json(200, &shapes::project_status(dialect, &Gate::none(), None)));
    }
    if !call.projects.has(key, &place) {
        let text = match &place {
            Place::PullRequest(id) => format!("Pull request '{id}' in project '{key}' not found"),
            Place::Branch(_) | Place::Main => format!("Branch '{place}' in project '{key}' not found"),
        };
        return Err(refusals::not_found(&text));
    }
    call.check_gate(visitor, key, project)?;
    let task = call.projects.latest(key, &place);
    let gate = task.map_or_else(Gate::none, |task| task.gate.clone());
    Ok(Answer::json(200, &shapes::project_status(dialect, &gate, task)))
}

/// Open to everybody: `UserSessionInitializer.java`.
fn version(call: &Call) -> Answer {
    Answer::text(200, call.projects.dialect().version())
}

/// Open to everybody: `UserSessionInitializer.java`.
fn status(call: &Call, is_starting: bool) -> Answer {
    let version = call.projects.dialect().version();
    let status = if is_starting { "STARTING" } else { "UP" };
    Answer::json(200, &json!({ "id": "20261102090000", "version": version, "status": status }))
}

/// One request on its way.
struct Call<'a> {
    projects: &'a mut Projects,
    request: &'a Request,
}

impl Call<'_> {
    fn authorization(&self) -> Option<String> {
        self.request.header(header::AUTHORIZATION)
    }

    fn identify(&self) -> Result<Visitor, Answer> {
        tokens::identify(self.projects, self.authorization().as_deref())
    }

    fn mandatory(&self, name: &str) -> Result<String, Answer> {
        self.request.query(name).ok_or_else(|| refusals::parameter_missing(name))
    }

    fn filled(&self, name: &str) -> Option<String> {
        self.request.query(name).filter(|value| !value.is_empty())
    }

    fn has_both_places(&self) -> bool {
        self.filled("branch").is_some() && self.filled("pullRequest").is_some()
    }

    fn place(&self) -> Place {
        Place::of(self.request.query("branch"), self.request.query("pullRequest"))
    }

    /// `ValidatingRequest.java`; Cloud does not show stack traces, says the catalogue.
    fn check_additional_fields(&self) -> Result<(), Answer> {
        let possible: &[&str] = if self.projects.dialect().is_cloud() {
            &["scannerContext", "warnings"]
        } else {
            &["stacktrace", "scannerContext", "warnings"]
        };
        let given = self.filled("additionalFields").unwrap_or_default();
        let mut given = given.split(',').map(str::trim).filter(|field| !field.is_empty());
        match given.find(|field| !possible.contains(field)) {
            None => Ok(()),
            Some(field) => Err(refusals::bad_request(&format!(
                "Value of parameter 'additionalFields' ({field}) must be one of: [{}]",
                possible.join(", ")
            ))),
        }
    }

    /// A project that the visitor may know of: to anybody on Cloud, a private one is not there. That it is 404
    /// and not 403 is assumed.
    fn visible(
        &self,
        visitor: &Visitor,
        key: &str,
        missing: impl FnOnce() -> Answer,
    ) -> Result<&Project, Answer> {
        let project = self.projects.project(key).filter(|project| !(visitor.is_nobody() && project.private));
        project.ok_or_else(missing)
    }

    /// The key of a project whose branches and pull requests the visitor may list: with "Browse" or "Execute Analysis".
    fn project_to_list(&self) -> Result<String, Answer> {
        let visitor = self.identify()?;
        let key = self.mandatory("project")?;
        let missing = || refusals::not_found(&format!("Project '{key}' not found"));
        let project = self.visible(&visitor, &key, missing)?;
        if !visitor.may_browse(project) && !visitor.may_analyse(&key) {
            return Err(refusals::forbidden());
        }
        Ok(key)
    }

    /// `p` and `ps`: `SearchAction.java` and `SearchOptions.java`.
    fn page(&self, default: usize) -> Result<(usize, usize), Answer> {
        let number = |name: &str, default: usize| {
            let value = self.filled(name);
            value.map_or(Ok(default), |value| {
                value.parse().ok().filter(|number| *number > 0).ok_or_else(|| {
                    refusals::bad_request(&format!(
                        "The '{name}' parameter cannot be parsed as an integer value: {value}"
                    ))
                })
            })
        };
        let (page, page_size) = (number("p", 1)?, number("ps", default)?);
        if page_size > 500 {
            return Err(refusals::bad_request("'ps' value must be less than 500"));
        }
        if page * page_size > 10_000 {
            let text =
                format!("Can return only the first 10000 results. {}th result asked.", page * page_size);
            return Err(refusals::bad_request(&text));
        }
        Ok((page, page_size))
    }

    /// The issues or hotspots of the place that the request names, as far as its parameters leave them.
    fn issues(&self, key: &str, hotspots: bool) -> Vec<Issue> {
        let latest = self.projects.latest(key, &self.place());
        let dialect = self.projects.dialect();
        let is_set = |name: &str| {
            dialect.knows_new_code_parameter(name) && self.filled(name).as_deref() == Some("true")
        };
        let only_new = ["sinceLeakPeriod", "inNewCodePeriod"].into_iter().any(is_set);
        let issues = latest.map(|task| task.issues.clone()).unwrap_or_default().into_iter();
        issues.filter(|issue| issue.is_hotspot() == hotspots && (issue.is_new || !only_new)).collect()
    }

    fn check_gate(&self, visitor: &Visitor, key: &str, project: &Project) -> Result<(), Answer> {
        let may = visitor.may_see_gate(self.projects.dialect(), key, project);
        if may { Ok(()) } else { Err(refusals::forbidden()) }
    }

    /// A project, or a branch or pull request of it, for somebody who may browse it. The texts are those of
    /// `ComponentFinder.java`.
    fn component(&self, visitor: &Visitor, key: &str) -> Result<(&Project, Option<&Task>, Place), Answer> {
        if self.has_both_places() {
            let text = "Either branch or pull request can be provided, not both";
            return Err(refusals::bad_request(text));
        }
        self.component_at(visitor, key, self.place())
    }

    fn component_at(
        &self,
        visitor: &Visitor,
        key: &str,
        place: Place,
    ) -> Result<(&Project, Option<&Task>, Place), Answer> {
        let missing = || refusals::not_found(&format!("Component key '{key}' not found"));
        let project = self.visible(visitor, key, missing)?;
        if !self.projects.has(key, &place) {
            return Err(refusals::not_found(&match &place {
                Place::PullRequest(id) => format!("Component '{key}' of pull request '{id}' not found"),
                Place::Branch(_) | Place::Main => format!("Component '{key}' on branch '{place}' not found"),
            }));
        }
        if !visitor.may_browse(project) {
            return Err(refusals::forbidden());
        }
        Ok((project, self.projects.latest(key, &place), place))
    }
}
