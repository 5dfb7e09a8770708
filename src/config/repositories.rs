//! Where a run looks for its targets: `REPOSITORIES` names the repositories, `TARGETS_FROM` says what is a target in them.

use glob::{MatchOptions, Pattern};

use crate::{
    config::{
        findings::Findings, keyring::Keyring, near_miss::Word, parse::flag, placeholders,
        repository::split_address, target::is_branch, variables::Variables,
    },
    console::foreign::shown,
    model::target::{Repository, is_name},
};

/// Where a run looks for its targets.
#[derive(Debug)]
pub(crate) struct TargetSearch {
    wanted: Vec<Wanted>,
    excluded: Vec<NamePattern>,
    pub(crate) from: TargetsFrom,
}

/// What is a target in each repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TargetsFrom {
    OpenPullRequests,
    MainBranches,
    Branch(String),
}

/// An item of `REPOSITORIES`.
#[derive(Debug)]
enum Wanted {
    Named(Repository),
    Matching(NamePattern),
    Project(RepositoryList),
}

/// Repositories of a workspace, by a glob of their slug.
#[derive(Debug)]
struct NamePattern {
    workspace: String,
    slug: Pattern,
}

/// Repositories that Bitbucket lists: all of a workspace, or those of one of its projects.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RepositoryList {
    pub(crate) workspace: String,
    /// The key of the project.
    pub(crate) project: Option<String>,
}

const ACCEPTED: &str = "slugs, workspace/slug, * for all repositories of WORKSPACE, globs such as service-*, project:KEY, and what to leave out, such as !legacy-*; separated by spaces or commas, or as a list";

/// Variables that name one target, or a list of them.
const OTHER_TARGETS: [&str; 7] =
    ["repo_slug", "commit", "pull_request", "branch", "refname", "targets", "targets_file"];

impl TargetSearch {
    /// The search that the variables ask for; `None` without `REPOSITORIES`, or after a problem was found.
    pub(crate) fn from_variables(
        variables: &Variables,
        keyring: &Keyring,
        findings: &mut Findings,
    ) -> Option<Self> {
        let Some(text) = &variables.repositories else {
            // The default comes from pipe.yml.
            if let Some(from) = variables.targets_from.as_ref().filter(|from| from.trim() != FROM_DEFAULT) {
                findings.problem(
                    "TARGETS_FROM",
                    format!("is {}, and there is no REPOSITORIES to find targets in", shown(from.trim())),
                    "TARGETS_FROM together with REPOSITORIES",
                    "pass REPOSITORIES, or remove TARGETS_FROM",
                );
            }
            return None;
        };
        for other in OTHER_TARGETS.into_iter().filter(|other| variables.has(other)) {
            let other = other.to_ascii_uppercase();
            findings.problem(
                &other,
                "is set, and so is REPOSITORIES, which finds the targets",
                "one of the two",
                format!("remove {other}, or REPOSITORIES"),
            );
        }
        let from = targets_from(variables.targets_from.as_deref(), findings);
        let (mut wanted, mut excluded) = (Vec::new(), Vec::new());
        for item in text.split(|c: char| c == ',' || c.is_whitespace()).filter(|item| !item.is_empty()) {
            match item.strip_prefix('!') {
                Some(item) => excluded.extend(excluded_names(item, variables, findings)),
                None => wanted.extend(wanted_repositories(item, variables, findings)),
            }
        }
        if wanted.is_empty() {
            findings.problem(
                "REPOSITORIES",
                format!("is {}, which names no repository to look in", shown(text.trim())),
                ACCEPTED,
                "name at least one repository, or * for all of the workspace",
            );
            return None;
        }
        let from = from?;
        placeholders::check(variables, &from, findings);
        let search = Self { wanted, excluded, from };
        search.check(variables, keyring, findings);
        Some(search)
    }

    /// Reports what a search cannot be used with.
    fn check(&self, variables: &Variables, keyring: &Keyring, findings: &mut Findings) {
        if keyring.common().is_none() && !self.lists().is_empty() {
            findings.problem(
                "REPOSITORIES",
                "has a glob or a project, and BITBUCKET_ACCESS_TOKENS holds tokens of single repositories only",
                "a credential that sees the workspace",
                "pass a workspace access token as BITBUCKET_ACCESS_TOKEN, or an API token, beside BITBUCKET_ACCESS_TOKENS; or name each repository",
            );
        }
        if flag("SPLIT", variables.split.as_deref(), false, &mut Findings::default()) {
            findings.problem(
                "SPLIT",
                "is true, and REPOSITORIES is set: each step would find its own list, and a pull request that is opened meanwhile would move the others to another step",
                "SPLIT together with TARGETS_FILE",
                "write the list in a step before the group with MODE: targets, and pass it on as an artifact in TARGETS_FILE",
            );
        }
    }

