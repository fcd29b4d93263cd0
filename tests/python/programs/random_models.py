"""Random functional models of images, sequences and vectors: layers in each other's way."""

import math

import numpy as np

import ranvier as keras
from ranvier import layers, ops

ACTIVATIONS = (None, "relu", "tanh", "gelu", "silu", "sigmoid", "leaky_relu", "softplus")
SHAPES = ((8, 6, 3), (5, 8, 1), (12, 8, 4), (6, 4), (3, 5), (8,), (5,))
MOST_ELEMENTS = 2000

# Each: r, a tensor -> the layer's result. Any rank, then of images, sequences and vectors.
ANY = [
    lambda r, x: layers.Activation(r.choice(ACTIVATIONS[1:]))(x),
    lambda r, x: layers.BatchNormalization(momentum=0.8)(x),
    lambda r, x: layers.LayerNormalization(epsilon=0.1)(x),
    lambda r, x: layers.PReLU(alpha_initializer=keras.initializers.Constant(0.2))(x),
    lambda r, x: layers.Dropout(0.0)(x),
    lambda r, x: layers.Dense(r.choice((1, 3, 8, 17)), activation=r.choice(ACTIVATIONS))(x),
    lambda r, x: layers.Concatenate()([x, x * 0.5]),
    lambda r, x: layers.Flatten()(x),
    lambda r, x: x - ops.mean(x, axis=-1, keepdims=True),
    lambda r, x: ops.square(x) * 0.5,
]
OF_RANK = {
    4: [
        lambda r, x: _conv2d(r, x),
        lambda r, x: _conv2d(r, x),
        lambda r, x: layers.Add()([x, layers.Conv2D(x.shape[-1], 3, padding="same")(x)]),
        lambda r, x: layers.ReLU()(layers.BatchNormalization()(_conv2d(r, x))),
        lambda r, x: layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(x),
        lambda r, x: layers.SeparableConv2D(4, 3, padding="same")(x),
        lambda r, x: layers.Conv2DTranspose(3, 3, strides=2, padding="same")(x),
        lambda r, x: layers.MaxPooling2D(2, r.choice((1, 2)), padding="same")(x),
        lambda r, x: layers.AveragePooling2D(3, 1, padding="same")(x),
        lambda r, x: layers.GlobalAveragePooling2D()(x),
        lambda r, x: layers.GroupNormalization(1, epsilon=0.1)(x),
        lambda r, x: layers.UpSampling2D(interpolation=r.choice(("nearest", "bilinear")))(x),
        lambda r, x: layers.ZeroPadding2D(((1, 0), (0, 2)))(x),
        lambda r, x: x * layers.Dense(x.shape[-1], "sigmoid")(ops.mean(x, (1, 2), keepdims=True)),
    ],
    3: [
        lambda r, x: layers.Conv1D(4, 3, padding=r.choice(("same", "causal")))(x),
        lambda r, x: layers.LSTM(r.choice((3, 8)), return_sequences=r.random() < 0.5)(x),
        lambda r, x: layers.GRU(5, reset_after=r.random() < 0.5, return_sequences=True)(x),
        lambda r, x: layers.Bidirectional(layers.SimpleRNN(3, return_sequences=True))(x),
        lambda r, x: layers.MultiHeadAttention(2, 3)(x, x, use_causal_mask=r.random() < 0.5),
        lambda r, x: layers.Permute((2, 1))(x),
        lambda r, x: layers.TimeDistributed(layers.Dense(3, r.choice(ACTIVATIONS)))(x),
        lambda r, x: layers.GlobalMaxPooling1D()(x),
    ],
    2: [
        lambda r, x: layers.RepeatVector(3)(x),
        lambda r, x: layers.Reshape((-1, 1))(x),
        lambda r, x: layers.UnitNormalization()(x + 0.3),
    ],
}


def _conv2d(r, x):
    size, strides = r.choice((1, 2, 3)), r.choice((1, 1, 2))
    return layers.Conv2D(
        r.choice((1, 4, 16)), size, strides, "same", activation=r.choice(ACTIVATIONS),
        use_bias=r.random() < 0.7,
    )(x)  # fmt: skip


def random_model(r, length):
    """A model of `length` layers, with the same weights for the same `r`; its data and targets."""
    inputs = keras.Input(r.choice(SHAPES))
    tensors = [inputs]
    while len(tensors) <= length:
        x = r.choice((tensors[-1], tensors[-1], r.choice(tensors)))
        y = r.choice(ANY + 2 * OF_RANK[len(x.shape)])(r, x)
        same = [t for t in tensors if t.shape == y.shape]
        if same and r.random() < 0.3:
            y = layers.Add()([y, r.choice(same)])
        if math.prod(y.shape[1:]) <= MOST_ELEMENTS:
            tensors.append(y)
    outputs = [tensors[-1], r.choice(tensors[1:])]
    model = keras.Model(inputs, outputs)
    rng = np.random.default_rng(r.randrange(1000))
    model.set_weights([_value(rng, w) for w in model.weights])
    x = rng.normal(size=(7, *inputs.shape[1:])).astype("float32")
    return model, x, [rng.normal(size=(7, *y.shape[1:])).astype("float32") for y in outputs]


def _value(rng, weight):
    """Moderate values; scales and variances above zero."""
    if len(weight.shape) > 1:
        fan_in = max(1, math.prod(weight.shape[:-1]))
        return rng.normal(size=weight.shape) * 0.7 / np.sqrt(fan_in)
    return rng.uniform(0.2, 0.8, weight.shape)
