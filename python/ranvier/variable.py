"""Variables (state with a name), and the scope that keeps what is written to them apart."""

from __future__ import annotations

import math

import numpy as np

from ranvier import _backend as B
from ranvier import config, naming
from ranvier.config import standardize_dtype
from ranvier.python_numbers import given_for, weak_number
from ranvier.scopes import AutocastScope, current_path, scope_state, stack_of

_structure = 0


def structure_version() -> int:
    """A number that moves whenever something changes that a compiled program may depend on."""
    return _structure


def bump_structure() -> None:
    """Called on changes of `trainable`, layers, variables, policies, compile."""
    global _structure
    _structure += 1


def _cast(tensor, dtype):
    if tensor.dtype == dtype:
        return tensor
    return B.apply("cast", [tensor], {"dtype": dtype})


class StatelessScope:
    """Variables are read from a mapping and written into the scope instead of their storage.

    Args:
        state_mapping: pairs `(variable, value)`.
        collect_losses: whether losses that layers add are kept in `losses`.
        initialize_variables: accepted for Keras' sake; variables are always initialized at once.

    Example:
        >>> v = keras.Variable(1.0)
        >>> with keras.StatelessScope([(v, ops.array(5.0))]) as scope:
        ...     y = float(v + 1)
        >>> y, float(v)
        (6.0, 1.0)
    """

    def __init__(
        self, state_mapping=None, collect_losses: bool = False, initialize_variables: bool = True
    ):
        self.collect_losses = collect_losses
        self.initialize_variables = initialize_variables
        self.losses: list = []
        self.state_mapping: dict[int, object] = {}
        self._env = B.StatelessEnv()
        for variable, value in state_mapping or ():
            if not isinstance(variable, Variable):
                raise ValueError(
                    "Invalid reference variable in StatelessScope: all keys in argument `mapping` "
                    f"must be Variable instances. Received instead: {variable}"
                )
            self._set(variable, value)

    def _set(self, variable, value):
        tensor = _to_tensor(value, variable.dtype)
        if tuple(tensor.shape) != variable.shape:
            raise ValueError(
                "Invalid variable value in StatelessScope: all values in argument `mapping` must "
                "be tensors with a shape that matches the corresponding variable shape. For "
                f"variable: {variable.path} with shape {variable.shape}, received invalid value "
                f"with shape {tuple(tensor.shape)}."
            )
        self._env.set(variable.handle, tensor)
        self.state_mapping[id(variable)] = variable

    def __enter__(self):
        stack_of("stateless_scopes").append(self)
        self._env.enter()
        return self

    def __exit__(self, *exc):
        self._env.exit()
        stack_of("stateless_scopes").pop()

    def add_loss(self, loss) -> None:
        """Keeps a loss that a layer added."""
        self.losses.append(loss)

    def add_update(self, update) -> None:
        """Sets `(variable, value)` in this scope."""
        variable, value = update
        self._set(variable, value)

    def get_current_value(self, variable):
        """The variable's value in this scope; `None` when it has none."""
        return self._env.find(variable.handle)


def in_stateless_scope() -> bool:
    """Whether a `StatelessScope` is active on this thread."""
    return bool(getattr(scope_state, "stateless_scopes", None))


def get_stateless_scope() -> StatelessScope | None:
    """The innermost `StatelessScope`."""
    scopes = getattr(scope_state, "stateless_scopes", None)
    return scopes[-1] if scopes else None


def _to_tensor(value, dtype):
    if isinstance(value, Variable):
        value = value.value
    if isinstance(value, B.Tensor):
        return _cast(value, dtype)
    return B.tensor(value if dtype is None else given_for(value, dtype), dtype)


def standardize_shape(shape) -> tuple:
    """A tuple of non-negative ints and `None`s; `ValueError` for anything else."""
    if not isinstance(shape, tuple):
        if shape is None:
            raise ValueError("Undefined shapes are not supported.")
        if not hasattr(shape, "__iter__"):
            hint = f" Hint: a shape is a tuple, ({shape},)." if isinstance(shape, int) else ""
            raise ValueError(f"Cannot convert '{shape}' to a shape.{hint}")
        shape = tuple(shape)
    out: list[int | None] = []
    for d in shape:
        if d is None:
            out.append(None)
            continue
        if isinstance(d, bool) or not hasattr(d, "__index__"):
            raise ValueError(
                f"Cannot convert '{shape}' to a shape. Found invalid dimension '{d}' of type "
                f"'{type(d)}'."
            )
        d = int(d)
        if d < 0:
            raise ValueError(
                f"Cannot convert '{shape}' to a shape. Negative dimensions are not allowed."
            )
        out.append(d)
    return tuple(out)


