//! What is found out once in a run, whoever asks and however many at a time.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    time::Instant,
};

use tokio::sync::OnceCell;

use crate::http::{client::Deadline, refusal::Refusal};

/// What came of looking for something.
pub type Found<T> = Result<T, Rc<Refusal>>;

/// What was found, by the fingerprint of what was asked.
#[derive(Debug)]
pub struct Once<T>(RefCell<HashMap<u64, Rc<OnceCell<Found<T>>>>>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<T: Clone> Once<T> {
    /// What was found before, or finds it. Who waits for another to find it has `deadline` put off by that. What failed
    /// for the moment only is asked anew when it `may_ask_anew`.
    ///
    /// # Errors
    ///
    /// As the search that found nothing.
    pub async fn get(
        &self,
        asked: u64,
        deadline: &Deadline,
        may_ask_anew: bool,
        find: impl Future<Output = Found<T>>,
    ) -> Found<T> {
        let cell = self.0.borrow_mut().entry(asked).or_default().clone();
        let (begun, is_own) = (Instant::now(), Cell::new(false));
        let find = async || {
            is_own.set(true);
            find.await
        };
        let found = cell.get_or_init(find).await.clone();
        if !is_own.get() {
            deadline.put_off(begun.elapsed());
        } else if may_ask_anew && found.as_ref().is_err_and(|refusal| refusal.is_passing()) {
            self.0.borrow_mut().remove(&asked);
        }
        found
    }
}
