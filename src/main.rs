//! The process: environment and arguments in, exit code out.

use std::{
    ffi::OsString,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use gatepost::{
    config::help,
    console::{log::Console, secrets::without_tokens},
    model::outcome::Outcome,
};

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| defect(panic)));
    let mut console = Console::new(Box::new(io::stdout()));
    console.set_colour(io::stdout().is_terminal());
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let outcome = match arguments.iter().map(|argument| argument.to_str()).collect::<Vec<_>>()[..] {
        [] => run(console, None),
        [Some("check")] => run(console, Some(("MODE".into(), "check".into()))),
        [Some("--help" | "-h" | "help")] => print(&help::help()),
        [Some("--version" | "-V" | "version")] => print(&format!("{}\n", help::VERSION)),
        _ => {
            console.failed("gatepost takes no arguments but check, --help and --version");
            console.detail("to do", "set environment variables instead; gatepost --help lists them");
            Outcome::VariablesWrong
        }
    };
    ExitCode::from(outcome.exit_code())
}

/// Runs in the process's environment, with one more variable or without.
fn run(console: Console, variable: Option<(OsString, OsString)>) -> Outcome {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let outcome = runtime.block_on(gatepost::run(std::env::vars_os().chain(variable), console));
        // A name that is still being looked up has a thread that nothing can stop; it is not waited for.
        runtime.shutdown_background();
        outcome
    };
    run().unwrap_or_else(|error: anyhow::Error| defect(&format_args!("{error:#}")))
}

fn print(text: &str) -> Outcome {
    // A reader that stopped reading has seen enough.
    let _ = io::stdout().write_all(text.as_bytes());
    Outcome::Done
}

/// Says so in one line and ends the process; a panic that aborts would end it as if it had been killed.
#[expect(clippy::exit, reason = "a panic hook has no other way to set the exit code")]
fn defect(what: &dyn std::fmt::Display) -> ! {
    let _ = writeln!(
        io::stdout(),
        "✖ this is a defect of gatepost {}, please report this line: {}",
        env!("CARGO_PKG_VERSION"),
        without_tokens(&what.to_string())
    );
    std::process::exit(Outcome::Defect.exit_code().into())
}
