"""Runs `trader bench`, NautilusTrader and hftbacktest over the same files, in turns, and compares.

Usage: run.py TRADER PYTHON [-o json] [--rounds N] [--events N]
TRADER is a release build, PYTHON one with the packages of requirements.txt. The files are the recordings in
MARKET_DATA, where that is set, and a generated market of --events events.
docs/benchmarks.md says what is compared, what is equal and what is not.
"""

import argparse
import gzip
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
RUNS_A_ROUND = 5


def run(*words):
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    # What libraries say of themselves stands before the last line or block.
    return json.loads(done.stdout[done.stdout.index("{"):])


def recordings(trader, folder, events):
    """Plain files: unpacking is not what is measured."""
    for path in sorted(pathlib.Path(os.environ.get("MARKET_DATA", folder)).glob("*.gz")):
        plain = folder / path.stem
        with gzip.open(path) as packed, open(plain, "wb") as file:
            shutil.copyfileobj(packed, file)
        yield "recorded " + path.stem, plain
    generated = folder / "generated"
    subprocess.run([trader, "tape", "record", "--generate", "7", "--events", str(events), generated], check=True)
    yield f"generated, {events} events", generated


def contenders(trader, python, recording):
    """Name to events and seconds, from one round."""
    runs = str(RUNS_A_ROUND)
    ours = run(trader, "bench", HERE / "revision.yaml", recording, "--runs", runs, "-o", "json")
    nautilus = run(python, HERE / "nautilus_events.py", recording, runs)
    hftbacktest = run(python, HERE / "hftbacktest_feed_wakeups.py", recording, runs)
    return {
        "Triptych: file to decisions to Parquet": (ours["events"], ours["whole"]["seconds"]),
        "Triptych: events in memory to decisions": (ours["events"], ours["deciding"]["seconds"]),
        "Triptych: file to events alone": (ours["events"], ours["parsing"]["seconds"]),
        "floor: file read, each byte touched": (ours["events"], ours["floor"]["seconds"]),
        "NautilusTrader: events, strategies": (nautilus["events"], nautilus["strategies"]["seconds"]),
        "NautilusTrader: events, no strategy": (nautilus["events"], nautilus["noStrategy"]["seconds"]),
        "hftbacktest: wake-ups, strategies": (
            hftbacktest["strategies"]["wakeUps"],
            hftbacktest["strategies"]["seconds"],
        ),
        "hftbacktest: wake-ups, no strategy": (
            hftbacktest["wakeUpsOnly"]["wakeUps"],
            hftbacktest["wakeUpsOnly"]["seconds"],
        ),
    }, ours


def compare(trader, python, recording, rounds):
    events, seconds, ours = {}, {}, None
    for place in range(rounds):
        print(f"round {place + 1} of {rounds}", file=sys.stderr)
        found, ours = contenders(trader, python, recording)
        for name, (count, measured) in found.items():
            events[name] = count
            seconds.setdefault(name, []).extend(measured)
    rows = []
    first = None
    for name, measured in seconds.items():
        median = statistics.median(measured)
        rate = events[name] / median
        first = first or rate
        rows.append(
            {
                "name": name,
                "events": events[name],
                "medianSeconds": median,
                "fastestSeconds": min(measured),
                "slowestSeconds": max(measured),
                "eventsPerSecond": rate,
                "firstIsFasterBy": first / rate,
            }
        )
    return {
        "rows": rows,
        "frameToDecisionNanoseconds": ours["frameToDecision"],
        "peakMemoryBytes": ours["peakMemoryBytes"],
        "candidates": ours["candidates"],
    }


def text(name, report):
    lines = [f"\n{name}: {report['candidates']} candidates written", ""]
    lines.append(f"{'':<42}{'events':>9}{'median':>11}{'fastest':>11}{'events/s':>13}{'the first is':>14}")
    for row in report["rows"]:
        lines.append(
            f"{row['name']:<42}{row['events']:>9}{row['medianSeconds'] * 1e3:>8.2f} ms{row['fastestSeconds'] * 1e3:>8.2f} ms"
            f"{row['eventsPerSecond']:>13,.0f}{row['firstIsFasterBy']:>11.2f} x"
        )
    latency = report["frameToDecisionNanoseconds"]
    lines.append("")
    lines.append("frame to decision, ns: " + ", ".join(f"{key} {value}" for key, value in latency.items()))
    lines.append(f"peak memory {report['peakMemoryBytes'] / 2**20:.0f} MiB, with all events in memory")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("trader", type=pathlib.Path)
    parser.add_argument("python", type=pathlib.Path)
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=200_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = {"load1": os.getloadavg()[0], "cpus": os.cpu_count(), "files": {}}
        for name, path in recordings(arguments.trader, pathlib.Path(folder), arguments.events):
            print(name, file=sys.stderr)
            found["files"][name] = compare(arguments.trader, arguments.python, path, arguments.rounds)
            if arguments.output == "text":
                print(text(name, found["files"][name]))
        if arguments.output == "json":
            print(json.dumps(found, indent=2))
        else:
            print(f"\nload when it began: {found['load1']:.1f} on {found['cpus']} CPUs")


main()
