//! Our own orders as the journal tells them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use thiserror::Error;
use triptych_account::OrderKey;
use triptych_engine::decimal::Quantity;
use triptych_engine::event::{Side, Timestamp};
use triptych_venue::{ClientOrderId, OrderStatus, VenueOrderId, VenueTradeId};

use crate::record::{Entry, Intent, Record};

/// Where an order stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Nobody knows whether the venue has it: it was intended, and perhaps sent.
    InDoubt,
    /// The venue has it.
    Working,
    /// The venue never had it, and never will.
    NotPlaced,
    /// Nothing more can happen to it at the venue.
    Ended {
        /// How it ended.
        status: OrderStatus,
        /// What was filled of it in all.
        filled: Quantity,
    },
}

/// One of our orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnOrder {
    /// What was intended.
    pub intent: Intent,
    /// Where it stands.
    pub stage: Stage,
    /// The venue's name for it, once it gave one.
    pub venue_order_id: Option<VenueOrderId>,
    /// What was filled of it, as far as its fills are booked.
    pub booked: Quantity,
    /// Its cancellation was intended.
    pub cancel_intended: bool,
    /// When it came to where it stands, by our clock.
    pub since: Timestamp,
}

impl OwnOrder {
    /// Whether there is nothing more to ask about it: it ended, and all of its fills are booked.
    pub fn is_settled(&self) -> bool {
        match self.stage {
            Stage::NotPlaced => true,
            Stage::Ended { filled, .. } => filled == self.booked,
            Stage::InDoubt | Stage::Working => false,
        }
    }
}

/// A record that cannot be true where the ones before it are.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("order {order}: {what}")]
pub struct Contradiction {
    /// The order.
    pub order: ClientOrderId,
    /// What cannot be.
    pub what: &'static str,
}

/// Every order of ours, and up to where fills are booked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct OwnOrders {
    orders: BTreeMap<ClientOrderId, OwnOrder>,
    by_venue_order_id: BTreeMap<VenueOrderId, ClientOrderId>,
    unsettled: BTreeSet<ClientOrderId>,
    served: BTreeSet<OrderKey>,
    symbols: BTreeMap<Arc<str>, Booked>,
    began: Option<Timestamp>,
}

/// Fills of a symbol that are booked.
#[derive(Debug, Default, PartialEq, Eq)]
struct Booked {
    newest: Option<VenueTradeId>,
    net: Quantity,
}

impl OwnOrders {
    /// The orders that these entries tell of.
    pub fn replay<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<Self, Contradiction> {
        let mut own = Self::default();
        for entry in entries {
            own.take(entry)?;
        }
        Ok(own)
    }

    /// Takes a record in.
    pub fn take(&mut self, entry: &Entry) -> Result<(), Contradiction> {
        let at = entry.at;
        match &entry.record {
            Record::Opened { .. } => {
                self.began.get_or_insert(at);
                Ok(())
            }
            Record::Began {
                symbol,
                newest_trade,
            } => {
                let booked = self.symbols.entry(Arc::clone(symbol)).or_default();
                booked.newest.clone_from(newest_trade);
                Ok(())
            }
            Record::Intended(intent) => self.intended(intent, at),
            Record::Accepted {
                order,
                venue_order_id,
            } => self.accepted(order, venue_order_id, at),
            Record::Unknown { order, .. } => self.change(order, |own| match own.stage {
                Stage::InDoubt => Ok(()),
                _ => Err("it is in doubt, and what became of it was known"),
            }),
            Record::Refused { order, .. }
            | Record::NotSent { order, .. }
            | Record::NeverArrived { order } => self.change(order, |own| match own.stage {
                Stage::InDoubt => {
                    own.stage = Stage::NotPlaced;
                    own.since = at;
                    Ok(())
                }
                _ => Err("it was not placed, and what became of it was known"),
            }),
            Record::CancelIntended { order, .. } => self.change(order, |own| {
                own.cancel_intended = true;
                Ok(())
            }),
            Record::Filled { order, trade } => {
                self.change(order, |own| {
                    let booked = own.booked.checked_add(trade.quantity);
                    own.booked = booked
                        .filter(|booked| *booked <= own.intent.quantity)
                        .ok_or("more was filled than was ordered")?;
                    Ok(())
                })?;
                let symbol = self.symbols.entry(Arc::clone(&trade.symbol)).or_default();
                symbol.newest = Some(trade.trade_id.clone());
                let net = match trade.side {
                    Side::Buy => symbol.net.checked_add(trade.quantity),
                    Side::Sell => symbol.net.checked_sub(trade.quantity),
                };
                symbol.net =
                    net.ok_or_else(|| contradiction(order, "the position is beyond any"))?;
                Ok(())
            }
            Record::Foreign { trade } => {
                let symbol = self.symbols.entry(Arc::clone(&trade.symbol)).or_default();
                symbol.newest = Some(trade.trade_id.clone());
                Ok(())
            }
            Record::Ended {
                order,
                status,
                filled,
            } => self.change(order, |own| match own.stage {
                Stage::Working if own.booked <= *filled && *filled <= own.intent.quantity => {
                    own.stage = Stage::Ended {
                        status: *status,
                        filled: *filled,
                    };
                    own.since = at;
                    Ok(())
                }
                Stage::Working => Err("it ended with another quantity than its fills allow"),
                _ => Err("it ended, and did not wait"),
            }),
        }
    }

