"""Products with few rows read weights that were packed once: the numbers of the plain product,
weights that change, where it is not taken; and zeros around images that become padding."""

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers


def plan_of(model, mode):
    return next(reversed(model._functions[mode]._cache.values())).program.dump()


def eager(model, x):
    """Op by op, so without any pass of the compiler."""
    model.run_eagerly = True
    y = np.asarray(model(x))
    model.run_eagerly = False
    return y


def dense_model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((300,))
    x = layers.Dense(520, activation="relu")(inputs)
    x = layers.Add()([layers.Dense(520)(x), x])
    return keras.Model(inputs, layers.Dense(300, activation="gelu")(x))


def image_model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((7, 7, 256))
    x = layers.ReLU(6.0)(layers.BatchNormalization()(layers.Conv2D(290, 1, use_bias=False)(inputs)))
    x = layers.Conv2D(256, 1)(x)
    return keras.Model(inputs, layers.ReLU()(layers.Add()([x, inputs])))


def strided_model():
    """3x3 filters with strides, 1x1 ones with strides, and 3x3 ones over too few pixels for
    Winograd."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((13, 13, 40))
    x = layers.Conv2D(72, 3, strides=2, padding="same", activation="relu")(inputs)
    x = layers.Conv2D(72, 3, padding="same", dilation_rate=2)(x)
    y = layers.ReLU(6.0)(layers.BatchNormalization()(layers.Conv2D(72, 3, padding="same")(x)))
    x = layers.ReLU()(layers.Add()([x, y]))
    return keras.Model(inputs, layers.Conv2D(130, 1, strides=2)(layers.Conv2D(160, 3)(x)))


@pytest.mark.parametrize(
    "model, shape, packed",
    [
        (dense_model, (5, 300), 3),
        (image_model, (2, 7, 7, 256), 2),
        (strided_model, (1, 13, 13, 40), 5),
    ],
)
def test_predictions_equal_the_plain_product_and_follow_the_weights(model, shape, packed):
    model = model()
    x = np.random.default_rng(1).normal(size=shape).astype("float32")
    y = model.predict(x, verbose=0)
    assert plan_of(model, "predict").count(" = pack(") == packed
    np.testing.assert_allclose(y, eager(model, x), 1e-4, 1e-5)
    for factor in (0.5, -1.0):
        model.set_weights([w * factor if w.ndim > 1 else w for w in model.get_weights()])
        np.testing.assert_allclose(model.predict(x, verbose=0), eager(model, x), 1e-4, 1e-5)


def test_training_steps_read_weights_as_they_lie():
    model = dense_model()
    model.compile("sgd", "mse")
    x = np.random.default_rng(1).normal(size=(8, 300)).astype("float32")
    model.predict(x, verbose=0)
    model.fit(x, np.zeros((8, 300)), epochs=2, batch_size=8, verbose=0)
    assert " = pack(" not in plan_of(model, "train")
    np.testing.assert_allclose(model.predict(x, verbose=0), eager(model, x), 1e-4, 1e-5)


def test_frozen_weights_are_packed_for_training_too():
    model = dense_model()
    for layer in model.layers[:-1]:
        layer.trainable = False
    model.compile("sgd", "mse")
    x = np.random.default_rng(1).normal(size=(8, 300)).astype("float32")
    model.fit(x, np.zeros((8, 300)), epochs=1, batch_size=8, verbose=0)
    assert plan_of(model, "train").count(" = pack(") == 2


def expanded_model():
    """A block of MobileNetV2 whose expanded image is larger than the caches, twice."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((70, 67, 24))
    for strides in (1, 2):
        x = layers.ReLU(6.0)(layers.BatchNormalization()(layers.Conv2D(100, 1)(x)))
        x = layers.DepthwiseConv2D(3, strides=strides, padding="same")(x)
        x = layers.Conv2D(24, 1)(layers.ReLU()(x))
    return keras.Model(inputs, x)


def test_an_expansion_and_its_depthwise_convolution_are_one_step():
    model = expanded_model()
    x = np.random.default_rng(1).normal(size=(2, 70, 67, 24)).astype("float32")
    y = model.predict(x, batch_size=2, verbose=0)
    assert plan_of(model, "predict").count(" = conv_pair(") == 2
    np.testing.assert_allclose(y, eager(model, x), 1e-4, 1e-5)
    shared = keras.Model(model.input, [model.output, model.layers[3].output])
    shared.predict(x, batch_size=2, verbose=0)
    assert plan_of(shared, "predict").count(" = conv_pair(") == 1


@pytest.mark.parametrize("rows", [1, 448])
def test_one_row_and_many_rows_are_not_worth_packing(rows):
    model = dense_model()
    model.predict(np.zeros((rows, 300), "float32"), batch_size=rows, verbose=0)
    assert " = pack(" not in plan_of(model, "predict")


@pytest.mark.parametrize(
    "zeros, kernel, strides, padded",
    [
        (1, 3, 2, True),
        (((0, 1), (2, 0)), 3, 1, True),
        (((3, 3), (0, 1)), 7, 2, True),
        (3, 3, 1, False),  # windows of zeros alone
    ],
)
@pytest.mark.parametrize("layer", ["Conv2D", "DepthwiseConv2D"])
def test_zeros_around_an_image_become_padding(layer, zeros, kernel, strides, padded):
    keras.utils.set_random_seed(0)
    size = {"filters": 5} if layer == "Conv2D" else {}
    model = keras.Sequential([
        keras.Input((12, 13, 4)),
        layers.ZeroPadding2D(zeros),
        getattr(layers, layer)(kernel_size=kernel, strides=strides, **size),
    ])  # fmt: skip
    x = np.random.default_rng(1).normal(size=(3, 12, 13, 4)).astype("float32")
    y = model.predict(x, verbose=0)
    assert (" = pad(" in plan_of(model, "predict")) is not padded
    np.testing.assert_allclose(y, eager(model, x), 1e-4, 1e-5)


def test_zeros_that_another_op_reads_stay():
    inputs = keras.Input((6, 6, 4))
    x = layers.ZeroPadding2D(1)(inputs)
    model = keras.Model(inputs, [layers.Conv2D(4, 3)(x), layers.MaxPooling2D(2)(x)])
    x = np.random.default_rng(1).normal(size=(2, 6, 6, 4)).astype("float32")
    got = model.predict(x, verbose=0)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    np.testing.assert_array_equal(got[1], padded.reshape(2, 4, 2, 4, 2, 4).max((2, 4)))


def test_a_square_matrix_and_its_transpose_are_packed_apart():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(256, 256)).astype("float32")
    x = rng.normal(size=(8, 256)).astype("float32")
    variable = keras.Variable(weights)
    both = keras.jit(lambda x: (x @ variable, x @ keras.ops.transpose(variable)))
    plain, transposed = both(x)
    np.testing.assert_allclose(plain, x @ weights, 1e-4, 1e-3)
    np.testing.assert_allclose(transposed, x @ weights.T, 1e-4, 1e-3)
