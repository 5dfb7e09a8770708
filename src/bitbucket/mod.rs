//! Bitbucket Cloud's endpoints, scopes and answers.

pub mod answer;
pub mod api;
pub mod scopes;
