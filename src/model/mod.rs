//! What Gatepost talks about, as pure values.

pub mod outcome;
pub mod state;
pub mod token;
