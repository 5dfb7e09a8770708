//! `SONAR_PROJECTS`: the projects that always have a status, even if a change does not touch them.

use std::{path::Path, rc::Rc};

use crate::{
    config::{
        analysis::VerdictNeed,
        analysis_files::{FileSearch, Files},
        findings::Findings,
        insights::InsightsPlan,
        parse::{items, read_small},
        report_task::{AnalysisFile, files_named, is_glob},
        variables::Variables,
    },
    console::{foreign::shown, text::one_line},
};

/// The projects that always have a status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ExpectedProjects {
    /// Their keys, each once.
    pub(crate) keys: Vec<String>,
    /// What may be an analysis of one of them and is not read, each in a sentence: no project is called untouched then.
    pub(crate) unread: Vec<String>,
}

/// The projects that the configuration files of the scanner name, here and in the folders below.
#[derive(Debug, Clone, Default)]
pub(super) struct CheckoutProjects {
    /// Their keys, sorted, each once.
    keys: Vec<String>,
    /// What may hide another project, each in a sentence.
    hidden: Vec<String>,
}

/// The scanner on the command line reads it:
/// <https://docs.sonarsource.com/sonarqube-server/analyzing-source-code/scanners/sonarscanner>
const FILE_NAME: &str = "sonar-project.properties";
/// A real one has some KiB.
const FILE_MAX_BYTES: u64 = 1024 * 1024;
/// More keys are only counted.
const KEYS_SHOWN: usize = 10;
const ACCEPTED: &str = "keys of projects, and globs over the keys in the files sonar-project.properties, as a list or separated by commas";

