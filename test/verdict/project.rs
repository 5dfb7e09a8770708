//! SonarQube is asked by the key of a project.

use std::process::Command;

use sandbox::{Analysis, Dialect, Fault, Gate, Projects, SonarQube};
use serde_json::json;

use super::{BEFORE_THE_COMMIT, assert_stands, of_branch_build, of_pull_request, sonarqube, standing};
use crate::run::{Folder, Gatepost, Sandbox, acme, after_scan, assert_told, on_cloud, scanned};

fn by_key(sandbox: &Sandbox, folder: &Folder, sonarqube: &SonarQube) -> Gatepost {
    after_scan(sandbox, folder)
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("SONAR_PROJECT_KEY", "acme_api")
        .set("URL", "https://ci.example.com/")
}

#[test]
fn in_a_branch_build_without_sonar_branch_a_warning_names_it() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    sonarqube.submit(Analysis::new("acme_api", Gate::passed()));
    let folder = Folder::new();
    let run = of_branch_build(by_key(&sandbox, &folder, &sonarqube)).run();
    let warning = "! Gatepost asks for the gate of the main branch, not for the gate of this branch: pass SONAR_BRANCH: $BITBUCKET_BRANCH";
    assert_told(&run, 0, &[warning]);
    assert_eq!(run.output.lines().filter(|line| line.starts_with("! ")).count(), 1, "{}", run.output);
}

#[test]
fn a_named_pull_request_or_branch_is_compared_too() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    sonarqube.submit(of_pull_request("3"));
    sonarqube.submit(of_pull_request("7"));
    sonarqube.submit(Analysis::of_branch("acme_api", "feature/old", Gate::passed()));
    let folder = Folder::new();
    let gatepost = by_key(&sandbox, &folder, &sonarqube);
    let wrong = gatepost.clone().set("SONAR_PULL_REQUEST", "3").run();
    assert_told(&wrong, 3, &["✖ The analysis is of pull request 3, this is pull request 7"]);
    let wrong = gatepost.clone().set("SONAR_BRANCH", "feature/old").run();
    assert_told(&wrong, 3, &["✖ The analysis is of branch feature/old, this is pull request 7"]);
    let right = gatepost.set("SONAR_PULL_REQUEST", "#7").run();
    assert_told(&right, 0, &["quality gate passed: acme_api, pull request 7"]);
}

/// The user names a pull request. It may come from the branch that is built, or from another one.
#[test]
fn a_named_pull_request_in_a_branch_build_is_compared_by_its_branch() {
    for (source, code, told) in [
        (Some("feature/login"), 0, "✔ posted SUCCESSFUL"),
        (Some("feature/old"), 3, "✖ The analysis is of pull request 3, this is branch feature/login"),
        (
            None,
            0,
            "! the analysis is of pull request 3, and the status is for branch feature/login: SonarQube does not tell whether this is its branch",
        ),
    ] {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        let analysis = of_pull_request("3");
        sonarqube.submit(Analysis { source_branch: source.map(str::to_owned), ..analysis });
        let folder = Folder::new();
        let run = of_branch_build(by_key(&sandbox, &folder, &sonarqube)).set("SONAR_PULL_REQUEST", "3").run();
        assert_told(&run, code, &[told]);
    }
}

/// It may be the file of the scan that has just ended.
#[test]
fn a_damaged_file_beside_the_key_of_the_project_is_told() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    sonarqube.submit(of_pull_request("7"));
    let folder = Folder::new();
    let _ = folder.write(".scannerwork/report-task.txt", b"");
    let gatepost = by_key(&sandbox, &folder, &sonarqube).set("SONAR_PULL_REQUEST", "7");
    let told = "! .scannerwork/report-task.txt is empty; Gatepost asks for the gate of the project, which may be that of an earlier analysis";
    assert_told(&gatepost.clone().run(), 0, &[told]);
    // The run is the last word of the scan that left this file.
    let run = gatepost.set("SCAN_EXIT_CODE", "0").run();
    assert_told(&run, 3, &["✖ .scannerwork/report-task.txt is empty"]);
    assert_stands(&sandbox, "FAILED", ".scannerwork/report-task.txt is empty");
}

