//! The fields of a status, and the requests that post it.

use crate::run::{acme, by_hand, in_branch_build, in_pull_request_build};

#[test]
fn a_branch_build_posts_with_one_request() {
    let sandbox = acme();
    let run = in_branch_build(&sandbox).run();
    insta::assert_snapshot!(run.told(), @"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
      status:   Sonar (key sonar): Successful
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✔ posted SUCCESSFUL on acme/api commit 630f6ffc4b82414483a5469e117243d2c8a1ab4b, branch main
    exit code 0
    ");

    let requests = sandbox.requests();
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    let commit = sandbox.head("acme/api", "main");
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", format!("/2.0/repositories/acme/api/commit/{commit}/statuses/build").as_str())
    );
    assert_eq!(request.authorization, Some(format!("Bearer {}", sandbox::REPOSITORY_TOKEN)));
    assert_eq!(request.content_type.as_deref(), Some("application/json"));
    assert_eq!(request.user_agent.as_deref(), Some(concat!("gatepost/", env!("CARGO_PKG_VERSION"))));
    let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({
            "type": "build",
            "key": "sonar",
            "state": "SUCCESSFUL",
            "name": "Sonar",
            "description": "Successful",
            "url": "https://bitbucket.org/acme/api/pipelines/results/42",
            "refname": "main",
        })
    );
}

#[test]
fn the_status_of_a_pull_request_build_is_shown_on_its_pull_request() {
    let sandbox = acme();
    let run = in_pull_request_build(&sandbox)
        .set("STATE", "1")
        .set("KEY", "gate")
        .set("NAME", "Quality \"gate\"")
        .set("DESCRIPTION", "54.9 % coverage,\nless than 80 %")
        .set("URL", "https://sonar.acme.example/dashboard?id=api")
        .run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: FAILED for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
      status:   Quality "gate" (key gate): 54.9 % coverage, less than 80 %
      link:     https://sonar.acme.example/dashboard?id=api
    ✔ posted FAILED on acme/api commit 94277cd267a8, branch feature/login
    exit code 0
    "#);
    assert_eq!(sandbox.requests().len(), 1);
    let shown = sandbox.pull_request_statuses("acme/api", 7);
    assert_eq!(shown.len(), 1);
    let status = &shown[0];
    assert_eq!(
        (status.key.as_str(), status.state.as_str(), status.name.as_deref(), status.description.as_deref()),
        ("gate", "FAILED", Some("Quality \"gate\""), Some("54.9 % coverage, less than 80 %"))
    );
    assert_eq!(status.refname.as_deref(), Some("feature/login"));
}

#[test]
fn the_same_key_overwrites_a_status_and_another_key_adds_one() {
    let sandbox = acme();
    let run = in_pull_request_build(&sandbox);
    for (state, key) in [("INPROGRESS", "a"), ("FAILED", "a"), ("STOPPED", "b"), ("SUCCESSFUL", "a")] {
        assert_eq!(run.clone().set("STATE", state).set("KEY", key).run().code, 0);
    }
    let mut shown: Vec<_> = sandbox
        .pull_request_statuses("acme/api", 7)
        .into_iter()
        .map(|status| (status.key, status.state))
        .collect();
    shown.sort();
    let pair = |key: &str, state: &str| (key.to_owned(), state.to_owned());
    assert_eq!(shown, [pair("a", "SUCCESSFUL"), pair("b", "STOPPED")]);
}

#[test]
fn long_texts_are_shortened_to_bitbuckets_limits() {
    let sandbox = acme();
    let run = in_pull_request_build(&sandbox)
        .set("KEY", "sonar-pr-feature/a-very-long-branch-name-indeed")
        .set("NAME", "n".repeat(300))
        .set("DESCRIPTION", "word ".repeat(100))
        .run();
    assert_eq!(run.code, 0, "{}", run.output);
    assert!(
        run.output.contains(
            "! KEY has 47 characters and Bitbucket accepts 40: Gatepost uses \"sonar-pr-feature/a-very-long-br-ecb2f631\""
        ),
        "{}",
        run.output
    );
    let shown = sandbox.pull_request_statuses("acme/api", 7);
    let chars = |text: &Option<String>| text.as_deref().unwrap_or_default().chars().count();
    assert_eq!((shown[0].key.chars().count(), chars(&shown[0].name)), (40, 255));
    assert!(shown[0].description.as_deref().unwrap().ends_with("word…"));
}

#[test]
fn a_dry_run_prints_the_write_and_sends_only_reads() {
    let sandbox = acme();
    let run = by_hand(&sandbox).set("PULL_REQUEST", "7").set("DRY_RUN", "yes").run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: SUCCESSFUL for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    pull request 7 comes from branch feature/login of acme/api, at commit 94277cd267a8
    DRY_RUN: this request was not sent
      request:  POST http://127.0.0.1:PORT/2.0/repositories/acme/api/commit/94277cd267a8/statuses/build with the access token (BITBUCKET_ACCESS_TOKEN)
      body:     {"type":"build","key":"sonar","state":"SUCCESSFUL","name":"Sonar","description":"Successful","url":"https://bitbucket.org/acme/api/commits/94277cd267a8","refname":"feature/login"}
    ✔ DRY_RUN: would post SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 0
    "#);
    let methods: Vec<_> = sandbox.requests().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["GET"]);
}
