//! Why there is no verdict about the commit although no request was refused, and what to do.

use std::{fmt, time::Duration};

use crate::{
    console::text::rounded,
    explain::explanation::Explanation,
    model::{
        analysis::{Subject, Wanted},
        outcome::Outcome,
        target::CommitHash,
        timestamp::Timestamp,
        verdict::NOT_ANALYSED,
    },
};

/// Why there is no verdict about the commit.
#[derive(Debug)]
pub(crate) enum NoVerdict {
    /// No analysis of this scan was found.
    NoAnalysis {
        exit_code: u8,
        /// What `SONAR_REPORT_TASK` names and is not there, each in a sentence.
        missing: Vec<String>,
        /// The other files of the name `report-task.txt`, in words.
        elsewhere: Option<String>,
        /// Whether other scans of the step left their files.
        is_beside_others: bool,
    },
    /// Projects of `SONAR_PROJECTS` have no analysis in this run, and may be affected all the same.
    NotAnalysed { projects: Vec<String>, doubt: Doubt },
    /// The scan failed, and nothing shows that it made the analysis.
    Unproven { exit_code: u8, submitted: Option<Timestamp> },
    /// A file is damaged, cannot be read, or does not tell enough; with what is wrong with it.
    WrongFile(String),
    /// A file says something else than SonarQube says of its task.
    Contradiction { file: String, file_says: String, task_says: String },
    /// The analysis is of something else than the status.
    OtherSubject { analysed: Subject, wanted: Wanted },
    /// The analysis is of another commit than the status.
    OtherCommit { analysed: CommitHash, wanted: CommitHash },
    /// The analysis is older than the commit.
    Older { submitted: Timestamp, commit_date: Timestamp },
    /// Neither the file nor SonarQube says what was analysed.
    UnknownSubject,
    /// SonarQube could not compute the analysis; with its message.
    Failed(Option<String>),
    /// A webhook says that SonarQube could not compute the analysis.
    FailedByWebhook,
    /// The analysis was taken out of the queue, and no newer one took its place.
    Cancelled,
    /// A webhook says that the analysis was taken out of the queue.
    CancelledByWebhook,
    /// SonarQube computed the gate to NONE, and `ON_NO_GATE` is `FAILED`.
    NoGate { about: String },
    /// SonarQube's word for the result of the gate is not known.
    UnknownGate { about: String, word: Option<String> },
    /// The analysis did not end in time; with its state.
    Late { state: String, timeout: Duration },
    /// The task has ended, and does not tell which analysis it made.
    Unnamed,
    /// SonarQube hides the gate, because the token is not valid.
    TokenNotValid,
    /// SonarQube shows no gate, and was asked without a token.
    NoToken,
    /// There is no address to ask; with the file that names none.
    NoServer { file: String },
}

/// Why a project without an analysis may be affected by the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// The scan failed.
    ScanFailed { exit_code: u8 },
    /// Something may be an analysis of this scan and is not read; in a sentence.
    Unread(String),
    /// The project of an analysis of this scan is not known.
    UnknownProject,
    /// Nothing shows that a scan has ended well.
    UnknownEnd,
}

impl NoVerdict {
    /// How the run ends.
    pub(crate) const fn outcome(&self) -> Outcome {
        match self {
            Self::Late { .. } => Outcome::AnalysisLate,
            _ => Outcome::SonarQubeFailed,
        }
    }

    /// What SonarQube or a file says, if one of them says something.
    pub(crate) fn answered(&self) -> Option<String> {
        match self {
            Self::Failed(message) => {
                let message = message.as_ref().map(|message| format!(", \"{message}\"")).unwrap_or_default();
                Some(format!("the task has the status FAILED{message}"))
            }
            Self::FailedByWebhook => Some("the webhook has the status FAILED".to_owned()),
            Self::Cancelled => Some("the task has the status CANCELED".to_owned()),
            Self::CancelledByWebhook => Some("the webhook has the status CANCELED".to_owned()),
            Self::Late { state, .. } => Some(format!("the task is {state}")),
            Self::NoGate { .. } => Some("the gate has the status NONE".to_owned()),
            Self::UnknownGate { word, .. } => Some(match word {
                Some(word) => format!("the gate has the status \"{word}\""),
                None => "the gate has no status".to_owned(),
            }),
            Self::Unnamed => Some("the task has the status SUCCESS, and no analysisId".to_owned()),
            Self::TokenNotValid => Some("NONE, and the token is not valid".to_owned()),
            Self::NoToken => Some("NONE, to a question without a token".to_owned()),
            Self::Contradiction { file_says, task_says, .. } => {
                Some(format!("the task is of {task_says}; the file says {file_says}"))
            }
            _ => None,
        }
    }

