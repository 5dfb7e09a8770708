//! What Gatepost talks about, as pure values.

pub mod address;
pub mod analysis;
pub mod outcome;
pub mod state;
pub mod status;
pub mod target;
pub mod token;
pub mod verdict;
