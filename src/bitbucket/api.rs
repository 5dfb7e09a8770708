//! Bitbucket Cloud's REST API: one function for each endpoint. The types of its JSON stay in this file.
//! <https://developer.atlassian.com/cloud/bitbucket/rest/>

use std::{borrow::Cow, fmt, rc::Rc};

use reqwest::{Method, StatusCode, Url};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::Value;

use crate::{
    bitbucket::{
        answer::says_expired,
        consumer::{Consumer, Token},
        credential::Credential,
        refusal::{Creator, Purpose, Refusal, StatusCreator},
        scopes::Scopes,
    },
    console::{
        foreign::shown,
        text::{fit, one_line},
    },
    http::{
        client::{Client, Exchange, Request, RequestBody},
        failed_request::{Cause, FailedRequest, Unusable},
        transport::Response,
    },
    model::{
        state::State,
        status::{Status, StatusKey},
        target::{CommitHash, PullRequestId, Repository},
        timestamp::Timestamp,
    },
};

/// A client of Bitbucket Cloud.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bitbucket<'a> {
    pub(crate) client: Client<'a>,
    pub(crate) credential: &'a Rc<Credential>,
}

/// The source of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PullRequestSource {
    /// The repository that holds the source branch; `None` when a fork was deleted.
    pub(crate) repository: Option<Repository>,
    /// The source branch; `None` when Bitbucket does not tell it.
    pub(crate) branch: Option<String>,
    /// Its head, 12 digits; `None` when the branch or the fork was deleted.
    pub(crate) commit: Option<CommitHash>,
    /// How the pull request has ended.
    pub(crate) end: Option<PullRequestEnd>,
}

/// How a pull request has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PullRequestEnd {
    Merged,
    Declined,
    /// Another pull request has replaced it.
    Superseded,
}

impl fmt::Display for PullRequestEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Merged => "merged",
            Self::Declined => "declined",
            Self::Superseded => "superseded",
        })
    }
}

/// What a pull request is not when its branch or fork was deleted.
pub(crate) const WITH_SOURCE_COMMIT: &str = "pull request with a source commit";

/// A creator's name is shown within a line.
const CREATOR_MAX_CHARS: usize = 60;

#[derive(Deserialize)]
pub(super) struct Hash {
    pub(super) hash: String,
}

#[derive(Deserialize)]
pub(super) struct Name {
    pub(super) name: String,
}

#[derive(Deserialize)]
struct FullName {
    full_name: String,
}

/// The source of a pull request, as Bitbucket writes it.
#[derive(Deserialize)]
pub(super) struct Source {
    repository: Option<FullName>,
    pub(super) branch: Option<Name>,
    commit: Option<Hash>,
}

impl Source {
    /// The repository and the commit, as far as they still exist. `None` when they cannot be read: Bitbucket does not answer
    /// so.
    pub(super) fn place(&self) -> Option<(Option<Repository>, Option<CommitHash>)> {
        let repository = match &self.repository {
            Some(FullName { full_name }) => Some(Repository::from_full_name(full_name)?),
            None => None,
        };
        let commit = match &self.commit {
            Some(Hash { hash }) => Some(CommitHash::parse(hash)?),
            None => None,
        };
        Some((repository, commit))
    }
}

/// A status that stands on a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StandingStatus {
    pub(crate) state: State,
    /// Its link.
    pub(crate) url: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) refname: Option<String>,
}

