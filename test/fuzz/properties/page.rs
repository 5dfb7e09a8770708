//! The page of a run.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

use reqwest::Url;
use serde_json::{Value, json};

use super::{
    Log,
    answers::{refused_status, transport},
    holds_part,
};
use crate::{
    config::{
        analysis::VerdictPlan,
        findings::Findings,
        keyring::Keyring,
        plan::{Plan, Planner},
        settings::{Mode, Settings},
        target_list::Targets,
        variables::Variables,
    },
    model::{outcome::Outcome, verdict::Verdict},
    run::{
        context::Context,
        delivery::{Delivery, StatusResult},
        insights::{PostedReport, ReportOutcome},
        summary::{
            advice::Advice,
            file::{RunPage, SummaryFile},
        },
    },
};

/// The columns of a table.
const COLUMNS: usize = 5;

/// A page, and the number of its rows: an entry with such a text may be refused before the run.
struct Written {
    page: String,
    rows: usize,
}

/// A page of a run whose variables, branches, verdicts and answers hold a text. Markup in it is text, and no part of the
/// secret is shown.
pub(super) fn check(secret: &str, text: &str) {
    for name in ["html", "md"] {
        let (log, of_others) = (Log::new(&[secret]), Log::new(&[]));
        let plain = write(name, "words", &of_others);
        let written = write(name, text, &log);
        if name == "html" {
            check_html(&written, &plain);
        } else {
            check_markdown(&written);
        }
        let texts: fn(&str) -> Vec<String> = if name == "html" { texts_of_html } else { cells_of_markdown };
        // The words of the page itself may be those of the secret.
        if texts(&plain.page).iter().any(|text| holds_part(text, secret)) {
            continue;
        }
        for text in texts(&written.page) {
            log.check(&text);
        }
    }
}

/// Writes the page of a run with three targets: one that is posted, one that is refused, and one without a verdict.
fn write(extension: &str, text: &str, log: &Log) -> Written {
    let name = format!("gatepost-page-{}-{:?}.{extension}", std::process::id(), std::thread::current().id());
    let path = Removed(std::env::temp_dir().join(name));
    let file = path.0.to_str().expect("the folder has a name in text").to_owned();
    let variables = Variables {
        bitbucket_access_token: Some("a-token-of-the-run".into()),
        summary_file: Some(file),
        ..Variables::default()
    };
    let mut findings = Findings::default();
    let settings = Settings::from_variables(&variables, &mut findings).expect("the addresses are valid");
    let keyring = Keyring::from_variables(&variables, settings.timeout, &mut findings);
    let summary = SummaryFile::from_settings(&settings, None, &mut findings).expect("it can be written");
    let transport = transport(Vec::new());
    let advice = Advice::default();
    let context =
        Context { advice: Some(&advice), ..Context::over(&transport, &settings, &keyring, &log.console) };
    let plans = plans(text, &variables, &keyring, log);
    let (left_out, asked) = (Vec::new(), Vec::new());
    let targets = Targets { plans, are_listed: true, step: None, left_out, asked };
    let page = RunPage::new(&summary, &advice, &targets);
    let plans = &targets.plans;
    for (number, plan) in plans.iter().enumerate() {
        page.add(&result(number, plan, text, log), number, &log.console);
    }
    if !plans.is_empty() {
        page.add_report(text, &missing_report(text, log), 0, &log.console);
    }
    page.write(Outcome::BitbucketFailed, context);
    let rows = if plans.is_empty() { 0 } else { plans.len() + 1 };
    Written { page: fs::read_to_string(&path.0).expect("the page is text"), rows }
}

/// A file that is removed when it is no longer needed.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = fs::remove_file(Path::new(&self.0));
    }
}

/// The plans of the entries that a run accepts.
fn plans(text: &str, variables: &Variables, keyring: &Keyring, log: &Log) -> Vec<Plan> {
    let commit = "8d081548cabb";
    let entries = [
        json!({ "repo_slug": "acme/api", "commit": commit, "state": "failed", "key": text, "description": text, "url": format!("https://ci.acme.example/{text}") }),
        json!({ "repo_slug": "acme/web", "branch": text, "state": "passed", "key": "k", "name": text }),
        json!({ "repo_slug": "acme/till", "commit": commit, "sonar_project_key": "acme_till", "sonar_token": "squ_of-this-entry" }),
        json!({ "repo_slug": "acme/docs", "pull_request": 7, "commit": commit, "state": "running", "key": "k", "description": text }),
    ];
    let plan = |entry: &Value| {
        let (list, mut findings) = (json!([entry]).to_string(), Findings::default());
        let planner = Planner::new(Mode::Publish, keyring, &log.console);
        let targets = Targets::from_list("TARGETS", list.as_bytes(), variables, &planner, &mut findings);
        let is_fine = findings.problems.is_empty();
        let plans = targets.of_commits().expect("each target has a commit").plans;
        if is_fine { plans } else { Vec::new() }
    };
    entries.iter().flat_map(plan).collect()
}

