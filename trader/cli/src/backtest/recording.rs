//! The dataset of a backtest: candidates, and what the model says of each order.

use std::path::Path;
use std::sync::Arc;

use triptych_backtest::Told;
use triptych_backtest::orders::{Happened, OrderEvent};
use triptych_dataset::executions::{ExecutionEvent, ExecutionRow, Fill, OrderFacts};
use triptych_engine::Engine;
use triptych_engine::event::InstrumentId;
use triptych_fill_model::{EndReason, Execution};

use crate::failure::Failure;
use crate::recorder::Recorder;

/// Writes the dataset of a backtest.
pub(super) struct Recording {
    recorder: Recorder,
    /// By number of the instrument.
    symbols: Vec<Arc<str>>,
}

impl Recording {
    pub(super) fn open(directory: &Path, engine: &Engine) -> Result<Self, Failure> {
        let mut symbols: Vec<_> = engine.instruments().collect();
        symbols.sort_by_key(|instrument| instrument.id);
        Ok(Self {
            recorder: Recorder::open(directory, "R", "backtest", engine)?,
            symbols: symbols
                .iter()
                .map(|instrument| Arc::clone(&instrument.symbol))
                .collect(),
        })
    }

    /// Takes what was told; nothing more once the dataset has ended, of which [`Self::close`] says why.
    pub(super) fn take(&self, told: &Told<'_>) {
        let _ = match told {
            Told::Candidate(candidate) => self.recorder.append(candidate),
            Told::Order(event) => {
                let row = row(event, self.symbol(event.order.instrument));
                self.recorder.append_execution(row)
            }
        };
    }

    fn symbol(&self, instrument: InstrumentId) -> Arc<str> {
        Arc::clone(&self.symbols[instrument.index()])
    }

    pub(super) fn close(self) -> Result<(), Failure> {
        self.recorder.close()?;
        Ok(())
    }
}

fn row(event: &OrderEvent<'_>, instrument: Arc<str>) -> ExecutionRow {
    let order = event.order;
    ExecutionRow {
        order: OrderFacts {
            candidate_id: order.key.candidate,
            purpose: order.key.purpose,
            strategy: Arc::clone(&order.strategy),
            instrument,
            live_ratio: None,
            client_order_id: event.id.0.to_string().into(),
            side: order.side,
            limit: order.limit(),
            touch: order.touch,
            quantity: order.quantity,
        },
        venue_order_id: None,
        event: match &event.happened {
            Happened::Sent => ExecutionEvent::Sent,
            Happened::Filled { execution, .. } => ExecutionEvent::Filled(fill(execution)),
            Happened::Ended(reason) => ended(*reason),
        },
        filled_quantity: event.filled,
        ts_event: None,
        ts_recv: event.at,
    }
}

fn fill(execution: &Execution) -> Fill {
    Fill {
        venue_trade_id: None,
        price: execution.price,
        quantity: execution.quantity,
        liquidity: execution.liquidity,
        fee: execution.fee,
        fee_asset: None,
    }
}

/// The trader cancels what rests too long or is left over; the venue ends what finds no more.
fn ended(reason: EndReason) -> ExecutionEvent {
    match reason {
        EndReason::BookExhausted => ExecutionEvent::Expired(reason.name().into()),
        EndReason::Expired | EndReason::EndOfRecording => {
            ExecutionEvent::Cancelled(reason.name().into())
        }
    }
}
