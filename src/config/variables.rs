//! The environment as [`Variables`]: every variable is optional, and none is interpreted.
//!
//! This is the first step of the flow. It only finds values that are blank, not text, or a `$NAME` that was not replaced.
//! The other files of this room say what the values mean.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    ffi::{OsStr, OsString},
};

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::{
    config::{
        credential::swapped_client_secret,
        findings::{Findings, is_trifle},
        near_miss::{Letters, Word},
    },
    console::{foreign::shown, secrets::holds_token, text::in_digits},
    explain::handbook::NOT_EXPANDED,
};

/// A documented variable. `--help` and the tables of the documents are made from these; `pipe.yml` is compared with them.
#[derive(Debug)]
pub struct Variable {
    /// The table of the documents that it belongs to.
    pub group: &'static str,
    /// The name in lower case: the field of [`Variables`].
    pub field: &'static str,
    /// The default in words; empty when there is none.
    pub default: &'static str,
    meaning: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// Whether it may come as a list: `NAME_COUNT`, `NAME_0`, `NAME_1` ...
    pub list: bool,
    letters: Letters,
}

impl Variable {
    /// The name of the environment variable.
    pub fn name(&self) -> String {
        self.field.to_ascii_uppercase()
    }

    /// The description, as Markdown on one line.
    pub fn meaning(&self) -> &'static str {
        self.meaning.trim_start()
    }
}

/// Declares each variable once: its field in [`Variables`] and its entry in [`Variables::ALL`].
macro_rules! variables {
    ($($group:literal {
        $($(#[doc = $meaning:literal])+ $field:ident: $kind:ident = $default:literal,)+
    })+) => {
        /// The variables as the user wrote them. A blank variable is `None`.
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(default)]
        pub struct Variables {
            $($($(#[doc = $meaning])+ pub $field: Option<variables!(@type $kind)>,)+)+
        }

        impl Variables {
            /// Every variable that Gatepost reads, in the order of the documents.
            pub const ALL: &'static [Variable] = &[$($(Variable {
                group: $group,
                field: stringify!($field),
                default: $default,
                meaning: concat!($($meaning),+),
                secret: variables!(@secret $kind),
                list: variables!(@list $kind),
                letters: Letters::of(stringify!($field)),
            },)+)+];

            /// Whether the variable with this name in lower case is set.
            pub fn has(&self, field: &str) -> bool {
                match field {
                    $($(stringify!($field) => self.$field.is_some(),)+)+
                    _ => false,
                }
            }

            /// Each variable that is set, with its text. Secrets are left out.
            pub(crate) fn texts(&self) -> impl Iterator<Item = (&'static Variable, &str)> {
                let texts = [$($(variables!(@text $kind, self.$field),)+)+];
                Self::ALL.iter().zip(texts).filter_map(|(variable, text)| Some((variable, text?)))
            }

            /// Sets the variable with this name in lower case, or makes it unset.
            pub(crate) fn put(&mut self, field: &str, text: Option<String>) {
                match field {
                    $($(stringify!($field) => self.$field = text.map(Into::into),)+)+
                    _ => {}
                }
            }
        }
    };
    (@text Secret, $value:expr) => { None };
    (@text $kind:ident, $value:expr) => { $value.as_deref() };
    (@type Text) => { String };
    (@type List) => { String };
    (@type Secret) => { SecretString };
    (@secret Text) => { false };
    (@secret List) => { false };
    (@secret Secret) => { true };
    (@list Text) => { false };
    (@list Secret) => { false };
    (@list List) => { true };
}

