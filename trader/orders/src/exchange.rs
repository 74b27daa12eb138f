//! Requests to a venue, and their answers.

use std::sync::Arc;

use triptych_engine::event::Timestamp;
use triptych_venue::{
    ClientOrderId, NewOrder, OrderReport, QueryError, RequestTime, Sent, Venue, VenueTrade,
    VenueTradeId,
};

/// Something to be carried to the venue, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Send an order.
    Place {
        /// The order.
        order: NewOrder,
        /// The time that it carries.
        time: RequestTime,
    },
    /// Cancel what is left of an order.
    Cancel {
        /// Its symbol.
        symbol: Arc<str>,
        /// The order.
        order: ClientOrderId,
        /// The time that the request carries.
        time: RequestTime,
    },
    /// Ask.
    Ask {
        /// What.
        question: Question,
        /// The newest fill that is booked, behind which fills are asked for.
        newest: Option<VenueTradeId>,
    },
}

/// Something to ask.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// What became of an order?
    Order {
        /// Its symbol.
        symbol: Arc<str>,
        /// The order.
        order: ClientOrderId,
    },
    /// Which orders wait?
    OpenOrders {
        /// Their symbol.
        symbol: Arc<str>,
    },
    /// What was the newest fill before there was a journal?
    NewestTrade {
        /// Its symbol.
        symbol: Arc<str>,
    },
    /// Which fills are there behind the newest one that is booked?
    Trades {
        /// Their symbol.
        symbol: Arc<str>,
    },
}

/// An answer, or the lack of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// What became of sending an order.
    Placed(ClientOrderId, Sent<OrderReport>),
    /// What became of cancelling one.
    Cancelled(ClientOrderId, Sent<OrderReport>),
    /// What the venue knows of an order.
    Order(Result<Option<OrderReport>, QueryError>),
    /// The orders that wait.
    OpenOrders(Result<Vec<OrderReport>, QueryError>),
    /// The newest fill.
    NewestTrade(Result<Option<VenueTrade>, QueryError>),
    /// The fills behind the one that was named.
    Trades(Result<Vec<VenueTrade>, QueryError>),
}

/// An answer to what was asked at that time, by our clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The question; `None` behind an order or a cancellation.
    pub question: Option<Question>,
    /// When the request was given out.
    pub asked: Timestamp,
    /// What came of it.
    pub answer: Answer,
}

/// Carries a request to the venue.
pub async fn carry_out<V: Venue>(venue: &V, request: Request, asked: Timestamp) -> Answered {
    let (question, answer) = match request {
        Request::Place { order, time } => {
            let sent = venue.place(&order, time).await;
            (None, Answer::Placed(order.client_order_id, sent))
        }
        Request::Cancel {
            symbol,
            order,
            time,
        } => {
            let sent = venue.cancel(&symbol, &order, time).await;
            (None, Answer::Cancelled(order, sent))
        }
        Request::Ask { question, newest } => {
            let answer = match &question {
                Question::Order { symbol, order } => {
                    Answer::Order(venue.order(symbol, order).await)
                }
                Question::OpenOrders { symbol } => {
                    Answer::OpenOrders(venue.open_orders(symbol).await)
                }
                Question::NewestTrade { symbol } => {
                    Answer::NewestTrade(venue.newest_trade(symbol).await)
                }
                Question::Trades { symbol } => {
                    Answer::Trades(venue.trades(symbol, newest.as_ref()).await)
                }
            };
            (Some(question), answer)
        }
    };
    Answered {
        question,
        asked,
        answer,
    }
}
