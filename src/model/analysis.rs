//! What an analysis of SonarQube is about.

use reqwest::Url;

use crate::{
    console::text::one_line,
    model::target::{CommitHash, Repository, Target},
};

/// The address of a SonarQube, and where the run has it from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerAddress {
    pub(crate) url: Url,
    pub(crate) origin: AddressOrigin,
    /// `serverUrl` of report-task.txt, when another address is used.
    pub(crate) reported: Option<Url>,
}

/// Where the address of a SonarQube comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressOrigin {
    /// `SONAR_HOST_URL`.
    Variable,
    /// `serverUrl` of report-task.txt.
    File,
    /// Nothing names it: it is SonarQube Cloud.
    Default,
}

/// What an analysis is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject {
    /// By SonarQube's name for the pull request.
    PullRequest(String),
    Branch(String),
    Main,
}

/// What a status is for, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// By its number, or by the name that a pipeline gives it.
    pub(crate) pull_request: Option<String>,
    pub(crate) branch: Option<String>,
    pub(crate) commit: Option<CommitHash>,
    /// Whether the pull request comes from a fork: its branch is another one than that of the same name in the project.
    pub(crate) is_of_fork: bool,
}

/// Whether an analysis is about what a status is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// It is, or nothing is known to compare.
    Same,
    /// It is of the main branch, and the status is for something else. Editions that know no other branch have no
    /// other analysis.
    MainBranch,
    /// It is of another pull request, branch or commit.
    Other,
}

impl Subject {
    pub(crate) fn words(&self) -> String {
        match self {
            Self::PullRequest(id) => format!("pull request {id}"),
            Self::Branch(branch) => format!("branch {branch}"),
            Self::Main => "main branch".to_owned(),
        }
    }

    /// The same with an article, within a sentence.
    pub(crate) fn in_sentence(&self) -> String {
        match self {
            Self::Main => "the main branch".to_owned(),
            Self::PullRequest(_) | Self::Branch(_) => self.words(),
        }
    }

    /// Reads the address of a dashboard: `…/dashboard?id=<key>&pullRequest=<id>`. `None` when it does not tell, or when it
    /// is of another project. Names are on one line, as they are in SonarQube's answers.
    pub(crate) fn of_dashboard(address: &str, project: Option<&str>) -> Option<Self> {
        let url = Url::parse(address).ok()?;
        let value = |wanted: &str| {
            url.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| one_line(&value))
        };
        let is_of_it = |id: &str| !id.is_empty() && project.is_none_or(|project| id == project);
        let _ = value("id").filter(|id| is_of_it(id))?;
        let subject = match (value("pullRequest"), value("branch")) {
            (Some(id), _) => Self::PullRequest(id),
            (None, Some(branch)) => Self::Branch(branch),
            (None, None) => Self::Main,
        };
        subject.is_named().then_some(subject)
    }

    fn is_named(&self) -> bool {
        match self {
            Self::PullRequest(name) | Self::Branch(name) => !name.trim().is_empty(),
            Self::Main => true,
        }
    }

    /// Whether both are the same pull request or branch. Other systems write `PR-7` for pull request 7.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::PullRequest(id), Self::PullRequest(other)) => number(id) == number(other),
            _ => self == other,
        }
    }

    /// Compares what was analysed with what a status is for. `main_branch` is the name of the main branch, if it is known.
    pub(crate) fn compare(&self, wanted: &Wanted, main_branch: Option<&str>) -> Comparison {
        let Wanted { pull_request, branch, is_of_fork, .. } = wanted;
        let is_same = match (self, pull_request, branch) {
            (_, None, None) => true,
            (Self::PullRequest(id), Some(wanted), _) => number(id) == number(wanted),
            (Self::PullRequest(_), None, Some(_)) | (Self::Branch(_), Some(_), None) => false,
            (Self::Branch(branch), _, Some(wanted)) => branch == wanted && !is_of_fork,
            (Self::Main, None, Some(branch)) if is_main(branch, main_branch) => true,
            (Self::Main, ..) => return Comparison::MainBranch,
        };
        if is_same { Comparison::Same } else { Comparison::Other }
    }
}

impl Wanted {
    /// The same for the target that was found. `named` is the repository that the variables name.
    #[must_use]
    pub(crate) fn at(self, target: &Target, named: &Repository) -> Self {
        let branch = target.refname.clone().or(self.branch);
        let is_of_fork = self.pull_request.is_some() && target.repository != *named;
        Self { branch, commit: Some(target.commit.clone()), is_of_fork, ..self }
    }

    /// Whether nothing but a commit is known.
    pub(crate) const fn is_commit_alone(&self) -> bool {
        self.pull_request.is_none() && self.branch.is_none()
    }

    /// Whether the name of the branch leaves open that it is the main branch.
    pub(crate) fn may_be_main(&self) -> bool {
        self.pull_request.is_none() && self.branch.as_deref().is_some_and(|branch| is_main(branch, None))
    }

