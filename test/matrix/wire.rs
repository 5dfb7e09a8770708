//! A wire between Gatepost and a service, on which things go wrong that no well-made server does: it works on bytes.

use std::{
    collections::VecDeque,
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use sandbox::tunnel;

use super::Place;

/// What goes wrong with one request, or with one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Break {
    pub(super) sent: Sent,
    pub(super) end: End,
}

/// How far a request comes, and what is sent back.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sent {
    /// The connection breaks before a byte is read.
    Unread,
    /// The first bytes are taken for the greeting of TLS, and these are sent back. RFC 8446, section 4.1.2.
    Greeted(&'static [u8]),
    /// Below TLS: a byte of the record with the request is another one.
    DamagedRequest,
    /// Below TLS: a byte of the record with the answer is another one.
    DamagedRecord,
    /// Below TLS: half of the record with the answer is sent back.
    HalfRecord,
    /// The request is read and goes no further; nothing is sent back.
    Lost,
    /// The request goes no further; these bytes are sent back.
    Instead(&'static [u8]),
    /// The request has its effect; nothing is sent back.
    Nothing,
    /// The request has its effect; the first half of the answer's head is sent back.
    HalfHead,
    /// The request has its effect; only the head of the answer is sent back.
    Head,
    /// The request has its effect; the head and half of the body are sent back.
    HalfBody,
    /// The request has its effect; the answer is sent back.
    Whole,
    /// The request has its effect. The function gets the head and the body of the answer, and what it returns is sent back.
    Changed(fn(&str, &str) -> String),
}

/// What follows what was sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// The connection is closed: FIN.
    Close,
    /// The connection is reset: what a kernel sends when a socket is closed with bytes that nobody read. RFC 9293,
    /// section 3.6.1, and RFC 2525, section 2.17.
    Reset,
    /// Nothing, until the client goes away.
    Stall,
    /// The bytes go out one a second, until the client goes away.
    ByteASecond,
    /// The bytes go out one by one, as fast as they can; then the connection stays.
    ByteByByte,
    /// The connection stays, for the next request.
    Keep,
}

/// The requests of HTTP that break.
#[derive(Clone, Copy, Debug)]
pub(super) enum Broken {
    /// Those after so many others.
    After(usize),
    /// Those of this place. Others are passed on, however many come.
    At(Place),
}

/// A wire, which serves until the test's process ends.
pub(super) struct Wire {
    pub(super) port: u16,
    state: Arc<State>,
}

struct State {
    /// The port of the service on this machine.
    to: u16,
    /// Whether the bytes of a connection without a break are passed on unread, in any protocol.
    is_opaque: bool,
    /// The only place whose requests break; any request may if there is none.
    place: Option<Place>,
    /// One for each of the next requests; `None` spares it.
    script: Mutex<VecDeque<Option<Break>>>,
    always: Option<Break>,
    /// Connections that broke before a request, and those that are opaque.
    connections: AtomicUsize,
    /// The first line of each request.
    requests: Mutex<Vec<String>>,
}

impl Wire {
    /// To this port of this machine: requests of HTTP are read one by one. The break comes once, or always.
    pub(super) fn http(to: u16, broken: Broken, breaks: Break, always: bool) -> Self {
        Self::start(to, false, broken, breaks, always)
    }

    /// The same for whole connections, with whatever is spoken on them.
    pub(super) fn opaque(to: u16, breaks: Break, always: bool) -> Self {
        Self::start(to, true, Broken::After(0), breaks, always)
    }

    fn start(to: u16, is_opaque: bool, broken: Broken, breaks: Break, always: bool) -> Self {
        let (spared, place) = match broken {
            Broken::After(spared) => (spared, None),
            Broken::At(place) => (0, Some(place)),
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut script: VecDeque<_> = vec![None; spared].into();
        script.push_back(Some(breaks));
        let state = Arc::new(State {
            to,
            is_opaque,
            place,
            script: Mutex::new(script),
            always: always.then_some(breaks),
            connections: AtomicUsize::default(),
            requests: Mutex::default(),
        });
        let serving = state.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = serving.clone();
                // An error is a client that went away.
                thread::spawn(move || state.serve(client));
            }
        });
        Self { port, state }
    }

    /// How many such requests came, by their first line, and connections that broke before one.
    pub(super) fn tries(&self, is_counted: impl Fn(&str) -> bool) -> usize {
        let requests = lock(&self.state.requests);
        requests.iter().filter(|line| is_counted(line)).count()
            + self.state.connections.load(Ordering::SeqCst)
    }
}

