"""Configs of Keras 1 and 2, and of legacy files of Keras 3, in the form that is read today."""

from __future__ import annotations

import warnings

from ranvier import serialization
from ranvier.exported_names import find_builtin
from ranvier.symbolic.operation import operation_module

# Where a class named by a key of a config is looked for; others are layers and models.
_NAMESPACE_OF = (
    ("initializer", "initializers"),
    ("regularizer", "regularizers"),
    ("constraint", "constraints"),
    ("learning_rate", "optimizers.schedules"),
    ("optimizer", "optimizers"),
    ("metric", "metrics"),
    ("loss", "losses"),
)
# Keys that newer or older versions do not know, dropped while they say nothing.
_NEUTRAL = {
    "groups": (1,), "ragged": (False,), "sparse": (False,), "time_major": (False,),
    "quantization_config": (None,), "renorm": (False,), "optional": (False,), "batch_size": (None,),
}  # fmt: skip
_NO_GROUPS = ("DepthwiseConv1D", "DepthwiseConv2D", "Conv1DTranspose", "Conv2DTranspose",
              "Conv3DTranspose", "SeparableConv1D", "SeparableConv2D")  # fmt: skip


def modern(config):
    """A legacy `{"class_name", "config"}` of a model with the keys that files have today."""
    return _object(config, "layers")


def _object(config, namespace):
    if "module" in config and config["module"] is not None:
        return config
    name = config.get("class_name")
    inner = config.get("config")
    out = {k: v for k, v in config.items() if k not in ("class_name", "config")}
    if not isinstance(name, str):
        raise ValueError(f"The config names no class: {str(config)[:200]}")
    if name == "Lambda" or name.startswith("__lambda"):
        raise ValueError(
            "The file holds a Lambda layer, which is Python byte code; that is never read."
        )
    out["class_name"] = name
    out["registered_name"] = config.get("registered_name", name if ">" in name else None)
    out["module"] = _module_of_op(config) or _module(name, namespace)
    is_known = out["module"] or name == "Functional" or serialization.get_registered_object(name)
    if not is_known:
        raise ValueError(
            f"Unknown class '{name}', looked for in keras.{namespace}. Hint: register it, or hand "
            "it over in `custom_objects` or a `keras.utils.custom_object_scope`."
        )
    out["config"] = _inner(name, inner, namespace) if isinstance(inner, dict) else inner
    if name in ("Model", "Functional") and isinstance(inner, dict) and "input_layers" in inner:
        out.update(
            module="keras.src.models.functional",
            class_name="Functional",
            registered_name="Functional",
        )
        for key in ("input_layers", "output_layers"):
            # One tensor in a list is, in these files, one tensor.
            if len(inner[key]) == 1 and isinstance(inner[key][0], list):
                out["config"][key] = inner[key][0]
    if name == "Sequential" and isinstance(inner, list):
        out["config"] = _inner(name, {"layers": inner}, namespace)
    return out


def _module_of_op(config):
    """Files of Keras 3 tell an op from the layer of its name by what a layer's config has more."""
    calls = config.get("inbound_nodes")
    if not calls or not isinstance(calls[0], dict) or "trainable" in (config.get("config") or {}):
        return None
    return operation_module(config["class_name"])


def _module(name, namespace):
    if name in ("Sequential", "Model"):
        return "keras"
    for candidate in (namespace, "layers", "initializers", "regularizers", "constraints",
                      "optimizers", "optimizers.schedules", "losses", "metrics"):  # fmt: skip
        if find_builtin(f"keras.{candidate}", name) is not None:
            return f"keras.{candidate}"
    return None


def _inner(name, config, namespace):
    out = {}
    for key, item in config.items():
        if key == "batch_input_shape" and name == "InputLayer":
            key = "batch_shape"
        if namespace == "layers" and _says_nothing(name, key, item):
            continue
        out[key] = value(key, item)
    if name == "Sequential":
        out["layers"] = _with_input(config.get("layers", []), out.get("layers", []))
    if name == "BatchNormalization" and isinstance(out.get("axis"), list) and len(out["axis"]) == 1:
        out["axis"] = out["axis"][0]
    return out


def _says_nothing(name, key, item) -> bool:
    if key in ("batch_input_shape", "implementation"):
        return True
    if key == "groups" and name not in _NO_GROUPS:
        return False
    return key in _NEUTRAL and any(item is neutral or item == neutral for neutral in _NEUTRAL[key])


def _with_input(old_layers, layers):
    """Keras 1 and 2 may give the input's shape with the first layer."""
    if not old_layers or old_layers[0].get("class_name") == "InputLayer":
        return layers
    shape = (old_layers[0].get("config") or {}).get("batch_input_shape")
    if shape is None:
        return layers
    entry = {
        "module": "keras.layers", "class_name": "InputLayer", "registered_name": None,
        "config": {"batch_shape": shape, "name": f"{old_layers[0]['config'].get('name')}_input"},
    }  # fmt: skip
    return [entry, *layers]


def value(key, item):
    """A value of a config in today's form; its key says what kind of class it may name."""
    if isinstance(item, dict):
        if key in ("dtype", "dtype_policy") and item.get("class_name") in ("Policy", "DTypePolicy"):
            return item["config"]["name"]
        if "class_name" not in item or "config" not in item:
            return {k: value(k, v) for k, v in item.items()}
        if str(item["class_name"]).startswith("__") and item["class_name"] != "__lambda__":
            return item
        return _object(item, next((ns for part, ns in _NAMESPACE_OF if part in key), "layers"))
    if isinstance(item, list) and key not in ("inbound_nodes", "input_layers", "output_layers"):
        return [value(key, v) for v in item]
    return item


def optimizer(config):
    """`optimizer_config` of a legacy file."""
    inner = dict(config.get("config") or {})
    if "lr" in inner:
        inner["learning_rate"] = inner.pop("lr")
    for key in ("decay", "schedule_decay"):
        if inner.pop(key, 0):
            warnings.warn(
                f"The optimizer's argument `{key}` is no longer supported; ignored.", stacklevel=4
            )
    for key in ("is_legacy_optimizer", "jit_compile"):
        inner.pop(key, None)
    if inner.get("weight_decay") == 0:
        inner["weight_decay"] = None
    return _object({**config, "config": inner}, "optimizers")
