//! Public files that change rarely, fetched once and kept: in the process, and in a folder for the next one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::{Http, HttpError, HttpRequest};

/// How long a fetch that failed is not tried again: a fleet without a way to the web asks once, not once a site.
const AFTER_A_FAILURE: Duration = Duration::from_secs(300);
/// How old a kept file may be when no newer one can be had.
const OLDEST: Duration = Duration::from_secs(90 * 24 * 3600);

/// A public file could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotFetched(String);

/// What is kept.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    folder: Option<PathBuf>,
    held: Mutex<HashMap<String, Arc<Slot>>>,
}

type Slot = tokio::sync::Mutex<Option<Held>>;

#[derive(Debug, Clone)]
struct Held {
    since: Instant,
    text: Result<Arc<str>, NotFetched>,
}

impl Shelf {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Shelf {
            folder,
            held: Mutex::default(),
        }
    }

    fn slot(&self, url: &str) -> Arc<Slot> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.entry(url.to_owned()).or_default().clone()
    }
}

impl Http {
    /// A public file, at most `age` old. Of many that ask at the same time one fetches it. When it cannot be fetched, an older
    /// copy serves; a failure without one is remembered for some minutes.
    ///
    /// Only for files whose URL holds no secret: the URL names the copy.
    ///
    /// # Errors
    /// When there is no copy and none can be fetched; the text says why.
    pub async fn kept(&self, url: &str, age: Duration) -> Result<Arc<str>, NotFetched> {
        let slot = self.shelf.slot(url);
        let mut held = slot.lock().await;
        if let Some(held) = held.as_ref() {
            let good_for = match held.text {
                Ok(_) => age,
                Err(_) => AFTER_A_FAILURE,
            };
            if held.since.elapsed() < good_for {
                return held.text.clone();
            }
        }
        let place = self.shelf.folder.as_ref().map(|folder| copy(folder, url));
        let text = match place.as_deref().and_then(|place| read(place, age)) {
            Some(text) => Ok(Arc::from(text)),
            None => self.refresh(url, place.as_deref()).await,
        };
        *held = Some(Held {
            since: Instant::now(),
            text: text.clone(),
        });
        text
    }

    async fn refresh(&self, url: &str, place: Option<&Path>) -> Result<Arc<str>, NotFetched> {
        let why = match self.fetch(url).await {
            Ok(text) => {
                if let Some(place) = place {
                    write(place, &text);
                }
                return Ok(Arc::from(text));
            }
            Err(why) => why,
        };
        place
            .and_then(|place| read(place, OLDEST))
            .map(Arc::from)
            .ok_or(why)
    }

    async fn fetch(&self, url: &str) -> Result<String, NotFetched> {
        let request = HttpRequest {
            url: url.to_owned(),
            ..HttpRequest::default()
        };
        let answer = self
            .send(request)
            .await
            .map_err(|error| NotFetched(told(&error)))?;
        if answer.status != 200 {
            return Err(NotFetched(format!(
                "the server answers with status {}",
                answer.status
            )));
        }
        if answer.truncated {
            return Err(NotFetched("the file is too large".to_owned()));
        }
        Ok(answer.text())
    }
}

/// An error with its causes on one line, each said once.
pub fn told(error: &HttpError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

/// `https://data.iana.org/rdap/ipv4.json` as a file name.
fn copy(folder: &Path, url: &str) -> PathBuf {
    let name: String = url
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '_'
            }
        })
        .collect();
    folder.join(name.trim_start_matches('.'))
}

fn read(place: &Path, age: Duration) -> Option<String> {
    let written = std::fs::metadata(place).ok()?.modified().ok()?;
    // one from the future was written under another clock
    let old = SystemTime::now().duration_since(written).ok()?;
    if old < age {
        std::fs::read_to_string(place).ok()
    } else {
        None
    }
}

/// Keeps a copy. Without one the file is fetched again another day, so a full disk is no fault of the check.
fn write(place: &Path, text: &str) {
    let Some(folder) = place.parent() else { return };
    let draft = place.with_extension(format!("new-{}", std::process::id()));
    let kept = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&draft, text))
        .and_then(|()| std::fs::rename(&draft, place));
    if kept.is_err() {
        std::fs::remove_file(&draft).ok();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::probes::HttpSettings;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    /// Answers every request with this status; counts them.
    async fn serve(status: &'static str) -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/rdap/ipv4.json", listener.local_addr().unwrap());
        let count = Arc::new(AtomicUsize::new(0));
        let asked = count.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let heard = stream.read(&mut [0; 4096]).await.unwrap();
                assert!(heard > 0);
                let number = asked.fetch_add(1, Ordering::SeqCst);
                let answer = format!(
                    "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 1\r\n\r\n{number}"
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        (url, count)
    }

    fn client(folder: &Path) -> Http {
        let settings = HttpSettings {
            use_proxy: false,
            kept: Some(folder.to_owned()),
            ..HttpSettings::default()
        };
        Http::new(settings, None).unwrap()
    }

    #[tokio::test]
    async fn a_file_is_fetched_once_for_many_and_for_later_processes() {
        let folder = tempfile::tempdir().unwrap();
        let (url, asked) = serve("200 OK").await;
        let http = client(folder.path());
        let (one, two) = tokio::join!(http.kept(&url, DAY), http.kept(&url, DAY));
        assert_eq!((&*one.unwrap(), &*two.unwrap()), ("0", "0"));
        assert_eq!(&*client(folder.path()).kept(&url, DAY).await.unwrap(), "0");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        // too old now: fetched again
        let again = client(folder.path()).kept(&url, Duration::ZERO).await;
        assert_eq!(&*again.unwrap(), "1");
    }

    #[tokio::test]
    async fn an_old_copy_serves_when_no_newer_one_can_be_had() {
        let folder = tempfile::tempdir().unwrap();
        let (url, asked) = serve("503 Busy").await;
        let http = client(folder.path());
        for _ in 0..2 {
            let why = http.kept(&url, DAY).await.unwrap_err().to_string();
            assert_eq!(why, "the server answers with status 503");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1, "a failure is remembered");
        write(&copy(folder.path(), &url), "kept");
        let text = client(folder.path()).kept(&url, Duration::ZERO).await;
        assert_eq!(&*text.unwrap(), "kept");
    }
}
