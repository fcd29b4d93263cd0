"""Adam and its variants: steps along the mean gradient, scaled by its mean square."""

from __future__ import annotations

from ranvier import config as settings
from ranvier import ops
from ranvier.optimizers.base import Optimizer
from ranvier.variable import Variable


class _Moments(Optimizer):
    """Optimizers with a mean gradient m and a mean square v per weight."""

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._momentums, self._velocities = self.add_optimizer_variables(
            var_list, ["momentum", "velocity"]
        )

    def _moments(self, gradient, variable):
        """m += (1 - beta_1) (g - m); v += (1 - beta_2) (g^2 - v); returns both."""
        index = self._get_variable_index(variable)
        m_slot, v_slot = self._momentums[index], self._velocities[index]
        m, v = m_slot.value, v_slot.value
        m = ops.add(m, ops.multiply(ops.subtract(gradient, m), 1 - self.beta_1))
        v = ops.add(v, ops.multiply(ops.subtract(ops.square(gradient), v), 1 - self.beta_2))
        self.assign(m_slot, m)
        self.assign(v_slot, v)
        return m, v


class Adam(_Moments):
    """w -= rate m' / (sqrt(v') + epsilon), with bias-corrected means m' and v'.

    Args:
        learning_rate: see `Optimizer`.
        beta_1: share of the past in the mean gradient.
        beta_2: share of the past in the mean square.
        epsilon: keeps the divisor from zero.
        amsgrad: whether the largest mean square so far is used.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name: see
            `Optimizer`.

    Example:
        >>> w = keras.Variable([[1.0, -1.0]])
        >>> optimizer = keras.optimizers.Adam(learning_rate=0.1)
        >>> count = optimizer.apply([np.array([[0.5, -0.5]], "float32")], [w])
        >>> bool(w[0, 0] < 1.0)
        True
    """

    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        amsgrad=False,
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
        self.amsgrad = amsgrad

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        if self.amsgrad:
            self._velocity_hats = self.add_optimizer_variables(var_list, "velocity_hat")

    def _bias_corrected_rate(self, rate, dtype):
        """rate sqrt(1 - beta_2^t) / (1 - beta_1^t)."""
        scale = ops.sqrt(ops.subtract(1.0, self._power(self.beta_2, dtype)))
        bias = ops.subtract(1.0, self._power(self.beta_1, dtype))
        return ops.divide(ops.multiply(rate, scale), bias)

    def update_step(self, gradient, variable, learning_rate):
        gradient, rate = self._in_dtype(gradient, variable, learning_rate)
        dtype = variable.dtype
        alpha = self._once(("alpha", dtype), lambda: self._bias_corrected_rate(rate, dtype))
        m, v = self._moments(gradient, variable)
        if self.amsgrad:
            slot = self._velocity_hats[self._get_variable_index(variable)]
            v = ops.maximum(slot.value, v)
            self.assign(slot, v)
        step = ops.divide(ops.multiply(m, alpha), ops.add(ops.sqrt(v), self.epsilon))
        self.assign_sub(variable, step)

    def get_config(self):
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "amsgrad": self.amsgrad,
        }


class AdamW(Adam):
    """Adam with weight decay that is apart from the gradient.

    Args:
        learning_rate: see `Optimizer`.
        weight_decay: share of the weights, times the learning rate, that each update takes away.
        beta_1, beta_2, epsilon, amsgrad: see `Adam`.
        clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: see `Optimizer`.

    Example:
        >>> w = keras.Variable([[1.0, -1.0]])
        >>> optimizer = keras.optimizers.AdamW(learning_rate=0.1)
        >>> count = optimizer.apply([np.array([[0.5, -0.5]], "float32")], [w])
        >>> bool(w[0, 0] < 1.0)
        True
    """

    def __init__(
        self,
        learning_rate=0.001,
        weight_decay=0.004,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        amsgrad=False,
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
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue,
            global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        if self.weight_decay is None:
            raise ValueError("Argument `weight_decay` must be a float. Received: weight_decay=None")


class Adamax(Optimizer):
    """Adam with the largest instead of the mean square: u = max(beta_2 u, |g|).

    w -= rate m / ((1 - beta_1^t) (u + epsilon)).

    Args:
        learning_rate: see `Optimizer`.
        beta_1: share of the past in the mean gradient.
        beta_2: decay of the largest gradient.
        epsilon: keeps the divisor from zero.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name: see
            `Optimizer`.

    Example:
        >>> w = keras.Variable([[1.0, -1.0]])
        >>> optimizer = keras.optimizers.Adamax(learning_rate=0.1)
        >>> count = optimizer.apply([np.array([[0.5, -0.5]], "float32")], [w])
        >>> bool(w[0, 0] < 1.0)
        True
    """

    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._m, self._u = self.add_optimizer_variables(var_list, ["momentum", "norm"])

    def update_step(self, gradient, variable, learning_rate):
        gradient, rate = self._in_dtype(gradient, variable, learning_rate)
        index = self._get_variable_index(variable)
        m_slot, u_slot = self._m[index], self._u[index]
        m = m_slot.value
        m = ops.add(m, ops.multiply(ops.subtract(gradient, m), 1 - self.beta_1))
        u = ops.maximum(ops.multiply(u_slot.value, self.beta_2), ops.absolute(gradient))
        self.assign(m_slot, m)
        self.assign(u_slot, u)
        dtype = variable.dtype
        bias = self._once(
            ("bias", dtype), lambda: ops.subtract(1.0, self._power(self.beta_1, dtype))
        )
        divisor = ops.multiply(ops.add(u, self.epsilon), bias)
        self.assign_sub(variable, ops.divide(ops.multiply(m, rate), divisor))

    def get_config(self):
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }


