//! One connection: opened, encrypted, written to and read from by lines, with everything noted. After a failure it is closed,
//! and the transcript is still there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::pki_types::ServerName;
use tokio::time::Instant;

use super::transport::{Stream, Transport};
use super::trust::Trust;
use super::{Channel, ChannelSettings, Endpoint, Failure, TlsReport, Transcript, tls};

/// The longest that a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(60);

pub(in crate::probes) struct Connection {
    endpoint: Endpoint,
    settings: Arc<ChannelSettings>,
    trust: Trust,
    transport: Option<Transport>,
    pub(in crate::probes) transcript: Transcript,
    tls: Option<TlsReport>,
}

/// The end of a wait: when it is, how long it was, and how long a mail program would have waited.
#[derive(Debug, Clone, Copy)]
pub(in crate::probes) struct Patience {
    deadline: Instant,
    limit: Duration,
    allowed: Duration,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("endpoint", &self.endpoint)
            .field("channel", &self.channel())
            .finish_non_exhaustive()
    }
}

impl Connection {
    pub(super) fn new(
        endpoint: Endpoint,
        settings: Arc<ChannelSettings>,
        trust: Trust,
        now: Timestamp,
    ) -> Self {
        let shown = format!("{} ({})", endpoint.host, endpoint.address);
        Self {
            endpoint,
            settings,
            trust,
            transport: None,
            transcript: Transcript::new(shown, now),
            tls: None,
        }
    }

    pub(in crate::probes) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(in crate::probes) fn local(&self) -> Option<SocketAddr> {
        self.transport.as_ref().and_then(Transport::local)
    }

    pub(in crate::probes) fn is_open(&self) -> bool {
        self.transport.is_some()
    }

    pub(in crate::probes) fn tls(&self) -> Option<&TlsReport> {
        self.tls.as_ref()
    }

    pub(in crate::probes) fn channel(&self) -> Channel {
        match &self.tls {
            None => Channel::Clear,
            Some(tls) if tls.is_verified() => Channel::Verified,
            Some(_) => Channel::Unverified,
        }
    }

    /// Opens the TCP connection, and TLS at once where the endpoint wants it.
    pub(in crate::probes) async fn open(&mut self) -> Result<(), Failure> {
        let limit = self.settings.connect_timeout;
        let opening = Transport::connect(self.endpoint.address, self.endpoint.bind);
        let opened = match tokio::time::timeout(limit, opening).await {
            Err(_) => Err(Failure::ConnectTimeout(millis(limit))),
            Ok(Err(error)) => Err(Failure::from_connect(&error)),
            Ok(Ok(transport)) => Ok(transport),
        };
        let transport = opened.inspect_err(|failure| self.transcript.note(failure.to_string()))?;
        let from = transport
            .local()
            .map_or_else(String::new, |local| format!(" from {local}"));
        self.transcript.note(format!("connected{from}"));
        self.transport = Some(transport);
        if self.endpoint.implicit_tls {
            self.handshake().await?;
        }
        Ok(())
    }

    /// The handshake after a go-ahead in clear. Bytes that followed the go-ahead end it.
    pub(in crate::probes) async fn encrypt(&mut self) -> Result<(), Failure> {
        let surplus = self
            .transport
            .as_mut()
            .map(Transport::surplus)
            .unwrap_or_default();
        if !surplus.is_empty() {
            let text: String = String::from_utf8_lossy(&surplus)
                .chars()
                .take(200)
                .collect();
            return Err(self.fail(Failure::Injected(text.trim_end().to_owned())));
        }
        self.handshake().await
    }

    /// How long to wait for something that may take `allowed`: no longer than the cap.
    pub(in crate::probes) fn patience(&self, allowed: Duration) -> Patience {
        let limit = allowed.min(self.settings.reply_cap);
        Patience {
            deadline: Instant::now() + limit,
            limit,
            allowed,
        }
    }

