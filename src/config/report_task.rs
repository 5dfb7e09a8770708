//! Files that name an analysis: `report-task.txt`, which every scanner writes, or the JSON of a webhook.
//!
//! A scanner writes `report-task.txt` when SonarQube has accepted its report: one `key=value` on each line, without
//! escaping. Only the address of the dashboard names the pull request or branch.

use std::{
    borrow::Cow,
    fmt, fs,
    io::ErrorKind,
    path::{Component, Path, PathBuf},
    time::{Duration, SystemTime},
};

use reqwest::Url;
use serde_json::Value;

use crate::{
    config::{
        checkout::{Checkout, Checkouts},
        parse::read_small,
    },
    console::{foreign::shown, text::one_line},
    model::{address::service_address, analysis::Subject, target::CommitHash, timestamp::Timestamp},
    sonarqube::gate::{Gate, text},
};

/// A file that names an analysis, or was meant to.
#[derive(Debug)]
pub(crate) struct AnalysisFile {
    pub(crate) path: PathBuf,
    /// What it says; otherwise what is wrong with it, to complete "report-task.txt ...".
    pub(crate) content: Result<Analysis, String>,
    /// When it was written.
    pub(crate) written_at: Option<SystemTime>,
}

/// An analysis, as far as a file describes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Analysis {
    /// The key of the project.
    pub(crate) project: Option<String>,
    /// `None` when the file does not tell.
    pub(crate) subject: Option<Subject>,
    /// The address of its page.
    pub(crate) dashboard: Option<String>,
    pub(crate) end: End,
}

/// How an analysis ended, as far as the file says it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    /// SonarQube must be asked: `report-task.txt` is written before the task begins.
    Ask {
        /// The public address of the server; `None` when the file has no usable one.
        server: Option<Url>,
        /// SonarQube Cloud says 8.0.0.
        version: Option<String>,
        /// The id of the background task.
        task: String,
    },
    /// The webhook brings the gate.
    Gate(Box<WebhookGate>),
    /// The webhook says that the analysis failed.
    Failed,
    /// The webhook says that the analysis was cancelled.
    Cancelled,
}

/// What a webhook tells of an analysis that ended well.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WebhookGate {
    pub(crate) gate: Gate,
    /// The commit that was analysed.
    pub(crate) revision: Option<CommitHash>,
    /// The name of the main branch, if it was analysed.
    pub(crate) main_branch: Option<String>,
    pub(crate) analysed_at: Option<Timestamp>,
    pub(crate) server: Option<Url>,
}

/// A real report-task.txt has less than 1 KiB, and the JSON of a webhook some KiB.
const ANALYSIS_MAX_BYTES: u64 = 1024 * 1024;
/// `max-time` of a step: <https://support.atlassian.com/bitbucket-cloud/docs/global-options/>.
const STEP_MAX: Duration = Duration::from_hours(12);

/// The path tells two files apart.
impl PartialEq for AnalysisFile {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for AnalysisFile {}

impl AnalysisFile {
    /// Reads a file. Only a `named` file may be the JSON of a webhook, which brings its own verdict: in the usual places,
    /// anybody who can change the repository could have put it there.
    pub(crate) fn read(path: PathBuf, named: bool) -> Self {
        let bytes = read_small(&path, ANALYSIS_MAX_BYTES).map_err(|wrong| wrong.to_string());
        let content = bytes.and_then(|bytes| Analysis::of_bytes(bytes, named));
        let written_at = fs::metadata(&path).and_then(|file| file.modified()).ok();
        Self { path, content, written_at }
    }

    /// Its name without folders.
    pub(crate) fn name(&self) -> Cow<'_, str> {
        self.path.file_name().unwrap_or_default().to_string_lossy()
    }

    /// The server that it reports, if it has a usable address.
    pub(crate) fn server(&self) -> Option<&Url> {
        match &self.content.as_ref().ok()?.end {
            End::Ask { server, .. } => server.as_ref(),
            End::Gate(_) | End::Failed | End::Cancelled => None,
        }
    }

