"""Asks DuckDB, Polars and pandas what a backtest's orders came to, and compares with what it reports.

Usage: executions.py DATASET RESULT (the JSON of `trader backtest -o json`).
"""

import json
import sys
from decimal import Decimal, localcontext

import duckdb
import pandas
import polars


def with_duckdb(dataset):
    read = "read_parquet('{}/{}/**/*.parquet', hive_partitioning = true)"
    executions, candidates, labels = (read.format(dataset, name) for name in ("executions", "candidates", "labels"))
    totals = duckdb.sql(
        f"""select count(distinct client_order_id), count(fill_price), sum(fill_quantity), sum(fee),
                   sum(fill_price * fill_quantity), count(*) filter (liquidity = 'Maker'),
                   count(*) filter (event = 'Sent' and purpose <> 'Signal'), max(filled_quantity)
            from {executions}"""
    ).fetchall()[0]
    strategies = duckdb.sql(
        f"select strategy, instrument, event, count(*) from {executions} group by all"
    ).fetchall()
    joined = duckdb.sql(
        f"""select count(*) from {executions} as executions
            join {candidates} as candidates using (run_id, candidate_id)
            join {labels} as labels using (run_id, candidate_id)"""
    ).fetchall()[0]
    return totals, strategies, joined[0]


def with_polars(dataset):
    read = lambda table: polars.read_parquet(f"{dataset}/{table}/**/*.parquet", hive_partitioning=True)
    rows = read("executions")
    fills = rows.filter(polars.col("event") == "Filled")
    totals = (
        rows["client_order_id"].n_unique(),
        fills.height,
        sum(fills["fill_quantity"]),
        sum(fills["fee"]),
        sum(price * quantity for price, quantity in fills.select("fill_price", "fill_quantity").rows()),
        fills.filter(polars.col("liquidity") == "Maker").height,
        rows.filter((polars.col("event") == "Sent") & (polars.col("purpose") != "Signal")).height,
        rows["filled_quantity"].max(),
    )
    strategies = rows.group_by("strategy", "instrument", "event").len().rows()
    keys = ["run_id", "candidate_id"]
    joined = rows.select(keys)
    for table in ("candidates", "labels"):
        joined = joined.join(read(table).select(keys), on=keys)
    return totals, strategies, joined.height


def with_pandas(dataset):
    rows = pandas.read_parquet(f"{dataset}/executions")
    fills = rows[rows["event"] == "Filled"]
    totals = (
        rows["client_order_id"].nunique(),
        len(fills),
        fills["fill_quantity"].sum(),
        fills["fee"].sum(),
        (fills["fill_price"] * fills["fill_quantity"]).sum(),
        (fills["liquidity"] == "Maker").sum(),
        ((rows["event"] == "Sent") & (rows["purpose"] != "Signal")).sum(),
        rows["filled_quantity"].max(),
    )
    groups = rows.groupby(["strategy", "instrument", "event"], observed=True).size()
    keys = ["run_id", "candidate_id"]
    joined = rows[keys].merge(pandas.read_parquet(f"{dataset}/candidates")[keys], on=keys)
    joined = joined.merge(pandas.read_parquet(f"{dataset}/labels")[keys], on=keys)
    return totals, [(*key, count) for key, count in groups.items()], len(joined)


def plain(value):
    if isinstance(value, (list, tuple)):
        return tuple(plain(item) for item in value)
    return value if isinstance(value, str) else Decimal(str(value))


def main():
    dataset, result = sys.argv[1], json.loads(sys.argv[2])["results"][0]
    totals, strategies, joined = by_duckdb = [plain(answer) for answer in with_duckdb(dataset)]
    for name, reader in [("polars", with_polars), ("pandas", with_pandas)]:
        found = [plain(answer) for answer in reader(dataset)]
        assert found[0] == totals, f"{name}: {found[0]}\nduckdb: {totals}"
        assert sorted(found[1]) == sorted(strategies), f"{name}: {found[1]}\nduckdb: {strategies}"
        assert found[2] == joined, f"{name}: {found[2]}, duckdb: {joined}"
    orders, fills, _, fees, value, maker_fills, protecting, _ = totals
    assert orders == result["orders"]["sent"], orders
    assert (fills, maker_fills) == (result["orders"]["fills"], result["orders"]["makerFills"])
    assert (fees, value) == (Decimal(result["fees"]), Decimal(result["turnover"])), (fees, value)
    rows = sum(count for *_, count in strategies)
    assert joined == rows, f"{rows - joined} rows have no candidate or no label"
    assert protecting > 0, "no stop and no target was reached"
    print(f"duckdb, polars and pandas agree on {rows} rows of {orders} orders: fees {fees}, turnover {value}")


with localcontext() as context:
    context.prec = 60
    main()
