"""Python's numbers and lists on their way to a dtype: what it cannot hold is an error."""

from __future__ import annotations

import numbers

import numpy as np

from ranvier import _backend as B
from ranvier.errors import IntegerOverflowError

# The least and the greatest value of each dtype of integers.
LIMITS = {
    name: (int(np.iinfo(name).min), int(np.iinfo(name).max))
    for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
}


def weak_number(value, dtype: str):
    """A Python number beside tensors of `dtype`: of integers, int32 values wrap to those of dtype.

    Raises:
        ValueError: an integer that fits neither into `dtype` nor into int32, as in Keras on JAX.
    """
    if type(value) is not int or dtype not in LIMITS:
        return value
    low, high = LIMITS[dtype]
    if low <= value <= high:
        return value
    least, most = LIMITS["int32"]
    if not least <= value <= most:
        raise _overflow(value, dtype)
    return (value - low) % (high - low + 1) + low


def given_for(x, dtype: str):
    """What `B.tensor(x, dtype)` takes for x, a Python object or NumPy array.

    Objects, strings and NumPy's extended precision become numbers, as NumPy makes them.

    Raises:
        ValueError: a Python integer that the dtype cannot hold, NaN where integers are wanted, or
            masked values.
        TypeError: complex numbers in a list.
    """
    if type(x) is int:
        return _held(x, dtype)
    if type(x) in (bool, float) or not isinstance(x, _WITH_NUMBERS):
        return x
    check_unmasked(x)
    array = np.asarray(x)
    kind = array.dtype.kind
    listed = not isinstance(x, (np.ndarray, np.generic))
    if kind == "c" and listed:
        raise B.DTypeError(f"Complex numbers cannot become {dtype}. Received: {x!r}")
    if kind in "OUS" or (kind == "f" and array.dtype.itemsize > 8):
        array = _as_numbers(x, array, dtype)
    objects = array.dtype.kind == "O"
    if (objects or listed and array.dtype.kind in "iuf") and dtype in LIMITS and array.size:
        for value in (array.min(), array.max()):
            _held(value, dtype)
    return array.astype(dtype) if objects else array


_WITH_NUMBERS = (np.ndarray, np.generic, list, tuple, str, numbers.Number)


def _as_numbers(x, array, dtype):
    """As float64; Python's integers that are to be integers keep their digits."""
    if dtype in LIMITS and all(type(v) is int for v in array.flat):
        return array
    try:
        return np.asarray(x, dtype="float64")
    except (TypeError, ValueError) as error:
        raise B.DTypeError(
            f"Expected numbers that can become {dtype}. Received: {array!r}. "
            "Hint: convert strings and objects to numbers first."
        ) from error


def check_unmasked(x) -> None:
    """Raises a ValueError for a masked array, whose mask would be lost."""
    if type(x) is not np.ndarray and isinstance(x, np.ndarray) and np.ma.is_masked(x):
        raise B.InvalidValueError(
            "A masked array would be read with its masked values. "
            f"Received: {np.ma.count_masked(x)} masked values of {x.size}. "
            "Hint: pass x.filled(value), or a layer's `mask`."
        )


def _held(value, dtype):
    low, high = LIMITS.get(dtype, (value, value))
    if value != value:
        raise B.InvalidValueError(f"NaN cannot become {dtype}.")
    if not low <= int(value) <= high:
        raise _overflow(value, dtype)
    return value


def _overflow(value, dtype):
    low, high = LIMITS[dtype]
    return IntegerOverflowError(
        f"{value} does not fit into {dtype}. Expected: {low} to {high}. "
        "Hint: use a wider dtype, such as 'int64', or a float."
    )