    /// The id of the task that it names.
    pub(crate) fn task(&self) -> Option<&str> {
        match &self.content.as_ref().ok()?.end {
            End::Ask { task, .. } => Some(task),
            End::Gate(_) | End::Failed | End::Cancelled => None,
        }
    }

    /// Whether it was written within the time that a step of a pipeline may take.
    pub(crate) fn is_recent(&self) -> bool {
        let age = self.written_at.and_then(|written_at| SystemTime::now().duration_since(written_at).ok());
        age.is_some_and(|age| age < STEP_MAX)
    }

    /// Whether it was not written before the checkout around it was made; `None` when there is no checkout.
    pub(crate) fn is_newer_than_checkout(&self) -> Option<bool> {
        let made_at = Checkout::around(&self.path)?.made_at()?;
        Some(self.written_at? >= made_at)
    }
}

/// Text in UTF-8, or in UTF-16 with a byte order mark.
pub(crate) fn decoded(bytes: Vec<u8>) -> Result<String, String> {
    let utf16 = |from_bytes: fn([u8; 2]) -> u16| {
        let (pairs, odd) = bytes[2..].as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|pair| from_bytes(*pair)).collect();
        String::from_utf16(&units).ok().filter(|_| odd.is_empty())
    };
    let text = match bytes.as_slice() {
        [0xff, 0xfe, ..] => utf16(u16::from_le_bytes),
        [0xfe, 0xff, ..] => utf16(u16::from_be_bytes),
        _ => String::from_utf8(bytes).ok(),
    };
    text.ok_or_else(|| "holds bytes that are neither UTF-8 nor UTF-16 text".to_owned())
}

impl Analysis {
    /// Reads the content of a file. Only a `named` file may be the JSON of a webhook.
    ///
    /// # Errors
    ///
    /// What is wrong with it, to complete "report-task.txt ...".
    pub(crate) fn of_bytes(bytes: Vec<u8>, named: bool) -> Result<Self, String> {
        Self::of_text(&decoded(bytes)?, named)
    }

    fn of_text(text: &str, named: bool) -> Result<Self, String> {
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            Err("is empty".to_owned())
        } else if text.starts_with('{') && named {
            Self::of_webhook(text)
        } else {
            Self::of_properties(text)
        }
    }

    /// Reads the text that a scanner writes.
    fn of_properties(text: &str) -> Result<Self, String> {
        let value = |wanted: &str| {
            text.split(['\n', '\r'])
                .filter(|line| !line.starts_with('#'))
                .filter_map(|line| line.split_once('='))
                .filter(|(name, _)| name.trim() == wanted)
                // As the answers of SonarQube are read, with which it is compared.
                .map(|(_, value)| one_line(value))
                .find(|value| !value.is_empty())
        };
        let task = value("ceTaskId")
            .ok_or("has no ceTaskId: it was not written by a scanner, or it is incomplete")?;
        let (project, dashboard) = (value("projectKey"), value("dashboardUrl"));
        let subject_of = |dashboard: &str| Subject::of_dashboard(dashboard, project.as_deref());
        Ok(Self {
            project: project.clone(),
            subject: dashboard.as_deref().and_then(subject_of),
            // The page of another project is not linked.
            dashboard: dashboard.filter(|dashboard| subject_of(dashboard).is_some()),
            end: End::Ask {
                server: value("serverUrl").and_then(|text| service_address(&text).ok()),
                version: value("serverVersion"),
                task,
            },
        })
    }

    /// Reads the JSON of a webhook.
    /// <https://docs.sonarsource.com/sonarqube-server/project-administration/webhooks>
    fn of_webhook(json: &str) -> Result<Self, String> {
        let webhook: Value =
            serde_json::from_str(json).map_err(|error| format!("is damaged JSON: {error}"))?;
        let at = |pointer: &str| text(webhook.pointer(pointer));
        let is_main = at("/branch/isMain").as_deref() == Some("true");
        let end = match (at("/status").as_deref(), webhook.get("qualityGate")) {
            (Some("SUCCESS"), Some(gate)) => End::Gate(Box::new(WebhookGate {
                gate: Gate::read(gate),
                revision: at("/revision").as_deref().and_then(CommitHash::parse),
                main_branch: at("/branch/name").filter(|_| is_main),
                analysed_at: at("/analysedAt").as_deref().and_then(Timestamp::parse),
                server: at("/serverUrl").and_then(|text| service_address(&text).ok()),
            })),
            (Some("SUCCESS"), None) => return Err("is of a webhook, and has no quality gate".to_owned()),
            (Some("FAILED"), _) => End::Failed,
            (Some("CANCELED"), _) => End::Cancelled,
            _ => {
                return Err(
                    "is JSON, but not from a webhook of SonarQube: its status is not known".to_owned()
                );
            }
        };
        let subject = match (at("/branch/name"), at("/branch/type").as_deref()) {
            (Some(name), Some("PULL_REQUEST")) => Some(Subject::PullRequest(name)),
            (_, _) if is_main => Some(Subject::Main),
            (name, _) => name.map(Subject::Branch),
        };
        Ok(Self {
            project: at("/project/key"),
            subject,
            dashboard: at("/branch/url").or_else(|| at("/project/url")),
            end,
        })
    }
}

