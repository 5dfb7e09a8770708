//! The rules of the sandbox's SonarQube, tested without a network.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use serde_json::{Value, json};

use super::{
    Analysis, CLOUD_TOKEN, Condition, Dialect, End, GLOBAL_ANALYSIS_TOKEN, Gate, Level,
    PROJECT_ANALYSIS_TOKEN, Projects, REVOKED_SONAR_TOKEN, Token, USER_TOKEN,
};
use crate::message::{Answer, Request};
use crate::server::Service as _;

const PUBLIC_URL: &str = "https://sonar.example/base";
const STATUS: &str = "/api/qualitygates/project_status";
const BRANCH_PARAMETERS: [Dialect; 4] =
    [Dialect::Cloud, Dialect::Server2025, Dialect::Server10, Dialect::Server99];

#[test]
fn writes_report_task_as_the_scanner_does() {
    let mut projects = acme(Dialect::Server10);
    projects.add_project("org.acme:api", "API", true);
    let main = projects.submit(Analysis::new("org.acme:api", Gate::passed()));
    let id = &main.task_id;
    assert_eq!(
        main.report_task,
        format!(
            "projectKey=org.acme:api\nserverUrl=https://sonar.example/base\nserverVersion=10.7.0.96327\n\
             dashboardUrl=https://sonar.example/base/dashboard?id=org.acme%3Aapi\nceTaskId={id}\n\
             ceTaskUrl=https://sonar.example/base/api/ce/task?id={id}\n"
        )
    );
    let pull_request = projects.submit(Analysis::of_pull_request("acme_api", "7", Gate::passed()));
    assert!(pull_request.report_task.contains("/dashboard?id=acme_api&pullRequest=7\n"));
    let branch = Some("fix/a b".to_owned());
    let branch = projects.submit(Analysis { branch, ..Analysis::new("acme_api", Gate::passed()) });
    assert!(branch.report_task.contains("/dashboard?id=acme_api&branch=fix%2Fa+b\n"));
    assert!(!branch.report_task.contains("organization="));
}

#[test]
fn cloud_names_an_organization_and_always_version_8() {
    let report = acme(Dialect::Cloud).submit(Analysis::new("acme_api", Gate::passed())).report_task;
    assert!(report.starts_with("organization=acme\nprojectKey=acme_api\n"), "{report}");
    assert!(report.contains("\nserverVersion=8.0.0."), "{report}");
}

#[test]
fn ids_are_unique_and_have_the_length_of_their_version() {
    for dialect in Dialect::ALL {
        let mut projects = acme(dialect);
        let submitted = [(); 3].map(|()| projects.submit(Analysis::new("acme_api", Gate::passed())));
        let ids: std::collections::BTreeSet<_> =
            submitted.iter().flat_map(|one| [&one.task_id, &one.analysis_id]).collect();
        let length = if matches!(dialect, Dialect::Cloud | Dialect::Server2025) { 36 } else { 20 };
        assert_eq!(ids.len(), 6);
        assert!(ids.iter().all(|id| id.len() == length), "{ids:?}");
    }
}

#[test]
fn a_task_goes_from_pending_to_in_progress_to_success() {
    for dialect in Dialect::ALL {
        let mut projects = acme(dialect);
        let analysis = Analysis { polls: 3, ..Analysis::of_pull_request("acme_api", "7", Gate::failed()) };
        let submitted = projects.submit(analysis);
        let path = format!("/api/ce/task?id={}", submitted.task_id);
        let mut told = Vec::new();
        for _ in 0..5 {
            let task = parse(&get(&mut projects, &path))["task"].clone();
            assert_eq!((&task["pullRequest"], &task["branch"]), (&json!("7"), &Value::Null));
            assert_eq!(
                (&task["componentKey"], &task["componentName"]),
                (&json!("acme_api"), &json!("Acme API"))
            );
            assert_eq!(task.get("organization").is_some(), dialect == Dialect::Cloud);
            let done = task["status"] == "SUCCESS";
            assert_eq!(task.get("analysisId").is_some() && task.get("warnings").is_some(), done);
            assert_eq!(task.get("executedAt").is_some(), done);
            assert_eq!(task.get("startedAt").is_some(), task["status"] != "PENDING");
            told.push(task["status"].as_str().unwrap().to_owned());
        }
        assert_eq!(told, ["PENDING", "IN_PROGRESS", "IN_PROGRESS", "SUCCESS", "SUCCESS"]);
    }
}