    fn intended(&mut self, intent: &Intent, at: Timestamp) -> Result<(), Contradiction> {
        let id = &intent.client_order_id;
        if self.orders.contains_key(id) {
            return Err(contradiction(id, "it was intended before"));
        }
        let own = OwnOrder {
            intent: intent.clone(),
            stage: Stage::InDoubt,
            venue_order_id: None,
            booked: Quantity::ZERO,
            cancel_intended: false,
            since: at,
        };
        self.orders.insert(id.clone(), own);
        self.unsettled.insert(id.clone());
        self.served.insert(intent.key());
        Ok(())
    }

    fn accepted(
        &mut self,
        order: &ClientOrderId,
        name: &VenueOrderId,
        at: Timestamp,
    ) -> Result<(), Contradiction> {
        if self.by_venue_order_id.contains_key(name) {
            return Err(contradiction(
                order,
                "the venue gave its name to another one",
            ));
        }
        self.change(order, |own| match own.stage {
            Stage::InDoubt => {
                own.stage = Stage::Working;
                own.since = at;
                own.venue_order_id = Some(name.clone());
                Ok(())
            }
            Stage::NotPlaced => Err("the venue has it, and it was certain that it never would"),
            _ => Err("it was accepted before"),
        })?;
        self.by_venue_order_id.insert(name.clone(), order.clone());
        Ok(())
    }

    fn change(
        &mut self,
        order: &ClientOrderId,
        change: impl FnOnce(&mut OwnOrder) -> Result<(), &'static str>,
    ) -> Result<(), Contradiction> {
        let own = self.orders.get_mut(order);
        let own = own.ok_or_else(|| contradiction(order, "it was never intended"))?;
        change(own).map_err(|what| contradiction(order, what))?;
        if own.is_settled() {
            self.unsettled.remove(order);
        }
        Ok(())
    }

    /// The order of that name.
    pub fn get(&self, order: &str) -> Option<&OwnOrder> {
        // A text that is no client order id is nobody's of ours.
        self.orders.get(&ClientOrderId::new(order).ok()?)
    }

    /// The order that the venue calls so.
    pub fn by_venue_order_id(&self, name: &VenueOrderId) -> Option<&OwnOrder> {
        self.orders.get(self.by_venue_order_id.get(name)?)
    }

    /// Every order, by name.
    pub fn all(&self) -> impl Iterator<Item = &OwnOrder> {
        self.orders.values()
    }

    /// Orders about which there is something to ask, by name.
    pub fn unsettled(&self) -> impl Iterator<Item = &OwnOrder> {
        self.unsettled
            .iter()
            .filter_map(|order| self.orders.get(order))
    }

    /// Whether there was this order, under whatever name.
    pub fn has_served(&self, key: OrderKey) -> bool {
        self.served.contains(&key)
    }

    /// Whether what became of some order is not known.
    pub fn is_any_in_doubt(&self) -> bool {
        self.unsettled().any(|own| own.stage == Stage::InDoubt)
    }

    /// When the journal began, by our clock.
    pub const fn began(&self) -> Option<Timestamp> {
        self.began
    }

    /// Whether fills of a symbol have a beginning.
    pub fn has_begun(&self, symbol: &str) -> bool {
        self.symbols.contains_key(symbol)
    }

    /// The newest fill of a symbol that is booked, or that is older than the journal.
    pub fn newest_trade(&self, symbol: &str) -> Option<&VenueTradeId> {
        self.symbols.get(symbol)?.newest.as_ref()
    }

    /// What all booked fills of a symbol make together: bought less sold.
    pub fn net(&self, symbol: &str) -> Quantity {
        self.symbols
            .get(symbol)
            .map_or(Quantity::ZERO, |booked| booked.net)
    }
}

fn contradiction(order: &ClientOrderId, what: &'static str) -> Contradiction {
    Contradiction {
        order: order.clone(),
        what,
    }
}
