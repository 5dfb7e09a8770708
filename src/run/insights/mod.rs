//! Posts a Code Insights report beside a status: the gate, and SonarQube's issues as annotations. Whatever goes wrong is a
//! warning: the status stands, and says what counts.

mod annotations;
pub(crate) mod draft;
mod path;

use std::{collections::HashSet, rc::Rc, time::Duration};

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
        address::refusal_of_url,
        digest::short_digest,
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
    /// The digest of the report: see [`ReportPublisher::content`].
    pub(crate) content: String,
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
    /// Bitbucket refused the report.
    Missing(Rc<Refusal>),
    /// Bitbucket has the report, and not all of its annotations.
    Incomplete(Rc<Refusal>),
}

/// The issues of an analysis, as far as they can be annotations.
#[derive(Debug, Default)]
pub(crate) struct ShownIssues {
    annotations: Vec<Annotation>,
    left_out: usize,
    /// What the reader of the report should know.
    note: Option<String>,
}

/// The issues that SonarQube shows, each once.
#[derive(Debug, Default)]
struct FoundIssues {
    issues: Vec<Issue>,
    /// The number of those that SonarQube has and did not show.
    unseen: usize,
    /// What keeps issues away.
    note: Option<String>,
}

/// While SonarQube builds its index it answers 503; a report does not wait for that as long as a verdict does.
const ISSUES_LIMIT: Duration = Duration::from_secs(30);
/// Requests that find the annotations that are refused, for one report.
const MORE_REQUESTS_MAX: usize = 40;
/// After an old report was deleted, there is at least this time to post the new one.
const LEAST_AFTER_DELETE: Duration = Duration::from_secs(10);

