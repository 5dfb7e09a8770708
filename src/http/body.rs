//! The body of a response: parsed once, and read whatever its format is.
//!
//! Services put their words in `{"error": {"message", "detail"}}`, `{"code", "message"}`, `{"errors": [...]}`, plain
//! text or HTML. Nothing here fails: a body is read as far as it goes.

use std::{borrow::Cow, cell::OnceCell, fmt::Write};

use serde::Deserialize;
use serde_json::Value;

use crate::console::text::{fit, one_line, words_of_html};

/// How much of a service's text is repeated.
const SHOWN_MAX_CHARS: usize = 300;

/// A longer title of a page is cut.
const TITLE_MAX_CHARS: usize = 80;

/// The body of a response, at most 1 MiB of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Body {
    bytes: Vec<u8>,
    is_truncated: bool,
    json: OnceCell<Option<Value>>,
    /// The service's words, without HTML.
    words: OnceCell<String>,
    /// The title of a page, without HTML.
    title: OnceCell<Option<String>>,
}

impl Body {
    /// A body; `is_truncated` when the service sent more than these bytes.
    pub(crate) fn new(bytes: Vec<u8>, is_truncated: bool) -> Self {
        Self { bytes, is_truncated, ..Self::default() }
    }

    /// The number of bytes that were read.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether the service sent more than was read.
    pub(crate) const fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// Whether it holds nothing but white space.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.iter().all(u8::is_ascii_whitespace)
    }

    /// Whether it is no text: compressed, an image, or another protocol.
    fn is_binary(&self) -> bool {
        let is_control = |byte: &u8| byte.is_ascii_control() && !b"\t\n\r\x08\x0c\x1b".contains(byte);
        self.bytes.iter().take(1024).any(is_control)
    }

    /// Whether it is a page, as proxies, login pages and other servers send. The APIs send none.
    pub(crate) fn is_html(&self) -> bool {
        self.bytes.trim_ascii_start().starts_with(b"<")
    }

    /// What a page without a title is, in words.
    pub(crate) fn kind_of_page(&self) -> &'static str {
        if self.bytes.trim_ascii_start().starts_with(b"<?xml") { "an XML document" } else { "an HTML page" }
    }

    /// Whether its bytes are text. Others become text when secrets are taken out of them.
    pub(crate) fn is_text(&self) -> bool {
        str::from_utf8(&self.bytes).is_ok()
    }

    /// The body as JSON, parsed at the first call.
    pub(crate) fn json(&self) -> Option<&Value> {
        self.json.get_or_init(|| serde_json::from_slice(self.without_mark()).ok()).as_ref()
    }

    /// The object of JSON as this type; `None` when it is another value or lacks a field of the type.
    pub(crate) fn read<'b, T: Deserialize<'b>>(&'b self) -> Option<T> {
        // In fields that nobody asks for, the parser of bytes accepts what is no text.
        let text = str::from_utf8(self.without_mark()).ok()?;
        serde_json::from_str(Some(text).filter(|text| text.trim_ascii_start().starts_with('{'))?).ok()
    }

    /// The bytes without a byte order mark.
    fn without_mark(&self) -> &[u8] {
        self.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.bytes)
    }

    /// The body as text.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// The same body after `clean` took the secrets out of its text.
    ///
    /// JSON may write a letter as a number or after a backslash, and HTML as an entity or with tags between letters;
    /// `clean` would not find a secret that is written so.
    pub(crate) fn cleaned(&self, clean: impl Fn(&str) -> String) -> Self {
        let mut text = self.text();
        if text.contains('\\')
            && let Some(json) = self.json()
        {
            text = json.to_string().into();
        }
        let cleaned = Self::new(clean(&text).into_bytes(), self.is_truncated);
        let title = cleaned.read_title().map(|title| clean(&title)).into();
        let has_other_words = cleaned.is_html() || cleaned.message().is_some() || cleaned.json().is_none();
        let words = if has_other_words { clean(&cleaned.read_words()).into() } else { OnceCell::new() };
        Self { words, title, ..cleaned }
    }

    /// The service's words in full, on one line; the whole text when they have no known format.
    pub(crate) fn words(&self) -> String {
        self.known_words().to_owned()
    }

    fn known_words(&self) -> &str {
        self.words.get_or_init(|| self.read_words())
    }

    fn read_words(&self) -> String {
        match (self.message(), self.json()) {
            (Some(message), _) => words_of_html(&message),
            (None, Some(_)) => one_line(&self.text()),
            (None, None) => words_of_html(&self.text()),
        }
    }

    /// The service's words as the log shows them: quoted, cut.
    pub(crate) fn shown(&self) -> String {
        let quoted = |text: &str| format!("\"{}\"", fit(text, SHOWN_MAX_CHARS));
        if self.is_empty() {
            return "an empty body".to_owned();
        }
        if self.is_binary() {
            return "a body that is not text".to_owned();
        }
        if !self.is_html() {
            return quoted(self.known_words());
        }
        match self.whole_title() {
            Some(title) => format!("an HTML page with the title {}", quoted(title)),
            None => self.kind_of_page().to_owned(),
        }
    }

    /// The title of a page, cut.
    pub(crate) fn title(&self) -> Option<String> {
        self.whole_title().map(|title| fit(title, TITLE_MAX_CHARS))
    }

    fn whole_title(&self) -> Option<&str> {
        self.title.get_or_init(|| self.read_title()).as_deref()
    }

    fn read_title(&self) -> Option<String> {
        Some(words_of_html(title(&self.text())?)).filter(|title| !title.is_empty())
    }

    /// The message of a body in one of the known formats.
    fn message(&self) -> Option<String> {
        let body = self.json()?;
        // SonarQube says `{"errors": [{"msg": "..."}]}`, Data Center `{"errors": [{"message": "..."}]}`.
        if let Some(errors) = body.get("errors").and_then(Value::as_array) {
            let text =
                |error: &Value| Some(error.get("msg").or_else(|| error.get("message"))?.as_str()?.to_owned());
            let texts: Vec<String> = errors.iter().filter_map(text).collect();
            return (!texts.is_empty()).then(|| texts.join(" "));
        }
        let error = body.get("error").unwrap_or(body);
        // OAuth says `{"error": "...", "error_description": "..."}`.
        let message = error.as_str().or_else(|| error.get("message")?.as_str())?;
        let mut message = message.to_owned();
        match error.get("detail").or_else(|| body.get("error_description")) {
            Some(Value::String(detail)) => {
                message.push_str(if message.ends_with(['.', '!', '?', ':', ';']) { " " } else { ": " });
                message.push_str(detail);
            }
            Some(detail @ Value::Object(_)) => {
                for list in ["required", "granted"] {
                    if let Some(scopes) = detail.get(list).and_then(Value::as_array) {
                        let scopes: Vec<&str> = scopes.iter().filter_map(Value::as_str).collect();
                        let _ = write!(message, " ({list}: {})", scopes.join(", "));
                    }
                }
            }
            _ => {}
        }
        // What is wrong with a field; an older message says only "Bad request".
        for (field, texts) in error.get("fields").and_then(Value::as_object).into_iter().flatten() {
            for text in texts.as_array().into_iter().flatten().filter_map(Value::as_str) {
                if !message.contains(text) {
                    let _ = write!(message, " {field}: {text}");
                }
            }
        }
        Some(message)
    }
}

