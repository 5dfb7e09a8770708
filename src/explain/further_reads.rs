//! What else is asked when a status was refused: at most two reads that change nothing and tell the possible
//! reasons apart. Never `/user`: access tokens may not read it, and API tokens need another scope for it.

use std::time::Duration;

use reqwest::StatusCode;

use crate::{
    bitbucket::{answer::Meaning, api::Bitbucket},
    http::{
        client::{Client, Deadline},
        refusal::{Came, Refusal},
        service::Service,
    },
    model::{status::StatusKey, target::Target},
};

/// For all of it, each read sent once; the refusal can be explained without.
const LIMIT: Duration = Duration::from_secs(5);

/// What would tell more about a refused status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// Whether the repository is visible at all, and if so, whether it has the commit.
    WhatIsThere,
    /// Whose the status is that has this key.
    WhoseIsIt,
    /// Nothing: the answer tells all that can be told.
    Nothing,
}

/// Asks what tells the possible reasons for the refusal of a status apart, and adds it to the evidence.
/// When the pull request was asked before, one read is left.
pub async fn inquire(bitbucket: &Bitbucket<'_>, refusal: &mut Refusal, target: &Target, key: &StatusKey) {
    let deadline = Deadline::after(bitbucket.0.deadline.left().min(LIMIT));
    let bitbucket = Bitbucket(Client { deadline: &deadline, retries: false, arrival: None, ..bitbucket.0 });
    let Target { repository, commit, .. } = target;
    match question(refusal) {
        Question::Nothing => {}
        Question::WhatIsThere => {
            refusal.clues.sees_repository = is_there(bitbucket.see_repository(repository).await);
            if refusal.clues.sees_repository == Some(true) && !refusal.clues.asked_pull_request {
                refusal.clues.has_commit = is_there(bitbucket.see_commit(repository, commit).await);
            }
        }
        Question::WhoseIsIt => match bitbucket.status_owner(repository, commit, key).await {
            Ok(owner) => refusal.clues.owner = Some(owner),
            Err(read) if read.status() == Some(StatusCode::FORBIDDEN) => {
                refusal.clues.sees_repository = Some(false);
            }
            Err(_) => {}
        },
    }
}

/// What a refusal leaves open.
fn question(refusal: &Refusal) -> Question {
    let (Service::Bitbucket(credential), Came::Refused(answer)) = (&refusal.service, &refusal.came) else {
        return Question::Nothing;
    };
    match (answer.status.as_u16(), Meaning::of(answer, credential, &refusal.purpose)) {
        (404, Meaning::NoRepository | Meaning::Nothing | Meaning::Unknown) => Question::WhatIsThere,
        // With which status and words Bitbucket refuses to overwrite is not published.
        (403 | 405 | 409 | 422, Meaning::Nothing) | (400 | 403 | 405 | 409 | 422, Meaning::Unknown) => {
            Question::WhoseIsIt
        }
        _ => Question::Nothing,
    }
}

/// Whether something is there; `None` when that cannot be told.
fn is_there<T>(seen: Result<T, Box<Refusal>>) -> Option<bool> {
    match seen {
        Ok(_) => Some(true),
        Err(refusal) => refusal.is_not_there().then_some(false),
    }
}
