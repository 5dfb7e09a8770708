//! The proxies that the variables name: which requests go through one, and what one answers that refuses.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use reqwest::{StatusCode, Url};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::http::{retry, transport::Lookup};

/// The variable with the address of the proxy that Pipelines runs beside each step.
pub(crate) const REPORT_PROXY: &str = "REPORT_PROXY";

/// The proxies of a run, for all services.
#[derive(Debug, Default)]
pub(crate) struct Proxies {
    /// `HTTPS_PROXY`.
    https: Option<Proxy>,
    /// `HTTP_PROXY`.
    http: Option<Proxy>,
    /// `NO_PROXY`.
    exceptions: Exceptions,
}

/// One proxy.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// With user and password, when it wants them.
    url: Url,
    /// The variable that names it.
    variable: &'static str,
    /// Held by the request that tries the proxy first.
    first_request: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
}

/// What is known of a proxy, from the requests before.
#[derive(Debug, Default)]
struct Known {
    /// The 407 that it answered.
    wants_password: Option<Challenge>,
    /// The hosts to which it refused to connect at the last attempt, with an answer that may change, such as 503.
    refused: BTreeSet<String>,
    /// Whether it connects to a host.
    by_host: BTreeMap<String, Result<(), ProxyFailure>>,
}

/// Why there is no connection through a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProxyFailure {
    /// Host and port of the proxy.
    pub(crate) proxy: String,
    /// The variable that names it.
    pub(crate) variable: &'static str,
    pub(crate) cause: ProxyCause,
}

/// What keeps a proxy from making a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProxyCause {
    /// Its host name has no address.
    UnknownHost(Lookup),
    /// It wants a user name and password: 407.
    WantsPassword(Challenge),
    /// It answers something else than 200, such as 403; nothing is known of the answer when it cannot be asked again.
    Refuses(Option<StatusLine>),
    /// It speaks another protocol than HTTP, such as SOCKS or SSH.
    NotHttp,
    /// It cannot be reached, or closes the connection.
    Unreachable(String),
    /// It makes the connection, which ends before TLS begins.
    ClosesTunnel,
}

/// A 407.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// The status line. `None` when the proxy could not be asked for it.
    line: Option<StatusLine>,
    /// The ways to log in that it offers, such as `Basic` and `NTLM`.
    schemes: Vec<String>,
}

/// What a proxy answers to a request for a connection.
#[derive(Debug)]
enum ProxyAnswer {
    Http(StatusLine, Vec<String>),
    NotHttp,
    /// Nothing, or not in time.
    None,
}

/// The first line of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatusLine {
    pub(crate) status_code: StatusCode,
    reason: String,
}

impl Proxies {
    /// The proxies at these addresses.
    pub(crate) fn new(https: Option<Url>, http: Option<Url>, exceptions: Exceptions) -> Self {
        let proxy = |variable, url: Option<Url>| url.map(|url| Proxy::new(url, variable));
        Self { https: proxy("HTTPS_PROXY", https), http: proxy("HTTP_PROXY", http), exceptions }
    }

    /// One proxy for all requests over http.
    pub(crate) fn for_http(url: Url, variable: &'static str) -> Self {
        Self { https: None, http: Some(Proxy::new(url, variable)), exceptions: Exceptions::default() }
    }

    /// The proxy for a request. A request to this machine over http carries its credential unencrypted, so it never goes
    /// through a proxy.
    pub(crate) fn of(&self, url: &Url) -> Option<&Proxy> {
        let is_http = url.scheme() == "http";
        let proxy = if is_http { &self.http } else { &self.https };
        let host = url.host_str()?.trim_matches(['[', ']']);
        let is_direct =
            (is_http && is_this_machine(host)) || self.exceptions.have(host, url.port_or_known_default());
        proxy.as_ref().filter(|_| !is_direct)
    }
}

