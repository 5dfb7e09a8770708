//! What stands on the commit after a run, and what it takes.

use std::collections::BTreeSet;

use sandbox::{
    Analysis, Condition, Dialect, Fault, Gate, Issue, PROJECT_ANALYSIS_TOKEN, Projects, SonarQube,
};
use serde_json::{Value, json};

use super::{after, bug, issues, red, reports, requests, sonarqube, standing, with_report};
use crate::run::{Folder, acme, assert_told, in_pull_request_build, on_cloud};

#[test]
fn a_red_analysis_becomes_a_status_a_report_and_annotations() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let hotspot = Issue::new("AH1", "SECURITY_HOTSPOT", "HIGH", "src/login.rs", 4, "Is this safe?");
    let (_folder, gatepost) =
        after(&sandbox, &sonarqube.submit(red(vec![bug("AZ1", "src/till.rs", 41), hotspot])));
    let run = gatepost.run();
    insta::assert_snapshot!(run.told(), @"
    gatepost 0.1.0: the quality gate of .scannerwork/report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    SonarQube at http://127.0.0.1:PORT/ (serverUrl of report-task.txt) gets SONAR_TOKEN
    quality gate failed: acme_api, pull request 7
      ✖ Reliability Rating on New Code                 C  A or better
      ✖ New Issues                                     3  at most 0
      ✖ Coverage on New Code                       54.9%  at least 80%
      ✔ Security Rating on New Code                    A  A or better
      ✔ Maintainability Rating on New Code             A  A or better
      ✔ Duplicated Lines on New Code                0.7%  at most 3%
      ✔ Security Hotspots Reviewed on New Code  no value  at least 100%
      status:   Sonar: acme_api (key sonar-acme_api): C Reliability Rating on New Code (is worse than A), 3 New Issues (is greater than 0), 54.9% Coverage on New Code (is less than 80%)
      link:     https://ci.example.com/
      report:   gatepost-sonar-acme_api, 2 annotations
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: the quality gate is not green (FAIL_ON_RED_GATE: false keeps the step green)
    exit code 1
    ");
    let report = standing(&sandbox);
    assert_eq!(report.external_id, "gatepost-sonar-acme_api");
    insta::assert_snapshot!(shown(&Value::Object(report.fields.clone())), @r#"
    {
      "data": [
        {
          "title": "Reliability Rating on New Code",
          "type": "TEXT",
          "value": "C, required A or better"
        },
        {
          "title": "New Issues",
          "type": "TEXT",
          "value": "3, required at most 0"
        },
        {
          "title": "Coverage on New Code",
          "type": "TEXT",
          "value": "54.9%, required at least 80%"
        },
        {
          "title": "Security Rating on New Code",
          "type": "TEXT",
          "value": "A"
        },
        {
          "title": "Maintainability Rating on New Code",
          "type": "TEXT",
          "value": "A"
        },
        {
          "title": "Duplicated Lines on New Code",
          "type": "PERCENTAGE",
          "value": 0.7
        }
      ],
      "details": "Quality gate failed\n- C Reliability Rating on New Code (is worse than A)\n- 3 New Issues (is greater than 0)\n- 54.9% Coverage on New Code (is less than 80%)",
      "external_id": "gatepost-sonar-acme_api",
      "remote_link_enabled": false,
      "report_type": "BUG",
      "reporter": "SonarQube",
      "result": "FAILED",
      "title": "Sonar: acme_api",
      "type": "report"
    }
    "#);
    let annotations: Vec<Value> = report.annotations.into_iter().map(Value::Object).collect();
    insta::assert_snapshot!(shown(&json!(annotations)), @r#"
    [
      {
        "annotation_type": "VULNERABILITY",
        "details": "java:S2259. Security hotspot to review: High.",
        "external_id": "hotspot-AH1",
        "line": 4,
        "path": "src/login.rs",
        "severity": "HIGH",
        "summary": "Is this safe?",
        "type": "report_annotation"
      },
      {
        "annotation_type": "BUG",
        "details": "java:S2259. Reliability: High. Effort: 5min.",
        "external_id": "sonar-AZ1",
        "line": 41,
        "path": "src/till.rs",
        "severity": "HIGH",
        "summary": "It may be null",
        "type": "report_annotation"
      }
    ]
    "#);
}

/// The body without what the service adds.
fn shown(body: &Value) -> String {
    let mut body = body.clone();
    for object in body.as_array_mut().map_or_else(Vec::new, |items| items.iter_mut().collect()) {
        remove_added(object);
    }
    remove_added(&mut body);
    serde_json::to_string_pretty(&body).unwrap()
}

fn remove_added(object: &mut Value) {
    if let Some(fields) = object.as_object_mut() {
        for added in ["uuid", "created_on", "updated_on"] {
            fields.remove(added);
        }
    }
}

/// Three requests for the verdict, two for the issues, four for the report.
#[test]
fn a_hundred_and_twenty_issues_take_nine_requests() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let now = sandbox::date(std::time::SystemTime::now());
    let submitted = sonarqube.submit(red(issues(120)).submitted(&now));
    let (_folder, gatepost) = after(&sandbox, &submitted);
    assert_told(&gatepost.run(), 1, &["  report:   gatepost-sonar-acme_api, 120 annotations"]);
    let report = "reports/gatepost-sonar-acme_api";
    assert_eq!(
        requests(&sandbox),
        [
            "POST statuses/build",
            &format!("DELETE {report}"),
            &format!("PUT {report}"),
            &format!("POST {report}/annotations"),
            &format!("POST {report}/annotations"),
        ]
    );
    let asked: Vec<String> = sonarqube
        .requests()
        .into_iter()
        .map(|request| request.path.split('?').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        asked,
        ["/api/ce/task", "/api/qualitygates/project_status", "/api/issues/search", "/api/hotspots/search"]
    );
    assert_eq!(standing(&sandbox).annotations.len(), 120);
}

#[test]
fn without_a_report_it_is_three() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let now = sandbox::date(std::time::SystemTime::now());
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(120)).submitted(&now)));
    assert_told(&gatepost.set("REPORT", "false").run(), 1, &[]);
    assert_eq!((sandbox.request_count(), sonarqube.request_count()), (1, 2));
    assert!(reports(&sandbox).is_empty());
}