#[test]
fn a_task_names_its_branch_unless_it_is_the_main_branch() {
    let mut projects = acme(Dialect::Server2025);
    let mut place = |branch: Option<&str>| {
        let branch = branch.map(ToOwned::to_owned);
        let id = projects.submit(Analysis { branch, ..Analysis::new("acme_api", Gate::passed()) }).task_id;
        let task = parse(&get(&mut projects, &format!("/api/ce/task?id={id}")))["task"].clone();
        (task["branch"].clone(), task["branchType"].clone())
    };
    assert_eq!(place(None), (Value::Null, Value::Null));
    assert_eq!(place(Some("main")), (Value::Null, Value::Null));
    assert_eq!(place(Some("fix/a")), (json!("fix/a"), json!("BRANCH")));
}

#[test]
fn a_task_can_fail_be_cancelled_or_vanish() {
    let mut projects = acme(Dialect::Server2025);
    let failed = End::Failed { message: "Fail to read the report".to_owned() };
    let mut submit =
        |end| projects.submit(Analysis { end, polls: 1, ..Analysis::new("acme_api", Gate::passed()) });
    let [failed, canceled, vanishes] = [submit(failed), submit(End::Canceled), submit(End::Vanishes)];
    for one in [&failed, &canceled, &vanishes] {
        let task = parse(&get(&mut projects, &format!("/api/ce/task?id={}", one.task_id)));
        assert_eq!(task["task"]["status"], "PENDING");
    }
    let task = parse(&get(&mut projects, &format!("/api/ce/task?id={}", failed.task_id)))["task"].clone();
    assert_eq!(
        (&task["status"], &task["errorMessage"]),
        (&json!("FAILED"), &json!("Fail to read the report"))
    );
    assert_eq!(task.get("analysisId"), None);
    let task = parse(&get(&mut projects, &format!("/api/ce/task?id={}", canceled.task_id)))["task"].clone();
    assert_eq!((&task["status"], task.get("errorMessage")), (&json!("CANCELED"), None));
    let gone = get(&mut projects, &format!("/api/ce/task?id={}", vanishes.task_id));
    let text = format!("No activity found for task '{}'", vanishes.task_id);
    assert_eq!((gone.status, message(&gone)), (404, text));
    for one in [failed, canceled, vanishes] {
        assert_eq!(get(&mut projects, &format!("{STATUS}?analysisId={}", one.analysis_id)).status, 404);
    }
    assert_eq!(gate(&mut projects, "projectKey=acme_api")["status"], "NONE");
}

#[test]
fn refuses_bad_parameters_for_a_task() {
    let mut projects = acme(Dialect::Cloud);
    let refused = get(&mut projects, "/api/ce/task");
    assert_eq!((refused.status, message(&refused).as_str()), (400, "The 'id' parameter is missing"));
    assert_eq!(get(&mut projects, "/api/ce/task?id=none").status, 404);
    let id = projects.submit(Analysis::new("acme_api", Gate::passed())).task_id;
    assert_eq!(get(&mut projects, &format!("/api/ce/task?id={id}&additionalFields=warnings")).status, 200);
    let refused = get(&mut projects, &format!("/api/ce/task?id={id}&additionalFields=stacktrace"));
    let text =
        "Value of parameter 'additionalFields' (stacktrace) must be one of: [scannerContext, warnings]";
    assert_eq!((refused.status, message(&refused).as_str()), (400, text));
}

