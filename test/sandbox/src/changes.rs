//! What happens to a world after it was made: commits come late or go, pull requests end, repositories get another name
//! or take no writes any more.

use crate::message::Answer;
use crate::refusals;
use crate::world::World;

/// Where a repository is now.
#[derive(Clone, Debug)]
pub(crate) enum Move {
    /// Clients are sent on to this name.
    Announced(String),
    /// Clients are answered by this repository.
    Silent(String),
}

/// Why a repository takes no writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It is read-only for the moment.
    ForNow,
    /// It is archived.
    Archived,
    /// Its workspace has more users than it pays for.
    OverUserLimit,
}

impl Closed {
    pub(crate) fn refusal(self) -> Answer {
        match self {
            Self::ForNow => refusals::read_only(),
            Self::Archived => refusals::archived(),
            Self::OverUserLimit => refusals::over_user_limit(),
        }
    }
}

/// A commit that was pushed and is not known yet.
#[derive(Clone, Debug)]
pub(crate) struct LateCommit {
    repository: String,
    commit: String,
    requests: u32,
}

impl World {
    /// Lets that many requests about a commit be answered as if it was not there, although its branch and its pull
    /// request name it: what was pushed is not known everywhere at once. That Bitbucket needs some seconds is
    /// observed by its users; that the places differ is assumed.
    pub fn know_commit_after(&mut self, full_name: &str, commit: &str, requests: u32) -> &mut Self {
        self.late_commits.push(LateCommit {
            repository: full_name.to_owned(),
            commit: commit.to_owned(),
            requests,
        });
        self
    }

    /// Whether a commit is not known yet, with this request counted.
    pub(crate) fn is_late(&mut self, full_name: &str, commit: &str) -> bool {
        let mut late = self.late_commits.iter_mut();
        let late =
            late.find(|late| late.repository == full_name && late.commit == commit && late.requests > 0);
        late.is_some_and(|late| {
            late.requests -= 1;
            true
        })
    }

    /// Deletes a repository once so many further requests were answered: somebody may do so while a client works through
    /// what it has listed.
    pub fn delete_repository_after(&mut self, full_name: &str, requests: u32) -> &mut Self {
        let number = self.requests() + requests + 1;
        self.deletions.push((full_name.to_owned(), number));
        self
    }

    /// Deletes the repositories whose time has come with this request.
    pub(crate) fn delete_what_is_due(&mut self) {
        let now = self.requests();
        let due: Vec<_> = self.deletions.extract_if(.., |(_, number)| *number <= now).collect();
        for (full_name, _) in due {
            self.delete_repository(&full_name);
        }
    }

    /// Rewrites a branch: its head is another commit now, whose hash is returned, and the one before is gone. Bitbucket
    /// keeps a commit that no branch has for a while; that it is gone at once is assumed.
    ///
    /// # Panics
    /// When there is no such repository or branch.
    pub fn force_push(&mut self, full_name: &str, branch: &str) -> String {
        let gone = self.head(full_name, branch);
        let head = self.push(full_name, branch);
        let repository = self.repository_mut(full_name);
        if !repository.branches.values().any(|head| *head == gone) {
            repository.commits.remove(&gone);
        }
        head
    }

    /// Merges a pull request: its destination branch gets a commit, whose hash is returned, and its source branch may
    /// go on without it.
    ///
    /// # Panics
    /// When there is no such pull request.
    pub fn merge_pull_request(&mut self, full_name: &str, id: u64) -> String {
        let destination = self.end_pull_request(full_name, id, "MERGED");
        let commit = self.push(full_name, &destination);
        let pull_request = self.repository_mut(full_name).pull_requests.get_mut(&id);
        pull_request.expect("it has just ended").merge_commit = Some(commit.clone());
        commit
    }

    /// Declines a pull request.
    ///
    /// # Panics
    /// When there is no such pull request.
    pub fn decline_pull_request(&mut self, full_name: &str, id: u64) -> &mut Self {
        self.end_pull_request(full_name, id, "DECLINED");
        self
    }