impl Bitbucket<'_> {
    /// The same client with another credential.
    #[must_use]
    pub(crate) fn with<'b>(&'b self, credential: &'b Rc<Credential>) -> Bitbucket<'b> {
        let client = Client {
            authorization: &credential.authorization,
            throttle: &credential.throttle,
            ..self.client
        };
        Bitbucket { client, credential }
    }

    /// The same client, changed by `change`.
    #[must_use]
    pub(crate) fn changed<'b>(&'b self, change: impl FnOnce(Client<'b>) -> Client<'b>) -> Bitbucket<'b> {
        Bitbucket { client: change(self.client), credential: self.credential }
    }

    /// Creates the status, or overwrites the one with its key.
    ///
    /// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/#api-repositories-workspace-repo-slug-commit-commit-statuses-build-post>
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses it or cannot be reached.
    pub(crate) async fn post_status(
        &self,
        repository: &Repository,
        commit: &CommitHash,
        status: &Status,
    ) -> Result<(), Box<Refusal>> {
        let purpose = || Purpose::PostStatus(repository.clone(), commit.clone());
        let request = Request {
            method: Method::POST,
            url: self.statuses_url(repository, commit),
            body: Some(RequestBody::Json(status.to_json())),
        };
        let exchange = self.send(&request, purpose).await?;
        let response = &exchange.response;
        let wrong = match response.status_code {
            StatusCode::NO_CONTENT => None,
            StatusCode::OK | StatusCode::CREATED if is_as_sent(response, repository, commit, status) => {
                return Ok(());
            }
            StatusCode::OK | StatusCode::CREATED => not_the_status(response, commit, status),
            _ => return Err(self.refusal(purpose(), self.client.refused(&request, exchange))),
        };
        if wrong.is_none() {
            self.warn_of_other_name(response, "/repository/full_name", repository);
        }
        match wrong {
            None => Ok(()),
            Some(wrong) => Err(self.refusal(purpose(), self.client.unusable(&request, exchange, wrong))),
        }
    }

    /// Prints the request that [`Self::post_status`] would send.
    pub(crate) fn print_status(&self, repository: &Repository, commit: &CommitHash, status: &Status) {
        // A dry run shows each request, however many targets it has.
        let console = self.client.console.of_run();
        console.line("DRY_RUN: this request was not sent");
        let url = self.statuses_url(repository, commit);
        console.detail("request", format_args!("POST {url} {}", self.credential.authorization.description));
        console.detail("body", status.to_json());
    }

    /// The source repository, branch and commit of a pull request, as far as they still exist.
    ///
    /// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/#api-repositories-workspace-repo-slug-pullrequests-pull-request-id-get>
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses it or cannot be reached.
    pub(crate) async fn pull_request_source(
        &self,
        repository: &Repository,
        id: PullRequestId,
    ) -> Result<PullRequestSource, Box<Refusal>> {
        self.pull_request(repository, id, Some).await
    }

    /// The source commit of a pull request.
    ///
    /// # Errors
    ///
    /// The same, and when there is none: the branch or the fork was deleted.
    pub(crate) async fn source_commit(
        &self,
        repository: &Repository,
        id: PullRequestId,
    ) -> Result<CommitHash, Box<Refusal>> {
        let found = self.pull_request(repository, id, |source| source.commit).await;
        found.map_err(|mut refusal| {
            if let Cause::Unusable(_, wrong @ Unusable::Undocumented) = &mut refusal.failed.cause {
                *wrong = Unusable::NotA(WITH_SOURCE_COMMIT);
            }
            refusal
        })
    }

    async fn pull_request<T>(
        &self,
        repository: &Repository,
        id: PullRequestId,
        understand_source: impl FnOnce(PullRequestSource) -> Option<T>,
    ) -> Result<T, Box<Refusal>> {
        #[derive(Deserialize)]
        struct PullRequest {
            id: Option<u32>,
            state: Option<String>,
            source: Source,
        }
        let url = self.url(repository, ["pullrequests", &id.to_string()]);
        let understand = |PullRequest { id: answered, state, source }| {
            if let Some(other) = answered.filter(|answered| *answered != id.0) {
                return Err(Unusable::Other(format!("the answer is pull request {other}")));
            }
            let parsed = || {
                let (repository, commit) = source.place()?;
                let end = match state.as_deref() {
                    Some("MERGED") => Some(PullRequestEnd::Merged),
                    Some("DECLINED") => Some(PullRequestEnd::Declined),
                    Some("SUPERSEDED") => Some(PullRequestEnd::Superseded),
                    _ => None,
                };
                let branch = source.branch.map(|Name { name }| name);
                understand_source(PullRequestSource { repository, branch, commit, end })
            };
            parsed().ok_or(Unusable::Undocumented)
        };
        self.get_checked(Purpose::FindPullRequest(repository.clone(), id), url, understand).await
    }

    /// The head commit of a branch, 40 digits.
    ///
    /// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-refs/#api-repositories-workspace-repo-slug-refs-branches-name-get>
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses it or cannot be reached.
    pub(crate) async fn branch_head(
        &self,
        repository: &Repository,
        branch: &str,
    ) -> Result<CommitHash, Box<Refusal>> {
        #[derive(Deserialize)]
        struct Branch {
            target: Hash,
        }
        let url = self.url(repository, ["refs", "branches"].into_iter().chain(branch.split('/')));
        let purpose = Purpose::FindBranch(repository.clone(), branch.to_owned());
        self.get(purpose, url, |Branch { target }| CommitHash::parse(&target.hash)).await
    }

    /// Reads a repository. Returns the scopes of the token, when Bitbucket lists them.
    ///
    /// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/#api-repositories-workspace-repo-slug-get>
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses it or cannot be reached.
    pub(crate) async fn read_repository(
        &self,
        repository: &Repository,
    ) -> Result<Option<Scopes>, Box<Refusal>> {
        let purpose = || Purpose::ReadRepository(repository.clone());
        let request = Request::get(self.url(repository, []));
        let exchange = self.send(&request, purpose).await?;
        let Exchange { response, .. } = &exchange;
        if response.status_code != StatusCode::OK {
            return Err(self.refusal(purpose(), self.client.refused(&request, exchange)));
        }
        if let Some(wrong) = not_an_object(response, "repository", "repository") {
            return Err(self.refusal(purpose(), self.client.unusable(&request, exchange, wrong)));
        }
        self.warn_of_other_name(response, "/full_name", repository);
        let of_consumer = self.credential.consumer.as_ref().and_then(Consumer::scopes);
        Ok(of_consumer.or_else(|| response.header("x-oauth-scopes").map(Scopes::of_header)))
    }

    /// Reads a commit of a repository.
    ///
    /// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commits/#api-repositories-workspace-repo-slug-commit-commit-get>
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses it or cannot be reached.
    pub(crate) async fn read_commit(
        &self,
        repository: &Repository,
        commit: &CommitHash,
    ) -> Result<Option<Timestamp>, Box<Refusal>> {
        #[derive(Deserialize)]
        struct Commit {
            hash: String,
            date: Option<String>,
        }
        let purpose = Purpose::ReadCommit(repository.clone(), commit.clone());
        let url = self.url(repository, ["commit", commit.as_str()]);
        let understand = |Commit { hash, date }| {
            let answered = CommitHash::parse(&hash).ok_or(Unusable::Undocumented)?;
            if !answered.matches(commit) {
                return Err(Unusable::Other(format!("the answer is commit {}", answered.digits())));
            }
            Ok(date.as_deref().and_then(Timestamp::parse))
        };
        self.get_checked(purpose, url, understand).await
    }

    /// A status with a key on a commit; `None` when there is none. There may be one for each branch, and which one Bitbucket
    /// shows is not documented.
    ///
    /// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/#api-repositories-workspace-repo-slug-commit-commit-statuses-build-key-get>
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses it or cannot be reached.
    pub(super) async fn status_with_key(
        &self,
        repository: &Repository,
        commit: &CommitHash,
        key: &StatusKey,
    ) -> Result<Option<StandingStatus>, Box<Refusal>> {
        #[derive(Deserialize)]
        struct Posted {
            r#type: Option<String>,
            key: Option<String>,
            state: String,
            url: Option<String>,
            description: Option<String>,
            refname: Option<String>,
        }
        let purpose = Purpose::ReadStatus(repository.clone(), commit.clone(), key.clone());
        let url = self.url(repository, ["commit", commit.as_str(), "statuses", "build", key.as_str()]);
        let understand = |Posted { r#type, key: answered, state, url, description, refname }| {
            must_be_status(r#type.as_deref(), answered.as_deref(), key)?;
            // A word that Bitbucket does not have may be a verdict.
            let state = State::of_bitbucket(&state).ok_or(Unusable::Undocumented)?;
            Ok(StandingStatus { state, url, description, refname })
        };
        match self.get_checked(purpose, url, understand).await {
            Err(refusal) if refusal.is_not_found() => Ok(None),
            standing => standing.map(Some),
        }
    }

    /// Who created the status with a key on a commit.
    ///
    /// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/#api-repositories-workspace-repo-slug-commit-commit-statuses-build-key-get>
    /// and, for the author, <https://developer.atlassian.com/cloud/bitbucket/bitbucket-api-changes-commit-status/>.
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses it or cannot be reached.
    pub(crate) async fn status_creator(
        &self,
        repository: &Repository,
        commit: &CommitHash,
        key: &StatusKey,
    ) -> Result<StatusCreator, Box<Refusal>> {
        // No address can have such a part.
        if [".", ".."].contains(&key.as_str()) {
            return Ok(StatusCreator::Unnamed);
        }
        let purpose = Purpose::ReadCreator(repository.clone(), commit.clone());
        let url = self.url(repository, ["commit", commit.as_str(), "statuses", "build", key.as_str()]);
        let understand = |created: Created| {
            must_be_status(created.r#type.as_deref(), created.key.as_deref(), key)?;
            Ok(creator(created.author, created.time.as_deref()))
        };
        match self.get_checked(purpose, url, understand).await {
            Err(refusal) if refusal.is_not_found() => Ok(StatusCreator::NoStatus),
            creator => creator,
        }
    }

    /// Warns when an answer is about a repository with another name than the one that was asked for.
    fn warn_of_other_name(&self, response: &Response, pointer: &str, asked: &Repository) {
        let name = response.body.json().and_then(|body| body.pointer(pointer)?.as_str());
        let other = name.and_then(Repository::from_full_name).filter(|name| !name.is_same(asked));
        if let Some(other) = other.filter(|_| !asked.is_by_uuid())
            && let Some(console) = self.client.console.news(format!("{asked} is {other}"))
        {
            console.warning(format_args!(
                "Bitbucket answered for {other}, and {asked} was asked for: the repository probably has a new name; pass REPO_SLUG: {other}"
            ));
        }
    }

    pub(super) async fn get<W: DeserializeOwned, T>(
        &self,
        purpose: Purpose,
        url: Url,
        understand: impl FnOnce(W) -> Option<T>,
    ) -> Result<T, Box<Refusal>> {
        self.get_checked(purpose, url, |body| understand(body).ok_or(Unusable::Undocumented)).await
    }

    /// The same; `check` says what is wrong with a body that cannot be used.
    pub(super) async fn get_checked<W: DeserializeOwned, T>(
        &self,
        purpose: Purpose,
        url: Url,
        check: impl FnOnce(W) -> Result<T, Unusable>,
    ) -> Result<T, Box<Refusal>> {
        let request = Request::get(url);
        let exchange = self.send(&request, || purpose.clone()).await?;
        let understood = self.client.understood(&request, exchange, check);
        understood.map_err(|failed| self.refusal(purpose, failed))
    }

    /// Sends a request; for an OAuth consumer with its token. If Bitbucket says that the token has expired, sends the
    /// request once more with a new one. Every response is `Ok`.
    pub(super) async fn send(
        &self,
        request: &Request,
        purpose: impl Fn() -> Purpose,
    ) -> Result<Exchange, Box<Refusal>> {
        // The proxy authorizes nothing else, and a request without a credential tells a stranger what is asked.
        let is_proxy = self.credential.kind.is_pipelines_proxy();
        if is_proxy && !matches!(purpose(), Purpose::PostReport(..)) {
            let failed = self.client.not_sent(request, "only reports go through the proxy of Pipelines");
            return Err(self.refusal(purpose(), failed));
        }
        let Some(consumer) = &self.credential.consumer else {
            return self.client.send(request).await.map_err(|failed| self.refusal(purpose(), failed));
        };
        let token = self.token(consumer, None).await?;
        let exchange = self.send_with(&token, request, &purpose).await?;
        if !(is_expired(&exchange.response) && consumer.may_renew()) {
            return Ok(exchange);
        }
        let renewed = self.token(consumer, Some(&token)).await?;
        let exchange = self.send_with(&renewed, request, &purpose).await?;
        if is_expired(&exchange.response) {
            consumer.record_renewal_in_vain();
        }
        Ok(exchange)
    }

    async fn token(
        &self,
        consumer: &Consumer,
        expired: Option<&Rc<Token>>,
    ) -> Result<Rc<Token>, Box<Refusal>> {
        // On the heap: few requests ask for a token, and each would hold the future.
        let token = Box::pin(consumer.token(self.client, expired)).await;
        token.map_err(|failed| self.refusal(Purpose::GetToken, failed))
    }

    async fn send_with(
        &self,
        token: &Token,
        request: &Request,
        purpose: &impl Fn() -> Purpose,
    ) -> Result<Exchange, Box<Refusal>> {
        let client = Client { authorization: &token.authorization, ..self.client };
        client.send(request).await.map_err(|failed| self.refusal(purpose(), failed))
    }

    pub(super) fn refusal(&self, purpose: Purpose, failed: Box<FailedRequest>) -> Box<Refusal> {
        Box::new(Refusal::new(purpose, self.credential.clone(), *failed))
    }

    fn statuses_url(&self, repository: &Repository, commit: &CommitHash) -> Url {
        self.url(repository, ["commit", commit.as_str(), "statuses", "build"])
    }

    pub(super) fn url<'p>(&self, repository: &'p Repository, path: impl IntoIterator<Item = &'p str>) -> Url {
        let repository = ["repositories", &repository.workspace, &repository.slug];
        self.client.url(repository.into_iter().chain(path))
    }
}

