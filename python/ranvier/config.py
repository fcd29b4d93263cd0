"""Global settings: default float type, fuzz factor, data format, and the names of dtypes."""

from __future__ import annotations

import os
import threading
import warnings

import numpy as np

from ranvier import _backend as B
from ranvier import naming

FLOAT_TYPES = ("bfloat16", "float16", "float32", "float64")
INT_TYPES = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
ALL_DTYPES = (
    FLOAT_TYPES + INT_TYPES + ("bool", "string", "complex64", "float8_e4m3fn", "float8_e5m2")
)

_floatx = "float32"
_epsilon = 1e-7
_image_data_format = "channels_last"
_interactive_logging = True
_traceback_filtering = True
_flash_attention: bool | None = None
_max_epochs: int | None = None
_max_steps_per_epoch: int | None = None


class _ThreadState(threading.local):
    """What scopes set on a thread. Defaults are of the class: an attribute that is not there costs
    an exception, half of what a small op takes."""

    autocast = call_context = stateless_scopes = feed = probing = stand_in = size_limit = None
    symbolic_depth = 0


_state = _ThreadState()


def thread_state() -> threading.local:
    """Per-thread attributes shared by scopes (autocast, name scopes, call contexts)."""
    return _state


def backend() -> str:
    """Name of the engine.

    Example:
        >>> keras.config.backend()
        'ranvier'
    """
    return "ranvier"


def set_backend(backend: str) -> None:
    """Keras' switch of engines; there is one here.

    Args:
        backend: "ranvier".
    """
    if backend != "ranvier":
        raise ValueError(
            f"set_backend: unknown backend. Expected 'ranvier'. Received: backend={backend!r}"
        )


def floatx() -> str:
    """The default float dtype of layers and creation functions.

    Example:
        >>> keras.config.floatx()
        'float32'
    """
    return _floatx


def set_floatx(value: str) -> None:
    """Sets the default float dtype.

    Args:
        value: "bfloat16", "float16", "float32" or "float64".

    Example:
        >>> keras.config.set_floatx("float16")
        >>> ops.zeros(2).dtype
        'float16'
        >>> keras.config.set_floatx("float32")
    """
    global _floatx
    if value not in FLOAT_TYPES:
        raise ValueError(
            f"set_floatx: unknown floating point type. Expected one of {FLOAT_TYPES}. "
            f"Received: value={value!r}"
        )
    _floatx = str(value)
    B.core.forget_replays()


def epsilon() -> float:
    """The small number that keeps divisions and logarithms finite.

    Example:
        >>> keras.config.epsilon()
        1e-07
    """
    return _epsilon


def set_epsilon(value: float) -> None:
    """Sets the fuzz factor.

    Args:
        value: a float.

    Example:
        >>> keras.config.set_epsilon(1e-5)
        >>> keras.config.epsilon()
        1e-05
        >>> keras.config.set_epsilon(1e-7)
    """
    global _epsilon
    _epsilon = float(value)
    B.core.forget_replays()


def image_data_format() -> str:
    """`"channels_last"` or `"channels_first"`: what layers assume when not told.

    Example:
        >>> keras.config.image_data_format()
        'channels_last'
    """
    return _image_data_format


def standardize_data_format(data_format: str | None) -> str:
    """The data format an argument means; `None` means the global one."""
    if data_format is None:
        return _image_data_format
    name = str(data_format).lower()
    if name not in ("channels_last", "channels_first"):
        raise ValueError(
            "The `data_format` argument must be one of {'channels_first', 'channels_last'}. "
            f"Received: data_format={data_format}"
        )
    return name


def set_image_data_format(data_format: str) -> None:
    """Sets the default data format.

    Args:
        data_format: "channels_last" or "channels_first".

    Example:
        >>> keras.config.set_image_data_format("channels_first")
        >>> layers.Conv2D(4, 3)(ops.ones((1, 3, 8, 8))).shape
        (1, 4, 6, 6)
        >>> keras.config.set_image_data_format("channels_last")
    """
    global _image_data_format
    _image_data_format = standardize_data_format(data_format)
    B.core.forget_replays()


def enable_interactive_logging() -> None:
    """Progress goes to the terminal.

    Example:
        >>> keras.config.enable_interactive_logging()
        >>> keras.config.is_interactive_logging_enabled()
        True
    """
    global _interactive_logging
    _interactive_logging = True


