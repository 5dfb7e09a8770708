//! Why no usable response came: the network, proxies, certificates, redirects, and whoever answers instead of the
//! service.

use std::{borrow::Cow, net::IpAddr};

use reqwest::{Url, header};

use crate::{
    explain::explanation::{Diagnosis, ServiceGuide},
    http::{
        failed_request::{Service, Unusable},
        proxy::{ProxyCause, ProxyFailure},
        transport::{Failure, Lookup, Response, TlsFailure},
        trust::Untrusted,
    },
};

/// Whether a response points to another address.
pub(crate) fn is_redirect(response: &Response) -> bool {
    response.status_code.is_redirection() && response.headers.contains_key(header::LOCATION)
}

/// What a redirect says that is right: one thing, by comparison with what was asked.
pub(crate) fn explain_redirect(response: &Response, asked: &Url, guide: ServiceGuide) -> Diagnosis {
    let ServiceGuide { service, address, .. } = guide;
    let location = response.header(header::LOCATION.as_str()).and_then(|location| asked.join(location).ok());
    let Some(to) = location else {
        return Diagnosis::of(
            format!("{service} is at another address"),
            "the answer points to an address that cannot be read",
            format!("check {address}"),
        );
    };
    let shown = without_query(&to);
    let same_host = to.host_str() == asked.host_str();
    if shown == without_query(asked) {
        return circle(&shown, guide);
    }
    if same_host && is_maintenance(&to) {
        return Diagnosis::of(
            format!("{service} is starting or being upgraded"),
            format!("the answer points to {shown}: {service} is starting or being upgraded"),
            "open this page in a browser; when it says that the server is up, run again",
        );
    }
    if is_login(&to) || (!same_host && !to.path().ends_with(asked.path())) {
        let what = if is_login(&to) { "a login page" } else { "another server, as login pages do" };
        return Diagnosis::of(
            format!("a login page stands before {service}"),
            format!("the answer points to {shown}, {what}; {FOLLOWS_NOT}"),
            without_login(guide),
        );
    }
    match (same_host, to.path().strip_suffix(asked.path())) {
        (true, Some("")) => other_scheme_or_port(&to, asked, guide),
        (true, Some(base)) => Diagnosis::of(
            format!("the address of {service} lacks the base path"),
            format!("the answer points to {shown}: the address lacks the base path {base}; {FOLLOWS_NOT}"),
            format!("pass in {address} the address with the base path: {}", server_of(&to, asked)),
        ),
        (false, Some("")) => moved(&to, asked, guide),
        _ => Diagnosis::of(
            format!("{service} is at another address"),
            format!("the answer points to {shown}; {FOLLOWS_NOT}"),
            format!("check {address}: copy the address of {service}'s start page"),
        ),
    }
}

const FOLLOWS_NOT: &str = "Gatepost does not follow, because the credential would go there";

/// The answer points to what was asked.
fn circle(shown: &str, guide: ServiceGuide) -> Diagnosis {
    let ServiceGuide { service, address, .. } = guide;
    Diagnosis::of(
        format!("a proxy before {service} points to itself"),
        format!(
            "the answer points to {shown}, the address that was asked: a proxy before {service} leads in a circle"
        ),
        format!(
            "let the proxy's administrator check its redirects (a proxy that ends TLS must pass on X-Forwarded-Proto: https); or pass in {address} an address without this proxy"
        ),
    )
}

/// The answer points to the same path of the same host.
fn other_scheme_or_port(to: &Url, asked: &Url, guide: ServiceGuide) -> Diagnosis {
    let ServiceGuide { service, address, .. } = guide;
    let shown = without_query(to);
    match (asked.scheme(), to.scheme()) {
        ("http", "https") => Diagnosis::of(
            format!("{service} wants https instead of http"),
            format!("the answer points to {shown}: the server wants https; {FOLLOWS_NOT}"),
            format!("pass in {address} the address with https: {}", server_of(to, asked)),
        ),
        // The token would be sent unencrypted.
        ("https", "http") => Diagnosis::of(
            format!("a proxy before {service} points from https to http"),
            format!(
                "the answer points to {shown}: a proxy ends TLS, and the server behind it does not know of https"
            ),
            "let the proxy's administrator pass on X-Forwarded-Proto: https, and set the server's base URL with https",
        ),
        _ => moved(to, asked, guide),
    }
}

