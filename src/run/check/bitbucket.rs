//! Checks Bitbucket: the credential and its scopes, the repository, the commit, and the statuses that are there.

use std::rc::Rc;

use crate::{
    bitbucket::{
        api::Bitbucket,
        credential::CredentialKind,
        refusal::{Creator, StatusCreator},
        scopes::{Need, Scopes},
    },
    config::plan::{NamedTarget, Plan},
    explain::handbook,
    model::{
        status::StatusKey,
        target::{CommitSource, Target, TargetPlan},
    },
    run::{
        check::{CheckRun, tally::Tally},
        find_commit::CommitFinder,
    },
};

impl<'a> CheckRun<'a> {
    /// Returns the target whose commit Bitbucket has.
    pub(super) async fn check_bitbucket(
        &self,
        plan: &'a Plan<NamedTarget>,
        keys: &[StatusKey],
        bitbucket: Bitbucket<'_>,
        tally: &mut Tally<'_>,
    ) -> Option<Target> {
        let credential = &plan.credential.kind;
        if credential.is_pipelines_proxy() {
            tally.notable(
                "the report would go through the proxy of Pipelines, which is not checked: nothing but reports goes through it",
                "that is fine in a pipeline in the cloud; a status and merge checks need a credential",
            );
            return match &plan.target {
                NamedTarget::Commit(target) => target.given(),
                NamedTarget::Repository(_) => None,
            };
        }
        check_format(credential, tally);
        let repository = plan.target.repository();
        let find = async { bitbucket.read_repository(repository).await.map_err(Rc::from) };
        let key = (Rc::as_ptr(&plan.credential), repository);
        match self.repositories.get(&key, bitbucket.client.deadline, false, find).await {
            Ok(granted) => {
                tally.passed(format_args!("the token can read the repository {repository}"));
                check_scopes(credential, granted.as_ref(), &plan.target, tally);
                tell_owner(credential, tally);
            }
            // Without the repository, nothing in it can be checked.
            Err(refusal) => {
                tally.refused(&*refusal);
                return None;
            }
        }
        let NamedTarget::Commit(target_plan) = &plan.target else {
            tally.notable(
                "no commit was checked: COMMIT, PULL_REQUEST and BRANCH are not set",
                "pass one of them to check the commit as well; a run that publishes needs one",
            );
            return None;
        };
        let target = self.check_commit(plan, target_plan, bitbucket, tally).await?;
        let credential = self.credential(plan, &target);
        for key in keys.iter().filter(|_| plan.insights.posts_status) {
            check_creator(key, &target, bitbucket.with(&credential), tally).await;
        }
        Some(target)
    }

    /// Finds the commit as a run that publishes does, and reads it instead of posting a status.
    async fn check_commit(
        &self,
        plan: &Plan<NamedTarget>,
        target_plan: &'a TargetPlan,
        bitbucket: Bitbucket<'_>,
        tally: &mut Tally<'_>,
    ) -> Option<Target> {
        let finder =
            CommitFinder { bitbucket, plan: target_plan, lookups: &self.lookups, has_read_repository: true };
        let mut found = match finder.find().await {
            Ok(found) => found,
            Err(refusal) => {
                tally.refused(&*refusal);
                return None;
            }
        };
        let read = async |target: &Target| {
            let credential = self.credential(plan, target);
            bitbucket.with(&credential).read_commit(&target.repository, &target.commit).await
        };
        match finder.run_step(&mut found, read).await {
            Ok(_) => {
                let target = found.target;
                let branch =
                    target.refname.as_ref().map(|name| format!(", branch {name}")).unwrap_or_default();
                tally.passed(format_args!(
                    "Bitbucket has commit {} of {}{branch}",
                    target.commit, target.repository
                ));
                Some(target)
            }
            Err(failed) => {
                if let Some(lookup) = failed.lookup {
                    tally.refused(&*lookup);
                }
                let mut refusal = failed.refusal;
                let is_read = found.target.repository == target_plan.repository;
                refusal.evidence.reads_repository = is_read.then_some(true);
                tally.refused(&*refusal);
                None
            }
        }
    }

    /// The credential for the repository of the target, which may be a fork.
    fn credential(
        &self,
        plan: &Plan<NamedTarget>,
        target: &Target,
    ) -> Rc<crate::bitbucket::credential::Credential> {
        let named = plan.target.repository();
        self.context.keyring.credential_for_source(&target.repository, named, &plan.credential)
    }
}

/// The variables were judged before; this repeats what was unusual about the token.
fn check_format(credential: &CredentialKind, tally: &mut Tally<'_>) {
    match credential.oddity() {
        None if credential.may_be_oauth_token() => tally.notable(
            format_args!(
                "the {credential} does not begin with ATCTT like an access token; it may be an OAuth token"
            ),
            "OAuth tokens work for two hours; an app password no longer works",
        ),
        // Bitbucket does not document the format of keys and secrets.
        None if matches!(credential, CredentialKind::OauthConsumer { .. }) => {
            tally.passed(format_args!("the {credential} has a key and a secret"));
        }
        None => tally.passed(format_args!("the {credential} has the expected format")),
        Some(oddity) => tally.notable(
            format_args!("the {credential} {oddity}"),
            "copy it again from the page that showed it when it was created, or create a new one",
        ),
    }
}

