"""Data sets that are read batch by batch, and the part that all loaders of directories share."""

from __future__ import annotations

import math
import queue
import threading

import numpy as np

from ranvier import ops, tree
from ranvier.utils import directory_listing as listing


class BatchedDataset:
    """Batches of samples that are read when they are asked for; can be gone through many times.

    `fit`, `evaluate` and `predict` take it, and so does a `for` loop.

    Args:
        count: number of samples.
        read: function of an array of sample numbers (n,) that returns their data: an array
            (n, ...) or a structure of such arrays.
        batch_size: samples of a batch; the last one may be smaller. `None` gives single samples.
        shuffle: whether the samples come in a random order.
        seed: of the orders: the same seed gives the same sequence of orders.
        reshuffle: whether every pass has an order of its own.

    Attributes:
        class_names: names of the classes, for loaders of directories.
        file_paths: the files that are read, for loaders of directories.

    Example:

    >>> squares = BatchedDataset(5, lambda i: (i, i * i), batch_size=2)
    >>> [y.tolist() for _, y in squares]
    [[0, 1], [4, 9], [16]]
    """

    def __init__(self, count, read, batch_size=32, shuffle=False, seed=None, reshuffle=True):
        if batch_size is not None and (int(batch_size) != batch_size or batch_size < 1):
            raise ValueError(
                "`batch_size` must be a positive integer or None. "
                f"Received: batch_size={batch_size}"
            )
        self.count = int(count)
        self.batch_size = None if batch_size is None else int(batch_size)
        self.shuffle, self.reshuffle = bool(shuffle), bool(reshuffle)
        self.seed = listing.draw_seed() if shuffle and seed is None else seed
        self.class_names = None
        self.file_paths = None
        self._read = read
        self._passes = 0

    def __len__(self):
        return math.ceil(self.count / (self.batch_size or 1))

    def cardinality(self) -> int:
        """The number of batches."""
        return len(self)

    def __iter__(self):
        order = np.arange(self.count)
        if self.shuffle:
            np.random.default_rng([self.seed, self._passes]).shuffle(order)
        self._passes += self.reshuffle
        step = self.batch_size or 1
        for start in range(0, self.count, step):
            batch = tree.map_structure(as_tensor, self._read(order[start : start + step]))
            yield batch if self.batch_size else tree.map_structure(_first, batch)

    def map(self, function, num_parallel_calls=None, deterministic=None):
        """The data set of `function(*batch)` (of `function(batch)` where a batch is no tuple).

        `num_parallel_calls` and `deterministic` are accepted and change nothing.
        """

        def batches():
            for batch in self:
                yield function(*batch) if isinstance(batch, tuple) else function(batch)

        return _Derived(self, batches, len(self))

    def take(self, count: int):
        """The first `count` batches of every pass."""

        def batches():
            for number, batch in enumerate(self):
                if number == count:
                    return
                yield batch

        return _Derived(self, batches, min(count, len(self)) if count >= 0 else len(self))

    def skip(self, count: int):
        """Every pass without its first `count` batches."""

        def batches():
            for number, batch in enumerate(self):
                if number >= count:
                    yield batch

        return _Derived(self, batches, max(0, len(self) - count))

    def cache(self):
        """Keeps the batches of the first whole pass in memory; later passes give them again."""
        kept: list = []
        complete = False

        def batches():
            nonlocal complete
            if complete:
                yield from kept
                return
            seen = []
            for batch in self:
                seen.append(batch)
                yield batch
            kept[:], complete = seen, True

        return _Derived(self, batches, len(self))

    def prefetch(self, buffer_size=1):
        """Reads up to `buffer_size` batches ahead on another thread (at least one)."""
        depth = max(1, int(buffer_size))
        return _Derived(self, lambda: _read_ahead(self, depth), len(self))


def _first(batch):
    """The only sample of a batch; a text stays an array, of shape ()."""
    return batch[0, ...] if isinstance(batch, np.ndarray) else batch[0]


