//! A request as the service sees it, and its answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Bytes;
use hyper::{HeaderMap, Method, Uri, header};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// One request, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) scheme: &'static str,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    /// The header's value; bytes that are no UTF-8 are replaced, so that a broken header is not taken for a
    /// missing one.
    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> Option<String> {
        let value = self.headers.get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// The secret that the request carries: what follows `Bearer`, or the password of `Basic`.
    pub(crate) fn secret(&self) -> Option<String> {
        let authorization = self.header(header::AUTHORIZATION)?;
        let (scheme, value) = authorization.split_once(' ')?;
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" => Some(value.trim().to_owned()),
            "basic" => Some(user_and_secret(value.trim())?.1),
            _ => None,
        }
    }

    /// The host as the client named it, port included.
    pub(crate) fn host(&self) -> String {
        let authority = self.uri.authority().map(ToString::to_string);
        authority.or_else(|| self.header(header::HOST)).unwrap_or_default()
    }

    /// Path and query as received.
    pub(crate) fn path_and_query(&self) -> &str {
        self.uri.path_and_query().map_or("/", |target| target.as_str())
    }

    /// The path's segments, decoded. A trailing slash makes no difference: Atlassian's own examples post to
    /// `statuses/build/`.
    pub(crate) fn segments(&self) -> Vec<String> {
        let path = self.uri.path().trim_matches('/');
        path.split('/').map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned()).collect()
    }

    /// The first value of a query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let query = self.uri.query().unwrap_or_default();
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// Where the service is, from the client's point of view.
    pub(crate) fn base(&self) -> String {
        format!("{}://{}/2.0", self.scheme, self.host())
    }
}

/// What `Basic` carries.
pub(crate) fn user_and_secret(value: &str) -> Option<(String, String)> {
    let pair = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    let (user, secret) = pair.split_once(':')?;
    Some((user.to_owned(), secret.to_owned()))
}

/// What the service answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: Vec::new(), body: body.to_string().into_bytes() }
            .with("content-type", "application/json")
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
            .with("content-type", "text/plain")
    }

    pub(crate) fn html(status: u16, page: &str) -> Self {
        Self { status, headers: Vec::new(), body: page.as_bytes().to_vec() }.with("content-type", "text/html")
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// The body after a byte order mark of UTF-8.
    pub(crate) fn after_mark(mut self) -> Self {
        self.body.splice(..0, *b"\xef\xbb\xbf");
        self
    }

    /// The same answer with other values in its JSON.
    pub(crate) fn altered(mut self, changes: &Value) -> Self {
        if let Ok(mut body) = serde_json::from_slice(&self.body) {
            alter(&mut body, changes);
            self.body = body.to_string().into_bytes();
        }
        self
    }

    /// The same answer, compressed.
    pub(crate) fn compressed(mut self) -> Self {
        self.body = gzip(&self.body);
        self.with("content-encoding", "gzip")
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

fn alter(value: &mut Value, changes: &Value) {
    match (value, changes) {
        (Value::Object(fields), Value::Object(changes)) => {
            for (name, change) in changes {
                alter(fields.entry(name).or_insert(Value::Null), change);
            }
        }
        (value, change) => value.clone_from(change),
    }
}

/// The format of <https://www.rfc-editor.org/rfc/rfc1952>, with the content as it is in blocks that are stored:
/// <https://www.rfc-editor.org/rfc/rfc1951#section-3.2.4>.
fn gzip(content: &[u8]) -> Vec<u8> {
    const BLOCK_MAX_BYTES: usize = 0xffff;
    // Magic number, deflate, no flags, no time, no hint, unknown system.
    let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let last = content.len().saturating_sub(1) / BLOCK_MAX_BYTES;
    for number in 0..=last {
        let rest = &content[number * BLOCK_MAX_BYTES..];
        let block = &rest[..rest.len().min(BLOCK_MAX_BYTES)];
        let length = u16::try_from(block.len()).expect("a block is no longer than that");
        member.push(u8::from(number == last));
        member.extend(length.to_le_bytes());
        member.extend((!length).to_le_bytes());
        member.extend(block);
    }
    member.extend(crc32(content).to_le_bytes());
    // The length counts modulo 2^32.
    let length = u32::try_from(content.len() & 0xffff_ffff).expect("only 32 bits are left");
    member.extend(length.to_le_bytes());
    member
}

fn crc32(content: &[u8]) -> u32 {
    !content.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| sum >> 1 ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}
