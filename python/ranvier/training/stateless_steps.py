"""Steps in JAX' form `(state, data)`, made from those of the form `(data)`, and the other way."""

from __future__ import annotations

import functools

from ranvier import tree
from ranvier.symbolic import KerasTensor, compute_output_spec
from ranvier.symbolic.host import is_text
from ranvier.training import data_adapters
from ranvier.variable import StatelessScope


def variable_groups(model, mode) -> list:
    """The variables whose values are the state of a step: one list for each of its entries."""
    weights = [model.trainable_variables, model.non_trainable_variables]
    if mode == "predict":
        return weights
    optimizer = [model.optimizer.variables] if mode == "train" else []
    return [*weights, *optimizer, model.metrics_variables]


def with_values(groups, values, function):
    """Calls a function while groups of variables have other values, and assigns nothing.

    Returns:
        What it returned, and the values as it leaves them, in the groups' structure.
    """
    pairs = [
        pair
        for group, given in zip(groups, values, strict=True)
        for pair in zip(group, given, strict=True)
    ]
    with StatelessScope(state_mapping=pairs) as scope:
        result = function()
    left = ([scope.get_current_value(v) for v in group] for group in groups)
    after = [
        [old if new is None else new for old, new in zip(given, news)]
        for given, news in zip(values, left)
    ]
    return result, after


def also_stateless(mode):
    """Lets a method `step(data)` be called as `step(state, data)` too, as `super()`'s is on JAX.

    That form returns the logs (of "predict": the outputs) and the new state (of "predict": the
    non-trainable values).
    """

    def decorate(step):
        @functools.wraps(step)
        def either(self, *state_and_data, **named):
            if len(state_and_data) + len(named) < 2:
                return step(self, *state_and_data, **named)
            return in_state(self, *state_and_data, **named)

        def in_state(self, state, data):
            run = functools.partial(step, self, data)
            result, after = with_values(variable_groups(self, mode), state, run)
            return result, after[1] if mode == "predict" else tuple(after)

        return either

    return decorate


def stateful(model, method, mode):
    """Turns a step of the form `(state, data) -> logs, state` into one of the form `data -> logs`.

    The state is `(trainable, non_trainable, optimizer, metrics)` variables for training,
    `(trainable, non_trainable, metrics)` for testing and `(trainable, non_trainable)` for
    prediction, each a list of values. A prediction step returns the outputs and the
    non-trainable values.
    """

    def step(data):
        _settle(model, data)
        if mode == "train" and not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        variables = variable_groups(model, mode)
        state = tuple([v.value for v in group] for group in variables)
        logs, new_state = method(state, data)
        if mode == "predict":
            variables, new_state = variables[1:], (new_state,)
        for group, values in zip(variables, new_state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)
        return logs

    return step


def _settle(model, data):
    """Builds the model and the compiled loss and metrics: a state holds all their variables."""
    parts = [p for p in (model._compile_metrics, model._compile_loss) if p is not None]
    if model.built and all(part.built for part in parts):
        return
    x, y, _ = data_adapters.unpack_x_y_sample_weight(data)
    specs = tree.map_structure(
        lambda t: None if t is None else KerasTensor(t.shape, "string" if is_text(t) else t.dtype),
        x,
    )
    try:
        y_pred = compute_output_spec(model, specs)
    except NotImplementedError:
        return  # A model without `call` has its networks in attributes.
    for part in parts if y is not None else ():
        if not part.built:
            part.settle(y, y_pred)
