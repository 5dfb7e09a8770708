//! An explanation: the possible reasons for a refusal, each with a remedy.

use std::{borrow::Cow, fmt, time::Duration};

use crate::{
    console::text::rounded,
    explain::handbook::Trouble,
    http::failed_request::{FailedRequest, Service},
};

/// Why a request was refused, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Explanation {
    /// The reason, or up to three possible ones, likeliest first; never empty.
    pub(crate) reasons: Vec<Reason>,
    /// The reason that is left when none of them applies.
    pub(crate) otherwise: Option<Reason>,
    /// When another run makes sense, if the service said so.
    pub(crate) again: Option<String>,
    /// Where the address of the service comes from, when that may be the reason.
    pub(crate) address: Option<String>,
}

/// A possible reason.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    /// The entry of the handbook, if there is one.
    pub(crate) trouble: Option<&'static Trouble>,
    pub(crate) why: Cow<'static, str>,
    /// How to recognise the reason, and what to do; one line or several.
    pub(crate) remedy: Cow<'static, str>,
}

/// What is known of a failure, in the words for each reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    /// For the reviewers of the commit: a few words without details. It completes "No verdict: ".
    pub(crate) sentence: Cow<'static, str>,
    pub(crate) why: Cow<'static, str>,
    /// What to do; one line or several.
    pub(crate) remedy: Cow<'static, str>,
}

/// The variables and pages that concern one service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServiceGuide {
    pub(crate) service: Service,
    /// The variable with its address.
    pub(crate) address: &'static str,
    /// Where the address comes from that was asked.
    pub(crate) asked: &'static str,
    /// The variables with root certificates for it.
    pub(crate) roots: &'static str,
    /// What to do when it is slow.
    pub(crate) when_slow: &'static str,
}

/// Nobody waits for a longer pause.
const LONG: Duration = Duration::from_hours(24);

impl Explanation {
    /// One reason that is not in the handbook.
    pub(crate) fn of(why: impl Into<Cow<'static, str>>, remedy: impl Into<Cow<'static, str>>) -> Self {
        Reason { trouble: None, why: why.into(), remedy: remedy.into() }.into()
    }

    /// Several entries of the handbook, likeliest first.
    pub(crate) fn one_of<const N: usize>(troubles: [&'static Trouble; N]) -> Self {
        Vec::from(troubles.map(Reason::from)).into()
    }

    /// The same explanation with the time at which another run makes sense. `limit` is the variable that limits the wait.
    #[must_use]
    pub(crate) fn with_pause_of(mut self, failed: &FailedRequest, limit: impl fmt::Display) -> Self {
        self.again = failed.retry_after.map(|pause| {
            let when = if pause > LONG {
                "after more than a day".to_owned()
            } else {
                format!("in {} s", rounded(pause))
            };
            format!(
                "{} asks to try again {when}, which is longer than what is left of {limit}, so Gatepost does not wait",
                failed.service
            )
        });
        self
    }
}

impl Diagnosis {
    pub(crate) fn of(
        sentence: impl Into<Cow<'static, str>>,
        why: impl Into<Cow<'static, str>>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { sentence: sentence.into(), why: why.into(), remedy: remedy.into() }
    }
}

impl From<Diagnosis> for Explanation {
    fn from(diagnosis: Diagnosis) -> Self {
        let Diagnosis { sentence: _, why, remedy } = diagnosis;
        Self::of(why, remedy)
    }
}

impl Reason {
    /// An entry of the handbook, with what is known of the case.
    pub(crate) fn with_why(trouble: &'static Trouble, why: String) -> Self {
        Self { why: why.into(), ..Self::from(trouble) }
    }
}

impl From<&'static Trouble> for Reason {
    fn from(trouble: &'static Trouble) -> Self {
        Self { trouble: Some(trouble), why: trouble.why.into(), remedy: trouble.remedy.into() }
    }
}

impl From<Reason> for Explanation {
    fn from(reason: Reason) -> Self {
        vec![reason].into()
    }
}

impl From<Vec<Reason>> for Explanation {
    fn from(reasons: Vec<Reason>) -> Self {
        Self { reasons, otherwise: None, again: None, address: None }
    }
}
