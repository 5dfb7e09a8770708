//! Text that others see: on one line, within a limit, and without characters that could forge another line.

use std::time::Duration;

/// The text on one line: each run of white space and control characters becomes one space.
pub(crate) fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || forges(c))
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The text, or as many of its whole words as fit before a `…`.
pub(crate) fn fit(text: &str, max_chars: usize) -> String {
    if text.chars().count() <= max_chars {
        return text.to_owned();
    }
    let kept: String = text.chars().take(max_chars.saturating_sub(1)).collect();
    // A word that fills more than half of the line is cut instead of dropped.
    let cut = match kept.rfind(' ') {
        Some(space) if space >= kept.len() / 2 => &kept[..space],
        _ => &kept,
    };
    format!("{}…", cut.trim_end())
}

/// The words of a text that may be HTML, on one line: without tags, and with characters instead of entities.
///
/// Taking out a tag or an entity can put a secret together that was not one text before: the words need to be cleaned
/// of secrets again.
pub(crate) fn words_of_html(text: &str) -> String {
    one_line(&without_entities(&without_tags(text)))
}

/// Tags that begin a new line. A space replaces each of them, so that words stay apart.
const LINE_TAGS: [&str; 6] = ["br", "div", "li", "p", "td", "tr"];

/// The text without the tags of HTML. Their words stay, and so does a `<` that begins no tag.
fn without_tags(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let mut rest = text;
    // Without an end, each beginning would be read to the end of the text.
    let mut ends = Ends { of_tag: true, of_comment: true };
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        words.push_str(before);
        let inside = from[1..].trim_start_matches('/');
        let end = ends.of_first(from, inside);
        if let Some(end) = end {
            let name = inside.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            if LINE_TAGS.iter().any(|tag| tag.eq_ignore_ascii_case(name)) {
                words.push(' ');
            }
            rest = &from[end..];
        } else {
            words.push('<');
            rest = &from[1..];
        }
    }
    words + rest
}

/// Whether the rest of a text may still have the end of a tag or of a comment.
struct Ends {
    of_tag: bool,
    of_comment: bool,
}

impl Ends {
    /// Where the tag or comment ends that a text begins with; `inside` is the text after its `<` and `</`.
    fn of_first(&mut self, text: &str, inside: &str) -> Option<usize> {
        let (may_end, mark) = if inside.starts_with("!--") {
            (&mut self.of_comment, "-->")
        } else if inside.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!') {
            (&mut self.of_tag, ">")
        } else {
            return None;
        };
        let end = if *may_end { text.find(mark) } else { None };
        *may_end = end.is_some();
        end.map(|end| end + mark.len())
    }
}

/// The named entities that messages and titles of pages have:
/// <https://html.spec.whatwg.org/multipage/named-characters.html>.
const ENTITIES: [(&str, char); 13] = [
    ("amp", '&'),
    ("apos", '\''),
    ("copy", '©'),
    ("gt", '>'),
    ("hellip", '…'),
    ("ldquo", '“'),
    ("lsquo", '‘'),
    ("lt", '<'),
    ("mdash", '—'),
    ("nbsp", ' '),
    ("ndash", '–'),
    ("quot", '"'),
    ("rsquo", '’'),
];
/// `&#x10FFFF;` without its ends.
const ENTITY_MAX_CHARS: usize = 8;

/// The text with characters instead of entities. What is no entity stays as it is.
fn without_entities(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        decoded.push_str(before);
        let end = from.bytes().take(ENTITY_MAX_CHARS + 2).position(|byte| byte == b';');
        if let Some((end, character)) = end.and_then(|end| Some((end, entity(&from[1..end])?))) {
            decoded.push(character);
            rest = &from[end + 1..];
        } else {
            decoded.push('&');
            rest = &from[1..];
        }
    }
    decoded + rest
}

/// The character of an entity, which is named or has a number: `lt`, `#60`, `#x3C`.
fn entity(name: &str) -> Option<char> {
    let Some(number) = name.strip_prefix('#') else {
        return ENTITIES.iter().find(|(known, _)| *known == name).map(|(_, character)| *character);
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?)
}

