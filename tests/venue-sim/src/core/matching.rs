//! What changes a symbol: fills, expiries, triggers, and the crowd's moves.

use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::{Side, Timestamp};
use triptych_fill_model::{QueuePlace, resting_at};

use super::event::{Execution, Fill, OrderReport, Prevention, PublicTrade, VenueEvent};
use super::ledger::{AccountId, Amount, AssetId, Exchange, Ledger, value_of};
use super::order::{
    ExpiryReason, Instruction, MarketSize, Order, OrderId, OrderStatus, SelfTradePrevention,
    TimeInForce,
};
use super::resting::Resting;
use super::sweep::{Step, Sweep, Taker, Wanted, opposite};
use super::symbol_market::{SymbolMarket, SymbolStatus};

/// What there is to tell, and whose balances changed since it was last told.
#[derive(Debug, Clone, Default)]
pub(crate) struct EventLog {
    pub(crate) events: Vec<VenueEvent>,
    executions: u64,
    touched: Vec<AccountId>,
}

/// One symbol, the ledger and the log at one moment.
pub(crate) struct Matching<'a> {
    pub(crate) market: &'a mut SymbolMarket,
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) log: &'a mut EventLog,
    pub(crate) at: Timestamp,
}

/// What must stay locked for an order as it is.
pub(crate) fn lock_needed(order: &Order) -> Amount {
    if !order.status.is_open() {
        return Amount::ZERO;
    }
    match (order.side, order.instruction) {
        (_, Instruction::Market(_)) | (Side::Buy, Instruction::ConditionalMarket { .. }) => {
            Amount::ZERO
        }
        (Side::Sell, _) => order.left(),
        (Side::Buy, instruction) => instruction
            .limit_price()
            .map_or(Amount::ZERO, |price| value_of(price, order.left())),
    }
}

