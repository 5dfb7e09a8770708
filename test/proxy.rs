//! Gatepost behind a forward proxy that supports `CONNECT`.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use crate::run::{Folder, Gatepost, Sandbox, acme, in_branch_build};

/// Serves until the test's process ends.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Connects to the host and port of each request.
    fn start() -> Self {
        Self::leading(None)
    }

    /// Connects to this port of this machine, for every host.
    pub(crate) fn to(port: u16) -> Self {
        Self::leading(Some(port))
    }

    fn leading(to: Option<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = heads.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let seen = seen.clone();
                thread::spawn(move || serve(client.unwrap(), &seen, to));
            }
        });
        Self { port, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn serve(mut client: TcpStream, seen: &Mutex<Vec<String>>, to: Option<u16>) -> io::Result<()> {
    let mut head = String::new();
    let mut reader = BufReader::new(client.try_clone()?);
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    seen.lock().unwrap().push(head.clone());
    let target = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).map(str::to_owned);
    let Some(target) = target.filter(|_| !head.contains("bm9ib2R5")) else {
        return client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
    };
    let target = to.map_or(target.replace("localhost", "127.0.0.1"), |port| format!("127.0.0.1:{port}"));
    let server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
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

fn over_https(sandbox: &Sandbox, folder: &Folder) -> Gatepost {
    in_branch_build(sandbox)
        .set("BITBUCKET_API_URL", sandbox.https_url())
        .set("SSL_CERT_FILE", folder.write("root.pem", sandbox.root_certificate_pem().as_bytes()))
}

#[test]
fn https_uses_the_proxy_and_hides_the_credential_from_it() {
    let (sandbox, folder, proxy) = (acme(), Folder::new(), Proxy::start());
    let run = over_https(&sandbox, &folder)
        .set("https_proxy", format!("http://user:pass-word@127.0.0.1:{}", proxy.port))
        .run();
    assert_eq!(run.code, 0, "{}", run.output);
    let heads = proxy.heads();
    assert_eq!(heads.len(), 1);
    assert!(heads[0].starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", sandbox.https_port())));
    let lower = heads[0].to_ascii_lowercase();
    assert!(lower.contains("proxy-authorization: basic ") && !lower.contains("\r\nauthorization"), "{lower}");
    assert_eq!(sandbox.requests().len(), 1);
}

#[test]
fn a_host_in_no_proxy_is_reached_without_the_proxy() {
    let (sandbox, folder, proxy) = (acme(), Folder::new(), Proxy::start());
    let run = over_https(&sandbox, &folder)
        .set("HTTPS_PROXY", format!("127.0.0.1:{}", proxy.port))
        .set("NO_PROXY", "example.com,localhost")
        .run();
    assert_eq!((run.code, proxy.heads().len()), (0, 0), "{}", run.output);
}

#[test]
fn an_http_address_of_this_machine_is_never_proxied() {
    let (sandbox, proxy) = (acme(), Proxy::start());
    let run = in_branch_build(&sandbox).set("HTTP_PROXY", format!("http://127.0.0.1:{}", proxy.port)).run();
    assert_eq!((run.code, proxy.heads().len()), (0, 0), "{}", run.output);
}

#[test]
fn a_refusal_by_the_proxy_is_reported() {
    let (sandbox, folder, proxy) = (acme(), Folder::new(), Proxy::start());
    let run = over_https(&sandbox, &folder)
        .set("HTTPS_PROXY", format!("http://nobody:wrong-password@127.0.0.1:{}", proxy.port))
        .set("TIMEOUT", "1")
        .run();
    assert_eq!(run.code, 4, "{}", run.output);
    assert!(run.output.contains("proxy"), "{}", run.output);
    assert!(!run.output.contains("wrong-password"), "{}", run.output);
}
