//! Checks SonarQube: whether the server of each analysis accepts the token and shows the project.

use std::rc::Rc;

use reqwest::{StatusCode, Url};
use secrecy::ExposeSecret as _;

use crate::{
    bitbucket::api::Bitbucket,
    config::{
        analysis::{AnalysisPlan, AnalysisSource},
        analysis_files::Files,
        insights::ReportScope,
        report_task::{Analysis, AnalysisFile, End},
    },
    console::text::counted,
    explain::{no_verdict::NoVerdict, tell::Refused as _},
    model::{
        analysis::{ServerAddress, Subject, Wanted},
        insights::ANNOTATIONS_MAX,
        outcome::Outcome,
        target::Target,
        verdict::{Freshness, JudgedAnalysis},
    },
    run::{
        ask_sonarqube::{AskSonarQube, contradiction_of_file, freshness, of_webhook, subject_of},
        check::{CheckRun, TokenKey, tally::Tally},
        compare_analysis::{AnalysisComparison, doubts},
        context::Server,
    },
    sonarqube::{
        api::{SonarQube, TaskState},
        gate::Gate,
        issues::IssuePage,
    },
};

/// An analysis, as far as it is known before SonarQube is asked.
#[derive(Debug)]
pub(super) enum CheckedAnalysis<'a> {
    /// SonarQube is asked about it.
    Asked(Box<AskedAnalysis<'a>>),
    /// A webhook's file has its gate: SonarQube is not asked.
    Known(&'a AnalysisFile, &'a Analysis),
    /// The file cannot be used; with what is wrong with it.
    Wrong(String),
}

/// An analysis that SonarQube is asked about.
#[derive(Debug)]
pub(super) struct AskedAnalysis<'a> {
    /// `None` when a file names no server.
    address: Option<ServerAddress>,
    version: Option<String>,
    project: Option<String>,
    subject: Subject,
    /// The file that names it, and its task.
    task: Option<(&'a AnalysisFile, &'a Analysis, &'a str)>,
}

impl<'a> CheckedAnalysis<'a> {
    /// The analyses of a plan, in the order of their statuses.
    pub(super) fn all_of(plan: &'a AnalysisPlan) -> anyhow::Result<Vec<Self>> {
        match &plan.source {
            AnalysisSource::Project { key, subject } => Ok(vec![Self::Asked(Box::new(AskedAnalysis {
                address: plan.server(None)?,
                version: None,
                project: Some(key.clone()),
                subject: subject.clone(),
                task: None,
            }))]),
            AnalysisSource::Files(Files { found, unreadable, .. }) => {
                let wrong = unreadable.iter().map(|wrong| Ok(Self::Wrong(wrong.clone())));
                found.iter().map(|file| Self::of(file, plan)).chain(wrong).collect()
            }
        }
    }

    fn of(file: &'a AnalysisFile, plan: &AnalysisPlan) -> anyhow::Result<Self> {
        let analysis = match &file.content {
            Ok(analysis) => analysis,
            Err(wrong) => return Ok(Self::Wrong(format!("{} {wrong}", file.path.display()))),
        };
        let Analysis { project, subject, end, .. } = analysis;
        Ok(match end {
            End::Ask { server, version, task } => Self::Asked(Box::new(AskedAnalysis {
                address: plan.server(server.as_ref())?,
                version: version.clone(),
                project: project.clone(),
                subject: subject.clone().unwrap_or(Subject::Main),
                task: Some((file, analysis, task)),
            })),
            End::Gate(_) | End::Failed | End::Cancelled => Self::Known(file, analysis),
        })
    }

    pub(super) fn project(&self) -> Option<&str> {
        match self {
            Self::Asked(asked) => asked.project.as_deref(),
            Self::Known(_, analysis) => analysis.project.as_deref(),
            Self::Wrong(_) => None,
        }
    }
}

/// What the analyses of one target are checked with.
pub(super) struct AnalysisCheck<'a> {
    pub(super) plan: &'a AnalysisPlan,
    pub(super) scope: ReportScope,
    pub(super) wanted: Wanted,
    /// The commit, if it was found.
    pub(super) target: Option<Target>,
    pub(super) bitbucket: Bitbucket<'a>,
}

