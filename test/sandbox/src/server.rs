//! The network: two listeners on loopback, what they received, and the faults on the way.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::ext::ReasonPhrase;
use hyper::service::service_fn;
use hyper::{Response, header, http, server};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::canary;
use crate::certificates::{Certificate, Certificates};
use crate::faults::{Effect, Fault, Faults};
use crate::load::Load;
use crate::message::{Answer, Request};
use crate::pages;

/// The status code of what a service does not know; it has no other use for it.
pub(crate) const UNKNOWN: u16 = 501;

/// No test lets an answer take longer.
const SLOWEST_ANSWER: Duration = Duration::from_mins(1);

const HUGE_CHUNK: &[u8] = &[b'.'; 16 * 1024];

/// What answers requests: the state of a service, and the rules by which it changes.
pub(crate) trait Service: Send + 'static {
    /// Answers a request, with [`UNKNOWN`] if it is none that the service knows.
    fn answer(&mut self, request: &Request) -> Answer;

    /// The secrets that do not belong to it.
    fn foreign_secrets() -> &'static canary::Pieces;

    /// The words behind a status code, where they are not the usual ones.
    fn reason(_status: u16) -> Option<&'static [u8]> {
        None
    }
}

/// A request that the sandbox received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// When it had arrived completely.
    pub received: Instant,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// The method.
    pub method: String,
    /// Path and query as received: `/2.0` or a base path included.
    pub path: String,
    /// Host and port as the client named them.
    pub host: String,
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// The header `Content-Type`.
    pub content_type: Option<String>,
    /// The header `User-Agent`.
    pub user_agent: Option<String>,
    /// The body as text.
    pub body: String,
    /// The status code of the answer, once its head is on the way; `None` if none ever is.
    pub status: Option<u16>,
}

/// Whether clients find the service, and how often they have lost it: what a connection lasts as long as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Presence {
    is_away: bool,
    interruptions: usize,
}

/// What the listeners and the handle share.
#[derive(Debug)]
pub(crate) struct Shared<S> {
    service: Mutex<S>,
    faults: Mutex<Faults>,
    recorded: Mutex<Vec<Recorded>>,
    arrived: Condvar,
    unknown: Mutex<Vec<String>>,
    load: Load,
    /// Slow requests that are under way, whether or not their clients still wait.
    slow: Mutex<usize>,
    slow_ended: Condvar,
    presence: watch::Sender<Presence>,
    turned_away: AtomicUsize,
}

impl<S: Service> Shared<S> {
    fn new(service: S) -> Self {
        Self {
            service: Mutex::new(service),
            faults: Mutex::default(),
            recorded: Mutex::default(),
            arrived: Condvar::new(),
            unknown: Mutex::default(),
            load: Load::default(),
            slow: Mutex::default(),
            slow_ended: Condvar::new(),
            presence: watch::Sender::default(),
            turned_away: AtomicUsize::default(),
        }
    }

    fn service(&self) -> MutexGuard<'_, S> {
        lock(&self.service)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    fn recorded(&self) -> MutexGuard<'_, Vec<Recorded>> {
        lock(&self.recorded)
    }

    fn unknown(&self) -> MutexGuard<'_, Vec<String>> {
        lock(&self.unknown)
    }

    fn presence(&self) -> Presence {
        *self.presence.borrow()
    }

    fn answer(&self, request: &Request) -> Answer {
        let answer = self.service().answer(request);
        if answer.status == UNKNOWN {
            self.unknown().push(format!("{} {}", request.method, request.path_and_query()));
        }
        answer
    }

    fn record(&self, request: &Request) -> usize {
        let mut recorded = self.recorded();
        recorded.push(Recorded {
            received: Instant::now(),
            scheme: request.scheme,
            method: request.method.to_string(),
            path: request.path_and_query().to_owned(),
            host: request.host(),
            authorization: request.header(header::AUTHORIZATION),
            content_type: request.header(header::CONTENT_TYPE),
            user_agent: request.header(header::USER_AGENT),
            body: String::from_utf8_lossy(&request.body).into_owned(),
            status: None,
        });
        self.arrived.notify_all();
        recorded.len() - 1
    }
}

/// A test that fails while it holds a lock must not hide its message behind that of the next one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A service with its listeners. Dropping it stops it, and panics if it had received a request that it does
/// not know.
#[derive(Debug)]
pub(crate) struct Running<S: Service> {
    shared: Arc<Shared<S>>,
    server: Server,
}

impl<S: Service> Running<S> {
    pub(crate) fn start(service: S) -> Self {
        Self::start_with(service, Certificate::Good)
    }

