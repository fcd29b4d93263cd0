"""The base of all layers: state, and the order of what one call does."""

from __future__ import annotations

import functools
import inspect
import warnings

from ranvier import _backend as B
from ranvier import config as _config
from ranvier import dtype_policies, tree
from ranvier.layers import call_spec as calls
from ranvier.layers.input_spec import InputSpec, assert_input_compatibility
from ranvier.layers.tracking import Tracker
from ranvier.symbolic.keras_tensor import KerasTensor, any_symbolic
from ranvier.symbolic.node import Node
from ranvier.symbolic.operation import Operation
from ranvier.symbolic.probe import compute_output_spec
from ranvier.variable import (
    AutocastScope,
    StatelessScope,
    Variable,
    bump_structure,
    current_path,
    get_autocast_dtype,
    get_stateless_scope,
    in_stateless_scope,
    in_symbolic_scope,
    name_scope,
)

Tensor = B.Tensor
_LISTS = ("trainable", "non_trainable", "layers", "metrics", "seed_generators")


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


class Layer(Operation):
    """A computation with state.

    Subclasses create variables in `build` (or in `__init__`) with `add_weight` and compute in `call`.

    Args:
        activity_regularizer: penalty on the outputs.
        trainable: whether its variables are trained.
        dtype: dtype or policy of its computation and its variables.
        autocast: whether float inputs are cast to the compute dtype.
        name: automatic when not given.
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        build = cls.__dict__.get("build")
        if build is not None and not getattr(build, "is_wrapped", False):
            cls.build = _wrap_build(build)

    def __new__(cls, *args, **kwargs):
        instance = super().__new__(cls, *args, **kwargs)
        object.__setattr__(instance, "_building", False)
        return instance

    def __init__(self, *, activity_regularizer=None, trainable=True, dtype=None, autocast=True, name=None, **kwargs):  # fmt: skip
        object.__setattr__(self, "_tracker", None)
        super().__init__(name=name)
        if activity_regularizer is not None:
            from ranvier import regularizers

            activity_regularizer = regularizers.get(activity_regularizer)
        self.activity_regularizer = activity_regularizer
        input_dim = kwargs.pop("input_dim", None)
        shape = kwargs.pop("input_shape", None) or ((input_dim,) if input_dim is not None else None)
        if shape is not None:
            warnings.warn(
                "Do not pass an `input_shape`/`input_dim` argument to a layer. When using Sequential "
                "models, prefer using an `Input(shape)` object as the first layer in the model instead.",
                stacklevel=2,
            )
            self._input_shape_arg = tuple(shape)
        if kwargs:
            raise ValueError(
                f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}"
            )
        self._path = None
        self.built = False
        self.autocast = autocast
        self._input_spec = None
        self._called = False
        self.supports_jit = True
        self._supports_masking = "compute_mask" in _defined_by_subclass(type(self))
        self._trainable = bool(trainable)
        self._losses: list = []
        self._loss_ids: set = set()
        self._losses_override: list = []
        self._build_shapes_dict = None
        self._convert_input_args = True
        self._allow_non_tensor_positional_args = False
        self._dtype_policy = dtype_policies.get(dtype)
        self._start_tracking()

    __init__.is_base = True

    def _start_tracking(self):
        lists = {}
        for name in _LISTS:
            attribute = {"trainable": "_trainable_variables", "non_trainable": "_non_trainable_variables"}
            lists[name] = []
            object.__setattr__(self, attribute.get(name, f"_{name}"), lists[name])
        object.__setattr__(self, "_tracker", Tracker(lists))

    def __setattr__(self, name, value):
        tracker = self.__dict__.get("_tracker")
        if tracker is not None:
            old = self.__dict__.get(name)
            if old is not None and old is not value and name != "_tracker" and not name.startswith("_build_"):
                if _may_hold_state(old):
                    tracker.forget(old)
            if name not in _UNTRACKED:
                value = tracker.track(value)
        elif name != "_tracker" and "_tracker" not in self.__dict__ and _is_state(value):
            raise RuntimeError(
                f"In layer '{type(self).__name__}', you forgot to call `super().__init__()` as the "
                "first statement in the `__init__()` method. Go add it!"
            )
        super().__setattr__(name, value)

    def __delattr__(self, name):
        tracker = self.__dict__.get("_tracker")
        if tracker is not None and name in self.__dict__:
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

    build.is_default = True

    def _post_build(self):
        """Hook for base classes, after `build`."""

    def _lock_state(self):
        tracker = self._tracker
        if tracker is not None:
            tracker.locked = True
            tracker.message = (
                "You cannot add new elements of state (variables or sub-layers) to a layer that is "
                f"already built. All state must be created in the `__init__()` method or in the "
                f"`build()` method. Layer: '{self.name}'."
            )

    def get_build_config(self):
        """What `build_from_config` needs to make the state again."""
        shapes = self._build_shapes_dict
        if shapes is None:
            return None
        if len(shapes) == 1:
            return {"input_shape": next(iter(shapes.values()))}
        return {"shapes_dict": shapes}

    def build_from_config(self, config):
        """Makes the state from `get_build_config`'s dict."""
        if not config:
            return
        if "input_shape" in config:
            shape = config["input_shape"]
            self.build(tuple(shape) if tree.is_shape_tuple(shape) else _as_shapes(shape))
        elif "shapes_dict" in config:
            self.build(**{k: _as_shapes(v) for k, v in config["shapes_dict"].items()})

    def add_weight(self, shape=None, initializer=None, dtype=None, trainable=True, autocast=True,
                   regularizer=None, constraint=None, aggregation="none",
                   overwrite_with_gradient=False, name=None):  # fmt: skip
        """Creates a variable of the layer.

        Args:
            shape: sizes; `()` by default.
            initializer: name, object or function; "glorot_uniform" for floats, "zeros" else.
            dtype: the policy's variable dtype by default.
            trainable: whether the optimizer changes it.
            autocast: whether reads follow the compute dtype.
            regularizer, constraint: penalty and projection.
            aggregation, overwrite_with_gradient: see `Variable`.
            name: last element of its path.
        """
        from ranvier import initializers

        self._check_super_called()
        dtype = _config.standardize_dtype(dtype) if dtype is not None else self.variable_dtype
        if initializer is None:
            initializer = "glorot_uniform" if _config.is_float_dtype(dtype) else "zeros"
        initializer = initializers.get(initializer)
        with self._open_name_scope():
            variable = Variable(
                initializer, shape=() if shape is None else shape, dtype=dtype, trainable=trainable,
                autocast=autocast, aggregation=aggregation, name=name,
            )  # fmt: skip
        if regularizer is not None:
            from ranvier import regularizers

            variable.regularizer = regularizers.get(regularizer)
        if constraint is not None:
            from ranvier import constraints

            variable.constraint = constraints.get(constraint)
        if overwrite_with_gradient:
            variable.overwrite_with_gradient = True
        self._tracker.add("trainable" if trainable else "non_trainable", variable)
        return variable

    add_variable = add_weight

    # -- properties of the state

    @property
    def path(self):
        """Name scopes and name; known once built."""
        return self._path

    @property
    def input_spec(self):
        """`InputSpec` or structure of them."""
        return self._input_spec

    @input_spec.setter
    def input_spec(self, value):
        for spec in tree.flatten(value):
            if spec is not None and not isinstance(spec, InputSpec):
                raise TypeError(f"Layer input_spec must be an instance of InputSpec. Got: {spec}")
        self._input_spec = value

    @property
    def supports_masking(self) -> bool:
        """Whether the layer passes masks on."""
        return self._supports_masking

    @supports_masking.setter
    def supports_masking(self, value):
        self._supports_masking = value

    @property
    def trainable(self) -> bool:
        """Whether its variables are trained; setting it reaches all sublayers."""
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        value = bool(value)
        self._trainable = value
        for v in self._trainable_variables:
            v.trainable = value
        for layer in self._layers:
            layer.trainable = value
        bump_structure()

    @property
    def variables(self) -> list:
        """All variables, those of seed generators included."""
        found = self._collect(lambda layer: layer.variables)
        own = len(self._trainable_variables) + len(self._non_trainable_variables)
        seeds = [g.state for g in self._seed_generators]
        return _distinct(found[:own] + seeds + found[own:])

    @property
    def weights(self) -> list:
        """Variables of the layer and its sublayers, without seeds and metrics."""
        return _distinct(self._collect(lambda layer: layer.weights))

    def _collect(self, of):
        found = [*self._trainable_variables, *self._non_trainable_variables]
        for layer in self._layers:
            found.extend(of(layer))
        return found

    @property
    def trainable_variables(self) -> list:
        """Variables that are trained."""
        return [v for v in self.variables if v.trainable] if self.trainable else []

    @property
    def non_trainable_variables(self) -> list:
        """Variables that are not trained."""
        return [v for v in self.variables if not v.trainable] if self.trainable else self.variables

    @property
    def trainable_weights(self) -> list:
        """Weights that are trained."""
        return [v for v in self.weights if v.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list:
        """Weights that are not trained."""
        return [v for v in self.weights if not v.trainable] if self.trainable else self.weights

    @property
    def metrics(self) -> list:
        """Metrics of the layer and its sublayers."""
        found = list(self._metrics)
        for layer in self._layers:
            found.extend(layer.metrics)
        return found

    @property
    def metrics_variables(self) -> list:
        """Variables of `metrics`."""
        return [v for m in self.metrics for v in m.variables]

    def get_weights(self) -> list:
        """Copies of the weights as NumPy arrays."""
        return [v.numpy().copy() for v in self.weights]

    def set_weights(self, weights) -> None:
        """Assigns a list of arrays in the order of `get_weights`."""
        own = self.weights
        if len(own) != len(weights):
            raise ValueError(
                f"You called `set_weights(weights)` on layer '{self.name}' with a weight list of length "
                f"{len(weights)}, but the layer was expecting {len(own)} weights."
            )
        for variable, value in zip(own, weights):
            if tuple(variable.shape) != tuple(getattr(value, "shape", ())):
                raise B.ShapeError(
                    f"Layer {self.name} weight shape {variable.shape} is not compatible with provided "
                    f"weight shape {tuple(getattr(value, 'shape', ()))}."
                )
        for variable, value in zip(own, weights):
            variable.assign(value)

    def count_params(self) -> int:
        """Number of elements of all weights."""
        if not self.built:
            raise ValueError(
                f"You tried to call `count_params` on layer '{self.name}', but the layer isn't built. "
                f"You can build it manually via: `layer.build(input_shape)`."
            )
        return sum(v.size for v in self.weights)

    # -- dtypes

    @property
    def dtype_policy(self):
        """The layer's dtype policy."""
        policy = self._dtype_policy
        if isinstance(policy, dtype_policies.DTypePolicyMap):
            return policy[self.path] if self.path else policy.default_policy
        return policy

    @dtype_policy.setter
    def dtype_policy(self, value):
        self._dtype_policy = dtype_policies.get(value)
        bump_structure()

    @property
    def dtype(self) -> str:
        """Dtype of the weights."""
        return self.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """Dtype of the computation."""
        return self.dtype_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """Dtype of the weights."""
        return self.dtype_policy.variable_dtype

    @property
    def input_dtype(self) -> str:
        """Dtype that float inputs are cast to."""
        return self.dtype_policy.compute_dtype

    @property
    def quantization_mode(self):
        """`None`: not quantized."""
        return self.dtype_policy.quantization_mode

    def quantize(self, mode=None, type_check=True, config=None):
        """Quantized weight forms."""
        raise NotImplementedError(
            f"Layer {type(self).__name__} cannot be quantized: quantized weight forms are to come."
        )

    # -- calling, in Keras' order

    def __call__(self, *args, **kwargs):
        self._check_super_called()
        self._called = True
        symbolic = any_symbolic(args, kwargs)
        original = args, kwargs
        args, kwargs = self._convert_arguments(args, kwargs)
        self._check_positional(args)
        traits = self._call_traits
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
        outer_training = context.training
        try:
            kwargs = self._resolve_training(traits, spec, context, kwargs, symbolic)
            previous_mask = self._fill_masks(traits, spec, kwargs)
            outputs = self._run_call(args, kwargs, symbolic)
            self._hand_on_masks(spec.first_arg, outputs, previous_mask)
        finally:
            context.training = outer_training
            if entry:
                calls.set_context(None)
        if symbolic:
            # The filled-in mask and training flag are part of the node, as in Keras' files.
            added = {k: v for k, v in kwargs.items() if k in ("mask", "training") or k.endswith("_mask")}
            Node(self, original[0], {**added, **original[1]}, outputs)
        return outputs

    @property
    def _call_traits(self):
        traits = self.__dict__.get("_traits")
        if traits is None:
            traits = calls.CallTraits(self.call)
            object.__setattr__(self, "_traits", traits)
        return traits

    @property
    def _call_has_training_arg(self) -> bool:
        return self._call_traits.has_training

    def _convert_arguments(self, args, kwargs):
        if not self._convert_input_args:
            return args, dict(kwargs)
        dtype = self.input_dtype
        if not kwargs and len(args) == 1:
            x = args[0]
            if isinstance(x, (Tensor, KerasTensor)) and x.dtype == dtype:
                return args, {}

        def convert(x):
            if x is None or isinstance(x, (bool, str)) or not _convertible(x):
                return x
            mask = getattr(x, "_keras_mask", None)
            y = self.dtype_policy.convert_input(x, self.autocast, dtype)
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
                if leaf is not None and not isinstance(leaf, calls.TENSORS):
                    raise ValueError(
                        "Only input tensors may be passed as positional arguments. The following "
                        f"argument value should be passed as a keyword argument: {leaf} (of type "
                        f"{type(leaf)})"
                    )

    def _assert_input_compatibility(self, first_arg):
        if self._input_spec is not None:
            assert_input_compatibility(self._input_spec, first_arg, self.name)

    def _maybe_build(self, spec):
        shapes = spec.shapes()
        if not getattr(type(self).build, "is_default", False):
            self.build(**calls.shapes_for(self.build, shapes, type(self).__name__))
            return
        if _unbuilt(self):
            arguments = tree.map_structure(_as_symbolic, spec.arguments)
            varargs = arguments.pop("args", ()) if "args" in self._call_traits.names else ()
            extra = arguments.pop("kwargs", {}) if self._call_traits.has_kwargs else {}
            compute_output_spec(self.call, *varargs, **arguments, **extra)
        first = next(iter(shapes.values()), None)
        self.build(first)

    def _resolve_training(self, traits, spec, context, kwargs, symbolic):
        value = kwargs.pop("training", None)
        if value is None:
            value = spec.user_arguments.get("training")
        if value is None:
            value = context.training
        default = traits.training_default
        if value is None and traits.has_training and default is not inspect.Parameter.empty:
            value = default
        if traits.has_training:
            if value is not None:
                kwargs["training"] = value
                if spec.user_arguments.get("training") is None and "training" in spec.user_arguments:
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
                    outputs = self._in_scope(scope, self.call, args, kwargs)
        except Exception as error:
            self._add_note(error, args)
            raise
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

    def _add_note(self, error, args):
        if not hasattr(error, "add_note") or getattr(error, "_ranvier_layer", False):
            return
        shapes = tree.map_structure(
            lambda x: f"shape={tuple(x.shape)}, dtype={x.dtype}" if hasattr(x, "shape") else repr(x), args
        )
        error.add_note(f"While calling layer '{self.name}' (of type {type(self).__name__}) on: {shapes}")
        try:
            error._ranvier_layer = True
        except AttributeError:
            pass

    def _add_activity_loss(self, outputs):
        from ranvier import ops

        for output in tree.flatten(outputs):
            if isinstance(output, Tensor):
                loss = self.activity_regularizer(output)
                if output.ndim > 0:
                    loss = ops.divide_no_nan(loss, ops.cast(float(output.shape[0]), loss.dtype))
                self.add_loss(loss)

    def _hand_on_masks(self, inputs, outputs, previous_mask):
        if previous_mask is None:
            masked = False
        else:
            masked = any(m is not None for m in tree.flatten(previous_mask))
        if not self.supports_masking:
            if masked:
                warnings.warn(
                    f"Layer '{self.name}' (of type {type(self).__name__}) was passed an input with a mask "
                    "attached to it. However, this layer does not support masking and will therefore "
                    "destroy the mask information. Downstream layers will not see the mask.",
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
            f"Layer {type(self).__name__} does not have a `call()` method implemented."
        )

    def symbolic_call(self, *args, **kwargs):
        """The call on symbolic tensors, without a node."""
        return self.compute_output_spec(*args, **kwargs)

    def compute_output_spec(self, *args, **kwargs):
        """Shapes and dtypes of the outputs for symbolic inputs, by running `call` for shapes."""
        if type(self).compute_output_shape is not Layer.compute_output_shape and _is_foreign(self):
            return self._spec_from_shape_method(args, kwargs)
        return compute_output_spec(self.call, *args, **kwargs)

    def _spec_from_shape_method(self, args, kwargs):
        spec = calls.CallSpec(self._call_traits, args, kwargs)
        shapes = calls.shapes_for(self.compute_output_shape, spec.shapes(), type(self).__name__)
        out = self.compute_output_shape(**shapes)
        return tree.map_shape_structure(lambda s: KerasTensor(s, dtype=self.compute_dtype), out)

    def compute_output_shape(self, *args, **kwargs):
        """Output shapes for input shapes; has no effect on the layer."""
        layer = self
        if not self.built and self._can_be_cloned():
            layer = type(self).from_config(self.get_config())
        make = functools.partial(
            tree.map_shape_structure, lambda s: KerasTensor(s, dtype=self.input_dtype)
        )
        symbols = [make(s) for s in args]
        named = {k.removesuffix("_shape"): make(s) for k, s in kwargs.items()}
        if "input" in named and "input" not in layer._call_traits.names:
            symbols.append(named.pop("input"))
        spec = layer.symbolic_probe(*symbols, **named)
        return tree.map_structure(lambda x: x.shape, spec)

    def symbolic_probe(self, *args, **kwargs):
        """Builds if needed, then infers outputs without adding a node."""
        if not self.built:
            with self._open_name_scope():
                self._maybe_build(calls.CallSpec(self._call_traits, args, kwargs))
        return self.compute_output_spec(*args, **kwargs)

    def _can_be_cloned(self):
        try:
            self.get_config()
        except NotImplementedError:
            return False
        return True

    # -- stateless

    def stateless_call(self, trainable_variables, non_trainable_variables, *args, return_losses=False, **kwargs):  # fmt: skip
        """The call with given values of the variables.

        Returns `(outputs, non_trainable_variables)`, and the losses with `return_losses`.
        """
        self._check_super_called()
        if not self.built:
            raise ValueError(
                f"To call stateless_call, {type(self).__name__} must be built (i.e. its variables must "
                "have been already created). You can build it by calling it on some data."
            )
        pairs = []
        for kind, own, values in (
            ("trainable", self.trainable_variables, trainable_variables),
            ("non_trainable", self.non_trainable_variables, non_trainable_variables),
        ):
            values = list(values)
            if len(values) != len(own):
                raise ValueError(
                    f"Argument `{kind}_variables` must be a list of tensors corresponding 1:1 to "
                    f"{type(self).__name__}().{kind}_variables. Received list with length {len(values)}, "
                    f"but expected {len(own)} variables."
                )
            pairs += zip(own, values)
        losses = None
        with StatelessScope(state_mapping=pairs, collect_losses=return_losses) as scope:
            outputs = self(*args, **kwargs)
            if return_losses:
                losses = self.losses
        after = []
        for v in self.non_trainable_variables:
            value = scope.get_current_value(v)
            after.append(v.handle.read() if value is None else value)
        return (outputs, after, losses) if return_losses else (outputs, after)

    # -- losses

    def add_loss(self, loss) -> None:
        """Adds scalar losses computed inside `call`."""
        if in_symbolic_scope():
            return
        for x in tree.flatten(loss):
            if not isinstance(x, Tensor):
                raise ValueError(
                    "`add_loss()` can only be called from inside `build()` or `call()`, on a tensor "
                    f"input. Received invalid value: {x}"
                )
            scope = get_stateless_scope() if in_stateless_scope() else None
            if scope is not None and scope.collect_losses:
                scope.add_loss(x)
                self._loss_ids.add(id(x))
            else:
                self._losses.append(x)

    @property
    def losses(self) -> list:
        """Losses of the last call and the weights' penalties."""
        if self._losses_override:
            return self._losses_override
        found = list(self._own_losses())
        for layer in self._flatten_layers(include_self=False):
            found.extend(layer._own_losses())
        for v in self.trainable_weights:
            if v.regularizer is not None:
                found.append(v.regularizer(v))
        return found

    def _own_losses(self):
        scope = get_stateless_scope() if in_stateless_scope() else None
        if scope is not None and scope.collect_losses:
            return [x for x in scope.losses if id(x) in self._loss_ids]
        return self._losses[:]

    def _clear_losses(self):
        self._losses.clear()
        self._loss_ids.clear()
        for layer in self._layers:
            layer._clear_losses()

    # -- files

    def save_own_variables(self, store) -> None:
        """Writes the layer's own variables under "0", "1", …"""
        for i, v in enumerate([*self._trainable_variables, *self._non_trainable_variables]):
            store[f"{i}"] = v

    def load_own_variables(self, store) -> None:
        """Reads what `save_own_variables` wrote."""
        own = [*self._trainable_variables, *self._non_trainable_variables]
        if len(store.keys()) != len(own):
            hint = "" if own or self.built else " The layer was never built; build it first."
            raise ValueError(
                f"Layer '{self.name}' expected {len(own)} variables, but received {len(store.keys())} "
                f"variables during loading.{hint} Expected: {[v.name for v in own]}"
            )
        for i, v in enumerate(own):
            v.assign(store[f"{i}"])

    def get_config(self) -> dict:
        """Constructor arguments that every layer has (and those of a simple subclass)."""
        self._check_super_called()
        config = {"trainable": self.trainable, "dtype": dtype_policies.serialize(self._dtype_policy)}
        if self.activity_regularizer is not None:
            from ranvier import regularizers

            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return {**super().get_config(), **config}

    get_config.is_base = True

    # -- details

    def _flatten_layers(self, include_self=True, recursive=True):
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
                queue = list(layer._layers) + queue
        return found

    def _open_name_scope(self):
        return name_scope(self.name, caller=self)

    def _check_super_called(self):
        if "_tracker" not in self.__dict__:
            raise RuntimeError(
                f"In layer '{type(self).__name__}', you forgot to call `super().__init__()` as the first "
                "statement in the `__init__()` method. Go add it!"
            )

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


Layer.build = _wrap_build(Layer.build)

_UNTRACKED = {"_tracker", "_losses", "_loss_ids", "_build_shapes_dict", "_inbound_nodes", "_outbound_nodes",
              "_losses_override", "_trainable_variables", "_non_trainable_variables", "_layers", "_metrics",
              "_seed_generators", "_input_spec", "_loss_tracker", "_compile_metrics", "_compile_loss",
              "_compile_config", "_functions", "_predict_fast", "optimizer", "loss"}  # fmt: skip


def _defined_by_subclass(cls):
    names = set()
    for base in cls.__mro__:
        if base is Layer:
            break
        names.update(base.__dict__)
    return names


def _is_state(value):
    return isinstance(value, (Variable, Layer))


def _may_hold_state(value):
    return isinstance(value, (Variable, Operation, list, tuple, dict)) or hasattr(value, "update_state")


def _is_foreign(layer):
    return not type(layer).compute_output_shape.__module__.startswith(__name__.partition(".")[0] + ".")


def _unbuilt(layer):
    return any(not sub.built for sub in layer._layers)


def _distinct(variables):
    seen, out = set(), []
    for v in variables:
        if id(v) not in seen:
            seen.add(id(v))
            out.append(v)
    return out


def _convertible(x):
    return isinstance(x, calls.TENSORS) or hasattr(x, "__array__") or isinstance(x, (int, float))


def _mask_of(value):
    if isinstance(value, (list, tuple, dict)):
        return tree.map_structure(lambda x: getattr(x, "_keras_mask", None), value)
    return getattr(value, "_keras_mask", None)


def _as_symbolic(x):
    return KerasTensor(x.shape, dtype=x.dtype) if isinstance(x, (Tensor, Variable)) else x


def _as_shapes(value):
    return tree.map_shape_structure(lambda s: s, value) if value is not None else None
