//! The name the server itself says: in the greeting of its SMTP port (RFC 5321 §4.3.1), usually the one it uses with HELO.
//!
//! What the site file says is a belief; what the server says is a fact, and it changes when somebody mends it.

use std::net::SocketAddr;
use std::time::Duration;

use crate::actions::Context;
use crate::probes::smtp::Endpoint;

/// A greeting has no work to do before it is sent; a server that takes longer is not waited for here.
const PATIENCE: Duration = Duration::from_secs(10);

/// A name and the server that said it.
pub(super) struct Said {
    /// The name.
    pub(super) name: String,
    /// Host of the site file.
    pub(super) host: String,
}

/// Asks the site's first server. `None` when there is none, or it cannot be reached or read from here.
pub(super) async fn ask(context: &Context<'_>) -> Option<Said> {
    let server = context.site.servers.first()?;
    let address = match server.address {
        Some(address) => address,
        None => *context.probes.dns.a(&server.host).await.addresses().first()?,
    };
    let port = server.ports.first().copied().unwrap_or(25);
    context.progress.note(&format!("asking {} for its name", server.host));
    let endpoint = Endpoint::new(&server.host, SocketAddr::new(address, port)).with_implicit_tls(port == 465);
    let mut session = context.probes.smtp.with_reply_cap(PATIENCE).session(endpoint);
    let greeting = session.open().await.ok()?;
    session.quit().await;
    if !greeting.is_positive() {
        return None;
    }
    let name = greeting.lines.first()?.split_whitespace().next()?.to_owned();
    // Firewalls that mask the greeting say nothing about the server.
    let masked = name.chars().filter(|c| *c == '*' || *c == 'X').count() * 2 > name.len();
    (!masked).then(|| Said { name, host: server.host.clone() })
}
