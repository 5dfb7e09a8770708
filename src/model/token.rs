//! The shape of a token: it tells the kind of the token, and why the token cannot work, before it is sent.

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};

/// The kinds of tokens that Atlassian creates; each has its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Api,
    Access,
    /// App passwords no longer work.
    AppPassword,
}

impl TokenKind {
    const ALL: [Self; 3] = [Self::Api, Self::Access, Self::AppPassword];

    /// The kind of a token, if it has a known prefix.
    pub(crate) fn of(token: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| token.starts_with(kind.prefix()))
    }

    /// The prefix of the kind. Atlassian's staff confirmed these prefixes:
    /// <https://community.atlassian.com/forums/Bitbucket-questions/Can-we-confirm-BitBucket-s-token-prefixes/qaq-p/3093481>.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Api => "ATAT",
            Self::Access => "ATCT",
            Self::AppPassword => "ATBB",
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Api => "API token",
            Self::Access => "access token",
            Self::AppPassword => "app password",
        }
    }
}

/// Why a token of any kind cannot work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Defect {
    /// Completes the sentence that begins with the variable.
    pub(crate) found: &'static str,
    pub(crate) remedy: &'static str,
}

/// Real tokens have about 200 characters. Common servers and proxies accept 8 KiB for all headers.
const TOKEN_MAX_BYTES: usize = 4096;

/// The prefixes of tokens of other services.
const OTHER_SERVICES: [(&str, &str); 8] = [
    ("squ_", "is a token of SonarQube"),
    ("sqp_", "is a token of SonarQube"),
    ("sqa_", "is a token of SonarQube"),
    ("sqco_", "is a token of SonarQube"),
    ("ghp_", "is a token of GitHub"),
    ("github_pat_", "is a token of GitHub"),
    ("glpat-", "is a token of GitLab"),
    ("BBDC-", "is a token of Bitbucket Data Center"),
];

/// Why a text cannot be a token of Bitbucket: it was pasted wrongly, or belongs to another service.
pub(crate) fn defect(token: &str) -> Option<Defect> {
    let pasted = pasted(token).map(|defect| match defect {
        Defect { found, .. } if is_map(token) => Defect { found, remedy: MAP_REMEDY },
        defect => defect,
    });
    pasted.or_else(|| {
        // Atlassian's staff: <https://community.atlassian.com/forums/Bitbucket-questions/qaq-p/2611869>.
        if is_jwt(token) && payload(token).is_some_and(|payload| payload.contains("pipelines-config/identity/oidc")) {
            return Some(Defect {
                found: "is the OIDC token of a pipeline (BITBUCKET_STEP_OIDC_TOKEN), which Bitbucket's API does not accept",
                remedy: "pass an access token or an API token; the OIDC token is for other services, such as those of a cloud",
            });
        }
        let (_, found) = OTHER_SERVICES.iter().find(|(prefix, _)| token.starts_with(prefix))?;
        Some(Defect { found, remedy: "pass the token of Bitbucket; each service has its own variable" })
    })
}

const MAP_REMEDY: &str =
    "pass only the token; an object with a token for each repository belongs in BITBUCKET_ACCESS_TOKENS";

