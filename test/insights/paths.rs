//! An annotation is at its file, wherever the project lies in the repository.

use sandbox::{Dialect, Issue};
use serde_json::{Value, json};

use super::{bug, red, sonarqube, standing, with_report};
use crate::run::{Folder, Sandbox, acme, assert_told};

/// Path and line of each annotation.
fn places(sandbox: &Sandbox) -> Vec<(Value, Value)> {
    let place = |annotation: serde_json::Map<String, Value>| {
        let field = |name: &str| annotation.get(name).cloned().unwrap_or_default();
        (field("path"), field("line"))
    };
    standing(sandbox).annotations.into_iter().map(place).collect()
}

#[test]
fn in_a_monorepo_and_in_a_central_pipeline_the_path_is_from_the_root_of_the_repository() {
    for (root, place, path) in [
        ("", ".scannerwork", "src/till.rs"),
        ("", "api/.scannerwork", "api/src/till.rs"),
        ("", "services/api/target/sonar", "services/api/src/till.rs"),
        ("target/", "api/build/sonar", "api/src/till.rs"),
    ] {
        let (sandbox, sonarqube, folder) = (acme(), sonarqube(Dialect::Server2025), Folder::new());
        let submitted = sonarqube.submit(red(vec![bug("AZ1", "src/till.rs", 41)]));
        let _ = folder.write(&format!("{root}.git/HEAD"), b"ref: refs/heads/main\n");
        let _ = folder.write(&format!("{root}{path}"), b"");
        let _ = folder.write(&format!("{root}{place}/report-task.txt"), submitted.report_task.as_bytes());
        assert_told(&with_report(&sandbox, &folder).run(), 1, &[]);
        assert_eq!(places(&sandbox), [(json!(path), json!(41))], "{root}{place}");
    }
}

/// The folder of .NET does not tell the base folder; a project that is asked for by its key has no file.
#[test]
fn sonar_base_dir_says_what_cannot_be_known() {
    for is_named in [false, true] {
        let (sandbox, sonarqube, folder) = (acme(), sonarqube(Dialect::Server2025), Folder::new());
        let submitted = sonarqube.submit(red(vec![bug("AZ1", "src/Till.cs", 41)]));
        let mut gatepost = with_report(&sandbox, &folder).set("SONAR_BASE_DIR", "shop/backend");
        if is_named {
            gatepost = gatepost
                .set("SONAR_PROJECT_KEY", "acme_api")
                .set("SONAR_PULL_REQUEST", "7")
                .set("SONAR_HOST_URL", sonarqube.http_url());
        } else {
            let _ = folder.write(".sonarqube/out/.sonar/report-task.txt", submitted.report_task.as_bytes());
        }
        assert_told(&gatepost.run(), 1, &[]);
        assert_eq!(places(&sandbox), [(json!("shop/backend/src/Till.cs"), json!(41))]);
    }
}

#[test]
fn a_path_that_is_none_of_the_repository_is_named_in_the_details() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(Dialect::Server2025), Folder::new());
    let of_project = Issue { path: None, line: None, ..bug("AZ4", "", 1) };
    let without_line = Issue { line: None, ..bug("AZ5", "src/till.rs", 1) };
    let found = vec![
        bug("AZ1", "/etc/passwd", 1),
        bug("AZ2", "../other/x.rs", 2),
        bug("AZ3", "C:\\x.cs", 3),
        of_project,
        without_line,
        bug("AZ6", "src/a b#?.rs", 6),
        bug("AZ7", "src\\win.cs", 7),
    ];
    let submitted = sonarqube.submit(red(found));
    let _ = folder.write(".scannerwork/report-task.txt", submitted.report_task.as_bytes());
    assert_told(&with_report(&sandbox, &folder).run(), 1, &[]);
    let mut places = places(&sandbox);
    places.sort_by_key(|(path, line)| (path.to_string(), line.to_string()));
    assert_eq!(
        places,
        [
            (json!("src/a b#?.rs"), json!(6)),
            (json!("src/till.rs"), Value::Null),
            (json!("src/win.cs"), json!(7)),
            (Value::Null, Value::Null),
            (Value::Null, Value::Null),
            (Value::Null, Value::Null),
            (Value::Null, Value::Null),
        ]
    );
    let details = |id: &str| {
        let annotations = standing(&sandbox).annotations;
        annotations.into_iter().find(|it| it["external_id"] == id).unwrap()["details"].clone()
    };
    assert_eq!(
        details("sonar-AZ1"),
        "java:S2259. Reliability: High. Effort: 5min. File in SonarQube: /etc/passwd, line 1."
    );
}

#[test]
fn any_message_is_within_bitbuckets_limits() {
    let (sandbox, sonarqube, folder) = (acme(), sonarqube(Dialect::Server2025), Folder::new());
    let saying =
        |key: &str, message: &str| Issue { message: message.to_owned(), ..bug(key, "src/till.rs", 4) };
    let found = vec![
        saying("AZ1", ""),
        saying("AZ2", &"x".repeat(2000)),
        saying("AZ3", "a\u{1b}[31mb\nc"),
        saying("AZ4", "<b>bold</b> & 🦀"),
        saying("AZ5", "the same"),
        saying("AZ6", "the same"),
    ];
    let submitted = sonarqube.submit(red(found));
    let _ = folder.write(".scannerwork/report-task.txt", submitted.report_task.as_bytes());
    let run = with_report(&sandbox, &folder).run();
    assert_told(&run, 1, &["6 annotations"]);
    let summaries: Vec<String> =
        standing(&sandbox).annotations.iter().map(|it| it["summary"].as_str().unwrap().to_owned()).collect();
    assert_eq!(summaries[0], "java:S2259");
    assert_eq!(summaries[1].chars().count(), 450);
    assert_eq!(summaries[2..], ["a [31mb c", "<b>bold</b> & 🦀", "the same", "the same"]);
}

/// The repository is here, and no file is where its annotation would be.
#[test]
fn when_no_file_is_at_its_path_the_folder_of_the_scanner_is_asked_for() {
    for (base, is_warned) in
        [(None, true), (Some("net"), false), (Some(".\\net"), false), (Some("web"), true)]
    {
        let (sandbox, sonarqube, folder) = (acme(), sonarqube(Dialect::Server2025), Folder::new());
        let submitted =
            sonarqube.submit(red(vec![bug("AZ1", "src/Till.cs", 41), bug("AZ2", "src/Cart.cs", 1)]));
        for file in [".git/HEAD", "net/src/Till.cs", "net/src/Cart.cs"] {
            let _ = folder.write(file, b"");
        }
        let _ = folder.write("net/.sonarqube/out/.sonar/report-task.txt", submitted.report_task.as_bytes());
        let mut gatepost = with_report(&sandbox, &folder);
        if let Some(base) = base {
            gatepost = gatepost.set("SONAR_BASE_DIR", base);
        }
        let run = gatepost.run();
        assert_told(&run, 1, &["2 annotations"]);
        let warned = run.output.matches("pass SONAR_BASE_DIR").count();
        assert_eq!(warned, usize::from(is_warned), "{base:?}: {}", run.output);
    }
}