#[derive(Deserialize)]
struct Created {
    r#type: Option<String>,
    key: Option<String>,
    #[serde(rename = "created_on")]
    time: Option<String>,
    author: Option<Author>,
}

#[derive(Deserialize)]
pub(super) struct Author {
    r#type: Option<String>,
    display_name: Option<String>,
}

pub(super) fn creator(author: Option<Author>, time: Option<&str>) -> StatusCreator {
    let Some(Author { r#type, display_name: Some(name) }) = author else {
        return StatusCreator::Unnamed;
    };
    let is_day = |day: &&str| day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    StatusCreator::Named(Creator {
        name: fit(&one_line(&name), CREATOR_MAX_CHARS),
        is_person: match r#type.as_deref() {
            Some("user") => Some(true),
            Some("app_user") => Some(false),
            _ => None,
        },
        day: time.and_then(|time| time.get(..10).filter(is_day)).map(str::to_owned),
    })
}

/// Whether Bitbucket says that the token has expired.
fn is_expired(response: &Response) -> bool {
    response.status_code == StatusCode::UNAUTHORIZED && says_expired(&response.body.words())
}

/// Whether an answer is the status with a key, by its `type` and its key.
///
/// # Errors
///
/// What is wrong with it. A proxy or a mock answers an error with 200, too.
fn must_be_status(kind: Option<&str>, answered: Option<&str>, key: &StatusKey) -> Result<(), Unusable> {
    match answered {
        Some(answered) if kind.is_none_or(|kind| kind == "build") => {
            if answered == key.as_str() {
                return Ok(());
            }
            let found = format!("the answer is the status with the key {}, not \"{key}\"", shown(answered));
            Err(Unusable::Other(found))
        }
        _ => Err(Unusable::NotA("status")),
    }
}

