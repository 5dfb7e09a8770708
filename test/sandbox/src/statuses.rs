//! The build statuses of a repository.

use std::collections::BTreeMap;

use crate::world::Status;

/// Statuses by what tells them apart, so that the ten thousandth is found and written as fast as the first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statuses(BTreeMap<Identity, Status>);

/// Commit, key and refname: "Multiple build statuses with the same key but different refnames are allowed",
/// `jenkinsci/bitbucket-branch-source-plugin` #930.
type Identity = (String, String, Option<String>);

impl Statuses {
    /// The statuses of a commit, in order of creation.
    pub(crate) fn of_commit<'a>(&'a self, commit: &'a str) -> Vec<&'a Status> {
        let start = (commit.to_owned(), String::new(), None);
        let from_there = self.0.range(start..).map(|(_, status)| status);
        let mut statuses: Vec<_> = from_there.take_while(|status| status.commit == commit).collect();
        statuses.sort_by_key(|status| &status.created_on);
        statuses
    }

    /// The statuses of a commit that share a key.
    pub(crate) fn with_key<'a>(&'a self, commit: &'a str, key: &'a str) -> impl Iterator<Item = &'a Status> {
        let start = (commit.to_owned(), key.to_owned(), None);
        let from_there = self.0.range(start..).map(|(_, status)| status);
        from_there.take_while(move |status| status.commit == commit && status.key == key)
    }

    /// Writes a status, in place of a present one if there is one.
    pub(crate) fn write(&mut self, present: Option<&Status>, status: Status) {
        if let Some(present) = present {
            self.0.remove(&identity(present));
        }
        self.0.insert(identity(&status), status);
    }
}

fn identity(status: &Status) -> Identity {
    (status.commit.clone(), status.key.clone(), status.refname.clone())
}
