//! What a scene of the demo changed on a pull request.

use std::{fmt, io, io::Write};

use sandbox::{Sandbox, Status};

/// A pull request at one moment.
pub(crate) struct Snapshot<'s> {
    sandbox: &'s Sandbox,
    repository: String,
    id: u64,
    statuses: Vec<Status>,
}

/// A status that is new, or that was overwritten.
pub(crate) struct Change {
    pub(crate) status: Status,
    old_state: Option<String>,
}

impl<'s> Snapshot<'s> {
    pub(crate) fn of(sandbox: &'s Sandbox, repository: &str, id: u64) -> Self {
        let statuses = sandbox.pull_request_statuses(repository, id);
        Self { sandbox, repository: repository.to_owned(), id, statuses }
    }

    /// Shows what changed since then, and returns it.
    pub(crate) fn show_changes(&self, out: &mut impl Write) -> io::Result<Vec<Change>> {
        let Self { sandbox, repository, id, statuses } = self;
        let changes = changes(statuses, sandbox.pull_request_statuses(repository, *id));
        if changes.is_empty() {
            writeln!(out, "   nothing changed on pull request {id} of {repository}")?;
            return Ok(changes);
        }
        writeln!(out, "   changed on pull request {id} of {repository}")?;
        for change in &changes {
            writeln!(out, "       {change}")?;
        }
        Ok(changes)
    }
}

fn changes(before: &[Status], after: Vec<Status>) -> Vec<Change> {
    let change = |status: Status| {
        let is_same = |old: &&Status| {
            (&old.commit, &old.key, &old.refname) == (&status.commit, &status.key, &status.refname)
        };
        let old = before.iter().find(is_same);
        let is_new = old.is_none_or(|old| old.updated_on != status.updated_on);
        is_new.then(|| Change { old_state: old.map(|old| old.state.clone()), status })
    };
    after.into_iter().filter_map(change).collect()
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Status { key, state, name, .. } = &self.status;
        let name = name.as_deref().unwrap_or_default();
        match &self.old_state {
            None => write!(f, "+ {state} \"{name}\" (key {key})"),
            Some(old) => write!(f, "~ {old} -> {state} \"{name}\" (key {key})"),
        }
    }
}
