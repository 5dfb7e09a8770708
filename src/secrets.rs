//! Keeps secrets out of everything that is shown: the ones that are known, whole or in part, and whatever has
//! the shape of a token.

use std::{collections::HashSet, ops::Range};

/// A text shorter than this is no secret that could be found again: a common word would be taken for one.
const SECRET_MIN_CHARS: usize = 8;
/// This many characters of a secret in a row are hidden like the whole, in capitals or not: one more than the prefix
/// that all tokens of a kind share (`ATCTT3xFfGN0`), so that a kind can be told.
const PART_CHARS: usize = 13;
/// <https://support.atlassian.com/bitbucket-cloud/docs/secret-scanning/>: API token, access token, app password.
/// <https://docs.sonarsource.com/sonarqube-server/user-guide/managing-tokens>: user, project analysis, global
/// analysis and scoped organization token, with 40 digits.
const TOKEN_PREFIXES: [&str; 7] = ["ATATT", "ATCTT", "ATBB", "squ_", "sqp_", "sqa_", "sqco_"];
/// The shortest of the three kinds, the app password, has 32 characters after its prefix.
const TOKEN_MIN_CHARS: usize = 24;

/// The secrets of a run.
#[derive(Default)]
pub struct Secrets {
    /// Each part of a secret, in small letters.
    parts: HashSet<Vec<u8>>,
    /// The two letters with which each part begins: most text is none, and this is quickly seen.
    beginnings: HashSet<[u8; 2]>,
    /// Secrets too short to have parts.
    short: Vec<String>,
}

impl Secrets {
    /// Hides this text from now on.
    pub fn add(&mut self, secret: &str) {
        if secret.len() >= PART_CHARS {
            let lower = secret.to_ascii_lowercase();
            for part in lower.as_bytes().windows(PART_CHARS) {
                self.parts.insert(part.to_vec());
                self.beginnings.insert([part[0], part[1]]);
            }
        } else if secret.chars().count() >= SECRET_MIN_CHARS {
            self.short.push(secret.to_owned());
        }
    }

    /// The text with `***` for each secret or part of one, and for what has the shape of a token.
    pub fn hide(&self, text: &str) -> String {
        let mut hidden: Vec<Range<usize>> = token_shapes(text);
        if !self.parts.is_empty() {
            // Hosts of addresses, for one, are told in small letters.
            let lower = text.to_ascii_lowercase();
            let windows = lower.as_bytes().windows(PART_CHARS).enumerate();
            hidden.extend(
                windows
                    .filter(|(_, part)| self.beginnings.contains(&part[..2]) && self.parts.contains(*part))
                    .map(|(at, _)| at..at + PART_CHARS),
            );
        }
        for secret in &self.short {
            hidden.extend(text.match_indices(secret.as_str()).map(|(at, _)| at..at + secret.len()));
        }
        if hidden.is_empty() {
            return text.to_owned();
        }
        hidden.sort_by_key(|range| range.start);
        let mut shown = String::with_capacity(text.len());
        let mut end = 0;
        for range in hidden {
            // A part may begin or end within a letter of several bytes.
            let start = floor(text, range.start).max(end);
            if start > end || end == 0 {
                shown.push_str(&text[end..start]);
                shown.push_str("***");
            }
            end = end.max(ceil(text, range.end));
        }
        shown.push_str(&text[end..]);
        shown
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(***)")
    }
}

/// Whether the text holds something with the shape of a token.
pub fn holds_token(text: &str) -> bool {
    !token_shapes(text).is_empty()
}

/// The text without what has the shape of a token.
pub fn without_tokens(text: &str) -> String {
    Secrets::default().hide(text)
}

fn token_shapes(text: &str) -> Vec<Range<usize>> {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-=%+/.".contains(byte);
    let mut shapes = Vec::new();
    for prefix in TOKEN_PREFIXES {
        for (start, _) in text.match_indices(prefix) {
            let length = text.as_bytes()[start..].iter().take_while(|byte| is_token(byte)).count();
            if length >= TOKEN_MIN_CHARS {
                shapes.push(start..start + length);
            }
        }
    }
    shapes
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn ceil(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "ATCTT3xFfGN0abcdefghijklmnopqrstuvwxyz0123456789=5A4DB0C5";

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        secrets.add("another-secret-of-some-length");
        secrets.add("short-one");
        secrets.add("word");
        secrets
    }

    #[test]
    fn whole_secrets_parts_and_shapes_are_hidden() {
        for (text, shown) in [
            ("a another-secret-of-some-length b", "a *** b"),
            ("another-secret-of-some-lengthanother-secret-of-some-length", "***"),
            ("cut: her-secret-of-some-leng", "cut: ***"),
            ("x short-one short-one", "x *** ***"),
            ("a word of secret-of", "a word of secret-of"),
            (TOKEN, "***"),
            ("ä another-secret-of-some-length ä", "ä *** ä"),
        ] {
            assert_eq!(secrets().hide(text), shown);
        }
        assert_eq!(
            secrets().hide(&format!("https://x?t={}&y", TOKEN.replace('=', "%3D"))),
            "https://x?t=***&y"
        );
        assert_eq!(
            without_tokens("it begins with ATCTT, as ATCTT3xFfGN0"),
            "it begins with ATCTT, as ATCTT3xFfGN0"
        );
    }

    proptest! {
        #[test]
        fn no_part_of_a_secret_is_left_wherever_it_is_cut(before in ".{0,40}", after in ".{0,40}", from in 0..40_usize, to in 0..200_usize) {
            let mut secrets = Secrets::default();
            secrets.add(TOKEN);
            let to = to.min(TOKEN.len()).max(from);
            let shown = secrets.hide(&format!("{before}{}{after}", &TOKEN[from..to]));
            prop_assert!(!shown.as_bytes().windows(PART_CHARS).any(|part| TOKEN.as_bytes().windows(PART_CHARS).any(|secret| secret == part)));
        }
    }
}
