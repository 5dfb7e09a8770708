//! An embedded Bitbucket Cloud and an embedded SonarQube on loopback, with a memory, that refuse what the real
//! ones refuse.
//!
//! Bitbucket knows workspaces, repositories, commits, branches, pull requests, build statuses and Code Insights
//! reports, tokens with an owner, a reach and scopes, and OAuth consumers. A forward proxy stands before either
//! service where a test wants one. SonarQube knows projects, analyses with their tasks and gates, and tokens, in the words of Cloud or of a version of Server. Each rule carries its source where it is enforced;
//! what nobody has published is marked as assumed. A request that the sandbox does not know gets 501 and
//! fails the test.
//!
//! ```
//! use sandbox::{Sandbox, World};
//!
//! let sandbox = Sandbox::start(World::acme());
//! let commit = sandbox.world(|world| world.head("acme/api", "feature/login"));
//! // ... run a client against sandbox.http_url() ...
//! assert!(sandbox.statuses("acme/api", &commit).is_empty());
//! ```
//!
//! ```
//! use sandbox::{Analysis, Dialect, Gate, Projects, SonarQube};
//!
//! let sonar = SonarQube::start(Projects::acme(Dialect::Cloud));
//! let submitted = sonar.submit(Analysis::of_pull_request("acme_api", "7", Gate::failed()));
//! // ... give submitted.report_task to a client ...
//! assert!(submitted.report_task.contains(&sonar.http_url()));
//! ```

mod acme;
mod allowance;
mod bitbucket;
mod canary;
mod certificates;
mod changes;
mod credentials;
mod faults;
mod fleet;
mod gatepost;
mod load;
mod message;
mod oauth;
mod page;
mod pages;
mod pipelines_proxy;
mod proxy;
mod refusals;
mod rules;
mod server;
mod shapes;
mod sonar;
mod statuses;
#[cfg(test)]
mod tests;
mod world;

pub use acme::{
    ADMIN_EMAIL, API_TOKEN, API_TOKEN_CLASSIC, API_TOKEN_EXPIRED, API_TOKEN_OF_ADMIN, API_TOKEN_OF_JANE,
    API_TOKEN_REPOSITORY_ONLY, API_TOKEN_WRITE_ONLY, APP_PASSWORD, CI_EMAIL, CI_USERNAME, JANE_EMAIL,
    OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, PROJECT_TOKEN, REPOSITORY_TOKEN, REPOSITORY_TOKEN_OF_WEB,
    REPOSITORY_TOKEN_REPOSITORY_ONLY, REVOKED_TOKEN, WORKSPACE_TOKEN,
};
pub use certificates::Certificate;
pub use changes::Closed;
pub use credentials::Reach;
pub use faults::{Effect, Fault};
pub use fleet::{repository_token, service};
pub use gatepost::{Folder, Gatepost, Program, Run};
pub use oauth::Consumer;
pub use pipelines_proxy::PipelinesProxy;
pub use proxy::{Proxy, ProxyRule, tunnel};
pub use server::Recorded;
pub use sonar::{
    Analysis, CLOUD_TOKEN, Condition, Dialect, End, GLOBAL_ANALYSIS_TOKEN, Gate, Issue, Level,
    PROJECT_ANALYSIS_TOKEN, Projects, READER_TOKEN, REVOKED_SONAR_TOKEN, SonarQube, Submitted, Token,
    USER_TOKEN, date,
};
pub use world::{Account, PullRequest, Report, Role, Status, World, timestamp, uuid};

use std::time::Duration;

use server::Running;

/// A running service. Dropping it stops it, and panics if it had received a request that it does not know.
#[derive(Debug)]
pub struct Sandbox {
    running: Running<World>,
}

impl Sandbox {
    /// Starts the service on two free ports of 127.0.0.1, one for HTTP and one for HTTPS.
    ///
    /// # Panics
    /// When the machine has no port or no thread to spare.
    pub fn start(world: World) -> Self {
        Self { running: Running::start(world) }
    }

