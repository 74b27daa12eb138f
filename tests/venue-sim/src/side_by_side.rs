//! What both personas did, beside each other, for a person.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::statement::{StatedFill, Statement};

/// A table of a live and a demo account. Given a moment, in milliseconds since 1970, it also says how long after
/// it the latest order and the latest cancellation reached the venue.
pub(crate) fn side_by_side(live: &Statement, demo: &Statement, since: Option<i64>) -> String {
    let both = |of: &dyn Fn(&Statement) -> String| [of(live), of(demo)];
    let mut rows = vec![
        ("", ["live".to_owned(), "demo".to_owned()]),
        ("orders", both(&|account| account.orders.to_string())),
        (
            "open orders",
            both(&|account| account.open_orders.to_string()),
        ),
        ("fills", both(&|account| account.fills.to_string())),
    ];
    if let Some(since) = since {
        let after =
            |at: Option<i64>| at.map_or("none".to_owned(), |at| format!("{:+} ms", at - since));
        rows.push(("last order", both(&|account| after(account.last_order_at))));
        rows.push((
            "last cancellation",
            both(&|account| after(account.last_cancellation_at)),
        ));
    }
    let latest = live.latest_fills.len().max(demo.latest_fills.len());
    for place in 0..latest {
        let title = if place == 0 { "latest fills" } else { "" };
        let fill =
            |account: &Statement| account.latest_fills.get(place).map_or(String::new(), line);
        rows.push((title, both(&fill)));
    }
    aligned(&rows)
}

fn line(fill: &StatedFill) -> String {
    let StatedFill {
        symbol,
        side,
        price,
        quantity,
        at,
        ..
    } = fill;
    let time = Timestamp::from_millisecond(*at).map(|at| at.strftime("%H:%M:%S%.3f").to_string());
    let time = time.unwrap_or_else(|_| at.to_string());
    format!("{time} {side} {quantity} {symbol} at {price}")
}

fn aligned(rows: &[(&str, [String; 2])]) -> String {
    let titles = rows.iter().map(|(title, _)| title.len()).max();
    let live = rows.iter().map(|(_, [live, _])| live.len()).max();
    let (titles, live_width) = (titles.unwrap_or_default(), live.unwrap_or_default());
    let mut text = String::new();
    for (title, [live, demo]) in rows {
        let row = format!("{title:titles$}  {live:live_width$}  {demo}");
        // A String takes everything.
        let _ = writeln!(text, "{}", row.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::statement::Statement;

    fn statement(orders: usize, last_order_at: Option<i64>, fills: &[&str]) -> Statement {
        let fill = |quantity: &&str| StatedFill::sample(quantity);
        Statement {
            uid: 1,
            balances: Map::new(),
            orders,
            open_orders: 0,
            fills: fills.len(),
            last_order_at,
            last_cancellation_at: None,
            latest_fills: fills.iter().map(fill).collect(),
        }
    }

    #[test]
    fn both_accounts_stand_beside_each_other_and_times_count_from_the_moment_that_was_given() {
        let live = statement(2, Some(1_041), &["0.1"]);
        let demo = statement(10, None, &["1", "2"]);
        let shown = side_by_side(&live, &demo, Some(1_000));
        assert_eq!(
            shown,
            "                   live                                 demo
orders             2                                    10
open orders        0                                    0
fills              1                                    2
last order         +41 ms                               none
last cancellation  none                                 none
latest fills       00:00:01.000 BUY 0.1 BTCUSDT at 100  00:00:01.000 BUY 1 BTCUSDT at 100
                                                        00:00:01.000 BUY 2 BTCUSDT at 100
"
        );
        assert!(!side_by_side(&live, &demo, None).contains("last order"));
    }
}
