"""Padding whose values are computed from those of the axis: NumPy's further modes of `pad`."""

from __future__ import annotations

import numpy as np

from ranvier import config
from ranvier.ops import elementwise as ew
from ranvier.ops import quantiles
from ranvier.ops import reductions as red
from ranvier.ops._define import apply, cast, reshape

_STATISTICS = {
    "maximum": red.max,
    "minimum": red.min,
    "mean": red.mean,
    "median": quantiles.median,
}


def pad_by(x, widths, mode):
    """x with `widths` (rank, 2) values added per axis, one axis after the other.

    "maximum", "minimum", "mean", "median" repeat that value of the axis, "linear_ramp" falls in
    equal steps to zero at the far end, "empty" leaves the values open: they are zeros.
    """
    if mode == "empty":
        return apply("pad", [x], {"padding": [int(v) for v in widths.reshape(-1)],
                                  "mode": "constant", "value": 0.0})  # fmt: skip
    for axis, (before, after) in enumerate(widths):
        if not before and not after:
            continue
        make = _ramp if mode == "linear_ramp" else _repeated
        parts = [make(x, axis, int(before), mode, True), x, make(x, axis, int(after), mode, False)]
        x = apply("concatenate", parts, {"axis": axis})
    return x


def _repeated(x, axis, count, mode, leading):
    value = _STATISTICS[mode](x, axis=axis, keepdims=True)
    if not config.is_float_dtype(x.dtype) and value.dtype != x.dtype:
        value = ew.round(value)
    shape = [count if i == axis else d for i, d in enumerate(x.shape)]
    return apply("broadcast_to", [cast(value, x.dtype)], {"shape": shape})


def _ramp(x, axis, count, mode, leading):
    edge = 0 if leading else x.shape[axis] - 1
    starts = [edge if i == axis else 0 for i in range(len(x.shape))]
    sizes = [1 if i == axis else d for i, d in enumerate(x.shape)]
    strides = [1] * len(sizes)
    border = apply("slice", [x], {"starts": starts, "sizes": sizes, "strides": strides})
    steps = np.arange(count) / max(count, 1)
    steps = steps if leading else steps[::-1]
    wide = border if config.is_float_dtype(x.dtype) else cast(border, config.floatx())
    factor = reshape(ew.to_tensor(np.ascontiguousarray(steps), wide.dtype),
                     [count if i == axis else 1 for i in range(len(x.shape))])  # fmt: skip
    ramp = ew.multiply(wide, factor)
    return cast(ramp if config.is_float_dtype(x.dtype) else ew.floor(ramp), x.dtype)
