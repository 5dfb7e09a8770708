//! What Bitbucket lists in pages: the repositories of a workspace, the open pull requests of a repository, and the statuses
//! of a commit.
//! <https://developer.atlassian.com/cloud/bitbucket/rest/intro/#pagination>

use std::{collections::HashSet, time::Instant};

use reqwest::Url;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    bitbucket::{
        api::{Author, Bitbucket, Hash, Name, Source, StandingStatus, creator},
        refusal::{Purpose, Refusal, StatusCreator},
    },
    console::foreign::shown,
    http::failed_request::Unusable,
    model::{
        state::State,
        status::StatusKey,
        target::{CommitHash, PullRequestId, Repository, Target},
        timestamp::Timestamp,
    },
};

/// A repository of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedRepository {
    pub(crate) repository: Repository,
    /// `None` when it has no branch yet.
    pub(crate) main_branch: Option<String>,
}

/// A pull request of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedPullRequest {
    pub(crate) id: PullRequestId,
    pub(crate) is_draft: bool,
    /// Where it comes from; `None` when the fork was deleted.
    pub(crate) source: Option<Repository>,
    /// The source branch.
    pub(crate) branch: String,
    /// The head of the source branch, 12 digits; `None` when the branch was deleted.
    pub(crate) commit: Option<CommitHash>,
    /// The branch that it goes to.
    pub(crate) destination: String,
}

/// A status of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedStatus {
    pub(crate) key: StatusKey,
    /// `None` when Gatepost does not know the state.
    pub(crate) state: Option<State>,
    pub(crate) name: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) refname: Option<String>,
    /// When somebody wrote it last; `None` when Bitbucket does not say it.
    pub(crate) written: Option<Timestamp>,
    pub(crate) creator: StatusCreator,
}

/// The most repositories of a page.
const REPOSITORIES_A_PAGE: &str = "100";
/// The most pull requests of a page. Bitbucket refuses more.
const PULL_REQUESTS_A_PAGE: &str = "50";
/// The most statuses of a page.
const STATUSES_A_PAGE: &str = "100";
/// A list that does not end by then never ends: a workspace of 100,000 repositories has so many pages.
const PAGES_MAX: usize = 1000;

#[derive(Deserialize)]
struct Page<W> {
    values: Vec<W>,
    next: Option<String>,
}

