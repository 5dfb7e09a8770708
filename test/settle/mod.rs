//! `MODE: settle` ends the statuses that nobody else ends, and no others.

mod choice;
mod faults;
mod pages;
mod refused;
mod targets;
mod variables;

use std::time::{Duration, SystemTime};

use sandbox::{REPOSITORY_TOKEN, Recorded, Status, timestamp};

use crate::run::{Gatepost, Sandbox, World, acme, by_hand};

pub(crate) const HOUR: Duration = Duration::from_hours(1);
const BRANCH: &str = "feature/login";

/// A Bitbucket whose clock is that of this machine.
fn present() -> Sandbox {
    let sandbox = acme();
    sandbox.world(|world| {
        world.at_present();
    });
    sandbox
}

/// A status that a build with the token of `acme/api` wrote so long ago, on the head of pull request 7.
pub(crate) fn left(world: &World, key: &str, state: &str, age: Duration) -> Status {
    let written = timestamp(SystemTime::now() - age);
    Status {
        commit: world.head("acme/api", BRANCH),
        key: key.to_owned(),
        state: state.to_owned(),
        name: Some(format!("Build {key}")),
        description: Some("In progress".to_owned()),
        url: Some("https://ci.acme.example/builds/1".to_owned()),
        refname: Some(BRANCH.to_owned()),
        author: world.account_of(REPOSITORY_TOKEN),
        created_on: written.clone(),
        updated_on: written,
    }
}

/// Leaves statuses with these keys, states and ages.
fn leave(sandbox: &Sandbox, statuses: &[(&str, &str, Duration)]) {
    sandbox.world(|world| {
        for (key, state, age) in statuses {
            let status = left(world, key, state, *age);
            world.add_status("acme/api", status);
        }
    });
}

/// A run by hand that ends statuses with the key `sonar`, on the head of pull request 7.
fn settle(sandbox: &Sandbox) -> Gatepost {
    by_hand(sandbox)
        .set("MODE", "settle")
        .set("STATE", "STOPPED")
        .set("COMMIT", sandbox.head("acme/api", BRANCH))
        .set("BRANCH", BRANCH)
}

/// Keys and states of the statuses on the head of pull request 7.
fn standing(sandbox: &Sandbox) -> Vec<(String, String)> {
    let statuses = sandbox.statuses("acme/api", &sandbox.head("acme/api", BRANCH));
    let mut standing: Vec<_> = statuses.into_iter().map(|status| (status.key, status.state)).collect();
    standing.sort();
    standing
}

fn pair(key: &str, state: &str) -> (String, String) {
    (key.to_owned(), state.to_owned())
}

/// The requests with this method.
fn requests(sandbox: &Sandbox, method: &str) -> Vec<Recorded> {
    sandbox.requests().into_iter().filter(|request| request.method == method).collect()
}

/// The number of requests that read, and of those that write.
fn counted(sandbox: &Sandbox) -> (usize, usize) {
    (requests(sandbox, "GET").len(), requests(sandbox, "POST").len())
}
