//! Posts a Code Insights report beside a status: the gate, and SonarQube's issues as annotations. Whatever goes wrong is a
//! warning: the status stands, and says what counts.

mod annotations;
pub(crate) mod draft;
mod path;

use std::time::Duration;

use reqwest::StatusCode;

use crate::{
    bitbucket::{api::Bitbucket, refusal::Refusal},
    config::{
        analysis::AnalysisPlan,
        insights::{InsightsPlan, ReportScope},
    },
    console::{foreign::shown, log::Console},
    explain::tell,
    model::{
        insights::{ANNOTATIONS_AT_ONCE, ANNOTATIONS_MAX, Annotation, IssueSource, Report, ReportResult},
        state::State,
        status::Status,
        target::Target,
        verdict::Verdict,
    },
    run::{ask_sonarqube::servers::Servers, context::Context},
    sonarqube::{
        self,
        api::is_cloud,
        issues::{Issue, PAGE_SIZE},
    },
};

use self::{annotations::AnnotationMaker, path::RepositoryPaths};

/// Posts the reports of one target.
#[derive(Debug)]
pub(crate) struct ReportPublisher<'a> {
    pub(crate) context: Context<'a>,
    pub(crate) servers: &'a Servers,
    pub(crate) analysis: &'a AnalysisPlan,
    pub(crate) plan: &'a InsightsPlan,
    pub(crate) console: &'a Console,
}

/// What became of a report.
#[derive(Debug)]
pub(crate) struct PostedReport {
    pub(crate) id: String,
    pub(crate) outcome: ReportOutcome,
    /// The number of annotations that Bitbucket accepted.
    pub(crate) annotations: usize,
    /// The number of issues without an annotation.
    pub(crate) left_out: usize,
}

#[derive(Debug)]
pub(crate) enum ReportOutcome {
    Posted,
    /// It was printed, because of `DRY_RUN`.
    Printed,
    /// Bitbucket refused the report, or a part of its annotations.
    Refused(Box<Refusal>),
}

/// The issues of an analysis, as far as they can be annotations.
#[derive(Debug, Default)]
struct ShownIssues {
    annotations: Vec<Annotation>,
    left_out: usize,
    /// What the reader of the report should know.
    note: Option<String>,
}

/// While SonarQube builds its index it answers 503; a report does not wait for that as long as a verdict does.
const ISSUES_LIMIT: Duration = Duration::from_secs(30);
/// Requests that find the annotations that are refused, for one report.
const MORE_REQUESTS_MAX: usize = 40;

impl ReportPublisher<'_> {
    /// Posts the report of a verdict. `None` when there is none to post.
    pub(crate) async fn publish(
        &self,
        bitbucket: Bitbucket<'_>,
        verdict: &Verdict,
        status: &Status,
        target: &Target,
    ) -> Option<PostedReport> {
        if self.plan.scope == ReportScope::Nothing || verdict.state == State::InProgress {
            return None;
        }
        let ShownIssues { annotations, left_out, note } = self.annotations(verdict).await;
        let report = report_of(verdict, status, note.as_deref());
        let batches: Vec<&[Annotation]> = annotations.chunks(ANNOTATIONS_AT_ONCE).collect();
        let mut posted = PostedReport {
            id: report.id.clone(),
            outcome: ReportOutcome::Posted,
            annotations: annotations.len(),
            left_out,
        };
        if self.context.settings.dry_run {
            bitbucket.print_report(target, &report, &batches);
            posted.outcome = ReportOutcome::Printed;
            return Some(posted);
        }
        let sender = ReportSender { bitbucket, target, report: &report, console: self.console };
        let (accepted, refusal) = sender.send(self.plan.scope == ReportScope::Issues, &batches).await;
        posted.left_out += annotations.len() - accepted;
        posted.annotations = accepted;
        if let Some(refusal) = refusal {
            if self.plan.posts_status {
                let which = if accepted > 0 { "is not complete" } else { "is missing or not complete" };
                tell::warn(
                    format_args!("the report {which}, and the status stands"),
                    &*refusal,
                    self.console,
                );
            }
            posted.outcome = ReportOutcome::Refused(refusal);
        }
        Some(posted)
    }

    /// The issues that become annotations.
    async fn annotations(&self, verdict: &Verdict) -> ShownIssues {
        let Some(draft) = verdict.draft.as_ref().filter(|_| self.plan.scope == ReportScope::Issues) else {
            return ShownIssues::default();
        };
        let Some(source) = &draft.source else { return ShownIssues::default() };
        let (issues, total) = match self.issues(source).await {
            Ok(found) => found,
            Err(note) => return ShownIssues { note: Some(note), ..ShownIssues::default() },
        };
        if issues.is_empty() && draft.counts_issues {
            let note = format!(
                "the gate counts issues, and SonarQube shows none of {} to this token",
                source.project
            );
            if let Some(console) = self.console.news(note.clone()) {
                console.warning(format_args!("the report has no annotations: {note}"));
                console.details("to do", "give 'Browse' on the project to the owner of SONAR_TOKEN (Project Settings > Permissions), or pass REPORT: gate");
            }
            return ShownIssues { note: Some(note), ..ShownIssues::default() };
        }
        let paths = RepositoryPaths::new(source.file.as_deref(), self.plan.base_folder.as_deref());
        let mut annotations = AnnotationMaker { source, paths }.annotations(issues);
        annotations.truncate(ANNOTATIONS_MAX);
        for annotation in &mut annotations {
            annotation.summary = self.console.without_secrets(&annotation.summary);
        }
        let left_out = total.saturating_sub(annotations.len());
        let note = (left_out > 0)
            .then(|| format!("{} of {total} issues are shown, the most severe first", annotations.len()));
        ShownIssues { annotations, left_out, note }
    }

    /// The issues and hotspots of an analysis, and how many there are in all.
    ///
    /// # Errors
    ///
    /// Why they are not known; the reader was told.
    async fn issues(&self, source: &IssueSource) -> Result<(Vec<Issue>, usize), String> {
        let IssueSource { server, server_version, project, subject, .. } = source;
        let version = server_version.as_deref();
        let server = self.servers.server(server.clone(), version, self.analysis, self.context, self.console);
        server.deadline.restart(self.context.settings.timeout.min(ISSUES_LIMIT));
        let sonarqube = self.context.sonarqube(&server, self.console);
        let warn = |refusal: Box<sonarqube::refusal::Refusal>| {
            tell::warn("the report has not all annotations", &*refusal, self.console);
            "the issues could not be read from SonarQube".to_owned()
        };
        let first = sonarqube.issues(project, subject, 1, PAGE_SIZE).await.map_err(warn)?;
        if first.issues.is_empty() && first.others > 0 {
            let note = format!("SonarQube answers the issues of other projects than {project}");
            self.console.warning(format_args!("the report has no annotations: {note}"));
            return Err(note);
        }
        let (mut issues, mut total) = (first.issues, first.total);
        if total > PAGE_SIZE {
            // The first page is shown, whatever becomes of the second.
            match sonarqube.issues(project, subject, 2, PAGE_SIZE).await {
                Ok(second) => issues.extend(second.issues),
                Err(refusal) => {
                    let _ = warn(refusal);
                }
            }
        }
        if !is_cloud(&server.address.url) {
            match sonarqube.hotspots(project, subject).await {
                Ok(page) => {
                    total += page.total;
                    issues.extend(page.issues);
                }
                Err(refusal) => {
                    let _ = warn(refusal);
                }
            }
        }
        let total = total.max(issues.len());
        Ok((issues, total))
    }
}

