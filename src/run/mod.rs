//! The plan is carried out: published or checked, and reported.

pub mod ask_sonarqube;
pub mod check;
pub mod context;
pub mod find_commit;
pub mod lookup_cache;
pub mod publish;
pub mod report;
pub mod result_file;
pub mod summary;
pub mod targets;
