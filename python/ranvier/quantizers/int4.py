"""Two 4-bit integers in a byte."""

from __future__ import annotations

import numpy as np

from ranvier import config as _config
from ranvier import ops
from ranvier.ops._define import to_tensor


def _check(dtype):
    if dtype not in ("int8", "uint8"):
        raise ValueError(f"Expected dtype to be 'int8' or 'uint8', but got '{dtype}'.")


def pack_int4(arr, axis=0, dtype="int8"):
    """Packs pairs of neighbours along `axis`: the first in the low half of a byte.

    Args:
        arr: int8 or uint8 tensor of 4-bit values; an odd axis is padded with a zero.
        axis: the axis that halves.
        dtype: dtype of `arr` and of the result.

    Returns:
        `(packed, packed_shape, orig_len)`: the bytes, their shape, and the length of the axis
        before padding.

    Example:
        >>> x = np.array([[1, 2], [3, 4], [5, 6]], "int8")
        >>> packed, shape, n = keras.quantizers.pack_int4(x)
        >>> shape, n
        ((2, 2), 3)
    """
    _check(dtype)
    given = _config.standardize_dtype(arr.dtype)
    if given != dtype:
        raise TypeError(f"Expected {dtype} tensor for packing, got {given}.")
    array = np.moveaxis(np.asarray(ops.convert_to_numpy(arr)), axis, 0)
    length = array.shape[0]
    if length % 2:
        array = np.concatenate([array, np.zeros_like(array[:1])])
    nibbles = array.view("uint8") & 0x0F if array.flags.c_contiguous else array.astype("uint8") & 15
    packed = (nibbles[::2] | (nibbles[1::2] << 4)).astype("uint8").view(dtype)
    packed = np.ascontiguousarray(np.moveaxis(packed, 0, axis))
    return to_tensor(packed), tuple(packed.shape), length


def unpack_int4(packed, orig_len, axis=0, dtype="int8"):
    """Reverses `pack_int4`.

    Args:
        packed: int8 or uint8 tensor of two values a byte along `axis`.
        orig_len: length of the axis in the result.
        axis: the axis that was packed.
        dtype: "int8" for values from -8 to 7, "uint8" for 0 to 15.

    Returns:
        A tensor of `dtype`.

    Example:
        >>> x = ops.array([[1], [-2], [7]], dtype="int8")
        >>> packed, shape, rows = keras.quantizers.pack_int4(x)
        >>> keras.quantizers.unpack_int4(packed, rows).tolist()
        [[1], [-2], [7]]
    """
    _check(dtype)
    given = _config.standardize_dtype(packed.dtype)
    if given not in ("int8", "uint8"):
        raise TypeError(f"Expected int8 or uint8 tensor for unpacking, got {packed.dtype}")
    x = to_tensor(packed)
    axis = axis % len(x.shape)
    low = ops.bitwise_and(x, 15)
    high = ops.bitwise_and(ops.right_shift(x, 4), 15)
    if dtype == "int8":  # (v ^ 8) - 8 carries the sign of four bits
        low, high = (ops.subtract(ops.bitwise_xor(v, 8), 8) for v in (low, high))
    low, high = ops.cast(low, dtype), ops.cast(high, dtype)
    shape = list(x.shape)
    shape[axis] *= 2
    both = ops.reshape(ops.stack([low, high], axis=axis + 1), shape)
    if orig_len == shape[axis]:
        return both
    window = [slice(None)] * len(shape)
    window[axis] = slice(0, orig_len)
    return both[tuple(window)]
