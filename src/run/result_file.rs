//! Files for later steps: `RESULT_FILE`, with one JSON object for each status, and the pipeline's output variables.

use std::{
    cell::Cell,
    collections::HashMap,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    config::{findings::Findings, left_out::Place, plan::Plan, settings::Settings},
    console::foreign::shown,
    model::{
        status::{Status, StatusSlot},
        target::{CommitHash, CommitSource, Repository, Target, TargetPlan},
        verdict::Verdict,
    },
};

/// A line of `RESULT_FILE`: what became of a status.
#[derive(Debug, Serialize)]
pub(crate) struct Record<'a> {
    pub(crate) target: RecordedTarget<'a>,
    /// The status as sent; `null` when the commit was not found.
    pub(crate) status: Option<&'a Status>,
    /// `delivered`, `kept`, `printed`, `refused` or `stopped`.
    pub(crate) outcome: &'static str,
    /// The exit code for this status.
    pub(crate) exit_code: u8,
    /// Why it was not delivered; `null` when it was.
    pub(crate) reason: Option<String>,
}

/// A line of `RESULT_FILE` about the report of a status.
#[derive(Debug, Serialize)]
pub(crate) struct ReportRecord<'a> {
    pub(crate) target: RecordedTarget<'a>,
    pub(crate) report: RecordedReport<'a>,
}

/// What became of a report.
#[derive(Debug, Serialize)]
pub(crate) struct RecordedReport<'a> {
    pub(crate) id: &'a str,
    /// A digest of the report, in hexadecimal digits; empty when there was no report to send.
    pub(crate) content: &'a str,
    /// `posted`, `printed`, `refused` or `stopped`.
    pub(crate) outcome: &'static str,
    /// The number of annotations that Bitbucket accepted.
    pub(crate) annotations: usize,
    /// The number of issues without an annotation.
    pub(crate) left_out: usize,
    /// Why it is not complete; `null` when it is.
    pub(crate) reason: Option<String>,
}

/// A target in `RESULT_FILE`.
#[derive(Debug, Serialize)]
pub(crate) struct RecordedTarget<'a> {
    workspace: &'a str,
    /// `null` for a list of repositories that could not be read.
    repo_slug: Option<&'a str>,
    commit: Option<&'a str>,
    /// The lookup that led to the commit; `null` when the commit was given.
    lookup: Option<RecordedLookup>,
}

/// What the variables name, when Bitbucket is asked for the commit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct RecordedLookup {
    workspace: String,
    repo_slug: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pull_request: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    branch: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refname: Option<String>,
}

impl RecordedLookup {
    fn of(plan: &TargetPlan) -> Option<Self> {
        let TargetPlan { repository: Repository { workspace, slug }, commit, refname } = plan;
        let (pull_request, branch, commit) = match commit {
            CommitSource::Given { fallback: None, .. } => return None,
            CommitSource::Given { fallback: Some(id), commit, .. } => (Some(id.0), None, Some(commit)),
            CommitSource::PullRequest { id, commit, .. } => (Some(id.0), None, commit.as_ref()),
            CommitSource::Branch(branch) => (None, Some(branch.clone()), None),
        };
        Some(Self {
            workspace: workspace.clone(),
            repo_slug: slug.clone(),
            pull_request,
            branch,
            commit: commit.map(|commit| commit.as_str().to_owned()),
            refname: refname.clone(),
        })
    }
}

impl RecordedLookup {
    /// What names a target that is left out.
    fn of_place(place: &Place) -> Option<Self> {
        let (repository, pull_request, branch) = match place {
            Place::List(_) | Place::Repository(_) => return None,
            Place::PullRequest(repository, id) => (repository, Some(id.0), None),
            Place::Branch(repository, branch) => (repository, None, Some(branch.clone())),
        };
        let Repository { workspace, slug } = repository.clone();
        Some(Self { workspace, repo_slug: slug, pull_request, branch, commit: None, refname: None })
    }
}

impl<'a> RecordedTarget<'a> {
    /// The target of a plan, as far as it was found; without a plan, the target alone.
    pub(crate) fn new(plan: Option<&'a TargetPlan>, target: Option<&'a Target>) -> Option<Self> {
        let repository = match (target, plan) {
            (Some(target), _) => &target.repository,
            (None, Some(plan)) => &plan.repository,
            (None, None) => return None,
        };
        let given = plan.and_then(TargetPlan::given);
        let is_given = given.is_some() && given.as_ref() == target;
        Some(Self {
            workspace: &repository.workspace,
            repo_slug: Some(&repository.slug),
            commit: target.map(|target| target.commit.as_str()),
            lookup: plan.filter(|_| !is_given).and_then(RecordedLookup::of),
        })
    }

    /// What is left out.
    pub(crate) fn of_place(place: &'a Place) -> Self {
        let (workspace, repo_slug) = (place.workspace(), place.slug());
        Self { workspace, repo_slug, commit: None, lookup: RecordedLookup::of_place(place) }
    }
}

