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
    with pytest.raises(TypeError, match="complex values are not supported here.*tanh"):
        ops.floor(z)
    with pytest.raises(RuntimeError, match="inside a compiled function is a pair of tensors"):
        jit(lambda x: ops.top_k(ops.view_as_complex(x), 2))(PAIRS)
    with pytest.raises(ValueError, match="Last dimension of input must be size 2"):
        ops.view_as_complex(np.zeros((2, 3), "float32"))
    for given in (
        {"initializer": Z},
        {"initializer": "zeros", "shape": (2,), "dtype": "complex64"},
    ):
        with pytest.raises(TypeError, match="variables are real.*Hint"):
            ranvier.Variable(**given)


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


U = Z[:, 0]
MORE = {
    "sum": (lambda z: ops.sum(z, axis=1), Z.sum(1)),
    "mean": (lambda z: ops.mean(z, axis=0, keepdims=True), Z.mean(0, keepdims=True)),
    "prod": (lambda z: ops.prod(z, axis=(0, 1)), Z.prod()),
    "std": (lambda z: ops.std(z, axis=1), Z.std(1)),
    "cumsum": (lambda z: ops.cumsum(z, axis=1), Z.cumsum(1)),
    "einsum": (lambda z: ops.einsum("ij,jk,k->i", z, W, Z[0, :3]), Z @ W @ Z[0, :3]),
    "dot": (lambda z: ops.dot(z, W), Z @ W),
    "vdot": (lambda z: ops.vdot(z, Z * 1j), np.vdot(Z, Z * 1j)),
    "outer": (lambda z: ops.outer(z[:, 0], np.arange(2.0)), np.outer(U, np.arange(2.0))),
    "tensordot": (lambda z: ops.tensordot(W, z, axes=[[1], [0]]), W @ Z),
    "transpose": (lambda z: ops.transpose(z), Z.T),
    "moveaxis": (lambda z: ops.moveaxis(ops.expand_dims(z, 0), 0, 2), Z[..., None]),
    "reshape": (lambda z: ops.reshape(z, (2, -1)), Z.reshape(2, -1)),
    "concatenate": (
        lambda z: ops.concatenate([z, np.ones((3, 1), "float32")], axis=1),
        np.concatenate([Z, np.ones((3, 1))], 1),
    ),
    "stack": (lambda z: ops.stack([z, Z * 1j], axis=-1), np.stack([Z, Z * 1j], -1)),
    "split": (lambda z: ops.split(z, 2, axis=1)[1], Z[:, 2:]),
    "take": (lambda z: ops.take(z, [2, 0], axis=1), Z[:, [2, 0]]),
    "where": (lambda z: ops.where(Z.real > 0, z, 2.0), np.where(Z.real > 0, Z, 2)),
    "pad": (lambda z: ops.pad(z, 1), np.pad(Z, 1)),
    "slice_update": (
        lambda z: ops.slice_update(z, (0, 0), W[:1, :2]),
        np.concatenate([np.concatenate([W[:1, :2], Z[:1, 2:]], 1), Z[1:]]),
    ),
    "ones_like": (ops.ones_like, np.ones_like(Z)),
    "real_cast": (lambda z: ops.cast(z, "float32"), Z.real),
    "norm": (lambda z: ops.norm(z, axis=-1), np.linalg.norm(Z, axis=-1)),
    "solve": (lambda z: ops.solve(z[:, :3], W[:3, 0]), np.linalg.solve(Z[:, :3], W[:3, 0])),
    "solve_one_vector": (
        lambda z: ops.solve(ops.stack([z[:, :3], 2 * z[:, :3]]), W[:3, 0]),
        np.linalg.solve(np.stack([Z[:, :3], 2 * Z[:, :3]]), W[:3, 0]),
    ),
    "sqrt": (ops.sqrt, np.sqrt(Z)),
    "log": (ops.log, np.log(Z)),
    "log1p": (ops.log1p, np.log1p(Z)),
    "expm1": (ops.expm1, np.expm1(Z)),
    "sin": (ops.sin, np.sin(Z)),
    "tan": (ops.tan, np.tan(Z)),
    "cosh": (ops.cosh, np.cosh(Z)),
    "tanh": (ops.tanh, np.tanh(Z)),
    "sigmoid": (ops.sigmoid, 1 / (1 + np.exp(-Z))),
    "sign": (ops.sign, Z / np.abs(Z)),
    "cube": (lambda z: z**3, Z**3),
    "negative_power": (lambda z: ops.power(z, -2), 1 / Z / Z),
    "complex_power": (lambda z: ops.power(z, Z[0]), Z ** Z[0]),
    "isfinite": (ops.isfinite, np.isfinite(Z)),
    "greater": (lambda z: ops.greater(z, Z[::-1]), Z > Z[::-1]),
    "maximum": (lambda z: ops.maximum(z, Z[::-1]), np.maximum(Z, Z[::-1])),
    "sort": (lambda z: ops.sort(z, axis=0), np.sort(Z, axis=0)),
    "sort_ties": (lambda z: ops.sort(ops.round(z), axis=None), np.sort(np.round(Z), axis=None)),
    "argsort": (ops.argsort, np.argsort(Z).astype("int32")),
    "max": (lambda z: ops.max(z, axis=(0, 1), keepdims=True), Z.max(keepdims=True)),
    "max_initial": (lambda z: ops.max(z, axis=1, initial=0.5), np.maximum(Z.max(1), 0.5)),
    "min": (lambda z: ops.min(ops.round(z), axis=0), np.round(Z).min(0)),
    "ptp": (lambda z: ops.ptp(z, axis=1), Z.max(1) - Z.min(1)),
    "logsumexp": (lambda z: ops.logsumexp(z, axis=1), np.log(np.exp(Z).sum(1))),
    "cumprod": (lambda z: ops.cumprod(z, axis=1), Z.cumprod(1)),
    "flat_cumprod": (ops.cumprod, Z.cumprod()),
    "det": (lambda z: ops.det(z[:, :3]), np.linalg.det(Z[:, :3])),
    "map": (lambda z: ops.map(lambda row: row * 1j + 1, z), Z * 1j + 1),
    "loop": (lambda z: ops.fori_loop(0, 3, lambda i, v: v * 1j, z), Z * -1j),
    "cond": (lambda z: ops.cond(ops.sum(ops.real(z)) > 1e9, lambda: z, lambda: -z), -Z),
}


