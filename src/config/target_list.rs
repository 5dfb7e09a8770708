//! Many targets in one run: `TARGETS` or `TARGETS_FILE`. Each entry is laid over the run's variables and planned by
//! itself; every problem names its entry and field before the first request.

use std::{
    collections::HashMap,
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::Path,
    rc::Rc,
};

use anyhow::Context as _;
use serde::{
    Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};

use crate::{
    bitbucket::credential::Credential,
    config::{
        analysis::VerdictPlan,
        analysis_files::NamedServers,
        findings::{Findings, Problem, is_trifle},
        left_out::LeftOut,
        near_miss::Word,
        parse::{Fields, FileProblem, flag, read_small, whole_number},
        placeholders,
        plan::{NamedTarget, Plan, Planner},
        settings::Mode,
        target::FULL_NAME,
        variables::{Variable, Variables, placeholder},
    },
    console::{foreign::shown, secrets::holds_token, text::counted},
    model::{outcome::Outcome, target::TargetPlan},
};

/// The targets of a run.
#[derive(Debug)]
pub(crate) struct Targets<T = TargetPlan> {
    /// One plan for each target, in the order of the entries.
    pub(crate) plans: Vec<Plan<T>>,
    /// Whether they come from a list. Otherwise there is one target, named by the run's own variables.
    pub(crate) are_listed: bool,
    /// The step of a parallel group that has this part of the list.
    pub(crate) step: Option<Step>,
    /// What the search for these targets left out.
    pub(crate) left_out: Vec<LeftOut>,
    /// The credentials with which this run searched, one for each repository.
    pub(crate) asked: Vec<Rc<Credential>>,
}

/// A step of a parallel group over whose steps a list is divided.
#[derive(Debug)]
pub(crate) struct Step {
    /// From 0.
    number: u64,
    /// The number of steps.
    pub(crate) count: usize,
    /// The number of targets of this step, and of the whole list.
    own: usize,
    all: usize,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, count, own, all } = self;
        write!(f, "step {} of {count} of the parallel group: {own} of {all} targets", number + 1)
    }
}

/// A real entry has some 200 bytes, and a list has some thousand entries.
const TARGETS_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// More problems are only counted: most of them repeat.
const PROBLEMS_MAX: usize = 20;
/// The same for warnings.
const WARNINGS_MAX: usize = 20;
/// Steps of a parallel group: <https://support.atlassian.com/bitbucket-cloud/docs/parallel-step-options/>.
const STEPS_MAX: u64 = 100;

/// The source of a list that the run has found by itself.
pub(crate) const FOUND: &str = "REPOSITORIES";

const ACCEPTED: &str = "a JSON array of objects, one for each target, with the variables of Target, Status and SonarQube by their names in lower case: [{\"repo_slug\": \"api\", \"pull_request\": 7, \"state\": \"passed\"}]";

impl<T> Targets<T> {
    /// The outcome of the run, as far as what is left out decides it.
    pub(crate) const fn outcome(&self) -> Outcome {
        if self.left_out.is_empty() { Outcome::Done } else { Outcome::BitbucketFailed }
    }

    /// The number of steps over which the list is divided.
    pub(crate) fn steps(&self) -> usize {
        self.step.as_ref().map_or(1, |step| step.count)
    }

    /// The number of targets in words.
    pub(crate) fn counted(&self) -> String {
        match &self.step {
            Some(Step { own, all, .. }) => {
                format!("{own} of {all} targets, the rest belongs to the other steps")
            }
            None => counted(self.plans.len(), "target"),
        }
    }
}

impl Targets<NamedTarget> {
    /// The same targets, as a run that publishes or settles needs them.
    ///
    /// # Errors
    ///
    /// Only what a defect of Gatepost explains: only a check has a target without a commit.
    pub(crate) fn of_commits(self) -> anyhow::Result<Targets> {
        let Self { plans, are_listed, step, left_out, asked } = self;
        let plans: Option<Vec<Plan>> = plans.into_iter().map(Plan::of_commit).collect();
        let plans = plans.context("a target without a commit")?;
        Ok(Targets { plans, are_listed, step, left_out, asked })
    }

