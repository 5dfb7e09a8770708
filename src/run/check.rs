//! `MODE: check`: proves that the credential and the target work, and posts nothing. A line for each thing that
//! was looked at, with what to do where it is not as it should be; of many targets only what is worth a look.

use std::{collections::HashSet, fmt, path::PathBuf, rc::Rc};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::{StatusCode, Url};
use secrecy::ExposeSecret as _;

use crate::{
    bitbucket::{
        api::Bitbucket,
        scopes::{Need, Scopes},
    },
    bitbucket::{
        credential::{Credential, CredentialKind},
        refusal::{Creator, Refusal, StatusCreator},
    },
    config::{
        analysis::{Analyses, AnalysisPlan, CLOUD_URL, Files, VerdictPlan},
        findings::Findings,
        keyring::Credentials,
        report_task::{Analysis, End},
        repository::repository,
        status::StatusPlan,
        target::{names_commit, target_plan},
        target_list::{Planned, Targets},
        variables::Variables,
    },
    console::{
        log::Console,
        text::{counted, fingerprint},
    },
    explain::{
        handbook,
        tell::{Refused, tell},
    },
    http::{
        client::Client,
        deadline::Deadline,
        failed_request::Service,
        throttle::{Outage, Throttle},
    },
    model::{
        analysis::Subject,
        outcome::Outcome,
        status::StatusKey,
        target::{CommitSource, Repository, Target, TargetPlan},
    },
    run::{
        context::Context,
        find_commit::{Locator, Lookups},
        lookup_cache::Once,
        report::{self, Budget},
    },
    sonarqube::{
        self,
        api::{SonarQube, authorization},
    },
};

/// What is looked at.
#[derive(Debug)]
pub(crate) struct CheckPlan {
    /// The way into Bitbucket.
    access: Rc<Credential>,
    /// The repository.
    repository: Repository,
    /// The target, when a commit is named.
    target: Option<TargetPlan>,
    /// What a status would be like.
    status: StatusPlan,
    /// Whether the verdict is given.
    has_state: bool,
    /// What SonarQube would be asked, when the variables speak of SonarQube.
    sonarqube: Option<AnalysisPlan>,
}

impl CheckPlan {
    /// The plan, or the problems that keep the variables from making one. Neither a commit nor an analysis is
    /// needed: a team checks its token before there is one.
    pub(crate) fn from_variables(
        variables: &Variables,
        credentials: &Credentials,
        findings: &mut Findings,
    ) -> Option<Self> {
        let target = names_commit(variables).then(|| target_plan(variables, findings));
        let repository = match &target {
            Some(target) => target.as_ref().map(|target| target.repository.clone()),
            None => repository(variables, findings),
        };
        let status = StatusPlan::from_variables(variables, findings);
        let has_state = variables.state.is_some();
        if has_state {
            VerdictPlan::from_variables(variables, false, findings);
        }
        let sonarqube = AnalysisPlan::from_variables(variables, false, findings).filter(|plan| {
            plan.token.is_some() || plan.host.is_some() || plan.analyses != Analyses::Files(Files::default())
        });
        let repository = repository?;
        let access = credentials.find(&repository, findings)?;
        Some(Self { access, repository, target: target.flatten(), status, has_state, sonarqube })
    }

    /// What is asked of SonarQube, when it is asked.
    pub(crate) const fn sonarqube(&self) -> Option<&AnalysisPlan> {
        self.sonarqube.as_ref()
    }

    /// The keys that the statuses would have, with the project that tells each.
    fn keys(&self, projects: &[Told]) -> Vec<StatusKey> {
        let several = self.sonarqube.as_ref().is_some_and(|plan| plan.analyses.several());
        let projects: Vec<&str> =
            projects.iter().filter_map(|told| Some(&*told.project.as_ref()?.0)).collect();
        if several && !self.has_state && !projects.is_empty() {
            projects.into_iter().map(|project| self.status.key_of(Some(project))).collect()
        } else {
            vec![self.status.key_of(None)]
        }
    }
}

impl Planned for CheckPlan {
    fn identity(&self) -> String {
        let Self { access, repository, target, status, has_state: _, sonarqube } = self;
        format!("{} {repository} {target:?} {status:?} {sonarqube:?}", access.authorization.description)
    }

    /// There is nothing else to say.
    fn content(&self) -> String {
        String::new()
    }
}

