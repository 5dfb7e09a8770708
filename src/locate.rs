//! Finds the commit of a target: given, the head of a branch, or the source of a pull request; and the pull
//! request's source commit, where the pipeline's commit exists in the build only.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    time::Instant,
};

use tokio::sync::OnceCell;

use crate::{
    bitbucket::{Bitbucket, PullRequestSource},
    client::Deadline,
    console::Console,
    refusal::Refusal,
    target::{CommitHash, CommitSource, PullRequestId, Target, TargetPlan},
};

/// Finds the commit of one target.
#[derive(Debug, Clone, Copy)]
pub struct Locator<'a> {
    /// Bitbucket.
    pub bitbucket: Bitbucket<'a>,
    /// The target as far as the variables tell it.
    pub plan: &'a TargetPlan,
    /// What was looked up before in this run.
    pub lookups: &'a Lookups,
}

/// What a run has looked up: each pull request and each branch once, whoever asks and however many at a time. The
/// credential counts, for another one may see something else.
#[derive(Debug, Default)]
pub struct Lookups {
    pull_requests: Cache<PullRequestSource>,
    branches: Cache<CommitHash>,
    inquiries: Cell<u32>,
}

/// So many refusals of a run are looked into. Of a thousand most have the reason of the first, and every read counts
/// against the allowance.
const INQUIRIES_MAX: u32 = 50;

impl Lookups {
    /// Whether one more refusal may be looked into.
    pub fn may_inquire(&self) -> bool {
        let inquiries = self.inquiries.get();
        self.inquiries.set(inquiries.saturating_add(1));
        inquiries < INQUIRIES_MAX
    }
}

type Found<T> = Result<T, Rc<Refusal>>;
type Cache<T> = RefCell<HashMap<String, Rc<OnceCell<Found<T>>>>>;

/// What was found under a name, or finds it.
async fn once<T: Clone>(
    cache: &Cache<T>,
    name: String,
    deadline: &Deadline,
    find: impl Future<Output = Result<T, Box<Refusal>>>,
) -> Found<T> {
    let cell = cache.borrow_mut().entry(name.clone()).or_default().clone();
    let (asked, is_own) = (Instant::now(), Cell::new(false));
    let find = async || {
        is_own.set(true);
        find.await.map_err(Rc::from)
    };
    let found = cell.get_or_init(find).await.clone();
    if !is_own.get() {
        deadline.put_off(asked.elapsed());
    } else if found.as_ref().is_err_and(|refusal: &Rc<Refusal>| refusal.is_passing()) {
        // Another target has another deadline.
        cache.borrow_mut().remove(&name);
    }
    found
}

impl<'a> Locator<'a> {
    /// The target, and the source of its pull request when that was asked.
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses to tell or cannot be reached.
    pub async fn locate(&self) -> Result<(Target, Option<PullRequestSource>), Rc<Refusal>> {
        let plan = self.plan;
        let target = |commit: CommitHash| Target {
            repository: plan.repository.clone(),
            commit,
            refname: plan.refname.clone(),
        };
        match &plan.commit {
            CommitSource::Given { commit, .. } => Ok((target(commit.clone()), None)),
            CommitSource::Branch(branch) => {
                let name = format!("{} {} {branch}", self.bitbucket.0.service.with(), plan.repository);
                let find = self.bitbucket.branch_head(&plan.repository, branch);
                let head = once(&self.lookups.branches, name, self.bitbucket.0.deadline, find).await?;
                self.console().line(format_args!("branch {branch} is at commit {head}"));
                Ok((target(head), None))
            }
            CommitSource::PullRequest { id, commit } => {
                let source = self.ask(*id).await?;
                let target = self.target_of(&source, *id, commit.as_ref());
                Ok((target, Some(source)))
            }
        }
    }

    /// The pull request's source commit, when it is another than the one that Bitbucket does not know.
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses to tell or cannot be reached.
    pub async fn source_commit(
        &self,
        unknown: &Target,
        source: Option<PullRequestSource>,
    ) -> Result<Option<Target>, Rc<Refusal>> {
        let id = match self.plan.commit {
            CommitSource::Given { fallback: Some(id), .. } | CommitSource::PullRequest { id, .. } => id,
            CommitSource::Given { fallback: None, .. } | CommitSource::Branch(_) => return Ok(None),
        };
        let source = match source {
            Some(source) => source,
            None => self.ask(id).await?,
        };
        let target = self.target_of(&source, id, None);
        if unknown.commit.matches(&target.commit) && unknown.repository == target.repository {
            return Ok(None);
        }
        let why = if unknown.commit.matches(&target.commit) {
            "the pull request comes from a fork"
        } else {
            "pull-request pipelines build a local merge commit"
        };
        self.console().warning(format_args!(
            "Bitbucket does not know commit {} in {} ({why}); the source commit {} of pull request {id} in {} is used",
            unknown.commit, unknown.repository, target.commit, target.repository
        ));
        Ok(Some(target))
    }

    async fn ask(&self, id: PullRequestId) -> Result<PullRequestSource, Rc<Refusal>> {
        let repository = &self.plan.repository;
        let name = format!("{} {repository} {id}", self.bitbucket.0.service.with());
        let find = self.bitbucket.pull_request_source(repository, id);
        let source = once(&self.lookups.pull_requests, name, self.bitbucket.0.deadline, find).await?;
        self.console().line(format_args!(
            "pull request {id} comes from branch {} of {}, at commit {}",
            source.branch,
            source.repository.as_ref().unwrap_or(repository),
            source.commit
        ));
        Ok(source)
    }

    fn target_of(
        &self,
        source: &PullRequestSource,
        id: PullRequestId,
        commit: Option<&CommitHash>,
    ) -> Target {
        let (plan, console) = (self.plan, self.console());
        if source.repository.is_none() {
            console.warning(format_args!(
                "the fork of pull request {id} is gone; the status goes to {}",
                plan.repository
            ));
        }
        if let Some(commit) = commit
            && !commit.matches(&source.commit)
        {
            console.warning(format_args!(
                "pull request {id} is at commit {} by now; the status goes to COMMIT {commit}, as given",
                source.commit
            ));
        }
        if let Some(refname) = &plan.refname
            && *refname != source.branch
        {
            console.warning(format_args!(
                "pull request {id} comes from branch {}, but the status is for branch {refname}, as given: it will not count for this pull request",
                source.branch
            ));
        }
        Target {
            repository: source.repository.as_ref().unwrap_or(&plan.repository).clone(),
            commit: commit.unwrap_or(&source.commit).clone(),
            refname: Some(plan.refname.as_ref().unwrap_or(&source.branch).clone()),
        }
    }

    const fn console(&self) -> &'a Console {
        self.bitbucket.0.console
    }
}
