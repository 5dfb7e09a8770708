//! Whether the requests of a run fit into the allowance of each credential.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use crate::{
    bitbucket::credential::Credential,
    config::{analysis::VerdictPlan, plan::Plan},
    console::log::Console,
    http::throttle::Throttle,
    model::target::{Lookup, Repository, TargetPlan},
    run::result_file::ResultFile,
};

/// The allowance that every credential has at least, in requests an hour. Access tokens of large plans have more.
/// <https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/>
const ALLOWANCE: usize = 1000;

/// The number of requests that a run needs with each credential.
#[derive(Debug, Default)]
pub(crate) struct Budget<'a> {
    /// By the throttle of the credential; with the description of the credential.
    requests: HashMap<*const Throttle, (String, usize)>,
    lookups: HashSet<(*const Throttle, &'a Repository, Lookup<'a>)>,
}

/// What stands under the key of a project that always has a status is looked at before it is posted.
fn for_expected(plan: &Plan) -> usize {
    2 * plan.verdict.expected().len()
}

impl<'a> Budget<'a> {
    /// The requests of publishing, without the statuses that an earlier run delivered.
    pub(crate) fn of_publishing(plans: &'a [Plan], results: Option<&ResultFile>) -> Self {
        let is_delivered = |plan: &Plan| match &plan.verdict {
            VerdictPlan::Given(verdicts) => {
                results.is_some_and(|results| results.earlier.recall(plan, verdicts).is_some())
            }
            VerdictPlan::Ask(_) => false,
        };
        let mut budget = Self::default();
        for plan in plans.iter().filter(|plan| !is_delivered(plan)) {
            budget.add(&plan.credential, Some(&plan.target), plan.insights.requests() + for_expected(plan));
        }
        budget
    }

    /// Adds requests about a target, and its lookup, which is made once for all statuses.
    pub(crate) fn add(&mut self, credential: &Credential, target: Option<&'a TargetPlan>, requests: usize) {
        let throttle = Rc::as_ptr(&credential.throttle);
        let is_looked_up = target.filter(|target| target.given().is_none()).is_some_and(|target| {
            let lookup = target.may_look_up();
            lookup.is_some_and(|lookup| self.lookups.insert((throttle, &target.repository, lookup)))
        });
        let new = || (credential.authorization.description.clone(), 0);
        let (_, number) = self.requests.entry(throttle).or_insert_with(new);
        *number += requests + usize::from(is_looked_up);
    }

    /// Warns of each credential whose allowance may be too small. The `steps` of a parallel group share it.
    pub(crate) fn warn(&self, steps: usize, console: &Console) {
        let together = if steps > 1 { format!(" in the {steps} steps together") } else { String::new() };
        let needed = self.requests.values().map(|(description, requests)| (description, requests * steps));
        for (description, requests) in needed.filter(|(_, requests)| *requests > ALLOWANCE) {
            console.warning(format_args!(
                "the run needs up to {requests} requests {description}{together}; only {ALLOWANCE} an hour are certain (access tokens of large plans have more): it may become slow or be refused; then run again later with RESULT_FILE and RESUME, or use several access tokens, each with its own allowance"
            ));
        }
    }
}
