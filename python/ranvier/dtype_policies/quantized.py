"""Policies of quantized layers: a quantization mode over the policy that the layer had."""

from __future__ import annotations

from ranvier.dtype_policies.policy import DTypePolicy, dtype_policy

QUANTIZATION_MODES = ("int8", "float8", "int4", "gptq", "awq")


class QuantizedDTypePolicy(DTypePolicy):
    """Weights in a quantized form.

    Args:
        mode: "int8", "int4", "float8", "gptq" or "awq".
        source_name: policy of the computation, such as "float32" or "mixed_bfloat16"; the global
            one when `None`.

    Example:
        >>> policy = keras.dtype_policies.QuantizedDTypePolicy("int8", "mixed_bfloat16")
        >>> policy.name, policy.compute_dtype
        ('int8_from_mixed_bfloat16', 'bfloat16')
    """

    def __init__(self, mode, source_name=None):
        if source_name is None:
            source_name = dtype_policy().name
        super().__init__(source_name)
        if mode not in QUANTIZATION_MODES:
            raise ValueError(
                f"Invalid quantization mode. Expected one of {QUANTIZATION_MODES}. "
                f"Received: mode={mode}"
            )
        if self._compute_dtype == "float16" and mode == "int8":
            raise ValueError(
                f"Quantization mode='{mode}' doesn't work well with compute_dtype='float16'."
            )
        self._name, self._source_name = f"{mode}_from_{source_name}", source_name
        self._quantization_mode = mode

    @property
    def quantization_mode(self) -> str | None:
        """The quantization mode."""
        return self._quantization_mode

    def _details(self) -> tuple:
        return (self._quantization_mode, self._source_name)

    def __eq__(self, other):
        return super().__eq__(other) and self._details() == other._details()

    __hash__ = DTypePolicy.__hash__

    def get_config(self) -> dict:
        """Constructor arguments."""
        return {"mode": self._quantization_mode, "source_name": self._source_name}


class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """8-bit floats in training, scaled by a history of largest magnitudes.

    Args:
        mode: "float8".
        source_name: policy of the computation.
        amax_history_length: steps that the history reaches back.

    Example:
        >>> keras.dtype_policies.QuantizedFloat8DTypePolicy("float8", "float32").name
        'float8_from_float32'
    """

    default_amax_history_length = 1024

    def __init__(self, mode, source_name=None, amax_history_length=1024):
        super().__init__(mode, source_name)
        if not isinstance(amax_history_length, int):
            raise TypeError(
                "`amax_history_length` must be an integer. Received: "
                f"amax_history_length={amax_history_length}"
            )
        self._amax_history_length = amax_history_length

    @property
    def amax_history_length(self) -> int:
        """Steps that the history reaches back."""
        return self._amax_history_length

    def _details(self):
        return (*super()._details(), self._amax_history_length)

    def get_config(self):
        return {**super().get_config(), "amax_history_length": self._amax_history_length}


class _SizedPolicy(QuantizedDTypePolicy):
    """A mode that carries numbers, "mode/number/..."; `_numbers` names them."""

    _mode: str
    _numbers: tuple[str, ...]

    def __init__(self, mode, source_name=None):
        parts = mode.split("/")
        places = "/".join(f"<{name}>" for name in self._numbers)
        expected = f"'{self._mode}/{places}'"
        name = type(self).__name__
        if len(parts) != 1 + len(self._numbers) or parts[0] != self._mode:
            raise ValueError(
                f"Invalid mode for {name}. Expected format {expected}, but got '{mode}'."
            )
        try:
            numbers = [int(part) for part in parts[1:]]
        except ValueError:
            which = " and ".join(f"<{n}>" for n in self._numbers)
            kind = "integers" if len(self._numbers) > 1 else "an integer"
            raise ValueError(
                f"Invalid mode for {name}. {which} must be {kind}. Expected format {expected}, but "
                f"got '{mode}'."
            ) from None
        for key, value in zip(self._numbers, numbers, strict=True):
            self._check(key, value, mode)
        super().__init__(self._mode, source_name)
        self._name = f"{mode}_from_{source_name}"
        self.mode = self._mode
        for key, value in zip(self._numbers, numbers, strict=True):
            setattr(self, key, value)

    _bits: tuple[int, ...] = ()
    _bits_text = ""
    _whole = "per-channel"

    def _check(self, key, value, mode):
        if key == "weight_bits" and value not in self._bits:
            raise ValueError(
                f"Invalid weight_bits in mode. {self._bits_text}, but got {value} from '{mode}'."
            )
        if key != "weight_bits" and (value < -1 or value == 0):
            raise ValueError(
                f"Invalid {key} in mode. Supported values are -1 ({self._whole}) or a positive "
                f"integer{' (sub-channel)' if key == 'block_size' else ''}, but got {value} from "
                f"'{mode}'."
            )

    def _details(self):
        return (*super()._details(), *(getattr(self, key) for key in self._numbers))

    def get_config(self):
        numbers = "/".join(str(getattr(self, key)) for key in self._numbers)
        return {**super().get_config(), "mode": f"{self.mode}/{numbers}"}


