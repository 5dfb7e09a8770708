//! Rows about TLS, for both services.

use sandbox::Certificate;

use super::{
    Again::{No, Silent, UntilTimeout, Yes},
    End::{self, Delivered, NoVerdict, NotKnown, NotKnownButStands, NotPosted},
    Group,
    How::{self, BelowTls, HttpsToHttp, Shows, Unknown},
    Place::{self, Status, Task},
    Row,
    Times::{Always, Once},
    wire::{Break, End as Then, Sent},
};

/// A certificate stays as it is: there is one attempt.
const fn untrusted(fault: &'static str, place: Place, how: How, end: End, told: &'static str) -> Row {
    Row { fault, place, how, again: No, end, told }
}

/// A fatal alert: record 21, version 3.3, two bytes. RFC 8446, section 6.
const HANDSHAKE_FAILURE: &[u8] = &[21, 3, 3, 0, 2, 2, 40];
const UNRECOGNIZED_NAME: &[u8] = &[21, 3, 3, 0, 2, 2, 112];
const INTERNAL_ERROR: &[u8] = &[21, 3, 3, 0, 2, 2, 80];
/// The head of a handshake record that is longer than what follows.
const HALF_A_RECORD: &[u8] = &[22, 3, 3, 1, 0, 2, 0];

const fn greeted(bytes: &'static [u8], end: Then) -> How {
    BelowTls(Break { sent: Sent::Greeted(bytes), end }, Always)
}

