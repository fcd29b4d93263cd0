"""Optimizers that scale steps by past squared gradients."""

from __future__ import annotations

from ranvier import initializers, ops
from ranvier.optimizers.base import Optimizer


class Adagrad(Optimizer):
    """a += g^2; w -= rate g / sqrt(a + epsilon).

    Args:
        learning_rate: see `Optimizer`.
        initial_accumulator_value: where `a` starts.
        epsilon: keeps the root from zero.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name: see
            `Optimizer`.

    Example:
        >>> w = keras.Variable([[1.0, -1.0]])
        >>> optimizer = keras.optimizers.Adagrad(learning_rate=0.1)
        >>> count = optimizer.apply([np.array([[0.5, -0.5]], "float32")], [w])
        >>> bool(w[0, 0] < 1.0)
        True
    """

    def __init__(
        self,
        learning_rate=0.001,
        initial_accumulator_value=0.1,
        epsilon=1e-7,
        weight_decay=None,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        use_ema=False,
        ema_momentum=0.99,
        ema_overwrite_frequency=None,
        loss_scale_factor=None,
        gradient_accumulation_steps=None,
        name=None,
        **kwargs,
    ):
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        start = initializers.Constant(self.initial_accumulator_value)
        self._accumulators = self.add_optimizer_variables(var_list, "accumulator", start)

    def update_step(self, gradient, variable, learning_rate):
        gradient, rate = self._in_dtype(gradient, variable, learning_rate)
        slot = self._accumulators[self._get_variable_index(variable)]
        total = ops.add(slot.value, ops.square(gradient))
        self.assign(slot, total)
        root = ops.sqrt(ops.add(total, self.epsilon))
        self.assign_sub(variable, ops.divide(ops.multiply(gradient, rate), root))

    def get_config(self):
        return {
            **super().get_config(),
            "initial_accumulator_value": self.initial_accumulator_value,
            "epsilon": self.epsilon,
        }


class Adadelta(Optimizer):
    """Steps scaled by the ratio of the mean past step to the mean past gradient.

    a = rho a + (1 - rho) g^2; d = -sqrt(b + epsilon) / sqrt(a + epsilon) g;
    b = rho b + (1 - rho) d^2; w += rate d.

    Args:
        learning_rate: see `Optimizer`.
        rho: share of the past in the means.
        epsilon: keeps the roots from zero.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name: see
            `Optimizer`.

    Example:
        >>> w = keras.Variable([[1.0, -1.0]])
        >>> optimizer = keras.optimizers.Adadelta(learning_rate=0.1)
        >>> count = optimizer.apply([np.array([[0.5, -0.5]], "float32")], [w])
        >>> bool(w[0, 0] < 1.0)
        True
    """

    def __init__(
        self,
        learning_rate=0.001,
        rho=0.95,
        epsilon=1e-7,
        weight_decay=None,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        use_ema=False,
        ema_momentum=0.99,
        ema_overwrite_frequency=None,
        loss_scale_factor=None,
        gradient_accumulation_steps=None,
        name=None,
        **kwargs,
    ):
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.rho = rho
        self.epsilon = epsilon

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._accumulated_grads, self._accumulated_delta_vars = self.add_optimizer_variables(
            var_list, ["accumulated_grad", "accumulated_delta_var"]
        )

    def _mix(self, mean, value):
        old = ops.multiply(mean, self.rho)
        return ops.add(old, ops.multiply(ops.square(value), 1 - self.rho))

    def update_step(self, grad, variable, learning_rate):
        grad, rate = self._in_dtype(grad, variable, learning_rate)
        index = self._get_variable_index(variable)
        grad_slot, step_slot = self._accumulated_grads[index], self._accumulated_delta_vars[index]
        grad_mean, step_mean = self._mix(grad_slot.value, grad), step_slot.value
        upper = ops.multiply(ops.sqrt(ops.add(step_mean, self.epsilon)), grad)
        step = ops.negative(ops.divide(upper, ops.sqrt(ops.add(grad_mean, self.epsilon))))
        self.assign(grad_slot, grad_mean)
        self.assign(step_slot, self._mix(step_mean, step))
        self.assign_add(variable, ops.multiply(step, rate))

    def get_config(self):
        return {
            **super().get_config(),
            "rho": self.rho,
            "epsilon": self.epsilon,
        }


class RMSprop(Optimizer):
    """v = rho v + (1 - rho) g^2; w -= rate g / sqrt(v + epsilon).

    Args:
        learning_rate: see `Optimizer`.
        rho: share of the past in the mean.
        momentum: if above 0, steps are summed up with this share of the last sum.
        epsilon: keeps the root from zero.
        centered: whether the square of the mean gradient is taken off `v`.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name: see
            `Optimizer`.

    Example:
        >>> w = keras.Variable([[1.0, -1.0]])
        >>> optimizer = keras.optimizers.RMSprop(learning_rate=0.1)
        >>> count = optimizer.apply([np.array([[0.5, -0.5]], "float32")], [w])
        >>> bool(w[0, 0] < 1.0)
        True
    """

    def __init__(
        self,
        learning_rate=0.001,
        rho=0.9,
        momentum=0.0,
        epsilon=1e-7,
        centered=False,
        weight_decay=None,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        use_ema=False,
        ema_momentum=0.99,
        ema_overwrite_frequency=None,
        loss_scale_factor=None,
        gradient_accumulation_steps=None,
        name=None,
        **kwargs,
    ):
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._velocities = self.add_optimizer_variables(var_list, "velocity")
        self._momentums = []
        if self.momentum > 0:
            self._momentums = self.add_optimizer_variables(var_list, "momentum")
        self._average_gradients = []
        if self.centered:
            self._average_gradients = self.add_optimizer_variables(var_list, "average_gradient")

    def _mix(self, mean, value):
        return ops.add(ops.multiply(mean, self.rho), ops.multiply(value, 1 - self.rho))

    def update_step(self, gradient, variable, learning_rate):
        gradient, rate = self._in_dtype(gradient, variable, learning_rate)
        index = self._get_variable_index(variable)
        slot = self._velocities[index]
        velocity = self._mix(slot.value, ops.square(gradient))
        self.assign(slot, velocity)
        if self.centered:
            mean_slot = self._average_gradients[index]
            mean = self._mix(mean_slot.value, gradient)
            self.assign(mean_slot, mean)
            velocity = ops.subtract(velocity, ops.square(mean))
        root = ops.sqrt(ops.add(velocity, self.epsilon))
        step = ops.divide(ops.multiply(gradient, rate), root)
        if self.momentum > 0:
            momentum_slot = self._momentums[index]
            step = ops.add(ops.multiply(momentum_slot.value, self.momentum), step)
            self.assign(momentum_slot, step)
        self.assign_sub(variable, step)

    def get_config(self):
        return {
            **super().get_config(),
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
        }
