//! A new order: judged, funded, named and put to work.

use triptych_engine::decimal::Quantity;
use triptych_engine::event::{Side, Timestamp};

use super::event::Execution;
use super::ledger::{AccountId, Amount};
use super::matching::{Matching, lock_needed};
use super::order::{Instruction, MarketSize, Order, OrderRequest, OrderStatus};
use super::refusal::{self, Refusal};
use super::requests::Placed;
use super::rules::Reference;
use super::sweep::Sweep;
use super::symbol_market::SymbolStatus;
use super::venue::Venue;

impl Venue {
    /// Judges an order as [`Venue::place`] would, and places nothing.
    pub fn test(
        &self,
        account: AccountId,
        request: &OrderRequest,
        at: Timestamp,
    ) -> Result<(), Refusal> {
        let market = self.market(request.symbol);
        if market.status() != SymbolStatus::Trading {
            return Err(refusal::MARKET_CLOSED);
        }
        let open = market.open_orders(account);
        let (open_orders, conditional_orders) = open.fold((0, 0), |(all, conditional), order| {
            (
                all + 1,
                conditional + usize::from(order.instruction.trigger().is_some()),
            )
        });
        let reference = Reference {
            average_price: market.statistics().average_price(at),
            open_orders,
            conditional_orders,
        };
        market
            .rules()
            .check(request.side, request.instruction, reference)?;
        if let Some(name) = &request.client_order_id
            && market
                .find_by_name(account, name)
                .is_some_and(|order| order.status.is_open())
        {
            return Err(refusal::DUPLICATE_ORDER);
        }
        let last = market.statistics().last_price();
        if let (Some(trigger), Some(last)) = (request.instruction.trigger(), last)
            && trigger.is_met(request.side, last)
        {
            return Err(refusal::WOULD_TRIGGER);
        }
        Ok(())
    }

    /// Places an order.
    pub fn place(
        &mut self,
        account: AccountId,
        request: &OrderRequest,
        at: Timestamp,
    ) -> Result<Placed, Refusal> {
        self.test(account, request, at)?;
        let name = self.name_or_new(request.client_order_id.as_deref());
        let mut order = self.new_order(account, request, name, at);
        let mut matching = self.at(request.symbol, at);
        let sweep = if order.waits_for_trigger() {
            Sweep::default()
        } else {
            matching.sweep_of(&order)
        };
        if let Instruction::LimitMaker { .. } = order.instruction
            && !sweep.steps.is_empty()
        {
            return Err(refusal::WOULD_TAKE);
        }
        if let Instruction::Market(MarketSize::Quote(_)) = order.instruction {
            if sweep.steps.is_empty() {
                return Err(refusal::TOO_LITTLE_LIQUIDITY);
            }
            order.quantity = sweep.filled;
        }
        matching.fund(&mut order, &sweep)?;
        let (id, waits) = (order.id, order.waits_for_trigger());
        let fills_before = matching.market.fills.len();
        matching.market.keep(order);
        matching.report(id, Execution::New);
        if waits {
            matching.market.waiting.push(id);
        } else {
            matching.work(id, &sweep);
        }
        let placed = Placed {
            order: matching.market.order(id).clone(),
            fills: matching.market.fills[fills_before..]
                .iter()
                .filter(|fill| fill.order == id)
                .copied()
                .collect(),
        };
        matching.settle();
        Ok(placed)
    }

    fn new_order(
        &self,
        account: AccountId,
        request: &OrderRequest,
        client_order_id: String,
        at: Timestamp,
    ) -> Order {
        let waits = request.instruction.trigger().is_some();
        Order {
            id: self.market(request.symbol).next_order_id(),
            account,
            symbol: request.symbol,
            client_order_id,
            side: request.side,
            instruction: request.instruction,
            quantity: request.instruction.quantity().unwrap_or_default(),
            executed: Quantity::ZERO,
            executed_quote: Amount::ZERO,
            prevented: Quantity::ZERO,
            prevented_match: None,
            locked: Amount::ZERO,
            status: OrderStatus::New,
            self_trade_prevention: request.self_trade_prevention,
            strategy_id: request.strategy_id,
            strategy_type: request.strategy_type,
            created: at,
            updated: at,
            working_since: (!waits).then_some(at),
            amendments: 0,
        }
    }

    /// The name given by the client, or one of 22 characters, as the venue makes them.
    pub(super) fn name_or_new(&mut self, given: Option<&str>) -> String {
        const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        if let Some(name) = given {
            return name.to_owned();
        }
        self.names_given += 1;
        // Every number is drawn once: the multiplier is odd, and 22 digits hold more than 128 bits.
        let mut number =
            u128::from(self.names_given).wrapping_mul(0xda94_2042_e4dd_58b5_a3b1_9535_4a39_b70d);
        (0..22)
            .map(|_| {
                let digit = usize::try_from(number % 62).unwrap_or_default();
                number /= 62;
                char::from(DIGITS[digit])
            })
            .collect()
    }
}

impl Matching<'_> {
    /// Locks what the order needs; refused where the account has too little for it or for what it takes
    /// at once.
    fn fund(&mut self, order: &mut Order, sweep: &Sweep) -> Result<(), Refusal> {
        let needed = lock_needed(order);
        let asset = self.locked_asset(order.side);
        let free = self.ledger.account(order.account).balance(asset).free;
        let at_once = match (order.instruction, order.side) {
            (Instruction::Market(MarketSize::Quote(amount)), Side::Buy) => amount,
            (Instruction::Market(_), Side::Buy) => sweep.value,
            (Instruction::Market(_), Side::Sell) => order.quantity,
            _ => Amount::ZERO,
        };
        if at_once > free {
            return Err(refusal::INSUFFICIENT_BALANCE);
        }
        self.ledger
            .lock(order.account, asset, needed)
            .map_err(|_| refusal::INSUFFICIENT_BALANCE)?;
        order.locked = needed;
        Ok(())
    }
}
