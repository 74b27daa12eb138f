//! A portfolio: balances, positions, what they earned, and how much is at risk. Exact decimals only.
//!
//! All instruments of a revision share the quote asset. Positions follow the average-cost method;
//! profit is before fees, which are summed beside it. Open positions are valued at the middle of best
//! bid and ask. Exposure counts working orders at their worst: every order that makes it larger is
//! taken as filled, every other as not. Sums beyond the range of the exact decimals stay at its end.

mod arithmetic;
mod brackets;
mod holding;
mod position;
mod shadow;
mod snapshot;
#[cfg(test)]
mod tests;
mod trades;

use triptych_crds::config_revision::Portfolio as PortfolioSpec;

use crate::decimal::{DecimalError, Notional, Price, Quantity, Ratio};
use crate::event::{InstrumentId, Side, Timestamp};
use crate::market::Top;
use arithmetic::part_rounded_up;
pub use brackets::MAX_BRACKETS;
pub use holding::{Holding, Protection, Reached};
pub use position::Position;
pub use shadow::Shadow;
pub use snapshot::PortfolioSnapshot;
pub use trades::{CloseReason, ClosedTrade, ClosedTrades, MAX_CLOSED_TRADES};

/// Units in which a fee's basis points part a value: 10,000 basis points of 10⁸ units each.
const FEE_WHOLE: i128 = 1_000_000_000_000;

/// Which portfolio a verdict looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortfolioName {
    /// Takes what enforcing every rule lets through, as R does.
    Enforced,
    /// Takes every candidate as it was proposed.
    AllTaken,
    /// Takes what is left after the live ratio and the trading state: what this trader would hold.
    Taken,
}

impl PortfolioName {
    /// The name in the dataset.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enforced => "Enforced",
            Self::AllTaken => "AllTaken",
            Self::Taken => "Taken",
        }
    }
}

/// What a portfolio begins with, and what its trades cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Quote asset at the start.
    pub quote: Notional,
    /// Base assets at the start, by instrument.
    pub base: Vec<Quantity>,
    /// Fee of a trade, in basis points of its value; at most 10,000.
    pub taker_fee_basis_points: Ratio,
}

impl Account {
    /// Reads `spec.portfolio`; `symbols` are those of `spec.instruments`. A decimal that cannot be
    /// held comes with the path of its field.
    pub fn read(spec: &PortfolioSpec, symbols: &[&str]) -> Result<Self, (String, DecimalError)> {
        let at = |field: &str| {
            let path = format!("spec.portfolio.{field}");
            move |error| (path, error)
        };
        let mut base = vec![Quantity::ZERO; symbols.len()];
        for (index, balance) in spec.base_balances.iter().flatten().enumerate() {
            let quantity = balance
                .quantity
                .parse()
                .map_err(at(&format!("baseBalances[{index}].quantity")))?;
            if let Some(place) = symbols.iter().position(|known| *known == &*balance.symbol) {
                base[place] = quantity;
            }
        }
        Ok(Self {
            quote: spec.quote_balance.parse().map_err(at("quoteBalance"))?,
            base,
            taker_fee_basis_points: spec
                .taker_fee_basis_points
                .parse()
                .map_err(at("takerFeeBasisPoints"))?,
        })
    }

    /// The fee of a trade of this value, rounded up to 10⁻¹⁶.
    pub fn fee(&self, value: Notional) -> Notional {
        let part = i128::from(self.taker_fee_basis_points.units());
        Notional::from_units(part_rounded_up(value.units(), part, FEE_WHOLE))
    }
}

/// An order, or the part of one, that a portfolio is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// The instrument.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// The quantity; above zero.
    pub quantity: Quantity,
    /// The price that it is filled at, or at worst.
    pub price: Price,
}

/// How much is at risk, in the quote asset, with every working order at its worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exposure {
    /// Sizes of all positions added, long and short.
    pub gross: Notional,
    /// Longs minus shorts with every working purchase filled and no sale.
    pub net_high: Notional,
    /// Longs minus shorts with every working sale filled and no purchase.
    pub net_low: Notional,
}

