"""hftbacktest over a recording: wakes up at every feed, as its documentation does it for strategies in numba.

Prints JSON: events (messages that it was given), rows (its own events: a depth diff is one for each level), the
seconds of each run, and how many signals its strategies gave. The conversion and the compilation of the
strategy come before the clock starts. Usage: hftbacktest_feed_wakeups.py RECORDING RUNS
"""

import json
import pathlib
import sys
import time

from numba import njit

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "trader/cli/tests/independent"))

from hftbacktest import ROIVectorMarketDepthBacktest  # noqa: E402
from hftbacktest_feed import asset_of, convert, messages  # noqa: E402

SAMPLE = 100_000_000
COOLDOWN = 500_000_000


@njit
def wake_up_only(backtest):
    wakeups = 0
    while backtest.wait_next_feed(False, 10**15) == 2:
        wakeups += 1
    return wakeups, 0


@njit
def decide(backtest):
    """The two averages over samples of the middle, and the imbalance of five levels, at every wake-up."""
    wakeups = signals = samples = 0
    fast = slow = last_middle = 0.0
    above = known = False
    due = cooled = 0
    while backtest.wait_next_feed(False, 10**15) == 2:
        wakeups += 1
        now = backtest.current_timestamp
        depth = backtest.depth(0)
        if now >= due and last_middle > 0:
            due = now - now % SAMPLE + SAMPLE
            fast = last_middle if samples == 0 else fast + 0.4 * (last_middle - fast)
            slow = last_middle if samples == 0 else slow + 2 / 17 * (last_middle - slow)
            samples += 1
            if fast != slow:
                if known and above != (fast > slow) and samples >= 16:
                    signals += 1
                above, known = fast > slow, True
        last_middle = (depth.best_bid + depth.best_ask) / 2
        bid = ask = 0.0
        tick, found = depth.best_bid_tick, 0
        for _ in range(2_000):
            quantity = depth.bid_qty_at_tick(tick)
            if quantity > 0:
                bid += quantity
                found += 1
                if found == 5:
                    break
            tick -= 1
        tick, found = depth.best_ask_tick, 0
        for _ in range(2_000):
            quantity = depth.ask_qty_at_tick(tick)
            if quantity > 0:
                ask += quantity
                found += 1
                if found == 5:
                    break
            tick += 1
        if abs(bid - ask) >= 0.7 * (bid + ask) and now >= cooled:
            signals += 1
            cooled = now + COOLDOWN
    return wakeups, signals


def backtest_of(events):
    asset = asset_of(events).roi_lb(0.0).roi_ub(200_000.0)
    return ROIVectorMarketDepthBacktest([asset])


def main():
    recording, runs = sys.argv[1], int(sys.argv[2])
    events, _ = convert(recording)
    given = sum(1 for _, message in messages(recording) if "@bookTicker" not in message.get("stream", ""))
    report = {"rows": len(events), "events": given}
    for name, strategy in [("wakeUpsOnly", wake_up_only), ("strategies", decide)]:
        seconds = []
        for run in range(runs + 1):
            backtest = backtest_of(events)
            start = time.perf_counter()
            wakeups, signals = strategy(backtest)
            elapsed = time.perf_counter() - start
            backtest.close()
            # The first run compiles.
            if run > 0:
                seconds.append(elapsed)
        report[name] = {"seconds": seconds, "wakeUps": wakeups, "signals": signals}
    print(json.dumps(report))


main()
