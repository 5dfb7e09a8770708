//! Failures of the network and of Bitbucket: the message, the exit code, the deadline, and no secret in the log.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
    time::{Duration, SystemTime},
};

use crate::run::{Fault, Folder, Run, Sandbox, acme, assert_told, by_hand, in_branch_build};

/// A run in which every request has the same fault.
fn always(fault: Fault, timeout: &str) -> (Sandbox, Run) {
    let sandbox = acme();
    sandbox.fault_always(fault);
    let run = in_branch_build(&sandbox).set("TIMEOUT", timeout).run();
    (sandbox, run)
}

/// A run in which only the first request has a fault.
fn once(fault: Fault) -> (Sandbox, Run) {
    let sandbox = acme();
    sandbox.fault(fault);
    let run = in_branch_build(&sandbox).run();
    (sandbox, run)
}

#[test]
fn a_temporary_failure_is_tried_again() {
    for (fault, told) in [
        (Fault::status(408), "! Bitbucket answered 408 Request Timeout; trying again in N s, N s left\n"),
        (Fault::status(409), "! Bitbucket answered 409 Conflict; trying again"),
        (Fault::status(501), "! Bitbucket answered 501 Not Implemented; trying again"),
        (Fault::status(520), "! Bitbucket answered 520 Web Server Returns an Unknown Error; trying again"),
        (Fault::status(598), "! Bitbucket answered 598 Network Read Timeout; trying again"),
        (Fault::status(425), "! Bitbucket answered 425 Too Early; trying again"),
        (Fault::rate_limited(), "! Bitbucket answered 429 Too Many Requests; trying again"),
        (Fault::status(500), "! Bitbucket answered 500 Internal Server Error; trying again"),
        (Fault::status(502), "! Bitbucket answered 502 Bad Gateway; trying again"),
        (Fault::status(503), "! Bitbucket answered 503 Service Unavailable; trying again"),
        (Fault::status(504), "! Bitbucket answered 504 Gateway Timeout; trying again"),
        (Fault::ResetBeforeAnswer, "! Bitbucket: the connection broke before the response was complete ("),
        (Fault::ResetInAnswer, "! Bitbucket: the connection broke before the response was complete ("),
    ] {
        let (sandbox, run) = once(fault);
        assert_told(&run, 0, &[told, "✔ posted SUCCESSFUL on acme/api"]);
        assert_eq!(sandbox.requests().len(), 2);
    }
}

#[test]
fn a_retry_waits_as_long_as_retry_after_says() {
    let told = "! Bitbucket answered 429 Too Many Requests; trying again in N s";
    let (sandbox, run) = once(Fault::rate_limited_with("1"));
    assert_told(&run, 0, &[told]);
    let requests = sandbox.requests();
    assert!(requests[1].received - requests[0].received >= Duration::from_secs(1));

    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2));
    let (_sandbox, run) = once(Fault::rate_limited_with(&date));
    assert_told(&run, 0, &[told]);
    assert!(SystemTime::now() >= httpdate::parse_http_date(&date).unwrap(), "{}", run.output);
}

#[test]
fn a_retry_after_too_large_for_any_clock_ends_the_run_at_once() {
    let sandbox = acme();
    sandbox.fault(Fault::rate_limited_with("9999999999999999999"));
    let run = in_branch_build(&sandbox).run();
    assert_told(&run, 4, &["answered: 429 Too Many Requests", "so Gatepost does not wait"]);
    assert_eq!(sandbox.request_count(), 1);
}

