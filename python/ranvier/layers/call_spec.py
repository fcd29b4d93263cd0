"""The arguments of one layer call, read against the signature of `call`."""

from __future__ import annotations

import functools
import inspect

from ranvier import _backend as B
from ranvier import tree
from ranvier.config import thread_state
from ranvier.ops.complex_values import is_value
from ranvier.symbolic.host import is_text
from ranvier.symbolic.keras_tensor import KerasTensor
from ranvier.symbolic.probe import current_stand_in
from ranvier.variable import Variable

_state = thread_state()
TENSORS = (B.Tensor, KerasTensor, Variable)


@functools.lru_cache(maxsize=2048)
def _signature_of_function(fn):
    return inspect.signature(fn)


def signature_of(method) -> inspect.Signature:
    """The signature of a bound method without `self`, read once per function."""
    fn = getattr(method, "__func__", None)
    if fn is None:
        return inspect.signature(method)
    full = _signature_of_function(fn)
    return full.replace(parameters=list(full.parameters.values())[1:])


def is_tensor(x) -> bool:
    """Whether the object counts as a tensor of a call: arrays of strings do, too."""
    return isinstance(x, TENSORS) or is_text(x) or is_value(x)


class CallTraits:
    """What a class's `call` accepts."""

    def __init__(self, method):
        self.owner = type(getattr(method, "__self__", method)).__name__
        self.signature = signature_of(method)
        parameters = self.signature.parameters
        self.names = set(parameters)
        self.has_kwargs = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        self.has_training = "training" in self.names
        self.has_mask = "mask" in self.names
        self.training_default = (
            parameters["training"].default if self.has_training else inspect.Parameter.empty
        )
        self.first_name = next(iter(parameters), None)
        self.others = _defaults_of_others(parameters)

    def bind(self, args, kwargs):
        """Arguments by name: those given, and all with their defaults."""
        if self.others is not None and len(args) == 1 and not kwargs:
            given = {self.first_name: args[0]}
            return given, {**given, **self.others}
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.owner}.call(): {error}") from None
        given = dict(bound.arguments)
        bound.apply_defaults()
        return given, dict(bound.arguments)


def _defaults_of_others(parameters):
    """Defaults of all parameters but the first; `None` where one argument cannot bind alone."""
    first, *others = parameters.values() or (None,)
    if first is None or first.kind not in (first.POSITIONAL_ONLY, first.POSITIONAL_OR_KEYWORD):
        return None
    for p in others:
        if p.default is p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            return None
    return {p.name: p.default for p in others}


class CallSpec:
    """The bound arguments and which of them are tensors."""

    def __init__(self, traits: CallTraits, args, kwargs):
        if "training" in kwargs and not traits.has_training and not traits.has_kwargs:
            kwargs = {k: v for k, v in kwargs.items() if k != "training"}
        self.user_arguments, self.arguments = traits.bind(args, kwargs)
        self.names = traits.names
        self.tensors = {}
        self.nested_names = set()
        for name, value in self.arguments.items():
            if is_tensor(value):
                self.tensors[name] = value
            elif tree.is_nested(value) and len(value):
                flat = tree.flatten(value)
                if (
                    flat
                    and all(is_tensor(x) or x is None for x in flat)
                    and any(x is not None for x in flat)
                ):
                    self.tensors[name] = value
                    self.nested_names.add(name)
        self.first_arg = self.arguments.get(traits.first_name)
        if isinstance(self.first_arg, tuple) and traits.first_name == "args":
            self.first_arg = self.first_arg[0] if self.first_arg else None

    def shapes(self) -> dict:
        """`{name}_shape` of each tensor argument but `mask`."""
        out = {}
        for name, value in self.tensors.items():
            if name in ("mask", "args", "kwargs"):
                continue
            out[f"{name}_shape"] = tree.map_structure(_shape_of, value)
        return out


def _shape_of(x):
    if x is None:
        return None
    shape = tuple(x.shape)
    stand_in = current_stand_in()
    if stand_in is not None and shape and shape[0] == stand_in:
        return (None, *shape[1:])
    return shape