    pub(crate) fn start_with(service: S, certificate: Certificate) -> Self {
        let shared = Arc::new(Shared::new(service));
        let server = Server::start(shared.clone(), certificate)
            .expect("the sandbox needs two ports on loopback and a thread");
        Self { shared, server }
    }

    pub(crate) const fn http_port(&self) -> u16 {
        self.server.http_port
    }

    pub(crate) const fn https_port(&self) -> u16 {
        self.server.https_port
    }

    pub(crate) fn root_certificate_pem(&self) -> &str {
        &self.server.root_pem
    }

    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.shared.recorded().clone()
    }

    pub(crate) fn request_count(&self) -> usize {
        self.shared.recorded().len()
    }

    /// Waits until so many requests were received, or the time is over.
    pub(crate) fn wait_for_requests(&self, requests: usize, at_most: Duration) {
        let recorded = self.shared.recorded();
        let waited =
            self.shared.arrived.wait_timeout_while(recorded, at_most, |recorded| recorded.len() < requests);
        drop(waited);
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.shared.load.most()
    }

    pub(crate) fn turned_away(&self) -> usize {
        self.shared.turned_away.load(Ordering::SeqCst)
    }

    pub(crate) fn interrupt(&self) {
        self.shared.presence.send_modify(|presence| {
            presence.is_away = true;
            presence.interruptions += 1;
        });
    }

    pub(crate) fn resume(&self) {
        self.shared.presence.send_modify(|presence| presence.is_away = false);
    }

    /// Waits until every slow request has had its effect.
    pub(crate) fn settle(&self) {
        let slow = lock(&self.shared.slow);
        let ended = self.shared.slow_ended.wait_timeout_while(slow, SLOWEST_ANSWER, |slow| *slow > 0);
        let (slow, _) = ended.unwrap_or_else(PoisonError::into_inner);
        assert_eq!(*slow, 0, "a slow request is under way for too long");
    }

    pub(crate) fn unknown_requests(&self) -> Vec<String> {
        self.shared.unknown().clone()
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.shared.faults()
    }

    pub(crate) fn service(&self) -> MutexGuard<'_, S> {
        self.shared.service()
    }
}

impl<S: Service> Drop for Running<S> {
    fn drop(&mut self) {
        let unknown = self.unknown_requests();
        assert!(
            unknown.is_empty() || thread::panicking(),
            "the sandbox does not know these requests: {unknown:#?}"
        );
        let leaks: Vec<String> = self
            .requests()
            .iter()
            .filter_map(|request| canary::leak(request, S::foreign_secrets()))
            .collect();
        assert!(leaks.is_empty() || thread::panicking(), "secrets where none may be: {leaks:#?}");
    }
}

