//! `SUMMARY_FILE`: the page of a run, which is written when the run begins and when it ends.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    time::{Instant, SystemTime},
};

use crate::{
    config::{
        findings::Findings,
        plan::Plan,
        settings::{Settings, SummaryFormat, SummaryPath},
        target_list::Targets,
    },
    console::{
        foreign::shown,
        log::Console,
        text::{grouped, readable},
    },
    model::outcome::Outcome,
    run::{
        context::{Context, PipelinesProxy},
        delivery::StatusResult,
        insights::PostedReport,
        result_file::{ResultFile, open_regular},
        summary::{
            advice::Advice,
            html, markdown,
            page::Page,
            rows::{Rows, SettledStatus},
        },
    },
};

/// The file that `SUMMARY_FILE` names, open.
#[derive(Debug)]
pub(crate) struct SummaryFile {
    file: File,
    format: SummaryFormat,
}

/// The page of a run that publishes.
#[derive(Debug)]
pub(crate) struct RunPage<'a> {
    file: &'a SummaryFile,
    advice: &'a Advice,
    plans: &'a [Plan],
    /// The targets in words.
    targets: String,
    rows: Rows,
    begun: (SystemTime, Instant),
}

impl SummaryFile {
    /// Opens the file that `SUMMARY_FILE` names. `None` when there is none, or after a problem was found.
    pub(crate) fn from_settings(
        settings: &Settings,
        results: Option<&ResultFile>,
        findings: &mut Findings,
    ) -> Option<Self> {
        let SummaryPath { path, format } = settings.summary_file.as_ref()?;
        let file = match open_regular(path) {
            Ok(file) => file,
            Err(error) => {
                findings.problem(
                    "SUMMARY_FILE",
                    format!("names {}, which cannot be written: {error}", shown(&path.to_string_lossy())),
                    "a writable file in an existing folder",
                    "pass a path below the working directory of the pipe; for the image run by hand, a path below a mounted volume",
                );
                return None;
            }
        };
        if results.is_some_and(|results| results.is(&file)) {
            findings.problem(
                "SUMMARY_FILE",
                "names the same file as RESULT_FILE, which would be overwritten",
                "another file",
                "pass another name, such as summary.html",
            );
            return None;
        }
        Some(Self { file, format: *format })
    }

    /// Writes a page of a run that is under way, in place of the page of an earlier run.
    pub(crate) fn begin(&self) {
        self.write_notice(
            "The run has not ended: it is under way, or something ended it before it could write this page.",
        );
    }

    /// Writes the page of a run that ended before it had targets.
    pub(crate) fn write_without_targets(&self, outcome: Outcome) {
        self.write_notice(match outcome {
            Outcome::Stopped => "The run was stopped before its end. Nothing was posted.",
            _ => "The variables are wrong, and nothing was posted. The log says what to do.",
        });
    }

    /// Writes a page that says only this.
    fn write_notice(&self, notice: &str) {
        let page = Page {
            title: "Gatepost".to_owned(),
            notice: Some(notice.to_owned()),
            facts: vec![("Written", httpdate::fmt_http_date(SystemTime::now()))],
            advice: Vec::new(),
            sections: Vec::new(),
            row: &|_| crate::run::summary::page::Row::default(),
        };
        // If it cannot be written, the end of the run says so.
        let _ = self.write(&page);
    }

    fn write(&self, page: &Page<'_>) -> io::Result<()> {
        self.file.set_len(0)?;
        let mut out = BufWriter::new(&self.file);
        match self.format {
            SummaryFormat::Html => html::write(page, &mut out)?,
            SummaryFormat::Markdown => markdown::write(page, &mut out)?,
        }
        out.flush()
    }
}

impl<'a> RunPage<'a> {
    /// The page of a run over these targets.
    pub(crate) fn new(file: &'a SummaryFile, advice: &'a Advice, targets: &'a Targets) -> Self {
        let Targets { plans, left_out, .. } = targets;
        let begun = (SystemTime::now(), Instant::now());
        Self { file, advice, plans, targets: targets.counted(), rows: Rows::of(plans, left_out), begun }
    }

    /// Adds what became of a status of the plan with this number.
    pub(crate) fn add(&self, result: &StatusResult, number: usize, console: &Console) {
        self.rows.add(result, number, self.plans, self.advice, console);
    }

    /// Adds a report that follows a status with this key, if it is missing or not complete.
    pub(crate) fn add_report(&self, key: &str, report: &PostedReport, number: usize, console: &Console) {
        self.rows.add_report(key, report, number, self.advice, console);
    }

    /// Adds what became of a status of the plan with this number, in a run that settles.
    pub(crate) fn add_settled(&self, settled: SettledStatus<'_>, number: usize, console: &Console) {
        self.rows.add_settled(settled, number, self.advice, console);
    }

    /// Adds a plan without a status that a run that settles says something of.
    pub(crate) fn add_without_status(&self, number: usize, console: &Console) {
        self.rows.add_without_status(number, console);
    }

    /// Adds what a stopped run has not finished: the numbers of the plans that were `begun`, and the missing reports, each with
    /// the number of its plan and its key.
    pub(crate) fn add_unfinished(&self, begun: &[usize], reports: &[(usize, &str)], console: &Console) {
        self.rows.add_unfinished(self.plans.len(), begun, reports, console);
    }

    /// Writes the page of a run with this outcome. If that fails, the log has a warning.
    pub(crate) fn write(&self, outcome: Outcome, context: Context<'_>) {
        let console = context.console;
        let sections = self.rows.sections(self.plans);
        let (date, begun) = self.begun;
        let exit_code = outcome.exit_code();
        let page = Page {
            title: format!("Gatepost: {}", self.targets),
            notice: notice(outcome, context).map(str::to_owned),
            facts: vec![
                ("Began", httpdate::fmt_http_date(date)),
                ("Duration", readable(begun.elapsed())),
                ("Requests", requests(context)),
                ("Exit code", format!("{exit_code}: {}", outcome.meaning().replace('`', ""))),
                ("Version", format!("gatepost {}", env!("CARGO_PKG_VERSION"))),
            ],
            advice: self.rows.advice(&sections, self.advice, self.plans, console),
            sections,
            row: &|number| self.rows.row(number, self.plans, console),
        };
        if let Err(error) = self.file.write(&page) {
            console.warning(format_args!("SUMMARY_FILE could not be written, and is not complete: {error}"));
        }
    }
}

/// What is unusual about a run as a whole.
fn notice(outcome: Outcome, context: Context<'_>) -> Option<&'static str> {
    match outcome {
        Outcome::Stopped => Some("The run was stopped before its end."),
        _ if context.settings.dry_run => Some("DRY_RUN: nothing was posted."),
        _ => None,
    }
}

/// The number of requests to each service.
fn requests(context: Context<'_>) -> String {
    let through_proxy = context.pipelines_proxy.map_or(0, PipelinesProxy::sent);
    let mut words = format!("{} to Bitbucket", grouped(context.transport.sent() + through_proxy));
    let to_sonarqube = context.sonarqube_transport.sent();
    if to_sonarqube > 0 {
        words = format!("{words}, {} to SonarQube", grouped(to_sonarqube));
    }
    words
}
