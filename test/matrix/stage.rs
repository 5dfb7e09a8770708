//! One row: what is set up, and what is looked at in the end.

use std::time::Duration;

use sandbox::{
    Analysis, Certificate, Dialect, Gate, Issue, Projects, Proxy, PullRequest, REPOSITORY_TOKEN, Recorded,
    SonarQube, Status, WORKSPACE_TOKEN,
};
use serde_json::json;

use super::{
    Again, End, How, NextPage, Place, Row, Times, files,
    place::{ENDED, Standing},
    wire::{Break, Broken, End as Then, Sent, Wire},
};
use crate::{
    run::{
        Fault, Folder, Gatepost, Run, Sandbox, World, after_scan, by_hand, in_branch_build, over_found,
        scanned,
    },
    settle::{HOUR, left},
};

/// The services of a row, and a run that would succeed.
pub(super) struct Stage {
    pub(super) sandbox: Sandbox,
    pub(super) sonarqube: Option<SonarQube>,
    pub(super) folder: Folder,
    pub(super) gatepost: Gatepost,
    /// Another address of Bitbucket, to which no request may go.
    elsewhere: Option<Wire>,
}

/// Puts the status that stands before the run on the heads of the pull requests of both repositories.
fn put_before(place: Place, sandbox: &Sandbox) {
    let Some((key, state, description, _)) = place.before() else { return };
    sandbox.world(|world| {
        let author = world.account_of(if place.settles() { WORKSPACE_TOKEN } else { REPOSITORY_TOKEN });
        let status =
            Status { author, description: Some(description), ..left(world, &key, &state, 26 * HOUR) };
        let (commit, refname) = (world.head("acme/web", "fix/header"), Some("fix/header".to_owned()));
        if place.settles() {
            world.at_present();
            world.add_status("acme/web", Status { commit, refname, ..status.clone() });
        }
        world.add_status("acme/api", status);
    });
}

