//! The repository and commit a status goes to, and how the commit is found.
//!
//! Pipelines describes the build that runs (`BITBUCKET_*`). Those values serve as defaults only while
//! the target is the pipeline's own repository and the user names no other commit, pull request or branch: in a
//! central pipeline they describe the central repository, and a status would land on the wrong commit.

use std::fmt;

use crate::{
    config::findings::{Findings, shown},
    config::parse::in_digits,
    config::variables::Variables,
    explain::handbook::CENTRAL_COMMIT,
};

/// A repository of Bitbucket Cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Workspace id, or its UUID in braces.
    pub workspace: String,
    /// Repository slug, or its UUID in braces.
    pub slug: String,
}

/// A commit hash of 7 to 40 hexadecimal digits in lower case. Pull-request pipelines have 12 digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitHash(String);

/// Number of a pull request within its repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PullRequestId(pub u32);

/// Where a status goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The repository that holds the commit; for a pull request from a fork, the fork.
    pub repository: Repository,
    /// The commit.
    pub commit: CommitHash,
    /// Source branch that the status belongs to.
    pub refname: Option<String>,
}

/// The target as far as the variables tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPlan {
    /// The repository that the user named; pull requests and branches are looked up here.
    pub repository: Repository,
    /// How to find the commit.
    pub commit: CommitSource,
    /// The branch that the status belongs to, when the variables tell it.
    pub refname: Option<String>,
}

/// How the commit of a target is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitSource {
    /// It is given: nothing is looked up, unless Bitbucket does not know it and a pull request is known.
    Given {
        /// The commit.
        commit: CommitHash,
        /// The pull request whose source commit is used when Bitbucket does not know `commit`.
        fallback: Option<PullRequestId>,
    },
    /// The pull request is asked for its source repository, branch and commit.
    PullRequest {
        /// The pull request.
        id: PullRequestId,
        /// The commit that wins over the pull request's own.
        commit: Option<CommitHash>,
    },
    /// The branch is asked for its head commit.
    Branch(String),
}

/// Names it as the reader knows it.
impl fmt::Display for TargetPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.repository, self.commit)
    }
}

impl fmt::Display for CommitSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given { commit, .. } => write!(f, "commit {}", commit.digits()),
            Self::PullRequest { id, .. } => write!(f, "pull request {id}"),
            Self::Branch(branch) => write!(f, "branch {branch}"),
        }
    }
}

/// Something to look up in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lookup<'a> {
    /// The source of a pull request.
    PullRequest(PullRequestId),
    /// The head of a branch.
    Branch(&'a str),
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.workspace, self.slug)
    }
}

impl fmt::Display for CommitHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PullRequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Repository {
    /// From `workspace/slug`, as Bitbucket's answers give it.
    pub fn from_full_name(full_name: &str) -> Option<Self> {
        let (workspace, slug) = full_name.split_once('/')?;
        (is_name(workspace) && is_name(slug))
            .then(|| Self { workspace: workspace.to_owned(), slug: slug.to_owned() })
    }

    /// Whether it is named by a UUID, as Bitbucket's answers never name it.
    pub fn is_by_uuid(&self) -> bool {
        self.workspace.starts_with('{') || self.slug.starts_with('{')
    }

    /// The address of the repository's pages.
    pub fn page(&self) -> String {
        format!("https://bitbucket.org/{self}")
    }

    /// Whether it is the one whose pipeline runs.
    fn is_own(&self, variables: &Variables) -> bool {
        let same = |name: &str, known: &Option<String>| {
            known.as_deref().is_some_and(|known| name.eq_ignore_ascii_case(known.trim()))
        };
        same(&self.workspace, &variables.bitbucket_workspace)
            && same(&self.slug, &variables.bitbucket_repo_slug)
    }
}

/// The shortest abbreviation that git itself writes.
const COMMIT_MIN_DIGITS: usize = 7;
/// A whole SHA-1.
const COMMIT_MAX_DIGITS: usize = 40;

/// A commit of a repository is known by so many digits, as Bitbucket abbreviates it.
const COMMIT_DIGITS: usize = 12;

impl CommitHash {
    /// The first twelve digits, or fewer when there are no more: the same whether the hash is abbreviated or not.
    pub fn digits(&self) -> &str {
        &self.0[..self.0.len().min(COMMIT_DIGITS)]
    }

    /// The hash, or nothing when the text is none.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (COMMIT_MIN_DIGITS..=COMMIT_MAX_DIGITS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        fits.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both may name one commit: one is the other or its abbreviation.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0) || other.0.starts_with(&self.0)
    }
}

