//! One DNS server: a few long-lived UDP sockets, one reader task each, and TCP when a reply is cut.
//!
//! A socket per question (what resolver libraries do) costs more than the question; a handful of
//! connected sockets with random ports, random ids and random letter case (0x20) is as hard to
//! spoof, and tells "port unreachable" too.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tokio::task::JoinHandle;

use super::wire::{self, Echo, Query};

/// A socket is replaced by one with another port after this long.
const SOCKET_AGE: Duration = Duration::from_secs(180);
/// After this many answers with changed letter case the server is asked without 0x20.
const CASE_LIMIT: u32 = 3;
/// After this many silent tries in a row a server is asked last for [`REST`].
const SILENT_LIMIT: u32 = 3;
const REST: Duration = Duration::from_secs(30);

/// What a try brought.
pub(super) enum Reply {
    /// An answer to our question.
    Packet(Box<[u8]>),
    /// An answer whose question came back in other letters.
    OtherCase,
    /// The packet could not be delivered.
    Unreachable(String),
}

/// One server.
pub(super) struct Upstream {
    address: SocketAddr,
    outstanding: Semaphore,
    sockets: Mutex<Vec<Arc<Socket>>>,
    wanted_sockets: usize,
    case_changes: AtomicU32,
    without_edns: AtomicBool,
    silent: AtomicU32,
    resting_until: Mutex<Option<Instant>>,
}

impl Upstream {
    pub(super) fn new(address: SocketAddr, sockets: usize, max_outstanding: usize) -> Self {
        Self {
            address,
            outstanding: Semaphore::new(max_outstanding.clamp(1, Semaphore::MAX_PERMITS)),
            sockets: Mutex::default(),
            wanted_sockets: sockets.max(1),
            case_changes: AtomicU32::new(0),
            without_edns: AtomicBool::new(false),
            silent: AtomicU32::new(0),
            resting_until: Mutex::default(),
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for a place among the questions outstanding at this server.
    pub(super) async fn place(&self) -> Option<SemaphorePermit<'_>> {
        self.outstanding.acquire().await.ok()
    }

    /// A place among the questions outstanding, if one is free at this moment.
    pub(super) fn try_place(&self) -> Option<SemaphorePermit<'_>> {
        self.outstanding.try_acquire().ok()
    }

    /// Whether 0x20 may be used.
    pub(super) fn keeps_case(&self) -> bool {
        self.case_changes.load(Ordering::Relaxed) < CASE_LIMIT
    }

