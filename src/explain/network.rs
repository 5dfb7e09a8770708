//! Why no usable response came: the network, proxies, certificates, redirects, and whoever answers instead of the
//! service.

use reqwest::{Url, header};

use crate::{
    explain::explanation::{Explanation, ServiceGuide},
    http::{
        failed_request::Unusable,
        transport::{Failure, Response},
    },
};

/// Whether a response points to another address.
pub(crate) fn is_redirect(response: &Response) -> bool {
    response.status_code.is_redirection() && response.headers.contains_key(header::LOCATION)
}

/// Explains a redirect. `url` is the address that was asked.
pub(crate) fn explain_redirect(response: &Response, url: &Url, guide: ServiceGuide) -> Explanation {
    let ServiceGuide { address, .. } = guide;
    let location = response.header(header::LOCATION.as_str()).and_then(|location| url.join(location).ok());
    let host = location.as_ref().and_then(Url::host_str).map(|host| format!(" on {host}"));
    Explanation::of(
        format!(
            "the service points to another address{}; Gatepost does not follow, because the credential would go there",
            host.unwrap_or_default()
        ),
        format!(
            "check {address}: it may need https instead of http, another host, or a base path; a login page of the network also answers like this"
        ),
    )
}

/// Explains a response that accepts the request and is not what the service documents.
pub(crate) fn explain_unusable(wrong: Unusable, guide: ServiceGuide) -> Explanation {
    let ServiceGuide { address, .. } = guide;
    match wrong {
        Unusable::Undocumented | Unusable::NotA(_) | Unusable::NoToken => Explanation::of(
            format!(
                "the answer does not have the documented format, or {address} is not the address of the service"
            ),
            format!("check {address}, and use the newest version of Gatepost"),
        ),
        Unusable::NotJson | Unusable::TooLong => Explanation::of(
            format!(
                "a proxy or a login page answered instead of the service, or {address} is not the address of the service"
            ),
            format!("check HTTPS_PROXY and {address}"),
        ),
    }
}

/// Explains why there is no complete response from `url`.
pub(crate) fn explain_failure(failure: &Failure, url: &Url, guide: ServiceGuide) -> Explanation {
    let host = url.host_str().unwrap_or_default();
    let ServiceGuide { address, roots, when_slow } = guide;
    match failure {
        Failure::UnknownHost(_) => Explanation::of(
            format!("the name server of this machine does not know {host}"),
            format!(
                "check the spelling of {address}; behind a proxy set HTTPS_PROXY; in a container check the network and DNS"
            ),
        ),
        Failure::Proxy(_) => Explanation::of(
            "the proxy does not let the connection through, or asks for another user name and password",
            "check HTTPS_PROXY; hosts that must be reached without the proxy go into NO_PROXY",
        ),
        Failure::Connection(_) => Explanation::of(
            format!("{host} does not accept connections, or a firewall or proxy blocks them"),
            format!(
                "check {address} and HTTPS_PROXY; in a container 127.0.0.1 is the container itself: use host.docker.internal"
            ),
        ),
        Failure::Certificate(_) => Explanation::of(
            "the certificate comes from a proxy that opens TLS, from a private authority, or from the wrong server",
            format!(
                "if the authority is your company's, pass its root certificate in {roots}; if the clock of this machine is wrong, correct it"
            ),
        ),
        Failure::Broken(_) => Explanation::of(
            "the service, or a proxy on the way, closed the connection early",
            "run again; if it happens again, check the proxy",
        ),
        Failure::Silent(_) => Explanation::of(
            "the service, or a proxy on the way, is slow or drops the connection silently",
            when_slow,
        ),
    }
}
