//! The files that name analyses: searched for in the usual places, or named by `SONAR_REPORT_TASK`.

use std::{
    cell::{OnceCell, RefCell},
    collections::HashMap,
    path::PathBuf,
    rc::Rc,
};

use reqwest::Url;

use crate::{
    config::{
        analysis::VerdictNeed,
        checkout::Checkouts,
        findings::Findings,
        parse::items,
        projects::CheckoutProjects,
        report_task::{self, Analysis, AnalysisFile, Found, NoFile, SkipReason, Skipped},
        repository::is_own,
        variables::Variables,
    },
    console::foreign::shown,
    model::{address::CLOUD_URLS, analysis::Subject, verdict::STATE_ACCEPTED},
};

/// The files that name analyses.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Files {
    /// Sorted by path, each once.
    pub(crate) found: Vec<Rc<AnalysisFile>>,
    /// The paths and patterns of `SONAR_REPORT_TASK` that name no file of this build, each in a sentence.
    pub(crate) missing: Vec<String>,
    /// Whether one of them is a path, and not a glob: then a file is missing that was expected.
    pub(crate) misses_path: bool,
    /// What cannot be read, or is wrong, to complete a sentence without a subject.
    pub(crate) unreadable: Vec<String>,
    /// Other files of the name `report-task.txt`.
    pub(crate) elsewhere: Vec<PathBuf>,
    /// What was skipped because git tracks it.
    pub(crate) tracked: Vec<Skipped>,
    /// Whether there may be several, whose statuses need different keys.
    pub(crate) may_be_several: bool,
    /// Whether a scan that failed may have left only a part of them: there are several, or one in a sub-folder.
    pub(crate) may_be_partial: bool,
}

/// The searches for `report-task.txt` of a run: each pattern is searched for once, however many targets have it.
#[derive(Debug, Default)]
pub(crate) struct FileSearch {
    known: RefCell<HashMap<String, Result<Matches, NoFile>>>,
    usual: OnceCell<Matches>,
    projects: OnceCell<CheckoutProjects>,
    checkouts: Checkouts,
}

/// The files of scanners wherever they lie, whether or not they are read.
pub(super) struct Beside {
    pub(super) files: Vec<Rc<AnalysisFile>>,
    /// What cannot be read, or is not followed, each in a sentence.
    pub(super) skipped: Vec<String>,
}

/// The files that match a pattern.
#[derive(Debug, Clone, Default)]
struct Matches {
    files: Vec<Rc<AnalysisFile>>,
    elsewhere: Vec<PathBuf>,
    skipped: Vec<Skipped>,
    /// The folders that may not be searched, in words.
    unsearched: Option<String>,
}

/// The places of `report-task.txt` that are looked at.
const PLACES: &str = ".scannerwork, target/sonar, build/sonar, .sonarqube/out/.sonar or .sonar";
/// More files are only counted.
const FILES_SHOWN: usize = 3;

impl FileSearch {
    /// The files in the usual places.
    fn usual(&self) -> Matches {
        self.usual.get_or_init(|| self.read(report_task::search(".".as_ref()), false)).clone()
    }

    /// The projects of the checkout.
    pub(super) fn projects(&self) -> &CheckoutProjects {
        self.projects.get_or_init(|| CheckoutProjects::below(".".as_ref()))
    }

    /// The files of scanners, in the usual places and elsewhere. A file that git tracks only counts in a usual place, because a
    /// scanner may have replaced it there.
    pub(super) fn beside(&self) -> Beside {
        let Matches { mut files, elsewhere, skipped, unsearched } = self.usual();
        let is_left = |path: &PathBuf| self.checkouts.track(path) == Some(false);
        let read = |path: PathBuf| Rc::new(AnalysisFile::read(path, false));
        files.extend(elsewhere.into_iter().filter(is_left).map(read));
        let mut words = Vec::new();
        for skipped in skipped {
            match skipped.reason {
                SkipReason::Tracked => files.push(read(skipped.path)),
                _ => words.push(skipped.to_string()),
            }
        }
        words.extend(unsearched);
        Beside { files, skipped: words }
    }

    /// The files that a path or a pattern of `SONAR_REPORT_TASK` names.
    fn named(&self, pattern: &str) -> Result<Matches, NoFile> {
        let mut known = self.known.borrow_mut();
        let expand = || report_task::expand(pattern).map(|found| self.read(found, true));
        known.entry(pattern.to_owned()).or_insert_with(expand).clone()
    }