    /// Plans every target that the variables name.
    pub(crate) fn from_variables(
        variables: &Variables,
        planner: &Planner<'_>,
        findings: &mut Findings,
    ) -> Option<Self> {
        let Some((source, text)) = source(variables, findings) else {
            let variables = placeholders::check_unfilled(variables, |_| false, findings);
            let plan = planner.plan(&variables, false, findings)?;
            return Some(Self {
                plans: vec![plan],
                are_listed: false,
                step: None,
                left_out: Vec::new(),
                asked: Vec::new(),
            });
        };
        Some(Self::from_list(source, &text?, variables, planner, findings))
    }

    /// Plans every target of a list. `source` is the variable that it comes from.
    pub(crate) fn from_list(
        source: &'static str,
        text: &[u8],
        variables: &Variables,
        planner: &Planner<'_>,
        findings: &mut Findings,
    ) -> Self {
        let mut list = List::new(source, planner.mode, variables);
        let plan = |variables: &Variables, findings: &mut Findings| planner.plan(variables, true, findings);
        let read = each_entry(text, |index, entry| list.add(index, entry, plan));
        // A broken item of a list in YAML was told by its own name.
        let is_told = findings
            .problems
            .iter()
            .any(|problem| problem.variable.starts_with("TARGETS_") && problem.variable != "TARGETS_FILE");
        if let Err(error) = read
            && !is_told
        {
            let (found, remedy) = no_list(source, text, &error);
            findings.problem(source, found, ACCEPTED, remedy);
        }
        let mut targets = list.end(findings);
        targets.check_servers(findings);
        targets.divide(variables, findings);
        targets
    }

    /// Reports what is wrong with the run's variables before targets are looked for, by the plan of an `entry` that might
    /// be found.
    pub(crate) fn rehearse(
        entry: &str,
        variables: &Variables,
        planner: &Planner<'_>,
        findings: &mut Findings,
    ) {
        for problem in Self::problems_of(&format!("[{entry}]"), variables, planner) {
            // Which repositories have a token is known later.
            if !problem.variable.starts_with("BITBUCKET_ACCESS_TOKENS[") {
                let field = problem.variable.strip_prefix("REPOSITORIES[0].").map(str::to_ascii_uppercase);
                let Problem { variable, found, accepted, remedy, .. } = problem;
                findings.refuse(field.unwrap_or(variable), found, accepted, remedy);
            }
        }
    }

    /// Why entries that were found cannot be planned: fields that are wrong, and what was found. The run may lack a field that
    /// no entry has.
    pub(crate) fn problems_of_found(
        list: &str,
        variables: &Variables,
        planner: &Planner<'_>,
    ) -> Vec<(String, String)> {
        let problems = Self::problems_of(list, variables, planner);
        let of_entry = problems.iter().filter_map(|problem| {
            let field = field_of_found(problem)?;
            Some((field.to_owned(), problem.found.clone()))
        });
        of_entry.collect()
    }

    /// Whether an entry that was found has a problem.
    pub(crate) fn has_wrong_entry(findings: &Findings) -> bool {
        findings.problems.iter().any(|problem| field_of_found(problem).is_some())
    }

    fn problems_of(list: &str, variables: &Variables, planner: &Planner<'_>) -> Vec<Problem> {
        let mut findings = Findings::default();
        let _: Self = Self::from_list(FOUND, list.as_bytes(), variables, planner, &mut findings);
        findings.problems
    }

    /// Checks that the files of all targets name one server, unless `SONAR_HOST_URL` names it.
    fn check_servers(&self, findings: &mut Findings) {
        let mut servers = NamedServers::default();
        for plan in &self.plans {
            if let VerdictPlan::Ask(analysis) = &plan.verdict {
                servers.add(analysis.files_that_name_servers());
            }
        }
        servers.check_one(findings);
    }

