//! An embedded SonarQube: projects, analyses with their tasks and quality gates, and tokens of each kind.
//!
//! One instance speaks one [`Dialect`]. Sources are named where a rule is enforced; files of the server are
//! those of `SonarSource/sonarqube`, "the catalogue" is `api-evangelist/sonarsource`, which lists what
//! SonarQube Cloud says of its own web services, and what nobody has published is marked as assumed.

mod acme;
mod analysis;
mod api;
mod dates;
mod gate;
mod issues;
mod projects;
mod refusals;
mod shapes;
#[cfg(test)]
mod tests;
mod tokens;

pub use acme::{
    CLOUD_TOKEN, GLOBAL_ANALYSIS_TOKEN, PROJECT_ANALYSIS_TOKEN, READER_TOKEN, REVOKED_SONAR_TOKEN, USER_TOKEN,
};
pub use analysis::{Analysis, End, Submitted};
pub use dates::date;
pub use gate::{Condition, Gate, Level};
pub use issues::Issue;
pub use projects::{Dialect, Projects};
pub use tokens::Token;

use crate::certificates::Certificate;
use crate::faults::Fault;
use crate::server::{Recorded, Running};

/// A running SonarQube. Dropping it stops it, and panics if it had received a request that it does not know.
#[derive(Debug)]
pub struct SonarQube {
    running: Running<Projects>,
    base_path: String,
}

impl SonarQube {
    /// Starts the service on two free ports of 127.0.0.1, one for HTTP and one for HTTPS.
    ///
    /// # Panics
    /// When the machine has no port or no thread to spare.
    pub fn start(projects: Projects) -> Self {
        Self::start_with(projects, Certificate::Good)
    }

    /// Starts the service with a certificate of this kind.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn start_with(projects: Projects, certificate: Certificate) -> Self {
        let base_path = projects.base_path().to_owned();
        let started = Self { running: Running::start_with(projects, certificate), base_path };
        started.running.service().serve_at(&started.http_url());
        started
    }

    /// Where it is, without TLS: the base path included, `/api` not.
    pub fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.http_port(), self.base_path)
    }

    /// Where it is, with a certificate that [`Self::root_certificate_pem`] vouches for, unless another kind was
    /// asked for.
    pub fn https_url(&self) -> String {
        format!("https://localhost:{}{}", self.https_port(), self.base_path)
    }

    /// The port of [`Self::http_url`].
    pub const fn http_port(&self) -> u16 {
        self.running.http_port()
    }

    /// The port of [`Self::https_url`].
    pub const fn https_port(&self) -> u16 {
        self.running.https_port()
    }

    /// The root certificate of this service, which no other one shares: what an administrator would hand out, for a
    /// certificate that vouches for itself that one.
    pub fn root_certificate_pem(&self) -> &str {
        self.running.root_certificate_pem()
    }

    /// Every request received, in order.
    pub fn requests(&self) -> Vec<Recorded> {
        self.running.requests()
    }

    /// How many requests were received.
    pub fn request_count(&self) -> usize {
        self.running.request_count()
    }

    /// How many requests were under way at the same time, at most: each from its complete arrival until its
    /// answer begins. Answers take no time of their own, so let them take some with [`Fault::Delay`].
    pub fn most_at_once(&self) -> usize {
        self.running.most_at_once()
    }

    /// Lets something go wrong with the next request; after several calls, one with each of the next
    /// requests.
    pub fn fault(&self, fault: Fault) {
        self.running.faults().queue(fault);
    }

    /// Lets something go wrong with one request, after so many others; see [`crate::Sandbox::fault_after`].
    pub fn fault_after(&self, requests: usize, fault: Fault) {
        let mut faults = self.running.faults();
        faults.spare(requests);
        faults.queue(fault);
    }

    /// Lets the service restart behind a gateway, after so many requests: the gateway answers as many others with
    /// 503, and with `Retry-After` if it is given.
    pub fn restart(&self, after: usize, requests: usize, retry_after: Option<&str>) {
        let mut faults = self.running.faults();
        faults.spare(after);
        (0..requests).for_each(|_| faults.queue(Fault::unavailable(retry_after)));
    }

    /// Lets something go wrong with one request of this place; see [`crate::Sandbox::fault_at`].
    pub fn fault_at(&self, method: &'static str, part: &'static str, fault: Fault) {
        self.running.faults().queue_at(method, part, fault);
    }

    /// Lets the same go wrong with every request of this place; see [`crate::Sandbox::fault_always_at`].
    pub fn fault_always_at(&self, method: &'static str, part: &'static str, fault: Fault) {
        self.running.faults().always_at(method, part, fault);
    }

    /// Lets the same go wrong with every request that has no fault of its own.
    pub fn fault_always(&self, fault: Fault) {
        self.running.faults().always(fault);
    }

    /// Lets nothing go wrong any more.
    pub fn clear_faults(&self) {
        self.running.faults().clear();
    }

    /// Looks at the state, or changes it, while no request is being answered.
    pub fn projects<T>(&self, look: impl FnOnce(&mut Projects) -> T) -> T {
        look(&mut self.running.service())
    }

    /// See [`Projects::submit`].
    ///
    /// # Panics
    /// As there.
    pub fn submit(&self, analysis: Analysis) -> Submitted {
        self.running.service().submit(analysis)
    }

    /// The requests that it did not know, as `METHOD path`.
    pub fn unknown_requests(&self) -> Vec<String> {
        self.running.unknown_requests()
    }
}