#[test]
fn a_retry_after_beyond_the_deadline_ends_the_run_at_once() {
    let sandbox = acme();
    sandbox.fault(Fault::rate_limited_with("3600"));
    let run = in_branch_build(&sandbox).run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ failed to post the status: Bitbucket answered 429 Too Many Requests
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/630f6ffc4b82414483a5469e117243d2c8a1ab4b/statuses/build with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: 429 Too Many Requests, "Rate limit for this resource has been exceeded"
      why:      Bitbucket allows about 1,000 requests an hour for each user, counted over all API tokens and pipelines of the user; each access token and each OAuth consumer has its own allowance
      to do:    run again later (a higher TIMEOUT waits longer; with many targets, RESUME with the same RESULT_FILE posts the rest); use access tokens for busy pipelines instead of one person's API token
      again:    Bitbucket asks to try again in N s, which is longer than what is left of TIMEOUT, so Gatepost does not wait
    ✖ not posted: SUCCESSFUL on acme/api commit 630f6ffc4b82414483a5469e117243d2c8a1ab4b, branch main
    exit code 4
    "#);
    assert!(run.took < Duration::from_secs(5), "{:?}", run.took);
    assert_eq!(sandbox.requests().len(), 1);
}

#[test]
fn an_unavailable_service_is_tried_until_the_deadline() {
    let (sandbox, run) = always(Fault::status(503), "3");
    assert_told(
        &run,
        4,
        &["✖ failed to post the status: Bitbucket answered 503", "a higher TIMEOUT waits longer"],
    );
    assert!(run.took >= Duration::from_millis(2500), "{:?}", run.took);
    assert!(run.took < Duration::from_secs(5), "{:?}", run.took);
    assert!(sandbox.requests().len() >= 2, "{}", run.output);
}

#[test]
fn a_request_to_a_silent_service_ends_at_the_deadline() {
    for fault in [Fault::Silent, Fault::SilentAfterHead] {
        let (sandbox, run) = always(fault, "2");
        assert_told(&run, 4, &["✖ failed to post the status: no complete response within N s"]);
        assert!(run.took >= Duration::from_secs(2), "{:?}", run.took);
        assert!(run.took < Duration::from_secs(4), "{:?}", run.took);
        assert_eq!(sandbox.requests().len(), 1);
    }
}

#[test]
fn an_earlier_503_is_reported_when_the_next_attempt_times_out() {
    let sandbox = acme();
    sandbox.fault(Fault::status(503));
    sandbox.fault_always(Fault::Silent);
    let run = in_branch_build(&sandbox).set("TIMEOUT", "2").run();
    assert_told(&run, 4, &["✖ failed to post the status: Bitbucket answered 503 Service Unavailable\n"]);
    assert_eq!(sandbox.requests().len(), 2);
}

#[test]
fn a_refused_connection_is_reported() {
    let sandbox = acme();
    let run = in_branch_build(&sandbox)
        // Nothing listens there.
        .set("BITBUCKET_API_URL", "http://127.0.0.1:1/2.0")
        .set("TIMEOUT", "1")
        .run();
    assert_told(&run, 4, &["no connection (Connection refused", "127.0.0.1 does not accept connections"]);
}

#[test]
fn an_unknown_host_is_reported() {
    let sandbox = acme();
    let run = in_branch_build(&sandbox)
        .set("BITBUCKET_API_URL", "https://no-such-host.invalid/2.0")
        .set("TIMEOUT", "1")
        .run();
    assert_told(&run, 4, &["the host name could not be looked up", "does not know no-such-host.invalid"]);
}

