//! HTTP as a probe needs it: one request, one answer, no redirect followed, nothing retried.

mod kept;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, Method, Url, redirect};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, ClientConfig, RootCertStore};

use super::dns::{Dns, Question, RecordKind};
pub use kept::NotFetched;
use kept::Shelf;

/// How to ask.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// For the connection with its TLS handshake.
    pub connect_timeout: Duration,
    /// For the whole exchange, where the request names no other.
    pub timeout: Duration,
    /// Octets of a body that are kept; the rest is not read.
    pub body_cap: usize,
    /// Certificate authorities to trust beside the public ones.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Go through the proxy that the environment names (HTTPS_PROXY and its kin).
    pub use_proxy: bool,
    /// Where public files are kept for the next process; see [`Http::kept`].
    pub kept: Option<PathBuf>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            body_cap: 1024 * 1024,
            extra_roots: Vec::new(),
            use_proxy: true,
            kept: None,
        }
    }
}

/// A request.
#[derive(Clone, Default)]
pub struct HttpRequest {
    /// `GET`, `POST`, ...; empty means GET.
    pub method: String,
    /// Absolute, http or https.
    pub url: String,
    /// Names and values. Values may be secret.
    pub headers: Vec<(String, String)>,
    /// The body, if any.
    pub body: Option<Vec<u8>>,
    /// For the whole exchange, instead of the client's.
    pub timeout: Option<Duration>,
}

/// Shows neither the query nor header values: both may hold secrets.
impl std::fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&String> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("url", &self.url.split('?').next())
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}

/// An answer, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// 200, 404, ...
    pub status: u16,
    /// In the server's order, names in lower case; bytes that are not UTF-8 become U+FFFD.
    pub headers: Vec<(String, String)>,
    /// The body, up to the cap.
    pub body: Vec<u8>,
    /// There was more of it.
    pub truncated: bool,
    /// Milliseconds until the end of it.
    pub ms: u64,
    /// Who answered.
    pub remote: Option<SocketAddr>,
}

impl HttpResponse {
    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// No answer. The messages never hold the query of the URL.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The request cannot be made as written.
    #[error("cannot make the request: {0}")]
    Request(String),
    /// No connection came about: nothing was sent.
    #[error("cannot connect to {host}")]
    Connect {
        /// Host of the URL.
        host: String,
        /// Why not.
        source: reqwest::Error,
    },
    /// The exchange broke or took too long: it is not known what the server did.
    #[error("no complete answer from {host}")]
    Exchange {
        /// Host of the URL.
        host: String,
        /// Why not.
        source: reqwest::Error,
    },
}

impl HttpError {
    /// True when it is proven that nothing left this machine.
    pub fn is_not_sent(&self) -> bool {
        !matches!(self, Self::Exchange { .. })
    }

    /// Why the server's certificate does not hold, in plain words, if that is what stopped the exchange.
    pub fn certificate_fault(&self) -> Option<String> {
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            if let Some(rustls::Error::InvalidCertificate(fault)) = error.downcast_ref() {
                return Some(in_words(fault));
            }
            // An I/O error passes over what it wraps when it is asked for its source.
            let wrapped = error
                .downcast_ref::<std::io::Error>()
                .and_then(std::io::Error::get_ref);
            cause = match wrapped {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        None
    }
}

/// The HTTP client could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the HTTP client")]
pub struct HttpSetupError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// The client. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Http {
    /// Made when the first request goes out: most runs make none.
    client: Arc<OnceLock<Client>>,
    settings: Arc<HttpSettings>,
    dns: Option<Dns>,
    shelf: Arc<Shelf>,
}

impl Http {
    /// A client as `settings` say. With `dns`, names are looked up through it instead of the system.
    ///
    /// # Errors
    ///
    /// When a certificate authority cannot be used.
    pub fn new(settings: HttpSettings, dns: Option<Dns>) -> Result<Self, HttpSetupError> {
        let mut roots = RootCertStore::empty();
        for root in &settings.extra_roots {
            roots.add(root.clone()).map_err(setup)?;
        }
        Ok(Self {
            client: Arc::default(),
            shelf: Arc::new(Shelf::new(settings.kept.clone())),
            settings: Arc::new(settings),
            dns,
        })
    }

    /// The same client, with the public files of another: what that one fetched is not fetched again.
    #[must_use]
    pub fn sharing(mut self, other: &Http) -> Self {
        self.shelf = other.shelf.clone();
        self
    }

    /// The same client, trusting the public authorities alone, as strangers do. `None` when it trusts no others anyway.
    #[must_use]
    pub fn as_strangers(&self) -> Option<Self> {
        if self.settings.extra_roots.is_empty() {
            return None;
        }
        let mut settings = HttpSettings::clone(&self.settings);
        settings.extra_roots.clear();
        Some(Self {
            client: Arc::default(),
            settings: Arc::new(settings),
            dns: self.dns.clone(),
            shelf: self.shelf.clone(),
        })
    }

