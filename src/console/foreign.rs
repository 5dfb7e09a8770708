//! How text of a user or a service is shown: quoted, on one line, cut, and without tokens.

use crate::console::secrets::{letters_decoded, without_tokens};

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

/// The text with `***` instead of the user name and password in each address, with or without its scheme, and instead
/// of the values of parameters that hold secrets.
pub(crate) fn without_credentials(text: &str) -> String {
    let mut clean = text.to_owned();
    // Most lines hold none of these. An address without a colon has no password.
    if clean.contains('@') || clean.split("://").skip(1).any(|address| address.contains(':')) {
        clean = without_addresses(&clean);
    }
    if clean.contains('=') {
        clean = without_parameters(&clean);
    }
    if clean.contains('"') {
        clean = without_fields(&clean);
    }
    clean
}

/// The text with `***` instead of the user name and password in each address, with or without its scheme.
fn without_addresses(text: &str) -> String {
    // Whether a password has begun that holds a delimiter.
    let mut is_open = false;
    let words = text.split_inclusive(is_delimiter).map(|word| {
        let (word, delimiter) = word.split_at(word.trim_end_matches(is_delimiter).len());
        let mut addresses = word.split("://");
        let before = addresses.next().unwrap_or_default();
        let clean = std::iter::once(before.to_owned()).chain(addresses.map(without_userinfo));
        let clean: Vec<String> = clean.collect();
        let rest = word.rsplit_once('@').filter(|_| is_open && clean.len() == 1);
        is_open = clean.len() > 1 && clean.last().is_some_and(|last| last == HIDDEN);
        if let Some((_, host)) = rest {
            return format!("{HIDDEN}@{host}{delimiter}");
        }
        match &clean[..] {
            [alone] => without_bare_userinfo(alone) + delimiter,
            addresses => addresses.join("://") + delimiter,
        }
    });
    words.collect()
}

/// What stands in place of a secret.
pub(crate) const HIDDEN: &str = "***";

/// An address after its `://` without user name and password. A password may hold `/`, `?` and `#`, and the text may be
/// cut before the `@`: what stands between a colon and the end of the host is a password, unless it is a port.
fn without_userinfo(address: &str) -> String {
    let authority = address.split(['/', '?', '#']).next().unwrap_or_default();
    let is_password =
        |(_, port): (&str, &str)| !port.is_empty() && !port.bytes().all(|byte| byte.is_ascii_digit());
    let has_password = !authority.starts_with('[') && authority.split_once(':').is_some_and(is_password);
    match address.rsplit_once('@') {
        Some((_, host)) if has_password || authority.contains('@') => format!("***@{host}"),
        None if has_password => HIDDEN.to_owned(),
        _ => address.to_owned(),
    }
}

/// A word without `user:password` before its last `@`. A port, the address of an e-mail and the digest of an image stay:
/// `host:8080/@user`, `jane@acme.example`, `git@host:acme/api`, `app:1.2@sha256:...`.
fn without_bare_userinfo(word: &str) -> String {
    let Some((before, host)) = word.rsplit_once('@') else { return word.to_owned() };
    let is_password = |text: &str| {
        let head = text.split(['/', '?', '#']).next().unwrap_or_default();
        let is_port = head.bytes().all(|byte| byte.is_ascii_digit()) && head.len() < text.len();
        !head.is_empty() && !is_port
    };
    if host.is_empty() || host.starts_with("sha256:") || !before.split(':').skip(1).any(is_password) {
        return word.to_owned();
    }
    format!("***@{host}")
}

fn is_delimiter(c: char) -> bool {
    matches!(c, ',' | ';' | '"' | '\'' | '<' | '>') || c.is_whitespace()
}

/// The ends of the names of parameters that hold secrets.
const SECRET_PARAMETERS: [&str; 14] = [
    "token",
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "private_key",
    "signature",
    "credential",
    "authorization",
];
/// Names that are such parameters only as a whole word: `bypass` and `design` are none.
const SECRET_WORDS: [&str; 5] = ["pass", "pwd", "auth", "sig", "jwt"];