    /// Starts the service with a certificate of this kind.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn start_with(world: World, certificate: Certificate) -> Self {
        Self { running: Running::start_with(world, certificate) }
    }

    /// Where the API is, without TLS.
    pub fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}/2.0", self.http_port())
    }

    /// Where the API is, with a certificate that [`Self::root_certificate_pem`] vouches for.
    pub fn https_url(&self) -> String {
        format!("https://localhost:{}/2.0", self.https_port())
    }

    /// The port of [`Self::http_url`].
    pub const fn http_port(&self) -> u16 {
        self.running.http_port()
    }

    /// The port of [`Self::https_url`].
    pub const fn https_port(&self) -> u16 {
        self.running.https_port()
    }

    /// The root certificate of this sandbox, which no other one shares.
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

    /// Waits until so many requests were received in all, or until the time is over.
    pub fn wait_for_requests(&self, requests: usize, at_most: Duration) {
        self.running.wait_for_requests(requests, at_most);
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

    /// Lets something go wrong with one request, after so many others: `fault_after(0, fault)` is
    /// `fault(fault)`. They are counted as they arrive, after those that earlier calls have provided for.
    pub fn fault_after(&self, requests: usize, fault: Fault) {
        let mut faults = self.running.faults();
        faults.spare(requests);
        faults.queue(fault);
    }

    /// Lets the service be away for a number of requests, after so many others: the connection of each is closed
    /// without an answer. They are counted as in [`Self::fault_after`].
    pub fn outage(&self, after: usize, requests: usize) {
        let mut faults = self.running.faults();
        faults.spare(after);
        (0..requests).for_each(|_| faults.queue(Fault::ResetBeforeAnswer));
    }

    /// Lets something go wrong with the next request that carries this secret and has no fault by
    /// [`Self::fault`]; after several calls, one with each of the next such requests.
    pub fn fault_for(&self, secret: &str, fault: Fault) {
        self.running.faults().queue_for(secret, fault);
    }

    /// Lets the same go wrong with every request that has no fault of its own.
    pub fn fault_always(&self, fault: Fault) {
        self.running.faults().always(fault);
    }

    /// Lets the same go wrong with every request that carries this secret and has no fault of its own, in place
    /// of what [`Self::fault_always`] does.
    pub fn fault_always_for(&self, secret: &str, fault: Fault) {
        self.running.faults().always_for(secret, fault);
    }

    /// Lets something go wrong with the next request that has this method and this part in its path and query. Other requests
    /// do not count. Several calls let something go wrong with several such requests, one each. A fault by [`Self::fault`]
    /// comes first.
    pub fn fault_at(&self, method: &'static str, part: &'static str, fault: Fault) {
        self.running.faults().queue_at(method, part, fault);
    }

    /// Lets the same go wrong with every such request that has no fault of its own.
    pub fn fault_always_at(&self, method: &'static str, part: &'static str, fault: Fault) {
        self.running.faults().always_at(method, part, fault);
    }

    /// Lets the service be away, as if its process had died, until [`Self::resume`]: ends every connection,
    /// whatever is under way on it, and closes new ones at once. What is sent meanwhile is not recorded.
    pub fn interrupt(&self) {
        self.running.interrupt();
    }

    /// Lets the service be back, on the same ports and with all that it knew. Connections from before stay ended.
    pub fn resume(&self) {
        self.running.resume();
    }

    /// How many connections were closed because the service was away.
    pub fn turned_away(&self) -> usize {
        self.running.turned_away()
    }

    /// Lets nothing go wrong any more.
    pub fn clear_faults(&self) {
        self.running.faults().clear();
    }

    /// Waits until every request with [`Fault::Slow`] has had its effect, those whose client went away included.
    ///
    /// # Panics
    /// When that takes more than a minute.
    pub fn settle(&self) {
        self.running.settle();
    }

    /// Looks at the state, or changes it, while no request is being answered.
    pub fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.running.service())
    }

    /// See [`World::head`].
    pub fn head(&self, full_name: &str, branch: &str) -> String {
        self.running.service().head(full_name, branch)
    }

    /// See [`World::statuses`].
    pub fn statuses(&self, full_name: &str, commit: &str) -> Vec<Status> {
        self.running.service().statuses(full_name, commit)
    }

    /// See [`World::pull_request_statuses`].
    pub fn pull_request_statuses(&self, full_name: &str, id: u64) -> Vec<Status> {
        self.running.service().pull_request_statuses(full_name, id)
    }

    /// The requests that it did not know, as `METHOD path`.
    pub fn unknown_requests(&self) -> Vec<String> {
        self.running.unknown_requests()
    }
}
