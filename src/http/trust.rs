//! Which server certificates are trusted, and why one is not.

use std::{
    error::Error,
    fmt,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::{
    CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime},
    server::ParsedCertificate,
};

use crate::{
    console::text::counted,
    http::certificate::{Certificate, Name},
};

/// Trusts what Mozilla's roots and the roots of the variables vouch for, and the very certificates that the variables
/// hold.
///
/// `rustls` trusts a certificate only when an authority vouches for it. The certificate that `openssl req -x509` makes
/// by default is an authority and a server at once, which `rustls` refuses, and other programs accept when it was
/// passed as a root: <https://curl.se/docs/sslcerts.html>.
#[derive(Debug)]
pub(crate) struct Trust {
    /// Knows the built-in roots and the extra ones.
    inner: Arc<WebPkiServerVerifier>,
    extra: Vec<CertificateDer<'static>>,
    /// The subjects of the extra roots and the built-in ones.
    roots: Vec<TrustAnchor<'static>>,
}

/// Why a certificate is not trusted. Displayed, it completes "the certificate of the server is not trusted: ".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Untrusted {
    /// No trusted root vouches for it.
    UnknownAuthority {
        /// The name of the authority that issued it.
        issuer: Option<String>,
        /// Whether the server sends it alone, without the certificate of an authority between it and a root.
        is_alone: bool,
        /// Whether a variable holds roots.
        has_extra_roots: bool,
    },
    /// It vouches for itself.
    SelfSigned,
    /// Since this day, when it is known.
    Expired(Option<String>),
    /// Until this day, when it is known.
    NotYetValid(Option<String>),
    /// It has these names, and not the one of the server.
    OtherHost(Vec<String>),
    /// It has the format before version 3, which has no room for names.
    OldVersion(u8),
    /// It was not made for servers.
    OtherPurpose,
    /// Its signature has an algorithm that is not supported any more, such as SHA-1.
    OldAlgorithm,
    /// It is damaged, or has something that Gatepost does not know.
    Damaged,
}

/// More names are only counted.
const NAMES_SHOWN: usize = 5;

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAuthority { issuer: Some(issuer), .. } => {
                write!(f, "it was issued by an unknown authority, \"{issuer}\"")
            }
            Self::UnknownAuthority { issuer: None, .. } => {
                f.write_str("it was issued by an unknown authority")
            }
            Self::SelfSigned => f.write_str("it vouches for itself, and no variable holds it"),
            Self::Expired(Some(day)) => write!(f, "it expired on {day}"),
            Self::Expired(None) => f.write_str("it has expired"),
            Self::NotYetValid(Some(day)) => write!(f, "it is not valid before {day}"),
            Self::NotYetValid(None) => f.write_str("it is not valid yet"),
            Self::OtherHost(names) => {
                let shown = names.iter().take(NAMES_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
                match names.len() {
                    0 => f.write_str("it names no host"),
                    1..=NAMES_SHOWN => write!(f, "it is for another host: {shown}"),
                    more => write!(
                        f,
                        "it is for other hosts: {shown} and {} more",
                        counted(more - NAMES_SHOWN, "name")
                    ),
                }
            }
            Self::OldVersion(version) => write!(f, "it is an X.509 certificate of version {version}, not 3"),
            Self::OtherPurpose => f.write_str("it was not made for servers"),
            Self::OldAlgorithm => f.write_str("it is signed with an old algorithm"),
            Self::Damaged => f.write_str("it is damaged"),
        }
    }
}

impl Error for Untrusted {}

impl Trust {
    /// Trusts Mozilla's roots and `extra`.
    ///
    /// # Errors
    ///
    /// None: there are always roots.
    pub(crate) fn new(
        extra: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, rustls::client::VerifierBuilderError> {
        let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        store.add_parsable_certificates(extra.iter().cloned());
        let roots = store.roots.clone();
        let inner = WebPkiServerVerifier::builder_with_provider(store.into(), provider.clone()).build()?;
        Ok(Self { inner, extra, roots })
    }

    /// Whether a variable holds this very certificate, and it is for this server and valid today.
    fn is_held(
        &self,
        certificate: &CertificateDer<'_>,
        server: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<bool, rustls::Error> {
        if !self.extra.iter().any(|held| held == certificate) {
            return Ok(false);
        }
        // Dates are checked before anything else, so another error says that they fit.
        match self.inner.verify_server_cert(certificate, &[], server, &[], now) {
            Ok(_) => return Ok(true),
            Err(rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::NotValidForNameContext { .. },
            )) => {}
            Err(error) if is_authority(&error) => {}
            Err(error) => return Err(error),
        }
        let named = verify_server_name(&ParsedCertificate::try_from(certificate)?, server);
        match named {
            // Without alternative names the subject counts, as it did before RFC 6125.
            Err(rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext {
                presented,
                ..
            })) if presented.is_empty() && is_subject(certificate, server) => Ok(true),
            named => named.map(|()| true),
        }
    }