    /// Keeps the targets of this step, when the steps of a parallel group share them.
    fn divide(&mut self, variables: &Variables, findings: &mut Findings) {
        if !flag("SPLIT", variables.split.as_deref(), false, findings) {
            return;
        }
        let (Some(step), Some(count)) =
            (&variables.bitbucket_parallel_step, &variables.bitbucket_parallel_step_count)
        else {
            return findings.problem(
                "SPLIT",
                "is true, and BITBUCKET_PARALLEL_STEP or BITBUCKET_PARALLEL_STEP_COUNT is not set",
                "SPLIT in a step of a parallel group",
                "Pipelines sets both in each step of a parallel group; for the image run by hand, pass both on; without a group remove SPLIT",
            );
        };
        let count = whole_number("BITBUCKET_PARALLEL_STEP_COUNT", Some(count), 1, 1..=STEPS_MAX, findings);
        let number = whole_number("BITBUCKET_PARALLEL_STEP", Some(step), 0, 0..=count - 1, findings);
        let all = self.plans.len();
        // Of two verdicts about one commit the worse one counts, so one step has both.
        let mut shares: HashMap<u64, u64> = HashMap::new();
        let mut unknown = 0;
        self.plans.retain(|plan| {
            let next = shares.len() as u64 + unknown;
            let share = if let Some(commit) = plan.target.commit() {
                let mut hasher = DefaultHasher::new();
                (plan.target.repository(), commit).hash(&mut hasher);
                *shares.entry(hasher.finish()).or_insert(next)
            } else {
                unknown += 1;
                next
            };
            share % count == number
        });
        // One step reports what nobody could find.
        if number > 0 {
            self.left_out.clear();
        }
        // There are at most STEPS_MAX.
        let count = usize::try_from(count).unwrap_or(1);
        self.step = (count > 1).then_some(Step { number, count, own: self.plans.len(), all });
    }
}

/// The field of a found entry that a problem is about.
fn field_of_found(problem: &Problem) -> Option<&str> {
    let (_, field) = problem.variable.strip_prefix("REPOSITORIES[")?.split_once("].")?;
    Some(field)
}

/// The list of targets and its variable; `Some(None)` after a problem was found.
fn source(variables: &Variables, findings: &mut Findings) -> Option<(&'static str, Option<Vec<u8>>)> {
    match (&variables.targets, &variables.targets_file) {
        (None, None) => None,
        (Some(_), Some(_)) => {
            findings.problem(
                "TARGETS",
                "is set, and so is TARGETS_FILE",
                "one of them",
                "leave TARGETS out to use the file",
            );
            Some(("TARGETS", None))
        }
        (Some(text), None) => Some(("TARGETS", Some(text.clone().into_bytes()))),
        (None, Some(path)) => {
            let path = path.trim();
            let bytes = read_small(Path::new(path), TARGETS_MAX_BYTES);
            if let Err(wrong) = &bytes {
                let remedy = if matches!(wrong, FileProblem::TooLarge { .. }) {
                    "divide the list over several files and runs"
                } else {
                    "pass a path below the pipe's working directory, or for the image run by hand one below a mounted volume; from another step it has to be an artifact"
                };
                let found = format!("names {}, a file that {wrong}", shown(path));
                findings.problem("TARGETS_FILE", found, ACCEPTED, remedy);
            }
            Some(("TARGETS_FILE", bytes.ok()))
        }
    }
}

/// What was found instead of a list, and what to do.
fn no_list(source: &str, text: &[u8], error: &serde_json::Error) -> (String, &'static str) {
    let not_json = format!("is not JSON: {error}");
    let objects = "put [ and ] around the objects, and commas between them; jq --slurp . makes an array from a file with one object on each line";
    match text.trim_ascii() {
        _ if error.is_data() => ("is JSON, but not an array of objects".to_owned(), objects),
        [] => (
            "is empty".to_owned(),
            "check whether the command that writes the list failed; [] is a list without targets",
        ),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => (
            "is UTF-16 text, as PowerShell writes it".to_owned(),
            "write it as UTF-8 (in PowerShell: | Out-File -Encoding utf8)",
        ),
        [b'{', ..] => (not_json, objects),
        [start, ..] if source == "TARGETS" && *start != b'[' => {
            (not_json, "TARGETS takes the JSON itself; the path of a file goes into TARGETS_FILE")
        }
        _ => (
            not_json,
            "check that line and column for a missing or additional comma, quote or bracket; jq . reports it as well",
        ),
    }
}

/// Reads the entries one after the other, so that memory holds only one of them.
fn each_entry(text: &[u8], each: impl FnMut(usize, &RawValue)) -> serde_json::Result<()> {
    struct Entries<F>(F);
    impl<'de, F: FnMut(usize, &RawValue)> Visitor<'de> for Entries<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array of objects")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
            let mut index = 0;
            while let Some(entry) = entries.next_element::<&RawValue>()? {
                self.0(index, entry);
                index += 1;
            }
            Ok(())
        }
    }
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut json = serde_json::Deserializer::from_slice(text);
    json.deserialize_seq(Entries(each))?;
    json.end()
}

