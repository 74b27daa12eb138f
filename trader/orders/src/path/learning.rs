//! What follows from the venue's answers.

use std::sync::Arc;

use triptych_engine::event::Timestamp;
use triptych_venue::{ClientOrderId, NotSent, OrderReport, QueryError, Sent, VenueTrade};

use super::{Compared, OrderPath, finding};
use crate::attempts::later;
use crate::client_order_id::Owner;
use crate::exchange::{Answer, Answered, Question};
use crate::finding::Finding;
use crate::journal::{JournalError, JournalFile};
use crate::own_orders::Stage;
use crate::record::Record;

type Findings = Result<Vec<Finding>, JournalError>;

impl<F: JournalFile> OrderPath<F> {
    /// Learns from an answer. What it returns halts.
    pub fn learn(&mut self, answered: Answered, now: Timestamp) -> Findings {
        let Answered {
            question,
            asked,
            answer,
        } = answered;
        match (question, answer) {
            (_, Answer::Placed(order, sent)) => self.placed(&order, sent, now),
            (_, Answer::Cancelled(order, sent)) => self.cancelled(&order, sent, now),
            (Some(question), answer) => self.told(question, answer, asked, now),
            (None, _) => Ok(Vec::new()),
        }
    }

    fn placed(
        &mut self,
        order: &ClientOrderId,
        sent: Sent<OrderReport>,
        now: Timestamp,
    ) -> Findings {
        self.placing.remove(order);
        let order = order.clone();
        let record = match sent {
            Sent::Accepted(report) => return self.reported(&order, &report, now),
            Sent::Refused(refusal) => Record::Refused {
                order,
                code: refusal.code,
                message: refusal.message.into(),
            },
            Sent::NotSent(reason) => Record::NotSent {
                order,
                reason: reason.to_string().into(),
            },
            Sent::Unknown(reason) => Record::Unknown {
                order,
                reason: reason.to_string().into(),
            },
        };
        self.note(record, now)
    }

    fn cancelled(
        &mut self,
        order: &ClientOrderId,
        sent: Sent<OrderReport>,
        now: Timestamp,
    ) -> Findings {
        let asked_for = match &sent {
            Sent::NotSent(NotSent::Throttled { retry_after }) => Some(*retry_after),
            _ => None,
        };
        let pause = self.patience.ask_every;
        self.cancellations
            .in_vain(order.clone(), now, pause, asked_for);
        match sent {
            Sent::Accepted(report) => self.reported(order, &report, now),
            // It was turned away unread.
            Sent::NotSent(_) => Ok(Vec::new()),
            // Perhaps it had ended, perhaps it ends now: its state says so.
            Sent::Refused(_) | Sent::Unknown(_) => {
                self.missed.insert(order.clone());
                Ok(Vec::new())
            }
        }
    }

    fn told(
        &mut self,
        question: Question,
        answer: Answer,
        asked: Timestamp,
        now: Timestamp,
    ) -> Findings {
        let pause = self.patience.ask_every;
        let findings = match (&question, answer) {
            (Question::Order { order, .. }, Answer::Order(Ok(report))) => {
                self.order_told(order, report, asked, now)?
            }
            (Question::OpenOrders { symbol }, Answer::OpenOrders(Ok(reports))) => {
                self.open_orders_told(symbol, &reports, asked, now)?
            }
            (Question::NewestTrade { symbol }, Answer::NewestTrade(Ok(trade))) => {
                self.newest_trade_told(symbol, trade, now)?
            }
            (Question::Trades { symbol }, Answer::Trades(Ok(trades))) => {
                let (findings, go_on) = self.trades_told(symbol, trades, now)?;
                if go_on {
                    self.questions.forget(&question);
                    return Ok(findings);
                }
                findings
            }
            (
                _,
                Answer::Order(Err(error))
                | Answer::OpenOrders(Err(error))
                | Answer::NewestTrade(Err(error))
                | Answer::Trades(Err(error)),
            ) => {
                let asked_for = match error {
                    QueryError::Throttled { retry_after } => Some(retry_after),
                    _ => None,
                };
                self.questions.in_vain(question, now, pause, asked_for);
                return Ok(Vec::new());
            }
            // An answer to something else.
            _ => Vec::new(),
        };
        match &question {
            Question::NewestTrade { .. } => self.questions.forget(&question),
            Question::Order { order, .. } if !self.is_asked_about(order) => {
                self.questions.forget(&question);
            }
            Question::Order { .. } => self.questions.answered(question, now, pause, pause),
            _ => {
                let rest = self.patience.compare_every;
                self.questions.answered(question, now, pause, rest);
            }
        }
        Ok(findings)
    }

    /// The beginning of a symbol's fills. One from after the journal began belongs into it, and is not there.
    fn newest_trade_told(
        &mut self,
        symbol: &Arc<str>,
        trade: Option<VenueTrade>,
        now: Timestamp,
    ) -> Findings {
        let began = self.own.began().unwrap_or(now);
        let after = later(began, self.patience.clock_bound);
        let mut findings = Vec::new();
        if let Some(trade) = trade.as_ref().filter(|trade| trade.at > after) {
            findings.push(Finding::ForeignTrade {
                symbol: Arc::clone(symbol),
                trade_id: trade.trade_id.clone(),
                venue_order_id: trade.venue_order_id.clone(),
            });
        }
        let record = Record::Began {
            symbol: Arc::clone(symbol),
            newest_trade: trade.map(|trade| trade.trade_id),
        };
        findings.extend(self.note(record, now)?);
        Ok(findings)
    }

