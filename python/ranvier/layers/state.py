"""The state of a layer: its variables and losses, and how files and pure calls see them."""

from __future__ import annotations

from collections.abc import Callable

from ranvier import _backend as B
from ranvier import config as _config
from ranvier import dtype_policies, tree
from ranvier.layers import quantization
from ranvier.layers.input_spec import InputSpec
from ranvier.scopes import in_symbolic_scope
from ranvier.variable import (
    StatelessScope,
    Variable,
    bump_structure,
    get_stateless_scope,
    in_stateless_scope,
)

Tensor = B.Tensor


def _by_position(args, *keywords):
    """Shape, initializer and dtype of `add_weight`, of which some are positional."""
    names = ("shape", "initializer", "dtype")
    if isinstance(args[0], str):
        raise ValueError(
            f"`name` must be passed as a keyword argument. Received: add_weight('{args[0]}', ...). "
            f"Use: add_weight(shape=..., name='{args[0]}')."
        )
    if len(args) > len(names):
        raise TypeError(
            f"add_weight() takes at most 3 positional arguments but {len(args)} were given."
        )
    for name, keyword, _ in zip(names, keywords, args):
        if keyword is not None:
            raise ValueError(f"`{name}` was passed both positionally and as a keyword argument.")
    return (*args, *keywords[len(args) :])