/// Looks at everything that the plans name, and says how it is. Of many targets only what is worth a look is told.
///
/// # Errors
///
/// Only what a defect explains.
pub(crate) async fn check(targets: &Targets<CheckPlan>, context: Context<'_>) -> anyhow::Result<Outcome> {
    let version = env!("CARGO_PKG_VERSION");
    let Context { settings, credentials, console, .. } = context;
    let Targets { plans, many, .. } = targets;
    let looked_up = plans.iter().filter_map(|plan| Some((&*plan.access, plan.target.as_ref()?)));
    let checker = Checker {
        context,
        lookups: Lookups::of(looked_up),
        repositories: Once::default(),
        tokens: Once::default(),
    };
    if let ([plan], false) = (&plans[..], many) {
        console.line(format_args!(
            "gatepost {version}: check of {} {}; nothing is posted",
            plan.repository, plan.access.authorization.description
        ));
        return checker.check(plan, console).await;
    }
    console.line(format_args!(
        "gatepost {version}: check of {}; nothing is posted",
        counted(plans.len(), "target")
    ));
    if let Some(step) = &targets.step {
        console.line(step);
    }
    budget(plans).tell(targets.steps(), console);
    let outcomes: Vec<Outcome> = stream::iter(plans)
        .map(async |plan| checker.check(plan, &console.about(plan)).await)
        .buffer_unordered(settings.concurrency)
        .try_collect()
        .await?;
    let works = outcomes.iter().filter(|outcome| **outcome == Outcome::Done).count();
    let worst = outcomes.into_iter().fold(Outcome::Done, Outcome::worse);
    report::unused_tokens(credentials, console);
    console.tell_left_out("");
    let verb = if plans.len() == 1 { "works" } else { "work" };
    let line = format!("{works} of {} {verb}; nothing was posted", counted(plans.len(), "target"));
    if worst == Outcome::Done {
        console.done(line);
    } else {
        console.failed(line);
    }
    Ok(worst)
}

/// The repository is looked at once with each credential; the commit and the status with each key, for each target.
fn budget(plans: &[CheckPlan]) -> Budget<'_> {
    let (mut budget, mut repositories) = (Budget::default(), HashSet::new());
    for CheckPlan { access, repository, target, .. } in plans {
        let is_new = repositories.insert(name(access, repository));
        let of_target = if target.is_some() { 2 } else { 0 };
        budget.add(access, target.as_ref(), of_target + usize::from(is_new));
    }
    budget
}

/// What makes two looks at a repository the same.
fn name(access: &Rc<Credential>, repository: &Repository) -> u64 {
    fingerprint(&(&access.authorization.description, repository.to_string()))
}

/// Names the target as the reader knows it.
impl fmt::Display for CheckPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Some(target) => target.fmt(f),
            None => self.repository.fmt(f),
        }
    }
}

/// What all checks of a run share.
#[derive(Debug)]
struct Checker<'a> {
    context: Context<'a>,
    /// What was looked up before.
    lookups: Lookups,
    /// Whether a repository is visible with a credential; with the scopes that are told.
    repositories: Once<Option<Scopes>>,
    /// Whether SonarQube accepts a token, by server and token.
    tokens: Once<bool, sonarqube::refusal::Refusal>,
}

impl Checker<'_> {
    async fn check(&self, plan: &CheckPlan, console: &Console) -> anyhow::Result<Outcome> {
        let deadline = Deadline::after(self.context.settings.timeout);
        let bitbucket = self.context.bitbucket(&plan.access, console, &deadline);
        let mut checks =
            Checks { checker: self, console, done: 0, unusual: 0, failed: 0, worst: Outcome::Done };
        let told = plan.sonarqube.as_ref().map(told).unwrap_or_default();
        let credential = &plan.access.kind;
        checks.shape(credential);
        checks.bitbucket(plan, &plan.keys(&told), credential, bitbucket).await;
        match &plan.sonarqube {
            Some(analysis) => checks.sonarqube(analysis, told).await?,
            None if plan.has_state => console.line("SonarQube was not looked at: STATE is given"),
            None => checks.unusual(
                "SonarQube was not looked at: SONAR_TOKEN, SONAR_HOST_URL and SONAR_PROJECT_KEY are not set",
                "pass SONAR_TOKEN (and SONAR_PROJECT_KEY) to have them checked too; a STATE of your own needs none of them",
            ),
        }
        Ok(checks.end())
    }
}

/// What was looked at so far.
struct Checks<'a> {
    checker: &'a Checker<'a>,
    console: &'a Console,
    done: u32,
    unusual: u32,
    failed: u32,
    worst: Outcome,
}

