//! What SonarQube tells of tasks, analyses and itself, and what stands between it and a client, over its sockets.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring};

use crate::{
    Analysis, Certificate, Dialect, End, Fault, Gate, PROJECT_ANALYSIS_TOKEN, Projects, READER_TOKEN,
    SonarQube, USER_TOKEN, date,
};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const STATUS: &str = "/api/qualitygates/project_status";

fn sonarqube(dialect: Dialect) -> SonarQube {
    SonarQube::start(Projects::acme(dialect))
}

/// The head of an answer in small letters, and its body.
fn ask_as(token: &str, port: u16, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    exchange(&mut stream, token, path).unwrap()
}

fn exchange(stream: &mut (impl Read + Write), token: &str, path: &str) -> io::Result<(String, String)> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: sonar.test\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok((head.to_ascii_lowercase(), body.to_owned()))
}

fn ask(sonarqube: &SonarQube, path: &str) -> (String, String) {
    ask_as(USER_TOKEN, sonarqube.http_port(), path)
}

fn json_of(sonarqube: &SonarQube, path: &str) -> Value {
    let (head, body) = ask(sonarqube, path);
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    serde_json::from_str(&body).unwrap()
}

/// The words of a refusal with this status code.
fn refusal(sonarqube: &SonarQube, status: u16, path: &str) -> String {
    let (head, body) = ask(sonarqube, path);
    assert!(head.starts_with(&format!("http/1.1 {status} ")), "{head}");
    let body: Value = serde_json::from_str(&body).unwrap();
    body["errors"][0]["msg"].as_str().unwrap().to_owned()
}

#[test]
fn a_task_has_the_dates_that_were_chosen() {
    let sonarqube = sonarqube(Dialect::Server2025);
    let chosen = "2026-09-01T08:00:00+0000";
    let pull_request = Analysis::of_pull_request("acme_api", "3", Gate::passed());
    let task = |analysis: Analysis| {
        let id = sonarqube.submit(analysis).task_id;
        json_of(&sonarqube, &format!("/api/ce/task?id={id}"))["task"].clone()
    };
    let told = task(pull_request.clone().submitted(chosen));
    assert_eq!((&told["submittedAt"], &told["executedAt"]), (&json!(chosen), &json!(chosen)));
    let executed_at = Some("2026-09-02T08:00:00+0000".to_owned());
    let told = task(Analysis { executed_at, ..pull_request.clone().submitted(chosen) });
    assert_eq!(told["executedAt"], "2026-09-02T08:00:00+0000");
    assert_ne!(task(pull_request)["submittedAt"], chosen);
    let told = task(Analysis::of_branch("acme_web", "feature/old", Gate::passed()));
    let of_branch = json!(["acme_web", "feature/old", "BRANCH", null]);
    assert_eq!(
        json!([told["componentKey"], told["branch"], told["branchType"], told["pullRequest"]]),
        of_branch
    );
}

