"""Python's numbers and lists on their way to a dtype: what it cannot hold is an error."""

from __future__ import annotations

import numbers
import operator

import numpy as np

from ranvier import _backend as B
from ranvier.errors import IntegerOverflowError

# The least and the greatest value of each dtype of integers.
LIMITS = {
    **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
}


def whole(name: str, value, least: int | None = None) -> int:
    """The value of an argument that counts.

    Raises:
        TypeError: numbers with a fraction, texts, anything that is no integer.
        ValueError: less than `least`.
    """
    if not hasattr(value, "__index__"):
        raise TypeError(f"`{name}` must be an integer. Received: {name}={value!r}")
    count = operator.index(value)
    if least is not None and count < least:
        raise ValueError(f"`{name}` must be at least {least}. Received: {name}={value!r}")
    return count


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
        ValueError: a Python number that integers of the dtype cannot hold, NaN among them, or
            masked values.
        TypeError: a complex number of Python's.
    """
    if type(x) is int or type(x) is float:
        _check_held(x, dtype)
        return x
    if type(x) is bool or not isinstance(x, _WITH_NUMBERS):
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
    if array.size and (objects or (listed and array.dtype.kind in "iuf")):
        for value in (array.min(), array.max()):
            _check_held(value.item() if isinstance(value, np.generic) else value, dtype)
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


def numbers_of(array: np.ndarray, what="Data") -> np.ndarray:
    """Objects that are numbers, as an array of the dtype that NumPy gives their values.

    So mixed columns of a data frame become floats. `what` names the values in the error.

    Raises:
        DTypeError: some are no numbers: strings, `None`, pandas' `NA`, dates, arrays.
    """
    if array.dtype.kind == "O":
        try:
            found = np.array(array.tolist())
        except ValueError:  # lists of different lengths
            found = array
        if found.shape == array.shape and found.dtype.kind in "biuf":
            return found
    raise B.DTypeError(
        f"{what} must be numbers. Received: an array of dtype {array.dtype} and shape "
        f"{array.shape}. Hint: turn strings into indices, and missing values into numbers."
    )


def check_unmasked(x) -> None:
    """Raises a ValueError for a masked array, whose mask would be lost."""
    if type(x) is not np.ndarray and isinstance(x, np.ndarray) and np.ma.is_masked(x):
        raise B.InvalidValueError(
            "A masked array would be read with its masked values. "
            f"Received: {np.ma.count_masked(x)} masked values of {x.size}. "
            "Hint: pass x.filled(value), or a layer's `mask`."
        )


def _check_held(value, dtype):
    """Raises where integers of the dtype cannot hold the value, cut to an integer."""
    if dtype not in LIMITS:
        return
    low, high = LIMITS[dtype]
    if value != value:
        raise B.InvalidValueError(f"NaN cannot become {dtype}.")
    if not low - 1 < value < high + 1:
        raise _overflow(value, dtype)


def _overflow(value, dtype):
    low, high = LIMITS[dtype]
    return IntegerOverflowError(
        f"{value} does not fit into {dtype}. Expected: {low} to {high}. "
        "Hint: use a wider dtype, such as 'int64', or a float."
    )
