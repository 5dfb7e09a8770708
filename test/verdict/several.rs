//! Several files in one run.

use sandbox::{Analysis, Gate};

use super::{assert_stands, of_pull_request, sonarqube, states};
use crate::run::{Folder, acme, after_scan, assert_told};

#[test]
fn of_two_analyses_of_one_pull_request_the_newest_is_the_verdict() {
    for (older, newer) in [("api", "web"), ("web", "api")] {
        let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
        let red = Analysis { gate: Gate::failed(), ..of_pull_request("7") };
        for (place, analysis) in [
            (older, of_pull_request("7").submitted("2026-11-03T08:00:00+0000")),
            (newer, red.submitted("2026-11-03T09:00:00+0100")),
            (
                newer,
                Analysis { gate: Gate::failed(), ..of_pull_request("7") }
                    .submitted("2026-11-03T09:00:00+0000"),
            ),
        ] {
            let submitted = sonarqube.submit(analysis);
            let _ = folder
                .write(&format!("{place}/.scannerwork/report-task.txt"), submitted.report_task.as_bytes());
        }
        let run = after_scan(&sandbox, &folder).run();
        let left_out = format!(
            "! {older}/.scannerwork/report-task.txt is left out: there is a newer analysis of acme_api, pull request 7"
        );
        assert_told(&run, 1, &[&left_out]);
        assert_eq!(states(&sandbox), ["sonar-acme_api FAILED"]);
    }
}

/// SonarQube tells whole seconds, so neither is known to be the newer one.
#[test]
fn of_two_analyses_of_the_same_second_none_is_left_out() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
    for (place, gate) in [("api", Gate::passed()), ("web", Gate::failed())] {
        let analysis = Analysis { gate, ..of_pull_request("7") }.submitted("2026-11-03T09:00:00+0000");
        let submitted = sonarqube.submit(analysis);
        let _ =
            folder.write(&format!("{place}/.scannerwork/report-task.txt"), submitted.report_task.as_bytes());
    }
    let run = after_scan(&sandbox, &folder).run();
    assert_told(&run, 1, &[]);
    assert!(!run.output.contains("is left out"), "{}", run.output);
    assert_eq!(states(&sandbox), ["sonar-acme_api SUCCESSFUL", "sonar-acme_api-2 FAILED"]);
}

#[test]
fn the_same_task_twice_is_one_verdict() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
    let submitted = sonarqube.submit(of_pull_request("7"));
    for place in [".scannerwork", "copy/.scannerwork"] {
        let _ = folder.write(&format!("{place}/report-task.txt"), submitted.report_task.as_bytes());
    }
    let run = after_scan(&sandbox, &folder).run();
    let same = "copy/.scannerwork/report-task.txt names the same analysis as .scannerwork/report-task.txt";
    assert_told(&run, 0, &[same]);
    assert_eq!(sonarqube.request_count(), 2);
    assert_stands(&sandbox, "SUCCESSFUL", "Quality gate passed: acme_api, pull request 7");
}

#[test]
fn two_steps_with_two_projects_do_not_overwrite_each_other() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    for (project, gate, code) in [("acme_api", Gate::failed(), 1), ("acme_web", Gate::passed(), 0)] {
        let folder = Folder::new();
        let submitted = sonarqube.submit(Analysis::of_pull_request(project, "7", gate));
        let _ = folder.write(".scannerwork/report-task.txt", submitted.report_task.as_bytes());
        let run = after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "0").run();
        assert_told(&run, code, &[&format!("(key sonar-{project})")]);
    }
    assert_eq!(states(&sandbox), ["sonar-acme_api FAILED", "sonar-acme_web SUCCESSFUL"]);
}

#[test]
fn in_progress_and_the_result_have_one_key() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
    let begun = after_scan(&sandbox, &folder).set("STATE", "INPROGRESS").set("SONAR_PROJECT_KEY", "acme_api");
    assert_told(&begun.run(), 0, &[]);
    assert_eq!(states(&sandbox), ["sonar-acme_api INPROGRESS"]);
    let submitted = sonarqube.submit(of_pull_request("7"));
    let _ = folder.write(".scannerwork/report-task.txt", submitted.report_task.as_bytes());
    assert_told(&after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "0").run(), 0, &[]);
    assert_eq!(states(&sandbox), ["sonar-acme_api SUCCESSFUL"]);
}
