//! Rows about SonarQube: the task, the quality gate and the issues.

use super::{
    Again::{Few, No, Silent, UntilTimeout, Yes},
    End::{Delivered, NoVerdict, WithoutReport},
    Group,
    How::{self, Address, Answers, HttpToHttps},
    Place::{Gate, Issues, Task},
    Row,
    Times::{Always, Once},
    wire::{Break, End as Then, Sent},
};

const fn once(sent: Sent, end: Then) -> How {
    How::Wire(Break { sent, end }, Once)
}

const fn always(sent: Sent, end: Then) -> How {
    How::Wire(Break { sent, end }, Always)
}

const BROKE: &str = "the connection broke before the response was complete";
const SILENT: &str = "no complete response within N s";

pub(super) const TASK: Group = Group {
    name: "SonarQube's task",
    rows: &[
        Row {
            fault: "refused",
            place: Task,
            how: Address("http://127.0.0.1:1"),
            again: UntilTimeout,
            end: NoVerdict("SonarQube cannot be reached"),
            told: "no connection (Connection refused)",
        },
        Row {
            fault: "host name that does not exist",
            place: Task,
            how: Address("https://no-such-host.invalid"),
            again: Few,
            end: NoVerdict("the host name of SonarQube does not exist"),
            told: "the name server of this machine does not know no-such-host.invalid",
        },
        Row {
            fault: "closed at connect, once",
            place: Task,
            how: once(Sent::Unread, Then::Close),
            again: Yes,
            end: Delivered,
            told: BROKE,
        },
        Row {
            fault: "reset before the head, once",
            place: Task,
            how: once(Sent::Lost, Then::Reset),
            again: Yes,
            end: Delivered,
            told: "Connection reset by peer",
        },
        Row {
            fault: "reset before the head, always",
            place: Task,
            how: always(Sent::Lost, Then::Reset),
            again: UntilTimeout,
            end: NoVerdict("the connection to SonarQube breaks"),
            told: "Connection reset by peer",
        },
        Row {
            fault: "stall at connect",
            place: Task,
            how: always(Sent::Unread, Then::Stall),
            again: Silent,
            end: NoVerdict("SonarQube does not answer"),
            told: SILENT,
        },
        Row {
            fault: "one byte a second",
            place: Task,
            how: always(Sent::Whole, Then::ByteASecond),
            again: Silent,
            end: NoVerdict("SonarQube does not answer"),
            told: SILENT,
        },
        Row {
            fault: "garbage instead of HTTP",
            place: Task,
            how: always(Sent::Instead(b"SSH-2.0-OpenSSH_9.2\r\n"), Then::Close),
            again: No,
            end: NoVerdict("SonarQube wants https instead of http"),
            told: "answers something else than HTTP/1.1",
        },
        Row {
            fault: "http to the port for https",
            place: Task,
            how: HttpToHttps,
            again: No,
            end: NoVerdict("SonarQube wants https instead of http"),
            told: "the server speaks https on this port",
        },
        Row {
            fault: "redirect to a login page",
            place: Task,
            how: Answers(302, &[("location", "http://localhost:1/oauth2/authorize")], "", Always),
            again: No,
            end: NoVerdict("a login page stands before SonarQube"),
            told: "a login page",
        },
        Row {
            fault: "200 with a page",
            place: Task,
            how: Answers(200, &[], "<title>Welcome to nginx!</title>", Always),
            again: No,
            end: NoVerdict("a web page answers in place of SonarQube"),
            told: "Welcome to nginx!",
        },
        Row {
            fault: "401 Unauthorized",
            place: Task,
            how: Answers(401, &[], "", Always),
            again: No,
            end: NoVerdict("SonarQube does not accept this pipeline's token"),
            told: "401 Unauthorized",
        },
        Row {
            fault: "404 of another server",
            place: Task,
            how: Answers(404, &[], "<title>404 Not Found</title>", Always),
            again: No,
            end: NoVerdict("a web page answers in place of SonarQube"),
            told: "404 Not Found",
        },
        Row {
            fault: "502 Bad Gateway, once",
            place: Task,
            how: Answers(502, &[], "", Once),
            again: Yes,
            end: Delivered,
            told: "SonarQube answered 502 Bad Gateway; trying again",
        },
        Row {
            fault: "503, always",
            place: Task,
            how: Answers(503, &[], "<title>503</title>", Always),
            again: UntilTimeout,
            end: NoVerdict("SonarQube is down (503)"),
            told: "SonarQube answered 503 Service Unavailable",
        },
    ],
};

pub(super) const GATE: Group = Group {
    name: "SonarQube's gate",
    rows: &[
        Row {
            fault: "reset inside the head",
            place: Gate,
            how: once(Sent::HalfHead, Then::Reset),
            again: Yes,
            end: Delivered,
            told: BROKE,
        },
        Row {
            fault: "truncated body, always",
            place: Gate,
            how: always(Sent::HalfBody, Then::Close),
            again: UntilTimeout,
            end: NoVerdict("the connection to SonarQube breaks"),
            told: BROKE,
        },
        Row {
            fault: "kept-alive connection closed while the question is under way",
            place: Gate,
            how: once(Sent::Lost, Then::Close),
            again: Yes,
            end: Delivered,
            told: BROKE,
        },
        Row {
            fault: "stall inside the body",
            place: Gate,
            how: always(Sent::HalfBody, Then::Stall),
            again: Silent,
            end: NoVerdict("SonarQube does not answer"),
            told: SILENT,
        },
        Row {
            fault: "200 with half of the JSON",
            place: Gate,
            how: Answers(200, &[], "{\"projectStatus\":{\"status\":\"OK\"", Always),
            again: No,
            end: NoVerdict("SonarQube gives an answer that cannot be read"),
            told: "but the answer is not JSON",
        },
        Row {
            fault: "200 with a gate that has no known word",
            place: Gate,
            how: Answers(200, &[], "{\"projectStatus\":{\"status\":\"FINE\",\"conditions\":[]}}", Always),
            again: No,
            end: NoVerdict("the state of the quality gate is not known: acme_api, pull request 7"),
            told: "the gate has the status \"FINE\"",
        },
        Row {
            fault: "403 Forbidden",
            place: Gate,
            how: Answers(403, &[], "{\"errors\":[{\"msg\":\"Insufficient privileges\"}]}", Always),
            again: No,
            end: NoVerdict("this pipeline's token may not read the analysis in SonarQube"),
            told: "Insufficient privileges",
        },
        Row {
            fault: "500 Internal Server Error, once",
            place: Gate,
            how: Answers(500, &[], "", Once),
            again: Yes,
            end: Delivered,
            told: "SonarQube answered 500 Internal Server Error; trying again",
        },
        Row {
            fault: "429 with Retry-After beyond TIMEOUT",
            place: Gate,
            how: Answers(429, &[("retry-after", "3600")], "", Always),
            again: No,
            end: NoVerdict("SonarQube receives too many requests"),
            told: "so Gatepost does not wait",
        },
        Row {
            fault: "stall before the head",
            place: Issues,
            how: always(Sent::Lost, Then::Stall),
            again: Silent,
            end: WithoutReport,
            told: SILENT,
        },
        Row {
            fault: "reset before the head, once",
            place: Issues,
            how: once(Sent::Lost, Then::Reset),
            again: Yes,
            end: Delivered,
            told: "Connection reset by peer",
        },
        Row {
            fault: "403 Forbidden",
            place: Issues,
            how: Answers(403, &[], "", Always),
            again: No,
            end: WithoutReport,
            told: "failed to ask for the issues",
        },
    ],
};
