"""`PyDataset`: batches by index, made by several threads or processes when asked."""

from __future__ import annotations

import collections
import concurrent.futures
import itertools
import warnings

_ARGUMENTS = {"_workers": 1, "_use_multiprocessing": False, "_max_queue_size": 10}


class PyDataset:
    """Base of datasets that give batch `i` by `__getitem__(i)`.

    Args:
        workers: how many make batches at the same time; 1 means the caller's thread.
        use_multiprocessing: processes instead of threads.
        max_queue_size: batches made ahead at most.

    A subclass writes `__getitem__`, and `__len__` or `num_batches` (`None` for a dataset without
    end).

    Example:
        >>> class Ones(keras.utils.PyDataset):
        ...     def __len__(self):
        ...         return 3
        ...     def __getitem__(self, i):
        ...         return np.ones((4, 2)), np.ones(4)
        >>> model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> history = model.fit(Ones(), verbose=0)
        >>> int(model.optimizer.iterations)
        3
    """

    def __init__(self, workers=1, use_multiprocessing=False, max_queue_size=10):
        self._workers = workers
        self._use_multiprocessing = use_multiprocessing
        self._max_queue_size = max_queue_size

    def _argument(self, name):
        if name not in self.__dict__:
            warnings.warn(
                "Your `PyDataset` class should call `super().__init__(**kwargs)` in its "
                "constructor. `**kwargs` can include `workers`, `use_multiprocessing`, "
                "`max_queue_size`. Do not pass these arguments to `fit()`, as they will be "
                "ignored.",
                stacklevel=3,
            )
            for key, value in _ARGUMENTS.items():
                self.__dict__.setdefault(key, value)
        return self.__dict__[name]

    @property
    def workers(self):
        """How many make batches at the same time."""
        return self._argument("_workers")

    @workers.setter
    def workers(self, value):
        self._workers = value

    @property
    def use_multiprocessing(self):
        """Whether they are processes."""
        return self._argument("_use_multiprocessing")

    @use_multiprocessing.setter
    def use_multiprocessing(self, value):
        self._use_multiprocessing = value

    @property
    def max_queue_size(self):
        """Batches made ahead at most."""
        return self._argument("_max_queue_size")

    @max_queue_size.setter
    def max_queue_size(self, value):
        self._max_queue_size = value

    def __getitem__(self, index):
        raise NotImplementedError(f"{type(self).__name__} must implement `__getitem__(index)`.")

    @property
    def num_batches(self):
        """Batches of an epoch; `None` without end."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(
            "You need to implement the `num_batches` property (or `__len__`): the number of "
            "batches, or None for a dataset without end."
        )

    def __iter__(self):
        try:
            count = self.num_batches
        except NotImplementedError:
            count = None
        for index in indices_of(count):
            yield self[index]

    def on_epoch_begin(self) -> None:
        """Called before every epoch."""

    def on_epoch_end(self) -> None:
        """Called after every epoch."""


def indices_of(count):
    """0, 1, 2, … up to `count`, or without end."""
    return itertools.count() if count is None else range(count)


_process_dataset = None


def _set_process_dataset(dataset):
    global _process_dataset
    _process_dataset = dataset


def _process_item(index):
    return _process_dataset[index]


def ordered_items(dataset: PyDataset, indices):
    """`dataset[i]` for each index, in order, made ahead by the dataset's workers."""
    workers = dataset.workers
    pool: concurrent.futures.Executor
    if dataset.use_multiprocessing and workers >= 1:
        pool = concurrent.futures.ProcessPoolExecutor(
            workers, initializer=_set_process_dataset, initargs=(dataset,)
        )
        item = _process_item
    elif workers > 1:
        pool = concurrent.futures.ThreadPoolExecutor(workers)
        item = dataset.__getitem__
    else:
        for index in indices:
            yield dataset[index]
        return
    indices = iter(indices)
    ahead = max(int(dataset.max_queue_size), workers)
    pending: collections.deque = collections.deque()
    try:
        for index in itertools.islice(indices, ahead):
            pending.append(pool.submit(item, index))
        while pending:
            batch = pending.popleft().result()
            for index in itertools.islice(indices, 1):
                pending.append(pool.submit(item, index))
            yield batch
    finally:
        for future in pending:
            future.cancel()
        pool.shutdown(wait=True, cancel_futures=True)
