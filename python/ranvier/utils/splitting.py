"""Cutting a data set in two."""

from __future__ import annotations

import random

import numpy as np

from ranvier import _backend as B
from ranvier import tree
from ranvier.utils.batched_dataset import BatchedDataset


def split_dataset(
    dataset, left_size=None, right_size=None, shuffle=False, seed=None, preferred_backend=None
):
    """The first samples of a data set and the last ones (training and test data, say).

    Args:
        dataset: an array, a list or tuple of arrays of one length, a data set of this package, or
            any collection of samples (a torch data set). All samples are held in memory.
        left_size, right_size: number of samples, or share of them as a float in (0, 1); one that
            is not given is the rest.
        shuffle, seed: whether the samples are mixed before.
        preferred_backend: accepted for Keras' sake.

    Returns:
        Two data sets of samples; of batches, where `dataset` has batches.

    Raises:
        ValueError: sizes that do not fit, no samples, arrays of different lengths.
        TypeError: sizes that are no numbers, or something that is no data set.

    Example:
        >>> left, right = keras.utils.split_dataset(np.arange(10), left_size=0.8)
        >>> len(left), len(right)
        (8, 2)
    """
    if left_size is None and right_size is None:
        raise ValueError(
            "At least one of the `left_size` or `right_size` must be specified. Received: "
            "left_size=None and right_size=None"
        )
    samples, batch_size = _samples(dataset)
    if shuffle:
        mixer = random.Random(random.randint(0, 10**6) if seed is None else seed)
        mixer.shuffle(samples)
    left, right = _sizes(left_size, right_size, len(samples))
    return tuple(
        _from_samples(part, batch_size)
        for part in (samples[:left], samples[len(samples) - right :])
    )


def _samples(dataset):
    """The samples as a list, and the size of batches (`None` where there are none)."""
    batch_size = None
    if isinstance(dataset, (np.ndarray, B.Tensor)):
        samples = list(np.asarray(dataset))
    elif isinstance(dataset, (list, tuple)):
        samples = _rows_of_arrays(dataset)
    elif isinstance(dataset, BatchedDataset):
        batch_size = dataset.batch_size
        samples = []
        for element in dataset:
            rows = _rows(element) if batch_size else [element]
            samples.extend(tree.map_structure(np.asarray, row) for row in rows)
    elif hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__"):
        samples = [tree.map_structure(np.asarray, dataset[i]) for i in range(len(dataset))]
    elif hasattr(dataset, "__iter__") and not isinstance(dataset, (str, bytes, dict)):
        samples = [tree.map_structure(np.asarray, element) for element in dataset]
    else:
        raise TypeError(
            "The `dataset` argument must be an array, a list/tuple of arrays, or a data set. "
            f"Received: dataset={dataset} of type {type(dataset)}"
        )
    if not samples:
        raise ValueError("Received an empty dataset. Expected at least one sample.")
    return samples, batch_size


def _rows_of_arrays(arrays):
    for i, array in enumerate(arrays):
        if not isinstance(array, (np.ndarray, B.Tensor)):
            raise ValueError(
                f"Expected a list or tuple of NumPy arrays. Received: {type(array)} at index {i}."
            )
        if array.shape[:1] != arrays[0].shape[:1]:
            raise ValueError(
                "Received a list of NumPy arrays with different lengths. Mismatch found at index "
                f"{i}. Expected: {arrays[0].shape[0]} rows. Received: shape={tuple(array.shape)}."
            )
    if not arrays:
        raise ValueError("Received an empty list dataset. Expected at least one array.")
    return list(zip(*map(np.asarray, arrays)))


def _rows(batch):
    arrays = tree.flatten(batch)
    return [
        tree.pack_sequence_as(batch, [np.asarray(a)[i] for a in arrays])
        for i in range(len(arrays[0]))
    ]


def _from_samples(samples, batch_size):
    columns = [np.array(column) for column in zip(*(tree.flatten(s) for s in samples))]
    structure = tuple(samples[0]) if isinstance(samples[0], list) else samples[0]

    def read(indices):
        return tree.pack_sequence_as(structure, [column[indices] for column in columns])

    return BatchedDataset(len(samples), read, batch_size)


def _sizes(left, right, total):
    """Both sizes as numbers of samples."""
    for name, size in (("left_size", left), ("right_size", right)):
        if size is None:
            continue
        if type(size) not in (int, float):
            raise TypeError(
                f"Invalid `{name}` Type. Expected: int or float or None. Received: {size} of type "
                f"{type(size)}"
            )
        if not 0 < size < (1 if isinstance(size, float) else total):
            raise ValueError(
                f"`{name}` should be either a positive integer smaller than {total}, or a float "
                f"within the range `[0, 1]`. Received: {name}={size}"
            )
    if isinstance(left, float) and isinstance(right, float) and left + right > 1:
        raise ValueError(
            "The sum of `left_size` and `right_size` must be less than or equal to 1. "
            f"Received: {left} + {right}"
        )
    left, right = (round(s * total) if isinstance(s, float) else s for s in (left, right))
    left = total - right if left is None else left
    right = total - left if right is None else right
    if left + right > total or min(left, right) <= 0:
        raise ValueError(
            f"The two parts do not fit a dataset of {total} samples. Expected: two sizes above 0 "
            f"with a sum of {total} at most. Received: left_size={left} and right_size={right}"
        )
    return left, right
