"""Models inside other libraries: scikit-learn."""

from __future__ import annotations

from ranvier import naming as _naming

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]


def __getattr__(name):
    if name in __all__:
        from ranvier.wrappers import sklearn_wrapper

        return getattr(sklearn_wrapper, name)
    raise _naming.unknown_attribute(__name__, name, __all__)


def __dir__():
    return sorted({*globals(), *__all__})
