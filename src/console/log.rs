//! The log that the reader sees: one fact on each line, and never a secret.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    fmt,
    io::{self, IsTerminal as _, Write},
    rc::Rc,
};

use crate::console::{
    foreign::without_credentials,
    secrets::Secrets,
    text::{counted, forges},
};

/// The log. Everything that a run prints goes through here.
pub(crate) struct Console {
    shared: Rc<Shared>,
    colour: bool,
    debug: bool,
    /// The target that its lines are about, when the run has many targets.
    about: Option<String>,
    /// Whether its lines are printed even after many lines about single targets.
    is_news: bool,
}

/// What all consoles of a run share.
struct Shared {
    out: RefCell<Box<dyn Write>>,
    secrets: RefCell<Secrets>,
    /// The news that was printed in full. It is not printed again.
    told: RefCell<HashSet<String>>,
    /// The number of lines about single targets.
    lines: Cell<usize>,
}

/// More lines about single targets are only counted, unless they are news.
const LINES_ABOUT_TARGETS: usize = 400;
/// More news is treated like other lines.
const NEWS_MAX: usize = 100;

#[derive(Clone, Copy)]
enum Mark {
    Done,
    Failed,
    Warning,
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console").finish_non_exhaustive()
    }
}

impl Console {
    /// A console that writes to `out`, without colour.
    pub(crate) fn new(out: Box<dyn Write>) -> Self {
        let shared = Shared {
            out: RefCell::new(out),
            secrets: RefCell::default(),
            told: RefCell::default(),
            lines: Cell::default(),
        };
        Self { shared: Rc::new(shared), colour: false, debug: false, about: None, is_news: false }
    }

    /// A console on the standard output, with colour when that is a terminal.
    pub(crate) fn stdout() -> Self {
        let mut console = Self::new(Box::new(io::stdout()));
        console.set_colour(io::stdout().is_terminal());
        console
    }

    /// Prints a text of Gatepost itself, as it is.
    pub(crate) fn raw(&self, text: &str) {
        // A reader that has stopped reading has seen enough.
        let _ = self.shared.out.borrow_mut().write_all(text.as_bytes());
    }

    /// The same console for one of many targets: it prints no plain facts, and its other lines begin with the target.
    #[must_use]
    pub(crate) fn about(&self, target: impl fmt::Display) -> Self {
        // Each line begins with it.
        let about = self.clean(&target.to_string());
        Self { shared: self.shared.clone(), about: Some(about), ..*self }
    }

    /// The same console for one of many things that its lines name themselves.
    #[must_use]
    pub(crate) fn about_one_of_many(&self) -> Self {
        self.about("")
    }

    /// The same console for the whole run.
    #[must_use]
    pub(crate) fn of_run(&self) -> Self {
        Self { shared: self.shared.clone(), about: None, ..*self }
    }

    /// A console for news; `None` when it was printed before. For the target of a run without a list, everything is news.
    pub(crate) fn news(&self, what: String) -> Option<Self> {
        let mut told = self.shared.told.borrow_mut();
        let is_first = self.about.is_none() || told.insert(what);
        let is_news = told.len() <= NEWS_MAX;
        is_first.then(|| Self { shared: self.shared.clone(), about: self.about.clone(), is_news, ..*self })
    }

    /// Whether it is for the whole run.
    pub(crate) const fn is_of_run(&self) -> bool {
        self.about.is_none()
    }

    /// Prints the number of lines that were left out. `elsewhere` says where their content is.
    pub(crate) fn tell_left_out(&self, elsewhere: &str) {
        let left_out = self.left_out();
        if left_out > 0 {
            self.warning(format_args!(
                "{} about single targets {}; their reasons are above{elsewhere}",
                counted(left_out, "line"),
                if left_out == 1 { "was left out" } else { "were left out" }
            ));
        }
    }

    fn left_out(&self) -> usize {
        self.shared.lines.get().saturating_sub(LINES_ABOUT_TARGETS)
    }

    pub(crate) const fn set_colour(&mut self, colour: bool) {
        self.colour = colour;
    }

    /// Whether `DEBUG` lines are printed.
    pub(crate) const fn set_debug(&mut self, debug: bool) {
        self.debug = debug;
    }

    /// Hides these secrets, and parts of them, in everything that is printed.
    pub(crate) fn hide(&self, secrets: impl IntoIterator<Item = String>) {
        for secret in secrets {
            self.shared.secrets.borrow_mut().add(&secret);
        }
    }

    /// Prints a plain fact.
    pub(crate) fn line(&self, text: impl fmt::Display) {
        if self.about.is_none() {
            self.print(None, &text.to_string());
        }
    }

    /// Prints a success: green.
    pub(crate) fn done(&self, text: impl fmt::Display) {
        self.print(Some(Mark::Done), &text.to_string());
    }

    /// Prints a failure: red.
    pub(crate) fn failed(&self, text: impl fmt::Display) {
        self.print(Some(Mark::Failed), &text.to_string());
    }

    /// Prints a warning: yellow.
    pub(crate) fn warning(&self, text: impl fmt::Display) {
        self.print(Some(Mark::Warning), &text.to_string());
    }

    /// Prints a detail of the line above.
    pub(crate) fn detail(&self, title: &str, text: impl fmt::Display) {
        self.print(None, &format!("  {:<9} {text}", format!("{title}:")));
    }

    /// Prints each line of a text as a detail.
    pub(crate) fn details(&self, title: &str, text: impl fmt::Display) {
        for line in text.to_string().lines() {
            self.detail(title, line);
        }
    }