/// The folders in which scanners write the file: the command line and npm, Maven, Gradle, .NET, and Python.
const USUAL_PLACES: [&str; 5] =
    [".scannerwork", "target/sonar", "build/sonar", ".sonarqube/out/.sonar", ".sonar"];
const FILE_NAME: &str = "report-task.txt";
/// Folders with many files and no analysis.
const NEVER_ENTERED: [&str; 2] = [".git", "node_modules"];
/// Deeper than any project: a limit for folders without end.
const DEPTH_MAX: usize = 32;
/// More folders that may not be searched are only counted.
const UNSEARCHED_SHOWN: usize = 3;
/// More than a large project has without its dependencies; this takes about a second.
const ENTRIES_MAX: usize = 500_000;

/// What a search found. Symbolic links are not followed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    /// Sorted.
    pub(crate) files: Vec<PathBuf>,
    /// Files of this name that lie in other places.
    pub(crate) elsewhere: Vec<PathBuf>,
    pub(crate) skipped: Vec<Skipped>,
    /// Other folders that may not be searched; a file could lie in them.
    pub(crate) unsearched: Vec<Skipped>,
}

/// A file or folder that was skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skipped {
    pub(crate) path: PathBuf,
    pub(crate) reason: SkipReason,
}

/// Why a file or folder was skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SkipReason {
    /// It is a symbolic link.
    Link,
    /// It is a symbolic link to nothing.
    DanglingLink,
    /// It is something else than a file: a folder, a pipe, a device.
    NotRegular(&'static str),
    /// git tracks it: no scanner of this run left it.
    Tracked,
    /// The index of git is damaged, or in a format that is not known: it does not tell whether git tracks the file.
    UnknownToGit,
    /// It cannot be read; with the reason of the system.
    Unreadable(String),
}

/// Completes ".scannerwork/report-task.txt ".
impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link => f.write_str("is a symbolic link, and the search does not follow links"),
            Self::DanglingLink => f.write_str("is a symbolic link that leads nowhere"),
            Self::NotRegular(kind) => write!(f, "is {kind}, and not a regular file"),
            Self::Tracked => f.write_str("is committed to the repository: no scanner of this build left it"),
            Self::UnknownToGit => f.write_str(
                "is not used: the index of git cannot be read, and does not tell whether the file is committed",
            ),
            Self::Unreadable(error) => write!(f, "cannot be read: {error}"),
        }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path.display(), self.reason)
    }
}

/// Why a path or a pattern names no file. Displayed, it completes "`SONAR_REPORT_TASK` ".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoFile {
    /// Nothing is there.
    Missing(String),
    /// The pattern is wrong, or what it names cannot be read.
    Wrong(String),
}

impl fmt::Display for NoFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(found) | Self::Wrong(found) => f.write_str(found),
        }
    }
}

/// The files in the usual places of a folder and of those below it.
pub(crate) fn search(folder: &Path) -> Found {
    walk(folder, &|path| is_report_task(path) && is_usual(path))
}

