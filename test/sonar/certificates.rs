//! Certificates of SonarQube: which one is trusted, and what is told of another.

use std::time::Duration;

use sandbox::{Certificate, Dialect, Gate, Projects, Proxy, SonarQube};

use crate::run::{acme, after_scan, assert_told, scanned};

use super::{of_pull_request, shown};

/// What the log and the commit say of a server with this certificate, whose root is passed.
fn told(kind: Certificate, root_is_passed: bool) -> (i32, String) {
    told_of("localhost", kind, root_is_passed)
}

/// The same of a server that is asked by this name of this machine.
fn told_of(host: &str, kind: Certificate, root_is_passed: bool) -> (i32, String) {
    let sandbox = acme();
    let sonarqube = SonarQube::start_with(Projects::acme(Dialect::Server2025), kind);
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
    let run = after_scan(&sandbox, &folder)
        .set("SONAR_HOST_URL", format!("https://{host}:{}", sonarqube.https_port()))
        .set("SONAR_ROOT_CERT", if root_is_passed { sonarqube.root_certificate_pem() } else { "" })
        .set("TIMEOUT", "60")
        .run();
    assert!(run.took < Duration::from_secs(20), "{:?}", run.took);
    for rusts in ["UnknownIssuer", "Unsupported", "CaUsed", "invalid peer", "Context", "received fatal"] {
        assert!(!run.output.contains(rusts), "{}", run.output);
    }
    let told = run.told();
    let parts = ["  answered:", "  why:", "  to do:"];
    let lines = told.lines().filter(|line| parts.iter().any(|part| line.starts_with(part)));
    let description = shown(&sandbox).description.unwrap();
    (run.code, [description.as_str()].into_iter().chain(lines).collect::<Vec<_>>().join("\n"))
}

#[test]
fn the_very_certificate_of_sonar_root_cert_is_trusted() {
    for kind in [Certificate::SelfSigned, Certificate::SelfSignedWithoutNames, Certificate::Good] {
        let (code, told) = told(kind, true);
        assert_eq!(code, 0, "{kind:?}: {told}");
    }
}

