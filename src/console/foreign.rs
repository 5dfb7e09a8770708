//! How text of a user or a service is shown: quoted, on one line, cut, and without tokens.

use crate::console::secrets::without_tokens;

/// Longer values are cut: this is enough to recognise one, and fits on one line.
const SHOWN_MAX_CHARS: usize = 80;

/// A value as a message shows it: quoted, on one line, cut, without tokens, and without the part before the `@` of an
/// address, which may hold a password.
pub(crate) fn shown(value: &str) -> String {
    let visible = without_tokens(&without_credentials(&value.escape_debug().to_string()));
    let mut cut: String = visible.chars().take(SHOWN_MAX_CHARS).collect();
    if cut.len() < visible.len() {
        cut.push('…');
    }
    format!("\"{cut}\"")
}

/// Whether a text holds an address with a user name, a password or a secret parameter.
pub(crate) fn holds_credential(text: &str) -> bool {
    without_credentials(text) != text
}

/// The text with `***` instead of the user name and password in each address, and instead of the values of parameters
/// that hold secrets.
pub(crate) fn without_credentials(text: &str) -> String {
    let mut rest = text;
    let mut clean = String::with_capacity(text.len());
    while let Some(start) = rest.find("://").map(|at| at + 3) {
        let (before, after) = rest.split_at(start);
        clean.push_str(before);
        let end = after.find(is_delimiter).unwrap_or(after.len());
        let (address, tail) = after.split_at(end);
        clean.push_str(&without_parameters(&without_userinfo(address)));
        rest = tail;
    }
    clean.push_str(rest);
    clean
}

/// An address after its `://` without user name and password. A password may hold `/`, `?` and `#`, and the text may be
/// cut before the `@`: what stands between a colon and the end of the host is a password, unless it is a port.
fn without_userinfo(address: &str) -> String {
    let authority = address.split(['/', '?', '#']).next().unwrap_or_default();
    let is_password =
        |(_, port): (&str, &str)| !port.is_empty() && !port.bytes().all(|byte| byte.is_ascii_digit());
    let has_password = !authority.starts_with('[') && authority.split_once(':').is_some_and(is_password);
    match address.rsplit_once('@') {
        Some((_, host)) if has_password || authority.contains('@') => format!("***@{host}"),
        None if has_password => "***".to_owned(),
        _ => address.to_owned(),
    }
}

fn is_delimiter(c: char) -> bool {
    c.is_whitespace() || ",;\"'<>".contains(c)
}

/// Parameters of an address that hold secrets.
const SECRET_PARAMETERS: [&str; 6] = ["token=", "password=", "passwd=", "pwd=", "secret=", "api_key="];

/// The text with `***` instead of the value of each parameter that holds a secret.
fn without_parameters(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut ends: Vec<usize> = SECRET_PARAMETERS
        .iter()
        .flat_map(|name| lower.match_indices(name).map(|(at, name)| at + name.len()))
        .collect();
    ends.sort_unstable();
    let mut clean = String::with_capacity(text.len());
    let mut copied = 0;
    for value in ends {
        if value < copied {
            continue;
        }
        let is_end = |c: char| c == '&' || is_delimiter(c);
        let end = text[value..].find(is_end).map_or(text.len(), |length| value + length);
        clean.push_str(&text[copied..value]);
        clean.push_str(if end > value { "***" } else { "" });
        copied = end;
    }
    clean.push_str(&text[copied..]);
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
        assert_eq!(shown("https://u:pa/SECRET@host/x"), r#""https://***@host/x""#);
        assert_eq!(shown("https://a.b/x,https://u:p@c.d/y"), r#""https://a.b/x,https://***@c.d/y""#);
    }

    #[test]
    fn hides_the_values_of_secret_parameters() {
        assert_eq!(
            shown("https://a.b/x?Token=abc&id=1&password=d"),
            r#""https://a.b/x?Token=***&id=1&password=***""#
        );
        assert_eq!(shown("https://a.b/?token=&a"), r#""https://a.b/?token=&a""#);
        assert_eq!(shown("the token=abc"), r#""the token=abc""#);
    }

    #[test]
    fn addresses_without_a_secret_stay() {
        for address in
            ["https://a.b:8080/@user/x", "https://a.b/@user", "http://[::1]:9000/x", "https://a.b:/x"]
        {
            assert!(!holds_credential(address), "{address}");
        }
        for address in
            ["https://u:pa/SECRET@host/x", "https://token@a.b/", "https://u:pa#S", "https://a.b/?pwd=1"]
        {
            assert!(holds_credential(address), "{address}");
        }
    }
}
