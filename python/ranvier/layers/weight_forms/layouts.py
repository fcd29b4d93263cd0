"""How a layer's weight meets its inputs: which axes are summed, and how scales line up."""

from __future__ import annotations

import math

from ranvier import ops


class Layout:
    """The weight as a matrix (rows, columns) of summed and kept axes.

    `weight_axes` and `input_axes` are those that a scale is shared over. A *stored* scale has the
    shape that files have.
    """

    weight_axes: tuple | int
    input_axes: tuple | int
    group_axis = 0  # of the matrix: blocks of 4-bit values run along it
    zero_name = "kernel_zero"  # of the variable of zero points after a calibration

    def matrix_shape(self, shape) -> tuple[int, int]:
        """Rows and columns of the weight as a matrix."""
        return tuple(shape)


class MatrixLayout(Layout):
    """x (..., in) times a kernel (in, out)."""

    weight_axes, input_axes = (0,), -1

    def contract(self, x, weight):
        """x · weight"""
        return ops.matmul(x, weight)

    def contract_back(self, dy, weight):
        """dy · weightᵀ"""
        return ops.matmul(dy, ops.transpose(weight))

    def stored_scale(self, scale):
        """(1, out) -> (out,)"""
        return ops.squeeze(scale, axis=0)

    def scale_shape(self, shape) -> tuple:
        """Shape of the stored scale."""
        return (shape[1],)

    def weight_scale(self, stored):
        """The stored scale beside the weight."""
        return stored

    def input_scale(self, scale):
        """The scale of inputs beside the result."""
        return scale


class TableLayout(Layout):
    """Rows of a table (rows, out) by index."""

    weight_axes, input_axes = (-1,), -1
    group_axis = -1

    def stored_scale(self, scale):
        """(rows, 1) -> (rows,)"""
        return ops.squeeze(scale, axis=-1)

    def scale_shape(self, shape) -> tuple:
        """Shape of the stored scale."""
        return (shape[0],)

    def weight_scale(self, stored):
        """The stored scale beside the rows."""
        return ops.expand_dims(stored, axis=-1)


class _Arrangement:
    """Moves the axes of an operand's scale to where they stand in the result.

    Summed axes, of size one in the scale, take the places of axes that the operand lacks; those
    left over are dropped.
    """

    def __init__(self, letters, out):
        self.reduced = tuple(i for i, c in enumerate(letters) if c not in out)
        self.order = [letters.index(c) for c in out if c in letters]
        self.added = [i for i, c in enumerate(out) if c not in letters]
        self.dropped = []
        place = max((out.find(c) for c in letters[-1:]), default=0)
        for axis in self.reduced:
            if self.added:
                place = self.added.pop(0)
            else:
                self.dropped.append(axis)
            self.order.insert(place, axis)

    def shape(self, shape) -> tuple:
        """Shape of the arranged scale of an operand of this shape."""
        ones = [1 if i in self.reduced else d for i, d in enumerate(shape)]
        sizes = [ones[i] for i in self.order]
        for axis in sorted(self.added):
            sizes.insert(axis, 1)
        return tuple(d for i, d in enumerate(sizes) if i not in self.dropped)

    def arrange(self, scale):
        """From the operand's axes to the result's."""
        scale = ops.transpose(scale, self.order)
        if self.added:
            scale = ops.expand_dims(scale, axis=self.added)
        return ops.squeeze(scale, axis=self.dropped) if self.dropped else scale

    def restore(self, scale):
        """From the result's axes to the operand's."""
        if self.dropped:
            scale = ops.expand_dims(scale, axis=self.dropped)
        if self.added:
            scale = ops.squeeze(scale, axis=self.added)
        back = sorted(range(len(self.order)), key=self.order.__getitem__)
        return ops.transpose(scale, back)


class EinsumLayout(Layout):
    """einsum(equation, x, kernel) for x of a known rank."""

    zero_name = "zero_point"

    def __init__(self, equation: str, rank: int):
        operands, _, out = equation.replace(" ", "").partition("->")
        left, _, weight = operands.partition(",")
        free = [c for c in "abcdefghijklmnopqrstuvwxyz" if c not in left + weight + out]
        dots = "".join(free[: rank - len(left.replace("...", ""))])
        left, out = left.replace("...", dots), out.replace("...", dots)
        self.equation = f"{left},{weight}->{out}"
        self.back_equation = f"{out},{weight}->{left}"
        self._weight, self._input = _Arrangement(weight, out), _Arrangement(left, out)
        self.weight_axes, self.input_axes = self._weight.reduced, self._input.reduced

    def contract(self, x, weight):
        """The layer's product."""
        return ops.einsum(self.equation, x, weight)

    def contract_back(self, dy, weight):
        """The gradient of the inputs."""
        return ops.einsum(self.back_equation, dy, weight)

    def stored_scale(self, scale):
        """Scale of the weight to the axes of the result."""
        return self._weight.arrange(scale)

    def scale_shape(self, shape) -> tuple:
        """Shape of the stored scale."""
        return self._weight.shape(shape)

    def weight_scale(self, stored):
        """The stored scale beside the weight."""
        return self._weight.restore(stored)

    def input_scale(self, scale):
        """The scale of inputs beside the result."""
        return self._input.arrange(scale)

    def matrix_shape(self, shape):
        rows = math.prod(shape[i] for i in self.weight_axes)
        return rows, math.prod(shape) // rows
