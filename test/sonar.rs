//! SonarQube's verdict becomes the status.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use sandbox::{
    Analysis, CLOUD_TOKEN, Condition, Dialect, End, GLOBAL_ANALYSIS_TOKEN, Gate, Level,
    PROJECT_ANALYSIS_TOKEN, Projects, REVOKED_SONAR_TOKEN, SonarQube, Status, USER_TOKEN,
};

use crate::proxy::Proxy;
use crate::run::{
    Fault, Folder, Gatepost, Run, Sandbox, acme, after_scan, assert_told, in_pull_request_build, scanned,
    stopped_by,
};

fn sonarqube(dialect: Dialect) -> SonarQube {
    SonarQube::start(Projects::acme(dialect))
}

fn of_pull_request(gate: Gate) -> Analysis {
    Analysis::of_pull_request("acme_api", "7", gate)
}

/// The one status that the pull request has.
fn shown(sandbox: &Sandbox) -> Status {
    let mut statuses = sandbox.pull_request_statuses("acme/api", 7);
    assert_eq!(statuses.len(), 1, "{statuses:#?}");
    statuses.remove(0)
}

/// Cloud is reached by its own name, through a proxy that leads to this machine.
fn on_cloud(gatepost: Gatepost, sonarqube: &SonarQube) -> Gatepost {
    let proxy = Proxy::to(sonarqube.https_port());
    gatepost
        .set("SONAR_TOKEN", CLOUD_TOKEN)
        .set("SONAR_HOST_URL", "https://sonarcloud.io")
        .set("SONAR_ROOT_CERT", sonarqube.root_certificate_pem())
        .set("HTTPS_PROXY", format!("http://127.0.0.1:{}", proxy.port))
}

fn paths(sonarqube: &SonarQube) -> Vec<String> {
    sonarqube.requests().into_iter().map(|request| request.path).collect()
}

/// A whole run after one scan: what SonarQube computed, and what the commit got.
fn run_after(analysis: Analysis) -> (Run, Status) {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(analysis));
    let run = after_scan(&sandbox, &folder).run();
    (run, shown(&sandbox))
}

#[test]
fn a_red_gate_is_told_with_its_conditions_in_three_requests() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let submitted = sonarqube.submit(of_pull_request(Gate::failed()));
    let folder = scanned(".scannerwork", &submitted);
    let run = after_scan(&sandbox, &folder).run();
    insta::assert_snapshot!(run.told(), @r#"
    gatepost 0.1.0: the quality gate of .scannerwork/report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    quality gate failed: acme_api, pull request 7
      ✖ Reliability Rating on New Code                 C  A or better
      ✖ Coverage on New Code                       54.9%  at least 80%
      ✖ New Issues                                     3  at most 0
      ✔ Security Rating on New Code                    A  A or better
      ✔ Maintainability Rating on New Code             A  A or better
      ✔ Duplicated Lines on New Code                0.7%  at most 3%
      ✔ Security Hotspots Reviewed on New Code  no value  at least 100%
    ! the status does not link to SonarQube's dashboard "http://127.0.0.1:PORT/dashboard?id=acme_api&pullRequest=7", which is this machine's own address: Bitbucket refuses such addresses; set the server's public address in SonarQube (Administration > General > Server base URL), or pass URL
      status:   Sonar (key sonar): 3 New Issues (is greater than 0), C Reliability Rating on New Code (is worse than A), 54.9% Coverage on New Code (is less than 80%)
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no green quality gate (FAIL_ON_RED_GATE: false keeps the step green)
    exit code 1
    "#);
    let status = shown(&sandbox);
    assert_eq!((status.state.as_str(), status.key.as_str()), ("FAILED", "sonar"));
    insta::assert_snapshot!(status.description.unwrap(), @"3 New Issues (is greater than 0), C Reliability Rating on New Code (is worse than A), 54.9% Coverage on New Code (is less than 80%)");
    assert_eq!(sonarqube.requests().len() + sandbox.requests().len(), 3, "task, gate, status");
    assert!(paths(&sonarqube)[1].contains(&format!("analysisId={}", submitted.analysis_id)));
}

#[test]
fn a_green_gate_is_green() {
    let (run, status) = run_after(of_pull_request(Gate::passed()));
    assert_eq!(run.code, 0, "{}", run.output);
    assert_eq!(status.state, "SUCCESSFUL");
    assert_eq!(status.description.as_deref(), Some("Quality gate passed: acme_api, pull request 7"));
}

#[test]
fn an_advisory_gate_is_red_and_the_step_stays_green() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::failed())));
    let run = after_scan(&sandbox, &folder).set("FAIL_ON_RED_GATE", "false").run();
    assert_told(&run, 0, &["✔ posted FAILED on acme/api"]);
    assert_eq!(shown(&sandbox).state, "FAILED");
}

#[test]
fn every_dialect_is_understood() {
    for dialect in Dialect::ALL {
        for (gate, state, code) in [(Gate::failed(), "FAILED", 1), (Gate::passed(), "SUCCESSFUL", 0)] {
            let (sandbox, sonarqube) = (acme(), sonarqube(dialect));
            let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(gate)));
            let token = if dialect == Dialect::Cloud { CLOUD_TOKEN } else { USER_TOKEN };
            let run = after_scan(&sandbox, &folder).set("SONAR_TOKEN", token).run();
            assert_eq!(run.code, code, "{dialect:?}: {}", run.output);
            assert_eq!(shown(&sandbox).state, state, "{dialect:?}");
            assert_eq!(sonarqube.requests().len(), 2, "{dialect:?}");
        }
    }
}

