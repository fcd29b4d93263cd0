"""Scaling for 8-bit floats."""

from __future__ import annotations

from ranvier import ops

# Largest finite values.
_MAXIMA = {"float8_e4m3fn": 448.0, "float8_e5m2": 57344.0}


def float8_max(dtype: str) -> float:
    """The largest finite value of an 8-bit float dtype."""
    if dtype not in _MAXIMA:
        raise ValueError(f"Expected one of {sorted(_MAXIMA)}. Received: {dtype}")
    return _MAXIMA[dtype]


def compute_float8_scale(amax, scale, dtype_max, margin=0):
    """The next scale from the largest magnitude seen.

    Args:
        amax: largest magnitude in the history, a scalar.
        scale: the present scale, kept where `amax` is zero or not finite.
        dtype_max: largest value of the 8-bit dtype.
        margin: powers of two left free.

    Returns:
        `amax * 2**margin / dtype_max`, computed through its reciprocal.

    Example:
        >>> scale = keras.quantizers.compute_float8_scale(ops.array(896.0), ops.array(1.0), 448.0)
        >>> float(scale)
        2.0
    """
    factor = ops.divide(ops.divide(dtype_max, amax), 2**margin)
    present = ops.reciprocal(scale)
    factor = ops.where(ops.greater(amax, 0.0), factor, present)
    factor = ops.where(ops.isfinite(amax), factor, present)
    return ops.reciprocal(factor)


def compute_float8_amax_history(x, amax_history):
    """The history (n,) moved on by one, with `max(|x|)` as its first entry.

    Args:
        x: tensor.
        amax_history: (n,) floats.

    Example:
        >>> x, history = ops.array([1.0, -5.0]), ops.array([2.0, 3.0])
        >>> keras.quantizers.compute_float8_amax_history(x, history).tolist()
        [5.0, 2.0]
    """
    largest = ops.cast(ops.max(ops.abs(x)), amax_history.dtype)
    moved = ops.roll(amax_history, shift=-1)
    return ops.slice_update(moved, (0,), ops.reshape(largest, (1,)))


def quantize_and_dequantize(inputs, scale, quantized_dtype, compute_dtype):
    """The value that `inputs` has after a round trip through an 8-bit float.

    Args:
        inputs: float tensor.
        scale: inputs are divided by it, then saturated to the range of the dtype.
        quantized_dtype: "float8_e4m3fn" or "float8_e5m2".
        compute_dtype: dtype of the result.

    Example:
        >>> keras.quantizers.quantize_and_dequantize(
        ...     ops.array([1.0, 1.2]), ops.array(1.0), "float8_e4m3fn", "float32"
        ... ).tolist()
        [1.0, 1.25]
    """
    limit = ops.cast(float8_max(quantized_dtype), compute_dtype)
    factor = ops.cast(scale, compute_dtype)
    x = ops.clip(ops.divide(inputs, factor), ops.negative(limit), limit)
    return ops.multiply(ops.cast(ops.cast(x, quantized_dtype), compute_dtype), factor)
