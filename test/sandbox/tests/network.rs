//! The sandbox over its sockets: both listeners, what they record, and each fault as a client sees it.
#![expect(clippy::unwrap_used, reason = "the helpers below belong to the tests")]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sandbox::{Analysis, Dialect, Fault, Gate, Projects, REPOSITORY_TOKEN, Sandbox, SonarQube, World};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring};

const PATIENCE: Duration = Duration::from_millis(200);

#[test]
fn answers_over_http_and_records() {
    let sandbox = Sandbox::start(World::acme());
    let head = sandbox.world(|world| world.head("acme/api", "feature/login"));
    let body = r#"{"key":"sonar","state":"SUCCESSFUL"}"#;
    let path = format!("/2.0/repositories/acme/api/commit/{head}/statuses/build?x=%2F");
    let answer = exchange(
        connect(&sandbox),
        &format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nauthorization: Bearer {REPOSITORY_TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            sandbox.http_port(),
            body.len(),
        ),
    );
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    assert_eq!(sandbox.pull_request_statuses("acme/api", 7)[0].state, "SUCCESSFUL");

    let [request] = &sandbox.requests()[..] else { panic!("one request was sent") };
    assert_eq!(
        (request.scheme, request.method.as_str(), request.path.as_str()),
        ("http", "POST", path.as_str())
    );
    assert_eq!(request.host, format!("127.0.0.1:{}", sandbox.http_port()));
    assert_eq!(request.authorization.as_deref(), Some(format!("Bearer {REPOSITORY_TOKEN}").as_str()));
    assert_eq!(request.content_type.as_deref(), Some("application/json"));
    assert_eq!(
        (request.user_agent.as_deref(), request.body.as_str(), request.status),
        (None, body, Some(201))
    );
}