variables! {
    "Credentials" {
        /// E-mail address of the Atlassian account that owns `ATLASSIAN_API_TOKEN`.
        atlassian_account_email: Text = "",
        /// API token with scopes, created for the app Bitbucket: `read:repository:bitbucket`, and
        /// `read:pullrequest:bitbucket` to look up pull requests.
        atlassian_api_token: Secret = "",
        /// Repository, project or workspace access token with the scope `repository`
        /// (`pullrequest` to look up pull requests).
        bitbucket_access_token: Secret = "",
        /// Key of a private OAuth consumer of the workspace, with the scope `repository` (`pullrequest` to look up pull
        /// requests). Its statuses belong to the owner of the consumer.
        bitbucket_oauth_client_id: Secret = "",
        /// Secret of this consumer. Gatepost gets a token with both when the first request needs one.
        bitbucket_oauth_client_secret: Secret = "",
        /// No longer supported: app passwords ended on 2026-07-28. Without another credential it is an error that says
        /// what to use instead, otherwise a warning.
        bitbucket_username: Text = "",
        /// No longer supported, like `BITBUCKET_USERNAME`.
        bitbucket_app_password: Secret = "",
    }
    "Target" {
        /// Workspace of the target.
        workspace: Text = "`BITBUCKET_WORKSPACE`",
        /// Repository of the target: its slug, `workspace/slug`, or its https or ssh address.
        repo_slug: Text = "`BITBUCKET_REPO_SLUG`",
        /// Commit, 7 to 40 hexadecimal digits.
        commit: Text = "`BITBUCKET_COMMIT` †",
        /// Pull request number: the status goes to its source commit and branch, for a fork to the
        /// source repository.
        pull_request: Text = "`BITBUCKET_PR_ID` †",
        /// Branch: the status goes to its head commit, when neither `COMMIT` nor `PULL_REQUEST` is known.
        branch: Text = "`BITBUCKET_BRANCH` †",
        /// Source branch of the status: Bitbucket only counts the status for pull requests from this branch.
        refname: Text = "the branch, when known",
    }
    "Status" {
        /// `SUCCESSFUL`, `FAILED`, `INPROGRESS`, `STOPPED`, a common word for one of them in any case (`passed`,
        /// `error`, `running`, `cancelled` ...), or an exit code such as `$BITBUCKET_EXIT_CODE`: 0 is
        /// `SUCCESSFUL`, any other is `FAILED`. It needs `KEY` or `SONAR_PROJECT_KEY`.
        state: Text = "the verdict of SonarQube's quality gate",
        /// Key of the status: a status with the same key on the same commit is replaced. With it, a run has one
        /// status: the worst. A key of more than 40 characters is cut and gets `-` and 8 hexadecimal digits of its SHA-256.
        key: Text = "`sonar-<project key>`, or `sonar` if no project is known",
        /// Title of the status, at most 255 characters.
        name: Text = "`Sonar: <project key>`, or `Sonar` if no project is known",
        /// Line of text below the title, cut to 255 characters.
        description: Text = "the verdict in words",
        /// `false`: only the Code Insights report is posted, and no status.
        status: Text = "`true`",
        /// Page that a click opens: http or https, to an IP address or a host with a dot, not loopback.
        url: Text = "SonarQube's dashboard, or the page of the pipeline, or the page of the commit",
    }
    "SonarQube" {
        /// User token, project analysis token or global analysis token of SonarQube.
        sonar_token: Secret = "",
        /// Address of the server, including its base path. The token is sent to it: set this variable where others can
        /// change the files of the scanner.
        sonar_host_url: Text = "the server that report-task.txt names, or `https://sonarcloud.io`",
        /// Path or glob of `report-task.txt`, or of a file with the JSON of a webhook; a list, or separated by commas.
        /// Several projects give several statuses, unless `KEY` is given.
        sonar_report_task: List = "the places where scanners write it, in this folder and below",
        /// Key of the project to ask about, instead of a file.
        sonar_project_key: Text = "",
        /// Projects that always have a status: keys, or globs over the keys in the files `sonar-project.properties`; a list, or
        /// separated by commas. One without an analysis is not affected, if the scan ended well.
        sonar_projects: List = "",
        /// Pull request of the project, by its name in SonarQube.
        sonar_pull_request: Text = "",
        /// Branch of the project.
        sonar_branch: Text = "the main branch",
        /// Seconds to wait for the analysis: 1 to 7200.
        sonar_timeout: Text = "`300`",
        /// Exit code of the scan: the status is final, whatever is missing. If it is not 0, the status is only
        /// green if this scan made the analysis.
        scan_exit_code: Text = "`BITBUCKET_EXIT_CODE`",
        /// PEM text of root certificates to trust for SonarQube.
        sonar_root_cert: Text = "",
        /// State to post when SonarQube computed no quality gate: `SUCCESSFUL`, `FAILED` or `STOPPED`.
        on_no_gate: Text = "`FAILED`",
        /// `false`: the status is red, and the step stays green.
        fail_on_red_gate: Text = "`true`",
        /// Conditions of the quality gate that are told and do not block, by the keys of their metrics or by globs such as
        /// `*coverage*`; a list, or separated by commas. If nothing else failed, the status is green.
        advisory_conditions: List = "",
        /// Code Insights report beside the status: `issues` (the gate, and the issues as annotations in the diff), `gate`
        /// (the gate alone) or `false`. A state that is given has no report.
        report: Text = "`issues`, and `false` for a list of targets",
        /// Folder that the scanner ran in, from the root of the repository, where the place of `report-task.txt` does not
        /// tell it: SonarQube names files from there.
        sonar_base_dir: Text = "the folder above the place of `report-task.txt`, or the root of the repository",
    }
    "Many targets in one run" {
        /// JSON file with an array of objects, one for each target: variables of Target, Status and SonarQube by their
        /// names in lower case. Missing fields of an entry come from the variables of the run.
        targets_file: Text = "",
        /// The same JSON as text, or a list with one object in each item. Its text may have 128 KiB: Linux passes no
        /// longer one to a program. A longer list goes into `TARGETS_FILE`.
        targets: List = "",
        /// Repositories whose targets Gatepost finds by itself: slugs, `workspace/slug`, `*` for all of `WORKSPACE`, globs,
        /// `project:KEY`, and what to leave out, such as `!legacy-*`. Variables of Status and SonarQube may hold
        /// `{workspace}`, `{repo_slug}`, `{pull_request}`, `{branch}` and `{destination}`.
        repositories: List = "",
        /// What is a target in each of `REPOSITORIES`: `open-pull-requests`, `main-branches` (their heads), or `branch:NAME`
        /// (the head of this branch).
        targets_from: Text = "`open-pull-requests`",
        /// JSON object with an access token for each repository, by `slug` or `workspace/slug`. One other credential may
        /// serve the other repositories.
        bitbucket_access_tokens: Secret = "",
        /// `true`: the steps of a parallel group share the targets, and each handles its part.
        split: Text = "`false`",
        /// Number of requests at once, to Bitbucket and to SonarQube each: 1 to 64.
        concurrency: Text = "`8`",
    }
    "Settle" {
        /// Keys of the statuses that are ended, or globs for keys such as `sonar-*`; a list, or separated by commas.
        settle_keys: List = "`KEY`",
        /// States that are ended: `INPROGRESS`, `FAILED`, `STOPPED`; a list, or separated by commas.
        settle_states: List = "`INPROGRESS`",
        /// Age from which a status is ended, since somebody wrote it last: minutes (`90m`), hours (`24h`) or days (`7d`).
        settle_after: Text = "`24h`",
    }
    "Behaviour" {
        /// `publish`: post the status. `check`: check credential and target, and post nothing. `settle`: give `STATE` to
        /// statuses that nobody else ends. `targets`: write the targets of `REPOSITORIES` to `RESULT_FILE` as JSON, for
        /// `TARGETS_FILE`, or print them.
        mode: Text = "`publish`",
        /// `true`: print the requests that would change something instead of sending them.
        dry_run: Text = "`false`",
        /// `true`: print one line for each request, with time, attempt and answer.
        debug: Text = "`false`",
        /// Seconds for all requests to Bitbucket about the statuses of one target, for those about its projects without an
        /// analysis, for those about each report, and for each question to SonarQube, retries included: 1 to 3600.
        timeout: Text = "`120`",
        /// File for one JSON object for each status: target, status as sent, outcome, exit code, reason.
        result_file: Text = "",
        /// `true`: keep `RESULT_FILE`, and skip each status that it records as delivered with the same content.
        resume: Text = "`false`",
        /// File for a page of the run, what went wrong first: its name ends in `.html` or `.md`.
        summary_file: Text = "",
        /// Address of the Bitbucket API: https, or http to loopback or `host.docker.internal`.
        bitbucket_api_url: Text = "`https://api.bitbucket.org/2.0`",
        /// Address of the proxy of Pipelines, through which a report goes without a credential.
        report_proxy: Text = "port 29418 of the host in `DOCKER_HOST`, or of `localhost`",
        /// PEM file with root certificates that are trusted in addition to the built-in ones.
        ssl_cert_file: Text = "",
        /// Proxy for https addresses.
        https_proxy: Text = "",
        /// Proxy for http addresses; never used for an http address of Bitbucket's API.
        http_proxy: Text = "",
        /// Hosts that are reached without a proxy, separated by commas or white space: names (with their subdomains), `*.example.com`, `host:port`, addresses, networks such as `10.0.0.0/8`, or `*`.
        no_proxy: Text = "",
    }
    "Set by Pipelines" {
        /// Workspace of the pipeline's own repository.
        bitbucket_workspace: Text = "",
        /// Slug of the pipeline's own repository.
        bitbucket_repo_slug: Text = "",
        /// UUID of the workspace of the pipeline's own repository.
        bitbucket_repo_owner_uuid: Text = "",
        /// UUID of the pipeline's own repository.
        bitbucket_repo_uuid: Text = "",
        /// Commit that the pipeline builds; 12 digits in a pull-request pipeline.
        bitbucket_commit: Text = "",
        /// Pull request that the pipeline builds.
        bitbucket_pr_id: Text = "",
        /// Branch that the pipeline builds; in a pull-request pipeline the source branch.
        bitbucket_branch: Text = "",
        /// Number of the pipeline run, for the address of its page.
        bitbucket_build_number: Text = "",
        /// How often Pipelines has run the step: tells its own crash from that of another step.
        bitbucket_step_run_number: Text = "",
        /// In `after-script`: the exit code of the script.
        bitbucket_exit_code: Text = "",
        /// Number of the step in its parallel group, from 0; read with `SPLIT`.
        bitbucket_parallel_step: Text = "",
        /// Number of steps in the parallel group; read with `SPLIT`.
        bitbucket_parallel_step_count: Text = "",
        /// Address of Docker beside the step: its host has the proxy of Pipelines.
        docker_host: Text = "",
        /// File that receives `GATEPOST_STATE`, `GATEPOST_KEY`, `GATEPOST_COMMIT` and `GATEPOST_URL`
        /// for later steps, when its folder exists.
        bitbucket_pipelines_variables_path: Text = "",
        /// When set, the log is coloured.
        ci: Text = "",
        /// When set, the log is never coloured.
        no_color: Text = "",
    }
}

