//! The client against servers on loopback.
#![allow(clippy::unwrap_used)]

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn client(body_cap: usize) -> Http {
    let settings = HttpSettings {
        use_proxy: false,
        body_cap,
        timeout: Duration::from_millis(500),
        ..HttpSettings::default()
    };
    Http::new(settings, None).unwrap()
}

/// Answers one request with `answer`; gives back what it was asked.
async fn serve(answer: &'static [u8]) -> (SocketAddr, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = vec![0; 4096];
        let mut length = stream.read(&mut heard).await.unwrap();
        if String::from_utf8_lossy(&heard[..length]).ends_with("\r\n\r\n")
            && heard.starts_with(b"POST")
        {
            length += stream.read(&mut heard[length..]).await.unwrap();
        }
        stream.write_all(answer).await.unwrap();
        if answer.is_empty() {
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        String::from_utf8_lossy(&heard[..length]).into_owned()
    });
    (address, task)
}

fn post(address: SocketAddr) -> HttpRequest {
    HttpRequest {
        method: "POST".to_owned(),
        url: format!("http://{address}/hook?key=s3cr3t"),
        headers: vec![("x-test".to_owned(), "yes".to_owned())],
        body: Some(b"{\"a\":1}".to_vec()),
        timeout: None,
    }
}

#[tokio::test]
async fn the_request_is_sent_as_written_and_the_body_is_capped() {
    let (address, task) =
        serve(b"HTTP/1.1 201 Created\r\ncontent-length: 10\r\nX-A: b\r\n\r\n0123456789").await;
    let response = client(4).send(post(address)).await.unwrap();
    assert_eq!(
        (
            response.status,
            response.text().as_str(),
            response.truncated
        ),
        (201, "0123", true)
    );
    assert_eq!(response.header("x-a"), Some("b"));
    assert_eq!(response.remote, Some(address));
    let heard = task.await.unwrap();
    assert!(
        heard.starts_with("POST /hook?key=s3cr3t HTTP/1.1\r\n"),
        "{heard}"
    );
    assert!(
        heard.contains("x-test: yes") && heard.ends_with("{\"a\":1}"),
        "{heard}"
    );
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let (address, _task) =
        serve(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")
            .await;
    let response = client(100).send(post(address)).await.unwrap();
    assert_eq!(response.status, 302);
    assert_eq!(response.header("location"), Some("http://127.0.0.1:1/"));
}

#[tokio::test]
async fn only_a_failed_connection_proves_that_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let refused = client(100).send(post(closed)).await.unwrap_err();
    assert!(refused.is_not_sent(), "{refused:?}");
    let (silent, _task) = serve(b"").await;
    let lost = client(100).send(post(silent)).await.unwrap_err();
    assert!(!lost.is_not_sent(), "{lost:?}");
    for shown in [
        format!("{refused:?}{refused}"),
        format!("{lost:?}{lost}"),
        format!("{:?}", post(silent)),
    ] {
        assert!(!shown.contains("s3cr3t"), "{shown}");
    }
}

#[test]
fn urls_that_are_refused_before_anything_is_sent() {
    for url in [
        "ftp://a.example/",
        "file:///etc/passwd",
        "a.example",
        "http://u:p@a.example/",
        "http://",
    ] {
        assert!(host_of(url).unwrap_err().is_not_sent(), "{url}");
    }
    assert_eq!(host_of("https://A.example:8443/x").unwrap(), "a.example");
}
