//! SonarQube (Server, Cloud, Community Build): its endpoints, quality gates, and metrics.

pub(crate) mod advice;
pub(crate) mod api;
pub(crate) mod gate;
pub(crate) mod issues;
pub(crate) mod metrics;
pub(crate) mod refusal;
