//! Sends one request and reads its response: trust, proxies, time limits, and the size limit of a body.

use std::{cell::Cell, error::Error, fmt, io, sync::Arc, time::Duration};

use reqwest::{Client, Request, StatusCode, Url, header::HeaderMap, redirect};
use rustls::{
    ClientConfig, ClientConnection,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{Semaphore, SemaphorePermit},
};

use crate::{
    console::text::rounded,
    http::{
        body::Body,
        proxy::{Challenge, Proxies, Proxy, ProxyCause, ProxyFailure},
        trust::{Trust, Untrusted},
    },
};

/// The time limit for connecting, proxy and TLS included.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// The time limit of one attempt.
pub(crate) const ATTEMPT_LIMIT: Duration = Duration::from_secs(30);
/// The time limit for the question whether a server speaks TLS.
const TLS_PROBE_LIMIT: Duration = Duration::from_secs(2);
/// Bodies are read up to this size; real ones have some 10 KiB.
pub(crate) const BODY_MAX_BYTES: usize = 1024 * 1024;
/// The connections to one service.
#[derive(Debug)]
pub(crate) struct Transport {
    client: Client,
    tls: Arc<ClientConfig>,
    proxies: Arc<Proxies>,
    /// One permit for each request that may be under way.
    permits: Semaphore,
    /// The number of requests that were sent, each attempt counted.
    sent: Cell<usize>,
    /// What answers in place of the network.
    #[cfg(any(test, fuzzing))]
    given: Option<Given>,
}

/// No list of a test has more pages.
#[cfg(any(test, fuzzing))]
const GIVEN_MAX: usize = 2000;

/// Responses in place of a network, one for each request. The last one answers all further requests.
#[cfg(any(test, fuzzing))]
#[derive(Debug)]
struct Given {
    responses: Vec<Response>,
    requests: std::cell::RefCell<Vec<Request>>,
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
    UnknownHost(Lookup),
    /// No connection: refused, unreachable, or not made in time.
    Connection(String),
    /// There is no connection through the proxy.
    Proxy(ProxyFailure),
    /// The certificate of the server is not trusted.
    Certificate(Untrusted),
    /// The server does not speak TLS with us.
    Tls(TlsFailure),
    /// The server answers something else than HTTP.
    NotHttp,
    /// The server speaks TLS on this port, and closes the connection when it is asked without.
    WantsTls,
    /// The connection ended before the response was complete.
    Broken(String),
    /// No complete response within this time.
    Silent(Duration),
}

/// What a name server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// There is no such host.
    NoSuchHost,
    /// It cannot tell now, or does not answer.
    TryAgain,
}

/// What keeps a server from speaking TLS with us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TlsFailure {
    /// It does not speak TLS at all.
    NotTls,
    /// It wants a certificate of its client.
    WantsCertificate,
    /// It does not know the name of the host.
    UnknownName,
    /// There is no version of TLS, or no cipher, that both know.
    NothingInCommon,
    /// It sends this alert: <https://www.rfc-editor.org/rfc/rfc8446#section-6>.
    Alert(u8),
    /// It breaks the rules of TLS.
    Damaged,
}

/// What came of one attempt.
pub(crate) type Attempt = Result<Response, Failure>;

/// A status code and its words; some gateways send numbers that have none.
pub(crate) fn status_words(status_code: StatusCode) -> String {
    let name = GATEWAY_STATUS_CODES.iter().find(|(code, _)| *code == status_code.as_u16());
    match (status_code.canonical_reason(), name) {
        (Some(_), _) => status_code.to_string(),
        (None, Some((code, name))) => format!("{code} {name}"),
        (None, None) if status_code.is_server_error() => {
            format!("{} Unknown Server Error", status_code.as_str())
        }
        (None, None) => status_code.as_str().to_owned(),
    }
}

/// Status codes of gateways and content delivery networks, which HTTP's own list does not have:
/// <https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/>.
const GATEWAY_STATUS_CODES: [(u16, &str); 13] = [
    (509, "Bandwidth Limit Exceeded"),
    (520, "Web Server Returns an Unknown Error"),
    (521, "Web Server Is Down"),
    (522, "Connection Timed Out"),
    (523, "Origin Is Unreachable"),
    (524, "A Timeout Occurred"),
    (525, "SSL Handshake Failed"),
    (526, "Invalid SSL Certificate"),
    (527, "Railgun Error"),
    (529, "Site Is Overloaded"),
    (530, "Origin DNS Error"),
    (555, "Response Not Ready"),
    (598, "Network Read Timeout"),
];

impl Response {
    /// The value of a header, when it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the body is compressed. No request accepts that.
    pub(crate) fn is_compressed(&self) -> bool {
        self.header("content-encoding")
            .is_some_and(|encoding| !encoding.trim().eq_ignore_ascii_case("identity"))
    }
}

