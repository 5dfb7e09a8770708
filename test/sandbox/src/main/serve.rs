//! `serve`: keeps the sandbox running, its Bitbucket and its SonarQube, and the page of a pull request.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{self, BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::{Context, bail};
use sandbox::{
    Analysis, Dialect, Fault, Gate, PROJECT_ANALYSIS_TOKEN, PipelinesProxy, Program, Projects,
    REPOSITORY_TOKEN, REVOKED_SONAR_TOKEN, REVOKED_TOKEN, Sandbox, SonarQube, USER_TOKEN, WORKSPACE_TOKEN,
    World,
};

use crate::build;

/// The services that run, and the files beside this program that lead to them.
struct Served {
    sandbox: Arc<Sandbox>,
    sonarqube: SonarQube,
    /// The proxy beside a step of acme/api.
    pipelines_proxy: PipelinesProxy,
    /// The root certificate of Bitbucket.
    root: PathBuf,
    /// A folder for each scan, with the `report-task.txt` that its scanner left.
    scans: PathBuf,
    /// A file with further commits of acme/api, one in each line.
    commits: PathBuf,
}

/// The commits that a command can post to besides that of its variables, for a list of many targets.
const FURTHER_COMMITS: usize = 1000;

/// What a command line sets.
type Pairs<'a> = Vec<(&'a str, String)>;

/// Runs a command with the variables of one status, or says how to use the sandbox and runs until Ctrl-C.
pub(crate) fn serve(arguments: &[OsString]) -> anyhow::Result<ExitCode> {
    let (latency, command) = split_latency(arguments)?;
    let served = Served::start()?;
    if !latency.is_zero() {
        served.sandbox.fault_always(Fault::Delay(latency));
    }
    if let Some((program, arguments)) = command.split_first() {
        let status = Command::new(program)
            .args(arguments)
            .envs(served.target())
            .env("BITBUCKET_API_URL", served.sandbox.https_url())
            .env("SSL_CERT_FILE", &served.root)
            .env("COMMITS_FILE", &served.commits)
            .env("SONAR_HOST_URL", served.sonarqube.http_url())
            .env("SONAR_TOKEN", USER_TOKEN)
            .env("SONAR_REPORT_TASK", served.scan("red"))
            .status()
            .with_context(|| format!("{} cannot be run", program.display()))?;
        return Ok(status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .map_or(ExitCode::FAILURE, ExitCode::from));
    }
    let program = build()?;
    let Program::Binary(binary) = &program else { bail!("the build makes a binary") };
    let page = serve_page(&served.sandbox)?;
    let mut out = io::stdout().lock();
    writeln!(out, "Bitbucket's API is at {} and, with TLS,", served.sandbox.http_url())?;
    writeln!(out, "at {} (SSL_CERT_FILE={}).", served.sandbox.https_url(), served.root.display())?;
    writeln!(out, "SonarQube is at {}.", served.sonarqube.http_url())?;
    writeln!(out, "\nPull request 7 of acme/api as reviewers see it; load the page again after each run:\n")?;
    writeln!(out, "  {page}")?;
    for (title, pairs) in served.runs() {
        writeln!(out, "\n{title}:\n")?;
        let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        writeln!(out, "  {} \\\n    {}", pairs.join(" \\\n  "), binary.display())?;
    }
    writeln!(out, "\nThe image (test/image builds it), for the state that is given:\n")?;
    let pairs: Vec<String> =
        served.given_state().iter().map(|(name, value)| format!("-e {name}={value}")).collect();
    writeln!(
        out,
        "  docker run --rm --network host \\\n    {} \\\n    gatepost:dev",
        pairs.join(" \\\n    ")
    )?;
    tell_credentials(&mut out)?;
    writeln!(out, "\nIt runs until Ctrl-C.")?;
    out.flush()?;
    loop {
        thread::park();
    }
}

/// Splits `--latency MS` off the arguments. Without it, the latency is zero.
fn split_latency(arguments: &[OsString]) -> anyhow::Result<(Duration, &[OsString])> {
    let Some((_, rest)) = arguments.split_first().filter(|(option, _)| *option == "--latency") else {
        return Ok((Duration::ZERO, arguments));
    };
    let (value, command) = rest.split_first().context("--latency needs a number of milliseconds")?;
    let milliseconds = value.to_str().and_then(|value| value.parse().ok());
    let milliseconds = milliseconds
        .with_context(|| format!("--latency is \"{}\", not a number of milliseconds", value.display()))?;
    Ok((Duration::from_millis(milliseconds), command))
}

impl Served {
    fn start() -> anyhow::Result<Self> {
        let mut world = World::acme();
        let commits: Vec<_> = (0..FURTHER_COMMITS).map(|_| world.push("acme/api", "nightly")).collect();
        let sandbox = Arc::new(Sandbox::start(world));
        let projects = Projects::acme(Dialect::Server2025).with_public_url("https://sonar.acme.example");
        let sonarqube = SonarQube::start(projects);
        // Beside this program, so that `cargo clean` removes it: a signal ends this process without a clean-up.
        let root = env::current_exe()?.with_file_name(format!("sandbox-{}.pem", sandbox.https_port()));
        let pipelines_proxy = PipelinesProxy::beside("acme/api", sandbox.http_port(), REPOSITORY_TOKEN);
        let scans = root.with_extension("scans");
        let commits_file = scans.join("commits");
        write(&commits_file, &(commits.join("\n") + "\n"))?;
        let served = Self { sandbox, sonarqube, pipelines_proxy, root, scans, commits: commits_file };
        write(&served.root, served.sandbox.root_certificate_pem())?;
        for (scan, project, pull_request, gate) in [
            ("green", "acme_api", "7", Gate::passed()),
            ("red", "acme_api", "7", Gate::failed()),
            ("api", "acme_api", "7", Gate::failed()),
            ("web", "acme_web", "7", Gate::passed()),
            ("central", "acme_web", "12", Gate::failed()),
        ] {
            // It ends when it is asked for: what SonarQube tells of the pull request then is about this analysis.
            let analysis = Analysis { polls: 1, ..Analysis::of_pull_request(project, pull_request, gate) };
            write(&served.scan(scan), &served.sonarqube.submit(analysis).report_task)?;
        }
        Ok(served)
    }

