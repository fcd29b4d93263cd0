"""Names, signatures and result dtypes of all of `keras.ops`, against Keras' own."""

from __future__ import annotations

import inspect
import itertools
import pathlib
import sys

import numpy as np
import pytest
from keras_reference import keras

jax = pytest.importorskip("jax")
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "ops"))
from op_rows import ROWS  # noqa: E402

from ranvier import ops, tree  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


def public(namespace):
    return sorted(n for n in dir(namespace) if not n.startswith("_"))


NAMES = [n for n in public(keras.ops) if not inspect.ismodule(getattr(keras.ops, n))]


def parameters(fn):
    return [(p.name, p.kind, repr(p.default)) for p in inspect.signature(fn).parameters.values()]


@pytest.mark.parametrize("name", NAMES)
def test_signature(name):
    assert parameters(getattr(ops, name)) == parameters(getattr(keras.ops, name))


@pytest.mark.parametrize("namespace", ["numpy", "nn", "linalg"])
def test_namespaces_have_keras_names(namespace):
    theirs = set(public(getattr(keras.ops, namespace)))
    ours = set(public(getattr(ops, namespace)))
    assert theirs <= ours


# Keras on JAX works with 32 bits; wider dtypes are the business of promotion alone.
DTYPES = ("bool", "uint8", "int8", "int16", "int32", "uint32", "float16", "bfloat16", "float32")
SHORT = ("bool", "int8", "uint8", "int32", "float16", "float32")
_NO_INTEGER_KERNEL = "integers compute in floats here and give floats"
# Why a row is left out.
OTHERWISE = {
    "nextafter": "JAX has no half precision form",
    "cholesky": "needs positive definite values",
    "max_pool": "no bool kernel",
    "adaptive_max_pool": "no bool kernel",
    "psnr": "a half with an integer gives half here",
    "categorical_crossentropy": "a half with an integer gives half here",
    **dict.fromkeys(
        ("conv", "conv_transpose", "depthwise_conv", "separable_conv", "dot_product_attention",
         "layer_normalization", "rms_normalization"),
        _NO_INTEGER_KERNEL,
    ),
}  # fmt: skip


def floats_of(row):
    values = tree.flatten((list(row.args), list(row.kwargs.values())))
    return [v for v in values if isinstance(v, np.ndarray) and v.dtype == np.float64]


def in_dtype(value, dtype):
    """Values that suit the dtype; rising ones stay rising."""
    value = np.nan_to_num(value)
    if dtype == "bool":
        return value > 0
    if "int" in dtype:
        rising = value.ndim == 1 and value.size > 1 and (np.diff(value) >= 0).all()
        return np.arange(1, value.size + 1) if rising else np.abs(np.round(value * 3)) + 1
    return value


def dtypes_of(out):
    leaves = [x for x in tree.flatten(out) if hasattr(x, "dtype")]
    return [keras.backend.standardize_dtype(x.dtype) for x in leaves]


def replaced(row, dtypes, make):
    """The row's arguments with its float arrays in other dtypes."""
    left = iter(dtypes)

    def swap(value):
        if isinstance(value, np.ndarray) and value.dtype == np.float64:
            return make(value, next(left))
        return value

    args = [tree.map_structure(swap, a) for a in row.args]
    kwargs = {k: swap(v) if isinstance(v, np.ndarray) else v for k, v in row.kwargs.items()}
    return args, kwargs


def theirs(row, dtypes):
    """Keras' result dtypes, without running anything; `None` where it refuses."""
    made = []
    args, kwargs = replaced(row, dtypes, lambda v, d: _Place(made, v, d))

    def fn(values):
        def fill(x):
            return values[x.index] if isinstance(x, _Place) else x

        filled = [tree.map_structure(fill, a) for a in args]
        named = {k: fill(v) for k, v in kwargs.items()}
        return [
            x for x in tree.flatten(getattr(keras.ops, row.name)(*filled, **named))
            if hasattr(x, "dtype")
        ]  # fmt: skip

    try:
        return [keras.backend.standardize_dtype(x.dtype) for x in jax.eval_shape(fn, made)]
    except Exception:
        return None


class _Place:
    """Stands for an abstract array in a row's arguments."""

    def __init__(self, made, value, dtype):
        self.index = len(made)
        made.append(jax.ShapeDtypeStruct(value.shape, dtype))


def ours(row, dtypes):
    def make(value, dtype):
        value = in_dtype(value, dtype)
        if dtype == "bfloat16":
            return ops.cast(ops.convert_to_tensor(value.astype("float32")), dtype)
        return ops.convert_to_tensor(value.astype(dtype))

    args, kwargs = replaced(row, dtypes, make)
    return dtypes_of(getattr(ops, row.name)(*args, **kwargs))


FIRST = {}
for _row in ROWS:
    if hasattr(keras.ops, _row.name) and floats_of(_row) and _row.name not in OTHERWISE:
        FIRST.setdefault(_row.name, _row)


@pytest.mark.parametrize("name", sorted(FIRST))
def test_result_dtypes(name):
    row = FIRST[name]
    count = len(floats_of(row))
    if count == 2:
        cases = list(itertools.product(SHORT, SHORT))
    else:
        cases = [(d,) * count for d in DTYPES]
    differ = {}
    for case in cases:
        expected = theirs(row, case)
        if expected is None:
            continue
        try:
            received = ours(row, case)
        except Exception as error:
            received = repr(error)[:120]
        if received != expected:
            differ[case] = (expected, received)
    assert not differ


BINARY = ("add", "subtract", "multiply", "divide", "power", "mod", "floor_divide", "maximum",
          "minimum", "where", "arctan2", "equal", "logaddexp")  # fmt: skip


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("number", [True, 2, 2.0])
def test_python_numbers_are_weak(name, number):
    for dtype in SHORT:
        x = np.ones((2,), "float32")
        left = keras.ops.cast(x, dtype), ops.cast(ops.convert_to_tensor(x), dtype)
        args = [(v,) if name != "where" else (np.array([True, False]), v) for v in left]
        try:
            expected = getattr(keras.ops, name)(*args[0], number).dtype
        except Exception:
            continue
        assert getattr(ops, name)(*args[1], number).dtype == keras.backend.standardize_dtype(
            expected
        ), dtype
