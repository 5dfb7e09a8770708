//! A pull request as a page for people: its builds, its reports, and its diff with the annotations at their lines.
//!
//! Bitbucket's own pages look different. This one shows what stands in the sandbox, and needs no script.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::world::{Report, Status, World};

/// A line of a diff: what became of it, and its text.
type DiffLine = (Change, &'static str);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Kept,
    Added,
    Removed,
}

use Change::{Added, Kept, Removed};

/// The file that pull request 7 of `acme/api` changes.
const CHANGED_FILE: &str = "src/main/java/acme/Till.java";
/// Its lines. The analyses of the sandbox find issues at the lines 10, 20 and 30.
const CHANGED_LINES: &[DiffLine] = &[
    (Kept, "package acme;"),
    (Kept, ""),
    (Kept, "import java.util.List;"),
    (Added, "import java.util.Map;"),
    (Kept, ""),
    (Kept, "/** Adds up what a customer buys. */"),
    (Kept, "public final class Till {"),
    (Removed, "    private final List<Item> items;"),
    (Added, "    private Map<String, Item> items;"),
    (Kept, ""),
    (Added, "    public Item find(String name) { return items.get(name.trim()); }"),
    (Kept, ""),
    (Kept, "    public long total() {"),
    (Kept, "        long total = 0;"),
    (Removed, "        for (Item item : items) {"),
    (Added, "        for (Item item : items.values()) {"),
    (Kept, "            total += item.price();"),
    (Kept, "        }"),
    (Kept, "        return total;"),
    (Kept, "    }"),
    (Kept, ""),
    (Added, "    public long priceOf(String name) { return find(name).price(); }"),
    (Kept, ""),
    (Kept, "    public void clear() {"),
    (Kept, "        items.clear();"),
    (Kept, "    }"),
    (Kept, ""),
    (Added, "    public void login(String user, String password) {"),
    (Added, "        if (user.isEmpty()) {"),
    (Added, "            return;"),
    (Added, "        }"),
    (Added, "        session = Session.of(user, password);"),
    (Added, "        session.customer().greet();"),
    (Added, "    }"),
    (Kept, "}"),
];