@pytest.mark.parametrize("name", list(MORE))
def test_values_are_those_of_numpy_eagerly_compiled_and_in_models(name):
    fn, expected = MORE[name]
    for result in (fn(ops.convert_to_tensor(Z)), jit(fn)(Z), jit(fn)(ops.view_as_complex(PAIRS))):
        assert result.dtype == ("complex64" if expected.dtype.kind == "c" else result.dtype)
        assert result.shape == expected.shape
        np.testing.assert_allclose(np.asarray(result), expected, rtol=2e-4, atol=2e-4)
    if name == "cond":  # as in Keras, its branches cannot close over symbolic tensors
        return
    symbolic = fn(ranvier.KerasTensor(Z.shape, "complex64"))
    assert (symbolic.shape, symbolic.dtype) == (expected.shape, result.dtype)


def test_models_take_and_give_complex_values():
    inputs = ranvier.Input((4,), dtype="complex64")
    hidden = ranvier.layers.Reshape((2, 2))(inputs)
    model = ranvier.Model(inputs, [hidden * 2.0, ops.real(ops.sum(hidden, axis=(1, 2)))])
    expected = (Z.reshape(3, 2, 2) * 2, Z.sum(1).real)
    for outputs in (model(Z), model.predict(Z, batch_size=2, verbose=0), model.predict_on_batch(Z)):
        for value, right in zip(outputs, expected):
            np.testing.assert_allclose(np.asarray(value), right, rtol=1e-5)
    assert model.predict(Z, verbose=0)[0].dtype == np.complex64
    infinite = np.array([[complex(1, np.inf), 2, 3, 4]], "complex64")
    passed = ranvier.Model(inputs, hidden).predict(infinite, verbose=0)[0, 0, 0]
    assert passed.real == 1 and passed.imag == np.inf


