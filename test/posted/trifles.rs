//! A trifle never keeps a verdict away: what only says how it is told, or how long is waited, has a default.

use serde_json::json;

use super::{assert_refused_unsent, assert_stands, standing, tests, warnings};
use crate::run::{Run, Sandbox, acme, assert_told, by_hand, in_branch_build, in_central_pipeline};

/// Runs with one variable set, in a build of the branch `main`.
fn with(variable: &str, value: &str) -> (Sandbox, Run) {
    let sandbox = acme();
    let run = tests(in_branch_build(&sandbox)).set(variable, value).run();
    (sandbox, run)
}

#[test]
fn many_trifles_at_once_are_a_warning_each() {
    let trifles = [
        ("DEBUG", "express:*"),
        ("TIMEOUT", "2m"),
        ("RESULT_FILE", "/no/such/folder/r"),
        ("CONCURRENCY", "many"),
    ];
    let sandbox = acme();
    let mut gatepost = tests(in_branch_build(&sandbox)).set("NO_COLOR", "maybe");
    for (variable, value) in trifles {
        gatepost = gatepost.set(variable, value);
    }
    let run = gatepost.run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL on acme/api"]);
    for (variable, _) in trifles {
        assert_eq!(warnings(&run, variable).len(), 1, "{variable}:\n{}", run.output);
    }
    assert!(!run.output.contains('\u{1b}'), "NO_COLOR counts when it is set at all:\n{}", run.output);
    assert_stands(&sandbox, "acme/api", &sandbox.head("acme/api", "main"), "SUCCESSFUL");
}

#[test]
fn each_trifle_alone_is_a_warning_and_its_default() {
    for (variable, value) in [
        ("DEBUG", "2"),
        ("TIMEOUT", "0"),
        ("TIMEOUT", "-5"),
        ("TIMEOUT", "1e9"),
        ("CONCURRENCY", "0"),
        ("CONCURRENCY", "1000"),
        ("RESUME", "perhaps"),
        ("HTTP_PROXY", "not an address"),
        ("RESULT_FILE", "/dev/null/r"),
        ("SSL_CERT_FILE", "/no/such"),
        ("SSL_CERT_FILE", "$ROOTS"),
        ("NO_PROXY", "\"a.example,b.example\""),
        ("TIMEOUT", "\"60\""),
        ("NAME", "\"n\""),
        ("SPLIT", "$SPLIT"),
        ("SONAR_PROJECT_KEY", "$P"),
        ("SONAR_TOKEN", "$T"),
        ("SONAR_BRANCH", "\"main\""),
        ("BITBUCKET_PR_ID", "abc"),
        ("BITBUCKET_WORKSPACE", "\"acme\""),
    ] {
        let (sandbox, run) = with(variable, value);
        assert_told(&run, 0, &["✔ posted SUCCESSFUL on acme/api"]);
        assert_eq!(warnings(&run, variable).len(), 1, "{variable}={value}:\n{}", run.output);
        assert_stands(&sandbox, "acme/api", &sandbox.head("acme/api", "main"), "SUCCESSFUL");
    }
}

/// An entry's text that a command did not find stops no target.
#[test]
fn a_trifle_of_an_entry_stops_no_target() {
    for (field, value) in [
        ("description", json!("$D")),
        ("description", json!(null)),
        ("description", json!("")),
        ("description", json!({ "text": "x" })),
        ("name", json!(null)),
        ("url", json!("%URL%")),
        ("sonar_project_key", json!("$P")),
        ("sonar_branch", json!(null)),
    ] {
        let sandbox = acme();
        let commit = sandbox.head("acme/web", "main");
        let other = json!({ "repo_slug": "api", "branch": "main", "state": "passed", "key": "tests" });
        let mut entry = json!({ "repo_slug": "web", "commit": commit, "state": "passed", "key": "tests" });
        entry[field] = value.clone();
        let run = in_central_pipeline(&sandbox)
            .unset("STATE")
            .set("TARGETS", json!([entry, other]).to_string())
            .run();
        assert_told(&run, 0, &["2 posted", &format!("! TARGETS[0]: {field} ")]);
        assert_stands(&sandbox, "acme/web", &commit, "SUCCESSFUL");
    }
}

