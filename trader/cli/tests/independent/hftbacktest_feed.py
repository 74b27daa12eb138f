"""A recording of Binance spot as events of hftbacktest.

Does what `hftbacktest.data.utils.binancefutures.convert` does for futures, for the messages of spot: a depth
diff has no transaction time there (its event time `E` stands in for it), a trade no field `X`, and a diff
may overlap with the snapshot, which the venue's rule for joining them leaves out by update id.
"""

import gzip
import json

import numpy
from hftbacktest import BacktestAsset
from hftbacktest.data.validation import (
    correct_event_order,
    correct_local_timestamp,
    validate_event_order,
)
from hftbacktest.types import (
    BUY_EVENT,
    DEPTH_EVENT,
    DEPTH_SNAPSHOT_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
    event_dtype,
)

TICK, LOT = 0.01, 0.00001


def messages(path):
    opener = gzip.open if open(path, "rb").read(2) == b"\x1f\x8b" else open
    with opener(path, "rt") as lines:
        for line in lines:
            received, message = line.split(" ", 1)
            yield int(received), json.loads(message)


def snapshot_of(path):
    return next(message for _, message in messages(path) if "lastUpdateId" in message)


def rows(path):
    """Every event with the receive times of the recording: first the snapshot, then what continues it."""
    snapshot = snapshot_of(path)
    sides = (("b", "bids", BUY_EVENT), ("a", "asks", SELL_EVENT))
    first_time = None
    for received, message in messages(path):
        data, stream = message.get("data"), message.get("stream", "")
        if data is None or stream.endswith("@bookTicker"):
            continue
        venue_time = (data["T"] if stream.endswith("@trade") else data["E"]) * 1_000_000
        if first_time is None:
            first_time = received
            for _, levels, side in sides:
                for price, quantity in snapshot[levels]:
                    yield DEPTH_SNAPSHOT_EVENT | side, venue_time, received, float(price), float(quantity)
        if stream.endswith("@trade"):
            side = SELL_EVENT if data["m"] else BUY_EVENT
            yield TRADE_EVENT | side, venue_time, received, float(data["p"]), float(data["q"])
        elif data["u"] > snapshot["lastUpdateId"]:
            for levels, _, side in sides:
                for price, quantity in data[levels]:
                    yield DEPTH_EVENT | side, venue_time, received, float(price), float(quantity)


def convert(path):
    """The events, and by how much the library moved the receive times to make latencies positive."""
    events = numpy.array([(*row, 0, 0, 0.0) for row in rows(path)], event_dtype)
    before = int(events["local_ts"][0])
    events = correct_local_timestamp(events, 0)
    moved = int(events["local_ts"][0]) - before
    events = correct_event_order(
        events,
        numpy.argsort(events["exch_ts"], kind="mergesort"),
        numpy.argsort(events["local_ts"], kind="mergesort"),
    )
    validate_event_order(events)
    return events, moved


def asset_of(events):
    """The instrument of a recording, where nobody trades: neither latency, queue nor fee plays a part."""
    return (
        BacktestAsset()
        .data(events)
        .linear_asset(1.0)
        .constant_order_latency(0, 0)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0, 0)
        .tick_size(TICK)
        .lot_size(LOT)
    )
