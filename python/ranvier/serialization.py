"""Names of classes and their configs: what Keras' files say about an object, both ways.

Reading accepts registered custom objects and the exported names of this package, nothing else: no
import by name, no code from files.
"""

from __future__ import annotations

import base64
import contextlib
import inspect
import types

import numpy as np

from ranvier.config import thread_state
from ranvier.errors import ShapeError
from ranvier.exported_names import (
    PACKAGE,
    exported,
    find_builtin,
    keras_module_of,
    public_name,
)

_GLOBAL_OBJECTS: dict[str, object] = {}
_GLOBAL_NAMES: dict[object, str] = {}
_scopes: list[dict[str, object]] = []
_shared: list[dict] = []


class CustomObjectScope:
    """Makes names known to deserialization inside a `with` block.

    Example:
        >>> class Twice(layers.Layer):
        ...     def call(self, x):
        ...         return 2 * x
        >>> config = layers.serialize(Twice())
        >>> with keras.saving.CustomObjectScope({"Twice": Twice}):
        ...     layers.deserialize(config)(ops.ones(2)).tolist()
        [2.0, 2.0]
    """

    def __init__(self, custom_objects: dict):
        self.custom_objects = custom_objects or {}

    def __enter__(self):
        _scopes.append(self.custom_objects)
        return self

    def __exit__(self, *exc):
        _scopes.remove(self.custom_objects)


custom_object_scope = CustomObjectScope


def get_custom_objects() -> dict:
    """The global table of registered names; changes take effect.

    Example:
        >>> keras.saving.get_custom_objects()["twice"] = lambda x: 2 * x
        >>> keras.activations.get("twice")(4)
        8
        >>> del keras.saving.get_custom_objects()["twice"]
    """
    return _GLOBAL_OBJECTS


def register_keras_serializable(package: str = "Custom", name: str | None = None):
    """Class or function decorator: lets files name the object as `package>name`.

    Example:
        >>> @keras.saving.register_keras_serializable("mine")
        ... def halve(x):
        ...     return x / 2
        >>> keras.activations.get("mine>halve")(4.0)
        2.0
    """

    def decorator(arg):
        registered = f"{package}>{name if name is not None else arg.__name__}"
        if inspect.isclass(arg) and not hasattr(arg, "get_config"):
            raise ValueError(
                "Cannot register a class that does not have a get_config() method. "
                f"Received: {arg.__name__}"
            )
        _GLOBAL_OBJECTS[registered] = arg
        _GLOBAL_NAMES[arg] = registered
        return arg

    return decorator


def get_registered_name(obj) -> str:
    """`package>name` of a registered object, else its plain name.

    Example:
        >>> keras.saving.get_registered_name(layers.Dense)
        'Dense'
    """
    try:
        if obj in _GLOBAL_NAMES:
            return _GLOBAL_NAMES[obj]
    except TypeError:
        pass
    return obj.__name__


def get_registered_object(name: str, custom_objects: dict | None = None, module_objects=None):
    """The class or function registered under the name, or `None`.

    Example:
        >>> keras.saving.get_registered_object("sort", custom_objects={"sort": sorted})([2, 1])
        [1, 2]
    """
    for scope in reversed(_scopes):
        if name in scope:
            return scope[name]
    if name in _GLOBAL_OBJECTS:
        return _GLOBAL_OBJECTS[name]
    if custom_objects and name in custom_objects:
        return custom_objects[name]
    if module_objects and name in module_objects:
        return module_objects[name]
    return None


def _in_scopes(obj) -> str | None:
    for scope in reversed(_scopes):
        for name, value in scope.items():
            if value is obj:
                return name
    return None


class ObjectSharingScope:
    """Within it, every serialized object has its id, and one id is one object when read."""

    def __enter__(self):
        _shared.append({})
        return self

    def __exit__(self, *exc):
        _shared.pop()


def serialize_with_sharing(obj) -> dict:
    """The form of an object, where all objects that occur in it more than once have an id, counted
    from 1 in the order they appear: equal objects give equal forms."""
    with ObjectSharingScope():
        config = serialize_keras_object(obj)
        places: dict[int, list[dict]] = {}
        _collect_ids(config, places)
    repeated = [same for same in places.values() if len(same) > 1]
    for (place,) in (same for same in places.values() if len(same) == 1):
        del place["shared_object_id"]
    for number, same in enumerate(repeated, 1):
        for place in same:
            place["shared_object_id"] = number
    return config


