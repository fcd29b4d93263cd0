"""Rows of variants of other ops: along a given axis, without NaN, under a second name."""

from __future__ import annotations

import numpy as np
from op_rows import _sigmoid, add, bools, erf, f, ints

add("hsplit", f(4, 6), 3)
add("vsplit", f(6, 2), [1, 4])
add("dsplit", f(2, 3, 4), 2)
add("get_item", f(4, 5), slice(1, 3), reference=lambda x, key: x[key])

_nan = np.where(bools(3, 4), np.nan, f(3, 4))
_nan[:, 0] = 1.0
for _name in ("nanargmax", "nanargmin", "nancumsum", "nancumprod"):
    add(_name, _nan, axis=1)
for _name in ("amax", "amin"):
    add(_name, f(3, 4), axis=1)
for _name, _reduce in (("segment_min", np.min), ("segment_prod", np.prod)):
    add(_name, f(5, 2), np.array([0, 0, 1, 2, 2], "int32"), num_segments=3,
        reference=lambda x, ids, num_segments, reduce=_reduce: np.stack(
            [reduce(x[ids == i], axis=0) for i in range(num_segments)]
        ))  # fmt: skip

add("bitwise_invert", ints(3, 4), reference=np.invert)
add("bitwise_left_shift", ints(3, 4), ints(4, low=0, high=4), reference=np.left_shift)
add("bitwise_right_shift", ints(3, 4), ints(4, low=0, high=4), reference=np.right_shift)
for _name in ("real", "imag", "conj", "conjugate", "angle", "isreal"):
    add(_name, f(3, 4))
add("erfc", f(3, 5), reference=lambda x: 1 - erf(x), grad=True)
add("swish", f(3, 4), reference=lambda x: x * _sigmoid(x))
add("hard_swish", f(3, 4), reference=lambda x: x * np.clip(x + 3, 0, 6) / 6)
add("kaiser", 8, 2.0, tolerance=1e-6)


def _to_space(x, block):
    n, h, w, c = x.shape
    x = x.reshape(n, h, w, block, block, c // block**2).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(n, h * block, w * block, c // block**2)


def _to_depth(x, block):
    n, h, w, c = x.shape
    x = x.reshape(n, h // block, block, w // block, block, c).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(n, h // block, w // block, c * block**2)


add("depth_to_space", f(2, 3, 2, 8), 2, reference=_to_space, grad=True)
add("space_to_depth", f(2, 6, 4, 3), 2, reference=_to_depth, grad=True)