/// Why a text cannot be a token of any service: it was pasted wrongly.
pub(crate) fn pasted(token: &str) -> Option<Defect> {
    let quotes = ['"', '\'', '`', '“', '”', '‘', '’'];
    let bare = token.trim_matches(|c: char| c.is_whitespace() || quotes.contains(&c));
    let lower = token.trim().to_ascii_lowercase();
    let is_header =
        ["bearer ", "basic ", "authorization:", "token "].iter().any(|start| lower.starts_with(start));
    let defects = [
        (
            bare.len() != token.trim().len(),
            "has quotes around the token, or at one end",
            "save the variable again without quotes; Pipelines passes the value unchanged",
        ),
        (
            bare.len() != token.len(),
            "has white space before or after the token (a space, a tab or a line break)",
            "copy the token again without the line break or space, and save the variable again",
        ),
        (is_map(token), "is a JSON object, not a token", "pass the token alone"),
        (
            is_name(token),
            "is the name of a variable, not its value",
            "pass the value: in the YAML file write a $ before the name, as in `NAME: $NAME`",
        ),
        (
            is_placeholder(token),
            "is a placeholder, not a token",
            "pass the token itself, from a secured variable",
        ),
        (
            is_header,
            "begins with the word Bearer, Basic or Authorization, as in a header",
            "pass only the token; Gatepost writes the header",
        ),
        (
            token.chars().any(char::is_whitespace),
            "has white space inside",
            "copy the token again in one piece; it may have been wrapped over two lines",
        ),
        (
            !token.chars().all(|c| c.is_ascii_graphic()),
            "has characters that are never part of a token (control characters or letters outside ASCII)",
            "copy the token again from the page that showed it, or create a new one",
        ),
        (
            token.len() > TOKEN_MAX_BYTES,
            "is longer than 4096 characters",
            "pass the token itself, not a file, a key or a JSON answer",
        ),
        (
            token.contains("://"),
            "is an address for git, not only a token",
            "pass only the token: the part between the colon and the @",
        ),
        (
            token.contains(':'),
            "has a colon inside, like a user and a token in one text (user:token)",
            "pass only the token; the user has its own variable",
        ),
        (
            token.contains('@'),
            "is an e-mail address, or holds one",
            "pass the token here and the e-mail address in ATLASSIAN_ACCOUNT_EMAIL; perhaps they are swapped",
        ),
        (
            has_name_before(token),
            "begins with the name of a variable and =",
            "save only the part after the = as the value of the variable",
        ),
        (
            token.contains(quotes)
                || token.contains(['\\', '$', ',', ';', '{', '}', '<', '>', '(', ')', '%']),
            "has a character that is never part of a token (a quote, a backslash, a dollar, a comma, a semicolon, a percent sign or a bracket)",
            "copy the token again without the text around it",
        ),
        (
            is_encoded(token),
            "is base64 of a token, or of user:token as in a header",
            "pass the token as it was shown when it was created; Gatepost encodes it",
        ),
    ];
    let (_, found, remedy) = defects.into_iter().find(|(is_found, ..)| *is_found)?;
    Some(Defect { found, remedy })
}

/// Placeholders from examples and templates: `<string>`, `%NAME%`, `{uuid}`, `****`.
fn is_placeholder(token: &str) -> bool {
    let is_within = |open, close| token.len() > 1 && token.starts_with(open) && token.ends_with(close);
    let first = token.chars().next();
    is_within('<', '>')
        || is_within('%', '%')
        || is_within('{', '}')
        || is_within('[', ']')
        || (token.len() > 2 && token.chars().all(|c| Some(c) == first))
        || ["null", "none", "undefined", "token", "secret", "changeme", "todo"]
            .contains(&token.to_ascii_lowercase().as_str())
}

/// Whether a whole line of a file with variables was pasted: `NAME=value`.
fn has_name_before(token: &str) -> bool {
    token.split_once('=').is_some_and(|(name, value)| !value.is_empty() && is_name(name))
}

