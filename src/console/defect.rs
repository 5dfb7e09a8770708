//! How a defect of Gatepost is reported.

use std::{
    fmt,
    io::{self, Write as _},
};

use crate::console::secrets::without_tokens;

/// The exit code for a defect: `EX_SOFTWARE` of `sysexits.h`.
pub(crate) const EXIT_CODE: u8 = 70;

/// Makes a panic end the process with one line and [`EXIT_CODE`]. Without the hook it would end like a killed process.
pub(crate) fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| report(panic)));
}

/// Reports a defect and ends the process.
#[expect(clippy::exit, reason = "a panic hook has no other way to set the exit code")]
pub(crate) fn report(what: &dyn fmt::Display) -> ! {
    let _ = writeln!(
        io::stdout(),
        "✖ this is a defect of gatepost {}, please report this line: {}",
        env!("CARGO_PKG_VERSION"),
        without_tokens(&what.to_string())
    );
    std::process::exit(EXIT_CODE.into())
}
