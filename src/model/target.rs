//! The repository and the commit that a status goes to.

use std::fmt;

/// A repository of Bitbucket Cloud.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Repository {
    /// Workspace id, or its UUID in braces.
    pub(crate) workspace: String,
    /// Repository slug, or its UUID in braces.
    pub(crate) slug: String,
}

/// A commit hash of 7 to 40 hexadecimal digits in lower case. Pull-request pipelines have 12 digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct CommitHash(String);

/// Number of a pull request within its repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PullRequestId(pub(crate) u32);

/// Where a status goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    /// The repository that holds the commit; for a pull request from a fork, the fork.
    pub(crate) repository: Repository,
    /// The commit.
    pub(crate) commit: CommitHash,
    /// Source branch that the status belongs to.
    pub(crate) refname: Option<String>,
}

/// The target as far as the variables tell it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TargetPlan {
    /// The repository that the user named; pull requests and branches are looked up here.
    pub(crate) repository: Repository,
    /// How to find the commit.
    pub(crate) commit: CommitSource,
    /// The branch that the status belongs to, when the variables tell it.
    pub(crate) refname: Option<String>,
}

/// How the commit of a target is found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum CommitSource {
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

    /// Whether it is named by a UUID, as Bitbucket's answers never name it.
    pub(crate) fn is_by_uuid(&self) -> bool {
        self.workspace.starts_with('{') || self.slug.starts_with('{')
    }

    /// The address of the repository's pages.
    pub(crate) fn page(&self) -> String {
        format!("https://bitbucket.org/{self}")
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
    pub(crate) fn digits(&self) -> &str {
        &self.0[..self.0.len().min(COMMIT_DIGITS)]
    }

    /// The hash, or nothing when the text is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let fits = (COMMIT_MIN_DIGITS..=COMMIT_MAX_DIGITS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        fits.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The digits.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both may name one commit: one is the other or its abbreviation.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0) || other.0.starts_with(&self.0)
    }
}

impl TargetPlan {
    /// The target, when nothing has to be looked up.
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

    /// What is looked up, or may have to be when Bitbucket does not know the commit.
    pub(crate) fn may_look_up(&self) -> Option<Lookup<'_>> {
        match &self.commit {
            CommitSource::Given { fallback, .. } => fallback.map(Lookup::PullRequest),
            CommitSource::PullRequest { id, .. } => Some(Lookup::PullRequest(*id)),
            CommitSource::Branch(branch) => Some(Lookup::Branch(branch)),
        }
    }

    /// Whether a target is in the fork that the pull request comes from.
    pub(crate) fn is_in_fork(&self, target: &Target) -> bool {
        target.repository != self.repository && !self.repository.is_by_uuid()
    }
}

/// Slugs are at most 62 characters when Bitbucket makes them from a name; a margin for older ones.
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
