//! The demo: Gatepost at work against the sandbox, as its users would see it.
//!
//! `cargo run -p sandbox` tells a few stories and ends. `cargo run -p sandbox -- serve` keeps the sandbox
//! running and says how to use it; with a command behind it, it runs that command instead and ends with it.

#[path = "main/fleet.rs"]
mod fleet;

use std::{
    env,
    ffi::OsString,
    fs,
    io::{self, Write},
    path::PathBuf,
    process::{Command, ExitCode},
    thread,
};

use anyhow::{Context, bail, ensure};
use sandbox::{
    Analysis, CI_EMAIL, Dialect, Folder, Gate, Gatepost, Program, Projects, REPOSITORY_TOKEN, REVOKED_TOKEN,
    Sandbox, SonarQube, Status, USER_TOKEN, WORKSPACE_TOKEN, World,
};

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    match arguments.split_first() {
        None => demo().map(|()| ExitCode::SUCCESS),
        Some((verb, command)) if verb == "serve" => serve(command),
        Some(_) => bail!("usage: cargo run -p sandbox [-- serve [COMMAND [ARGUMENT...]]]"),
    }
}

/// One story: what the user wrote, and what is expected to come of it.
struct Story {
    title: &'static str,
    /// What stands below `variables:` in the user's file.
    written: Vec<(&'static str, String)>,
    build: fn(Program, &Sandbox) -> Gatepost,
    /// What was scanned before: the folder of each project, its key, and the gate that SonarQube computes.
    scanned: Vec<(&'static str, &'static str, Gate)>,
    /// The pull request to look at.
    pull_request: (&'static str, u64),
    exit_code: i32,
}

fn stories(sandbox: &Sandbox, sonarqube: &SonarQube) -> Vec<Story> {
    let text = str::to_owned;
    let judged = || {
        vec![
            ("SONAR_TOKEN", text(USER_TOKEN)),
            ("SONAR_HOST_URL", sonarqube.http_url()),
            ("SCAN_EXIT_CODE", text("0")),
            ("BITBUCKET_ACCESS_TOKEN", text(REPOSITORY_TOKEN)),
        ]
    };
    vec![
        Story {
            title: "A pull-request build says that it has begun",
            written: vec![("STATE", text("INPROGRESS")), ("BITBUCKET_ACCESS_TOKEN", text(REPOSITORY_TOKEN))],
            build: Gatepost::in_pull_request_build,
            scanned: Vec::new(),
            pull_request: ("acme/api", 7),
            exit_code: 0,
        },
        Story {
            title: "Its after-script carries SonarQube's verdict, a red gate: the same key is overwritten",
            written: judged(),
            build: Gatepost::in_pull_request_build,
            scanned: vec![(".", "acme_api", Gate::failed())],
            pull_request: ("acme/api", 7),
            exit_code: 1,
        },
        Story {
            title: "The code is mended and analysed again: the gate turns green",
            written: judged(),
            build: Gatepost::in_pull_request_build,
            scanned: vec![(".", "acme_api", Gate::passed())],
            pull_request: ("acme/api", 7),
            exit_code: 0,
        },
        Story {
            title: "Two projects of a monorepo are two statuses",
            written: judged(),
            build: Gatepost::in_pull_request_build,
            scanned: vec![("api", "acme_api", Gate::passed()), ("web", "acme_web", Gate::failed())],
            pull_request: ("acme/api", 7),
            exit_code: 1,
        },
        Story {
            title: "The build of main reports on a pull request, which is looked up, with an API token",
            written: vec![
                ("STATE", text("passed")),
                ("NAME", text("Analysis")),
                ("KEY", text("analysis")),
                ("PULL_REQUEST", text("7")),
                ("ATLASSIAN_ACCOUNT_EMAIL", text(CI_EMAIL)),
                ("ATLASSIAN_API_TOKEN", text(sandbox::API_TOKEN)),
            ],
            build: Gatepost::in_branch_build,
            scanned: Vec::new(),
            pull_request: ("acme/api", 7),
            exit_code: 0,
        },
        Story {
            title: "A central pipeline reports to another repository, with the workspace's access token",
            written: vec![
                ("STATE", text("passed")),
                ("REPO_SLUG", text("web")),
                ("COMMIT", sandbox.head("acme/web", "fix/header")),
                ("BRANCH", text("fix/header")),
                ("BITBUCKET_ACCESS_TOKEN", text(WORKSPACE_TOKEN)),
            ],
            build: Gatepost::in_central_pipeline,
            scanned: Vec::new(),
            pull_request: ("acme/web", 12),
            exit_code: 0,
        },
    ]
}

/// What helps those whose token does not work.
fn troubles(sonarqube: &SonarQube) -> Vec<Story> {
    let text = str::to_owned;
    vec![
        Story {
            title: "A team has made a token, and checks it before anything depends on it",
            written: vec![
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
        },
        Story {
            title: "A token that was revoked: Bitbucket refuses, and Gatepost says what to do",
            written: vec![("STATE", text("passed")), ("BITBUCKET_ACCESS_TOKEN", text(REVOKED_TOKEN))],
            build: Gatepost::in_pull_request_build,
            scanned: Vec::new(),
            pull_request: ("acme/api", 7),
            exit_code: 4,
        },
        Story {
            title: "An app password, which Bitbucket removed in 2026: said before anything is sent",
            written: vec![
                ("STATE", text("passed")),
                ("BITBUCKET_USERNAME", text(sandbox::CI_USERNAME)),
                ("BITBUCKET_APP_PASSWORD", text(sandbox::APP_PASSWORD)),
            ],
            build: Gatepost::in_pull_request_build,
            scanned: Vec::new(),
            pull_request: ("acme/api", 7),
            exit_code: 2,
        },
    ]
}

fn demo() -> anyhow::Result<()> {
    let program = build()?;
    let sandbox = Sandbox::start(World::acme());
    let projects = Projects::acme(Dialect::Server2025).with_public_url("https://sonar.acme.example");
    let sonarqube = SonarQube::start(projects);
    let mut out = io::stdout().lock();
    let stories = stories(&sandbox, &sonarqube).into_iter().chain(troubles(&sonarqube));
    let mut stories_told = 0;
    for story in stories {
        stories_told += 1;
        tell(stories_told, &story, &program, &sandbox, &sonarqube, &mut out)?;
    }
    let fleet = fleet::demo(&program, stories_told, &mut out)?;
    writeln!(
        out,
        "\nAll of it on this machine: {} requests reached its Bitbucket, {} its SonarQube.",
        sandbox.request_count() + fleet.bitbucket,
        sonarqube.request_count() + fleet.sonarqube
    )?;
    writeln!(out, "To try it yourself: cargo run -p sandbox -- serve")?;
    Ok(())
}

fn tell(
    number: usize,
    story: &Story,
    program: &Program,
    sandbox: &Sandbox,
    sonarqube: &SonarQube,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (repository, id) = story.pull_request;
    writeln!(out, "\n{number}. {}\n", story.title)?;
    let mut run = (story.build)(program.clone(), sandbox).unset("STATE").unset("BITBUCKET_ACCESS_TOKEN");
    run = write(&story.written, run, out)?;
    let folder = Folder::new();
    for (place, project, gate) in &story.scanned {
        let submitted = sonarqube.submit(Analysis::of_pull_request(project, &id.to_string(), gate.clone()));
        let file = format!("{place}/.scannerwork/report-task.txt");
        let _ = folder.write(&file, submitted.report_task.as_bytes());
        writeln!(out, "   the scanner left {}", file.trim_start_matches("./"))?;
    }
    run = run.within(folder.path());
    show_builds(out, "before", repository, id, sandbox)?;
    log(&run, story.exit_code, out)?;
    show_builds(out, "after", repository, id, sandbox)?;
    Ok(())
}

/// Shows what the user wrote, and sets it.
fn write(
    written: &[(&'static str, String)],
    mut run: Gatepost,
    out: &mut impl Write,
) -> io::Result<Gatepost> {
    writeln!(out, "   the user wrote")?;
    writeln!(out, "       - pipe: gatepost/gatepost:{}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "         variables:")?;
    for (name, value) in written {
        let is_secret = ["TOKEN", "TOKENS", "PASSWORD"].iter().any(|end| name.ends_with(end));
        // A user writes the name of a secured variable.
        writeln!(out, "           {name}: {}", if is_secret { format!("${name}") } else { value.clone() })?;
        run = run.set(name, value);
    }
    Ok(run)
}

/// Runs, and shows the log.
fn log(run: &Gatepost, exit_code: i32, out: &mut impl Write) -> anyhow::Result<()> {
    let ended = run.run();
    writeln!(out, "   the log (exit code {})", ended.code)?;
    for line in ended.output.lines() {
        writeln!(out, "       {line}")?;
    }
    ensure!(ended.code == exit_code, "exit code {}, but {exit_code} was expected", ended.code);
    Ok(())
}

fn show_builds(
    out: &mut impl Write,
    when: &str,
    repository: &str,
    id: u64,
    sandbox: &Sandbox,
) -> io::Result<()> {
    writeln!(out, "   pull request {id} of {repository} {when}")?;
    let statuses = sandbox.pull_request_statuses(repository, id);
    if statuses.is_empty() {
        writeln!(out, "       no builds")?;
    }
    for Status { state, name, description, key, url, .. } in statuses {
        writeln!(
            out,
            "       {state:<10}  {}: {}  (key {key})  {}",
            name.unwrap_or_default(),
            description.unwrap_or_default(),
            url.unwrap_or_default()
        )?;
    }
    Ok(())
}

fn serve(command: &[OsString]) -> anyhow::Result<ExitCode> {
    let sandbox = Sandbox::start(World::acme());
    // Beside this program, where a clean-up takes it along: a signal ends this process without one.
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
    writeln!(out, "  {} \\\n    STATE=passed {}", pairs.join(" \\\n  "), binary.display())?;
    writeln!(out, "\nThe image (test/image builds it), for the same:\n")?;
    writeln!(
        out,
        "  docker run --rm --network host \\\n    -e {} \\\n    -e STATE=passed gatepost:dev",
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
            "that may not look pull requests up",
            "BITBUCKET_ACCESS_TOKEN",
            sandbox::REPOSITORY_TOKEN_REPOSITORY_ONLY,
        ),
        ("that was revoked", "BITBUCKET_ACCESS_TOKEN", REVOKED_TOKEN),
        ("of ci@acme.example", "ATLASSIAN_API_TOKEN", sandbox::API_TOKEN),
        ("of ci@acme.example, without scopes", "ATLASSIAN_API_TOKEN", sandbox::API_TOKEN_CLASSIC),
        ("of ci@acme.example, that writes only", "ATLASSIAN_API_TOKEN", sandbox::API_TOKEN_WRITE_ONLY),
        ("of acme-ci, as before 2026", "BITBUCKET_APP_PASSWORD", sandbox::APP_PASSWORD),
    ] {
        writeln!(out, "  {what}\n    {variable}={token}")?;
    }
    writeln!(out, "\nIt runs until Ctrl-C.")?;
    out.flush()?;
    loop {
        thread::park();
    }
}

/// Builds Gatepost as this program was built, and says where it is.
fn build() -> anyhow::Result<Program> {
    let own = env::current_exe()?;
    let folder: PathBuf = own.parent().context("a program is in a folder")?.to_owned();
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["build", "--quiet", "--package", "gatepost", "--bin", "gatepost"]);
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    // What `cargo run` says of this package would make build scripts run again, with all that follows.
    for (name, _) in env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("CARGO_PKG_") || name_text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    if folder.ends_with("release") {
        command.arg("--release");
    }
    ensure!(command.status()?.success(), "gatepost cannot be built");
    Ok(Program::Binary(folder.join("gatepost")))
}
