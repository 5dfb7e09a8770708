//! Several analyses in one run.

use std::time::Duration;

use sandbox::{Analysis, Dialect, End, Gate};

use crate::run::{Fault, Folder, acme, after_scan, assert_told};

use super::{of_pull_request, sonarqube};

#[test]
fn each_analysis_gets_its_own_status_although_one_file_is_bad() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let api = sonarqube.submit(of_pull_request(Gate::failed()));
    let web = sonarqube.submit(Analysis::of_pull_request("acme_web", "7", Gate::passed()));
    let folder = Folder::new();
    let _ = folder.write("api/.scannerwork/report-task.txt", api.report_task.as_bytes());
    let _ = folder.write("bad/.scannerwork/report-task.txt", b"projectKey=acme_bad\n");
    let _ = folder.write("web/.scannerwork/report-task.txt", web.report_task.as_bytes());
    let run = after_scan(&sandbox, &folder).run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: the quality gate of 3 analyses for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    SonarQube at http://127.0.0.1:PORT/ (serverUrl of report-task.txt) gets SONAR_TOKEN
    ✖ bad/.scannerwork/report-task.txt has no ceTaskId: it was not written by a scanner, or it is incomplete
      why:      a scanner writes this file when SonarQube has accepted its analysis; this one cannot be used
      to do:    check what the scanner left there, or pass SONAR_REPORT_TASK
    quality gate failed: acme_api, pull request 7
      ✖ Reliability Rating on New Code                 C  A or better
      ✖ New Issues                                     3  at most 0
      ✖ Coverage on New Code                       54.9%  at least 80%
      ✔ Security Rating on New Code                    A  A or better
      ✔ Maintainability Rating on New Code             A  A or better
      ✔ Duplicated Lines on New Code                0.7%  at most 3%
      ✔ Security Hotspots Reviewed on New Code  no value  at least 100%
    ! the status does not link to SonarQube's dashboard "http://127.0.0.1:PORT/dashboard?id=acme_api&pullRequest=7", which is the address of this machine itself: Bitbucket refuses such addresses; set the server's public address in SonarQube (Administration > General > Server base URL), or pass URL
    quality gate passed: acme_web, pull request 7
      ✔ Reliability Rating on New Code                 A  A or better
      ✔ Security Rating on New Code                    A  A or better
      ✔ Maintainability Rating on New Code             A  A or better
      ✔ Coverage on New Code                       91.3%  at least 80%
      ✔ Duplicated Lines on New Code                0.7%  at most 3%
      ✔ Security Hotspots Reviewed on New Code  no value  at least 100%
      ✔ New Issues                                     0  at most 0
    ! the status does not link to SonarQube's dashboard "http://127.0.0.1:PORT/dashboard?id=acme_web&pullRequest=7", which is the address of this machine itself: Bitbucket refuses such addresses; set the server's public address in SonarQube (Administration > General > Server base URL), or pass URL
      status:   Sonar: acme_api (key sonar-acme_api): C Reliability Rating on New Code (is worse than A), 3 New Issues (is greater than 0), 54.9% Coverage on New Code (is less than 80%)
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: the quality gate is not green (FAIL_ON_RED_GATE: false keeps the step green)
      status:   Sonar: acme_web (key sonar-acme_web): Quality gate passed: acme_web, pull request 7
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✔ posted SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
      status:   Sonar (key sonar): bad/.scannerwork/report-task.txt has no ceTaskId: it was not written by a scanner, or it is incomplete
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no verdict of SonarQube
    ✖ 3 of 3 statuses posted, 1 without a green quality gate, 1 without a verdict of SonarQube
    exit code 3
    "#);
    let mut statuses: Vec<_> = sandbox
        .pull_request_statuses("acme/api", 7)
        .into_iter()
        .map(|status| (status.key, status.name.unwrap(), status.state))
        .collect();
    statuses.sort();
    let status = |key: &str, name: &str, state: &str| (key.to_owned(), name.to_owned(), state.to_owned());
    assert_eq!(
        statuses,
        [
            status("sonar", "Sonar", "FAILED"),
            status("sonar-acme_api", "Sonar: acme_api", "FAILED"),
            status("sonar-acme_web", "Sonar: acme_web", "SUCCESSFUL"),
        ]
    );
}

#[test]
fn a_failed_task_does_not_stop_the_others() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let end = End::Failed { message: "out of disk".to_owned() };
    let api = sonarqube.submit(Analysis { end, ..of_pull_request(Gate::passed()) });
    let web = sonarqube.submit(Analysis::of_pull_request("acme_web", "7", Gate::passed()));
    let folder = Folder::new();
    let _ = folder.write("api/target/sonar/report-task.txt", api.report_task.as_bytes());
    let _ = folder.write("web/build/sonar/report-task.txt", web.report_task.as_bytes());
    let run = after_scan(&sandbox, &folder).run();
    assert_told(&run, 3, &["✖ 2 of 2 statuses posted"]);
    let states: Vec<_> = sandbox
        .pull_request_statuses("acme/api", 7)
        .into_iter()
        .map(|status| (status.key, status.state))
        .collect();
    assert!(states.contains(&("sonar-acme_api".to_owned(), "FAILED".to_owned())), "{states:?}");
    assert!(states.contains(&("sonar-acme_web".to_owned(), "SUCCESSFUL".to_owned())), "{states:?}");
}

#[test]
fn several_statuses_are_recorded_and_resumed() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = Folder::new();
    for project in ["acme_api", "acme_web"] {
        let submitted = sonarqube.submit(Analysis::of_pull_request(project, "7", Gate::passed()));
        let _ = folder
            .write(&format!("{project}/.scannerwork/report-task.txt"), submitted.report_task.as_bytes());
    }
    let run = after_scan(&sandbox, &folder).set("RESULT_FILE", "results.jsonl").set("RESUME", "true");
    assert_told(&run.run(), 0, &["✔ 2 of 2 statuses posted"]);
    assert_eq!(folder.read("results.jsonl").lines().count(), 2);
    assert_told(&run.run(), 0, &["✔ skipped SUCCESSFUL"]);
    // Both runs look at the date of the commit, once.
    assert_eq!((sandbox.requests().len(), folder.read("results.jsonl").lines().count()), (4, 2));
}

/// The last line is about all statuses, also about those that nobody knows of.
#[test]
fn a_status_whose_answer_is_another_one_is_counted_in_the_last_line() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = Folder::new();
    for project in ["acme_api", "acme_web"] {
        let submitted = sonarqube.submit(Analysis::of_pull_request(project, "7", Gate::passed()));
        let _ = folder
            .write(&format!("{project}/.scannerwork/report-task.txt"), submitted.report_task.as_bytes());
    }
    let other = Fault::Altered(serde_json::json!({ "key": "lint" }));
    sandbox.fault_always(Fault::Within("sonar-acme_web", Box::new(other)));
    let run = after_scan(&sandbox, &folder).run();
    assert_told(&run, 4, &["✖ 1 of 2 statuses posted, 1 not known to be posted\n"]);
}

#[test]
fn an_unreachable_server_is_waited_for_once() {
    let (sandbox, folder) = (acme(), Folder::new());
    for place in ["a", "b", "c"] {
        let file = format!("{place}/.scannerwork/report-task.txt");
        let _ = folder.write(&file, b"ceTaskId=x\nserverUrl=http://127.0.0.1:9\n");
    }
    let run = after_scan(&sandbox, &folder).set("TIMEOUT", "6").run();
    assert_eq!(run.code, 3, "{}", run.output);
    assert!(run.took < Duration::from_secs(14), "{:?}", run.took);
}