def _collect_ids(config, places):
    if isinstance(config, dict):
        if isinstance(config.get("shared_object_id"), int):
            places.setdefault(config["shared_object_id"], []).append(config)
        for value in config.values():
            _collect_ids(value, places)
    elif isinstance(config, (list, tuple)):
        for value in config:
            _collect_ids(value, places)


def serialize_dict(obj: dict) -> dict:
    """Each value serialized."""
    return {key: serialize_keras_object(value) for key, value in obj.items()}


def serialize_keras_object(obj):
    """A JSON-ready form of an object, value or structure, as Keras' config files have it.

    Example:
        >>> keras.saving.serialize_keras_object({"rate": 0.1, "shape": (2, 3)})
        {'rate': 0.1, 'shape': (2, 3)}
    """
    if obj is None or type(obj) in (str, bool, int, float):
        return obj
    if isinstance(obj, (bool, int, float, str)):
        return obj if not isinstance(obj, np.floating) else float(obj)
    if isinstance(obj, (list, tuple)):
        values = [serialize_keras_object(x) for x in obj]
        return tuple(values) if isinstance(obj, tuple) else values
    if isinstance(obj, dict):
        return serialize_dict(obj)
    if isinstance(obj, np.generic):
        return obj.item()
    special = _serialize_special(obj)
    if special is not None:
        return special
    if (
        isinstance(obj, types.FunctionType)
        or inspect.isbuiltin(obj)
        or (not inspect.isclass(obj) and not hasattr(obj, "get_config") and callable(obj))
    ):
        return _serialize_function(obj)
    if inspect.isclass(obj):
        return _serialize_class(obj)
    if not hasattr(obj, "get_config"):
        raise TypeError(
            f"Cannot serialize object {obj} of type {type(obj)}. To be serializable, a class must "
            "implement the `get_config()` method."
        )
    return _serialize_instance(obj)


def _serialize_special(obj):
    from ranvier.symbolic.keras_tensor import KerasTensor

    if isinstance(obj, KerasTensor):
        history = getattr(obj, "_keras_history", None)
        if history is not None:
            history = [history[0].name, history[1], history[2]]
        config = {"shape": obj.shape, "dtype": obj.dtype, "keras_history": history}
        return {"class_name": "__keras_tensor__", "config": config}
    if isinstance(obj, np.ndarray):
        if obj.ndim == 0:
            return obj.item()
        return {
            "class_name": "__numpy__",
            "config": {"value": obj.tolist(), "dtype": obj.dtype.name},
        }
    if isinstance(obj, np.dtype):
        return obj.name
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("utf-8")}}
    if isinstance(obj, slice):
        return {
            "class_name": "__slice__",
            "config": {
                "start": serialize_keras_object(obj.start),
                "stop": serialize_keras_object(obj.stop),
                "step": serialize_keras_object(obj.step),
            },
        }
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if type(obj).__name__ == "Tensor" and hasattr(obj, "is_symbol"):
        return {
            "class_name": "__tensor__",
            "config": {"value": np.asarray(obj.numpy(), "float64").tolist()
                       if obj.dtype == "bfloat16" else obj.numpy().tolist(),
                       "dtype": obj.dtype},
        }  # fmt: skip
    return None


def _serialize_function(fn):
    name = getattr(fn, "__name__", None)
    if name == "<lambda>":
        raise ValueError(
            "A lambda cannot be saved: files never hold code. Use a named function decorated with "
            "`@keras.saving.register_keras_serializable()`."
        )
    builtin = (getattr(fn, "__module__", None) or "").startswith(PACKAGE)
    return {
        "module": "builtins",
        "class_name": "function",
        "config": name if builtin else _in_scopes(fn) or get_registered_name(fn),
        "registered_name": "function",
    }


def _class_names(cls) -> dict:
    builtin = keras_module_of(cls)
    registered = _in_scopes(cls) or get_registered_name(cls)
    if builtin is not None and registered == cls.__name__:
        private = builtin.startswith("keras.src.")
        return {
            "module": builtin,
            "class_name": public_name(cls),
            "registered_name": cls.__name__ if private else None,
        }
    module = cls.__module__
    return {
        "module": None if module in ("__main__", "builtins") else module,
        "class_name": cls.__name__,
        "registered_name": registered,
    }


