//! Who else is told what the journal took: dataset, ledger and status.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use tracing::{info, warn};
use triptych_dataset::background::Record as DatasetRecord;
use triptych_dataset::executions::ExecutionRow;
use triptych_ledger::Follower;
use triptych_market_data::clock::now;
use triptych_orders::own_orders::OwnOrders;
use triptych_orders::path::Draft;
use triptych_orders::record::Entry;
use triptych_venue::ClientOrderId;

use super::rows;
use super::status::{ExecutionStatus, PositionStatus};

/// Longest time for the ledger to take the last records at the end; it catches up at the next start.
const LEDGER_PATIENCE: Duration = Duration::from_secs(2);

/// Positions that the status shows.
const MOST_POSITIONS: usize = 32;

/// Everybody who keeps books.
pub(crate) struct Books {
    pub(crate) status: Arc<ExecutionStatus>,
    pub(crate) rows: SyncSender<DatasetRecord>,
    pub(crate) ledger: Follower,
    pub(crate) symbols: Vec<Arc<str>>,
    /// Place of the journal's last record.
    pub(crate) last: u64,
}

impl Books {
    /// The dataset takes what it lacks of the journal's records.
    pub(crate) fn catch_up(&self, entries: &[Entry], dataset: &Path) {
        match rows::missing(entries, dataset) {
            Ok(rows) if rows.is_empty() => {}
            Ok(rows) => {
                info!(
                    rows = rows.len(),
                    "the dataset takes what it lacks of the journal"
                );
                for row in rows {
                    self.write(row);
                }
            }
            Err(error) => warn!(%error, "what the dataset lacks of the journal is not known"),
        }
    }

    /// The journal took this, and it is on the disk.
    pub(crate) fn take(&mut self, entry: &Entry, own: &OwnOrders) {
        self.status.count(&entry.record);
        self.last = entry.sequence;
        let order = entry.record.order();
        let own = order.and_then(|order| own.get(order.as_str()));
        if let Some(row) = own.and_then(|own| rows::row(entry, own)) {
            self.write(row);
        }
        self.ledger.ring();
    }

    /// An order is on its way.
    pub(crate) fn sent(&self, order: &ClientOrderId, own: &OwnOrders) {
        if let Some(own) = own.get(order.as_str()) {
            self.write(rows::sent(own, now()));
        }
    }

    /// An order is not sent.
    pub(crate) fn withheld(&self, draft: &Draft, reason: &str) {
        self.status.count_withheld();
        self.write(rows::withheld(draft, format!("withheld: {reason}"), now()));
    }

    /// How everything stands.
    pub(crate) fn stand(&self, own: &OwnOrders) {
        let held = self.symbols.iter().map(|symbol| (symbol, own.net(symbol)));
        let positions = held
            .filter(|(_, quantity)| !quantity.is_zero())
            .take(MOST_POSITIONS)
            .map(|(symbol, quantity)| PositionStatus {
                symbol: symbol.to_string(),
                quantity: quantity.to_string(),
            });
        self.status
            .stand(positions.collect(), own.unsettled().count());
        self.status
            .ledger(self.ledger.standing().written, self.last);
    }

    /// Orders never wait for the dataset: a row that finds its queue full is lost, and counted.
    fn write(&self, row: ExecutionRow) {
        let record = DatasetRecord::Execution(Box::new(row));
        if self.rows.try_send(record).is_err() {
            self.status.count_lost_row();
        }
    }

    /// The ledger takes what it lacks, if it does so soon.
    pub(crate) fn close(self) {
        if !self.ledger.stop(LEDGER_PATIENCE) {
            warn!("the ledger lacks the journal's last records, and takes them at the next start");
        }
    }
}
