//! The proxy that Pipelines runs beside each step. It adds a token to requests about reports of the step's own repository.
//!
//! <https://support.atlassian.com/bitbucket-cloud/docs/code-insights/> says that the address of the API has to be http, and
//! that only reports are meant. What it answers to anything else is not known; here such a request goes on as it came.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// The proxy beside a step, which serves until the test's process ends.
#[derive(Clone, Debug)]
pub struct PipelinesProxy {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

/// What one proxy works with.
#[derive(Clone, Debug)]
struct Step {
    /// The port of Bitbucket.
    to: u16,
    /// The path that all addresses of the own repository's commits begin with.
    own: String,
    token: String,
    hangs: bool,
    heads: Arc<Mutex<Vec<String>>>,
}

impl PipelinesProxy {
    /// Beside a step of this repository (`workspace/slug`), before Bitbucket at this port; `token` is what it authorizes
    /// requests with.
    ///
    /// # Panics
    /// When the machine has no port to spare.
    pub fn beside(full_name: &str, to: u16, token: &str) -> Self {
        Self::start(full_name, to, token, false)
    }

    /// One that never answers.
    ///
    /// # Panics
    /// As [`Self::beside`].
    pub fn that_hangs() -> Self {
        Self::start("", 0, "", true)
    }

    fn start(full_name: &str, to: u16, token: &str, hangs: bool) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("the proxy needs a port on loopback");
        let port = listener.local_addr().expect("a listener has an address").port();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let own = format!("/2.0/repositories/{full_name}/commit/");
        let step = Step { to, own, token: token.to_owned(), hangs, heads: heads.clone() };
        thread::spawn(move || {
            let mut kept = Vec::new();
            for client in listener.incoming().flatten() {
                if step.hangs {
                    kept.push(client);
                    continue;
                }
                let step = step.clone();
                // An error is a client or a server that went away.
                thread::spawn(move || step.serve(client));
            }
        });
        Self { port, heads }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The head of every request that it received, in order.
    pub fn heads(&self) -> Vec<String> {
        lock(&self.heads).clone()
    }
}

impl Step {
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(client.try_clone()?);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
        lock(&self.heads).push(head.clone());
        let mut lines = head.lines();
        let (method, target) = lines.next().and_then(|line| line.split_once(' ')).unwrap_or_default();
        let target = target.split(' ').next().unwrap_or_default();
        let Some(path) = target.strip_prefix("http://api.bitbucket.org") else {
            return client.write_all(NOT_FOR_ME);
        };
        let value = |wanted: &str| {
            let mut headers = head.lines().filter_map(|line| line.split_once(':'));
            headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
        };
        let mut body = vec![0; value("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
        reader.read_exact(&mut body)?;
        let of_commit = path.strip_prefix(&self.own).and_then(|rest| rest.split_once('/'));
        let is_report = of_commit.is_some_and(|(_, rest)| rest == "reports" || rest.starts_with("reports/"));
        let authorization =
            if is_report { format!("authorization: Bearer {}\r\n", self.token) } else { String::new() };
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, self.to))?;
        let others = lines.filter(|line| {
            let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
            !line.is_empty() && !["connection", "proxy-connection"].contains(&name.as_str())
        });
        let others: String = others.flat_map(|line| [line, "\r\n"]).collect();
        write!(server, "{method} {path} HTTP/1.1\r\n{others}{authorization}connection: close\r\n\r\n")?;
        server.write_all(&body)?;
        io::copy(&mut server, &mut client).map(|_| ())
    }
}

const NOT_FOR_ME: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
