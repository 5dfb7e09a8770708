//! Finds the commit of a target: given, the head of a branch, or the source of a pull request; and the pull
//! request's source commit, where the pipeline's commit exists in the build only.

use crate::{
    bitbucket::{Bitbucket, PullRequestSource},
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
}

impl<'a> Locator<'a> {
    /// The target, and the source of its pull request when that was asked.
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses to tell or cannot be reached.
    pub async fn locate(&self) -> Result<(Target, Option<PullRequestSource>), Box<Refusal>> {
        let plan = self.plan;
        let target = |commit: CommitHash| Target {
            repository: plan.repository.clone(),
            commit,
            refname: plan.refname.clone(),
        };
        match &plan.commit {
            CommitSource::Given { commit, .. } => Ok((target(commit.clone()), None)),
            CommitSource::Branch(branch) => {
                let head = self.bitbucket.branch_head(&plan.repository, branch).await?;
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
    pub async fn source_commit(&self, unknown: &Target, source: Option<PullRequestSource>) -> Option<Target> {
        let id = match self.plan.commit {
            CommitSource::Given { fallback, .. } => fallback?,
            CommitSource::PullRequest { id, .. } => id,
            CommitSource::Branch(_) => return None,
        };
        let source = match source {
            Some(source) => source,
            None => match self.ask(id).await {
                Ok(source) => source,
                Err(refusal) => {
                    self.console().warning(&*refusal);
                    return None;
                }
            },
        };
        let target = self.target_of(&source, id, None);
        if unknown.commit.matches(&target.commit) && unknown.repository == target.repository {
            return None;
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
        Some(target)
    }

    async fn ask(&self, id: PullRequestId) -> Result<PullRequestSource, Box<Refusal>> {
        let repository = &self.plan.repository;
        let source = self.bitbucket.pull_request_source(repository, id).await?;
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
