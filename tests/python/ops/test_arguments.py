"""What a wrong argument of an op raises."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier import backend, ops, random

X = np.ones((3, 4), "float32")
SQUARES = np.ones((2, 3, 3), "float32")
MISTAKES = [
    (lambda: ops.sum(X, axis=5), IndexError, "axis 5 is out of bounds"),
    (lambda: ops.sum(X, axis=5), ValueError, "axis 5 is out of bounds"),
    (lambda: ops.sum(ops.ones(()), axis=0), ValueError, "Expected none"),
    (lambda: ops.abs(None), ValueError, "None is not a value"),
    (lambda: ops.gcd(X, X), ValueError, "expected integers"),
    (lambda: ops.lcm([True], [True]), ValueError, "expected integers"),
    (lambda: ops.vander(X), ValueError, "must be 1-dimensional"),
    (lambda: ops.argpartition(X, (1, 2)), ValueError, "`kth` must be an integer"),
    (lambda: ops.inner(X, X[0, :3]), ValueError, "last dimension"),
    (lambda: ops.reshape(X, (-1, -1)), ValueError, "at most one unknown dimension"),
    (lambda: ops.reshape(X, (-2, 6)), ValueError, "non-negative integer"),
    (lambda: ops.cdist(X, X[0]), ValueError, "two sets of points"),
    (lambda: ops.cdist(X, X[:, :2]), ValueError, "as many coordinates"),
    (lambda: ops.solve(SQUARES, X[0]), ValueError, "Expected as many rows in both"),
    (lambda: ops.solve(SQUARES, np.ones((4, 3, 1))), ValueError, "batches that broadcast"),
    (lambda: ops.solve_triangular(SQUARES, X[:1]), ValueError, "Expected as many rows in both"),
    (lambda: ops.corrcoef(X[None]), ValueError, "variables in rows"),
    (lambda: ops.repeat(5, 3, axis=1), ValueError, "out of bounds"),
    (lambda: ops.array_split(X, 0), ValueError, "at least 1"),
    (lambda: ops.concatenate([]), ValueError, "at least one tensor"),
    (lambda: random.shuffle(ops.ones(())), ValueError, "out of bounds"),
    (lambda: ops.linspace(0, 1, 2.5), TypeError, "integer"),
    (lambda: ops.associative_scan(ops.add, ops.ones(())), ValueError, "out of bounds"),
    (lambda: ops.image.extract_patches(ops.ones((1, 8, 8, 3)), (0, 2)), ValueError, "positive"),
]


@pytest.mark.parametrize(("call", "kind", "message"), MISTAKES)
def test_mistakes(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize(
    "dtypes, expected",
    [
        ((np.dtype("bool"), "int8"), "int8"),
        ((np.dtype("bool"), float), "float32"),
        ((bool, "bool"), "bool"),
        (("bfloat16", "bool", int), "bfloat16"),
        (("uint8", None), "float32"),
    ],
)
def test_dtypes_that_operands_combine_to(dtypes, expected):
    assert backend.result_type(*dtypes) == expected


@pytest.mark.parametrize("dtype", ["int8", "uint8", "float16", "bfloat16", "float32"])
def test_a_range_has_the_dtype_of_its_bounds(dtype):
    three = ops.cast(3, dtype)
    for values in (ops.arange(three), ops.arange(0, three), ops.arange(0 * three, three, 1)):
        assert values.dtype == dtype
        assert np.asarray(ops.cast(values, "int32")).tolist() == [0, 1, 2]
    assert ops.arange(np.int64(3)).dtype == "int32"


def test_dtypes_of_tensors_combine():
    assert backend.result_type(ops.ones(2, "bool").dtype, ops.ones(2, "int16").dtype) == "int16"


def test_ranges_of_integers_round_their_bounds():
    assert ops.arange(-1.5, 5, 2, dtype="int32").tolist() == [-1, 1, 3, 5]


def test_a_number_is_repeated_as_a_vector():
    assert ops.repeat(5, 3, axis=0).tolist() == [5, 5, 5]


def test_cross_products_of_planes_and_spaces_keep_integers():
    product = ops.cross(np.array([[1, 2]], "int8"), np.array([[0, 0, 1]], "int8"))
    assert product.dtype == "int8" and product.tolist() == [[2, -1, 0]]
