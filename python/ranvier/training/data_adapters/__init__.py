"""From what users pass to `fit` to arrays or batches."""

from __future__ import annotations

import types
import warnings

from ranvier import tree
from ranvier.python_numbers import whole
from ranvier.training.data_adapters.arrays import ArrayAdapter
from ranvier.training.data_adapters.iterables import IterableAdapter
from ranvier.training.data_adapters.py_dataset import PyDataset
from ranvier.training.data_adapters.structure import (
    class_weight_to_sample_weights,
    is_array_like,
    merge_lists,
    pack_x_y_sample_weight,
    to_arrays,
    train_validation_split,
    unpack_x_y_sample_weight,
)

__all__ = [
    "ArrayAdapter", "IterableAdapter", "PyDataset", "class_weight_to_sample_weights", "get_adapter",
    "pack_x_y_sample_weight", "to_arrays", "train_validation_split", "unpack_x_y_sample_weight",
]  # fmt: skip


def get_adapter(
    x,
    y=None,
    sample_weight=None,
    batch_size=None,
    shuffle=True,
    class_weight=None,
    steps=None,
):
    """The adapter for the data.

    Args:
        x: arrays (nested as you like), or a generator, `PyDataset`, `DataLoader` or iterable of
            batches.
        y, sample_weight: targets and weights, with arrays only.
        batch_size: rows of a batch, with arrays only.
        shuffle: `True`, `False` or "batch"; for arrays and `PyDataset`s.
        class_weight: weight per class index.
        steps: batches per epoch.

    Raises:
        ValueError: arguments that do not go together, arrays of different lengths, no rows, or
            something that is no data.
        TypeError: `steps` is no integer.
        DTypeError: arrays of strings or objects.
    """
    steps = None if steps is None else whole("steps", steps)
    if isinstance(x, (ArrayAdapter, IterableAdapter)):
        return x
    if _is_arrays(x) and all(part is None or _is_arrays(part) for part in (y, sample_weight)):
        return ArrayAdapter(x, y, sample_weight, batch_size, shuffle, class_weight, steps)
    kind = _source_kind(x)
    if kind is None:
        raise ValueError(
            f"Unrecognized data type: x={_shorten(x)} (of type {type(x)}). Expected arrays, a "
            "generator, a `PyDataset`, a torch `DataLoader` or an iterable of batches. Received "
            f"y={_shorten(y)}"
        )
    for name, what, value in (
        ("y", "the targets", y),
        ("sample_weight", "the sample weights", sample_weight),
    ):
        if value is not None:
            raise ValueError(
                f"When providing `x` as a {kind}, `{name}` should not be passed. Instead, {what} "
                f"should be included as part of the {kind}."
            )
    if class_weight is not None and kind in ("generator", "torch DataLoader"):
        raise ValueError(
            f"Argument `class_weight` is not supported for {kind} inputs. Hint: yield sample "
            f"weights. Received: class_weight={class_weight}"
        )
    adapter = IterableAdapter(x, shuffle, class_weight, steps)
    endless = kind == "PyDataset" and x.num_batches is None
    if shuffle and (endless or kind in ("generator", "torch DataLoader")):
        warnings.warn(
            f"`shuffle=True` was passed, but will be ignored since the data `x` was provided as "
            f"{'an infinite ' if endless else 'a '}{kind}. It is expected to yield shuffled data. "
            "Hint: shuffle=False.",
            stacklevel=3,
        )
    return adapter


def _is_arrays(structure) -> bool:
    leaves = [leaf for leaf in tree.flatten(merge_lists(structure)) if leaf is not None]
    return bool(leaves) and all(is_array_like(leaf) for leaf in leaves)


def _source_kind(x):
    if isinstance(x, types.GeneratorType):
        return "generator"
    if isinstance(x, PyDataset):
        return "PyDataset"
    if any(cls.__name__ == "DataLoader" for cls in type(x).__mro__):
        return "torch DataLoader"
    if isinstance(x, (str, bytes, dict, list, tuple)) or not hasattr(x, "__iter__"):
        return None
    return "dataset"


def _shorten(value):
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
