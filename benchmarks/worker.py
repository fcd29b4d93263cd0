"""One library in a process of its own: prepares a row and times blocks of it on request.

Speaks JSON lines: {"row": name} on standard input, {"value": seconds per iteration} or {"missing":
reason} back. A row of the kind "memory" gives bytes and wants a process that did nothing before.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time

from benchmarks import models, rows

# Seconds until the idle threads of the library that ran before have stopped spinning.
SETTLE = 0.3


def _iterations(block, wanted, clock) -> int:
    """Iterations that take about `wanted` seconds, a multiple of the block's quantum."""
    quantum = n = getattr(block, "quantum", 1)
    while True:
        start = clock()
        block(n)
        seconds = clock() - start
        if seconds > wanted / 4:
            return -(-max(n, round(n * wanted / seconds)) // quantum) * quantum
        n *= 4


def resident(field: str) -> int:
    """Bytes of this process: field "VmRSS" is what it holds, "VmHWM" the most it held."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field)) * 1024


def peak_memory(peer, model: str, batch: int) -> dict:
    """Resident peak of building a model and some steps, beyond the library and the data."""
    models.data(model, batch)
    gc.collect()
    with open("/proc/self/clear_refs", "w") as peak:
        peak.write("5")  # the peak counts from here
    before = resident("VmRSS")
    block = peer.KINDS.get("memory_fit", peer.KINDS["fit"])(model, batch)
    if block is None:
        return {"missing": "no such model"}
    block(getattr(block, "quantum", 2))
    return {"value": resident("VmHWM") - before, **getattr(peer, "planned", lambda _: {})(block)}


class Server:
    """The rows of one library; the last one stays prepared."""

    def __init__(self, peer, block_seconds=0.15, clock=time.perf_counter):
        self._peer, self._block_seconds, self._clock = peer, block_seconds, clock
        self._name, self._block, self._count = None, None, 0

    def answer(self, name: str) -> dict:
        row = rows.BY_NAME[name]
        if row.kind == "memory":
            return peak_memory(self._peer, *row.args)
        if name != self._name:
            self._name, self._block = name, None
            if row.kind in self._peer.KINDS:
                self._block = self._peer.KINDS[row.kind](*row.args)
            if self._block is not None:
                self._count = _iterations(self._block, self._block_seconds, self._clock)
        if self._block is None:
            return {"missing": "no such row"}
        time.sleep(SETTLE)
        self._block(getattr(self._block, "quantum", 1))  # the caches hold the last library's data
        start = self._clock()
        self._block(self._count)
        return {"value": (self._clock() - start) / self._count}


def main() -> None:
    # What libraries print goes to standard error, the answers to the pipe.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    peer = importlib.import_module(f"benchmarks.peers.{sys.argv[1]}")
    if hasattr(peer, "set_threads"):
        peer.set_threads(int(sys.argv[2]))
    server = Server(peer, float(sys.argv[3]), getattr(time, sys.argv[4]))
    hello = {"version": peer.VERSION, **getattr(peer, "describe", dict)()}
    print(json.dumps(hello), file=answers, flush=True)
    for line in sys.stdin:
        try:
            answer = server.answer(json.loads(line)["row"])
        except Exception as error:
            answer = {"missing": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
