"""Objects from what users name them by: a string, a config, a class, or the object itself."""

from __future__ import annotations

import inspect

from ranvier import naming, serialization


def names_of(objects, aliases=None) -> dict:
    """A table of the objects by class name, by its snake case, and by aliases."""
    table = {}
    for obj in objects:
        table[obj.__name__] = obj
        table.setdefault(naming.to_snake_case(obj.__name__), obj)
    table.update(aliases or {})
    return table


def resolve(identifier, table: dict, kind: str):
    """The object that `identifier` stands for; classes are instantiated.

    Args:
        identifier: `None`, a name, a config, a class, or a callable object.
        table: built-in objects by name.
        kind: what is looked for, for the error.

    Raises:
        ValueError: nothing callable is found under the name.
    """
    if identifier is None:
        return None
    found = identifier
    if isinstance(identifier, dict):
        found = serialization.deserialize_keras_object(identifier, module_objects=table)
    elif isinstance(identifier, str):
        found = serialization.get_registered_object(identifier, module_objects=table)
    if not callable(found):
        names = sorted(name for name in table if name[:1].islower())
        raise ValueError(
            f"Could not interpret {kind} identifier: {identifier}. Expected a name among {names}, "
            f"a config, or a callable.{naming.similar([identifier], names)}"
        )
    return found() if inspect.isclass(found) else found


def trio(table: dict, kind: str, module: str, sample: str):
    """`serialize`, `deserialize` and `get` of a module of built-in objects.

    Args:
        table: built-in objects by name.
        kind: what they are, for docstrings and errors.
        module: public name of the module, for examples.
        sample: a class of the table that takes no arguments, for examples.
    """

    def serialize(obj):
        return serialization.serialize_keras_object(obj)

    def deserialize(config, custom_objects=None):
        return serialization.deserialize_keras_object(
            config, custom_objects=custom_objects, module_objects=table
        )

    def get(identifier):
        return resolve(identifier, table, kind)

    article = "an" if kind[0] in "aeiou" else "a"
    serialize.__doc__ = f"""The config of {article} {kind} or of its function.

    Example:
        >>> keras.{module}.serialize(keras.{module}.{sample}())["class_name"]
        '{sample}'
    """
    deserialize.__doc__ = f"""The {kind} that a config describes.

    Example:
        >>> config = {{"class_name": "{sample}", "config": {{}}}}
        >>> type(keras.{module}.deserialize(config)).__name__
        '{sample}'
    """
    get.__doc__ = f"""The {kind} for a name, a config, a class or a callable; `None` stays `None`.

    Raises:
        ValueError: an unknown name.

    Example:
        >>> type(keras.{module}.get("{sample}")).__name__
        '{sample}'
    """
    return serialize, deserialize, get
