//! The plan is carried out: published or checked, and reported.

pub(crate) mod ask_sonarqube;
pub(crate) mod budget;
pub(crate) mod check;
pub(crate) mod compare_analysis;
pub(crate) mod context;
pub(crate) mod delivery;
pub(crate) mod find_commit;
pub(crate) mod insights;
pub(crate) mod lookup_cache;
pub(crate) mod progress;
pub(crate) mod publish;
pub(crate) mod report;
pub(crate) mod result_file;
pub(crate) mod stop;
pub(crate) mod summary;
