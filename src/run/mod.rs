//! The plan is carried out: published, checked or settled, and reported.

pub(crate) mod ask_sonarqube;
pub(crate) mod budget;
pub(crate) mod check;
pub(crate) mod compare_analysis;
pub(crate) mod context;
pub(crate) mod delivery;
pub(crate) mod expected_projects;
pub(crate) mod find_commit;
pub(crate) mod find_targets;
pub(crate) mod insights;
pub(crate) mod lookup_cache;
pub(crate) mod progress;
pub(crate) mod publish;
pub(crate) mod report;
pub(crate) mod result_file;
pub(crate) mod settle;
pub(crate) mod stop;
pub(crate) mod summary;
