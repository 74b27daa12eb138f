"""A session of python-binance: REST, market stream, events of the account over the WebSocket API."""

import asyncio

from binance import AsyncClient, BinanceSocketManager
from binance.exceptions import BinanceAPIException

from session_log import Arguments, price_below

arguments = Arguments()
log = arguments.log


async def first(socket, is_meant, what):
    """The first message that is meant, of those within ten seconds."""
    async def look():
        while True:
            message = await socket.recv()
            log.note(what, message)
            if is_meant(message):
                return message

    return await asyncio.wait_for(look(), 10)


async def refused(step, code, request):
    try:
        await request
    except BinanceAPIException as error:
        log.check(step, str(error), error.code, code)
    else:
        raise SystemExit(f"{step}: accepted, where {code} was expected")


async def session():
    # The addresses are the library's own attributes.
    AsyncClient.API_URL = f"{arguments.rest}/api"
    AsyncClient.WS_API_URL = f"{arguments.socket}/ws-api/v3"
    BinanceSocketManager.STREAM_URL = f"{arguments.socket}/"
    client = await AsyncClient.create(arguments.key, arguments.secret)
    sockets = BinanceSocketManager(client)

    info = await client.get_symbol_info("BTCUSDT")
    log.check("get_symbol_info", info, info["status"], "TRADING")
    account = await client.get_account()
    log.check("get_account", account, account["accountType"], "SPOT")
    log.note("get_klines", await client.get_klines(symbol="BTCUSDT", interval="1m", limit=3))

    async with sockets.symbol_book_ticker_socket("BTCUSDT") as tickers:
        ticker = await first(tickers, lambda message: "b" in message, "bookTicker")
    async with sockets.trade_socket("BTCUSDT") as trades:
        await first(trades, lambda message: message.get("e") == "trade", "trade")
    async with sockets.depth_socket("BTCUSDT", interval=100) as diffs:
        one = await first(diffs, lambda message: message.get("e") == "depthUpdate", "depth")
        other = await first(diffs, lambda message: message.get("e") == "depthUpdate", "depth")
        log.check("the diffs follow each other", [one["u"], other["U"]], other["U"], one["u"] + 1)

    price = price_below(ticker["b"], 10)
    async with sockets.user_socket() as events:
        waiting = await client.create_order(
            symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01",
            price=str(price), newClientOrderId="python-binance-1")
        log.check("create_order", waiting, waiting["status"], "NEW")
        of_order = lambda kind: lambda event: event.get("x") == kind and event.get("i") == waiting["orderId"]
        reported = await first(events, of_order("NEW"), "event")
        log.check("executionReport", reported, reported["c"], "python-binance-1")
        position = await first(events, lambda event: event.get("e") == "outboundAccountPosition", "event")
        locked = {balance["a"]: balance["l"] for balance in position["B"]}
        log.check("outboundAccountPosition", position, float(locked["USDT"]) > 0)
        amended = await client._put("order/amend/keepPriority", True, data={
            "symbol": "BTCUSDT", "orderId": waiting["orderId"], "newQty": "0.004"})
        log.check("amend", amended, amended["amendedOrder"]["qty"], "0.00400000")
        reported = await first(events, of_order("REPLACED"), "event")
        log.check("REPLACED", reported, reported["C"], "python-binance-1")
        cancelled = await client.cancel_order(symbol="BTCUSDT", orderId=waiting["orderId"])
        log.check("cancel_order", cancelled, cancelled["status"], "CANCELED")
        await first(events, of_order("CANCELED"), "event")
        sold = await client.order_market_sell(symbol="BTCUSDT", quantity="0.01")
        log.check("order_market_sell", sold, sold["status"], "FILLED")
        filled = await first(
            events, lambda event: event.get("i") == sold["orderId"] and event.get("X") == "FILLED", "event")
        log.check("FILLED", filled, filled["z"], "0.01000000")

    placed = await client.ws_create_order(
        symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price=str(price))
    log.check("order.place", placed, placed["status"], "NEW")
    found = await client.ws_get_order(symbol="BTCUSDT", orderId=placed["orderId"])
    log.check("order.status", found, found["origQty"], "0.01000000")
    cancelled = await client.ws_cancel_order(symbol="BTCUSDT", orderId=placed["orderId"])
    log.check("order.cancel", cancelled, cancelled["status"], "CANCELED")

    await refused("too much", -2010, client.create_order(
        symbol="BTCUSDT", side="SELL", type="LIMIT", timeInForce="GTC", quantity="50", price="100000"))
    await refused("off the tick", -1013, client.create_order(
        symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price="50000.001"))
    await refused("no such symbol", -1121, client.get_order(symbol="NOSUCH", orderId=1))
    await refused("no such order", -2013, client.get_order(symbol="BTCUSDT", orderId=987654))
    await refused("missing parameter", -1102, client.create_order(
        symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.01", price="50000"))
    await refused("retired", -1016, client._post("userDataStream", False, data={}))
    client.API_SECRET = "another secret"
    await refused("another secret", -1022, client.get_account())
    await client.close_connection()
    print("python-binance traded", sold["orderId"])


asyncio.run(session())