fn is_this_machine(host: &str) -> bool {
    ["localhost", "host.docker.internal"].contains(&host)
        || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

impl Proxy {
    fn new(url: Url, variable: &'static str) -> Self {
        Self { url, variable, first_request: tokio::sync::Mutex::default(), known: Mutex::default() }
    }

    /// The address, with user and password.
    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    /// Waits until a request may be sent through the proxy. Thirteen logins with a wrong password lock an account, so the
    /// first request to a host goes alone: while it holds the guard, the others wait.
    ///
    /// # Errors
    ///
    /// When the proxy is known to refuse the connection: a refusal is final for all requests of the run.
    pub(crate) async fn admit(
        &self,
        to: &Url,
    ) -> Result<Option<tokio::sync::MutexGuard<'_, ()>>, ProxyFailure> {
        let host = authority(to);
        if self.known_of(&host)?.is_some() {
            return Ok(None);
        }
        let alone = self.first_request.lock().await;
        // A request that was sent meanwhile may have found it out.
        Ok(self.known_of(&host)?.is_none().then_some(alone))
    }

    /// Whether the proxy connects to a host, as far as it is known.
    fn known_of(&self, host: &str) -> Result<Option<()>, ProxyFailure> {
        let known = self.known();
        if let Some(challenge) = &known.wants_password {
            return Err(self.failure(ProxyCause::WantsPassword(challenge.clone())));
        }
        known.by_host.get(host).cloned().transpose()
    }

    /// Keeps for later requests whether the proxy connects to a host.
    pub(crate) fn remember(&self, to: &Url, result: Result<(), ProxyFailure>) {
        let mut known = self.known();
        if let Err(ProxyFailure { cause: ProxyCause::WantsPassword(challenge), .. }) = &result {
            known.wants_password = Some(challenge.clone());
        }
        known.by_host.insert(authority(to), result);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The failure, with the name of the proxy.
    pub(crate) fn failure(&self, cause: ProxyCause) -> ProxyFailure {
        ProxyFailure { proxy: authority(&self.url), variable: self.variable, cause }
    }

    /// Asks a proxy that has just refused a connection to a host, and may make it now: alone, because a request that it
    /// refuses again would have to be followed by this question.
    ///
    /// # Errors
    ///
    /// When it refuses again.
    pub(crate) async fn ask_again(&self, to: &Url) -> Result<(), ProxyFailure> {
        if !self.known().refused.remove(&authority(to)) {
            return Ok(());
        }
        match self.answer(to, true).await {
            ProxyAnswer::Http(line, _) if !line.status_code.is_success() => {
                Err(self.failure(self.refused(to, line)))
            }
            _ => Ok(()),
        }
    }

    /// Why the proxy does not connect to a host. `reqwest` keeps the answer to itself, so the proxy is asked again.
    pub(crate) async fn refusal(&self, to: &Url) -> ProxyCause {
        match self.answer(to, true).await {
            ProxyAnswer::Http(line, _) => self.refused(to, line),
            ProxyAnswer::NotHttp => ProxyCause::NotHttp,
            ProxyAnswer::None => ProxyCause::Refuses(None),
        }
    }

    fn refused(&self, to: &Url, line: StatusLine) -> ProxyCause {
        if retry::is_transient(line.status_code) {
            self.known().refused.insert(authority(to));
        }
        ProxyCause::Refuses(Some(line))
    }

    /// How the proxy asks for a user name and password. It is asked without them: they would count as one more login.
    pub(crate) async fn challenge(&self, to: &Url) -> ProxyCause {
        ProxyCause::WantsPassword(match self.answer(to, false).await {
            ProxyAnswer::Http(line, schemes)
                if line.status_code == StatusCode::PROXY_AUTHENTICATION_REQUIRED =>
            {
                Challenge { line: Some(line), schemes }
            }
            _ => Challenge::default(),
        })
    }

    /// What the proxy answers to a request for a connection.
    async fn answer(&self, to: &Url, with_login: bool) -> ProxyAnswer {
        // An https proxy would have to be spoken to with TLS.
        if self.url.scheme() != "http" {
            return ProxyAnswer::None;
        }
        let head = tokio::time::timeout(ANSWER_LIMIT, self.ask(&authority(to), with_login)).await;
        match head.ok().flatten() {
            Some(head) if !head.is_empty() => ProxyAnswer::of(&String::from_utf8_lossy(&head)),
            _ => ProxyAnswer::None,
        }
    }

    /// The head of the answer, as far as it is read.
    async fn ask(&self, to: &str, with_login: bool) -> Option<Vec<u8>> {
        let host = self.url.host_str()?.trim_matches(['[', ']']).to_owned();
        let mut stream = TcpStream::connect((host, self.url.port_or_known_default()?)).await.ok()?;
        let login = self.login().filter(|_| with_login);
        let login = login.map_or_else(String::new, |login| format!("Proxy-Authorization: {login}\r\n"));
        let head = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{login}\r\n");
        stream.write_all(head.as_bytes()).await.ok()?;
        let mut stream = BufReader::new(stream).take(HEAD_MAX_BYTES);
        let mut head = Vec::new();
        // A proxy of another protocol ends no line.
        while let Ok(1..) = stream.read_until(b'\n', &mut head).await {
            if !head.starts_with(b"HTTP/") || head.ends_with(b"\n\r\n") || head.ends_with(b"\n\n") {
                break;
            }
        }
        Some(head)
    }

    /// The value of `Proxy-Authorization`: <https://www.rfc-editor.org/rfc/rfc7617#section-2>.
    fn login(&self) -> Option<String> {
        use base64::{Engine, prelude::BASE64_STANDARD};
        let (user, password) = (self.url.username(), self.url.password().unwrap_or_default());
        let decoded = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
        let login = [decoded(user), b":".to_vec(), decoded(password)].concat();
        (!user.is_empty() || !password.is_empty()).then(|| format!("Basic {}", BASE64_STANDARD.encode(login)))
    }
}

/// The time limit for an answer that was given once already.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// A longer head is cut.
const HEAD_MAX_BYTES: u64 = 8 * 1024;
/// A longer line is shown without its words.
const STATUS_LINE_MAX_BYTES: usize = 200;

/// Host and port.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

impl ProxyFailure {
    /// Whether another attempt may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        match &self.cause {
            ProxyCause::UnknownHost(_) | ProxyCause::Unreachable(_) | ProxyCause::ClosesTunnel => true,
            ProxyCause::Refuses(line) => {
                line.as_ref().is_some_and(|line| retry::is_transient(line.status_code))
            }
            ProxyCause::WantsPassword(_) | ProxyCause::NotHttp => false,
        }
    }

    /// What the proxy did, for a column of a table.
    pub(crate) fn words(&self) -> String {
        match &self.cause {
            ProxyCause::WantsPassword(_) => "the proxy answered 407".to_owned(),
            ProxyCause::Refuses(Some(line)) => format!("the proxy answered {}", line.status_code.as_u16()),
            _ => "no connection through the proxy".to_owned(),
        }
    }
}

