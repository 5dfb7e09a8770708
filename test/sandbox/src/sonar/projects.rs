//! The state of the service: everything that outlives a request.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

use super::gate::Gate;
use super::tokens::{Credential, Token};
use super::{api, shapes};
use crate::message::{Answer, Request};
use crate::server::Service;
use crate::world::{fingerprint, uuid};

/// The name of the main branch of every project.
pub(crate) const MAIN: &str = "main";
/// The organization that all projects on Cloud belong to.
pub(crate) const ORGANIZATION: &str = "acme";

/// Whose words the service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SonarQube Cloud.
    Cloud,
    /// SonarQube Server 2025.1, and those after it.
    Server2025,
    /// SonarQube 10.7.
    Server10,
    /// SonarQube 9.9, long supported.
    Server99,
    /// SonarQube 6.7: gates can warn, have periods, and are asked for by project without a branch.
    Server67,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Cloud, Self::Server2025, Self::Server10, Self::Server99, Self::Server67];

    pub(crate) const fn is_cloud(self) -> bool {
        matches!(self, Self::Cloud)
    }

    /// Cloud calls itself 8.0.0 for ever; only the build changes.
    pub(crate) const fn version(self) -> &'static str {
        match self {
            Self::Cloud => "8.0.0.71234",
            Self::Server2025 => "2025.1.0.102418",
            Self::Server10 => "10.7.0.96327",
            Self::Server99 => "9.9.0.65466",
            Self::Server67 => "6.7.7.38951",
        }
    }

    pub(crate) const fn reads_bearer(self) -> bool {
        matches!(self, Self::Cloud | Self::Server2025 | Self::Server10)
    }

    pub(crate) const fn shows_gates_to_analysts(self) -> bool {
        matches!(self, Self::Server2025 | Self::Server10 | Self::Server99)
    }

    /// `branch` and `pullRequest` of `api/qualitygates/project_status` came with 7.7: `ProjectStatusAction.java`.
    pub(crate) const fn has_gates_of_branches(self) -> bool {
        !matches!(self, Self::Server67)
    }

    /// `periods` went with 10.0, says the change log in `ProjectStatusAction.java`; Cloud kept them.
    pub(crate) const fn has_periods(self) -> bool {
        matches!(self, Self::Cloud | Self::Server99 | Self::Server67)
    }

    /// `period` came with 8.5 and `caycStatus` with 9.9 (`ProjectStatusAction.java`), but not to Cloud.
    pub(crate) const fn has_cayc_status(self) -> bool {
        matches!(self, Self::Server2025 | Self::Server10 | Self::Server99)
    }

    /// Warnings were deprecated with 7.6: `ProjectStatusAction.java`.
    pub(crate) const fn has_warnings(self) -> bool {
        matches!(self, Self::Server67)
    }

    /// Tasks and analyses have UUIDs where they were seen lately, and had 20 characters of Base64 before.
    const fn has_uuids(self) -> bool {
        matches!(self, Self::Cloud | Self::Server2025)
    }
}

/// What an analysis is of, and how it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Analysis {
    /// The key of the project.
    pub project: String,
    /// The branch, as given to the scanner; the main branch if there is neither this nor a pull request.
    pub branch: Option<String>,
    /// The pull request.
    pub pull_request: Option<String>,
    /// The gate that it computes, if it ends well.
    pub gate: Gate,
    /// How its task ends.
    pub end: End,
    /// How often `api/ce/task` is asked for it before it has ended.
    pub polls: u32,
}

impl Analysis {
    /// Of the main branch, with this gate, and done already. Change the fields for any other.
    pub fn new(project: &str, gate: Gate) -> Self {
        Self {
            project: project.to_owned(),
            branch: None,
            pull_request: None,
            gate,
            end: End::Success,
            polls: 0,
        }
    }

    /// Of a pull request, with this gate, and done already.
    pub fn of_pull_request(project: &str, pull_request: &str, gate: Gate) -> Self {
        Self { pull_request: Some(pull_request.to_owned()), ..Self::new(project, gate) }
    }
}

