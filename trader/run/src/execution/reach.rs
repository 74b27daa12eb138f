//! Before the first question of the order path: the venue's clock, and what the key may do.

use std::time::Duration;

use tokio::time::sleep;
use tracing::warn;
use triptych_venue::{AccountSide, KeyPermissions, QueryError, Venue};

use super::status::{ExecutionStatus, Phase};

/// Wait before a question is repeated.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Asks until the venue's clock is known and, for W, what its key may do. The error says why it must not trade.
pub(crate) async fn reach<V: Venue>(
    venue: &V,
    side: AccountSide,
    status: &ExecutionStatus,
) -> Result<(), String> {
    while let Err(error) = venue.measure_clock().await {
        status.come_to(Phase::Connecting, &error.to_string());
        sleep(ASK_AGAIN).await;
    }
    // Demo keys have no funds to take away, and the venue's demonstrations do not answer that question.
    if side == AccountSide::Demo {
        return Ok(());
    }
    loop {
        match venue.key_permissions().await {
            Ok(may) => return judge(may),
            Err(QueryError::Refused(refusal)) => {
                return Err(format!("what the API key may do: {refusal}"));
            }
            Err(error) => {
                status.come_to(Phase::Connecting, &error.to_string());
                sleep(ASK_AGAIN).await;
            }
        }
    }
}

fn judge(may: KeyPermissions) -> Result<(), String> {
    if may.withdraw {
        return Err(
            "the API key may withdraw funds, so it does not trade: make a key without that right \
                    and put it into the account's Secret"
                .to_owned(),
        );
    }
    if !may.trade {
        return Err("the API key may not trade: give it that right at the venue".to_owned());
    }
    if !may.restricted_to_addresses {
        warn!(
            "the API key may be used from every address: list this cluster's addresses at the venue"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_key_that_may_withdraw_or_not_trade_is_refused() {
        for (withdraw, trade, restricted_to_addresses, refused) in [
            (false, true, true, None),
            (false, true, false, None),
            (true, true, true, Some("withdraw")),
            (true, false, true, Some("withdraw")),
            (false, false, true, Some("may not trade")),
        ] {
            let judged = judge(KeyPermissions {
                withdraw,
                trade,
                restricted_to_addresses,
            });
            match refused {
                None => assert_eq!(judged, Ok(())),
                Some(why) => assert!(judged.unwrap_err().contains(why)),
            }
        }
    }
}
