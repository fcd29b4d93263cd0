"""Small helpers of Keras' `utils` namespace."""

from __future__ import annotations

import random as _python_random

import numpy as np

from ranvier import _backend as B
from ranvier import config, naming
from ranvier.config import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
    standardize_dtype,
)
from ranvier.serialization import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from ranvier.symbolic.keras_tensor import is_keras_tensor

_LAZY = {
    "model_to_dot": "models.visualization", "plot_model": "models.visualization",
    "PyDataset": "training.data_adapters", "Sequence": "training.data_adapters",
    "pack_x_y_sample_weight": "training.data_adapters",
    "unpack_x_y_sample_weight": "training.data_adapters",
    "Progbar": "training.progress",
    "Config": "utils.config_dict",
    "FeatureSpace": "utils.feature_space",
    "array_to_img": "utils.image_files", "img_to_array": "utils.image_files",
    "load_img": "utils.image_files", "save_img": "utils.image_files",
    "audio_dataset_from_directory": "utils.audio_dataset",
    "image_dataset_from_directory": "utils.image_dataset",
    "get_file": "utils.files",
    "split_dataset": "utils.splitting",
    "text_dataset_from_directory": "utils.text_dataset",
    "timeseries_dataset_from_array": "utils.timeseries_dataset",
}  # fmt: skip

__all__ = [
    "CustomObjectScope",
    "bounding_boxes",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "normalize",
    "pad_sequences",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "standardize_dtype",
    "to_categorical",
    *_LAZY,
]


_SUBMODULES = ("bounding_boxes", "legacy")


def __getattr__(name):
    import importlib

    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _LAZY:
        module = importlib.import_module(f"ranvier.{_LAZY[name]}")
        return getattr(module, "PyDataset" if name == "Sequence" else name)
    raise naming.unknown_attribute(__name__, name, __all__)


def __dir__():
    return sorted({*globals(), *_LAZY, *_SUBMODULES})


def set_random_seed(seed: int) -> None:
    """Seeds Python, NumPy and this package's global generator.

    Args:
        seed: a non-negative integer.

    Example:
        >>> keras.utils.set_random_seed(1)
        >>> a = keras.random.normal((2,))
        >>> keras.utils.set_random_seed(1)
        >>> bool(ops.all(a == keras.random.normal((2,))))
        True
    """
    if not isinstance(seed, int):
        raise ValueError(
            "Expected `seed` argument to be an integer. "
            f"Received: seed={seed} (of type {type(seed)})"
        )
    if not 0 <= seed < 2**32:
        raise ValueError(f"Seed must be between 0 and 2**32 - 1. Received: seed={seed}")
    from ranvier.random import seed as seeds

    _python_random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (programs draw from this one)
    seeds.reset_global_seed_generator(seed)


def clear_session(free_memory: bool = True) -> None:
    """Starts automatic names and the global random state anew.

    Args:
        free_memory: whether unused memory is given back.

    Example:
        >>> model = keras.Sequential()
        >>> keras.utils.clear_session()
        >>> keras.Sequential().name
        'sequential'
    """
    from ranvier.random import seed as seeds

    naming.reset_uids()
    seeds.reset_global_seed_generator()
    if free_memory:
        B.core.release_cached_memory()


