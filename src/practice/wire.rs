//! One text connection: lines in, lines out, and the change to TLS in its middle. SMTP and IMAP share it.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

/// A line longer than this ends the connection; no client of ours comes near it.
const LONGEST_LINE: usize = 64 * 1024;

pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

pub(crate) struct Wire {
    io: Box<dyn Duplex>,
    pending: Vec<u8>,
}

impl Wire {
    pub(crate) fn new(io: impl Duplex + 'static) -> Self {
        Self {
            io: Box::new(io),
            pending: Vec::new(),
        }
    }

    /// The next line with its line end, or `None` when the client has gone.
    pub(crate) async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.pending[searched..]
                .iter()
                .position(|byte| *byte == b'\n')
            {
                let rest = self.pending.split_off(searched + at + 1);
                return Ok(Some(std::mem::replace(&mut self.pending, rest)));
            }
            searched = self.pending.len();
            if searched > LONGEST_LINE {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "line without an end",
                ));
            }
            if self.fill().await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Exactly `count` bytes (an IMAP literal), or `None` when the client has gone.
    pub(crate) async fn exactly(&mut self, count: usize) -> io::Result<Option<Vec<u8>>> {
        while self.pending.len() < count {
            if self.fill().await? == 0 {
                return Ok(None);
            }
        }
        let rest = self.pending.split_off(count);
        Ok(Some(std::mem::replace(&mut self.pending, rest)))
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.io.write_all(bytes).await?;
        self.io.flush().await
    }

    /// Negotiates TLS. What the client sent ahead in the clear is dropped, else it could be
    /// smuggled into the protected session (RFC 3207, section 5).
    pub(crate) async fn into_tls(self, acceptor: &TlsAcceptor) -> io::Result<Self> {
        Ok(Self::new(acceptor.accept(self.io).await?))
    }

    pub(crate) async fn close(&mut self) {
        // The client may have gone first; there is nobody left to tell.
        let _ = self.io.shutdown().await;
    }

    async fn fill(&mut self) -> io::Result<usize> {
        let mut block = [0; 4096];
        let count = self.io.read(&mut block).await?;
        self.pending.extend_from_slice(&block[..count]);
        Ok(count)
    }
}