class LayerState:
    """Half of `Layer`: everything about its variables and losses."""

    # Of the other half.
    name: str
    built: bool
    _trainable_variables: list
    _non_trainable_variables: list
    _seed_generators: list
    _metrics: list
    _layers: list
    _losses: list
    _loss_ids: set
    _losses_override: list
    _flatten_layers: Callable

    # Whether calls need values: compiled steps then run the layer before the program, see
    # `symbolic.host`.
    runs_on_host = False
    # Moves when something changes that programs hold as a constant, a vocabulary for example.
    constants_version = 0

    # -- making it

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

    def add_weight(self, *args, shape=None, initializer=None, dtype=None, trainable=True,
                   autocast=True, regularizer=None, constraint=None, aggregation="none",
                   overwrite_with_gradient=False, name=None):  # fmt: skip
        """Creates a variable of the layer.

        Args:
            *args: shape, initializer and dtype may be given by position.
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
        if args:
            shape, initializer, dtype = _by_position(args, shape, initializer, dtype)
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
        self._track_variable(variable)
        return variable

    def _track_variable(self, variable):
        """Lists a variable by the flag it was made with; a frozen layer freezes it."""
        self._tracker.add("trainable" if variable.trainable else "non_trainable", variable)
        if not self.trainable:
            variable.trainable = False

    def _untrack_variable(self, variable):
        """Takes a variable out of the lists, also of a built layer."""
        self._tracker.forget(variable)

    def add_variable(self, shape, initializer, dtype=None, trainable=True, autocast=True,
                     regularizer=None, constraint=None, name=None):  # fmt: skip
        """The same as `add_weight`."""
        return self.add_weight(
            shape, initializer, dtype, trainable=trainable, autocast=autocast,
            regularizer=regularizer, constraint=constraint, name=name,
        )  # fmt: skip

    def add_metric(self, *args, **kwargs):
        """Keras 2's method; metrics are given to `compile` or kept as attributes."""
        raise NotImplementedError(
            f"{type(self).__name__}.add_metric: layers no longer add metrics. Hint: pass them to "
            "`Model.compile(metrics=[...])`, or make them in `__init__` or `build` and call "
            "`metric.update_state()` in `call`."
        )

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
                f"You called `set_weights(weights)` on layer '{self.name}' with a weight list "
                "of length "
                f"{len(weights)}, but the layer was expecting {len(own)} weights."
            )
        for variable, value in zip(own, weights):
            if tuple(variable.shape) != tuple(getattr(value, "shape", ())):
                raise B.ShapeError(
                    f"Layer {self.name} weight shape {variable.shape} is not compatible with "
                    f"provided weight shape {tuple(getattr(value, 'shape', ()))}."
                )
        for variable, value in zip(own, weights):
            variable.assign(value)

    def count_params(self) -> int:
        """Number of elements of all weights."""
        if not self.built:
            raise ValueError(
                f"You tried to call `count_params` on layer '{self.name}', but the layer isn't "
                "built. "
                f"You can build it manually via: `layer.build(input_shape)`."
            )
        return sum(v.size for v in self.weights)

    # -- dtypes

    @property
    def dtype_policy(self):
        """The policy as given: handed on to sublayers, a map holds theirs too."""
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value):
        policy, own = dtype_policies.get(value), self._dtype_policy
        if isinstance(own, dtype_policies.DTypePolicyMap) and self.path:
            if self.path in own:
                del own[self.path]
            own[self.path] = policy
        else:
            self._dtype_policy = policy
        bump_structure()
        quantization.quantize_for_policy(self, policy, value)

    @property
    def own_policy(self):
        """The policy of this layer: of a map, the entry of its path."""
        policy = self._dtype_policy
        if isinstance(policy, dtype_policies.DTypePolicyMap):
            return policy[self.path] if self.path else policy.default_policy
        return policy

    @property
    def dtype(self) -> str:
        """Dtype of the weights."""
        return self.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """Dtype of the computation."""
        return self.own_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """Dtype of the weights."""
        return self.own_policy.variable_dtype

    @property
    def input_dtype(self) -> str:
        """Dtype that float inputs are cast to."""
        return self.own_policy.compute_dtype

    @property
    def quantization_mode(self):
        """`None`: not quantized."""
        return self.own_policy.quantization_mode

    def quantized_build(self, input_shape, mode):
        """Adds the variables of a quantized form; layers with weights define it."""
        raise self._not_implemented_error(self.quantized_build)

    @quantization.wrap_quantize
    def quantize(self, mode=None, type_check=True, config=None):
        """Changes the weights into a quantized form; layers with weights define it."""
        raise self._not_implemented_error(self.quantize)

    def _not_implemented_error(self, method, msg=None):
        return NotImplementedError(
            f"Layer {type(self).__name__} does not have a `{method.__name__}` method implemented."
            f"{'' if msg is None else ' ' + msg}"
        )

    def _quantization_mode_error(self, mode):
        return NotImplementedError(
            f"Invalid quantization mode. Expected one of {dtype_policies.QUANTIZATION_MODES}. "
            f"Received: quantization_mode={mode}"
        )

    # -- stateless

    def stateless_call(
        self, trainable_variables, non_trainable_variables, *args, return_losses=False, **kwargs
    ):
        """The call with given values of the variables.

        Returns `(outputs, non_trainable_variables)`, and the losses with `return_losses`.
        """
        self._check_super_called()
        if not self.built:
            raise ValueError(
                f"To call stateless_call, {type(self).__name__} must be built (i.e. its "
                "variables must "
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
                    f"{type(self).__name__}().{kind}_variables. Received list with length "
                    f"{len(values)}, "
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
                    "`add_loss()` can only be called from inside `build()` or `call()`, on a "
                    f"tensor input. Received invalid value: {x}"
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

    def _add_activity_loss(self, outputs):
        from ranvier import ops

        for output in tree.flatten(outputs):
            if isinstance(output, Tensor):
                loss = self.activity_regularizer(output)
                if output.ndim > 0:
                    loss = ops.divide_no_nan(loss, ops.cast(float(output.shape[0]), loss.dtype))
                self.add_loss(loss)

    def _own_losses(self):
        scope = get_stateless_scope() if in_stateless_scope() else None
        if scope is not None and scope.collect_losses:
            return [x for x in scope.losses if id(x) in self._loss_ids]
        if B.tracing():
            return self._losses[:]
        # What a finished trace left here has no value.
        return [x for x in self._losses if not getattr(x, "is_symbol", False)]

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

    def _check_load_own_variables(self, store) -> None:
        """Whether the store has as many values as the layer has variables."""
        own = [*self._trainable_variables, *self._non_trainable_variables]
        if len(store.keys()) != len(own):
            hint = "" if own or self.built else " The layer was never built; build it first."
            raise ValueError(
                f"Layer '{self.name}' expected {len(own)} variables, but received "
                f"{len(store.keys())} "
                f"variables during loading.{hint} Expected: {[v.name for v in own]}"
            )

    def load_own_variables(self, store) -> None:
        """Reads what `save_own_variables` wrote."""
        self._check_load_own_variables(store)
        own = [*self._trainable_variables, *self._non_trainable_variables]
        for i, v in enumerate(own):
            v.assign(store[f"{i}"])


def _distinct(variables):
    seen, out = set(), []
    for v in variables:
        if id(v) not in seen:
            seen.add(id(v))
            out.append(v)
    return out


def _as_shapes(value):
    if value is None:
        return None
    return tree.map_shape_structure(lambda s: tuple(s) if isinstance(s, list) else s, value)
