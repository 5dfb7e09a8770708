//! What Bitbucket lists in pages: the repositories of a workspace, and the open pull requests of a repository.
//! <https://developer.atlassian.com/cloud/bitbucket/rest/intro/#pagination>

use std::{collections::HashSet, time::Instant};

use reqwest::Url;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    bitbucket::{
        api::Bitbucket,
        refusal::{Purpose, Refusal},
    },
    console::foreign::shown,
    http::failed_request::Unusable,
    model::target::{CommitHash, PullRequestId, Repository},
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

/// The most repositories of a page.
const REPOSITORIES_A_PAGE: &str = "100";
/// The most pull requests of a page. Bitbucket refuses more.
const PULL_REQUESTS_A_PAGE: &str = "50";
/// A list that does not end by then never ends: a workspace of 100,000 repositories has so many pages.
const PAGES_MAX: usize = 1000;

#[derive(Deserialize)]
struct Page<W> {
    values: Vec<W>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
struct FullName {
    full_name: String,
}

#[derive(Deserialize)]
struct Hash {
    hash: String,
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
            let repository = Repository::from_full_name(&full_name)?;
            Some(ListedRepository { repository, main_branch: mainbranch.map(|Name { name }| name) })
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
        struct Source {
            repository: Option<FullName>,
            branch: Name,
            commit: Option<Hash>,
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
            let from = source.repository.map(|FullName { full_name }| Repository::from_full_name(&full_name));
            let commit = source.commit.map(|Hash { hash }| CommitHash::parse(&hash));
            Some(ListedPullRequest {
                id: PullRequestId(id),
                is_draft: draft.unwrap_or_default(),
                // A name or a hash that cannot be read is no answer of Bitbucket.
                source: from.map_or(Some(None), |from| from.map(Some))?,
                branch: source.branch.name,
                commit: commit.map_or(Some(None), |commit| commit.map(Some))?,
                destination: destination.branch.name,
            })
        };
        self.pages(&Purpose::ListPullRequests(repository.clone()), url, understand).await
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
        understand: impl Fn(W) -> Option<T>,
    ) -> Result<Vec<T>, Box<Refusal>> {
        let (mut all, mut known) = (Vec::new(), HashSet::new());
        let mut next = Some(first);
        while let Some(url) = next {
            let begun = Instant::now();
            known.insert(url.to_string());
            let understand = |Page { values, next }: Page<W>| {
                let values: Option<Vec<T>> = values.into_iter().map(&understand).collect();
                let values = values.ok_or(Unusable::Undocumented)?;
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
        let api = self.client.base_url;
        let is_of_api = |url: &Url| url.origin() == api.origin() && url.path().starts_with(api.path());
        let wrong = |what: &str| Unusable::Other(format!("the next page is at {}, {what}", shown(next)));
        let url = Url::parse(next).ok().filter(is_of_api);
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