    /// The reason, and what to do.
    pub(crate) fn explain(&self) -> Explanation {
        match self {
            Self::NoAnalysis { exit_code: 1.., missing, is_beside_others: true, .. }
                if missing.is_empty() =>
            {
                Explanation::of(
                    "the exit code may be that of another scan than those that left a report-task.txt: one that fails early leaves none",
                    "see the log of the scanner; if there is no other scan, name its file in SONAR_REPORT_TASK",
                )
            }
            Self::NoAnalysis { exit_code, missing, elsewhere, .. } => {
                no_analysis(*exit_code, missing, elsewhere.as_deref())
            }
            Self::NotAnalysed { projects, doubt } => not_analysed(projects, doubt),
            Self::Unproven { .. } => Explanation::of(
                "nothing shows that the scan that failed made this analysis: neither its commit nor its time fits",
                "see the log of the scanner, and run it again",
            ),
            Self::WrongFile(wrong) if wrong.starts_with("SONAR_REPORT_TASK ") => Explanation::of(
                "the variable names no file that can be read, whatever the scanner left",
                "pass paths or globs (*, ** and ?) of report-task.txt, relative to the folder of the pipe",
            ),
            Self::WrongFile(_) => Explanation::of(
                "a scanner writes this file when SonarQube has accepted its analysis; this one cannot be used",
                "check what the scanner left there, or pass SONAR_REPORT_TASK",
            ),
            Self::Contradiction { .. } => Explanation::of(
                "the file was changed, or belongs to another scan: Gatepost believes SonarQube",
                "let the scanner write the file anew in this step, and remove it from caches and artifacts",
            ),
            Self::OtherSubject { analysed: Subject::Main, .. } => Explanation::of(
                "this SonarQube knows pull requests and branches, and was not told or asked for one",
                "pass sonar.pullrequest.key, sonar.pullrequest.branch and sonar.pullrequest.base, or sonar.branch.name, to the scanner; with SONAR_PROJECT_KEY pass SONAR_PULL_REQUEST or SONAR_BRANCH as well",
            ),
            Self::OtherSubject { .. } => Explanation::of(
                "the file or the variables name the analysis of another build",
                "scan in this pipeline before the pipe; compare what the scanner gets (sonar.pullrequest.key, sonar.branch.name) with PULL_REQUEST and BRANCH, or SONAR_PULL_REQUEST and SONAR_BRANCH",
            ),
            Self::OtherCommit { .. } => Explanation::of(
                "the file is of the analysis of another commit",
                "pass the report-task.txt that the scanner left in this build, or the webhook of this commit's analysis",
            ),
            Self::Older { commit_date, .. } => Explanation::of(
                format!("the commit is of {commit_date}: the analysis was sent before it was made"),
                "let the scanner write the file anew in this step, and remove it from caches and artifacts",
            ),
            Self::UnknownSubject => Explanation::of(
                "dashboardUrl of report-task.txt cannot be read, and SonarQube's task names no project",
                "let the scanner write the file anew, or pass SONAR_PROJECT_KEY with SONAR_PULL_REQUEST or SONAR_BRANCH instead of the file",
            ),
            Self::Failed(Some(message)) if message.contains("lines of code") => Explanation::of(
                "the plan or license of SonarQube does not allow so many lines of code",
                "raise the limit, or analyse fewer files (sonar.exclusions), and scan again",
            ),
            Self::Failed(_) | Self::FailedByWebhook => Explanation::of(
                "SonarQube could not compute the analysis",
                "see Background Tasks of the project in SonarQube (Project Settings > Background Tasks)",
            ),
            Self::CancelledByWebhook => Explanation::of(
                "somebody cancelled the analysis, or a newer one took its place",
                "pass the webhook of the newer analysis, or run the scan again",
            ),
            Self::Cancelled => Explanation::of(
                "somebody cancelled the analysis, or a newer one took its place and is not visible to this token",
                "run the scan again; see Background Tasks of the project in SonarQube (Project Settings > Background Tasks)",
            ),
            Self::NoGate { .. } => Explanation::of(
                "a first analysis has no new code to compare with, or the project has no period for new code",
                "run the scan again after the next change, or set the new code definition in SonarQube (Project Settings > New Code); pass ON_NO_GATE: SUCCESSFUL if such an analysis may be green",
            ),
            Self::UnknownGate { .. } => Explanation::of(
                "a gate is OK, ERROR, WARN or NONE; Gatepost does not guess what another word means",
                "check what stands before SonarQube at that address, or use a newer version of Gatepost",
            ),
            Self::Late { timeout, .. } => Explanation::of(
                "SonarQube is busy with other analyses, or this one is large",
                format!(
                    "pass a higher SONAR_TIMEOUT (it is {} s), or see Background Tasks in SonarQube (Administration > Projects > Background Tasks)",
                    rounded(*timeout)
                ),
            ),
            Self::Unnamed => Explanation::of(
                "SonarQube does not tell which analysis the task made, nor the project",
                "pass SONAR_PROJECT_KEY instead of the file",
            ),
            Self::TokenNotValid => Explanation::of(
                "SonarQube shows no gate to a token that has expired, was revoked, or belongs to another server",
                "create a token in SonarQube (My Account > Security) and save it in SONAR_TOKEN",
            ),
            Self::NoToken => Explanation::of(
                "SonarQube answers NONE also when it may not show the gate to a question without a token",
                "pass SONAR_TOKEN, the token that the scanner uses",
            ),
            Self::NoServer { .. } => Explanation::of(
                "the file has no serverUrl, or one that is not asked: it is no address of a server, or holds a user name",
                "pass SONAR_HOST_URL",
            ),
        }
    }
}

