//! Addresses: of services, and of the pages that a status links to.

use std::{fmt, net::IpAddr};

use reqwest::Url;

/// `URLValidator.max_length` of Django: Bitbucket's refusals of addresses have its words.
/// <https://docs.djangoproject.com/en/stable/ref/validators/#urlvalidator>
pub(crate) const URL_MAX_CHARS: usize = 2048;

/// <https://docs.sonarsource.com/sonarqube-cloud/>
pub(crate) const CLOUD_URL: &str = "https://sonarcloud.io";
/// The second is for the United States: <https://docs.sonarsource.com/sonarqube-cloud/getting-started/us-region>.
pub(crate) const CLOUD_URLS: [&str; 2] = [CLOUD_URL, "https://sonarqube.us"];

/// Why an address cannot be used. Displayed, it completes "is ..., ".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressProblem {
    NotAnAddress,
    OtherScheme,
    HoldsCredential,
    HasQuery,
    TooLong,
    WhiteSpace,
    ShowsCredential,
    HostIsNumber,
    ThisMachine,
    HostWithoutDot,
    NotAHostName,
}

impl fmt::Display for AddressProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnAddress => "which is not an address",
            Self::OtherScheme => "which is neither https nor http",
            Self::HoldsCredential => {
                "which holds a user name or password; credentials have their own variables"
            }
            Self::HasQuery => "which has a ? or # part",
            Self::TooLong => "which is too long",
            Self::WhiteSpace => "which has white space inside",
            Self::ShowsCredential => "which shows a user name, a password or a token to everybody",
            Self::HostIsNumber => "whose host is a number",
            Self::ThisMachine => "which is the address of this machine itself",
            Self::HostWithoutDot => "whose host has no dot",
            Self::NotAHostName => "whose host is not a host name",
        })
    }
}

