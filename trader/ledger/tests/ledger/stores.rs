//! The databases that every test runs on.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;
use triptych_ledger::{Place, Row};

/// How many databases were made.
static MADE: AtomicU32 = AtomicU32::new(0);

/// A kind of database.
pub(crate) struct Store {
    pub(crate) name: &'static str,
    folder: TempDir,
    #[cfg(feature = "postgres-tests")]
    server: Option<std::sync::Arc<crate::server::Server>>,
}

/// Each kind of database.
pub(crate) fn stores() -> Vec<Store> {
    let store = |name| Store {
        name,
        folder: tempfile::tempdir().unwrap(),
        #[cfg(feature = "postgres-tests")]
        server: None,
    };
    let sqlite = std::iter::once(store("SQLite"));
    #[cfg(feature = "postgres-tests")]
    let postgresql = crate::server::shared().map(|(name, server)| Store {
        server: Some(server),
        ..store(name)
    });
    #[cfg(not(feature = "postgres-tests"))]
    let postgresql = [];
    sqlite.chain(postgresql).collect()
}

impl Store {
    /// An empty database.
    pub(crate) fn empty(&self) -> Place {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path: PathBuf = self.folder.path().join(format!("ledger_{number}"));
        #[cfg(feature = "postgres-tests")]
        if let Some(server) = &self.server {
            server.schema(&format!("ledger_{number}"), &path);
            return Place::PostgreSql(path);
        }
        Place::Sqlite(path)
    }
}

/// Every row of a ledger, as texts, by table.
pub(crate) fn dump(place: &Place) -> Vec<(&'static str, Vec<Row>)> {
    let mut session = place.connect().unwrap();
    TABLES
        .map(|(table, query)| (table, session.rows(query, &[]).unwrap()))
        .into()
}

/// The rows of one table.
pub(crate) fn rows(place: &Place, table: &str) -> Vec<Row> {
    let mut tables = dump(place).into_iter();
    tables.find(|(name, _)| *name == table).unwrap().1
}

const TABLES: [(&str, &str); 7] = [
    (
        "ledger_owner",
        "SELECT instance_uid, account FROM ledger_owner",
    ),
    ("progress", "SELECT CAST(position AS TEXT) FROM progress"),
    (
        "order_events",
        "SELECT CAST(position AS TEXT), CAST(at_ns AS TEXT), event, client_order_id, record \
         FROM order_events ORDER BY order_events.position",
    ),
    (
        "orders",
        "SELECT client_order_id, candidate_id, purpose, strategy, symbol, side, kind, time_in_force, \
         CAST(limit_price AS TEXT), CAST(trigger_price AS TEXT), CAST(quantity AS TEXT), \
         CAST(touch_price AS TEXT), CAST(live_ratio AS TEXT), CAST(decided_ns AS TEXT), \
         CAST(takeable_until_ns AS TEXT), CAST(intended_position AS TEXT), state, reason, \
         cancel_reason, venue_order_id, CAST(filled_quantity AS TEXT), CAST(filled_value AS TEXT), \
         CAST(filled_at_venue AS TEXT), CAST(changed_position AS TEXT), CAST(changed_ns AS TEXT) \
         FROM orders ORDER BY orders.intended_position",
    ),
    (
        "fills",
        "SELECT CAST(position AS TEXT), trade_id, client_order_id, venue_order_id, symbol, side, \
         CAST(price AS TEXT), CAST(quantity AS TEXT), CAST(value AS TEXT), CAST(fee AS TEXT), \
         fee_asset, liquidity, CAST(venue_ns AS TEXT) FROM fills ORDER BY fills.position",
    ),
    (
        "positions",
        "SELECT symbol, CAST(quantity AS TEXT), CAST(value AS TEXT), CAST(changed_position AS TEXT) \
         FROM positions ORDER BY positions.changed_position",
    ),
    (
        "position_changes",
        "SELECT CAST(position AS TEXT), symbol, CAST(quantity_change AS TEXT), \
         CAST(value_change AS TEXT), CAST(quantity_after AS TEXT), CAST(value_after AS TEXT) \
         FROM position_changes ORDER BY position_changes.position",
    ),
];