impl Bitbucket<'_> {
    /// The repositories of a workspace that the credential sees; with a key, those of this project.
    ///
    /// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/#api-repositories-workspace-get>
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses a page or cannot be reached.
    pub(crate) async fn list_repositories(
        &self,
        workspace: &str,
        project: Option<&str>,
    ) -> Result<Vec<ListedRepository>, Box<Refusal>> {
        #[derive(Deserialize)]
        struct Listed {
            full_name: String,
            mainbranch: Option<Name>,
        }
        let mut url = self.client.url(["repositories", workspace]);
        url.query_pairs_mut()
            .append_pair("pagelen", REPOSITORIES_A_PAGE)
            .append_pair("fields", "next,values.full_name,values.mainbranch.name");
        if let Some(key) = project {
            url.query_pairs_mut().append_pair("q", &format!("project.key=\"{key}\""));
        }
        let understand = |Listed { full_name, mainbranch }| {
            let repository = Repository::from_full_name(&full_name).ok_or(Unusable::Undocumented)?;
            Ok(ListedRepository { repository, main_branch: mainbranch.map(|Name { name }| name) })
        };
        self.pages(&Purpose::ListRepositories(workspace.to_owned()), url, understand).await
    }

    /// The main branch of a repository; `None` when it has no branch yet.
    ///
    /// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/#api-repositories-workspace-repo-slug-get>
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses it or cannot be reached.
    pub(crate) async fn main_branch(&self, repository: &Repository) -> Result<Option<String>, Box<Refusal>> {
        #[derive(Deserialize)]
        struct Shown {
            full_name: String,
            mainbranch: Option<Name>,
        }
        let mut url = self.url(repository, []);
        url.query_pairs_mut().append_pair("fields", "full_name,mainbranch.name");
        let understand = |Shown { full_name, mainbranch }| {
            Repository::from_full_name(&full_name)?;
            Some(mainbranch.map(|Name { name }| name))
        };
        self.get(Purpose::ReadRepository(repository.clone()), url, understand).await
    }

    /// The open pull requests of a repository.
    ///
    /// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/#api-repositories-workspace-repo-slug-pullrequests-get>
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses a page or cannot be reached.
    pub(crate) async fn open_pull_requests(
        &self,
        repository: &Repository,
    ) -> Result<Vec<ListedPullRequest>, Box<Refusal>> {
        #[derive(Deserialize)]
        struct Listed {
            id: u32,
            draft: Option<bool>,
            source: Source,
            destination: Destination,
        }
        #[derive(Deserialize)]
        struct Destination {
            branch: Name,
        }
        let mut url = self.url(repository, ["pullrequests"]);
        url.query_pairs_mut()
            .append_pair("state", "OPEN")
            .append_pair("pagelen", PULL_REQUESTS_A_PAGE)
            .append_pair(
                "fields",
                "next,values.id,values.draft,values.source.repository.full_name,values.source.branch.name,\
                 values.source.commit.hash,values.destination.branch.name",
            );
        let understand = |Listed { id, draft, source, destination }| {
            let (repository, commit) = source.place().ok_or(Unusable::Undocumented)?;
            Ok(ListedPullRequest {
                id: PullRequestId(id),
                is_draft: draft.unwrap_or_default(),
                source: repository,
                branch: source.branch.ok_or(Unusable::Undocumented)?.name,
                commit,
                destination: destination.branch.name,
            })
        };
        self.pages(&Purpose::ListPullRequests(repository.clone()), url, understand).await
    }

    /// The statuses of a commit, for all branches.
    ///
    /// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/#api-repositories-workspace-repo-slug-commit-commit-statuses-get>
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses a page or cannot be reached.
    pub(crate) async fn list_statuses(
        &self,
        repository: &Repository,
        commit: &CommitHash,
    ) -> Result<Vec<ListedStatus>, Box<Refusal>> {
        #[derive(Deserialize)]
        struct Listed {
            key: String,
            state: String,
            name: Option<String>,
            url: Option<String>,
            refname: Option<String>,
            created_on: Option<String>,
            updated_on: Option<String>,
            author: Option<Author>,
            commit: Option<Hash>,
        }
        let mut url = self.url(repository, ["commit", commit.as_str(), "statuses"]);
        url.query_pairs_mut().append_pair("pagelen", STATUSES_A_PAGE).append_pair(
            "fields",
            "next,values.key,values.state,values.name,values.url,values.refname,values.created_on,\
             values.updated_on,values.author.type,values.author.display_name,values.commit.hash",
        );
        let understand = |status: Listed| {
            let other = status.commit.as_ref().and_then(|of| CommitHash::parse(&of.hash));
            if let Some(other) = other.filter(|of| !of.matches(commit)) {
                let (other, asked) = (other.digits(), commit.digits());
                return Err(Unusable::Other(format!(
                    "the list has a status of commit {other}, not of {asked}"
                )));
            }
            // A date that cannot be read says nothing: the other one may be much older.
            let written = status.updated_on.as_ref().or(status.created_on.as_ref());
            Ok(ListedStatus {
                written: written.and_then(|time| Timestamp::parse(time)),
                creator: creator(status.author, status.created_on.as_deref()),
                state: State::of_bitbucket(&status.state),
                key: StatusKey::standing(status.key),
                name: status.name,
                url: status.url,
                refname: status.refname,
            })
        };
        self.pages(&Purpose::ListStatuses(repository.clone(), commit.clone()), url, understand).await
    }

    /// The status that stands on a commit under a key, for the branch of a target; `None` when there is none.
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses a request or cannot be reached.
    pub(crate) async fn standing_status(
        &self,
        target: &Target,
        key: &StatusKey,
    ) -> Result<Option<StandingStatus>, Box<Refusal>> {
        let Target { repository, commit, refname } = target;
        let standing = self.status_with_key(repository, commit, key).await?;
        match &standing {
            // It is for another branch, and there may be one for this branch, too.
            Some(status) if status.refname != *refname => self.listed_status(target, key).await,
            _ => Ok(standing),
        }
    }

    async fn listed_status(
        &self,
        Target { repository, commit, refname }: &Target,
        key: &StatusKey,
    ) -> Result<Option<StandingStatus>, Box<Refusal>> {
        #[derive(Deserialize)]
        struct Listed {
            key: String,
            state: String,
            url: Option<String>,
            description: Option<String>,
            refname: Option<String>,
        }
        let mut url = self.url(repository, ["commit", commit.as_str(), "statuses"]);
        url.query_pairs_mut().append_pair("pagelen", STATUSES_A_PAGE).append_pair(
            "fields",
            "next,values.key,values.state,values.url,values.description,values.refname",
        );
        let understand = |Listed { key: listed, state, url, description, refname: of_branch }| {
            if listed != key.as_str() || of_branch != *refname {
                return Ok(None);
            }
            // A word that Bitbucket does not have may be a verdict.
            let state = State::of_bitbucket(&state).ok_or(Unusable::Undocumented)?;
            Ok(Some(StandingStatus { state, url, description, refname: of_branch }))
        };
        let purpose = Purpose::ListStatuses(repository.clone(), commit.clone());
        Ok(self.pages(&purpose, url, understand).await?.into_iter().flatten().next())
    }

    /// The values of all pages of a list.
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses a page or cannot be reached; when a page leads to another server, which must not get the
    /// credential, or to a page that was read before.
    async fn pages<W: DeserializeOwned, T>(
        &self,
        purpose: &Purpose,
        first: Url,
        understand: impl Fn(W) -> Result<T, Unusable>,
    ) -> Result<Vec<T>, Box<Refusal>> {
        let (mut all, mut known) = (Vec::new(), HashSet::new());
        let mut next = Some(first);
        while let Some(url) = next {
            let begun = Instant::now();
            known.insert(url.to_string());
            let understand = |Page { values, next }: Page<W>| {
                let values: Vec<T> = values.into_iter().map(&understand).collect::<Result<_, _>>()?;
                Ok((values, next.map(|next| self.next_page(&next, &known)).transpose()?))
            };
            let (values, further) = self.get_checked(purpose.clone(), url, understand).await?;
            all.extend(values);
            next = further;
            // Each page has the time of a target.
            self.client.deadline.extend(begun.elapsed());
        }
        Ok(all)
    }

    fn next_page(&self, next: &str, known: &HashSet<String>) -> Result<Url, Unusable> {
        let wrong = |what: &str| Unusable::Other(format!("the next page is at {}, {what}", shown(next)));
        let url = page_of(self.client.base_url, next);
        let url =
            url.ok_or_else(|| wrong("which is not Bitbucket's API: the credential is not sent there"))?;
        if known.contains(url.as_str()) {
            return Err(wrong("which was read before: the list does not end"));
        }
        if known.len() >= PAGES_MAX {
            return Err(wrong("after the most pages that a list may have: it does not seem to end"));
        }
        Ok(url)
    }
}

