"""What is refused: our error is an instance of the built-in type that Keras raises on JAX."""

from __future__ import annotations

import numpy as np
import pytest
from keras_reference import keras

import ranvier

pytestmark = pytest.mark.filterwarnings("ignore")
A, B, CUBE = (np.ones(shape, "float32") for shape in ((2, 3), (4, 5), (2, 2, 2)))

CALLS = {
    "add": lambda ops: ops.add(A, B),
    "equal": lambda ops: ops.equal(A, B),
    "logical_and": lambda ops: ops.logical_and(A > 0, B > 0),
    "where": lambda ops: ops.where(A > 0, A, B),
    "matmul": lambda ops: ops.matmul(A, B),
    "tensordot": lambda ops: ops.tensordot(A, B, 1),
    "einsum": lambda ops: ops.einsum("ij,jk->ik", A, B),
    "reshape": lambda ops: ops.reshape(A, (4,)),
    "concatenate": lambda ops: ops.concatenate([A, B], 0),
    "stack": lambda ops: ops.stack([A, B]),
    "broadcast_to": lambda ops: ops.broadcast_to(A, (4, 3)),
    "transpose": lambda ops: ops.transpose(A, (0,)),
    "transpose_axis": lambda ops: ops.transpose(A, (0, 2)),
    "squeeze": lambda ops: ops.squeeze(A, 0),
    "split": lambda ops: ops.split(A, 2, 1),
    "split_axis": lambda ops: ops.split(A, 2, 7),
    "sum_axis": lambda ops: ops.sum(A, 5),
    "argmax_axis": lambda ops: ops.argmax(A, 4),
    "moments_axis": lambda ops: ops.moments(A, 5),
    "slice": lambda ops: ops.slice(A, (0, 0), (3, 3)),
    "slice_update": lambda ops: ops.slice_update(A, (0, 0), B),
    "max_pool": lambda ops: ops.max_pool(A, 2),
    "full": lambda ops: ops.full((-1,), 1),
    "diag": lambda ops: ops.diag(CUBE),
    "while_loop": lambda ops: ops.while_loop(lambda x: x, lambda x: x - 1, 1.0),
    "fori_loop": lambda ops: ops.fori_loop(0, 3, lambda i, x: ops.concatenate([x, x]), A),
}


@pytest.mark.parametrize("name", CALLS)
def test_is_of_the_type_that_keras_raises(name):
    with pytest.raises(Exception) as theirs:
        CALLS[name](keras.ops)
    built_in = next(c for c in theirs.type.__mro__ if c.__module__ == "builtins")
    with pytest.raises(built_in):
        CALLS[name](ranvier.ops)
