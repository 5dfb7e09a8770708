//! What rows of several groups are made of.

use super::{
    Again::No,
    End,
    How::{self, Answers},
    Place, Row,
    Times::{Always, Once},
    wire::{Break, End as Then, Sent},
};

pub(super) const BROKE: &str = "the connection broke before the response was complete";
pub(super) const SILENT: &str = "no complete response within N s";

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
