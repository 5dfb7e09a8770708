//! `serve`: keeps the sandbox running, its Bitbucket and its SonarQube.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{self, Write},
    process::{Command, ExitCode},
    thread,
};

use anyhow::{Context, bail};
use sandbox::{
    Analysis, Dialect, Gate, Program, Projects, REPOSITORY_TOKEN, REVOKED_SONAR_TOKEN, REVOKED_TOKEN,
    Sandbox, SonarQube, USER_TOKEN, WORKSPACE_TOKEN, World,
};

use crate::build;

/// Runs a command with the variables of one status, or says how to use the sandbox and runs until Ctrl-C.
pub(crate) fn serve(command: &[OsString]) -> anyhow::Result<ExitCode> {
    let sandbox = Sandbox::start(World::acme());
    let sonarqube =
        SonarQube::start(Projects::acme(Dialect::Server2025).with_public_url("https://sonar.acme.example"));
    // Beside this program, so that `cargo clean` removes it: a signal ends this process without a clean-up.
    let root = env::current_exe()?.with_file_name(format!("sandbox-{}.pem", sandbox.https_port()));
    fs::write(&root, sandbox.root_certificate_pem())
        .with_context(|| format!("{} cannot be written", root.display()))?;
    // What a scanner leaves after it has analysed pull request 7, whose quality gate is red.
    let report_task = root.with_extension("report-task.txt");
    let submitted = sonarqube.submit(Analysis::of_pull_request("acme_api", "7", Gate::failed()));
    fs::write(&report_task, submitted.report_task)
        .with_context(|| format!("{} cannot be written", report_task.display()))?;
    let commit = sandbox.head("acme/api", "feature/login");
    let target = [
        ("BITBUCKET_ACCESS_TOKEN", REPOSITORY_TOKEN),
        ("WORKSPACE", "acme"),
        ("REPO_SLUG", "api"),
        ("COMMIT", &commit),
    ];
    if let Some((program, arguments)) = command.split_first() {
        let status = Command::new(program)
            .args(arguments)
            .envs(target)
            .env("BITBUCKET_API_URL", sandbox.https_url())
            .env("SSL_CERT_FILE", &root)
            .env("SONAR_HOST_URL", sonarqube.http_url())
            .env("SONAR_TOKEN", USER_TOKEN)
            .env("SONAR_REPORT_TASK", &report_task)
            .status()
            .with_context(|| format!("{} cannot be run", program.display()))?;
        return Ok(status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .map_or(ExitCode::FAILURE, ExitCode::from));
    }
    let program = build()?;
    let Program::Binary(binary) = &program else { bail!("the build makes a binary") };
    let mut out = io::stdout().lock();
    let pairs: Vec<String> = target
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .chain([format!("BITBUCKET_API_URL={}", sandbox.http_url()), "BRANCH=feature/login".to_owned()])
        .collect();
    writeln!(out, "Bitbucket's API is at {} and, with TLS, at {}", sandbox.http_url(), sandbox.https_url())?;
    writeln!(out, "(SSL_CERT_FILE={}). SonarQube is at {}.", root.display(), sonarqube.http_url())?;
    writeln!(out, "\nThe binary, for pull request 7 of acme/api:\n")?;
    writeln!(out, "  {} \\\n    STATE=passed KEY=tests {}", pairs.join(" \\\n  "), binary.display())?;
    writeln!(out, "\nThe image (test/image builds it), for the same:\n")?;
    writeln!(
        out,
        "  docker run --rm --network host \\\n    -e {} \\\n    -e STATE=passed -e KEY=tests gatepost:dev",
        pairs.join(" \\\n    -e ")
    )?;
    writeln!(out, "\nThe verdict of SonarQube, for the same (its quality gate is red):\n")?;
    writeln!(
        out,
        "  {} \\\n    PULL_REQUEST=7 SONAR_TOKEN={USER_TOKEN} \\\n    SONAR_HOST_URL={} \\\n    SONAR_REPORT_TASK={} \\\n    {}",
        pairs.join(" \\\n  "),
        sonarqube.http_url(),
        report_task.display(),
        binary.display()
    )?;
    writeln!(out, "\nWhat a reviewer sees:\n")?;
    writeln!(
        out,
        "  curl -H 'Authorization: Bearer {REPOSITORY_TOKEN}' \\\n    {}/repositories/acme/api/pullrequests/7/statuses",
        sandbox.http_url()
    )?;
    writeln!(out, "\nOther credentials to try:\n")?;
    for (what, variable, token) in [
        ("of another repository, acme/web", "BITBUCKET_ACCESS_TOKEN", sandbox::REPOSITORY_TOKEN_OF_WEB),
        ("of the workspace", "BITBUCKET_ACCESS_TOKEN", WORKSPACE_TOKEN),
        (
            "that cannot look up pull requests",
            "BITBUCKET_ACCESS_TOKEN",
            sandbox::REPOSITORY_TOKEN_REPOSITORY_ONLY,
        ),
        ("that was revoked", "BITBUCKET_ACCESS_TOKEN", REVOKED_TOKEN),
        ("of ci@acme.example", "ATLASSIAN_API_TOKEN", sandbox::API_TOKEN),
        ("of ci@acme.example, without scopes", "ATLASSIAN_API_TOKEN", sandbox::API_TOKEN_CLASSIC),
        ("of ci@acme.example, that can only write", "ATLASSIAN_API_TOKEN", sandbox::API_TOKEN_WRITE_ONLY),
        ("of acme-ci, an app password as before 2026", "BITBUCKET_APP_PASSWORD", sandbox::APP_PASSWORD),
        ("of SonarQube, that was revoked", "SONAR_TOKEN", REVOKED_SONAR_TOKEN),
    ] {
        writeln!(out, "  {what}\n    {variable}={token}")?;
    }
    writeln!(out, "\nIt runs until Ctrl-C.")?;
    out.flush()?;
    loop {
        thread::park();
    }
}
