"""Every row of the op tests against Keras' own function, in float32."""

from __future__ import annotations

import operator
import pathlib
import sys

import numpy as np
import pytest

keras = pytest.importorskip("keras")
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "ops"))
from op_rows import ROWS  # noqa: E402

from ranvier import ops, tree  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
# Keras on JAX reports integers by its own default; values and shapes are compared all the same.
DTYPE_DIFFERS = {"histogram", "nonzero", "argsort"}
COMPARED = [r for r in ROWS if r.keras]


def single(value):
    if isinstance(value, np.ndarray) and value.dtype == np.float64:
        return value.astype("float32")
    return value


@pytest.mark.parametrize("row", COMPARED, ids=[f"{i}-{r.id[:60]}" for i, r in enumerate(COMPARED)])
def test_same_as_keras(row):
    args = tree.map_structure(single, row.args)
    kwargs = {k: single(v) for k, v in row.kwargs.items()}
    ours = tree.flatten(operator.attrgetter(row.name)(ops)(*args, **kwargs))
    theirs = tree.flatten(operator.attrgetter(row.name)(keras.ops)(*args, **kwargs))
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        assert tuple(a.shape) == tuple(b.shape)
        if row.name not in DTYPE_DIFFERS:
            assert a.dtype == keras.backend.standardize_dtype(b.dtype)
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-4, atol=2e-5)
