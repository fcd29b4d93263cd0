"""Copies of models with fresh weights."""

from __future__ import annotations

from ranvier import tree
from ranvier.layers.core.input_layer import Input, InputLayer
from ranvier.layers.layer import Layer


def clone_model(
    model, input_tensors=None, clone_function=None, call_function=None, recursive=False, **kwargs
):
    """A new model with the same layers and newly initialized weights.

    Args:
        model: functional, sequential, or a subclassed model with a config.
        input_tensors: symbolic tensors to build upon.
        clone_function: makes the copy of one layer; by default from its config.
        call_function: calls a copied layer, as `fn(layer, *args, **kwargs)`.
        recursive: whether nested models are cloned layer by layer as well.
    """
    from ranvier.models.functional import Functional
    from ranvier.models.sequential import Sequential

    def default(layer):
        return type(layer).from_config(layer.get_config())

    copy = clone_function or default

    def clone(layer):
        if recursive and isinstance(layer, (Functional, Sequential)):
            return clone_model(
                layer, clone_function=clone_function, call_function=call_function, recursive=True
            )
        return copy(layer)

    if isinstance(model, Sequential):
        return _clone_sequential(model, clone, input_tensors)
    if isinstance(model, Functional):
        return _clone_functional(model, clone, input_tensors, call_function)
    if clone_function is not None or input_tensors is not None:
        raise ValueError(
            "Arguments `clone_function` and `input_tensors` are only supported for Sequential "
            "models or "
            f"Functional models. Received model of type '{type(model).__name__}'"
        )
    return default(model)


def _clone_sequential(model, clone, input_tensors):
    layers = [clone(layer) for layer in model.layers]
    first = model._chain[0] if model._chain else None
    if input_tensors is not None:
        tensors = tree.flatten(input_tensors)
        if len(tensors) != 1:
            raise ValueError("Argument `input_tensors` must contain a single tensor.")
        start = [tensors[0]]
    elif isinstance(first, InputLayer):
        start = [Input(batch_shape=first.batch_shape, dtype=first.dtype, name=first.name)]
    else:
        start = []
    return type(model)(start + layers, name=model.name, trainable=model.trainable)


def _clone_functional(model, clone, input_tensors, call_function):
    if input_tensors is None:
        fresh = tree.map_structure(
            lambda x: Input(
                batch_shape=x.shape, dtype=x.dtype, name=x._keras_history.operation.name
            ),
            model._inputs_struct,
        )
    else:
        fresh = tree.pack_sequence_as(model._inputs_struct, tree.flatten(input_tensors))
    copies: dict = {}

    def operation_fn(operation):
        if id(operation) not in copies:
            if isinstance(operation, Layer):
                copies[id(operation)] = clone(operation)
            else:
                copies[id(operation)] = type(operation).from_config(operation.get_config())
        return copies[id(operation)]

    outputs = model._run_through_graph(fresh, operation_fn, call_fn=call_function)
    return type(model)(fresh, outputs, name=model.name)
