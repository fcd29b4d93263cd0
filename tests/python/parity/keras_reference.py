"""The real Keras on its JAX engine; tests that import this are skipped where it is missing."""

import os
import warnings

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    keras = pytest.importorskip("keras", exc_type=ImportError)

import ranvier


def close(ours, theirs, rtol=1e-5, atol=1e-6):
    """Asserts equal shapes and values."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)


def raised(function, *args, **kwargs):
    """The built-in type of what a call raises, or its result."""
    try:
        return function(*args, **kwargs)
    except Exception as error:
        return next(c.__name__ for c in type(error).__mro__ if c.__module__ == "builtins")


def plain(value):
    """Tensors as arrays with their dtype; containers element by element."""
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "__array__") and hasattr(value, "dtype"):
        array = np.asarray(value)
        return [str(array.dtype), list(array.shape), array.astype("float64").ravel().tolist()]
    return value


def same(ours, theirs):
    """Whether two results of `plain` agree, floats to rounding."""
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, float) and isinstance(theirs, float):
        return bool(np.isclose(ours, theirs, rtol=1e-4, atol=1e-5, equal_nan=True))
    return type(ours) is type(theirs) and ours == theirs


def agree(program):
    """Runs a program, a function of the package, in both and compares what it returns."""
    results = []
    for package in (ranvier, keras):
        package.utils.clear_session()
        package.utils.set_random_seed(0)
        results.append(plain(program(package)))
    assert same(*results), f"ours: {results[0]}\nKeras: {results[1]}"
