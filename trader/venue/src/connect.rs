//! A connection to one of an account's addresses, whatever is spoken on it.

use std::io;

use tokio::net::{TcpStream, lookup_host};

use crate::endpoint::Endpoint;
use crate::endpoints::TradingEndpoints;

/// The first address that answers, of those that this account may be connected to.
pub(crate) async fn connect(
    endpoints: &TradingEndpoints,
    endpoint: &Endpoint,
) -> io::Result<TcpStream> {
    let mut last = io::Error::other(format!("{endpoint} has no address"));
    for address in lookup_host((endpoint.host(), endpoint.port())).await? {
        if !endpoints.allows(address.ip()) {
            last = io::Error::other(format!(
                "{endpoint} is at {address}, a public address, and the account is simulated"
            ));
            continue;
        }
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
