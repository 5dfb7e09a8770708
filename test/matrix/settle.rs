//! Rows about `MODE: settle`: the list of the statuses of a commit, and the POST that ends one of them. The status of the
//! other repository is ended whatever goes wrong with one.

use super::{
    Again::{Looks, Silent, UntilTimeout},
    End::{self, Delivered, NonePosted, NotKnown, NotKnownButStands, NotPosted},
    Group,
    How::{self, Answers},
    NextPage,
    Place::{Ending, Statuses},
    Row,
    Times::Always,
    bitbucket::of_two_mebibytes,
    row::{
        BROKE, LOGIN, NO_END, NO_JSON, NOT_OF_BITBUCKET, ONE_HOUR, ONE_SECOND, RESET, SILENT, UNDOCUMENTED,
        WAITS_NOT, always, answers, body, gives_way, is_final, lasts, once, silent,
    },
    wire::{End as Then, Sent},
};

const fn unlisted(fault: &'static str, how: How, told: &'static str) -> Row {
    is_final(fault, Statuses, how, NotPosted, told)
}

const fn stays(fault: &'static str, how: How, end: End, told: &'static str) -> Row {
    is_final(fault, Ending, how, end, told)
}

pub(super) const SETTLE: Group = Group {
    name: "statuses that are ended",
    rows: &[
        unlisted("401 Unauthorized", answers(401), "Bitbucket answered 401 Unauthorized"),
        unlisted("403 Forbidden", answers(403), "Bitbucket answered 403 Forbidden"),
        unlisted("404 Not Found", answers(404), "Bitbucket answered 404 Not Found"),
        unlisted("the repository is removed after the list of pull requests", How::Removed(2), "404"),
        gives_way("429 with Retry-After of 1 s", Statuses, ONE_SECOND, "trying again in N s"),
        is_final("429 with Retry-After beyond TIMEOUT", Statuses, ONE_HOUR, NonePosted, WAITS_NOT),
        gives_way("500 Internal Server Error, once", Statuses, answers(500), "500 Internal Server Error"),
        gives_way("503, once", Statuses, answers(503), "503 Service Unavailable"),
        lasts("503, always", Statuses, Answers(503, &[], "", Always), "503 Service Unavailable"),
        unlisted("200 with a login page", LOGIN, "\"Sign in\", but the answer is not JSON"),
        unlisted("200 with half of the JSON", body("{\"values\":[{\"key\":\"sonar\""), NO_JSON),
        unlisted("200 with an object in place of values", body("{\"values\":{}}"), UNDOCUMENTED),
        unlisted(
            "200 with a status without a state",
            body("{\"values\":[{\"key\":\"sonar\"}]}"),
            UNDOCUMENTED,
        ),
        unlisted(
            "200 with a key that is a number",
            body("{\"values\":[{\"key\":7,\"state\":\"INPROGRESS\"}]}"),
            UNDOCUMENTED,
        ),
        unlisted(
            "200 with the statuses of another commit",
            body(
                "{\"values\":[{\"key\":\"sonar\",\"state\":\"INPROGRESS\",\"updated_on\":\"2020-01-01T00:00:00+00:00\",\"commit\":{\"hash\":\"0123456789ab\"}}]}",
            ),
            "the list has a status of commit 0123456789ab, not of 94277cd267a8",
        ),
        unlisted("a next page at another host", How::NextPage(NextPage::Elsewhere), NOT_OF_BITBUCKET),
        unlisted("a next page that leads back", How::NextPage(NextPage::Second), NO_END),
        unlisted(
            "overlong body: 2 MiB of text",
            always(Sent::Changed(of_two_mebibytes), Then::Close),
            "the answer is longer than 1 MiB",
        ),
        gives_way("reset before the head", Statuses, once(Sent::Lost, Then::Reset), RESET),
        gives_way("truncated body, then closed", Statuses, once(Sent::HalfBody, Then::Close), BROKE),
        silent("stall before the head", Statuses, always(Sent::Lost, Then::Stall)),
        silent("stall inside the body", Statuses, always(Sent::HalfBody, Then::Stall)),
        stays("401 Unauthorized", answers(401), NotPosted, "Bitbucket answered 401 Unauthorized"),
        stays("403 Forbidden", answers(403), NotPosted, "Bitbucket answered 403 Forbidden"),
        stays("404 Not Found", answers(404), NotPosted, "Bitbucket answered 404 Not Found"),
        stays("the repository is removed after the list of statuses", How::Removed(3), NotPosted, "404"),
        gives_way("429 with Retry-After of 1 s", Ending, ONE_SECOND, "429"),
        stays("429 with Retry-After beyond TIMEOUT", ONE_HOUR, NonePosted, WAITS_NOT),
        gives_way(
            "500 Internal Server Error, once",
            Ending,
            answers(500),
            "500 Internal Server Error; looking again in N s",
        ),
        gives_way("503, once", Ending, answers(503), "503 Service Unavailable; looking again in N s"),
        Row {
            fault: "503, always",
            place: Ending,
            how: Answers(503, &[], "", Always),
            again: UntilTimeout,
            end: NotKnown,
            told: "503 Service Unavailable",
        },
        stays("200 with a login page", LOGIN, NotKnown, "\"Sign in\", but the answer is not JSON"),
        stays(
            "200 with another object",
            body("{\"type\":\"repository\"}"),
            NotKnown,
            "but the answer is not a status",
        ),
        gives_way("reset before the head, without effect", Ending, once(Sent::Lost, Then::Reset), RESET),
        Row {
            fault: "reset before the head, after the effect",
            place: Ending,
            how: once(Sent::Nothing, Then::Reset),
            again: Looks,
            end: Delivered,
            told: RESET,
        },
        Row {
            fault: "truncated body, then closed",
            place: Ending,
            how: once(Sent::HalfBody, Then::Close),
            again: Looks,
            end: Delivered,
            told: BROKE,
        },
        Row {
            fault: "closed before the head, after the effect, always",
            place: Ending,
            how: always(Sent::Nothing, Then::Close),
            again: Looks,
            end: Delivered,
            told: BROKE,
        },
        Row {
            fault: "reset before the head, without effect, always",
            place: Ending,
            how: always(Sent::Lost, Then::Reset),
            again: UntilTimeout,
            end: NotKnown,
            told: RESET,
        },
        Row {
            fault: "stall before the head",
            place: Ending,
            how: always(Sent::Lost, Then::Stall),
            again: Silent,
            end: NotKnown,
            told: SILENT,
        },
        Row {
            fault: "stall before the head, after the effect",
            place: Ending,
            how: always(Sent::Nothing, Then::Stall),
            again: Silent,
            end: NotKnownButStands,
            told: SILENT,
        },
    ],
};
