"""Data that lies in memory: arrays and the order of their rows."""

from __future__ import annotations

import math
import warnings

import numpy as np

from ranvier import _backend as B
from ranvier import tree
from ranvier.ops._define import holds_complex
from ranvier.ops.complex_values import apart, together
from ranvier.random import draw_seed
from ranvier.training.data_adapters.structure import (
    check_data_cardinality,
    class_weight_to_sample_weights,
    is_sparse,
    merge_lists,
    pack_x_y_sample_weight,
    target_dtype,
    to_rows,
)

RAN_OUT = (
    "Your input ran out of data; interrupting training. Make sure that your dataset or generator "
    "can generate at least `steps_per_epoch * epochs` batches. You may need to use the `.repeat()` "
    "function when building your dataset."
)


def permutation(size: int) -> np.ndarray:
    """A random order of `size` rows from the global generator."""
    attrs = {"size": int(size), "dtype": "int64"}
    return B.apply("random_permutation", [draw_seed(None)], attrs).numpy()


def ends_early(adapter, given: int) -> bool:
    """Whether an epoch of `given` batches lacks whole executions of its steps."""
    return adapter.steps > given + -given % adapter.stride


class ArrayAdapter:
    """Arrays that the epoch loop gathers batches from.

    Args:
        x, y, sample_weight: arrays, or structures of them.
        batch_size: rows of a batch; 32, or as many as `steps` needs.
        shuffle: `True` for a new order of rows every epoch, "batch" for one of batches, or `False`.
        class_weight: weight per class index, instead of `sample_weight`.
        steps: batches per epoch; a run that takes several at once rounds the attribute up.

    Attributes:
        stride: batches that a run takes at once.
    """

    kind = "arrays"
    stride = 1

    def __init__(
        self,
        x,
        y=None,
        sample_weight=None,
        batch_size=None,
        shuffle=False,
        class_weight=None,
        steps=None,
    ):
        x = tree.map_structure(
            lambda leaf: to_rows(leaf, strings=True), merge_lists(x), none_is_leaf=False
        )
        y, sample_weight = (
            tree.map_structure(to_rows, merge_lists(part), none_is_leaf=False)
            for part in (y, sample_weight)
        )
        check_data_cardinality((x, y, sample_weight))
        if class_weight is not None:
            sample_weight = _weights_of_classes(y, sample_weight, class_weight)
        elif sample_weight is not None:
            sample_weight = _weights_per_output(y, sample_weight)
        self.rows = check_data_cardinality((x, y, sample_weight))
        if batch_size is None:
            batch_size = math.ceil(self.rows / steps) if steps else 32
        if isinstance(batch_size, bool) or int(batch_size) != batch_size or batch_size < 1:
            raise ValueError(
                f"`batch_size` must be a positive integer. Received: batch_size={batch_size!r}"
            )
        self.batch_size = int(batch_size)
        self.num_batches = math.ceil(self.rows / self.batch_size)
        self.shuffle = shuffle
        # Whether an epoch of fewer batches than there are goes on where the last one ended.
        self.continues = bool(shuffle)
        self.steps = steps
        self._rest = np.empty(0, dtype=np.int64)
        data = pack_x_y_sample_weight(x, y, sample_weight)
        self._data = apart(data) if holds_complex(data) else data
        leaves = [x for x in tree.flatten(self._data) if x is not None]
        self.arrays = [x if is_sparse(x) else _as_steps_read(x) for x in leaves]
        self.dtypes = [target_dtype(leaf.dtype) for leaf in leaves]
        # Strings, and rows of sparse matrices, are taken batch by batch.
        self.in_python = "string" in self.dtypes or any(map(is_sparse, leaves))

    def reset(self):
        """Nothing to prepare."""

    def pack(self, tensors):
        """The data of a step, as `x`, `(x, y)` or `(x, y, sample_weight)`, from the flat list."""
        values = iter(tensors)
        return together(
            tree.map_structure(lambda leaf: None if leaf is None else next(values), self._data)
        )

    def order(self):
        """The rows of the next epoch in order; `None`: all of them, as they are.

        An epoch of fewer batches than there are goes on where the last one ended, if `continues`,
        and ends with the pass over the data.
        """
        given = self.num_batches
        if self.steps is None or self.steps >= given or not self.continues:
            order = self._pass() if self.shuffle else None
        else:
            self._rest = self._rest if self._rest.size else self._pass()
            end = self.steps * self.batch_size
            order, self._rest = self._rest[:end], self._rest[end:]
            given = math.ceil(len(order) / self.batch_size)
        if self.steps is not None and ends_early(self, given):
            warnings.warn(RAN_OUT, stacklevel=2)
        return order

    def _pass(self):
        """All rows once."""
        if not self.shuffle:
            return np.arange(self.rows, dtype=np.int64)
        if self.shuffle != "batch":
            return permutation(self.rows)
        full = self.rows // self.batch_size
        first = permutation(full) * self.batch_size
        blocks = first[:, None] + np.arange(self.batch_size)
        return np.concatenate([blocks.reshape(-1), np.arange(full * self.batch_size, self.rows)])


def _as_steps_read(array) -> np.ndarray:
    """Dense, aligned and in this machine's byte order."""
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    return np.require(native, requirements=("C", "A"))


def _weights_of_classes(y, sample_weight, class_weight):
    if sample_weight is not None:
        raise ValueError("You cannot specify `class_weight` and `sample_weight` at the same time.")
    if y is None:
        raise ValueError("`class_weight` needs targets `y`. Received: y=None")
    if tree.is_nested(y):
        raise ValueError("`class_weight` is only supported for Models with a single output.")
    return class_weight_to_sample_weights(y, class_weight)


def _weights_per_output(y, sample_weight):
    """One array of weights per output."""
    if not tree.is_nested(y):
        return sample_weight
    if tree.is_nested(sample_weight):
        try:
            tree.assert_same_structure(y, sample_weight)
        except ValueError as error:
            raise ValueError(
                "You should provide one `sample_weight` array per output in `y`. The two "
                "structures did not match:\n"
                f"- y: {tree.map_structure(lambda a: a.shape, y)}\n"
                f"- sample_weight: {tree.map_structure(lambda a: a.shape, sample_weight)}\n"
            ) from error
        return sample_weight
    if sample_weight.ndim > 2 or (sample_weight.ndim == 2 and sample_weight.shape[1] != 1):
        raise ValueError(
            "For a model with multiple outputs, when providing a single `sample_weight` array, it "
            "should only have one scalar score per sample (i.e. shape `(num_samples,)`). If you "
            "want to use non-scalar sample weights, pass a `sample_weight` argument with one array "
            "per model output. Received: sample_weight of shape "
            f"{sample_weight.shape}"
        )
    return tree.map_structure(lambda _: sample_weight, y)