    /// What the scanner of a scan left.
    fn scan(&self, name: &str) -> PathBuf {
        self.scans.join(name).join("report-task.txt")
    }

    fn target(&self) -> Pairs<'static> {
        let commit = self.sandbox.head("acme/api", "feature/login");
        let text = |text: &str| text.to_owned();
        vec![
            ("BITBUCKET_ACCESS_TOKEN", text(REPOSITORY_TOKEN)),
            ("WORKSPACE", text("acme")),
            ("REPO_SLUG", text("api")),
            ("COMMIT", commit),
        ]
    }

    fn with_target(&self, more: &[(&'static str, String)]) -> Pairs<'static> {
        let mut pairs = self.target();
        pairs.push(("BRANCH", "feature/login".to_owned()));
        pairs.push(("BITBUCKET_API_URL", self.sandbox.http_url()));
        pairs.extend_from_slice(more);
        pairs
    }

    fn given_state(&self) -> Pairs<'static> {
        let text = |text: &str| text.to_owned();
        self.with_target(&[("STATE", text("passed")), ("KEY", text("tests")), ("NAME", text("Tests"))])
    }

    /// The runs to try, with what they show.
    fn runs(&self) -> Vec<(&'static str, Pairs<'static>)> {
        let of_sonarqube = |files: &[&str]| {
            let files: Vec<String> = files.iter().map(|file| self.scan(file).display().to_string()).collect();
            [
                ("PULL_REQUEST", "7".to_owned()),
                ("SONAR_TOKEN", USER_TOKEN.to_owned()),
                ("SONAR_HOST_URL", self.sonarqube.http_url()),
                ("SONAR_REPORT_TASK", files.join(",")),
            ]
        };
        let check = [("MODE", "check".to_owned())];
        let central = [
            ("BITBUCKET_ACCESS_TOKEN", WORKSPACE_TOKEN.to_owned()),
            ("WORKSPACE", "acme".to_owned()),
            ("REPO_SLUG", "web".to_owned()),
            ("PULL_REQUEST", "12".to_owned()),
            ("BITBUCKET_API_URL", self.sandbox.http_url()),
        ];
        let of_build = [
            ("BITBUCKET_BUILD_NUMBER", "42".to_owned()),
            ("BITBUCKET_WORKSPACE", "acme".to_owned()),
            ("BITBUCKET_REPO_SLUG", "api".to_owned()),
            ("BITBUCKET_COMMIT", self.sandbox.head("acme/api", "feature/login")),
            ("BITBUCKET_BRANCH", "feature/login".to_owned()),
            ("BITBUCKET_PR_ID", "7".to_owned()),
            ("STATUS", "false".to_owned()),
            ("REPORT_PROXY", self.pipelines_proxy.url()),
        ];
        let of_red = of_sonarqube(&["red"]).into_iter().skip(1);
        let of_central = of_sonarqube(&["central"]).into_iter().skip(1);
        vec![
            ("A state that is given", self.given_state()),
            ("A red quality gate, with its issues", self.with_target(&of_sonarqube(&["red"]))),
            ("A green quality gate", self.with_target(&of_sonarqube(&["green"]))),
            ("A monorepo with two projects", self.with_target(&of_sonarqube(&["api", "web"]))),
            (
                "A central pipeline, for pull request 12 of acme/web",
                central.into_iter().chain(of_central).collect(),
            ),
            (
                "A report without a status and a credential, through the proxy of Pipelines",
                of_build.into_iter().chain(of_red).collect(),
            ),
            (
                "A check, which posts nothing",
                self.with_target(&[&of_sonarqube(&["red"])[..], &check].concat()),
            ),
        ]
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, text));
    written.with_context(|| format!("{} cannot be written", path.display()))
}

/// Serves the page of pull request 7, and returns its address.
fn serve_page(sandbox: &Arc<Sandbox>) -> io::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = format!("http://{}/", listener.local_addr()?);
    let sandbox = sandbox.clone();
    thread::spawn(move || {
        for browser in listener.incoming().flatten() {
            let sandbox = sandbox.clone();
            // An error is a browser that went away. It may open a connection before it needs it.
            thread::spawn(move || answer(browser, &sandbox));
        }
    });
    Ok(address)
}

fn answer(mut browser: TcpStream, sandbox: &Sandbox) -> io::Result<()> {
    let mut head = String::new();
    let mut reader = BufReader::new(browser.try_clone()?);
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    let (status, page) = if head.starts_with("GET / ") {
        ("200 OK", sandbox.world(|world| world.pull_request_page("acme/api", 7)))
    } else {
        ("404 Not Found", "<!DOCTYPE html><title>Nothing is here</title>".to_owned())
    };
    write!(
        browser,
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
        page.len()
    )
}

fn tell_credentials(out: &mut impl Write) -> io::Result<()> {
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
        ("of SonarQube, that may not see issues", "SONAR_TOKEN", PROJECT_ANALYSIS_TOKEN),
        ("of SonarQube, that was revoked", "SONAR_TOKEN", REVOKED_SONAR_TOKEN),
    ] {
        writeln!(out, "  {what}\n    {variable}={token}")?;
    }
    Ok(())
}