    /// Sends bytes. A failure leaves the connection as it is: the other side may have said why.
    pub(in crate::probes) async fn send(
        &mut self,
        bytes: &[u8],
        patience: Patience,
    ) -> Result<(), Failure> {
        let transport = self.transport.as_mut().ok_or(Failure::NotOpen)?;
        match tokio::time::timeout_at(patience.deadline, transport.send(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failure::from_stream(&error)),
            Err(_) => Err(patience.over(0)),
        }
    }

    /// The next line with its line end. `before` are the bytes of an unfinished answer so far. Closes on failure.
    pub(in crate::probes) async fn line(
        &mut self,
        patience: Patience,
        before: usize,
    ) -> Result<Vec<u8>, Failure> {
        let transport = self.transport.as_mut().ok_or(Failure::NotOpen)?;
        let failure = match tokio::time::timeout_at(patience.deadline, transport.line()).await {
            Ok(Ok(raw)) => return Ok(raw),
            Ok(Err(error)) => Failure::from_stream(&error),
            Err(_) => patience.over(transport.pending() + before),
        };
        Err(self.fail(failure))
    }

    /// Exactly `count` bytes. Closes on failure.
    pub(in crate::probes) async fn exactly(
        &mut self,
        count: usize,
        patience: Patience,
    ) -> Result<Vec<u8>, Failure> {
        let transport = self.transport.as_mut().ok_or(Failure::NotOpen)?;
        let reading = transport.exactly(count);
        let failure = match tokio::time::timeout_at(patience.deadline, reading).await {
            Ok(Ok(raw)) => return Ok(raw),
            Ok(Err(error)) => Failure::from_stream(&error),
            Err(_) => patience.over(transport.pending()),
        };
        Err(self.fail(failure))
    }

    /// Writes down a failure and closes: after it nothing the other side says could be understood.
    pub(in crate::probes) fn fail(&mut self, failure: Failure) -> Failure {
        self.transcript.note(failure.to_string());
        self.close();
        failure
    }

    /// Closes at once, without a word.
    pub(in crate::probes) fn close(&mut self) {
        if self.transport.take().is_some() {
            self.transcript.note("closed");
        }
    }

    async fn handshake(&mut self) -> Result<(), Failure> {
        let host = self.endpoint.host.trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_owned())
            .unwrap_or_else(|_| ServerName::from(self.endpoint.address.ip()));
        let tcp = match self.transport.take().map(|transport| transport.stream) {
            Some(Stream::Clear(tcp)) => tcp,
            _ => return Err(Failure::NotOpen),
        };
        let (connector, recorder) =
            tls::connector(&self.trust).map_err(|error| Failure::Handshake(error.to_string()))?;
        let limit = HANDSHAKE.min(self.settings.reply_cap);
        let outcome = match tokio::time::timeout(limit, connector.connect(name, tcp)).await {
            Err(_) => Err(format!("no end of it within {} ms", millis(limit))),
            Ok(Err(error)) => Err(tls::handshake_trouble(&error)),
            Ok(Ok(stream)) => Ok(stream),
        };
        let stream = outcome.map_err(|why| self.fail(Failure::Handshake(why)))?;
        let report = TlsReport::new(stream.get_ref().1, recorder.take());
        self.transcript
            .note(format!("{} with {}", report.protocol, report.cipher));
        match &report.certificate {
            None => self.transcript.note("the certificate cannot be read"),
            Some(certificate) => {
                for fault in certificate.faults() {
                    self.transcript.note(format!("certificate: {fault}"));
                }
            }
        }
        self.tls = Some(report);
        self.transport = Some(Transport::over(Stream::Tls(Box::new(stream))));
        Ok(())
    }
}

impl Patience {
    fn over(self, bytes: usize) -> Failure {
        Failure::Silent {
            waited_ms: millis(self.limit),
            allowed_ms: millis(self.allowed),
            bytes,
        }
    }
}

pub(in crate::probes) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
