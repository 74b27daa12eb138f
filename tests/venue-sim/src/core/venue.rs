//! The venue: accounts trade symbols. Pure; the caller says what time it is.

use std::collections::HashMap;

use triptych_engine::decimal::Quantity;
use triptych_engine::event::{Event, Timestamp};

use super::event::{Execution, VenueEvent};
use super::ledger::{AccountId, Amount, AssetId, CommissionRates, Ledger};
use super::matching::{EventLog, Matching, lock_needed};
use super::order::{ExpiryReason, Order, OrderId, OrderStatus, SymbolId};
use super::refusal::{self, Refusal};
use super::requests::{
    Amended, Amendment, AmendmentRecord, Cancel, CancelRestriction, Canceled, OrderKey,
};
use super::rules::SymbolRules;
use super::symbol_market::{SymbolMarket, SymbolStatus};

/// A venue.
#[derive(Debug, Clone)]
pub struct Venue {
    symbols: Vec<SymbolMarket>,
    by_name: HashMap<String, SymbolId>,
    ledger: Ledger,
    log: EventLog,
    amendments: Vec<AmendmentRecord>,
    pub(super) names_given: u64,
}

impl Venue {
    /// A venue of these symbols, whose assets the ledger has.
    pub fn new(ledger: Ledger, rules: Vec<SymbolRules>) -> Self {
        let symbols: Vec<SymbolMarket> = rules
            .into_iter()
            .enumerate()
            .map(|(index, rules)| SymbolMarket::new(SymbolId(index), rules))
            .collect();
        let by_name = symbols
            .iter()
            .map(|market| (market.rules().symbol.as_str().to_owned(), market.id))
            .collect();
        Self {
            symbols,
            by_name,
            ledger,
            log: EventLog::default(),
            amendments: Vec::new(),
            names_given: 0,
        }
    }

    /// The symbol of this name.
    pub fn symbol(&self, name: &str) -> Option<SymbolId> {
        self.by_name.get(name).copied()
    }

    /// One symbol's market.
    pub fn market(&self, symbol: SymbolId) -> &SymbolMarket {
        &self.symbols[symbol.0]
    }

    /// Every symbol's market.
    pub fn markets(&self) -> impl Iterator<Item = &SymbolMarket> {
        self.symbols.iter()
    }

    /// The accounts and their balances.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Amendments of an order, oldest first.
    pub fn amendments(
        &self,
        symbol: SymbolId,
        order: OrderId,
    ) -> impl Iterator<Item = &AmendmentRecord> {
        self.amendments
            .iter()
            .filter(move |record| record.symbol == symbol && record.order == order)
    }

    /// Opens an account with these balances.
    pub fn open_account(
        &mut self,
        uid: u64,
        rates: CommissionRates,
        balances: &[(AssetId, Amount)],
    ) -> AccountId {
        let account = self.ledger.open(uid, rates);
        for (asset, amount) in balances {
            self.ledger.set_free(account, *asset, *amount);
        }
        account
    }

    /// Takes what there is to tell since this was asked last, in the order in which it happened.
    pub fn take_events(&mut self) -> Vec<VenueEvent> {
        std::mem::take(&mut self.log.events)
    }

    /// The recording or the generator moved a symbol's market.
    pub fn on_market_event(&mut self, symbol: SymbolId, event: &Event, at: Timestamp) {
        let mut matching = self.at(symbol, at);
        matching.crowd_event(event);
        matching.settle();
    }

    /// Cancels an open order.
    pub fn cancel(
        &mut self,
        account: AccountId,
        cancel: &Cancel,
        at: Timestamp,
    ) -> Result<Canceled, Refusal> {
        let order =
            self.find(account, cancel.symbol, &cancel.key)
                .map_err(|refused| match refused {
                    refused if refused == refusal::NO_SUCH_ORDER => refusal::UNKNOWN_ORDER,
                    other => other,
                })?;
        if !order.status.is_open() {
            return Err(refusal::UNKNOWN_ORDER);
        }
        let is_restricted = match cancel.restriction {
            Some(CancelRestriction::OnlyNew) => order.status != OrderStatus::New,
            Some(CancelRestriction::OnlyPartiallyFilled) => {
                order.status != OrderStatus::PartiallyFilled
            }
            None => false,
        };
        if is_restricted {
            return Err(refusal::RESTRICTED);
        }
        let id = order.id;
        let name = self.name_or_new(cancel.name.as_deref());
        let mut matching = self.at(cancel.symbol, at);
        matching.close(id, OrderStatus::Canceled);
        matching.report(id, Execution::Canceled(name.clone()));
        matching.settle();
        let order = self.market(cancel.symbol).order(id).clone();
        Ok(Canceled { order, name })
    }

    /// Cancels every open order of an account on a symbol; refused where there is none.
    pub fn cancel_all(
        &mut self,
        account: AccountId,
        symbol: SymbolId,
        at: Timestamp,
    ) -> Result<Vec<Canceled>, Refusal> {
        let open: Vec<OrderId> = self
            .market(symbol)
            .open_orders(account)
            .map(|order| order.id)
            .collect();
        if open.is_empty() {
            return Err(refusal::UNKNOWN_ORDER);
        }
        open.into_iter()
            .map(|id| {
                let cancel = Cancel {
                    symbol,
                    key: OrderKey::Id(id),
                    name: None,
                    restriction: None,
                };
                self.cancel(account, &cancel, at)
            })
            .collect()
    }