impl Failure {
    /// Whether another attempt may succeed. A certificate stays as it is, and so does a server that does not speak the
    /// protocol.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::UnknownHost(_) | Self::Connection(_) | Self::Broken(_) | Self::Silent(_) => true,
            Self::Proxy(failure) => failure.is_transient(),
            Self::Certificate(_) | Self::Tls(_) | Self::NotHttp | Self::WantsTls => false,
        }
    }
}

impl From<ProxyFailure> for Failure {
    fn from(failure: ProxyFailure) -> Self {
        Self::Proxy(failure)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownHost(Lookup::NoSuchHost) => {
                f.write_str("the host name could not be looked up (there is no such host)")
            }
            Self::UnknownHost(Lookup::TryAgain) => {
                f.write_str("the host name could not be looked up (the name server does not answer now)")
            }
            Self::Connection(cause) => write!(f, "no connection ({cause})"),
            Self::Proxy(failure) => failure.fmt(f),
            Self::Certificate(reason) => write!(f, "the certificate of the server is not trusted ({reason})"),
            Self::Tls(TlsFailure::NotTls) => f.write_str("the server does not speak TLS (https)"),
            Self::Tls(TlsFailure::WantsCertificate) => f.write_str("the server wants a client certificate"),
            Self::Tls(TlsFailure::UnknownName) => f.write_str("the server does not know this host name"),
            Self::Tls(TlsFailure::NothingInCommon) => {
                f.write_str("the server has no version of TLS or no cipher in common with Gatepost")
            }
            Self::Tls(TlsFailure::Alert(number)) => {
                write!(f, "the server refuses the TLS connection (alert {number})")
            }
            Self::Tls(TlsFailure::Damaged) => f.write_str("the server breaks the rules of TLS"),
            Self::NotHttp => f.write_str("the server answers something else than HTTP/1.1"),
            Self::WantsTls => {
                f.write_str("the server closes the connection, and speaks TLS (https) on this port")
            }
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
        proxies: Arc<Proxies>,
        concurrency: usize,
    ) -> anyhow::Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let trust = Trust::new(extra_roots.into_iter().collect(), &provider)?;
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(trust))
            .with_no_client_auth();
        let builder = Client::builder()
            .tls_backend_preconfigured(tls.clone())
            // Only the proxies that the variables name, not those that reqwest finds by itself.
            .no_proxy()
            // A redirect would carry the credential to another host, and turn POST into GET.
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_LIMIT)
            .user_agent(concat!("gatepost/", env!("CARGO_PKG_VERSION")));
        let all = proxies.clone();
        let builder = builder.proxy(reqwest::Proxy::custom(move |url| Some(all.of(url)?.url().clone())));
        let client = builder.build()?;
        Ok(Self {
            client,
            tls: Arc::new(tls),
            proxies,
            permits: Semaphore::new(concurrency),
            sent: Cell::default(),
            #[cfg(any(test, fuzzing))]
            given: None,
        })
    }

    /// The same connections for another service, with permits of its own.
    #[must_use]
    pub(crate) fn for_another_service(&self, concurrency: usize) -> Self {
        Self {
            client: self.client.clone(),
            tls: self.tls.clone(),
            proxies: self.proxies.clone(),
            permits: Semaphore::new(concurrency),
            sent: Cell::default(),
            #[cfg(any(test, fuzzing))]
            given: None,
        }
    }

    /// The same transport without a network. These are the responses, one for each request; the last one answers all
    /// further requests. Without any, each request fails.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn answering(&self, responses: Vec<Response>) -> Self {
        let given = Given { responses, requests: std::cell::RefCell::default() };
        Self { given: Some(given), ..self.for_another_service(1) }
    }

    /// The requests that were answered without a network, since the last call.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn take_requests(&self) -> Vec<Request> {
        self.given.as_ref().map(|given| given.requests.take()).unwrap_or_default()
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

    /// The number of requests that were sent, each attempt counted.
    pub(crate) const fn sent(&self) -> usize {
        self.sent.get()
    }

    /// Sends a request once and reads its response, both within `limit`, and the body up to `max_bytes`.
    ///
    /// # Errors
    ///
    /// When no complete response came.
    pub(crate) async fn send(&self, request: Request, limit: Duration, max_bytes: usize) -> Attempt {
        self.sent.set(self.sent.get() + 1);
        #[cfg(any(test, fuzzing))]
        if let Some(Given { responses, requests }) = &self.given {
            let mut requests = requests.borrow_mut();
            assert!(requests.len() < GIVEN_MAX, "the requests do not end");
            let response = responses.get(requests.len()).or(responses.last()).cloned();
            requests.push(request);
            return response.ok_or(Failure::Broken("there is no network".to_owned()));
        }
        tokio::time::timeout(limit, self.lead(request, max_bytes))
            .await
            .unwrap_or(Err(Failure::Silent(limit)))
    }

    /// Sends a request through its proxy, if it has one.
    async fn lead(&self, request: Request, max_bytes: usize) -> Attempt {
        let url = request.url().clone();
        let proxy = self.proxies.of(&url);
        // Boxed, because it would be part of the future of every target.
        let exchange = Box::pin(self.exchange(request, proxy, max_bytes));
        let Some(proxy) = proxy else { return exchange.await };
        let is_first = Box::pin(proxy.admit(&url)).await?;
        let attempt = match Box::pin(proxy.ask_again(&url)).await {
            Ok(()) => exchange.await,
            Err(refused) => Err(refused.into()),
        };
        if is_first.is_some() {
            match &attempt {
                Ok(_) => proxy.remember(&url, Ok(())),
                Err(Failure::Proxy(failure)) if !failure.is_transient() => {
                    proxy.remember(&url, Err(failure.clone()));
                }
                Err(_) => {}
            }
        }
        attempt
    }

    async fn exchange(&self, request: Request, proxy: Option<&Proxy>, max_bytes: usize) -> Attempt {
        let url = request.url().clone();
        let mut response = match self.client.execute(request).await {
            Ok(response) => response,
            Err(error) => {
                return Err(match failure(&error, &url, proxy).await {
                    Failure::Broken(_) if proxy.is_none() && Box::pin(self.wants_tls(&url)).await => {
                        Failure::WantsTls
                    }
                    failure => failure,
                });
            }
        };
        if let (StatusCode::PROXY_AUTHENTICATION_REQUIRED, Some(proxy)) = (response.status(), proxy) {
            let offered = response.headers().get_all("proxy-authenticate");
            let challenge = Challenge::of(offered.iter().filter_map(|value| value.to_str().ok()));
            return Err(proxy.failure(ProxyCause::WantsPassword(challenge)).into());
        }
        let (mut bytes, mut is_truncated) = (Vec::new(), false);
        while let Some(chunk) = response.chunk().await.map_err(|error| without_response(&error))? {
            let room = max_bytes - bytes.len();
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

/// The first bytes of an answer of TLS: an alert or a handshake, of a version 3.x.
/// <https://www.rfc-editor.org/rfc/rfc8446#section-5.1>
const TLS_ANSWERS: [[u8; 2]; 2] = [[0x15, 3], [0x16, 3]];

impl Transport {
    /// Whether a server that closed a connection of http at once speaks TLS: it is greeted once as https does. Many
    /// servers say nothing to http on their port for https, and no other attempt changes that.
    async fn wants_tls(&self, url: &Url) -> bool {
        if url.scheme() != "http" {
            return false;
        }
        let answers = async {
            let (host, port) = (url.host_str()?.trim_matches(['[', ']']), url.port_or_known_default()?);
            let name = ServerName::try_from(host.to_owned()).ok()?;
            let mut greeting = Vec::new();
            ClientConnection::new(self.tls.clone(), name).ok()?.write_tls(&mut greeting).ok()?;
            let mut stream = TcpStream::connect((host, port)).await.ok()?;
            stream.write_all(&greeting).await.ok()?;
            let mut begin = [0; 2];
            stream.read_exact(&mut begin).await.ok()?;
            Some(TLS_ANSWERS.contains(&begin))
        };
        tokio::time::timeout(TLS_PROBE_LIMIT, answers).await.ok().flatten().unwrap_or(false)
    }
}

/// Why a request failed. A proxy that refuses is asked for its words.
async fn failure(error: &reqwest::Error, url: &Url, proxy: Option<&Proxy>) -> Failure {
    let Some((proxy, cause)) = proxy.and_then(|proxy| Some((proxy, proxy_cause(error)?))) else {
        return without_response(error);
    };
    let cause = match cause {
        ProxyCause::Refuses(_) => Box::pin(proxy.refusal(url)).await,
        ProxyCause::WantsPassword(_) => Box::pin(proxy.challenge(url)).await,
        cause => cause,
    };
    proxy.failure(cause).into()
}

/// What keeps the proxy from making the connection, if it is the proxy.
fn proxy_cause(error: &reqwest::Error) -> Option<ProxyCause> {
    // hyper-util has no public types for these errors.
    let says = |words: &str| chain(error).any(|error| error.to_string().contains(words));
    let cause = root_cause(error);
    if says("proxy authorization required") {
        Some(ProxyCause::WantsPassword(Challenge::default()))
    } else if says("tunnel error: unsuccessful") {
        Some(ProxyCause::Refuses(None))
    } else if error.is_dns() {
        Some(ProxyCause::UnknownHost(lookup(&cause)))
    } else if says("tunnel error") {
        Some(ProxyCause::Unreachable(cause))
    } else if tls_failure(error).is_some() || !error.is_connect() {
        None
    } else if error.is_timeout() {
        Some(ProxyCause::Unreachable(format!("none within {} s", rounded(CONNECT_LIMIT))))
    } else if says("tls handshake eof") {
        Some(ProxyCause::ClosesTunnel)
    } else {
        Some(ProxyCause::Unreachable(cause))
    }
}

/// Alerts that a connection may end with at any time: <https://www.rfc-editor.org/rfc/rfc8446#section-6.2>.
const BAD_RECORD_MAC: u8 = 20;
const INTERNAL_ERROR: u8 = 80;

fn without_response(error: &reqwest::Error) -> Failure {
    let cause = root_cause(error);
    if let Some(failure) = tls_failure(error) {
        let has_connection = !error.is_connect();
        match failure {
            // The request was sent: another one may find the way undamaged, and this one may have been applied. Other
            // alerts come here, too, from servers that want a certificate of their client.
            Failure::Tls(
                TlsFailure::NotTls | TlsFailure::Damaged | TlsFailure::Alert(BAD_RECORD_MAC | INTERNAL_ERROR),
            ) if has_connection => Failure::Broken("a damaged record of TLS".to_owned()),
            failure => failure,
        }
    } else if error.is_dns() {
        Failure::UnknownHost(lookup(&cause))
    } else if error.is_connect() && error.is_timeout() {
        Failure::Connection(format!("none within {} s", rounded(CONNECT_LIMIT)))
    } else if error.is_connect() {
        Failure::Connection(cause)
    // hyper has no public type for this error.
    } else if chain(error).any(|error| error.to_string().contains("invalid HTTP")) {
        Failure::NotHttp
    } else {
        Failure::Broken(cause)
    }
}

/// The words of glibc and musl for a host that does not exist, and for a name server that will never answer. The
/// standard library passes on the words alone.
const NO_SUCH_HOST: [&str; 5] = [
    "Name or service not known",
    "No address associated",
    "Name does not resolve",
    "Name has no usable address",
    "Non-recoverable",
];

fn lookup(cause: &str) -> Lookup {
    if NO_SUCH_HOST.iter().any(|words| cause.contains(words)) { Lookup::NoSuchHost } else { Lookup::TryAgain }
}

/// Every error from the outermost to its cause. TLS errors come wrapped in an [`io::Error`], whose `source` hides them.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|wrapped| wrapped as _).or_else(|| error.source()),
        None => error.source(),
    })
}

