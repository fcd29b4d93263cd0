"""The base of all layers: state, and the order of what one call does."""

from __future__ import annotations

import functools
import inspect
import warnings

from ranvier import _backend as B
from ranvier import config as _config
from ranvier import dtype_policies, naming, tracebacks, tree
from ranvier.layers import call_spec as calls
from ranvier.layers import tf_graph
from ranvier.layers.input_spec import assert_input_compatibility
from ranvier.layers.output_spec import OutputSpec
from ranvier.layers.quantization import wrap_quantize
from ranvier.layers.state import LayerState
from ranvier.layers.tracking import UNTRACKED, Tracker
from ranvier.scopes import AutocastScope, current_path, get_autocast_dtype, name_scope
from ranvier.symbolic.host import is_text
from ranvier.symbolic.keras_tensor import KerasTensor, any_symbolic
from ranvier.symbolic.node import Node
from ranvier.symbolic.operation import Operation
from ranvier.symbolic.probe import compute_output_spec
from ranvier.symbolic.remat import get_current_remat_mode, rematerialized_call
from ranvier.variable import Variable, standardize_shape

Tensor = B.Tensor
# What a layer's tracker sorts attributes into, and the attribute that holds each list.
_LISTS = {
    "trainable": "_trainable_variables",
    "non_trainable": "_non_trainable_variables",
    "layers": "_layers",
    "metrics": "_metrics",
    "seed_generators": "_seed_generators",
}


def _wrap_build(build):
    """`build` in the layer's name scope; the outermost one of a class chain finishes the layer."""

    @functools.wraps(build)
    def wrapper(self, *args, **kwargs):
        if self._building:
            return build(self, *args, **kwargs)
        object.__setattr__(self, "_building", True)
        try:
            with self._open_name_scope():
                self._path = current_path()
                build(self, *args, **kwargs)
        finally:
            object.__setattr__(self, "_building", False)
        bound = calls.signature_of(build.__get__(self)).bind(*args, **kwargs)
        self._build_shapes_dict = dict(bound.arguments)
        self.built = True
        self._post_build()
        self._lock_state()
        return None

    wrapper.is_wrapped = True
    return wrapper


