//! SonarQube refuses a request, does not answer, or answers in an unknown format.

use sandbox::{Dialect, Gate, PROJECT_ANALYSIS_TOKEN, REVOKED_SONAR_TOKEN};

use crate::run::{Fault, Folder, Gatepost, acme, after_scan, assert_told, scanned};

use super::{of_pull_request, shown, sonarqube};

#[test]
fn a_refusal_of_sonarqube_is_explained_and_posted_as_failed() {
    let told = |dialect, set: fn(Gatepost) -> Gatepost| {
        let (sandbox, sonarqube) = (acme(), sonarqube(dialect));
        let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
        let run = set(after_scan(&sandbox, &folder)).run();
        assert_eq!((run.code, shown(&sandbox).state.as_str()), (3, "FAILED"), "{}", run.output);
        run.told()
    };
    insta::assert_snapshot!(told(Dialect::Server2025, |run| run.set("SONAR_TOKEN", REVOKED_SONAR_TOKEN)), @r#"
    gatepost 0.1.0: the quality gate of .scannerwork/report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    SonarQube at http://127.0.0.1:PORT/ (serverUrl of report-task.txt) gets SONAR_TOKEN
    ✖ failed to ask for the analysis task: SonarQube answered 401 Unauthorized
      sent:     GET http://127.0.0.1:PORT/api/ce/task?id=096867c0-48ff-223a-fcca-d2b4045ead97 with the token (SONAR_TOKEN)
      answered: 401 Unauthorized, an empty body
      address:  http://127.0.0.1:PORT comes from serverUrl of report-task.txt; pass SONAR_HOST_URL if SonarQube has another address for this machine
      why:      SonarQube does not accept SONAR_TOKEN: it has expired, was revoked, belongs to another server, or was copied incompletely
      to do:    create a token in SonarQube (My Account > Security) and save it in SONAR_TOKEN; check that it belongs to the server http://127.0.0.1:PORT
    ! the status does not link to SonarQube's dashboard "http://127.0.0.1:PORT/dashboard?id=acme_api&pullRequest=7", which is the address of this machine itself: Bitbucket refuses such addresses; set the server's public address in SonarQube (Administration > General > Server base URL), or pass URL
      status:   Sonar: acme_api (key sonar-acme_api): No verdict: SonarQube does not accept this pipeline's token
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no verdict of SonarQube
    exit code 3
    "#);
    insta::assert_snapshot!(told(Dialect::Server99, |run| run.unset("SONAR_TOKEN")), @r#"
    gatepost 0.1.0: the quality gate of .scannerwork/report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    SonarQube at http://127.0.0.1:PORT/ (serverUrl of report-task.txt) is asked without a token
    ✖ failed to ask for the analysis task: SonarQube answered 401 Unauthorized
      sent:     GET http://127.0.0.1:PORT/api/ce/task?id=OWY4ZTAwYzg4Y2YyYTMz without a token (SONAR_TOKEN is not set)
      answered: 401 Unauthorized, an empty body
      why:      SonarQube requires a token for this
      to do:    pass SONAR_TOKEN; if a secured variable holds it, check that the pipe's `variables:` names it
    ! the status does not link to SonarQube's dashboard "http://127.0.0.1:PORT/dashboard?id=acme_api&pullRequest=7", which is the address of this machine itself: Bitbucket refuses such addresses; set the server's public address in SonarQube (Administration > General > Server base URL), or pass URL
      status:   Sonar: acme_api (key sonar-acme_api): No verdict: SonarQube requires a token
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no verdict of SonarQube
    exit code 3
    "#);
    insta::assert_snapshot!(told(Dialect::Server67, |run| run.set("SONAR_TOKEN", PROJECT_ANALYSIS_TOKEN)), @r#"
    gatepost 0.1.0: the quality gate of .scannerwork/report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    SonarQube at http://127.0.0.1:PORT/ (serverUrl of report-task.txt) gets SONAR_TOKEN
    ✖ failed to ask for the quality gate: SonarQube answered 403 Forbidden
      sent:     GET http://127.0.0.1:PORT/api/qualitygates/project_status?analysisId=ZDFhOTgwYjI0NWQ2ZTI3 with the token (SONAR_TOKEN)
      answered: 403 Forbidden, "Insufficient privileges"
      why:      the token may not read this: its account needs 'Execute Analysis' or 'Browse' on the project, and a project analysis token only reads its own project
      to do:    use the token that the scanner uses, or the token of an account with these permissions (Project Settings > Permissions)
    ! the status does not link to SonarQube's dashboard "http://127.0.0.1:PORT/dashboard?id=acme_api&pullRequest=7", which is the address of this machine itself: Bitbucket refuses such addresses; set the server's public address in SonarQube (Administration > General > Server base URL), or pass URL
      status:   Sonar: acme_api (key sonar-acme_api): No verdict: this pipeline's token may not read the analysis in SonarQube
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no verdict of SonarQube
    exit code 3
    "#);
}

#[test]
fn an_unusual_or_unusable_answer_is_posted_as_failed() {
    let many =
        format!(r#"{{"projectStatus":{{"status":"ERROR","conditions":[{}{{}}]}}}}"#, "{},".repeat(49_999));
    for (task, gate, code, words) in [
        ("{}", "", 3, "No verdict: SonarQube gives an answer that cannot be read"),
        ("<html>", "", 3, "No verdict: a web page answers in place of SonarQube"),
        (
            r#"{"task":{"status":"SUCCESS"}}"#,
            r#"{"projectStatus":{}}"#,
            3,
            "No verdict: the state of the quality gate is not known: acme_api, pull request 7",
        ),
        (
            r#"{"task":{"status":"SUCCESS","analysisId":7}}"#,
            r#"{"projectStatus":{"status":"GREAT","conditions":[]}}"#,
            3,
            "No verdict: the state of the quality gate is not known: acme_api, pull request 7",
        ),
        (
            r#"{"task":{"status":"SUCCESS","analysisId":"x y&z"}}"#,
            r#"{"projectStatus":{"status":"ERROR","conditions":[{"status":"ERROR","metricKey":"new_coverage","comparator":"LT","errorThreshold":80,"actualValue":12.5}]}}"#,
            1,
            "12.5% Coverage on New Code (is less than 80%)",
        ),
        (
            r#"{"task":{"status":"SUCCESS","analysisId":"x"}}"#,
            r#"{"projectStatus":{"status":"ERROR"}}"#,
            1,
            "Quality gate failed: acme_api, pull request 7",
        ),
        (
            r#"{"task":{"status":"SUCCESS","analysisId":"x"}}"#,
            &many,
            1,
            "Quality gate failed: acme_api, pull request 7",
        ),
    ] {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
        let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
        for body in [task, gate] {
            sonarqube.fault(Fault::Answer { status: 200, headers: vec![], body: body.into() });
        }
        let run = after_scan(&sandbox, &folder).run();
        assert_eq!(run.code, code, "{task} {gate:.80}: {}", run.output);
        assert_eq!(shown(&sandbox).description.as_deref(), Some(words), "{}", run.output);
        assert!(run.output.len() < 6_000, "{}", run.output.len());
    }
}

#[test]
fn an_unreachable_server_is_posted_as_failed() {
    let (sandbox, folder) = (acme(), Folder::new());
    let _ = folder.write(".scannerwork/report-task.txt", b"ceTaskId=x\nserverUrl=http://127.0.0.1:9\n");
    let run = after_scan(&sandbox, &folder).set("TIMEOUT", "1").run();
    assert_told(&run, 3, &["no connection (Connection refused", "check SONAR_HOST_URL"]);
    assert_eq!(shown(&sandbox).state, "FAILED");
}

#[test]
fn an_answer_with_unknown_words_is_posted_as_failed() {
    let gate = r#"{"projectStatus":{"status":"ERROR","conditions":[{"status":"MAYBE","metricKey":"new_thing","comparator":"XOR","errorThreshold":"1","actualValue":"2"},{"status":"ERROR","metricKey":"new_thing","comparator":"XOR","errorThreshold":"1","actualValue":"2"}]}}"#;
    for (task, code, words) in [
        (r#"{"task":{"status":"SUCCESS","analysisId":"x"}}"#, 1, "2 new thing (does not fit 1)"),
        (r#"{"task":{"status":"RESTING"}}"#, 5, "The analysis did not finish within 1 s (resting)"),
    ] {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
        let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
        sonarqube.fault(Fault::Answer { status: 200, headers: vec![], body: task.into() });
        let then = if code == 1 { gate } else { task };
        sonarqube.fault_always(Fault::Answer { status: 200, headers: vec![], body: then.into() });
        let run = after_scan(&sandbox, &folder).set("SONAR_TIMEOUT", "1").run();
        assert_eq!(run.code, code, "{}", run.output);
        assert_eq!(shown(&sandbox).description.as_deref(), Some(words));
    }
}

#[test]
fn an_answer_longer_than_1_mib_is_posted_as_failed() {
    let condition = r#"{"status":"ERROR","metricKey":"new_violations","comparator":"GT","errorThreshold":"0","actualValue":"14"}"#;
    let body = format!(
        r#"{{"projectStatus":{{"status":"ERROR","conditions":[{}]}}}}"#,
        vec![condition; 50_000].join(",")
    );
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
    let task = r#"{"task":{"status":"SUCCESS","analysisId":"x"}}"#;
    for body in [task, &body] {
        sonarqube.fault(Fault::Answer { status: 200, headers: vec![], body: body.into() });
    }
    let run = after_scan(&sandbox, &folder).run();
    assert_told(&run, 3, &["but the answer is longer than 1 MiB"]);
    assert_eq!(shown(&sandbox).state, "FAILED");
}

#[test]
fn html_pages_redirects_and_rate_limits_are_explained() {
    let page = "<html><title>Sign in</title></html>";
    for (fault, told) in [
        (
            Fault::Answer { status: 403, headers: vec![], body: page.into() },
            "403 Forbidden, an HTML page with the title \"Sign in\"",
        ),
        (
            Fault::redirect("https://sonar.acme.example/login"),
            "the answer points to https://sonar.acme.example/login, a login page",
        ),
        (Fault::rate_limited_with("3600"), "SonarQube asks to try again in N s"),
    ] {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
        let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
        sonarqube.fault(fault);
        let run = after_scan(&sandbox, &folder).run();
        assert_told(&run, 3, &[told]);
        assert_eq!(shown(&sandbox).state, "FAILED");
    }
}
