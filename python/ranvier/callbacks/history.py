"""`History` (the logs of each epoch) and `ProgbarLogger` (what is shown)."""

from __future__ import annotations

from ranvier.callbacks.callback import Callback
from ranvier.training.progress import Progbar, print_message


class History(Callback):
    """Keeps the logs of each epoch; `fit` returns it.

    Attributes:
        history: dict from name to the list of its values.
        epoch: the epochs' indices.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> history = model.fit(np.ones((4, 2)), np.ones(4), epochs=3, verbose=0)
        >>> history.epoch, len(history.history["loss"])
        ([0, 1, 2], 3)
    """

    def __init__(self):
        super().__init__()
        self.history: dict = {}
        self.epoch: list[int] = []

    def uses_batches(self, mode):
        return False

    def on_train_begin(self, logs=None):
        self.epoch = []

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class ProgbarLogger(Callback):
    """Shows progress: it is told on a timer, not at every batch.

    Example:
        >>> keras.callbacks.CallbackList(add_progbar=True).callbacks[0].__class__.__name__
        'ProgbarLogger'
    """

    def __init__(self):
        super().__init__()
        self.verbose = 1
        self.epochs = 1
        self.target = None
        self._bar: Progbar | None = None
        self._in_fit = False
        self._seen = 0

    def set_params(self, params):
        super().set_params(params)
        verbose = params.get("verbose", 1)
        self.verbose = 1 if verbose == "auto" else verbose
        self.epochs = params.get("epochs", 1)
        self.target = params.get("steps")

    def uses_batches(self, mode):
        return False

    def progress(self, mode, step, logs) -> None:
        """Shows that `step` batches are done; `logs` is a function that gives the results."""
        if self._in_fit != (mode == "train") or self._bar is None:
            return
        self._seen = step
        if self._bar.due:
            self._bar.update(step, {} if mode == "predict" else logs(), finalize=False)

    def _begin(self):
        self._seen = 0
        self._bar = Progbar(self.target, verbose=self.verbose, stateless_metrics=[])

    def _end(self, logs):
        if self._bar is None:
            return
        if self.target is None:
            self.target = self._bar.target = self._seen or None
        self._bar.update(self.target or self._seen, logs or {}, finalize=True)
        self._bar = None

    def on_train_begin(self, logs=None):
        self._in_fit = True

    def on_train_end(self, logs=None):
        self._in_fit = False

    def on_epoch_begin(self, epoch, logs=None):
        if self.verbose and self.epochs > 1:
            print_message(f"Epoch {epoch + 1}/{self.epochs}")
        self._begin()

    def on_epoch_end(self, epoch, logs=None):
        self._end(logs)

    def on_test_begin(self, logs=None):
        if not self._in_fit:
            self._begin()

    def on_test_end(self, logs=None):
        if not self._in_fit:
            self._end(logs)

    def on_predict_begin(self, logs=None):
        self._begin()

    def on_predict_end(self, logs=None):
        self._end(None)
