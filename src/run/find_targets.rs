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
        left_out::{LeftOut, Place, in_words},
        placeholders::{FoundTarget, may_hold},
        plan::Planner,
        repositories::{RepositoryList, TargetSearch, TargetsFrom},
        target::FULL_NAME,
        target_list::Targets,
        variables::{Variable, Variables},
    },
    console::{
        foreign::{HIDDEN, shown},
        log::Console,
        text::grouped,
    },
    explain::tell::tell,
    http::deadline::Deadline,
    model::{
        outcome::Outcome,
        target::{CommitHash, PullRequestId, Repository},
    },
    run::{context::Context, progress::Progress, report, summary::refused},
};

/// The targets that were found.
#[derive(Debug)]
pub(crate) struct FoundTargets {
    /// Each entry is one line of JSON: an object like those of `TARGETS`.
    pub(crate) entries: Vec<String>,
    pub(crate) left_out: Vec<LeftOut>,
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
    left_out: Vec<LeftOut>,
    drafts: usize,
    forks: usize,
    /// The number of repositories without a main branch.
    empty: usize,
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
    ///
    /// # Errors
    ///
    /// When there is no repository to look in; that was told.
    pub(crate) async fn find(&self) -> Result<FoundTargets, Outcome> {
        let (repositories, mut left_out) = self.repositories().await;
        let Context { settings, keyring, console, .. } = self.context;
        let progress = Progress::of(repositories.len(), "repositories");
        let looked = stream::iter(repositories.values().enumerate())
            .map(async |(number, (repository, main_branch))| {
                let found = self.look_in(repository, main_branch.as_deref()).await;
                progress.add();
                (number, found)
            })
            .buffer_unordered(settings.concurrency)
            .collect();
        let mut found: Vec<(usize, Result<InRepository, LeftOut>)> =
            progress.tell_during(looked, keyring, String::new, console).await;
        found.sort_unstable_by_key(|(number, _)| *number);
        let mut all = InRepository::default();
        for (_, found) in found {
            match found {
                Ok(mut found) => {
                    left_out.append(&mut found.left_out);
                    all.add(found);
                }
                Err(repository) => left_out.push(repository),
            }
        }
        if repositories.is_empty() && left_out.is_empty() {
            console.failed("REPOSITORIES matches no repository that the credential sees; nothing was posted");
            console.detail("accepted", "names, globs and projects of repositories that exist");
            console.detail("to do", "check them, and what is left out with !; bitbucket.org/<workspace> shows the repositories of a workspace");
            return Err(Outcome::VariablesWrong);
        }
        let asked =
            repositories.values().filter_map(|(repository, _)| keyring.credential_for(repository)).collect();
        self.tell(&all, repositories.len(), &left_out);
        Ok(FoundTargets { entries: all.entries, left_out, asked })
    }

    /// Leaves out what cannot be planned: names in it are of strangers, and one of them must not stop the other targets.
    pub(crate) fn leave_out_unusable(&self, found: &mut FoundTargets, planner: &Planner<'_>) {
        let console = self.context.console;
        let problems = |list: &str| Targets::problems_of_found(list, self.variables, planner);
        // Most lists are fine as a whole.
        if problems(&found.to_json()).is_empty() {
            return;
        }
        let left_out = &mut found.left_out;
        found.entries.retain(|entry| {
            let fields: Map<String, Value> = serde_json::from_str(entry).unwrap_or_default();
            let is_of_entry = |(field, _): &(String, String)| fields.contains_key(field);
            let Some((field, why)) = problems(&format!("[{entry}]")).into_iter().find(is_of_entry) else {
                return true;
            };
            let reason = format!("{} {why}", field.to_ascii_uppercase());
            let place = Place::of_entry(&fields);
            left_out.extend(place.map(|place| self.leave_out(place, console.clean(&reason))));
            false
        });
    }

