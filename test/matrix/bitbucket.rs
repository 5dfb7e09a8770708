//! Rows about Bitbucket: statuses, lookups, reports.

use super::{
    Again::{Few, No, Silent, UntilTimeout, Yes},
    End::{Delivered, NotKnown, NotKnownButStands, NotPosted, StoppedOver, WithoutReport},
    Group,
    How::{self, Address, Answers, HttpToHttps},
    Place::{self, Annotations, Lookup, Pending, Report, Status, StatusAfterLookup},
    Row,
    Times::{Always, Once},
    row::{BROKE, SILENT, always, answers, is_final, once},
    wire::{End as Then, Sent},
};

/// A temporary failure that the service tells, once.
const fn temporary(fault: &'static str, status: u16, told: &'static str) -> Row {
    Row { fault, place: Status, how: answers(status), again: Yes, end: Delivered, told }
}

/// An answer that HTTP does not allow, to each attempt.
const fn damaged(fault: &'static str, change: fn(&str, &str) -> String, told: &'static str) -> Row {
    let how = always(Sent::Changed(change), Then::Close);
    Row { fault, place: Status, how, again: UntilTimeout, end: NotKnownButStands, told }
}

/// What a server answers that knows HTTP/2 only: SETTINGS, then GOAWAY with `PROTOCOL_ERROR`. RFC 9113, section 3.4.
const HTTP_2_ONLY: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// The answer in chunks, RFC 9112, section 7.1.
fn in_chunks(head: &str, body: &str) -> String {
    let head = chunked(head);
    let (first, second) = body.split_at(body.len() / 2);
    format!("{head}{:x}\r\n{first}\r\n{:x};a=b\r\n{second}\r\n0\r\n\r\n", first.len(), second.len())
}

/// The last chunk, of length 0, is missing.
fn without_the_last_chunk(head: &str, body: &str) -> String {
    format!("{}{:x}\r\n{body}\r\n", chunked(head), body.len())
}

fn with_a_chunk_length_that_is_no_number(head: &str, body: &str) -> String {
    format!("{}zz\r\n{body}\r\n0\r\n\r\n", chunked(head))
}

fn with_a_chunk_that_is_longer_than_it_says(head: &str, body: &str) -> String {
    format!("{}{:x}\r\n{body}\r\n0\r\n\r\n", chunked(head), body.len() - 3)
}

/// The head with `transfer-encoding` in place of `content-length`.
fn chunked(head: &str) -> String {
    with_length(head, "transfer-encoding: chunked")
}

/// The head with another line in place of `content-length`.
fn with_length(head: &str, line: &str) -> String {
    let other = |known: &&str| !known.to_ascii_lowercase().starts_with("content-length:");
    let lines: Vec<&str> = head.trim_end().lines().filter(other).chain([line]).collect();
    lines.join("\r\n") + "\r\n\r\n"
}

fn too_long_a_length(head: &str, body: &str) -> String {
    with_length(head, &format!("content-length: {}", body.len() + 1)) + body
}

fn too_short_a_length(head: &str, body: &str) -> String {
    with_length(head, &format!("content-length: {}", body.len() - 1)) + body
}

fn two_lengths(head: &str, body: &str) -> String {
    with_length(head, &format!("content-length: {}\r\ncontent-length: {}", body.len(), body.len() + 1)) + body
}

fn a_length_that_is_no_number(head: &str, body: &str) -> String {
    with_length(head, "content-length: many") + body
}

/// Without a length, the end of the connection is the end of the body. RFC 9112, section 6.3.
fn no_length(head: &str, body: &str) -> String {
    with_length(head, "connection: close") + body
}

/// RFC 9110, section 15.2: a client takes any number of these before the answer.
fn after_interim_answers(head: &str, body: &str) -> String {
    format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n{head}{body}")
}

fn with_a_second_answer(head: &str, body: &str) -> String {
    format!("{head}{body}{head}{body}")
}

fn with_a_long_header(head: &str, body: &str) -> String {
    with_length(head, &format!("x-long: {}\r\ncontent-length: {}", "a".repeat(1024 * 1024), body.len()))
        + body
}

fn with_many_headers(head: &str, body: &str) -> String {
    let many = "x-many: a\r\n".repeat(200);
    with_length(head, &format!("{many}content-length: {}", body.len())) + body
}

pub(super) fn of_two_mebibytes(head: &str, _: &str) -> String {
    with_length(head, &format!("content-length: {}", 2 * 1024 * 1024)) + &".".repeat(2 * 1024 * 1024)
}

