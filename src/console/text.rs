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

/// The text without the tags of HTML. Their words stay, and so does a `<` that begins no tag.
pub(crate) fn without_tags(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        words.push_str(before);
        let begins_tag = from[1..].trim_start_matches('/').starts_with(|c: char| c.is_ascii_alphabetic());
        if let Some(end) = from.find('>').filter(|_| begins_tag) {
            rest = &from[end + 1..];
        } else {
            words.push('<');
            rest = &from[1..];
        }
    }
    words + rest
}

/// A number of things: "1 target", "2 targets".
pub(crate) fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
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

/// Whether a character could forge text: control characters, line separators, and marks that change the direction.
pub(crate) fn forges(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character can be seen: white space, control characters, soft hyphens and marks of zero width cannot.
pub(crate) fn is_visible(c: char) -> bool {
    !c.is_whitespace()
        && !forges(c)
        && !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
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
            ("<b>a</b><br/>b", "ab"),
            ("1 < 2 and 3 > 2, <3, List<", "1 < 2 and 3 > 2, <3, List<"),
            ("<a href=", "<a href="),
        ] {
            assert_eq!(without_tags(text), words);
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

    proptest! {
        #[test]
        fn fitted_text_is_a_beginning(text in "(?s).{0,80}", max in 1..60_usize) {
            let fitted = fit(&text, max);
            prop_assert!(fitted.chars().count() <= max);
            prop_assert!(text.starts_with(fitted.trim_end_matches('…')) || text == fitted);
        }
    }
}
