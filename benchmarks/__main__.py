"""`python -m benchmarks`: every row against every installed peer, interleaved, medians and ratios.

    python -m benchmarks [--rows 'mlp_*,gemm_512'] [--rounds 7] [--threads 2] [--json FILE]
    python -m benchmarks --rows 'op_*' --peers torch,numpy  # everyday operations, one by one
    python -m benchmarks --peer-python A --peer-python B    # peers in other environments
    python -m benchmarks --isa avx2 --peer-isa avx2         # ours and theirs without AVX-512
    python -m benchmarks --results benchmarks/RESULTS.md    # writes the run into that file

Each library runs in a process of its own; the blocks of a row take turns (A B C A B C ...), so that
a machine whose speed drifts drifts for all. Ratios are between medians of one run; absolute times
are not claims.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import statistics
import sys
import time
from pathlib import Path

from benchmarks import processes, report, rows


def measure(row, libraries, rounds) -> dict:
    """Median, minimum, maximum of each library; bytes are measured in new processes."""
    samples: dict[str, list[float]] = {name: [] for name in libraries}
    notes: dict[str, dict] = {name: {} for name in libraries}
    for _ in range(rounds):
        for name, process in libraries.items():
            if "missing" in notes[name]:
                continue
            fresh = process.again() if row.kind == "memory" else None
            answer = (fresh or process).ask(row.name)
            if fresh:
                fresh.close()
            if "value" in answer:
                samples[name].append(answer.pop("value"))
            notes[name].update(answer)
    return {name: _spread(samples[name]) | notes[name] for name in libraries}


def _spread(samples) -> dict:
    if not samples:
        return {}
    return {"median": statistics.median(samples), "min": min(samples), "max": max(samples)}


def chosen_rows(patterns: str) -> list[rows.Row]:
    """The rows whose names fit one of the patterns, in the table's order; "" is the table.

    Raises:
        SystemExit: a pattern fits no row.
    """
    if not patterns:
        return rows.ROWS
    wanted = patterns.split(",")
    for pattern in wanted:
        if not fnmatch.filter(rows.BY_NAME, pattern):
            raise SystemExit(f"no row fits {pattern!r}; there are: {', '.join(rows.BY_NAME)}")
    fit = {name for pattern in wanted for name in fnmatch.filter(rows.BY_NAME, pattern)}
    return [row for name, row in rows.BY_NAME.items() if name in fit]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", default="", help="names or patterns, with commas")
    parser.add_argument("--peers", default="", help="the peers to run, with commas; all without")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--block", type=float, default=0.15, help="seconds of one sample")
    parser.add_argument(
        "--clock", choices=["perf_counter", "process_time"], default="perf_counter",
        help="process_time: CPU time, for one thread on a machine that others use",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--isa", help="instruction set of Ranvier (RANVIER_ISA)")
    parser.add_argument("--peer-isa", choices=["avx2"], help="highest one of the peers")
    parser.add_argument("--peer-python", action="append", default=[])
    parser.add_argument("--json", default=None, help="file for all figures")
    parser.add_argument("--results", default=None, help="Markdown file that gets the tables")
    parser.add_argument("--verbose", action="store_true", help="show what the libraries print")
    options = parser.parse_args()
    if options.clock == "process_time" and options.threads != 1:
        parser.error("--clock process_time adds up the threads: it takes --threads 1")
    return options


def main() -> None:
    options = parse()
    chosen = chosen_rows(options.rows)
    libraries = processes.start(options)
    run = {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "command": " ".join(["python -m benchmarks", *sys.argv[1:]]),
        "threads": options.threads,
        "peer_isa": options.peer_isa,
        "rounds": options.rounds,
        "load": [os.getloadavg()[0]],
        **{name: libraries["ranvier"].hello.get(name) for name in ("isa", "cpu", "roofline")},
        "versions": {name: process.hello["version"] for name, process in libraries.items()},
        "rows": {},
    }
    print("\n".join(report.header(run)))
    print(report.columns(libraries), flush=True)
    for row in chosen:
        run["rows"][row.name] = measure(row, libraries, options.rounds)
        print(report.line(row, run["rows"][row.name]), flush=True)
    for process in libraries.values():
        process.close()
    run["load"].append(os.getloadavg()[0])
    print("\n".join(report.groups(run)))
    if options.json:
        Path(options.json).parent.mkdir(parents=True, exist_ok=True)
        Path(options.json).write_text(json.dumps(run, indent=2) + "\n")
    if options.results:
        report.write_results(Path(options.results), run)


if __name__ == "__main__":
    main()