const STYLE: &str = "\
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; color: #1a1f29; background: #fff; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0.5rem 0; }
h2 { font-size: 1.2rem; margin: 2rem 0 0.5rem; border-bottom: 1px solid #8a94a6; }
h3 { font-size: 1rem; margin: 1rem 0 0.25rem; }
a { color: #0747a6; }
.note { background: #eef1f6; padding: 0.5rem 0.75rem; border-left: 4px solid #5b677d; }
ul.plain { list-style: none; margin: 0; padding: 0; }
li.build, section.report { border: 1px solid #8a94a6; border-radius: 4px; padding: 0.75rem; margin: 0.5rem 0; }
li.build p, section.report p { margin: 0.25rem 0; }
.state { font-weight: 700; padding: 0 0.4rem; border-radius: 3px; white-space: nowrap; }
.good { background: #dff3e4; color: #0b4f26; }
.bad { background: #fde3e1; color: #8a1509; }
.open { background: #e3ecfb; color: #0a3a80; }
dl.data { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 0.5rem; margin: 0.5rem 0; }
dl.data div { background: #f4f5f7; padding: 0.4rem 0.6rem; }
dt { color: #434c5e; } dd { margin: 0; font-weight: 700; }
.lines { white-space: pre-line; }
.scroll { border: 1px solid #8a94a6; border-radius: 4px; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font: 0.875rem/1.45 ui-monospace, monospace; }
td, th { padding: 0 0.5rem; vertical-align: top; text-align: left; font-weight: 400; }
th { color: #434c5e; text-align: right; width: 1%; white-space: nowrap; user-select: none; }
td.code { white-space: pre; }
tr.added { background: #e6f6ea; } tr.removed { background: #fdeceb; }
tr.annotation td { padding: 0.5rem; font: 0.9rem/1.45 system-ui, sans-serif; background: #fff8e1; border: 1px solid #9a7b00; }
tr.annotation p { margin: 0.1rem 0; max-width: calc(100vw - 4rem); }
.detail { color: #434c5e; }
";

impl World {
    /// The page of a pull request.
    ///
    /// # Panics
    /// When there is none.
    pub fn pull_request_page(&self, full_name: &str, id: u64) -> String {
        let pull_request =
            self.pull_request(full_name, id).expect("the page is of a pull request that there is");
        let (source, branch) = (&pull_request.source_repository, &pull_request.source_branch);
        let head = self
            .repository(source)
            .and_then(|source| source.branches.get(branch))
            .cloned()
            .unwrap_or_default();
        let reports = self.reports(source, &head);
        let title = format!("Pull request {id} of {full_name}: {}", pull_request.title);
        let mut page = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{0}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{0}</h1>\n",
            escaped(&title)
        );
        let short = head.get(..12).unwrap_or_default();
        let _ = writeln!(page, "<p>Branch {}, commit <code>{short}</code></p>", escaped(branch));
        page += "<p class=\"note\">This page shows what stands in the sandbox. It is not a page of Bitbucket. <a href=\"/\">Load it again</a> after each run.</p>\n";
        add_builds(&mut page, &self.pull_request_statuses(full_name, id));
        add_reports(&mut page, &reports);
        if (full_name, id) == ("acme/api", 7) {
            add_diff(&mut page, &reports);
        }
        page + "</main>\n</body>\n</html>\n"
    }
}

fn add_builds(page: &mut String, statuses: &[Status]) {
    page.push_str("<h2>Builds</h2>\n");
    if statuses.is_empty() {
        page.push_str("<p>No build has a status yet.</p>\n");
        return;
    }
    page.push_str("<ul class=\"plain\">\n");
    for status in statuses {
        let name = status.name.as_deref().unwrap_or(&status.key);
        let _ = writeln!(
            page,
            "<li class=\"build\"><p>{} <strong>{}</strong></p>",
            state(&status.state),
            escaped(name)
        );
        if let Some(description) = &status.description {
            let _ = writeln!(page, "<p>{}</p>", escaped(description));
        }
        if let Some(url) = &status.url {
            let _ = writeln!(page, "<p><a href=\"{0}\" rel=\"noreferrer\">{0}</a></p>", escaped(url));
        }
        let _ = writeln!(page, "<p class=\"detail\">Key <code>{}</code></p></li>", escaped(&status.key));
    }
    page.push_str("</ul>\n");
}

fn add_reports(page: &mut String, reports: &[Report]) {
    page.push_str("<h2>Reports</h2>\n");
    if reports.is_empty() {
        page.push_str("<p>There is no report yet.</p>\n");
    }
    for report in reports {
        let field = |name: &str| text(&report.fields, name);
        let _ = writeln!(
            page,
            "<section class=\"report\">\n<h3>{} {}</h3>\n<p class=\"lines\">{}</p>",
            state(&field("result")),
            escaped(&field("title")),
            escaped(&field("details"))
        );
        page.push_str(&link_to(&field("link")));
        page.push_str("<dl class=\"data\">\n");
        for row in report.fields.get("data").and_then(Value::as_array).into_iter().flatten() {
            let value = match (&row["type"], &row["value"]) {
                (kind, value) if kind == "PERCENTAGE" => format!("{value}%"),
                (_, Value::String(value)) => value.clone(),
                (_, value) => value.to_string(),
            };
            let title = row["title"].as_str().unwrap_or_default();
            let _ = writeln!(page, "<div><dt>{}</dt><dd>{}</dd></div>", escaped(title), escaped(&value));
        }
        page.push_str("</dl>\n");
        let elsewhere: Vec<_> =
            report.annotations.iter().filter(|annotation| text(annotation, "path") != CHANGED_FILE).collect();
        let number = report.annotations.len();
        let _ =
            writeln!(page, "<p>Annotations: {number}, {} of them in the diff</p>", number - elsewhere.len());
        if !elsewhere.is_empty() {
            page.push_str("<ul>\n");
            for annotation in elsewhere {
                let path = text(annotation, "path");
                let place = if path.is_empty() { "no file".to_owned() } else { path };
                let at = annotation.get("line").map(|line| format!(", line {line}")).unwrap_or_default();
                let _ = writeln!(
                    page,
                    "<li><code>{}</code>{at}: {}{}</li>",
                    escaped(&place),
                    escaped(&text(annotation, "summary")),
                    link_to(&text(annotation, "link"))
                );
            }
            page.push_str("</ul>\n");
        }
        page.push_str("</section>\n");
    }
}

/// The file that the pull request changes, with the annotations below their lines.
fn add_diff(page: &mut String, reports: &[Report]) {
    let _ = writeln!(
        page,
        "<h2>Diff</h2>\n<h3 id=\"file\"><code>{CHANGED_FILE}</code></h3>\n<div class=\"scroll\" role=\"region\" aria-labelledby=\"file\" tabindex=\"0\">\n<table>\n<tbody>"
    );
    let annotations: Vec<&Map<String, Value>> = reports
        .iter()
        .flat_map(|report| &report.annotations)
        .filter(|annotation| text(annotation, "path") == CHANGED_FILE)
        .collect();
    let at = |line: u64| {
        annotations.iter().filter(move |it| it.get("line").and_then(Value::as_u64).unwrap_or(0) == line)
    };
    // An annotation without a line is at the top of the file.
    at(0).for_each(|annotation| add_annotation(page, annotation));
    let (mut before, mut after) = (0, 0);
    for (change, text) in CHANGED_LINES {
        let (class, sign) = match change {
            Kept => ("kept", " "),
            Added => ("added", "+"),
            Removed => ("removed", "-"),
        };
        before += u64::from(*change != Added);
        after += u64::from(*change != Removed);
        let number = |number: u64, is_there: bool| if is_there { number.to_string() } else { String::new() };
        let _ = writeln!(
            page,
            "<tr class=\"{class}\"><th>{}</th><th scope=\"row\" data-line=\"{}\">{}</th><td class=\"code\">{sign} {}</td></tr>",
            number(before, *change != Added),
            number(after, *change != Removed),
            number(after, *change != Removed),
            escaped(text)
        );
        if *change != Removed {
            at(after).for_each(|annotation| add_annotation(page, annotation));
        }
    }
    page.push_str("</tbody>\n</table>\n</div>\n");
}

fn add_annotation(page: &mut String, annotation: &Map<String, Value>) {
    let field = |name: &str| escaped(&text(annotation, name));
    let line = annotation.get("line").and_then(Value::as_u64).unwrap_or(0);
    let _ = writeln!(
        page,
        "<tr class=\"annotation\" data-at=\"{line}\"><td colspan=\"3\"><p><span class=\"state bad\">{}</span> <strong>{}</strong></p><p class=\"detail\">{}</p>{}</td></tr>",
        field("severity"),
        field("summary"),
        field("details"),
        link_to(&text(annotation, "link"))
    );
}

/// A paragraph with a link; empty without one.
fn link_to(address: &str) -> String {
    if address.is_empty() {
        return String::new();
    }
    format!("<p><a href=\"{0}\" rel=\"noreferrer\">{0}</a></p>", escaped(address))
}

/// A state in words, with a sign and a colour.
fn state(state: &str) -> String {
    let (class, sign) = match state {
        "SUCCESSFUL" | "PASSED" => ("good", "✔"),
        "FAILED" => ("bad", "✖"),
        "INPROGRESS" | "PENDING" => ("open", "…"),
        _ => ("open", "■"),
    };
    format!(
        "<span class=\"state {class}\"><span aria-hidden=\"true\">{sign} </span>{}</span>",
        escaped(state)
    )
}

fn text(fields: &Map<String, Value>, name: &str) -> String {
    fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_with_issues_are_in_the_change() {
        let lines: Vec<_> = CHANGED_LINES.iter().filter(|(change, _)| *change != Removed).collect();
        for line in [10, 20, 30] {
            let (change, text) = lines[line - 1];
            assert!(*change == Added && !text.is_empty(), "line {line}: {text}");
        }
    }

    #[test]
    fn what_others_wrote_is_text_and_not_markup() {
        let world = World::acme();
        let page = world.pull_request_page("acme/api", 7);
        assert!(page.contains("No build has a status yet."), "{page}");
        assert_eq!(escaped("<script>\"&\""), "&lt;script&gt;&quot;&amp;&quot;");
    }
}
