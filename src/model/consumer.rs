//! The shape of an OAuth consumer's key and secret: why they cannot work, before they are sent.

use std::borrow::Cow;

use crate::model::token::{self, TokenKind};

/// Why a text cannot be the key or the secret of a consumer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConsumerDefect {
    /// Completes the sentence that begins with the variable.
    pub(crate) found: Cow<'static, str>,
    pub(crate) remedy: Cow<'static, str>,
}

/// The page with a consumer's key and secret:
/// <https://support.atlassian.com/bitbucket-cloud/docs/use-oauth-on-bitbucket-cloud/>.
const COPY_AGAIN: &str = "copy Key and Secret of the consumer (Workspace settings > Apps and features > OAuth consumers, click its name), each into its own variable";

/// Why a text cannot be the key or the secret of a consumer: it was pasted wrongly, or is another credential.
pub(crate) fn defect(text: &str) -> Option<ConsumerDefect> {
    let told = |found: &'static str, remedy: &'static str| {
        Some(ConsumerDefect { found: found.into(), remedy: remedy.into() })
    };
    match TokenKind::of(text.trim().trim_matches(['"', '\''])) {
        Some(TokenKind::Api) => {
            return told(
                "is an API token (it begins with ATATT), not a part of an OAuth consumer",
                "pass it as ATLASSIAN_API_TOKEN, with the account's e-mail address as ATLASSIAN_ACCOUNT_EMAIL, and remove BITBUCKET_OAUTH_CLIENT_ID and BITBUCKET_OAUTH_CLIENT_SECRET",
            );
        }
        Some(TokenKind::Access) => {
            return told(
                "is an access token (it begins with ATCTT), not a part of an OAuth consumer",
                "pass it as BITBUCKET_ACCESS_TOKEN, and remove BITBUCKET_OAUTH_CLIENT_ID and BITBUCKET_OAUTH_CLIENT_SECRET",
            );
        }
        Some(TokenKind::AppPassword) => {
            return told(
                "is an app password (it begins with ATBB); Bitbucket removed app passwords on 2026-07-28",
                COPY_AGAIN,
            );
        }
        None => {}
    }
    let token::Defect { found, remedy } = token::pasted(text)?;
    if found.contains("base64") || found.contains("colon") {
        return told("holds more than one text, like a key and a secret together (key:secret)", COPY_AGAIN);
    }
    if found.contains("e-mail address") {
        return told(found, COPY_AGAIN);
    }
    if found.contains("address for git") {
        return told("is an address", COPY_AGAIN);
    }
    // The other sentences are about any text that is pasted.
    let of_any_text = |text: &str| text.replace("token", "value").into();
    Some(ConsumerDefect { found: of_any_text(found), remedy: of_any_text(remedy) })
}

/// Keys that were seen have 18 or 32 characters.
const SHORT_KEY_BYTES: usize = 16;
/// Secrets that were seen have 32 characters or more.
const SHORT_SECRET_BYTES: usize = 24;

/// What is unusual about a key, to complete "the key ...".
pub(crate) fn oddity_of_key(key: &str, secret: &str) -> Option<&'static str> {
    if key.len() > secret.len() {
        Some("is longer than the secret: the two may be swapped")
    } else if key.len() < SHORT_KEY_BYTES {
        Some("is shorter than the keys that Bitbucket makes: it may be the name of the consumer")
    } else {
        None
    }
}

/// What is unusual about a secret, to complete "the secret ...".
pub(crate) fn oddity_of_secret(secret: &str) -> Option<&'static str> {
    (secret.len() < SHORT_SECRET_BYTES)
        .then_some("is shorter than the secrets that Bitbucket makes: its end may be missing")
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, prelude::BASE64_STANDARD};

    use super::*;

    const KEY: &str = "f4hJr8wQx2LmZc7TnB";
    const SECRET: &str = "q9vXc2RtYp7LwKz4NsBh3JdGf6MaUe8T";

    #[test]
    fn a_text_that_cannot_be_a_key_or_a_secret_is_recognised() {
        let header = BASE64_STANDARD.encode(format!("{KEY}:{SECRET}"));
        for (text, part) in [
            (&*format!(" {SECRET}"), "white space before or after the value"),
            (&format!("{SECRET}\n"), "white space before or after the value"),
            (&format!("\"{SECRET}\""), "quotes around the value"),
            ("q9vXc2Rt Yp7LwKz4", "white space inside"),
            ("q9vXc2Rt\u{7}Yp7LwKz4", "never part of a value"),
            ("ci@acme.example", "e-mail address"),
            ("ATATT3xFfGF0abc", "API token"),
            ("'ATCTT3xFfGN0abc'", "access token"),
            ("ATBBabc", "app password"),
            (&format!("{KEY}:{SECRET}"), "key:secret"),
            (&header, "key:secret"),
            ("https://bitbucket.org/acme", "is an address"),
            ("BITBUCKET_OAUTH_CLIENT_SECRET", "the name of a variable"),
            ("BITBUCKET_OAUTH_CLIENT_SECRET=abc", "the name of a variable"),
            ("<string>", "placeholder"),
        ] {
            let ConsumerDefect { found, remedy } = defect(text).unwrap_or_else(|| panic!("{text:?}"));
            assert!(found.contains(part), "{text:?}: {found}");
            assert!(
                !found.contains("a token") && !remedy.contains("the token"),
                "{text:?}: {found} {remedy}"
            );
            assert!(!found.contains(SECRET) && !remedy.contains(SECRET), "{text:?}: {found} {remedy}");
        }
        for text in [KEY, SECRET] {
            assert_eq!(defect(text), None, "{text}");
        }
    }

    #[test]
    fn an_unusual_length_is_recognised() {
        assert_eq!((oddity_of_key(KEY, SECRET), oddity_of_secret(SECRET)), (None, None));
        assert!(oddity_of_key(SECRET, KEY).unwrap().contains("swapped"));
        assert!(oddity_of_key("gatepost", SECRET).unwrap().contains("the name of the consumer"));
        assert!(oddity_of_secret(&SECRET[..20]).unwrap().contains("its end may be missing"));
    }
}
