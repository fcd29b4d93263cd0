"""Keras' `preprocessing` namespace: loaders of data, under the names of `utils`."""

from __future__ import annotations

import importlib

from ranvier import naming as _naming

_LAZY = {
    "image_dataset_from_directory": "utils.image_dataset",
    "text_dataset_from_directory": "utils.text_dataset",
    "timeseries_dataset_from_array": "utils.timeseries_dataset",
}
_SUBMODULES = ("image", "sequence")

__all__ = [*_LAZY, *_SUBMODULES]


def __getattr__(name):
    if name in _LAZY:
        return getattr(importlib.import_module(f"ranvier.{_LAZY[name]}"), name)
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise _naming.unknown_attribute(__name__, name, __all__)