class Nadam(_Moments):
    """Adam with Nesterov's look ahead, on a momentum that grows over the first updates.

    u_t = beta_1 (1 - 0.96^t / 2), U_t = u_1 ... u_t;
    w -= rate m' / (sqrt(v / (1 - beta_2^t)) + epsilon), where
    m' = u_(t+1) m / (1 - U_(t+1)) + (1 - u_t) g / (1 - U_t).

    Args:
        learning_rate: see `Optimizer`.
        beta_1: share of the past in the mean gradient.
        beta_2: share of the past in the mean square.
        epsilon: keeps the divisor from zero.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name: see
            `Optimizer`.

    Example:
        >>> w = keras.Variable([[1.0, -1.0]])
        >>> optimizer = keras.optimizers.Nadam(learning_rate=0.1)
        >>> count = optimizer.apply([np.array([[0.5, -0.5]], "float32")], [w])
        >>> bool(w[0, 0] < 1.0)
        True
    """

    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, var_list):
        if self.built:
            return
        var_list = list(var_list)
        super().build(var_list)
        dtype = var_list[0].dtype if var_list else settings.floatx()
        self._u_product = Variable(1.0, dtype=dtype)

    def _momentum_at(self, ahead, dtype):
        decay = ops.power(ops.cast(0.96, dtype), self._step_number(dtype, ahead))
        return ops.multiply(ops.subtract(1.0, ops.multiply(decay, 0.5)), self.beta_1)

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        product = self._u_product
        product.assign(ops.multiply(product.value, self._momentum_at(1, product.dtype)))
        super()._backend_update_step(grads, trainable_variables, learning_rate)

    def _scalars(self, dtype):
        """Factors of m, of g and of v in the step."""
        now, after = self._momentum_at(1, dtype), self._momentum_at(2, dtype)
        product = ops.cast(self._u_product, dtype)
        next_product = ops.multiply(product, after)
        m_factor = ops.divide(after, ops.subtract(1.0, next_product))
        g_factor = ops.divide(ops.subtract(1.0, now), ops.subtract(1.0, product))
        return m_factor, g_factor, ops.subtract(1.0, self._power(self.beta_2, dtype))

    def update_step(self, gradient, variable, learning_rate):
        gradient, rate = self._in_dtype(gradient, variable, learning_rate)
        dtype = variable.dtype
        m_factor, g_factor, bias = self._once(("scalars", dtype), lambda: self._scalars(dtype))
        m, v = self._moments(gradient, variable)
        ahead = ops.add(ops.multiply(m, m_factor), ops.multiply(gradient, g_factor))
        divisor = ops.add(ops.sqrt(ops.divide(v, bias)), self.epsilon)
        self.assign_sub(variable, ops.divide(ops.multiply(ahead, rate), divisor))

    def get_config(self):
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }


class Lamb(_Moments):
    """Adam's step, per weight scaled to the norm of the weight.

    Args:
        learning_rate: see `Optimizer`.
        beta_1: share of the past in the mean gradient.
        beta_2: share of the past in the mean square.
        epsilon: keeps the divisor from zero.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name: see
            `Optimizer`.

    Example:
        >>> w = keras.Variable([[1.0, -1.0]])
        >>> optimizer = keras.optimizers.Lamb(learning_rate=0.1)
        >>> count = optimizer.apply([np.array([[0.5, -0.5]], "float32")], [w])
        >>> bool(w[0, 0] < 1.0)
        True
    """

    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def _biases(self, dtype):
        """1 - beta_1^t and 1 - beta_2^t."""
        powers = self._power(self.beta_1, dtype), self._power(self.beta_2, dtype)
        return tuple(ops.subtract(1.0, power) for power in powers)

    def update_step(self, gradient, variable, learning_rate):
        gradient, rate = self._in_dtype(gradient, variable, learning_rate)
        dtype = variable.dtype
        bias_1, bias_2 = self._once(("biases", dtype), lambda: self._biases(dtype))
        m, v = self._moments(gradient, variable)
        root = ops.add(ops.sqrt(ops.divide(v, bias_2)), self.epsilon)
        step = ops.divide(ops.divide(m, bias_1), root)
        value = variable.value
        w_norm = ops.sqrt(ops.sum(ops.square(value)))
        step_norm = ops.sqrt(ops.sum(ops.square(step)))
        both = ops.logical_and(ops.greater(w_norm, 0), ops.greater(step_norm, 0))
        ratio = ops.where(both, ops.divide(w_norm, step_norm), 1.0)
        self.assign_sub(variable, ops.multiply(step, ops.multiply(ratio, rate)))

    def get_config(self):
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