impl CheckRun<'_> {
    pub(super) async fn check_sonarqube(
        &self,
        check: &AnalysisCheck<'_>,
        analyses: Vec<CheckedAnalysis<'_>>,
        tally: &mut Tally<'_>,
    ) {
        let ask =
            AskSonarQube::new(check.plan, check.wanted.clone(), self.context, &self.servers, tally.console);
        // After the scan, what is missing is no longer to come.
        let missing = match (&check.plan.source, check.plan.scan_exit_code) {
            (AnalysisSource::Files(files), Some(_)) => ask.missing(files, analyses.is_empty()),
            _ => None,
        };
        let is_told = missing.is_some() || check.plan.may_be_empty();
        if let Some(reason) = missing {
            tally.no_verdict(&reason);
        } else if check.plan.may_be_empty() {
            if analyses.is_empty() {
                tally.passed("SonarQube would not be asked: the scan ended well and left no report-task.txt");
            }
        } else if check.plan.names_nothing() {
            tally.notable(
                "SonarQube was not checked: nothing names an analysis yet (SONAR_PROJECT_KEY, SONAR_REPORT_TASK, or a report-task.txt here)",
                "pass SONAR_PROJECT_KEY to check SonarQube as well; a run that publishes needs one of them, or STATE",
            );
        }
        if let (AnalysisSource::Files(Files { missing, .. }), false) = (&check.plan.source, is_told) {
            for missing in missing {
                tally.notable(
                    format_args!("SONAR_REPORT_TASK: {missing}"),
                    "that is fine before the scan; a run that publishes needs it",
                );
            }
        }
        let mut checked: Vec<(Url, bool)> = Vec::new();
        for analysis in analyses {
            match analysis {
                CheckedAnalysis::Wrong(wrong) => tally.failed(
                    wrong,
                    "check what the scanner wrote there, or pass SONAR_REPORT_TASK",
                    Outcome::SonarQubeFailed,
                ),
                CheckedAnalysis::Known(file, known) => {
                    if let End::Gate(webhook) = &known.end {
                        self.check_advice(check.plan, &webhook.gate, known.project.as_deref(), tally);
                    }
                    check.check_webhook(file, known, tally).await;
                }
                CheckedAnalysis::Asked(asked) => self.check_asked(check, *asked, &mut checked, tally).await,
            }
        }
    }

    /// `checked` has the servers that were asked for this target, and whether they can be asked further.
    async fn check_asked(
        &self,
        check: &AnalysisCheck<'_>,
        asked: AskedAnalysis<'_>,
        checked: &mut Vec<(Url, bool)>,
        tally: &mut Tally<'_>,
    ) {
        let AskedAnalysis { address, version, project, subject, task } = asked;
        let Some(address) = address else {
            return tally.failed(
                "a report-task.txt has no serverUrl that can be used",
                "pass SONAR_HOST_URL",
                Outcome::SonarQubeFailed,
            );
        };
        let AnalysisCheck { plan, wanted, .. } = check;
        let url = address.url.clone();
        let console = tally.console;
        let server = self.servers.server(address, version.as_deref(), plan, self.context, console);
        let sonarqube = self.context.sonarqube(&server, console);
        let known = checked.iter().find(|(known, _)| *known == url).map(|(_, works)| *works);
        let works = match known {
            Some(works) => works,
            None => self.check_token(plan, &server, sonarqube, tally).await,
        };
        checked.push((url, works));
        if !works {
            return;
        }
        let ask = AskSonarQube::new(plan, wanted.clone(), self.context, &self.servers, console);
        let judged = if let Some((file, analysis, id)) = task {
            check_task(&ask, &server, file, analysis, id, tally).await
        } else {
            let listed = ask.listed(&server, project.as_deref(), &subject, None, true).await;
            Some(JudgedAnalysis { is_named: true, ..listed.judged(subject) })
        };
        let Some(judged) = judged else { return };
        if !check.compare(&judged, tally).await {
            return;
        }
        if let Some((file, ..)) = task {
            tally.passed(format_args!("SonarQube knows the analysis of {}", file.path.display()));
        }
        if let Some(project) = project {
            let gate = check_project(&project, &judged.subject, sonarqube, tally).await;
            let Some(gate) = gate else { return };
            self.check_advice(plan, &gate, Some(&project), tally);
            if check.scope == ReportScope::Issues {
                check_issues(&project, &judged.subject, &gate, sonarqube, tally).await;
            }
        }
    }

    /// Tells which conditions of the gate would not block.
    fn check_advice(&self, plan: &AnalysisPlan, gate: &Gate, project: Option<&str>, tally: &mut Tally<'_>) {
        self.servers.advice.add(&plan.advisory, gate);
        let named: Vec<&str> = plan.advisory.named(gate).map(|condition| condition.metric.as_str()).collect();
        if !named.is_empty() {
            tally.passed(format_args!(
                "of the {} of the gate of {}, these do not block (ADVISORY_CONDITIONS): {}",
                counted(gate.conditions.len(), "condition"),
                project.unwrap_or("an unnamed project"),
                named.join(", ")
            ));
        }
    }

    /// Returns whether SonarQube can be asked further.
    async fn check_token(
        &self,
        plan: &AnalysisPlan,
        server: &Server,
        sonarqube: SonarQube<'_>,
        tally: &mut Tally<'_>,
    ) -> bool {
        let url = &server.address.url;
        let Some(token) = &plan.token else {
            tally.notable(
                format_args!("SONAR_TOKEN is not set: SonarQube at {url} shows public projects only"),
                "pass SONAR_TOKEN, the token that the scanner uses",
            );
            return true;
        };
        // Most targets of a list have the same server and token.
        let key = (url.clone(), TokenKey(token.expose_secret().to_owned()));
        let find = async { sonarqube.token_is_valid().await.map_err(Rc::from) };
        match self.tokens.get(&key, sonarqube.client.deadline, false, find).await {
            Ok(true) => {
                tally.passed(format_args!("SonarQube at {url} accepts SONAR_TOKEN"));
                return true;
            }
            Ok(false) => tally.failed(
                format_args!("SonarQube at {url} does not accept SONAR_TOKEN"),
                "create a token in SonarQube (My Account > Security) and save it in SONAR_TOKEN; check that it belongs to the server at SONAR_HOST_URL",
                Outcome::SonarQubeFailed,
            ),
            Err(refusal) => tally.refused(&*refusal),
        }
        false
    }
}

