//! Bitbucket Cloud: its endpoints, credentials, scopes, and what its answers mean.

pub(crate) mod answer;
pub(crate) mod api;
pub(crate) mod consumer;
pub(crate) mod credential;
pub(crate) mod insights;
pub(crate) mod lists;
pub(crate) mod refusal;
pub(crate) mod scopes;