/// A number of things: "1 target", "2 targets".
pub(crate) fn counted(number: usize, thing: &str) -> String {
    format!("{} {thing}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A long time in its largest unit that is not too coarse: "90 minutes", "26 hours", "7 days".
pub(crate) fn in_units(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    let (number, unit) = match minutes {
        0..120 => (minutes, "minute"),
        120..2880 => (minutes / 60, "hour"),
        _ => (minutes / 60 / 24, "day"),
    };
    counted(usize::try_from(number).unwrap_or(usize::MAX), unit)
}

/// A number as a reader sees it: `1,000`.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A whole number in digits alone: no sign, no white space.
pub(crate) fn in_digits(text: &str) -> Option<u64> {
    Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

/// Seconds with one decimal, rounded up, as the log shows them.
pub(crate) fn rounded(duration: Duration) -> String {
    let tenths = duration.as_millis().div_ceil(100);
    if tenths.is_multiple_of(10) {
        (tenths / 10).to_string()
    } else {
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

/// A duration in the units that make it readable: `12.3 s`, `5 min 3 s`, `2 h 40 min`.
pub(crate) fn readable(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..120 => format!("{} s", rounded(duration)),
        120..7200 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Whether a character could forge text: control characters, line separators, and marks that change the direction.
pub(crate) fn forges(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character can be seen: white space, control characters, soft hyphens and marks of zero width cannot.
pub(crate) fn is_visible(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_graphic();
    }
    !c.is_whitespace()
        && !forges(c)
        && !matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}'
                | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_cut_at_a_word() {
        assert_eq!(fit("one two three", 13), "one two three");
        assert_eq!(fit("one two three", 12), "one two…");
        assert_eq!(fit(&"x".repeat(300), 255).chars().count(), 255);
    }

    #[test]
    fn tags_are_taken_out_and_their_words_stay() {
        for (text, words) in [
            (
                r#"Too many lines of code. <a href="https://a.b/upgrade">Upgrade the plan</a>"#,
                "Too many lines of code. Upgrade the plan",
            ),
            ("<b>a</b>b<BR/>c<p class='x'>d</p>", "ab c d"),
            ("<!doctype html>a<!-- <b>x</b> --> b", "a b"),
            ("1 < 2 and 3 > 2, <3, List<", "1 < 2 and 3 > 2, <3, List<"),
            ("<a href=", "<a href="),
        ] {
            assert_eq!(words_of_html(text), words);
        }
    }

    #[test]
    fn entities_become_characters_once() {
        for (text, words) in [
            ("Can&#39;t parse &lt;T&gt; &amp; more&nbsp;&#x2026;", "Can't parse <T> & more …"),
            // Their characters cannot forge a line, and an entity that is written as entities stays one.
            ("a&#10;b&#x1b;[31m &amp;lt;", "a b [31m &lt;"),
            (
                "R&D; AT&T &unknown; &#xD800; &#; &#x110000; &",
                "R&D; AT&T &unknown; &#xD800; &#; &#x110000; &",
            ),
            ("?a=1&lt=2&ä;", "?a=1&lt=2&ä;"),
        ] {
            assert_eq!(words_of_html(text), words);
        }
    }

    #[test]
    fn seconds_have_one_decimal() {
        let shown = |millis| rounded(Duration::from_millis(millis));
        assert_eq!(
            [shown(0), shown(3), shown(440), shown(1960), shown(12_000)],
            ["0", "0.1", "0.5", "2", "12"]
        );
        assert_eq!(rounded(Duration::MAX), "18446744073709551616");
    }

    #[test]
    fn a_long_time_has_one_unit() {
        for (minutes, words) in [
            (0, "0 minutes"),
            (1, "1 minute"),
            (119, "119 minutes"),
            (120, "2 hours"),
            (26 * 60 + 59, "26 hours"),
            (48 * 60, "2 days"),
            (7 * 24 * 60, "7 days"),
        ] {
            assert_eq!(in_units(Duration::from_mins(minutes)), words);
        }
    }

    #[test]
    fn numbers_and_durations_are_readable() {
        assert_eq!(
            [grouped(0), grouped(999), grouped(1000), grouped(1_234_567)],
            ["0", "999", "1,000", "1,234,567"]
        );
        let shown = |seconds| readable(Duration::from_secs(seconds));
        assert_eq!([shown(12), shown(303), shown(9600)], ["12 s", "5 min 3 s", "2 h 40 min"]);
    }

    proptest! {
        #[test]
        fn any_text_has_words_on_one_line(text in "[<>&;#x/!ab10é -]{0,60}") {
            let words = words_of_html(&text);
            prop_assert_eq!(one_line(&words), words);
        }

        #[test]
        fn fitted_text_is_a_beginning(text in "(?s).{0,80}", max in 1..60_usize) {
            let fitted = fit(&text, max);
            prop_assert!(fitted.chars().count() <= max);
            prop_assert!(text.starts_with(fitted.trim_end_matches('…')) || text == fitted);
        }
    }
}
