//! The demo: Gatepost works with the sandbox.
//!
//! `cargo run -p sandbox` plays some scenes and ends. `cargo run -p sandbox -- serve` keeps the sandbox running and
//! says how to use it. With a command after `serve`, it runs the command and ends with it. With
//! `--latency`, Bitbucket waits before each answer.

#[path = "main/changes.rs"]
mod changes;
#[path = "main/fleet.rs"]
mod fleet;
#[path = "main/scenes.rs"]
mod scenes;
#[path = "main/serve.rs"]
mod serve;

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
    path::PathBuf,
    process::{Command, ExitCode},
};

use anyhow::{Context, ensure};
use sandbox::{Dialect, Gatepost, Program, Projects, Sandbox, SonarQube, World};

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    match arguments.split_first() {
        None => demo().map(|()| ExitCode::SUCCESS),
        Some((verb, rest)) if verb == "serve" => serve::serve(rest),
        Some((word, [])) if ["--help", "-h", "help"].iter().any(|help| word == *help) => {
            writeln!(io::stdout(), "{USAGE}")?;
            Ok(ExitCode::SUCCESS)
        }
        Some((word, _)) => {
            writeln!(io::stderr(), "sandbox does not know \"{}\"\n\n{USAGE}", word.display())?;
            Ok(ExitCode::from(2))
        }
    }
}

const USAGE: &str = "\
usage: cargo run -p sandbox [-- ARGUMENT...]

  (no argument)                   plays the demo: some scenes of Gatepost with a Bitbucket and a SonarQube
  serve                           keeps both running, and prints commands to try, until Ctrl-C
  serve COMMAND [ARGUMENT...]     runs a command with both, and the variables of one status, and ends with it
  serve --latency MS [COMMAND...] the same, and Bitbucket answers each request MS milliseconds later
  --help                          prints this";

fn demo() -> anyhow::Result<()> {
    let program = build()?;
    let sandbox = Sandbox::start(World::acme());
    let projects = Projects::acme(Dialect::Server2025).with_public_url("https://sonar.acme.example");
    let sonarqube = SonarQube::start(projects);
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "Each scene shows the pipe as a user writes it, its log, and what changed on the pull request:"
    )?;
    writeln!(out, "+ is a new status, ~ is a status that was overwritten.")?;
    let played = scenes::play_all(&program, &sandbox, &sonarqube, &mut out)?;
    let fleet = fleet::play_all(&program, played, &mut out)?;
    writeln!(
        out,
        "\nEverything ran on this machine: Bitbucket received {} requests, SonarQube {}.",
        sandbox.request_count() + fleet.bitbucket,
        sonarqube.request_count() + fleet.sonarqube
    )?;
    writeln!(out, "Try it yourself: cargo run -p sandbox -- serve")?;
    Ok(())
}

/// Shows the pipe as a user writes it, and returns it with these variables.
fn show_pipe(
    variables: &[(&'static str, String)],
    mut pipe: Gatepost,
    out: &mut impl Write,
) -> io::Result<Gatepost> {
    writeln!(out, "   the pipe")?;
    writeln!(out, "       - pipe: gatepost/gatepost:{}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "         variables:")?;
    for (name, value) in variables {
        let is_secret = ["TOKEN", "TOKENS", "PASSWORD"].iter().any(|end| name.ends_with(end));
        // A user writes the name of a secured variable.
        writeln!(out, "           {name}: {}", if is_secret { format!("${name}") } else { value.clone() })?;
        pipe = pipe.set(name, value);
    }
    Ok(pipe)
}

/// Runs the pipe and shows its log.
fn run_pipe(pipe: &Gatepost, exit_code: i32, out: &mut impl Write) -> anyhow::Result<()> {
    let ended = pipe.run();
    writeln!(out, "   the log (exit code {})", ended.code)?;
    for line in ended.output.lines() {
        writeln!(out, "       {line}")?;
    }
    ensure!(ended.code == exit_code, "exit code {}, but {exit_code} was expected", ended.code);
    Ok(())
}

/// Builds Gatepost with the profile of this program, and returns the binary.
fn build() -> anyhow::Result<Program> {
    let own = env::current_exe()?;
    let folder: PathBuf = own.parent().context("a program is in a folder")?.to_owned();
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["build", "--quiet", "--package", "gatepost", "--bin", "gatepost"]);
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    // With the variables that `cargo run` sets for this package, cargo would run build scripts again.
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