fn moved(to: &Url, asked: &Url, guide: ServiceGuide) -> Diagnosis {
    let ServiceGuide { service, address, .. } = guide;
    Diagnosis::of(
        format!("{service} is at another address"),
        format!("the answer points to {}: {service} has another address; {FOLLOWS_NOT}", without_query(to)),
        format!("pass in {address} this address: {}", server_of(to, asked)),
    )
}

/// How the API is reached without the login page before it.
fn without_login(guide: ServiceGuide) -> String {
    let ServiceGuide { service, address, .. } = guide;
    match service {
        Service::SonarQube => format!(
            "pass in {address} an address of {service} that needs no login but the token; or let its administrator exempt the path /api from the login"
        ),
        Service::Bitbucket => {
            format!("check {address} and HTTPS_PROXY: a login page of the network also answers like this")
        }
    }
}

/// Scheme, host and path. The query may hold secrets.
fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // An address with a host can have both.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    url.into()
}

/// The address of the server that a redirect points to: without the path of the API.
fn server_of(to: &Url, asked: &Url) -> String {
    let path = asked.path();
    // A base path may have a part `api` as well.
    let api = path.rfind("/api/").or_else(|| path.find("/repositories/")).map_or("", |at| &path[at..]);
    let shown = without_query(to);
    shown.strip_suffix(api).unwrap_or(&shown).to_owned()
}

fn is_maintenance(url: &Url) -> bool {
    last_part(url).is_some_and(|part| ["maintenance", "setup"].contains(&part))
}

fn last_part(url: &Url) -> Option<&str> {
    url.path_segments()?.rfind(|part| !part.is_empty())
}

/// Whether an address reads like a login page.
fn is_login(url: &Url) -> bool {
    const WORDS: [&str; 11] = [
        "login",
        "signin",
        "sign_in",
        "sign-in",
        "sessions",
        "auth",
        "authorize",
        "oauth2",
        "saml",
        "sso",
        "openid-connect",
    ];
    let mut parts = url.path_segments().into_iter().flatten();
    parts.any(|part| WORDS.contains(&part.to_ascii_lowercase().as_str()))
}

/// What an answer says that is not of the service, whatever its status code: a page, or the refusal of a gateway.
pub(crate) fn explain_other_answer(response: &Response, guide: ServiceGuide) -> Diagnosis {
    let ServiceGuide { service, .. } = guide;
    let title = response.body.title();
    let lower = title.as_deref().unwrap_or_default().to_lowercase();
    let page = match title {
        Some(title) => format!("the page \"{title}\" answers in place of {service}"),
        None if response.body.is_html() => {
            format!("{} answers in place of {service}", response.body.kind_of_page())
        }
        None => format!("another server answers in place of {service}"),
    };
    match response.status_code.as_u16() {
        status_code @ (429 | 408 | 425 | 500..) => explain_gateway(&page, status_code, guide),
        407 => Diagnosis::of(
            "a proxy asks for a user name and password",
            format!("{page}: it comes from a proxy that wants a user name and password"),
            "pass them in HTTPS_PROXY or HTTP_PROXY; hosts that must be reached without the proxy go into NO_PROXY",
        ),
        _ if lower.contains("plain http request was sent to https") => https_wanted(guide),
        status_code if status_code == 401 || reads_like_login(&lower) => Diagnosis::of(
            if response.body.is_html() {
                format!("a login page stands before {service}")
            } else {
                format!("a gateway before {service} wants a login of its own")
            },
            format!("{page}: a proxy or gateway before it wants a login of its own"),
            without_login(guide),
        ),
        403 => Diagnosis::of(
            format!("a firewall or proxy stands before {service}"),
            format!("{page}: a firewall or proxy before it does not let the request through"),
            "let its administrator allow this machine's address, or set HTTPS_PROXY and NO_PROXY",
        ),
        _ => explain_wrong_address(&page, guide),
    }
}

