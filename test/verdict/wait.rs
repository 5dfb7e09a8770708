//! While an analysis is waited for.

use std::time::Duration;

use sandbox::{Analysis, End, Gate};
use serde_json::json;

use super::{after, assert_stands, of_pull_request, sonarqube, standing, states};
use crate::run::{Fault, Folder, acme, after_scan, assert_told, scanned, stopped_by};

#[test]
fn an_analysis_that_is_late_is_told_like_a_refusal() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let endless = Analysis { polls: u32::MAX, ..of_pull_request("7") };
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(endless));
    let run = gatepost.set("SONAR_TIMEOUT", "2").set("URL", "https://ci.example.com/").run();
    insta::assert_snapshot!(run.told(), @"
    gatepost 0.1.0: the quality gate of .scannerwork/report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    SonarQube at http://127.0.0.1:PORT/ (serverUrl of report-task.txt) gets SONAR_TOKEN
    ✖ The analysis did not finish within N s (in progress)
      answered: the task is in progress
      why:      SonarQube is busy with other analyses, or this one is large
      to do:    pass a higher SONAR_TIMEOUT (it is N s), or see Background Tasks in SonarQube (Administration > Projects > Background Tasks)
      status:   Sonar: acme_api (key sonar-acme_api): The analysis did not finish within N s (in progress)
      link:     https://ci.example.com/
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no verdict of SonarQube
    exit code 5
    ");
    assert_stands(&sandbox, "FAILED", "The analysis did not finish within 2 s (in progress)");
}

#[test]
fn an_analysis_that_failed_is_told_like_a_refusal() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let end = End::Failed { message: "Fail to read the report".to_owned() };
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(Analysis { end, ..of_pull_request("7") }));
    let run = gatepost.set("URL", "https://ci.example.com/").run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: the quality gate of .scannerwork/report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    SonarQube at http://127.0.0.1:PORT/ (serverUrl of report-task.txt) gets SONAR_TOKEN
    ✖ The analysis failed: Fail to read the report
      answered: the task has the status FAILED, "Fail to read the report"
      why:      SonarQube could not compute the analysis
      to do:    see Background Tasks of the project in SonarQube (Project Settings > Background Tasks)
      status:   Sonar: acme_api (key sonar-acme_api): The analysis failed: Fail to read the report
      link:     https://ci.example.com/
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no verdict of SonarQube
    exit code 3
    "#);
    assert_stands(&sandbox, "FAILED", "The analysis failed: Fail to read the report");
}

#[test]
fn a_newer_analysis_takes_the_place_of_a_cancelled_one() {
    let cancelled = || Analysis { end: End::Canceled, ..of_pull_request("7") };
    for (newer, code) in [
        (Some(Analysis { gate: Gate::failed(), ..of_pull_request("7") }), 1),
        (Some(Analysis { polls: 2, ..of_pull_request("7") }), 0),
        (Some(of_pull_request("8")), 3),
        (None, 3),
    ] {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(cancelled()));
        if let Some(newer) = newer {
            sonarqube.submit(newer);
        }
        let run = gatepost.run();
        let told = if code == 3 {
            "✖ The analysis was cancelled"
        } else {
            "a newer analysis of pull request 7 took the place of this one"
        };
        assert_told(&run, code, &[told]);
        assert_eq!(standing(&sandbox).len(), 1);
    }
}

/// A restart takes longer than one question may take.
#[test]
fn failures_that_pass_are_waited_out_within_sonar_timeout() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let slow = Analysis { polls: 2, ..of_pull_request("7") };
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(slow));
    sonarqube.restart(1, 4, None);
    assert_told(&gatepost.set("TIMEOUT", "1").set("SONAR_TIMEOUT", "30").run(), 0, &["✔ posted SUCCESSFUL"]);
}

