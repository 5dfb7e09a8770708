//! `ADVISORY_CONDITIONS`: conditions of the gate that are told and do not block.

use sandbox::{Analysis, Condition, Dialect, Gate, Level};
use serde_json::{Value, json};

use crate::run::{Fault, Folder, acme, after_scan, assert_told, scanned};

use super::{of_pull_request, shown, sonarqube};

/// Coverage alone is below its threshold.
fn little_coverage() -> Gate {
    let mut gate = Gate::passed();
    gate.conditions
        .insert(0, Condition::new(Level::Error, "new_line_coverage", "LT", "80", "54.89417989417989"));
    Gate::of(gate.conditions)
}

#[test]
fn a_gate_that_failed_by_advice_alone_is_successful_and_marked() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(little_coverage())));
    let run = after_scan(&sandbox, &folder)
        .unset("REPORT")
        .set("URL", "https://ci.example.com/")
        .set("RESULT_FILE", "results.jsonl")
        .set("ADVISORY_CONDITIONS", "*coverage*")
        .run();
    insta::assert_snapshot!(run.told(), @"
    gatepost 0.1.0: the quality gate of .scannerwork/report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    SonarQube at http://127.0.0.1:PORT/ (serverUrl of report-task.txt) gets SONAR_TOKEN
    quality gate passed, except for advice: acme_api, pull request 7
      ! Line Coverage on New Code                  54.9%  at least 80%
      ✔ Reliability Rating on New Code                 A  A or better
      ✔ Security Rating on New Code                    A  A or better
      ✔ Maintainability Rating on New Code             A  A or better
      ✔ Coverage on New Code                       91.3%  at least 80%
      ✔ Duplicated Lines on New Code                0.7%  at most 3%
      ✔ Security Hotspots Reviewed on New Code  no value  at least 100%
      ✔ New Issues                                     0  at most 0
      status:   Sonar: acme_api (key sonar-acme_api): Quality gate passed, except for advice: 54.9% Line Coverage on New Code
      link:     https://ci.example.com/
      report:   gatepost-sonar-acme_api, 0 annotations
    ✔ posted SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    exit code 0
    ");
    let status = shown(&sandbox);
    assert_eq!(status.state, "SUCCESSFUL");
    assert_eq!(
        status.description.as_deref(),
        Some("Quality gate passed, except for advice: 54.9% Line Coverage on New Code")
    );
    let results = folder.read("results.jsonl");
    let lines: Vec<Value> = results.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (&lines[0]["status"]["state"], &lines[0]["exit_code"], &lines[0]["reason"]),
        (&json!("SUCCESSFUL"), &json!(0), &Value::Null)
    );
    let head = sandbox.head("acme/api", "feature/login");
    let report = sandbox.world(|world| world.reports("acme/api", &head)).remove(0);
    assert_eq!(report.fields["result"], "PASSED");
    insta::assert_snapshot!(report.fields["details"].as_str().unwrap(), @"
    Quality gate passed, except for advice
    - Advice: 54.9% Line Coverage on New Code (is less than 80%)
    ");
    assert_eq!(
        report.fields["data"][0],
        json!({ "title": "Line Coverage on New Code", "type": "TEXT", "value": "54.9%, required at least 80%" })
    );
}

