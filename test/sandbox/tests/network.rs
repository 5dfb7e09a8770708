//! The sandbox over its sockets: both listeners, the recorded requests, and each fault as a client sees it.
#![expect(clippy::unwrap_used, reason = "the helpers below belong to the tests")]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sandbox::{
    API_TOKEN, Analysis, CI_EMAIL, Dialect, Fault, Gate, Projects, REPOSITORY_TOKEN, Sandbox, SonarQube,
    WORKSPACE_TOKEN, World,
};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring};

const PATIENCE: Duration = Duration::from_millis(200);
/// A public repository.
const PUBLIC: &str = "/2.0/repositories/jane/api";

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
fn answers_over_https_to_clients_that_trust_its_root() {
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
fn a_queued_fault_applies_to_one_request_and_a_permanent_fault_to_all_later_ones() {
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
fn resets_the_connection_before_or_within_the_answer() {
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
fn faults_can_begin_after_a_number_of_requests() {
    let sandbox = Sandbox::start(World::acme());
    sandbox.fault_after(1, Fault::status(500));
    sandbox.outage(1, 2);
    sandbox.fault_after(0, Fault::status(503));
    let answers: Vec<_> = (0..7).map(|_| status(&get(&sandbox))).collect();
    assert_eq!(answers, [Some(200), Some(500), Some(200), None, None, Some(503), Some(200)]);
    assert_eq!(sandbox.requests().iter().map(|request| request.status).collect::<Vec<_>>(), answers);

    sandbox.outage(0, 2);
    sandbox.fault_always(Fault::status(502));
    let answers = [(); 3].map(|()| status(&get(&sandbox)));
    assert_eq!(answers, [None, None, Some(502)]);
    sandbox.outage(5, 5);
    sandbox.clear_faults();
    assert_eq!(status(&get(&sandbox)), Some(200));
}

#[test]
fn an_outage_closes_the_connection_of_each_request() {
    let sandbox = Sandbox::start(World::acme());
    sandbox.outage(2, 1);
    let mut kept = connect(&sandbox);
    for _ in 0..2 {
        assert_eq!(status(&exchange_and_keep(&mut kept, PUBLIC)), Some(200));
    }
    let mut other = connect(&sandbox);
    assert_eq!(exchange_and_keep(&mut kept, PUBLIC), "");
    assert_eq!(status(&exchange_and_keep(&mut other, PUBLIC)), Some(200));
    assert_eq!(sandbox.request_count(), 4);
}

#[test]
fn an_interruption_closes_connections_until_the_service_resumes() {
    let sandbox = Sandbox::start(World::acme());
    let mut idle = connect(&sandbox);
    assert_eq!(status(&exchange_and_keep(&mut idle, PUBLIC)), Some(200));
    sandbox.fault(Fault::Silent);
    let mut waiting = send(connect(&sandbox), &request("127.0.0.1"));
    wait_until(|| sandbox.request_count() == 2);

    sandbox.interrupt();
    for ended in [&mut idle, &mut waiting] {
        assert_eq!(end(ended), "");
    }
    for port in [sandbox.http_port(), sandbox.https_port()] {
        assert_eq!(end(&mut connect_to(port)), "");
    }
    assert_eq!((sandbox.turned_away(), sandbox.request_count()), (2, 2));

    sandbox.resume();
    assert_eq!(status(&get(&sandbox)), Some(200));
    assert!(exchange_https(&sandbox, "localhost", sandbox.root_certificate_pem()).unwrap().contains(" 200 "));
    assert_eq!((sandbox.turned_away(), sandbox.request_count()), (2, 4));
}

#[test]
fn even_the_shortest_interruption_closes_open_connections() {
    let sandbox = Sandbox::start(World::acme());
    let mut kept = connect(&sandbox);
    assert_eq!(status(&exchange_and_keep(&mut kept, PUBLIC)), Some(200));
    sandbox.interrupt();
    sandbox.resume();
    assert_eq!(end(&mut kept), "");
    assert_eq!(status(&get(&sandbox)), Some(200));
}

#[test]
fn faults_can_apply_to_one_credential_only() {
    let sandbox = Sandbox::start(World::acme());
    let ask = |authorization: &str| {
        let request = request("127.0.0.1");
        let request = request.replace("\r\nhost", &format!("\r\nauthorization: {authorization}\r\nhost"));
        status(&exchange(connect(&sandbox), &request))
    };
    let bearer = format!("Bearer {WORKSPACE_TOKEN}");
    let basic = format!("Basic {}", STANDARD.encode(format!("{CI_EMAIL}:{API_TOKEN}")));
    sandbox.fault_for(WORKSPACE_TOKEN, Fault::status(500));
    sandbox.fault_always_for(WORKSPACE_TOKEN, Fault::status(502));
    sandbox.fault_for(API_TOKEN, Fault::status(503));
    assert_eq!(status(&get(&sandbox)), Some(200));
    assert_eq!([ask(&basic), ask(&basic)], [Some(503), Some(200)]);
    assert_eq!([ask(&bearer), ask(&bearer), ask(&bearer)], [Some(500), Some(502), Some(502)]);

    sandbox.fault_always(Fault::status(429));
    assert_eq!([ask(&basic), ask(&bearer)], [Some(429), Some(502)]);
    sandbox.fault_for(API_TOKEN, Fault::status(503));
    sandbox.fault(Fault::status(504));
    assert_eq!([ask(&basic), ask(&basic), ask(&basic)], [Some(504), Some(503), Some(429)]);
    sandbox.clear_faults();
    assert_eq!(status(&get(&sandbox)), Some(200));
    // The workspace's token does not reach what is Jane's.
    assert_eq!(ask(&bearer), Some(404));
}

#[test]
fn delays_of_parallel_requests_overlap() {
    let sandbox = Sandbox::start(World::acme());
    let delay = Duration::from_millis(20);
    sandbox.fault_always(Fault::Delay(delay));
    let begun = Instant::now();
    let clients: Vec<_> = (0..64).map(|_| send(connect(&sandbox), &request("127.0.0.1"))).collect();
    for mut client in clients {
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(status(&answer), Some(200));
    }
    let took = begun.elapsed();
    assert!(took >= delay && took < delay * 64 / 2, "64 at once took {took:?}");
}

#[test]
fn counts_the_requests_that_are_under_way_at_once() {
    let sandbox = Sandbox::start(World::acme());
    assert_eq!((sandbox.request_count(), sandbox.most_at_once()), (0, 0));
    let mut kept = connect(&sandbox);
    for _ in 0..100 {
        exchange_and_keep(&mut kept, PUBLIC);
    }
    assert_eq!((sandbox.request_count(), sandbox.most_at_once()), (100, 1));

    sandbox.fault_always(Fault::Silent);
    let silent: Vec<_> = (0..64).map(|_| send(connect(&sandbox), &request("127.0.0.1"))).collect();
    wait_until(|| sandbox.request_count() == 164);
    assert_eq!(sandbox.most_at_once(), 64);

    let sonar = SonarQube::start(Projects::acme(Dialect::Server2025));
    sonar.fault_always(Fault::Silent);
    let ask = || send(connect_to(sonar.http_port()), &request_for("/api/system/status", "127.0.0.1"));
    let _two = [ask(), ask()];
    wait_until(|| sonar.request_count() == 2);
    assert_eq!(sonar.most_at_once(), 2);
    drop(silent);
}

/// The limit is twenty times the usual time, for a busy machine.
#[test]
fn answers_a_thousand_requests_within_three_seconds() {
    for connections in [8, 64] {
        let each = 1000 / connections;
        let sandbox = Sandbox::start(World::acme());
        let begun = Instant::now();
        thread::scope(|scope| {
            for _ in 0..connections {
                scope.spawn(|| {
                    let mut kept = connect(&sandbox);
                    for _ in 0..each {
                        assert_eq!(status(&exchange_and_keep(&mut kept, PUBLIC)), Some(200));
                    }
                });
            }
        });
        let took = begun.elapsed();
        assert_eq!(sandbox.request_count(), each * connections);
        assert!(took < Duration::from_secs(3), "over {connections} connections it took {took:?}");
    }
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
fn sonarqube_writes_its_address_into_the_report_file() {
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
fn sonarqube_has_the_same_faults_and_records_as_bitbucket() {
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
#[should_panic(expected = "GET /api/rules/search")]
fn requests_unknown_to_sonarqube_fail_the_test() {
    let sonar = SonarQube::start(Projects::acme(Dialect::Cloud));
    let answer = exchange(connect_to(sonar.http_port()), &request_for("/api/rules/search", "127.0.0.1"));
    assert!(answer.starts_with("HTTP/1.1 501 "), "{answer}");
}

fn request(host: &str) -> String {
    request_for(PUBLIC, host)
}

fn request_for(path: &str, host: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")
}

/// The status code of an answer; `None` if no answer came.
fn status(answer: &str) -> Option<u16> {
    answer.split(' ').nth(1)?.parse().ok()
}

/// Waits for a condition; fails the test after ten seconds, so that it does not hang.
fn wait_until(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(10), "this should have come to pass");
        thread::yield_now();
    }
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

/// Everything that is received until the connection ends.
fn exchange(stream: TcpStream, request: &str) -> String {
    let mut answer = String::new();
    send(stream, request).read_to_string(&mut answer).unwrap();
    answer
}

/// What is still received until the connection is closed or reset.
fn end(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    if let Err(error) = stream.read_to_end(&mut rest) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    String::from_utf8(rest).unwrap()
}

/// One answer on a connection that stays open; empty if the connection ended before.
fn exchange_and_keep(stream: &mut TcpStream, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    loop {
        let length = stream.read(&mut part).unwrap();
        answer.extend_from_slice(&part[..length]);
        let text = String::from_utf8(answer.clone()).unwrap();
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            length.is_some_and(|length| length.parse() == Ok(body.len()))
        });
        if length == 0 || whole {
            return text;
        }
    }
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
