"""Details of layers that users meet: frozen when made, masks of merged inputs, wrong arguments."""

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers


def test_a_layer_made_frozen_is_not_trained():
    inputs = keras.Input((3,))
    frozen = layers.Dense(2, trainable=False)
    model = keras.Model(inputs, layers.Dense(1)(frozen(inputs)))
    before = [w.copy() for w in frozen.get_weights()]
    assert len(model.trainable_weights) == 2
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
    for old, new in zip(before, frozen.get_weights()):
        np.testing.assert_array_equal(old, new)
    frozen.trainable = True
    assert len(model.trainable_weights) == 4


def test_masked_elements_do_not_count_in_a_product():
    masking = layers.Masking()
    a = masking(np.array([[[0.0], [2.0], [0.0]]]))
    b = masking(np.array([[[3.0], [0.0], [0.0]]]))
    product = layers.Multiply()([a, b])
    np.testing.assert_array_equal(product, [[[3.0], [2.0], [0.0]]])
    np.testing.assert_array_equal(product._keras_mask, [[True, True, False]])
    np.testing.assert_array_equal(layers.Minimum()([a, b]), [[[3.0], [2.0], [0.0]]])


def test_concatenated_masks_keep_a_step_that_one_input_has():
    a = layers.Masking()(np.array([[[0.0], [2.0]]]))
    joined = layers.Concatenate(axis=-1)([a, np.ones((1, 2, 1))])
    np.testing.assert_array_equal(joined._keras_mask, [[True, True]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Dense(2, trainable=1), "boolean"),
        (lambda: layers.Dropout(0.5, noise_shape=(2, 0)), "positive integers"),
        (lambda: layers.Reshape((-2, 5)), "non-negative"),
        (lambda: layers.Reshape((-1, -1)), "at most one"),
        (lambda: layers.ZeroPadding1D((1,)), "tuple of 2 integers"),
        (lambda: layers.Cropping3D((1, 2)), "three elements"),
        (lambda: layers.UpSampling1D(0), "positive integer"),
        (lambda: layers.Conv1D(2, 0), "value > 0"),
    ],
)
def test_wrong_arguments_say_what_is_expected(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("size", [2.5, "2", True])
@pytest.mark.parametrize("layer", [layers.UpSampling1D, layers.RepeatVector])
def test_sizes_of_another_type_are_type_errors(layer, size):
    with pytest.raises(TypeError, match="integer value for `(size|n)`"):
        layer(size)


def test_borders_of_sequences_are_plain_values():
    assert layers.ZeroPadding1D(2).padding == (2, 2)
    assert layers.Cropping1D((1, 3)).cropping == (1, 3)
    assert layers.UpSampling1D(3).size == 3


def test_a_call_leaves_the_names_of_a_layer_as_they_were():
    layer = layers.ReLU()
    before = set(dir(layer))
    layer(np.ones((1, 2)))
    assert set(dir(layer)) == before


def test_a_subclass_with_its_own_build_is_not_built_when_made():
    class Scaled(layers.ReLU):
        def build(self, input_shape):
            self.factor = self.add_weight(shape=(), initializer="ones")

    assert layers.ReLU().built and not Scaled().built
    layer = Scaled()
    layer(np.ones((1, 2)))
    assert len(layer.weights) == 1


def test_the_spec_of_a_mixed_precision_layer_has_the_compute_dtype():
    layer = layers.Dense(3, dtype="mixed_float16")
    layer.build((None, 4))
    assert layer.compute_output_spec(keras.KerasTensor((2, 4), "float16")).dtype == "float16"


def test_an_unrolled_layer_takes_sequences_of_any_length():
    layer = layers.GRU(2, unroll=True)
    assert layer(keras.Input((None, 3))).shape == (None, 2)
    assert layer(np.ones((1, 2, 3))).shape == layer(np.ones((1, 4, 3))).shape == (1, 2)


def test_a_layer_without_a_call_has_no_output_shape():
    with pytest.raises(NotImplementedError, match="compute_output_shape"):
        layers.Layer().compute_output_shape((2, 3))
    with pytest.raises(ValueError, match="ragged"):
        keras.Input((2,), ragged=True)


def test_a_registered_argument_reaches_the_layers_inside():
    class Inner(layers.Layer):
        def __init__(self):
            super().__init__()
            self._register_call_context_args("shift")

        def call(self, x, shift=None):
            return x if shift is None else x + shift

    inner = Inner()
    chain = keras.Sequential([keras.Input((1,)), inner])
    chain._register_call_context_args("shift")
    assert float(chain(np.zeros((1, 1)), shift=2.0)[0, 0]) == 2.0
    assert float(chain(np.zeros((1, 1)))[0, 0]) == 0.0
    with pytest.raises(RuntimeError, match="has been called"):
        inner._register_call_context_args("late")


@pytest.mark.parametrize(
    ("name", "kwargs", "shape", "declared"),
    [
        ("ReLU", {}, (2, 4), True),
        ("Dropout", {"rate": 0.5}, (2, 4), True),
        ("MaxPooling1D", {"pool_size": 2}, (2, 4, 3), True),
        ("AdaptiveMaxPooling1D", {"output_size": 2}, (2, 4, 3), True),
        ("PReLU", {}, (2, 4), True),
        ("ZeroPadding1D", {}, (2, 4, 3), True),
        ("Masking", {}, (2, 4, 3), True),
        ("Flatten", {}, (2, 4), False),
        ("Reshape", {"target_shape": (2, 2)}, (2, 4), False),
        ("Permute", {"dims": (2, 1)}, (2, 4, 3), False),
        ("Identity", {}, (2, 4), False),
    ],
)
@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_symbolic_outputs_of_integers_have_the_dtype_keras_declares(
    name, kwargs, shape, declared, dtype
):
    symbol = keras.KerasTensor(shape, dtype)
    for policy, compute in (("float32", "float32"), ("mixed_float16", "float16")):
        layer = getattr(keras.layers, name)(**kwargs, dtype=policy)
        assert layer(symbol).dtype == (compute if declared else dtype)


def test_the_difference_of_symbolic_booleans_has_the_declared_dtype():
    symbol = keras.KerasTensor((2, 4), "bool")
    assert keras.layers.Subtract()([symbol, symbol]).dtype == "float32"


def test_an_own_layer_without_a_shape_rule_keeps_the_dtype_of_its_call():
    class Double(keras.Layer):
        def call(self, x):
            return x + x

    class Ruled(Double):
        def compute_output_shape(self, input_shape):
            return input_shape

    symbol = keras.KerasTensor((2, 4), "int32")
    assert Double()(symbol).dtype == "int32"
    assert Ruled()(symbol).dtype == "float32"


@pytest.mark.parametrize("value", [3.0, 3, [1.0, 2.0], [[1, 2]]])
def test_python_numbers_are_no_inputs(value):
    with pytest.raises(ValueError, match="Only input tensors"):
        layers.ReLU()(value)
    with pytest.raises(ValueError, match="passed as a keyword argument: 3"):
        layers.Dense(2)(np.ones((2, 2)), 3)


def test_attention_needs_an_axis_to_attend_over():
    x = np.ones((4, 3), "float32")
    with pytest.raises(IndexError, match="no axis to attend over"):
        keras.layers.MultiHeadAttention(2, 3)(x, x)
    out = keras.layers.MultiHeadAttention(2, 3)(keras.Input((3,)), keras.Input((3,)))
    assert out.shape == (None, 3)


def test_sparse_results_are_dense_arrays():
    layer = keras.layers.CategoryEncoding(4, output_mode="one_hot", sparse=True)
    np.testing.assert_array_equal(layer(np.array([3, 1])), np.eye(4)[[3, 1]])
    layer = keras.layers.Discretization([0.0, 1.0], output_mode="multi_hot", sparse=True)
    np.testing.assert_array_equal(layer(np.array([[-1.0, 2.0]])), [[1, 0, 1]])
    assert layer.get_config()["sparse"] is True
    with pytest.raises(ValueError, match="may only be true"):
        keras.layers.Discretization([0.0], sparse=True)


def test_lambda_is_built_by_its_first_call():
    layer = keras.layers.Lambda(np.negative)
    assert not layer.built
    layer(np.ones((1, 2), "float32"))
    assert layer.built


@pytest.mark.parametrize("dtype", ["bool", "int64", "uint64"])
def test_maxima_of_windows_keep_the_dtype(dtype):
    x = (
        np.random.default_rng(0)
        .integers(0, 2 if dtype == "bool" else 1000, (2, 6, 3))
        .astype(dtype)
    )
    for layer in (layers.MaxPooling1D(2), layers.AdaptiveMaxPooling1D(3)):
        result = layer(x)
        assert result.dtype == dtype
        np.testing.assert_array_equal(result, x.reshape(2, 3, 2, 3).max(axis=2))
