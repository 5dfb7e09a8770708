//! Which files name an analysis, and what is told of those that do not.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use super::{after, assert_stands, of_pull_request, sonarqube, standing};
use crate::run::{Folder, acme, after_scan, assert_told, scanned};

#[test]
fn a_file_that_git_tracks_was_not_left_by_a_scanner() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request("7")));
    for arguments in [&["init", "--quiet"][..], &["add", "--all"]] {
        let ran = Command::new("git").args(arguments).current_dir(folder.path()).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }
    let skipped = "! .scannerwork/report-task.txt is committed to the repository: no scanner of this build left it; it is skipped";
    let gatepost = after_scan(&sandbox, &folder);
    assert_told(&gatepost.clone().run(), 2, &[skipped, "✖ STATE is not set"]);
    let named = gatepost.clone().set("SONAR_REPORT_TASK", ".scannerwork/report-task.txt").run();
    assert_told(
        &named,
        2,
        &[
            skipped,
            "✖ SONAR_REPORT_TASK has \".scannerwork/report-task.txt\", which was skipped, because git tracks it: no scanner",
        ],
    );
    let searched = gatepost.clone().set("SCAN_EXIT_CODE", "0").run();
    let why = "why:      there is no report-task.txt of this build in the usual places; git tracks .scannerwork/report-task.txt: no scanner of this build left it\n";
    assert_told(&searched, 3, &[skipped, why]);
    let named = gatepost.set("SONAR_REPORT_TASK", ".scannerwork/report-task.txt");
    for (code, why) in [
        (
            "0",
            "why:      SONAR_REPORT_TASK names no file of this build: \".scannerwork/report-task.txt\" was skipped, because git tracks it\n",
        ),
        (
            "1",
            "why:      \".scannerwork/report-task.txt\" was skipped, because git tracks it: a scan that fails early leaves no such file\n",
        ),
    ] {
        let run = named.clone().set("SCAN_EXIT_CODE", code).run();
        assert_told(&run, 3, &[skipped, why]);
        assert!(!run.output.contains("missing"), "{}", run.output);
    }
    assert_eq!((sonarqube.request_count(), standing(&sandbox)["sonar"].0.as_str()), (0, "FAILED"));
}

#[test]
fn a_link_is_told_as_a_link() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let outside = scanned("work", &sonarqube.submit(of_pull_request("7")));
    let folder = Folder::new();
    symlink(outside.path().join("work"), folder.path().join(".scannerwork")).unwrap();
    let gatepost = after_scan(&sandbox, &folder);
    let link = ".scannerwork is a symbolic link, and the search does not follow links";
    assert_told(&gatepost.clone().run(), 2, &[link]);
    // A file that a variable names is read wherever it leads.
    let named = gatepost.set("SONAR_REPORT_TASK", ".scannerwork/report-task.txt").run();
    assert_told(&named, 0, &["✔ posted SUCCESSFUL"]);
}

/// A loop of links cannot be read, by no user.
#[test]
fn what_cannot_be_read_is_not_missing() {
    let (sandbox, folder) = (acme(), Folder::new());
    symlink("loop", folder.path().join("loop")).unwrap();
    for (named, told) in [
        ("loop/report-task.txt", "✖ SONAR_REPORT_TASK names \"loop/report-task.txt\", which cannot be read"),
        ("[", "✖ SONAR_REPORT_TASK has the pattern \"[\", which is not valid"),
    ] {
        let run =
            after_scan(&sandbox, &folder).set("SONAR_REPORT_TASK", named).set("SCAN_EXIT_CODE", "0").run();
        assert_told(&run, 3, &[told]);
        assert!(!run.output.contains("missing"), "{}", run.output);
        assert_eq!(standing(&sandbox)["sonar"].0, "FAILED");
    }
}

/// Makes something at a path.
type Make<'a> = &'a dyn Fn(&Path);

