"""Loss scaling for float16: a wrapper that finds the scale while training."""

from __future__ import annotations

from ranvier import initializers, ops, serialization
from ranvier.optimizers.base import Optimizer

_INNER_ARGUMENTS = {
    "weight_decay": None, "clipnorm": None, "clipvalue": None, "global_clipnorm": None,
    "use_ema": False, "ema_momentum": 0.99, "ema_overwrite_frequency": None,
    "loss_scale_factor": None, "gradient_accumulation_steps": None,
}  # fmt: skip


class LossScaleOptimizer(Optimizer):
    """Multiplies the loss by a scale and divides gradients by it.

    Gradients that are not finite skip the update and halve the scale; it doubles after
    `dynamic_growth_steps` updates in a row.

    Args:
        inner_optimizer: what makes the updates.
        initial_scale: the scale at the start.
        dynamic_growth_steps: see above.
        name: automatic when not given.

    Example:
        >>> inner = keras.optimizers.SGD(0.1)
        >>> optimizer = keras.optimizers.LossScaleOptimizer(inner, initial_scale=1024.0)
        >>> float(optimizer.scale_loss(2.0))
        2048.0
    """

    def __init__(
        self, inner_optimizer, initial_scale=2.0**15, dynamic_growth_steps=2000, name=None, **kwargs
    ):
        if not kwargs.pop("dynamic", True):
            raise ValueError(
                "LossScaleOptimizer no longer supports `dynamic=False`. Instead, simply set "
                "`loss_scale_factor` directly on the `inner_optimizer`."
            )
        unknown = [f"`{argument}`" for argument in kwargs if argument not in _INNER_ARGUMENTS]
        if unknown:
            raise ValueError(
                f"LossScaleOptimizer does not support arguments: {', '.join(unknown)}."
            )
        for argument in kwargs:
            if kwargs[argument] != _INNER_ARGUMENTS[argument]:
                raise ValueError(
                    f"LossScaleOptimizer does not support `{argument}`. Instead, set "
                    f"`{argument}` on the `inner_optimizer`."
                )
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        inner_optimizer.loss_scale_factor = None

    def build(self, var_list):
        if self.built:
            return
        self._add_scale()
        self.inner_optimizer.build(var_list)
        super().build(var_list)

    def _add_scale(self):
        """The scale and its counter. The first loss is scaled before weights are known to `build`,
        and a compiled step must read the variable rather than hold the initial value."""
        if hasattr(self, "dynamic_scale"):
            return
        self.step_counter = self.add_variable((), "zeros", dtype="int32", name="step_counter")
        self.dynamic_scale = self.add_variable(
            (), initializers.Constant(self.initial_scale), dtype="float32", name="dynamic_scale"
        )

    @property
    def variables(self):
        return [*self._variables, *self.inner_optimizer._scaled_variables]

    def _compiles(self):
        return super()._compiles() and self.inner_optimizer._compiles()

    def _version(self):
        return self._changes, self.inner_optimizer._version()

    def _apply(self, grads, variables):
        ops.cond(
            self.check_finite(grads),
            lambda: self._apply_finite(grads, variables),
            lambda: self._set_scale(0.5),
        )

    @staticmethod
    def check_finite(grads):
        """Whether all gradients are finite, as a scalar; `None` among them counts as finite."""
        finite = ops.convert_to_tensor(True)
        for gradient in grads:
            if gradient is not None:
                finite = ops.logical_and(finite, ops.all(ops.isfinite(gradient)))
        return finite

    def _apply_finite(self, grads, variables):
        scale = self.dynamic_scale.value
        unscaled = [
            g
            if getattr(v, "overwrite_with_gradient", False)
            else ops.divide(g, ops.cast(scale, g.dtype))
            for g, v in zip(grads, variables)
        ]
        self.inner_optimizer._apply(unscaled, variables)
        grow = ops.equal(self.step_counter, self.dynamic_growth_steps - 1)
        ops.cond(grow, lambda: self._set_scale(2.0), self._count)

    def _count(self):
        self.step_counter.assign_add(1)

    def _set_scale(self, factor):
        self.step_counter.assign(0)
        self.dynamic_scale.assign(ops.multiply(self.dynamic_scale.value, factor))

    @property
    def learning_rate(self):
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate):
        self.inner_optimizer.learning_rate = learning_rate

    @property
    def iterations(self):
        return self.inner_optimizer.iterations

    def scale_loss(self, loss):
        self._add_scale()
        loss = ops.convert_to_tensor(loss)
        return ops.multiply(loss, ops.cast(self.dynamic_scale.value, loss.dtype))

    def finalize_variable_values(self, var_list):
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self):
        return {
            "name": self.name,
            "inner_optimizer": serialization.serialize_keras_object(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        inner = config.pop("inner_optimizer")
        if isinstance(inner, dict):
            inner = serialization.deserialize_keras_object(inner, custom_objects=custom_objects)
        return cls(inner, **config)
