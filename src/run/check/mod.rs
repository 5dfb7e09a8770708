//! `MODE: check`: goes through the plan and the steps of publishing up to the write, and posts nothing. One line for each
//! thing that was checked; with a list of targets, only lines that need attention.

mod bitbucket;
mod sonarqube;
mod tally;

use std::{collections::HashSet, fmt, rc::Rc};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::Url;

use crate::{
    bitbucket::{credential::Credential, refusal, scopes::Scopes},
    config::{
        analysis::{AnalysisPlan, VerdictPlan},
        insights::ReportScope,
        left_out::in_words,
        plan::{NamedTarget, Plan},
        target_list::Targets,
    },
    console::{log::Console, text::counted},
    explain::no_verdict::NoVerdict,
    http::deadline::Deadline,
    model::{insights::report_id, outcome::Outcome, target::Repository},
    run::{
        ask_sonarqube::servers::Servers, budget::Budget, context::Context, find_commit::Lookups,
        lookup_cache::LookupCache, progress::Progress, report,
    },
    sonarqube::refusal as sonarqube_refusal,
};

use self::{
    sonarqube::{AnalysisCheck, CheckedAnalysis},
    tally::Tally,
};

/// A run that checks.
#[derive(Debug)]
pub(crate) struct CheckRun<'a> {
    context: Context<'a>,
    targets: &'a Targets<NamedTarget>,
    lookups: Lookups<'a>,
    /// Whether a credential can read a repository, with the scopes that Bitbucket lists.
    repositories: LookupCache<(*const Credential, &'a Repository), Option<Scopes>, refusal::Refusal>,
    /// Whether a server accepts a token.
    tokens: LookupCache<(Url, TokenKey), bool, sonarqube_refusal::Refusal>,
    servers: Servers,
}

/// A token of SonarQube, compared by its value and never shown.
#[derive(Clone, PartialEq, Eq, Hash)]
struct TokenKey(String);

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(***)")
    }
}

impl<'a> CheckRun<'a> {
    pub(crate) fn new(context: Context<'a>, targets: &'a Targets<NamedTarget>) -> Self {
        let with_commit = targets.plans.iter().filter_map(|plan| match &plan.target {
            NamedTarget::Commit(target) => Some((&plan.credential, target)),
            NamedTarget::Repository(_) => None,
        });
        Self {
            context,
            targets,
            lookups: Lookups::of(with_commit),
            repositories: LookupCache::default(),
            tokens: LookupCache::default(),
            servers: Servers::default(),
        }
    }

    /// Checks all targets and reports how they are. Returns the worst outcome.
    ///
    /// # Errors
    ///
    /// Only what a defect of Gatepost explains.
    pub(crate) async fn check(&self) -> anyhow::Result<Outcome> {
        let version = env!("CARGO_PKG_VERSION");
        let Context { settings, keyring, console, .. } = self.context;
        let Targets { plans, are_listed, step, .. } = self.targets;
        if let ([plan], false) = (&plans[..], are_listed) {
            console.line(format_args!(
                "gatepost {version}: check of {} {}; nothing is posted",
                plan.target.repository(),
                plan.credential.authorization.description
            ));
            return self.check_target(plan, console).await;
        }
        let number = counted(plans.len(), "target");
        console.line(format_args!("gatepost {version}: check of {number}; nothing is posted"));
        if let Some(step) = step {
            console.line(step);
        }
        budget(plans).warn(self.targets.steps(), console);
        let progress = Progress::of(plans.len(), "targets");
        let checked = stream::iter(plans)
            .map(async |plan| {
                let outcome = self.check_target(plan, &console.about(&plan.target)).await;
                progress.add();
                outcome
            })
            .buffer_unordered(settings.concurrency)
            .try_collect();
        let outcomes: Vec<Outcome> = progress.tell_during(checked, keyring, String::new, console).await?;
        let working = outcomes.iter().filter(|outcome| **outcome == Outcome::Done).count();
        let worst = outcomes.into_iter().fold(self.targets.outcome(), Outcome::worse);
        report::unused_tokens(keyring, console);
        if let Some(unused) = self.servers.advice.unused() {
            console.warning(unused);
        }
        console.tell_left_out("");
        let verb = if plans.len() == 1 { "works" } else { "work" };
        let share = step.as_ref().map(|_| format!("; {}", self.targets.counted())).unwrap_or_default();
        let left_out = in_words(&self.targets.left_out);
        let line = format!("{working} of {number} {verb}; nothing was posted{share}{left_out}");
        if worst == Outcome::Done {
            console.done(line);
        } else {
            console.failed(line);
        }
        Ok(worst)
    }

