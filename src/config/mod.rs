//! From the environment to a plan, with every problem found at once.

pub(crate) mod advice;
pub(crate) mod analysis;
pub(crate) mod analysis_files;
pub(crate) mod arguments;
pub(crate) mod checkout;
pub(crate) mod credential;
pub(crate) mod findings;
pub mod help;
pub(crate) mod insights;
pub(crate) mod keyring;
pub(crate) mod left_out;
pub(crate) mod near_miss;
pub(crate) mod parse;
pub(crate) mod placeholders;
pub(crate) mod plan;
pub(crate) mod projects;
pub(crate) mod report_task;
pub(crate) mod repositories;
pub(crate) mod repository;
pub(crate) mod roots;
pub(crate) mod settings;
pub(crate) mod settle;
pub(crate) mod status;
pub(crate) mod target;
pub(crate) mod target_list;
pub mod variables;