impl Checks<'_> {
    fn passed(&mut self, what: impl fmt::Display) {
        self.done += 1;
        if self.console.is_of_run() {
            self.console.done(what);
        }
    }

    fn unusual(&mut self, what: impl fmt::Display, remedy: impl fmt::Display) {
        self.unusual += 1;
        let what = what.to_string();
        if let Some(console) = self.console.news(what.clone()) {
            console.warning(what);
            console.details("to do", remedy);
        }
    }

    fn failed(&mut self, what: impl fmt::Display, remedy: impl fmt::Display, outcome: Outcome) {
        self.failed += 1;
        self.worst = self.worst.worse(outcome);
        self.console.failed(what);
        self.console.details("to do", remedy);
    }

    fn refused(&mut self, refusal: &impl Refused) {
        self.failed += 1;
        self.worst = self.worst.worse(match refusal.failed().service {
            Service::Bitbucket => Outcome::BitbucketFailed,
            Service::SonarQube => Outcome::SonarQubeFailed,
        });
        tell(refusal, self.console);
    }

    fn end(&self) -> Outcome {
        let all = self.done + self.unusual + self.failed;
        let Self { console, done, unusual, failed, .. } = self;
        match (failed, unusual) {
            // Of many targets those that work are counted.
            (0, _) if !console.is_of_run() => {}
            (0, 0) => console.done(format_args!("all {all} checks passed; nothing was posted")),
            (0, _) => console.done(format_args!(
                "{done} of {all} checks passed, the others are worth a look; nothing was posted"
            )),
            _ => console.failed(format_args!("{failed} of {all} checks failed; nothing was posted")),
        }
        self.worst
    }

    /// What is wrong with the shape was told before; what is unusual about it, too.
    fn shape(&mut self, credential: &CredentialKind) {
        let what = format!("the {credential}");
        match credential.oddity() {
            None if credential.may_be_oauth_token() => self.unusual(
                format_args!("{what} does not begin with ATCTT, as access tokens do: it is taken for a token of OAuth"),
                "that is fine for OAuth, whose tokens live two hours; an app password no longer works, wherever it stands",
            ),
            None => self.passed(format_args!("{what} looks like one")),
            Some(oddity) => self.unusual(
                format_args!("{what} {oddity}"),
                "copy it again from where it was shown when it was created, or create a new one",
            ),
        }
    }

    async fn bitbucket(
        &mut self,
        plan: &CheckPlan,
        keys: &[StatusKey],
        credential: &CredentialKind,
        bitbucket: Bitbucket<'_>,
    ) {
        let asked = name(&plan.access, &plan.repository);
        let find = async { bitbucket.read_repository(&plan.repository).await.map_err(Rc::from) };
        match self.checker.repositories.get(asked, bitbucket.client.deadline, false, find).await {
            Ok(granted) => {
                self.passed(format_args!("the repository {} is visible to it", plan.repository));
                let source = plan.target.as_ref().map(|target| &target.commit);
                self.scopes(credential, granted.as_ref(), source);
            }
            // Nothing else of the repository can be seen then.
            Err(refusal) => return self.refused(&*refusal),
        }
        let Some(target) = &plan.target else {
            return self.unusual(
                "no commit was looked at: none of COMMIT, PULL_REQUEST and BRANCH is set",
                "pass one of them to have the whole way checked",
            );
        };
        if let Some(target) = self.commit(plan, target, bitbucket).await {
            let access = self.access(plan, &target);
            for key in keys {
                self.owner(key, &target, &access, bitbucket.with(&access)).await;
            }
        }
    }

    /// The repository was read, for which the scope is needed that a status needs; what is told beside it may be less
    /// than the token has, and is believed where it says that something is there.
    fn scopes(
        &mut self,
        credential: &CredentialKind,
        granted: Option<&Scopes>,
        source: Option<&CommitSource>,
    ) {
        let granted = granted.filter(|granted| !granted.is_empty() && granted.are_of(credential));
        let Some(granted) = granted else {
            return self.unusual(
                "Bitbucket did not say which scopes the token has",
                format_args!(
                    "reading the repository worked, which is enough for a status; see that the token has {} as well, when pull requests are to be looked up",
                    Need::PullRequestLookup.permission(credential)
                ),
            );
        };
        self.passed(format_args!(
            "the token has the scope {}, for statuses and reports",
            Need::Status.scope(credential)
        ));
        let lookup = Need::PullRequestLookup.scope(credential);
        if Need::PullRequestLookup.is_met(credential, granted) {
            self.passed(format_args!("the token has the scope {lookup}, for looking pull requests up"));
        } else if matches!(source, Some(CommitSource::PullRequest { .. })) {
            // The lookup itself tells what to do.
            self.console.warning(format_args!("the token lacks the scope {lookup}; it has: {granted}"));
        } else {
            self.unusual(
                format_args!("the token lacks the scope {lookup}: pull requests cannot be looked up with it"),
                "that is fine while COMMIT and BRANCH are known, as in a pipeline's own repository",
            );
        }
        let writing = granted.writing();
        if !writing.is_empty() {
            self.unusual(
                format_args!("the token may do more than is needed: {writing}"),
                "Gatepost only reads and posts statuses, for which reading is enough; a token with less does less harm when it is lost",
            );
        }
    }

    async fn commit(
        &mut self,
        plan: &CheckPlan,
        target: &TargetPlan,
        bitbucket: Bitbucket<'_>,
    ) -> Option<Target> {
        let locator =
            Locator { bitbucket, plan: target, lookups: &self.checker.lookups, reads_repository: true };
        let (mut target, mut source) = match locator.locate().await {
            Ok(located) => located,
            Err(refusal) => {
                self.refused(&*refusal);
                return None;
            }
        };
        let mut seen = self.see_commit(plan, &target, bitbucket).await;
        if seen.as_ref().is_err_and(|refusal| refusal.status_code() == Some(StatusCode::NOT_FOUND)) {
            match locator.source_commit(&target, source.take()).await {
                Ok(Some(other)) => {
                    target = other;
                    seen = self.see_commit(plan, &target, bitbucket).await;
                }
                Ok(None) => {}
                Err(refusal) => self.refused(&*refusal),
            }
        }
        match seen {
            Ok(()) => {
                let branch =
                    target.refname.as_ref().map(|name| format!(", branch {name}")).unwrap_or_default();
                self.passed(format_args!(
                    "commit {} of {} is there{branch}",
                    target.commit, target.repository
                ));
                Some(target)
            }
            Err(mut refusal) => {
                refusal.evidence.reads_repository = (target.repository == plan.repository).then_some(true);
                locator.add_clues(&target, true, &mut refusal.evidence);
                self.refused(&*refusal);
                None
            }
        }
    }

    /// Whether the commit is there, which may be a fork's.
    async fn see_commit(
        &self,
        plan: &CheckPlan,
        target: &Target,
        bitbucket: Bitbucket<'_>,
    ) -> Result<(), Box<Refusal>> {
        let access = self.access(plan, target);
        bitbucket.with(&access).read_commit(&target.repository, &target.commit).await
    }

    /// The way into the repository of a target, which may be a fork.
    fn access(&self, plan: &CheckPlan, target: &Target) -> Rc<Credential> {
        self.checker.context.credentials.of_source(&target.repository, &plan.repository, &plan.access)
    }

    /// Who we are is not asked: access tokens may not, and API tokens need another scope for it. A person's status is
    /// not an access token's, though, and the reverse.
    async fn owner(
        &mut self,
        key: &StatusKey,
        target: &Target,
        access: &Rc<Credential>,
        bitbucket: Bitbucket<'_>,
    ) {
        let remedy = handbook::ANOTHERS_STATUS.remedy;
        let is_person = matches!(access.kind, CredentialKind::ApiToken { .. });
        match bitbucket.status_creator(&target.repository, &target.commit, key).await {
            Ok(StatusCreator::NoStatus) => {
                self.passed(format_args!("no status with the key {key} stands on the commit: it can be created"));
            }
            Ok(StatusCreator::Named(creator @ Creator { is_person: Some(other), .. })) if other != is_person => {
                self.unusual(
                    format_args!(
                        "the status with the key {key} was created by {creator}, which is not this credential: only an admin of the repository may overwrite it"
                    ),
                    remedy,
                );
            }
            Ok(StatusCreator::Named(creator)) => self.unusual(
                format_args!(
                    "the status with the key {key} was created by {creator}: if that is not this credential, it cannot overwrite it"
                ),
                format_args!("compare the name with the token's; if it is another one: {remedy}"),
            ),
            Ok(StatusCreator::Unnamed) => self.unusual(
                format_args!("there is a status with the key {key}, and Bitbucket does not say whose it is"),
                format_args!("if it is not this credential's: {remedy}"),
            ),
            Err(mut refusal) => {
                // Its commit was seen just now.
                refusal.evidence.reads_repository = Some(true);
                self.refused(&*refusal);
            }
        }
    }

    async fn sonarqube(&mut self, plan: &AnalysisPlan, told: Vec<Told>) -> anyhow::Result<()> {
        let Context { settings, sonarqube_transport: transport, .. } = self.checker.context;
        for Told { wrong, .. } in &told {
            if let Some(wrong) = wrong {
                let remedy = "see what the scanner left there, or pass SONAR_REPORT_TASK";
                self.failed(wrong, remedy, Outcome::SonarQubeFailed);
            }
        }
        let server = told.iter().find_map(|told| told.server.clone());
        let url = match plan.host.clone().or(server) {
            Some(url) => url,
            None => Url::parse(CLOUD_URL)?,
        };
        let authorization = authorization(plan.token.as_ref(), &url, None);
        let throttle = Throttle::new(settings.timeout, Outage::default());
        let deadline = Deadline::after(settings.timeout);
        let client = Client {
            transport,
            console: self.console,
            service: Service::SonarQube,
            authorization: &authorization,
            throttle: &throttle,
            base_url: &url,
            deadline: &deadline,
            retries: true,
            may_have_been_applied: None,
        };
        let sonarqube = SonarQube { client, has_token: plan.token.is_some() };
        if self.sonar_token(plan, &url, sonarqube).await {
            let projects: Vec<_> = told.into_iter().filter_map(|told| told.project).collect();
            if projects.is_empty() {
                self.unusual(
                    "no project of SonarQube was looked at: SONAR_PROJECT_KEY is not set, and no report-task.txt is here",
                    "pass SONAR_PROJECT_KEY to have it checked too",
                );
            }
            for (key, subject) in projects {
                self.project(&key, &subject, sonarqube).await;
            }
        }
        Ok(())
    }

    /// Whether it makes sense to ask on.
    async fn sonar_token(&mut self, plan: &AnalysisPlan, url: &Url, sonarqube: SonarQube<'_>) -> bool {
        let Some(token) = &plan.token else {
            self.unusual(
                format_args!("SONAR_TOKEN is not set: SonarQube at {url} tells about public projects only"),
                "pass SONAR_TOKEN, the token that the scanner uses",
            );
            return true;
        };
        // Of many targets most have one server and one token.
        let asked = fingerprint(&(url.as_str(), token.expose_secret()));
        let find = async { sonarqube.token_is_valid().await.map_err(Rc::from) };
        match self.checker.tokens.get(asked, sonarqube.client.deadline, false, find).await {
            Ok(true) => {
                self.passed(format_args!("SonarQube at {url} accepts SONAR_TOKEN"));
                return true;
            }
            Ok(false) => self.failed(
                format_args!("SonarQube at {url} does not accept SONAR_TOKEN"),
                "create a token in SonarQube (My Account > Security) and save it in SONAR_TOKEN; check that SONAR_HOST_URL is the server it is of",
                Outcome::SonarQubeFailed,
            ),
            Err(refusal) => self.refused(&*refusal),
        }
        false
    }

    async fn project(&mut self, key: &str, subject: &Subject, sonarqube: SonarQube<'_>) {
        let mut gate = sonarqube.gate_of_project(key, subject).await;
        // A pull request has no gate before it is analysed for the first time.
        let not_found =
            gate.as_ref().is_err_and(|refusal| refusal.status_code() == Some(StatusCode::NOT_FOUND));
        let is_new = not_found && *subject != Subject::Main;
        if is_new {
            gate = sonarqube.gate_of_project(key, &Subject::Main).await;
        }
        match gate {
            Ok(_) if is_new => self.unusual(
                format_args!("the project {key} is visible to it, which has no analysis of {} yet", subject.words()),
                "that is fine before the first analysis; the Community Build knows no pull requests and branches",
            ),
            Ok(_) => self.passed(format_args!("the project {key} is visible to it")),
            Err(refusal) => self.refused(&*refusal),
        }
    }
}

/// What the variables or a file tell of SonarQube.
#[derive(Debug, Default)]
struct Told {
    server: Option<Url>,
    project: Option<(String, Subject)>,
    /// What is wrong with the file.
    wrong: Option<String>,
}

fn told(plan: &AnalysisPlan) -> Vec<Told> {
    let (found, named) = match &plan.analyses {
        Analyses::Project { key, subject } => {
            return vec![Told { project: Some((key.clone(), subject.clone())), ..Told::default() }];
        }
        Analyses::Files(Files { found, named, .. }) => (found, *named),
    };
    let told = |file: &PathBuf| match Analysis::read(file, named) {
        Ok(Analysis { project, subject, end, .. }) => Told {
            server: match end {
                End::Ask { server, .. } => server,
                End::Gate(_) | End::Failed => None,
            },
            project: project.map(|key| (key, subject.unwrap_or(Subject::Main))),
            wrong: None,
        },
        Err(wrong) => Told { wrong: Some(format!("{} {wrong}", file.display())), ..Told::default() },
    };
    found.iter().map(told).collect()
}