def test_functions_and_models_train_on_complex_inputs():
    class Size(ranvier.layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight(shape=(4,), initializer="ones")

        def call(self, z):
            return ops.sum(ops.abs(z * self.scale), axis=-1, keepdims=True)

    inputs = ranvier.Input((4,), dtype="complex64")
    model = ranvier.Model(inputs, Size()(inputs))
    model.compile(ranvier.optimizers.SGD(0.01), "mse")
    losses = [model.train_on_batch(Z, np.ones((3, 1), "float32")) for _ in range(5)]
    history = model.fit(Z, np.ones((3, 1), "float32"), epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and history[-1] < losses[-1]


def test_numbers_and_methods_of_an_element():
    z = ops.convert_to_tensor([1 + 2j, 3.0])
    assert ops.is_tensor(z) and z.shape == (2,) and complex(z[0]) == z[0].item() == 1 + 2j
    assert [complex(x) for x in z] == [1 + 2j, 3] and complex(z.sum()) == 4 + 2j
    assert ops.zeros((2,), "complex64").dtype == "complex64" and z.T.shape == (2,)
    assert ranvier.backend.result_type("complex64", "float32") == "complex64"
    assert np.asarray(ops.sqrt(ops.convert_to_tensor([0j, -4 + 0j]))).tolist() == [0, 2j]
    assert np.asarray(ops.power(ops.convert_to_tensor([0j, 2j]), 0.5))[0] == 0


def test_extremes_without_elements_and_with_nan():
    with pytest.raises(ValueError, match="empty"):
        ops.max(Z[:, :0], axis=1)
    np.testing.assert_array_equal(np.asarray(ops.min(Z[:, :0], axis=1, initial=2j)), [2j] * 3)
    holed = np.array([1 + 1j, np.nan + 3j, 2], "complex64")
    assert np.isnan(complex(ops.max(holed))) and np.isnan(complex(ops.min(holed)))
    assert np.asarray(ops.argsort(holed)).tolist() == [0, 2, 1]
    most = np.asarray(
        ops.max(np.array([[1 - 1j, 1 + 2j], [complex(0, np.inf), 0]], "complex64"), 1)
    )
    assert most.tolist() == [1 + 2j, complex(0, np.inf)]


SLOPES = {
    "det": lambda z: ops.det(z[:, :3]),
    "cumprod": lambda z: ops.sum(ops.cumprod(z, axis=1) * W[:3, :1]),
    "sort": lambda z: ops.sum(ops.sort(z, axis=0) * W[:3, :1]),
    "max": lambda z: ops.sum(ops.max(z, axis=1) * W[0]),
    "logsumexp": lambda z: ops.logsumexp(z),
}


@pytest.mark.parametrize("name", list(SLOPES))
def test_gradients_of_orders_products_and_determinants(name):
    def real(x):
        z = SLOPES[name](ops.view_as_complex(x))
        return ops.real(z) * 0.5 + ops.imag(z)

    step = 1e-2
    expected = np.zeros_like(PAIRS)
    for index in np.ndindex(PAIRS.shape):
        moved = np.zeros_like(PAIRS)
        moved[index] = step
        expected[index] = (float(real(PAIRS + moved)) - float(real(PAIRS - moved))) / (2 * step)
    for derivative in (grad(real), jit(grad(real))):
        np.testing.assert_allclose(derivative(PAIRS), expected, rtol=2e-2, atol=2e-2)


INVERSES = ("arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh", "exp2")
EDGES = [0, 2, -2, 2j, complex(0, -2), 0.5, -0.5, 1e-4, 1e-4j, 1e-3 + 1e-3j, 30 - 20j, 1 + 1e-3j]


@pytest.mark.parametrize("name", INVERSES)
def test_inverse_functions_on_the_plane_and_at_their_cuts(name):
    z = np.concatenate([3 * Z.ravel(), np.array(EDGES, "complex64")])
    expected = getattr(np, name)(z.astype("complex128"))
    result = np.asarray(getattr(ops, name)(z))
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("name", ["arcsin", "arccosh", "arctan", "silu"])
def test_gradients_of_holomorphic_functions(name):
    """d Re f(z) is (Re f', -Im f'), here by central differences of NumPy's function."""
    step = 1e-5
    functions = {"silu": lambda z: z / (1 + np.exp(-z))}
    function = functions.get(name) or getattr(np, name)
    z = Z.astype("complex128")
    slope = (function(z + step) - function(z - step)) / (2 * step)
    found = grad(lambda x: ops.sum(ops.real(getattr(ops, name)(ops.view_as_complex(x)))))(PAIRS)
    expected = np.stack([slope.real, -slope.imag], axis=-1)
    np.testing.assert_allclose(np.asarray(found), expected, rtol=2e-4, atol=1e-5)


def test_logarithm_of_softmax_truth_and_identity():
    shifted = np.exp(Z)
    expected = np.log(shifted / shifted.sum(-1, keepdims=True))
    turns = (np.asarray(ops.log_softmax(Z)) - expected) / (2j * np.pi)
    np.testing.assert_allclose(turns, np.round(turns.real), atol=1e-5)
    z = np.array([0, 1j, 2, 0], "complex64")
    other = np.array([1, 1, 0, 0])
    for name in ("logical_and", "logical_or", "logical_xor"):
        np.testing.assert_array_equal(getattr(ops, name)(z, other), getattr(np, name)(z, other))
    np.testing.assert_array_equal(ops.eye(2, 3, dtype="complex64"), np.eye(2, 3))
