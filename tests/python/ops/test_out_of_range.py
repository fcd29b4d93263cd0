"""Indices that name no row, and slopes at the outer corners: as in Keras on JAX."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier import activations, grad, jit, ops

TABLE = np.array([[1, 2, 3], [4, 5, 6]])
FILLS = {
    "float32": np.nan,
    "float16": np.nan,
    "float64": np.nan,
    "bfloat16": np.nan,
    "int8": -128,
    "int32": -(2**31),
    "uint8": 255,
    "uint32": 2**32 - 1,
    "bool": 1,
}


def both(fn, *args):
    """The eager result, which the compiled one equals."""
    eager = fn(*args)
    np.testing.assert_array_equal(plain(eager), plain(jit(fn)(*args)))
    return plain(eager)


def plain(x):
    return np.asarray(ops.cast(x, "float64"))


@pytest.mark.parametrize("dtype", list(FILLS))
def test_take_fills_what_lies_outside(dtype):
    x = ops.cast(TABLE, dtype)
    index = np.array([0, 2, -1, -3])
    rows = both(lambda x, i: ops.take(x, i, axis=0), x, index)
    expected = plain(ops.cast(TABLE[[0, 0, 1, 0]], dtype)).copy()
    expected[[1, 3]] = FILLS[dtype]
    np.testing.assert_array_equal(rows, expected)
    flat = both(lambda x, i: ops.take(x, i), x, np.array([5, 6, -6, -7]))
    np.testing.assert_array_equal(flat[[0, 2]], plain(ops.cast([6, 1], dtype)))
    np.testing.assert_array_equal(flat[[1, 3]], [FILLS[dtype]] * 2)
    along = both(ops.take_along_axis, x.reshape(-1), index)
    assert not np.isnan(along).any()
    along = both(lambda x, i: ops.take_along_axis(x, i, axis=1), x, np.array([[3], [-4]]))
    np.testing.assert_array_equal(along, [[FILLS[dtype]]] * 2)


def test_what_lies_outside_has_no_gradient():
    x, index = TABLE.astype("float32"), np.array([1, 2, -3, 1])
    slope = grad(lambda x: ops.sum(ops.nan_to_num(ops.take(x, index, axis=0))))
    expected = [[0, 0, 0], [2, 2, 2]]
    np.testing.assert_array_equal(both(slope, x), expected)
    along = grad(lambda x: ops.sum(ops.take_along_axis(x, index[:, None] + np.zeros((4, 3)), 0)))
    with pytest.raises(TypeError, match="integers"):
        along(x)
    places = np.broadcast_to(index[:, None], (4, 3)).astype("int32")
    along = grad(lambda x: ops.sum(ops.take_along_axis(x, places, axis=0)))
    np.testing.assert_array_equal(both(along, x), expected)
    second = grad(lambda v: ops.sum(grad(lambda x: ops.sum(ops.take(x, index, 0) * v))(x)))
    np.testing.assert_array_equal(both(second, np.ones((4, 3), "float32"))[:, 0], [1, 0, 0, 1])


def test_long_rows_are_filled_where_they_are_used():
    table = np.random.default_rng(0).normal(size=(5, 40)).astype("float32")
    index = np.array([[4, 5], [-5, -6]])
    out = both(lambda t, i: ops.take(t, i, axis=0) * 2.0 + 1.0, table, index)
    np.testing.assert_array_equal(np.isnan(out[..., 0]), [[False, True], [False, True]])
    np.testing.assert_allclose(out[0, 0], table[4] * 2 + 1, rtol=1e-6)


def test_subscripts_are_clamped():
    x = TABLE.astype("float32")
    for index in (np.array([0, 9, -9]), np.array([7, 0], "uint8")):
        rows = both(lambda x, i: x[i], ops.convert_to_tensor(x), ops.convert_to_tensor(index))
        wanted = np.where(index < 0, index.astype("int64") + 2, index).clip(0, 1)
        np.testing.assert_array_equal(rows, x[wanted])
    corners = both(lambda x: x[np.array([5, -5]), np.array([0, 9])], ops.convert_to_tensor(x))
    np.testing.assert_array_equal(corners, [4, 3])


def test_scatters_leave_out_what_lies_outside():
    index, values = np.array([[0], [3], [-1], [-4]]), np.arange(1.0, 5, dtype="float32")
    np.testing.assert_array_equal(both(lambda i, v: ops.scatter(i, v, (3,)), index, values),
                                  [1, 0, 3])  # fmt: skip
    pairs = np.array([[0, 0], [0, 3], [-1, -1], [1, -4], [2, 0]])
    out = ops.scatter(pairs, np.arange(1.0, 6, dtype="float32"), (2, 3))
    np.testing.assert_array_equal(out, [[1, 0, 0], [0, 0, 3]])
    base = np.zeros(3, "float32")
    np.testing.assert_array_equal(both(ops.scatter_update, base, index, values), [1, 0, 3])
    slope = grad(lambda v: ops.sum(ops.scatter(index, v, (3,))))
    np.testing.assert_array_equal(both(slope, values), [1, 0, 1, 0])
    np.testing.assert_array_equal(ops.bincount(np.array([0, 2, -1])), [2, 0, 1])


def test_computed_starts_count_from_the_end():
    x = np.arange(5.0, dtype="float32")
    start = np.array([-2], "int32")
    np.testing.assert_array_equal(both(lambda x, s: ops.slice(x, s, (2,)), x, start), [3, 4])
    update = np.ones(3, "float32")
    np.testing.assert_array_equal(both(ops.slice_update, x, start, update), [0, 1, 1, 1, 1])


def test_flat_at_the_outer_corners():
    def slope(fn, x):
        return both(grad(lambda x: ops.sum(fn(x))), np.asarray(x, "float32"))

    np.testing.assert_array_equal(slope(ops.relu6, [-1, 0, 5, 6, 7]), [0, 0, 1, 0, 0])
    np.testing.assert_array_equal(slope(ops.hard_sigmoid, [-3, 3]), [0, 0])
    np.testing.assert_array_equal(slope(ops.hard_silu, [-3, 3]), [0, 1])
    np.testing.assert_array_equal(slope(lambda x: activations.relu(x, max_value=6.0), [6]), [0])
    bent = slope(lambda x: activations.relu(x, 0.1, max_value=3.0, threshold=1.0), [0, 1, 2, 3])
    np.testing.assert_allclose(bent, [0.1, 0, 1, 0.5], rtol=1e-6)


def test_a_ceiling_makes_zero_the_floor_of_relu():
    x = np.array([-2.0, -0.5, 0.5, 7.0], "float32")
    out = activations.relu(x, threshold=-1.0, max_value=6.0)
    np.testing.assert_array_equal(out, [0, 0, 0.5, 6])
    out = activations.relu(x, negative_slope=0.5, threshold=-1.0, max_value=6.0)
    np.testing.assert_array_equal(out, [-0.5, 0, 0.5, 6])


def test_promotion_stays_within_32_bits():
    a = ops.ones((2,), "uint32")
    for dtype in ("int8", "int16", "int32"):
        assert (a + ops.ones((2,), dtype)).dtype == "int32"
    assert (a + ops.ones((2,), "int64")).dtype == "int64"
    assert ops.full((2,), np.array([1, 2])).dtype == "float32"
    with pytest.raises(TypeError, match="known sizes"):
        ops.zeros((None, 2))


def test_subscripts_read_the_nearest_element_and_pass_no_gradient_to_it():
    x = np.array([1.0, 2.0, 4.0], "float32")
    index = np.array([0, 7, -1, -9, 2])
    np.testing.assert_array_equal(both(lambda x, i: x[i], ops.convert_to_tensor(x), index),
                                  [1, 4, 4, 1, 4])  # fmt: skip
    for i in (index, ops.cast(index, "int32")):
        slope = grad(lambda x, i=i: ops.sum(ops.multiply(x[i], [1.0, 2.0, 3.0, 4.0, 5.0])))
        np.testing.assert_array_equal(both(slope, x), [1, 0, 8])
    x = np.arange(24, dtype="float32").reshape(2, 3, 4)
    for rows, columns in (([0, 5, 1], [1, 1, -7]), ([[0], [2]], [[3, -5]])):
        rows, columns = np.array(rows), np.array(columns)
        for axes in ((0, 2), (1, 2), (0, 1)):
            keys: list = [slice(None)] * 3
            keys[axes[0]], keys[axes[1]] = rows, columns
            slope = grad(lambda x, keys=tuple(keys): ops.sum(x[keys]))
            sizes = [x.shape[a] for a in axes]
            near = [np.clip(k, -n, n - 1) % n for k, n in zip((rows, columns), sizes)]
            inside = (rows == np.clip(rows, -sizes[0], sizes[0] - 1)) & (
                columns == np.clip(columns, -sizes[1], sizes[1] - 1)
            )
            expected = np.zeros_like(x)
            moved = np.moveaxis(expected, axes, (0, 1))
            np.add.at(moved, tuple(near), np.where(inside, 1.0, 0.0)[..., None])
            np.testing.assert_array_equal(both(slope, x), expected)


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64"])
def test_integers_over_zero_are_those_of_xla(dtype):
    a, b = ops.cast([7, -7, 0, 5], dtype), ops.cast([0, 0, 0, 2], dtype)
    np.testing.assert_array_equal(both(ops.floor_divide, a, b), [-2, -2, -1, 2])
    np.testing.assert_array_equal(both(ops.mod, a, b), [0, 0, 0, 1])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64"])
def test_unsigned_integers_over_zero_are_the_largest(dtype):
    a, b = np.array([7, 1, 0, 5], dtype), np.array([0, 0, 0, 2], dtype)
    most = np.iinfo(dtype).max
    expected = [most, most, most, 2]
    np.testing.assert_array_equal(both(ops.floor_divide, a, b), expected)
    tensors = ops.convert_to_tensor(a), ops.convert_to_tensor(b)
    np.testing.assert_array_equal(ops.floor_divide(*tensors), expected)
    np.testing.assert_array_equal(both(lambda a, b: ops.floor_divide(a, b) * 1, a, b), expected)
    np.testing.assert_array_equal(both(ops.mod, a, b), [0, 0, 0, 1])