/// The files with a name in a folder and in those below it.
pub(super) fn files_named(folder: &Path, name: &str) -> Found {
    walk(folder, &|path| path.file_name().is_some_and(|known| known == name))
}

fn is_report_task(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == FILE_NAME)
}

/// Whether a file lies in a usual place.
fn is_usual(path: &Path) -> bool {
    path.parent().is_some_and(|parent| USUAL_PLACES.iter().any(|place| parent.ends_with(place)))
}

/// The base folder of the project whose scanner left a file in a usual place. The folder of .NET does not tell it.
pub(crate) fn base_folder(file: &Path) -> Option<&Path> {
    const DOES_NOT_TELL: &str = ".sonarqube/out/.sonar";
    let folder = file.parent()?;
    let place =
        USUAL_PLACES.iter().find(|place| folder.ends_with(place) && !folder.ends_with(DOES_NOT_TELL))?;
    folder.ancestors().nth(Path::new(place).components().count())
}

/// Whether a folder is a usual place, or the beginning of one.
fn leads_to_usual(path: &Path) -> bool {
    USUAL_PLACES.iter().any(|place| {
        Path::new(place)
            .ancestors()
            .filter(|part| !part.as_os_str().is_empty())
            .any(|part| path.ends_with(part))
    })
}

/// Whether a file lies in a usual place of the working folder itself.
pub(crate) fn is_of_working_folder(path: &Path) -> bool {
    let path = plain(path);
    USUAL_PLACES.iter().any(|place| path == Path::new(place).join(FILE_NAME))
}

/// The files that a path or a glob names. `*` and `?` stand for characters within a name, `**` for any folders. A path is
/// read wherever its links lead.
///
/// # Errors
///
/// What is wrong with the pattern, or that no file matches.
pub(crate) fn expand(pattern: &str) -> Result<Found, NoFile> {
    let path = plain(Path::new(pattern));
    // The characters of a pattern may also be part of a name.
    if !is_glob(pattern) || path.exists() {
        let file = file_of(&path)?;
        return Ok(Found { files: vec![file], ..Found::default() });
    }
    let matcher = glob::Pattern::new(&path.to_string_lossy()).map_err(|error| {
        NoFile::Wrong(format!("has the pattern {}, which is not valid: {}", shown(pattern), error.msg))
    })?;
    let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::default() };
    // Search only below the part that is not a pattern.
    let root: PathBuf =
        path.components().take_while(|part| !is_glob(&part.as_os_str().to_string_lossy())).collect();
    let root = if root.as_os_str().is_empty() { PathBuf::from(".") } else { root };
    let found = walk(&root, &|path| matcher.matches_path_with(&plain(path), options));
    if found.files.is_empty() && found.skipped.is_empty() {
        let nothing = format!("has the pattern {}, which no file matches", shown(pattern));
        return Err(match found.unsearched_in_words() {
            Some(unsearched) => NoFile::Wrong(format!("{nothing}, and {unsearched}")),
            None => NoFile::Missing(nothing),
        });
    }
    Ok(found)
}

/// The file that a path names. A path to a folder names the `report-task.txt` in it.
fn file_of(path: &Path) -> Result<PathBuf, NoFile> {
    let is_folder = path.is_dir();
    let file = if is_folder { path.join(FILE_NAME) } else { path.to_owned() };
    let name = shown(&path.to_string_lossy());
    match fs::metadata(&file) {
        Ok(_) => Ok(file),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(match dangling_link(&file) {
            Some(link) if link == path => {
                NoFile::Wrong(format!("names {name}, which {}", SkipReason::DanglingLink))
            }
            Some(link) => NoFile::Wrong(format!(
                "names {name}, and {} {}",
                shown(&link.to_string_lossy()),
                SkipReason::DanglingLink
            )),
            None if is_folder && is_report_task(path) => {
                NoFile::Wrong(format!("names {name}, which {}", SkipReason::NotRegular("a folder")))
            }
            None if is_folder => {
                NoFile::Missing(format!("names the folder {name}, which has no {FILE_NAME}"))
            }
            None => NoFile::Missing(format!("names {name}, which does not exist")),
        }),
        Err(error) => Err(NoFile::Wrong(format!("names {name}, which cannot be read: {error}"))),
    }
}