#[test]
fn each_reason_not_to_trust_a_certificate_has_its_remedy() {
    let refused = |kind, root_is_passed| {
        let (code, told) = told(kind, root_is_passed);
        assert_eq!(code, 3, "{told}");
        told
    };
    insta::assert_snapshot!(refused(Certificate::Good, false), @r#"
    No verdict: SonarQube's certificate is not trusted: unknown authority
      answered: the certificate of the server is not trusted (it was issued by an unknown authority, "Sandbox root")
      why:      "Sandbox root" is a private authority or a proxy that opens TLS, or the server does not send its intermediate certificate
      to do:    if the authority is your company's, pass its root certificate in SONAR_ROOT_CERT (PEM text) or SSL_CERT_FILE (a PEM file)
      to do:    if it is a public authority, let the server send its whole chain: the intermediate certificate after its own
    "#);
    insta::assert_snapshot!(refused(Certificate::SelfSigned, false), @"
    No verdict: SonarQube's certificate is not trusted: it vouches for itself
      answered: the certificate of the server is not trusted (it vouches for itself, and no variable holds it)
      why:      no authority vouches for the certificate but itself
      to do:    if it is the server's own, pass this very certificate in SONAR_ROOT_CERT (PEM text) or SSL_CERT_FILE (a PEM file)
    ");
    insta::assert_snapshot!(refused(Certificate::WithoutIntermediate, true), @r#"
    No verdict: SonarQube's certificate is not trusted: unknown authority
      answered: the certificate of the server is not trusted (it was issued by an unknown authority, "Sandbox intermediate")
      why:      the server does not send the intermediate certificate "Sandbox intermediate", or "Sandbox intermediate" is another root than the one that was passed
      to do:    let the server send its whole chain: the intermediate certificate after its own; or pass "Sandbox intermediate" in SONAR_ROOT_CERT (PEM text) or SSL_CERT_FILE (a PEM file), too
      to do:    if "Sandbox intermediate" is a root itself, pass its certificate there
    "#);
    insta::assert_snapshot!(refused(Certificate::OfAnotherHost, true), @"
    No verdict: SonarQube's certificate is not trusted: it is for another host
      answered: the certificate of the server is not trusted (it is for another host: sonar.internal.example, sonar)
      why:      the certificate does not have the name localhost
      to do:    pass in SONAR_HOST_URL the address with a name that the certificate has; or let the server's administrator add DNS:localhost to its subjectAltName
    ");
    insta::assert_snapshot!(refused(Certificate::Expired, true), @"
    No verdict: SonarQube's certificate is not trusted: it has expired
      answered: the certificate of the server is not trusted (it expired on 31 Jan 2020)
      why:      the certificate has expired, or the clock of this machine is ahead
      to do:    let the server's administrator renew the certificate; if the clock of this machine is wrong, correct it
    ");
    insta::assert_snapshot!(refused(Certificate::NotYetValid, true), @"
    No verdict: SonarQube's certificate is not trusted: it is not valid yet
      answered: the certificate of the server is not trusted (it is not valid before 31 Jan 2099)
      why:      the certificate is not valid yet, or the clock of this machine is behind
      to do:    correct the clock of this machine; or let the server's administrator make a certificate that is valid now
    ");
    insta::assert_snapshot!(refused(Certificate::Version1, true), @"
    No verdict: SonarQube's certificate is not trusted: its format is too old
      answered: the certificate of the server is not trusted (it is an X.509 certificate of version 1, not 3)
      why:      the certificate has the old format without extensions, so it cannot name its hosts
      to do:    let the server's administrator make one of version 3: openssl x509 -req with -extfile and subjectAltName=DNS:localhost
    ");
    insta::assert_snapshot!(refused(Certificate::ClientCertificateWanted, true), @"
    No verdict: SonarQube wants a client certificate
      answered: the server wants a client certificate
      why:      localhost only talks to clients that show a certificate of their own, which Gatepost cannot
      to do:    pass in SONAR_HOST_URL an address that wants no client certificate, or let its administrator exempt the path /api
    ");
}

/// A certificate names an address otherwise than a host.
#[test]
fn an_address_is_told_as_an_address() {
    for (kind, told) in [
        (Certificate::OfAnotherHost, "let the server's administrator add IP:127.0.0.1 to its subjectAltName"),
        (
            Certificate::Version1,
            "make one of version 3: openssl x509 -req with -extfile and subjectAltName=IP:127.0.0.1",
        ),
    ] {
        let (code, output) = told_of("127.0.0.1", kind, true);
        assert!(code == 3 && output.contains(told), "{kind:?}: {output}");
    }
}

/// The certificate is passed as a root, but the server is asked by another name.
#[test]
fn a_certificate_that_is_held_is_trusted_for_its_own_names_only() {
    for kind in [Certificate::SelfSigned, Certificate::SelfSignedWithoutNames] {
        let sandbox = acme();
        let sonarqube = SonarQube::start_with(Projects::acme(Dialect::Server2025), kind);
        let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
        let run = after_scan(&sandbox, &folder)
            .set("SONAR_HOST_URL", "https://sonar.acme.example")
            .set("SONAR_ROOT_CERT", sonarqube.root_certificate_pem())
            .set("HTTPS_PROXY", Proxy::to(sonarqube.https_port()).url())
            .run();
        assert_told(&run, 3, &["the certificate of the server is not trusted (it "]);
    }
}

/// It would let whoever has the key of that root read the credential.
#[test]
fn a_root_certificate_of_sonarqube_is_not_trusted_for_bitbucket() {
    let sandbox = acme();
    let sonarqube = SonarQube::start(Projects::acme(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
    let run = after_scan(&sandbox, &folder)
        .set("BITBUCKET_API_URL", sandbox.https_url())
        .set("SONAR_ROOT_CERT", sandbox.root_certificate_pem())
        .run();
    assert_told(&run, 4, &["the certificate of the server is not trusted"]);
    assert_eq!(sandbox.request_count(), 0);
}
