"""The policies of plain and mixed precision, and the global policy."""

from __future__ import annotations

from ranvier import config as _config

_global: DTypePolicy | None = None


class DTypePolicy:
    """`"float32"`, `"bfloat16"`, …, or `"mixed_float16"` / `"mixed_bfloat16"`.

    Args:
        name: the policy's name; that of the global policy when `None`. A mixed policy computes in
            the 16-bit type and keeps float32 variables.

    Example:
        >>> policy = keras.DTypePolicy("mixed_bfloat16")
        >>> policy.compute_dtype, policy.variable_dtype
        ('bfloat16', 'float32')
    """

    def __init__(self, name=None):
        if name is None:
            name = dtype_policy().name
        if not isinstance(name, str):
            raise TypeError(
                f"'name' must be a string, such as 'mixed_float16'. Received: name={name} (of "
                f"type {type(name)})"
            )
        self._name = name
        self._source_name: str | None = None
        self._compute_dtype, self._variable_dtype = self._parse_name(name)

    @staticmethod
    def _parse_name(name):
        if name == "mixed_float16":
            return "float16", "float32"
        if name == "mixed_bfloat16":
            return "bfloat16", "float32"
        try:
            if not name:
                raise ValueError("an empty name")
            dtype = _config.standardize_dtype(name)
        except ValueError:
            raise ValueError(
                f"Cannot convert '{name}' to a mixed precision DTypePolicy. Valid policies include "
                "'mixed_float16', 'mixed_bfloat16', and the name of any float dtype such as "
                "'float32'."
            ) from None
        return dtype, dtype

    @property
    def name(self) -> str:
        """The policy's name."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """What inputs are cast to and computations run in."""
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """What weights are stored in."""
        return self._variable_dtype

    @property
    def quantization_mode(self) -> str | None:
        """`None`: this policy does not quantize."""
        return None

    def convert_input(self, x, autocast: bool, dtype: str):
        """A tensor from `x`; floats are cast to `dtype` when `autocast` is on."""
        from ranvier import ops
        from ranvier.symbolic.keras_tensor import KerasTensor

        if isinstance(x, KerasTensor):
            if autocast and _config.is_float_dtype(x.dtype) and x.dtype != dtype:
                return ops.cast(x, dtype)
            return x
        tensor = ops.convert_to_tensor(x)
        if autocast and tensor.dtype != dtype and _config.is_float_dtype(tensor.dtype):
            return ops.cast(tensor, dtype)
        return tensor

    def get_config(self) -> dict:
        """Constructor arguments."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict):
        """A policy from its config."""
        return cls(**config)

    def __repr__(self):
        name = type(self).__name__
        return f'<{"DTypePolicy" if name == "FloatDTypePolicy" else name} "{self._name}">'

    def __eq__(self, other):
        plain = (DTypePolicy, FloatDTypePolicy)
        if type(self) is not type(other) and not (type(self) in plain and type(other) in plain):
            return False
        return self._name == other._name

    def __hash__(self):
        return hash(self._name)


class FloatDTypePolicy(DTypePolicy):
    """Keras' name for a policy that does not quantize.

    Example:
        >>> keras.dtype_policies.FloatDTypePolicy("float32").compute_dtype
        'float32'
    """


def dtype_policy() -> DTypePolicy:
    """The policy of layers that were given none.

    Example:
        >>> keras.config.dtype_policy().compute_dtype
        'float32'
    """
    global _global
    if _global is None:
        _global = DTypePolicy(_config.floatx())
    return _global


def set_global(policy: DTypePolicy) -> None:
    """Makes `policy` the policy of layers that are given none."""
    global _global
    _global = policy
