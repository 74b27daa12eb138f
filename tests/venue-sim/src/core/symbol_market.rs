//! One symbol: the crowd that a recording or the generator moves, the orders of accounts among it, and
//! what was traded.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::{InstrumentId, Level, Levels, Side};
use triptych_engine::market::{Instrument, Market};
use triptych_fill_model::{Taken, against};

use super::event::Fill;
use super::ledger::AccountId;
use super::order::{Order, OrderId, SymbolId};
use super::resting::RestingOrders;
use super::rules::SymbolRules;
use super::statistics::Statistics;
use super::sweep::{is_worse, opposite};

/// Whether a symbol trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SymbolStatus {
    /// It does.
    Trading,
    /// Orders are refused, cancellations are not, and nothing fills.
    Halt,
}

impl SymbolStatus {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trading => "TRADING",
            Self::Halt => "HALT",
        }
    }
}

/// One symbol.
#[derive(Debug, Clone)]
pub struct SymbolMarket {
    pub(crate) id: SymbolId,
    rules: SymbolRules,
    pub(crate) status: SymbolStatus,
    pub(crate) crowd: Market,
    pub(crate) taken: Taken,
    pub(crate) resting: RestingOrders,
    /// Conditional orders that wait for their trigger, first come first.
    pub(crate) waiting: Vec<OrderId>,
    orders: Vec<Order>,
    open: BTreeMap<AccountId, BTreeSet<OrderId>>,
    names: HashMap<(AccountId, String), OrderId>,
    pub(crate) fills: Vec<Fill>,
    pub(crate) statistics: Statistics,
    pub(crate) update_id: u64,
    pub(crate) trade_id: u64,
    pub(crate) taker_number: u64,
    pub(crate) prevented_matches: u64,
}

impl SymbolMarket {
    /// A symbol in which nothing has happened.
    pub(crate) fn new(id: SymbolId, rules: SymbolRules) -> Self {
        let instrument = Instrument {
            id: InstrumentId(u16::try_from(id.0).unwrap_or(u16::MAX)),
            symbol: rules.symbol.as_str().into(),
            price_increment: rules.tick,
            quantity_increment: rules.lot.step,
        };
        Self {
            id,
            rules,
            status: SymbolStatus::Trading,
            crowd: Market::new(instrument),
            taken: Taken::default(),
            resting: RestingOrders::default(),
            waiting: Vec::new(),
            orders: Vec::new(),
            open: BTreeMap::new(),
            names: HashMap::new(),
            fills: Vec::new(),
            statistics: Statistics::default(),
            update_id: 1,
            trade_id: 0,
            taker_number: 0,
            prevented_matches: 0,
        }
    }

    /// What the symbol allows.
    pub fn rules(&self) -> &SymbolRules {
        &self.rules
    }

    /// Whether it trades.
    pub fn status(&self) -> SymbolStatus {
        self.status
    }

    /// What was traded.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// Counts every change of the book.
    pub fn update_id(&self) -> u64 {
        self.update_id
    }

    /// Fills of accounts, oldest first.
    pub fn fills(&self) -> &[Fill] {
        &self.fills
    }

    /// Every order, oldest first.
    pub fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// The order of this number.
    pub fn find(&self, id: OrderId) -> Option<&Order> {
        let index = usize::try_from(id.0.checked_sub(1)?).ok()?;
        self.orders.get(index)
    }

    /// The newest order of an account under this name.
    pub fn find_by_name(&self, account: AccountId, name: &str) -> Option<&Order> {
        let id = self.names.get(&(account, name.to_owned()))?;
        self.find(*id)
    }

    /// The open orders of an account, oldest first.
    pub fn open_orders(&self, account: AccountId) -> impl Iterator<Item = &Order> {
        self.open
            .get(&account)
            .into_iter()
            .flatten()
            .map(|id| self.order(*id))
    }

    /// The book as everybody sees it: the crowd's levels without what was taken from them, and the
    /// orders of accounts. Best first, so many of each side.
    pub fn depth(&self, limit: usize) -> Levels {
        Levels {
            bids: self.side(Side::Buy).take(limit).collect(),
            asks: self.side(Side::Sell).take(limit).collect(),
        }
    }

