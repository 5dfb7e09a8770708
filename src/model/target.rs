//! The repository and the commit that a status goes to.

use std::fmt;

/// A repository of Bitbucket Cloud.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Repository {
    /// The id of the workspace, or its UUID in braces.
    pub(crate) workspace: String,
    /// The slug of the repository, or its UUID in braces.
    pub(crate) slug: String,
}

/// A commit hash of 7 to 40 hexadecimal digits in lower case. Pull-request pipelines have 12 digits.
/// A run holds several for each target, so it has no room to grow.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct CommitHash(Box<str>);

/// The number of a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PullRequestId(pub(crate) u32);

/// Where a status goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    /// The repository with the commit; for a pull request from a fork, the fork.
    pub(crate) repository: Repository,
    pub(crate) commit: CommitHash,
    /// The source branch of the status.
    pub(crate) refname: Option<String>,
}

/// The target, as far as the variables name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TargetPlan {
    /// The repository that the user named: pull requests and branches are looked up here.
    pub(crate) repository: Repository,
    pub(crate) commit: CommitSource,
    /// The source branch of the status, if the variables name it.
    pub(crate) refname: Option<String>,
}

/// How the commit of a target is found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum CommitSource {
    /// It is given. Nothing is looked up, unless Bitbucket does not know the commit and a pull request is known.
    Given {
        commit: CommitHash,
        /// The pull request that the commit belongs to, if it is known.
        fallback: Option<PullRequestId>,
        /// The commit that Pipelines builds, if this is its own repository.
        built: Option<CommitHash>,
    },
    /// The pull request is looked up for its source repository, branch and commit.
    PullRequest {
        id: PullRequestId,
        /// This commit is used instead of the source commit.
        commit: Option<CommitHash>,
        /// The commit that Pipelines builds, if this is its own repository.
        built: Option<CommitHash>,
    },
    /// The branch is looked up for its head commit.
    Branch(String),
}

/// Names the target for the reader.
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
pub(crate) enum Lookup<'a> {
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
    pub(crate) fn from_full_name(full_name: &str) -> Option<Self> {
        let (workspace, slug) = full_name.split_once('/')?;
        (is_name(workspace) && is_name(slug))
            .then(|| Self { workspace: workspace.to_owned(), slug: slug.to_owned() })
    }

    /// Whether both have the same name: Bitbucket's names have no case.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.workspace.eq_ignore_ascii_case(&other.workspace) && self.slug.eq_ignore_ascii_case(&other.slug)
    }

    /// Whether a UUID names it; Bitbucket's answers use names.
    pub(crate) fn is_by_uuid(&self) -> bool {
        self.workspace.starts_with('{') || self.slug.starts_with('{')
    }

    /// The address of its page.
    pub(crate) fn page(&self) -> String {
        format!("https://bitbucket.org/{self}").replace('{', "%7B").replace('}', "%7D")
    }
}

/// The shortest abbreviation that git itself writes.
const COMMIT_MIN_DIGITS: usize = 7;
/// A whole SHA-1.
const COMMIT_MAX_DIGITS: usize = 40;

/// Bitbucket abbreviates hashes to this number of digits.
const COMMIT_DIGITS: usize = 12;

impl CommitHash {
    /// The first twelve digits, or all if there are fewer.
    pub(crate) fn digits(&self) -> &str {
        &self.0[..self.0.len().min(COMMIT_DIGITS)]
    }

    /// The hash, if the text is one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let fits = (COMMIT_MIN_DIGITS..=COMMIT_MAX_DIGITS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        fits.then(|| Self(text.to_ascii_lowercase().into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both may be the same commit: one hash begins with the other.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0.starts_with(&*other.0) || other.0.starts_with(&*self.0)
    }
}

impl TargetPlan {
    /// The target, if nothing must be looked up.
    pub(crate) fn given(&self) -> Option<Target> {
        match &self.commit {
            CommitSource::Given { commit, .. } => Some(self.at(commit.clone())),
            CommitSource::PullRequest { .. } | CommitSource::Branch(_) => None,
        }
    }

    /// The target at a commit of the repository that the user named.
    pub(crate) fn at(&self, commit: CommitHash) -> Target {
        Target { repository: self.repository.clone(), commit, refname: self.refname.clone() }
    }

    /// The lookup that finds the commit, or that is needed when Bitbucket does not know the commit.
    pub(crate) fn may_look_up(&self) -> Option<Lookup<'_>> {
        match &self.commit {
            CommitSource::Given { fallback, .. } => fallback.map(Lookup::PullRequest),
            CommitSource::PullRequest { id, .. } => Some(Lookup::PullRequest(*id)),
            CommitSource::Branch(branch) => Some(Lookup::Branch(branch)),
        }
    }

    /// The commit that Pipelines builds, if this is its own repository.
    pub(crate) const fn built(&self) -> Option<&CommitHash> {
        match &self.commit {
            CommitSource::Given { built, .. } | CommitSource::PullRequest { built, .. } => built.as_ref(),
            CommitSource::Branch(_) => None,
        }
    }

    /// Whether a target is in the fork that the pull request comes from.
    pub(crate) fn is_in_fork(&self, target: &Target) -> bool {
        target.repository != self.repository && !self.repository.is_by_uuid()
    }
}

/// Bitbucket makes slugs of at most 62 characters; older ones may be longer.
const SLUG_MAX_CHARS: usize = 128;

/// Whether the text may be a workspace id or a slug, in any case, or a UUID in braces.
pub(crate) fn is_name(text: &str) -> bool {
    let bare = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    (1..=SLUG_MAX_CHARS).contains(&bare.len())
        && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && !bare.bytes().all(|byte| byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn an_abbreviation_matches_its_whole_hash() {
        let hash = |text| CommitHash::parse(text).unwrap();
        assert!(hash(FULL).matches(&hash("0123456789AB")));
        assert!(hash("0123456").matches(&hash(FULL)));
        assert!(!hash("0123457").matches(&hash(FULL)));
    }
}