impl TargetPlan {
    /// The target, when nothing has to be looked up.
    pub fn given(&self) -> Option<Target> {
        match &self.commit {
            CommitSource::Given { commit, .. } => Some(self.at(commit.clone())),
            CommitSource::PullRequest { .. } | CommitSource::Branch(_) => None,
        }
    }

    /// The target at a commit of the repository that the user named.
    pub fn at(&self, commit: CommitHash) -> Target {
        Target { repository: self.repository.clone(), commit, refname: self.refname.clone() }
    }

    /// What is looked up, or may have to be when Bitbucket does not know the commit.
    pub fn may_look_up(&self) -> Option<Lookup<'_>> {
        match &self.commit {
            CommitSource::Given { fallback, .. } => fallback.map(Lookup::PullRequest),
            CommitSource::PullRequest { id, .. } => Some(Lookup::PullRequest(*id)),
            CommitSource::Branch(branch) => Some(Lookup::Branch(branch)),
        }
    }

    /// What leads to the target when it is not simply given, in words: `pull request 7 of acme/api`.
    pub fn way(&self) -> Option<String> {
        let Self { repository, commit, refname } = self;
        let way = match commit {
            CommitSource::Given { fallback: None, .. } => return None,
            CommitSource::Branch(branch) => format!("branch {branch} of {repository}"),
            CommitSource::PullRequest { id, commit: None } => format!("pull request {id} of {repository}"),
            CommitSource::PullRequest { id, commit: Some(commit) }
            | CommitSource::Given { fallback: Some(id), commit } => {
                format!("commit {commit}, pull request {id} of {repository}")
            }
        };
        match (commit, refname) {
            (_, None) => Some(way),
            (CommitSource::Branch(branch), Some(refname)) if branch == refname => Some(way),
            (_, Some(refname)) => Some(format!("{way}, branch {refname}")),
        }
    }

    /// Whether a target is in the fork that the pull request comes from.
    pub fn is_in_fork(&self, target: &Target) -> bool {
        target.repository != self.repository && !self.repository.is_by_uuid()
    }

    /// How a target was found: `None` when it is the one that was given.
    pub fn found_by(&self, target: Option<&Target>) -> Option<String> {
        self.way().filter(|_| target.is_none() || target != self.given().as_ref())
    }

    /// The target that the variables name, or the problems that keep them from naming one.
    pub fn from_variables(variables: &Variables, findings: &mut Findings) -> Option<Self> {
        let given = Facts {
            commit: commit("COMMIT", variables.commit.as_deref(), findings),
            pull_request: pull_request("PULL_REQUEST", variables.pull_request.as_deref(), findings),
            branch: branch("BRANCH", variables.branch.as_deref(), findings),
        };
        let refname = branch("REFNAME", variables.refname.as_deref(), findings);
        let Some(repository) = repository(variables, findings) else {
            if variables.bitbucket_commit.is_none() {
                report_no_commit("the target", false, variables, findings);
            }
            return None;
        };
        let own = repository.is_own(variables);
        // What the user gives in full needs nothing of what Pipelines says.
        let build = if own && !(given.commit.is_some() && given.branch.is_some()) {
            Facts {
                commit: commit("BITBUCKET_COMMIT", variables.bitbucket_commit.as_deref(), findings),
                pull_request: pull_request("BITBUCKET_PR_ID", variables.bitbucket_pr_id.as_deref(), findings),
                branch: branch("BITBUCKET_BRANCH", variables.bitbucket_branch.as_deref(), findings),
            }
        } else {
            Facts::default()
        };
        let Some((commit, branch)) = locate(&given, &build) else {
            report_no_commit(&repository.to_string(), own, variables, findings);
            return None;
        };
        warn_of_own_commit(&repository, own, &commit, variables, findings);
        Some(Self { repository, commit, refname: refname.or(branch) })
    }
}

/// A central pipeline that passes on its own commit; a fork has the commits of what it was forked from.
fn warn_of_own_commit(
    repository: &Repository,
    own: bool,
    commit: &CommitSource,
    variables: &Variables,
    findings: &mut Findings,
) {
    let built = variables.bitbucket_commit.as_deref().and_then(|text| CommitHash::parse(text.trim()));
    if let (
        CommitSource::Given { commit, .. } | CommitSource::PullRequest { commit: Some(commit), .. },
        Some(built),
    ) = (commit, built)
        && !own
        && commit.matches(&built)
    {
        findings.warning(format!(
            "COMMIT {commit} is the commit of this pipeline's own repository, probably not one of {repository}: {}",
            CENTRAL_COMMIT.remedy
        ));
    }
}

/// The repository alone, for who does not need to know a commit.
pub fn repository_alone(variables: &Variables, findings: &mut Findings) -> Option<Repository> {
    repository(variables, findings)
}