/// The text of the innermost error, without the number of the system. Only an outer error holds the address.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    let text = chain(error).last().map(ToString::to_string).unwrap_or_default();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

fn tls_failure(error: &(dyn Error + 'static)) -> Option<Failure> {
    use rustls::{AlertDescription as Alert, CertificateError, Error as Tls};
    Some(Failure::Tls(match chain(error).find_map(|error| error.downcast_ref::<Tls>())? {
        Tls::InvalidCertificate(CertificateError::Other(other)) => {
            let reason = other.0.downcast_ref::<Untrusted>().cloned();
            return Some(Failure::Certificate(reason.unwrap_or(Untrusted::Damaged)));
        }
        Tls::InvalidCertificate(_) => return Some(Failure::Certificate(Untrusted::Damaged)),
        Tls::InvalidMessage(_) => TlsFailure::NotTls,
        Tls::AlertReceived(Alert::CertificateRequired | Alert::NoCertificate | Alert::BadCertificate) => {
            TlsFailure::WantsCertificate
        }
        Tls::AlertReceived(Alert::UnrecognisedName) => TlsFailure::UnknownName,
        Tls::AlertReceived(
            Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::InsufficientSecurity,
        )
        | Tls::PeerIncompatible(_) => TlsFailure::NothingInCommon,
        Tls::AlertReceived(alert) => TlsFailure::Alert((*alert).into()),
        _ => TlsFailure::Damaged,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_server_that_asks_to_try_again_is_no_proof_that_there_is_no_host() {
        for (words, expected) in [
            ("failed to lookup address information: Name or service not known", Lookup::NoSuchHost),
            ("failed to lookup address information: Name does not resolve", Lookup::NoSuchHost),
            ("failed to lookup address information: Temporary failure in name resolution", Lookup::TryAgain),
            ("failed to lookup address information: Try again", Lookup::TryAgain),
            ("failed to lookup address information: System error", Lookup::TryAgain),
        ] {
            assert_eq!(lookup(words), expected, "{words}");
        }
    }
}