/// The form of a name in the environment. Pipelines passes a list as `NAME_COUNT`, `NAME_0` ...
/// <https://support.atlassian.com/bitbucket-cloud/docs/advanced-techniques-for-writing-pipes/>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NameForm {
    Whole,
    Count,
    /// The number of the item, from 0.
    Item(u64),
}

/// The names of proxies may be in any case, as in other programs.
const PROXIES: [&str; 3] = ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"];

impl Variables {
    /// Whether the run is the last word of a step that scans: then there is a final state whatever is wrong.
    pub(crate) const fn is_last_word(&self) -> bool {
        self.state.is_none() && (self.scan_exit_code.is_some() || self.bitbucket_exit_code.is_some())
    }

    /// Whether they name a list of targets, or a search for them.
    pub(crate) const fn name_a_list(&self) -> bool {
        self.targets.is_some() || self.targets_file.is_some() || self.repositories.is_some()
    }

    /// Reads an environment of names and values.
    ///
    /// Values that are not UTF-8, a `$NAME` that was not replaced, and secrets in public variables are problems. A name
    /// similar to a known one is a warning.
    ///
    /// # Errors
    ///
    /// None that the environment can cause: every field is optional text.
    pub(crate) fn read(
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        findings: &mut Findings,
    ) -> Result<Self, envy::Error> {
        let environment: Environment = environment.into_iter().collect();
        refuse_list_form(&environment, findings);
        let mut known: BTreeMap<String, (&Variable, String)> = BTreeMap::new();
        let mut lists: BTreeMap<String, List<'_>> = BTreeMap::new();
        let mut blank = BTreeSet::new();
        for (variable, form, value) in Self::among(&environment, findings).into_values() {
            let list = || List { variable, count: None, items: BTreeMap::new() };
            match value.to_str() {
                Some(text) if let NameForm::Item(number) = form => {
                    let items = &mut lists.entry(variable.name()).or_insert_with(list).items;
                    if items.insert(number, text.to_owned()).is_some() {
                        findings.refuse(
                            format!("{}_{number}", variable.name()),
                            "is there twice, once with further zeros in its number",
                            "one value for each number",
                            "remove one of the two",
                        );
                    }
                }
                Some(text) if text.trim().is_empty() => blank.extend(Some(variable.field)),
                Some(text) if form == NameForm::Count && text.trim() == "0" => {
                    blank.insert(variable.field);
                }
                Some(text) if form == NameForm::Count => {
                    lists.entry(variable.name()).or_insert_with(list).count = Some(text.to_owned());
                }
                Some(text) => {
                    known.insert(variable.name(), (variable, text.to_owned()));
                }
                None => findings.problem(
                    variable.name(),
                    "holds bytes that are not UTF-8 text",
                    "UTF-8 text",
                    "write the value again by hand; it may have been cut, or copied from a binary file",
                ),
            }
        }
        add_lists(lists, &mut known, findings);
        refuse_blank(&blank, &known, findings);
        take_quotes_off(&mut known, findings);
        check_expanded(&mut known, findings);
        check_no_secret_in_the_open(&known, findings);
        warn_of_leftovers(&known, findings);
        envy::from_iter(known.into_iter().map(|(name, (_, value))| (name, value)))
    }