fn after_white_space(head: &str, body: &str) -> String {
    with_length(head, &format!("content-length: {}", body.len() + 4)) + " \r\n\t" + body
}

pub(super) const STATUS: Group = Group {
    name: "status",
    rows: &[
        Row {
            fault: "refused",
            place: Status,
            how: Address("http://127.0.0.1:1"),
            again: UntilTimeout,
            end: NotPosted,
            told: "no connection (Connection refused)",
        },
        Row {
            fault: "unreachable network",
            place: Status,
            how: Address("https://255.255.255.255"),
            again: UntilTimeout,
            end: NotPosted,
            told: "no connection (Network is unreachable)",
        },
        Row {
            fault: "host name that does not exist",
            place: Status,
            how: Address("https://no-such-host.invalid"),
            again: Few,
            end: NotPosted,
            told: "the name server of this machine does not know no-such-host.invalid",
        },
        Row {
            fault: "closed at connect, once",
            place: Status,
            how: once(Sent::Unread, Then::Close),
            again: Yes,
            end: Delivered,
            told: BROKE,
        },
        Row {
            fault: "closed at connect, always",
            place: Status,
            how: always(Sent::Unread, Then::Close),
            again: UntilTimeout,
            end: NotKnown,
            told: BROKE,
        },
        Row {
            fault: "reset at connect, once",
            place: Status,
            how: once(Sent::Unread, Then::Reset),
            again: Yes,
            end: Delivered,
            told: BROKE,
        },
        Row {
            fault: "stall at connect",
            place: Status,
            how: always(Sent::Unread, Then::Stall),
            again: Silent,
            end: NotKnown,
            told: SILENT,
        },
        Row {
            fault: "reset before the head, without effect",
            place: Status,
            how: once(Sent::Lost, Then::Reset),
            again: Yes,
            end: Delivered,
            told: "Connection reset by peer",
        },
        Row {
            fault: "closed before the head, after the effect, once",
            place: Status,
            how: once(Sent::Nothing, Then::Close),
            again: Yes,
            end: Delivered,
            told: BROKE,
        },
        Row {
            fault: "closed before the head, after the effect, always",
            place: Status,
            how: always(Sent::Nothing, Then::Close),
            again: UntilTimeout,
            end: NotKnownButStands,
            told: BROKE,
        },
        Row {
            fault: "stall before the head, without effect",
            place: Status,
            how: always(Sent::Lost, Then::Stall),
            again: Silent,
            end: NotKnown,
            told: SILENT,
        },
        Row {
            fault: "stall before the head, after the effect",
            place: Status,
            how: always(Sent::Nothing, Then::Stall),
            again: Silent,
            end: NotKnownButStands,
            told: SILENT,
        },
        Row {
            fault: "reset inside the head",
            place: Status,
            how: once(Sent::HalfHead, Then::Reset),
            again: Yes,
            end: Delivered,
            told: BROKE,
        },
        Row {
            fault: "closed inside the head",
            place: Status,
            how: once(Sent::HalfHead, Then::Close),
            again: Yes,
            end: Delivered,
            told: BROKE,
        },
        Row {
            fault: "stall inside the head",
            place: Status,
            how: always(Sent::HalfHead, Then::Stall),
            again: Silent,
            end: NotKnownButStands,
            told: SILENT,
        },
        Row {
            fault: "stall after the head",
            place: Status,
            how: always(Sent::Head, Then::Stall),
            again: Silent,
            end: NotKnownButStands,
            told: SILENT,
        },
        Row {
            fault: "reset inside the body",
            place: Status,
            how: once(Sent::HalfBody, Then::Reset),
            again: Yes,
            end: Delivered,
            told: BROKE,
        },
        Row {
            fault: "truncated body, then closed",
            place: Status,
            how: once(Sent::HalfBody, Then::Close),
            again: Yes,
            end: Delivered,
            told: BROKE,
        },
        Row {
            fault: "stall inside the body",
            place: Status,
            how: always(Sent::HalfBody, Then::Stall),
            again: Silent,
            end: NotKnownButStands,
            told: SILENT,
        },
        Row {
            fault: "one byte a second",
            place: Status,
            how: always(Sent::Whole, Then::ByteASecond),
            again: Silent,
            end: NotKnownButStands,
            told: SILENT,
        },
        is_final("byte by byte, quickly", Status, always(Sent::Whole, Then::ByteByByte), Delivered, ""),
        is_final("closed after the answer", Status, always(Sent::Whole, Then::Close), Delivered, ""),
        Row {
            fault: "content-length too long, then closed",
            place: Status,
            how: once(Sent::Changed(too_long_a_length), Then::Close),
            again: Yes,
            end: Delivered,
            told: BROKE,
        },
        Row {
            fault: "content-length too long, then stall",
            place: Status,
            how: always(Sent::Changed(too_long_a_length), Then::Stall),
            again: Silent,
            end: NotKnownButStands,
            told: SILENT,
        },
        is_final(
            "content-length too short",
            Status,
            always(Sent::Changed(too_short_a_length), Then::Close),
            NotKnownButStands,
            "but the answer is not JSON",
        ),
        damaged("two different content-lengths", two_lengths, "invalid content-length parsed"),
        damaged(
            "content-length that is no number",
            a_length_that_is_no_number,
            "invalid content-length parsed",
        ),
        is_final(
            "no content-length, then closed",
            Status,
            always(Sent::Changed(no_length), Then::Close),
            Delivered,
            "",
        ),
        is_final("in chunks", Status, always(Sent::Changed(in_chunks), Then::Keep), Delivered, ""),
        Row {
            fault: "last chunk missing, then closed",
            place: Status,
            how: once(Sent::Changed(without_the_last_chunk), Then::Close),
            again: Yes,
            end: Delivered,
            told: BROKE,
        },
        Row {
            fault: "length of a chunk that is no number",
            place: Status,
            how: once(Sent::Changed(with_a_chunk_length_that_is_no_number), Then::Close),
            again: Yes,
            end: Delivered,
            told: BROKE,
        },
        Row {
            fault: "chunk longer than it says",
            place: Status,
            how: once(Sent::Changed(with_a_chunk_that_is_longer_than_it_says), Then::Close),
            again: Yes,
            end: Delivered,
            told: BROKE,
        },
        is_final(
            "100 and 103 before the answer",
            Status,
            always(Sent::Changed(after_interim_answers), Then::Keep),
            Delivered,
            "",
        ),
        Row {
            fault: "101 Switching Protocols",
            place: Status,
            how: always(
                Sent::Instead(
                    b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
                ),
                Then::Close,
            ),
            again: No,
            end: NotPosted,
            told: "Bitbucket answered 101 Switching Protocols",
        },
        is_final(
            "two answers to one request",
            Status,
            always(Sent::Changed(with_a_second_answer), Then::Keep),
            Delivered,
            "",
        ),
        damaged("header of 1 MiB", with_a_long_header, "message head is too large"),
        damaged("200 headers", with_many_headers, "message head is too large"),
        is_final(
            "overlong body: 2 MiB of text",
            Status,
            always(Sent::Changed(of_two_mebibytes), Then::Close),
            NotKnownButStands,
            "the answer is longer than 1 MiB",
        ),
        is_final(
            "white space before the JSON",
            Status,
            always(Sent::Changed(after_white_space), Then::Keep),
            Delivered,
            "",
        ),
        is_final(
            "garbage instead of HTTP",
            Status,
            always(Sent::Instead(b"SSH-2.0-OpenSSH_9.2\r\n\0\xff"), Then::Close),
            NotKnown,
            "answers something else than HTTP/1.1",
        ),
        is_final(
            "HTTP/2 without being asked",
            Status,
            always(Sent::Instead(HTTP_2_ONLY), Then::Close),
            NotKnown,
            "it knows HTTP/2 only",
        ),
        is_final(
            "http to the port for https",
            Status,
            HttpToHttps,
            NotPosted,
            "The plain HTTP request was sent to HTTPS port",
        ),
        Row {
            fault: "redirect to another host",
            place: Status,
            how: Answers(302, &[("location", "http://localhost:1/elsewhere")], "", Always),
            again: No,
            end: NotPosted,
            told: "Gatepost does not follow",
        },
        Row {
            fault: "permanent redirect to itself",
            place: Status,
            how: Answers(308, &[("location", "?")], "", Always),
            again: No,
            end: NotPosted,
            told: "Bitbucket answered 308 Permanent Redirect",
        },
        is_final(
            "300 without an address",
            Status,
            answers(300),
            NotPosted,
            "Bitbucket answered 300 Multiple Choices",
        ),
        is_final("304 Not Modified", Status, answers(304), NotPosted, "Bitbucket answered 304 Not Modified"),
        is_final(
            "200 with a login page",
            Status,
            Answers(200, &[], "<title>Sign in</title>", Once),
            NotKnown,
            "\"Sign in\", but the answer is not JSON",
        ),
        is_final(
            "200 with another object",
            Status,
            Answers(200, &[], "{\"type\":\"repository\"}", Once),
            NotKnown,
            "but the answer is not a status",
        ),
        is_final("200 without a body", Status, Answers(200, &[], "", Once), NotKnown, "an empty body"),
        is_final("202 Accepted", Status, answers(202), NotKnown, "Bitbucket answered 202 Accepted"),
        is_final("400 Bad Request", Status, answers(400), NotPosted, "Bitbucket answered 400 Bad Request"),
        is_final("401 Unauthorized", Status, answers(401), NotPosted, "Bitbucket answered 401 Unauthorized"),
        is_final(
            "402 Payment Required",
            Status,
            answers(402),
            NotPosted,
            "Bitbucket answered 402 Payment Required",
        ),
        is_final("403 Forbidden", Status, answers(403), NotPosted, "Bitbucket answered 403 Forbidden"),
        is_final("404 Not Found", Status, answers(404), NotPosted, "Bitbucket answered 404 Not Found"),
        is_final(
            "405 Method Not Allowed",
            Status,
            answers(405),
            NotPosted,
            "Bitbucket answered 405 Method Not Allowed",
        ),
        is_final("407 without a proxy", Status, answers(407), NotPosted, "407 Proxy Authentication Required"),
        is_final("410 Gone", Status, answers(410), NotPosted, "Bitbucket answered 410 Gone"),
        is_final(
            "411 Length Required",
            Status,
            answers(411),
            NotPosted,
            "Bitbucket answered 411 Length Required",
        ),
        is_final(
            "413 Payload Too Large",
            Status,
            answers(413),
            NotPosted,
            "Bitbucket answered 413 Payload Too Large",
        ),
        is_final(
            "415 Unsupported Media Type",
            Status,
            answers(415),
            NotPosted,
            "Bitbucket answered 415 Unsupported Media Type",
        ),
        is_final(
            "421 Misdirected Request",
            Status,
            answers(421),
            NotPosted,
            "Bitbucket answered 421 Misdirected Request",
        ),
        is_final(
            "422 Unprocessable Entity",
            Status,
            answers(422),
            NotPosted,
            "Bitbucket answered 422 Unprocessable Entity",
        ),
        is_final(
            "431 Request Header Fields Too Large",
            Status,
            answers(431),
            NotPosted,
            "Bitbucket answered 431",
        ),
        is_final(
            "451 Unavailable For Legal Reasons",
            Status,
            answers(451),
            NotPosted,
            "Bitbucket answered 451",
        ),
        is_final("499, which has no name", Status, answers(499), NotPosted, "Bitbucket answered 499"),
        is_final("a status code of 999", Status, answers(999), NotPosted, "Bitbucket answered 999"),
        temporary("408 Request Timeout", 408, "Bitbucket answered 408 Request Timeout; trying again"),
        temporary("409 Conflict", 409, "Bitbucket answered 409 Conflict; trying again"),
        temporary("425 Too Early", 425, "Bitbucket answered 425 Too Early; trying again"),
        temporary("429 without a time", 429, "Bitbucket answered 429 Too Many Requests; trying again"),
        temporary(
            "500 Internal Server Error",
            500,
            "Bitbucket answered 500 Internal Server Error; trying again",
        ),
        temporary("501 Not Implemented", 501, "Bitbucket answered 501 Not Implemented; trying again"),
        temporary("502 Bad Gateway", 502, "Bitbucket answered 502 Bad Gateway; trying again"),
        temporary(
            "503 Service Unavailable, once",
            503,
            "Bitbucket answered 503 Service Unavailable; trying again",
        ),
        temporary("504 Gateway Timeout", 504, "Bitbucket answered 504 Gateway Timeout; trying again"),
        temporary("520 of a network before it", 520, "Web Server Returns an Unknown Error; trying again"),
        temporary("530 of a network before it", 530, "Origin DNS Error; trying again"),
        Row {
            fault: "429 with Retry-After of 1 s",
            place: Status,
            how: Answers(429, &[("retry-after", "1")], "", Once),
            again: Yes,
            end: Delivered,
            told: "trying again in N s",
        },
        Row {
            fault: "429 with Retry-After beyond TIMEOUT",
            place: Status,
            how: Answers(429, &[("retry-after", "3600")], "", Always),
            again: No,
            end: NotPosted,
            told: "so Gatepost does not wait",
        },
        Row {
            fault: "429 with a date of the past, or a clock that is ahead",
            place: Status,
            how: Answers(429, &[("retry-after", "Thu, 01 Jan 1970 00:00:10 GMT")], "", Once),
            again: Yes,
            end: Delivered,
            told: "trying again in N s",
        },
        Row {
            fault: "429 with a date far ahead, or a clock that was set back",
            place: Status,
            how: Answers(429, &[("retry-after", "Fri, 01 Jan 2123 00:00:10 GMT")], "", Always),
            again: No,
            end: NotPosted,
            told: "so Gatepost does not wait",
        },
        Row {
            fault: "429 with Retry-After that is neither number nor date",
            place: Status,
            how: Answers(429, &[("retry-after", "soon")], "", Once),
            again: Yes,
            end: Delivered,
            told: "trying again in N s",
        },
        Row {
            fault: "503, always",
            place: Status,
            how: Answers(503, &[], "", Always),
            again: UntilTimeout,
            end: NotKnown,
            told: "Bitbucket answered 503 Service Unavailable",
        },
        Row {
            fault: "stall of an INPROGRESS after its effect",
            place: Pending,
            how: once(Sent::Nothing, Then::Stall),
            again: Silent,
            end: StoppedOver,
            told: "STOPPED",
        },
        Row {
            fault: "reset of an INPROGRESS after its effect",
            place: Pending,
            how: once(Sent::Nothing, Then::Reset),
            again: Yes,
            end: Delivered,
            told: BROKE,
        },
    ],
};