impl State {
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        if self.breaks_at_once() {
            return self.break_at_once(client);
        }
        if self.is_opaque {
            self.count();
            let server = TcpStream::connect(("127.0.0.1", self.to))?;
            return match self.next() {
                Some(Break { sent, .. }) => pass_damaged(client, server, sent),
                None => tunnel(client, server),
            };
        }
        while let Some(request) = request(&mut client)? {
            let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
            let line = String::from_utf8_lossy(line).into_owned();
            let is_spared = self.place.is_some_and(|place| !place.is_about(&line));
            lock(&self.requests).push(line);
            let Some(Break { sent, end }) = (if is_spared { None } else { self.next() }) else {
                take_last_byte(&mut client)?;
                client.write_all(&self.ask(&request)?)?;
                continue;
            };
            let bytes = self.bytes(sent, &request)?;
            match end {
                End::Reset => {
                    // The last byte of the request is still unread.
                    client.write_all(&bytes)?;
                    return Ok(());
                }
                End::Close => {
                    take_last_byte(&mut client)?;
                    return client.write_all(&bytes);
                }
                End::Stall => {
                    take_last_byte(&mut client)?;
                    client.write_all(&bytes)?;
                    return wait_for_end(&mut client);
                }
                End::ByteASecond => {
                    take_last_byte(&mut client)?;
                    return drip(&mut client, &bytes);
                }
                End::ByteByByte => {
                    take_last_byte(&mut client)?;
                    for byte in &bytes {
                        client.write_all(&[*byte])?;
                    }
                }
                End::Keep => {
                    take_last_byte(&mut client)?;
                    client.write_all(&bytes)?;
                }
            }
        }
        Ok(())
    }

    fn count(&self) {
        self.connections.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether the next break comes before a request.
    fn breaks_at_once(&self) -> bool {
        let script = lock(&self.script);
        let next = script.front().copied().unwrap_or(self.always);
        next.is_some_and(|next| matches!(next.sent, Sent::Unread | Sent::Greeted(_)))
    }

    fn next(&self) -> Option<Break> {
        let mut script = lock(&self.script);
        script.pop_front().unwrap_or(self.always)
    }

    fn break_at_once(&self, mut client: TcpStream) -> io::Result<()> {
        let Some(Break { sent, end }) = self.next() else { return Ok(()) };
        self.count();
        match (sent, end) {
            (_, End::Reset) => {
                client.peek(&mut [0])?;
                Ok(())
            }
            (Sent::Greeted(bytes), end) => {
                let _ = client.read(&mut [0; 4096])?;
                client.write_all(bytes)?;
                if matches!(end, End::Stall) { wait_for_end(&mut client) } else { Ok(()) }
            }
            (_, End::Stall) => wait_for_end(&mut client),
            _ => Ok(()),
        }
    }

    /// What is sent back.
    fn bytes(&self, sent: Sent, request: &[u8]) -> io::Result<Vec<u8>> {
        if let Sent::Instead(bytes) = sent {
            return Ok(bytes.to_vec());
        }
        if matches!(sent, Sent::Lost) {
            return Ok(Vec::new());
        }
        let answer = self.ask(request)?;
        let head = head_length(&answer);
        let length = match sent {
            Sent::HalfHead => head / 2,
            Sent::Head => head,
            Sent::HalfBody => usize::midpoint(head, answer.len()),
            Sent::Whole => answer.len(),
            Sent::Changed(change) => {
                let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                return Ok(change(&text(&answer[..head]), &text(&answer[head..])).into_bytes());
            }
            _ => 0,
        };
        Ok(answer[..length].to_vec())
    }

    /// The answer of the service.
    fn ask(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let mut server = TcpStream::connect(("127.0.0.1", self.to))?;
        server.write_all(request)?;
        let mut answer = head(&mut server)?;
        let mut body = vec![0; content_length(&answer)];
        server.read_exact(&mut body)?;
        answer.extend(body);
        Ok(answer)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a request but for its last byte, which is only looked at; `None` when there is none, or a greeting of TLS.
fn request(client: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    const HANDSHAKE: u8 = 22;
    let mut first = [0];
    if client.peek(&mut first)? == 0 || first == [HANDSHAKE] {
        return Ok(None);
    }
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r") {
        client.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    let length = content_length(&request);
    if length > 0 {
        client.read_exact(&mut byte)?;
        request.push(byte[0]);
        let mut body = vec![0; length - 1];
        client.read_exact(&mut body)?;
        request.extend(body);
    }
    client.peek(&mut byte)?;
    request.push(byte[0]);
    Ok(Some(request))
}

fn take_last_byte(client: &mut TcpStream) -> io::Result<()> {
    client.read_exact(&mut [0])
}

/// Reads to the empty line.
fn head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(head)
}

fn head_length(message: &[u8]) -> usize {
    message.windows(4).position(|end| end == b"\r\n\r\n").map_or(message.len(), |at| at + 4)
}

fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    length.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
}