    async fn check_target(&self, plan: &'a Plan<NamedTarget>, console: &Console) -> anyhow::Result<Outcome> {
        let deadline = Deadline::after(self.context.settings.timeout);
        let bitbucket = self.context.bitbucket(&plan.credential, console, &deadline);
        let mut tally = Tally::new(console);
        let analyses = match &plan.verdict {
            VerdictPlan::Given(_) => Vec::new(),
            VerdictPlan::Ask(asked) => CheckedAnalysis::all_of(asked)?,
        };
        let expected = plan.verdict.expected().iter().map(|project| Some(project.as_str()));
        let with_verdict = projects(&plan.verdict, &analyses);
        let keys = plan.keys(with_verdict.iter().copied().chain(expected));
        let target = self.check_bitbucket(plan, &keys, bitbucket, &mut tally).await;
        match &plan.verdict {
            VerdictPlan::Given(_) => console.line("SonarQube is not asked: STATE is given"),
            VerdictPlan::Ask(asked) => {
                let wanted = plan.target.wanted();
                let wanted = target
                    .as_ref()
                    .map(|target| wanted.clone().at(target, plan.target.repository()))
                    .unwrap_or(wanted);
                let scope = plan.insights.scope;
                if scope != ReportScope::Nothing && target.is_some() && !with_verdict.is_empty() {
                    let ids = plan.report_keys(with_verdict);
                    let ids: Vec<String> = ids.iter().map(report_id).collect();
                    let ids = ids.join(", ");
                    tally.passed(if plan.insights.posts_status {
                        format!("a report would go beside the status, as {ids}")
                    } else {
                        format!("a report would be posted, and no status (STATUS: false), as {ids}")
                    });
                }
                check_expected(asked, &analyses, &mut tally);
                let check = AnalysisCheck { plan: asked, scope, wanted, target, bitbucket };
                self.check_sonarqube(&check, analyses, &mut tally).await;
            }
        }
        if let Some(unused) = self.servers.advice.unused().filter(|_| console.is_of_run()) {
            tally
                .notable(unused, "compare it with the keys of the metrics of the gate, such as new_coverage");
        }
        Ok(tally.end())
    }
}

/// Tells which projects always have a status, and what it would be for those without an analysis, as far as it is known.
fn check_expected(plan: &AnalysisPlan, analyses: &[CheckedAnalysis<'_>], tally: &mut Tally<'_>) {
    if plan.expected.keys.is_empty() {
        return;
    }
    let number = counted(plan.expected.keys.len(), "project");
    let keys = plan.expected.keys.join(", ");
    tally.passed(format_args!("{number} would always have a status (SONAR_PROJECTS): {keys}"));
    let projects = plan.without_analysis(analyses.iter().map(CheckedAnalysis::project));
    let doubt = plan.doubt_of_scan().filter(|_| plan.scan_exit_code.is_some() && !projects.is_empty());
    if let Some(doubt) = doubt {
        tally.no_verdict(&NoVerdict::NotAnalysed { projects, doubt });
    }
}

/// The projects of the verdicts that a run would post. Without an analysis there is one, of no project, unless the scan may
/// leave nothing.
fn projects<'a>(plan: &VerdictPlan, analyses: &'a [CheckedAnalysis<'_>]) -> Vec<Option<&'a str>> {
    let may_be_empty = matches!(plan, VerdictPlan::Ask(asked) if asked.may_be_empty());
    let projects: Vec<_> = analyses.iter().map(CheckedAnalysis::project).collect();
    if projects.is_empty() && !may_be_empty { vec![None] } else { projects }
}

/// The requests of a check: one for each repository and credential, and two for each commit.
fn budget(plans: &[Plan<NamedTarget>]) -> Budget<'_> {
    let (mut budget, mut repositories) = (Budget::default(), HashSet::new());
    for Plan { credential, target, .. } in plans {
        let is_new = repositories.insert((Rc::as_ptr(credential), target.repository()));
        let (target, requests) = match target {
            NamedTarget::Commit(target) => (Some(target), 2),
            NamedTarget::Repository(_) => (None, 0),
        };
        budget.add(credential, target, requests + usize::from(is_new));
    }
    budget
}

/// Names the target for the reader.
impl fmt::Display for NamedTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit(target) => target.fmt(f),
            Self::Repository(repository) => repository.fmt(f),
        }
    }
}