/// What became of a status: one after the other is posted, refused, and without a verdict.
fn result(number: usize, plan: &Plan, text: &str, log: &Log) -> StatusResult {
    let target = plan.target.given();
    let verdicts = match &plan.verdict {
        VerdictPlan::Given(verdicts) => verdicts.clone(),
        VerdictPlan::Ask(_) => {
            let link = Url::parse(&format!("https://sonar.acme.example/{text}")).ok().map(String::from);
            vec![Verdict { link, ..Verdict::wrong_variable(text, Some("acme_till")) }]
        }
    };
    let statuses = target.as_ref().map(|target| plan.statuses(&verdicts, target));
    StatusResult {
        target,
        status: statuses.and_then(|statuses| statuses.into_iter().next()),
        delivery: if number == 1 {
            Delivery::Refused(Rc::from(refused_status(text, log)))
        } else {
            Delivery::Posted
        },
        verdict_outcome: verdicts.first().map_or(Outcome::Done, |verdict| verdict.outcome),
        verdict_words: text.to_owned(),
    }
}

fn missing_report(text: &str, log: &Log) -> PostedReport {
    PostedReport {
        id: String::new(),
        content: String::new(),
        outcome: ReportOutcome::Missing(Rc::from(refused_status(text, log))),
        annotations: 0,
        left_out: 0,
    }
}

/// Each tag is one of a page without markup in its texts, and each link leads to a page or to a part of this one.
fn check_html(written: &Written, plain: &Written) {
    let (tags, known) = (tags(&written.page), tags(&plain.page));
    for tag in &tags {
        let class = tag
            .strip_prefix("strong class=\"")
            .is_some_and(|class| ["good\"", "bad\"", "\""].contains(&class));
        assert!(class || known.contains(tag) || ["a", "/a", "br"].contains(&tag.as_str()), "<{tag}>");
    }
    assert_eq!(written.page.matches('<').count(), written.page.matches('>').count());
    assert_eq!(written.page.matches("<tr role=row><th role=rowheader").count(), written.rows);
}

/// The tags of a page, without the numbers in their names and without the addresses of links.
fn tags(page: &str) -> BTreeSet<String> {
    let tags = page.split('<').skip(1).map(|part| part.split_once('>').expect("each tag ends").0);
    tags.map(|tag| {
        let Some(link) = tag.strip_prefix("a href=\"").and_then(|tag| tag.strip_suffix('"')) else {
            return tag.replace(|c: char| c.is_ascii_digit(), "");
        };
        assert!(["http://", "https://", "#"].iter().any(|begin| link.starts_with(begin)), "{link}");
        assert!(!link.contains(['"', '\'', '<', '>', ' ']), "{link}");
        "a".to_owned()
    })
    .collect()
}

/// The texts and links of a page, as a reader sees them. The style is none.
fn texts_of_html(page: &str) -> Vec<String> {
    let (_, page) = page.split_once("</style>").expect("a page has a style");
    let links = page.split("href=\"").skip(1).filter_map(|part| part.split('"').next());
    let texts = page.split('<').filter_map(|part| Some(part.split_once('>')?.1));
    let read = |text: &str| {
        let signs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
        signs.iter().fold(text.to_owned(), |text, (code, sign)| text.replace(code, sign))
    };
    links.chain(texts).map(|text| read(text.trim_matches('\n'))).collect()
}

/// Each line is what a line of the page may be, each row has its cells, and each link leads to a page.
fn check_markdown(Written { page, rows }: &Written) {
    assert!(!page.contains(['<', '>', '`']), "{page}");
    for line in page.lines() {
        let begins = ["# ", "## ", "### ", "- ", "**", "| "].iter().any(|begin| line.starts_with(begin));
        assert!(line.is_empty() || begins, "{line}");
        let cells = line.matches('|').count();
        assert!(!line.starts_with('|') || cells == COLUMNS + 1, "{line}");
        for (at, _) in line.match_indices("](") {
            let is_escaped = line[..at].ends_with('\\');
            let link = &line[at + 2..];
            assert!(is_escaped || link.starts_with("http://") || link.starts_with("https://"), "{line}");
        }
    }
    let count = |begin: &str| page.lines().filter(|line| line.starts_with(begin)).count();
    assert_eq!(count("| "), rows + 2 * count("| --- |"), "{page}");
}

/// The cells and lines of a page, as a reader sees them.
fn cells_of_markdown(page: &str) -> Vec<String> {
    let read = |cell: &str| {
        let signs = "&<>|`~$@:.".chars();
        let text = signs.fold(cell.to_owned(), |text, sign| {
            text.replace(&format!("&#{};", u32::from(sign)), &sign.to_string())
        });
        text.replace('\\', "")
    };
    page.lines().flat_map(|line| line.split(" | ")).map(read).collect()
}