class Layer(LayerState, calls.HandsDown, OutputSpec, Operation):
    """A computation with state.

    Subclasses create variables in `build` (or in `__init__`) with `add_weight` and compute in
    `call`.

    Args:
        activity_regularizer: penalty on the outputs.
        trainable: whether its variables are trained.
        dtype: dtype or policy of its computation and its variables.
        autocast: whether float inputs are cast to the compute dtype.
        name: automatic when not given.

    Example:
        >>> class Scale(layers.Layer):
        ...     def build(self, input_shape):
        ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones")
        ...     def call(self, x):
        ...         return x * self.factor
        >>> layer = Scale()
        >>> layer(ops.array([[1.0, 2.0]])).tolist(), len(layer.trainable_weights)
        ([[1.0, 2.0]], 1)
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if cls.__module__.startswith("ranvier.layers."):
            cls._declares_dtype = cls.__dict__.get("_declares_dtype", True)
        for name, wrap in (("build", _wrap_build), ("quantize", wrap_quantize)):
            method = cls.__dict__.get(name)
            if method is not None and not getattr(method, "is_wrapped", False):
                setattr(cls, name, wrap(method))

    def __new__(cls, *args, **kwargs):
        instance = super().__new__(cls, *args, **kwargs)
        object.__setattr__(instance, "_building", False)
        object.__setattr__(instance, "_quantizing", False)
        instance._start_tracking()
        return instance

    def __init__(
        self,
        *,
        activity_regularizer=None,
        trainable=True,
        dtype=None,
        autocast=True,
        name=None,
        **kwargs,
    ):
        super().__init__(name=name)
        if activity_regularizer is not None:
            from ranvier import regularizers

            activity_regularizer = regularizers.get(activity_regularizer)
        self.activity_regularizer = activity_regularizer
        input_dim = kwargs.pop("input_dim", None)
        shape = kwargs.pop("input_shape", None) or ((input_dim,) if input_dim is not None else None)
        if shape is not None:
            warnings.warn(
                "Do not pass an `input_shape`/`input_dim` argument to a layer. When using "
                "Sequential models, prefer using an `Input(shape)` object as the first layer in "
                "the model instead.",
                stacklevel=2,
            )
            self._input_shape_arg = standardize_shape(shape)
        if kwargs:
            raise ValueError(
                f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}."
                f"{naming.similar_arguments(type(self), kwargs)}"
            )
        self._path = None
        self.built = False
        self.autocast = autocast
        self._input_spec = None
        self._called = False
        self.supports_jit = True
        self._supports_masking = "compute_mask" in _defined_by_subclass(type(self))
        if not isinstance(trainable, bool):
            raise ValueError(
                "Expected `trainable` to be a boolean. Received: "
                f"trainable={trainable} (of type {type(trainable)})"
            )
        self._trainable = trainable
        self._losses: list = []
        self._loss_ids: set = set()
        self._losses_override: list = []
        self._build_shapes_dict = None
        self._convert_input_args = True
        self._allow_non_tensor_positional_args = False
        self._takes_lists = False  # of numbers, for an array
        self._dtype_policy = dtype_policies.get(dtype)
        self._remat_mode = get_current_remat_mode()

    __init__.is_base = True  # type: ignore[attr-defined]

    def _start_tracking(self):
        lists = {}
        for name, attribute in _LISTS.items():
            lists[name] = []
            object.__setattr__(self, attribute, lists[name])
        object.__setattr__(self, "_tracker", Tracker(lists))

    def __setattr__(self, name, value):
        # What an attribute held before stays part of the layer, as in Keras; `del` takes it out.
        tracker = self.__dict__.get("_tracker")
        if tracker is not None and name not in UNTRACKED:
            value = tracker.track(value)
        super().__setattr__(name, value)

    def __delattr__(self, name):
        tracker = self.__dict__.get("_tracker")
        if tracker is not None and isinstance(self.__dict__.get(name), Variable):
            tracker.forget(self.__dict__[name])
        super().__delattr__(name)

    # -- building

    def build(self, input_shape):
        """Creates the state for an input shape. Subclasses override it."""
        self._check_super_called()
        if _unbuilt(self) and getattr(type(self).build, "is_default", False):
            warnings.warn(
                f"`build()` was called on layer '{self.name}', however the layer does not have a "
                "`build()` method implemented and it looks like it has unbuilt state.",
                stacklevel=2,
            )
        self.built = True

    build.is_default = True  # type: ignore[attr-defined]

    def _build_at_init(self):
        """Marks a layer without state as built, unless a subclass has a `build` of its own."""
        if getattr(type(self).build, "is_default", False):
            self.built = True
            self._post_build()

    def _post_build(self):
        """Hook for base classes, after `build`."""

    def _lock_state(self):
        tracker = self._tracker
        if tracker is not None:
            tracker.lock(
                "You cannot add new elements of state (variables or sub-layers) to a layer that is "
                f"already built. All state must be created in the `__init__()` method or in the "
                f"`build()` method. Layer: '{self.name}'."
            )

    # -- calling, in Keras' order

    # TensorFlow leaves functions alone that have it, instead of rewriting their source.
    autograph_info__ = None

    def __call__(self, *args, **kwargs):
        if tf_graph.in_graph(args, kwargs):
            return tf_graph.call(self, args, kwargs)
        try:
            return self._checked_call(args, kwargs)
        except Exception as error:
            calls.add_note(self, error, args)
            raise tracebacks.filtered(error)  # noqa: B904 - the same error, with its own cause

    def _checked_call(self, args, kwargs):
        self._check_super_called()
        if not self._called:
            self._called = True
        symbolic = any_symbolic(args, kwargs)
        original = args, kwargs
        args, kwargs = self._convert_arguments(args, kwargs)
        self._check_positional(args)
        traits = self._call_traits
        unsigned = {}
        for name in self._context_args:
            if name in kwargs and name not in traits.names:
                unsigned[name] = kwargs.pop(name)
        spec = calls.CallSpec(traits, args, kwargs)
        self._assert_input_compatibility(spec.first_arg)
        if not self.built:
            with self._open_name_scope():
                self._maybe_build(spec)
        context = calls.current_context()
        entry = context is None
        if entry:
            context = calls.CallContext(self)
            calls.set_context(context)
            self._clear_losses()
        outer_training, outer_values = context.training, context.handed_down
        try:
            if self._context_args:
                kwargs = context.hand_down(self._context_args, spec, unsigned, kwargs)
            kwargs = self._resolve_training(traits, spec, context, kwargs, symbolic)
            previous_mask = self._fill_masks(traits, spec, kwargs)
            outputs = self._run_call(args, kwargs, symbolic)
            self._hand_on_masks(spec.first_arg, outputs, previous_mask)
        finally:
            context.training, context.handed_down = outer_training, outer_values
            if entry:
                calls.set_context(None)
        if symbolic:
            # As in Keras' files, the filled-in mask and training flag are part of the node, unless
            # an argument was converted.
            filled = ("mask", "training") if args is original[0] else ()
            added = {k: kwargs[k] for k in filled if k in kwargs}
            Node(self, original[0], {**added, **original[1]}, outputs)
        return outputs

    @functools.cached_property
    def _call_traits(self):
        return calls.CallTraits(self.call)

    @property
    def _call_has_training_arg(self) -> bool:
        return self._call_traits.has_training

    def _convert_arguments(self, args, kwargs):
        if self._takes_lists and args and isinstance(args[0], (list, tuple)):
            first = self.dtype_policy.convert_input(args[0], self.autocast, self.input_dtype)
            args = (first, *args[1:])
        if not self._convert_input_args:
            return args, dict(kwargs)
        dtype = self.input_dtype
        if not kwargs and len(args) == 1:
            x = args[0]
            if isinstance(x, (Tensor, KerasTensor)) and x.dtype == dtype:
                return args, {}

        def convert(x):
            if x is None or isinstance(x, (bool, str)) or not _convertible(x) or is_text(x):
                return x
            mask = getattr(x, "_keras_mask", None)
            autocast = self.autocast and dtype != "string"
            y = self.dtype_policy.convert_input(x, autocast, dtype)
            if mask is not None and y is not x:
                y._keras_mask = mask
            return y

        return tree.map_structure(convert, args), {
            k: tree.map_structure(convert, v) for k, v in kwargs.items()
        }

    def _check_positional(self, args):
        if self._allow_non_tensor_positional_args:
            return
        for x in args:
            if isinstance(x, Tensor):
                continue
            for leaf in tree.flatten(x):
                if leaf is not None and not calls.is_tensor(leaf):
                    raise ValueError(
                        "Only input tensors may be passed as positional arguments. The following "
                        f"argument value should be passed as a keyword argument: {leaf} (of type "
                        f"{type(leaf)})"
                    )

    def _assert_input_compatibility(self, first_arg):
        if self._input_spec is not None:
            assert_input_compatibility(self._input_spec, first_arg, self.name)

    def _maybe_build(self, spec):
        if not getattr(type(self).build, "is_default", False):
            self.build(**calls.shapes_for(self.build, spec, type(self).__name__))
            return
        if _unbuilt(self):
            arguments = tree.map_structure(_as_symbolic, spec.arguments)
            varargs = arguments.pop("args", ()) if "args" in self._call_traits.names else ()
            extra = arguments.pop("kwargs", {}) if self._call_traits.has_kwargs else {}
            compute_output_spec(self.call, *varargs, **arguments, **extra)
        self.build(next(iter(spec.shapes().values()), None))

    def _resolve_training(self, traits, spec, context, kwargs, symbolic):
        given = "training" in kwargs
        value = kwargs.pop("training", None)
        if value is None:
            value = spec.user_arguments.get("training")
        if value is None:
            value = context.training
        default = traits.training_default
        unsaid = "training" not in spec.user_arguments
        if value is None and unsaid and default is not inspect.Parameter.empty:
            value = default
        if traits.has_training:
            if value is not None or given:
                kwargs["training"] = value
                if (
                    spec.user_arguments.get("training") is None
                    and "training" in spec.user_arguments
                ):
                    spec.arguments["training"] = value
        elif traits.has_kwargs and "training" in spec.user_arguments.get("kwargs", {}):
            kwargs["training"] = value
        context.training = value
        return kwargs

    def _fill_masks(self, traits, spec, kwargs):
        tensors = spec.tensors
        if len(tensors) == 1:
            if traits.has_mask and spec.arguments.get("mask") is None:
                only = next(iter(tensors.values()))
                kwargs["mask"] = _mask_of(only)
        else:
            for name, value in tensors.items():
                key = f"{name}_mask"
                if key in traits.names and spec.arguments.get(key) is None:
                    kwargs[key] = _mask_of(value)
        given = kwargs.get("mask")
        return given if given is not None else _mask_of(spec.first_arg)

    def _run_call(self, args, kwargs, symbolic):
        scope = self._autocast_scope()
        site = B.core.set_site(self._path or self.name) if B.tracing() else None
        try:
            with self._open_name_scope():
                if symbolic:
                    outputs = self._in_scope(scope, self.compute_output_spec, args, kwargs)
                else:
                    call = self.call
                    if self._remat_mode is not None:
                        call = rematerialized_call(self, call, args, kwargs)
                    outputs = self._in_scope(scope, call, args, kwargs)
        finally:
            if site is not None:
                B.core.restore_site(site)
        if not self.built:
            self.built = True
        if self.activity_regularizer is not None:
            self._add_activity_loss(outputs)
        return outputs

    @staticmethod
    def _in_scope(scope, fn, args, kwargs):
        if scope is None:
            return fn(*args, **kwargs)
        with scope:
            return fn(*args, **kwargs)

    def _autocast_scope(self):
        compute = self.compute_dtype
        current = get_autocast_dtype()
        if current is not None:
            if not self.autocast or not _config.is_float_dtype(compute):
                return AutocastScope(None)
            return AutocastScope(compute) if current != compute else None
        if compute != self.variable_dtype and _config.is_float_dtype(compute):
            return AutocastScope(compute)
        return None

    def _hand_on_masks(self, inputs, outputs, previous_mask):
        if previous_mask is None:
            masked = False
        else:
            masked = any(m is not None for m in tree.flatten(previous_mask))
        if not self.supports_masking:
            if masked:
                warnings.warn(
                    f"Layer '{self.name}' (of type {type(self).__name__}) was passed an input "
                    "with a mask attached to it. However, this layer does not support masking and "
                    "will therefore destroy the mask information. Downstream layers will not see "
                    "the mask.",
                    stacklevel=3,
                )
            return
        if not masked and not self._makes_masks:
            return
        flat = [x for x in tree.flatten(outputs) if x is not None]
        if all(getattr(x, "_keras_mask", None) is not None for x in flat):
            return
        masks = self.compute_mask(inputs, previous_mask)
        if masks is None:
            return
        for x, mask in zip(flat, tree.flatten(masks)):
            if mask is not None and getattr(x, "_keras_mask", None) is None:
                x._keras_mask = mask

    @functools.cached_property
    def _makes_masks(self):
        return type(self).compute_mask is not Layer.compute_mask

    def compute_mask(self, inputs, previous_mask):
        """The outputs' mask; the inputs' by default."""
        return previous_mask

    def call(self, *args, **kwargs):
        """What the layer computes. Subclasses override it."""
        raise NotImplementedError(
            f"Layer {type(self).__name__} does not have a `call` method implemented."
        )

    call.is_default = True  # type: ignore[attr-defined]

    # -- details

    def get_config(self) -> dict:
        """Constructor arguments that every layer has (and those of a simple subclass)."""
        self._check_super_called()
        config = {
            "trainable": self.trainable,
            "dtype": dtype_policies.serialize(self._dtype_policy),
        }
        if self.activity_regularizer is not None:
            from ranvier import regularizers

            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return {**super().get_config(), **config}

    get_config.is_base = True  # type: ignore[attr-defined]

    def _flatten_layers(self, include_self=True, recursive=True):
        """The layers below this one, depth first; those of a layer in reverse, as in Keras."""
        found = [self] if include_self else []
        queue = list(self._layers)
        seen = {id(self)}
        while queue:
            layer = queue.pop(0)
            if id(layer) in seen:
                continue
            seen.add(id(layer))
            found.append(layer)
            if recursive:
                queue = [*reversed(layer._layers), *queue]
        return found

    def _open_name_scope(self):
        """The scope of the layer's names: where it was built first, wherever it is called later."""
        parent = None if self._path is None else self._path.rpartition("/")[0]
        return name_scope(self.name, caller=self, override_parent=parent)

    def _check_super_called(self):
        if "_remat_mode" not in self.__dict__:
            raise RuntimeError(
                f"In layer '{type(self).__name__}', you forgot to call `super().__init__()` as "
                "the first statement in the `__init__()` method. Go add it!"
            )

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


Layer.build = _wrap_build(Layer.build)  # type: ignore[method-assign]


def _defined_by_subclass(cls):
    names = set()
    for base in cls.__mro__:
        if base is Layer:
            break
        names.update(base.__dict__)
    return names


def _unbuilt(layer):
    return any(not sub.built for sub in layer._layers)


def _convertible(x):
    return isinstance(x, calls.TENSORS) or hasattr(x, "__array__")


def _mask_of(value):
    if isinstance(value, (list, tuple, dict)):
        return tree.map_structure(lambda x: getattr(x, "_keras_mask", None), value)
    return getattr(value, "_keras_mask", None)


def _as_symbolic(x):
    return KerasTensor(x.shape, dtype=x.dtype) if isinstance(x, (Tensor, Variable)) else x
