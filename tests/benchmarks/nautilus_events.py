"""NautilusTrader over a recording: its backtest engine's low-level interface, with logging off.

Prints JSON: events (quotes, trades and batches of book deltas that it was given), the seconds of each run, and
how many signals its strategies gave. Data is made into its objects before the clock starts.
Usage: nautilus_events.py RECORDING RUNS
"""

import gzip
import json
import sys
import time
from decimal import Decimal

from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.common.config import LoggingConfig
from nautilus_trader.core.rust.model import AggressorSide, BookAction, BookType, OrderSide, RecordFlag
from nautilus_trader.indicators import ExponentialMovingAverage
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas, QuoteTick, TradeTick
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.enums import AccountType, OmsType
from nautilus_trader.model.identifiers import TradeId, Venue
from nautilus_trader.model.objects import Money
from nautilus_trader.risk.config import RiskEngineConfig
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

SAMPLE = 100_000_000
COOLDOWN = 500_000_000


def messages(path):
    opener = gzip.open if open(path, "rb").read(2) == b"\x1f\x8b" else open
    with opener(path, "rt") as lines:
        for line in lines:
            received, message = line.split(" ", 1)
            yield int(received), json.loads(message)


def deltas(instrument, sides, at, sequence, is_snapshot):
    rows = []
    if is_snapshot:
        rows.append(OrderBookDelta.clear(instrument.id, sequence, at, at))
    for side, levels in sides:
        for price, quantity in levels:
            size = instrument.make_qty(Decimal(quantity))
            action = BookAction.UPDATE if size > 0 else BookAction.DELETE
            order = BookOrder(side, instrument.make_price(Decimal(price)), size, 0)
            rows.append(OrderBookDelta(instrument.id, action, order, 0, sequence, at, at))
    if not rows:
        return None
    last = rows[-1]
    flags = RecordFlag.F_LAST
    rows[-1] = OrderBookDelta(instrument.id, last.action, last.order, flags, sequence, at, at)
    return OrderBookDeltas(instrument.id, rows)


def data_of(path, instrument):
    snapshot = next(message for _, message in messages(path) if "lastUpdateId" in message)
    data = []
    for received, message in messages(path):
        if not data:
            sides = [(OrderSide.BUY, snapshot["bids"]), (OrderSide.SELL, snapshot["asks"])]
            data.append(deltas(instrument, sides, received, snapshot["lastUpdateId"], True))
        body, stream = message.get("data"), message.get("stream", "")
        if body is None:
            continue
        if stream.endswith("@bookTicker"):
            data.append(
                QuoteTick(
                    instrument.id,
                    instrument.make_price(Decimal(body["b"])),
                    instrument.make_price(Decimal(body["a"])),
                    instrument.make_qty(Decimal(body["B"])),
                    instrument.make_qty(Decimal(body["A"])),
                    received,
                    received,
                )
            )
        elif stream.endswith("@trade"):
            side = AggressorSide.SELLER if body["m"] else AggressorSide.BUYER
            data.append(
                TradeTick(
                    instrument.id,
                    instrument.make_price(Decimal(body["p"])),
                    instrument.make_qty(Decimal(body["q"])),
                    side,
                    TradeId(str(body["t"])),
                    received,
                    received,
                )
            )
        elif body["u"] > snapshot["lastUpdateId"]:
            sides = [(OrderSide.BUY, body["b"]), (OrderSide.SELL, body["a"])]
            change = deltas(instrument, sides, received, body["u"], False)
            if change is not None:
                data.append(change)
    return data


class Decide(Strategy):
    """The two averages over samples of the middle, and the imbalance of the best level after each book change."""

    def __init__(self, instrument):
        super().__init__()
        self.instrument = instrument
        self.fast = ExponentialMovingAverage(4)
        self.slow = ExponentialMovingAverage(16)
        self.middle = None
        self.above = None
        self.due = self.cooled = self.seen = self.signals = 0

    def on_start(self):
        self.subscribe_order_book_deltas(self.instrument.id, BookType.L2_MBP)
        self.subscribe_quote_ticks(self.instrument.id)
        self.subscribe_trade_ticks(self.instrument.id)

    def sample(self, now):
        if now < self.due or self.middle is None:
            return
        self.due = now - now % SAMPLE + SAMPLE
        self.fast.update_raw(self.middle)
        self.slow.update_raw(self.middle)
        above = self.fast.value > self.slow.value
        if self.above is not None and above != self.above and self.slow.initialized:
            self.signals += 1
        self.above = above

    def on_quote_tick(self, tick):
        self.seen += 1
        self.middle = (tick.bid_price.as_double() + tick.ask_price.as_double()) / 2

    def on_trade_tick(self, tick):
        self.seen += 1
        self.sample(tick.ts_event)

    def on_order_book_deltas(self, deltas):
        self.seen += 1
        now = deltas.ts_event
        self.sample(now)
        book = self.cache.order_book(self.instrument.id)
        # Its book hands out whole sides; its own example of an imbalance looks at the best levels alone.
        bid, ask = book.best_bid_size(), book.best_ask_size()
        if bid is None or ask is None:
            return
        bid, ask = bid.as_double(), ask.as_double()
        if abs(bid - ask) >= 0.7 * (bid + ask) and now >= self.cooled:
            self.signals += 1
            self.cooled = now + COOLDOWN


def run(data, instrument, with_strategy):
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True),
            risk_engine=RiskEngineConfig(bypass=False),
            run_analysis=False,
        )
    )
    engine.add_venue(
        venue=Venue("BINANCE"),
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        base_currency=None,
        starting_balances=[Money(1_000_000, USDT)],
        book_type=BookType.L2_MBP,
    )
    engine.add_instrument(instrument)
    strategy = Decide(instrument)
    if with_strategy:
        engine.add_strategy(strategy)
    engine.add_data(data)
    start = time.perf_counter()
    engine.run()
    elapsed = time.perf_counter() - start
    engine.dispose()
    return elapsed, strategy


def main():
    recording, runs = sys.argv[1], int(sys.argv[2])
    instrument = TestInstrumentProvider.btcusdt_binance()
    data = data_of(recording, instrument)
    report = {"events": len(data)}
    for name, with_strategy in [("noStrategy", False), ("strategies", True)]:
        seconds = []
        for _ in range(runs):
            elapsed, strategy = run(data, instrument, with_strategy)
            seconds.append(elapsed)
        report[name] = {"seconds": seconds, "seen": strategy.seen, "signals": strategy.signals}
    print(json.dumps(report))


main()