/// The address of a page, if it is one of the API and names no other user. What follows `#` is not sent, and makes no other
/// page.
fn page_of(api: &Url, next: &str) -> Option<Url> {
    let mut url = Url::parse(next).ok()?;
    url.set_fragment(None);
    let below = url.path().strip_prefix(api.path().trim_end_matches('/'))?;
    let is_of_api = url.origin() == api.origin() && below.starts_with('/');
    (is_of_api && url.username().is_empty() && url.password().is_none()).then_some(url)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(next: &str) -> Option<String> {
        let api = Url::parse("https://bitbucket.acme.example/api/2.0").unwrap();
        page_of(&api, next).map(Into::into)
    }

    #[test]
    fn a_page_is_below_the_api() {
        let first = "https://bitbucket.acme.example/api/2.0/repositories/acme?page=2";
        for same in [
            first,
            "https://bitbucket.acme.example/api/2.0/repositories/acme?page=2#other",
            "HTTPS://Bitbucket.Acme.Example:443/api/1.0/../2.0/repositories/acme?page=2",
        ] {
            assert_eq!(page(same).as_deref(), Some(first), "{same}");
        }
        for other in [
            "",
            "/api/2.0/repositories",
            "http://bitbucket.acme.example/api/2.0/x",
            "https://bitbucket.acme.example:8443/api/2.0/x",
            "https://bitbucket.acme.example.evil.example/api/2.0/x",
            "https://jane:password@bitbucket.acme.example/api/2.0/x",
            "https://jane@bitbucket.acme.example/api/2.0/x",
            "https://bitbucket.acme.example/api/2.0",
            "https://bitbucket.acme.example/api/2.0-other/x",
            "https://bitbucket.acme.example/api/2.0/../x",
            "https://bitbucket.acme.example/x",
        ] {
            assert_eq!(page(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_page_is_of_the_api_or_none(
            scheme in "https?", user in "([a-z]{1,3}(:[a-z]{0,3})?@)?", host in prop_oneof!["[a-c.]{1,9}", "api\\.b\\.example"],
            port in "(:[0-9]{1,3})?", path in "(/2\\.0)?[a-c0-2/.%\\\\@?#-]{0,20}",
        ) {
            let api = Url::parse("https://api.b.example/2.0").unwrap();
            if let Some(url) = page_of(&api, &format!("{scheme}://{user}{host}{port}{path}")) {
                prop_assert!(url.as_str().starts_with("https://api.b.example/2.0/"), "{}", url);
                prop_assert!(!url.as_str().contains('#') && !url.path().contains("/../"), "{}", url);
            }
        }
    }
}
