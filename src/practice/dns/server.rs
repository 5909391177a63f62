//! The sockets of the world's DNS server.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hickory_proto::op::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;

use super::answer::{Answer, answer, zone_of};
use super::{Asked, Zones};
use crate::practice::listen::{self, Task};

/// The running server.
pub struct Dns {
    address: SocketAddr,
    tasks: Vec<Task>,
}

impl Dns {
    /// Opens the sockets and serves `zones`.
    ///
    /// # Errors
    ///
    /// No ephemeral port on 127.0.0.1 could be bound for both UDP and TCP.
    pub async fn start(zones: Zones) -> io::Result<Self> {
        let (udp, tcp) = listen::bind_dns().await?;
        let address = udp.local_addr()?;
        let over_tcp = zones.clone();
        let tasks = vec![
            Task::spawn(serve_udp(udp, zones)),
            Task::spawn(listen::accept(tcp, move |stream, _| {
                serve_tcp(stream, over_tcp.clone())
            })),
        ];
        Ok(Self { address, tasks })
    }

    /// Where it listens, UDP and TCP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the server and waits until its sockets are closed.
    pub async fn stop(self) {
        for task in self.tasks {
            task.stop().await;
        }
    }
}

async fn serve_udp(socket: UdpSocket, zones: Zones) {
    let socket = Arc::new(socket);
    let mut late = JoinSet::new();
    let mut block = [0; 4096];
    loop {
        // An ICMP error from a client that has gone shows up here and concerns nobody else.
        let Ok((count, peer)) = socket.recv_from(&mut block).await else {
            continue;
        };
        while late.try_join_next().is_some() {}
        let Ok(request) = Message::from_vec(&block[..count]) else {
            continue;
        };
        let limit = usize::from(request.max_payload());
        let Answer::After(delay, reply) = handle(&zones, &request, false) else {
            continue;
        };
        let Some(bytes) = encode(&reply, limit) else {
            continue;
        };
        if delay.is_zero() {
            let _ = socket.send_to(&bytes, peer).await;
        } else {
            let socket = Arc::clone(&socket);
            late.spawn(async move {
                tokio::time::sleep(delay).await;
                let _ = socket.send_to(&bytes, peer).await;
            });
        }
    }
}

async fn serve_tcp(mut stream: TcpStream, zones: Zones) {
    // RFC 7766: any number of questions on one connection, each with its length before it.
    while let Ok(length) = stream.read_u16().await {
        let mut block = vec![0; usize::from(length)];
        if stream.read_exact(&mut block).await.is_err() {
            return;
        }
        let Ok(request) = Message::from_vec(&block) else {
            return;
        };
        // A silent list holds the connection open, as a lost upstream does.
        let Answer::After(delay, reply) = handle(&zones, &request, true) else {
            continue;
        };
        tokio::time::sleep(delay).await;
        let Some(bytes) = encode(&reply, usize::from(u16::MAX)) else {
            return;
        };
        let Ok(length) = u16::try_from(bytes.len()) else {
            return;
        };
        let framed = [&length.to_be_bytes()[..], &bytes].concat();
        if stream.write_all(&framed).await.is_err() {
            return;
        }
    }
}

fn handle(zones: &Zones, request: &Message, tcp: bool) -> Answer {
    zones.set.read(|set| {
        for question in &request.queries {
            let written = question.name().to_ascii();
            let asked = Asked {
                zone: zone_of(set, &written),
                kind: question.query_type().to_string(),
                name: written.trim_end_matches('.').to_owned(),
                tcp,
            };
            zones.asked.edit(|book| book.push(asked));
        }
        answer(set, request)
    })
}

/// The bytes of `reply`, truncated to an empty answer with TC when they pass `limit`.
fn encode(reply: &Message, limit: usize) -> Option<Vec<u8>> {
    let bytes = reply.to_vec().ok()?;
    if bytes.len() <= limit {
        return Some(bytes);
    }
    reply.truncate().to_vec().ok()
}