def shapes_for(method, spec: CallSpec, class_name: str) -> dict:
    """The shape arguments that a `build` or `compute_output_shape` takes by its signature."""
    parameters = signature_of(method).parameters
    shapes = spec.shapes()
    names = [
        n for n, p in parameters.items()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.POSITIONAL_ONLY, p.KEYWORD_ONLY)
    ]  # fmt: skip
    if len(names) == 1:
        return {names[0]: next(iter(shapes.values()), None)}
    for name in names:
        problem = (
            f"With more than one argument, each argument of `{method.__name__}()` must be named "
            f"after one of `call()`, with the suffix `_shape`. Layer '{class_name}': received "
            f"`{method.__name__}()` argument "
        )
        if not name.endswith("_shape"):
            raise ValueError(f"{problem}`{name}`, which does not end in `_shape`.")
        argument = name.removesuffix("_shape")
        if argument not in spec.arguments:
            raise ValueError(
                f"{problem}`{name}`, but `call()` does not have argument `{argument}`."
            )
    return {n: shapes[n] for n in names if n in shapes}


class CallContext:
    """What outer layer calls hand down: the `training` flag, and arguments that layers registered.

    `handed_down` maps the name of a registered argument to its value; see
    `Layer._register_call_context_args`.
    """

    def __init__(self, entry_layer):
        self.entry_layer = entry_layer
        self.training = None
        self.handed_down: dict = {}

    def hand_down(self, names, spec: CallSpec, unsigned: dict, kwargs: dict) -> dict:
        """Settles registered arguments of one call; `kwargs` with those that `call` takes.

        The caller's value comes first, then the outer layer's, then the default. `unsigned` has
        the caller's values of names that are not in the signature.
        """
        given = {**spec.user_arguments, **unsigned}
        settled = {}
        for name in names:
            value = given[name] if name in given else self.handed_down.get(name)
            if value is None and name not in given:
                value = spec.arguments.get(name)
            settled[name] = value
        self.handed_down = {**self.handed_down, **settled}
        taken = {n: v for n, v in settled.items() if n in spec.names and v is not None}
        return {**kwargs, **taken}


class HandsDown:
    """Part of `Layer`: arguments of a call that reach the layers called inside it."""

    name: str
    _called: bool
    _context_args: tuple = ()

    def _register_call_context_args(self, *names):
        """Arguments that calls of this layer take and hand down to the layers called inside.

        A layer inside gets one when it registered the name too and its `call` has the argument.

        Raises:
            RuntimeError: the layer was called before.
        """
        if self._called:
            raise RuntimeError(
                f"Cannot add call-context args after the layer has been called. Layer: {self.name}"
            )
        known = self._context_args
        object.__setattr__(self, "_context_args", known + tuple(n for n in names if n not in known))

    @property
    def _call_context_args(self) -> set:
        return {"training", *self._context_args}


def current_context() -> CallContext | None:
    """The context of the running layer call on this thread."""
    return getattr(_state, "call_context", None)


def set_context(context: CallContext | None) -> None:
    """Starts or ends a context."""
    _state.call_context = context


class _Described:
    """Shape and dtype of a tensor, or what else was passed, as text without quotes."""

    def __init__(self, x):
        shaped = hasattr(x, "shape") and hasattr(x, "dtype")
        self._text = f"(shape={tuple(x.shape)}, dtype={x.dtype})" if shaped else repr(x)

    def __repr__(self):
        return self._text


def add_note(layer, error, args) -> None:
    """Says in the error which layer was called on what; the innermost layer does so."""
    if not hasattr(error, "add_note") or getattr(error, "_ranvier_layer", False):
        return
    kind = type(layer).__name__
    name = getattr(layer, "name", kind)  # none where `super().__init__()` was forgotten
    described = ", ".join(str(tree.map_structure(_Described, x)) for x in args)
    error.add_note(f"While calling layer '{name}' (of type {kind}) on: {described}")
    try:
        error._ranvier_layer = True
    except AttributeError:
        pass
