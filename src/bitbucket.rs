//! Bitbucket Cloud's REST API: one function per endpoint, one private [`Bitbucket::send`] with retries,
//! and wire types that never leave. <https://developer.atlassian.com/cloud/bitbucket/rest/>

use std::time::{Duration, Instant, SystemTime};

use reqwest::{Method, StatusCode, Url, header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    console::Console,
    credential::Credential,
    http::{ATTEMPT_LIMIT, Answer, Failure, Http, rounded},
    refusal::{Came, Refusal},
    retry::{self, Next},
    status::Status,
    target::{CommitHash, PullRequestId, Repository},
};

/// A client of Bitbucket Cloud for one run.
#[derive(Debug, Clone, Copy)]
pub struct Bitbucket<'a> {
    /// The connection.
    pub http: &'a Http,
    /// Where the log goes.
    pub console: &'a Console,
    /// Who we are.
    pub credential: &'a Credential,
    /// The API's address, without a slash at the end.
    pub api_url: &'a Url,
    /// When the run gives up.
    pub deadline: Instant,
}

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
        let sent = self.send(&request).await?;
        let wrong = match sent.answer.status {
            StatusCode::OK | StatusCode::CREATED => unlike_a_status(&sent.answer),
            StatusCode::NO_CONTENT => None,
            _ => return Err(self.refused(&request, sent)),
        };
        match wrong {
            None => Ok(()),
            Some(wrong) => Err(self.unusable(&request, sent, wrong)),
        }
    }

    /// Prints the request that [`Self::post_status`] would send.
    pub fn print_status(&self, repository: &Repository, commit: &CommitHash, status: &Status) {
        self.console.line("DRY_RUN: this request was not sent");
        self.console.detail("request", format_args!("POST {}", self.status_url(repository, commit)));
        self.console.detail("with", format_args!("the {}", self.credential.kind()));
        self.console.detail("body", body(status));
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
        let request = self.get(
            format!("look up pull request {id} of {repository}"),
            repository,
            ["pullrequests", &id.to_string()],
        );
        self.read(request, |PullRequest { source }| {
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
        let request = self.get(format!("look up branch {branch} of {repository}"), repository, path);
        self.read(request, |Branch { target }| CommitHash::parse(&target.hash)).await
    }

    fn status_url(&self, repository: &Repository, commit: &CommitHash) -> Url {
        self.url(repository, ["commit", commit.as_str(), "statuses", "build"])
    }

    fn get<'p>(
        &self,
        purpose: String,
        repository: &Repository,
        path: impl IntoIterator<Item = &'p str>,
    ) -> Request {
        Request { purpose, method: Method::GET, url: self.url(repository, path), body: None }
    }

    fn url<'p>(&self, repository: &Repository, path: impl IntoIterator<Item = &'p str>) -> Url {
        let mut url = self.api_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .extend(["repositories", &repository.workspace, &repository.slug])
                .extend(path);
        }
        url
    }

    /// Sends a request that asks, and makes of the answer what `understand` sees in it.
    async fn read<W: DeserializeOwned, T>(
        &self,
        request: Request,
        understand: impl FnOnce(W) -> Option<T>,
    ) -> Result<T, Box<Refusal>> {
        let sent = self.send(&request).await?;
        if sent.answer.status != StatusCode::OK {
            return Err(self.refused(&request, sent));
        }
        let wire: Option<W> = serde_json::from_slice(&sent.answer.body).ok();
        wire.and_then(understand).ok_or_else(|| {
            let wrong = unreadable(&sent.answer);
            self.unusable(&request, sent, wrong)
        })
    }

    /// Sends a request until an answer comes that another try would not change, or until the deadline.
    /// Any answer is `Ok`; what it means is the endpoint's to say.
    async fn send(&self, request: &Request) -> Result<Sent, Box<Refusal>> {
        let mut attempts = 0;
        let mut earlier = None;
        loop {
            attempts += 1;
            let begun = Instant::now();
            let limit = self.remaining().min(ATTEMPT_LIMIT);
            let built = self.build(request).map_err(|error| {
                self.refusal(request, Came::Nothing(Failure::Broken(error.to_string())), attempts, None)
            })?;
            let mut result = self.http.send(built, limit).await;
            self.log_attempt(request, attempts, &result, begun.elapsed());
            // An attempt that the deadline cut short says less than the one before it.
            if limit < ATTEMPT_LIMIT && matches!(result, Err(Failure::Silent(_))) {
                result = earlier.take().unwrap_or(result);
            }
            let remaining = self.remaining();
            let again_in = match retry::next(attempts, &result, remaining, SystemTime::now(), fastrand::f64())
            {
                Next::Again(pause) => {
                    self.console.warning(format_args!(
                        "{}; trying again in {} s, {} s left",
                        match &result {
                            Ok(answer) => format!("Bitbucket answered {}", answer.status),
                            Err(failure) => failure.to_string(),
                        },
                        rounded(pause),
                        rounded(remaining),
                    ));
                    tokio::time::sleep(pause).await;
                    earlier = Some(result);
                    continue;
                }
                Next::TooLate(pause) => Some(pause),
                Next::End => None,
            };
            return match result {
                Ok(answer) => Ok(Sent { answer, attempts, again_in }),
                Err(failure) => Err(self.refusal(request, Came::Nothing(failure), attempts, again_in)),
            };
        }
    }

    fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn build(&self, request: &Request) -> reqwest::Result<reqwest::Request> {
        let mut builder = self
            .http
            .client()
            .request(request.method.clone(), request.url.clone())
            .header(header::ACCEPT, "application/json");
        if let Some(body) = &request.body {
            builder = builder.header(header::CONTENT_TYPE, "application/json").body(body.clone());
        }
        self.credential.apply(builder).build()
    }

    fn log_attempt(&self, request: &Request, attempt: u32, result: &Result<Answer, Failure>, took: Duration) {
        let came = match result {
            Ok(answer) => format!("{}, {} bytes", answer.status, answer.body.len()),
            Err(failure) => failure.to_string(),
        };
        self.console.debug(format_args!(
            "{} {} attempt {attempt}: {came}, {:.3} s",
            request.method,
            request.url,
            took.as_secs_f64()
        ));
    }

    fn refused(&self, request: &Request, sent: Sent) -> Box<Refusal> {
        self.refusal(request, Came::Refused(sent.answer), sent.attempts, sent.again_in)
    }

    fn unusable(&self, request: &Request, sent: Sent, wrong: &'static str) -> Box<Refusal> {
        self.refusal(request, Came::Unusable(sent.answer, wrong), sent.attempts, sent.again_in)
    }

    fn refusal(
        &self,
        request: &Request,
        came: Came,
        attempts: u32,
        again_in: Option<Duration>,
    ) -> Box<Refusal> {
        Box::new(Refusal {
            purpose: request.purpose.clone(),
            method: request.method.clone(),
            url: request.url.clone(),
            credential: self.credential.clone(),
            came,
            attempts,
            again_in,
        })
    }
}

#[derive(Deserialize)]
struct Hash {
    hash: String,
}

struct Request {
    purpose: String,
    method: Method,
    url: Url,
    body: Option<String>,
}

struct Sent {
    answer: Answer,
    attempts: u32,
    again_in: Option<Duration>,
}

/// A status is text, numbers and enumerations: it always has a JSON form.
fn body(status: &Status) -> String {
    serde_json::to_string(status).unwrap_or_default()
}

fn unreadable(answer: &Answer) -> &'static str {
    if answer.cut {
        "the answer has more than 1 MiB"
    } else if serde_json::from_slice::<Value>(&answer.body).is_err() {
        "the answer is not JSON"
    } else {
        "the answer lacks what Bitbucket documents"
    }
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
