"""The columns of a data set, each as batches of its own."""

from __future__ import annotations

import numpy as np

_BATCH = 32


def column_batches(dataset, names) -> dict:
    """For each name a list of arrays (rows, 1).

    Args:
        dataset: dict of columns, or an iterable of dicts: batches or single rows.
        names: columns to take.

    Raises:
        ValueError: something else, or a column that is not there.
    """
    if isinstance(dataset, dict):
        return {n: _chunks(_as_numpy(_take(dataset, n))) for n in names}
    if not hasattr(dataset, "__iter__") or isinstance(dataset, (str, bytes, list, tuple)):
        raise ValueError(
            "`adapt()` can only be called on a data set of dicts or a dict of arrays/lists. "
            f"Received instead: {dataset} (of type {type(dataset)})"
        )
    parts: dict[str, list] = {n: [] for n in names}
    for element in dataset:
        if not isinstance(element, dict):
            raise ValueError(
                "`adapt()` needs a data set of dicts, from names of features to columns. Received: "
                f"an element of type {type(element)}. Hint: dataset.map(lambda x, y: x)."
            )
        for name in names:
            parts[name].append(_as_numpy(_take(element, name)))
    return {n: _of_elements(elements) for n, elements in parts.items()}


def _take(columns, name):
    if name not in columns:
        raise ValueError(f"The data have no column {name!r}. Received: {sorted(columns)}")
    return columns[name]


def _as_numpy(values):
    return np.asarray(values.numpy() if hasattr(values, "numpy") else values)


def _chunks(column):
    rows = column.reshape(-1, 1) if column.ndim < 2 else column
    return [rows[i : i + _BATCH] for i in range(0, len(rows), _BATCH)]


def _of_elements(elements):
    if elements and elements[0].ndim == 0:
        return _chunks(np.stack(elements))
    return [e[:, None] if e.ndim == 1 else e for e in elements]