#[test]
fn a_warning_of_an_old_server_is_green_and_named() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server67));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::warned())));
    let run = after_scan(&sandbox, &folder).run();
    assert_told(&run, 0, &["quality gate passed with a warning"]);
    let status = shown(&sandbox);
    assert_eq!(status.state, "SUCCESSFUL");
    assert!(status.description.unwrap().starts_with("Quality gate passed with a warning: "));
}

#[test]
fn the_token_is_sent_as_the_server_takes_it() {
    for (dialect, scheme) in
        [(Dialect::Server2025, "Bearer "), (Dialect::Server10, "Bearer "), (Dialect::Server99, "Basic ")]
    {
        let (sandbox, sonarqube) = (acme(), sonarqube(dialect));
        let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
        assert_eq!(after_scan(&sandbox, &folder).run().code, 0);
        for request in sonarqube.requests() {
            assert!(request.authorization.unwrap().starts_with(scheme), "{dialect:?}");
        }
        let bitbucket = &sandbox.requests()[0];
        assert_eq!(bitbucket.authorization, Some(format!("Bearer {}", sandbox::REPOSITORY_TOKEN)));
    }
}

#[test]
fn an_analysis_token_is_enough() {
    for token in [PROJECT_ANALYSIS_TOKEN, GLOBAL_ANALYSIS_TOKEN] {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
        let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::failed())));
        let run = after_scan(&sandbox, &folder).set("SONAR_TOKEN", token).run();
        assert_eq!(run.code, 1, "{}", run.output);
    }
}

#[test]
fn an_analysis_that_takes_its_time_is_waited_for() {
    let analysis = Analysis { polls: 3, ..of_pull_request(Gate::passed()) };
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(analysis));
    let run = after_scan(&sandbox, &folder).run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
    let requests = sonarqube.requests();
    assert_eq!(requests.len(), 5, "three times not yet, then done, then the gate");
    let pauses: Vec<_> = requests.windows(2).map(|pair| pair[1].received - pair[0].received).collect();
    assert!(pauses[0] >= Duration::from_millis(500) && pauses[1] > pauses[0], "{pauses:?}");
}

#[test]
fn the_time_limit_of_a_request_does_not_end_the_wait() {
    let analysis = Analysis { polls: 4, ..of_pull_request(Gate::passed()) };
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(analysis));
    let run = after_scan(&sandbox, &folder).set("TIMEOUT", "1").run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
    assert!(run.took > Duration::from_secs(2), "{:?}", run.took);
}

#[test]
fn an_analysis_that_does_not_end_in_time_is_a_final_state() {
    let analysis = Analysis { polls: u32::MAX, ..of_pull_request(Gate::passed()) };
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(analysis));
    let run = after_scan(&sandbox, &folder).set("SONAR_TIMEOUT", "2").run();
    assert_told(&run, 5, &["✖ posted FAILED on acme/api"]);
    assert!(run.took >= Duration::from_secs(2) && run.took < Duration::from_secs(5), "{:?}", run.took);
    let status = shown(&sandbox);
    assert_eq!(status.description.as_deref(), Some("The analysis did not finish within 2 s (in progress)"));
}

#[test]
fn an_analysis_that_ends_otherwise_is_a_final_state() {
    for (end, words) in [
        (
            End::Failed { message: "Fail to read\nthe report".to_owned() },
            "The analysis failed: Fail to read the report",
        ),
        (End::Canceled, "The analysis was cancelled"),
        (
            End::Vanishes,
            "No verdict of SonarQube: failed to ask for the analysis task: SonarQube answered 404 Not Found",
        ),
    ] {
        let (run, status) = run_after(Analysis { polls: 1, end, ..of_pull_request(Gate::passed()) });
        assert_told(&run, 3, &["there is no verdict of SonarQube"]);
        assert_eq!((status.state.as_str(), status.description.as_deref()), ("FAILED", Some(words)));
    }
}

#[test]
fn without_a_gate_the_status_is_what_the_user_says() {
    for (on_no_gate, state, code) in
        [(None, "FAILED", 1), (Some("successful"), "SUCCESSFUL", 0), (Some("stopped"), "STOPPED", 0)]
    {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
        let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::none())));
        let mut run = after_scan(&sandbox, &folder);
        if let Some(wanted) = on_no_gate {
            run = run.set("ON_NO_GATE", wanted);
        }
        assert_eq!(run.run().code, code);
        let status = shown(&sandbox);
        assert_eq!(status.state, state);
        assert_eq!(
            status.description.as_deref(),
            Some("No quality gate was computed: acme_api, pull request 7")
        );
    }
}

#[test]
fn no_gate_for_a_token_that_is_none_is_a_refusal() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Cloud));
    sonarqube.projects(|projects| {
        projects.add_project("open", "Open", false);
    });
    sonarqube.submit(Analysis::of_pull_request("open", "7", Gate::failed()));
    let run = in_pull_request_build(&sandbox)
        .unset("STATE")
        .set("SONAR_TOKEN", REVOKED_SONAR_TOKEN)
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("SONAR_PROJECT_KEY", "open")
        .set("SONAR_PULL_REQUEST", "7")
        .run();
    assert_told(&run, 3, &["✖ SonarQube says that SONAR_TOKEN is not valid"]);
    assert_eq!(shown(&sandbox).description.as_deref(), Some("SonarQube does not accept SONAR_TOKEN"));
}

#[test]
fn every_usual_place_is_found() {
    for place in [
        ".scannerwork",
        "target/sonar",
        "build/sonar",
        ".sonarqube/out/.sonar",
        ".sonar",
        "services/api/target/sonar",
    ] {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
        let folder = scanned(place, &sonarqube.submit(of_pull_request(Gate::passed())));
        let run = after_scan(&sandbox, &folder).run();
        assert_told(&run, 0, &[&format!("the quality gate of {place}/report-task.txt for acme/api")]);
    }
}