/// A gateway answers, and the service behind it does not. `page` says that it answers.
fn explain_gateway(page: &str, status_code: u16, guide: ServiceGuide) -> Diagnosis {
    let ServiceGuide { service, when_slow, .. } = guide;
    if status_code == 429 {
        return Diagnosis::of(
            format!("{service} receives too many requests"),
            format!("{page}: a gateway before it limits the requests"),
            "run again later",
        );
    }
    Diagnosis::of(
        format!("{service} is down ({status_code})"),
        format!("{page}: it is down or starting, or its gateway does not reach it"),
        when_slow,
    )
}

/// Another web server is at the address. `page` says that it answers.
fn explain_wrong_address(page: &str, guide: ServiceGuide) -> Diagnosis {
    let ServiceGuide { service, address, asked, .. } = guide;
    Diagnosis::of(
        format!("a web page answers in place of {service}"),
        format!("{page}: {asked} is not the address of the service, or lacks its base path"),
        format!(
            "check {address}: copy the address of {service}'s start page, with the base path; and check HTTPS_PROXY"
        ),
    )
}

/// Whether the title of a page, in lower case, is one of a login page.
fn reads_like_login(title: &str) -> bool {
    const WORDS: [&str; 9] =
        ["sign in", "sign-in", "signin", "log in", "log-in", "login", "single sign", "anmeld", "authenti"];
    WORDS.iter().any(|words| title.contains(words))
}

/// http was spoken to a port for https.
pub(crate) fn https_wanted(guide: ServiceGuide) -> Diagnosis {
    let ServiceGuide { service, address, .. } = guide;
    Diagnosis::of(
        format!("{service} wants https instead of http"),
        "the server speaks https on this port, and was asked with http",
        format!("pass in {address} the same address with https:// instead of http://"),
    )
}

/// The words of servers that were asked with http on a port for https: nginx, Go, Tomcat and Apache.
pub(crate) fn says_https_is_wanted(text: &str) -> bool {
    [
        "plain HTTP request was sent to HTTPS",
        "HTTP request to an HTTPS server",
        "combination of host and port requires TLS",
        "speaking plain HTTP to an SSL-enabled",
    ]
    .iter()
    .any(|words| text.contains(words))
}

/// Explains a response that accepts the request and is not what the service documents.
pub(crate) fn explain_unusable(wrong: &Unusable, guide: ServiceGuide) -> Diagnosis {
    let ServiceGuide { service, address, asked, .. } = guide;
    let sentence = format!("{service} gives an answer that cannot be read");
    match wrong {
        Unusable::Undocumented | Unusable::NotA(_) | Unusable::Other(_) | Unusable::NoToken => Diagnosis::of(
            sentence,
            format!(
                "the answer does not have the documented format, or {asked} is not the address of the service"
            ),
            format!("check {address}, and use the newest version of Gatepost"),
        ),
        Unusable::Compressed => Diagnosis::of(
            sentence,
            "a proxy on the way compresses answers although the request does not accept it",
            format!("let the proxy pass the answers of {address} unchanged, or go around it with NO_PROXY"),
        ),
        Unusable::NotJson | Unusable::TooLong => Diagnosis::of(
            sentence,
            format!(
                "a proxy or a login page answered instead of the service, or {asked} is not the address of the service"
            ),
            format!("check HTTPS_PROXY and {address}"),
        ),
    }
}