#[test]
fn the_gate_alone_takes_one_more_request() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let now = sandbox::date(std::time::SystemTime::now());
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(3)).submitted(&now)));
    assert_told(&gatepost.set("REPORT", "gate").run(), 1, &[]);
    assert_eq!((sandbox.request_count(), sonarqube.request_count()), (2, 2));
    assert!(standing(&sandbox).annotations.is_empty());
}

/// A page of 500, a second one, and the most severe first.
#[test]
fn of_many_issues_the_worst_thousand_are_shown() {
    for (number, left_out) in [(1001, 1), (5000, 4000)] {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Cloud));
        let mut many = issues(number);
        for issue in &mut many {
            issue.severity = "MINOR".to_owned();
        }
        many.last_mut().unwrap().severity = "BLOCKER".to_owned();
        let submitted = sonarqube.submit(red(many));
        let (_folder, gatepost) = after(&sandbox, &submitted);
        let run = gatepost.set("SONAR_TOKEN", sandbox::CLOUD_TOKEN).run();
        assert_told(&run, 1, &[&format!("1,000 annotations, {left_out} left out")]);
        let report = standing(&sandbox);
        assert_eq!(report.annotations.len(), 1000);
        assert_eq!(report.annotations[0]["severity"], "CRITICAL");
        let details = report.fields["details"].as_str().unwrap();
        assert!(
            details.ends_with(&format!("\n1000 of {number} issues are shown, the most severe first")),
            "{details}"
        );
    }
}