    /// The variables in an environment by the names that they have there, with the form of the name and the value. They
    /// are sorted, so that of `HTTPS_PROXY` and `https_proxy` the lower-case one comes last and wins, as in curl.
    fn among<'e>(
        environment: &'e Environment,
        findings: &mut Findings,
    ) -> BTreeMap<&'e str, (&'static Variable, NameForm, &'e OsStr)> {
        let (mut found, mut misspelt) = (BTreeMap::new(), BTreeMap::new());
        for (name, value) in environment {
            let Some(name) = name.to_str() else { continue };
            let lower = name.to_ascii_lowercase();
            if let Some((variable, form)) = Self::find(name, &lower) {
                found.insert(name, (variable, form, value.as_os_str()));
            } else if let Some(near) = near_miss(name, &lower, environment) {
                misspelt.insert(name, near);
            }
        }
        for (name, near) in misspelt {
            findings.warning(format!(
                "{} is not a variable of Gatepost and is ignored; did you mean {}?",
                name.escape_debug(),
                near.to_ascii_uppercase()
            ));
        }
        found
    }

    /// The variable that a name of the environment stands for. `lower` is the name in lower case, as the fields are.
    fn find(name: &str, lower: &str) -> Option<(&'static Variable, NameForm)> {
        let any_case = PROXIES.iter().any(|proxy| proxy.eq_ignore_ascii_case(name));
        if !any_case && name.contains(|c: char| c.is_ascii_lowercase()) {
            return None;
        }
        if let Some(variable) = Self::with_field(lower) {
            return Some((variable, NameForm::Whole));
        }
        let (field, end) = lower.rsplit_once('_')?;
        let form = match end {
            "count" => NameForm::Count,
            _ => NameForm::Item(in_digits(end)?),
        };
        Self::with_field(field).filter(|variable| variable.list).map(|variable| (variable, form))
    }

    fn with_field(field: &str) -> Option<&'static Variable> {
        let letters = Letters::of(field);
        Self::ALL.iter().find(|variable| variable.letters == letters && variable.field == field)
    }

    /// Every text that must never be shown.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let mut secrets: Vec<String> = [
            &self.atlassian_api_token,
            &self.bitbucket_access_token,
            &self.bitbucket_oauth_client_secret,
            &self.bitbucket_app_password,
            &self.sonar_token,
        ]
        .into_iter()
        .flatten()
        .chain(swapped_client_secret(self))
        .map(|secret| secret.expose_secret().trim().to_owned())
        .flat_map(|secret| without_names(&secret))
        .collect();
        for proxy in [&self.https_proxy, &self.http_proxy].into_iter().flatten() {
            if let Some((user, _)) = proxy.rsplit_once('@') {
                let user = user.rsplit_once("://").map_or(user, |(_, user)| user);
                // The proxy gets them decoded.
                let decoded = percent_decode_str(user).decode_utf8_lossy().into_owned();
                for user in [user.to_owned(), decoded] {
                    secrets.extend(user.split_once(':').map(|(_, password)| password.to_owned()));
                    secrets.push(user);
                }
            }
        }
        secrets
    }
}

/// A variable that came as a list.
struct List<'v> {
    variable: &'v Variable,
    /// `NAME_COUNT`.
    count: Option<String>,
    /// The values by their numbers.
    items: BTreeMap<u64, String>,
}

/// Variables that decide whose status is posted, and what usually makes them empty. Elsewhere, empty is unset.
const DECIDE_WHEN_BLANK: [(&str, &str, &str); 5] = [
    ("repositories", "REPOSITORIES", "the one target would be the pipeline's own repository"),
    ("repo_slug", "REPO_SLUG", "the target would be the pipeline's own repository"),
    ("state", "STATE", "SonarQube would be asked, and its verdict would stand under the key of another tool"),
    ("targets", "TARGETS", "the one target would be the pipeline's own repository"),
    ("targets_file", "TARGETS_FILE", "the one target would be the pipeline's own repository"),
];

/// Reports variables that are there and empty although that decides whose status is posted.
fn refuse_blank(
    blank: &BTreeSet<&str>,
    known: &BTreeMap<String, (&Variable, String)>,
    findings: &mut Findings,
) {
    for (field, name, otherwise) in DECIDE_WHEN_BLANK {
        if blank.contains(field) && !known.contains_key(name) {
            let other = match field {
                "targets" => "TARGETS_FILE",
                "targets_file" => "TARGETS",
                _ => "",
            };
            let otherwise = if known.contains_key(other) {
                format!("{other} is set as well, and which list is meant is not known")
            } else {
                otherwise.to_owned()
            };
            findings.problem(
                name,
                format!("is empty: {otherwise}"),
                format!("a value, or no {name} at all"),
                format!("check whether the variable that {name} is taken from reaches this step (its spelling, a failed command, a secured variable in a fork); to use the default, remove the line with {name}"),
            );
        }
    }
}

