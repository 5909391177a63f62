//! An HTTP server that counts what really reached it, by idempotency key.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The server. It runs until the test process ends.
pub(crate) struct Counter {
    address: SocketAddr,
    seen: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Counter {
    /// Starts it on an ephemeral loopback port.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
        let counted = seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counted = counted.clone();
                std::thread::spawn(move || answer(stream, &counted));
            }
        });
        Counter { address, seen }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Did a request with this key arrive?
    pub(crate) fn has(&self, key: &str) -> bool {
        self.seen.lock().unwrap().contains_key(key)
    }

    /// Every key arrived once.
    pub(crate) fn assert_each_once(&self, place: &str) {
        let seen = self.seen.lock().unwrap();
        assert!(
            seen.values().all(|count| *count == 1),
            "{place}: done twice: {seen:?}"
        );
        assert_eq!(seen.len(), 2, "{place}: both requests are made: {seen:?}");
    }
}

fn answer(mut stream: TcpStream, seen: &Mutex<BTreeMap<String, usize>>) {
    let mut request = Vec::new();
    let mut chunk = [0; 2048];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(read) => request.extend_from_slice(&chunk[..read]),
        }
    }
    let head = String::from_utf8_lossy(&request).to_ascii_lowercase();
    let key = head
        .lines()
        .find_map(|line| line.strip_prefix("idempotency-key:"))
        .map(|key| key.trim().to_owned());
    if let Some(key) = key {
        *seen.lock().unwrap().entry(key).or_default() += 1;
    }
    // A slow answer: there is time to be killed between the act and its record.
    std::thread::sleep(std::time::Duration::from_millis(40));
    let _ =
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
}
