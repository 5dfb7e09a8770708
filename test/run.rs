//! The binary under test, in each environment in which it is used.

pub(crate) use sandbox::{Fault, Folder, Gatepost, Run, Sandbox, World};
use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use sandbox::{CLOUD_TOKEN, Program, Proxy, SonarQube, Submitted, WORKSPACE_TOKEN};
use serde_json::Value;

fn binary() -> Program {
    Program::Binary(env!("CARGO_BIN_EXE_gatepost").into())
}

pub(crate) fn acme() -> Sandbox {
    Sandbox::start(World::acme())
}

pub(crate) fn bare() -> Gatepost {
    Gatepost::bare(binary())
}

pub(crate) fn by_hand(sandbox: &Sandbox) -> Gatepost {
    Gatepost::by_hand(binary(), sandbox)
}

pub(crate) fn in_branch_build(sandbox: &Sandbox) -> Gatepost {
    Gatepost::in_branch_build(binary(), sandbox)
}

pub(crate) fn in_pull_request_build(sandbox: &Sandbox) -> Gatepost {
    Gatepost::in_pull_request_build(binary(), sandbox)
}

pub(crate) fn in_central_pipeline(sandbox: &Sandbox) -> Gatepost {
    Gatepost::in_central_pipeline(binary(), sandbox)
}

/// A folder as a scanner leaves it, with `report-task.txt` in one of the usual places.
pub(crate) fn scanned(place: &str, submitted: &Submitted) -> Folder {
    let folder = Folder::new();
    let _ = folder.write(&format!("{place}/report-task.txt"), submitted.report_task.as_bytes());
    folder
}

/// SonarQube Cloud is recognised by its address. A proxy leads from there to this machine.
pub(crate) fn on_cloud(gatepost: Gatepost, sonarqube: &SonarQube) -> Gatepost {
    let proxy = Proxy::to(sonarqube.https_port());
    gatepost
        .set("SONAR_TOKEN", CLOUD_TOKEN)
        .set("SONAR_HOST_URL", "https://sonarcloud.io")
        .set("SONAR_ROOT_CERT", sonarqube.root_certificate_pem())
        .set("HTTPS_PROXY", proxy.url())
}

/// The build of pull request 7, after a scan in this folder.
pub(crate) fn after_scan(sandbox: &Sandbox, folder: &Folder) -> Gatepost {
    in_pull_request_build(sandbox)
        .unset("STATE")
        .unset("KEY")
        .within(folder.path())
        .set("SONAR_TOKEN", sandbox::USER_TOKEN)
        .set("SONAR_TIMEOUT", "10")
        // Most tests are about the status. Reports have tests of their own.
        .set("REPORT", "false")
}

/// Runs until something has arrived, sends a signal such as `-TERM`, and waits for the end.
pub(crate) fn stopped_by(signal: &str, gatepost: &Gatepost, has_arrived: impl Fn() -> bool) -> Run {
    let begun = Instant::now();
    let child = gatepost.start();
    while !has_arrived() {
        assert!(begun.elapsed() < Duration::from_secs(10), "no request came");
        thread::yield_now();
    }
    // The standard library of Rust can only send SIGKILL.
    let sent = Command::new("sh").arg("-c").arg(format!("kill {signal} {}", child.id())).status().unwrap();
    assert!(sent.success());
    gatepost.finish(child, begun)
}

/// Checks the exit code, and that the log has each of these parts.
pub(crate) fn assert_told(run: &Run, code: i32, parts: &[&str]) {
    let told = run.told();
    assert_eq!(run.code, code, "{told}");
    for part in parts {
        assert!(told.contains(part), "no {part:?} in\n{told}");
    }
}

/// A run by hand with the token of the workspace, over these targets.
pub(crate) fn over_list(sandbox: &Sandbox, folder: &Folder, targets: &Value) -> Gatepost {
    folder.write("targets.json", &serde_json::to_vec(targets).unwrap());
    bare()
        .within(folder.path())
        .set("BITBUCKET_API_URL", sandbox.http_url())
        .set("BITBUCKET_ACCESS_TOKEN", WORKSPACE_TOKEN)
        .set("WORKSPACE", "acme")
        .set("TARGETS_FILE", "targets.json")
        .set("TIMEOUT", "20")
}

/// A run by hand with the token of the workspace, over what it finds in these repositories.
pub(crate) fn over_found(sandbox: &Sandbox, repositories: &str) -> Gatepost {
    bare()
        .set("BITBUCKET_API_URL", sandbox.http_url())
        .set("BITBUCKET_ACCESS_TOKEN", WORKSPACE_TOKEN)
        .set("WORKSPACE", "acme")
        .set("REPOSITORIES", repositories)
        .set("KEY", "sonar")
        .set("STATE", "passed")
        .set("TIMEOUT", "20")
}
