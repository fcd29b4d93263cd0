"""Something that can be called on tensors or put into a graph."""

from __future__ import annotations

import inspect

from ranvier import naming, tree
from ranvier.symbolic.keras_tensor import any_symbolic
from ranvier.symbolic.node import Node
from ranvier.symbolic.probe import compute_output_spec

_CLASSES: dict[tuple[str, str], type] = {}


def register_operation_class(module: str, cls: type) -> None:
    """Makes the class known to the reader of model files."""
    _CLASSES[(module, cls.__name__)] = cls


def operation_class(module: str, name: str) -> type | None:
    """The registered operation class, e.g. `("keras.src.ops.numpy", "Reshape")`."""
    return _CLASSES.get((module, name))


def operation_module(name: str) -> str | None:
    """The module that has a registered operation class of this name."""
    return next((module for module, known in _CLASSES if known == name), None)


class Operation:
    """Base of layers and of the operations that `ops` functions become on symbolic tensors.

    Example:
        >>> class Shift(keras.Operation):
        ...     def call(self, x):
        ...         return x + 1
        ...     def compute_output_spec(self, x):
        ...         return keras.KerasTensor(x.shape, x.dtype)
        >>> Shift()(ops.zeros(2)).tolist(), Shift()(keras.Input((3,))).shape
        ([1.0, 1.0], (None, 3))
    """

    def __init__(self, name: str | None = None):
        if name is None:
            name = naming.auto_name(type(self).__name__)
        if not isinstance(name, str) or "/" in name:
            raise ValueError(
                "Argument `name` must be a string and cannot contain character `/`. "
                f"Received: name={name} (of type {type(name)})"
            )
        self.name = name
        self._inbound_nodes: list[Node] = []
        self._outbound_nodes: list[Node] = []

    def __new__(cls, *args, **kwargs):
        instance = super().__new__(cls)
        try:
            object.__setattr__(instance, "_init_arguments", (args, kwargs))
        except AttributeError:
            pass
        return instance

    def __call__(self, *args, **kwargs):
        if any_symbolic(args, kwargs):
            return self.symbolic_call(*args, **kwargs)
        return self.call(*args, **kwargs)

    def symbolic_call(self, *args, **kwargs):
        """Infers the outputs and adds the node."""
        outputs = self.compute_output_spec(*args, **kwargs)
        Node(operation=self, call_args=args, call_kwargs=kwargs, outputs=outputs)
        return outputs

    def call(self, *args, **kwargs):
        """What the operation computes."""
        raise NotImplementedError(f"{type(self).__name__} does not define `call`.")

    def compute_output_spec(self, *args, **kwargs):
        """Shapes and dtypes of the outputs for symbolic inputs."""
        return compute_output_spec(self.call, *args, **kwargs)

    def get_config(self) -> dict:
        """The name, and of a class without its own `get_config` all constructor arguments.

        Raises:
            NotImplementedError: they are not plain values that keywords can pass again.
        """
        config = {"name": self.name}
        if not getattr(type(self).get_config, "is_base", False):
            return config
        parameters = inspect.signature(type(self).__init__).parameters
        config.update(_plain_arguments(self, parameters))
        # Keras goes by the names alone: what `**options` hands on may hold a name already.
        if "name" not in parameters and "kwargs" not in parameters:
            del config["name"]
        return config

    get_config.is_base = True  # type: ignore[attr-defined]

    @classmethod
    def from_config(cls, config: dict):
        """An instance from its config; a dtype policy arrives as its name or, quantized, itself."""
        if isinstance(config.get("dtype"), dict):
            config = {**config, "dtype": _read_policy(config["dtype"])}
        try:
            return cls(**config)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"Error when deserializing class '{cls.__name__}' using config={config}.\n\n"
                f"Exception encountered: {error}"
            ) from error

    @property
    def input(self):
        """Symbolic inputs of the only call."""
        return self._get_node_attribute_at_index(0, "input_tensors", "input")

    @property
    def output(self):
        """Symbolic outputs of the only call."""
        return self._get_node_attribute_at_index(0, "output_tensors", "output")

    def _get_node_attribute_at_index(self, index, attribute, name):
        if not self._inbound_nodes:
            raise AttributeError(
                f"The layer {self.name} has never been called and thus has no defined {name}."
            )
        if index >= len(self._inbound_nodes):
            raise ValueError(
                f"Asked to get {name} at node {index}, but the operation has only "
                f"{len(self._inbound_nodes)} inbound nodes."
            )
        values = getattr(self._inbound_nodes[index], attribute)
        return values[0] if len(values) == 1 else values

    def __repr__(self):
        return f"<Operation name={self.name}>"


def _read_policy(config):
    from ranvier import dtype_policies

    policy = dtype_policies.deserialize(config)
    whole = isinstance(policy, dtype_policies.DTypePolicyMap) or policy.quantization_mode
    return policy if whole else policy.name


def _plain_arguments(instance, parameters) -> dict:
    """All arguments an object was made with, defaults too, but for `self` and `name`."""
    args, kwargs = getattr(instance, "_init_arguments", ((), {}))
    what = None
    bound = None
    try:
        bound = inspect.Signature(list(parameters.values())).bind(instance, *args, **kwargs)
    except TypeError as error:
        what = str(error)
    out: dict = {}
    if bound is not None:
        bound.apply_defaults()
        for key, value in list(bound.arguments.items())[1:]:
            kind = parameters[key].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                out.update(value)
            elif kind is inspect.Parameter.POSITIONAL_ONLY:
                what = f"{key} can only be passed by position"
            elif kind is inspect.Parameter.VAR_POSITIONAL:
                what = f"*{key}={value!r}" if value else what
            elif key != "name":
                out[key] = value
    for key, value in out.items():
        if any(not _is_plain(x) for x in tree.flatten(value)):
            what = f"{key}={value!r}"
    if what is not None:
        raise NotImplementedError(
            f"Object {type(instance).__name__} was created by passing non-serializable argument "
            f"values in `__init__()` ({what}), and therefore the object must override "
            "`get_config()` in order to be serializable."
        )
    return out


def _is_plain(value):
    return value is None or isinstance(value, (str, int, float, bool, slice, type(Ellipsis)))