def _serialize_class(cls):
    names = _class_names(cls)
    return {"module": names["module"], "class_name": names["class_name"], "config": None,
            "registered_name": names["registered_name"]}  # fmt: skip


def _serialize_instance(obj) -> dict:
    names = _class_names(type(obj))
    config = serialize_keras_object_config(obj)
    out = {
        "module": names["module"],
        "class_name": names["class_name"],
        "config": config,
        "registered_name": names["registered_name"],
    }
    if hasattr(obj, "get_build_config"):
        build_config = obj.get_build_config()
        if build_config is not None:
            out["build_config"] = serialize_dict(build_config)
    if hasattr(obj, "get_compile_config"):
        out["compile_config"] = serialize_dict(obj.get_compile_config() or {})
    if _shared:
        _shared[-1][id(obj)] = obj
        out["shared_object_id"] = id(obj)
    return out


def serialize_keras_object_config(obj) -> dict:
    """`get_config()` with its values serialized."""
    config = obj.get_config()
    if not isinstance(config, dict):
        raise TypeError(
            f"The `get_config()` method of {obj} should return a dict. It returned: {config}"
        )
    return serialize_dict(config)


def _plain_values(class_name, config):
    if class_name == "__tensor__":
        from ranvier import ops

        return ops.convert_to_tensor(np.asarray(config["value"]), config["dtype"])
    if class_name == "__numpy__":
        return np.array(config["value"], dtype=config["dtype"])
    if class_name == "__bytes__":
        value = config["value"]
        return value.encode("utf-8") if isinstance(value, str) else base64.b64decode(value)
    if class_name == "__slice__":
        return slice(*[deserialize_keras_object(config[k]) for k in ("start", "stop", "step")])
    if class_name == "__ellipsis__":
        return Ellipsis
    if class_name == "__keras_tensor__":
        from ranvier.symbolic.keras_tensor import KerasTensor

        return KerasTensor(config["shape"], dtype=config["dtype"])
    if class_name == "__lambda__":
        raise ValueError(
            "The config holds a Python lambda as byte code, and reading it would allow arbitrary "
            "code execution. That is never done here. Replace the lambda by a registered function."
        )
    raise TypeError(f"Could not locate class '{class_name}': no such marker of Keras' files.")


def deserialize_keras_object(config, custom_objects=None, safe_mode: bool = True, **kwargs):
    """The object that a serialized form describes.

    Raises `TypeError` for names that are neither exported by this package nor registered.

    Args:
        safe_mode: whether anonymous functions are refused.

    Example:
        >>> config = keras.saving.serialize_keras_object(layers.Dense(3))
        >>> keras.saving.deserialize_keras_object(config).units
        3
    """
    module_objects = kwargs.pop("module_objects", None)
    kwargs.pop("printable_module_name", None)
    if kwargs:
        raise ValueError(f"deserialize_keras_object: unknown arguments {sorted(kwargs)}")
    if config is None or isinstance(config, (int, float, bool)):
        return config
    if isinstance(config, str):
        found = get_registered_object(config, custom_objects, module_objects)
        return config if found is None else found
    if isinstance(config, (list, tuple)):
        return [deserialize_keras_object(c, custom_objects, safe_mode) for c in config]
    if not isinstance(config, dict):
        raise TypeError(f"Could not parse config: {config}")
    if "class_name" not in config or "config" not in config:
        return {
            key: deserialize_keras_object(value, custom_objects, safe_mode)
            for key, value in config.items()
        }
    class_name = config["class_name"]
    inner = config["config"]
    if class_name.startswith("__") and class_name.endswith("__"):
        return _plain_values(class_name, inner if inner is not None else {})
    if "registered_name" not in config and "module" not in config:
        config = {**config, "module": None, "registered_name": None}
    shared_id = config.get("shared_object_id")
    table = _shared[-1] if _shared else None
    if table is not None and shared_id is not None and ("read", shared_id) in table:
        return table[("read", shared_id)]
    obj = _deserialize_named(config, custom_objects, module_objects, safe_mode)
    if table is not None and shared_id is not None:
        table[("read", shared_id)] = obj
    return obj


@contextlib.contextmanager
def _reading(safe_mode):
    state = thread_state()
    outer = in_safe_mode()
    state.safe_mode = safe_mode
    try:
        yield
    finally:
        state.safe_mode = outer