impl Challenge {
    /// A 407 with these ways to log in: the values of `Proxy-Authenticate`.
    pub(crate) fn of<'v>(values: impl IntoIterator<Item = &'v str>) -> Self {
        Self { line: None, schemes: values.into_iter().filter_map(scheme).collect() }
    }

    /// The ways to log in, if `Basic` is none of them: Gatepost knows no other.
    pub(crate) fn unknown_schemes(&self) -> Option<String> {
        let is_basic = |scheme: &String| scheme.eq_ignore_ascii_case("basic");
        (!self.schemes.is_empty() && !self.schemes.iter().any(is_basic)).then(|| self.schemes.join(", "))
    }
}

/// The first word of a challenge: <https://www.rfc-editor.org/rfc/rfc9110#section-11.3>.
fn scheme(challenge: &str) -> Option<String> {
    let word = challenge.trim().split([' ', ',']).next()?;
    let is_token =
        !word.is_empty() && word.len() <= 20 && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_token.then(|| word.to_owned())
}

impl ProxyAnswer {
    fn of(head: &str) -> Self {
        let mut lines = head.split_inclusive('\n');
        let Some(line) = lines.next().and_then(StatusLine::parse) else { return Self::NotHttp };
        let schemes = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("proxy-authenticate").then(|| scheme(value))?
        });
        Self::Http(line, schemes.collect())
    }
}

impl StatusLine {
    /// Reads the first line of an answer: <https://www.rfc-editor.org/rfc/rfc9112#section-4>.
    fn parse(line: &str) -> Option<Self> {
        let mut parts = line.splitn(3, ' ');
        let is_http = parts.next()?.starts_with("HTTP/");
        let status_code = parts.next()?.trim_end().parse().ok().filter(|_| is_http)?;
        // A line without its end was cut, and a secret in it would not be found.
        let is_whole = line.len() <= STATUS_LINE_MAX_BYTES && line.ends_with('\n');
        let reason = parts.next().filter(|_| is_whole).unwrap_or_default();
        Some(Self { status_code, reason: reason.trim().escape_debug().to_string() })
    }
}

impl fmt::Display for StatusLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status_code, reason } = self;
        f.write_str(status_code.as_str())?;
        if reason.is_empty() { Ok(()) } else { write!(f, " {reason}") }
    }
}

