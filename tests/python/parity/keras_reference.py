"""The real Keras on its JAX engine; tests that import this are skipped where it is missing."""

import os
import warnings

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    keras = pytest.importorskip("keras", exc_type=ImportError)


def close(ours, theirs, rtol=1e-5, atol=1e-6):
    """Asserts equal shapes and values."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)
