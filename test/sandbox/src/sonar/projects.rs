//! The state of the service: everything that outlives a request.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

use super::analysis::{Analysis, End, Submitted};
use super::gate::Gate;
use super::issues::Issue;
use super::tokens::{Credential, Token};
use super::{api, shapes};
use crate::canary;
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

    /// Impacts came with 10.2: `SearchResponseFormat.java`.
    pub(crate) const fn has_impacts(self) -> bool {
        matches!(self, Self::Cloud | Self::Server2025 | Self::Server10)
    }

    /// The parameter that leaves the new code: the old one went with 10.0 and stayed on Cloud, the new one came with 9.4.
    pub(crate) const fn knows_new_code_parameter(self, name: &str) -> bool {
        let is_old = matches!(name.as_bytes(), b"sinceLeakPeriod");
        match self {
            Self::Cloud | Self::Server67 => is_old,
            Self::Server2025 | Self::Server10 => !is_old,
            Self::Server99 => true,
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
    has_measures: bool,
    starting: u32,
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
    pub(crate) revision: Option<String>,
    pub(crate) source_branch: Option<String>,
    pub(crate) issues: Vec<Issue>,
    /// How many were submitted before it.
    number: usize,
    /// When it ends, where that was chosen.
    ends_at: Option<String>,
    /// Whether its analysis was deleted.
    deleted: bool,
    pending: u32,
}

impl Task {
    /// How far it is.
    pub(crate) fn stage(&self) -> Stage {
        match (self.pending, &self.started_at) {
            (0, _) => Stage::Ended,
            (_, None) => Stage::Pending,
            (_, Some(_)) => Stage::InProgress,
        }
    }

    fn has_analysis(&self) -> bool {
        self.pending == 0 && self.end == End::Success && !self.deleted
    }
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
            has_measures: true,
            starting: 0,
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

    /// Lets `api/measures/component` have no measure of any project, as before a first analysis: the answer is 200
    /// with an empty list (`ComponentAction.java`).
    pub fn lose_measures(&mut self) -> &mut Self {
        self.has_measures = false;
        self
    }

    /// Lets the service start anew: for that many requests it has only what `PlatformLevelSafeMode.java` lists. What
    /// else is asked for gets 404 `Unknown url`, and `api/system/status` says `STARTING`.
    pub fn start_anew(&mut self, requests: u32) -> &mut Self {
        self.starting = requests;
        self
    }

    /// Deletes an analysis that was done, as housekeeping does in time; its task is still told.
    /// <https://docs.sonarsource.com/sonarqube-server/project-administration/maintaining-project/housekeeping>
    ///
    /// # Panics
    /// When there is none with this id.
    pub fn delete_analysis(&mut self, id: &str) -> &mut Self {
        let task = self.tasks.values_mut().find(|task| task.analysis_id == id);
        task.unwrap_or_else(|| panic!("there is no analysis {id}")).deleted = true;
        self
    }

    /// Deletes a branch with its analyses, as housekeeping does in time; its tasks are still told.
    ///
    /// # Panics
    /// When nothing was submitted for it.
    pub fn delete_branch(&mut self, project: &str, branch: &str) -> &mut Self {
        self.delete(project, &Place::Branch(branch.to_owned()))
    }

    /// The same for a pull request.
    ///
    /// # Panics
    /// As there.
    pub fn delete_pull_request(&mut self, project: &str, pull_request: &str) -> &mut Self {
        self.delete(project, &Place::PullRequest(pull_request.to_owned()))
    }

    fn delete(&mut self, project: &str, place: &Place) -> &mut Self {
        let removed = self.project_mut(project).places.remove(place);
        assert!(removed.is_some(), "{project} has no {place}");
        let of_it = self.tasks.values_mut().filter(|task| task.project == project && task.place == *place);
        of_it.for_each(|task| task.deleted = true);
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
        let Analysis { project, branch, pull_request, source_branch, gate, end, polls, .. } = analysis;
        let Analysis { submitted_at, executed_at, revision, issues, .. } = analysis;
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
            submitted_at: submitted_at.clone().unwrap_or_else(|| self.tick()),
            number: self.tasks.len(),
            started_at: None,
            executed_at: None,
            ends_at: executed_at.or(submitted_at),
            revision,
            source_branch,
            issues,
            deleted: false,
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
        self.tasks.values().find(|task| task.analysis_id == id && task.has_analysis())
    }

    /// The analyses of a place that were done, newest first.
    pub(crate) fn analyses(&self, project: &str, place: &Place) -> Vec<&Task> {
        let of_it = |task: &&Task| task.project == project && task.place == *place && task.has_analysis();
        let mut found: Vec<_> = self.tasks.values().filter(of_it).collect();
        found.sort_by_key(|task| Reverse(task.number));
        found
    }

    /// The tasks of a project that wait or are at work, oldest first, and the last one that ended; one that was
    /// cancelled is never that: <https://github.com/SonarSource/sonarqube/pull/674>.
    pub(crate) fn queue_and_current(&self, project: &str) -> (Vec<&Task>, Option<&Task>) {
        let mut of_it: Vec<_> = self.tasks.values().filter(|task| task.project == project).collect();
        of_it.sort_by_key(|task| task.number);
        let (queue, ended): (Vec<_>, Vec<_>) = of_it.into_iter().partition(|task| task.pending > 0);
        let is_last = |task: &&Task| !matches!(task.end, End::Canceled | End::Vanishes);
        (queue, ended.into_iter().rfind(is_last))
    }

    /// The pull requests of a project that something was submitted for.
    pub(crate) fn pull_requests(&self, project: &str) -> Vec<&str> {
        let places = self.project(project).into_iter().flat_map(|project| project.places.keys());
        places
            .filter_map(|place| match place {
                Place::PullRequest(id) => Some(id.as_str()),
                Place::Main | Place::Branch(_) => None,
            })
            .collect()
    }

    /// The main branch of a project, and the others that something was submitted for.
    pub(crate) fn branches(&self, project: &str) -> Vec<&Place> {
        let places = self.project(project).into_iter().flat_map(|project| project.places.keys());
        places.filter(|place| !matches!(place, Place::PullRequest(_))).collect()
    }

    pub(crate) const fn has_measures(&self) -> bool {
        self.has_measures
    }

    /// Whether the service is starting while this request is answered.
    pub(crate) fn is_starting(&mut self) -> bool {
        let is_starting = self.starting > 0;
        self.starting = self.starting.saturating_sub(1);
        is_starting
    }

    /// Whether something was ever submitted for a place.
    pub(crate) fn has(&self, project: &str, place: &Place) -> bool {
        self.project(project).is_some_and(|project| project.places.contains_key(place))
    }

    /// The latest analysis of a place that was done.
    pub(crate) fn latest(&self, project: &str, place: &Place) -> Option<&Task> {
        let latest = self.project(project)?.places.get(place)?;
        self.tasks.get(latest.task.as_deref()?).filter(|task| task.has_analysis())
    }

    /// Asks for a task, which brings it forward: waiting in the queue first, then at work.
    pub(crate) fn poll(&mut self, id: &str) -> Stage {
        if self.tasks.get(id).is_none_or(|task| task.pending == 0) {
            return Stage::Ended;
        }
        let now = self.tick();
        let task = self.tasks.get_mut(id).expect("it was just found");
        let stage = if task.started_at.is_none() { Stage::Pending } else { Stage::InProgress };
        task.started_at.get_or_insert_with(|| task.ends_at.clone().unwrap_or(now));
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
        let now = task.ends_at.clone().unwrap_or(now);
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
    fn foreign_secrets() -> &'static canary::Pieces {
        &canary::PIECES_OF_BITBUCKET
    }

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
