//! The target that the variables name: a repository, and a commit or the way to it.
//!
//! The variables of the build (`BITBUCKET_*`) are defaults only while the target is the pipeline's own repository and the
//! user names no other commit, pull request or branch. In a central pipeline they describe the central repository, and the
//! status would go to the wrong commit.
use crate::{
    config::{
        findings::{Findings, Problem},
        repository::{is_own, is_pipelines_own, repository},
        variables::Variables,
    },
    console::{foreign::shown, text::in_digits},
    explain::handbook::CENTRAL_COMMIT,
    model::target::{CommitHash, CommitSource, PullRequestId, Repository, TargetPlan},
};

/// The target that the variables name, or the problems that keep them from naming one.
pub(crate) fn target_plan(variables: &Variables, findings: &mut Findings) -> Option<TargetPlan> {
    let given = Facts {
        commit: commit("COMMIT", variables.commit.as_deref(), findings),
        pull_request: pull_request("PULL_REQUEST", variables.pull_request.as_deref(), findings),
        branch: branch("BRANCH", variables.branch.as_deref(), findings),
    };
    let named_refname = branch("REFNAME", variables.refname.as_deref(), findings);
    let Some(repository) = repository(variables, findings) else {
        let named =
            [&variables.commit, &variables.pull_request, &variables.branch, &variables.bitbucket_commit];
        if named.into_iter().all(Option::is_none) {
            report_no_commit("the target", false, variables, findings);
        }
        return None;
    };
    let own = is_pipelines_own(&repository, variables);
    // With COMMIT and BRANCH, the variables of the build are not needed.
    let build = if own && !(given.commit.is_some() && given.branch.is_name()) {
        let built = variables.bitbucket_commit.as_deref();
        let commit =
            unless_known(given.commit.is_some(), findings, |own| commit("BITBUCKET_COMMIT", built, own));
        let is_known = given.commit.is_some() || given.pull_request.is_some() || commit.is_some();
        let pull_request = unless_known(is_known, findings, |own| {
            pull_request("BITBUCKET_PR_ID", variables.bitbucket_pr_id.as_deref(), own)
        });
        Facts { commit, pull_request, branch: built_branch(variables.bitbucket_branch.as_deref(), findings) }
    } else {
        Facts::default()
    };
    let Some((commit, branch)) = locate(&given, &build) else {
        report_no_commit(&repository.to_string(), own, variables, findings);
        return None;
    };
    warn_of_own_commit(&repository, own, &commit, variables, findings);
    let refname = match &named_refname {
        NamedBranch::Name(refname) => Some(refname.clone()),
        NamedBranch::Unknown => branch,
        NamedBranch::OtherRef => None,
    };
    let left_out = if refname.is_none() && !matches!(commit, CommitSource::PullRequest { .. }) {
        "it is left out, and the status gets no refname"
    } else {
        "it is left out"
    };
    for (variable, named, text) in
        [("BRANCH", &given.branch, &variables.branch), ("REFNAME", &named_refname, &variables.refname)]
    {
        if let (NamedBranch::OtherRef, Some(text)) = (named, text) {
            findings.warning(format!(
                "{variable} is {}, which is not a branch: {left_out}; pass the name that Bitbucket shows, such as $BITBUCKET_BRANCH",
                shown(text.trim())
            ));
        }
    }
    if own && refname.is_none() && variables.bitbucket_branch.is_none() && pipeline_commit_is_used(&commit) {
        findings.warning(
            "this pipeline builds no branch: the status gets no refname, and stands beside the status of a branch with the same key; pass REFNAME to replace that one",
        );
    }
    Some(TargetPlan { repository, commit, refname })
}

/// Reads a variable of the build. If it is not needed because the commit is known, a wrong value is only a warning.
fn unless_known<T>(
    is_known: bool,
    findings: &mut Findings,
    read: impl FnOnce(&mut Findings) -> Option<T>,
) -> Option<T> {
    if !is_known {
        return read(findings);
    }
    let mut own = Findings::default();
    let value = read(&mut own);
    for problem in own.problems {
        findings.warning(format!("{} {}; it is not needed, and is ignored", problem.variable, problem.found));
    }
    value
}