/// A status as Bitbucket answers it. What differs in any way is read once more as any JSON, which costs more.
#[derive(Deserialize)]
struct Answer<'b> {
    #[serde(rename = "type")]
    kind: &'b str,
    key: &'b str,
    state: &'b str,
    #[serde(borrow)]
    refname: Option<Cow<'b, str>>,
    #[serde(borrow)]
    links: AnswerLinks<'b>,
    /// Any value but null.
    error: Option<IgnoredAny>,
    errors: Option<IgnoredAny>,
    #[serde(borrow)]
    commit: Option<AnswerCommit<'b>>,
    #[serde(borrow)]
    repository: Option<AnswerRepository<'b>>,
}

#[derive(Deserialize)]
struct AnswerRepository<'b> {
    full_name: &'b str,
}

#[derive(Deserialize)]
struct AnswerCommit<'b> {
    hash: &'b str,
}

#[derive(Deserialize)]
struct AnswerLinks<'b> {
    #[serde(borrow)]
    commit: AnswerLink<'b>,
}

#[derive(Deserialize)]
struct AnswerLink<'b> {
    href: &'b str,
}

/// Whether a response is the status that was sent, and nothing in it says anything else.
fn is_as_sent(response: &Response, repository: &Repository, commit: &CommitHash, sent: &Status) -> bool {
    let Some(answer) = response.body.read::<Answer<'_>>() else { return false };
    let is_commit = |hash: CommitHash| hash.matches(commit);
    let is_repository = |name: Repository| name.is_same(repository) || repository.is_by_uuid();
    answer.kind == "build"
        && (answer.key, answer.state) == (sent.key.as_str(), sent.state.as_str())
        && (sent.refname.is_none() || sent.refname.as_deref() == answer.refname.as_deref())
        && linked_commit(answer.links.commit.href).is_some_and(is_commit)
        && answer.commit.is_none_or(|named| CommitHash::parse(named.hash).is_some_and(is_commit))
        && answer
            .repository
            .is_none_or(|named| Repository::from_full_name(named.full_name).is_some_and(is_repository))
        && answer.error.is_none()
        && answer.errors.is_none()
}

