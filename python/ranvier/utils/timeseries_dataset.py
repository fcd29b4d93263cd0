"""Sliding windows over a series."""

from __future__ import annotations

import numpy as np

from ranvier.utils.batched_dataset import BatchedDataset
from ranvier.utils.directory_listing import draw_seed


def timeseries_dataset_from_array(
    data,
    targets,
    sequence_length,
    sequence_stride=1,
    sampling_rate=1,
    batch_size=128,
    shuffle=False,
    seed=None,
    start_index=None,
    end_index=None,
    format="tf",
):
    """Windows of a series, and the target of each, as batches.

    Window i holds `data[s], data[s + r], …` with s = `start_index` + i · `sequence_stride` and
    r = `sampling_rate`. Its target is `targets[s]`: shift the targets to predict the future.

    Args:
        data: (steps, ...), equally spaced.
        targets: (at least as many as windows, ...), or `None` for windows alone.
        sequence_length: steps of a window.
        sequence_stride: distance between the beginnings of windows.
        sampling_rate: distance between the steps of a window.
        batch_size: windows of a batch; `None` gives single ones.
        shuffle, seed: whether windows come in a random order, a new one in every pass.
        start_index, end_index: the part of the series to use.
        format: "tf" or "grain", for Keras' sake; the result is the same.

    Returns:
        A data set of windows (batch, sequence_length, ...), or of `(windows, targets)`.

    Raises:
        ValueError: numbers that do not fit the series.

    Example:
        >>> x = np.arange(10)
        >>> windows = keras.utils.timeseries_dataset_from_array(x, x[3:], sequence_length=3)
        >>> inputs, targets = next(iter(windows))
        >>> inputs[0].tolist(), targets[0].tolist()
        ([0, 1, 2], 3)
    """
    data = np.asarray(data)
    _check(len(data), sequence_stride, sampling_rate, start_index, end_index)
    if format not in ("tf", "grain"):
        raise ValueError(f'`format` should be either "tf" or "grain". Received: format={format}')
    first = start_index or 0
    stop = len(data) if end_index is None else end_index
    count = stop - first - (sequence_length - 1) * sampling_rate
    if targets is not None:
        targets = np.asarray(targets)
        count = min(count, len(targets))
        targets = targets[first:stop]
    starts = np.arange(0, count, sequence_stride)
    if shuffle:
        seed = draw_seed() if seed is None else seed
        np.random.RandomState(seed).shuffle(starts)
    steps = np.arange(sequence_length) * sampling_rate
    part = data[first:stop]

    def read(indices):
        begins = starts[indices]
        windows = part[begins[:, None] + steps]
        return windows if targets is None else (windows, targets[begins])

    return BatchedDataset(len(starts), read, batch_size, shuffle, seed)


def _check(length, sequence_stride, sampling_rate, start_index, end_index):
    for name, value in (("sampling_rate", sampling_rate), ("sequence_stride", sequence_stride)):
        if not 0 < value < length:
            raise ValueError(
                f"`{name}` must be higher than 0 and lower than the length of the data, {length}. "
                f"Received: {name}={value}"
            )
    if start_index is not None and not 0 <= start_index < length:
        raise ValueError(
            "`start_index` must be 0 or greater and lower than the length of the data, "
            f"{length}. Received: start_index={start_index}"
        )
    if end_index is not None and not (start_index or 0) < end_index < length:
        raise ValueError(
            f"`end_index` must be higher than `start_index` and lower than the length of the "
            f"data, {length}. Received: start_index={start_index}, and end_index={end_index}"
        )