class Int4DTypePolicy(_SizedPolicy):
    """4-bit weights.

    Args:
        mode: "int4/<block_size>", such as "int4/128"; -1 means one scale for each output.
        source_name: policy of the computation.

    Example:
        >>> policy = keras.dtype_policies.Int4DTypePolicy("int4/128", "float32")
        >>> policy.quantization_mode, policy.block_size
        ('int4', 128)
    """

    _mode, _numbers = "int4", ("block_size",)
    block_size: int


class GPTQDTypePolicy(_SizedPolicy):
    """Weights that GPTQ has rounded.

    Args:
        mode: "gptq/<weight_bits>/<group_size>", such as "gptq/4/128"; bits 2, 3, 4 or 8.
        source_name: policy of the computation.

    Example:
        >>> policy = keras.dtype_policies.GPTQDTypePolicy("gptq/4/128", "float32")
        >>> policy.weight_bits, policy.group_size
        (4, 128)
    """

    _mode, _numbers = "gptq", ("weight_bits", "group_size")
    _bits, _bits_text, _whole = (2, 3, 4, 8), "Supported values are 2, 3, 4, and 8", "whole-tensor"
    weight_bits: int
    group_size: int


class AWQDTypePolicy(_SizedPolicy):
    """Weights that AWQ has rounded.

    Args:
        mode: "awq/4/<group_size>", such as "awq/4/128".
        source_name: policy of the computation.

    Example:
        >>> policy = keras.dtype_policies.AWQDTypePolicy("awq/4/128", "float32")
        >>> policy.weight_bits, policy.group_size
        (4, 128)
    """

    _mode, _numbers = "awq", ("weight_bits", "group_size")
    _bits, _bits_text = (4,), "AWQ only supports 4-bit quantization"
    weight_bits: int
    group_size: int


_CLASSES = {
    "int8": QuantizedDTypePolicy, "int4": QuantizedDTypePolicy, "gptq": GPTQDTypePolicy,
    "awq": AWQDTypePolicy, "float8": QuantizedFloat8DTypePolicy,
}  # fmt: skip


def is_quantized_name(name: str) -> bool:
    """Whether a policy's name begins with a quantization mode ("int8" alone is a dtype too)."""
    return name.startswith(QUANTIZATION_MODES)


def from_name(name: str) -> QuantizedDTypePolicy:
    """The policy of a name like "int8_from_float32"."""
    if not isinstance(name, str):
        raise TypeError(f"`policy` must be a string. Received: policy={name}")
    if not is_quantized_name(name):
        raise ValueError("`policy` is incompatible with the current supported quantization.")
    parts = name.split("_from_")
    if len(parts) != 2:
        raise ValueError(
            "Cannot convert `policy` into a valid pair (`mode`, `source_name`) to instantiate "
            f"`QuantizedDTypePolicy`. Received: policy={name}"
        )
    mode, source = parts
    base = next(m for m in QUANTIZATION_MODES if mode.startswith(m))
    if base == "int4" and "/" in mode:
        return Int4DTypePolicy(mode, source)
    return _CLASSES[base](mode, source)
