//! The fields of the status, and a status that another credential created.

use gatepost::explain::handbook;
use sandbox::{Analysis, Dialect, Gate, Projects, SonarQube};

use crate::run::{Folder, acme, after_scan, in_pull_request_build, scanned};

use super::{met, with_api_token};

#[test]
fn a_status_that_another_credential_created() {
    let sandbox = acme();
    assert_eq!(with_api_token(&sandbox, sandbox::API_TOKEN).run().code, 0);
    let gatepost = in_pull_request_build(&sandbox).set("STATE", "failed");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[&handbook::ANOTHERS_STATUS], 4, 2), @r#"
    gatepost 0.1.0: FAILED for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ failed to post the status: Bitbucket answered 403 Forbidden
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/94277cd267a8/statuses/build with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: 403 Forbidden, "Forbidden"
      why:      Bitbucket does not say; these reasons are possible, likeliest first
      why 1:    this status was probably created with another credential: by the user "acme-ci" on 2026-11-02; only the creator of a status, or an admin of the repository, may overwrite it; a new token is another creator than the token that it replaced
      to do 1:  use the credential that created it, or post with another KEY (the old status then stays, and merge checks count it, until the branch has a new commit)
      why 2:    the workspace may not allow this credential (Workspace settings > Access controls: IP addresses, two-step verification)
      to do 2:  ask a workspace admin to check these settings; a self-hosted runner has an IP address of its own
    ✖ not posted: FAILED on acme/api commit 94277cd267a8, branch feature/login
    exit code 4
    "#);
    assert_eq!(sandbox.pull_request_statuses("acme/api", 7)[0].state, "SUCCESSFUL");
}

#[test]
fn a_key_of_a_long_branch() {
    let sandbox = acme();
    let gatepost =
        in_pull_request_build(&sandbox).set("KEY", "sonar-pr-feature/a-very-long-branch-name-indeed");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[], 0, 1), @r#"
    ! KEY has 47 characters and Bitbucket accepts 40: Gatepost uses "sonar-pr-feature/a-very-long-br-ecb2f631"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
      status:   Sonar (key sonar-pr-feature/a-very-long-br-ecb2f631): Successful
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✔ posted SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 0
    "#);
}

#[test]
fn a_link_that_only_the_build_machine_can_open() {
    let sandbox = acme();
    let gatepost = in_pull_request_build(&sandbox).set("URL", "http://localhost:9000");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[], 0, 1), @r#"
    ! URL is "http://localhost:PORT", which is the address of this machine itself; the default is used (accepted: an http or https address of at most 2048 characters whose host has a dot or is an IP address, not loopback: Bitbucket refuses others)
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
      status:   Sonar (key sonar): Successful
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✔ posted SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 0
    "#);
    let sonarqube = SonarQube::start(Projects::acme(Dialect::Server2025));
    let submitted = sonarqube.submit(Analysis::of_pull_request("acme_api", "7", Gate::passed()));
    let folder = scanned(".scannerwork", &submitted);
    let told = met(&after_scan(&sandbox, &folder), &sandbox, &[], 0, 2);
    assert!(told.contains("Administration > General > Server base URL"), "{told}");
    let gatepost = in_pull_request_build(&sandbox).set("URL", "http://sonarqube:9000/dashboard?id=api");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[], 0, 1), @r#"
    ! URL is "http://sonarqube:9000/dashboard?id=api", whose host has no dot; the default is used (accepted: an http or https address of at most 2048 characters whose host has a dot or is an IP address, not loopback: Bitbucket refuses others)
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
      status:   Sonar (key sonar): Successful
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✔ posted SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 0
    "#);
}

#[test]
fn an_inprogress_before_a_scan_that_crashes() {
    let (sandbox, folder) = (acme(), Folder::new());
    assert_eq!(in_pull_request_build(&sandbox).set("STATE", "INPROGRESS").run().code, 0);
    let gatepost = after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "1");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[], 3, 1), @"
    gatepost 0.1.0: the quality gate of a scan without report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ The scan did not finish (exit code 1)
      why:      a scan that fails early sends no analysis
      to do:    see the log of the scanner
      status:   Sonar (key sonar): The scan did not finish (exit code 1)
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no verdict of SonarQube
    exit code 3
    ");
    let shown = sandbox.pull_request_statuses("acme/api", 7);
    assert_eq!((shown.len(), shown[0].state.as_str()), (1, "FAILED"));
}
