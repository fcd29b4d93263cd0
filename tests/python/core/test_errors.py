"""The error types: where they are found, what they are besides, and that they travel."""

import pickle

import numpy as np
import pytest

import ranvier as keras
from ranvier import errors, ops

BUILT_IN = {
    "AxisError": (ValueError, IndexError),
    "DTypeError": (TypeError,),
    "DataNotFoundError": (FileNotFoundError,),
    "Error": (Exception,),
    "FileFormatError": (ValueError,),
    "FolderNotFoundError": (FileNotFoundError,),
    "GraphError": (RuntimeError,),
    "IntegerOverflowError": (ValueError, OverflowError),
    "InternalError": (RuntimeError,),
    "InvalidValueError": (ValueError,),
    "OutOfMemoryError": (MemoryError,),
    "RangeError": (IndexError,),
    "SaveError": (OSError,),
    "ShapeError": (ValueError, TypeError),
}


def test_the_list_is_whole():
    assert sorted(errors.__all__) == sorted(BUILT_IN)


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_error_is_found_under_the_name_it_prints(name):
    kind = getattr(errors, name)
    assert (kind.__module__, kind.__qualname__) == ("ranvier.errors", name)
    assert all(issubclass(kind, built_in) for built_in in BUILT_IN[name])


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_error_survives_pickling_as_between_processes(name):
    copy = pickle.loads(pickle.dumps(getattr(errors, name)("said")))
    assert type(copy) is getattr(errors, name)
    assert str(copy) == "said"


def test_raised_errors_are_of_these_types():
    with pytest.raises(keras.errors.ShapeError):
        ops.add(np.ones(2), np.ones(3))
    with pytest.raises(keras.errors.AxisError):
        ops.sum(np.ones(2), axis=1)
