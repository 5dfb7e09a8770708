//! Finds the targets of a run: the repositories of `REPOSITORIES`, and the open pull requests or branches in them. What is
//! found becomes a list like that of `TARGETS`, whose entries say everything that is known.

use std::{collections::BTreeMap, fs, path::Path, rc::Rc};

use futures_util::{StreamExt as _, stream};
use serde_json::{Map, Value};

use crate::{
    bitbucket::{
        credential::Credential,
        lists::{ListedPullRequest, ListedRepository},
        refusal::Refusal,
    },
    config::{
        placeholders::{FoundTarget, may_hold},
        plan::PlanTarget,
        repositories::{RepositoryList, TargetSearch, TargetsFrom},
        target_list::Targets,
        variables::Variables,
    },
    console::{foreign::shown, log::Console},
    explain::tell::tell,
    http::deadline::Deadline,
    model::{
        outcome::Outcome,
        target::{CommitHash, PullRequestId, Repository},
    },
    run::context::Context,
};

/// The targets that were found.
#[derive(Debug)]
pub(crate) struct FoundTargets {
    /// Each entry is one line of JSON: an object like those of `TARGETS`.
    pub(crate) entries: Vec<String>,
    pub(crate) search: SearchResult,
}

/// What became of a search.
#[derive(Debug)]
pub(crate) struct SearchResult {
    /// `Done`, or what became of a repository or a list that could not be read; `VariablesWrong` when nothing was found to
    /// look in.
    pub(crate) outcome: Outcome,
    /// The credential of each repository that was looked in. Each took one request at least.
    pub(crate) asked: Vec<Rc<Credential>>,
}

/// Looks for targets.
#[derive(Debug)]
pub(crate) struct TargetFinder<'a> {
    context: Context<'a>,
    search: &'a TargetSearch,
    variables: &'a Variables,
}

/// What was found in one repository.
#[derive(Debug, Default)]
struct InRepository {
    entries: Vec<String>,
    drafts: usize,
    forks: usize,
}

/// Repositories by their names in lower case, with the main branch if a list tells it.
type Repositories = BTreeMap<String, (Repository, Option<String>)>;

impl<'a> TargetFinder<'a> {
    pub(crate) const fn new(
        context: Context<'a>,
        search: &'a TargetSearch,
        variables: &'a Variables,
    ) -> Self {
        Self { context, search, variables }
    }

    /// Finds the targets. A list or a repository that cannot be read is told, and the others are read.
    pub(crate) async fn find(&self) -> FoundTargets {
        let (repositories, mut outcome) = self.repositories().await;
        let looked = stream::iter(repositories.values().enumerate())
            .map(|(number, (repository, main_branch))| async move {
                (number, self.look_in(repository, main_branch.as_deref()).await)
            })
            .buffer_unordered(self.context.settings.concurrency);
        let mut found: Vec<(usize, Result<InRepository, Outcome>)> = looked.collect().await;
        found.sort_unstable_by_key(|(number, _)| *number);
        let mut all = InRepository::default();
        let mut unread = 0;
        for (_, found) in found {
            match found {
                Ok(found) => all.add(found),
                Err(refused) => {
                    outcome = outcome.worse(refused);
                    unread += 1;
                }
            }
        }
        if repositories.is_empty() && outcome == Outcome::Done {
            let console = self.context.console;
            console.failed("REPOSITORIES matches no repository that the credential sees; nothing was posted");
            console.detail("accepted", "names, globs and projects of repositories that exist");
            console.detail("to do", "check them, and what is left out with !; bitbucket.org/<workspace> shows the repositories of a workspace");
            outcome = Outcome::VariablesWrong;
        } else {
            self.tell(&all, repositories.len(), unread);
        }
        let keyring = self.context.keyring;
        let asked =
            repositories.values().filter_map(|(repository, _)| keyring.credential_for(repository)).collect();
        FoundTargets { entries: all.entries, search: SearchResult { outcome, asked } }
    }

    /// Leaves out what cannot be planned: names in it are of strangers, and one of them must not stop the other targets.
    pub(crate) fn leave_out_unusable<T: PlanTarget>(&self, found: &mut FoundTargets) {
        let Context { keyring, console, .. } = self.context;
        let before = found.entries.len();
        found.entries.retain(|entry| {
            let why = Targets::<T>::refusal_of_found(entry, self.variables, keyring, console);
            if let Some(why) = &why {
                console.failed(format_args!("{} is left out: {why}", target_of(entry)));
            }
            why.is_none()
        });
        if found.entries.len() < before {
            found.search.outcome = found.search.outcome.worse(Outcome::BitbucketFailed);
        }
    }

