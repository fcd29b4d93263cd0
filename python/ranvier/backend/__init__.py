"""`keras.backend`: settings and small helpers."""

from ranvier.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    is_float_dtype,
    is_int_dtype,
    set_epsilon,
    set_floatx,
    set_image_data_format,
    standardize_dtype,
)
from ranvier.naming import get_uid
from ranvier.symbolic.keras_tensor import is_keras_tensor
from ranvier.utils import clear_session

__all__ = [
    "backend", "clear_session", "epsilon", "floatx", "get_uid", "image_data_format",
    "is_float_dtype", "is_int_dtype", "is_keras_tensor", "result_type", "set_epsilon", "set_floatx",
    "set_image_data_format", "standardize_dtype",
]  # fmt: skip


def result_type(*dtypes) -> str:
    """The dtype that operands of these dtypes combine to; `int` and `float` are weak.

    Example:
        >>> keras.backend.result_type("int32", "float16"), keras.backend.result_type("int8", int)
        ('float16', 'int8')
    """
    from ranvier.ops._define import result_type as combined

    return combined(*dtypes)
