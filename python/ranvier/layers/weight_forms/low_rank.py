"""A weight plus a trained product of two thin matrices (LoRA), and how its layer is stored."""

from __future__ import annotations

import contextlib

from ranvier import initializers, ops
from ranvier.layers.layer import Layer


@contextlib.contextmanager
def unlocked(layer):
    """New variables may be added inside, although the layer is built."""
    tracker = layer._tracker
    locked, tracker.locked = tracker.locked, False
    try:
        yield
    finally:
        tracker.locked = locked


class LowRankWeight(Layer):
    """What a layer with one main weight has for `enable_lora` and for files.

    Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models": the weight W (..., in, out)
    stays fixed and W + alpha / rank * A B is used, A (..., in, rank) and B (rank, out).

    The weight is the attribute `_kernel`, the others `bias`, `lora_kernel_a`, ... by the name that
    `_weight_name` gives.
    """

    _weight_name = "kernel"
    _other_weights: tuple = ("bias",)  # stored after it, where the layer has them

    def _take_lora_arguments(self, lora_rank, lora_alpha):
        self.lora_rank = lora_rank
        self.lora_alpha = lora_alpha if lora_alpha is not None else lora_rank
        self.lora_enabled = False

    def _lora_config(self) -> dict:
        if not self.lora_rank:
            return {}
        return {"lora_rank": self.lora_rank, "lora_alpha": self.lora_alpha}

    # -- the weight

    def _stored(self, suffix=""):
        """The variable `_kernel`, `kernel_scale`, ...; `None` where the form has none."""
        name = f"{self._weight_name}{suffix}" if suffix else f"_{self._weight_name}"
        return getattr(self, name, None)

    def _lora_parts(self):
        return tuple(getattr(self, f"lora_{self._weight_name}_{part}") for part in "ab")

    def _lora_delta(self):
        """alpha / rank * A B."""
        a, b = self._lora_parts()
        return ops.multiply(self.lora_alpha / self.lora_rank, ops.matmul(a, b))

    def _base_weight(self):
        return self._stored()

    def _current_weight(self):
        """The weight that the layer computes with: a variable, or the sum with a LoRA product."""
        if not self.built:
            raise AttributeError(
                f"You must build the layer before accessing `{self._weight_name}`."
            )
        base = self._base_weight()
        if not self.lora_enabled:
            return base
        return ops.cast(ops.add(base, self._lora_delta()), self.compute_dtype)

    def _lora_shape(self) -> tuple:
        return tuple(self._stored().shape)

    def enable_lora(self, rank, lora_alpha=None, a_initializer="he_uniform", b_initializer="zeros"):
        """Fixes the weight and trains a low-rank addition to it instead.

        Args:
            rank: columns of A and rows of B.
            lora_alpha: the addition is scaled by `lora_alpha / rank`; `rank` by default.
            a_initializer, b_initializer: starting values; the addition starts at zero by default.

        Raises:
            ValueError: the layer is not built, has a constraint on the weight, or LoRA is on.
        """
        name = self._weight_name
        if getattr(self, f"{name}_constraint", None):
            what = "kernel" if name == "kernel" else "embedding"
            raise ValueError(
                f"Lora is incompatible with {what} constraints. In order to enable lora on this "
                f"layer, remove the `{name}_constraint` argument."
            )
        if not self.built:
            raise ValueError("Cannot enable lora on a layer that isn't yet built.")
        if self.lora_enabled:
            raise ValueError("lora is already enabled. This can only be done once per layer.")
        if self.quantization_mode == "gptq":
            raise NotImplementedError("lora is not currently supported with GPTQ quantization.")
        shape = self._lora_shape()
        regularizer = getattr(self, f"{name}_regularizer", None)
        with unlocked(self):
            # float32 whatever the policy: small updates would be lost in 16 bits.
            for part, size, initializer in (
                ("a", (*shape[:-1], rank), a_initializer),
                ("b", (rank, shape[-1]), b_initializer),
            ):
                variable = self.add_weight(
                    name=f"lora_{name}_{part}", shape=size, dtype="float32",
                    initializer=initializers.get(initializer), regularizer=regularizer,
                )  # fmt: skip
                setattr(self, f"lora_{name}_{part}", variable)
        self._stored().trainable = False
        self.lora_enabled = True
        self.lora_rank = rank
        self.lora_alpha = lora_alpha if lora_alpha is not None else rank

    # -- files

    @property
    def variable_serialization_spec(self) -> dict:
        """By quantization mode, the names of what is stored, in order."""
        return {None: [self._weight_name, *self._other_weights]}

    def _values_to_save(self) -> dict:
        """The LoRA product is stored as part of the weight."""
        return {self._weight_name: self._current_weight()}

    def _spec(self):
        mode = self.quantization_mode
        if mode not in self.variable_serialization_spec:
            raise self._quantization_mode_error(mode)
        return self.variable_serialization_spec[mode]

    def save_own_variables(self, store) -> None:
        """Writes the weight, with LoRA merged into it, and the others under "0", "1", …"""
        if not self.built:
            return
        values, found = self._values_to_save(), []
        for name in self._spec():
            value = values[name] if name in values else getattr(self, name, None)
            if value is not None:
                found.append(value)
        for i, value in enumerate(found):
            store[str(i)] = value

    def load_own_variables(self, store) -> None:
        """Reads what `save_own_variables` wrote; a LoRA product starts at zero again."""
        if not self.lora_enabled:
            self._check_load_own_variables(store)
        if not self.built:
            return
        i = 0
        for name in self._spec():
            variable = self._stored() if name == self._weight_name else getattr(self, name, None)
            if variable is None:
                continue
            variable.assign(store[str(i)])
            i += 1
        if self.lora_enabled:
            for part in self._lora_parts():
                part.assign(ops.zeros(part.shape))