    fn tell(
        &self,
        InRepository { entries, drafts, forks }: &InRepository,
        repositories: usize,
        unread: usize,
    ) {
        let thing = match self.search.from {
            TargetsFrom::OpenPullRequests => ("open pull request", "open pull requests"),
            TargetsFrom::MainBranches => ("main branch", "main branches"),
            TargetsFrom::Branch(_) => ("branch", "branches"),
        };
        let counted = |number: usize, (one, many): (&str, &str)| {
            format!("{number} {}", if number == 1 { one } else { many })
        };
        let among = |number: usize, words: (&str, &str)| {
            if number == 0 { String::new() } else { format!(", {}", counted(number, words)) }
        };
        self.context.console.line(format_args!(
            "found {} in {}{}{}{}",
            counted(entries.len(), thing),
            counted(repositories, ("repository", "repositories")),
            among(*drafts, ("draft", "drafts")),
            among(*forks, ("from a fork", "from forks")),
            among(unread, ("repository could not be read", "repositories could not be read")),
        ));
    }

    /// An entry that might be found: it shows whether the variables of the run are right.
    pub(crate) fn example(&self) -> String {
        let repository = self.search.example();
        match &self.search.from {
            TargetsFrom::OpenPullRequests => {
                let pull_request = ListedPullRequest {
                    id: PullRequestId(1),
                    is_draft: false,
                    source: Some(repository.clone()),
                    branch: "branch".to_owned(),
                    commit: CommitHash::parse("0000000000000000000000000000000000000000"),
                    destination: "main".to_owned(),
                };
                self.pull_requests(&repository, &[pull_request]).entries.concat()
            }
            TargetsFrom::MainBranches => self.branch(&repository, "main"),
            TargetsFrom::Branch(branch) => self.branch(&repository, branch),
        }
    }

    /// The repositories to look in, each once.
    async fn repositories(&self) -> (Repositories, Outcome) {
        let named = self.search.named().map(|repository| (repository.clone(), None));
        let mut repositories: Repositories = named.map(by_name).collect();
        let mut outcome = Outcome::Done;
        let lists = self.search.lists();
        let asked = stream::iter(&lists)
            .map(|list| async move { (list, self.list(list).await) })
            .buffer_unordered(self.context.settings.concurrency);
        let listed: Vec<_> = asked.collect().await;
        for (list, listed) in listed {
            match listed {
                Ok(listed) => {
                    let taken =
                        listed.into_iter().filter(|listed| self.search.takes(list, &listed.repository));
                    let taken =
                        taken.map(|ListedRepository { repository, main_branch }| (repository, main_branch));
                    repositories.extend(taken.map(by_name));
                }
                Err(refused) => outcome = outcome.worse(refused),
            }
        }
        (repositories, outcome)
    }

    async fn list(&self, list: &RepositoryList) -> Result<Vec<ListedRepository>, Outcome> {
        let Context { keyring, console, settings, .. } = self.context;
        let Some(credential) = keyring.common() else { return Err(Outcome::BitbucketFailed) };
        let deadline = Deadline::after(settings.timeout);
        let bitbucket = self.context.bitbucket(credential, console, &deadline);
        let RepositoryList { workspace, project } = list;
        bitbucket
            .list_repositories(workspace, project.as_deref())
            .await
            .map_err(|refusal| self.refused(&refusal))
    }

    async fn look_in(
        &self,
        repository: &Repository,
        main_branch: Option<&str>,
    ) -> Result<InRepository, Outcome> {
        let Context { keyring, console, settings, .. } = self.context;
        let Some(credential) = keyring.credential_for(repository) else {
            console.failed(format_args!(
                "failed to look in {repository}: it has no entry in BITBUCKET_ACCESS_TOKENS, and there is no other credential"
            ));
            return Err(Outcome::BitbucketFailed);
        };
        let deadline = Deadline::after(settings.timeout);
        let bitbucket = self.context.bitbucket(&credential, console, &deadline);
        let refused = |refusal: Box<Refusal>| self.refused(&refusal);
        match &self.search.from {
            TargetsFrom::OpenPullRequests => {
                let listed = bitbucket.open_pull_requests(repository).await.map_err(refused)?;
                Ok(self.pull_requests(repository, &listed))
            }
            TargetsFrom::MainBranches => {
                let asked = match main_branch {
                    None => bitbucket.main_branch(repository).await.map_err(refused)?,
                    Some(known) => Some(known.to_owned()),
                };
                let entries = asked.iter().map(|branch| self.branch(repository, branch)).collect();
                Ok(InRepository { entries, ..InRepository::default() })
            }
            TargetsFrom::Branch(branch) => {
                let entries = vec![self.branch(repository, branch)];
                Ok(InRepository { entries, ..InRepository::default() })
            }
        }
    }

