//! What will be done for one target: every variable understood, every problem found at once.

use std::rc::Rc;

use secrecy::ExposeSecret as _;

use crate::{
    bitbucket::credential::Credential,
    config::{
        analysis::{VerdictNeed, VerdictPlan},
        analysis_files::FileSearch,
        findings::Findings,
        insights::InsightsPlan,
        keyring::Keyring,
        projects::ExpectedProjects,
        repository::repository,
        settings::Mode,
        status::StatusPlan,
        target::{names_commit, target_plan},
        variables::Variables,
    },
    console::{
        foreign::holds_credential,
        log::Console,
        secrets::SECRET_MIN_CHARS,
        text::{fit, one_line},
    },
    model::{
        analysis::Wanted,
        state::State,
        status::{DESCRIPTION_MAX_CHARS, Status, StatusKey},
        target::{CommitSource, Repository, Target, TargetPlan},
        verdict::Verdict,
    },
};

/// What will be done for one target. There is a plan only when no variable is wrong.
#[derive(Debug)]
pub(crate) struct Plan<T = TargetPlan> {
    pub(crate) credential: Rc<Credential>,
    pub(crate) target: T,
    pub(crate) status: StatusPlan,
    pub(crate) insights: InsightsPlan,
    pub(crate) verdict: VerdictPlan,
}

/// A status that is to be posted: what it says, and the reports beside it.
#[derive(Debug)]
pub(crate) struct KeyedVerdict {
    pub(crate) key: StatusKey,
    /// What all analyses with this key say together.
    pub(crate) verdict: Verdict,
    /// One for each project.
    pub(crate) reports: Vec<(StatusKey, Verdict)>,
}

/// What the plans of a run are made with.
#[derive(Debug)]
pub(crate) struct Planner<'a> {
    pub(crate) mode: Mode,
    keyring: &'a Keyring,
    search: FileSearch,
    /// It knows the secrets of the run, which must not stand in a text that others can read.
    console: &'a Console,
}

/// The target that the variables name.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum NamedTarget {
    Commit(TargetPlan),
    /// Only of a check: a team checks its token before a build names a commit.
    Repository(Repository),
}

impl NamedTarget {
    fn from_variables(
        variables: &Variables,
        mode: Mode,
        is_listed: bool,
        findings: &mut Findings,
    ) -> Option<Self> {
        if mode == Mode::Settle && variables.refname.is_some() {
            findings.warning(
                "REFNAME is set but ignored: with MODE: settle, Gatepost looks at the statuses of all branches on the commit",
            );
        }
        if mode != Mode::Check || is_listed || names_commit(variables) {
            target_plan(variables, findings).map(Self::Commit)
        } else {
            repository(variables, findings).map(Self::Repository)
        }
    }

    /// The repository that the variables name.
    pub(crate) fn repository(&self) -> &Repository {
        let (Self::Commit(TargetPlan { repository, .. }) | Self::Repository(repository)) = self;
        repository
    }

    /// The repository and the way to the commit, whatever the refname is.
    pub(crate) fn place(&self) -> (&Repository, Option<&CommitSource>) {
        match self {
            Self::Commit(TargetPlan { repository, commit, .. }) => (repository, Some(commit)),
            Self::Repository(repository) => (repository, None),
        }
    }

    /// The digits of the commit, if they are known before anything is looked up.
    pub(crate) fn commit(&self) -> Option<&str> {
        let (_, source) = self.place();
        match source? {
            CommitSource::Given { commit, .. } | CommitSource::PullRequest { commit: Some(commit), .. } => {
                Some(commit.digits())
            }
            CommitSource::PullRequest { commit: None, .. } | CommitSource::Branch(_) => None,
        }
    }

    /// What a status of this target is for, as far as it is known before anything is looked up.
    pub(crate) fn wanted(&self) -> Wanted {
        match self {
            Self::Commit(target) => target.wanted(),
            Self::Repository(_) => Wanted::default(),
        }
    }
}