/// Explains why there is no complete response from `url`.
pub(crate) fn explain_failure(failure: &Failure, url: &Url, guide: ServiceGuide) -> Diagnosis {
    let host = url.host_str().unwrap_or_default();
    let ServiceGuide { service, address, when_slow, .. } = guide;
    match failure {
        Failure::UnknownHost(Lookup::NoSuchHost) => Diagnosis::of(
            format!("the host name of {service} does not exist"),
            format!("the name server of this machine does not know {host}"),
            format!(
                "check the spelling of {address}; behind a proxy set HTTPS_PROXY; in a container check the network and DNS"
            ),
        ),
        Failure::UnknownHost(Lookup::TryAgain) => Diagnosis::of(
            format!("the host name of {service} cannot be looked up now"),
            format!("the name server of this machine does not answer for {host} now"),
            "run again; check the network and DNS of this machine; behind a proxy set HTTPS_PROXY",
        ),
        Failure::Proxy(failure) => explain_proxy(failure, service),
        Failure::Connection(_) => Diagnosis::of(
            format!("{service} cannot be reached"),
            format!("{host} does not accept connections, or a firewall or proxy blocks them"),
            format!(
                "check {address} and HTTPS_PROXY; in a container 127.0.0.1 is the container itself: use host.docker.internal"
            ),
        ),
        Failure::WantsTls => https_wanted(guide),
        Failure::Certificate(reason) => explain_certificate(reason, host, guide),
        Failure::Tls(failure) => explain_tls(failure, host, guide),
        Failure::NotHttp if url.scheme() == "http" => Diagnosis::of(
            format!("{service} wants https instead of http"),
            "the server does not answer with HTTP/1.1: it probably speaks TLS (https) on this port, or it knows HTTP/2 only, or is another service",
            format!("pass in {address} the same address with https:// instead of http://, or check its port"),
        ),
        Failure::NotHttp => Diagnosis::of(
            format!("another service answers in place of {service}"),
            "the server does not answer with HTTP/1.1: it knows HTTP/2 only, or is another service",
            format!("check the port of {address}"),
        ),
        Failure::Broken(_) => Diagnosis::of(
            format!("the connection to {service} breaks"),
            "the service, or a proxy on the way, closed the connection early",
            "run again; if it happens again, check the proxy",
        ),
        Failure::Silent(_) => Diagnosis::of(
            format!("{service} does not answer"),
            "the service, or a proxy on the way, is slow or drops the connection silently",
            when_slow,
        ),
    }
}

fn explain_proxy(failure: &ProxyFailure, service: Service) -> Diagnosis {
    let ProxyFailure { proxy, variable, cause } = failure;
    let around = "hosts that must be reached without the proxy go into NO_PROXY";
    match cause {
        ProxyCause::UnknownHost(_) => Diagnosis::of(
            "the host name of the proxy cannot be looked up",
            format!("the name server of this machine does not know the proxy {proxy} of {variable}"),
            format!("check the spelling of {variable}; {around}"),
        ),
        ProxyCause::WantsPassword(challenge) if challenge.unknown_schemes().is_some() => Diagnosis::of(
            "the proxy offers no way to log in that Gatepost knows",
            format!(
                "the proxy {proxy} of {variable}, and not {service}, wants a login by {}; Gatepost only knows Basic (user name and password)",
                challenge.unknown_schemes().unwrap_or_default()
            ),
            format!(
                "let the proxy's administrator let this machine through without a login, or allow Basic; or start a proxy on this machine that logs in by NTLM or Kerberos (cntlm, px), and pass its address in {variable}; {around}"
            ),
        ),
        ProxyCause::WantsPassword(_) => Diagnosis::of(
            "the proxy asks for a user name and password",
            format!(
                "the proxy {proxy}, and not {service}, asks for a user name and password, or does not accept those of {variable}; Gatepost does not try again, because some networks lock an account after a few wrong passwords"
            ),
            format!(
                "pass them in {variable}, as user:password@ before the host of the proxy, with \\ as %5C, # as %23, / as %2F, @ as %40; {around}"
            ),
        ),
        ProxyCause::Refuses(line) => {
            let why = match line {
                Some(line) => format!("the proxy {proxy} of {variable}, and not {service}, answers {line}"),
                None => format!(
                    "the proxy {proxy} of {variable} does not let the connection through: the host is not allowed, or the proxy does not reach it"
                ),
            };
            Diagnosis::of(
                format!("the proxy does not connect to {service}"),
                why,
                format!("let the proxy's administrator allow the host; or check {variable}; {around}"),
            )
        }
        ProxyCause::NotHttp => Diagnosis::of(
            "another service answers in place of the proxy",
            format!(
                "what listens on {proxy} does not speak HTTP: it is probably a SOCKS proxy, or another service"
            ),
            format!("pass in {variable} the host and port of an HTTP proxy; {around}"),
        ),
        ProxyCause::Unreachable(_) => Diagnosis::of(
            "the proxy cannot be reached",
            format!("the proxy {proxy} of {variable} does not accept connections, or closes them"),
            format!("check {variable}; {around}"),
        ),
        ProxyCause::ClosesTunnel => Diagnosis::of(
            format!("the proxy does not connect to {service}"),
            format!(
                "the proxy {proxy} of {variable}, or {service} behind it, closes the connection before TLS begins"
            ),
            format!("let the proxy's administrator allow the host; or check {variable}; {around}"),
        ),
    }
}

