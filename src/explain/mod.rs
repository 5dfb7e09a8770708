//! Why something was refused, and what to do about it.

pub mod explanation;
pub mod further_reads;
pub mod handbook;