/// The file that `RESULT_FILE` names, open.
#[derive(Debug)]
pub(crate) struct ResultFile {
    file: File,
    /// Whether the lines of earlier runs stay: with `RESUME`, and in a dry run, which delivers nothing.
    keeps_lines: bool,
    /// With `RESUME`: what its lines say.
    pub(crate) earlier: EarlierRuns,
    /// Whether the last line may be incomplete, because writing it failed.
    is_cut: Cell<bool>,
    /// The number of lines that could not be written.
    pub(crate) lost: Cell<usize>,
}

/// What earlier runs did, as far as their lines say it.
#[derive(Debug, Default)]
pub(crate) struct EarlierRuns {
    /// The content that they delivered last to each status; `None` if they delivered none.
    delivered: HashMap<StatusSlot, Option<Box<RawValue>>>,
    /// The target that a lookup led to, when a status was delivered there.
    found: HashMap<RecordedLookup, Target>,
    /// The content of the reports that they posted last; `None` if they are not complete.
    reports: HashMap<StatusSlot, Option<String>>,
    /// The number of lines that Gatepost did not write.
    pub(crate) unreadable: usize,
}

/// A line of an earlier run, as far as it is needed.
#[derive(Debug, Deserialize)]
struct EarlierRecord {
    target: EarlierTarget,
    #[serde(default)]
    status: Option<Box<RawValue>>,
    /// A line about a report has none.
    outcome: Option<String>,
    #[serde(default)]
    report: Option<EarlierReport>,
}

#[derive(Debug, Deserialize)]
struct EarlierReport {
    id: String,
    #[serde(default)]
    content: String,
    outcome: String,
}

#[derive(Debug, Deserialize)]
struct EarlierTarget {
    workspace: String,
    repo_slug: Option<String>,
    commit: Option<String>,
    #[serde(default)]
    lookup: Option<RecordedLookup>,
}

#[derive(Debug, Deserialize)]
struct EarlierStatus<'a> {
    #[serde(borrow)]
    key: std::borrow::Cow<'a, str>,
    #[serde(default, borrow)]
    refname: Option<std::borrow::Cow<'a, str>>,
}

impl ResultFile {
    /// Opens the file that `RESULT_FILE` names. `None` when there is none, or after a problem was found.
    pub(crate) fn from_settings(settings: &Settings, findings: &mut Findings) -> Option<Self> {
        let path = settings.result_file.as_deref()?;
        let file = Self::open(path, settings.resume);
        if let Err(error) = &file {
            findings.problem(
                "RESULT_FILE",
                format!("names {}, which cannot be written: {error}", shown(&path.to_string_lossy())),
                "a writable file in an existing folder",
                "pass a path below the working directory of the pipe; for the image run by hand, a path below a mounted volume",
            );
        }
        let mut file = file.ok()?;
        file.keeps_lines |= settings.dry_run;
        Some(file)
    }

    /// Opens or creates the file. Its lines stay until [`Self::begin`]; with `resume` they are read.
    ///
    /// # Errors
    ///
    /// When it is not a regular file, or cannot be opened or read.
    fn open(path: &Path, resume: bool) -> io::Result<Self> {
        let mut results = Self {
            file: open_regular(path)?,
            keeps_lines: resume,
            earlier: EarlierRuns::default(),
            is_cut: Cell::default(),
            lost: Cell::default(),
        };
        if resume {
            let file = results.file.try_clone()?;
            for line in BufReader::new(file).split(b'\n') {
                results.earlier.read_line(&line?);
            }
            end_line(&mut results.file)?;
        }
        Ok(results)
    }

    /// Whether this is the same file, whatever path leads to it.
    pub(crate) fn is(&self, other: &File) -> bool {
        let place = |file: &File| file.metadata().ok().map(|known| (known.dev(), known.ino()));
        place(&self.file).is_some_and(|file| Some(file) == place(other))
    }

    /// Removes the lines of earlier runs, unless they are kept. Returns `false` when another run is writing to the
    /// file: then all lines are kept.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub(crate) fn begin(&self) -> io::Result<bool> {
        // Some file systems do not have locks.
        let is_shared = matches!(self.file.try_lock(), Err(TryLockError::WouldBlock));
        if !self.keeps_lines && !is_shared {
            self.file.set_len(0)?;
        }
        let _ = self.file.try_lock_shared();
        Ok(self.keeps_lines || !is_shared)
    }

    /// Appends a line.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) fn write(&self, record: &impl Serialize) -> io::Result<()> {
        let mut line = Vec::new();
        if self.is_cut.get() {
            line.push(b'\n');
        }
        serde_json::to_writer(&mut line, record)?;
        line.push(b'\n');
        let written = (&self.file).write_all(&line);
        self.is_cut.set(written.is_err());
        self.lost.set(self.lost.get() + usize::from(written.is_err()));
        written
    }
}