def disable_interactive_logging() -> None:
    """Progress goes to the logger.

    Example:
        >>> keras.config.disable_interactive_logging()
        >>> keras.config.is_interactive_logging_enabled()
        False
        >>> keras.config.enable_interactive_logging()
    """
    global _interactive_logging
    _interactive_logging = False


def is_interactive_logging_enabled() -> bool:
    """Whether progress goes to the terminal.

    Example:
        >>> keras.config.enable_interactive_logging()
        >>> keras.config.is_interactive_logging_enabled()
        True
    """
    return _interactive_logging


def enable_traceback_filtering() -> None:
    """Errors of layers and models show the caller's frames, without the package's own (default).

    Example:
        >>> keras.config.enable_traceback_filtering()
        >>> keras.config.is_traceback_filtering_enabled()
        True
    """
    global _traceback_filtering
    _traceback_filtering = True


def disable_traceback_filtering() -> None:
    """Errors show every frame, those inside the package too.

    Example:
        >>> keras.config.disable_traceback_filtering()
        >>> keras.config.is_traceback_filtering_enabled()
        False
        >>> keras.config.enable_traceback_filtering()
    """
    global _traceback_filtering
    _traceback_filtering = False


def is_traceback_filtering_enabled() -> bool:
    """Whether the package's own frames are left out of tracebacks.

    Example:
        >>> keras.config.enable_traceback_filtering()
        >>> keras.config.is_traceback_filtering_enabled()
        True
    """
    return _traceback_filtering


def enable_flash_attention() -> None:
    """Lets attention layers use the tiled kernel where it applies; the default.

    Example:
        >>> keras.config.enable_flash_attention()
        >>> print(keras.config.is_flash_attention_enabled())
        None
    """
    global _flash_attention
    _flash_attention = None
    B.core.forget_replays()


def disable_flash_attention() -> None:
    """Makes attention layers compute with explicit scores.

    Example:
        >>> keras.config.disable_flash_attention()
        >>> keras.config.is_flash_attention_enabled()
        False
        >>> keras.config.enable_flash_attention()
    """
    global _flash_attention
    _flash_attention = False
    B.core.forget_replays()


def is_flash_attention_enabled() -> bool | None:
    """`False` after `disable_flash_attention`, else `None`: used where it applies.

    Example:
        >>> keras.config.disable_flash_attention()
        >>> keras.config.is_flash_attention_enabled()
        False
        >>> keras.config.enable_flash_attention()
    """
    return _flash_attention


def is_nnx_enabled() -> bool:
    """Flax NNX variables exist only on Keras' JAX engine.

    Example:
        >>> keras.config.is_nnx_enabled()
        False
    """
    return False


def max_epochs() -> int | None:
    """Upper limit that `fit` puts on its epochs, from `KERAS_MAX_EPOCHS` or `set_max_epochs`.

    Example:
        >>> keras.config.set_max_epochs(3)
        >>> keras.config.max_epochs()
        3
        >>> keras.config.set_max_epochs(None)
    """
    return _limit(_max_epochs, "KERAS_MAX_EPOCHS")


def set_max_epochs(max_epochs: int | None) -> None:
    """Limits the epochs of every later `fit`.

    Args:
        max_epochs: an integer, or `None`.

    Example:
        >>> keras.config.set_max_epochs(2)
        >>> model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> model.fit(np.ones((4, 2)), np.ones(4), epochs=50, verbose=0).epoch
        [0, 1]
        >>> keras.config.set_max_epochs(None)
    """
    global _max_epochs
    _max_epochs = max_epochs


