//! Rows about `MODE: settle`: the list of the statuses of a commit, and the POST that ends one of them. The status of the other
//! repository is ended whatever goes wrong with one.

use super::{
    Again::{Looks, Silent, UntilTimeout, Yes},
    End::{self, Delivered, NonePosted, NotKnown, NotKnownButStands, NotPosted},
    Group,
    How::{self, Answers},
    NextPage,
    Place::{Ending, Statuses},
    Row,
    Times::{Always, Once},
    bitbucket::of_two_mebibytes,
    row::{BROKE, SILENT, always, answers, is_final, once},
    wire::{End as Then, Sent},
};

const fn unlisted(fault: &'static str, how: How, told: &'static str) -> Row {
    is_final(fault, Statuses, how, NotPosted, told)
}

const fn stays(fault: &'static str, how: How, end: End, told: &'static str) -> Row {
    is_final(fault, Ending, how, end, told)
}

/// A body of 200 that is not what was asked for, each time.
const fn body(text: &'static str) -> How {
    Answers(200, &[], text, Always)
}

const UNDOCUMENTED: &str = "the answer does not have the documented format";
const RESET: &str = "Connection reset by peer";

pub(super) const SETTLE: Group = Group {
    name: "statuses that are ended",
    rows: &[
        unlisted("401 Unauthorized", answers(401), "Bitbucket answered 401 Unauthorized"),
        unlisted("403 Forbidden", answers(403), "Bitbucket answered 403 Forbidden"),
        unlisted("404 Not Found", answers(404), "Bitbucket answered 404 Not Found"),
        unlisted("the repository is removed after the list of pull requests", How::Removed(2), "404"),
        Row {
            fault: "429 with Retry-After of 1 s",
            place: Statuses,
            how: Answers(429, &[("retry-after", "1")], "", Once),
            again: Yes,
            end: Delivered,
            told: "trying again in N s",
        },
        is_final(
            "429 with Retry-After beyond TIMEOUT",
            Statuses,
            Answers(429, &[("retry-after", "3600")], "", Always),
            NonePosted,
            "so Gatepost does not wait",
        ),
        Row {
            fault: "500 Internal Server Error, once",
            place: Statuses,
            how: answers(500),
            again: Yes,
            end: Delivered,
            told: "500 Internal Server Error",
        },
        Row {
            fault: "503, once",
            place: Statuses,
            how: answers(503),
            again: Yes,
            end: Delivered,
            told: "503 Service Unavailable",
        },
        Row {
            fault: "503, always",
            place: Statuses,
            how: Answers(503, &[], "", Always),
            again: UntilTimeout,
            end: NotPosted,
            told: "503 Service Unavailable",
        },
        unlisted(
            "200 with a login page",
            body("<title>Sign in</title>"),
            "\"Sign in\", but the answer is not JSON",
        ),
        unlisted(
            "200 with half of the JSON",
            body("{\"values\":[{\"key\":\"sonar\""),
            "but the answer is not JSON",
        ),
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
        unlisted(
            "a next page at another host",
            How::NextPage(NextPage::Elsewhere),
            "which is not Bitbucket's API: the credential is not sent there",
        ),
        unlisted(
            "a next page that leads back",
            How::NextPage(NextPage::Second),
            "which was read before: the list does not end",
        ),
        unlisted(
            "overlong body: 2 MiB of text",
            always(Sent::Changed(of_two_mebibytes), Then::Close),
            "the answer is longer than 1 MiB",
        ),
        Row {
            fault: "reset before the head",
            place: Statuses,
            how: once(Sent::Lost, Then::Reset),
            again: Yes,
            end: Delivered,
            told: RESET,
        },
        Row {
            fault: "truncated body, then closed",
            place: Statuses,
            how: once(Sent::HalfBody, Then::Close),
            again: Yes,
            end: Delivered,
            told: BROKE,
        },
        Row {
            fault: "stall before the head",
            place: Statuses,
            how: always(Sent::Lost, Then::Stall),
            again: Silent,
            end: NotPosted,
            told: SILENT,
        },
        Row {
            fault: "stall inside the body",
            place: Statuses,
            how: always(Sent::HalfBody, Then::Stall),
            again: Silent,
            end: NotPosted,
            told: SILENT,
        },
        stays("401 Unauthorized", answers(401), NotPosted, "Bitbucket answered 401 Unauthorized"),
        stays("403 Forbidden", answers(403), NotPosted, "Bitbucket answered 403 Forbidden"),
        stays("404 Not Found", answers(404), NotPosted, "Bitbucket answered 404 Not Found"),
        stays("the repository is removed after the list of statuses", How::Removed(3), NotPosted, "404"),
        Row {
            fault: "429 with Retry-After of 1 s",
            place: Ending,
            how: Answers(429, &[("retry-after", "1")], "", Once),
            again: Yes,
            end: Delivered,
            told: "429",
        },
        stays(
            "429 with Retry-After beyond TIMEOUT",
            Answers(429, &[("retry-after", "3600")], "", Always),
            NonePosted,
            "so Gatepost does not wait",
        ),
        Row {
            fault: "500 Internal Server Error, once",
            place: Ending,
            how: answers(500),
            again: Yes,
            end: Delivered,
            told: "500 Internal Server Error; looking again in N s",
        },
        Row {
            fault: "503, once",
            place: Ending,
            how: answers(503),
            again: Yes,
            end: Delivered,
            told: "503 Service Unavailable; looking again in N s",
        },
        Row {
            fault: "503, always",
            place: Ending,
            how: Answers(503, &[], "", Always),
            again: UntilTimeout,
            end: NotKnown,
            told: "503 Service Unavailable",
        },
        stays(
            "200 with a login page",
            body("<title>Sign in</title>"),
            NotKnown,
            "\"Sign in\", but the answer is not JSON",
        ),
        stays(
            "200 with another object",
            body("{\"type\":\"repository\"}"),
            NotKnown,
            "but the answer is not a status",
        ),
        Row {
            fault: "reset before the head, without effect",
            place: Ending,
            how: once(Sent::Lost, Then::Reset),
            again: Yes,
            end: Delivered,
            told: RESET,
        },
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
