"""What NumPy's functions give for tensors, and the methods of arrays that tensors have."""

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
