//! A request that did not get through: what was sent, what came back, and what further reads told. This is the
//! evidence that `crate::explain` explains.

use std::{fmt, time::Duration};

use reqwest::{Method, StatusCode, Url, header::WWW_AUTHENTICATE};

use crate::{
    console::text::{fit, one_line},
    http::{
        body::{is_bitbuckets, words},
        retry,
        service::Service,
        transport::{Answer, Failure},
    },
    model::target::{CommitHash, PullRequestId, Repository},
};

/// A request that did not get through.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Who refused, and as whom we asked.
    pub service: Service,
    /// What the request was for.
    pub purpose: Purpose,
    /// The method.
    pub method: Method,
    /// The address.
    pub url: Url,
    /// What came back.
    pub came: Came,
    /// How often it was sent.
    pub attempts: u32,
    /// When trying again makes sense, if that was after the deadline.
    pub again_in: Option<Duration>,
    /// What was found out after a status was refused.
    pub clues: Clues,
    /// Whether it is an INPROGRESS that may have arrived all the same, and STOPPED was posted over it.
    pub stopped_over: bool,
}

/// What a request is for; shown, it completes "failed to ...".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// To post a status.
    PostStatus(Repository, CommitHash),
    /// To find the source of a pull request.
    FindPullRequest(Repository, PullRequestId),
    /// To find the head of a branch.
    FindBranch(Repository, String),
    /// To see whether a repository is there.
    SeeRepository(Repository),
    /// To see whether a commit is there.
    SeeCommit(Repository, CommitHash),
    /// To see who created a status.
    SeeStatus(Repository, CommitHash),
    /// To ask SonarQube.
    AskSonarQube(&'static str),
}

/// What came back.
#[derive(Debug, Clone)]
pub enum Came {
    /// An answer that refuses.
    Refused(Answer),
    /// An answer that accepts but cannot be what the service says; with what is wrong with it.
    Unusable(Answer, &'static str),
    /// No whole answer.
    Nothing(Failure),
}

/// What further reads told after a status was refused; nothing before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clues {
    /// Whether the credential sees the repository.
    pub sees_repository: Option<bool>,
    /// Whether the repository has the commit.
    pub has_commit: Option<bool>,
    /// Whose the status with this key is.
    pub owner: Option<Owner>,
    /// Whether the repository is the fork that a pull request comes from.
    pub is_forks: bool,
    /// Whether the pull request was asked for its source commit, too.
    pub asked_pull_request: bool,
}

/// Whose a status is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// There is none.
    Nobody,
    /// Somebody whom Bitbucket does not name.
    Unnamed,
    /// Who created it.
    Creator(Creator),
}

/// Who created a status, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creator {
    /// The name that Bitbucket shows; of an access token, the token's.
    pub name: String,
    /// Whether it is a person; `None` when Bitbucket does not tell.
    pub is_person: Option<bool>,
    /// The day, `2026-11-02`.
    pub day: Option<String>,
}

/// Real ones have some 50.
const CHALLENGE_MAX_CHARS: usize = 80;

impl Refusal {
    /// The status code, when an answer came.
    pub const fn status(&self) -> Option<StatusCode> {
        match &self.came {
            Came::Refused(answer) | Came::Unusable(answer, _) => Some(answer.status),
            Came::Nothing(_) => None,
        }
    }

    /// Whether Bitbucket says that what was asked for is not there; others say 404, too, and mean something else.
    pub fn is_not_there(&self) -> bool {
        matches!(&self.came, Came::Refused(answer) if answer.status == StatusCode::NOT_FOUND && is_bitbuckets(answer))
    }

    /// Whether it speaks of the moment: another try may end otherwise.
    pub fn is_passing(&self) -> bool {
        match &self.came {
            Came::Refused(answer) => retry::is_passing(answer.status),
            Came::Unusable(..) => false,
            Came::Nothing(failure) => failure.is_passing(),
        }
    }

    /// What was sent, without the secret.
    pub fn sent(&self) -> String {
        let times = match self.attempts {
            0 => ", not sent".to_owned(),
            1 => String::new(),
            attempts => format!(", {attempts} times"),
        };
        format!("{} {} {}{times}", self.method, self.url, self.service.with())
    }

    /// What came back, in the service's own words.
    pub fn answered(&self) -> String {
        let told = |answer: &Answer| {
            let challenge = answer.headers.get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
            let challenge = match challenge {
                Some(challenge) if answer.status == StatusCode::UNAUTHORIZED => {
                    format!(" (www-authenticate: {})", fit(&one_line(challenge), CHALLENGE_MAX_CHARS))
                }
                _ => String::new(),
            };
            format!("{}, {}{challenge}", answer.status, words(answer))
        };
        let answered = match &self.came {
            Came::Refused(answer) => told(answer),
            Came::Unusable(answer, wrong) => format!("{}, but {wrong}", told(answer)),
            Came::Nothing(failure) => failure.to_string(),
        };
        if self.attempts == 0 { format!("to a request before it: {answered}") } else { answered }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {}: ", self.purpose)?;
        if self.attempts == 0 {
            f.write_str(match self.again_in {
                Some(_) => "not sent, because an answer before it asked for a pause: ",
                None => "not sent, because requests before it failed for too long, the newest so: ",
            })?;
        }
        match &self.came {
            Came::Refused(answer) | Came::Unusable(answer, _) => {
                write!(f, "{} answered {}", self.service, answer.status)
            }
            Came::Nothing(failure) => write!(f, "{failure}"),
        }
    }
}

impl Purpose {
    /// The repository that it is about.
    pub const fn repository(&self) -> Option<&Repository> {
        match self {
            Self::PostStatus(repository, _)
            | Self::FindPullRequest(repository, _)
            | Self::FindBranch(repository, _)
            | Self::SeeRepository(repository)
            | Self::SeeCommit(repository, _)
            | Self::SeeStatus(repository, _) => Some(repository),
            Self::AskSonarQube(_) => None,
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PostStatus(..) => f.write_str("post the status"),
            Self::FindPullRequest(repository, id) => write!(f, "look up pull request {id} of {repository}"),
            Self::FindBranch(repository, branch) => write!(f, "look up branch {branch} of {repository}"),
            Self::SeeRepository(repository) => write!(f, "see the repository {repository}"),
            Self::SeeCommit(repository, commit) => write!(f, "see commit {commit} of {repository}"),
            Self::SeeStatus(_, commit) => write!(f, "see who created the status of commit {commit}"),
            Self::AskSonarQube(what) => f.write_str(what),
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
