//! Which files name an analysis, and what is told of those that do not.

use std::{fs, os::unix::fs::symlink, process::Command};

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
    assert_told(&named, 2, &[skipped, "✖ SONAR_REPORT_TASK has "]);
    assert_told(&gatepost.set("SCAN_EXIT_CODE", "0").run(), 3, &[skipped]);
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