#[test]
fn advice_hides_no_other_condition_that_failed() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::failed())));
    let run = after_scan(&sandbox, &folder)
        .unset("REPORT")
        .set("URL", "https://ci.example.com/")
        .set("ADVISORY_CONDITIONS_COUNT", "2")
        .set("ADVISORY_CONDITIONS_0", "new_coverage")
        .set("ADVISORY_CONDITIONS_1", "new_violations")
        .run();
    insta::assert_snapshot!(run.told(), @"
    gatepost 0.1.0: the quality gate of .scannerwork/report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    SonarQube at http://127.0.0.1:PORT/ (serverUrl of report-task.txt) gets SONAR_TOKEN
    quality gate failed: acme_api, pull request 7
      ✖ Reliability Rating on New Code                 C  A or better
      ! New Issues                                     3  at most 0
      ! Coverage on New Code                       54.9%  at least 80%
      ✔ Security Rating on New Code                    A  A or better
      ✔ Maintainability Rating on New Code             A  A or better
      ✔ Duplicated Lines on New Code                0.7%  at most 3%
      ✔ Security Hotspots Reviewed on New Code  no value  at least 100%
      status:   Sonar: acme_api (key sonar-acme_api): C Reliability Rating on New Code (is worse than A)
      link:     https://ci.example.com/
      report:   gatepost-sonar-acme_api, 3 annotations
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: the quality gate is not green (FAIL_ON_RED_GATE: false keeps the step green)
    exit code 1
    ");
    assert_eq!(shown(&sandbox).state, "FAILED");
    let head = sandbox.head("acme/api", "feature/login");
    let report = sandbox.world(|world| world.reports("acme/api", &head)).remove(0);
    assert_eq!(report.fields["result"], "FAILED");
    insta::assert_snapshot!(report.fields["details"].as_str().unwrap(), @"
    Quality gate failed
    - C Reliability Rating on New Code (is worse than A)
    - Advice: 3 New Issues (is greater than 0)
    - Advice: 54.9% Coverage on New Code (is less than 80%)
    ");
}

#[test]
fn a_glob_that_names_no_condition_is_told_once_and_blocks_nothing_and_hides_nothing() {
    for (gate, code) in [(Gate::passed(), 0), (Gate::failed(), 1)] {
        let (sandbox, sonarqube, folder) = (acme(), sonarqube(Dialect::Server2025), Folder::new());
        for (place, project) in [("api", "acme_api"), ("web", "acme_web")] {
            let analysis = Analysis::of_pull_request(project, "7", gate.clone());
            let submitted = sonarqube.submit(analysis);
            let _ = folder
                .write(&format!("{place}/.scannerwork/report-task.txt"), submitted.report_task.as_bytes());
        }
        let gatepost =
            after_scan(&sandbox, &folder).set("ADVISORY_CONDITIONS", "*coverge*, new_dup*, new_bug");
        let run = gatepost.clone().run();
        let told = "! ADVISORY_CONDITIONS has \"*coverge*\", \"new_bug\", which name no condition of a quality gate of this run";
        assert_told(&run, code, &[told]);
        assert_eq!(run.output.matches("ADVISORY_CONDITIONS").count(), 1, "{}", run.output);
        let check = gatepost.set("MODE", "check").run();
        let named = "✔ of the 7 conditions of the gate of acme_web, these do not block (ADVISORY_CONDITIONS): new_duplicated_lines_density";
        assert_told(&check, 0, &[told, named]);
    }
}

#[test]
fn a_broken_glob_is_told_and_names_nothing() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(little_coverage())));
    for (globs, code) in [("[", 1), ("[, *coverage*", 0), ("***", 1)] {
        let run = after_scan(&sandbox, &folder).set("ADVISORY_CONDITIONS", globs).run();
        assert_told(&run, code, &["! ADVISORY_CONDITIONS has the pattern ", "which is not valid"]);
    }
}

/// The answer says that the gate failed, and does not say by which condition.
#[test]
fn a_gate_whose_conditions_cannot_be_read_stays_failed() {
    for conditions in [
        json!([]),
        json!("none"),
        json!([{ "status": "ERROR" }]),
        json!([{ "metricKey": "new_coverage", "status": "ERROR" }, 7]),
        json!([{ "metricKey": "new_coverage", "status": "ERROR" }, { "metricKey": "new_bugs", "status": "BAD" }]),
    ] {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
        let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::failed())));
        let answer = json!({ "projectStatus": { "status": "ERROR", "conditions": conditions } });
        sonarqube.fault_after(1, Fault::json(200, &answer));
        let run = after_scan(&sandbox, &folder).set("ADVISORY_CONDITIONS", "*").run();
        assert_told(&run, 1, &["✖ posted FAILED"]);
        assert_eq!(shown(&sandbox).state, "FAILED", "{conditions}");
    }
}