/// Whether a text looks like the name of a variable: `NAME_OF_IT`. A token never has only upper-case letters.
fn is_name(text: &str) -> bool {
    text.contains('_')
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Whether a text is a JSON object.
fn is_map(text: &str) -> bool {
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok()
}

/// Whether a text is base64 of a token or of `user:secret`, with or without padding. A real token looks like that by
/// chance less than once in a million times: all decoded bytes would have to be ASCII.
fn is_encoded(token: &str) -> bool {
    let decoded = BASE64_STANDARD_NO_PAD.decode(token.trim_end_matches('=')).unwrap_or_default();
    let is_token = String::from_utf8(decoded.clone()).is_ok_and(|text| TokenKind::of(text.trim()).is_some());
    let is_pair = decoded.contains(&b':');
    (is_token || is_pair) && decoded.trim_ascii().iter().all(u8::is_ascii_graphic)
}

/// API tokens and access tokens of Bitbucket Cloud that were seen have about 190 characters; Atlassian
/// reserves the right to other lengths:
/// <https://developer.atlassian.com/cloud/confluence/basic-auth-for-rest-apis/>.
const USUAL_MIN_BYTES: usize = 100;
/// Shorter than every kind of token that was seen.
const SHORT_BYTES: usize = 20;

/// What is unusual about a token of the `expected` kind, to complete "the variable ...".
pub(crate) fn oddity(token: &str, expected: TokenKind) -> Option<&'static str> {
    match (TokenKind::of(token), expected) {
        (Some(_), _) if token.len() < USUAL_MIN_BYTES => Some(
            "is much shorter than the tokens that Bitbucket makes: it may have been cut when it was copied",
        ),
        (_, _) if holds_another(token) => Some(
            "holds the beginning of a token further inside: it may have been pasted twice, or with something before it",
        ),
        (None, _) if TokenKind::of(&token.to_ascii_uppercase()).is_some() => {
            Some("begins like a token, but in small letters: it may have been changed when it was copied")
        }
        (Some(_), _) if !has_checksum(token) => Some(
            "does not end in = and 8 characters, as the tokens do that Bitbucket makes: its end may be missing",
        ),
        (None, TokenKind::Api) => Some(
            "does not begin with ATATT, as API tokens do: it may be a password or a token of something else",
        ),
        (None, _) if is_jwt(token) => {
            Some("looks like a JWT (it begins with eyJ), as no token is that Bitbucket makes")
        }
        (None, _) if token.len() < SHORT_BYTES => Some("is very short for a token: it may be something else"),
        _ => None,
    }
}