/// How the task of an analysis ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The gate is computed.
    Success,
    /// The server could not make sense of the report.
    Failed {
        /// What it says about it.
        message: String,
    },
    /// Somebody cancelled it.
    Canceled,
    /// The server forgets it, as it does with all tasks in time.
    Vanishes,
}

/// What the scanner leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The task to ask for.
    pub task_id: String,
    /// The analysis, which exists once the task has succeeded.
    pub analysis_id: String,
    /// The content of `report-task.txt`.
    pub report_task: String,
}

/// Everything the service knows.
///
/// Methods that add to it return it, so that calls can be chained. Projects are named by their keys.
#[derive(Clone, Debug)]
pub struct Projects {
    dialect: Dialect,
    base_path: String,
    public_url: Option<String>,
    served_at: Option<String>,
    retired: Option<u16>,
    known: BTreeMap<String, Project>,
    credentials: BTreeMap<String, Credential>,
    tasks: BTreeMap<String, Task>,
    changes: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Project {
    pub(crate) name: String,
    pub(crate) private: bool,
    /// Everything that something was submitted for.
    places: BTreeMap<Place, Latest>,
}

/// The latest analysis of a place.
#[derive(Clone, Debug, Default)]
struct Latest {
    task: Option<String>,
}

/// What has a gate of its own in a project.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Main,
    Branch(String),
    PullRequest(String),
}

impl Place {
    /// A pull request counts before a branch; nobody can give both.
    pub(crate) fn of(branch: Option<String>, pull_request: Option<String>) -> Self {
        match (pull_request, branch) {
            (Some(pull_request), _) => Self::PullRequest(pull_request),
            (None, Some(branch)) if branch != MAIN => Self::Branch(branch),
            (None, _) => Self::Main,
        }
    }
}

/// A task of the compute engine, and the analysis that comes of it.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) analysis_id: String,
    pub(crate) project: String,
    pub(crate) place: Place,
    pub(crate) gate: Gate,
    pub(crate) end: End,
    pub(crate) submitted_at: String,
    pub(crate) started_at: Option<String>,
    pub(crate) executed_at: Option<String>,
    pending: u32,
}

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Pending,
    InProgress,
    Ended,
}

