"""Batches as `(x, y, sample_weight)`, and leaves as arrays."""

from __future__ import annotations

import functools
import math

import numpy as np

from ranvier import _backend as B
from ranvier import config, tree
from ranvier.python_numbers import check_unmasked, numbers_of
from ranvier.symbolic.host import is_string_array
from ranvier.variable import Variable


def unpack_x_y_sample_weight(data):
    """`(x, y, sample_weight)` of a batch given as `x`, `(x,)`, `(x, y)` or all three.

    Example:
        >>> keras.utils.unpack_x_y_sample_weight(("x", "y"))
        ('x', 'y', None)
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if 1 <= len(data) <= 3:
        return (*data, *(None,) * (3 - len(data)))
    raise ValueError(
        "Data is expected to be in format `x`, `(x,)`, `(x, y)`, or `(x, y, sample_weight)`. "
        f"Received: a tuple of {len(data)} parts, {_described(data)}"
    )


def _described(structure):
    """Shapes in the place of arrays, types in that of anything else."""
    return tree.map_structure(
        lambda x: f"shape {tuple(x.shape)}" if hasattr(x, "shape") else type(x).__name__, structure
    )


def pack_x_y_sample_weight(x, y=None, sample_weight=None):
    """A batch as a tuple; `x` alone stays itself unless it is a tuple or list.

    Args:
        x, y, sample_weight: what is packed; `None` at the end is left out.

    Example:
        >>> keras.utils.pack_x_y_sample_weight(1, 2)
        (1, 2)
    """
    if y is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def is_array_like(x) -> bool:
    """Whether the object is one array: NumPy, tensor, data frame, SciPy's sparse matrices,
    anything with `__array__`."""
    known = isinstance(x, (np.ndarray, np.generic, B.Tensor, Variable))
    return known or hasattr(x, "__array__") or is_sparse(x)


def is_sparse(x) -> bool:
    """Whether the object is a sparse matrix or array of SciPy."""
    return hasattr(x, "tocsr") and hasattr(x, "toarray")


def _is_numbers(x) -> bool:
    """Whether a list holds numbers or strings only (nested as deep as it likes)."""
    while isinstance(x, (list, tuple)) and len(x):
        x = x[0]
    return isinstance(x, (bool, int, float, str, bytes))


def merge_lists(structure):
    """Lists of numbers or strings as arrays; the rest of the structure stays."""
    if isinstance(structure, (list, tuple)) and len(structure) and _is_numbers(structure):
        return np.asarray(structure)
    if isinstance(structure, dict):
        return type(structure)((k, merge_lists(v)) for k, v in structure.items())
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*(merge_lists(v) for v in structure))
    if isinstance(structure, (list, tuple)):
        return type(structure)(merge_lists(v) for v in structure)
    return structure


def to_array(x, strings: bool = False) -> np.ndarray:
    """One leaf as a NumPy array of its own dtype.

    Args:
        x: array, tensor, data frame (of mixed columns the numbers' common dtype), sparse matrix,
            list of numbers.
        strings: whether arrays of strings are allowed, as they are among the inputs.

    Raises:
        DTypeError: the array holds objects that are no numbers, or strings where they are not
            allowed.
        ValueError: values are masked.
    """
    if isinstance(x, np.ndarray):
        check_unmasked(x)
        array = x
    elif hasattr(x, "detach"):
        array = x.detach().cpu().numpy()
    elif type(x).__name__ == "Series" and hasattr(x, "to_numpy"):
        array = np.expand_dims(x.to_numpy(), -1)
    else:
        array = x.toarray() if is_sparse(x) else np.asarray(x)
    if array.dtype.kind not in "OUSMm" or (strings and is_string_array(array)):
        return array
    return numbers_of(array)


def to_rows(x, strings: bool = False):
    """What batches are cut from: `to_array`, but a sparse matrix stays one, by rows."""
    return x.tocsr() if is_sparse(x) else to_array(x, strings)


def dense_rows(rows, index) -> np.ndarray:
    """Some rows of what `to_rows` gave."""
    part = rows[index]
    return part.toarray() if is_sparse(part) else part


def target_dtype(dtype) -> str:
    """What an array of this dtype is in a step: floats become `floatx`, the rest stays."""
    if np.dtype(dtype).kind in "OUS":
        return "string"
    name = _dtype_name(dtype)
    return config.floatx() if "float" in name else name


# NumPy makes the name of a dtype anew at each call, in 2 µs.
_dtype_name = functools.lru_cache(maxsize=64)(config.standardize_dtype)


def to_arrays(structure, strings: bool = False):
    """The leaves of a batch as arrays (tensors stay), floats in `floatx`; see `to_array`."""
    if type(structure) is np.ndarray:
        return _in_floatx(structure, strings)

    def leaf(x):
        return x if isinstance(x, B.Tensor) else _in_floatx(to_array(x, strings), strings)

    return tree.map_structure(leaf, merge_lists(structure), none_is_leaf=False)


def batch_to_arrays(batch):
    """A batch `x` or `(x, y, sample_weight)` as arrays; strings are allowed in `x`."""
    if type(batch) is tuple and batch:
        return (to_arrays(batch[0], strings=True), *(to_arrays(part) for part in batch[1:]))
    return to_arrays(batch, strings=True)


def _in_floatx(array, strings=False):
    if array.dtype.kind in "OUSMm":
        array = to_array(array, strings)
    if array.dtype.kind != "f":
        return array
    dtype = config.floatx()
    if dtype == "bfloat16" or array.dtype == dtype:
        return array
    return array.astype(dtype)


def check_data_cardinality(data) -> int:
    """The common number of rows of all arrays.

    Raises:
        ValueError: the numbers differ, or an array has no rows or no axes.
    """
    arrays = [x for x in tree.flatten(data) if x is not None]
    for array in arrays:
        if array.ndim == 0:
            raise ValueError(
                "Data must have at least one axis, the rows. Received: an array of shape ()."
            )
    rows = {int(x.shape[0]) for x in arrays}
    if len(rows) > 1:
        found = []
        for label, part in zip(("x", "y", "sample_weight"), data):
            sizes = [str(x.shape[0]) for x in tree.flatten(part) if x is not None]
            if sizes:
                found.append(f"{label} has {', '.join(sizes)} rows")
        raise ValueError(
            "Data cardinality is ambiguous. Make sure all arrays contain the same number of "
            "samples. "
            f"Received: {'; '.join(found)}."
        )
    count = rows.pop() if rows else 0
    if count == 0:
        raise ValueError(
            "The data has no samples. Expected arrays with at least one row. Received: "
            f"{[x.shape for x in arrays]}"
        )
    return count


def class_weight_to_sample_weights(y, class_weight) -> np.ndarray:
    """A weight per row from a weight per class; classes that are not named weigh 1.

    Args:
        y: class indices, or one row per sample whose largest entry names the class.
        class_weight: dict from class index to weight.
    """
    y = to_array(y)
    if y.ndim > 1:
        y = np.argmax(y, axis=-1) if y.shape[-1] != 1 else np.squeeze(y, axis=-1)
    classes = np.round(y).astype("int64")
    dtype = "float32" if config.floatx() == "bfloat16" else config.floatx()
    weights = np.ones(classes.shape[:1], dtype=dtype)
    if classes.ndim == 1:
        for index, weight in class_weight.items():
            weights[classes == int(index)] = weight
        return weights
    raise ValueError(
        f"`class_weight` needs one class per sample. Received: labels of shape {y.shape}."
    )


def train_validation_split(arrays, validation_split):
    """Cuts the last rows off for validation.

    Args:
        arrays: structure of arrays; `None` leaves stay.
        validation_split: share of the rows, in (0, 1).

    Returns:
        The structures of the first and of the last rows.

    Raises:
        ValueError: data that is no array, or too few rows.
    """
    arrays = merge_lists(arrays)
    leaves = [x for x in tree.flatten(arrays) if x is not None]
    foreign = [type(x) for x in leaves if not is_array_like(x)]
    if foreign or not leaves:
        raise ValueError(
            "Argument `validation_split` is only supported for tensors or NumPy arrays. Found "
            f"incompatible type in the input: {foreign}"
        )
    if not 0 < validation_split < 1:
        raise ValueError(
            "Argument `validation_split` must be between 0 and 1. "
            f"Received: validation_split={validation_split}"
        )
    rows = leaves[0].shape[0]
    cut = int(math.floor(rows * (1.0 - validation_split)))
    if cut in (0, rows):
        raise ValueError(
            f"Training data contains {rows} samples, which is not sufficient to split it into a "
            "validation and training set as specified by "
            f"`validation_split={validation_split}`. Either provide more data, or a different "
            "value for the `validation_split` argument."
        )

    def part(begin, end):
        return tree.map_structure(
            lambda x: None if x is None else to_rows(x, True)[begin:end], arrays, none_is_leaf=True
        )

    return part(0, cut), part(cut, rows)
