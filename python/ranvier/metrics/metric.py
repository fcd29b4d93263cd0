"""The base class of metrics: state in variables, updated batch by batch."""

from __future__ import annotations

from ranvier import config, dtype_policies, naming, ops
from ranvier.scopes import name_scope
from ranvier.variable import StatelessScope, Variable


class Metric:
    """Base of metrics.

    A subclass makes variables in `__init__`, and writes `update_state` and `result`; both may run
    inside a compiled step.

    Args:
        dtype: of the state, `floatx` by default.
        name: automatic when not given.

    Example:
        >>> class Largest(keras.metrics.Metric):
        ...     def __init__(self, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.value = self.add_variable((), initializer="zeros")
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         self.value.assign(ops.maximum(self.value, ops.max(ops.abs(y_true - y_pred))))
        ...     def result(self):
        ...         return self.value
        >>> float(Largest()(ops.array([1.0, 2.0]), ops.array([1.5, 5.0])))
        3.0
    """

    _variables: list[Variable]
    _metrics: list[Metric]
    _containers: dict[str, list | dict]

    def __init__(self, dtype=None, name=None):
        object.__setattr__(self, "_variables", [])
        object.__setattr__(self, "_metrics", [])
        object.__setattr__(self, "_containers", {})  # lists and dicts that may grow, by attribute
        self.name = name or naming.auto_name(type(self).__name__)
        self._dtype_policy = dtype_policies.get(dtype or config.floatx())
        self._dtype = self._dtype_policy.compute_dtype

    def __setattr__(self, name, value):
        # Variables and metrics that become attributes are state, also inside lists and dicts.
        if "_metrics" in self.__dict__:
            found = self._track(value)
            if isinstance(value, (list, dict)) and (found or not value):
                self._containers[name] = value
        object.__setattr__(self, name, value)

    def _track(self, value) -> bool:
        """Notes the variables and metrics in a value; whether there are any."""
        if isinstance(value, (Variable, Metric)):
            store: list = self._variables if isinstance(value, Variable) else self._metrics
            if not any(value is known for known in store):
                store.append(value)
            return True
        if isinstance(value, dict):
            value = value.values()
        elif not isinstance(value, (list, tuple)):
            return False
        found = [self._track(item) for item in value]
        return any(found)

    def _check_super_called(self):
        if "_variables" not in self.__dict__:
            raise RuntimeError(
                "You forgot to call `super().__init__()` in the `__init__()` method of "
                f"{type(self).__name__}. Go add it!"
            )

    @property
    def dtype(self) -> str:
        """What the state is kept in."""
        return self._dtype

    @property
    def variables(self) -> list:
        """The state, that of inner metrics included."""
        for container in self._containers.values():
            self._track(container)
        return [*self._variables, *(v for m in self._metrics for v in m.variables)]

    def add_variable(self, shape, initializer, dtype=None, aggregation="sum", name=None):
        """A new variable of the state."""
        self._check_super_called()
        with name_scope(self.name.replace("/", ">"), caller=self):
            variable = Variable(
                initializer, shape=shape, dtype=dtype, trainable=False, aggregation=aggregation,
                name=name,
            )  # fmt: skip
        self._variables.append(variable)
        return variable

    def add_weight(self, shape=(), initializer=None, dtype=None, name=None):
        """A new variable of the state; the same as `add_variable`."""
        return self.add_variable(shape, initializer or "zeros", dtype=dtype, name=name)

    def reset_state(self) -> None:
        """Starts anew: all variables to zero."""
        for v in self.variables:
            v.assign(ops.zeros(v.shape, dtype=v.dtype))

    def update_state(self, *args, **kwargs):
        """Takes in a batch; to be written by subclasses."""
        raise NotImplementedError(f"{type(self).__name__} must implement `update_state`.")

    def result(self):
        """The value so far; to be written by subclasses."""
        raise NotImplementedError(f"{type(self).__name__} must implement `result`.")

    def __call__(self, *args, **kwargs):
        self._check_super_called()
        self.update_state(*args, **kwargs)
        return self.result()

    def _scope(self, metric_variables):
        variables = self.variables
        if len(metric_variables) != len(variables):
            raise ValueError(
                "Argument `metric_variables` must be a list of tensors corresponding 1:1 to "
                f"{type(self).__name__}().variables. Received list with length "
                f"{len(metric_variables)}, but expected {len(variables)} variables."
            )
        return StatelessScope(state_mapping=list(zip(variables, metric_variables)))

    def _values_in(self, scope) -> list:
        found = [(v, scope.get_current_value(v)) for v in self.variables]
        return [v.value if value is None else value for v, value in found]

    def stateless_update_state(self, metric_variables, *args, **kwargs) -> list:
        """The state after a batch, from a state given; nothing is assigned."""
        with self._scope(metric_variables) as scope:
            self.update_state(*args, **kwargs)
        return self._values_in(scope)

    def stateless_result(self, metric_variables):
        """The result for a state given."""
        with self._scope(metric_variables):
            return self.result()

    def stateless_reset_state(self) -> list:
        """The state at the start."""
        with StatelessScope() as scope:
            self.reset_state()
        return self._values_in(scope)

    def get_config(self) -> dict:
        """Constructor arguments."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config):
        """A metric from its config."""
        return cls(**config)

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}>"