/// Adds the values that came as lists: one value on each line, or an array of JSON. A variable in both forms is a problem.
fn add_lists<'v>(
    lists: BTreeMap<String, List<'v>>,
    known: &mut BTreeMap<String, (&'v Variable, String)>,
    findings: &mut Findings,
) {
    for (name, list) in lists {
        // A count alone names no other value than the whole variable.
        if list.items.is_empty() && known.contains_key(&name) {
            continue;
        }
        check_complete(&name, &list, findings);
        let List { variable, mut items, .. } = list;
        items.retain(|_, item| !item.trim().is_empty());
        if variable.field == "targets" {
            check_items(&name, &items, findings);
        }
        match known.entry(name) {
            Entry::Vacant(new) => {
                let text = match variable.field {
                    "targets" => format!("[{}]", items.into_values().collect::<Vec<_>>().join(",")),
                    _ => items.into_values().flat_map(|item| [item, "\n".to_owned()]).collect(),
                };
                new.insert((variable, text));
            }
            Entry::Occupied(text) => {
                let name = text.key();
                findings.problem(
                    name,
                    format!("is set, and so is its list form {name}_0"),
                    "one of the two forms",
                    format!("remove {name}, or {name}_COUNT and {name}_0 ..."),
                );
            }
        }
    }
}

/// More items that are missing are not named: the list is broken as a whole.
const MISSING_SHOWN: usize = 5;

/// Reports items of a list that are empty or missing: what they name would be left out without a word.
fn check_complete(name: &str, List { count, items, .. }: &List<'_>, findings: &mut Findings) {
    let accepted =
        "the number of items in the variable that ends with _COUNT, and a value for each from 0 on";
    let last = items.keys().next_back().map_or(0, |last| last.saturating_add(1));
    let counted = match count.as_deref().map(str::trim) {
        None => last,
        Some(text) => match in_digits(text).filter(|count| *count >= last) {
            Some(count) => count,
            None => {
                return findings.problem(
                    format!("{name}_COUNT"),
                    format!(
                        "is {}, which is not the number of items: the last one is {name}_{}",
                        shown(text),
                        last.saturating_sub(1)
                    ),
                    accepted,
                    format!("write {name} as a list in YAML: Pipelines numbers its items"),
                );
            }
        },
    };
    // The first numbers are enough for the reader, however large the count is.
    let lacks = |number: &u64| items.get(number).is_none_or(|item| item.trim().is_empty());
    let lacking: Vec<u64> = (0..counted).filter(lacks).take(MISSING_SHOWN).collect();
    for number in lacking {
        let found = if items.contains_key(&number) { "is empty" } else { "is missing" };
        findings.problem(
            format!("{name}_{number}"),
            format!("{found}: the list has {counted} items, and this one would be left out"),
            accepted,
            format!("check whether the variable that this item is taken from reaches the step (its spelling, a failed command, a secured variable in a fork); remove the item from the list of {name} if it is not wanted"),
        );
    }
}

/// Reports an item of `TARGETS` that is no object by its own name.
fn check_items(name: &str, items: &BTreeMap<u64, String>, findings: &mut Findings) {
    for (number, item) in items {
        let (found, remedy) = match serde_json::from_str::<IgnoredAny>(item) {
            Ok(_) if item.trim_start().starts_with('{') => continue,
            Ok(_) if item.trim_start().starts_with('[') => (
                "is an array, and TARGETS is a list already".to_owned(),
                "write one object in each item of the list; or write TARGETS without a dash before it, and the whole array as its value",
            ),
            Ok(_) => (
                "is JSON, but not an object".to_owned(),
                "write one object in each item of the list; in YAML put the object in single quotes",
            ),
            Err(error) => (
                format!("is not JSON: {error}"),
                "check it for a missing or additional comma, quote or bracket; in YAML put the object in single quotes",
            ),
        };
        findings.problem(
            format!("{name}_{number}"),
            found,
            "one JSON object: {\"repo_slug\": \"api\", \"pull_request\": 7, \"state\": \"passed\", \"key\": \"tests\"}",
            remedy,
        );
    }
}

type Environment = Vec<(OsString, OsString)>;

/// Whether any variable came as a list: few environments have one.
fn has_lists(environment: &Environment) -> bool {
    environment.iter().any(|(name, _)| name.as_encoded_bytes().ends_with(b"_COUNT"))
}

/// Whether a variable that takes one value came as a list.
fn came_as_list(variable: &Variable, environment: &Environment) -> bool {
    let has = |end| environment.iter().any(|(name, _)| *name == *(variable.name() + end));
    !variable.list && has("_COUNT") && has("_0")
}

/// The field whose name is one or two letters away from an unknown one: it is probably misspelt.
fn near_miss(name: &str, lower: &str, environment: &Environment) -> Option<&'static str> {
    let is_of =
        |variable: &Variable| lower.starts_with(variable.field) && came_as_list(variable, environment);
    let is_item = name.ends_with(|c: char| c.is_ascii_digit()) || name.ends_with("_COUNT");
    if USUAL_NAMES.contains(&name) || name.len() > 64 || is_item && Variables::ALL.iter().any(is_of) {
        return None;
    }
    let word = Word::new(lower);
    let near = Variables::ALL.iter().filter(|variable| word.may_be_near(variable.field, variable.letters));
    let settable = near.filter(|variable| variable.group != BY_PIPELINES);
    word.nearest(settable.map(|variable| variable.field))
}

/// Names of systems and shells that are similar to a variable of Gatepost.
const USUAL_NAMES: [&str; 9] = ["CODE", "GAME", "HOME", "MODEL", "NODE", "NODES", "PATH", "TARGET", "TERM"];

/// Reports the list form of a variable that takes one value.
fn refuse_list_form(environment: &Environment, findings: &mut Findings) {
    if !has_lists(environment) {
        return;
    }
    for variable in Variables::ALL {
        let name = variable.name();
        if came_as_list(variable, environment) {
            findings.problem(
                &name,
                format!("is a list ({name}_COUNT, {name}_0)"),
                "one value",
                format!("write {name} without dashes and brackets; several targets go into TARGETS"),
            );
        }
    }
}

