"""Recomputes every label of a recording with pandas and polars from the raw messages, and compares.

Shares no code with the engine. What it follows is docs/dataset.md.
Usage: labels.py RECORDING DATASET DEFINITION (JSON).
"""

import json
import math
import sys
from decimal import ROUND_CEILING, Decimal

import pandas
import polars

from strategies import Market, messages, units

SECOND = 1_000_000_000
HORIZONS = {"1m": 60 * SECOND, "5m": 300 * SECOND, "1h": 3_600 * SECOND, "1d": 86_400 * SECOND}
SILENCE = 15 * SECOND


def quotes(path):
    """Time, bid and ask in units of 1e-8 after each message; zeros where nobody knows them."""
    market, clock, rows = Market(), None, []
    for received, message in messages(path):
        if clock is not None and received - clock > SILENCE:
            rows.append((clock + SILENCE, 0, 0))
        clock = received if clock is None else max(clock, received)
        data, stream = message.get("data"), message.get("stream", "")
        if data is None:
            market.book.snapshot(message)
        elif stream.endswith("@bookTicker"):
            best = [(units(data[price]), units(data[size])) for price, size in ("bB", "aA")]
            market.ticker = (data["u"], *best)
        elif "@depth" in stream:
            market.book.diff(data)
        top = market.top()
        rows.append((clock, 0, 0) if top is None else (clock, top[1][0], top[2][0]))
    frame = pandas.DataFrame(rows, columns=["at", "bid", "ask"])
    changed = (frame[["bid", "ask"]] != frame[["bid", "ask"]].shift()).any(axis=1)
    return frame[changed].reset_index(drop=True), clock


def net(side, entry, exit, fee):
    gain = exit - entry if side == "Buy" else entry - exit
    return 10_000 * gain / entry - fee * (1 + exit / entry)


def same(found, wanted):
    if wanted is None or found is None:
        return pandas.isna(found) and wanted is None
    return math.isclose(float(found), float(wanted), rel_tol=1e-12, abs_tol=1e-9)


def check_returns(labels, frame, end, fee):
    """As of the horizon, with pandas' join and with polars'."""
    known = 0
    for name, horizon in HORIZONS.items():
        at = (labels["ts_decision_ns"] + horizon).rename("at").to_frame().assign(row=range(len(labels)))
        joined = pandas.merge_asof(at.sort_values("at"), frame, on="at").sort_values("row").reset_index(drop=True)
        by_polars = (
            polars.from_pandas(at.sort_values("at"))
            .join_asof(polars.from_pandas(frame), on="at", strategy="backward")
            .sort("row")
        )
        assert by_polars["bid"].fill_null(-1).to_list() == joined["bid"].fillna(-1).astype("int64").to_list()
        for label, quote in zip(labels.to_dict("records"), joined.to_dict("records")):
            exit = quote["bid"] if label["side"] == "Buy" else quote["ask"]
            if quote["at"] > end:
                wanted, reason = None, "RecordingEnds"
            elif pandas.isna(exit):
                wanted, reason = None, "NotRecorded"
            elif exit == 0:
                wanted, reason = None, "Gap"
            else:
                wanted, reason = net(label["side"], label["entry"], exit, fee), None
                assert units(str(label[f"exit_{name}"])) == exit
                known += 1
            assert same(label[f"return_{name}_bps"], wanted), f"{name}: {label}: {wanted}"
            found = label[f"return_{name}_missing"]
            assert (None if pandas.isna(found) else found) == reason, f"{name}: {label}: {reason}"
    return known


def barriers(label, basis_points):
    entry = Decimal(label["entry"])
    distance = (entry * basis_points / 10_000).to_integral_value(ROUND_CEILING)
    up, down = entry + distance, entry - distance
    own = lambda name, other: other if pandas.isna(label[name]) else units(str(label[name]))
    if label["side"] == "Buy":
        return own("target", up), own("stop", down)
    return own("target", down), own("stop", up)


def check_path(label, frame, end, definition, fee):
    """By looking at every quote within the window."""
    buys, start = label["side"] == "Buy", label["ts_decision_ns"]
    until = start + definition["barrierSeconds"] * SECOND
    profit, loss = barriers(label, Decimal(definition["barrierBasisPoints"]))
    assert (units(str(label["take_profit"])), units(str(label["stop_loss"]))) == (profit, loss)
    first = frame["at"].searchsorted(start, side="right") - 1
    last = frame["at"].searchsorted(until, side="right")
    window = frame.iloc[max(first, 0) : last]
    exits = window["bid"] if buys else window["ask"]
    met = (exits >= profit) | (exits <= loss) if buys else (exits <= profit) | (exits >= loss)
    unknown = exits == 0
    outcome, reason = None, None
    if met.any() and not unknown.loc[: met.idxmax()].any():
        place = met.idxmax()
        good = exits[place] >= profit if buys else exits[place] <= profit
        outcome = ("Target" if good else "Stop", max(window["at"][place], start), exits[place])
    elif unknown.any():
        reason = "Gap"
    elif until > end:
        reason = "RecordingEnds"
    else:
        outcome = ("Horizon", until, exits.iloc[-1])
    if outcome is None:
        assert pandas.isna(label["barrier"]) and label["barrier_missing"] == reason, f"{label}: {reason}"
    else:
        found = (label["barrier"], label["barrier_ts_ns"], units(str(label["barrier_exit"])))
        assert found == outcome, f"{label}: {outcome}"
        assert same(label["barrier_return_bps"], net(label["side"], label["entry"], outcome[2], fee))
    if until > end or unknown.any():
        assert pandas.isna(label["mfe_bps"]) and label["excursion_missing"] in ("RecordingEnds", "Gap"), label
        return outcome, False
    best, worst = (exits.max(), exits.min()) if buys else (exits.min(), exits.max())
    for name, exit in [("mfe", best), ("mae", worst)]:
        assert units(str(label[f"{name}_exit"])) == exit, f"{label}: {name} {exit}"
        assert same(label[f"{name}_bps"], net(label["side"], label["entry"], exit, fee)), f"{label}: {name}"
    return outcome, True


def main():
    recording, dataset, definition = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    frame, end = quotes(recording)
    labels = pandas.read_parquet(f"{dataset}/labels/definition={definition['name']}", dtype_backend="numpy_nullable")
    candidates = pandas.read_parquet(f"{dataset}/candidates")
    assert len(labels) == len(candidates), "a label for each candidate"
    joined = labels.merge(candidates, on=["run_id", "candidate_id"], validate="one_to_one", suffixes=("", "_seen"))
    assert (joined["entry"] == joined["touch"]).all() and len(joined) == len(labels)
    labels["ts_decision_ns"] = labels["ts_decision_ns"].astype("int64")
    labels["entry"] = labels["entry"].map(lambda price: units(str(price)))
    fee = float(definition["feeBasisPoints"])
    known = check_returns(labels, frame, end, fee)
    outcomes, excursions = {}, 0
    for label in labels.to_dict("records"):
        outcome, whole = check_path(label, frame, end, definition, fee)
        outcomes[outcome and outcome[0]] = outcomes.get(outcome and outcome[0], 0) + 1
        excursions += whole
    assert known > 5 and excursions > 5 and len(outcomes) > 1, f"too little: {known}, {excursions}, {outcomes}"
    print(f"{len(labels)} candidates: {known} returns, {outcomes}, {excursions} excursions equal")


main()
