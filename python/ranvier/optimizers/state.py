"""The variables of an optimizer: iterations, learning rate, slots; in the order of files."""

from __future__ import annotations

import warnings

from ranvier import initializers
from ranvier.scopes import name_scope
from ranvier.variable import Variable


class OptimizerState:
    """What `Optimizer` knows about its variables."""

    _variables: list[Variable]
    built: bool
    name: str

    def __setattr__(self, name, value):
        state = self.__dict__
        if "_variables" not in state:
            raise RuntimeError(
                f"In optimizer '{type(self).__name__}', you forgot to call `super().__init__()` as "
                "the first statement in the `__init__()` method. Go add it!"
            )
        if isinstance(value, Variable):
            self._track_variable(value)
        super().__setattr__(name, value)
        if name != "learning_rate":
            # A compiled update holds attributes as constants; a new rate goes into a variable.
            state["_changes"] += 1

    def __getstate__(self):
        # Programs belong to the variables they were compiled for; copies have their own.
        return {**self.__dict__, "_programs": {}}

    def __setstate__(self, state):
        self.__dict__.update(state)
        variables = state.get("_trainable_variables", ())
        self.__dict__["_trainable_variables_indices"] = {id(v): i for i, v in enumerate(variables)}

    @property
    def variables(self) -> list:
        """Iterations, learning rate (unless it is a schedule) and slots, in the order of files."""
        return self._variables[:]

    @property
    def _scaled_variables(self) -> list:
        """The part of `variables` that a `LossScaleOptimizer` around this one has in files."""
        return self.variables

    def _track_variable(self, variable):
        if not any(variable is known for known in self._variables):
            self._variables.append(variable)

    def add_variable(
        self, shape, initializer="zeros", dtype=None, aggregation="none", layout=None, name=None
    ):
        """A new variable of the state."""
        with name_scope(self.name, caller=self):
            variable = Variable(
                initializers.get(initializer), shape=shape, dtype=dtype, trainable=False,
                aggregation=aggregation, layout=layout, name=name,
            )  # fmt: skip
        self._track_variable(variable)
        return variable

    def add_variable_from_reference(self, reference_variable, name=None, initializer="zeros"):
        """A new variable with the shape and dtype of a weight, and its path in the name."""
        path = getattr(reference_variable, "path", None) or reference_variable.name
        full_name = f"{str(path).replace('/', '_').replace(':', '_')}_{name or 'var'}"
        return self.add_variable(
            reference_variable.shape, initializer, dtype=reference_variable.dtype, name=full_name
        )

    def add_optimizer_variables(self, trainable_variables, name, initializer="zeros"):
        """Slots for every weight.

        Args:
            trainable_variables: the weights.
            name: name of the slot; several names make that many slots per weight, side by side.
            initializer: one for all or one per name.

        Returns:
            A list of variables, or a tuple of lists for several names; `None` stands where a weight
            is overwritten by its gradient.
        """
        names = [name] if isinstance(name, str) else list(name)
        several = isinstance(initializer, (list, tuple))
        starts = list(initializer) if several else [initializer] * len(names)
        if len(names) != len(starts):
            raise ValueError(
                "The number of provided names must match the number of provided initializers. "
                f"Received name='{name}', initializer='{initializer}'"
            )
        slots = tuple([] for _ in names)
        for variable in trainable_variables:
            overwritten = getattr(variable, "overwrite_with_gradient", False)
            for column, slot_name, start in zip(slots, names, starts):
                column.append(
                    None
                    if overwritten
                    else self.add_variable_from_reference(variable, slot_name, start)
                )
        return slots[0] if isinstance(name, str) else slots

    def set_weights(self, weights) -> None:
        """Sets `variables` from arrays."""
        if not self.built:
            raise ValueError(
                "You are calling `set_weights()` on an optimizer that has not yet been built. "
                "Please call `optimizer.build(trainable_variables)` to create the optimizer "
                "weights before calling `set_weights()`."
            )
        for variable, weight in zip(self.variables, weights):
            if tuple(variable.shape) != tuple(weight.shape):
                raise ValueError(
                    f"Optimizer variable {variable.path} has shape {tuple(variable.shape)} not "
                    f"compatible with provided weight shape {tuple(weight.shape)}."
                )
            variable.assign(weight)

    def save_own_variables(self, store) -> None:
        """Writes `variables` by number into a mapping."""
        for i, variable in enumerate(self.variables):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store) -> None:
        """Reads what `save_own_variables` wrote; a wrong number is a warning."""
        if len(store.keys()) != len(self.variables):
            warnings.warn(
                f"Skipping variable loading for optimizer '{self.name}', because it has "
                f"{len(self.variables)} variables whereas the saved optimizer has "
                f"{len(store.keys())} variables. ",
                stacklevel=2,
            )
            return
        for i, variable in enumerate(self.variables):
            variable.assign(store[str(i)])
