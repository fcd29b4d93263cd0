"""Reductions over the rows of segments."""

from __future__ import annotations

import math

import numpy as np

from ranvier import _backend as B
from ranvier import config
from ranvier.ops import elementwise as ew
from ranvier.ops._define import MATH, WIDE, apply, cast, expand, op, reshape, to_tensor
from ranvier.ops.reductions import max, min, prod
from ranvier.python_numbers import whole
from ranvier.symbolic.probe import current_stand_in, probing

_ARGS = """

Args:
    data: (n, ...).
    segment_ids: (n,) integers: the segment of each row.
    num_segments: size of the result; the largest id and one by default, which needs known ids.
    sorted: accepted, without effect.

Returns:
    (num_segments, ...). Rows whose id is no segment are left out.

Raises:
    ValueError: ids that are no vector with an entry per row.
"""


def _segment(name, doc, result, identity, combine):
    def fn(data, segment_ids, num_segments=None, sorted=False):
        data, ids = to_tensor(data), to_tensor(segment_ids)
        _check_segments(data, ids)
        count = _segment_count(ids) if num_segments is None else whole("num_segments", num_segments)
        dtype = data.dtype
        data = cast(data, WIDE.get(dtype, dtype))
        if combine == "add":
            if count == 0:
                return B.full([0, *data.shape[1:]], 0, dtype)
            # An id that is no segment's names no row; below zero it would count from the end.
            ids = ids if ids.dtype in ("int32", "int64") else cast(ids, "int64")
            ids = ew.where(ew.less(ids, 0), count, ids)
            return cast(apply("rows_grad", [data, ids], {"axis": 0, "size": count}), dtype)
        segments = apply("arange", [], {"size": count, "start": 0, "step": 1, "dtype": ids.dtype})
        rows = ew.equal(reshape(ids, [1, -1]), reshape(segments, [-1, 1]))
        rows = reshape(rows, [count, ids.shape[0]] + [1] * (len(data.shape) - 1))
        return cast(combine(ew.where(rows, expand(data, 0), identity(dtype)), 1), dtype)

    example = f"Example:\n    >>> ops.{name}([2, 3, 4], [0, 0, 1]).tolist()\n    {result}\n"
    fn.__name__, fn.__doc__ = name, f"{doc}{_ARGS}\n{example}"
    return op(MATH, static=("num_segments", "sorted"))(fn)


def _check_segments(data, ids):
    if len(ids.shape) != 1:
        raise B.ShapeError(
            "Argument `segment_ids` should be an 1-D vector, got shape: "
            f"{tuple(ids.shape)}. Hint: flatten it and the leading axes of `data`."
        )
    if not data.shape or data.shape[0] != ids.shape[0]:
        raise B.ShapeError(
            "Argument `segment_ids` and `data` should have same leading dimension. Got "
            f"{tuple(ids.shape)} v.s. {tuple(data.shape)}."
        )


def _segment_count(ids):
    known = B.constant_value(ids) if ids.is_symbol else ids
    if known is None and probing():
        return current_stand_in() or 0
    if known is None:
        raise B.GraphError(
            "segment_*: the number of segments depends on values. Give `num_segments`."
        )
    return int(max(known)) + 1


def _lowest(dtype):
    if config.is_float_dtype(dtype):
        return -math.inf
    return 0 if dtype == "bool" else int(np.iinfo(dtype).min)


def _highest(dtype):
    if config.is_float_dtype(dtype):
        return math.inf
    return 1 if dtype == "bool" else int(np.iinfo(dtype).max)


segment_sum = _segment(
    "segment_sum", "Sum of the rows of each segment.", [5, 4], lambda d: 0, "add"
)
segment_max = _segment("segment_max", "Largest value of each segment.", [3, 4], _lowest, max)
segment_min = _segment("segment_min", "Smallest value of each segment.", [2, 4], _highest, min)
segment_prod = _segment(
    "segment_prod", "Product of the rows of each segment.", [6, 4], lambda d: 1, prod
)
