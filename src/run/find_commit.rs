//! Finds the commit of a target: it is given, the head of a branch, or the source of a pull request. Where Bitbucket does
//! not know the commit, because it exists in the build only, the source commit of the pull request is the way out.

use std::{collections::HashSet, rc::Rc};

use reqwest::StatusCode;

use crate::{
    bitbucket::{
        api::{Bitbucket, PullRequestSource},
        credential::Credential,
        refusal::{Evidence, Refusal},
    },
    console::log::Console,
    explain::further_reads::FurtherReads,
    model::target::{CommitHash, CommitSource, Lookup, PullRequestId, Repository, Target, TargetPlan},
    run::lookup_cache::{Found, LookupCache},
};

/// Finds the commit of one target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CommitFinder<'c, 'p> {
    pub(crate) bitbucket: Bitbucket<'c>,
    pub(crate) plan: &'p TargetPlan,
    pub(crate) lookups: &'c Lookups<'p>,
    /// Whether the run has already read the repository.
    pub(crate) has_read_repository: bool,
}

/// The lookups of a run: each pull request and each branch is looked up once with each credential.
#[derive(Debug)]
pub(crate) struct Lookups<'a> {
    /// The lookups that several targets need. Only their results are cached.
    shared: HashSet<LookupKey<'a>>,
    pull_requests: LookupCache<LookupKey<'a>, PullRequestSource, Refusal>,
    branches: LookupCache<LookupKey<'a>, CommitHash, Refusal>,
    /// The further reads that refusals of this run may still get.
    pub(crate) further_reads: FurtherReads,
}

/// A lookup with a credential; another credential may get another result.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct LookupKey<'a> {
    /// The address of the credential, which outlives the run.
    credential: *const Credential,
    repository: &'a Repository,
    lookup: Lookup<'a>,
}

/// A commit that was found, and its way out.
#[derive(Debug)]
pub(crate) struct FoundCommit {
    pub(crate) target: Target,
    /// The source of the pull request, if it was looked up.
    source: Option<PullRequestSource>,
    /// The other target at which a step may succeed, once that was looked up.
    way_out: Option<Found<Option<Target>, Refusal>>,
}

/// A step that failed at a commit.
#[derive(Debug)]
pub(crate) struct FailedStep {
    pub(crate) refusal: Box<Refusal>,
    /// Why the way out could not be looked up, if this step asked for it.
    pub(crate) lookup: Option<Rc<Refusal>>,
}

impl<'a> Lookups<'a> {
    /// The lookups of a run with these targets.
    pub(crate) fn of(targets: impl Iterator<Item = (&'a Rc<Credential>, &'a TargetPlan)>) -> Self {
        let (mut known, mut shared) = (HashSet::new(), HashSet::new());
        for (credential, target) in targets {
            let key = target.may_look_up().map(|lookup| LookupKey {
                credential: Rc::as_ptr(credential),
                repository: &target.repository,
                lookup,
            });
            shared.extend(key.filter(|key| !known.insert(key.clone())));
        }
        Self {
            shared,
            pull_requests: LookupCache::default(),
            branches: LookupCache::default(),
            further_reads: FurtherReads::default(),
        }
    }
}

impl<'c, 'p> CommitFinder<'c, 'p> {
    /// Finds the commit.
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses a lookup or cannot be reached.
    pub(crate) async fn find(&self) -> Result<FoundCommit, Rc<Refusal>> {
        let plan = self.plan;
        match &plan.commit {
            CommitSource::Given { commit, .. } => Ok(FoundCommit::at(plan.at(commit.clone()))),
            CommitSource::Branch(branch) => {
                let find = self.bitbucket.branch_head(&plan.repository, branch);
                let head = self.look_up(&self.lookups.branches, Lookup::Branch(branch), find).await?;
                self.console().line(format_args!("branch {branch} is at commit {head}"));
                Ok(FoundCommit::at(plan.at(head)))
            }
            CommitSource::PullRequest { id, commit } => {
                let source = self.look_up_pull_request(*id).await?;
                let target = self.target_of(&source, *id, commit.as_ref());
                Ok(FoundCommit { source: Some(source), ..FoundCommit::at(target) })
            }
        }
    }

