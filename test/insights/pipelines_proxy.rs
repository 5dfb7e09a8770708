//! A report without a credential, through the proxy that Pipelines runs beside each step.

use std::time::Duration;

use sandbox::{Analysis, Dialect, Fault, Gate, PipelinesProxy, REPOSITORY_TOKEN, SonarQube};

use super::{after, issues, red, requests, sonarqube, standing};
use crate::run::{Folder, Gatepost, Sandbox, acme, assert_told, stopped_by};

/// A build without any credential of Bitbucket.
fn without_credential(sandbox: &Sandbox, sonarqube: &SonarQube) -> (Folder, Gatepost) {
    let (folder, gatepost) = after(sandbox, &sonarqube.submit(red(issues(3))));
    (folder, gatepost.unset("BITBUCKET_ACCESS_TOKEN").set("STATUS", "false"))
}

#[test]
fn in_its_own_repository_a_report_needs_no_credential() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let proxy = PipelinesProxy::beside("acme/api", sandbox.http_port(), REPOSITORY_TOKEN);
    let (_folder, gatepost) = without_credential(&sandbox, &sonarqube);
    let run = gatepost.set("REPORT_PROXY", proxy.url()).run();
    insta::assert_snapshot!(run.told(), @"
    gatepost 0.1.0: the quality gate of .scannerwork/report-task.txt for acme/api without a credential, through the proxy of Pipelines
    SonarQube at http://127.0.0.1:PORT/ (serverUrl of report-task.txt) gets SONAR_TOKEN
    quality gate failed: acme_api, pull request 7
      ✖ Reliability Rating on New Code                 C  A or better
      ✖ New Issues                                     3  at most 0
      ✖ Coverage on New Code                       54.9%  at least 80%
      ✔ Security Rating on New Code                    A  A or better
      ✔ Maintainability Rating on New Code             A  A or better
      ✔ Duplicated Lines on New Code                0.7%  at most 3%
      ✔ Security Hotspots Reviewed on New Code  no value  at least 100%
      report:   gatepost-sonar-acme_api, 3 annotations
    ✖ posted a report of FAILED on acme/api commit 94277cd267a8, branch feature/login, and no status (STATUS: false): the quality gate is not green (FAIL_ON_RED_GATE: false keeps the step green)
    exit code 1
    ");
    assert_eq!(standing(&sandbox).annotations.len(), 3);
    assert!(sandbox.pull_request_statuses("acme/api", 7).is_empty());
    // Nothing else goes through it, and nothing carries a credential.
    let heads = proxy.heads();
    assert_eq!((heads.len(), requests(&sandbox).len()), (3, 3));
    for head in heads {
        assert!(head.contains(" http://api.bitbucket.org/2.0/repositories/acme/api/commit/"), "{head}");
        assert!(head.contains("/reports/gatepost-sonar-acme_api"), "{head}");
        assert!(!head.to_ascii_lowercase().contains("authorization"), "{head}");
    }
}

#[test]
fn a_status_and_another_repository_still_need_a_credential() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let proxy = PipelinesProxy::beside("acme/api", sandbox.http_port(), REPOSITORY_TOKEN);
    let (_folder, gatepost) = without_credential(&sandbox, &sonarqube);
    let gatepost = gatepost.set("REPORT_PROXY", proxy.url());
    for other in [
        gatepost.clone().set("STATUS", "true"),
        gatepost.clone().set("REPO_SLUG", "web").set("COMMIT", sandbox.head("acme/web", "main")),
        gatepost.clone().set("PULL_REQUEST", "7"),
        gatepost.clone().unset("BITBUCKET_BUILD_NUMBER"),
    ] {
        assert_told(&other.run(), 2, &["✖ BITBUCKET_ACCESS_TOKEN is unset or empty"]);
    }
    let other = gatepost.clone().set("BRANCH", "main").run();
    assert_told(
        &other,
        2,
        &["; STATUS: false needs no credential in a pipeline, through the proxy of Pipelines"],
    );
    assert!(proxy.heads().is_empty());
    assert_eq!(sandbox.request_count(), 0);
}

/// What the build has already may be named.
#[test]
fn the_commit_and_the_branch_that_are_built_may_be_named() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let proxy = PipelinesProxy::beside("acme/api", sandbox.http_port(), REPOSITORY_TOKEN);
    let analysis = Analysis::of_branch("acme_api", "feature/login", Gate::failed()).with_issues(issues(3));
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(analysis));
    let gatepost = gatepost.unset("BITBUCKET_ACCESS_TOKEN").set("STATUS", "false");
    let commit = sandbox.head("acme/api", "feature/login");
    let gatepost = gatepost.set("REPORT_PROXY", proxy.url()).set("REPO_SLUG", "api").set("COMMIT", commit);
    assert_told(&gatepost.set("BRANCH", "feature/login").run(), 1, &["posted a report of FAILED"]);
    assert_eq!((proxy.heads().len(), standing(&sandbox).annotations.len()), (3, 3));
}

