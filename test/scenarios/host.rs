//! A host that is not the API of Bitbucket Cloud.

use gatepost::explain::handbook;

use crate::run::{Fault, acme, in_branch_build};

use super::met;

#[test]
fn the_address_of_data_center() {
    let sandbox = acme();
    let gatepost =
        in_branch_build(&sandbox).set("BITBUCKET_API_URL", "https://git.acme.example/rest/api/1.0");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[], 2, 0), @r#"
    ✖ BITBUCKET_API_URL is "https://git.acme.example/rest/api/1.0", which is an address of Bitbucket Data Center, which has another API
      accepted: an https address such as https://api.bitbucket.org/2.0, or http to loopback or host.docker.internal
      to do:    remove BITBUCKET_API_URL: the default is https://api.bitbucket.org/2.0; Gatepost works with Bitbucket Cloud only
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
    let gatepost = in_branch_build(&sandbox).set("REPO_SLUG", "https://git.acme.example/scm/app/api.git");
    insta::assert_snapshot!(met(&gatepost, &sandbox, &[], 2, 0), @r#"
    ✖ REPO_SLUG is an address on the host "git.acme.example", which is not Bitbucket Cloud
      accepted: a slug, workspace/slug, https://bitbucket.org/workspace/slug or git@bitbucket.org:workspace/slug.git
      to do:    Gatepost works with Bitbucket Cloud (bitbucket.org) only; Bitbucket Data Center has another API
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
}

#[test]
fn a_host_that_is_not_bitbucket_cloud() {
    let sandbox = acme();
    let data_centers = r#"{"errors":[{"context":null,"message":"Not permitted.","exceptionName":null}]}"#;
    sandbox.fault(Fault::Answer { status: 404, headers: vec![], body: data_centers.into() });
    met(&in_branch_build(&sandbox), &sandbox, &[&handbook::NOT_THE_API], 4, 1);
    sandbox.fault(Fault::Answer {
        status: 404,
        headers: vec![],
        body: b"<!DOCTYPE html><html><head><title>Log in - Acme Bitbucket</title></head></html>".to_vec(),
    });
    insta::assert_snapshot!(met(&in_branch_build(&sandbox), &sandbox, &[&handbook::NOT_THE_API], 4, 1), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ failed to post the status: Bitbucket answered 404 Not Found
      sent:     POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/630f6ffc4b82414483a5469e117243d2c8a1ab4b/statuses/build with the access token (BITBUCKET_ACCESS_TOKEN)
      answered: 404 Not Found, an HTML page with the title "Log in - Acme Bitbucket"
      why:      the answer does not come from the API of Bitbucket Cloud, but from Bitbucket Data Center, a proxy or a login page
      to do:    remove BITBUCKET_API_URL (the default is https://api.bitbucket.org/2.0), and check HTTPS_PROXY; Gatepost works with Bitbucket Cloud only, whose repositories are at bitbucket.org/workspace/slug
    ✖ not posted: SUCCESSFUL on acme/api commit 630f6ffc4b82414483a5469e117243d2c8a1ab4b, branch main
    exit code 4
    "#);
}

/// The proxy does not reach the company's host.
#[test]
fn a_host_of_data_center_that_does_not_answer() {
    let sandbox = acme();
    let gatepost = in_branch_build(&sandbox)
        .set("BITBUCKET_API_URL", "https://git.acme.example/2.0")
        // Nothing listens there.
        .set("HTTPS_PROXY", "http://127.0.0.1:1")
        .set("TIMEOUT", "1");
    let told = met(&gatepost, &sandbox, &[], 4, 0);
    let [else_, then] = [handbook::NOT_THE_API.why, handbook::NOT_THE_API.remedy];
    assert!(
        told.contains("! BITBUCKET_API_URL names the host git.acme.example, not api.bitbucket.org"),
        "{told}"
    );
    assert!(told.contains(&format!("  else:     {else_}\n  then:     {then}\n")), "{told}");
}

/// Bitbucket answers 403 for an address without the version, as it does for other reasons.
#[test]
fn an_address_without_the_version_of_the_api() {
    let sandbox = acme();
    let url = sandbox.http_url().replace("/2.0", "");
    let told = met(&in_branch_build(&sandbox).set("BITBUCKET_API_URL", url), &sandbox, &[], 4, 2);
    assert!(told.starts_with("! BITBUCKET_API_URL does not end in /2.0, the version of the API"), "{told}");
}
