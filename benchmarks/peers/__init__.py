"""One module per library; each defines `KINDS`: kind of a row -> function that prepares it.

A prepared row is a function `block(n)` that does the work `n` times, or `None` where the library
has no such thing; `block.quantum`, where there is one, divides every `n`. Models and data are the
same for everybody (`benchmarks/models.py`, `benchmarks/networks.py`).
"""

from __future__ import annotations

import sys
import time


def repeat(fn, finish=None):
    """The block that calls `fn`; `finish` waits for what its last call returned."""

    def block(n):
        for _ in range(n):
            out = fn()
        if finish is not None:
            finish(out)

    return block


def fastest(*prepare):
    """The block of the configuration that is fastest here; one that fails is left out."""
    best = None
    for candidate in prepare:
        try:
            block = candidate()
            n = getattr(block, "quantum", 1)
            block(n)
            seconds = min(_time(block, n) for _ in range(3))
        except Exception as error:
            print(f"left out: {type(error).__name__}: {error}", flush=True, file=sys.stderr)
            continue
        if best is None or seconds < best[0]:
            best = seconds, block
    if best is None:
        raise RuntimeError("no configuration of this row works here")
    return best[1]


def _time(block, n):
    start = time.perf_counter()
    block(n)
    return time.perf_counter() - start
