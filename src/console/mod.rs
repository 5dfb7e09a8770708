//! What may be printed: the log, secrets kept out of it, and how foreign text is shown.

pub(crate) mod defect;
pub(crate) mod foreign;
pub(crate) mod log;
pub(crate) mod secrets;
pub(crate) mod text;
