//! The program; see the library for the flow.

use std::process::ExitCode;

fn main() -> ExitCode {
    gatepost::main()
}