#[test]
fn other_places_are_named() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned("handed/on", &sonarqube.submit(of_pull_request(Gate::passed())));
    let whole = folder.path().join("handed/on/report-task.txt");
    let everywhere = folder.path().join("**/report-task.txt");
    for (name, value) in [
        ("SONAR_REPORT_TASK", "handed/on/report-task.txt".into()),
        ("SONAR_REPORT_TASK", "handed/on".into()),
        ("SONAR_REPORT_TASK", "handed/*/report-task.txt".into()),
        ("SONAR_REPORT_TASK", "**/report-*.txt".into()),
        ("SONAR_REPORT_TASK", whole.into_os_string()),
        ("SONAR_REPORT_TASK", everywhere.into_os_string()),
        ("SONAR_REPORT_TASK_0", "handed/on/report-task.txt".into()),
    ] {
        let value: std::ffi::OsString = value;
        let run = after_scan(&sandbox, &folder).set("SONAR_REPORT_TASK_COUNT", "1").set(name, &value).run();
        assert_eq!(run.code, 0, "{name}={}: {}", value.display(), run.output);
    }
    let nothing = after_scan(&sandbox, &folder).run();
    insta::assert_snapshot!(nothing.told(), @"
    ✖ STATE is not set, and there is nothing to ask SonarQube about: no report-task.txt in .scannerwork, target/sonar, build/sonar, .sonarqube/out/.sonar or .sonar, here or below
      accepted: a report-task.txt, SONAR_REPORT_TASK, SONAR_PROJECT_KEY, or STATE: SUCCESSFUL, FAILED, INPROGRESS, STOPPED, an everyday word for one of them (passed, error, running, cancelled ...), or an exit code from 0 to 255
      to do:    run the pipe where the scanner ran, hand report-task.txt on as an artifact, or pass SONAR_REPORT_TASK; in after-script pass `SCAN_EXIT_CODE: $BITBUCKET_EXIT_CODE`
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    ");
    fs::create_dir(folder.path().join("empty")).unwrap();
    let empty = after_scan(&sandbox, &folder).set("SONAR_REPORT_TASK", "empty").run();
    assert_told(&empty, 2, &["✖ SONAR_REPORT_TASK names \"empty/report-task.txt\", which cannot be read"]);
    let missing =
        after_scan(&sandbox, &folder).set("SONAR_REPORT_TASK", "elsewhere/report-task.txt, **/nothing").run();
    insta::assert_snapshot!(missing.told(), @r#"
    ✖ SONAR_REPORT_TASK names "elsewhere/report-task.txt", which cannot be read: No such file or directory (os error 2)
      accepted: paths or globs of report-task.txt or of a webhook's JSON, as a list or separated by commas
      to do:    see where the scanner leaves it (.scannerwork, target/sonar, build/sonar ...), relative to the pipe's working directory; from another step it has to be an artifact
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
}

#[test]
fn a_link_that_leads_outside_is_not_followed() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let outside = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
    let folder = Folder::new();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("linked")).unwrap();
    fs::create_dir(folder.path().join(".scannerwork")).unwrap();
    std::os::unix::fs::symlink(
        outside.path().join(".scannerwork/report-task.txt"),
        folder.path().join(".scannerwork/report-task.txt"),
    )
    .unwrap();
    assert_eq!(after_scan(&sandbox, &folder).run().code, 2);
    assert!(sonarqube.requests().is_empty());
}

#[test]
fn several_analyses_are_several_statuses_and_one_bad_file_stops_none() {
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
    quality gate failed: acme_api, pull request 7
      ✖ Reliability Rating on New Code                 C  A or better
      ✖ Coverage on New Code                       54.9%  at least 80%
      ✖ New Issues                                     3  at most 0
      ✔ Security Rating on New Code                    A  A or better
      ✔ Maintainability Rating on New Code             A  A or better
      ✔ Duplicated Lines on New Code                0.7%  at most 3%
      ✔ Security Hotspots Reviewed on New Code  no value  at least 100%
    ! the status does not link to SonarQube's dashboard "http://127.0.0.1:PORT/dashboard?id=acme_api&pullRequest=7", which is this machine's own address: Bitbucket refuses such addresses; set the server's public address in SonarQube (Administration > General > Server base URL), or pass URL
    ✖ bad/.scannerwork/report-task.txt has no ceTaskId: it is not the file that a scanner writes, or not whole
    quality gate passed: acme_web, pull request 7
      ✔ Reliability Rating on New Code                 A  A or better
      ✔ Security Rating on New Code                    A  A or better
      ✔ Maintainability Rating on New Code             A  A or better
      ✔ Coverage on New Code                       91.3%  at least 80%
      ✔ Duplicated Lines on New Code                0.7%  at most 3%
      ✔ Security Hotspots Reviewed on New Code  no value  at least 100%
      ✔ New Issues                                     0  at most 0
    ! the status does not link to SonarQube's dashboard "http://127.0.0.1:PORT/dashboard?id=acme_web&pullRequest=7", which is this machine's own address: Bitbucket refuses such addresses; set the server's public address in SonarQube (Administration > General > Server base URL), or pass URL
      status:   Sonar: acme_api (key sonar-acme_api): 3 New Issues (is greater than 0), C Reliability Rating on New Code (is worse than A), 54.9% Coverage on New Code (is less than 80%)
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no green quality gate (FAIL_ON_RED_GATE: false keeps the step green)
      status:   Sonar (key sonar): report-task.txt has no ceTaskId: it is not the file that a scanner writes, or not whole
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no verdict of SonarQube
      status:   Sonar: acme_web (key sonar-acme_web): Quality gate passed: acme_web, pull request 7
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✔ posted SUCCESSFUL on acme/api commit 94277cd267a8, branch feature/login
    ✖ 3 of 3 statuses posted
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
fn a_task_that_fails_stops_no_other() {
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
fn one_line_in_after_script_covers_every_ending() {
    let sandbox = acme();
    let empty = Folder::new();
    let run = |folder: &Folder, exit_code: &str| {
        let run =
            after_scan(&sandbox, folder).set("BITBUCKET_EXIT_CODE", exit_code).set("TIMEOUT", "1").run();
        (run.code, shown(&sandbox).description.unwrap(), run)
    };
    let (code, words, told) = run(&empty, "3");
    assert_eq!((code, words.as_str()), (3, "The scan did not finish (exit code 3)"), "{}", told.output);

    let sonarqube = sonarqube(Dialect::Server2025);
    for (gate, exit_code, expected) in [(Gate::failed(), "1", 1), (Gate::passed(), "0", 0)] {
        let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(gate)));
        assert_eq!(run(&folder, exit_code).0, expected);
    }
    sonarqube.fault_always(Fault::status(503));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
    let (code, words, _) = run(&folder, "0");
    assert_eq!(
        (code, words.as_str()),
        (
            3,
            "No verdict of SonarQube: failed to ask for the analysis task: SonarQube answered 503 Service Unavailable"
        )
    );
    sonarqube.clear_faults();
}

