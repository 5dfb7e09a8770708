//! The statuses whose end was sent and has no answer yet.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use tokio::sync::Notify;

use crate::{
    http::effect::Effect,
    model::{status::Status, target::Target},
};

/// The statuses whose end is being posted.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    statuses: RefCell<Vec<Rc<EndingStatus>>>,
    /// Whether the run is stopped: nothing more is sent.
    is_closed: Cell<bool>,
    /// Told of each status that has its answer, once that is reported.
    reported: Notify,
}

/// A status that is being ended.
#[derive(Debug)]
pub(super) struct EndingStatus {
    /// The number of the target.
    pub(super) number: usize,
    pub(super) target: Target,
    /// As it is posted.
    pub(super) status: Status,
    pub(super) effect: Effect,
}

impl UnderWay {
    /// Notes that a request is about to end this status. It never returns once the run is stopped.
    pub(super) async fn begin(&self, number: usize, target: &Target, status: Status) -> Rc<EndingStatus> {
        if self.is_closed.get() {
            std::future::pending::<()>().await;
        }
        let ending = EndingStatus { number, target: target.clone(), status, effect: Effect::default() };
        let ending = Rc::new(ending);
        self.statuses.borrow_mut().push(ending.clone());
        ending
    }

    /// Removes a status whose answer was reported.
    pub(super) fn end(&self, ending: &Rc<EndingStatus>) {
        self.statuses.borrow_mut().retain(|known| !Rc::ptr_eq(known, ending));
        self.reported.notify_waiters();
    }

    /// Stops the run: nothing more is sent.
    pub(super) fn close(&self) {
        self.is_closed.set(true);
        self.statuses.borrow().iter().for_each(|status| status.effect.close());
    }

    /// Waits until each status that is in flight has its answer and is reported.
    pub(super) async fn answered(&self) {
        loop {
            // It hears of reports from here on.
            let reported = self.reported.notified();
            if !self.statuses.borrow().iter().any(|status| status.effect.is_in_flight()) {
                return;
            }
            reported.await;
        }
    }

    /// The statuses that Bitbucket may have ended, without an answer that says so.
    pub(super) fn unanswered(&self) -> Vec<Rc<EndingStatus>> {
        let statuses = self.statuses.borrow();
        statuses.iter().filter(|status| status.effect.may_have_been_applied()).cloned().collect()
    }
}