fn explain_tls(failure: &TlsFailure, host: &str, guide: ServiceGuide) -> Diagnosis {
    let ServiceGuide { service, address, .. } = guide;
    let refused = format!("{service} refuses the TLS connection");
    match failure {
        TlsFailure::NotTls => Diagnosis::of(
            format!("{service} speaks http, not https"),
            "the server does not answer with TLS: it speaks http on this port, or is another service",
            format!("pass in {address} the port for https, or http:// instead of https:// if it has none"),
        ),
        TlsFailure::WantsCertificate => Diagnosis::of(
            format!("{service} wants a client certificate"),
            format!(
                "{host} only talks to clients that show a certificate of their own, which Gatepost cannot"
            ),
            format!(
                "pass in {address} an address that wants no client certificate, or let its administrator exempt the path /api"
            ),
        ),
        TlsFailure::UnknownName => Diagnosis::of(
            refused,
            format!("the server says that it does not serve the host name {host}"),
            format!("check the host name of {address}: it must be one of the server's certificate"),
        ),
        TlsFailure::NothingInCommon => Diagnosis::of(
            refused,
            "the server is old and knows neither TLS 1.2 nor 1.3, or none of the present ciphers",
            "let its administrator enable TLS 1.2 or 1.3; a proxy that opens TLS can also be the reason: check HTTPS_PROXY",
        ),
        TlsFailure::Alert(_) | TlsFailure::Damaged => Diagnosis::of(
            refused,
            "the server, or a proxy that opens TLS on the way, ends the connection before it is made",
            format!("check {address} and HTTPS_PROXY, and the log of the server"),
        ),
    }
}

/// One remedy for each reason.
fn explain_certificate(reason: &Untrusted, host: &str, guide: ServiceGuide) -> Diagnosis {
    match reason {
        Untrusted::UnknownAuthority { issuer, is_alone, has_extra_roots } => {
            unknown_authority(issuer.as_deref(), *is_alone, *has_extra_roots, guide)
        }
        Untrusted::SelfSigned => untrusted(
            guide,
            "it vouches for itself",
            "no authority vouches for the certificate but itself",
            format!("if it is the server's own, pass this very certificate in {}", guide.roots),
        ),
        Untrusted::Expired(_) => untrusted(
            guide,
            "it has expired",
            "the certificate has expired, or the clock of this machine is ahead",
            "let the server's administrator renew the certificate; if the clock of this machine is wrong, correct it",
        ),
        Untrusted::NotYetValid(_) => untrusted(
            guide,
            "it is not valid yet",
            "the certificate is not valid yet, or the clock of this machine is behind",
            "correct the clock of this machine; or let the server's administrator make a certificate that is valid now",
        ),
        Untrusted::OtherHost(names) => other_host(names, host, guide),
        Untrusted::OldVersion(_) => untrusted(
            guide,
            "its format is too old",
            "the certificate has the old format without extensions, so it cannot name its hosts",
            format!(
                "let the server's administrator make one of version 3: openssl x509 -req with -extfile and subjectAltName={}",
                alternative_name(host)
            ),
        ),
        Untrusted::OtherPurpose | Untrusted::OldAlgorithm | Untrusted::Damaged => unfit(reason, guide),
    }
}

