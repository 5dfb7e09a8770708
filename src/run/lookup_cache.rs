//! Results that a run looks up once, however many targets need them at the same time.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    hash::Hash,
    rc::Rc,
    time::Instant,
};

use tokio::sync::OnceCell;

use crate::{explain::tell::Refused, http::deadline::Deadline};

/// The result of a lookup, which several targets share.
pub(crate) type Found<T, E> = Result<T, Rc<E>>;

/// The results of lookups by what was looked up.
#[derive(Debug)]
pub(crate) struct LookupCache<K, T, E>(RefCell<HashMap<K, Slot<T, E>>>);

type Slot<T, E> = Rc<OnceCell<Found<T, E>>>;

impl<K, T, E> Default for LookupCache<K, T, E> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<K: Clone + Eq + Hash, T: Clone, E: Refused> LookupCache<K, T, E> {
    /// Returns the cached result, or runs `find`. A caller that waits for another caller's `find` gets that time added
    /// to its deadline. A transient failure is not cached when `retries_transient` is set.
    ///
    /// # Errors
    ///
    /// The error of `find`.
    pub(crate) async fn get(
        &self,
        key: &K,
        deadline: &Deadline,
        retries_transient: bool,
        find: impl Future<Output = Found<T, E>>,
    ) -> Found<T, E> {
        let slot = self.0.borrow_mut().entry(key.clone()).or_default().clone();
        let (begun, is_own) = (Instant::now(), Cell::new(false));
        let find = async || {
            is_own.set(true);
            find.await
        };
        let found = slot.get_or_init(find).await.clone();
        if !is_own.get() {
            deadline.extend(begun.elapsed());
        } else if retries_transient && found.as_ref().is_err_and(|refusal| refusal.failed().is_transient()) {
            self.0.borrow_mut().remove(key);
        }
        found
    }
}