impl TargetPlan {
    /// What a status of this target is for, as far as it is known before anything is looked up.
    pub(crate) fn wanted(&self) -> Wanted {
        let (pull_request, commit) = match &self.commit {
            CommitSource::Given { commit, fallback, .. } => (*fallback, Some(commit)),
            CommitSource::PullRequest { id, commit, .. } => (Some(*id), commit.as_ref()),
            CommitSource::Branch(_) => (None, None),
        };
        let branch = match &self.commit {
            CommitSource::Branch(branch) => Some(branch),
            CommitSource::Given { .. } | CommitSource::PullRequest { .. } => self.refname.as_ref(),
        };
        Wanted {
            pull_request: pull_request.map(|id| id.to_string()),
            branch: branch.cloned(),
            commit: commit.cloned(),
            is_of_fork: false,
        }
    }
}

impl VerdictNeed {
    /// When a run needs the verdicts of its targets.
    pub(crate) const fn of(mode: Mode, is_listed: bool) -> Self {
        match (mode, is_listed) {
            (Mode::Settle, _) => Self::FinalState,
            (_, true) => Self::NowByTarget,
            (Mode::Check, false) => Self::Later,
            (Mode::Publish | Mode::Targets, false) => Self::Now,
        }
    }
}

impl<'a> Planner<'a> {
    /// `console` knows the secrets of the run.
    pub(crate) fn new(mode: Mode, keyring: &'a Keyring, console: &'a Console) -> Self {
        Self { mode, keyring, search: FileSearch::default(), console }
    }

    /// The plan for a target, or `None` after a problem was found. `is_listed` when the target is one of a list.
    pub(crate) fn plan(
        &self,
        variables: &Variables,
        is_listed: bool,
        findings: &mut Findings,
    ) -> Option<Plan<NamedTarget>> {
        // Every part is read, so that one run reports every problem.
        self.find_secrets(variables, findings);
        let target = NamedTarget::from_variables(variables, self.mode, is_listed, findings);
        let status = StatusPlan::from_variables(variables, findings);
        let insights = InsightsPlan::from_variables(variables, is_listed, findings);
        let wanted = target.as_ref().map(NamedTarget::wanted).unwrap_or_default();
        let need = VerdictNeed::of(self.mode, is_listed);
        let expected = ExpectedProjects::from_variables(variables, need, &insights, &self.search, findings);
        let known = expected.keys.clone();
        let verdict = VerdictPlan::from_variables(variables, need, &wanted, expected, &self.search, findings);
        let credential = target.as_ref().map(|target| self.keyring.require(target.repository(), findings));
        let is_last_word = need == VerdictNeed::Now && variables.is_last_word();
        let verdict = if is_last_word && let Some(wrong) = findings.excuse_verdict() {
            let projects = verdict.as_ref().map_or_else(|| vec![None], VerdictPlan::projects);
            let expected = known.iter().map(|key| Some(key.as_str()));
            let verdicts = distinct(projects.into_iter().chain(expected)).into_iter();
            Some(VerdictPlan::Given(
                verdicts.map(|project| Verdict::wrong_variable(wrong, project)).collect(),
            ))
        } else {
            verdict
        };
        // A target must never vanish in silence. Why there is no credential was found with the run's own variables.
        if (target.is_none() || verdict.is_none()) && findings.problems.is_empty() {
            findings.refuse(
                "COMMIT",
                "is not known, and Gatepost cannot tell why: nothing can be posted",
                "one of COMMIT, PULL_REQUEST and BRANCH",
                "pass COMMIT; please report the variables that led here in the issues of Gatepost",
            );
        }
        Some(Plan { credential: credential??, target: target?, status, insights, verdict: verdict? })
    }