#[test]
fn a_server_that_stays_down_is_given_up_at_the_end_of_sonar_timeout() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let slow = Analysis { polls: u32::MAX, ..of_pull_request("7") };
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(slow));
    sonarqube.fault_after(1, Fault::status(503));
    sonarqube.fault_always(Fault::status(503));
    let run = gatepost.set("TIMEOUT", "60").set("SONAR_TIMEOUT", "3").run();
    let refused = sonarqube.request_count();
    assert_told(
        &run,
        3,
        &[
            &format!("with the token (SONAR_TOKEN), {refused} times\n"),
            "  answered: 503 Service Unavailable, \"status 503\"\n",
            "  address:  http://127.0.0.1:PORT comes from serverUrl of report-task.txt; pass SONAR_HOST_URL",
            "  to do:    check its start page and its log, and run again; a higher SONAR_TIMEOUT waits longer\n",
        ],
    );
    assert!(run.took < Duration::from_secs(8), "{:?}", run.took);
}

/// Without an accepted answer, one question may take `TIMEOUT`, and a silent server is not asked again.
#[test]
fn the_limit_that_ended_the_wait_is_named() {
    for (timeout, sonar_timeout, named) in
        [("1", "30", "a higher TIMEOUT"), ("30", "1", "a higher SONAR_TIMEOUT")]
    {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(of_pull_request("7")));
        sonarqube.fault_always(Fault::Silent);
        let run = gatepost.set("TIMEOUT", timeout).set("SONAR_TIMEOUT", sonar_timeout).run();
        assert_told(&run, 3, &[&format!("{named} waits longer")]);
    }
}

#[test]
fn a_requested_pause_longer_than_sonar_timeout_is_not_begun() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(of_pull_request("7")));
    sonarqube.restart(0, 9, Some("600"));
    let run = gatepost.set("SONAR_TIMEOUT", "5").run();
    assert_told(
        &run,
        3,
        &["again:    SonarQube asks to try again in N s, which is longer than what is left of SONAR_TIMEOUT"],
    );
    assert!(run.took < Duration::from_secs(4), "{:?}", run.took);
}

#[test]
fn one_401_or_404_between_accepted_answers_is_of_the_moment() {
    for status in [401, 404] {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        let slow = Analysis { polls: 3, ..of_pull_request("7") };
        let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(slow.clone()));
        sonarqube.fault_after(1, Fault::status(status));
        assert_told(&gatepost.run(), 0, &["✔ posted SUCCESSFUL"]);
        // Two in a row are believed.
        let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(slow));
        sonarqube.fault_after(1, Fault::status(status));
        sonarqube.fault(Fault::status(status));
        assert_told(&gatepost.run(), 3, &[&format!("SonarQube answered {status}")]);
    }
}

#[test]
fn a_stopped_run_ends_the_key_that_it_was_to_end() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let folder = Folder::new();
    let begun = after_scan(&sandbox, &folder).set("STATE", "INPROGRESS").set("SONAR_PROJECT_KEY", "acme_api");
    assert_told(&begun.run(), 0, &[]);
    let endless = Analysis { polls: u32::MAX, ..of_pull_request("7") };
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(endless));
    let run = stopped_by("-TERM", &gatepost, || sonarqube.request_count() > 0);
    assert_told(&run, 143, &["✖ stopped before the end: posted STOPPED"]);
    assert_eq!(states(&sandbox), ["sonar-acme_api STOPPED"]);
}

#[test]
fn a_stopped_run_over_a_list_ends_the_keys_that_it_was_to_end() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let endless = Analysis { polls: u32::MAX, ..of_pull_request("7") };
    let folder = scanned("api", &sonarqube.submit(endless));
    let targets = json!([{
        "pull_request": 7, "sonar_report_task": "api/report-task.txt", "key": "nightly",
    }]);
    let gatepost = after_scan(&sandbox, &folder).set("TARGETS", targets.to_string());
    let run = stopped_by("-TERM", &gatepost, || sonarqube.request_count() > 0);
    assert_eq!(run.code, 143, "{}", run.output);
    assert_eq!(states(&sandbox), ["nightly STOPPED"]);
}

