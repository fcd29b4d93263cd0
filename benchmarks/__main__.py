"""`python -m benchmarks`: every row against every installed peer, interleaved, medians and ratios.

    python -m benchmarks [--rows dense_fit,mlp_fit_32] [--rounds 7] [--threads 2] [--json FILE]
    python -m benchmarks --peer-python A --peer-python B    # peers in other environments

Each library runs in a process of its own; the blocks of a row take turns (A B C A B C ...), so that
a machine whose speed drifts drifts for all. Ratios are between medians of one run; absolute times
are not claims.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import rows

PEERS = ["ranvier", "numpy", "torch", "keras_jax", "keras_tf"]
# The module without which a peer is left out.
NEEDS = {
    "ranvier": "ranvier",
    "numpy": "numpy",
    "torch": "torch",
    "keras_jax": "jax",
    "keras_tf": "tensorflow",
}


class Worker:
    """A library's process."""

    def __init__(self, peer: str, python: str, threads: int):
        environment = dict(
            os.environ, PYTHONPATH=os.pathsep.join([str(Path(__file__).parent.parent), *sys.path])
        )
        if python != sys.executable:
            environment["PYTHONPATH"] = str(Path(__file__).parent.parent)
        for name in (
            "OMP_NUM_THREADS",
            "OPENBLAS_NUM_THREADS",
            "MKL_NUM_THREADS",
            "RANVIER_NUM_THREADS",
        ):
            environment[name] = str(threads)
        command = [python, "-m", "benchmarks.worker", peer, str(threads)]
        if threads == 1:
            command = ["taskset", "-c", "0", *command]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )  # fmt: skip
        hello = self._process.stdout.readline()
        self.version = json.loads(hello)["version"] if hello else None

    def sample(self, row: str) -> float | None:
        """Seconds per iteration of one block; `None` when the library has no such row."""
        self._process.stdin.write(json.dumps({"row": row}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        return json.loads(answer).get("seconds") if answer else None

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=60)


def measure(row, workers, rounds) -> dict:
    """Median, minimum and spread of each library."""
    samples: dict[str, list[float]] = {name: [] for name in workers}
    for _ in range(rounds):
        for name, worker in workers.items():
            seconds = worker.sample(row.name)
            if seconds is not None:
                samples[name].append(seconds)
    return {
        name: {"median": statistics.median(s), "min": min(s), "max": max(s)}
        for name, s in samples.items()
        if s
    }


def verdict(row, result) -> str:
    """The ratio to the fastest peer and whether the bar is held."""
    if "ranvier" not in result:
        return "not measured"
    ours = result["ranvier"]["median"]
    peers = {name: r["median"] for name, r in result.items() if name != "ranvier"}
    text = ""
    if peers:
        best = min(peers, key=peers.get)
        text = f"{peers[best] / ours:.2f}x {best}"
        if row.bar is not None:
            text += f" (bar {row.bar}x: {'held' if peers[best] / ours >= row.bar else 'MISSED'})"
    if row.limit is not None:
        text += f" (bar {row.limit * 1e6:g} us: {'held' if ours <= row.limit else 'MISSED'})"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", default=",".join(r.name for r in rows.ROWS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--peer-python", action="append", default=[])
    parser.add_argument("--json", default=None)
    options = parser.parse_args()
    workers = start_workers(options)
    wanted = options.rows.split(",")
    report: dict = {"date": time.strftime("%Y-%m-%d"), "threads": options.threads, "rows": {}}
    report["versions"] = {name: worker.version for name, worker in workers.items()}
    print(
        f"threads: {options.threads}; " + ", ".join(f"{n} {w.version}" for n, w in workers.items())
    )
    header = " ".join(f"{name:>12}" for name in workers)
    print(f"{'row':52} {header}  ratio   (medians, us)")
    for row in rows.ROWS:
        if row.name not in wanted:
            continue
        result = measure(row, workers, options.rounds)
        report["rows"][row.name] = result
        cells = " ".join(
            f"{result[n]['median'] * 1e6:12.2f}" if n in result else f"{'-':>12}" for n in workers
        )
        print(f"{row.title:52} {cells}  {verdict(row, result)}", flush=True)
    for worker in workers.values():
        worker.close()
    if options.json:
        Path(options.json).parent.mkdir(parents=True, exist_ok=True)
        Path(options.json).write_text(json.dumps(report, indent=2) + "\n")


def start_workers(options) -> dict[str, Worker]:
    """Processes of the libraries that are installed, each in the first environment that has it."""
    workers = {}
    for peer in PEERS:
        pythons = [sys.executable] if peer == "ranvier" else [sys.executable, *options.peer_python]
        for python in pythons:
            if python == sys.executable and importlib.util.find_spec(NEEDS[peer]) is None:
                continue
            worker = Worker(peer, python, options.threads)
            if worker.version is not None:
                workers[peer] = worker
                break
    return workers


if __name__ == "__main__":
    main()