/// A run over the targets that it finds in `acme/api` and `acme/web`.
fn find(place: Place, sandbox: &Sandbox) -> Gatepost {
    sandbox.world(|world| {
        // It comes from a fork, to which the token of the workspace may not post.
        world.decline_pull_request("acme/api", 9);
        if place == Place::SecondPage {
            // They have one commit, and so one status.
            for id in 100..150 {
                world.open_pull_request(PullRequest::new("acme/api", id, "feature/login"));
            }
        }
    });
    let is_listed = matches!(place, Place::Repositories | Place::PullRequests);
    let repositories = if is_listed { "a*, web" } else { "api, web" };
    let gatepost = over_found(sandbox, repositories);
    match place {
        _ if place.is_of_branches() => gatepost.set("TARGETS_FROM", "main-branches"),
        // One after another: what a pause keeps away, and what follows so many requests, is the same each time.
        Place::SecondPage => gatepost.set("CONCURRENCY", "1"),
        _ if place.settles() => {
            gatepost.set("MODE", "settle").set("STATE", "STOPPED").set("CONCURRENCY", "1")
        }
        _ => gatepost,
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
        put_before(row.place, &sandbox);
        match row.place {
            place if place.is_found() => {
                let gatepost = find(place, &sandbox);
                Self { sandbox, sonarqube: None, folder: Folder::new(), gatepost, elsewhere: None }
            }
            Place::Status | Place::Pending => {
                let state = if row.place == Place::Pending { "INPROGRESS" } else { "passed" };
                let gatepost = in_branch_build(&sandbox).set("STATE", state);
                Self { sandbox, sonarqube: None, folder: Folder::new(), gatepost, elsewhere: None }
            }
            Place::Lookup | Place::StatusAfterLookup => {
                let gatepost = by_hand(&sandbox).set("PULL_REQUEST", "7");
                Self { sandbox, sonarqube: None, folder: Folder::new(), gatepost, elsewhere: None }
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
                if row.place.is_of_unanalysed() {
                    gatepost =
                        gatepost.set("SCAN_EXIT_CODE", "0").set("SONAR_PROJECTS", "acme_api, acme_web");
                }
                Self { sandbox, sonarqube: Some(sonarqube), folder, gatepost, elsewhere: None }
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
                let wire = Wire::http(http, place.broken(), breaks, times == Times::Always);
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
                    Times::Always => Wire::http(https, Broken::After(0), breaks, true),
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
                let wire = Wire::http(http, Broken::After(0), breaks, true);
                self.address(place, "http://sonar.acme.example");
                self.set("HTTP_PROXY", format!("http://127.0.0.1:{}", wire.port));
                return Some(wire);
            }
            How::ProxyAddress(address) => {
                self.trust();
                self.address(place, &format!("https://localhost:{https}"));
                self.set("HTTPS_PROXY", address);
            }
            How::NextPage(next) => self.lead_on(place, next),
            How::Removed(requests) => {
                self.sandbox.world(|world| {
                    world.delete_repository_after("acme/api", requests);
                });
            }
            How::Files(_) => {}
        }
        None
    }

    fn answer(&self, place: Place, status: u16, headers: &[(&str, &str)], body: &'static str, times: Times) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.fault(place, Fault::Answer { status, headers, body: body.into() }, times);
    }

    /// Lets each page of a list name another one as the next.
    fn lead_on(&mut self, place: Place, next: NextPage) {
        let port = match next {
            NextPage::Elsewhere => {
                let pass = Break { sent: Sent::Whole, end: Then::Keep };
                let wire = Wire::http(self.sandbox.http_port(), Broken::After(0), pass, true);
                self.elsewhere.insert(wire).port
            }
            NextPage::Second => self.sandbox.http_port(),
        };
        let (_, path) = place.request();
        let next = json!({ "next": format!("http://127.0.0.1:{port}{path}page=2") });
        self.fault(place, Fault::Altered(next), Times::Always);
    }

    /// Lets the service make the fault.
    fn fault(&self, place: Place, fault: Fault, times: Times) {
        let (method, part) = place.request();
        match (&self.sonarqube, times) {
            (Some(sonarqube), Times::Once) if place.is_of_sonarqube() => {
                sonarqube.fault_at(method, part, fault);
            }
            (Some(sonarqube), Times::Always) if place.is_of_sonarqube() => {
                sonarqube.fault_always_at(method, part, fault);
            }
            (_, Times::Once) => self.sandbox.fault_at(method, part, fault),
            (_, Times::Always) => self.sandbox.fault_always_at(method, part, fault),
        }
    }

    /// What stands where the row's status is meant to stand, and what stands beside it.
    fn standing(&self, place: Place) -> (Vec<Standing>, Vec<Standing>) {
        // Of a repository that is gone, the sandbox no longer knows the head.
        let of_head =
            |repository: &str| self.sandbox.statuses(repository, &World::acme().head(repository, "main"));
        let of_pull_request = |repository: &str, id| self.sandbox.pull_request_statuses(repository, id);
        let (statuses, beside) = match place {
            Place::Status | Place::Pending => (of_head("acme/api"), vec![]),
            _ if place.is_of_branches() => (of_head("acme/api"), of_head("acme/web")),
            _ if place.is_found() => (of_pull_request("acme/api", 7), of_pull_request("acme/web", 12)),
            _ if place.is_of_unanalysed() => {
                of_pull_request("acme/api", 7).into_iter().partition(|status| status.key.ends_with("_web"))
            }
            _ => (of_pull_request("acme/api", 7), vec![]),
        };
        let standing = |status: Status| {
            let description = status.description.unwrap_or_default();
            let is_ended = description.starts_with(ENDED);
            let description = if is_ended { ENDED.to_owned() } else { description };
            (status.key, status.state, description, status.refname)
        };
        let shown = |statuses: Vec<Status>| statuses.into_iter().map(standing).collect();
        (shown(statuses), shown(beside))
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
    // Before another attempt to end a status, the list is read again.
    let is_told =
        ["; trying again in ", "; looking again in "].iter().any(|words| run.output.contains(words));
    assert_eq!(is_told, row.again.is_again() || row.again == Again::Looks, "{told}");
    let led_astray = stage.elsewhere.as_ref().map(|wire| wire.tries(|_| true));
    assert_eq!(led_astray.unwrap_or(0), 0, "{told}");
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
        // A refusal leads to the question who created the status, at the same address.
        (_, Again::No) if row.place.is_of_unanalysed() => {
            assert!((1..=2).contains(&tries), "{tries} tries: {told}");
        }
        // Each page once.
        (How::NextPage(NextPage::Second), _) | (_, Again::Yes) => assert_eq!(tries, 2, "{told}"),
        (_, Again::No | Again::Silent | Again::Looks) => assert_eq!(tries, 1, "{told}"),
        (_, Again::Few | Again::UntilTimeout) => assert!(tries >= 2, "{tries} tries: {told}"),
    }
}

