//! The exit code of the scan decides when the scan did not finish.

use std::collections::BTreeMap;

use sandbox::{Dialect, Gate, USER_TOKEN};

use crate::run::{Fault, Folder, acme, after_scan, assert_told, in_pull_request_build, scanned};

use super::{of_pull_request, sonarqube};

#[test]
fn bitbucket_exit_code_in_after_script_covers_every_end_of_a_scan() {
    let sandbox = acme();
    let empty = Folder::new();
    let run = |folder: &Folder, exit_code: &str| {
        let run =
            after_scan(&sandbox, folder).set("BITBUCKET_EXIT_CODE", exit_code).set("TIMEOUT", "1").run();
        let statuses = sandbox.pull_request_statuses("acme/api", 7).into_iter();
        let shown: BTreeMap<_, _> =
            statuses.map(|status| (status.key, (status.state, status.description.unwrap()))).collect();
        (run, shown)
    };
    let state = |state: &str, words: &str| (state.to_owned(), words.to_owned());
    let (crashed, shown) = run(&empty, "3");
    assert_eq!(crashed.code, 3, "{}", crashed.output);
    assert_eq!(shown["sonar"], state("FAILED", "The scan did not finish (exit code 3)"));

    let sonarqube = sonarqube(Dialect::Server2025);
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::failed())));
    let (red, shown) = run(&folder, "1");
    assert_eq!((red.code, shown["sonar-acme_api"].0.as_str()), (1, "FAILED"), "{}", red.output);
    assert_eq!(shown["sonar"].0, "FAILED", "the scan failed again");
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
    let (green, shown) = run(&folder, "0");
    assert_eq!((green.code, shown["sonar-acme_api"].0.as_str()), (0, "SUCCESSFUL"), "{}", green.output);
    assert_eq!(shown["sonar"], state("SUCCESSFUL", "The scan finished; own statuses: acme_api"));
    sonarqube.fault_always(Fault::status(503));
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
    let (refused, shown) = run(&folder, "0");
    assert_eq!((refused.code, shown["sonar-acme_api"].0.as_str()), (3, "FAILED"), "{}", refused.output);
    sonarqube.clear_faults();
}

#[test]
fn scan_exit_code_wins_over_bitbucket_exit_code() {
    let (sandbox, empty) = (acme(), Folder::new());
    let run = after_scan(&sandbox, &empty).set("SCAN_EXIT_CODE", "2").set("BITBUCKET_EXIT_CODE", "0").run();
    assert_told(&run, 3, &["✖ posted FAILED"]);
    let run = after_scan(&sandbox, &empty).set("SCAN_EXIT_CODE", "256").run();
    assert_told(&run, 2, &["✖ SCAN_EXIT_CODE is \"256\""]);
}

#[test]
fn a_crashed_scan_does_not_use_an_earlier_analysis() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    sonarqube.submit(of_pull_request(Gate::passed()));
    let run = in_pull_request_build(&sandbox)
        .unset("STATE")
        .unset("KEY")
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
fn a_project_that_a_crashed_scan_did_not_reach_is_posted_as_failed() {
    let (sandbox, sonarqube) = (acme(), sonarqube(Dialect::Server2025));
    let folder = scanned("api/.scannerwork", &sonarqube.submit(of_pull_request(Gate::passed())));
    let run = after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "1");
    let named = "api/.scannerwork/report-task.txt, web/.scannerwork/report-task.txt";
    let listed = run.clone().set("SONAR_REPORT_TASK", named).run();
    assert_told(
        &listed,
        3,
        &[
            "why:      \"web/.scannerwork/report-task.txt\" is missing: a scan that fails early",
            "2 of 2 statuses posted",
        ],
    );
    let mut shown: Vec<_> = sandbox
        .pull_request_statuses("acme/api", 7)
        .into_iter()
        .map(|status| (status.key, status.state))
        .collect();
    shown.sort();
    let pair = |key: &str, state: &str| (key.to_owned(), state.to_owned());
    assert_eq!(shown, [pair("sonar", "FAILED"), pair("sonar-acme_api", "SUCCESSFUL")]);
    let globbed = run.set("SONAR_REPORT_TASK", "*/.scannerwork/report-task.txt").run();
    assert_told(
        &globbed,
        3,
        &[
            "! the scan ended with exit code 1",
            "✖ One scan of this step did not finish, or did not leave its file (exit code 1)",
        ],
    );
}
