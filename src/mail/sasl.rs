//! SASL as SMTP (RFC 4954) and IMAP (RFC 3501 6.2.2) speak it: the mechanisms that mail providers and old servers offer for
//! a password, and what each puts on the wire.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, Mac};
use md5::Md5;

/// Padding is written and, since some servers forget it, not insisted on.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616
    Plain,
    /// draft-murchison-sasl-login: what Outlook and Exchange speak.
    Login,
    /// RFC 2195
    CramMd5,
    /// OAuth 2 bearer token, as Google and Microsoft take it; the "password" is the token.
    Xoauth2,
}

impl Mechanism {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::CramMd5 => "CRAM-MD5",
            Self::Xoauth2 => "XOAUTH2",
        }
    }

    /// The best of the mechanisms that a password can be used with, out of those offered (upper case).
    pub fn choose(offered: &[String]) -> Option<Self> {
        [Self::Plain, Self::Login, Self::CramMd5]
            .into_iter()
            .find(|mechanism| offered.iter().any(|word| word == mechanism.name()))
    }
}

/// Base64 with padding (RFC 4648 section 4).
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    ENGINE.encode(bytes)
}

/// The bytes behind base64, or `None` when it is not that. Padding may be missing.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    ENGINE.decode(text.trim()).ok()
}

/// The one message of PLAIN, in base64: no authorisation identity, user, password.
pub fn plain(username: &str, password: &str) -> String {
    encode(format!("\0{username}\0{password}"))
}

/// The answer of CRAM-MD5 to a challenge (already out of its base64), in base64.
pub fn cram_md5(username: &str, password: &str, challenge: &[u8]) -> String {
    encode(format!(
        "{username} {}",
        cram_md5_digest(password, challenge)
    ))
}

/// HMAC-MD5 of the challenge under the password, in lower-case hex. Broken for anything but this: old servers offer nothing else.
pub fn cram_md5_digest(password: &str, challenge: &[u8]) -> String {
    // A key of any length is a key for HMAC: the other branch cannot come about.
    let Ok(mut mac) = Hmac::<Md5>::new_from_slice(password.as_bytes()) else {
        return String::new();
    };
    mac.update(challenge);
    let digest = mac.finalize().into_bytes();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The one message of XOAUTH2, in base64.
pub fn xoauth2(username: &str, token: &str) -> String {
    encode(format!("user={username}\x01auth=Bearer {token}\x01\x01"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded_and_read_without_padding_too() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v")] {
            assert_eq!(encode(plain), coded);
            for text in [coded, coded.trim_end_matches('='), &format!("{coded}\r\n")] {
                assert_eq!(decode(text).as_deref(), Some(plain.as_bytes()), "{text:?}");
            }
        }
        for wrong in ["no base64", "*", "Zm9v!A==", "===="] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_example_of_rfc_2195() {
        let challenge = b"<1896.697170952@postoffice.reston.mci.net>";
        let answer = cram_md5("tim", "tanstaaftanstaaf", challenge);
        assert_eq!(answer, encode("tim b913a602c7eda7a495b4e6e7334d3890"));
    }

    #[test]
    fn what_goes_over_the_wire() {
        assert_eq!(plain("user", "pass"), "AHVzZXIAcGFzcw==");
        assert_eq!(
            decode(&xoauth2("user", "token")).as_deref(),
            Some(&b"user=user\x01auth=Bearer token\x01\x01"[..])
        );
    }

    #[test]
    fn the_simplest_mechanism_that_takes_a_password_is_chosen() {
        let offered = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        for (words, wanted) in [
            (&["CRAM-MD5", "LOGIN", "PLAIN"][..], Some(Mechanism::Plain)),
            (&["CRAM-MD5", "LOGIN"], Some(Mechanism::Login)),
            (&["NTLM", "CRAM-MD5"], Some(Mechanism::CramMd5)),
            (&["XOAUTH2", "NTLM"], None),
            (&[], None),
        ] {
            assert_eq!(Mechanism::choose(&offered(words)), wanted, "{words:?}");
        }
    }
}
