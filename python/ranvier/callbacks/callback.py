"""The base class of callbacks: Keras' hooks, all of which do nothing."""

from __future__ import annotations

import numpy as np


def learning_rates(optimizer) -> dict:
    """The rate as logs name it; of an optimizer of several, one for each of them."""
    several = getattr(optimizer, "optimizers", None)
    if several is None:
        return {"learning_rate": float(np.asarray(optimizer.learning_rate))}
    return {f"learning_rate_{o.name}": float(np.asarray(o.learning_rate)) for o in several}


class Callback:
    """Base of callbacks. A subclass writes the hooks it needs.

    Hooks of batches cost: where no callback has one, whole epochs run without Python.

    Attributes:
        params: dict with "verbose", "epochs" and "steps".
        model: the model that is trained.

    Example:
        >>> class Count(keras.callbacks.Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print("epoch", epoch, "logs", sorted(logs))
        >>> model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x, y = np.ones((4, 2)), np.ones(4)
        >>> history = model.fit(x, y, epochs=2, callbacks=[Count()], verbose=0)
        epoch 0 logs ['loss']
        epoch 1 logs ['loss']
    """

    def __init__(self):
        self.params = None
        self._model = None

    @property
    def model(self):
        """The model that is trained."""
        return self._model

    def set_params(self, params) -> None:
        """Takes the parameters of the run."""
        self.params = params

    def set_model(self, model) -> None:
        """Takes the model."""
        self._model = model

    def uses_batches(self, mode: str) -> bool:
        """Whether a hook of batches of a mode ("train", "test", "predict") is written."""
        names = [f"on_{mode}_batch_begin", f"on_{mode}_batch_end"]
        if mode == "train":
            names += ["on_batch_begin", "on_batch_end"]
        return any(overrides(self, name) for name in names)

    def on_batch_begin(self, batch, logs=None):
        """The same as `on_train_batch_begin`."""

    def on_batch_end(self, batch, logs=None):
        """The same as `on_train_batch_end`."""

    def on_epoch_begin(self, epoch, logs=None):
        """Before an epoch of training."""

    def on_epoch_end(self, epoch, logs=None):
        """After an epoch; `logs` are its results, those of validation with `val_`."""

    def on_train_batch_begin(self, batch, logs=None):
        """Before a batch of training."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch, logs=None):
        """After a batch of training; `logs` are the results of the epoch so far."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch, logs=None):
        """Before a batch of evaluation, of validation too."""

    def on_test_batch_end(self, batch, logs=None):
        """After a batch of evaluation, of validation too."""

    def on_predict_batch_begin(self, batch, logs=None):
        """Before a batch of prediction."""

    def on_predict_batch_end(self, batch, logs=None):
        """After a batch of prediction; `logs` is `{"outputs": …}`."""

    def on_train_begin(self, logs=None):
        """Before training."""

    def on_train_end(self, logs=None):
        """After training."""

    def on_test_begin(self, logs=None):
        """Before evaluation or validation."""

    def on_test_end(self, logs=None):
        """After evaluation or validation."""

    def on_predict_begin(self, logs=None):
        """Before prediction."""

    def on_predict_end(self, logs=None):
        """After prediction."""


def overrides(callback, name: str) -> bool:
    """Whether the object has its own hook of that name, by its class or as an attribute."""
    if name in getattr(callback, "__dict__", ()):
        return True
    own = getattr(type(callback), name, None)
    return own is not None and own is not getattr(Callback, name)
