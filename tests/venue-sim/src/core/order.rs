//! Orders: what a client asks for, and what the venue keeps of it.

use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::{Side, Timestamp};

use super::ledger::{AccountId, Amount};

/// A symbol's place in the venue's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SymbolId(pub usize);

/// The venue's number of an order; it counts up from one for each symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub u64);

/// How long an order stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeInForce {
    /// Until it is cancelled.
    GoodTilCanceled,
    /// What does not fill at once expires.
    ImmediateOrCancel,
    /// It fills whole at once, or expires whole.
    FillOrKill,
}

impl TimeInForce {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GoodTilCanceled => "GTC",
            Self::ImmediateOrCancel => "IOC",
            Self::FillOrKill => "FOK",
        }
    }

    /// The value of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [
            Self::GoodTilCanceled,
            Self::ImmediateOrCancel,
            Self::FillOrKill,
        ]
        .into_iter()
        .find(|value| value.name() == name)
    }
}

/// What happens where an order would trade against another one of its own account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelfTradePrevention {
    /// They trade.
    None,
    /// What is left of the taking order expires.
    ExpireTaker,
    /// What is left of the resting order expires, and the taking one goes on.
    ExpireMaker,
    /// Both expire.
    ExpireBoth,
}

impl SelfTradePrevention {
    /// The modes that every symbol of this venue allows.
    pub const ALLOWED: [Self; 4] = [
        Self::None,
        Self::ExpireTaker,
        Self::ExpireMaker,
        Self::ExpireBoth,
    ];
    /// The mode of an order that names none.
    pub const DEFAULT: Self = Self::ExpireMaker;

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::ExpireTaker => "EXPIRE_TAKER",
            Self::ExpireMaker => "EXPIRE_MAKER",
            Self::ExpireBoth => "EXPIRE_BOTH",
        }
    }

    /// The value of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALLOWED.into_iter().find(|mode| mode.name() == name)
    }
}

/// On which side of the market a conditional order waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerKind {
    /// The price runs against the position: up for a purchase, down for a sale.
    StopLoss,
    /// The price comes towards the order: down for a purchase, up for a sale.
    TakeProfit,
}

/// When a conditional order goes to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trigger {
    /// From which side the price comes.
    pub kind: TriggerKind,
    /// The last traded price at which it does.
    pub stop_price: Price,
}

impl Trigger {
    /// Whether a last traded price sets an order of this side off.
    pub fn is_met(self, side: Side, last: Price) -> bool {
        let waits_for_a_rise = (self.kind == TriggerKind::StopLoss) == (side == Side::Buy);
        if waits_for_a_rise {
            last >= self.stop_price
        } else {
            last <= self.stop_price
        }
    }
}

/// A price that an order must not trade beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The worst price.
    pub price: Price,
    /// The quantity of the base asset.
    pub quantity: Quantity,
    /// How long it stays.
    pub time_in_force: TimeInForce,
}

/// How much a market order trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarketSize {
    /// A quantity of the base asset.
    Base(Quantity),
    /// As much as this amount of the quote asset pays for or brings in.
    Quote(Amount),
}

/// What an order does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instruction {
    /// Trades up to a price, and may wait there.
    Limit(Limit),
    /// Waits at a price, and is refused where it would trade at once.
    LimitMaker {
        /// The price.
        price: Price,
        /// The quantity of the base asset.
        quantity: Quantity,
    },
    /// Trades at whatever price there is.
    Market(MarketSize),
    /// Becomes a market order at its trigger.
    ConditionalMarket {
        /// The trigger.
        trigger: Trigger,
        /// The quantity of the base asset.
        quantity: Quantity,
    },
    /// Becomes a limit order at its trigger.
    ConditionalLimit {
        /// The trigger.
        trigger: Trigger,
        /// The limit.
        limit: Limit,
    },
}

impl Instruction {
    /// The name of the order's type on the wire.
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::Limit(_) => "LIMIT",
            Self::LimitMaker { .. } => "LIMIT_MAKER",
            Self::Market(_) => "MARKET",
            Self::ConditionalMarket { trigger, .. } => match trigger.kind {
                TriggerKind::StopLoss => "STOP_LOSS",
                TriggerKind::TakeProfit => "TAKE_PROFIT",
            },
            Self::ConditionalLimit { trigger, .. } => match trigger.kind {
                TriggerKind::StopLoss => "STOP_LOSS_LIMIT",
                TriggerKind::TakeProfit => "TAKE_PROFIT_LIMIT",
            },
        }
    }

    /// The worst price; `None` where the order takes any.
    pub const fn limit_price(self) -> Option<Price> {
        match self {
            Self::Limit(limit) | Self::ConditionalLimit { limit, .. } => Some(limit.price),
            Self::LimitMaker { price, .. } => Some(price),
            Self::Market(_) | Self::ConditionalMarket { .. } => None,
        }
    }

    /// The quantity of the base asset; `None` where the quote asset says how much.
    pub const fn quantity(self) -> Option<Quantity> {
        match self {
            Self::Limit(limit) | Self::ConditionalLimit { limit, .. } => Some(limit.quantity),
            Self::LimitMaker { quantity, .. }
            | Self::Market(MarketSize::Base(quantity))
            | Self::ConditionalMarket { quantity, .. } => Some(quantity),
            Self::Market(MarketSize::Quote(_)) => None,
        }
    }

    /// The trigger of a conditional order.
    pub const fn trigger(self) -> Option<Trigger> {
        match self {
            Self::ConditionalMarket { trigger, .. } | Self::ConditionalLimit { trigger, .. } => {
                Some(trigger)
            }
            Self::Limit(_) | Self::LimitMaker { .. } | Self::Market(_) => None,
        }
    }

    /// How long it stays once it works.
    pub const fn time_in_force(self) -> TimeInForce {
        match self {
            Self::Limit(limit) | Self::ConditionalLimit { limit, .. } => limit.time_in_force,
            Self::LimitMaker { .. } | Self::Market(_) | Self::ConditionalMarket { .. } => {
                TimeInForce::GoodTilCanceled
            }
        }
    }
}