/// The parts of a secret without the names of variables. A name that was pasted together with the value must not be
/// hidden: the message names the variable.
fn without_names(secret: &str) -> Vec<String> {
    // Few secrets look as if they held one.
    let is_of_name = |[before, at, after]: &[u8; 3]| {
        before.is_ascii_uppercase() && *at == b'_' && after.is_ascii_uppercase()
    };
    if !secret.as_bytes().array_windows().any(is_of_name) {
        return vec![secret.to_owned()];
    }
    let mut bare = secret.to_owned();
    for variable in Variables::ALL.iter().filter(|variable| variable.field.contains('_')) {
        bare = bare.replace(&variable.name(), "\0");
    }
    bare.split('\0').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Whether nothing of the run depends on a variable: SonarQube is not asked beside `STATE`, and only a list is divided.
/// `SONAR_PROJECT_KEY` makes the key of the status, unless there is a `KEY`.
fn is_unused(name: &str, group: &str, known: &BTreeMap<String, (&Variable, String)>) -> bool {
    let is_list =
        ["TARGETS", "TARGETS_FILE", "REPOSITORIES"].into_iter().any(|list| known.contains_key(list));
    let settles = known.get("MODE").is_some_and(|(_, mode)| mode.trim().eq_ignore_ascii_case("settle"));
    let is_asked = (!known.contains_key("STATE") || is_list) && !settles;
    match name {
        _ if group == "Settle" => !settles,
        "SPLIT" => !is_list,
        "SONAR_PROJECT_KEY" => !is_asked && known.contains_key("KEY"),
        _ => group == "SonarQube" && !is_asked,
    }
}

/// Whether a wrong value of the variable is only a warning: it only says how the verdict is told, or is not used.
fn decides_nothing(name: &str, group: &str, known: &BTreeMap<String, (&Variable, String)>) -> bool {
    is_trifle(name) || is_unused(name, group, known)
}

/// Reports a value that is only a placeholder: the variable was not known there, or quotes kept it from being replaced.
/// What Pipelines sets is the name of a branch and the like, and may look so.
fn check_expanded(known: &mut BTreeMap<String, (&Variable, String)>, findings: &mut Findings) {
    let mut left_out = Vec::new();
    for (name, (variable, value)) in known.iter().filter(|(_, (variable, _))| variable.group != BY_PIPELINES)
    {
        let Some(found) = placeholder(value.trim()) else { continue };
        if decides_nothing(name, variable.group, known) {
            left_out.push(name.clone());
            if !is_trifle(name) {
                findings.warning(format!("{name} {found}; it is not used in this run, and is ignored"));
                continue;
            }
        }
        findings.problem(
            name,
            found,
            "the value itself",
            NOT_EXPANDED.remedy.replace(
                "BITBUCKET_ACCESS_TOKEN: $BITBUCKET_ACCESS_TOKEN",
                &format!("{name}: $THAT_VARIABLE"),
            ),
        );
    }
    known.retain(|name, _| !left_out.contains(name));
}

/// What is wrong with a value that is only a placeholder: `$NAME`, `${NAME}`, and how other systems write it.
pub fn placeholder(value: &str) -> Option<&'static str> {
    let is_name = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let inside = |start: &str, end: &str| value.strip_prefix(start)?.strip_suffix(end);
    // `$$NAME` is `$NAME` escaped.
    let rest = value.trim_start_matches('$');
    let shell = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(rest);
    if rest.len() < value.len() && is_name(shell) {
        Some("holds the name of a variable instead of its value (it begins with $)")
    } else if inside("%", "%").is_some_and(is_name) {
        Some("holds the name of a variable between % signs, as Windows writes it, instead of its value")
    } else if value.strip_prefix("$env:").is_some_and(is_name) {
        Some("holds the name of a variable as PowerShell writes it ($env:NAME), instead of its value")
    } else if inside("${{", "}}").is_some() {
        Some("holds an expression of another CI system (${{ ... }}), which Pipelines does not replace")
    } else if value == "null" {
        Some("is null: the command that makes the value found nothing (jq prints null)")
    } else {
        None
    }
}

/// Texts for people, which may well be in quotes.
const TEXTS: [&str; 2] = ["NAME", "DESCRIPTION"];

/// A value without the quotes around it; `None` when there are none.
fn unquoted(name: &str, value: &str) -> Option<String> {
    let value = value.trim();
    let inner = ['"', '\''].into_iter().find_map(|quote| {
        let inner = value.strip_prefix(quote)?.strip_suffix(quote)?;
        Some(inner).filter(|inner| !(TEXTS.contains(&name) && inner.contains(quote)))
    })?;
    Some(inner.to_owned())
}

/// Takes quotes off that stand around whole values, and reports their cause once: `docker run --env-file` keeps them.
fn take_quotes_off(known: &mut BTreeMap<String, (&Variable, String)>, findings: &mut Findings) {
    // git allows quotes in the name of a branch.
    let is_quoted = |(name, (_, value)): &(&String, &(&Variable, String))| unquoted(name, value).is_some();
    let (branch, quoted): (Vec<_>, Vec<_>) =
        known.iter().filter(is_quoted).partition(|(name, _)| *name == "BITBUCKET_BRANCH");
    if quoted.is_empty() {
        return;
    }
    let deciding = quoted.iter().filter(|(name, (variable, _))| {
        variable.group != BY_PIPELINES && !decides_nothing(name, variable.group, known)
    });
    // One secret in quotes has a message of its own.
    if let [(_, (Variable { secret: true, .. }, _))] = quoted[..] {
        return;
    }
    let decides = deciding.count() > 0;
    let names = |pairs: &[(&String, &(&Variable, String))]| -> Vec<String> {
        pairs.iter().map(|(name, _)| (*name).clone()).collect()
    };
    let mut all = names(&quoted);
    all.extend(names(&branch));
    if decides {
        all.sort_unstable();
        let have = if all.len() == 1 { "has" } else { "have" };
        let found = format!("{have} quotes at both ends, and they are part of the value");
        let remedy = format!("remove the quotes where the value is written; {QUOTES_STAY}");
        findings.problem(all.join(", "), found, "the value itself", remedy);
    } else {
        for name in names(&quoted) {
            let what = if TEXTS.contains(&name.as_str()) {
                all.retain(|other| *other != name);
                "they are part of the text that everybody sees"
            } else {
                "Gatepost takes them off"
            };
            findings.warning(format!("{name} has quotes at both ends, and {what}; {QUOTES_STAY}"));
        }
    }
    for name in all {
        if let Some((_, value)) = known.get_mut(&name)
            && let Some(inner) = unquoted(&name, value)
        {
            *value = inner;
        }
    }
}

