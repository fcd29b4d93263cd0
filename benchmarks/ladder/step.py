"""A training step of 784-200-10 with SGD, from NumPy by hand to the loop in C++.

    python benchmarks/ladder/step.py [--batch 32] [--steps 200]

Every rung adds one idea; `docs/performance.md` tells the story. Times are minima per step.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

import numpy as np

RUNGS = {
    "numpy": "1 NumPy by hand",
    "eager": "2 op by op",
    "step": "3 one program per step, called from Python",
    "exact": "4 the loop in C++, exact rewrites only",
    "loop": "5 the loop in C++, all rewrites",
}


def data(rows):
    rng = np.random.default_rng(0)
    return rng.random((rows, 784), dtype=np.float32), rng.integers(0, 10, rows)


def numpy_steps(x, y, batch):
    """Forward, backward and update as formulas on arrays."""
    rng = np.random.default_rng(1)
    w1 = (0.05 * rng.standard_normal((784, 200))).astype(np.float32)
    w2 = (0.05 * rng.standard_normal((200, 10))).astype(np.float32)
    b1, b2 = np.zeros(200, np.float32), np.zeros(10, np.float32)
    for start in range(0, len(x), batch):
        rows, labels = x[start : start + batch], y[start : start + batch]
        h = 1 / (1 + np.exp(-(rows @ w1 + b1)))
        z = h @ w2 + b2
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        p[np.arange(len(rows)), labels] -= 1
        dz = p / np.float32(len(rows))
        dh = (dz @ w2.T) * h * (1 - h)
        w2 -= np.float32(0.01) * (h.T @ dz)
        b2 -= np.float32(0.01) * dz.sum(0)
        w1 -= np.float32(0.01) * (rows.T @ dh)
        b1 -= np.float32(0.01) * dh.sum(0)


def model(eager):
    import ranvier as keras

    keras.utils.set_random_seed(0)
    made = keras.Sequential(
        [
            keras.Input((784,)),
            keras.layers.Dense(200, "sigmoid"),
            keras.layers.Dense(10, "softmax"),
        ]
    )
    made.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=eager)
    return made


def runner(rung, x, y, batch):
    """A function that makes one pass over the data."""
    if rung == "numpy":
        return lambda: numpy_steps(x, y, batch)
    made = model(eager=rung == "eager")
    if rung in ("exact", "loop"):
        return lambda: made.fit(x, y, batch_size=batch, epochs=1, shuffle=False, verbose=0)
    batches = [(x[i : i + batch], y[i : i + batch]) for i in range(0, len(x), batch)]
    return lambda: [made.train_on_batch(*pair) for pair in batches]


def seconds_per_step(rung, batch, steps):
    x, y = data(batch * steps)
    run = runner(rung, x, y, batch)
    run()
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best / steps


def in_own_process(rung, options):
    """Rewrites are chosen when a process begins."""
    variables = {"RANVIER_EXACT": "1"} if rung == "exact" else {}
    command = [sys.executable, __file__, "--rung", rung]
    command += ["--batch", str(options.batch), "--steps", str(options.steps)]
    done = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=200, help="batches of one pass")
    parser.add_argument("--rung", choices=RUNGS, help="only this one, as a number")
    options = parser.parse_args()
    if options.rung:
        print(json.dumps(seconds_per_step(options.rung, options.batch, options.steps)))
        return
    first = None
    for rung, name in RUNGS.items():
        seconds = in_own_process(rung, options)
        first = first or seconds
        print(f"{name:<46} {seconds * 1e6:9.1f} us {first / seconds:6.1f}x", flush=True)


if __name__ == "__main__":
    main()
