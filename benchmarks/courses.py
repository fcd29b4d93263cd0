"""Models as courses build them, of text, images and series; the same code for every Keras."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


def text_convolution(keras):
    """Patterns of five words, the strongest of each."""
    layers = keras.layers
    return keras.Sequential([
        layers.Input((200,), dtype="int32"), layers.Embedding(20_000, 128),
        layers.Conv1D(128, 5, activation="relu"), layers.GlobalMaxPooling1D(),
        layers.Dropout(0.5), layers.Dense(10),
    ])  # fmt: skip


def text_bidirectional(keras):
    """A text read in both directions."""
    layers = keras.layers
    return keras.Sequential([
        layers.Input((200,), dtype="int32"), layers.Embedding(20_000, 64),
        layers.Bidirectional(layers.LSTM(64)), layers.Dense(10),
    ])  # fmt: skip


def forecast(keras):
    """Two recurrent layers with recurrent dropout, on fourteen measurements over time."""
    layers = keras.layers
    return keras.Sequential([
        layers.Input((120, 14)),
        layers.GRU(32, recurrent_dropout=0.5, return_sequences=True),
        layers.GRU(32, recurrent_dropout=0.5), layers.Dropout(0.5), layers.Dense(10),
    ])  # fmt: skip


def short_series(keras):
    """A recurrent layer with another activation."""
    layers = keras.layers
    return keras.Sequential([
        layers.Input((24, 8)), layers.LSTM(50, activation="relu"), layers.Dense(10),
    ])  # fmt: skip


def video(keras):
    """Convolutions along time."""
    layers = keras.layers
    return keras.Sequential([
        layers.Input((8, 32, 32, 1)), layers.ConvLSTM2D(16, 3, padding="same"),
        layers.GlobalAveragePooling2D(), layers.Dense(10),
    ])  # fmt: skip


def augmented_images(keras):
    """A small CNN behind random flips and rotations."""
    layers = keras.layers
    return keras.Sequential([
        layers.Input((32, 32, 3)), layers.RandomFlip("horizontal"), layers.RandomRotation(0.05),
        layers.Conv2D(32, 3, padding="same", activation="relu"), layers.MaxPooling2D(),
        layers.Conv2D(64, 3, padding="same", activation="relu"), layers.MaxPooling2D(),
        layers.Flatten(), layers.Dense(10),
    ])  # fmt: skip


def autoencoder(keras):
    """Images of digits made small, then large again."""
    layers = keras.layers
    same = {"padding": "same", "activation": "relu"}
    return keras.Sequential([
        layers.Input((28, 28, 1)),
        layers.Conv2D(16, 3, strides=2, **same), layers.Conv2D(8, 3, strides=2, **same),
        layers.Conv2DTranspose(8, 3, strides=2, **same),
        layers.Conv2DTranspose(16, 3, strides=2, **same),
        layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
    ])  # fmt: skip


def u_net(keras):
    """Two levels, with normalized convolutions and a skip connection at each."""
    layers = keras.layers

    def block(x, filters):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
        return x

    inputs = keras.Input((64, 64, 3))
    high = block(inputs, 16)
    low = block(layers.MaxPooling2D()(high), 32)
    x = block(layers.MaxPooling2D()(low), 64)
    x = block(layers.Concatenate()([layers.UpSampling2D()(x), low]), 32)
    x = block(layers.Concatenate()([layers.Conv2DTranspose(16, 2, strides=2)(x), high]), 16)
    return keras.Model(inputs, layers.Conv2D(4, 1)(x))


def _transformer_blocks(keras, x, count, heads, inner, dropout=0.0, causal=False):
    layers, width = keras.layers, x.shape[-1]
    for _ in range(count):
        h = layers.LayerNormalization()(x)
        attention = layers.MultiHeadAttention(heads, width // heads, dropout=dropout)
        x = layers.Add()([x, attention(h, h, use_causal_mask=causal)])
        h = layers.Dense(inner, activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(width)(layers.Dropout(dropout)(h))])
    return x


def vision_transformer(keras):
    """64 patches of 4x4 pixels, four blocks."""
    layers, inputs = keras.layers, keras.Input((32, 32, 3))
    x = layers.Reshape((64, 64))(layers.Conv2D(64, 4, strides=4)(inputs))
    x = layers.LayerNormalization()(_transformer_blocks(keras, x, 4, 4, 128, dropout=0.1))
    return keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling1D()(x)))


def language_model(keras):
    """The next of 5,000 words from those before, two blocks."""
    inputs = keras.Input((128,), dtype="int32")
    x = keras.layers.Embedding(5_000, 128)(inputs)
    x = _transformer_blocks(keras, x, 2, 4, 512, causal=True)
    return keras.Model(inputs, keras.layers.Dense(5_000)(x))


def efficient_net(keras):
    """EfficientNetB0 for small images."""
    return keras.applications.EfficientNetB0(
        weights=None, input_shape=(64, 64, 3), classes=10, classifier_activation=None
    )


def wave_net(keras):
    """Gated causal convolutions, each reaching twice as far back as the one before."""
    layers, inputs = keras.layers, keras.Input((1024, 1))
    x, skips = layers.Conv1D(32, 1)(inputs), []
    for rate in (1, 2, 4, 8, 16, 32, 64):
        options = {"dilation_rate": rate, "padding": "causal"}
        content = layers.Conv1D(32, 2, activation="tanh", **options)(x)
        gate = layers.Conv1D(32, 2, activation="sigmoid", **options)(x)
        skips.append(layers.Conv1D(32, 1)(layers.Multiply()([content, gate])))
        x = layers.Add()([x, skips[-1]])
    x = layers.Activation("relu")(layers.Add()(skips))
    return keras.Model(inputs, layers.Conv1D(64, 1)(x))


def spiking(keras):
    """Leaky neurons that fire; a spike has the gradient of a smooth step."""
    ops, layers = keras.ops, keras.layers

    @ops.custom_gradient
    def spike(x):
        def rule(*args, upstream=None):
            return (args[0] if upstream is None else upstream) / (1 + 10 * ops.abs(x)) ** 2

        return ops.cast(x > 0, x.dtype), rule

    class Leaky(layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.units = units
            self.state_size = (units, units)

        def build(self, input_shape):
            self.kernel = self.add_weight((input_shape[-1], self.units))
            self.recurrent = self.add_weight((self.units, self.units))

        def call(self, x, states):
            voltage, spikes = states
            current = ops.matmul(x, self.kernel) + ops.matmul(spikes, self.recurrent)
            voltage = 0.9 * voltage * (1 - spikes) + current
            spikes = spike(voltage - 0.5)
            return spikes, [voltage, spikes]

    return keras.Sequential([
        layers.Input((100, 32)), layers.RNN(Leaky(128), return_sequences=True),
        layers.GlobalAveragePooling1D(), layers.Dense(10),
    ])  # fmt: skip


def quantized_autoencoder(keras):
    """Images as 7x7 entries of a learned table: the gradient passes by the choice."""
    ops, layers = keras.ops, keras.layers

    class Quantizer(layers.Layer):
        def build(self, input_shape):
            self.table = self.add_weight((input_shape[-1], 128), initializer="random_uniform")

        def call(self, x):
            flat = ops.reshape(x, (-1, x.shape[-1]))
            lengths = ops.sum(self.table**2, axis=0)
            nearest = ops.argmin(lengths - 2 * ops.matmul(flat, self.table), axis=1)
            found = ops.take(ops.transpose(self.table), nearest, axis=0)
            found = ops.reshape(found, ops.shape(x))
            apart = ops.mean((ops.stop_gradient(found) - x) ** 2)
            self.add_loss(0.25 * apart + ops.mean((found - ops.stop_gradient(x)) ** 2))
            return x + ops.stop_gradient(found - x)

    same = {"padding": "same", "activation": "relu"}
    return keras.Sequential([
        layers.Input((28, 28, 1)),
        layers.Conv2D(32, 3, strides=2, **same), layers.Conv2D(64, 3, strides=2, **same),
        layers.Conv2D(16, 1), Quantizer(),
        layers.Conv2DTranspose(64, 3, strides=2, **same),
        layers.Conv2DTranspose(32, 3, strides=2, **same), layers.Conv2D(1, 3, padding="same"),
    ])  # fmt: skip


@dataclass(frozen=True)
class Course:
    """A model, its batch, and its data: shape of a sample and of its target.

    Inputs below `words` are drawn where there is such a number, else normal values; targets are
    one of `classes`, or the inputs themselves.
    """

    title: str
    model: Callable
    batch: int
    shape: tuple
    target: tuple = ()
    words: int | None = None
    classes: int | None = 10

    def data(self, count):
        """Inputs and targets of `count` samples."""
        draw = np.random.default_rng(0)
        shape = (count, *self.shape)
        if self.words:
            x = draw.integers(0, self.words, shape).astype("int32")
        else:
            x = draw.standard_normal(shape, dtype=np.float32)
        if self.classes is None:
            return x, x
        return x, draw.integers(0, self.classes, (count, *self.target)).astype("int32")

    def compiled(self, keras):
        """The model with Adam and the loss of its targets."""
        model = self.model(keras)
        classes = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(), classes if self.classes else "mse")
        return model


COURSES = {
    "course_text_conv": Course("Conv1D on 200 words", text_convolution, 32, (200,), words=20_000),
    "course_text_lstm": Course("bidirectional LSTM on 200 words", text_bidirectional, 32, (200,),
                               words=20_000),
    "course_forecast": Course("two GRUs with recurrent dropout, 120 steps", forecast, 64,
                              (120, 14)),
    "course_short_series": Course("LSTM(50, relu), 24 steps", short_series, 32, (24, 8)),
    "course_video": Course("ConvLSTM2D, 8 frames of 32×32", video, 8, (8, 32, 32, 1)),
    "course_augmented": Course("CNN behind random flips and rotations, 32×32", augmented_images,
                               64, (32, 32, 3)),
    "course_autoencoder": Course("convolutional autoencoder, 28×28", autoencoder, 64, (28, 28, 1),
                                 classes=None),
    "course_u_net": Course("U-Net, 64×64", u_net, 8, (64, 64, 3), (64, 64), classes=4),
    "course_vit": Course("vision transformer, 32×32", vision_transformer, 32, (32, 32, 3)),
    "course_gpt": Course("causal language model, 128 words", language_model, 8, (128,), (128,),
                         words=5_000, classes=5_000),
    "course_efficient_net": Course("EfficientNetB0, 64×64", efficient_net, 8, (64, 64, 3)),
    "course_wave_net": Course("WaveNet, 1,024 steps", wave_net, 8, (1024, 1), (1024,),
                              classes=64),
    "course_spiking": Course("spiking neurons, 100 steps", spiking, 32, (100, 32)),
    "course_quantized": Course("autoencoder with a learned table, 28×28", quantized_autoencoder,
                               64, (28, 28, 1), classes=None),
}  # fmt: skip
