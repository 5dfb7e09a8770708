//! What goes wrong with a report is a warning: the status stands, and the exit code is that of the gate.

use std::time::Duration;

use sandbox::{Dialect, Fault, Issue};
use serde_json::json;

use super::with_report;
use super::{after, bug, issues, red, reports, requests, sonarqube, standing};
use crate::run::{Folder, acme, assert_told, stopped_by};

#[test]
fn a_report_that_is_refused_is_a_warning() {
    for (fault, told) in [
        (Fault::json(400, &json!({ "code": 400, "message": "It is too odd" })), "It is too odd"),
        (Fault::refusal(400, "Bad request"), "400 Bad Request"),
        (Fault::refusal(403, "Forbidden by a rule"), "403 Forbidden"),
        (Fault::status(404), "404 Not Found"),
    ] {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
        let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(1))));
        // After the status, the old report is deleted.
        sandbox.fault_after(1, fault);
        let run = gatepost.run();
        if told.starts_with("404") {
            // A report that is not there is deleted.
            assert_told(&run, 1, &["  report:   gatepost-sonar-acme_api, 1 annotation"]);
        } else {
            assert_told(
                &run,
                1,
                &["! the report was not posted, and the status stands: failed to post the report", told],
            );
        }
        assert_eq!(sandbox.pull_request_statuses("acme/api", 7).len(), 1);
    }
}

#[test]
fn a_service_that_is_down_is_given_up_and_the_status_stands() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(1))));
    sandbox.fault_after(1, Fault::Silent);
    (0..20).for_each(|_| sandbox.fault(Fault::status(503)));
    let run = gatepost.set("TIMEOUT", "3").run();
    assert_told(&run, 1, &["! the report was not posted, and the status stands"]);
    assert!(run.took < Duration::from_secs(10), "{:?}", run.took);
    assert_eq!(sandbox.pull_request_statuses("acme/api", 7).len(), 1);
}

#[test]
fn a_rate_limit_between_the_batches_is_waited_out() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(250))));
    sandbox.fault_after(4, Fault::rate_limited_with("1"));
    assert_told(&gatepost.run(), 1, &["250 annotations"]);
    assert_eq!(standing(&sandbox).annotations.len(), 250);
}

/// Bitbucket refuses a whole batch for one annotation, and does not say for which.
#[test]
fn the_one_annotation_that_is_refused_is_found_and_the_others_are_posted() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let mut found = issues(120);
    found[77] = Issue { message: "never accepted".to_owned(), ..bug("AZ78", "src/till.rs", 78) };
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(found)));
    let refused = Fault::json(400, &json!({ "code": 400, "message": "annotation is invalid" }));
    for _ in 0..40 {
        sandbox.fault(Fault::Within("never accepted", Box::new(refused.clone())));
    }
    let run = gatepost.run();
    let told = [
        "! Bitbucket does not accept the annotation of \"src/till.rs\", line 78 (\"sonar-AZ78\"), which is left out: 400 Bad Request",
        "119 annotations, 1 left out",
    ];
    assert_told(&run, 1, &told);
    assert_eq!(standing(&sandbox).annotations.len(), 119);
    let batches = requests(&sandbox).iter().filter(|sent| sent.ends_with("/annotations")).count();
    assert!(batches <= 2 + 2 * 7, "{batches} requests");
}

#[test]
fn when_every_annotation_is_refused_the_search_ends() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(300))));
    sandbox.fault_after(3, Fault::status(400));
    (0..400).for_each(|_| sandbox.fault(Fault::status(400)));
    let run = gatepost.run();
    let told = [
        "annotations are left out: Bitbucket refuses some of them, and 40 more requests did not show which",
        "0 annotations, 300 left out",
    ];
    assert_told(&run, 1, &told);
    assert!(!run.output.contains("the others are posted"), "{}", run.output);
    assert_eq!(sandbox.request_count(), 3 + 3 + 40);
}

/// One bad annotation in a batch does not keep the other batches away, however many batches have one.
#[test]
fn batches_that_are_accepted_are_there_when_the_search_in_the_others_ends() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let mut found = issues(1000);
    // The annotations are in the order of file and line: these are in six batches.
    for line in [1, 201, 401, 601, 801, 2] {
        found[line as usize - 1] = Issue {
            message: "never accepted".to_owned(),
            ..bug(&format!("AZ{line}"), if line == 2 { "src/till.rs" } else { "src/cart.rs" }, line)
        };
    }
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(found)));
    let refused = Fault::json(400, &json!({ "code": 400, "message": "annotation is invalid" }));
    for _ in 0..200 {
        sandbox.fault(Fault::Within("never accepted", Box::new(refused.clone())));
    }
    let run = gatepost.run();
    assert_told(
        &run,
        1,
        &["annotations are left out", "to do:    look in the answer for what Bitbucket refuses"],
    );
    // Four batches are accepted whole, and of two the one annotation is found.
    let number = standing(&sandbox).annotations.len();
    assert!((4 * 100 + 2 * 99..=994).contains(&number), "{number}");
    assert_eq!(sandbox.request_count(), 3 + 10 + 40);
}

