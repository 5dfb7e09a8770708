//! `serve`: keeps the sandbox running.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{self, Write},
    process::{Command, ExitCode},
    thread,
};

use anyhow::{Context, bail};
use sandbox::{Program, REPOSITORY_TOKEN, REVOKED_TOKEN, Sandbox, WORKSPACE_TOKEN, World};

use crate::build;

/// Runs a command with the variables of one status, or says how to use the sandbox and runs until Ctrl-C.
pub(crate) fn serve(command: &[OsString]) -> anyhow::Result<ExitCode> {
    let sandbox = Sandbox::start(World::acme());
    // Beside this program, so that `cargo clean` removes it: a signal ends this process without a clean-up.
    let root = env::current_exe()?.with_file_name(format!("sandbox-{}.pem", sandbox.https_port()));
    fs::write(&root, sandbox.root_certificate_pem())
        .with_context(|| format!("{} cannot be written", root.display()))?;
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
    writeln!(out, "(SSL_CERT_FILE={}).", root.display())?;
    writeln!(out, "\nThe binary, for pull request 7 of acme/api:\n")?;
    writeln!(out, "  {} \\\n    STATE=passed KEY=tests {}", pairs.join(" \\\n  "), binary.display())?;
    writeln!(out, "\nThe image (test/image builds it), for the same:\n")?;
    writeln!(
        out,
        "  docker run --rm --network host \\\n    -e {} \\\n    -e STATE=passed -e KEY=tests gatepost:dev",
        pairs.join(" \\\n    -e ")
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
    ] {
        writeln!(out, "  {what}\n    {variable}={token}")?;
    }
    writeln!(out, "\nIt runs until Ctrl-C.")?;
    out.flush()?;
    loop {
        thread::park();
    }
}
