//! Public files that change rarely, fetched once and kept: in the process, and in a folder for the next one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::{Http, HttpRequest};
use crate::error_chain::chain;

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

/// What one file was found to be.
#[derive(Debug, Clone)]
struct Held {
    /// When it is looked for again.
    until: Instant,
    text: Result<Arc<str>, NotFetched>,
}

impl Held {
    fn fresh(text: String, left: Duration) -> Self {
        Held {
            until: Instant::now() + left,
            text: Ok(Arc::from(text)),
        }
    }

    /// After a fetch that failed: soon tried again, whether an older copy serves or not.
    fn after_a_failure(text: Result<String, NotFetched>) -> Self {
        Held {
            until: Instant::now() + AFTER_A_FAILURE,
            text: text.map(Arc::from),
        }
    }
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
    /// copy serves for some minutes; a failure without one is remembered for as long.
    ///
    /// `check` says what is wrong with a text. One that fails it is never kept: a portal that answers every address with a page
    /// of its own does not take the place of a good copy.
    ///
    /// Only for files whose URL holds no secret: the URL names the copy.
    ///
    /// # Errors
    /// When there is no copy and none can be fetched; the text says why.
    pub async fn kept(
        &self,
        url: &str,
        age: Duration,
        check: impl Fn(&str) -> Result<(), String> + Send + Sync,
    ) -> Result<Arc<str>, NotFetched> {
        let slot = self.shelf.slot(url);
        let mut held = slot.lock().await;
        if let Some(held) = held.as_ref()
            && Instant::now() < held.until
        {
            return held.text.clone();
        }
        let place = self.shelf.folder.as_ref().map(|folder| copy(folder, url));
        let on_disk = place.as_deref().and_then(|place| {
            let copy = read(place)?;
            check(&copy.text).is_ok().then_some(copy)
        });
        let found = match on_disk {
            Some(Copy { text, old }) if old < age => Held::fresh(text, age - old),
            older => match self.fetch(url, check).await {
                Ok(text) => {
                    if let Some(place) = &place {
                        write(place, &text);
                    }
                    Held::fresh(text, age)
                }
                Err(why) => Held::after_a_failure(
                    older
                        .filter(|copy| copy.old < OLDEST)
                        .map(|copy| copy.text)
                        .ok_or(why),
                ),
            },
        };
        held.insert(found).text.clone()
    }