/// Whether the status goes to the commit that Pipelines builds.
fn pipeline_commit_is_used(commit: &CommitSource) -> bool {
    matches!(commit, CommitSource::Given { commit, built: Some(built), .. } if commit.matches(built))
}

/// Warns when a central pipeline passes its own commit. It is not a problem: a fork has the commits of its origin.
fn warn_of_own_commit(
    repository: &Repository,
    own: bool,
    commit: &CommitSource,
    variables: &Variables,
    findings: &mut Findings,
) {
    let built = variables.bitbucket_commit.as_deref().and_then(|text| CommitHash::parse(text.trim()));
    if let (
        CommitSource::Given { commit, .. } | CommitSource::PullRequest { commit: Some(commit), .. },
        Some(built),
    ) = (commit, built)
        && !own
        && commit.matches(&built)
    {
        findings.warning(format!(
            "COMMIT {commit} is a commit of this pipeline's own repository, and probably not of {repository}: {}",
            CENTRAL_COMMIT.remedy
        ));
    }
}

/// Whether the user names a commit, or Pipelines does for its own repository.
pub(crate) fn names_commit(variables: &Variables) -> bool {
    let given = [&variables.commit, &variables.pull_request, &variables.branch];
    let of_build = [&variables.bitbucket_commit, &variables.bitbucket_pr_id, &variables.bitbucket_branch];
    given.into_iter().any(Option::is_some) || (is_own(variables) && of_build.into_iter().any(Option::is_some))
}

/// What the user or Pipelines says about a commit.
#[derive(Debug, Clone, Default)]
struct Facts {
    commit: Option<CommitHash>,
    pull_request: Option<PullRequestId>,
    branch: NamedBranch,
}

/// What a variable says about a branch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum NamedBranch {
    /// The variable is not set, or has a problem.
    #[default]
    Unknown,
    Name(String),
    /// It names a tag, a ref of a pull request or `HEAD`: the status is for no branch.
    OtherRef,
}

impl NamedBranch {
    const fn is_name(&self) -> bool {
        matches!(self, Self::Name(_))
    }
}

/// How to find the commit, and its branch when that is known without asking.
///
/// The variables of the build are used while the user names the same commit, pull request and branch, or none. In the
/// build of a pull request the user may name another commit: the local merge commit.
fn locate(given: &Facts, pipeline: &Facts) -> Option<(CommitSource, Option<String>)> {
    let same_commit = match (&given.commit, &pipeline.commit) {
        (Some(given), Some(known)) => given.matches(known) || pipeline.pull_request.is_some(),
        _ => true,
    };
    // The build of a branch does not say whether the branch has a pull request.
    let is_branch_build = pipeline.pull_request.is_none() && pipeline.branch.is_name();
    let same_pull_request =
        given.pull_request.is_none() || given.pull_request == pipeline.pull_request || is_branch_build;
    let same_branch = !given.branch.is_name() || given.branch == pipeline.branch;
    let nothing = Facts::default();
    let pipeline = if same_commit && same_pull_request && same_branch { pipeline } else { &nothing };

    let branch = match (&given.branch, &pipeline.branch) {
        (NamedBranch::Name(branch), _) | (NamedBranch::Unknown, NamedBranch::Name(branch)) => {
            Some(branch.clone())
        }
        _ => None,
    };
    let built = pipeline.commit.clone();
    // Its branch is not known yet.
    let asks_pull_request =
        !given.branch.is_name() && (branch.is_none() || given.pull_request != pipeline.pull_request);
    let commit = match (given.commit.clone().or_else(|| built.clone()), given.pull_request) {
        (Some(commit), Some(id)) if asks_pull_request => {
            CommitSource::PullRequest { id, commit: Some(commit), built }
        }
        (Some(commit), id) => CommitSource::Given { commit, fallback: id.or(pipeline.pull_request), built },
        (None, id) => match (id.or(pipeline.pull_request), &branch) {
            (Some(id), _) => CommitSource::PullRequest { id, commit: None, built },
            (None, Some(branch)) => CommitSource::Branch(branch.clone()),
            (None, None) => return None,
        },
    };
    Some((commit, branch))
}

