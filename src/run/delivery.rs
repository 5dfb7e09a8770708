//! What became of a status.

use std::rc::Rc;

use crate::{
    bitbucket::refusal::Refusal,
    model::{outcome::Outcome, status::Status, target::Target},
};

/// A status of a run, and what became of it.
#[derive(Debug)]
pub(crate) struct StatusResult {
    /// `None` when the commit was not found.
    pub(crate) target: Option<Target>,
    /// `None` when the commit was not found.
    pub(crate) status: Option<Status>,
    pub(crate) delivery: Delivery,
    /// The outcome of the run if the status stands on the commit: what its verdict says.
    pub(crate) verdict_outcome: Outcome,
    /// The verdict in words, whatever the description of the status is.
    pub(crate) verdict_words: String,
}

/// What became of a status.
#[derive(Debug, Clone)]
pub(crate) enum Delivery {
    /// It was posted.
    Posted,
    /// An earlier run has posted it.
    Skipped,
    /// Another target of this run is the same status with the same content.
    Repeated,
    /// Another target of this run is the same commit and key with a worse verdict of SonarQube, or one that is as bad. That one
    /// stands.
    Outweighed,
    /// Another target of this run is the same commit and key with something else. Which one is meant is not known.
    Contradicted(Contradiction),
    /// The verdict of another run about the project stands on the commit, and stays.
    Kept,
    /// It was printed, because of `DRY_RUN`.
    Printed,
    /// There is no status to post: `STATUS` is `false`.
    ReportAlone(ReportDelivery),
    /// Bitbucket refused it or could not be reached.
    Refused(Rc<Refusal>),
    /// The run was stopped.
    Stopped(Left),
}

/// What became of a report that is posted without a status.
#[derive(Debug, Clone)]
pub(crate) enum ReportDelivery {
    Posted,
    /// An earlier run has posted it.
    Skipped,
    /// It was printed, because of `DRY_RUN`.
    Printed,
    /// The verdict has no report: the analysis has not ended.
    Nothing,
    /// Bitbucket refused it or could not be reached.
    Missing(Rc<Refusal>),
    /// Bitbucket has the report, and not all of its annotations.
    Incomplete(Rc<Refusal>),
}

impl ReportDelivery {
    /// Why the report is missing or not complete.
    pub(crate) const fn refusal(&self) -> Option<&Rc<Refusal>> {
        match self {
            Self::Missing(refusal) | Self::Incomplete(refusal) => Some(refusal),
            Self::Posted | Self::Skipped | Self::Printed | Self::Nothing => None,
        }
    }
}

/// What two targets with one commit and one key differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contradiction {
    Content,
    /// Its verdict is worse, and could not be posted. A green must not stand in its place.
    Worse,
    /// With two refnames Bitbucket keeps two statuses of one key.
    Refname,
}

/// What a run that was stopped has left of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing: no status was sent.
    NothingSent,
    /// Nothing: what was sent was refused.
    NothingPosted,
    /// It was not begun; other statuses of the run were posted.
    NotBegun,
    /// `STOPPED` in place of an `INPROGRESS`.
    Ended,
    /// The status stands, and could not be replaced.
    Stands,
    /// It is not known whether the status stands.
    InDoubt,
    /// An `INPROGRESS` of an earlier run may stand, and could not be replaced.
    OfEarlierRun,
}

/// What became of a status that was to be settled, or of a target without one, in the order of the last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    Ended,
    /// It was printed, because of `DRY_RUN`.
    Printed,
    /// It is younger than `SETTLE_AFTER`.
    Young,
    /// Bitbucket names no date.
    Undated,
    /// It holds a secret, and cannot be sent again.
    Secret,
    /// Somebody changed it after Gatepost listed it.
    Changed,
    /// Bitbucket refused it or could not be reached.
    Refused,
    /// An attempt may have been applied.
    InDoubt,
    /// The statuses of a target could not be listed.
    Unlisted,
}

impl Delivery {
    /// Whether the status stands on the commit, or would without `DRY_RUN`.
    pub(crate) const fn is_done(&self) -> bool {
        match self {
            Self::Posted | Self::Skipped | Self::Repeated | Self::Outweighed | Self::Kept | Self::Printed => {
                true
            }
            Self::ReportAlone(report) => report.refusal().is_none(),
            Self::Contradicted(_) | Self::Refused(_) | Self::Stopped(_) => false,
        }
    }

    /// The word for it in `RESULT_FILE`; `None` when another line says it.
    pub(crate) const fn recorded(&self) -> Option<&'static str> {
        match self {
            Self::Posted => Some("delivered"),
            Self::Skipped | Self::Repeated | Self::Outweighed | Self::ReportAlone(_) => None,
            Self::Kept => Some("kept"),
            Self::Printed => Some("printed"),
            Self::Refused(_) | Self::Contradicted(_) => Some("refused"),
            Self::Stopped(_) => Some("stopped"),
        }
    }
}

impl StatusResult {
    /// The result when the commit was not found.
    pub(crate) const fn not_found(refusal: Rc<Refusal>) -> Self {
        Self {
            target: None,
            status: None,
            delivery: Delivery::Refused(refusal),
            verdict_outcome: Outcome::Done,
            verdict_words: String::new(),
        }
    }

    /// The outcome of the run, as far as this status decides it.
    pub(crate) const fn outcome(&self) -> Outcome {
        match self.delivery {
            // The report is all there is.
            Delivery::ReportAlone(ref report) if report.refusal().is_some() => Outcome::BitbucketFailed,
            Delivery::Posted
            | Delivery::Skipped
            | Delivery::Repeated
            | Delivery::Outweighed
            | Delivery::Kept
            | Delivery::Printed
            | Delivery::ReportAlone(_) => self.verdict_outcome,
            Delivery::Refused(_) | Delivery::Contradicted(_) => Outcome::BitbucketFailed,
            Delivery::Stopped(_) => Outcome::Stopped,
        }
    }
}