#[test]
fn a_pull_request_has_its_latest_gate_and_each_analysis_keeps_its_own() {
    for dialect in BRANCH_PARAMETERS {
        let mut projects = acme(dialect);
        let pull_request = "projectKey=acme_api&pullRequest=7";
        let red = projects.submit(Analysis::of_pull_request("acme_api", "7", Gate::failed()));
        assert_eq!(gate(&mut projects, pull_request)["status"], "ERROR");
        let green = Analysis { polls: 2, ..Analysis::of_pull_request("acme_api", "7", Gate::passed()) };
        let green = projects.submit(green);
        assert_eq!(gate(&mut projects, pull_request)["status"], "ERROR");
        let own = format!("{STATUS}?analysisId={}", green.analysis_id);
        assert_eq!(get(&mut projects, &own).status, 404);
        for _ in 0..2 {
            get(&mut projects, &format!("/api/ce/task?id={}", green.task_id));
        }
        assert_eq!(gate(&mut projects, pull_request)["status"], "OK");
        assert_eq!(gate(&mut projects, &format!("analysisId={}", red.analysis_id))["status"], "ERROR");
        assert_eq!(gate(&mut projects, &format!("analysisId={}", green.analysis_id))["status"], "OK");
        assert_eq!(gate(&mut projects, "projectKey=acme_api")["status"], "NONE");
    }
}

#[test]
fn the_format_of_a_gate_depends_on_the_version() {
    let status = |dialect| {
        let mut projects = acme(dialect);
        projects.submit(Analysis::new("acme_api", Gate::failed()));
        gate(&mut projects, "projectKey=acme_api")
    };
    let coverage = |status: &Value| {
        let conditions = status["conditions"].as_array().unwrap();
        conditions.iter().find(|condition| condition["metricKey"] == "new_coverage").unwrap().clone()
    };
    let plain = json!({
        "status": "ERROR", "metricKey": "new_coverage", "comparator": "LT", "errorThreshold": "80",
        "actualValue": "54.89417989417989",
    });
    let mut with_period = plain.clone();
    with_period["periodIndex"] = json!(1);
    for (dialect, condition, periods, period, cayc) in [
        (Dialect::Cloud, &with_period, true, false, false),
        (Dialect::Server2025, &plain, false, true, true),
        (Dialect::Server10, &plain, false, true, true),
        (Dialect::Server99, &with_period, true, true, true),
        (Dialect::Server67, &with_period, true, false, false),
    ] {
        let status = status(dialect);
        assert_eq!(coverage(&status), *condition, "{dialect:?}");
        assert_eq!((&status["status"], &status["ignoredConditions"]), (&json!("ERROR"), &json!(false)));
        assert_eq!(status.get("periods").is_some(), periods, "{dialect:?}");
        assert_eq!(status.get("period").is_some(), period, "{dialect:?}");
        assert_eq!(status.get("caycStatus").is_some(), cayc, "{dialect:?}");
    }
}

#[test]
fn a_condition_that_was_not_measured_has_no_value() {
    let mut projects = acme(Dialect::Cloud);
    projects.submit(Analysis::new("acme_api", Gate::passed()));
    let status = gate(&mut projects, "projectKey=acme_api");
    let conditions = status["conditions"].as_array().unwrap();
    let without: Vec<_> = conditions.iter().filter(|one| one.get("actualValue").is_none()).collect();
    assert_eq!(without.len(), 1);
    assert_eq!(without[0]["status"], "OK");
}

#[test]
fn the_format_of_a_missing_gate_depends_on_the_version() {
    for (dialect, expected) in [
        (Dialect::Cloud, json!({ "status": "NONE", "conditions": [], "periods": [] })),
        (Dialect::Server2025, json!({ "status": "NONE", "conditions": [], "caycStatus": "compliant" })),
        (Dialect::Server67, json!({ "status": "NONE", "conditions": [], "periods": [] })),
    ] {
        assert_eq!(gate(&mut acme(dialect), "projectKey=acme_api"), expected);
    }
}

#[test]
fn a_warning_has_its_threshold_only_on_an_old_server() {
    for dialect in [Dialect::Server67, Dialect::Server2025] {
        let mut projects = acme(dialect);
        projects.submit(Analysis::new("acme_api", Gate::warned()));
        let status = gate(&mut projects, "projectKey=acme_api");
        let warned = status["conditions"].as_array().unwrap().last().unwrap();
        assert_eq!((&status["status"], &warned["status"]), (&json!("WARN"), &json!("WARN")));
        assert_eq!(warned.get("warningThreshold").is_some(), dialect == Dialect::Server67);
    }
}

