//! One row: what is set up, and what is looked at in the end.

use std::time::Duration;

use sandbox::{Analysis, Certificate, Dialect, Gate, Issue, Projects, Proxy, Recorded, SonarQube};

use super::{Again, End, How, Place, Row, Times, files, wire::Wire};
use crate::run::{
    Fault, Folder, Gatepost, Run, Sandbox, World, after_scan, by_hand, in_branch_build, scanned,
};

/// The services of a row, and a run that would succeed.
pub(super) struct Stage {
    pub(super) sandbox: Sandbox,
    pub(super) sonarqube: Option<SonarQube>,
    pub(super) folder: Folder,
    pub(super) gatepost: Gatepost,
}

/// No row sends more requests.
const MANY: usize = 500;

/// A status as it stands: key, state, description and branch.
type Standing = (String, String, String, Option<String>);

impl Place {
    /// Requests to the same service that come before.
    const fn spared(self) -> usize {
        match self {
            Self::Status | Self::Pending | Self::Lookup | Self::Task => 0,
            Self::StatusAfterLookup | Self::Gate => 1,
            // The task and the gate. The status, and the report of an earlier run is deleted.
            Self::Issues | Self::Report => 2,
            Self::Annotations => 3,
        }
    }

    pub(super) const fn is_of_sonarqube(self) -> bool {
        matches!(self, Self::Task | Self::Gate | Self::Issues)
    }

    const fn has_report(self) -> bool {
        matches!(self, Self::Report | Self::Annotations | Self::Issues)
    }

    /// Whether a request is one that the row is about, by its method and path.
    fn is_about(self, request: &str) -> bool {
        let (method, path) = match self {
            Self::Status | Self::Pending | Self::StatusAfterLookup => ("POST ", "/statuses/build"),
            Self::Lookup => ("GET ", "/pullrequests/7"),
            Self::Report => ("PUT ", "/reports/"),
            Self::Annotations => ("POST ", "/annotations"),
            Self::Task => ("GET ", "/api/ce/task"),
            Self::Gate => ("GET ", "/api/qualitygates/project_status"),
            Self::Issues => ("GET ", "/api/issues/search"),
        };
        request.starts_with(method) && request.contains(path)
    }

    /// The status that is meant to stand.
    fn meant(self) -> Standing {
        let standing = |key: &str, state: &str, description: &str, branch: &str| {
            (key.to_owned(), state.to_owned(), description.to_owned(), Some(branch.to_owned()))
        };
        match self {
            Self::Status => standing("sonar", "SUCCESSFUL", "Successful", "main"),
            Self::Pending => standing("sonar", "INPROGRESS", "In progress", "main"),
            Self::Lookup | Self::StatusAfterLookup => {
                standing("sonar", "SUCCESSFUL", "Successful", "feature/login")
            }
            _ => standing(
                "sonar-acme_api",
                "SUCCESSFUL",
                "Quality gate passed: acme_api, pull request 7",
                "feature/login",
            ),
        }
    }
}

impl Stage {
    fn new(row: &Row) -> Self {
        let (of_bitbucket, of_sonarqube) = match row.how {
            How::Shows(kind) if row.place.is_of_sonarqube() => (Certificate::Good, kind),
            How::Shows(kind) => (kind, Certificate::Good),
            _ => (Certificate::Good, Certificate::Good),
        };
        let sandbox = Sandbox::start_with(World::acme(), of_bitbucket);
        match row.place {
            Place::Status | Place::Pending => {
                let state = if row.place == Place::Pending { "INPROGRESS" } else { "passed" };
                let gatepost = in_branch_build(&sandbox).set("STATE", state);
                Self { sandbox, sonarqube: None, folder: Folder::new(), gatepost }
            }
            Place::Lookup | Place::StatusAfterLookup => {
                let gatepost = by_hand(&sandbox).set("PULL_REQUEST", "7");
                Self { sandbox, sonarqube: None, folder: Folder::new(), gatepost }
            }
            _ => {
                let sonarqube = SonarQube::start_with(Projects::acme(Dialect::Server2025), of_sonarqube);
                let issue = |line| {
                    Issue::new(&format!("AZ{line}"), "BUG", "CRITICAL", "src/till.rs", line, "It may be null")
                };
                let analysis = Analysis::of_pull_request("acme_api", "7", Gate::passed())
                    .submitted(&sandbox::date(std::time::SystemTime::now()))
                    .with_issues((1..=3).map(issue).collect());
                let folder = scanned(".scannerwork", &sonarqube.submit(analysis));
                let mut gatepost = after_scan(&sandbox, &folder).set("URL", "https://ci.example.com/");
                if row.place.has_report() {
                    gatepost = gatepost.unset("REPORT");
                }
                Self { sandbox, sonarqube: Some(sonarqube), folder, gatepost }
            }
        }
    }

    fn set(&mut self, name: &str, value: impl Into<std::ffi::OsString>) {
        self.gatepost = self.gatepost.clone().set(name, value);
    }

