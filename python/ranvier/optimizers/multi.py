"""Several optimizers in one: which one a weight has is told by its path."""

from __future__ import annotations

import re
from collections.abc import MutableMapping

from ranvier import serialization
from ranvier.optimizers.base import Optimizer
from ranvier.optimizers.loss_scale import LossScaleOptimizer


class OptimizerMap(MutableMapping):
    """Optimizers by the path of a weight, exact or as a regular expression of the whole path.

    Args:
        default_optimizer: the `Optimizer` of all other weights.
        optimizer_map: dict from path or expression to `Optimizer`.

    Raises:
        TypeError: arguments of another type.

    Example:
        >>> by_path = keras.optimizers.OptimizerMap(keras.optimizers.SGD(0.1))
        >>> by_path["head/.*"] = keras.optimizers.Adam(0.001)
        >>> type(by_path["head/kernel"]).__name__
        'Adam'
    """

    def __init__(self, default_optimizer, optimizer_map=None):
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(
                "default_optimizer must be an Optimizer instance. "
                f"Received: default_optimizer={default_optimizer}"
            )
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(
                f"optimizer_map must be a dictionary. Received: optimizer_map={optimizer_map}"
            )
        self._default_optimizer = default_optimizer
        self._optimizer_map = optimizer_map or {}

    @property
    def default_optimizer(self):
        """The optimizer of weights that no key matches."""
        return self._default_optimizer

    def __getitem__(self, key):
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        found = [pattern for pattern in self._optimizer_map if re.fullmatch(pattern, key)]
        if len(found) > 1:
            raise ValueError(
                f"Multiple optimizers assigned to variable {key}: keys {found} match it."
            )
        return self._optimizer_map[found[0]] if found else self._default_optimizer

    def __setitem__(self, key, optimizer):
        if key in self._optimizer_map:
            raise ValueError(
                f"'{key}' already exists in the OptimizerMap with value "
                f"{self._optimizer_map[key]}. Hint: delete it first."
            )
        if not isinstance(key, str):
            raise ValueError(f"key must be a string. Received: key={key}")
        _check_inner(optimizer, f"for key '{key}'")
        self._optimizer_map[key] = optimizer

    def __delitem__(self, key):
        del self._optimizer_map[key]

    def __len__(self):
        return len(self._optimizer_map)

    def __iter__(self):
        return iter(self._optimizer_map)

    def __call__(self, variable):
        """The optimizer of a weight."""
        return self[variable.path]

    def get_config(self):
        """Constructor arguments."""
        return {
            "default_optimizer": serialization.serialize_keras_object(self._default_optimizer),
            "optimizer_map": serialization.serialize_keras_object(self._optimizer_map),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A map from its config."""
        return cls(
            *(
                serialization.deserialize_keras_object(config[key], custom_objects=custom_objects)
                for key in ("default_optimizer", "optimizer_map")
            )
        )


def _check_inner(optimizer, where):
    if not isinstance(optimizer, Optimizer):
        raise ValueError(f"Expected an Optimizer instance {where}. Received: {optimizer}")
    if isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer)):
        raise ValueError(
            f"{type(optimizer).__name__} cannot be used inside an MultiOptimizer. "
            f"Received: {optimizer} {where}. "
            "Hint: wrap the MultiOptimizer instead."
        )


class MultiOptimizer(Optimizer):
    """Updates every weight with the optimizer that a map has for it.

    Args:
        optimizer_map: an `OptimizerMap`, or a function from a variable to an `Optimizer`.
        loss_scale_factor: see `Optimizer`.
        name: automatic when not given.

    Raises:
        AttributeError: the learning rate is read or set; the inner optimizers have theirs.

    Example:
        >>> slow, fast = keras.optimizers.SGD(0.1), keras.optimizers.SGD(1.0)
        >>> optimizer = keras.optimizers.MultiOptimizer(lambda v: fast if v.name == "b" else slow)
        >>> a, b = keras.Variable(0.0, name="a"), keras.Variable(0.0, name="b")
        >>> optimizer.apply([ops.array(1.0), ops.array(1.0)], [a, b])
        >>> round(float(a), 4), round(float(b), 4)
        (-0.1, -1.0)
    """

    def __init__(self, optimizer_map, loss_scale_factor=None, name=None):
        super().__init__(learning_rate=0.0, loss_scale_factor=loss_scale_factor, name=name)
        self._optimizer_map = optimizer_map
        self._inner_optimizers = []
        if hasattr(optimizer_map, "values"):
            for optimizer in optimizer_map.values():
                self._place_of(optimizer)
        default = getattr(optimizer_map, "default_optimizer", None)
        if default is not None:
            self._place_of(default)

    def _place_of(self, optimizer) -> int:
        """Index of an inner optimizer, which is added if it is not there."""
        for i, known in enumerate(self._inner_optimizers):
            if known is optimizer:
                return i
        optimizer.loss_scale_factor = self.loss_scale_factor
        self._inner_optimizers.append(optimizer)
        return len(self._inner_optimizers) - 1

    def build(self, var_list):
        if self.built:
            return
        var_list = list(var_list)
        self._places = {}
        for variable in var_list:
            optimizer = self._optimizer_map(variable)
            _check_inner(optimizer, f"for variable {variable.path}")
            self._places[id(variable)] = self._place_of(optimizer)
        for optimizer, (variables,) in self._split(var_list):
            optimizer.build(variables)
        super().build(var_list)

    def _split(self, variables, *columns):
        """Each inner optimizer that has some of the variables, with them and their columns."""
        parts = [[] for _ in self._inner_optimizers]
        for row in zip(variables, *columns):
            parts[self._places[id(row[0])]].append(row)
        return [(o, list(zip(*p))) for o, p in zip(self._inner_optimizers, parts) if p]

    def __setstate__(self, state):
        places = [state["_places"][key] for key in state["_trainable_variables_indices"]]
        super().__setstate__(state)
        self.__dict__["_places"] = {
            id(v): place for v, place in zip(self._trainable_variables, places)
        }

    @property
    def optimizers(self) -> list:
        """The inner optimizers."""
        return self._inner_optimizers

    @property
    def variables(self):
        inner = (v for optimizer in self._inner_optimizers for v in optimizer.variables)
        return [*self._variables, *inner]

    @property
    def learning_rate(self):
        raise AttributeError(
            "Learning rate cannot be accessed on a MultiOptimizer. Access the learning rate on the "
            "individual sub-optimizers instead."
        )

    @learning_rate.setter
    def learning_rate(self, value):
        raise AttributeError(
            "Learning rate cannot be set on a MultiOptimizer. Set the learning rate on the "
            "individual sub-optimizers instead."
        )

    @property
    def loss_scale_factor(self):
        """The factor of the loss, the same for all inner optimizers."""
        return self.__dict__.get("_loss_scale_factor")

    @loss_scale_factor.setter
    def loss_scale_factor(self, value):
        self.__dict__["_loss_scale_factor"] = value
        for optimizer in self.__dict__.get("_inner_optimizers", ()):
            optimizer.loss_scale_factor = value

    @property
    def iterations(self):
        return self._iterations

    def _compiles(self):
        inner = (optimizer._compiles() for optimizer in self._inner_optimizers)
        return super()._compiles() and all(inner)

    def _version(self):
        return (self._changes, *(optimizer._version() for optimizer in self._inner_optimizers))

    def _apply(self, grads, variables):
        for optimizer, (own, own_grads) in self._split(variables, grads):
            optimizer._apply(list(own_grads), list(own))
        self._iterations.assign_add(1)

    def finalize_variable_values(self, var_list):
        for optimizer, (variables,) in self._split(list(var_list)):
            optimizer.finalize_variable_values(variables)

    def get_config(self):
        return {
            "optimizer_map": serialization.serialize_keras_object(self._optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        config["optimizer_map"] = serialization.deserialize_keras_object(
            config["optimizer_map"], custom_objects=custom_objects
        )
        return cls(**config)