/// Whether a commit is named, by the user or, for its own repository, by Pipelines.
pub fn names_commit(variables: &Variables) -> bool {
    let given = [&variables.commit, &variables.pull_request, &variables.branch];
    let of_build = [&variables.bitbucket_commit, &variables.bitbucket_pr_id, &variables.bitbucket_branch];
    given.into_iter().any(Option::is_some) || (is_own(variables) && of_build.into_iter().any(Option::is_some))
}

/// Whether the target is the pipeline's own repository, whatever else is wrong with the variables.
pub fn is_own(variables: &Variables) -> bool {
    repository(variables, &mut Findings::default()).is_some_and(|repository| repository.is_own(variables))
}

/// What is said of a commit, by the user or by Pipelines.
#[derive(Debug, Clone, Default)]
struct Facts {
    commit: Option<CommitHash>,
    pull_request: Option<PullRequestId>,
    branch: Option<String>,
}

/// How to find the commit, and its branch when that is known without asking.
///
/// What Pipelines says of its build is used while the user names the same commit, pull request and branch,
/// or none. A build of a pull request may name another commit: the local merge commit that it builds.
fn locate(given: &Facts, build: &Facts) -> Option<(CommitSource, Option<String>)> {
    let same_commit = match (&given.commit, &build.commit) {
        (Some(given), Some(known)) => given.matches(known) || build.pull_request.is_some(),
        _ => true,
    };
    let same_pull_request = given.pull_request.is_none() || given.pull_request == build.pull_request;
    let same_branch = given.branch.is_none() || given.branch == build.branch;
    let nothing = Facts::default();
    let build = if same_commit && same_pull_request && same_branch { build } else { &nothing };

    let branch = given.branch.clone().or_else(|| build.branch.clone());
    let commit = match (&given.commit, given.pull_request) {
        (Some(commit), Some(id)) if branch.is_none() => {
            CommitSource::PullRequest { id, commit: Some(commit.clone()) }
        }
        (Some(commit), id) => {
            CommitSource::Given { commit: commit.clone(), fallback: id.or(build.pull_request) }
        }
        (None, id) => match (&build.commit, id.or(build.pull_request), &branch) {
            (Some(commit), fallback, _) => CommitSource::Given { commit: commit.clone(), fallback },
            (None, Some(id), _) => CommitSource::PullRequest { id, commit: None },
            (None, None, Some(branch)) => CommitSource::Branch(branch.clone()),
            (None, None, None) => return None,
        },
    };
    Some((commit, branch))
}

/// Says what is missing, unless something was given and its own problem is told already.
fn report_no_commit(repository: &str, own: bool, variables: &Variables, findings: &mut Findings) {
    if [&variables.commit, &variables.pull_request, &variables.branch].into_iter().any(Option::is_some) {
        return;
    }
    let found = if own {
        "is not set, and Pipelines gives no BITBUCKET_COMMIT, BITBUCKET_PR_ID or BITBUCKET_BRANCH".to_owned()
    } else if let (Some(workspace), Some(slug)) =
        (&variables.bitbucket_workspace, &variables.bitbucket_repo_slug)
    {
        format!(
            "is not set; the target {repository} is not the pipeline's own repository {}/{}, whose BITBUCKET_COMMIT would be the wrong commit",
            workspace.trim(),
            slug.trim()
        )
    } else {
        format!("is not set: which commit of {repository} is meant cannot be known")
    };
    findings.problem(
        "COMMIT",
        found,
        "one of COMMIT, PULL_REQUEST and BRANCH",
        if own { OWN_COMMIT } else { CENTRAL_COMMIT.remedy },
    );
}

const OWN_COMMIT: &str = "pass COMMIT, PULL_REQUEST or BRANCH; Pipelines sets their defaults in a build";

fn commit(name: &str, text: Option<&str>, findings: &mut Findings) -> Option<CommitHash> {
    let text = text?.trim();
    let commit = CommitHash::parse(text);
    if commit.is_none() {
        findings.problem(
            name,
            format!("is {}, which is no commit hash", shown(text)),
            "7 to 40 hexadecimal digits",
            "pass a hash such as $BITBUCKET_COMMIT; a branch goes into BRANCH, a pull request into PULL_REQUEST",
        );
    }
    commit
}

/// Pull request numbers are database integers; none comes near this.
const PULL_REQUEST_MAX: u32 = i32::MAX.unsigned_abs();

