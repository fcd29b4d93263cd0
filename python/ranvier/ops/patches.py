"""Blocks of images, and axes by name."""

from __future__ import annotations

import math
import re

import numpy as np

from ranvier import _backend as B
from ranvier.ops import shapes as sh
from ranvier.ops._define import NN, WIDE, apply, cast, op, reshape, to_tensor
from ranvier.python_numbers import whole


def _pair(value, name):
    out = tuple(value) if np.iterable(value) else (value, value)
    if len(out) != 2:
        raise ValueError(f"`{name}` must be an integer or two. Received: {name}={value}")
    return tuple(whole(name, v) for v in out)


class _Blocks:
    """Positions of sliding blocks in a padded image."""

    def __init__(self, size, kernel_size, dilation, padding, stride):
        self.kernel = _pair(kernel_size, "kernel_size")
        self.padding = _pair(padding, "padding")
        self.padded = [n + 2 * p for n, p in zip(size, self.padding)]
        steps = zip(self.padded, self.kernel, _pair(dilation, "dilation"), _pair(stride, "stride"))
        places = []
        for n, k, d, s in steps:
            count = (n - d * (k - 1) - 1) // s + 1
            if count < 1:
                raise B.ShapeError(
                    f"the blocks are larger than the image. Received: size={tuple(size)}, "
                    f"kernel_size={self.kernel}, dilation={dilation}, padding={self.padding}"
                )
            # (offset in the block, block) -> position
            places.append(np.arange(k)[:, None] * d + np.arange(count)[None, :] * s)
        rows, cols = places
        self.count = rows.shape[1] * cols.shape[1]
        flat = rows[:, None, :, None] * self.padded[1] + cols[None, :, None, :]
        self.index = B.tensor(flat.reshape(-1).astype("int32"))


@op(NN, static=("kernel_size", "dilation", "padding", "stride"))
def unfold(x, kernel_size, dilation=1, padding=0, stride=1):
    """Sliding blocks of images as columns.

    Args:
        x: (batch, channels, height, width).
        kernel_size, dilation, padding, stride: an integer or one for height and one for width.

    Returns:
        (batch, channels * kernel height * kernel width, blocks).

    Example:
        >>> ops.unfold(ops.ones((1, 3, 4, 4)), 2, stride=2).shape
        (1, 12, 4)
    """
    x = to_tensor(x)
    if len(x.shape) != 4:
        raise B.ShapeError(
            f"unfold: expected (batch, channels, height, width). Received: {tuple(x.shape)}"
        )
    n, c, h, w = x.shape
    blocks = _Blocks((h, w), kernel_size, dilation, padding, stride)
    if any(blocks.padding):
        x = sh.pad(x, ((0, 0), (0, 0), *((p, p) for p in blocks.padding)))
    flat = reshape(x, [n * c, math.prod(blocks.padded)])
    out = apply("take", [flat, blocks.index], {"axis": 1})
    return reshape(out, [n, c * math.prod(blocks.kernel), blocks.count])


@op(NN, static=("output_size", "kernel_size", "dilation", "padding", "stride"))
def fold(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Images from sliding blocks; where blocks overlap, they add up.

    Args:
        x: (batch, channels * kernel height * kernel width, blocks).
        output_size: height and width, or an integer for both.
        kernel_size, dilation, padding, stride: as given to `unfold`.

    Returns:
        (batch, channels, height, width).

    Example:
        >>> ops.fold(ops.ones((1, 12, 4)), (4, 4), 2, stride=2).shape
        (1, 3, 4, 4)
    """
    x = to_tensor(x)
    h, w = _pair(output_size, "output_size")
    blocks = _Blocks((h, w), kernel_size, dilation, padding, stride)
    area = math.prod(blocks.kernel)
    if len(x.shape) != 3 or x.shape[1] % area or x.shape[2] != blocks.count:
        raise B.ShapeError(
            f"fold: expected a 3D input (batch, channels * {area}, {blocks.count}). "
            f"Received: {tuple(x.shape)}"
        )
    n, c = x.shape[0], x.shape[1] // area
    flat = cast(reshape(x, [n * c, area * blocks.count]), WIDE.get(x.dtype, x.dtype))
    out = apply("rows_grad", [flat, blocks.index], {"axis": 1, "size": math.prod(blocks.padded)})
    out = cast(reshape(out, [n, c, *blocks.padded]), x.dtype)
    return out[:, :, blocks.padding[0] : blocks.padding[0] + h,
               blocks.padding[1] : blocks.padding[1] + w]  # fmt: skip


# --- axes by name ---------------------------------------------------------------------------------


def _groups(side, pattern):
    """[[name, ...], ...]: the axes of one side, each a group of names."""
    tokens = re.findall(r"\w+|\([^()]*\)", side)
    if re.sub(r"\w+|\([^()]*\)|\s", "", side):
        raise ValueError(f"rearrange: malformed pattern. Received: pattern={pattern!r}")
    return [t.strip("()").split() for t in tokens]


def _axis_sizes(groups, shape, given, pattern):
    if len(groups) != len(shape):
        raise ValueError(
            f"rearrange: the pattern names {len(groups)} axes of a tensor of rank {len(shape)}. "
            f"Received: pattern={pattern!r}"
        )
    sizes = dict(given)
    for names, size in zip(groups, shape):
        free = [n for n in names if n not in sizes]
        known = math.prod(sizes[n] for n in names if n in sizes)
        if len(free) > 1 or known == 0 or size % known or (not free and size != known):
            raise ValueError(
                f"rearrange: an axis of size {size} does not fit ({' '.join(names)}). Expected all "
                f"lengths but one. Received: pattern={pattern!r}, {given}"
            )
        if free:
            sizes[free[0]] = size // known
    return sizes


@op("keras.src.ops.einops")
def rearrange(tensor, pattern, **axes_lengths):
    """Splits, reorders and joins axes by a pattern of names.

    Args:
        tensor: any tensor.
        pattern: e.g. "b (h p) w c -> b h (p w) c": names of axes, groups in parentheses.
        **axes_lengths: lengths of names in groups of the left side; one per group may be missing.

    Raises:
        ValueError: a malformed pattern, or lengths that do not fit.

    Example:
        >>> ops.rearrange(ops.ones((2, 4, 6, 3)), "b h w c -> b (h w) c").shape
        (2, 24, 3)
    """
    x = to_tensor(tensor)
    left, arrow, right = pattern.partition("->")
    if not arrow:
        raise ValueError(f"rearrange: the pattern has no '->'. Received: pattern={pattern!r}")
    source, target = _groups(left, pattern), _groups(right, pattern)
    names = [n for group in source for n in group]
    wanted = [n for group in target for n in group]
    if sorted(names) != sorted(wanted) or len(set(names)) != len(names):
        raise ValueError(
            "rearrange: both sides must have the same names, each once. "
            f"Received: pattern={pattern!r}"
        )
    sizes = _axis_sizes(source, x.shape, axes_lengths, pattern)
    x = sh.transpose(reshape(x, [sizes[n] for n in names]), [names.index(n) for n in wanted])
    return reshape(x, [math.prod(sizes[n] for n in group) for group in target])
