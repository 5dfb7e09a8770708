//! SonarQube's address, its certificate, and the link to its dashboard.

use sandbox::{Dialect, Gate, Projects, SonarQube};

use crate::run::{acme, after_scan, assert_told, scanned};

use super::{of_pull_request, run_after, shown, sonarqube};

#[test]
fn sonar_host_url_wins_over_the_report_file_and_keeps_its_base_path() {
    let sandbox = acme();
    for base in [None, Some("/sonar")] {
        let projects =
            Projects::acme(Dialect::Server2025).with_public_url("https://sonar.acme.example/sonar");
        let sonarqube = SonarQube::start(match base {
            Some(base) => projects.with_base_path(base),
            None => projects,
        });
        let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
        for slash in ["", "/", "///"] {
            let run = after_scan(&sandbox, &folder)
                .set("SONAR_HOST_URL", format!("{}{slash}", sonarqube.http_url()))
                .run();
            assert_eq!(run.code, 0, "{}", run.output);
        }
        assert_eq!(
            shown(&sandbox).url.as_deref(),
            Some("https://sonar.acme.example/sonar/dashboard?id=acme_api&pullRequest=7"),
            "reviewers get the public address"
        );
    }
}

#[test]
fn the_address_of_a_page_is_cut_to_the_server_or_refused() {
    let (sandbox, sonarqube) =
        (acme(), SonarQube::start(Projects::acme(Dialect::Server2025).with_base_path("/sonar")));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
    for page in [
        "/projects",
        "/dashboard?id=acme_api",
        "/projects/create",
        "/sessions/new",
        "/account/security",
        "/account",
        "/about",
        "/project/overview",
        "/api/",
    ] {
        let url = format!("{}{page}", sonarqube.http_url());
        let run = after_scan(&sandbox, &folder).set("SONAR_HOST_URL", url).run();
        let told = format!(
            "! SONAR_HOST_URL is \"http://127.0.0.1:PORT/sonar{page}\", the address of a page: Gatepost uses http://127.0.0.1:PORT/sonar, the address of the server\n"
        );
        assert_told(&run, 0, &[&told]);
    }
    let run = after_scan(&sandbox, &folder).set("SONAR_HOST_URL", "https://a.example/x?id=acme_api").run();
    assert_told(
        &run,
        2,
        &["✖ SONAR_HOST_URL is \"https://a.example/x?id=acme_api\", which has a ? or # part"],
    );
}

#[test]
fn a_dashboard_on_loopback_is_not_linked() {
    let (run, status) = run_after(of_pull_request(Gate::passed()));
    assert_told(
        &run,
        0,
        &["! the status does not link to SonarQube's dashboard \"http://127.0.0.1:PORT/dashboard"],
    );
    assert_eq!(status.url.as_deref(), Some("https://bitbucket.org/acme/api/pipelines/results/42"));
}

#[test]
fn a_private_authority_is_trusted_with_sonar_root_cert() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
    let run = after_scan(&sandbox, &folder).set("SONAR_HOST_URL", sonarqube.https_url());
    let untrusted = run.run();
    assert_told(&untrusted, 3, &["the certificate of the server is not trusted", "SONAR_ROOT_CERT"]);
    let pem = sonarqube.root_certificate_pem();
    for text in [pem.to_owned(), pem.replace('\n', "\\n"), pem.replace('\n', " ")] {
        assert_eq!(run.clone().set("SONAR_ROOT_CERT", text).run().code, 0);
    }
    assert_told(
        &run.set("SONAR_ROOT_CERT", "/path/to/root.pem").run(),
        2,
        &["✖ SONAR_ROOT_CERT holds text which holds no certificate"],
    );

    let for_sonarqube_only = after_scan(&sandbox, &folder)
        .set("BITBUCKET_API_URL", sandbox.https_url())
        .set("SONAR_ROOT_CERT", sandbox.root_certificate_pem())
        .run();
    assert_told(&for_sonarqube_only, 4, &["the certificate of the server is not trusted"]);
}
