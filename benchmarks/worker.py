"""One library in a process of its own: prepares a row and times blocks of it on request.

Speaks JSON lines: {"row": name} on standard input, {"seconds": per iteration} or {"missing":
reason} back.
"""

from __future__ import annotations

import importlib
import json
import sys
import time

BLOCK_SECONDS = 0.15


def _iterations(block) -> int:
    """Iterations that take about one block."""
    n = getattr(block, "quantum", 1)
    while True:
        start = time.perf_counter()
        block(n)
        seconds = time.perf_counter() - start
        if seconds > BLOCK_SECONDS / 4:
            return max(n, round(n * BLOCK_SECONDS / seconds))
        n *= 4


def main() -> None:
    peer, threads = importlib.import_module(f"benchmarks.peers.{sys.argv[1]}"), int(sys.argv[2])
    peer.set_threads(threads)
    prepared: dict = {}
    print(json.dumps({"version": peer.VERSION}), flush=True)
    for line in sys.stdin:
        row = json.loads(line)["row"]
        if row not in peer.ROWS:
            print(json.dumps({"missing": "no such row"}), flush=True)
            continue
        if row not in prepared:
            prepared.clear()
            block = peer.ROWS[row]()
            quantum = getattr(block, "quantum", 1)
            count = -(-_iterations(block) // quantum) * quantum
            prepared[row] = block, count
        block, count = prepared[row]
        start = time.perf_counter()
        block(count)
        print(json.dumps({"seconds": (time.perf_counter() - start) / count}), flush=True)


if __name__ == "__main__":
    main()