    pub(super) fn note_case_change(&self) {
        self.case_changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether EDNS may be used.
    pub(super) fn takes_edns(&self) -> bool {
        !self.without_edns.load(Ordering::Relaxed)
    }

    pub(super) fn note_no_edns(&self) {
        self.without_edns.store(true, Ordering::Relaxed);
    }

    pub(super) fn note_answer(&self) {
        // Looked at first: nearly always it is 0, and writing is dear when many answers come.
        if self.silent.load(Ordering::Relaxed) > 0
            && self.silent.swap(0, Ordering::Relaxed) >= SILENT_LIMIT
        {
            *self.resting() = None;
        }
    }

    pub(super) fn note_silence(&self) {
        if self.silent.fetch_add(1, Ordering::Relaxed) + 1 >= SILENT_LIMIT {
            *self.resting() = Some(Instant::now() + REST);
        }
    }

    /// True while the server, silent lately, should be asked after the others.
    pub(super) fn is_resting(&self) -> bool {
        self.silent.load(Ordering::Relaxed) >= SILENT_LIMIT
            && self.resting().is_some_and(|until| Instant::now() < until)
    }

    /// Opens an exchange: the question has an id and a reader, but nothing is sent yet.
    pub(super) fn open(
        &self,
        encode: impl Fn(u16) -> Result<Query, &'static str>,
    ) -> Result<Exchange, OpenError> {
        let socket = self.socket().map_err(OpenError::Socket)?;
        let (sender, receiver) = oneshot::channel();
        let mut table = socket.pending.lock();
        let mut id: u16 = rand::random();
        while table.contains_key(&id) {
            id = id.wrapping_add(rand::random_range(1..=97));
        }
        let query = Arc::new(encode(id).map_err(OpenError::Name)?);
        let entry = Entry {
            query: query.clone(),
            reply: sender,
        };
        table.insert(id, entry);
        drop(table);
        Ok(Exchange {
            socket,
            id,
            query,
            receiver,
        })
    }

    fn socket(&self) -> io::Result<Arc<Socket>> {
        let turn = rand::random_range(0..self.wanted_sockets);
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(socket) = sockets.get(turn)
            && socket.is_usable()
        {
            return Ok(socket.clone());
        }
        let socket = Arc::new(Socket::open(self.address)?);
        match sockets.get_mut(turn) {
            Some(old) => *old = socket.clone(),
            None => sockets.push(socket.clone()),
        }
        Ok(socket)
    }

    fn resting(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.resting_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why an exchange could not be opened.
pub(super) enum OpenError {
    /// No socket: no route, no family, no file handle.
    Socket(io::Error),
    /// The name cannot be put into a query.
    Name(&'static str),
}

/// One question under way at one server. Dropping it gives the id back.
pub(super) struct Exchange {
    socket: Arc<Socket>,
    id: u16,
    query: Arc<Query>,
    receiver: oneshot::Receiver<Reply>,
}

impl Exchange {
    /// Sends (or repeats) the question and waits at most `limit`. None is silence; the exchange
    /// stays open, so a late answer to this packet counts for the next try.
    pub(super) async fn attempt(&mut self, limit: Duration) -> Option<Reply> {
        let packet = &self.query.packet;
        let sent = match self.socket.udp.try_send(packet) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.socket.udp.send(packet).await
            }
            other => other,
        };
        if let Err(error) = sent
            // An error left over from an earlier packet is reported once; ours was not sent then.
            && let Err(again) = self.socket.udp.send(packet).await
        {
            let _ = error;
            return Some(Reply::Unreachable(reason(&again)));
        }
        match tokio::time::timeout(limit, &mut self.receiver).await {
            Ok(Ok(reply)) => Some(reply),
            Ok(Err(_)) => Some(Reply::Unreachable("the socket was closed".to_owned())),
            Err(_) => None,
        }
    }

    /// The same question over TCP (RFC 7766), on a connection of its own.
    ///
    /// # Errors
    ///
    /// None inside means time is up.
    pub(super) async fn over_tcp(
        &self,
        server: SocketAddr,
        limit: Duration,
    ) -> Result<Vec<u8>, Option<String>> {
        match tokio::time::timeout(limit, tcp(server, &self.query)).await {
            Err(_) => Err(None),
            Ok(Err(error)) => Err(Some(reason(&error))),
            Ok(Ok(answer)) => Ok(answer),
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.socket.pending.lock().remove(&self.id);
    }
}

async fn tcp(server: SocketAddr, query: &Query) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let length = u16::try_from(query.packet.len()).map_err(io::Error::other)?;
    let mut framed = Vec::with_capacity(query.packet.len() + 2);
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(&query.packet);
    stream.write_all(&framed).await?;
    loop {
        let length = stream.read_u16().await?;
        let mut answer = vec![0; usize::from(length)];
        stream.read_exact(&mut answer).await?;
        let same_id = answer.get(..2) == query.packet.get(..2);
        if same_id && wire::echo(query, &answer) != Echo::Foreign {
            return Ok(answer);
        }
    }
}

/// A connected socket on a port the system picks at random.
///
/// # Errors
///
/// No route, no such family, no file handle left.
pub(super) fn connect(server: SocketAddr) -> io::Result<UdpSocket> {
    let local: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = std::net::UdpSocket::bind(local)?;
    socket.connect(server)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

struct Socket {
    udp: Arc<UdpSocket>,
    pending: Arc<Pending>,
    reader: JoinHandle<()>,
    opened: Instant,
}

impl Socket {
    fn open(server: SocketAddr) -> io::Result<Self> {
        let udp = Arc::new(connect(server)?);
        let pending = Arc::new(Pending::default());
        let reader = tokio::spawn(read(udp.clone(), pending.clone()));
        Ok(Self {
            udp,
            pending,
            reader,
            opened: Instant::now(),
        })
    }

    /// Young enough, and its reader still runs (it ends with the runtime that started it).
    fn is_usable(&self) -> bool {
        self.opened.elapsed() < SOCKET_AGE && !self.reader.is_finished()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

struct Entry {
    query: Arc<Query>,
    reply: oneshot::Sender<Reply>,
}

#[derive(Default)]
struct Pending {
    table: Mutex<HashMap<u16, Entry>>,
}

impl Pending {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u16, Entry>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deliver(&self, packet: &[u8]) {
        if packet.len() < wire::HEADER {
            return;
        }
        let id = u16::from_be_bytes([packet[0], packet[1]]);
        let mut table = self.lock();
        let Some(entry) = table.get(&id) else { return };
        let reply = match wire::echo(&entry.query, packet) {
            Echo::Foreign => return,
            Echo::Exact => Reply::Packet(packet.into()),
            Echo::OtherCase => Reply::OtherCase,
        };
        let entry = table.remove(&id);
        drop(table);
        if let Some(entry) = entry {
            // The asker may have given up in this moment.
            let _ = entry.reply.send(reply);
        }
    }

    fn fail_all(&self, why: &str) {
        let entries: Vec<Entry> = self.lock().drain().map(|(_, entry)| entry).collect();
        for entry in entries {
            let _ = entry.reply.send(Reply::Unreachable(why.to_owned()));
        }
    }
}

async fn read(udp: Arc<UdpSocket>, pending: Arc<Pending>) {
    let mut buffer = vec![0; 4096];
    loop {
        match udp.recv(&mut buffer).await {
            Ok(length) => pending.deliver(&buffer[..length]),
            // ICMP errors of a connected socket arrive here.
            Err(error) => {
                pending.fail_all(&reason(&error));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "port closed (connection refused)".to_owned(),
        io::ErrorKind::HostUnreachable => "no route to host".to_owned(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".to_owned(),
        io::ErrorKind::UnexpectedEof => "connection closed before an answer".to_owned(),
        _ => error.to_string(),
    }
}
