//! Where report-task.txt is found, and how it is read.

use std::{fs, os::unix::fs::PermissionsExt};

use sandbox::{Dialect, Gate};

use crate::run::{Fault, Folder, acme, after_scan, assert_told, scanned};

use super::{of_pull_request, paths, shown, sonarqube};

#[test]
fn report_task_txt_is_found_in_every_usual_place() {
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
fn sonar_report_task_names_other_places() {
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
    ✖ STATE is not set, and nothing names an analysis of SonarQube: there is no report-task.txt in .scannerwork, target/sonar, build/sonar, .sonarqube/out/.sonar or .sonar, here or in a folder below; there is handed/on/report-task.txt: pass SONAR_REPORT_TASK
      accepted: a report-task.txt, SONAR_REPORT_TASK, SONAR_PROJECT_KEY, or STATE: SUCCESSFUL, FAILED, INPROGRESS, STOPPED, a common word for one of them (passed, error, running, cancelled ...), or an exit code
      to do:    run the pipe where the scanner ran, pass report-task.txt on as an artifact, or pass SONAR_REPORT_TASK; in after-script pass `SCAN_EXIT_CODE: $BITBUCKET_EXIT_CODE`
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    ");
    fs::create_dir(folder.path().join("empty")).unwrap();
    let empty = after_scan(&sandbox, &folder).set("SONAR_REPORT_TASK", "empty").run();
    let told = "✖ SONAR_REPORT_TASK names the folder \"empty\", which has no report-task.txt";
    assert_told(&empty, 2, &[told]);
    let missing =
        after_scan(&sandbox, &folder).set("SONAR_REPORT_TASK", "elsewhere/report-task.txt, **/nothing").run();
    insta::assert_snapshot!(missing.told(), @r#"
    ✖ SONAR_REPORT_TASK names "elsewhere/report-task.txt", which does not exist
      accepted: paths or globs of report-task.txt or of a webhook's JSON, as a list or separated by commas
      to do:    check where the scanner leaves the file (.scannerwork, target/sonar, build/sonar ...), relative to the working directory of the pipe; from another step it must be an artifact
    ✖ 1 variable is wrong; nothing was sent
    exit code 2
    "#);
}

#[test]
fn a_symbolic_link_that_leads_outside_is_not_followed() {
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
fn a_bad_report_file_is_posted_as_failed() {
    let cases: [(&[u8], &str); 6] = [
        (b"", "report-task.txt is empty"),
        (b"\xff\xfe\0binary", "report-task.txt holds bytes that are neither UTF-8 nor UTF-16 text"),
        (&vec![b'x'; 10_000_000], "report-task.txt has more than 1 MiB"),
        (
            b"projectKey=a\nserverUrl=http://127.0.0.1:9\n",
            "report-task.txt has no ceTaskId: it was not written by a scanner, or it is incomplete",
        ),
        (
            b"ceTaskId=x\nserverUrl=not an address\n",
            "report-task.txt names no server that can be asked, and SONAR_HOST_URL is not set",
        ),
        (
            b"{\"status\": 7}",
            "report-task.txt is JSON, but not from a webhook of SonarQube: its status is not known",
        ),
    ];
    for (content, words) in cases {
        let (sandbox, folder) = (acme(), Folder::new());
        let _ = folder.write(".scannerwork/report-task.txt", content);
        let run =
            after_scan(&sandbox, &folder).set("SONAR_REPORT_TASK", ".scannerwork/report-task.txt").run();
        assert_eq!(run.code, 3, "{words}: {}", run.output);
        let description = shown(&sandbox).description.unwrap();
        assert!(description.ends_with(words), "{description}");
    }
}

#[test]
fn an_unreadable_report_file_is_reported() {
    // Root can read every file, so the message depends on the user of the test.
    let (sandbox, folder) = (acme(), Folder::new());
    let file = folder.write(".scannerwork/report-task.txt", b"ceTaskId=x\n");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    let readable = fs::read(&file).is_ok();
    let run = after_scan(&sandbox, &folder).run();
    let words = if readable { "names no server" } else { "cannot be read" };
    assert_told(&run, 3, &[words]);
}

#[test]
fn a_report_file_with_a_byte_order_mark_and_crlf_is_read() {
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
fn a_task_id_with_special_characters_is_percent_encoded() {
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
fn a_server_url_with_a_password_is_not_used() {
    let (sandbox, folder) = (acme(), Folder::new());
    let _ = folder.write(
        ".scannerwork/report-task.txt",
        b"ceTaskId=x\nserverUrl=http://bob:hunter2secret@127.0.0.1:9\n",
    );
    let run = after_scan(&sandbox, &folder).run();
    assert_told(&run, 3, &["names no server that can be asked, and SONAR_HOST_URL is not set"]);
    assert!(!run.output.contains("hunter2secret"), "{}", run.output);
}

#[test]
fn fields_missing_in_the_report_file_come_from_the_task() {
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
fn one_report_file_is_used_once_for_several_patterns() {
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
    for empty in [" , ", "api/.scannerwork/report-task.txt,"] {
        let run = after_scan(&sandbox, &folder).set("SONAR_REPORT_TASK", empty).run();
        assert_told(&run, 2, &["✖ SONAR_REPORT_TASK has an empty item in "]);
    }
}
