"""Muon: momentum made orthogonal for matrices, AdamW for everything else."""

from __future__ import annotations

import re

from ranvier import ops
from ranvier.optimizers.base import Optimizer


class Muon(Optimizer):
    """w -= rate rms_rate sqrt(max(rows, columns)) O(m) for matrices, O(m) nearly orthogonal.

    O is `ns_steps` rounds of the Newton-Schulz iteration X = a X + (b A + c A A) X, A = X X^T,
    which pushes all singular values towards 1. Other weights, embeddings and excluded layers take
    AdamW steps. Jordan et al. 2024.

    Args:
        learning_rate: see `Optimizer`.
        adam_beta_1, adam_beta_2, epsilon: see `Adam`.
        adam_weight_decay: weight decay of the weights with AdamW steps.
        weight_decay: that of the matrices.
        exclude_layers: regular expressions; weights whose path contains a match take AdamW steps.
        exclude_embeddings: whether weights with "embedding" in their path do so too.
        muon_a, muon_b, muon_c: coefficients of the iteration.
        adam_lr_ratio: learning rate of AdamW steps over that of the others.
        momentum: share of the past in m.
        ns_steps: rounds of the iteration.
        nesterov: whether the gradient is added to m once more.
        rms_rate: see the formula; `None` leaves rms_rate sqrt(…) out.
        clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: see `Optimizer`.

    Example:
        >>> w = keras.Variable([[1.0, -1.0]])
        >>> optimizer = keras.optimizers.Muon(learning_rate=0.1)
        >>> count = optimizer.apply([np.array([[0.5, -0.5]], "float32")], [w])
        >>> bool(w[0, 0] < 1.0)
        True
    """

    def __init__(
        self,
        learning_rate=0.001,
        adam_beta_1=0.9,
        adam_beta_2=0.999,
        adam_weight_decay=0.004,
        epsilon=1e-7,
        weight_decay=0.004,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        use_ema=False,
        ema_momentum=0.99,
        ema_overwrite_frequency=None,
        loss_scale_factor=None,
        gradient_accumulation_steps=None,
        name=None,
        exclude_layers=None,
        exclude_embeddings=True,
        muon_a=3.4445,
        muon_b=-4.775,
        muon_c=2.0315,
        adam_lr_ratio=1,
        momentum=0.95,
        ns_steps=5,
        nesterov=True,
        rms_rate=0.2,
        **kwargs,
    ):
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.epsilon = epsilon
        self.exclude_layers = exclude_layers or []
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.exclude_embeddings = exclude_embeddings
        self.adam_weight_decay = adam_weight_decay
        self.rms_rate = rms_rate

    def _should_use_adamw(self, variable) -> bool:
        if len(variable.shape) != 2:
            return True
        if self.exclude_embeddings and "embedding" in variable.path.lower():
            return True
        return any(re.search(pattern, variable.path) for pattern in self.exclude_layers)

    def build(self, var_list):
        if self.built:
            return
        var_list = list(var_list)
        super().build(var_list)
        self.momentums = [None] * len(var_list)
        self.adam_velocities = [None] * len(var_list)
        for i, variable in enumerate(var_list):
            if getattr(variable, "overwrite_with_gradient", False):
                continue
            self.momentums[i] = self.add_variable_from_reference(variable, "momentum")
            if self._should_use_adamw(variable):
                self.adam_velocities[i] = self.add_variable_from_reference(variable, "velocity")

    def update_step(self, gradient, variable, learning_rate):
        gradient, rate = self._in_dtype(gradient, variable, learning_rate)
        index = self._get_variable_index(variable)
        m_slot, v_slot = self.momentums[index], self.adam_velocities[index]
        if v_slot is None:
            self._muon_step(gradient, variable, rate, m_slot)
        else:
            self._adamw_step(gradient, variable, rate, m_slot, v_slot)

    def _muon_step(self, gradient, variable, rate, m_slot):
        m = ops.add(ops.multiply(m_slot.value, self.momentum), gradient)
        self.assign(m_slot, m)
        if self.nesterov:
            m = ops.add(gradient, ops.multiply(m, self.momentum))
        step = self.zeropower_via_newtonschulz5(m, self.ns_steps)
        self.assign_sub(variable, self.lr_adjust(ops.multiply(step, rate)))

    def lr_adjust(self, x):
        """A step times `rms_rate` and the root of its larger size."""
        if self.rms_rate is None:
            return x
        return ops.multiply(x, self.rms_rate * max(x.shape[0], x.shape[1]) ** 0.5)

    def zeropower_via_newtonschulz5(self, x, steps):
        """The Newton-Schulz iteration on x over its norm, on the side with fewer rows.

        Args:
            x: (…, rows, columns).
            steps: rounds.

        Raises:
            ValueError: x has fewer than two axes.
        """
        if len(x.shape) < 2:
            raise ValueError(
                "Expected gradient or momentum to have at least 2 dimensions. "
                f"Received: shape={tuple(x.shape)}"
            )
        tall = x.shape[-2] > x.shape[-1]
        x = ops.swapaxes(x, -1, -2) if tall else x
        norm = ops.sqrt(ops.sum(ops.square(x), axis=(-2, -1), keepdims=True))
        x = ops.divide(x, ops.add(norm, 1e-7))
        for _ in range(steps):
            a = ops.matmul(x, ops.swapaxes(x, -1, -2))
            square = ops.matmul(ops.multiply(a, self.muon_c), a)
            b = ops.add(ops.multiply(a, self.muon_b), square)
            x = ops.add(ops.multiply(x, self.muon_a), ops.matmul(b, x))
        return ops.swapaxes(x, -1, -2) if tall else x

    def _adamw_step(self, gradient, variable, rate, m_slot, v_slot):
        dtype = variable.dtype

        def bias_corrected():
            scale = ops.sqrt(ops.subtract(1.0, self._power(self.adam_beta_2, dtype)))
            bias = ops.subtract(1.0, self._power(self.adam_beta_1, dtype))
            return ops.divide(ops.multiply(ops.multiply(rate, self.adam_lr_ratio), scale), bias)

        alpha = self._once(("alpha", dtype), bias_corrected)
        m, v = m_slot.value, v_slot.value
        m = ops.add(m, ops.multiply(ops.subtract(gradient, m), 1 - self.adam_beta_1))
        v = ops.add(v, ops.multiply(ops.subtract(ops.square(gradient), v), 1 - self.adam_beta_2))
        self.assign(m_slot, m)
        self.assign(v_slot, v)
        divisor = ops.add(ops.sqrt(v), self.epsilon)
        self.assign_sub(variable, ops.divide(ops.multiply(m, alpha), divisor))

    def _weight_decay_of(self, variable):
        return self.adam_weight_decay if self._should_use_adamw(variable) else self.weight_decay

    def get_config(self):
        own = (
            "adam_beta_1", "adam_beta_2", "epsilon", "exclude_layers", "muon_a", "muon_b", "muon_c",
            "adam_lr_ratio", "momentum", "ns_steps", "nesterov", "exclude_embeddings",
            "adam_weight_decay", "rms_rate",
        )  # fmt: skip
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}
