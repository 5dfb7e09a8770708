//! How far a long run is, in one line from time to time.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    fmt::Write as _,
    time::{Duration, Instant},
};

use crate::{
    config::keyring::Keyring,
    console::{
        log::Console,
        text::{grouped, rounded},
    },
    http::throttle::Allowance,
};

/// How often the reader is told how far the run is. A shorter run says nothing.
const INTERVAL: Duration = Duration::from_secs(15);
/// The pace is measured over this many intervals. Skipped targets and pauses distort it only for that time.
const INTERVALS: usize = 20;

/// How far a run is.
#[derive(Debug)]
pub(crate) struct Progress {
    /// What is counted, such as "targets".
    things: &'static str,
    all: usize,
    done: Cell<usize>,
    begun: Instant,
    /// When the reader was told, and how many targets were done then.
    told: RefCell<VecDeque<(Duration, usize)>>,
}

/// What is known of a run at a moment.
#[derive(Debug, Default)]
struct Moment {
    things: &'static str,
    all: usize,
    done: usize,
    /// The number of targets that were done within this time.
    recent: (usize, Duration),
    /// What else the run says.
    rest: String,
    /// How long all requests with a credential pause.
    pause: Option<Duration>,
    /// The allowance that has least left, with its credential.
    allowance: Option<(Allowance, String)>,
}

impl Progress {
    /// Of a run over so many things, such as "targets".
    pub(crate) fn of(all: usize, things: &'static str) -> Self {
        let told = VecDeque::from([(Duration::ZERO, 0)]);
        Self { things, all, done: Cell::default(), begun: Instant::now(), told: RefCell::new(told) }
    }

    /// Counts one that is done.
    pub(crate) fn add(&self) {
        self.done.set(self.done.get() + 1);
    }

    pub(crate) const fn is_done(&self) -> bool {
        self.done.get() == self.all
    }

    /// Does the work, and tells from time to time how far it is. `rest` is what else the line says.
    pub(crate) async fn tell_during<T>(
        &self,
        work: impl Future<Output = T>,
        keyring: &Keyring,
        rest: impl Fn() -> String,
        console: &Console,
    ) -> T {
        tokio::select! {
            done = work => done,
            never = self.tell(keyring, rest, console) => match never {},
        }
    }

    /// Tells from time to time how far the run is, and never ends.
    pub(crate) async fn tell(
        &self,
        keyring: &Keyring,
        rest: impl Fn() -> String,
        console: &Console,
    ) -> std::convert::Infallible {
        loop {
            tokio::time::sleep(INTERVAL).await;
            let moment = self.moment(self.begun.elapsed());
            let moment = Moment { rest: rest(), ..moment }.with_allowance(keyring, Instant::now());
            console.line(moment.line());
        }
    }

    /// How far the run is after this time.
    fn moment(&self, elapsed: Duration) -> Moment {
        let mut told = self.told.borrow_mut();
        let done = self.done.get();
        let (since, before) = told.front().copied().unwrap_or_default();
        told.push_back((elapsed, done));
        if told.len() > INTERVALS {
            told.pop_front();
        }
        let recent = (done - before, elapsed.saturating_sub(since));
        Moment { things: self.things, all: self.all, done, recent, ..Moment::default() }
    }
}

impl Moment {
    fn with_allowance(mut self, keyring: &Keyring, now: Instant) -> Self {
        let credentials = keyring.credentials();
        for credential in credentials {
            let throttle = &credential.throttle;
            self.pause = self.pause.max(throttle.pause_left(now));
            let Some(allowance) = throttle.allowance(now) else { continue };
            if self.allowance.as_ref().is_none_or(|(least, _)| allowance.left < least.left) {
                self.allowance = Some((allowance, credential.authorization.description.clone()));
            }
        }
        self
    }

