//! Files that name an analysis: `report-task.txt`, which every scanner writes, or the JSON of a webhook.
//!
//! A scanner writes `report-task.txt` when SonarQube has accepted its report: one `key=value` on each line, without
//! escaping. Only the address of the dashboard names the pull request or branch.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use reqwest::Url;
use serde_json::Value;

use crate::{
    config::parse::read_small,
    console::foreign::shown,
    model::{address::service_address, analysis::Subject, target::CommitHash},
    sonarqube::gate::{Gate, Level, text},
};

/// An analysis, as far as a file describes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Analysis {
    /// The key of the project.
    pub(crate) project: Option<String>,
    /// `None` when the file does not name it.
    pub(crate) subject: Option<Subject>,
    /// The address of its page.
    pub(crate) dashboard: Option<String>,
    /// The commit that was analysed; only a webhook names it.
    pub(crate) revision: Option<CommitHash>,
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
    Gate(Gate),
    /// The webhook says that the analysis failed.
    Failed,
}

/// A real report-task.txt has less than 1 KiB, and the JSON of a webhook some KiB.
const ANALYSIS_MAX_BYTES: u64 = 1024 * 1024;

impl Analysis {
    /// Reads a file. Only a `named` file may be the JSON of a webhook, which brings its own verdict: in the usual places,
    /// anybody who can change the repository could have put it there.
    ///
    /// # Errors
    ///
    /// What is wrong, to complete "report-task.txt ...".
    pub(crate) fn read(path: &Path, named: bool) -> Result<Self, String> {
        let bytes = read_small(path, ANALYSIS_MAX_BYTES).map_err(|wrong| wrong.to_string())?;
        let text = String::from_utf8(bytes).map_err(|_| "holds bytes that are not UTF-8 text".to_owned())?;
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
                .filter(|(name, value)| name.trim() == wanted && !value.trim().is_empty())
                .map(|(_, value)| value.trim().to_owned())
                .next()
        };
        let task = value("ceTaskId")
            .ok_or("has no ceTaskId: it was not written by a scanner, or it is incomplete")?;
        let dashboard = value("dashboardUrl");
        Ok(Self {
            project: value("projectKey"),
            subject: dashboard.as_deref().map(Subject::of_dashboard),
            dashboard,
            revision: None,
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
        let end = match (at("/status").as_deref(), webhook.get("qualityGate")) {
            (Some("SUCCESS"), Some(gate)) => End::Gate(Gate::read(gate)),
            (Some("SUCCESS"), None) => {
                End::Gate(Gate { level: Level::None, conditions: Vec::new(), ignored_conditions: false })
            }
            (Some("FAILED" | "CANCELED"), _) => End::Failed,
            _ => {
                return Err(
                    "is JSON, but not from a webhook of SonarQube: its status is not known".to_owned()
                );
            }
        };
        let subject =
            match (at("/branch/name"), at("/branch/type").as_deref(), at("/branch/isMain").as_deref()) {
                (Some(name), Some("PULL_REQUEST"), _) => Subject::PullRequest(name),
                (None, _, _) | (_, _, Some("true")) => Subject::Main,
                (Some(name), _, _) => Subject::Branch(name),
            };
        Ok(Self {
            project: at("/project/key"),
            subject: Some(subject),
            dashboard: at("/branch/url").or_else(|| at("/project/url")),
            revision: at("/revision").as_deref().and_then(CommitHash::parse),
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
/// More than a large project has without its dependencies; this takes about a second.
const ENTRIES_MAX: usize = 500_000;

/// The files in the usual places of a folder and of those below it, sorted. Symbolic links are not followed.
pub(crate) fn search(folder: &Path) -> Vec<PathBuf> {
    walk(folder, &|path| {
        path.file_name().is_some_and(|name| name == FILE_NAME)
            && path.parent().is_some_and(|parent| USUAL_PLACES.iter().any(|place| parent.ends_with(place)))
    })
}

/// The files that a path or a glob names, sorted. `*` and `?` stand for characters within a name, `**` for any folders.
///
/// # Errors
///
/// What is wrong with the pattern, or that no file matches.
pub(crate) fn expand(pattern: &str) -> Result<Vec<PathBuf>, String> {
    let path = plain(Path::new(pattern));
    // The characters of a pattern may also be part of a name.
    if !is_glob(pattern) || path.exists() {
        let file = if path.is_dir() { path.join(FILE_NAME) } else { path };
        return match fs::metadata(&file) {
            Ok(_) => Ok(vec![file]),
            Err(error) => {
                Err(format!("names {}, which cannot be read: {error}", shown(&file.to_string_lossy())))
            }
        };
    }
    let matcher = glob::Pattern::new(&path.to_string_lossy())
        .map_err(|error| format!("has the pattern {}, which is not valid: {}", shown(pattern), error.msg))?;
    let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::default() };
    // Search only below the part that is not a pattern.
    let root: PathBuf =
        path.components().take_while(|part| !is_glob(&part.as_os_str().to_string_lossy())).collect();
    let root = if root.as_os_str().is_empty() { PathBuf::from(".") } else { root };
    let found = walk(&root, &|path| matcher.matches_path_with(&plain(path), options));
    if found.is_empty() {
        return Err(format!("has the pattern {}, which no file matches", shown(pattern)));
    }
    Ok(found)
}

/// Whether a text is a pattern rather than a path.
pub(crate) fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The path without `.` and double slashes, so that a file has one name.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

/// The files below a folder for which `is_wanted` is true, sorted.
fn walk(root: &Path, is_wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![(root.to_owned(), 0)];
    let mut entries = 0;
    while let Some((folder, depth)) = folders.pop() {
        // A folder that cannot be read is skipped.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            entries += 1;
            if entries > ENTRIES_MAX {
                return sorted(found);
            }
            let path = entry.path();
            // The type of a link is a link: links are not followed.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => {
                    let name = entry.file_name();
                    if depth < DEPTH_MAX && !NEVER_ENTERED.iter().any(|never| name == *never) {
                        folders.push((path, depth + 1));
                    }
                }
                Ok(kind) if kind.is_file() && is_wanted(&path) => found.push(plain(&path)),
                _ => {}
            }
        }
    }
    sorted(found)
}

fn sorted(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.sort();
    paths
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
        let End::Gate(gate) = analysis.end else { panic!("the webhook tells the gate") };
        assert_eq!(gate.conditions[0].words(), "1% Coverage (is less than 2%)");
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