    /// Prints a line of `DEBUG`.
    pub(crate) fn debug(&self, text: impl fmt::Display) {
        if self.debug {
            self.of_run().print(None, &format!("  debug: {text}"));
        }
    }

    /// Whether a text holds a secret of the run, or a part of one, or what looks like a token.
    pub(crate) fn knows_secret_in(&self, text: &str) -> bool {
        self.shared.secrets.borrow().are_in(text)
    }

    /// The text without secrets: those of the run, tokens, and passwords in addresses.
    pub(crate) fn without_secrets(&self, text: &str) -> String {
        without_credentials(&self.shared.secrets.borrow().hide(text))
    }

    /// The text without secrets and without characters that could forge a line, a colour or the direction of text.
    pub(crate) fn clean(&self, text: &str) -> String {
        self.without_secrets(text).replace(forges, " ")
    }

    /// The same, unless the secrets are being changed at the moment.
    pub(crate) fn clean_if_free(&self, text: &str) -> Option<String> {
        self.shared.secrets.try_borrow().is_ok().then(|| self.clean(text))
    }

    fn print(&self, mark: Option<Mark>, text: &str) {
        let text = self.clean(text);
        let (sign, colour) = match mark {
            None => ("", ""),
            Some(Mark::Done) => ("✔ ", "\u{1b}[32m"),
            Some(Mark::Failed) => ("✖ ", "\u{1b}[31m"),
            Some(Mark::Warning) => ("! ", "\u{1b}[33m"),
        };
        let about = match (&self.about, mark) {
            (Some(about), Some(_)) if !about.is_empty() => format!("{about}: "),
            _ => String::new(),
        };
        if self.about.is_some() && !self.is_news {
            self.shared.lines.set(self.shared.lines.get() + 1);
            if self.left_out() > 0 {
                return;
            }
        }
        let (start, end) = if self.colour && mark.is_some() { (colour, "\u{1b}[0m") } else { ("", "") };
        let mut out = self.shared.out.borrow_mut();
        // The status is posted even when nobody reads the log any more.
        let _ = writeln!(out, "{start}{sign}{about}{text}{end}").and_then(|()| out.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Page(Rc<RefCell<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn printed(set: impl FnOnce(&mut Console), print: impl FnOnce(&Console)) -> String {
        let out = Page::default();
        let mut console = Console::new(Box::new(out.clone()));
        set(&mut console);
        print(&console);
        let bytes = out.0.borrow().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn marks_have_a_colour_when_asked_for() {
        let print = |console: &Console| {
            console.done("a");
            console.failed("b");
            console.warning("c");
            console.detail("sent", "d");
        };
        assert_eq!(printed(|_| {}, print), "✔ a\n✖ b\n! c\n  sent:     d\n");
        assert_eq!(
            printed(|console| console.set_colour(true), print),
            "\u{1b}[32m✔ a\u{1b}[0m\n\u{1b}[31m✖ b\u{1b}[0m\n\u{1b}[33m! c\u{1b}[0m\n  sent:     d\n"
        );
    }

    #[test]
    fn secrets_are_replaced_wherever_they_stand() {
        let hide = |console: &mut Console| {
            console.hide(["s3cret-value".to_owned(), "a-longer-s3cret-value".to_owned()]);
        };
        assert_eq!(
            printed(hide, |console| console.failed("xs3cret-valuex a-longer-s3cret-value")),
            "✖ x***x ***\n"
        );
    }

    #[test]
    fn a_service_cannot_forge_a_line() {
        assert_eq!(printed(|_| {}, |console| console.line("a\n✔ done\r\u{1b}[2K")), "a ✔ done  [2K\n");
        assert_eq!(printed(|_| {}, |console| console.about("a\n✔ b").done("c")), "✔ a ✔ b: c\n");
    }

    #[test]
    fn lines_about_one_of_many_targets_begin_with_the_target_and_are_limited() {
        let print = |console: &Console| {
            let about = console.about("acme/api");
            about.line("a fact");
            about.failed("a");
            about.detail("why", "b");
            let is_news = |console: &Console, what: &str| console.news(what.to_owned()).is_some();
            assert!(is_news(&about, "x") && !is_news(&about, "x"));
            assert!(is_news(console, "x") && is_news(console, "x"));
            for _ in 0..LINES_ABOUT_TARGETS {
                about.warning("w");
            }
            assert_eq!(about.left_out(), 2);
            about.news("y".to_owned()).unwrap().failed("news");
            for number in 0..NEWS_MAX {
                about.news(number.to_string()).unwrap().failed("news");
            }
            assert_eq!(about.left_out(), 4, "news over the limit is left out");
            about.of_run().done("all");
        };
        let printed = printed(|_| {}, print);
        assert!(printed.starts_with("✖ acme/api: a\n  why:      b\n! acme/api: w\n"), "{printed}");
        assert!(
            printed.ends_with("! acme/api: w\n✔ all\n") || printed.ends_with("news\n✔ all\n"),
            "{printed}"
        );
        assert_eq!(printed.lines().count(), LINES_ABOUT_TARGETS + NEWS_MAX - 1 + 1);
    }

    #[test]
    fn debug_is_silent_until_asked_for() {
        assert_eq!(printed(|_| {}, |console| console.debug("x")), "");
        assert_eq!(printed(|console| console.set_debug(true), |console| console.debug("x")), "  debug: x\n");
    }
}