    /// A repository that might be found.
    pub(crate) fn example(&self) -> Repository {
        let of =
            |workspace: &str| Repository { workspace: workspace.to_owned(), slug: "repository".to_owned() };
        match &self.wanted[..] {
            [Wanted::Named(repository), ..] => repository.clone(),
            [
                Wanted::Matching(NamePattern { workspace, .. })
                | Wanted::Project(RepositoryList { workspace, .. }),
                ..,
            ] => of(workspace),
            [] => of("workspace"),
        }
    }

    /// The repositories that are named one by one.
    pub(crate) fn named(&self) -> impl Iterator<Item = &Repository> {
        let named = self.wanted.iter().filter_map(|wanted| match wanted {
            Wanted::Named(repository) => Some(repository),
            Wanted::Matching(_) | Wanted::Project(_) => None,
        });
        named.filter(|repository| !self.excludes(repository))
    }

    /// The lists that Bitbucket is asked for, each once.
    pub(crate) fn lists(&self) -> Vec<RepositoryList> {
        let mut lists = Vec::new();
        for wanted in &self.wanted {
            let list = match wanted {
                Wanted::Named(_) => continue,
                Wanted::Matching(NamePattern { workspace, .. }) => {
                    RepositoryList { workspace: workspace.clone(), project: None }
                }
                Wanted::Project(list) => list.clone(),
            };
            if !lists.contains(&list) {
                lists.push(list);
            }
        }
        lists
    }

    /// Whether a repository of a list is one to look in.
    pub(crate) fn takes(&self, list: &RepositoryList, repository: &Repository) -> bool {
        let is_wanted = self.wanted.iter().any(|wanted| match wanted {
            Wanted::Named(_) => false,
            Wanted::Matching(pattern) => list.project.is_none() && pattern.matches(repository),
            Wanted::Project(wanted) => wanted == list,
        });
        is_wanted && !self.excludes(repository)
    }

    fn excludes(&self, repository: &Repository) -> bool {
        self.excluded.iter().any(|pattern| pattern.matches(repository))
    }
}

impl NamePattern {
    fn matches(&self, repository: &Repository) -> bool {
        let options = MatchOptions { case_sensitive: false, ..MatchOptions::default() };
        self.workspace.eq_ignore_ascii_case(&repository.workspace)
            && self.slug.matches_with(&repository.slug, options)
    }
}

fn wanted_repositories(item: &str, variables: &Variables, findings: &mut Findings) -> Option<Wanted> {
    if let Some(key) = item.strip_prefix("project:") {
        let is_key = key.starts_with(|c: char| c.is_ascii_alphabetic())
            && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_key {
            let found = format!("holds {}, and a key has letters, digits and _ only", shown(item));
            let remedy = "copy the key from the project's page in Bitbucket, such as project:APPS";
            findings.problem("REPOSITORIES", found, ACCEPTED, remedy);
            return None;
        }
        let workspace = workspace(variables, findings)?;
        return Some(Wanted::Project(RepositoryList { workspace, project: Some(key.to_owned()) }));
    }
    if !is_glob(item) {
        let (workspace, slug) = literal(item, variables, findings)?;
        return Some(Wanted::Named(Repository { workspace, slug }));
    }
    pattern(item, variables, findings).map(Wanted::Matching)
}

fn excluded_names(item: &str, variables: &Variables, findings: &mut Findings) -> Option<NamePattern> {
    if item.starts_with("project:") {
        findings.problem(
            "REPOSITORIES",
            format!("holds {}, and only names can be left out", shown(&format!("!{item}"))),
            ACCEPTED,
            "name the projects that are wanted, or leave repositories out by a glob such as !legacy-*",
        );
        return None;
    }
    pattern(item, variables, findings)
}

fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The workspace and the slug of one repository.
fn literal(item: &str, variables: &Variables, findings: &mut Findings) -> Option<(String, String)> {
    let (in_item, slug) = match split_address(item) {
        Ok(names) => names,
        Err(reason) => {
            findings.problem(
                "REPOSITORIES",
                format!("holds an item that {}", reason.found),
                ACCEPTED,
                reason.remedy,
            );
            return None;
        }
    };
    let workspace = match in_item {
        Some(workspace) => workspace.to_owned(),
        None => workspace(variables, findings)?,
    };
    if is_name(&workspace) && is_name(slug) {
        return Some((workspace, slug.to_owned()));
    }
    wrong_name(item, findings)
}

fn wrong_name<T>(item: &str, findings: &mut Findings) -> Option<T> {
    findings.problem(
        "REPOSITORIES",
        format!("holds {}, which is not the name of a repository or a glob of names", shown(item)),
        ACCEPTED,
        "copy the name from the repository's address, bitbucket.org/<workspace>/<slug>",
    );
    None
}