    /// Gives a pull request a state in which it keeps its head, and returns its destination branch.
    fn end_pull_request(&mut self, full_name: &str, id: u64, state: &str) -> String {
        let pull_request = self.pull_request(full_name, id).expect("only a known pull request ends");
        let head = self.pull_request_head(pull_request);
        let pull_request = self.repository_mut(full_name).pull_requests.get_mut(&id);
        let pull_request = pull_request.expect("it was found before");
        pull_request.last_head = head;
        state.clone_into(&mut pull_request.state);
        pull_request.destination_branch.clone()
    }

    /// Deletes the repository that a pull request comes from, with its commits: `source.repository` and
    /// `source.commit` are null then, which `jenkinsci/bitbucket-branch-source-plugin` #322 tested.
    ///
    /// # Panics
    /// When there is no such pull request, or it comes from its own repository.
    pub fn delete_source_repository(&mut self, full_name: &str, id: u64) -> &mut Self {
        let pull_request = self.pull_request(full_name, id).expect("only a known pull request has a source");
        let source = pull_request.source_repository.clone();
        assert_ne!(source, full_name, "the pull request would be gone with its source");
        self.delete_repository(&source);
        self.forget_head(full_name, id)
    }

    /// Deletes the branch that a pull request comes from, and lets its `source.commit` be null. That a deleted
    /// branch does so is assumed from what a deleted repository does.
    ///
    /// # Panics
    /// When there is no such pull request.
    pub fn delete_source_branch(&mut self, full_name: &str, id: u64) -> &mut Self {
        let pull_request = self.pull_request(full_name, id).expect("only a known pull request has a source");
        let (source, branch) = (pull_request.source_repository.clone(), pull_request.source_branch.clone());
        self.delete_branch(&source, &branch);
        self.forget_head(full_name, id)
    }

    fn forget_head(&mut self, full_name: &str, id: u64) -> &mut Self {
        let pull_request = self.repository_mut(full_name).pull_requests.get_mut(&id);
        pull_request.expect("it was found before").last_head = None;
        self
    }

    /// Gives a repository another name. Clients that use the old one are sent on with 301, to an address of the same
    /// host; its pull requests and tokens go with it.
    ///
    /// # Panics
    /// When there is no such repository.
    pub fn rename_repository(&mut self, old: &str, new: &str) -> &mut Self {
        self.rename(old, new, Move::Announced(new.to_owned()))
    }

    /// The same, but clients that use the old name are answered as if they had used the new one: what they get has
    /// another `full_name` than they asked for. Assumed.
    ///
    /// # Panics
    /// When there is no such repository.
    pub fn rename_repository_silently(&mut self, old: &str, new: &str) -> &mut Self {
        self.rename(old, new, Move::Silent(new.to_owned()))
    }

    fn rename(&mut self, old: &str, new: &str, moved: Move) -> &mut Self {
        let (workspace, _slug) = new.split_once('/').expect("a repository is named workspace/slug");
        assert!(self.has_workspace(workspace), "there is no workspace {workspace}");
        let repositories = self.repositories_mut();
        let repository = repositories.remove(old).unwrap_or_else(|| panic!("there is no repository {old}"));
        repositories.insert(new.to_owned(), repository);
        let all = repositories.values_mut().flat_map(|repository| repository.pull_requests.values_mut());
        for pull_request in all {
            for name in [&mut pull_request.repository, &mut pull_request.source_repository] {
                if name == old {
                    new.clone_into(name);
                }
            }
        }
        self.credentials_mut().for_each(|credential| credential.follow(old, new));
        self.moves.insert(old.to_owned(), moved);
        self
    }

    /// Lets a repository take no writes; it can still be read.
    pub fn close_repository(&mut self, full_name: &str, why: Closed) -> &mut Self {
        self.closed.insert(full_name.to_owned(), why);
        self
    }

    /// Lets a repository take writes again.
    pub fn reopen_repository(&mut self, full_name: &str) -> &mut Self {
        self.closed.remove(full_name);
        self
    }
}
