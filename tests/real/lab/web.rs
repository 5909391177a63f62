//! A web server that speaks TLS: one address, many hosts, each with a certificate and an answer of its own.

use super::{Lab, certificates::Certificate};

/// A host of the server.
pub(crate) struct Host {
    /// The name that clients ask for.
    pub(crate) name: String,
    /// What it shows.
    pub(crate) certificate: Certificate,
    /// Status line, header lines and an empty line, then the body; with nothing at all it stays silent.
    pub(crate) answer: String,
}

const SERVER: &str = r#"
import json, socket, ssl, sys, threading, time
address, hosts = sys.argv[1], json.load(open(sys.argv[2]))
contexts = {}
for host in hosts:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(host["chain"])
    contexts[host["name"]] = (context, host["answer"])
def choose(connection, name, first):
    connection.context = contexts[name][0]
    connection.asked = name
first = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
first.sni_callback = choose
def serve(plain):
    try:
        with first.wrap_socket(plain, server_side=True) as connection:
            heard = b""
            while b"\r\n\r\n" not in heard:
                part = connection.recv(4096)
                if not part: return
                heard += part
            print(connection.asked, heard.split(b"\r\n")[0].decode(), flush=True)
            answer = contexts[connection.asked][1]
            if not answer:
                connection.recv(1)
                return
            connection.sendall(answer.encode())
    except (OSError, KeyError) as error:
        print("connection ended:", error, flush=True)
listener = socket.create_server((address, 443))
print("listening", flush=True)
while True:
    plain, _ = listener.accept()
    threading.Thread(target=serve, args=(plain,), daemon=True).start()
"#;

impl Lab {
    /// Serves these hosts by HTTPS at `at`, and waits until the server answers. Its log (`https`) names who asked for what.
    pub(crate) fn https(&self, at: &str, hosts: &[Host]) {
        let told: Vec<_> = hosts
            .iter()
            .map(|host| {
                serde_json::json!({
                    "name": host.name,
                    "chain": host.certificate.chain,
                    "answer": host.answer,
                })
            })
            .collect();
        let name = "https";
        let script = self.write("https/server.py", SERVER);
        let told = self.write("https/hosts.json", &serde_json::to_string(&told).unwrap());
        let arguments = [script.to_str().unwrap(), at, told.to_str().unwrap()];
        self.start(name, "python3", &arguments, &[]);
        self.wait_for_port(name, at, 443);
    }
}