    /// Why `error` came of a chain of certificates.
    fn reason(
        &self,
        error: &CertificateError,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
    ) -> Untrusted {
        let read = Certificate::read(certificate);
        match error {
            _ if read.is_some_and(|read| read.version < 3) => {
                Untrusted::OldVersion(read.map_or(1, |read| read.version))
            }
            CertificateError::UnknownIssuer if read.is_some_and(|read| read.is_self_issued()) => {
                Untrusted::SelfSigned
            }
            CertificateError::UnknownIssuer => {
                let last = intermediates.last().and_then(|last| Certificate::read(last)).or(read);
                let issuer = last.map(|last| last.issuer);
                Untrusted::UnknownAuthority {
                    issuer: issuer.and_then(Name::shown),
                    // An authority that is known by its name did not sign it.
                    is_alone: intermediates.is_empty()
                        && !issuer.is_some_and(|issuer| {
                            self.roots.iter().any(|root| root.subject.as_ref() == issuer.0)
                        }),
                    has_extra_roots: !self.extra.is_empty(),
                }
            }
            CertificateError::ExpiredContext { not_after, .. } => Untrusted::Expired(day(*not_after)),
            CertificateError::Expired => Untrusted::Expired(None),
            CertificateError::NotValidYetContext { not_before, .. } => {
                Untrusted::NotYetValid(day(*not_before))
            }
            CertificateError::NotValidYet => Untrusted::NotYetValid(None),
            CertificateError::NotValidForNameContext { presented, .. } => {
                Untrusted::OtherHost(names(presented))
            }
            CertificateError::NotValidForName => Untrusted::OtherHost(Vec::new()),
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                Untrusted::OtherPurpose
            }
            CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                Untrusted::OldAlgorithm
            }
            CertificateError::Other(_) if read.is_some_and(|read| read.is_self_issued()) => {
                Untrusted::SelfSigned
            }
            _ => Untrusted::Damaged,
        }
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified =
            match self.inner.verify_server_cert(certificate, intermediates, server, ocsp_response, now) {
                Ok(verified) => return Ok(verified),
                Err(error) => match self.is_held(certificate, server, now) {
                    Ok(true) => return Ok(ServerCertVerified::assertion()),
                    Ok(false) => error,
                    Err(error) => error,
                },
            };
        Err(match verified {
            rustls::Error::InvalidCertificate(error) => {
                let reason = self.reason(&error, certificate, intermediates);
                CertificateError::Other(OtherError(Arc::new(reason))).into()
            }
            other => other,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Whether a certificate was refused only because it is one of an authority. `rustls` does not name this error.
fn is_authority(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidCertificate(CertificateError::Other(other))
        if other.to_string().contains("CaUsedAsEndEntity"))
}

/// Whether the common name of the subject is the name of the server.
fn is_subject(certificate: &CertificateDer<'_>, server: &ServerName<'_>) -> bool {
    let name = Certificate::read(certificate).and_then(|read| read.subject.common_name());
    name.is_some_and(|name| match server {
        ServerName::DnsName(server) => name.eq_ignore_ascii_case(server.as_ref()),
        ServerName::IpAddress(server) => {
            name.parse::<IpAddr>().is_ok_and(|name| name == IpAddr::from(*server))
        }
        _ => false,
    })
}

/// The names in the texts of `rustls`: `DnsName("a.example")`, `IpAddress(10.0.0.1)`.
fn names(presented: &[String]) -> Vec<String> {
    presented
        .iter()
        .filter_map(|name| {
            let name = name.strip_prefix("DnsName(").or_else(|| name.strip_prefix("IpAddress("))?;
            Some(name.trim_end_matches(')').trim_matches('"').to_owned())
        })
        .collect()
}

/// The day of a time: "31 Jan 2020".
fn day(time: UnixTime) -> Option<String> {
    let seconds = Some(time.as_secs()).filter(|seconds| *seconds < YEAR_9999)?;
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    // The format of HTTP is "Fri, 31 Jan 2020 00:00:00 GMT".
    httpdate::fmt_http_date(time).get(5..16).map(str::to_owned)
}

/// No date from this second on can be written in the format of HTTP.
const YEAR_9999: u64 = 253_370_764_800;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_as_people_write_it() {
        let written = |seconds| day(UnixTime::since_unix_epoch(Duration::from_secs(seconds)));
        assert_eq!(written(1_580_428_800).as_deref(), Some("31 Jan 2020"));
        assert_eq!(written(u64::MAX), None);
    }

    #[test]
    fn the_names_of_a_certificate_are_listed() {
        let presented = ["DnsName(\"*.a.example\")", "IpAddress(10.0.0.1)", "DirectoryName"];
        let names = names(&presented.map(str::to_owned));
        assert_eq!(names, ["*.a.example", "10.0.0.1"]);
        assert_eq!(Untrusted::OtherHost(names).to_string(), "it is for another host: *.a.example, 10.0.0.1");
        let many = (0..7).map(|number| format!("h{number}.example")).collect();
        assert!(Untrusted::OtherHost(many).to_string().ends_with("h4.example and 2 names more"));
    }
}
