"""Data that comes batch by batch: generators, datasets, loaders, any iterable."""

from __future__ import annotations

import itertools
import types
import warnings

from ranvier.training.data_adapters.arrays import RAN_OUT, ends_early, permutation
from ranvier.training.data_adapters.py_dataset import PyDataset, indices_of, ordered_items
from ranvier.training.data_adapters.structure import (
    batch_to_arrays,
    class_weight_to_sample_weights,
)


class IterableAdapter:
    """Batches of something that can be iterated over.

    Args:
        source: a generator, `PyDataset`, torch `DataLoader` or iterable of batches.
        shuffle: whether a `PyDataset`'s batches come in a new order every epoch.
        class_weight: weight per class index, for batches without sample weights.
        steps: batches per epoch; a run that takes several at once rounds the attribute up. With
            it an epoch goes on where the last one ended, if `continues`.

    Attributes:
        continues: whether epochs of `steps` batches continue each other, as those of `fit` do; each
            validation begins anew.
        stride: batches that a run takes at once.
    """

    kind = "batches"
    stride = 1

    def __init__(self, source, shuffle=False, class_weight=None, steps=None):
        self._source = source
        self._shuffle = shuffle
        self._class_weight = class_weight
        self.steps = steps
        self._once = isinstance(source, types.GeneratorType) or iter_is_self(source)
        self._peeked = _first_batches(source) if self._once else []
        self._iterator = None
        self.continues = False
        self.batch_size = getattr(source, "batch_size", None)
        self.num_batches = self._count()

    def _count(self):
        if isinstance(self._source, PyDataset):
            return self._source.num_batches
        if self._once or not hasattr(self._source, "__len__"):
            return None
        try:
            return len(self._source)
        except TypeError:
            return None

    def reset(self) -> None:
        """Before training and evaluations; as in Keras, a dataset is told the end of an epoch."""
        self.on_epoch_end()

    def on_epoch_begin(self) -> None:
        """Tells the dataset that an epoch begins."""
        if isinstance(self._source, PyDataset):
            self._source.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Tells the dataset that an epoch is over."""
        if isinstance(self._source, PyDataset):
            self._source.on_epoch_end()

    def _start(self):
        source = self._source
        if not isinstance(source, PyDataset):
            return itertools.chain(self._peeked, source) if self._once else iter(source)
        count = source.num_batches
        shuffled = self._shuffle and count is not None
        indices = [int(i) for i in permutation(count)] if shuffled else indices_of(count)
        return ordered_items(source, indices)

    def batches(self):
        """The batches of one epoch; warns where whole executions lack, or a generator ends.

        As in Keras a generator is begun anew with the batches that were looked at first, in the
        epoch after the warning.
        """
        if self.steps is None and not self._once:
            iterator = self._start()
            try:
                for batch in iterator:
                    yield self._standardize(batch)
            finally:
                _close(iterator)
            return
        if self.steps is None or not self.continues:
            self._iterator = None
        given = 0
        while self.steps is None or given < self.steps:
            batch = self._next(first=given == 0)
            if batch is _END:
                if self.steps is None or ends_early(self, given):
                    warnings.warn(RAN_OUT, stacklevel=2)
                elif self._once:
                    self._iterator = iter(())
                return
            given += 1
            yield self._standardize(batch)

    def _next(self, first):
        """The next batch of an iteration that lasts over epochs; an epoch may begin it anew."""
        if self._iterator is None:
            self._iterator = self._start()
        batch = next(self._iterator, _END)
        if batch is not _END:
            return batch
        again = first and not self._once
        self._iterator = self._start() if again else None
        return next(self._iterator, _END) if again else _END

    def _standardize(self, batch):
        if isinstance(batch, list):
            batch = tuple(batch)
        if isinstance(batch, tuple) and not 1 <= len(batch) <= 3:
            raise ValueError(
                "A batch must be ordered either (input,) or (inputs, targets) or (inputs, targets, "
                f"sample_weights). Received: a tuple of {len(batch)} elements"
            )
        if self._class_weight is not None:
            batch = self._weighted(batch)
        return batch_to_arrays(batch)

    def _weighted(self, batch):
        if not isinstance(batch, tuple) or len(batch) < 2:
            return batch
        if len(batch) == 3:
            raise ValueError(
                "You cannot specify `class_weight` and `sample_weight` at the same time."
            )
        return (*batch, class_weight_to_sample_weights(batch[1], self._class_weight))


_END = object()

# Batches of a generator that Keras draws before training, to tell their shapes.
_PEEKED = 2


def _close(iterator):
    close = getattr(iterator, "close", None)
    if close is not None:
        close()


def iter_is_self(source) -> bool:
    """Whether the object is an iterator, which can be gone through once only."""
    return hasattr(source, "__next__")


def _first_batches(generator):
    """The first batches of a generator, looked at."""
    peeked = list(itertools.islice(generator, _PEEKED))
    if not peeked:
        raise ValueError(
            "When passing a Python generator to a Keras model, the generator must yield at least "
            "one batch. Received an empty generator."
        )
    if not isinstance(peeked[0], tuple):
        raise ValueError(
            "When passing a Python generator to a Keras model, the generator must return a tuple, "
            "either (input,) or (inputs, targets) or (inputs, targets, sample_weights). "
            f"Received: {type(peeked[0]).__name__}"
        )
    return peeked
