//! Tests of the real binary, in its own environment, against the sandbox.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod behaviour;
mod check;
mod credentials;
mod documents;
mod faults;
mod insights;
mod matrix;
mod posted;
mod proxy;
mod public_texts;
mod results;
mod rooms;
mod run;
mod scenarios;
mod settle;
mod sonar;
mod status;
mod summary;
mod target;
mod targets;
mod variables;
mod verdict;
