//! Several files in one run.

use sandbox::{Analysis, Gate};

use super::{assert_stands, now, of_pull_request, sonarqube, states};
use crate::run::{Folder, acme, after_scan, assert_told, scanned};

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
fn of_two_analyses_of_the_same_second_the_worse_is_the_verdict() {
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
    assert_eq!(states(&sandbox), ["sonar-acme_api FAILED"]);
}

#[test]
fn the_same_task_twice_is_one_verdict() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
    let submitted = sonarqube.submit(of_pull_request("7").submitted(&now()));
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

/// Whatever came of the second one: a later run that has both replaces the one status.
#[test]
fn two_analyses_of_one_project_are_one_status_although_one_is_late_or_not_known() {
    for (is_late, code) in [(true, 5), (false, 3)] {
        let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
        let done = sonarqube.submit(of_pull_request("7"));
        let mut second = of_pull_request("7");
        if is_late {
            second.polls = 100;
        }
        let second = sonarqube.submit(second);
        let file = if is_late {
            second.report_task.clone()
        } else {
            second.report_task.replace(&second.task_id, "unknown")
        };
        let _ = folder.write("a/.scannerwork/report-task.txt", done.report_task.as_bytes());
        let _ = folder.write("b/.scannerwork/report-task.txt", file.as_bytes());
        assert_told(&after_scan(&sandbox, &folder).set("SONAR_TIMEOUT", "1").run(), code, &[]);
        assert_eq!(states(&sandbox), ["sonar-acme_api FAILED"]);
        let folder = scanned("a/.scannerwork", &done);
        assert_told(&after_scan(&sandbox, &folder).run(), 0, &[]);
        assert_eq!(states(&sandbox), ["sonar-acme_api SUCCESSFUL"]);
    }
}

/// One report has the issues of one project.
#[test]
fn with_a_key_each_project_has_its_own_report() {
    for projects in [vec!["acme_api"], vec!["acme_api", "acme_web"]] {
        let (sandbox, sonarqube, folder) = (acme(), sonarqube(), Folder::new());
        for project in &projects {
            let submitted = sonarqube.submit(Analysis::of_pull_request(project, "7", Gate::passed()));
            let file = format!("{project}/.scannerwork/report-task.txt");
            let _ = folder.write(&file, submitted.report_task.as_bytes());
        }
        let gatepost = after_scan(&sandbox, &folder).set("KEY", "gate").set("REPORT", "gate");
        let ids = match projects.len() {
            1 => vec!["gatepost-gate"],
            _ => vec!["gatepost-gate-acme_api", "gatepost-gate-acme_web"],
        };
        let check = gatepost.clone().set("MODE", "check").run();
        let told = format!("a report would go beside the status, as {}", ids.join(", "));
        assert_told(&check, 0, &[&told]);
        assert_told(&gatepost.run(), 0, &[]);
        assert_eq!(states(&sandbox), ["gate SUCCESSFUL"]);
        let head = sandbox.head("acme/api", "feature/login");
        let mut reports = sandbox.world(|world| world.reports("acme/api", &head));
        reports.sort_by(|a, b| a.external_id.cmp(&b.external_id));
        assert_eq!(reports.into_iter().map(|report| report.external_id).collect::<Vec<_>>(), ids);
    }
}
