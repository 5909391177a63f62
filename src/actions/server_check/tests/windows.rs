//! A server that answers the first half of NTLM, as Windows does.

use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::{codes, rig};
use crate::record::Severity;

/// A challenge with the machine's DNS name alone.
fn challenge(name: &str) -> String {
    let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let length = u16::try_from(wide.len()).unwrap();
    let list = [
        &3u16.to_le_bytes()[..],
        &length.to_le_bytes(),
        &wide,
        &[0; 4],
    ]
    .concat();
    let size = u16::try_from(list.len()).unwrap().to_le_bytes();
    let mut message = b"NTLMSSP\0\x02\0\0\0".to_vec();
    message.extend([0; 28]);
    message.extend([&size[..], &size, &48u32.to_le_bytes()].concat());
    message.extend(list);
    BASE64_STANDARD.encode(message)
}

#[tokio::test]
async fn ntlm_tells_the_names_of_the_inner_network() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut said = Vec::new();
        write
            .write_all(b"220 mail.client.example ready\r\n")
            .await
            .unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            let reply = match line.split(' ').next().unwrap_or_default() {
                "EHLO" => "250-mail.client.example\r\n250 AUTH NTLM\r\n".to_owned(),
                "AUTH" => "334 NTLM supported\r\n".to_owned(),
                word if word.starts_with("TlRMTVNTUA") => {
                    format!("334 {}\r\n", challenge("server.client.local"))
                }
                "*" => "501 5.7.0 cancelled\r\n".to_owned(),
                "QUIT" => "221 bye\r\n".to_owned(),
                "VRFY" => "252 cannot verify\r\n".to_owned(),
                "RCPT" => "550 5.1.1 User unknown\r\n".to_owned(),
                "EXPN" => "502 no\r\n".to_owned(),
                _ => "250 ok\r\n".to_owned(),
            };
            write.write_all(reply.as_bytes()).await.unwrap();
            said.push(line);
        }
        said
    });
    let mut rig = rig().await;
    rig.site.servers[0].address = Some(IpAddr::from([127, 0, 0, 1]));
    rig.site.servers[0].ports = vec![port];
    let report = rig.check(json!({})).await;
    let finding = report
        .findings
        .iter()
        .find(|f| f.code == "server-ntlm-names");
    assert!(
        finding.is_some_and(|finding| finding.summary.contains("server.client.local")),
        "{:?}",
        codes(&report)
    );
    assert_eq!(
        report.outputs["endpoints"][0]["ntlm"]["dns_computer"],
        "server.client.local"
    );
    // A challenge mechanism in clear is a lesser fault than a password.
    let login = report.findings.iter().find(|f| f.code == "auth-before-tls");
    assert_eq!(login.unwrap().severity, Severity::Minor);
    assert!(codes(&report).contains(&"postmaster-missing"));
    let said = serving.await.unwrap();
    assert!(
        said.contains(&"*".to_owned()),
        "the login is called off: {said:?}"
    );
}
