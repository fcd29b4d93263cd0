"""NumPy's rows: the steps written by hand."""

from __future__ import annotations

import numpy as np

from benchmarks import rows

VERSION = np.__version__


def dense_fit():
    x, y = rows.random(32 * 200, 8), rows.random(32 * 200, 1)
    w, b = np.zeros((8, 1), np.float32), np.zeros(1, np.float32)

    def block(n):
        nonlocal b
        total = np.float32(0)
        order = np.random.default_rng().permutation(len(x))
        for i in range(n):
            at = order[(i * 32) % len(x) :][:32]
            xb = x[at]
            e = xb @ w + b - y[at]
            total += np.abs(e).mean()
            g = e * np.float32(2 / 32)
            w[...] -= np.float32(0.01) * (xb.T @ g)
            b -= np.float32(0.01) * g.sum(0)

    return block


def mlp_fit(batch):
    x, y = rows.random(batch * 64, 784), rows.one_hot(10, rows.labels(batch * 64))
    w1 = (rows.random(784, 200) - 0.5) * 0.1
    w2 = (rows.random(200, 10) - 0.5) * 0.1
    b1, b2 = np.zeros(200, np.float32), np.zeros(10, np.float32)
    rate = np.float32(0.1)

    def block(n):
        order = np.random.default_rng().permutation(len(x))
        for i in range(n):
            at = order[(i * batch) % len(x) :][:batch]
            xb = x[at]
            h = 1 / (1 + np.exp(-(xb @ w1 + b1)))
            z = h @ w2 + b2
            p = np.exp(z - z.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            dz = (p - y[at]) / np.float32(batch)
            dh = (dz @ w2.T) * h * (1 - h)
            w2[...] -= rate * (h.T @ dz)
            b2[...] -= rate * dz.sum(0)
            w1[...] -= rate * (xb.T @ dh)
            b1[...] -= rate * dh.sum(0)

    return block


def gemm(size):
    a, b = rows.random(size, size), rows.random(size, size)
    out = np.empty_like(a)

    def block(n):
        for _ in range(n):
            np.matmul(a, b, out=out)

    return block


def predict_one():
    x, w1, w2 = rows.random(1, 784), rows.random(784, 200) - 0.5, rows.random(200, 10) - 0.5
    b1, b2 = np.zeros(200, np.float32), np.zeros(10, np.float32)

    def block(n):
        for _ in range(n):
            h = 1 / (1 + np.exp(-(x @ w1 + b1)))
            z = h @ w2 + b2
            p = np.exp(z - z.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)

    return block


def eager_add():
    a = rows.random(32, 8)

    def block(n):
        for _ in range(n):
            np.add(a, a)

    return block


def set_threads(count: int) -> None:
    """Set through the environment before NumPy is imported (see the worker)."""


ROWS = {
    "dense_fit": dense_fit,
    "mlp_fit_32": lambda: mlp_fit(32),
    "mlp_fit_128": lambda: mlp_fit(128),
    "predict_one": predict_one,
    "eager_add": eager_add,
    **{f"gemm_{size}": lambda size=size: gemm(size) for size in (256, 512, 1024, 2048)},
}
