//! How a run ended, and the exit code that says so.

/// How a run ended. Every exit code that is not named here is reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The status stands on the commit, or was only printed because of `DRY_RUN`.
    Done,
    /// The variables are wrong; nothing was sent.
    VariablesWrong,
    /// Bitbucket refused or could not be reached.
    BitbucketFailed,
    /// Something happened that only a defect of Gatepost explains.
    Defect,
    /// Stopped by SIGTERM (a cancelled step) or SIGINT (Ctrl-C).
    Stopped,
}

impl Outcome {
    /// Every outcome, in the order of the exit codes.
    pub const ALL: [Self; 5] =
        [Self::Done, Self::VariablesWrong, Self::BitbucketFailed, Self::Defect, Self::Stopped];

    /// The exit code of the process. 143 is what a shell reports for a process that SIGTERM ended.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::VariablesWrong => 2,
            Self::BitbucketFailed => 4,
            Self::Defect => 70,
            Self::Stopped => 143,
        }
    }

    /// The meaning of the exit code, as `--help` and the README say it.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::VariablesWrong => "the variables are wrong; nothing was sent",
            Self::BitbucketFailed => "Bitbucket refused or could not be reached",
            Self::Defect => "a defect of Gatepost",
            Self::Stopped => "stopped by SIGTERM",
        }
    }
}
