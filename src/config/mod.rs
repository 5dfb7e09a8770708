//! From the environment to a plan, with every problem found at once.

pub mod analysis;
pub mod credential;
pub mod findings;
pub mod help;
pub mod keyring;
pub mod parse;
pub mod plan;
pub mod report_task;
pub mod repository;
pub mod roots;
pub mod status;
pub mod target;
pub mod target_list;
pub mod variables;