/// Where quotes stay part of a value.
const QUOTES_STAY: &str = "`docker run --env-file` and the page of the repository variables keep them, YAML and a shell take them off";

/// The group of the variables that Pipelines sets.
const BY_PIPELINES: &str = "Set by Pipelines";

/// A shorter secret may be a word that occurs elsewhere by chance.
const TELLING_SECRET_MIN_CHARS: usize = 16;

/// Reports a secret in a variable that is not secret: its value may be shown.
fn check_no_secret_in_the_open(known: &BTreeMap<String, (&Variable, String)>, findings: &mut Findings) {
    // In lower case, too: so the log hides it as well.
    let secrets: Vec<(&String, String)> = known
        .iter()
        .filter(|(_, (variable, _))| variable.secret)
        .map(|(name, (_, value))| (name, value.trim().to_ascii_lowercase()))
        .filter(|(_, value)| value.chars().count() >= TELLING_SECRET_MIN_CHARS)
        .collect();
    // Entries of TARGETS are checked one by one. A certificate is public, and its base64 may look like a token.
    let open =
        |variable: &Variable| !variable.secret && !["targets", "sonar_root_cert"].contains(&variable.field);
    for (name, (_, value)) in known.iter().filter(|(_, (variable, _))| open(variable)) {
        let lower = value.to_ascii_lowercase();
        let found = match secrets.iter().find(|(_, secret)| lower.contains(secret)) {
            Some((secret, _)) => format!("holds the value of {secret}"),
            None if holds_token(value) => "holds what looks like a token".to_owned(),
            None => continue,
        };
        findings.refuse(
            name,
            found,
            "text that everybody may see",
            format!("pass the token in its own variable, and remove it from {name}; if it was ever visible, revoke it and create a new one"),
        );
    }
}

