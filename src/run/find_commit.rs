//! Finds the commit of a target: given, the head of a branch, or the source of a pull request; and the pull
//! request's source commit, where the pipeline's commit exists in the build only.

use std::{cell::Cell, collections::HashSet, rc::Rc};

use crate::{
    bitbucket::api::{Bitbucket, PullRequestSource},
    console::{log::Console, text::fingerprint},
    http::{
        client::Client,
        refusal::{Clues, Refusal},
        service::{Access, Service},
    },
    model::target::{CommitHash, CommitSource, Lookup, PullRequestId, Repository, Target, TargetPlan},
    run::lookup_cache::{Found, Once},
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
    /// Whether it was seen that the repository is there.
    pub sees_repository: bool,
}

/// What a run has looked up: each pull request and each branch once, whoever asks and however many at a time. The
/// credential counts, for another one may see something else.
#[derive(Debug)]
pub struct Lookups {
    /// The fingerprints of those that more than one target needs; the others are not kept.
    shared: HashSet<u64>,
    pull_requests: Once<PullRequestSource>,
    branches: Once<CommitHash>,
    inquiries: Cell<u32>,
}

/// So many refusals of a run are looked into. Of a thousand most have the reason of the first, and every read counts
/// against the allowance.
const INQUIRIES_MAX: u32 = 50;

impl Lookups {
    /// The lookups of a run over these targets.
    pub fn of<'p>(targets: impl Iterator<Item = (&'p Access, &'p TargetPlan)>) -> Self {
        let (mut known, mut shared) = (HashSet::new(), HashSet::new());
        for (access, target) in targets {
            let name = target.may_look_up().map(|lookup| name(&access.service, &target.repository, lookup));
            shared.extend(name.filter(|name| !known.insert(*name)));
        }
        Self { shared, pull_requests: Once::default(), branches: Once::default(), inquiries: Cell::default() }
    }

    /// Whether one more refusal may be looked into.
    pub fn may_inquire(&self) -> bool {
        let inquiries = self.inquiries.get();
        self.inquiries.set(inquiries.saturating_add(1));
        inquiries < INQUIRIES_MAX
    }
}

/// What makes two lookups the same.
fn name(service: &Service, repository: &Repository, lookup: Lookup<'_>) -> u64 {
    fingerprint(&(service.with(), repository.to_string(), lookup))
}

impl<'a> Locator<'a> {
    /// The target, and the source of its pull request when that was asked.
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses to tell or cannot be reached.
    pub async fn locate(&self) -> Result<(Target, Option<PullRequestSource>), Rc<Refusal>> {
        let plan = self.plan;
        match &plan.commit {
            CommitSource::Given { commit, .. } => Ok((plan.at(commit.clone()), None)),
            CommitSource::Branch(branch) => {
                let find = self.bitbucket.branch_head(&plan.repository, branch);
                let head = self.once(&self.lookups.branches, Lookup::Branch(branch), find).await?;
                self.console().line(format_args!("branch {branch} is at commit {head}"));
                Ok((plan.at(head), None))
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

    /// Adds what is known of a target to the evidence of its refusal; `was_asked` when [`Self::source_commit`] was.
    pub fn add_clues(&self, target: &Target, was_asked: bool, clues: &mut Clues) {
        clues.is_forks = self.plan.is_in_fork(target);
        clues.asked_pull_request =
            was_asked && matches!(self.plan.may_look_up(), Some(Lookup::PullRequest(_)));
    }

    async fn ask(&self, id: PullRequestId) -> Result<PullRequestSource, Rc<Refusal>> {
        let repository = &self.plan.repository;
        let find = self.bitbucket.pull_request_source(repository, id);
        let source = self.once(&self.lookups.pull_requests, Lookup::PullRequest(id), find).await?;
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
                "pull request {id} is at commit {} by now; COMMIT {commit} goes before it, as given",
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

    /// What was looked up before, or looks it up.
    async fn once<T: Clone>(
        &self,
        known: &Once<T>,
        lookup: Lookup<'_>,
        find: impl Future<Output = Result<T, Box<Refusal>>>,
    ) -> Found<T> {
        let Client { service, deadline, .. } = self.bitbucket.0;
        let name = name(service, &self.plan.repository, lookup);
        // It has two ways to go, each of which would hold it.
        let find = Box::pin(find);
        let find = async {
            find.await.map_err(|mut refusal| {
                refusal.clues.sees_repository = self.sees_repository.then_some(true);
                Rc::from(refusal)
            })
        };
        if self.lookups.shared.contains(&name) {
            // Another target has another deadline.
            known.get(name, deadline, true, find).await
        } else {
            find.await
        }
    }

    const fn console(&self) -> &'a Console {
        self.bitbucket.0.console
    }
}