    fn tell(
        &self,
        InRepository { entries, drafts, forks, empty, .. }: &InRepository,
        repositories: usize,
        left_out: &[LeftOut],
    ) {
        let thing = match self.search.from {
            TargetsFrom::OpenPullRequests => ("open pull request", "open pull requests"),
            TargetsFrom::MainBranches => ("main branch", "main branches"),
            TargetsFrom::Branch(_) => ("branch", "branches"),
        };
        let counted = |number: usize, (one, many): (&str, &str)| {
            format!("{} {}", grouped(number), if number == 1 { one } else { many })
        };
        let among = |number: usize, words: (&str, &str)| {
            if number == 0 { String::new() } else { format!(", {}", counted(number, words)) }
        };
        self.context.console.line(format_args!(
            "found {} in {}{}{}{}{}",
            counted(entries.len(), thing),
            counted(repositories, ("repository", "repositories")),
            among(*drafts, ("draft", "drafts")),
            among(*forks, ("from a fork", "from forks")),
            among(*empty, ("repository has no branch yet", "repositories have no branch yet")),
            in_words(left_out),
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
    async fn repositories(&self) -> (Repositories, Vec<LeftOut>) {
        let named = self.search.named().map(|repository| (repository.clone(), None));
        let mut repositories: Repositories = named.map(by_name).collect();
        let mut left_out = Vec::new();
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
                Err(list) => left_out.push(list),
            }
        }
        (repositories, left_out)
    }

    async fn list(&self, list: &RepositoryList) -> Result<Vec<ListedRepository>, LeftOut> {
        let Context { keyring, console, settings, .. } = self.context;
        let place = || Place::List(list.clone());
        let Some(credential) = keyring.common() else {
            return Err(without_credential(place(), console));
        };
        let deadline = Deadline::after(settings.timeout);
        let bitbucket = self.context.bitbucket(credential, console, &deadline);
        let RepositoryList { workspace, project } = list;
        bitbucket
            .list_repositories(workspace, project.as_deref())
            .await
            .map_err(|refusal| self.refused(&refusal, place()))
    }

    async fn look_in(
        &self,
        repository: &Repository,
        main_branch: Option<&str>,
    ) -> Result<InRepository, LeftOut> {
        let Context { keyring, console, settings, .. } = self.context;
        let Some(credential) = keyring.credential_for(repository) else {
            return Err(without_credential(Place::Repository(repository.clone()), console));
        };
        let deadline = Deadline::after(settings.timeout);
        let bitbucket = self.context.bitbucket(&credential, console, &deadline);
        let refused = |refusal: Box<Refusal>| self.refused(&refusal, Place::Repository(repository.clone()));
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
                Ok(InRepository { entries, empty: usize::from(asked.is_none()), ..InRepository::default() })
            }
            TargetsFrom::Branch(branch) => {
                let entries = vec![self.branch(repository, branch)];
                Ok(InRepository { entries, ..InRepository::default() })
            }
        }
    }

    fn refused(&self, refusal: &Refusal, place: Place) -> LeftOut {
        let Context { advice, console, .. } = self.context;
        // The first refusal of each kind is told in full.
        tell(refusal, &console.about_one_of_many());
        LeftOut {
            place,
            outcome: refused("not read", refusal),
            reason: console.clean(&report::reason(refusal)),
            advice: advice.and_then(|advice| advice.of_refusal(refusal, console)),
        }
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
            if [branch, destination].into_iter().any(|name| name.contains(HIDDEN)) {
                found.left_out.push(self.hidden(Place::PullRequest(repository.clone(), *id)));
                continue;
            }
            found.drafts += usize::from(*is_draft);
            let target =
                FoundTarget { repository, pull_request: Some(*id), branch, destination: Some(destination) };
            let mut entry = Map::new();
            entry.insert("repo_slug".to_owned(), repository.to_string().into());
            entry.insert("pull_request".to_owned(), id.0.into());
            if source.is_same(repository) {
                // Nothing is left to look up.
                entry.insert("commit".to_owned(), commit.as_str().into());
                entry.insert("branch".to_owned(), exactly(branch).into());
            } else {
                found.forks += 1;
            }
            self.fill(&mut entry, &target);
            found.entries.push(Value::Object(entry).to_string());
        }
        found
    }

    /// A target whose branch is not known: a part of its name was hidden when the list was read.
    fn hidden(&self, place: Place) -> LeftOut {
        let reason = "the name of its branch holds what looks like a secret, which Gatepost does not send";
        self.leave_out(place, reason.to_owned())
    }

    /// Tells that a target cannot be posted to.
    fn leave_out(&self, place: Place, reason: String) -> LeftOut {
        let left_out = LeftOut { place, outcome: "not posted".to_owned(), reason, advice: None };
        self.context.console.failed(&left_out);
        left_out
    }

    fn branch(&self, repository: &Repository, branch: &str) -> String {
        let target = FoundTarget { repository, pull_request: None, branch, destination: None };
        let mut entry = Map::new();
        entry.insert("repo_slug".to_owned(), repository.to_string().into());
        entry.insert("branch".to_owned(), exactly(branch).into());
        self.fill(&mut entry, &target);
        Value::Object(entry).to_string()
    }

    /// Adds the variables that have placeholders, with their values for the target, and what SonarQube is asked for.
    fn fill(&self, entry: &mut Map<String, Value>, target: &FoundTarget<'_>) {
        let may_hold = |(variable, _): &(&Variable, &str)| may_hold(variable);
        let filled = self.variables.texts().filter(may_hold).filter_map(|(variable, text)| {
            target.fill(variable.field, text).map(|filled| (variable.field, filled))
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

impl InRepository {
    fn add(&mut self, mut other: Self) {
        self.entries.append(&mut other.entries);
        self.drafts += other.drafts;
        self.forks += other.forks;
        self.empty += other.empty;
    }
}

impl FoundTargets {
    /// The targets as JSON, each on a line of its own.
    pub(crate) fn to_json(&self) -> String {
        json_lines(&self.entries)
    }

    /// Writes the targets and what is left out to a file, or prints them. The run that takes the list reports what is left
    /// out, so that one repository does not keep the steps that follow from the others.
    pub(crate) fn write(&self, file: Option<&Path>, console: &Console) -> Outcome {
        let left_out = self.left_out.iter().map(|left_out| left_out.entry().to_string());
        let list = json_lines(&self.entries.iter().cloned().chain(left_out).collect::<Vec<_>>());
        let has_failed = self.entries.is_empty() && !self.left_out.is_empty();
        let outcome = if has_failed { Outcome::BitbucketFailed } else { Outcome::Done };
        let Some(path) = file else {
            for line in list.lines() {
                console.line(line);
            }
            return outcome;
        };
        let name = shown(&path.to_string_lossy());
        match fs::write(path, list) {
            Ok(()) => {
                if !self.left_out.is_empty() {
                    console.warning("the list says what is left out: the run that takes it reports that, and ends with exit code 4");
                }
                let line = format!("wrote {name}: pass it on as TARGETS_FILE{}", in_words(&self.left_out));
                if has_failed {
                    console.failed(line);
                } else {
                    console.done(line);
                }
                outcome
            }
            Err(error) => {
                console.failed(format_args!(
                    "the targets are not written: RESULT_FILE names {name}, which cannot be written: {error}"
                ));
                console.detail("to do", "pass a path below the pipe's working directory, or for the image run by hand one below a mounted volume");
                Outcome::VariablesWrong
            }
        }
    }
}

/// The branch of this name, whatever the name is: `origin/x` and `null` are names, too.
fn exactly(branch: &str) -> String {
    format!("{FULL_NAME}{branch}")
}

fn json_lines(entries: &[String]) -> String {
    if entries.is_empty() { "[]\n".to_owned() } else { format!("[\n{}\n]\n", entries.join(",\n")) }
}

fn without_credential(place: Place, console: &Console) -> LeftOut {
    console.failed(format_args!(
        "failed to look in {place}: it has no entry in BITBUCKET_ACCESS_TOKENS, and there is no other credential"
    ));
    console.detail(
        "to do",
        "add its token to BITBUCKET_ACCESS_TOKENS, pass a token of the workspace as BITBUCKET_ACCESS_TOKEN, or leave it out of REPOSITORIES",
    );
    let reason = format!("there is no credential for {place}");
    LeftOut { place, outcome: "not read: there is no credential for it".to_owned(), reason, advice: None }
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
        let context = Context::over(&transport, &settings, &keyring, &console);
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
            prop_assert_eq!(&entry["branch"], &exactly(&branch));
            let others = ["repo_slug", "pull_request", "commit", "branch", "key", "name", "sonar_project_key", "url", "sonar_pull_request"];
            prop_assert!(entry.keys().all(|field| others.contains(&field.as_str())), "{:?}", entry);
        }
    }
}
