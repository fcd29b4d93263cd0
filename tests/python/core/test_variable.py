"""Variables and the scopes that rule how they are read, written, cast and named."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier import GradientTape, StatelessScope, Variable, grad, jit, layers, name_scope, ops
from ranvier.scopes import AutocastScope
from ranvier.variable import structure_version


def test_values_dtypes_and_names():
    v = Variable(np.arange(6.0).reshape(2, 3), name="v")
    assert (v.shape, v.dtype, v.ndim, v.size, v.path) == ((2, 3), "float32", 2, 6, "v")
    assert Variable([1.0, 2.0]).dtype == "float32"
    assert Variable([1, 2]).dtype == "int32"
    ones = Variable("ones", shape=(2,), dtype="float32")
    np.testing.assert_array_equal(ones.numpy(), [1, 1])
    with name_scope("outer"), name_scope("inner"):
        assert Variable(0.0, name="x").path == "outer/inner/x"


def test_assignments_cast_and_check():
    v = Variable(np.zeros(3, "float32"))
    v.assign([1, 2, 3])
    v.assign_add(1.0)
    v.assign_sub(np.array([0, 1, 0]))
    np.testing.assert_array_equal(v.value.numpy(), [2, 2, 4])
    with pytest.raises(ValueError, match="must match"):
        v.assign([1.0, 2.0])


def test_a_view_keeps_the_old_value():
    v = Variable(np.zeros(3, "float32"))
    before = v.value.numpy()
    v.assign([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(before, 0)
    with pytest.raises(ValueError, match="read-only"):
        before[0] = 1


@pytest.mark.parametrize(("make", "error"), [
    (lambda: Variable(0.0, name="a/b"), ValueError),
    (lambda: Variable("zeros"), ValueError),
    (lambda: Variable("zeros", shape=(None, 2)), ValueError),
    (lambda: Variable(0.0, aggregation="median"), ValueError),
    (lambda: Variable(0.0, color="red"), TypeError),
])  # fmt: skip
def test_mistakes(make, error):
    with pytest.raises(error):
        make()


def test_operators_read_the_value():
    v = Variable(np.array([1.0, 2.0], "float32"))
    np.testing.assert_array_equal(np.asarray(v * 2 + 1), [3, 5])
    np.testing.assert_array_equal(np.asarray(2 - v), [1, 0])
    np.testing.assert_array_equal(np.asarray(np.add(v, v)), [2, 4])
    assert bool(ops.all(v == [1.0, 2.0]))
    assert float(v[1]) == 2.0
    assert len(v) == 2


def test_stateless_scope_reads_and_writes_beside_the_storage():
    v = Variable(np.zeros(2, "float32"))
    with StatelessScope([(v, np.ones(2, "float32"))]) as outer:
        np.testing.assert_array_equal(v.numpy(), 1)
        v.assign_add([1.0, 1.0])
        with StatelessScope() as inner:
            v.assign_add([5.0, 5.0])
        np.testing.assert_array_equal(v.numpy(), 2)
    np.testing.assert_array_equal(v.numpy(), 0)
    np.testing.assert_array_equal(np.asarray(outer.get_current_value(v)), 2)
    np.testing.assert_array_equal(np.asarray(inner.get_current_value(v)), 7)
    with pytest.raises(ValueError, match="shape"):
        StatelessScope([(v, np.ones(3, "float32"))])


def test_assignments_inside_jit_reach_the_storage():
    v = Variable(np.zeros((), "float32"))

    @jit
    def twice(x):
        v.assign_add(x)
        v.assign_add(x)
        return v * 10

    assert float(twice(np.float32(3))) == 60
    assert float(v.value) == 6


@pytest.mark.parametrize("wrap", [lambda f: f, jit])
def test_a_tape_differentiates_by_the_value_that_was_assigned(wrap):
    w = Variable([1.0, 3.0])

    def slope():
        with GradientTape() as tape:
            loss = ops.sum(w)
            w.assign(ops.minimum(w * 2.0, 4.0))  # no slope leads through here
            loss = loss + ops.sum(w * w)
        return tape.gradient(loss, w)

    assert wrap(slope)().tolist() == [1 + 4, 1 + 8]
    assert w.numpy().tolist() == [2, 4]


def test_in_a_stateless_scope_an_assigned_value_is_one_of_the_function():
    w = Variable([1.0, 3.0])

    def loss(value):
        with StatelessScope(state_mapping=[(w, value)]):
            w.assign(ops.minimum(w * 2.0, 4.0))
            return ops.sum(w * w)

    assert grad(loss)(np.float32([1, 3])).tolist() == [8, 0]
    assert w.numpy().tolist() == [1, 3]


def test_autocast_casts_float_reads_only():
    a = Variable(np.ones(2, "float32"))
    b = Variable(np.ones(2, "float32"), autocast=False)
    i = Variable(np.ones(2, "int32"))
    with AutocastScope("bfloat16"):
        assert (a.dtype, b.dtype, i.dtype) == ("bfloat16", "float32", "int32")
        assert (a.value.dtype, b.value.dtype, i.value.dtype) == ("bfloat16", "float32", "int32")
        with AutocastScope(None):
            assert a.value.dtype == "float32"
    assert a.value.dtype == "float32"
    with pytest.raises(ValueError, match="floating-point"):
        AutocastScope("int32")


def test_the_structure_counter_moves_with_structure_not_with_values():
    layer = layers.Dense(2)
    layer.build((None, 3))
    before = structure_version()
    layer.kernel.assign(np.ones((3, 2)))
    layer(np.ones((1, 3)))
    assert structure_version() == before
    layer.trainable = False
    assert structure_version() > before


def test_a_variable_is_no_boolean_and_combines_by_none():
    v = Variable(0.0, aggregation=None)
    with pytest.raises(TypeError, match="boolean"):
        bool(v)
    assert v.aggregation == "none"
