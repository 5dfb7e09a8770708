//! SonarQube's endpoints, quality gates and metrics.

pub mod api;
pub mod gate;
pub mod metrics;
