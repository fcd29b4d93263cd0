"""Values of a tensor between its positions: nearest or linear, with rules for what lies outside."""

from __future__ import annotations

import math

import numpy as np

from ranvier import _backend as B
from ranvier import config
from ranvier.ops import elementwise as ew
from ranvier.ops._define import Tensor, apply, cast, reshape, result_type, to_float

FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")
INTERPOLATIONS = {"nearest": 0, "bilinear": 1}  # the order of the polynomial
_NO_ROW = np.iinfo(np.int32).min


def check_choice(name: str, value, known) -> None:
    """Raises `ValueError` unless the value is one of the known ones."""
    if value not in known:
        raise ValueError(
            f"Invalid value for argument `{name}`. Expected one of {tuple(known)}. "
            f"Received: {name}={value}"
        )


def _mirrored(index, size):
    """Triangular wave of half length size - 1: d c b | a b c d | c b a."""
    half = size - 1
    if half == 0:
        return ew.multiply(index, 0)
    return ew.absolute(ew.subtract(ew.mod(ew.add(index, half), 2 * half), half))


def _inside(index, size, mode):
    """An index that exists, and whether the one asked for did (`None`: always)."""
    if mode == "wrap":
        return ew.mod(index, size), None
    if mode == "mirror":
        return _mirrored(index, size), None
    if mode == "reflect":
        doubled = ew.add(ew.multiply(index, 2), 1)
        return ew.floor_divide(ew.subtract(_mirrored(doubled, 2 * size + 1), 1), 2), None
    clipped = ew.clip(index, 0, size - 1)
    return clipped, ew.equal(clipped, index) if mode == "constant" else None


def _round_half_away(x):
    whole = ew.trunc(x)
    away = ew.greater_equal(ew.absolute(ew.subtract(x, whole)), 0.5)
    return ew.where(away, ew.add(whole, ew.sign(x)), whole)


def _nearest(coordinate, size, mode):
    """The index of the nearest position, and whether it exists (`None`: always)."""
    return _inside(cast(_round_half_away(coordinate), "int32"), size, mode)


def _around(coordinate, size, mode):
    """The same of the positions before and after, and the share of the latter."""
    low = ew.floor(coordinate)
    index = cast(low, "int32")
    share = ew.subtract(coordinate, low)
    return _inside(index, size, mode), _inside(ew.add(index, 1), size, mode), share


def sample(table: Tensor, sizes, coordinates, order: int, mode: str, fill_value, base=None):
    """Rows of a table at points of a grid.

    Args:
        table: (positions, depth), the positions those of a grid of `sizes` in row-major order,
            perhaps of several grids behind one another.
        sizes: sizes of the grid's axes.
        coordinates: one tensor of any common shape per axis.
        order: 0 for the nearest position, 1 for linear interpolation.
        mode: what stands outside; see `FILL_MODES`.
        fill_value: the value outside with "constant".
        base: first position of each point's own grid, broadcast with the coordinates.

    Returns:
        (points..., depth) in the table's dtype.
    """
    coordinates = [c if config.is_float_dtype(c.dtype) else to_float(c) for c in coordinates]
    strides = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    axes = list(zip(coordinates, sizes, strides))
    if order == 0:
        return _take_nearest(table, axes, mode, fill_value, base)
    return _sum_corners(table, axes, mode, fill_value, base)


def _take_nearest(table, axes, mode, fill_value, base):
    position, exists = base, None
    for coordinate, size, stride in axes:
        index, valid = _nearest(coordinate, size, mode)
        position = _plus(position, _times(index, stride))
        exists = valid if exists is None else ew.logical_and(exists, valid)
    values = apply("take", [table, position], {"axis": 0})
    if exists is None:
        return values
    outside = B.full([], fill_value, values.dtype)
    return ew.where(reshape(exists, [*exists.shape, 1]), values, outside)


def _sum_corners(table, axes, mode, fill_value, base):
    whole = not config.is_float_dtype(table.dtype)
    dtype = result_type(*(c.dtype for c, _, _ in axes), *([] if whole else [table.dtype]))
    inputs = []
    for coordinate, size, stride in axes:
        *sides, share = _around(coordinate, size, mode)
        for index, valid in sides:
            row = _plus(base, _times(index, stride))
            # Far below zero for any sum of rows: a row outside of the table reads `fill`.
            inputs.append(row if valid is None else ew.where(valid, row, _NO_ROW))
        base = None
        inputs += [cast(ew.subtract(1.0, share), dtype), cast(share, dtype)]
    shape = list(np.broadcast_shapes(*(x.shape for x in inputs)))
    inputs = [
        x if list(x.shape) == shape else apply("broadcast_to", [x], {"shape": shape})
        for x in inputs
    ]
    fill = float(np.asarray(fill_value).astype(table.dtype)) if whole else float(fill_value)
    total = apply("sample", [cast(table, dtype), *inputs], {"fill": fill})
    return cast(_round_half_away(total) if whole else total, table.dtype)


def _times(index, stride):
    return index if stride == 1 else ew.multiply(index, stride)


def _plus(a, b):
    return b if a is None else ew.add(a, b)
