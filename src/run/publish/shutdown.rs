//! Final statuses on shutdown: `STOPPED` over an `INPROGRESS` that would block merging for ever.

use std::{cell::RefCell, collections::HashMap, rc::Rc, time::Duration};

use crate::{
    bitbucket::api::Bitbucket,
    http::{
        client::Client,
        deadline::Deadline,
        throttle::{Outage, Throttle},
    },
    model::status::Status,
    run::publish::pending::PendingStatus,
};

/// Posts final statuses. Earlier failures do not count, but the final statuses share what they find out.
#[derive(Debug)]
pub(super) struct FinalStatuses {
    pub(super) deadline: Deadline,
    limit: Duration,
    outage: Outage,
    /// New throttles, by the throttle of the credential.
    throttles: RefCell<HashMap<*const Throttle, Rc<Throttle>>>,
}

/// Why a final status is not known to be posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unposted {
    Refused,
    /// It may stand all the same.
    NoAnswer,
}

/// For `STOPPED` over one `INPROGRESS` without a response, after `TIMEOUT`.
pub(super) const ONE_STATUS_LIMIT: Duration = Duration::from_secs(5);

impl FinalStatuses {
    /// Final statuses that are posted within this time.
    pub(super) fn within(limit: Duration) -> Self {
        Self::until(Deadline::firm(limit))
    }

    /// Final statuses that are posted until then.
    pub(super) fn until(deadline: Deadline) -> Self {
        Self { limit: deadline.left(), deadline, outage: Outage::default(), throttles: RefCell::default() }
    }

    fn throttle_of(&self, throttle: &Rc<Throttle>) -> Rc<Throttle> {
        let new = || Rc::new(Throttle::new(self.limit, self.outage.clone()));
        self.throttles.borrow_mut().entry(Rc::as_ptr(throttle)).or_insert_with(new).clone()
    }

    /// Posts `STOPPED` over an `INPROGRESS` that may have been applied. Returns the posted status.
    ///
    /// # Errors
    ///
    /// When it could not be posted; the reader is warned.
    pub(super) async fn post_stopped(
        &self,
        bitbucket: &Bitbucket<'_>,
        inprogress: &PendingStatus,
    ) -> Result<Status, Unposted> {
        let PendingStatus { credential, target, status, .. } = inprogress;
        let throttle = self.throttle_of(&credential.throttle);
        let bitbucket = bitbucket.changed(|client| Client {
            deadline: &self.deadline,
            throttle: &throttle,
            effect: None,
            ..client
        });
        let stopped = status.stopped();
        match bitbucket.post_status(&target.repository, &target.commit, &stopped).await {
            Ok(()) => Ok(stopped),
            Err(refusal) => {
                let console = bitbucket.client.console;
                console.warning(format_args!("INPROGRESS may still stand on the commit: {refusal}"));
                let is_refused = refusal.failed.status_code().is_some();
                Err(if is_refused { Unposted::Refused } else { Unposted::NoAnswer })
            }
        }
    }
}