impl fmt::Display for ProxyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { proxy, cause, .. } = self;
        write!(f, "no connection through the proxy {proxy} (")?;
        match cause {
            ProxyCause::UnknownHost(Lookup::NoSuchHost) => {
                f.write_str("its host name could not be looked up: there is no such host")
            }
            ProxyCause::UnknownHost(Lookup::TryAgain) => {
                f.write_str("its host name could not be looked up: the name server does not answer now")
            }
            ProxyCause::WantsPassword(Challenge { line: Some(line), .. }) if !line.reason.is_empty() => {
                write!(f, "it answered {line}")
            }
            ProxyCause::WantsPassword(_) => f.write_str("it answered 407 Proxy Authentication Required"),
            ProxyCause::Refuses(Some(line)) => write!(f, "it answered {line}"),
            ProxyCause::Refuses(None) => f.write_str("it does not connect to the host"),
            ProxyCause::NotHttp => f.write_str("it does not speak HTTP"),
            ProxyCause::Unreachable(cause) => f.write_str(cause),
            ProxyCause::ClosesTunnel => f.write_str("it made the connection, which was closed at once"),
        }?;
        f.write_str(")")
    }
}

/// The hosts that are reached without a proxy, as curl and Go read `NO_PROXY`: <https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config>.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Exceptions(Vec<Exception>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Exception {
    hosts: Hosts,
    /// `None` stands for every port.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    /// `*`.
    All,
    /// A host and the hosts of its domain.
    Domain(String),
    /// The hosts of a domain without the domain itself: `*.example.com`.
    Below(String),
    /// Addresses that have the same first bits.
    Network(IpAddr, u32),
}

impl Exceptions {
    /// Reads `NO_PROXY`. The second value has the entries that cannot be read.
    pub(crate) fn parse(text: &str) -> (Self, Vec<&str>) {
        let mut unreadable = Vec::new();
        let entries = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
        let read = |entry| {
            let exception = Exception::parse(entry);
            if exception.is_none() {
                unreadable.push(entry);
            }
            exception
        };
        (Self(entries.filter_map(read).collect()), unreadable)
    }

    /// Whether a host is reached without a proxy.
    pub(crate) fn have(&self, host: &str, port: Option<u16>) -> bool {
        self.0.iter().any(|exception| {
            exception.hosts.have(host) && (exception.port.is_none() || exception.port == port)
        })
    }
}

impl Exception {
    fn parse(entry: &str) -> Option<Self> {
        if let Some((address, bits)) = entry.split_once('/') {
            let address: IpAddr = address.parse().ok()?;
            let bits = bits.parse().ok().filter(|bits| *bits <= bits_of(address).1)?;
            return Some(Self { hosts: Hosts::Network(address, bits), port: None });
        }
        let (host, port) = match entry.rsplit_once(':') {
            _ if entry.parse::<IpAddr>().is_ok() => (entry, None),
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (entry, None),
        };
        Some(Self { hosts: Hosts::parse(host)?, port })
    }
}

impl Hosts {
    fn parse(host: &str) -> Option<Self> {
        let bare = host.strip_prefix('[').map_or(Some(host), |rest| rest.strip_suffix(']'))?;
        if let Ok(address) = bare.parse() {
            return Some(Self::Network(address, bits_of(address).1));
        }
        let name = |name: &str| {
            let is_name = |c: char| c.is_alphanumeric() || ".-_".contains(c);
            // Hosts are compared without the dot that ends a whole name.
            let name = name.strip_suffix('.').unwrap_or(name);
            (!name.is_empty() && name.chars().all(is_name)).then(|| name.to_lowercase())
        };
        match bare.strip_prefix("*.") {
            _ if host == "*" => Some(Self::All),
            Some(domain) => name(domain).map(Self::Below),
            None => name(bare.strip_prefix('.').unwrap_or(bare)).map(Self::Domain),
        }
    }

    fn have(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_lowercase();
        let is_below = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        match self {
            Self::All => true,
            Self::Domain(domain) => host == *domain || is_below(domain),
            Self::Below(domain) => is_below(domain),
            Self::Network(network, same) => host.parse().is_ok_and(|address| {
                let ((network, width), (address, other)) = (bits_of(*network), bits_of(address));
                width == other && (network ^ address).checked_shr(width - same).unwrap_or(0) == 0
            }),
        }
    }
}

