"""Whole models: `.keras` files (a zip of architecture and weights), or directories of the same."""

from __future__ import annotations

import json
import os
import warnings

from ranvier import serialization
from ranvier.saving import assets, hdf5, orbax
from ranvier.saving.archive import (
    MAX_CONFIG_BYTES,
    FileFormatError,
    Members,
    reading,
    write_atomically,
    write_zip,
)
from ranvier.saving.weights_file import WEIGHTS_MEMBER, check_overwrite, entries_of, load_state
from ranvier.scopes import SizeLimit
from ranvier.version import __version__

# The Keras whose file layout is written.
KERAS_VERSION = "3.15.1"
# Keras' tools read a date; like the members' times it is fixed, for equal bytes of equal models.
_DATE = "1980-01-01@00:00:00"
_SMALL_VARIABLE = 1 << 20


def save_model(model, filepath, overwrite=True, zipped=None, **kwargs):
    """Writes a model: architecture, weights, compile arguments and the optimizer's state.

    Real Keras can read the file. Equal models give equal bytes.

    Args:
        model: any model whose layers have configs.
        filepath: ends in `.keras`, or in `.h5` (the layout of Keras 2); a directory's name with
            `zipped=False`.
        overwrite: whether an existing file may be replaced.
        zipped: whether one file or a directory is written.

    Raises:
        ValueError: the name's ending, or something that cannot be stored (a lambda).
        SaveError: the file could not be written; an old one is unchanged.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), layers.Dense(3)])
        >>> keras.models.save_model(model, "model.keras")
        >>> copy = keras.models.load_model("model.keras")
        >>> bool(ops.all(copy.weights[0] == model.weights[0]))
        True
    """
    include_optimizer = kwargs.pop("include_optimizer", True)
    path = os.fspath(filepath)
    legacy = path.endswith((".h5", ".hdf5"))
    _check_format(kwargs.pop("save_format", None), path)
    if kwargs:
        raise ValueError(f"The following argument(s) are not supported: {sorted(kwargs)}")
    zipped = True if zipped is None else zipped
    if not zipped and path.endswith(".keras"):
        raise ValueError(
            "With `zipped=False` a directory is written, whose name should not end in `.keras`. "
            f"Received: filepath={path}"
        )
    if zipped and not legacy and not path.endswith(".keras"):
        raise ValueError(
            "Invalid filepath extension for saving. Please add either a `.keras` extension for the "
            "native Keras format (recommended) or a `.h5` extension. "
            f"Received: filepath={path}."
        )
    check_overwrite(path, overwrite)
    hdf5.import_h5py()
    if legacy and zipped:
        from ranvier.saving import legacy_write

        legacy_write.save_model(model, path, KERAS_VERSION, include_optimizer)
        return
    if not model.built:
        warnings.warn(
            "You are saving a model that has not yet been built. It might not contain any weights "
            "yet. Consider building the model first by calling it on some data. Model: "
            f"'{model.name}'.",
            stacklevel=2,
        )
    members = [
        (
            "metadata.json",
            json.dumps(
                {
                    "keras_version": KERAS_VERSION,
                    "date_saved": _DATE,
                    "ranvier_version": __version__,
                }
            ),  # fmt: skip
        ),
        ("config.json", config_text(model)),
        (WEIGHTS_MEMBER, hdf5.write(entries_of(model))),
        *assets.members_of(model),
    ]
    if zipped:
        write_atomically(path, lambda file: write_zip(file, members))
        return
    os.makedirs(path, exist_ok=True)
    for name, data in members:
        raw = data.encode() if isinstance(data, str) else data
        os.makedirs(os.path.dirname(os.path.join(path, name)), exist_ok=True)
        write_atomically(os.path.join(path, name), lambda file, raw=raw: file.write(raw))


def _check_format(save_format, path):
    """`save_format` was replaced by the file's ending."""
    if save_format and not path.endswith((".keras", ".h5", ".hdf5")):
        raise ValueError(
            "The `save_format` argument is deprecated in Keras 3. Please remove this argument and "
            "pass a file path with either `.keras` or `.h5` extension. Received: "
            f"save_format={save_format}"
        )


