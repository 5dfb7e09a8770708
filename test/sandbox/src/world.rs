//! The state of the service: everything that outlives a request.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::{Duration, Instant, SystemTime};

use ring::digest;
use serde_json::{Map, Value};

use crate::allowance::Allowance;
use crate::changes::{Closed, LateCommit, Move};
use crate::credentials::{Credential, Reach};
use crate::oauth::Consumers;
use crate::sonar::date;
use crate::statuses::Statuses;

/// Fewer digits than this are no commit: Git's own shortest abbreviation.
const SHORTEST_HASH: usize = 7;

/// Everything the service knows.
///
/// Methods that add to the world return it, so that calls can be chained. Repositories are named
/// `workspace/slug`.
#[derive(Clone, Debug, Default)]
pub struct World {
    workspaces: BTreeMap<String, BTreeMap<String, Role>>,
    repositories: BTreeMap<String, Repository>,
    users: BTreeMap<String, Account>,
    credentials: BTreeMap<String, Credential>,
    allowances: BTreeMap<String, Allowance>,
    /// E-mail addresses of those whose API tokens an organization keeps out.
    kept_out: BTreeSet<String>,
    pub(crate) consumers: Consumers,
    /// Where a repository is now, by the name that it had.
    pub(crate) moves: BTreeMap<String, Move>,
    /// Repositories that take no writes.
    pub(crate) closed: BTreeMap<String, Closed>,
    pub(crate) late_commits: Vec<LateCommit>,
    /// Repositories that will be deleted, and the number of the request that finds them gone.
    pub(crate) deletions: Vec<(String, u32)>,
    changes: u32,
    requests: u32,
    /// Whether the clock is that of the machine.
    is_at_present: bool,
}

/// What a member of a workspace may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sees the workspace's private repositories.
    Member,
    /// Administers them, too.
    Admin,
}

/// Who did something: a person, or an access token, which Bitbucket treats as a user of its own.
/// <https://developer.atlassian.com/cloud/bitbucket/rest/intro/#access-tokens>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// `user` or `app_user`.
    pub kind: &'static str,
    /// In braces, as Bitbucket writes it.
    pub uuid: String,
    /// The name that reviewers see.
    pub display_name: String,
}

/// A build status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The commit's full hash.
    pub commit: String,
    /// Identity of the status on the commit, together with `refname`.
    pub key: String,
    /// `SUCCESSFUL`, `FAILED`, `INPROGRESS` or `STOPPED`.
    pub state: String,
    /// The title.
    pub name: Option<String>,
    /// One line below the title.
    pub description: Option<String>,
    /// Where a click leads.
    pub url: Option<String>,
    /// The branch whose pull requests show the status; all when unset.
    pub refname: Option<String>,
    /// Who created it.
    pub author: Account,
    /// When it was created, by the sandbox's clock.
    pub created_on: String,
    /// When it was last written.
    pub updated_on: String,
}

/// A Code Insights report.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The commit's full hash.
    pub commit: String,
    /// The id that its creator gave it.
    pub external_id: String,
    /// The report as Bitbucket would return it.
    pub fields: Map<String, Value>,
    /// Its annotations as Bitbucket would return them, in order of arrival.
    pub annotations: Vec<Map<String, Value>>,
}

/// A pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// The repository it wants to be merged into: `workspace/slug`.
    pub repository: String,
    /// Its number there.
    pub id: u64,
    /// Its title.
    pub title: String,
    /// Where it comes from: the same repository, or a fork.
    pub source_repository: String,
    /// The branch it comes from.
    pub source_branch: String,
    /// The branch it goes to.
    pub destination_branch: String,
    /// `OPEN`, `MERGED`, `DECLINED` or `SUPERSEDED`.
    pub state: String,
    /// Whether it is not ready for a review yet.
    pub is_draft: bool,
    /// The head commit, once the branch or the repository it came from is gone.
    pub last_head: Option<String>,
    /// The commit that merged it.
    pub merge_commit: Option<String>,
}