/// The commit that a link of Bitbucket leads to.
fn linked_commit(link: &str) -> Option<CommitHash> {
    link.rsplit_once("/commit/").and_then(|(_, hash)| CommitHash::parse(hash))
}

/// What shows that a response is not the status that was sent. A field that is absent or null says nothing, except the
/// key and the state.
fn not_the_status(response: &Response, commit: &CommitHash, sent: &Status) -> Option<Unusable> {
    if let Some(wrong) = not_an_object(response, "status", "build") {
        return Some(wrong);
    }
    let body = response.body.json()?;
    // An error that is told with 200 has neither.
    if body.get("key").is_none() && body.get("state").is_none() {
        return Some(Unusable::NotA("status"));
    }
    let other = says_error(body)
        .or_else(|| names_other_commit(body, commit))
        .or_else(|| names_other_refname(body, sent.refname.as_deref()));
    if let Some(other) = other {
        return Some(Unusable::Other(other));
    }
    [("key", sent.key.as_str()), ("state", sent.state.as_str())].into_iter().find_map(|(field, sent)| {
        match body.get(field) {
            Some(Value::String(answered)) if answered == sent => None,
            Some(Value::String(answered)) => Some(Unusable::Other(format!(
                "the {field} of the answer is {}, not \"{sent}\"",
                shown(answered)
            ))),
            _ => Some(Unusable::Other(format!("the answer is a status without a {field}"))),
        }
    })
}

