"""Symbolic specs that come from rules: sizes of values, complex dtypes, sizes not known."""

import numpy as np
import pytest

from ranvier import KerasTensor, Variable, jit, ops, tree


def symbol(*shape, dtype="float32"):
    return KerasTensor(shape, dtype=dtype)


UNKNOWN = symbol(None, 3)
ROWS = [
    ("nonzero", (UNKNOWN,), {}, [((None,), "int32")] * 2),
    ("where", (UNKNOWN,), {}, [((None,), "int32")] * 2),
    ("unique", (UNKNOWN,), {}, [((None,), "float32")]),
    ("unique", (UNKNOWN,), {"size": 4, "return_counts": True},
     [((4,), "float32"), ((4,), "int32")]),
    ("unique", (UNKNOWN,), {"axis": 0, "return_inverse": True},
     [((None, 3), "float32"), ((None,), "int32")]),
    ("bincount", (symbol(None, dtype="int32"),), {}, [((None,), "int32")]),
    ("segment_sum", (UNKNOWN, symbol(None, dtype="int32")), {}, [((None, 3), "float32")]),
    ("segment_prod", (symbol(10), symbol(10, dtype="int32"), 4), {}, [((4,), "float32")]),
    ("size", (UNKNOWN,), {}, [((), "int32")]),
    ("broadcast_to", (UNKNOWN, (2, 5, 3)), {}, [((2, 5, 3), "float32")]),
    ("reshape", (UNKNOWN, (-1, None)), {}, [((None, None), "float32")]),
    ("array", (UNKNOWN,), {"dtype": "int32"}, [((None, 3), "int32")]),
    ("scatter", (symbol(None, 1, dtype="int32"), symbol(None), (8,)), {}, [((8,), "float32")]),
    ("fold", (symbol(None, None, 16), (5, 5), 2), {}, [((None, None, 5, 5), "float32")]),
    ("dot_product_attention", (symbol(2, None, 8, 4), symbol(2, None, 8, 4), symbol(2, None, 8, 6)),
     {}, [((2, None, 8, 6), "float32")]),
    ("layer_normalization", (symbol(None, 8, 16), symbol(None, 16)), {},
     [((None, 8, 16), "float32")]),
    ("ctc_loss", (symbol(None, 4), symbol(None, 9, 5), symbol(None), symbol(None)), {},
     [((None,), "float32")]),
    ("view_as_complex", (symbol(None, 2),), {}, [((None,), "complex64")]),
    ("view_as_real", (symbol(None, dtype="complex64"),), {}, [((None, 2), "float32")]),
    ("conj", (symbol(2, dtype="complex64"),), {}, [((2,), "complex64")]),
    ("angle", (symbol(2, dtype="complex64"),), {}, [((2,), "float32")]),
]  # fmt: skip


@pytest.mark.parametrize(
    "name,args,kwargs,expected", ROWS, ids=[f"{i}-{r[0]}" for i, r in enumerate(ROWS)]
)
def test_spec(name, args, kwargs, expected):
    outputs = tree.flatten(getattr(ops, name)(*args, **kwargs))
    assert [(x.shape, x.dtype) for x in outputs] == expected


@pytest.mark.parametrize("name", ["cholesky", "cholesky_inverse", "det", "inv"])
def test_matrices_must_be_square(name):
    with pytest.raises(ValueError, match="square matrix"):
        getattr(ops, name)(symbol(2, None, 20))


@pytest.mark.parametrize(
    "call",
    [
        lambda: ops.qr(symbol(None, 4)),
        lambda: ops.fft((symbol(2, None), symbol(2, None))),
        lambda: ops.fft2((symbol(None, None, 3), symbol(None, None, 3))),
        lambda: ops.solve(symbol(2, None, 4), symbol(2, 4, 3)),
        lambda: ops.solve(symbol(None, 4, 4), symbol(None, None, 3)),
    ],
)
def test_sizes_that_must_be_known(call):
    with pytest.raises(ValueError, match="fully-defined|square|Incompatible shapes"):
        call()


@pytest.mark.parametrize("name", ["nonzero", "unique"])
def test_results_of_unknown_size_in_compiled_functions(name):
    with pytest.raises(RuntimeError, match="size of the result depends on values"):
        jit(lambda x: getattr(ops, name)(x))(np.ones(3, "float32"))


@pytest.mark.parametrize("make", [lambda: symbol(3), lambda: Variable(np.array([1.0, 2.0, 0.0]))])
def test_bit_operators_of_variables_and_symbols_are_logical(make):
    x = make()
    for y in (x & True, x | x, x ^ True, True & x):
        assert y.dtype == "bool"
    assert (~symbol(3, dtype="int32")).dtype == "bool"


@pytest.mark.parametrize(
    "dtype,expected",
    [
        ("int8", [0, 127, -128, 127, -1]),
        ("uint8", [0, 255, 0, 255, 0]),
        ("int16", [0, 32767, -32768, 300, -1]),
        ("uint16", [0, 65535, 0, 300, 0]),
        ("int32", [0, 2**31 - 1, -(2**31), 300, -1]),
        ("uint32", [0, 2**32 - 1, 0, 300, 0]),
    ],
)
@pytest.mark.parametrize("source", ["float16", "bfloat16", "float32", "float64"])
def test_floats_saturate_as_integers(source, dtype, expected):
    x = ops.cast(np.array([np.nan, np.inf, -np.inf, 300.0, -1.5] * 3, "float32"), source)
    assert np.asarray(ops.cast(x, dtype)).tolist() == expected * 3
    compiled = jit(lambda x: ops.cast(x * 1, dtype))(x)
    assert np.asarray(compiled).tolist() == expected * 3


def test_view_of_bfloat16():
    x = np.array([[1.0, -2.5], [3e38, 0.1]], "float32")
    halves = ops.view(x, "bfloat16")
    assert halves.shape == (2, 4) and halves.dtype == "bfloat16"
    assert np.array_equal(ops.view(halves, "float32"), x)
    assert ops.view(halves, "uint8").shape == (2, 8)
