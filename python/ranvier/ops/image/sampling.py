"""Values of a tensor between its positions: nearest or linear, with rules for what lies outside.

One gather per corner of the cell around a point: 2 ** axes of them for linear interpolation.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

from ranvier import _backend as B
from ranvier import config
from ranvier.ops import elementwise as ew
from ranvier.ops._define import Tensor, apply, cast, reshape, to_float

FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")
INTERPOLATIONS = {"nearest": 0, "bilinear": 1}  # the order of the polynomial


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


def _neighbours(coordinate, size, order, mode):
    """(index, exists, weight) of one axis: one entry for order 0, two for order 1."""
    if order == 0:
        index = cast(_round_half_away(coordinate), "int32")
        return [(*_inside(index, size, mode), None)]
    low = ew.floor(coordinate)
    share = ew.subtract(coordinate, low)
    index = cast(low, "int32")
    return [
        (*_inside(index, size, mode), ew.subtract(1.0, share)),
        (*_inside(ew.add(index, 1), size, mode), share),
    ]


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
    axes = [
        _neighbours(c if config.is_float_dtype(c.dtype) else to_float(c), n, order, mode)
        for c, n in zip(coordinates, sizes)
    ]
    strides = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    whole = not config.is_float_dtype(table.dtype)
    total: Any = None
    for corner in itertools.product(*axes):
        position, exists, weight = base, None, None
        for (index, valid, share), stride in zip(corner, strides):
            position = _plus(position, ew.multiply(index, stride) if stride != 1 else index)
            exists = valid if exists is None else ew.logical_and(exists, valid)
            weight = share if weight is None else ew.multiply(weight, share)
        value = apply("take", [table, position], {"axis": 0})
        if exists is not None:
            outside = B.full([], fill_value, value.dtype)
            value = ew.where(reshape(exists, [*exists.shape, 1]), value, outside)
        if weight is not None:
            weight = reshape(weight, [*weight.shape, 1])
            value = ew.multiply(cast(value, weight.dtype) if whole else value, weight)
        total = _plus(total, value)
    if whole and order:
        total = _round_half_away(total)
    return cast(total, table.dtype)


def _plus(a, b):
    return b if a is None else ew.add(a, b)