#[test]
fn scan_exit_code_wins_over_that_of_the_script() {
    let (sandbox, empty) = (acme(), Folder::new());
    let run = after_scan(&sandbox, &empty).set("SCAN_EXIT_CODE", "2").set("BITBUCKET_EXIT_CODE", "0").run();
    assert_told(&run, 3, &["✖ posted FAILED"]);
    let run = after_scan(&sandbox, &empty).set("SCAN_EXIT_CODE", "256").run();
    assert_told(&run, 2, &["✖ SCAN_EXIT_CODE is \"256\""]);
}

#[test]
fn a_project_is_asked_about_by_its_key() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    sonarqube.submit(of_pull_request(Gate::failed()));
    sonarqube.submit(Analysis::new("acme_api", Gate::passed()));
    let run = in_pull_request_build(&sandbox)
        .unset("STATE")
        .set("SONAR_TOKEN", USER_TOKEN)
        .set("SONAR_HOST_URL", format!("{}/", sonarqube.http_url()))
        .set("SONAR_PROJECT_KEY", "acme_api");
    let of_main = run.clone().run();
    assert_told(&of_main, 0, &["! the gate of the main branch is asked for, not that of the pull request"]);
    assert_eq!(shown(&sandbox).key, "sonar-acme_api");
    let of_pull_request = run.clone().set("SONAR_PULL_REQUEST", "7").run();
    assert_told(&of_pull_request, 1, &["quality gate failed: acme_api, pull request 7"]);
    let status = shown(&sandbox);
    assert_eq!((status.state.as_str(), status.name.as_deref()), ("FAILED", Some("Sonar: acme_api")));
    let both =
        run.set("SONAR_PULL_REQUEST", "7").set("SONAR_BRANCH", "main").set("SONAR_REPORT_TASK", "x").run();
    assert_told(&both, 2, &["✖ SONAR_BRANCH is set, and so is SONAR_PULL_REQUEST"]);
}

#[test]
fn a_webhook_needs_no_question() {
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
fn the_end_of_an_address_on_cloud_is_not_the_end() {
    for status in [404, 410] {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Cloud));
        sonarqube.projects(|projects| {
            projects.retire_project_status(status);
        });
        let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::failed())));
        let run = on_cloud(after_scan(&sandbox, &folder), &sonarqube).run();
        assert_told(&run, 1, &["quality gate failed: acme_api, pull request 7"]);
        let words = shown(&sandbox).description.unwrap();
        assert!(words.contains("54.9% Coverage on New Code (is less than 80%)"), "{words}");
        assert!(paths(&sonarqube)[2].starts_with("/api/measures/component?"), "{:?}", paths(&sonarqube));
    }
}

