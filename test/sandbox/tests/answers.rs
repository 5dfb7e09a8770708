//! Answers that are late, lost or not what they should be, and a proxy before the service, as a client sees them.
#![expect(clippy::unwrap_used, reason = "the helpers below belong to the tests")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sandbox::{Effect, Fault, Proxy, ProxyRule, REPOSITORY_TOKEN, Sandbox, World};
use serde_json::{Value, json};

const LATE: Duration = Duration::from_secs(1);

#[test]
fn a_slow_request_has_its_effect_when_it_is_due() {
    for (effect, count) in [(Effect::AtOnce, 1), (Effect::AtEnd, 0)] {
        let sandbox = Sandbox::start(World::acme());
        sandbox.fault(Fault::Slow { takes: LATE, effect });
        let begun = Instant::now();
        let client = send(sandbox.http_port(), &post(&sandbox));
        // The next request is answered after the first one has arrived, and before its answer is due.
        wait_for_a_request(&sandbox);
        assert!(get(&sandbox).starts_with("HTTP/1.1 200 "));
        assert_eq!(statuses(&sandbox), count);
        assert!(begun.elapsed() < LATE, "the machine is too slow to see the difference");
        assert!(read(client).starts_with("HTTP/1.1 201 "));
        assert!(begun.elapsed() >= LATE);
        assert_eq!(statuses(&sandbox), 1);
    }
}

#[test]
fn a_slow_request_has_its_effect_when_its_client_goes_away() {
    let sandbox = Sandbox::start(World::acme());
    sandbox.fault(Fault::Slow { takes: LATE, effect: Effect::AtEnd });
    let client = send(sandbox.http_port(), &post(&sandbox));
    wait_for_a_request(&sandbox);
    drop(client);
    // One more, so that the first is under way.
    assert!(get(&sandbox).starts_with("HTTP/1.1 200 "));
    sandbox.settle();
    assert_eq!(statuses(&sandbox), 1);
    assert_eq!(sandbox.requests()[0].status, None, "nobody was there for the answer");
}

#[test]
fn an_answer_may_be_lost_after_its_effect() {
    let sandbox = Sandbox::start(World::acme());
    sandbox.fault(Fault::ResetAfterEffect);
    assert_eq!(exchange(sandbox.http_port(), &post(&sandbox)), "");
    assert_eq!(statuses(&sandbox), 1);
}

#[test]
fn an_answer_may_be_another_than_the_real_one() {
    let sandbox = Sandbox::start(World::acme());
    sandbox.fault(Fault::Altered(json!({ "key": "other" })));
    let answer = exchange(sandbox.http_port(), &post(&sandbox));
    let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!((&body["key"], &body["state"]), (&json!("other"), &json!("FAILED")));
    assert_eq!(statuses(&sandbox), 1);

    for (fault, head) in [
        (Fault::json(200, &json!({ "error": "unauthorized" })), "HTTP/1.1 200 "),
        (Fault::read_only(), "HTTP/1.1 409 "),
        (Fault::token_expired(), "HTTP/1.1 401 "),
        (Fault::moved("/2.0/repositories/acme/new"), "HTTP/1.1 301 "),
        (Fault::refusal(402, "Pay first."), "HTTP/1.1 402 "),
        (Fault::status(520), "HTTP/1.1 520 "),
        (Fault::status(598), "HTTP/1.1 598 "),
    ] {
        sandbox.fault(fault);
        assert!(exchange(sandbox.http_port(), &post(&sandbox)).starts_with(head), "{head}");
    }
    assert_eq!(statuses(&sandbox), 1);
}

#[test]
fn an_answer_may_be_compressed() {
    let sandbox = Sandbox::start(World::acme());
    sandbox.fault(Fault::Compressed);
    let mut answer = Vec::new();
    send(sandbox.http_port(), &post(&sandbox)).read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n").unwrap();
    let (head, body) = answer.split_at(end + 4);
    assert!(String::from_utf8_lossy(head).contains("\r\ncontent-encoding: gzip\r\n"));
    assert!(body.starts_with(&[0x1f, 0x8b]));
    assert_eq!(statuses(&sandbox), 1);
}