    fn refused(&self, refusal: &Refusal) -> Outcome {
        tell(refusal, self.context.console);
        Outcome::BitbucketFailed
    }

    fn pull_requests(&self, repository: &Repository, listed: &[ListedPullRequest]) -> InRepository {
        let mut found = InRepository::default();
        for pull_request in listed {
            let ListedPullRequest { id, is_draft, source, branch, commit, destination } = pull_request;
            let (Some(source), Some(commit)) = (source, commit) else {
                self.context.console.warning(format_args!(
                    "pull request {id} of {repository} is left out: its source branch or fork was deleted"
                ));
                continue;
            };
            found.drafts += usize::from(*is_draft);
            let target =
                FoundTarget { repository, pull_request: Some(*id), branch, destination: Some(destination) };
            let mut entry = Map::new();
            entry.insert("repo_slug".to_owned(), repository.to_string().into());
            entry.insert("pull_request".to_owned(), id.0.into());
            if source.is_same(repository) {
                // Nothing is left to look up.
                entry.insert("commit".to_owned(), commit.as_str().into());
                entry.insert("branch".to_owned(), branch.as_str().into());
            } else {
                found.forks += 1;
            }
            self.fill(&mut entry, &target);
            found.entries.push(Value::Object(entry).to_string());
        }
        found
    }

    fn branch(&self, repository: &Repository, branch: &str) -> String {
        let target = FoundTarget { repository, pull_request: None, branch, destination: None };
        let mut entry = Map::new();
        entry.insert("repo_slug".to_owned(), repository.to_string().into());
        entry.insert("branch".to_owned(), branch.into());
        self.fill(&mut entry, &target);
        Value::Object(entry).to_string()
    }

    /// Adds the variables that have placeholders, with their values for the target, and what SonarQube is asked for.
    fn fill(&self, entry: &mut Map<String, Value>, target: &FoundTarget<'_>) {
        let filled = Variables::ALL.iter().filter(|variable| may_hold(variable)).filter_map(|variable| {
            let text = self.variables.text(variable.field)?;
            target.fill(text).map(|filled| (variable.field, filled))
        });
        for (field, text) in filled {
            entry.insert(field.to_owned(), text.into());
        }
        let names_project =
            ["sonar_project_key", "sonar_report_task"].into_iter().any(|field| entry.contains_key(field));
        // An entry with a project of its own takes no state from the run, unless it says so itself.
        if let Some(state) =
            self.variables.state.as_deref().filter(|_| names_project && !entry.contains_key("state"))
        {
            entry.insert("state".to_owned(), state.into());
        }
        let has_subject =
            self.variables.sonar_pull_request.is_some() || self.variables.sonar_branch.is_some();
        if self.variables.sonar_project_key.is_some() && self.variables.state.is_none() && !has_subject {
            if let Some(id) = target.pull_request {
                entry.insert("sonar_pull_request".to_owned(), id.0.into());
            } else if matches!(self.search.from, TargetsFrom::Branch(_)) {
                entry.insert("sonar_branch".to_owned(), target.branch.into());
            }
        }
    }
}

impl SearchResult {
    /// Of a run that looks for nothing.
    pub(crate) const NONE: Self = Self { outcome: Outcome::Done, asked: Vec::new() };
}

impl InRepository {
    fn add(&mut self, mut other: Self) {
        self.entries.append(&mut other.entries);
        self.drafts += other.drafts;
        self.forks += other.forks;
    }
}

impl FoundTargets {
    /// The list as JSON, each target on a line of its own.
    pub(crate) fn to_json(&self) -> String {
        if self.entries.is_empty() {
            "[]\n".to_owned()
        } else {
            format!("[\n{}\n]\n", self.entries.join(",\n"))
        }
    }

