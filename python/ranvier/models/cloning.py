"""Copies of models with fresh weights."""

from __future__ import annotations

from ranvier import serialization, tree
from ranvier.layers.core.input_layer import Input, InputLayer
from ranvier.models.functional import Functional, takes_a_graph
from ranvier.models.sequential import Sequential
from ranvier.symbolic.keras_tensor import KerasTensor


def clone_model(
    model, input_tensors=None, clone_function=None, call_function=None, recursive=False, **kwargs
):
    """A new model with the same layers and newly initialized weights, compiled as the old one.

    Args:
        model: functional, sequential, or a subclassed model with a config.
        input_tensors: symbolic tensors to build upon, in the structure of the model's inputs.
        clone_function: makes the copy of one layer; by default from its config.
        call_function: calls a copied layer, as `fn(layer, *args, **kwargs)`; functional models
            only.
        recursive: whether nested models are cloned layer by layer as well.

    Raises:
        ValueError: arguments that the kind of model does not take.

    Example:
        >>> model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
        >>> keras.models.clone_model(model).count_params()
        8
    """
    cache = kwargs.pop("cache", {})
    if kwargs:
        raise ValueError(f"Unexpected keyword argument(s): {tuple(kwargs)}")
    if isinstance(model, Sequential):
        if call_function is not None:
            raise ValueError(
                "`call_function` argument is not supported with Sequential models: their layers "
                f"are only listed. Received model '{model.name}' of type '{type(model).__name__}'"
            )
        clone = _remembering(clone_function, None, recursive, cache)
        return _compiled_like(model, _clone_sequential(model, clone, input_tensors))
    if isinstance(model, Functional):
        clone = _remembering(clone_function, call_function, recursive, cache)
        return _compiled_like(model, _clone_functional(model, clone, input_tensors, call_function))
    if clone_function is not None or input_tensors is not None or call_function is not None:
        raise ValueError(
            "Arguments `clone_function`, `input_tensors` and `call_function` are only supported "
            "for Sequential models or Functional models. Received model of type "
            f"'{type(model).__name__}'"
        )
    config = serialization.serialize_keras_object(model)
    return serialization.deserialize_keras_object(
        config, custom_objects={type(model).__name__: type(model)}
    )


def _remembering(clone_function, call_function, recursive, cache):
    """The clone of a layer, one for each; nested models part by part when asked for."""

    def clone(layer):
        if id(layer) not in cache:
            if recursive and isinstance(layer, (Functional, Sequential)):
                chained = isinstance(layer, Sequential)
                cache[id(layer)] = clone_model(
                    layer, clone_function=clone_function, recursive=True, cache=cache,
                    call_function=None if chained else call_function,
                )  # fmt: skip
            elif clone_function is not None:
                cache[id(layer)] = clone_function(layer)
            else:
                cache[id(layer)] = type(layer).from_config(layer.get_config())
        return cache[id(layer)]

    return clone


def _compiled_like(model, copy):
    if model.compiled:
        copy.compile_from_config(model.get_compile_config())
    return copy


def _clone_sequential(model, clone, input_tensors):
    layers = [clone(layer) for layer in model.layers]
    first = model._chain[0] if model._chain else None
    if input_tensors is not None:
        tensors = tree.flatten(input_tensors)
        if len(tensors) != 1:
            raise ValueError("Argument `input_tensors` must contain a single tensor.")
        _check_symbolic(tensors)
        start = [tensors[0]]
    elif isinstance(first, InputLayer):
        start = [
            Input(batch_shape=first.batch_shape, dtype=first.dtype, name=first.name,
                  optional=first.optional)
        ]  # fmt: skip
    else:
        start = []
    return Sequential(start + layers, name=model.name, trainable=model.trainable)


def _check_symbolic(tensors):
    wrong = [x for x in tensors if not isinstance(x, KerasTensor)]
    if wrong:
        raise ValueError(
            f"All entries in `input_tensors` must be KerasTensors. Received invalid values: {wrong}"
        )


def _clone_functional(model, clone, input_tensors, call_function):
    struct = model._inputs_struct
    if input_tensors is None:
        fresh = tree.map_structure(
            lambda x: Input(batch_shape=x.shape, dtype=x.dtype, name=x.name), struct
        )
    else:
        flat = tree.flatten(input_tensors)
        _check_symbolic(flat)
        try:
            tree.assert_same_structure(struct, input_tensors)
        except ValueError as error:
            raise ValueError(
                "`input_tensors` must have the same structure as model.input. Expected: "
                f"{struct}. Received: {input_tensors}"
            ) from error
        fresh = tree.pack_sequence_as(struct, flat)
    outputs = model._run_through_graph(fresh, clone, call_fn=call_function)
    cls = type(model) if takes_a_graph(type(model)) else Functional
    return cls(fresh, outputs, name=model.name)