impl PullRequest {
    /// An open pull request from a branch of the repository itself to `main`. Change the fields for any
    /// other.
    pub fn new(repository: &str, id: u64, source_branch: &str) -> Self {
        Self {
            repository: repository.to_owned(),
            id,
            title: format!("Merge {source_branch}"),
            source_repository: repository.to_owned(),
            source_branch: source_branch.to_owned(),
            destination_branch: "main".to_owned(),
            state: "OPEN".to_owned(),
            is_draft: false,
            last_head: None,
            merge_commit: None,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Repository {
    pub(crate) private: bool,
    pub(crate) project: String,
    pub(crate) commits: BTreeSet<String>,
    pub(crate) branches: BTreeMap<String, String>,
    pub(crate) pull_requests: BTreeMap<u64, PullRequest>,
    pub(crate) statuses: Statuses,
    pub(crate) reports: Vec<Report>,
}

impl World {
    /// A service that nobody uses yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an empty repository, and its workspace if there is none of that name.
    ///
    /// # Panics
    /// When the name is not `workspace/slug`.
    pub fn add_repository(&mut self, full_name: &str, private: bool) -> &mut Self {
        let (workspace, _slug) = full_name.split_once('/').expect("a repository is named workspace/slug");
        self.workspaces.entry(workspace.to_owned()).or_default();
        let repository = Repository { private, project: "MAIN".to_owned(), ..Repository::default() };
        self.repositories.insert(full_name.to_owned(), repository);
        self
    }

    /// Adds a fork: a repository with the commits and branches of another.
    ///
    /// # Panics
    /// When there is no such repository to fork.
    pub fn add_fork(&mut self, of: &str, full_name: &str, private: bool) -> &mut Self {
        let origin = self.repository_mut(of).clone();
        self.add_repository(full_name, private);
        let fork = self.repository_mut(full_name);
        fork.commits = origin.commits;
        fork.branches = origin.branches;
        self
    }

    /// Moves a repository to a project, `MAIN` until then.
    ///
    /// # Panics
    /// When there is no such repository.
    pub fn set_project(&mut self, full_name: &str, project: &str) -> &mut Self {
        project.clone_into(&mut self.repository_mut(full_name).project);
        self
    }

    /// Makes a repository private or public.
    ///
    /// # Panics
    /// When there is no such repository.
    pub fn set_private(&mut self, full_name: &str, private: bool) -> &mut Self {
        self.repository_mut(full_name).private = private;
        self
    }

    /// Lets what is written from now on have the time of this machine.
    pub const fn at_present(&mut self) -> &mut Self {
        self.is_at_present = true;
        self
    }

    /// Puts a status on a commit, with its creator and its dates, as if it had been there before.
    ///
    /// # Panics
    /// When there is no such repository.
    pub fn add_status(&mut self, full_name: &str, status: Status) -> &mut Self {
        self.repository_mut(full_name).statuses.write(None, status);
        self
    }

    /// Who acts with a token.
    ///
    /// # Panics
    /// When there is no such token.
    pub fn account_of(&self, secret: &str) -> Account {
        let credential = self.credential(secret).expect("only a known token has an account");
        credential.account(self).expect("a token's owner is added before it is asked for").clone()
    }

    /// Deletes a repository; pull requests from it stay, with the commit they had.
    pub fn delete_repository(&mut self, full_name: &str) -> &mut Self {
        self.freeze_pull_requests(full_name, None);
        self.repositories.remove(full_name);
        self
    }

    /// Adds a commit, given by its 40 hex digits.
    ///
    /// # Panics
    /// When there is no such repository, or the hash is none.
    pub fn add_commit(&mut self, full_name: &str, commit: &str) -> &mut Self {
        assert!(commit.len() == 40 && is_hex(commit), "a commit has 40 lower-case hex digits: {commit}");
        self.repository_mut(full_name).commits.insert(commit.to_owned());
        self
    }

    /// Adds a branch, or moves it.
    ///
    /// # Panics
    /// When there is no such repository, or the hash is none.
    pub fn add_branch(&mut self, full_name: &str, branch: &str, commit: &str) -> &mut Self {
        self.add_commit(full_name, commit);
        self.repository_mut(full_name).branches.insert(branch.to_owned(), commit.to_owned());
        self
    }

    /// Deletes a branch; its commits and pull requests stay.
    ///
    /// # Panics
    /// When there is no such repository.
    pub fn delete_branch(&mut self, full_name: &str, branch: &str) -> &mut Self {
        self.freeze_pull_requests(full_name, Some(branch));
        self.repository_mut(full_name).branches.remove(branch);
        self
    }

    /// Pushes a new commit to a branch, which is created if need be, and returns its hash: the same in every
    /// run.
    ///
    /// # Panics
    /// When there is no such repository.
    pub fn push(&mut self, full_name: &str, branch: &str) -> String {
        let count = self.repository_mut(full_name).commits.len();
        let commit = fingerprint(&format!("commit {full_name} {branch} {count}"));
        self.add_branch(full_name, branch, &commit);
        commit
    }

    /// Opens a pull request.
    ///
    /// # Panics
    /// When its repository does not exist, or its source branch does not and `last_head` is not set either.
    pub fn open_pull_request(&mut self, pull_request: PullRequest) -> &mut Self {
        assert!(self.repository(&pull_request.repository).is_some(), "no repository for {pull_request:?}");
        assert!(self.pull_request_head(&pull_request).is_some(), "no source for {pull_request:?}");
        let repository = self.repository_mut(&pull_request.repository);
        repository.pull_requests.insert(pull_request.id, pull_request);
        self
    }

    /// Adds a person, known to the REST API by e-mail address and to Git by user name.
    pub fn add_user(&mut self, email: &str, username: &str) -> &mut Self {
        let account = Account { kind: "user", uuid: uuid(email), display_name: username.to_owned() };
        self.users.insert(email.to_owned(), account);
        self
    }

    /// Makes a person a member of a workspace.
    pub fn add_member(&mut self, workspace: &str, email: &str, role: Role) -> &mut Self {
        self.workspaces.entry(workspace.to_owned()).or_default().insert(email.to_owned(), role);
        self
    }

    /// Adds an API token of a person. One without scopes is one of the old kind, which Bitbucket refuses.
    pub fn add_api_token(&mut self, secret: &str, email: &str, scopes: &[&str]) -> &mut Self {
        self.credentials.insert(secret.to_owned(), Credential::api_token(email, scopes));
        self
    }

    /// Adds an access token of a repository, project or workspace.
    pub fn add_access_token(&mut self, secret: &str, reach: Reach, scopes: &[&str]) -> &mut Self {
        let name = format!("{} access token", reach.kind());
        let account = Account { kind: "app_user", uuid: uuid(secret), display_name: name };
        self.credentials.insert(secret.to_owned(), Credential::access_token(account, reach, scopes));
        self
    }

    /// Ends a token's life; to its user, one that expired and one that was revoked are the same.
    ///
    /// # Panics
    /// When there is no such token.
    pub fn revoke(&mut self, secret: &str) -> &mut Self {
        self.credentials.get_mut(secret).expect("only a known token can be revoked").revoke();
        self
    }

    /// Lets the organization that manages a person's account keep its API tokens out:
    /// <https://support.atlassian.com/security-and-access-policies/docs/set-api-token-access/>.
    pub fn keep_out_api_tokens(&mut self, email: &str) -> &mut Self {
        self.kept_out.insert(email.to_owned());
        self
    }

    /// Sets how many more requests are answered before the rate limit is reached: for all API tokens of a
    /// person together, for each access token on its own, for all tokens of a consumer, which is named by its key.
    /// <https://support.atlassian.com/bitbucket-cloud/kb/bitbucket-cloud-rate-limit-troubleshooting/>
    ///
    /// # Panics
    /// When there is no such token.
    pub fn set_allowance(&mut self, secret: &str, requests: u32) -> &mut Self {
        self.allow(secret, Allowance::Remainder(requests))
    }

    /// Sets how many requests are answered in any span of that length, on the machine's clock, before the rate
    /// limit is reached: as [`Self::set_allowance`], but each request comes back when the span has passed since
    /// it was made. Access tokens are told this limit instead of the usual one.
    ///
    /// # Panics
    /// When there is no such token.
    pub fn set_allowance_per(&mut self, secret: &str, requests: u32, window: Duration) -> &mut Self {
        self.allow(secret, Allowance::rolling(requests, window))
    }

    /// The commit a branch points to.
    ///
    /// # Panics
    /// When there is no such repository or branch.
    pub fn head(&self, full_name: &str, branch: &str) -> String {
        let head = self.repository(full_name).and_then(|repository| repository.branch(branch));
        head.unwrap_or_else(|| panic!("{full_name} has no branch {branch}")).to_owned()
    }

    /// The statuses of a commit, in order of creation. The hash may be abbreviated.
    pub fn statuses(&self, full_name: &str, commit: &str) -> Vec<Status> {
        let Some(repository) = self.repository(full_name) else {
            return Vec::new();
        };
        let Some(commit) = repository.commit(commit) else {
            return Vec::new();
        };
        repository.statuses.of_commit(&commit).into_iter().cloned().collect()
    }

    /// The reports of a commit. The hash may be abbreviated.
    pub fn reports(&self, full_name: &str, commit: &str) -> Vec<Report> {
        let Some(repository) = self.repository(full_name) else {
            return Vec::new();
        };
        let Some(commit) = repository.commit(commit) else {
            return Vec::new();
        };
        repository.reports.iter().filter(|report| report.commit == commit).cloned().collect()
    }

    /// What reviewers see on a pull request: the statuses of the source branch's head in the source
    /// repository (discussion 366626 of `AppVeyor`), except those that name another branch
    /// (<https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/>).
    pub fn pull_request_statuses(&self, full_name: &str, id: u64) -> Vec<Status> {
        let Some(pull_request) = self.pull_request(full_name, id) else {
            return Vec::new();
        };
        let Some(head) = self.pull_request_head(pull_request) else {
            return Vec::new();
        };
        let mut statuses = self.statuses(&pull_request.source_repository, &head);
        statuses.retain(|status| status.is_for(&pull_request.source_branch));
        statuses
    }

    /// The head commit of a pull request.
    pub(crate) fn pull_request_head(&self, pull_request: &PullRequest) -> Option<String> {
        let source = self.repository(&pull_request.source_repository);
        let head = source.and_then(|source| source.branch(&pull_request.source_branch));
        pull_request.last_head.as_deref().or(head).map(ToOwned::to_owned)
    }

    /// The pull requests that want to be merged into a repository, by their number.
    pub(crate) fn pull_requests(&self, full_name: &str) -> impl Iterator<Item = &PullRequest> {
        self.repository(full_name).into_iter().flat_map(|repository| repository.pull_requests.values())
    }

    pub(crate) fn pull_request(&self, full_name: &str, id: u64) -> Option<&PullRequest> {
        self.repository(full_name)?.pull_requests.get(&id)
    }

    pub(crate) fn has_workspace(&self, workspace: &str) -> bool {
        self.workspaces.contains_key(workspace)
    }

    pub(crate) fn role(&self, workspace: &str, email: &str) -> Option<Role> {
        self.workspaces.get(workspace)?.get(email).copied()
    }

    /// The repositories of a workspace, by name.
    pub(crate) fn repositories_of(&self, workspace: &str) -> impl Iterator<Item = (&str, &Repository)> {
        let is_in =
            move |full_name: &str| full_name.split_once('/').is_some_and(|(name, _)| name == workspace);
        let all = self.repositories.iter().map(|(full_name, repository)| (full_name.as_str(), repository));
        all.filter(move |(full_name, _)| is_in(full_name))
    }

    pub(crate) fn repository(&self, full_name: &str) -> Option<&Repository> {
        self.repositories.get(full_name)
    }

    pub(crate) fn repository_mut(&mut self, full_name: &str) -> &mut Repository {
        self.repositories.get_mut(full_name).unwrap_or_else(|| panic!("there is no repository {full_name}"))
    }

    pub(crate) fn user(&self, email: &str) -> Option<&Account> {
        self.users.get(email)
    }

    pub(crate) fn is_kept_out(&self, email: &str) -> bool {
        self.kept_out.contains(email)
    }

    pub(crate) fn credential(&self, secret: &str) -> Option<&Credential> {
        self.credentials.get(secret)
    }

    /// What an account or a consumer may spend; `None` for as much as it likes.
    pub(crate) fn allowance(&self, counted_on: &str) -> Option<&Allowance> {
        self.allowances.get(counted_on)
    }

    /// Takes one request off an allowance; false when there is none left.
    pub(crate) fn spend(&mut self, counted_on: &str) -> bool {
        self.allowances.get_mut(counted_on).is_none_or(|allowance| allowance.spend(Instant::now()))
    }

    pub(crate) fn repositories_mut(&mut self) -> &mut BTreeMap<String, Repository> {
        &mut self.repositories
    }

    pub(crate) fn credentials_mut(&mut self) -> impl Iterator<Item = &mut Credential> {
        self.credentials.values_mut()
    }

    /// The id of a workspace, which a path may name by its UUID instead.
    pub(crate) fn workspace_id<'w>(&'w self, workspace: &'w str) -> &'w str {
        let owner = self.workspaces.keys().find(|name| workspace.starts_with('{') && uuid(name) == workspace);
        owner.map_or(workspace, String::as_str)
    }

    /// The repository that a path names: each part by its name, or by its UUID in braces.
    /// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/#api-repositories-workspace-repo-slug-get>
    pub(crate) fn full_name(&self, workspace: &str, slug: &str) -> String {
        let is_uuid = |segment: &str| segment.starts_with('{');
        let workspace = self.workspace_id(workspace);
        let as_written = format!("{workspace}/{slug}");
        if !is_uuid(slug) {
            return as_written;
        }
        let of_workspace =
            |name: &&String| name.strip_prefix(workspace).is_some_and(|rest| rest.starts_with('/'));
        let found = self.repositories.keys().filter(of_workspace).find(|name| uuid(name) == slug);
        found.cloned().unwrap_or(as_written)
    }

    pub(crate) fn count_request(&mut self) {
        self.requests += 1;
        self.delete_what_is_due();
    }

    pub(crate) const fn requests(&self) -> u32 {
        self.requests
    }

    /// The time of a change. The sandbox has a clock of its own, one second a change, so that each run gives
    /// the same output.
    pub(crate) fn tick(&mut self) -> String {
        if self.is_at_present {
            return timestamp(SystemTime::now());
        }
        let seconds = self.changes;
        self.changes += 1;
        let (hours, minutes) = (9 + seconds / 3600, seconds / 60 % 60);
        format!(
            "2026-11-{:02}T{:02}:{minutes:02}:{:02}.000000+00:00",
            2 + hours / 24,
            hours % 24,
            seconds % 60
        )
    }

    fn allow(&mut self, secret: &str, allowance: Allowance) -> &mut Self {
        if self.consumers.has(secret) {
            self.allowances.insert(secret.to_owned(), allowance);
            return self;
        }
        let credential = self.credentials.get(secret).expect("only a known token has an allowance");
        let account =
            credential.account(self).expect("a token's owner is added before its allowance").uuid.clone();
        self.allowances.insert(account, allowance);
        self
    }

    /// Lets the pull requests from a branch, or from all of a repository, keep the commit that they have.
    pub(crate) fn freeze_pull_requests(&mut self, full_name: &str, branch: Option<&str>) {
        let Some(source) = self.repository(full_name) else {
            return;
        };
        let mut branches = source.branches.clone();
        branches.retain(|name, _| branch.is_none_or(|branch| branch == name));
        let all = self.repositories.values_mut().flat_map(|repository| repository.pull_requests.values_mut());
        for pull_request in all.filter(|pull_request| pull_request.source_repository == full_name) {
            if let (None, Some(head)) = (&pull_request.last_head, branches.get(&pull_request.source_branch)) {
                pull_request.last_head = Some(head.clone());
            }
        }
    }
}

impl Repository {
    pub(crate) fn branch(&self, name: &str) -> Option<&str> {
        self.branches.get(name).map(String::as_str)
    }

    /// The full hash of a commit. Abbreviations resolve when they are unique: pull requests carry 12 digits,
    /// and `runatlantis/atlantis` #710 shows a status posted with them.
    pub(crate) fn commit(&self, hash: &str) -> Option<String> {
        let hash = hash.to_ascii_lowercase();
        if hash.len() < SHORTEST_HASH || !is_hex(&hash) {
            return None;
        }
        let mut matches = self.commits.range(hash.clone()..).take_while(|commit| commit.starts_with(&hash));
        let found = matches.next()?;
        matches.next().is_none().then(|| found.clone())
    }
}

impl Status {
    /// "Status objects that were either created without a refname, or were created with the specified
    /// refname": <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/>
    pub(crate) fn is_for(&self, refname: &str) -> bool {
        self.refname.as_deref().is_none_or(|own| own == refname)
    }
}

/// The UUID of a workspace, of a repository (`workspace/slug`) or of anything else with a name, in braces: the same in
/// every run.
pub fn uuid(name: &str) -> String {
    let digits = fingerprint(&format!("uuid {name}"));
    format!(
        "{{{}-{}-{}-{}-{}}}",
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..32]
    )
}

/// A time as Bitbucket writes it, such as `2026-11-21T04:10:00.000000+00:00`.
pub fn timestamp(time: SystemTime) -> String {
    date(time).replace("+0000", ".000000+00:00")
}

/// 40 hexadecimal digits, like the hash of a commit, that are the same for the same text in every run.
pub(crate) fn fingerprint(text: &str) -> String {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    digest.as_ref().iter().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").expect("writing to a string does not fail");
        digits
    })
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