    /// Writes the list to a file, or prints it. Returns what became of the search and of the file.
    pub(crate) fn write(&self, file: Option<&Path>, console: &Console) -> Outcome {
        let Some(path) = file else {
            for line in self.to_json().lines() {
                console.line(line);
            }
            return self.search.outcome;
        };
        let name = shown(&path.to_string_lossy());
        match fs::write(path, self.to_json()) {
            Ok(()) => {
                console.done(format_args!("wrote {name}: pass it on as TARGETS_FILE"));
                self.search.outcome
            }
            Err(error) => {
                console.failed(format_args!(
                    "the targets are not written: RESULT_FILE names {name}, which cannot be written: {error}"
                ));
                console.detail("to do", "pass a path below the pipe's working directory, or for the image run by hand one below a mounted volume");
                self.search.outcome.worse(Outcome::VariablesWrong)
            }
        }
    }
}

/// The target of an entry in words.
fn target_of(entry: &str) -> String {
    let entry: Value = serde_json::from_str(entry).unwrap_or_default();
    let repository = entry["repo_slug"].as_str().unwrap_or_default();
    match entry["pull_request"].as_u64() {
        Some(id) => format!("pull request {id} of {repository}"),
        None => format!("branch {} of {repository}", shown(entry["branch"].as_str().unwrap_or_default())),
    }
}

fn by_name(
    (repository, main_branch): (Repository, Option<String>),
) -> (String, (Repository, Option<String>)) {
    (repository.to_string().to_ascii_lowercase(), (repository, main_branch))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        config::{findings::Findings, keyring::Keyring, settings::Settings},
        http::transport::Transport,
    };

    /// What becomes of a pull request of `acme/api` with these branches, and with these variables.
    fn entry(texts: &[String; 4], branch: &str, destination: &str) -> Map<String, Value> {
        let text = |at: usize| Some(texts[at].clone());
        let variables = Variables {
            repositories: Some("acme/api".to_owned()),
            bitbucket_access_token: Some("a-token".into()),
            key: text(0),
            name: text(1),
            sonar_project_key: text(2),
            url: text(3),
            ..Variables::default()
        };
        let mut findings = Findings::default();
        let settings = Settings::from_variables(&variables, &mut findings).unwrap();
        let keyring = Keyring::from_variables(&variables, settings.timeout, &mut findings);
        let search = TargetSearch::from_variables(&variables, &keyring, &mut findings).unwrap();
        let transport = Transport::new([], settings.proxies.clone(), 1).unwrap();
        let console = Console::new(Box::new(std::io::sink()));
        let context = Context {
            settings: &settings,
            keyring: &keyring,
            transport: &transport,
            sonarqube_transport: &transport,
            pipelines_proxy: None,
            advice: None,
            console: &console,
        };
        let repository = Repository::from_full_name("acme/api").unwrap();
        let pull_request = ListedPullRequest {
            id: PullRequestId(7),
            is_draft: false,
            source: Some(repository.clone()),
            branch: branch.to_owned(),
            commit: CommitHash::parse("8d081548cabb"),
            destination: destination.to_owned(),
        };
        let finder = TargetFinder::new(context, &search, &variables);
        let found = finder.pull_requests(&repository, &[pull_request]);
        serde_json::from_str(&found.entries[0]).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Whatever a placeholder stands for, the status goes to the commit that was found.
        #[test]
        fn a_placeholder_never_leads_to_another_target(
            texts in prop::array::uniform4("[a-z{}\",:/]{0,8}(\\{(workspace|repo_slug|pull_request|branch|destination)\\}){0,2}"),
            branch in "[a-z{}\",:/\\\\]{1,20}", destination in "(\",\"repo_slug\":\"acme/web)?[a-z{}]{1,9}",
        ) {
            let entry = entry(&texts, &branch, &destination);
            prop_assert_eq!(&entry["repo_slug"], "acme/api");
            prop_assert_eq!(&entry["pull_request"], 7);
            prop_assert_eq!(&entry["commit"], "8d081548cabb");
            prop_assert_eq!(&entry["branch"], &branch);
            let others = ["repo_slug", "pull_request", "commit", "branch", "key", "name", "sonar_project_key", "url", "sonar_pull_request"];
            prop_assert!(entry.keys().all(|field| others.contains(&field.as_str())), "{:?}", entry);
        }
    }
}
