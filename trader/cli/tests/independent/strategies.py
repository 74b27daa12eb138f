"""Recomputes what every strategy proposes from the raw messages of a recording, and compares.

Shares no code with the engine: the order book is a dict, averages and channels are those of pandas, means
and standard deviations those of numpy. What it follows is docs/strategies.md.
Usage: strategies.py RECORDING DATASET PARAMETERS (JSON).
"""

import gzip
import heapq
import json
import sys
from fractions import Fraction

import numpy
import pandas
from numpy.lib.stride_tricks import sliding_window_view


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
        self.trade = None
        self.time = None

    def top(self):
        """Update id, best bid, best ask; a level is a price and a quantity."""
        from_book = None
        if self.book.last is not None:
            bids, asks = self.book.best(1)
            if bids and asks:
                from_book = (self.book.last, bids[0], asks[0])
        if self.ticker is None:
            return from_book
        if from_book is not None and self.ticker[0] < from_book[0]:
            return from_book
        return self.ticker

    def prices(self):
        """What strategies sample, exactly, in whole units of the quote asset."""
        prices = {"LastTrade": self.trade}
        top = self.top()
        if top is not None:
            (bid, bid_size), (ask, ask_size) = top[1:]
            prices["Mid"] = Fraction(bid + ask, 2 * 10**8)
            prices["Microprice"] = Fraction(
                bid * ask_size + ask * bid_size, (bid_size + ask_size) * 10**8
            )
        return prices


def follow(path, parameters):
    """The samples of every price, and the signals of the imbalance."""
    market = Market()
    interval = parameters["sampleIntervalMilliseconds"] * 1_000_000
    threshold = Fraction(parameters["threshold"])
    cooldown = parameters["cooldownMilliseconds"] * 1_000_000
    samples = {"Mid": [], "LastTrade": [], "Microprice": []}
    signals = []
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
            if due is not None and market.time >= due:
                for kind, price in market.prices().items():
                    if price is not None:
                        samples[kind].append((newest, price))
            if due is None or market.time >= due:
                due = newest + interval
        applied = False
        if data is None:
            market.book.snapshot(message)
        elif stream.endswith("@bookTicker"):
            best = [(units(data[price]), units(data[size])) for price, size in ("bB", "aA")]
            market.ticker = (data["u"], *best)
        elif stream.endswith("@trade"):
            market.trade = Fraction(units(data["p"]), 10**8)
        elif "@depth" in stream:
            applied = market.book.diff(data)
        if applied:
            bids, asks = market.book.best(parameters["levels"])
            bid = sum(quantity for _, quantity in bids)
            ask = sum(quantity for _, quantity in asks)
            imbalance = Fraction(bid - ask, bid + ask) if bids and asks else 0
            cooling = last_signal is not None and market.time - last_signal < cooldown
            if imbalance != 0 and abs(imbalance) >= threshold and not cooling:
                last_signal = market.time
                side = "Buy" if imbalance > 0 else "Sell"
                signals.append((f"depth:{data['u']}", side, float(imbalance)))
    return samples, signals


def series(samples):
    return pandas.Series([float(price) for _, price in samples], dtype="float64")


def crossings(samples, parameters):
    prices = series(samples)
    fast = prices.ewm(span=parameters["fastPeriod"], adjust=False).mean()
    slow = prices.ewm(span=parameters["slowPeriod"], adjust=False).mean()
    above = None
    for place, (at, _) in enumerate(samples):
        # pandas sums up in another order: differences of a rounding are none.
        difference = fast[place] - slow[place]
        if abs(difference) <= 1e-9 * prices[place]:
            continue
        now_above = difference > 0
        crossed = above is not None and now_above != above
        above = now_above
        if crossed and place + 1 >= parameters["slowPeriod"]:
            side = "Buy" if now_above else "Sell"
            yield f"sample:{at}", side, prices[place], fast[place], slow[place]


def breakouts(samples, parameters):
    prices = series(samples)

    def before(period):
        channel = prices.rolling(period)
        return channel.max().shift(1), channel.min().shift(1)

    entry, exit = before(parameters["entryPeriod"]), before(parameters["exitPeriod"])
    stance = 0
    for place, (at, _) in enumerate(samples):
        price = prices[place]
        borders = [border[place] for border in (*entry, *exit)]
        if any(numpy.isnan(borders)):
            continue
        entry_highest, entry_lowest, exit_highest, exit_lowest = borders
        step = 0
        if stance == 0:
            step = 1 if price > entry_highest else -1 if price < entry_lowest else 0
        elif stance == 1 and price < exit_lowest:
            step = -1
        elif stance == -1 and price > exit_highest:
            step = 1
        if step:
            yield f"sample:{at}", "Buy" if step > 0 else "Sell", price, *borders, stance
            stance += step