/// The entries read so far.
struct List<'v> {
    source: &'static str,
    mode: Mode,
    run: &'v Variables,
    plans: Vec<Plan<NamedTarget>>,
    left_out: Vec<LeftOut>,
    /// The plans by the hash of their target, with the entry of each: equal plans are in one bucket.
    buckets: HashMap<u64, Vec<(usize, usize)>>,
    /// Pairs of entries that post the same: the first one, and the one that is left out.
    duplicates: Vec<(usize, usize)>,
    findings: Findings,
    problems: usize,
    /// Warnings, each with the first entry that it is about and the number of other entries.
    warnings: Vec<(String, usize, usize)>,
    unshown_warnings: usize,
}

impl<'v> List<'v> {
    fn new(source: &'static str, mode: Mode, run: &'v Variables) -> Self {
        Self {
            source,
            mode,
            run,
            plans: Vec::new(),
            left_out: Vec::new(),
            buckets: HashMap::new(),
            duplicates: Vec::new(),
            findings: Findings::default(),
            problems: 0,
            warnings: Vec::new(),
            unshown_warnings: 0,
        }
    }

    fn add(
        &mut self,
        index: usize,
        entry: &RawValue,
        plan: impl Fn(&Variables, &mut Findings) -> Option<Plan<NamedTarget>>,
    ) {
        let known_problems = self.problems;
        let fields = match serde_json::from_str::<Fields>(entry.get()) {
            Ok(fields) => fields,
            Err(error) => {
                let found = if error.is_data() {
                    "is not an object".to_owned()
                } else {
                    format!("cannot be read: {error}")
                };
                let remedy = "write an object with the variables of the target";
                return self.problem(format!("{}[{index}]", self.source), found, ACCEPTED, remedy);
            }
        };
        if let Some(twice) = fields.twice() {
            let name = self.name_of(index, twice);
            return self.problem(name, "occurs twice", "each field once", "remove one of the two");
        }
        let entry: Map<String, Value> = fields.0.into_iter().collect();
        if let Some(left_out) = LeftOut::from_entry(&entry) {
            return self.left_out.push(left_out);
        }
        self.report_blank_fields(index, &entry);
        let merged = self.over_the_run(index, &entry);
        if self.problems > known_problems {
            return;
        }
        let mut own = Findings::default();
        let merged = placeholders::check_unfilled(&merged, |field| entry.contains_key(field), &mut own);
        let plan = plan(&merged, &mut own);
        let is_fine = own.problems.is_empty();
        self.adopt(own, index, &entry);
        if is_fine && let Some(plan) = plan {
            self.keep(index, plan);
        }
    }

    /// Reports fields without a value: a command that makes the list did not find it, and another target might be meant.
    fn report_blank_fields(&mut self, index: usize, entry: &Map<String, Value>) {
        for (field, value) in entry {
            let found = match value {
                Value::Null => "is null",
                Value::String(text) if text.trim().is_empty() => "is empty",
                _ => continue,
            };
            if decides_nothing(field, entry) {
                self.ignore_field(index, field, found);
                continue;
            }
            let name = self.name_of(index, field);
            self.problem(
                name,
                found,
                "a value",
                "check the command that makes the list; to take the value from the run, leave the field out",
            );
        }
    }

    /// Adds the findings of an entry, with the names of its fields.
    fn adopt(&mut self, own: Findings, index: usize, entry: &Map<String, Value>) {
        for warning in own.warnings {
            self.warning(index, warning);
        }
        for problem in own.problems {
            let field = problem.variable.to_ascii_lowercase();
            // A problem of the run's own variables is reported once, and not for each entry.
            let is_the_runs = !entry.contains_key(&field) && self.run.has(&field);
            let is_variable = Variables::ALL.iter().any(|variable| variable.field == field);
            let variable = if is_the_runs || !is_variable {
                problem.variable
            } else {
                format!("{}[{index}].{field}", self.source)
            };
            self.problem(variable, problem.found, problem.accepted, problem.remedy);
        }
    }

