"""A session of ccxt: markets, book, an order that waits, is changed and cancelled, one that trades, errors."""

import ccxt

from session_log import Arguments, price_below

arguments = Arguments()
log = arguments.log
exchange = ccxt.binance({
    "apiKey": arguments.key,
    "secret": arguments.secret,
    "enableRateLimit": False,
    "options": {
        "defaultType": "spot",
        # Documented options: spot alone, without the pages of margin and futures.
        "fetchMarkets": {"types": ["spot"]},
        "fetchMargins": False,
        "warnOnFetchOpenOrdersWithoutSymbol": False,
    },
})
for name in exchange.urls["api"]:
    address = exchange.urls["api"][name]
    if isinstance(address, str) and address.startswith("https://api.binance.com"):
        exchange.urls["api"][name] = address.replace("https://api.binance.com", arguments.rest)

markets = exchange.load_markets()
log.check("load_markets", sorted(markets), "BTC/USDT" in markets)
log.check("limits", markets["BTC/USDT"]["precision"], str(markets["BTC/USDT"]["precision"]["price"]), "0.01")
currencies = exchange.fetch_currencies()
log.check("fetch_currencies", sorted(currencies), {"BTC", "USDT"} <= set(currencies))
log.note("fetch_time", exchange.fetch_time())
before = exchange.fetch_balance()
log.check("fetch_balance", before["total"], before["BTC"]["free"] > 0)

book = exchange.fetch_order_book("BTC/USDT", 20)
log.check("fetch_order_book", book, book["bids"][0][0] < book["asks"][0][0])
ticker = exchange.fetch_ticker("BTC/USDT")
log.check("fetch_ticker", ticker, ticker["bid"] is not None)
log.note("fetch_trades", exchange.fetch_trades("BTC/USDT", limit=5))
log.note("fetch_ohlcv", exchange.fetch_ohlcv("BTC/USDT", "1m", limit=5))

price = float(price_below(book["bids"][0][0], 10))
waiting = exchange.create_order("BTC/USDT", "limit", "buy", 0.01, price, {"clientOrderId": "ccxt-1"})
log.check("create_order", waiting, (waiting["status"], waiting["clientOrderId"]), ("open", "ccxt-1"))
found = exchange.fetch_order(waiting["id"], "BTC/USDT")
log.check("fetch_order", found, found["remaining"], 0.01)
held = exchange.fetch_balance()
log.check("balance is held", held["USDT"], round(held["USDT"]["used"] - before["USDT"]["used"], 8), round(price * 0.01, 8))

edited = exchange.edit_order(waiting["id"], "BTC/USDT", "limit", "buy", 0.005, price)
log.check("edit_order", edited, edited["id"] != waiting["id"])
opened = exchange.fetch_open_orders("BTC/USDT")
log.check("fetch_open_orders", opened, [order["id"] for order in opened], [edited["id"]])
cancelled = exchange.cancel_order(edited["id"], "BTC/USDT")
log.check("cancel_order", cancelled, cancelled["status"], "canceled")
after = exchange.fetch_balance()
log.check("balance is free", after["USDT"], after["USDT"], before["USDT"])

bought = exchange.create_order("BTC/USDT", "market", "buy", 0.01)
log.check("market order", bought, (bought["status"], bought["filled"]), ("closed", 0.01))
mine = exchange.fetch_my_trades("BTC/USDT", limit=10)
log.check("fetch_my_trades", mine, sum(trade["amount"] for trade in mine if trade["order"] == bought["id"]), 0.01)
orders = exchange.fetch_orders("BTC/USDT")
log.check("fetch_orders", orders, [order["status"] for order in orders][-3:], ["canceled", "canceled", "closed"])

refusals = [
    ("too much", ccxt.InsufficientFunds, lambda: exchange.create_order("BTC/USDT", "limit", "sell", 50, 100000)),
    ("unknown order", ccxt.OrderNotFound, lambda: exchange.cancel_order("987654", "BTC/USDT")),
    ("below the smallest value", ccxt.BadRequest, lambda: exchange.create_order("BTC/USDT", "limit", "buy", 0.00001, price)),
    ("maker that would take", ccxt.OrderImmediatelyFillable,
     lambda: exchange.create_order("BTC/USDT", "limit", "buy", 0.01, round(book["asks"][0][0] * 1.05, 2), {"postOnly": True})),
]
for name, error, act in refusals:
    try:
        act()
    except error as refused:
        log.note(name, f"{type(refused).__name__}: {refused}")
    else:
        raise SystemExit(f"{name}: accepted, where {error.__name__} was expected")

exchange.secret = "another secret"
try:
    exchange.fetch_balance()
except ccxt.ExchangeError as refused:
    log.check("another secret", str(refused), "-1022" in str(refused))
else:
    raise SystemExit("a request signed with another secret was accepted")
print("ccxt", ccxt.__version__, "traded", bought["id"])