fn pull_request(name: &str, text: Option<&str>, findings: &mut Findings) -> Option<PullRequestId> {
    let text = text?.trim();
    let digits = text.strip_prefix('#').unwrap_or(text);
    let id = in_digits(digits)
        .and_then(|id| u32::try_from(id).ok())
        .filter(|id| (1..=PULL_REQUEST_MAX).contains(id));
    if id.is_none() {
        findings.problem(
            name,
            format!("is {}, which is no pull request number", shown(text)),
            format!("a number from 1 to {PULL_REQUEST_MAX}"),
            "pass the number in the pull request's address, such as $BITBUCKET_PR_ID",
        );
    }
    id.map(PullRequestId)
}

/// What a file system allows for a ref's file name, and so git servers for a branch.
const BRANCH_MAX_CHARS: usize = 255;

/// A branch's plain name; `refs/heads/` before it is taken off, as Bitbucket Cloud knows plain names only.
fn branch(variable: &str, text: Option<&str>, findings: &mut Findings) -> Option<String> {
    let text = text?.trim();
    let name = text.strip_prefix("refs/heads/").unwrap_or(text);
    if is_branch(name) {
        return Some(name.to_owned());
    }
    findings.problem(
        variable,
        format!("is {}, which is no branch name", shown(text)),
        format!("a branch's plain name, at most {BRANCH_MAX_CHARS} characters, as git allows it (no white space, no control characters, none of ~^:?*[\\, no part that begins with a dot)"),
        "pass the name as Bitbucket shows it, such as $BITBUCKET_BRANCH; a tag has no branch: leave it out",
    );
    None
}

/// The rules of <https://git-scm.com/docs/git-check-ref-format> that keep a name out of trouble in an address.
fn is_branch(name: &str) -> bool {
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || "~^:?*[\\".contains(c);
    (1..=BRANCH_MAX_CHARS).contains(&name.chars().count())
        && !name.contains(forbidden)
        && !name.contains("..")
        && name.split('/').all(|part| !part.is_empty() && !part.starts_with('.'))
}

/// Slugs are at most 62 characters when Bitbucket makes them from a name; a margin for older ones.
const SLUG_MAX_CHARS: usize = 128;

/// Whether the text may be a workspace id or a slug, in any case, or a UUID in braces.
pub fn is_name(text: &str) -> bool {
    let bare = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    (1..=SLUG_MAX_CHARS).contains(&bare.len())
        && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && !bare.bytes().all(|byte| byte == b'.')
}

fn repository(variables: &Variables, findings: &mut Findings) -> Option<Repository> {
    let slug = named(
        ("REPO_SLUG", variables.repo_slug.as_deref()),
        ("BITBUCKET_REPO_SLUG", variables.bitbucket_repo_slug.as_deref()),
        findings,
    );
    let slug = match slug.map(|(variable, text)| (variable, split_address(text))) {
        Some((variable, Ok((workspace, slug)))) => Some((variable, workspace, slug)),
        // Such an address would have named the workspace, which is not missing then.
        Some((variable, Err(reason))) => {
            findings.problem(variable, reason.found, SLUG_ACCEPTED, reason.remedy);
            return None;
        }
        None => None,
    };
    let workspace = match slug {
        Some((variable, Some(in_address), _)) => {
            check_workspaces_agree(variables.workspace.as_deref(), variable, in_address, findings);
            Some((variable, in_address))
        }
        _ => named(
            ("WORKSPACE", variables.workspace.as_deref()),
            ("BITBUCKET_WORKSPACE", variables.bitbucket_workspace.as_deref()),
            findings,
        ),
    };
    let workspace = workspace.and_then(|(variable, text)| name(variable, text, findings));
    let slug = slug.and_then(|(variable, _, text)| name(variable, text, findings));
    Some(Repository { workspace: workspace?, slug: slug? })
}

fn check_workspaces_agree(given: Option<&str>, slug_name: &str, in_address: &str, findings: &mut Findings) {
    if let Some(given) = given.map(str::trim)
        && !given.eq_ignore_ascii_case(in_address)
    {
        findings.problem(
            "WORKSPACE",
            format!("is {}, but {slug_name} names the workspace {}", shown(given), shown(in_address)),
            "one workspace",
            format!("leave WORKSPACE out, or pass only the slug as {slug_name}"),
        );
    }
}

/// The user's variable, else what Pipelines says.
fn named<'a>(
    given: (&'static str, Option<&'a str>),
    default: (&'static str, Option<&'a str>),
    findings: &mut Findings,
) -> Option<(&'static str, &'a str)> {
    for (name, value) in [given, default] {
        if let Some(value) = value {
            return Some((name, value.trim()));
        }
    }
    findings.problem(
        given.0,
        format!("is not set, and neither is {}", default.0),
        if given.0 == "WORKSPACE" {
            "the workspace's id, as in bitbucket.org/<workspace>/<slug>"
        } else {
            SLUG_ACCEPTED
        },
        format!("outside Pipelines nothing tells the target: pass {}", given.0),
    );
    None
}

