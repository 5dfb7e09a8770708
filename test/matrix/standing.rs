//! Rows about the status of a project that a change does not touch: what stands under its key is read before it is
//! posted, as another step may have analysed the project.

use super::{
    End::{NonePosted, NotPosted},
    Group,
    How::{self, Answers},
    Place::{self, Standing, StandingVerdict},
    Row,
    Times::Always,
    row::{
        BROKE, LOGIN, NO_JSON, ONE_HOUR, ONE_SECOND, RESET, UNDOCUMENTED, WAITS_NOT, always, answers, body,
        gives_way, is_final, lasts, once, silent,
    },
    wire::{End as Then, Sent},
};

/// What stands is not known, so nothing is posted.
const fn unread(fault: &'static str, place: Place, how: How, told: &'static str) -> Row {
    is_final(fault, place, how, NotPosted, told)
}

pub(super) const STANDING: Group = Group {
    name: "projects without an analysis",
    rows: &[
        unread("401 Unauthorized", Standing, answers(401), "Bitbucket answered 401 Unauthorized"),
        unread("403 Forbidden", Standing, answers(403), "Bitbucket answered 403 Forbidden"),
        unread("404 that is not Bitbucket's", Standing, answers(404), "Bitbucket answered 404 Not Found"),
        gives_way("429 with Retry-After of 1 s", Standing, ONE_SECOND, "trying again in N s"),
        is_final("429 with Retry-After beyond TIMEOUT", Standing, ONE_HOUR, NonePosted, WAITS_NOT),
        gives_way(
            "500 Internal Server Error, once",
            Standing,
            answers(500),
            "500 Internal Server Error; trying again",
        ),
        gives_way("503, once", Standing, answers(503), "503 Service Unavailable; trying again"),
        lasts("503, always", Standing, Answers(503, &[], "", Always), "503 Service Unavailable"),
        unread("200 with a login page", Standing, LOGIN, "\"Sign in\", but the answer is not JSON"),
        unread(
            "200 with half of the JSON",
            Standing,
            body("{\"type\":\"build\",\"key\":\"sonar-acme_web\""),
            NO_JSON,
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
            UNDOCUMENTED,
        ),
        unread(
            "200 with a state that is not known",
            Standing,
            body("{\"type\":\"build\",\"key\":\"sonar-acme_web\",\"state\":\"PAUSED\"}"),
            UNDOCUMENTED,
        ),
        gives_way("reset before the head", Standing, once(Sent::Lost, Then::Reset), RESET),
        gives_way("truncated body, then closed", Standing, once(Sent::HalfBody, Then::Close), BROKE),
        silent("stall before the head", Standing, always(Sent::Lost, Then::Stall)),
        silent("stall inside the body", Standing, always(Sent::HalfBody, Then::Stall)),
        gives_way("503, once", StandingVerdict, answers(503), "503 Service Unavailable; trying again"),
        gives_way("truncated body, then closed", StandingVerdict, once(Sent::HalfBody, Then::Close), BROKE),
        unread(
            "404 that is not Bitbucket's",
            StandingVerdict,
            answers(404),
            "Bitbucket answered 404 Not Found",
        ),
        unread("200 with a login page", StandingVerdict, LOGIN, "\"Sign in\", but the answer is not JSON"),
        lasts("reset before the head, always", StandingVerdict, always(Sent::Lost, Then::Reset), RESET),
    ],
};