/// A link, a pipe and a folder are no file; with a scan that failed as well as with one that did not.
#[test]
fn what_is_no_file_is_told_as_what_it_is() {
    const PATH: &str = ".scannerwork/report-task.txt";
    let command = |name: &'static str| {
        move |path: &Path| assert!(Command::new(name).arg(path).status().unwrap().success())
    };
    let dangling = |path: &Path| symlink("gone", path).unwrap();
    let elsewhere = |path: &Path| {
        let real = path.ancestors().nth(2).unwrap().join("real.txt");
        fs::write(&real, "projectKey=acme_api\nceTaskId=x\n").unwrap();
        symlink(real, path).unwrap();
    };
    let (pipe, folder) = (command("mkfifo"), command("mkdir"));
    let cases: [(Make, &str, Option<&str>); 4] = [
        (&pipe, "is a pipe, a socket or a device, and not a regular file", Some("is not a regular file")),
        (&folder, "is a folder, and not a regular file", Some("is a folder, and not a regular file")),
        (&dangling, "is a symbolic link that leads nowhere", Some("is a symbolic link that leads nowhere")),
        // A file that a variable names is read wherever it leads.
        (&elsewhere, "is a symbolic link, and the search does not follow links", None),
    ];
    for (make, searched, named) in cases {
        let (sandbox, folder) = (acme(), Folder::new());
        fs::create_dir(folder.path().join(".scannerwork")).unwrap();
        make(&folder.path().join(PATH));
        for exit_code in ["0", "1"] {
            let gatepost = after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", exit_code);
            let runs = [
                (gatepost.clone(), Some(searched)),
                (gatepost.clone().set("SONAR_REPORT_TASK", "**/report-task.txt"), Some(searched)),
                (gatepost.set("SONAR_REPORT_TASK", PATH), named),
            ];
            for (gatepost, told) in runs {
                let Some(told) = told else { continue };
                let run = gatepost.run();
                assert_told(&run, 3, &[told]);
                for untrue in ["missing", "No such file", "did not finish", "no report-task.txt"] {
                    assert!(!run.output.contains(untrue), "{untrue}: {}", run.output);
                }
                let (state, description) = standing(&sandbox).remove("sonar").unwrap();
                assert!(state == "FAILED" && description.contains(told), "{description}");
            }
        }
    }
}

/// A link may be any folder on the way to the file.
#[test]
fn a_link_to_a_folder_with_a_file_in_a_usual_place_is_told() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let outside = scanned("work/target/sonar", &sonarqube.submit(of_pull_request("7")));
    for (link, to) in [
        ("module", "work"),
        ("target", "work/target"),
        ("target/sonar", "work/target/sonar"),
        ("target/sonar/report-task.txt", "work/target/sonar/report-task.txt"),
    ] {
        let folder = Folder::new();
        let path = folder.path().join(link);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(outside.path().join(to), path).unwrap();
        let run = after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "0").run();
        assert_told(
            &run,
            3,
            &[&format!("✖ {link} is a symbolic link, and the search does not follow links\n")],
        );
    }
    // A link to another folder is of no interest.
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request("7")));
    symlink("/tmp", folder.path().join("other")).unwrap();
    let run = after_scan(&sandbox, &folder).run();
    assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
    assert!(!run.output.contains("symbolic link"), "{}", run.output);
}

#[test]
fn a_path_that_is_missing_is_named() {
    let (sandbox, folder) = (acme(), Folder::new());
    let _ = folder.write("build/sonarwork/report-task.txt", b"ceTaskId=x\n");
    fs::create_dir(folder.path().join("empty")).unwrap();
    let gatepost = after_scan(&sandbox, &folder);
    for (named, told) in [
        ("x/report-task.txt", "✖ SONAR_REPORT_TASK names \"x/report-task.txt\", which does not exist\n"),
        ("empty", "✖ SONAR_REPORT_TASK names the folder \"empty\", which has no report-task.txt\n"),
    ] {
        assert_told(&gatepost.clone().set("SONAR_REPORT_TASK", named).run(), 2, &[told]);
    }
    let gatepost = gatepost.set("SONAR_REPORT_TASK", "x/report-task.txt").set("SCAN_EXIT_CODE", "0");
    insta::assert_snapshot!(gatepost.clone().run().told(), @r#"
    gatepost 0.1.0: the quality gate of a scan without report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ No verdict: "x/report-task.txt" is missing
      why:      SONAR_REPORT_TASK names no file of this build: "x/report-task.txt" is missing; there is build/sonarwork/report-task.txt: pass SONAR_REPORT_TASK
      to do:    check SONAR_REPORT_TASK: a path is relative to the folder of the pipe; run the pipe in the step of the scanner, or pass the file on as an artifact
      status:   Sonar (key sonar): No verdict: "x/report-task.txt" is missing
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no verdict of SonarQube
    exit code 3
    "#);
    assert_eq!(standing(&sandbox)["sonar"].1, "No verdict: \"x/report-task.txt\" is missing");
    insta::assert_snapshot!(gatepost.set("SCAN_EXIT_CODE", "1").run().told(), @r#"
    gatepost 0.1.0: the quality gate of a scan without report-task.txt for acme/api with the access token (BITBUCKET_ACCESS_TOKEN)
    ✖ The scan did not finish (exit code 1)
      why:      "x/report-task.txt" is missing: a scan that fails early leaves no such file; there is build/sonarwork/report-task.txt: pass SONAR_REPORT_TASK
      to do:    see the log of the scanner
      status:   Sonar (key sonar): The scan did not finish (exit code 1)
      link:     https://bitbucket.org/acme/api/pipelines/results/42
    ✖ posted FAILED on acme/api commit 94277cd267a8, branch feature/login: there is no verdict of SonarQube
    exit code 3
    "#);
}

/// Of two files that are named, only the other one is missing.
#[test]
fn the_missing_one_of_two_named_files_is_named() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let folder = scanned("api", &sonarqube.submit(of_pull_request("7")));
    let run = after_scan(&sandbox, &folder)
        .set("SONAR_REPORT_TASK", "api/report-task.txt, web/report-task.txt")
        .set("SCAN_EXIT_CODE", "0")
        .run();
    let told = "No verdict: \"web/report-task.txt\" is missing";
    assert_told(
        &run,
        3,
        &[&format!("✖ {told}\n"), "names no file of this build: \"web/report-task.txt\" is missing\n"],
    );
    assert_eq!(standing(&sandbox)["sonar"].1, told);
}

/// Root may read everything; another user of the test may not.
#[test]
fn a_folder_that_may_not_be_read_is_told_as_that() {
    use std::os::unix::fs::PermissionsExt as _;
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let folder = scanned(".scannerwork", &sonarqube.submit(of_pull_request("7")));
    let place = folder.path().join(".scannerwork");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o000)).unwrap();
    let may_read = fs::read_dir(&place).is_ok();
    let run = after_scan(&sandbox, &folder).run();
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
    if may_read {
        assert_told(&run, 0, &["✔ posted SUCCESSFUL"]);
    } else {
        assert_told(&run, 3, &["✖ .scannerwork cannot be read: Permission denied"]);
        assert!(!run.output.contains("missing"), "{}", run.output);
    }
}

