"""What NumPy's functions give for tensors, and the methods of arrays that tensors have."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

import ranvier as keras
from ranvier import ops
from ranvier.ops._methods import METHODS

ARGUMENTS = {
    "astype": ("int32",),
    "reshape": (-1,),
    "dot": (np.ones(3, "float32"),),
    "swapaxes": (0, 1),
    "repeat": (2,),
    "take": ([0, 1],),
}


def _values():
    return np.array([[3.0, 1.0, 2.0], [0.5, -1.0, 4.0]], dtype="float32")


@pytest.mark.parametrize("name", METHODS)
def test_methods_are_those_of_arrays(name):
    arguments = ARGUMENTS.get(name, ())
    given = getattr(ops.convert_to_tensor(_values()), name)(*arguments)
    array = _values()
    wanted = np.sort(array) if name == "sort" else getattr(array, name)(*arguments)
    assert ops.is_tensor(given)
    np.testing.assert_allclose(np.asarray(given), wanted, rtol=1e-6)


def test_axes_sizes_and_views():
    x = ops.convert_to_tensor(_values())
    assert tuple(x.mean(axis=0, keepdims=True).shape) == (1, 3)
    assert x.sum(dtype="float16").dtype == "float16"
    assert tuple(x.T.shape) == tuple(x.mT.shape) == tuple(x.transpose(1, 0).shape) == (3, 2)
    assert tuple(x.reshape(3, 2).shape) == tuple(x.reshape((3, -1)).shape) == (3, 2)
    assert x.itemsize == 4 and x.clip(0, 2).max().item() == 2
    with pytest.raises(TypeError, match="no place to write"):
        x.mean(out=np.zeros(()))


def test_numpy_functions_on_values_are_numpys():
    x = ops.convert_to_tensor(_values())
    assert isinstance(np.abs(x), np.ndarray) and isinstance(np.sort(x), np.ndarray)
    assert np.allclose(x, _values()) is True and np.isclose(x, _values()).all()
    assert np.argsort(x).dtype == "int64"
    variable = keras.Variable(_values())
    assert isinstance(np.exp(variable), np.ndarray)
    assert ops.is_tensor(_values() * x) and ops.is_tensor(_values()[0] - variable)


def test_numpy_functions_and_methods_are_recorded():
    x = _values()
    function = keras.jit(lambda x: np.maximum(x, 1.0).sum() + np.mean(x))
    assert float(function(x)) == pytest.approx(np.maximum(x, 1).sum() + x.mean(), rel=1e-6)
    symbol = keras.Input((3,))
    model = keras.Model(symbol, np.exp(symbol))
    np.testing.assert_allclose(np.asarray(model(x)), np.exp(x), rtol=1e-6)


def test_dtype_is_a_name_with_the_ways_of_a_numpy_dtype():
    x = ops.ones((2,), dtype="float32")
    assert x.dtype == "float32" and x.dtype == np.float32 and x.dtype == np.dtype("float32")
    assert x.dtype != np.float64 and not (x.dtype == float) and x.dtype != object()
    assert x.dtype in (np.float16, np.float32) and {"float32": 1}[x.dtype] == 1
    assert (x.dtype.name, x.dtype.kind, x.dtype.itemsize) == ("float32", "f", 4)
    assert x.dtype.type is np.float32 and np.issubdtype(x.dtype, np.floating)
    assert ops.convert_to_tensor([True]).dtype == bool
    assert type(pickle.loads(pickle.dumps(x.dtype))) is str
    with pytest.raises(AttributeError):
        x.dtype.nothing_of_the_kind()


def test_numpy_operands_take_the_width_of_the_tensor():
    x = ops.ones((3,))
    for other in (np.ones(3), np.sqrt(2.0), np.ones(3, "int64")):
        for y in (x * other, other * x, x + other, x / other, ops.maximum(x, other)):
            assert y.dtype == "float32"
    assert (ops.ones((3,), dtype="int32") * np.int64(2)).dtype == "int32"
    assert (ops.ones((3,), dtype="float16") * np.float64(2)).dtype == "float32"
    assert (ops.ones((3,), dtype="float64") * np.ones(3)).dtype == "float64"
    assert ops.concatenate([x, np.ones(3)]).dtype == "float32"
    assert ops.add(np.ones(3), np.ones(3)).dtype == "float64"
    assert ops.einsum("i,i", x, np.ones(3)).dtype == "float32"
    assert ops.arctan2(x, np.ones(3)).dtype == ops.logaddexp(x, np.ones(3)).dtype == "float32"
    assert ops.append(x, np.ones(3)).dtype == "float32"
    assert ops.convert_to_tensor([x[0], np.float64(2)]).dtype == "float32"
    assert keras.Variable(np.ones(3)).dtype == "float32"
    assert keras.Variable(np.arange(3)).dtype == "int32"
    assert keras.Variable(np.ones(3), dtype="float64").dtype == "float64"


def test_variables_and_tensors_have_operators_without_the_ops_module():
    code = "import ranvier; v = ranvier.Variable(2.0); assert float(v * 3 + 1) == 7.0"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_numbers_of_tensors():
    x = ops.convert_to_tensor([[1.5, -2.5], [0.25, 4.0]])
    for convert in (int, float):
        with pytest.raises(TypeError, match="one element"):
            convert(x)
    assert float(x[0, 0]) == 1.5 and complex(x[0, 0]) == 1.5 + 0j
    assert x.item(1) == -2.5 and x.item(1, 0) == 0.25
    whole = round(x)
    assert whole.dtype == "int32" and whole.tolist() == [[2, -2], [0, 4]]
    assert round(x, 1).dtype == "float32"
    quotient, rest = divmod(x, 1.0)
    assert quotient.tolist() == [[1, -3], [0, 4]] and rest.tolist() == [[0.5, 0.5], [0.25, 0]]
    assert str(x[0, 0]) == "1.5" and str(x[0]) == "[ 1.5 -2.5]"


def test_spread_and_dtype_of_methods():
    values = np.array([[1.0, 2.0, 4.5], [0.5, 3.0, 9.0]], "float32")
    x = ops.convert_to_tensor(values)
    for ddof in (0, 1):
        np.testing.assert_allclose(x.std(ddof=ddof), values.std(ddof=ddof), rtol=1e-6)
        np.testing.assert_allclose(x.var(axis=1, ddof=ddof), values.var(axis=1, ddof=ddof), 1e-6)
    assert x.sum(dtype="int32").tolist() == 19
    assert [i.tolist() for i in (x > 2).nonzero()] == [[0, 1, 1], [2, 1, 2]]
    assert x.tobytes() == values.tobytes() and x.ptp().tolist() == 8.5


def test_masks_must_fit():
    x = ops.convert_to_tensor(np.arange(12.0).reshape(3, 4))
    short = np.array([True, False, True])
    assert x[short].shape == (2, 4)
    assert x[..., np.array([True, False, True, True])].shape == (3, 3)
    for key in ((slice(None), short), (Ellipsis, short), np.ones((3, 3), bool)):
        with pytest.raises(IndexError, match="boolean index"):
            x[key]


def test_the_device_is_that_of_numpy_arrays():
    assert ops.ones(2).device == "cpu"
    with pytest.raises(ValueError, match="device_name='123'"):
        keras.device(123)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (2, 3)])
def test_arrays_of_tensors(shape):
    values = np.arange(np.prod(shape), dtype="int32").reshape(shape)
    x = ops.convert_to_tensor(values)
    view = np.asarray(x)
    assert (view.shape, view.dtype) == (shape, np.dtype("int32"))
    assert view.flags.c_contiguous
    assert view.flags.aligned
    assert not view.flags.writeable
    assert not view.flags.owndata
    del x
    np.testing.assert_array_equal(view, values)


def test_arguments_of_the_array_protocol():
    x = ops.convert_to_tensor(_values())
    copied = np.array(x)
    copied[:] = 0
    np.testing.assert_array_equal(x.__array__(), _values())
    assert np.asarray(x, dtype="int64").dtype == "int64"
    assert x.__array__("float64").dtype == "float64"
    own = x.__array__(dtype="float32", copy=True)
    own[:] = 0
    np.testing.assert_array_equal(np.asarray(x, copy=False), _values())
    with pytest.raises(TypeError):
        x.__array__("float64", None, None)
    with pytest.raises(TypeError):
        x.__array__(order="C")
    with pytest.raises(TypeError):
        type(x).__array__(_values())
    with pytest.raises(TypeError):
        type(x).__array__(type(x).__new__(type(x)))
