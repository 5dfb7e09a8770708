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

/// What is unusual about a key and a secret, to complete "the key ...".
pub(crate) fn oddity(key: &str, secret: &str) -> Option<&'static str> {
    // Keys that were seen have 18 or 32 characters, and secrets more.
    (key.len() > secret.len()).then_some("is longer than the secret: the two may be swapped")
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
    fn a_key_that_is_longer_than_the_secret_may_be_the_secret() {
        assert_eq!(oddity(KEY, SECRET), None);
        assert!(oddity(SECRET, KEY).unwrap().contains("swapped"));
    }
}