/// Whether a parameter of this name holds a secret. The name may have its letters as numbers.
fn names_secret(name: &str) -> bool {
    let name = letters_decoded(name).unwrap_or_else(|| name.to_owned()).to_ascii_lowercase();
    let is_word = |word: &&str| {
        let before = name.strip_suffix(*word);
        before.is_some_and(|before| !before.ends_with(|c: char| c.is_ascii_alphanumeric()))
    };
    SECRET_PARAMETERS.iter().any(|end| name.ends_with(end)) || SECRET_WORDS.iter().any(is_word)
}

/// The text with `***` instead of the value of each parameter that holds a secret.
fn without_parameters(text: &str) -> String {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "_-.%[]$".contains(c);
    let is_end = |c: char| c == '&' || c.is_whitespace() || "\"`<>".contains(c);
    let mut clean = String::with_capacity(text.len());
    let mut copied = 0;
    for (at, _) in text.match_indices('=') {
        let before = text[..at].trim_end_matches(is_of_name);
        if at < copied || !names_secret(&text[before.len()..at]) {
            continue;
        }
        let value = at + 1;
        let end = text[value..].find(is_end).map_or(text.len(), |length| value + length);
        clean.push_str(&text[copied..value]);
        clean.push_str(if end > value { "***" } else { "" });
        copied = end;
    }
    clean.push_str(&text[copied..]);
    clean
}

/// The text with `***` instead of the value of each field of JSON that holds a secret.
fn without_fields(text: &str) -> String {
    let is_quote = |c: char| "\"\\".contains(c);
    let mut clean = String::with_capacity(text.len());
    let mut copied = 0;
    for (at, _) in text.match_indices(':') {
        let quoted = text[..at].trim_end();
        let named = quoted.trim_end_matches(is_quote);
        let name =
            &named[named.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "_-".contains(c)).len()..];
        let value = text[at + 1..].trim_start();
        let inner = value.trim_start_matches(is_quote);
        if at < copied || named.len() == quoted.len() || inner.len() == value.len() || !names_secret(name) {
            continue;
        }
        let start = text.len() - inner.len();
        let end = inner.find(is_quote).map_or(text.len(), |length| start + length);
        clean.push_str(&text[copied..start]);
        clean.push_str(if end > start { HIDDEN } else { "" });
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
        assert_eq!(shown("the token=abc is"), r#""the token=*** is""#);
        assert_eq!(
            shown(r#"{"token":"abc","a": "b", "Password" : "d"}"#),
            r#""{\"token\":\"***\",\"a\": \"b\", \"Password\" : \"***\"}""#
        );
        assert_eq!(shown("token: abc"), r#""token: abc""#);
        for name in [
            "apikey",
            "auth",
            "sig",
            "jwt",
            "pass",
            "p%61ssword",
            "X-Amz-Signature",
            "client_secret",
            "db.pwd",
        ] {
            for before in ["https://a.b/x?", "x?", "/x?a=b&", "https://a.b/x;", "a.b/#"] {
                let text = format!("{before}{name}=abc");
                assert_eq!(shown(&text), format!("\"{before}{name}=***\""));
            }
        }
        for text in ["a?bypass=1", "a?design=1", "a?tokens=1", "a?key=1", "a?x=token"] {
            assert_eq!(shown(text), format!("\"{text}\""));
        }
    }

    #[test]
    fn hides_a_password_without_a_scheme() {
        for (text, clean) in [
            ("u:pa/SECRET@host", "***@host"),
            ("//u:SECRET@h/x", "***@h/x"),
            ("https://u:pa SECRET@h/x a@b", "https://*** ***@h/x a@b"),
            ("https://u:pa,SECRET@h/x", "https://***,***@h/x"),
            ("see u:1234@h, now", "see ***@h, now"),
            ("https:/u:pa/SECRET@h", "***@h"),
            ("git@h:u:SECRET@h", "***@h"),
            ("https://a.b/?to=https://u:SECRET@h", "https://a.b/?to=https://***@h"),
        ] {
            assert_eq!(shown(text), format!("\"{clean}\""));
        }
        for text in [
            "jane@acme.example",
            "git@bitbucket.org:acme/api.git",
            "host:8080/@user",
            "app:1.2@sha256:0123",
            "npm:@acme/x",
            "user:password",
            "user:password@ before the host",
        ] {
            assert!(!holds_credential(text), "{text}");
        }
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
