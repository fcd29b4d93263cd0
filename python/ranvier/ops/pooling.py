"""Pooling to a given output size."""

from __future__ import annotations

import numpy as np

from ranvier import _backend as B
from ranvier.ops._define import NN, apply, op, to_float, to_tensor
from ranvier.ops.convolution import _from_last, _per_axis, _pooled, _to_last


def _windows(n: int, m: int):
    """First position and size of the m windows over n positions: floor and ceil of i n / m."""
    first = np.arange(m, dtype=np.int64) * n // m
    last = -(-(np.arange(1, m + 1, dtype=np.int64) * n) // m)
    return first, last - first


def _along(prim, x, axis, window, stride):
    rank = len(x.shape) - 2
    size, steps = [1] * rank, [1] * rank
    size[axis - 1], steps[axis - 1] = window, stride
    return _pooled(prim, x, {"pool_size": size, "strides": steps, "padding": [0, 0] * rank})


def _pool_axis(prim, x, axis, m):
    """m windows along one axis. Their sizes are one number or two neighbours, so that windows of
    both sizes at every position, and a choice among them, give all."""
    n = x.shape[axis]
    if n % m == 0:
        return x if n == m else _along(prim, x, axis, n // m, n // m)
    first, sizes = _windows(n, m)
    small = int(sizes.min())
    parts = [_along(prim, x, axis, small, 1)]
    chosen = first.copy()
    if sizes.max() > small:
        parts.append(_along(prim, x, axis, small + 1, 1))
        chosen += np.where(sizes > small, n - small + 1, 0)
    pooled = parts[0] if len(parts) == 1 else apply("concatenate", parts, {"axis": axis})
    return apply("take", [pooled, B.tensor(chosen.astype("int32"))], {"axis": axis})


def _adaptive(prim, x, output_size, data_format):
    if not 3 <= len(x.shape) <= 5:
        name = "adaptive_max_pool" if prim == "max_pool" else "adaptive_average_pool"
        raise B.ShapeError(
            f"{name} supports only 1D/2D/3D inputs: (batch, spatial..., channels). "
            f"Received: inputs.shape={tuple(x.shape)}"
        )
    x = _to_last(x, data_format)
    for axis, m in enumerate(_per_axis(output_size, len(x.shape) - 2, "output_size"), start=1):
        x = _pool_axis(prim, x, axis, m)
    return _from_last(x, data_format)


@op(NN, static=("output_size", "data_format"))
def adaptive_average_pool(inputs, output_size, data_format=None):
    """Means over windows chosen so that the output has the given spatial sizes.

    Window i of m over n positions is [floor(i n / m), ceil((i + 1) n / m)).

    Args:
        inputs: (batch, spatial..., channels), or channels first by `data_format`.
        output_size: one int, or one per spatial dimension.

    Example:
        >>> ops.adaptive_average_pool(ops.reshape(ops.arange(4.0), (1, 4, 1)), 2).tolist()
        [[[0.5], [2.5]]]
    """
    return _adaptive("average_pool", to_float(inputs), output_size, data_format)


@op(NN, static=("output_size", "data_format"))
def adaptive_max_pool(inputs, output_size, data_format=None):
    """Maxima over windows chosen so that the output has the given spatial sizes.

    The windows and arguments are those of `adaptive_average_pool`.

    Args:
        inputs: (batch, ...sizes, channels).
        output_size: int, or one per spatial axis.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> ops.adaptive_max_pool(ops.reshape(ops.arange(4.0), (1, 4, 1)), 2).tolist()
        [[[1.0], [3.0]]]
    """
    return _adaptive("max_pool", to_tensor(inputs), output_size, data_format)