/// The part of a path, or the path itself, that is a symbolic link to nothing.
fn dangling_link(path: &Path) -> Option<PathBuf> {
    path.ancestors().find(|part| part.is_symlink() && !part.exists()).map(Path::to_owned)
}

/// Whether a text is a pattern rather than a path.
pub(crate) fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The path without `.` and double slashes, so that a file has one name.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

/// The files below a folder for which `is_wanted` is true.
fn walk(root: &Path, is_wanted: &dyn Fn(&Path) -> bool) -> Found {
    let mut found = Found::default();
    let mut folders = vec![(root.to_owned(), 0)];
    let mut entries = 0;
    while let Some((folder, depth)) = folders.pop() {
        let listed = match fs::read_dir(&folder) {
            Ok(listed) => listed,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if let Some(link) = dangling_link(&folder) {
                    found.skip(&link, SkipReason::DanglingLink);
                }
                continue;
            }
            Err(error) => {
                let reason = SkipReason::Unreadable(error.to_string());
                if leads_to_usual(&folder) || is_wanted(&folder.join(FILE_NAME)) {
                    found.skip(&folder, reason);
                } else {
                    found.unsearched.push(Skipped { path: plain(&folder), reason });
                }
                continue;
            }
        };
        for entry in listed.flatten() {
            entries += 1;
            if entries > ENTRIES_MAX {
                return found.sorted();
            }
            let path = entry.path();
            // The type of a link is a link: links are not followed.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => {
                    if is_wanted(&path) {
                        found.skip(&path, SkipReason::NotRegular("a folder"));
                    }
                    let name = entry.file_name();
                    if depth < DEPTH_MAX && !NEVER_ENTERED.iter().any(|never| name == *never) {
                        folders.push((path, depth + 1));
                    }
                }
                Ok(kind) if kind.is_symlink() && leads_to_wanted(&path, is_wanted) => {
                    let reason = if path.exists() { SkipReason::Link } else { SkipReason::DanglingLink };
                    found.skip(&path, reason);
                }
                Ok(kind) if kind.is_symlink() => {}
                Ok(kind) if kind.is_file() && is_wanted(&path) => found.files.push(plain(&path)),
                Ok(kind) if kind.is_file() && is_report_task(&path) => found.elsewhere.push(plain(&path)),
                Ok(kind) if !kind.is_file() && is_wanted(&path) => {
                    found.skip(&path, SkipReason::NotRegular("a pipe, a socket or a device"));
                }
                _ => {}
            }
        }
    }
    found.sorted()
}

/// Whether a link stands for a wanted file or its folder, or leads to a folder with a wanted file in a usual place.
fn leads_to_wanted(link: &Path, is_wanted: &dyn Fn(&Path) -> bool) -> bool {
    let is_in_place = |place: &str| {
        // The link may be any folder on the way to the file.
        let whole = Path::new(place).join(FILE_NAME);
        let mut part = whole.components();
        loop {
            let file = link.join(part.as_path());
            if is_wanted(&file) && file.exists() {
                return true;
            }
            if part.next().is_none() || part.as_path().as_os_str().is_empty() {
                return false;
            }
        }
    };
    is_wanted(link) || is_wanted(&link.join(FILE_NAME)) || USUAL_PLACES.iter().any(|place| is_in_place(place))
}

impl Found {
    fn skip(&mut self, path: &Path, reason: SkipReason) {
        self.skipped.push(Skipped { path: plain(path), reason });
    }

    fn sorted(mut self) -> Self {
        self.files.sort();
        self.elsewhere.sort();
        self.skipped.sort_by(|a, b| a.path.cmp(&b.path));
        self.unsearched.sort_by(|a, b| a.path.cmp(&b.path));
        self
    }