/// With COMMIT, or with a pull request, the others of the build are not needed.
#[test]
fn a_wrong_value_of_pipelines_ends_no_run_that_does_not_need_it() {
    let sandbox = acme();
    let commit = sandbox.head("acme/api", "main");
    let run = tests(in_branch_build(&sandbox)).set("COMMIT", &commit).set("BITBUCKET_COMMIT", "XYZ").run();
    assert_told(&run, 0, &["! BITBUCKET_COMMIT is \"XYZ\"", "it is not needed, and is ignored"]);
    assert_stands(&sandbox, "acme/api", &commit, "SUCCESSFUL");
    // It is needed, and the one problem.
    let run = tests(in_branch_build(&sandbox)).unset("BITBUCKET_BRANCH").set("BITBUCKET_COMMIT", "XYZ").run();
    assert_told(&run, 2, &["✖ BITBUCKET_COMMIT is \"XYZ\"", "✖ 1 variable is wrong"]);
    assert!(!run.output.contains("gives no"), "{}", run.output);
}

/// Whether something is posted at all is no trifle.
#[test]
fn what_decides_whether_something_is_posted_is_none() {
    for (variable, value) in
        [("MODE", "perhaps"), ("DRY_RUN", "perhaps"), ("KEY", "tests\nlint"), ("COMMIT", "HEAD")]
    {
        let (sandbox, run) = with(variable, value);
        assert_refused_unsent(&sandbox, &run, &[&format!("✖ {variable}")]);
    }
}

/// Windows and shells have exit codes of their own kinds.
#[test]
fn any_exit_code_is_a_state() {
    for (code, state) in [
        ("0", "SUCCESSFUL"),
        ("00", "SUCCESSFUL"),
        ("1", "FAILED"),
        ("-1", "FAILED"),
        ("256", "FAILED"),
        ("3221225477", "FAILED"),
        ("-1073741819", "FAILED"),
        ("99999999999999999999999", "FAILED"),
    ] {
        let (sandbox, run) = with("STATE", code);
        assert_told(&run, 0, &[&format!("✔ posted {state} on acme/api")]);
        assert_stands(&sandbox, "acme/api", &sandbox.head("acme/api", "main"), state);
    }
}

#[test]
fn the_words_of_other_services_are_states() {
    // Which state some of these are is a choice, which the table in the documents tells.
    for (word, state) in [
        ("SUCCESS", Some("SUCCESSFUL")),
        ("succeeded", Some("SUCCESSFUL")),
        ("UNSTABLE", None),
        ("NOT_BUILT", None),
        ("ABORTED", Some("STOPPED")),
        ("skipped", None),
        ("neutral", None),
        ("stale", None),
        ("timed_out", Some("FAILED")),
        ("action_required", None),
        ("startup_failure", Some("FAILED")),
        ("manual", None),
        ("scheduled", None),
        ("waiting_for_resource", None),
        ("PartiallySucceeded", None),
        ("SucceededWithIssues", None),
        ("Canceled", Some("STOPPED")),
        ("TaskRunTimeout", Some("FAILED")),
        ("interrupted", Some("STOPPED")),
        ("TaskRunCancelled", Some("STOPPED")),
        ("PipelineRunCancelled", Some("STOPPED")),
        ("CancelledRunningFinally", Some("STOPPED")),
        ("PipelineRunPending", Some("INPROGRESS")),
        ("cancelling", Some("STOPPED")),
        ("notStarted", Some("INPROGRESS")),
        ("postponed", Some("INPROGRESS")),
        ("waiting_for_callback", Some("INPROGRESS")),
        ("expected", Some("INPROGRESS")),
        ("WARNING", Some("FAILED")),
        ("NORMAL", None),
        ("UNKNOWN", None),
        ("None", None),
    ] {
        let (sandbox, run) = with("STATE", word);
        assert_told(&run, 0, &["✔ posted "]);
        let standing = standing(&sandbox, "acme/api", &sandbox.head("acme/api", "main"));
        assert_eq!(standing.len(), 1, "{word}:\n{}", run.output);
        assert!(state.is_none_or(|state| standing[0].1 == state), "{word}: {standing:?}");
        let says_good = ["SUCC", "succ", "Succ"].iter().any(|good| word.starts_with(good));
        let is_green = standing[0].1 == "SUCCESSFUL";
        assert_eq!(is_green, says_good, "only a word that says good is green: {word}: {standing:?}");
    }
}

