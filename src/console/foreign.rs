//! How text of a user or a service is shown: quoted, on one line, cut, and without tokens.

use crate::console::secrets::without_tokens;

/// Longer values are cut: this is enough to recognise one, and fits on one line.
const SHOWN_MAX_CHARS: usize = 80;

/// A value as a message shows it: quoted, on one line, cut, without tokens, and without the part before the `@` of an
/// address, which may hold a password.
pub(crate) fn shown(value: &str) -> String {
    let visible = without_tokens(&without_userinfo(&value.escape_debug().to_string()));
    let mut cut: String = visible.chars().take(SHOWN_MAX_CHARS).collect();
    if cut.len() < visible.len() {
        cut.push('…');
    }
    format!("\"{cut}\"")
}

/// The text with `***` instead of the part between `://` and `@` of each address.
fn without_userinfo(text: &str) -> String {
    let mut rest = text;
    let mut clean = String::with_capacity(text.len());
    while let Some(start) = rest.find("://").map(|at| at + 3) {
        let (before, after) = rest.split_at(start);
        clean.push_str(before);
        let end = after.find(|c: char| c == '/' || c.is_whitespace()).unwrap_or(after.len());
        let (authority, tail) = after.split_at(end);
        match authority.rsplit_once('@') {
            Some((_, host)) => {
                clean.push_str("***@");
                clean.push_str(host);
            }
            None => clean.push_str(authority),
        }
        rest = tail;
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_a_value_on_one_line() {
        assert_eq!(shown("a\nb\u{1b}[31m"), r#""a\nb\u{1b}[31m""#);
    }

    #[test]
    fn cuts_a_long_value() {
        assert_eq!(shown(&"x".repeat(200)), format!("\"{}…\"", "x".repeat(80)));
    }

    #[test]
    fn hides_what_an_address_carries_before_its_host() {
        assert_eq!(
            shown("https://x-token-auth:s3cret@bitbucket.org/acme/api and http://a@b"),
            r#""https://***@bitbucket.org/acme/api and http://***@b""#
        );
    }
}
