"""`SwapEMAWeights`: the moving average of the weights in their place while the model is judged."""

from __future__ import annotations

from ranvier.callbacks.callback import Callback


class SwapEMAWeights(Callback):
    """Evaluates, validates and predicts with the moving averages that the optimizer keeps.

    Weights and averages change places when evaluation or prediction begins, and back at its end.

    Args:
        swap_on_epoch: whether the averages also stand in the model at the end of each epoch, for
            callbacks that save it. After the last epoch they stay.

    Raises:
        ValueError: the optimizer has no `use_ema=True`.

    Example:
        >>> model = keras.Sequential([layers.Dense(1)])
        >>> model.compile(keras.optimizers.Adam(use_ema=True), "mse")
        >>> swap = keras.callbacks.SwapEMAWeights()
        >>> history = model.fit(np.ones((8, 2)), np.ones((8, 1)), callbacks=[swap], verbose=0)
    """

    def __init__(self, swap_on_epoch=False):
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._ema_weights_in_model = False

    def uses_batches(self, mode):
        return False

    def _pairs(self):
        """Each weight with its average."""
        optimizer = self.model.optimizer
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        several = getattr(optimizer, "optimizers", None) or [optimizer]
        averaging = [o for o in several if getattr(o, "use_ema", False) and o.built]
        if not averaging:
            raise ValueError(
                "SwapEMAWeights must be used when `use_ema=True` is set on the optimizer, and "
                f"after it was built. Received: optimizer={optimizer}"
            )
        return [
            (weight, average)
            for o in averaging
            for weight, average in zip(o._trainable_variables, o._model_variables_moving_average)
            if average is not None
        ]

    def _swap(self, averages_in_model: bool):
        if self._ema_weights_in_model == averages_in_model:
            return
        for weight, average in self._pairs():
            value, mean = weight.value, average.value
            weight.assign(mean)
            average.assign(value)
        self._ema_weights_in_model = averages_in_model

    def on_epoch_begin(self, epoch, logs=None):
        if self.swap_on_epoch:
            self._swap(False)

    def on_epoch_end(self, epoch, logs=None):
        if not self.swap_on_epoch:
            return
        self._swap(True)
        if epoch == self.params["epochs"] - 1:
            # `fit` writes the averages into the weights at its end.
            for weight, average in self._pairs():
                average.assign(weight.value)

    def on_test_begin(self, logs=None):
        self._swap(True)

    def on_test_end(self, logs=None):
        self._swap(False)

    def on_predict_begin(self, logs=None):
        self._swap(True)

    def on_predict_end(self, logs=None):
        self._swap(False)