/// An order as a client asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRequest {
    /// What is traded.
    pub symbol: SymbolId,
    /// Buy or sell.
    pub side: Side,
    /// What it does.
    pub instruction: Instruction,
    /// The client's own name for it; the venue gives one where it is missing.
    pub client_order_id: Option<String>,
    /// What happens where it would meet an own order.
    pub self_trade_prevention: SelfTradePrevention,
    /// A label of the client, returned as it came.
    pub strategy_id: Option<i64>,
    /// Likewise.
    pub strategy_type: Option<i64>,
}

/// Why an order ended without a client's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryReason {
    /// A triggered order was refused, for lack of funds.
    Rejected,
    /// The rest of an IOC order.
    UnfilledImmediateOrCancel,
    /// A FOK order that could not fill whole.
    UnfilledFillOrKill,
    /// A market order found no more in the book.
    InsufficientLiquidity,
    /// The venue ended it, as an operator asked over the admin port.
    ExchangeCanceled,
}

impl ExpiryReason {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rejected => "REJECTED",
            Self::UnfilledImmediateOrCancel => "UNFILLED_IOC_QUANTITY_EXPIRED",
            Self::UnfilledFillOrKill => "UNFILLED_FOK_ORDER_EXPIRED",
            Self::InsufficientLiquidity => "INSUFFICIENT_LIQUIDITY",
            Self::ExchangeCanceled => "EXCHANGE_CANCELED",
        }
    }
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderStatus {
    /// Accepted; nothing of it has traded.
    New,
    /// A part of it has traded, and the rest is at work.
    PartiallyFilled,
    /// All of it has traded.
    Filled,
    /// A client cancelled it.
    Canceled,
    /// It ended by its own rules or the venue's.
    Expired(ExpiryReason),
    /// It ended because it would have met an order of its own account.
    ExpiredInMatch,
}

impl OrderStatus {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::PartiallyFilled => "PARTIALLY_FILLED",
            Self::Filled => "FILLED",
            Self::Canceled => "CANCELED",
            Self::Expired(_) => "EXPIRED",
            Self::ExpiredInMatch => "EXPIRED_IN_MATCH",
        }
    }

    /// Whether it may still trade.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::New | Self::PartiallyFilled)
    }
}

/// An order as the venue keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The venue's number.
    pub id: OrderId,
    /// Whose it is.
    pub account: AccountId,
    /// What is traded.
    pub symbol: SymbolId,
    /// The client's name for it, or the one that the venue gave.
    pub client_order_id: String,
    /// Buy or sell.
    pub side: Side,
    /// What was asked for. An amendment changes [`Order::quantity`], not this.
    pub instruction: Instruction,
    /// The quantity of the base asset; of a market order in the quote asset, what it executed.
    pub quantity: Quantity,
    /// What has traded.
    pub executed: Quantity,
    /// What has traded, in the quote asset.
    pub executed_quote: Amount,
    /// What ended because it would have met an own order.
    pub prevented: Quantity,
    /// The number of the last such meeting.
    pub prevented_match: Option<u64>,
    /// What of the account's balance is locked for it: quote asset of a purchase, base asset of a sale.
    pub locked: Amount,
    /// Where it stands.
    pub status: OrderStatus,
    /// What happens where it would meet an own order.
    pub self_trade_prevention: SelfTradePrevention,
    /// A label of the client.
    pub strategy_id: Option<i64>,
    /// Likewise.
    pub strategy_type: Option<i64>,
    /// When it was accepted.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// Since when it is at work; `None` while it waits for its trigger.
    pub working_since: Option<Timestamp>,
    /// How often it was amended.
    pub amendments: u32,
}

impl Order {
    /// What may still trade.
    pub fn left(&self) -> Quantity {
        let left = self.quantity.units() - self.executed.units() - self.prevented.units();
        Quantity::from_units(left)
    }

    /// Whether it is conditional and has not gone to work.
    pub fn waits_for_trigger(&self) -> bool {
        self.status.is_open() && self.working_since.is_none()
    }
}
