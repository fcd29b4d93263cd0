"""What a step computes: loss, metrics, gradients, update. Users override these methods."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable

from ranvier import _backend as B
from ranvier import config, ops, tree
from ranvier.autodiff import GradientTape
from ranvier.training import data_adapters
from ranvier.training.compiling import Compiling
from ranvier.training.logits import warn_where_logits_disagree
from ranvier.training.stateless_steps import also_stateless, variable_groups, with_values

unpack = data_adapters.unpack_x_y_sample_weight


@functools.cache
def _takes_training(function) -> bool:
    parameters = inspect.signature(function).parameters
    return "training" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


class Steps(Compiling):
    """The part of `Trainer` that says what happens to one batch."""

    # Of the layer.
    losses: list
    trainable_weights: list
    non_trainable_variables: list
    _call_has_training_arg: bool
    __call__: Callable

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The compiled loss plus the losses that layers added. Override it for an own one."""
        losses = []
        if self._compile_loss is not None:
            judged = self._compile_loss.built
            loss = self._compile_loss(y, y_pred, sample_weight)
            if not judged:
                warn_where_logits_disagree(self, self._compile_loss)
            if loss is not None:
                losses.append(loss)
        losses.extend(ops.sum(ops.cast(v, dtype=config.floatx())) for v in self.losses)
        if not losses:
            if training and len(self.metrics) <= 1:
                warnings.warn(
                    f"Model '{self.name}' has no loss to compute: it learns nothing. Hint: "
                    "provide a `loss` argument in `compile()`, or add losses with "
                    "`layer.add_loss()`.",
                    stacklevel=2,
                )
            return ops.zeros(())
        total = losses[0]
        for loss in losses[1:]:
            total = ops.add(total, loss)
        return total

    def _compute_loss(self, x, y, y_pred, sample_weight, training):
        """`compute_loss`, whose overrides may have no argument `training`."""
        if _takes_training(type(self).compute_loss):
            loss = self.compute_loss(x, y, y_pred, sample_weight, training=training)
        else:
            loss = self.compute_loss(x, y, y_pred, sample_weight)
        if loss is None:
            raise B.InvalidValueError(
                f"compute_loss of model '{self.name}': expected a scalar. Received: None. "
                "Hint: does it end in `return loss`?"
            )
        return loss

    def stateless_compute_loss(
        self,
        trainable_variables,
        non_trainable_variables,
        metrics_variables,
        x=None,
        y=None,
        y_pred=None,
        sample_weight=None,
        training=True,
    ):
        """`compute_loss` as a function of values; nothing is assigned.

        Args:
            trainable_variables, non_trainable_variables, metrics_variables: values for the model's
                variables of these names.
            x, y, y_pred, sample_weight, training: see `compute_loss`.

        Returns:
            The loss, and a tuple of the three lists of values as the computation leaves them.
        """
        groups = variable_groups(self, "test")
        values = trainable_variables, non_trainable_variables, metrics_variables
        return with_values(
            groups, values, lambda: self._compute_loss(x, y, y_pred, sample_weight, training)
        )

    def compute_loss_and_updates(
        self,
        trainable_variables,
        non_trainable_variables,
        metrics_variables,
        x,
        y,
        sample_weight,
        training=False,
        optimizer_variables=None,
    ):
        """The model's call and its loss as a function of values, for `value_and_grad`.

        Args:
            trainable_variables, non_trainable_variables, metrics_variables, optimizer_variables:
                values for the variables of these names.
            x, y, sample_weight: a batch.
            training: whether the loss, then scaled as the optimizer wants it, is to be minimized.

        Returns:
            The loss, and a tuple of the loss without a scale, the predictions, and the values of
            the non-trainable and the metrics' variables after the call.
        """
        groups = variable_groups(self, "test")
        values = [trainable_variables, non_trainable_variables, metrics_variables]
        scales = training and self.optimizer is not None
        if scales and optimizer_variables is not None:
            groups, values = [*groups, self.optimizer.variables], [*values, optimizer_variables]

        def run():
            y_pred = self(x, training=training) if self._call_has_training_arg else self(x)
            loss = self._compute_loss(x, y, y_pred, sample_weight, training)
            return self.optimizer.scale_loss(loss) if scales else loss, loss, y_pred

        (scaled, loss, y_pred), after = with_values(groups, values, run)
        return scaled, (loss, y_pred, *after[1:3])

    def compute_metrics(self, x, y, y_pred, sample_weight=None) -> dict:
        """Updates the compiled metrics and returns all results."""
        if self._compile_metrics is not None:
            self._compile_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def _track_loss(self, loss, x):
        if self._loss_tracker is not None:
            rows = next(t for t in tree.flatten(x) if t is not None).shape[0]
            self._loss_tracker.update_state(loss, sample_weight=rows)

    def _check_scalar(self, loss):
        if ops.ndim(loss):
            raise B.ShapeError(
                f"The loss of model '{self.name}' must be a scalar to be minimized. Expected shape "
                f"(). Received: {tuple(ops.shape(loss))}. Hint: reduce it with ops.mean, or give "
                "the loss a reduction other than None"
            )

    @also_stateless("train")
    def train_step(self, data):
        """One optimization step on a batch; returns the logs."""
        x, y, sample_weight = unpack(data)
        with GradientTape() as tape:
            y_pred = self(x, training=True) if self._call_has_training_arg else self(x)
            loss = self._compute_loss(x, y, y_pred, sample_weight, True)
            self._check_scalar(loss)
            scaled = self.optimizer.scale_loss(loss) if self.optimizer is not None else loss
        self._track_loss(loss, x)
        weights = self.trainable_weights
        if weights:
            # As in JAX, a weight that the loss does not read has the gradient zero: decay and
            # momentum act on it too.
            gradients = [
                ops.zeros_like(w) if g is None else g
                for g, w in zip(tape.gradient(scaled, weights), weights, strict=True)
            ]
            if not self.optimizer.built:
                self.optimizer.build(weights)
            self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        else:
            warnings.warn("The model does not have any trainable weights.", stacklevel=2)
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    @also_stateless("test")
    def test_step(self, data):
        """Loss and metrics of a batch, without an update."""
        x, y, sample_weight = unpack(data)
        y_pred = self(x, training=False) if self._call_has_training_arg else self(x)
        loss = self._compute_loss(x, y, y_pred, sample_weight, False)
        self._track_loss(loss, x)
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    @also_stateless("predict")
    def predict_step(self, data):
        """Outputs for a batch."""
        x, _, _ = unpack(data)
        return self(x, training=False) if self._call_has_training_arg else self(x)