#[test]
fn refusals_of_sonarqube_are_told_and_leave_a_final_state() {
    let told = |dialect, set: fn(Gatepost) -> Gatepost| {
        let (sandbox, sonarqube) = (acme(), sonarqube(dialect));
        let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
        let run = set(after_scan(&sandbox, &folder)).run();
        assert_eq!((run.code, shown(&sandbox).state.as_str()), (3, "FAILED"), "{}", run.output);
        run.told()
    };
    insta::assert_snapshot!(told(Dialect::Server2025, |run| run.set("SONAR_TOKEN", REVOKED_SONAR_TOKEN)), @r#"
    gatepost 0.1.0: the quality gate of .scannerwork/report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ failed to ask for the analysis task: SonarQube answered 401 Unauthorized
      sent:     GET http://127.0.0.1:PORT/api/ce/task?id=096867c0-48ff-223a-fcca-d2b4045ead97 with the token (SONAR_TOKEN)
      answered: 401 Unauthorized, an empty body
      why:      SonarQube does not accept SONAR_TOKEN: it has expired, was revoked, belongs to another server, or was copied incompletely
      to do:    create a token in SonarQube (My Account > Security) and save it in SONAR_TOKEN; check that it belongs to the server at SONAR_HOST_URL
    ! the status does not link to SonarQube's dashboard "http://127.0.0.1:PORT/dashboard?id=acme_api&pullRequest=7", which is this machine's own address: Bitbucket refuses such addresses; set the server's public address in SonarQube (Administration > General > Server base URL), or pass URL
      status:   Sonar (key sonar): No verdict of SonarQube: failed to ask for the analysis task: SonarQube answered 401 Unauthorized
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no verdict of SonarQube
    exit code 3
    "#);
    insta::assert_snapshot!(told(Dialect::Server99, |run| run.unset("SONAR_TOKEN")), @r#"
    gatepost 0.1.0: the quality gate of .scannerwork/report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ failed to ask for the analysis task: SonarQube answered 401 Unauthorized
      sent:     GET http://127.0.0.1:PORT/api/ce/task?id=OWY4ZTAwYzg4Y2YyYTMz without a token (SONAR_TOKEN is not set)
      answered: 401 Unauthorized, an empty body
      why:      SonarQube requires a token for this
      to do:    pass SONAR_TOKEN; if a secured variable holds it, check that the pipe's `variables:` names it
    ! the status does not link to SonarQube's dashboard "http://127.0.0.1:PORT/dashboard?id=acme_api&pullRequest=7", which is this machine's own address: Bitbucket refuses such addresses; set the server's public address in SonarQube (Administration > General > Server base URL), or pass URL
      status:   Sonar (key sonar): No verdict of SonarQube: failed to ask for the analysis task: SonarQube answered 401 Unauthorized
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no verdict of SonarQube
    exit code 3
    "#);
    insta::assert_snapshot!(told(Dialect::Server67, |run| run.set("SONAR_TOKEN", PROJECT_ANALYSIS_TOKEN)), @r#"
    gatepost 0.1.0: the quality gate of .scannerwork/report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ failed to ask for the quality gate: SonarQube answered 403 Forbidden
      sent:     GET http://127.0.0.1:PORT/api/qualitygates/project_status?analysisId=ZDFhOTgwYjI0NWQ2ZTI3 with the token (SONAR_TOKEN)
      answered: 403 Forbidden, "Insufficient privileges"
      why:      the token may not read this: its account needs 'Execute Analysis' or 'Browse' on the project, and a project analysis token only reads its own project
      to do:    use the token that the scanner uses, or the token of an account with these permissions (Project Settings > Permissions)
    ! the status does not link to SonarQube's dashboard "http://127.0.0.1:PORT/dashboard?id=acme_api&pullRequest=7", which is this machine's own address: Bitbucket refuses such addresses; set the server's public address in SonarQube (Administration > General > Server base URL), or pass URL
      status:   Sonar (key sonar): No verdict of SonarQube: failed to ask for the quality gate: SonarQube answered 403 Forbidden
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no verdict of SonarQube
    exit code 3
    "#);
}

#[test]
fn answers_that_make_no_sense_leave_a_final_state() {
    let many =
        format!(r#"{{"projectStatus":{{"status":"ERROR","conditions":[{}{{}}]}}}}"#, "{},".repeat(49_999));
    for (task, gate, code, words) in [
        (
            "{}",
            "",
            3,
            "No verdict of SonarQube: failed to ask for the analysis task: SonarQube answered 200 OK",
        ),
        (
            "<html>",
            "",
            3,
            "No verdict of SonarQube: failed to ask for the analysis task: SonarQube answered 200 OK",
        ),
        (
            r#"{"task":{"status":"SUCCESS"}}"#,
            r#"{"projectStatus":{}}"#,
            3,
            "Quality gate unknown: acme_api, pull request 7",
        ),
        (
            r#"{"task":{"status":"SUCCESS","analysisId":7}}"#,
            r#"{"projectStatus":{"status":"GREAT","conditions":[]}}"#,
            3,
            "Quality gate unknown: acme_api, pull request 7",
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
fn bad_report_files_are_told_and_leave_a_final_state() {
    let cases: [(&[u8], &str); 6] = [
        (b"", "report-task.txt is empty"),
        (b"\xff\xfe\0binary", "report-task.txt holds bytes that are not UTF-8 text"),
        (&vec![b'x'; 10_000_000], "report-task.txt has more than 1 MiB"),
        (
            b"projectKey=a\nserverUrl=http://127.0.0.1:9\n",
            "report-task.txt has no ceTaskId: it is not the file that a scanner writes, or not whole",
        ),
        (
            b"ceTaskId=x\nserverUrl=not an address\n",
            "report-task.txt has no serverUrl that can be used: pass SONAR_HOST_URL",
        ),
        (b"{\"status\": 7}", "report-task.txt is JSON, but no webhook of SonarQube: its status is not known"),
    ];
    for (content, words) in cases {
        let (sandbox, folder) = (acme(), Folder::new());
        let _ = folder.write(".scannerwork/report-task.txt", content);
        let run =
            after_scan(&sandbox, &folder).set("SONAR_REPORT_TASK", ".scannerwork/report-task.txt").run();
        assert_eq!(run.code, 3, "{words}: {}", run.output);
        assert_eq!(shown(&sandbox).description.as_deref(), Some(words), "{}", run.output);
    }
}

#[test]
fn a_file_that_may_not_be_read_is_told() {
    // Root may read everything.
    let (sandbox, folder) = (acme(), Folder::new());
    let file = folder.write(".scannerwork/report-task.txt", b"ceTaskId=x\n");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    let readable = fs::read(&file).is_ok();
    let run = after_scan(&sandbox, &folder).run();
    let words = if readable { "has no serverUrl that can be used" } else { "cannot be read" };
    assert_told(&run, 3, &[words]);
}

#[test]
fn a_file_from_another_system_is_understood() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let submitted = sonarqube.submit(of_pull_request(Gate::passed()));
    let folder = Folder::new();
    let text = format!(
        "\u{feff}# written by hand\r\n\r\nunknown=1=2\r\n{}",
        submitted.report_task.replace('\n', "\r\n")
    );
    let _ = folder.write(".scannerwork/report-task.txt", text.as_bytes());
    assert_eq!(after_scan(&sandbox, &folder).run().code, 0);
}

#[test]
fn a_task_id_with_odd_characters_stays_one() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = Folder::new();
    let text = format!("ceTaskId=a b&c=d/../#?\nserverUrl={}\nprojectKey=acme_api\n", sonarqube.http_url());
    let _ = folder.write(".scannerwork/report-task.txt", text.as_bytes());
    let run = after_scan(&sandbox, &folder).run();
    assert_told(&run, 3, &["No activity found for task"]);
    assert!(
        paths(&sonarqube)[0].ends_with("api/ce/task?id=a+b%26c%3Dd%2F..%2F%23%3F"),
        "{:?}",
        paths(&sonarqube)
    );
}

#[test]
fn the_users_address_wins_over_the_reports_and_base_paths_stay() {
    let sandbox = acme();
    for base in [None, Some("/sonar")] {
        let projects =
            Projects::acme(Dialect::Server2025).with_public_url("https://sonar.acme.example/sonar");
        let sonarqube = SonarQube::start(match base {
            Some(base) => projects.with_base_path(base),
            None => projects,
        });
        let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
        for slash in ["", "/", "///"] {
            let run = after_scan(&sandbox, &folder)
                .set("SONAR_HOST_URL", format!("{}{slash}", sonarqube.http_url()))
                .run();
            assert_eq!(run.code, 0, "{}", run.output);
        }
        assert_eq!(
            shown(&sandbox).url.as_deref(),
            Some("https://sonar.acme.example/sonar/dashboard?id=acme_api&pullRequest=7"),
            "reviewers get the public address"
        );
    }
}

#[test]
fn a_dashboard_on_loopback_is_not_linked() {
    let (run, status) = run_after(of_pull_request(Gate::passed()));
    assert_told(
        &run,
        0,
        &["! the status does not link to SonarQube's dashboard \"http://127.0.0.1:PORT/dashboard"],
    );
    assert_eq!(status.url.as_deref(), Some("https://bitbucket.org/acme/api/pipelines/results/42"));
}

#[test]
fn a_private_authority_is_trusted_when_it_is_passed() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
    let run = after_scan(&sandbox, &folder).set("SONAR_HOST_URL", sonarqube.https_url());
    let untrusted = run.run();
    assert_told(&untrusted, 3, &["the certificate of the server is not trusted", "SONAR_ROOT_CERT"]);
    let pem = sonarqube.root_certificate_pem();
    for text in [pem.to_owned(), pem.replace('\n', "\\n"), pem.replace('\n', " ")] {
        assert_eq!(run.clone().set("SONAR_ROOT_CERT", text).run().code, 0);
    }
    assert_told(
        &run.set("SONAR_ROOT_CERT", "/path/to/root.pem").run(),
        2,
        &["✖ SONAR_ROOT_CERT holds text which holds no certificate"],
    );

    let for_sonarqube_only = after_scan(&sandbox, &folder)
        .set("BITBUCKET_API_URL", sandbox.https_url())
        .set("SONAR_ROOT_CERT", sandbox.root_certificate_pem())
        .run();
    assert_told(&for_sonarqube_only, 4, &["the certificate of the server is not trusted"]);
}

#[test]
fn a_slow_server_is_waited_for() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder =
        scanned(".scannerwork", &sonarqube.submit(Analysis { polls: 1, ..of_pull_request(Gate::passed()) }));
    sonarqube.fault(Fault::Delay(Duration::from_secs(2)));
    let run = after_scan(&sandbox, &folder).run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
}

#[test]
fn a_server_that_is_down_leaves_a_final_state() {
    let (sandbox, folder) = (acme(), Folder::new());
    let _ = folder.write(".scannerwork/report-task.txt", b"ceTaskId=x\nserverUrl=http://127.0.0.1:9\n");
    let run = after_scan(&sandbox, &folder).set("TIMEOUT", "1").run();
    assert_told(&run, 3, &["no connection (Connection refused", "check SONAR_HOST_URL"]);
    assert_eq!(shown(&sandbox).state, "FAILED");
}

#[test]
fn a_dry_run_asks_and_does_not_post() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::failed())));
    let run = after_scan(&sandbox, &folder).set("DRY_RUN", "true").run();
    assert_told(&run, 1, &["\"state\":\"FAILED\""]);
    assert!(sandbox.requests().is_empty());
}