/// Why no analysis of this scan was found. Without `missing` the usual places were searched.
fn no_analysis(exit_code: u8, missing: &[String], elsewhere: Option<&str>) -> Explanation {
    let (why, remedy) = match (exit_code, missing, elsewhere) {
        (0, [], Some(_)) => (
            "there is no report-task.txt of this build in the usual places".to_owned(),
            "run the pipe in the step and folder of the scanner, pass report-task.txt on as an artifact, or name it in SONAR_REPORT_TASK",
        ),
        (0, [], None) => (
            "there is no report-task.txt in the usual places, here or in a folder below".to_owned(),
            "run the pipe in the step and folder of the scanner, pass report-task.txt on as an artifact, or name it in SONAR_REPORT_TASK",
        ),
        (0, missing, _) => (
            format!("SONAR_REPORT_TASK names no file of this build: {}", missing.join(", ")),
            "check SONAR_REPORT_TASK: a path is relative to the folder of the pipe; run the pipe in the step of the scanner, or pass the file on as an artifact",
        ),
        (_, [], Some(_)) => {
            ("a scan that fails early leaves no report-task.txt".to_owned(), "see the log of the scanner")
        }
        (_, [], None) => {
            ("a scan that fails early sends no analysis".to_owned(), "see the log of the scanner")
        }
        (_, missing, _) => (
            format!("{}: a scan that fails early leaves no such file", missing.join(", ")),
            "see the log of the scanner",
        ),
    };
    let elsewhere = elsewhere.map(|elsewhere| format!("; {elsewhere}")).unwrap_or_default();
    Explanation::of(why + &elsewhere, remedy)
}

/// Completes "Not analysed: ".
impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ScanFailed { exit_code } => write!(f, "the scan ended with exit code {exit_code}"),
            Self::Unread(unread) => f.write_str(unread),
            Self::UnknownProject => f.write_str("the project of an analysis of this scan is not known"),
            Self::UnknownEnd => f.write_str("it is not known whether the scan ended well"),
        }
    }
}

/// More projects are only counted.
const PROJECTS_SHOWN: usize = 5;

