"""`fit`: the epochs of training, with validation between them."""

from __future__ import annotations

from collections.abc import Callable

from ranvier import config
from ranvier.python_numbers import whole
from ranvier.tracebacks import entry_point
from ranvier.training import data_adapters
from ranvier.training.epochs import Pass


class Fitting:
    """The part of `Trainer` that trains for epochs."""

    # Of the layer and of the other parts.
    optimizer: object
    trainable_weights: list
    steps_per_execution: int
    reset_metrics: Callable
    _assert_compiled: Callable
    _callback_list: Callable
    _epochs: Callable
    _logs_of_pass: Callable
    _run_test: Callable
    _using_programs: Callable

    @entry_point
    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_steps=None,
        validation_batch_size=None,
        validation_freq=1,
    ):
        """Trains for a number of epochs.

        Args:
            x: array, tensor, data frame, sparse matrix of SciPy, list or dict of them, or something
                that yields batches (generator, `PyDataset`, iterable, torch `DataLoader`).
            y: targets, when `x` is arrays.
            batch_size: rows of a batch, 32 by default; not with iterables.
            epochs: index of the last epoch.
            verbose: 0 silent, 1 progress bar, 2 one line per epoch, "auto" 1.
            callbacks: list of `Callback`s.
            validation_split: share of the rows, taken from the end, to validate on.
            validation_data: `(x, y)`, `(x, y, sample_weight)` or an iterable of batches.
            shuffle: whether rows are drawn in a new order every epoch.
            class_weight: weight per class index.
            sample_weight: weight per row.
            initial_epoch: epoch to begin with.
            steps_per_epoch: batches of one epoch.
            validation_steps, validation_batch_size, validation_freq: the same for validation; the
                last one is every how many epochs, or the list of epochs after which, to validate.

        Returns:
            A `History`: its `history` holds the logs of each epoch.

        Raises:
            ValueError: arguments, shapes or lengths do not fit.
            RangeError: a label is out of range; no variable of the failed step was changed.
        """
        self._assert_compiled("fit")
        epochs = least(whole("epochs", epochs), config.max_epochs())
        initial_epoch = whole("initial_epoch", initial_epoch)
        _due(1, validation_freq)
        steps_per_epoch = steps_per_epoch or None
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = data_adapters.train_validation_split(
                (x, y, sample_weight), validation_split=validation_split
            )
        adapter = data_adapters.get_adapter(
            x, y, sample_weight, batch_size=batch_size, shuffle=shuffle, class_weight=class_weight,
            steps=steps_per_epoch,
        )  # fmt: skip
        adapter.continues = True
        adapter.reset()
        callbacks = self._callback_list(
            callbacks, add_history=True, verbose=self._verbosity(verbose), epochs=epochs,
            steps=steps_per_epoch or adapter.num_batches,
        )  # fmt: skip
        validate = None
        if validation_data is not None:
            validate = self._validation(
                validation_data, validation_batch_size or batch_size, validation_steps, callbacks
            )
        self.stop_training = False
        self._initial_epoch = None
        with self._using_programs():
            epoch_runner = self._epochs("train", adapter, steps_per_epoch)
            boundary = Pass(
                "train", callbacks, callbacks.needs_train_batches, self.steps_per_execution,
                stop=lambda: self.stop_training,
            )  # fmt: skip
            callbacks.on_train_begin()
            initial_epoch = self._initial_epoch or initial_epoch  # BackupAndRestore sets it
            logs: dict = {}
            for epoch in range(initial_epoch, epochs):
                self.reset_metrics()
                callbacks.on_epoch_begin(epoch)
                epoch_runner.run(boundary)
                logs = dict(self._logs_of_pass(epoch_runner, logs))
                if validate is not None and _due(epoch + 1, validation_freq):
                    logs.update({f"val_{name}": value for name, value in validate().items()})
                callbacks.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
            if self.optimizer is not None and epochs > initial_epoch:
                self.optimizer.finalize_variable_values(self.trainable_weights)
            callbacks.on_train_end(logs)
        return callbacks.history

    def _validation(self, validation_data, batch_size, steps, callbacks):
        if isinstance(validation_data, (tuple, list)) and len(validation_data) > 1:
            x, y, weight = data_adapters.unpack_x_y_sample_weight(tuple(validation_data))
            adapter = data_adapters.get_adapter(
                x, y, weight, batch_size=batch_size, shuffle=False, steps=steps
            )
        else:
            adapter = data_adapters.get_adapter(validation_data, shuffle=False, steps=steps)
        runner = None

        def validate():
            nonlocal runner
            runner = runner or self._epochs("test", adapter, steps)
            return self._run_test(adapter, steps, callbacks, runner)

        return validate


def least(value, limit):
    """The smaller of two numbers; `None` is no limit."""
    return value if limit is None else limit if value is None else min(value, limit)


def _due(epoch, validation_freq):
    """Whether to validate after the epoch of this number, counted from 1."""
    if isinstance(validation_freq, int):
        return epoch % validation_freq == 0
    if isinstance(validation_freq, (list, tuple, set)):
        return epoch in validation_freq
    raise ValueError(
        "Expected `validation_freq` to be a list or int. "
        f"Received: validation_freq={validation_freq} of the type {type(validation_freq)}."
    )
