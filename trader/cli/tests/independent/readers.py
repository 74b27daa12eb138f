"""Asks a dataset the same questions with DuckDB, Polars and pandas; the answers have to be equal.

Usage: readers.py DATASET SUMMARY (the JSON of `trader dataset summary -o json`).
"""

import json
import sys
from decimal import Decimal

import duckdb
import pandas
import polars


def with_duckdb(dataset):
    files = f"read_parquet('{dataset}/candidates/**/*.parquet', hive_partitioning = true)"
    totals = duckdb.sql(
        f"""select count(*), count(distinct candidate_id), sum(quantity), sum(spread), min(ts_decision_ns),
                   max(ts_decision_ns), count(price), sum(final_quantity), sum(len(verdicts_all_taken)),
                   coalesce(sum(portfolio_enforced.equity), 0), coalesce(sum(portfolio_all_taken.position), 0),
                   coalesce(sum(taken_quantity), 0)
            from {files}"""
    ).fetchall()[0]
    strategies = duckdb.sql(
        f"select strategy, instrument, final_if_enforced, count(*) from {files} group by all"
    ).fetchall()
    rules = duckdb.sql(
        f"""select verdict.rule, count(*), count(*) filter (not verdict.pass), count(verdict.resized_qty),
                   coalesce(sum(verdict.observed), 0)
            from (select unnest(verdicts) as verdict from {files}) group by verdict.rule"""
    ).fetchall()
    features = duckdb.sql(f"select count(*) from {files} where len(map_keys(features)) >= 3").fetchall()[0]
    return totals, strategies, rules, features[0]


def with_polars(dataset):
    rows = polars.read_parquet(f"{dataset}/candidates/**/*.parquet", hive_partitioning=True)
    totals = rows.select(
        polars.len().alias("rows"),
        polars.col("candidate_id").n_unique(),
        polars.col("quantity").sum(),
        polars.col("spread").sum(),
        polars.col("ts_decision_ns").min().alias("first"),
        polars.col("ts_decision_ns").max().alias("last"),
        polars.col("price").count(),
        polars.col("final_quantity").sum(),
        polars.col("verdicts_all_taken").list.len().sum(),
        polars.col("portfolio_enforced").struct.field("equity").sum(),
        polars.col("portfolio_all_taken").struct.field("position").sum(),
        polars.col("taken_quantity").sum(),
    ).row(0)
    strategies = rows.group_by("strategy", "instrument", "final_if_enforced").len().rows()
    verdicts = rows.select(polars.col("verdicts").explode()).unnest("verdicts")
    rules = (
        verdicts.group_by("rule")
        .agg(
            polars.len(),
            (~polars.col("pass")).sum(),
            polars.col("resized_qty").count(),
            polars.col("observed").sum(),
        )
        .rows()
    )
    features = rows.filter(polars.col("features").map.len() >= 3).height
    return totals, strategies, rules, features


def with_pandas(dataset):
    rows = pandas.read_parquet(f"{dataset}/candidates")
    totals = (
        len(rows),
        rows["candidate_id"].nunique(),
        rows["quantity"].sum(),
        rows["spread"].sum(),
        rows["ts_decision_ns"].min(),
        rows["ts_decision_ns"].max(),
        rows["price"].notna().sum(),
        rows["final_quantity"].sum(),
        rows["verdicts_all_taken"].map(len).sum(),
        sum(portfolio["equity"] for portfolio in rows["portfolio_enforced"].dropna()),
        sum(portfolio["position"] for portfolio in rows["portfolio_all_taken"].dropna()),
        rows["taken_quantity"].dropna().sum(),
    )
    groups = rows.groupby(["strategy", "instrument", "final_if_enforced"], observed=True).size()
    strategies = [(*key, count) for key, count in groups.items()]
    rules = {}
    for verdicts in rows["verdicts"]:
        for verdict in verdicts:
            evaluated, denied, resized, observed = rules.get(verdict["rule"], (0, 0, 0, Decimal(0)))
            rules[verdict["rule"]] = (
                evaluated + 1,
                denied + (not verdict["pass"]),
                resized + (verdict["resized_qty"] is not None),
                observed + (verdict["observed"] or 0),
            )
    features = sum(len(features) >= 3 for features in rows["features"])
    return totals, strategies, [(rule, *counts) for rule, counts in rules.items()], features


def plain(value):
    """Decimals of other scales, NumPy's integers and the like as what they are worth."""
    if isinstance(value, (list, tuple)):
        return tuple(plain(item) for item in value)
    if isinstance(value, str):
        return value
    return Decimal(str(value)) if not isinstance(value, Decimal) else value


def answers(reader, dataset):
    totals, strategies, rules, features = reader(dataset)
    return {
        "totals": plain(totals),
        "strategies": sorted(plain(strategies)),
        "rules": sorted(plain(rules)),
        "features": plain(features),
    }


def main():
    dataset, summary = sys.argv[1], json.loads(sys.argv[2])
    by_duckdb = answers(with_duckdb, dataset)
    for name, reader in [("polars", with_polars), ("pandas", with_pandas)]:
        found = answers(reader, dataset)
        for question, answer in by_duckdb.items():
            assert found[question] == answer, f"{name}, {question}: {found[question]}\nduckdb: {answer}"
    counts = {rule: (evaluated, denied, resized) for rule, evaluated, denied, resized, _ in by_duckdb["rules"]}
    for rule in summary["rules"]:
        wanted = (rule["evaluated"], rule["denied"], rule["resized"])
        assert counts[rule["rule"]] == wanted, f"{rule}: {counts}"
    rows = sum(counts["candidates"] for by in summary["strategies"].values() for counts in by.values())
    assert by_duckdb["totals"][0] == rows, f"{rows}: {by_duckdb['totals']}"
    print(f"duckdb, polars and pandas agree on {rows} rows and {len(counts)} rules")


main()