    /// Reports a secret in a text that becomes part of a status: everybody who can read the commit sees it.
    fn find_secrets(&self, variables: &Variables, findings: &mut Findings) {
        // An entry of a list may have its own token of SonarQube.
        let own = variables.sonar_token.as_ref().map(|token| token.expose_secret().trim());
        let is_own = |text: &str| own.is_some_and(|own| own.len() >= SECRET_MIN_CHARS && text.contains(own));
        for (name, text) in [
            ("KEY", &variables.key),
            ("NAME", &variables.name),
            ("DESCRIPTION", &variables.description),
            ("URL", &variables.url),
            ("REFNAME", &variables.refname),
            ("BRANCH", &variables.branch),
            ("SONAR_PROJECT_KEY", &variables.sonar_project_key),
            ("SONAR_PROJECTS", &variables.sonar_projects),
        ] {
            let Some(text) = text.as_deref() else { continue };
            // A text that only says how the status looks is left out when it holds an address with a password.
            let is_left_out = ["NAME", "DESCRIPTION", "URL"].contains(&name);
            if is_own(text) || self.console.knows_secret_in(text) || (holds_credential(text) && !is_left_out)
            {
                findings.refuse(
                    name,
                    "holds a token or a password of this run, or a part of one",
                    "text that everybody may see",
                    format!("remove the secret from {name}; if it was ever visible, revoke it and create a new one"),
                );
            }
        }
    }
}

impl<T> Plan<T> {
    /// What is posted about these verdicts: one status for each key, in the order of the verdicts. The key does not depend
    /// on how many files a scan left or how it ended: otherwise a later run would not replace what stands.
    pub(crate) fn keyed(&self, verdicts: &[Verdict]) -> Vec<KeyedVerdict> {
        let mut groups: Vec<(StatusKey, Vec<&Verdict>)> = Vec::new();
        for verdict in verdicts {
            let key = self.status.key_for(verdict.project.as_deref());
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, group)) => group.push(verdict),
                None => groups.push((key, vec![verdict])),
            }
        }
        groups.into_iter().filter_map(|(key, group)| self.keyed_of(key, &group)).collect()
    }

    fn keyed_of(&self, key: StatusKey, group: &[&Verdict]) -> Option<KeyedVerdict> {
        let verdict = Verdict::joint(group.iter().copied())?;
        let projects = distinct(group.iter().filter_map(|verdict| verdict.project.as_deref()));
        let of_project = |project: &&str| {
            let is_of_it = |verdict: &&&Verdict| verdict.project.as_deref() == Some(*project);
            let verdict = Verdict::joint(group.iter().filter(is_of_it).copied())?;
            Some((self.status.report_key(Some(project), true), verdict))
        };
        let reports = match projects.len() {
            0 | 1 => vec![(key.clone(), verdict.clone())],
            _ => projects.iter().filter_map(of_project).collect(),
        };
        Some(KeyedVerdict { key, verdict, reports })
    }

    /// The status of a verdict for a target.
    pub(crate) fn status(&self, key: StatusKey, verdict: &Verdict, target: &Target) -> Status {
        self.status.status(verdict, target, key, self.verdict.may_be_several())
    }

    /// The statuses for a target.
    pub(crate) fn statuses(&self, verdicts: &[Verdict], target: &Target) -> Vec<Status> {
        let keyed = self.keyed(verdicts).into_iter();
        keyed.map(|KeyedVerdict { key, verdict, .. }| self.status(key, &verdict, target)).collect()
    }

    /// The key under which a scan that crashed before its project was known has its status, if these verdicts end such a
    /// scan and do not have that key themselves. A scan that failed has ended well if each of its analyses is proven
    /// and green.
    pub(crate) fn crash_key(&self, verdicts: &[Verdict]) -> Option<StatusKey> {
        let VerdictPlan::Ask(analysis) = &self.verdict else { return None };
        let key = self.status.key_for(None);
        let has_key = |verdict: &Verdict| self.status.key_for(verdict.project.as_deref()) == key;
        let is_whole = match analysis.scan_exit_code {
            None => false,
            Some(0) => true,
            Some(_) => verdicts
                .iter()
                .all(|verdict| verdict.state == State::Successful && verdict.analysis.is_some()),
        };
        (is_whole && !verdicts.iter().any(has_key)).then_some(key)
    }

    /// The status of a project without an analysis. It says so whatever `DESCRIPTION` says: a later run must be able to tell
    /// it from a verdict.
    pub(crate) fn unanalysed_status(&self, verdict: &Verdict, target: &Target) -> Status {
        let key = self.status.key_for(verdict.project.as_deref());
        let description = fit(&one_line(&verdict.words), DESCRIPTION_MAX_CHARS);
        Status { description, ..self.status(key, verdict, target) }
    }

    /// The keys of the statuses for these projects, in their order, each once.
    pub(crate) fn keys<'p>(&self, projects: impl IntoIterator<Item = Option<&'p str>>) -> Vec<StatusKey> {
        distinct(projects.into_iter().map(|project| self.status.key_for(project)))
    }

    /// The keys of the reports beside these statuses.
    pub(crate) fn report_keys<'p>(
        &self,
        projects: impl IntoIterator<Item = Option<&'p str>>,
    ) -> Vec<StatusKey> {
        let projects: Vec<_> = projects.into_iter().collect();
        let known = distinct(projects.iter().flatten());
        let several = known.len() > 1;
        distinct(projects.iter().map(|project| self.status.report_key(*project, several)))
    }
}

