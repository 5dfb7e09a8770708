//! What the variables of reports accept, for one target, for a list, and in a check.

use sandbox::{Analysis, Dialect, Fault, Gate, PROJECT_ANALYSIS_TOKEN};
use serde_json::json;

use super::{after, issues, red, reports, sonarqube, with_report};
use crate::run::{Folder, acme, assert_told, in_pull_request_build};

#[test]
fn a_list_has_reports_on_request_only() {
    for (report, expected) in [(None, 0), (Some("gate"), 1)] {
        let (sandbox, sonarqube, folder) = (acme(), sonarqube(Dialect::Server2025), Folder::new());
        sonarqube.submit(Analysis::of_pull_request("acme_api", "7", Gate::failed()));
        let mut entry =
            json!({ "pull_request": 7, "sonar_project_key": "acme_api", "sonar_pull_request": 7 });
        if let Some(report) = report {
            entry["report"] = json!(report);
        }
        let run = with_report(&sandbox, &folder)
            .set("SONAR_HOST_URL", sonarqube.http_url())
            .set("TARGETS", json!([entry]).to_string())
            .run();
        assert_told(&run, 1, &[]);
        assert_eq!(reports(&sandbox).len(), expected);
    }
}

#[test]
fn wrong_values_are_told_and_keep_no_verdict_away() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(1))));
    let run = gatepost
        .clone()
        .set("REPORT", "everything")
        .set("SONAR_BASE_DIR", "../x")
        .set("REPORT_PROXY", "x")
        .set("STATUS", "maybe")
        .run();
    let told = [
        "! REPORT is \"everything\", which is no kind of report; the default is used (accepted: issues (a report with annotations), gate (a report alone) or false)",
        "! SONAR_BASE_DIR is \"../x\", which is not a path from the root of the repository; it is ignored",
        "! STATUS is \"maybe\"",
        "! REPORT_PROXY is \"x\", which is not the address of an http proxy; the default is used",
    ];
    assert_told(&run, 1, &told);
    assert_told(
        &gatepost.set("REPORT", "false").set("STATUS", "false").run(),
        2,
        &["✖ STATUS is false, and there is no report: nothing would be posted"],
    );
    let given = in_pull_request_build(&sandbox).set("STATUS", "false").run();
    assert_told(&given, 2, &["✖ STATUS is false beside STATE, which has no report: nothing would be posted"]);
}

#[test]
fn a_check_says_whether_issues_can_be_read_and_where_the_report_would_go() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(2))));
    let check = gatepost.set("MODE", "check");
    let told = [
        "✔ the token can read the issues of acme_api: 2 would become annotations",
        "✔ a report would go beside the status, as gatepost-sonar-acme_api",
    ];
    assert_told(&check.clone().run(), 0, &told);
    let unreadable = check.clone().set("SONAR_TOKEN", PROJECT_ANALYSIS_TOKEN).run();
    assert!(
        unreadable
            .output
            .contains("! the gate counts issues, and SonarQube shows none of acme_api to this token"),
        "{}",
        unreadable.output
    );
    assert!(reports(&sandbox).is_empty());
    // A server that is busy is no matter of permissions.
    let before = sonarqube.request_count();
    let _ = check.clone().run();
    let asked = sonarqube.requests()[before..].iter().position(|sent| sent.path.contains("issues/search"));
    sonarqube.fault_after(asked.unwrap(), Fault::status(503));
    (0..20).for_each(|_| sonarqube.fault(Fault::status(503)));
    let busy = check.set("TIMEOUT", "1").run();
    assert_told(&busy, 0, &["! the report would have no annotations: failed to ask for the issues"]);
    assert!(!busy.output.contains("give 'Browse'"), "{}", busy.output);
}

#[test]
fn the_reports_of_a_list_count_in_its_budget() {
    let (sandbox, folder) = (acme(), Folder::new());
    let entry = |id: usize| json!({ "commit": format!("{id:040x}"), "sonar_project_key": format!("p{id}") });
    let targets: Vec<_> = (1..100).map(entry).collect();
    let run = with_report(&sandbox, &folder)
        .set("REPORT", "issues")
        .set("SONAR_HOST_URL", "http://127.0.0.1:9")
        .set("TIMEOUT", "1")
        .set("TARGETS", json!(targets).to_string())
        .run();
    assert!(run.output.contains("the run needs up to 1287 requests"), "{}", run.output);
}