/// Fixed issues go, and a green run has a green report.
#[test]
fn a_later_analysis_of_the_commit_replaces_the_annotations() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(2))));
    assert_told(&gatepost.run(), 1, &[]);
    let green = Analysis::of_pull_request("acme_api", "7", Gate::passed()).with_issues(issues(1));
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(green));
    assert_told(&gatepost.run(), 0, &["  report:   gatepost-sonar-acme_api, 1 annotation"]);
    let report = standing(&sandbox);
    assert_eq!((report.annotations.len(), &report.fields["result"]), (1, &json!("PASSED")));
}

/// The gate of an earlier analysis would contradict the status.
#[test]
fn without_a_verdict_the_report_says_why() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let (_folder, gatepost) =
        after(&sandbox, &sonarqube.submit(Analysis::of_pull_request("acme_api", "3", Gate::passed())));
    assert_told(&gatepost.run(), 3, &[]);
    let report = standing(&sandbox);
    assert_eq!(report.fields["result"], "FAILED");
    assert_eq!(report.fields["details"], "The analysis is of pull request 3, this is pull request 7");
}

#[test]
fn a_state_that_is_given_and_inprogress_have_no_report() {
    let sandbox = acme();
    assert_told(&in_pull_request_build(&sandbox).set("REPORT", "issues").run(), 0, &[]);
    assert_told(&in_pull_request_build(&sandbox).set("STATE", "INPROGRESS").run(), 0, &[]);
    assert_eq!(requests(&sandbox), ["POST statuses/build", "POST statuses/build"]);
}

/// 200 and an empty list is what somebody without the right gets.
#[test]
fn issues_that_the_token_may_not_see_are_told_apart_from_none() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(2))));
    let run = gatepost.set("SONAR_TOKEN", PROJECT_ANALYSIS_TOKEN).run();
    let told = [
        "! the report has not all annotations: the gate counts issues, and SonarQube shows none of acme_api to this token",
        "to do:    give 'Browse' on the project to the owner of SONAR_TOKEN",
    ];
    assert_told(&run, 1, &told);
    let report = standing(&sandbox);
    assert!(report.annotations.is_empty());
    assert!(
        report.fields["details"]
            .as_str()
            .unwrap()
            .ends_with("SonarQube shows none of acme_api to this token")
    );
    let clean = Analysis::of_pull_request("acme_api", "7", Gate::passed());
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(clean));
    let run = gatepost.set("REPORT", "issues").run();
    assert!(!run.output.contains("no annotations"), "{}", run.output);
}

/// Each version is asked with the parameters that it knows.
#[test]
fn of_a_branch_only_new_issues_are_shown() {
    for dialect in [Dialect::Cloud, Dialect::Server2025, Dialect::Server10, Dialect::Server99] {
        let (sandbox, sonarqube) = (acme(), sonarqube(dialect));
        let old = Issue { is_new: false, ..bug("AZ9", "src/old.rs", 1) };
        let hotspot = Issue::new("AH1", "SECURITY_HOTSPOT", "LOW", "src/a.rs", 4, "Is this safe?");
        let found = vec![bug("AZ1", "src/till.rs", 1), old, hotspot];
        let analysis = Analysis::of_branch("acme_api", "feature/login", Gate::failed()).with_issues(found);
        let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(analysis));
        let is_cloud = dialect == Dialect::Cloud;
        let gatepost = if is_cloud { on_cloud(gatepost, &sonarqube) } else { gatepost };
        assert_told(&gatepost.run(), 1, &[]);
        let ids: Vec<_> =
            standing(&sandbox).annotations.into_iter().map(|it| it["external_id"].clone()).collect();
        let expected = if is_cloud { json!(["sonar-AZ1"]) } else { json!(["sonar-AZ1", "hotspot-AH1"]) };
        assert_eq!(json!(ids), expected, "{dialect:?}");
    }
}

