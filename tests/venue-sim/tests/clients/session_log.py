"""What every client's session shares: its arguments, its log and the prices that it trades at."""

import json
import sys
from decimal import Decimal


class SessionLog:
    """One line of JSON for each step: what was done, and what the venue answered."""

    def __init__(self, path):
        self.file = open(path, "w", encoding="utf-8")

    def note(self, step, answer):
        self.file.write(json.dumps({"step": step, "answer": answer}, default=str) + "\n")
        self.file.flush()

    def check(self, step, answer, expectation, expected=True):
        self.note(step, answer)
        if expectation != expected:
            raise SystemExit(f"{step}: {expectation!r} instead of {expected!r}; the answer was {answer!r}")


class Arguments:
    """`<script> <REST address> <WebSocket address> <key> <secret> <log>`"""

    def __init__(self):
        self.rest, self.socket, self.key, self.secret, log = sys.argv[1:]
        self.log = SessionLog(log)


def price_below(best_bid, percent):
    """A price that waits, in whole ticks of one cent."""
    return (Decimal(best_bid) * (100 - percent) / 100).quantize(Decimal("0.01"))
