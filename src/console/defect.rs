//! How a defect of Gatepost is reported.

use std::{
    cell::RefCell,
    fmt,
    io::{self, Write as _},
};

use crate::console::{log::Console, secrets::without_tokens, text::forges};

/// The exit code for a defect: `EX_SOFTWARE` of `sysexits.h`.
pub(crate) const EXIT_CODE: u8 = 70;

thread_local! {
    /// It knows the secrets of the run.
    static CONSOLE: RefCell<Option<Console>> = const { RefCell::new(None) };
}

/// Hides the secrets of this console in what is reported.
pub(crate) fn hide_secrets_of(console: &Console) {
    CONSOLE.with(|known| known.replace(Some(console.of_run())));
}

/// The text without secrets. Another thread, or a console that is in use at the moment, knows none: then only what looks
/// like a token is hidden.
fn clean(text: &str) -> String {
    let known = CONSOLE.try_with(|console| console.try_borrow().ok()?.as_ref()?.clean_if_free(text));
    let cleaned = known.ok().flatten();
    cleaned.unwrap_or_else(|| without_tokens(text).replace(forges, " "))
}

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
        clean(&what.to_string())
    );
    std::process::exit(EXIT_CODE.into())
}
