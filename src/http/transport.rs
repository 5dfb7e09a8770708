//! Sends one request and reads its response: trust, proxies, time limits, and the size limit of a body.

use std::{error::Error, fmt, io, sync::Arc, time::Duration};

use reqwest::{Client, NoProxy, Proxy, Request, StatusCode, Url, header::HeaderMap, redirect};
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{console::text::rounded, http::body::Body};

/// The time limit for connecting, proxy and TLS included.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// The time limit of one attempt.
pub(crate) const ATTEMPT_LIMIT: Duration = Duration::from_secs(30);
/// Bodies are read up to this size; real ones have some 10 KiB.
const BODY_MAX_BYTES: usize = 1024 * 1024;
/// A request to this machine carries its credential unencrypted, so it never goes through a proxy.
const THIS_MACHINE: &str = "localhost,127.0.0.0/8,::1,host.docker.internal";

/// The proxies that the variables name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies {
    /// `HTTPS_PROXY`.
    pub(crate) https: Option<Url>,
    /// `HTTP_PROXY`.
    pub(crate) http: Option<Url>,
    /// `NO_PROXY`.
    pub(crate) exceptions: String,
}

/// The connections to one service.
#[derive(Debug)]
pub(crate) struct Transport {
    client: Client,
    /// One permit for each request that may be under way.
    permits: Semaphore,
}

/// What a service answered.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status_code: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

/// Why there is no complete response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The host name has no address.
    UnknownHost(String),
    /// No connection: refused, unreachable, or not made in time.
    Connection(String),
    /// The proxy does not make the connection.
    Proxy(String),
    /// The certificate of the server is not trusted.
    Certificate(String),
    /// The connection ended before the response was complete.
    Broken(String),
    /// No complete response within this time.
    Silent(Duration),
}

/// What came of one attempt.
pub(crate) type Attempt = Result<Response, Failure>;

impl Response {
    /// The value of a header, when it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Failure {
    /// Whether another attempt may succeed. A certificate stays as it is.
    pub(crate) const fn is_transient(&self) -> bool {
        !matches!(self, Self::Certificate(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownHost(cause) => write!(f, "the host name could not be looked up ({cause})"),
            Self::Connection(cause) => write!(f, "no connection ({cause})"),
            Self::Proxy(cause) => write!(f, "no connection through the proxy ({cause})"),
            Self::Certificate(cause) => write!(f, "the certificate of the server is not trusted ({cause})"),
            Self::Broken(cause) => {
                write!(f, "the connection broke before the response was complete ({cause})")
            }
            Self::Silent(limit) => write!(f, "no complete response within {} s", rounded(*limit)),
        }
    }
}

impl Transport {
    /// Connections that trust Mozilla's roots and `extra_roots`, with `concurrency` requests under way at most.
    ///
    /// # Errors
    ///
    /// None that a variable can cause: the certificates were read before.
    pub(crate) fn new(
        extra_roots: impl IntoIterator<Item = CertificateDer<'static>>,
        proxies: &Proxies,
        concurrency: usize,
    ) -> anyhow::Result<Self> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        roots.add_parsable_certificates(extra_roots);
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            // Only the proxies that the variables name, not those that reqwest finds by itself.
            .no_proxy()
            // A redirect would carry the credential to another host, and turn POST into GET.
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_LIMIT)
            .user_agent(concat!("gatepost/", env!("CARGO_PKG_VERSION")));
        if let Some(url) = proxies.https.clone() {
            let exceptions = NoProxy::from_string(&proxies.exceptions);
            builder = builder.proxy(Proxy::https(url)?.no_proxy(exceptions));
        }
        if let Some(url) = proxies.http.clone() {
            let exceptions = NoProxy::from_string(&format!("{},{THIS_MACHINE}", proxies.exceptions));
            builder = builder.proxy(Proxy::http(url)?.no_proxy(exceptions));
        }
        Ok(Self { client: builder.build()?, permits: Semaphore::new(concurrency) })
    }

    /// The same connections for another service, with permits of its own.
    #[must_use]
    pub(crate) fn for_another_service(&self, concurrency: usize) -> Self {
        Self { client: self.client.clone(), permits: Semaphore::new(concurrency) }
    }

    /// The client that builds requests.
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// A permit for one request, as soon as there is one. Dropping it gives it back.
    pub(crate) async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.permits.acquire().await.ok()
    }

    /// Sends a request once and reads its response, both within `limit`.
    ///
    /// # Errors
    ///
    /// When no complete response came.
    pub(crate) async fn send(&self, request: Request, limit: Duration) -> Attempt {
        tokio::time::timeout(limit, self.exchange(request)).await.unwrap_or(Err(Failure::Silent(limit)))
    }

    async fn exchange(&self, request: Request) -> Attempt {
        let mut response = self.client.execute(request).await.map_err(|error| failure(&error))?;
        let (mut bytes, mut is_truncated) = (Vec::new(), false);
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
            let room = BODY_MAX_BYTES - bytes.len();
            bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                is_truncated = true;
                break;
            }
        }
        Ok(Response {
            status_code: response.status(),
            headers: response.headers().clone(),
            body: Body::new(bytes, is_truncated),
        })
    }
}

fn failure(error: &reqwest::Error) -> Failure {
    let cause = root_cause(error);
    if let Some(reason) = certificate_error(error) {
        Failure::Certificate(reason)
    } else if error.is_dns() {
        Failure::UnknownHost(cause)
    } else if error.is_connect() && error.is_timeout() {
        Failure::Connection(format!("none within {} s", rounded(CONNECT_LIMIT)))
    } else if error.is_connect() && (cause.contains("proxy") || cause.contains("tunnel")) {
        // hyper-util has no error type of its own for proxies.
        Failure::Proxy(cause)
    } else if error.is_connect() {
        Failure::Connection(cause)
    } else {
        Failure::Broken(cause)
    }
}

/// Every error from the outermost to its cause. TLS errors come wrapped in an [`io::Error`], whose `source` hides them.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|wrapped| wrapped as _).or_else(|| error.source()),
        None => error.source(),
    })
}

/// The text of the innermost error. Only an outer error holds the address.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

fn certificate_error(error: &(dyn Error + 'static)) -> Option<String> {
    use rustls::{CertificateError as Certificate, Error::InvalidCertificate};
    let certificate = chain(error).find_map(|error| match error.downcast_ref() {
        Some(InvalidCertificate(certificate)) => Some(certificate),
        _ => None,
    })?;
    Some(match certificate {
        Certificate::UnknownIssuer => "it was issued by an unknown authority".to_owned(),
        Certificate::Expired | Certificate::ExpiredContext { .. } => "it has expired".to_owned(),
        Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => "it is not valid yet".to_owned(),
        // webpki's word for a self-signed certificate that a server presents as its own.
        other if other.to_string().contains("CaUsedAsEndEntity") => {
            "it is a root certificate, and the server presents it as its own".to_owned()
        }
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
            "it was made for another host".to_owned()
        }
        other => other.to_string(),
    })
}