#[test]
fn dates_are_written_as_the_server_does() {
    for (seconds, expected) in [
        (0, "1970-01-01T00:00:00+0000"),
        (951_782_400, "2000-02-29T00:00:00+0000"),
        (1_772_323_199, "2026-02-28T23:59:59+0000"),
        (1_788_249_600, "2026-09-01T08:00:00+0000"),
        (1_798_761_599, "2026-12-31T23:59:59+0000"),
    ] {
        assert_eq!(date(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
    }
}

#[test]
fn a_file_may_claim_what_is_not_so() {
    let sonarqube = sonarqube(Dialect::Server2025);
    let submitted = sonarqube.submit(Analysis::of_pull_request("acme_web", "1", Gate::passed()));
    let id = submitted.task_id.clone();
    let file = submitted.claiming("projectKey", "acme_api").claiming("dashboardUrl", "").report_task;
    assert!(file.contains("projectKey=acme_api\n") && file.contains(&format!("ceTaskId={id}\n")), "{file}");
    assert!(!file.contains("dashboardUrl"), "{file}");
}

#[test]
#[should_panic(expected = "report-task.txt has no branch")]
fn a_claim_without_a_line_is_noticed() {
    let sonarqube = sonarqube(Dialect::Server2025);
    let _ = sonarqube.submit(Analysis::new("acme_web", Gate::passed())).claiming("branch", "x");
}

#[test]
fn what_a_project_waits_for_is_told_and_a_cancelled_task_is_never_its_last() {
    let sonarqube = sonarqube(Dialect::Server2025);
    let path = "/api/ce/component?component=acme_api";
    assert_eq!(json_of(&sonarqube, path), json!({ "queue": [] }));
    let of =
        |end, polls| Analysis { end, polls, ..Analysis::of_pull_request("acme_api", "7", Gate::failed()) };
    let first = sonarqube.submit(of(End::Success, 0));
    let cancelled = sonarqube.submit(of(End::Canceled, 1));
    let newer = sonarqube.submit(of(End::Success, 2));
    let queue = |told: &Value| {
        let ids = told["queue"].as_array().unwrap().iter().map(|task| task["id"].clone());
        ids.collect::<Vec<_>>()
    };
    let told = json_of(&sonarqube, path);
    assert_eq!(queue(&told), [json!(cancelled.task_id), json!(newer.task_id)]);
    assert_eq!(told["queue"][0]["status"], "PENDING");
    let poll = |id: &str| json_of(&sonarqube, &format!("/api/ce/task?id={id}"))["task"]["status"].clone();
    assert_eq!((poll(&cancelled.task_id), poll(&cancelled.task_id)), (json!("PENDING"), json!("CANCELED")));
    assert_eq!(json_of(&sonarqube, path)["current"]["id"], json!(first.task_id));
    assert_eq!(poll(&newer.task_id), "PENDING");
    assert_eq!(json_of(&sonarqube, path)["queue"][0]["status"], "IN_PROGRESS");
    assert_eq!((poll(&newer.task_id), poll(&newer.task_id)), (json!("IN_PROGRESS"), json!("SUCCESS")));
    assert_eq!(json_of(&sonarqube, path)["current"]["id"], json!(newer.task_id));
    let (head, _) = ask_as(PROJECT_ANALYSIS_TOKEN, sonarqube.http_port(), path);
    assert!(head.starts_with("http/1.1 403 "), "{head}");
}

#[test]
fn the_revision_is_told_of_branches_and_on_cloud_of_pull_requests() {
    for dialect in [Dialect::Cloud, Dialect::Server2025] {
        let sonarqube = sonarqube(dialect);
        let main = sonarqube.submit(Analysis::new("acme_api", Gate::passed()));
        let branch = Analysis::of_branch("acme_api", "fix/a", Gate::passed()).of_revision(COMMIT);
        let branch = sonarqube.submit(branch);
        sonarqube.submit(Analysis::of_pull_request("acme_api", "7", Gate::failed()).of_revision(COMMIT));
        let path = "/api/project_analyses/search?project=acme_api";
        let told = |query: &str| json_of(&sonarqube, &format!("{path}{query}"))["analyses"].clone();
        let of_branch = told("&branch=fix/a");
        assert_eq!(
            (&of_branch[0]["key"], &of_branch[0]["revision"]),
            (&json!(branch.analysis_id), &json!(COMMIT))
        );
        assert_eq!(told("")[0]["key"], json!(main.analysis_id));
        assert_eq!(told("")[0].get("revision"), None);
        assert_eq!(told("&pullRequest=7"), told(""), "the parameter is passed over");
        assert!(ask_as(PROJECT_ANALYSIS_TOKEN, sonarqube.http_port(), path).0.contains(" 403 "));

        let listed = "/api/project_pull_requests/list?project=acme_api";
        let (_, body) = ask_as(PROJECT_ANALYSIS_TOKEN, sonarqube.http_port(), listed);
        let listed = serde_json::from_str::<Value>(&body).unwrap()["pullRequests"][0].clone();
        assert_eq!((&listed["key"], &listed["status"]["qualityGateStatus"]), (&json!("7"), &json!("ERROR")));
        let expected = if dialect == Dialect::Cloud { json!(COMMIT) } else { Value::Null };
        assert_eq!(listed["commit"]["sha"], expected);
    }
}

#[test]
fn the_webhook_names_the_revision_that_was_analysed() {
    let sonarqube = sonarqube(Dialect::Server2025);
    let id = sonarqube.submit(Analysis::new("acme_api", Gate::passed()).of_revision(COMMIT)).task_id;
    let webhook = sonarqube.projects(|projects| projects.webhook(&id));
    assert_eq!(serde_json::from_str::<Value>(&webhook).unwrap()["revision"], COMMIT);
}

#[test]
fn six_things_are_not_found_each_in_its_own_words() {
    let sonarqube = sonarqube(Dialect::Server2025);
    let of = |pull_request| Analysis::of_pull_request("acme_api", pull_request, Gate::passed());
    let deleted = sonarqube.submit(of("7")).analysis_id;
    sonarqube.submit(of("8"));
    sonarqube.submit(Analysis::of_branch("acme_api", "fix/a", Gate::passed()));
    sonarqube.projects(|projects| {
        projects
            .delete_analysis(&deleted)
            .delete_pull_request("acme_api", "8")
            .delete_branch("acme_api", "fix/a");
    });
    for (path, words) in [
        ("/api/ce/task?id=AZ1".to_owned(), "No activity found for task 'AZ1'".to_owned()),
        (format!("{STATUS}?analysisId={deleted}"), format!("Analysis with id '{deleted}' is not found")),
        (
            format!("{STATUS}?projectKey=acme_api&pullRequest=8"),
            "Pull request '8' in project 'acme_api' not found".to_owned(),
        ),
        (
            format!("{STATUS}?projectKey=acme_api&branch=fix/a"),
            "Branch 'fix/a' in project 'acme_api' not found".to_owned(),
        ),
        (format!("{STATUS}?projectKey=acme_shop"), "Project 'acme_shop' not found".to_owned()),
    ] {
        assert_eq!(refusal(&sonarqube, 404, &path), words);
    }
    sonarqube.projects(|projects| {
        projects.start_anew(2);
    });
    assert_eq!(json_of(&sonarqube, "/api/system/status")["status"], "STARTING");
    assert_eq!(refusal(&sonarqube, 404, "/api/ce/task?id=AZ1"), "Unknown url : /api/ce/task");
    assert_eq!(json_of(&sonarqube, "/api/system/status")["status"], "UP");
    assert_eq!(
        json_of(&sonarqube, &format!("{STATUS}?projectKey=acme_api&pullRequest=7"))["projectStatus"]["status"],
        "NONE"
    );
}

#[test]
fn measures_may_be_empty_although_there_is_a_gate() {
    let sonarqube = sonarqube(Dialect::Cloud);
    sonarqube.submit(Analysis::of_pull_request("acme_api", "7", Gate::passed()));
    let path = "/api/measures/component?component=acme_api&pullRequest=7&metricKeys=alert_status";
    assert_eq!(json_of(&sonarqube, path)["component"]["measures"][0]["value"], "OK");
    sonarqube.projects(|projects| {
        projects.lose_measures();
    });
    assert_eq!(json_of(&sonarqube, path)["component"]["measures"], json!([]));
}

#[test]
fn a_reader_sees_gates_and_no_tasks() {
    let sonarqube = sonarqube(Dialect::Server2025);
    let submitted = sonarqube.submit(Analysis::new("acme_api", Gate::passed()));
    let ask = |path: &str| ask_as(READER_TOKEN, sonarqube.http_port(), path);
    let (head, body) = ask(&format!("/api/ce/task?id={}", submitted.task_id));
    assert!(head.contains(" 403 ") && body.contains("Insufficient privileges"), "{head} {body}");
    assert!(ask(&format!("{STATUS}?analysisId={}", submitted.analysis_id)).0.contains(" 200 "));
}

#[test]
fn a_restart_begins_and_ends() {
    let sonarqube = sonarqube(Dialect::Server2025);
    sonarqube.restart(1, 2, Some("1"));
    sonarqube.fault_after(1, Fault::status(404));
    let told: Vec<_> = (0..6).map(|_| ask(&sonarqube, "/api/system/status").0).collect();
    let codes: Vec<_> = told.iter().map(|head| head.split(' ').nth(1).unwrap()).collect();
    assert_eq!(codes, ["200", "503", "503", "200", "404", "200"]);
    assert!(told[1].contains("\r\nretry-after: 1"), "{}", told[1]);
}

#[test]
fn what_stands_before_it_answers_in_its_place() {
    let sonarqube = sonarqube(Dialect::Server2025);
    sonarqube.fault(Fault::page(200, "Sign in"));
    sonarqube.fault(Fault::challenge("Company proxy"));
    sonarqube.fault(Fault::RedirectBelow("http://sonar.test/sonar".to_owned()));
    sonarqube.fault(Fault::ByteOrderMark);
    let path = "/api/ce/task?id=x%20y";
    let (head, body) = ask(&sonarqube, path);
    assert!(head.contains("http/1.1 200 ") && head.contains("content-type: text/html"), "{head}");
    assert!(body.contains("<title>Sign in</title>"), "{body}");
    let (head, _) = ask(&sonarqube, path);
    assert!(head.contains("http/1.1 401 "), "{head}");
    assert!(head.contains("\r\nwww-authenticate: basic realm=\"company proxy\""), "{head}");
    let (head, _) = ask(&sonarqube, path);
    assert!(head.contains("\r\nlocation: http://sonar.test/sonar/api/ce/task?id=x%20y"), "{head}");
    let (head, body) = ask(&sonarqube, path);
    assert!(head.contains("http/1.1 404 ") && body.starts_with("\u{feff}{\"errors\""), "{head} {body}");
}

#[test]
fn http_is_refused_on_the_port_for_https_and_recorded() {
    let sonarqube = sonarqube(Dialect::Server2025);
    let (head, body) = ask_as(USER_TOKEN, sonarqube.https_port(), "/api/system/status");
    assert!(head.starts_with("http/1.1 400 "), "{head}");
    assert!(body.contains("The plain HTTP request was sent to HTTPS port"), "{body}");
    let recorded = sonarqube.requests();
    assert_eq!((recorded.len(), recorded[0].scheme, recorded[0].status), (1, "http", Some(400)));
}

/// Asks over TLS as a client that trusts this root only.
fn over_tls(sonarqube: &SonarQube) -> Result<String, String> {
    let mut roots = RootCertStore::empty();
    let root = sonarqube.root_certificate_pem();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(("127.0.0.1", sonarqube.https_port())).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    let (head, _) =
        exchange(&mut stream, USER_TOKEN, "/api/system/status").map_err(|error| error.to_string())?;
    Ok(head)
}

#[test]
fn each_certificate_has_its_flaw() {
    for (kind, flaw) in [
        (Certificate::SelfSigned, "CaUsedAsEndEntity"),
        (Certificate::SelfSignedWithoutNames, "CaUsedAsEndEntity"),
        (Certificate::OfAnotherHost, "sonar.internal.example"),
        (Certificate::Expired, "expired"),
        (Certificate::NotYetValid, "not valid yet"),
        (Certificate::OfUnknownAuthority, "UnknownIssuer"),
        (Certificate::WithoutIntermediate, "UnknownIssuer"),
        (Certificate::Version1, "UnsupportedCertVersion"),
        (Certificate::ClientCertificateWanted, "CertificateRequired"),
    ] {
        let sonarqube = SonarQube::start_with(Projects::acme(Dialect::Server2025), kind);
        let told = over_tls(&sonarqube).unwrap_err();
        assert!(told.contains(flaw), "{kind:?}: {told}");
    }
    let good = over_tls(&sonarqube(Dialect::Server2025)).unwrap();
    assert!(good.starts_with("http/1.1 200 "), "{good}");
}

/// A certificate without an authority to vouch for it is what a client may have been told to trust.
#[test]
fn a_certificate_that_vouches_for_itself_is_its_own_root() {
    for kind in [Certificate::SelfSigned, Certificate::SelfSignedWithoutNames] {
        let made = crate::certificates::Certificates::new(kind).unwrap();
        let root = CertificateDer::from_pem_slice(made.root_pem.as_bytes()).unwrap();
        assert_eq!(made.chain, [root]);
    }
}