/// SonarQube answers NONE also to whom it may not show a gate.
#[test]
fn on_no_gate_needs_a_token() {
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Cloud)));
    sonarqube.projects(|projects| {
        projects.add_project("acme_open", "Open", false);
    });
    sonarqube.submit(Analysis::of_pull_request("acme_open", "7", Gate::failed()));
    let folder = Folder::new();
    let run = on_cloud(by_key(&sandbox, &folder, &sonarqube), &sonarqube)
        .unset("SONAR_TOKEN")
        .set("SONAR_PROJECT_KEY", "acme_open")
        .set("SONAR_PULL_REQUEST", "7")
        .set("ON_NO_GATE", "SUCCESSFUL")
        .run();
    assert_told(&run, 3, &["✖ No verdict: SonarQube shows no gate without a token", "pass SONAR_TOKEN"]);
}

#[test]
fn an_unknown_word_for_the_gate_is_shown_and_never_green() {
    for word in ["GREAT", "NO_VALUE"] {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        sonarqube.submit(of_pull_request("7"));
        sonarqube.fault(Fault::json(200, &json!({ "projectStatus": { "status": word, "conditions": [] } })));
        let folder = Folder::new();
        let gatepost = by_key(&sandbox, &folder, &sonarqube).set("SONAR_PULL_REQUEST", "7");
        let run = gatepost.set("ON_NO_GATE", "SUCCESSFUL").run();
        let told = [
            "✖ No verdict: the state of the quality gate is not known: acme_api, pull request 7",
            &format!("answered: the gate has the status \"{word}\""),
            "why:      a gate is OK, ERROR, WARN or NONE",
        ];
        assert_told(&run, 3, &told);
    }
}

#[test]
fn a_fresh_file_of_the_project_is_waited_for() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    sonarqube.submit(of_pull_request("7"));
    let slow = Analysis { polls: 1, gate: Gate::failed(), ..of_pull_request("7") };
    let folder = scanned(".scannerwork", &sonarqube.submit(slow));
    for gatepost in [
        by_key(&sandbox, &folder, &sonarqube).set("SONAR_PULL_REQUEST", "7"),
        by_key(&sandbox, &folder, &sonarqube),
    ] {
        assert_told(&gatepost.run(), 1, &["quality gate failed: acme_api, pull request 7"]);
    }
    assert!(sonarqube.requests()[0].path.contains("/api/ce/task?id="));
}

#[test]
fn the_file_of_another_project_or_pull_request_is_not_waited_for() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    sonarqube.submit(of_pull_request("7"));
    for (other, told) in [
        (Analysis::of_pull_request("acme_web", "7", Gate::failed()), None),
        (of_pull_request("3"), Some("pull request 3")),
        (Analysis::new("acme_api", Gate::failed()), Some("the main branch")),
    ] {
        let folder = scanned(".scannerwork", &sonarqube.submit(other));
        let run = by_key(&sandbox, &folder, &sonarqube).set("SONAR_PULL_REQUEST", "7").run();
        assert_told(&run, 0, &["quality gate passed: acme_api, pull request 7"]);
        let warning = told.map(|other| {
            format!("! .scannerwork/report-task.txt names an analysis of {other}, and SONAR_PULL_REQUEST or SONAR_BRANCH asks for pull request 7: the file is not used")
        });
        let warnings: Vec<_> = run.output.lines().filter(|line| line.contains("report-task.txt")).collect();
        assert_eq!(warnings, Vec::from_iter(warning.as_deref()));
    }
    assert!(sonarqube.requests().iter().all(|request| !request.path.contains("/api/ce/task")));
}

/// The checkout is newer than the file.
#[test]
fn the_file_of_an_earlier_build_is_not_waited_for() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    sonarqube.submit(of_pull_request("7"));
    let folder = scanned(".scannerwork", &sonarqube.submit(Analysis { polls: 9, ..of_pull_request("7") }));
    let ran = Command::new("git").args(["init", "--quiet"]).current_dir(folder.path()).output().unwrap();
    assert!(ran.status.success());
    let run = by_key(&sandbox, &folder, &sonarqube).set("SONAR_PULL_REQUEST", "7").run();
    assert_told(&run, 0, &[]);
    assert_eq!(sonarqube.request_count(), 1);
}