/// Reads until the client goes away.
fn wait_for_end(client: &mut TcpStream) -> io::Result<()> {
    io::copy(client, &mut io::sink()).map(|_| ())
}

/// Sends one byte a second. The wait is one for the client's end.
fn drip(client: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    client.set_read_timeout(Some(Duration::from_secs(1)))?;
    for byte in bytes {
        client.write_all(&[*byte])?;
        if client.read(&mut [0]).is_ok() {
            break;
        }
    }
    Ok(())
}

/// Records of application data that a client has sent when its request is among them: the end of the handshake is the
/// first. RFC 8446, section 2.
const RECORDS_WITH_REQUEST: usize = 2;
/// The record with an answer is longer, those with session tickets are shorter.
const ANSWER_MIN_BYTES: usize = 500;

/// Passes the records of TLS between two sides, but damages the one with the answer and then closes the connection. RFC 8446, section 5.2.
fn pass_damaged(mut client: TcpStream, mut server: TcpStream, sent: Sent) -> io::Result<()> {
    let (mut up_from, mut up_to) = (client.try_clone()?, server.try_clone()?);
    let passed = Arc::new(AtomicUsize::default());
    let counted = passed.clone();
    thread::spawn(move || -> io::Result<()> {
        loop {
            let mut record = record(&mut up_from)?;
            let before = counted.fetch_add(usize::from(is_data(&record)), Ordering::SeqCst);
            if let (Sent::DamagedRequest, Some(last)) = (sent, record.last_mut())
                && before + 1 == RECORDS_WITH_REQUEST
            {
                *last ^= 1;
            }
            up_to.write_all(&record)?;
        }
    });
    loop {
        let mut record = record(&mut server)?;
        let has_request = passed.load(Ordering::SeqCst) >= RECORDS_WITH_REQUEST;
        if !has_request || !is_data(&record) || record.len() < ANSWER_MIN_BYTES {
            client.write_all(&record)?;
            continue;
        }
        if let Sent::HalfRecord = sent {
            record.truncate(record.len() / 2);
        } else if let Some(last) = record.last_mut() {
            *last ^= 1;
        }
        client.write_all(&record)?;
        return client.shutdown(Shutdown::Both);
    }
}

/// Reads a record: five bytes, of which the last two are the length of what follows.
fn record(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let mut record = head.to_vec();
    record.resize(5 + usize::from(u16::from_be_bytes([head[3], head[4]])), 0);
    stream.read_exact(&mut record[5..])?;
    Ok(record)
}

fn is_data(record: &[u8]) -> bool {
    const APPLICATION_DATA: u8 = 23;
    record.first() == Some(&APPLICATION_DATA)
}