    /// Keeps a plan, unless an earlier entry posts to the same status.
    fn keep(&mut self, index: usize, plan: Plan<NamedTarget>) {
        let mut hasher = DefaultHasher::new();
        // Which statuses a plan posts may depend on its projects.
        plan.target.place().hash(&mut hasher);
        // Most buckets have one plan.
        let bucket = self.buckets.entry(hasher.finish()).or_insert_with(|| Vec::with_capacity(1));
        let same = bucket.iter().find(|(number, _)| self.plans[*number].is_same_status(&plan));
        match same.copied() {
            None => {
                bucket.push((self.plans.len(), index));
                self.plans.push(plan);
            }
            Some((number, first)) if self.plans[number].says_the_same(&plan) => {
                self.duplicates.push((first, index));
            }
            Some((_, first)) => {
                let found = format!(
                    "has the same commit and key as {}[{first}], and another content or refname",
                    self.source
                );
                self.problem(
                    format!("{}[{index}]", self.source),
                    found,
                    "one entry for each commit and key; with two refnames Bitbucket keeps two statuses, and a red one stays beside a green one",
                    "remove one of the two, or give it another key",
                );
            }
        }
    }

    /// The run's variables, with those of an entry laid over them. Fields that belong together are replaced together: an
    /// entry that names a commit, pull request or branch takes none of them from the run.
    fn over_the_run(&mut self, index: usize, entry: &Map<String, Value>) -> Variables {
        const COMMIT: [&str; 3] = ["commit", "pull_request", "branch"];
        const ANALYSIS: [&str; 2] = ["sonar_project_key", "sonar_report_task"];
        const SUBJECT: [&str; 2] = ["sonar_pull_request", "sonar_branch"];
        let mut merged = self.run.clone();
        let names = |fields: &[&str]| fields.iter().any(|field| entry.contains_key(*field));
        for together in [&COMMIT[..], &ANALYSIS, &SUBJECT] {
            if names(together) {
                for field in together {
                    merged.put(field, None);
                }
            }
        }
        // The run's refname belongs to the run's commit.
        if names(&COMMIT) {
            merged.put("refname", None);
        }
        if names(&ANALYSIS) && self.mode != Mode::Settle {
            merged.put("state", None);
        }
        // The run's projects belong to the run's analyses.
        if names(&ANALYSIS) || names(&["state"]) {
            merged.put("sonar_projects", None);
        }
        let has_workspace = |slug: &Value| slug.as_str().is_some_and(|slug| slug.contains(['/', ':']));
        if entry.get("repo_slug").is_some_and(has_workspace) {
            merged.put("workspace", None);
        }
        let decisive = |field: &str| !decides_nothing(field, entry);
        for (field, value) in entry {
            if let Some(text) = self.field(index, field, value, decisive(field)) {
                merged.put(field, Some(text));
            }
        }
        // The commit that this pipeline builds is not that of a found target: the head of the branch may be newer. A search
        // writes the full name of a branch.
        let is_found = |branch: &Value| branch.as_str().is_some_and(|branch| branch.starts_with(FULL_NAME));
        if self.source == FOUND || entry.get("branch").is_some_and(is_found) {
            for field in ["bitbucket_commit", "bitbucket_branch", "bitbucket_pr_id"] {
                merged.put(field, None);
            }
        }
        // The exit code of this build says nothing about a project that was scanned elsewhere.
        if merged.sonar_project_key.is_some() {
            merged.put("bitbucket_exit_code", None);
        }
        merged
    }

    /// The name of a field of an entry.
    fn name_of(&self, index: usize, field: &str) -> String {
        format!("{}[{index}].{}", self.source, shown(field).trim_matches('"'))
    }

    /// The text of a field, or `None` after a problem was found.
    fn field(&mut self, index: usize, field: &str, value: &Value, decides: bool) -> Option<String> {
        let Some(variable) = entry_variables().find(|variable| variable.field == field) else {
            let lower = field.to_ascii_lowercase();
            let likely = Word::new(&lower).nearest(entry_variables().map(|variable| variable.field));
            let (found, remedy) = if Variables::ALL.iter().any(|variable| variable.field == lower)
                && likely != Some(&lower)
            {
                ("is a variable of the run, not of a target", "pass it to the run".to_owned())
            } else if let Some(likely) = likely {
                ("is not known", format!("did you mean {likely}?"))
            } else {
                ("is not known", "see the variables of Target, Status and SonarQube in the README".to_owned())
            };
            let known: Vec<_> = entry_variables().map(|variable| variable.field).collect();
            self.problem(self.name_of(index, field), found, known.join(", "), remedy);
            return None;
        };
        let text = match value {
            Value::String(text) if text.trim().is_empty() && !decides => return None,
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Array(items) if variable.list && items.iter().all(Value::is_string) => {
                items.iter().filter_map(Value::as_str).flat_map(|item| [item, "\n"]).collect()
            }
            Value::Null if !decides => return None,
            _ => {
                let found = if value.is_array() { "is an array" } else { "is an object" };
                if !decides {
                    self.ignore_field(index, field, found);
                    return None;
                }
                self.problem(
                    self.name_of(index, field),
                    found,
                    "text, a number, true or false",
                    "write the value itself",
                );
                return None;
            }
        };
        // A found branch may have such a name.
        if let Some(found) = placeholder(text.trim()).filter(|_| self.source != FOUND) {
            if !decides {
                self.ignore_field(index, field, found);
                return None;
            }
            self.problem(
                self.name_of(index, field),
                found,
                "the value itself",
                "Gatepost does not replace variables in the list: write the values with the tool that makes it",
            );
            return None;
        }
        if !variable.secret && holds_token(&text) {
            self.problem(
                self.name_of(index, field),
                "holds what looks like a token",
                "text that everybody may see",
                "pass tokens of repositories in BITBUCKET_ACCESS_TOKENS; if the token was ever visible, revoke it and create a new one",
            );
            return None;
        }
        Some(text)
    }