#[test]
fn a_server_that_does_not_speak_http_is_a_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\0\xff");
        }
    });
    let sandbox = acme();
    for scheme in ["http", "https"] {
        let run = in_branch_build(&sandbox)
            .set("BITBUCKET_API_URL", format!("{scheme}://localhost:{port}/2.0"))
            .set("TIMEOUT", "1")
            .run();
        assert_told(&run, 4, &["SUCCESSFUL on acme/api"]);
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = acme();
    for path in ["/2.0/repositories?secret=1", ""] {
        let (sandbox, run) =
            once(Fault::redirect(&format!("http://localhost:{}{path}", elsewhere.http_port())));
        assert_told(&run, 4, &["Bitbucket answered 302 Found", "the answer points to http://localhost:"]);
        assert_eq!(sandbox.requests().len(), 1);
    }
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn a_huge_answer_is_a_failure_with_a_short_message() {
    for (status, told) in [(201, "✖ not known to be posted: "), (401, "✖ not posted: ")] {
        let (_sandbox, run) = once(Fault::Huge { status, bytes: 100_000_000 });
        assert_told(&run, 4, &[told]);
        assert!(run.output.len() < 3_000, "{}", run.output);
    }
}

#[test]
fn an_answer_200_or_201_without_a_status_is_a_failure() {
    let answer = |status: u16, body: &str| Fault::Answer { status, headers: vec![], body: body.into() };
    for (fault, told) in [
        (
            answer(200, "<html><title>Sign in to ACME Wi-Fi</title>"),
            "an HTML page with the title \"Sign in to ACME Wi-Fi\", but the answer is not JSON",
        ),
        (answer(201, "posted!"), "\"posted!\", but the answer is not JSON"),
        (answer(200, "[]"), "but the answer is not a status"),
        (
            answer(200, r#"{"type":"error","error":{"message":"No."}}"#),
            "\"No.\", but the answer is not a status",
        ),
    ] {
        let (sandbox, run) = once(fault);
        assert_told(&run, 4, &[told]);
        assert_eq!(sandbox.requests().len(), 1);
    }
}

#[test]
fn status_code_204_is_a_success_without_a_body_and_202_is_not() {
    let (_sandbox, run) = once(Fault::Answer { status: 204, headers: vec![], body: vec![] });
    assert_told(&run, 0, &["✔ posted"]);
    let (_sandbox, run) = once(Fault::Answer { status: 202, headers: vec![], body: vec![] });
    assert_told(&run, 4, &["Bitbucket answered 202 Accepted"]);
}

#[test]
fn an_unusable_answer_to_a_lookup_is_reported() {
    for body in ["{}", "null", "not json", r#"{"source":{"branch":{"name":"x"},"commit":{"hash":"zzz"}}}"#] {
        let sandbox = acme();
        sandbox.fault(Fault::Answer { status: 200, headers: vec![], body: body.into() });
        let run = by_hand(&sandbox).set("PULL_REQUEST", "7").run();
        assert_told(&run, 4, &["✖ failed to look up pull request 7 of acme/api", "but the answer"]);
    }
}

#[test]
fn secrets_and_control_characters_of_an_answer_are_not_printed() {
    let email_and_token = format!("{}:{}", sandbox::CI_EMAIL, sandbox::API_TOKEN);
    let basic = base64(email_and_token.as_bytes());
    for secret in [sandbox::API_TOKEN, &basic] {
        for body in [
            format!("{{\"error\":{{\"message\":\"no: {secret}\"}}}}"),
            format!("no: {secret}\n✔ posted\u{1b}[2K"),
            format!("<title>{secret}</title>"),
        ] {
            let sandbox = acme();
            sandbox.fault(Fault::Answer { status: 400, headers: vec![], body: body.into() });
            let run = in_branch_build(&sandbox)
                .unset("BITBUCKET_ACCESS_TOKEN")
                .set("ATLASSIAN_ACCOUNT_EMAIL", sandbox::CI_EMAIL)
                .set("ATLASSIAN_API_TOKEN", sandbox::API_TOKEN)
                .set("DEBUG", "true")
                .run();
            assert_told(&run, 4, &["***"]);
            assert!(!run.output.contains(&basic[..24]), "{}", run.output);
            assert!(!run.output.contains("\n✔") && !run.output.contains('\u{1b}'), "{}", run.output);
        }
    }
}

/// The log shows only the beginning of an answer, and the cut may fall inside a secret.
#[test]
fn no_part_of_a_secret_is_printed_when_an_answer_is_cut() {
    let sandbox = acme();
    let folder = Folder::new();
    let gatepost = in_branch_build(&sandbox)
        .set("RESULT_FILE", folder.path().join("results.jsonl"))
        .set("DEBUG", "true");
    let token = sandbox::REPOSITORY_TOKEN;
    let (begin, end) = token.split_at(90);
    let forms =
        [token.to_owned(), token.replace('=', "%3D"), token.replace('=', "&#61;"), format!("{begin}\n{end}")];
    for (number, form) in forms.iter().cycle().take(24).enumerate() {
        let text = format!("{}{form}", "x".repeat(number * 15));
        let body = match number % 3 {
            0 => text,
            1 => serde_json::json!({ "error": { "message": text } }).to_string(),
            _ => format!("<title>{text}</title>"),
        };
        sandbox.fault(Fault::Answer { status: 400, headers: vec![], body: body.into() });
        // `run` itself also checks that the output shows no secret.
        let run = gatepost.run();
        assert_eq!(run.code, 4, "{}", run.output);
        gatepost.assert_no_secret(&folder.read("results.jsonl"));
        let shown = run
            .output
            .as_bytes()
            .windows(16)
            .any(|part| token.as_bytes().windows(16).any(|secret| secret == part));
        assert!(!shown, "{}", run.output);
    }
}

/// RFC 4648, for short texts.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .flat_map(|chunk| {
            let number = chunk.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte))
                << (8 * (3 - chunk.len()));
            (0..4).map(move |place| {
                let digit = number >> (18 - 6 * place) & 63;
                if place <= chunk.len() { char::from(ALPHABET[digit]) } else { '=' }
            })
        })
        .collect()
}

