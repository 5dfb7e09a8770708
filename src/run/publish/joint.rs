//! Targets with one commit and one key: two pull requests of one branch. They have one status, which says the worst of their
//! verdicts, so the verdicts of all are known before it is posted.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    rc::Rc,
};

use crate::{
    bitbucket::refusal::Refusal,
    config::{
        analysis::VerdictPlan,
        plan::{KeyedVerdict, Plan},
    },
    console::log::Console,
    http::client::Client,
    model::{
        status::{Status, StatusKey},
        target::{Repository, Target},
        verdict::Verdict,
    },
    run::{
        delivery::{Delivery, StatusResult},
        publish::target::TargetPublisher,
    },
};

/// Which plans are published together, by their numbers.
#[derive(Debug, Default)]
pub(super) struct JointPlans {
    /// The other plans of each first one.
    others: HashMap<usize, Vec<usize>>,
    /// All that are not the first one.
    joined: HashSet<usize>,
}

/// A target whose verdict is posted with that of the first one.
#[derive(Debug)]
pub(super) struct OtherTarget<'p> {
    /// The number of its plan.
    pub(super) number: usize,
    pub(super) plan: &'p Plan,
    pub(super) console: Console,
    pub(super) verdicts: Vec<Verdict>,
    /// What became of its statuses.
    pub(super) results: Vec<StatusResult>,
}

impl JointPlans {
    pub(super) fn of(plans: &[Plan]) -> Self {
        let (mut firsts, mut joint) = (HashMap::new(), Self::default());
        for (number, plan) in plans.iter().enumerate() {
            let Some(slot) = slot_of(plan) else { continue };
            let mut hasher = DefaultHasher::new();
            slot.hash(&mut hasher);
            match firsts.entry(hasher.finish()) {
                Entry::Vacant(first) => {
                    first.insert(number);
                }
                Entry::Occupied(first) if slot_of(&plans[*first.get()]).as_ref() == Some(&slot) => {
                    joint.others.entry(*first.get()).or_default().push(number);
                    joint.joined.insert(number);
                }
                Entry::Occupied(_) => {}
            }
        }
        joint
    }

    /// Whether the plan with this number is published by itself, with those that are joined to it.
    pub(super) fn is_first(&self, number: usize) -> bool {
        !self.joined.contains(&number)
    }

    /// The numbers of the plans that are published with this one.
    pub(super) fn others(&self, number: usize) -> &[usize] {
        self.others.get(&number).map_or(&[], Vec::as_slice)
    }
}

/// The commit, the branch and the keys of a plan, if they are known before anything is looked up. A state that is given is
/// not a verdict that another one may outweigh.
fn slot_of(plan: &Plan) -> Option<(Repository, String, Option<String>, Vec<StatusKey>)> {
    let VerdictPlan::Ask(analysis) = &plan.verdict else { return None };
    if !plan.insights.posts_status || !analysis.expected.keys.is_empty() {
        return None;
    }
    let Target { repository, commit, refname } = plan.target.given()?;
    Some((repository, commit.digits().to_owned(), refname, plan.keys(analysis.projects())))
}

impl<'p> OtherTarget<'p> {
    pub(super) const fn new(number: usize, plan: &'p Plan, console: Console, verdicts: Vec<Verdict>) -> Self {
        Self { number, plan, console, verdicts, results: Vec::new() }
    }

    /// Notes what became of the status with this key, which says the worst of several verdicts.
    pub(super) fn note(&mut self, target: &Target, status: &Status, delivery: &Delivery) {
        let own = self.plan.keyed(&self.verdicts).into_iter().find(|keyed| keyed.key == status.key);
        let Some(KeyedVerdict { verdict, .. }) = own else { return };
        self.results.push(StatusResult {
            target: Some(target.clone()),
            status: Some(status.clone()),
            delivery: match delivery {
                done if !done.is_done() => done.clone(),
                _ if verdict.state == status.state => Delivery::Repeated,
                _ => Delivery::Outweighed,
            },
            verdict_outcome: verdict.outcome,
            verdict_words: status.description.clone(),
        });
    }

    /// Notes that the commit was not found.
    pub(super) fn note_not_found(&mut self, refusal: &Rc<Refusal>) {
        self.results.push(StatusResult::not_found(refusal.clone()));
    }
}

impl<'p> TargetPublisher<'_, 'p> {
    /// The verdicts of the other targets, each compared with the commit that was found.
    pub(super) async fn compare_others(&self, others: &mut [OtherTarget<'p>], target: &Target) {
        for other in others {
            let bitbucket = self.bitbucket.changed(|client| Client { console: &other.console, ..client });
            let publisher = TargetPublisher { bitbucket, number: other.number, plan: other.plan, ..*self };
            let compared = publisher.compared(std::mem::take(&mut other.verdicts), target).await;
            other.verdicts = compared;
        }
    }
}
