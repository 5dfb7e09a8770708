//! The one HTTP client: trust, proxies, time limits and the size limit of an answer. What an answer
//! means is for the service's own client to say.

use std::{error::Error, fmt, io, sync::Arc, time::Duration};

use reqwest::{Client, NoProxy, Proxy, Request, StatusCode, Url, header::HeaderMap, redirect};
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::console::text::rounded;

/// To connect, proxy and TLS included.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// One attempt in all.
pub const ATTEMPT_LIMIT: Duration = Duration::from_secs(30);
/// Answers are read up to here; real ones have some 10 KiB.
const BODY_MAX_BYTES: usize = 1024 * 1024;

/// The proxies to use.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// For https addresses.
    pub https: Option<Url>,
    /// For http addresses.
    pub http: Option<Url>,
    /// Hosts reached directly, as in `NO_PROXY`.
    pub except: String,
}

/// A client for the services.
#[derive(Debug)]
pub struct Http {
    client: Client,
    /// Requests under way at once.
    room: Semaphore,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, at most 1 MiB of it.
    pub body: Vec<u8>,
    /// Whether the body had more than 1 MiB.
    pub cut: bool,
}

/// Why nothing, or nothing whole, came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The host's name has no address.
    UnknownHost(String),
    /// No connection: refused, unreachable, not in time, or not let through by the proxy.
    Connection(String),
    /// The proxy does not make the connection.
    Proxy(String),
    /// The server's certificate is not trusted.
    Certificate(String),
    /// The connection ended before the answer was whole.
    Broken(String),
    /// No whole answer within this time.
    Silent(Duration),
}

impl Failure {
    /// Whether it speaks of the moment; a certificate stays as it is.
    pub const fn is_passing(&self) -> bool {
        !matches!(self, Self::Certificate(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownHost(cause) => write!(f, "the host's name could not be looked up ({cause})"),
            Self::Connection(cause) => write!(f, "no connection ({cause})"),
            Self::Proxy(cause) => write!(f, "no connection through the proxy ({cause})"),
            Self::Certificate(cause) => write!(f, "the server's certificate is not trusted ({cause})"),
            Self::Broken(cause) => write!(f, "the connection broke before the answer was whole ({cause})"),
            Self::Silent(limit) => write!(f, "no whole answer within {} s", rounded(*limit)),
        }
    }
}

impl Http {
    /// A client that trusts Mozilla's roots, those that the user adds for all services, and those of one; it has so many
    /// requests under way `at_once`.
    ///
    /// # Errors
    ///
    /// None that a variable can cause: the certificates were read before.
    pub fn new(
        extra_roots: &[CertificateDer<'static>],
        own_roots: &[CertificateDer<'static>],
        proxies: &Proxies,
        at_once: usize,
    ) -> anyhow::Result<Self> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        roots.add_parsable_certificates(extra_roots.iter().chain(own_roots).cloned());
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            // Only what the variables name, not what reqwest would find for itself.
            .no_proxy()
            // A redirect would carry the credential to another host, and turn POST into GET.
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_LIMIT)
            .user_agent(concat!("gatepost/", env!("CARGO_PKG_VERSION")));
        if let Some(url) = proxies.https.clone() {
            builder = builder.proxy(Proxy::https(url)?.no_proxy(NoProxy::from_string(&proxies.except)));
        }
        if let Some(url) = proxies.http.clone() {
            let except = format!("{},{THIS_MACHINE}", proxies.except);
            builder = builder.proxy(Proxy::http(url)?.no_proxy(NoProxy::from_string(&except)));
        }
        Ok(Self { client: builder.build()?, room: Semaphore::new(at_once) })
    }

    /// The client that requests are built with.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Room for one more request, once there is some; it is free again when what is returned is dropped.
    pub async fn room(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.room.acquire().await.ok()
    }

    /// The same client for another service, with room of its own.
    #[must_use]
    pub fn beside(&self, at_once: usize) -> Self {
        Self { client: self.client.clone(), room: Semaphore::new(at_once) }
    }

    /// Sends a request once and reads its answer, both within `limit`.
    ///
    /// # Errors
    ///
    /// When no whole answer came.
    pub async fn send(&self, request: Request, limit: Duration) -> Result<Answer, Failure> {
        tokio::time::timeout(limit, self.exchange(request)).await.unwrap_or(Err(Failure::Silent(limit)))
    }

    async fn exchange(&self, request: Request) -> Result<Answer, Failure> {
        let mut response = self.client.execute(request).await.map_err(|error| failure(&error))?;
        let mut answer = Answer {
            status: response.status(),
            headers: response.headers().clone(),
            body: Vec::new(),
            cut: false,
        };
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
            let room = BODY_MAX_BYTES - answer.body.len();
            answer.body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                answer.cut = true;
                break;
            }
        }
        Ok(answer)
    }
}

/// An http address of this machine is reached directly, as `NO_PROXY` would have it: a request with a
/// credential in the clear has no business on a proxy.
const THIS_MACHINE: &str = "localhost,127.0.0.0/8,::1,host.docker.internal";

fn failure(error: &reqwest::Error) -> Failure {
    let cause = root_cause(error);
    if let Some(reason) = certificate_error(error) {
        Failure::Certificate(reason)
    } else if error.is_dns() {
        Failure::UnknownHost(cause)
    } else if error.is_connect() && error.is_timeout() {
        Failure::Connection(format!("none within {} s", rounded(CONNECT_LIMIT)))
    } else if error.is_connect() && (cause.contains("proxy") || cause.contains("tunnel")) {
        // hyper-util has no type for it that could be told apart.
        Failure::Proxy(cause)
    } else if error.is_connect() {
        Failure::Connection(cause)
    } else {
        Failure::Broken(cause)
    }
}

/// Every error from the outermost to its cause. [`io::Error`] hides the error that it wraps from
/// `source`, and TLS errors come wrapped in one.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|wrapped| wrapped as _).or_else(|| error.source()),
        None => error.source(),
    })
}

/// The innermost error's words; it never holds the address, which an outer one shows.
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
        Certificate::UnknownIssuer => "it was issued by an authority that is not known".to_owned(),
        Certificate::Expired | Certificate::ExpiredContext { .. } => "it has expired".to_owned(),
        Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => "it is not valid yet".to_owned(),
        // webpki's word for a self-signed certificate that a server shows as its own.
        other if other.to_string().contains("CaUsedAsEndEntity") => {
            "it is a root certificate, which no server may show as its own".to_owned()
        }
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
            "it was made for another host".to_owned()
        }
        other => other.to_string(),
    })
}
