//! The envelopes in which services put their words: `{"error": {"message", "detail"}}`, `{"code", "message"}`,
//! `{"errors": [...]}`, plain text, HTML, or nothing. Nothing here fails: whatever comes is read as far as it goes.

use std::fmt::Write;

use serde_json::Value;

use crate::{
    console::text::{fit, one_line},
    http::transport::Answer,
};

/// How much of a service's text is repeated.
const WORDS_MAX_CHARS: usize = 300;

/// The service's words as they are shown, whatever envelope they come in.
pub fn words(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    let text = text.trim();
    if text.is_empty() {
        return "without words".to_owned();
    }
    if let Some(message) = message(answer) {
        return format!("\"{}\"", fit(&one_line(&message), WORDS_MAX_CHARS));
    }
    if is_html(answer) {
        return match title(text) {
            Some(title) => {
                format!("an HTML page with the title \"{}\"", fit(&one_line(title), WORDS_MAX_CHARS))
            }
            None => "an HTML page".to_owned(),
        };
    }
    format!("\"{}\"", fit(&one_line(text), WORDS_MAX_CHARS))
}

/// What the service says, in whatever envelope, uncut; empty when it says nothing.
pub fn said(answer: &Answer) -> String {
    message(answer).unwrap_or_else(|| String::from_utf8_lossy(&answer.body).trim().to_owned())
}

/// Whether nothing was said.
pub fn is_empty(answer: &Answer) -> bool {
    answer.body.iter().all(u8::is_ascii_whitespace)
}

/// Whether a page was sent, as proxies, login pages and other servers do; the API sends none.
pub fn is_html(answer: &Answer) -> bool {
    answer.body.trim_ascii_start().starts_with(b"<")
}

/// Whether the envelope is Bitbucket Data Center's: `{"errors": [{"context", "message", "exceptionName"}]}`.
/// <https://developer.atlassian.com/server/bitbucket/rest/v910/intro/#errors-and-validation>
///
/// What has no address there is answered by its framework: `{"message", "status-code"}`.
pub fn is_data_centers(answer: &Answer) -> bool {
    json(answer).is_some_and(|body| {
        body.pointer("/errors/0/exceptionName").is_some() || body.get("status-code").is_some()
    })
}

/// Where Bitbucket tells more about what it removed.
pub fn announcement(answer: &Answer) -> Option<String> {
    let body = json(answer)?;
    let url =
        body.pointer("/error/data/announcement_url").or_else(|| body.pointer("/data/announcement_url"))?;
    Some(fit(&one_line(url.as_str()?), WORDS_MAX_CHARS))
}

/// What is wrong with a field of the request: `{"error": {"fields": {"key": ["..."]}}}`, or a message that begins
/// with the field's name.
pub fn field(answer: &Answer, name: &str) -> Option<String> {
    let in_fields = |body: Value| {
        let texts = body.pointer("/error/fields")?.get(name)?.to_string();
        Some(texts)
    };
    json(answer).and_then(in_fields).or_else(|| {
        let said = said(answer);
        said.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned)
    })
}

/// Whether it is an error in the envelope of Bitbucket's API, and not somebody else's.
pub fn is_bitbuckets(answer: &Answer) -> bool {
    json(answer).is_some_and(|body| body.pointer("/error/message").is_some_and(Value::is_string))
}

/// The body as JSON, when it is JSON.
pub fn json(answer: &Answer) -> Option<Value> {
    serde_json::from_slice(answer.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&answer.body)).ok()
}

/// What the service says, uncut.
pub fn message(answer: &Answer) -> Option<String> {
    let body = &json(answer)?;
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
    use reqwest::{StatusCode, header::HeaderMap};

    use super::*;

    fn answer(body: &str) -> Answer {
        Answer { status: StatusCode::BAD_REQUEST, headers: HeaderMap::new(), body: body.into(), cut: false }
    }

    #[test]
    fn every_envelope_is_read() {
        for (body, expected) in [
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
            ("<html>", "an HTML page"),
            ("", "without words"),
            ("[1]", r#""[1]""#),
        ] {
            assert_eq!(words(&answer(body)), expected, "{body}");
        }
    }
}
