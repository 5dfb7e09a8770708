//! Rows about the targets that a run finds: the repositories of a workspace, their open pull requests and main branches. The
//! other repository of the run gets its status whatever goes wrong with one.

use super::{
    Again::{Silent, UntilTimeout, Yes},
    End::{Delivered, NonePosted, NotKnownButStands, NotPosted},
    Group,
    How::{self, Answers},
    NextPage,
    Place::{self, BranchOfFound, MainBranch, PullRequests, Repositories, SecondPage, StatusOfFound},
    Row,
    Times::{Always, Once},
    bitbucket::of_two_mebibytes,
    row::{BROKE, SILENT, always, answers, is_final, once},
    wire::{End as Then, Sent},
};

/// What cannot be read, so that its targets are not known.
const fn unread(fault: &'static str, place: Place, how: How, told: &'static str) -> Row {
    is_final(fault, place, how, NotPosted, told)
}

/// A body of 200 that is not what was asked for, each time.
const fn body(text: &'static str) -> How {
    Answers(200, &[], text, Always)
}

const fn gives_way(fault: &'static str, place: Place, how: How, told: &'static str) -> Row {
    Row { fault, place, how, again: Yes, end: Delivered, told }
}

const fn lasts(fault: &'static str, place: Place, how: How, told: &'static str) -> Row {
    Row { fault, place, how, again: UntilTimeout, end: NotPosted, told }
}

const fn silent(fault: &'static str, place: Place, how: How) -> Row {
    Row { fault, place, how, again: Silent, end: NotPosted, told: SILENT }
}

const NOT_OF_BITBUCKET: &str = "which is not Bitbucket's API: the credential is not sent there";
const NO_END: &str = "which was read before: the list does not end";
const UNDOCUMENTED: &str = "the answer does not have the documented format";
const WAITS_NOT: &str = "so Gatepost does not wait";
const ONE_SECOND: How = Answers(429, &[("retry-after", "1")], "", Once);
const ONE_HOUR: How = Answers(429, &[("retry-after", "3600")], "", Always);
const LOGIN: How = body("<title>Sign in</title>");
const RESET: &str = "Connection reset by peer";