#[test]
fn answers_over_https_to_whoever_trusts_its_root() {
    let sandbox = Sandbox::start(World::acme());
    for name in ["localhost", "127.0.0.1", "host.docker.internal", "host.containers.internal"] {
        let answer = exchange_https(&sandbox, name, sandbox.root_certificate_pem()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    assert!(exchange_https(&sandbox, "api.example", sandbox.root_certificate_pem()).is_err());
    let other = Sandbox::start(World::new());
    assert!(exchange_https(&sandbox, "localhost", other.root_certificate_pem()).is_err());
    assert_eq!(sandbox.requests().len(), 4);
    assert_eq!(sandbox.requests()[0].scheme, "https");
}

#[test]
fn faults_come_one_a_request_and_then_always() {
    let sandbox = Sandbox::start(World::acme());
    sandbox.fault(Fault::rate_limited());
    sandbox.fault(Fault::rate_limited_with("7"));
    sandbox.fault_always(Fault::status(503));
    let limited = get(&sandbox);
    assert!(
        limited.starts_with("HTTP/1.1 429 Unknown Status Code\r\ncontent-type: text/plain\r\n"),
        "{limited}"
    );
    assert!(limited.ends_with("\r\n\r\nRate limit for this resource has been exceeded"), "{limited}");
    assert!(!limited.contains("retry-after"), "{limited}");
    assert!(get(&sandbox).contains("\r\nretry-after: 7\r\n"));
    for _ in 0..2 {
        assert!(get(&sandbox).starts_with("HTTP/1.1 503 "));
    }
    sandbox.clear_faults();
    assert!(get(&sandbox).starts_with("HTTP/1.1 200 "));
    sandbox.fault(Fault::redirect("https://elsewhere.example/"));
    assert!(get(&sandbox).contains("\r\nlocation: https://elsewhere.example/\r\n"));
    let statuses: Vec<_> = sandbox.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [429, 429, 503, 503, 200, 302].map(Some));
}

#[test]
fn resets_before_and_in_the_answer() {
    let sandbox = Sandbox::start(World::acme());
    sandbox.fault(Fault::ResetBeforeAnswer);
    assert_eq!(get(&sandbox), "");
    sandbox.fault(Fault::ResetInAnswer);
    let part = get(&sandbox);
    let (head, body) = part.split_once("\r\n\r\n").unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert_eq!(body.len(), length.parse::<usize>().unwrap() / 2);
    assert_eq!(sandbox.requests()[0].status, None);
    assert_eq!(sandbox.requests()[1].status, Some(200));
}

#[test]
fn silence_lasts_until_the_sandbox_is_dropped() {
    let sandbox = Sandbox::start(World::acme());
    sandbox.fault(Fault::Silent);
    let mut silent = send(connect(&sandbox), &request("127.0.0.1"));
    assert_eq!(silent.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(sandbox.requests()[0].status, None);

    sandbox.fault(Fault::SilentAfterHead);
    let mut headed = send(connect(&sandbox), &request("127.0.0.1"));
    let mut head = Vec::new();
    assert_eq!(headed.read_to_end(&mut head).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(head.starts_with(b"HTTP/1.1 200 OK\r\n") && head.ends_with(b"\r\n\r\n"));

    drop(sandbox);
    assert_eq!(silent.read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn streams_huge_answers() {
    let sandbox = Sandbox::start(World::acme());
    sandbox.fault(Fault::Huge { status: 200, bytes: 5_000_001 });
    let answer = get(&sandbox);
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body.matches('.').count(), 5_000_001);
}

#[test]
fn delays_the_real_answer() {
    let sandbox = Sandbox::start(World::acme());
    sandbox.fault(Fault::Delay(Duration::from_millis(50)));
    let start = Instant::now();
    assert!(get(&sandbox).starts_with("HTTP/1.1 200 "));
    assert!(start.elapsed() >= Duration::from_millis(50));
}

#[test]
#[should_panic(expected = "GET /2.0/snippets")]
fn unknown_requests_fail_the_test() {
    let sandbox = Sandbox::start(World::acme());
    let answer =
        exchange(connect(&sandbox), &request("127.0.0.1").replace("repositories/jane/api", "snippets"));
    assert!(answer.starts_with("HTTP/1.1 501 "), "{answer}");
}

#[test]
fn sonarqube_writes_down_where_it_is() {
    let sonar = SonarQube::start(Projects::acme(Dialect::Server2025).with_base_path("/sonar"));
    assert!(sonar.http_url().ends_with("/sonar") && sonar.https_url().ends_with("/sonar"));
    let report = sonar.submit(Analysis::new("acme_api", Gate::passed())).report_task;
    assert!(report.contains(&format!("\nserverUrl={}\n", sonar.http_url())), "{report}");
    sonar.projects(|projects| {
        projects.set_public_url("https://sonar.acme.example/");
    });
    let report = sonar.submit(Analysis::new("acme_api", Gate::passed())).report_task;
    assert!(report.contains("\nserverUrl=https://sonar.acme.example\n"), "{report}");
}

#[test]
fn sonarqube_answers_fails_and_records_as_bitbucket_does() {
    let sonar = SonarQube::start(Projects::acme(Dialect::Server2025));
    let ask = || exchange(connect_to(sonar.http_port()), &request_for("/api/system/status", "127.0.0.1"));
    sonar.fault(Fault::status(503));
    assert!(ask().starts_with("HTTP/1.1 503 "));
    sonar.fault_always(Fault::status(429));
    assert!(ask().starts_with("HTTP/1.1 429 Too Many Requests\r\n"));
    sonar.clear_faults();
    assert!(ask().ends_with(r#""status":"UP","version":"2025.1.0.102418"}"#));
    let statuses: Vec<_> = sonar.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [503, 429, 200].map(Some));
    assert!(sonar.root_certificate_pem().starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(sonar.unknown_requests().is_empty());
}

#[test]
#[should_panic(expected = "GET /api/issues/search")]
fn requests_unknown_to_sonarqube_fail_the_test() {
    let sonar = SonarQube::start(Projects::acme(Dialect::Cloud));
    let answer = exchange(connect_to(sonar.http_port()), &request_for("/api/issues/search", "127.0.0.1"));
    assert!(answer.starts_with("HTTP/1.1 501 "), "{answer}");
}

fn request(host: &str) -> String {
    request_for("/2.0/repositories/jane/api", host)
}

fn request_for(path: &str, host: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")
}

fn connect(sandbox: &Sandbox) -> TcpStream {
    connect_to(sandbox.http_port())
}

fn connect_to(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn get(sandbox: &Sandbox) -> String {
    exchange(connect(sandbox), &request("127.0.0.1"))
}

fn send(mut stream: TcpStream, request: &str) -> TcpStream {
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// All that comes until the connection ends.
fn exchange(stream: TcpStream, request: &str) -> String {
    let mut answer = String::new();
    send(stream, request).read_to_string(&mut answer).unwrap();
    answer
}

fn exchange_https(sandbox: &Sandbox, name: &str, root: &str) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(("127.0.0.1", sandbox.https_port()))?;
    let mut stream = StreamOwned::new(connection, stream);
    stream.write_all(request("localhost").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
