"""Calls the hooks of several callbacks, and knows which hooks there are."""

from __future__ import annotations

import numpy as np

from ranvier import tree
from ranvier.callbacks.callback import Callback, overrides
from ranvier.callbacks.history import History, ProgbarLogger

_ALIASES = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


def plain_logs(logs):
    """Scalars of logs as Python floats, in the order of their names."""
    if not logs:
        return {}
    if not isinstance(logs, dict):
        return logs
    plain = {}
    for name, value in sorted(logs.items()):
        if not isinstance(value, (float, int)):
            array = np.asarray(value)
            value = float(array) if array.ndim == 0 else array
        plain[name] = value
    return plain


class CallbackList(Callback):
    """Several callbacks as one.

    Args:
        callbacks: callbacks, nested as you like.
        add_history: whether a `History` is added when there is none.
        add_progbar: whether a `ProgbarLogger` is added when there is none.
        model: the model.
        **params: "verbose", "epochs", "steps".

    Attributes:
        history: the `History`, or `None`.
        needs_train_batches, needs_test_batches, needs_predict_batches: whether a hook of batches of
            that mode must be called.

    Example:
        >>> callbacks = keras.callbacks.CallbackList(add_history=True)
        >>> callbacks.on_train_begin()
        >>> callbacks.on_epoch_end(0, {"loss": 0.5})
        >>> callbacks.history.history
        {'loss': [0.5]}
    """

    def __init__(self, callbacks=None, add_history=False, add_progbar=False, model=None, **params):
        super().__init__()
        flat = tree.flatten(callbacks) if callbacks else []
        self.callbacks = [_checked(c) for c in flat if c is not None]
        self.history = self._find(History)
        self._progbar = self._find(ProgbarLogger)
        if self.history is None and add_history:
            self.history = History()
            self.callbacks.append(self.history)
        if self._progbar is None and add_progbar:
            self._progbar = ProgbarLogger()
            self.callbacks.append(self._progbar)
        self._collect()
        if model is not None:
            self.set_model(model)
        if params:
            self.set_params(params)

    def _find(self, kind):
        return next((c for c in self.callbacks if isinstance(c, kind)), None)

    def append(self, callback) -> None:
        """Adds a callback."""
        self.callbacks.append(_checked(callback))
        self._collect()

    def _collect(self):
        self._hooks: dict[str, list] = {}
        self.needs_train_batches = self._needs("train")
        self.needs_test_batches = self._needs("test")
        self.needs_predict_batches = self._needs("predict")

    def _needs(self, mode):
        return any(_uses_batches(c, mode) for c in self.callbacks)

    def _hooks_of(self, name):
        hooks = self._hooks.get(name)
        if hooks is None:
            alias = _ALIASES.get(name)
            hooks = self._hooks[name] = [
                getattr(c, name)
                for c in self.callbacks
                if overrides(c, name) or (alias and overrides(c, alias))
            ]
        return hooks

    def set_params(self, params):
        super().set_params(params)
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model):
        super().set_model(model)
        if self.history is not None:
            model.history = self.history
        for callback in self.callbacks:
            callback.set_model(model)

    def on_progress(self, mode, step, logs) -> None:
        """Tells the display that `step` batches are done; `logs()` gives the results."""
        if self._progbar is not None:
            self._progbar.progress(mode, step, logs)

    def _call(self, name, logs, *position):
        hooks = self._hooks_of(name)
        if hooks:
            logs = plain_logs(logs)
            for hook in hooks:
                hook(*position, logs)

    def on_batch_begin(self, batch, logs=None):
        self._call("on_train_batch_begin", logs, batch)

    def on_batch_end(self, batch, logs=None):
        self._call("on_train_batch_end", logs, batch)

    def on_train_batch_begin(self, batch, logs=None):
        self._call("on_train_batch_begin", logs, batch)

    def on_train_batch_end(self, batch, logs=None):
        self._call("on_train_batch_end", logs, batch)

    def on_test_batch_begin(self, batch, logs=None):
        self._call("on_test_batch_begin", logs, batch)

    def on_test_batch_end(self, batch, logs=None):
        self._call("on_test_batch_end", logs, batch)

    def on_predict_batch_begin(self, batch, logs=None):
        self._call("on_predict_batch_begin", logs, batch)

    def on_predict_batch_end(self, batch, logs=None):
        for hook in self._hooks_of("on_predict_batch_end"):
            hook(batch, {"outputs": logs})

    def on_epoch_begin(self, epoch, logs=None):
        self._call("on_epoch_begin", logs, epoch)

    def on_epoch_end(self, epoch, logs=None):
        # One dict for all: a callback may add to what later ones, History above all, see.
        logs = plain_logs(logs)
        for hook in self._hooks_of("on_epoch_end"):
            hook(epoch, logs)

    def on_train_begin(self, logs=None):
        self._call("on_train_begin", logs)

    def on_train_end(self, logs=None):
        self._call("on_train_end", logs)

    def on_test_begin(self, logs=None):
        self._call("on_test_begin", logs)

    def on_test_end(self, logs=None):
        self._call("on_test_end", logs)

    def on_predict_begin(self, logs=None):
        self._call("on_predict_begin", logs)

    def on_predict_end(self, logs=None):
        self._call("on_predict_end", logs)


def _checked(callback):
    """The callback, if it is one: an instance that takes a model and has hooks."""
    if isinstance(callback, type) or not hasattr(callback, "set_model"):
        raise TypeError(
            "Callbacks must be instances of `Callback`. "
            f"Received: {callback!r} (of type {type(callback).__name__}). "
            "Hint: callbacks=[EarlyStopping()], with parentheses."
        )
    return callback


def _uses_batches(callback, mode):
    asks = getattr(callback, "uses_batches", None)
    return Callback.uses_batches(callback, mode) if asks is None else asks(mode)
