//! Counts the checks of one target, and tells the reader of each.

use std::fmt;

use crate::{
    console::log::Console,
    explain::{
        no_verdict::NoVerdict,
        tell::{Refused, tell, tell_no_verdict},
    },
    http::failed_request::Service,
    model::outcome::Outcome,
};

/// The checks of one target so far.
pub(super) struct Tally<'a> {
    pub(super) console: &'a Console,
    passed: u32,
    notable: u32,
    failed: u32,
    worst: Outcome,
}

impl<'a> Tally<'a> {
    pub(super) const fn new(console: &'a Console) -> Self {
        Self { console, passed: 0, notable: 0, failed: 0, worst: Outcome::Done }
    }

    pub(super) fn passed(&mut self, what: impl fmt::Display) {
        self.passed += 1;
        if self.console.is_of_run() {
            self.console.done(what);
        }
    }

    /// Something that works and needs attention. With a list of targets, the same line is told once.
    pub(super) fn notable(&mut self, what: impl fmt::Display, remedy: impl fmt::Display) {
        self.notable += 1;
        let what = what.to_string();
        if let Some(console) = self.console.news(what.clone()) {
            console.warning(what);
            console.details("to do", remedy);
        }
    }

    pub(super) fn failed(&mut self, what: impl fmt::Display, remedy: impl fmt::Display, outcome: Outcome) {
        self.failed += 1;
        self.worst = self.worst.worse(outcome);
        self.console.failed(what);
        self.console.details("to do", remedy);
    }

    pub(super) fn refused(&mut self, refusal: &impl Refused) {
        self.failed += 1;
        self.worst = self.worst.worse(match refusal.failed().service {
            Service::Bitbucket => Outcome::BitbucketFailed,
            Service::SonarQube => Outcome::SonarQubeFailed,
        });
        tell(refusal, self.console);
    }

    pub(super) fn no_verdict(&mut self, reason: &NoVerdict) {
        self.failed += 1;
        self.worst = self.worst.worse(reason.outcome());
        tell_no_verdict(reason, self.console);
    }

    /// Tells the sum for a single target. With a list, the working targets are counted by the run.
    pub(super) fn end(self) -> Outcome {
        let Self { console, passed, notable, failed, worst } = self;
        let all = passed + notable + failed;
        match (failed, notable) {
            (0, _) if !console.is_of_run() => {}
            (0, 0) => console.done(format_args!("all {all} checks passed; nothing was posted")),
            (0, _) => {
                let need = if notable == 1 { "needs" } else { "need" };
                console.done(format_args!(
                    "{passed} of {all} checks passed, {notable} {need} attention; nothing was posted"
                ));
            }
            _ => console.failed(format_args!("{failed} of {all} checks failed; nothing was posted")),
        }
        worst
    }
}
