"""NumPy's rows: the steps written by hand."""

from __future__ import annotations

import numpy as np

from benchmarks import models, op_data
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


OPERATIONS = {
    "sort": np.sort,
    "argmax": lambda x: np.argmax(x, axis=1),
    "cumsum": lambda x: np.cumsum(x, axis=1),
    "greater": np.greater,
    "fft": lambda real, imaginary: np.fft.fft(real + np.complex64(1j) * imaginary),
    "to_float": lambda x: x.astype(np.float32),
    "take": lambda x, i: np.take(x, i, axis=0),
    "channels_first": lambda x: np.ascontiguousarray(x.transpose(0, 3, 1, 2)),
}
EAGER = {
    "add": np.add,
    "index": lambda x: x[1:3],
    "sum": lambda x: np.sum(x, axis=1),
    "matmul": np.matmul,
    "split": lambda x: np.split(x, 2),
}


def _applied(functions, arrays):
    def prepare(name):
        if name not in functions:
            return None
        arguments = arrays[name]()
        return repeat(lambda: functions[name](*arguments))

    return prepare


KINDS = {"fit": fit, "predict": predict, "call": predict, "gemm": gemm, "pointwise": pointwise,
         "operation": _applied(OPERATIONS, op_data.OPERATIONS),
         "eager": _applied(EAGER, op_data.EAGER)}  # fmt: skip
