//! A private certificate authority and the certificates it signs, made by `openssl`.

use std::path::PathBuf;

use super::{Lab, Side};

/// A certificate with its key.
pub(crate) struct Certificate {
    /// PEM file with the key and then the certificate, as Postfix's `smtpd_tls_chain_files` wants it.
    pub(crate) chain: PathBuf,
    /// PEM file of the certificate alone.
    pub(crate) certificate: PathBuf,
    /// PEM file of the key alone.
    pub(crate) key: PathBuf,
}

/// When a certificate is valid, `YYYYMMDDHHMMSSZ` from and to.
pub(crate) const VALID: [&str; 2] = ["20200101000000Z", "20991231235959Z"];
/// A validity that is over.
pub(crate) const EXPIRED: [&str; 2] = ["20200101000000Z", "20200131000000Z"];

impl Lab {
    /// The certificate authority's own certificate; made at the first call.
    pub(crate) fn authority(&self) -> PathBuf {
        let certificate = self.path("ca/ca.pem");
        if certificate.exists() {
            return certificate;
        }
        self.write("ca/index.txt", "");
        self.write("ca/serial", "1000\n");
        self.write(
            "ca/ca.conf",
            &format!(
                "[ca]\ndefault_ca = lab\n\
                 [lab]\nnew_certs_dir = {folder}\ndatabase = {folder}/index.txt\nserial = {folder}/serial\n\
                 default_md = sha256\npolicy = any\nunique_subject = no\ncopy_extensions = copy\n\
                 x509_extensions = leaf\n\
                 [leaf]\nbasicConstraints = critical, CA:FALSE\nextendedKeyUsage = serverAuth\n\
                 [any]\ncommonName = supplied\n\
                 [req]\ndistinguished_name = name\n[name]\n\
                 [authority]\nbasicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign, cRLSign\n\
                 subjectKeyIdentifier = hash\n",
                folder = self.path("ca").display()
            ),
        );
        self.key_and(&[
            "-x509",
            "-extensions",
            "authority",
            "-days",
            "3650",
            "-subj",
            "/CN=Laboratory authority",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
        ]);
        certificate
    }

    /// A server certificate for `host`, signed by the laboratory's authority, valid from and to as given.
    pub(crate) fn certificate(&self, file: &str, host: &str, [from, to]: [&str; 2]) -> Certificate {
        self.authority();
        let [request, key, pem] = ["csr", "key", "pem"].map(|end| format!("{file}.{end}"));
        self.key_and(&[
            "-new",
            "-subj",
            &format!("/CN={host}"),
            "-addext",
            &format!("subjectAltName=DNS:{host}"),
            "-keyout",
            &key,
            "-out",
            &request,
        ]);
        self.openssl(&[
            "ca",
            "-batch",
            "-notext",
            "-config",
            "ca.conf",
            "-cert",
            "ca.pem",
            "-keyfile",
            "ca.key",
            "-startdate",
            from,
            "-enddate",
            to,
            "-in",
            &request,
            "-out",
            &pem,
        ]);
        self.made(file)
    }

    /// A certificate that nobody but itself has signed.
    pub(crate) fn self_signed(&self, file: &str, host: &str) -> Certificate {
        self.authority();
        self.key_and(&[
            "-x509",
            "-extensions",
            "authority",
            "-days",
            "365",
            "-subj",
            &format!("/CN={host}"),
            "-addext",
            &format!("subjectAltName=DNS:{host}"),
            "-keyout",
            &format!("{file}.key"),
            "-out",
            &format!("{file}.pem"),
        ]);
        self.made(file)
    }

    /// What was made by this name.
    fn made(&self, file: &str) -> Certificate {
        let [key, certificate] = ["key", "pem"].map(|end| self.path(format!("ca/{file}.{end}")));
        let both = [&key, &certificate].map(|path| std::fs::read_to_string(path).unwrap());
        let chain = self.write(format!("ca/{file}.chain.pem"), &both.concat());
        Certificate {
            chain,
            certificate,
            key,
        }
    }

    /// `openssl req` with a new key.
    fn key_and(&self, more: &[&str]) {
        let mut all = vec!["req", "-config", "ca.conf", "-newkey", "ec", "-nodes"];
        all.extend(["-pkeyopt", "ec_paramgen_curve:P-256"]);
        all.extend(more);
        self.openssl(&all);
    }

    fn openssl(&self, arguments: &[&str]) {
        let folder = self.path("ca");
        let script = "cd \"$1\" && shift && exec openssl \"$@\"";
        let mut all = vec!["-c", script, "sh", folder.to_str().unwrap()];
        all.extend(arguments);
        super::program("openssl");
        self.run(Side::Servers, "sh", &all);
    }
}
