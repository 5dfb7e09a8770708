//! The scenes of the demo with one repository.

use std::io::Write;

use anyhow::ensure;
use sandbox::{
    Analysis, CI_EMAIL, Folder, Gate, Gatepost, Program, REPOSITORY_TOKEN, REVOKED_TOKEN, Sandbox, SonarQube,
    USER_TOKEN, WORKSPACE_TOKEN,
};

use crate::{changes::Snapshot, run_pipe, show_pipe};

/// One run of Gatepost.
struct Scene {
    title: &'static str,
    /// The lines below `variables:`.
    variables: Vec<(&'static str, String)>,
    build: fn(Program, &Sandbox) -> Gatepost,
    /// What was scanned before: the folder of each project, its key, and the gate that SonarQube computes.
    scanned: Vec<(&'static str, &'static str, Gate)>,
    /// The pull request that the scene shows.
    pull_request: (&'static str, u64),
    exit_code: i32,
    /// The key and the state of each status that changes.
    changes: Vec<(&'static str, &'static str)>,
}

fn scenes(sandbox: &Sandbox, sonarqube: &SonarQube) -> Vec<Scene> {
    let text = str::to_owned;
    let after_scan = || {
        vec![
            ("SONAR_TOKEN", text(USER_TOKEN)),
            ("SONAR_HOST_URL", sonarqube.http_url()),
            ("SCAN_EXIT_CODE", text("0")),
            ("BITBUCKET_ACCESS_TOKEN", text(REPOSITORY_TOKEN)),
        ]
    };
    vec![
        Scene {
            title: "The build of a pull request begins and posts INPROGRESS",
            variables: vec![
                ("STATE", text("INPROGRESS")),
                ("SONAR_PROJECT_KEY", text("acme_api")),
                ("BITBUCKET_ACCESS_TOKEN", text(REPOSITORY_TOKEN)),
            ],
            build: Gatepost::in_pull_request_build,
            scanned: Vec::new(),
            pull_request: ("acme/api", 7),
            exit_code: 0,
            changes: vec![("sonar-acme_api", "INPROGRESS")],
        },
        Scene {
            title: "The scan ends with a red gate: the pipe in after-script overwrites the status",
            variables: after_scan(),
            build: Gatepost::in_pull_request_build,
            scanned: vec![(".", "acme_api", Gate::failed())],
            pull_request: ("acme/api", 7),
            exit_code: 1,
            changes: vec![("sonar-acme_api", "FAILED")],
        },
        Scene {
            title: "The code is corrected and scanned again: the gate is green",
            variables: after_scan(),
            build: Gatepost::in_pull_request_build,
            scanned: vec![(".", "acme_api", Gate::passed())],
            pull_request: ("acme/api", 7),
            exit_code: 0,
            changes: vec![("sonar-acme_api", "SUCCESSFUL")],
        },
        Scene {
            title: "A monorepo with two projects: each project gets a status of its own",
            variables: after_scan(),
            build: Gatepost::in_pull_request_build,
            scanned: vec![("api", "acme_api", Gate::passed()), ("web", "acme_web", Gate::failed())],
            pull_request: ("acme/api", 7),
            exit_code: 1,
            changes: vec![("sonar-acme_api", "SUCCESSFUL"), ("sonar-acme_web", "FAILED")],
        },
        Scene {
            title: "A central pipeline posts to a pull request with an API token: Gatepost looks up the commit",
            variables: vec![
                ("STATE", text("passed")),
                ("NAME", text("Analysis")),
                ("KEY", text("analysis")),
                ("REPO_SLUG", text("api")),
                ("PULL_REQUEST", text("7")),
                ("ATLASSIAN_ACCOUNT_EMAIL", text(CI_EMAIL)),
                ("ATLASSIAN_API_TOKEN", text(sandbox::API_TOKEN)),
            ],
            build: Gatepost::in_central_pipeline,
            scanned: Vec::new(),
            pull_request: ("acme/api", 7),
            exit_code: 0,
            changes: vec![("analysis", "SUCCESSFUL")],
        },
        Scene {
            title: "A central pipeline posts to another repository with the access token of the workspace",
            variables: vec![
                ("STATE", text("passed")),
                ("KEY", text("tests")),
                ("REPO_SLUG", text("web")),
                ("COMMIT", sandbox.head("acme/web", "fix/header")),
                ("BRANCH", text("fix/header")),
                ("BITBUCKET_ACCESS_TOKEN", text(WORKSPACE_TOKEN)),
            ],
            build: Gatepost::in_central_pipeline,
            scanned: Vec::new(),
            pull_request: ("acme/web", 12),
            exit_code: 0,
            changes: vec![("tests", "SUCCESSFUL")],
        },
    ]
}

/// Scenes about tokens. They change nothing.
fn scenes_about_tokens(sonarqube: &SonarQube) -> Vec<Scene> {
    let text = str::to_owned;
    vec![
        Scene {
            title: "A team checks its new token before a pipeline depends on it",
            variables: vec![
                ("MODE", text("check")),
                ("BITBUCKET_ACCESS_TOKEN", text(REPOSITORY_TOKEN)),
                ("SONAR_TOKEN", text(USER_TOKEN)),
                ("SONAR_HOST_URL", sonarqube.http_url()),
                ("SONAR_PROJECT_KEY", text("acme_api")),
            ],
            build: Gatepost::in_branch_build,
            scanned: Vec::new(),
            pull_request: ("acme/api", 7),
            exit_code: 0,
            changes: Vec::new(),
        },
        Scene {
            title: "The token was revoked: Bitbucket refuses the request, and Gatepost says what to do",
            variables: vec![
                ("STATE", text("passed")),
                ("KEY", text("tests")),
                ("BITBUCKET_ACCESS_TOKEN", text(REVOKED_TOKEN)),
            ],
            build: Gatepost::in_pull_request_build,
            scanned: Vec::new(),
            pull_request: ("acme/api", 7),
            exit_code: 4,
            changes: Vec::new(),
        },
        Scene {
            title: "An app password, which no longer exists: Gatepost says so and sends nothing",
            variables: vec![
                ("STATE", text("passed")),
                ("BITBUCKET_USERNAME", text(sandbox::CI_USERNAME)),
                ("BITBUCKET_APP_PASSWORD", text(sandbox::APP_PASSWORD)),
                ("KEY", text("tests")),
            ],
            build: Gatepost::in_pull_request_build,
            scanned: Vec::new(),
            pull_request: ("acme/api", 7),
            exit_code: 2,
            changes: Vec::new(),
        },
    ]
}

/// Plays the scenes, and returns how many there are.
pub(crate) fn play_all(
    program: &Program,
    sandbox: &Sandbox,
    sonarqube: &SonarQube,
    out: &mut impl Write,
) -> anyhow::Result<usize> {
    let mut scenes = scenes(sandbox, sonarqube);
    scenes.extend(scenes_about_tokens(sonarqube));
    for (index, scene) in scenes.iter().enumerate() {
        writeln!(out, "\n{}. {}\n", index + 1, scene.title)?;
        play(scene, program, sandbox, sonarqube, out)?;
    }
    Ok(scenes.len())
}

fn play(
    scene: &Scene,
    program: &Program,
    sandbox: &Sandbox,
    sonarqube: &SonarQube,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (repository, id) = scene.pull_request;
    let folder = Folder::new();
    for (place, project, gate) in &scene.scanned {
        let submitted = sonarqube.submit(Analysis::of_pull_request(project, &id.to_string(), gate.clone()));
        let file = format!("{place}/.scannerwork/report-task.txt");
        let _ = folder.write(&file, submitted.report_task.as_bytes());
        writeln!(out, "   the scanner wrote {}", file.trim_start_matches("./"))?;
    }
    let build =
        (scene.build)(program.clone(), sandbox).unset("STATE").unset("KEY").unset("BITBUCKET_ACCESS_TOKEN");
    let pipe = show_pipe(&scene.variables, build.within(folder.path()), out)?;
    let before = Snapshot::of(sandbox, repository, id);
    run_pipe(&pipe, scene.exit_code, out)?;
    let changes = before.show_changes(out)?;
    let changes: Vec<_> = changes.iter().map(|change| (&*change.status.key, &*change.status.state)).collect();
    ensure!(changes == scene.changes, "changed: {changes:?}, expected: {:?}", scene.changes);
    Ok(())
}
