//! Bitbucket Cloud's REST API: one function per endpoint, and wire types that never leave.
//! <https://developer.atlassian.com/cloud/bitbucket/rest/>

use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    bitbucket::scopes::Scopes,
    console::text::{fit, one_line},
    http::{
        client::{Client, Request, unreadable},
        refusal::{Creator, Owner, Purpose, Refusal},
        service::Access,
        transport::Answer,
    },
    model::{
        status::{Status, StatusKey},
        target::{CommitHash, PullRequestId, Repository},
    },
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
    /// The same client with another credential.
    #[must_use]
    pub fn with<'b>(&'b self, access: &'b Access) -> Bitbucket<'b> {
        Bitbucket(Client { service: &access.service, pace: &access.pace, ..self.0 })
    }

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
            purpose: Purpose::PostStatus(repository.clone(), commit.clone()),
            method: Method::POST,
            url: self.status_url(repository, commit),
            body: Some(body(status)),
        };
        let sent = self.0.send(&request).await?;
        let wrong = match sent.answer.status {
            // An empty one may be Bitbucket's.
            StatusCode::OK | StatusCode::CREATED if sent.answer.body.is_empty() => None,
            StatusCode::OK | StatusCode::CREATED => unlike(&sent.answer, "the answer is no status"),
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
        // That is what a dry run is for, however many targets it has.
        let console = self.0.console.of_run();
        console.line("DRY_RUN: this request was not sent");
        console.detail(
            "request",
            format_args!("POST {} {}", self.status_url(repository, commit), self.0.service.with()),
        );
        console.detail("body", body(status));
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
            .get(Purpose::FindPullRequest(repository.clone(), id), url, |PullRequest { source }| {
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
            .get(Purpose::FindBranch(repository.clone(), branch.to_owned()), url, |Branch { target }| {
                CommitHash::parse(&target.hash)
            })
            .await
    }

    /// Sees that a repository is there; what the token's scopes are, when Bitbucket tells.
    ///
    /// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/#api-repositories-workspace-repo-slug-get>
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses it or cannot be reached.
    pub async fn see_repository(&self, repository: &Repository) -> Result<Option<Scopes>, Box<Refusal>> {
        let request = Request {
            purpose: Purpose::SeeRepository(repository.clone()),
            method: Method::GET,
            url: self.url(repository, []),
            body: None,
        };
        let sent = self.0.send(&request).await?;
        if sent.answer.status != StatusCode::OK {
            return Err(self.0.refused(&request, sent));
        }
        if let Some(wrong) = unlike(&sent.answer, "the answer is no repository") {
            return Err(self.0.unusable(&request, sent, wrong));
        }
        let scopes = sent.answer.headers.get("x-oauth-scopes").and_then(|value| value.to_str().ok());
        Ok(scopes.map(Scopes::of_header))
    }

    /// Sees that a repository has a commit.
    ///
    /// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commits/#api-repositories-workspace-repo-slug-commit-commit-get>
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses it or cannot be reached.
    pub async fn see_commit(&self, repository: &Repository, commit: &CommitHash) -> Result<(), Box<Refusal>> {
        let purpose = Purpose::SeeCommit(repository.clone(), commit.clone());
        let url = self.url(repository, ["commit", commit.as_str()]);
        self.0.get(purpose, url, |Hash { hash }| CommitHash::parse(&hash).map(|_| ())).await
    }

    /// Whose the status with a key on a commit is.
    ///
    /// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/#api-repositories-workspace-repo-slug-commit-commit-statuses-build-key-get>
    /// and, for the author, <https://developer.atlassian.com/cloud/bitbucket/bitbucket-api-changes-commit-status/>.
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses it or cannot be reached.
    pub async fn status_owner(
        &self,
        repository: &Repository,
        commit: &CommitHash,
        key: &StatusKey,
    ) -> Result<Owner, Box<Refusal>> {
        #[derive(Deserialize)]
        struct Created {
            created_on: Option<String>,
            author: Option<Author>,
        }
        #[derive(Deserialize)]
        struct Author {
            r#type: Option<String>,
            display_name: Option<String>,
        }
        let purpose = Purpose::SeeStatus(repository.clone(), commit.clone());
        let url = self.url(repository, ["commit", commit.as_str(), "statuses", "build", key.as_str()]);
        // An address cannot have such a part.
        if [".", ".."].contains(&key.as_str()) {
            return Ok(Owner::Unnamed);
        }
        let owner = self.0.get(purpose, url, |Created { created_on, author }| {
            let Some(Author { r#type, display_name: Some(name) }) = author else {
                return Some(Owner::Unnamed);
            };
            let is_day = |day: &&str| day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
            Some(Owner::Creator(Creator {
                name: fit(&one_line(&name), CREATOR_MAX_CHARS),
                is_person: match r#type.as_deref() {
                    Some("user") => Some(true),
                    Some("app_user") => Some(false),
                    _ => None,
                },
                day: created_on.as_ref().and_then(|time| time.get(..10).filter(is_day)).map(str::to_owned),
            }))
        });
        match owner.await {
            Ok(owner) => Ok(owner),
            Err(refusal) if refusal.is_not_there() => Ok(Owner::Nobody),
            Err(refusal) => Err(refusal),
        }
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

/// A name is told within a line.
const CREATOR_MAX_CHARS: usize = 60;

#[derive(Deserialize)]
struct Hash {
    hash: String,
}

/// A status is text, numbers and enumerations: it always has a JSON form.
fn body(status: &Status) -> String {
    serde_json::to_string(status).unwrap_or_default()
}

/// What shows that an accepting answer is not Bitbucket's: proxies and login pages answer 200 too.
fn unlike(answer: &Answer, wrong: &'static str) -> Option<&'static str> {
    match serde_json::from_slice::<Value>(&answer.body) {
        Ok(Value::Object(fields)) if fields.get("type").is_none_or(|kind| kind != "error") => None,
        Ok(_) => Some(wrong),
        Err(_) => Some(unreadable(answer)),
    }
}