#[test]
fn an_old_server_ignores_branch_and_pull_request() {
    let mut projects = acme(Dialect::Server67);
    projects.submit(Analysis::new("acme_api", Gate::passed()));
    projects.submit(Analysis::of_pull_request("acme_api", "7", Gate::failed()));
    assert_eq!(gate(&mut projects, "projectKey=acme_api&pullRequest=7&branch=x")["status"], "OK");
}

#[test]
fn refuses_bad_parameters_for_a_gate() {
    let mut projects = acme(Dialect::Server2025);
    let one_of = "Either 'analysisId', 'projectId' or 'projectKey' must be provided";
    for (query, status, text) in [
        ("", 400, one_of),
        ("?analysisId=", 400, one_of),
        ("?analysisId=a&projectKey=acme_api", 400, one_of),
        (
            "?projectKey=acme_api&branch=a&pullRequest=1",
            400,
            "Either 'branch' or 'pullRequest' can be provided, not both",
        ),
        ("?analysisId=null", 404, "Analysis with id 'null' is not found"),
        ("?projectKey=none", 404, "Project 'none' not found"),
        ("?projectKey=acme_api&branch=none", 404, "Branch 'none' in project 'acme_api' not found"),
        ("?projectKey=acme_api&pullRequest=9", 404, "Pull request '9' in project 'acme_api' not found"),
    ] {
        let answer = get(&mut projects, &format!("{STATUS}{query}"));
        assert_eq!((answer.status, message(&answer).as_str()), (status, text), "{query}");
    }
    assert_eq!(get(&mut projects, &format!("{STATUS}?projectId=x")).status, 501);
}

#[test]
fn the_gate_stays_among_the_measures_when_its_endpoint_is_removed() {
    let mut projects = acme(Dialect::Cloud);
    let submitted = projects.submit(Analysis::of_pull_request("acme_api", "7", Gate::failed()));
    for (status, text) in [(404, "Unknown url : /api/qualitygates/project_status"), (410, "")] {
        projects.retire_project_status(status);
        let answer = get(&mut projects, &format!("{STATUS}?analysisId={}", submitted.analysis_id));
        assert_eq!(answer.status, status);
        assert!(message(&answer).starts_with(text));
    }
    let path = "/api/measures/component?component=acme_api&pullRequest=7&metricKeys=";
    let answer = parse(&get(&mut projects, &format!("{path}alert_status,quality_gate_details")));
    let measures = &answer["component"]["measures"];
    assert_eq!(measures[0], json!({ "metric": "alert_status", "value": "ERROR" }));
    let details: Value = serde_json::from_str(measures[1]["value"].as_str().unwrap()).unwrap();
    assert_eq!(details["level"], "ERROR");
    assert_eq!(
        details["conditions"][3],
        json!({
            "metric": "new_coverage", "op": "LT", "period": 1, "error": "80",
            "actual": "54.89417989417989", "level": "ERROR",
        })
    );
    let refused = get(&mut projects, &format!("{path}alert_status,nonsense"));
    let text = "The following metric keys are not found: nonsense";
    assert_eq!((refused.status, message(&refused).as_str()), (404, text));
    assert_eq!(get(&mut projects, "/api/measures/component?component=acme_api").status, 400);
    let main = get(&mut projects, "/api/measures/component?component=acme_api&metricKeys=alert_status");
    assert_eq!(parse(&main)["component"]["measures"], json!([]));
}

#[test]
fn shows_components_to_a_token_that_may_browse() {
    let mut projects = acme(Dialect::Server2025);
    let shown = parse(&get(&mut projects, "/api/components/show?component=acme_api"));
    assert_eq!((&shown["component"]["name"], &shown["ancestors"]), (&json!("Acme API"), &json!([])));
    for (query, text) in [
        ("component=none", "Component key 'none' not found"),
        ("component=acme_api&branch=x", "Component 'acme_api' on branch 'x' not found"),
        ("component=acme_api&pullRequest=9", "Component 'acme_api' of pull request '9' not found"),
    ] {
        let answer = get(&mut projects, &format!("/api/components/show?{query}"));
        assert_eq!((answer.status, message(&answer).as_str()), (404, text));
    }
}