#[test]
fn nothing_is_sent_to_a_server_whose_certificate_is_not_trusted() {
    let (sandbox, stranger, folder) = (acme(), acme(), Folder::new());
    let run = in_branch_build(&sandbox).set("BITBUCKET_API_URL", sandbox.https_url());
    let untrusted = run.run();
    insta::assert_snapshot!(untrusted.told(), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ failed to post the status: the certificate of the server is not trusted (it was issued by an unknown authority, "Sandbox root")
      sent:     POST https://localhost:PORT/2.0/repositories/acme/api/commit/630f6ffc4b82414483a5469e117243d2c8a1ab4b/statuses/build with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: the certificate of the server is not trusted (it was issued by an unknown authority, "Sandbox root")
      why:      "Sandbox root" is a private authority or a proxy that opens TLS, or the server does not send its intermediate certificate
      to do:    if the authority is your company's, pass its root certificate in SSL_CERT_FILE (a PEM file)
      to do:    if it is a public authority, let the server send its whole chain: the intermediate certificate after its own
    ✖ not posted: SUCCESSFUL on acme/api commit 630f6ffc4b82414483a5469e117243d2c8a1ab4b, branch main
    exit code 4
    "#);
    let other_root = folder.write("other.pem", stranger.root_certificate_pem().as_bytes());
    assert_told(
        &run.clone().set("SSL_CERT_FILE", other_root).run(),
        4,
        &["the certificate of the server is not trusted"],
    );
    assert!(sandbox.requests().is_empty(), "nothing is sent to a server that is not trusted");
    let root = folder.write("root.pem", sandbox.root_certificate_pem().as_bytes());
    assert_told(&run.set("SSL_CERT_FILE", root).run(), 0, &["✔ posted"]);
}

/// The built-in roots may be enough: TLS decides.
#[test]
fn an_unusable_ssl_cert_file_is_ignored_and_told() {
    let (sandbox, folder) = (acme(), Folder::new());
    for (content, told) in [
        (&b""[..], "which holds no certificate"),
        (b"hello", "which holds no certificate"),
        (b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n", "whose PEM text is damaged"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n", "whose PEM text is damaged"),
        (&vec![b'\n'; 5 * 1024 * 1024], "which has more than 4 MiB"),
    ] {
        let file = folder.write("root.pem", content);
        let run = in_branch_build(&sandbox).set("SSL_CERT_FILE", file).run();
        assert_told(
            &run,
            0,
            &[
                "! SSL_CERT_FILE names \"FOLDER/root.pem\"",
                &format!("{told}; it is ignored, and only the built-in roots are trusted"),
                "✔ posted",
            ],
        );
    }
    let run = in_branch_build(&sandbox)
        .set("BITBUCKET_API_URL", sandbox.https_url())
        .set("SSL_CERT_FILE", "/no/such/file.pem")
        .run();
    let told = "! SSL_CERT_FILE names \"/no/such/file.pem\", which cannot be read";
    assert_told(&run, 4, &[told, "the certificate of the server is not trusted"]);
}