/// The end of Atlassian's tokens: `=` and a checksum of 8 characters.
fn has_checksum(token: &str) -> bool {
    token.rsplit_once('=').is_some_and(|(_, checksum)| {
        checksum.len() == 8 && checksum.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// Whether a token begins within it. That chance makes such letters happens once in millions of tokens.
fn holds_another(token: &str) -> bool {
    ["ATATT", "ATCTT"].iter().any(|start| token.match_indices(start).any(|(at, _)| at > 0))
}

/// The claims of a JWT.
fn payload(token: &str) -> Option<String> {
    String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?).ok()
}

/// Three parts of base64, the first of which begins with `{"`: <https://www.rfc-editor.org/rfc/rfc7519#section-3>.
fn is_jwt(token: &str) -> bool {
    token.starts_with("eyJ") && token.split('.').count() == 3
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_prefix_tells_the_kind() {
        assert_eq!(TokenKind::of("ATATT3xFfGF0abc"), Some(TokenKind::Api));
        assert_eq!(TokenKind::of("ATCTT3xFfGN0abc"), Some(TokenKind::Access));
        assert_eq!(TokenKind::of("ATBBabc"), Some(TokenKind::AppPassword));
        assert_eq!(TokenKind::of("an-oauth-token"), None);
    }

    #[test]
    fn a_text_that_cannot_be_a_token_is_recognised_by_its_shape() {
        let pair = BASE64_STANDARD_NO_PAD.encode("ci@acme.example:ATATT3xFfGF0abcdefgh=5A4DB0C5");
        let issuer =
            r#"{"iss":"https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"}"#;
        let oidc = format!("eyJhbGciOiJSUzI1NiJ9.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(issuer));
        let alone = format!("{}=", BASE64_STANDARD_NO_PAD.encode("ATCTT3xFfGN0abcdefgh=5A4DB0C5\n"));
        for (token, part) in [
            (" ATCTTabc", "white space before or after"),
            ("ATCTTabc\n", "white space before or after"),
            ("\"ATCTTabc\"", "quotes"),
            ("'ATCTTabc", "quotes"),
            ("ATCTT abc", "white space inside"),
            ("Bearer ATCTTabc", "the word Bearer"),
            ("ATCTT\u{7}abc", "characters that are never part of a token"),
            ("ATCTTäbc", "characters that are never part of a token"),
            (&"xy".repeat(2049), "longer than 4096"),
            ("<string>", "placeholder"),
            ("https://x-token-auth:ATCTTabc@bitbucket.org/acme/api.git", "is an address for git"),
            ("ci@acme.example:ATATTabc", "has a colon"),
            ("%BITBUCKET_ACCESS_TOKEN%", "placeholder"),
            ("{a6a0c3a4-1f0e-4e3c-8a51-7b1f0d2d3c4e}", "placeholder"),
            ("********", "placeholder"),
            ("null", "placeholder"),
            ("bearer ATCTTabc", "the word Bearer"),
            ("Authorization: Bearer ATCTTabc", "the word Bearer"),
            ("ci@acme.example", "e-mail address"),
            ("BITBUCKET_ACCESS_TOKEN=ATCTTabc", "the name of a variable"),
            ("ATCTT\"abc", "a character that is never part of a token"),
            ("ATCTTabc\\n", "a character that is never part of a token"),
            ("ATCTTabc;", "a character that is never part of a token"),
            ("squ_abc", "token of SonarQube"),
            ("ghp_abc", "token of GitHub"),
            (r#"{"api": "ATCTTabc"}"#, "is a JSON object"),
            ("BITBUCKET_ACCESS_TOKEN", "is the name of a variable"),
            ("ATCTTabc%3D5A4DB0C5", "a character that is never part of a token"),
            (&oidc, "OIDC token of a pipeline"),
            (&pair, "base64"),
            (&alone, "base64"),
        ] {
            let found = defect(token).unwrap_or_else(|| panic!("{token:?}")).found;
            assert!(found.contains(part), "{token:?}: {found}");
        }
        for token in ["ATCTTabc", "an-oauth-token", "c2VjcmV0", "aGVsbG8gd29ybGQgOiBoZWxsbw=="] {
            assert_eq!(defect(token), None, "{token}");
        }
    }

    #[test]
    fn an_unusual_token_is_recognised() {
        let whole = format!("ATATT3xFfGF0{}=5A4DB0C5", "x".repeat(171));
        assert_eq!(oddity(&whole, TokenKind::Api), None);
        assert!(oddity(&whole[..60], TokenKind::Api).unwrap().contains("shorter"));
        assert!(oddity(&whole[..150], TokenKind::Api).unwrap().contains("its end may be missing"));
        assert!(oddity("an-oauth-token-of-some-length", TokenKind::Api).unwrap().contains("ATATT"));
        assert_eq!(oddity("an-oauth-token-of-some-length", TokenKind::Access), None);
        assert!(oddity("short", TokenKind::Access).unwrap().contains("very short"));
        assert!(
            oddity("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln", TokenKind::Access).unwrap().contains("JWT")
        );
        for (token, part) in [
            (format!("{whole}{whole}"), "pasted twice"),
            (format!("xx{whole}"), "something before it"),
            (whole.to_ascii_lowercase(), "small letters"),
        ] {
            assert!(oddity(&token, TokenKind::Access).unwrap().contains(part), "{token}");
        }
    }

    proptest! {
        #[test]
        fn tokens_as_atlassian_makes_them_have_no_defect(middle in "[A-Za-z0-9_-]{150,190}", checksum in "[A-F0-9]{8}") {
            for prefix in ["ATATT3xFfGF0", "ATCTT3xFfGN0"] {
                let token = format!("{prefix}{middle}={checksum}");
                prop_assert_eq!(defect(&token), None);
                prop_assert_eq!(oddity(&token, TokenKind::of(&token).unwrap()), None);
            }
        }

        #[test]
        fn any_text_is_judged(token in ".{0,300}") {
            let _ = (defect(&token), oddity(&token, TokenKind::Api), oddity(&token, TokenKind::Access));
        }
    }
}
