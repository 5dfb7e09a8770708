//! Rows about the status of a project that a change does not touch: what stands under its key is read before it is posted, as
//! another step may have analysed the project.

use super::{
    Again::{Silent, UntilTimeout, Yes},
    End::{Delivered, NonePosted, NotPosted},
    Group,
    How::{self, Answers},
    Place::{self, Standing, StandingVerdict},
    Row,
    Times::{Always, Once},
    row::{BROKE, SILENT, always, answers, is_final, once},
    wire::{End as Then, Sent},
};

/// What stands is not known, so nothing is posted.
const fn unread(fault: &'static str, place: Place, how: How, told: &'static str) -> Row {
    is_final(fault, place, how, NotPosted, told)
}

const fn gives_way(fault: &'static str, place: Place, how: How, told: &'static str) -> Row {
    Row { fault, place, how, again: Yes, end: Delivered, told }
}

/// A body of 200 that is not what was asked for, each time.
const fn body(text: &'static str) -> How {
    Answers(200, &[], text, Always)
}

const RESET: &str = "Connection reset by peer";

pub(super) const STANDING: Group = Group {
    name: "projects without an analysis",
    rows: &[
        unread("401 Unauthorized", Standing, answers(401), "Bitbucket answered 401 Unauthorized"),
        unread("403 Forbidden", Standing, answers(403), "Bitbucket answered 403 Forbidden"),
        unread("404 that is not Bitbucket's", Standing, answers(404), "Bitbucket answered 404 Not Found"),
        gives_way(
            "429 with Retry-After of 1 s",
            Standing,
            Answers(429, &[("retry-after", "1")], "", Once),
            "trying again in N s",
        ),
        is_final(
            "429 with Retry-After beyond TIMEOUT",
            Standing,
            Answers(429, &[("retry-after", "3600")], "", Always),
            NonePosted,
            "so Gatepost does not wait",
        ),
        gives_way(
            "500 Internal Server Error, once",
            Standing,
            answers(500),
            "500 Internal Server Error; trying again",
        ),
        gives_way("503, once", Standing, answers(503), "503 Service Unavailable; trying again"),
        Row {
            fault: "503, always",
            place: Standing,
            how: Answers(503, &[], "", Always),
            again: UntilTimeout,
            end: NotPosted,
            told: "503 Service Unavailable",
        },
        unread(
            "200 with a login page",
            Standing,
            body("<title>Sign in</title>"),
            "\"Sign in\", but the answer is not JSON",
        ),
        unread(
            "200 with half of the JSON",
            Standing,
            body("{\"type\":\"build\",\"key\":\"sonar-acme_web\""),
            "but the answer is not JSON",
        ),
        unread(
            "200 with the status of another key",
            Standing,
            body("{\"type\":\"build\",\"key\":\"sonar\",\"state\":\"SUCCESSFUL\"}"),
            "the answer is the status with the key \"sonar\", not \"sonar-acme_web\"",
        ),
        unread(
            "200 with a state that is a number",
            Standing,
            body("{\"type\":\"build\",\"key\":\"sonar-acme_web\",\"state\":1}"),
            "the answer does not have the documented format",
        ),
        unread(
            "200 with a state that is not known",
            Standing,
            body("{\"type\":\"build\",\"key\":\"sonar-acme_web\",\"state\":\"PAUSED\"}"),
            "the answer does not have the documented format",
        ),
        gives_way("reset before the head", Standing, once(Sent::Lost, Then::Reset), RESET),
        gives_way("truncated body, then closed", Standing, once(Sent::HalfBody, Then::Close), BROKE),
        Row {
            fault: "stall before the head",
            place: Standing,
            how: always(Sent::Lost, Then::Stall),
            again: Silent,
            end: NotPosted,
            told: SILENT,
        },
        Row {
            fault: "stall inside the body",
            place: Standing,
            how: always(Sent::HalfBody, Then::Stall),
            again: Silent,
            end: NotPosted,
            told: SILENT,
        },
        gives_way("503, once", StandingVerdict, answers(503), "503 Service Unavailable; trying again"),
        gives_way("truncated body, then closed", StandingVerdict, once(Sent::HalfBody, Then::Close), BROKE),
        unread(
            "404 that is not Bitbucket's",
            StandingVerdict,
            answers(404),
            "Bitbucket answered 404 Not Found",
        ),
        unread(
            "200 with a login page",
            StandingVerdict,
            body("<title>Sign in</title>"),
            "\"Sign in\", but the answer is not JSON",
        ),
        Row {
            fault: "reset before the head, always",
            place: StandingVerdict,
            how: always(Sent::Lost, Then::Reset),
            again: UntilTimeout,
            end: NotPosted,
            told: RESET,
        },
    ],
};