def to_categorical(x, num_classes: int | None = None):
    """Integer classes as one-hot rows, float64 as NumPy's own; a tensor gives a tensor of `floatx`.

    Args:
        x: class indices of any shape.
        num_classes: size of the new last axis; the largest index and one by default.

    Raises:
        IndexError: a class is not below `num_classes`; classes below zero count from the end.

    Example:
        >>> keras.utils.to_categorical([0, 2], num_classes=3).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if isinstance(x, B.Tensor):
        return B.tensor(to_categorical(x.numpy(), num_classes), config.floatx())
    x = np.asarray(x, dtype="int64")
    shape = x.shape
    if shape and shape[-1] == 1 and len(shape) > 1:
        shape = shape[:-1]
    x = x.reshape(-1)
    if not num_classes:
        num_classes = int(np.max(x)) + 1
    if x.size and (x.min() < -num_classes or x.max() >= num_classes):
        bad = x[(x < -num_classes) | (x >= num_classes)][0]
        raise IndexError(
            f"to_categorical: class {bad} is out of range. Expected 0 <= class < {num_classes}. "
            f"Received: num_classes={num_classes}"
        )
    out = np.zeros((x.size, num_classes))
    out[np.arange(x.size), x] = 1
    return out.reshape((*shape, num_classes))


def normalize(x, axis: int = -1, order: int = 2):
    """The array divided by its norm along an axis; a zero norm leaves it alone.

    Args:
        x: array.
        axis: axis.
        order: of the norm.

    Example:
        >>> keras.utils.normalize(np.array([[0.0, 2.0]])).tolist()
        [[0.0, 1.0]]
    """
    if not isinstance(x, np.ndarray):
        from ranvier import ops

        return ops.normalize(x, axis=axis, order=order)
    x = np.asarray(x)
    length = np.atleast_1d(np.linalg.norm(x, order, axis))
    length[length == 0] = 1
    axis = axis or -1
    return x / np.expand_dims(length, axis)


def get_source_inputs(tensor) -> list:
    """The symbolic inputs that a symbolic tensor depends on.

    Example:
        >>> x = keras.Input((2,), name="x")
        >>> [t.name for t in keras.utils.get_source_inputs(layers.Dense(3)(x))]
        ['x']
    """
    if not hasattr(tensor, "_keras_history"):
        return [tensor]
    operation, node_index, _ = tensor._keras_history
    if not operation._inbound_nodes:
        return [tensor]
    node = operation._inbound_nodes[node_index]
    if node.is_input:
        return list(node.output_tensors)
    found: list = []
    for x in node.input_tensors:
        for source in get_source_inputs(x):
            if not any(source is f for f in found):
                found.append(source)
    return found


def pad_sequences(
    sequences, maxlen=None, dtype="int32", padding="pre", truncating="pre", value=0.0
) -> np.ndarray:
    """Lists of different lengths as the rows of one array.

    Args:
        sequences: lists of numbers.
        maxlen: length of the result; that of the longest by default.
        dtype: of the result.
        padding, truncating: "pre" or "post": where values are added or removed.
        value: what is added.

    Example:
        >>> keras.utils.pad_sequences([[1], [2, 3]]).tolist()
        [[0, 1], [2, 3]]
    """
    if not hasattr(sequences, "__len__"):
        raise ValueError("`sequences` must be iterable.")
    for x in sequences:
        if not hasattr(x, "__len__"):
            raise ValueError(f"`sequences` must be a list of iterables. Found non-iterable: {x}")
    for name, choice in (("padding", padding), ("truncating", truncating)):
        if choice not in ("pre", "post"):
            raise ValueError(f'{name.capitalize()} type "{choice}" not understood')
    lengths = [len(x) for x in sequences]
    maxlen = max(lengths, default=0) if maxlen is None else maxlen
    sample = next((np.asarray(x).shape[1:] for x in sequences if len(x)), ())
    is_text = np.issubdtype(np.dtype(dtype), np.str_)
    if isinstance(value, str) and dtype is not object and not is_text:
        raise ValueError(
            f"`dtype` {dtype} is not compatible with `value`'s type: {type(value)}\n"
            "You should set `dtype=object` for variable length strings."
        )
    out = np.full((len(sequences), maxlen, *sample), value, dtype=dtype)
    for i, x in enumerate(sequences):
        if not len(x) or not maxlen:
            continue
        kept = np.asarray(x[-maxlen:] if truncating == "pre" else x[:maxlen], dtype=dtype)
        if kept.shape[1:] != sample:
            raise ValueError(
                f"Shape of sample {kept.shape[1:]} of sequence at position {i} is different from "
                f"expected shape {sample}"
            )
        if padding == "post":
            out[i, : len(kept)] = kept
        else:
            out[i, -len(kept) :] = kept
    return out
