"""Callbacks that write the model to disk while it trains."""

from __future__ import annotations

import json
import os
import shutil
import warnings

from ranvier.callbacks.callback import Callback
from ranvier.callbacks.monitor import MonitorCallback
from ranvier.training.progress import print_message


class EveryBatches:
    """Counts batches over epochs and says when `frequency` of them are through."""

    def __init__(self, frequency):
        self.frequency = frequency
        self.total = 0
        self._since = 0
        self._last = None

    def due(self, batch) -> bool:
        if self.frequency == "epoch":
            return False
        fresh_epoch = self._last is None or batch <= self._last
        added = batch + 1 if fresh_epoch else batch - self._last
        self._since += added
        self.total += added
        self._last = batch
        if self._since < self.frequency:
            return False
        self._since = 0
        return True


def check_frequency(save_freq):
    if save_freq != "epoch" and (not isinstance(save_freq, int) or isinstance(save_freq, bool)):
        raise ValueError(
            f"Invalid value for argument `save_freq`. Unrecognized save_freq: {save_freq}. "
            "Expected save_freq are 'epoch' or integer values"
        )


class ModelCheckpoint(MonitorCallback):
    """Saves the model after epochs or batches.

    Args:
        filepath: file name, with names of logs, `epoch` and `batch` in braces if you like; ends in
            ".keras", or ".weights.h5" with `save_weights_only`.
        monitor, mode: see `MonitorCallback`.
        verbose: 1 prints what happens.
        save_best_only: whether only a better model is saved.
        save_weights_only: whether weights alone are saved.
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: the best value to begin with.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> save = keras.callbacks.ModelCheckpoint("best.keras", "loss", save_best_only=True)
        >>> x, y = np.ones((4, 2)), np.ones(4)
        >>> history = model.fit(x, y, callbacks=[save], verbose=0)
        >>> keras.models.load_model("best.keras").output_shape
        (None, 1)
    """

    def __init__(
        self,
        filepath,
        monitor="val_loss",
        verbose=0,
        save_best_only=False,
        save_weights_only=False,
        mode="auto",
        save_freq="epoch",
        initial_value_threshold=None,
    ):
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        check_frequency(save_freq)
        self._counter = EveryBatches(save_freq)
        self._current_epoch = 0
        if save_weights_only:
            if not self.filepath.endswith(".weights.h5"):
                raise ValueError(
                    "When using `save_weights_only=True` in `ModelCheckpoint`, the filepath "
                    "provided must end in `.weights.h5` (Keras weights format). "
                    f"Received: filepath={self.filepath}"
                )
        elif not self.filepath.endswith((".keras", ".h5")):
            raise ValueError(
                "The filepath provided must end in `.keras` (Keras model format). "
                f"Received: filepath={self.filepath}"
            )

    def uses_batches(self, mode):
        return mode == "train" and self.save_freq != "epoch"

    def on_epoch_begin(self, epoch, logs=None):
        self._current_epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self._counter.due(batch):
            self._save(self._current_epoch, batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        if self.save_freq == "epoch":
            self._save(epoch, None, logs)

    def _save(self, epoch, batch, logs):
        logs = logs or {}
        path = self._path(epoch, batch, logs)
        if not self._wanted(epoch, logs, path):
            return
        if os.path.isdir(path):
            raise OSError(
                "Please specify a non-directory filepath for ModelCheckpoint. Filepath used is an "
                f"existing directory: {path}"
            )
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        if self.verbose > 0:
            print_message(f"\nEpoch {epoch + 1}: finished saving model to {path}")

    def _path(self, epoch, batch, logs):
        fields = {"epoch": epoch + 1, **logs}
        if batch is not None and "batch" not in logs:
            fields["batch"] = batch + 1
        try:
            return self.filepath.format(**fields)
        except KeyError as error:
            raise KeyError(
                f'Failed to format this callback filepath: "{self.filepath}". Reason: {error}. '
                f"Available: {sorted(fields)}"
            ) from error

    def _wanted(self, epoch, logs, path) -> bool:
        if not self.save_best_only:
            if self.verbose > 0:
                print_message(f"\nEpoch {epoch + 1}: saving model to {path}")
            return True
        if self.monitor_op is None:
            self._set_monitor_op()
        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(f"Can save best model only with {self.monitor} available.", stacklevel=4)
            return True
        if getattr(current, "ndim", 0) > 0:
            warnings.warn(
                "Can save best model only when `monitor` is a scalar value. "
                f"Received: {current}. Falling back to `save_best_only=False`.",
                stacklevel=4,
            )
            return True
        best = "None" if self.best is None else f"{self.best:.5f}"
        better = self._is_improvement(current, self.best)
        if self.verbose > 0:
            news = (
                f"improved from {best} to {current:.5f}, saving model to {path}"
                if better
                else f"did not improve from {best}"
            )
            print_message(f"\nEpoch {epoch + 1}: {self.monitor} {news}")
        if better:
            self.best = current
        return better


class BackupAndRestore(Callback):
    """Saves weights and the epoch in a folder, and begins there when training was cut off.

    Args:
        backup_dir: the folder.
        save_freq: "epoch", or a number of batches.
        double_checkpoint: whether the state before the last one is kept as well, in case writing
            is cut off.
        delete_checkpoint: whether the folder goes when training ends.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> backup = keras.callbacks.BackupAndRestore("backup")
        >>> x, y = np.ones((4, 2)), np.ones(4)
        >>> history = model.fit(x, y, epochs=3, callbacks=[backup], verbose=0)
        >>> history.epoch
        [0, 1, 2]
    """

    def __init__(
        self, backup_dir, save_freq="epoch", double_checkpoint=False, delete_checkpoint=True
    ):
        super().__init__()
        if not backup_dir:
            raise ValueError("Empty `backup_dir` argument passed")
        check_frequency(save_freq)
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._counter = EveryBatches(save_freq)
        self._current_epoch = 0
        self._weights_path = os.path.join(self.backup_dir, "latest.weights.h5")
        self._metadata_path = os.path.join(self.backup_dir, "training_metadata.json")

    def uses_batches(self, mode):
        return mode == "train" and self.save_freq != "epoch"

    def _paths(self):
        return self._weights_path, self._metadata_path

    def on_train_begin(self, logs=None):
        try:
            self._restore()
        except OSError:
            if not os.path.exists(f"{self._weights_path}.bkp"):
                raise
            for path in self._paths():
                if os.path.exists(f"{path}.bkp"):
                    shutil.copy(f"{path}.bkp", path)
                elif os.path.exists(path):
                    os.remove(path)
            self._restore()

    def _restore(self):
        if not self.model.built:
            raise ValueError(
                "To use the BackupAndRestore callback, your model must be built before you call "
                f"`fit()`. Model {self.model} is unbuilt. You can build it beforehand by calling "
                "it on a batch of data."
            )
        if os.path.exists(self._weights_path):
            optimizer = self.model.optimizer
            if optimizer is not None and not optimizer.built:
                optimizer.build(self.model.trainable_variables)
            self.model.load_weights(self._weights_path)
        if os.path.exists(self._metadata_path):
            with open(self._metadata_path) as file:
                self.model._initial_epoch = json.load(file)["epoch"]

    def on_epoch_begin(self, epoch, logs=None):
        self._current_epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        self._current_epoch = epoch + 1
        if self.save_freq == "epoch":
            self._save()

    def on_train_batch_end(self, batch, logs=None):
        if self._counter.due(batch):
            self._save(batch)

    def _save(self, batch=0):
        os.makedirs(self.backup_dir, exist_ok=True)
        if self.double_checkpoint:
            for path in self._paths():
                if os.path.exists(path):
                    shutil.copy(path, f"{path}.bkp")
        self.model.save_weights(self._weights_path, overwrite=True)
        unfinished = f"{self._metadata_path}.part"
        with open(unfinished, "w") as file:
            json.dump({"epoch": self._current_epoch, "batch": batch}, file)
        os.replace(unfinished, self._metadata_path)

    def on_train_end(self, logs=None):
        if self.delete_checkpoint and os.path.isdir(self.backup_dir):
            shutil.rmtree(self.backup_dir)
