//! Parameters of a request: encoded first, signed as they are sent.

use std::fmt::{Display, Write as _};
use std::time::Duration;

use triptych_engine::event::{Side, Timestamp};

use crate::credentials::Credentials;
use crate::order::{NewOrder, OrderKind, TimeInForce};

/// A query that grows. What stands in it is encoded already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parameters(String);

impl Parameters {
    /// The same with one more. Everything but unreserved characters (RFC 3986) is encoded.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Display) -> Self {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        for byte in value.to_string().bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                self.0.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(self.0, "%{byte:02X}");
            }
        }
        self
    }

    /// The same with the time from which it holds, by the venue's clock, for how long, and its signature.
    pub(crate) fn signed(
        self,
        at: Timestamp,
        receive_window: Duration,
        credentials: &Credentials,
    ) -> Self {
        let stamped = self
            .with("recvWindow", receive_window.as_millis())
            .with("timestamp", at.nanoseconds().div_euclid(1_000_000));
        let signature = credentials.sign(&stamped.0);
        stamped.with("signature", signature)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A new order. The answer is asked for with what was filled at once.
pub(crate) fn of_order(order: &NewOrder) -> Parameters {
    let parameters = Parameters::default()
        .with("symbol", &order.symbol)
        .with("side", side(order.side))
        .with("type", kind(order.kind))
        .with("quantity", order.quantity)
        .with("newClientOrderId", &order.client_order_id)
        .with("newOrderRespType", "RESULT");
    match order.kind {
        OrderKind::Market => parameters,
        OrderKind::Limit {
            price,
            time_in_force,
        } => parameters
            .with("price", price)
            .with("timeInForce", waiting(time_in_force)),
        OrderKind::StopLoss { trigger } | OrderKind::TakeProfit { trigger } => {
            parameters.with("stopPrice", trigger)
        }
    }
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

const fn kind(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Market => "MARKET",
        OrderKind::Limit { .. } => "LIMIT",
        OrderKind::StopLoss { .. } => "STOP_LOSS",
        OrderKind::TakeProfit { .. } => "TAKE_PROFIT",
    }
}

const fn waiting(time_in_force: TimeInForce) -> &'static str {
    match time_in_force {
        TimeInForce::GoodTillCancel => "GTC",
        TimeInForce::ImmediateOrCancel => "IOC",
        TimeInForce::FillOrKill => "FOK",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::order::ClientOrderId;

    #[test]
    fn an_order_is_written_in_plain_decimals() {
        let limit = OrderKind::Limit {
            price: "61837.63".parse().unwrap(),
            time_in_force: TimeInForce::ImmediateOrCancel,
        };
        let trigger = "0.00000001".parse().unwrap();
        let common = "side=SELL&type={}&quantity=92233720368.54775807&newClientOrderId=t-1&newOrderRespType=RESULT";
        for (kind, name, rest) in [
            (OrderKind::Market, "MARKET", ""),
            (limit, "LIMIT", "&price=61837.63&timeInForce=IOC"),
            (
                OrderKind::StopLoss { trigger },
                "STOP_LOSS",
                "&stopPrice=0.00000001",
            ),
            (
                OrderKind::TakeProfit { trigger },
                "TAKE_PROFIT",
                "&stopPrice=0.00000001",
            ),
        ] {
            let order = NewOrder {
                client_order_id: ClientOrderId::new("t-1").unwrap(),
                symbol: "BTCUSDT".into(),
                side: Side::Sell,
                kind,
                quantity: triptych_engine::decimal::Quantity::MAX,
            };
            let expected = format!("symbol=BTCUSDT&{}{rest}", common.replace("{}", name));
            assert_eq!(of_order(&order).as_str(), expected);
        }
    }

    proptest! {
        /// No value becomes a second parameter, a second line or another value.
        #[test]
        fn a_value_stays_one_value(value in any::<String>()) {
            let written = Parameters::default().with("a", &value).with("b", 1);
            let text = written.as_str();
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert_eq!(text.matches('&').count(), 1);
            let encoded = text.strip_prefix("a=").and_then(|rest| rest.strip_suffix("&b=1")).unwrap();
            let mut bytes = Vec::new();
            let mut rest = encoded.bytes();
            while let Some(byte) = rest.next() {
                if byte == b'%' {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    let digits = std::str::from_utf8(&digits).unwrap();
                    bytes.push(u8::from_str_radix(digits, 16).unwrap());
                } else {
                    bytes.push(byte);
                }
            }
            prop_assert_eq!(bytes, value.into_bytes());
        }
    }
}