impl Exposure {
    fn replace(&mut self, before: Self, now: Self) {
        let moved = |total: Notional, before: Notional, now: Notional| {
            Notional::from_units(
                total
                    .units()
                    .saturating_sub(before.units())
                    .saturating_add(now.units()),
            )
        };
        self.gross = moved(self.gross, before.gross, now.gross);
        self.net_high = moved(self.net_high, before.net_high, now.net_high);
        self.net_low = moved(self.net_low, before.net_low, now.net_low);
    }
}

/// Balances, positions and results.
#[derive(Debug, Clone)]
pub struct Portfolio {
    name: PortfolioName,
    account: Account,
    quote: Notional,
    reserved: Notional,
    positions: Vec<Position>,
    exposure: Exposure,
    realised: Notional,
    unrealised: Notional,
    fees: Notional,
    settled: Notional,
    trades: ClosedTrades,
}

impl Portfolio {
    /// A portfolio without positions; `account.base` has an entry for each instrument.
    pub fn new(name: PortfolioName, account: Account) -> Self {
        Self {
            name,
            quote: account.quote,
            reserved: Notional::ZERO,
            positions: vec![Position::default(); account.base.len()],
            exposure: Exposure::default(),
            realised: Notional::ZERO,
            unrealised: Notional::ZERO,
            fees: Notional::ZERO,
            settled: account.quote,
            trades: ClosedTrades::new(),
            account,
        }
    }

    /// A portfolio that nobody tells anything: that of a revision without `spec.portfolio`.
    pub fn untracked(name: PortfolioName) -> Self {
        Self {
            trades: ClosedTrades::none(),
            ..Self::new(
                name,
                Account {
                    quote: Notional::ZERO,
                    base: Vec::new(),
                    taker_fee_basis_points: Ratio::ZERO,
                },
            )
        }
    }

    /// Which portfolio it is.
    pub const fn name(&self) -> PortfolioName {
        self.name
    }

    /// The position in an instrument.
    pub fn position(&self, instrument: InstrumentId) -> Position {
        self.positions
            .get(instrument.index())
            .copied()
            .unwrap_or_default()
    }

    /// Trades that closed a position or a part of one, the newest last.
    pub const fn trades(&self) -> &ClosedTrades {
        &self.trades
    }

    /// What is at risk.
    pub const fn exposure(&self) -> Exposure {
        self.exposure
    }

    /// Quote asset that no working order is to be paid with.
    pub fn free_quote(&self) -> Notional {
        Notional::from_units(self.quote.units().saturating_sub(self.reserved.units()))
    }

    /// Base asset of an instrument that no working order is to be paid with.
    pub fn free_base(&self, instrument: InstrumentId) -> Quantity {
        let held = self.base_balance(instrument).units();
        let working = self.position(instrument).working_sales().units();
        Quantity::from_units(held.saturating_sub(working))
    }

    /// Base asset of an instrument: what was there at the start and the position.
    pub fn base_balance(&self, instrument: InstrumentId) -> Quantity {
        let start = self.account.base.get(instrument.index());
        let start = start.map_or(0, |quantity| quantity.units());
        Quantity::from_units(start.saturating_add(self.position(instrument).quantity().units()))
    }

    /// Quote balance at the start, and every profit, realised or not, minus fees.
    pub fn equity(&self) -> Notional {
        let units = self
            .account
            .quote
            .units()
            .saturating_add(self.realised.units())
            .saturating_add(self.unrealised.units())
            .saturating_sub(self.fees.units());
        Notional::from_units(units)
    }

    /// Fees of all trades.
    pub const fn fees(&self) -> Notional {
        self.fees
    }

    /// The equity before the first trade: the quote balance at the start.
    pub const fn equity_at_start(&self) -> Notional {
        self.account.quote
    }

    /// The quote balance at the start and the profit of every closed trade, fees counted.
    pub const fn settled(&self) -> Notional {
        self.settled
    }

    /// What a trade of this value costs.
    pub fn fee(&self, value: Notional) -> Notional {
        self.account.fee(value)
    }

    /// Whether an order only makes the position smaller, with every working order of its side filled
    /// before it.
    pub fn reduces(&self, instrument: InstrumentId, side: Side, quantity: Quantity) -> bool {
        self.position(instrument).is_reduced_by(side, quantity)
    }

