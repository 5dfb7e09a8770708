//! What rows of several groups are made of.

use super::{
    Again::{No, Silent, UntilTimeout, Yes},
    End::{self, Delivered, NotPosted},
    How::{self, Answers},
    Place, Row,
    Times::{Always, Once},
    wire::{Break, End as Then, Sent},
};

pub(super) const BROKE: &str = "the connection broke before the response was complete";
pub(super) const RESET: &str = "Connection reset by peer";
pub(super) const SILENT: &str = "no complete response within N s";
pub(super) const UNDOCUMENTED: &str = "the answer does not have the documented format";
pub(super) const NO_JSON: &str = "but the answer is not JSON";
pub(super) const WAITS_NOT: &str = "so Gatepost does not wait";
pub(super) const NOT_OF_BITBUCKET: &str = "which is not Bitbucket's API: the credential is not sent there";
pub(super) const NO_END: &str = "which was read before: the list does not end";

pub(super) const ONE_SECOND: How = Answers(429, &[("retry-after", "1")], "", Once);
pub(super) const ONE_HOUR: How = Answers(429, &[("retry-after", "3600")], "", Always);
pub(super) const LOGIN: How = body("<title>Sign in</title>");

/// A break on the wire, with one such request.
pub(super) const fn once(sent: Sent, end: Then) -> How {
    How::Wire(Break { sent, end }, Once)
}

/// A break on the wire, with every such request.
pub(super) const fn always(sent: Sent, end: Then) -> How {
    How::Wire(Break { sent, end }, Always)
}

/// An answer in place of the real one, once.
pub(super) const fn answers(status: u16) -> How {
    Answers(status, &[], "status\n", Once)
}

/// An answer that another attempt would not change.
pub(super) const fn is_final(
    fault: &'static str,
    place: Place,
    how: How,
    end: End,
    told: &'static str,
) -> Row {
    Row { fault, place, how, again: No, end, told }
}

/// A body of 200 that is not what was asked for, each time.
pub(super) const fn body(text: &'static str) -> How {
    Answers(200, &[], text, Always)
}

/// What another attempt mends.
pub(super) const fn gives_way(fault: &'static str, place: Place, how: How, told: &'static str) -> Row {
    Row { fault, place, how, again: Yes, end: Delivered, told }
}

/// What stays until the time is over, so that nothing is posted.
pub(super) const fn lasts(fault: &'static str, place: Place, how: How, told: &'static str) -> Row {
    Row { fault, place, how, again: UntilTimeout, end: NotPosted, told }
}

/// No complete answer to the first attempt.
pub(super) const fn silent(fault: &'static str, place: Place, how: How) -> Row {
    Row { fault, place, how, again: Silent, end: NotPosted, told: SILENT }
}
