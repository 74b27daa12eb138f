//! The list of requests.

use super::Parameters;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Ping,
    Time,
    ExchangeInfo,
    Depth,
    Trades,
    AggregateTrades,
    Klines,
    AveragePrice,
    TickerPrice,
    BookTicker,
    DayTicker,
    PlaceOrder,
    TestOrder,
    QueryOrder,
    CancelOrder,
    CancelReplace,
    Amend,
    Amendments,
    OpenOrders,
    CancelOpenOrders,
    AllOrders,
    MyTrades,
    Account,
    Commission,
    OrderCounts,
    /// Network fees and limits of coins; a private call of ccxt's start.
    CapitalConfig,
    /// What a key may do.
    KeyPermissions,
}

/// A request as REST and the WebSocket API have it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Endpoint {
    pub(crate) call: Call,
    /// Verb and path; empty where REST lacks it.
    pub(crate) route: (&'static str, &'static str),
    /// Name in the WebSocket API; empty where that lacks it.
    pub(crate) method: &'static str,
    pub(crate) is_signed: bool,
    /// Whether it counts as a new order.
    pub(crate) places_order: bool,
}

const fn public(call: Call, path: &'static str, method: &'static str) -> Endpoint {
    Endpoint {
        call,
        route: ("GET", path),
        method,
        is_signed: false,
        places_order: false,
    }
}

const fn signed(
    call: Call,
    verb: &'static str,
    path: &'static str,
    method: &'static str,
) -> Endpoint {
    Endpoint {
        call,
        route: (verb, path),
        method,
        is_signed: true,
        places_order: matches!(call, Call::PlaceOrder | Call::CancelReplace),
    }
}

const ENDPOINTS: [Endpoint; 27] = [
    public(Call::Ping, "/api/v3/ping", "ping"),
    public(Call::Time, "/api/v3/time", "time"),
    public(Call::ExchangeInfo, "/api/v3/exchangeInfo", "exchangeInfo"),
    public(Call::Depth, "/api/v3/depth", "depth"),
    public(Call::Trades, "/api/v3/trades", "trades.recent"),
    public(
        Call::AggregateTrades,
        "/api/v3/aggTrades",
        "trades.aggregate",
    ),
    public(Call::Klines, "/api/v3/klines", "klines"),
    public(Call::AveragePrice, "/api/v3/avgPrice", "avgPrice"),
    public(Call::TickerPrice, "/api/v3/ticker/price", "ticker.price"),
    public(Call::BookTicker, "/api/v3/ticker/bookTicker", "ticker.book"),
    public(Call::DayTicker, "/api/v3/ticker/24hr", "ticker.24hr"),
    signed(Call::PlaceOrder, "POST", "/api/v3/order", "order.place"),
    signed(Call::TestOrder, "POST", "/api/v3/order/test", "order.test"),
    signed(Call::QueryOrder, "GET", "/api/v3/order", "order.status"),
    signed(Call::CancelOrder, "DELETE", "/api/v3/order", "order.cancel"),
    signed(
        Call::CancelReplace,
        "POST",
        "/api/v3/order/cancelReplace",
        "order.cancelReplace",
    ),
    signed(
        Call::Amend,
        "PUT",
        "/api/v3/order/amend/keepPriority",
        "order.amend.keepPriority",
    ),
    signed(
        Call::Amendments,
        "GET",
        "/api/v3/order/amendments",
        "order.amendments",
    ),
    signed(
        Call::OpenOrders,
        "GET",
        "/api/v3/openOrders",
        "openOrders.status",
    ),
    signed(
        Call::CancelOpenOrders,
        "DELETE",
        "/api/v3/openOrders",
        "openOrders.cancelAll",
    ),
    signed(Call::AllOrders, "GET", "/api/v3/allOrders", "allOrders"),
    signed(Call::MyTrades, "GET", "/api/v3/myTrades", "myTrades"),
    signed(Call::Account, "GET", "/api/v3/account", "account.status"),
    signed(
        Call::Commission,
        "GET",
        "/api/v3/account/commission",
        "account.commission",
    ),
    signed(
        Call::OrderCounts,
        "GET",
        "/api/v3/rateLimit/order",
        "account.rateLimits.orders",
    ),
    signed(
        Call::CapitalConfig,
        "GET",
        "/sapi/v1/capital/config/getall",
        "",
    ),
    signed(
        Call::KeyPermissions,
        "GET",
        "/sapi/v1/account/apiRestrictions",
        "",
    ),
];

/// The request of this verb and path.
pub(crate) fn find_route(verb: &str, path: &str) -> Option<&'static Endpoint> {
    ENDPOINTS
        .iter()
        .find(|endpoint| endpoint.route == (verb, path))
}

/// Whether another verb would find something at this path.
pub(crate) fn has_path(path: &str) -> bool {
    ENDPOINTS.iter().any(|endpoint| endpoint.route.1 == path)
}

/// The request of this name in the WebSocket API.
pub(crate) fn find_method(method: &str) -> Option<&'static Endpoint> {
    let method = method.strip_prefix("v3/").unwrap_or(method);
    ENDPOINTS
        .iter()
        .find(|endpoint| !endpoint.method.is_empty() && endpoint.method == method)
}

/// What a request costs of the minute's weight.
pub(crate) fn weight(call: Call, parameters: &Parameters) -> u32 {
    let by_symbols = |one: u32, all: u32| match parameters.text("symbol") {
        Some(_) => one,
        None => all,
    };
    match call {
        Call::Ping
        | Call::Time
        | Call::PlaceOrder
        | Call::TestOrder
        | Call::CancelOrder
        | Call::CancelReplace
        | Call::CancelOpenOrders
        | Call::KeyPermissions => 1,
        Call::Depth => match parameters.limit(100, 5_000).unwrap_or(5_000) {
            0..=100 => 5,
            101..=500 => 25,
            501..=1_000 => 50,
            _ => 250,
        },
        Call::Klines | Call::AveragePrice => 2,
        Call::TickerPrice | Call::BookTicker => by_symbols(2, 4),
        Call::DayTicker => by_symbols(2, 80),
        Call::OpenOrders => by_symbols(6, 80),
        Call::AggregateTrades | Call::QueryOrder | Call::Amend | Call::Amendments => 4,
        Call::MyTrades if parameters.text("orderId").is_some() => 5,
        Call::CapitalConfig => 10,
        Call::ExchangeInfo
        | Call::AllOrders
        | Call::MyTrades
        | Call::Account
        | Call::Commission => 20,
        Call::Trades => 25,
        Call::OrderCounts => 40,
    }
}
