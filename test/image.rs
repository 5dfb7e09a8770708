//! The real image in a real container.
//!
//! `test/image` builds the image and sets three variables: `GATEPOST_IMAGE` is the name of the image,
//! `GATEPOST_CONTAINER` the command that runs a container, and `GATEPOST_BINARY` the path of the static binary.
//! For a platform that the machine does not have, the command starts an emulator, and the path of the program follows
//! the name of the image.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{env, time::Duration};

use sandbox::{
    Analysis, Dialect, Fault, Folder, Gate, Gatepost, Program, Projects, Sandbox, SonarQube, World,
};

const RESTRICTED: [&str; 6] =
    ["--user", "65532", "--read-only", "--cap-drop", "ALL", "--security-opt=no-new-privileges"];

fn image(flags: &[&str]) -> Program {
    let variable = |name| env::var(name).unwrap_or_else(|_| panic!("{name} is not set: test/image sets it"));
    let container = variable("GATEPOST_CONTAINER");
    Program::Image {
        run: container.split_whitespace().chain(flags.iter().copied()).map(Into::into).collect(),
        image: variable("GATEPOST_IMAGE").split_whitespace().map(Into::into).collect(),
    }
}

#[test]
fn the_image_posts_to_the_pull_request() {
    let sandbox = Sandbox::start(World::acme());
    for (flags, key) in [(&[][..], "default-user"), (&RESTRICTED, "restricted")] {
        let run = Gatepost::in_pull_request_build(image(flags), &sandbox).set("KEY", key).run();
        assert_eq!(run.code, 0, "{}", run.output);
    }
    assert_eq!(sandbox.requests().len(), 2, "one status is one request");
    assert_eq!(sandbox.pull_request_statuses("acme/api", 7).len(), 2);
}

#[test]
fn the_image_speaks_https_and_writes_to_the_folder_that_pipelines_mounts() {
    let (sandbox, folder) = (Sandbox::start(World::acme()), Folder::new());
    let root = folder.write("root.pem", sandbox.root_certificate_pem().as_bytes());
    let volume = format!("--volume={}:/opt/atlassian/pipelines/agent/build", folder.path().display());
    let program = image(&[&volume, "--workdir=/opt/atlassian/pipelines/agent/build"]);
    let run = Gatepost::in_pull_request_build(program, &sandbox)
        .set("BITBUCKET_API_URL", sandbox.https_url())
        .set("SSL_CERT_FILE", root.file_name().unwrap())
        .set("RESULT_FILE", "results.jsonl")
        .run();
    assert_eq!(run.code, 0, "{}", run.output);
    assert_eq!(sandbox.requests().len(), 1);
    assert!(folder.read("results.jsonl").contains("\"outcome\":\"delivered\""));
}

/// Three requests for the verdict; with a report, two for the issues, and three for it and its annotations.
#[test]
fn the_image_posts_sonarqubes_verdict_and_its_issues() {
    let (sandbox, sonarqube) =
        (Sandbox::start(World::acme()), SonarQube::start(Projects::acme(Dialect::Server2025)));
    for (gate, state, code, report, requests) in [
        (Gate::failed(), "FAILED", 1, "false", 3),
        (Gate::passed(), "SUCCESSFUL", 0, "false", 3),
        (Gate::failed(), "FAILED", 1, "issues", 8),
    ] {
        let folder = Folder::new();
        let now = sandbox::date(std::time::SystemTime::now());
        let submitted = sonarqube.submit(Analysis::of_pull_request("acme_api", "7", gate).submitted(&now));
        let _ = folder.write("target/sonar/report-task.txt", submitted.report_task.as_bytes());
        let volume = format!("--volume={}:/opt/atlassian/pipelines/agent/build", folder.path().display());
        let program = image(&[&volume, "--workdir=/opt/atlassian/pipelines/agent/build"]);
        let before = sandbox.requests().len() + sonarqube.requests().len();
        let run = Gatepost::in_pull_request_build(program, &sandbox)
            .unset("STATE")
            .unset("KEY")
            .set("SONAR_TOKEN", sandbox::USER_TOKEN)
            .set("REPORT", report)
            .run();
        assert_eq!(run.code, code, "{}", run.output);
        assert_eq!(sandbox.requests().len() + sonarqube.requests().len() - before, requests);
        let shown = sandbox.pull_request_statuses("acme/api", 7);
        assert_eq!((shown.len(), shown[0].state.as_str()), (1, state));
    }
    let head = sandbox.head("acme/api", "feature/login");
    let reports = sandbox.world(|world| world.reports("acme/api", &head));
    assert_eq!((reports.len(), reports[0].annotations.len()), (1, 3));
    assert_eq!(reports[0].annotations[0]["line"], 10);
}

const TARGETS: u32 = 1000;
const AT_ONCE: u32 = 8;
const LATENCY: Duration = Duration::from_millis(20);

/// The time of a run with a thousand targets, divided by the latency of its requests when they are sent in parallel.
fn ratio_to_latency() -> f64 {
    let (sandbox, folder) = (Sandbox::start(World::fleet(TARGETS as usize)), Folder::new());
    let targets: Vec<_> = (1..=TARGETS as usize)
        .map(|number| {
            let slug = sandbox::service(number);
            let commit = sandbox.head(&format!("acme/{slug}"), "feature/change");
            serde_json::json!({ "repo_slug": slug, "commit": commit, "branch": "feature/change" })
        })
        .collect();
    let _ = folder.write("targets.json", &serde_json::to_vec(&targets).unwrap());
    sandbox.fault_always(Fault::Delay(LATENCY));
    let run = Gatepost::bare(Program::Binary(env::var_os("GATEPOST_BINARY").unwrap().into()))
        .within(folder.path())
        .set("BITBUCKET_API_URL", sandbox.http_url())
        .set("BITBUCKET_ACCESS_TOKEN", sandbox::WORKSPACE_TOKEN)
        .set("WORKSPACE", "acme")
        .set("TARGETS_FILE", "targets.json")
        .set("STATE", "passed")
        .set("KEY", "tests")
        .set("CONCURRENCY", AT_ONCE.to_string())
        .run();
    assert_eq!(run.code, 0, "{}", run.output);
    assert_eq!((sandbox.request_count(), sandbox.most_at_once()), (TARGETS as usize, AT_ONCE as usize));
    run.took.div_duration_f64(LATENCY * TARGETS / AT_ONCE)
}

/// The best of three runs counts, because other work of the machine slows a run down.
#[test]
fn a_thousand_targets_take_little_longer_than_their_share_of_the_latency() {
    let ratios: Vec<_> = (0..3).map(|_| ratio_to_latency()).collect();
    println!("1,000 targets took {ratios:.2?} of their share of the latency");
    assert!(ratios.iter().any(|ratio| *ratio <= 1.3), "{ratios:?}");
}

#[test]
fn the_image_exits_with_4_when_refused_and_with_2_when_nothing_is_set() {
    let sandbox = Sandbox::start(World::acme());
    let refused = Gatepost::in_branch_build(image(&[]), &sandbox)
        .set("BITBUCKET_ACCESS_TOKEN", sandbox::REVOKED_TOKEN)
        .run();
    assert_eq!(refused.code, 4, "{}", refused.output);
    let nothing_set = Gatepost::bare(image(&[])).run();
    assert_eq!(nothing_set.code, 2, "{}", nothing_set.output);
}
