"""Callbacks that watch one value: early stopping and smaller learning rates."""

from __future__ import annotations

import warnings

import numpy as np

from ranvier import ops
from ranvier.callbacks.callback import Callback, learning_rates
from ranvier.training.progress import print_message


class MonitorCallback(Callback):
    """Base of callbacks that ask whether a logged value has become better.

    Args:
        monitor: name in the logs.
        mode: "min", "max", or "auto": told by the metric.
        baseline: the best value to begin with.
        min_delta: what counts as better at least.

    Example:
        >>> stop = keras.callbacks.EarlyStopping(monitor="val_loss", min_delta=0.01)
        >>> isinstance(stop, keras.callbacks.MonitorCallback)
        True
    """

    def __init__(self, monitor="val_loss", mode="auto", baseline=None, min_delta=0):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(
                f"{type(self).__name__} mode '{mode}' is unknown, fallback to auto mode.",
                stacklevel=3,
            )
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(min_delta)
        self.monitor_op = None

    def _set_monitor_op(self):
        direction = {"min": "down", "max": "up"}.get(self.mode) or self._direction()
        if direction is None:
            raise ValueError(
                f"{type(self).__name__} callback received monitor={self.monitor}, but whether that "
                "metric should be maximized or minimized cannot be told. Pass `mode='max'` to "
                "look for the highest value, or `mode='min'` for the lowest."
            )
        self.monitor_op = ops.greater if direction == "up" else ops.less
        if direction == "down":
            self.min_delta = -self.min_delta

    def _direction(self):
        name = self.monitor.removeprefix("val_")
        found = "down" if name == "loss" else None
        for metric in _leaves(getattr(self.model, "metrics", ())):
            if metric.name == name and hasattr(metric, "_direction"):
                found = metric._direction
        return found

    def _is_improvement(self, value, reference) -> bool:
        if reference is None:
            return True
        return bool(self.monitor_op(value - self.min_delta, reference))

    def _monitored(self, logs, what):
        """The watched value; a warning when it is not there."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"{what} metric `{self.monitor}` which is not available. Available metrics are: "
                f"{','.join(logs or {})}",
                stacklevel=3,
            )
        return value


def _leaves(metrics):
    for metric in metrics:
        inner = getattr(metric, "metrics", None)
        if inner is None:
            yield metric
        else:
            yield from inner


class EarlyStopping(MonitorCallback):
    """Ends training when a value has stopped becoming better.

    Args:
        monitor, mode, min_delta: see `MonitorCallback`.
        patience: epochs without a better value that are waited for.
        verbose: 1 prints what happens.
        baseline: waiting ends only at a value better than this.
        restore_best_weights: whether the weights of the best epoch come back.
        start_from_epoch: epochs before it are not watched.

    Example:
        >>> stop = keras.callbacks.EarlyStopping("loss", patience=3, restore_best_weights=True)
    """

    def __init__(
        self,
        monitor="val_loss",
        min_delta=0,
        patience=0,
        verbose=0,
        mode="auto",
        baseline=None,
        restore_best_weights=False,
        start_from_epoch=0,
    ):
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.wait = 0
        self.stopped_epoch = 0
        self.best_epoch = 0
        self.best_weights = None

    def on_train_begin(self, logs=None):
        self.wait = 0
        self.stopped_epoch = 0
        self.best = None
        self.best_weights = None
        self.best_epoch = 0

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor_op is None:
            self._set_monitor_op()
        current = self.get_monitor_value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if self._is_improvement(current, self.best):
            self.best = current
            self._keep(epoch)
            if self.baseline is None or self._is_improvement(current, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def get_monitor_value(self, logs):
        """The watched value in the logs; `None`, with a warning, where it is missing."""
        return self._monitored(logs, "Early stopping conditioned on")

    def _keep(self, epoch):
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs=None):
        if self.stopped_epoch > 0 and self.verbose > 0:
            print_message(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                print_message(
                    "Restoring model weights from the end of the best epoch: "
                    f"{self.best_epoch + 1}."
                )
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(MonitorCallback):
    """Makes the learning rate smaller when a value has stopped becoming better.

    Args:
        monitor, mode, min_delta: see `MonitorCallback`.
        factor: what the learning rate is multiplied by, below 1.
        patience: epochs without a better value that are waited for.
        verbose: 1 prints what happens.
        cooldown: epochs after a change that are not watched.
        min_lr: the smallest learning rate.

    Example:
        >>> plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=2)
    """

    def __init__(
        self,
        monitor="val_loss",
        factor=0.1,
        patience=10,
        verbose=0,
        mode="auto",
        min_delta=0.0001,
        cooldown=0,
        min_lr=0.0,
        **kwargs,
    ):
        del kwargs
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ValueError(
                f"ReduceLROnPlateau does not support a factor >= 1.0. Received factor={factor}"
            )
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.cooldown_counter = 0
        self.wait = 0

    def on_train_begin(self, logs=None):
        self.best = None
        self.cooldown_counter = 0
        self.wait = 0

    def in_cooldown(self) -> bool:
        """Whether epochs are not watched now."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch, logs=None):
        logs = {} if logs is None else logs
        logs.update(learning_rates(self.model.optimizer))
        if self.monitor_op is None:
            self._set_monitor_op()
        current = self._monitored(logs, "Learning rate reduction is conditioned on")
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def _reduce(self, epoch) -> bool:
        several = getattr(self.model.optimizer, "optimizers", None)
        reduced = [
            self._reduce_one(optimizer, epoch, f"{optimizer.name} " if several else "")
            for optimizer in several or [self.model.optimizer]
        ]
        return any(reduced)

    def _reduce_one(self, optimizer, epoch, name) -> bool:
        old = float(np.asarray(optimizer.learning_rate))
        if old <= np.float32(self.min_lr):
            return False
        new = max(old * self.factor, self.min_lr)
        optimizer.learning_rate = new
        if self.verbose > 0:
            print_message(
                f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing {name}learning rate to {new}."
            )
        return True
