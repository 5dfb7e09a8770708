//! What else is asked when a status was refused: at most two reads that change nothing and tell the possible
//! reasons apart. Never `/user`: access tokens may not read it, and API tokens need another scope for it.

use std::time::{Duration, Instant};

use reqwest::StatusCode;

use crate::{
    bitbucket::Bitbucket,
    client::Client,
    envelope::{is_about_a_field, is_data_centers, is_empty, is_html, said},
    explanation::missing_scopes,
    refusal::{Came, Refusal},
    service::Service,
    status::StatusKey,
    target::Target,
};

/// For all of it, each read sent once; the refusal can be explained without.
const LIMIT: Duration = Duration::from_secs(5);

/// What would tell more about a refused status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// Whether the repository is visible at all, and if so, whether it has the commit.
    WhatIsThere,
    /// Who created the status that has this key.
    WhoCreatedIt,
    /// Nothing: the answer tells all that can be told.
    Nothing,
}

/// Asks what tells the possible reasons for the refusal of a status apart, and adds it to the evidence.
pub async fn inquire(bitbucket: &Bitbucket<'_>, refusal: &mut Refusal, target: &Target, key: &StatusKey) {
    let Client { deadline, .. } = bitbucket.0;
    let deadline = deadline.min(Instant::now() + LIMIT);
    let bitbucket = Bitbucket(Client { deadline, retries: false, ..bitbucket.0 });
    let Target { repository, commit, .. } = target;
    match question(refusal) {
        Question::Nothing => {}
        Question::WhatIsThere => {
            refusal.clues.sees_repository = is_there(bitbucket.see_repository(repository).await);
            if refusal.clues.sees_repository == Some(true) {
                refusal.clues.has_commit = is_there(bitbucket.see_commit(repository, commit).await);
            }
        }
        Question::WhoCreatedIt => {
            if let Ok(creator) = bitbucket.status_creator(repository, commit, key).await {
                refusal.clues.has_status = Some(creator.is_some());
                refusal.clues.creator = creator;
            }
        }
    }
}

/// What a refusal leaves open.
fn question(refusal: &Refusal) -> Question {
    let (Service::Bitbucket(credential), Came::Refused(answer)) = (&refusal.service, &refusal.came) else {
        return Question::Nothing;
    };
    let message = said(answer);
    if is_html(answer) || is_data_centers(answer) {
        return Question::Nothing;
    }
    match answer.status.as_u16() {
        404 if ["Commit not found", "No workspace", "no API hosted"]
            .iter()
            .any(|words| message.contains(words)) =>
        {
            Question::Nothing
        }
        404 => Question::WhatIsThere,
        // With which status and words Bitbucket refuses to overwrite is not published.
        400 if is_empty(answer) || is_about_a_field(answer) => Question::Nothing,
        403 if missing_scopes(answer, credential, &refusal.purpose).is_some()
            || ["authentication mechanism", "privilege scopes", "whitelist", "IP address"]
                .iter()
                .any(|words| message.contains(words)) =>
        {
            Question::Nothing
        }
        400 | 403 | 405 | 409 | 422 => Question::WhoCreatedIt,
        _ => Question::Nothing,
    }
}

/// Whether something is there; `None` when that cannot be told.
fn is_there<T>(seen: Result<T, Box<Refusal>>) -> Option<bool> {
    match seen {
        Ok(_) => Some(true),
        Err(refusal) if refusal.status() == Some(StatusCode::NOT_FOUND) => Some(false),
        Err(_) => None,
    }
}
