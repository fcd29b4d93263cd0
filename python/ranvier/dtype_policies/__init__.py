"""Dtype policies: which dtype a layer computes in and which its variables have."""

from __future__ import annotations

from ranvier import config as _config
from ranvier.serialization import deserialize_keras_object, serialize_keras_object

__all__ = [
    "DTypePolicy", "DTypePolicyMap", "FloatDTypePolicy", "deserialize", "dtype_policy", "get",
    "serialize", "set_dtype_policy",
]  # fmt: skip

_global: DTypePolicy | None = None


class DTypePolicy:
    """`"float32"`, `"bfloat16"`, …, or `"mixed_float16"` / `"mixed_bfloat16"`.

    Args:
        name: the policy's name. A mixed policy computes in the 16-bit type and keeps float32
            variables.
        source_name: not used; accepted so that subclasses of Keras programs work.
    """

    def __init__(self, name: str, source_name: str | None = None):
        if not isinstance(name, str):
            raise TypeError(
                f"'name' must be a string, such as 'mixed_float16'. Received: name={name} (of "
                f"type {type(name)})"
            )
        self._name = name
        self._source_name = source_name
        self._compute_dtype, self._variable_dtype = self._parse_name(name)

    @staticmethod
    def _parse_name(name):
        if name == "mixed_float16":
            return "float16", "float32"
        if name == "mixed_bfloat16":
            return "bfloat16", "float32"
        try:
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
        return f'<DTypePolicy "{self._name}">'

    def __eq__(self, other):
        return (
            isinstance(other, DTypePolicy)
            and type(self) is type(other)
            and self._name == other._name
        )

    def __hash__(self):
        return hash((type(self).__name__, self._name))


class FloatDTypePolicy(DTypePolicy):
    """Keras' name for a policy that does not quantize."""


class DTypePolicyMap(DTypePolicy, dict):
    """Policies by layer path; a path that is not there has the default policy.

    Args:
        default_policy: policy of all other layers; the global one when `None`.
        policy_map: dict of layer path to policy.
    """

    def __init__(self, default_policy=None, policy_map=None):
        dict.__init__(self)
        self._default_policy_arg = default_policy
        self._default_policy = get(default_policy)
        for path, policy in (policy_map or {}).items():
            self[path] = get(policy)
        DTypePolicy.__init__(self, self._default_policy.name)

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of paths that are not in the map."""
        return self._default_policy

    def __getitem__(self, key):
        if key in self.keys():
            return dict.__getitem__(self, key)
        matches = [k for k in self.keys() if key.endswith("/" + k) or key.startswith(k + "/")]
        if len(matches) > 1:
            raise ValueError(
                f"Path '{key}' matches multiple dtype policy specification keys: {matches}"
            )
        return dict.__getitem__(self, matches[0]) if matches else self._default_policy

    def get_config(self) -> dict:
        """Constructor arguments."""
        return {
            "default_policy": self._default_policy_arg,
            "policy_map": {k: serialize(v) for k, v in self.items()},
        }

    def __hash__(self):
        return id(self)

    def __repr__(self):
        return f"<DTypePolicyMap default={self._default_policy!r} {dict(self)!r}>"


def dtype_policy() -> DTypePolicy:
    """The policy of layers that were given none."""
    global _global
    if _global is None:
        _global = DTypePolicy(_config.floatx())
    return _global


def set_dtype_policy(policy) -> None:
    """Sets the global policy (a name or a policy)."""
    global _global
    if not isinstance(policy, DTypePolicy):
        if isinstance(policy, dict):
            policy = deserialize(policy)
        elif isinstance(policy, str):
            policy = DTypePolicy(policy)
        else:
            raise ValueError(
                "Invalid `policy` argument. Expected the name of a policy (such as "
                "'mixed_float16') "
                f"or a `DTypePolicy` instance. Received: policy={policy} (of type {type(policy)})"
            )
    _global = policy


def serialize(policy: DTypePolicy) -> dict:
    """Config form of a policy."""
    return serialize_keras_object(policy)


def deserialize(config: dict, custom_objects=None) -> DTypePolicy:
    """A policy from its config form."""
    return deserialize_keras_object(config, custom_objects=custom_objects)


def get(identifier) -> DTypePolicy:
    """A policy from a policy, a name, a dtype, a config or `None` (the global policy)."""
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    try:
        return DTypePolicy(_config.standardize_dtype(identifier))
    except ValueError:
        raise ValueError(
            "Cannot interpret `dtype` argument. Expected a string or an instance of DTypePolicy. "
            f"Received: dtype={identifier}"
        ) from None