#[test]
fn a_proxy_leads_on_or_says_no() {
    let sandbox = Sandbox::start(World::acme());
    let proxy = Proxy::start();
    let connect = |login: &str| {
        let login = STANDARD.encode(login);
        format!(
            "CONNECT localhost:{} HTTP/1.1\r\nProxy-Authorization: Basic {login}\r\n\r\n",
            sandbox.http_port()
        )
    };
    let established = "HTTP/1.1 200 Connection established\r\n\r\n";
    let through = |proxy: &Proxy, login: &str| {
        exchange(proxy.port(), &format!("{}{}", connect(login), request(&sandbox)))
    };
    // What follows the head at once is the proxy's to keep; it is sent again in the tunnel.
    let mut client = send(proxy.port(), &connect("a:b"));
    let mut head = vec![0; established.len()];
    client.read_exact(&mut head).unwrap();
    assert_eq!(head, established.as_bytes());
    client.write_all(request(&sandbox).as_bytes()).unwrap();
    assert!(read(client).starts_with("HTTP/1.1 200 "));
    assert_eq!(sandbox.request_count(), 1);

    let login = ProxyRule::Login { user: "CORP\\svc".to_owned(), password: "p:w".to_owned() };
    let proxy = proxy.with(login);
    assert!(through(&proxy, "CORP\\svc:wrong").starts_with("HTTP/1.1 407 Proxy Authentication Required\r\n"));
    let mut client = send(proxy.port(), &connect("CORP\\svc:p:w"));
    client.read_exact(&mut head).unwrap();
    assert_eq!(head, established.as_bytes());
    let logins = proxy.logins();
    let users: Vec<_> = logins.iter().map(|(user, password)| (user.as_str(), password.as_str())).collect();
    assert_eq!(users, [("a", "b"), ("CORP\\svc", "wrong"), ("CORP\\svc", "p:w")]);

    let page = "<title>Blocked</title>".to_owned();
    let proxy = proxy.with(ProxyRule::Refuse { status_line: "403 Blocked by ACME".to_owned(), page });
    let refused = through(&proxy, "a:b");
    assert!(refused.starts_with("HTTP/1.1 403 Blocked by ACME\r\n"), "{refused}");
    assert!(refused.ends_with("\r\n\r\n<title>Blocked</title>"), "{refused}");
    let proxy = proxy.with(ProxyRule::HangUpInTunnel);
    assert_eq!(exchange(proxy.port(), &connect("a:b")), established);
    let proxy = proxy.with(ProxyRule::HangUp);
    assert_eq!(exchange(proxy.port(), &connect("a:b")), "");
    let proxy = proxy.with(ProxyRule::Open);
    assert!(exchange(proxy.port(), &request(&sandbox)).starts_with("HTTP/1.1 405 "));
    assert_eq!(sandbox.request_count(), 1);
}

#[test]
fn a_fault_may_wait_for_a_request_of_its_place() {
    let sandbox = Sandbox::start(World::acme());
    sandbox.fault_at("POST", "/statuses/build", Fault::status(503));
    sandbox.fault_always_at("GET", "/acme/", Fault::status(500));
    assert!(get(&sandbox).starts_with("HTTP/1.1 200 "));
    assert!(exchange(sandbox.http_port(), &post(&sandbox)).starts_with("HTTP/1.1 503 "));
    assert_eq!(statuses(&sandbox), 0);
    assert!(exchange(sandbox.http_port(), &post(&sandbox)).starts_with("HTTP/1.1 201 "));
    let of_acme = request(&sandbox).replace("/jane/", "/acme/");
    for _ in 0..2 {
        assert!(exchange(sandbox.http_port(), &of_acme).starts_with("HTTP/1.1 500 "));
    }
}

fn wait_for_a_request(sandbox: &Sandbox) {
    while sandbox.request_count() == 0 {
        thread::yield_now();
    }
}

fn statuses(sandbox: &Sandbox) -> usize {
    sandbox.statuses("acme/api", &sandbox.head("acme/api", "main")).len()
}

fn post(sandbox: &Sandbox) -> String {
    let body = r#"{"key":"tests","state":"FAILED"}"#;
    format!(
        "POST /2.0/repositories/acme/api/commit/{}/statuses/build HTTP/1.1\r\nhost: sandbox.test\r\n\
         authorization: Bearer {REPOSITORY_TOKEN}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        sandbox.head("acme/api", "main"),
        body.len(),
    )
}

fn request(sandbox: &Sandbox) -> String {
    let host = format!("127.0.0.1:{}", sandbox.http_port());
    format!("GET /2.0/repositories/jane/api HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")
}

fn get(sandbox: &Sandbox) -> String {
    exchange(sandbox.http_port(), &request(sandbox))
}

fn exchange(port: u16, request: &str) -> String {
    read(send(port, request))
}

fn send(port: u16, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// To the end; a connection that is reset is at its end, too.
fn read(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}
