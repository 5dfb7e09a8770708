//! Where a run looks for its targets: `REPOSITORIES` names the repositories, `TARGETS_FROM` says what is a target in them.

use glob::{MatchOptions, Pattern};

use crate::{
    config::{
        findings::Findings,
        keyring::Keyring,
        near_miss::Word,
        parse::flag,
        placeholders,
        repository::{is_uuid, split_address},
        target::is_branch,
        variables::Variables,
    },
    console::foreign::{holds_credential, shown},
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
            // The default comes from pipe.yml. An empty REPOSITORIES is a problem of its own.
            let from = variables.targets_from.as_ref().filter(|_| !findings.is_wrong("REPOSITORIES"));
            if let Some(from) = from.filter(|from| from.trim() != FROM_DEFAULT) {
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
        let (mut wanted, mut excluded, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
        for item in text.split(|c: char| c == ',' || c.is_whitespace()).filter(|item| !item.is_empty()) {
            let read = match item.strip_prefix('!') {
                Some(name) => excluded_names(name, variables, findings).map(|names| excluded.extend(names)),
                None => wanted_repositories(item, variables, findings).map(|names| wanted.extend(names)),
            };
            wrong.extend(read.err().map(|why| why.of(item, text)));
        }
        report_wrong(wrong, findings);
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

/// Why an item of the list cannot be used.
struct WrongItem {
    /// What it is, to complete "holds ..., "; nothing after a problem of another variable.
    found: Option<String>,
    remedy: &'static str,
}

impl WrongItem {
    /// Another variable is wrong, and was reported.
    const OF_OTHER: Self = Self { found: None, remedy: "" };

    fn new(found: impl Into<String>, remedy: &'static str) -> Self {
        Self { found: Some(found.into()), remedy }
    }

    /// What is wrong with the list, and what to do. A part of an address that holds a password is not shown: alone, nothing
    /// says that it is one.
    fn of(self, item: &str, list: &str) -> (Option<String>, &'static str) {
        let item = if holds_credential(list) { "an item".to_owned() } else { shown(item) };
        (self.found.map(|found| format!("holds {item}, {found}")), self.remedy)
    }
}

/// Reports all wrong items together.
fn report_wrong(wrong: Vec<(Option<String>, &str)>, findings: &mut Findings) {
    let (mut all, mut remedies) = (Vec::new(), Vec::new());
    for (found, remedy) in wrong {
        let Some(found) = found else { continue };
        all.push(found);
        if !remedies.contains(&remedy) {
            remedies.push(remedy);
        }
    }
    if !all.is_empty() {
        findings.problem("REPOSITORIES", all.join("; it "), ACCEPTED, remedies.join("; "));
    }
}

fn wanted_repositories(
    item: &str,
    variables: &Variables,
    findings: &mut Findings,
) -> Result<Option<Wanted>, WrongItem> {
    if let Some(key) = item.strip_prefix("project:") {
        let is_key = key.starts_with(|c: char| c.is_ascii_alphabetic())
            && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_key {
            return Err(WrongItem::new(
                "and the key of a project has letters, digits and _ only",
                "copy the key from the project's page in Bitbucket, such as project:APPS",
            ));
        }
        let workspace = workspace(variables, findings)?;
        return Ok(Some(Wanted::Project(RepositoryList { workspace, project: Some(key.to_owned()) })));
    }
    if !is_glob(item) {
        let (workspace, slug) = literal(item, variables, findings)?;
        return Ok(Some(Wanted::Named(Repository { workspace, slug })));
    }
    pattern(item, variables, findings).map(Wanted::Matching).map(Some)
}

fn excluded_names(
    item: &str,
    variables: &Variables,
    findings: &mut Findings,
) -> Result<Option<NamePattern>, WrongItem> {
    if item.is_empty() {
        return Err(WrongItem::new(
            "which names nothing to leave out",
            "write what is left out directly after the !, such as !legacy-*",
        ));
    }
    if item.starts_with("project:") {
        return Err(WrongItem::new(
            "and only names can be left out",
            "name the projects that are wanted, or leave repositories out by a glob such as !legacy-*",
        ));
    }
    pattern(item, variables, findings).map(Some)
}

fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The workspace and the slug of one repository.
fn literal(
    item: &str,
    variables: &Variables,
    findings: &mut Findings,
) -> Result<(String, String), WrongItem> {
    let (in_item, slug) = split_address(item)
        .map_err(|reason| WrongItem::new(format!("which {}", reason.found), reason.remedy))?;
    let workspace = match in_item {
        Some(workspace) => workspace.to_owned(),
        None => workspace(variables, findings)?,
    };
    if is_id(&workspace) && is_name(slug) { Ok((workspace, slug.to_owned())) } else { Err(wrong_name()) }
}

fn wrong_name() -> WrongItem {
    WrongItem::new(
        "which is not the name of a repository or a glob of names",
        "copy the name from the repository's address, bitbucket.org/<workspace>/<slug>",
    )
}

fn pattern(item: &str, variables: &Variables, findings: &mut Findings) -> Result<NamePattern, WrongItem> {
    let (workspace, slug) = match item.split_once('/') {
        Some((workspace, slug)) if is_id(workspace) => (workspace.to_owned(), slug),
        Some(_) => return Err(wrong_name()),
        None => (workspace(variables, findings)?, item),
    };
    let has_names_only = slug.chars().all(|c| c.is_ascii_alphanumeric() || "-_.*?[]!".contains(c));
    if slug.is_empty() || !has_names_only {
        return Err(wrong_name());
    }
    if slug.contains("**") {
        return Err(WrongItem::new(
            "and ** stands for folders, which the name of a repository does not have",
            "write one *: it stands for any number of characters",
        ));
    }
    Pattern::new(slug).map(|slug| NamePattern { workspace, slug }).map_err(|error| {
        WrongItem::new(
            format!("which is not a glob: {}", error.msg),
            "correct the glob, or name each repository",
        )
    })
}

fn workspace(variables: &Variables, findings: &mut Findings) -> Result<String, WrongItem> {
    let known = variables.workspace.as_ref().or(variables.bitbucket_workspace.as_ref());
    let name = known.map(|workspace| workspace.trim()).filter(|workspace| is_id(workspace));
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
    name.map(str::to_owned).ok_or(WrongItem::OF_OTHER)
}

/// Whether the text may be the id of a workspace. Bitbucket's lists name workspaces by their ids, so a UUID would match nothing.
fn is_id(workspace: &str) -> bool {
    is_name(workspace) && !workspace.starts_with('{') && !is_uuid(workspace)
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
    fn every_wrong_item_is_told() {
        let (_, findings) = search("service-** project:* ! api");
        let [problem] = &findings.problems[..] else { panic!("{findings:?}") };
        assert_eq!(
            problem.found,
            "holds \"service-**\", and ** stands for folders, which the name of a repository does not have; \
             it holds \"project:*\", and the key of a project has letters, digits and _ only; \
             it holds \"!\", which names nothing to leave out"
        );
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
            "service-**",
            "!",
            "api !",
        ] {
            let (search, findings) = search(wrong);
            assert!(search.is_none() || !findings.problems.is_empty(), "{wrong}");
            assert_eq!(findings.problems[0].variable, "REPOSITORIES", "{wrong}");
        }
    }
}