def reversions(samples, parameters):
    period = parameters["period"]
    prices = series(samples)
    # numpy looks at each window on its own; the running sums of pandas would round away what is left of
    # a deviation after a much larger one.
    windows = sliding_window_view(prices, period) if len(prices) >= period else numpy.empty((0, period))
    missing = numpy.full(period - 1, numpy.nan)
    mean = numpy.concatenate([missing, windows.mean(axis=1)])
    deviation = numpy.concatenate([missing, windows.std(axis=1, ddof=1)])

    def exact(place):
        """The square of the score, for what is too close to tell with floats."""
        values = [price for _, price in samples[place + 1 - period : place + 1]]
        average = sum(values) / period
        variance = sum((value - average) ** 2 for value in values) / (period - 1)
        return (values[-1] - average) ** 2 / variance if variance else Fraction(0)

    def beyond(place, score, threshold):
        """-1 within the threshold, 0 on it, 1 beyond it."""
        difference = abs(score) - float(threshold)
        if abs(difference) < 1e-6:
            difference = exact(place) - threshold**2
        return int(difference > 0) - int(difference < 0)

    entry, exit = Fraction(parameters["entryThreshold"]), Fraction(parameters["exitThreshold"])
    stance = 0
    for place, (at, _) in enumerate(samples):
        if place + 1 < period:
            continue
        constant = exact(place) == 0
        score = 0.0 if constant else (prices[place] - mean[place]) / deviation[place]
        step = 0
        if stance == 0:
            if not constant and beyond(place, score, entry) >= 0:
                step = -1 if score > 0 else 1
        elif score * stance > 0 or beyond(place, score, exit) <= 0:
            step = -stance
        if step:
            side = "Buy" if step > 0 else "Sell"
            yield f"sample:{at}", side, prices[place], mean[place], deviation[place], score, stance
            stance += step


def compare(name, expected, found, numbers, at_least):
    assert len(expected) >= at_least, f"{name}: {len(expected)} signals prove little"
    assert len(expected) == len(found), f"{name}: expected {len(expected)}, found {len(found)}"
    worst = 0.0
    for wanted, row in zip(expected, found.itertuples()):
        assert wanted[:2] == (row.trigger, row.side), f"{name}: expected {wanted}, found {row}"
        features = dict(row.features)
        for number, feature in zip(wanted[2:], numbers, strict=True):
            difference = abs(features[feature] - number) / max(abs(number), 1e-3)
            assert difference < 1e-6, f"{name} {wanted}: {feature} is {features[feature]}"
            worst = max(worst, difference)
    print(f"{name}: {len(expected)} signals equal, features within {worst:.1e}")


def candidates(dataset):
    folder = f"{dataset}/candidates"
    rows = pandas.read_parquet(folder)
    if rows.empty:
        return pandas.DataFrame(columns=["strategy"])
    return rows.sort_values("decision_round", kind="stable")


def main():
    recording, dataset, parameters = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    samples, imbalances = follow(recording, parameters)
    rows = candidates(dataset)
    print(f"{len(samples['Mid'])} samples, {len(rows)} rows")
    channels = ["entry_highest", "entry_lowest", "exit_highest", "exit_lowest", "stance"]
    deviations = ["mean", "standard_deviation", "z_score", "stance"]
    for name, expected, numbers in [
        ("trend", crossings(samples["Mid"], parameters), ["sampled_price", "fast_average", "slow_average"]),
        ("breakout", breakouts(samples["LastTrade"], parameters), ["sampled_price", *channels]),
        ("reversion", reversions(samples["Microprice"], parameters), ["sampled_price", *deviations]),
        ("reversion-last", reversions(samples["LastTrade"], parameters), ["sampled_price", *deviations]),
        ("imbalance", imbalances, ["imbalance"]),
    ]:
        at_least = parameters["signalsAtLeast"].get(name, 0)
        compare(name, list(expected), rows[rows["strategy"] == name], numbers, at_least)


if __name__ == "__main__":
    main()