    /// The ports of the service that the row is about: for http, and for https.
    fn ports(&self, place: Place) -> (u16, u16) {
        match &self.sonarqube {
            Some(sonarqube) if place.is_of_sonarqube() => (sonarqube.http_port(), sonarqube.https_port()),
            _ => (self.sandbox.http_port(), self.sandbox.https_port()),
        }
    }

    /// Lets the service be at this address, which has no path.
    fn address(&mut self, place: Place, address: &str) {
        if place.is_of_sonarqube() {
            self.set("SONAR_HOST_URL", address);
        } else {
            self.set("BITBUCKET_API_URL", format!("{address}/2.0"));
        }
    }

    fn trust(&mut self) {
        let of_sonarqube = self.sonarqube.as_ref().map_or("", |sonarqube| sonarqube.root_certificate_pem());
        let roots = [self.sandbox.root_certificate_pem(), of_sonarqube].concat();
        let roots = self.folder.write("roots.pem", roots.as_bytes());
        self.set("SSL_CERT_FILE", roots);
    }

    /// Makes the fault. The wire that it is made on counts the requests.
    fn break_with(&mut self, row: &Row) -> Option<Wire> {
        let place = row.place;
        let (http, https) = self.ports(place);
        match row.how {
            How::Wire(breaks, times) => {
                let wire = Wire::http(http, place.spared(), breaks, times == Times::Always);
                self.address(place, &format!("http://127.0.0.1:{}", wire.port));
                return Some(wire);
            }
            How::BelowTls(breaks, times) => {
                self.trust();
                let wire = Wire::opaque(https, breaks, times == Times::Always);
                self.address(place, &format!("https://127.0.0.1:{}", wire.port));
                return Some(wire);
            }
            How::Answers(status, headers, body, times) => self.answer(place, status, headers, body, times),
            How::Shows(_) => {
                self.trust();
                self.address(place, &format!("https://localhost:{https}"));
            }
            How::Unknown => self.address(place, &format!("https://localhost:{https}")),
            How::Address(address) => {
                self.trust();
                self.address(place, address);
            }
            How::HttpsToHttp => {
                self.trust();
                self.address(place, &format!("https://localhost:{http}"));
            }
            How::HttpToHttps => self.address(place, &format!("http://127.0.0.1:{https}")),
            How::Proxy(breaks, times) => {
                self.trust();
                self.address(place, &format!("https://localhost:{https}"));
                let wire = match times {
                    Times::Always => Wire::http(https, 0, breaks, true),
                    Times::Once => Wire::opaque(Proxy::start().port(), breaks, false),
                };
                self.set("HTTPS_PROXY", format!("http://127.0.0.1:{}", wire.port));
                return Some(wire);
            }
            How::InTunnel(breaks, times) => {
                self.trust();
                self.address(place, &format!("https://localhost:{https}"));
                let wire = Wire::opaque(https, breaks, times == Times::Always);
                self.set("HTTPS_PROXY", Proxy::to(wire.port).url());
                return Some(wire);
            }
            How::HttpProxy(breaks) => {
                let wire = Wire::http(http, 0, breaks, true);
                self.address(place, "http://sonar.acme.example");
                self.set("HTTP_PROXY", format!("http://127.0.0.1:{}", wire.port));
                return Some(wire);
            }
            How::ProxyAddress(address) => {
                self.trust();
                self.address(place, &format!("https://localhost:{https}"));
                self.set("HTTPS_PROXY", address);
            }
            How::Files(_) => {}
        }
        None
    }

    fn answer(&self, place: Place, status: u16, headers: &[(&str, &str)], body: &'static str, times: Times) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let fault = Fault::Answer { status, headers, body: body.into() };
        let queue = |requests: usize, fault: Fault| match &self.sonarqube {
            Some(sonarqube) if place.is_of_sonarqube() => sonarqube.fault_after(requests, fault),
            _ => self.sandbox.fault_after(requests, fault),
        };
        queue(place.spared(), fault.clone());
        if times == Times::Always {
            (0..MANY).for_each(|_| queue(0, fault.clone()));
        }
    }

    fn standing(&self, place: Place) -> Vec<Standing> {
        let statuses = match place {
            Place::Status | Place::Pending => {
                self.sandbox.statuses("acme/api", &self.sandbox.head("acme/api", "main"))
            }
            _ => self.sandbox.pull_request_statuses("acme/api", 7),
        };
        let standing = |status: sandbox::Status| {
            (status.key, status.state, status.description.unwrap_or_default(), status.refname)
        };
        statuses.into_iter().map(standing).collect()
    }

    /// How often the request that the row is about came to its service.
    fn tries(&self, place: Place) -> usize {
        let requests = match &self.sonarqube {
            Some(sonarqube) if place.is_of_sonarqube() => sonarqube.requests(),
            _ => self.sandbox.requests(),
        };
        let is_about = |request: &&Recorded| place.is_about(&format!("{} {}", request.method, request.path));
        requests.iter().filter(is_about).count()
    }
}