    /// The exposure with one more working order, its instrument valued at this top of the book.
    pub fn exposure_with(&self, order: &Order, top: &Top) -> Exposure {
        let mut position = self.position(order.instrument);
        let before = position.exposure();
        position.mark(top);
        position.open(order.side, order.quantity);
        let mut exposure = self.exposure;
        exposure.replace(before, position.exposure());
        exposure
    }

    /// Values an instrument's position at this top of the book; whether that
    /// changed what the portfolio is worth or has at risk.
    pub fn mark(&mut self, instrument: InstrumentId, top: &Top) -> bool {
        let Some(position) = self.positions.get_mut(instrument.index()) else {
            return false;
        };
        if position.is_idle() {
            // Nothing is valued at it yet.
            position.mark(top);
            return false;
        }
        if position.is_marked_at(top) {
            return false;
        }
        self.change(instrument, |position| position.mark(top));
        true
    }

    /// An order is at work: what it may lead to counts from now on.
    pub fn open(&mut self, order: &Order) {
        self.change(order.instrument, |position| {
            position.open(order.side, order.quantity);
        });
        self.reserve(order, 1);
    }

    /// What is left of a working order is not at work any more: cancelled, rejected or expired. The
    /// price is the one that it was opened with.
    pub fn release(&mut self, order: &Order) {
        self.change(order.instrument, |position| {
            position.release(order.side, order.quantity);
        });
        self.reserve(order, -1);
    }

    /// A trade happened, for the stated fee. Returns what it closed of the position.
    ///
    /// The quantity of a working order is to be [released](Self::release) beside.
    pub fn fill(
        &mut self,
        fill: &Order,
        reason: CloseReason,
        now: Timestamp,
    ) -> Option<ClosedTrade> {
        let fee = self.fee(fill.price.notional(fill.quantity));
        self.fill_for(fill, fee, reason, now)
    }

    /// The same, for another fee.
    pub fn fill_for(
        &mut self,
        fill: &Order,
        fee: Notional,
        reason: CloseReason,
        now: Timestamp,
    ) -> Option<ClosedTrade> {
        let value = fill.price.notional(fill.quantity);
        let closed = self.change(fill.instrument, |position| {
            position.fill(fill.side, fill.quantity, fill.price, fee)
        })?;
        let paid = match fill.side {
            Side::Buy => value.units().saturating_add(fee.units()),
            Side::Sell => fee.units().saturating_sub(value.units()),
        };
        self.quote = Notional::from_units(self.quote.units().saturating_sub(paid));
        self.fees = Notional::from_units(self.fees.units().saturating_add(fee.units()));
        let closed = closed?;
        let realised = self.realised.units().saturating_add(closed.profit.units());
        self.realised = Notional::from_units(realised);
        let trade = ClosedTrade {
            instrument: fill.instrument,
            closed_at: now,
            quantity: closed.quantity,
            entry_value: closed.entry_value,
            fees: closed.fees,
            profit: Notional::from_units(closed.profit.units().saturating_sub(closed.fees.units())),
            reason,
        };
        let settled = self.settled.units().saturating_add(trade.profit.units());
        self.settled = Notional::from_units(settled);
        self.trades.push(trade);
        Some(trade)
    }

    fn reserve(&mut self, order: &Order, sign: i128) {
        if order.side == Side::Buy {
            let value = order.price.notional(order.quantity);
            let units = value.units().saturating_add(self.fee(value).units());
            self.reserved =
                Notional::from_units(self.reserved.units().saturating_add(sign * units).max(0));
        }
    }

    /// Changes a position, and the sums with it; `None` for an unknown instrument.
    fn change<T>(
        &mut self,
        instrument: InstrumentId,
        change: impl FnOnce(&mut Position) -> T,
    ) -> Option<T> {
        let position = self.positions.get_mut(instrument.index())?;
        let (exposure, unrealised) = (position.exposure(), position.unrealised());
        let changed = change(position);
        self.exposure.replace(exposure, position.exposure());
        self.unrealised = Notional::from_units(
            self.unrealised
                .units()
                .saturating_sub(unrealised.units())
                .saturating_add(position.unrealised().units()),
        );
        Some(changed)
    }
}
