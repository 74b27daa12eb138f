"""Recomputes what both strategies propose from the raw messages of a recording, and compares.

Shares no code with the engine: the order book is a dict, the averages are those of pandas. What it
follows is docs/strategies.md. Usage: strategies.py RECORDING DATASET PARAMETERS (JSON).
"""

import gzip
import heapq
import json
import sys
from fractions import Fraction

import pandas


def messages(path):
    opener = gzip.open if open(path, "rb").read(2) == b"\x1f\x8b" else open
    with opener(path, "rt") as lines:
        for line in lines:
            received, message = line.split(" ", 1)
            yield int(received), json.loads(message)


def units(text):
    """A decimal as a whole number of 1e-8."""
    value = Fraction(text) * 10**8
    assert value.denominator == 1, text
    return value.numerator


class Book:
    """The venue's rule: a diff continues the book when first <= book + 1 <= last."""

    def __init__(self):
        self.sides = {"b": {}, "a": {}}
        self.last = None
        self.kept = []

    def apply(self, levels, side):
        for price, quantity in levels:
            if units(quantity) == 0:
                self.sides[side].pop(units(price), None)
            else:
                self.sides[side][units(price)] = units(quantity)

    def diff(self, data):
        if self.last is None:
            self.kept.append(data)
            return False
        if data["u"] <= self.last:
            return False
        assert data["U"] <= self.last + 1, "the recording has a hole: choose another"
        self.apply(data["b"], "b")
        self.apply(data["a"], "a")
        self.last = data["u"]
        return True

    def snapshot(self, data):
        if self.last is not None:
            return
        self.apply(data["bids"], "b")
        self.apply(data["asks"], "a")
        self.last = data["lastUpdateId"]
        kept, self.kept = self.kept, []
        for diff in kept:
            self.diff(diff)

    def best(self, count):
        bids = heapq.nlargest(count, self.sides["b"].items())
        asks = heapq.nsmallest(count, self.sides["a"].items())
        return bids, asks


class Market:
    def __init__(self):
        self.book = Book()
        self.ticker = None
        self.time = None

    def mid(self):
        from_book = None
        if self.book.last is not None:
            bids, asks = self.book.best(1)
            from_book = (self.book.last, bids[0][0], asks[0][0])
        if self.ticker is None:
            top = from_book
        elif from_book is not None and self.ticker[0] < from_book[0]:
            top = from_book
        else:
            top = self.ticker
        return None if top is None else (top[1] / 10**8 + top[2] / 10**8) / 2


def follow(path, parameters):
    """The samples of the mid price, and the signals of the imbalance."""
    market = Market()
    interval = parameters["sampleIntervalMilliseconds"] * 1_000_000
    threshold = Fraction(parameters["threshold"])
    cooldown = parameters["cooldownMilliseconds"] * 1_000_000
    samples, signals = [], []
    due = last_signal = None
    for _, message in messages(path):
        data, stream = message.get("data"), message.get("stream", "")
        event_time = None
        if stream.endswith("@trade"):
            event_time = data["T"] * 1_000_000
        elif "@depth" in stream:
            event_time = data["E"] * 1_000_000
        if event_time is not None:
            market.time = max(event_time, market.time or event_time)
            newest = market.time - market.time % interval
            if due is not None and market.time >= due and (price := market.mid()) is not None:
                samples.append((newest, price))
            if due is None or market.time >= due:
                due = newest + interval
        applied = False
        if data is None:
            market.book.snapshot(message)
        elif stream.endswith("@bookTicker"):
            market.ticker = (data["u"], units(data["b"]), units(data["a"]))
        elif "@depth" in stream:
            applied = market.book.diff(data)
        if applied:
            bids, asks = market.book.best(parameters["levels"])
            bid = sum(quantity for _, quantity in bids)
            ask = sum(quantity for _, quantity in asks)
            imbalance = Fraction(bid - ask, bid + ask)
            cooling = last_signal is not None and market.time - last_signal < cooldown
            if imbalance != 0 and abs(imbalance) >= threshold and not cooling:
                last_signal = market.time
                side = "Buy" if imbalance > 0 else "Sell"
                signals.append((f"depth:{data['u']}", side, float(imbalance)))
    return samples, signals


def crossings(samples, parameters):
    prices = pandas.Series([price for _, price in samples], dtype="float64")
    fast = prices.ewm(span=parameters["fastPeriod"], adjust=False).mean()
    slow = prices.ewm(span=parameters["slowPeriod"], adjust=False).mean()
    above = None
    for place, (at, price) in enumerate(samples):
        # pandas sums up in another order: differences of a rounding are none.
        difference = fast[place] - slow[place]
        if abs(difference) <= 1e-9 * price:
            continue
        now_above = difference > 0
        crossed = above is not None and now_above != above
        above = now_above
        if crossed and place + 1 >= parameters["slowPeriod"]:
            yield f"sample:{at}", "Buy" if now_above else "Sell", price, fast[place], slow[place]


def compare(name, expected, found, numbers):
    assert len(expected) > 5, f"{name}: {len(expected)} signals prove little"
    assert len(expected) == len(found), f"{name}: expected {len(expected)}, found {len(found)}"
    worst = 0.0
    for wanted, row in zip(expected, found.itertuples()):
        assert wanted[:2] == (row.trigger, row.side), f"{name}: expected {wanted}, found {row}"
        features = dict(row.features)
        for number, feature in zip(wanted[2:], numbers):
            worst = max(worst, abs(features[feature] - number) / max(abs(number), 1e-12))
    assert worst < 1e-9, f"{name}: features differ by {worst}"
    print(f"{name}: {len(expected)} signals equal, features within {worst:.1e}")


def main():
    recording, dataset, parameters = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    samples, signals = follow(recording, parameters)
    rows = pandas.read_parquet(f"{dataset}/candidates").sort_values("decision_round", kind="stable")
    print(f"{len(samples)} samples, {len(rows)} rows")
    trend = list(crossings(samples, parameters))
    averages = ["sampled_price", "fast_average", "slow_average"]
    compare("trend", trend, rows[rows["strategy"] == "trend"], averages)
    compare("imbalance", signals, rows[rows["strategy"] == "imbalance"], ["imbalance"])


main()
