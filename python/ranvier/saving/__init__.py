"""Files: whole models (`.keras`), weights (`.weights.h5`), and names of custom objects.

A file is data: nothing in it is ever executed, classes are found by an allow-list, and sizes are
checked before memory is taken.
"""

from ranvier.errors import FileFormatError, SaveError
from ranvier.saving.file_editor import KerasFileEditor
from ranvier.saving.model_file import load_model, save_model
from ranvier.saving.weights_file import load_weights, save_weights
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

__all__ = [
    "CustomObjectScope", "FileFormatError", "KerasFileEditor", "SaveError", "custom_object_scope",
    "deserialize_keras_object", "get_custom_objects", "get_registered_name",
    "get_registered_object", "load_model", "load_weights", "register_keras_serializable",
    "save_model", "save_weights", "serialize_keras_object",
]  # fmt: skip