/// The bits of an address, and how many there are.
fn bits_of(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(exceptions: &str, address: &str) -> bool {
        let url: Url = address.parse().unwrap();
        let (exceptions, unreadable) = Exceptions::parse(exceptions);
        assert!(unreadable.is_empty(), "{unreadable:?}");
        exceptions.have(url.host_str().unwrap().trim_matches(['[', ']']), url.port_or_known_default())
    }

    #[test]
    fn a_host_is_an_exception_with_its_domain() {
        for exceptions in
            ["example.com", ".example.com", "EXAMPLE.com", "example.com.", "x, example.com\ty", "*"]
        {
            assert!(has(exceptions, "https://api.example.com/x"), "{exceptions}");
            assert!(has(exceptions, "https://example.com/x"), "{exceptions}");
        }
        assert!(has("*.example.com", "https://api.example.com"));
        for exceptions in ["", "ample.com", "com.example", "api.example.com", "*.example.com"] {
            assert!(!has(exceptions, "https://example.com"), "{exceptions}");
        }
    }

    #[test]
    fn a_port_is_compared() {
        assert!(has("example.com:443", "https://example.com"));
        assert!(!has("example.com:8443", "https://example.com"));
        assert!(has("[::1]:9000", "http://[::1]:9000"));
        assert!(!has("[::1]:9000", "http://[::1]:9001"));
        assert!(has("::1", "http://[::1]:9001"));
    }

    #[test]
    fn addresses_are_compared_by_their_network() {
        assert!(has("10.0.0.0/8", "https://10.200.3.4"));
        assert!(!has("10.0.0.0/8", "https://11.0.0.1"));
        assert!(has("0.0.0.0/0", "https://11.0.0.1"));
        assert!(!has("0.0.0.0/0", "https://[::1]"));
        assert!(has("10.1.2.3", "https://10.1.2.3") && !has("10.1.2.3", "https://10.1.2.4"));
        assert!(has("fd00::/8", "https://[fd12::1]"));
    }

    #[test]
    fn what_cannot_be_read_is_known() {
        for entry in ["10.0.0.0/99", "[::1", "http://a.example/", "a.*.example", "localhost:http", "*:", "::"]
        {
            let (_, unreadable) = Exceptions::parse(entry);
            assert_eq!(unreadable.is_empty(), entry == "::", "{entry}");
        }
    }

    #[test]
    fn http_to_this_machine_never_goes_through_a_proxy() {
        let proxy: Option<Url> = Some("http://proxy:3128".parse().unwrap());
        let proxies = Proxies::new(proxy.clone(), proxy, Exceptions::default());
        let through = |url: &str| proxies.of(&url.parse().unwrap()).map(|proxy| proxy.variable);
        assert_eq!(through("http://sonar.example"), Some("HTTP_PROXY"));
        assert_eq!(through("https://localhost"), Some("HTTPS_PROXY"));
        for url in ["http://localhost:1", "http://127.0.0.9", "http://[::1]", "http://host.docker.internal"] {
            assert_eq!(through(url), None, "{url}");
        }
    }

    #[test]
    fn the_ways_to_log_in_are_read() {
        let head =
            "HTTP/1.1 407 Login\r\nProxy-Authenticate: NTLM\r\nproxy-authenticate: Negotiate abc==\r\n\r\n";
        let ProxyAnswer::Http(line, schemes) = ProxyAnswer::of(head) else { panic!("it is HTTP") };
        let challenge = Challenge { line: Some(line), schemes };
        assert_eq!(challenge.unknown_schemes().as_deref(), Some("NTLM, Negotiate"));
        assert_eq!(Challenge::of(["NTLM", "Basic realm=\"x, y\""]).unknown_schemes(), None);
        assert_eq!(Challenge::of([]).unknown_schemes(), None);
    }

    #[test]
    fn a_status_line_that_was_cut_has_no_words() {
        let shown = |line: &str| StatusLine::parse(line).map(|line| line.to_string());
        assert_eq!(shown("HTTP/1.1 403 URL\u{1b} Blocked\r\n").unwrap(), "403 URL\\u{1b} Blocked");
        assert_eq!(shown("HTTP/1.1 403 URLBlo").unwrap(), "403");
        assert_eq!(shown("HTTP/1.0 503\r\n").unwrap(), "503");
        assert_eq!(shown(&format!("HTTP/1.1 403 {}\r\n", "x".repeat(200))).unwrap(), "403");
        assert_eq!((shown("SSH-2.0-x 1 2"), shown("HTTP/1.1 many"), shown("")), (None, None, None));
    }
}
