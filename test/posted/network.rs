//! Services that speak another language than HTTP/1.1.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{assert_nothing_posted, over_https, tests};
use crate::run::{Folder, acme, assert_told, in_branch_build};

/// Answers every client with these bytes, and counts them.
fn answering(bytes: &'static [u8]) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let clients = Arc::new(AtomicUsize::new(0));
    let counted = clients.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(bytes);
        }
    });
    (port, clients)
}

/// SETTINGS, then GOAWAY with `PROTOCOL_ERROR`: what a server that knows HTTP/2 only answers
/// (<https://www.rfc-editor.org/rfc/rfc9113#section-3.4>).
const HTTP_2_ONLY: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// An alert of TLS, as a server answers that was spoken to in plain text: record 21, version 3.1, fatal, and
/// unexpected message (<https://www.rfc-editor.org/rfc/rfc8446#section-6>).
const TLS_ALERT: &[u8] = &[21, 3, 1, 0, 2, 2, 10];

#[test]
fn a_service_that_knows_http_2_only_is_told_in_words_and_not_tried_again() {
    let (port, clients) = answering(HTTP_2_ONLY);
    let sandbox = acme();
    let run = tests(in_branch_build(&sandbox))
        .set("BITBUCKET_API_URL", format!("http://127.0.0.1:{port}/2.0"))
        .set("TIMEOUT", "3")
        .run();
    assert_told(&run, 4, &["HTTP/2"]);
    assert!(!run.output.contains("invalid HTTP version parsed"), "{}", run.output);
    assert_eq!(clients.load(Ordering::SeqCst), 1, "{}", run.output);
}

#[test]
fn tls_where_http_was_expected_is_told_in_words_and_not_tried_again() {
    let (port, clients) = answering(TLS_ALERT);
    let sandbox = acme();
    let run = tests(in_branch_build(&sandbox))
        .set("BITBUCKET_API_URL", format!("http://127.0.0.1:{port}/2.0"))
        .set("TIMEOUT", "3")
        .run();
    assert_told(&run, 4, &["TLS", "https://"]);
    assert!(!run.output.contains("invalid HTTP version parsed"), "{}", run.output);
    assert_eq!(clients.load(Ordering::SeqCst), 1, "{}", run.output);
}

#[test]
fn the_real_thing_is_told_the_same() {
    let sandbox = acme();
    let run = tests(in_branch_build(&sandbox))
        .set("BITBUCKET_API_URL", format!("http://127.0.0.1:{}/2.0", sandbox.https_port()))
        .set("TIMEOUT", "3")
        .run();
    assert_told(&run, 4, &["https://"]);
    assert_nothing_posted(&sandbox, &run);
}

#[test]
fn http_where_tls_was_expected_is_told_in_words_and_not_tried_again() {
    let (port, clients) = answering(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    let (sandbox, folder) = (acme(), Folder::new());
    let run = over_https(tests(in_branch_build(&sandbox)), &sandbox, &folder)
        .set("BITBUCKET_API_URL", format!("https://localhost:{port}/2.0"))
        .set("TIMEOUT", "3")
        .run();
    assert_told(&run, 4, &["does not speak TLS"]);
    assert!(!run.output.contains("InvalidContentType"), "{}", run.output);
    assert_eq!(clients.load(Ordering::SeqCst), 1, "{}", run.output);
}