/// A status that nobody asked for would replace the one that stands.
#[test]
fn a_run_without_a_status_that_is_stopped_ends_no_status() {
    for has_credential in [false, true] {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
        let proxy = PipelinesProxy::beside("acme/api", sandbox.http_port(), REPOSITORY_TOKEN);
        let (_folder, gatepost) = without_credential(&sandbox, &sonarqube);
        let mut gatepost = gatepost.set("REPORT_PROXY", proxy.url());
        if has_credential {
            gatepost = gatepost.set("BITBUCKET_ACCESS_TOKEN", REPOSITORY_TOKEN);
        }
        sonarqube.fault(Fault::Silent);
        let run = stopped_by("-TERM", &gatepost, || !sonarqube.requests().is_empty());
        assert_told(&run, 143, &["stopped before anything was sent"]);
        assert_eq!((proxy.heads().len(), sandbox.request_count()), (0, 0));
    }
}

#[test]
fn a_check_sends_nothing_through_the_proxy() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let proxy = PipelinesProxy::beside("acme/api", sandbox.http_port(), REPOSITORY_TOKEN);
    let (_folder, gatepost) = without_credential(&sandbox, &sonarqube);
    let run = gatepost.clone().set("MODE", "check").set("REPORT_PROXY", proxy.url()).run();
    let told = [
        "! the report would go through the proxy of Pipelines, which is not checked",
        "✔ a report would be posted, and no status (STATUS: false), as gatepost-sonar-acme_api",
        "✔ the token can read the issues of acme_api: 3 would become annotations",
    ];
    assert_told(&run, 0, &told);
    assert_eq!((proxy.heads().len(), sandbox.request_count()), (0, 0));
    let run = gatepost.set("MODE", "check").set("BITBUCKET_ACCESS_TOKEN", REPOSITORY_TOKEN).run();
    assert_told(&run, 0, &["a report would be posted, and no status (STATUS: false)"]);
    assert!(!run.output.contains("status with the key"), "{}", run.output);
}

/// The date of the commit would tell, and only reports go through the proxy.
#[test]
fn a_green_of_an_analysis_that_may_be_old_is_doubted() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let proxy = PipelinesProxy::beside("acme/api", sandbox.http_port(), REPOSITORY_TOKEN);
    let analysis = Analysis::of_pull_request("acme_api", "7", Gate::passed());
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(analysis));
    let gatepost = gatepost.unset("BITBUCKET_ACCESS_TOKEN").set("STATUS", "false");
    let run = gatepost.set("REPORT_PROXY", proxy.url()).run();
    assert_told(&run, 0, &["may be older than the commit: nothing shows that this checkout made it"]);
    assert!(!proxy.heads().is_empty());
    assert!(proxy.heads().iter().all(|head| head.contains("/reports/")), "{:?}", proxy.heads());
}

#[test]
fn a_proxy_that_is_absent_refuses_or_hangs_is_told() {
    let sonarqube = sonarqube(Dialect::Server2025);
    let hanging = PipelinesProxy::that_hangs();
    for (address, told) in [
        ("http://127.0.0.1:9".to_owned(), "the proxy of Pipelines is not there"),
        (hanging.url(), "the proxy of Pipelines is not there"),
    ] {
        let sandbox = acme();
        let (_folder, gatepost) = without_credential(&sandbox, &sonarqube);
        let run = gatepost.set("REPORT_PROXY", address).set("TIMEOUT", "2").run();
        assert_told(&run, 4, &[told, "pass a credential such as BITBUCKET_ACCESS_TOKEN"]);
        assert!(run.took < Duration::from_secs(15), "{:?}", run.took);
    }
    // A proxy that is not there is not waited for.
    let sandbox = acme();
    let (_folder, gatepost) = without_credential(&sandbox, &sonarqube);
    let run = gatepost.set("REPORT_PROXY", "http://127.0.0.1:9").set("TIMEOUT", "60").run();
    assert_told(&run, 4, &["the proxy of Pipelines is not there", "✖ the report was not posted"]);
    assert!(run.took < Duration::from_secs(15), "{:?}", run.took);
    // What the proxy leads to may have answered.
    for (fault, told) in [
        (Fault::status(502), "the proxy of Pipelines, or Bitbucket behind it, does not work for the moment"),
        (Fault::refusal(404, "Commit not found"), "Bitbucket does not know the commit"),
    ] {
        let sandbox = acme();
        let proxy = PipelinesProxy::beside("acme/api", sandbox.http_port(), REPOSITORY_TOKEN);
        let (_folder, gatepost) = without_credential(&sandbox, &sonarqube);
        sandbox.fault_after(1, fault.clone());
        sandbox.fault_always(fault);
        let run = gatepost.set("REPORT_PROXY", proxy.url()).set("TIMEOUT", "2").run();
        assert_told(&run, 4, &[told]);
        assert!(!run.output.contains("did not authorize"), "{}", run.output);
    }
    // The proxy of another repository does not authorize the request.
    let sandbox = acme();
    let of_other = PipelinesProxy::beside("acme/web", sandbox.http_port(), REPOSITORY_TOKEN);
    let (_folder, gatepost) = without_credential(&sandbox, &sonarqube);
    let run = gatepost.set("REPORT_PROXY", of_other.url()).run();
    assert_told(&run, 4, &["did not authorize this one"]);
}

#[test]
fn with_a_credential_a_report_alone_is_posted_with_it() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(3))));
    let run = gatepost.set("STATUS", "false").run();
    assert_told(&run, 1, &["posted a report of FAILED on acme/api", "and no status (STATUS: false)"]);
    assert_eq!(standing(&sandbox).annotations.len(), 3);
    assert!(sandbox.pull_request_statuses("acme/api", 7).is_empty());
}
