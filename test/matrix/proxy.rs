//! Rows about a proxy between Gatepost and a service.

use super::{
    Again::{Few, No, Silent, UntilTimeout, Yes},
    End::{Delivered, NoVerdict, NotKnown, NotKnownButStands, NotPosted},
    Group,
    How::{self, HttpProxy, InTunnel, Proxy, ProxyAddress},
    Place::{Status, Task},
    Row,
    Times::{Always, Once},
    wire::{Break, End as Then, Sent},
};

/// What the proxy does with each `CONNECT`.
const fn always(sent: Sent, end: Then) -> How {
    Proxy(Break { sent, end }, Always)
}

/// What the proxy answers to each `CONNECT`, before it closes the connection.
const fn answers(bytes: &'static [u8]) -> How {
    always(Sent::Instead(bytes), Then::Close)
}

const WANTS_PASSWORD: &[u8] =
    b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"proxy\"\r\ncontent-length: 0\r\n\r\n";
const REFUSES: &[u8] =
    b"HTTP/1.1 403 Blocked by policy\r\ncontent-type: text/html\r\ncontent-length: 22\r\n\r\n<title>Blocked</title>";
const CANNOT_REACH: &[u8] = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n";
const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";
const PAGE: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 22\r\n\r\n<title>Sign in</title>";

pub(super) const PROXY: Group = Group {
    name: "proxy",
    rows: &[
        Row {
            fault: "refused",
            place: Status,
            how: ProxyAddress("http://127.0.0.1:1"),
            again: UntilTimeout,
            end: NotPosted,
            told: "no connection through the proxy 127.0.0.1:PORT",
        },
        Row {
            fault: "host name that does not exist",
            place: Status,
            how: ProxyAddress("http://no-such-proxy.invalid:3128"),
            again: Few,
            end: NotPosted,
            told: "its host name could not be looked up: there is no such host",
        },
        Row {
            fault: "wants a password",
            place: Status,
            how: answers(WANTS_PASSWORD),
            again: No,
            end: NotPosted,
            told: "it answered 407 Proxy Authentication Required",
        },
        Row {
            fault: "wants a password",
            place: Task,
            how: answers(WANTS_PASSWORD),
            again: No,
            end: NoVerdict("the proxy asks for a user name and password"),
            told: "it answered 407 Proxy Authentication Required",
        },
        Row {
            fault: "refuses, with a page",
            place: Status,
            how: answers(REFUSES),
            again: No,
            end: NotPosted,
            told: "it answered 403 Blocked by policy",
        },
        Row {
            fault: "does not reach the service",
            place: Status,
            how: answers(CANNOT_REACH),
            again: UntilTimeout,
            end: NotPosted,
            told: "it answered 502 Bad Gateway",
        },
        Row {
            fault: "drops the connection, once",
            place: Status,
            how: Proxy(Break { sent: Sent::Unread, end: Then::Reset }, Once),
            again: Yes,
            end: Delivered,
            told: "no connection through the proxy 127.0.0.1:PORT",
        },
        Row {
            fault: "drops the connection, always",
            place: Status,
            how: always(Sent::Lost, Then::Close),
            again: UntilTimeout,
            end: NotPosted,
            told: "no connection through the proxy 127.0.0.1:PORT",
        },
        Row {
            fault: "drops the connection inside its head",
            place: Status,
            how: answers(b"HTTP/1.1 200 Connec"),
            again: UntilTimeout,
            end: NotPosted,
            told: "no connection through the proxy 127.0.0.1:PORT",
        },
        Row {
            fault: "drops the tunnel",
            place: Status,
            how: answers(ESTABLISHED),
            again: UntilTimeout,
            end: NotPosted,
            told: "it made the connection, which was closed at once",
        },
        Row {
            fault: "drops the tunnel inside the answer, once",
            place: Status,
            how: InTunnel(Break { sent: Sent::HalfRecord, end: Then::Close }, Once),
            again: Yes,
            end: Delivered,
            told: "the connection broke before the response was complete",
        },
        Row {
            fault: "drops the tunnel inside the answer, always",
            place: Status,
            how: InTunnel(Break { sent: Sent::HalfRecord, end: Then::Close }, Always),
            again: UntilTimeout,
            end: NotKnownButStands,
            told: "the connection broke before the response was complete",
        },
        Row {
            fault: "damages the answer in the tunnel, always",
            place: Status,
            how: InTunnel(Break { sent: Sent::DamagedRecord, end: Then::Close }, Always),
            again: UntilTimeout,
            end: NotKnownButStands,
            told: "the connection broke before the response was complete",
        },
        Row {
            fault: "drops the tunnel inside the answer, always",
            place: Task,
            how: InTunnel(Break { sent: Sent::HalfRecord, end: Then::Close }, Always),
            again: UntilTimeout,
            end: NoVerdict("the connection to SonarQube breaks"),
            told: "the connection broke before the response was complete",
        },
        Row {
            fault: "stall",
            place: Status,
            how: always(Sent::Lost, Then::Stall),
            again: Silent,
            end: NotKnown,
            told: "no complete response within N s",
        },
        Row {
            fault: "stall in the tunnel",
            place: Status,
            how: always(Sent::Instead(ESTABLISHED), Then::Stall),
            again: Silent,
            end: NotKnown,
            told: "no complete response within N s",
        },
        Row {
            fault: "answers garbage",
            place: Status,
            how: answers(b"SSH-2.0-OpenSSH_9.2\r\n"),
            again: No,
            end: NotPosted,
            told: "no connection through the proxy 127.0.0.1:PORT",
        },
        Row {
            fault: "answers a page in place of the tunnel",
            place: Status,
            how: always(Sent::Instead(PAGE), Then::Stall),
            again: Silent,
            end: NotKnown,
            told: "no complete response within N s",
        },
        Row {
            fault: "answers a page to a request of http",
            place: Task,
            how: HttpProxy(Break { sent: Sent::Instead(PAGE), end: Then::Close }),
            again: No,
            end: NoVerdict("a login page stands before SonarQube"),
            told: "\"Sign in\"",
        },
        Row {
            fault: "wants a password for a request of http",
            place: Task,
            how: HttpProxy(Break { sent: Sent::Instead(WANTS_PASSWORD), end: Then::Close }),
            again: No,
            end: NoVerdict("the proxy asks for a user name and password"),
            told: "407 Proxy Authentication Required",
        },
    ],
};