def max_steps_per_epoch() -> int | None:
    """Upper limit on steps per epoch, from `KERAS_MAX_STEPS_PER_EPOCH` or the setter.

    Example:
        >>> keras.config.set_max_steps_per_epoch(100)
        >>> keras.config.max_steps_per_epoch()
        100
        >>> keras.config.set_max_steps_per_epoch(None)
    """
    return _limit(_max_steps_per_epoch, "KERAS_MAX_STEPS_PER_EPOCH")


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limits the steps of every later epoch.

    Args:
        max_steps_per_epoch: an integer, or `None`.

    Example:
        >>> keras.config.set_max_steps_per_epoch(100)
        >>> keras.config.max_steps_per_epoch()
        100
        >>> keras.config.set_max_steps_per_epoch(None)
    """
    global _max_steps_per_epoch
    _max_steps_per_epoch = max_steps_per_epoch


def _limit(value: int | None, variable: str) -> int | None:
    if value is None and os.environ.get(variable):
        return int(os.environ[variable])
    return value


def dtype_policy():
    """The global dtype policy.

    Example:
        >>> keras.config.dtype_policy().name
        'float32'
    """
    from ranvier import dtype_policies

    return dtype_policies.dtype_policy()


def set_dtype_policy(policy) -> None:
    """Sets the global dtype policy.

    Example:
        >>> keras.config.set_dtype_policy("mixed_bfloat16")
        >>> layers.Dense(2)(ops.ones((1, 3))).dtype
        'bfloat16'
        >>> keras.config.set_dtype_policy("float32")
    """
    from ranvier import dtype_policies

    dtype_policies.set_dtype_policy(policy)


_PYTHON_TYPES = {bool: "bool", int: "int32", float: None, str: "string"}
_ALIASES = {"int": "int32"}
_KNOWN = {name: name for name in ALL_DTYPES}


def standardize_dtype(dtype) -> str:
    """The Keras name of a dtype given as a name, a Python type, or any library's dtype object.

    Example:
        >>> keras.backend.standardize_dtype(np.float32), keras.backend.standardize_dtype(int)
        ('float32', 'int32')
    """
    if dtype is None:
        return _floatx
    if isinstance(dtype, str) and dtype in _KNOWN:
        return _KNOWN[dtype]  # a plain string, also for a tensor's dtype
    if isinstance(dtype, type) and dtype in _PYTHON_TYPES:
        return _PYTHON_TYPES[dtype] or _floatx
    if isinstance(dtype, str):
        name = _ALIASES.get(dtype, dtype)
    elif hasattr(dtype, "name") and isinstance(dtype.name, str):
        name = dtype.name
    elif str(dtype).startswith("torch."):
        name = str(dtype).split(".")[-1]
    else:
        try:
            name = np.dtype(dtype).name
        except TypeError:
            name = getattr(dtype, "__name__", str(dtype))
    if name.startswith("str") or name == "object":
        name = "string"
    if name not in _KNOWN:
        raise ValueError(f"Invalid dtype: {dtype}.{naming.similar([dtype], _KNOWN)}")
    return name


_HALF_AS_WIDE = {"float64": "float32", "int64": "int32", "uint64": "uint32"}


def narrowed_dtype(dtype) -> str:
    """The dtype that stands for one of NumPy's where its 64 bits are only NumPy's default."""
    name = standardize_dtype(dtype)
    return name if name == _floatx else _HALF_AS_WIDE.get(name, name)


def enable_unsafe_deserialization() -> None:
    """Keras' permission to run code from files; there is nothing to permit here.

    Files are data: a Python lambda in one is never read, with or without this call.
    """
    warnings.warn(
        "enable_unsafe_deserialization changes nothing: code in files is never run. Hint: replace "
        "a lambda by a function with `@keras.saving.register_keras_serializable()`.",
        stacklevel=2,
    )


def is_float_dtype(dtype) -> bool:
    """Whether the dtype is a floating point type.

    Example:
        >>> keras.backend.is_float_dtype("bfloat16"), keras.backend.is_float_dtype("int8")
        (True, False)
    """
    name = standardize_dtype(dtype)
    return name.startswith(("float", "bfloat"))


def is_int_dtype(dtype) -> bool:
    """Whether the dtype is a signed or unsigned integer type.

    Example:
        >>> keras.backend.is_int_dtype("uint8"), keras.backend.is_int_dtype("bool")
        (True, False)
    """
    name = standardize_dtype(dtype)
    return name.startswith(("int", "uint"))


__all__ = [
    "backend", "disable_flash_attention", "disable_interactive_logging",
    "disable_traceback_filtering", "dtype_policy", "enable_flash_attention",
    "enable_interactive_logging", "enable_traceback_filtering",
    "enable_unsafe_deserialization", "epsilon", "floatx", "image_data_format",
    "is_flash_attention_enabled", "is_interactive_logging_enabled", "is_nnx_enabled",
    "is_traceback_filtering_enabled", "max_epochs", "max_steps_per_epoch", "set_backend",
    "set_dtype_policy", "set_epsilon", "set_floatx", "set_image_data_format",
    "set_max_epochs", "set_max_steps_per_epoch",
]  # fmt: skip