#[test]
fn a_gate_with_many_conditions_is_told_within_the_limits() {
    let conditions = (0..120)
        .map(|n| Condition::new(Level::Error, "new_violations", "GT", "0", &(n + 1).to_string()))
        .collect();
    let (run, status) = run_after(of_pull_request(Gate::of(conditions)));
    assert_told(&run, 1, &["… and 80 more conditions"]);
    let description = status.description.unwrap();
    assert!(description.starts_with("120 New Issues (is greater than 0), 119 New Issues"), "{description}");
    assert!(description.contains(" … and ") && description.chars().count() <= 255, "{description}");
}

#[test]
fn the_two_secrets_never_meet() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server99));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
    let run = after_scan(&sandbox, &folder).set("DEBUG", "true").run();
    assert_eq!(run.code, 0);
    let to_bitbucket = format!("{:?}", sandbox.requests());
    let to_sonarqube = format!("{:?}", sonarqube.requests());
    assert!(!to_bitbucket.contains(&USER_TOKEN[4..]) && !to_sonarqube.contains(sandbox::REPOSITORY_TOKEN));
    let token = in_pull_request_build(&sandbox).unset("STATE").set("SONAR_TOKEN", sandbox::API_TOKEN);
    let wrong = token.set("SONAR_PROJECT_KEY", "acme_api").run();
    assert_told(&wrong, 2, &["✖ SONAR_TOKEN is a token of Atlassian, not of SonarQube"]);
}

