"""From floats to integers and back: scales by absolute maximum, by groups, and by group maps."""

from __future__ import annotations

import math

import numpy as np

from ranvier import config as _config
from ranvier import ops
from ranvier.ops._define import to_tensor


def _to_array(x):
    return np.asarray(ops.convert_to_numpy(x))


def abs_max_quantize(inputs, axis, value_range=(-127, 127), dtype="int8", epsilon=1e-7,
                     to_numpy=False):  # fmt: skip
    """Rounds to integers so that the largest magnitude along `axis` meets the end of the range.

    `scale = value_range[1] / (max(|inputs|, axis) + epsilon)` and
    `quantized = clip(round(inputs * scale), *value_range)`.

    Args:
        inputs: float tensor of any shape.
        axis: int or ints over which one scale is shared.
        value_range: lowest and highest integer.
        dtype: integer dtype of the result.
        epsilon: keeps the scale of zeros finite.
        to_numpy: computes with NumPy instead of tensors.

    Returns:
        `(quantized, scale)`; the scale has the inputs' dtype and size 1 along `axis`.

    Example:
        >>> quantized, scale = keras.quantizers.abs_max_quantize(ops.array([[0.5, -1.0]]), axis=-1)
        >>> quantized.tolist(), round(float(scale[0, 0]))
        ([[63, -127]], 127)
    """
    if to_numpy:
        return _abs_max_array(inputs, axis, value_range, dtype, epsilon)
    inputs = to_tensor(inputs)
    largest = ops.max(ops.abs(inputs), axis=axis, keepdims=True)
    scale = ops.cast(ops.divide(value_range[1], ops.add(largest, epsilon)), inputs.dtype)
    rounded = ops.round(ops.multiply(inputs, scale))
    return ops.cast(ops.clip(rounded, value_range[0], value_range[1]), dtype), scale


def _abs_max_array(inputs, axis, value_range, dtype, epsilon):
    source = _config.standardize_dtype(inputs.dtype)
    array = _to_array(inputs)
    axes = tuple(axis) if isinstance(axis, (list, tuple)) else axis
    largest = np.max(np.abs(array), axis=axes, keepdims=True)
    scale = np.divide(value_range[1], np.add(largest, epsilon))
    rounded = np.clip(np.round(np.multiply(array, scale)), value_range[0], value_range[1])
    return to_tensor(rounded.astype(dtype)), ops.convert_to_tensor(scale, dtype=source)


def abs_max_quantize_grouped_with_zero_point(inputs, block_size, value_range=(-8, 7), dtype="int8",
                                             epsilon=1e-7, to_numpy=False):  # fmt: skip
    """Rounds a matrix to integers, with a scale and a zero point for each block of rows.

    In every block and column, the span from the least to the greatest value is mapped to the range:
    `quantized = clip(round(inputs / scale) + zero_point, *value_range)`.

    Args:
        inputs: float matrix (input_dim, output_dim).
        block_size: rows that share a scale.
        value_range: lowest and highest integer.
        dtype: integer dtype of the result.
        epsilon: keeps the scale of a constant block away from zero.
        to_numpy: computes with NumPy instead of tensors.

    Returns:
        `(quantized, scale, zero_point)`, the last two of shape
        (ceil(input_dim / block_size), output_dim).

    Example:
        >>> quantize = keras.quantizers.abs_max_quantize_grouped_with_zero_point
        >>> quantized, scale, zero_point = quantize(ops.ones((8, 3)), block_size=4)
        >>> quantized.shape, scale.shape
        ((8, 3), (2, 3))
    """
    if to_numpy:
        return _grouped_array(inputs, block_size, value_range, dtype, epsilon)
    source = _config.standardize_dtype(inputs.dtype)
    inputs = to_tensor(inputs)
    low, high = value_range
    rows, columns = inputs.shape
    groups = math.ceil(rows / block_size)
    scale, zero, _ = compute_quantization_parameters(
        ops.transpose(inputs), bits=int(math.log2(high - low + 1)), per_channel=True,
        group_size=block_size, compute_dtype=source, epsilon=epsilon, signed=True,
    )  # fmt: skip
    scale, zero = ops.transpose(scale), ops.transpose(zero)
    padded = ops.pad(inputs, [[0, groups * block_size - rows], [0, 0]])
    blocks = ops.reshape(padded, (groups, block_size, columns))
    rounded = ops.add(ops.round(ops.divide(blocks, scale[:, None])), zero[:, None])
    out = ops.cast(ops.clip(rounded, low, high), dtype)
    return ops.reshape(out, (groups * block_size, columns))[:rows], scale, zero


def _grouped_array(inputs, block_size, value_range, dtype, epsilon):
    source = _config.standardize_dtype(inputs.dtype)
    array = _to_array(inputs)
    low, high = value_range
    rows, columns = array.shape
    groups = math.ceil(rows / block_size)
    padded = np.zeros((groups * block_size, columns), array.dtype)
    padded[:rows] = array
    blocks = padded.reshape(groups, block_size, columns)
    least, greatest = blocks.min(axis=1, keepdims=True), blocks.max(axis=1, keepdims=True)
    scale = np.divide(np.subtract(greatest, least) + epsilon, high - low)
    zero = np.clip(np.round(np.divide(-least, scale)) + low, low, high)
    out = np.clip(np.round(np.divide(blocks, scale)) + zero, low, high).astype(dtype)
    return (
        to_tensor(out.reshape(groups * block_size, columns)[:rows]),
        ops.convert_to_tensor(scale[:, 0], dtype=source),
        to_tensor(zero[:, 0].astype("int8")),
    )