    fn line(&self) -> String {
        let Self { things, all, done, recent: (recent, within), rest, pause, allowance } = self;
        let mut line = format!("{} of {} {things}", grouped(*done), grouped(*all));
        if *recent > 0 && done < all {
            let pace = whole(*recent) / within.as_secs_f64();
            let _ = write!(line, ", {}, about {} to go", per_time(pace), time(whole(all - done) / pace));
        }
        line.push_str(rest);
        if let Some(pause) = pause {
            let _ = write!(line, "; requests pause for {} s because of the rate limit", rounded(*pause));
        }
        if let Some((Allowance { left, allowed }, description)) = allowance {
            let (left, allowed) = (grouped(*left), grouped(*allowed));
            let _ = write!(line, "; at most {left} of {allowed} requests an hour left {description}");
        }
        line
    }
}

#[expect(clippy::cast_precision_loss, reason = "a run has fewer targets than a float has digits for")]
const fn whole(number: usize) -> f64 {
    number as f64
}

/// A pace in the unit that makes it readable. It is given in targets a second.
fn per_time(pace: f64) -> String {
    let (number, unit) = match pace {
        1.0.. => (pace, "a second"),
        _ if pace * 60.0 >= 1.0 => (pace * 60.0, "a minute"),
        _ => (pace * 3600.0, "an hour"),
    };
    if number < 9.95 { format!("{number:.1} {unit}") } else { format!("{number:.0} {unit}") }
}

/// A time of so many seconds, in the unit that makes it readable.
fn time(seconds: f64) -> String {
    match seconds {
        ..90.0 => format!("{seconds:.0} s"),
        ..5400.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_the_run_is() {
        let allowance = Allowance { left: 588, allowed: 1000 };
        let moment = Moment {
            things: "targets",
            all: 1000,
            done: 412,
            recent: (412, Duration::from_secs(15)),
            allowance: Some((allowance, "with the access token (BITBUCKET_ACCESS_TOKEN)".to_owned())),
            ..Moment::default()
        };
        assert_eq!(
            moment.line(),
            "412 of 1,000 targets, 27 a second, about 21 s to go; at most 588 of 1,000 requests an hour left with the access token (BITBUCKET_ACCESS_TOKEN)"
        );
    }

    #[test]
    fn a_line_says_only_what_is_known() {
        let moment = Moment { things: "repositories", all: 10_000, ..Moment::default() };
        assert_eq!(moment.line(), "0 of 10,000 repositories");
        let rest = "; 3 not posted".to_owned();
        let moment = Moment { rest, pause: Some(Duration::from_secs(40)), ..moment };
        assert_eq!(
            moment.line(),
            "0 of 10,000 repositories; 3 not posted; requests pause for 40 s because of the rate limit"
        );
        let moment = Moment { done: 10_000, recent: (1, INTERVAL), ..moment };
        assert!(moment.line().starts_with("10,000 of 10,000 repositories; 3 not posted; requests pause"));
    }

    #[test]
    fn paces_and_times_are_readable() {
        let pace = |number| per_time(number);
        assert_eq!(
            [pace(27.4), pace(1.54), pace(0.5), pace(0.01)],
            ["27 a second", "1.5 a second", "30 a minute", "36 an hour"]
        );
        assert_eq!([time(22.4), time(600.0), time(9000.0)], ["22 s", "10 min", "2.5 h"]);
    }

    #[test]
    fn the_pace_is_that_of_the_last_minutes() {
        let progress = Progress::of(1000, "targets");
        progress.done.set(500);
        assert_eq!(progress.moment(INTERVAL).recent, (500, INTERVAL), "they were skipped");
        for number in 2_u32..60 {
            progress.add();
            let _ = progress.moment(INTERVAL * number);
        }
        let moment = progress.moment(INTERVAL * 60);
        let intervals = u32::try_from(INTERVALS).unwrap();
        assert_eq!((moment.done, moment.recent), (558, (INTERVALS - 1, INTERVAL * intervals)));
    }
}