impl AnalysisCheck<'_> {
    /// Compares the analysis of a webhook with the target.
    async fn check_webhook(&self, file: &AnalysisFile, analysis: &Analysis, tally: &mut Tally<'_>) {
        let webhook = match &analysis.end {
            End::Gate(webhook) => webhook,
            End::Cancelled => return tally.no_verdict(&NoVerdict::CancelledByWebhook),
            End::Failed | End::Ask { .. } => return tally.no_verdict(&NoVerdict::FailedByWebhook),
        };
        let Some(subject) = analysis.subject.clone() else {
            let wrong = format!("{} names no branch", file.path.display());
            return tally.no_verdict(&NoVerdict::WrongFile(wrong));
        };
        if self.compare(&of_webhook(webhook, subject), tally).await {
            let project = analysis.project.as_deref().unwrap_or("an unnamed project");
            tally.passed(format_args!("the file of a webhook has the gate of {project}"));
        }
    }

    /// Compares an analysis with the target as a run that publishes does. Returns whether nothing refutes it.
    async fn compare(&self, judged: &JudgedAnalysis, tally: &mut Tally<'_>) -> bool {
        let Self { plan, wanted, target, bitbucket, .. } = self;
        let comparison = AnalysisComparison::new(plan, *bitbucket, None);
        // The gate may turn out to be green.
        if let Some(reason) = comparison.refute(judged, wanted, target.as_ref(), true).await {
            tally.no_verdict(&reason);
            return false;
        }
        for doubt in doubts(judged, wanted) {
            tally.notable(doubt, "let the scan of this pull request or branch name the analysis");
        }
        true
    }
}