impl EarlierRuns {
    /// Reads a line.
    pub(crate) fn read_line(&mut self, line: &[u8]) {
        if !line.is_empty() && self.remember(line).is_none() {
            self.unreadable += 1;
        }
    }

    /// Remembers a line of an earlier run; `None` when Gatepost did not write it, or not completely.
    fn remember(&mut self, line: &[u8]) -> Option<()> {
        let EarlierRecord { target, status, outcome, report } = serde_json::from_slice(line).ok()?;
        if let Some(EarlierReport { id, content, outcome }) = report {
            // A printed report was not sent; without a commit there was none.
            if let Some(commit) = target.commit.filter(|_| outcome != "printed") {
                let commit = CommitHash::parse(&commit)?;
                let repository = Repository { workspace: target.workspace, slug: target.repo_slug? };
                let slot = StatusSlot::new(&repository, &commit, &id, None);
                self.reports.insert(slot, (outcome == "posted").then_some(content));
            }
            return Some(());
        }
        let is_delivered = match outcome?.as_str() {
            "delivered" => true,
            "refused" | "stopped" => false,
            // Neither was sent: what stood before still stands.
            "printed" | "kept" => return Some(()),
            _ => return None,
        };
        let EarlierTarget { workspace, repo_slug, commit, lookup } = target;
        let (Some(commit), Some(slug), Some(status)) = (commit, repo_slug, status) else {
            return Some(());
        };
        let commit = CommitHash::parse(&commit)?;
        let repository = Repository { workspace, slug };
        let EarlierStatus { key, refname } = serde_json::from_str(status.get()).ok()?;
        let slot = StatusSlot::new(&repository, &commit, &key, refname.as_deref());
        if let Some(lookup) = lookup.filter(|_| is_delivered) {
            let refname = refname.map(std::borrow::Cow::into_owned);
            self.found.insert(lookup, Target { repository, commit, refname });
        }
        let content = is_delivered.then_some(status);
        self.delivered.insert(slot, content);
        Some(())
    }

    /// The target of a plan whose statuses were all delivered: it is not looked up again, whatever was pushed since.
    pub(crate) fn recall(&self, plan: &Plan, verdicts: &[Verdict]) -> Option<Target> {
        if self.delivered.is_empty() || verdicts.is_empty() {
            return None;
        }
        let found = RecordedLookup::of(&plan.target).and_then(|lookup| self.found.get(&lookup).cloned());
        let is_delivered = |target: &Target| {
            plan.statuses(verdicts, target).iter().all(|status| self.has_delivered(target, status))
        };
        [plan.target.given(), found].into_iter().flatten().find(is_delivered)
    }

    /// Whether an earlier run delivered this status last, with the same content.
    pub(crate) fn has_delivered(&self, target: &Target, status: &Status) -> bool {
        if self.delivered.is_empty() {
            return false;
        }
        let content = self.delivered.get(&StatusSlot::of(target, status));
        matches!(content, Some(Some(content)) if content.get() == status.to_json())
    }

    /// Whether an earlier run posted this report last, with the same content.
    pub(crate) fn has_posted_report(&self, target: &Target, id: &str, content: &str) -> bool {
        let slot = StatusSlot::new(&target.repository, &target.commit, id, None);
        matches!(self.reports.get(&slot), Some(Some(posted)) if posted == content)
    }
}

/// Opens or creates a file for reading and appending. A device or a pipe could block the run for ever.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|known| !known.is_file()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

/// Adds the end of the last line, if it is missing.
fn end_line(file: &mut File) -> io::Result<()> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(());
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

/// Appends the output variables to the file that Pipelines names. Its folder may not exist in the container of a pipe;
/// then nothing is written.
/// <https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/#Output-variables>
///
/// # Errors
///
/// When the folder exists and the file cannot be written.
pub(crate) fn write_output_variables(path: &Path, target: &Target, status: &Status) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Ok(());
    }
    let lines = format!(
        "GATEPOST_STATE={}\nGATEPOST_KEY={}\nGATEPOST_COMMIT={}\nGATEPOST_URL={}\n",
        status.state, status.key, target.commit, status.url
    );
    let mut file = open_regular(path)?;
    end_line(&mut file)?;
    file.write_all(lines.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_cannot_be_written_are_counted() {
        let folder = sandbox::Folder::new();
        let path = folder.path().join("results.jsonl");
        let mut results = ResultFile::open(&path, false).unwrap();
        // It cannot be written, like a file on a full disk.
        results.file = File::open(&path).unwrap();
        let target = Target {
            repository: Repository::from_full_name("acme/api").unwrap(),
            commit: CommitHash::parse("8d081548cabb").unwrap(),
            refname: None,
        };
        let record = Record {
            target: RecordedTarget::new(None, Some(&target)).unwrap(),
            status: None,
            outcome: "refused",
            exit_code: 4,
            reason: None,
        };
        assert!(results.write(&record).is_err() && results.write(&record).is_err());
        assert_eq!(results.lost.get(), 2);
    }
}
