//! A request that SonarQube refused, or that did not reach it: the evidence for an explanation.

use std::fmt;

use reqwest::StatusCode;

use crate::{
    http::failed_request::{Cause, FailedRequest},
    model::analysis::ServerAddress,
};

/// A request to SonarQube that failed.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// Completes "failed to ...".
    pub(crate) purpose: &'static str,
    /// Whether the request carried `SONAR_TOKEN`.
    pub(crate) has_token: bool,
    pub(crate) address: ServerAddress,
    pub(crate) failed: FailedRequest,
    pub(crate) limit: TimeLimit,
}

/// The time within which the question had to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeLimit {
    /// `TIMEOUT`, for each question.
    Question,
    /// `SONAR_TIMEOUT`, for the analysis that is waited for.
    Analysis,
}

/// The variable.
impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Question => "TIMEOUT",
            Self::Analysis => "SONAR_TIMEOUT",
        })
    }
}

impl Refusal {
    /// The status code, when there is a response.
    pub(crate) fn status_code(&self) -> Option<StatusCode> {
        self.failed.status_code()
    }

    /// Whether the endpoint no longer exists. A 404 with "not found" speaks of an analysis or a project instead.
    pub(crate) fn is_endpoint_gone(&self) -> bool {
        match &self.failed.cause {
            Cause::Refused(response) if response.status_code == StatusCode::GONE => true,
            Cause::Refused(response) if response.status_code == StatusCode::NOT_FOUND => {
                !response.body.text().contains("not found")
            }
            _ => false,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {}: {}", self.purpose, self.failed)
    }
}
