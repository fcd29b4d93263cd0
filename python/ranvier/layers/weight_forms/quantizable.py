"""Layers whose weight can change its form: what `quantize` does, and what files hold."""

from __future__ import annotations

from ranvier import dtype_policies, ops
from ranvier.layers.weight_forms.calibrated import CALIBRATED_FORMS
from ranvier.layers.weight_forms.forms import FORMS, PlainForm
from ranvier.layers.weight_forms.low_rank import LowRankWeight, unlocked
from ranvier.quantizers.config import block_size_of
from ranvier.serialization import deserialize_keras_object, serialize_keras_object
from ranvier.variable import bump_structure

_FORMS: dict[str | None, PlainForm] = {**FORMS, **CALIBRATED_FORMS}


class QuantizableWeight(LowRankWeight):
    """A layer with one weight in one of the forms of `forms`.

    A subclass gives `_layout` and asks `_form` for the product; `_modes` are the forms it has.
    """

    _modes: tuple = ("int8", "int4", "float8", "gptq", "awq")

    @property
    def _form(self):
        return self._form_of(self.quantization_mode)

    def _form_of(self, mode):
        if mode is not None and mode not in self._modes:
            raise self._quantization_mode_error(mode)
        return _FORMS[mode]

    def _quantization_mode_error(self, mode):
        return NotImplementedError(
            f"Invalid quantization mode. Expected one of {self._modes}. Received: "
            f"quantization_mode={mode}"
        )

    def _base_weight(self):
        return self._form.base(self)

    def _lora_shape(self):
        if self.quantization_mode == "int4":
            return self._original_shape
        return super()._lora_shape()

    def _build_weight(self, shape, **arguments):
        """Adds the weight in the form that the policy asks for."""
        mode = self.quantization_mode
        if mode:
            self.quantized_build(shape, mode, self.quantization_config)
        if not self._form.stores_weight:
            variable = self.add_weight(name=self._weight_name, shape=shape, **arguments)
            setattr(self, f"_{self._weight_name}", variable)

    def quantized_build(self, kernel_shape, mode, config=None):
        """Adds the variables of a quantized form.

        Args:
            kernel_shape: of the weight as floats.
            mode: quantization mode.
            config: `QuantizationConfig` or `None`.
        """
        self._form_of(mode).build(self, tuple(kernel_shape), config)
        self._is_quantized = True

    def quantize(self, mode=None, type_check=True, config=None):
        """Changes the weight into a quantized form.

        Args:
            mode: "int8", "int4" or "float8" ("gptq" and "awq" through a model).
            type_check: whether subclasses are refused.
            config: `QuantizationConfig`; the mode's default when `None`.

        Raises:
            ValueError: the layer is not built, is quantized, or the arguments contradict.
            NotImplementedError: the layer has no such form.
        """
        if type_check and "_modes" not in type(self).__dict__:
            raise self._not_implemented_error(self.quantize)
        self.quantization_config = config
        form, name = self._form_of(mode), self._weight_name
        weight = self._stored()
        shape = tuple(weight.shape)
        if form.stores_weight and mode not in CALIBRATED_FORMS:
            values = form.encode(self, weight, config)
            delattr(self, f"_{name}")
            self.quantized_build(shape, mode, config)
            for suffix, value in values.items():
                self._stored(suffix).assign(value)
        else:
            self.quantized_build(shape, mode, config)
        if self.own_policy.quantization_mode is None:
            self.dtype_policy = dtype_policies.get(
                f"{self._policy_mode(mode, config)}_from_{self.own_policy.name}"
            )

    def become_calibrated(self, values: dict) -> None:
        """Takes the integers that calibration found in place of the plain weight.

        Args:
            values: arrays by the names of the form's variables.
        """
        with unlocked(self):
            delattr(self, f"_{self._weight_name}")
        for name, value in values.items():
            getattr(self, name).assign(value)
        setattr(self, self._form.flag, True)
        bump_structure()

    def _policy_mode(self, mode, config):
        if mode in CALIBRATED_FORMS:
            return config.dtype_policy_string()
        if mode == "int4":
            return f"int4/{block_size_of(self, config) or -1}"
        return mode

    # -- files

    @property
    def variable_serialization_spec(self) -> dict:
        """By quantization mode, the names of what is stored, in order."""
        name, spec = self._weight_name, {}
        for mode in (None, *self._modes):
            form = _FORMS[mode]
            suffixes = [f"{name}{s}" if s.startswith("_") else s for s in form.suffixes]
            extra = ["g_idx"] if mode == "int4" else []
            first = [] if mode in CALIBRATED_FORMS else [name]
            spec[mode] = [*first, *self._other_weights, *suffixes, *extra]
        return spec

    def _values_to_save(self):
        mode, name = self.quantization_mode, self._weight_name
        if mode not in ("int8", "int4"):
            return {} if mode in CALIBRATED_FORMS else super()._values_to_save()
        if not self.lora_enabled:
            return {name: self._stored()}
        # LoRA is merged into the floats, and they are rounded anew.
        merged = ops.add(self._form.weight(self), self._lora_delta())
        values = self._form.encode(self, merged, None)
        return {f"{name}{suffix}": value for suffix, value in values.items()}

    def load_own_variables(self, store) -> None:
        """Reads what `save_own_variables` wrote."""
        super().load_own_variables(store)
        if self.built and self.quantization_mode in CALIBRATED_FORMS:
            setattr(self, self._form.flag, True)  # files hold calibrated weights only

    def _quantization_arguments(self) -> dict:
        return {
            "quantization_config": serialize_keras_object(self.quantization_config),
            **self._lora_config(),
        }

    @classmethod
    def from_config(cls, config):
        """A layer from the dict that `get_config` returns."""
        quantization = deserialize_keras_object(config.get("quantization_config"))
        return super().from_config({**config, "quantization_config": quantization})
