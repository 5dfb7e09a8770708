//! The page of a run as Markdown.

use std::{
    fmt::{self, Write as _},
    io::{self, Write},
};

use crate::{
    console::text::{forges, grouped},
    run::summary::page::{AdviceFor, COLUMNS, Page, Row, Section, rows},
};

/// Text of others on one line: whatever it holds stays text, also within a cell of a table.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = ' ';
        for (at, c) in self.0.char_indices() {
            match c {
                '\\' | '*' | '_' | '[' | ']' | '#' => write!(f, "\\{c}")?,
                // An entity is a character everywhere. A backslash before these is not understood by all readers.
                '&' | '<' | '>' | '|' | '`' | '~' | '$' | '@' => write!(f, "&#{};", u32::from(c))?,
                // Some Markdown viewers turn a plain address into a link.
                ':' if self.0[at..].starts_with("://") => f.write_str("&#58;")?,
                '.' if before.eq_ignore_ascii_case(&'w') => f.write_str("&#46;")?,
                c if forges(c) => f.write_char(' ')?,
                c => f.write_char(c)?,
            }
            before = c;
        }
        Ok(())
    }
}

/// A text with a link, if there is one.
struct Linked<'a>(&'a str, Option<&'a String>);

impl fmt::Display for Linked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Text(self.0);
        let Some(link) = self.1 else { return text.fmt(f) };
        write!(f, "[{text}](")?;
        for c in link.chars() {
            match c {
                // These end a link, a cell or a line.
                '(' | ')' | '<' | '>' | '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '"' | '\'' => {
                    write!(f, "%{:02X}", u32::from(c))?;
                }
                // An ampersand may begin an entity.
                '&' => f.write_str("&amp;")?,
                c if c.is_whitespace() || forges(c) => f.write_str("%20")?,
                c => f.write_char(c)?,
            }
        }
        f.write_char(')')
    }
}

/// Writes the page.
///
/// # Errors
///
/// When it cannot be written.
pub(super) fn write(page: &Page<'_>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "# {}", Text(&page.title))?;
    if let Some(notice) = &page.notice {
        writeln!(out, "\n**{}**", Text(notice))?;
    }
    if !page.sections.is_empty() {
        writeln!(out)?;
    }
    for Section { heading, rows, .. } in &page.sections {
        writeln!(out, "- {heading}: **{}**", grouped(rows.len()))?;
    }
    writeln!(out)?;
    for (title, text) in &page.facts {
        writeln!(out, "- {title}: {}", Text(text))?;
    }
    if !page.advice.is_empty() {
        writeln!(out, "\n## What to do")?;
        page.advice.iter().try_for_each(|advice| advise(advice, out))?;
    }
    page.sections.iter().try_for_each(|section| table(page, section, out))
}

fn advise(advice: &AdviceFor, out: &mut impl Write) -> io::Result<()> {
    let AdviceFor { group, number, count, targets } = advice;
    writeln!(out, "\n### {number}. {} ({})\n", Text(&group.title), rows(*count))?;
    for (title, text) in &group.lines {
        writeln!(out, "- {}: {}", Text(title), Text(text))?;
    }
    let more = match advice.unnamed() {
        0 => String::new(),
        more => format!(" and {} more", grouped(more)),
    };
    writeln!(out, "- Targets: {}{more}", Text(&targets.join(", ")))
}

fn table(page: &Page<'_>, section: &Section, out: &mut impl Write) -> io::Result<()> {
    let Section { heading, rows, .. } = section;
    writeln!(out, "\n## {heading}: {}\n", grouped(rows.len()))?;
    writeln!(out, "| {} |\n|{}", COLUMNS.join(" | "), " --- |".repeat(COLUMNS.len()))?;
    for Row { repository, target, target_link, state, key, outcome, words, words_link, advice } in
        page.rows(section)
    {
        write!(
            out,
            "| {} | {} | {state} | {} | {}",
            Text(&repository),
            Linked(&target, target_link.as_ref()),
            Text(&key),
            Text(&outcome)
        )?;
        if let Some(number) = advice {
            write!(out, " (what to do: {number})")?;
        }
        if !words.is_empty() {
            write!(out, ": {}", Linked(&words, words_link.as_ref()))?;
        }
        writeln!(out, " |")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::run::summary::page::tests::with_page;

    fn markdown(text: &str) -> String {
        let mut out = Vec::new();
        with_page(text, |page| write(page, &mut out)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn markup_of_others_is_text() {
        let text = "a|b`c`\n# [x](https://a.b) <i>&lt;";
        assert_eq!(
            Text(text).to_string(),
            "a&#124;b&#96;c&#96; \\# \\[x\\](https&#58;//a.b) &#60;i&#62;&#38;lt;"
        );
        assert_eq!(
            Text("acme/service-001, see www.a.b @all").to_string(),
            "acme/service-001, see www&#46;a.b &#64;all"
        );
        let link = "https://a.b/x?a=1&lt=(2)|\n`".to_owned();
        assert_eq!(Linked("x", Some(&link)).to_string(), "[x](https://a.b/x?a=1&amp;lt=%282%29%7C%20%60)");
    }

    /// What ends a cell, a line, a link or a span, without the backslashes before it.
    fn marks(text: &str) -> String {
        let bare = text.replace("\\\\", "");
        let mut marks = String::new();
        let mut before = ' ';
        for c in bare.chars() {
            if "|`<>[]*_\n".contains(c) && before != '\\' {
                marks.push(c);
            }
            before = c;
        }
        marks
    }

    proptest! {
        #[test]
        fn no_text_of_others_breaks_a_table_or_a_line(text in "(?s)[|`<>\\[\\]()*_#\\\\&!~\n\r\ta-z:. -]{1,40}") {
            let page = markdown(&text);
            prop_assert_eq!(marks(&page), marks(&markdown("x")));
            let widths = page.lines().filter(|line| line.starts_with('|')).map(|line| line.matches('|').count());
            prop_assert!(widths.collect::<Vec<_>>().iter().all(|width| *width == COLUMNS.len() + 1));
        }
    }
}