fn not_analysed(projects: &[String], doubt: &Doubt) -> Explanation {
    let shown = projects.iter().take(PROJECTS_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match projects.len().saturating_sub(PROJECTS_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (why, remedy) = match doubt {
        Doubt::ScanFailed { .. } => {
            ("a scan that fails may leave out projects that the change affects", "see the log of the scanner")
        }
        Doubt::Unread(_) => (
            "it may be the analysis of a project of SONAR_PROJECTS",
            "let SONAR_REPORT_TASK name the report-task.txt of each scan, with a glob: a path that is missing is an analysis that is missing",
        ),
        Doubt::UnknownProject => (
            "the file of a scan does not tell its project, which may be one of SONAR_PROJECTS",
            "see what is wrong with that file above, and run the scan again",
        ),
        Doubt::UnknownEnd => (
            "there is no exit code of the scan, and no quality gate of an analysis that a scanner of this build sent",
            "in after-script pass `SCAN_EXIT_CODE: $BITBUCKET_EXIT_CODE`",
        ),
    };
    Explanation::of(format!("{why}; without an analysis: {shown}{more}"), remedy)
}

/// The sentence for the reviewers of the commit.
impl fmt::Display for NoVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnalysis { exit_code: 0, missing, .. } if missing.is_empty() => {
                f.write_str("No verdict: no report-task.txt of the scan was found")
            }
            Self::NoAnalysis { exit_code: 0, missing, .. } => {
                write!(f, "No verdict: {}", missing.join(", "))
            }
            Self::NoAnalysis { exit_code, is_beside_others: true, .. } => {
                write!(
                    f,
                    "One scan of this step did not finish, or did not leave its file (exit code {exit_code})"
                )
            }
            Self::NoAnalysis { exit_code, .. } => {
                write!(f, "The scan did not finish (exit code {exit_code})")
            }
            Self::NotAnalysed { doubt, .. } => write!(f, "{NOT_ANALYSED}{doubt}"),
            Self::Unproven { exit_code, submitted } => {
                write!(f, "The scan ended with exit code {exit_code}; the last analysis ")?;
                match submitted {
                    Some(submitted) => write!(f, "is of {submitted}"),
                    None => f.write_str("is of an unknown time"),
                }
            }
            Self::WrongFile(wrong) => f.write_str(wrong),
            Self::Contradiction { file, file_says, task_says } => {
                write!(f, "{file} says {file_says}, but its analysis is of {task_says}")
            }
            Self::OtherSubject { analysed, wanted } => {
                write!(f, "The analysis is of {}, this is {}", analysed.in_sentence(), wanted.words())
            }
            Self::OtherCommit { analysed, wanted } => {
                write!(
                    f,
                    "The analysis is of commit {}, this is commit {}",
                    analysed.digits(),
                    wanted.digits()
                )
            }
            Self::Older { submitted, commit_date } if submitted.to_string() == commit_date.to_string() => {
                f.write_str("The analysis is older than this commit")
            }
            Self::Older { submitted, commit_date } => {
                write!(f, "The analysis is of {submitted}, this commit is of {commit_date}")
            }
            Self::UnknownSubject => {
                f.write_str("No verdict: nothing says which pull request or branch was analysed")
            }
            Self::Failed(None) | Self::FailedByWebhook => f.write_str("The analysis failed"),
            Self::Failed(Some(message)) => write!(f, "The analysis failed: {message}"),
            Self::Cancelled | Self::CancelledByWebhook => f.write_str("The analysis was cancelled"),
            Self::Late { state, timeout } => {
                write!(f, "The analysis did not finish within {} s ({state})", rounded(*timeout))
            }
            Self::UnknownGate { about, .. } => {
                write!(f, "No verdict: the state of the quality gate is not known: {about}")
            }
            Self::NoGate { about } => write!(f, "No quality gate was computed: {about}"),
            Self::Unnamed => f.write_str("No verdict: SonarQube does not name the analysis"),
            Self::TokenNotValid => f.write_str("No verdict: SonarQube does not accept this pipeline's token"),
            Self::NoToken => f.write_str("No verdict: SonarQube shows no gate without a token"),
            Self::NoServer { file } => {
                write!(
                    f,
                    "No verdict: {file} names no server that can be asked, and SONAR_HOST_URL is not set"
                )
            }
        }
    }
}