def compute_quantization_parameters(
    x,
    *,
    bits,
    symmetric=False,
    per_channel=False,
    group_size=-1,
    compute_dtype="float32",
    epsilon=0.0,
    signed=False,
):
    """Scale and zero point for rounding a matrix to `bits` bits.

    Args:
        x: (out_features, in_features).
        bits: bits of a quantized value.
        symmetric: whether the span is centred on zero.
        per_channel: one scale for each output feature, else one for the matrix.
        group_size: with `per_channel`, inputs that share a scale; -1: all.
        compute_dtype: dtype of the highest level.
        epsilon: added to the span.
        signed: levels from -2^(bits-1), else from 0.

    Returns:
        `(scale, zero, maxq)`: (out_features, groups), the same as int8 (signed) or uint8, and the
        number of levels less one.
    """
    if x is None:
        raise ValueError(f"Input tensor {x} cannot be None.")
    x = to_tensor(x)
    if x.ndim < 2:
        raise ValueError(
            f"Input weight tensor {x} must have a rank of at least 2, but got rank {x.ndim}."
        )
    if x.size == 0:
        raise ValueError("Input tensor 'x' cannot be empty.")
    out_features, in_features = x.shape[0], x.shape[1]
    groups = math.ceil(in_features / group_size) if per_channel and group_size > 0 else 1
    if groups > 1:
        padded = ops.pad(x, [[0, 0], [0, groups * group_size - in_features]])
        rows = ops.reshape(padded, (out_features, groups, group_size))
    else:
        rows = ops.reshape(x, (out_features if per_channel else 1, -1))
    least, greatest = ops.min(rows, axis=-1), ops.max(rows, axis=-1)
    if symmetric:
        largest = ops.maximum(ops.abs(least), greatest)
        least = ops.where(ops.less(least, 0), ops.negative(largest), least)
        greatest = largest
    flat = ops.equal(least, greatest)
    least = ops.where(flat, ops.subtract(least, 1), least)
    greatest = ops.where(flat, ops.add(greatest, 1), greatest)

    maxq = ops.cast(2**bits - 1, compute_dtype)
    span = ops.subtract(greatest, least)
    if epsilon > 0:
        span = ops.add(span, epsilon)
    scale = ops.divide(span, maxq)
    scale = ops.where(ops.less_equal(scale, 0), 1e-8, scale)
    lowest = -(2 ** (bits - 1)) if signed else 0
    if symmetric:
        zero = ops.full_like(scale, 2 ** (bits - 1) + lowest)
    else:
        zero = ops.round(ops.divide(ops.negative(least), scale))
        zero = ops.add(zero, lowest) if signed else zero
    # A zero point outside its dtype saturates: then the span of the group does not reach zero.
    zero = ops.clip(zero, lowest, lowest + 2**bits - 1 if signed else 255)
    if groups == 1:
        scale, zero = ops.reshape(scale, (-1, 1)), ops.reshape(zero, (-1, 1))
        if not per_channel:
            scale, zero = (ops.tile(t, (out_features, 1)) for t in (scale, zero))
    return scale, ops.cast(zero, "int8" if signed else "uint8"), maxq


def quantize_with_zero_point(input_tensor, scale, zero, maxq):
    """`clip(round(x / scale + zero), 0, maxq)`, as floats; a scale of zero counts as 1e-8."""
    safe = ops.where(ops.equal(scale, 0), ops.cast(1e-8, scale.dtype), scale)
    levels = ops.round(ops.add(ops.divide(input_tensor, safe), ops.cast(zero, scale.dtype)))
    return ops.clip(levels, 0, maxq)


def dequantize_with_zero_point(input_tensor, scale, zero):
    """`scale * (q - zero)`."""
    return ops.multiply(scale, ops.subtract(input_tensor, ops.cast(zero, scale.dtype)))


def quantize_with_sz_map(weights_matrix, scale, zero, g_idx, maxq, group_axis=-1):
    """Rounds a matrix with the scale and zero point of each position's group.

    `g_idx` (n,) names the group of every position along `group_axis`, the axis of groups in `scale`
    and `zero`.
    """
    groups = ops.cast(g_idx, "int32")
    return quantize_with_zero_point(
        weights_matrix, ops.take(scale, groups, axis=group_axis),
        ops.take(zero, groups, axis=group_axis), maxq,
    )  # fmt: skip


def dequantize_with_sz_map(weights_matrix, scale, zero, g_idx, group_axis=-1):
    """`(q - zero) * scale` with the scale and zero point of each position's group."""
    groups = ops.cast(g_idx, "int32")
    scales = ops.take(scale, groups, axis=group_axis)
    zeros = ops.cast(ops.take(zero, groups, axis=group_axis), scales.dtype)
    return ops.multiply(ops.subtract(weights_matrix, zeros), scales)
