//! What later steps read: `RESULT_FILE`, one JSON object per status, and the pipeline's output variables.

use std::{
    cell::Cell,
    collections::HashMap,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    config::{
        findings::Findings,
        plan::{Plan, Settings},
    },
    console::{foreign::shown, text::fingerprint},
    model::{
        status::Status,
        target::{CommitHash, Repository, Target},
        verdict::Verdict,
    },
};

/// What became of a status, as one line of `RESULT_FILE`.
#[derive(Debug, Serialize)]
pub(crate) struct Record<'a> {
    /// Where it was to go.
    pub(crate) target: RecordedTarget<'a>,
    /// The status as sent; `null` when the target was not found.
    pub(crate) status: Option<&'a Status>,
    /// What became of it.
    pub(crate) outcome: Delivery,
    /// The exit code for this status.
    pub(crate) exit_code: u8,
    /// Why it was not delivered; `null` when it was.
    pub(crate) reason: Option<String>,
}

/// A target in `RESULT_FILE`.
#[derive(Debug, Serialize)]
pub(crate) struct RecordedTarget<'a> {
    workspace: &'a str,
    repo_slug: &'a str,
    commit: Option<&'a str>,
    /// What led to the commit: `pull request 7 of acme/api`; `null` when it was given.
    found_by: Option<String>,
}

/// What became of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Delivery {
    /// It stands on the commit.
    Delivered,
    /// It was printed, because of `DRY_RUN`.
    Printed,
    /// Bitbucket refused it or could not be reached.
    Refused,
    /// The run was stopped first.
    Stopped,
}

impl<'a> RecordedTarget<'a> {
    /// The target as far as it is known; with what it was found by.
    pub(crate) fn new(
        repository: &'a Repository,
        target: Option<&'a Target>,
        found_by: Option<String>,
    ) -> Self {
        let repository = target.map_or(repository, |target| &target.repository);
        Self {
            workspace: &repository.workspace,
            repo_slug: &repository.slug,
            commit: target.map(|target| target.commit.as_str()),
            found_by,
        }
    }
}

/// The file that `RESULT_FILE` names, open.
#[derive(Debug)]
pub(crate) struct ResultFile {
    file: File,
    resume: bool,
    /// What the newest line of earlier runs says of a status, when it is resumed: by the fingerprint of what makes
    /// it the same, that of the whole if it was delivered. Of ten thousand lines this is all that is kept.
    earlier: HashMap<u64, Option<u64>>,
    /// By the fingerprint of what led to it: the newest target that was found so and got a status.
    found: HashMap<u64, Target>,
    /// How many lines of it record nothing.
    pub(crate) unreadable: usize,
    /// Whether the last line may have no end, because writing it failed.
    is_cut: Cell<bool>,
    /// How many lines could not be written.
    pub(crate) lost: Cell<usize>,
}

/// A line of an earlier run, as far as it is needed.
#[derive(Debug, Deserialize)]
struct Earlier {
    target: EarlierTarget,
    #[serde(default)]
    status: Value,
    outcome: Delivery,
}

#[derive(Debug, Deserialize)]
struct EarlierTarget {
    workspace: String,
    repo_slug: String,
    commit: Option<String>,
    #[serde(default)]
    found_by: Option<String>,
}

impl ResultFile {
    /// The file that `RESULT_FILE` names, or the problem with it.
    pub(crate) fn from_settings(settings: &Settings, findings: &mut Findings) -> Option<Self> {
        let path = settings.result_file.as_deref()?;
        let file = Self::open(path, settings.resume);
        if let Err(error) = &file {
            findings.problem(
                "RESULT_FILE",
                format!("names {}, which cannot be written: {error}", shown(&path.to_string_lossy())),
                "a file in an existing folder that may be written",
                "pass a path below the pipe's working directory, or for the image run by hand one below a mounted volume",
            );
        }
        file.ok()
    }

