//! The body of SonarQube's webhook in place of report-task.txt.

use sandbox::{Dialect, Gate};

use crate::run::{Folder, acme, after_scan, assert_told};

use super::{of_pull_request, shown, sonarqube};

#[test]
fn a_webhook_body_needs_no_request_to_sonarqube() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let submitted = sonarqube.submit(of_pull_request(Gate::failed()));
    let webhook = sonarqube.projects(|projects| projects.webhook(&submitted.task_id));
    let folder = Folder::new();
    let _ = folder.write("webhook.json", webhook.as_bytes());
    let run =
        after_scan(&sandbox, &folder).unset("SONAR_TOKEN").set("SONAR_REPORT_TASK", "webhook.json").run();
    assert_told(&run, 1, &["quality gate failed: acme_api, pull request 7"]);
    assert_eq!(shown(&sandbox).state, "FAILED");
    assert!(sonarqube.requests().is_empty());
}

#[test]
fn a_webhook_body_is_accepted_only_when_sonar_report_task_names_it() {
    let (sandbox, folder) = (acme(), Folder::new());
    let webhook = br#"{"status":"SUCCESS","qualityGate":{"status":"OK"}}"#;
    let _ = folder.write(".scannerwork/report-task.txt", webhook);
    let run = after_scan(&sandbox, &folder);
    assert_told(&run.run(), 3, &["has no ceTaskId"]);
    let named = run.set("SONAR_REPORT_TASK", ".scannerwork/report-task.txt").run();
    assert_told(&named, 0, &["quality gate passed: main branch"]);
}

#[test]
fn a_webhook_about_another_commit_is_a_warning() {
    let (sandbox, folder) = (acme(), Folder::new());
    let commit = sandbox.head("acme/api", "feature/login");
    for (revision, warned) in
        [(commit.as_str(), false), ("0123456789abcdef0123456789abcdef01234567", true), ("r42", false)]
    {
        let webhook =
            format!(r#"{{"status":"SUCCESS","revision":"{revision}","qualityGate":{{"status":"OK"}}}}"#);
        let _ = folder.write("webhook.json", webhook.as_bytes());
        let run = after_scan(&sandbox, &folder).set("SONAR_REPORT_TASK", "webhook.json").run();
        assert_eq!(
            (run.code, run.output.contains("! the analysis is of commit ")),
            (0, warned),
            "{}",
            run.output
        );
    }
}

#[test]
fn an_unusual_webhook_is_never_posted_as_successful() {
    for (webhook, code, words) in [
        (
            r#"{"status":"SUCCESS","qualityGate":{}}"#,
            3,
            "No verdict: the state of the quality gate is not known: main branch",
        ),
        (
            r#"{"status":"SUCCESS","qualityGate":{"status":"GREAT","conditions":null}}"#,
            3,
            "No verdict: the state of the quality gate is not known: main branch",
        ),
        (r#"{"status":"SUCCESS"}"#, 1, "No quality gate was computed: main branch"),
        (r#"{"status":"FAILED","project":{"key":5}}"#, 3, "The analysis failed"),
        (
            r#"{"status":"GREAT"}"#,
            3,
            "webhook.json is JSON, but not from a webhook of SonarQube: its status is not known",
        ),
        (
            r#"{"status":"SUCCESS","qualityGate":{"status":"ERROR","conditions":[{"metric":"coverage","operator":"LESS_THAN","value":12.3,"status":"ERROR","errorThreshold":80}]}}"#,
            1,
            "12.3% Coverage (is less than 80%)",
        ),
    ] {
        let (sandbox, folder) = (acme(), Folder::new());
        let _ = folder.write("webhook.json", webhook.as_bytes());
        let run = after_scan(&sandbox, &folder).set("SONAR_REPORT_TASK", "webhook.json").run();
        assert_eq!(run.code, code, "{webhook}: {}", run.output);
        let status = shown(&sandbox);
        assert_eq!((status.state.as_str(), status.description.as_deref()), ("FAILED", Some(words)));
    }
}
