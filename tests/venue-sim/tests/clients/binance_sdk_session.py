"""A session of the venue's own SDK: REST, market streams, the WebSocket API and events of the account."""

import asyncio

from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.errors import BadRequestError, UnauthorizedError
from binance_sdk_spot.spot import Spot

from session_log import Arguments, price_below

arguments = Arguments()
log = arguments.log


def spot(secret):
    return Spot(
        config_rest_api=ConfigurationRestAPI(
            api_key=arguments.key, api_secret=secret, base_path=arguments.rest, timeout=10_000, retries=0),
        config_ws_api=ConfigurationWebSocketAPI(
            api_key=arguments.key, api_secret=secret, stream_url=f"{arguments.socket}/ws-api/v3"),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=f"{arguments.socket}/stream"),
    )


def shown(model):
    return model.to_dict() if hasattr(model, "to_dict") else model


def refused(step, code, request):
    try:
        answer = request()
        answer.data()
    except (BadRequestError, UnauthorizedError) as error:
        log.check(step, str(error), str(code) in str(error) or getattr(error, "code", None) == code)
    else:
        raise SystemExit(f"{step}: accepted, where {code} was expected")


async def within_ten_seconds(queue, is_meant, what):
    async def look():
        while True:
            message = shown(await queue.get())
            log.note(what, message)
            if is_meant(message):
                return message

    return await asyncio.wait_for(look(), 10)


async def session():
    client = spot(arguments.secret)
    rest = client.rest_api
    info = rest.exchange_info(symbol="BTCUSDT").data()
    log.check("exchange_info", shown(info), info.symbols[0].symbol, "BTCUSDT")
    book = rest.depth(symbol="BTCUSDT", limit=5).data()
    log.check("depth", shown(book), len(book.bids), 5)
    price = float(price_below(book.bids[0][0], 10))

    answer = rest.new_order(
        symbol="BTCUSDT", side="BUY", type="LIMIT", time_in_force="GTC", quantity=0.01, price=price,
        new_client_order_id="sdk-1")
    waiting = answer.data()
    log.check("new_order", shown(waiting), waiting.status, "NEW")
    log.check("rate limits", [shown(limit) if hasattr(limit, "to_dict") else str(limit) for limit in answer.rate_limits],
              len(answer.rate_limits) > 0)
    amended = rest.order_amend_keep_priority(symbol="BTCUSDT", order_id=waiting.order_id, new_qty=0.004).data()
    log.check("order_amend_keep_priority", shown(amended), amended.amended_order.qty, "0.00400000")
    replaced = rest.order_cancel_replace(
        symbol="BTCUSDT", side="BUY", type="LIMIT", cancel_replace_mode="STOP_ON_FAILURE", time_in_force="GTC",
        quantity=0.02, price=price, cancel_order_id=waiting.order_id).data()
    log.check("order_cancel_replace", shown(replaced), replaced.new_order_result, "SUCCESS")
    opened = rest.get_open_orders(symbol="BTCUSDT").data()
    log.check("get_open_orders", [shown(order) for order in opened], len(opened), 1)
    cancelled = rest.delete_order(symbol="BTCUSDT", order_id=opened[0].order_id).data()
    log.check("delete_order", shown(cancelled), cancelled.status, "CANCELED")
    account = rest.get_account(omit_zero_balances=True).data()
    log.check("get_account", shown(account), account.can_trade)
    rates = rest.account_commission(symbol="BTCUSDT").data()
    log.check("account_commission", shown(rates), rates.standard_commission.maker, "0.00100000")

    refused("too much", -2010, lambda: rest.new_order(
        symbol="BTCUSDT", side="SELL", type="LIMIT", time_in_force="GTC", quantity=50, price=100000))
    refused("off the lot", -1013, lambda: rest.new_order(
        symbol="BTCUSDT", side="BUY", type="LIMIT", time_in_force="GTC", quantity=0.010005, price=price))
    # This client writes small numbers with an exponent, which the venue does not read.
    refused("an exponent", -1100, lambda: rest.new_order(
        symbol="BTCUSDT", side="BUY", type="LIMIT", time_in_force="GTC", quantity=0.00001, price=price))
    refused("no such order", -2013, lambda: rest.get_order(symbol="BTCUSDT", order_id=987654))
    refused("another secret", -1022, lambda: spot("another secret").rest_api.get_account())

    streams = await client.websocket_streams.create_connection()
    tickers, trades = asyncio.Queue(), asyncio.Queue()
    (await streams.book_ticker(symbol="btcusdt")).on("message", tickers.put_nowait)
    (await streams.trade(symbol="btcusdt")).on("message", trades.put_nowait)
    await within_ten_seconds(tickers, lambda message: True, "bookTicker")
    await within_ten_seconds(trades, lambda message: True, "trade")
    await streams.close_connection()

    api = await client.websocket_api.create_connection()
    events = asyncio.Queue()
    subscribed = await api.user_data_stream_subscribe_signature()
    log.note("userDataStream.subscribe.signature", shown(subscribed.response.data()))
    subscribed.stream.on("message", events.put_nowait)
    placed = (await api.order_place(
        symbol="BTCUSDT", side="BUY", type="LIMIT", time_in_force="GTC", quantity=0.01, price=price)).data().result
    log.check("order.place", shown(placed), placed.status, "NEW")
    await within_ten_seconds(events, lambda event: "'NEW'" in str(event), "event")
    status = (await api.order_status(symbol="BTCUSDT", order_id=placed.order_id)).data().result
    log.check("order.status", shown(status), status.is_working)
    amended = (await api.order_amend_keep_priority(
        symbol="BTCUSDT", order_id=placed.order_id, new_qty=0.006)).data().result
    log.check("order.amend.keepPriority", shown(amended), amended.amended_order.qty, "0.00600000")
    cancelled = (await api.order_cancel(symbol="BTCUSDT", order_id=placed.order_id)).data().result
    log.check("order.cancel", shown(cancelled), cancelled.status, "CANCELED")
    await within_ten_seconds(events, lambda event: "'CANCELED'" in str(event), "event")
    bought = (await api.order_place(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=0.01)).data().result
    log.check("market order", shown(bought), bought.status, "FILLED")
    await within_ten_seconds(events, lambda event: "'FILLED'" in str(event), "event")
    await api.close_connection()
    print("binance-sdk-spot traded", bought.order_id)


asyncio.run(session())
