"""Lion (signs of a mean gradient) and FTRL (leaders with penalties)."""

from __future__ import annotations

from ranvier import initializers, ops
from ranvier.optimizers.base import Optimizer


class Lion(Optimizer):
    """w -= rate sign(beta_1 m + (1 - beta_1) g); m = beta_2 m + (1 - beta_2) g.

    Args:
        learning_rate: see `Optimizer`.
        beta_1: share of the past in the step, in (0, 1].
        beta_2: share of the past in the mean gradient.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name: see
            `Optimizer`.

    Example:
        >>> w = keras.Variable([[1.0, -1.0]])
        >>> optimizer = keras.optimizers.Lion(learning_rate=0.1)
        >>> count = optimizer.apply([np.array([[0.5, -0.5]], "float32")], [w])
        >>> bool(w[0, 0] < 1.0)
        True
    """

    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.99,
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
        if beta_1 <= 0 or beta_1 > 1:
            raise ValueError(
                "Argument `beta_1` must be in the [0, 1] range. Otherwise, the optimizer "
                f"degenerates to SignSGD. Received: beta_1={beta_1}."
            )

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._momentums = self.add_optimizer_variables(var_list, "momentum")

    @staticmethod
    def _mix(m, gradient, beta):
        return ops.add(ops.multiply(m, beta), ops.multiply(gradient, 1.0 - beta))

    def update_step(self, gradient, variable, learning_rate):
        gradient, rate = self._in_dtype(gradient, variable, learning_rate)
        slot = self._momentums[self._get_variable_index(variable)]
        m = slot.value
        sign = ops.sign(self._mix(m, gradient, self.beta_1))
        self.assign_sub(variable, ops.multiply(sign, rate))
        self.assign(slot, self._mix(m, gradient, self.beta_2))

    def get_config(self):
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
        }


class Ftrl(Optimizer):
    """Follow the regularized leader: weights are the minimum of a sum of penalties.

    a' = a + g^2; z += g + 2 shrinkage w - (a'^-p - a^-p) / rate w;
    w = (clip(z, -l1, l1) - z) / (a'^-p / rate + 2 l2), with l2 raised by beta / (2 rate).

    Args:
        learning_rate: see `Optimizer`.
        learning_rate_power: p, at most 0.
        initial_accumulator_value: where `a` starts.
        l1_regularization_strength, l2_regularization_strength: penalties on w.
        l2_shrinkage_regularization_strength: penalty that only adds to the gradient.
        beta: see above.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name: see
            `Optimizer`.

    Example:
        >>> w = keras.Variable([[1.0, -1.0]])
        >>> optimizer = keras.optimizers.Ftrl(learning_rate=0.1)
        >>> count = optimizer.apply([np.array([[0.5, -0.5]], "float32")], [w])
        >>> bool(w[0, 0] < 1.0)
        True
    """

    def __init__(
        self,
        learning_rate=0.001,
        learning_rate_power=-0.5,
        initial_accumulator_value=0.1,
        l1_regularization_strength=0.0,
        l2_regularization_strength=0.0,
        l2_shrinkage_regularization_strength=0.0,
        beta=0.0,
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
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta
        self._check_penalties()

    def _check_penalties(self):
        for name in (
            "initial_accumulator_value",
            "l1_regularization_strength",
            "l2_regularization_strength",
            "l2_shrinkage_regularization_strength",
        ):
            value = getattr(self, name)
            if value < 0.0:
                raise ValueError(
                    f"`{name}` needs to be positive or zero. Received: {name}={value}."
                )
        if self.learning_rate_power > 0.0:
            raise ValueError(
                "`learning_rate_power` needs to be negative or zero. Received: "
                f"learning_rate_power={self.learning_rate_power}."
            )

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        start = initializers.Constant(self.initial_accumulator_value)
        self._accumulators, self._linears = self.add_optimizer_variables(
            var_list, ["accumulator", "linear"], [start, "zeros"]
        )

    def update_step(self, gradient, variable, learning_rate):
        gradient, rate = self._in_dtype(gradient, variable, learning_rate)
        index = self._get_variable_index(variable)
        a_slot, z_slot = self._accumulators[index], self._linears[index]
        a, w = a_slot.value, variable.value
        power = -self.learning_rate_power
        shrink = ops.multiply(w, 2 * self.l2_shrinkage_regularization_strength)
        new_a = ops.add(a, ops.square(gradient))
        new_root, root = ops.power(new_a, power), ops.power(a, power)
        sigma = ops.divide(ops.subtract(new_root, root), rate)
        z = ops.add(z_slot.value, ops.subtract(ops.add(gradient, shrink), ops.multiply(sigma, w)))
        l2 = ops.divide(self.beta, ops.multiply(rate, 2.0))
        l2 = ops.add(l2, self.l2_regularization_strength)
        quadratic = ops.add(ops.divide(new_root, rate), ops.multiply(l2, 2.0))
        l1 = self.l1_regularization_strength
        self.assign(z_slot, z)
        self.assign(variable, ops.divide(ops.subtract(ops.clip(z, -l1, l1), z), quadratic))
        self.assign(a_slot, new_a)

    def get_config(self):
        return {
            **super().get_config(),
            "learning_rate_power": self.learning_rate_power,
            "initial_accumulator_value": self.initial_accumulator_value,
            "l1_regularization_strength": self.l1_regularization_strength,
            "l2_regularization_strength": self.l2_regularization_strength,
            "l2_shrinkage_regularization_strength": self.l2_shrinkage_regularization_strength,
            "beta": self.beta,
        }