/// That the body tells of an error, whatever stands beside it.
fn says_error(body: &Value) -> Option<String> {
    let is_empty = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    };
    let field =
        ["error", "errors"].into_iter().find(|field| body.get(field).is_some_and(|it| !is_empty(it)))?;
    Some(format!("the answer accepts, and has the field {field}"))
}

/// That the body is about another commit than the status was sent to.
fn names_other_commit(body: &Value, sent: &CommitHash) -> Option<String> {
    let named = body.pointer("/commit/hash").and_then(Value::as_str).and_then(CommitHash::parse);
    let linked = body.pointer("/links/commit/href").and_then(Value::as_str).and_then(linked_commit);
    let other = [named, linked].into_iter().flatten().find(|commit| !commit.matches(sent))?;
    Some(format!("the answer is a status of commit {}, not of {}", other.digits(), sent.digits()))
}

/// That the body is for another branch than the status was sent for.
fn names_other_refname(body: &Value, sent: Option<&str>) -> Option<String> {
    let (sent, answered) = (sent?, body.get("refname")?.as_str()?);
    (answered != sent)
        .then(|| format!("the refname of the answer is {}, not {}", shown(answered), shown(sent)))
}

/// What shows that a response that accepts does not come from Bitbucket, or is about something else: proxies and login
/// pages answer 200 as well. `kind` is the `type` of the object.
pub(super) fn not_an_object(response: &Response, object: &'static str, kind: &str) -> Option<Unusable> {
    match response.body.json() {
        Some(Value::Object(fields)) if fields.get("type").is_none_or(|known| known == kind) => None,
        Some(_) => Some(Unusable::NotA(object)),
        None => Some(Unusable::of(response)),
    }
}