/// Reading the repository needs the scope that a status needs. Bitbucket may list fewer scopes than the token has, so
/// only a listed scope is believed.
fn check_scopes(
    credential: &CredentialKind,
    granted: Option<&Scopes>,
    target: &NamedTarget,
    tally: &mut Tally<'_>,
) {
    let granted = granted.filter(|granted| !granted.is_empty() && granted.are_of(credential));
    let Some(granted) = granted else {
        return tally.notable(
            "Bitbucket did not list the scopes of the token",
            format_args!(
                "the token could read the repository, which is enough for a status; if Gatepost looks up pull requests, check that the token also has {}",
                Need::PullRequestLookup.permission(credential)
            ),
        );
    };
    let needed = Need::Status.scope(credential);
    if Need::Status.is_met(credential, granted) {
        tally.passed(format_args!("the token has the scope {needed}, for statuses"));
    } else {
        tally.notable(
            format_args!("Bitbucket lists the scopes of the token without {needed}, for statuses: {granted}"),
            format_args!(
                "the token could read the repository, which should be enough; if Bitbucket refuses a status, give the token {}",
                Need::Status.permission(credential)
            ),
        );
    }
    let lookup = Need::PullRequestLookup.scope(credential);
    let is_looked_up =
        matches!(target, NamedTarget::Commit(TargetPlan { commit: CommitSource::PullRequest { .. }, .. }));
    if Need::PullRequestLookup.is_met(credential, granted) {
        tally.passed(format_args!("the token has the scope {lookup}, to look up pull requests"));
    } else if is_looked_up {
        // The lookup itself fails and says what to do.
        tally.console.warning(format_args!("the token lacks the scope {lookup}; it has: {granted}"));
    } else {
        tally.notable(
            format_args!("the token lacks the scope {lookup}: it cannot look up pull requests"),
            "that is fine while COMMIT and BRANCH are known, as in the repository's own pipeline",
        );
    }
    let writing = granted.writing();
    if !writing.is_empty() {
        tally.notable(
            format_args!("the token may do more than Gatepost needs: {writing}"),
            match credential {
                CredentialKind::OauthConsumer { .. } => "edit the consumer and leave only the permissions to read: Gatepost needs no more to post a status, and a lost secret does less harm",
                CredentialKind::ApiToken { .. } | CredentialKind::AccessToken { .. } | CredentialKind::PipelinesProxy => "use a token that may only read: Gatepost needs no more to post a status, and a lost token does less harm",
            },
        );
    }
}

/// Whose the statuses will be, where the credential does not show it.
fn tell_owner(credential: &CredentialKind, tally: &mut Tally<'_>) {
    if matches!(credential, CredentialKind::OauthConsumer { .. }) {
        tally.passed(
            "statuses of the OAuth consumer belong to its owner (the workspace or the account in which it was created): only the owner or an admin of the repository may overwrite them",
        );
    }
}

/// Bitbucket is not asked who we are: access tokens may not ask it, and API tokens need another scope for it. But a
/// status of a person was not created by an access token, and the reverse. The owner of an OAuth consumer is a person or a workspace,
/// whose kind of account is neither.
async fn check_creator(key: &StatusKey, target: &Target, bitbucket: Bitbucket<'_>, tally: &mut Tally<'_>) {
    let remedy = handbook::ANOTHERS_STATUS.remedy;
    let (is_person, owned) = match bitbucket.credential.kind {
        CredentialKind::ApiToken { .. } => (true, "token"),
        CredentialKind::AccessToken { .. } | CredentialKind::PipelinesProxy => (false, "token"),
        CredentialKind::OauthConsumer { .. } => (true, "consumer"),
    };
    match bitbucket.status_creator(&target.repository, &target.commit, key).await {
        Ok(StatusCreator::NoStatus) => {
            tally.passed(format_args!("the commit has no status with the key {key}: it can be created"));
        }
        Ok(StatusCreator::Named(creator @ Creator { is_person: Some(other), .. }))
            if other != is_person =>
        {
            tally.notable(
                format_args!(
                    "the status with the key {key} was created by {creator}, which is another credential: only an admin of the repository may overwrite it"
                ),
                remedy,
            );
        }
        Ok(StatusCreator::Named(creator)) => tally.notable(
            format_args!(
                "the status with the key {key} was created by {creator}; another credential cannot overwrite it"
            ),
            format_args!("compare the name with the owner of the {owned}; if it is another one: {remedy}"),
        ),
        Ok(StatusCreator::Unnamed) => tally.notable(
            format_args!("the commit has a status with the key {key}, and Bitbucket does not name its creator"),
            format_args!("if it is another credential: {remedy}"),
        ),
        Err(mut refusal) => {
            // The commit was read just before.
            refusal.evidence.reads_repository = Some(true);
            tally.refused(&*refusal);
        }
    }
}