    /// Runs a step at the commit; if Bitbucket does not know the commit, runs it again at the way out, which then
    /// becomes the found commit.
    ///
    /// # Errors
    ///
    /// When the step fails at both. The refusal has the evidence of the lookups.
    pub(crate) async fn run_step<T>(
        &self,
        found: &mut FoundCommit,
        step: impl AsyncFn(&Target) -> Result<T, Box<Refusal>>,
    ) -> Result<T, FailedStep> {
        let mut refusal = match step(&found.target).await {
            Ok(done) => return Ok(done),
            Err(refusal) => refusal,
        };
        let mut lookup = None;
        if refusal.status_code() == Some(StatusCode::NOT_FOUND) {
            if found.way_out.is_none() {
                let way_out = self.way_out(&found.target, found.source.take()).await;
                lookup = way_out.as_ref().err().cloned();
                found.way_out = Some(way_out);
            }
            if let Some(Ok(Some(other))) = &found.way_out
                && *other != found.target
            {
                found.target = other.clone();
                match step(&found.target).await {
                    Ok(done) => return Ok(done),
                    Err(at_way_out) => refusal = at_way_out,
                }
            }
        }
        self.add_evidence(found, &mut refusal.evidence);
        Err(FailedStep { refusal, lookup })
    }

    /// The target at the source commit of the pull request, if that is another target than the one that Bitbucket does
    /// not know.
    async fn way_out(
        &self,
        unknown: &Target,
        source: Option<PullRequestSource>,
    ) -> Found<Option<Target>, Refusal> {
        let id = match self.plan.commit {
            CommitSource::Given { fallback: Some(id), .. } | CommitSource::PullRequest { id, .. } => id,
            CommitSource::Given { fallback: None, .. } | CommitSource::Branch(_) => return Ok(None),
        };
        let source = match source {
            Some(source) => source,
            None => self.look_up_pull_request(id).await?,
        };
        let target = self.target_of(&source, id, None);
        let is_same_commit = unknown.commit.matches(&target.commit);
        if is_same_commit && unknown.repository == target.repository {
            return Ok(None);
        }
        let why = if is_same_commit {
            "the pull request comes from a fork"
        } else {
            "pull-request pipelines build a local merge commit"
        };
        self.console().warning(format_args!(
            "Bitbucket does not know commit {} in {} ({why}); Gatepost uses the source commit {} of pull request {id} in {}",
            unknown.commit, unknown.repository, target.commit, target.repository
        ));
        Ok(Some(target))
    }

    fn add_evidence(&self, found: &FoundCommit, evidence: &mut Evidence) {
        evidence.is_fork = self.plan.is_in_fork(&found.target);
        evidence.asked_pull_request =
            found.way_out.is_some() && matches!(self.plan.may_look_up(), Some(Lookup::PullRequest(_)));
    }

    async fn look_up_pull_request(&self, id: PullRequestId) -> Found<PullRequestSource, Refusal> {
        let repository = &self.plan.repository;
        let find = self.bitbucket.pull_request_source(repository, id);
        let source = self.look_up(&self.lookups.pull_requests, Lookup::PullRequest(id), find).await?;
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
                "the fork of pull request {id} was deleted; the status goes to {}",
                plan.repository
            ));
        }
        if let Some(commit) = commit
            && !commit.matches(&source.commit)
        {
            console.warning(format_args!(
                "pull request {id} has moved on to commit {}; the status goes to COMMIT {commit}",
                source.commit
            ));
        }
        if let Some(refname) = &plan.refname
            && *refname != source.branch
        {
            console.warning(format_args!(
                "pull request {id} comes from branch {}, but the status is for branch {refname}: it does not count for this pull request",
                source.branch
            ));
        }
        Target {
            repository: source.repository.as_ref().unwrap_or(&plan.repository).clone(),
            commit: commit.unwrap_or(&source.commit).clone(),
            refname: Some(plan.refname.as_ref().unwrap_or(&source.branch).clone()),
        }
    }

    /// The cached result of a lookup that several targets need; otherwise looks it up.
    async fn look_up<T: Clone>(
        &self,
        cache: &LookupCache<LookupKey<'p>, T, Refusal>,
        lookup: Lookup<'p>,
        find: impl Future<Output = Result<T, Box<Refusal>>>,
    ) -> Found<T, Refusal> {
        let Bitbucket { client, credential } = self.bitbucket;
        let repository = &self.plan.repository;
        let key = LookupKey { credential: Rc::as_ptr(credential), repository, lookup };
        // On the heap: both branches below would hold the future.
        let find = Box::pin(find);
        let find = async {
            find.await.map_err(|mut refusal| {
                refusal.evidence.reads_repository = self.has_read_repository.then_some(true);
                Rc::from(refusal)
            })
        };
        if self.lookups.shared.contains(&key) {
            // A later target has its own deadline.
            cache.get(&key, client.deadline, true, find).await
        } else {
            find.await
        }
    }

    const fn console(&self) -> &'c Console {
        self.bitbucket.client.console
    }
}

impl FoundCommit {
    /// A target that was found without asking for a pull request.
    pub(crate) const fn at(target: Target) -> Self {
        Self { target, source: None, way_out: None }
    }
}