#[test]
fn a_file_in_utf_16_is_read() {
    for (mark, encode) in [
        ([0xff, 0xfe], u16::to_le_bytes as fn(u16) -> [u8; 2]),
        ([0xfe, 0xff], u16::to_be_bytes as fn(u16) -> [u8; 2]),
    ] {
        let (sandbox, sonarqube) = (acme(), sonarqube());
        let (folder, gatepost) = after(&sandbox, &sonarqube.submit(of_pull_request("7")));
        let text = folder.read(".scannerwork/report-task.txt");
        let bytes: Vec<u8> = mark.into_iter().chain(text.encode_utf16().flat_map(encode)).collect();
        let _ = folder.write(".scannerwork/report-task.txt", &bytes);
        assert_told(&gatepost.run(), 0, &[]);
        assert_stands(&sandbox, "SUCCESSFUL", "Quality gate passed: acme_api, pull request 7");
    }
}

#[test]
fn answers_with_a_byte_order_mark_are_read() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let (_folder, gatepost) = after(&sandbox, &sonarqube.submit(of_pull_request("7")));
    sonarqube.fault_always(sandbox::Fault::ByteOrderMark);
    assert_told(&gatepost.run(), 0, &["✔ posted SUCCESSFUL"]);
}

/// Root may search everything; another user of the test may not.
#[test]
fn a_parent_folder_that_may_not_be_searched_is_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let folder = scanned("api/.scannerwork", &sonarqube.submit(of_pull_request("7")));
    let place = folder.path().join("api");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o000)).unwrap();
    let may_read = fs::read_dir(&place).is_ok();
    let gatepost = after_scan(&sandbox, &folder);
    let runs = [
        gatepost.clone().set("SCAN_EXIT_CODE", "0"),
        gatepost.clone().set("SCAN_EXIT_CODE", "1"),
        gatepost.set("SCAN_EXIT_CODE", "1").set("SONAR_REPORT_TASK", "*/.scannerwork/report-task.txt"),
    ]
    .map(|gatepost| gatepost.run());
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
    for run in runs {
        if may_read {
            assert!(run.output.contains("✔ posted SUCCESSFUL"), "{}", run.output);
        } else {
            assert_told(&run, 3, &["api cannot be read: Permission denied"]);
            assert!(!run.output.contains("missing"), "{}", run.output);
            assert!(!run.output.contains("did not finish"), "{}", run.output);
        }
    }
}

/// Whether a scanner of this build left the file is not known.
#[test]
fn a_file_beside_a_damaged_index_of_git_is_not_used() {
    let (sandbox, sonarqube) = (acme(), sonarqube());
    let (folder, gatepost) = after(&sandbox, &sonarqube.submit(of_pull_request("7")));
    let _ = folder.write(".git/HEAD", b"ref: refs/heads/main\n");
    let _ = folder.write(".git/index", b"damaged");
    let told = "✖ .scannerwork/report-task.txt is not used: the index of git cannot be read";
    assert_told(&gatepost.run(), 3, &[told]);
    assert_eq!(sonarqube.request_count(), 0);
}

/// No scanner is to blame for a pattern.
#[test]
fn a_wrong_pattern_is_told_as_what_it_is() {
    let (sandbox, folder) = (acme(), Folder::new());
    let run = after_scan(&sandbox, &folder).set("SCAN_EXIT_CODE", "0").set("SONAR_REPORT_TASK", "[").run();
    assert_told(&run, 3, &["✖ SONAR_REPORT_TASK ", "why:      the variable names no file that can be read"]);
}