/// Asks for the task of a file once. Returns its analysis when a run that publishes would get its gate.
async fn check_task(
    ask: &AskSonarQube<'_>,
    server: &Server,
    file: &AnalysisFile,
    analysis: &Analysis,
    id: &str,
    tally: &mut Tally<'_>,
) -> Option<JudgedAnalysis> {
    let mut task = match ask.sonarqube(server).task(id).await {
        Ok(task) => task,
        Err(refusal) => {
            tally.refused(&*refusal);
            return None;
        }
    };
    if task.state == TaskState::Cancelled
        && let Some(newer) = ask.newer_task(server, &task).await
    {
        task = newer;
    }
    let reason = match task.state {
        TaskState::Failed => Some(NoVerdict::Failed(task.error.clone())),
        TaskState::Cancelled => Some(NoVerdict::Cancelled),
        TaskState::Success | TaskState::Unfinished(_) => contradiction_of_file(file, analysis, &task),
    };
    let subject = subject_of(&task, analysis.subject.as_ref()).ok_or(NoVerdict::UnknownSubject);
    let subject = match reason.map_or(subject, Err) {
        Ok(subject) => subject,
        Err(reason) => {
            tally.no_verdict(&reason);
            return None;
        }
    };
    let project = task.project.as_deref().or(analysis.project.as_deref());
    let freshness = freshness(file, &task);
    let listed = ask
        .listed(server, project, &subject, task.analysis.as_deref(), freshness == Freshness::Unknown)
        .await;
    Some(JudgedAnalysis { submitted: task.submitted, freshness, ..listed.judged(subject) })
}

/// Whether a report would have annotations. Without 'Browse' on the project the list is empty, and so it is without issues.
async fn check_issues(
    key: &str,
    subject: &Subject,
    gate: &Gate,
    sonarqube: SonarQube<'_>,
    tally: &mut Tally<'_>,
) {
    match sonarqube.issues(key, subject, 1, 1).await {
        Ok(IssuePage { total: 0, .. }) if gate.counts_issues() => tally.notable(
            format_args!("the gate counts issues, and SonarQube shows none of {key} to this token"),
            "give 'Browse' on the project to the owner of SONAR_TOKEN (Project Settings > Permissions), or pass REPORT: gate",
        ),
        Ok(IssuePage { total, .. }) => tally.passed(format_args!(
            "the token can read the issues of {key}: {} would become annotations",
            total.min(ANNOTATIONS_MAX)
        )),
        // A run that publishes goes on without annotations.
        Err(refusal) => {
            let remedy = refusal.explain().reasons.into_iter().next().map(|reason| reason.remedy);
            tally.notable(
                format_args!("the report would have no annotations: {refusal}"),
                remedy.as_deref().unwrap_or("pass REPORT: gate"),
            );
        }
    }
}

/// Returns the gate, unless the project has no analysis of the pull request or branch.
async fn check_project(
    key: &str,
    subject: &Subject,
    sonarqube: SonarQube<'_>,
    tally: &mut Tally<'_>,
) -> Option<Gate> {
    let mut gate = sonarqube.gate_of_project(key, subject).await;
    // A pull request has no gate before its first analysis.
    let is_not_found =
        gate.as_ref().is_err_and(|refusal| refusal.status_code() == Some(StatusCode::NOT_FOUND));
    let is_new = is_not_found && *subject != Subject::Main;
    if is_new {
        gate = sonarqube.gate_of_project(key, &Subject::Main).await;
    }
    match &gate {
        Ok(_) if is_new => tally.notable(
            format_args!("the token can read the project {key}, which has no analysis of {} yet", subject.words()),
            "that is fine before the first analysis; the Community Build does not have pull requests and branches",
        ),
        Ok(_) => tally.passed(format_args!("the token can read the project {key}")),
        Err(refusal) => tally.refused(&**refusal),
    }
    gate.ok().filter(|_| !is_new)
}
