"""Everyday operations, one line each: arrays, and how `keras.ops`, PyTorch and NumPy write it.

The functions take their package first, for each runs in a process that has no other. Rows of the
table of promises are named in `rows.py`; all of them are rows named `op_...`:

    python -m benchmarks --rows 'op_*' --peers torch,numpy
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.models import random


@dataclass(frozen=True)
class Operation:
    """One operation; `None` where a package has no such function.

    Attributes:
        arrays: makes the arguments; images are batch, height, width, channels, and PyTorch gets
            them channels first in shape, channels last in memory, and int32 vectors as int64.
        keras, torch, numpy: functions of the package and the arguments.
    """

    arrays: Callable[[], list]
    keras: Callable
    torch: Callable | None
    numpy: Callable | None


def _integers(*shape, below, dtype="int32", seed=2):
    return (random(*shape, seed=seed) * below).astype(dtype)


def _signed(*shape, seed=0):
    return random(*shape, seed=seed) * 4 - 2


def _positive(*shape, seed=0):
    return random(*shape, seed=seed) + np.float32(0.1)


def _matrix():
    return [_signed(1024, 1024)]


def _two():
    return [_signed(1024, 1024), _positive(1024, 1024, seed=1)]


def _same(arrays, name, torch="", numpy="", **settings):
    """A function that the packages call alike, up to its name; "-" is a package without it."""

    def applied(name):
        if name == "-":
            return None
        return lambda package, *x: getattr(package, name)(*x, **settings)

    return Operation(arrays, applied(name), applied(torch or name), applied(numpy or name))


def _reduction(name, torch="", axes=(None, 0, 1), arrays=_matrix, **for_torch):
    """A reduction of a matrix over each of the axes; all of them is `None`."""

    def over(axis):
        def of(package, x):
            return getattr(package, name)(x, axis=axis)

        def of_torch(package, x):
            where = {} if axis is None else {"dim": axis}
            return getattr(package, torch or name)(x, **where, **for_torch)

        return Operation(arrays, of, of_torch, of)

    return {f"{name}_{'all' if axis is None else axis}": over(axis) for axis in axes}


_REDUCTIONS = {
    **_reduction("sum"),
    **_reduction("mean"),
    **_reduction("max", "amax"),
    **_reduction("min", "amin"),
    **_reduction("prod", arrays=lambda: [1 + _signed(1024, 1024) / 1000]),
    **_reduction("var", correction=0),
    **_reduction("std", correction=0),
    **_reduction("argmax"),
    **_reduction("argmin"),
    **_reduction("any", arrays=lambda: [np.zeros((1024, 1024), bool)]),
    **_reduction("all", arrays=lambda: [np.ones((1024, 1024), bool)]),
    **_reduction("cumsum", axes=(0, 1)),
    **_reduction("cumprod", axes=(0, 1), arrays=lambda: [1 + _signed(1024, 1024) / 100]),
    **{
        f"median_{axis}": Operation(
            lambda: [_signed(1023, 1023)],
            lambda k, x, axis=axis: k.median(x, axis),
            lambda t, x, axis=axis: t.median(x, axis).values,
            lambda n, x, axis=axis: n.median(x, axis),
        )
        for axis in (0, 1)
    },
    "sum_8_columns": Operation(
        lambda: [_signed(100_000, 8)],
        lambda k, x: k.sum(x, 0), lambda t, x: t.sum(x, 0), lambda n, x: n.sum(x, 0),
    ),
    "sum_int32": Operation(
        lambda: [_integers(1024, 1024, below=100)],
        lambda k, x: k.sum(x), lambda t, x: t.sum(x), lambda n, x: n.sum(x),
    ),
    "sum_last_8": Operation(
        lambda: [_signed(100_000, 8)],
        lambda k, x: k.sum(x, 1), lambda t, x: t.sum(x, 1), lambda n, x: n.sum(x, 1),
    ),
    "logsumexp": Operation(
        _matrix, lambda k, x: k.logsumexp(x, 1), lambda t, x: t.logsumexp(x, 1), None
    ),
    "norm": Operation(
        _matrix, lambda k, x: k.norm(x), lambda t, x: t.linalg.norm(x),
        lambda n, x: n.linalg.norm(x),
    ),
    "count_nonzero": _same(_matrix, "count_nonzero"),
}  # fmt: skip

_FUNCTIONS = {
    name: _same(_matrix, name)
    for name in (
        "abs", "negative", "square", "exp", "expm1", "sin", "cos", "tan", "arctan", "sinh", "cosh",
        "tanh", "floor", "ceil", "round", "sign", "isnan", "isfinite", "logical_not",
    )
} | {
    name: _same(lambda: [_positive(1024, 1024)], name)
    for name in ("sqrt", "log", "log1p", "log2", "log10", "reciprocal")
} | {
    name: _same(_two, name)
    for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "greater",
                 "logical_and", "arctan2", "floor_divide")
} | {
    "equal": _same(_two, "equal", torch="eq"),
    "mod": _same(_two, "mod", torch="remainder"),
    "arcsin": _same(lambda: [random(1024, 1024)], "arcsin"),
    "rsqrt": _same(lambda: [_positive(1024, 1024)], "rsqrt", numpy="-"),
    "erf": _same(_matrix, "erf", numpy="-"),
    "power": Operation(
        lambda: [_positive(1024, 1024), _signed(1024, 1024)],
        lambda k, x, y: k.power(x, y), lambda t, x, y: t.pow(x, y), lambda n, x, y: n.power(x, y),
    ),
    "power_3": Operation(
        _matrix, lambda k, x: x**3, lambda t, x: x**3, lambda n, x: x**3
    ),
    "power_2.5": Operation(
        lambda: [_positive(1024, 1024)],
        lambda k, x: x**2.5, lambda t, x: x**2.5, lambda n, x: x**2.5,
    ),
    "clip": Operation(
        _matrix, lambda k, x: k.clip(x, -1, 1), lambda t, x: t.clamp(x, -1, 1),
        lambda n, x: n.clip(x, -1, 1),
    ),
    "where": Operation(
        lambda: [random(1024, 1024) > 0.5, *_two()],
        lambda k, c, x, y: k.where(c, x, y), lambda t, c, x, y: t.where(c, x, y),
        lambda n, c, x, y: n.where(c, x, y),
    ),
    "add_row": Operation(
        lambda: [_signed(1024, 1024), _signed(1024)],
        lambda k, x, y: x + y, lambda t, x, y: x + y, lambda n, x, y: x + y,
    ),
    "add_column": Operation(
        lambda: [_signed(1024, 1024), _signed(1024, 1)],
        lambda k, x, y: x + y, lambda t, x, y: x + y, lambda n, x, y: x + y,
    ),
    "add_number": Operation(
        _matrix, lambda k, x: x + 1, lambda t, x: x + 1, lambda n, x: x + 1
    ),
    "outer": _same(lambda: [_signed(1024), _signed(1024, seed=1)], "outer"),
    "outer_sum": Operation(
        lambda: [_signed(1024, 1), _signed(1, 1024, seed=1)],
        lambda k, x, y: x + y, lambda t, x, y: x + y, lambda n, x, y: x + y,
    ),
    "distances": Operation(
        lambda: [_signed(512, 1, 16), _signed(1, 512, 16, seed=1)],
        lambda k, x, y: k.sum(k.square(x - y), -1), lambda t, x, y: t.sum(t.square(x - y), -1),
        lambda n, x, y: n.sum(n.square(x - y), -1),
    ),
    "add_int32": _same(
        lambda: [_integers(1024, 1024, below=100), _integers(1024, 1024, below=99)], "add"
    ),
    "multiply_float64": _same(
        lambda: [_signed(1024, 1024).astype("float64")] * 2, "multiply"
    ),
    "exp_float64": _same(lambda: [_signed(1024, 1024).astype("float64")], "exp"),
    "floor_divide_int32": _same(
        lambda: [_integers(1024, 1024, below=1e6), _integers(1024, 1024, below=99) + 1],
        "floor_divide",
    ),
    **{
        f"{source}_to_{target}": Operation(
            lambda source=source: [_integers(1024, 1024, below=200, dtype=source)],
            lambda k, x, target=target: k.cast(x, target),
            lambda t, x, target=target: x.to(getattr(t, target)),
            lambda n, x, target=target: x.astype(target),
        )
        for source, target in (("uint8", "float32"), ("float32", "int32"), ("int32", "float32"),
                               ("float32", "float64"), ("float64", "float32"),
                               ("float32", "float16"), ("float16", "float32"),
                               ("float32", "uint8"), ("bool", "float32"))
    },
}  # fmt: skip

_NETWORKS = {
    name: Operation(
        _matrix,
        lambda k, x, name=name: getattr(k, name)(x),
        lambda t, x, name=name: getattr(t.nn.functional, name)(x),
        None,
    )
    for name in ("relu", "relu6", "elu", "selu", "silu", "softplus", "softsign",
                 "celu")
} | {
    "leaky_relu": Operation(
        _matrix, lambda k, x: k.leaky_relu(x, 0.2), lambda t, x: t.nn.functional.leaky_relu(x, 0.2),
        None,
    ),
    "gelu": Operation(
        _matrix, lambda k, x: k.gelu(x, approximate=False), lambda t, x: t.nn.functional.gelu(x),
        None,
    ),
    "sigmoid": _same(_matrix, "sigmoid", numpy="-"),
    **{
        f"{name}_{axis}": Operation(
            _matrix,
            lambda k, x, name=name, axis=axis: getattr(k, name)(x, axis),
            lambda t, x, name=name, axis=axis: getattr(t, name)(x, axis),
            None,
        )
        for name in ("softmax", "log_softmax")
        for axis in (0, 1)
    },
    "one_hot": Operation(
        lambda: [_integers(10_000, below=100)],
        lambda k, x: k.one_hot(x, 100), lambda t, x: t.nn.functional.one_hot(x, 100).float(), None,
    ),
    "cross_entropy": Operation(
        lambda: [_signed(4096, 100), _integers(4096, below=100)],
        lambda k, x, y: k.mean(k.sparse_categorical_crossentropy(y, x, from_logits=True)),
        lambda t, x, y: t.nn.functional.cross_entropy(x, y), None,
    ),
    "average_pool": Operation(
        lambda: [random(16, 56, 56, 64)], lambda k, x: k.average_pool(x, 2, 2),
        lambda t, x: t.nn.functional.avg_pool2d(x, 2), None,
    ),
    "max_pool": Operation(
        lambda: [random(16, 56, 56, 64)], lambda k, x: k.max_pool(x, 2, 2),
        lambda t, x: t.nn.functional.max_pool2d(x, 2), None,
    ),
    "conv_4": Operation(
        lambda: [random(16, 64, 64, 4), random(4, 3, 3, 4).transpose(1, 2, 3, 0).copy()],
        lambda k, x, w: k.conv(x, w, padding="same"),
        lambda t, x, w: t.nn.functional.conv2d(x, w.permute(1, 3, 0, 2), padding=1), None,
    ),
    "conv_8": Operation(
        lambda: [random(16, 64, 64, 8), random(8, 3, 3, 8).transpose(1, 2, 3, 0).copy()],
        lambda k, x, w: k.conv(x, w, padding="same"),
        lambda t, x, w: t.nn.functional.conv2d(x, w.permute(1, 3, 0, 2), padding=1), None,
    ),
    "moments": Operation(
        lambda: [random(32, 28, 28, 64)], lambda k, x: k.moments(x, (0, 1, 2)),
        lambda t, x: t.var_mean(x, (0, 2, 3), correction=0), None,
    ),
    "resize": Operation(
        lambda: [random(16, 32, 32, 32)], lambda k, x: k.image.resize(x, (64, 64)),
        lambda t, x: t.nn.functional.interpolate(x, size=(64, 64), mode="bilinear"), None,
    ),
    "resize_nearest": Operation(
        lambda: [random(16, 32, 32, 32)],
        lambda k, x: k.image.resize(x, (64, 64), interpolation="nearest"),
        lambda t, x: t.nn.functional.interpolate(x, size=(64, 64), mode="nearest"), None,
    ),
}  # fmt: skip

_MOVEMENT = {
    "transpose": Operation(
        _matrix, lambda k, x: k.transpose(x), lambda t, x: x.T.contiguous(),
        lambda n, x: n.ascontiguousarray(x.T),
    ),
    "channels_first": Operation(
        lambda: [random(16, 56, 56, 64)], lambda k, x: k.transpose(x, (0, 3, 1, 2)),
        lambda t, x: x.contiguous(), lambda n, x: n.ascontiguousarray(x.transpose(0, 3, 1, 2)),
    ),
    "heads": Operation(
        lambda: [random(16, 128, 256)],
        lambda k, x: k.transpose(k.reshape(x, (16, 128, 8, 32)), (0, 2, 1, 3)),
        lambda t, x: x.reshape(16, 128, 8, 32).permute(0, 2, 1, 3).contiguous(),
        lambda n, x: n.ascontiguousarray(x.reshape(16, 128, 8, 32).transpose(0, 2, 1, 3)),
    ),
    "concatenate_0": Operation(
        _two, lambda k, x, y: k.concatenate([x, y], 0), lambda t, x, y: t.cat([x, y], 0),
        lambda n, x, y: n.concatenate([x, y], 0),
    ),
    "concatenate_1": Operation(
        _two, lambda k, x, y: k.concatenate([x, y], 1), lambda t, x, y: t.cat([x, y], 1),
        lambda n, x, y: n.concatenate([x, y], 1),
    ),
    "stack_last": Operation(
        _two, lambda k, x, y: k.stack([x, y], -1), lambda t, x, y: t.stack([x, y], -1),
        lambda n, x, y: n.stack([x, y], -1),
    ),
    "pad": Operation(
        _matrix, lambda k, x: k.pad(x, ((1, 1), (1, 1))),
        lambda t, x: t.nn.functional.pad(x, (1, 1, 1, 1)),
        lambda n, x: n.pad(x, ((1, 1), (1, 1))),
    ),
    "tile": Operation(
        lambda: [random(256, 256)], lambda k, x: k.tile(x, (4, 4)), lambda t, x: t.tile(x, (4, 4)),
        lambda n, x: n.tile(x, (4, 4)),
    ),
    "repeat": Operation(
        lambda: [random(256, 1024)], lambda k, x: k.repeat(x, 4, axis=0),
        lambda t, x: t.repeat_interleave(x, 4, 0), lambda n, x: n.repeat(x, 4, axis=0),
    ),
    "flip": Operation(
        _matrix, lambda k, x: k.flip(x, 1), lambda t, x: t.flip(x, (1,)),
        lambda n, x: n.ascontiguousarray(n.flip(x, 1)),
    ),
    "roll": Operation(
        _matrix, lambda k, x: k.roll(x, 7, 1), lambda t, x: t.roll(x, 7, 1),
        lambda n, x: n.roll(x, 7, 1),
    ),
    "triu": _same(_matrix, "triu"),
    "take": Operation(
        lambda: [random(20_000, 128), _integers(4096, below=20_000)],
        lambda k, x, i: k.take(x, i, axis=0), lambda t, x, i: t.index_select(x, 0, i),
        lambda n, x, i: n.take(x, i, axis=0),
    ),
    "take_columns": Operation(
        lambda: [random(1024, 1024), _integers(256, below=1024)],
        lambda k, x, i: k.take(x, i, axis=1), lambda t, x, i: t.index_select(x, 1, i),
        lambda n, x, i: n.take(x, i, axis=1),
    ),
    "take_along": Operation(
        lambda: [random(1024, 1024), _integers(1024, 64, below=1024)],
        lambda k, x, i: k.take_along_axis(x, i, 1), lambda t, x, i: t.gather(x, 1, i.long()),
        lambda n, x, i: n.take_along_axis(x, i, 1),
    ),
    "segment_sum": Operation(
        lambda: [random(20_000, 64), _integers(20_000, below=500)],
        lambda k, x, i: k.segment_sum(x, i, 500),
        lambda t, x, i: t.zeros(500, 64).index_add_(0, i, x), None,
    ),
    "to_float": Operation(
        lambda: [_integers(32, 224, 224, 3, below=255, dtype="uint8")],
        lambda k, x: k.cast(x, "float32"), lambda t, x: x.float(), lambda n, x: x.astype(n.float32),
    ),
}  # fmt: skip

_ORDER = {
    "sort": _same(lambda: [random(10**6)], "sort"),
    "sort_rows": Operation(
        _matrix, lambda k, x: k.sort(x, 1), lambda t, x: t.sort(x, 1), lambda n, x: n.sort(x, 1)
    ),
    "sort_columns": Operation(
        _matrix, lambda k, x: k.sort(x, 0), lambda t, x: t.sort(x, 0), lambda n, x: n.sort(x, 0)
    ),
    "argsort_rows": Operation(
        _matrix, lambda k, x: k.argsort(x, 1), lambda t, x: t.argsort(x, dim=1, stable=True),
        lambda n, x: n.argsort(x, 1, kind="stable"),
    ),
    "top_k": Operation(
        _matrix, lambda k, x: k.top_k(x, 10), lambda t, x: t.topk(x, 10), None
    ),
    "searchsorted": _same(
        lambda: [np.sort(random(10_000)), random(100_000, seed=1)], "searchsorted"
    ),
    "bincount": Operation(
        lambda: [_integers(10**6, below=1000)], lambda k, x: k.bincount(x, minlength=1000),
        lambda t, x: t.bincount(x, minlength=1000), lambda n, x: n.bincount(x, minlength=1000),
    ),
    "unique": Operation(
        lambda: [_integers(100_000, below=1000)], lambda k, x: k.unique(x),
        lambda t, x: t.unique(x), lambda n, x: n.unique(x),
    ),
    "nonzero": Operation(
        lambda: [random(10**6) > 0.5], lambda k, x: k.nonzero(x), lambda t, x: t.nonzero(x),
        lambda n, x: n.nonzero(x),
    ),
}  # fmt: skip

_PRODUCTS = {
    "dot": _same(lambda: [_signed(10**6), _signed(10**6, seed=1)], "dot"),
    "matmul_batch": _same(lambda: [_signed(64, 64, 64), _signed(64, 64, 64, seed=1)], "matmul"),
    "matmul_int32": _same(
        lambda: [_integers(256, 256, below=100), _integers(256, 256, below=99)], "matmul"
    ),
    "matmul_float64": _same(
        lambda: [_signed(512, 512).astype("float64"), _signed(512, 512).astype("float64")],
        "matmul",
    ),
    "einsum": Operation(
        lambda: [_signed(16, 128, 8, 32), _signed(16, 128, 8, 32, seed=1)],
        lambda k, x, y: k.einsum("btnh,bsnh->bnts", x, y),
        lambda t, x, y: t.einsum("bhtn,bhsn->bnts", x, y), None,
    ),
    "tensordot": Operation(
        lambda: [_signed(64, 32, 32), _signed(32, 32, 64, seed=1)],
        lambda k, x, y: k.tensordot(x, y, 2), lambda t, x, y: t.tensordot(x, y, 2),
        lambda n, x, y: n.tensordot(x, y, 2),
    ),
    "matrix_vector": _same(lambda: [_signed(1024, 1024), _signed(1024)], "matmul"),
    "fft": Operation(
        lambda: [random(1024, 1024), np.zeros((1024, 1024), np.float32)],
        lambda k, re, im: k.fft((re, im)), lambda t, re, im: t.fft.fft(t.complex(re, im)),
        lambda n, re, im: n.fft.fft(re + n.complex64(1j) * im),
    ),
    "rfft": Operation(
        _matrix, lambda k, x: k.rfft(x), lambda t, x: t.fft.rfft(x), lambda n, x: n.fft.rfft(x)
    ),
    "cross": Operation(
        lambda: [_signed(100_000, 3), _signed(100_000, 3, seed=1)],
        lambda k, x, y: k.cross(x, y), lambda t, x, y: t.linalg.cross(x, y),
        lambda n, x, y: n.cross(x, y),
    ),
}  # fmt: skip

OPERATIONS: dict[str, Operation] = {
    **_REDUCTIONS,
    **_FUNCTIONS,
    **_NETWORKS,
    **_MOVEMENT,
    **_ORDER,
    **_PRODUCTS,
}