#[test]
fn basic_works_everywhere_and_bearer_where_it_is_documented() {
    for dialect in Dialect::ALL {
        let mut projects = acme(dialect);
        let bearer = matches!(dialect, Dialect::Cloud | Dialect::Server2025 | Dialect::Server10);
        for secret in [USER_TOKEN, CLOUD_TOKEN] {
            let path = "/api/components/show?component=acme_api";
            let asked = |projects: &mut Projects, authorization: &str| {
                send(projects, path, Some(authorization)).status
            };
            assert_eq!(asked(&mut projects, &basic(secret, "")), 200);
            assert_eq!(asked(&mut projects, &format!("Bearer {secret}")) == 200, bearer, "{dialect:?}");
            assert_ne!(asked(&mut projects, &basic(secret, "password")), 200);
            assert_ne!(asked(&mut projects, &basic("", secret)), 200);
        }
    }
}

#[test]
fn a_server_answers_401_with_an_empty_body_without_a_valid_token() {
    for dialect in [Dialect::Server2025, Dialect::Server10, Dialect::Server99, Dialect::Server67] {
        let mut projects = acme(dialect);
        projects.add_project("open", "Open", false);
        let bad = basic(REVOKED_SONAR_TOKEN, "");
        for authorization in [None, Some(bad.as_str()), Some("Basic ?"), Some("Digest x")] {
            for path in ["/api/ce/task?id=x", "/api/qualitygates/project_status?projectKey=open"] {
                let answer = send(&mut projects, path, authorization);
                assert_eq!((answer.status, answer.body.len()), (401, 0));
            }
        }
    }
}

#[test]
fn cloud_hides_private_projects_and_shows_no_gate_of_a_public_branch() {
    let mut projects = acme(Dialect::Cloud);
    projects.add_project("open", "Open", false);
    for project in ["acme_api", "open"] {
        projects.submit(Analysis::new(project, Gate::failed()));
        projects.submit(Analysis::of_pull_request(project, "7", Gate::failed()));
    }
    let bad = basic(REVOKED_SONAR_TOKEN, "");
    for authorization in [None, Some(bad.as_str())] {
        let hidden =
            send(&mut projects, &format!("{STATUS}?projectKey=acme_api&pullRequest=7"), authorization);
        assert_eq!((hidden.status, message(&hidden).as_str()), (404, "Project 'acme_api' not found"));
        let shown = send(&mut projects, &format!("{STATUS}?projectKey=open"), authorization);
        assert_eq!(parse(&shown)["projectStatus"]["status"], "ERROR");
        let shown = send(&mut projects, &format!("{STATUS}?projectKey=open&pullRequest=7"), authorization);
        assert_eq!(parse(&shown)["projectStatus"]["status"], "NONE");
        let show = "/api/components/show?component=";
        assert_eq!(send(&mut projects, &format!("{show}acme_api"), authorization).status, 404);
        assert_eq!(send(&mut projects, &format!("{show}open"), authorization).status, 200);
    }
    let id = projects.submit(Analysis::new("open", Gate::failed())).task_id;
    assert_eq!(send(&mut projects, &format!("/api/ce/task?id={id}"), None).status, 403);
}

#[test]
fn tokens_for_analysis_see_the_task_and_the_gate_only() {
    for dialect in Dialect::ALL {
        let mut projects = acme(dialect);
        let api = projects.submit(Analysis::new("acme_api", Gate::passed()));
        let web = projects.submit(Analysis::new("acme_web", Gate::passed()));
        let gates = if matches!(dialect, Dialect::Cloud | Dialect::Server67) { 403 } else { 200 };
        for (secret, others) in [(PROJECT_ANALYSIS_TOKEN, 403), (GLOBAL_ANALYSIS_TOKEN, 200)] {
            let mut ask = |path: String| {
                let answer = send(&mut projects, &path, Some(&basic(secret, "")));
                if answer.status == 403 {
                    assert_eq!(parse(&answer), json!({ "errors": [{ "msg": "Insufficient privileges" }] }));
                }
                answer.status
            };
            assert_eq!(ask(format!("/api/ce/task?id={}", api.task_id)), 200);
            assert_eq!(ask(format!("/api/ce/task?id={}", web.task_id)), others);
            assert_eq!(ask(format!("{STATUS}?analysisId={}", api.analysis_id)), gates, "{dialect:?}");
            assert_eq!(ask(format!("{STATUS}?projectKey=acme_api")), gates, "{dialect:?}");
            assert_eq!(ask(format!("{STATUS}?projectKey=acme_web")), gates.max(others), "{dialect:?}");
            let measures = "/api/measures/component?component=acme_api&metricKeys=alert_status";
            assert_eq!(ask(measures.to_owned()), 403);
            assert_eq!(ask("/api/components/show?component=acme_api".to_owned()), 403);
            assert_eq!(ask("/api/authentication/validate".to_owned()), 200);
        }
    }
}

