//! The build status that Bitbucket shows on a commit, and its limits.

use std::fmt;

use serde::Serialize;

use crate::model::{
    state::State,
    target::{CommitHash, Repository, Target},
};

/// A build status, as the body of
/// `POST /repositories/{workspace}/{repo_slug}/commit/{commit}/statuses/build`.
/// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/>
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Status {
    /// The only type there is: `build`.
    pub(crate) r#type: &'static str,
    /// Identity on the commit; the same key overwrites.
    pub(crate) key: StatusKey,
    /// What reviewers and merge checks act on.
    pub(crate) state: State,
    /// Title, at most [`NAME_MAX_CHARS`].
    pub(crate) name: String,
    /// One line below the title, at most [`DESCRIPTION_MAX_CHARS`].
    pub(crate) description: String,
    /// Where a click leads.
    pub(crate) url: String,
    /// Source branch: the status counts for pull requests from this branch only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refname: Option<String>,
}

/// The identity of a status: at most [`KEY_MAX_CHARS`] characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct StatusKey(String);

/// "Ensure this value has at most 40 characters": <https://github.com/buildbot/buildbot/issues/7049>.
pub(crate) const KEY_MAX_CHARS: usize = 40;
/// <https://github.com/jenkinsci/bitbucket-branch-source-plugin/pull/928>.
pub(crate) const NAME_MAX_CHARS: usize = 255;
/// Not documented; the limit of the name, whose column it is likely to share.
pub(crate) const DESCRIPTION_MAX_CHARS: usize = 255;
impl StatusKey {
    /// The key as given, or, when it is too long, its beginning, `-` and 8 hexadecimal digits of the
    /// SHA-256 of the whole, so that two long keys with one beginning stay two.
    pub(crate) fn fit(text: &str) -> Self {
        if text.chars().count() <= KEY_MAX_CHARS {
            return Self(text.to_owned());
        }
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        let number = digest.as_ref()[..4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        let suffix = format!("-{number:08x}");
        let kept: String = text.chars().take(KEY_MAX_CHARS - suffix.len()).collect();
        Self(kept + &suffix)
    }

    /// The text.
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

    /// The status that ends this one when the run cannot finish it.
    #[must_use]
    pub(crate) fn stopped(&self) -> Self {
        Self { state: State::Stopped, description: "The run was stopped".to_owned(), ..self.clone() }
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
