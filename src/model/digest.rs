//! A short number for a long text.

use ring::digest::{SHA256, digest};

/// The first 64 bits of the SHA-256 of a text: two texts of one run have the same by a chance of nearly nothing.
pub(crate) fn short_digest(text: &str) -> u64 {
    let digest = digest(&SHA256, text.as_bytes());
    digest.as_ref()[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