/// The certificate is not trusted; `words` say what is wrong with it.
fn untrusted(
    guide: ServiceGuide,
    words: &str,
    why: impl Into<Cow<'static, str>>,
    remedy: impl Into<Cow<'static, str>>,
) -> Diagnosis {
    Diagnosis::of(format!("{}'s certificate is not trusted: {words}", guide.service), why, remedy)
}

/// Nobody who is trusted vouches for the certificate. `is_alone` when the server sends no other certificate with it.
fn unknown_authority(
    issuer: Option<&str>,
    is_alone: bool,
    has_extra_roots: bool,
    guide: ServiceGuide,
) -> Diagnosis {
    let roots = guide.roots;
    let issuer = issuer.map_or_else(|| "the authority".to_owned(), |name| format!("\"{name}\""));
    let sends = "let the server send its whole chain: the intermediate certificate after its own";
    let passes = format!("if the authority is your company's, pass its root certificate in {roots}");
    let (why, remedy) = match (is_alone, has_extra_roots) {
        (true, true) => (
            format!(
                "the server does not send the intermediate certificate {issuer}, or {issuer} is another root than the one that was passed"
            ),
            format!(
                "{sends}; or pass {issuer} in {roots}, too\nif {issuer} is a root itself, pass its certificate there"
            ),
        ),
        (true, false) => (
            format!(
                "{issuer} is a private authority or a proxy that opens TLS, or the server does not send its intermediate certificate"
            ),
            format!("{passes}\nif it is a public authority, {sends}"),
        ),
        (false, _) => (format!("{issuer} is a private authority, or a proxy that opens TLS"), passes),
    };
    untrusted(guide, "unknown authority", why, remedy)
}

/// The certificate has other names than the host, or none.
fn other_host(names: &[String], host: &str, guide: ServiceGuide) -> Diagnosis {
    if names.is_empty() {
        return untrusted(
            guide,
            "it names no host",
            "the certificate has no subject alternative name, and names are compared with nothing else",
            format!(
                "let the server's administrator make a certificate with subjectAltName={}",
                alternative_name(host)
            ),
        );
    }
    untrusted(
        guide,
        "it is for another host",
        format!("the certificate does not have the name {host}"),
        format!(
            "pass in {} the address with a name that the certificate has; or let the server's administrator add {} to its subjectAltName",
            guide.address,
            alternative_name(host)
        ),
    )
}

/// The host as a certificate names it: an address is no name. <https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.6>
fn alternative_name(host: &str) -> String {
    // An address has IPv6 in brackets, and a certificate has not.
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => format!("IP:{address}"),
        Err(_) => format!("DNS:{host}"),
    }
}

/// The certificate was made for something else, or cannot be checked.
fn unfit(reason: &Untrusted, guide: ServiceGuide) -> Diagnosis {
    let (words, why, remedy) = match reason {
        Untrusted::OtherPurpose => (
            "it was not made for servers",
            "the certificate has an extended key usage without server authentication",
            "let the server's administrator make a certificate for servers (extendedKeyUsage=serverAuth)",
        ),
        Untrusted::OldAlgorithm => (
            "its signature is too old",
            "the certificate is signed with an algorithm that is not supported any more, such as SHA-1",
            "let the server's administrator make a certificate that is signed with SHA-256",
        ),
        _ => (
            "it cannot be read",
            "the certificate is damaged, or has a part that Gatepost does not know",
            "let the server's administrator make a new certificate",
        ),
    };
    untrusted(guide, words, why, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_names_addresses_and_hosts_differently() {
        for (host, name) in [
            ("sonar.example.com", "DNS:sonar.example.com"),
            ("10.0.0.7", "IP:10.0.0.7"),
            ("[fd00::1]", "IP:fd00::1"),
        ] {
            assert_eq!(alternative_name(host), name);
        }
    }
}
