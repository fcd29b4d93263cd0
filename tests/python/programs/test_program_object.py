"""A compiled program as Python sees it: what it takes, what it gives, what it refuses."""

import numpy as np
import pytest

import ranvier as keras
from ranvier import errors, ops

X = np.arange(6, dtype="float32").reshape(2, 3)


@pytest.fixture
def program():
    function = keras.jit(lambda a, b: (a + b, a * b))
    x = ops.convert_to_tensor(X)
    function(x, x)
    (traced,) = function._cache.values()
    return traced.program


@pytest.mark.parametrize("pack", [list, tuple])
def test_tensors_and_arrays_mix(program, pack):
    x = ops.convert_to_tensor(X)
    for pair in ((x, x), (X, x), (X, X), (X.tolist(), X)):
        total, product = program.run(pack(pair))
        assert type(total) is type(x)
        np.testing.assert_array_equal(total, X + X)
        np.testing.assert_array_equal(product, X * X)


def test_arrays_belong_to_the_caller(program):
    total, product = program.run_arrays((X, X))
    assert type(total) is np.ndarray
    total[:] = 0
    product[:] = 0
    np.testing.assert_array_equal(program.run_arrays((X, X))[0], X + X)


@pytest.mark.parametrize("method", ["run", "run_arrays"])
def test_wrong_arguments_are_refused(program, method):
    run = getattr(program, method)
    with pytest.raises(errors.ShapeError, match=r"Expected 2. Received: 1"):
        run([X])
    with pytest.raises(errors.ShapeError, match=r"input 1 has the wrong shape"):
        run([X, X[:1]])
    with pytest.raises(errors.InvalidValueError, match="None is not a value"):
        run([X, None])
    with pytest.raises(errors.DTypeError, match="cannot become tensors"):
        run([X, object()])
    for wrong in (None, 3, {1, 2}):
        with pytest.raises(TypeError, match="expected a sequence"):
            run(wrong)
    with pytest.raises(TypeError):
        run()


def test_methods_belong_to_programs(program):
    run = type(program).run
    np.testing.assert_array_equal(run(program, (X, X))[0], X + X)
    with pytest.raises(TypeError):
        run(ops.convert_to_tensor(X), (X, X))
    with pytest.raises(TypeError):
        run(type(program).__new__(type(program)), (X, X))