impl ReportPublisher<'_> {
    /// Whether a report is posted of a verdict.
    pub(crate) fn has_report(&self, verdict: &Verdict) -> bool {
        self.plan.scope != ReportScope::Nothing && verdict.state != State::InProgress
    }

    /// The digest of a report, as 16 hexadecimal digits: of what `REPORT` asks for, and of the report without its
    /// annotations.
    pub(crate) fn content(&self, verdict: &Verdict, status: &Status) -> String {
        let text = format!("{:?} {}", self.plan.scope, report_of(verdict, status, None).to_json());
        format!("{:016x}", short_digest(&text))
    }

    /// Posts the report of a verdict with these issues. The time for the requests to Bitbucket begins here: what SonarQube
    /// and the status took is not counted.
    pub(crate) async fn post(
        &self,
        bitbucket: Bitbucket<'_>,
        verdict: &Verdict,
        status: &Status,
        target: &Target,
        shown: &ShownIssues,
    ) -> PostedReport {
        let ShownIssues { annotations, left_out, note } = shown;
        let report = report_of(verdict, status, note.as_deref());
        let batches: Vec<&[Annotation]> = annotations.chunks(ANNOTATIONS_AT_ONCE).collect();
        let mut posted = PostedReport {
            id: report.id.clone(),
            content: self.content(verdict, status),
            outcome: ReportOutcome::Posted,
            annotations: annotations.len(),
            left_out: *left_out,
        };
        if self.context.settings.dry_run {
            bitbucket.print_report(target, &report, &batches);
            posted.outcome = ReportOutcome::Printed;
            return posted;
        }
        let time = self.context.settings.timeout;
        bitbucket.client.deadline.restart(time);
        let sender = ReportSender { bitbucket, target, report: &report, console: self.console, time };
        let (accepted, outcome) = sender.send(self.plan.scope == ReportScope::Issues, &batches).await;
        posted.left_out += annotations.len() - accepted;
        posted.annotations = accepted;
        posted.outcome = match outcome {
            Ok(()) => ReportOutcome::Posted,
            Err(NotSent { mut refusal, is_there }) => {
                // Bitbucket has just accepted a status for the commit, or the report.
                if self.plan.posts_status || is_there {
                    refusal.evidence.has_commit = Some(true);
                    refusal.evidence.reads_repository = Some(true);
                }
                let refusal = Rc::from(refusal);
                if is_there { ReportOutcome::Incomplete(refusal) } else { ReportOutcome::Missing(refusal) }
            }
        };
        posted
    }

    /// The issues that become annotations.
    pub(crate) async fn issues_of(&self, verdict: &Verdict) -> ShownIssues {
        let Some(draft) = verdict.draft.as_ref().filter(|_| self.plan.scope == ReportScope::Issues) else {
            return ShownIssues::default();
        };
        let Some(source) = &draft.source else {
            let note = "it is not known which SonarQube has the issues";
            if let Some(console) = self.console.news(note.to_owned()) {
                console.warning(format_args!("the report has no annotations: {note}"));
                console.details(
                    "to do",
                    "pass SONAR_HOST_URL (the file of a webhook is not enough), or REPORT: gate",
                );
            }
            return ShownIssues { note: Some(note.to_owned()), ..ShownIssues::default() };
        };
        let FoundIssues { issues, unseen, note } = self.issues(source, draft.counts_issues).await;
        let total = issues.len() + unseen;
        let paths = RepositoryPaths::new(source.file.as_deref(), self.plan.base_folder.as_deref());
        self.warn_of_paths(&paths, &issues);
        let link = draft.link.as_deref();
        let mut annotations = AnnotationMaker { source, dashboard: link, paths }.annotations(issues);
        annotations.truncate(ANNOTATIONS_MAX);
        for annotation in &mut annotations {
            annotation.summary = self.console.without_secrets(&annotation.summary);
        }
        let left_out = total - annotations.len();
        let cut = (left_out > 0)
            .then(|| format!("{} of {total} issues are shown, the most severe first", annotations.len()));
        let notes: Vec<String> = note.into_iter().chain(cut).collect();
        ShownIssues { annotations, left_out, note: (!notes.is_empty()).then(|| notes.join("; ")) }
    }

    /// Warns when the repository is here and has none of the files: the base folder is probably another one.
    fn warn_of_paths(&self, paths: &RepositoryPaths, issues: &[Issue]) {
        let mut named = issues.iter().filter_map(|issue| issue.path.as_ref());
        let Some(first) = named.clone().next().filter(|_| paths.has_root()) else { return };
        if named.any(|path| paths.has_file(path)) {
            return;
        }
        if let Some(console) = self.console.news("no file of the issues".to_owned()) {
            console.warning(format_args!(
                "no file of the issues is in the repository at the path of its annotation, such as {}: the annotations may be at no line of the diff",
                shown(&paths.find(first).unwrap_or_else(|| first.path.clone()))
            ));
            console.details(
                "to do",
                "pass SONAR_BASE_DIR, the folder that the scanner ran in, from the root of the repository",
            );
        }
    }

    /// The issues and hotspots of an analysis. What keeps some away is told once. `are_counted` when the gate counts issues.
    async fn issues(&self, source: &IssueSource, are_counted: bool) -> FoundIssues {
        let IssueSource { server, server_version, project, subject, .. } = source;
        let version = server_version.as_deref();
        let server = self.servers.server(server.clone(), version, self.analysis, self.context, self.console);
        server.deadline.restart(self.context.settings.timeout.min(ISSUES_LIMIT));
        let sonarqube = self.context.sonarqube(&server, self.console);
        let warn = |refusal: Box<sonarqube::refusal::Refusal>| {
            tell::warn("the report has not all annotations", &*refusal, self.console);
        };
        let without = |note: String| FoundIssues { note: Some(note), ..FoundIssues::default() };
        let first = match sonarqube.issues(project, subject, 1, PAGE_SIZE).await {
            Ok(first) => first,
            Err(refusal) => {
                warn(refusal);
                return without("the issues could not be read from SonarQube".to_owned());
            }
        };
        if first.issues.is_empty() && first.others + first.unreadable > 0 {
            let note = if first.others > 0 {
                format!("SonarQube answers the issues of other projects than {project}")
            } else {
                format!("SonarQube answers issues of {project} that cannot be read")
            };
            self.console.warning(format_args!("the report has no annotations: {note}"));
            return without(note);
        }
        // A token may have the right to see hotspots and not the right to see issues.
        let hides_issues = first.issues.is_empty() && are_counted;
        let note = hides_issues.then(|| self.warn_of_hidden(project));
        let (mut issues, mut received) = (first.issues, first.received);
        if first.total > PAGE_SIZE {
            // The first page is shown, whatever becomes of the second.
            match sonarqube.issues(project, subject, 2, PAGE_SIZE).await {
                Ok(second) => {
                    received += second.received;
                    issues.extend(second.issues);
                }
                Err(refusal) => warn(refusal),
            }
        }
        let mut unseen = first.total.saturating_sub(received);
        if !is_cloud(&server.address.url) {
            match sonarqube.hotspots(project, subject).await {
                Ok(page) => {
                    unseen += page.total.saturating_sub(page.received);
                    issues.extend(page.issues);
                }
                // It says the same as the empty list of issues.
                Err(refusal) if hides_issues && refusal.status_code() == Some(StatusCode::FORBIDDEN) => {}
                Err(refusal) => warn(refusal),
            }
        }
        // Pages overlap when issues come and go meanwhile.
        let mut known = HashSet::new();
        issues.retain(|issue| known.insert((issue.is_hotspot, issue.key.clone())));
        FoundIssues { issues, unseen, note }
    }

    /// Warns that the token may not see the issues. Returns the note for the report.
    fn warn_of_hidden(&self, project: &str) -> String {
        let note = format!("the gate counts issues, and SonarQube shows none of {project} to this token");
        if let Some(console) = self.console.news(note.clone()) {
            console.warning(format_args!("the report has not all annotations: {note}"));
            console.details("to do", "give 'Browse' on the project to the owner of SONAR_TOKEN (Project Settings > Permissions), or pass REPORT: gate");
        }
        note
    }
}