    fn read(&self, found: Found, named: bool) -> Matches {
        let unsearched = found.unsearched_in_words();
        let Found { files, elsewhere, skipped, .. } = found.without_tracked(&self.checkouts);
        let read = |path| Rc::new(AnalysisFile::read(path, named));
        Matches { files: files.into_iter().map(read).collect(), elsewhere, skipped, unsearched }
    }
}

/// A scan that has just ended may have another gate than the project has now: its task is waited for. With `must_end`, a
/// scan has ended in this step, and a file of it that cannot be used is no reason to believe an earlier gate.
pub(super) fn fresh_file(
    project: &str,
    subject: &Subject,
    must_end: bool,
    search: &FileSearch,
    findings: &mut Findings,
) -> Option<Files> {
    let Matches { files, skipped, unsearched, .. } = search.usual();
    let is_fresh = |file: &AnalysisFile| file.is_newer_than_checkout().unwrap_or_else(|| file.is_recent());
    let (mut found, mut wrong, mut told) = (Vec::new(), Vec::new(), Vec::new());
    for file in files {
        let path = file.path.display();
        match &file.content {
            Err(problem) if is_fresh(&file) => wrong.push(format!("{path} {problem}")),
            Err(problem) => told.push(format!("{path} {problem}")),
            Ok(analysis) if analysis.project.as_deref() != Some(project) || !is_fresh(&file) => {}
            Ok(Analysis { subject: Some(analysed), .. })
                if *subject != Subject::Main && !analysed.is_same(subject) =>
            {
                findings.warning(format!(
                    "{path} names an analysis of {}, and SONAR_PULL_REQUEST or SONAR_BRANCH asks for {}: the file is not used",
                    analysed.in_sentence(),
                    subject.words()
                ));
            }
            Ok(_) => found.push(file),
        }
    }
    for skipped in skipped {
        match skipped.reason {
            SkipReason::Tracked => {}
            SkipReason::Unreadable(_) | SkipReason::NotRegular(_) | SkipReason::UnknownToGit => {
                wrong.push(skipped.to_string());
            }
            SkipReason::Link | SkipReason::DanglingLink => told.push(skipped.to_string()),
        }
    }
    if must_end && found.is_empty() && !wrong.is_empty() {
        return Some(Files { unreadable: wrong, ..Files::default() });
    }
    for wrong in wrong.into_iter().chain(told).chain(unsearched) {
        let instead = if found.is_empty() {
            "Gatepost asks for the gate of the project, which may be that of an earlier analysis"
        } else {
            "it is not used"
        };
        findings.warning(format!("{wrong}; {instead}"));
    }
    (!found.is_empty()).then(|| Files { found, ..Files::default() })
}

/// The files in the places where scanners leave them.
pub(super) fn usual_files(
    may_miss_files: bool,
    need: VerdictNeed,
    search: &FileSearch,
    findings: &mut Findings,
) -> Option<Files> {
    let Matches { files: found, elsewhere, skipped, unsearched } = search.usual();
    let may_be_several = found.len() > 1;
    let is_below = |file: &Rc<AnalysisFile>| !report_task::is_of_working_folder(&file.path);
    let may_be_partial = may_be_several || found.iter().any(is_below);
    let mut files = Files { found, elsewhere, may_be_several, may_be_partial, ..Files::default() };
    let links = files.take_skipped(skipped, !files.found.is_empty(), may_miss_files, findings);
    if files.found.is_empty() && files.unreadable.is_empty() && !may_miss_files {
        let mut nothing = format!(
            "is not set, and nothing names an analysis of SonarQube: there is no report-task.txt in {PLACES}, here or in a folder below"
        );
        for also in links.into_iter().chain(unsearched).chain(files.elsewhere_in_words()) {
            nothing.push_str("; ");
            nothing.push_str(&also);
        }
        findings.problem(
            "STATE",
            nothing,
            format!("a report-task.txt, SONAR_REPORT_TASK, SONAR_PROJECT_KEY, or STATE: {STATE_ACCEPTED}"),
            "run the pipe where the scanner ran, pass report-task.txt on as an artifact, or pass SONAR_REPORT_TASK; in after-script pass `SCAN_EXIT_CODE: $BITBUCKET_EXIT_CODE`",
        );
        return None;
    }
    match unsearched {
        // Before the scan, nothing is expected to be there.
        Some(unsearched) if files.found.is_empty() && need != VerdictNeed::Later => {
            files
                .unreadable
                .push(format!("There is no report-task.txt in the usual places, and {unsearched}"));
        }
        Some(unsearched) => findings.warning(format!("{unsearched}; a report-task.txt in it is not seen")),
        None => {}
    }
    Some(files)
}

