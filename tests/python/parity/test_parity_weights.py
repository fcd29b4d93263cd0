"""Initializers, regularizers, constraints and activations against the real Keras."""

import numpy as np
import pytest
from keras_reference import close, keras

import ranvier
from ranvier import activations, constraints, initializers, regularizers

pytestmark = pytest.mark.filterwarnings("ignore")

RANDOM = [
    ("RandomNormal", {"mean": 0.5, "stddev": 0.3}),
    ("TruncatedNormal", {"mean": -0.2, "stddev": 0.7}),
    ("RandomUniform", {"minval": -0.3, "maxval": 0.8}),
    ("VarianceScaling", {"scale": 1.7, "mode": "fan_out", "distribution": "uniform"}),
    ("VarianceScaling", {"distribution": "untruncated_normal", "mode": "fan_avg"}),
    ("GlorotUniform", {}),
    ("GlorotNormal", {}),
    ("HeUniform", {}),
    ("HeNormal", {}),
    ("LecunUniform", {}),
    ("LecunNormal", {}),
    ("Orthogonal", {"gain": 1.5}),
]


@pytest.mark.parametrize("shape", [(200, 300), (3, 3, 40, 50)])
@pytest.mark.parametrize("name,kwargs", RANDOM, ids=[f"{n}-{i}" for i, (n, _) in enumerate(RANDOM)])
def test_distribution(name, kwargs, shape):
    ours = getattr(initializers, name)(seed=3, **kwargs)
    theirs = getattr(keras.initializers, name)(seed=3, **kwargs)
    a, b = np.asarray(ours(shape)), np.asarray(theirs(shape))
    assert a.shape == b.shape == shape and a.dtype == np.float32
    spread = b.std()
    assert abs(a.mean() - b.mean()) < 0.03 * spread
    assert abs(a.std() - spread) < 0.03 * spread
    for q in (0, 5, 25, 50, 75, 95, 100):
        tolerance = 0.06 if q not in (0, 100) or name != "RandomNormal" else 0.5
        if q in (0, 100) and np.abs(b).max() > 3 * spread:
            continue  # the largest of normal numbers has a wide distribution
        assert abs(np.percentile(a, q) - np.percentile(b, q)) < tolerance * spread
    np.testing.assert_array_equal(a, np.asarray(ours(shape)))
    assert ours.get_config() == theirs.get_config()
    assert initializers.serialize(ours) == keras.initializers.serialize(theirs)


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (2, 3, 4)])
def test_orthogonal(shape):
    a = np.asarray(initializers.Orthogonal(gain=2.0, seed=1)(shape)).reshape(-1, shape[-1])
    product = a.T @ a if a.shape[0] >= a.shape[1] else a @ a.T
    np.testing.assert_allclose(product, 4.0 * np.eye(len(product)), atol=1e-5)


@pytest.mark.parametrize(
    "name,kwargs,shape",
    [
        ("Zeros", {}, (2, 3)),
        ("Ones", {}, (4,)),
        ("Constant", {"value": 2.5}, (2, 2)),
        ("Constant", {"value": [1.0, 2.0, 3.0]}, (2, 3)),
        ("Identity", {"gain": 3.0}, (3, 4)),
        ("STFT", {}, (16, 1, 9)),
        ("STFT", {"side": "imag", "window": "hamming", "scaling": "spectrum"}, (16, 1, 9)),
        ("STFT", {"window": "blackman", "periodic": True, "scaling": None}, (16, 1, 9)),
    ],
)
def test_plain_initializers(name, kwargs, shape):
    modules = initializers, keras.initializers
    ours, theirs = (getattr(module, name)(**kwargs) for module in modules)
    # Keras computes the transform's basis in the dtype itself, here it is rounded once.
    dtypes = {"STFT": ["float32"], "Zeros": ["float16", "int32"]}.get(name, ["float32", "float16"])
    for dtype in dtypes:
        close(ours(shape, dtype=dtype), theirs(shape, dtype=dtype), atol=2e-6, rtol=1e-3)


@pytest.mark.parametrize(
    "name",
    ["glorot_uniform", "zeros", "normal", "he_normal", "orthogonal", "one", "uniform", "identity"],
)
def test_get_initializer(name):
    ours = initializers.get(name)
    assert type(ours).__name__ == type(keras.initializers.get(name)).__name__
    assert type(initializers.get(initializers.serialize(ours))) is type(ours)


def test_get_initializer_of_values():
    values = np.arange(6, dtype="float32").reshape(2, 3)
    close(initializers.get(values)((2, 3)), values)
    with pytest.raises(ValueError, match="Expected `shape` to be"):
        initializers.get(values)((3, 2))


@pytest.mark.parametrize(
    "name,kwargs",
    [
        ("L1", {}),
        ("L1", {"l1": 0.3}),
        ("L2", {"l2": 0.2}),
        ("L1L2", {"l1": 0.1, "l2": 0.4}),
        ("L1L2", {}),
        ("OrthogonalRegularizer", {}),
        ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
    ],
)
def test_regularizer(name, kwargs):
    x = np.random.default_rng(1).normal(size=(4, 6)).astype("float32")
    ours = getattr(regularizers, name)(**kwargs)
    theirs = getattr(keras.regularizers, name)(**kwargs)
    close(ours(ranvier.ops.array(x)), theirs(keras.ops.array(x)))
    assert set(ours.get_config()) == set(theirs.get_config())
    for key, value in theirs.get_config().items():
        assert ours.get_config()[key] == pytest.approx(value) if key != "mode" else True
    again = regularizers.deserialize(regularizers.serialize(ours))
    close(again(ranvier.ops.array(x)), ours(ranvier.ops.array(x)))


@pytest.mark.parametrize(
    "name,kwargs",
    [
        ("MaxNorm", {}),
        ("MaxNorm", {"max_value": 0.5, "axis": 1}),
        ("NonNeg", {}),
        ("UnitNorm", {"axis": [0, 1]}),
        ("MinMaxNorm", {"min_value": 0.5, "max_value": 0.9, "rate": 0.7}),
    ],
)
def test_constraint(name, kwargs):
    x = np.random.default_rng(2).normal(size=(4, 6)).astype("float32")
    ours, theirs = getattr(constraints, name)(**kwargs), getattr(keras.constraints, name)(**kwargs)
    close(ours(x), theirs(x))
    assert constraints.serialize(ours) == keras.constraints.serialize(theirs)
    assert constraints.get(constraints.serialize(ours)).get_config() == ours.get_config()


ACTIVATIONS = [
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu",
    "hard_swish", "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu",
    "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign",
    "sparse_plus", "sparse_sigmoid", "squareplus", "swish", "tanh", "tanh_shrink",
]  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name):
    x = (3 * np.random.default_rng(4).normal(size=(5, 8))).astype("float32")
    close(activations.get(name)(x), keras.activations.get(name)(x), rtol=2e-5, atol=2e-6)
    assert activations.serialize(activations.get(name)) == keras.activations.serialize(
        keras.activations.get(name)
    )


@pytest.mark.parametrize(
    "kwargs",
    [
        {"negative_slope": 0.1},
        {"max_value": 2.0},
        {"threshold": 0.7},
        {"negative_slope": 0.3, "max_value": 1.5, "threshold": 0.5},
        {"max_value": 6},
    ],
)
def test_relu_arguments(kwargs):
    x = (4 * np.random.default_rng(5).normal(size=(5, 8))).astype("float32")
    close(activations.relu(x, **kwargs), keras.activations.relu(x, **kwargs))