const SLUG_ACCEPTED: &str =
    "a slug, workspace/slug, https://bitbucket.org/workspace/slug or git@bitbucket.org:workspace/slug.git";

struct BadAddress {
    found: String,
    remedy: &'static str,
}

/// The workspace, when the text names one, and the slug: of a slug, `workspace/slug`, or the address of
/// the repository or of one of its pages.
fn split_address(text: &str) -> Result<(Option<&str>, &str), BadAddress> {
    // What the Clone button gives, and a path as a browser shows it.
    let text = text.strip_prefix("git clone ").unwrap_or(text).trim_start();
    let text = text.strip_prefix('/').filter(|rest| rest.contains('/')).unwrap_or(text);
    let path = if let Some((scheme, rest)) = text.split_once("://") {
        if !["https", "http", "ssh"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err(BadAddress {
                found: format!("is {}, an address with the scheme {}", shown(text), shown(scheme)),
                remedy: "copy the address from the repository's Clone button, or pass workspace/slug",
            });
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        check_host(authority)?;
        path
    } else if let Some((authority, path)) = text.split_once(':') {
        check_host(authority)?;
        path
    } else if let Some((host, path)) = text.split_once('/').filter(|(host, _)| is_cloud(without_user(host))) {
        check_host(host)?;
        path
    } else {
        return match text.split_once('/').map(|(workspace, slug)| (workspace, slug.trim_end_matches('/'))) {
            Some((workspace, slug)) if !slug.contains('/') => Ok((Some(workspace), without_git(slug))),
            Some(_) => Err(BadAddress {
                found: format!("is {}, which has more than two parts", shown(text)),
                remedy: "pass workspace/slug; the project of a repository is no part of its name",
            }),
            None => Ok((None, without_git(text))),
        };
    };
    let path = path.trim_start_matches('/');
    // An address of the API names the repository below this.
    let path = path.strip_prefix("2.0/repositories/").unwrap_or(path);
    let mut parts = path.split('/');
    match (parts.next(), parts.next()) {
        // The page of a project, such as bitbucket.org/acme/workspace/projects/APP
        (Some(_), Some("workspace")) if is_page_of_workspace(parts.next()) => Err(BadAddress {
            found: format!("is {}, the address of a page of a workspace", shown(text)),
            remedy: "open the repository's own page and copy its address, or pass workspace/slug",
        }),
        (Some(workspace), Some(slug)) if !workspace.is_empty() && !slug.is_empty() => {
            Ok((Some(workspace), without_git(slug)))
        }
        _ => Err(BadAddress {
            found: format!("is {}, an address without workspace and slug", shown(text)),
            remedy: "copy the address from the repository's Clone button, or pass workspace/slug",
        }),
    }
}

/// Whether what follows `workspace` in an address is a page of it, and not of a repository that has this name.
fn is_page_of_workspace(page: Option<&str>) -> bool {
    page.is_some_and(|page| ["overview", "projects", "repositories", "settings"].contains(&page))
}

/// The host of an address, without who asks it.
fn without_user(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// A clone address ends so; a slug never does.
fn without_git(slug: &str) -> &str {
    slug.strip_suffix(".git").unwrap_or(slug)
}

fn is_cloud(host: &str) -> bool {
    ["bitbucket.org", "www.bitbucket.org", "altssh.bitbucket.org", "api.bitbucket.org"]
        .iter()
        .any(|cloud| host.eq_ignore_ascii_case(cloud))
}

fn check_host(authority: &str) -> Result<(), BadAddress> {
    let host = without_user(authority);
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    if is_cloud(host) {
        return Ok(());
    }
    Err(BadAddress {
        found: format!("is an address on the host {}, which is not Bitbucket Cloud", shown(host)),
        remedy: "Gatepost speaks to Bitbucket Cloud (bitbucket.org) only; Bitbucket Data Center has another API",
    })
}

/// A workspace id or slug in lower case, as Bitbucket keeps them.
fn name(variable: &'static str, text: &str, findings: &mut Findings) -> Option<String> {
    if is_name(text) {
        let lower = text.to_ascii_lowercase();
        if lower != text {
            findings.warning(format!(
                "{variable}: {} has capital letters; Bitbucket's names have none: \"{lower}\" is used",
                shown(text)
            ));
        }
        return Some(lower);
    }
    findings.problem(
        variable,
        format!("has {}, which is no name in a repository's address", shown(text)),
        if variable.ends_with("WORKSPACE") {
            "a workspace id: letters, digits, - _ and ."
        } else {
            SLUG_ACCEPTED
        },
        "copy it from the repository's address, bitbucket.org/<workspace>/<slug>; the name shown on its page may differ",
    );
    None
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    /// What Pipelines says in the build of a branch, of a pull request, and nowhere.
    #[derive(Clone, Copy, PartialEq, Debug)]
    enum Build {
        Branch,
        PullRequest,
        Tag,
        None,
    }

    const FULL: &str = "0123456789abcdef0123456789abcdef01234567";
    const SHORT: &str = "8d081548cabb";

    fn variables(build: Build, repo_slug: Option<&str>) -> Variables {
        let text = |value: &str| Some(value.to_owned());
        let mut v = Variables { repo_slug: repo_slug.map(str::to_owned), ..Variables::default() };
        if build != Build::None {
            v.bitbucket_workspace = text("acme");
            v.bitbucket_repo_slug = text("api");
        }
        match build {
            Build::Branch => {
                v.bitbucket_commit = text(FULL);
                v.bitbucket_branch = text("main");
            }
            Build::PullRequest => {
                v.bitbucket_commit = text(SHORT);
                v.bitbucket_branch = text("feature/login");
                v.bitbucket_pr_id = text("7");
            }
            Build::Tag => v.bitbucket_commit = text(FULL),
            Build::None => {}
        }
        v
    }

    fn plan(v: &Variables) -> Result<TargetPlan, Vec<String>> {
        let mut findings = Findings::default();
        let plan = TargetPlan::from_variables(v, &mut findings);
        match (plan, findings.problems.is_empty()) {
            (Some(plan), true) => Ok(plan),
            (_, false) => Err(findings.problems.into_iter().map(|p| p.variable).collect()),
            (None, true) => panic!("no plan and no problem"),
        }
    }

    /// One line for what is done: the commit's source and the refname.
    fn told(v: &Variables) -> String {
        let Ok(plan) = plan(v) else { return "problem".to_owned() };
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let source = match plan.commit {
            CommitSource::Given { commit, fallback } => format!(
                "commit {:.7}, else pull request {}",
                commit.as_str(),
                or_dash(fallback.map(|id| id.to_string()))
            ),
            CommitSource::PullRequest { id, commit } => format!(
                "ask pull request {id}, commit {:.7}",
                or_dash(commit.map(|commit| commit.to_string()))
            ),
            CommitSource::Branch(branch) => format!("ask branch {branch}"),
        };
        format!("{source}; refname {}", or_dash(plan.refname))
    }

    /// Own or another repository x `COMMIT`, `PULL_REQUEST`, `BRANCH` given or not x kind of build.
    #[test]
    fn every_combination_finds_its_commit() {
        let mut table = String::new();
        for build in [Build::Branch, Build::PullRequest, Build::Tag, Build::None] {
            for repo_slug in ["api", "other"] {
                for bits in 0..8 {
                    let mut v = variables(build, Some(repo_slug));
                    v.workspace = Some("acme".to_owned());
                    let mut given = String::new();
                    if bits & 4 != 0 {
                        v.commit = Some("abcdef1".to_owned());
                        given += "C";
                    }
                    if bits & 2 != 0 {
                        v.pull_request = Some("12".to_owned());
                        given += "P";
                    }
                    if bits & 1 != 0 {
                        v.branch = Some("fix/header".to_owned());
                        given += "B";
                    }
                    writeln!(table, "{build:?} {repo_slug} {given:-<3}: {}", told(&v)).unwrap();
                }
            }
        }
        insta::assert_snapshot!(table, @"
        Branch api ---: commit 0123456, else pull request -; refname main
        Branch api B--: ask branch fix/header; refname fix/header
        Branch api P--: ask pull request 12, commit -; refname -
        Branch api PB-: ask pull request 12, commit -; refname fix/header
        Branch api C--: commit abcdef1, else pull request -; refname -
        Branch api CB-: commit abcdef1, else pull request -; refname fix/header
        Branch api CP-: ask pull request 12, commit abcdef1; refname -
        Branch api CPB: commit abcdef1, else pull request 12; refname fix/header
        Branch other ---: problem
        Branch other B--: ask branch fix/header; refname fix/header
        Branch other P--: ask pull request 12, commit -; refname -
        Branch other PB-: ask pull request 12, commit -; refname fix/header
        Branch other C--: commit abcdef1, else pull request -; refname -
        Branch other CB-: commit abcdef1, else pull request -; refname fix/header
        Branch other CP-: ask pull request 12, commit abcdef1; refname -
        Branch other CPB: commit abcdef1, else pull request 12; refname fix/header
        PullRequest api ---: commit 8d08154, else pull request 7; refname feature/login
        PullRequest api B--: ask branch fix/header; refname fix/header
        PullRequest api P--: ask pull request 12, commit -; refname -
        PullRequest api PB-: ask pull request 12, commit -; refname fix/header
        PullRequest api C--: commit abcdef1, else pull request 7; refname feature/login
        PullRequest api CB-: commit abcdef1, else pull request -; refname fix/header
        PullRequest api CP-: ask pull request 12, commit abcdef1; refname -
        PullRequest api CPB: commit abcdef1, else pull request 12; refname fix/header
        PullRequest other ---: problem
        PullRequest other B--: ask branch fix/header; refname fix/header
        PullRequest other P--: ask pull request 12, commit -; refname -
        PullRequest other PB-: ask pull request 12, commit -; refname fix/header
        PullRequest other C--: commit abcdef1, else pull request -; refname -
        PullRequest other CB-: commit abcdef1, else pull request -; refname fix/header
        PullRequest other CP-: ask pull request 12, commit abcdef1; refname -
        PullRequest other CPB: commit abcdef1, else pull request 12; refname fix/header
        Tag api ---: commit 0123456, else pull request -; refname -
        Tag api B--: ask branch fix/header; refname fix/header
        Tag api P--: ask pull request 12, commit -; refname -
        Tag api PB-: ask pull request 12, commit -; refname fix/header
        Tag api C--: commit abcdef1, else pull request -; refname -
        Tag api CB-: commit abcdef1, else pull request -; refname fix/header
        Tag api CP-: ask pull request 12, commit abcdef1; refname -
        Tag api CPB: commit abcdef1, else pull request 12; refname fix/header
        Tag other ---: problem
        Tag other B--: ask branch fix/header; refname fix/header
        Tag other P--: ask pull request 12, commit -; refname -
        Tag other PB-: ask pull request 12, commit -; refname fix/header
        Tag other C--: commit abcdef1, else pull request -; refname -
        Tag other CB-: commit abcdef1, else pull request -; refname fix/header
        Tag other CP-: ask pull request 12, commit abcdef1; refname -
        Tag other CPB: commit abcdef1, else pull request 12; refname fix/header
        None api ---: problem
        None api B--: ask branch fix/header; refname fix/header
        None api P--: ask pull request 12, commit -; refname -
        None api PB-: ask pull request 12, commit -; refname fix/header
        None api C--: commit abcdef1, else pull request -; refname -
        None api CB-: commit abcdef1, else pull request -; refname fix/header
        None api CP-: ask pull request 12, commit abcdef1; refname -
        None api CPB: commit abcdef1, else pull request 12; refname fix/header
        None other ---: problem
        None other B--: ask branch fix/header; refname fix/header
        None other P--: ask pull request 12, commit -; refname -
        None other PB-: ask pull request 12, commit -; refname fix/header
        None other C--: commit abcdef1, else pull request -; refname -
        None other CB-: commit abcdef1, else pull request -; refname fix/header
        None other CP-: ask pull request 12, commit abcdef1; refname -
        None other CPB: commit abcdef1, else pull request 12; refname fix/header
        ");
    }

    /// The user repeats what Pipelines says: nothing is asked.
    #[test]
    fn naming_the_pipelines_own_pull_request_or_branch_asks_nothing() {
        let mut v = variables(Build::PullRequest, None);
        let expected = "commit 8d08154, else pull request 7; refname feature/login";
        assert_eq!(told(&v), expected);
        v.pull_request = Some("7".to_owned());
        assert_eq!(told(&v), expected);
        v.branch = Some("feature/login".to_owned());
        assert_eq!(told(&v), expected);
        v.commit = Some(SHORT.to_owned());
        assert_eq!(told(&v), expected);
    }

    #[test]
    fn a_central_pipeline_never_uses_its_own_commit() {
        for build in [Build::Branch, Build::PullRequest, Build::Tag] {
            let mut v = variables(build, Some("other"));
            assert_eq!(plan(&v), Err(vec!["COMMIT".to_owned()]));
            v.repo_slug = Some("elsewhere/api".to_owned());
            assert_eq!(plan(&v), Err(vec!["COMMIT".to_owned()]));
            v.repo_slug = Some("ACME/API".to_owned());
            assert!(plan(&v).is_ok(), "the same repository in other letters");
        }
    }

    #[test]
    fn a_refname_does_not_tell_the_repository_of_a_pull_request() {
        let mut v = variables(Build::Branch, Some("other"));
        v.commit = Some("abcdef1".to_owned());
        v.pull_request = Some("12".to_owned());
        assert_eq!(told(&v), "ask pull request 12, commit abcdef1; refname -");
        v.refname = Some("refs/heads/fix/header".to_owned());
        assert_eq!(told(&v), "ask pull request 12, commit abcdef1; refname fix/header");
    }

    #[test]
    fn a_repository_is_read_in_every_form() {
        for text in [
            "acme/api",
            "Acme/API",
            "https://bitbucket.org/acme/api",
            "https://bitbucket.org/acme/api/",
            "git clone https://ci@bitbucket.org/acme/api.git",
            "git clone git@bitbucket.org:acme/api.git",
            "git@bitbucket.org/acme/api.git",
            "/acme/api",
            "https://bitbucket.org/acme/api.git",
            "HTTPS://Bitbucket.org/acme/api",
            "bitbucket.org/acme/api",
            "acme/api/",
            "acme/api.git",
            "https://api.bitbucket.org/2.0/repositories/acme/api/commit/8d081548cabb",
            "https://bitbucket.org/acme/api/pull-requests/7/diff",
            "https://jane@bitbucket.org/acme/api.git",
            "http://bitbucket.org/acme/api",
            "git@bitbucket.org:acme/api.git",
            "ssh://git@bitbucket.org/acme/api.git",
            "ssh://git@altssh.bitbucket.org:443/acme/api.git",
        ] {
            let mut v = variables(Build::None, Some(text));
            v.commit = Some(SHORT.to_owned());
            assert_eq!(plan(&v).unwrap().repository.to_string(), "acme/api", "{text}");
        }
    }

    #[test]
    fn what_names_no_repository_is_a_problem() {
        for text in [
            "my repo",
            "acme/my repo",
            "acme/",
            "/api",
            "a/b/c",
            "..",
            "acme/..",
            "acme/a?b",
            "acme/a#b",
            "ä",
            "https://bitbucket.org/acme",
            "https://bitbucket.org/acme/workspace/projects/APP",
            "https://bitbucket.org/",
            "https://git.acme.example/scm/a/b.git",
            "git@github.com:acme/api.git",
            "acme\n/api",
            "acme/a%2fb",
            &"x".repeat(129),
        ] {
            let mut v = variables(Build::None, Some(text));
            v.workspace = Some("acme".to_owned());
            v.commit = Some(SHORT.to_owned());
            let problems = plan(&v).expect_err(text);
            assert!(["REPO_SLUG", "WORKSPACE"].contains(&problems[0].as_str()), "{text}");
        }
    }

    #[test]
    fn contradicting_workspaces_are_a_problem() {
        let mut v = variables(Build::None, Some("acme/api"));
        v.workspace = Some("other".to_owned());
        v.commit = Some(SHORT.to_owned());
        assert_eq!(plan(&v), Err(vec!["WORKSPACE".to_owned()]));
    }

    #[test]
    fn a_clone_address_never_shows_its_token() {
        let mut findings = Findings::default();
        let v = variables(Build::None, Some("https://x-token-auth:s3cret@github.com/acme/api"));
        TargetPlan::from_variables(&v, &mut findings);
        assert!(!format!("{findings:?}").contains("s3cret"));
    }

    #[test]
    fn numbers_and_hashes_have_bounds() {
        for bad in ["0", "-1", "1.5", "seven", "2147483648", "99999999999999999999", "#", "+7", "7 8"] {
            let mut v = variables(Build::Branch, None);
            v.pull_request = Some(bad.to_owned());
            assert_eq!(plan(&v), Err(vec!["PULL_REQUEST".to_owned()]), "{bad}");
        }
        for bad in ["HEAD", "main", "abcdef", &"a".repeat(41), "abcdefg1", "abc def1", "0x1234567"] {
            let mut v = variables(Build::Branch, None);
            v.commit = Some(bad.to_owned());
            assert_eq!(plan(&v), Err(vec!["COMMIT".to_owned()]), "{bad}");
        }
    }

    #[test]
    fn a_branch_name_cannot_leave_its_place_in_an_address() {
        for bad in
            ["a b", "../x", "a/../b", ".", "a//b", "/a", "a/", "a\tb", "a?b", "a\u{7f}b", &"x".repeat(256)]
        {
            let mut v = variables(Build::None, Some("acme/api"));
            v.branch = Some(bad.to_owned());
            assert_eq!(plan(&v), Err(vec!["BRANCH".to_owned()]), "{bad:?}");
        }
        for good in ["main", "feature/ä#1", "a-b_c.d", "x%2fy", "release/1.0"] {
            assert!(is_branch(good), "{good}");
        }
    }

    #[test]
    fn an_abbreviation_matches_its_whole_hash() {
        let hash = |text| CommitHash::parse(text).unwrap();
        assert!(hash(FULL).matches(&hash("0123456789AB")));
        assert!(hash("0123456").matches(&hash(FULL)));
        assert!(!hash("0123457").matches(&hash(FULL)));
    }
}
