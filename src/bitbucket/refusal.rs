//! A request that Bitbucket refused, or that did not reach it: the evidence for an explanation.

use std::{fmt, rc::Rc};

use reqwest::StatusCode;

use crate::{
    bitbucket::{answer::Answer, credential::Credential},
    http::failed_request::{Cause, FailedRequest},
    model::{
        status::StatusKey,
        target::{CommitHash, PullRequestId, Repository},
    },
};

/// A request to Bitbucket that failed.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) purpose: Purpose,
    pub(crate) credential: Rc<Credential>,
    pub(crate) failed: FailedRequest,
    /// What the response means, when Bitbucket refused the request.
    pub(crate) answer: Option<Answer>,
    pub(crate) evidence: Evidence,
    /// Whether the request posted an `INPROGRESS` that may have been applied, and `STOPPED` was posted over it.
    pub(crate) is_stopped_over: bool,
}

/// What a request is for. Displayed, it completes "failed to ...".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The token of an OAuth consumer, which all other requests of the consumer need.
    GetToken,
    PostStatus(Repository, CommitHash),
    PostReport(Repository, CommitHash),
    FindPullRequest(Repository, PullRequestId),
    FindBranch(Repository, String),
    /// The repositories of a workspace.
    ListRepositories(String),
    ListPullRequests(Repository),
    ReadRepository(Repository),
    ReadCommit(Repository, CommitHash),
    /// Who created the status with a key.
    ReadCreator(Repository, CommitHash),
    /// The status that stands under a key.
    ReadStatus(Repository, CommitHash, StatusKey),
    ListStatuses(Repository, CommitHash),
}

/// What the run knows beside the response: from the plan, and from further reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// Whether the credential can read the repository.
    pub(crate) reads_repository: Option<bool>,
    /// Whether the repository has the commit.
    pub(crate) has_commit: Option<bool>,
    /// Who created the status with this key.
    pub(crate) creator: Option<StatusCreator>,
    /// Whether the repository is the fork that a pull request comes from.
    pub(crate) is_fork: bool,
    /// Whether the commit is the one that Pipelines builds.
    pub(crate) is_built: bool,
    /// What the pull request says about its source commit.
    pub(crate) pull_request: PullRequestSays,
    /// Whether an attempt to post the status may have been applied, although that is not known.
    pub(crate) may_stand: bool,
    /// The link that was refused before, when another link was tried.
    pub(crate) refused_link: Option<String>,
}

/// What the pull request says about its source commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum PullRequestSays {
    /// It was not asked.
    #[default]
    NotAsked,
    /// It knows no way out.
    NothingNew,
    /// Its head is another commit by now.
    MovedOn(PullRequestId, CommitHash),
}

/// Who created the status with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StatusCreator {
    /// There is no status with this key.
    NoStatus,
    /// Bitbucket does not name the creator.
    Unnamed,
    Named(Creator),
}

/// The creator of a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Creator {
    /// The name that Bitbucket shows; for an access token, its name.
    pub(crate) name: String,
    /// Whether it is a person; `None` when Bitbucket does not say.
    pub(crate) is_person: Option<bool>,
    /// The day of the creation, such as `2026-11-02`.
    pub(crate) day: Option<String>,
}

impl Refusal {
    /// The refusal that a failed request is; its response is classified here, once.
    pub(crate) fn new(purpose: Purpose, credential: Rc<Credential>, failed: FailedRequest) -> Self {
        let answer = match &failed.cause {
            Cause::Refused(response) => Some(Answer::of(response, &credential.kind, &purpose)),
            Cause::Unusable(..) | Cause::NoResponse(_) => None,
        };
        Self { purpose, credential, failed, answer, evidence: Evidence::default(), is_stopped_over: false }
    }

    /// The status code, when the API responded. An OAuth consumer without a token never asked it.
    pub(crate) fn status_code(&self) -> Option<StatusCode> {
        self.failed.status_code().filter(|_| self.purpose != Purpose::GetToken)
    }

    /// Whether Bitbucket itself says that the object does not exist. Proxies answer 404 as well, and mean something
    /// else.
    pub(crate) fn is_not_found(&self) -> bool {
        let says_so = |cause: &Cause| match cause {
            Cause::Refused(response) => {
                response.status_code == StatusCode::NOT_FOUND && Answer::is_in_bitbuckets_format(response)
            }
            Cause::Unusable(..) | Cause::NoResponse(_) => false,
        };
        self.purpose != Purpose::GetToken && says_so(&self.failed.cause)
    }

    /// Whether the status may stand: an attempt may have been applied, and nothing was posted over it.
    pub(crate) const fn leaves_doubt(&self) -> bool {
        self.evidence.may_stand && !self.is_stopped_over
    }

    /// Whether the credential can read the repository, as far as the response and the further reads tell.
    ///
    /// Bitbucket says "Commit not found" only for a repository that the credential can read.
    pub(crate) fn reads_repository(&self) -> Option<bool> {
        match self.answer {
            Some(Answer::NoCommit) => Some(true),
            _ => self.evidence.reads_repository,
        }
    }
}

impl Purpose {
    /// The repository that the request is about.
    pub(crate) const fn repository(&self) -> Option<&Repository> {
        match self {
            Self::GetToken | Self::ListRepositories(_) => None,
            Self::PostStatus(repository, _)
            | Self::PostReport(repository, _)
            | Self::FindPullRequest(repository, _)
            | Self::FindBranch(repository, _)
            | Self::ListPullRequests(repository)
            | Self::ReadRepository(repository)
            | Self::ReadCommit(repository, _)
            | Self::ReadCreator(repository, _)
            | Self::ReadStatus(repository, ..)
            | Self::ListStatuses(repository, _) => Some(repository),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {}: {}", self.purpose, self.failed)
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GetToken => f.write_str("get a token for the OAuth consumer"),
            Self::PostStatus(..) => f.write_str("post the status"),
            Self::PostReport(..) => f.write_str("post the report"),
            Self::FindPullRequest(repository, id) => write!(f, "look up pull request {id} of {repository}"),
            Self::FindBranch(repository, branch) => write!(f, "look up branch {branch} of {repository}"),
            Self::ListRepositories(workspace) => write!(f, "list the repositories of {workspace}"),
            Self::ListPullRequests(repository) => write!(f, "list the pull requests of {repository}"),
            Self::ReadRepository(repository) => write!(f, "read the repository {repository}"),
            Self::ReadCommit(repository, commit) => write!(f, "read commit {commit} of {repository}"),
            Self::ReadCreator(_, commit) => write!(f, "read who created the status of commit {commit}"),
            Self::ReadStatus(_, commit, key) => {
                write!(f, "read what stands under the key {key} on commit {commit}")
            }
            Self::ListStatuses(repository, commit) => {
                write!(f, "list the statuses of commit {commit} of {repository}")
            }
        }
    }
}

impl fmt::Display for Creator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.is_person {
            Some(true) => "the user ",
            Some(false) => "the access token ",
            None => "",
        };
        write!(f, "{kind}\"{}\"", self.name)?;
        self.day.as_ref().map_or(Ok(()), |day| write!(f, " on {day}"))
    }
}