#[test]
fn a_gate_of_thirty_conditions_has_ten_rows() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let mut gate = Gate::failed();
    let condition = gate.conditions[0].clone();
    gate.conditions.extend((0..30).map(|_| condition.clone()));
    gate.conditions.push(Condition { actual: None, ..condition });
    let analysis = Analysis::of_pull_request("acme_api", "7", gate);
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(analysis));
    assert_told(&gatepost.run(), 1, &[]);
    assert_eq!(standing(&sandbox).fields["data"].as_array().unwrap().len(), 10);
}

/// Each project has a status and a report of its own, and no report is before a status.
#[test]
fn each_status_of_a_run_has_its_report() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(Dialect::Server2025), Folder::new());
    for (place, project) in [("api", "acme_api"), ("web", "acme_web")] {
        let analysis = Analysis::of_pull_request(project, "7", Gate::failed()).with_issues(issues(1));
        let submitted = sonarqube.submit(analysis);
        let _ =
            folder.write(&format!("{place}/.scannerwork/report-task.txt"), submitted.report_task.as_bytes());
    }
    assert_told(&with_report(&sandbox, &folder).run(), 1, &[]);
    // Both are put at the same time.
    let ids: BTreeSet<_> = reports(&sandbox).into_iter().map(|report| report.external_id).collect();
    assert_eq!(ids, ["gatepost-sonar-acme_api", "gatepost-sonar-acme_web"].map(str::to_owned).into());
    let sent = requests(&sandbox);
    let last_status = sent.iter().rposition(|sent| sent.starts_with("POST statuses")).unwrap();
    let first_report = sent.iter().position(|sent| sent.contains("reports")).unwrap();
    assert!(last_status < first_report, "{sent:?}");
}

#[test]
fn a_dry_run_prints_the_bodies() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(1))));
    let run = gatepost.set("DRY_RUN", "true").run();
    let told = [
        "DELETE http",
        "PUT http",
        "/reports/gatepost-sonar-acme_api/annotations",
        r#""external_id":"sonar-AZ1""#,
    ];
    assert_told(&run, 1, &told);
    assert!(sandbox.requests().iter().all(|request| request.method == "GET"), "{:?}", requests(&sandbox));
}

#[test]
fn the_result_file_tells_of_the_report() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let (folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(2))));
    let gatepost = gatepost.set("RESULT_FILE", "results.jsonl").set("RESUME", "true");
    assert_told(&gatepost.run(), 1, &[]);
    let results = folder.read("results.jsonl");
    let line: Value = serde_json::from_str(results.lines().nth(1).unwrap()).unwrap();
    let expected = json!({
        "id": "gatepost-sonar-acme_api", "content": line["report"]["content"], "outcome": "posted", "annotations": 2, "left_out": 0, "reason": null,
    });
    assert_eq!((line["report"].clone(), line["target"]["repo_slug"].clone()), (expected, json!("api")));
    // What was delivered is not posted again.
    let before = sandbox.request_count();
    let again = gatepost.run();
    assert_told(&again, 1, &["skipped FAILED"]);
    assert!(!again.output.contains("lines that Gatepost did not write"), "{}", again.output);
    assert!(requests(&sandbox)[before..].iter().all(|sent| !sent.contains("reports")));
}

/// A report that says something else, or that had no annotations, is posted again.
#[test]
fn a_run_that_resumes_posts_a_report_with_another_content() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(2))));
    let gatepost = gatepost.set("RESULT_FILE", "results.jsonl").set("RESUME", "true");
    assert_told(&gatepost.clone().set("REPORT", "gate").run(), 1, &["posted FAILED"]);
    assert!(standing(&sandbox).annotations.is_empty());
    assert_told(&gatepost.run(), 1, &["skipped FAILED", "2 annotations"]);
    assert_eq!(standing(&sandbox).annotations.len(), 2);
    // Without a status, the report alone is skipped or posted.
    let alone = gatepost.set("STATUS", "false");
    let before = sandbox.request_count();
    assert_told(&alone.run(), 1, &["skipped the report of FAILED on acme/api"]);
    assert_eq!(sandbox.request_count(), before);
}

