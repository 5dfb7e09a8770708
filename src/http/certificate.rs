//! Reads the parts of a certificate that explain why it is not trusted: its version, issuer and subject.
//!
//! Nothing is trusted because of what is read here.

/// The parts of a certificate: <https://www.rfc-editor.org/rfc/rfc5280#section-4.1>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Certificate<'a> {
    /// 1, 2 or 3.
    pub(crate) version: u8,
    pub(crate) issuer: Name<'a>,
    pub(crate) subject: Name<'a>,
}

/// A distinguished name, without its outer tag: as a trust anchor holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name<'a>(pub(crate) &'a [u8]);

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// The explicit tag of the version, which version 1 leaves out.
const VERSION: u8 = 0xa0;
/// `id-at-commonName` and `id-at-organizationName`.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
/// `ub-common-name` of RFC 5280. A longer name is not shown.
const NAME_MAX_CHARS: usize = 64;

impl<'a> Certificate<'a> {
    /// Reads a certificate; `None` when it is damaged.
    pub(crate) fn read(der: &'a [u8]) -> Option<Self> {
        let (certificate, _) = tagged(SEQUENCE, der)?;
        let (mut rest, _) = tagged(SEQUENCE, certificate)?;
        let mut version = 1;
        if let Some((number, after)) = tagged(VERSION, rest) {
            version = number.last()?.checked_add(1)?;
            rest = after;
        }
        let (_serial_number, rest) = first(rest)?;
        let (_algorithm, rest) = tagged(SEQUENCE, rest)?;
        let (issuer, rest) = tagged(SEQUENCE, rest)?;
        let (_validity, rest) = tagged(SEQUENCE, rest)?;
        let (subject, _) = tagged(SEQUENCE, rest)?;
        Some(Self { version, issuer: Name(issuer), subject: Name(subject) })
    }

    /// Whether it names itself as its issuer.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }
}

impl Name<'_> {
    /// The common name, when it can be shown.
    pub(crate) fn common_name(self) -> Option<String> {
        self.attribute(COMMON_NAME)
    }

    /// How people call it: its common name, else its organization.
    pub(crate) fn shown(self) -> Option<String> {
        self.common_name().or_else(|| self.attribute(ORGANIZATION))
    }

    fn attribute(self, wanted: &[u8]) -> Option<String> {
        let mut rest = self.0;
        while let Some((set, after)) = tagged(SET, rest) {
            rest = after;
            let mut attributes = set;
            while let Some((attribute, after)) = tagged(SEQUENCE, attributes) {
                attributes = after;
                let (kind, value) = first(attribute)?;
                if kind.content == wanted {
                    let (Element { content: text, .. }, _) = first(value)?;
                    return std::str::from_utf8(text)
                        .ok()
                        .filter(|text| !text.is_empty() && text.chars().count() <= NAME_MAX_CHARS)
                        .map(str::to_owned);
                }
            }
        }
        None
    }
}

/// An element of DER.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

/// The content of the first element when it has this tag, and what follows it.
fn tagged(wanted: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (Element { tag, content }, rest) = first(der)?;
    (tag == wanted).then_some((content, rest))
}

/// The first element, and what follows it. All tags that are read here have one byte.
fn first(der: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        short @ 0..0x80 => (usize::from(short), rest),
        long => {
            let (bytes, rest) =
                rest.split_at_checked(usize::from(long & 0x7f)).filter(|(it, _)| it.len() <= 4)?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((Element { tag, content }, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rustls::pki_types::{CertificateDer, pem::PemObject};

    use super::*;

    #[test]
    fn issuer_and_subject_of_a_root_are_read() {
        let sandbox = sandbox::Sandbox::start(sandbox::World::acme());
        let der = CertificateDer::from_pem_slice(sandbox.root_certificate_pem().as_bytes()).unwrap();
        let certificate = Certificate::read(&der).unwrap();
        assert_eq!((certificate.version, certificate.is_self_issued()), (3, true));
        assert_eq!(certificate.subject.common_name().as_deref(), Some("Sandbox root"));
        assert_eq!(certificate.issuer.shown().as_deref(), Some("Sandbox root"));
    }

    proptest! {
        #[test]
        fn damaged_certificates_are_read_as_far_as_they_go(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(certificate) = Certificate::read(&bytes) {
                let _ = certificate.subject.shown();
            }
        }
    }
}
