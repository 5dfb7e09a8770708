//! Finds the commit of a target: it is given, the head of a branch, or the source of a pull request. Where Bitbucket does
//! not know the commit, because it exists in the build only, the commit that Pipelines names is the way out.

use std::{collections::HashSet, rc::Rc, time::Duration};

use reqwest::StatusCode;

use crate::{
    bitbucket::{
        answer::Answer,
        api::{Bitbucket, PullRequestSource},
        credential::Credential,
        refusal::{Evidence, PullRequestSays, Refusal},
    },
    console::{log::Console, text::rounded},
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
    /// Whether Bitbucket itself has just named the commit.
    is_named: bool,
    /// Whether the commit that Pipelines builds was tried in place of one that Bitbucket does not know.
    has_tried_built: bool,
    /// The pull request's way out of a commit that Bitbucket does not know, once that was looked up.
    way_out: Option<Found<WayOut, Refusal>>,
}

/// The way out of a commit that Bitbucket does not know.
#[derive(Debug, Clone)]
enum WayOut {
    /// The commit that was built is at another target.
    At(Target),
    /// The pull request has another head by now.
    MovedOn(PullRequestId, CommitHash),
    None,
}

/// After a push, Bitbucket may need some seconds to know its commits.
const PAUSES_UNTIL_KNOWN: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(3)];

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
                Ok(FoundCommit { is_named: true, ..FoundCommit::at(plan.at(head)) })
            }
            CommitSource::PullRequest { id, commit, .. } => {
                let source = self.look_up_pull_request(*id).await?;
                let is_named = commit.is_none();
                let commit = match commit.as_ref().or(source.commit.as_ref()) {
                    Some(commit) => commit.clone(),
                    None => self.bitbucket.source_commit(&plan.repository, *id).await?,
                };
                let target = self.target_of(&source, *id, &commit);
                Ok(FoundCommit { source: Some(source), is_named, ..FoundCommit::at(target) })
            }
        }
    }

    /// Runs a step at the commit. If Bitbucket does not know the commit, the step runs again after some seconds. Then it
    /// runs for the commit that Pipelines builds, and then in the repository that the pull request comes from. `found` is
    /// changed to the one that was tried last.
    ///
    /// # Errors
    ///
    /// When the step fails everywhere. The refusal has the evidence of the lookups.
    pub(crate) async fn run_step<T>(
        &self,
        found: &mut FoundCommit,
        step: impl AsyncFn(&Target) -> Result<T, Box<Refusal>>,
    ) -> Result<T, FailedStep> {
        let mut refusal = match self.run_until_known(found, &step).await {
            Ok(done) => return Ok(done),
            Err(refusal) => refusal,
        };
        let mut lookup = None;
        while refusal.status_code() == Some(StatusCode::NOT_FOUND)
            && let Some(other) = self.next_target(found, &mut lookup).await
        {
            found.target = other;
            match self.run_until_known(found, &step).await {
                Ok(done) => return Ok(done),
                Err(at_way_out) => refusal = at_way_out,
            }
        }
        self.add_evidence(found, &mut refusal.evidence);
        Err(FailedStep { refusal, lookup })
    }

    /// The next way out of the found commit, which Bitbucket does not know. `lookup` is why it could not be looked up.
    async fn next_target(&self, found: &mut FoundCommit, lookup: &mut Option<Rc<Refusal>>) -> Option<Target> {
        let built = self.plan.built().filter(|built| !built.matches(&found.target.commit));
        if let Some(built) = built
            && !found.has_tried_built
        {
            found.has_tried_built = true;
            let Target { commit, repository, .. } = &found.target;
            self.console().warning(format_args!(
                "Bitbucket does not know commit {commit} in {repository} (pull-request pipelines build a local merge commit); Gatepost uses the commit that Pipelines names, {built}"
            ));
            return Some(Target { commit: built.clone(), ..found.target.clone() });
        }
        if found.way_out.is_none() {
            let way_out = self.way_out(&found.target, found.source.take()).await;
            *lookup = way_out.as_ref().err().cloned();
            found.way_out = Some(way_out);
        }
        match &found.way_out {
            Some(Ok(WayOut::At(other))) if *other != found.target => Some(other.clone()),
            _ => None,
        }
    }

    /// Runs a step. A commit that Bitbucket has just named, or that Pipelines builds, may be unknown for some seconds
    /// after a push.
    async fn run_until_known<T>(
        &self,
        found: &FoundCommit,
        step: &impl AsyncFn(&Target) -> Result<T, Box<Refusal>>,
    ) -> Result<T, Box<Refusal>> {
        let commit = &found.target.commit;
        let is_named = found.is_named || self.plan.built().is_some_and(|built| built.matches(commit));
        let mut pauses = PAUSES_UNTIL_KNOWN.into_iter().filter(|_| is_named);
        loop {
            let refusal = match step(&found.target).await {
                Ok(done) => return Ok(done),
                Err(refusal) => refusal,
            };
            let left = self.bitbucket.client.deadline.left();
            match pauses.next() {
                Some(pause) if refusal.answer == Some(Answer::NoCommit) && pause < left => {
                    self.console().warning(format_args!(
                        "Bitbucket does not know commit {} yet; trying again in {} s",
                        commit.digits(),
                        rounded(pause)
                    ));
                    tokio::time::sleep(pause).await;
                }
                _ => return Err(refusal),
            }
        }
    }

    /// Where the pull request has the commit, if Bitbucket does not know it at this target. A commit that nobody built is
    /// no way out.
    async fn way_out(&self, unknown: &Target, source: Option<PullRequestSource>) -> Found<WayOut, Refusal> {
        let id = match self.plan.commit {
            CommitSource::Given { fallback: Some(id), .. } | CommitSource::PullRequest { id, .. } => id,
            CommitSource::Given { fallback: None, .. } | CommitSource::Branch(_) => return Ok(WayOut::None),
        };
        let source = match source {
            Some(source) => source,
            None => self.look_up_pull_request(id).await?,
        };
        let head = match &source.commit {
            Some(head) if head.matches(&unknown.commit) => head,
            Some(head) => return Ok(WayOut::MovedOn(id, head.clone())),
            None => return Ok(WayOut::None),
        };
        let target = self.target_of(&source, id, head);
        if unknown.repository == target.repository {
            return Ok(WayOut::None);
        }
        self.console().warning(format_args!(
            "Bitbucket does not know commit {} in {} (the pull request comes from a fork); Gatepost uses the source commit {} of pull request {id} in {}",
            unknown.commit, unknown.repository, target.commit, target.repository
        ));
        Ok(WayOut::At(target))
    }

    fn add_evidence(&self, found: &FoundCommit, evidence: &mut Evidence) {
        evidence.is_fork = self.plan.is_in_fork(&found.target);
        evidence.is_built = self.plan.built().is_some_and(|built| built.matches(&found.target.commit));
        evidence.pull_request = match (&found.way_out, self.plan.may_look_up()) {
            (Some(Ok(WayOut::MovedOn(id, head))), _) => PullRequestSays::MovedOn(*id, head.clone()),
            (Some(_), Some(Lookup::PullRequest(_))) => PullRequestSays::NothingNew,
            _ => PullRequestSays::NotAsked,
        };
    }

    async fn look_up_pull_request(&self, id: PullRequestId) -> Found<PullRequestSource, Refusal> {
        let repository = &self.plan.repository;
        let find = self.bitbucket.pull_request_source(repository, id);
        let source = self.look_up(&self.lookups.pull_requests, Lookup::PullRequest(id), find).await?;
        let branch = source.branch.as_deref().unwrap_or("(deleted)");
        let of =
            source.repository.as_ref().map_or("a fork that was deleted".to_owned(), Repository::to_string);
        let at = source.commit.as_ref().map(|commit| format!(", at commit {commit}")).unwrap_or_default();
        self.console().line(format_args!("pull request {id} comes from branch {branch} of {of}{at}"));
        if let Some(end) = source.end {
            self.console().warning(format_args!(
                "pull request {id} is {end} already: the status comes too late for its review"
            ));
        }
        Ok(source)
    }

    fn target_of(&self, source: &PullRequestSource, id: PullRequestId, commit: &CommitHash) -> Target {
        let (plan, console) = (self.plan, self.console());
        if source.repository.is_none() {
            console.warning(format_args!(
                "the fork of pull request {id} was deleted; the status goes to {}",
                plan.repository
            ));
        }
        if let Some(head) = source.commit.as_ref().filter(|head| !commit.matches(head)) {
            console.warning(format_args!(
                "pull request {id} is at commit {head}; the status goes to commit {commit}"
            ));
        }
        if let (Some(refname), Some(branch)) = (&plan.refname, &source.branch)
            && refname != branch
        {
            console.warning(format_args!(
                "pull request {id} comes from branch {branch}, but the status is for branch {refname}: it does not count for this pull request"
            ));
        }
        Target {
            repository: source.repository.as_ref().unwrap_or(&plan.repository).clone(),
            commit: commit.clone(),
            refname: plan.refname.clone().or_else(|| source.branch.clone()),
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
        Self { target, source: None, is_named: false, has_tried_built: false, way_out: None }
    }
}
