//! The page of a run as HTML: one file without scripts and without anything from elsewhere.

use std::{
    fmt,
    io::{self, Write},
};

use crate::{
    console::text::{forges, grouped},
    run::summary::page::{AdviceFor, COLUMNS, Page, Row, Section, rows},
};

/// Nothing but the style of the page itself is ever loaded.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// On a phone and on paper each row is a block. Colours have a contrast of 4.5 at least, light and dark.
const STYLE: &str = "\
:root{color-scheme:light dark;--text:#1c1e21;--faint:#5a5f66;--line:#d5d8dc;--back:#fff;--link:#0b57d0;--bad:#b3261e;--good:#17662f}
@media(prefers-color-scheme:dark){:root{--text:#e6e8ea;--faint:#a2a8b0;--line:#3d4248;--back:#16181b;--link:#8ab4f8;--bad:#ff9d94;--good:#7ed491}}
body{margin:0 auto;padding:1rem;max-width:75rem;font:1rem/1.45 system-ui,sans-serif;color:var(--text);background:var(--back);overflow-wrap:anywhere}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin:0;display:inline}h3{font-size:1rem;margin:0;display:inline}
a{color:var(--link)}summary{cursor:pointer;padding:.5rem 0}
.notice{border-left:.3rem solid var(--bad);padding-left:.7rem}
.counts{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;padding:0;list-style:none;font-size:1.1rem}.bad{color:var(--bad)}.good{color:var(--good)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:.5rem 0}dt{color:var(--faint)}dd{margin:0}
table{border-collapse:collapse;width:100%;table-layout:fixed}caption{text-align:left;color:var(--faint);padding-bottom:.3rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .8rem .35rem 0;border-top:1px solid var(--line);font-weight:400}thead th{color:var(--faint);width:20%}thead th:nth-child(3){width:8rem}thead th:nth-child(4){width:11rem}thead th:nth-child(5){width:auto}tbody th{font-weight:600}
@media(max-width:45rem){dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}table,caption,tbody,tr,th,td{display:block}thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}tr{border-top:1px solid var(--line);padding:.5rem 0}th,td{border:0;padding:.1rem 0}td:empty{display:none}td::before{color:var(--faint)}td:nth-child(2)::before{content:\"Target: \"}td:nth-child(3)::before{content:\"State: \"}td:nth-child(4)::before{content:\"Key: \"}}
@media print{body{max-width:none;padding:0;font-size:10pt}tr{break-inside:avoid}thead{display:table-header-group}a{color:inherit}details::details-content{content-visibility:visible;height:auto}}
";

/// Text of others in a page: whatever it holds stays text, also within quotes.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut plain = 0;
        for (at, c) in self.0.char_indices() {
            let instead = match c {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\'' => "&#39;",
                c if forges(c) => " ",
                _ => continue,
            };
            f.write_str(&self.0[plain..at])?;
            f.write_str(instead)?;
            plain = at + c.len_utf8();
        }
        f.write_str(&self.0[plain..])
    }
}

/// A text with a link, if there is one.
struct Linked<'a>(&'a str, Option<&'a String>);

impl fmt::Display for Linked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Text(self.0);
        match self.1 {
            Some(link) => write!(f, "<a href=\"{}\">{text}</a>", Text(link)),
            None => text.fmt(f),
        }
    }
}

/// Writes the page.
///
/// # Errors
///
/// When it cannot be written.
pub(super) fn write(page: &Page<'_>, out: &mut impl Write) -> io::Result<()> {
    let title = Text(&page.title);
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
    )?;
    if let Some(notice) = &page.notice {
        writeln!(out, "<p class=\"notice\">{}</p>", Text(notice))?;
    }
    if !page.sections.is_empty() {
        writeln!(out, "<ul class=\"counts\">")?;
        for (number, Section { heading, rows, is_fine, is_bad }) in (1..).zip(&page.sections) {
            let class = match (is_fine, is_bad) {
                (true, _) => "good",
                (_, true) => "bad",
                (false, false) => "",
            };
            let count = grouped(rows.len());
            writeln!(
                out,
                "<li><a href=\"#s{number}\">{heading}</a>: <strong class=\"{class}\">{count}</strong></li>"
            )?;
        }
        writeln!(out, "</ul>")?;
    }
    definitions(page.facts.iter().map(|(title, text)| (*title, text)), out)?;
    if !page.advice.is_empty() {
        writeln!(out, "<section>\n<h2>What to do</h2>")?;
        page.advice.iter().try_for_each(|advice| advise(advice, out))?;
        writeln!(out, "</section>")?;
    }
    for (number, section) in (1..).zip(&page.sections) {
        table(page, number, section, out)?;
    }
    out.write_all(b"</main>\n</body>\n</html>\n")
}

