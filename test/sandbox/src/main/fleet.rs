//! The second part of the demo: one central pipeline and sixty repositories.

use std::io::Write;

use anyhow::ensure;
use sandbox::{
    Analysis, Dialect, Folder, Gate, Gatepost, Program, Projects, Sandbox, SonarQube, USER_TOKEN,
    WORKSPACE_TOKEN, World, repository_token, service,
};
use serde_json::json;

use crate::{changes::Snapshot, run_pipe, show_pipe};

const REPOSITORIES: usize = 60;

/// How many requests each service received.
pub(crate) struct Requests {
    pub(crate) bitbucket: usize,
    pub(crate) sonarqube: usize,
}

/// Plays the scenes of the central pipeline, numbered after those that were `played`.
pub(crate) fn play_all(program: &Program, played: usize, out: &mut impl Write) -> anyhow::Result<Requests> {
    let sandbox = Sandbox::start(World::fleet(REPOSITORIES));
    let mut projects = Projects::acme(Dialect::Server2025).with_public_url("https://sonar.acme.example");
    for number in 1..=REPOSITORIES {
        projects.add_project(&project(number), "A service", true);
    }
    let sonarqube = SonarQube::start(projects);
    triggered(program, played + 1, &sandbox, &sonarqube, out)?;
    nightly(program, played + 2, &sandbox, &sonarqube, out)?;
    Ok(Requests { bitbucket: sandbox.request_count(), sonarqube: sonarqube.request_count() })
}

fn project(number: usize) -> String {
    format!("acme_{}", service(number))
}

/// A build of the central pipeline, before a user passes variables.
fn central(program: &Program, sandbox: &Sandbox) -> Gatepost {
    Gatepost::in_central_pipeline(program.clone(), sandbox)
        .unset("STATE")
        .unset("KEY")
        .unset("BITBUCKET_ACCESS_TOKEN")
}

fn triggered(
    program: &Program,
    number: usize,
    sandbox: &Sandbox,
    sonarqube: &SonarQube,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (slug, text) = (service(7), str::to_owned);
    let full_name = format!("acme/{slug}");
    writeln!(
        out,
        "\n{number}. Pull request 1 of {full_name}, one of {REPOSITORIES} repositories, triggers the central pipeline\n"
    )?;
    let target = [
        ("REPO_SLUG", slug.clone()),
        ("COMMIT", sandbox.head(&full_name, "feature/change")[..12].to_owned()),
        ("BRANCH", text("feature/change")),
        ("PULL_REQUEST", text("1")),
        ("KEY", text("sonar")),
        ("BITBUCKET_ACCESS_TOKEN", text(WORKSPACE_TOKEN)),
    ];
    let begins: Vec<_> = [("STATE", text("INPROGRESS"))].into_iter().chain(target.clone()).collect();
    let begin = show_pipe(&begins, central(program, sandbox), out)?;
    let before = Snapshot::of(sandbox, &full_name, 1);
    run_pipe(&begin, 0, out)?;
    before.show_changes(out)?;

    let submitted = sonarqube.submit(Analysis::of_pull_request(&project(7), "1", Gate::failed()));
    let folder = Folder::new();
    let _ = folder.write("target/.scannerwork/report-task.txt", submitted.report_task.as_bytes());
    writeln!(out, "\n   the scanner wrote target/.scannerwork/report-task.txt")?;
    let ends: Vec<_> = [
        ("SONAR_TOKEN", text(USER_TOKEN)),
        ("SONAR_HOST_URL", sonarqube.http_url()),
        ("SCAN_EXIT_CODE", text("0")),
    ]
    .into_iter()
    .chain(target)
    .collect();
    let end = show_pipe(&ends, central(program, sandbox).within(folder.path()), out)?;
    let before = Snapshot::of(sandbox, &full_name, 1);
    run_pipe(&end, 1, out)?;
    before.show_changes(out)?;
    let own = sandbox.head("acme/central-pipeline", "main");
    ensure!(
        sandbox.statuses("acme/central-pipeline", &own).is_empty(),
        "the central repository got a status"
    );
    Ok(())
}

fn nightly(
    program: &Program,
    number: usize,
    sandbox: &Sandbox,
    sonarqube: &SonarQube,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    writeln!(
        out,
        "\n{number}. A nightly run finds the open pull requests of {REPOSITORIES} repositories by itself\n"
    )?;
    let (revoked, vanished) = (service(13), service(42));
    writeln!(
        out,
        "   the token of acme/{revoked} was revoked, and acme/{vanished}, which is named, was deleted"
    )?;
    sandbox.world(|world| {
        world.revoke(&repository_token(&revoked)).delete_repository(&format!("acme/{vanished}"));
    });
    for number in 1..=REPOSITORIES {
        let gate = if number % 20 == 7 { Gate::failed() } else { Gate::passed() };
        sonarqube.submit(Analysis::of_pull_request(&project(number), "1", gate));
    }
    let folder = Folder::new();
    let text = str::to_owned;
    let variables = [
        ("REPOSITORIES", format!("service-* {vanished}")),
        ("SONAR_PROJECT_KEY", text("acme_{repo_slug}")),
        ("KEY", text("sonar")),
        ("BITBUCKET_ACCESS_TOKEN", text(WORKSPACE_TOKEN)),
        ("BITBUCKET_ACCESS_TOKENS", json!({ &revoked: repository_token(&revoked) }).to_string()),
        ("SONAR_TOKEN", text(USER_TOKEN)),
        ("SONAR_HOST_URL", sonarqube.http_url()),
        ("RESULT_FILE", text("results.jsonl")),
        ("SUMMARY_FILE", text("summary.md")),
    ];
    let pipe = show_pipe(&variables, central(program, sandbox).within(folder.path()), out)?;
    run_pipe(&pipe, 4, out)?;
    writeln!(out, "\n   The page of the run begins:\n")?;
    let page = folder.read("summary.md");
    for line in page.lines().take_while(|line| !line.starts_with("## ")).filter(|line| !line.is_empty()) {
        writeln!(out, "   {line}")?;
    }
    ensure!(page.contains("Left out: **2**"), "the page lacks what could not be read");
    Ok(())
}
