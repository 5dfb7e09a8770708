//! What is found out once in a run, whoever asks and however many at a time.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    time::Instant,
};

use tokio::sync::OnceCell;

use crate::{bitbucket::refusal::Refusal, explain::tell::Refused, http::deadline::Deadline};

/// What came of looking for something.
pub(crate) type Found<T, E = Refusal> = Result<T, Rc<E>>;

/// What was found, by the fingerprint of what was asked.
#[derive(Debug)]
pub(crate) struct Once<T, E = Refusal>(RefCell<HashMap<u64, Slot<T, E>>>);

type Slot<T, E> = Rc<OnceCell<Found<T, E>>>;

impl<T, E> Default for Once<T, E> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<T: Clone, E: Refused> Once<T, E> {
    /// What was found before, or finds it. Who waits for another to find it has `deadline` put off by that. What failed
    /// for the moment only is asked anew when it `may_ask_anew`.
    ///
    /// # Errors
    ///
    /// As the search that found nothing.
    pub(crate) async fn get(
        &self,
        asked: u64,
        deadline: &Deadline,
        may_ask_anew: bool,
        find: impl Future<Output = Found<T, E>>,
    ) -> Found<T, E> {
        let cell = self.0.borrow_mut().entry(asked).or_default().clone();
        let (begun, is_own) = (Instant::now(), Cell::new(false));
        let find = async || {
            is_own.set(true);
            find.await
        };
        let found = cell.get_or_init(find).await.clone();
        if !is_own.get() {
            deadline.extend(begun.elapsed());
        } else if may_ask_anew && found.as_ref().is_err_and(|refusal| refusal.failed().is_transient()) {
            self.0.borrow_mut().remove(&asked);
        }
        found
    }
}