fn definitions<'t>(
    definitions: impl Iterator<Item = (&'t str, &'t String)>,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "<dl>")?;
    for (title, text) in definitions {
        writeln!(out, "<dt>{}</dt><dd>{}</dd>", Text(title), Text(text))?;
    }
    writeln!(out, "</dl>")
}

fn advise(advice: &AdviceFor, out: &mut impl Write) -> io::Result<()> {
    let AdviceFor { group, number, count, targets } = advice;
    writeln!(
        out,
        "<details open id=\"r{number}\">\n<summary><h3>{number}. {}</h3> ({})</summary>",
        Text(&group.title),
        rows(*count)
    )?;
    definitions(group.lines.iter().map(|(title, text)| (title.as_str(), text)), out)?;
    let more = match advice.unnamed() {
        0 => String::new(),
        more => format!(" and {} more", grouped(more)),
    };
    writeln!(out, "<p>{}{more}</p>\n</details>", Text(&targets.join(", ")))
}

/// More rows that are fine are shown when somebody asks for them.
const FINE_ROWS_OPEN: usize = 100;

fn table(page: &Page<'_>, number: usize, section: &Section, out: &mut impl Write) -> io::Result<()> {
    let Section { heading, rows, is_fine, .. } = section;
    let open = if *is_fine && rows.len() > FINE_ROWS_OPEN { "" } else { " open" };
    let count = grouped(rows.len());
    writeln!(
        out,
        "<details{open} id=\"s{number}\">\n<summary><h2>{heading}: {count}</h2></summary>\n<table role=table>\n<caption>{heading}, by repository</caption>\n<thead role=rowgroup><tr role=row>"
    )?;
    for column in COLUMNS {
        write!(out, "<th role=columnheader scope=col>{column}")?;
    }
    writeln!(out, "\n<tbody role=rowgroup>")?;
    for row in page.rows(section) {
        self::row(&row, out)?;
    }
    writeln!(out, "</table>\n</details>")
}

/// A row has roles because a phone shows it as a block, which is no row for a screen reader. Some end tags are left out,
/// which HTML allows: a page may have ten thousand rows.
fn row(row: &Row, out: &mut impl Write) -> io::Result<()> {
    let Row { repository, target, target_link, state, key, outcome, words, words_link, advice } = row;
    write!(
        out,
        "<tr role=row><th role=rowheader scope=row>{}<td role=cell>{}<td role=cell>{}<td role=cell>{}<td role=cell>{}",
        Text(repository),
        Linked(target, target_link.as_ref()),
        Text(state),
        Text(key),
        Text(outcome)
    )?;
    if let Some(number) = advice {
        write!(out, " (<a href=\"#r{number}\">what to do</a>)")?;
    }
    if !words.is_empty() {
        write!(out, "<br>{}", Linked(words, words_link.as_ref()))?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::run::summary::page::tests::with_page;

    fn html(text: &str) -> String {
        let mut out = Vec::new();
        with_page(text, |page| write(page, &mut out)).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The page without the text of others.
    fn markup(text: &str) -> String {
        html(text).replace(&Text(text).to_string(), "")
    }

    #[test]
    fn markup_of_others_is_text() {
        let page = html("<script>alert(1)</script>\" onclick=\"x' & <b>");
        assert!(!page.contains("<script") && !page.contains("<b>") && !page.contains("\" onclick"), "{page}");
        assert!(page.contains(
            "&lt;script&gt;alert(1)&lt;/script&gt;&quot; onclick=&quot;x&#39; &amp; &lt;b&gt;</title>"
        ));
    }

    #[test]
    fn a_page_loads_nothing_and_has_a_language_and_a_width() {
        let page = html("x");
        for part in [
            "<html lang=\"en\">",
            "default-src 'none'",
            "width=device-width",
            "<caption>Failed, by repository</caption>",
        ] {
            assert!(page.contains(part), "{part}");
        }
        for part in ["src=", "url(", "@import", "<script", "<link"] {
            assert!(!page.contains(part), "{part}");
        }
    }

    proptest! {
        #[test]
        fn no_text_of_others_changes_the_markup(text in "(?s)[<>&;\"'=/\\\\ a-z\u{0}-\u{1f}\u{202e}é-]{1,40}") {
            let escaped = Text(&text).to_string();
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']) && !escaped.contains(forges));
            prop_assert_eq!(escaped.matches('&').count(), escaped.matches(';').count() - text.matches(';').count());
        }

        #[test]
        fn the_markup_is_the_same_around_every_text(text in "[<>&;\"']{8,40}") {
            prop_assert_eq!(markup(&text), markup("~~~~~~~~"));
        }
    }
}
