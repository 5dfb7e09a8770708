//! Why something was refused, and what to do about it.

pub(crate) mod bitbucket;
pub(crate) mod consumer;
pub(crate) mod explanation;
pub(crate) mod further_reads;
pub mod handbook;
pub(crate) mod network;
pub(crate) mod no_verdict;
pub(crate) mod sonarqube;
pub(crate) mod tell;