    /// Best bid and ask as everybody sees them.
    pub fn top(&self) -> (Option<Level>, Option<Level>) {
        (self.side(Side::Buy).next(), self.side(Side::Sell).next())
    }

    pub(crate) fn resting(&self) -> &RestingOrders {
        &self.resting
    }

    /// An order that is known to exist.
    pub(crate) fn order(&self, id: OrderId) -> &Order {
        &self.orders[index(id)]
    }

    pub(crate) fn order_mut(&mut self, id: OrderId) -> &mut Order {
        &mut self.orders[index(id)]
    }

    /// The number of the next order.
    pub(crate) fn next_order_id(&self) -> OrderId {
        OrderId(self.orders.len() as u64 + 1)
    }

    /// Keeps a new order, which has the next number.
    pub(crate) fn keep(&mut self, order: Order) {
        self.open.entry(order.account).or_default().insert(order.id);
        self.rename(order.account, order.client_order_id.clone(), order.id);
        self.orders.push(order);
    }

    /// The order is found under this name from now on.
    pub(crate) fn rename(&mut self, account: AccountId, name: String, id: OrderId) {
        self.names.insert((account, name), id);
    }

    /// The order is open no more.
    pub(crate) fn forget_open(&mut self, id: OrderId) {
        let order = &self.orders[index(id)];
        if let Some(open) = self.open.get_mut(&order.account) {
            open.remove(&id);
        }
        if let Some(price) = order.instruction.limit_price() {
            self.resting.remove(order.side, price, id);
        }
        self.waiting.retain(|waiting| *waiting != id);
    }

    /// Prices at which somebody stands on the other side, best first.
    pub(crate) fn prices_against(&self, side: Side) -> impl Iterator<Item = Price> + '_ {
        let mut crowd = against(&self.crowd, side)
            .map(|level| level.price)
            .peekable();
        let mut own = self.resting.prices(opposite(side)).peekable();
        std::iter::from_fn(move || match (crowd.peek().copied(), own.peek().copied()) {
            (Some(theirs), Some(ours)) if theirs == ours => {
                own.next();
                crowd.next()
            }
            (Some(theirs), Some(ours)) if is_worse(side, theirs, ours) => own.next(),
            (Some(_), _) => crowd.next(),
            (None, _) => own.next(),
        })
    }

    /// What the crowd has for a taker of this side at a price, in whole lots.
    pub(crate) fn crowd_available(&self, side: Side, price: Price) -> Quantity {
        let level = against(&self.crowd, side)
            .take_while(|level| !is_worse(side, level.price, price))
            .find(|level| level.price == price);
        level.map_or(Quantity::ZERO, |level| self.left_of(side, level))
    }

    /// The largest number of whole lots in so many units.
    pub(crate) fn whole_lots(&self, units: i64) -> i64 {
        Quantity::from_units(units)
            .round_down_to(self.rules.lot.step)
            .units()
    }

    fn left_of(&self, taker_side: Side, level: Level) -> Quantity {
        Quantity::from_units(self.whole_lots(self.taken.left(taker_side, level).max(0)))
    }

    /// The levels of one side, best first.
    fn side(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        let taker_side = opposite(side);
        let mut crowd = against(&self.crowd, taker_side)
            .map(move |level| (level.price, self.left_of(taker_side, level)))
            .peekable();
        self.prices_against(taker_side)
            .map(move |price| {
                let theirs = crowd.next_if(|(at, _)| *at == price);
                let theirs = theirs.map_or(0, |(_, quantity)| quantity.units());
                let ours: i64 = self
                    .resting
                    .queue(side, price)
                    .map(|resting| self.order(resting.order).left().units())
                    .sum();
                Level {
                    price,
                    quantity: Quantity::from_units(theirs + ours),
                }
            })
            .filter(|level| level.quantity.is_positive())
    }
}

fn index(id: OrderId) -> usize {
    usize::try_from(id.0).map_or(usize::MAX, |number| number - 1)
}
