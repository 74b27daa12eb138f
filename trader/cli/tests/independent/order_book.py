"""Compares the engine's order book with hftbacktest's reconstruction of the same recording.

Usage: order_book.py RECORDING BOOKS. BOOKS is a CSV of the engine's book after each depth diff: the receive
time in nanoseconds, the number of levels, and price and quantity of the best bids and then of the best asks.
"""

import csv
import sys
from decimal import Decimal

import numpy
from hftbacktest import HashMapMarketDepthBacktest
from hftbacktest_feed import LOT, asset_of, convert
from numba import njit


@njit
def follow(backtest, levels, most, farthest):
    """After every feed: its time, and ticks and quantities of the best levels of both sides."""
    times = numpy.zeros(most, numpy.int64)
    ticks = numpy.zeros((most, 2, levels), numpy.int64)
    quantities = numpy.zeros((most, 2, levels), numpy.float64)
    used = 0
    while backtest.wait_next_feed(False, 10**15) == 2:
        time = backtest.current_timestamp
        # Rows of one message come one by one; what counts is the book after the last of them.
        if used == 0 or times[used - 1] != time:
            used += 1
        times[used - 1] = time
        depth = backtest.depth(0)
        for side in range(2):
            tick = depth.best_bid_tick if side == 0 else depth.best_ask_tick
            found = 0
            for _ in range(farthest):
                quantity = depth.bid_qty_at_tick(tick) if side == 0 else depth.ask_qty_at_tick(tick)
                if quantity > 0:
                    ticks[used - 1, side, found] = tick
                    quantities[used - 1, side, found] = quantity
                    found += 1
                    if found == levels:
                        break
                tick += -1 if side == 0 else 1
    return times[:used], ticks[:used], quantities[:used]


def main():
    recording, books = sys.argv[1:]
    events, moved = convert(recording)
    rows = list(csv.reader(open(books)))
    levels = int(rows[0][1])
    backtest = HashMapMarketDepthBacktest([asset_of(events)])
    times, ticks, quantities = follow(backtest, levels, len(events), 1_000_000)
    backtest.close()
    place_of = {int(time) - moved: place for place, time in enumerate(times)}
    assert len(rows) > 100, f"{len(rows)} books prove little"
    for row in rows:
        place = place_of[int(row[0])]
        numbers = [Decimal(text) for text in row[2:]]
        for side in range(2):
            for level in range(levels):
                at = 2 * (side * levels + level)
                price, quantity = numbers[at], numbers[at + 1]
                found = int(ticks[place, side, level]), round(float(quantities[place, side, level]) / LOT)
                wanted = int(price / Decimal("0.01")), int(quantity / Decimal("0.00001"))
                assert found == wanted, f"at {row[0]}, side {side}, level {level}: hftbacktest {found}, engine {wanted}"
    print(f"{len(rows)} books of {levels} levels a side equal")


main()
