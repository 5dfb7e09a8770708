//! Further reads after a status was refused: at most two requests that change nothing and tell the possible reasons
//! apart. They never ask for `/user`: access tokens may not read it, and API tokens need another scope for it.

use std::{cell::Cell, time::Duration};

use reqwest::StatusCode;

use crate::{
    bitbucket::{
        answer::Answer,
        api::Bitbucket,
        refusal::{PullRequestSays, Refusal},
    },
    http::{
        client::{Client, Retries},
        deadline::Deadline,
    },
    model::{status::StatusKey, target::Target},
};

/// The time limit of both reads. The refusal can be explained without them.
const LIMIT: Duration = Duration::from_secs(5);

/// So many refusals of a run get further reads. Of a thousand refusals most have the reason of the first, and every
/// read counts against the allowance of requests.
const REFUSALS_MAX: u32 = 50;

/// The refusals of a run that may still get further reads.
#[derive(Debug)]
pub(crate) struct FurtherReads {
    left: Cell<u32>,
}

/// What a further read finds out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// Whether the credential can read the repository, and whether the repository has the commit.
    WhatExists,
    /// Who created the status with this key.
    WhoCreatedIt,
}

impl Default for FurtherReads {
    fn default() -> Self {
        Self { left: Cell::new(REFUSALS_MAX) }
    }
}

impl FurtherReads {
    /// Makes the reads that tell the possible reasons for a refused status apart, and adds their results to the
    /// evidence. A refusal that leaves nothing open does not count.
    pub(crate) async fn make(
        &self,
        bitbucket: &Bitbucket<'_>,
        refusal: &mut Refusal,
        target: &Target,
        key: &StatusKey,
    ) {
        let Some(question) = Question::about(refusal) else {
            return;
        };
        if self.left.get() == 0 {
            return;
        }
        self.left.set(self.left.get() - 1);
        let deadline = Deadline::after(bitbucket.client.deadline.left().min(LIMIT));
        let bitbucket = bitbucket.changed(|client| Client {
            deadline: &deadline,
            retries: Retries::No,
            effect: None,
            ..client
        });
        let Target { repository, commit, .. } = target;
        let evidence = &mut refusal.evidence;
        match question {
            Question::WhatExists => {
                evidence.reads_repository = exists(bitbucket.read_repository(repository).await);
                // The lookup of the pull request was the second request.
                if evidence.reads_repository == Some(true)
                    && evidence.pull_request == PullRequestSays::NotAsked
                {
                    evidence.has_commit = exists(bitbucket.read_commit(repository, commit).await);
                }
            }
            Question::WhoCreatedIt => match bitbucket.status_creator(repository, commit, key).await {
                Ok(creator) => evidence.creator = Some(creator),
                Err(read) if read.status_code() == Some(StatusCode::FORBIDDEN) => {
                    evidence.reads_repository = Some(false);
                }
                Err(_) => {}
            },
        }
    }
}

impl Question {
    /// The question that a refusal leaves open.
    fn about(refusal: &Refusal) -> Option<Self> {
        let answer = refusal.answer.as_ref()?;
        match (refusal.status_code()?.as_u16(), answer) {
            (404, Answer::NoRepository | Answer::Empty | Answer::Unknown) => Some(Self::WhatExists),
            // The status code and the words with which Bitbucket refuses to overwrite a status are not published.
            (403 | 405 | 409 | 422, Answer::Empty) | (400 | 403 | 405 | 409 | 422, Answer::Unknown) => {
                Some(Self::WhoCreatedIt)
            }
            _ => None,
        }
    }
}

/// Whether an object exists; `None` when the response does not tell.
fn exists<T>(read: Result<T, Box<Refusal>>) -> Option<bool> {
    match read {
        Ok(_) => Some(true),
        Err(refusal) => refusal.is_not_found().then_some(false),
    }
}
