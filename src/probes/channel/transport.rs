//! The stream under a session: in clear or in TLS, with a buffer that keeps what was read too far.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::client::TlsStream;

/// A line longer than this is no mail protocol.
const LINE_CAP: usize = 16 * 1024;

/// The stream, or none.
pub(super) enum Stream {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection that reads lines.
pub(super) struct Transport {
    pub(super) stream: Stream,
    unread: Vec<u8>,
}

impl Transport {
    /// Connects, from `bind` if given.
    pub(super) async fn connect(to: SocketAddr, bind: Option<IpAddr>) -> io::Result<Self> {
        let socket = match to {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        if let Some(address) = bind {
            socket.bind(SocketAddr::new(address, 0))?;
        }
        let stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self::over(Stream::Clear(stream)))
    }

    pub(super) fn over(stream: Stream) -> Self {
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    /// The local end.
    pub(super) fn local(&self) -> Option<SocketAddr> {
        match &self.stream {
            Stream::Clear(stream) => stream.local_addr().ok(),
            Stream::Tls(stream) => stream.get_ref().0.local_addr().ok(),
        }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Clear(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
            Stream::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }

    /// The next line with its LF. `UnexpectedEof` if the other side ends before one.
    ///
    /// Safe to drop half way: what was read stays in the buffer.
    pub(super) async fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.unread[searched..]
                .iter()
                .position(|byte| *byte == b'\n')
            {
                return Ok(self.unread.drain(..=searched + at).collect());
            }
            if self.unread.len() > LINE_CAP {
                return Err(io::Error::other("a line without an end"));
            }
            searched = self.unread.len();
            self.fill().await?;
        }
    }

    /// Exactly `count` bytes. Safe to drop half way, as [`Transport::line`].
    pub(super) async fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < count {
            self.fill().await?;
        }
        Ok(self.unread.drain(..count).collect())
    }

    async fn fill(&mut self) -> io::Result<()> {
        let got = match &mut self.stream {
            Stream::Clear(stream) => stream.read_buf(&mut self.unread).await?,
            Stream::Tls(stream) => stream.read_buf(&mut self.unread).await?,
        };
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// Bytes of an unfinished line.
    pub(super) fn pending(&self) -> usize {
        self.unread.len()
    }

    /// What has arrived beyond the last line, without waiting.
    pub(super) fn surplus(&mut self) -> Vec<u8> {
        if let Stream::Clear(stream) = &self.stream {
            let mut more = [0; 512];
            if let Ok(got) = stream.try_read(&mut more) {
                self.unread.extend_from_slice(&more[..got]);
            }
        }
        std::mem::take(&mut self.unread)
    }
}
