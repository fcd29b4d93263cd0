"""Complex values as pairs of tensors: eagerly, compiled, in models, under gradients."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier
from ranvier import grad, jit, ops

RNG = np.random.default_rng(0)
PAIRS = RNG.normal(size=(3, 4, 2)).astype("float32")
OTHER = RNG.normal(size=(4, 3, 2)).astype("float32")


def numbers(pairs):
    return (pairs[..., 0] + 1j * pairs[..., 1]).astype("complex64")


Z, W = numbers(PAIRS), numbers(OTHER)
CASES = {
    "add": (lambda z: z + (1 - 2j), Z + (1 - 2j)),
    "subtract": (lambda z: 2.0 - z, 2 - Z),
    "multiply": (lambda z: ops.multiply(z, z * 0.5), Z * Z * 0.5),
    "divide": (lambda z: ops.divide(z, ops.conj(z)), Z / Z.conj()),
    "reciprocal": (lambda z: 1.0 / z, 1 / Z),
    "negative": (lambda z: -z, -Z),
    "square": (ops.square, Z * Z),
    "exp": (ops.exp, np.exp(Z)),
    "matmul": (lambda z: ops.matmul(z, W), Z @ W),
    "real_matmul": (lambda z: ops.matmul(z, W.real), Z @ W.real),
    "index": (lambda z: z[1:, 0], Z[1:, 0]),
    "reshape": (lambda z: z.reshape(2, -1), Z.reshape(2, -1)),
    "mixed": (lambda z: ops.real(z) * z + ops.imag(z), Z.real * Z + Z.imag),
}


@pytest.mark.parametrize("name", list(CASES))
def test_arithmetic_eager_and_compiled(name):
    fn, expected = CASES[name]
    eager = fn(ops.view_as_complex(PAIRS))
    assert eager.dtype == "complex64" and eager.shape == expected.shape
    np.testing.assert_allclose(np.asarray(eager), expected, rtol=1e-5, atol=1e-6)
    compiled = jit(lambda x: ops.view_as_real(fn(ops.view_as_complex(x))))(PAIRS)
    np.testing.assert_allclose(numbers(np.asarray(compiled)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["real", "imag", "abs", "angle"])
def test_parts_in_a_model(name):
    inputs = ranvier.Input((4, 2))
    z = ops.view_as_complex(inputs)
    z = ops.matmul(z * z / 2, W) + 1j
    assert (z.shape, z.dtype) == ((None, 3), "complex64")
    outputs = getattr(ops, name)(z)
    assert outputs.dtype == "float32"
    model = ranvier.Model(inputs, outputs)
    expected = getattr(np, name)(Z * Z / 2 @ W + 1j)
    np.testing.assert_allclose(model.predict(PAIRS, verbose=0), expected, rtol=1e-4, atol=1e-5)


def test_comparisons_and_conversions():
    z = ops.convert_to_tensor(Z)
    assert z.ndim == 2 and z.size == Z.size and len(z) == 3
    np.testing.assert_array_equal(ops.convert_to_numpy(z), Z)
    assert np.asarray(z == Z).all() and not np.asarray(ops.not_equal(z, z)).any()
    np.testing.assert_allclose(ops.view_as_real(z), PAIRS, rtol=1e-6)
    np.testing.assert_allclose(np.asarray(Z * z), Z * Z, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(ops.convert_to_tensor(PAIRS[..., 0]) * z),
                               PAIRS[..., 0] * Z, rtol=1e-5)  # fmt: skip
    np.testing.assert_allclose(np.asarray(ops.polar(np.abs(Z), np.angle(Z))), Z, atol=1e-5)


def test_gradients_pass_through():
    def size(x):
        return ops.sum(ops.abs(ops.view_as_complex(x)))

    for derivative in (grad(size), jit(grad(size))):
        slope = np.asarray(derivative(PAIRS))
        np.testing.assert_allclose(numbers(slope), Z / np.abs(Z), rtol=1e-5)
    np.testing.assert_array_equal(grad(size)(np.zeros((2, 2), "float32")), np.zeros((2, 2)))
    turned = grad(lambda x: ops.sum(ops.imag(ops.view_as_complex(x) * 1j)))(PAIRS)
    np.testing.assert_array_equal(turned, np.broadcast_to([1.0, 0.0], PAIRS.shape))


def test_what_is_not_supported_says_so():
    z = ops.view_as_complex(PAIRS)
    with pytest.raises(TypeError, match="complex values are not supported here.*matmul"):
        ops.maximum(z, z)
    with pytest.raises(RuntimeError, match="return `ops.view_as_real`"):
        jit(lambda x: ops.sum(ops.view_as_complex(x)))(PAIRS)
    with pytest.raises(ValueError, match="Last dimension of input must be size 2"):
        ops.view_as_complex(np.zeros((2, 3), "float32"))


def test_real_arguments_of_any_kind_stay_real():
    x = ranvier.Input((2,))
    for other in (2.0, 3, [1.0, 2.0], np.float64(2), np.ones(2, "float32"), True):
        assert (x * other).dtype == "float32" and ops.add(other, x).shape == (None, 2)


def test_real_operands_have_no_imaginary_part_and_sizes_do_not_overflow():
    z = ops.view_as_complex(np.array([[1.0, 2.0], [3e20, 4e20]], "float32"))
    infinite = np.array([np.inf, 1.0], "float32")
    np.testing.assert_array_equal(ops.imag(z + infinite), ops.imag(z))
    np.testing.assert_array_equal(ops.imag(infinite - z), ops.imag(-z))
    np.testing.assert_allclose(ops.abs(z), [5**0.5, 5e20], rtol=1e-6)
    far = np.asarray(ops.view_as_complex(np.array([1.0, np.inf], "float32")))
    assert far.real == 1 and far.imag == np.inf
