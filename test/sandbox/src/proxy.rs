//! A forward proxy on loopback that knows `CONNECT`.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::message::user_and_secret;

/// What a proxy does with a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyRule {
    /// Leads everybody where they want to go.
    Open,
    /// Leads those who log in like this, and answers 407 to others.
    Login {
        /// The user, without a colon.
        user: String,
        /// The password.
        password: String,
    },
    /// Answers this to everybody.
    Refuse {
        /// What follows `HTTP/1.1` in its first line, such as `403 Blocked by policy`.
        status_line: String,
        /// A page in HTML.
        page: String,
    },
    /// Answers 407 to everybody, with a status line of its own and a way to log in that is not `Basic`.
    Negotiate {
        /// What follows `HTTP/1.1` in its first line.
        status_line: String,
        /// The values of `Proxy-Authenticate`.
        schemes: Vec<String>,
    },
    /// Sends this to everybody, and closes the connection: no HTTP.
    Speak(Vec<u8>),
    /// Closes every connection without a byte.
    HangUp,
    /// Says that the way is free, and closes the connection.
    HangUpInTunnel,
}

/// A forward proxy, which serves until the test's process ends.
#[derive(Clone, Debug)]
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    /// The port of this machine to which it leads, whatever it is asked for.
    to: Option<u16>,
    rule: Mutex<ProxyRule>,
    heads: Mutex<Vec<String>>,
}

impl Proxy {
    /// Leads where it is asked to, with `localhost` for 127.0.0.1.
    ///
    /// # Panics
    /// When the machine has no port to spare.
    pub fn start() -> Self {
        Self::leading(None)
    }

    /// Leads to this port of this machine, whatever it is asked for.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn to(port: u16) -> Self {
        Self::leading(Some(port))
    }

    fn leading(to: Option<u16>) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("the proxy needs a port on loopback");
        let port = listener.local_addr().expect("a listener has an address").port();
        let state = Arc::new(State { to, rule: Mutex::new(ProxyRule::Open), heads: Mutex::default() });
        let shared = state.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = shared.clone();
                // An error is a client or a server that went away.
                thread::spawn(move || state.serve(client));
            }
        });
        Self { port, state }
    }

    /// Changes what it does, from the next client on.
    #[must_use]
    pub fn with(self, rule: ProxyRule) -> Self {
        *lock(&self.state.rule) = rule;
        self
    }

    /// Where it is.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its address with a login as it stands there, encoded if need be.
    pub fn url_for(&self, login: &str) -> String {
        format!("http://{login}@127.0.0.1:{}", self.port)
    }

    /// The head of every request that it received, in order.
    pub fn heads(&self) -> Vec<String> {
        lock(&self.state.heads).clone()
    }

    /// User and password of every request that had them.
    pub fn logins(&self) -> Vec<(String, String)> {
        self.heads().iter().filter_map(|head| login(head)).collect()
    }
}

impl State {
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let mut head = String::new();
        let mut reader = BufReader::new(client.try_clone()?);
        while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
        lock(&self.heads).push(head.clone());
        let rule = lock(&self.rule).clone();
        let Some(target) = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()) else {
            return answer(&mut client, "405 Method Not Allowed", "", "this proxy knows CONNECT only\n");
        };
        match rule {
            ProxyRule::Open => {}
            ProxyRule::Login { user, password } if login(&head) == Some((user.clone(), password.clone())) => {
            }
            ProxyRule::Login { .. } => {
                let asks = "proxy-authenticate: Basic realm=\"proxy\"\r\n";
                return answer(&mut client, "407 Proxy Authentication Required", asks, "");
            }
            ProxyRule::Refuse { status_line, page } => {
                return answer(&mut client, &status_line, "content-type: text/html\r\n", &page);
            }
            ProxyRule::Negotiate { status_line, schemes } => {
                let asks: String = schemes
                    .iter()
                    .flat_map(|scheme| ["proxy-authenticate: ", scheme.as_str(), "\r\n"])
                    .collect();
                return answer(&mut client, &status_line, &asks, "");
            }
            ProxyRule::Speak(bytes) => return client.write_all(&bytes),
            ProxyRule::HangUp => return Ok(()),
            ProxyRule::HangUpInTunnel => return client.write_all(ESTABLISHED),
        }
        let target = match self.to {
            Some(port) => format!("127.0.0.1:{port}"),
            None => target.replace("localhost", "127.0.0.1"),
        };
        let server = TcpStream::connect(target)?;
        client.write_all(ESTABLISHED)?;
        tunnel(client, server)
    }
}

const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

fn answer(client: &mut TcpStream, status_line: &str, headers: &str, page: &str) -> io::Result<()> {
    let length = page.len();
    write!(
        client,
        "HTTP/1.1 {status_line}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{page}"
    )
}

/// Passes the bytes between two sides as they are, until both have ended.
///
/// # Errors
///
/// When a connection has no second handle.
pub fn tunnel(client: TcpStream, server: TcpStream) -> io::Result<()> {
    let (mut up_from, mut up_to) = (client.try_clone()?, server.try_clone()?);
    let up = thread::spawn(move || {
        let _ = io::copy(&mut up_from, &mut up_to);
        let _ = up_to.shutdown(Shutdown::Write);
    });
    let (mut down_from, mut down_to) = (server, client);
    let _ = io::copy(&mut down_from, &mut down_to);
    let _ = down_to.shutdown(Shutdown::Write);
    let _ = up.join();
    Ok(())
}

/// What `Proxy-Authorization` carries.
fn login(head: &str) -> Option<(String, String)> {
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = headers.find(|(name, _)| name.eq_ignore_ascii_case("proxy-authorization"))?;
    let (scheme, value) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then(|| user_and_secret(value.trim())).flatten()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
