//! Which server gets the token.

use serde_json::json;

use super::{after, assert_stands, of_pull_request, sonarqube};
use crate::run::{Folder, acme, after_scan, assert_told, in_central_pipeline, scanned};

#[test]
fn files_that_name_different_servers_are_no_run() {
    let (sandbox, ours, theirs, folder) = (acme(), sonarqube(), sonarqube(), Folder::new());
    for (place, server) in [("api", &ours), ("planted", &theirs)] {
        let submitted = server.submit(of_pull_request("7"));
        let _ =
            folder.write(&format!("{place}/.scannerwork/report-task.txt"), submitted.report_task.as_bytes());
    }
    let gatepost = after_scan(&sandbox, &folder);
    let run = gatepost.clone().set("SCAN_EXIT_CODE", "0").run();
    let both = format!(
        "names 2 servers: {}/ (api/.scannerwork/report-task.txt), {}/ (planted/.scannerwork/report-task.txt)",
        ours.http_url(),
        theirs.http_url()
    );
    assert_eq!(run.code, 2, "{}", run.output);
    assert!(run.output.contains(&both.replace("names", "and the files name")), "{}", run.output);
    assert_eq!((ours.request_count(), theirs.request_count(), sandbox.request_count()), (0, 0, 0));
    // With SONAR_HOST_URL, nobody else gets the token.
    let told = gatepost.set("SONAR_HOST_URL", ours.http_url()).run();
    assert_told(&told, 0, &["planted/.scannerwork/report-task.txt names the same analysis"]);
    assert_eq!(theirs.request_count(), 0);
}

#[test]
fn the_entries_of_a_list_do_not_send_one_token_to_two_servers() {
    let (sandbox, ours, theirs, folder) = (acme(), sonarqube(), sonarqube(), Folder::new());
    for (place, server) in [("api", &ours), ("planted", &theirs)] {
        let submitted = server.submit(of_pull_request("7"));
        let _ = folder.write(&format!("{place}/report-task.txt"), submitted.report_task.as_bytes());
    }
    let entry = |place: &str| json!({ "pull_request": 7, "sonar_report_task": format!("{place}/report-task.txt"), "key": place });
    let targets = json!([entry("api"), entry("planted")]).to_string();
    let run = after_scan(&sandbox, &folder).set("TARGETS", targets).run();
    assert_told(&run, 2, &["✖ SONAR_HOST_URL is not set, and the files name 2 servers: "]);
    assert_eq!((ours.request_count(), theirs.request_count(), sandbox.request_count()), (0, 0, 0));
}

#[test]
fn a_central_pipeline_does_not_send_its_token_where_a_file_of_the_repository_says() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let folder = scanned("target/.scannerwork", &sonarqube.submit(of_pull_request("7")));
    let gatepost = in_central_pipeline(&sandbox)
        .unset("STATE")
        .unset("KEY")
        .within(folder.path())
        .set("SONAR_TOKEN", sandbox::USER_TOKEN)
        .set("REPO_SLUG", "api")
        .set("COMMIT", sandbox.head("acme/api", "feature/login"))
        .set("BRANCH", "feature/login")
        .set("PULL_REQUEST", "7");
    let run = gatepost.clone().run();
    insta::assert_snapshot!(run.told(), @"
    ✖ SONAR_HOST_URL is not set, and a file from another repository names the server: http://127.0.0.1:PORT/ (target/.scannerwork/report-task.txt)
      accepted: the address of the one server that gets SONAR_TOKEN, such as https://sonar.example.com/sonarqube; https://sonarcloud.io and https://sonarqube.us need no SONAR_HOST_URL
      to do:    pass SONAR_HOST_URL with the address of your server; if you do not know the server, the file was not left by your scanner: do not send it your token
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    ");
    assert_eq!((sonarqube.request_count(), sandbox.request_count()), (0, 0));
    // As the last word of its step, the run ends an INPROGRESS, and asks no SonarQube.
    let last = gatepost.clone().set("SCAN_EXIT_CODE", "0").run();
    assert_told(
        &last,
        2,
        &["✖ SONAR_HOST_URL is not set, and a file from another repository names the server"],
    );
    assert_eq!(sonarqube.request_count(), 0);
    assert_stands(&sandbox, "FAILED", "No verdict: the variable SONAR_HOST_URL of this pipeline is wrong");
    assert_told(
        &gatepost.set("SONAR_HOST_URL", sonarqube.http_url()).run(),
        0,
        &["(from SONAR_HOST_URL) gets SONAR_TOKEN"],
    );
}

#[test]
fn the_log_says_who_gets_the_token_and_why() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(of_pull_request("7")));
    let line =
        format!("SonarQube at {}/ (serverUrl of report-task.txt) gets SONAR_TOKEN", sonarqube.http_url());
    assert!(gatepost.clone().run().output.contains(&line));
    let without = format!(
        "SonarQube at {}/ (serverUrl of report-task.txt) is asked without a token",
        sonarqube.http_url()
    );
    assert!(gatepost.unset("SONAR_TOKEN").run().output.contains(&without));
}
