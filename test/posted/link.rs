//! A link that Bitbucket does not take.

use serde_json::{Value, json};

use super::{assert_stands, posts, tests};
use crate::run::{Fault, Sandbox, acme, assert_told, in_branch_build};

const PIPELINE: &str = "https://bitbucket.org/acme/api/pipelines/results/42";

fn url_of(sandbox: &Sandbox) -> Option<String> {
    sandbox.statuses("acme/api", &sandbox.head("acme/api", "main"))[0].url.clone()
}

#[test]
fn a_link_that_bitbucket_refuses_is_replaced_by_the_pipelines_page() {
    let sandbox = acme();
    let run = tests(in_branch_build(&sandbox)).set("URL", "http://sonarqube.k8s/x").run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL", "http://sonarqube.k8s/x", PIPELINE]);
    let is_warned = run.output.lines().any(|line| line.starts_with("! ") && line.contains("sonarqube.k8s"));
    assert!(is_warned, "{}", run.output);
    let answers: Vec<_> = posts(&sandbox).iter().map(|post| post.status).collect();
    assert_eq!(answers, [Some(400), Some(201)]);
    assert_stands(&sandbox, "acme/api", &sandbox.head("acme/api", "main"), "SUCCESSFUL");
    assert_eq!(url_of(&sandbox).as_deref(), Some(PIPELINE));
}

/// Everything else is as it was.
#[test]
fn only_the_link_is_another_in_the_second_request() {
    let sandbox = acme();
    let run = tests(in_branch_build(&sandbox))
        .set("URL", "http://sonarqube.k8s/x")
        .set("NAME", "Tests")
        .set("DESCRIPTION", "all green")
        .run();
    assert_told(&run, 0, &[]);
    let mut bodies =
        posts(&sandbox).into_iter().map(|post| serde_json::from_str::<Value>(&post.body).unwrap());
    let (mut first, mut second) = (bodies.next().unwrap(), bodies.next().unwrap());
    assert_eq!(
        (first["url"].take(), second["url"].take()),
        (json!("http://sonarqube.k8s/x"), json!(PIPELINE))
    );
    assert_eq!(first, second);
}

#[test]
fn another_link_is_tried_once_only() {
    let sandbox = acme();
    sandbox.fault_always(Fault::json(
        400,
        &json!({ "type": "error", "error": { "message": "url: Enter a valid URL.", "fields": { "url": ["Enter a valid URL."] } } }),
    ));
    let run = tests(in_branch_build(&sandbox)).set("URL", "http://sonarqube.k8s/x").run();
    let neither =
        "Bitbucket accepts neither the link \"http://sonarqube.k8s/x\" nor the page of the pipeline";
    assert_told(&run, 4, &["Enter a valid URL.", neither, "✖ not posted"]);
    for untrue in ["the status links to", "a host name with a dot"] {
        assert!(!run.output.contains(untrue), "{}", run.output);
    }
    assert_eq!(posts(&sandbox).len(), 2);
}

/// What is wrong with another field is not mended by another link.
#[test]
fn a_refusal_of_more_than_the_link_is_final() {
    let sandbox = acme();
    let fields = json!({ "url": ["Enter a valid URL."], "key": ["This field is required."] });
    sandbox.fault(Fault::json(
        400,
        &json!({ "type": "error", "error": { "message": "Bad request", "fields": fields } }),
    ));
    let run = tests(in_branch_build(&sandbox)).set("URL", "http://sonarqube.k8s/x").run();
    assert_told(&run, 4, &["400 Bad Request"]);
    assert_eq!(posts(&sandbox).len(), 1);
}

/// A trifle never keeps a verdict away.
#[test]
fn a_link_that_is_no_address_is_replaced_before_anything_is_sent() {
    for url in [
        "not an address",
        "ftp://ci.example/x",
        "http://localhost:8080/job/1",
        "http://jenkins/job/1",
        "ci.example",
    ] {
        let sandbox = acme();
        let run = tests(in_branch_build(&sandbox)).set("URL", url).run();
        assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
        assert_eq!(super::warnings(&run, "URL").len(), 1, "{}", run.output);
        assert_eq!((posts(&sandbox).len(), url_of(&sandbox).as_deref()), (1, Some(PIPELINE)));
    }
}