fn pattern(item: &str, variables: &Variables, findings: &mut Findings) -> Option<NamePattern> {
    let (workspace, slug) = match item.split_once('/') {
        Some((workspace, slug)) if is_name(workspace) => (workspace.to_owned(), slug),
        Some(_) => return wrong_name(item, findings),
        None => (workspace(variables, findings)?, item),
    };
    let has_names_only = slug.chars().all(|c| c.is_ascii_alphanumeric() || "-_.*?[]!".contains(c));
    match Pattern::new(slug) {
        Ok(slug) if has_names_only && !slug.as_str().is_empty() => Some(NamePattern { workspace, slug }),
        _ => wrong_name(item, findings),
    }
}

fn workspace(variables: &Variables, findings: &mut Findings) -> Option<String> {
    let known = variables.workspace.as_ref().or(variables.bitbucket_workspace.as_ref());
    let name = known.map(|workspace| workspace.trim()).filter(|workspace| is_name(workspace));
    if name.is_none() {
        findings.problem(
            "WORKSPACE",
            known.map_or_else(
                || "is not set, and neither is BITBUCKET_WORKSPACE".to_owned(),
                |workspace| format!("is {}, which is not the id of a workspace", shown(workspace.trim())),
            ),
            "the workspace's id, as in bitbucket.org/<workspace>/<slug>",
            "pass WORKSPACE, or name each repository as workspace/slug",
        );
    }
    name.map(str::to_owned)
}

const FROM_DEFAULT: &str = "open-pull-requests";
const FROM_ACCEPTED: &str = "open-pull-requests, main-branches, or branch:NAME";

fn targets_from(text: Option<&str>, findings: &mut Findings) -> Option<TargetsFrom> {
    let Some(text) = text.map(str::trim) else { return Some(TargetsFrom::OpenPullRequests) };
    let from = match text {
        FROM_DEFAULT => Some(TargetsFrom::OpenPullRequests),
        "main-branches" => Some(TargetsFrom::MainBranches),
        _ => text
            .strip_prefix("branch:")
            .filter(|name| is_branch(name))
            .map(|name| TargetsFrom::Branch(name.to_owned())),
    };
    if from.is_none() {
        let lower = text.to_ascii_lowercase();
        let near = Word::new(&lower).nearest([FROM_DEFAULT, "main-branches"]);
        let remedy = near.map_or_else(
            || {
                "pass one of these; branch:develop stands for the head of develop in each repository"
                    .to_owned()
            },
            |near| format!("did you mean {near}?"),
        );
        findings.problem("TARGETS_FROM", format!("is {}", shown(text)), FROM_ACCEPTED, remedy);
    }
    from
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn search(repositories: &str) -> (Option<TargetSearch>, Findings) {
        let text = |text: &str| Some(text.to_owned());
        let variables = Variables {
            repositories: text(repositories),
            workspace: text("acme"),
            bitbucket_access_token: Some("a-token".into()),
            ..Variables::default()
        };
        let mut findings = Findings::default();
        let keyring = Keyring::from_variables(&variables, Duration::from_secs(1), &mut Findings::default());
        (TargetSearch::from_variables(&variables, &keyring, &mut findings), findings)
    }

    fn repository(name: &str) -> Repository {
        Repository::from_full_name(name).unwrap()
    }

    #[test]
    fn names_globs_projects_and_exclusions_are_read() {
        let (search, findings) = search(
            "api, other/web https://bitbucket.org/acme/till\nservice-* project:APPS !service-9* !till",
        );
        assert_eq!(findings.problems, []);
        let search = search.unwrap();
        let named: Vec<String> = search.named().map(ToString::to_string).collect();
        assert_eq!(named, ["acme/api", "other/web"]);
        let list = |project: Option<&str>| RepositoryList {
            workspace: "acme".to_owned(),
            project: project.map(str::to_owned),
        };
        assert_eq!(search.lists(), [list(None), list(Some("APPS"))]);
        for (name, in_workspace, in_project) in [
            ("acme/service-1", true, true),
            ("acme/Service-2", true, true),
            ("acme/service-91", false, false),
            ("acme/docs", false, true),
            ("acme/till", false, false),
            ("other/service-1", false, true),
        ] {
            assert_eq!(search.takes(&list(None), &repository(name)), in_workspace, "{name}");
            assert_eq!(search.takes(&list(Some("APPS")), &repository(name)), in_project, "{name}");
        }
    }

    #[test]
    fn what_names_no_repository_is_a_problem() {
        for wrong in [
            "!legacy-*",
            ",",
            "project:",
            "project:A-B",
            "!project:A",
            "a/b/c*",
            "[",
            "api*%",
            "*/x*",
            "über",
        ] {
            let (search, findings) = search(wrong);
            assert!(search.is_none() || !findings.problems.is_empty(), "{wrong}");
            assert_eq!(findings.problems[0].variable, "REPOSITORIES", "{wrong}");
        }
    }
}