/// A build that failed is completed, too: a green status would be a guess.
#[test]
fn a_word_that_only_says_the_end_is_no_state() {
    for word in ["completed", "COMPLETED", "Completed", "done", "finished"] {
        let (sandbox, run) = with("STATE", word);
        let told = format!("✖ STATE is \"{word}\", which only says that something has ended");
        assert_refused_unsent(&sandbox, &run, &[&told, "to do:", "conclusion", "result"]);
    }
}

#[test]
fn an_unknown_word_is_no_state() {
    for word in ["flaky", "maybe", "1.5", "0x1", "--1", "1 2", "exit 1"] {
        let (sandbox, run) = with("STATE", word);
        assert_refused_unsent(&sandbox, &run, &["✖ STATE is"]);
    }
}

/// Checks which refname a run by hand posts with a branch.
fn refname_of(branch: &str) -> (Option<String>, Run) {
    let sandbox = acme();
    let commit = sandbox.head("acme/api", "feature/login");
    let run = tests(by_hand(&sandbox)).set("COMMIT", &commit).set("BRANCH", branch).run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL on acme/api"]);
    assert_stands(&sandbox, "acme/api", &commit, "SUCCESSFUL");
    (standing(&sandbox, "acme/api", &commit)[0].2.clone(), run)
}

#[test]
fn what_git_calls_a_branch_elsewhere_is_that_branch() {
    for branch in [
        "feature/login",
        "origin/feature/login",
        "refs/remotes/origin/feature/login",
        "refs/heads/feature/login",
        "remotes/origin/feature/login",
    ] {
        let (refname, _run) = refname_of(branch);
        assert_eq!(refname.as_deref(), Some("feature/login"), "{branch}");
    }
}

#[test]
fn what_is_no_branch_is_left_out_and_said() {
    for branch in
        ["refs/tags/v1.0", "HEAD", "origin/HEAD", "refs/pull-requests/7/from", "refs/pull-requests/7/merge"]
    {
        let (refname, run) = refname_of(branch);
        assert_eq!(refname, None, "{branch}");
        let said = run.output.lines().any(|line| line.starts_with("! ") && line.contains(branch));
        assert!(said, "{branch}:\n{}", run.output);
    }
}

/// The branch of the pipeline is not meant then: the status stays without a refname.
#[test]
fn the_branch_of_the_build_does_not_replace_a_ref_that_is_no_branch() {
    for branch in ["refs/tags/v1.0", "HEAD"] {
        let sandbox = acme();
        let commit = sandbox.head("acme/api", "main");
        let own = tests(in_branch_build(&sandbox));
        for gatepost in [
            own.clone().set("BRANCH", branch),
            own.clone().set("BRANCH", branch).set("COMMIT", &commit),
            own.clone().set("REFNAME", branch),
        ] {
            let run = gatepost.run();
            assert_told(&run, 0, &["it is left out, and the status gets no refname", "✔ posted SUCCESSFUL"]);
            assert_eq!(standing(&sandbox, "acme/api", &commit)[0].2, None, "{}", run.output);
        }
    }
}

/// The own pipeline's values never end the run.
#[test]
fn a_branch_is_what_git_allows() {
    let long = "a".repeat(300);
    for branch in
        ["fix\u{a0}me", "名前\u{3000}空白", "$x", "${x}", "%x%", "a'b\"c", "héé", &long, "@/x", "-x"]
    {
        let sandbox = acme();
        let commit = sandbox.head("acme/api", "main");
        let run = tests(in_branch_build(&sandbox)).set("BITBUCKET_BRANCH", branch).run();
        assert_told(&run, 0, &["✔ posted SUCCESSFUL on acme/api"]);
        let standing = standing(&sandbox, "acme/api", &commit);
        assert_eq!(standing[0].2.as_deref(), Some(branch), "{}", run.output);
    }
}

#[test]
fn a_pull_request_of_such_a_branch_shows_the_status() {
    let sandbox = acme();
    let branch = "fix\u{a0}$x/名前";
    sandbox.world(|world| {
        world.push("acme/api", branch);
        world.open_pull_request(sandbox::PullRequest::new("acme/api", 8, branch));
    });
    let run = tests(by_hand(&sandbox)).set("PULL_REQUEST", "8").run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL on acme/api"]);
    assert_eq!(sandbox.pull_request_statuses("acme/api", 8)[0].refname.as_deref(), Some(branch));
    let run = tests(by_hand(&sandbox)).set("BRANCH", branch).set("KEY", "lint").run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL on acme/api"]);
    assert_eq!(sandbox.pull_request_statuses("acme/api", 8).len(), 2);
}