/// Reports that nothing names a commit, unless a variable that does has a problem of its own.
fn report_no_commit(repository: &str, own: bool, variables: &Variables, findings: &mut Findings) {
    let is_problem = |name: &str| findings.problems.iter().any(|problem| problem.variable == name);
    if ["COMMIT", "PULL_REQUEST", "BRANCH"].into_iter().any(is_problem) {
        return;
    }
    let is_told = |problem: &Problem| ["BITBUCKET_COMMIT", "BITBUCKET_PR_ID"].contains(&&*problem.variable);
    if own && findings.problems.iter().any(is_told) {
        return;
    }
    if let Some(branch) = &variables.branch {
        return findings.problem(
            "BRANCH",
            format!(
                "is {}, which is not a branch, and nothing else names the commit of {repository}",
                shown(branch.trim())
            ),
            "a branch, or one of COMMIT and PULL_REQUEST beside it",
            "pass COMMIT: the commit that the tag or HEAD is at, such as the output of git rev-parse HEAD",
        );
    }
    let found = if own && variables.bitbucket_branch.is_some() {
        "is not set, and Pipelines gives no BITBUCKET_COMMIT or BITBUCKET_PR_ID, and no usable BITBUCKET_BRANCH"
            .to_owned()
    } else if own {
        "is not set, and Pipelines gives no BITBUCKET_COMMIT, BITBUCKET_PR_ID or BITBUCKET_BRANCH".to_owned()
    } else if let (Some(workspace), Some(slug)) =
        (&variables.bitbucket_workspace, &variables.bitbucket_repo_slug)
    {
        format!(
            "is not set; the target {repository} is not the pipeline's own repository {}/{}, and BITBUCKET_COMMIT is a commit of the latter",
            workspace.trim(),
            slug.trim()
        )
    } else {
        format!("is not set: nothing names the commit of {repository}")
    };
    findings.problem(
        "COMMIT",
        found,
        "one of COMMIT, PULL_REQUEST and BRANCH",
        if own { OWN_COMMIT } else { CENTRAL_COMMIT.remedy },
    );
}

const OWN_COMMIT: &str = "pass COMMIT, PULL_REQUEST or BRANCH; Pipelines sets their defaults in a build";

fn commit(name: &str, text: Option<&str>, findings: &mut Findings) -> Option<CommitHash> {
    let text = text?.trim();
    let commit = CommitHash::parse(text);
    if commit.is_none() {
        findings.problem(
            name,
            format!("is {}, which is not a commit hash", shown(text)),
            "7 to 40 hexadecimal digits",
            "pass a hash such as $BITBUCKET_COMMIT; a branch goes into BRANCH, a pull request into PULL_REQUEST",
        );
    }
    commit
}

/// Pull request numbers are integers of a database; real ones are far below.
const PULL_REQUEST_MAX: u32 = i32::MAX.unsigned_abs();

fn pull_request(name: &str, text: Option<&str>, findings: &mut Findings) -> Option<PullRequestId> {
    let text = text?.trim();
    let digits = text.strip_prefix('#').unwrap_or(text);
    let id = in_digits(digits)
        .and_then(|id| u32::try_from(id).ok())
        .filter(|id| (1..=PULL_REQUEST_MAX).contains(id));
    if id.is_none() {
        findings.problem(
            name,
            format!("is {}, which is not a pull request number", shown(text)),
            format!("a number from 1 to {PULL_REQUEST_MAX}"),
            "pass the number in the pull request's address, such as $BITBUCKET_PR_ID",
        );
    }
    id.map(PullRequestId)
}

/// Longer than any branch, and short enough for an address.
const BRANCH_MAX_BYTES: usize = 1024;
/// How the full name of a branch begins.
pub(crate) const FULL_NAME: &str = "refs/heads/";
/// How the name of a branch may begin; Bitbucket Cloud only knows plain names.
const BRANCH_PREFIXES: [&str; 4] = [FULL_NAME, "refs/remotes/origin/", "remotes/origin/", "origin/"];