#[test]
fn a_scan_that_crashed_is_never_judged_by_an_earlier_analysis() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    sonarqube.submit(of_pull_request(Gate::passed()));
    let run = in_pull_request_build(&sandbox)
        .unset("STATE")
        .set("SONAR_TOKEN", USER_TOKEN)
        .set("SONAR_HOST_URL", sonarqube.http_url())
        .set("SONAR_PROJECT_KEY", "acme_api")
        .set("SONAR_PULL_REQUEST", "7")
        .set("SCAN_EXIT_CODE", "1")
        .run();
    assert_told(&run, 3, &["✖ posted FAILED"]);
    assert!(sonarqube.requests().is_empty());
}

#[test]
fn a_project_that_the_scan_did_not_get_to_is_told() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned("api/.scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
    let run = after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "1");
    let named = "api/.scannerwork/report-task.txt, web/.scannerwork/report-task.txt";
    let listed = run.clone().set("SONAR_REPORT_TASK", named).run();
    assert_told(&listed, 3, &["✖ \"web/.scannerwork/report-task.txt\" is missing", "2 of 2 statuses posted"]);
    let mut shown: Vec<_> = sandbox
        .pull_request_statuses("acme/api", 7)
        .into_iter()
        .map(|status| (status.key, status.state))
        .collect();
    shown.sort();
    let pair = |key: &str, state: &str| (key.to_owned(), state.to_owned());
    assert_eq!(shown, [pair("sonar", "FAILED"), pair("sonar-acme_api", "SUCCESSFUL")]);
    let globbed = run.set("SONAR_REPORT_TASK", "*/.scannerwork/report-task.txt").run();
    assert_told(&globbed, 0, &["! the scan ended with exit code 1", "key sonar-acme_api"]);
}

#[test]
fn an_analysis_that_cloud_does_not_know_is_not_another_one() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Cloud));
    sonarqube.submit(of_pull_request(Gate::passed()));
    let task =
        r#"{"task":{"status":"SUCCESS","analysisId":"gone","componentKey":"acme_api","pullRequest":"7"}}"#;
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::failed())));
    sonarqube.fault(Fault::Answer { status: 200, headers: vec![], body: task.into() });
    let run = on_cloud(after_scan(&sandbox, &folder), &sonarqube).run();
    assert_told(&run, 3, &["Analysis with id 'gone' is not found"]);
    assert_eq!(sonarqube.requests().len(), 2);
}

#[test]
fn a_webhook_is_believed_only_where_the_user_names_it() {
    let (sandbox, folder) = (acme(), Folder::new());
    let webhook = br#"{"status":"SUCCESS","qualityGate":{"status":"OK"}}"#;
    let _ = folder.write(".scannerwork/report-task.txt", webhook);
    let run = after_scan(&sandbox, &folder);
    assert_told(&run.run(), 3, &["has no ceTaskId"]);
    let named = run.set("SONAR_REPORT_TASK", ".scannerwork/report-task.txt").run();
    assert_told(&named, 0, &["quality gate passed: main branch"]);
}