    /// The pull request or branch, else the commit, in words.
    pub(crate) fn words(&self) -> String {
        match (&self.pull_request, &self.branch, &self.commit) {
            (Some(id), ..) => format!("pull request {}", number(id)),
            (None, Some(branch), _) => format!("branch {branch}"),
            (None, None, Some(commit)) => format!("commit {}", commit.digits()),
            (None, None, None) => "another commit".to_owned(),
        }
    }
}

/// The usual names of a main branch, where SonarQube does not tell its name.
const MAIN_BRANCHES: [&str; 2] = ["main", "master"];

fn is_main(branch: &str, main_branch: Option<&str>) -> bool {
    main_branch.map_or_else(|| MAIN_BRANCHES.contains(&branch), |main_branch| main_branch == branch)
}

/// The words that may stand around the number in the name of a pull request: `PR-7`, `#7`, `pull/7/head`,
/// `refs/pull-requests/7/from`.
const WORDS_AROUND_NUMBER: [&str; 10] =
    ["pr", "pull", "request", "requests", "pullrequest", "pullrequests", "refs", "head", "merge", "from"];

/// The number in the name of a pull request, without leading zeros, else the name.
fn number(name: &str) -> &str {
    let name = name.trim();
    let is_digit = |c: char| c.is_ascii_digit();
    let digits = name.trim_matches(|c| !is_digit(c));
    if digits.is_empty() || !digits.chars().all(is_digit) {
        return name;
    }
    let mut around = name.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    let is_known = |word: &str| WORDS_AROUND_NUMBER.contains(&word.to_ascii_lowercase().as_str());
    if !around.all(is_known) || !name.is_ascii() {
        return name;
    }
    let without_zeros = digits.trim_start_matches('0');
    if without_zeros.is_empty() { digits } else { without_zeros }
}

#[cfg(test)]
mod tests {
    use super::{
        Comparison::{MainBranch, Other, Same},
        *,
    };

    #[test]
    fn the_dashboard_tells_what_was_analysed() {
        for (query, subject) in [
            ("?id=a", Some(Subject::Main)),
            ("?id=a&branch=feature%2Flogin+1", Some(Subject::Branch("feature/login 1".to_owned()))),
            ("?id=a&pullRequest=7&branch=x", Some(Subject::PullRequest("7".to_owned()))),
            ("?id=a&pullRequest=", None),
            ("?id=", None),
            ("", None),
        ] {
            let address = format!("https://a.b/dashboard{query}");
            assert_eq!(Subject::of_dashboard(&address, Some("a")), subject, "{query}");
            assert_eq!(Subject::of_dashboard(&address, Some("b")), None, "{query} is of another project");
        }
        assert_eq!(Subject::of_dashboard("no address", None), None);
    }

    #[test]
    fn what_was_analysed_is_compared_in_every_pairing() {
        let pull_request = |id: &str| Subject::PullRequest(id.to_owned());
        let branch = |name: &str| Subject::Branch(name.to_owned());
        let wanted = |pull_request: &str, branch: &str| {
            let known = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            Wanted { pull_request: known(pull_request), branch: known(branch), ..Wanted::default() }
        };
        for (analysed, id, name, expected) in [
            (pull_request("7"), "7", "feature/a", Same),
            (pull_request("PR-7"), "7", "", Same),
            (pull_request("7"), "#7", "", Same),
            (pull_request("007"), "7", "", Same),
            (pull_request("3"), "7", "feature/a", Other),
            (pull_request("77"), "7", "", Other),
            (pull_request("7-3"), "7", "", Other),
            (pull_request("pull/7/head"), "7", "", Same),
            (pull_request("Pull-Request-7"), "7", "", Same),
            (pull_request("backport-7"), "7", "", Other),
            (pull_request("release 7"), "7", "", Other),
            (pull_request("3"), "", "feature/a", Other),
            (pull_request("3"), "", "", Same),
            (branch("feature/a"), "7", "feature/a", Same),
            (branch("feature/a"), "", "feature/a", Same),
            (branch("feature/b"), "7", "feature/a", Other),
            (branch("Feature/a"), "", "feature/a", Other),
            (branch("feature/b"), "7", "", Other),
            (branch("feature/b"), "", "", Same),
            (Subject::Main, "7", "feature/a", MainBranch),
            (Subject::Main, "7", "main", MainBranch),
            (Subject::Main, "", "feature/a", MainBranch),
            (Subject::Main, "", "main", Same),
            (Subject::Main, "", "", Same),
        ] {
            let compared = analysed.compare(&wanted(id, name), None);
            assert_eq!(compared, expected, "{analysed:?} for {id:?}, {name:?}");
        }
        let fork = Wanted { is_of_fork: true, ..wanted("7", "main") };
        assert_eq!(branch("main").compare(&fork, None), Other);
        assert_eq!(pull_request("7").compare(&fork, None), Same);
        for (name, expected) in [("develop", Same), ("main", MainBranch), ("feature/a", MainBranch)] {
            assert_eq!(Subject::Main.compare(&wanted("", name), Some("develop")), expected, "{name}");
        }
    }
}