impl Plan<NamedTarget> {
    /// The same plan of a commit; `None` if it names none.
    pub(crate) fn of_commit(self) -> Option<Plan> {
        let Self { credential, target, status, insights, verdict } = self;
        let NamedTarget::Commit(target) = target else { return None };
        Some(Plan { credential, target, status, insights, verdict })
    }
}

/// The items in their order, each once.
fn distinct<I: PartialEq>(items: impl IntoIterator<Item = I>) -> Vec<I> {
    let mut known = Vec::new();
    for item in items {
        if !known.contains(&item) {
            known.push(item);
        }
    }
    known
}

impl Plan<NamedTarget> {
    /// Whether both plans post to one status: the same commit and key. With other refnames Bitbucket keeps two statuses
    /// of one key, and a red one can stay beside a green one.
    pub(crate) fn is_same_status(&self, other: &Self) -> bool {
        let has_several = self.verdict.may_be_several() || other.verdict.may_be_several();
        if self.target.place() != other.target.place() {
            return false;
        }
        let may_post = |plan: &Self, project: &String| {
            let known = plan.verdict.projects().contains(&Some(project));
            known || plan.verdict.expected().contains(project)
        };
        // One run of both must not call a project untouched that the other one has analysed.
        self.verdict.expected().iter().any(|project| may_post(other, project))
            || other.verdict.expected().iter().any(|project| may_post(self, project))
            || if has_several && !(self.status.has_key() && other.status.has_key()) {
                self.status == other.status && self.verdict == other.verdict
            } else {
                self.status.key_for(None) == other.status.key_for(None)
            }
    }

    /// Whether both plans post the same content.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        (&self.target, &self.status) == (&other.target, &other.status)
            && (&self.insights, &self.verdict) == (&other.insights, &other.verdict)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "variables are optional")]
    fn text(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    #[test]
    fn every_problem_is_found_in_one_go() {
        let variables = Variables {
            commit: text("x"),
            pull_request: text("x"),
            branch: text("a b"),
            refname: text("a b"),
            repo_slug: text("a b"),
            key: text("a\u{7}b"),
            url: text("localhost"),
            state: text("perhaps"),
            ..Variables::default()
        };
        let mut findings = Findings::default();
        let credentials = Keyring::from_variables(&variables, Duration::from_secs(1), &mut findings);
        assert!(
            Planner::new(Mode::Publish, &credentials, &Console::stdout())
                .plan(&variables, false, &mut findings)
                .is_none()
        );
        let names: Vec<_> = findings.problems.iter().map(|problem| problem.variable.as_str()).collect();
        assert_eq!(
            names,
            [
                "BITBUCKET_ACCESS_TOKEN",
                "COMMIT",
                "PULL_REQUEST",
                "BRANCH",
                "REFNAME",
                "WORKSPACE",
                "REPO_SLUG",
                "KEY",
                "STATE"
            ]
        );
    }
}
