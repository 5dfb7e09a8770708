//! Bitbucket Cloud's REST API: one function per endpoint, and wire types that never leave.
//! <https://developer.atlassian.com/cloud/bitbucket/rest/>

use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    client::{Client, Request, unreadable},
    http::Answer,
    refusal::Refusal,
    status::Status,
    target::{CommitHash, PullRequestId, Repository},
};

/// A client of Bitbucket Cloud for one run.
#[derive(Debug, Clone, Copy)]
pub struct Bitbucket<'a>(pub Client<'a>);

/// The source of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequestSource {
    /// The repository that holds the source branch; `None` when a fork was deleted.
    pub repository: Option<Repository>,
    /// The source branch.
    pub branch: String,
    /// Its head, 12 digits.
    pub commit: CommitHash,
}

impl Bitbucket<'_> {
    /// Creates the status, or overwrites the one with its key.
    ///
    /// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/#api-repositories-workspace-repo-slug-commit-commit-statuses-build-post>
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses it or cannot be reached.
    pub async fn post_status(
        &self,
        repository: &Repository,
        commit: &CommitHash,
        status: &Status,
    ) -> Result<(), Box<Refusal>> {
        let request = Request {
            purpose: "post the status".to_owned(),
            method: Method::POST,
            url: self.status_url(repository, commit),
            body: Some(body(status)),
        };
        let sent = self.0.send(&request).await?;
        let wrong = match sent.answer.status {
            StatusCode::OK | StatusCode::CREATED => unlike_a_status(&sent.answer),
            StatusCode::NO_CONTENT => None,
            _ => return Err(self.0.refused(&request, sent)),
        };
        match wrong {
            None => Ok(()),
            Some(wrong) => Err(self.0.unusable(&request, sent, wrong)),
        }
    }

    /// Prints the request that [`Self::post_status`] would send.
    pub fn print_status(&self, repository: &Repository, commit: &CommitHash, status: &Status) {
        self.0.console.line("DRY_RUN: this request was not sent");
        self.0.console.detail(
            "request",
            format_args!("POST {} {}", self.status_url(repository, commit), self.0.service.with()),
        );
        self.0.console.detail("body", body(status));
    }

    /// The source repository, branch and commit of a pull request.
    ///
    /// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/#api-repositories-workspace-repo-slug-pullrequests-pull-request-id-get>
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses it or cannot be reached.
    pub async fn pull_request_source(
        &self,
        repository: &Repository,
        id: PullRequestId,
    ) -> Result<PullRequestSource, Box<Refusal>> {
        #[derive(Deserialize)]
        struct PullRequest {
            source: Source,
        }
        #[derive(Deserialize)]
        struct Source {
            repository: Option<FullName>,
            branch: Name,
            commit: Hash,
        }
        #[derive(Deserialize)]
        struct FullName {
            full_name: String,
        }
        #[derive(Deserialize)]
        struct Name {
            name: String,
        }
        let url = self.url(repository, ["pullrequests", &id.to_string()]);
        self.0
            .get(format!("look up pull request {id} of {repository}"), url, |PullRequest { source }| {
                Some(PullRequestSource {
                    repository: match source.repository {
                        Some(FullName { full_name }) => Some(Repository::from_full_name(&full_name)?),
                        None => None,
                    },
                    branch: source.branch.name,
                    commit: CommitHash::parse(&source.commit.hash)?,
                })
            })
            .await
    }

    /// The head commit of a branch, 40 digits.
    ///
    /// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-refs/#api-repositories-workspace-repo-slug-refs-branches-name-get>
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses it or cannot be reached.
    pub async fn branch_head(
        &self,
        repository: &Repository,
        branch: &str,
    ) -> Result<CommitHash, Box<Refusal>> {
        #[derive(Deserialize)]
        struct Branch {
            target: Hash,
        }
        let path = ["refs", "branches"].into_iter().chain(branch.split('/'));
        let url = self.url(repository, path);
        self.0
            .get(format!("look up branch {branch} of {repository}"), url, |Branch { target }| {
                CommitHash::parse(&target.hash)
            })
            .await
    }

    fn status_url(&self, repository: &Repository, commit: &CommitHash) -> Url {
        self.url(repository, ["commit", commit.as_str(), "statuses", "build"])
    }

    fn url<'p>(&self, repository: &Repository, path: impl IntoIterator<Item = &'p str>) -> Url {
        let repository = ["repositories", &repository.workspace, &repository.slug];
        let path: Vec<&str> = path.into_iter().collect();
        self.0.url(repository.into_iter().chain(path))
    }
}

#[derive(Deserialize)]
struct Hash {
    hash: String,
}

/// A status is text, numbers and enumerations: it always has a JSON form.
fn body(status: &Status) -> String {
    serde_json::to_string(status).unwrap_or_default()
}

/// What shows that an accepting answer is not Bitbucket's: proxies and login pages answer 200 too. An empty one may be.
fn unlike_a_status(answer: &Answer) -> Option<&'static str> {
    if answer.body.is_empty() {
        return None;
    }
    match serde_json::from_slice::<Value>(&answer.body) {
        Ok(Value::Object(fields)) if fields.get("type").is_none_or(|kind| kind != "error") => None,
        Ok(_) => Some("the answer is no status"),
        Err(_) => Some(unreadable(answer)),
    }
}
