"""Schedule-free AdamW: averaging in place of a schedule that must know the end."""

from __future__ import annotations

from ranvier import ops
from ranvier.optimizers.base import Optimizer


class ScheduleFreeAdamW(Optimizer):
    """AdamW steps on z, an average x of all z, and weights y = (1 - beta_1) z + beta_1 x.

    z -= rate g / (sqrt(v / (1 - beta_2^t)) + epsilon); x += (z - x) / t. Gradients are taken at y.
    Defazio et al. 2024.

    Args:
        learning_rate: see `Optimizer`.
        beta_1: share of the average in the weights.
        beta_2: share of the past in the mean square.
        epsilon: keeps the divisor from zero.
        warmup_steps: updates over which the learning rate grows from 0.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name: see
            `Optimizer`.

    Example:
        >>> w = keras.Variable([[1.0, -1.0]])
        >>> optimizer = keras.optimizers.ScheduleFreeAdamW(learning_rate=0.1)
        >>> count = optimizer.apply([np.array([[0.5, -0.5]], "float32")], [w])
        >>> bool(w[0, 0] < 1.0)
        True
    """

    def __init__(
        self,
        learning_rate=0.0025,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        warmup_steps=0,
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.warmup_steps = warmup_steps

    def build(self, var_list):
        if self.built:
            return
        var_list = list(var_list)
        super().build(var_list)
        self._momentums, self._velocities = [], []
        for variable in var_list:
            if getattr(variable, "overwrite_with_gradient", False):
                slots = None, None
            else:
                slots = (
                    # z starts where the weights are.
                    self.add_variable_from_reference(
                        variable, "momentum", lambda shape, dtype, v=variable: v.value
                    ),
                    self.add_variable_from_reference(variable, "velocity"),
                )
            self._momentums.append(slots[0])
            self._velocities.append(slots[1])

    def _rate(self, rate, dtype):
        if self.warmup_steps <= 0:
            return rate
        warm = ops.divide(self._step_number(dtype), float(self.warmup_steps))
        return ops.multiply(rate, ops.minimum(warm, 1.0))

    def update_step(self, gradient, variable, learning_rate):
        gradient, rate = self._in_dtype(gradient, variable, learning_rate)
        dtype = variable.dtype
        rate = self._once(("warm rate", dtype), lambda: self._rate(rate, dtype))
        bias = self._once(
            ("bias", dtype), lambda: ops.subtract(1.0, self._power(self.beta_2, dtype))
        )
        share = self._once(("share", dtype), lambda: ops.divide(1.0, self._step_number(dtype)))
        index = self._get_variable_index(variable)
        z_slot, v_slot = self._momentums[index], self._velocities[index]
        z, v = z_slot.value, v_slot.value
        v = ops.add(v, ops.multiply(ops.subtract(ops.square(gradient), v), 1 - self.beta_2))
        self.assign(v_slot, v)
        weight = variable.value
        x = ops.subtract(weight, ops.multiply(z, 1 - self.beta_1))
        x = ops.divide(x, self.beta_1)
        divisor = ops.add(ops.sqrt(ops.divide(v, bias)), self.epsilon)
        z = ops.subtract(z, ops.divide(ops.multiply(gradient, rate), divisor))
        self.assign(z_slot, z)
        x = ops.add(ops.multiply(x, ops.subtract(1.0, share)), ops.multiply(z, share))
        self.assign(
            variable, ops.add(ops.multiply(z, 1 - self.beta_1), ops.multiply(x, self.beta_1))
        )

    def get_config(self):
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "warmup_steps": self.warmup_steps,
        }