def config_text(model) -> str:
    """The model's architecture and compile arguments as JSON; equal models give equal texts."""
    return json.dumps(serialization.serialize_with_sharing(model))


def load_model(filepath, custom_objects=None, compile=True, safe_mode=True):
    """Reads a model that `save_model`, or Keras, wrote.

    Args:
        filepath: a `.keras` file, a directory of its members, a legacy `.h5` file, or a folder of
            Orbax checkpoints.
        custom_objects: classes and functions by the names the file has for them.
        compile: whether the model is compiled as it was when saved.
        safe_mode: accepted for Keras' sake; code in files is never run, whatever it says.

    Raises:
        FileFormatError: the file is damaged, or holds what is never read (lambdas, links).
        TypeError, ValueError: a class is unknown, or config and weights do not fit each other.
        ValueError, FileNotFoundError: there is no such `.keras` file; no such `.h5` file.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), layers.Dense(3)])
        >>> model.save("model.keras")
        >>> keras.models.load_model("model.keras").output_shape
        (None, 3)
    """
    path = os.fspath(filepath)
    if not os.path.exists(path) and path.endswith((".keras", ".h5", ".hdf5")):
        missing = ValueError if path.endswith(".keras") else FileNotFoundError  # as Keras has it
        raise missing(
            f"File not found: filepath={path}. Please ensure the file is an accessible `.keras` "
            f"zip file or `.h5` file."
        )
    if not os.path.isdir(path) and path.endswith((".h5", ".hdf5")):
        from ranvier.saving import legacy

        return legacy.load_model(path, custom_objects, compile)
    if not os.path.exists(os.path.join(path, "config.json")) and orbax.is_checkpoint(path):
        return orbax.load_model(path, custom_objects, compile, safe_mode)
    if not os.path.isdir(path) and not path.endswith(".keras"):
        raise ValueError(
            f"File format not supported: filepath={path}. Keras 3 only supports V3 `.keras` files "
            "and legacy H5 format files (`.h5` extension)."
        )
    with reading(path), Members(path) as members:
        config = members.read("config.json", MAX_CONFIG_BYTES)
        weights = members.read(WEIGHTS_MEMBER)
        files = assets.read_all(members)
    with hdf5.Reader(weights, path) as reader:
        limit = size_limit(reader.largest())
        model = model_of_config(config, path, limit, custom_objects, compile, safe_mode)
        load_state(model, reader, path)
        with reading(path):
            assets.load(model, files)
    return model


def model_of_config(text, path, limit, custom_objects=None, compile=True, safe_mode=True):
    """The model that a config describes, compiled as it says; its values are still to be read."""
    config = read_json(text, path)
    compile_config = config.pop("compile_config", None)
    with reading(path), limit, serialization.ObjectSharingScope():
        model = serialization.deserialize_keras_object(config, custom_objects, safe_mode)
    if not hasattr(model, "load_weights") and not getattr(model, "is_saved_whole", False):
        raise FileFormatError(f"{path}: the file describes a {type(model).__name__}, not a model.")
    if compile and compile_config:
        compile_model(model, compile_config, custom_objects)
    return model


def size_limit(largest: int) -> SizeLimit:
    """No variable may have more elements than the largest stored (small ones always may)."""
    return SizeLimit(max(largest, _SMALL_VARIABLE))


def read_json(text, path) -> dict:
    """A JSON object from bytes or text."""
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{path}: the config is not JSON ({error}).") from error
    if not isinstance(config, dict):
        raise FileFormatError(f"{path}: the config is not a JSON object.")
    return config


def compile_model(model, compile_config, custom_objects=None) -> None:
    """Compiles as the file says; what is not understood is a warning."""
    with serialization.CustomObjectScope(custom_objects or {}):
        try:
            model.compile_from_config(compile_config)
        except Exception as error:
            warnings.warn(
                f"The compile information of the model could not be read ({error}). The model is "
                "not compiled.",
                stacklevel=3,
            )