#[test]
fn says_whether_a_token_is_valid() {
    for dialect in Dialect::ALL {
        let mut projects = acme(dialect);
        let mut valid = |authorization: Option<&str>| {
            let answer = send(&mut projects, "/api/authentication/validate", authorization);
            assert_eq!(answer.status, 200);
            parse(&answer)["valid"].as_bool().unwrap()
        };
        assert!(valid(Some(&basic(USER_TOKEN, ""))));
        assert!(valid(Some(&basic(PROJECT_ANALYSIS_TOKEN, ""))));
        assert!(!valid(Some(&basic(REVOKED_SONAR_TOKEN, ""))));
        assert_eq!(valid(None), dialect == Dialect::Cloud);
    }
}

#[test]
fn version_and_state_need_no_token() {
    let mut projects = acme(Dialect::Server99);
    let version = send(&mut projects, "/api/server/version", None);
    assert_eq!((version.status, version.body.as_slice()), (200, b"9.9.0.65466".as_slice()));
    assert_eq!(version.headers, [("content-type".to_owned(), "text/plain".to_owned())]);
    assert_eq!(parse(&send(&mut projects, "/api/system/status", None))["status"], "UP");
}

#[test]
fn answers_only_known_paths_below_its_base_path() {
    let mut projects = acme(Dialect::Server2025).with_base_path("/sonar");
    assert_eq!(get(&mut projects, "/sonar/api/system/status").status, 200);
    for path in ["/api/system/status", "/sonar//api/system/status", "/sonar/api/rules/search", "/sonar", "/"]
    {
        assert_eq!(get(&mut projects, path).status, 501, "{path}");
    }
    let mut post = request("/sonar/api/system/status", None);
    post.method = "POST".parse().unwrap();
    assert_eq!(projects.answer(&post).status, 501);
}

#[test]
fn a_webhook_holds_the_gate() {
    let mut projects = acme(Dialect::Server2025);
    let submitted = projects.submit(Analysis::of_pull_request("acme_api", "7", Gate::failed()));
    let posted: Value = serde_json::from_str(&projects.webhook(&submitted.task_id)).unwrap();
    assert_eq!((&posted["status"], &posted["taskId"]), (&json!("SUCCESS"), &json!(submitted.task_id)));
    assert_eq!(posted["serverUrl"], PUBLIC_URL);
    assert_eq!(
        posted["branch"],
        json!({
            "name": "7", "type": "PULL_REQUEST", "isMain": false,
            "url": "https://sonar.example/base/dashboard?id=acme_api&pullRequest=7",
        })
    );
    let gate = &posted["qualityGate"];
    assert_eq!((&gate["name"], &gate["status"]), (&json!("Sonar way"), &json!("ERROR")));
    assert_eq!(
        gate["conditions"][3],
        json!({
            "metric": "new_coverage", "operator": "LESS_THAN", "value": "54.89417989417989",
            "status": "ERROR", "errorThreshold": "80",
        })
    );
    assert_eq!(
        gate["conditions"][5],
        json!({
            "metric": "new_security_hotspots_reviewed", "operator": "LESS_THAN", "status": "NO_VALUE",
            "errorThreshold": "100",
        })
    );
}

