//! Addresses: of services, and of the pages that a status links to.

use std::net::IpAddr;

use reqwest::Url;

/// `URLValidator.max_length` of Django: Bitbucket's refusals of addresses have its words.
/// <https://docs.djangoproject.com/en/stable/ref/validators/#urlvalidator>
pub(crate) const URL_MAX_CHARS: usize = 2048;

/// The address of a service: https or http, without user, query, fragment, and slashes at the end.
///
/// # Errors
///
/// What is wrong, to complete "is ..., ".
pub(crate) fn service_address(text: &str) -> Result<Url, &'static str> {
    let mut url = Url::parse(text.trim()).map_err(|_| "which is not an address")?;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
        return Err("which is neither https nor http");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("which holds a user name or password; credentials have their own variables");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("which has a ? or # part");
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// Whether the host is loopback, or the machine that runs this container.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host == "localhost"
        || host == "host.docker.internal"
        || host
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Whether a token would be sent unencrypted outside this machine and private networks.
pub(crate) fn is_exposed(url: &Url) -> bool {
    if url.scheme() != "http" || is_this_machine(url) {
        return false;
    }
    match url
        .host_str()
        .unwrap_or_default()
        .trim_matches(['[', ']'])
        .parse::<IpAddr>()
        .map(|ip| ip.to_canonical())
    {
        Ok(IpAddr::V4(ip)) => !(ip.is_private() || ip.is_link_local()),
        Ok(IpAddr::V6(ip)) => !(ip.is_unique_local() || ip.is_unicast_link_local()),
        Err(_) => true,
    }
}

/// Why Bitbucket would refuse an address, to complete "is ..., ".
pub(crate) fn refusal_of_url(text: &str) -> Option<&'static str> {
    if text.chars().count() > URL_MAX_CHARS {
        return Some("which is too long");
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Some("which has white space inside");
    }
    // The text itself is checked: `Url` would repair some addresses that Bitbucket refuses.
    let Some((scheme, rest)) = text.split_once("://") else {
        return Some("which is not an address");
    };
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Some("which is neither http nor https");
    }
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    if authority.contains('@') {
        return Some("which shows a user name or password to everybody");
    }
    let Some(url) = Url::parse(text).ok().filter(|_| !authority.is_empty() && !rest.contains('\\')) else {
        return Some("which is not an address");
    };
    // `Url` keeps an IPv6 address in brackets, and turns a number into an IPv4 address.
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    if let Ok(address) = host.parse::<IpAddr>() {
        if address.is_ipv4() && !authority.starts_with(host) {
            return Some("whose host is a number");
        }
        let address = address.to_canonical();
        return (address.is_loopback() || address.is_unspecified())
            .then_some("which is the address of this machine itself");
    }
    let host = host.trim_end_matches('.');
    if host == "localhost" || host.ends_with(".localhost") {
        return Some("which is the address of this machine itself");
    }
    if !host.contains('.') {
        return Some("whose host has no dot");
    }
    (!host.split('.').all(is_label)).then_some("whose host is not a host name")
}

/// A part of a host name, in ASCII: <https://www.rfc-editor.org/rfc/rfc1123#section-2.1>.
fn is_label(part: &str) -> bool {
    (1..=63).contains(&part.len())
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !part.starts_with('-')
        && !part.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_exposed_by_http_beyond_private_networks() {
        for (url, exposed) in [
            ("https://sonar.example.com", false),
            ("http://localhost:9000", false),
            ("http://10.1.2.3:9000", false),
            ("http://192.168.0.7", false),
            ("http://[fd00::1]", false),
            ("http://sonar.example.com", true),
            ("http://sonarqube:9000", true),
            ("http://8.8.8.8", true),
        ] {
            assert_eq!(is_exposed(&Url::parse(url).unwrap()), exposed, "{url}");
        }
    }
}