class _Derived(BatchedDataset):
    """A data set made of another one's batches."""

    def __init__(self, source, batches, length):
        super().__init__(source.count, None, source.batch_size)
        self.class_names, self.file_paths = source.class_names, source.file_paths
        self._batches, self._length = batches, length

    def __len__(self):
        return self._length

    def __iter__(self):
        return iter(self._batches())


def as_tensor(value):
    """Numbers as a tensor; strings and objects stay NumPy arrays."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return ops.convert_to_tensor(value)
    return value


_END = object()


def _read_ahead(source, depth):
    """The batches of one pass; a thread reads while the caller works."""
    ready: queue.Queue = queue.Queue(maxsize=depth)
    stop = threading.Event()

    def put(item):
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def work():
        try:
            for batch in source:
                put((batch, None))
                if stop.is_set():
                    return
            put((_END, None))
        except BaseException as error:  # handed to the caller, who raises it
            put((_END, error))

    thread = threading.Thread(target=work, name="ranvier-read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            batch, error = ready.get()
            if error is not None:
                raise error
            if batch is _END:
                return
            yield batch
    finally:
        stop.set()
        thread.join()


def datasets_from_directory(
    directory,
    read_file,
    what: str,
    formats,
    *,
    labels="inferred",
    label_mode="int",
    class_names=None,
    batch_size=32,
    shuffle=True,
    seed=None,
    validation_split=None,
    subset=None,
    follow_links=False,
    verbose=True,
    stack=np.stack,
    reshuffle=True,
    plural=None,
):
    """The data set of a directory's files, or the training and the validation one.

    Args:
        directory, labels, label_mode, class_names, shuffle, seed, validation_split, subset,
            follow_links, verbose: as Keras' loaders have them; see `directory_listing`.
        read_file: function of a path that returns the array of one sample. Its errors are raised
            with the path added.
        what: what a file holds, for messages ("image").
        formats: extensions of the files to take.
        batch_size: samples of a batch, or `None` for single samples.
        stack: makes the array of a batch from the list of its samples.
        plural: of `what`, for messages.
        reshuffle: whether every pass over shuffled files has an order of its own.

    Returns:
        A `BatchedDataset` of `samples` or `(samples, labels)`; for `subset="both"` a list of two.

    Raises:
        ValueError: see `directory_listing`; no file was found; "binary" without two classes.
    """
    labels, label_mode = listing.check_labels(labels, label_mode, class_names, what)
    listing.check_split(validation_split, subset, shuffle, seed)
    seed = listing.draw_seed() if seed is None else seed
    paths, labels, class_names = listing.index_directory(
        directory, labels, formats, class_names, shuffle, seed, follow_links, verbose
    )
    if label_mode == "binary" and len(class_names) != 2:
        raise ValueError(
            "When passing `label_mode='binary'`, there must be exactly 2 `class_names`. "
            f"Received: class_names={class_names}"
        )
    out = []
    for part in ("training", "validation") if subset == "both" else (subset,):
        chosen, own = listing.split_part(paths, labels, validation_split, part, verbose)
        if not chosen:
            kind = f"{part} {plural or what + 's'}" if subset == "both" else plural or f"{what}s"
            raise ValueError(
                f"No {kind} found in directory {directory}. Allowed formats: {tuple(formats)}"
            )
        own = listing.encode_labels(own, label_mode, len(class_names or ()))
        read = _reader_of(chosen, own, read_file, what, stack)
        mixed = shuffle and not (subset == "both" and part == "validation")
        dataset = BatchedDataset(len(chosen), read, batch_size, mixed, seed, reshuffle)
        dataset.class_names, dataset.file_paths = class_names, chosen
        out.append(dataset)
    return out if subset == "both" else out[0]


def _reader_of(paths, labels, read_file, what, stack):
    def one(index):
        try:
            return read_file(paths[index])
        except Exception as error:
            raise ValueError(f"Cannot read the {what} file {paths[index]}: {error}") from error

    def read(indices):
        samples = stack([one(i) for i in indices])
        return samples if labels is None else (samples, labels[indices])

    return read