#[test]
fn a_webhook_names_a_failed_task_and_a_missing_gate() {
    let mut projects = acme(Dialect::Server67);
    let end = End::Failed { message: "no".to_owned() };
    let failed = projects.submit(Analysis { end, ..Analysis::new("acme_api", Gate::passed()) });
    let posted: Value = serde_json::from_str(&projects.webhook(&failed.task_id)).unwrap();
    assert_eq!((&posted["status"], posted.get("qualityGate")), (&json!("FAILED"), None));
    let none = projects.submit(Analysis::new("acme_api", Gate::none()));
    let posted: Value = serde_json::from_str(&projects.webhook(&none.task_id)).unwrap();
    assert_eq!((&posted["status"], posted.get("qualityGate")), (&json!("SUCCESS"), None));
    let old = projects.submit(Analysis::new("acme_api", Gate::warned()));
    let posted: Value = serde_json::from_str(&projects.webhook(&old.task_id)).unwrap();
    let warned = &posted["qualityGate"]["conditions"][7];
    assert_eq!((&warned["onLeakPeriod"], &warned["warningThreshold"]), (&json!(true), &json!("5")));
}

#[test]
#[should_panic(expected = "there is no webhook for")]
fn there_is_no_webhook_before_the_task_ends() {
    let mut projects = acme(Dialect::Cloud);
    let submitted = projects.submit(Analysis { polls: 1, ..Analysis::new("acme_api", Gate::passed()) });
    projects.webhook(&submitted.task_id);
}

#[test]
fn a_gate_is_as_bad_as_its_worst_condition() {
    let condition = |level| Condition::new(level, "coverage", "LT", "80", "1");
    assert_eq!(Gate::of(vec![]).level, Level::Ok);
    assert_eq!(Gate::of(vec![condition(Level::Ok), condition(Level::Warn)]).level, Level::Warn);
    assert_eq!(Gate::of(vec![condition(Level::Error), condition(Level::Warn)]).level, Level::Error);
    let failed = Gate::failed().conditions.iter().filter(|one| one.level == Level::Error).count();
    assert_eq!((failed, Gate::failed().level, Gate::passed().level), (3, Level::Error, Level::Ok));
}

#[test]
fn a_revoked_token_gets_the_same_answer_as_no_token() {
    let mut projects = acme(Dialect::Server2025);
    projects.add_token("squ_new", Token::User);
    let path = "/api/components/show?component=acme_api";
    assert_eq!(send(&mut projects, path, Some("Bearer squ_new")).status, 200);
    projects.revoke("squ_new");
    assert_eq!(send(&mut projects, path, Some("Bearer squ_new")), send(&mut projects, path, None));
}

#[test]
fn secrets_have_the_length_of_real_ones() {
    for (secret, prefix) in [
        (USER_TOKEN, "squ_"),
        (PROJECT_ANALYSIS_TOKEN, "sqp_"),
        (GLOBAL_ANALYSIS_TOKEN, "sqa_"),
        (REVOKED_SONAR_TOKEN, "squ_"),
        (CLOUD_TOKEN, ""),
    ] {
        let digits = secret.strip_prefix(prefix).unwrap();
        assert_eq!(digits.len(), 40);
        assert!(digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{secret}");
    }
}

fn acme(dialect: Dialect) -> Projects {
    Projects::acme(dialect).with_public_url(PUBLIC_URL)
}

fn request(path: &str, authorization: Option<&str>) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert("host", "sonar.test".parse().unwrap());
    if let Some(authorization) = authorization {
        headers.insert("authorization", authorization.parse().unwrap());
    }
    Request {
        scheme: "http",
        method: hyper::Method::GET,
        uri: path.parse().unwrap(),
        headers,
        body: "".into(),
    }
}

fn send(projects: &mut Projects, path: &str, authorization: Option<&str>) -> Answer {
    projects.answer(&request(path, authorization))
}

fn get(projects: &mut Projects, path: &str) -> Answer {
    send(projects, path, Some(&basic(USER_TOKEN, "")))
}

fn gate(projects: &mut Projects, query: &str) -> Value {
    let answer = get(projects, &format!("{STATUS}?{query}"));
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    parse(&answer)["projectStatus"].clone()
}

fn basic(login: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{login}:{password}")))
}

fn parse(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn message(answer: &Answer) -> String {
    parse(answer)["errors"][0]["msg"].as_str().unwrap().to_owned()
}
