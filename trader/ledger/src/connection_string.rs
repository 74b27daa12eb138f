//! The connection string, from the files of a mounted Secret.

use std::path::Path;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use zeroize::Zeroizing;

use crate::error::LedgerError;
use crate::tls::Tls;

/// Key of the Secret that holds the connection string.
pub const CONNECTION_KEY: &str = "connection";

/// Key of the Secret that holds the authorities of the server's certificate, as PEM, where browsers do not trust them.
pub const AUTHORITIES_KEY: &str = "ca.crt";

/// How a server is reached. It shows nothing of itself.
pub(crate) struct ConnectionString {
    pub(crate) settings: Config,
    pub(crate) tls: Tls,
}

impl ConnectionString {
    /// Reads the files of a folder.
    ///
    /// The connection is encrypted and the server's certificate checked, unless the string says `sslmode=disable`:
    /// `prefer` is `require` here, because somebody on the line could answer that there is no encryption.
    pub(crate) fn read(folder: &Path) -> Result<Self, LedgerError> {
        let path = folder.join(CONNECTION_KEY);
        let text = std::fs::read_to_string(&path)
            .map(Zeroizing::new)
            .map_err(|reason| LedgerError::Unreadable {
                path: path.clone(),
                key: CONNECTION_KEY,
                reason,
            })?;
        // The parser's error may quote a part of a password that holds a space.
        let mut settings: Config = text
            .trim()
            .parse()
            .map_err(|_| LedgerError::NoConnectionString(path.clone()))?;
        if settings.get_hosts().is_empty() && settings.get_hostaddrs().is_empty() {
            return Err(LedgerError::NoConnectionString(path));
        }
        if settings.get_ssl_mode() == SslMode::Prefer {
            settings.ssl_mode(SslMode::Require);
        }
        if settings.get_application_name().is_none() {
            settings.application_name("triptych-ledger");
        }
        settings.connect_timeout(Duration::from_secs(5));
        let tls = Tls::trusting(&folder.join(AUTHORITIES_KEY))?;
        Ok(Self { settings, tls })
    }
}