/// The files that `SONAR_REPORT_TASK` names.
pub(super) fn named_files(
    patterns: &str,
    may_miss_files: bool,
    search: &FileSearch,
    findings: &mut Findings,
) -> Option<Files> {
    const ACCEPTED: &str =
        "paths or globs of report-task.txt or of a webhook's JSON, as a list or separated by commas";
    let patterns = items("SONAR_REPORT_TASK", patterns, ACCEPTED, findings);
    let may_be_several = patterns.len() > 1 || patterns.iter().any(|pattern| report_task::is_glob(pattern));
    let mut files = Files { may_be_several, may_be_partial: may_be_several, ..Files::default() };
    let mut wrong = patterns.is_empty().then(|| "names no file".to_owned());
    for pattern in patterns {
        let found = files.add_named(pattern, may_miss_files, search, findings);
        wrong = wrong.or(found);
    }
    if let Some(found) = wrong {
        findings.problem(
            "SONAR_REPORT_TASK",
            found,
            ACCEPTED,
            "check where the scanner leaves the file (.scannerwork, target/sonar, build/sonar ...), relative to the working directory of the pipe; from another step it must be an artifact",
        );
        return None;
    }
    files.found.sort_by(|a, b| a.path.cmp(&b.path));
    files.found.dedup();
    if files.found.is_empty() && !files.missing.is_empty() {
        let Matches { files: usual, elsewhere, .. } = search.usual();
        files.elsewhere = usual.iter().map(|file| file.path.clone()).chain(elsewhere).collect();
    }
    Some(files)
}

impl Files {
    /// Adds the files that one path or pattern names. Returns what is wrong with it, to complete "`SONAR_REPORT_TASK` ...",
    /// unless the run ends in a verdict about that.
    fn add_named(
        &mut self,
        pattern: &str,
        may_miss_files: bool,
        search: &FileSearch,
        findings: &mut Findings,
    ) -> Option<String> {
        let named = shown(pattern);
        let Matches { files: found, skipped, unsearched, .. } = match search.named(pattern) {
            Ok(matches) => matches,
            // A scan that failed did not write the file.
            Err(NoFile::Missing(_)) if may_miss_files => {
                self.missing.push(format!("{named} is missing"));
                self.misses_path |= !report_task::is_glob(pattern);
                return None;
            }
            Err(NoFile::Wrong(found)) if may_miss_files => {
                self.unreadable.push(format!("SONAR_REPORT_TASK {found}"));
                return None;
            }
            Err(found) => return Some(found.to_string()),
        };
        let is_tracked = |skipped: &Skipped| skipped.reason == SkipReason::Tracked;
        let is_all_tracked = found.is_empty() && skipped.iter().all(is_tracked);
        let (has_found, known_unreadable) = (!found.is_empty(), self.unreadable.len());
        self.found.extend(found);
        let links = self.take_skipped(skipped, has_found, may_miss_files, findings);
        if let (Some(unsearched), true) = (unsearched, has_found) {
            findings.warning(format!("{unsearched}; a file that {named} names there is not seen"));
        }
        if has_found || self.unreadable.len() > known_unreadable {
            return None;
        }
        if is_all_tracked && may_miss_files {
            self.missing.push(format!("{named} was skipped, because git tracks it"));
            self.misses_path = true;
            return None;
        }
        let why = if is_all_tracked {
            "was skipped, because git tracks it: no scanner of this build left it"
        } else {
            "names no file of this build"
        };
        Some(links.iter().fold(format!("has {named}, which {why}"), |all, link| all + "; " + link))
    }

    /// Tells of what was skipped. What cannot be read becomes a verdict, and so do links where no file was found and the
    /// run must end in one; otherwise links are returned in words.
    fn take_skipped(
        &mut self,
        skipped: Vec<Skipped>,
        has_found: bool,
        must_end: bool,
        findings: &mut Findings,
    ) -> Vec<String> {
        let mut links = Vec::new();
        for skipped in skipped {
            match skipped.reason {
                SkipReason::Tracked => {
                    findings.warning(format!("{skipped}; it is skipped"));
                    self.tracked.push(skipped);
                }
                SkipReason::Unreadable(_) | SkipReason::NotRegular(_) | SkipReason::UnknownToGit => {
                    self.unreadable.push(skipped.to_string());
                }
                SkipReason::Link | SkipReason::DanglingLink => links.push(skipped.to_string()),
            }
        }
        if has_found {
            for link in links.drain(..) {
                findings.warning(format!("{link}; pass SONAR_REPORT_TASK to read it"));
            }
        } else if must_end {
            self.unreadable.append(&mut links);
        }
        links
    }

