"""Models: subclassed, sequential and functional."""

from __future__ import annotations

from ranvier import naming as _naming
from ranvier.models.cloning import clone_model
from ranvier.models.functional import Functional as Functional
from ranvier.models.model import Model, model_from_json
from ranvier.models.sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]


def __getattr__(name):
    if name in ("load_model", "save_model"):
        from ranvier import saving

        return getattr(saving, name)
    raise _naming.unknown_attribute(__name__, name, __all__)


def __dir__():
    return sorted({*globals(), "load_model", "save_model"})