pub(super) const TLS: Group = Group {
    name: "TLS",
    rows: &[
        untrusted(
            "certificate that has expired",
            Status,
            Shows(Certificate::Expired),
            NotPosted,
            "it expired on 31 Jan 2020",
        ),
        untrusted(
            "certificate that is not valid yet, or a clock that was set back",
            Status,
            Shows(Certificate::NotYetValid),
            NotPosted,
            "it is not valid before 31 Jan 2099",
        ),
        untrusted(
            "certificate of another host",
            Status,
            Shows(Certificate::OfAnotherHost),
            NotPosted,
            "it is for another host: sonar.internal.example",
        ),
        untrusted(
            "unknown authority, no root passed",
            Status,
            Unknown,
            NotPosted,
            "it was issued by an unknown authority, \"Sandbox root\"",
        ),
        untrusted(
            "unknown authority, another root passed",
            Status,
            Shows(Certificate::OfUnknownAuthority),
            NotPosted,
            "it was issued by an unknown authority, \"Another root\"",
        ),
        untrusted(
            "missing intermediate certificate",
            Status,
            Shows(Certificate::WithoutIntermediate),
            NotPosted,
            "does not send the intermediate certificate \"Sandbox intermediate\"",
        ),
        untrusted(
            "certificate of version 1",
            Status,
            Shows(Certificate::Version1),
            NotPosted,
            "it is an X.509 certificate of version 1, not 3",
        ),
        untrusted(
            "client certificate wanted",
            Status,
            Shows(Certificate::ClientCertificateWanted),
            NotPosted,
            "the server wants a client certificate",
        ),
        untrusted(
            "https to the port for http",
            Status,
            HttpsToHttp,
            NotPosted,
            "the server does not speak TLS (https)",
        ),
        untrusted(
            "certificate that has expired",
            Task,
            Shows(Certificate::Expired),
            NoVerdict("SonarQube's certificate is not trusted: it has expired"),
            "it expired on 31 Jan 2020",
        ),
        untrusted(
            "certificate that is not valid yet, or a clock that was set back",
            Task,
            Shows(Certificate::NotYetValid),
            NoVerdict("SonarQube's certificate is not trusted: it is not valid yet"),
            "the clock of this machine is behind",
        ),
        untrusted(
            "certificate of another host",
            Task,
            Shows(Certificate::OfAnotherHost),
            NoVerdict("SonarQube's certificate is not trusted: it is for another host"),
            "sonar.internal.example",
        ),
        untrusted(
            "unknown authority, no root passed",
            Task,
            Unknown,
            NoVerdict("SonarQube's certificate is not trusted: unknown authority"),
            "\"Sandbox root\"",
        ),
        untrusted(
            "missing intermediate certificate",
            Task,
            Shows(Certificate::WithoutIntermediate),
            NoVerdict("SonarQube's certificate is not trusted: unknown authority"),
            "\"Sandbox intermediate\"",
        ),
        untrusted(
            "client certificate wanted",
            Task,
            Shows(Certificate::ClientCertificateWanted),
            NoVerdict("SonarQube wants a client certificate"),
            "the server wants a client certificate",
        ),
        untrusted(
            "https to the port for http",
            Task,
            HttpsToHttp,
            NoVerdict("SonarQube speaks http, not https"),
            "the server does not speak TLS (https)",
        ),
        Row {
            fault: "closed inside the handshake, once",
            place: Status,
            how: BelowTls(Break { sent: Sent::Greeted(&[]), end: Then::Close }, Once),
            again: Yes,
            end: Delivered,
            told: "no connection (",
        },
        Row {
            fault: "closed inside the handshake, always",
            place: Status,
            how: greeted(&[], Then::Close),
            again: UntilTimeout,
            end: NotPosted,
            told: "no connection (",
        },
        Row {
            fault: "closed inside the handshake, always",
            place: Task,
            how: greeted(&[], Then::Close),
            again: UntilTimeout,
            end: NoVerdict("SonarQube cannot be reached"),
            told: "no connection (",
        },
        Row {
            fault: "reset inside the handshake, once",
            place: Status,
            how: BelowTls(Break { sent: Sent::Unread, end: Then::Reset }, Once),
            again: Yes,
            end: Delivered,
            told: "no connection (",
        },
        Row {
            fault: "closed inside a record of the handshake",
            place: Status,
            how: greeted(HALF_A_RECORD, Then::Close),
            again: UntilTimeout,
            end: NotPosted,
            told: "no connection (",
        },
        Row {
            fault: "stall inside the handshake",
            place: Status,
            how: greeted(&[], Then::Stall),
            again: Silent,
            end: NotKnown,
            told: "no complete response within N s",
        },
        Row {
            fault: "closed inside the record with the answer, once",
            place: Status,
            how: BelowTls(Break { sent: Sent::HalfRecord, end: Then::Close }, Once),
            again: Yes,
            end: Delivered,
            told: "the connection broke before the response was complete",
        },
        Row {
            fault: "closed inside the record with the answer, always",
            place: Status,
            how: BelowTls(Break { sent: Sent::HalfRecord, end: Then::Close }, Always),
            again: UntilTimeout,
            end: NotKnownButStands,
            told: "the connection broke before the response was complete",
        },
        Row {
            fault: "damaged record with the request, once",
            place: Status,
            how: BelowTls(Break { sent: Sent::DamagedRequest, end: Then::Close }, Once),
            again: Yes,
            end: Delivered,
            told: "the connection broke before the response was complete",
        },
        Row {
            fault: "damaged record with the request, always",
            place: Status,
            how: BelowTls(Break { sent: Sent::DamagedRequest, end: Then::Close }, Always),
            again: UntilTimeout,
            end: NotKnown,
            told: "the connection broke before the response was complete",
        },
        Row {
            fault: "damaged record with the answer, once",
            place: Status,
            how: BelowTls(Break { sent: Sent::DamagedRecord, end: Then::Close }, Once),
            again: Yes,
            end: Delivered,
            told: "the connection broke before the response was complete",
        },
        Row {
            fault: "damaged record with the answer, always",
            place: Status,
            how: BelowTls(Break { sent: Sent::DamagedRecord, end: Then::Close }, Always),
            again: UntilTimeout,
            end: NotKnownButStands,
            told: "the connection broke before the response was complete",
        },
        untrusted(
            "alert: handshake failure",
            Status,
            greeted(HANDSHAKE_FAILURE, Then::Close),
            NotPosted,
            "no version of TLS or no cipher in common",
        ),
        untrusted(
            "alert: unrecognized name",
            Status,
            greeted(UNRECOGNIZED_NAME, Then::Close),
            NotPosted,
            "the server does not know this host name",
        ),
        untrusted(
            "alert: internal error",
            Status,
            greeted(INTERNAL_ERROR, Then::Close),
            NotPosted,
            "the server refuses the TLS connection (alert 80)",
        ),
        untrusted(
            "garbage in place of the handshake",
            Status,
            greeted(b"SSH-2.0-OpenSSH_9.2\r\n", Then::Close),
            NotPosted,
            "the server does not speak TLS (https)",
        ),
    ],
};
