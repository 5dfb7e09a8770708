//! What a search for targets left out: where it could not look, and targets that cannot be posted to. Nobody would miss
//! them, so each is a failure of the run. In a list it is an entry with the field `left_out`, which says why.

use std::fmt;

use serde_json::{Map, Value};

use crate::{
    config::{repositories::RepositoryList, target::plain_branch},
    console::text::grouped,
    model::target::{PullRequestId, Repository},
};

/// What is left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub(crate) place: Place,
    /// What became of it, in few words.
    pub(crate) outcome: String,
    pub(crate) reason: String,
    /// The group of the reason on the page of the run.
    pub(crate) advice: Option<u16>,
}

/// What is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    List(RepositoryList),
    Repository(Repository),
    PullRequest(Repository, PullRequestId),
    Branch(Repository, String),
}

/// The field of an entry that is left out.
const LEFT_OUT: &str = "left_out";

impl LeftOut {
    /// Reads an entry of a list. `None` when it has no field `left_out`, or other fields than a search writes.
    pub(crate) fn from_entry(entry: &Map<String, Value>) -> Option<Self> {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).map(str::to_owned);
        let reason = text(LEFT_OUT)?;
        let place = match text("workspace") {
            Some(workspace) => Place::List(RepositoryList { workspace, project: text("project") }),
            None => Place::of_entry(entry)?,
        };
        let left_out =
            Self { place, outcome: "left out when the list was made".to_owned(), reason, advice: None };
        (left_out.entry() == Value::Object(entry.clone())).then_some(left_out)
    }

    /// The entry of a list.
    pub(crate) fn entry(&self) -> Value {
        let slug = |repository: &Repository| ("repo_slug", Value::from(repository.to_string()));
        let mut fields = match &self.place {
            Place::List(RepositoryList { workspace, project: None }) => {
                vec![("workspace", workspace.as_str().into())]
            }
            Place::List(RepositoryList { workspace, project: Some(key) }) => {
                vec![("workspace", workspace.as_str().into()), ("project", key.as_str().into())]
            }
            Place::Repository(repository) => vec![slug(repository)],
            Place::PullRequest(repository, id) => vec![slug(repository), ("pull_request", id.0.into())],
            Place::Branch(repository, branch) => vec![slug(repository), ("branch", branch.as_str().into())],
        };
        fields.push((LEFT_OUT, self.reason.as_str().into()));
        fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect()
    }
}

impl Place {
    /// The repository, the pull request or the branch that an entry of a list names.
    pub(crate) fn of_entry(entry: &Map<String, Value>) -> Option<Self> {
        let text = |field: &str| entry.get(field).and_then(Value::as_str);
        let repository = Repository::from_full_name(text("repo_slug")?)?;
        let id = entry.get("pull_request").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
        Some(match (id, text("branch")) {
            (Some(id), _) => Self::PullRequest(repository, PullRequestId(id)),
            (None, Some(branch)) => Self::Branch(repository, plain_branch(branch).to_owned()),
            (None, None) => Self::Repository(repository),
        })
    }

    pub(crate) fn workspace(&self) -> &str {
        match self {
            Self::List(RepositoryList { workspace, .. }) => workspace,
            Self::Repository(repository) | Self::PullRequest(repository, _) | Self::Branch(repository, _) => {
                &repository.workspace
            }
        }
    }

    /// The slug of the repository; `None` for a list of repositories.
    pub(crate) fn slug(&self) -> Option<&str> {
        match self {
            Self::List(_) => None,
            Self::Repository(repository) | Self::PullRequest(repository, _) | Self::Branch(repository, _) => {
                Some(&repository.slug)
            }
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, reason, .. } = self;
        write!(f, "left out: {place}: {reason}")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(RepositoryList { workspace, project: None }) => {
                write!(f, "all repositories of {workspace}")
            }
            Self::List(RepositoryList { workspace, project: Some(key) }) => {
                write!(f, "the repositories of project {key} of {workspace}")
            }
            Self::Repository(repository) => repository.fmt(f),
            Self::PullRequest(repository, id) => write!(f, "{repository} pull request {id}"),
            Self::Branch(repository, branch) => write!(f, "{repository} branch {branch}"),
        }
    }
}

/// What was left out, for the end of a line: "; 1 list of repositories and 2 repositories could not be read".
pub(crate) fn in_words(left_out: &[LeftOut]) -> String {
    let count = |is_it: fn(&Place) -> bool| left_out.iter().filter(|left_out| is_it(&left_out.place)).count();
    let lists = count(|place| matches!(place, Place::List(_)));
    let repositories = count(|place| matches!(place, Place::Repository(_)));
    let targets = left_out.len() - lists - repositories;
    let words = |number: usize, one: &str, many: &str| match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        number => Some(format!("{} {many}", grouped(number))),
    };
    let unread = [
        words(lists, "list of repositories", "lists of repositories"),
        words(repositories, "repository", "repositories"),
    ];
    let unread: Vec<String> = unread.into_iter().flatten().collect();
    let unread = (!unread.is_empty()).then(|| format!("; {} could not be read", unread.join(" and ")));
    let targets =
        words(targets, "target is left out", "targets are left out").map(|words| format!("; {words}"));
    unread.into_iter().chain(targets).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_out(place: Place) -> LeftOut {
        LeftOut { place, outcome: String::new(), reason: "404".to_owned(), advice: None }
    }

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let repository = || Repository::from_full_name("acme/api").unwrap();
        let list = |project: Option<&str>| {
            Place::List(RepositoryList { workspace: "acme".to_owned(), project: project.map(str::to_owned) })
        };
        let places = [
            list(None),
            list(Some("APPS")),
            Place::Repository(repository()),
            Place::PullRequest(repository(), PullRequestId(7)),
            Place::Branch(repository(), "main".to_owned()),
        ];
        for place in &places {
            let Value::Object(mut entry) = left_out(place.clone()).entry() else { panic!("no object") };
            assert_eq!(LeftOut::from_entry(&entry).map(|read| read.place).as_ref(), Some(place));
            entry.insert("state".to_owned(), "passed".into());
            assert_eq!(LeftOut::from_entry(&entry), None, "it might be meant as a target");
        }
        let all: Vec<LeftOut> = places.into_iter().map(left_out).collect();
        assert_eq!(
            in_words(&all),
            "; 2 lists of repositories and 1 repository could not be read; 2 targets are left out"
        );
        assert_eq!((in_words(&[]).as_str(), in_words(&all[4..]).as_str()), ("", "; 1 target is left out"));
    }
}
