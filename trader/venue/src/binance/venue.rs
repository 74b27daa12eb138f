//! What W and R ask of a venue, asked of Binance.

use std::time::Duration;

use http::Method;
use triptych_engine::event::Timestamp;

use super::answers::NO_SUCH_ORDER;
use super::messages::{AccountMessage, OrderMessage, PermissionsMessage, TimeMessage};
use super::parameters::{self, Parameters};
use super::{Binance, Call};
use crate::account::{Balance, KeyPermissions};
use crate::account_stream::follow;
use crate::allowance::Use;
use crate::attempt::of_another_order;
use crate::clock::{ClockOffset, Moment};
use crate::lock::lock;
use crate::order::{ClientOrderId, NewOrder, OrderReport, VenueTrade, VenueTradeId};
use crate::outcome::{NotSent, QueryError, Sent, Unclear};
use crate::venue::{Notice, RequestTime, Venue};

/// Most fills that are asked for at once; the venue gives no more.
const MOST_TRADES: u32 = 1_000;

/// Wait before a failed measurement of the clock is made again.
const CLOCK_RETRY: Duration = Duration::from_secs(1);

/// An accepted order or cancellation must be of the order that was named.
fn of_that_order(
    sent: Sent<OrderReport>,
    symbol: &str,
    order: &ClientOrderId,
) -> Sent<OrderReport> {
    match sent {
        Sent::Accepted(report) => match of_another_order(&report, symbol, order) {
            Some(why) => Sent::Unknown(Unclear::Undecided(why)),
            None => Sent::Accepted(report),
        },
        other => other,
    }
}

impl Venue for Binance {
    async fn place(&self, order: &NewOrder, time: RequestTime) -> Sent<OrderReport> {
        if let Err(why) = lock(&self.clock).offset(Moment::now()) {
            return Sent::NotSent(NotSent::Clock(why));
        }
        let call = Call::new(Use::Order, Method::POST, "/api/v3/order", 1);
        let sent = self.act(call, parameters::of_order(order), time).await;
        of_that_order(sent, &order.symbol, &order.client_order_id)
    }

    async fn cancel(
        &self,
        symbol: &str,
        order: &ClientOrderId,
        time: RequestTime,
    ) -> Sent<OrderReport> {
        let call = Call::new(Use::Cancellation, Method::DELETE, "/api/v3/order", 1);
        let parameters = Parameters::default()
            .with("symbol", symbol)
            .with("origClientOrderId", order);
        let sent = self.act(call, parameters, time).await;
        of_that_order(sent, symbol, order)
    }

    async fn order(
        &self,
        symbol: &str,
        order: &ClientOrderId,
    ) -> Result<Option<OrderReport>, QueryError> {
        let call = Call::question("/api/v3/order", 4);
        let parameters = Parameters::default()
            .with("symbol", symbol)
            .with("origClientOrderId", order);
        match self.ask::<OrderMessage>(call, parameters).await {
            Ok(message) => {
                let report = OrderReport::from(message);
                match of_another_order(&report, symbol, order) {
                    Some(why) => Err(QueryError::Malformed(why)),
                    None => Ok(Some(report)),
                }
            }
            Err(QueryError::Refused(refusal)) if refusal.code == NO_SUCH_ORDER => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn open_orders(&self, symbol: &str) -> Result<Vec<OrderReport>, QueryError> {
        let call = Call::question("/api/v3/openOrders", 6);
        let parameters = Parameters::default().with("symbol", symbol);
        let orders: Vec<OrderMessage> = self.ask(call, parameters).await?;
        Ok(orders.into_iter().map(Into::into).collect())
    }

    async fn trades(
        &self,
        symbol: &str,
        after: Option<&VenueTradeId>,
    ) -> Result<Vec<VenueTrade>, QueryError> {
        let from: u64 = match after {
            None => 0,
            Some(VenueTradeId(text)) => text
                .parse::<u64>()
                .ok()
                .and_then(|id| id.checked_add(1))
                .ok_or_else(|| {
                QueryError::Malformed(format!("{text:?} is no fill of this venue"))
            })?,
        };
        let parameters = Parameters::default()
            .with("symbol", symbol)
            .with("fromId", from)
            .with("limit", MOST_TRADES);
        self.trades_of(parameters).await
    }

    async fn newest_trade(&self, symbol: &str) -> Result<Option<VenueTrade>, QueryError> {
        let parameters = Parameters::default()
            .with("symbol", symbol)
            .with("limit", 1);
        Ok(self.trades_of(parameters).await?.pop())
    }

    async fn balances(&self) -> Result<Vec<Balance>, QueryError> {
        let call = Call::question("/api/v3/account", 20);
        let parameters = Parameters::default().with("omitZeroBalances", true);
        let account: AccountMessage = self.ask(call, parameters).await?;
        Ok(account.balances.into_iter().map(Into::into).collect())
    }

    /// The testnet answers no such question, and it is refused there: only a live key needs it.
    async fn key_permissions(&self) -> Result<KeyPermissions, QueryError> {
        let call = Call::question("/sapi/v1/account/apiRestrictions", 1);
        let permissions: PermissionsMessage = self.ask(call, Parameters::default()).await?;
        Ok(permissions.into())
    }

    async fn time(&self) -> Result<Timestamp, QueryError> {
        let call = Call::question("/api/v3/time", 1);
        let time: TimeMessage = self.question(call, Parameters::default()).await?;
        Ok(Timestamp::from_milliseconds(time.server_time))
    }

    async fn measure_clock(&self) -> Result<ClockOffset, QueryError> {
        let sent = Moment::now();
        let venue = self.time().await?;
        lock(&self.clock)
            .measure(sent, Moment::now(), venue)
            .map_err(QueryError::Unavailable)
    }

    /// At once where the venue found a time wrong.
    async fn keep_clock(&self) {
        loop {
            let wait = match self.measure_clock().await {
                Ok(_) => self.clock_age / 4,
                Err(QueryError::Throttled { retry_after }) => retry_after,
                Err(_) => CLOCK_RETRY,
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.clock_is_wrong.notified() => {}
            }
        }
    }

    async fn follow_account(&self, tell: impl Fn(Notice) + Send + Sync) {
        follow(self, &self.credentials, self.stream, &tell).await;
    }
}
