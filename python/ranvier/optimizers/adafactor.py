"""Adafactor: the mean square of a matrix kept as the product of a row and a column."""

from __future__ import annotations

from ranvier import ops
from ranvier.optimizers.base import Optimizer
from ranvier.variable import Variable


def _rms(x):
    return ops.sqrt(ops.mean(ops.square(x)))


class Adafactor(Optimizer):
    """w -= max(epsilon_2, rms(w)) rho u / max(1, rms(u) / clip_threshold), u = g / sqrt(v).

    rho = min(rate, 1 / sqrt(t)). For vectors v is the mean of g^2 + epsilon_1 with the share
    beta = 1 - t^beta_2_decay of the past; for more axes v = (r / mean(r)) c, with means r over the
    last and c over the last but one axis, so that a matrix costs a row and a column of state.
    Shazeer & Stern 2018.

    Args:
        learning_rate: see `Optimizer`.
        beta_2_decay: exponent of the decay of the mean square.
        epsilon_1: added to squared gradients.
        epsilon_2: smallest root mean square of a weight that scales the step.
        clip_threshold: largest root mean square of u.
        relative_step: whether a fixed learning rate is at most 1 / sqrt(t).
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name: see
            `Optimizer`.

    Example:
        >>> w = keras.Variable([[1.0, -1.0]])
        >>> optimizer = keras.optimizers.Adafactor(learning_rate=0.1)
        >>> count = optimizer.apply([np.array([[0.5, -0.5]], "float32")], [w])
        >>> bool(w[0, 0] < 1.0)
        True
    """

    def __init__(
        self,
        learning_rate=0.001,
        beta_2_decay=-0.8,
        epsilon_1=1e-30,
        epsilon_2=1e-3,
        clip_threshold=1.0,
        relative_step=True,
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
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step
        self._r, self._c, self._v = [], [], []

    def build(self, var_list):
        if self.built:
            return
        var_list = list(var_list)
        super().build(var_list)
        for variable in var_list:
            if getattr(variable, "overwrite_with_gradient", False):
                slots = None, None, None
            else:
                row, column = self._factors(variable)
                slots = row, column, self.add_variable_from_reference(variable, "velocity")
            for kept, slot in zip((self._r, self._c, self._v), slots):
                kept.append(slot)

    def _factors(self, variable):
        """Row and column of a matrix; vectors have two scalars in their place in files."""
        shape, name = tuple(variable.shape), variable.name
        if len(shape) >= 2:
            return [
                self.add_variable(part, dtype=variable.dtype, name=name)
                for part in (shape[:-1], (*shape[:-2], shape[-1]))
            ]
        unused = [Variable(0, dtype="int32", trainable=False, name=name) for _ in range(2)]
        for scalar in unused:
            self._track_variable(scalar)
        return unused

    @property
    def _scaled_variables(self):
        """Without the scalars in the place of factors."""
        unused = {id(v) for v in (*self._r, *self._c) if v is not None and v.dtype == "int32"}
        return [v for v in self.variables if id(v) not in unused]

    def update_step(self, gradient, variable, learning_rate):
        gradient, rate = self._in_dtype(gradient, variable, learning_rate)
        dtype = variable.dtype
        step = self._step_number(dtype)
        rho = self._once(("rho", dtype), lambda: ops.minimum(rate, ops.rsqrt(step)))
        decay = self._once(
            ("decay", dtype), lambda: ops.subtract(1.0, ops.power(step, self.beta_2_decay))
        )
        scale = ops.multiply(ops.maximum(_rms(variable.value), self.epsilon_2), rho)
        square = ops.add(ops.square(gradient), self.epsilon_1)
        velocity = self._v[self._get_variable_index(variable)]
        if len(variable.shape) >= 2:
            mean_square = self._factored(variable, square, decay)
        else:
            mean_square = self._mean(velocity, square, decay)
        self.assign(velocity, mean_square)
        step_ = ops.divide(gradient, ops.sqrt(mean_square))
        size = ops.maximum(ops.divide(_rms(step_), self.clip_threshold), 1.0)
        self.assign_sub(variable, ops.multiply(scale, ops.divide(step_, size)))

    @staticmethod
    def _mean(slot, value, decay):
        return ops.add(
            ops.multiply(decay, slot.value), ops.multiply(ops.subtract(1.0, decay), value)
        )

    def _factored(self, variable, square, decay):
        index = self._get_variable_index(variable)
        r_slot, c_slot = self._r[index], self._c[index]
        r = self._mean(r_slot, ops.mean(square, axis=-1), decay)
        c = self._mean(c_slot, ops.mean(square, axis=-2), decay)
        self.assign(r_slot, r)
        self.assign(c_slot, c)
        share = ops.divide(r, ops.mean(r, axis=-1, keepdims=True))
        return ops.multiply(ops.expand_dims(share, -1), ops.expand_dims(c, -2))

    def get_config(self):
        return {
            **super().get_config(),
            "beta_2_decay": self.beta_2_decay,
            "epsilon_1": self.epsilon_1,
            "epsilon_2": self.epsilon_2,
            "clip_threshold": self.clip_threshold,
            "relative_step": self.relative_step,
        }
