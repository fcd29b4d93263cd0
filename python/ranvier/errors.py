"""The errors that this package raises on purpose.

Each is also the built-in class that Keras raises in its place: `except ValueError` catches a
`ShapeError`. A message says what was expected, what was received and, where it is known, what to
try. From Python 3.11 on, notes below it name the layer that was called and the model that ran.
"""

from __future__ import annotations

from ranvier import _backend as B

Error = B.Error
ShapeError = B.ShapeError
InvalidValueError = B.InvalidValueError
DTypeError = B.DTypeError
RangeError = B.RangeError
GraphError = B.GraphError
OutOfMemoryError = B.core.OutOfMemoryError
InternalError = B.core.InternalError


class AxisError(B.ShapeError, IndexError):
    """An axis is out of bounds; a ValueError and an IndexError, as in NumPy.

    Example:
        >>> try:
        ...     ops.sum(ops.ones((2, 3)), axis=5)
        ... except keras.errors.AxisError:
        ...     print("no such axis")
        no such axis
    """


class IntegerOverflowError(B.InvalidValueError, OverflowError):
    """A Python integer does not fit into a dtype; a ValueError and an OverflowError, as in NumPy.

    Example:
        >>> try:
        ...     ops.convert_to_tensor([1, 300], dtype="uint8")
        ... except keras.errors.IntegerOverflowError:
        ...     print("too large")
        too large
    """


class FileFormatError(ValueError):
    """A file is not what its name promises: truncated, damaged, or hostile.

    Example:
        >>> with open("bad.keras", "w") as file:
        ...     _ = file.write("no model")
        >>> try:
        ...     keras.models.load_model("bad.keras")
        ... except keras.errors.FileFormatError:
        ...     print("not a model")
        not a model
    """


class SaveError(OSError):
    """A file could not be written; what was there before is unchanged.

    Example:
        >>> issubclass(keras.errors.FolderNotFoundError, keras.errors.SaveError)
        True
    """


class FolderNotFoundError(SaveError, FileNotFoundError):
    """The folder that a file shall be written to is not there.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
        >>> try:
        ...     model.save("nowhere/model.keras")
        ... except keras.errors.FolderNotFoundError:
        ...     print("no such folder")
        no such folder
    """


class DataNotFoundError(FileNotFoundError):
    """A data set is neither on this machine nor can it be downloaded."""


__all__ = [
    "AxisError",
    "DTypeError",
    "DataNotFoundError",
    "Error",
    "FileFormatError",
    "FolderNotFoundError",
    "GraphError",
    "IntegerOverflowError",
    "InternalError",
    "InvalidValueError",
    "OutOfMemoryError",
    "RangeError",
    "SaveError",
    "ShapeError",
]