/// The line of the outcome, in parts.
fn outcome<'s>(row: &Row, state: &'s str) -> Vec<&'s str> {
    let place = row.place;
    let is_refused = matches!(row.end, End::NotPosted | End::NonePosted);
    match (row.end, place) {
        (End::VariablesWrong, _) => vec!["nothing was sent"],
        (End::StoppedOver, _) => vec!["STOPPED"],
        (End::NoVerdict(_), _) => vec!["✖ posted FAILED on acme/api commit "],
        (_, Place::Lookup) if is_refused => vec!["✖ not posted: the status"],
        (_, Place::Repositories) if is_refused => vec!["✖ failed to list the repositories of acme: "],
        (_, Place::PullRequests | Place::SecondPage) if is_refused => {
            vec!["✖ failed to list the pull requests of acme/api: "]
        }
        (_, Place::MainBranch) if is_refused => vec!["✖ failed to read the repository acme/api: "],
        (_, Place::BranchOfFound) if is_refused => vec!["✖ acme/api ", "branch main", "not posted"],
        (_, Place::Statuses) if is_refused => {
            vec!["✖ acme/api commit ", "failed to list the statuses of commit "]
        }
        (_, Place::Ending) if is_refused => vec!["✖ acme/api commit ", "INPROGRESS stays"],
        (_, Place::StandingVerdict) if is_refused => vec!["✖ not posted: SUCCESSFUL on acme/api commit "],
        (End::Delivered, Place::StandingVerdict) => {
            vec!["! FAILED on acme/api commit ", " stays (key sonar-acme_web)"]
        }
        (End::Delivered, _) if place.settles() => vec!["✔ acme/api commit ", "INPROGRESS is STOPPED now"],
        (_, Place::Ending) => vec!["✖ acme/api commit ", "INPROGRESS may be STOPPED now"],
        (End::Delivered, _) if place.is_found() => vec!["✔ acme/api ", state, "posted\n"],
        (_, _) if place.is_found() && is_refused => vec!["✖ acme/api ", state, "not posted"],
        (_, _) if place.is_found() => vec!["✖ acme/api ", state, "not known"],
        (End::Delivered | End::WithoutReport, _) => vec!["✔ posted ", state, " on acme/api commit "],
        (_, _) if is_refused => vec!["✖ not posted: ", state, " on acme/api commit "],
        (_, _) => vec!["✖ not known to be posted: ", state, " on acme/api commit "],
    }
}

fn assert_outcome(row: &Row, run: &Run, told: &str) {
    let (_, state, ..) = row.place.meant();
    let parts = outcome(row, &state);
    let is_printed = !matches!(row.how, How::Files(fault) if fault.loses_the_log());
    // The last line is the one that is read: it must not say that all is well when it is not.
    let last = run.output.lines().last().unwrap_or_default();
    assert_eq!(is_printed && last.starts_with('✔'), is_printed && run.code == 0, "{told}");
    let is_it = |line: &str| {
        let rest = parts.iter().try_fold(line, |rest, part| rest.split_once(part).map(|(_, rest)| rest));
        rest.is_some()
    };
    let is_told = run.output.split_inclusive('\n').any(is_it);
    assert!(!is_printed || is_told, "no {:?} in {told}", parts.concat());
    let is_missing =
        ["! the report was not posted", "! the report is not complete", "! the report has not all"]
            .iter()
            .any(|words| run.output.contains(words));
    assert_eq!(is_missing, row.end == End::WithoutReport, "{told}");
}

/// Exactly the status that was meant, or what stood before.
fn assert_stands(row: &Row, stage: &Stage, told: &str) {
    let (standing, beside) = stage.standing(row.place);
    let is_none = row.end == End::NonePosted;
    let expected = if is_none { row.place.beside_before() } else { row.place.beside() };
    assert_eq!(beside, expected.into_iter().collect::<Vec<_>>(), "{told}");
    let meant = row.place.meant();
    let expected = match row.end {
        End::Delivered | End::WithoutReport | End::NotKnownButStands => vec![meant],
        // With the repository, its statuses are gone.
        _ if matches!(row.how, How::Removed(_)) => vec![],
        End::NotPosted | End::NonePosted | End::NotKnown | End::VariablesWrong => {
            row.place.before().into_iter().collect()
        }
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