    fn client(&self) -> Result<&Client, HttpSetupError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = self.make_client()?;
        Ok(self.client.get_or_init(|| client))
    }

    fn make_client(&self) -> Result<Client, HttpSetupError> {
        let settings = &self.settings;
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        for root in &settings.extra_roots {
            roots.add(root.clone()).map_err(setup)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(setup)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(settings.connect_timeout)
            .user_agent(concat!("mailmedic/", env!("CARGO_PKG_VERSION")));
        if !settings.use_proxy {
            builder = builder.no_proxy();
        }
        if let Some(dns) = self.dns.clone() {
            builder = builder.dns_resolver(Arc::new(Names(dns)));
        }
        builder.build().map_err(setup)
    }

    /// Sends one request. Every status is an answer, a redirect too.
    ///
    /// # Errors
    ///
    /// When there is no answer; see [`HttpError::is_not_sent`].
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let started = Instant::now();
        let url = parse_url(&request.url)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let method = match request.method.as_str() {
            "" => Method::GET,
            method => Method::from_bytes(method.as_bytes())
                .map_err(|_| HttpError::Request(format!("'{method}' is no HTTP method")))?,
        };
        let mut builder = self
            .client()
            .map_err(|error| {
                let why = error.0.to_string();
                HttpError::Request(format!("{error}: {why}"))
            })?
            .request(method, url)
            .timeout(request.timeout.unwrap_or(self.settings.timeout));
        for (name, value) in &request.headers {
            let key = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| HttpError::Request(format!("'{name}' is no header name")))?;
            let mut value = HeaderValue::from_str(value).map_err(|_| {
                HttpError::Request(format!("the value of header '{name}' cannot be sent"))
            })?;
            value.set_sensitive(true);
            builder = builder.header(key, value);
        }
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        let failed = |error: reqwest::Error| {
            let source = error.without_url();
            let host = host.clone();
            if source.is_connect() || source.is_builder() {
                HttpError::Connect { host, source }
            } else {
                HttpError::Exchange { host, source }
            }
        };
        let mut response = builder.send().await.map_err(failed)?;
        let mut body = Vec::new();
        let mut truncated = false;
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            let room = self.settings.body_cap - body.len();
            if chunk.len() > room {
                body.extend_from_slice(&chunk[..room]);
                truncated = true;
                break;
            }
            body.extend_from_slice(&chunk);
        }
        let headers = response.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        Ok(HttpResponse {
            status: response.status().as_u16(),
            headers: headers.collect(),
            body,
            truncated,
            ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            remote: response.remote_addr(),
        })
    }
}

/// The host a URL goes to, to be checked before anything is sent.
///
/// # Errors
///
/// When it is no http or https URL, or holds a user name or password.
pub fn host_of(url: &str) -> Result<String, HttpError> {
    parse_url(url).map(|url| url.host_str().unwrap_or_default().to_owned())
}

fn parse_url(text: &str) -> Result<Url, HttpError> {
    let url = Url::parse(text)
        .map_err(|error| HttpError::Request(format!("this is no URL ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(HttpError::Request(
            "the URL must begin with http:// or https://".to_owned(),
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(HttpError::Request(
            "the URL holds a user name or password: send it in a header instead".to_owned(),
        ));
    }
    Ok(url)
}

/// A fault of a certificate, about "it".
fn in_words(fault: &CertificateError) -> String {
    let day = |at: &UnixTime| {
        i64::try_from(at.as_secs())
            .ok()
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .map_or_else(
                || "a day out of all calendars".to_owned(),
                |at| at.to_string(),
            )
    };
    match fault {
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("it ended on {}", day(not_after))
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("it is not valid before {}", day(not_before))
        }
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => {
            let names: Vec<&str> = presented
                .iter()
                .map(|name| {
                    name.strip_prefix("DnsName(\"")
                        .and_then(|n| n.strip_suffix("\")"))
                        .unwrap_or(name)
                })
                .collect();
            let names = if names.is_empty() {
                "no name at all".to_owned()
            } else {
                names.join(", ")
            };
            format!("it is for {names}, not for {}", expected.to_str())
        }
        CertificateError::UnknownIssuer => {
            "its issuer is not known, or an intermediate certificate is missing".to_owned()
        }
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "it is signed by itself".to_owned()
        }
        other => other.to_string(),
    }
}

fn setup(error: impl std::error::Error + Send + Sync + 'static) -> HttpSetupError {
    HttpSetupError(Box::new(error))
}

/// Names by our own resolvers.
struct Names(Dns);

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let dns = self.0.clone();
        Box::pin(async move {
            let v4 = Question::new(name.as_str(), RecordKind::A);
            let v6 = Question::new(name.as_str(), RecordKind::Aaaa);
            let (v4, v6) = tokio::join!(dns.query(&v4), dns.query(&v6));
            let found: Vec<SocketAddr> = [&v4, &v6]
                .into_iter()
                .flat_map(|answer| answer.addresses())
                .map(|address| SocketAddr::new(address, 0))
                .collect();
            if found.is_empty() {
                let why: Box<dyn std::error::Error + Send + Sync> = v4.to_string().into();
                return Err(why);
            }
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}
