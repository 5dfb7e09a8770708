//! What Gatepost talks about, as pure values.

pub(crate) mod address;
pub(crate) mod analysis;
pub(crate) mod consumer;
pub(crate) mod digest;
pub(crate) mod insights;
pub(crate) mod outcome;
pub(crate) mod settlement;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod target;
pub(crate) mod timestamp;
pub(crate) mod token;
pub(crate) mod verdict;