#[test]
fn a_gate_that_was_not_computed_is_told_with_its_way_out() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    sonarqube.submit(Analysis { gate: Gate::none(), ..of_pull_request("7") });
    let folder = Folder::new();
    let gatepost = by_key(&sandbox, &folder, &sonarqube).set("SONAR_PULL_REQUEST", "7");
    let run = gatepost.clone().run();
    insta::assert_snapshot!(run.told(), @"
    gatepost 0.1.0: the quality gate of project acme_api, pull request 7 for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    SonarQube at http://127.0.0.1:PORT/ (from SONAR_HOST_URL) gets SONAR_TOKEN
    quality gate was not computed: acme_api, pull request 7
    ✖ No quality gate was computed: acme_api, pull request 7
      answered: the gate has the status NONE
      why:      a first analysis has no new code to compare with, or the project has no period for new code
      to do:    run the scan again after the next change, or set the new code definition in SonarQube (Project Settings > New Code); pass ON_NO_GATE: SUCCESSFUL if such an analysis may be green
      status:   Sonar: acme_api (key sonar-acme_api): No quality gate was computed: acme_api, pull request 7
      link:     https://ci.example.com/
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: the quality gate is not green (FAIL_ON_RED_GATE: false keeps the step green)
    exit code 1
    ");
    assert_stands(&sandbox, "FAILED", "No quality gate was computed: acme_api, pull request 7");
    assert_told(&gatepost.set("ON_NO_GATE", "SUCCESSFUL").run(), 0, &["✔ posted SUCCESSFUL"]);
}

/// The measures are the way out on SonarQube Cloud; without any, nothing is known.
#[test]
fn on_no_gate_is_not_for_a_gate_that_could_not_be_asked_for() {
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Cloud)));
    sonarqube.submit(of_pull_request("7"));
    sonarqube.projects(|projects| {
        projects.retire_project_status(410).lose_measures();
    });
    let folder = Folder::new();
    let run = on_cloud(by_key(&sandbox, &folder, &sonarqube), &sonarqube)
        .set("SONAR_PULL_REQUEST", "7")
        .set("ON_NO_GATE", "SUCCESSFUL")
        .run();
    assert_told(&run, 3, &["410 Gone"]);
    assert_eq!(standing(&sandbox)["sonar-acme_api"].0, "FAILED");
}

/// After a scan, its analysis is wanted, and not the gate that the project had before.
#[test]
fn after_a_scan_the_present_gate_of_the_project_must_be_about_the_commit() {
    for (subject, analysis) in [
        (Some(("SONAR_PULL_REQUEST", "7")), of_pull_request("7")),
        (
            Some(("SONAR_BRANCH", "feature/login")),
            Analysis::of_branch("acme_api", "feature/login", Gate::passed()),
        ),
        (None, Analysis::new("acme_api", Gate::passed())),
    ] {
        for (exit_code, submitted, code) in [
            (Some("0"), BEFORE_THE_COMMIT, 3),
            (Some("0"), "2026-11-03T08:00:00+0000", 0),
            (None, BEFORE_THE_COMMIT, 0),
        ] {
            let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
            sonarqube.submit(analysis.clone().submitted(submitted));
            let mut gatepost = of_branch_build(by_key(&sandbox, &folder, &sonarqube));
            if let Some((variable, value)) = subject {
                gatepost = gatepost.set(variable, value);
            }
            if subject.is_some_and(|(variable, _)| variable == "SONAR_PULL_REQUEST") {
                gatepost = gatepost.set("BITBUCKET_PR_ID", "7");
            }
            gatepost = exit_code.into_iter().fold(gatepost, |run, code| run.set("SCAN_EXIT_CODE", code));
            let told = if code == 3 {
                "✖ The analysis is of 2026-09-01, this commit is of 2026-11-02"
            } else {
                "✔"
            };
            assert_told(&gatepost.run(), code, &[told]);
        }
    }
}

/// SonarQube Cloud names the commit of the latest analysis.
#[test]
fn after_a_scan_the_commit_that_sonarqube_cloud_names_is_compared() {
    let (sandbox, sonarqube) = (acme(), SonarQube::start(Projects::acme(Dialect::Cloud)));
    let other = "0123456789abcdef0123456789abcdef01234567";
    sonarqube.submit(of_pull_request("7").of_revision(other));
    let folder = Folder::new();
    let run = on_cloud(by_key(&sandbox, &folder, &sonarqube), &sonarqube)
        .set("SONAR_PULL_REQUEST", "7")
        .set("SCAN_EXIT_CODE", "0")
        .run();
    assert_told(&run, 3, &["✖ The analysis is of commit 0123456789ab, this is commit 94277cd267a8"]);
}