class Variable:
    """State that layers, metrics and optimizers keep: a tensor that can be assigned.

    Args:
        initializer: a value, or a function `(shape, dtype=...)` that makes one.
        shape: needed with a function.
        dtype: defaults to the value's (of 32 bits where NumPy has 64), else to `floatx`.
        trainable: whether gradients are taken with respect to it.
        autocast: whether float reads follow the active `AutocastScope`.
        aggregation: how replicas are combined: none, mean, sum, only_first_replica.
        synchronization: accepted for Keras' sake.
        name: automatic when not given.
        layout: accepted for Keras' sake.

    Example:
        >>> v = keras.Variable([1.0, 2.0], name="v")
        >>> v.assign_add([10.0, 10.0]).tolist()
        [11.0, 12.0]
        >>> v.shape, v.dtype, v.trainable
        ((2,), 'float32', True)
    """

    def __init__(
        self,
        initializer,
        shape=None,
        dtype=None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = "none",
        synchronization: str | None = "auto",
        name: str | None = None,
        layout=None,
        **kwargs,
    ):
        if kwargs:
            raise TypeError(f"Variable: unknown arguments {sorted(kwargs)}")
        name = name or naming.auto_name(type(self).__name__)
        if not isinstance(name, str) or "/" in name:
            raise ValueError(
                "Argument `name` must be a string and cannot contain character `/`. "
                f"Received: name={name}"
            )
        if aggregation not in (None, "none", "mean", "sum", "only_first_replica"):
            raise ValueError(
                "Invalid value for argument `aggregation`. Expected one of `None`, `'none'`, "
                f"`'mean'`, `'sum'`, `'only_first_replica'`. Received: aggregation={aggregation}"
            )
        self._name = name
        parent = current_path()
        self._path = f"{parent}/{name}" if parent else name
        self._autocast = bool(autocast)
        self._aggregation = "none" if aggregation is None else aggregation
        self._synchronization = synchronization
        self._layout = layout
        self._regularizer = None
        self._constraint = None
        self._overwrite_with_gradient = False
        self._trainable = bool(trainable)
        value = self._initial_value(initializer, shape, dtype)
        self._shape = tuple(value.shape)
        self._dtype = value.dtype
        self._handle = B.CoreVariable(value, self._path, self._trainable)
        bump_structure()

    def _refuse_complex(self, dtype):
        if str(dtype).startswith("complex"):
            raise B.DTypeError(
                f"Variable: variables are real. Received: dtype={dtype} for variable "
                f"path='{self._path}'. Hint: keep the real and the imaginary part in two variables "
                "and join them with `ops.view_as_complex(ops.stack([real, imag], axis=-1))`."
            )

    def _initial_value(self, initializer, shape, dtype):
        if isinstance(initializer, str):
            from ranvier import initializers

            initializer = initializers.get(initializer)
        self._refuse_complex(dtype or getattr(initializer, "dtype", None))
        suspended = B.suspend()
        suspended.enter()
        autocast = AutocastScope(None)
        try:
            with autocast:
                if callable(initializer):
                    if shape is None:
                        raise ValueError(
                            "When creating a Variable from an initializer, the `shape` argument "
                            f"should be specified. Received: initializer={initializer} and "
                            f"shape={shape}"
                        )
                    dtype = standardize_dtype(dtype)
                    shape = standardize_shape(shape)
                    if None in shape:
                        raise ValueError(
                            f"Shapes used to initialize variables must be fully-defined (no `None` "
                            f"dimensions). Received: shape={shape} for variable path='{self._path}'"
                        )
                    limit = getattr(scope_state, "size_limit", None)
                    if limit is not None and math.prod(shape) > limit:
                        raise ValueError(
                            f"The variable '{self._path}' of shape {shape} is larger than the "
                            f"{limit} elements that can be filled here."
                        )
                    return _to_tensor(initializer(shape, dtype=dtype), dtype)
                if dtype is None:
                    if isinstance(initializer, (Variable, B.Tensor)):
                        dtype = standardize_dtype(initializer.dtype)
                    elif isinstance(initializer, (np.ndarray, np.generic)):
                        dtype = config.narrowed_dtype(initializer.dtype)
                    else:
                        dtype = B.tensor(initializer).dtype
                value = _to_tensor(initializer, standardize_dtype(dtype))
        finally:
            suspended.exit()
        if shape is not None and tuple(shape) != tuple(value.shape):
            raise ValueError(
                "Variable: the value's shape is not the `shape` argument. "
                f"Expected: {tuple(shape)}. Received: {tuple(value.shape)}"
            )
        return value

    @property
    def handle(self):
        """The extension's variable."""
        return self._handle

    @property
    def value(self):
        """The current value as a tensor, cast by the active `AutocastScope`."""
        value = self._handle.read()
        dtype = getattr(scope_state, "autocast", None)
        if dtype is not None and self._autocast and dtype != self._dtype:
            if config.is_float_dtype(self._dtype):
                return _cast(value, dtype)
        return value

    @property
    def shape(self) -> tuple:
        """Sizes."""
        return self._shape

    @property
    def dtype(self) -> str:
        """The dtype a read gives now."""
        cast = getattr(scope_state, "autocast", None)
        if cast is not None and self._autocast and config.is_float_dtype(self._dtype):
            return cast
        return self._dtype

    @property
    def ndim(self) -> int:
        """Rank."""
        return len(self._shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self._shape, dtype=np.int64))

    @property
    def name(self) -> str:
        """Last element of the path."""
        return self._name

    @property
    def path(self) -> str:
        """Name scopes and name, joined by `/`."""
        return self._path

    @property
    def aggregation(self):
        """How replicas are combined."""
        return self._aggregation

    @property
    def synchronization(self):
        """Kept for Keras programs."""
        return self._synchronization

    @property
    def trainable(self) -> bool:
        """Whether gradients are taken with respect to it."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool):
        value = bool(value)
        if value != self._trainable:
            self._trainable = value
            self._handle.trainable = value
            bump_structure()

    @property
    def overwrite_with_gradient(self) -> bool:
        """Whether the optimizer writes the gradient instead of a step along it."""
        return self._overwrite_with_gradient

    @overwrite_with_gradient.setter
    def overwrite_with_gradient(self, value: bool):
        if not isinstance(value, bool):
            raise TypeError(
                f"`overwrite_with_gradient` must be a boolean. Received: {value} of type "
                f"{type(value)}"
            )
        self._overwrite_with_gradient = value
        bump_structure()

    @property
    def regularizer(self):
        """Penalty on the value, or `None`."""
        return self._regularizer

    @regularizer.setter
    def regularizer(self, value):
        if value is not None and not callable(value):
            raise ValueError(
                f"Invalid value for attribute `regularizer`. Received: regularizer={value}"
            )
        self._regularizer = value
        bump_structure()

    @property
    def constraint(self):
        """Projection applied after each update, or `None`."""
        return self._constraint

    @constraint.setter
    def constraint(self, value):
        if value is not None and not callable(value):
            raise ValueError(
                f"Invalid value for attribute `constraint`. Received: constraint={value}"
            )
        self._constraint = value
        bump_structure()

    def assign(self, value):
        """Sets the value (cast to the variable's dtype) and returns it."""
        tensor = _to_tensor(value, self._dtype)
        if tuple(tensor.shape) != self._shape:
            raise B.ShapeError(
                "The shape of the target variable and the shape of the target value in "
                f"`variable.assign(value)` must match. variable.shape={self._shape}, Received: "
                f"value.shape={tuple(tensor.shape)}. Target variable: '{self.path}'"
            )
        self._handle.assign(tensor)
        return tensor

    def assign_add(self, value):
        """Adds in place and returns the new value."""
        return self.assign(_binary("add", self, value))

    def assign_sub(self, value):
        """Subtracts in place and returns the new value."""
        return self.assign(_binary("subtract", self, value))

    def numpy(self) -> np.ndarray:
        """A copy of the value as a NumPy array."""
        return np.array(self.value.numpy())

    def __array__(self, dtype=None, copy=None):
        array = np.asarray(self.value.numpy())
        return array.astype(dtype) if dtype is not None and array.dtype != dtype else array

    def __dlpack__(self, **kwargs):
        return self.value.__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self.value.__dlpack_device__()

    def __len__(self):
        return len(self.value)

    def __iter__(self):
        return iter(self.value)

    def __bool__(self):
        raise TypeError("A Keras Variable cannot be used as a boolean.")

    def __int__(self):
        return int(self.value)

    def __float__(self):
        return float(self.value)

    def __index__(self):
        return self.value.__index__()

    def __deepcopy__(self, memo):
        copied = Variable(
            self.value, dtype=self._dtype, trainable=self._trainable, autocast=self._autocast,
            aggregation=self._aggregation, name=self._name,
        )  # fmt: skip
        copied._path = self._path
        copied._regularizer = self._regularizer
        copied._constraint = self._constraint
        memo[id(self)] = copied
        return copied

    def __reduce__(self):
        state = {name: value for name, value in self.__dict__.items() if name != "_handle"}
        return _restored, (type(self), self.value, state)

    def __repr__(self):
        value = "" if B.tracing() else f", value={self.numpy()}"
        return f"<Variable path={self._path}, shape={self._shape}, dtype={self._dtype}{value}>"


def _restored(cls, value, state):
    variable = cls(
        value, dtype=state["_dtype"], trainable=state["_trainable"], name=state["_name"]
    )  # fmt: skip
    variable.__dict__.update(state)
    return variable


def _binary(name, variable, value):
    from ranvier import ops

    stored = variable.handle.read()
    value = weak_number(value, variable._dtype)
    return getattr(ops, name)(stored, _to_tensor(value, variable._dtype))


B.core.set_variable_type(Variable)