pub(super) const LOOKUP: Group = Group {
    name: "lookup",
    rows: &[
        Row {
            fault: "refused",
            place: Lookup,
            how: Address("http://127.0.0.1:1"),
            again: UntilTimeout,
            end: NotPosted,
            told: "no connection (Connection refused)",
        },
        Row {
            fault: "unreachable network",
            place: Lookup,
            how: Address("https://255.255.255.255"),
            again: UntilTimeout,
            end: NotPosted,
            told: "no connection (Network is unreachable)",
        },
        Row {
            fault: "reset before the head",
            place: Lookup,
            how: once(Sent::Lost, Then::Reset),
            again: Yes,
            end: Delivered,
            told: "Connection reset by peer",
        },
        Row {
            fault: "truncated body, then closed",
            place: Lookup,
            how: once(Sent::HalfBody, Then::Close),
            again: Yes,
            end: Delivered,
            told: BROKE,
        },
        Row {
            fault: "stall before the head",
            place: Lookup,
            how: always(Sent::Lost, Then::Stall),
            again: Silent,
            end: NotPosted,
            told: SILENT,
        },
        Row {
            fault: "stall inside the body",
            place: Lookup,
            how: always(Sent::HalfBody, Then::Stall),
            again: Silent,
            end: NotPosted,
            told: SILENT,
        },
        Row {
            fault: "one byte a second",
            place: Lookup,
            how: always(Sent::Whole, Then::ByteASecond),
            again: Silent,
            end: NotPosted,
            told: SILENT,
        },
        is_final(
            "content-length too short",
            Lookup,
            always(Sent::Changed(too_short_a_length), Then::Close),
            NotPosted,
            "but the answer is not JSON",
        ),
        is_final(
            "garbage instead of HTTP",
            Lookup,
            always(Sent::Instead(b"220 mail.example ESMTP\r\n"), Then::Close),
            NotPosted,
            "answers something else than HTTP/1.1",
        ),
        is_final(
            "200 with a login page",
            Lookup,
            Answers(200, &[], "<title>Sign in</title>", Once),
            NotPosted,
            "\"Sign in\", but the answer is not JSON",
        ),
        is_final(
            "200 with JSON of another kind",
            Lookup,
            Answers(200, &[], "{\"source\":null}", Once),
            NotPosted,
            "does not have the documented format",
        ),
        is_final("401 Unauthorized", Lookup, answers(401), NotPosted, "Bitbucket answered 401 Unauthorized"),
        is_final("404 Not Found", Lookup, answers(404), NotPosted, "Bitbucket answered 404 Not Found"),
        is_final(
            "redirect to another host",
            Lookup,
            Answers(301, &[("location", "http://localhost:1/elsewhere")], "", Always),
            NotPosted,
            "Gatepost does not follow",
        ),
        Row {
            fault: "503, once",
            place: Lookup,
            how: answers(503),
            again: Yes,
            end: Delivered,
            told: "Bitbucket answered 503 Service Unavailable; trying again",
        },
        Row {
            fault: "503, always",
            place: Lookup,
            how: Answers(503, &[], "", Always),
            again: UntilTimeout,
            end: NotPosted,
            told: "Bitbucket answered 503 Service Unavailable",
        },
        Row {
            fault: "kept-alive connection closed while the POST is under way, without effect",
            place: StatusAfterLookup,
            how: once(Sent::Lost, Then::Close),
            again: Yes,
            end: Delivered,
            told: BROKE,
        },
        Row {
            fault: "kept-alive connection reset while the POST is under way, after the effect",
            place: StatusAfterLookup,
            how: once(Sent::Nothing, Then::Reset),
            again: Yes,
            end: Delivered,
            told: "Connection reset by peer",
        },
        Row {
            fault: "kept-alive connection closed while the POST is under way, always",
            place: StatusAfterLookup,
            how: always(Sent::Nothing, Then::Close),
            again: UntilTimeout,
            end: NotKnownButStands,
            told: BROKE,
        },
    ],
};