    fn is_asked_about(&self, order: &ClientOrderId) -> bool {
        let own = self.own.get(order.as_str());
        own.is_some_and(|own| own.stage == Stage::InDoubt) || self.missed.contains(order)
    }

    fn order_told(
        &mut self,
        order: &ClientOrderId,
        report: Option<OrderReport>,
        asked: Timestamp,
        now: Timestamp,
    ) -> Findings {
        if let Some(report) = report {
            return self.reported(order, &report, now);
        }
        let Some(own) = self.own.get(order.as_str()) else {
            return Ok(Vec::new());
        };
        let lag = self.patience.venue_lag;
        match own.stage {
            Stage::InDoubt if asked > later(own.intent.takeable_until, lag) => {
                let order = order.clone();
                self.note(Record::NeverArrived { order }, now)
            }
            Stage::Working if asked > later(own.since, lag) => {
                self.missed.remove(order);
                let order = order.clone();
                Ok(vec![Finding::Forgotten { order }])
            }
            _ => Ok(Vec::new()),
        }
    }

    fn open_orders_told(
        &mut self,
        symbol: &Arc<str>,
        reports: &[OrderReport],
        asked: Timestamp,
        now: Timestamp,
    ) -> Findings {
        let mut findings = Vec::new();
        for report in reports {
            let own = self.own.get(&report.client_order_id);
            let Some(own) = own else {
                findings.push(self.stranger(report));
                continue;
            };
            let name = own.intent.client_order_id.clone();
            // An order on its way gets its answer first; one that ended did so while the list was made.
            let says_something = match own.stage {
                Stage::InDoubt => !self.placing.contains(&name),
                Stage::NotPlaced => true,
                Stage::Working | Stage::Ended { .. } => false,
            };
            if says_something {
                findings.extend(self.reported(&name, report, now)?);
            }
        }
        let is_listed = |name: &ClientOrderId| {
            let mut listed = reports.iter();
            listed.any(|report| &*report.client_order_id == name.as_str())
        };
        let lag = self.patience.venue_lag;
        let missed: Vec<_> = self
            .own
            .unsettled()
            .filter(|own| own.intent.symbol == *symbol && own.stage == Stage::Working)
            .filter(|own| asked > later(own.since, lag))
            .map(|own| own.intent.client_order_id.clone())
            .filter(|name| !is_listed(name))
            .collect();
        self.missed.extend(missed);
        self.compared_with(symbol, |compared| compared.open_orders = true);
        Ok(findings)
    }

    fn stranger(&self, report: &OrderReport) -> Finding {
        let (symbol, client_order_id) = (
            Arc::clone(&report.symbol),
            Arc::clone(&report.client_order_id),
        );
        if Owner::of(&client_order_id).as_ref() == Some(&self.holder.owner) {
            Finding::NotInJournal {
                symbol,
                client_order_id,
            }
        } else {
            Finding::ForeignOrder {
                symbol,
                client_order_id,
                venue_order_id: report.venue_order_id.clone(),
            }
        }
    }

    /// Books fills; also says whether to ask for more at once.
    fn trades_told(
        &mut self,
        symbol: &Arc<str>,
        trades: Vec<VenueTrade>,
        now: Timestamp,
    ) -> Result<(Vec<Finding>, bool), JournalError> {
        if trades.is_empty() {
            self.compared_with(symbol, |compared| compared.trades = true);
            return Ok((Vec::new(), false));
        }
        let mut findings = Vec::new();
        for trade in trades {
            if let Some(own) = self.own.by_venue_order_id(&trade.venue_order_id) {
                let order = own.intent.client_order_id.clone();
                findings.extend(self.note(Record::Filled { order, trade }, now)?);
            } else if self.own.is_any_in_doubt() {
                // It may be the fill of an order whose name at the venue is not known yet.
                return Ok((findings, false));
            } else {
                findings.push(Finding::ForeignTrade {
                    symbol: Arc::clone(symbol),
                    trade_id: trade.trade_id.clone(),
                    venue_order_id: trade.venue_order_id.clone(),
                });
                findings.extend(self.note(Record::Foreign { trade }, now)?);
            }
            if !findings.is_empty() {
                return Ok((findings, false));
            }
        }
        Ok((findings, true))
    }

    /// The venue has the order, and says this of it.
    fn reported(
        &mut self,
        order: &ClientOrderId,
        report: &OrderReport,
        now: Timestamp,
    ) -> Findings {
        let Some(own) = self.own.get(order.as_str()) else {
            return Ok(Vec::new());
        };
        let stage = own.stage.clone();
        self.missed.remove(order);
        let mut findings = Vec::new();
        if matches!(stage, Stage::InDoubt | Stage::NotPlaced) {
            let record = Record::Accepted {
                order: order.clone(),
                venue_order_id: report.venue_order_id.clone(),
            };
            findings.extend(self.note(record, now)?);
        }
        let may_end = matches!(stage, Stage::InDoubt | Stage::Working) && findings.is_empty();
        if may_end && report.status.has_ended() {
            self.cancellations.forget(order);
            // Its fills are to be booked.
            self.hurry(&Arc::clone(&report.symbol));
            let record = Record::Ended {
                order: order.clone(),
                status: report.status,
                filled: report.filled,
            };
            findings.extend(self.note(record, now)?);
        }
        Ok(findings)
    }

    fn compared_with(&mut self, symbol: &str, change: impl FnOnce(&mut Compared)) {
        let mut compared = self.compared.iter_mut();
        if let Some(compared) = compared.find(|compared| &*compared.symbol == symbol) {
            change(compared);
        }
    }

    fn note(&mut self, record: Record, now: Timestamp) -> Findings {
        Ok(finding(self.write(now, record))?.into_iter().collect())
    }
}
