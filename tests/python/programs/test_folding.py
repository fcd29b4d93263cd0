"""Inference of convolution or dense, normalization and activation is one step of folded weights."""

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers


def settle(model, seed=0):
    """Statistics, scales and shifts as after a training, drawn at random."""
    rng = np.random.default_rng(seed)
    for layer in model._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            for v, low, high in (
                (layer.moving_mean, -0.3, 0.3),
                (layer.moving_variance, 0.5, 1.5),
                (layer.gamma, 0.7, 1.3),
                (layer.beta, -0.3, 0.3),
            ):
                if v is not None:
                    v.assign(rng.uniform(low, high, v.shape).astype("float32"))
    return model


def steps(model, x):
    rows = keras.profile(model, x, mode="predict", batch_size=len(x)).rows
    return [row.op for row in rows]


def chain(*items):
    keras.utils.set_random_seed(1)
    return settle(keras.Sequential([layers.Input((9, 9, 4)), *items]))


@pytest.mark.parametrize(
    "model",
    [
        lambda: chain(
            layers.Conv2D(8, 3, use_bias=False), layers.BatchNormalization(), layers.ReLU()
        ),
        lambda: chain(
            layers.Conv2D(8, 1, strides=2), layers.BatchNormalization(), layers.ReLU(6.0)
        ),
        lambda: chain(
            layers.DepthwiseConv2D(3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(6.0),
        ),
        lambda: chain(layers.Dense(7), layers.BatchNormalization(), layers.ReLU()),
    ],
    ids=["conv_relu", "conv_bias_relu6", "depthwise_relu6", "dense_relu"],
)
def test_one_step_with_the_numbers_of_separate_layers(model):
    model = model()
    x = np.random.default_rng(2).normal(size=(3, 9, 9, 4)).astype("float32")
    expected = x
    for layer in model.layers:
        expected = layer(expected)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, 2e-5, 2e-5)
    assert len(steps(model, x)) == 1


def test_residual_networks_have_no_element_wise_steps():
    keras.utils.set_random_seed(3)
    model = settle(
        keras.applications.MobileNetV2(
            input_shape=(32, 32, 3), alpha=0.35, weights=None, include_top=False
        )
    )
    x = np.random.default_rng(4).normal(size=(2, 32, 32, 3)).astype("float32")
    assert not [op for op in steps(model, x) if op.startswith("pointwise")]
    # The same network layer by layer.
    values = {id(model.inputs[0]): x}
    for layer in model.layers[1:]:
        node = layer._inbound_nodes[0]
        given = [values[id(t)] for t in node.input_tensors]
        values[id(node.outputs[0])] = layer(given[0] if len(given) == 1 else given)
    expected = np.asarray(values[id(model.outputs[0])])
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, 1e-3, 1e-3)
