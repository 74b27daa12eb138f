//! Reads from a ledger what the next records may change.

use std::str::FromStr;
use std::sync::Arc;

use triptych_engine::decimal::{NOTIONAL_DECIMALS, Notional};
use triptych_engine::event::Timestamp;
use triptych_venue::{ClientOrderId, VenueOrderId};

use crate::book::{Book, Position};
use crate::error::LedgerError;
use crate::order_state::{Order, State};
use crate::schema::whole;
use crate::session::{Row, Session};

/// The columns of [`Order`], in its order.
macro_rules! orders_where {
    ($condition:literal) => {
        concat!(
            "SELECT client_order_id, state, reason, cancel_reason, venue_order_id, \
             CAST(filled_quantity AS TEXT), CAST(filled_value AS TEXT), \
             CAST(filled_at_venue AS TEXT), CAST(changed_position AS TEXT), \
             CAST(changed_ns AS TEXT) FROM orders WHERE ",
            $condition
        )
    };
}

/// The position of the last record in the ledger.
pub(crate) fn progress(session: &mut dyn Session) -> Result<i64, LedgerError> {
    let rows = session.rows("SELECT CAST(position AS TEXT) FROM progress", &[])?;
    whole(
        rows.first().and_then(|row| row[0].as_deref()),
        "progress.position",
    )
}

/// Every position, and every order that has not ended.
pub(crate) fn book(session: &mut dyn Session) -> Result<Book, LedgerError> {
    let mut book = Book::default();
    for row in session.rows(
        "SELECT symbol, CAST(quantity AS TEXT), CAST(value AS TEXT) FROM positions",
        &[],
    )? {
        let mut columns = Columns(row.into_iter());
        let symbol: Arc<str> = columns.text("positions.symbol")?.into();
        let held = Position {
            quantity: columns.value("positions.quantity")?,
            value: columns.notional("positions.value")?,
        };
        book.positions.insert(symbol, held);
    }
    let open = session.rows(
        orders_where!("state IN ('Intended', 'Working', 'Unknown')"),
        &[],
    )?;
    for row in open {
        insert(&mut book, row)?;
    }
    Ok(book)
}

/// Puts an order into the book, where the ledger has it.
pub(crate) fn look_up(
    session: &mut dyn Session,
    book: &mut Book,
    id: &ClientOrderId,
) -> Result<(), LedgerError> {
    let found = session.rows(orders_where!("client_order_id = $1"), &[id.as_str().into()])?;
    found.into_iter().try_for_each(|row| insert(book, row))
}

fn insert(book: &mut Book, row: Row) -> Result<(), LedgerError> {
    let mut columns = Columns(row.into_iter());
    let id: String = columns.text("orders.client_order_id")?;
    let id = ClientOrderId::new(&id).map_err(|_| damaged("orders.client_order_id", &id))?;
    let state = columns.text("orders.state")?;
    let order = Order {
        state: State::named(&state).ok_or_else(|| damaged("orders.state", &state))?,
        reason: columns.next().map(Into::into),
        cancel_reason: columns.next().map(Into::into),
        venue_order_id: columns.next().map(|id| VenueOrderId(id.into())),
        filled: columns.value("orders.filled_quantity")?,
        filled_value: columns.notional("orders.filled_value")?,
        filled_at_venue: columns
            .next()
            .map(|text| parsed(&text, "orders.filled_at_venue"))
            .transpose()?,
        changed_position: columns.value("orders.changed_position")?,
        changed: Timestamp::from_nanoseconds(columns.value("orders.changed_ns")?),
    };
    book.orders.insert(id, order);
    Ok(())
}

/// The columns of a row, one after the other.
struct Columns(std::vec::IntoIter<Option<String>>);

impl Columns {
    fn next(&mut self) -> Option<String> {
        self.0.next().flatten()
    }

    fn text(&mut self, column: &'static str) -> Result<String, LedgerError> {
        self.next().ok_or_else(|| damaged(column, "NULL"))
    }

    fn value<T: FromStr>(&mut self, column: &'static str) -> Result<T, LedgerError> {
        parsed(&self.text(column)?, column)
    }

    fn notional(&mut self, column: &'static str) -> Result<Notional, LedgerError> {
        let text = self.text(column)?;
        notional(&text).ok_or_else(|| damaged(column, &text))
    }
}

fn damaged(column: &'static str, value: &str) -> LedgerError {
    LedgerError::Damaged {
        column,
        value: value.to_owned(),
    }
}

fn parsed<T: FromStr>(text: &str, column: &'static str) -> Result<T, LedgerError> {
    text.parse().map_err(|_| damaged(column, text))
}

/// A value with all the decimals of a product, which [`Notional::parse`] does not take from a venue.
fn notional(text: &str) -> Option<Notional> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let width = NOTIONAL_DECIMALS as usize;
    if fraction.len() > width {
        return None;
    }
    let units = format!("{whole}{fraction:0<width$}").parse().ok()?;
    Some(Notional::from_units(units))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_value_is_read_as_it_was_written(units in any::<i128>()) {
            let value = Notional::from_units(units);
            prop_assert_eq!(notional(&value.to_string()), Some(value));
        }
    }
}
