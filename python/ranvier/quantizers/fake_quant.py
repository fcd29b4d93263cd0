"""Rounding to the levels of a quantized range while staying in floats."""

from __future__ import annotations

from ranvier import ops
from ranvier.ops._define import op, to_tensor


def _nudged(low, high, num_bits, narrow_range):
    """The range moved so that zero is a level: `(low, high, scale, 1 / scale)`.

    scale = (high - low) / (levels - 1); zero_point = round(clip(first - low / scale)).
    """
    first, last = int(narrow_range), 2**num_bits - 1
    low, high = ops.cast(low, "float32"), ops.cast(high, "float32")
    span = ops.subtract(high, low)
    scale = ops.divide(span, last - first)
    inverse = ops.divide(last - first, span)
    zero = ops.round(ops.clip(ops.subtract(first, ops.divide(low, scale)), first, last))
    return (
        ops.multiply(ops.subtract(first, zero), scale),
        ops.multiply(ops.subtract(last, zero), scale),
        scale,
        inverse,
    )


def _rounded(x, low, inverse, scale):
    zero = ops.floor(ops.add(ops.multiply(ops.negative(low), inverse), 0.5))
    level = ops.subtract(ops.multiply(ops.subtract(x, low), inverse), zero)
    return ops.multiply(ops.floor(ops.add(level, 0.5)), scale)


@op("keras.quantizers", static=("num_bits", "narrow_range", "axis"))
def fake_quant_with_min_max_vars(inputs, min_vals, max_vals, num_bits=8, narrow_range=False,
                                 axis=None):  # fmt: skip
    """Rounds to the `2**num_bits` levels of `[min_vals, max_vals]`, in floats.

    The range is moved a little so that zero is a level. Gradients pass where the input lies inside;
    outside, they go to the end that it was clipped to.

    Args:
        inputs: float tensor.
        min_vals, max_vals: scalars, or (channels,) with `axis`.
        num_bits: bits of the quantized type.
        narrow_range: whether the lowest level is left out.
        axis: axis of the channels; `None` for one range.

    Returns:
        A tensor of the inputs' shape and dtype.

    Example:
        >>> x = ops.array([-2.0, 1.6, 9.0])
        >>> keras.quantizers.fake_quant_with_min_max_vars(x, 0.0, 3.0, num_bits=2).tolist()
        [0.0, 2.0, 3.0]
    """
    inputs, low, high = to_tensor(inputs), to_tensor(min_vals), to_tensor(max_vals)
    num_bits, rank = int(num_bits), len(inputs.shape)
    if axis is not None:
        if not -rank <= axis < rank:
            raise ValueError(f"axis {axis} is out of bounds for array of dimension {rank}")
        axis %= rank
    channels = [1] * rank
    if axis is not None:
        channels[axis] = -1

    def along(t):
        return ops.reshape(t, channels) if axis is not None and len(t.shape) == 1 else t

    @ops.custom_gradient
    def quantized(x, low, high):
        first, last, scale, inverse = _nudged(along(low), along(high), num_bits, narrow_range)
        clamped = ops.clip(ops.cast(x, "float32"), first, last)
        result = ops.cast(_rounded(clamped, first, inverse, scale), x.dtype)

        def summed(mask, dy, end):
            kept = ops.where(mask, dy, ops.zeros_like(dy))
            axes = None if axis is None else [i for i in range(rank) if i != axis]
            return ops.reshape(ops.sum(kept, axis=axes), end.shape)

        def grad(*args, upstream=None):
            dy = args[0] if upstream is None else upstream
            inside = ops.logical_and(ops.greater_equal(x, first), ops.less_equal(x, last))
            dx = ops.where(inside, dy, ops.zeros_like(dy))
            return (
                dx,
                summed(ops.less_equal(x, first), dy, low),
                summed(ops.greater_equal(x, last), dy, high),
            )

        return result, grad

    return quantized(inputs, low, high)
