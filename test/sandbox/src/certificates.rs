//! The certificates of the sandbox, made when it starts: a root, and a leaf for the names of this machine; or one
//! that a client has reason to refuse.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SigningKey, date_time_ymd,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What this machine is called from itself, and from a container on it.
const NAMES: [&str; 5] =
    ["localhost", "127.0.0.1", "host.docker.internal", "host.containers.internal", "sonarcloud.io"];
/// What the certificate for another host names.
const OTHER_NAMES: [&str; 2] = ["sonar.internal.example", "sonar"];

type Made<T> = Result<T, rcgen::Error>;

/// What a server shows its clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Certificate {
    /// A certificate that the root vouches for, with the names of this machine.
    #[default]
    Good,
    /// A certificate that vouches for itself: `openssl req -x509 -addext subjectAltName=DNS:localhost,...`. The
    /// configuration that comes with `OpenSSL` adds `CA:TRUE` (section `v3_ca` of `apps/openssl.cnf`).
    SelfSigned,
    /// The same without `-addext`: the name is in the subject only, `CN=localhost`.
    SelfSignedWithoutNames,
    /// The root vouches for it, but it has the names `sonar.internal.example` and `sonar`.
    OfAnotherHost,
    /// Valid until 2020.
    Expired,
    /// Valid from 2099 on.
    NotYetValid,
    /// Another root vouches for it than the one that clients get.
    OfUnknownAuthority,
    /// An intermediate certificate vouches for it, which the server does not send.
    WithoutIntermediate,
    /// X.509 version 1, which has no room for names: `openssl x509 -req` without a file of extensions made such
    /// certificates until `OpenSSL` 3.
    Version1,
    /// Good, and the server wants one of its client, too.
    ClientCertificateWanted,
}

/// What a server needs for TLS.
pub(crate) struct Certificates {
    /// The root certificate as PEM text, for clients.
    pub(crate) root_pem: String,
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
    /// The root that has to vouch for clients, where they need a certificate.
    pub(crate) root_of_clients: Option<CertificateDer<'static>>,
}

impl Certificates {
    pub(crate) fn new(kind: Certificate) -> Made<Self> {
        match kind {
            Certificate::SelfSigned | Certificate::SelfSignedWithoutNames => Self::self_signed(kind),
            _ => Self::signed(kind),
        }
    }

    fn self_signed(kind: Certificate) -> Made<Self> {
        let names = if kind == Certificate::SelfSigned { &NAMES[..] } else { &[] };
        let mut params = with_names(names)?;
        params.distinguished_name = subject("localhost");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            root_pem: certificate.pem(),
            chain: vec![certificate.into()],
            key: key.into(),
            root_of_clients: None,
        })
    }

    fn signed(kind: Certificate) -> Made<Self> {
        let (root, root_key) = (authority("Sandbox root"), KeyPair::generate()?);
        let root_certificate = root.self_signed(&root_key)?;
        let (other, other_key) = match kind {
            Certificate::OfUnknownAuthority => (authority("Another root"), KeyPair::generate()?),
            Certificate::WithoutIntermediate => (authority("Sandbox intermediate"), KeyPair::generate()?),
            _ => (root, root_key),
        };
        let issuer = Issuer::from_params(&other, &other_key);
        let key = KeyPair::generate()?;
        let leaf = leaf(kind)?.signed_by(&key, &issuer)?;
        let leaf = match kind {
            Certificate::Version1 => version_1(leaf.der(), &other_key)?.into(),
            _ => leaf.into(),
        };
        let wants_clients = kind == Certificate::ClientCertificateWanted;
        Ok(Self {
            root_pem: root_certificate.pem(),
            chain: vec![leaf],
            key: key.into(),
            root_of_clients: wants_clients.then(|| root_certificate.into()),
        })
    }
}

/// What vouches for others.
fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn leaf(kind: Certificate) -> Made<CertificateParams> {
    let mut params = match kind {
        Certificate::OfAnotherHost => with_names(&OTHER_NAMES)?,
        _ => with_names(&NAMES)?,
    };
    params.distinguished_name = subject("Sandbox");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    match kind {
        Certificate::Expired => params.not_after = date_time_ymd(2020, 1, 31),
        Certificate::NotYetValid => params.not_before = date_time_ymd(2099, 1, 31),
        _ => {}
    }
    Ok(params)
}

fn with_names(names: &[&str]) -> Made<CertificateParams> {
    CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>())
}

fn subject(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    subject
}

/// The same certificate in version 1: without the fields that came with versions 2 and 3, signed anew.
/// RFC 5280, section 4.1.
fn version_1(certificate: &[u8], key: &impl SigningKey) -> Made<Vec<u8>> {
    const SEQUENCE: u8 = 0x30;
    const BIT_STRING: u8 = 0x03;
    const VERSION: u8 = 0xa0;
    const EXTENSIONS: u8 = 0xa3;
    let [to_be_signed, algorithm, _signature] = elements(content(certificate))[..] else {
        panic!("a certificate has three parts");
    };
    let kept =
        elements(content(to_be_signed)).into_iter().filter(|part| ![VERSION, EXTENSIONS].contains(&part[0]));
    let to_be_signed = element(SEQUENCE, &kept.collect::<Vec<_>>().concat());
    // The first byte counts the bits that do not belong to it.
    let signature = element(BIT_STRING, &[&[0], key.sign(&to_be_signed)?.as_slice()].concat());
    Ok(element(SEQUENCE, &[to_be_signed.as_slice(), algorithm, &signature].concat()))
}

/// The elements of DER that follow each other.
fn elements(mut der: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while !der.is_empty() {
        let (head, length) = head_and_length(der);
        let (one, rest) = der.split_at(head + length);
        found.push(one);
        der = rest;
    }
    found
}

/// What is in an element of DER.
fn content(der: &[u8]) -> &[u8] {
    &der[head_and_length(der).0..]
}

/// How long the tag and the length of an element are, and how long its content. Every tag here has one byte.
fn head_and_length(der: &[u8]) -> (usize, usize) {
    match der[1] {
        short @ 0..0x80 => (2, short.into()),
        long => {
            let head = 2 + usize::from(long & 0x7f);
            (head, der[2..head].iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
        }
    }
}

/// An element of DER, of up to 64 KiB.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("certificates here are small").to_be_bytes();
    let head = match length {
        [0, short @ 0..0x80] => vec![tag, short],
        [0, short] => vec![tag, 0x81, short],
        [high, low] => vec![tag, 0x82, high, low],
    };
    [head.as_slice(), content].concat()
}
