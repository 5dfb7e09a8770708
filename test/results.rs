//! The result file and the output variables, which later steps read.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::run::{Fault, Folder, acme, assert_told, by_hand, in_branch_build, stopped_by};

fn lines(folder: &Folder) -> Vec<Value> {
    folder.read("results.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_delivered_status_is_recorded_and_sets_the_output_variables() {
    let sandbox = acme();
    let folder = Folder::new();
    folder.write("variables", b"EARLIER=1\n");
    folder.write("results.jsonl", b"from an earlier run\n");
    let run = in_branch_build(&sandbox)
        .within(folder.path())
        .set("RESULT_FILE", "results.jsonl")
        .set("BITBUCKET_PIPELINES_VARIABLES_PATH", folder.path().join("variables"))
        .run();
    assert_eq!(run.code, 0, "{}", run.output);
    let commit = sandbox.head("acme/api", "main");
    assert_eq!(
        lines(&folder),
        [json!({
            "target": {"workspace": "acme", "repo_slug": "api", "commit": commit, "lookup": null},
            "status": {
                "type": "build", "key": "sonar", "state": "SUCCESSFUL", "name": "Sonar", "description": "Successful",
                "url": "https://bitbucket.org/acme/api/pipelines/results/42", "refname": "main",
            },
            "outcome": "delivered",
            "exit_code": 0,
            "reason": null,
        })]
    );
    assert_eq!(
        folder.read("variables"),
        format!(
            "EARLIER=1\nGATEPOST_STATE=SUCCESSFUL\nGATEPOST_KEY=sonar\nGATEPOST_COMMIT={commit}\n\
             GATEPOST_URL=https://bitbucket.org/acme/api/pipelines/results/42\n"
        )
    );
}

#[test]
fn a_refusal_is_recorded_with_its_reason_and_sets_no_output_variables() {
    let sandbox = acme();
    let folder = Folder::new();
    let run = in_branch_build(&sandbox)
        .set("BITBUCKET_ACCESS_TOKEN", sandbox::REVOKED_TOKEN)
        .set("RESULT_FILE", folder.path().join("results.jsonl"))
        .set("BITBUCKET_PIPELINES_VARIABLES_PATH", folder.path().join("variables"));
    let told = run.run();
    assert_eq!(told.code, 4, "{}", told.output);
    run.assert_no_secret(&folder.read("results.jsonl"));
    let recorded = &lines(&folder)[0];
    assert_eq!((&recorded["outcome"], &recorded["exit_code"]), (&json!("refused"), &json!(4)));
    assert_eq!(
        recorded["reason"],
        "failed to post the status: 401 Unauthorized, \"Token is invalid, expired, or not supported for this endpoint.\"; the likeliest of several reasons: the access token has expired, was revoked, or was copied incompletely"
    );
    assert!(!folder.path().join("variables").exists());
}

#[test]
fn a_pull_request_that_was_not_found_is_recorded_without_a_status() {
    let sandbox = acme();
    let folder = Folder::new();
    by_hand(&sandbox)
        .set("PULL_REQUEST", "999")
        .set("RESULT_FILE", folder.path().join("results.jsonl"))
        .run();
    let recorded = &lines(&folder)[0];
    let lookup = json!({"workspace": "acme", "repo_slug": "api", "pull_request": 999});
    assert_eq!(
        recorded["target"],
        json!({"workspace": "acme", "repo_slug": "api", "commit": null, "lookup": lookup})
    );
    assert_eq!(recorded["status"], Value::Null);
}

#[test]
fn output_variables_that_cannot_be_written_do_not_fail_the_run() {
    let sandbox = acme();
    let run = in_branch_build(&sandbox);
    let missing = run.clone().set("BITBUCKET_PIPELINES_VARIABLES_PATH", "/no/such/folder/variables").run();
    assert_eq!((missing.code, missing.output.contains('!')), (0, false), "{}", missing.output);
    let folder = Folder::new();
    let unwritable = run.set("BITBUCKET_PIPELINES_VARIABLES_PATH", folder.path().join(".")).run();
    assert_eq!(unwritable.code, 0, "the status was posted: {}", unwritable.output);
    assert!(
        unwritable.output.contains("! the output variables could not be written"),
        "{}",
        unwritable.output
    );
}

#[test]
fn resuming_skips_what_was_delivered_and_posts_what_changed() {
    let sandbox = acme();
    let folder = Folder::new();
    let run = in_branch_build(&sandbox)
        .set("RESULT_FILE", folder.path().join("results.jsonl"))
        .set("RESUME", "true");
    let posts = || sandbox.requests().len();
    assert_eq!((run.run().code, posts()), (0, 1));
    let again = run.run();
    assert_eq!((again.code, posts()), (0, 1), "{}", again.output);
    assert!(again.output.contains("✔ skipped SUCCESSFUL on acme/api"), "{}", again.output);
    assert_eq!((run.clone().set("STATE", "failed").run().code, posts()), (0, 2), "another state");
    assert_eq!((run.run().code, posts()), (0, 3), "the newest record counts");
    assert_eq!((run.clone().set("KEY", "other").run().code, posts()), (0, 4), "another key");
    assert_eq!(lines(&folder).len(), 4, "what is skipped is not recorded again");
}

#[test]
fn an_incomplete_line_of_a_killed_run_does_not_count_as_delivered() {
    let sandbox = acme();
    let folder = Folder::new();
    let run = in_branch_build(&sandbox)
        .set("RESULT_FILE", folder.path().join("results.jsonl"))
        .set("RESUME", "true");
    run.run();
    let whole = folder.read("results.jsonl");
    folder.write("results.jsonl", &whole.as_bytes()[..whole.len() / 2]);
    assert_eq!(run.run().code, 0);
    assert_eq!(sandbox.requests().len(), 2);
    let last = folder.read("results.jsonl").lines().last().unwrap().to_owned();
    assert_eq!(serde_json::from_str::<Value>(&last).unwrap()["outcome"], "delivered");
    assert_eq!(folder.read("results.jsonl").lines().count(), 2);
}

#[test]
fn a_refused_status_is_posted_again_when_resumed() {
    let sandbox = acme();
    let folder = Folder::new();
    let run = in_branch_build(&sandbox)
        .set("RESULT_FILE", folder.path().join("results.jsonl"))
        .set("RESUME", "true");
    sandbox.fault(Fault::status(401));
    assert_eq!(run.run().code, 4);
    assert_eq!(run.run().code, 0);
    assert_eq!(sandbox.requests().len(), 2);
}

#[test]
fn parallel_runs_with_one_result_file_lose_no_line() {
    let sandbox = acme();
    let folder = Folder::new();
    let run = in_branch_build(&sandbox)
        .set("RESULT_FILE", folder.path().join("results.jsonl"))
        .set("RESUME", "true");
    let begun = Instant::now();
    let runs: Vec<_> = (0..8)
        .map(|number| {
            let run = run.clone().set("KEY", format!("key-{number}"));
            let child = run.start();
            (run, child)
        })
        .collect();
    for (run, child) in runs {
        let ended = run.finish(child, begun);
        assert_eq!(ended.code, 0, "{}", ended.output);
    }
    assert_eq!(lines(&folder).len(), 8);
}

/// Without `RESUME` a run empties the file first, but not while another run writes to it.
#[test]
fn a_run_keeps_the_lines_that_another_run_is_writing() {
    let (sandbox, folder) = (acme(), Folder::new());
    sandbox.fault(Fault::Silent);
    let run = in_branch_build(&sandbox).set("RESULT_FILE", folder.path().join("results.jsonl"));
    let waiting = run.clone().set("TIMEOUT", "3").set("KEY", "first");
    let begun = Instant::now();
    let child = waiting.start();
    while sandbox.request_count() == 0 {
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    let other = run.set("KEY", "second").run();
    assert_told(&other, 0, &["! another run is writing to RESULT_FILE: its lines stay"]);
    let first = waiting.finish(child, begun);
    assert_eq!(first.code, 4, "{}", first.output);
    assert_eq!(lines(&folder).len(), 2);
    assert_eq!(
        in_branch_build(&sandbox).set("RESULT_FILE", folder.path().join("results.jsonl")).run().code,
        0
    );
    assert_eq!(lines(&folder).len(), 1);
}

#[test]
fn foreign_lines_in_the_result_file_are_counted_and_kept() {
    let (sandbox, folder) = (acme(), Folder::new());
    let _ = folder.write("results.jsonl", b"a\nb\nc\n");
    let run = in_branch_build(&sandbox)
        .set("RESULT_FILE", folder.path().join("results.jsonl"))
        .set("RESUME", "true")
        .run();
    assert_told(&run, 0, &["! RESULT_FILE has 3 lines that Gatepost did not write"]);
    assert!(folder.read("results.jsonl").starts_with("a\nb\nc\n{"));
}

#[test]
fn a_run_with_wrong_variables_does_not_change_the_result_file() {
    let sandbox = acme();
    let folder = Folder::new();
    let _ = folder.write("results.jsonl", b"kept\n");
    let run = in_branch_build(&sandbox)
        .set("RESULT_FILE", folder.path().join("results.jsonl"))
        .set("STATE", "nonsense")
        .run();
    assert_eq!((run.code, folder.read("results.jsonl").as_str()), (2, "kept\n"));
}

#[test]
fn a_run_does_not_wait_for_a_file_that_is_not_regular() {
    let sandbox = acme();
    let folder = Folder::new();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (name, file) in [
        ("RESULT_FILE", pipe.as_path()),
        ("RESULT_FILE", Path::new("/dev/zero")),
        ("RESULT_FILE", folder.path()),
        ("SSL_CERT_FILE", &pipe),
        ("SSL_CERT_FILE", Path::new("/dev/zero")),
        ("BITBUCKET_PIPELINES_VARIABLES_PATH", &pipe),
    ] {
        let run = in_branch_build(&sandbox)
            .set("RESUME", if name == "RESULT_FILE" { "yes" } else { "no" })
            .set(name, file)
            .run();
        assert_eq!(run.code, 0, "{name}: {}", run.output);
        assert!(run.output.contains(name) && run.output.contains("regular file"), "{}", run.output);
    }
}

#[test]
fn output_variables_are_appended_on_new_lines() {
    let sandbox = acme();
    let folder = Folder::new();
    let _ = folder.write("variables", b"EARLIER=1");
    let run = in_branch_build(&sandbox)
        .within(folder.path())
        .set("BITBUCKET_PIPELINES_VARIABLES_PATH", "variables")
        .run();
    assert_eq!(run.code, 0, "{}", run.output);
    assert!(folder.read("variables").starts_with("EARLIER=1\nGATEPOST_STATE=SUCCESSFUL\n"));
}

#[test]
fn a_status_that_was_replaced_by_stopped_is_posted_again_when_resumed() {
    let sandbox = acme();
    let folder = Folder::new();
    let run = in_branch_build(&sandbox)
        .set("RESULT_FILE", folder.path().join("results.jsonl"))
        .set("RESUME", "true");
    assert_eq!(run.run().code, 0);
    sandbox.fault(Fault::SilentAfterHead);
    let stopped = run.clone().set("STATE", "INPROGRESS");
    let run_that_stopped = stopped_by("-TERM", &stopped, || sandbox.requests().len() >= 2);
    assert_eq!(run_that_stopped.code, 143);
    let recorded = lines(&folder).pop().unwrap();
    assert_eq!((&recorded["outcome"], &recorded["status"]["state"]), (&json!("stopped"), &json!("STOPPED")));
    let again = run.run();
    assert!(again.output.contains("✔ posted SUCCESSFUL"), "{}", again.output);
}
