"""Rows at the corners of arguments: ties, empty and flat axes, several shifts, other dtypes."""

from __future__ import annotations

import numpy as np
from op_rows import add, f, ints, pos

for _name in ("sum", "prod", "mean", "all", "any"):
    add(_name, f(3, 0), axis=0)
for _dtype in ("bool", "int32", "float16"):
    add("prod", ints(3, 4), axis=0, dtype=_dtype, reference=lambda x, axis, dtype: (
        np.prod(x.astype(dtype), axis, dtype)))  # fmt: skip
add("cumsum", np.array([0, 0, 2, 0]), dtype="bool", reference=lambda x, dtype: np.cumsum(x) > 0)
add("cumprod", np.array([1, 2, 0, 3]), dtype="bool", reference=lambda x, dtype: np.cumprod(x) > 0)

for _count in (2, 3, 4, 6):
    for _q in (0.25, 0.5, 0.75):
        add("quantile", np.arange(float(_count)), _q, method="nearest",
            reference=lambda x, q, method: x[int(np.ceil(q * (len(x) - 1) - 0.5))])  # fmt: skip
add("nanmedian", np.array([np.nan, -np.inf, 1.0]), reference=lambda x: -np.inf)
add("nanpercentile", f(3, 4).astype("float16"), 30.0, method="midpoint", tolerance=1e-3)
add("unique", np.array([np.nan, 1.0, np.nan, 1.0]), reference=lambda x: np.array([1, *x[[0, 2]]]))
add("corrcoef", f(5))

# Shifts by all bits and more, and by less than 0.
for _name, _reference in (("left_shift", np.left_shift), ("right_shift", np.right_shift)):
    for _dtype in ("int8", "uint8", "int32", "int64"):
        _by = np.array([[0], [7], [8], [31], [32], [64], [100]]).astype(_dtype)
        add(_name, np.array([1, 3, -4, 100]).astype(_dtype), _by, reference=_reference,
            keras=_dtype != "int64")  # fmt: skip
    add(_name, np.array([1, -4], "int32"), np.array([[-1], [-33]], "int32"), reference=_reference)
add("isin", np.array([1, 2]), [2**32 + 1], reference=lambda x, y: np.isin(x, y), keras=False)
add("full", 2, 2**53 + 1, dtype="int64", keras=False)
add("full", 2, 300, dtype="uint8", reference=lambda n, v, dtype: np.array([44, 44]))
add("pad", np.array([1], "uint8"), 1, constant_values=300,
    reference=lambda *_, **__: np.array([44, 1, 44]))  # fmt: skip

add("digitize", f(5), [1.0, 0.0, -1.0])
add("digitize", ints(5).astype("float32"), [1.0, 0.0, -1.0])
add("one_hot", np.array([0.0, 2.0, 1.2], "float32"), 3,
    reference=lambda x, n: (x[:, None] == np.arange(n)) * 1.0)  # fmt: skip
for _reduction in (None, "add", "mul", "max", "min"):
    add("scatter_update", f(3, 4), np.array([[0], [2]]), f(4), reduction=_reduction, reference=None)

add("roll", f(3, 4), (1, 2), axis=-1)
add("roll", f(3, 4), [1], axis=(0, 1))
add("roll", f(3, 4), [2], axis=None)
add("concatenate", [f(2, 3), f(4)], axis=None)
add("arange", 0, 10, 3.5, dtype="int32")
add("linspace", -1.6, 2.0, num=4, dtype="int32")
for _axis in (0, 1, -1):
    add("geomspace", pos(2, 3), pos(2, 3), num=4, axis=_axis, tolerance=1e-5)
