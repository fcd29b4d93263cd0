"""Conversions and control flow, on values and compiled."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier import GradientTape, Variable, grad, jit, ops, remat


def both(fn, *args):
    """The result on values, checked to be that of the compiled function."""
    eager = np.asarray(fn(*map(ops.convert_to_tensor, args)))
    compiled = np.asarray(jit(fn)(*map(np.asarray, args)))
    np.testing.assert_allclose(compiled, eager, rtol=1e-6)
    return eager


def test_conversion_keeps_numpy_dtypes_and_defaults_python_ones():
    for dtype in ("float64", "int8", "uint16", "bool", "float16"):
        assert ops.convert_to_tensor(np.zeros(2, dtype)).dtype == dtype
    assert ops.convert_to_tensor(1).dtype == "int32"
    assert ops.convert_to_tensor(1.0).dtype == "float32"
    assert ops.convert_to_tensor([True]).dtype == "bool"
    assert ops.convert_to_tensor(0.1, "float64").item() == 0.1
    nested = ops.convert_to_tensor([[ops.ones(()), 2.0], [3.0, Variable(4.0)]])
    np.testing.assert_array_equal(np.asarray(nested), [[1, 2], [3, 4]])
    assert ops.is_tensor(nested) and not ops.is_tensor([1])


@pytest.mark.parametrize(("a", "b", "expected"), [
    ("float32", 1, "float32"), ("int32", 1.5, "float32"), ("bool", 2, "int32"),
    ("int8", True, "int8"), ("float16", 1.5, "float16"), ("int64", 1.0, "float32"),
    ("bfloat16", 2.0, "bfloat16"),
])  # fmt: skip
def test_python_numbers_are_weak(a, b, expected):
    assert ops.add(ops.ones((2,), a), b).dtype == expected
    assert ops.add(b, ops.ones((2,), a)).dtype == expected


@pytest.mark.parametrize(("a", "b", "expected"), [
    ("int32", "float16", "float16"), ("int8", "uint8", "int16"), ("float16", "bfloat16", "float32"),
    ("bool", "int8", "int8"), ("int64", "float32", "float32"), ("float32", "float64", "float64"),
])  # fmt: skip
def test_promotion_of_tensors(a, b, expected):
    assert ops.add(ops.ones((2,), a), ops.ones((2,), b)).dtype == expected


def test_saturate_cast():
    x = np.array([-300.0, 12.7, 300.0], "float32")
    np.testing.assert_array_equal(np.asarray(ops.saturate_cast(x, "int8")), [-128, 12, 127])
    np.testing.assert_array_equal(
        np.asarray(ops.saturate_cast(np.array([-5, 300]), "uint8")), [0, 255]
    )


def test_cond_runs_one_branch():
    seen = []

    def branch(value):
        seen.append(value)
        return ops.ones(()) * value

    assert float(ops.cond(np.array(True), lambda: branch(1), lambda: branch(2))) == 1
    assert seen == [1]
    for flag in (True, False):
        assert both(
            lambda p, x: ops.cond(p, lambda: x * 2, lambda: x - 1), flag, np.float32(3)
        ) == (6 if flag else 2)


def test_assignment_inside_cond_happens_in_the_taken_branch_only():
    v = Variable(np.float32(1))

    @jit
    def step(p):
        ops.cond(p, lambda: v.assign_add(1.0), lambda: v.value)
        return v.value

    assert float(step(np.array(False))) == 1
    assert float(step(np.array(True))) == 2


def test_loops():
    def summed(n):
        return ops.while_loop(lambda i, s: i < n, lambda i, s: (i + 1, s + i), (0, 0))[1]

    def power(x):
        return ops.fori_loop(0, 3, lambda i, v: v * x, ops.ones((2,)))

    assert both(summed, 5) == 10
    assert both(lambda n: ops.fori_loop(0, n, lambda i, v: v + i, 0), 6) == 15
    np.testing.assert_allclose(both(power, np.array([2, 3], "float32")), [8, 27])
    start = ops.convert_to_tensor(0)
    assert int(ops.while_loop(lambda i: i < 100, lambda i: i + 1, start, maximum_iterations=7)) == 7


def running(x, reverse):
    return ops.scan(lambda c, v: (c + v, c * v), ops.zeros(()), x, reverse=reverse)[1]


XS = np.arange(1.0, 5.0, dtype="float32")


@pytest.mark.parametrize(("fn", "expected"), [
    (lambda x: running(x, False), [0, 2, 9, 24]),
    (lambda x: running(x, True), [9, 14, 12, 0]),
    (lambda x: ops.map(lambda v: v * v, x), XS**2),
    (lambda x: ops.vectorized_map(ops.sum, ops.reshape(x, (2, 2))), [3, 7]),
    (lambda x: ops.associative_scan(lambda a, b: a * b, x), [1, 2, 6, 24]),
    (lambda x: ops.associative_scan(lambda a, b: a + b, x, reverse=True), [10, 9, 7, 4]),
])  # fmt: skip
def test_scan_map_and_prefixes(fn, expected):
    np.testing.assert_array_equal(both(fn, XS), expected)


def test_switch_clamps():
    branches = [lambda x: x, lambda x: x * 2, lambda x: x * 3]
    for i, expected in ((0, 1), (1, 2), (2, 3), (9, 3), (-4, 1)):
        assert both(lambda k: ops.switch(k, branches, ops.ones(())), i) == expected


def test_gradients_through_control_flow():
    x = ops.convert_to_tensor(np.float32(2))
    assert float(grad(lambda x: ops.fori_loop(0, 3, lambda i, v: v * x, ops.ones(())))(x)) == 12
    assert float(grad(lambda x: ops.cond(x > 0, lambda: x * x, lambda: -x))(x)) == 4
    assert float(grad(lambda x: x * ops.stop_gradient(x))(x)) == 2
    total = grad(lambda x: ops.sum(ops.scan(lambda c, v: (c * x, c), ops.ones(()), length=3)[1]))
    assert float(total(x)) == 1 + 2 * 2


def test_custom_gradient_replaces_the_own_one():
    @ops.custom_gradient
    def log1pexp(x):
        e = ops.exp(x)

        def rule(upstream):
            return upstream * (1 - 1 / (1 + e))

        return ops.log(1 + e), rule

    x = ops.convert_to_tensor(np.float32(100))
    assert float(grad(log1pexp)(x)) == 1.0
    assert float(jit(grad(log1pexp))(x)) == 1.0
    assert float(grad(lambda x: log1pexp(x) * 3 + x)(x)) == 4.0

    @ops.custom_gradient
    def swapped(x, y):
        return (x * 2, y * 3), lambda a, b: (ops.ones((2,)) * b * 10, ops.sum(a) * 10)

    a, b = ops.convert_to_tensor([1.0, 2.0]), ops.convert_to_tensor(5.0)
    weighted = grad(lambda a, b: ops.sum(swapped(a, b)[0]) + 7 * swapped(a, b)[1], argnums=1)
    assert float(weighted(a, b)) == 20.0
    assert [float(ops.sum(v)) for v in swapped(a, b)] == [6.0, 15.0]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("count", [*range(10), 16, 31])
def test_associative_scan_of_functions_that_do_not_commute(count, reverse):
    """Prefixes of x -> a x + b, composed along axis 1."""
    rng = np.random.default_rng(count)
    a, b = rng.uniform(0.5, 1.5, (3, count, 2)), rng.normal(size=(3, count, 2))

    def composed(first, then):
        return {"a": first["a"] * then["a"], "b": then["a"] * first["b"] + then["b"]}

    steps = range(count)[::-1] if reverse else range(count)
    expected, state = {"a": np.empty_like(a), "b": np.empty_like(b)}, None
    for i in steps:
        one = {"a": a[:, i], "b": b[:, i]}
        state = one if state is None else composed(state, one)
        expected["a"][:, i], expected["b"][:, i] = state["a"], state["b"]
    found = ops.associative_scan(composed, {"a": a, "b": b}, reverse=reverse, axis=1)
    for name, value in expected.items():
        np.testing.assert_allclose(np.asarray(found[name]), value, rtol=1e-12, atol=1e-14)


def test_associative_scan_has_a_gradient():
    x = np.random.default_rng(0).uniform(0.5, 1.5, (7, 2))
    product = grad(lambda x: ops.sum(ops.associative_scan(ops.multiply, x)))
    same = grad(lambda x: ops.sum(ops.cumprod(x, axis=0)))
    np.testing.assert_allclose(np.asarray(jit(product)(x)), np.asarray(same(x)), rtol=1e-12)


@ops.custom_gradient
def spike(x):
    """A step whose gradient is that of a smooth one: the rule reads x."""

    def rule(*args, upstream=None):
        upstream = args[0] if upstream is None else upstream
        return upstream / (1 + ops.abs(x)) ** 2

    return ops.cast(x > 0, x.dtype), rule


def surrogate(x):
    return 1 / (1 + abs(x)) ** 2


def in_scan(x):
    return ops.sum(ops.scan(lambda c, v: (c + spike(v * 2), c), ops.zeros(()), x)[0])


def in_branch(x):
    return ops.sum(ops.cond(ops.sum(x) > -100, lambda: spike(x * 2), lambda: x))


def in_remat(x):
    return ops.sum(remat(lambda v: spike(v * 2))(x))


def in_while(x):
    def body(i, total):
        return i + 1, total + ops.sum(spike(x * 2)) / 3

    return ops.while_loop(lambda i, t: i < 3, body, (0, ops.zeros(())), maximum_iterations=5)[1]


@pytest.mark.parametrize("f", [in_scan, in_branch, in_remat, in_while, jit(in_scan)])
def test_rules_of_custom_gradients_read_values_inside_loops_and_branches(f):
    x = np.array([-1.5, -0.25, 0.5, 3.0], dtype="float32")
    expected = 2 * surrogate(2 * x)
    for g in (grad(f), jit(grad(f))):
        np.testing.assert_allclose(np.asarray(g(ops.convert_to_tensor(x))), expected, rtol=1e-6)


def test_custom_gradients_in_a_loop_have_derivatives():
    @ops.custom_gradient
    def cube(x):
        return x**3, lambda upstream: upstream * x * x * 3

    def f(x):
        return ops.scan(lambda c, _: (cube(c), c), x, length=2)[0]  # x^9

    x = ops.convert_to_tensor(np.float32(1.1))
    assert float(jit(grad(f))(x)) == pytest.approx(9 * 1.1**8, rel=1e-5)
    assert float(jit(grad(grad(f)))(x)) == pytest.approx(72 * 1.1**7, rel=1e-5)


def test_rules_that_fail_or_assign_matter_for_gradients_only():
    seen = Variable(0.0)

    @ops.custom_gradient
    def without(x):
        def rule(upstream):
            raise NotImplementedError("there is no gradient of this")

        return x * 2, rule

    @ops.custom_gradient
    def counting(x):
        def rule(upstream):
            seen.assign_add(1.0)
            return upstream * 5

        return x * 2, rule

    x = ops.convert_to_tensor(np.float32(3))
    assert float(jit(without)(x)) == 6
    with pytest.raises(NotImplementedError, match="no gradient of this"):
        jit(grad(without))(x)
    assert float(jit(counting)(x)) == 6 and float(seen) == 0
    assert float(jit(grad(counting))(x)) == 5 and float(seen) == 1


def test_indexing_follows_numpy():
    x = np.arange(60.0).reshape(3, 4, 5)
    t = ops.convert_to_tensor(x)
    rows = np.array([2, 0])
    mask = x[:, 0, 0] > 10
    for key in (
        0, -1, slice(1, 3), (slice(None), 1), (..., 2), (None, 0), (slice(None, None, -1),),
        (0, slice(3, 0, -2)), [0, 2], rows, (rows, 1), (slice(None), rows), (rows, rows),
        (slice(None), rows, rows), (rows, slice(None), rows), (0, rows, None), mask, (mask, 2),
    ):  # fmt: skip
        np.testing.assert_array_equal(np.asarray(t[key]), x[key])
    for key in (3, (0, 0, 0, 0), (..., ...)):
        with pytest.raises(IndexError):
            t[key]
    with pytest.raises(TypeError):
        t["a"]
    with pytest.raises(TypeError, match="slice_update"):
        t[0] = 1


def test_windows_are_moved_so_that_they_fit():
    x = np.arange(12.0).reshape(3, 4)
    for start in ((1, 1), (2, 3), (0, 0)):
        expected = x[
            min(start[0], 1) : min(start[0], 1) + 2, min(start[1], 2) : min(start[1], 2) + 2
        ]
        np.testing.assert_array_equal(np.asarray(ops.slice(x, start, (2, 2))), expected)
        dynamic = jit(lambda s: ops.slice(x, s, (2, 2)))
        np.testing.assert_array_equal(np.asarray(dynamic(np.array(start, "int32"))), expected)
    changed = np.asarray(ops.slice_update(x, (1, 2), np.full((2, 2), -1.0)))
    assert (changed == -1).sum() == 4 and changed[1, 2] == -1


def test_operators_with_arrays_and_recorded_numpy_functions_stay_tensors():
    t = ops.convert_to_tensor(np.array([1.0, 4.0], "float32"))
    other = np.array([1.0, 1.0], "float32")
    for value in (2 * t, other + t, t - other, np.float32(2) * t, other > t):
        assert ops.is_tensor(value), value
    with GradientTape() as tape:
        tape.watch(t)
        y = np.sum(np.sqrt(t)) + np.mean(np.add(t, other))
    np.testing.assert_allclose(np.asarray(tape.gradient(y, t)), [1.0, 0.75])
    assert isinstance(np.sqrt(t), np.ndarray)


@pytest.mark.parametrize(("call", "error"), [
    (lambda: ops.matmul(np.ones((2, 3)), np.ones((2, 3))), ValueError),
    (lambda: ops.add(np.ones(2), np.ones(3)), ValueError),
    (lambda: ops.reshape(np.ones(6), (4, -1)), ValueError),
    (lambda: ops.concatenate([np.ones((2, 2)), np.ones((3, 3))]), ValueError),
    (lambda: ops.sum(np.ones(3), axis=1), ValueError),
    (lambda: ops.squeeze(np.ones((2, 3)), axis=0), ValueError),
    (lambda: ops.split(np.ones(5), 2), ValueError),
    (lambda: ops.max(np.ones((0,))), ValueError),
    (lambda: ops.einsum("ij,jk", np.ones((2, 3)), np.ones((4, 5))), ValueError),
    (lambda: ops.conv(np.ones((1, 5, 3)), np.ones((2, 2, 4))), ValueError),
    (lambda: ops.cast(np.ones(3), "float31"), ValueError),
    (lambda: ops.where(np.ones(3), np.ones(3)), ValueError),
    (lambda: ops.sparse_categorical_crossentropy(np.array([0, 5]), np.ones((2, 3))), IndexError),
    (lambda: ops.categorical_crossentropy(np.ones((2, 3)), np.ones((2, 4))), ValueError),
])  # fmt: skip
def test_mistakes(call, error):
    with pytest.raises(error):
        call()


def test_a_switch_on_a_known_index_gives_tensors():
    out = ops.switch(1, [lambda x: x + 1, lambda x: x + 2], 3.0)
    assert (ops.is_tensor(out), float(out)) == (True, 5.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.convert_to_tensor(None), "None"),
        (lambda: ops.tensordot(np.ones((2, 3, 4)), np.ones((3, 3)), axes=3), "sum over"),
        (lambda: ops.meshgrid(np.ones(2), indexing="z"), "indexing='z'"),
    ],
)
def test_refused_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


X = np.array([1.5, 2.0, 3.0], "float32")


@pytest.mark.parametrize("start", [0, 0.0, ops.convert_to_tensor(0)])
def test_a_number_that_a_loop_starts_with_takes_the_dtype_of_a_step(start):
    for run in (lambda f: f(X), lambda f: jit(f)(X)):
        total, partial = run(lambda xs: ops.scan(lambda c, x: (c + x, c), start, xs))
        assert total.dtype == "float32" and total == 6.5
        np.testing.assert_array_equal(partial, [0, 1.5, 3.5])
    count, value = ops.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v * 1.5), (0, 1))
    assert (count.dtype, value.dtype) == ("int32", "float32") and value == 1.5**3
    assert ops.fori_loop(0, 3, lambda i, v: v + 0.5, 0) == 1.5
    assert ops.is_tensor(ops.fori_loop(0, 0, lambda i, v: v, 0))


def test_a_carried_tensor_keeps_its_dtype_and_structure():
    with pytest.raises(TypeError, match="Expected int32. Received: float32"):
        ops.scan(lambda c, x: (c + x, c), np.zeros(2, "int32"), X)
    with pytest.raises(TypeError, match="Expected float32. Received: float16"):
        ops.while_loop(lambda c: True, lambda c: (ops.cast(c, "float16"),), (X,))
    with pytest.raises(TypeError, match="must return what it carries"):
        ops.while_loop(lambda c: True, lambda c: (c, c), (X,))
