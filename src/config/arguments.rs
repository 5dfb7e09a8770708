//! The arguments of the command line. Everything else is set by environment variables.

use std::ffi::OsString;

use crate::{config::help, console::log::Console, model::outcome::Outcome};

/// What the arguments ask for.
pub(crate) enum Request {
    /// To run, with one more variable or none.
    Run(Option<(OsString, OsString)>),
    /// To print a text.
    Print(String),
    /// The arguments are not known.
    Wrong,
}

/// Reads the arguments, without the name of the program.
pub(crate) fn read(arguments: &[OsString]) -> Request {
    match arguments.iter().map(|argument| argument.to_str()).collect::<Vec<_>>()[..] {
        [] => Request::Run(None),
        [Some("check")] => Request::Run(Some(("MODE".into(), "check".into()))),
        [Some("--help" | "-h" | "help")] => Request::Print(help::help()),
        [Some("--version" | "-V" | "version")] => Request::Print(format!("{}\n", help::VERSION)),
        _ => Request::Wrong,
    }
}

/// Reports unknown arguments.
pub(crate) fn wrong(console: &Console) -> Outcome {
    console.failed("gatepost accepts only the arguments check, --help and --version");
    console.detail("to do", "set environment variables instead; gatepost --help lists them");
    Outcome::VariablesWrong
}