    /// The folders that may not be searched, in words; `None` when there is none.
    pub(crate) fn unsearched_in_words(&self) -> Option<String> {
        let shown: Vec<String> =
            self.unsearched.iter().take(UNSEARCHED_SHOWN).map(ToString::to_string).collect();
        let more = match self.unsearched.len().saturating_sub(UNSEARCHED_SHOWN) {
            0 => String::new(),
            more => format!(", and neither can {more} more folders"),
        };
        (!shown.is_empty()).then(|| shown.join(", ") + &more)
    }

    /// The same without files that git tracks: a scanner leaves its file beside them.
    #[must_use]
    pub(crate) fn without_tracked(mut self, checkouts: &Checkouts) -> Self {
        let mut files = Vec::new();
        for path in self.files {
            let reason = match checkouts.track(&path) {
                Some(false) => {
                    files.push(path);
                    continue;
                }
                Some(true) => SkipReason::Tracked,
                None => SkipReason::UnknownToGit,
            };
            self.skipped.push(Skipped { path, reason });
        }
        Self { files, ..self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Analysis {
        read(text).unwrap()
    }

    fn read(text: &str) -> Result<Analysis, String> {
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.starts_with('{') { Analysis::of_webhook(text) } else { Analysis::of_properties(text) }
    }

    #[test]
    fn what_scanners_write_is_understood() {
        let text = "organization=acme\nprojectKey=acme:api\nserverUrl=https://sonar.example.com/base\n\
                    serverVersion=2025.1.0.1\n\
                    dashboardUrl=https://sonar.example.com/base/dashboard?id=acme%3Aapi&pullRequest=105\n\
                    ceTaskId=AY=1\nceTaskUrl=https://sonar.example.com/base/api/ce/task?id=AY=1\n";
        let analysis = parsed(text);
        assert_eq!(analysis.project.as_deref(), Some("acme:api"));
        assert_eq!(analysis.subject, Some(Subject::PullRequest("105".to_owned())));
        let End::Ask { server, version, task } = analysis.end else { panic!("there is a task to ask for") };
        assert_eq!(server.unwrap().as_str(), "https://sonar.example.com/base");
        assert_eq!((version.as_deref(), task.as_str()), (Some("2025.1.0.1"), "AY=1"));
        assert_eq!(
            parsed(&text.replace('\n', "\r\n")),
            parsed(&format!("\u{feff}# by hand\nceTaskId=\n\n{text}"))
        );
    }

    #[test]
    fn a_webhook_is_recognised_by_its_content() {
        let gate = r#""qualityGate": {"status": "ERROR", "conditions": [{"metric": "coverage", "operator": "LESS_THAN", "value": "1", "status": "ERROR", "errorThreshold": "2"}]}"#;
        let analysis = parsed(&format!(
            r#"{{"status": "SUCCESS", "project": {{"key": "P"}}, "branch": {{"name": "7", "type": "PULL_REQUEST"}}, {gate}}}"#
        ));
        assert_eq!(analysis.subject, Some(Subject::PullRequest("7".to_owned())));
        let End::Gate(webhook) = analysis.end else { panic!("the webhook tells the gate") };
        assert_eq!(webhook.gate.conditions[0].words(), "1% Coverage (is less than 2%)");
        assert_eq!(parsed(r#"{"status": "FAILED"}"#).end, End::Failed);
        for text in ["{}", r#"{"status": "GREAT"}"#, "{"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_file_is_an_analysis_or_has_a_reason(text in "(?s).{0,300}") {
            if let Err(reason) = read(&text) {
                prop_assert!(!reason.is_empty());
            }
        }

        #[test]
        fn lines_in_any_order_and_with_any_value_are_read(task in "[!-~]{1,40}", other in "[a-zA-Z#=]{0,9}=[!-~]{0,20}") {
            prop_assume!(!other.starts_with("ceTaskId="));
            for text in [format!("{other}\nceTaskId={task}\n"), format!("ceTaskId={task}\n{other}")] {
                let End::Ask { task: read, .. } = parsed(&text).end else { panic!("{text}") };
                prop_assert_eq!(&read, &task);
            }
        }
    }
}