impl Projects {
    /// A service that nobody uses yet.
    pub const fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            base_path: String::new(),
            public_url: None,
            served_at: None,
            retired: None,
            known: BTreeMap::new(),
            credentials: BTreeMap::new(),
            tasks: BTreeMap::new(),
            changes: 0,
        }
    }

    /// Below a path, such as `/sonar`: `sonar.web.context`.
    ///
    /// # Panics
    /// When it does not begin with a slash, or ends with one.
    #[must_use]
    pub fn with_base_path(mut self, base_path: &str) -> Self {
        assert!(base_path.starts_with('/') && !base_path.ends_with('/'), "{base_path} is no base path");
        base_path.clone_into(&mut self.base_path);
        self
    }

    /// With an address that it takes for its own, base path included: `sonar.core.serverBaseURL`.
    #[must_use]
    pub fn with_public_url(mut self, public_url: &str) -> Self {
        self.set_public_url(public_url);
        self
    }

    /// Changes the address that it takes for its own; until then, it is the one without TLS.
    pub fn set_public_url(&mut self, public_url: &str) -> &mut Self {
        self.public_url = Some(public_url.trim_end_matches('/').to_owned());
        self
    }

    /// Adds a project without an analysis.
    pub fn add_project(&mut self, key: &str, name: &str, private: bool) -> &mut Self {
        let places = BTreeMap::from([(Place::Main, Latest::default())]);
        self.known.insert(key.to_owned(), Project { name: name.to_owned(), private, places });
        self
    }

    /// Adds a token.
    pub fn add_token(&mut self, secret: &str, token: Token) -> &mut Self {
        self.credentials.insert(secret.to_owned(), Credential { token, valid: true });
        self
    }

    /// Ends a token's life; to its user, one that expired and one that was revoked are the same.
    ///
    /// # Panics
    /// When there is no such token.
    pub fn revoke(&mut self, secret: &str) -> &mut Self {
        self.credentials.get_mut(secret).expect("only a known token can be revoked").valid = false;
        self
    }

    /// Lets `api/qualitygates/project_status` be gone, with 404 or 410. On Cloud the catalogue calls it
    /// deprecated since September 2025.
    ///
    /// # Panics
    /// With any other status code.
    pub fn retire_project_status(&mut self, status: u16) -> &mut Self {
        assert!(matches!(status, 404 | 410), "a service ends with 404 or 410");
        self.retired = Some(status);
        self
    }

    /// Takes an analysis as a scanner would send it, and gives what the scanner would keep.
    ///
    /// What it computes counts once its task has ended: from the last of [`Analysis::polls`] on, or at once if
    /// that is 0.
    ///
    /// # Panics
    /// When there is no such project; when it is of a branch and of a pull request; and before the service
    /// runs, unless it has a public address, for the scanner writes that down.
    pub fn submit(&mut self, analysis: Analysis) -> Submitted {
        let Analysis { project, branch, pull_request, gate, end, polls } = analysis;
        assert!(branch.is_none() || pull_request.is_none(), "of a branch or of a pull request, not both");
        let (task_id, analysis_id) = (self.id("task"), self.id("analysis"));
        let report_task = self.report_task(&project, branch.as_deref(), pull_request.as_deref(), &task_id);
        let place = Place::of(branch, pull_request);
        // A branch is there once something was submitted for it: `ReportSubmitter.java`.
        self.project_mut(&project).places.entry(place.clone()).or_default();
        let task = Task {
            id: task_id.clone(),
            analysis_id: analysis_id.clone(),
            project,
            place,
            gate,
            end,
            submitted_at: self.tick(),
            started_at: None,
            executed_at: None,
            pending: polls,
        };
        self.tasks.insert(task_id.clone(), task);
        if polls == 0 {
            self.finish(&task_id);
        }
        Submitted { task_id, analysis_id, report_task }
    }

    /// What the service posts to its webhooks when a task ends.
    ///
    /// # Panics
    /// When there is no such task, or none that ended with success or failure; that there is a webhook for no
    /// other is assumed.
    pub fn webhook(&self, task_id: &str) -> String {
        let task = self.tasks.get(task_id).unwrap_or_else(|| panic!("there is no task {task_id}"));
        let ended = task.pending == 0 && matches!(task.end, End::Success | End::Failed { .. });
        assert!(ended, "there is no webhook for {task:?}");
        shapes::webhook(self, task).to_string()
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(crate) fn base_path(&self) -> &str {
        &self.base_path
    }

    pub(crate) const fn retired(&self) -> Option<u16> {
        self.retired
    }

    pub(crate) fn serve_at(&mut self, address: &str) {
        self.served_at = Some(address.to_owned());
    }

    /// The address that it takes for its own, without a slash at its end.
    pub(crate) fn server_url(&self) -> &str {
        let known = self.public_url.as_deref().or(self.served_at.as_deref());
        known.expect("it has an address once it runs, or with a public one")
    }

    pub(crate) fn credential(&self, secret: &str) -> Option<&Credential> {
        self.credentials.get(secret)
    }

    pub(crate) fn project(&self, key: &str) -> Option<&Project> {
        self.known.get(key)
    }

    pub(crate) fn task(&self, id: &str) -> Option<&Task> {
        self.tasks.get(id).filter(|task| task.pending > 0 || task.end != End::Vanishes)
    }

    /// The task of an analysis that was done.
    pub(crate) fn analysis(&self, id: &str) -> Option<&Task> {
        self.tasks
            .values()
            .find(|task| task.analysis_id == id && task.pending == 0 && task.end == End::Success)
    }

    /// Whether something was ever submitted for a place.
    pub(crate) fn has(&self, project: &str, place: &Place) -> bool {
        self.project(project).is_some_and(|project| project.places.contains_key(place))
    }

    /// The latest analysis of a place that was done.
    pub(crate) fn latest(&self, project: &str, place: &Place) -> Option<&Task> {
        let latest = self.project(project)?.places.get(place)?;
        self.tasks.get(latest.task.as_deref()?)
    }

    /// Asks for a task, which brings it forward: waiting in the queue first, then at work.
    pub(crate) fn poll(&mut self, id: &str) -> Stage {
        if self.tasks.get(id).is_none_or(|task| task.pending == 0) {
            return Stage::Ended;
        }
        let now = self.tick();
        let task = self.tasks.get_mut(id).expect("it was just found");
        let stage = if task.started_at.is_none() { Stage::Pending } else { Stage::InProgress };
        task.started_at.get_or_insert(now);
        task.pending -= 1;
        if task.pending == 0 {
            self.finish(id);
        }
        stage
    }

    fn finish(&mut self, id: &str) {
        let now = self.tick();
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        task.started_at.get_or_insert_with(|| now.clone());
        task.executed_at = Some(now);
        if task.end == End::Success {
            let (project, place, id) = (task.project.clone(), task.place.clone(), task.id.clone());
            self.project_mut(&project).places.insert(place, Latest { task: Some(id) });
        }
    }

    fn project_mut(&mut self, key: &str) -> &mut Project {
        self.known.get_mut(key).unwrap_or_else(|| panic!("there is no project {key}"))
    }

    /// As `ReportPublisher.java` writes it: nothing is escaped but the parameters of addresses, and what was
    /// analysed is only in one of them. Current servers do not name an organization.
    fn report_task(
        &self,
        key: &str,
        branch: Option<&str>,
        pull_request: Option<&str>,
        task_id: &str,
    ) -> String {
        let server_url = self.server_url();
        let mut dashboard_url = format!("{server_url}/dashboard?id={}", encode(key));
        for (name, value) in [("branch", branch), ("pullRequest", pull_request)] {
            if let Some(value) = value {
                dashboard_url = format!("{dashboard_url}&{name}={}", encode(value));
            }
        }
        let organization =
            if self.dialect.is_cloud() { format!("organization={ORGANIZATION}\n") } else { String::new() };
        format!(
            "{organization}projectKey={key}\nserverUrl={server_url}\nserverVersion={}\n\
             dashboardUrl={dashboard_url}\nceTaskId={task_id}\n\
             ceTaskUrl={server_url}/api/ce/task?id={}\n",
            self.dialect.version(),
            encode(task_id),
        )
    }

    /// An id that no other thing here has, and that is the same in each run.
    fn id(&mut self, kind: &str) -> String {
        let name = format!("{kind} {} of {:?}", self.tasks.len() + 1, self.dialect);
        if self.dialect.has_uuids() {
            return uuid(&name).trim_matches(['{', '}']).to_owned();
        }
        STANDARD.encode(&fingerprint(&name)[..15])
    }

    /// The time of a change. The sandbox has a clock of its own, one second a change, so that each run gives
    /// the same output.
    fn tick(&mut self) -> String {
        let seconds = self.changes;
        self.changes += 1;
        let (hours, minutes) = (9 + seconds / 3600, seconds / 60 % 60);
        format!("2026-11-{:02}T{:02}:{minutes:02}:{:02}+0000", 2 + hours / 24, hours % 24, seconds % 60)
    }
}

impl Service for Projects {
    fn answer(&mut self, request: &Request) -> Answer {
        api::answer(self, request)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Main => f.write_str(MAIN),
            Self::Branch(name) | Self::PullRequest(name) => f.write_str(name),
        }
    }
}

/// Form encoding, with which both the scanner and the server write parameters into addresses.
pub(crate) fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