    async fn fetch(
        &self,
        url: &str,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<String, NotFetched> {
        let request = HttpRequest {
            url: url.to_owned(),
            ..HttpRequest::default()
        };
        let answer = self
            .send(request)
            .await
            .map_err(|error| NotFetched(chain(&error)))?;
        if answer.status != 200 {
            return Err(NotFetched(format!(
                "the server answers with status {}",
                answer.status
            )));
        }
        if answer.truncated {
            return Err(NotFetched("the file is too large".to_owned()));
        }
        let text = answer.text();
        match check(&text) {
            Ok(()) => Ok(text),
            Err(fault) => Err(NotFetched(format!(
                "what the server answers is not that file: {fault}"
            ))),
        }
    }
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

/// A file in the folder.
struct Copy {
    text: String,
    old: Duration,
}

fn read(place: &Path) -> Option<Copy> {
    let written = std::fs::metadata(place).ok()?.modified().ok()?;
    // one from the future was written under another clock
    let old = SystemTime::now().duration_since(written).ok()?;
    let text = std::fs::read_to_string(place).ok()?;
    Some(Copy { text, old })
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

    /// Answers every request, by its number from 0, with a status and a body; counts them.
    async fn serve(
        answer: fn(usize) -> (&'static str, &'static str),
    ) -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/rdap/ipv4.json", listener.local_addr().unwrap());
        let count = Arc::new(AtomicUsize::new(0));
        let asked = count.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let heard = stream.read(&mut [0; 4096]).await.unwrap();
                assert!(heard > 0);
                let (status, body) = answer(asked.fetch_add(1, Ordering::SeqCst));
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
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

    fn check(text: &str) -> Result<(), String> {
        text.strip_prefix('{')
            .map(drop)
            .ok_or_else(|| "no JSON".to_owned())
    }

    async fn ask(http: &Http, url: &str, age: Duration) -> String {
        match http.kept(url, age, check).await {
            Ok(text) => (*text).to_owned(),
            Err(why) => why.to_string(),
        }
    }

    /// A copy in the folder that was written `old` ago.
    fn put(folder: &Path, url: &str, text: &str, old: Duration) {
        let place = copy(folder, url);
        write(&place, text);
        let file = std::fs::File::options().write(true).open(&place).unwrap();
        file.set_modified(SystemTime::now() - old).unwrap();
    }

    /// How long the answer holds, at most.
    async fn left(http: &Http, url: &str) -> Duration {
        let slot = http.shelf.slot(url);
        let held = slot.lock().await;
        held.as_ref().unwrap().until - Instant::now()
    }

    #[tokio::test]
    async fn a_file_is_fetched_once_for_many_and_for_later_processes() {
        let folder = tempfile::tempdir().unwrap();
        let (url, asked) = serve(|number| ("200 OK", ["{0}", "{1}"][number])).await;
        let http = client(folder.path());
        let (one, two) = tokio::join!(ask(&http, &url, DAY), ask(&http, &url, DAY));
        assert_eq!((one.as_str(), two.as_str()), ("{0}", "{0}"));
        assert_eq!(ask(&client(folder.path()), &url, DAY).await, "{0}");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        // too old now: fetched again
        let again = ask(&client(folder.path()), &url, Duration::ZERO).await;
        assert_eq!(again, "{1}");
    }

    #[tokio::test]
    async fn an_old_copy_serves_when_no_newer_one_can_be_had() {
        let folder = tempfile::tempdir().unwrap();
        let (url, asked) = serve(|_| ("503 Busy", "")).await;
        let http = client(folder.path());
        for _ in 0..2 {
            let why = ask(&http, &url, DAY).await;
            assert_eq!(why, "the server answers with status 503");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1, "a failure is remembered");
        put(folder.path(), &url, "{kept}", DAY);
        assert_eq!(ask(&client(folder.path()), &url, DAY).await, "{kept}");
        put(folder.path(), &url, "{kept}", OLDEST);
        let why = ask(&client(folder.path()), &url, DAY).await;
        assert_eq!(why, "the server answers with status 503");
    }

    #[tokio::test]
    async fn an_old_copy_serves_for_minutes_and_then_the_file_is_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        let (url, asked) = serve(|number| match number {
            0 => ("503 Busy", ""),
            _ => ("200 OK", "{new}"),
        })
        .await;
        put(folder.path(), &url, "{old}", DAY);
        let http = client(folder.path());
        for _ in 0..2 {
            assert_eq!(ask(&http, &url, DAY).await, "{old}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1, "not at once");
        assert!(left(&http, &url).await <= AFTER_A_FAILURE);
        let slot = http.shelf.slot(&url);
        slot.lock().await.as_mut().unwrap().until = Instant::now();
        assert_eq!(ask(&http, &url, DAY).await, "{new}");
        assert!(left(&http, &url).await > AFTER_A_FAILURE);
    }

    #[tokio::test]
    async fn a_page_of_another_kind_takes_nobodys_place() {
        let folder = tempfile::tempdir().unwrap();
        let (url, asked) = serve(|_| ("200 OK", "<html>Please log in</html>")).await;
        let why = ask(&client(folder.path()), &url, DAY).await;
        assert!(why.contains("not that file: no JSON"), "{why}");
        put(folder.path(), &url, "{good}", DAY);
        assert_eq!(ask(&client(folder.path()), &url, DAY).await, "{good}");
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        let place = copy(folder.path(), &url);
        assert_eq!(std::fs::read_to_string(&place).unwrap(), "{good}");
        // one that an earlier version kept is no copy
        put(
            folder.path(),
            &url,
            "<html>Please log in</html>",
            Duration::ZERO,
        );
        let why = ask(&client(folder.path()), &url, DAY).await;
        assert!(why.contains("not that file"), "{why}");
    }

    #[tokio::test]
    async fn a_copy_from_the_folder_keeps_its_age() {
        let folder = tempfile::tempdir().unwrap();
        let (url, asked) = serve(|_| ("503 Busy", "")).await;
        put(folder.path(), &url, "{kept}", DAY * 6);
        let http = client(folder.path());
        assert_eq!(ask(&http, &url, DAY * 7).await, "{kept}");
        assert!(left(&http, &url).await <= DAY);
        assert_eq!(asked.load(Ordering::SeqCst), 0);
    }
}