fn title(html: &str) -> Option<&str> {
    // The lower-case copy has the same offsets: ASCII only is changed.
    let lower = html.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    Some(&html[start..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Body {
        Body::new(text.into(), false)
    }

    #[test]
    fn every_envelope_is_read() {
        for (text, expected) in [
            (r#"{"type":"error","error":{"message":"No."}}"#, r#""No.""#),
            (r#"{"error":{"message":"No.","detail":"Really."}}"#, r#""No. Really.""#),
            (
                r#"{"error":{"message":"No.","detail":{"required":["a"],"granted":["b","c"]}}}"#,
                r#""No. (required: a) (granted: b, c)""#,
            ),
            (r#"{"code":400,"message":"No."}"#, r#""No.""#),
            (r#"{"errors":[{"msg":"No."},{"msg":"Never."}]}"#, r#""No. Never.""#),
            (r#"{"errors":[{"context":null,"message":"No.","exceptionName":null}]}"#, r#""No.""#),
            (r#"{"error":"invalid","error_description":"Gone."}"#, r#""invalid: Gone.""#),
            (
                r#"{"error":{"message":"Bad request","fields":{"key":["Too long."],"url":["Bad."]}}}"#,
                r#""Bad request key: Too long. url: Bad.""#,
            ),
            (
                r#"{"error":{"message":"key: Too long.","fields":{"key":["Too long."]}}}"#,
                r#""key: Too long.""#,
            ),
            ("Rate limit\n exceeded", r#""Rate limit exceeded""#),
            ("<html><TITLE>Sign in</TITLE></html>", r#"an HTML page with the title "Sign in""#),
            (r#"{"errors":[{"msg":"<b>Can&#39;t</b> read<br>&lt;T&gt;"}]}"#, r#""Can't read <T>""#),
            (
                "<title>Sign in &ndash; <b>Acme</b> &amp; Co</title>",
                r#"an HTML page with the title "Sign in – Acme & Co""#,
            ),
            ("<title> </title>", "an HTML page"),
            ("R&amp;D: <b>no</b>", r#""R&D: no""#),
            (r#"{"a":"<b>&amp;"}"#, r#""{"a":"<b>&amp;"}""#),
            ("<html>", "an HTML page"),
            ("<?xml version=\"1.0\"?><task/>", "an XML document"),
            ("", "an empty body"),
            ("[1]", r#""[1]""#),
            ("\u{1f}\u{8b}\u{8}\0abc", "a body that is not text"),
        ] {
            assert_eq!(body(text).shown(), expected, "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_known_before_they_are_cleaned() {
        #[derive(Deserialize)]
        struct Status {
            #[serde(rename = "status")]
            _status: String,
        }
        let damaged = Body::new(b"{\"status\":\"OK\",\"a\":\"\xf3\"}".to_vec(), false);
        assert!(!damaged.is_text() && damaged.json().is_none());
        assert!(damaged.read::<Status>().is_none() && body("{\"status\":\"OK\"}").read::<Status>().is_some());
        assert!(damaged.cleaned(str::to_owned).json().is_some() && body("é").is_text());
    }

    #[test]
    fn a_secret_that_html_takes_apart_is_cleaned() {
        let clean = |text: &str| text.replace("s3cret", "***");
        for text in [
            r#"{"errors":[{"msg":"a s3<b></b>cret"}]}"#,
            r#"{"errors":[{"msg":"a s3&#99;ret"}]}"#,
            r#"{"errors":[{"msg":"a s3cr\u0065t"}]}"#,
            "a s3c&#114;et",
        ] {
            assert_eq!(body(text).cleaned(clean).shown(), r#""a ***""#, "{text}");
            assert_eq!(body(text).cleaned(clean).words(), "a ***", "{text}");
        }
        let page = body("<title>s3&#x63;ret</title><p>a s3<b></b>cret").cleaned(clean);
        assert_eq!(page.title().as_deref(), Some("***"));
        assert_eq!(page.words(), "*** a ***");
    }
}