/// The listeners, on a thread of their own.
#[derive(Debug)]
struct Server {
    http_port: u16,
    https_port: u16,
    root_pem: String,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start<S: Service>(shared: Arc<Shared<S>>, certificate: Certificate) -> io::Result<Self> {
        let certificates = Certificates::new(certificate).map_err(io::Error::other)?;
        let root_pem = certificates.root_pem.clone();
        let tls = tls(certificates)?;
        let (plain, secure) = (listen()?, listen()?);
        let (plain_port, secure_port) = (plain.local_addr()?.port(), secure.local_addr()?.port());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let serve = async move {
            let [plain, secure] = [plain, secure].map(|listener| {
                tokio::net::TcpListener::from_std(listener).expect("the runtime has room for a listener")
            });
            tokio::spawn(serve_http(plain, shared.clone()));
            tokio::spawn(serve_https(secure, Arc::new(tls), shared));
            // Ends when the handle lets go of its side; with the runtime all connections end, silent ones
            // included.
            let _ = stopped.await;
        };
        let thread =
            thread::Builder::new().name("sandbox".to_owned()).spawn(move || runtime.block_on(serve))?;
        Ok(Self {
            http_port: plain_port,
            https_port: secure_port,
            root_pem,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn tls(certificates: Certificates) -> io::Result<ServerConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let builder = match certificates.root_of_clients {
        None => builder.with_no_client_auth(),
        Some(root) => {
            let mut roots = RootCertStore::empty();
            roots.add(root).map_err(io::Error::other)?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(io::Error::other)?)
        }
    };
    // Not `with_single_cert`, which refuses to serve what it could not read itself: version 1.
    let key = ring::sign::any_supported_type(&certificates.key).map_err(io::Error::other)?;
    let shown = SingleCertAndKey::from(CertifiedKey::new(certificates.chain, key));
    Ok(builder.with_cert_resolver(Arc::new(shown)))
}

fn listen() -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn serve_http<S: Service>(listener: tokio::net::TcpListener, shared: Arc<Shared<S>>) {
    while let Ok((stream, since)) = accept(&listener, &shared).await {
        let shared = shared.clone();
        tokio::spawn(async move {
            until_interrupted(since, &shared, serve("http", stream, since, &shared)).await;
        });
    }
}

async fn serve_https<S: Service>(
    listener: tokio::net::TcpListener,
    tls: Arc<ServerConfig>,
    shared: Arc<Shared<S>>,
) {
    let acceptor = TlsAcceptor::from(tls);
    while let Ok((stream, since)) = accept(&listener, &shared).await {
        let (acceptor, shared) = (acceptor.clone(), shared.clone());
        tokio::spawn(async move {
            let connection = async {
                if !begins_tls(&stream).await {
                    refuse_plain_text(stream, &shared).await;
                    return;
                }
                // A client that does not trust the certificate ends here, and is what some tests want to see.
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve("https", stream, since, &shared).await;
                }
            };
            until_interrupted(since, &shared, connection).await;
        });
    }
}

/// Whether the first byte is that of a TLS handshake: RFC 8446, section 5.1. What never begins is left to the
/// handshake.
async fn begins_tls(stream: &TcpStream) -> bool {
    const HANDSHAKE: u8 = 22;
    let mut first = [0];
    !matches!(stream.peek(&mut first).await, Ok(1..)) || first == [HANDSHAKE]
}

/// What nginx answers to HTTP on a port for HTTPS: its own code 497, sent as 400, with a page
/// (`src/http/ngx_http_special_response.c`).
/// <https://nginx.org/en/docs/http/ngx_http_ssl_module.html#errors>
async fn refuse_plain_text<S: Service>(stream: TcpStream, shared: &Shared<S>) {
    let service = service_fn(|incoming| async {
        let request = read("http", incoming).await?;
        let number = shared.record(&request);
        shared.recorded()[number].status = Some(400);
        let page = pages::of_nginx("400 The plain HTTP request was sent to HTTPS port");
        respond::<S>(Answer::html(400, &page).with("connection", "close"), Payload::whole)
    });
    let _ = server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Reads a request to its end.
async fn read(scheme: &'static str, incoming: hyper::Request<Incoming>) -> io::Result<Request> {
    let (head, body) = incoming.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    Ok(Request { scheme, method: head.method, uri: head.uri, headers: head.headers, body })
}

/// Waits for a client, and turns away those that come while the service is away. Ports that were really closed
/// could be another program's before they are wanted back.
///
/// Nagle's algorithm is off: it would hold an answer back for the sake of the session ticket before it, and the
/// times that are measured here would be its own.
async fn accept<S: Service>(
    listener: &tokio::net::TcpListener,
    shared: &Shared<S>,
) -> io::Result<(TcpStream, Presence)> {
    loop {
        let (stream, _) = listener.accept().await?;
        let presence = shared.presence();
        if presence.is_away {
            shared.turned_away.fetch_add(1, Ordering::SeqCst);
            continue;
        }
        // Fails only for a client that is gone already, which must not end the listener.
        let _ = stream.set_nodelay(true);
        return Ok((stream, presence));
    }
}

/// Lets a connection be, and ends it when the service is interrupted.
async fn until_interrupted<S: Service>(
    since: Presence,
    shared: &Shared<S>,
    connection: impl Future<Output = ()>,
) {
    let mut presence = shared.presence.subscribe();
    tokio::select! {
        biased;
        _ = presence.wait_for(|presence| *presence != since) => {}
        () = connection => {}
    }
}

async fn serve<S: Service>(
    scheme: &'static str,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    since: Presence,
    shared: &Arc<Shared<S>>,
) {
    let service = service_fn(|incoming| handle(scheme, incoming, since, shared));
    // An error here is a client that went away, or a connection that a fault ended.
    let _ = server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Answers one request; an error closes the connection.
async fn handle<S: Service>(
    scheme: &'static str,
    incoming: hyper::Request<Incoming>,
    since: Presence,
    shared: &Arc<Shared<S>>,
) -> io::Result<Response<Payload>> {
    let request = read(scheme, incoming).await?;
    // What arrives after the interruption must not be answered even if its connection has not ended yet.
    if shared.presence() != since {
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    // Until the answer is handed over, so that no client can have the next one before this one counts as done.
    let _under_way = shared.load.begin();
    let number = shared.record(&request);
    let fault = shared.faults().next(&request);
    let fault = fault.and_then(|fault| fault.of(&request.body));
    let response = answer_with(fault, &request, shared).await?;
    shared.recorded()[number].status = Some(response.status().as_u16());
    Ok(response)
}

async fn answer_with<S: Service>(
    fault: Option<Fault>,
    request: &Request,
    shared: &Arc<Shared<S>>,
) -> io::Result<Response<Payload>> {
    match fault {
        // What is within another fault is no such fault.
        None | Some(Fault::Within(..)) => respond::<S>(shared.answer(request), Payload::whole),
        Some(Fault::Delay(delay)) => {
            tokio::time::sleep(delay).await;
            respond::<S>(shared.answer(request), Payload::whole)
        }
        Some(Fault::Answer { status, headers, body }) => {
            respond::<S>(Answer { status, headers, body }, Payload::whole)
        }
        Some(Fault::RedirectBelow(address)) => {
            let location = format!("{address}{}", request.path_and_query());
            respond::<S>(Answer::empty(302).with("location", location), Payload::whole)
        }
        Some(Fault::ByteOrderMark) => respond::<S>(shared.answer(request).after_mark(), Payload::whole),
        Some(Fault::Slow { takes, effect }) => {
            let answer = answer_slowly(takes, effect, request.clone(), shared.clone()).await?;
            respond::<S>(answer, Payload::whole)
        }
        Some(Fault::Altered(changes)) => {
            respond::<S>(shared.answer(request).altered(&changes), Payload::whole)
        }
        Some(Fault::Compressed) => respond::<S>(shared.answer(request).compressed(), Payload::whole),
        Some(Fault::ResetAfterEffect) => {
            shared.answer(request);
            Err(io::ErrorKind::ConnectionReset.into())
        }
        Some(Fault::ResetBeforeAnswer) => Err(io::ErrorKind::ConnectionReset.into()),
        Some(Fault::ResetInAnswer) => respond::<S>(shared.answer(request), Payload::cut),
        Some(Fault::Silent) => std::future::pending().await,
        Some(Fault::SilentAfterHead) => respond::<S>(shared.answer(request), |_| Payload::Silent),
        Some(Fault::Huge { status, bytes }) => {
            respond::<S>(Answer::text(status, ""), |_| Payload::Huge(bytes))
        }
    }
}

/// Answers in a task of its own, which goes on when the client goes away: a service does not take back what was
/// asked of it.
async fn answer_slowly<S: Service>(
    takes: Duration,
    effect: Effect,
    request: Request,
    shared: Arc<Shared<S>>,
) -> io::Result<Answer> {
    *lock(&shared.slow) += 1;
    let task = tokio::spawn(async move {
        let early = (effect == Effect::AtOnce).then(|| shared.answer(&request));
        tokio::time::sleep(takes).await;
        let answer = early.unwrap_or_else(|| shared.answer(&request));
        *lock(&shared.slow) -= 1;
        shared.slow_ended.notify_all();
        answer
    });
    task.await.map_err(io::Error::other)
}

fn respond<S: Service>(
    answer: Answer,
    payload: impl FnOnce(Vec<u8>) -> Payload,
) -> io::Result<Response<Payload>> {
    let length = answer.body.len();
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    if let Some(reason) = S::reason(answer.status) {
        response = response.extension(ReasonPhrase::from_static(reason));
    }
    let payload = payload(answer.body);
    if matches!(payload, Payload::Cut { .. } | Payload::Silent) {
        // The length of the whole, so that the client can tell that something is missing.
        response = response.header(header::CONTENT_LENGTH, length.max(1));
    }
    response.body(payload).map_err(|error: http::Error| io::Error::other(error))
}

/// The body of an answer, whole or otherwise.
enum Payload {
    Whole(Option<Bytes>),
    /// Part of an answer; it is written out while the rest is waited for, and then there is none.
    Cut {
        part: Option<Bytes>,
        waited: bool,
    },
    Silent,
    Huge(u64),
}

impl Payload {
    fn whole(body: Vec<u8>) -> Self {
        Self::Whole(Some(body.into()).filter(|body: &Bytes| !body.is_empty()))
    }

    fn cut(mut body: Vec<u8>) -> Self {
        body.truncate(body.len() / 2);
        Self::Cut { part: Some(body.into()), waited: false }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut *self {
            Self::Whole(body) => Poll::Ready(body.take().map(|body| Ok(Frame::data(body)))),
            Self::Cut { part, waited } => {
                if let Some(part) = part.take() {
                    return Poll::Ready(Some(Ok(Frame::data(part))));
                }
                if !*waited {
                    *waited = true;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
            }
            Self::Silent => Poll::Pending,
            Self::Huge(0) => Poll::Ready(None),
            Self::Huge(left) => {
                let length = HUGE_CHUNK.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= length as u64;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&HUGE_CHUNK[..length])))))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64)),
            Self::Cut { .. } | Self::Silent | Self::Huge(_) => SizeHint::default(),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }
}