#[test]
fn a_report_alone_that_is_refused_ends_the_run() {
    for (requests, told) in [
        (1, "the report was not posted: FAILED on acme/api"),
        (2, "the report is not complete: FAILED on acme/api"),
    ] {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
        let (folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(2))));
        sandbox.fault_after(requests, Fault::status(403));
        let run = gatepost.set("STATUS", "false").set("RESULT_FILE", "results.jsonl").run();
        assert_told(&run, 4, &[&format!("✖ {told}")]);
        let results = folder.read("results.jsonl");
        assert_eq!(results.lines().count(), 1, "{results}");
        let line: Value = serde_json::from_str(results.trim()).unwrap();
        assert_eq!(line["report"]["outcome"], "refused");
        assert!(line["report"]["reason"].as_str().unwrap().starts_with("failed to post the report: 403"));
    }
}

#[test]
fn without_a_status_the_last_line_is_about_reports() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(Dialect::Server2025), Folder::new());
    for (place, project) in [("api", "acme_api"), ("web", "acme_web")] {
        let submitted = sonarqube.submit(Analysis::of_pull_request(project, "7", Gate::passed()));
        let _ =
            folder.write(&format!("{place}/.scannerwork/report-task.txt"), submitted.report_task.as_bytes());
    }
    let gatepost = with_report(&sandbox, &folder).set("STATUS", "false");
    assert_told(&gatepost.run(), 0, &["✔ 2 of 2 reports posted\nexit code 0"]);
    let sent = sandbox.request_count();
    let printed =
        gatepost.set("SONAR_REPORT_TASK", "api/.scannerwork/report-task.txt").set("DRY_RUN", "true");
    assert_told(&printed.run(), 0, &["✔ DRY_RUN: would post a report of SUCCESSFUL on acme/api"]);
    assert_eq!(sandbox.requests()[sent..].iter().filter(|sent| sent.method != "GET").count(), 0);
}

/// No report is in the way of a status, not even of that of another target.
#[test]
fn the_reports_of_a_list_follow_all_statuses() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(Dialect::Server2025), Folder::new());
    sonarqube.submit(Analysis::of_pull_request("acme_api", "7", Gate::failed()));
    let entry = |key: &str, status: bool| json!({ "pull_request": 7, "sonar_project_key": "acme_api", "sonar_pull_request": 7, "key": key, "status": status });
    let targets = json!([entry("a", false), entry("b", true), entry("c", true), entry("d", true)]);
    let gatepost = with_report(&sandbox, &folder)
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("REPORT", "gate")
        .set("CONCURRENCY", "1")
        .set("TARGETS", targets.to_string());
    assert_told(&gatepost.run(), 1, &[]);
    let sent = requests(&sandbox);
    let last_status = sent.iter().rposition(|sent| sent.starts_with("POST statuses")).unwrap();
    let first_report = sent.iter().position(|sent| sent.contains("reports")).unwrap();
    assert!(last_status < first_report, "{sent:?}");
    assert_eq!((reports(&sandbox).len(), sandbox.pull_request_statuses("acme/api", 7).len()), (4, 3));
    // A rate limit of the reports delays no status.
    let sandbox = acme();
    let gatepost = gatepost.set("BITBUCKET_API_URL", sandbox.http_url());
    sandbox.fault_after(4, Fault::rate_limited_with("900"));
    assert_told(&gatepost.run(), 1, &["3 posted", "the report was not posted, and the status stands"]);
    assert_eq!(sandbox.pull_request_statuses("acme/api", 7).len(), 3);
}

