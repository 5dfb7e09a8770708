//! After a scan that failed, a green needs proof that the scan made the analysis.

use std::process::Command;

use sandbox::{Analysis, Fault, Gate};

use super::{BEFORE_THE_COMMIT, after, assert_stands, of_pull_request, sonarqube, standing};
use crate::run::{Folder, acme, after_scan, assert_told};

fn git(folder: &Folder, arguments: &[&str]) {
    let author = ["-c", "user.name=Ann", "-c", "user.email=ann@acme.example"];
    let ran = Command::new("git").args(author).args(arguments).current_dir(folder.path()).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn an_analysis_from_before_the_commit_is_not_that_of_a_scan_that_failed() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let old = sonarqube.submit(of_pull_request("7").submitted(BEFORE_THE_COMMIT));
    let (_folder, gatepost) = after(&sandbox, &old);
    let run = gatepost.set("SCAN_EXIT_CODE", "1").run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: the quality gate of .scannerwork/report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    SonarQube at http://127.0.0.1:PORT/ (serverUrl of report-task.txt) gets SONAR_TOKEN
    quality gate passed: acme_api, pull request 7
      ✔ Reliability Rating on New Code                 A  A or better
      ✔ Security Rating on New Code                    A  A or better
      ✔ Maintainability Rating on New Code             A  A or better
      ✔ Coverage on New Code                       91.3%  at least 80%
      ✔ Duplicated Lines on New Code                0.7%  at most 3%
      ✔ Security Hotspots Reviewed on New Code  no value  at least 100%
      ✔ New Issues                                     0  at most 0
    ! the status does not link to SonarQube's dashboard "http://127.0.0.1:PORT/dashboard?id=acme_api&pullRequest=7", which is the address of this machine itself: Bitbucket refuses such addresses; set the server's public address in SonarQube (Administration > General > Server base URL), or pass URL
    ✖ The scan ended with exit code 1; the last analysis is of 2026-09-01
      why:      nothing shows that the scan that failed made this analysis: neither its commit nor its time fits
      to do:    see the log of the scanner, and run it again
      status:   Sonar: acme_api (key sonar-acme_api): The scan ended with exit code 1; the last analysis is of 2026-09-01
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no verdict of SonarQube
    exit code 3
    "#);
    assert_stands(&sandbox, "FAILED", "The scan ended with exit code 1; the last analysis is of 2026-09-01");
}

#[test]
fn a_newer_analysis_of_the_pull_request_is_that_of_the_scan() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(of_pull_request("7")));
    let run = gatepost.set("SCAN_EXIT_CODE", "1").set("URL", "https://ci.example.com/").run();
    assert_told(&run, 0, &["! the scan ended with exit code 1"]);
    assert_eq!(run.output.lines().filter(|line| line.starts_with("! ")).count(), 1, "{}", run.output);
    assert_stands(&sandbox, "SUCCESSFUL", "Quality gate passed: acme_api, pull request 7");
}

#[test]
fn the_commit_that_sonarqube_names_is_a_proof_whatever_the_time() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let commit = sandbox.head("acme/api", "feature/login");
    let of_branch = Analysis::of_branch("acme_api", "feature/login", Gate::passed());
    for (revision, code) in [(commit.as_str(), 0), ("0123456789abcdef0123456789abcdef01234567", 3)] {
        let submitted =
            sonarqube.submit(of_branch.clone().submitted(BEFORE_THE_COMMIT).of_revision(revision));
        let (_folder, gatepost) = after(&sandbox, &submitted);
        assert_told(&gatepost.set("SCAN_EXIT_CODE", "2").run(), code, &[]);
    }
}

/// No other request is needed where the file itself is the proof; the one after the status looks for an earlier crash.
#[test]
fn a_file_of_this_checkout_is_a_proof_without_a_question_to_bitbucket() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let folder = Folder::new();
    git(&folder, &["init", "--quiet"]);
    let now = sandbox::date(std::time::SystemTime::now());
    let fresh = sonarqube.submit(of_pull_request("7").submitted(&now));
    let _ = folder.write(".scannerwork/report-task.txt", fresh.report_task.as_bytes());
    let run = after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "1").run();
    assert_told(&run, 0, &["! the scan ended with exit code 1"]);
    let requests: Vec<_> =
        sandbox.requests().into_iter().map(|it| format!("{} {}", it.method, it.path)).collect();
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert!(requests[1].ends_with("/statuses/build/sonar"), "{requests:?}");
}

/// A file from a cache is as new as the checkout, and its analysis is not.
#[test]
fn a_file_that_is_newer_than_its_analysis_proves_nothing() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let folder = Folder::new();
    git(&folder, &["init", "--quiet"]);
    let old = sonarqube.submit(of_pull_request("7").submitted(BEFORE_THE_COMMIT));
    let _ = folder.write(".scannerwork/report-task.txt", old.report_task.as_bytes());
    let run = after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "1").run();
    assert_told(&run, 3, &["✖ The scan ended with exit code 1; the last analysis is of 2026-09-01"]);
}

#[test]
fn without_an_answer_about_the_commit_nothing_is_proven() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(of_pull_request("7")));
    sandbox.fault(Fault::status(403));
    let run = gatepost.set("SCAN_EXIT_CODE", "1").run();
    assert_told(&run, 3, &["✖ The scan ended with exit code 1; the last analysis is of 2026-11-02"]);
    assert_eq!(standing(&sandbox)["sonar-acme_api"].0, "FAILED");
}

/// Community Build names neither the pull request nor the branch: only the commit proves something.
#[test]
fn an_analysis_of_the_main_branch_is_proven_by_its_commit_alone() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let commit = sandbox.head("acme/api", "feature/login");
    for (analysis, code) in [
        (Analysis::new("acme_api", Gate::passed()), 3),
        (Analysis::new("acme_api", Gate::passed()).of_revision(&commit), 0),
    ] {
        let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(analysis));
        assert_told(&gatepost.set("SCAN_EXIT_CODE", "1").run(), code, &[]);
    }
}

/// A cache or an artifact brought the file of an earlier build.
#[test]
fn an_analysis_that_is_older_than_the_commit_is_no_verdict_whatever_the_exit_code() {
    for exit_code in [Some("0"), None] {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        let old = sonarqube.submit(of_pull_request("7").submitted(BEFORE_THE_COMMIT));
        let (_folder, gatepost) = after(&sandbox, &old);
        let gatepost =
            if let Some(code) = exit_code { gatepost.set("SCAN_EXIT_CODE", code) } else { gatepost };
        let told = [
            "✖ The analysis is of 2026-09-01, this commit is of 2026-11-02",
            "why:      the commit is of 2026-11-02: the analysis was sent before it was made",
        ];
        assert_told(&gatepost.run(), 3, &told);
        assert_stands(&sandbox, "FAILED", "The analysis is of 2026-09-01, this commit is of 2026-11-02");
    }
}

/// A file that was just written needs no question.
#[test]
fn a_fresh_file_is_believed_without_a_question_to_bitbucket() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let now = sandbox::date(std::time::SystemTime::now());
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(of_pull_request("7").submitted(&now)));
    assert_told(&gatepost.run(), 0, &[]);
    assert_eq!(sandbox.request_count(), 1);
}

#[test]
fn a_red_gate_stays_red_and_is_told() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let red = Analysis { gate: Gate::failed(), ..of_pull_request("7") };
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red));
    assert_told(&gatepost.set("SCAN_EXIT_CODE", "1").run(), 1, &["quality gate failed: acme_api"]);
    assert_eq!(standing(&sandbox)["sonar-acme_api"].0, "FAILED");
}
