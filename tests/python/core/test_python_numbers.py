"""Python's numbers and lists beside tensors: what fits, what wraps and what is an error."""

from __future__ import annotations

import decimal
import fractions

import numpy as np
import pytest

import ranvier as keras
from ranvier import errors, ops

I32 = np.array([1, 2], "int32")
LARGE = 2**40
TOO_LARGE = {
    "beside": lambda: ops.add(ops.convert_to_tensor(I32), LARGE),
    "in_front": lambda: LARGE - ops.convert_to_tensor(I32),
    "alone": lambda: ops.maximum(2**31, 1),
    "compared": lambda: ops.greater(I32, LARGE),
    "chosen": lambda: ops.where([True, False], I32, LARGE),
    "bounds": lambda: ops.clip(I32, -LARGE, LARGE),
    "bool": lambda: ops.add([True], LARGE),
    "filled": lambda: ops.full(2, LARGE, dtype="int32"),
    "wanted": lambda: ops.convert_to_tensor(300, dtype="uint8"),
    "negative": lambda: ops.convert_to_tensor(-1, dtype="uint32"),
    "listed": lambda: ops.convert_to_tensor([[1, LARGE]], dtype="int32"),
    "far": lambda: ops.convert_to_tensor([2**70], dtype="int64"),
    "variable": lambda: keras.Variable(300, dtype="uint8"),
    "assigned": lambda: keras.Variable(0, dtype="uint8").assign(300),
    "floats": lambda: ops.convert_to_tensor([3e9], dtype="int32"),
    "float": lambda: ops.convert_to_tensor(3e9, dtype="int32"),
    "infinite": lambda: ops.convert_to_tensor([float("inf")], dtype="int8"),
}


@pytest.mark.parametrize("call", TOO_LARGE.values(), ids=TOO_LARGE)
def test_integers_that_do_not_fit(call):
    for kind in (errors.IntegerOverflowError, OverflowError, ValueError):
        with pytest.raises(kind, match="does not fit into"):
            call()


@pytest.mark.parametrize("given", [float("nan"), [1.0, float("nan")]])
def test_no_number_is_no_integer(given):
    with pytest.raises(ValueError, match="NaN cannot become int32"):
        ops.convert_to_tensor(given, dtype="int32")


def test_fractions_are_cut():
    assert ops.convert_to_tensor([-0.9, 255.9], dtype="uint8").tolist() == [0, 255]
    assert ops.convert_to_tensor(2.7, dtype="int32").item() == 2


@pytest.mark.parametrize(
    "given, dtype, values",
    [
        (LARGE, "int64", LARGE),
        ([1, LARGE], "int64", [1, LARGE]),
        ([1, 2**31 - 1], "int32", [1, 2**31 - 1]),
        ([[-(2**31)]], "int32", [[-(2**31)]]),
    ],
)
def test_integers_take_int32_where_it_holds_them(given, dtype, values):
    x = ops.convert_to_tensor(given)
    assert (x.dtype, x.tolist()) == (dtype, values)


def test_int32_values_wrap_beside_narrower_integers():
    x = ops.convert_to_tensor([1, 2], dtype="uint8")
    assert ops.add(x, 300).tolist() == [45, 46]
    assert ops.subtract(x, -1).tolist() == [2, 3]
    assert keras.Variable(0, dtype="uint8").assign_add(300).tolist() == 44
    assert (ops.cast(x, "int8") + 200).tolist() == [-55, -54]
    assert ops.add(ops.cast(x, "int64"), LARGE).tolist() == [LARGE + 1, LARGE + 2]
    assert ops.add(ops.cast(x, "float32"), LARGE).tolist() == [float(LARGE)] * 2


@pytest.mark.parametrize(
    "given",
    [
        decimal.Decimal("1.5"),
        fractions.Fraction(3, 2),
        np.longdouble(1.5),
        np.array(1.5, dtype=object),
        np.array("1.5"),
        "1.5",
    ],
    ids=lambda x: type(x).__name__,
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
def test_other_numbers_become_what_is_wanted(given, dtype):
    for x in (given, [given, given]):
        tensor = ops.convert_to_tensor(x, dtype=dtype)
        assert tensor.dtype == dtype
        assert np.unique(ops.cast(tensor, "float32")).tolist() == [1.5]


def test_digits_stay():
    assert ops.convert_to_tensor([2**63 + 1], dtype="uint64").tolist() == [2**63 + 1]
    assert ops.convert_to_tensor(np.array([2**62 + 1], object), dtype="int64").item() == 2**62 + 1
    assert ops.convert_to_tensor([2**70], dtype="float32").item() == 2.0**70


@pytest.mark.parametrize("given", ["a", ["a"], [object()], [1j]])
def test_what_is_no_number(given):
    with pytest.raises((TypeError, ValueError), match="numbers|cannot become"):
        ops.convert_to_tensor(given, dtype="int32")


def test_masked_values():
    x = np.ma.array([[1.0], [2.0]], mask=[[False], [True]], dtype="float32")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(loss="mse")
    for read in (
        lambda: ops.add(x, 1),
        lambda: keras.Variable(x),
        lambda: model.fit(x, x, verbose=0),
        lambda: model.predict(x, verbose=0),
        lambda: model.predict_on_batch(x),
        lambda: model(x),
    ):
        with pytest.raises(ValueError, match="1 masked values of 2"):
            read()
    assert ops.add(np.ma.array([1.0]), 1).tolist() == [2.0]