#[test]
fn the_conditions_of_a_webhook_may_be_advice() {
    let gate = |conditions: Value| {
        json!({
            "status": "SUCCESS",
            "project": { "key": "acme_api" },
            "branch": { "name": "7", "type": "PULL_REQUEST" },
            "qualityGate": { "status": "ERROR", "conditions": conditions },
        })
    };
    let condition = |metric: &str| json!({ "metric": metric, "operator": "LESS_THAN", "value": "54.9", "status": "ERROR", "errorThreshold": "80" });
    for (conditions, code, state, description) in [
        (
            json!([condition("new_coverage"), { "metric": "new_bugs", "status": "NO_VALUE", "errorThreshold": "0" }]),
            0,
            "SUCCESSFUL",
            "Quality gate passed, except for advice: 54.9% Coverage on New Code",
        ),
        (
            json!([condition("new_coverage"), condition("new_security_hotspots_reviewed")]),
            1,
            "FAILED",
            "54.9% Security Hotspots Reviewed on New Code (is less than 80%)",
        ),
        (json!([]), 1, "FAILED", "Quality gate failed: acme_api, pull request 7"),
    ] {
        let (sandbox, folder) = (acme(), Folder::new());
        let _ = folder.write("webhook.json", gate(conditions).to_string().as_bytes());
        let gatepost = after_scan(&sandbox, &folder)
            .set("SONAR_REPORT_TASK", "webhook.json")
            .set("ADVISORY_CONDITIONS", "*coverage");
        assert_told(&gatepost.run(), code, &[]);
        let status = shown(&sandbox);
        assert_eq!((status.state.as_str(), status.description.as_deref()), (state, Some(description)));
    }
}

/// A green by advice is a green: it must be about the commit like any other.
#[test]
fn a_green_by_advice_of_an_older_analysis_is_not_posted() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let older = of_pull_request(little_coverage()).submitted("2026-09-01T08:00:00+0000");
    let folder = scanned(".scannerwork", &sonarqube.submit(older));
    let run = after_scan(&sandbox, &folder).set("ADVISORY_CONDITIONS", "*coverage*").run();
    assert_told(&run, 3, &["✖ The analysis is of 2026-09-01, this commit is of 2026-11-02"]);
    assert_eq!(shown(&sandbox).state, "FAILED");
}

/// A glob that names a condition of one gate of the run is not told.
#[test]
fn each_target_of_a_list_may_have_its_own_advice() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    sonarqube.submit(of_pull_request(little_coverage()));
    sonarqube.submit(Analysis::of_branch("acme_api", "feature/login", Gate::failed()));
    let targets = json!([
        { "pull_request": 7, "sonar_pull_request": 7, "advisory_conditions": ["*line_cov*", "new_bugs"] },
        { "branch": "feature/login", "sonar_branch": "feature/login", "key": "branch" },
    ]);
    let folder = Folder::new();
    let run = after_scan(&sandbox, &folder)
        .within(folder.path())
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("SONAR_PROJECT_KEY", "acme_api")
        .set("ADVISORY_CONDITIONS", "*line_cov*, new_coverage")
        .set("TARGETS", targets.to_string())
        .set("SUMMARY_FILE", "summary.md")
        .run();
    let advice = "Quality gate passed, except for advice: 54.9% Line Coverage on New Code";
    let told = [
        &format!("! acme/api commit 94277cd267a8: {advice}\n"),
        "! ADVISORY_CONDITIONS has \"new_bugs\", which names no condition of a quality gate of this run",
    ];
    assert_told(&run, 1, &told);
    let page = folder.read("summary.md");
    let (_, advised) = page.split_once("## Successful, with advice: 1\n").unwrap();
    assert!(advised.contains("| SUCCESSFUL | sonar-acme\\_api | posted: "), "{page}");
    let statuses = sandbox.pull_request_statuses("acme/api", 7).into_iter();
    let mut states: Vec<_> = statuses.map(|status| format!("{} {}", status.key, status.state)).collect();
    states.sort();
    assert_eq!(states, ["branch FAILED", "sonar-acme_api SUCCESSFUL"]);
}
