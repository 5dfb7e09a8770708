//! One service over HTTP: requests, retries, throttling, and the refusal that is left when they fail.

pub mod body;
pub mod client;
pub mod refusal;
pub mod retry;
pub mod service;
pub mod throttle;
pub mod transport;
