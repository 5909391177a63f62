//! Listening sockets on loopback and the tasks behind them.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::{JoinHandle, JoinSet};

/// One ephemeral port on 127.0.0.1, and the same port on ::1 where that is free.
pub(crate) struct TcpPort {
    pub(crate) v4: TcpListener,
    pub(crate) v6: Option<TcpListener>,
}

impl TcpPort {
    pub(crate) async fn bind() -> io::Result<Self> {
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, v4.local_addr()?.port()))
            .await
            .ok();
        Ok(Self { v4, v6 })
    }

    pub(crate) fn addresses(&self) -> io::Result<(SocketAddr, Option<SocketAddr>)> {
        let v6 = self.v6.as_ref().map(TcpListener::local_addr).transpose()?;
        Ok((self.v4.local_addr()?, v6))
    }
}

/// A UDP and a TCP socket with the same number: what a DNS server needs.
pub(crate) async fn bind_dns() -> io::Result<(UdpSocket, TcpListener)> {
    let mut last = io::Error::other("no port with both UDP and TCP free");
    for _ in 0..16 {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        match TcpListener::bind((Ipv4Addr::LOCALHOST, udp.local_addr()?.port())).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A running task that ends when this value is dropped.
pub(crate) struct Task(JoinHandle<()>);

impl Task {
    pub(crate) fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }

    /// Ends the task and waits until its sockets are closed.
    pub(crate) async fn stop(mut self) {
        self.0.abort();
        // The result is "cancelled", or the task had ended by itself.
        let _ = (&mut self.0).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Accepts for ever and runs `talk` for each connection. Dropping the future drops the connections too.
pub(crate) async fn accept<F>(listener: TcpListener, talk: impl Fn(TcpStream, SocketAddr) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Replies are short; without this each waits for the client's acknowledgement.
                let _ = stream.set_nodelay(true);
                connections.spawn(talk(stream, peer));
            }
            // Out of file descriptors, as a rule: give others the time to free some.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}
