//! What may be printed: the log, secrets kept out of it, and how text of others is shown.

pub(crate) mod foreign;
pub mod log;
pub mod secrets;
pub(crate) mod text;
