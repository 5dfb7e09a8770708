//! What later steps read: `RESULT_FILE`, one JSON object per status, and the pipeline's output variables.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Seek, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    plan::Settings,
    problem::{Findings, shown},
    status::Status,
    target::{Repository, Target},
};

/// What became of a status, as one line of `RESULT_FILE`.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    /// Where it was to go.
    pub target: RecordedTarget<'a>,
    /// The status as sent; `null` when the target was not found.
    pub status: Option<&'a Status>,
    /// What became of it.
    pub outcome: Delivery,
    /// The exit code for this status.
    pub exit_code: u8,
    /// Why it was not delivered; `null` when it was.
    pub reason: Option<String>,
}

/// A target in `RESULT_FILE`.
#[derive(Debug, Serialize)]
pub struct RecordedTarget<'a> {
    workspace: &'a str,
    repo_slug: &'a str,
    commit: Option<&'a str>,
}

/// What became of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
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
    /// The target as far as it is known.
    pub fn new(repository: &'a Repository, target: Option<&'a Target>) -> Self {
        let repository = target.map_or(repository, |target| &target.repository);
        Self {
            workspace: &repository.workspace,
            repo_slug: &repository.slug,
            commit: target.map(|target| target.commit.as_str()),
        }
    }
}

/// The file that `RESULT_FILE` names, open.
#[derive(Debug)]
pub struct ResultFile {
    file: File,
    /// What earlier runs wrote, when it is resumed; oldest first.
    earlier: Vec<Value>,
}

impl ResultFile {
    /// The file that `RESULT_FILE` names, or the problem with it.
    pub fn from_settings(settings: &Settings, findings: &mut Findings) -> Option<Self> {
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

    /// Opens or creates the file. With `resume` what it holds is kept and read.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, read or written.
    pub fn open(path: &Path, resume: bool) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(!resume).open(path)?;
        let mut earlier = Vec::new();
        if resume {
            // A run that was killed may have left half a line; it records nothing.
            for line in BufReader::new(&file).split(b'\n') {
                earlier.extend(serde_json::from_slice::<Value>(&line?).ok());
            }
            if ends_within_a_line(&mut file)? {
                file.write_all(b"\n")?;
            }
        }
        Ok(Self { file, earlier })
    }

    /// Whether the newest line on this key of this commit says that just this status was delivered.
    pub fn has_delivered(&self, target: &Target, status: &Status) -> bool {
        let Ok(wanted) = serde_json::to_value(status) else {
            return false;
        };
        let about_this = |record: &&Value| {
            let at = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
            at("/target/workspace") == Some(&target.repository.workspace)
                && at("/target/repo_slug") == Some(&target.repository.slug)
                && at("/target/commit") == Some(target.commit.as_str())
                && at("/status/key") == Some(status.key.as_str())
                && record.pointer("/status/refname").unwrap_or(&Value::Null)
                    == wanted.get("refname").unwrap_or(&Value::Null)
                && at("/outcome").is_some_and(|outcome| outcome == "delivered" || outcome == "refused")
        };
        self.earlier.iter().rev().find(about_this).is_some_and(|record| {
            record.get("status") == Some(&wanted) && record.get("outcome") == Some(&Value::from("delivered"))
        })
    }

    /// Appends a line.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&mut self, record: &Record<'_>) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        self.file.write_all(&line)
    }
}

fn ends_within_a_line(file: &mut File) -> io::Result<bool> {
    use std::io::Read;
    if file.seek(io::SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(io::SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Appends the output variables to the file that Pipelines named, when its folder exists: in a pipe's
/// container it may not.
/// <https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/#Output-variables>
///
/// # Errors
///
/// When the folder exists and the file cannot be written.
pub fn write_output_variables(path: &Path, target: &Target, status: &Status) -> io::Result<()> {
    if !path.parent().is_some_and(Path::is_dir) {
        return Ok(());
    }
    let lines = format!(
        "GATEPOST_STATE={}\nGATEPOST_KEY={}\nGATEPOST_COMMIT={}\nGATEPOST_URL={}\n",
        status.state, status.key, target.commit, status.url
    );
    OpenOptions::new().append(true).create(true).open(path)?.write_all(lines.as_bytes())
}
