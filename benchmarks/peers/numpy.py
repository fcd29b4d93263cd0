"""NumPy's rows: the steps written by hand."""

from __future__ import annotations

import numpy as np

from benchmarks import models, op_data
from benchmarks.everyday import OPERATIONS
from benchmarks.peers import repeat

VERSION = np.__version__


def _dense_step(x, y):
    w, b = np.zeros((8, 1), np.float32), np.zeros(1, np.float32)
    total = np.zeros((), np.float32)

    def step(at):
        xb = x[at]
        e = xb @ w + b - y[at]
        np.add(total, np.abs(e).mean(), out=total)
        g = e * np.float32(2 / len(at))
        w[...] -= np.float32(0.01) * (xb.T @ g)
        b[...] -= np.float32(0.01) * g.sum(0)

    return step


def _mlp_weights():
    return ((models.random(784, 200) - 0.5) * 0.1, np.zeros(200, np.float32),
            (models.random(200, 10) - 0.5) * 0.1, np.zeros(10, np.float32))  # fmt: skip


def _mlp(x, w1, b1, w2, b2):
    """Hidden values and probabilities."""
    h = 1 / (1 + np.exp(-(x @ w1 + b1)))
    z = h @ w2 + b2
    p = np.exp(z - z.max(1, keepdims=True))
    return h, p / p.sum(1, keepdims=True)


def _mlp_step(x, y):
    w1, b1, w2, b2 = _mlp_weights()
    rate = np.float32(0.1)

    def step(at):
        xb = x[at]
        h, p = _mlp(xb, w1, b1, w2, b2)
        dz = (p - y[at]) / np.float32(len(at))
        dh = (dz @ w2.T) * h * (1 - h)
        w2[...] -= rate * (h.T @ dz)
        b2[...] -= rate * dz.sum(0)
        w1[...] -= rate * (xb.T @ dh)
        b1[...] -= rate * dh.sum(0)

    return step


_STEPS = {"dense": _dense_step, "mlp": _mlp_step}


def fit(name, batch):
    if name not in _STEPS:
        return None
    x, y = models.data(name, batch)
    step = _STEPS[name](x, y)

    def block(n):
        order = np.random.default_rng().permutation(len(x))
        for i in range(n):
            first = (i * batch) % len(x)
            step(order[first : first + batch])

    return block


def predict(name, batch):
    x, weights = models.sample(name, batch), _mlp_weights()
    return repeat(lambda: _mlp(x, *weights)[1])


def gemm(m, n, k, trans_a=False, trans_b=False):
    a, b = op_data.matrices(m, n, k, trans_a, trans_b)
    a, b, out = a.T if trans_a else a, b.T if trans_b else b, np.empty((m, n), np.float32)
    return repeat(lambda: np.matmul(a, b, out=out))


def pointwise(name, size):
    x = op_data.values(name, size)
    out = np.empty_like(x)

    def sigmoid():
        np.exp(np.negative(x, out=out), out=out)
        np.reciprocal(np.add(out, 1, out=out), out=out)

    ways = {
        "relu": lambda: np.maximum(x, 0, out=out),
        "tanh": lambda: np.tanh(x, out=out),
        "sigmoid": sigmoid,
    }
    return repeat(ways[name]) if name in ways else None


EAGER = {
    "add": np.add,
    "index": lambda x: x[1:3],
    "sum": lambda x: np.sum(x, axis=1),
    "matmul": np.matmul,
    "split": lambda x: np.split(x, 2),
}


def operation(name):
    row = OPERATIONS[name]
    if row.numpy is None:
        return None
    arguments = row.arrays()
    return repeat(lambda: row.numpy(np, *arguments))


def eager(name):
    if name not in EAGER:
        return None
    arguments = op_data.EAGER[name]()
    return repeat(lambda: EAGER[name](*arguments))


KINDS = {"fit": fit, "predict": predict, "call": predict, "gemm": gemm, "pointwise": pointwise,
         "operation": operation, "eager": eager}  # fmt: skip
