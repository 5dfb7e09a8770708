//! The build status that Bitbucket shows on a commit, and its limits.

use std::fmt;

use serde::Serialize;

use crate::model::{
    digest::short_digest,
    state::State,
    target::{CommitHash, Repository, Target},
};

/// A build status, as the body of
/// `POST /repositories/{workspace}/{repo_slug}/commit/{commit}/statuses/build`.
/// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/>
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Status {
    /// Always `build`.
    pub(crate) r#type: &'static str,
    /// A status with the same key on the same commit replaces this one.
    pub(crate) key: StatusKey,
    pub(crate) state: State,
    /// The title, at most [`NAME_MAX_CHARS`].
    pub(crate) name: String,
    /// The line below the title, at most [`DESCRIPTION_MAX_CHARS`].
    pub(crate) description: String,
    /// The page that a click opens.
    pub(crate) url: String,
    /// The source branch: the status only counts for pull requests from this branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refname: Option<String>,
}

/// The key of a status: at most [`KEY_MAX_CHARS`] characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct StatusKey(Box<str>);

/// "Ensure this value has at most 40 characters": <https://github.com/buildbot/buildbot/issues/7049>.
pub(crate) const KEY_MAX_CHARS: usize = 40;
/// <https://github.com/jenkinsci/bitbucket-branch-source-plugin/pull/928>.
pub(crate) const NAME_MAX_CHARS: usize = 255;
/// Not documented; probably the same limit as for the name.
pub(crate) const DESCRIPTION_MAX_CHARS: usize = 255;
/// The description of a status that ends an `INPROGRESS` of a run that is stopped.
pub(crate) const STOPPED_WORDS: &str = "The run was stopped";

impl StatusKey {
    /// The text as a key. A long text is cut and gets `-` and 8 hexadecimal digits of its SHA-256, so that two long texts
    /// with the same beginning stay different.
    pub(crate) fn fit(text: &str) -> Self {
        if text.chars().count() <= KEY_MAX_CHARS {
            return Self(text.into());
        }
        let suffix = format!("-{:08x}", short_digest(text) >> 32);
        let kept: String = text.chars().take(KEY_MAX_CHARS - suffix.len()).collect();
        Self((kept + &suffix).into())
    }

    /// A key that Bitbucket has, as it is: with a changed one, another status would be posted.
    pub(crate) fn standing(text: String) -> Self {
        Self(text.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StatusKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Status {
    /// The body of the request that posts it.
    pub(crate) fn to_json(&self) -> String {
        // A status is text and enumerations, which always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The final status that replaces this one when the run is stopped.
    #[must_use]
    pub(crate) fn stopped(&self) -> Self {
        Self { state: State::Stopped, description: STOPPED_WORDS.to_owned(), ..self.clone() }
    }
}

/// The identity of a status: a commit has one status for each key and refname.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct StatusSlot {
    repository: Repository,
    /// Abbreviated, so that it is the same for every spelling of the hash.
    commit: Box<str>,
    key: Box<str>,
    refname: Option<Box<str>>,
}

impl StatusSlot {
    /// The slot of a status on a target.
    pub(crate) fn of(target: &Target, status: &Status) -> Self {
        Self::new(&target.repository, &target.commit, status.key.as_str(), status.refname.as_deref())
    }

    /// The slot of a key and refname on a commit.
    pub(crate) fn new(
        repository: &Repository,
        commit: &CommitHash,
        key: &str,
        refname: Option<&str>,
    ) -> Self {
        Self {
            repository: repository.clone(),
            commit: commit.digits().into(),
            key: key.into(),
            refname: refname.map(Into::into),
        }
    }
}
