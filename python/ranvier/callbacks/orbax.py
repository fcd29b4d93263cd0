"""Checkpoints in the folders of Orbax."""

from __future__ import annotations

import os
import warnings

from ranvier.callbacks.monitor import MonitorCallback
from ranvier.callbacks.saving import EveryBatches, check_frequency


class OrbaxCheckpoint(MonitorCallback):
    """Saves the model after epochs or batches through Orbax, in a folder numbered by the step.

    `keras.models.load_model(directory)` gives the newest model, `model.load_weights(directory)` its
    values; real Keras reads the folders too.

    Args:
        directory: the folder of all steps.
        monitor, mode: see `MonitorCallback`.
        verbose: accepted for Keras' sake; Orbax logs what it does.
        save_best_only: whether only a better model is saved.
        save_freq: "epoch" (steps are epochs), or a number of batches (steps are batches so far).
        initial_value_threshold: the best value to begin with.
        max_to_keep: how many of the newest checkpoints stay; `None` keeps all.
        save_on_background: whether training goes on while a checkpoint is written.
        save_weights_only: whether weights alone are saved, without architecture and optimizer.

    Raises:
        ImportError: Orbax is not installed (`pip install orbax-checkpoint`).
        ValueError: another `save_freq`.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> save = keras.callbacks.OrbaxCheckpoint("steps")
        >>> x, y = np.ones((4, 2)), np.ones(4)
        >>> history = model.fit(x, y, epochs=2, callbacks=[save], verbose=0)
        >>> keras.models.load_model("steps").output_shape
        (None, 1)
    """

    def __init__(
        self,
        directory,
        monitor="val_loss",
        verbose=0,
        save_best_only=False,
        mode="auto",
        save_freq="epoch",
        initial_value_threshold=None,
        max_to_keep=1,
        save_on_background=True,
        save_weights_only=False,
    ):
        super().__init__(monitor, mode, initial_value_threshold)
        check_frequency(save_freq)
        self.directory = directory
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_freq = save_freq
        self.max_to_keep = max_to_keep
        self.save_on_background = save_on_background
        self.save_weights_only = save_weights_only
        self._counter = EveryBatches(save_freq)
        self._pending = []
        self.checkpointer = self._open()

    def _open(self):
        from ranvier.saving import orbax

        return orbax.checkpointer(os.fspath(self.directory), self.max_to_keep)

    def uses_batches(self, mode):
        return mode == "train" and self.save_freq != "epoch"

    def set_model(self, model):
        super().set_model(model)
        if getattr(model, "optimizer", None) is not None:
            self._counter.total = int(model.optimizer.iterations)

    def on_train_begin(self, logs=None):
        if self.checkpointer is None:
            self.checkpointer = self._open()

    def on_train_batch_end(self, batch, logs=None):
        if self._counter.due(batch) and self._wanted(logs, f"batch {batch}"):
            self._save(self._counter.total)

    def on_epoch_end(self, epoch, logs=None):
        if self.save_freq == "epoch" and self._wanted(logs, f"epoch {epoch}"):
            self._save(epoch)

    def on_train_end(self, logs=None):
        self.wait_until_finished()
        self.checkpointer.close()
        self.checkpointer = None

    def wait_until_finished(self) -> None:
        """Waits until everything is on disk; an error of a write that failed is raised here."""
        pending, self._pending = self._pending, []
        for save in pending:
            save.result()

    def is_multihost_enabled(self) -> bool:
        """Whether several hosts write together: never here."""
        return False

    def is_primary_host(self) -> bool:
        """Whether this process is the one that writes: always here."""
        return True

    def _wanted(self, logs, place) -> bool:
        if not self.save_best_only:
            return True
        if self.monitor_op is None:
            self._set_monitor_op()
        current = (logs or {}).get(self.monitor)
        if current is None:
            warnings.warn(
                f"Can save best model only with {self.monitor} available, skipping save at "
                f"{place}.",
                stacklevel=3,
            )
            return False
        better = self._is_improvement(current, self.best)
        if better:
            self.best = current
        return better

    def _save(self, step):
        from ranvier.saving import orbax

        parts = orbax.parts_of(self.model, self.save_weights_only)
        if self.save_on_background:
            self._pending.append(self.checkpointer.save_checkpointables_async(step, parts))
        else:
            self.checkpointer.save_checkpointables(step, parts)