/// The plain name of a branch.
fn branch(variable: &str, text: Option<&str>, findings: &mut Findings) -> NamedBranch {
    let Some(text) = text else { return NamedBranch::Unknown };
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
    if is_other_ref(text) {
        return NamedBranch::OtherRef;
    }
    let name = plain_branch(text);
    if is_branch(name) {
        return NamedBranch::Name(name.to_owned());
    }
    findings.problem(
        variable,
        format!("is {}, which is not a branch name", shown(text)),
        "a branch's name as git allows it: no space, no control characters, none of ~^:?*[\\, no .., no part that begins with a dot or ends with .lock",
        "pass the name that Bitbucket shows, such as $BITBUCKET_BRANCH; for a tag remove the variable",
    );
    NamedBranch::Unknown
}

/// The branch that Pipelines builds. A name that is no branch must not end the run: it is left out.
fn built_branch(text: Option<&str>, findings: &mut Findings) -> NamedBranch {
    let Some(text) = text else { return NamedBranch::Unknown };
    let name = plain_branch(text.trim_matches(|c: char| c.is_ascii_whitespace()));
    if is_branch(name) && !is_other_ref(name) {
        return NamedBranch::Name(name.to_owned());
    }
    findings.warning(format!(
        "BITBUCKET_BRANCH is {}, which is not a branch name: the status gets no refname",
        shown(text)
    ));
    NamedBranch::Unknown
}

/// The name of a branch, without what git and others put before it.
pub(crate) fn plain_branch(text: &str) -> &str {
    BRANCH_PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text)
}

/// Whether a text names something else in a repository than a branch.
fn is_other_ref(text: &str) -> bool {
    plain_branch(text) == "HEAD"
        || (text.starts_with("refs/")
            && !text.starts_with("refs/heads/")
            && !text.starts_with("refs/remotes/"))
        || ["tags/", "pull-requests/"].iter().any(|other| text.starts_with(other))
}

