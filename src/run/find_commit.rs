//! Finds the commit of a target: given, the head of a branch, or the source of a pull request; and the pull
//! request's source commit, where the pipeline's commit exists in the build only.

use std::{collections::HashSet, rc::Rc};

use crate::{
    bitbucket::{
        api::{Bitbucket, PullRequestSource},
        credential::Credential,
        refusal::{Evidence, Refusal},
    },
    console::{log::Console, text::fingerprint},
    explain::further_reads::FurtherReads,
    http::client::Client,
    model::target::{CommitHash, CommitSource, Lookup, PullRequestId, Repository, Target, TargetPlan},
    run::lookup_cache::{Found, Once},
};

/// Finds the commit of one target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Locator<'a> {
    /// Bitbucket.
    pub(crate) bitbucket: Bitbucket<'a>,
    /// The target as far as the variables tell it.
    pub(crate) plan: &'a TargetPlan,
    /// What was looked up before in this run.
    pub(crate) lookups: &'a Lookups,
    /// Whether it was seen that the repository is there.
    pub(crate) reads_repository: bool,
}

/// What a run has looked up: each pull request and each branch once, whoever asks and however many at a time. The
/// credential counts, for another one may see something else.
#[derive(Debug)]
pub(crate) struct Lookups {
    /// The fingerprints of those that more than one target needs; the others are not kept.
    shared: HashSet<u64>,
    pull_requests: Once<PullRequestSource>,
    branches: Once<CommitHash>,
    /// The further reads that refusals of this run may still get.
    pub(crate) further_reads: FurtherReads,
}

impl Lookups {
    /// The lookups of a run over these targets.
    pub(crate) fn of<'p>(targets: impl Iterator<Item = (&'p Credential, &'p TargetPlan)>) -> Self {
        let (mut known, mut shared) = (HashSet::new(), HashSet::new());
        for (access, target) in targets {
            let name = target.may_look_up().map(|lookup| name(access, &target.repository, lookup));
            shared.extend(name.filter(|name| !known.insert(*name)));
        }
        Self {
            shared,
            pull_requests: Once::default(),
            branches: Once::default(),
            further_reads: FurtherReads::default(),
        }
    }
}

/// What makes two lookups the same.
fn name(credential: &Credential, repository: &Repository, lookup: Lookup<'_>) -> u64 {
    fingerprint(&(&credential.authorization.description, repository.to_string(), lookup))
}

impl<'a> Locator<'a> {
    /// The target, and the source of its pull request when that was asked.
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses to tell or cannot be reached.
    pub(crate) async fn locate(&self) -> Result<(Target, Option<PullRequestSource>), Rc<Refusal>> {
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
    pub(crate) async fn source_commit(
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
    pub(crate) fn add_clues(&self, target: &Target, was_asked: bool, evidence: &mut Evidence) {
        evidence.is_fork = self.plan.is_in_fork(target);
        evidence.asked_pull_request =
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
        let Client { deadline, .. } = self.bitbucket.client;
        let name = name(self.bitbucket.credential, &self.plan.repository, lookup);
        // It has two ways to go, each of which would hold it.
        let find = Box::pin(find);
        let find = async {
            find.await.map_err(|mut refusal| {
                refusal.evidence.reads_repository = self.reads_repository.then_some(true);
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
        self.bitbucket.client.console
    }
}
