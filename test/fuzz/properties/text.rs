//! Text of others on the console.

use super::{Log, page};
use crate::{
    console::{
        foreign::shown,
        text::{one_line, words_of_html},
    },
    http::body::Body,
};

/// A secret in the first line, and a text in the others; `§` in the text stands for the secret, and `§%` for its
/// bytes as `%41`. What is printed has no part of the secret, and no character that forges text. Nor has the page of a run, on
/// which markup is text.
pub fn foreign_text(text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    let (secret, text) = text.split_once('\n').unwrap_or(("", &text));
    let numbers: Vec<String> = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let text = text.replace("§%", &numbers.concat()).replace('§', secret);
    let log = Log::new(&[secret]);

    log.console.failed(&text);
    log.console.details("why", &text);
    log.console.line(words_of_html(&text));
    log.console.line(shown(&text));
    let printed = log.page.0.take();
    for line in String::from_utf8_lossy(&printed).lines() {
        log.check(line);
    }

    let short = shown(&text);
    assert!(short.chars().count() <= 83, "{short}");
    for line in [short, one_line(&text), words_of_html(&text)] {
        assert_eq!(one_line(&line).contains('\n'), line.contains('\n'), "{line:?}");
        assert!(!line.contains(char::is_control), "{line:?}");
    }

    page::check(secret, &text);
    let body = Body::new(text.into_bytes(), false).cleaned(|text| log.console.without_secrets(text));
    for text in [body.words(), body.title().unwrap_or_default()] {
        log.check(&text);
    }
    // The words of Gatepost beside it may be those of the secret: the console hides them.
    log.console.line(body.shown());
    log.read();
    assert!(body.shown().chars().count() <= 350, "{}", body.shown());
}