/// The rules of <https://git-scm.com/docs/git-check-ref-format>.
pub(super) fn is_branch(name: &str) -> bool {
    let forbidden = |c: char| c.is_ascii_control() || " ~^:?*[\\".contains(c);
    let is_lock = |part: &str| part.strip_suffix(".lock").is_some();
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && !is_lock(part);
    (1..=BRANCH_MAX_BYTES).contains(&name.len())
        && !name.contains(forbidden)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
        && name != "@"
        && name.split('/').all(is_part)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;

    use super::*;

    /// What Pipelines says in the build of a branch, of a pull request, and nowhere.
    #[derive(Clone, Copy, PartialEq, Debug)]
    enum Build {
        Branch,
        PullRequest,
        Tag,
        None,
    }

    const FULL: &str = "0123456789abcdef0123456789abcdef01234567";
    const SHORT: &str = "8d081548cabb";

    fn variables(build: Build, repo_slug: Option<&str>) -> Variables {
        let text = |value: &str| Some(value.to_owned());
        let mut v = Variables { repo_slug: repo_slug.map(str::to_owned), ..Variables::default() };
        if build != Build::None {
            v.bitbucket_workspace = text("acme");
            v.bitbucket_repo_slug = text("api");
        }
        match build {
            Build::Branch => {
                v.bitbucket_commit = text(FULL);
                v.bitbucket_branch = text("main");
            }
            Build::PullRequest => {
                v.bitbucket_commit = text(SHORT);
                v.bitbucket_branch = text("feature/login");
                v.bitbucket_pr_id = text("7");
            }
            Build::Tag => v.bitbucket_commit = text(FULL),
            Build::None => {}
        }
        v
    }

    fn plan(v: &Variables) -> Result<TargetPlan, Vec<String>> {
        let mut findings = Findings::default();
        let plan = target_plan(v, &mut findings);
        match (plan, findings.problems.is_empty()) {
            (Some(plan), true) => Ok(plan),
            (_, false) => Err(findings.problems.into_iter().map(|p| p.variable).collect()),
            (None, true) => panic!("no plan and no problem"),
        }
    }

    /// One line for what is done: the commit's source and the refname.
    fn told(v: &Variables) -> String {
        let Ok(plan) = plan(v) else { return "problem".to_owned() };
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let source = match plan.commit {
            CommitSource::Given { commit, fallback, .. } => format!(
                "commit {:.7}, else pull request {}",
                commit.as_str(),
                or_dash(fallback.map(|id| id.to_string()))
            ),
            CommitSource::PullRequest { id, commit, .. } => format!(
                "ask pull request {id}, commit {:.7}",
                or_dash(commit.map(|commit| commit.to_string()))
            ),
            CommitSource::Branch(branch) => format!("ask branch {branch}"),
        };
        format!("{source}; refname {}", or_dash(plan.refname))
    }

    /// Own or another repository x `COMMIT`, `PULL_REQUEST`, `BRANCH` given or not x kind of build.
    #[test]
    fn every_combination_finds_its_commit() {
        let mut table = String::new();
        for build in [Build::Branch, Build::PullRequest, Build::Tag, Build::None] {
            for repo_slug in ["api", "other"] {
                for bits in 0..8 {
                    let mut v = variables(build, Some(repo_slug));
                    v.workspace = Some("acme".to_owned());
                    let mut given = String::new();
                    if bits & 4 != 0 {
                        v.commit = Some("abcdef1".to_owned());
                        given += "C";
                    }
                    if bits & 2 != 0 {
                        v.pull_request = Some("12".to_owned());
                        given += "P";
                    }
                    if bits & 1 != 0 {
                        v.branch = Some("fix/header".to_owned());
                        given += "B";
                    }
                    writeln!(table, "{build:?} {repo_slug} {given:-<3}: {}", told(&v)).unwrap();
                }
            }
        }
        insta::assert_snapshot!(table, @"
        Branch api ---: commit 0123456, else pull request -; refname main
        Branch api B--: ask branch fix/header; refname fix/header
        Branch api P--: ask pull request 12, commit 0123456; refname main
        Branch api PB-: ask pull request 12, commit -; refname fix/header
        Branch api C--: commit abcdef1, else pull request -; refname -
        Branch api CB-: commit abcdef1, else pull request -; refname fix/header
        Branch api CP-: ask pull request 12, commit abcdef1; refname -
        Branch api CPB: commit abcdef1, else pull request 12; refname fix/header
        Branch other ---: problem
        Branch other B--: ask branch fix/header; refname fix/header
        Branch other P--: ask pull request 12, commit -; refname -
        Branch other PB-: ask pull request 12, commit -; refname fix/header
        Branch other C--: commit abcdef1, else pull request -; refname -
        Branch other CB-: commit abcdef1, else pull request -; refname fix/header
        Branch other CP-: ask pull request 12, commit abcdef1; refname -
        Branch other CPB: commit abcdef1, else pull request 12; refname fix/header
        PullRequest api ---: commit 8d08154, else pull request 7; refname feature/login
        PullRequest api B--: ask branch fix/header; refname fix/header
        PullRequest api P--: ask pull request 12, commit -; refname -
        PullRequest api PB-: ask pull request 12, commit -; refname fix/header
        PullRequest api C--: commit abcdef1, else pull request 7; refname feature/login
        PullRequest api CB-: commit abcdef1, else pull request -; refname fix/header
        PullRequest api CP-: ask pull request 12, commit abcdef1; refname -
        PullRequest api CPB: commit abcdef1, else pull request 12; refname fix/header
        PullRequest other ---: problem
        PullRequest other B--: ask branch fix/header; refname fix/header
        PullRequest other P--: ask pull request 12, commit -; refname -
        PullRequest other PB-: ask pull request 12, commit -; refname fix/header
        PullRequest other C--: commit abcdef1, else pull request -; refname -
        PullRequest other CB-: commit abcdef1, else pull request -; refname fix/header
        PullRequest other CP-: ask pull request 12, commit abcdef1; refname -
        PullRequest other CPB: commit abcdef1, else pull request 12; refname fix/header
        Tag api ---: commit 0123456, else pull request -; refname -
        Tag api B--: ask branch fix/header; refname fix/header
        Tag api P--: ask pull request 12, commit -; refname -
        Tag api PB-: ask pull request 12, commit -; refname fix/header
        Tag api C--: commit abcdef1, else pull request -; refname -
        Tag api CB-: commit abcdef1, else pull request -; refname fix/header
        Tag api CP-: ask pull request 12, commit abcdef1; refname -
        Tag api CPB: commit abcdef1, else pull request 12; refname fix/header
        Tag other ---: problem
        Tag other B--: ask branch fix/header; refname fix/header
        Tag other P--: ask pull request 12, commit -; refname -
        Tag other PB-: ask pull request 12, commit -; refname fix/header
        Tag other C--: commit abcdef1, else pull request -; refname -
        Tag other CB-: commit abcdef1, else pull request -; refname fix/header
        Tag other CP-: ask pull request 12, commit abcdef1; refname -
        Tag other CPB: commit abcdef1, else pull request 12; refname fix/header
        None api ---: problem
        None api B--: ask branch fix/header; refname fix/header
        None api P--: ask pull request 12, commit -; refname -
        None api PB-: ask pull request 12, commit -; refname fix/header
        None api C--: commit abcdef1, else pull request -; refname -
        None api CB-: commit abcdef1, else pull request -; refname fix/header
        None api CP-: ask pull request 12, commit abcdef1; refname -
        None api CPB: commit abcdef1, else pull request 12; refname fix/header
        None other ---: problem
        None other B--: ask branch fix/header; refname fix/header
        None other P--: ask pull request 12, commit -; refname -
        None other PB-: ask pull request 12, commit -; refname fix/header
        None other C--: commit abcdef1, else pull request -; refname -
        None other CB-: commit abcdef1, else pull request -; refname fix/header
        None other CP-: ask pull request 12, commit abcdef1; refname -
        None other CPB: commit abcdef1, else pull request 12; refname fix/header
        ");
    }

    /// The user repeats what Pipelines says: nothing is asked.
    #[test]
    fn naming_the_pipelines_own_pull_request_or_branch_asks_nothing() {
        let mut v = variables(Build::PullRequest, None);
        let expected = "commit 8d08154, else pull request 7; refname feature/login";
        assert_eq!(told(&v), expected);
        v.pull_request = Some("7".to_owned());
        assert_eq!(told(&v), expected);
        v.branch = Some("feature/login".to_owned());
        assert_eq!(told(&v), expected);
        v.commit = Some(SHORT.to_owned());
        assert_eq!(told(&v), expected);
    }

    #[test]
    fn a_central_pipeline_never_uses_its_own_commit() {
        for build in [Build::Branch, Build::PullRequest, Build::Tag] {
            let mut v = variables(build, Some("other"));
            assert_eq!(plan(&v), Err(vec!["COMMIT".to_owned()]));
            v.repo_slug = Some("elsewhere/api".to_owned());
            assert_eq!(plan(&v), Err(vec!["COMMIT".to_owned()]));
            v.repo_slug = Some("ACME/API".to_owned());
            assert!(plan(&v).is_ok(), "the same repository in other letters");
        }
    }

    #[test]
    fn a_refname_does_not_tell_the_repository_of_a_pull_request() {
        let mut v = variables(Build::Branch, Some("other"));
        v.commit = Some("abcdef1".to_owned());
        v.pull_request = Some("12".to_owned());
        assert_eq!(told(&v), "ask pull request 12, commit abcdef1; refname -");
        v.refname = Some("refs/heads/fix/header".to_owned());
        assert_eq!(told(&v), "ask pull request 12, commit abcdef1; refname fix/header");
    }

    #[test]
    fn other_spellings_of_a_branch_are_read_and_other_refs_are_left_out() {
        for text in ["main", "refs/heads/main", "refs/remotes/origin/main", "origin/main", " main\n"] {
            let mut findings = Findings::default();
            let main = NamedBranch::Name("main".to_owned());
            assert_eq!(branch("BRANCH", Some(text), &mut findings), main, "{text}");
            assert!(findings.problems.is_empty() && findings.warnings.is_empty());
        }
        for text in ["refs/tags/v1.0", "tags/v1.0", "refs/pull-requests/7/from", "HEAD"] {
            let mut v = variables(Build::Branch, None);
            v.branch = Some(text.to_owned());
            assert_eq!(told(&v), "commit 0123456, else pull request -; refname -", "{text}");
            v.refname = Some("main".to_owned());
            assert_eq!(told(&v), "commit 0123456, else pull request -; refname main", "{text}");
            v = variables(Build::Branch, None);
            v.refname = Some(text.to_owned());
            assert_eq!(told(&v), "commit 0123456, else pull request -; refname -", "{text}");
        }
    }

    #[test]
    fn a_ref_that_is_no_branch_and_stands_alone_is_a_problem() {
        for build in [Build::Branch, Build::PullRequest, Build::Tag, Build::None] {
            for text in ["refs/tags/v1.0", "HEAD", "origin/HEAD"] {
                let mut v = variables(build, Some("acme/other"));
                v.branch = Some(text.to_owned());
                assert_eq!(plan(&v), Err(vec!["BRANCH".to_owned()]), "{build:?} {text}");
            }
        }
    }

    proptest! {
        /// [`plan`] fails when there is neither.
        #[test]
        fn any_variables_give_a_plan_or_a_problem(
            build in prop::sample::select(&[Build::Branch, Build::PullRequest, Build::Tag, Build::None][..]),
            repo_slug in prop::sample::select(&["api", "acme/other", "", "a b"][..]),
            commit in value(&[FULL, SHORT, "HEAD", " "]),
            pull_request in value(&["7", "12", "0", "x"]),
            branch in value(&["main", "fix/header", "refs/tags/v1", "HEAD", "a b"]),
            refname in value(&["main", "refs/tags/v1", "HEAD", "a b"]),
            bitbucket_branch in value(&["main", "HEAD", "a b"]),
            bitbucket_commit in value(&[FULL, "x"]),
        ) {
            let v = Variables {
                commit, pull_request, branch, refname, bitbucket_commit, bitbucket_branch,
                ..variables(build, Some(repo_slug))
            };
            let _ = plan(&v);
        }
    }

    fn value(texts: &'static [&'static str]) -> impl Strategy<Value = Option<String>> {
        prop::option::of(prop::sample::select(texts).prop_map(str::to_owned))
    }

    #[test]
    fn the_branch_of_the_build_never_ends_the_run() {
        for text in ["a b", "refs/tags/v1", ".."] {
            let mut v = variables(Build::Branch, None);
            v.bitbucket_branch = Some(text.to_owned());
            assert_eq!(told(&v), "commit 0123456, else pull request -; refname -", "{text}");
        }
    }

    #[test]
    fn numbers_and_hashes_have_bounds() {
        for bad in ["0", "-1", "1.5", "seven", "2147483648", "99999999999999999999", "#", "+7", "7 8"] {
            let mut v = variables(Build::Branch, None);
            v.pull_request = Some(bad.to_owned());
            assert_eq!(plan(&v), Err(vec!["PULL_REQUEST".to_owned()]), "{bad}");
        }
        for bad in ["HEAD", "main", "abcdef", &"a".repeat(41), "abcdefg1", "abc def1", "0x1234567"] {
            let mut v = variables(Build::Branch, None);
            v.commit = Some(bad.to_owned());
            assert_eq!(plan(&v), Err(vec!["COMMIT".to_owned()]), "{bad}");
        }
    }

    #[test]
    fn a_branch_name_cannot_leave_its_place_in_an_address() {
        for bad in [
            "a b", "../x", "a/../b", ".", "a//b", "/a", "a/", "a\tb", "a?b", "a\u{7f}b", "a.lock", "a@{1}",
            "@",
        ] {
            let mut v = variables(Build::None, Some("acme/api"));
            v.branch = Some(bad.to_owned());
            assert_eq!(plan(&v), Err(vec!["BRANCH".to_owned()]), "{bad:?}");
        }
        let long = "x".repeat(300);
        for good in
            ["main", "feature/ä#1", "a-b_c.d", "x%2fy", "release/1.0", "$x", "a\u{a0}b", "a\u{3000}b", &long]
        {
            assert!(is_branch(good), "{good}");
        }
    }
}