/// A report fails beside a status that stands.
const fn without_report(fault: &'static str, place: Place, how: How, told: &'static str) -> Row {
    Row { fault, place, how, again: No, end: WithoutReport, told }
}

pub(super) const REPORT: Group = Group {
    name: "report",
    rows: &[
        // Bitbucket has one address: where it cannot be reached at all, there is no status beside which a report fails.
        Row {
            fault: "closed before the head and at connect, without effect, always",
            place: Report,
            how: always(Sent::Unread, Then::Close),
            again: UntilTimeout,
            end: WithoutReport,
            told: BROKE,
        },
        Row {
            fault: "reset before the head, without effect, always",
            place: Report,
            how: always(Sent::Lost, Then::Reset),
            again: UntilTimeout,
            end: WithoutReport,
            told: "Connection reset by peer",
        },
        Row {
            fault: "reset before the head, without effect",
            place: Report,
            how: once(Sent::Lost, Then::Reset),
            again: Yes,
            end: Delivered,
            told: "Connection reset by peer",
        },
        Row {
            fault: "closed before the head, after the effect",
            place: Report,
            how: once(Sent::Nothing, Then::Close),
            again: Yes,
            end: Delivered,
            told: BROKE,
        },
        Row {
            fault: "stall before the head",
            place: Report,
            how: always(Sent::Lost, Then::Stall),
            again: Silent,
            end: WithoutReport,
            told: SILENT,
        },
        without_report("400 Bad Request", Report, answers(400), "400 Bad Request"),
        without_report("403 Forbidden", Report, answers(403), "403 Forbidden"),
        without_report(
            "200 with a login page",
            Report,
            Answers(200, &[], "<title>Sign in</title>", Once),
            "Sign in",
        ),
        without_report(
            "garbage instead of HTTP",
            Report,
            always(Sent::Instead(b"* OK IMAP4rev1\r\n"), Then::Close),
            "answers something else than HTTP/1.1",
        ),
        Row {
            fault: "503, once",
            place: Report,
            how: answers(503),
            again: Yes,
            end: Delivered,
            told: "Bitbucket answered 503 Service Unavailable; trying again",
        },
        Row {
            fault: "truncated answer, after the effect",
            place: Annotations,
            how: once(Sent::HalfBody, Then::Close),
            again: Yes,
            end: Delivered,
            told: BROKE,
        },
        Row {
            fault: "reset before the head, without effect",
            place: Annotations,
            how: once(Sent::Lost, Then::Reset),
            again: Yes,
            end: Delivered,
            told: "Connection reset by peer",
        },
        Row {
            fault: "stall before the head",
            place: Annotations,
            how: always(Sent::Lost, Then::Stall),
            again: Silent,
            end: WithoutReport,
            told: SILENT,
        },
        Row {
            fault: "429 with Retry-After of 1 s",
            place: Annotations,
            how: Answers(429, &[("retry-after", "1")], "", Once),
            again: Yes,
            end: Delivered,
            told: "trying again in N s",
        },
        without_report(
            "200 with a login page",
            Annotations,
            Answers(200, &[], "<title>Sign in</title>", Once),
            "Sign in",
        ),
        without_report("403 Forbidden", Annotations, Answers(403, &[], "status\n", Always), "403 Forbidden"),
    ],
};