#[test]
fn a_report_and_its_annotations_link_to_the_server_that_people_see() {
    let sandbox = acme();
    let public = Projects::acme(Dialect::Server2025).with_public_url("https://sonar.acme.example");
    let sonarqube = SonarQube::start(public);
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(1))));
    assert_told(&gatepost.set("SONAR_HOST_URL", sonarqube.http_url()).run(), 1, &[]);
    let link = standing(&sandbox).annotations[0]["link"].as_str().unwrap().to_owned();
    assert!(link.starts_with("https://sonar.acme.example/project/issues?id=acme_api"), "{link}");
}

/// What the status links to is the page that says why.
#[test]
fn without_a_verdict_the_report_links_to_what_the_status_links_to() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(1))));
    sonarqube.fault_always(Fault::status(403));
    assert_told(&gatepost.run(), 3, &["posted FAILED"]);
    assert_eq!(standing(&sandbox).fields["link"], "https://ci.example.com/");
}

/// The file of a webhook has the gate, and no issues.
#[test]
fn the_file_of_a_webhook_alone_has_no_issues_and_says_so() {
    let (sandbox, folder) = (acme(), Folder::new());
    let webhook = json!({
        "status": "SUCCESS", "project": { "key": "acme_api" },
        "branch": { "name": "7", "type": "PULL_REQUEST" },
        "qualityGate": { "status": "ERROR", "conditions": [] },
    });
    let _ = folder.write("webhook.json", webhook.to_string().as_bytes());
    let run = with_report(&sandbox, &folder).set("SONAR_REPORT_TASK", "webhook.json").run();
    assert_told(
        &run,
        1,
        &["! the report has no annotations: it is not known which SonarQube has the issues"],
    );
}

/// However often the report is tried, the issues are asked for once.
#[test]
fn at_a_commit_that_is_not_there_sonarqube_is_asked_once() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(issues(1))));
    let no_commit = Fault::refusal(404, "Commit not found");
    (0..20).for_each(|_| sandbox.fault(no_commit.clone()));
    let run = gatepost.set("STATUS", "false").run();
    assert_told(&run, 4, &["✖ the report was not posted"]);
    let asked = sonarqube.requests().iter().filter(|sent| sent.path.contains("issues/search")).count();
    assert_eq!(asked, 1);
}

/// A token may see hotspots and no issues.
#[test]
fn issues_that_are_hidden_are_told_once_whatever_hotspots_are_shown() {
    let none = json!({ "paging": { "total": 0 }, "issues": [] });
    for (hotspots, annotations) in [(None, 1), (Some(Fault::status(403)), 0)] {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
        let hotspot = Issue::new("AH1", "SECURITY_HOTSPOT", "HIGH", "src/login.rs", 4, "Is this safe?");
        let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(red(vec![hotspot])));
        sonarqube.fault_after(2, Fault::json(200, &none));
        if let Some(fault) = hotspots {
            sonarqube.fault(fault);
        }
        let run = gatepost.run();
        assert_told(&run, 1, &["! the report has not all annotations: the gate counts issues"]);
        assert_eq!(run.output.matches("the report has not all annotations").count(), 1, "{}", run.output);
        assert_eq!(standing(&sandbox).annotations.len(), annotations);
    }
}

/// Without the file of a scanner the version is not known, and the parameter has two names.
#[test]
fn hotspots_of_an_older_server_are_found_by_the_key_of_the_project() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(Dialect::Server99), Folder::new());
    let hotspot = Issue::new("AH1", "SECURITY_HOTSPOT", "HIGH", "src/login.rs", 4, "Is this safe?");
    sonarqube.submit(red(vec![hotspot]));
    let run = with_report(&sandbox, &folder)
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("SONAR_PROJECT_KEY", "acme_api")
        .set("SONAR_PULL_REQUEST", "7")
        .run();
    assert_told(&run, 1, &["1 annotation"]);
    assert_eq!(standing(&sandbox).annotations[0]["external_id"], "hotspot-AH1");
}
