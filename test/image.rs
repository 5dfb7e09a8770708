//! The real image in a real container. `test/image` builds it, and says in `GATEPOST_IMAGE` what it is called
//! and in `GATEPOST_CONTAINER` how a container is run here.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use sandbox::{Analysis, Dialect, Folder, Gate, Gatepost, Program, Projects, Sandbox, SonarQube, World};

const RESTRICTED: [&str; 6] =
    ["--user", "65532", "--read-only", "--cap-drop", "ALL", "--security-opt=no-new-privileges"];

fn image(flags: &[&str]) -> Program {
    let variable =
        |name| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: test/image sets it"));
    let container = variable("GATEPOST_CONTAINER");
    Program::Image {
        run: container.split_whitespace().chain(flags.iter().copied()).map(Into::into).collect(),
        image: variable("GATEPOST_IMAGE").into(),
    }
}

#[test]
fn it_posts_to_the_pull_request() {
    let sandbox = Sandbox::start(World::acme());
    for (flags, key) in [(&[][..], "default-user"), (&RESTRICTED, "restricted")] {
        let run = Gatepost::in_pull_request_build(image(flags), &sandbox).set("KEY", key).run();
        assert_eq!(run.code, 0, "{}", run.output);
    }
    assert_eq!(sandbox.requests().len(), 2, "one status is one request");
    assert_eq!(sandbox.pull_request_statuses("acme/api", 7).len(), 2);
}

#[test]
fn it_speaks_https_and_writes_where_pipelines_mounts() {
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

#[test]
fn it_carries_sonarqubes_verdict_in_three_requests() {
    let (sandbox, sonarqube) =
        (Sandbox::start(World::acme()), SonarQube::start(Projects::acme(Dialect::Server2025)));
    for (gate, state, code) in [(Gate::failed(), "FAILED", 1), (Gate::passed(), "SUCCESSFUL", 0)] {
        let folder = Folder::new();
        let submitted = sonarqube.submit(Analysis::of_pull_request("acme_api", "7", gate));
        let _ = folder.write("target/sonar/report-task.txt", submitted.report_task.as_bytes());
        let volume = format!("--volume={}:/opt/atlassian/pipelines/agent/build", folder.path().display());
        let program = image(&[&volume, "--workdir=/opt/atlassian/pipelines/agent/build"]);
        let before = sandbox.requests().len() + sonarqube.requests().len();
        let run = Gatepost::in_pull_request_build(program, &sandbox)
            .unset("STATE")
            .set("SONAR_TOKEN", sandbox::USER_TOKEN)
            .run();
        assert_eq!(run.code, code, "{}", run.output);
        assert_eq!(sandbox.requests().len() + sonarqube.requests().len() - before, 3);
        let shown = sandbox.pull_request_statuses("acme/api", 7);
        assert_eq!((shown.len(), shown[0].state.as_str()), (1, state));
    }
}

#[test]
fn it_tells_a_refusal_by_its_exit_code() {
    let sandbox = Sandbox::start(World::acme());
    let refused = Gatepost::in_branch_build(image(&[]), &sandbox)
        .set("BITBUCKET_ACCESS_TOKEN", sandbox::REVOKED_TOKEN)
        .run();
    assert_eq!(refused.code, 4, "{}", refused.output);
    let nothing_set = Gatepost::bare(image(&[])).run();
    assert_eq!(nothing_set.code, 2, "{}", nothing_set.output);
}
