//! The certificates of the sandbox, made when it starts: a root, and a leaf for the names of this machine.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What this machine is called from itself, and from a container on it.
const NAMES: [&str; 5] =
    ["localhost", "127.0.0.1", "host.docker.internal", "host.containers.internal", "sonarcloud.io"];

/// A root certificate as PEM text, and the chain and key of a server that it vouches for.
pub(crate) struct Certificates {
    pub(crate) root_pem: String,
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

impl Certificates {
    pub(crate) fn new() -> Result<Self, rcgen::Error> {
        let mut root = CertificateParams::default();
        root.distinguished_name.push(DnType::CommonName, "Sandbox root");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root_key = KeyPair::generate()?;
        let root_certificate = root.self_signed(&root_key)?;

        let mut leaf = CertificateParams::new(NAMES.map(ToOwned::to_owned))?;
        leaf.distinguished_name.push(DnType::CommonName, "Sandbox");
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        let leaf_key = KeyPair::generate()?;
        let leaf_certificate = leaf.signed_by(&leaf_key, &Issuer::new(root, root_key))?;

        Ok(Self {
            root_pem: root_certificate.pem(),
            chain: vec![leaf_certificate.into()],
            key: leaf_key.into(),
        })
    }
}