    /// The files that are not read, in words: those that git tracks, and those in other places.
    pub(crate) fn elsewhere_in_words(&self) -> Option<String> {
        let more = |number: usize| match number.saturating_sub(FILES_SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let listed = |paths: Vec<&PathBuf>| {
            let shown: Vec<String> =
                paths.iter().take(FILES_SHOWN).map(|path| path.display().to_string()).collect();
            shown.join(", ") + &more(paths.len())
        };
        let mut words = Vec::new();
        // What SONAR_REPORT_TASK names is told as missing.
        if !self.tracked.is_empty() && self.missing.is_empty() {
            let tracked = listed(self.tracked.iter().map(|skipped| &skipped.path).collect());
            words.push(format!("git tracks {tracked}: no scanner of this build left it"));
        }
        if !self.elsewhere.is_empty() {
            words.push(format!(
                "there is {}: pass SONAR_REPORT_TASK",
                listed(self.elsewhere.iter().collect())
            ));
        }
        (!words.is_empty()).then(|| words.join("; "))
    }
}

/// What `SONAR_HOST_URL` accepts where files name servers.
const SERVER_ACCEPTED: &str = "the address of the one server that gets SONAR_TOKEN, such as https://sonar.example.com/sonarqube; https://sonarcloud.io and https://sonarqube.us need no SONAR_HOST_URL";
const SERVER_REMEDY: &str = "pass SONAR_HOST_URL with the address of your server; if you do not know the server, the file was not left by your scanner: do not send it your token";

/// The servers that files name, each with the first file that names it.
#[derive(Debug, Default)]
pub(super) struct NamedServers<'a>(Vec<(&'a Url, &'a AnalysisFile)>);

impl<'a> NamedServers<'a> {
    pub(super) fn add(&mut self, files: &'a [Rc<AnalysisFile>]) {
        for file in files {
            if let Some(server) = file.server()
                && !self.0.iter().any(|(known, _)| *known == server)
            {
                self.0.push((server, file));
            }
        }
    }

    /// One token is not for several servers. Returns whether there is one at most.
    pub(super) fn check_one(&self, findings: &mut Findings) -> bool {
        let is_one = self.0.len() < 2;
        if !is_one {
            let (number, named) = (self.0.len(), self.in_words());
            // Whoever left the files must not get anything from this run.
            findings.refuse(
                "SONAR_HOST_URL",
                format!("is not set, and the files name {number} servers: {named}"),
                SERVER_ACCEPTED,
                SERVER_REMEDY,
            );
        }
        is_one
    }

    fn in_words(&self) -> String {
        let named = |(server, file): &(&Url, &AnalysisFile)| format!("{server} ({})", file.path.display());
        self.0.iter().take(FILES_SHOWN).map(named).collect::<Vec<_>>().join(", ")
    }
}

/// Without `SONAR_HOST_URL` the files say which server gets the token. Anybody who can change a repository can leave a
/// file in it: the files must agree, and a pipeline of another repository believes only SonarQube Cloud's addresses.
pub(super) fn check_servers(files: &[Rc<AnalysisFile>], variables: &Variables, findings: &mut Findings) {
    let mut servers = NamedServers::default();
    servers.add(files);
    if !servers.check_one(findings) {
        return;
    }
    let is_in_pipeline = variables.bitbucket_workspace.is_some() && variables.bitbucket_repo_slug.is_some();
    servers.0.retain(|(server, _)| !CLOUD_URLS.contains(&server.as_str().trim_end_matches('/')));
    if is_in_pipeline && !is_own(variables) && !servers.0.is_empty() {
        let named = servers.in_words();
        // It keeps only the verdict away: no SonarQube is asked, and the last word of a step is a state on the commit.
        findings.problem(
            "SONAR_HOST_URL",
            format!("is not set, and a file from another repository names the server: {named}"),
            SERVER_ACCEPTED,
            SERVER_REMEDY,
        );
    }
}
