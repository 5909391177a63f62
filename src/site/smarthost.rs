//! How what the site file says about its smarthost is read: one way for all who connect there.

use super::{Smarthost, Tls};

/// Ports that submission servers listen on, best first.
const USUAL_PORTS: [u16; 4] = [587, 465, 25, 2525];

/// A host as it is written in connectors (`[smtp.example.com]`, `smtp.example.com.`), as it is looked up and compared: without
/// brackets, blanks and final dot, in lower case.
pub fn bare_host(written: &str) -> String {
    let host = written.trim().trim_matches(['[', ']']);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

impl Smarthost {
    /// Its name as it is looked up.
    pub fn bare_host(&self) -> String {
        bare_host(&self.host)
    }

    /// The ports to try, best first; never empty.
    pub fn ports_to_try(&self) -> &[u16] {
        match self.ports.as_slice() {
            [] => &USUAL_PORTS,
            ports => ports,
        }
    }
}

impl Tls {
    /// TLS from the first byte at this port of an SMTP server? Port 465 knows nothing else (RFC 8314 3.3).
    pub fn is_implicit_at(self, port: u16) -> bool {
        match self {
            Self::Implicit => true,
            Self::Auto | Self::Opportunistic => port == 465,
            Self::Starttls | Self::None => false,
        }
    }

    /// May no session go on in clear? Not where a password is to follow.
    pub fn is_required(self, with_login: bool) -> bool {
        match self {
            Self::Implicit | Self::Starttls => true,
            Self::Auto => with_login,
            Self::Opportunistic | Self::None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_the_same_however_it_is_written() {
        for written in [
            "smtp.example.com",
            "[SMTP.example.com]",
            " smtp.example.com. ",
        ] {
            assert_eq!(bare_host(written), "smtp.example.com", "{written:?}");
        }
    }

    #[test]
    fn how_a_port_is_secured() {
        // tls, port, from the first byte, needed without a login, needed with one
        for (tls, port, implicit, needed, with_login) in [
            (Tls::Auto, 465, true, false, true),
            (Tls::Auto, 587, false, false, true),
            (Tls::Opportunistic, 465, true, false, false),
            (Tls::Opportunistic, 25, false, false, false),
            (Tls::Implicit, 2525, true, true, true),
            (Tls::Starttls, 465, false, true, true),
            (Tls::None, 465, false, false, false),
        ] {
            let got = (
                tls.is_implicit_at(port),
                tls.is_required(false),
                tls.is_required(true),
            );
            assert_eq!(got, (implicit, needed, with_login), "{tls:?} {port}");
        }
    }

    #[test]
    fn ports_that_are_not_named_are_the_usual_ones() {
        let mut smarthost = Smarthost::default();
        assert_eq!(smarthost.ports_to_try(), USUAL_PORTS);
        smarthost.ports = vec![2587];
        assert_eq!(smarthost.ports_to_try(), [2587]);
    }
}