/// The commit is still being looked up.
#[test]
fn a_run_that_is_stopped_between_verdict_and_status_ends_its_key() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let folder = Folder::new();
    let begun = after_scan(&sandbox, &folder).set("STATE", "INPROGRESS").set("SONAR_PROJECT_KEY", "acme_api");
    assert_told(&begun.run(), 0, &[]);
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(of_pull_request("7")));
    let before = sandbox.request_count();
    sandbox.fault(Fault::Silent);
    let run = stopped_by("-TERM", &gatepost, || sandbox.request_count() > before);
    assert_told(&run, 143, &["✖ stopped before the end: posted STOPPED"]);
    assert_eq!(states(&sandbox), ["sonar-acme_api STOPPED"]);
}

/// A gateway shows its own page while the server is restarted.
#[test]
fn a_page_of_maintenance_between_accepted_answers_passes() {
    let page = "<html><title>SonarQube is starting</title></html>";
    let answer = |status, headers: &[(&str, &str)], body: &str| Fault::Answer {
        status,
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: body.as_bytes().to_vec(),
    };
    for fault in [answer(302, &[("location", "/maintenance")], ""), answer(200, &[], page)] {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        let slow = Analysis { polls: 3, ..of_pull_request("7") };
        let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(slow.clone()));
        sonarqube.fault_after(1, fault.clone());
        sonarqube.fault(fault.clone());
        assert_told(&gatepost.run(), 0, &["✔ posted SUCCESSFUL"]);
        // One that stays is told at the end of SONAR_TIMEOUT, and one in place of the first answer at once.
        let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(slow));
        sonarqube.fault_after(1, fault.clone());
        (0..20).for_each(|_| sonarqube.fault(fault.clone()));
        let run = gatepost.clone().set("SONAR_TIMEOUT", "2").run();
        assert_told(&run, 3, &["(key sonar-acme_api): No verdict: "]);
        assert!(run.took >= Duration::from_secs(2), "{:?}", run.took);
        let run = gatepost.set("SONAR_TIMEOUT", "60").run();
        assert_told(&run, 3, &["✖ "]);
        assert!(run.took < Duration::from_secs(5), "{:?}", run.took);
    }
}

#[test]
fn an_answer_about_another_task_is_not_believed() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(of_pull_request("7")));
    sonarqube.fault(Fault::Altered(json!({ "task": { "id": "another" } })));
    assert_told(&gatepost.run(), 3, &["but the answer is of the task \"another\""]);
    assert_eq!(standing(&sandbox)["sonar-acme_api"].0, "FAILED");
}

/// This run posted no INPROGRESS: it ends those of an earlier run, and names the key of each.
#[test]
fn a_stopped_run_says_which_keys_it_ended_and_which_it_could_not() {
    for is_down in [false, true] {
        let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
        for project in ["acme_api", "acme_web"] {
            let endless =
                Analysis { polls: u32::MAX, ..Analysis::of_pull_request(project, "7", Gate::passed()) };
            let file = sonarqube.submit(endless).report_task;
            let _ = folder.write(&format!("{project}/.scannerwork/report-task.txt"), file.as_bytes());
        }
        if is_down {
            sandbox.fault_always(Fault::status(503));
        }
        let gatepost = after_scan(&sandbox, &folder);
        let run = stopped_by("-TERM", &gatepost, || sonarqube.request_count() > 0);
        for project in ["acme_api", "acme_web"] {
            let what = "on acme/api commit 94277cd267a8, branch feature/login";
            let told = if is_down {
                format!(
                    "✖ stopped before the end: STOPPED could not be posted; if an earlier run posted INPROGRESS {what} (key sonar-{project}), it stands and blocks merging"
                )
            } else {
                format!("✖ stopped before the end: posted STOPPED {what} (key sonar-{project}), because")
            };
            assert_told(&run, 143, &[&told]);
        }
    }
}
