//! Owners against scripted name servers and registries on loopback.
#![allow(clippy::unwrap_used)]

mod questions;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::actions::testing::{NameServer, Zone, carry_out_through};
use crate::actions::{ActionError, Report};
use crate::probes::{DnsSettings, HttpSettings, ProbeSettings, Probes, SystemClock};
use crate::record::StepOutcome;
use crate::site::{Contact, Site};

/// A web server of fixed answers: path to status line, further header lines and body. Anything else is 404.
struct Web {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

type Pages = BTreeMap<String, (&'static str, String, String)>;

impl Web {
    /// Serves what `pages` makes of the server's own address.
    async fn serve(pages: impl FnOnce(SocketAddr) -> Pages) -> Web {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let pages = pages(address);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut heard = vec![0; 4096];
                let length = stream.read(&mut heard).await.unwrap();
                let request = String::from_utf8_lossy(&heard[..length]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                log.lock().unwrap().push(path.clone());
                let missing = ("404 Not Found", String::new(), String::new());
                let (status, headers, body) = pages.get(&path).unwrap_or(&missing);
                let answer = format!(
                    "HTTP/1.1 {status}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Web { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

const ZONE: &str = "
25.113.0.203.in-addr.arpa PTR mail.example.org
113.0.203.in-addr.arpa SOA ns1.isp.example hostmaster.isp.example
113.0.203.in-addr.arpa NS ns2.isp.example
113.0.203.in-addr.arpa NS ns1.isp.example
26.113.0.203.in-addr.arpa CNAME 26.ptr.example.org
26.ptr.example.org PTR mail.example.org
ptr.example.org SOA ns.example.org hostmaster.example.org
28.113.0.203.in-addr.arpa SERVFAIL
27.2.0.192.in-addr.arpa NODATA
192.in-addr.arpa SOA ns.registry.example dns.registry.example
9.100.51.198.in-addr.arpa SERVFAIL
100.51.198.in-addr.arpa SERVFAIL
";

fn network() -> String {
    let card = |role: &str, name: &str, email: &str| {
        json!({"objectClassName": "entity", "roles": [role], "vcardArray": ["vcard",
            [["fn", {}, "text", name], ["email", {}, "text", email]]]})
    };
    json!({"objectClassName": "ip network", "startAddress": "203.0.113.0", "endAddress": "203.0.113.255",
        "handle": "NET-1", "name": "EXAMPLE-NET", "country": "IT", "entities": [
            card("registrant", "Example Telecom", "office@isp.example"), card("abuse", "Abuse", "abuse@isp.example")]})
    .to_string()
}

/// A folder of bootstrap files on this server, with its registry beside it.
fn bootstrap(address: SocketAddr) -> (String, (&'static str, String, String)) {
    let body = format!(
        r#"{{"services": [[["203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24"], ["http://{address}/registry/"]]]}}"#
    );
    (
        "/rdap/ipv4.json".to_owned(),
        ("200 OK", String::new(), body),
    )
}

fn site() -> Site {
    Site {
        id: "lab".to_owned(),
        name: "The office".to_owned(),
        laboratory: true,
        domains: vec!["example.org".to_owned()],
        ..Site::default()
    }
}

async fn look_up(site: &Site, args: Value) -> Result<Report, ActionError> {
    let server = NameServer::serve(Zone::read(ZONE)).await;
    let settings = ProbeSettings {
        dns: DnsSettings {
            servers: vec![server.address],
            ..DnsSettings::default()
        },
        http: HttpSettings {
            use_proxy: false,
            ..HttpSettings::default()
        },
        ..ProbeSettings::default()
    };
    let probes = Probes::new(settings, Arc::new(SystemClock)).unwrap();
    carry_out_through(&probes, "owner.lookup", site, args).await
}

#[tokio::test]
async fn the_reverse_zone_says_who_sets_the_name() {
    for (address, set_by, zone, in_detail) in [
        (
            "203.0.113.25",
            "operator",
            json!("113.0.203.in-addr.arpa"),
            "served by ns1.isp.example, ns2.isp.example, contact hostmaster@isp.example",
        ),
        ("203.0.113.26", "site", json!("ptr.example.org"), "RFC 2317"),
        (
            "192.0.2.27",
            "operator",
            json!("192.in-addr.arpa"),
            "the registry's",
        ),
        ("198.51.100.9", "unknown", Value::Null, "could not be told"),
        (
            "100.64.0.1",
            "operator",
            Value::Null,
            "no reverse zone is set up",
        ),
    ] {
        let report = look_up(&site(), json!({"addresses": address}))
            .await
            .unwrap();
        let ptr = &report.outputs["addresses"][0]["ptr"];
        assert_eq!(ptr["set_by"], set_by, "{ptr:#}");
        assert_eq!(ptr["zone"], zone, "{ptr:#}");
        assert!(
            ptr["detail"].as_str().unwrap().contains(in_detail),
            "{ptr:#}"
        );
        let expected = match set_by {
            "unknown" => StepOutcome::Unknown,
            _ => StepOutcome::Good,
        };
        assert_eq!(report.outcome, expected, "{address}");
    }
}

/// A registry that knows the network of 203.0.113.25.
async fn one_network() -> Web {
    Web::serve(|address| {
        Pages::from([
            bootstrap(address),
            (
                "/registry/ip/203.0.113.25".to_owned(),
                ("200 OK", String::new(), network()),
            ),
        ])
    })
    .await
}

#[tokio::test]
async fn the_registry_says_who_holds_the_network() {
    let web = one_network().await;
    let args =
        json!({"addresses": "203.0.113.25", "rdap": format!("http://{}/rdap/", web.address)});
    let report = look_up(&site(), args).await.unwrap();
    let view = &report.outputs["addresses"][0];
    assert_eq!(report.outcome, StepOutcome::Good, "{view:#}");
    assert_eq!(view["network"]["holder"], "Example Telecom");
    assert_eq!(view["network"]["abuse"], json!(["abuse@isp.example"]));
    assert_eq!(view["ask"]["email"], "office@isp.example");
    assert_eq!(view["ask"]["who"], "Example Telecom");
    assert_eq!(
        web.asked(),
        ["/rdap/ipv4.json", "/registry/ip/203.0.113.25"]
    );
}

#[tokio::test]
async fn the_operator_in_the_site_file_goes_before_the_registry() {
    let mut site = site();
    site.contacts.isp = Some(Contact {
        name: "Example Lines".to_owned(),
        ..Contact::default()
    });
    let report = look_up(&site, json!({"addresses": "203.0.113.25"}))
        .await
        .unwrap();
    let ask = &report.outputs["addresses"][0]["ask"];
    assert_eq!(
        (&ask["who"], &ask["email"]),
        (&json!("Example Lines"), &json!("hostmaster@isp.example"))
    );
    let report = look_up(&site, json!({"addresses": "203.0.113.26"}))
        .await
        .unwrap();
    assert_eq!(
        report.outputs["addresses"][0]["ask"]["who"],
        "the administrator of The office"
    );
}

#[tokio::test]
async fn an_answer_that_cannot_be_had_is_unknown_and_says_why() {
    type Page = fn(SocketAddr) -> (&'static str, String, String);
    let cases: [(Page, &str, usize); 5] = [
        (
            |_| {
                (
                    "429 Too Many",
                    "retry-after: 60\r\n".to_owned(),
                    String::new(),
                )
            },
            "come back after 60 seconds",
            2,
        ),
        (
            |_| {
                (
                    "404 Not Found",
                    String::new(),
                    r#"{"title": "No match"}"#.to_owned(),
                )
            },
            "knows no such network (No match)",
            2,
        ),
        (
            |_| ("200 OK", String::new(), "{}".to_owned()),
            "not about a network",
            2,
        ),
        (
            |_| {
                (
                    "302 Found",
                    "location: http://127.0.0.1:9/ip/1\r\n".to_owned(),
                    String::new(),
                )
            },
            "is no registry of the list",
            2,
        ),
        (
            |address| {
                (
                    "302 Found",
                    format!("location: http://{address}/registry/ip/203.0.113.25\r\n"),
                    String::new(),
                )
            },
            "in a circle",
            5,
        ),
    ];
    for (page, expected, questions) in cases {
        let web = Web::serve(|address| {
            Pages::from([
                bootstrap(address),
                ("/registry/ip/203.0.113.25".to_owned(), page(address)),
            ])
        })
        .await;
        let args =
            json!({"addresses": "203.0.113.25", "rdap": format!("http://{}/rdap", web.address)});
        let report = look_up(&site(), args).await.unwrap();
        let network = &report.outputs["addresses"][0]["network"];
        assert_eq!(report.outcome, StepOutcome::Unknown, "{network:#}");
        assert!(
            network["detail"].as_str().unwrap().contains(expected),
            "{network:#}"
        );
        assert_eq!(web.asked().len(), questions, "{expected}");
    }
}

#[tokio::test]
async fn who_wanted_no_registry_to_be_asked_is_told() {
    let mut site = site();
    let report = look_up(&site, json!({"addresses": "203.0.113.25", "rdap": "none"}))
        .await
        .unwrap();
    assert_eq!(
        report.outputs["registries"],
        "the argument 'rdap' says none"
    );
    site.rdap = Some("none".to_owned());
    let report = look_up(&site, json!({"addresses": "203.0.113.25"}))
        .await
        .unwrap();
    assert_eq!(
        report.outputs["registries"],
        "'rdap' in the site file says none"
    );
}

#[tokio::test]
async fn a_name_that_could_not_be_asked_about_may_be_an_alias() {
    let report = look_up(&site(), json!({"addresses": "203.0.113.28"}))
        .await
        .unwrap();
    let ptr = &report.outputs["addresses"][0]["ptr"];
    assert_eq!(report.outcome, StepOutcome::Unknown);
    assert_eq!(ptr["set_by"], "unknown", "{ptr:#}");
    assert_eq!(ptr["zone"], "113.0.203.in-addr.arpa", "{ptr:#}");
    let detail = ptr["detail"].as_str().unwrap();
    for expected in [
        "whether the name was handed on by an alias",
        "28.113.0.203.in-addr.arpa",
        "113.0.203.in-addr.arpa is served by ns1.isp.example, ns2.isp.example, contact hostmaster@isp.example",
    ] {
        assert!(detail.contains(expected), "{detail}");
    }
}

#[tokio::test]
async fn a_registry_that_moved_the_block_sends_on_to_another() {
    let web = Web::serve(|address| {
        let to = format!("location: http://{address}/other/ip/203.0.113.25\r\n");
        Pages::from([
            bootstrap(address),
            (
                "/registry/ip/203.0.113.25".to_owned(),
                ("302 Found", to, String::new()),
            ),
            (
                "/other/ip/203.0.113.25".to_owned(),
                ("200 OK", String::new(), network()),
            ),
        ])
    })
    .await;
    let args =
        json!({"addresses": "203.0.113.25", "rdap": format!("http://{}/rdap/", web.address)});
    let report = look_up(&site(), args).await.unwrap();
    let network = &report.outputs["addresses"][0]["network"];
    assert_eq!(network["holder"], "Example Telecom", "{network:#}");
}

#[tokio::test]
async fn without_a_list_of_registries_none_is_asked() {
    let web = Web::serve(|_| Pages::new()).await;
    let args = json!({"addresses": ["203.0.113.25", "203.0.113.26"], "rdap": format!("http://{}/rdap", web.address)});
    let report = look_up(&site(), args).await.unwrap();
    let detail = report.outputs["addresses"][1]["network"]["detail"]
        .as_str()
        .unwrap();
    assert!(detail.contains("answers with status 404"), "{detail}");
    assert_eq!(report.outcome, StepOutcome::Unknown);
    assert_eq!(
        web.asked(),
        ["/rdap/ipv4.json"],
        "asked once for all addresses"
    );
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_refused_before_anything_is_asked() {
    for (args, expected) in [
        (json!({"addresses": "mail.example.org"}), "it is no address"),
        (
            json!({"addresses": "10.0.0.1"}),
            "cannot look up the owner of 10.0.0.1",
        ),
        (
            json!({"addresses": "203.0.113.25", "rdap": "rdap.example"}),
            "cannot use 'rdap.example' as 'rdap'",
        ),
    ] {
        let mut site = site();
        site.laboratory = args["addresses"] != "10.0.0.1";
        let error = look_up(&site, args).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.is_not_sent());
    }
}