    /// Opens or creates the file; what it holds stays until [`Self::begin`]. With `resume` it is read.
    ///
    /// # Errors
    ///
    /// When it is no regular file, or cannot be opened or read.
    pub(crate) fn open(path: &Path, resume: bool) -> io::Result<Self> {
        let mut file = open_regular(path)?;
        let (mut earlier, mut found) = (HashMap::new(), HashMap::new());
        let mut unreadable = 0;
        if resume {
            for line in BufReader::new(&file).split(b'\n') {
                let line = line?;
                if line.is_empty() {
                    continue;
                }
                // A run that was killed may have left half a line.
                let Ok(Earlier { target, status, outcome }) = serde_json::from_slice(&line) else {
                    unreadable += 1;
                    continue;
                };
                let is_delivered = match outcome {
                    // It was not sent, so what stood on the commit stands there still.
                    Delivery::Printed => continue,
                    Delivery::Delivered => true,
                    Delivery::Refused | Delivery::Stopped => false,
                };
                let EarlierTarget { workspace, repo_slug: slug, commit, found_by } = target;
                let Some(commit) = commit else {
                    continue;
                };
                let Some(commit) = CommitHash::parse(&commit) else {
                    unreadable += 1;
                    continue;
                };
                let place = [workspace.as_str(), &slug, commit.digits()];
                let whole = is_delivered.then(|| fingerprint(&status));
                earlier.insert(fingerprint(&(place, identity(&status))), whole);
                if let Some(found_by) = found_by.filter(|_| is_delivered) {
                    let refname = status.get("refname").and_then(Value::as_str).map(str::to_owned);
                    let repository = Repository { workspace, slug };
                    found.insert(fingerprint(&found_by), Target { repository, commit, refname });
                }
            }
            end_line(&mut file)?;
        }
        Ok(Self { file, resume, earlier, found, unreadable, is_cut: Cell::default(), lost: Cell::default() })
    }

    /// Makes room for this run's lines: now it is certain that there will be some. `false` when another run is
    /// writing to the file, whose lines are kept.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub(crate) fn begin(&self) -> io::Result<bool> {
        // Some file systems know no locks.
        let is_shared = matches!(self.file.try_lock(), Err(TryLockError::WouldBlock));
        if !self.resume && !is_shared {
            self.file.set_len(0)?;
        }
        let _ = self.file.try_lock_shared();
        Ok(self.resume || !is_shared)
    }

    /// The target of a plan, when everything for it was delivered: then it is not looked up again, whatever was pushed
    /// since. To find that is for a run that does not resume.
    pub(crate) fn recall(&self, plan: &Plan, verdicts: &[Verdict]) -> Option<Target> {
        if self.earlier.is_empty() {
            return None;
        }
        let found = plan.target.way().and_then(|way| self.found.get(&fingerprint(&way)).cloned());
        let is_delivered = |target: &Target| {
            plan.statuses(verdicts, target).iter().all(|status| self.has_delivered(target, status))
        };
        [plan.target.given(), found].into_iter().flatten().find(is_delivered)
    }

    /// Whether the newest line on this key of this commit says that just this status was delivered.
    pub(crate) fn has_delivered(&self, target: &Target, status: &Status) -> bool {
        if self.earlier.is_empty() {
            return false;
        }
        let Ok(wanted) = serde_json::to_value(status) else {
            return false;
        };
        let Repository { workspace, slug } = &target.repository;
        let place = [workspace.as_str(), slug, target.commit.digits()];
        let known = self.earlier.get(&fingerprint(&(place, identity(&wanted))));
        known.is_some_and(|whole| *whole == Some(fingerprint(&wanted)))
    }

    /// Appends a line.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) fn write(&self, record: &Record<'_>) -> io::Result<()> {
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

/// What makes two statuses of one commit the same: key and refname.
fn identity(status: &Value) -> [Option<&Value>; 2] {
    ["key", "refname"].map(|field| status.get(field))
}

/// Opens a file for reading and appending, and makes it when there is none. A device or a pipe could keep the
/// run waiting for ever.
fn open_regular(path: &Path) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|known| !known.is_file()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

/// Ends the last line, when it has no end.
fn end_line(file: &mut File) -> io::Result<()> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(());
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

/// Appends the output variables to the file that Pipelines named, when its folder exists: in a pipe's
/// container it may not.
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
        // It lets nothing be written, as a full disk.
        results.file = File::open(&path).unwrap();
        let repository = Repository::from_full_name("acme/api").unwrap();
        let record = Record {
            target: RecordedTarget::new(&repository, None, None),
            status: None,
            outcome: Delivery::Refused,
            exit_code: 4,
            reason: None,
        };
        assert!(results.write(&record).is_err() && results.write(&record).is_err());
        assert_eq!(results.lost.get(), 2);
    }
}