/// The address of a service: https or http, without user, query, fragment, and slashes at the end.
///
/// # Errors
///
/// What is wrong, to complete "is ..., ".
pub(crate) fn service_address(text: &str) -> Result<Url, AddressProblem> {
    let mut url = Url::parse(text.trim()).map_err(|_| AddressProblem::NotAnAddress)?;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
        return Err(AddressProblem::OtherScheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressProblem::HoldsCredential);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(AddressProblem::HasQuery);
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// The first parts of the paths of SonarQube's pages, and of its API. A word that may well be a base path is not here.
const PAGES: [&str; 27] = [
    "about",
    "account",
    "admin",
    "api",
    "background_tasks",
    "coding_rules",
    "component_measures",
    "dashboard",
    "explore",
    "global_permissions",
    "issues",
    "maintenance",
    "organizations",
    "permission_templates",
    "portfolio",
    "portfolios",
    "project_quality_gate",
    "project_roles",
    "projects",
    "projects_management",
    "quality_gates",
    "quality_profiles",
    "security_hotspots",
    "sessions",
    "setup",
    "web_api",
    "web_api_v2",
];
/// The same for pages that are recognised only with the key of a project in their query.
const PAGES_OF_PROJECTS: [&str; 6] = ["code", "component", "overview", "project", "summary", "tutorials"];
/// The same for pages that are recognised only with the part after them.
const PAGES_WITH_PART: [(&str, &[&str]); 3] = [
    (
        "project",
        &[
            "activity",
            "admin",
            "analysis_scope",
            "background_tasks",
            "baseline",
            "branches",
            "deletion",
            "extension",
            "import_export",
            "information",
            "issues",
            "key",
            "links",
            "overview",
            "quality_gate",
            "quality_profiles",
            "security_hotspots",
            "settings",
            "webhooks",
        ],
    ),
    ("profiles", &["changelog", "compare", "show"]),
    ("summary", &["new_code", "overall"]),
];

/// The address of the SonarQube that a page or an address of the API belongs to; `None` when the address is no such
/// address, or cannot be known to be one.
pub(crate) fn server_of_page(text: &str) -> Option<Url> {
    let mut url = Url::parse(text.trim()).ok()?;
    let names_project = url.query_pairs().any(|(name, _)| ["id", "component", "project"].contains(&&*name));
    let parts: Vec<&str> = url.path_segments()?.collect();
    let is_page = |at: usize| {
        let (part, next) = (parts[at], parts.get(at + 1));
        let with_next =
            |(page, nexts): &(&str, &[&str])| *page == part && next.is_some_and(|next| nexts.contains(next));
        PAGES.contains(&part)
            || (names_project && PAGES_OF_PROJECTS.contains(&part))
            || PAGES_WITH_PART.iter().any(with_next)
    };
    let base = parts[..(0..parts.len()).find(|at| is_page(*at))?].join("/");
    url.set_query(None);
    url.set_fragment(None);
    url.set_path(&base);
    service_address(url.as_str()).ok()
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
pub(crate) fn refusal_of_url(text: &str) -> Option<AddressProblem> {
    if text.chars().count() > URL_MAX_CHARS {
        return Some(AddressProblem::TooLong);
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Some(AddressProblem::WhiteSpace);
    }
    // The text itself is checked: `Url` would repair some addresses that Bitbucket refuses.
    let Some((scheme, rest)) = text.split_once("://") else {
        return Some(AddressProblem::NotAnAddress);
    };
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Some(AddressProblem::OtherScheme);
    }
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    if authority.contains('@') {
        return Some(AddressProblem::ShowsCredential);
    }
    let Some(url) = Url::parse(text).ok().filter(|_| !authority.is_empty() && !rest.contains('\\')) else {
        return Some(AddressProblem::NotAnAddress);
    };
    // `Url` keeps an IPv6 address in brackets, and turns a number into an IPv4 address.
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    if let Ok(address) = host.parse::<IpAddr>() {
        if address.is_ipv4() && !authority.starts_with(host) {
            return Some(AddressProblem::HostIsNumber);
        }
        let address = address.to_canonical();
        return (address.is_loopback() || address.is_unspecified()).then_some(AddressProblem::ThisMachine);
    }
    let host = host.trim_end_matches('.');
    if host == "localhost" || host.ends_with(".localhost") {
        return Some(AddressProblem::ThisMachine);
    }
    if !host.contains('.') {
        return Some(AddressProblem::HostWithoutDot);
    }
    (!host.split('.').all(is_label)).then_some(AddressProblem::NotAHostName)
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
    fn the_address_of_a_page_is_cut_to_the_server() {
        for (page, server) in [
            ("https://a.b/projects", Some("https://a.b/")),
            ("https://a.b/sonar/projects/create", Some("https://a.b/sonar")),
            ("https://a.b/sonar/dashboard?id=acme&pullRequest=7", Some("https://a.b/sonar")),
            ("https://a.b:9000/sonar/sessions/new?return_to=%2Fsonar%2F", Some("https://a.b:9000/sonar")),
            ("https://a.b/account/security/", Some("https://a.b/")),
            ("https://a.b/tools/sonar/api/system/status", Some("https://a.b/tools/sonar")),
            ("https://a.b/project/issues?id=acme&resolved=false#x", Some("https://a.b/")),
            ("https://sonarcloud.io/summary/new_code?id=acme", Some("https://sonarcloud.io/")),
            ("https://a.b/sonar/about", Some("https://a.b/sonar")),
            ("https://a.b/account", Some("https://a.b/")),
            ("https://a.b/project/overview", Some("https://a.b/")),
            ("https://a.b/sonar/project/issues", Some("https://a.b/sonar")),
            ("https://a.b/summary/overall/", Some("https://a.b/")),
            ("https://a.b/project", None),
            ("https://a.b/project/sonar", None),
            ("https://a.b/overview", None),
            ("https://a.b/sonar", None),
            ("https://a.b/?id=acme", None),
            ("https://a.b/sonar/something?id=acme", None),
            ("https://user:secret@a.b/projects", None),
            ("ftp://a.b/projects", None),
            ("projects", None),
        ] {
            assert_eq!(server_of_page(page).as_ref().map(Url::as_str), server, "{page}");
        }
    }

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
