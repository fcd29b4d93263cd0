"""Callbacks of a few lines: schedules, logs to a file, NaN, functions."""

from __future__ import annotations

import collections.abc
import csv
import os

import numpy as np

from ranvier.callbacks.callback import Callback, learning_rates
from ranvier.training.progress import print_message


class LearningRateScheduler(Callback):
    """Sets the learning rate before every epoch.

    Args:
        schedule: function of the epoch and the learning rate (or of the epoch alone) that returns a
            float.
        verbose: 1 prints what happens.

    Example:
        >>> halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    """

    def __init__(self, schedule, verbose=0):
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch, logs=None):
        several = getattr(self.model.optimizer, "optimizers", None)
        for optimizer in several or [self.model.optimizer]:
            self._set_rate(optimizer, epoch, f"{optimizer.name} " if several else "")

    def _set_rate(self, optimizer, epoch, name):
        if not hasattr(optimizer, "learning_rate"):
            raise ValueError('Optimizer must have a "learning_rate" attribute.')
        current = float(np.asarray(optimizer.learning_rate))
        try:
            rate = self.schedule(epoch, current)
        except TypeError:
            rate = self.schedule(epoch)
        if not isinstance(rate, (float, np.floating)):
            raise ValueError(
                f"The output of the `schedule` function should be a float. Got: {rate}"
            )
        optimizer.learning_rate = float(rate)
        if self.verbose > 0:
            print_message(
                f"\nEpoch {epoch + 1}: LearningRateScheduler setting {name}learning rate to {rate}."
            )

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs.update(learning_rates(self.model.optimizer))


class CSVLogger(Callback):
    """Writes the logs of each epoch as a line of a CSV file.

    Args:
        filename: the file.
        separator: between values.
        append: whether lines are added to a file that is there.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> log = keras.callbacks.CSVLogger("log.csv")
        >>> history = model.fit(np.ones((4, 2)), np.ones(4), epochs=2, callbacks=[log], verbose=0)
        >>> with open("log.csv") as file:
        ...     file.readline().strip(), len(file.readlines())
        ('epoch,loss,val_loss', 2)
    """

    def __init__(self, filename, separator=",", append=False):
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self.csv_file = None
        self.writer = None
        self.keys = None
        self.append_header = True

    def on_train_begin(self, logs=None):
        self._close()
        self.append_header = True
        if self.append and os.path.exists(self.filename):
            self.append_header = os.path.getsize(self.filename) == 0
        self.csv_file = open(self.filename, "a" if self.append else "w", newline="")
        self.writer = None
        self.keys = None

    @staticmethod
    def _cell(value):
        if isinstance(value, str):
            return value
        if isinstance(value, np.ndarray) and value.ndim == 0:
            return value
        if isinstance(value, collections.abc.Iterable):
            return f'"[{", ".join(map(str, value))}]"'
        return value

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
            # Later epochs may be validated although the first one is not.
            if self.keys and not any(key.startswith("val_") for key in self.keys):
                self.keys.extend([f"val_{key}" for key in self.keys])
        if self.writer is None:
            self.writer = csv.DictWriter(
                self.csv_file, fieldnames=["epoch", *self.keys], delimiter=self.sep,
                lineterminator="\n",
            )  # fmt: skip
            if self.append_header:
                self.writer.writeheader()
        cells = {key: self._cell(logs.get(key, "NA")) for key in self.keys}
        self.writer.writerow({"epoch": epoch, **cells})
        self.csv_file.flush()

    def on_train_end(self, logs=None):
        self._close()
        self.writer = None

    def _close(self):
        if self.csv_file is not None and not self.csv_file.closed:
            self.csv_file.close()


class TerminateOnNaN(Callback):
    """Ends training at a loss that is NaN or infinite; looks after every batch.

    Args:
        raise_error: whether a `RuntimeError` is raised instead.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> guard = keras.callbacks.TerminateOnNaN()
        >>> x = np.full((4, 2), np.nan)
        >>> history = model.fit(x, np.ones(4), epochs=5, callbacks=[guard], verbose=0)
        Batch 0: Invalid loss, terminating training
        >>> model.stop_training
        True
    """

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is None or np.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(
                f"NaN or Inf loss encountered at batch {batch}. Loss value: {loss}. Terminating "
                "training immediately."
            )
        print_message(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True


class LambdaCallback(Callback):
    """A callback made of functions.

    Args:
        on_epoch_begin, on_epoch_end: functions of `(epoch, logs)`.
        on_train_begin, on_train_end: functions of `(logs)`.
        on_train_batch_begin, on_train_batch_end: functions of `(batch, logs)`.
        **kwargs: any other attribute.

    Example:
        >>> tell = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(logs))
    """

    def __init__(
        self,
        on_epoch_begin=None,
        on_epoch_end=None,
        on_train_begin=None,
        on_train_end=None,
        on_train_batch_begin=None,
        on_train_batch_end=None,
        **kwargs,
    ):
        super().__init__()
        hooks = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        self.__dict__.update(kwargs)
        self.__dict__.update({name: hook for name, hook in hooks.items() if hook is not None})
