//! TLS as a client: the same implementation and provider as the AWS SDK's, and the machine's own roots.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::error::{Error, ErrorKind, Result};

/// A configuration that verifies the server and its name: against the roots in `root`, or else against the machine's, which are those of
/// `SSL_CERT_FILE` where it is set.
pub(super) fn client(root: Option<&Path>) -> Result<ClientConfig> {
    let certificates = match root {
        Some(path) => of_file(path)?,
        None => {
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                tracing::debug!(%error, "a root certificate was passed over");
            }
            found.certs
        }
    };
    let mut roots = RootCertStore::empty();
    let (valid, _) = roots.add_parsable_certificates(certificates);
    if valid == 0 {
        let message = "no root certificate is known, so no server can be verified: install ca-certificates, or name a file by SSL_CERT_FILE \
                       (of PostgreSQL: PGSSLROOTCERT)";
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::caused(ErrorKind::Configuration, "TLS cannot be set up", error))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn of_file(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).and_then(|found| found.collect::<std::result::Result<Vec<_>, _>>());
    read.map_err(|error| {
        Error::caused(
            ErrorKind::Configuration,
            format!("cannot read the root certificates in {}", path.display()),
            error,
        )
    })
}