/// The report of a verdict, within every limit. Without a gate it says why there is none.
fn report_of(verdict: &Verdict, status: &Status, note: Option<&str>) -> Report {
    let result = if verdict.state == State::Successful { ReportResult::Passed } else { ReportResult::Failed };
    let Some(draft) = &verdict.draft else {
        let words = std::slice::from_ref(&verdict.words);
        let report = Report::new(&status.key, &status.name, words, note, result);
        let link = Some(status.url.clone()).filter(|url| refusal_of_url(url).is_none());
        return Report { link, ..report };
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
    /// For all requests together.
    time: Duration,
}

/// Why a report is missing or not complete.
struct NotSent {
    refusal: Box<Refusal>,
    /// Whether Bitbucket has the report.
    is_there: bool,
}

/// Annotations that Bitbucket refused together, and how.
type RefusedBatch<'a> = (&'a [Annotation], Box<Refusal>);

impl ReportSender<'_> {
    /// Posts the report and its annotations. The old report is deleted first when it may have annotations: those of issues
    /// that were fixed would stay. Returns how many annotations were accepted, and what ended it.
    async fn send(
        &self,
        may_have_annotations: bool,
        batches: &[&[Annotation]],
    ) -> (usize, Result<(), NotSent>) {
        if let Err(refusal) = self.replace(may_have_annotations).await {
            return (0, Err(NotSent { refusal, is_there: false }));
        }
        let mut accepted = 0;
        let sent = self.post_batches(batches, &mut accepted).await;
        (accepted, sent.map_err(|refusal| NotSent { refusal, is_there: true }))
    }

    async fn replace(&self, may_have_annotations: bool) -> Result<(), Box<Refusal>> {
        if may_have_annotations {
            self.bitbucket.delete_report(self.target, &self.report.id).await?;
            self.bitbucket.client.deadline.leave(self.time.min(LEAST_AFTER_DELETE));
        }
        self.bitbucket.put_report(self.target, self.report).await
    }

    /// Posts the batches. One that is refused for its content is halved after the others were posted, until the annotations
    /// that are refused are known. When that takes too many requests, what is left is left out.
    async fn post_batches(
        &self,
        batches: &[&[Annotation]],
        accepted: &mut usize,
    ) -> Result<(), Box<Refusal>> {
        let mut refused: Vec<RefusedBatch<'_>> = Vec::new();
        for batch in batches {
            refused.extend(self.post_batch(batch, accepted).await?);
        }
        refused.reverse();
        let mut more_requests = 0;
        while let Some((part, refusal)) = refused.pop() {
            if let [annotation] = part {
                self.warn_of_annotation(annotation, &refusal);
                continue;
            }
            if more_requests + 2 > MORE_REQUESTS_MAX {
                let number = part.len() + refused.iter().map(|(part, _)| part.len()).sum::<usize>();
                self.warn_of_annotations(number, &refusal);
                break;
            }
            more_requests += 2;
            let (first, second) = part.split_at(part.len() / 2);
            for half in [first, second] {
                refused.extend(self.post_batch(half, accepted).await?);
            }
        }
        Ok(())
    }

    /// Posts a batch. Returns it if it is refused for its content.
    ///
    /// # Errors
    ///
    /// When the other batches would fail as well.
    async fn post_batch<'b>(
        &self,
        batch: &'b [Annotation],
        accepted: &mut usize,
    ) -> Result<Option<RefusedBatch<'b>>, Box<Refusal>> {
        match self.bitbucket.post_annotations(self.target, &self.report.id, batch).await {
            Ok(()) => {
                *accepted += batch.len();
                Ok(None)
            }
            Err(refusal) if refusal.failed.status_code() == Some(StatusCode::BAD_REQUEST) => {
                Ok(Some((batch, refusal)))
            }
            Err(refusal) => Err(refusal),
        }
    }

    fn warn_of_annotation(&self, annotation: &Annotation, refusal: &Refusal) {
        let path = annotation.path.as_deref().unwrap_or("no file");
        let line = annotation.line.map(|line| format!(", line {line}")).unwrap_or_default();
        self.console.warning(format_args!(
            "Bitbucket does not accept the annotation of {}{line} ({}), which is left out: {}",
            shown(path),
            shown(&annotation.external_id),
            refusal.failed.answered()
        ));
    }

    fn warn_of_annotations(&self, number: usize, refusal: &Refusal) {
        self.console.warning(format_args!(
            "{number} annotations are left out: Bitbucket refuses some of them, and {MORE_REQUESTS_MAX} more requests did not show which"
        ));
        self.console.detail("answered", refusal.failed.answered());
        self.console.details(
            "to do",
            "look in the answer for what Bitbucket refuses; REPORT: gate posts the report without annotations",
        );
    }
}