    /// Reduces the quantity of an open order, which keeps its place in the queue.
    pub fn amend(
        &mut self,
        account: AccountId,
        amendment: &Amendment,
        at: Timestamp,
    ) -> Result<Amended, Refusal> {
        let order = self
            .find(account, amendment.symbol, &amendment.key)
            .map_err(|refused| refused.under(-2038))?;
        if !order.status.is_open() {
            return Err(refusal::UNKNOWN_ORDER.under(-2038));
        }
        let (id, previous_name, previous_quantity) =
            (order.id, order.client_order_id.clone(), order.quantity);
        if amendment.quantity > previous_quantity {
            return Err(refusal::AMEND_INCREASES);
        }
        // What has traded cannot be taken back: less than that changes nothing either.
        if amendment.quantity == previous_quantity || amendment.quantity <= order.executed {
            return Err(refusal::AMEND_CHANGES_NOTHING);
        }
        self.market(amendment.symbol).rules().check_amendment(
            order.instruction,
            amendment.quantity,
            order.amendments,
        )?;
        let is_taken = amendment.name.as_deref().is_some_and(|name| {
            self.market(amendment.symbol)
                .find_by_name(account, name)
                .is_some_and(|other| other.id != id && other.status.is_open())
        });
        if is_taken {
            return Err(refusal::DUPLICATE_ORDER.under(-2038));
        }
        let name = self.name_or_new(amendment.name.as_deref());
        let mut matching = self.at(amendment.symbol, at);
        matching.amend(id, amendment.quantity, name.clone());
        matching.report(id, Execution::Replaced(previous_name.clone()));
        let execution_id = matching.last_execution_id();
        matching.settle();
        self.amendments.push(AmendmentRecord {
            symbol: amendment.symbol,
            order: id,
            execution_id,
            previous_name: previous_name.clone(),
            name,
            previous_quantity,
            quantity: amendment.quantity,
            at,
        });
        Ok(Amended {
            order: self.market(amendment.symbol).order(id).clone(),
            previous_name,
            execution_id,
        })
    }

    /// The order of an account that a key means.
    pub fn find(
        &self,
        account: AccountId,
        symbol: SymbolId,
        key: &OrderKey,
    ) -> Result<&Order, Refusal> {
        let market = self.market(symbol);
        let found = match key {
            OrderKey::Id(id) | OrderKey::Both(id, _) => market.find(*id),
            OrderKey::Name(name) => market.find_by_name(account, name),
        };
        let order = found
            .filter(|order| order.account == account)
            .ok_or(refusal::NO_SUCH_ORDER)?;
        match key {
            OrderKey::Both(_, name) if order.client_order_id != *name => {
                Err(refusal::NAME_IS_ANOTHERS)
            }
            _ => Ok(order),
        }
    }

    /// Opens or halts a symbol.
    pub fn set_status(&mut self, symbol: SymbolId, status: SymbolStatus, at: Timestamp) {
        let mut matching = self.at(symbol, at);
        matching.market.status = status;
        if status == SymbolStatus::Trading {
            matching.follow_book();
        }
        matching.settle();
    }

    /// Ends every open order of an account and gives it these balances and nothing else, as the venue
    /// does when it wipes a demo account.
    pub fn wipe(&mut self, account: AccountId, balances: &[(AssetId, Amount)], at: Timestamp) {
        for index in 0..self.symbols.len() {
            let symbol = SymbolId(index);
            let open: Vec<OrderId> = self
                .market(symbol)
                .open_orders(account)
                .map(|order| order.id)
                .collect();
            let mut matching = self.at(symbol, at);
            for id in open {
                matching.expire(id, ExpiryReason::ExchangeCanceled);
            }
            matching.settle();
        }
        let assets: Vec<AssetId> = self.ledger.assets().map(|(asset, _)| asset).collect();
        for asset in assets {
            let amount = balances
                .iter()
                .find(|(of, _)| *of == asset)
                .map_or(Amount::ZERO, |(_, amount)| *amount);
            let change = self.ledger.set_free(account, asset, amount);
            if change != 0 {
                self.log.events.push(VenueEvent::Deposit {
                    account,
                    asset,
                    change,
                    at,
                });
            }
        }
    }

    pub(super) fn at(&mut self, symbol: SymbolId, at: Timestamp) -> Matching<'_> {
        Matching {
            market: &mut self.symbols[symbol.0],
            ledger: &mut self.ledger,
            log: &mut self.log,
            at,
        }
    }
}

impl Matching<'_> {
    fn amend(&mut self, id: OrderId, quantity: Quantity, name: String) {
        let at = self.at;
        let order = self.market.order_mut(id);
        order.quantity = quantity;
        order.client_order_id.clone_from(&name);
        order.amendments += 1;
        order.updated = at;
        let needed = lock_needed(order);
        let unlocks = Amount::from_units(order.locked.units() - needed.units());
        order.locked = needed;
        let (account, side) = (order.account, order.side);
        let asset = self.locked_asset(side);
        self.ledger.unlock(account, asset, unlocks);
        self.market.rename(account, name, id);
        self.market.update_id += 1;
    }
}