impl ExpectedProjects {
    /// Reads the variable. Empty when it is unset, not used, or wrong.
    pub(super) fn from_variables(
        variables: &Variables,
        need: VerdictNeed,
        insights: &InsightsPlan,
        search: &FileSearch,
        findings: &mut Findings,
    ) -> Self {
        let Some(text) = variables.sonar_projects.as_deref() else { return Self::default() };
        let unused = if variables.state.is_some() {
            Some("STATE is the state of one key")
        } else if insights.posts_status {
            None
        } else {
            Some("STATUS is false")
        };
        if let Some(why) = unused {
            findings.warning(format!("SONAR_PROJECTS is set but ignored: {why}"));
            return Self::default();
        }
        let mut items = items("SONAR_PROJECTS", text, ACCEPTED, findings);
        if let Some((found, remedy)) = contradiction(variables) {
            findings.problem("SONAR_PROJECTS", found, ACCEPTED, remedy);
            // No folder is searched for a run that posts no verdict.
            items.retain(|item| !is_glob(item));
        }
        if items.is_empty() && findings.problems.iter().all(|problem| problem.variable != "SONAR_PROJECTS") {
            let remedy = "write the keys of the projects, or remove SONAR_PROJECTS";
            findings.problem("SONAR_PROJECTS", "names no project", ACCEPTED, remedy);
        }
        let mut keys: Vec<String> = Vec::new();
        for item in items {
            for key in named_by(item, need, search, findings) {
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        Self { keys, unread: Vec::new() }
    }

    /// Looks for analyses of these projects beside the files that are read.
    pub(super) fn look_beside(&mut self, files: &Files, search: &FileSearch) {
        if self.keys.is_empty() {
            return;
        }
        let has_status =
            |key: &&String| files.found.iter().any(|file| project_of(file) == Some(key.as_str()));
        let open: Vec<&String> = self.keys.iter().filter(|key| !has_status(key)).collect();
        let is_unread = |file: &Rc<AnalysisFile>| {
            project_of(file).is_some_and(|project| open.iter().any(|key| *key == project))
        };
        let words = |file: &Rc<AnalysisFile>| format!("{} is not read", file.path.display());
        let beside = search.beside();
        let mut unread: Vec<String> = beside.files.iter().filter(|file| is_unread(file)).map(words).collect();
        unread.extend(beside.skipped);
        // A path that is named is expected; a glob names what is there.
        if files.misses_path {
            unread.extend(files.missing.iter().cloned());
        }
        self.unread = unread;
    }
}

fn project_of(file: &AnalysisFile) -> Option<&str> {
    file.content.as_ref().ok()?.project.as_deref()
}

/// Why the variable cannot be used beside another one, and what to do.
fn contradiction(variables: &Variables) -> Option<(&'static str, &'static str)> {
    if variables.sonar_project_key.is_some() {
        Some((
            "is set, and so is SONAR_PROJECT_KEY: it names the one project of the run, and each other one would be called not affected, whatever its own run says",
            "remove SONAR_PROJECT_KEY, and let one run read the report-task.txt of all projects",
        ))
    } else if variables.key.is_some() {
        Some((
            "is set, and so is KEY: with KEY a run has one status, and not one for each project",
            "remove KEY: the status of a project has the key sonar-<project key>",
        ))
    } else {
        None
    }
}

/// The keys that an item of the list names; none after a problem was found.
fn named_by(item: &str, need: VerdictNeed, search: &FileSearch, findings: &mut Findings) -> Vec<String> {
    let item = one_line(item);
    let named = shown(&item);
    let wrong = |found: String, remedy: &str, findings: &mut Findings| {
        findings.problem("SONAR_PROJECTS", found, ACCEPTED, remedy);
        Vec::new()
    };
    if !is_glob(&item) {
        if is_key(&item) {
            return vec![item];
        }
        let remedy =
            "write the key that Project Information in SonarQube shows, and not the name of the project";
        return wrong(format!("has {named}, which is not the key of a project"), remedy, findings);
    }
    if need == VerdictNeed::NowByTarget {
        let found = format!("has the glob {named}, and this folder is not the checkout of the target");
        return wrong(found, "in a list of targets, write the keys of the projects", findings);
    }
    let pattern = match glob::Pattern::new(&item) {
        Ok(pattern) => pattern,
        Err(error) => {
            let found = format!("has the pattern {named}, which is not valid: {}", error.msg);
            return wrong(found, "write the keys of the projects, or correct the pattern", findings);
        }
    };
    let there = search.projects();
    for hidden in &there.hidden {
        let warning = format!("{hidden}; SONAR_PROJECTS sees no project in it");
        if !findings.warnings.contains(&warning) {
            findings.warning(warning);
        }
    }
    let keys: Vec<String> = there.keys.iter().filter(|key| pattern.matches(key)).cloned().collect();
    if keys.is_empty() {
        // A merge check that counts builds would wait for ever.
        let found = format!("has the glob {named}, which matches no project: {}", there.words());
        let remedy = "write the keys of the projects: a glob only sees sonar.projectKey in the files sonar-project.properties; builds with Maven, Gradle and .NET have no such file";
        return wrong(found, remedy, findings);
    }
    keys
}

/// Whether SonarQube accepts the text as a key; older versions accept `/` as well.
fn is_key(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:/".contains(c))
}

impl CheckoutProjects {
    /// Reads the files in a folder and in those below it. Links are not followed.
    pub(super) fn below(folder: &Path) -> Self {
        let found = files_named(folder, FILE_NAME);
        let skipped = found.skipped.iter().chain(&found.unsearched);
        let (mut keys, mut hidden) = (Vec::new(), skipped.map(ToString::to_string).collect::<Vec<_>>());
        for path in &found.files {
            match read_small(path, FILE_MAX_BYTES) {
                Ok(bytes) => match project_key(&String::from_utf8_lossy(&bytes)) {
                    Some(key) => keys.push(key),
                    None => hidden.push(format!("{} has no sonar.projectKey", path.display())),
                },
                Err(wrong) => hidden.push(format!("{} {wrong}", path.display())),
            }
        }
        keys.sort_unstable();
        keys.dedup();
        Self { keys, hidden }
    }

    fn words(&self) -> String {
        if self.keys.is_empty() {
            return format!("there is no {FILE_NAME} with a sonar.projectKey, here or in a folder below");
        }
        let shown: Vec<&str> = self.keys.iter().take(KEYS_SHOWN).map(String::as_str).collect();
        let more = match self.keys.len().saturating_sub(KEYS_SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("the files {FILE_NAME} name {}{more}", shown.join(", "))
    }
}

/// `sonar.projectKey` in a file of properties: the name ends with `=`, `:` or white space, and `\:` is `:`. `None` when it
/// has none, or one that the scanner gets from elsewhere.
fn project_key(text: &str) -> Option<String> {
    const NAME: &str = "sonar.projectKey";
    let value = |line: &str| {
        let rest = line.trim_start_matches('\u{feff}').trim_start().strip_prefix(NAME)?;
        let value = rest.trim_start();
        let value = match value.strip_prefix(['=', ':']) {
            Some(value) => value,
            None if value.len() < rest.len() => value,
            None => return None,
        };
        Some(value.replace('\\', "").trim().to_owned())
    };
    // The last one counts.
    text.split(['\n', '\r']).filter_map(value).next_back().filter(|key| !key.is_empty() && is_key(key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::parse::list_items;

    #[test]
    fn the_key_is_read_as_the_scanner_reads_it() {
        for (text, key) in [
            ("sonar.projectKey=acme_api\n", Some("acme_api")),
            (
                "# sonar.projectKey=old\r\n  sonar.projectKey : acme:api \r\nsonar.sources=src\r\n",
                Some("acme:api"),
            ),
            ("sonar.projectKey acme_api", Some("acme_api")),
            ("sonar.projectKey=acme\\:api", Some("acme:api")),
            ("sonar.projectKey=old\nsonar.projectKey=new", Some("new")),
            ("\u{feff}sonar.projectKey=acme_api", Some("acme_api")),
            ("sonar.projectKeyPrefix=acme", None),
            ("sonar.projectName=Acme", None),
            ("sonar.projectKey=", None),
            ("sonar.projectKey=${env.KEY}", None),
            ("", None),
        ] {
            assert_eq!(project_key(text).as_deref(), key, "{text:?}");
        }
    }

    #[test]
    fn the_projects_of_a_checkout_are_those_of_its_files() {
        let folder = sandbox::Folder::new();
        for (place, text) in [
            ("api", "sonar.projectKey=acme_api"),
            ("web", "sonar.projectKey=acme_web"),
            ("web/copy", "sonar.projectKey=acme_web"),
            ("node_modules/other", "sonar.projectKey=other"),
            ("tools", "sonar.sources=."),
        ] {
            let _ = folder.write(&format!("{place}/{FILE_NAME}"), text.as_bytes());
        }
        let there = CheckoutProjects::below(folder.path());
        assert_eq!(there.keys, ["acme_api", "acme_web"]);
        assert_eq!(there.hidden.len(), 1, "{:?}", there.hidden);
        assert!(there.hidden[0].ends_with("tools/sonar-project.properties has no sonar.projectKey"));
    }

    proptest! {
        /// The result has only keys that the text names.
        #[test]
        fn a_list_of_projects_names_keys_of_sonarqube_or_has_a_problem(text in "[a-c*?,_:!\\[\\]é-]{0,12}", is_glob in any::<bool>()) {
            let text = if is_glob { format!("{text},*") } else { text };
            let variables = Variables { sonar_projects: Some(text.clone()), ..Variables::default() };
            let mut findings = Findings::default();
            let insights = InsightsPlan::from_variables(&variables, false, &mut findings);
            let need = VerdictNeed::NowByTarget;
            let expected = ExpectedProjects::from_variables(&variables, need, &insights, &FileSearch::default(), &mut findings);
            prop_assert!(expected.keys.iter().all(|key| !key.is_empty() && is_key(key) && list_items(&text).contains(&key.as_str())));
            prop_assert!(!expected.keys.is_empty() || !findings.problems.is_empty());
            prop_assert!(!is_glob || findings.problems.iter().any(|problem| problem.variable == "SONAR_PROJECTS"));
        }

        #[test]
        fn any_file_has_a_key_of_sonarqube_or_none(text in "(?s)(sonar.projectKey)?.{0,80}(\n.{0,20})?") {
            if let Some(key) = project_key(&text) {
                prop_assert!(!key.is_empty() && is_key(&key));
            }
        }
    }
}