/// Warns of a `$NAME` in a text that people read: it probably should have been replaced by its value.
fn warn_of_leftovers(known: &BTreeMap<String, (&Variable, String)>, findings: &mut Findings) {
    for name in ["KEY", "NAME", "DESCRIPTION", "URL"] {
        let Some((_, value)) = known.get(name) else { continue };
        let leftover = value.split('$').skip(1).find(|rest| {
            rest.trim_start_matches('{').starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        });
        if leftover.is_some() && placeholder(value.trim()).is_none() {
            findings.warning(format!(
                "{name} holds a $NAME that was not replaced by its value; single quotes in the YAML file prevent that"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (Variables, Findings) {
        let mut findings = Findings::default();
        let pairs = pairs.iter().map(|(n, v)| (n.into(), v.into()));
        let variables = Variables::read(pairs, &mut findings).unwrap();
        (variables, findings)
    }

    #[test]
    fn a_blank_variable_counts_as_unset() {
        let (variables, findings) = read(&[("COMMIT", " \n\t"), ("KEY", "")]);
        assert_eq!((variables.commit, variables.key), (None, None));
        assert!(findings.problems.is_empty() && findings.warnings.is_empty());
    }

    #[test]
    fn a_blank_variable_that_decides_whose_status_is_posted_is_a_problem() {
        for name in ["REPO_SLUG", "STATE", "REPOSITORIES", "TARGETS", "TARGETS_FILE"] {
            let (_, findings) = read(&[(name, " ")]);
            assert_eq!(findings.problems[0].variable, name);
        }
    }

    #[test]
    fn quotes_around_values_are_one_problem() {
        let (variables, findings) =
            read(&[("COMMIT", "\"8d081548cabb\""), ("KEY", "'tests'"), ("STATE", "\"0\"")]);
        assert_eq!(findings.problems.len(), 1);
        assert_eq!(findings.problems[0].variable, "COMMIT, KEY, STATE");
        assert_eq!(variables.key.as_deref(), Some("tests"));
        let (variables, findings) = read(&[("DESCRIPTION", "\"It works\"")]);
        assert_eq!((variables.description.as_deref(), findings.problems.len()), (Some("\"It works\""), 0));
        assert!(findings.warnings[0].starts_with("DESCRIPTION has quotes at both ends"));
        let (variables, findings) =
            read(&[("TIMEOUT", "\"60\""), ("NO_PROXY", "'a.b'"), ("NAME", "\"a\" and \"b\"")]);
        assert_eq!((variables.timeout.as_deref(), variables.no_proxy.as_deref()), (Some("60"), Some("a.b")));
        assert_eq!((findings.problems.len(), findings.warnings.len()), (0, 2));
        let (variables, findings) = read(&[("BITBUCKET_BRANCH", "\"x\"")]);
        assert_eq!((variables.bitbucket_branch.as_deref(), findings.warnings.len()), (Some("\"x\""), 0));
        let (variables, findings) =
            read(&[("BITBUCKET_BRANCH", "\"x\""), ("BITBUCKET_WORKSPACE", "\"acme\"")]);
        assert_eq!((variables.bitbucket_branch.as_deref(), findings.problems.len()), (Some("x"), 0));
    }

    #[test]
    fn a_list_of_targets_becomes_an_array() {
        let (variables, findings) =
            read(&[("TARGETS_COUNT", "2"), ("TARGETS_0", r#"{"key": "a"}"#), ("TARGETS_1", "{}")]);
        assert_eq!(variables.targets.as_deref(), Some(r#"[{"key": "a"},{}]"#));
        assert!(findings.problems.is_empty() && findings.warnings.is_empty());
        let (_, findings) = read(&[("KEY_COUNT", "1"), ("KEY_0", "a")]);
        assert_eq!(findings.problems[0].variable, "KEY");
    }

    #[test]
    fn a_list_is_read_in_both_forms() {
        let (variables, _) = read(&[("SONAR_REPORT_TASK", "a,b")]);
        assert_eq!(variables.sonar_report_task.as_deref(), Some("a,b"));
        let (variables, findings) = read(&[
            ("SONAR_REPORT_TASK_COUNT", "2"),
            ("SONAR_REPORT_TASK_0", "a"),
            ("SONAR_REPORT_TASK_1", "b"),
        ]);
        assert_eq!(variables.sonar_report_task.as_deref(), Some("a\nb\n"));
        assert!(findings.warnings.is_empty(), "{:?}", findings.warnings);
    }

    #[test]
    fn names_are_exact() {
        let (variables, findings) = read(&[("state", "FAILED"), ("STATE", "passed")]);
        assert_eq!(variables.state.as_deref(), Some("passed"));
        assert_eq!(
            findings.warnings,
            ["state is not a variable of Gatepost and is ignored; did you mean STATE?"]
        );
    }

    #[test]
    fn proxies_are_read_in_any_case_and_lower_case_wins() {
        let (variables, _) = read(&[("HTTPS_PROXY", "http://a"), ("https_proxy", "http://b")]);
        assert_eq!(variables.https_proxy.as_deref(), Some("http://b"));
        let (variables, _) = read(&[("No_Proxy", "localhost")]);
        assert_eq!(variables.no_proxy.as_deref(), Some("localhost"));
    }

    #[test]
    fn bytes_that_are_not_text_are_a_problem_of_the_variable() {
        let mut findings = Findings::default();
        let bytes = OsString::from_vec(vec![b'a', 0xff]);
        let environment = [("KEY".into(), bytes.clone()), ("UNRELATED".into(), bytes)];
        let variables = Variables::read(environment, &mut findings).unwrap();
        assert_eq!(variables.key, None);
        assert_eq!(findings.problems.len(), 1);
        assert_eq!(findings.problems[0].variable, "KEY");
    }

    #[test]
    fn an_unexpanded_name_is_a_problem() {
        for value in ["$TOKEN", "${TOKEN}", " $_t1 "] {
            let (_, findings) = read(&[("BITBUCKET_ACCESS_TOKEN", value)]);
            assert_eq!(findings.problems.len(), 1, "{value}");
        }
        for value in ["%TOKEN%", "$env:TOKEN", "${{ secrets.TOKEN }}", "null"] {
            let (_, findings) = read(&[("COMMIT", value)]);
            assert_eq!(findings.problems.len(), 1, "{value}");
            let (variables, findings) = read(&[("BITBUCKET_BRANCH", value)]);
            assert_eq!(variables.bitbucket_branch.as_deref(), Some(value));
            assert!(findings.problems.is_empty(), "{value}");
        }
        for value in ["$1", "$", "${}", "costs $TOKEN", "$A-$B", "100%", "%%"] {
            let (_, findings) = read(&[("COMMIT", value)]);
            assert!(findings.problems.is_empty(), "{value}");
        }
        let (variables, findings) = read(&[("DESCRIPTION", "$WORDS")]);
        assert_eq!((variables.description, findings.problems.len()), (None, 0));
        assert!(findings.warnings[0].starts_with("DESCRIPTION holds the name of a variable"));
    }

    #[test]
    fn a_secret_in_a_public_variable_is_a_problem() {
        let (_, findings) = read(&[
            ("ATLASSIAN_API_TOKEN", "abcdefgh12345678"),
            ("DESCRIPTION", "posted with abcdefgh12345678"),
        ]);
        assert_eq!(findings.problems[0].variable, "DESCRIPTION");
        assert!(!findings.problems[0].found.contains("abcdefgh12"));
    }

    #[test]
    fn a_misspelt_name_is_reported_with_the_likely_one() {
        for (written, likely) in [
            ("STAET", "STATE"),
            ("KYE", "KEY"),
            ("COMIT", "COMMIT"),
            ("PULLREQUEST", "PULL_REQUEST"),
            ("ATLASSIAN_API_TOKENS", "ATLASSIAN_API_TOKEN"),
            ("BITBUCKET_ACESS_TOKN", "BITBUCKET_ACCESS_TOKEN"),
        ] {
            let (_, findings) = read(&[(written, "x")]);
            assert!(
                findings.warnings[0].ends_with(&format!("did you mean {likely}?")),
                "{written}: {:?}",
                findings.warnings
            );
        }
    }

    #[test]
    fn the_variables_of_a_step_are_not_misspelt() {
        for usual in [
            "HOME",
            "PATH",
            "PWD",
            "USER",
            "TERM",
            "LANG",
            "HOSTNAME",
            "SHLVL",
            "DOCKER_HOST",
            "BITBUCKET_REPO_OWNER",
            "BITBUCKET_CLONE_DIR",
            "BITBUCKET_STEP_UUID",
            "BITBUCKET_TAG",
            "BITBUCKET_EXIT_CODE",
            "BITBUCKET_REPO_UUID",
            "BITBUCKET_PROJECT_KEY",
            "BUILD_DIR",
        ] {
            let (_, findings) = read(&[(usual, "x")]);
            assert!(findings.warnings.is_empty(), "{usual}: {:?}", findings.warnings);
        }
    }

    #[test]
    fn the_secrets_of_a_proxy_are_known() {
        let (variables, _) = read(&[("HTTPS_PROXY", "http://user:pass word@proxy:3128")]);
        assert_eq!(variables.secrets(), ["pass word", "user:pass word", "pass word", "user:pass word"]);
        let (variables, _) = read(&[("HTTPS_PROXY", "http://CORP%5Csvc:Winter%232026@proxy:3128")]);
        for secret in ["Winter%232026", "CORP\\svc:Winter#2026", "Winter#2026"] {
            assert!(variables.secrets().iter().any(|known| known == secret), "{secret}");
        }
    }
}
