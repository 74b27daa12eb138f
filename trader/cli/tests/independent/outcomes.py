"""Asks DuckDB, Polars and pandas what each rule's denials would have earned, and compares with the summary.

The intervals are drawn once more, from the description in docs/dataset.md.
Usage: outcomes.py DATASET SUMMARY (a file with `trader dataset summary -o json`).
"""

import json
import math
import sys

import duckdb
import pandas
import polars

MEASURES = {"1m": "return_1m_bps", "5m": "return_5m_bps", "1h": "return_1h_bps", "1d": "return_1d_bps",
            "barrier": "barrier_return_bps"}
WINDOWS = {"1m": 60, "5m": 300, "1h": 3_600, "1d": 86_400}


def with_duckdb(dataset, column):
    read = "read_parquet('{}/{}/**/*.parquet', hive_partitioning = true)"
    return duckdb.sql(
        f"""with denials as (
              select run_id, candidate_id, touch * quantity as value, unnest(verdicts) as verdict
              from {read.format(dataset, "candidates")})
            select verdict.rule, count(*), count({column}), avg({column}),
                   sum({column} * value::double) / 10000
            from denials join {read.format(dataset, "labels")} using (run_id, candidate_id)
            where not verdict.pass group by verdict.rule"""
    ).fetchall()


def with_polars(dataset, column):
    read = lambda table: polars.read_parquet(f"{dataset}/{table}/**/*.parquet", hive_partitioning=True)
    value = polars.col("touch").cast(polars.Float64) * polars.col("quantity").cast(polars.Float64)
    denials = (
        read("candidates")
        .with_columns(value=value)
        .select("run_id", "candidate_id", "value", "verdicts")
        .explode("verdicts")
        .unnest("verdicts")
        .filter(~polars.col("pass"))
        .join(read("labels").select("run_id", "candidate_id", column), on=["run_id", "candidate_id"])
    )
    return (
        denials.group_by("rule")
        .agg(polars.len(), polars.col(column).count().alias("n"), polars.col(column).mean().alias("mean"),
             (polars.col(column) * polars.col("value")).sum().alias("sum") / 10_000)
        .rows()
    )


def denied(dataset):
    """Every denial with its candidate and label, by pandas."""
    rows = pandas.read_parquet(f"{dataset}/candidates")
    labels = pandas.read_parquet(f"{dataset}/labels")
    rows["value"] = rows["touch"].astype(float) * rows["quantity"].astype(float)
    columns = ["run_id", "candidate_id", *MEASURES.values()]
    joined = rows.merge(labels[columns], on=["run_id", "candidate_id"], validate="one_to_one")
    joined = joined.explode("verdicts")
    joined["rule"] = [verdict["rule"] for verdict in joined["verdicts"]]
    return joined[[not verdict["pass"] for verdict in joined["verdicts"]]]


def with_pandas(denials, column):
    answers = []
    for rule, of_rule in denials.groupby("rule"):
        known = of_rule[column].dropna()
        mean = known.mean() if len(known) else None
        answers.append((rule, len(of_rule), len(known), mean, (of_rule[column] * of_rule["value"]).sum() / 10_000))
    return answers


def splitmix(seed):
    mask = 2**64 - 1
    while True:
        seed = (seed + 0x9E3779B97F4A7C15) & mask
        bits = seed
        bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & mask
        bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & mask
        yield bits ^ (bits >> 31)


def interval(numbers, block, method):
    """The circular block bootstrap, block by block and number by number."""
    count = len(numbers)
    blocks = count // block
    if blocks < method["fewestBlocks"]:
        return None, None
    random, twice, means = splitmix(method["seed"]), numbers * 2, []
    for _ in range(method["resamples"]):
        starts = [(next(random) * count) >> 64 for _ in range(blocks)]
        means.append(math.fsum(math.fsum(twice[start : start + block]) for start in starts) / (blocks * block))
    means.sort()
    tail = method["resamples"] // 40
    return means[tail], means[-1 - tail]


def block_of(times, window):
    """The densest window, and at least the cube root."""
    series = pandas.Series(times)
    densest = max((series.searchsorted(time + window) - place for place, time in enumerate(times)), default=0)
    root = next(root for root in range(1, 10**6) if root**3 >= len(times))
    return min(max(densest, root), max(len(times), 1))


def close(found, wanted):
    if found is None or wanted is None:
        return found is None and wanted is None
    return math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9)


def main():
    dataset, summary = sys.argv[1], json.load(open(sys.argv[2]))
    outcomes = summary["outcomes"]
    windows = {**WINDOWS, "barrier": outcomes["definition"]["barrierSeconds"]}
    denials = denied(dataset)
    compared = intervals = 0
    for place, (measure, column) in enumerate(MEASURES.items()):
        answers = {
            "duckdb": with_duckdb(dataset, column),
            "polars": with_polars(dataset, column),
            "pandas": with_pandas(denials, column),
        }
        answers = {name: {row[0]: row[1:] for row in rows} for name, rows in answers.items()}
        for rule in outcomes["rules"]:
            wanted = rule["denied"][place]
            assert wanted["measure"] == measure
            for name, found in answers.items():
                trades, labelled, mean, earned = found.get(rule["rule"], (0, 0, None, None))
                numbers = (trades, labelled) == (wanted["trades"], wanted["labelled"])
                assert numbers and close(mean, wanted["meanBasisPoints"]), f"{name}: {found}\n{wanted}"
                if labelled:
                    assert close(earned, math.fsum(wanted["earned"].values())), f"{name}: {found}\n{wanted}"
                compared += 1
            known = denials[denials["rule"] == rule["rule"]].dropna(subset=[column]).sort_values("ts_decision_ns", kind="stable")
            times = known["ts_decision_ns"].to_list()
            block = block_of(times, windows[measure] * 1_000_000_000)
            assert block == wanted["block"], f"{rule['rule']}, {measure}: {block}, {wanted}"
            if known["ts_decision_ns"].is_unique:
                low, high = interval(known[column].to_list(), block, outcomes["method"])
                ends = (wanted["lowBasisPoints"], wanted["highBasisPoints"])
                assert close(low, ends[0]) and close(high, ends[1]), f"{rule['rule']}, {measure}: {low}, {high}, {wanted}"
                intervals += low is not None
    assert compared > 20 and intervals > 0, f"too little: {compared}, {intervals}"
    print(f"duckdb, polars and pandas agree on {compared} answers, and {intervals} intervals are drawn the same")


main()