    fn problem(
        &mut self,
        variable: impl Into<String>,
        found: impl Into<String>,
        accepted: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.problems += 1;
        if self.findings.problems.len() < PROBLEMS_MAX {
            // The entry has no plan: what would be a warning of the run must not let it vanish.
            self.findings.refuse(variable, found, accepted, remedy);
        } else {
            self.findings.unshown += 1;
        }
    }

    /// Warns that a field which decides nothing has no usable value.
    fn ignore_field(&mut self, index: usize, field: &str, found: &str) {
        self.warning(index, format!("{field} {found}; it is left out"));
    }

    fn warning(&mut self, index: usize, warning: String) {
        if let Some((_, _, others)) = self.warnings.iter_mut().find(|(known, ..)| *known == warning) {
            *others += 1;
        } else if self.warnings.len() < WARNINGS_MAX {
            self.warnings.push((warning, index, 0));
        } else {
            self.unshown_warnings += 1;
        }
    }

    /// The targets of the entries without problems. The problems and warnings go to `findings`.
    fn end(self, findings: &mut Findings) -> Targets<NamedTarget> {
        let Self { source, plans, left_out, duplicates, warnings, unshown_warnings, .. } = self;
        for (warning, index, others) in warnings {
            let others = match others {
                0 => String::new(),
                1 => " (and 1 more entry)".to_owned(),
                others => format!(" (and {others} more entries)"),
            };
            findings.warning(format!("{source}[{index}]{others}: {warning}"));
        }
        if unshown_warnings > 0 {
            findings.warning(format!("{source}: {}", counted(unshown_warnings, "more warning")));
        }
        for (first, again) in duplicates.iter().take(WARNINGS_MAX) {
            findings
                .warning(format!("{source}[{again}] is the same as {source}[{first}] and is posted once"));
        }
        if duplicates.len() > WARNINGS_MAX {
            let more = counted(duplicates.len() - WARNINGS_MAX, "more duplicate");
            findings.warning(format!("{source}: {more}"));
        }
        findings.unshown += self.findings.unshown;
        for problem in self.findings.problems {
            let item = problem.variable.replace('[', "_").replace(']', "");
            if findings.problems.iter().any(|known| known.variable == item) {
                continue;
            }
            findings.refuse(problem.variable, problem.found, problem.accepted, problem.remedy);
        }
        Targets { plans, are_listed: true, step: None, left_out, asked: Vec::new() }
    }
}

/// Whether a wrong value of a field keeps no verdict away: it only says how the verdict is told, or `state` and `key`
/// stand beside it and SonarQube is not asked.
fn decides_nothing(field: &str, entry: &Map<String, Value>) -> bool {
    let is_given = ["state", "key"].iter().all(|field| entry.contains_key(*field));
    let is_sonarqubes = |variable: &Variable| variable.field == field && variable.group == "SonarQube";
    is_trifle(&field.to_ascii_uppercase()) || (is_given && entry_variables().any(is_sonarqubes))
}

/// The variables that an entry may have.
fn entry_variables() -> impl Iterator<Item = &'static Variable> {
    Variables::ALL
        .iter()
        .filter(|variable| ["Target", "Status", "SonarQube"].contains(&variable.group))
        // One client serves all targets.
        .filter(|variable| variable.field != "sonar_root_cert")
}
