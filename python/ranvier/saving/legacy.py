"""Reads the `.h5` files of Keras 1 and 2, models and weights; Keras 3 writes them too."""

from __future__ import annotations

import warnings

from ranvier import serialization
from ranvier.errors import FileFormatError
from ranvier.saving import hdf5, legacy_config
from ranvier.saving.archive import MAX_CONFIG_BYTES, reading
from ranvier.variable import StatelessScope

_MAX_ATTRIBUTE_PARTS = 10_000
TOP = "top_level_model_weights"


def load_model(path, custom_objects=None, compile=True):
    """The model of a legacy file.

    Raises:
        FileFormatError: the file is damaged, or has no model.
        ValueError: a class is unknown, or weights do not fit.
    """
    from ranvier.saving.model_file import read_json, size_limit

    with hdf5.Reader(path, path) as reader:
        with reading(path):
            text = _text(reader.file.attrs.get("model_config"))
            if text is None:
                raise FileFormatError(f"{path}: the file holds weights only, no model config.")
            if len(text) > MAX_CONFIG_BYTES:
                raise FileFormatError(f"{path}: the model config has {len(text)} characters.")
            with (
                size_limit(reader.largest()),
                serialization.CustomObjectScope(custom_objects or {}),
                serialization.ObjectSharingScope(),
            ):
                config = legacy_config.modern(read_json(text, path))
                model = serialization.deserialize_keras_object(config, custom_objects)
            training = _text(reader.file.attrs.get("training_config"))
        _load_group(model, reader, path, skip_mismatch=False, by_name=False)
        if compile and training:
            _compile(model, read_json(training, path), custom_objects, path)
            _load_optimizer(model, reader, path)
    return model


def load_weights(model, path, skip_mismatch=False, by_name=False) -> None:
    """Weights by position, or by layer name."""
    with hdf5.Reader(path, path) as reader:
        _load_group(model, reader, path, skip_mismatch, by_name)


def _text(value):
    if value is None:
        return None
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _names(group, attribute) -> list[str]:
    """A list of names, which may be split over `attribute0`, `attribute1`, …"""
    if attribute in group.attrs:
        parts = [group.attrs[attribute]]
    else:
        parts = []
        while f"{attribute}{len(parts)}" in group.attrs and len(parts) < _MAX_ATTRIBUTE_PARTS:
            parts.append(group.attrs[f"{attribute}{len(parts)}"])
    return [_text(n) for part in parts for n in part]


def _values(reader, group) -> list:
    return [reader.array(group, name) for name in _names(group, "weight_names")]


def in_file_order(layer) -> list:
    """Trainable weights, then the others, over all of a layer's parts."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _load_group(model, reader, path, skip_mismatch, by_name):
    with reading(path):
        root = reader.file
        if "layer_names" not in root.attrs and "layer_names0" not in root.attrs:
            inner = reader.group("model_weights")
            root = root if inner is None else inner
        saved = []
        for name in _names(root, "layer_names"):
            group = reader.group(name, root)
            if group is None:
                raise FileFormatError(f"{path}: the group of layer '{name}' is missing.")
            saved.append((name, _values(reader, group)))
        top = reader.group(TOP, root)
        top_values = [] if top is None else _values(reader, top)
    pairs = _by_name(model, saved) if by_name else _by_position(model, saved, path)
    own = [*model._trainable_variables, *model._non_trainable_variables]
    if top is not None and (own or top_values):
        pairs.append((model.name, own, top_values))
    _assign(pairs, path, skip_mismatch)


def _by_name(model, saved):
    layers = {layer.name: layer for layer in model.layers}
    return [(name, in_file_order(layers[name]), values) for name, values in saved if name in layers]


def _by_position(model, saved, path):
    own = [layer for layer in model.layers if layer.weights]
    saved = [(name, values) for name, values in saved if values]
    if len(own) != len(saved):
        raise ValueError(
            f"{path} does not fit the model '{model.name}': layer count mismatch. Expected "
            f"{len(own)} layers with weights ({[x.name for x in own][:12]}), found {len(saved)} "
            f"({[n for n, _ in saved][:12]})."
        )
    return [
        (f"{layer.name} (in the file: {name})", in_file_order(layer), values)
        for layer, (name, values) in zip(own, saved)
    ]


def _assign(pairs, path, skip_mismatch):
    """All values reach their variables, or none does."""
    written = []
    for name, variables, values in pairs:
        problem = None
        if len(variables) != len(values):
            problem = f"expected {len(variables)} weights, found {len(values)}"
        else:
            for variable, value in zip(variables, values):
                if tuple(variable.shape) != value.shape:
                    expected = tuple(variable.shape)
                    problem = f"'{variable.path}' expects shape {expected}, found {value.shape}"
                    break
        if problem is None:
            with StatelessScope() as scope:
                for variable, value in zip(variables, values):
                    variable.assign(value)
            written.extend(scope._env.written())
        elif skip_mismatch:
            warnings.warn(f"Skipped layer {name} of {path}: {problem}", stacklevel=4)
        else:
            raise ValueError(
                f"{path} does not fit the model; nothing was changed. Layer {name}: {problem}."
            )
    for handle, value in written:
        handle.assign(value)


def _compile(model, training, custom_objects, path):
    names = ("loss", "metrics", "weighted_metrics", "loss_weights")
    with serialization.CustomObjectScope(custom_objects or {}):
        try:
            arguments = {n: legacy_config.value(n, training.get(n)) for n in names}
            arguments["optimizer"] = legacy_config.optimizer(training["optimizer_config"])
            arguments = {k: serialization.deserialize_keras_object(v) for k, v in arguments.items()}
            model.compile(**arguments)
        except Exception as error:
            warnings.warn(
                f"The compile information of {path} could not be read ({error}). The model is not "
                f"compiled.",
                stacklevel=4,
            )


def _load_optimizer(model, reader, path):
    if not model.compiled or model.optimizer is None:
        return
    with reading(path):
        group = reader.group("optimizer_weights")
        values = [] if group is None else _values(reader, group)
    if not values:
        return
    model.optimizer.build(model.trainable_variables)
    own = model.optimizer.variables
    # Keras 2 has no variable for the learning rate.
    if len(values) == len(own) - 1 and own[1].shape == () and len(own) > 1:
        own = [own[0], *own[2:]]
    if [tuple(v.shape) for v in own] != [v.shape for v in values]:
        warnings.warn(
            f"The optimizer's state in {path} does not fit; it starts anew.", stacklevel=4
        )
        return
    _assign([("optimizer", own, values)], path, False)
