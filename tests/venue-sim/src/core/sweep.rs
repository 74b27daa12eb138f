//! What an arriving order would do to the book: worked out before anything is changed.

use triptych_engine::decimal::{Price, Quantity, UNITS_PER_WHOLE};
use triptych_engine::event::Side;

use super::ledger::{AccountId, Amount, value_of};
use super::order::{OrderId, SelfTradePrevention};
use super::symbol_market::SymbolMarket;

/// How much an order still wants.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted {
    /// Of the base asset.
    Base(Quantity),
    /// As much as this amount of the quote asset is worth.
    Quote(Amount),
}

/// An order about to take from the book.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taker {
    pub(crate) account: AccountId,
    pub(crate) side: Side,
    pub(crate) wanted: Wanted,
    pub(crate) limit: Option<Price>,
    pub(crate) prevention: SelfTradePrevention,
}

/// One thing that it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It trades with the crowd.
    Crowd { price: Price, quantity: Quantity },
    /// It trades with the order of an account.
    Own {
        maker: OrderId,
        price: Price,
        quantity: Quantity,
    },
    /// It meets an order of its own account.
    Prevented { maker: OrderId, price: Price },
}

/// All that it does, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sweep {
    pub(crate) steps: Vec<Step>,
    /// What it trades, of the base asset.
    pub(crate) filled: Quantity,
    /// What that is worth.
    pub(crate) value: Amount,
    /// Whether meeting an own order ended it.
    pub(crate) is_ended: bool,
}

impl Sweep {
    /// Best price first; at a price, who came first.
    pub(crate) fn of(taker: &Taker, market: &SymbolMarket) -> Self {
        let mut walk = Walk {
            taker,
            market,
            wanted: taker.wanted,
            sweep: Self::default(),
        };
        for price in market.prices_against(taker.side) {
            let is_beyond = taker
                .limit
                .is_some_and(|limit| is_worse(taker.side, price, limit));
            if is_beyond || walk.wants_at(price) == 0 || walk.sweep.is_ended {
                break;
            }
            walk.level(price);
        }
        walk.sweep
    }

    /// Whether the whole quantity trades.
    pub(crate) fn fills(&self, quantity: Quantity) -> bool {
        self.filled == quantity
    }
}

/// Whether `price` is worse than `limit` for who trades on this side.
pub(crate) fn is_worse(side: Side, price: Price, limit: Price) -> bool {
    match side {
        Side::Buy => price > limit,
        Side::Sell => price < limit,
    }
}

/// The other side.
pub(crate) const fn opposite(side: Side) -> Side {
    match side {
        Side::Buy => Side::Sell,
        Side::Sell => Side::Buy,
    }
}

struct Walk<'a> {
    taker: &'a Taker,
    market: &'a SymbolMarket,
    wanted: Wanted,
    sweep: Sweep,
}

impl Walk<'_> {
    /// What it wants at a price, in units of 10⁻⁸ and whole lots.
    fn wants_at(&self, price: Price) -> i64 {
        match self.wanted {
            Wanted::Base(quantity) => quantity.units(),
            Wanted::Quote(amount) => {
                let units = i128::from(amount.units()) * i128::from(UNITS_PER_WHOLE)
                    / i128::from(price.units());
                let quantity = Quantity::from_units(i64::try_from(units).unwrap_or(i64::MAX));
                quantity.round_down_to(self.market.rules().lot.step).units()
            }
        }
    }

    /// The queue of one price: the crowd that came before an account's order, then that order, and so on.
    fn level(&mut self, price: Price) {
        let maker_side = opposite(self.taker.side);
        let crowd = self.market.crowd_available(self.taker.side, price).units();
        let mut crowd_used = 0;
        for resting in self.market.resting().queue(maker_side, price) {
            let ahead = resting.place.ahead().min(crowd) - crowd_used;
            crowd_used += self.take_crowd(price, self.market.whole_lots(ahead.max(0)));
            if self.wants_at(price) == 0 {
                return;
            }
            let maker = self.market.order(resting.order);
            let is_own = maker.account == self.taker.account;
            if is_own && self.taker.prevention != SelfTradePrevention::None {
                self.sweep.steps.push(Step::Prevented {
                    maker: maker.id,
                    price,
                });
                if self.taker.prevention != SelfTradePrevention::ExpireMaker {
                    self.sweep.is_ended = true;
                    return;
                }
            } else {
                let units = self.wants_at(price).min(maker.left().units());
                let quantity = Quantity::from_units(units);
                self.sweep.steps.push(Step::Own {
                    maker: maker.id,
                    price,
                    quantity,
                });
                self.note(price, quantity);
            }
        }
        self.take_crowd(price, crowd - crowd_used);
    }

    fn take_crowd(&mut self, price: Price, available: i64) -> i64 {
        let units = self.wants_at(price).min(available);
        if units > 0 {
            let quantity = Quantity::from_units(units);
            self.sweep.steps.push(Step::Crowd { price, quantity });
            self.note(price, quantity);
        }
        units.max(0)
    }

    fn note(&mut self, price: Price, quantity: Quantity) {
        let value = value_of(price, quantity);
        self.sweep.filled = Quantity::from_units(self.sweep.filled.units() + quantity.units());
        self.sweep.value = self.sweep.value.checked_add(value).unwrap_or(Amount::MAX);
        self.wanted = match self.wanted {
            Wanted::Base(left) => {
                Wanted::Base(Quantity::from_units(left.units() - quantity.units()))
            }
            Wanted::Quote(left) => Wanted::Quote(Amount::from_units(left.units() - value.units())),
        };
    }
}