def in_safe_mode() -> bool:
    """Whether an object is just being made from a config that is not trusted."""
    return getattr(thread_state(), "safe_mode", False)


def _resolve(config, custom_objects, module_objects):
    module, class_name = config.get("module"), config["class_name"]
    registered = config.get("registered_name")
    lookup = config["config"] if class_name == "function" else class_name
    if class_name == "function" and not isinstance(lookup, str):
        raise TypeError(
            "Expected 'config' to be a non-null str for a function. "
            f"Received: config={lookup} (of type {type(lookup)})"
        )
    for name in (registered, lookup):
        if isinstance(name, str) and name not in ("function",):
            found = get_registered_object(name, custom_objects, module_objects)
            if found is not None:
                return found
    if class_name == "function":
        found = _find_function(lookup, custom_objects)
        _refuse_registered_name(config, lookup)
        return found
    if isinstance(module, str) and module.split(".")[0] == "keras":
        found = find_builtin(module, class_name)
        if found is not None:
            _refuse_registered_name(config, class_name)
            return found
    if module is None and registered in (None, class_name):
        for namespace in ("layers", "models"):
            found = exported(namespace, class_name)
            if inspect.isclass(found):
                return found
    raise TypeError(
        f"Could not locate {'function' if class_name == 'function' else 'class'} '{class_name}'. "
        "Make sure custom classes are decorated with "
        f"`@keras.saving.register_keras_serializable()`. Full object config: {_shortened(config)}"
    )


def _shortened(config) -> str:
    """The beginning of a config's text: that of a model fills pages."""
    text = str(config)
    return text if len(text) <= 400 else f"{text[:400]}…"


def _refuse_registered_name(config, name):
    """Only custom objects have registered names; a config that says otherwise was tampered with."""
    given = config.get("registered_name")
    if given and given not in (name, config["class_name"]):
        raise ValueError(
            f"The config gives `registered_name={given!r}`, but '{name}' resolved to a Keras "
            "built-in, which has none. Remove `registered_name` from the config. Full object "
            f"config: {config}"
        )


def _find_function(name, custom_objects=None):
    for namespace in ("activations", "losses", "metrics", "ops", "initializers", "regularizers"):
        found = exported(namespace, name)
        if isinstance(found, types.FunctionType):
            return found
    # Keras up to 3.6 wrote a registered function without its package.
    for objects in (*reversed(_scopes), _GLOBAL_OBJECTS, custom_objects or {}):
        for full, found in objects.items():
            if full.endswith(f">{name}"):
                return found
    raise TypeError(
        f"Could not locate function '{name}'. Make sure custom functions are decorated with "
        "`@keras.saving.register_keras_serializable()`."
    )


def _deserialize_named(config, custom_objects, module_objects, safe_mode):
    found = _resolve(config, custom_objects, module_objects)
    if config["class_name"] == "function" or isinstance(found, types.FunctionType):
        return found
    inner = config["config"]
    if inner is None:
        return found
    if not isinstance(inner, dict):
        raise TypeError(
            f"Expected 'config' to be a dict for {config['class_name']}. "
            f"Received: config={inner} (of type {type(inner)})"
        )
    if not hasattr(found, "from_config"):
        raise TypeError(
            f"Unable to reconstruct an instance of '{config['class_name']}' because the class is "
            f"missing a `from_config()` method. Full object config: {_shortened(config)}"
        )
    scope = CustomObjectScope(custom_objects) if custom_objects else contextlib.nullcontext()
    with scope, _reading(safe_mode):
        try:
            instance = found.from_config(inner)
        except ShapeError:
            raise
        except TypeError as error:
            raise TypeError(
                f"{found} could not be deserialized properly. Please ensure that components that "
                "are Python object instances (layers, models, etc.) returned by `get_config()` are "
                f"explicitly deserialized in the model's `from_config()` method.\n\n"
                f"config={_shortened(config)}.\n\nException encountered: {error}"
            ) from error
        build_config = config.get("build_config")
        if build_config and not getattr(instance, "built", True):
            instance.build_from_config(deserialize_keras_object(build_config))
            instance.built = True
        compile_config = config.get("compile_config")
        if compile_config:
            instance.compile_from_config(compile_config)
            instance.compiled = True
    return instance
