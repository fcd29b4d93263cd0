"""Writes whole models as legacy `.h5` files, in the layout of Keras 2 that Keras 3 still writes."""

from __future__ import annotations

import io
import json
import os

import numpy as np

from ranvier import serialization
from ranvier.exported_names import find_builtin
from ranvier.saving import hdf5
from ranvier.saving.archive import write_atomically
from ranvier.saving.legacy import TOP, in_file_order

# An HDF5 object header holds 64 KB; longer lists of names are split over numbered attributes.
_ATTRIBUTE_BYTES = 64512


def save_model(model, path, keras_version, include_optimizer=True) -> None:
    """Writes architecture, weights, and what a compiled model was compiled with.

    Folders that are missing are made, as Keras makes them for this format alone.

    Raises:
        ValueError: something that has no config, or a name longer than a header can hold.
        SaveError: the file could not be written; an old one is unchanged.
    """
    h5py = hdf5.import_h5py()
    config = serialization.serialize_keras_object(model)
    model_config = {"class_name": type(model).__name__, "config": _layers(config["config"])}
    compiled = include_optimizer and model.compiled and model.optimizer is not None
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        _stamp(file, keras_version)
        file.attrs["model_config"] = json.dumps(model_config).encode()
        if compiled:
            file.attrs["training_config"] = json.dumps(_training_config(model)).encode()
        _write_layers(file.create_group("model_weights"), model, keras_version)
        if compiled and model.optimizer.variables:
            _write_weights(file.create_group("optimizer_weights"), model.optimizer.variables)
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    write_atomically(path, lambda file: file.write(buffer.getvalue()))


def _stamp(group, keras_version):
    group.attrs["backend"] = b"ranvier"
    group.attrs["keras_version"] = keras_version.encode()


def _write_layers(group, model, keras_version):
    _stamp(group, keras_version)
    _write_names(group, "layer_names", [layer.name for layer in model.layers])
    for layer in sorted(model.layers, key=lambda x: x.name):
        _write_weights(group.create_group(layer.name), in_file_order(layer))
    own = [*model._trainable_variables, *model._non_trainable_variables]
    _write_weights(group.create_group(TOP), own)


def _write_weights(group, variables):
    names: list[str] = []
    for variable in variables:
        name, count = variable.path, 1
        while name in names:
            count += 1
            name = f"{variable.path}_{count}"
        names.append(name)
        values = variable.numpy()
        wide = variable.dtype == "bfloat16"
        group.create_dataset(name, data=np.asarray(values, "float32" if wide else None))
    _write_names(group, "weight_names", names)


def _write_names(group, attribute, names):
    encoded = [name.encode() for name in names]
    longest = max(map(len, encoded), default=0)
    if longest > _ATTRIBUTE_BYTES:
        raise ValueError(
            f"A legacy `.h5` file cannot hold a name of {longest} bytes. Hint: save as `.keras`."
        )
    parts = max(1, -(-longest * len(encoded) // _ATTRIBUTE_BYTES))
    if parts == 1:
        group.attrs[attribute] = encoded
        return
    size = -(-len(encoded) // parts)
    for i in range(parts):
        group.attrs[f"{attribute}{i}"] = encoded[i * size : (i + 1) * size]


def _layers(config):
    """The config of a model with its layers, and those of nested models, in the old form."""
    if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
        return config
    return {**config, "layers": [_layer(entry) for entry in config["layers"]]}


def _layer(entry):
    kept = {k: entry[k] for k in ("name", "inbound_nodes") if k in entry}
    config = entry["config"]
    is_model = entry["class_name"] == "Sequential" or "input_layers" in config
    name = entry.get("registered_name") or _class_name(entry)
    return {"class_name": name, "config": _layers(config) if is_model else config, **kept}


def _class_name(entry):
    """The class's own name; today's files have the one that Keras exports."""
    cls = find_builtin(entry["module"] or "", entry["class_name"])
    return getattr(cls, "__name__", entry["class_name"])


def _training_config(model):
    config = dict(model.get_compile_config())
    optimizer = config.pop("optimizer")
    return {
        **{name: _plain(value) for name, value in config.items()},
        "optimizer_config": {
            "class_name": optimizer.get("registered_name") or optimizer["class_name"],
            "config": optimizer["config"],
        },
    }


def _plain(value):
    """Losses and metrics by class and config alone, functions by name."""
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if not isinstance(value, dict):
        return value
    if "class_name" not in value or "config" not in value:
        return {k: _plain(v) for k, v in value.items()}
    if value["class_name"] == "function":
        return value["config"]
    name = value.get("registered_name") or value["class_name"]
    return {"class_name": name, "config": value["config"]}