#[test]
fn a_webhook_about_another_commit_is_worth_a_line() {
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
fn odd_webhooks_are_never_green() {
    for (webhook, code, words) in [
        (r#"{"status":"SUCCESS","qualityGate":{}}"#, 3, "Quality gate unknown: main branch"),
        (
            r#"{"status":"SUCCESS","qualityGate":{"status":"GREAT","conditions":null}}"#,
            3,
            "Quality gate unknown: main branch",
        ),
        (r#"{"status":"SUCCESS"}"#, 1, "No quality gate was computed: main branch"),
        (r#"{"status":"FAILED","project":{"key":5}}"#, 3, "The analysis failed"),
        (
            r#"{"status":"GREAT"}"#,
            3,
            "webhook.json is JSON, but no webhook of SonarQube: its status is not known",
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

#[test]
fn a_server_address_with_a_password_is_not_used() {
    let (sandbox, folder) = (acme(), Folder::new());
    let _ = folder.write(
        ".scannerwork/report-task.txt",
        b"ceTaskId=x\nserverUrl=http://bob:hunter2secret@127.0.0.1:9\n",
    );
    let run = after_scan(&sandbox, &folder).run();
    assert_told(&run, 3, &["has no serverUrl that can be used: pass SONAR_HOST_URL"]);
    assert!(!run.output.contains("hunter2secret"), "{}", run.output);
}

#[test]
fn what_the_file_does_not_tell_the_task_tells() {
    let task = |analysis: &str| {
        format!(r#"{{"task":{{"status":"SUCCESS",{analysis}"componentKey":"acme_api","pullRequest":"7"}}}}"#)
    };
    for (analysis, asked) in
        [(r#""analysisId":"x","#, "analysisId=x"), ("", "projectKey=acme_api&pullRequest=7")]
    {
        let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
        let folder = Folder::new();
        let file = format!("ceTaskId=x\nserverUrl={}\n", sonarqube.http_url());
        let _ = folder.write(".scannerwork/report-task.txt", file.as_bytes());
        for body in [task(analysis), r#"{"projectStatus":{"status":"OK"}}"#.to_owned()] {
            sonarqube.fault(Fault::Answer { status: 200, headers: vec![], body: body.into() });
        }
        let run = after_scan(&sandbox, &folder).run();
        assert_told(&run, 0, &["quality gate passed: acme_api, pull request 7"]);
        assert!(paths(&sonarqube)[1].ends_with(asked), "{:?}", paths(&sonarqube));
    }
}

#[test]
fn one_file_has_one_name() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned("api/.scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
    for pattern in [
        "./*/.scannerwork/report-task.txt",
        "./**/report-task.txt",
        "api//.scannerwork/*.txt",
        "./api/.scannerwork/report-task.txt,api/.scannerwork/report-task.txt,**/report-task.txt",
    ] {
        let run = after_scan(&sandbox, &folder).set("SONAR_REPORT_TASK", pattern).run();
        assert_told(&run, 0, &["the quality gate of api/.scannerwork/report-task.txt"]);
    }
    let odd = scanned("a,b [1]", &sonarqube.submit(of_pull_request(Gate::passed())));
    let run = after_scan(&sandbox, &odd).set("SONAR_REPORT_TASK_0", "a,b [1]/report-task.txt").run();
    assert_eq!(run.code, 0, "{}", run.output);
    assert_told(&after_scan(&sandbox, &folder).set("SONAR_REPORT_TASK", " , ").run(), 2, &["names no file"]);
}

#[test]
fn a_state_that_is_not_final_is_no_answer_to_a_missing_gate() {
    let (sandbox, folder) = (acme(), Folder::new());
    let run = after_scan(&sandbox, &folder).set("ON_NO_GATE", "INPROGRESS").set("SCAN_EXIT_CODE", "1").run();
    assert_told(&run, 2, &["✖ ON_NO_GATE is \"INPROGRESS\", which is no final state"]);
}

#[test]
fn a_token_is_not_shown_in_the_form_in_which_it_travels() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server99));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
    assert_eq!(after_scan(&sandbox, &folder).run().code, 0);
    let sent = sonarqube.requests()[0].authorization.clone().unwrap();
    let body = serde_json::json!({ "errors": [{ "msg": format!("bad header {sent}") }] }).to_string();
    sonarqube.fault(Fault::Answer { status: 403, headers: vec![], body: body.into() });
    let run = after_scan(&sandbox, &folder).set("DEBUG", "true").run();
    assert_told(&run, 3, &["bad header Basic ***"]);
    let failed = serde_json::json!({ "task": { "status": "FAILED", "errorMessage": sent } }).to_string();
    sonarqube.fault(Fault::Answer { status: 200, headers: vec![], body: failed.into() });
    assert_eq!(after_scan(&sandbox, &folder).run().code, 3);
    assert_eq!(shown(&sandbox).description.as_deref(), Some("The analysis failed: Basic ***"));
}

#[test]
fn the_reader_is_told_that_it_goes_on() {
    let analysis = Analysis { polls: u32::MAX, ..of_pull_request(Gate::passed()) };
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(analysis));
    let run = after_scan(&sandbox, &folder).set("SONAR_TIMEOUT", "20").run();
    let told: Vec<_> =
        run.output.lines().filter(|line| line.starts_with("waiting for the analysis, ")).collect();
    assert_eq!(told.len(), 1, "{}", run.output);
    assert!(told[0].ends_with(" s of 20 s, in progress"), "{told:?}");
    let requests = sonarqube.requests();
    let longest = requests.windows(2).map(|pair| pair[1].received - pair[0].received).max().unwrap();
    assert!(longest < Duration::from_secs(7), "{longest:?}");
}

#[test]
fn a_run_that_is_stopped_while_it_waits_has_sent_nothing() {
    let analysis = Analysis { polls: u32::MAX, ..of_pull_request(Gate::passed()) };
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned(".scannerwork", &sonarqube.submit(analysis));
    let gatepost = after_scan(&sandbox, &folder);
    let run = stopped_by("-TERM", &gatepost, || !sonarqube.requests().is_empty());
    assert_told(&run, 143, &["✖ stopped before anything was sent"]);
    assert!(sandbox.requests().is_empty());
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
    assert_eq!((sandbox.requests().len(), folder.read("results.jsonl").lines().count()), (2, 2));
}

#[test]
fn a_server_that_is_down_is_waited_for_once() {
    let (sandbox, folder) = (acme(), Folder::new());
    for place in ["a", "b", "c"] {
        let file = format!("{place}/.scannerwork/report-task.txt");
        let _ = folder.write(&file, b"ceTaskId=x\nserverUrl=http://127.0.0.1:9\n");
    }
    let run = after_scan(&sandbox, &folder).set("TIMEOUT", "6").run();
    assert_eq!(run.code, 3, "{}", run.output);
    assert!(run.took < Duration::from_secs(14), "{:?}", run.took);
}

#[test]
fn words_that_are_not_known_leave_a_final_state() {
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
fn fifty_thousand_real_conditions_are_too_much_and_that_is_said() {
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
fn an_analysis_of_another_pull_request_is_worth_a_line() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let analysis = Analysis::of_pull_request("acme_api", "99", Gate::passed());
    let folder = scanned(".scannerwork", &sonarqube.submit(analysis));
    let run = after_scan(&sandbox, &folder).run();
    assert_told(&run, 0, &["! the analysis is of pull request \"99\", but the status is for pull request 7"]);
}

#[test]
fn what_stands_between_is_told() {
    let page = "<html><title>Sign in</title></html>";
    for (fault, told) in [
        (
            Fault::Answer { status: 403, headers: vec![], body: page.into() },
            "403 Forbidden, an HTML page with the title \"Sign in\"",
        ),
        (
            Fault::redirect("https://sonar.acme.example/login"),
            "points to another address on sonar.acme.example",
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