/// The report of a verdict, within every limit. Without a gate it says why there is none.
fn report_of(verdict: &Verdict, status: &Status, note: Option<&str>) -> Report {
    let result = if verdict.state == State::Successful { ReportResult::Passed } else { ReportResult::Failed };
    let Some(draft) = &verdict.draft else {
        return Report::new(&status.key, &status.name, std::slice::from_ref(&verdict.words), note, result);
    };
    let report = Report::new(&status.key, &status.name, &draft.lines, note, result);
    Report { link: draft.link.clone(), data: draft.data.clone(), ..report }
}

/// Posts one report.
struct ReportSender<'a> {
    bitbucket: Bitbucket<'a>,
    target: &'a Target,
    report: &'a Report,
    console: &'a Console,
}

impl ReportSender<'_> {
    /// Posts the report and its annotations. The old report is deleted first when it may have annotations: those of issues
    /// that were fixed would stay. Returns how many annotations were accepted, and the refusal that ended it.
    async fn send(
        &self,
        may_have_annotations: bool,
        batches: &[&[Annotation]],
    ) -> (usize, Option<Box<Refusal>>) {
        if may_have_annotations
            && let Err(refusal) = self.bitbucket.delete_report(self.target, &self.report.id).await
        {
            return (0, Some(refusal));
        }
        if let Err(refusal) = self.bitbucket.put_report(self.target, self.report).await {
            return (0, Some(refusal));
        }
        let (mut accepted, mut more_requests) = (0, 0);
        for batch in batches {
            match self.post_batch(batch, &mut more_requests).await {
                Ok(number) => accepted += number,
                Err((number, refusal)) => return (accepted + number, Some(refusal)),
            }
        }
        (accepted, None)
    }

    /// Posts a batch. One that is refused is halved, until the annotation that is refused is known: the others are posted.
    async fn post_batch(
        &self,
        batch: &[Annotation],
        more_requests: &mut usize,
    ) -> Result<usize, (usize, Box<Refusal>)> {
        let mut accepted = 0;
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            let Err(refusal) = self.bitbucket.post_annotations(self.target, &self.report.id, part).await
            else {
                accepted += part.len();
                continue;
            };
            let is_of_content = refusal.failed.status_code() == Some(StatusCode::BAD_REQUEST);
            if !is_of_content || *more_requests >= MORE_REQUESTS_MAX {
                return Err((accepted, refusal));
            }
            *more_requests += 2;
            if let [annotation] = part {
                self.warn_of_annotation(annotation, &refusal);
            } else {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
        }
        Ok(accepted)
    }

    fn warn_of_annotation(&self, annotation: &Annotation, refusal: &Refusal) {
        let path = annotation.path.as_deref().unwrap_or("no file");
        let line = annotation.line.map(|line| format!(", line {line}")).unwrap_or_default();
        self.console.warning(format_args!(
            "Bitbucket does not accept the annotation of {}{line} ({}): {}; the others are posted",
            shown(path),
            shown(&annotation.external_id),
            refusal.failed.answered()
        ));
    }
}