#[test]
fn an_issue_that_two_pages_show_is_one_annotation() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let mut found = issues(520);
    found.extend(issues(20));
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(found)));
    let run = gatepost.run();
    assert_told(&run, 1, &["  report:   gatepost-sonar-acme_api, 520 annotations\n"]);
    assert_eq!(standing(&sandbox).annotations.len(), 520);
}

/// A page of a proxy is not an answer of Bitbucket.
#[test]
fn a_page_with_200_is_no_report_and_no_annotation() {
    for (requests, told) in [(2, "the report was not posted"), (3, "the report is not complete")] {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
        let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(3))));
        sandbox.fault_after(requests, Fault::page(200, "Sign in"));
        assert_told(
            &gatepost.run(),
            1,
            &[&format!("! {told}, and the status stands: failed to post the report")],
        );
    }
}

/// The status was accepted for the commit, so the commit is there.
#[test]
fn a_report_that_finds_no_commit_after_the_status_is_not_explained_with_the_commit() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(1))));
    sandbox.fault_after(2, Fault::status(404));
    let run = gatepost.run();
    assert_told(&run, 1, &["does not find it for the report, which is not documented"]);
    assert!(!run.output.contains("has no commit"), "{}", run.output);
}

/// While SonarQube is silent about the issues, the time for Bitbucket does not pass.
#[test]
fn a_sonarqube_that_is_silent_takes_no_time_from_bitbucket() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(1))));
    sonarqube.fault_after(2, Fault::Silent);
    let run = gatepost.set("TIMEOUT", "2").run();
    assert_told(&run, 1, &["! the report has not all annotations", "0 annotations\n✖ posted FAILED"]);
    assert_eq!(requests(&sandbox).len(), 3, "{:?}", requests(&sandbox));
}

#[test]
fn without_an_answer_about_the_issues_the_report_stands_alone() {
    for fault in [
        Fault::status(403),
        Fault::status(401),
        Fault::page(200, "Sign in"),
        Fault::Altered(json!({ "issues": 7 })),
    ] {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
        let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(1))));
        sonarqube.fault_after(2, fault);
        let run = gatepost.run();
        assert_told(
            &run,
            1,
            &["! the report has not all annotations: failed to ask for the issues: SonarQube answered"],
        );
        let report = standing(&sandbox);
        assert!(report.annotations.is_empty());
        assert!(
            report.fields["details"]
                .as_str()
                .unwrap()
                .ends_with("the issues could not be read from SonarQube")
        );
    }
}

/// SonarQube passes over a parameter that it does not know.
#[test]
fn issues_of_other_projects_are_not_shown() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(1))));
    let foreign = json!({ "paging": { "total": 1 }, "issues": [{ "key": "AX1", "project": "acme_secret", "message": "x" }] });
    sonarqube.fault_after(2, Fault::json(200, &foreign));
    let run = gatepost.run();
    assert_told(
        &run,
        1,
        &["! the report has no annotations: SonarQube answers the issues of other projects than acme_api"],
    );
    assert!(standing(&sandbox).annotations.is_empty());
    // What cannot be read is another thing.
    sonarqube.fault_after(2, Fault::json(200, &json!({ "paging": { "total": -1 }, "issues": [{}] })));
    assert_told(&gatepost.run(), 1, &["SonarQube answers issues of acme_api that cannot be read"]);
}

#[test]
fn a_run_that_is_stopped_between_status_and_annotations_says_what_stands() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let (folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(1))));
    let gatepost = gatepost.set("RESULT_FILE", "results.jsonl");
    sandbox.fault_after(3, Fault::Silent);
    let run = stopped_by("-TERM", &gatepost, || sandbox.request_count() > 3);
    let told = ["✖ posted FAILED on acme/api", "✖ stopped before the report was complete: the status stands"];
    assert_told(&run, 143, &told);
    let results = folder.read("results.jsonl");
    assert!(
        results
            .contains(r#""outcome":"stopped","annotations":0,"left_out":0,"reason":"the run was stopped""#),
        "{results}"
    );
    assert_eq!(sandbox.pull_request_statuses("acme/api", 7)[0].state, "FAILED");
    assert_eq!(reports(&sandbox).len(), 1);
}

/// A secret in a message of an issue would stand in the diff for everybody.
#[test]
fn a_secret_never_stands_in_a_report() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(Dialect::Server2025), Folder::new());
    let leaking =
        Issue { message: format!("{} is hard-coded", sandbox::USER_TOKEN), ..bug("AZ1", "src/a.rs", 1) };
    let submitted = sonarqube.submit(red(vec![leaking]));
    let _ = folder.write(".scannerwork/report-task.txt", submitted.report_task.as_bytes());
    assert_told(&with_report(&sandbox, &folder).run(), 1, &["1 annotation"]);
    let report = standing(&sandbox);
    assert!(!format!("{report:?}").contains(sandbox::USER_TOKEN), "{report:?}");
}
