//! Root certificates that the variables add to the built-in ones.

use std::path::Path;

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::{
    config::{findings::Findings, parse::read_small, variables::Variables},
    console::foreign::shown,
};

/// The bundles that distributions ship have some 200 KiB.
const PEM_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// The certificates in the file that `SSL_CERT_FILE` names, or in its own text. Without them TLS decides: the built-in
/// roots may be enough.
pub(crate) fn extra_roots(path: Option<&Path>, findings: &mut Findings) -> Vec<CertificateDer<'static>> {
    let Some(path) = path else {
        return Vec::new();
    };
    let text = path.to_string_lossy();
    if text.contains("-----BEGIN CERTIFICATE-----") {
        findings.warning(
            "SSL_CERT_FILE holds the text of a certificate, and not the name of a file: the text is used",
        );
        return in_text("SSL_CERT_FILE", &text, findings);
    }
    read_roots(path, findings).unwrap_or_else(|found| {
        findings.problem(
            "SSL_CERT_FILE",
            format!("names {}, {found}", shown(&path.to_string_lossy())),
            "a PEM file with one or more certificates (-----BEGIN CERTIFICATE-----)",
            "",
        );
        Vec::new()
    })
}

/// A certificate in DER is a sequence of ASN.1 whose length takes two bytes.
const DER_START: [u8; 2] = [0x30, 0x82];

fn read_roots(path: &Path, findings: &mut Findings) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = read_small(path, PEM_MAX_BYTES).map_err(|wrong| format!("which {wrong}"))?;
    if bytes.starts_with(&DER_START) {
        findings
            .warning("SSL_CERT_FILE names a certificate in DER, and not in PEM: it is used as the one root");
        return checked(vec![CertificateDer::from(bytes)]);
    }
    roots_in(&bytes)
}

/// The root certificates in PEM text.
///
/// # Errors
///
/// What is wrong, to complete "a file ...".
pub(crate) fn roots_in(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = pem.strip_prefix(b"\xef\xbb\xbf").unwrap_or(pem);
    let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let roots = roots.map_err(|_| "whose PEM text is damaged".to_owned())?;
    if roots.is_empty() {
        return Err("which holds no certificate".to_owned());
    }
    checked(roots)
}

/// The certificates, if none of them is damaged.
fn checked(roots: Vec<CertificateDer<'static>>) -> Result<Vec<CertificateDer<'static>>, String> {
    for root in &roots {
        if RootCertStore::empty().add(root.clone()).is_err() {
            return Err("which holds a certificate that is damaged".to_owned());
        }
    }
    Ok(roots)
}

/// The root certificates to trust for SonarQube only. With `STATE`, SonarQube is not asked.
pub(crate) fn sonarqube_roots(
    variables: &Variables,
    findings: &mut Findings,
) -> Vec<CertificateDer<'static>> {
    let is_asked = variables.state.is_none() || variables.name_a_list();
    let Some(text) = variables.sonar_root_cert.as_deref().filter(|_| is_asked) else {
        return Vec::new();
    };
    in_text("SONAR_ROOT_CERT", text, findings)
}

/// The root certificates in the text of a variable.
fn in_text(variable: &str, text: &str, findings: &mut Findings) -> Vec<CertificateDer<'static>> {
    roots_in(&unfolded(text)).unwrap_or_else(|found| {
        findings.problem(
            variable,
            format!("holds text {found}"),
            "the PEM text of one or more certificates (-----BEGIN CERTIFICATE-----)",
            "paste the whole text of the file, including the first and last line; from DER: openssl x509 -inform der -in root.der",
        );
        Vec::new()
    })
}

/// Restores the lines of each certificate: the value of a variable may have lost its line breaks, or hold `\n`.
fn unfolded(text: &str) -> Vec<u8> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    text.replace("\\n", "\n")
        .replace(BEGIN, &format!("\n{BEGIN}\n"))
        .replace(END, &format!("\n{END}\n"))
        .lines()
        .map(
            |line| {
                if line.starts_with("-----") {
                    line.to_owned()
                } else {
                    line.replace(char::is_whitespace, "")
                }
            },
        )
        .filter(|line| !line.is_empty())
        .flat_map(|line| (line + "\n").into_bytes())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_gets_its_lines_back() {
        let pem = "-----BEGIN CERTIFICATE-----\nMIIB\nAAA=\n-----END CERTIFICATE-----\n";
        for text in
            [pem.to_owned(), pem.replace('\n', "\\n"), pem.replace('\n', " "), pem.replace('\n', "\r\n")]
        {
            assert_eq!(
                String::from_utf8(unfolded(&text)).unwrap().replace('\n', ""),
                pem.replace('\n', ""),
                "{text}"
            );
            assert!(unfolded(&text).starts_with(b"-----BEGIN CERTIFICATE-----\n"), "{text}");
        }
    }
}
