//! One service over HTTP: requests, retries, throttling, and what is left of a request that failed.

pub(crate) mod authorization;
pub(crate) mod body;
pub(crate) mod certificate;
pub(crate) mod client;
pub(crate) mod deadline;
pub(crate) mod effect;
pub(crate) mod failed_request;
pub(crate) mod proxy;
pub(crate) mod retry;
pub(crate) mod throttle;
pub(crate) mod transport;
pub(crate) mod trust;
