//! How a run ended, and the exit code that says so.

/// How a run ended. Every exit code that is not named here is reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    /// The status stands on the commit, or was only printed because of `DRY_RUN`.
    Done,
    /// The status stands on the commit, and the quality gate is red.
    GateRed,
    /// The variables are wrong; nothing was sent, except `FAILED` by the last word of a step.
    VariablesWrong,
    /// SonarQube refused, failed or could not be reached.
    SonarQubeFailed,
    /// Bitbucket refused or could not be reached.
    BitbucketFailed,
    /// The analysis did not finish in time.
    AnalysisLate,
    /// A defect of Gatepost.
    Defect,
    /// Stopped by SIGTERM (a cancelled step) or SIGINT (Ctrl-C).
    Stopped,
}

impl Outcome {
    /// Every outcome, in the order of the exit codes.
    pub(crate) const ALL: [Self; 8] = [
        Self::Done,
        Self::GateRed,
        Self::VariablesWrong,
        Self::SonarQubeFailed,
        Self::BitbucketFailed,
        Self::AnalysisLate,
        Self::Defect,
        Self::Stopped,
    ];

    /// The exit code of the process. 143 is what a shell reports for a process that SIGTERM ended.
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::GateRed => 1,
            Self::VariablesWrong => 2,
            Self::SonarQubeFailed => 3,
            Self::BitbucketFailed => 4,
            Self::AnalysisLate => 5,
            Self::Defect => 70,
            Self::Stopped => 143,
        }
    }

    /// The worse of two outcomes, in the order 4, 3, 5, 1, 0 of exit codes.
    #[must_use]
    pub(crate) fn worse(self, other: Self) -> Self {
        let rank = |outcome| match outcome {
            Self::Done => 0,
            Self::GateRed => 1,
            Self::AnalysisLate => 2,
            Self::SonarQubeFailed => 3,
            Self::BitbucketFailed => 4,
            Self::Stopped => 5,
            Self::VariablesWrong => 6,
            Self::Defect => 7,
        };
        if rank(other) > rank(self) { other } else { self }
    }

    /// The meaning of the exit code, for `--help` and the documents.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, or told not to fail",
            Self::GateRed => "posted, and the quality gate is red (and `FAIL_ON_RED_GATE` is true)",
            Self::VariablesWrong => {
                "the variables are wrong; nothing was sent, except FAILED when `SCAN_EXIT_CODE` makes the run the last word of its step"
            }
            Self::SonarQubeFailed => "SonarQube refused, failed or could not be reached; FAILED is posted",
            Self::BitbucketFailed => {
                "Bitbucket refused or could not be reached; with `STATUS: false`, the report was not posted or is not complete"
            }
            Self::AnalysisLate => "the analysis did not finish in time; FAILED is posted",
            Self::Defect => "a defect of Gatepost",
            Self::Stopped => "stopped by SIGTERM",
        }
    }
}