pub(super) const LISTS: Group = Group {
    name: "targets that are found",
    rows: &[
        unread("401 Unauthorized", Repositories, answers(401), "Bitbucket answered 401 Unauthorized"),
        unread("403 Forbidden", Repositories, answers(403), "Bitbucket answered 403 Forbidden"),
        unread("404 Not Found", Repositories, answers(404), "Bitbucket answered 404 Not Found"),
        gives_way("429 with Retry-After of 1 s", Repositories, ONE_SECOND, "trying again in N s"),
        is_final("429 with Retry-After beyond TIMEOUT", Repositories, ONE_HOUR, NonePosted, WAITS_NOT),
        gives_way("500 Internal Server Error, once", Repositories, answers(500), "500 Internal Server Error"),
        gives_way("503, once", Repositories, answers(503), "Bitbucket answered 503 Service Unavailable"),
        lasts("503, always", Repositories, Answers(503, &[], "", Always), "503 Service Unavailable"),
        unread(
            "redirect to another host",
            Repositories,
            Answers(301, &[("location", "http://localhost:1/elsewhere")], "", Always),
            "Gatepost does not follow",
        ),
        unread("200 with a login page", Repositories, LOGIN, "\"Sign in\", but the answer is not JSON"),
        unread(
            "200 with half of the JSON",
            Repositories,
            body("{\"values\":[{\"full_name\":\"acme/api\""),
            "but the answer is not JSON",
        ),
        unread("200 without a body", Repositories, body(""), "an empty body"),
        unread("200 with an array in place of a page", Repositories, body("[]"), UNDOCUMENTED),
        unread("200 without values", Repositories, body("{\"size\":0}"), UNDOCUMENTED),
        unread(
            "200 with a name that is a number",
            Repositories,
            body("{\"values\":[{\"full_name\":7}]}"),
            UNDOCUMENTED,
        ),
        unread(
            "200 with a name that is no name",
            Repositories,
            body("{\"values\":[{\"full_name\":\"acme/../api\"}]}"),
            UNDOCUMENTED,
        ),
        unread(
            "200 with a next page that is a number",
            Repositories,
            body("{\"values\":[],\"next\":2}"),
            UNDOCUMENTED,
        ),
        unread(
            "a next page at another host",
            Repositories,
            How::NextPage(NextPage::Elsewhere),
            NOT_OF_BITBUCKET,
        ),
        unread("a next page that leads back", Repositories, How::NextPage(NextPage::Second), NO_END),
        unread(
            "overlong body: 2 MiB of text",
            Repositories,
            always(Sent::Changed(of_two_mebibytes), Then::Close),
            "the answer is longer than 1 MiB",
        ),
        gives_way("reset before the head", Repositories, once(Sent::Lost, Then::Reset), RESET),
        gives_way("truncated body, then closed", Repositories, once(Sent::HalfBody, Then::Close), BROKE),
        lasts("closed inside the head, always", Repositories, always(Sent::HalfHead, Then::Close), BROKE),
        silent("stall before the head", Repositories, always(Sent::Lost, Then::Stall)),
        silent("one byte a second", Repositories, always(Sent::Whole, Then::ByteASecond)),
        unread("401 Unauthorized", PullRequests, answers(401), "Bitbucket answered 401 Unauthorized"),
        unread("403 Forbidden", PullRequests, answers(403), "Bitbucket answered 403 Forbidden"),
        unread("404 Not Found", PullRequests, answers(404), "Bitbucket answered 404 Not Found"),
        unread(
            "the repository is removed after the list of repositories",
            PullRequests,
            How::Removed(1),
            "Bitbucket answered 404 Not Found",
        ),
        gives_way("429 with Retry-After of 1 s", PullRequests, ONE_SECOND, "trying again in N s"),
        is_final("429 with Retry-After beyond TIMEOUT", PullRequests, ONE_HOUR, NonePosted, WAITS_NOT),
        gives_way("500 Internal Server Error, once", PullRequests, answers(500), "500 Internal Server Error"),
        gives_way("503, once", PullRequests, answers(503), "Bitbucket answered 503 Service Unavailable"),
        lasts("503, always", PullRequests, Answers(503, &[], "", Always), "503 Service Unavailable"),
        unread("200 with a login page", PullRequests, LOGIN, "\"Sign in\", but the answer is not JSON"),
        unread(
            "200 with half of the JSON",
            PullRequests,
            body("{\"values\":[{\"id\":7"),
            "but the answer is not JSON",
        ),
        unread(
            "200 with a number that is text",
            PullRequests,
            body(
                "{\"values\":[{\"id\":\"7\",\"source\":{},\"destination\":{\"branch\":{\"name\":\"main\"}}}]}",
            ),
            UNDOCUMENTED,
        ),
        unread(
            "200 with a commit that is no hash",
            PullRequests,
            body(
                "{\"values\":[{\"id\":7,\"source\":{\"branch\":{\"name\":\"feature/login\"},\"commit\":{\"hash\":\"HEAD\"}},\"destination\":{\"branch\":{\"name\":\"main\"}}}]}",
            ),
            UNDOCUMENTED,
        ),
        unread(
            "200 without the source",
            PullRequests,
            body("{\"values\":[{\"id\":7,\"destination\":{\"branch\":{\"name\":\"main\"}}}]}"),
            UNDOCUMENTED,
        ),
        unread(
            "a next page at another host",
            PullRequests,
            How::NextPage(NextPage::Elsewhere),
            NOT_OF_BITBUCKET,
        ),
        unread("a next page that leads back", PullRequests, How::NextPage(NextPage::Second), NO_END),
        unread(
            "overlong body: 2 MiB of text",
            PullRequests,
            always(Sent::Changed(of_two_mebibytes), Then::Close),
            "the answer is longer than 1 MiB",
        ),
        gives_way("reset before the head", PullRequests, once(Sent::Lost, Then::Reset), RESET),
        gives_way("truncated body, then closed", PullRequests, once(Sent::HalfBody, Then::Close), BROKE),
        silent("stall before the head", PullRequests, always(Sent::Lost, Then::Stall)),
        silent("stall inside the body", PullRequests, always(Sent::HalfBody, Then::Stall)),
        unread(
            "garbage instead of HTTP",
            PullRequests,
            always(Sent::Instead(b"220 mail.example ESMTP\r\n"), Then::Close),
            "answers something else than HTTP/1.1",
        ),
        unread("403 Forbidden", SecondPage, answers(403), "Bitbucket answered 403 Forbidden"),
        unread(
            "the repository is removed after the first page",
            SecondPage,
            How::Removed(1),
            "Bitbucket answered 404 Not Found",
        ),
        gives_way("429 with Retry-After of 1 s", SecondPage, ONE_SECOND, "trying again in N s"),
        gives_way("503, once", SecondPage, answers(503), "Bitbucket answered 503 Service Unavailable"),
        lasts("503, always", SecondPage, Answers(503, &[], "", Always), "503 Service Unavailable"),
        unread("200 with a login page", SecondPage, LOGIN, "\"Sign in\", but the answer is not JSON"),
        gives_way("truncated body, then closed", SecondPage, once(Sent::HalfBody, Then::Close), BROKE),
        silent("stall before the head", SecondPage, always(Sent::Lost, Then::Stall)),
        unread("401 Unauthorized", MainBranch, answers(401), "Bitbucket answered 401 Unauthorized"),
        unread("403 Forbidden", MainBranch, answers(403), "Bitbucket answered 403 Forbidden"),
        unread("404 Not Found", MainBranch, answers(404), "Bitbucket answered 404 Not Found"),
        gives_way("429 with Retry-After of 1 s", MainBranch, ONE_SECOND, "trying again in N s"),
        is_final("429 with Retry-After beyond TIMEOUT", MainBranch, ONE_HOUR, NonePosted, WAITS_NOT),
        gives_way("503, once", MainBranch, answers(503), "Bitbucket answered 503 Service Unavailable"),
        lasts("503, always", MainBranch, Answers(503, &[], "", Always), "503 Service Unavailable"),
        unread("200 with a login page", MainBranch, LOGIN, "\"Sign in\", but the answer is not JSON"),
        unread(
            "200 with half of the JSON",
            MainBranch,
            body("{\"full_name\":\"acme/api\""),
            "but the answer is not JSON",
        ),
        unread(
            "200 with a branch that is text",
            MainBranch,
            body("{\"full_name\":\"acme/api\",\"mainbranch\":\"main\"}"),
            UNDOCUMENTED,
        ),
        unread("200 without a name", MainBranch, body("{\"mainbranch\":{\"name\":\"main\"}}"), UNDOCUMENTED),
        gives_way("reset before the head", MainBranch, once(Sent::Lost, Then::Reset), RESET),
        silent("stall before the head", MainBranch, always(Sent::Lost, Then::Stall)),
        unread("401 Unauthorized", BranchOfFound, answers(401), "Bitbucket answered 401 Unauthorized"),
        unread(
            "404, as the branch is deleted",
            BranchOfFound,
            Answers(404, &[], "{\"type\":\"error\",\"error\":{\"message\":\"Branch not found\"}}", Always),
            "Bitbucket answered 404 Not Found",
        ),
        unread(
            "the repository is removed after its main branch was read",
            BranchOfFound,
            How::Removed(2),
            "Bitbucket answered 404 Not Found",
        ),
        gives_way("503, once", BranchOfFound, answers(503), "Bitbucket answered 503 Service Unavailable"),
        lasts("503, always", BranchOfFound, Answers(503, &[], "", Always), "503 Service Unavailable"),
        unread("200 with a login page", BranchOfFound, LOGIN, "\"Sign in\", but the answer is not JSON"),
        unread(
            "200 with a head that is no hash",
            BranchOfFound,
            body("{\"name\":\"main\",\"target\":{\"hash\":\"HEAD\"}}"),
            UNDOCUMENTED,
        ),
        gives_way("truncated body, then closed", BranchOfFound, once(Sent::HalfBody, Then::Close), BROKE),
        silent("stall before the head", BranchOfFound, always(Sent::Lost, Then::Stall)),
        unread(
            "the repository is removed after the list of pull requests",
            StatusOfFound,
            How::Removed(2),
            "404",
        ),
        unread("401 Unauthorized", StatusOfFound, answers(401), "401"),
        gives_way("429 with Retry-After of 1 s", StatusOfFound, ONE_SECOND, "trying again in N s"),
        gives_way("503, once", StatusOfFound, answers(503), "503 Service Unavailable"),
        gives_way(
            "reset before the head, after the effect",
            StatusOfFound,
            once(Sent::Nothing, Then::Reset),
            RESET,
        ),
        Row {
            fault: "closed before the head, after the effect, always",
            place: StatusOfFound,
            how: always(Sent::Nothing, Then::Close),
            again: UntilTimeout,
            end: NotKnownButStands,
            told: BROKE,
        },
    ],
};
