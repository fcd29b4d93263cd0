"""Configs as Keras 2 had them: `{"class_name", "config"}`, without modules."""

from __future__ import annotations

import inspect

from ranvier import serialization

# Marks a value that was an object, not a dict, before it was serialized.
_WAS_OBJECT = "__passive_serialization__"


def serialize_keras_object(instance):
    """The legacy config of an object, or the registered name of a function or class.

    Raises:
        ValueError: the object has neither a config nor a name.

    Example:
        >>> keras.legacy.saving.serialize_keras_object(keras.regularizers.L2(0.5))
        {'class_name': 'L2', 'config': {'l2': 0.5}}
    """
    if instance is None:
        return None
    instance = inspect.unwrap(instance) if callable(instance) else instance
    if hasattr(instance, "get_config"):
        config = {key: _serialize_value(item) for key, item in instance.get_config().items()}
        return {
            "class_name": serialization.get_registered_name(type(instance)),
            "config": config,
        }
    if hasattr(instance, "__name__"):
        return serialization.get_registered_name(instance)
    raise ValueError(f"Cannot serialize {instance} because it doesn't implement `get_config()`.")


def _serialize_value(item):
    if isinstance(item, str):
        return item
    try:
        found = serialize_keras_object(item)
    except ValueError:
        return item
    return {**found, _WAS_OBJECT: True} if isinstance(found, dict) else found


def deserialize_keras_object(
    identifier, module_objects=None, custom_objects=None, printable_module_name="object"
):
    """The object that a legacy config, or a name, stands for.

    Args:
        identifier: a dict with `class_name` and `config`, a name, a function or `None`.
        module_objects: classes and functions by name, asked after the registered ones.
        custom_objects: the same, asked first.
        printable_module_name: what errors call the object.

    Raises:
        ValueError: an unknown name, or a config of another form.

    Example:
        >>> config = {"class_name": "L2", "config": {"l2": 0.5}}
        >>> classes = {"L2": keras.regularizers.L2}
        >>> penalty = keras.legacy.saving.deserialize_keras_object(config, module_objects=classes)
        >>> float(penalty(ops.array([2.0])))
        2.0
    """
    if identifier is None or inspect.isfunction(identifier):
        return identifier
    if isinstance(identifier, str):
        found = _find(identifier, module_objects, custom_objects, printable_module_name)
        return found() if inspect.isclass(found) else found
    if not isinstance(identifier, dict):
        raise ValueError(f"Could not interpret serialized {printable_module_name}: {identifier}")
    if "class_name" not in identifier or "config" not in identifier:
        raise ValueError(
            f"Improper config format for {identifier}. Expecting python dict contains "
            "`class_name` and `config` as keys"
        )
    name = identifier["class_name"]
    cls = _find(name, module_objects, custom_objects, printable_module_name)
    config = _deserialize_values(identifier["config"], module_objects, custom_objects)
    with serialization.CustomObjectScope(custom_objects or {}):
        if not hasattr(cls, "from_config"):
            return cls(**config)
        if "custom_objects" in inspect.signature(cls.from_config).parameters:
            return cls.from_config(config, custom_objects=custom_objects or {})
        return cls.from_config(config)


def _find(name, module_objects, custom_objects, printable_module_name):
    found = serialization.get_registered_object(name, custom_objects, module_objects)
    if found is None:
        raise ValueError(
            f"Unknown {printable_module_name}: '{name}'. Please ensure you are using a "
            "`keras.utils.custom_object_scope` and that this object is included in the scope."
        )
    return found


def _deserialize_values(config, module_objects, custom_objects):
    if not isinstance(config, dict):
        return config
    out = {}
    for key, item in config.items():
        if key != "name" and isinstance(item, dict) and _WAS_OBJECT in item:
            item = {k: v for k, v in item.items() if k != _WAS_OBJECT}
            item = deserialize_keras_object(item, module_objects, custom_objects, "config_item")
        elif key != "name" and isinstance(item, str):
            found = serialization.get_registered_object(item, custom_objects, module_objects)
            item = found if inspect.isfunction(found) else item
        out[key] = item
    return out