impl Matching<'_> {
    /// What this order would do now.
    pub(crate) fn sweep_of(&self, order: &Order) -> Sweep {
        let wanted = match order.instruction {
            Instruction::Market(MarketSize::Quote(amount)) => Wanted::Quote(amount),
            _ => Wanted::Base(order.left()),
        };
        let taker = Taker {
            account: order.account,
            side: order.side,
            wanted,
            limit: order.instruction.limit_price(),
            prevention: order.self_trade_prevention,
        };
        Sweep::of(&taker, self.market)
    }

    /// Puts an order to work: it takes what the sweep says, and what is left waits or expires.
    pub(crate) fn work(&mut self, id: OrderId, sweep: &Sweep) {
        let order = self.market.order(id);
        let (side, instruction, quantity) = (order.side, order.instruction, order.left());
        if instruction.time_in_force() == TimeInForce::FillOrKill && !sweep.fills(quantity) {
            return self.expire(id, ExpiryReason::UnfilledFillOrKill);
        }
        self.take(id, sweep);
        if !self.market.order(id).status.is_open() {
            return;
        }
        match (instruction.limit_price(), instruction.time_in_force()) {
            (None, _) => self.expire(id, ExpiryReason::InsufficientLiquidity),
            (_, TimeInForce::ImmediateOrCancel) => {
                self.expire(id, ExpiryReason::UnfilledImmediateOrCancel);
            }
            (Some(price), _) => {
                let level = resting_at(&self.market.crowd, side, price);
                let place = QueuePlace::at_the_end_of(level.units());
                let resting = Resting { order: id, place };
                self.market.resting.join(side, price, resting);
                self.market.update_id += 1;
            }
        }
    }

    fn take(&mut self, id: OrderId, sweep: &Sweep) {
        if sweep.steps.is_empty() {
            return;
        }
        let side = self.market.order(id).side;
        self.market.taker_number += 1;
        for step in &sweep.steps {
            match *step {
                Step::Crowd { price, quantity } => {
                    self.market.taken.take(side, price, quantity.units());
                    for resting in self.market.resting.queue_mut(opposite(side), price) {
                        resting.place.trade(quantity.units());
                    }
                    let trade_id = self.publish_trade(side, price, quantity);
                    self.fill_against_crowd(id, price, quantity, false, trade_id);
                }
                Step::Own {
                    maker,
                    price,
                    quantity,
                } => {
                    let trade_id = self.publish_trade(side, price, quantity);
                    self.fill(maker, price, quantity, true, trade_id);
                    self.fill(id, price, quantity, false, trade_id);
                }
                Step::Prevented { maker, price } => self.prevent(id, maker, price),
            }
        }
        self.market.update_id += 1;
    }

    /// Two orders of one account met.
    fn prevent(&mut self, taker: OrderId, maker: OrderId, price: Price) {
        self.market.prevented_matches += 1;
        let mode = self.market.order(taker).self_trade_prevention;
        if mode != SelfTradePrevention::ExpireTaker {
            self.expire_in_match(maker, taker, price);
        }
        // A market order in the quote asset is filled with what it found before.
        if mode != SelfTradePrevention::ExpireMaker && self.market.order(taker).status.is_open() {
            self.expire_in_match(taker, maker, price);
        }
    }

    fn expire_in_match(&mut self, id: OrderId, counter_order: OrderId, price: Price) {
        let prevention = Prevention {
            id: self.market.prevented_matches,
            counter_order,
            quantity: self.market.order(id).left(),
            price,
        };
        let order = self.market.order_mut(id);
        order.prevented =
            Quantity::from_units(order.prevented.units() + prevention.quantity.units());
        order.prevented_match = Some(prevention.id);
        self.close(id, OrderStatus::ExpiredInMatch);
        self.report(id, Execution::Prevented(prevention));
    }

    /// Ends an order by its rules or the venue's.
    pub(crate) fn expire(&mut self, id: OrderId, reason: ExpiryReason) {
        self.close(id, OrderStatus::Expired(reason));
        self.report(id, Execution::Expired);
    }

    /// The order is open no more, and what was locked for it is free.
    pub(crate) fn close(&mut self, id: OrderId, status: OrderStatus) {
        let asset = self.locked_asset(self.market.order(id).side);
        let order = self.market.order_mut(id);
        order.status = status;
        order.updated = self.at;
        let locked = std::mem::take(&mut order.locked);
        let account = order.account;
        self.ledger.unlock(account, asset, locked);
        self.market.forget_open(id);
        self.market.update_id += 1;
    }

    /// What is locked for orders of a side.
    pub(crate) fn locked_asset(&self, side: Side) -> AssetId {
        match side {
            Side::Buy => self.market.rules().quote,
            Side::Sell => self.market.rules().base,
        }
    }

    pub(super) fn fill_against_crowd(
        &mut self,
        id: OrderId,
        price: Price,
        quantity: Quantity,
        is_maker: bool,
        trade_id: u64,
    ) {
        let (base, quote) = (self.market.rules().base, self.market.rules().quote);
        let value = value_of(price, quantity);
        match self.market.order(id).side {
            Side::Buy => self.ledger.crowd_trades((quote, value), (base, quantity)),
            Side::Sell => self.ledger.crowd_trades((base, quantity), (quote, value)),
        }
        self.fill(id, price, quantity, is_maker, trade_id);
    }

    /// One order's side of a trade: balances, the order itself, the report.
    fn fill(
        &mut self,
        id: OrderId,
        price: Price,
        quantity: Quantity,
        is_maker: bool,
        trade_id: u64,
    ) {
        let (base, quote) = (self.market.rules().base, self.market.rules().quote);
        let value = value_of(price, quantity);
        let at = self.at;
        let order = self.market.order_mut(id);
        let (account, side) = (order.account, order.side);
        order.executed = Quantity::from_units(order.executed.units() + quantity.units());
        order.executed_quote = Amount::from_units(order.executed_quote.units() + value.units());
        order.updated = at;
        order.status = if order.left().is_zero() {
            OrderStatus::Filled
        } else {
            OrderStatus::PartiallyFilled
        };
        let needed = lock_needed(order);
        let unlocks = Amount::from_units(order.locked.units() - needed.units());
        order.locked = needed;
        let is_filled = order.status == OrderStatus::Filled;
        let rates = self.ledger.account(account).rates;
        let (gives, gets) = match side {
            Side::Buy => ((quote, value), (base, quantity)),
            Side::Sell => ((base, quantity), (quote, value)),
        };
        let exchange = Exchange {
            gives,
            gets,
            unlocks,
            rate: if is_maker { rates.maker } else { rates.taker },
        };
        let fill = Fill {
            trade_id,
            order: id,
            account,
            side,
            price,
            quantity,
            value,
            commission: self.ledger.exchange(account, &exchange),
            commission_asset: gets.0,
            is_maker,
            at,
        };
        self.market.fills.push(fill);
        if is_filled {
            self.market.forget_open(id);
        }
        self.market.update_id += 1;
        self.report(id, Execution::Trade(fill));
    }

    pub(super) fn publish_trade(
        &mut self,
        aggressor: Side,
        price: Price,
        quantity: Quantity,
    ) -> u64 {
        self.market.trade_id += 1;
        let trade = PublicTrade {
            id: self.market.trade_id,
            taker: self.market.taker_number,
            price,
            quantity,
            aggressor,
            at: self.at,
        };
        self.market.statistics.add(trade);
        self.log.events.push(VenueEvent::Trade {
            symbol: self.market.id,
            trade,
        });
        trade.id
    }

    /// Tells what happened to an order.
    pub(crate) fn report(&mut self, id: OrderId, execution: Execution) {
        self.log.executions += 1;
        let order = self.market.order(id).clone();
        if !self.log.touched.contains(&order.account) {
            self.log.touched.push(order.account);
        }
        self.log
            .events
            .push(VenueEvent::Order(Box::new(OrderReport {
                execution_id: self.log.executions,
                order,
                execution,
                at: self.at,
            })));
    }

    /// The number of the last report.
    pub(crate) fn last_execution_id(&self) -> u64 {
        self.log.executions
    }

    /// After every request and every move of the crowd: triggered orders go to work, and accounts hear
    /// of their balances.
    pub(crate) fn settle(&mut self) {
        if self.market.status == SymbolStatus::Trading {
            while let Some(id) = self.next_triggered() {
                self.trigger(id);
            }
        }
        let assets = vec![self.market.rules().base, self.market.rules().quote];
        for account in std::mem::take(&mut self.log.touched) {
            self.log.events.push(VenueEvent::Balances {
                account,
                assets: assets.clone(),
                at: self.at,
            });
        }
    }

    fn next_triggered(&self) -> Option<OrderId> {
        let last = self.market.statistics.last_price()?;
        self.market.waiting.iter().copied().find(|id| {
            let order = self.market.order(*id);
            order
                .instruction
                .trigger()
                .is_some_and(|trigger| trigger.is_met(order.side, last))
        })
    }

    fn trigger(&mut self, id: OrderId) {
        self.market.waiting.retain(|waiting| *waiting != id);
        let order = self.market.order_mut(id);
        order.working_since = Some(self.at);
        order.updated = self.at;
        let order = order.clone();
        let sweep = self.sweep_of(&order);
        let free = self
            .ledger
            .account(order.account)
            .balance(self.market.rules().quote)
            .free;
        let is_unfunded = order.side == Side::Buy && order.locked.is_zero() && sweep.value > free;
        if is_unfunded {
            return self.expire(id, ExpiryReason::Rejected);
        }
        self.report(id, Execution::New);
        self.work(id, &sweep);
    }
}