/// Runs a row, and looks at what came of it.
pub(super) fn hold(row: &Row) {
    let mut stage = Stage::new(row);
    for limit in ["TIMEOUT", "SONAR_TIMEOUT"] {
        stage.set(limit, row.again.timeout().to_string());
    }
    let wire = stage.break_with(row);
    let run = match row.how {
        How::Files(fault) => files::run(fault, &stage),
        _ => stage.gatepost.run(),
    };
    let told = format!("{} ({:?}):\n{}", row.fault, row.place, run.told());
    assert_eq!(run.code, row.end.code(), "{told}");
    assert!(told.contains(row.told), "no {:?} in {told}", row.told);
    assert_time(row.again, &run, &told);
    assert_tries(row, &stage, wire.as_ref(), &run, &told);
    assert_outcome(row, &run, &told);
    assert_stands(row, &stage, &told);
}

fn assert_time(again: Again, run: &Run, told: &str) {
    assert!(run.took < again.at_most(), "{:?}: {told}", run.took);
    if again == Again::Silent {
        assert!(run.took >= Duration::from_secs(again.timeout()), "{:?}: {told}", run.took);
    }
}

/// The requests that were counted, and the words of the log, agree with what the row says of further attempts.
fn assert_tries(row: &Row, stage: &Stage, wire: Option<&Wire>, run: &Run, told: &str) {
    assert_eq!(run.output.contains("; trying again in "), row.again.is_again(), "{told}");
    let tries = match (row.how, wire) {
        // No service counts what does not reach it.
        (How::Address(_) | How::ProxyAddress(_), _) => return,
        (How::Shows(_) | How::Unknown | How::HttpsToHttp, _) => {
            assert_eq!(stage.tries(row.place), 0, "{told}");
            return;
        }
        (How::Proxy(..), Some(wire)) => wire.tries(|line| line.starts_with("CONNECT ")),
        (How::HttpProxy(_), Some(wire)) => wire.tries(|line| line.starts_with("GET ")),
        (_, Some(wire)) => wire.tries(|line| row.place.is_about(line)),
        (_, None) => stage.tries(row.place),
    };
    match (row.how, row.again) {
        (_, Again::No) if row.end == End::VariablesWrong => assert_eq!(tries, 0, "{told}"),
        // A proxy that refuses is asked for its words.
        (How::Proxy(..), Again::No) => assert!((1..=2).contains(&tries), "{tries} tries: {told}"),
        // The STOPPED over it is a request as well.
        (_, Again::Silent) if row.end == End::StoppedOver => assert_eq!(tries, 2, "{told}"),
        (_, Again::No | Again::Silent) => assert_eq!(tries, 1, "{told}"),
        (_, Again::Yes) => assert_eq!(tries, 2, "{told}"),
        (_, Again::Few | Again::UntilTimeout) => assert!(tries >= 2, "{tries} tries: {told}"),
    }
}

/// The line of the outcome.
fn assert_outcome(row: &Row, run: &Run, told: &str) {
    let (_, state, ..) = row.place.meant();
    let line = match row.end {
        End::Delivered | End::WithoutReport => format!("✔ posted {state} on acme/api commit "),
        End::NotPosted if row.place == Place::Lookup => "✖ not posted: the status".to_owned(),
        End::NotPosted => format!("✖ not posted: {state} on acme/api commit "),
        End::NotKnown | End::NotKnownButStands => {
            format!("✖ not known to be posted: {state} on acme/api commit ")
        }
        End::StoppedOver => "STOPPED".to_owned(),
        End::NoVerdict(_) => "✖ posted FAILED on acme/api commit ".to_owned(),
        End::VariablesWrong => "nothing was sent".to_owned(),
    };
    let is_printed = !matches!(row.how, How::Files(fault) if fault.loses_the_log());
    assert!(!is_printed || run.output.contains(&line), "no {line:?} in {told}");
    let is_missing =
        ["! the report was not posted", "! the report is not complete", "! the report has not all"]
            .iter()
            .any(|words| run.output.contains(words));
    assert_eq!(is_missing, row.end == End::WithoutReport, "{told}");
}

/// Exactly the status that was meant, or nothing.
fn assert_stands(row: &Row, stage: &Stage, told: &str) {
    let standing = stage.standing(row.place);
    let meant = row.place.meant();
    let expected = match row.end {
        End::Delivered | End::WithoutReport | End::NotKnownButStands => vec![meant],
        End::NotPosted | End::NotKnown | End::VariablesWrong => vec![],
        End::StoppedOver => {
            let [(key, stands, _, branch)] = &standing[..] else { panic!("{standing:?}: {told}") };
            assert_eq!((key, stands.as_str(), branch), (&meant.0, "STOPPED", &meant.3), "{told}");
            return;
        }
        End::NoVerdict(reason) => {
            vec![(meant.0, "FAILED".to_owned(), format!("No verdict: {reason}"), meant.3)]
        }
    };
    assert_eq!(standing, expected, "{told}");
    if row.place.has_report() {
        let head = stage.sandbox.head("acme/api", "feature/login");
        let reports = stage.sandbox.world(|world| world.reports("acme/api", &head));
        let annotations: usize = reports.iter().map(|report| report.annotations.len()).sum();
        let is_whole = reports.len() == 1 && annotations == 3;
        assert_eq!(is_whole, row.end == End::Delivered, "{reports:?}: {told}");
    }
}
