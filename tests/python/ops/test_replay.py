"""Calls that repeat the types and settings of earlier ones: replayed, they give the same bits."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from op_rows import ROWS

import ranvier as keras
from ranvier import GradientTape, KerasTensor, _backend, ops, tree
from ranvier.scopes import AutocastScope

ids = [f"{i}-{r.id[:60]}" for i, r in enumerate(ROWS)]


def tensors(structure, change):
    def convert(x):
        if not isinstance(x, np.ndarray) or x.dtype.kind in "SUOc":
            return x
        return ops.convert_to_tensor(change(x), dtype=str(x.dtype))

    return tree.map_structure(convert, structure)


def bits(result):
    return [(str(a.dtype), a.shape, a.tobytes()) for a in map(np.asarray, tree.flatten(result))]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_the_third_call_has_the_bits_of_a_first(row):
    fn = operator.attrgetter(row.name)(ops)

    def reverse(x):  # other values of the same type, valid where these are
        return x[::-1].copy() if x.ndim else x

    def run(change):
        try:
            return bits(fn(*tensors(row.args, change), **tensors(row.kwargs, change)))
        except Exception as error:
            return type(error)

    before = [run(lambda x: x) for _ in range(2)]
    assert before[0] == before[1]
    replayed = run(reverse)
    _backend.core.forget_replays()
    assert replayed == run(reverse)


def repeated(fn, *args, **kwargs):
    for _ in range(3):
        out = fn(*args, **kwargs)
    return out


def test_one_tensor_twice_is_another_call_than_two_tensors():
    a, b = ops.convert_to_tensor([1.0, 2.0]), ops.convert_to_tensor([10.0, 20.0])
    repeated(ops.matmul, a, a)
    assert float(ops.matmul(a, b)) == 50.0


def test_numbers_of_different_kinds_are_different_calls():
    x = ops.convert_to_tensor([1, 2])
    assert repeated(ops.add, x, True).tolist() == [2, 3]
    assert repeated(ops.add, x, 1).dtype == "int32"
    assert repeated(ops.add, x, 1.0).dtype == "float32"
    assert repeated(ops.multiply, ops.convert_to_tensor([0.0]), -0.0).tolist() == [0.0]


def test_a_variable_counts_as_the_value_it_is_read_as():
    w = keras.Variable([1.0, 2.0])
    x = ops.convert_to_tensor([3.0, 4.0])
    assert float(repeated(ops.matmul, x, w)) == 11.0
    w.assign([10.0, 0.0])
    assert float(ops.matmul(x, w)) == 30.0
    with GradientTape() as tape:
        y = ops.matmul(x, w)
    assert tape.gradient(y, w).tolist() == [3.0, 4.0]
    assert type(repeated(ops.cast, w, "float32")) is _backend.Tensor


def test_autocast_reaches_variables_of_replayed_calls():
    w = keras.Variable([1.0, 2.0])
    assert repeated(ops.add, w, w).dtype == "float32"
    with AutocastScope("float16"):
        assert repeated(ops.add, w, w).dtype == "float16"
    assert ops.add(w, w).dtype == "float32"


def test_a_name_and_a_position_are_different_calls():
    x = ops.ones((2, 3))
    assert repeated(ops.sum, x, 0, False).shape == (3,)
    assert repeated(ops.sum, x, keepdims=True).shape == (1, 1)
    assert ops.sum(x, axis=1).shape == (2,)


def test_an_identity_gives_the_very_tensor():
    x = ops.convert_to_tensor([1.0])
    assert repeated(ops.cast, x, "float32") is x
    y = ops.convert_to_tensor([2.0])
    assert ops.cast(y, "float32") is y


def test_a_tensors_dtype_is_a_setting_like_its_name():
    x, y = ops.convert_to_tensor([1.5]), ops.convert_to_tensor([1])
    assert repeated(ops.cast, x, y.dtype).dtype == "int32"
    assert ops.cast(x, "int32").tolist() == [1]
    assert ops.cast(y, x.dtype).dtype == "float32"


def test_settings_of_the_library_are_looked_at_again():
    x = ops.convert_to_tensor([1, 2])
    assert repeated(ops.mean, x).dtype == "float32"
    keras.config.set_floatx("float64")
    try:
        assert ops.mean(x).dtype == "float64"
    finally:
        keras.config.set_floatx("float32")
    assert ops.mean(x).dtype == "float32"


def test_what_depends_on_values_is_computed_each_time():
    mask = ops.convert_to_tensor([True, False, True])
    x = ops.convert_to_tensor([1, 2, 3])
    assert repeated(ops.get_item, x, mask).tolist() == [1, 3]
    assert ops.get_item(x, ops.convert_to_tensor([False, True, False])).tolist() == [2]


def test_lists_are_given_anew():
    x = ops.convert_to_tensor([1.0, 2.0])
    first = repeated(ops.split, x, 2)
    first.clear()
    assert [t.tolist() for t in ops.split(x, 2)] == [[1.0], [2.0]]


def test_errors_are_those_of_a_first_call():
    scores = ops.ones((2, 3))
    wrong = ops.convert_to_tensor([1, 7])

    def message():
        with pytest.raises(IndexError) as caught:
            ops.sparse_categorical_crossentropy(wrong, scores)
        return str(caught.value)

    first = message()
    repeated(ops.sparse_categorical_crossentropy, ops.convert_to_tensor([0, 2]), scores)
    assert message() == first and "7" in first


def test_a_tape_sees_replayed_calls():
    def gradient(value):
        x = ops.convert_to_tensor([value, 1.0])
        with GradientTape() as tape:
            tape.watch(x)
            y = ops.logsumexp(x * 2.0)
        return np.asarray(tape.gradient(y, x))

    for _ in range(3):
        gradient(0.0)
    e = np.exp([6.0, 2.0])
    np.testing.assert_allclose(gradient(3.0), 2 * e / e.sum(), rtol=1e-6)


def test_symbols_and_traces_are_not_replayed():
    x = ops.convert_to_tensor([[1.0, 2.0]])
    repeated(ops.sum, x, 1)
    assert isinstance(ops.sum(KerasTensor((None, 2)), 1), KerasTensor)
    assert keras.jit(lambda t: ops.sum(t, 1))(x).tolist() == [3.0]


def test_more_kinds_of_calls_than_are_kept():
    for size in range(1100):
        assert int(ops.sum(ops.ones((size,), "int32"))) == size
    assert repeated(ops.sum, ops.ones((7,), "int32")).tolist() == 7


@pytest.mark.parametrize("number", [2, 2.5, -1, 10**30])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_a_number_takes_a_float_tensors_dtype(number, dtype):
    x = ops.cast(ops.convert_to_tensor([1.5, -3.0]), dtype)
    other = ops.full((), number, dtype)
    for operation in (operator.add, operator.sub, operator.mul, operator.truediv, operator.lt,
                      operator.eq):  # fmt: skip
        assert bits(operation(x, number)) == bits(operation(x, other))
        assert bits(operation(number, x)) == bits(operation(other, x))
